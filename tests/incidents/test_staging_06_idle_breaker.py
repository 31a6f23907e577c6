# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""There is a breaker, and nothing ever trips it; there are metrics, and nothing ever counts in them.

Source: staging-guides#6, a breaker nobody trips and metrics nobody increments.
Protected by: breaker_rows (lib/trade), looked at with each account that is read (main_breaker.c); the self-test, which fires every
row at the start."""
from acts import filled, halted, place
from harness import until


def test_a_loss_trips_it_and_is_counted(make_site):
    site = make_site(broker={"compare_interval": "500ms"}, risk={"max_order_share": "0.9", "max_position_share": "0.9"}).begin()
    assert site.daemon.get("/health")["self_test"]["passed"] is True and site.daemon.metric("paperguard_self_test_passed") == 1
    filled(site, "in", "150")
    assert place(site, "twice", "150")[1] is not None
    assert site.daemon.metric("paperguard_breaker_trips_total", row="daily_loss") == 0
    assert site.daemon.metric("paperguard_breaker_tripped") == 0
    price = float(site.sim.get("/v2/positions")[0]["current_price"])
    site.sim.call("POST", "/sim/price", {"symbol": "SPY", "price": f"{price * 0.9:.2f}"})
    halted(site, "breaker:daily_loss")
    assert site.daemon.metric("paperguard_breaker_trips_total", row="daily_loss") == 1
    until(lambda: site.daemon.metric("paperguard_breaker_tripped") == 1, 10, "the gauge")
    assert site.daemon.metric("paperguard_daily_loss_ratio") > 0.05
    assert place(site, "out", "150", side="sell")[:2] == (403, "halt")
    until(lambda: site.sql("SELECT 1 FROM alerts WHERE kind = 'breaker'"), 20, "the alert")
    assert len(site.sim.posts()) == 1
    assert site.sql("SELECT rule FROM decisions WHERE kind = 'breaker'")[0]["rule"] == "daily_loss"
