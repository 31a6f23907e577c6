# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Lists of the broker that do not tell the whole truth at once: a position that one read lacks is not flat, a fill that is listed
late behind newer ones is booked once; and what the order stream tells of each kind of event is looked at."""
import json
from datetime import timedelta
from decimal import Decimal

import pytest

from harness import TOKEN, Strategy, until
from harness.site import QUIET_SIM
from harness.wall import HOURS, LIBRARY, Wall, at

SLOWLY = {"compare_interval": "120s", "reconcile_interval": "1h", "heartbeat_interval": "120s", "poll_interval": "200ms"}
EVENTS = ("new", "fill", "partial_fill", "canceled", "expired", "done_for_day", "replaced", "rejected", "pending_new", "accepted", "stopped",
          "pending_cancel", "pending_replace", "calculated", "suspended", "held", "restated", "order_replace_rejected",
          "order_cancel_rejected", "trade_bust", "trade_correct")
OUT = ("new", "pending_new", "accepted", "pending_cancel", "pending_replace")  # of an order of ours these tell nothing to be read


def order(site, client_order_id, **members):
    body = {"client_order_id": client_order_id, "symbol": "SPY", "side": "buy", "qty": "2", **members}
    code, answer = site.daemon.http("/api/v1/orders", "POST", body, {"Authorization": f"Bearer {TOKEN}"})
    assert code == 201, (code, answer)


def resting(site, client_order_id, symbol="SPY", qty="2"):
    price = site.sim.get(f"/v2/stocks/{symbol}/trades/latest")["trade"]["p"]
    order(site, client_order_id, symbol=symbol, qty=qty, type="limit", limit_price=f"{float(price) * 0.97:.2f}")
    return until(lambda: [o for o in site.sim.orders() if o["client_order_id"] == client_order_id], 10, "the order")[0]


def held(site):
    return {p["symbol"]: Decimal(p["qty"]) for p in site.sim.get("/v2/positions")}


def books(site):
    return {r["symbol"]: r["qty"] for r in site.sql("SELECT symbol, sum(qty) AS qty FROM books GROUP BY 1 HAVING sum(qty) <> 0")}


def asked(site, start):
    return [r["target"] for r in site.sim.requests() if r["target"].startswith(start)]


def not_ready(site, *words):
    def why():
        code, body = site.daemon.http("/health/ready")
        return body["why"] if code == 503 and all(w in body["why"] for w in words) else None
    return until(why, 25, lambda: f"{words}: {site.daemon.http('/health/ready')}")


def fills_once(site):
    rows = sorted(r["activity_id"] for r in site.sql("SELECT activity_id FROM fills"))
    assert rows == sorted(f["id"] for f in site.sim.fills()) and rows


# --- a position that is left out

def test_a_position_that_one_read_of_a_run_lacks(make_site):
    """Read while the run prepares its plan: what is in the book is not bought again."""
    site = make_site(strategies=[Strategy(weights={"SPY": "0.3", "TLT": "0.2"}, band="0.02")], broker=SLOWLY).begin()
    assert site.run_whole()["settled"]
    before, sent, seen = held(site), len(site.sim.posts()), len(asked(site, "/v2/positions"))
    site.sim.fault("GET /v2/positions", "omit", symbol="SPY", count=1)
    row = site.run_whole()
    assert row["status"] == "completed" and not site.sim.get("/sim/fault") and len(asked(site, "/v2/positions")) > seen, row
    assert held(site) == before == books(site) and len(site.sim.posts()) == sent, "something was bought or sold for it"
    site.daemon.in_step()


def test_a_position_that_is_left_out_for_long(make_site):
    """Told, with both figures; nothing is planned from it; and over when it is listed again."""
    site = make_site(strategies=[Strategy(weights={"SPY": "0.3", "TLT": "0.2"}, band="0.02")], broker={"compare_interval": "500ms"}).begin()
    assert site.run_whole()["settled"]
    before, sent = held(site), len(site.sim.posts())
    site.sim.fault("GET /v2/positions", "omit", symbol="SPY", count=1000000)
    why = not_ready(site, "ledger and broker differ", "SPY")
    assert f"ledger {before['SPY'].normalize():f}" in why and "broker 0" in why, why
    assert "SPY" in site.daemon.cli("status").stdout
    assert site.daemon.cli("run").returncode != 0 and len(site.sim.posts()) == sent
    assert books(site) == before
    site.sim.clear_faults()
    site.daemon.in_step()
    assert site.run_whole()["status"] == "completed"
    assert held(site) == before == books(site) and len(site.sim.posts()) == sent


# --- a fill that is listed late

@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")
def test_a_fill_that_is_listed_late(make_site, tmp_path):
    """A minute and a half later, behind a newer one that is in the books by then."""
    tmp_path.chmod(0o755)
    wall = Wall(tmp_path, at(2026, 11, 18, 11, 0))
    site = make_site(sim_options=HOURS, sim_env=wall.env, env=wall.env, broker={"compare_interval": "500ms"}).begin()
    below = resting(site, "newer", symbol="TLT", qty="1")
    site.sim.call("POST", "/sim/fills", {"action": "late", "symbol": "SPY", "delay_ms": 3600000})
    order(site, "late")
    until(lambda: held(site) == {"SPY": 2}, 10, "the fill at the exchange")
    assert not site.sim.fills() and not books(site)
    wall.set(at(2026, 11, 18, 11, 2))
    not_ready(site, "ledger and broker differ", "SPY")
    site.sim.call("POST", "/sim/price", {"symbol": "TLT", "price": below["limit_price"]})
    until(lambda: books(site) == {"TLT": 1}, 10, lambda: f"the newer one: {books(site)}")
    refused = site.daemon.cli("run")
    assert refused.returncode != 0, "nothing is planned without it"
    site.sim.call("POST", "/sim/fills", {"action": "clear"})
    until(lambda: books(site) == {"SPY": 2, "TLT": 1}, 15, lambda: f"the late one: {books(site)}")
    times = [r["transaction_time"] for r in site.sql("SELECT transaction_time FROM fills ORDER BY recorded_at")]
    assert times[0] - times[1] > timedelta(seconds=60), times
    for _ in range(2):  # passes that read it again
        before = len(asked(site, "/v2/account/activities"))
        until(lambda: len(asked(site, "/v2/account/activities")) > before, 10, "another look")  # noqa: B023
    assert books(site) == {"SPY": 2, "TLT": 1}
    fills_once(site)
    site.daemon.in_step()


# --- events of the order stream

def test_each_kind_of_event(make_site):
    """Is counted under its name, and read after, unless it only says that an order of ours is out."""
    site = make_site(broker=SLOWLY).begin()
    until(lambda: site.daemon.get("/health")["stream"]["connected"], 10, "the order stream")
    mine = resting(site, "rest")["client_order_id"]
    until(lambda: site.daemon.metric("paperguard_stream_events_total", event="new"), 10, "the order's own event")
    counted = {e: site.daemon.metric("paperguard_stream_events_total", event=e) or 0 for e in EVENTS}

    def tell(event, client_order_id):
        message = f'{{"stream":"trade_updates","data":{{"event":"{event}","order":{{"client_order_id":"{client_order_id}"}}}}}}'
        site.sim.call("POST", "/sim/stream", {"action": "send", "message": message})

    for event in EVENTS:
        tell(event, mine)
        until(lambda: site.daemon.metric("paperguard_stream_events_total", event=event) == counted[event] + 1, 5, event)  # noqa: B023
    tell("a word of its own", mine)
    until(lambda: site.daemon.metric("paperguard_stream_events_total", event="other") == 1, 5, "other")
    assert site.sql("SELECT status FROM orders")[0]["status"] in ("new", "accepted"), "nothing is taken from the stream itself"
    site.daemon.in_step()


def test_an_order_that_another_hand_replaced(make_site):
    """The old one has ended, the new one is in quarantine."""
    site = make_site(broker=SLOWLY).begin()
    until(lambda: site.daemon.get("/health")["stream"]["connected"], 10, "the order stream")
    old = resting(site, "rest")
    new = site.sim.call("PATCH", f"/v2/orders/{old['id']}", {"qty": "3"})
    until(lambda: site.sql("SELECT 1 FROM orders WHERE client_order_id = 'rest' AND status = 'replaced'"), 5, "the end of the old one")
    assert site.daemon.metric("paperguard_stream_events_total", event="replaced") == 1
    row = until(lambda: site.daemon.ctl_json("quarantine")["quarantine"], 5, "the new one")
    assert [r["order_id"] for r in row] == [new["id"]] and Decimal(row[0]["qty"]) == 3
    site.sim.call("DELETE", f"/v2/orders/{new['id']}")
    until(lambda: not site.daemon.ctl_json("quarantine")["quarantine"], 5, "its end")


@pytest.mark.parametrize("event,price", [("trade_bust", None), ("trade_correct", "1.01")])
def test_a_fill_that_was_taken_back_or_corrected(make_site, event, price):
    """The list of fills does not tell; position or cash do: it is a difference that an operator accepts, as one correction."""
    site = make_site(broker=SLOWLY, sim_options=QUIET_SIM).begin()
    until(lambda: site.daemon.get("/health")["stream"]["connected"], 10, "the order stream")
    order(site, "mine")
    until(lambda: books(site) == {"SPY": 2}, 10, "two shares")
    fill = site.sim.fills()[0]
    site.sim.call("POST", "/sim/bust", {"activity_id": fill["id"], **({"price": price} if price else {})})
    why = not_ready(site, "ledger and broker differ", "cash" if price else "SPY")
    assert site.daemon.metric("paperguard_stream_events_total", event=event) == 1, why
    assert site.daemon.cli("run").returncode != 0 and len(site.sim.posts()) == 1
    drift = site.daemon.cli("--json", "drift")
    assert drift.returncode == 1, drift
    site.daemon.ctl("drift", "accept", json.loads(drift.stdout)["code"], "the", "exchange", "took", "it", "back")
    site.daemon.in_step()
    assert books(site) == held(site) and len(site.sql("SELECT 1 FROM entries WHERE kind = 'correction'")) == 1
    fills_once(site)
