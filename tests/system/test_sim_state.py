# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# paperguard-sim --state: everything accepted is there after a restart, also after kill -9 between accept and answer.
import json
import random
import signal
import subprocess
import threading
import time
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from test_sim import BIN, Sim, start  # noqa: F401  (start is a fixture)

LIBRARY = next((p for p in Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)
OPTIONS = ("--no-rate-limit", "--partial-rate", "0.3", "--fill-delay-ms", "20", "--seed", "9")


def everything(sim):
    state = sim.get("/sim/state")
    answer = {k: state[k] for k in ("account_number", "cash", "orders", "positions", "fills")}
    answer["activities"] = state["activities"]
    for path in ("/v2/orders?status=all&limit=500&nested=true", "/v2/account/activities", "/v2/account/configurations",
                 "/v2/watchlists", "/v2/assets"):
        answer[path] = sim.get(path)
    return answer


@pytest.fixture
def again(start, tmp_path):  # noqa: F811
    def run(*options, **more):
        (tmp_path / "port").unlink(missing_ok=True)
        return start("--state", tmp_path / "state", *(options or OPTIONS), **more)
    return run


def kill(sim):
    sim.process.send_signal(signal.SIGKILL)
    sim.process.wait(10)


def test_all_is_as_it_was_after_kill(again):
    sim = again()
    sim.fix("SPY", "101.07")
    sim.fix("TLT", "33.3")
    for i in range(12):
        sim.order(qty=str(1 + i), symbol=("SPY", "TLT")[i % 2])
    sim.order(notional="77.77")
    sim.order(422, qty="-1")  # refused: changes nothing, then as now
    resting = sim.order(qty="1", type="limit", limit_price="50", time_in_force="gtc", client_order_id="resting")
    sim.call("PATCH", "/v2/account/configurations", {"no_shorting": True})
    sim.wait(lambda: len(sim.get("/v2/orders")) == 1)
    before, ids = everything(sim), sim.headers["x-request-id"]
    kill(sim)
    sim = again()
    assert everything(sim) == before and sim.headers["x-request-id"] != ids
    sim.fix("SPY", "49")
    assert sim.filled(resting)["filled_avg_price"] == "49"
    after = everything(sim)
    kill(sim)
    assert everything(again()) == after


SYMBOLS = ("SPY", "TLT", "AAPL", "GLD")


def random_order(draw):
    """Something that may be taken or refused, as it comes."""
    price = 100
    o = {"symbol": draw.choice(SYMBOLS), "side": draw.choice(("buy", "sell")), "time_in_force": draw.choice(("day", "gtc")),
         "type": draw.choice(("market", "limit", "stop", "stop_limit", "trailing_stop")),
         "qty": draw.choice(("1", "7", "40", "2.5", "0.000000001"))}
    if o["type"] in ("limit", "stop_limit"):
        o["limit_price"] = str(price + draw.randint(-3, 3))
    if o["type"] in ("stop", "stop_limit"):
        o["stop_price"] = str(price + draw.randint(-3, 3))
    if o["type"] == "trailing_stop":
        o["trail_price"] = str(draw.randint(1, 4))
    if draw.random() < 0.3:
        o.update(order_class="bracket", type=draw.choice(("market", "limit")), side="buy", qty="5",
                 take_profit={"limit_price": "106"}, stop_loss={"stop_price": "94"})
        o["limit_price"] = "101"
        for name in ("stop_price", "trail_price") + (("limit_price",) if o["type"] == "market" else ()):
            o.pop(name, None)
    return "POST", "/v2/orders", o


def random_change(sim, draw):
    kind = draw.random()
    some = draw.choice(sim.get("/v2/orders?status=all&limit=500") or [{"id": "none"}])["id"]
    if kind < 0.6:
        return random_order(draw)
    if kind < 0.7:
        return "POST", "/sim/price", {"symbol": draw.choice(SYMBOLS), "price": str(100 + draw.randint(-4, 4))}
    if kind < 0.8:
        return "PATCH", "/v2/orders/" + some, {"qty": str(draw.randint(1, 9)), "limit_price": str(100 + draw.randint(-3, 3))}
    if kind < 0.88:
        return "DELETE", "/v2/orders/" + some, None
    return draw.choice((("DELETE", "/v2/positions/" + draw.choice(SYMBOLS), None), ("DELETE", "/v2/orders", None),
                        ("POST", "/sim/cash", {"type": "CSD", "amount": "12.34"}), ("DELETE", "/v2/positions", None),
                        ("POST", "/v2/watchlists", {"name": str(draw.random()), "symbols": ["SPY"]}),
                        ("POST", "/sim/symbol", {"symbol": draw.choice(SYMBOLS), "halted": draw.random() < 0.5})))


def quiet(sim):
    """Waits until nothing happens any more: what rests is looked at once a second."""
    last = [None, 0]

    def unchanged():
        now = everything(sim)
        if now != last[0]:
            last[:] = now, time.monotonic()
        return time.monotonic() - last[1] > 2.5
    sim.wait(unchanged, 60)
    return last[0]


@pytest.mark.parametrize("seed", (1, 2, 3))
def test_random_requests_come_back_whole(again, seed):
    draw, statuses = random.Random(seed), []
    options = ("--no-rate-limit", "--partial-rate", "0.4", "--fill-delay-ms", "20", "--seed", str(seed), "--fees", "fill")
    sim = again(*options)
    for symbol in SYMBOLS:
        sim.fix(symbol, "100")
    for _ in range(120):
        statuses.append(sim.raw(*random_change(sim, draw))[0])
    assert statuses.count(200) > 50 and sum(s >= 400 for s in statuses) > 5
    before = quiet(sim)
    kill(sim)
    after = everything(again(*options))
    assert json.dumps(after, indent=1) == json.dumps(before, indent=1)


def test_an_order_whose_answer_was_never_sent_is_there(again):
    sim = again()
    sim.fix("SPY", "100")
    sim.fault(action="delay", delay_ms=60000, match="POST /v2/orders")
    sender = threading.Thread(target=lambda: pytest.raises(Exception, sim.order, qty="1", client_order_id="cut"))
    sender.start()
    sim.wait(lambda: sim.raw("GET", "/v2/orders:by_client_order_id?client_order_id=cut")[0] == 200)
    order = sim.get("/v2/orders:by_client_order_id?client_order_id=cut")
    kill(sim)
    sender.join()
    sim = again()
    assert sim.get("/v2/orders:by_client_order_id?client_order_id=cut")["id"] == order["id"]
    assert sim.order(422, qty="1", client_order_id="cut")["message"] == "client_order_id must be unique"


@pytest.mark.parametrize("cut", (1, 20, 60))
def test_an_entry_cut_short_by_a_crash_is_cut_off(again, tmp_path, cut):
    sim = again()
    sim.order(qty="1", client_order_id="whole")
    size = (tmp_path / "state").stat().st_size
    sim.order(qty="1", client_order_id="half")
    kill(sim)
    data = (tmp_path / "state").read_bytes()
    assert size < len(data) - 60
    (tmp_path / "state").write_bytes(data[:-cut])
    sim = again()
    sim.get("/v2/orders:by_client_order_id?client_order_id=half", 404)
    sim.get("/v2/orders:by_client_order_id?client_order_id=whole")
    sim.order(qty="1", client_order_id="next")
    kill(sim)
    sim = again()
    sim.get("/v2/orders:by_client_order_id?client_order_id=next")


def test_bodies_may_hold_anything(again):
    sim = again()
    for body in (b"\x00\xff\n{", "{\"symbol\":\"SPY\n\"}".encode(), b""):
        assert sim.raw("POST", "/v2/orders", body)[0] == 400
    sim.order(qty="1", client_order_id="sp\u00e4t \"x\"\\ \u2026")
    before = everything(sim)["orders"]
    kill(sim)
    assert [o["client_order_id"] for o in everything(again())["orders"]] == [o["client_order_id"] for o in before]


@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")
def test_a_split_comes_while_it_is_down(again):
    """Friday replays 2020-08-28; AAPL splits 4:1 at Monday's midnight in New York."""
    options = ("--no-rate-limit", "--partial-rate", "0", "--fill-delay-ms", "5", "--hours", "exchange", "--begin",
               "2020-08-28", "--fees", "daily")

    def at(when):
        shift = datetime.fromisoformat(when) - datetime.now(timezone.utc)
        return {"LD_PRELOAD": str(LIBRARY), "FAKETIME": "%+.3f" % shift.total_seconds(), "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1"}
    sim = again(*options, env=at("2026-11-20T19:00:00+00:00"))
    sim.filled(sim.order(symbol="AAPL", qty="12"))
    sim.filled(sim.order(symbol="AAPL", qty="2", side="sell"))
    resting = sim.order(symbol="AAPL", qty="10", side="sell", type="limit", limit_price="900", time_in_force="gtc")
    before = sim.get("/v2/positions/AAPL")
    cash = Decimal(sim.get("/v2/account")["cash"])
    assert sim.get("/v2/account")["pending_reg_taf_fees"] == "0.04"
    kill(sim)
    sim = again(*options, env=at("2026-11-23T16:00:00+00:00"))
    after = sim.get("/v2/positions/AAPL")
    assert (before["qty"], after["qty"], after["qty_available"]) == ("10", "40", "40")
    assert after["cost_basis"] == before["cost_basis"]
    assert abs(4 * Decimal(after["avg_entry_price"]) - Decimal(before["avg_entry_price"])) < Decimal("0.00000001")
    assert Decimal(after["current_price"]) < 140 < 480 < Decimal(before["current_price"])
    assert sim.get("/v2/orders/" + resting["id"])["status"] == "canceled"
    gone, come = sim.get("/v2/account/activities/SPLIT?direction=asc")
    assert [(a["qty"], a["net_amount"], a["date"], a["symbol"]) for a in (gone, come)] == \
        [("-10", "0", "2026-11-23", "AAPL"), ("40", "0", "2026-11-23", "AAPL")]
    assert gone["group_id"] == come["group_id"] and gone["id"] != come["id"]
    assert come["created_at"] == "2026-11-23T05:00:00Z" and come["activity_sub_type"] == "FSPLIT"
    fees = sim.get("/v2/account/activities/FEE?direction=asc")
    assert [(f["activity_sub_type"], f["created_at"]) for f in fees] == [("REG", "2026-11-20T21:00:00Z"),
                                                                       ("TAF", "2026-11-20T21:00:00Z")]
    assert Decimal(sim.get("/v2/account")["cash"]) == cash + sum(Decimal(f["net_amount"]) for f in fees)
    history = sim.get("/v2/account/portfolio/history?timeframe=1D&period=1W")
    assert len(history["equity"]) == 2 and all(abs(p) < 1000 for p in history["profit_loss"])  # no jump


def refused(*options):
    r = subprocess.run([BIN / "paperguard-sim", *OPTIONS, *options], capture_output=True, text=True, timeout=10)
    assert r.returncode == 1
    return r.stderr


def test_other_options_another_simulator_and_other_files_are_refused(again, tmp_path):
    sim = again()
    assert "another simulator uses it" in refused("--state", tmp_path / "state")
    sim.stop()
    assert "other options" in refused("--state", tmp_path / "state", "--seed", "10")
    assert "other options" in refused("--state", tmp_path / "state", "--cash", "5")
    (tmp_path / "odd").write_text("something else\n")
    assert "not a state file" in refused("--state", tmp_path / "odd")
    assert (tmp_path / "odd").read_text() == "something else\n"
    with open(tmp_path / "state", "a") as f:
        f.write("odd\n")
    assert "entry 1 cannot be read" in refused("--state", tmp_path / "state")
    assert "cannot be opened" in refused("--state", tmp_path / "no" / "where")
