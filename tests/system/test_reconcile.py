# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Ledger and exchange are compared while the daemon runs, over restarts and crashes, and beside orders that stay open."""
from harness import TOKEN, until

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
