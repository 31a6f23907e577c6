# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""What the exchange does without a trade: cash that comes and goes, a split overnight, and what the ledger does not know."""
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from harness import KEY, SECRET, Strategy, until
from test_midnight import LIBRARY, at, faked

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))
import compare  # noqa: E402

OFTEN = {"compare_interval": "1s"}
QUICK = ("--no-rate-limit", "--partial-rate", "0", "--fill-delay-ms", "20", "--seed", "7", "--speed", "1")


def same(site):
    differences, truth = compare.check(compare.Exchange(site.sim.url, KEY, SECRET), compare.Ledger(site.dsn))
    assert not differences, differences
    return truth


def outcomes(site):
    return {(r["type"], r["outcome"]) for r in site.sql("SELECT a.type, o.outcome FROM activities a JOIN activity_outcomes o "
                                                        "USING (activity_id)")}


def move(site, kind, amount, **more):
    site.sim.call("POST", "/sim/cash", {"type": kind, "amount": amount, **more})


def test_cash_moves_and_what_is_not_known_holds(make_site):
    site = make_site(sim_options=QUICK, broker=OFTEN)
    move(site, "CSD", "250")  # before the opening: part of it
    site.begin()
    for kind, amount in (("CSD", "1000"), ("FEE", "-0.07"), ("INT", "1.25"), ("DIV", "2.50")):
        move(site, kind, amount)
    posted = {(k, "posted") for k in ("CSD", "FEE", "INT", "DIV")} | {("CSD", "opening")}
    until(lambda: outcomes(site) == posted, 80, f"cash and fees; {outcomes(site)}", site.daemon.process.why_dead)
    same(site)
    assert {(r["kind"], r["sum"]) for r in site.sql(
        "SELECT e.kind, sum(p.amount) FROM entries e JOIN postings p USING (entry_id) WHERE p.part = 'cash' GROUP BY 1")} == {
            ("opening", Decimal("100250")), ("cash", Decimal("1003.75")), ("fee", Decimal("-0.07"))}
    site.daemon.in_step()
    move(site, "MISC", "-3.33")
    until(lambda: ("MISC", "held") in outcomes(site), 80, "the held activity", site.daemon.process.why_dead)
    until(lambda: "activity not understood: MISC" in site.daemon.cli("status").stdout, 10, "the reason")
    assert site.daemon.cli("run").returncode != 0
    until(lambda: site.sql("SELECT 1 FROM alerts WHERE kind = 'ledger_mismatch' AND detail LIKE '%MISC%'"), 20, "the alert")
    assert site.sql("SELECT sum(amount) AS s FROM postings WHERE part = 'cash'")[0]["s"] == Decimal("101253.68")
    # Also when the figures agree: two that are not understood are not the same as none.
    move(site, "MISC", "3.33")
    until(lambda: site.daemon.metric("paperguard_ledger_mismatch", kind="activity") == 2 and
          site.daemon.metric("paperguard_ledger_mismatch", kind="cash") == 0, 20, "two held, cash equal")
    assert "activity not understood" in site.daemon.cli("status").stdout and site.daemon.cli("run").returncode != 0


@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")
def test_a_split_overnight(make_site):
    """AAPL 4:1 of 2020-08-31: books, costs and the runs before and after it."""
    midnight = at(2026, 11, 18, 0, 0)
    fake = faked(midnight - timedelta(seconds=22))
    halves = [Strategy("one", weights={"AAPL": "0.5"}, allocation="0.5"),
              Strategy("two", weights={"AAPL": "0.25", "SPY": "0.25"}, allocation="0.5")]
    site = make_site(sim_options=(*QUICK, "--begin", "2020-08-28"), sim_env=fake, env=fake, strategies=halves, broker=OFTEN).begin()
    site.run_whole("one", "two")
    books = "SELECT book, symbol, qty, cost FROM books WHERE qty <> 0 ORDER BY 1, 2"
    before = site.sql(books)
    assert {r["book"] for r in before if r["symbol"] == "AAPL"} == {"one", "two"}
    assert site.sql("SELECT max(created_at) < %s AS early FROM intents", midnight)[0]["early"], "too slow a host"
    until(lambda: site.sql("SELECT 1 FROM entries WHERE kind = 'corporate_action'"), 120, "the split",
          site.daemon.process.why_dead)
    after = site.sql(books)
    assert [(r["book"], r["symbol"], r["cost"]) for r in after] == [(r["book"], r["symbol"], r["cost"]) for r in before]
    assert [r["qty"] for r in after] == [r["qty"] * (4 if r["symbol"] == "AAPL" else 1) for r in before]
    same(site)
    site.daemon.in_step()
    site.run_whole("one", "two")
    same(site)
    # Nobody took the split for a fall of three quarters: what is traded after it is small.
    traded = site.sql("SELECT sum(exact_amount) AS s FROM fills WHERE transaction_time > %s", midnight)[0]["s"] or 0
    assert traded < 5000, traded
