# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A strategy that is paused after its run was claimed does not trade, before a restart or after it."""
from harness import Strategy, until

PRICES = "GET /v2/stocks/trades/latest"


def test_a_claimed_run_of_a_paused_strategy_is_missed_after_a_restart(make_site):
    site = make_site(strategies=[Strategy(weights={"SPY": "0.2"})]).begin()
    site.sim.fault(PRICES, "503", count=100000)
    run = site.run()
    until(lambda: site.sql("SELECT 1 FROM runs WHERE status = 'claimed'"), 10, "the claim")
    site.daemon.ctl("strategies", "pause", "weights", "model is broken")
    site.daemon.process.kill()
    site.sim.clear_faults()
    site.daemon.start().in_step()
    row = site.run_ended(run)
    assert row["status"] == "missed" and "model is broken" in row["detail"], row
    assert not site.sim.orders()


def test_a_run_goes_on_without_a_strategy_that_was_paused_while_it_waited(make_site):
    site = make_site(strategies=[Strategy("one", weights={"SPY": "0.2"}, allocation="0.5"),
                                 Strategy("two", weights={"TLT": "0.2"}, allocation="0.5")]).begin()
    site.sim.fault(PRICES, "503", count=100000)
    run = site.run()
    site.daemon.ctl("strategies", "pause", "one", "model is broken")
    site.sim.clear_faults()
    row = site.run_ended(run)
    assert row["status"] == "completed" and "without one" in row["detail"], row
    assert [o["symbol"] for o in site.sim.orders()] == ["TLT"]
    members = {r["strategy"]: r["status"] for r in site.sql("SELECT * FROM run_members WHERE run_id = %s", run)}
    assert members == {"one": "paused", "two": "ok"}
