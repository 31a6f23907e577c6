# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""`paperguard positions assign`: what belongs to no strategy goes into a strategy's book, in two steps, once, and the strategy does
not buy it again; refused when it is not what was shown any more, and while anything about the symbol is not over."""
import shutil
from decimal import Decimal

import pytest

from harness import TOKEN, Strategy, until
from test_restored import dump, equal, exchange, refilled, release, restore

WANTED = {"SPY": "0.3", "TLT": "0.2"}


def books(site):
    rows = site.daemon.ctl_json("positions")["positions"]
    return {(r["book"], r["symbol"]): Decimal(r["qty"]) for r in rows}


def assign(site, symbol, *words, strategy="weights"):
    """Both steps, as the command line says them; what the first one told."""
    asked = site.daemon.ctl_json("positions", "assign", symbol, strategy, *words)
    site.daemon.ctl("positions", "assign", symbol, strategy, asked["code"], "it", "bought", "them", *words)
    return asked


def refused(site, *words):
    done = site.daemon.cli("positions", "assign", *words)
    assert done.returncode in (1, 64), (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def order(site, client_order_id, **members):
    body = {"client_order_id": client_order_id, "symbol": "SPY", "side": "buy", "qty": "2", **members}
    code, answer = site.daemon.http("/api/v1/orders", "POST", body, {"Authorization": f"Bearer {TOKEN}"})
    assert code == 201, (code, answer)


def costs(site):
    return site.sql("SELECT symbol, sum(qty) AS qty, sum(cost) AS cost FROM books GROUP BY symbol HAVING sum(qty) <> 0 ORDER BY symbol")


def lost_run(make_site):
    """A run that only the exchange knows of: what it bought is in unassigned."""
    site = make_site(strategies=[Strategy(weights=WANTED)]).begin()
    dump(site)
    assert site.run_whole()["settled"]
    site.daemon.stop()
    restore(site)
    (site.daemon.state / "ledger.mark").unlink()
    site.daemon.notify.forget()
    site.daemon.start().up().ready()
    refilled(site)
    release(site)
    return site


@pytest.mark.skipif(not shutil.which("pg_dump"), reason="pg_dump (package postgresql-client) is not installed")
def test_after_a_restored_database(make_site):
    site = lost_run(make_site)
    before, has = costs(site), exchange(site)[0]
    assert books(site) == {("unassigned", s): has[s] for s in WANTED}
    part = (has["SPY"] / 3).quantize(Decimal("0.001"))
    asked = assign(site, "SPY", "--qty", str(part))
    assert (Decimal(asked["qty"]), Decimal(asked["unassigned"]), asked["held"]) == (part, has["SPY"], "0")
    assert books(site)[("weights", "SPY")] == part and books(site)[("unassigned", "SPY")] == has["SPY"] - part
    assert Decimal(assign(site, "SPY")["held"]) == part
    assign(site, "TLT")
    assert books(site) == {("weights", s): has[s] for s in WANTED}
    assert costs(site) == before, "shares and cost are moved, none are made"
    entries = site.sql("SELECT e.entry_id, e.kind, e.detail, a.operator FROM entries e JOIN assignments a USING (assignment_key)")
    assert len(entries) == 3 and {e["kind"] for e in entries} == {"transfer"} and all("it bought them (admin socket" in e["detail"] for e in entries)
    equal(site)
    # Over a restart too; and whoever is killed right after it does not do it twice.
    site.daemon.process.kill()
    site.daemon.notify.forget()
    site.daemon.start().in_step()
    assert books(site) == {("weights", s): has[s] for s in WANTED}
    # Its ids of manual-1 come again and are refused; manual-2 finds what it wants in its book.
    assert site.run_whole()["slot_key"] == "manual-1"
    row = site.run_whole()
    assert row["slot_key"] == "manual-2" and row["status"] == "completed", row
    now = exchange(site)[0]
    assert all(abs(now[s] / has[s] - 1) < Decimal("0.05") for s in WANTED), f"bought again: {has} -> {now}"
    equal(site)


def test_what_is_refused(make_site):
    site = make_site(strategies=[Strategy(weights=WANTED)]).begin()
    order(site, "mine-1")
    until(lambda: books(site) == {("unassigned", "SPY"): 2}, 10, lambda: f"two shares: {books(site)}")
    assert "holds nothing of TLT" in refused(site, "TLT", "weights")
    assert "weights" in refused(site, "SPY", "weight")  # what was perhaps meant
    assert "cannot be taken out" in refused(site, "SPY", "weights", "--qty", "3")
    assert "reason is missing" in refused(site, "SPY", "weights", "0" * 16)
    assert "the token is not the one" in refused(site, "SPY", "weights", "0" * 16, "because")
    code = site.daemon.ctl_json("positions", "assign", "SPY", "weights", "--qty", "1")["code"]
    assert "the token is not the one" in refused(site, "SPY", "weights", code, "because"), "it was for one share"
    # Something has come in between the steps.
    code = site.daemon.ctl_json("positions", "assign", "SPY", "weights")["code"]
    order(site, "mine-2", qty="1")
    until(lambda: books(site) == {("unassigned", "SPY"): 3}, 10, lambda: f"three shares: {books(site)}")
    assert "the token is not the one" in refused(site, "SPY", "weights", code, "because")
    # An order is out.
    price = Decimal(site.sim.get("/v2/positions/SPY")["current_price"])
    order(site, "resting", type="limit", limit_price=str((price * Decimal("0.97")).quantize(Decimal("0.01"))))
    code = site.daemon.ctl_json("positions", "assign", "SPY", "weights")["code"]
    assert "an order for SPY is open" in refused(site, "SPY", "weights", code, "because")
    assert books(site) == {("unassigned", "SPY"): 3} and not site.sql("SELECT 1 FROM assignments")
    code, _ = site.daemon.http("/api/v1/orders/resting", "DELETE", None, {"Authorization": f"Bearer {TOKEN}"})
    assert code < 300
    until(lambda: site.sql("SELECT 1 FROM orders WHERE client_order_id = 'resting' AND NOT open"), 10, "its end")
    assign(site, "SPY")
    assert books(site) == {("weights", "SPY"): 3}
    equal(site)


def test_what_is_missing_in_a_strategys_list(make_site):
    """It would sell it with its next run."""
    site = make_site(strategies=[Strategy(weights={"TLT": "0.2"})]).begin()
    order(site, "mine-1")
    until(lambda: books(site) == {("unassigned", "SPY"): 2}, 10, "two shares")
    assert "would sell it with its next run" in refused(site, "SPY", "weights")
