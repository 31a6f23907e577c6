# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# paperguard-sim --state: everything accepted is there after a restart, also after kill -9 between accept and answer.
import signal
import subprocess
import threading

import pytest
from test_sim import BIN, Sim, start  # noqa: F401  (start is a fixture)

OPTIONS = ("--no-rate-limit", "--partial-rate", "0.3", "--fill-delay-ms", "20", "--seed", "9")


def everything(sim):
    state = sim.get("/sim/state")
    answer = {k: state[k] for k in ("account_number", "cash", "orders", "positions", "fills")}
    for path in ("/v2/orders?status=all&limit=500", "/v2/account/activities", "/v2/account/configurations"):
        answer[path] = sim.get(path)
    return answer


@pytest.fixture
def again(start, tmp_path):  # noqa: F811
    def run(*options):
        (tmp_path / "port").unlink(missing_ok=True)
        return start("--state", tmp_path / "state", *(options or OPTIONS))
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
