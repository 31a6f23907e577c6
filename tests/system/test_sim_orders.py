# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# Orders of paperguard-sim over its socket: every type, class and time in force, replacing, closing, listing with all
# filters, and the refusals with code, message, status and further members.
import json

import pytest
from test_sim import NUMBER, ORDER, UUID, WHEN, sim, start  # noqa: F401  the fixtures


def check_order(o, legs=0):
    assert sorted(o) == sorted(ORDER)
    assert UUID.match(o["id"]) and UUID.match(o["asset_id"]) and o["asset_class"] == "us_equity"
    for name in "created_at updated_at submitted_at".split():
        assert WHEN.match(o[name]), name
    for name in "filled_at expired_at expires_at canceled_at failed_at replaced_at".split():
        assert o[name] is None or WHEN.match(o[name]), name
    for name in "replaced_by replaces".split():
        assert o[name] is None or UUID.match(o[name]), name
    for name in "notional qty filled_qty filled_avg_price limit_price stop_price trail_percent trail_price hwm".split():
        assert o[name] is None or NUMBER.match(o[name]), name
    assert o["type"] == o["order_type"] and isinstance(o["extended_hours"], bool)
    assert o["subtag"] is None and o["source"] is None
    if legs:
        assert len(o["legs"]) == legs
        for leg in o["legs"]:
            check_order(leg)
    else:
        assert o["legs"] is None


def until(sim, order, status):
    return sim.wait(lambda: next((o for o in [sim.get("/v2/orders/" + order["id"])] if o["status"] == status), None))


def bought(sim, qty, symbol="SPY"):
    return sim.filled(sim.order(qty=qty, symbol=symbol))


def exits(profit, loss, **more):
    return {"take_profit": {"limit_price": profit}, "stop_loss": {"stop_price": loss}, **more}


def test_every_type_shows_its_prices(sim):
    sim.fix("SPY", "300")
    bought(sim, "10")
    for members, shown in (
            ({"type": "stop", "stop_price": "290"}, {"stop_price": "290", "limit_price": None}),
            ({"type": "stop_limit", "stop_price": "290", "limit_price": 289.5}, {"stop_price": "290", "limit_price": "289.5"}),
            ({"type": "limit", "limit_price": "310"}, {"stop_price": None, "limit_price": "310"}),
            ({"type": "trailing_stop", "trail_price": "5"},
             {"trail_price": "5", "trail_percent": None, "hwm": "300", "stop_price": "295"}),
            ({"type": "trailing_stop", "trail_percent": "2.5"},
             {"trail_price": None, "trail_percent": "2.5", "hwm": "300", "stop_price": "292.5"})):
        o = sim.order(qty="1", side="sell", **members)
        check_order(o)
        assert o["type"] == members["type"] and {k: o[k] for k in shown} == shown
        assert o["order_class"] == "" and o["position_intent"] == "sell_to_close"
    assert sim.get("/v2/positions/SPY")["qty_available"] == "5"
    sim.fix("SPY", "289.5")
    sim.wait(lambda: len(sim.get("/v2/orders")) == 1)
    assert sim.get("/v2/positions/SPY")["qty"] == "6"


def test_times_in_force(sim):
    sim.fix("SPY", "300")
    for tif in ("day", "gtc"):
        assert sim.order(qty="1", type="limit", limit_price="200", time_in_force=tif)["time_in_force"] == tif
    for tif in ("ioc", "fok"):
        until(sim, sim.order(qty="1", type="limit", limit_price="200", time_in_force=tif), "canceled")
        until(sim, sim.order(qty="1", time_in_force=tif), "filled")
    answer = sim.order(422, qty="1", type="stop", stop_price="310", time_in_force="ioc")
    assert answer["code"] == 42210000
    assert sim.order(422, qty="1", time_in_force="soon")["code"] == 40010001


def test_a_bracket_with_its_legs(sim):
    sim.fix("SPY", "300")
    o = sim.order(qty="4", order_class="bracket", **exits("310", "290"))
    check_order(o, legs=2)
    profit, loss = o["legs"]
    assert {leg["order_class"] for leg in o["legs"]} == {"bracket"} == {o["order_class"]}
    assert (profit["status"], profit["type"], profit["side"], profit["limit_price"]) == ("held", "limit", "sell", "310")
    assert (loss["status"], loss["type"], loss["stop_price"]) == ("held", "stop", "290")
    until(sim, o, "filled")
    profit = until(sim, profit, "new")
    assert [x["id"] for x in sim.get("/v2/orders")] == [profit["id"]]  # a held leg is not listed as open
    whole = sim.get("/v2/orders?status=all&nested=true")
    assert [x["id"] for x in whole] == [o["id"]] and [x["id"] for x in whole[0]["legs"]] == [profit["id"], loss["id"]]
    flat = sim.get("/v2/orders?status=all")
    assert {x["id"] for x in flat} == {o["id"], profit["id"], loss["id"]} and all(x["legs"] is None for x in flat)
    assert sim.get("/v2/orders/" + o["id"])["legs"] is None
    assert len(sim.get("/v2/orders/%s?nested=true" % o["id"])["legs"]) == 2
    sim.fix("SPY", "289")
    assert until(sim, loss, "filled")["filled_avg_price"] == "289"
    assert until(sim, profit, "canceled")["canceled_at"]
    sim.get("/v2/positions/SPY", 404)


def test_oco_and_oto(sim):
    sim.fix("SPY", "300")
    oto = sim.order(qty="2", order_class="oto", take_profit={"limit_price": "310"})
    check_order(oto, legs=1)
    profit = until(sim, oto["legs"][0], "new")
    assert sim.raw("DELETE", "/v2/orders/" + profit["id"])[0] == 204
    until(sim, profit, "canceled")
    oco = sim.order(qty="2", side="sell", type="limit", order_class="oco", **exits("310", "290"))
    check_order(oco, legs=1)
    assert (oco["limit_price"], oco["legs"][0]["stop_price"], oco["legs"][0]["status"]) == ("310", "290", "held")
    assert sim.get("/v2/positions/SPY")["qty_available"] == "0"
    sim.fix("SPY", "310")
    until(sim, oco, "filled")
    until(sim, oco["legs"][0], "canceled")


def test_replacing(sim):
    sim.fix("SPY", "300")
    a = sim.order(qty="2", type="limit", limit_price="290", client_order_id="first")
    path = "/v2/orders/" + a["id"]
    until(sim, a, "new")
    b = sim.call("PATCH", path, {"limit_price": "291", "qty": "3", "client_order_id": "second"})
    check_order(b)
    assert (b["replaces"], b["qty"], b["limit_price"], b["client_order_id"]) == (a["id"], "3", "291", "second")
    assert b["id"] != a["id"] and b["status"] == "pending_new"
    a = until(sim, a, "replaced")
    assert a["replaced_by"] == b["id"] and a["replaced_at"] and (a["qty"], a["limit_price"]) == ("2", "290")
    until(sim, b, "new")
    assert [o["id"] for o in sim.get("/v2/orders")] == [b["id"]]
    path = "/v2/orders/" + b["id"]
    for expect, code, message, body in (
            (403, 40310000, "order parameters are not changed", {}),
            (403, 40310000, "order parameters are not changed", {"stop_loss": "53.2"}),
            (422, 40010001, "qty must be integer", {"qty": "2.5"}),
            (422, 40010001, "qty must be > 0", {"qty": 0}),
            (422, 42210000, "notional can only be replaced for IPO orders", {"notional": "100"}),
            (422, 40010001, "limit orders require no stop price", {"stop_price": "310"}),
            (422, 40010001, "client_order_id must be unique", {"client_order_id": "first", "qty": "1"}),
            (422, 40010001, "invalid time_in_force: never", {"time_in_force": "never"})):
        answer = sim.call("PATCH", path, body, expect)
        assert (answer["code"], answer["message"]) == (code, message)
    assert sim.call("PATCH", path, "[]", 400)["code"] == 40010000
    assert sim.call("PATCH", "/v2/orders/none", {"qty": "1"}, 404)["code"] == 40410000
    answer = sim.call("PATCH", "/v2/orders/" + a["id"], {"qty": "1"}, 422)
    assert (answer["code"], answer["message"]) == (42210000, "unable to replace order, order is not open")


def test_closing_one_position(sim):
    sim.fix("SPY", "300")
    assert sim.call("DELETE", "/v2/positions/SPY", None, 404) == {"code": 40410000, "message": "position does not exist"}
    sim.call("DELETE", "/v2/positions/NOPE", None, 404)
    bought(sim, "9")
    o = sim.call("DELETE", "/v2/positions/SPY?qty=1.5", None)
    check_order(o)
    assert (o["side"], o["qty"], o["type"], o["time_in_force"]) == ("sell", "1.5", "market", "day")
    sim.filled(o)
    asset = sim.get("/v2/positions/SPY")["asset_id"]
    o = sim.call("DELETE", "/v2/positions/%s?percentage=50" % asset, None)
    assert o["qty"] == "3.75"
    sim.filled(o)
    for query, code in (("qty=1&percentage=5", 40010001), ("qty=-1", 40010001), ("qty=x", 40010001),
                        ("percentage=101", 40010001)):
        assert sim.call("DELETE", "/v2/positions/SPY?" + query, None, 422)["code"] == code
    answer = sim.call("DELETE", "/v2/positions/SPY?qty=4", None, 403)
    assert answer["message"] == "insufficient qty available for order (requested: 4, available: 3.75)"
    assert set(answer) == {"code", "message", "available", "existing_qty", "held_for_orders", "symbol"}
    sim.filled(sim.call("DELETE", "/v2/positions/SPY", None))
    sim.get("/v2/positions/SPY", 404)
    bought(sim, "7")
    assert sim.call("DELETE", "/v2/positions/SPY?percentage=50", None)["qty"] == "3"  # whole shares stay whole


def test_closing_all_positions(sim):
    sim.fix("SPY", "300")
    sim.fix("TLT", "150")
    assert sim.call("DELETE", "/v2/positions", None, 207) == []
    bought(sim, "2")
    sim.filled(sim.order(symbol="TLT", qty="3", side="sell"))
    resting = sim.order(qty="2", side="sell", type="limit", limit_price="400")
    answers = {a["symbol"]: a for a in sim.call("DELETE", "/v2/positions", None, 207)}
    assert answers["SPY"]["status"] == 403 and answers["SPY"]["body"]["code"] == 40310000
    assert answers["TLT"]["status"] == 200 and answers["TLT"]["body"]["side"] == "buy"
    check_order(answers["TLT"]["body"])
    [answer] = [a for a in sim.call("DELETE", "/v2/positions?cancel_orders=true", None, 207) if a["symbol"] == "SPY"]
    assert answer["status"] == 200 and set(answer) == {"symbol", "status", "body"}
    assert sim.get("/v2/orders/" + resting["id"])["status"] == "canceled"
    sim.wait(lambda: sim.get("/v2/positions") == [])


def test_listing_with_every_filter(sim):
    sim.fix("SPY", "300")
    sim.fix("TLT", "150")
    made = []
    for i in range(6):
        made.append(sim.order(qty="1", symbol=("SPY", "TLT")[i % 2], side=("buy", "sell")[i % 2], type="limit",
                              limit_price="100" if i % 2 == 0 else "400"))
    ids = [o["id"] for o in made]
    sim.wait(lambda: all(o["status"] == "new" for o in sim.get("/v2/orders")))

    def listed(query):
        return [o["id"] for o in sim.get("/v2/orders?direction=asc&" + query)]

    assert listed("side=buy") == ids[::2] == listed("symbols=SPY,QQQ")
    assert listed("after_order_id=" + ids[2]) == ids[3:]
    assert listed("before_order_id=" + ids[2]) == ids[:2]
    assert listed("asset_class=us_equity") == ids == listed("asset_class=all,crypto")
    assert listed("asset_class=crypto") == []
    times = [o["submitted_at"] for o in sim.get("/v2/orders?direction=asc")]
    assert listed("after=%s&until=%s" % (times[1], times[4])) == ids[2:4]
    assert [o["id"] for o in sim.get("/v2/orders?limit=2")] == ids[:-3:-1]
    for bad in ("status=some", "limit=0", "limit=501", "after=then", "side=left", "direction=up", "after_order_id=none",
                "after_order_id=%s&before_order_id=%s" % (ids[0], ids[1]),
                "after_order_id=%s&after=2020-01-01" % ids[0]):
        assert sim.get("/v2/orders?" + bad, 422)["code"] == 40010001, bad


REFUSALS = (
    (422, 40010001, "stop orders require a stop price", {"type": "stop"}),
    (422, 40010001, "stop limit orders require both stop and limit price", {"type": "stop_limit", "stop_price": "310"}),
    (422, 40010001, "trailing stop orders must specify one of trail_price or trail_percent", {"type": "trailing_stop"}),
    (422, 40010001, "market orders require no stop or limit price", {"stop_price": "310"}),
    (422, 40010001, "limit price must be > 0", {"type": "limit", "limit_price": "0"}),
    (422, 40010001, "bracket orders require take_profit.limit_price", {"order_class": "bracket"}),
    (422, 40010001, "bracket orders must be market or limit orders",
     {"order_class": "bracket", "type": "stop", "stop_price": "310", **exits("320", "290")}),
    (422, 40010001, "oco orders must be limit orders", {"order_class": "oco", **exits("320", "290")}),
    (422, 40010001, "invalid order_class: triple", {"order_class": "triple"}),
    (422, 40010001, "invalid order type: odd", {"type": "odd"}),
    (422, 40010001, "type is required", {"type": None}),
    (422, 40010001, "time_in_force is required", {"time_in_force": ""}),
    (422, 42210000, "take_profit.limit_price must be >= base_price + 0.01",
     {"order_class": "bracket", **exits("300", "290")}),
    (422, 42210000, "stop_loss.stop_price must be <= base_price - 0.01",
     {"order_class": "bracket", **exits("310", "300")}),
    (422, 42210000, "oco orders must be exit orders",
     {"order_class": "oco", "type": "limit", "side": "sell", **exits("310", "290")}),
    (422, 42210000, "stop price must be greater than current price", {"type": "stop", "stop_price": "299"}),
    (422, 42210000, "invalid stop_price 310.123. sub-penny increment does not fulfill minimum pricing criteria",
     {"type": "stop", "stop_price": "310.123"}),
    (422, 42210000, "fractional orders must be simple orders",
     {"qty": "0.5", "order_class": "bracket", **exits("310", "290")}),
    (422, 42210000, "fractional orders must be DAY orders", {"qty": "0.5", "time_in_force": "gtc"}),
    (422, 42210000, "extended hours order must be DAY or GTC limit orders", {"extended_hours": True}),
    (422, 42210000, "position intent mismatch, inferred: buy_to_open, specified: buy_to_close",
     {"position_intent": "buy_to_close"}),
    (403, 40310000, "cost basis must be >= minimal amount of order 1", {"qty": "0.001"}),
    (400, 40010000, "request body format is invalid", {"order_class": "bracket", "take_profit": "99", "stop_loss": "0"}),
)


@pytest.mark.parametrize("expect, code, message, members", REFUSALS, ids=[r[2][:40] for r in REFUSALS])
def test_refusals(sim, expect, code, message, members):
    sim.fix("SPY", "300")
    answer = sim.order(expect, **{"qty": "1", **members})
    assert (answer["code"], answer["message"]) == (code, message)
    if "base_price" in message:
        assert answer["base_price"] == "300"
    assert sim.get("/v2/orders?status=all") == []


def test_wash_trades(sim):
    sim.fix("SPY", "300")
    bought(sim, "1")
    resting = sim.order(qty="1", type="limit", limit_price="290")
    answer = sim.order(403, qty="1", side="sell", type="limit", limit_price="290")
    assert answer == {"code": 40310000, "message": "potential wash trade detected. use complex orders",
                      "reject_reason": "opposite side limit order exists", "existing_order_id": resting["id"]}
    assert sim.call("DELETE", "/v2/positions/SPY", None, 403)["existing_order_id"] == resting["id"]
    sim.order(qty="1", side="sell", type="limit", limit_price="310")
    answer = sim.order(403, qty="1", type="stop", stop_price="305")
    assert answer["reject_reason"] == "opposite side market/stop order exists"


def test_symbols_may_be_halted_or_closed_to_orders(sim):
    sim.fix("SPY", "300")
    mark = {"symbol": "SPY", "halted": True, "active": True, "tradable": True, "fractionable": True, "shortable": True}
    assert sim.call("POST", "/sim/symbol", {"symbol": "SPY", "halted": True}) == mark
    o = until(sim, sim.order(qty="1"), "new")
    stays = sim.order(qty="1", type="limit", limit_price="200")
    until(sim, stays, "new")
    assert sim.get("/v2/orders/" + o["id"])["filled_qty"] == "0"
    sim.call("POST", "/sim/symbol", {"symbol": "SPY", "halted": False})
    sim.filled(o)
    sim.call("POST", "/sim/symbol", {"symbol": "TLT", "shortable": False, "fractionable": False})
    assert sim.order(422, symbol="TLT", qty="1", side="sell")["message"] == 'asset "TLT" cannot be sold short'
    assert sim.order(403, symbol="TLT", qty="0.5")["message"] == 'asset "TLT" is not fractionable'
    asset = sim.get("/v2/assets/TLT")
    assert (asset["shortable"], asset["easy_to_borrow"], asset["fractionable"]) == (False, False, False)
    sim.call("POST", "/sim/symbol", {"symbol": "TLT", "active": False})
    assert sim.order(422, symbol="TLT", qty="1")["message"] == "asset TLT is not active"
    assert [a["symbol"] for a in sim.get("/v2/assets?status=inactive")] == ["TLT"]
    assert "TLT" not in [a["symbol"] for a in sim.get("/v2/assets?status=active")]
    sim.call("POST", "/sim/symbol", {"symbol": "QQQ", "tradable": False})
    assert sim.order(422, symbol="QQQ", qty="1")["message"] == 'asset "QQQ" is not tradable'
    for body, status in (({"symbol": "NOPE"}, 404), ({"halted": True}, 400), ({"symbol": "SPY", "halt": True}, 400),
                         ({"symbol": "SPY", "halted": "yes"}, 400)):
        sim.call("POST", "/sim/symbol", body, status)


def test_suspended_accounts_place_nothing(sim):
    sim.fix("SPY", "300")
    o = sim.order(qty="1", type="limit", limit_price="200")
    until(sim, o, "new")
    bought(sim, "1")
    sim.call("PATCH", "/v2/account/configurations", {"suspend_trade": True})
    refused = {"code": 40310000, "message": "new orders are rejected by user request"}
    assert sim.order(403, qty="1") == refused
    assert sim.call("PATCH", "/v2/orders/" + o["id"], {"qty": "2"}, 403) == refused
    assert sim.call("DELETE", "/v2/positions/SPY", None, 403) == refused
    assert sim.raw("DELETE", "/v2/orders/" + o["id"])[0] == 204


def test_cancelling_all_tells_of_each(sim):
    sim.fix("SPY", "300")
    assert sim.call("DELETE", "/v2/orders", None, 207) == []
    a = sim.order(qty="1", type="limit", limit_price="200")
    b = sim.order(qty="1", type="limit", limit_price="250", order_class="bracket", **exits("310", "240"))
    answers = sim.call("DELETE", "/v2/orders", None, 207)
    assert sorted(x["id"] for x in answers) == sorted((a["id"], b["id"])) and {x["status"] for x in answers} == {200}
    sim.wait(lambda: sim.get("/v2/orders") == [])
    assert {o["status"] for o in sim.get("/v2/orders?status=all")} == {"canceled"}


def test_activity_types(sim):
    sim.fix("SPY", "300")
    bought(sim, "1")
    assert len(sim.get("/v2/account/activities?activity_types=DIV,FILL")) == 1
    assert sim.get("/v2/account/activities?activity_types=DIV,FEE") == [] == sim.get("/v2/account/activities/SPLIT")
    for path in ("/ODD", "?activity_types=FILL,ODD", "?category=odd", "?activity_types=FILL&category=trade_activity"):
        assert sim.get("/v2/account/activities" + path, 422)["code"] == 40010001, path


def test_updates_are_told_as_the_stream_would(sim):
    sim.fix("SPY", "300")
    assert sim.get("/sim/updates") == {"last": 0, "updates": []}
    o = sim.filled(sim.order(qty="2"))
    updates = sim.get("/sim/updates")["updates"]
    assert [u["message"]["data"]["event"] for u in updates] == ["pending_new", "new", "fill"]
    assert [u["number"] for u in updates] == [1, 2, 3]
    for u in updates:
        assert u["message"]["stream"] == "trade_updates"
        data = u["message"]["data"]
        check_order(data["order"])
        assert UUID.match(data["execution_id"]) and WHEN.match(data["timestamp"])
        assert set(data) - {"price", "qty", "position_qty"} == {"event", "execution_id", "order", "timestamp"}
    assert data["order"] == o
    assert (data["price"], data["qty"], data["position_qty"]) == ("300", "2", "2")
    assert sim.get("/v2/account/activities")[0]["id"].endswith("::" + data["execution_id"])
    assert sim.get("/sim/updates?after=2")["updates"] == updates[2:]


def test_all_of_it_is_kept_over_a_restart(start, tmp_path):
    options = ("--no-rate-limit", "--partial-rate", "0", "--fill-delay-ms", "20", "--state", tmp_path / "state")
    sim = start(*options)
    sim.fix("SPY", "300")
    sim.call("POST", "/sim/symbol", {"symbol": "TLT", "halted": True})
    o = sim.order(qty="2", order_class="bracket", time_in_force="gtc", **exits("310", "290"))
    profit = until(sim, o["legs"][0], "new")
    replaced = sim.call("PATCH", "/v2/orders/" + profit["id"], {"limit_price": "305"})
    until(sim, replaced, "new")
    trail = sim.order(qty="1", type="trailing_stop", trail_price="5", time_in_force="gtc")
    until(sim, trail, "new")
    before = sim.get("/v2/orders?status=all&nested=true")
    sim.process.kill()
    sim.process.wait()
    sim.port_file.unlink()
    sim = start(*options)
    assert sim.get("/v2/orders?status=all&nested=true") == before
    sim.fix("SPY", "305")
    until(sim, replaced, "filled")
    assert json.loads(sim.raw("GET", "/v2/orders/" + o["id"] + "?nested=true")[1])["legs"][1]["status"] == "canceled"
