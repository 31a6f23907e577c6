# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""/health names the part that fails, within a second of the moment when it can be known: at once when a connection breaks
or an answer is bad, and when a question has had no answer for a second. It is told once, and once that it is over."""
import time

import pytest

from harness import Site, until, walls

NAMED_S = 2.6  # asked within half a second, waited for a second, named within a second; this host is shared with others


@pytest.fixture(scope="module")
def one(pg, redis):
    site = Site(pg, redis=redis, broker={"request_timeout": "3s", "compare_interval": "500ms"})
    try:
        site.begin()
        yield site
    finally:
        site.close()


def part(site, name):
    return site.daemon.http("/health")[1]["parts"][name]


def named(site, name, state, word="", seconds=NAMED_S):
    def found():
        p = part(site, name)
        return p if p["state"] == state and word in (p["detail"] or "") else None
    p = until(found, seconds, lambda: f"{name} {state} ({word}); it is {part(site, name)}", site.daemon.process.why_dead)
    assert p["since"]
    assert site.daemon.metric("paperguard_part_up", part=name) == 0
    return p


def well(site, seconds=30):
    def healthy():
        code, body = site.daemon.http("/health")
        states = {p["state"] for p in body["parts"].values()}
        return code == 200 and body["status"] == "healthy" and states == {"ok"}
    until(healthy, seconds, lambda: f"healthy: {site.daemon.http('/health')}", site.daemon.process.why_dead)


def told(site, text):
    until(lambda: text in site.daemon.text(), 10, f"a line with {text!r}")


def test_postgres_stands_still(one, pg):
    well(one)
    pg.freeze()
    try:
        named(one, "postgres", "not answering")
        code, body = one.daemon.http("/health")
        assert code == 503 and body["status"] == "unhealthy" and "postgres: not answering since" in body["why"], body["why"]
    finally:
        pg.thaw()
    well(one)
    told(one, "outage: postgres is not answering")
    told(one, "outage over: postgres")


def test_postgres_is_gone(one, pg):
    well(one)
    pg.crash()
    try:
        named(one, "postgres", "down", "Postgres is away", 1)
        assert one.daemon.http("/health")[0] == 503
    finally:
        pg.start()
    well(one)


def test_redis_stands_still(one, redis):
    well(one)
    redis.freeze()
    try:
        named(one, "redis", "not answering")
        code, body = one.daemon.http("/health")
        assert code == 200 and body["status"] == "degraded"
    finally:
        redis.thaw()
    well(one)


def test_redis_is_gone(one, redis):
    well(one)
    redis.halt()
    try:
        named(one, "redis", "down", "", 1)
    finally:
        redis.start()
    well(one)


@pytest.mark.parametrize("fault, word", [
    ({"action": "status", "status": 429}, "HTTP 429"), ({"action": "status", "status": 500}, "HTTP 500"),
    ({"action": "html", "status": 200}, "not JSON"), ({"action": "html", "status": 502}, "HTTP 502"),
    ({"action": "drop_before"}, "lost")], ids=["429", "500", "html", "html-502", "dropped"])
def test_broker_answers_badly(one, fault, word):
    well(one)
    one.sim.fault("GET /v2*", count=1000000, **fault)
    try:
        named(one, "broker", "down", word)
        code, body = one.daemon.http("/health")
        assert code == 200 and body["status"] == "degraded" and word in body["why"], body["why"]
        assert one.daemon.http("/health/ready")[0] == 503
    finally:
        one.sim.clear_faults()
    well(one)


def test_broker_accepts_and_never_answers(one):
    well(one)
    one.sim.freeze()
    try:
        assert "no answer to" in named(one, "broker", "not answering")["detail"]
        assert one.daemon.http("/health")[1]["status"] == "degraded"
    finally:
        one.sim.thaw()
    well(one)


def test_a_broker_that_nothing_is_asked_falls_silent(make_site):
    """Its clock is asked when nothing else was for a while, and no order stream tells either."""
    site = make_site(broker={"request_timeout": "3s", "compare_interval": "120s", "reconcile_interval": "1h", "stream": "off",
                             "heartbeat_interval": "2s"}).begin()
    before = len(site.sim.requests())  # more of the start may follow
    until(lambda: [r["target"] for r in site.sim.requests()[before:]][-2:] == ["/v2/clock"] * 2, 20,
          lambda: f"two heartbeats: {[r['target'] for r in site.sim.requests()[before:]]}")
    site.sim.freeze()
    try:
        assert "no answer to" in named(site, "broker", "not answering", "clock", 2 + NAMED_S)["detail"]
        named(site, "broker", "down", "clock", 5)  # after the request's timeout
    finally:
        site.sim.thaw()
    until(lambda: part(site, "broker")["state"] == "ok", 2 + NAMED_S, "the broker back")
    told(site, "outage over: broker")
    assert site.run_whole()["status"] == "completed"


def test_broker_is_slow(one):
    well(one)
    one.sim.fault("GET /v2*", "delay", delay_ms=2000, count=1000000)
    try:
        named(one, "broker", "not answering")
    finally:
        one.sim.clear_faults()
    well(one)


def test_disk_is_full(make_site):
    site = make_site()
    walls.small_disk(site.daemon)
    site.begin()
    well_without_redis(site)
    taken = walls.fill(site.daemon)
    named(site, "disk", "down", "No space left on device")
    code, body = site.daemon.http("/health")
    assert code == 200 and body["status"] == "degraded" and "disk: down since" in body["why"], body["why"]
    # A halt that cannot be kept on disk is a halt all the same; it is on disk as soon as there is room.
    assert "the state file does not hold it yet" in site.daemon.cli("halt", "no room").stderr
    assert site.daemon.http("/health")[1]["halt"]["state"] == "halted"
    assert b"halted" not in (site.daemon.state / "halt.state").read_bytes()
    taken.unlink()
    until(lambda: part(site, "disk")["state"] == "ok", 10, "room again")
    until(lambda: b"halted" in (site.daemon.state / "halt.state").read_bytes(), 10, "the halt on disk")


def well_without_redis(site):
    until(lambda: site.daemon.http("/health")[1]["status"] == "healthy", 20, lambda: f"healthy: {site.daemon.http('/health')}")


def test_journal_takes_nothing(make_site):
    site = make_site()
    journal = walls.Journal(site.daemon, site.folder / "journal")
    try:
        site.daemon.db_init()
        site.daemon.start()
        until(lambda: (journal.read(), site.daemon.notify.has("READY=1"))[1], 30, "READY=1", site.daemon.process.why_dead)
        until(lambda: (journal.read(), site.daemon.cli("opening", "accept").returncode == 0)[1], 20, "the opening")
        until(lambda: (journal.read(), site.daemon.http("/health/ready")[0] == 200)[1], 20, "in step")
        # Nobody reads any more. The daemon logs, since it is asked; nothing waits for it.
        named(site, "journal", "down", "log lines were dropped", 20)
        assert site.daemon.metric("paperguard_log_dropped_total") > 0
        begun = time.monotonic()
        assert site.daemon.http("/health")[1]["status"] == "degraded"
        assert time.monotonic() - begun < 5  # a log that waits for its reader waits for ever
        assert site.run_whole()["settled"]
        entries = journal.read()
        until(lambda: (entries.extend(journal.read()), part(site, "journal")["state"] == "ok")[1], 10, "the journal again")
        assert any("log lines were dropped before this one" in e for e in entries), "the gap is told"
    finally:
        journal.close()
