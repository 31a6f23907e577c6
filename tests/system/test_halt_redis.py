# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Redis can only add a halt: a key is one within two seconds, and neither a flush, nor an outage, nor a restart releases or adds any."""
import pytest

from harness import TOKEN, Site, Strategy, until

AUTH = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module", name="site")
def fixture_site(pg, redis):
    both = [Strategy("alpha", allocation="0.5"), Strategy("beta", allocation="0.5")]
    one = Site(pg, redis=redis, strategies=both, risk={"duplicate_window": "1ms"})
    try:
        yield one.begin()
    finally:
        one.close()


def order(site, key, strategy):
    body = {"symbol": "SPY", "qty": "1", "side": "buy", "strategy": strategy, "client_order_id": key}
    return until(lambda: (lambda a: a if a[0] != 503 else None)(site.daemon.http("/api/v1/orders", "POST", body, AUTH)), 20, "an answer")


def told(site):
    answer = site.daemon.get("/api/v1/halt")
    return answer["halt"]["state"], {s["strategy"]: s["state"] for s in answer["strategies"]}


def prefix(redis):
    return until(lambda: redis.command("KEYS", "paperguard:staging:PASIM*:account"), 20, "the account's key").removesuffix("account")


def release(site, *words):
    until(lambda: site.daemon.cli("release", "request", *words, "tested").returncode == 0, 20, "it may be asked for")
    site.daemon.ctl("release", "confirm", site.daemon.ctl_json("release", "request", *words, "tested")["code"])


def connected(site, is_so):
    until(lambda: site.daemon.get("/health")["redis_connected"] is is_so, 20, "the health tells of Redis")


def test_a_key_is_a_halt_until_the_two_steps(site, redis):
    assert order(site, "before", "alpha")[0] == 201
    key = prefix(redis) + "halt"
    redis.command("SET", key, "fat finger")
    until(lambda: told(site)[0] == "halted", 10, "the halt")
    halt = site.daemon.get("/api/v1/halt")["halt"]
    assert halt["source"] == "redis" and halt["reason"] == "fat finger", halt
    status, answer = order(site, "during", "alpha")
    assert status == 403 and answer["code"] == "halt", answer
    seen = site.sql("SELECT source, reason FROM halt_events WHERE state = 'halted'")
    assert [(r["source"], r["reason"]) for r in seen] == [("redis", "fat finger")], seen
    refused = site.daemon.cli("release", "request", "x")
    assert refused.returncode != 0 and f"Redis has the key {key}, which is a halt: delete that key first" in refused.stdout + refused.stderr
    redis.command("FLUSHALL")
    until(lambda: site.daemon.cli("release", "request", "x").returncode == 0, 20, "the key is seen to be gone")
    assert told(site)[0] == "halted", "a flush releases nothing"
    site.daemon.process.kill()
    site.daemon.notify.forget()
    site.daemon.start().up().ready().in_step()
    assert told(site)[0] == "halted", "nor does a restart"
    release(site)
    until(lambda: told(site)[0] == "running", 10, "released")


def test_a_key_of_a_strategy_halts_it_alone(site, redis):
    key = prefix(redis) + "halt:alpha"
    redis.command("SET", key, "reduce_only: careful")
    until(lambda: told(site) == ("running", {"alpha": "reduce_only"}), 10, "the halt")
    redis.command("DEL", key)
    redis.command("LPUSH", key, "of any type")
    until(lambda: told(site) == ("running", {"alpha": "halted"}), 10, "the stricter one")
    status, answer = order(site, "alpha-halted", "alpha")
    assert status == 403 and answer["code"] == "halt", answer
    assert order(site, "beta-goes", "beta")[0] == 201
    assert site.daemon.cli("release", "request", "--strategy", "alpha", "x").returncode != 0, "while the key is there"
    redis.command("DEL", key)
    release(site, "--strategy", "alpha")
    assert told(site) == ("running", {})


def test_an_outage_adds_and_releases_nothing(site, redis):
    redis.halt()
    try:
        connected(site, False)
        assert told(site) == ("running", {})
    finally:
        redis.start()
    connected(site, True)
    assert told(site) == ("running", {}) and order(site, "after", "alpha")[0] == 201
