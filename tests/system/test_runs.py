# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The main job: from a slot or an operator's word to a settled ledger, at most once, also across stops, restarts, halts and
unanswered orders. After every test exchange and ledger are compared without the daemon."""
import signal
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from harness import KEY, SECRET, Strategy, until

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))
import compare  # noqa: E402

SLOW_FILLS = ("--no-rate-limit", "--partial-rate", "0.5", "--fill-delay-ms", "1500", "--seed", "7")


def same(site):
    exchange, ledger = compare.Exchange(site.sim.url, KEY, SECRET), compare.Ledger(site.dsn)
    differences, truth = compare.check(exchange, ledger)
    assert not differences, differences
    return truth


def settled(site, run_id=None, status="completed", seconds=30):
    row = site.run_ended(run_id, seconds)
    assert row["status"] == status and row["settled"], row
    return row


def test_run_by_cli(site):
    out = site.daemon.ctl("run")
    row = settled(site)
    assert row["cause"] == "cli" and row["slot_key"] == "manual-1" and row["run_id"] in out
    assert row["orders_submitted"] == row["orders_accepted"] == 4 and row["orders_rejected"] == 0 and row["fills"] == 4
    truth = same(site)
    assert len(truth.orders) == 4 and all(cid.startswith("pg1-") and len(cid) == 36 for cid in truth.orders)
    assert all(o["side"] == "buy" and o["status"] == "filled" for o in truth.orders.values())
    # The intent was durable before the order was sent.
    for r in site.sql("SELECT i.created_at, o.sent_at FROM intents i JOIN orders o USING (client_order_id)"):
        assert r["created_at"] <= r["sent_at"]
    until(lambda: site.sql("SELECT count(*) AS n FROM fill_quotes WHERE bid < ask")[0]["n"] == 4, 10, "quotes at fill")
    # What the account was worth then is kept, with what it held.
    kept = until(lambda: site.sql("SELECT * FROM equity_snapshots WHERE run_id = %s", row["run_id"]), 10, "the snapshot")
    held = {r["symbol"]: r["qty"] for r in site.sql("SELECT symbol, qty FROM position_snapshots WHERE at = %s", kept[0]["at"])}
    assert kept[0]["source"] == "run" and held == {r["symbol"]: r["q"] for r in site.sql(
        "SELECT symbol, sum(qty) AS q FROM books GROUP BY 1 HAVING sum(qty) <> 0")}
    # A second one has nothing to do, or little: prices hardly move; it settles all the same.
    site.daemon.ctl("run")
    until(lambda: len(site.runs()) == 2 and site.runs()[1]["completed_at"], 30, "the second run")
    assert site.runs()[1]["slot_key"] == "manual-2" and site.runs()[1]["settled"]
    same(site)


def test_run_by_http_needs_the_token(site):
    for token in (None, "", "wrong", "token-Yw5uR8tE2qP9oI7uY4tR1eW6qA3sD"):
        assert site.daemon.run_http(token)[0] in (401, 403), token
    assert site.runs() == []
    # From a page in a browser: refused whatever the token.
    status, _, _ = site.daemon.raw("/api/v1/orchestration/run", "POST", {}, {"Authorization": "Bearer x",
                                                                            "Origin": "http://evil.example"})
    assert status == 403
    status, body = site.daemon.run_http()
    assert status in (200, 202), body
    row = settled(site)
    assert row["cause"] == "http" and row["run_id"] in str(body)
    same(site)


def test_without_a_token_http_runs_are_off(make_site):
    site = make_site(http={"token_file": None}).begin()
    status, body = site.daemon.run_http()
    assert status == 403 and site.runs() == [], body


def test_unknown_strategy_is_refused(site):
    done = site.daemon.cli("run", "nosuch")
    assert done.returncode != 0 and "nosuch" in done.stdout + done.stderr
    assert site.runs() == []


def test_two_triggers_of_one_slot_give_one_run(make_site):
    """Two strategies with the same instant, and run now at the same moment: one row per slot, one run at a time."""
    site = make_site(strategies=[Strategy("one", "every 5s", {"SPY": "1"}, allocation="0.2"),
                                 Strategy("two", "every 5s", {"TLT": "1"}, allocation="0.2")]).begin()
    until(lambda: len([r for r in site.runs() if r["completed_at"] and r["cause"] == "schedule"]) >= 2, 30, "two slots")
    site.daemon.stop()
    rows = [r for r in site.runs() if r["cause"] == "schedule"]
    assert len({r["slot_key"] for r in rows}) == len(rows)
    assert all(r["strategies"] == ["one", "two"] for r in rows)
    assert all(int(r["slot_key"][17:19]) % 5 == 0 and r["slot_key"].endswith("Z") for r in rows)
    starts = sorted((r["started_at"], r["completed_at"]) for r in rows if r["completed_at"])
    assert all(a[1] <= b[0] for a, b in zip(starts, starts[1:])), "runs overlap"


def test_second_run_while_one_is_under_way_is_refused(make_site):
    site = make_site(sim_options=SLOW_FILLS).begin()
    site.daemon.ctl("run")
    again = site.daemon.cli("run")
    assert again.returncode != 0 and "under way" in again.stdout + again.stderr
    status, body = site.daemon.run_http()
    assert status == 409, body
    settled(site)
    assert len(site.runs()) == 1
    same(site)


def test_partial_fills_sells_first_then_buys(make_site):
    """Weights turned around by a new config: sells go first, a buy as soon as what they brought pays for it."""
    site = make_site(sim_options=("--no-rate-limit", "--partial-rate", "0.6", "--fill-delay-ms", "100", "--seed", "11"),
                     strategies=[Strategy(weights={"SPY": "0.6", "TLT": "0.0", "GLD": "0.39"})]).begin()
    site.daemon.ctl("run")
    settled(site)
    site.daemon.stop()
    site.daemon.strategies = [Strategy(weights={"SPY": "0", "TLT": "0.6", "GLD": "0.2"})]
    site.daemon.write().notify.forget()
    site.daemon.start().in_step()
    cash = Decimal(site.sim.get("/v2/account")["cash"])
    site.daemon.ctl("run")
    until(lambda: len(site.runs()) == 2 and site.runs()[1]["completed_at"], 30, "the second run")
    assert site.runs()[1]["status"] == "completed", site.runs()[1]
    truth = same(site)
    assert "SPY" not in truth.positions, "a target of zero sells all of it"
    assert any(f["partial"] for f in truth.fills.values())
    second = site.sql("SELECT i.side, o.sent_at, i.reserved, f.exact_amount, f.transaction_time FROM intents i JOIN orders o "
                      "USING (client_order_id) JOIN fills f USING (client_order_id) WHERE i.run_id = %s",
                      site.runs()[1]["run_id"])
    sells, buys = ([r for r in second if r["side"] == s] for s in ("sell", "buy"))
    assert sells and len({r["sent_at"] for r in buys}) == 1
    sent = buys[0]["sent_at"]
    assert all(r["sent_at"] < sent for r in sells), "sells go first"
    brought = sum(r["exact_amount"] for r in sells if r["transaction_time"] <= sent)
    assert cash < buys[0]["reserved"] <= cash + brought, "bought with money that was not there yet"


def test_rejected_order_ends_the_leg(make_site):
    site = make_site(strategies=[Strategy(weights={"SPY": "0.3", "TLT": "0.3"})]).begin()
    site.sim.fault("POST /v2/orders", "status", status=403, code=40310000)
    site.daemon.ctl("run")
    row = settled(site, status="partial")
    assert row["orders_rejected"] == 1 and row["orders_accepted"] == 1
    assert len(site.sim.orders()) == 1
    assert {r["status"] for r in site.sql("SELECT status FROM orders")} == {"rejected", "filled"}


def test_rate_limited_order_is_sent_again_under_its_id(make_site):
    site = make_site(strategies=[Strategy(weights={"SPY": "0.3", "TLT": "0.3"})]).begin()
    site.sim.fault("POST /v2/orders", "status", status=429, code=42910000)
    site.daemon.ctl("run")
    row = settled(site)
    assert row["orders_rejected"] == 0 and row["orders_accepted"] == 2
    ids = [p["body"].split('"client_order_id":"')[1].split('"')[0] for p in site.sim.posts()]
    assert len(ids) == 3 and len(set(ids)) == 2
    same(site)


def test_refused_key_while_running_latches_a_halt(make_site):
    site = make_site(schedule={"latest_start": "1s"}).begin()
    site.sim.fault("GET /v2/account", "status", status=401, code=40110000)
    site.daemon.ctl("run")
    until(lambda: site.daemon.http("/health")[1]["halt"]["state"] == "halted", 10, "halted")
    row = site.run_ended(seconds=30)
    assert row["status"] == "failed" and site.sim.posts() == [], row
    assert site.daemon.cli("run").returncode != 0, "the key is taken again, the halt stays"


def test_record_mode_sends_nothing(make_site):
    site = make_site(orders={"mode": "record"}).begin()
    assert "RECORDED ONLY" in site.daemon.text() and "RECORDED ONLY" in site.daemon.ctl("status")
    site.daemon.ctl("run")
    row = site.run_ended()
    assert row["status"] == "completed", row
    assert site.sim.posts() == [] and {r["status"] for r in site.sql("SELECT status FROM orders")} == {"dry_run"}
    assert site.daemon.get("/api/v1/config")["orders"] == "record"


# --- risk rows

@pytest.mark.parametrize("risk,word", [({"deny": "SPY"}, "SPY"), ({"allow": "TLT GLD"}, "SPY"), ({"max_order_notional": "100"}, ""),
                                       ({"max_order_share": "0.05"}, ""), ({"max_position_share": "0.05"}, ""),
                                       ({"max_gross_exposure": "0.05"}, "")])
def test_risk_rows_deny(make_site, risk, word):
    site = make_site(strategies=[Strategy(weights={"SPY": "0.5"})], risk=risk).begin()
    site.daemon.ctl("run")
    row = site.run_ended()
    assert row["status"] == "failed" and word in row["detail"], row
    assert site.sim.posts() == []
    until(lambda: site.sql("SELECT 1 FROM decisions WHERE kind = 'risk' AND answer = 'denied'"), 5, "the decision's row")


def test_orders_per_run_are_bounded(make_site):
    site = make_site(risk={"max_orders_per_run": "2"}).begin()
    site.daemon.ctl("run")
    row = site.run_ended()
    assert row["status"] == "partial" and len(site.sim.posts()) == 2, row
    same(site)


# --- halts

def test_halt_and_release_in_two_steps(site):
    site.daemon.ctl("halt", "looks", "odd")
    until(lambda: site.daemon.get("/health")["status"] == "halted", 5, "halted")
    assert "looks odd" in site.daemon.ctl("status") and "yes, once the halt is released" in site.daemon.ctl("status")
    refused = site.daemon.cli("run")
    assert refused.returncode != 0 and "halt" in refused.stdout + refused.stderr
    assert site.daemon.run_http()[0] == 409
    assert site.runs() == [] and site.sim.posts() == []
    assert site.sql("SELECT state, reason FROM halt_state")[0] == {"state": "halted", "reason": "looks odd"}
    # A wrong code, no code, confirm without a request: nothing is released.
    assert site.daemon.cli("release", "confirm", "0123456789abcdef").returncode != 0
    assert site.daemon.cli("release").returncode != 0
    # The halt outlives a restart.
    site.daemon.stop()
    site.daemon.notify.forget()
    site.daemon.start().up().ready()
    until(lambda: site.daemon.get("/health")["status"] == "halted", 10, "still halted")
    code = site.daemon.ctl_json("release", "request", "all", "checked")["code"]
    assert site.daemon.get("/health")["status"] == "halted"
    assert site.daemon.cli("release", "confirm", "f" * len(code)).returncode != 0
    code = site.daemon.ctl_json("release", "request", "all", "checked")["code"]
    site.daemon.ctl("release", "confirm", code)
    until(lambda: site.daemon.get("/health")["status"] == "healthy", 10, "released")
    assert site.daemon.cli("release", "confirm", code).returncode != 0, "a code is good once"
    site.daemon.in_step().ctl("run")
    settled(site)
    same(site)


def test_halt_by_file(site):
    (site.daemon.state / "halt.d/maintenance").write_text("disk is replaced\n")  # the folder is there already
    until(lambda: site.daemon.get("/health")["status"] == "halted", 5, "halted by file")
    assert site.daemon.cli("run").returncode != 0 and site.runs() == []


def test_halt_in_the_middle_of_a_run_stops_what_is_not_sent(make_site):
    site = make_site(sim_options=SLOW_FILLS, strategies=[Strategy(weights={"SPY": "0.5", "TLT": "0.4"})]).begin()
    site.daemon.ctl("run")
    settled(site)
    site.daemon.stop()
    site.daemon.strategies = [Strategy(weights={"SPY": "0.1", "TLT": "0.8"})]
    site.daemon.write().notify.forget()
    site.daemon.start().in_step()
    posts = len(site.sim.posts())
    site.daemon.ctl("run")
    until(lambda: len(site.sim.posts()) == posts + 1, 10, "the sell is sent")
    site.daemon.ctl("halt", "stop")
    until(lambda: len(site.runs()) == 2 and site.runs()[1]["completed_at"], 30, "the second run")
    row = site.runs()[1]
    assert row["status"] == "partial" and row["settled"], row
    assert len(site.sim.posts()) == posts + 1, "a buy was sent under a halt"
    same(site)


def test_state_file_lost_after_the_host_was_seen_means_halt_unknown(site):
    """Deleting the latch's file does not release: Postgres has seen this host."""
    site.daemon.ctl("halt", "x")
    site.daemon.stop()
    for p in site.daemon.state.glob("halt*"):
        if p.is_file():
            p.unlink()
    site.daemon.notify.forget()
    site.daemon.start().up()
    time_end = time.monotonic() + 2
    while time.monotonic() < time_end:  # it must stay so: nothing here is waited for
        assert site.daemon.cli("run").returncode != 0
    assert site.runs() == []


# --- stop and restart

def test_sigterm_drains(make_site):
    """TERM while orders are open: the run is followed to its end, then the daemon leaves with 0."""
    site = make_site(sim_options=SLOW_FILLS).begin()
    site.daemon.ctl("run")
    until(lambda: site.sim.posts(), 10, "the first order")
    site.daemon.process.signal(signal.SIGTERM)
    until(lambda: site.daemon.notify.has("STOPPING=1"), 5, "STOPPING=1")
    assert site.daemon.exit(40) == 0
    row = site.runs()[0]
    assert row["completed_at"] and row["settled"], row
    same(site)


def test_idle_sigterm_is_quick(site):
    began = time.monotonic()
    site.daemon.process.signal(signal.SIGTERM)
    assert site.daemon.exit(10) == 0 and time.monotonic() - began < 3


@pytest.mark.parametrize("moment", ["claimed", "sending", "filling"])
def test_killed_in_the_middle_of_a_run_settles_after_restart(make_site, moment):
    site = make_site(sim_options=SLOW_FILLS).begin()
    if moment == "claimed":
        site.sim.fault("GET /v2/stocks/trades/latest*", "delay_before", delay_ms=3000)
    if moment == "sending":
        site.sim.fault("POST /v2/orders", "delay", delay_ms=3000, skip=1)
    site.daemon.ctl("run")
    if moment == "claimed":
        until(lambda: any("trades/latest" in r["target"] for r in site.sim.requests()) or site.runs(), 10, "the claim")
    elif moment == "sending":
        until(lambda: len(site.sim.orders()) == 4, 10, "all orders there, one without an answer yet")
    else:
        until(lambda: site.sim.fills() and len(site.sim.orders()) == 4, 15, "the first fill")
    site.daemon.process.kill()
    site.daemon.notify.forget()
    site.daemon.start().up().ready()
    row = site.run_ended(seconds=60)
    assert row["settled"] and row["status"] in ("completed", "partial"), row
    if moment == "claimed":
        assert row["status"] == "completed"
    truth = same(site)
    ids = [p["body"].split('"client_order_id":"')[1].split('"')[0] for p in site.sim.posts()]
    assert len(set(ids)) == len(ids), "an order was sent twice"
    assert len(truth.orders) == len(ids)
    # And the next run works.
    site.daemon.in_step().ctl("run")
    until(lambda: len(site.runs()) == 2 and site.runs()[1]["completed_at"], 60, "the next run")
    assert site.runs()[1]["settled"], site.runs()[1]
    same(site)


# --- the opening

def test_first_start_takes_what_is_there_as_unassigned(make_site):
    site = make_site()
    bought = site.sim.call("POST", "/v2/orders", {"symbol": "GLD", "qty": "12.5", "side": "buy", "type": "market",
                                                  "time_in_force": "day"})
    until(lambda: site.sim.get(f"/v2/orders/{bought['id']}")["status"] == "filled", 10, "the fill")
    site.daemon.db_init()
    site.daemon.start().up().ready()
    until(lambda: "opening" in site.daemon.ctl("status"), 10, "it asks for the opening")
    assert site.daemon.cli("run").returncode != 0 and site.runs() == []
    site.accept()
    assert site.daemon.cli("opening", "accept").returncode != 0, "accepted once"
    books = site.sql("SELECT book, symbol, qty FROM books")
    assert books == [{"book": "unassigned", "symbol": "GLD", "qty": Decimal("12.5")}]
    site.daemon.ctl("run")
    settled(site)
    books = {(b["book"], b["symbol"]): b["qty"] for b in site.sql("SELECT * FROM books")}
    assert books[("unassigned", "GLD")] == Decimal("12.5"), "a strategy trades its own book only"
    assert books[("weights", "GLD")] > 0


def test_trade_behind_our_back_holds_orders(site):
    """Somebody trades on the account: the fill is recorded as unassigned, nothing is hidden."""
    site.daemon.ctl("run")
    settled(site)
    other = site.sim.call("POST", "/v2/orders", {"symbol": "IWM", "qty": "3", "side": "buy", "type": "market",
                                                 "time_in_force": "day"})
    until(lambda: site.sim.get(f"/v2/orders/{other['id']}")["status"] == "filled", 10, "the fill")
    site.daemon.cli("run")
    until(lambda: site.sql("SELECT 1 FROM books WHERE book = 'unassigned' AND symbol = 'IWM' AND qty = 3"), 80,
          "the stranger's fill in unassigned")
