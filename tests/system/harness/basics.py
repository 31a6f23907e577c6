# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Where things are, how to wait, and a process that is stopped by whoever started it."""
import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(os.environ.get("PAPERGUARD_BIN", ROOT / "build/bin"))
# Under a sanitizer strategies are the plain ones: their limit of address space is far below what its shadow takes.
STRATEGIES = Path(os.environ.get("PAPERGUARD_STRATEGIES", BIN / "strategies"))
# Root's daemon runs strategies as nobody, who must get to their programs: from a checkout of root's own they are copied.
if os.geteuid() == 0 and STRATEGIES.exists() and not all(p.stat().st_mode & 1 for p in STRATEGIES.resolve().parents):
    _open = Path(tempfile.mkdtemp(prefix="pg.", dir="/tmp"))
    _open.chmod(0o711)
    atexit.register(shutil.rmtree, _open, ignore_errors=True)
    STRATEGIES = Path(shutil.copytree(STRATEGIES, _open / "strategies"))
SANITIZER = {k: os.environ[k] for k in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS") if k in os.environ}
FINDINGS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "LeakSanitizer has encountered", "runtime error: ")
# The simulator's pair: opens nothing real, and is looked for in every output all the same.
KEY = "PKSIMSYSTEMTEST00001"
SECRET = "sim-secret-Zq7xW3vT9rB5nM1kJ8hG4fD2sA6pL0"
TOKEN = "token-Yw5uR8tE2qP9oI7uY4tR1eW6qA3sD0"
SLOW = float(os.environ.get("PAPERGUARD_TEST_PATIENCE", "1"))  # sanitizers and loaded machines: wait longer


def assert_clean(text):
    """No sanitizer found anything in what a program printed."""
    at = min((text.find(word) for word in FINDINGS if word in text), default=-1)
    assert at < 0, text[at:at + 9000]


def until(condition, seconds=20, what="the condition", alive=None):
    """Returns the first true answer of condition(); fails after the deadline, or at once when alive() says why."""
    begun = time.monotonic()
    end = begun + seconds * SLOW
    while True:
        found = condition()
        if found:
            return found
        if alive is not None:
            dead = alive()
            if dead:
                # one last look: what was waited for may have happened just before the end
                found = condition()
                if found:
                    return found
                raise AssertionError(f"waiting for {what}: {dead}")
        if time.monotonic() > end:
            raise AssertionError(f"{what() if callable(what) else what} did not happen within {seconds * SLOW:g} s")
        time.sleep(min(0.02 + (time.monotonic() - begun) / 50, 0.5))  # what waits long is asked less often


class Scratch:
    """A temporary folder with a short path that unprivileged servers can pass through."""

    def __init__(self, room=None):
        self.path = Path(tempfile.mkdtemp(prefix="pg.", dir=room or "/tmp"))
        self.path.chmod(0o711)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Process:
    """One child with its output in a file."""

    def __init__(self, argv, env, log, cwd=None):
        self.log = Path(log)
        self.argv = [str(a) for a in argv]
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(self.argv, env={**SANITIZER, **env}, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd,
                                          start_new_session=True)

    @property
    def pid(self):
        return self.child.pid

    def text(self):
        return self.log.read_text(errors="replace")

    def running(self):
        return self.child.poll() is None

    def why_dead(self):
        if self.running():
            return ""
        return f"{Path(self.argv[0]).name} ended with {self.child.returncode}: {self.text()[-1500:]}"

    def wait(self, seconds=20):
        until(lambda: self.child.poll() is not None, seconds, f"the end of {Path(self.argv[0]).name}")
        return self.child.returncode

    def signal(self, number):
        if self.running():
            self.child.send_signal(number)

    def stop(self, seconds=30):
        """TERM and the exit status; KILL only when that did not help, which is a failure."""
        if self.running():
            self.child.send_signal(signal.SIGCONT)
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(seconds * SLOW)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.argv[0]} did not stop within {seconds} s: {self.text()[-1500:]}") from None
        return self.child.returncode

    def kill(self):
        if self.running():
            self.child.kill()
        self.child.wait()
