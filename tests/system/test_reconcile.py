# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Ledger and exchange are compared while the daemon runs, over restarts and crashes, and beside orders that stay open."""
from harness import TOKEN, Strategy, until

AUTH = {"Authorization": f"Bearer {TOKEN}"}


def rests(site, **more):
    """An order over HTTP that stays open: far below the market, good till cancelled."""
    status, told = site.daemon.http("/api/v1/orders", "POST", {"client_order_id": "rests", "symbol": "IEF", "side": "buy", "qty": "1",
                                    "type": "limit", "limit_price": "115", "time_in_force": "gtc", **more}, AUTH)
    assert status in (201, 202), told
    until(lambda: site.sim.get("/v2/orders?status=open"), 20, "it rests")


def test_a_run_settles_beside_an_order_that_stays_open(make_site):
    site = make_site().begin()
    rests(site)
    row = site.run_whole()
    assert row["status"] == "completed" and row["settled"], row
    assert [o["client_order_id"] for o in site.sim.get("/v2/orders?status=open")] == ["rests"]
    site.daemon.stop()
    site.daemon.start().in_step()
    assert site.run_whole()["settled"]


def test_an_order_of_a_run_that_is_over_is_cancelled_over_a_crash(make_site):
    """Its order arrived and nobody answered; its run's deadline came, and then a kill. The next life cancels it when it turns up."""
    slow = ("--no-rate-limit", "--partial-rate", "0", "--fill-delay-ms", "3600000", "--seed", "7")
    site = make_site(sim_options=slow, strategies=[Strategy(weights={"SPY": "0.3"})], schedule={"run_deadline": "2s"})
    site.sim.call("POST", "/sim/symbol", {"symbol": "SPY", "fractionable": False})  # parts of shares fill at once
    site.begin()
    site.sim.fault("POST /v2/orders", "drop_after_accept")
    site.sim.fault("GET /v2/orders*", "503", count=100000)
    site.daemon.cli("run")
    until(lambda: "deadline reached" in site.daemon.text(), 20, "its deadline")
    site.daemon.process.kill()
    site.sql("UPDATE runs SET status = 'partial', completed_at = clock_timestamp()")  # or half a minute later, by the daemon itself
    site.sim.clear_faults()
    assert [o["status"] for o in site.sim.orders()] == ["new"], site.sim.orders()
    site.daemon.start().in_step()
    until(lambda: [o["status"] for o in site.sim.orders()] == ["canceled"], 20, "it is cancelled")
    until(lambda: site.sql("SELECT status FROM orders") == [{"status": "canceled"}], 20, "and followed to its end")
