# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""An order ends when the broker says so, its fills come later: until they are booked nothing is planned or sold from the books."""
from harness import TOKEN, Strategy, until

# A target of 20,000 USD of SPY at 372.
TARGET = {"SPY": "0.2"}
AUTH = {"Authorization": f"Bearer {TOKEN}"}
PATH = "/api/v1/orders"
FILLS = "GET /v2/account/activities/FILL"


def post(site, **body):
    return site.daemon.http(PATH, "POST", body, AUTH)


def bought(site, client_order_id="in", qty="40", strategy="weights"):
    """An order by HTTP, filled for the broker; its fills may not be booked."""
    whose = {"strategy": strategy} if strategy else {}
    status, answer = post(site, client_order_id=client_order_id, symbol="SPY", side="buy", qty=qty, **whose)
    assert status in (201, 202), answer
    until(lambda: site.daemon.get(f"{PATH}/{client_order_id}")["status"] == "filled", 20, "the fill at the broker")


def in_step(site):
    e = site.daemon.get("/health")["scheduler"]["execution"]
    return e["in_step"], e["in_step_reason"]


def may_run(site):
    return site.daemon.cli("run").returncode == 0


def positions(site):
    return {(p["book"], p["symbol"]): p["qty"] for p in site.daemon.get("/api/v1/positions")["positions"]}


def test_a_run_waits_for_fills_that_are_listed_late(make_site):
    site = make_site(strategies=[Strategy(weights=TARGET)]).begin()
    site.sim.call("POST", "/sim/fills", {"action": "late", "delay_ms": 600000})
    bought(site)
    out = site.daemon.cli("run")
    assert out.returncode != 0 and "planned again" in out.stdout + out.stderr, (out.stdout, out.stderr)
    site.sim.call("POST", "/sim/fills", {"action": "clear"})
    until(lambda: may_run(site), 20, "a run from current books")
    row = site.run_ended()
    assert row["status"] == "completed", row
    held = until(lambda: positions(site).get(("weights", "SPY")), 10, "the book")
    assert 50 < float(held) < 56, (held, site.sim.orders())  # not the target beside it


def test_fills_that_cannot_be_read_hold_orders(make_site):
    site = make_site(strategies=[Strategy(weights=TARGET)]).begin()
    site.sim.fault(FILLS, "503", count=100000)
    bought(site)
    assert not may_run(site)
    until(lambda: not in_step(site)[0], 40, "health says so")
    assert "fills not read" in in_step(site)[1] and site.daemon.get("/health")["status"] == "degraded"
    status, answer = post(site, client_order_id="in2", symbol="SPY", side="buy", qty="1")
    assert status == 503 and answer["code"] == "in_step", answer
    assert not may_run(site) and len(site.sim.orders()) == 1
    site.sim.clear_faults()
    until(lambda: in_step(site)[0], 20, "in step")
    until(lambda: may_run(site), 20, "a run from current books")
    site.run_ended()
    assert [float(o["qty"]) < 16 for o in site.sim.orders()] == [False, True], site.sim.orders()


def test_a_book_is_sold_once(make_site):
    site = make_site(strategies=[Strategy(weights=TARGET)]).begin()
    bought(site, "a", "10")
    bought(site, "b", "10", "")
    until(lambda: positions(site) == {("weights", "SPY"): "10", ("unassigned", "SPY"): "10"}, 20, "the books")
    site.daemon.in_step()
    site.sim.fault(FILLS, "delay", delay_ms=700)
    sell = {"symbol": "SPY", "side": "sell", "qty": "10", "strategy": "weights"}
    assert post(site, client_order_id="s", **sell)[0] in (201, 202)
    answers = []

    def refused():
        status, answer = post(site, client_order_id=f"s{len(answers)}", **sell)
        answers.append((status, answer.get("code")))
        return status != 503 and answers
    until(refused, 20, "the book is known again")
    assert answers[-1] == (422, "long_only"), answers
    assert (503, "in_flight") in answers and ("weights", "SPY") not in positions(site)


def test_no_order_slips_in_while_a_run_plans(make_site):
    site = make_site(strategies=[Strategy(weights=TARGET)]).begin()
    site.sim.fault("GET /v2/stocks/trades/latest", "delay", delay_ms=1500, count=1)
    run = site.run()
    status, answer = post(site, client_order_id="in", symbol="SPY", side="buy", qty="40", strategy="weights")
    assert (status, answer["code"]) == (503, "in_flight"), answer
    assert site.run_ended(run)["status"] == "completed" and len(site.sim.orders()) == 1
    until(lambda: post(site, client_order_id="in", symbol="SPY", side="buy", qty="1", strategy="weights")[0] == 201, 20, "its turn")
