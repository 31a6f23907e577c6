# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Every run orders its whole target, as if nothing were held.

Source: staging-guides#10, the full target is ordered in every run.
Protected by: the planner orders target less the strategy's own book (lib/trade/planner.c), and no run starts before books and broker
agree."""
from decimal import Decimal

from acts import filled
from harness import Strategy


def test_a_second_run_orders_the_difference(make_site):
    site = make_site(strategies=[Strategy(weights={"SPY": "0.3", "TLT": "0.2"}, band="0.02")]).begin()
    filled(site, "by-hand", "10", symbol="GLD")
    assert site.run_whole()["orders_submitted"] == 2
    held = {p["symbol"]: Decimal(p["qty"]) for p in site.sim.get("/v2/positions")}
    for _ in range(2):
        row = site.run_whole()
        assert row["status"] == "completed" and row["orders_submitted"] == 0, row
    site.daemon.stop()
    site.daemon.start().in_step()
    assert site.run_whole()["orders_submitted"] == 0
    assert {p["symbol"]: Decimal(p["qty"]) for p in site.sim.get("/v2/positions")} == held and held["GLD"] == 10
    assert len(site.sim.posts()) == 3
