# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""An order runs into a timeout, is marked failed, and what was reserved for it is free: the next one is bought as well.

Source: staging-guides#8, a timeout is marked failed and its reservation released.
Protected by: an order without an answer is UNKNOWN (desk.c) and keeps its exposure (exposure.c) until the broker tells."""
from acts import place
from harness import until


def test_what_is_unknown_stays_reserved(make_site):
    site = make_site(broker={"request_timeout": "1s"}).begin()
    site.sim.fault("POST /v2/orders", "drop_after_accept")
    site.sim.fault("GET /v2/orders*", "status", status=503, count=1000000)
    site.sim.fault("GET /v2/positions*", "status", status=503, count=1000000)
    price = float(until(lambda: site.daemon.get("/api/prices/latest?symbol=SPY")["price"], 10, "a price"))
    shares = str(int(40000 / price))
    status, _, answer = place(site, "lost", shares)
    assert (status, answer["status"]) == (202, "unknown"), answer
    status, code, answer = place(site, "next", str(int(shares) - 1))
    assert status == 422 and code in ("position_share", "account_known"), answer
    site.sim.clear_faults()
    until(lambda: site.sql("SELECT 1 FROM orders WHERE client_order_id = 'lost' AND status = 'filled'"), 30, "found")
    assert len(site.sim.posts()) == 1 and [o["qty"] for o in site.sim.orders()] == [shares]
    assert place(site, "next", str(int(shares) - 1))[:2] in ((422, "position_share"), (200, None))
