# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The lookup of duplicates fails and the order goes on; the broker's clock fails and the market counts as open; a cap is missing
and the breaker is off.

Source: staging-guides#5, errors are taken for leave.
Protected by: the guard's rows clock and calendar, which deny while UNKNOWN; the desk, which sends nothing whose intent Postgres has
not committed; options, which have a figure or stop the start."""
import pytest

from acts import place, placed, table
from harness import until


def test_no_lookup_no_order(make_site, pg):
    site = make_site().begin()
    placed(site, "known")
    pg.halt()
    try:
        for name in ("known", "unknown"):
            assert place(site, name, "2")[0] in (202, 409, 503), "neither an order nor a duplicate"
        assert site.daemon.http("/health")[0] == 503 and len(site.sim.posts()) == 1
    finally:
        pg.start()
    site.daemon.in_step(60)
    assert place(site, "known", "2")[:2] == (409, "client_order_id")
    assert [o["client_order_id"] for o in site.sim.orders()].count("known") == 1


@pytest.mark.parametrize("path,row", [("clock", "clock"), ("calendar*", "calendar")])
def test_nobody_says_that_the_market_is_open(make_site, path, row):
    site = make_site()
    site.sim.fault(f"GET /v2/{path}", "status", status=503, count=1000000)
    site.daemon.db_init()
    site.daemon.start().up()
    needed = {"account_number", "account_first", "database_marker", "leader"} | ({"clock"} if row == "calendar" else set())
    until(lambda: all(table(site)[name][0] == "PASS" for name in needed), 20, "all the rest")
    assert table(site)[row][0] == "UNKNOWN"
    status, code, answer = place(site, "open?")
    assert status >= 400 and code == row, answer
    assert site.daemon.cli("run").returncode != 0 and not site.sim.posts() and not site.daemon.notify.has("READY=1")


@pytest.mark.parametrize("value", ["", "0", "none", "-1"])
def test_a_cap_that_is_not_there_stops_the_start(refused, value):
    assert "max_daily_loss" in refused(breaker={"max_daily_loss": value})


def test_a_cap_that_is_not_configured_holds(make_site):
    site = make_site().begin()
    assert site.daemon.get("/api/v1/config")["circuit_breaker_enabled"] is True
    shown = {(o["section"], o["key"]): o["value"] for o in site.daemon.ctl_json("config", "show")["options"]}
    assert shown["breaker", "max_daily_loss"] == "0.05" and shown["risk", "max_orders_per_day"] == "1000"
