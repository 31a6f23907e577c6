# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Execution styles on the exchange: limit at the far side, limit-walk step by step, tries that are cancelled, filled in part,
filled before the cancel came, and gone on with after a kill."""
import sys
from decimal import Decimal
from pathlib import Path

from harness import KEY, SECRET, Strategy, until

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))
import compare  # noqa: E402

QUICK = ("--no-rate-limit", "--partial-rate", "0", "--fill-delay-ms", "20", "--seed", "7")
SLOW_FILLS = ("--no-rate-limit", "--partial-rate", "0.9", "--fill-delay-ms", "1500", "--seed", "7")
WALK = {"execution": "limit-walk"}


def same(site):
    differences, truth = compare.check(compare.Exchange(site.sim.url, KEY, SECRET), compare.Ledger(site.dsn))
    assert not differences, differences
    return truth


def tries(site):
    return site.sql("SELECT i.leg, i.try_no, i.side, i.type, i.qty, i.limit_price, i.bid, i.ask, i.created_at, o.status, "
                    "o.filled_qty, o.sent_at, (SELECT max(e.at) FROM order_events e JOIN order_statuses s USING (status) "
                    "WHERE e.client_order_id = i.client_order_id AND s.terminal) AS ended FROM intents i JOIN orders o "
                    "USING (client_order_id) ORDER BY i.leg, i.try_no")


def in_a_row(rows):
    """Each try of a leg begins when the one before has ended, with what that one left."""
    for a, b in zip(rows, rows[1:]):
        if a["leg"] != b["leg"]:
            continue
        assert b["try_no"] == a["try_no"] + 1 and b["created_at"] >= a["ended"], (a, b)
        assert b["qty"] == a["qty"] - a["filled_qty"], (a, b)


def on_tick(price):
    return price == round(price, 2)


def test_limit_is_at_the_far_side(make_site):
    site = make_site(sim_options=QUICK, strategies=[Strategy(weights={"SPY": "0.5", "TLT": "0.3"}, execution="limit")]).begin()
    row = site.run_whole()
    assert row["status"] == "completed" and row["settled"], row
    rows = tries(site)
    assert [r["type"] for r in rows] == ["limit"] * 2 and all(r["try_no"] == 1 for r in rows)
    assert all(on_tick(r["limit_price"]) and r["limit_price"] <= r["ask"] for r in rows)
    same(site)


def test_walk_steps_then_market(make_site):
    site = make_site(sim_options=QUICK, strategies=[Strategy(weights={"SPY": "0.5"}, **WALK)],
                     orders={"walk_step_time": "700ms", "walk_steps": "0 0.1 0.2"}).begin()
    row = site.run_whole(seconds=40)
    assert row["status"] == "completed" and row["settled"], row
    assert row["orders_submitted"] == 1 and row["orders_rejected"] == 0
    rows = tries(site)
    in_a_row(rows)
    assert rows[-1]["status"] == "filled"
    for r, share in zip(rows, ("0", "0.1", "0.2")):
        if r["type"] == "limit":
            assert on_tick(r["limit_price"])
            meant = r["bid"] + (r["ask"] - r["bid"]) * Decimal(share)
            assert meant - Decimal("0.01") < r["limit_price"] <= meant, r
            assert r is rows[-1] or r["status"] == "canceled"
    if len(rows) == 4:
        assert rows[3]["type"] == "market" and rows[3]["limit_price"] is None
    same(site)


def test_walk_that_is_filled_in_part_goes_on_with_the_rest(make_site):
    """A step that could be filled at once is, in pieces, slower than its time: the rest goes to the next try."""
    site = make_site(sim_options=SLOW_FILLS, strategies=[Strategy(weights={"SPY": "0.5", "TLT": "0.4"}, **WALK)],
                     orders={"walk_step_time": "2s", "walk_steps": "0.9 1"}).begin()
    row = site.run_whole(seconds=60)
    assert row["status"] == "completed" and row["settled"], row
    rows = tries(site)
    in_a_row(rows)
    for leg in {r["leg"] for r in rows}:
        own = [r for r in rows if r["leg"] == leg]
        assert sum(r["filled_qty"] for r in own) == own[0]["qty"], own
    assert any(0 < r["filled_qty"] < r["qty"] for r in rows), "no try was filled in part: the test says nothing"
    same(site)


def test_cancel_that_comes_too_late(make_site):
    """The exchange fills while the cancel is on its way: the fill counts, no further try is made."""
    site = make_site(sim_options=("--no-rate-limit", "--partial-rate", "0.6", "--fill-delay-ms", "600", "--seed", "7"),
                     strategies=[Strategy(weights={"SPY": "0.5", "TLT": "0.4"}, **WALK)],
                     orders={"walk_step_time": "300ms", "walk_steps": "1"}).begin()
    site.sim.fault("DELETE /v2/orders/*", "delay_before", delay_ms=9000, count=20)
    row = site.run_whole(seconds=40)
    assert row["status"] == "completed" and row["settled"], row
    rows = tries(site)
    in_a_row(rows)
    # The market may leave a limit behind until its cancel is there; of the other one all is filled by the first try.
    assert any(r["try_no"] == 1 and r["status"] == "filled" and r["filled_qty"] == r["qty"] for r in rows), rows
    assert all(r["status"] in ("filled", "canceled") for r in rows)
    until(lambda: any(r["method"] == "DELETE" for r in site.sim.requests()), 20, "the cancel, which was tried")
    same(site)


def test_walk_goes_on_at_the_right_try_after_a_kill(make_site):
    site = make_site(sim_options=QUICK, strategies=[Strategy(weights={"SPY": "0.5"}, **WALK)],
                     orders={"walk_step_time": "2s", "walk_steps": "0 0.05 0.1"}).begin()
    run_id = site.run()
    until(lambda: len(site.sim.posts()) == 2, 20, "the second step")
    until(lambda: site.sql("SELECT 1 FROM intents i JOIN orders o USING (client_order_id) WHERE try_no = 2 AND o.order_id "
                           "IS NOT NULL"), 10, "its answer in the ledger")
    site.daemon.process.kill()
    site.daemon.notify.forget()
    site.daemon.start().up().ready()
    row = site.run_ended(run_id, seconds=60)
    assert row["status"] == "completed" and row["settled"], row
    rows = tries(site)
    in_a_row(rows)
    assert [r["try_no"] for r in rows] == list(range(1, len(rows) + 1)) and len(rows) >= 2
    sent = [p["body"].split('"client_order_id":"')[1].split('"')[0] for p in site.sim.posts()]
    assert len(sent) == len(set(sent)) == len(rows)
    same(site)


def test_deadline_in_the_middle_of_a_walk(make_site):
    site = make_site(sim_options=QUICK, strategies=[Strategy(weights={"SPY": "0.5"}, **WALK)],
                     orders={"walk_step_time": "1m", "walk_steps": "0"}, schedule={"run_deadline": "3s"}).begin()
    row = site.run_whole(seconds=40)
    assert row["status"] in ("failed", "completed") and row["settled"], row
    rows = tries(site)
    assert len(rows) == 1 and rows[0]["status"] in ("canceled", "filled"), rows
    same(site)


def test_netted_order_takes_the_most_urgent_style(make_site):
    site = make_site(sim_options=QUICK,
                     strategies=[Strategy("patient", weights={"SPY": "0.5", "TLT": "0.4"}, allocation="0.5", execution="limit"),
                                 Strategy("urgent", weights={"SPY": "0.5"}, allocation="0.4")]).begin()
    row = site.run_whole()
    assert row["status"] == "completed", row
    rows = site.sql("SELECT symbol, type FROM intents ORDER BY symbol")
    assert rows == [{"symbol": "SPY", "type": "market"}, {"symbol": "TLT", "type": "limit"}]
    same(site)
