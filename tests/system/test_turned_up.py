# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Orders that were given up, because the exchange denied having them for a minute, and turn up there after all."""
import json

from harness import KEY, SECRET, TOKEN, Strategy, until
from test_unknown import compare


def settled_late(site):
    """Its orders have ended after it has: it is partial as it was, and settled."""
    until(lambda: site.sql("SELECT 1 FROM runs WHERE settled"), 30, "the run is settled")
    row = site.sql("SELECT * FROM runs")[0]
    assert row["status"] == "partial", row
    return row


def test_a_given_up_order_that_turns_up_filled_is_booked_where_it_belongs(make_site):
    """Denied for a minute and given up as not_placed; then the exchange has it, and fills it at once. Its fill waits until whose it
    is is known, and goes into the strategy's book. Once with the daemon that gave it up, once with another life of it."""
    site = make_site(strategies=[Strategy(weights={"SPY": "0.3", "TLT": "0.3"})], schedule={"run_deadline": "4s"},
                     broker={"compare_interval": "2s"}).begin()
    site.sim.fault("POST /v2/orders", "drop_before", count=2)
    site.daemon.cli("run")  # or a slot was due just now
    run = site.run_ended(seconds=60)
    assert (run["status"], run["settled"]) == ("partial", False), run
    until(lambda: len(site.sql("SELECT 1 FROM orders WHERE status = 'not_placed'")) == 2, 120, "the broker denies both")
    assert settled_late(site)["completed_at"] == run["completed_at"]
    first, second = site.sql("SELECT client_order_id, symbol, qty, body FROM intents ORDER BY client_order_id")

    def turns_up(order):
        site.sim.call("POST", "/v2/orders", json.loads(order["body"]))
        until(lambda: site.sql("SELECT 1 FROM orders WHERE client_order_id = %s AND status = 'filled'",
                               order["client_order_id"]), 60, "the order is followed to its end")
        until(lambda: site.sql("SELECT 1 FROM fills WHERE client_order_id = %s", order["client_order_id"]), 30, "its fill")

    turns_up(first)
    assert site.sql("SELECT kind, subject FROM alerts WHERE kind = 'order_after_all'")[0]["subject"] == first["client_order_id"]
    site.daemon.stop()
    site.sql("UPDATE runs SET settled = false")
    site.daemon.start().in_step()
    settled_late(site)
    turns_up(second)
    books = site.sql("SELECT DISTINCT book FROM postings WHERE part = 'position' AND symbol IN ('SPY', 'TLT')")
    assert [b["book"] for b in books] == [site.sql("SELECT strategy FROM run_members")[0]["strategy"]], books
    site.daemon.in_step()
    assert not compare.check(compare.Exchange(site.sim.url, KEY, SECRET), compare.Ledger(site.dsn))[0]


def test_a_fill_in_doubt_waits_only_until_its_own_order_was_asked_for(make_site):
    """An order of ours was given up; another's, in no list that is read, is filled at once for the same symbol and side. It is asked
    for by its id; as long as nobody tells whose it is no difference is accepted, which would count the fill twice."""
    site = make_site(sim_options=("--no-rate-limit", "--partial-rate", "0", "--fill-delay-ms", "0", "--seed", "7"),
                     broker={"compare_interval": "1s"}).begin()
    site.sim.fault("POST /v2/orders", "drop_before")
    status, told = site.daemon.http("/api/v1/orders", "POST", {"client_order_id": "lost", "symbol": "SPY", "side": "buy", "qty": "1"},
                                    {"Authorization": f"Bearer {TOKEN}"})
    assert status == 202, told
    until(lambda: site.sql("SELECT 1 FROM orders WHERE status = 'not_placed'"), 120, "the broker denies it")
    site.daemon.in_step()
    site.sim.fault("GET /v2/orders/*", "503", count=100000)
    before = len(site.sim.requests())
    theirs = site.sim.call("POST", "/v2/orders", {"client_order_id": "by-hand", "symbol": "SPY", "side": "buy", "qty": "2",
                                                  "type": "market", "time_in_force": "day"})["id"]
    until(site.sim.fills, 20, "the fill")
    until(lambda: "may belong to lost" in site.daemon.text(), 20, "it is refused")
    code = until(lambda: json.loads(site.daemon.cli("--json", "drift").stdout)["code"], 20, "the difference is seen")
    refused = site.daemon.cli("drift", "accept", code, "looks", "fine")
    assert refused.returncode == 1 and "would count twice" in refused.stderr, refused
    assert site.sql("SELECT 1 FROM fills") == []
    site.sim.clear_faults()
    until(lambda: site.sql("SELECT 1 FROM fills"), 20, "the fill is recorded")
    site.daemon.in_step()
    assert site.sql("SELECT order_id, client_order_id, plain(qty) AS qty FROM fills") == \
        [{"order_id": theirs, "client_order_id": None, "qty": "2"}]
    assert [(p["book"], p["symbol"], p["qty"]) for p in site.daemon.get("/api/v1/positions")["positions"]] == [("unassigned", "SPY", "2")]
    assert site.sim.get("/v2/positions/SPY")["qty"] == "2"
    asked = site.sim.requests()[before:]
    assert [r["status"] for r in asked if r["target"] == f"/v2/orders/{theirs}" and r["status"] == 200] == [200], "once, then it is known"
    assert not [r for r in asked if r["target"].startswith("/v2/orders?status=all")], "no list had it"
    again = site.daemon.cli("drift", "accept", code, "looks", "fine")
    assert again.returncode == 1 and "agree" in again.stderr, again


def test_a_given_up_order_that_is_alive_at_the_exchange_goes_back_to_the_desk_over_a_crash(make_site):
    """Given up; the daemon is killed; meanwhile both orders are at the exchange, which fills nothing for an hour. The next life
    follows them, alerts and cancels them as the one that gave them up would have. Somebody else's order is left alone, in quarantine."""
    slow = ("--no-rate-limit", "--partial-rate", "0", "--fill-delay-ms", "3600000", "--seed", "7")
    site = make_site(sim_options=slow, strategies=[Strategy(weights={"SPY": "0.3"})], schedule={"run_deadline": "4s"},
                     broker={"compare_interval": "2s"})
    site.sim.call("POST", "/sim/symbol", {"symbol": "SPY", "fractionable": False})  # parts of shares fill at once
    site.begin()
    site.sim.fault("POST /v2/orders", "drop_before", count=2)
    site.daemon.cli("run")
    until(lambda: len(site.sim.posts()) == 1, 20, "the run's order leaves")
    status, told = site.daemon.http("/api/v1/orders", "POST", {"client_order_id": "mine", "symbol": "TLT", "side": "buy", "qty": "3"},
                                    {"Authorization": f"Bearer {TOKEN}"})
    assert status == 202, told
    site.run_ended(seconds=60)
    until(lambda: len(site.sql("SELECT 1 FROM orders WHERE status = 'not_placed'")) == 2, 120, "the broker denies both")
    site.daemon.process.kill()
    for order in site.sql("SELECT body FROM intents"):
        site.sim.call("POST", "/v2/orders", json.loads(order["body"]))
    site.sim.call("POST", "/v2/orders", {"symbol": "GLD", "side": "buy", "qty": "1", "type": "market", "time_in_force": "day",
                                         "client_order_id": "by-hand"})
    site.daemon.start().in_step()
    until(lambda: len(site.sql("SELECT 1 FROM orders WHERE status = 'canceled'")) == 2, 30, "both are followed to their end")
    events = site.sql("SELECT client_order_id, status, source FROM order_events WHERE source = 'list' ORDER BY at")
    assert {e["client_order_id"] for e in events if e["status"] in ("new", "accepted", "pending_new")} == \
        {i["client_order_id"] for i in site.sql("SELECT client_order_id FROM intents")}, events
    assert len(site.sql("SELECT 1 FROM alerts WHERE kind = 'order_after_all'")) == 2
    states = {o["client_order_id"]: o["status"] for o in site.sim.orders()}
    assert states.pop("by-hand") not in ("canceled", "pending_cancel") and set(states.values()) == {"canceled"}, states
    assert site.daemon.ctl("orders", "--parked") == "no orders\n"
    assert [q["client_order_id"] for q in site.daemon.get("/api/v1/quarantine")["quarantine"]] == ["by-hand"]
