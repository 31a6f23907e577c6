# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Alerts that the daemon finds by watching: failed broker calls, a strategy that never completes, a model that is not sure."""
import os
from pathlib import Path

import pytest

from harness import Strategy, until

ANSWER = '{"contract":1,"model":{"name":"m","version":"1"},"targets":[{"symbol":"SPY","weight":"0","confidence":"0.31"}]}'


def alerts(site, kind):
    return site.sql("SELECT subject, detail FROM alerts WHERE kind = %s", kind)


def test_a_strategy_that_never_completes_is_told_once(make_site):
    site = make_site(strategies=[Strategy("dead", "every 2s", command="/bin/false"),
                                 Strategy("paused", "every 2s", allocation="0")])
    site.daemon.db_init()
    site.daemon.start().up().ready()
    site.daemon.ctl("strategies", "pause", "paused", "look")
    site.accept()
    until(lambda: alerts(site, "run_overdue"), 20, "the alert")
    runs = len(site.runs())
    until(lambda: len(site.runs()) >= runs + 3, 20, "three more runs")
    told = alerts(site, "run_overdue")
    assert [t["subject"] for t in told if t["subject"] == "dead"] == ["dead"], told
    assert not [t for t in told if t["subject"] == "paused"], told
    assert "it is to run every 2 s" in told[0]["detail"]


def test_an_unsure_model_is_told_with_its_run(make_site):
    site = make_site(strategies=[Strategy("unsure", command=f"/bin/echo {ANSWER}", min_confidence="0.5")]).begin()
    assert site.run_whole()["status"] == "completed"
    until(lambda: alerts(site, "confidence_low"), 10, "the alert")
    assert [(t["subject"], t["detail"]) for t in alerts(site, "confidence_low")] == [
        ("unsure", "lowest confidence 0.31 is below min_confidence 0.5")]


def test_failed_broker_calls_are_told_once(make_site):
    site = make_site(broker={"compare_interval": "500ms"}).begin()
    assert alerts(site, "broker_errors") == []
    site.sim.fault("GET /v2*", "drop_before", count=1000000)
    until(lambda: alerts(site, "broker_errors"), 60, "the alert")
    until(lambda: site.daemon.text().count("alert broker_errors") == 1, 5, "the line")
    site.sim.clear_faults()
    assert len(alerts(site, "broker_errors")) == 1


LOOPBACK, LIVE = b"127.0.0.1".ljust(128, b"\0"), b"api.alpaca.markets".ljust(128, b"\0")


class Memory:
    """Where the daemon keeps the host of its trading endpoint: scheme and host of the guard's facts, in its heap."""

    def __init__(self, pid):
        self.path = f"/proc/{pid}/mem"
        heap = next(line for line in Path(f"/proc/{pid}/maps").read_text().split("\n") if line.endswith("[heap]"))
        begin, end = (int(part, 16) for part in heap.split()[0].split("-"))
        with open(self.path, "rb", 0) as memory:
            memory.seek(begin)
            held = memory.read(end - begin)
        scheme = b"http".ljust(8, b"\0")
        self.host = begin + held.index(scheme + LOOPBACK) + len(scheme)

    def put(self, host):
        with open(self.path, "rb+", 0) as memory:
            memory.seek(self.host)
            memory.write(host)


def requests_sent(daemon):
    lines = daemon.raw("/metrics")[2].decode().split("\n")
    return sum(int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("paperguard_broker_requests_total{"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may write to the daemon's memory")
def test_a_live_attempt_is_told_and_nothing_leaves(make_site):
    """What no configuration can bring about is done to a daemon that runs: its endpoint becomes the live one under its hands."""
    site = make_site(broker={"compare_interval": "500ms"}).begin()
    daemon = site.daemon
    assert daemon.metric("paperguard_live_attempts_total") == 0 and alerts(site, "live_attempt") == []
    memory = Memory(daemon.process.child.pid)
    memory.put(LIVE)
    try:
        until(lambda: alerts(site, "live_attempt"), 20, "the alert", daemon.process.why_dead)
        sent, attempts = requests_sent(daemon), daemon.metric("paperguard_live_attempts_total")
        until(lambda: daemon.metric("paperguard_live_attempts_total") > attempts, 20, "the next attempt")
        assert requests_sent(daemon) == sent > 0, "a request was made all the same"
    finally:
        memory.put(LOOPBACK)
    told = alerts(site, "live_attempt")
    assert {t["subject"] for t in told} == {"endpoint"} and "simulator" in told[0]["detail"]
    assert daemon.metric("paperguard_alerts_total", kind="live_attempt") == daemon.metric("paperguard_live_attempts_total") >= 2
    assert daemon.metric("paperguard_guard_denials_total", check="endpoint") >= 2
    lines = [line for line in daemon.text().split("\n") if "alert live_attempt endpoint: " in line]
    assert len(lines) >= 2 and " ALERT=live_attempt SUBJECT=endpoint " in lines[0]
    assert "api.alpaca.markets" not in site.sim.requests_file.read_text()
    # It does not pass unseen either: a halt that only an operator releases.
    until(lambda: daemon.http("/health")[1]["status"] == "halted", 10, "the halt")
    assert [t["subject"] for t in alerts(site, "guard_failed")] == ["endpoint"]
    assert daemon.cli("run").returncode != 0
