# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""strace at a running daemon: what it calls, and faults put in the place of a call."""
import collections
import os
import re
import select
import shutil
import signal
import subprocess
import time

LINE = re.compile(r"^(?:\d+ +)?(\d+\.\d+) (\w+)\(")  # a process id before it when several threads are traced


class Unavailable(Exception):
    """No tracing here: not installed, or forbidden (a container without CAP_SYS_PTRACE)."""


def inject(calls, what, when):
    """The options for one fault, or one series of them: inject("sendto", "signal=KILL", "17")."""
    return ["-e", f"trace={calls}", "-e", f"inject={calls}:{what}:when={when}"]


def disk_thread(pid):
    """Of a daemon, the thread that has its disk."""
    return next(int(task) for task in os.listdir(f"/proc/{pid}/task") if int(task) != pid)


class Trace:
    """Returns when the process is traced: its loop alone, or the thread that has its disk too."""

    def __init__(self, pid, out, *options, threads=False):
        if not shutil.which("strace"):
            raise Unavailable("strace is not installed (make deps)")
        self.out = out
        self.out.write_text("")
        who = [word for task in os.listdir(f"/proc/{pid}/task") for word in ("-p", task)] if threads else ["-p", str(pid)]
        self.child = subprocess.Popen(["strace", "-ttt", "-s", "0", "-o", out, *options, *who], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        said, end = b"", time.monotonic() + 20
        while said.count(b" attached") < len(who) // 2:
            ready, _, _ = select.select([self.child.stderr], [], [], max(0, end - time.monotonic()))
            piece = self.child.stderr.read1(4096) if ready else b""
            said += piece
            if not piece:
                self.end()
                raise Unavailable(f"{said.decode(errors='replace').strip() or 'not attached within 20 s'}")

    def struck(self):
        return "(INJECTED)" in self.out.read_text(errors="replace")

    def strikes(self):
        return self.out.read_text(errors="replace").count("(INJECTED)")

    def end(self):
        """Lets the process go on untraced."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGINT)
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stderr.close()


def place_of(text, since):
    """Which call after that moment a fault was put in the place of; 0: one before it; None: no fault was met."""
    place = 0
    for line in text.split("\n"):
        found = LINE.match(line)
        place += bool(found) and float(found[1]) >= since
        if "(INJECTED)" in line or "+++ killed" in line:
            return place
    return None


def path_of(text, since):
    """{call: (how often before that moment, how often in all)} of a recording."""
    before, whole = collections.Counter(), collections.Counter()
    for line in text.split("\n"):
        found = LINE.match(line)
        if found:
            whole[found[2]] += 1
            before[found[2]] += float(found[1]) < since
    return {call: (before[call], n) for call, n in whole.items()}
