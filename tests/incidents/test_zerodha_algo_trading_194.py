# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Entries are guarded, and a way out is not: an exit goes to the live account.

Source: anandaanv/zerodha-algo-trading#194, the exit path leaks live orders.
Protected by: every request needs a permit for the very host (guard_check_request_host), exits and cancels as well; redirects are
not followed; a daemon that may not start does not start to close positions either."""
from acts import AUTH, filled, place, placed, price_of
from harness import Strategy, until


def test_every_way_out_ends_at_paper(at_paper, live):
    site = at_paper(strategies=[Strategy(weights={"SPY": "0.1"})], risk={"duplicate_window": "1ms"}).begin()
    site.run_whole()
    filled(site, "more", "3")
    # By an order that sells, by one that waits and is cancelled, and by what reduces under a halt.
    filled(site, "out", "1", side="sell")
    placed(site, "rests", "1", side="sell", type="limit", limit_price=f"{price_of(site) * 1.03:.2f}")
    assert site.daemon.http("/api/v1/orders/rests", "DELETE", headers=AUTH)[0] == 202
    until(lambda: site.sql("SELECT 1 FROM orders WHERE client_order_id = 'rests' AND status = 'canceled'"), 20, "cancelled")
    assert "reduce only" in site.daemon.ctl("halt", "out of here", "--reduce-only")
    filled(site, "out-reduced", "2", side="sell")
    # All of them are paper's, and no more than these.
    sold = [p["body"]["client_order_id"] if isinstance(p.get("body"), dict) else None for p in site.sim.posts()]
    assert len(sold) == 5 == live.front.orders, sold
    assert {o["status"] for o in site.sim.orders()} == {"filled", "canceled"}


def test_an_exit_that_is_sent_on_is_not_followed(at_paper, live):
    site = at_paper().begin()
    filled(site, "in", "2")
    live.front.moved = b"https://api.alpaca.markets/v2/orders"
    status, _, answer = place(site, "out", "2", side="sell")
    assert live.front.orders == 2 and len(site.sim.posts()) == 1 and status != 201, answer
    live.front.moved = None
    assert [p["qty"] for p in site.sim.get("/v2/positions")] == ["2"]


def test_a_position_is_no_reason_to_start(at_paper, live):
    """What holds positions and is turned to live exits nothing: it does not run."""
    site = at_paper().begin()
    filled(site, "in", "2")
    site.daemon.stop()
    site.daemon.env["ALPACA_ENDPOINT"] = "https://api.alpaca.markets"
    asked = len(site.sim.requests())
    assert site.daemon.start().exit() == 78
    assert len(site.sim.requests()) == asked and live.front.orders == 1
