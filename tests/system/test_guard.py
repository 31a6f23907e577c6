# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The guard's table on real parts: what each row found and how old that is, what the wire told, and rows made to fail."""
import hashlib
import json

import pytest

from harness import KEY, SECRET, TOKEN, Daemon, Scratch, Strategy, until
from harness.wall import LIBRARY

AUTH = {"Authorization": f"Bearer {TOKEN}"}
ORDER = {"symbol": "SPY", "side": "buy", "qty": "1", "type": "market", "time_in_force": "day"}


def rows(daemon):
    return {c["check"]: c for c in daemon.get("/api/v1/guard")["checks"]}


def is_now(daemon, check, answer):
    return until(lambda: (row := rows(daemon)[check])["answer"] == answer and row, 20, f"{check} {answer}", daemon.process.why_dead)


def test_the_table_its_ages_and_its_counts(site):
    site.run_whole()
    table = rows(site.daemon)
    assert {c["answer"] for c in table.values()} == {"PASS"}, table
    assert table["peer"]["detail"] == "per request; the last went to 127.0.0.1, plain"
    assert table["children"]["detail"] == "5 variables, no secret in any"
    assert table["key_pin"]["detail"].endswith(hashlib.sha256(KEY.encode()).hexdigest())
    assert table["clock"]["detail"].endswith("the broker's")
    never = {name for name, c in table.items() if c["age_seconds"] is None}
    assert never == {"request_host", "request_shape", "request_key", "halt", "leader", "receipt", "permit"}
    assert all(0 <= c["age_seconds"] <= 120 for name, c in table.items() if name not in never)
    told = json.loads(site.daemon.ctl("--json", "check"))["checks"]
    assert {c["check"] for c in told} == set(table)
    assert "AGE" in site.daemon.ctl("check", "--wide")
    # One evaluation when a permit is minted, one when it is spent: an order's are the desk's and the broker's.
    evaluations = site.daemon.metric("paperguard_guard_evaluations_total")
    assert evaluations >= 2 * len(site.sim.orders()) > 0
    assert site.daemon.metric("paperguard_guard_denials_total", check="clock") == 0
    assert site.daemon.metric("paperguard_guard_check_state", check="tls") == 0
    assert 0 <= site.daemon.metric("paperguard_guard_fact_age_seconds", check="account_age") <= 120
    assert site.daemon.metric("paperguard_guard_fact_age_seconds", check="permit") is None


def test_an_account_that_its_owner_suspended(make_site):
    site = make_site(broker={"compare_interval": "500ms"}).begin()
    site.sim.call("PATCH", "/v2/account/configurations", {"suspend_trade": True})
    row = is_now(site.daemon, "account_status", "FAIL")
    assert "trade_suspended_by_user is true" in row["detail"]
    status, answer = site.daemon.http("/api/v1/orders", "POST", ORDER, AUTH)
    assert status == 403 and "account_status" in json.dumps(answer)
    assert not site.sim.orders()
    assert site.daemon.metric("paperguard_guard_check_state", check="account_status") == 1
    assert site.daemon.cli("check").returncode == 1
    site.sim.call("PATCH", "/v2/account/configurations", {"suspend_trade": False})
    is_now(site.daemon, "account_status", "PASS")
    assert site.daemon.http("/api/v1/orders", "POST", ORDER, AUTH)[0] == 201


@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")
def test_a_clock_that_is_not_the_brokers(make_site):
    # The simulator's clock is a minute and a half ahead; so the daemon's is behind.
    site = make_site(sim_env={"LD_PRELOAD": str(LIBRARY), "FAKETIME": "+90", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    site.daemon.db_init()
    site.daemon.start().up().ready()
    row = is_now(site.daemon, "clock", "FAIL")
    assert "behind the broker's, the bound is 30 s; set it right" in row["detail"]
    status, answer = site.daemon.http("/api/v1/orders", "POST", ORDER, AUTH)
    assert status >= 400 and not site.sim.orders(), answer
    assert site.daemon.cli("run").returncode != 0


@pytest.fixture
def refused():
    """A daemon that must not start: what it says, after exit 78."""
    scratch = Scratch()

    def run(env=None, **sections):
        broker = {"endpoint": "http://127.0.0.1:9", **sections.pop("broker", {})}
        d = Daemon(scratch.path, "", f"host={scratch.path} dbname=none", "", [Strategy()], env=env, broker=broker, **sections)
        try:
            assert d.start().exit() == 78, d.text()
        finally:
            d.close()
        assert SECRET not in d.text() and KEY not in d.text()
        return d.text()

    yield run
    scratch.remove()


@pytest.mark.parametrize("name", ["https_proxy", "ALL_PROXY", "SSLKEYLOGFILE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NETRC", "RES_OPTIONS"])
def test_what_steers_connections(refused, name):
    text = refused(env={name: "http://127.0.0.1:1"})
    assert f"{name} is set in the environment" in text and f"UnsetEnvironment={name}" in text


def test_another_key_than_the_pinned_one(refused):
    text = refused(broker={"key_pin": hashlib.sha256(b"another").hexdigest()})
    assert "check key or broker.key_pin" in text


def test_a_state_folder_that_others_may_write(refused):
    scratch = Scratch()
    folder = scratch.path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    assert "others may take a halt away" in refused(daemon={"state_dir": folder})
    scratch.remove()
