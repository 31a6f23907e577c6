# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Orders without an answer: UNKNOWN, never failed and never sent again; reserved until the exchange tells."""
import sys
from pathlib import Path

from harness import KEY, SECRET, Strategy, until

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))
import compare  # noqa: E402


def same(site):
    differences, truth = compare.check(compare.Exchange(site.sim.url, KEY, SECRET), compare.Ledger(site.dsn))
    assert not differences, differences
    return truth


def settled(site):
    row = site.run_ended()
    assert row["status"] == "completed" and row["settled"], row
    return row


def test_unanswered_order_is_unknown_and_then_found(make_site):
    """The exchange takes the order and the connection dies: looked up by id, one order there, never sent again."""
    site = make_site(strategies=[Strategy(weights={"SPY": "0.5"})]).begin()
    site.sim.fault("POST /v2/orders", "drop_after_accept")
    site.sim.fault("GET /v2/orders:by_client_order_id*", "status", status=503, count=2)
    site.sim.fault("GET /v2/orders", "status", status=503, count=6)
    site.daemon.ctl("run")
    until(lambda: site.sql("SELECT 1 FROM order_events WHERE status = 'unknown'"), 20, "status unknown")
    row = settled(site)
    assert row["orders_submitted"] == 1
    assert len(site.sim.posts()) == 1, "an unanswered order must not be sent again"
    truth = same(site)
    assert len(truth.orders) == 1


def test_unanswered_order_stays_reserved_while_the_broker_is_silent(make_site):
    site = make_site(strategies=[Strategy(weights={"SPY": "0.5"})], broker={"request_timeout": "1s"}).begin()
    site.sim.fault("POST /v2/orders", "drop_after_accept")
    site.sim.fault("GET /v2/orders*", "status", status=503, count=100000)
    site.daemon.ctl("run")
    until(lambda: site.daemon.get("/health/scheduler")["execution"]["orders_unknown"] == 1, 20, "one unknown order")
    assert site.daemon.metric("paperguard_orders_unknown") == 1
    # The fill is at the exchange and reaches the ledger only with the orders; no second run starts meanwhile.
    again = site.daemon.cli("run")
    assert again.returncode != 0
    site.sim.clear_faults()
    settled(site)
    assert len(site.sim.posts()) == 1
    same(site)


def test_order_that_never_arrived_is_not_sent_again(make_site):
    """Dropped before it was taken: the run ends partial at its deadline, the order stays unknown until the broker has denied
    for a minute that it came."""
    site = make_site(strategies=[Strategy(weights={"SPY": "0.3", "TLT": "0.3"})], schedule={"run_deadline": "4s"}).begin()
    site.sim.fault("POST /v2/orders", "drop_before")
    site.daemon.ctl("run")
    row = site.run_ended(seconds=60)
    assert row["status"] == "partial", row
    assert len(site.sim.orders()) == 1 and len(site.sim.posts()) == 2
    states = {r["status"] for r in site.sql("SELECT status FROM orders")}
    assert states == {"unknown", "filled"}
    assert site.daemon.metric("paperguard_orders_unknown") == 1
    # The books do not show what is unknown: another run would buy it again.
    site.daemon.in_step()
    again = site.daemon.cli("run")
    assert again.returncode == 1 and "has not ended" in again.stdout + again.stderr, again
    until(lambda: site.sql("SELECT 1 FROM orders WHERE status = 'not_placed'"), 90, "the broker does not have it")
    assert site.daemon.metric("paperguard_orders_unknown") == 0 and len(site.sim.posts()) == 2
    site.daemon.in_step()
    site.daemon.ctl("run")
    until(lambda: len(site.runs()) == 2 and site.runs()[1]["completed_at"], 30, "the second run")
    assert site.runs()[1]["status"] == "completed" and site.runs()[1]["settled"], site.runs()[1]
    same(site)
