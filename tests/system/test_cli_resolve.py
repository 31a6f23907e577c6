# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""`orders resolve`: an operator's word about an order that the broker is silent about, in two steps, and only then."""
import json

from harness import Sim, Strategy, until
from harness.site import QUIET_SIM


def unknown_order(make_site, fault):
    """A site whose one order got no answer, and whose broker tells nothing of orders."""
    site = make_site(strategies=[Strategy(weights={"SPY": "0.5"})], schedule={"run_deadline": "3s"},
                     broker={"request_timeout": "1s"}, breaker={"broker_errors": "1"}).begin()
    site.sim.fault("POST /v2/orders", fault)
    site.sim.fault("GET /v2/orders*", "status", status=503, count=100000)
    site.daemon.cli("run")  # or a slot was due just now
    until(lambda: site.daemon.get("/health/scheduler")["execution"]["orders_unknown"] == 1, 20, "one unknown order")
    row = site.daemon.ctl_json("orders", "--parked")["orders"]
    assert [o["status"] for o in row] == ["unknown"]
    return site, row[0]["client_order_id"]


def with_token(site, order):
    """What is told once the order has been without an answer for long enough."""
    def told():
        answer = site.daemon.ctl_json("orders", "resolve", order)
        return answer if answer["code"] else None
    return until(told, 90, "a token")


def test_an_order_that_never_arrived_is_resolved_in_two_steps(make_site):
    site, order = unknown_order(make_site, "drop_before")
    assert site.daemon.cli("status", "--nagios").returncode == 2
    assert site.daemon.cli("orders", "resolve", "pg1-zzz").returncode == 64
    assert site.daemon.cli("orders", "resolve", order, "0123456789abcdef").returncode == 64, "a reason is needed"
    guess = site.daemon.cli("orders", "resolve", order, "0123456789abcdef", "I", "guess")
    assert guess.returncode == 1 and "token" in guess.stderr
    early = site.daemon.ctl_json("orders", "resolve", order)
    assert early["code"] is None and early["wait_seconds"] > 0, "it may still turn up by itself"
    assert "not yet" in site.daemon.ctl("orders", "resolve", order)
    told = with_token(site, order[:12])
    assert told["broker"] == "silent" and "503" in told["broker_says"] and told["ledger"]["status"] == "unknown"
    assert told["ledger"]["client_order_id"] == order and float(told["ledger"]["reserved"]) > 0
    # A wrong token ends the right one too: it is asked for again.
    assert site.daemon.cli("orders", "resolve", order, "0" * 16, "x").returncode == 1
    assert site.daemon.cli("orders", "resolve", order, told["code"], "x").returncode == 1
    out = site.daemon.ctl("orders", "resolve", order)
    token = next(line.split()[1].strip(",") for line in out.split("\n") if line.startswith("token"))
    assert "nothing is changed yet" in out and site.sql("SELECT status FROM orders") == [{"status": "unknown"}]
    done = site.daemon.ctl("orders", "resolve", order, token, "not", "in", "the", "broker's", "list")
    assert "not_placed" in done
    until(lambda: site.sql("SELECT status FROM orders") == [{"status": "not_placed"}], 10, "the ledger")
    event = site.sql("SELECT source, reason FROM order_events WHERE status = 'not_placed'")[0]
    assert event["source"] == "operator" and "not in the broker's list" in event["reason"] and "user id" in event["reason"]
    decision = site.sql("SELECT subject, answer, detail FROM decisions WHERE kind = 'operator'")
    assert [(d["subject"], d["answer"]) for d in decision] == [(order, "not_placed")]
    assert site.daemon.metric("paperguard_orders_unknown") == 0
    assert site.daemon.ctl("orders", "--parked") == "no orders\n"
    assert site.daemon.cli("orders", "resolve", order).stdout.count("nothing to resolve") == 1
    site.sim.clear_faults()
    site.run_ended()
    site.daemon.in_step()
    until(lambda: site.daemon.cli("run", "--wait").returncode == 0, 30, "a whole run after it")


def test_an_order_that_the_broker_has_cannot_be_resolved(make_site):
    site, order = unknown_order(make_site, "drop_after_accept")
    told = with_token(site, order)
    site.sim.clear_faults()
    # The broker speaks again, and is asked before the operator's word is taken: its word wins, token or not.
    refused = site.daemon.cli("orders", "resolve", order, told["code"], "surely", "gone")
    assert refused.returncode == 1, refused
    assert "it is followed" in refused.stderr or "only one that never reached" in refused.stderr, refused
    until(lambda: site.daemon.metric("paperguard_orders_unknown") == 0, 30, "the order is found")
    again = site.daemon.ctl_json("orders", "resolve", order)
    assert again["broker"] in ("known", "not_asked") and again["code"] is None
    until(lambda: site.sql("SELECT status FROM orders") == [{"status": "filled"}], 20, "the fill")


def test_an_order_that_was_never_placed_is_seen_and_closed(make_site):
    """The run is over, the broker denies the order: it stays listed until an operator has seen it."""
    site, order = unknown_order(make_site, "drop_before")
    site.sim.clear_faults()
    until(lambda: site.sql("SELECT 1 FROM orders WHERE status = 'not_placed'"), 90, "the broker denies it")
    until(lambda: site.runs()[0]["completed_at"], 30, "the end of the run")
    assert [o["client_order_id"] for o in site.daemon.ctl_json("orders", "--parked")["orders"]] == [order]
    site.daemon.stop()  # also one of an earlier life
    site.daemon.start().in_step()
    told = site.daemon.ctl_json("orders", "resolve", order[:14])
    assert told["ledger"]["status"] == "not_placed" and told["broker"] == "not_asked"
    assert "closed" in site.daemon.ctl("orders", "resolve", order)
    assert site.daemon.cli("orders", "resolve", order, told["code"], "x").returncode == 1, "the newer token counts"
    token = site.daemon.ctl_json("orders", "resolve", order)["code"]
    site.daemon.ctl("orders", "resolve", order, token, "seen")
    assert site.daemon.ctl("orders", "--parked") == "no orders\n"
    kept = site.sql("SELECT outcome, resolution, operator FROM parked_orders")
    assert [(k["outcome"], k["resolution"]) for k in kept] == [("not_placed", "seen")] and "user id" in kept[0]["operator"]
    assert site.daemon.ctl_json("orders", "resolve", order)["code"] is None
    assert site.daemon.cli("orders", "resolve", "pg1-" + "0" * 32).returncode == 64
    assert len(site.sim.posts()) == 1, "it is not sent again"


# --- drift

def test_a_difference_is_shown_and_accepted_as_it_was_shown(make_site):
    """The exchange forgets everything (a reset of the paper account): the ledger keeps what it knows until told otherwise."""
    site = make_site().begin()
    assert "none" in site.daemon.ctl("drift")
    site.run_whole()
    assert site.daemon.ctl_json("drift")["code"] is None
    port = site.sim.port
    site.sim.stop()
    site.sim = Sim(site.folder, *QUIET_SIM, port=port)
    until(lambda: site.daemon.cli("drift").returncode == 1 and '"code":null' not in
          site.daemon.cli("--json", "drift").stdout.replace(" ", ""), 40, "the difference")
    told = json.loads(site.daemon.cli("--json", "drift").stdout)
    assert {p["symbol"] for p in told["positions"]} == {"SPY", "TLT", "GLD", "QQQ"} and not told["cash"]["agrees"]
    assert all(p["broker"] == "0" for p in told["positions"])
    out = site.daemon.cli("drift").stdout
    assert f"paperguard drift accept {told['code']} REASON" in out and "SPY" in out
    assert site.daemon.cli("run").returncode == 1, "orders are held meanwhile"
    other = site.daemon.cli("drift", "accept", "01234567", "looks", "fine")
    assert other.returncode == 1 and "not the one that was shown" in other.stderr, other
    assert site.sql("SELECT * FROM entries WHERE kind = 'correction'") == []
    assert site.daemon.cli("drift", "accept", told["code"]).returncode == 64, "a reason is needed"
    assert "accepted" in site.daemon.ctl("drift", "accept", told["code"], "the", "paper", "account", "was", "reset")
    assert len(site.sql("SELECT * FROM entries WHERE kind = 'correction'")) == 1
    site.daemon.in_step()
    assert "none" in site.daemon.ctl("drift")
