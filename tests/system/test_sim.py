# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# paperguard-sim over its socket: members and types of every object, refusals, paging, rate limit, faults. Run with
# /usr/bin/python3 -m pytest; PAPERGUARD_BIN names another directory of programs.
import http.client
import json
import os
import re
import signal
import subprocess
import time
from decimal import Decimal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("PAPERGUARD_BIN", ROOT / "build/bin"))
KEY, SECRET = "PKSIMTEST00000000001", "a-secret-for-tests-only"
UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
NUMBER = re.compile(r"^-?\d+(\.\d{1,9})?$")
WHEN = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z$")


class Sim:
    def __init__(self, tmp_path, *options, env=None):
        self.port_file, self.log = tmp_path / "port", tmp_path / "requests.jsonl"
        self.process = subprocess.Popen(
            [BIN / "paperguard-sim", "--port-file", self.port_file, "--data", ROOT / "conf/sample-data", "--key", KEY,
             "--secret", SECRET, "--log-requests", self.log, *options],
            stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})
        self.wait(self.port_file.exists)
        self.port = int(self.port_file.read_text().split()[0])
        self.headers = {}

    def wait(self, condition, seconds=15):
        end = time.monotonic() + seconds
        while True:
            found = condition()
            if found:
                return found
            assert self.process.poll() is None, self.process.stderr.read()
            assert time.monotonic() < end, "timed out"
            time.sleep(0.01)

    def raw(self, method, path, body=None, auth=True, headers=None, timeout=10):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        sent = dict(headers or {})
        if auth:
            sent.update({"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET})
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        try:
            c.request(method, path, body, sent)
            r = c.getresponse()
            self.headers = {k.lower(): v for k, v in r.getheaders()}
            return r.status, r.read()
        finally:
            c.close()

    def call(self, method, path, body=None, expect=200):
        status, answer = self.raw(method, path, body)
        assert status == expect, answer
        return json.loads(answer) if answer else None

    def get(self, path, expect=200):
        return self.call("GET", path, None, expect)

    def order(self, expect=200, **members):
        body = {"symbol": "SPY", "side": "buy", "type": "market", "time_in_force": "day"}
        body.update(members)
        return self.call("POST", "/v2/orders", body, expect)

    def fix(self, symbol, price, **more):
        self.call("POST", "/sim/price", {"symbol": symbol, "price": price, **more})

    def fault(self, **members):
        return self.call("POST", "/sim/fault", members)

    def filled(self, order):
        return self.wait(lambda: next(
            (o for o in [self.get("/v2/orders/" + order["id"])] if o["status"] == "filled"), None))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(10) == 0
        return self.process.stderr.read()


@pytest.fixture
def start(tmp_path):
    started = []

    def run(*options, **more):
        started.append(Sim(tmp_path, *options, **more))
        return started[-1]

    yield run
    for sim in started:
        if sim.process.poll() is None:
            text = sim.stop()
            assert SECRET not in text and KEY not in text
        assert SECRET not in sim.log.read_text() and KEY not in sim.log.read_text()


@pytest.fixture
def sim(start):
    return start("--no-rate-limit", "--partial-rate", "0", "--fill-delay-ms", "20")


ORDER = """id client_order_id created_at updated_at submitted_at filled_at expired_at expires_at canceled_at failed_at
replaced_at replaced_by replaces asset_id symbol asset_class notional qty filled_qty filled_avg_price order_class order_type
type side position_intent time_in_force limit_price stop_price status extended_hours legs trail_percent trail_price hwm subtag
source""".split()


def check_order(o):
    assert list(sorted(o)) == sorted(ORDER) and len(ORDER) == 36
    assert UUID.match(o["id"]) and UUID.match(o["asset_id"])
    for name in ("created_at", "updated_at", "submitted_at"):
        assert WHEN.match(o[name])
    for name in ("notional", "qty", "filled_qty", "filled_avg_price", "limit_price"):
        assert o[name] is None or NUMBER.match(o[name]), name
    assert o["order_class"] == "" and o["legs"] is None and o["extended_hours"] is False


def test_account(sim):
    a = sim.get("/v2/account")
    strings = """id account_number status crypto_status currency buying_power regt_buying_power effective_buying_power
        non_marginable_buying_power options_buying_power cash accrued_fees portfolio_value equity last_equity
        long_market_value short_market_value position_market_value initial_margin maintenance_margin
        last_maintenance_margin sma multiplier pending_reg_taf_fees intraday_adjustments balance_asof created_at""".split()
    assert {k for k, v in a.items() if isinstance(v, str)} == set(strings)
    for name in "trading_blocked transfers_blocked account_blocked trade_suspended_by_user shorting_enabled".split():
        assert isinstance(a[name], bool)
    assert (a["options_approved_level"], a["options_trading_level"], a["crypto_tier"]) == (3, 3, 1)
    assert a["admin_configurations"] == {} and a["user_configurations"] is None
    assert re.match(r"^PASIM[0-9A-Z]{8}$", a["account_number"]) and a["status"] == "ACTIVE"
    assert (a["cash"], a["buying_power"], a["multiplier"]) == ("100000", "400000", "4")
    assert re.match(r"^[0-9a-f]{32}$", sim.headers["x-request-id"])
    assert sim.headers["content-type"] == "application/json; charset=UTF-8"


def test_account_number_comes_from_the_seed(start):
    numbers = []
    for seed in ("5", "5", "6"):
        sim = start("--seed", seed)
        numbers.append(sim.get("/v2/account")["account_number"])
        sim.stop()
        sim.port_file.unlink()
    assert numbers[0] == numbers[1] != numbers[2]


def test_an_order_fills_and_moves_cash_and_position(sim):
    sim.fix("SPY", "371.13")
    o = sim.order(qty="3", client_order_id="one")
    check_order(o)
    assert (o["status"], o["qty"], o["filled_qty"], o["filled_avg_price"]) == ("pending_new", "3", "0", None)
    assert o["position_intent"] == "buy_to_open" and o["expires_at"].endswith("Z")
    f = sim.filled(o)
    check_order(f)
    assert (f["filled_qty"], f["filled_avg_price"]) == ("3", "371.13")
    for path in ("/v2/orders:by_client_order_id", "/v2/orders%3Aby_client_order_id"):
        assert sim.get(path + "?client_order_id=one") == f
    p = sim.get("/v2/positions/SPY")
    assert sim.get("/v2/positions") == [p] == [sim.get("/v2/positions/" + p["asset_id"])]
    assert set(p) == set("""asset_id symbol exchange asset_class asset_marginable qty qty_available avg_entry_price side
        market_value cost_basis unrealized_pl unrealized_plpc unrealized_intraday_pl unrealized_intraday_plpc current_price
        lastday_price change_today""".split())
    assert all(NUMBER.match(p[k]) for k in """qty qty_available avg_entry_price market_value cost_basis unrealized_pl
        unrealized_plpc unrealized_intraday_pl unrealized_intraday_plpc current_price lastday_price change_today""".split())
    assert (p["qty"], p["avg_entry_price"], p["cost_basis"], p["side"]) == ("3", "371.13", "1113.39", "long")
    assert sim.get("/v2/account")["cash"] == "98886.61"
    [a] = sim.get("/v2/account/activities/FILL")
    assert set(a) == set("""activity_type id type order_id order_status symbol side qty price cum_qty leaves_qty
        transaction_time""".split())
    assert re.match(r"^\d{17}::[0-9a-f-]{36}$", a["id"])
    assert re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$", a["transaction_time"])
    assert (a["type"], a["order_id"], a["qty"], a["cum_qty"], a["leaves_qty"], a["price"]) == \
        ("fill", o["id"], "3", "3", "0", "371.13")


def test_nine_decimals_pass_and_a_tenth_is_cut(sim):
    sim.fix("SPY", "100")
    assert sim.order(qty="0.123456789")["qty"] == "0.123456789"
    o = sim.order(qty="0.123456789999")
    assert o["qty"] == "0.123456789"
    assert sim.filled(o)["filled_qty"] == "0.123456789"
    assert sim.order(qty=1)["qty"] == "1"  # a JSON number, as some SDKs send it
    assert sim.order(qty="3", type="limit", limit_price="99")["limit_price"] == "99"


def test_notional(sim):
    sim.fix("SPY", "371.13")
    o = sim.order(notional="1000.5")
    assert (o["qty"], o["notional"]) == (None, "1000.5")
    f = sim.filled(o)
    assert f["qty"] is None and f["filled_qty"] == "2.695820871"
    assert sim.get("/v2/account")["cash"] == "98999.5"
    assert sim.order(422, notional="0.5")["message"] == "notional amount must be >= 1.00"
    assert sim.order(422, notional="10.001")["code"] == 42210000


def test_refusals(sim):
    sim.fix("SPY", "300")
    for expect, code, text, members in (
            (422, 40010001, "qty or notional is required", {}),
            (422, 40010001, "only one of qty or notional is accepted", {"qty": "1", "notional": "5"}),
            (422, 40010001, "qty must be > 0", {"qty": "-1"}),
            (422, 40010001, "limit orders require a limit price", {"qty": "1", "type": "limit"}),
            (422, 40010001, "market orders require no stop or limit price", {"qty": "1", "limit_price": "5"}),
            (422, 40010001, "client_order_id must be no more than 128 characters",
             {"qty": "1", "client_order_id": "x" * 129}),
            (422, 42210000, 'asset "NOPE" not found', {"qty": "1", "symbol": "NOPE"}),
            (422, 42210000, "invalid limit_price 290.123. sub-penny increment does not fulfill minimum pricing criteria",
             {"qty": "1", "type": "limit", "limit_price": "290.123"}),
            (422, 42210000, "fractional orders must be DAY orders", {"qty": "0.5", "time_in_force": "gtc"}),
            (422, 42210000, "fractional orders cannot be sold short", {"qty": "0.5", "side": "sell"}),
            (403, 40310000, "insufficient buying power", {"qty": "1400"})):
        answer = sim.order(expect, **members)
        assert (answer["code"], answer["message"]) == (code, text)
    assert set(sim.order(403, qty="1400")) == {"code", "message", "buying_power", "cost_basis"}
    assert sim.call("POST", "/v2/orders", "{", 400)["code"] == 40010000
    sim.filled(sim.order(qty="2", client_order_id="twice"))
    assert sim.order(422, qty="2", client_order_id="twice") == \
        {"code": 40010001, "message": "client_order_id must be unique"}
    answer = sim.order(403, qty="5", side="sell")
    assert answer["message"] == "insufficient qty available for order (requested: 5, available: 2)"
    assert (answer["available"], answer["existing_qty"], answer["held_for_orders"], answer["symbol"]) == \
        ("2", "2", "0", "SPY")
    unknown = "00000000-0000-4000-8000-000000000000"
    assert sim.get("/v2/orders/" + unknown, 404)["code"] == 40410000
    assert sim.get("/v2/orders:by_client_order_id?client_order_id=none", 404)["code"] == 40410000
    assert sim.get("/v2/positions/TLT", 404) == {"code": 40410000, "message": "position does not exist"}
    assert sim.get("/v2/assets/NOPE", 404)["code"] == 40410000
    assert sim.get("/v2/nothing", 404)["code"] == 40410000
    sim.call("PUT", "/v2/orders", "{}", 405)


def test_cancel(sim):
    sim.fix("SPY", "300")
    resting = sim.order(qty="1", type="limit", limit_price="200")
    assert sim.raw("DELETE", "/v2/orders/" + resting["id"]) == (204, b"")
    sim.wait(lambda: sim.get("/v2/orders/" + resting["id"])["status"] == "canceled")
    assert sim.raw("DELETE", "/v2/orders/" + resting["id"])[0] == 204
    o = sim.filled(sim.order(qty="1"))
    assert sim.call("DELETE", "/v2/orders/" + o["id"], None, 422) == \
        {"code": 42210000, "message": 'order is already in "filled" state'}
    sim.call("DELETE", "/v2/orders/none", None, 404)
    ids = {sim.order(qty="1", type="limit", limit_price="200")["id"] for _ in range(3)}
    answer = sim.call("DELETE", "/v2/orders", None, 207)
    assert {(a["id"], a["status"]) for a in answer} == {(i, 200) for i in ids}
    sim.wait(lambda: sim.get("/v2/orders") == [])
    assert len(sim.get("/v2/orders?status=closed")) == 5


def test_listing_orders(sim):
    sim.fix("SPY", "300")
    sim.fix("TLT", "150")
    made = [sim.order(qty="1", type="limit", limit_price="100", symbol=s)["id"] for s in ("SPY", "TLT") * 30]
    sim.wait(lambda: all(o["status"] == "new" for o in sim.get("/v2/orders?limit=500")))
    assert [o["id"] for o in sim.get("/v2/orders")] == made[:9:-1]  # 50, newest first
    assert [o["id"] for o in sim.get("/v2/orders?limit=500&direction=asc")] == made
    seen, after = [], "2020-01-01"
    while True:
        page = sim.get("/v2/orders?direction=asc&limit=7&after=" + after)
        seen += [o["id"] for o in page]
        if len(page) < 7:
            break
        after = page[-1]["submitted_at"]
    assert seen == made
    assert len(sim.get("/v2/orders?limit=500&symbols=TLT,QQQ")) == 30
    assert sim.get("/v2/orders?status=closed") == []
    assert sim.get("/v2/orders?limit=501", 422)["code"] == 40010001


def test_partial_fills(start):
    sim = start("--no-rate-limit", "--partial-rate", "0.6", "--fill-delay-ms", "10", "--seed", "3")
    sim.fix("SPY", "100")
    orders = [sim.filled(sim.order(qty="10")) for _ in range(10)]
    fills = sim.get("/v2/account/activities/FILL?direction=asc")
    assert len(fills) > 12 and {f["type"] for f in fills} == {"fill", "partial_fill"}
    for o in orders:
        mine = [f for f in fills if f["order_id"] == o["id"]]
        done = Decimal(0)
        for f in mine:
            done += Decimal(f["qty"])
            assert Decimal(f["cum_qty"]) == done and Decimal(f["leaves_qty"]) == 10 - done
            last = f is mine[-1]
            assert (f["type"], f["order_status"]) == (("fill", "filled") if last else ("partial_fill", "partially_filled"))
        assert done == 10


def test_paging_activities(sim):
    sim.fix("SPY", "100")
    for _ in range(25):
        sim.order(qty="0.5")
    sim.wait(lambda: len(sim.get("/v2/account/activities?activity_types=FILL")) == 25)
    everything = sim.get("/v2/account/activities")
    assert [f["id"] for f in everything] == sorted((f["id"] for f in everything), reverse=True) or \
        len({f["id"][:17] for f in everything}) < 25
    for direction, whole in (("desc", everything), ("asc", everything[::-1])):
        seen, token = [], ""
        while True:
            page = sim.get("/v2/account/activities/FILL?page_size=10&direction=%s%s" % (direction, token))
            assert isinstance(page, list)
            seen += page
            if len(page) < 10:
                break
            token = "&page_token=" + page[-1]["id"].replace(":", "%3A")
        assert seen == whole
    middle = everything[12]["transaction_time"]
    assert len(sim.get("/v2/account/activities?after=" + middle)) + len(
        sim.get("/v2/account/activities?until=" + middle)) >= 24
    assert sim.get("/v2/account/activities/FILL?after=2099-01-01") == []
    assert sim.get("/v2/account/activities/DIV") == []
    assert sim.get("/v2/account/activities?category=non_trade_activity") == []
    assert len(sim.get("/v2/account/activities/FILL?date=" + everything[0]["transaction_time"][:10])) > 0
    assert sim.get("/v2/account/activities?page_size=101", 422)["code"] == 40010001


def test_keys(sim):
    status, body = sim.raw("GET", "/v2/account", auth=False)
    assert status == 401 and body.startswith(b"<html>") and sim.headers["content-type"] == "text/html"
    for key, secret, expect in ((KEY, "wrong", {"message": "unauthorized."}),
                                ("PKSIMTEST00000000002", SECRET, {"message": "unauthorized."}),
                                ("AK" + "X" * 18, SECRET, {"code": 40110000, "message": "request is not authorized"})):
        status, body = sim.raw("GET", "/v2/account", auth=False,
                               headers={"APCA-API-KEY-ID": key, "apca-api-secret-key": secret})
        assert (status, json.loads(body)) == (401, expect)


def test_rate_limit(start):
    sim = start("--rate-limit", "20")
    answers = [sim.raw("GET", "/v2/clock") for _ in range(25)]
    assert [s for s, _ in answers[:20]] == [200] * 20
    assert answers[-1][0] == 429 and json.loads(answers[-1][1])["code"] == 42910000
    assert (sim.headers["x-ratelimit-limit"], sim.headers["x-ratelimit-remaining"]) == ("20", "0")
    assert 0 <= int(sim.headers["x-ratelimit-reset"]) - time.time() <= 62
    assert sim.raw("GET", "/v2/stocks/trades/latest?symbols=SPY")[0] == 200  # the data host counts for itself


def test_clock_and_calendar_around_the_clock(sim):
    clock = sim.get("/v2/clock")
    assert set(clock) == {"timestamp", "is_open", "next_open", "next_close"} and clock["is_open"] is True
    assert re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-0[45]:00$", clock["timestamp"])
    days = sim.get("/v2/calendar?start=2026-11-21&end=2026-11-22")  # a weekend
    assert days[0] == {"date": "2026-11-21", "open": "00:00", "close": "23:59", "session_open": "0000",
                       "session_close": "2359", "settlement_date": "2026-11-22"}
    assert [d["date"] for d in days] == ["2026-11-21", "2026-11-22"]


def test_calendar_of_the_exchange(start):
    sim = start("--hours", "exchange")
    days = {d["date"]: d for d in sim.get("/v2/calendar?start=2026-11-23&end=2026-11-30")}
    assert list(days) == ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-27", "2026-11-30"]
    assert (days["2026-11-27"]["open"], days["2026-11-27"]["close"]) == ("09:30", "13:00")
    assert days["2026-11-25"] == {"date": "2026-11-25", "open": "09:30", "close": "16:00", "session_open": "0400",
                                  "session_close": "2000", "settlement_date": "2026-11-27"}
    assert len(sim.get("/v2/calendar")) > 9000


def test_assets(sim):
    assets = sim.get("/v2/assets?status=active&asset_class=us_equity")
    assert [a["symbol"] for a in assets] == ["AAPL", "AMZN", "GLD", "GOOG", "IEF", "IWM", "MSFT", "QQQ", "SPY", "TLT"]
    spy = sim.get("/v2/assets/SPY")
    assert spy in assets and spy == sim.get("/v2/assets/" + spy["id"])
    assert set(spy) == set("""id class exchange symbol name status tradable marginable shortable easy_to_borrow borrow_status
        fractionable maintenance_margin_requirement margin_requirement_long margin_requirement_short attributes""".split())
    assert sim.get("/v2/assets?status=inactive") == []


def number(v):
    return isinstance(v, (int, float)) and not isinstance(v, bool)


def test_data(sim):
    t = sim.get("/v2/stocks/trades/latest?symbols=SPY,AAPL,NOPE")["trades"]
    assert set(t) == {"SPY", "AAPL"} and set(t["SPY"]) == set("txpscz") | {"i"}
    q = sim.get("/v2/stocks/quotes/latest?symbols=SPY")["quotes"]["SPY"]
    assert set(q) == {"t", "ax", "ap", "as", "bx", "bp", "bs", "c", "z"} and 0 < q["bp"] < q["ap"]
    assert number(t["SPY"]["p"]) and q["bp"] - 1 < t["SPY"]["p"] < q["ap"] + 1
    b = sim.get("/v2/stocks/bars/latest?symbols=SPY")["bars"]["SPY"]
    assert set(b) == set("tohlcvn") | {"vw"} and b["l"] <= b["c"] <= b["h"]
    assert 371.23 <= t["SPY"]["p"] <= 374.66  # inside the newest bar of the sample data


def test_daily_history(sim):
    path = "/v2/stocks/bars?symbols=SPY,AAPL&timeframe=1Day&start=2020-01-01"
    whole = sim.get(path + "&limit=10000")
    assert whole["next_page_token"] is None and {k: len(v) for k, v in whole["bars"].items()} == {"SPY": 400, "AAPL": 400}
    paged, token = {}, ""
    while token is not None:
        page = sim.get(path + "&limit=150" + (token and "&page_token=" + token))
        assert sum(len(v) for v in page["bars"].values()) <= 150
        for symbol, bars in page["bars"].items():
            paged.setdefault(symbol, []).extend(bars)
        token = page["next_page_token"]
    assert paged == whole["bars"]
    last = whole["bars"]["SPY"][-1]  # the sample's last bar but one, the session before today's
    assert [last[k] for k in "ohlc"] == [372.34, 373.1, 371.57, 371.99]
    assert all(re.match(r"^\d{4}-\d\d-\d\dT0[45]:00:00Z$", b["t"]) for b in whole["bars"]["SPY"])
    adjusted = sim.get(path + "&limit=10000&adjustment=split")["bars"]
    assert adjusted["SPY"] == whole["bars"]["SPY"]
    raw, split = whole["bars"]["AAPL"], adjusted["AAPL"]
    ratios = [round(r["c"] / s["c"], 3) for r, s in zip(raw, split)]
    assert ratios[0] == 4 and ratios[-1] == 1 and sorted(ratios, reverse=True) == ratios
    newest = sim.get(path + "&sort=desc&limit=2")["bars"]
    assert newest["AAPL"] == raw[:-3:-1]
    end = raw[10]["t"]
    assert sim.get("/v2/stocks/bars?symbols=AAPL&timeframe=1Day&start=2020-01-01&end=" + end)["bars"]["AAPL"] == raw[:11]
    for bad in ("timeframe=60Min", "timeframe=1Day&limit=0", "timeframe=1Day&adjustment=odd"):
        assert set(sim.get("/v2/stocks/bars?symbols=SPY&" + bad, 400)) == {"message"}


def test_configurations_suspend_trade(sim):
    c = sim.call("PATCH", "/v2/account/configurations", {"suspend_trade": True})
    assert c["suspend_trade"] is True
    assert sim.order(403, qty="1") == {"code": 40310000, "message": "new orders are rejected by user request"}
    assert sim.get("/v2/account")["trade_suspended_by_user"] is True


def test_faults(sim):
    sim.fix("SPY", "100")
    post = dict(match="POST /v2/orders")
    sim.fault(action="drop_before", **post)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        sim.order(qty="1", client_order_id="lost")
    sim.get("/v2/orders:by_client_order_id?client_order_id=lost", 404)
    sim.fault(action="drop_after_accept", **post)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        sim.order(qty="1", client_order_id="kept")
    assert sim.get("/v2/orders:by_client_order_id?client_order_id=kept")["qty"] == "1"
    sim.fault(action="status", status=503, code=50010000, **post)
    assert sim.order(503, qty="1")["code"] == 50010000
    sim.fault(action="html", status=502, **post)
    status, body = sim.raw("POST", "/v2/orders", {})
    assert status == 502 and body.startswith(b"<html>")
    sim.fault(action="truncate", skip=1, match="GET /v2/account*")
    assert sim.get("/v2/account/activities") is not None
    with pytest.raises(json.JSONDecodeError):
        sim.get("/v2/account")
    sim.fault(action="duplicate_member", match="GET /v2/account")
    assert sim.raw("GET", "/v2/account")[1].count(b'"id":') == 2
    sim.fault(action="wrong_types", match="GET /v2/account")
    odd = sim.get("/v2/account")
    assert (odd["cash"], odd["account_blocked"]) == (7, "odd")
    sim.fault(action="huge", size=3000000, match="GET /v2/clock")
    assert len(sim.raw("GET", "/v2/clock")[1]) >= 3000000
    for action in ("delay", "delay_before"):
        sim.fault(action=action, delay_ms=300, **post)
        begun = time.monotonic()
        assert sim.order(qty="1")["status"] == "pending_new"
        assert time.monotonic() - begun >= 0.29
    assert sim.get("/sim/fault") == []
    assert sim.call("POST", "/sim/fault", {"match": "x", "action": "odd"}, 400)


def test_a_delayed_order_arrives_although_its_client_left(sim):
    sim.fault(action="delay_before", delay_ms=400, match="POST /v2/orders")
    with pytest.raises(TimeoutError):
        sim.raw("POST", "/v2/orders", {"symbol": "SPY", "qty": "1", "side": "buy", "type": "market",
                                       "time_in_force": "day", "client_order_id": "late"}, timeout=0.1)
    sim.get("/v2/orders:by_client_order_id?client_order_id=late", 404)
    sim.wait(lambda: sim.raw("GET", "/v2/orders:by_client_order_id?client_order_id=late")[0] == 200)


def test_state_and_log_agree_with_the_api(sim):
    sim.fix("SPY", "33.333")
    sim.filled(sim.order(qty="7", client_order_id="a"))
    sim.filled(sim.order(qty="3.3", side="sell", client_order_id="b"))
    state = sim.get("/sim/state")
    cash = Decimal(state["opening_cash"]) + sum(Decimal(f["cash"]) for f in state["fills"])
    assert str(cash) == state["cash"] == sim.get("/v2/account")["cash"]
    assert [f["client_order_id"] for f in state["fills"]] == ["a", "b"]
    assert state["positions"][0]["qty"] == "3.7" == sim.get("/v2/positions/SPY")["qty"]
    lines = [json.loads(line) for line in sim.log.read_text().splitlines()]
    posts = [line for line in lines if line["method"] == "POST" and line["target"] == "/v2/orders"]
    assert [json.loads(p["body"])["client_order_id"] for p in posts] == ["a", "b"]
    assert all(json.loads(p["answer"])["status"] == "pending_new" and p["status"] == 200 for p in posts)
    assert posts[0]["key"] == "PK\u20260001"


def test_prices_move_between_runs_at_speed_60(start):
    sim = start("--speed", "60", "--no-rate-limit")
    path = "/v2/stocks/trades/latest?symbols=SPY,AMZN,TLT"
    first = sim.get(path)["trades"]
    sim.wait(lambda: all(sim.get(path)["trades"][s]["p"] != first[s]["p"] for s in first), 60)


def test_500_orders_in_a_row(start):
    sim = start("--no-rate-limit", "--cash", "10000000")
    sim.fix("SPY", "100")
    c = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=10)
    begun = time.monotonic()
    for i in range(500):
        c.request("POST", "/v2/orders", json.dumps({"symbol": "SPY", "qty": "1", "side": "buy", "type": "market",
                                                    "time_in_force": "day", "client_order_id": "n%d" % i}),
                  {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET})
        r = c.getresponse()
        assert r.status == 200, r.read()
        r.read()
    assert time.monotonic() - begun < 5
    c.close()
    sim.wait(lambda: [p["qty"] for p in sim.get("/v2/positions")] == ["500"])


@pytest.mark.parametrize("option", (("--key", "AK" + "X" * 18), ("--listen", "0.0.0.0:0"), ("--hours", "sometimes"),
                                    ("--partial-rate", "2"), ("--cash", "-1"), ("--data", "/nowhere"), ("extra",),
                                    ("--multiplier", "3"), ("--odd",)))
def test_wrong_options_stop_it(option):
    r = subprocess.run([BIN / "paperguard-sim", *option], capture_output=True, text=True, timeout=10)
    assert r.returncode == 1 and "paperguard-sim:" in r.stderr


def test_help_and_version():
    for option, text in (("--help", "--partial-rate"), ("--version", "paperguard-sim 0.")):
        r = subprocess.run([BIN / "paperguard-sim", option], capture_output=True, text=True, timeout=10)
        assert r.returncode == 0 and text in r.stdout
