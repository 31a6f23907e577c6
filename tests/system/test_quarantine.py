# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Orders that somebody else has placed at the exchange beside the daemon: kept apart, alerted once, counted, adopted or cancelled."""
import pytest

from harness import TOKEN, Site, Strategy, until

AUTH = {"Authorization": f"Bearer {TOKEN}"}
WEIGHTS = {"SPY": "0.3", "TLT": "0.2"}


@pytest.fixture(scope="module", name="place")
def fixture_place(pg):
    site = Site(pg, strategies=[Strategy(weights=WEIGHTS)], broker={"compare_interval": "500ms"})
    try:
        yield site.begin()
    finally:
        site.close()


def by_hand(site, name, **more):
    """An order placed at the exchange itself, far from the market: it rests."""
    order = {"client_order_id": name, "symbol": "GLD", "side": "buy", "qty": "2", "type": "limit", "limit_price": "50",
             "time_in_force": "gtc", **more}
    return site.sim.call("POST", "/v2/orders", order)["id"]


def held(site, order_id, status="open"):
    rows = site.daemon.get(f"/api/v1/quarantine?status={status}")["quarantine"]
    return next((r for r in rows if r["order_id"] == order_id), None)


def apart(site, order_id):
    return until(lambda: held(site, order_id), 20, "it is in quarantine")


def closed(site, order_id, outcome):
    row = until(lambda: held(site, order_id, "closed"), 20, "it has left the quarantine")
    assert row["outcome"] == outcome, row
    return row


def alerts(site, order_id):
    return [a["kind"] for a in site.sql("SELECT kind FROM alerts WHERE subject = %s", order_id)]


def buys(site, name, symbol="GLD"):
    return site.daemon.http("/api/v1/orders", "POST", {"client_order_id": name, "symbol": symbol, "side": "buy", "qty": "1"}, AUTH)


def word(site, verb, order_id, *more):
    """Both steps of an operator's word."""
    told = site.daemon.ctl_json("quarantine", verb, order_id, *more)
    return site.daemon.ctl("quarantine", verb, order_id, told["code"], "seen", "by", "hand", *more)


def test_a_foreign_order_is_kept_apart_and_cancelled_by_word(place):
    site = place
    order = by_hand(site, "by-hand-1")
    row = apart(site, order)
    assert (row["kind"], row["client_order_id"], row["symbol"], row["qty"]) == ("foreign", "by-hand-1", "GLD", "2"), row
    assert until(lambda: alerts(site, order), 20, "the alert") == ["foreign_order"]
    assert site.daemon.metric("paperguard_quarantined_orders") == 1
    assert "1 orders at the broker are not ours" in site.daemon.cli("status").stdout
    assert order in site.daemon.ctl("quarantine") and order in site.daemon.ctl("quarantine", "list")
    status, refused = buys(site, "mine-1")
    assert status == 422 and refused["code"] == "quarantine", refused
    assert buys(site, "mine-2", "TLT")[0] in (201, 202), "another symbol"
    told = site.daemon.ctl_json("quarantine", "cancel", order)
    assert site.daemon.cli("quarantine", "cancel", order, "0123456789abcdef", "no").returncode == 1, "another's token"
    assert site.daemon.cli("quarantine", "cancel", order, told["code"], "again").returncode == 1, "one try"
    assert [o["status"] for o in site.sim.orders() if o["id"] == order] == ["new"]
    for shown, done in ((["cancel", order], ["adopt", order]), (["adopt", order, "--strategy", "weights"], ["adopt", order])):
        told = site.daemon.ctl_json("quarantine", *shown)
        said = site.daemon.cli("quarantine", *done, told["code"], "another word")
        assert said.returncode == 1 and "the token is not the one" in said.stderr, said
    word(site, "cancel", order)
    row = closed(site, order, "canceled")
    assert row["reason"] == "seen by hand" and row["operator"].startswith("admin socket"), row
    assert [o["status"] for o in site.sim.orders() if o["id"] == order] == ["canceled"]
    assert site.daemon.metric("paperguard_quarantined_orders") == 0
    assert buys(site, "mine-3")[0] in (201, 202)
    assert len(alerts(site, order)) == 1
    kinds = site.sql("SELECT answer FROM decisions WHERE kind = 'operator' AND subject = 'by-hand-1'")
    assert [k["answer"] for k in kinds] == ["cancel"], kinds


def test_an_adopted_order_is_followed_and_fills_into_the_book(place):
    site = place
    order = by_hand(site, "pg1-0123456789abcdef0123456789abcdef", symbol="QQQ", qty="3")
    assert apart(site, order)["kind"] == "orphan"
    assert until(lambda: alerts(site, order), 20, "the alert") == ["orphan_order"]
    assert site.daemon.cli("quarantine", "adopt", order, "--strategy", "nobody").returncode != 0
    word(site, "adopt", order, "--strategy", "weights")
    row = closed(site, order, "adopted")
    assert row["strategy"] == "weights", row
    listed = site.daemon.get("/api/v1/orders?status=open")["orders"]
    assert [(o["order_id"], o["strategy"], o["origin"]) for o in listed if o["symbol"] == "QQQ"] == [(order, "weights", "adopted")], listed
    assert site.daemon.metric("paperguard_quarantined_orders") == 0
    site.sim.call("POST", "/sim/price", {"symbol": "QQQ", "price": "49"})
    until(lambda: site.sql("SELECT 1 FROM orders WHERE order_id = %s AND status = 'filled'", order), 20, "followed to its end")
    until(lambda: [p for p in site.daemon.get("/api/v1/positions")["positions"]
                   if (p["book"], p["symbol"], p["qty"]) == ("weights", "QQQ", "3")], 20, "its fill in the book")
    assert site.sql("SELECT sum(recorded_qty) AS n FROM orders WHERE order_id = %s AND NOT open", order)[0]["n"] == 3
    site.daemon.in_step()


def test_what_is_filled_of_a_foreign_order_counts_and_is_unassigned(place):
    """It counts in gross exposure while it is open; each fill is booked, to unassigned, and what ends by itself leaves."""
    site = place
    def gross():
        return float(site.daemon.get("/health/scheduler")["execution"]["gross_exposure"])
    until(lambda: site.daemon.http("/health/ready")[0] == 200, 20, "in step")
    before = gross()
    order = by_hand(site, "by-hand-2", symbol="IEF", qty="100", limit_price="60")
    apart(site, order)
    until(lambda: gross() - before > 5900, 20, "it counts")  # at the market, above its limit
    site.sim.call("POST", "/sim/price", {"symbol": "IEF", "price": "59"})
    row = closed(site, order, "filled")
    assert row["filled_qty"] == "100", row
    until(lambda: [p for p in site.daemon.get("/api/v1/positions")["positions"]
                   if (p["book"], p["symbol"], p["qty"]) == ("unassigned", "IEF", "100")], 20, "its fill is booked")
    site.daemon.in_step()


def test_over_crashes_nothing_is_told_twice_and_words_hold(make_site):
    """Killed with three in quarantine: one is to be cancelled and the exchange did not take it yet, one was adopted, one is left alone."""
    site = make_site(strategies=[Strategy(weights=WEIGHTS)], broker={"compare_interval": "500ms"}).begin()
    gone, ours, left, ends = (by_hand(site, f"by-hand-{n}", symbol=s) for n, s in enumerate(("GLD", "QQQ", "IEF", "AAPL")))
    for order in (gone, ours, left, ends):
        apart(site, order)
    site.sim.fault("DELETE /v2/orders/*", "503", count=100000)
    word(site, "adopt", ours)
    word(site, "cancel", gone)
    until(lambda: [r for r in site.sim.requests() if r["method"] == "DELETE"], 20, "it is asked for")
    site.daemon.process.kill()
    site.sim.clear_faults()
    site.sim.call("DELETE", f"/v2/orders/{ends}")
    site.daemon.start().in_step()
    closed(site, gone, "canceled")
    closed(site, ends, "canceled")
    assert held(site, left) and [o["status"] for o in site.sim.orders() if o["id"] == left] == ["new"]
    assert [len(alerts(site, o)) for o in (gone, ours, left, ends)] == [1, 1, 1, 1]
    rows = site.daemon.get("/api/v1/orders?status=open")["orders"]
    assert [(o["order_id"], o["origin"], o["strategy"]) for o in rows] == [(ours, "adopted", None)], rows
    assert site.daemon.metric("paperguard_quarantined_orders") == 1
    assert buys(site, "mine")[0] in (201, 202)
    assert buys(site, "beside", "IEF")[1]["code"] == "quarantine"


def test_what_came_and_went_while_the_daemon_was_away_is_told(make_site):
    """Filled while nobody looked: found by the start's whole pass, told once, booked to unassigned; nothing is left to decide."""
    site = make_site(strategies=[Strategy(weights=WEIGHTS)], broker={"compare_interval": "500ms"}).begin()
    until(lambda: site.sql("SELECT 1 FROM reconciled"), 20, "all was found once")
    site.daemon.stop()
    order = by_hand(site, "by-hand", type="market", limit_price=None, time_in_force="day", qty="1")
    until(site.sim.fills, 20, "its fill")
    site.daemon.start().in_step()
    closed(site, order, "filled")
    assert until(lambda: alerts(site, order), 20, "the alert") == ["foreign_order"]
    assert [(p["book"], p["symbol"], p["qty"]) for p in site.daemon.get("/api/v1/positions")["positions"]] == [("unassigned", "GLD", "1")]
    assert site.daemon.metric("paperguard_quarantined_orders") == 0
    site.daemon.stop()
    site.daemon.start().in_step()
    assert len(alerts(site, order)) == 1
    assert buys(site, "mine")[0] in (201, 202)


def test_what_ended_before_the_opening_is_part_of_it(make_site):
    """An operator cleans up, then accepts: nothing of that is told as another hand's."""
    site = make_site(strategies=[Strategy(weights=WEIGHTS)], broker={"compare_interval": "500ms", "reconcile_interval": "500ms"})
    bought = by_hand(site, "before-1", type="market", limit_price=None, time_in_force="day", qty="1")
    until(site.sim.fills, 20, "its fill")
    gone = by_hand(site, "before-2")
    site.sim.call("DELETE", f"/v2/orders/{gone}")
    site.begin()
    until(lambda: site.sql("SELECT 1 FROM reconciled r JOIN openings o USING (account_number) WHERE r.at > o.at"), 20, "all was read")
    after = by_hand(site, "after", type="market", limit_price=None, time_in_force="day", qty="1")
    closed(site, after, "filled")
    assert [alerts(site, o) for o in (bought, gone, after)] == [[], [], ["foreign_order"]]
    assert len(site.daemon.get("/api/v1/quarantine?status=all")["quarantine"]) == 1
