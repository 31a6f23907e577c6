# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Private Postgres and Redis (tests/tools), and a socket that hears what a daemon tells its service manager."""
import os
import signal
import socket
import subprocess
from pathlib import Path

import psycopg2
import psycopg2.extras

from .basics import ROOT

TOOLS = ROOT / "tests/tools"


def _tool(name, verb, folder):
    done = subprocess.run([TOOLS / name, verb, folder], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{name} {verb}: {done.stderr}"
    return done.stdout.strip()


def _children(pid):
    """Direct children; a process that has just gone has none."""
    found = []
    for task in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(task.read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(task.parent.name))
        except OSError:
            pass
    return found


def _signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


class Postgres:
    def __init__(self, folder):
        self.folder = str(folder)
        self.base = _tool("private-postgres.sh", "start", self.folder)
        self.count = 0
        self.set_ups = {}
        self.frozen = []

    def dsn(self, name="paperguard"):
        return self.base.replace("dbname=paperguard", f"dbname={name}")

    def database(self):
        """A new empty database; its connection string."""
        self.count += 1
        name = f"site{self.count}"
        self.do(f"CREATE DATABASE {name}", self.dsn())
        return self.dsn(name)

    def set_up(self, dsn, alike, init):
        """init() sets the empty database up; the next one that is to be like it is made as a copy, in a fraction of the time."""
        name = dsn.rpartition("dbname=")[2]
        if alike in self.set_ups:
            self.do(f"DROP DATABASE {name}", self.dsn())
            self.do(f"CREATE DATABASE {name} TEMPLATE {self.set_ups[alike]} STRATEGY file_copy", self.dsn())
            return
        init()
        self.set_ups[alike] = f"set_up{len(self.set_ups)}"
        self.do(f"CREATE DATABASE {self.set_ups[alike]} TEMPLATE {name} STRATEGY file_copy", self.dsn())

    @staticmethod
    def do(sql, dsn, *args):
        """One statement, committed; its rows as dictionaries."""
        link = psycopg2.connect(dsn, cursor_factory=psycopg2.extras.RealDictCursor)
        link.autocommit = True
        try:
            with link.cursor() as c:
                c.execute(sql, args or None)
                return [dict(r) for r in c.fetchall()] if c.description else []
        finally:
            link.close()

    def halt(self):
        _tool("private-postgres.sh", "halt", self.folder)

    def crash(self):
        _tool("private-postgres.sh", "crash", self.folder)

    def kill(self):
        _tool("private-postgres.sh", "kill", self.folder)

    def start(self):
        _tool("private-postgres.sh", "start", self.folder)

    def stop(self):
        _tool("private-postgres.sh", "stop", self.folder)

    def freeze(self):
        """Connections stay, nothing is answered: the server and what it started stand still until thaw."""
        first = int((Path(self.folder) / "pg/data/postmaster.pid").read_text().split("\n", 1)[0])
        _signal_all([first], signal.SIGSTOP)  # it starts nothing more
        self.frozen = [first, *_children(first)]
        _signal_all(self.frozen, signal.SIGSTOP)

    def thaw(self):
        _signal_all(self.frozen, signal.SIGCONT)
        self.frozen = []


class Redis:
    def __init__(self, folder):
        self.folder = str(folder)
        self.url = _tool("private-redis.sh", "start", self.folder)
        self.frozen = []

    def freeze(self):
        info = self.command("INFO", "server")
        self.frozen = [int(next(line for line in info.split("\n") if line.startswith("process_id:")).split(":")[1])]
        _signal_all(self.frozen, signal.SIGSTOP)

    def thaw(self):
        _signal_all(self.frozen, signal.SIGCONT)
        self.frozen = []

    def command(self, *words):
        done = subprocess.run(["redis-cli", "-s", self.url.removeprefix("unix://"), *words], capture_output=True, text=True,
                              check=True)
        return done.stdout.strip()

    def halt(self):
        _tool("private-redis.sh", "halt", self.folder)

    def kill(self):
        _tool("private-redis.sh", "kill", self.folder)

    def start(self):
        _tool("private-redis.sh", "start", self.folder)

    def stop(self):
        _tool("private-redis.sh", "stop", self.folder)


class Notify:
    """Stands in for the service manager: every message with the states in the order they came."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.messages = []

    def read(self):
        while True:
            try:
                self.messages += self.socket.recv(8192).decode().split("\n")
            except BlockingIOError:
                return self.messages
            except OSError:  # closed: what was heard stays readable
                return self.messages

    def has(self, start):
        return any(m.startswith(start) for m in self.read())

    def last(self, start):
        return next((m[len(start):] for m in reversed(self.read()) if m.startswith(start)), None)

    def forget(self):
        self.read()
        self.messages = []

    def close(self):
        self.read()
        self.socket.close()
