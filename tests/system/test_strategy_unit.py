# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Strategies in units of their own: the same contract and the same ends, with the keeper started by a service manager on a
socket. Here systemd-socket-activate is that manager, which starts what the socket unit would start."""
import json
import os
import signal
import subprocess
import time
from decimal import Decimal

import pytest

import test_hostile as hostile
from harness.basics import SLOW
from harness import BIN, STRATEGIES, Scratch, Site, Strategy, until
from test_strategies import GRANDCHILD, program

NOBODY = 65534
STUBBORN = "import signal,time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nopen('up', 'w').write('x')\ntime.sleep(600)\n"


class Manager:
    """Listens, and starts one keeper for each connection, as another user when it can."""

    def __init__(self, scratch):
        self.folder = scratch.path / "manager"
        self.folder.mkdir()
        self.state = self.folder / "state"
        self.state.mkdir()
        self.socket = self.folder / "sock"
        as_other = []
        if os.geteuid() == 0:
            for path in (self.folder, self.state):
                os.chown(path, NOBODY, NOBODY)
            as_other = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        self.log = (scratch.path / "manager.log").open("w")
        # The keeper is copied: whoever runs it must get to it.
        self.keeper = scratch.path / "paperguard-keeper"
        self.keeper.write_bytes((BIN / "paperguard-keeper").read_bytes())
        self.keeper.chmod(0o755)
        self.command = [*as_other, "systemd-socket-activate", "--accept", "--inetd", "-E", f"STATE_DIRECTORY={self.state}",
                        "-l", str(self.socket), str(self.keeper)]
        self.process = None
        self.start()

    def start(self):
        self.socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(self.command, stderr=self.log, stdout=self.log, stdin=subprocess.DEVNULL,
                                        env={"PATH": "/usr/bin:/bin"}, cwd="/")
        until(self.socket.exists, 10, "the manager's socket")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def own(self, name):
        return self.state / f"default.{name}"


@pytest.fixture(scope="module")
def host(pg):
    scratch = Scratch()
    manager = Manager(scratch)
    scripts = Scratch()
    one = Site(pg, strategies=[
        Strategy("good", weights={"GLD": "1"}, allocation="0.1"),
        Strategy("mom", command=STRATEGIES / "momentum", weights={"SPY": 0, "TLT": 0, "IEF": 0}, allocation="0.1", lookback_days="200",
                 params='{"months":6,"top":1}'),
        Strategy("grandchild", command=program(scripts.path / "grandchild.py", GRANDCHILD) + " pid", weights={"SPY": "1"}, allocation="0.1"),
        Strategy("stubborn", command=program(scripts.path / "stubborn.py", STUBBORN), weights={"SPY": "1"}, allocation="0.1", timeout="1s"),
        Strategy("slow", command=program(scripts.path / "slow.py", STUBBORN), weights={"SPY": "1"}, allocation="0.1", timeout="60s"),
        Strategy("gone", command=scripts.path / "nothing.py", weights={"SPY": "1"}, allocation="0.1"),
        Strategy("hostile", command=scripts.path / "hostile.py", weights={"SPY": "1"}, allocation="0.1", timeout="6s")])
    one.daemon.sections["strategies"] = {"socket": manager.socket}
    one.daemon.write()
    one.manager, one.scripts = manager, scripts.path
    try:
        one.begin()
        yield one
    finally:
        one.close()
        manager.stop()
        manager.log.close()
        scripts.remove()
        scratch.remove()


def run(host, *names):
    row = host.run_whole(*names)
    return row, {m["strategy"]: m for m in host.sql("SELECT * FROM run_members WHERE run_id = %s", row["run_id"])}


def number_in(path):
    return int(until(lambda: path.exists() and path.read_text(), 10, path))


def keepers(host):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe") == str(host.manager.keeper):
                found.append(int(pid))
        except OSError:
            pass
    return found


def test_members_trade(host):
    row, members = run(host, "good", "mom")
    assert row["status"] == "completed" and row["settled"], {n: m["detail"] for n, m in members.items()}
    assert members["mom"]["model_name"] == "momentum" and sum(Decimal(t["weight"]) for t in members["mom"]["targets"]) == 1
    assert f"strategies run in units of their own ({host.manager.socket})" in host.daemon.text()
    assert not (host.daemon.state / "strategies").exists() and host.manager.own("good").is_dir()
    until(lambda: not keepers(host), 5, "the end of the keepers")


def test_what_it_started_ends_with_it(host):
    row, members = run(host, "grandchild")
    assert row["status"] == "completed", members
    assert not os.path.exists(f"/proc/{number_in(host.manager.own('grandchild') / 'pid')}")


def test_a_late_one_is_killed(host):
    row, members = run(host, "stubborn", "good")
    assert row["status"] == "partial" and members["stubborn"]["status"] == "late" and members["good"]["status"] == "ok"
    assert "did not end within 1000 ms" in members["stubborn"]["detail"]
    until(lambda: not keepers(host), 5, "the end of the keepers")


def test_what_cannot_start_says_why(host):
    row, members = run(host, "gone", "good")
    assert members["good"]["status"] == "ok" and row["status"] == "partial"
    assert "executing: No such file or directory" in members["gone"]["detail"]


def test_a_unit_that_is_ended_fails_its_member(host):
    """As systemd ends one that is over its memory: the keeper and all of it, at once."""
    run_id = host.run("slow", "good")
    until((host.manager.own("slow") / "up").exists, 10, "the strategy runs")
    os.kill(until(lambda: len(keepers(host)) == 1 and keepers(host), 10, "the end of the other")[0], signal.SIGKILL)
    row = host.run_ended(run_id)
    members = {m["strategy"]: m for m in host.sql("SELECT * FROM run_members WHERE run_id = %s", row["run_id"])}
    assert members["good"]["status"] == "ok" and members["slow"]["status"] == "failed"
    assert "its service ended it" in members["slow"]["detail"]
    until(lambda: host.daemon.get("/health/scheduler")["status"] != "busy", 20, "free for the next run")


def test_a_hostile_one_is_contained(host):
    path = host.scripts / "hostile.py"
    plan = {"unix": [str(host.daemon.admin), str(host.manager.socket)], "tcp": [host.sim.port], "daemon": host.daemon.process.pid,
            "read": [str(host.daemon.config), str(host.folder / "token"), "/etc/shadow"],
            "list": [str(host.folder), str(host.manager.state), str(host.manager.own("good")), "/run", "/tmp"]}
    (host.scripts / "plan.json").write_text(json.dumps(plan))
    for body, allowed in ((hostile.SOCKETS, {"pair": "done", "io_uring": "ENOSYS", "datagram pair": "ENOSYS"}),
                          (hostile.OTHERS, dict.fromkeys(hostile.ON_ITSELF, "ENOSYS")),
                          (hostile.READS, {}), (hostile.RIGHTS, dict.fromkeys(("clone", "clone3", "personality"), "ENOSYS"))):
        path.write_text(hostile.HEAD + body)
        path.chmod(0o755)
        row, members = run(host, "hostile", "good")
        assert row["status"] == "completed", {n: m["detail"] for n, m in members.items()}
        found = json.loads((host.manager.own("hostile") / "found.json").read_text())
        for name, end in allowed.items():
            assert found.pop(name) == end
        if hostile.landlock_abi() < 6:
            for name in ("keeper", "kill", "queue"):
                found.pop(name, None)
        hostile.assert_refused(found)


def test_no_service_means_no_strategy(host):
    """It is never fallen back from: the member fails, whoever could have run it as a child."""
    host.manager.stop()
    try:
        row, _ = run(host, "good")
    finally:
        host.manager.start()
    assert row["status"] == "failed" and str(host.manager.socket) in row["detail"], row
    assert run(host, "good")[0]["status"] == "completed"


def test_it_ends_with_the_daemon(host):
    (host.manager.own("slow") / "up").unlink()
    host.daemon.ctl("run", "slow")
    until((host.manager.own("slow") / "up").exists, 10, "the strategy runs")
    began = time.monotonic()
    host.daemon.process.kill()
    until(lambda: not keepers(host), 5, "the end of the keepers")
    assert time.monotonic() - began < 5 * SLOW
    # Not started again: it would take the run up, and what follows needs no daemon.


@pytest.mark.parametrize("message", [b"", b"{}", b'{"version":1}', b"x" * 70000, b"\0" * 10],
                         ids=["nothing", "empty", "half", "long", "binary"])
def test_the_keeper_refuses_what_is_no_request(host, message):
    import socket
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(host.manager.socket))
        try:
            s.sendall(message)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        s.settimeout(10)
        try:
            assert s.recv(1) == b""
        except ConnectionResetError:
            pass
    until(lambda: not keepers(host), 5, "the end of the keeper")


def test_the_keeper_by_hand():
    keeper = BIN / "paperguard-keeper"
    assert subprocess.run([keeper, "--help"], capture_output=True, check=False, env={}).returncode == 0
    for env in ({}, {"STATE_DIRECTORY": "/tmp"}):
        done = subprocess.run([keeper], capture_output=True, text=True, check=False, env=env, stdin=subprocess.DEVNULL)
        assert done.returncode == 64 and "paperguard-strategy.socket" in done.stderr
