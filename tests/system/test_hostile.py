# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A strategy that means harm, as a child of the daemon: each thing it tries is refused, the daemon stays healthy, and the
other member of its run trades as if nothing were."""
import ctypes
import json
import os
import textwrap
import threading
from decimal import Decimal

import pytest

from harness import KEY, SECRET, TOKEN, Scratch, Site, Strategy, until

PROCESSES = 40

# Tries what it is told on its command line and writes down how each ended: an errno's name, or "done".
HEAD = """#!/usr/bin/python3
import ctypes, errno, json, os, signal, socket, struct, sys, time
data = json.load(sys.stdin)
plan = json.load(open(os.path.join(os.path.dirname(sys.argv[0]), "plan.json")))
libc = ctypes.CDLL(None, use_errno=True)
found = {}

def attempt(name, action):
    try:
        value = action()
        found[name] = "done" if value is None else value
    except OSError as e:
        found[name] = errno.errorcode.get(e.errno, str(e.errno))
    except MemoryError:
        found[name] = "MemoryError"

def call(number, *args):
    if libc.syscall(number, *args) < 0:
        raise OSError(ctypes.get_errno(), "")

def finish():
    with open("found.json", "w") as f:
        json.dump(found, f)
    print(json.dumps({"contract": 1, "model": {"name": "hostile", "version": "1"}, "targets": [{"symbol": "SPY", "weight": "0"}]}))
    sys.exit(0)
"""

READS = """
for path in plan["read"]:
    attempt(path, lambda: open(path, "rb").read(1) and None)
for path in plan["list"]:
    attempt(path, lambda: os.listdir(path) and None)
finish()
"""
WRITES = """
for path in plan["write"]:
    attempt(path, lambda: open(path, "a").close())
for path in plan["make"]:
    attempt(path, lambda: os.mkdir(path))
for path in plan["remove"]:
    attempt(path, lambda: os.unlink(path))
for path in plan["link"]:
    attempt("link " + path, lambda: os.link(path, "linked"))
attempt("own", lambda: open("mine", "w").write("x") and None)
def big():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with open("big", "wb") as f:
        for _ in range(200):
            f.write(bytes(1 << 20))
attempt("big", big)
os.unlink("big")
finish()
"""
SOCKETS = """
def unix(path, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_UNIX, kind) as s:
        s.connect(path)
def tcp(port):
    with socket.socket() as s:
        s.connect(("127.0.0.1", port))
for path in plan["unix"]:
    attempt(path, lambda: unix(path))
attempt("journal", lambda: unix("/run/systemd/journal/socket", socket.SOCK_DGRAM))
for port in plan["tcp"]:
    attempt(str(port), lambda: tcp(port))
attempt("listen", lambda: socket.socket().bind(("127.0.0.1", 0)))
attempt("udp", lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close())
attempt("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close())
attempt("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close())
attempt("datagram pair", lambda: [s.close() for s in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)] and None)
attempt("pair", lambda: [s.close() for s in socket.socketpair()] and None)
attempt("io_uring", lambda: call(425, 8, None))
finish()
"""
OTHERS = """
PID = plan["daemon"]
attempt("attach", lambda: call(101, 16, PID, None, None))
attempt("seize", lambda: call(101, 0x4206, PID, None, None))
buffer = ctypes.create_string_buffer(64)
attempt("readv", lambda: call(310, PID, (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 64), 1, (ctypes.c_uint64 * 2)(0x400000, 64), 1, 0))
attempt("getfd", lambda: call(438, 3, 0, 0))
attempt("pidfd", lambda: call(434, PID, 0))
attempt("kill", lambda: os.kill(PID, signal.SIGKILL))
attempt("keeper", lambda: os.kill(os.getppid(), signal.SIGKILL))
attempt("queue", lambda: call(129, PID, 9, (ctypes.c_uint64 * 16)(9, 0, 0xffffffff)))
attempt("nice", lambda: os.setpriority(os.PRIO_PROCESS, PID, 19))
attempt("limit", lambda: call(302, PID, 7, (ctypes.c_uint64 * 2)(0, 0), None))
attempt("processors", lambda: os.sched_setaffinity(PID, {0}))
for path in plan.get("modes", []):
    attempt("chmod " + path, lambda: os.chmod(path, 0o777))
    attempt("chown " + path, lambda: os.chown(path, os.getuid(), os.getgid()))
for name in ("environ", "mem", "maps", "fd", "cwd", "root"):
    path = "/proc/%d/%s" % (PID, name)
    look = os.readlink if name in ("cwd", "root") else os.listdir if name == "fd" else lambda p: open(p, "rb").read(1)
    attempt(name, lambda: look(path) and None)
attempt("oom", lambda: open("/proc/%d/oom_score_adj" % PID, "w").write("1000") and None)
finish()
"""
RIGHTS = """
attempt("root", lambda: os.setuid(0))
attempt("groups", lambda: os.setgroups([0]))
attempt("chroot", lambda: os.chroot("."))
attempt("user namespace", lambda: call(272, 0x10000000))
attempt("net namespace", lambda: call(272, 0x40000000))
attempt("clone", lambda: call(56, 0x10000000 | 17, None, None, None, None))
attempt("clone3", lambda: call(435, (ctypes.c_uint64 * 11)(0x10000000), 88))
attempt("mount", lambda: call(165, b"none", b".", b"tmpfs", 0, None))
attempt("keyctl", lambda: call(250, 0, -3, 0))
attempt("bpf", lambda: call(321, 0, None, 0))
attempt("perf", lambda: call(298, None, 0, -1, -1, 0))
attempt("userfault", lambda: call(323, 0))
attempt("personality", lambda: call(135, 0x0040000))
attempt("priority", lambda: os.setpriority(os.PRIO_PROCESS, 0, -5))
finish()
"""
MEMORY = """
attempt("memory", lambda: bytearray(plan["bytes"]) and None)
finish()
"""
FORKS = """
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
STDERR = """
for i in range(50000):
    sys.stderr.write("noise %d " % i + "x" * 400 + chr(27) + "[31m" + chr(10))
finish()
"""
KILL_ALL = """
print("killing", file=sys.stderr, flush=True)
os.kill(-1, signal.SIGKILL)
time.sleep(600)
"""
SLOW_GOOD = """#!/usr/bin/python3
import json, sys, time
json.load(sys.stdin)
time.sleep(1.5)
print(json.dumps({"contract": 1, "model": {"name": "good", "version": "1"}, "targets": [{"symbol": "GLD", "weight": "1"}]}))
"""


ON_ITSELF = ("nice", "limit", "processors")  # allowed, but on nobody else


def landlock_abi():
    return ctypes.CDLL(None).syscall(444, None, 0, 1)


@pytest.fixture(scope="module")
def host(pg):
    scripts = Scratch()
    program = scripts.path / "hostile.py"
    good = scripts.path / "good.py"
    good.write_text(SLOW_GOOD)
    good.chmod(0o755)
    keys = Scratch()
    for name, text in (("id", KEY), ("secret", SECRET)):
        (keys.path / name).write_text(text + "\n")
        (keys.path / name).chmod(0o600)
    one = Site(pg, env={"ALPACA_KEY": None, "ALPACA_SECRET": None},
               broker={"key_id_file": keys.path / "id", "secret_file": keys.path / "secret"},
               strategies=[Strategy("hostile", command=program, weights={"SPY": "1"}, allocation="0.1", timeout="4s"),
                           Strategy("good", command=good, weights={"GLD": "1"}, allocation="0.1", timeout="15s")])
    one.daemon.sections["strategies"] = {"processes_max": PROCESSES}
    one.daemon.write()
    one.scripts, one.program, one.keys = scripts.path, program, keys.path
    try:
        one.begin()
        yield one
    finally:
        one.close()
        scripts.remove()
        keys.remove()


def own(host, name="hostile"):
    return host.daemon.state / "strategies" / name


def run(host, body, status="completed", **plan):
    """One run of both; what the hostile one found."""
    host.program.write_text(HEAD + textwrap.dedent(body))
    host.program.chmod(0o755)
    (host.scripts / "plan.json").write_text(json.dumps(plan, default=str))
    (own(host) / "found.json").unlink(missing_ok=True)
    pid = host.daemon.process.pid
    row = host.run_whole("hostile", "good", seconds=40)
    members = {m["strategy"]: m for m in host.sql("SELECT * FROM run_members WHERE run_id = %s", row["run_id"])}
    assert row["status"] == status and row["settled"], (row["detail"], {n: m["detail"] for n, m in members.items()})
    assert members["good"]["status"] == "ok", members["good"]["detail"]
    assert host.daemon.process.running() and host.daemon.process.pid == pid
    assert host.daemon.raw("/health")[0] == 200
    assert Decimal(host.sql("SELECT qty FROM books WHERE book = 'good'")[0]["qty"]) > 0
    until(lambda: not of_program(host), 5, "the end of all that it started")
    if status != "completed":
        return members["hostile"]["detail"]
    return json.loads((own(host) / "found.json").read_text())


def of_program(host):
    """Processes that run the hostile program."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if str(host.program).encode() in f.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def assert_refused(found, *words):
    bad = {name: end for name, end in found.items() if end not in (words or ("EACCES", "EPERM"))}
    assert found and not bad, bad


def test_reading_what_is_the_daemons(host):
    state, other = host.daemon.state, own(host, "good")
    found = run(host, READS, read=[host.daemon.config, host.folder / "token", host.keys / "id", host.keys / "secret", host.daemon.log,
                                   state / "halt", state / "lock", "/etc/shadow", "/root/.bashrc", "/proc/kcore", "/dev/mem"],
                list=[host.folder, host.keys, state, state / "strategies", other, "/", "/tmp", "/home", "/root", "/etc", "/var", "/run"])
    assert_refused({path: end for path, end in found.items() if os.path.exists(path)})
    text = host.daemon.text()
    assert SECRET not in text and TOKEN not in text


def test_writing_outside_its_folder(host):
    victim = host.scripts / "victim"
    victim.write_text("x")
    host.scripts.chmod(0o777)  # so that nothing but the sandbox is in its way
    victim.chmod(0o666)
    try:
        found = run(host, WRITES, write=[victim, host.scripts / "new", "/tmp/hostile-was-here", host.daemon.config, host.daemon.state / "halt.d",
                                         host.daemon.state / "x", "/dev/shm/hostile", "/var/tmp/hostile", own(host, "good") / "x"],
                    make=[host.scripts / "folder", host.daemon.state / "halt.d/stop", "/tmp/hostile-folder"], remove=[victim, host.program],
                    link=[victim, host.daemon.config])
    finally:
        host.scripts.chmod(0o711)
        for path in ("/tmp/hostile-was-here", "/dev/shm/hostile", "/var/tmp/hostile", "/tmp/hostile-folder"):
            assert not os.path.exists(path) or (os.rmdir if os.path.isdir(path) else os.unlink)(path)
    assert found.pop("own") == "done" and (own(host) / "mine").read_text() == "x"
    assert found.pop("big") == "EFBIG"
    for path in (victim, host.daemon.config):
        assert found.pop(f"link {path}") in ("EACCES", "EXDEV", "EPERM")
    assert found.pop(f"{host.daemon.state}/halt.d/stop") in ("EACCES", "ENOENT")
    assert found.pop(f"{host.daemon.state}/halt.d") in ("EACCES", "EISDIR")  # a folder
    assert_refused(found)
    assert victim.read_text() == "x" and not (host.scripts / "new").exists() and not os.path.exists("/tmp/hostile-was-here")
    assert host.daemon.get("/health")["halt"]["state"] == "running"


def test_opening_sockets(host):
    port = int(next(iter(host.daemon.addresses().values())).rsplit(":", 1)[1])
    found = run(host, SOCKETS, unix=[host.daemon.admin, "/run/dbus/system_bus_socket"],
                tcp=[port, host.sim.port])
    assert found.pop("pair") == "done"
    assert found.pop("io_uring") == "ENOSYS" and found.pop("datagram pair") == "ENOSYS"
    assert_refused(found)


def test_reaching_into_the_daemon(host):
    limits = open(f"/proc/{host.daemon.process.pid}/limits", encoding="ascii").read()
    modes = [host.daemon.config, host.daemon.state, host.folder / "token", host.keys / "secret", own(host, "good")]
    before = [os.stat(path).st_mode for path in modes]
    found = run(host, OTHERS, daemon=host.daemon.process.pid, modes=modes)
    for name in ON_ITSELF:
        assert found.pop(name) == "ENOSYS", name
    assert_refused(found)
    assert open(f"/proc/{host.daemon.process.pid}/limits", encoding="ascii").read() == limits
    assert [os.stat(path).st_mode for path in modes] == before


def test_gaining_rights(host):
    found = run(host, RIGHTS)
    for name in ("clone", "clone3", "personality"):  # allowed in other forms, or only tried by libraries
        assert found.pop(name) == "ENOSYS", name
    assert_refused(found)


def test_using_up_memory(host):
    assert run(host, MEMORY, bytes=3 << 30) == {"memory": "MemoryError"}


def test_a_fork_bomb(host):
    most, stop = [0], threading.Event()

    def watch():
        while not stop.wait(0.05):
            most[0] = max(most[0], len(of_program(host)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        detail = run(host, FORKS, status="partial")
    finally:
        stop.set()
        watcher.join()
    assert "did not end within 4000 ms" in detail
    assert 10 < most[0] <= PROCESSES, f"{most[0]} processes at once"


def test_filling_the_log(host):
    before = len(host.daemon.text())
    run(host, STDERR)
    lines = [line for line in host.daemon.text()[before:].split("\n") if "strategy hostile: noise" in line]
    assert 0 < len(lines) <= 100 and all(len(line) < 1200 for line in lines)
    assert "\x1b" not in host.daemon.text()


def test_killing_everybody(host):
    if landlock_abi() < 6:
        pytest.skip("this kernel does not confine signals: strategies of one user can end each other")
    assert "did not end within" in run(host, KILL_ALL, status="partial")  # it alone was left out, and nobody else was hit


def test_the_daemon_is_as_before(host):
    assert host.run_whole("good")["status"] == "completed"
    assert host.daemon.get("/health")["guard"]["answer"] == "PASS"
