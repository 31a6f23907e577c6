# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# Faults of paperguard-sim: which requests they hit, by pattern, count and share, and the admin's own port.
import http.client
import json
import subprocess
from decimal import Decimal

import pytest
from test_sim import BIN, KEY, SECRET, start, sim  # noqa: F401  (fixtures)


def statuses(sim, path, n):  # noqa: F811
    return [sim.raw("GET", path)[0] for _ in range(n)]


def test_patterns(sim):  # noqa: F811
    for match, hit in (("GET /v2/clock", True), ("GET *clock", True), ("* /v2/cl*k", True), ("*", True), ("GET /v2/clock*", True),
                       ("GET /v2/cloc", False), ("GET /v2/clock?", False), ("POST *", False), ("*clockwork", False),
                       ("G*T /*2/*o*k", True), ("GET /v2/*/clock", False)):
        sim.fault(match=match, action="503")
        assert statuses(sim, "/v2/clock", 2) == [503 if hit else 200, 200], match
        sim.call("DELETE", "/sim/fault")


def test_skip_and_count(sim):  # noqa: F811
    sim.fault(match="GET /v2/clock", action="500", skip=2, count=3)
    assert statuses(sim, "/v2/clock", 7) == [200, 200, 500, 500, 500, 200, 200]


def test_a_share_is_drawn_from_the_seed(start):  # noqa: F811
    runs = []
    for seed in ("4", "4", "5"):
        sim = start("--no-rate-limit", "--seed", seed)  # noqa: F811
        sim.fault(match="GET /v2/clock", action="503", rate="0.3")
        runs.append(statuses(sim, "/v2/clock", 200))
        assert len(sim.get("/sim/fault")) == 1  # lasts until it is cleared
        sim.stop()
        sim.port_file.unlink()
    assert runs[0] == runs[1] != runs[2] and all(35 < r.count(503) < 85 for r in runs)


def test_a_share_can_be_counted_out(sim):  # noqa: F811
    sim.fault(match="GET /v2/clock", action="503", rate="0.5", count=4)
    assert statuses(sim, "/v2/clock", 60).count(503) == 4
    assert sim.get("/sim/fault") == []


def test_refusals_are_written_as_alpaca_does(sim):  # noqa: F811
    for action, code in (("429", 42910000), ("500", 50010000), ("503", 50310000)):
        sim.fault(match="GET /v2/account", action=action)
        answer = sim.get("/v2/account", int(action))
        assert answer["code"] == code and isinstance(answer["message"], str)
    for odd in ({"action": "200"}, {"action": "600"}, {"action": "503", "rate": "0"}, {"action": "503", "rate": "1.1"},
                {"action": "503", "rate": "often"}, {"action": "503", "odd": 1}):
        assert set(sim.call("POST", "/sim/fault", {"match": "*", **odd}, 400)) == {"message"}


def test_a_request_that_comes_twice(sim):  # noqa: F811
    sim.fault(match="POST /v2/orders", action="duplicate", count=2)
    assert sim.order(422, qty="1", client_order_id="twice")["message"] == "client_order_id must be unique"
    assert sim.get("/v2/orders:by_client_order_id?client_order_id=twice")["qty"] == "1"
    sim.order(qty="1")  # without an id both are taken
    assert len(sim.get("/v2/orders?status=all")) == 3


def test_the_admin_has_a_port_of_its_own(start):  # noqa: F811
    sim = start("--no-rate-limit", "--admin", "127.0.0.1:0")  # noqa: F811
    trading, admin = (int(line) for line in sim.port_file.read_text().split())
    assert sim.port == trading != admin

    def ask(port, method, path, body=None, keys=False):
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        headers = {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET} if keys else {}
        c.request(method, path, None if body is None else json.dumps(body), headers)
        r = c.getresponse()
        answer = r.read()
        c.close()
        return r.status, json.loads(answer) if r.getheader("Content-Type", "").startswith("application/json") else answer

    assert ask(trading, "GET", "/sim/state")[0] == 401  # as any path that does not exist there
    assert ask(trading, "GET", "/sim/state", keys=True) == (404, {"code": 40410000, "message": "endpoint not found"})
    assert ask(admin, "GET", "/v2/account", keys=True)[0] == 404
    assert ask(admin, "GET", "/sim/state")[1]["orders"] == []
    assert ask(admin, "POST", "/sim/fault", {"match": "*", "action": "503"})[0] == 200
    assert ask(admin, "POST", "/sim/price", {"symbol": "SPY", "price": "7"})[0] == 200
    assert ask(trading, "GET", "/v2/clock", keys=True)[0] == 503
    assert ask(trading, "GET", "/v2/stocks/SPY/trades/latest", keys=True)[1]["trade"]["p"] == 7


@pytest.mark.parametrize("address", ("0.0.0.0:0", "192.0.2.1:0"))
def test_the_admin_port_is_on_loopback(address):
    r = subprocess.run([BIN / "paperguard-sim", "--admin", address], capture_output=True, text=True, timeout=10)
    assert r.returncode == 1 and "--admin" in r.stderr


def test_lists_that_lack_items_or_have_them_twice_or_in_reverse(sim):  # noqa: F811
    for symbol in ("SPY", "TLT", "GLD"):
        sim.filled(sim.order(symbol=symbol, qty="1"))

    def positions(**fault):
        sim.fault(match="GET /v2/positions", **fault)
        return [p["symbol"] for p in sim.get("/v2/positions")]

    assert positions(action="omit", symbol="SPY") == ["GLD", "TLT"]
    assert positions(action="omit") == ["SPY", "TLT"]
    assert positions(action="omit", symbol="QQQ") == ["GLD", "SPY", "TLT"]
    assert positions(action="repeat") == ["GLD", "GLD", "SPY", "SPY", "TLT", "TLT"]
    assert positions(action="reverse") == ["TLT", "SPY", "GLD"]
    assert [p["symbol"] for p in sim.get("/v2/positions")] == ["GLD", "SPY", "TLT"]
    fills = sim.get("/v2/account/activities/FILL?direction=asc")
    sim.fault(match="GET /v2/account/activities*", action="reverse")
    assert sim.get("/v2/account/activities/FILL?direction=asc") == fills[::-1]
    sim.fault(match="GET /v2/account", action="omit")  # no list: as it is
    assert sim.get("/v2/account")["status"] == "ACTIVE"


def test_a_fill_is_listed_late_behind_newer_ones(sim):  # noqa: F811
    listed = lambda: [f["symbol"] for f in sim.get("/v2/account/activities/FILL?direction=asc")]  # noqa: E731
    sim.filled(sim.order(symbol="GLD", qty="1"))
    assert sim.call("POST", "/sim/fills", {"action": "late", "symbol": "SPY", "delay_ms": 600000})["late"] == 1
    late = sim.filled(sim.order(qty="2"))
    sim.filled(sim.order(symbol="TLT", qty="1"))
    sim.filled(sim.order(qty="1"))
    assert listed() == ["GLD", "TLT", "SPY"]
    told = sim.get("/sim/fills")
    assert told["late"] == 0 and len(told["waiting"]) == 1
    assert {p["symbol"]: p["qty"] for p in sim.get("/v2/positions")} == {"GLD": "1", "SPY": "3", "TLT": "1"}
    assert sim.call("POST", "/sim/fills", {"action": "clear"})["waiting"] == []
    assert listed() == ["GLD", "SPY", "TLT", "SPY"] and sim.get("/v2/account/activities/FILL?direction=asc")[1]["order_id"] == late["id"]
    sim.call("POST", "/sim/fills", {"action": "late", "delay_ms": 300})
    sim.order(symbol="TLT", qty="1")
    assert sim.wait(lambda: len(sim.get("/sim/fills")["waiting"]) == 1)
    assert sim.wait(lambda: listed()[4:] == ["TLT"])
    for odd in ({"action": "odd"}, {"action": "late", "count": 0}, {"action": "late", "delay_ms": 0}, {"action": "late", "odd": 1}):
        assert set(sim.call("POST", "/sim/fills", odd, 400)) == {"message"}


def test_a_fill_is_taken_back_or_corrected(sim):  # noqa: F811
    before = Decimal(sim.get("/v2/account")["cash"])
    sim.fix("SPY", "300")
    sim.filled(sim.order(qty="2"))
    sim.filled(sim.order(qty="1"))
    first, second = (f["id"] for f in sim.get("/v2/account/activities/FILL?direction=asc"))
    assert before - Decimal(sim.get("/v2/account")["cash"]) == 900
    assert sim.call("POST", "/sim/bust", {"activity_id": first}) == {}
    assert before - Decimal(sim.get("/v2/account")["cash"]) == 300 and sim.get("/v2/positions/SPY")["qty"] == "1"
    sim.call("POST", "/sim/bust", {"activity_id": second, "price": "301.5"})
    assert before - Decimal(sim.get("/v2/account")["cash"]) == Decimal("301.5")
    assert sim.get("/v2/positions/SPY")["cost_basis"] == "301.5"
    told = [u["message"]["data"] for u in sim.get("/sim/updates")["updates"]][-2:]
    assert [(u["event"], u["qty"], u["price"], u["position_qty"]) for u in told] == [
        ("trade_bust", "2", "300", "1"), ("trade_correct", "1", "301.5", "1")]
    assert len(sim.get("/v2/account/activities/FILL")) == 2  # the list does not tell
    for odd in ({"activity_id": first}, {"activity_id": "none"}, {}, {"activity_id": second, "price": "1"}):
        assert set(sim.call("POST", "/sim/bust", odd, 400)) == {"message"}
