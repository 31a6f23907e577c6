# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""An order is sent, and nobody ever asks what became of it.

Source: staging-guides#17, fills are never fetched.
Protected by: reconcile reads the broker's activities while orders are open, after each start and on a timer (reconcile_fills.c); the
order stream is not needed for it."""
from decimal import Decimal

import pytest

from acts import placed, price_of
from harness import until


@pytest.mark.parametrize("stream", ["on", "off"])
def test_a_fill_while_nobody_looked(make_site, stream):
    site = make_site(broker={"stream": stream}).begin()
    price = price_of(site)
    placed(site, "rests", "3", type="limit", limit_price=f"{price * 0.98:.2f}")
    site.daemon.process.kill()
    site.sim.call("POST", "/sim/price", {"symbol": "SPY", "price": f"{price * 0.97:.2f}"})
    until(lambda: [o["status"] for o in site.sim.orders()] == ["filled"], 20, "the fill at the exchange")
    assert not site.sql("SELECT 1 FROM fills")
    site.daemon.start().in_step()
    until(lambda: site.sql("SELECT 1 FROM fills"), 20, "the fill in the ledger")
    ours = [(f["activity_id"], f["qty"]) for f in site.sql("SELECT activity_id, qty FROM fills")]
    assert ours == [(f["id"], Decimal(f["qty"])) for f in site.sim.fills()]
    assert site.sql("SELECT status FROM orders")[0]["status"] == "filled" and len(site.sim.posts()) == 1
    assert [p["qty"] for p in site.daemon.get("/api/v1/positions")["positions"]] == ["3"]
