# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Orders over HTTP, from the request to the exchange and the ledger: placed once, refused with the code of the rule, cancelled,
and told whole by their audit."""
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from harness import TOKEN, Site, Strategy, until

AUTH = {"Authorization": f"Bearer {TOKEN}"}
PATH = "/api/v1/orders"


@pytest.fixture(scope="module", name="open_site")
def fixture_open_site(pg):
    site = Site(pg)
    try:
        yield site.begin()
    finally:
        site.close()


def post(site, body, **more):
    return site.daemon.http(PATH, "POST", {**body, **more}, AUTH)


def ended(site, order_id):
    return until(lambda: (lambda o: o if o["status"] in ("filled", "canceled", "denied") else None)(
        site.daemon.get(f"{PATH}/{order_id}")), 20, f"the end of {order_id}")


def test_placed_once_and_filled(open_site):
    site = open_site
    body = {"client_order_id": "desk:1", "symbol": "SPY", "side": "buy", "qty": "3", "strategy": "weights"}
    status, answer = site.daemon.http(PATH, "POST", body, {**AUTH, "X-Request-Id": "trace-77"})
    assert status == 201 and answer["client_order_id"] == "desk:1" and answer["created"] is True, answer
    assert post(site, body)[0] == 200
    status, other = post(site, body, qty="4")
    assert status == 409 and other["code"] == "client_order_id", other
    row = ended(site, "desk:1")
    assert row["status"] == "filled" and row["filled_qty"] == "3" and row["run_id"] is None
    assert float(row["expected_price"]) > 0 and row["bid"] and row["ask"] and row["quote_at"] and row["price_at"]
    assert len([o for o in site.sim.orders() if o["client_order_id"] == "desk:1"]) == 1
    until(lambda: site.sql("SELECT 1 FROM fills WHERE client_order_id = 'desk:1'"), 20, "its fill")
    until(lambda: [p for p in site.daemon.get("/api/v1/positions")["positions"]
                   if (p["book"], p["symbol"], p["qty"]) == ("weights", "SPY", "3")], 20, "the book of its strategy")
    audit = site.daemon.get(f"{PATH}/desk:1/audit")
    assert [e["status"] for e in audit["events"]][-1] == "filled" and audit["request"]["qty"] == "3"
    assert audit["fills"][0]["qty"] and audit["decisions"][0]["kind"] == "operator"
    assert audit["decisions"][0]["detail"] == "127.0.0.1, request trace-77"
    asked = [line for line in site.daemon.text().split("\n") if "order desk:1 is asked for" in line]
    assert len(asked) == 1 and "REQUEST_ID=trace-77" in asked[0] and "SYMBOL=SPY" in asked[0], asked
    assert site.daemon.metric("paperguard_http_request_duration_seconds_count", path="/api/v1/orders") >= 3
    assert site.daemon.get(f"{PATH}/{row['order_id']}")["client_order_id"] == "desk:1"


def test_the_same_id_after_a_restart(open_site):
    site = open_site
    body = {"client_order_id": "again", "symbol": "SPY", "side": "buy", "qty": 1}
    assert post(site, body)[0] == 201
    ended(site, "again")
    site.daemon.stop()
    site.daemon.start().in_step()
    status, answer = post(site, body)
    assert status == 200 and answer["duplicate"] is True and answer["status"] == "filled"
    assert post(site, body, side="sell")[0] == 409
    assert len([o for o in site.sim.orders() if o["client_order_id"] == "again"]) == 1


def test_without_an_id_a_forgotten_refusal_is_no_second_order(open_site):
    site, body = open_site, {"symbol": "GLD", "side": "buy", "qty": "2"}
    site.sim.fault("GET /v2/stocks/trades/latest", "503")
    site.sim.fault("GET /v2/stocks/quotes/latest", "503")
    status, answer = post(site, body)
    assert (status, answer["code"]) == (422, "price_known"), answer
    site.sim.clear_faults()
    status, placed = post(site, body)
    assert status == 201, placed
    order_id = placed["client_order_id"]
    assert post(site, body)[1]["client_order_id"] == order_id
    until(lambda: site.sql("SELECT 1 FROM fills WHERE client_order_id = %s", order_id), 20, "its fill")
    site.daemon.stop()
    site.daemon.start().in_step()
    status, again = post(site, body)
    assert (status, again["client_order_id"], again.get("duplicate")) == (200, order_id, True), again
    assert len([o for o in site.sim.orders() if o["symbol"] == "GLD"]) == 1


@pytest.mark.parametrize("body,code", [
    ({"symbol": "SPY", "side": "buy", "qty": "100000"}, "order_notional"),
    ({"symbol": "SPY", "side": "sell", "qty": "5000"}, "long_only"),
    ({"symbol": "NOSUCH", "side": "buy", "qty": "1"}, "tradable"),
    ({"symbol": "SPY", "side": "buy", "qty": "1", "type": "limit", "limit_price": "1.00"}, "price_collar"),
])
def test_risk_refuses_with_its_code(open_site, body, code):
    status, answer = post(open_site, body, client_order_id=f"no-{code}")
    assert status == 422 and answer["code"] == code and answer["order"]["status"] == "denied", answer
    assert not [o for o in open_site.sim.orders() if o["client_order_id"] == f"no-{code}"]
    audit = until(lambda: (lambda a: a if len(a[1].get("decisions", [])) == 2 else None)(
        open_site.daemon.http(f"{PATH}/no-{code}/audit")), 10, "its decisions")[1]
    assert audit["status"] == "denied" and audit["events"] == [] and audit["decisions"][1]["rule"] == code


def test_cancelled(open_site):
    site = open_site
    price = site.daemon.get("/api/prices/latest?symbol=SPY")["price"]
    limit = f"{float(price) * 0.97:.2f}"
    body = {"client_order_id": "rest", "symbol": "SPY", "side": "buy", "qty": "1", "type": "limit", "limit_price": limit}
    status, answer = post(site, body)
    assert status == 201 and answer["status"] in ("new", "accepted", "pending_new"), answer
    assert site.daemon.http(f"{PATH}/rest", "DELETE")[0] == 401
    status, answer = site.daemon.http(f"{PATH}/rest", "DELETE", headers=AUTH)
    assert status == 202 and answer["cancel_requested"] is True, answer
    assert ended(site, "rest")["status"] == "canceled"
    status, answer = site.daemon.http(f"{PATH}/rest/cancel", "POST", headers=AUTH)
    assert status == 409 and answer["code"] == "not_open", answer
    assert site.daemon.http(f"{PATH}/nosuch", "DELETE", headers=AUTH)[0] == 404


def test_an_open_order_over_a_crash(make_site):
    site = make_site().begin()
    site.daemon.get("/api/v1/prices")
    price = until(lambda: site.daemon.get("/api/prices/latest?symbol=SPY")["price"], 10, "a price")
    body = {"client_order_id": "rest", "symbol": "SPY", "side": "buy", "qty": "1", "type": "limit", "limit_price": f"{float(price) * 0.97:.2f}"}
    assert post(site, body)[0] == 201
    site.daemon.process.kill()
    site.daemon.start().in_step()
    status, answer = post(site, body)
    assert status == 200 and answer["duplicate"] is True
    assert [o["client_order_id"] for o in site.daemon.get(f"{PATH}?status=open")["orders"]] == ["rest"]
    assert site.daemon.get("/health")["scheduler"]["execution"]["orders_open"] == 1
    row = site.daemon.get(f"{PATH}/rest")
    assert site.daemon.http(f"{PATH}/{row['order_id']}", "DELETE", headers=AUTH)[0] == 202, "by the broker's id"
    assert ended(site, "rest")["status"] == "canceled"
    assert len(site.sim.posts()) == 1


def test_a_crowd_with_one_id_places_one_order(make_site):
    site = make_site().begin()
    body = {"client_order_id": "crowd", "symbol": "SPY", "side": "buy", "qty": "1"}
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: post(site, body, qty="2" if n == 15 else "1"), range(16)))
    codes = sorted(status for status, _ in answers)
    assert codes.count(201) == 1 and set(codes) <= {200, 201, 409}, answers
    assert len(site.sim.posts()) == 1
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: post(site, body, client_order_id=f"one-of-{n}", qty=f"1.{n + 1:02}"), range(40)))
    assert [status for status, _ in answers] == [201] * 40
    until(lambda: len(site.sql("SELECT 1 FROM fills")) == 41, 20, "all fills")
    assert len({o["client_order_id"] for o in site.sim.orders()}) == len(site.sim.posts()) == 41


def test_orders_beside_a_run(make_site):
    # A fill that is seen in the positions before its order tells of it counts twice for that moment: weights leave room.
    site = make_site(strategies=[Strategy(weights={s: "0.1" for s in ("SPY", "TLT", "GLD", "QQQ")})]).begin()
    run_id = site.run()
    answers = [post(site, {"client_order_id": f"beside-{n}", "symbol": "SPY", "side": "buy", "qty": f"{n + 1}"}) for n in range(5)]
    assert [status for status, _ in answers] == [201] * 5, answers
    row = site.run_ended(run_id)
    assert row["status"] == "completed" and row["orders_accepted"] == 4, row
    until(lambda: len(site.sql("SELECT 1 FROM fills")) == 9, 20, "all fills")
    books = {(p["book"], p["symbol"]): p["qty"] for p in site.daemon.get("/api/v1/positions")["positions"]}
    assert books[("unassigned", "SPY")] == "15" and len(books) == 5
    held = {p["symbol"]: Decimal(p["qty"]) for p in site.sim.get("/v2/positions")}
    assert held["SPY"] == Decimal(books[("weights", "SPY")]) + 15
    site.daemon.in_step()


def test_nothing_goes_out_under_a_halt(make_site):
    site = make_site().begin()
    body = {"client_order_id": "halted", "symbol": "SPY", "side": "buy", "qty": "1"}
    assert site.daemon.http("/api/v1/halt", "POST", {"reason": "drill"}, AUTH)[0] == 200
    status, answer = post(site, body)
    assert status == 403 and answer["code"] == "halt" and "drill" in answer["detail"], answer
    assert not site.sim.posts() and not site.sql("SELECT 1 FROM intents")
    code = site.daemon.ctl_json("release", "request", "drill is over")["code"]
    site.daemon.ctl("release", "confirm", code)
    until(lambda: site.daemon.get("/health")["status"] == "healthy", 10, "released")
    assert post(site, body)[0] == 201, "the id was not used up"


def test_recorded_only(make_site):
    site = make_site(orders={"mode": "record"}).begin()
    status, answer = post(site, {"client_order_id": "paper", "symbol": "SPY", "side": "buy", "qty": "1"})
    assert status == 201 and answer["status"] == "dry_run" and answer["orders_text"] == "RECORDED ONLY", answer
    assert not site.sim.posts()


def test_an_unanswered_order_is_unknown(make_site):
    site = make_site().begin()
    site.sim.fault("POST /v2/orders", "drop_after_accept")
    status, answer = post(site, {"client_order_id": "lost", "symbol": "SPY", "side": "buy", "qty": "1"})
    assert status == 202 and answer["status"] == "unknown", answer
    site.sim.clear_faults()
    assert ended(site, "lost")["status"] == "filled"
    assert len([o for o in site.sim.orders() if o["client_order_id"] == "lost"]) == 1
