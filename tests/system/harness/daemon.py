# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""paperguardd with a config of its own, and the operator's command line that talks to it."""
import http.client
import json
import subprocess
import time
from pathlib import Path

from .basics import BIN, KEY, SANITIZER, SECRET, SLOW, STRATEGIES, TOKEN, Process, assert_clean, until
from .servers import Notify

WEIGHTS = {"SPY": "0.30", "TLT": "0.25", "GLD": "0.20", "QQQ": "0.20"}
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "ENVIRONMENT": "staging", "DRY_RUN": "true",
               "ALPACA_PAPER": "true", "ALPACA_KEY": KEY, "ALPACA_SECRET": SECRET}


def not_soon():
    """A schedule whose slots are two hours or more from now, before and after, whatever the time of day."""
    now = time.time()
    minutes = max(range(600, 721, 10), key=lambda m: min(now % (m * 60), -now % (m * 60)))
    return f"every {minutes}m"


class Strategy:
    """One [strategy] section. Without a command: the fixed weights that come with the daemon."""

    def __init__(self, name="weights", schedule=None, weights=None, command=None, **more):
        self.name = name
        self.weights = weights or WEIGHTS
        self.lines = {"command": command or f"{STRATEGIES}/fixed_weights", "schedule": schedule or not_soon(),
                      "symbols": " ".join(self.weights), "allocation": "1", "band": "0"}
        if not command:
            self.lines["params"] = json.dumps({"weights": self.weights})
        self.lines.update(more)

    def text(self):
        return section(f'strategy "{self.name}"', self.lines)


def section(name, lines):
    return f"[{name}]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items() if v is not None) + "\n"


class Daemon:
    """Files are written by __init__; start() runs the daemon. Sections given replace or add keys: orders={"mode": ...}."""

    def __init__(self, folder, endpoint, dsn, redis="", strategies=(), env=None, listens=None, wrapper=(), **sections):
        self.folder = Path(folder)
        self.state = self.folder / "state"
        self.state.mkdir(mode=0o700, exist_ok=True)
        self.admin = self.folder / "admin.sock"
        self.config = self.folder / "paperguard.conf"
        self.log = self.folder / "daemon.log"
        self.wrapper = list(wrapper)
        self.env = dict(ENVIRONMENT)
        self.env.update(env or {})
        self.env = {k: v for k, v in self.env.items() if v is not None}
        self.process = None
        self.notify = Notify(self.folder / "notify")
        self.env["NOTIFY_SOCKET"] = self.notify.path
        token = self.folder / "token"
        token.write_text(TOKEN + "\n")
        token.chmod(0o600)
        self.sections = {
            "daemon": {"state_dir": self.state, "admin_socket": self.admin, "log_level": "debug"},
            "broker": {"endpoint": endpoint, "poll_interval": "100ms", "requests_per_minute": 6000},
            "database": {"url": dsn},
            "redis": {"url": redis},
            "http": {"token_file": token},
        }
        for name, lines in sections.items():
            self.sections.setdefault(name, {}).update(lines)
        self.listens = listens or {"main": {"address": "127.0.0.1:0", "roles": "health api"}}
        self.strategies = list(strategies)
        self.write()

    def write(self, extra=""):
        text = "".join(section(n, l) for n, l in self.sections.items() if l)
        text += "".join(section(f'listen "{n}"', l) for n, l in self.listens.items())
        text += "".join(s.text() for s in self.strategies)
        self.config.write_text(text + extra)
        self.config.chmod(0o600)
        return self

    # --- life

    def start(self):
        assert self.process is None or not self.process.running()
        (self.state / "listen").unlink(missing_ok=True)
        self.process = Process([*self.wrapper, BIN / "paperguardd", "--config", self.config], self.env, self.log)
        return self

    def up(self):
        """Until its addresses are known (it answers HTTP)."""
        def listening():
            path = self.state / "listen"
            lines = path.read_text().split("\n") if path.exists() else []
            return len(lines) > len(self.listens)
        until(listening, 20, "the daemon's addresses", self.process.why_dead)
        return self

    def ready(self, seconds=30):
        until(lambda: self.notify.has("READY=1"), seconds, f"READY=1 (last: {self.notify.last('STATUS=')})",
              self.process.why_dead)
        return self

    def in_step(self, seconds=30):
        """Ready, opening accepted, ledger == broker: a run may start."""
        self.up().ready(seconds)
        until(lambda: self.http("/health/ready")[0] == 200, seconds,
              lambda: f"in step: {self.http('/health/ready')}", self.process.why_dead)
        return self

    def exit(self, seconds=20):
        return self.process.wait(seconds)

    def stop(self):
        return self.process.stop() if self.process else 0

    def close(self):
        """A daemon that still runs must end well: with 0, which under a sanitizer also says that it found nothing."""
        try:
            if self.process and self.process.running():
                assert self.stop() == 0, f"ended with {self.process.child.returncode}: {self.text()[-6000:]}"
            assert_clean(self.text())
        finally:
            self.notify.close()

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    # --- talking to it

    def addresses(self):
        return dict(line.split(" ", 1) for line in (self.state / "listen").read_text().split("\n") if line)

    def raw(self, path, method="GET", body=None, headers=None, listen=None, timeout=15):
        host, port = self.addresses()[listen or next(iter(self.listens))].rsplit(":", 1)
        link = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=timeout)
        try:
            sent = dict(headers or {})
            if body is not None:
                sent.setdefault("Content-Type", "application/json")
            link.request(method, path, body if body is None or isinstance(body, (str, bytes)) else json.dumps(body), sent)
            answer = link.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            link.close()

    def http(self, path, method="GET", body=None, headers=None, listen=None):
        status, _, text = self.raw(path, method, body, headers, listen)
        try:
            return status, json.loads(text) if text else None
        except json.JSONDecodeError:
            return status, text.decode()

    def get(self, path, listen=None):
        status, body = self.http(path, listen=listen)
        assert status == 200, f"{path}: {status} {body}"
        return body

    def run_http(self, token=TOKEN, body=None):
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        return self.http("/api/v1/orchestration/run", "POST", body if body is not None else {}, headers)

    def runs(self):
        return self.get("/api/v1/orchestration/runs")["runs"]

    def metric(self, name, **labels):
        text = self.raw("/metrics")[2].decode()
        want = name + ("{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}" if labels else "")
        for line in text.split("\n"):
            if line.startswith(want + " "):
                return float(line.rsplit(" ", 1)[1])
        return None

    # --- the operator's command line

    def cli(self, *words, env=None, seconds=60):
        done = subprocess.run([BIN / "paperguard", "--config", self.config, *words],
                              env={**SANITIZER, **(self.env if env is None else env)}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=seconds * SLOW, check=False)
        assert_clean(done.stderr)
        return done

    def ctl(self, *words, code=0):
        done = self.cli(*words)
        assert done.returncode == code, f"paperguard {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def ctl_json(self, *words):
        return json.loads(self.ctl("--json", *words))

    def db_init(self):
        return self.ctl("db", "init")

