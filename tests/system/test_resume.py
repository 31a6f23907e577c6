# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Killed at every step of a run and started again: the stored plan is finished, no order is sent twice, and books and
exchange are the same in the end."""
import sys
import time
from pathlib import Path

import pytest

from harness import KEY, SECRET, Strategy, until

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))
import compare  # noqa: E402

QUICK = ("--no-rate-limit", "--partial-rate", "0", "--fill-delay-ms", "20", "--seed", "7")
SLOW_FILLS = ("--no-rate-limit", "--partial-rate", "0.5", "--fill-delay-ms", "1500", "--seed", "7")
BEFORE = {"SPY": "0.4", "QQQ": "0.4", "TLT": "0.1"}
AFTER = {"SPY": "0.1", "QQQ": "0.1", "TLT": "0.3", "GLD": "0.3"}


def same(site):
    differences, truth = compare.check(compare.Exchange(site.sim.url, KEY, SECRET), compare.Ledger(site.dsn))
    assert not differences, differences
    return truth


def ids(site):
    return [p["body"].split('"client_order_id":"')[1].split('"')[0] for p in site.sim.posts()]


def plan(site, run_id):
    return site.sql("SELECT r.plan_digest, l.leg, l.symbol, l.side, l.qty FROM runs r JOIN legs l USING (run_id) "
                    "WHERE run_id = %s ORDER BY leg", run_id)


def to_rebalance(make_site, options=QUICK, **more):
    """A site that holds BEFORE and whose strategy now wants AFTER: two sells, two buys."""
    site = make_site(sim_options=options, strategies=[Strategy(weights={**BEFORE, "GLD": "0"})], **more).begin()
    assert site.run_whole(seconds=60)["status"] == "completed"
    site.daemon.stop()
    site.daemon.strategies = [Strategy(weights=AFTER)]
    site.daemon.write().notify.forget()
    site.daemon.start().in_step()
    return site


def start_and_kill(site, when):
    """Starts a run and kills the daemon as soon as when() is true; the stored plan and the posts so far."""
    before = len(ids(site))
    run_id = site.run()
    until(when, 20, "the moment to kill")
    site.daemon.process.kill()
    stored = plan(site, run_id)
    return run_id, stored, ids(site)[before:]


def finished(site, run_id, stored, legs=4):
    row = site.run_ended(run_id, seconds=150)
    assert row["status"] == "completed" and row["settled"] and "resumed" in row["detail"], row
    assert plan(site, run_id) == stored and len(stored) == legs, "planned anew"
    sent = ids(site)
    assert len(sent) == len(set(sent)), "an order was sent twice"
    truth = same(site)
    assert set(sent) == set(truth.orders)
    tries = site.sql("SELECT leg, count(*) FROM intents WHERE run_id = %s GROUP BY leg", run_id)
    assert len(tries) == legs and all(t["count"] == 1 for t in tries)
    counts = site.sql("SELECT * FROM run_counts WHERE run_id = %s", run_id)[0]
    assert (counts["orders_planned"], counts["orders_skipped"], counts["orders_failed"]) == (legs, 0, 0)
    return row


def again(site):
    site.daemon.notify.forget()
    site.daemon.start().up().ready()


def test_killed_after_the_plan_before_the_first_order(make_site):
    """Nothing but buys, which wait for fresh prices: the plan is stored and no order has left."""
    site = make_site(sim_options=QUICK).begin()
    site.sim.fault("GET /v2/stocks/trades/latest*", "delay_before", delay_ms=4000, skip=1)
    run_id, stored, sent = start_and_kill(site, lambda: site.sql("SELECT 1 FROM legs"))
    assert sent == [] and site.sim.posts() == []
    site.sim.clear_faults()
    again(site)
    finished(site, run_id, stored)


def nothing_until(seconds, read):
    """It must stay so: what is waited for is that nothing comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert not read()
        time.sleep(0.1)


def test_a_halt_holds_the_stored_plan_too(make_site):
    """Halted while the daemon was away: the plan waits for the release, and is then finished as it was stored."""
    site = make_site(sim_options=QUICK).begin()
    site.sim.fault("GET /v2/stocks/trades/latest*", "delay_before", delay_ms=4000, skip=1)
    run_id, stored, sent = start_and_kill(site, lambda: site.sql("SELECT 1 FROM legs"))
    assert sent == []
    site.sim.clear_faults()
    folder = site.daemon.state / "halt.d"
    folder.mkdir(exist_ok=True)
    (folder / "maintenance").write_text("the disk is replaced\n")
    again(site)
    until(lambda: site.daemon.get("/health")["status"] == "halted", 10, "halted")
    nothing_until(2, site.sim.posts)
    assert not site.sql("SELECT 1 FROM runs WHERE completed_at IS NOT NULL")
    (folder / "maintenance").unlink()
    until(lambda: site.daemon.cli("release", "request", "all", "checked").returncode == 0, 10, "the release")
    site.daemon.ctl("release", "confirm", site.daemon.ctl_json("release", "request", "all", "checked")["code"])
    finished(site, run_id, stored)


def test_killed_between_the_sells(make_site):
    site = to_rebalance(make_site)
    posts = len(site.sim.posts())
    site.sim.fault("POST /v2/orders", "delay_before", delay_ms=4000, skip=1)
    run_id, stored, sent = start_and_kill(site, lambda: len(site.sim.posts()) > posts + 1 or
                                          len(site.sim.orders()) == posts + 1)
    assert 1 <= len(sent) <= 2
    site.sim.clear_faults()
    again(site)
    finished(site, run_id, stored)


def test_killed_while_sells_fill(make_site):
    site = to_rebalance(make_site, SLOW_FILLS)
    orders, fills = len(site.sim.orders()), len(site.sim.fills())
    run_id, stored, sent = start_and_kill(site, lambda: len(site.sim.fills()) > fills and
                                          len(site.sim.orders()) == orders + 2)
    assert len(sent) >= 2
    again(site)
    finished(site, run_id, stored)


def test_killed_between_the_buys(make_site):
    site = to_rebalance(make_site)
    posts = len(site.sim.posts())
    site.sim.fault("POST /v2/orders", "delay_before", delay_ms=4000, skip=3)
    run_id, stored, sent = start_and_kill(site, lambda: len(site.sim.orders()) == posts + 3)
    assert len(sent) in (3, 4)
    site.sim.clear_faults()
    again(site)
    finished(site, run_id, stored)


def test_killed_while_settling(make_site):
    site = to_rebalance(make_site)
    site.sim.fault("GET /v2/account/activities/FILL*", "delay_before", delay_ms=3000, count=50)
    run_id, stored, sent = start_and_kill(site, lambda: site.sql("SELECT 1 FROM runs WHERE status = 'settling'"))
    assert len(sent) == 4
    site.sim.clear_faults()
    again(site)
    finished(site, run_id, stored)


def test_started_again_after_the_deadline(make_site):
    """What is open is cancelled, nothing more is sent, and the run says partial."""
    site = to_rebalance(make_site, SLOW_FILLS, schedule={"run_deadline": "12s"})
    posts, fills = len(site.sim.posts()), len(site.sim.fills())
    run_id, stored, sent = start_and_kill(site, lambda: len(site.sim.fills()) > fills and
                                          len(site.sim.orders()) == posts + 2)
    until(lambda: site.sql("SELECT 1 FROM runs WHERE run_id = %s AND deadline_at < clock_timestamp()", run_id), 20,
          "the deadline")
    again(site)
    row = site.run_ended(run_id, seconds=60)
    assert row["status"] == "partial" and row["settled"], row
    assert ids(site)[posts:] == sent, "sent after the deadline"
    assert all(o["status"] in ("filled", "canceled") for o in site.sim.orders())
    same(site)
    # The next run makes up for it.
    site.daemon.in_step()
    assert site.run_whole(seconds=60)["status"] in ("completed", "partial")
    same(site)


@pytest.mark.parametrize("seconds", ["0.4", "1.0", "1.7"])
def test_killed_at_some_moment_twice(make_site, seconds):
    site = to_rebalance(make_site, SLOW_FILLS)
    run_id = site.run()
    for _ in range(2):
        end = time.monotonic() + float(seconds)
        until(lambda: time.monotonic() >= end, 5, "the moment")
        site.daemon.process.kill()
        again(site)
    # An intent that had not left yet is waited for, a minute: perhaps it had.
    row = site.run_ended(run_id, seconds=150)
    assert row["status"] == "completed" and row["settled"], row
    sent = ids(site)
    assert len(sent) == len(set(sent)), "an order was sent twice"
    assert set(sent) == set(same(site).orders)
