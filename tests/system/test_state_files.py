# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The files of state_dir cannot be written, synced or read, one system call after the other (strace): a halt that cannot be stored
holds in memory and in Postgres and is told, and is stored once that works; a start that cannot read its latch sends nothing. Or
they do not come back: the loop goes on."""
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from harness import Strategy, until

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fire"))
from tracer import Trace, Unavailable  # noqa: E402

pytestmark = pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="a sanitizer does not end well under a tracer")
SPY = [Strategy(weights={"SPY": "0.3"})]
NOT_STORED = [("openat", "ENOSPC", "halt.state.new"), ("write", "ENOSPC", "halt.state.new"),
              ("fsync", "EIO", "halt.state.new"), ("rename", "EIO", "halt.state.new"), ("fsync", "EIO", "")]
NOT_READ = [("openat", "EIO", "halt.state"), ("read", "EIO", "halt.state"), ("openat", "EIO", "halt.d"), ("getdents64", "EIO", "halt.d")]


def fault(call, error, path):
    """Options of strace: this call fails for this file."""
    return ["-P", path, "-e", f"trace={call}", "-e", f"inject={call}:error={error}"]


def traced(site, *options):
    try:
        return Trace(site.daemon.process.pid, site.folder / "strace.out", *options, threads=True)
    except Unavailable as e:
        pytest.skip(str(e))


def started_with(site, *options):
    """strace beside the daemon from its first call on, until untraced()."""
    traced(site).end()  # or skipped here
    site.daemon.stop()
    site.daemon.wrapper = ["strace", "-f", "-D", "-I", "2", "-s", "0", "-o", site.folder / "strace.out", *options]
    site.daemon.notify.forget()
    try:
        site.daemon.start()
    finally:
        site.daemon.wrapper = []


def untraced(site):
    lines = Path(f"/proc/{site.daemon.process.pid}/status").read_text().split("\n")
    os.kill(int(next(line for line in lines if line.startswith("TracerPid:")).split()[1]), signal.SIGTERM)


def disk(site):
    return site.daemon.http("/health")[1]["parts"]["disk"]


def on_disk(site):
    return (site.daemon.state / "halt.state").read_text()


def alerts(site):
    return site.sql("SELECT detail FROM alerts WHERE kind = 'halt_not_stored' ORDER BY 1")


def halted_unstored(site, word):
    """A halt that cannot be stored: told by exit status, text, health and an alert, and in Postgres."""
    before = len(alerts(site))
    done = site.daemon.cli("halt", word)
    assert done.returncode == 1 and "the state file does not hold it yet" in done.stderr, (done.returncode, done.stdout, done.stderr)
    body = until(lambda: (lambda b: b if b["parts"]["disk"]["state"] == "down" else None)(site.daemon.http("/health")[1]), 5, "the disk named")
    assert body["status"] == "halted" and "halt.state" in body["parts"]["disk"]["detail"] and "NOT STORED" in body["halt"]["detail"], body
    until(lambda: len(alerts(site)) == before + 1, 5, "the alert")
    until(lambda: site.sql("SELECT 1 FROM halt_state WHERE state = 'halted' AND reason = %s", word), 5, "the halt in Postgres")
    assert site.daemon.cli("run").returncode != 0 and site.sim.posts() == []


def release(site):
    asked = site.daemon.ctl_json("release", "request", "looked at it")
    site.daemon.ctl("release", "confirm", asked["code"])
    site.daemon.in_step()


def test_a_halt_that_cannot_be_stored(make_site):
    site = make_site(strategies=SPY).begin()
    for call, error, name in NOT_STORED:
        trace = traced(site, *fault(call, error, site.daemon.state / name))
        word = f"{call} {error}"
        halted_unstored(site, word)
        assert trace.struck()
        trace.end()
        until(lambda: disk(site)["state"] == "ok", 5, lambda: f"the file written again: {disk(site)}")
        assert "state halted" in on_disk(site) and word in on_disk(site)
        release(site)
    assert site.run_whole()["status"] == "completed"


def test_killed_before_it_is_stored(make_site):
    """What Postgres holds counts, and comes to the file with the next start."""
    site = make_site(strategies=SPY).begin()
    trace = traced(site, *fault("write", "ENOSPC", site.daemon.state / "halt.state.new"))
    halted_unstored(site, "stop")
    site.daemon.process.kill()
    trace.end()
    assert "state running" in on_disk(site)
    site.daemon.notify.forget()
    site.daemon.start().up().ready()
    body = until(lambda: (lambda b: b if b["status"] == "halted" else None)(site.daemon.http("/health")[1]), 5, "halted")
    assert body["halt"]["state"] == "halted" and site.daemon.cli("run").returncode != 0
    assert "state halted" in on_disk(site) and site.sim.posts() == []


@pytest.mark.parametrize("call,error,name", NOT_READ)
def test_a_latch_that_cannot_be_read(make_site, call, error, name):
    """Nothing leaves until it can be, which the daemon notices by itself."""
    site = make_site(strategies=SPY).begin()
    started_with(site, *fault(call, error, site.daemon.state / name))
    site.daemon.up().ready()
    body = until(lambda: (lambda b: b if b["database_connected"] and b["halt"]["state"] == "unknown" else None)
                 (site.daemon.http("/health")[1]), 5, lambda: f"the latch unknown: {site.daemon.http('/health')}")
    assert name in body["halt"]["detail"], body["halt"]
    assert site.daemon.cli("run").returncode != 0 and site.sim.posts() == []
    untraced(site)
    site.daemon.in_step()
    assert site.daemon.http("/health")[1]["halt"]["state"] == "running"
    assert site.run_whole()["status"] == "completed"


@pytest.mark.parametrize("call,error,name", [("openat", "ENOSPC", "lock"), ("openat", "EIO", "lock"), ("mkdir", "ENOSPC", "halt.d")])
def test_a_state_dir_that_cannot_be_entered(make_site, call, error, name):
    """No start; and no exit status after which nobody would try again."""
    site = make_site(strategies=SPY).begin()
    started_with(site, *fault(call, error, site.daemon.state / name))
    assert site.daemon.exit() == 73 and name in site.daemon.text()
    assert not site.daemon.notify.has("READY=1") and site.sim.posts() == []


def test_a_mark_that_cannot_be_written(make_site):
    """Runs go on; the mark on disk is the older one, and is written as soon as that works."""
    site = make_site(strategies=SPY).begin()
    before = (site.daemon.state / "ledger.mark").read_text()
    trace = traced(site, *fault("rename", "EIO", site.daemon.state / "ledger.mark.new"))
    row = site.run_whole()
    assert row["settled"] and (site.daemon.state / "ledger.mark").read_text() == before
    until(trace.struck, 5, "the strike")
    trace.end()
    site.daemon.ctl("halt", "stop")  # written down in Postgres too, and the mark with it
    until(lambda: row["run_id"] in (site.daemon.state / "ledger.mark").read_text(), 5, "the mark")


# --- a disk that stands still

def frozen_disk(site):
    """No call that opens something of state_dir comes back, until the trace is ended."""
    names = ["", "halt.state", "halt.state.new", "halt.d", "ledger.mark.new"]
    paths = [word for name in names for word in ("-P", site.daemon.state / name)]
    return traced(site, *paths, "-e", "trace=openat", "-e", "inject=openat:delay_enter=60s")


def answers(site):
    """Seconds that /health took, and its body."""
    began = time.monotonic()
    body = site.daemon.http("/health")[1]
    return time.monotonic() - began, body


def test_a_disk_that_stands_still(make_site):
    """The loop goes on, says what stands still, sends nothing once the latch has not been seen for five seconds, takes a halt,
    and ends when it is told to."""
    site = make_site(strategies=SPY).begin()
    trace, took, seen = frozen_disk(site), [], {}
    end = time.monotonic() + 30
    while "unknown" not in seen and time.monotonic() < end:
        seconds, body = answers(site)
        took.append(seconds)
        seen.setdefault(body["parts"]["disk"]["state"], body)
        seen.setdefault(body["halt"]["state"], body)
    # A call of the loop's own would take a minute; a busy machine takes its time, but not with every second one.
    assert sorted(took)[len(took) // 2] < 1 and max(took) < 10, f"/health took up to {max(took):.2f} s"
    assert "not answering since" in seen["not answering"]["why"] and "disk" in seen["not answering"]["why"], seen
    assert "the disk does not answer" in seen["unknown"]["halt"]["detail"] and seen["unknown"]["status"] == "unhealthy", seen
    assert site.daemon.cli("run").returncode != 0 and site.sim.posts() == []
    began = time.monotonic()
    done = site.daemon.cli("halt", "stop")
    assert done.returncode == 1 and "does not hold it yet" in done.stderr and time.monotonic() - began < 10, done
    assert answers(site)[1]["status"] == "halted"
    trace.end()
    until(lambda: disk(site)["state"] == "ok" and "state halted" in on_disk(site), 10, lambda: f"all written: {disk(site)}")
    release(site)
    assert site.run_whole()["status"] == "completed"
    trace = frozen_disk(site)
    until(lambda: disk(site)["state"] == "not answering", 5, "the disk named")
    site.daemon.process.signal(signal.SIGTERM)
    until(lambda: "notice stopped" in site.daemon.text(), 5, "the end")
    trace.end()  # the kernel keeps a process until the call of its last thread is over
    assert site.daemon.exit(10) == 0
