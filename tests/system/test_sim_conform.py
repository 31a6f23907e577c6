# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# Every request that paperguard-sim serves is sent, and its answer held member by member to a table made of Alpaca's own
# OpenAPI files (alpaca_members.tsv): required members are there, types and bounds are right, no member is unknown.
# Where the real service was recorded to differ, the exception says so.
import datetime
import json
import re
from pathlib import Path

import pytest
from test_sim import ROOT, UUID, start  # noqa: F401  (a fixture)

TABLE = Path(__file__).with_name("alpaca_members.tsv")
RECORDED = "recorded on a paper account in October 2026"

# (object, member) -> (type, why). The type replaces the table's; a ? in front means that null is fine.
EXCEPTIONS = {
    ("Account", "admin_configurations"): ("object", RECORDED),
    ("Account", "user_configurations"): ("?object", RECORDED),
    ("Account", "crypto_tier"): ("integer", RECORDED),
    ("Account", "effective_buying_power"): ("string", RECORDED),
    ("Account", "position_market_value"): ("string", RECORDED),
    ("Order", "subtag"): ("?string", RECORDED),
    ("Order", "source"): ("?string", RECORDED),
    ("OrderLeg", "subtag"): ("?string", RECORDED),
    ("OrderLeg", "expires_at"): ("?string", "legs are orders, and orders have it; " + RECORDED),
    ("OrderLeg", "source"): ("?string", RECORDED),
    ("NonTradeActivities", "date"): ("string", "a plain date, in the file's own example too"),
    ("AccountConfigurations", "max_options_trading_level"): ("?integer", "null is documented as its value for no bound"),
}
# Members that refusals carry beside code and message.
REFUSAL_EXTRAS = {"buying_power", "cost_basis", "available", "existing_qty", "held_for_orders", "symbol", "reject_reason",
                  "existing_order_id", "balance"}


class Table:
    def __init__(self):
        self.ops, self.objects, self.parameters = {}, {}, []
        for line in TABLE.read_text().splitlines():
            kind, *cells = line.split("\t")
            if kind == "op":
                self.ops[cells[0], cells[1]] = (int(cells[2]), cells[3])
            elif kind == "param":
                self.parameters.append((cells[0], cells[1], cells[2], cells[3] == "many", cells[4].split("|")))
            elif kind == "member":
                self.objects.setdefault(cells[0], {})[cells[1]] = cells[2:]
        for (name, member), (kind, _) in EXCEPTIONS.items():
            if name in self.objects:
                self.objects[name][member] = [kind.lstrip("?"), "-", "nullable" if kind[0] == "?" else "-", "-"]

    def check(self, kind, value, where):
        """Raises AssertionError that names the place."""
        if "|" in kind and kind[0] not in "[{":
            self.any_of(kind.split("|"), value, where)
        elif kind[0] == "[":
            assert isinstance(value, list), where
            for i, item in enumerate(value):
                self.check(kind[1:-1], item, "%s[%d]" % (where, i))
        elif kind[0] == "{":
            assert isinstance(value, dict), where
            for key, item in value.items():
                self.check(kind[1:-1], item, "%s{%s}" % (where, key))
        elif kind in self.objects:
            self.members(kind, value, where)
        else:
            self.plain(kind, value, where)

    def any_of(self, kinds, value, where):
        why = []
        for kind in kinds:
            try:
                return self.check(kind, value, where)
            except AssertionError as e:
                why.append(str(e))
        raise AssertionError("%s is none of %s: %s" % (where, kinds, why))

    @staticmethod
    def plain(kind, value, where):
        right = {"string": isinstance(value, str), "boolean": isinstance(value, bool), "object": isinstance(value, dict),
                 "integer": isinstance(value, int) and not isinstance(value, bool),
                 "number": isinstance(value, (int, float)) and not isinstance(value, bool), "any": True}
        assert right[kind], "%s: %r is no %s" % (where, value, kind)

    def members(self, name, value, where):
        assert isinstance(value, dict), "%s is no %s" % (where, name)
        rules = self.objects[name]
        for member, (_, required, _, _) in rules.items():
            assert required != "required" or member in value, "%s.%s is missing" % (where, member)
        for member, item in value.items():
            at = "%s.%s" % (where, member)
            assert member in rules, "%s is not a member of %s" % (at, name)
            kind, _, nullable, bound = rules[member]
            if item is None:
                assert nullable == "nullable" or "null" in bound.split("|"), "%s is null" % at
                continue
            self.check(kind, item, at)
            self.bound(bound, item, at)

    @staticmethod
    def bound(bound, value, where):
        if bound == "uuid":
            assert UUID.match(value), "%s: %r" % (where, value)
        elif bound == "date":
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", value), "%s: %r" % (where, value)
        elif bound == "date-time":
            pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)"
            assert re.fullmatch(pattern, value), "%s: %r" % (where, value)
        elif bound != "-" and isinstance(value, (str, int)):
            assert str(value) in bound.split("|"), "%s: %r is none of %s" % (where, value, bound)


class Conform:
    def __init__(self, sim):
        self.sim, self.table, self.sent = sim, Table(), set()

    def __call__(self, method, template, path=None, body=None):
        """Sends it, checks the answer and returns it. `path` stands for the template's names and adds a query."""
        status, kind = self.table.ops[method, template]
        self.sent.add((method, template))
        answer = self.sim.call(method, path or template, body, status)
        if kind == "-":
            assert answer is None
        else:
            assert self.sim.headers["content-type"] == "application/json; charset=UTF-8"
            self.table.check(kind, answer, "%s %s" % (method, path or template))
        assert re.fullmatch(r"[0-9a-f]{32}", self.sim.headers["x-request-id"])
        return answer


@pytest.fixture
def conform(start):  # noqa: F811
    return Conform(start("--no-rate-limit", "--partial-rate", "0.3", "--fill-delay-ms", "10", "--begin", "2020-08-28",
                         "--cash", "1000000", "--fees", "fill"))


def order(conform, **members):
    body = {"symbol": "SPY", "side": "buy", "type": "market", "time_in_force": "day"}
    body.update(members)
    return conform("POST", "/v2/orders", None, body)


def get_order(conform, o, nested=False):
    query = "?nested=true" if nested else ""
    return conform("GET", "/v2/orders/{order_id}", "/v2/orders/" + o["id"] + query)


def orders_of_every_kind(conform):
    sim = conform.sim
    sim.fix("SPY", "400")
    filled = [order(conform, qty="40"), order(conform, notional="1000"), order(conform, qty="0.123456789"),
              order(conform, qty="5", symbol="TLT", side="sell")]
    for o in filled:
        sim.wait(lambda o=o: get_order(conform, o)["status"] == "filled")
    resting = [order(conform, qty="1", type="limit", limit_price="300", time_in_force="gtc"),
               order(conform, qty="1", type="stop", stop_price="500", symbol="QQQ"),
               order(conform, qty="1", type="stop_limit", stop_price="500", limit_price="501", symbol="QQQ"),
               order(conform, qty="1", side="sell", type="trailing_stop", trail_percent="5", symbol="IWM")]
    bracket = order(conform, qty="2", symbol="GLD", order_class="bracket", take_profit={"limit_price": "900"},
                    stop_loss={"stop_price": "10", "limit_price": "9"})
    sim.wait(lambda: get_order(conform, bracket)["status"] == "filled")
    assert len(get_order(conform, bracket, nested=True)["legs"]) == 2
    oto = order(conform, qty="2", symbol="IEF", order_class="oto", type="limit", limit_price="50",
                stop_loss={"stop_price": "10"})
    return filled, resting, bracket, oto


def reads_of_orders(conform, o):
    for query in ("", "?status=all&limit=500", "?status=all&nested=true", "?status=closed&direction=asc&symbols=SPY"):
        conform("GET", "/v2/orders", "/v2/orders" + query)
    by_id = "/v2/orders:by_client_order_id?client_order_id=" + o["client_order_id"]
    assert conform("GET", "/v2/orders:by_client_order_id", by_id)["id"] == o["id"]


def changes_of_orders(conform, resting):
    sim, (limit, stop) = conform.sim, resting[:2]
    sim.wait(lambda: get_order(conform, limit)["status"] == "new")
    replaced = conform("PATCH", "/v2/orders/{order_id}", "/v2/orders/" + limit["id"], {"qty": "2", "limit_price": "301"})
    sim.wait(lambda: get_order(conform, limit)["status"] == "replaced")
    assert get_order(conform, replaced)["replaces"] == limit["id"]
    conform("DELETE", "/v2/orders/{order_id}", "/v2/orders/" + stop["id"])
    sim.wait(lambda: get_order(conform, stop)["status"] == "canceled")


def account_and_positions(conform):
    conform("GET", "/v2/account")
    conform("GET", "/v2/account/configurations")
    for level in (None, 3):
        conform("PATCH", "/v2/account/configurations", None, {"max_options_trading_level": level, "no_shorting": False})
    assert len(conform("GET", "/v2/positions")) >= 3
    p = conform("GET", "/v2/positions/{symbol_or_asset_id}", "/v2/positions/SPY")
    conform("GET", "/v2/positions/{symbol_or_asset_id}", "/v2/positions/" + p["asset_id"])
    for kind in ("CSD", "INT"):
        conform.sim.call("POST", "/sim/cash", {"type": kind, "amount": "10"})
    conform.sim.call("POST", "/sim/cash", {"type": "DIV", "amount": "10", "symbol": "SPY"})
    conform.sim.filled(order(conform, qty="1", symbol="TLT"))
    kinds = {a["activity_type"] for a in conform("GET", "/v2/account/activities")}
    assert kinds == {"FILL", "CSD", "INT", "DIV", "FEE"}
    conform("GET", "/v2/account/activities/{activity_type}", "/v2/account/activities/FEE")
    for query in ("", "?period=1D&timeframe=5Min&intraday_reporting=continuous", "?timeframe=1D&cashflow_types=ALL"):
        conform("GET", "/v2/account/portfolio/history", "/v2/account/portfolio/history" + query)


def closing(conform):
    conform("DELETE", "/v2/positions/{symbol_or_asset_id}", "/v2/positions/TLT?percentage=50")
    assert conform("DELETE", "/v2/orders")
    conform.sim.wait(lambda: conform("GET", "/v2/orders") == [])
    assert conform("DELETE", "/v2/positions", "/v2/positions?cancel_orders=true")


def watchlists(conform):
    w = conform("POST", "/v2/watchlists", None, {"name": "one", "symbols": ["SPY"]})
    conform("GET", "/v2/watchlists")
    by_id, by_name = "/v2/watchlists/" + w["id"], "/v2/watchlists:by_name?name=one"
    for template, path in (("/v2/watchlists/{watchlist_id}", by_id), ("/v2/watchlists:by_name", by_name)):
        conform("GET", template, path)
        conform("PUT", template, path, {"name": "one", "symbols": ["SPY", "TLT"]})
        conform("POST", template, path, {"symbol": "AAPL"})
    conform("DELETE", "/v2/watchlists/{watchlist_id}/{symbol}", by_id + "/TLT")
    conform("DELETE", "/v2/watchlists/{watchlist_id}", by_id)
    conform("POST", "/v2/watchlists", None, {"name": "one"})
    conform("DELETE", "/v2/watchlists:by_name", by_name)


def reference(conform):
    assert len(conform("GET", "/v2/assets")) == 10
    conform("GET", "/v2/assets/{symbol_or_asset_id}", "/v2/assets/SPY")
    conform("GET", "/v2/clock")
    conform("GET", "/v2/calendar", "/v2/calendar?start=2026-11-01&end=2026-12-31")
    conform("GET", "/v3/clock")
    conform("GET", "/v3/calendar/{market}", "/v3/calendar/NYSE")
    tomorrow = datetime.date.fromisoformat(conform("GET", "/v2/clock")["timestamp"][:10]) + datetime.timedelta(days=1)
    old = "/v2/corporate_actions/announcements"
    [split] = conform("GET", old, "%s?ca_types=split&since=%s&until=%s" % (old, tomorrow, tomorrow))
    conform("GET", old + "/{id}", "%s/%s" % (old, split["id"]))
    whole = conform("GET", "/v1/corporate-actions", "/v1/corporate-actions?start=%s&end=%s" % (tomorrow, tomorrow))
    assert whole["corporate_actions"]["forward_splits"]
    conform("GET", "/v1/corporate-actions")


def market_data(conform):
    for kind in ("trades", "quotes", "bars"):
        for many in (True, False):
            base = "/v2/stocks/%s" if many else "/v2/stocks/{symbol}/%s"
            path = (base % kind).replace("{symbol}", "SPY")
            symbols = "symbols=SPY,AAPL&" if many else ""
            conform("GET", base % kind + "/latest", path + "/latest?" + symbols)
            for frame in ("1Min", "1Hour", "1Day", "1Month") if kind == "bars" else ("",):
                page = conform("GET", base % kind, "%s?%slimit=3&start=2026-01-01&timeframe=%s" % (path, symbols, frame))
                assert page[kind] and page["next_page_token"]
    conform("GET", "/v2/stocks/snapshots", "/v2/stocks/snapshots?symbols=SPY,TLT")
    conform("GET", "/v2/stocks/{symbol}/snapshot", "/v2/stocks/SPY/snapshot")
    conform("GET", "/v2/stocks/meta/exchanges")
    conform("GET", "/v2/stocks/meta/conditions/{ticktype}", "/v2/stocks/meta/conditions/quote?tape=A")


def refusals(sim):
    missing = "00000000-0000-4000-8000-000000000000"
    for method, path, body in (
            ("POST", "/v2/orders", {}), ("POST", "/v2/orders", {"symbol": "SPY"}), ("POST", "/v2/orders", "{"),
            ("GET", "/v2/orders/" + missing, None), ("DELETE", "/v2/orders/" + missing, None),
            ("PATCH", "/v2/orders/" + missing, {"qty": "1"}), ("GET", "/v2/positions/AMZN", None),
            ("GET", "/v2/orders?limit=0", None), ("GET", "/v2/assets/NOPE", None), ("GET", "/v2/watchlists/x", None),
            ("GET", "/v2/nothing", None), ("PUT", "/v2/orders", {}), ("GET", "/v2/stocks/bars", None),
            ("POST", "/v2/orders", {"symbol": "SPY", "qty": "1000000", "side": "buy", "type": "market",
                                    "time_in_force": "day"}),
            ("DELETE", "/v2/positions/AMZN", None), ("GET", "/v1/corporate-actions?types=x", None)):
        status, answer = sim.raw(method, path, body)
        assert status in (400, 403, 404, 405, 422), (method, path, status)
        refusal = json.loads(answer)
        assert isinstance(refusal.pop("message"), str) and set(refusal) <= {"code"} | REFUSAL_EXTRAS
        assert isinstance(refusal.get("code", 0), int)
        assert all(isinstance(v, str) for k, v in refusal.items() if k != "code"), (method, path)


def test_every_answer_is_as_alpaca_describes_it(conform):
    filled, resting, bracket, oto = orders_of_every_kind(conform)
    reads_of_orders(conform, filled[0])
    changes_of_orders(conform, resting)
    account_and_positions(conform)
    watchlists(conform)
    reference(conform)
    market_data(conform)
    refusals(conform.sim)
    closing(conform)
    assert set(conform.table.ops) == conform.sent


NEEDED = {"/v2/corporate_actions/announcements": "ca_types=split&since=2026-11-20&until=2026-11-21",
          "/v2/stocks/meta/conditions/{ticktype}": "", "/v2/stocks/{symbol}/bars": "timeframe=1Day",
          "/v2/stocks/bars": "symbols=SPY&timeframe=1Day"}
STANDS_FOR = {"{symbol_or_asset_id}": "SPY", "{symbol}": "SPY", "{market}": "NYSE", "{ticktype}": "trade",
              "{activity_type}": "FILL"}


def test_every_listed_value_of_a_parameter_is_taken(conform):
    """What the file lists is never refused; what it does not list is, or has no effect."""
    sim = conform.sim
    order_id = order(conform, qty="1")["id"]
    sent = 0
    for method, template, name, many, values in conform.table.parameters:
        if method != "GET":
            continue
        path = template.replace("{order_id}", order_id)
        for word, value in STANDS_FOR.items():
            path = path.replace(word, value)
        query = NEEDED.get(template, "symbols=SPY" if path.startswith("/v2/stocks") else "")
        for value in values + ([",".join(values[:3])] if many else []):
            conform("GET", template, "%s?%s&%s=%s" % (path, query, name, value))
            sent += 1
    assert sent > 150


def test_every_served_path_is_in_the_table():
    source = (ROOT / "daemon/sim/sim_routes.c").read_text()
    served = {(m, p) for m, p in re.findall(r'\{HTTP_(\w+), "([^"]+)"', source)
              if not p.startswith("/sim/") and not p.endswith("/")}  # an id that is missing gets a refusal of its own
    described = {(m, re.sub(r"\{\w+\}", "*", p)) for m, p in Table().ops}
    assert served == described


def test_the_check_sees_what_is_wrong():
    table = Table()
    good = {"timestamp": "2026-11-20T10:00:00-05:00", "is_open": True, "next_open": "2026-11-23T09:30:00-05:00",
            "next_close": "2026-11-20T16:00:00-05:00"}
    table.check("legacy_clock", good, "x")
    for odd in ({"is_open": "true"}, {"is_open": None}, {"next_open": 5}, {"next_open": "tomorrow"}, {"extra": 1}):
        with pytest.raises(AssertionError):
            table.check("legacy_clock", {**good, **odd}, "x")
    with pytest.raises(AssertionError):
        table.check("[legacy_clock]", [{k: v for k, v in good.items() if k != "is_open"}], "x")
    with pytest.raises(AssertionError):
        table.check("number", True, "x")
    for (name, member), (_, why) in EXCEPTIONS.items():
        assert why and (name in table.objects or name == "OrderLeg"), (name, member)
