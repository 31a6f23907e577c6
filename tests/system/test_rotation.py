# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Another key for the same account while the daemon runs: proven before it is used, taken over with orders under way and none lost,
the former one proven dead; and every pair that does not fit is refused and changes nothing."""
import hashlib
import json
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import KEY, SECRET, TOKEN, Scratch, Site, Strategy, until

AUTH = {"Authorization": f"Bearer {TOKEN}"}


def pair(n):
    return f"PKSIMROTATED0000{n:04}", f"sim-secret-rotated-{n:04}-Wq8zX3vT9rB5nM1k"


def pin(key):
    return hashlib.sha256(key.encode()).hexdigest()


class Host:
    """A site whose keys come from files."""

    def __init__(self, pg, **broker):
        self.folder = Scratch()
        self.site = Site(pg, env={"ALPACA_KEY": None, "ALPACA_SECRET": None}, strategies=[Strategy(allocation="0.2")],
                         broker={"key_id_file": self.folder.path / "id", "secret_file": self.folder.path / "secret",
                                 "heartbeat_interval": "500ms", **broker})
        self.write(KEY, SECRET)
        self.made = 0

    def write(self, key, secret):
        for name, text in (("id", key), ("secret", secret)):
            (self.folder.path / name).write_text(text + "\n")
            (self.folder.path / name).chmod(0o600)

    def new_pair(self, **more):
        """One that the exchange lets in besides."""
        self.made += 1
        key, secret = pair(self.made)
        self.site.sim.call("POST", "/sim/keys", {"key": key, "secret": secret, **more})
        self.write(key, secret)
        return key

    def revoke(self, key):
        self.site.sim.call("POST", "/sim/keys", {"revoke": key})

    def used(self):
        """The key of the newest request, by its last four characters."""
        return self.site.sim.requests()[-1]["key"]

    def alerts(self, kind):
        return [a["detail"] for a in self.site.daemon.get("/api/v1/alerts")["alerts"] if a["kind"] == kind]

    def close(self):
        self.site.close()
        self.folder.remove()


@pytest.fixture(scope="module", name="host")
def fixture_host(pg):
    one = Host(pg)
    try:
        one.site.begin()
        one.key = KEY
        yield one
    finally:
        one.close()


def rotated(host):
    """After a rotation that is known to be good, or that has refused: everything works with the key that is in use."""
    d = host.site.daemon
    until(lambda: host.used() == "PK\u2026" + host.key[-4:], 20, "a request with the key in use")
    assert d.ctl_json("keys")["key_pin"] == pin(host.key)
    assert d.get("/health/ready")


def test_a_new_key_takes_over_and_the_former_one_is_dead(host):
    d, before = host.site.daemon, host.key
    key = host.new_pair()
    host.revoke(before)
    answer = d.ctl_json("keys", "rotate")
    assert answer["result"] == "rotated" and answer["smoke_passed"] is True and answer["former_key_state"] == "dead", answer
    assert answer["key"] == "PK\u2026" + key[-4:] and answer["key_pin"] == pin(key) and "open order" in answer["smoke"]
    host.key = key
    rotated(host)
    assert host.site.run_whole()["status"] == "completed"
    assert d.get("/health")["status"] == "healthy" and host.site.sql("SELECT 1 FROM halt_events WHERE state = 'halted' AND source = 'guard'") == []
    asked = until(lambda: host.site.sql("SELECT detail FROM decisions WHERE kind = 'keys'"), 20, "its record")
    assert asked[-1]["detail"] == f"the key is now PK\u2026{key[-4:]}, it was PK\u2026{before[-4:]}"
    assert d.cli("keys", "rotate").returncode == 1, "nothing new in the files"


def test_a_former_key_that_lives_is_told_loudly(host):
    key = host.new_pair()
    done = host.site.daemon.cli("keys", "rotate")
    host.key, before = key, host.key
    assert done.returncode == 1 and "FORMER KEY" in done.stdout and "still lets the former key" in done.stdout, done
    until(lambda: any(before[-4:] in a for a in host.alerts("old_key_alive")), 20, "the alert")
    rotated(host)
    host.revoke(before)


def test_orders_under_way_are_neither_lost_nor_doubled(host):
    """Orders all the while; the answers of some come late, so that they span the swap with the former key."""
    site = host.site
    site.sim.fault("POST /v2/orders", "delay", delay_ms=400, count=6)
    key = host.new_pair()

    def place(i):
        body = {"symbol": "SPY", "side": "buy", "qty": str(i + 1), "strategy": "weights", "client_order_id": f"rotation:{i}"}
        return site.daemon.http("/api/v1/orders", "POST", body, AUTH)
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(place, i) for i in range(8)]
        until(lambda: any("rotation:" in r["body"] for r in site.sim.posts()), 20, "orders under way")
        answer = json.loads(site.daemon.ctl("--json", "keys", "rotate", code=1))  # the former key lives: orders are under way with it
        sent += [pool.submit(place, i) for i in range(8, 12)]
        odd = [s.result() for s in sent if s.result()[0] not in (201, 202)]
        assert not odd, odd
    assert answer["key_pin"] == pin(key) and answer["former_key_state"] == "alive"
    host.revoke(host.key)
    host.key = key

    def at_the_exchange():
        return sorted((o["client_order_id"], o["status"]) for o in site.sim.get("/sim/state")["orders"] if o["client_order_id"][:4] == "rota")
    until(lambda: at_the_exchange() == sorted((f"rotation:{i}", "filled") for i in range(12)), 30, "each order once, filled")
    until(lambda: [r["status"] for r in site.sql("SELECT status FROM orders WHERE client_order_id ~ '^rotation:'")] == ["filled"] * 12, 30,
          "the ledger to know")
    assert len({r["key"] for r in site.sim.posts() if "rotation:" in r["body"]}) == 2, "with either key"
    rotated(host)


REFUSED = {
    "live": (("AK" + "X7" * 9, "live-secret-that-is-none-at-all-000000"), "live"),
    "unknown to the broker": (pair(9999), "refuses the new key"),
    "a wrong secret": ((pair(1)[0] + "7", "x" * 40), "refuses the new key"),
    "half of a pair": ((pair(9998)[0], SECRET), "refuses the new key"),
    "no key at all": (("two words", SECRET), "guard would not pass"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_changes_nothing(host, what):
    (key, secret), why = REFUSED[what]
    host.write(key, secret)
    done = host.site.daemon.cli("keys", "rotate")
    assert done.returncode == 1 and why in done.stderr.lower() and secret not in done.stderr, done
    until(lambda: any(why in a.lower() for a in host.alerts("key_refused")), 20, "the alert")
    rotated(host)
    assert host.site.daemon.get("/health")["status"] == "healthy"


def test_a_key_of_another_account_is_refused(host):
    host.new_pair(account_number="PASIMOTHERONE")
    done = host.site.daemon.cli("keys", "rotate")
    assert done.returncode == 1 and "PASIMOTHERONE" in done.stderr, done
    rotated(host)


def test_a_broker_that_does_not_answer_proves_nothing(host):
    host.new_pair()
    host.site.sim.fault("GET /v2/account", "503")
    done = host.site.daemon.cli("keys", "rotate")
    assert done.returncode == 1 and "could not be proven" in done.stderr, done
    rotated(host)


def test_a_reload_rotates_too(host):
    d = host.site.daemon
    before = host.key
    host.key = host.new_pair()
    host.revoke(before)
    d.process.signal(signal.SIGHUP)
    until(lambda: d.ctl_json("keys")["key_pin"] == pin(host.key), 20, "the new key")
    until(lambda: f"refuses the former key PK\u2026{before[-4:]}" in d.text(), 20, "the former one's end")
    rotated(host)


def test_it_survives_a_restart_and_its_age_is_known(host):
    d = host.site.daemon
    until(lambda: d.ctl_json("keys")["first_seen"], 20, "the moment it was first seen")
    seen = d.ctl_json("keys")["first_seen"]
    assert d.stop() == 0
    d.notify.forget()
    d.start().in_step()
    rotated(host)
    until(lambda: d.ctl_json("keys")["first_seen"] == seen, 20, "what is known of it")
    assert 0 <= d.metric("paperguard_key_age_seconds") < 600
    assert f"PK\u2026{host.key[-4:]}, for 0 days" in d.ctl("status")
    assert {k["fingerprint"] for k in host.site.sql("SELECT fingerprint FROM key_fingerprints")} >= {pin(KEY), pin(host.key)}


def test_an_old_key_is_told_twice(pg):
    """First seen 100 days ago by another host; the pin goes with the key."""
    host = Host(pg, key_pin=pin(KEY))
    site, d = host.site, host.site.daemon
    try:
        site.begin()
        until(lambda: d.ctl_json("keys")["first_seen"], 20, "the moment it was first seen")
        assert not host.alerts("key_age")
        for days, word in ((40, "some day"), (100, "should have been")):
            site.sql("SET session_replication_role = replica; UPDATE key_fingerprints SET first_seen = first_seen - interval '%s days'" % days)
            assert d.stop() == 0
            d.start().in_step()
            until(lambda w=word: any(w in a for a in host.alerts("key_age")), 20, "the reminder")
        assert d.metric("paperguard_key_age_seconds") > 90 * 86400
        key = host.new_pair()
        done = d.cli("keys", "rotate")
        assert done.returncode == 1 and "key_pin" in done.stderr, done
        d.sections["broker"]["key_pin"] = pin(key)
        d.write()
        host.revoke(KEY)
        assert d.ctl_json("keys", "rotate")["key_pin"] == pin(key)
        assert "key_pin is now" in d.text() and json.loads(d.ctl("--json", "config", "diff"))
        until(lambda: d.metric("paperguard_key_age_seconds") is not None and d.metric("paperguard_key_age_seconds") < 600, 20, "its age from anew")
    finally:
        host.close()
