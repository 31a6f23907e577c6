# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The circuit breaker on real parts: losses, drawdown, prices that stay away, a broker that fails, the same execution over and over."""
from decimal import Decimal

import pytest
from harness import TOKEN, until

AUTH = {"Authorization": f"Bearer {TOKEN}"}
OFTEN = {"compare_interval": "500ms", "poll_interval": "100ms"}


def place(site, name, qty="1", symbol="SPY", side="buy"):
    status, answer = site.daemon.http("/api/v1/orders", "POST", {"client_order_id": name, "symbol": symbol, "side": side, "qty": qty}, AUTH)
    return status, answer.get("code")


def halt(site):
    return site.daemon.http("/health")[1]["halt"]


def held(site, qty):
    assert place(site, "first", qty)[0] == 201
    until(lambda: site.sim.get("/v2/positions"), 10, "the position")
    until(lambda: site.sql("SELECT 1 FROM fills"), 10, "its fill")
    return Decimal(site.sim.get("/v2/positions")[0]["current_price"])


def move(site, price):
    site.sim.call("POST", "/sim/price", {"symbol": "SPY", "price": str(price.quantize(Decimal("0.01")))})


def tripped(site, row):
    told = until(lambda: (lambda h: h if h["state"] == "halted" else None)(halt(site)), 15, "the breaker")
    assert told["detail"].startswith(f"breaker:{row}: ") and told["detail"].endswith("(breaker)"), told
    alerts = until(lambda: site.sql("SELECT subject, detail FROM alerts WHERE kind = 'breaker'"), 10, "the alert")
    assert [a["subject"] for a in alerts] == [row]
    assert until(lambda: site.sql("SELECT rule FROM decisions WHERE kind = 'breaker'"), 10, "the decision")[0]["rule"] == row
    assert site.daemon.metric("paperguard_breaker_trips_total", row=row) == 1 and site.daemon.metric("paperguard_breaker_tripped") == 1
    assert place(site, "while-tripped", "1.5") == (403, "halt")


def release(site):
    code = site.daemon.ctl_json("release", "request", "looked at")["code"]
    site.daemon.ctl("release", "confirm", code)
    until(lambda: halt(site)["state"] == "running", 10, "released")
    until(lambda: site.daemon.metric("paperguard_breaker_tripped") == 0, 10, "begun anew")


def test_a_loss_halts_across_a_restart_until_it_is_released(make_site):
    site = make_site(broker=OFTEN, risk={"max_order_share": "0.9", "max_position_share": "0.9"}).begin()
    assert site.daemon.get("/api/v1/config")["circuit_breaker_enabled"] is True
    price = held(site, "150")
    move(site, price * Decimal("0.99"))
    until(lambda: site.daemon.metric("paperguard_daily_loss_ratio") > 0.003, 10, "the loss")
    assert halt(site)["state"] == "running"
    move(site, price * Decimal("0.9"))
    tripped(site, "daily_loss")
    site.daemon.stop()
    site.daemon.start().up()
    site.daemon.in_step()
    assert "breaker:daily_loss: " in halt(site)["detail"]
    release(site)
    assert place(site, "after", "2")[0] == 201, "the loss is measured anew"
    assert len(site.sql("SELECT 1 FROM alerts WHERE kind = 'breaker'")) == 1


def test_a_drawdown_from_the_highest(make_site):
    site = make_site(broker=OFTEN, risk={"max_order_share": "0.9", "max_position_share": "0.9"},
                     breaker={"max_daily_loss": "1", "max_drawdown": "0.05"}).begin()
    price = held(site, "150")
    move(site, price * Decimal("1.2"))
    until(lambda: site.sql("SELECT 1 FROM breaker_marks WHERE high_water > 105000"), 10, "the mark")
    site.daemon.stop()
    move(site, price * Decimal("1.05"))  # above what the day began with
    site.daemon.start().up()
    tripped(site, "drawdown")


def test_prices_that_stay_away(make_site):
    site = make_site(broker=OFTEN, breaker={"stale_orders": "3"}).begin()
    for path in ("trades", "quotes"):
        site.sim.fault(f"GET /v2/stocks/{path}/latest*", "html", status=500, count=1000)
    for n in range(3):
        assert place(site, f"blind-{n}", f"{n + 1}") == (422, "price_known")
    tripped(site, "stale_data")


def test_a_broker_that_fails(make_site):
    site = make_site(broker=OFTEN | {"stream": "off"}, breaker={"broker_errors_for": "2s", "broker_calls": "1"}).begin()
    price = held(site, "1")
    resting = {"client_order_id": "rests", "symbol": "SPY", "side": "buy", "qty": "2", "type": "limit",
               "limit_price": str((price * Decimal("0.97")).quantize(Decimal("0.01")))}
    assert site.daemon.http("/api/v1/orders", "POST", resting, AUTH)[0] == 201  # asked for all the time
    site.sim.fault("GET /v2/*", "html", status=500, rate="1")
    until(lambda: halt(site)["state"] == "halted", 15, "the breaker")
    site.sim.clear_faults()
    site.daemon.in_step()
    tripped(site, "broker_errors")


@pytest.mark.parametrize("window,trips", [("10m", True), ("1ms", False)])
def test_the_same_execution_over_and_over(make_site, window, trips):
    site = make_site(broker=OFTEN, risk={"duplicate_window": "1ms"}, breaker={"alike_executions": "3", "alike_window": window}).begin()
    for n in range(3):
        assert place(site, f"again-{n}", "1") == (201, None)
        until(lambda n=n: len(site.sql("SELECT 1 FROM fills")) == n + 1, 10, "the fill")
    if trips:
        tripped(site, "alike_executions")
    else:
        assert place(site, "other", "2")[0] == 201


def test_the_same_order_again_is_denied_within_its_window(make_site):
    site = make_site(broker=OFTEN, risk={"duplicate_window": "10m"}).begin()
    assert place(site, "one")[0] == 201
    assert place(site, "two") == (422, "duplicate")
    assert place(site, "three", "2")[0] == 201
    assert len(site.sim.posts()) == 2
