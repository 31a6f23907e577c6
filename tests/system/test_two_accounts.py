# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Two accounts, each guarded by an instance of its own, on one database: neither sees, halts or counts what is the other's."""
from decimal import Decimal

import pytest

from harness import Daemon, Sim, Strategy, until

WEIGHTS = {"SPY": "0.3", "TLT": "0.2"}


@pytest.fixture(name="both")
def fixture_both(make_site):
    """A site, and on its database a second instance with an exchange of its own."""
    site = make_site(strategies=[Strategy(weights=WEIGHTS)]).begin()
    folder = site.folder / "qa"
    folder.mkdir(mode=0o711)
    sim = Sim(folder, "--no-rate-limit", "--partial-rate", "0", "--fill-delay-ms", "20", "--seed", "8")
    try:
        other = Daemon(folder, sim.url, site.dsn, "", [Strategy(weights={"SPY": "0.5"})], daemon={"instance": "qa"})
    except BaseException:
        sim.stop()
        raise
    try:
        other.start().up().ready()
        yield site, other, sim
    finally:
        try:
            other.close()
        finally:
            sim.stop()


def run(site, daemon):
    """A manual run, to its end; its slot."""
    run_id = daemon.ctl_json("run")["run_id"]
    def over():
        row = next(r for r in daemon.get("/api/v1/orchestration/runs")["runs"] if r["run_id"] == run_id)
        return row if row["settled"] else None
    until(over, 30, "settled", daemon.process.why_dead)
    until(lambda: daemon.get("/health/scheduler")["status"] != "busy", 30, "free for the next run")
    return site.sql("SELECT slot_key FROM runs WHERE run_id = %s", run_id)[0]["slot_key"]


def same(site, sim):
    """What this exchange has is what the ledger has of its account."""
    account = sim.get("/v2/account")
    books = site.sql("SELECT symbol, sum(qty) AS qty FROM books WHERE account_number = %s AND qty <> 0 GROUP BY 1", account["account_number"])
    assert {b["symbol"]: b["qty"] for b in books} == {p["symbol"]: Decimal(p["qty"]) for p in sim.get("/v2/positions")}
    fills = site.sql("SELECT activity_id FROM fills WHERE account_number = %s", account["account_number"])
    assert sorted(f["activity_id"] for f in fills) == sorted(f["id"] for f in sim.fills())
    cash = site.sql("SELECT cash FROM cash_balances WHERE account_number = %s", account["account_number"])[0]["cash"]
    assert abs(cash - Decimal(account["cash"])) <= Decimal("0.01") * (len(fills) + 1)


def test_neither_has_what_is_the_others(both):
    site, other, sim = both
    first, second = site.sim.get("/v2/account")["account_number"], sim.get("/v2/account")["account_number"]
    assert first != second and site.daemon.get("/health")["leader"]["state"] == other.get("/health")["leader"]["state"] == "leader"
    # An opening of its own is still to be accepted, the first one's is not touched by it.
    assert other.cli("run").returncode != 0
    until(lambda: other.cli("opening", "accept").returncode == 0, 20, "the opening")
    other.in_step()
    assert [o["account_number"] for o in site.sql("SELECT * FROM openings ORDER BY at")] == [first, second]
    assert run(site, site.daemon) == run(site, other) == "manual-1"
    same(site, site.sim)
    same(site, sim)
    assert {o["symbol"] for o in other.get("/api/v1/orders")["orders"]} == {"SPY"}
    assert {o["symbol"] for o in site.daemon.get("/api/v1/orders")["orders"]} == set(WEIGHTS)
    assert {p["symbol"] for p in other.get("/api/v1/positions")["positions"]} == {"SPY"}
    # An order that is not ours belongs to the account it is in.
    sim.call("POST", "/v2/orders", {"client_order_id": "by hand", "symbol": "GLD", "side": "buy", "qty": "2", "type": "limit",
                                    "limit_price": "50", "time_in_force": "gtc"})
    row = until(lambda: other.get("/api/v1/quarantine")["quarantine"], 20, "in quarantine")[0]
    assert not site.daemon.get("/api/v1/quarantine?status=all")["quarantine"] and site.daemon.get("/health")["status"] == "healthy"
    assert site.daemon.cli("quarantine", "adopt", row["order_id"]).returncode != 0
    told = other.ctl_json("quarantine", "adopt", row["order_id"])
    other.ctl("quarantine", "adopt", row["order_id"], told["code"], "seen")
    # A halt is the instance's own.
    other.ctl("halt", "for", "the", "test")
    until(lambda: other.get("/health")["status"] == "halted", 10, "halted")
    assert site.daemon.get("/health")["status"] == "healthy" and run(site, site.daemon) == "manual-2"
    # Each remembers the database by its own: neither start finds it older, though the other one wrote last.
    for daemon in (site.daemon, other):
        daemon.stop()
        daemon.notify.forget()
    other.start().up().ready()
    site.daemon.start().in_step()
    assert other.get("/health")["status"] == "halted" and "for the test" in other.get("/health")["why"]
    assert other.get("/health")["restored"] is None and site.daemon.get("/health")["restored"] is None
    assert row["account"] not in (site.daemon.state / "ledger.mark").read_text()
    same(site, site.sim)
    same(site, sim)
    assert not site.sql("SELECT * FROM alerts WHERE kind NOT IN ('foreign_order', 'halt')")
