# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Two hosts on one database and one account: one leads and trades, the other stands by and takes over; whatever befalls the
leader, each order is sent once."""
import signal
import sys
import time
from pathlib import Path

import pytest

from harness import KEY, SECRET, Daemon, Strategy, until

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))
import compare  # noqa: E402

QUICK = ("--no-rate-limit", "--partial-rate", "0", "--fill-delay-ms", "20", "--seed", "7")
SLOW_FILLS = ("--no-rate-limit", "--partial-rate", "0.5", "--fill-delay-ms", "2500", "--seed", "7")


@pytest.fixture(name="hosts")
def fixture_hosts(make_site):
    """A site whose daemon leads, and a second daemon that stands by."""
    others = []

    def make(lease="5s", **options):
        site = make_site(database={"lease": lease}, daemon={"host": "a"}, **options).begin()
        folder = site.folder / "b"
        folder.mkdir(mode=0o711)
        failed_over = site.dsn.replace("host=", "host=/tmp/no-such-folder,")  # as after a failover of Postgres
        other = Daemon(folder, site.sim.url, failed_over, "", site.daemon.strategies, database={"lease": lease},
                       daemon={"host": "b"})
        others.append(other)
        other.start().up().ready()
        until(lambda: other.http("/health")[1]["status"] == "standby", 10, "standby")
        return site, other

    yield make
    for other in others:
        other.close()


def leader(daemon):
    return daemon.http("/health")[1]["leader"]


def ids(site):
    return [p["body"].split('"client_order_id":"')[1].split('"')[0] for p in site.sim.posts()]


def takes_over(site, other, seconds):
    until(lambda: leader(other)["state"] == "leader", seconds, lambda: f"taking over: {leader(other)}", other.process.why_dead)
    return site.sql("SELECT * FROM leaders")[0]


def same(site):
    sent = ids(site)
    assert len(sent) == len(set(sent)), "an order was sent twice"
    differences, truth = compare.check(compare.Exchange(site.sim.url, KEY, SECRET), compare.Ledger(site.dsn))
    assert not differences, differences
    assert set(sent) == set(truth.orders)


def in_the_middle(site):
    """All orders are out and answered, the run waits for fills: what is without an answer would be looked up for a minute first."""
    until(lambda: site.sql("SELECT count(order_id) n FROM orders")[0]["n"] == 4, 20, "four orders")
    assert site.sql("SELECT count(*) n FROM runs WHERE completed_at IS NULL")[0]["n"] == 1


def finished(site, other, run_id):
    site.daemon, first = other, site.daemon  # whose end is told when it does not come
    try:
        row = site.run_ended(run_id, seconds=60)
    finally:
        site.daemon = first
    assert row["status"] == "completed" and row["settled"], row
    same(site)


def test_a_standby_stands_by(hosts):
    site, other = hosts()
    status, health = other.http("/health")
    assert status == 200 and health["status"] == "standby", health
    assert health["leader"]["state"] == "standby" and health["leader"]["epoch"] == leader(site.daemon)["epoch"]
    assert other.http("/health/ready")[0] == 503
    assert "standby" in other.notify.last("STATUS=")
    status, refused = other.run_http()
    assert status == 503 and refused["code"] == "standby" and site.sql("SELECT count(*) n FROM runs")[0]["n"] == 0, refused
    assert "leader" in other.ctl("status") and "host a, epoch 1" in other.ctl("status")
    assert "this host, a, epoch 1" in site.daemon.ctl("status")
    monitored = other.cli("status", "--nagios")
    assert monitored.returncode == 0 and "PAPERGUARD OK - standby: host a leads" in monitored.stdout, monitored
    for words in (("run",), ("strategies", "pause", "weights", "a look"), ("opening", "accept")):
        refused = other.cli(*words)
        assert refused.returncode != 0 and "host a leads" in refused.stderr, refused
    assert other.metric("paperguard_leader") == 0 and site.daemon.metric("paperguard_leader") == 1
    # What its leader misses is its leader's: no slot is known here, not even by the calendar that the leader kept.
    assert site.sql("SELECT 1 FROM broker_calendars")
    assert other.get("/health/scheduler")["calendar_known"] is False
    # It reads whose account it is, and nothing else.
    assert site.run_whole()["status"] == "completed"
    same(site)
    assert other.stop() == 0
    assert leader(site.daemon)["state"] == "leader"


def test_scheduled_slots_are_traded_by_one(hosts):
    site, other = hosts(strategies=[Strategy(schedule="every 2s")])
    until(lambda: len(site.runs()) >= 3, 30, "three runs")
    assert not any("run" in line and "claimed" in line for line in other.text().split("\n"))
    site.daemon.stop()
    same(site)


def test_a_killed_leader_is_replaced_within_ten_seconds(hosts):
    site, other = hosts(lease="10s", sim_options=SLOW_FILLS)
    run_id = site.run()
    in_the_middle(site)
    site.daemon.process.kill()
    at = time.monotonic()
    row = takes_over(site, other, 20)
    took = time.monotonic() - at
    assert row["epoch"] == 2 and took < 10, took
    finished(site, other, run_id)
    assert site.sql("SELECT count(*) n FROM alerts WHERE kind = 'takeover'")[0]["n"] == 1


def test_a_leader_that_was_stopped_for_long_sends_nothing(hosts):
    site, other = hosts(lease="3s", sim_options=SLOW_FILLS)
    run_id = site.run()
    in_the_middle(site)
    site.daemon.process.signal(signal.SIGSTOP)
    takes_over(site, other, 20)
    finished(site, other, run_id)
    sent = len(ids(site))
    site.daemon.process.signal(signal.SIGCONT)
    assert site.daemon.exit() == 75
    assert "no longer the leader" in site.daemon.text()
    assert len(ids(site)) == sent
    # It comes back as a standby.
    site.daemon.notify.forget()
    site.daemon.start().up().ready()
    assert leader(site.daemon)["state"] == "standby"


def test_a_clean_stop_hands_over_at_once(hosts):
    site, other = hosts(lease="60s")
    assert site.daemon.stop() == 0
    takes_over(site, other, 5)
    site.daemon.notify.forget()
    site.daemon.start().up().ready()
    assert leader(site.daemon)["state"] == "standby"
    other.process.kill()  # its own next life need not wait either
    other.notify.forget()
    other.start().in_step()
    assert leader(other)["state"] == "leader" and leader(other)["epoch"] == 3


def test_a_halt_stays_when_the_lead_moves(hosts):
    site, other = hosts(lease="60s")
    site.daemon.ctl("halt", "a", "look", "at", "it")
    until(lambda: site.sql("SELECT state FROM halt_state WHERE host = 'a'")[0]["state"] == "halted", 10, "the halt in Postgres")
    site.daemon.ctl("halt", "--strategy", "weights", "--reduce-only", "this", "too")
    until(lambda: site.sql("SELECT state FROM strategy_halts WHERE host = 'a'"), 10, "that of the strategy as well")
    assert other.http("/health")[1]["halt"]["state"] == "running"
    assert site.daemon.stop() == 0
    takes_over(site, other, 5)
    until(lambda: other.http("/health")[1]["status"] == "halted", 5, "the halt of the host before")
    [scope] = other.ctl_json("status")["strategies"]
    assert scope["strategy"] == "weights" and scope["state"] == "reduce_only" and "this too" in scope["reason"], scope
    other.ctl("release", "confirm", other.ctl_json("release", "request", "--strategy", "weights", "looked at")["code"])
    halt = other.ctl_json("status")["halt"]
    assert "host a" in halt["reason"] and "a look at it" in halt["reason"] and halt["source"] == "takeover", halt
    until(lambda: other.http("/health/ready")[0] == 200, 10, "in step")
    refused = other.run_http()
    assert refused[0] == 409 and "halt" in refused[1]["detail"], refused
    token = other.ctl_json("release", "request", "looked at")["code"]
    other.ctl("release", "confirm", token)
    until(lambda: other.http("/health")[1]["status"] == "healthy", 10, "released")
    other.process.kill()  # its next life is the same host: what was released stays so
    other.notify.forget()
    other.start().in_step()
    assert other.http("/health")[1]["halt"]["state"] == "running" and other.ctl_json("status")["strategies"] == []


def test_while_postgres_is_away_nobody_leads(hosts):
    site, other = hosts(lease="3s")
    site.pg.crash()
    try:
        until(lambda: leader(site.daemon)["lease_seconds"] == 0, 20, "the end of the lease")
        status, health = site.daemon.http("/health")
        assert status == 503 and site.daemon.process.running(), health
    finally:
        site.pg.start()
    until(lambda: leader(site.daemon)["lease_seconds"] > 0, 20, "a renewal", site.daemon.process.why_dead)
    site.daemon.in_step()
    assert site.run_whole()["status"] == "completed"
    assert leader(site.daemon)["epoch"] == 1 and leader(other)["state"] == "standby"
    same(site)


def test_a_cut_connection_is_no_takeover(hosts):
    site, other = hosts(lease="10s")
    site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'paperguard leader'")
    beat = site.sql("SELECT beat FROM leaders")[0]["beat"]
    until(lambda: site.sql("SELECT beat FROM leaders")[0]["beat"] > beat, 10, "a renewal")
    assert site.run_whole()["status"] == "completed"
    assert leader(site.daemon)["epoch"] == 1 and leader(other)["state"] == "standby"
