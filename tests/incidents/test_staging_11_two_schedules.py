# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The schedule of the host and that of the program both start the day's run.

Source: staging-guides#11, a static and a dynamic schedule both fire.
Protected by: one row for (account, session, slot), whose key is the instant (runs in Postgres, ledger_runs.c): whoever comes second
finds it taken."""
import pytest

from harness import Strategy, until
from harness.wall import HOURS, KEY, LIBRARY, Wall, at

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")


def test_two_specs_for_one_instant_are_one_run(make_site, tmp_path):
    tmp_path.chmod(0o755)
    wall = Wall(tmp_path, at(2026, 11, 18, 15, 20))
    both = [Strategy("static", "15:30", {"SPY": "0.5"}, early_close="shift", allocation="0.5"),
            Strategy("dynamic", "close-30m", {"SPY": "0.5"}, allocation="0.5")]
    site = make_site(sim_options=HOURS, sim_env=wall.env, env=wall.env, strategies=both).begin()
    site.daemon.stop()
    wall.set(at(2026, 11, 18, 15, 31))  # in time for both
    site.daemon.notify.forget()
    site.daemon.start().up().ready()
    until(site.runs, 20, "the run")
    row = site.run_ended(seconds=30)
    assert (row["slot_key"], row["status"], len(site.runs())) == (KEY, "completed", 1), site.runs()
    assert {m["strategy"] for m in site.sql("SELECT strategy FROM run_members WHERE status = 'ok'")} == {"static", "dynamic"}
    # One order for both, and none for the timer that starts the daemon again.
    site.daemon.stop()
    site.daemon.start().in_step()
    assert len(site.runs()) == 1 and len(site.sim.posts()) == 1
    assert site.daemon.get("/health/scheduler")["job"]["next_run_time"] > KEY
