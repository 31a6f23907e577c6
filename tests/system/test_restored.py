# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A database that was restored from an older copy: the daemon starts halted, reads again what the broker has, keeps the slots of
lost runs taken, tells what was missing, and goes on only after an operator released it; no order is lost or doubled around it."""
import shutil
import subprocess
from decimal import Decimal

import pytest

from harness import Strategy, until


def dump(site):
    """A copy of the database as it is now."""
    done = subprocess.run(["pg_dump", "--format=custom", f"--file={site.folder}/copy.dump", site.dsn], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr


def restore(site):
    """The copy, at once in the place of the database."""
    name = site.dsn.rsplit("=", 1)[1]
    site.pg.do(f"CREATE DATABASE {name}_copy", site.pg.dsn())
    done = subprocess.run(["pg_restore", f"--dbname={site.dsn}_copy", f"{site.folder}/copy.dump"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    site.pg.do(f"DROP DATABASE {name} WITH (FORCE)", site.pg.dsn())
    site.pg.do(f"ALTER DATABASE {name}_copy RENAME TO {name}", site.pg.dsn())


def sums(site):
    held = site.sql("SELECT symbol, sum(qty) AS qty FROM books WHERE qty <> 0 GROUP BY symbol ORDER BY symbol")
    return {r["symbol"]: r["qty"] for r in held}, site.sql("SELECT cash FROM cash_balances")[0]["cash"]


def exchange(site):
    return ({p["symbol"]: Decimal(p["qty"]) for p in site.sim.get("/v2/positions")}, Decimal(site.sim.get("/v2/account")["cash"]))


def refilled(site):
    def known():
        r = site.daemon.http("/health")[1]["restored"]
        return r if r and r["state"] == "refilled" else None
    return until(known, 40, lambda: f"refilled: {site.daemon.http('/health')}", site.daemon.process.why_dead)


def equal(site):
    (held, cash), (has, money) = sums(site), exchange(site)
    assert held == has and abs(cash - money) <= Decimal("0.01") * (len(site.sim.fills()) + 1), (held, has, cash, money)


def ids_once(site):
    ids = [p["body"].split('"client_order_id":"')[1].split('"')[0] for p in site.sim.posts()]
    assert len(set(ids)) == len(ids) == len(site.sim.orders()), "an order was sent twice"
    fills = [f["id"] for f in site.sim.fills()]
    rows = [r["activity_id"] for r in site.sql("SELECT activity_id FROM fills")]
    assert sorted(rows) == sorted(fills), "each fill once"


def release(site):
    asked = site.daemon.ctl_json("release", "request", "looked at it")
    site.daemon.ctl("release", "confirm", asked["code"])
    site.daemon.in_step()


@pytest.mark.skipif(not shutil.which("pg_dump"), reason="pg_dump (package postgresql-client) is not installed")
def test_an_older_copy(make_site):
    site = make_site(strategies=[Strategy(weights={"SPY": "0.3", "TLT": "0.2"})]).begin()
    assert site.run_whole()["settled"]
    dump(site)
    price = Decimal(site.sim.get("/v2/positions/SPY")["current_price"])
    site.sim.call("POST", "/sim/price", {"symbol": "SPY", "price": str((price * Decimal("1.2")).quantize(Decimal("0.01")))})
    lost = site.run_whole()
    assert lost["settled"] and lost["orders_submitted"] >= 1, lost
    orders, fills = len(site.sim.orders()), len(site.sim.fills())
    missing = fills - len([f for f in site.sim.fills() if f["order_id"] in {o["id"] for o in site.sim.orders()[:2]}])
    site.daemon.stop()
    restore(site)
    site.daemon.notify.forget()
    site.daemon.start().up().ready()
    code, body = site.daemon.http("/health")
    assert code == 200 and body["status"] == "halted" and "older than what was known of it" in body["why"], body["why"]
    told = refilled(site)
    assert told["runs_lost"] == 1 and told["orders_lost"] == orders - 2 and told["fills_read_again"] == missing, told
    equal(site)
    alert = site.sql("SELECT detail FROM alerts WHERE kind = 'database_restored'")
    assert len(alert) == 1 and f"1 runs and {orders - 2} orders had no record here, {missing} fills were read again" in alert[0]["detail"], alert
    assert site.daemon.cli("run").returncode != 0, "nothing runs before the release"
    assert len(site.sim.orders()) == orders
    kept = site.sql("SELECT * FROM runs WHERE run_id = %s", lost["run_id"])[0]
    assert kept["status"] == "failed" and kept["slot_key"] == lost["slot_key"] and "lost with the database" in kept["detail"]
    # The latch holds over a restart, and nothing is counted twice.
    assert site.daemon.stop() == 0
    site.daemon.notify.forget()
    site.daemon.start().up().ready()
    assert site.daemon.http("/health")[1]["status"] == "halted"
    assert site.daemon.cli("release", "confirm", "0" * 16).returncode != 0
    release(site)
    row = site.run_whole()
    assert row["settled"] and row["slot_key"] != lost["slot_key"], row
    ids_once(site)
    equal(site)


def test_a_database_that_was_not_touched_is_not_older(make_site):
    """Also with a new state_dir, which knows nothing of it."""
    site = make_site().begin()
    assert site.run_whole()["settled"]
    site.daemon.stop()
    site.daemon.start().in_step()
    assert site.daemon.get("/health")["restored"] is None and (site.daemon.state / "ledger.mark").exists()
    site.daemon.stop()
    shutil.copy(site.daemon.state / "halt.state", site.folder / "halt.state")
    shutil.rmtree(site.daemon.state)
    site.daemon.state.mkdir(mode=0o700)
    shutil.copy(site.folder / "halt.state", site.daemon.state / "halt.state")
    site.daemon.start().in_step()
    assert site.daemon.get("/health")["restored"] is None
    assert site.run_whole()["settled"]


def test_what_only_the_exchange_knows(make_site):
    """state_dir is new too: orders of ours at the exchange that the ledger does not know halt it, and their ids stay unused."""
    site = make_site(strategies=[Strategy(weights={"SPY": "0.3", "TLT": "0.2"})]).begin()
    dump(site)
    lost = site.run_whole()
    assert lost["settled"] and len(site.sim.orders()) == 2
    site.daemon.stop()
    restore(site)
    halt = (site.daemon.state / "halt.state").read_bytes()
    shutil.rmtree(site.daemon.state)
    site.daemon.state.mkdir(mode=0o700)
    (site.daemon.state / "halt.state").write_bytes(halt)
    (site.daemon.state / "halt.state").chmod(0o600)
    site.daemon.notify.forget()
    site.daemon.start().up().ready()
    told = refilled(site)
    assert told["orders_lost"] == 2 and told["runs_lost"] == 0 and told["fills_read_again"] == len(site.sim.fills()), told
    assert "no intent here" in told["detail"] and site.daemon.http("/health")[1]["status"] == "halted"
    equal(site)
    books = {r["book"] for r in site.sql("SELECT book FROM books WHERE qty <> 0")}
    assert books == {"unassigned"}, books
    release(site)
    # Nobody knows that manual-1 was there: its ids come again, and are refused before anything is sent.
    row = site.run_whole()
    assert row["slot_key"] == lost["slot_key"] == "manual-1" and row["orders_submitted"] == 0, row
    assert len(site.sim.orders()) == len(site.sim.posts()) == 2
    assert site.run_whole()["slot_key"] == "manual-2"
    ids_once(site)
    equal(site)


def test_restored_while_the_daemon_runs(make_site):
    """A failover to a server that is behind: the daemon notices with the next connection. It may find first that the lead is not
    where it left it, and end with 75; the service manager starts it again."""
    site = make_site(strategies=[Strategy(weights={"SPY": "0.3", "TLT": "0.2"})]).begin()
    dump(site)
    lost = site.run_whole()
    assert lost["settled"]
    restore(site)
    until(lambda: not site.daemon.process.running() or "halt: halted by restored database" in site.daemon.text(), 30, "noticed")
    if "no longer the leader" in site.daemon.text():
        assert site.daemon.exit() == 75
        site.daemon.notify.forget()
        site.daemon.start().up().ready()
    told = refilled(site)
    assert site.daemon.http("/health")[1]["halt"]["state"] == "halted"
    assert told["runs_lost"] == 1 and told["orders_lost"] == 2, told
    equal(site)
    release(site)
    assert site.run_whole()["slot_key"] != lost["slot_key"]
    ids_once(site)
    equal(site)


def test_another_database_is_told_apart(make_site):
    site = make_site().begin()
    site.daemon.stop()
    site.dsn = site.pg.database()
    site.daemon.sections["database"]["url"] = site.dsn
    site.daemon.write().db_init()
    site.daemon.notify.forget()
    site.daemon.start().up().ready()
    site.accept()
    body = site.daemon.get("/health")
    assert body["restored"] is None and body["halt"]["state"] == "running"
    detail = until(lambda: site.sql("SELECT detail FROM alerts WHERE kind = 'database_changed'"), 10, "the alert")[0]["detail"]
    assert "this host knows the database that was set up at" in detail
    assert site.run_whole()["settled"]
    site.daemon.stop()
    site.daemon.start().in_step()  # from now on that one is remembered
    assert len(site.sql("SELECT 1 AS one FROM alerts WHERE kind = 'database_changed'")) == 1
