# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Prices and signals as readers see them: from memory, read anew when found old, and what is missing makes the scheduler degraded."""
from harness import Scratch, Strategy, until


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


SURE = """#!/usr/bin/python3
import sys
sys.stdin.read()
print('{"contract":1,"model":{"name":"sure","version":"2"},"targets":[{"symbol":"SPY","weight":"0.2","confidence":"0.75"},'
      '{"symbol":"TLT","weight":"0.1","confidence":"0.4","reason":"a hunch"}]}')
"""


def test_signals_and_the_confidence_of_a_model(make_site):
    programs = Scratch()  # where a strategy's user may read
    try:
        program = programs.path / "sure"
        program.write_text(SURE)
        program.chmod(0o755)
        programs.path.chmod(0o755)
        site = make_site(strategies=[Strategy("sure", command=str(program), weights={"SPY": "1", "TLT": "1"})]).begin()
        assert site.daemon.get("/api/v1/signals")["signals"] == []
        configured = site.daemon.get("/api/v1/strategies")
        assert configured["strategies"] == [] and configured["configured"][0]["name"] == "sure", "it never ran and is listed"
        row = site.run_whole()
        signals = site.daemon.get("/api/ai/signals/latest?limit=5")["signals"]
        assert [(s["symbol"], s["weight"], s["confidence"]) for s in signals] == [("SPY", "0.2", "0.75"), ("TLT", "0.1", "0.4")]
        assert all(s["run_id"] == row["run_id"] and s["model"] == {"name": "sure", "version": "2"} for s in signals)
        assert site.daemon.metric("paperguard_model_confidence", strategy="sure") == 0.4
    finally:
        programs.remove()
