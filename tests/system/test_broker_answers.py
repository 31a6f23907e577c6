# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Answers of the exchange that are not what they should be: HTML, cut off, far too long, of wrong types, with a member twice,
with eleven decimals, late, or none at all; on every path the daemon reads and on the order itself. Nothing of it may crash
the daemon, be believed, or lead to a second order; afterwards ledger and exchange are equal."""
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from harness import KEY, SECRET, Site, Strategy, until

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))
import compare  # noqa: E402

SIM = ("--no-rate-limit", "--partial-rate", "0.2", "--fill-delay-ms", "20", "--seed", "7", "--speed", "5000")
FAULTS = {
    "html": {"action": "html", "status": 200},
    "html-502": {"action": "html", "status": 502},
    "server-error": {"action": "status", "status": 500},
    "too-many-requests": {"action": "status", "status": 429},
    "truncated": {"action": "truncate"},
    "huge": {"action": "huge"},
    "wrong-types": {"action": "wrong_types"},
    "duplicate-member": {"action": "duplicate_member"},
    "dropped": {"action": "drop_before"},
    "dropped-after": {"action": "drop_after_accept"},
    "late": {"action": "delay", "delay_ms": 1500},
}
READS = {
    "account": "GET /v2/account", "orders": "GET /v2/orders", "fills": "GET /v2/account/activities/FILL",
    "positions": "GET /v2/positions", "trades": "GET /v2/stocks/trades/latest", "quotes": "GET /v2/stocks/quotes/latest",
    "bars": "GET /v2/stocks/bars",
}


@pytest.fixture(scope="module")
def one(pg):
    site = Site(pg, sim_options=SIM, strategies=[Strategy(weights={"SPY": "0.5", "TLT": "0.4"})],
                broker={"request_timeout": "1s"})
    try:
        site.begin()
        yield site
    finally:
        site.close()


def same(site):
    differences, truth = compare.check(compare.Exchange(site.sim.url, KEY, SECRET), compare.Ledger(site.dsn))
    assert not differences, differences
    ids = [p["body"].split('"client_order_id":"')[1].split('"')[0] for p in site.sim.posts()]
    assert len(set(ids)) == len(ids), "an order was sent twice"
    return truth


def well_again(site, seconds=30):
    until(lambda: site.daemon.http("/health/ready")[0] == 200 and site.daemon.get("/health")["status"] == "healthy", seconds,
          lambda: f"healthy again: {site.daemon.http('/health')}", site.daemon.process.why_dead)


def run_through(site, paths, fault, count):
    well_again(site)
    for path in paths:
        site.sim.fault(READS[path], count=count, **FAULTS[fault])
    row = site.run_whole(seconds=60)
    assert row["status"] in ("completed", "failed", "partial"), row
    if row["status"] == "failed":
        assert row["orders_submitted"] == 0 and row["detail"], row
    else:
        assert row["settled"], row
    # Whatever is left of the faults meets the reading after the run.
    site.sim.clear_faults()
    well_again(site)
    same(site)


@pytest.mark.parametrize("fault", list(FAULTS))
def test_reading(one, fault):
    """Each path once, in the course of one run."""
    run_through(one, list(READS), fault, 1)


@pytest.mark.parametrize("path", list(READS))
def test_reading_again_and_again(one, path):
    """One path with several bad answers in a row."""
    run_through(one, [path], "truncated", 3)


@pytest.mark.parametrize("fault", [f for f in FAULTS if f not in ("too-many-requests",)])
def test_answer_to_an_order(make_site, fault):
    """Whether it was taken or not is not known from such an answer: UNKNOWN, looked up by id, never sent again."""
    site = make_site(sim_options=SIM, strategies=[Strategy(weights={"SPY": "0.5"})], broker={"request_timeout": "1s"},
                     schedule={"run_deadline": "3s"}).begin()
    site.sim.fault("POST /v2/orders", **FAULTS[fault])
    taken = fault not in ("html", "html-502", "server-error", "dropped")
    run_id = site.run()
    if taken:
        row = site.run_ended(run_id)
        assert row["status"] == "completed" and row["settled"], row
        same(site)
    else:
        until(lambda: site.daemon.metric("paperguard_orders_unknown") == 1, 10, "one unknown order")
        assert site.sim.orders() == []
    assert len(site.sim.posts()) == 1, "sent again"
    if not taken:
        site.daemon.process.kill()  # it would go on asking, and drain for long


def test_refused_for_the_rate_is_tried_again(make_site):
    """429 on an order: nothing was taken, so the same order, under the same id, goes out once more."""
    site = make_site(strategies=[Strategy(weights={"SPY": "0.5"})]).begin()
    site.sim.fault("POST /v2/orders", "status", status=429)
    row = site.run_whole()
    assert row["status"] == "completed" and row["settled"], row
    first, second = site.sim.posts()
    assert first["body"] == second["body"] and len(site.sim.orders()) == 1


def test_eleven_decimals_everywhere(make_site):
    """More digits than nine, in every number the exchange sends: rounded where it is read, the same ledger comes out."""
    site = make_site(sim_options=SIM, strategies=[Strategy(weights={"SPY": "0.5", "TLT": "0.4"})]).begin()
    site.sim.fault("GET /v2*", "long_decimals", count=1000000)
    site.sim.fault("POST /v2/orders", "long_decimals", count=1000000)
    for _ in range(2):
        row = site.run_whole()
        assert row["status"] == "completed" and row["settled"], row
        price = Decimal(site.sim.get("/v2/positions/SPY")["current_price"])
        site.sim.call("POST", "/sim/price", {"symbol": "SPY", "price": str((price * Decimal("1.1")).quantize(Decimal("0.01")))})
    assert '04","avg_entry_price"' in site.sim.raw("GET", "/v2/positions")[1].decode()
    site.sim.clear_faults()
    assert len(same(site).orders) >= 3


def test_rate_limit_is_kept(make_site):
    """With the real 200 a minute the daemon stays below: the exchange never has to refuse."""
    site = make_site(sim_options=("--partial-rate", "0", "--fill-delay-ms", "20"), broker={"requests_per_minute": "200"}).begin()
    assert site.run_whole()["status"] == "completed"
    assert all(r["status"] != 429 for r in site.sim.requests())
    same(site)
