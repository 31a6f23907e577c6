# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# Market data of paperguard-sim: bars of every timeframe, trades, quotes, snapshots, paging, adjustment, refusals.
import datetime
import json
import random
import urllib.parse

import pytest
from test_sim import start  # noqa: F401  (a fixture)

DAY = datetime.timedelta(days=1)


@pytest.fixture
def sim(start):  # noqa: F811
    return start("--no-rate-limit")


def when(text):
    return datetime.datetime.fromisoformat(text[:19] + "+00:00")


def pages(sim, path, name, limit):
    seen, token = {}, ""
    while token is not None:
        page = sim.get("%s&limit=%d%s" % (path, limit, token and "&page_token=" + token))
        points = page[name] if isinstance(page[name], dict) else {page["symbol"]: page[name]}
        assert sum(len(v) for v in points.values()) <= limit
        for symbol, found in points.items():
            seen.setdefault(symbol, []).extend(found)
        token = page["next_page_token"]
    return seen


def test_minutes_and_hours_come_from_one_path(sim):
    yesterday = (datetime.datetime.now(datetime.timezone.utc) - 2 * DAY).strftime("%Y-%m-%d")
    span = "start=%sT15:00:00Z&end=%sT15:59:59Z" % (yesterday, yesterday)
    minutes = sim.get("/v2/stocks/SPY/bars?timeframe=1Min&" + span)["bars"]
    [hour] = sim.get("/v2/stocks/SPY/bars?timeframe=1Hour&" + span)["bars"]
    assert len(minutes) == 60 and hour["t"] == yesterday + "T15:00:00Z" == minutes[0]["t"]
    assert (minutes[0]["o"], minutes[-1]["c"]) == (hour["o"], hour["c"])
    assert hour["h"] <= max(b["h"] for b in minutes) and hour["l"] >= min(b["l"] for b in minutes)
    assert all(b["l"] <= min(b["o"], b["c"]) <= max(b["o"], b["c"]) <= b["h"] and b["v"] > 0 for b in minutes)
    assert all(a["c"] - b["o"] < 0.05 for a, b in zip(minutes, minutes[1:]))
    fifteen = sim.get("/v2/stocks/SPY/bars?timeframe=15T&" + span)["bars"]
    assert [b["t"][14:16] for b in fifteen] == ["00", "15", "30", "45"]
    assert minutes == sim.get("/v2/stocks/SPY/bars?timeframe=1Min&" + span)["bars"]


def test_the_day_contains_its_minutes(start):  # noqa: F811
    sim = start("--no-rate-limit", "--hours", "exchange")
    [day] = sim.get("/v2/stocks/AAPL/bars?timeframe=1Day&start=2026-11-01&sort=desc&limit=1")["bars"]
    date = when(day["t"]).date()
    minutes = sim.get("/v2/stocks/AAPL/bars?timeframe=1Min&start=%s&end=%s&limit=10000" % (date, date))["bars"]
    assert len(minutes) == 390 and (minutes[0]["t"][11:16] in ("13:30", "14:30"))
    assert abs(minutes[0]["o"] - day["o"]) < 0.05 and abs(minutes[-1]["c"] - day["c"]) < 0.05
    assert max(b["h"] for b in minutes) <= day["h"] and min(b["l"] for b in minutes) >= day["l"]


@pytest.mark.parametrize("path,name", (("bars?timeframe=7Min&", "bars"), ("bars?timeframe=1Week&", "bars"),
                                       ("trades?", "trades"), ("quotes?", "quotes")))
def test_pages_are_the_whole_in_order(sim, path, name):
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) - datetime.timedelta(minutes=20)
    begin = now - (300 * DAY if "Week" in path else datetime.timedelta(hours=3))
    span = "symbols=SPY,AAPL,NOPE&start=%s&end=%s" % (begin.strftime("%Y-%m-%dT%H:%M:%SZ"),
                                                      now.strftime("%Y-%m-%dT%H:%M:%SZ"))
    for order in ("asc", "desc"):
        whole = pages(sim, "/v2/stocks/%s%s&sort=%s" % (path, span, order), name, 10000)
        assert list(whole) == ["AAPL", "SPY"]
        times = [p["t"] for p in whole["SPY"]]
        assert len(times) > 20 and times == sorted(times, reverse=order == "desc") and len(set(times)) == len(times)
        assert begin <= when(min(times)) and when(max(times)) <= now
        assert pages(sim, "/v2/stocks/%s%s&sort=%s" % (path, span, order), name, 13) == whole
        one = pages(sim, "/v2/stocks/SPY/%s%s&sort=%s" % (path, span.split("&", 1)[1], order), name, 17)
        assert one == {"SPY": whole["SPY"]}


def test_a_page_ends_at_256_kib_whatever_its_limit(sim):
    path = "/v2/stocks/SPY/bars?timeframe=1Min&start=2026-09-01&limit=10000"
    status, answer = sim.raw("GET", path)
    page = json.loads(answer)
    assert status == 200 and 256 * 1024 <= len(answer) < 257 * 1024
    assert 1000 < len(page["bars"]) < 10000 and page["next_page_token"]
    following = sim.get(path + "&page_token=" + page["next_page_token"])["bars"]
    assert when(following[0]["t"]) - when(page["bars"][-1]["t"]) == datetime.timedelta(minutes=1)


def test_weeks_and_months_add_up(sim):
    days = sim.get("/v2/stocks/SPY/bars?timeframe=1Day&start=2025-01-01&limit=10000")["bars"]
    for unit, key in (("1Week", lambda d: d - d.weekday() * DAY), ("1Month", lambda d: d.replace(day=1)),
                      ("3M", lambda d: d.replace(day=1, month=1 + (d.month - 1) // 3 * 3))):
        groups = {}
        for b in days:
            groups.setdefault(key(when(b["t"]).date()), []).append(b)
        # The first group may begin before the question does.
        bars = sim.get("/v2/stocks/SPY/bars?timeframe=%s&start=2024-01-01&limit=10000" % unit)["bars"]
        assert [when(b["t"]).date() for b in bars] == list(groups)
        for bar, of in zip(bars, groups.values()):
            assert (bar["o"], bar["c"], bar["v"]) == (of[0]["o"], of[-1]["c"], sum(b["v"] for b in of))
            assert (bar["h"], bar["l"]) == (max(b["h"] for b in of), min(b["l"] for b in of))


def test_adjustments(sim):
    path = "/v2/stocks/AAPL/bars?timeframe=1Day&start=2020-01-01&limit=1&adjustment="
    first = {a: sim.get(path + a)["bars"][0] for a in ("raw", "split", "dividend", "all", "spin-off,split", "raw,split")}
    assert first["raw"] == first["dividend"] and first["split"] == first["all"] == first["spin-off,split"]
    assert round(first["raw"]["c"] / first["split"]["c"], 2) == 4
    assert first["split"]["v"] == 4 * first["raw"]["v"]


def test_a_coming_split_is_in_no_price_yet(start):  # noqa: F811
    sim = start("--no-rate-limit", "--begin", "2020-08-28")
    path = "/v2/stocks/AAPL/bars?timeframe=1Day&start=2020-01-01&limit=10000&adjustment="
    assert sim.get(path + "raw") == sim.get(path + "split")
    assert 490 < sim.get("/v2/stocks/AAPL/trades/latest")["trade"]["p"] < 510


def test_latest_of_one_and_of_many(sim):
    sim.fix("SPY", "371.5", bid="371.25", ask="371.75")
    for name, one, price in (("trades", "trade", "p"), ("quotes", "quote", "ap"), ("bars", "bar", "c")):
        many = sim.get("/v2/stocks/%s/latest?symbols=TLT,SPY,,NOPE,%s,SPY" % (name, 36 * "A"))[name]
        single = sim.get("/v2/stocks/SPY/%s/latest?feed=iex" % name)
        assert list(many) == ["SPY", "TLT"] and single["symbol"] == "SPY"
        assert single[one][price] == many["SPY"][price] == (371.75 if name == "quotes" else 371.5)
        assert sim.raw("GET", "/v2/stocks/%s/latest?symbols=SPY,SPY" % name)[1].count(b'"SPY"') == 1
        assert set(sim.get("/v2/stocks/NOPE/%s/latest" % name, 404)) == {"message"}


def test_snapshots(start):  # noqa: F811
    for hours in ("always", "exchange"):
        sim = start("--no-rate-limit", "--hours", hours)
        many = sim.get("/v2/stocks/snapshots?symbols=SPY,NOPE")
        assert list(many) == ["SPY"]
        s = sim.get("/v2/stocks/SPY/snapshot")
        assert s.pop("symbol") == "SPY" and set(s) == set(many["SPY"]) == {
            "latestTrade", "latestQuote", "minuteBar", "dailyBar", "prevDailyBar"}
        assert s["prevDailyBar"] == many["SPY"]["prevDailyBar"]
        assert when(s["prevDailyBar"]["t"]) < when(s["dailyBar"]["t"]) <= when(s["latestTrade"]["t"])
        assert s["dailyBar"]["l"] <= s["latestTrade"]["p"] <= s["dailyBar"]["h"]
        days = sim.get("/v2/stocks/SPY/bars?timeframe=1Day&start=2020-01-01&sort=desc&limit=2")["bars"]
        assert s["prevDailyBar"] in days
        assert set(sim.get("/v2/stocks/NOPE/snapshot", 404)) == {"message"}
        if hours == "always":  # the day's own bar, not the one before
            assert when(s["latestTrade"]["t"]) - when(s["dailyBar"]["t"]) < datetime.timedelta(hours=25)
            assert s["minuteBar"]["t"][:16] >= s["latestTrade"]["t"][:16]
        sim.stop()
        sim.port_file.unlink()


def test_the_latest_minute_is_the_last_that_was_traded_in(start):  # noqa: F811
    sim = start("--no-rate-limit", "--hours", "exchange")
    before, bar, after = sim.get("/v2/clock"), sim.get("/v2/stocks/SPY/bars/latest")["bar"], sim.get("/v2/clock")
    assert bar["t"].endswith(":00Z") and bar["l"] <= bar["c"] <= bar["h"]
    if not before["is_open"] and not after["is_open"]:
        assert bar["t"][11:16] in ("19:59", "20:59", "16:59", "17:59")  # before a close, also an early one


def test_refusals_have_no_code(sim):
    for path in ("bars?timeframe=1Day", "bars?symbols=SPY", "bars?symbols=SPY&timeframe=1Fortnight",
                 "bars?symbols=SPY&timeframe=24Hour", "bars?symbols=SPY&timeframe=5Month",
                 "bars?symbols=SPY&timeframe=1Day&sort=up", "bars?symbols=SPY&timeframe=1Day&feed=cnn",
                 "bars?symbols=SPY&timeframe=1Day&page_token=zz", "bars?symbols=spy&timeframe=1Day",
                 "trades?symbols=SPY&limit=10001", "trades?symbols=SPY&start=yesterday", "quotes?symbols=SPY&currency=EUR",
                 "trades/latest", "snapshots?symbols=", "meta/conditions/trade", "meta/conditions/odd?tape=A"):
        assert set(sim.get("/v2/stocks/" + path, 400)) == {"message"}, path
    assert sim.get("/v2/stocks/meta/exchanges")["V"] == "IEX"
    assert "@" in sim.get("/v2/stocks/meta/conditions/trade?tape=C")


PATHS = ("/v2/stocks/bars", "/v2/stocks/SPY/bars", "/v2/stocks/trades", "/v2/stocks/AAPL/quotes", "/v2/stocks/snapshots",
         "/v2/stocks/TLT/trades/latest", "/v2/calendar", "/v3/calendar/NYSE", "/v3/clock", "/v2/assets", "/v2/orders",
         "/v2/account/activities", "/v2/account/activities/FILL", "/v2/account/portfolio/history", "/v1/corporate-actions",
         "/v2/corporate_actions/announcements", "/v2/watchlists:by_name", "/v2/stocks/meta/conditions/quote")
NAMES = """symbols start end limit sort timeframe adjustment feed page_token period time markets status direction after until date
page_size category activity_types pnl_reset intraday_reporting cashflow_types types ids since ca_types name tape timezone
date_type exchange""".split()
VALUES = ("SPY", "SPY,AAPL,", ",", "1", "0", "-1", "9999999999999999999", "10000", "desc", "1Min", "59T", "23H", "1Day", "12M", "3W",
          "9999D", "9999W", "9999M", "99A", "0001-01-01", "9999-12-31", "1969-07-20", "2026-11-20", "2026-11-20T15:00:00Z",
          "9999-12-31T23:59:59.999999999Z", "all", "ALL", "split,all", "NYSE", "UTC", "FILL", "53505900", "5350597c31", "\0", "\u2026",
          "x" * 600, "%", "", "continuous", "no_reset", "SETTLEMENT", "non_trade_activity", "split")


@pytest.mark.parametrize("hours", ("always", "exchange"))
def test_odd_questions_are_answered_or_refused(start, hours):  # noqa: F811
    sim, draw = start("--no-rate-limit", "--hours", hours), random.Random(5)
    statuses = []
    for _ in range(400):
        query = {draw.choice(NAMES): draw.choice(VALUES) for _ in range(draw.randint(0, 5))}
        path = draw.choice(PATHS) + "?" + urllib.parse.urlencode(query)
        begun = datetime.datetime.now()
        status, answer = sim.raw("GET", path)
        assert status in (200, 400, 404, 422), path
        assert isinstance(json.loads(answer), (dict, list)), path
        assert datetime.datetime.now() - begun < datetime.timedelta(seconds=5), path
        statuses.append(status)
    assert statuses.count(200) > 50 and len(statuses) - statuses.count(200) > 50
