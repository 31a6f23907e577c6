# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# paperguard-sim beside orders and prices: settings, watchlists, portfolio history, activities without a trade, corporate
# actions, calendars of both versions, marks on symbols.
import datetime
import shutil
from decimal import Decimal

import pytest
from test_sim import NUMBER, ROOT, UUID, WHEN, sim, start  # noqa: F401  (fixtures)


def test_settings_are_kept_and_checked(sim):  # noqa: F811
    path = "/v2/account/configurations"
    usual = sim.get(path)
    assert usual == {"dtbp_check": "entry", "trade_confirm_email": "none", "suspend_trade": False, "no_shorting": False,
                     "fractional_trading": True, "max_options_trading_level": 3, "max_margin_multiplier": "4",
                     "pdt_check": "entry", "ptp_no_exception_entry": False, "disable_overnight_trading": False}
    change = {"dtbp_check": "both", "trade_confirm_email": "all", "no_shorting": True, "fractional_trading": False,
              "max_options_trading_level": None, "max_margin_multiplier": "1", "pdt_check": "exit",
              "ptp_no_exception_entry": True, "disable_overnight_trading": True}
    assert sim.call("PATCH", path, change) == {**usual, **change} == sim.get(path)
    for odd in ({"suspend_trade": "true"}, {"max_margin_multiplier": "3"}, {"max_margin_multiplier": 2},
                {"dtbp_check": "never"}, {"trade_confirm_email": ""}, {"max_options_trading_level": 4},
                {"no_shorting": False, "pdt_check": 1}):
        assert sim.call("PATCH", path, odd, 422)["code"] == 40010001
    assert sim.call("PATCH", path, "[]", 400)["code"] == 40010000
    assert sim.get(path) == {**usual, **change}  # all or nothing


def test_settings_have_their_effect(sim):  # noqa: F811
    sim.fix("SPY", "100")
    path = "/v2/account/configurations"
    sim.call("PATCH", path, {"max_margin_multiplier": "1"})
    account = sim.get("/v2/account")
    assert (account["multiplier"], account["buying_power"], account["shorting_enabled"]) == ("1", "100000", False)
    sim.order(403, qty="1100")
    sim.call("PATCH", path, {"max_margin_multiplier": "2"})
    assert sim.get("/v2/account")["buying_power"] == "200000"
    sim.call("PATCH", path, {"fractional_trading": False, "no_shorting": True})
    assert sim.order(403, qty="0.5")["message"] == "fractional trading is disabled for this account"
    assert sim.order(403, qty="1", side="sell")["message"] == "account is not allowed to short"


def test_watchlists(sim):  # noqa: F811
    assert sim.get("/v2/watchlists") == []
    made = sim.call("POST", "/v2/watchlists", {"name": "my list", "symbols": ["SPY", "TLT", "SPY"]})
    assert UUID.match(made["id"]) and WHEN.match(made["created_at"]) and made["account_id"] == sim.get("/v2/account")["id"]
    assert [a["symbol"] for a in made["assets"]] == ["SPY", "TLT"] and made["assets"][0] == sim.get("/v2/assets/SPY")
    by_id, by_name = "/v2/watchlists/" + made["id"], "/v2/watchlists:by_name?name=my%20list"
    assert sim.get(by_id) == made == sim.get(by_name) == sim.get(by_name.replace(":", "%3A"))
    [listed] = sim.get("/v2/watchlists")
    assert listed == {k: v for k, v in made.items() if k != "assets"}

    def symbols(answer):
        return [a["symbol"] for a in answer["assets"]]
    assert symbols(sim.call("POST", by_id, {"symbol": "AAPL"})) == ["SPY", "TLT", "AAPL"]
    assert symbols(sim.call("POST", by_name, {"symbol": "GLD"})) == ["SPY", "TLT", "AAPL", "GLD"]
    assert symbols(sim.call("DELETE", by_id + "/TLT")) == ["SPY", "AAPL", "GLD"]
    sim.call("DELETE", by_id + "/TLT", None, 404)
    put = sim.call("PUT", by_id, {"name": "other", "symbols": ["IEF"]})
    assert (put["name"], symbols(put), put["created_at"]) == ("other", ["IEF"], made["created_at"])
    assert put["updated_at"] > made["updated_at"]
    assert symbols(sim.call("PUT", "/v2/watchlists:by_name?name=other", {"name": "my list"})) == ["IEF"]
    sim.call("POST", "/v2/watchlists", {"name": "my list"}, 422)
    for odd in ({}, {"name": ""}, {"name": "x" * 65}, {"name": "n", "symbols": ["NOPE"]}, {"name": 5}):
        assert sim.call("POST", "/v2/watchlists", odd, 422)["code"] == 40010001
    sim.call("POST", by_id, {"symbol": "NOPE"}, 422)
    sim.call("POST", "/v2/watchlists", {"name": "\u00e4" * 64})
    assert sim.raw("DELETE", by_id) == (204, b"")
    for path in (by_id, by_name):
        assert sim.get(path, 404)["code"] == 40410000
    sim.call("DELETE", by_name, None, 404)
    assert len(sim.get("/v2/watchlists")) == 1


def test_portfolio_history_ends_with_what_the_account_is_worth(sim):  # noqa: F811
    sim.fix("SPY", "100")
    sim.filled(sim.order(qty="50"))
    sim.call("POST", "/sim/cash", {"type": "CSD", "amount": "1000"})
    sim.fix("SPY", "103.5")
    for frame, days in (("1Min", 1), ("5Min", 1), ("15Min", 20), ("1H", 20), ("1D", 400)):
        h = sim.get("/v2/account/portfolio/history?timeframe=%s&period=%dD" % (frame, days))
        assert h["timeframe"] == frame and h["base_value"] == 100000 and h["cashflow"] == {}
        n = len(h["timestamp"])
        assert n >= 1 and all(len(h[k]) == n for k in ("equity", "profit_loss", "profit_loss_pct"))
        assert h["timestamp"] == sorted(set(h["timestamp"])) and all(isinstance(t, int) for t in h["timestamp"])
        assert (h["equity"][-1], h["profit_loss"][-1], h["profit_loss_pct"][-1]) == (101175, 175, 0.00175)
        assert h["equity"][-1] == float(sim.get("/v2/account")["equity"])
        datetime.date.fromisoformat(h["base_value_asof"])
    flows = sim.get("/v2/account/portfolio/history?period=1D&cashflow_types=ALL")
    assert list(flows["cashflow"]) == ["CSD"] and sum(flows["cashflow"]["CSD"]) == 1000
    assert sim.get("/v2/account/portfolio/history?period=1D&cashflow_types=DIV")["cashflow"] == {}
    defaults = {"period=1D": "1Min", "period=3W": "15Min", "period=3M": "1D", "": "1D", "period=1A": "1D"}
    assert {p: sim.get("/v2/account/portfolio/history?" + p)["timeframe"] for p in defaults} == defaults
    assert len(sim.get("/v2/account/portfolio/history?period=1D&timeframe=1H&end=2020-01-01")["equity"]) == 0
    for odd in ("period=5X", "period=0D", "timeframe=2Min", "timeframe=1Min&period=2M", "pnl_reset=never",
                "start=2026-01-01&end=2026-02-01&period=1M", "intraday_reporting=odd", "start=soon"):
        assert sim.get("/v2/account/portfolio/history?" + odd, 422)["code"] == 40010001, odd


def test_activities_of_cash_lie_between_the_fills(sim):  # noqa: F811
    sim.fix("SPY", "100")
    sim.filled(sim.order(qty="4"))
    sim.call("POST", "/sim/cash", {"type": "DIV", "amount": "6", "symbol": "SPY"})
    sim.filled(sim.order(qty="1"))
    sim.call("POST", "/sim/cash", {"type": "CSW", "amount": "-250.5"})
    every = sim.get("/v2/account/activities?direction=asc")
    assert [a["activity_type"] for a in every] == ["FILL", "DIV", "FILL", "CSW"]
    assert sim.get("/v2/account/activities") == every[::-1]
    div = every[1]
    assert WHEN.match(div.pop("created_at")) and div.pop("id")[8:19] == "000000000::"
    datetime.date.fromisoformat(div.pop("date"))
    assert div == {"activity_type": "DIV", "net_amount": "6", "symbol": "SPY", "qty": "4", "per_share_amount": "1.5",
                   "status": "executed", "currency": "USD"}
    assert sim.get("/v2/account")["cash"] == "99255.5"
    for query, types in (("?activity_types=FILL", ["FILL", "FILL"]), ("/DIV?", ["DIV"]), ("?activity_types=TRANS", ["CSW"]),
                         ("?activity_types=DIV,CSW", ["DIV", "CSW"]), ("?category=non_trade_activity", ["DIV", "CSW"]),
                         ("?category=trade_activity", ["FILL", "FILL"]), ("/SPLIT?", [])):
        page = sim.get("/v2/account/activities%s&direction=asc" % query)
        assert [a["activity_type"] for a in page] == types
    assert sim.get("/v2/account/activities?category=odd", 422)["code"] == 40010001
    for direction, whole in (("asc", every), ("desc", every[::-1])):
        seen, token = [], ""
        while len(seen) < 4:
            seen += sim.get("/v2/account/activities?page_size=1&direction=%s%s" % (direction, token))
            token = "&page_token=" + seen[-1]["id"].replace(":", "%3A")
        assert [a["id"] for a in seen] == [a["id"] for a in sim.get("/v2/account/activities?direction=" + direction)]
        assert sim.get("/v2/account/activities?page_size=1&direction=%s%s" % (direction, token)) == []
    for odd in ({"type": "FILL", "amount": "1"}, {"type": "CSD", "amount": "-1"}, {"type": "CSD", "amount": "0.001"},
                {"type": "DIV", "amount": "1", "symbol": "NOPE"}, {"amount": "1"}):
        assert set(sim.call("POST", "/sim/cash", odd, 400)) == {"message"}


def test_fees_of_each_fill(start):  # noqa: F811
    sim = start("--fees", "fill", "--fill-delay-ms", "5", "--partial-rate", "0", "--no-rate-limit")  # noqa: F811
    sim.fix("SPY", "400")
    sim.filled(sim.order(qty="25"))
    sim.filled(sim.order(qty="25", side="sell"))
    fees = sim.get("/v2/account/activities/FEE?direction=asc")
    assert [(f["activity_sub_type"], f["net_amount"]) for f in fees] == [("REG", "-0.21"), ("TAF", "-0.01")]
    assert sim.get("/v2/account")["cash"] == "99999.78"
    state = sim.get("/sim/state")
    moved = sum(Decimal(f["cash"]) for f in state["fills"]) + sum(Decimal(a["net_amount"]) for a in state["activities"])
    assert Decimal(state["opening_cash"]) + moved == Decimal(state["cash"])


def test_corporate_actions(start):  # noqa: F811
    sim = start("--begin", "2020-08-28", "--no-rate-limit")  # noqa: F811
    whole = sim.get("/v1/corporate-actions?start=2020-01-01&end=2029-12-31")
    [split] = whole["corporate_actions"]["forward_splits"]
    assert whole["next_page_token"] is None and list(whole["corporate_actions"]) == ["forward_splits"]
    assert (split["symbol"], split["new_rate"], split["old_rate"]) == ("AAPL", 4, 1)
    tomorrow = datetime.date.fromisoformat(sim.get("/v2/clock")["timestamp"][:10]) + datetime.timedelta(days=1)
    assert split["ex_date"] == split["process_date"] == str(tomorrow)
    span = "start=%s&end=%s" % (tomorrow, tomorrow)
    for query, found in (("", 0), (span, 1), (span + "&symbols=SPY,AAPL", 1), (span + "&symbols=SPY", 0),
                         (span + "&types=cash_dividend", 0), (span + "&types=cash_dividend,forward_split", 1),
                         ("ids=" + split["id"], 1), ("ids=" + sim.get("/v2/account")["id"], 0),
                         (span + "&sort=desc&limit=1", 1)):
        actions = sim.get("/v1/corporate-actions?" + query)["corporate_actions"]
        assert len(actions.get("forward_splits", [])) == found, query
    for odd in ("types=odd", "limit=0", "start=x", "sort=up", "ids=%s&symbols=SPY" % split["id"]):
        assert set(sim.get("/v1/corporate-actions?" + odd, 400)) == {"message"}
    [old] = sim.get("/v2/corporate_actions/announcements?ca_types=split&since=%s&until=%s" % (tomorrow, tomorrow))
    assert (old["initiating_symbol"], old["new_rate"], old["old_rate"], old["id"]) == ("AAPL", "4", "1", split["id"])
    one = sim.get("/v2/corporate_actions/announcements/" + split["id"])
    assert one.pop("corporate_actions_id") == old.pop("corporate_action_id")
    assert one == {k: v for k, v in old.items() if k != "ex_date"}
    sim.get("/v2/corporate_actions/announcements?ca_types=split&since=2020-01-01&until=2026-01-01", 422)
    sim.get("/v2/corporate_actions/announcements", 422)
    sim.get("/v2/corporate_actions/announcements/none", 404)


def test_dividends_of_other_data(start, tmp_path):  # noqa: F811
    shutil.copytree(ROOT / "conf/sample-data", tmp_path / "data")
    with open(tmp_path / "data/corporate_actions.csv", "a") as f:
        f.write("SPY,2020-08-31,dividend,1.5,test\nTLT,2020-08-27,dividend,2,test\nQQQ,2020-08-31,split,1:10,test\n")
    sim = start("--data", tmp_path / "data", "--begin", "2020-08-28", "--no-rate-limit")  # noqa: F811
    actions = sim.get("/v1/corporate-actions?start=2020-01-01&end=2029-12-31")["corporate_actions"]
    assert [(d["symbol"], d["rate"]) for d in actions["cash_dividends"]] == [("TLT", 2), ("SPY", 1.5)]
    assert [s["symbol"] for s in actions["forward_splits"]] == ["AAPL"]
    [reverse] = actions["reverse_splits"]
    assert (reverse["symbol"], reverse["new_rate"], reverse["old_rate"]) == ("QQQ", 1, 10) and "new_cusip" in reverse
    seen, token = [], ""
    while token is not None:
        page = sim.get("/v1/corporate-actions?start=2020-01-01&end=2029-12-31&limit=1&page_token=" + (token or "0"))
        seen += [a["symbol"] for kind in page["corporate_actions"].values() for a in kind]
        token = page["next_page_token"]
    assert seen == ["TLT", "AAPL", "QQQ", "SPY"]
    only = sim.get("/v1/corporate-actions?start=2020-01-01&end=2029-12-31&types=cash_dividend")["corporate_actions"]
    assert list(only) == ["cash_dividends"]
    path = "/v2/stocks/TLT/bars?timeframe=1Day&start=2020-01-01&sort=desc&limit=3&adjustment="
    raw, paid, whole = (sim.get(path + a)["bars"] for a in ("raw", "dividend", "all"))
    assert paid == whole and [r["c"] - p["c"] for r, p in zip(raw, paid)][0] == 0
    assert abs(raw[1]["c"] - paid[1]["c"] - 2) < 0.001 and raw == sim.get(path + "split")["bars"]


def test_clocks_and_calendars_of_several_markets(start):  # noqa: F811
    sim = start("--hours", "exchange", "--no-rate-limit")  # noqa: F811
    both = sim.get("/v3/clock?time=2026-11-27T18:30:00Z")["clocks"]  # after an early close
    assert [c["market"]["acronym"] for c in both] == ["NYSE", "NASDAQ"]
    nyse = both[0]
    assert (nyse["phase"], nyse["phase_until"], nyse["is_market_day"]) == ("post", "2026-11-27T17:00:00-05:00", True)
    assert (nyse["next_market_open"], nyse["next_market_close"]) == ("2026-11-30T09:30:00-05:00", "2026-11-30T16:00:00-05:00")
    phases = {t: sim.get("/v3/clock?markets=XNYS&time=" + t)["clocks"][0]["phase"] for t in (
        "2026-11-27T08:59:59Z", "2026-11-27T09:00:00Z", "2026-11-27T14:30:00Z", "2026-11-28T15:00:00Z")}
    assert list(phases.values()) == ["closed", "pre", "core", "closed"]
    c = sim.get("/v3/calendar/NYSE?start=2026-11-25&end=2026-11-27&timezone=UTC")
    assert [d["date"] for d in c["calendar"]] == ["2026-11-25", "2026-11-27"]
    assert c["calendar"][1] == {
        "date": "2026-11-27", "pre_start": "2026-11-27T09:00:00Z", "pre_end": "2026-11-27T14:30:00Z",
        "core_start": "2026-11-27T14:30:00Z", "core_end": "2026-11-27T18:00:00Z", "post_start": "2026-11-27T18:00:00Z",
        "post_end": "2026-11-27T22:00:00Z", "settlement_date": "2026-11-30"}
    assert 4 <= len(sim.get("/v3/calendar/NASDAQ")["calendar"]) <= 6
    for path in ("/v3/clock?markets=LSE", "/v3/clock?time=x", "/v3/calendar/LSE", "/v3/calendar/NYSE?start=x"):
        assert set(sim.get(path, 400)) == {"message"}
    settled = sim.get("/v2/calendar?start=2026-11-27&end=2026-11-30&date_type=SETTLEMENT")
    assert [d["date"] for d in settled] == ["2026-11-25", "2026-11-27"]


def test_assets_are_filtered(sim):  # noqa: F811
    sim.call("POST", "/sim/symbol", {"symbol": "TLT", "tradable": False, "fractionable": False, "shortable": False})
    asset = sim.get("/v2/assets/TLT")
    assert [asset[k] for k in ("tradable", "fractionable", "shortable", "borrow_status")] == \
        [False, False, False, "hard_to_borrow"]
    sim.call("POST", "/sim/symbol", {"symbol": "GLD", "active": False})
    assert [a["symbol"] for a in sim.get("/v2/assets?status=inactive")] == ["GLD"]
    assert "GLD" not in [a["symbol"] for a in sim.get("/v2/assets?status=active")]
    assert {a["exchange"] for a in sim.get("/v2/assets?exchange=ARCA")} == {"ARCA"}
    assert sim.get("/v2/assets?asset_class=crypto") == sim.get("/v2/assets?attributes=ipo") == []
    assert len(sim.get("/v2/assets")) == 10
    for odd in ("exchange=MOON", "status=odd"):
        assert sim.get("/v2/assets?" + odd, 422)["code"] == 40010001


@pytest.mark.parametrize("name", ("qty", "avg_entry_price", "cost_basis", "market_value"))
def test_positions_are_decimals(sim, name):  # noqa: F811
    sim.fix("SPY", "33.333")
    sim.filled(sim.order(qty="0.3"))
    assert NUMBER.match(sim.get("/v2/positions/SPY")[name])
