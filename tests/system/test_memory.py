# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""What a run leaves behind in memory: nothing, once what is remembered of earlier runs is full. The heap is counted by the
allocator, so that neither fragments nor pages kept for later blur it; `make bench` shows the pages."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
import memory  # noqa: E402

KEPT_ORDERS = 200  # ENDED_KEPT_MAX of the desk
RUNS = 60
BOUND = 1500  # bytes for one run; small free pieces that the allocator holds ready count as used, and grow for a while


def test_a_run_leaves_nothing_behind(make_site):
    site = make_site(sim_options=memory.SIM, **memory.DAEMON).begin()
    if not memory.heap(site):
        pytest.skip("this allocator does not count")
    while site.sql("SELECT count(*) AS n FROM orders")[0]["n"] < KEPT_ORDERS + 20:
        memory.one_run(site)
    before = memory.heap(site)
    for _ in range(RUNS):
        memory.one_run(site)
    grown = (memory.heap(site) - before) / RUNS
    assert grown < BOUND, f"{grown:.0f} bytes for each of {RUNS} runs"
    assert site.sql("SELECT count(*) AS n FROM runs WHERE NOT settled")[0]["n"] == 0
    print(f"{grown:.0f} bytes for each of {RUNS} runs")
