# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A halt leaves no order open: cancelled, seen at the broker, timed, told; tried again when refused; gone on with after a restart."""
import pytest

from harness import TOKEN, Site, until

AUTH = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module", name="site")
def fixture_site(pg):
    one = Site(pg, halt={"cleared_within": "1s"}, risk={"duplicate_window": "1ms"})
    try:
        one.begin()
        assert order(one, "held", "buy", "3")[0] == 201
        until(lambda: [p for p in one.daemon.get("/api/v1/positions")["positions"] if p["symbol"] == "SPY"], 20, "the position")
        yield one
    finally:
        one.close()


def order(site, key, side, qty, limit=None):
    body = {"symbol": "SPY", "qty": qty, "side": side, "strategy": "weights", "client_order_id": key}
    return site.daemon.http("/api/v1/orders", "POST", body | ({"type": "limit", "limit_price": limit} if limit else {}), AUTH)


def rests(site, key, side="buy", share=0.97):
    """An order that stays open at the broker."""
    price = until(lambda: site.daemon.get("/api/prices/latest?symbol=SPY")["price"], 10, "a price")
    until(lambda: site.daemon.get("/health")["scheduler"]["execution"]["orders_open"] == 0, 10, "nothing is under way")
    limit = f"{float(price) * share:.2f}"
    status, answer = until(lambda: (lambda a: a if a[0] != 503 else None)(order(site, key, side, "1", limit)), 20, "an answer")
    assert status == 201, answer
    until(lambda: at_broker(site, key) in ("new", "accepted"), 10, "it rests")


def at_broker(site, key):
    return [o["status"] for o in site.sim.orders() if o["client_order_id"] == key][0]


def halt(site):
    return site.daemon.get("/api/v1/halt")["halt"]


def cleared(site):
    return until(lambda: (lambda o: o if o["state"] == "cleared" else None)(halt(site)["orders"]), 20, "no order is open")


def release(site):
    token = site.daemon.ctl_json("release", "request", "tested")["code"]
    site.daemon.ctl("release", "confirm", token)
    until(lambda: halt(site)["state"] == "running" and halt(site)["orders"]["state"] == "none", 10, "running")


def decided(site):
    return site.sql("SELECT detail FROM decisions WHERE kind = 'halt' AND answer = 'cleared' ORDER BY decision_key")


def test_what_is_open_is_cancelled_and_timed(site):
    rests(site, "resting")
    site.daemon.ctl("halt", "too", "much")
    told = cleared(site)
    assert at_broker(site, "resting") == "canceled"
    assert told["open"] == 0 and told["cancelled"] == 1 and told["not_ours"] == 0 and 0 < told["seconds"] < 60, told
    row = until(lambda: decided(site), 10, "it is recorded")[-1]
    assert f"halted: 1 open orders cancelled; the broker has none of ours {told['seconds']:.3f} s after it" == row["detail"], (row, told)
    assert site.daemon.metric("paperguard_halt_cleared_seconds") == pytest.approx(told["seconds"], abs=0.001)
    assert site.daemon.metric("paperguard_halt_open_orders") == 0
    assert "1 open orders were cancelled" in site.daemon.ctl("status")
    release(site)


def test_reduce_only_lets_what_reduces_rest(site):
    rests(site, "sells", "sell", 1.03)
    site.daemon.ctl("halt", "careful", "--reduce-only")
    assert cleared(site)["cancelled"] == 0
    assert at_broker(site, "sells") in ("new", "accepted")
    site.daemon.ctl("halt", "now", "all")
    until(lambda: at_broker(site, "sells") == "canceled", 20, "the full halt takes it too")
    release(site)


def test_a_refused_cancel_is_tried_again_over_a_restart_and_told(site):
    rests(site, "stubborn")
    site.sim.fault("DELETE /v2/orders/*", "status", status=500, code=50010000, count=100000)
    site.daemon.ctl("halt", "stop")
    until(lambda: site.sql("SELECT 1 FROM alerts WHERE kind = 'halt_orders_open'"), 20, "the alert")
    assert halt(site)["orders"]["state"] == "cancelling" and halt(site)["orders"]["open"] == 1
    assert site.daemon.metric("paperguard_halt_open_orders") == 1
    before = len(decided(site))
    site.daemon.process.kill()
    site.daemon.notify.forget()
    site.daemon.start().up().ready()
    until(lambda: halt(site)["orders"]["open"] == 1, 20, "the next life knows of it")
    site.sim.clear_faults()
    told = cleared(site)
    assert at_broker(site, "stubborn") == "canceled" and told["cancelled"] == 1 and told["seconds"] > 1, told
    until(lambda: len(decided(site)) == before + 1, 10, "it is recorded")
    site.daemon.in_step()
    release(site)


def test_a_cancel_that_is_lost_is_tried_again(site):
    rests(site, "lost")
    site.sim.fault("DELETE /v2/orders/*", "drop_before", count=1)
    site.daemon.ctl("halt", "stop")
    cleared(site)
    assert at_broker(site, "lost") == "canceled"
    release(site)


def test_more_orders_than_a_page_of_the_list_has(site):
    limit = f"{float(site.daemon.get('/api/prices/latest?symbol=SPY')['price']) * 0.5:.2f}"
    body = {"symbol": "SPY", "qty": "1", "side": "buy", "type": "limit", "time_in_force": "day", "limit_price": limit}
    made = [site.sim.call("POST", "/v2/orders", body | {"client_order_id": f"theirs-{i}"})["id"] for i in range(501)]
    site.daemon.ctl("halt", "stop")
    told = cleared(site)
    assert told["not_ours"] == len(made) and told["cancelled"] == 0, told
