# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The strategies that come with the daemon: their figures computed a second time, here, from the sample prices; and all of
them in one run, each with its own book on one account."""
import csv
import json
import re
import subprocess
from decimal import ROUND_FLOOR, Decimal, getcontext

import pytest

from harness import ROOT, STRATEGIES, Site, Strategy, until
from harness.site import QUIET_SIM

getcontext().prec = 60
NANO = Decimal("0.000000001")
ALL = "AAPL AMZN GLD GOOG IEF IWM MSFT QQQ SPY TLT".split()
SPLIT_DAY = "2020-08-31"  # AAPL 4:1


def closes(symbol, session):
    """(day, close) before the session, adjusted for splits as of it."""
    with open(ROOT / f"conf/sample-data/prices/{symbol}.csv", encoding="ascii") as f:
        rows = [(r["date"], Decimal(r["close"])) for r in csv.DictReader(f)]
    if symbol == "AAPL" and session >= SPLIT_DAY:
        rows = [(day, close / 4 if day < SPLIT_DAY else close) for day, close in rows]
    return [row for row in rows if row[0] < session]


def given(symbols, session, params, sessions=500, bars=None):
    bars = bars or {s: closes(s, session)[-sessions:] for s in symbols}
    return {"contract": 1, "run": {"id": "r", "strategy": "model", "account": "PA1", "session": session, "slot": "15:30",
                                   "as_of": f"{session}T19:30:00Z", "close": f"{session}T20:00:00Z"},
            "account": {"equity": "1000", "cash": "1000", "buying_power": "1000"}, "capital": "1000", "positions": [],
            "prices": {s: {"price": "100", "as_of": f"{session}T19:30:00Z"} for s in symbols},
            "bars": {s: [{"t": f"{day}T05:00:00Z", "o": str(c), "h": str(c), "l": str(c), "c": str(c), "v": 1} for day, c in rows]
                     for s, rows in bars.items()},
            "params": params}


def ask(model, data):
    done = subprocess.run([STRATEGIES / model], input=json.dumps(data), capture_output=True, text=True, timeout=20,
                          env={"PATH": "/usr/bin:/bin"})
    return done.returncode, done.stdout, done.stderr


def weights(model, data):
    status, out, err = ask(model, data)
    assert status == 0 and err == "", err
    answer = json.loads(out)
    assert answer["contract"] == 1 and answer["model"]["name"] == model.replace("_", "-")
    return {t["symbol"]: Decimal(t["weight"]) for t in answer["targets"]}


# --- the same once more, with decimals of sixty digits

def floor(value):
    return value.quantize(NANO, ROUND_FLOOR)


def months_before(session, months):
    """The same day of an earlier month, or its last, as text that compares."""
    year, month, day = map(int, session.split("-"))
    year, month = divmod(year * 12 + month - 1 - months, 12)
    last = [31, 29 if year % 4 == 0 and (year % 100 or year % 400 == 0) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month]
    return f"{year:04}-{month + 1:02}-{min(day, last):02}"


def momentum(bars, session, months, top, gross=Decimal(1)):
    start = months_before(session, months)
    gain = {s: rows[-1][1] / [c for day, c in rows if day <= start][-1] for s, rows in bars.items()}
    best = sorted(gain, key=lambda s: (-gain[s], s))[:top]
    return {s: floor(gross / top) if s in best else Decimal(0) for s in bars}


def inverse_volatility(bars, days, gross=Decimal(1)):
    inverse = {}
    for symbol, rows in bars.items():
        last = [c for _, c in rows][-days - 1:]
        returns = [(b / a).ln() for a, b in zip(last, last[1:])]
        mean = sum(returns) / days
        inverse[symbol] = 1 / (sum((r - mean) ** 2 for r in returns) / (days - 1)).sqrt()
    return {s: floor(gross * i / sum(inverse.values())) for s, i in inverse.items()}


# --- one program at a time

def test_momentum_of_the_manual():
    assert weights("momentum", given(["SPY", "TLT", "GLD"], "2020-10-15", {"months": 6, "top": 2})) == {
        "SPY": Decimal("0.5"), "GLD": Decimal("0.5"), "TLT": 0}


def test_inverse_volatility_of_the_manual():
    assert weights("inverse_volatility", given(["SPY", "TLT", "GLD"], "2020-10-15", {"days": 3})) == {
        "SPY": Decimal("0.136199005"), "TLT": Decimal("0.682059834"), "GLD": Decimal("0.181741159")}


@pytest.mark.parametrize("session", ["2020-03-31", "2020-08-31", "2020-09-01", "2020-10-15", "2020-12-31"])
@pytest.mark.parametrize("months,top,gross", [(1, 1, "1"), (6, 3, "0.95"), (9, 7, "0.123456789")])
def test_momentum_is_what_one_computes_by_hand(session, months, top, gross):
    data = given(ALL, session, {"months": months, "top": top, "gross": gross})
    found = weights("momentum", data)
    assert found == momentum({s: closes(s, session) for s in ALL}, session, months, top, Decimal(gross))
    assert sum(1 for w in found.values() if w) == top and sum(found.values()) <= Decimal(gross)


@pytest.mark.parametrize("session", ["2020-03-31", "2020-08-31", "2020-09-01", "2020-10-15", "2020-12-31"])
@pytest.mark.parametrize("days,gross", [(2, "1"), (20, "0.9"), (120, "1")])
def test_inverse_volatility_is_what_one_computes_by_hand(session, days, gross):
    data = given(ALL, session, {"days": days, "gross": gross})
    found = weights("inverse_volatility", data)
    assert found == inverse_volatility({s: closes(s, session) for s in ALL}, days, Decimal(gross))
    assert Decimal(gross) - len(ALL) * NANO <= sum(found.values()) <= Decimal(gross)


def test_the_split_makes_no_difference():
    """AAPL went from 499.23 to 129.04 in a 4:1 split; in its bars, adjusted as of the session, it rose by 3.4%."""
    rows = dict(closes("AAPL", "2020-09-01"))
    assert rows["2020-08-28"] == Decimal("499.23") / 4 and rows["2020-08-31"] == Decimal("129.04")
    assert weights("momentum", given(ALL, "2020-09-01", {"months": 1, "top": 1})) == {
        **{s: 0 for s in ALL}, "AAPL": 1}
    raw = {s: closes(s, "2020-08-01") + closes(s, "2020-09-01")[len(closes(s, "2020-08-01")):] for s in ALL}
    assert dict(raw["AAPL"])["2020-07-31"] > 300, "not adjusted"
    assert weights("momentum", given(ALL, "2020-09-01", {"months": 1, "top": 1}, bars=raw))["AAPL"] == 0


def test_the_universe_may_be_named():
    data = given(ALL, "2020-10-15", {"months": 6, "top": 1, "symbols": ["TLT", "IEF"]})
    assert weights("momentum", data) == {"IEF": 1, "TLT": 0}


def test_equal_returns_go_by_symbol():
    rows = closes("SPY", "2020-10-15")
    data = given(["BBB", "AAA"], "2020-10-15", {"months": 6, "top": 1}, bars={"BBB": rows, "AAA": rows})
    assert weights("momentum", data) == {"AAA": 1, "BBB": 0}


def shifted(symbols, session, change):
    bars = {s: closes(s, session)[-200:] for s in symbols}
    change(bars)
    return bars


def drop_last(bars):
    bars["TLT"].pop()


def drop_one(bars):
    del bars["TLT"][-3]


def flat(bars):
    bars["TLT"] = [(day, Decimal(100)) for day, _ in bars["TLT"]]


def jump(bars):
    bars["TLT"][-1] = (bars["TLT"][-1][0], bars["TLT"][-2][1] / 10)


def zero(bars):
    bars["TLT"][-2] = (bars["TLT"][-2][0], Decimal(0))


def swap(bars):
    bars["TLT"][-2], bars["TLT"][-3] = bars["TLT"][-3], bars["TLT"][-2]


def none(bars):
    bars["TLT"] = []


def future(bars):
    bars["TLT"].append(("2020-10-15", Decimal(1)))


def hole(bars):
    bars["TLT"] = [row for row in bars["TLT"] if not "2020-04-01" <= row[0] <= "2020-04-15"]


def whole(bars):
    pass


M, V = "momentum", "inverse_volatility"
REFUSED = [
    (M, {"top": 1}, whole, "params.months is missing"), (M, {"months": 6}, whole, "params.top is missing"),
    (M, {"months": 0, "top": 1}, whole, "params.months is 0, expected 1 to 60"),
    (M, {"months": "6", "top": 1}, whole, "params.months"), (M, {"months": 6, "top": 3}, whole, "there are 2 symbols"),
    (M, {"months": 6, "top": 1, "tpo": 2}, whole, "tpo"), (M, {"months": 6, "top": 1, "gross": "1.1"}, whole, "params.gross"),
    (M, {"months": 6, "top": 1, "gross": 1}, whole, "params.gross"), (M, {"months": 6, "top": 1, "gross": "0"}, whole, "params.gross"),
    (M, {"months": 6, "top": 1, "symbols": ["QQQ"]}, whole, "QQQ"), (M, {"months": 6, "top": 1, "symbols": []}, whole, "params.symbols"),
    (M, {"months": 6, "top": 1, "symbols": ["TLT", "TLT"]}, whole, "twice"),
    (M, {"months": 12, "top": 1}, whole, "lookback_days = 274"), (M, {"months": 6, "top": 1}, drop_last, "newest bar"),
    (M, {"months": 6, "top": 1}, hole, "no bar between"), (M, {"months": 6, "top": 1}, none, "no bars"),
    (M, {"months": 6, "top": 1}, future, "not before the session"),
    (V, {}, whole, "params.days is missing"), (V, {"days": 1}, whole, "expected 2 to 1000"),
    (V, {"days": 200}, whole, "lookback_days = 201"), (V, {"days": 20}, drop_one, "different days"),
    (V, {"days": 20}, flat, "hardly moved"), (V, {"days": 20}, jump, "factor of 10"), (V, {"days": 20}, zero, "not above zero"),
    (V, {"days": 20}, swap, "not in order"),
]


@pytest.mark.parametrize("model,params,change,words", REFUSED)
def test_what_is_off_is_refused_whole(model, params, change, words):
    symbols = ["SPY", "TLT"]
    status, out, err = ask(model, given(symbols, "2020-10-15", params, bars=shifted(symbols, "2020-10-15", change)))
    assert status == 1 and out == "" and words in err, err


def test_the_manual_has_the_figures():
    page = (ROOT / "man/paperguard-strategies.7").read_text()
    for word in ("0.136199005", "0.682059834", "0.181741159", "25.26", "10.15", "\\-3.60"):
        assert word in page, word
    for symbol in ("SPY", "TLT", "GLD"):
        for day, close in closes(symbol, "2020-10-15"):
            if day == "2020-04-15" or day >= "2020-10-09":
                assert re.search(rf"\b{close}\b", page), f"{symbol} {day}"


# --- all of them together

def test_all_three_on_one_account(pg):
    """Overlapping symbols: each strategy trades against its own book, and what the account holds is the sum of the books."""
    site = Site(pg, strategies=[
        Strategy("fixed", weights={"SPY": "0.5", "TLT": "0.4"}, allocation="0.3"),
        Strategy("mom", command=STRATEGIES / "momentum", weights={s: 0 for s in ALL}, allocation="0.3", lookback_days="200",
                 params='{"months":6,"top":3}'),
        Strategy("vol", command=STRATEGIES / "inverse_volatility", weights={s: 0 for s in ("SPY", "TLT", "GLD", "IEF")},
                 allocation="0.4", lookback_days="61", params='{"days":60,"gross":"0.95"}')])
    try:
        site.begin()
        row = site.run_whole("fixed", "mom", "vol")
        members = {m["strategy"]: m for m in site.sql("SELECT * FROM run_members WHERE run_id = %s", row["run_id"])}
        assert all(m["status"] == "ok" for m in members.values()), {n: m["detail"] for n, m in members.items()}
        assert row["status"] == "completed" and row["settled"], row
        assert {n: m["model_name"] for n, m in members.items()} == {
            "fixed": "fixed-weights", "mom": "momentum", "vol": "inverse-volatility"}
        told = {n: {t["symbol"]: Decimal(t["weight"]) for t in m["targets"]} for n, m in members.items()}
        session = str(row["session"])
        bars = {}
        for s in ALL:  # from the exchange itself, not through the daemon
            page = site.sim.get(f"/v2/stocks/bars?symbols={s}&timeframe=1Day&adjustment=split&limit=10000&start="
                                f"{months_before(session, 13)}&end={session}")
            bars[s] = [(b["t"][:10], Decimal(str(b["c"]))) for b in page["bars"][s] if b["t"][:10] < session]
        assert told["mom"] == momentum(bars, session, 6, 3)
        assert told["vol"] == inverse_volatility({s: bars[s] for s in ("SPY", "TLT", "GLD", "IEF")}, 60, Decimal("0.95"))
        books = {(b["book"], b["symbol"]): Decimal(b["qty"]) for b in site.sql("SELECT * FROM books") if Decimal(b["qty"])}
        for name, targets in told.items():
            assert {s for b, s in books if b == name} == {s for s, w in targets.items() if w}
        held = {p["symbol"]: Decimal(p["qty"]) for p in site.sim.get("/v2/positions")}
        assert held == {s: sum(q for (_, t), q in books.items() if t == s) for s in {t for _, t in books}}
        again = site.run_whole("fixed", "mom", "vol")
        assert again["status"] == "completed" and again["settled"], again
        until(lambda: site.daemon.get("/health")["status"] == "healthy", 10, "health")
    finally:
        site.close()


def test_a_split_within_the_lookback(pg):
    """The exchange replays September 2020: a month before, AAPL was at four times its price. Its bars come adjusted as of the
    session, so momentum sees the best of all, and its order is for shares at today's price."""
    site = Site(pg, sim_options=(*QUIET_SIM, "--begin", "2020-09-15"), strategies=[
        Strategy("mom", command=STRATEGIES / "momentum", weights={s: 0 for s in ALL}, allocation="0.5", lookback_days="60",
                 params='{"months":1,"top":1}')])
    try:
        site.begin()
        row = site.run_whole("mom")
        assert row["status"] == "completed" and row["settled"], row
        bars = {}
        for adjustment in ("raw", "split"):
            page = site.sim.get(f"/v2/stocks/bars?symbols=AAPL&timeframe=1Day&adjustment={adjustment}&limit=10000&start=2025-01-01")
            bars[adjustment] = [Decimal(str(b["c"])) for b in page["bars"]["AAPL"] if b["t"][:10] < str(row["session"])][-40:]
        assert bars["split"] == [c for _, c in closes("AAPL", "2020-09-15")][-40:]
        assert bars["raw"][0] == 4 * bars["split"][0] and bars["raw"][-1] == bars["split"][-1], "the split is among them"
        targets = site.sql("SELECT targets FROM run_members WHERE run_id = %s", row["run_id"])[0]["targets"]
        assert {t["symbol"]: Decimal(t["weight"]) for t in targets} == {**{s: 0 for s in ALL}, "AAPL": 1}
        position = site.sim.get("/v2/positions")[0]
        price = Decimal(position["avg_entry_price"])
        assert position["symbol"] == "AAPL" and abs(price / bars["raw"][-1] - 1) < Decimal("0.2"), position
        worth = Decimal(position["qty"]) * price
        assert Decimal("0.47") < worth / Decimal(site.sim.get("/v2/account")["equity"]) < Decimal("0.51")
    finally:
        site.close()
