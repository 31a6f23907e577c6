# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The self-test on a running daemon: it passes, everybody is told of it, and while a row of risk or guard that was blunted in
the process's own memory does not fire, no order leaves."""
import platform
import signal
import subprocess
from contextlib import contextmanager

import pytest

from harness import BIN, TOKEN, Site, until
from harness.wall import LIBRARY, at, wall_site

PASSES = bytes.fromhex("31c0c3")  # xor eax, eax; ret: the row says that everything is fine
AUTH = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module", name="site")
def fixture_site(pg):
    one = Site(pg)
    try:
        yield one.begin()
    finally:
        one.close()


def address_of(pid, function):
    names = subprocess.run(["nm", BIN / "paperguardd"], capture_output=True, text=True, check=True).stdout.split("\n")
    offset = int(next(n for n in names if n.endswith(f" T {function}")).split()[0], 16)
    base = next(line for line in open(f"/proc/{pid}/maps", encoding="ascii") if "paperguardd" in line)
    return int(base.split("-")[0], 16) + offset


@contextmanager
def blunted(site, function):
    """The function answers 0 (pass) as long as this lasts."""
    pid = site.daemon.process.pid
    where = address_of(pid, function)
    try:
        with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
            memory.seek(where)
            before = memory.read(len(PASSES))
            memory.seek(where)
            memory.write(PASSES)
            try:
                yield
            finally:
                memory.seek(where)
                memory.write(before)
    except PermissionError:
        pytest.skip("needs to write to the daemon's memory")


def order(site, key):
    return site.daemon.http("/api/v1/orders", "POST", {"symbol": "SPY", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day",
                                                       "client_order_id": key}, AUTH)


def test_it_passes_and_everybody_is_told(site):
    told = site.daemon.get("/health")["self_test"]
    assert told["passed"] and told["failed"] == 0 and told["rows"] > 50, told
    shown = site.daemon.ctl_json("selftest")
    assert shown["passed"] and len(shown["rows"]) == told["rows"] and all(r["fired"] for r in shown["rows"])
    checks = {c["check"] for c in site.daemon.get("/api/v1/guard")["checks"]}
    assert {r["code"] for r in shown["rows"] if r["kind"] == "guard"} == checks, "each check of the guard is fired"
    assert site.daemon.metric("paperguard_self_test_passed") == 1
    assert site.daemon.metric("paperguard_self_test_row_fired", kind="risk", code="tradable") == 1
    assert "passed" in site.daemon.ctl("selftest")
    site.daemon.process.signal(signal.SIGHUP)
    until(lambda: {r["cause"] for r in site.sql("SELECT cause FROM self_tests")} >= {"start", "operator", "reload"}, 10, "rows of self-tests")
    assert all(r["passed"] for r in site.sql("SELECT passed FROM self_tests"))
    assert not site.sql("SELECT * FROM decisions WHERE subject LIKE 'selftest%%'"), "examples are no orders"
    assert site.sim.orders() == []


@pytest.mark.skipif(platform.machine() != "x86_64", reason="machine code of another machine")
@pytest.mark.parametrize("function, kind, code", [("row_tradable", "risk", "tradable"), ("guard_check_stage", "guard", "stage")])
def test_a_row_that_does_not_fire_keeps_orders_off(site, function, kind, code):
    with blunted(site, function):
        done = site.daemon.cli("selftest")
        assert done.returncode == 1 and "FAILED" in done.stdout and f"{kind} {code}: it would have left" in done.stdout, done.stdout
        status, health = site.daemon.http("/health")
        assert status == 503 and health["self_test"]["passed"] is False and code in health["why"] and "self_test" in health["why"], health
        status, answer = order(site, f"refused-{code}")
        assert status == 403 and "self_test" in str(answer), (status, answer)
        assert site.daemon.metric("paperguard_self_test_passed") == 0
        assert site.daemon.metric("paperguard_self_test_row_fired", kind=kind, code=code) == 0
        until(lambda: site.sql("SELECT * FROM alerts WHERE kind = 'self_test'"), 10, "an alert")
    assert order(site, f"still-refused-{code}")[0] == 403, "mended, but not seen to be"
    site.daemon.ctl("selftest")
    until(lambda: site.daemon.http("/health")[0] == 200, 10, "healthy again")
    assert {r["passed"] for r in site.sql("SELECT passed FROM self_tests")} == {True, False}


def causes(site):
    return [r["cause"] for r in site.sql("SELECT cause FROM self_tests ORDER BY at")]


@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")
def test_it_is_run_half_an_hour_before_the_first_slot_of_a_day(make_site, tmp_path):
    """Not before its time, and by itself."""
    wall, site = wall_site(make_site, tmp_path, at(2026, 11, 18, 14, 40))
    assert causes(site) == ["start"]
    wall.set(at(2026, 11, 18, 14, 59, 56))
    until(lambda: "daily" in causes(site), 20, "the self-test before the slot")
    daily = site.sql("SELECT at, passed FROM self_tests WHERE cause = 'daily'")[0]
    assert daily["passed"] and daily["at"] >= at(2026, 11, 18, 15, 0), "not before its time"
    assert causes(site) == ["start", "daily"]
