# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""What a strategy can get wrong, with real children: the member fails with a reason, nothing is ordered, the daemon goes on,
and the other members of the run trade."""
import json
import os
import resource
import signal
import textwrap
import time
from decimal import Decimal

import pytest

from harness.basics import SLOW
from harness import KEY, SECRET, TOKEN, Scratch, Site, Strategy, until

HEAD = '{"contract":1,"model":{"name":"bad","version":"1"},"targets":'
SPY = '{"symbol":"SPY","weight":"0.1"}'


def answer(text):
    """A strategy that reads its input and prints this."""
    return f"import sys\nsys.stdin.read()\nsys.stdout.write({text!r})\n"


# name -> (program, words of the reason)
BAD = {
    "not-json": (answer("buy SPY!"), ["JSON", "json"]),
    "empty": (answer(""), []),
    "half-json": (answer(HEAD + "["), []),
    "two-documents": (answer(HEAD + "[]}{}"), []),
    "too-large": (answer(HEAD + "[" + SPY) + "for _ in range(40000): sys.stdout.write(' ' * 100)\nsys.stdout.write(']}')\n",
                  ["output", "large", "more than", "bytes"]),
    "nan": (answer(HEAD + '[{"symbol":"SPY","weight":NaN}]}'), []),
    "nan-text": (answer(HEAD + '[{"symbol":"SPY","weight":"NaN"}]}'), ["weight"]),
    "number-weight": (answer(HEAD + '[{"symbol":"SPY","weight":0.1}]}'), ["weight"]),
    "exponent": (answer(HEAD + '[{"symbol":"SPY","weight":"1e-1"}]}'), ["weight"]),
    "duplicate-symbol": (answer(HEAD + f"[{SPY},{SPY}]}}"), ["SPY"]),
    "duplicate-member": (answer(HEAD + '[{"symbol":"SPY","weight":"0.1","weight":"0.9"}]}'), []),
    "unknown-member": (answer(HEAD + '[{"symbol":"SPY","weight":"0.1","leverage":"9"}]}'), ["leverage"]),
    "unknown-symbol": (answer(HEAD + '[{"symbol":"ZZZZ","weight":"0.1"}]}'), ["ZZZZ"]),
    "overweight": (answer(HEAD + '[{"symbol":"SPY","weight":"0.7"},{"symbol":"TLT","weight":"0.31"}]}'), ["weight", "1"]),
    "negative": (answer(HEAD + '[{"symbol":"SPY","weight":"-0.1"}]}'), ["SPY"]),
    "contract-2": (answer('{"contract":2,"model":{"name":"bad","version":"1"},"targets":[]}'), ["contract"]),
    "no-targets": (answer('{"contract":1,"model":{"name":"bad","version":"1"}}'), ["targets"]),
    "array": (answer("[]"), []),
    "deep": (answer("[" * 100000), []),
    "binary": ("import os,sys\nsys.stdin.read()\nos.write(1, bytes(range(256)))\n", []),
    "exit-3": (answer(HEAD + f"[{SPY}]}}") + "sys.exit(3)\n", ["exit status 3", "3"]),
    "crashed": ("import os,signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", ["signal"]),
    "silent": ("import sys,time\nsys.stdin.read()\ntime.sleep(600)\n", ["did not end within"]),
    "deaf": ("import time\ntime.sleep(600)\n", ["did not end within"]),
    "stubborn": ("import signal,time,sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsys.stdout.write('{')\n"
                 "sys.stdout.flush()\ntime.sleep(600)\n", ["did not end within"]),
    "memory": ("x = bytearray(3 << 30)\n", ["exit status"]),
    "gone": (None, []),
}

# Leaves its group and its session, is orphaned, is deaf to TERM, holds the pipes: and has said its number first.
GRANDCHILD = """
import os, signal, sys, time
sys.stdin.read()
ready = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open(sys.argv[1], "w").write(str(os.getpid()))
    os.write(ready[1], b"x")
    time.sleep(600)
    os._exit(0)
os.read(ready[0], 1)
sys.stdout.write('%s[{"symbol":"SPY","weight":"0.2","reason":"left a grandchild"}]}')
""" % HEAD

CURIOUS = """
import json, os, sys
data = json.load(sys.stdin)
seen = {"env": dict(os.environ), "fds": sorted(os.listdir("/proc/self/fd")), "input": data, "cwd": os.getcwd(),
        "uid": os.getuid(), "status": open("/proc/self/status").read(),
        "cmdline": open("/proc/self/cmdline").read(), "core": open("/proc/self/limits").read()}
open(sys.argv[1], "w").write(json.dumps(seen))
print("a log line on stderr", file=sys.stderr)
print(json.dumps({"contract": 1, "model": {"name": "curious", "version": "1"}, "targets": []}))
"""


def program(path, text):
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_text(f"#!/usr/bin/python3\n{textwrap.dedent(text)}")
        path.chmod(0o755)
    return str(path)


@pytest.fixture(scope="module")
def host(pg):
    """One daemon; the program of `bad` and `late` (one second of time) is written anew for each case."""
    scripts = Scratch()
    tiny = {"SPY": "1"}
    one = Site(pg, strategies=[
        Strategy("bad", command=scripts.path / "bad.py", weights={"SPY": "1", "TLT": "0"}, allocation="0.01", timeout="10s"),
        Strategy("late", command=scripts.path / "bad.py", weights={"SPY": "1", "TLT": "0"}, allocation="0.01", timeout="1s"),
        Strategy("grandchild", command=program(scripts.path / "grandchild.py", GRANDCHILD) + " pid",
                 weights=tiny, allocation="0.1", timeout="5s"),
        Strategy("curious", command=program(scripts.path / "curious.py", CURIOUS) + " seen.json",
                 weights=tiny, allocation="0.01", lookback_days="5", params='{"n":1}'),
        Strategy("good", weights={"GLD": "1"}, allocation="0.1")])
    one.scripts = scripts.path
    try:
        one.begin()
        yield one
    finally:
        one.close()
        scripts.remove()


def own(host, name):
    """The strategy's own folder: its working directory, and the only place where it may write."""
    return host.daemon.state / "strategies" / name


def run(host, *names):
    """A manual run of these strategies, once it is over: its row and its members."""
    row = host.run_whole(*names)
    assert row["strategies"] == list(names)
    members = {m["strategy"]: m for m in host.sql("SELECT * FROM run_members WHERE run_id = %s", row["run_id"])}
    return row, members


@pytest.mark.parametrize("name", list(BAD))
def test_bad_answer_fails_the_member_whole(host, name):
    posts = len(host.sim.posts())
    program(host.scripts / "bad.py", BAD[name][0])
    row, _ = run(host, "late" if name in ("silent", "deaf", "stubborn") else "bad")
    assert row["status"] == "failed" and row["orders_submitted"] == 0, row
    words = BAD[name][1]
    assert row["detail"] and (not words or any(w in row["detail"] for w in words)), row["detail"]
    assert len(host.sim.posts()) == posts
    health = host.daemon.get("/health")
    assert host.daemon.process.running() and health["status"] in ("healthy", "degraded"), health["why"]


def test_the_others_go_on(host):
    program(host.scripts / "bad.py", BAD["crashed"][0])
    row, members = run(host, "bad", "good")
    assert row["status"] == "partial" and row["settled"], row
    assert members["bad"]["status"] == "failed" and members["good"]["status"] == "ok"
    assert row["orders_submitted"] == 1
    books = {(b["book"], b["symbol"]): b["qty"] for b in host.sql("SELECT * FROM books")}
    assert books[("good", "GLD")] > 0 and not any(book == "bad" for book, _ in books)


def test_a_member_may_not_name_what_another_trades(host):
    """GLD has a price in this run, but it is the other strategy's."""
    program(host.scripts / "bad.py", answer(HEAD + '[{"symbol":"GLD","weight":"0.5"}]}'))
    row, members = run(host, "bad", "good")
    assert members["bad"]["status"] == "failed" and "GLD" in members["bad"]["detail"], members
    assert row["status"] == "partial"


def test_grandchild_that_holds_the_pipe(host):
    """The answer was whole when the child ended: nobody waits for whoever kept the pipe open, and nobody outlives the run."""
    written = own(host, "grandchild") / "pid"
    began = time.monotonic()
    row, members = run(host, "grandchild")
    assert time.monotonic() - began < 8 * SLOW
    assert not os.path.exists(f"/proc/{int(written.read_text())}")
    assert row["status"] == "completed" and members["grandchild"]["status"] == "ok", row
    assert Decimal(host.sql("SELECT qty FROM books WHERE book = 'grandchild'")[0]["qty"]) > 0


def test_child_sees_nothing_of_ours(host):
    row, members = run(host, "curious", "good")
    assert members["curious"]["status"] == "ok" and row["status"] == "completed", row
    seen = json.loads((own(host, "curious") / "seen.json").read_text())
    text = json.dumps(seen)
    for secret in (KEY, SECRET, TOKEN, KEY[-8:]):
        assert secret not in text
    assert not [n for n in seen["env"] if n.startswith(("ALPACA", "APCA", "DRY_RUN", "DATABASE", "NOTIFY", "CREDENTIALS"))]
    assert seen["env"] == {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "America/New_York", "HOME": "/proc/self/cwd",
                           "TMPDIR": "/proc/self/cwd"}
    judged = next(c for c in host.daemon.get("/api/v1/guard")["checks"] if c["check"] == "children")
    assert judged["answer"] == "PASS" and judged["detail"].startswith(f"{len(seen['env'])} variables"), "the guard judges what a child got"
    assert seen["fds"] == ["0", "1", "2", "3"], "3 is the listing itself"
    assert "Max core file size        0" in seen["core"]
    assert seen["uid"] != 0 and seen["cwd"] == str(own(host, "curious"))
    assert "NoNewPrivs:\t1" in seen["status"] and "Seccomp:\t2" in seen["status"] and "CapEff:\t0000000000000000" in seen["status"]
    given = seen["input"]
    assert given["contract"] == 1 and given["params"] == {"n": 1} and given["positions"] == []
    assert given["run"]["strategy"] == "curious" and given["run"]["account"].startswith("PASIM")
    assert all(isinstance(given["account"][m], str) for m in ("equity", "cash", "buying_power"))
    assert set(given["prices"]) == {"SPY"} and isinstance(given["prices"]["SPY"]["price"], str)
    bars = given["bars"]["SPY"]
    assert set(given["bars"]) == {"SPY"} and len(bars) == 5 and [b["t"] for b in bars] == sorted(b["t"] for b in bars)
    assert bars[-1]["t"][:10] < given["run"]["session"], "the running day is not history"
    assert "a log line on stderr" in host.daemon.text()


def test_descriptors_that_run_out_for_a_while_are_waited_for(host):
    """Nothing can be started: the run waits, within its latest start, and goes on when there is room again."""
    program(host.scripts / "bad.py", answer(HEAD + "[" + SPY + "]}"))
    pid = host.daemon.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
    free = [fd for fd in range(max(used) + 20) if fd not in used]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free[10], before[1]))  # for connections, and for all of a process but its handle
    try:
        run_id = host.run("bad")
        until(lambda: "waits: cannot start" in host.daemon.text() and "Too many open files" in host.daemon.text(), 20, "it waits")
        assert host.sql("SELECT status FROM runs WHERE run_id = %s", run_id)[0]["status"] == "claimed"
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    row = host.run_ended(run_id)
    assert row["status"] == "completed", row


def test_nothing_of_a_strategy_is_left_running(host):
    def children():
        return [p for p in os.listdir("/proc") if p.isdigit() and _parent(p) == host.daemon.process.pid]
    until(lambda: not children(), 10, "the end of all children")


def test_stopping_does_not_wait_for_a_strategy(host):
    """TERM while a strategy thinks: it is ended with all it started, and the run is taken up where it was at the next start."""
    written = own(host, "bad") / "pid"
    program(host.scripts / "bad.py", GRANDCHILD.replace("sys.argv[1]", "'pid'").replace("sys.stdout.write", "time.sleep(600) #"))
    before = len(host.runs())
    host.daemon.ctl("run", "bad")
    until(lambda: written.exists() and written.read_text(), 10, "the strategy runs")
    began = time.monotonic()
    host.daemon.process.signal(signal.SIGTERM)
    assert host.daemon.exit(20) == 0 and time.monotonic() - began < 4 * SLOW
    until(lambda: not os.path.exists(f"/proc/{int(written.read_text())}"), 5, "its end")
    row = host.runs()[before]
    assert row["status"] == "claimed" and not row["completed_at"], row
    program(host.scripts / "bad.py", answer(HEAD + f"[{SPY}]}}"))
    host.daemon.notify.forget()
    host.daemon.start().up().ready()
    until(lambda: host.runs()[before]["completed_at"], 30, "the end of the run that was left")
    row = host.runs()[before]
    assert row["status"] == "completed" and row["settled"] and len(host.runs()) == before + 1, row


def _parent(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return int(f.read().rsplit(")", 1)[1].split()[1])
    except OSError:
        return -1
