# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Halts on real parts: what still leaves under reduce-only, from wherever it was asked for, and that nothing but a release loosens."""
import signal
import time

import pytest

from harness import TOKEN, Site, until

AUTH = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module", name="site")
def fixture_site(pg):
    one = Site(pg)
    try:
        one.begin()
        assert order(one, "first", "buy", "3")[0] == 201
        until(lambda: [p for p in one.daemon.get("/api/v1/positions")["positions"] if p["symbol"] == "SPY"], 20, "the position")
        yield one
    finally:
        one.close()


def order(site, key, side, qty):
    body = {"symbol": "SPY", "qty": qty, "side": side, "strategy": "weights", "client_order_id": key}
    return site.daemon.http("/api/v1/orders", "POST", body, AUTH)


def state(site):
    return site.daemon.get("/api/v1/halt")["halt"]["state"]


def release(site):
    token = site.daemon.ctl_json("release", "request", "tested")["code"]
    site.daemon.ctl("release", "confirm", token)
    until(lambda: state(site) == "running", 10, "running")


def by_cli(site):
    assert "reduce only" in site.daemon.ctl("halt", "too", "much", "--reduce-only")


def by_http(site):
    status, answer = site.daemon.http("/api/v1/halt", "POST", {"reason": "drill", "mode": "reduce_only"}, AUTH)
    assert status == 200 and answer["halt"]["state"] == "reduce_only", answer


def by_file(site):
    (site.daemon.state / "halt.d" / "reduce_only-drill").touch()
    until(lambda: state(site) != "running", 10, "the file to be seen")


@pytest.mark.parametrize("way", [by_cli, by_http, by_file])
def test_reduce_only_lets_positions_shrink_alone(site, way):
    way(site)
    assert state(site) == "reduce_only"
    status, answer = order(site, f"more-{way.__name__}", "buy", "1")
    assert status == 403 and "halt" in str(answer), (status, answer)
    status, answer = order(site, f"less-{way.__name__}", "sell", {by_cli: "0.25", by_http: "0.5", by_file: "0.75"}[way])
    assert status == 201, (status, answer)
    for file in (site.daemon.state / "halt.d").iterdir():
        file.unlink()
    release(site)


def test_a_signal_is_a_full_halt_and_reduce_only_does_not_loosen_it(site):
    site.daemon.process.signal(signal.SIGUSR1)
    until(lambda: state(site) == "halted", 10, "the halt of the signal")
    assert site.daemon.get("/api/v1/halt")["halt"]["source"] == "signal"
    by_http_answer = site.daemon.http("/api/v1/halt", "POST", {"reason": "less", "mode": "reduce_only"}, AUTH)[1]
    assert by_http_answer["halt"]["state"] == "halted"
    status, answer = order(site, "under-a-full-halt", "sell", "1")
    assert status == 403 and answer["code"] == "halt", answer
    release(site)


def test_the_stricter_of_two_files_counts(site):
    folder = site.daemon.state / "halt.d"
    (folder / "reduce_only").touch()
    (folder / "all").touch()
    until(lambda: state(site) == "halted", 10, "the stricter one")
    for file in folder.iterdir():
        file.unlink()
    release(site)


def test_a_mode_that_does_not_exist_is_refused(site):
    assert site.daemon.http("/api/v1/halt", "POST", {"reason": "x", "mode": "some"}, AUTH)[0] == 400
    assert state(site) == "running"


def test_reduce_only_outlives_a_restart_and_no_run_buys_under_it(site):
    by_cli(site)
    site.daemon.stop()
    site.daemon.notify.forget()
    site.daemon.start().up().ready().in_step()
    assert state(site) == "reduce_only"
    assert order(site, "more-after-a-restart", "buy", "1")[0] == 403
    before = len(site.sim.posts())
    run = site.run_whole()  # it may start: what it sells would leave
    legs = site.sql("SELECT i.side, o.status FROM intents i JOIN orders o USING (client_order_id) WHERE i.run_id = %s", run["run_id"])
    assert legs and all(leg == {"side": "buy", "status": "denied"} for leg in legs), legs
    assert len(site.sim.posts()) == before and state(site) == "reduce_only"
    release(site)


def signalled_until_it_ends(process, seconds, *numbers):
    """Often enough to come between any two of its last steps; a reload takes longer than a moment."""
    end = time.monotonic() + seconds
    while process.running():
        assert time.monotonic() < end, "it does not end"
        for number in numbers:
            process.signal(number)
        time.sleep(0.005)


def test_a_halt_while_postgres_is_away_is_said_to_be_this_hosts_alone(site):
    """It holds at once, and Postgres has it when it is back; until then no other host could know of it."""
    alone = "held on this host only"
    site.pg.crash()
    try:
        until(lambda: site.daemon.get("/api/v1/halt")["halt"]["database"] == "unknown", 20, "Postgres to be missed")
        said = site.daemon.cli("halt", "while", "it", "is", "away")
        assert said.returncode == 0 and "halted:" in said.stdout and alone in said.stderr and "halt that one too" in said.stderr, said
        assert site.daemon.get("/api/v1/halt")["halt"]["memory"] == "halted"
    finally:
        site.pg.start()
    until(lambda: site.sql("SELECT 1 FROM halt_state WHERE state = 'halted' AND reason LIKE '%%while it is away%%'"), 30, "the halt in Postgres",
          site.daemon.process.why_dead)
    said = site.daemon.cli("halt", "once", "more")
    assert said.returncode == 0 and alone not in said.stderr, said
    release(site)


def hears(pid):
    """Is SIGUSR1 caught, or held back until it is? Else it ends the process."""
    status = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status", encoding="utf-8"))
    return any(int(status[m], 16) & (1 << (signal.SIGUSR1 - 1)) for m in ("SigBlk", "SigCgt"))


def test_a_signal_counts_from_the_first_line_of_the_log_to_the_end(site):
    site.daemon.stop()
    site.daemon.notify.forget()
    told = len(site.daemon.text())
    site.daemon.start()
    until(lambda: "starting" in site.daemon.text()[told:], 20, "the first line", site.daemon.process.why_dead)
    assert hears(site.daemon.process.pid)
    site.daemon.process.signal(signal.SIGUSR1)
    site.daemon.up().ready()
    assert state(site) == "halted"
    until(lambda: site.daemon.get("/api/v1/halt")["halt"]["database"] == "halted", 10, "Postgres to have it")
    release(site)
    # While it ends: each one is heard or kept, none ends it.
    site.daemon.process.signal(signal.SIGTERM)
    until(lambda: "draining" in site.daemon.text()[told:], 20, "the end to begin")
    signalled_until_it_ends(site.daemon.process, 60, signal.SIGUSR1, signal.SIGHUP)
    assert site.daemon.process.child.returncode == 0, site.daemon.text()[-3000:]
    site.daemon.notify.forget()
    site.daemon.start().up().ready()
    assert state(site) == "halted"
    release(site)
