# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The units on a real systemd, in a box of namespaces over a throw-away overlay of this machine (root only): what is installed
starts, and a strategy's unit has what it should have and nothing else."""
import json
import os
import re
import subprocess
import textwrap

import pytest

import test_hostile as hostile
from harness import BIN, KEY, ROOT, SECRET, Scratch, until

BOX = ROOT / "tests/tools/box.sh"

# Asks for one strategy as the daemon does; prints what came out of its pipes.
ASK = """
import array, json, os, socket, sys
request, given = json.load(sys.stdin), b""
ends = [os.pipe() for _ in range(5)]
theirs = [ends[0][0], ends[1][1], ends[2][1], ends[3][1], ends[4][0]]
with socket.socket(socket.AF_UNIX) as s:
    s.connect("/run/paperguard-strategy.sock")
    s.sendmsg([json.dumps(request).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", theirs).tobytes())])
for fd in theirs:
    os.close(fd)
os.write(ends[0][1], b"{}")
os.close(ends[0][1])
def whole(fd):
    return b"".join(iter(lambda: os.read(fd, 65536), b""))
out, log, report = (whole(ends[i][0]) for i in (1, 2, 3))
print(json.dumps({"out": out.decode(), "log": log.decode(), "report": array.array("I", report).tolist()}))
"""

CONFIG = """
[broker]
endpoint = http://127.0.0.1:9
[database]
url = host=/run/postgresql dbname=paperguard user=paperguard
[listen "main"]
address = 127.0.0.1:0
roles = health
[strategy "core"]
command = /usr/libexec/paperguard/fixed_weights
symbols = SPY
allocation = 1
schedule = 15:30
params = {"weights":{"SPY":"1"}}
"""


class Box:
    def __init__(self, scratch):
        self.folder = scratch.path / "box"
        done = subprocess.run([BOX, "start", self.folder], capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            self.stop()
            pytest.skip(f"no box can be made here: {done.stdout[-300:]}{done.stderr[-300:]}")
        self.share = self.folder / "share"

    def run(self, *command, given=None, status=0):
        done = subprocess.run([BOX, "exec", self.folder, *command], capture_output=True, text=True, input=given, check=False, timeout=60)
        assert status is None or done.returncode == status, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def shell(self, script, status=0):
        return self.run("/bin/sh", "-c", textwrap.dedent(script), status=status)

    def journal(self, unit):
        self.run("journalctl", "--sync")
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit)

    def ask(self, *argv, user="paperguard", **more):
        request = {"version": 1, "name": "test", "argv": list(argv), "envp": ["PATH=/usr/bin:/bin", "TMPDIR=/proc/self/cwd"], "read": [],
                   "memory_max": 0, "cpu_seconds": 20, "files_max": 64, "processes_max": 0, "file_max": 1 << 26, **more}
        return json.loads(self.run("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "/usr/bin/python3", "-c", ASK,
                                   given=json.dumps(request)))

    def stop(self):
        subprocess.run([BOX, "stop", self.folder], capture_output=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def box():
    if os.geteuid() != 0:
        pytest.skip("needs root")
    scratch = Scratch()
    one = None
    try:
        one = Box(scratch)
        # What `make install` made, put into the box's own root.
        subprocess.run(["make", "-s", "install", f"DESTDIR={one.share}/root", f"BIN={BIN}"], cwd=ROOT, check=True, capture_output=True)
        one.shell("""
            cp -a /run/box/root/usr/. /usr/ && cp -a /run/box/root/etc/. /etc/
            systemd-sysusers && systemd-tmpfiles --create paperguard.conf && systemctl daemon-reload
            install -d -m 700 /etc/credstore
            printf '%s\\n' ENVIRONMENT=staging DRY_RUN=true ALPACA_PAPER=true | tee /etc/default/paperguard >/etc/default/paperguard-second
            """)
        for name, config, folder in (("", "paperguard", "paperguard"), (".second", "second", "paperguard-second")):
            place = f"[daemon]\ninstance = x\nstate_dir = /var/lib/{folder}\nadmin_socket = /run/{folder}/admin.sock\n"
            (one.share / "conf").write_text(place + CONFIG)
            (one.share / "id").write_text(KEY + "\n")
            (one.share / "secret").write_text(SECRET + "\n")
            one.shell(f"""
                install -m 640 -g paperguard /run/box/conf /etc/paperguard/{config}.conf
                install -m 400 /run/box/id /etc/credstore/alpaca_key_id{name}
                install -m 400 /run/box/secret /etc/credstore/alpaca_secret_key{name}
                """)
        for name in ("id", "secret"):
            (one.share / name).unlink()
        one.run("systemctl", "start", "paperguard-strategy.socket")
        yield one
    finally:
        if one:
            one.stop()
        scratch.remove()


def test_a_strategy_is_alone(box):
    found = box.ask("/bin/sh", "-c", "id -un; id -G | wc -w; pwd; cat /proc/self/cgroup; readlink /proc/self/ns/net; test -e /proc/1 || echo hidden; "
                    "grep -E '^(NoNewPrivs|CapEff|CapBnd|Seccomp):' /proc/self/status")
    assert found["report"][-1] == 0, found
    lines = found["out"].split("\n")
    assert lines[:3] == ["paperguard-strategy", "1", "/var/lib/paperguard-strategy/test"]
    assert box.run("readlink", "/proc/self/ns/net").strip() not in lines, "it has a network of its own"
    assert "hidden" in lines, "it sees its own processes only"
    assert re.search(r"system-paperguard.*slice/paperguard-strategy@\d+-\d+-\d+\.service", found["out"])
    for line in ("NoNewPrivs:\t1", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "Seccomp:\t2"):
        assert line in lines, found["out"]


def test_languages_that_compile_as_they_run(box):
    assert box.ask("/usr/bin/python3", "-c", "print(sum(range(10)))")["out"] == "45\n"
    for program, argv, says in (("/usr/bin/node", ("-e", "console.log([1,2].map(x => x * 2).join())"), "2,4\n"),
                                ("/usr/bin/java", ("-version",), "")):
        if os.path.exists(program):
            found = box.ask(program, *argv)
            assert (found["report"], found["out"]) == ([found["report"][0], 0], says), found


def test_what_is_the_daemons_is_not_there(box):
    script = "; ".join(f"{{ cat {p} || ls {p}/; }} >/dev/null 2>&1 && echo {p}" for p in (
        "/etc/paperguard", "/etc/paperguard/paperguard.conf", "/etc/credstore", "/etc/credstore/alpaca_key_id", "/run/credentials",
        "/var/lib/paperguard", "/run/paperguard", "/home", "/root", "/etc/shadow", "/tmp", "/run", "/run/box", "/dev/kmsg"))
    assert box.ask("/bin/sh", "-c", script + "; true")["out"] == ""


def test_nobody_else_may_ask(box):
    done = box.run("setpriv", "--reuid=paperguard-strategy", "--regid=paperguard-strategy", "--clear-groups", "/usr/bin/python3", "-c",
                   "import socket\ntry: socket.socket(socket.AF_UNIX).connect('/run/paperguard-strategy.sock')\nexcept OSError as e: print(e.errno)")
    assert done == "13\n"


def test_a_hostile_one(box):
    (box.share / "plan.json").write_text(json.dumps({"unix": ["/run/paperguard-strategy.sock", "/run/dbus/system_bus_socket"],
                                                     "tcp": [80], "daemon": 1}))
    for body, allowed in ((hostile.SOCKETS, {"pair": "done", "io_uring": "ENOSYS", "datagram pair": "ENOSYS"}),
                          (hostile.RIGHTS, dict.fromkeys(("clone", "clone3", "personality"), "ENOSYS")),
                          (hostile.OTHERS, dict.fromkeys(hostile.ON_ITSELF, "ENOSYS"))):
        program = box.share / "hostile.py"
        program.write_text(hostile.HEAD.replace("os.path.dirname(sys.argv[0])", "'/srv/strategy'") + body)
        program.chmod(0o755)
        box.shell("install -d /srv/strategy && cp /run/box/hostile.py /run/box/plan.json /srv/strategy/")
        found = box.ask("/srv/strategy/hostile.py", read=["/srv/strategy"])
        assert found["report"][-1] == 0, found
        ends = json.loads(box.shell("cat /var/lib/paperguard-strategy/test/found.json"))
        for name, end in allowed.items():
            assert ends.pop(name) == end
        hostile.assert_refused(ends, "EACCES", "EPERM", "ENOENT", "ESRCH")


def test_nothing_is_left_of_a_unit(box):
    escape = "(setsid sh -c 'trap \"\" TERM HUP; exec sleep 987' &) ; sleep 0.1"
    assert box.ask("/bin/sh", "-c", escape)["report"][-1] == 0
    assert box.shell("pgrep -f 'sleep 98[7]' || true") == ""
    until(lambda: not box.run("systemctl", "list-units", "--no-legend", "--all", "paperguard-strategy@*"), 10, "no unit is left, failed ones neither")


@pytest.mark.parametrize("unit, folder", [("paperguardd", "paperguard"), ("paperguardd@second", "paperguard-second")])
def test_the_daemon_finds_the_socket(box, unit, folder):
    box.run("systemctl", "start", "--no-block", unit)
    try:
        until(lambda: "strategies run in units of their own (/run/paperguard-strategy.sock)" in box.journal(unit), 20,
              lambda: f"the daemon's word on strategies: {box.journal(unit)}")
        until(lambda: "Status: " in box.run("systemctl", "status", "--no-pager", unit, status=None), 20, "its status")
        assert box.shell(f"stat -c %U /run/{folder}/admin.sock /var/lib/{folder}") == "paperguard\n" * 2
        assert SECRET not in box.journal(unit)
    finally:
        box.run("systemctl", "stop", unit)


def test_without_the_socket_they_are_its_children(box):
    box.shell("systemctl stop paperguard-strategy.socket; systemctl mask --runtime paperguard-strategy.socket")
    try:
        box.run("systemctl", "start", "--no-block", "paperguardd")
        until(lambda: "strategies run as children of the daemon, its own user (system calls" in box.journal("paperguardd"), 20,
              lambda: box.journal("paperguardd"))
    finally:
        box.shell("systemctl stop paperguardd; systemctl unmask --runtime paperguard-strategy.socket; systemctl start paperguard-strategy.socket")
