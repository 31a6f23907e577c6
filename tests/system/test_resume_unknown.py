# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Killed with an order on its way that nobody has answered: it is looked up by its id for a minute, and only then sent again."""
from harness import Strategy
from test_resume import QUICK, again, finished, ids, plan, same, start_and_kill

def test_killed_with_an_order_that_arrived_and_was_not_answered(make_site):
    site = make_site(sim_options=QUICK).begin()
    site.sim.fault("POST /v2/orders", "delay", delay_ms=4000, skip=1)
    run_id, stored, sent = start_and_kill(site, lambda: len(site.sim.orders()) >= 2)
    site.sim.clear_faults()
    again(site)
    finished(site, run_id, stored)


def test_killed_with_an_order_that_never_arrived(make_site):
    """Denied by the broker for a minute, by id and in its list: then it goes out, once more, under its id."""
    site = make_site(sim_options=QUICK, strategies=[Strategy(weights={"SPY": "0.5", "TLT": "0.4"})]).begin()
    site.sim.fault("POST /v2/orders", "drop_before", count=2)
    site.sim.fault("GET /v2/orders*", "status", status=503, count=1000)
    run_id, stored, sent = start_and_kill(site, lambda: len(site.sim.posts()) == 2)
    assert len(sent) == 2
    site.sim.clear_faults()
    assert site.sim.orders() == []
    again(site)
    row = site.run_ended(run_id, seconds=120)
    assert row["status"] == "completed" and row["settled"], row
    assert plan(site, run_id) == stored
    assert sorted(ids(site)) == sorted(sent * 2), "the same ids, once more"
    assert set(same(site).orders) == set(sent)
    events = site.sql("SELECT reason FROM order_events WHERE status = 'intent' AND reason <> ''")
    assert len(events) == 2 and all("sent again under its id" in e["reason"] for e in events)
