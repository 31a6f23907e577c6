# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The exchange is killed and comes back with its state (--state) while the daemon runs on it: nothing is lost or sent twice."""
import sys
from pathlib import Path

from harness import KEY, SECRET, Sim, Strategy, until

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))
import compare  # noqa: E402

OPTIONS = ("--no-rate-limit", "--seed", "7")
SLOW = (*OPTIONS, "--partial-rate", "0.5", "--fill-delay-ms", "1500")
QUICK = (*OPTIONS, "--partial-rate", "0", "--fill-delay-ms", "20")


def same(site):
    differences, truth = compare.check(compare.Exchange(site.sim.url, KEY, SECRET), compare.Ledger(site.dsn))
    assert not differences, differences
    return truth


def site_with_state(make_site, tmp_path, options, **more):
    options = (*options, "--state", str(tmp_path / "state"))
    return make_site(sim_options=options, **more), options


def come_back(site, options):
    site.sim.process.kill()
    site.sim = Sim(site.folder, *options, port=site.sim.port)


def test_killed_between_the_fills_of_a_run(make_site, tmp_path):
    site, options = site_with_state(make_site, tmp_path, SLOW, strategies=[Strategy(weights={"SPY": "0.4", "TLT": "0.4"})])
    site.begin()
    run = site.run()
    until(lambda: 1 <= len(site.sim.fills()) and any(o["status"] == "partially_filled" for o in site.sim.orders()), 40,
          "a partial fill")
    orders = {o["id"] for o in site.sim.orders()}
    come_back(site, options)
    assert {o["id"] for o in site.sim.orders()} == orders
    row = site.run_ended(run, 90)
    assert row["status"] == "completed" and row["settled"], row
    truth = same(site)
    assert len(truth.orders) == 2 and len(site.sim.posts()) == 2


def test_killed_between_taking_an_order_and_answering_it(make_site, tmp_path):
    site, options = site_with_state(make_site, tmp_path, QUICK, strategies=[Strategy(weights={"SPY": "0.5"})],
                                    broker={"request_timeout": "20s"})
    site.begin()
    site.sim.fault("POST /v2/orders", "delay", delay_ms=120000)
    run = site.run()
    until(lambda: len(site.sim.orders()) == 1, 30, "the order at the exchange")
    come_back(site, options)
    row = site.run_ended(run, 90)
    assert row["status"] == "completed" and row["orders_submitted"] == 1, row
    assert len(site.sim.posts()) == 1, "an order without an answer must not be sent again"
    assert len(same(site).orders) == 1
