# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Postgres, Redis or the exchange away, at start and in the middle; databases that are not ours; accounts that are not ours.
READY=1 comes only when everything the guard needs is there; what is away is named in STATUS and /health; nothing is sent
meanwhile; and when it is back, everything is found again."""
import json
import signal
import sys
import time
from pathlib import Path

import pytest

from harness import KEY, SECRET, Sim, Strategy, until
from harness.sim import free_port
from harness.site import QUIET_SIM

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))
import compare  # noqa: E402

SLOW_FILLS = ("--no-rate-limit", "--partial-rate", "0.5", "--fill-delay-ms", "1500", "--seed", "7")


def same(site):
    differences, truth = compare.check(compare.Exchange(site.sim.url, KEY, SECRET), compare.Ledger(site.dsn))
    assert not differences, differences
    return truth


def health(site):
    return site.daemon.http("/health")


def health_is(site, code, status, word="", seconds=20):
    def found():
        got, body = health(site)
        return body if got == code and body["status"] == status and word in body["why"] else None
    return until(found, seconds, f"health {code} {status} ({word}); it is {health(site)}", site.daemon.process.why_dead)


def not_ready(site, word, seconds=20):
    until(lambda: word in (site.daemon.notify.last("STATUS=") or ""), seconds,
          f"a STATUS with {word!r}; it is {site.daemon.notify.last('STATUS=')!r}", site.daemon.process.why_dead)
    assert not site.daemon.notify.has("READY=1")
    assert site.daemon.http("/health/live")[0] == 200 and site.daemon.http("/health/ready")[0] == 503
    assert site.daemon.cli("run").returncode != 0


@pytest.fixture(autouse=True)
def postgres_runs(pg):
    yield
    pg.start()


# --- at start

def test_postgres_down_at_start(make_site, pg):
    site = make_site()
    site.daemon.db_init()
    pg.halt()
    site.daemon.start().up()
    not_ready(site, "Postgres")
    code, body = health(site)
    assert (code, body["status"], body["database_connected"]) == (503, "unhealthy", False)
    pg.start()
    site.daemon.ready()
    site.accept()
    health_is(site, 200, "healthy")
    assert site.run_whole()["status"] == "completed"
    same(site)


def test_exchange_down_at_start(make_site, pg):
    port = free_port()

    class NoSim:
        url = f"http://127.0.0.1:{port}"
        requests_file = Path("/nonexistent")

        @staticmethod
        def stop():
            return 0

    site = make_site(sim=NoSim())
    site.daemon.db_init()
    site.daemon.start().up()
    not_ready(site, "account")
    code, body = health(site)
    assert (code, body["status"], body["alpaca_connected"]) == (503, "unhealthy", False)
    site.sim = Sim(site.folder, *QUIET_SIM, port=port)
    site.daemon.ready()
    site.accept()
    assert site.run_whole()["status"] == "completed"
    same(site)


def test_redis_down_at_start_is_only_degraded(make_site, redis):
    redis.halt()
    try:
        site = make_site(redis=redis).begin()
        body = health_is(site, 200, "degraded", "Redis")
        assert body["redis_connected"] is False
        assert site.run_whole()["status"] == "completed"
    finally:
        redis.start()
    health_is(site, 200, "healthy")
    same(site)


def test_database_without_marker(make_site):
    site = make_site()
    site.daemon.start().up()
    not_ready(site, "database_marker FAIL")
    assert "db init" in site.daemon.notify.last("STATUS=") or "db init" in site.daemon.text()
    assert health(site)[0] == 503
    assert not site.sql("SELECT 1 FROM pg_tables WHERE schemaname = 'public'"), "something was written into a foreign database"
    # Marked now: the daemon finds out by itself.
    site.daemon.db_init()
    site.daemon.ready(60)
    site.accept()
    assert site.run_whole()["status"] == "completed"


def test_database_of_another_environment(make_site):
    site = make_site()
    site.daemon.ctl("db", "init", "--environment", "dev")
    site.daemon.start().up()
    not_ready(site, "database_marker FAIL")
    assert "dev" in site.daemon.notify.last("STATUS=")
    assert health(site)[0] == 503


def test_db_init_refuses_what_is_not_empty(make_site):
    site = make_site()
    site.sql("CREATE TABLE customers (id int)")
    done = site.daemon.cli("db", "init")
    assert done.returncode != 0 and "empty" in done.stdout + done.stderr
    assert [r["tablename"] for r in site.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")] == ["customers"]
    site.sql("DROP TABLE customers")
    site.daemon.db_init()
    again = site.daemon.cli("db", "init")
    assert again.returncode != 0 and not again.stdout.startswith("database marked")


def test_changed_migration_is_refused(make_site):
    site = make_site()
    site.daemon.db_init()
    site.sql("ALTER TABLE schema_migrations DISABLE TRIGGER ALL")
    site.sql("UPDATE schema_migrations SET checksum = repeat('0', 64) WHERE version = 1")
    site.daemon.start().up()
    not_ready(site, "database_marker FAIL")
    assert health(site)[0] == 503


def test_account_that_is_not_the_pinned_one(make_site):
    site = make_site(broker={"account_pin": "PASIM00000000"})
    site.daemon.db_init()
    assert site.daemon.start().exit(20) == 78
    assert "PASIM00000000" in site.daemon.text() and "account_pin" in site.daemon.text()
    assert not site.daemon.notify.has("READY") and site.sim.posts() == []


def test_account_that_is_not_the_first_one(make_site):
    site = make_site().begin()
    number = site.sim.get("/v2/account")["account_number"]
    site.daemon.stop()
    site.sim.stop()
    site.sim = Sim(site.folder, "--no-rate-limit", "--seed", "8", port=site.sim.port)
    assert site.sim.get("/v2/account")["account_number"] != number
    assert site.daemon.start().exit(20) == 78
    assert "account_first" in site.daemon.text() and number in site.daemon.text()


def test_account_changes_while_running(make_site):
    """The exchange behind the address becomes another one: a halt is latched, the daemon stays."""
    site = make_site().begin()
    site.sim.stop()
    site.sim = Sim(site.folder, "--no-rate-limit", "--seed", "8", port=site.sim.port)
    site.daemon.cli("run")  # makes it look
    until(lambda: health(site)[1]["halt"]["state"] == "halted", 80, "a latched halt")
    assert site.sim.posts() == [] and site.daemon.process.running()
    until(lambda: site.sql("SELECT state FROM halt_state")[0]["state"] == "halted", 10, "the halt in Postgres")


def test_key_that_the_exchange_refuses(make_site):
    site = make_site(env={"ALPACA_SECRET": "not-the-secret-of-this-simulator"})
    site.daemon.db_init()
    assert site.daemon.start().exit(20) == 78
    assert "refuses the key" in site.daemon.text()


# --- in the middle

def test_postgres_down_in_the_middle(make_site, pg):
    site = make_site().begin()
    assert site.run_whole()["status"] == "completed"
    posts = len(site.sim.posts())
    pg.halt()
    health_is(site, 503, "unhealthy")
    assert site.daemon.http("/health/live")[0] == 200
    assert site.daemon.cli("run").returncode != 0 and site.daemon.run_http()[0] in (409, 503)
    assert site.daemon.http("/api/v1/orders")[0] == 503, "history is not made up"
    assert len(site.sim.posts()) == posts
    pg.start()
    health_is(site, 200, "healthy", seconds=40)
    assert site.run_whole()["settled"]
    same(site)


def test_postgres_crashes_while_orders_are_open(make_site, pg):
    """Orders already at the exchange go on there; their fills are all found when the database is back."""
    site = make_site(sim_options=SLOW_FILLS).begin()
    run_id = site.run()
    until(lambda: len(site.sim.posts()) == 4, 10, "all orders are sent")
    pg.crash()
    until(lambda: all(o["status"] == "filled" for o in site.sim.orders()), 30, "all orders fill")
    pg.start()
    row = site.run_ended(run_id, 60)
    assert row["status"] == "completed" and row["settled"], row
    assert len(same(site).orders) == len(site.sim.posts()) == 4


def test_no_order_without_a_durable_intent(make_site, pg):
    """Postgres goes while a run is between plan and orders: nothing is sent that the ledger does not have."""
    site = make_site(strategies=[Strategy(weights={"SPY": "0.5", "TLT": "0.4"})]).begin()
    site.sim.fault("GET /v2/stocks/bars*", "delay_before", delay_ms=1500)
    site.run()
    until(lambda: any("/v2/stocks/bars" in r["target"] for r in site.sim.requests()) or site.runs(), 10, "the run")
    pg.crash()
    time_end = time.monotonic() + 4
    while time.monotonic() < time_end:  # nothing may come out meanwhile
        assert site.sim.posts() == []
    pg.start()
    row = site.run_ended(seconds=60)
    assert row["status"] in ("failed", "partial", "completed"), row
    known = {r["client_order_id"] for r in site.sql("SELECT client_order_id FROM intents")}
    assert {o["client_order_id"] for o in site.sim.orders()} <= known
    health_is(site, 200, "healthy", seconds=40)
    same(site)


def test_redis_down_in_the_middle_is_only_degraded(make_site, redis):
    site = make_site(redis=redis).begin()
    assert site.run_whole()["status"] == "completed"
    keys = redis.command("KEYS", "paperguard:staging:PASIM*").split()
    assert any("price" in k or "SPY" in k for k in keys) and any("account" in k for k in keys), keys
    redis.halt()
    try:
        body = health_is(site, 200, "degraded", "Redis")
        assert body["database_connected"] and body["alpaca_connected"] and not body["redis_connected"]
        assert site.daemon.http("/health/ready")[0] == 200
        assert site.run_whole()["settled"]
    finally:
        redis.start()
    health_is(site, 200, "healthy")
    same(site)


def test_exchange_silent_in_the_middle(make_site):
    """Frozen: connections hang. Health says so, the run under way waits, and all is found when it thaws."""
    site = make_site(broker={"request_timeout": "1s"}).begin()
    assert site.run_whole()["status"] == "completed"
    site.sim.freeze()
    started = site.daemon.cli("--json", "run")
    health_is(site, 200, "degraded", "broker")
    assert health(site)[1]["alpaca_connected"] is False
    site.sim.thaw()
    health_is(site, 200, "healthy", seconds=30)
    if started.returncode == 0:
        assert site.run_ended(json.loads(started.stdout)["run_id"], 60)["settled"]
    assert site.run_whole()["settled"]
    same(site)


def test_exchange_gone_in_the_middle(make_site):
    site = make_site().begin()
    site.sim.fault("GET /v2*", "drop_before", count=1000000)
    site.sim.fault("POST /v2*", "drop_before", count=1000000)
    started = site.daemon.cli("--json", "run")
    health_is(site, 200, "degraded", "broker")
    site.sim.clear_faults()
    health_is(site, 200, "healthy", seconds=30)
    if started.returncode == 0:
        site.run_ended(json.loads(started.stdout)["run_id"], 60)
    assert site.run_whole()["settled"]
    same(site)


def test_reload_keeps_the_running_config_when_the_new_one_is_wrong(make_site):
    site = make_site().begin()
    site.daemon.sections["orders"] = {"min_trade": "nonsense"}
    site.daemon.write()
    site.daemon.process.signal(signal.SIGHUP)
    until(lambda: "reload refused" in site.daemon.text(), 10, "the refusal")
    assert "min_trade" in site.daemon.text() and site.daemon.process.running()
    site.daemon.sections["orders"] = {"min_trade": "50"}
    site.daemon.write().notify.forget()
    site.daemon.process.signal(signal.SIGHUP)
    until(lambda: site.daemon.notify.has("RELOADING=1") and site.daemon.notify.has("READY=1"), 10, "the reload")
    assert "min_trade" in site.daemon.text().split("reloaded", 1)[1]
    health_is(site, 200, "healthy")
