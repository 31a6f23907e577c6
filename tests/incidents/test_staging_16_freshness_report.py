# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""How old a price is stands in a report, and orders go out by it all the same.

Source: staging-guides#16, a freshness gate that only reports.
Protected by: the risk row price_age (lib/trade/risk.c), asked for every order."""
import pytest

from acts import place
from harness import Strategy, until
from harness.wall import LIBRARY

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")


def test_an_old_price_is_no_price(make_site):
    behind = {"LD_PRELOAD": str(LIBRARY), "FAKETIME": "-20", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}  # the clocks may differ by 30 s
    site = make_site(sim_env=behind, risk={"max_price_age": "5s"}, strategies=[Strategy(weights={"SPY": "0.3"})]).begin()
    assert place(site, "old")[:2] == (422, "price_age")
    row = site.run_whole()
    assert row["status"] == "failed" and "price" in row["detail"], row
    site.daemon.get("/api/v1/prices")
    told = until(lambda: site.daemon.get("/api/v1/prices")["prices"], 20, "a price")
    assert told[0]["age_seconds"] >= 15 and not site.sim.posts()
    assert until(lambda: site.sql("SELECT 1 FROM decisions WHERE kind = 'risk' AND rule = 'price_age'"), 10, "the decision")
