# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Canaries: a daemon with a key, a secret, a token and passwords that stand nowhere else does all that a day brings, and then every
place that others can read is searched for them: plain, as hex, base64 or percent-encoded, whole or any twelve characters in a row."""
import base64
import json
import os
import resource
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from harness import BIN, ROOT, Scratch, Site, Strategy, until

WINDOW = 12
CANARIES = {"key": "PKSIMCNRY7QW2ZX4JM9TB6VK3R", "secret": "cnry/Sq8+Vb3nT6yR1wE5uK0aL7dF2gH9jX4zC8m",
            "token": "cnry-T0ken-Hq2Wz7Xe5Rc9Vt3By1Nu8Mi6", "password": "cnry+Pw:9fKd3Ls7Aq1Wj5Ez8Rx2",
            "other": "cnry.0ther=4tGb8Nh2Yj6Mk1Ui5Lo9"}
PROGRAM = """#!/usr/bin/python3
import json, os, sys
given = json.load(sys.stdin)
def read(path):
    try:
        return open(path, "rb").read(1 << 20).decode("latin-1")
    except OSError as e:
        return e.strerror
def is_open(fd):
    try:
        return bool(os.fstat(fd))
    except OSError:
        return False
def names(folder):
    try:
        return os.listdir(folder)
    except OSError as e:
        return e.strerror
parent = "/proc/%d/" % os.getppid()
found = {"given": given, "environ": dict(os.environ), "argv": sys.argv, "cmdline": read("/proc/self/cmdline"), "maps": read("/proc/self/maps"),
         "fds": [fd for fd in range(256) if is_open(fd)], "parent fds": names(parent + "fd"),
         "parent": [read(parent + n) for n in ("environ", "cmdline", "maps", "mem")]}
print("shown to a child", file=sys.stderr)
json.dump(found, open("found.json", "w"))
print(json.dumps({"contract": 1, "model": {"name": "canary", "version": "1"}, "targets": [{"symbol": "SPY", "weight": "0.5"}]}))
"""


def forms(value):
    raw = value.encode()
    yield value
    yield raw.hex()
    yield quote(value, safe="")
    for before in range(3):  # whatever stands in front of it: its own part of the text
        text = base64.b64encode(b"\0" * before + raw).decode()
        yield text[(0, 2, 3)[before]:].rstrip("=")[:-1]
        yield text[(0, 2, 3)[before]:].rstrip("=")[:-1].replace("+", "-").replace("/", "_")


WINDOWS = {form[i:i + WINDOW].lower(): name for name, value in CANARIES.items() for form in forms(value)
           for i in range(len(form) - WINDOW + 1)}


def canaries_in(text):
    """Which of them a text gives away."""
    text = (text.decode("latin-1") if isinstance(text, bytes) else text).lower()
    return sorted({WINDOWS[w] for w in {text[i:i + WINDOW] for i in range(len(text) - WINDOW + 1)} & WINDOWS.keys()})


def secret_file(folder, name, text):
    path = folder / name
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


class Host:
    """The daemon, with every secret in a file, and what was seen of it by others."""

    def __init__(self, pg, redis):
        self.keys, self.programs = Scratch(), Scratch()
        (self.keys.path / "credentials").mkdir(mode=0o700)
        secret_file(self.keys.path / "credentials", "db_password", CANARIES["password"])
        self.program = self.programs.path / "child.py"
        self.program.write_text(PROGRAM)
        self.program.chmod(0o755)
        self.site = Site(pg, redis=redis, sim_env={"PAPERGUARD_SIM_KEY": CANARIES["key"], "PAPERGUARD_SIM_SECRET": CANARIES["secret"]},
                         env={"ALPACA_KEY": None, "ALPACA_SECRET": None, "CREDENTIALS_DIRECTORY": str(self.keys.path / "credentials")},
                         broker={"key_id_file": secret_file(self.keys.path, "id", CANARIES["key"]),
                                 "secret_file": secret_file(self.keys.path, "secret", CANARIES["secret"])},
                         http={"token_file": secret_file(self.keys.path, "token", CANARIES["token"])},
                         listens={"main": {"address": "127.0.0.1:0", "roles": "health api gateway"}},
                         strategies=[Strategy(), Strategy("canary", command=self.program, weights={"SPY": "1"}, allocation="0.1")])
        self.site.daemon.strategies[0].lines["allocation"] = "0.5"
        self.site.daemon.write()
        self.places = {}

    def see(self, place, text):
        self.places[place] = text if isinstance(text, (str, bytes)) else json.dumps(text, default=str)

    def answer(self, path, method="GET", body=None, headers=None):
        status, sent, text = self.site.daemon.raw(path, method, body, headers)
        self.see(f"{method} {path} {len(self.places)}: {status}", str(sent).encode() + text)
        return status, text

    def close(self):
        self.site.close()
        self.keys.remove()
        self.programs.remove()


@pytest.fixture(scope="module", name="host")
def fixture_host(pg, redis):
    one = Host(pg, redis)
    try:
        one.site.begin()
        a_day(one)
        yield one
    finally:
        one.close()


def order(host, headers, **more):
    body = {"symbol": "SPY", "side": "buy", "qty": "1", "strategy": "weights", **more}
    return host.answer("/api/v1/orders", "POST", body, {"Content-Type": "application/json", **headers})[0]


def a_day(host):
    """Runs, orders, refusals, wrong tokens, and a broker that repeats in its errors what it was sent."""
    site = host.site
    auth = {"Authorization": "Bearer " + CANARIES["token"]}
    row = site.run_whole("weights", "canary")
    assert row["status"] == "completed", site.sql("SELECT detail FROM run_members")
    assert order(host, auth, client_order_id="canary:1") == 201
    assert order(host, auth, client_order_id="canary:2", qty="900000") in (403, 422)
    for wrong in (CANARIES["token"] + "x", CANARIES["secret"]):
        assert order(host, {"Authorization": "Bearer " + wrong}) == 401
    assert host.answer("/api/v1/orchestration/run", "POST", {}, {"Authorization": "Basic " + base64.b64encode(
        ("u:" + CANARIES["token"]).encode()).decode()})[0] == 401
    for path in ("/api/v1/orders?token=" + quote(CANARIES["token"]), "/nosuch", "/v2/orders/nosuch", "/api/v1/orders/nosuch"):
        host.answer(path, "GET", None, {**auth, "APCA-API-KEY-ID": CANARIES["key"], "APCA-API-SECRET-KEY": CANARIES["secret"]})
    echoed(host, auth)


def echoed(host, auth):
    """Errors that repeat key and secret: to an order, to a cancel, to what is read all the time; as JSON and as a page."""
    site = host.site
    site.sim.fault("POST /v2/orders", "echo", status=403)
    assert order(host, auth, client_order_id="canary:3", qty="2") in (201, 422)
    until(lambda: site.daemon.get("/api/v1/orders/canary:3")["status"] == "rejected", 20, "the refusal")
    for status in (422, 500):
        site.sim.fault("GET *", "echo", status=status, count=3)
        until(lambda: site.daemon.cli("plan", "weights") and not site.sim.get("/sim/fault"), 20, "the errors of all that is read")
    site.sim.fault("POST /v2/orders", "echo", status=500)
    assert order(host, auth, client_order_id="canary:4", qty="3") == 202


def looked_at(host):
    """Everything that somebody else may read of it."""
    site, d = host.site, host.site.daemon
    document = json.loads((ROOT / "daemon/web/openapi.json").read_text())
    for path in ["/", *document["paths"]]:
        host.answer(path.replace("{id}", "canary:3"))
        host.answer(path.replace("{id}", "canary:3"), "POST", "{}", {"Origin": "http://elsewhere.example"})
    host.answer("/api/v1/orders/canary:3/audit")
    for words in (["status"], ["check"], ["orders"], ["why"], ["config", "show"], ["config", "diff"], ["limits"], ["drift"], ["--json", "status"],
                  ["config", "show", "--offline"], ["check", "--offline"], ["check", str(d.config)], ["check", str(host.keys.path)]):
        done = d.cli(*words)
        host.see(" ".join(words), done.stdout + done.stderr)
    host.see("log", d.text())
    host.see("notified", d.notify.read())
    tool = Path("/usr/lib/postgresql/15/bin/pg_dump")
    host.see("ledger", subprocess.run([tool if tool.exists() else "pg_dump", "--inserts", site.dsn], capture_output=True, check=True).stdout)
    assert b"canary:3" in host.places["ledger"]
    redis = ["redis-cli", "-s", d.sections["redis"]["url"].removeprefix("unix://")]
    names = subprocess.run([*redis, "KEYS", "*"], capture_output=True, text=True, check=True).stdout.split()
    assert names
    host.see("redis", "".join(subprocess.run([*redis, "DUMP", n], capture_output=True, encoding="latin-1", check=True).stdout + n for n in names))
    for path in d.state.rglob("*"):
        if path.is_file():
            host.see(f"state {path.name}", path.read_bytes())
    for name in ("cmdline", "environ", "comm", "status"):
        host.see(f"/proc {name}", Path(f"/proc/{d.process.pid}/{name}").read_bytes())


def test_canaries_are_found_nowhere(host):
    looked_at(host)
    assert len(host.places) > 60
    found = {place: canaries_in(text) for place, text in host.places.items()}
    assert not any(found.values()), {p: f for p, f in found.items() if f}
    assert "\u2026" in host.places["log"], "what was repeated is marked as left out"


@pytest.mark.parametrize("name", CANARIES)
def test_the_search_finds_what_is_there(name):
    value = CANARIES[name]
    half = len(value) // 2
    for shown in (value, value[:half], value[half:], value.upper(), value.encode().hex(), value.encode()[3:20].hex().upper(), quote(value, safe=""),
                  base64.b64encode(value.encode()).decode(), base64.b64encode(b"x:" + value.encode()).decode(),
                  base64.urlsafe_b64encode(b"xy:" + value.encode()).decode()):
        assert canaries_in(f'{{"detail":"so: {shown}, and more"}}') == [name], shown
    assert canaries_in(value[:WINDOW - 1]) == []


def test_a_child_is_given_nothing(host):
    found = json.loads((host.site.daemon.state / "strategies/canary/found.json").read_text())
    assert canaries_in(json.dumps(found)) == []
    assert set(found["environ"]) <= {"PATH", "LANG", "LC_CTYPE", "TZ", "HOME", "TMPDIR"}
    assert found["fds"] == [0, 1, 2]
    assert found["parent fds"] in ("Permission denied", "No such file or directory")
    assert not any("PATH=" in text or "heap" in text for text in found["parent"])


# As requests carry them. Two libraries keep copies where they like: libpq the database's password, wslay what opened the order stream.
NOT_OF_LIBRARIES = {"key": "KEY-ID: " + CANARIES["key"], "secret": "SECRET-KEY: " + CANARIES["secret"], "token": CANARIES["token"]}


def mappings(pid):
    """Those that can be written: where they are, and their flags."""
    where = None
    for line in Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8").split("\n"):
        words = line.split()
        if words and "-" in words[0] and not words[0].endswith(":"):
            where = tuple(int(x, 16) for x in words[0].split("-")) if words[1].startswith("rw") else None
        elif where and words and words[0] == "VmFlags:":
            yield where, words[1:]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look")
@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="a sanitizer keeps what was freed")
def test_in_memory_it_is_where_no_core_file_looks(host):
    pid, found = host.site.daemon.process.pid, {}
    with open(f"/proc/{pid}/mem", "rb") as memory:
        for (begin, end), flags in mappings(pid):
            memory.seek(begin)
            text = memory.read(end - begin)
            for name in NOT_OF_LIBRARIES:
                at = [text[i - 40:i + 60] for i in iter_find(text, NOT_OF_LIBRARIES[name].encode())]
                found.setdefault((name, "dd" in flags), []).extend(at)
    assert all(found[name, True] for name in NOT_OF_LIBRARIES), "the search finds what is there"
    loose = {name: found[name, False] for name in NOT_OF_LIBRARIES if found.get((name, False))}
    assert not loose, loose


def iter_find(text, what):
    at = text.find(what)
    while at >= 0:
        yield at
        at = text.find(what, at + 1)


# --- what is told before there is a daemon

WRONG = {
    "a secret inline": ("[broker]\nsecret = {secret}\n", {}),
    "a key inline": ("[broker]\nkey_id = {key}\n", {}),
    "a section": ("[{secret}]\nkey_id = x\n", {}),
    "no option at all": ("[broker]\n{secret}\n", {}),
    "keys in the endpoint": ("[broker]\nendpoint = https://{key}:{other}@paper-api.alpaca.markets\n", {}),
    "a password in a broken dsn": ("[database]\nurl = postgresql://user:{other}@[::1/db\n", {}),
    "a password in a dsn": ("[database]\nurl = host=/tmp password={other} nosuch=1\n", {}),
    "a password for redis": ("[redis]\nurl = redis://:{other}@nowhere.example:port/0\n", {}),
    "two lines in a file": ("", {"id": "{key}\n{secret}"}),
    "exchanged": ("", {"id": "{secret}", "secret": "{key}"}),
    "another by environment": ("", {"env": {"ALPACA_SECRET": "{other}", "DATABASE_URL": "postgres://u:{other}@%zz/db"}}),
    "secrets in the wrong variables": ("", {"env": {"DRY_RUN": "{other}", "ALPACA_ENDPOINT": "{other}", "LOGGING__LEVEL": "{other}",
                                                    "ENVIRONMENT": "{other}", "EQUITY_DEPLOYMENT_PCT": "{other}"}}),
    "a short token": ("", {"token": "{token:.13}"}),
}


@pytest.mark.parametrize("what", WRONG)
def test_no_error_repeats_a_secret(host, what):
    text, more = WRONG[what]
    folder = Scratch()
    try:
        files = {n: secret_file(folder.path, n, more.get(n, "{%s}" % v).format(**CANARIES))
                 for n, v in (("id", "key"), ("secret", "secret"), ("token", "token"))}
        config = secret_file(folder.path, "paperguard.conf", "[broker]\nendpoint = http://127.0.0.1:1\nkey_id_file = "
                             f"{files['id']}\nsecret_file = {files['secret']}\n[http]\ntoken_file = {files['token']}\n")
        drop_in = folder.path / "paperguard.conf.d"
        drop_in.mkdir(mode=0o700)
        secret_file(drop_in, "50.conf", text.format(**CANARIES))
        env = {**host.site.daemon.env, **{k: v.format(**CANARIES) for k, v in more.get("env", {}).items()}}
        said = ""
        for argv in (["paperguardd", "--config", config, "--check"], ["paperguardd", "--config", config, "--dump"],
                     ["paperguardd", "--config", config], ["paperguard", "check", "--config", config], ["paperguard", "check", folder.path],
                     ["paperguard", "config", "show", "--config", config], ["paperguard", "--config", config, "status"]):
            done = subprocess.run([BIN / argv[0], *argv[1:]], env=env, capture_output=True, text=True, timeout=30, check=False)
            said += done.stdout + done.stderr
        assert len(said) > 300 and canaries_in(said) == [], said
    finally:
        folder.remove()


# --- others of the same user

ALONE = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
ATTACK = """
import ctypes, errno, sys
pid, libc, said = int(sys.argv[1]), ctypes.CDLL(None, use_errno=True), []
for name in ("environ", "mem", "maps", "auxv", "syscall", "stack"):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as f:
            f.seek(0)
            said.append((name, len(f.read(1)) if name != "mem" else 1))
    except OSError as e:
        said.append((name, errno.errorcode[e.errno]))
for name, request in (("attach", 16), ("seize", 0x4206)):
    r = libc.ptrace(request, pid, None, None)
    said.append((name, 1 if r == 0 else errno.errorcode[ctypes.get_errno()]))
print(said)
"""


def attack(pid):
    done = subprocess.run([*ALONE, "/usr/bin/python3", "-c", ATTACK, str(pid)], capture_output=True, text=True, check=True)
    return dict(eval(done.stdout))  # pylint: disable=eval-used


def unlimited():
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


@pytest.fixture(name="alone")
def fixture_alone(host):
    """Starts programs without root's rights, each in a folder where its core would be; ends them."""
    folder, begun = Scratch(), []

    def start(argv, env, up):
        with open(folder.path / "said", "ab") as out:
            begun.append(subprocess.Popen([*ALONE, *argv], env=env, cwd=folder.path, stdout=out, stderr=out,
                                          preexec_fn=unlimited))  # pylint: disable=subprocess-popen-preexec-fn
        until(lambda: up(begun[-1].pid), 20, "its start", lambda: (folder.path / "said").read_text() if begun[-1].poll() is not None else "")
        return begun[-1]

    def daemon():
        d, state = host.site.daemon, folder.path / "state"
        state.mkdir(mode=0o700)
        text = d.config.read_text().replace(str(d.state), str(state)).replace(str(d.admin), str(folder.path / "sock"))
        config = secret_file(folder.path, "paperguard.conf", text.partition("[strategy")[0])
        env = {**d.env, "NOTIFY_SOCKET": "", "ALPACA_KEY": CANARIES["key"], "APCA_API_SECRET_KEY": CANARIES["secret"],
               "DB_PASSWORD": CANARIES["password"]}
        return start([BIN / "paperguardd", "--config", config], env, lambda pid: (state / "listen").exists())

    def asleep():
        return start(["sleep", "600"], {"A": "B"}, lambda pid: "sleep" in Path(f"/proc/{pid}/comm").read_text())
    try:
        yield folder.path, daemon, asleep
    finally:
        for child in begun:
            child.kill()
            child.wait()
        folder.remove()


def test_nobody_of_the_same_user_looks_into_it(alone):
    _, daemon, asleep = alone
    refused = attack(daemon().pid)
    assert set(refused.values()) <= {"EACCES", "EPERM"}, refused
    assert attack(asleep().pid)["environ"] == 1, "the same is let in elsewhere"


def test_what_came_by_environment_is_not_shown(alone):
    shown = Path(f"/proc/{alone[1]().pid}/environ").read_bytes() if os.geteuid() == 0 else b"DRY_RUN=true ALPACA_KEY="
    assert b"DRY_RUN=true" in shown and b"ALPACA_KEY=" in shown and canaries_in(shown) == []


def aborted(child):
    child.send_signal(signal.SIGABRT)
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT).si_code


def test_an_abort_leaves_no_core(alone):
    folder, daemon, asleep = alone
    assert aborted(daemon()) == os.CLD_KILLED
    assert not [p for p in folder.rglob("core*")]
    pattern = Path("/proc/sys/kernel/core_pattern").read_text(encoding="ascii").strip()
    if not pattern.startswith(("/", "|")) and resource.getrlimit(resource.RLIMIT_CORE)[1] != 0:  # else cores go elsewhere
        assert aborted(asleep()) == os.CLD_DUMPED, "another one leaves a core here"
