# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Prices as readers see them: from memory, read anew when found old, and what is missing makes the scheduler degraded."""
from harness import Strategy, until


def test_prices_are_there_after_the_first_reader(make_site):
    site = make_site().begin()
    before = site.daemon.get("/api/v1/prices")
    assert before["status"] == "degraded" and before["prices"] == [] and set(before["missing"]) == {"SPY", "TLT", "GLD", "QQQ"}
    assert site.daemon.get("/health")["status"] == "healthy", "nothing was asked for yet, so nothing is missing"
    after = until(lambda: (lambda p: p if p["status"] == "ok" else None)(site.daemon.get("/api/v1/prices")), 10, "prices")
    assert after["missing"] == [] and {p["symbol"] for p in after["prices"]} == {"SPY", "TLT", "GLD", "QQQ"}
    assert all(float(p["bid"]) <= float(p["ask"]) and p["age_seconds"] < 30 for p in after["prices"])
    asked = len([r for r in site.sim.requests() if "/trades/latest" in r["target"]])
    for _ in range(20):
        site.daemon.get("/api/prices/latest?symbol=SPY")
        site.daemon.get("/api/prices/latest?symbol=BTCUSDT")
    assert len([r for r in site.sim.requests() if "/trades/latest" in r["target"]]) == asked, "readers do not use up the budget"


def test_a_symbol_without_a_price_is_a_degradation(make_site):
    site = make_site(strategies=[Strategy(weights={"SPY": "0.5"}, symbols="SPY NOSUCH")]).begin()
    site.daemon.get("/api/v1/prices")
    health = until(lambda: (lambda h: h if h["status"] == "degraded" else None)(site.daemon.get("/health")), 10, "degraded")
    assert "NOSUCH" in health["why"] and health["scheduler"]["missing_symbols"] == ["NOSUCH"]
    scheduler = site.daemon.get("/health/scheduler")
    assert scheduler["status"] == "degraded" and scheduler["missing_symbols"] == ["NOSUCH"]
    prices = site.daemon.get("/api/v1/prices")
    assert prices["missing"] == ["NOSUCH"] and [p["symbol"] for p in prices["prices"]] == ["SPY"]
    row = site.run_whole()
    last = site.daemon.get("/health/scheduler")["last_run"]
    assert last["run_id"] == row["run_id"] and last["symbols"] == 2 and last["successful_symbols"] == 1, last
