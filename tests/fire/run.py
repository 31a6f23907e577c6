#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Under fire: kills, failing calls and failing allocations in the middle of runs, over several hosts at once. After each strike:
the run of that slot comes to its end, with one order for each of its intents, every fill once, ledger and exchange the same,
and the next run works.

FIRE_ROUNDS=n (1), FIRE_SEED=n (1), FIRE_SECONDS=n: after them no shot is fired any more, FIRE_FIRST=1: nor
after the first that shows something wrong, FIELDS=n hosts at a time (12), FIRE_TELL=1: what became of each;
FIRE_SHOT='kind/what/when' fires that one alone. FIRE_ALL=yes: a kill at each call of the path of one order (every.py)."""
import collections
import contextlib
import os
import queue
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from every import TIMES, Every  # noqa: E402
from field import ONE_ORDER, Field, Scratch, Wrong  # noqa: E402
from harness import Postgres, Redis  # noqa: E402
from plan import ROUND, WITHOUT_SERVERS, drawn  # noqa: E402
from shots import Allocations, Shot, out_of  # noqa: E402
from tracer import Trace, Unavailable, disk_thread, path_of  # noqa: E402

HERE = Path(__file__).resolve().parent
ON_ONE_POSTGRES = 7  # each daemon keeps four connections, of forty
said = threading.Lock()


def say(text):
    with said:
        print(text, flush=True)


class Rooms:
    """Makes fields of each kind, and takes everything down again."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        self.scratch = self.folder()
        self.servers = []
        self.fields = 0
        self.lock = threading.Lock()
        self.library = self.scratch / "fail_malloc.so"
        subprocess.run([os.environ.get("CC", "gcc"), "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", self.library,
                        HERE / "fail_malloc.c"], check=True)

    def folder(self):
        scratch = Scratch()
        self.stack.callback(shutil.rmtree, scratch.path, ignore_errors=True)
        return scratch.path

    def started(self, server):
        made = server(self.folder())
        self.stack.callback(made.stop)
        return made

    def field(self, room):
        with self.lock:
            if room == "servers":
                return Field(self.started(Postgres), self.started(Redis))
            if self.fields % ON_ONE_POSTGRES == 0:
                self.servers.append(self.started(Postgres))
            self.fields += 1
            if room == "malloc":
                allocations = Allocations(self.scratch / f"control{self.fields}")
                env = {"LD_PRELOAD": str(self.library), "FAIL_MALLOC": str(allocations.path)}
                return Field(self.servers[-1], env=env, allocations=allocations)
            return Field(self.servers[-1], wanted=ONE_ORDER) if room == "one-order" else Field(self.servers[-1])

    def close(self):
        self.stack.close()


def recorded(rooms, room="plain"):
    """({call: (how often before a run, how often when it is settled)}, why there is none)."""
    field = rooms.field(room)
    try:
        field.aim()
        field.settled()  # connections are made by then
        field.aim()
        who = {"": field.pid, **({"disk:": disk_thread(field.pid)} if room == "one-order" else {})}
        traces = {name: Trace(thread, out_of(field).with_suffix(f".{thread}")) for name, thread in who.items()}
        field.settled()
        path = {}
        for name, trace in traces.items():
            trace.end()
            path |= {name + call: counts for call, counts in path_of(trace.out.read_text(), field.slot.timestamp()).items()}
        field.look(True)
        return path, ""
    except Unavailable as e:
        return {}, str(e)
    finally:
        field.close()


def counted(rooms):
    """Allocations of a run."""
    field = rooms.field("malloc")
    try:
        field.aim()
        field.until_moment(-0.1)
        field.allocations.set(1 << 60)
        field.settled()
        return field.allocations.read()[0]
    finally:
        field.allocations.set(0)
        field.close()


class Shooter(threading.Thread):
    """Fires what is in its queue, at a field that is made anew after something was wrong."""

    def __init__(self, rooms, room, shots, outcomes, until):
        super().__init__()
        self.rooms, self.room, self.shots, self.outcomes, self.until = rooms, room, shots, outcomes, until
        self.field = None

    def run(self):
        while time.monotonic() < self.until and not self.enough():
            try:
                shot = self.shots.get_nowait()
            except queue.Empty:
                break
            self.outcomes.append((shot, self.one(shot)))
            if os.environ.get("FIRE_TELL") and not isinstance(self.outcomes[-1][1], Exception):
                say(f"fire: {shot}: {self.outcomes[-1][1].told}")
        self.leave()

    def enough(self):
        return os.environ.get("FIRE_FIRST") and any(isinstance(result, Exception) for _, result in self.outcomes)

    def leave(self):
        try:
            if self.field:
                self.field.close()
        except Exception as e:
            say(f"fire: at the end: {e}")
        self.field = None

    def one(self, shot):
        """Result, or the exception."""
        try:
            self.field = self.field or self.rooms.field(self.room)
            return shot.fire(self.field)
        except Exception as e:
            log = self.field.tell() if self.field else ""
            say(f"--- {shot}\n{log}\n{traceback.format_exc()}--- {shot}: {e}")
            self.leave()
            return e


def table(outcomes):
    """Lines for people: what was fired, what it struck, how long it took to come back."""
    lines = [f"{'KIND':<17}{'SHOTS':>7}{'STRUCK':>8}{'ENDED':>7}{'RECOVERED':>11}{'COMPLETED':>11}{'MEDIAN s':>10}{'WORST s':>9}"]
    kinds = collections.defaultdict(list)
    for shot, result in outcomes:
        kinds[f"{shot.kind} {shot.what}" if shot.kind == "moment" else shot.kind].append(result)
    for kind, results in sorted(kinds.items()):
        struck = [r for r in results if isinstance(r, Exception) or r.struck]
        good = [r for r in struck if not isinstance(r, Exception)]
        times = [r.seconds for r in good] or [0]
        lines.append(f"{kind:<17}{len(results):>7}{len(struck):>8}{sum(r.ended for r in good):>7}{len(good):>11}"
                     f"{sum(r.status == 'completed' for r in good):>11}{statistics.median(times):>10.2f}{max(times):>9.2f}")
    return lines


def summary(outcomes):
    wrong = [r for _, r in outcomes if isinstance(r, Exception)]
    doubled = sum(isinstance(r, Wrong) and "doubled" in str(r) for r in wrong)
    good = [r for _, r in outcomes if not isinstance(r, Exception) and r.struck]
    return (f"fire: {len(good) + len(wrong)} strikes, {sum(r.ended for r in good)} ends of the daemon, {len(good)} recovered, "
            f"{doubled} doubled, {len(wrong) - doubled} lost")


def fired(rooms, shots, fields, until):
    """[(shot, result)]: all rooms at once."""
    outcomes, threads, queues = [], [], []
    for room, most in (("servers", 2), ("malloc", fields // 4 or 1), ("plain", fields), ("one-order", fields)):
        mine = queue.Queue()
        queues.append(mine)
        for shot in shots:
            if shot.room == room:
                mine.put(shot)
        threads += [Shooter(rooms, room, mine, outcomes, until) for _ in range(min(most, mine.qsize()))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:  # asked to end: each ends what it has begun
        for mine in queues:
            with contextlib.suppress(queue.Empty):
                while True:
                    mine.get_nowait()
        for thread in threads:
            thread.join()
    return outcomes


def number(name, usual):
    text = os.environ.get(name) or str(usual)
    if not text.isdigit():
        sys.exit(f"{name}={text}: expected a whole number")
    return int(text)


def chosen(rooms, counts):
    """(shots, what is left out and why)"""
    if os.environ.get("FIRE_SHOT"):
        kind, what, when = os.environ["FIRE_SHOT"].split("/")
        servers = kind == "moment" and what not in WITHOUT_SERVERS
        rooms_of = {"malloc": "malloc", "every": "one-order", "moment": "servers" if servers else "plain"}
        return [Shot(kind, what, when, rooms_of.get(kind, "plain"))], ""
    seed = number("FIRE_SEED", 1)
    path, why = recorded(rooms)
    allocations = counted(rooms)
    say(f"fire: a run makes {sum(b - a for a, b in path.values())} calls of {len(path)} kinds and {allocations} allocations; "
        f"FIRE_SEED={seed}")
    shots = [shot for n in range(number("FIRE_ROUNDS", 1)) for shot in drawn(path, allocations, seed + n, counts)]
    left = [s for s in shots if why and s.kind in ("kill", "kill-twice", "late", "error")]
    return [s for s in shots if s not in left], f"{len(left)} shots left out: {why}" if left else ""


def at_every_call(rooms, fields, until):
    """(shots, their outcomes)"""
    path, why = recorded(rooms, "one-order")
    if why:
        sys.exit(f"fire: FIRE_ALL=yes needs the tracer: {why}")
    every, outcomes, shots = Every(path), [], []
    say(f"fire: the path of one order has {len(every.calls())} calls of {len(path)} kinds")
    for _ in range(TIMES):
        aimed = every.shots()
        found = fired(rooms, aimed, fields, until)
        every.learn(found)
        shots += aimed
        outcomes += found
    for line in every.told():
        say(line)
    return shots, outcomes


def main(counts=None, fields=0):
    begun = time.monotonic()
    seconds = number("FIRE_SECONDS", 0)
    rooms = Rooms()
    fields, until = fields or number("FIELDS", 12), begun + (seconds or 1e9)
    try:
        if os.environ.get("FIRE_ALL") == "yes":
            left_out, (shots, outcomes) = "", at_every_call(rooms, fields, until)
        else:
            shots, left_out = chosen(rooms, counts or ROUND)
            outcomes = fired(rooms, shots, fields, until)
    finally:
        rooms.close()
    for line in table(outcomes):
        say(line)
    if left_out:
        say(f"fire: {left_out}")
    wrong = [f"FIRE_SHOT='{shot}'" for shot, result in outcomes if isinstance(result, Exception)]
    if len(outcomes) < len(shots):
        say(f"fire: {len(shots) - len(outcomes)} shots were left out: FIRE_SECONDS={seconds} are over")
    if wrong:
        say(f"fire: one of these again: {' '.join(wrong)}")
    say(f"fire: {time.monotonic() - begun:.0f} s")
    say(summary(outcomes))
    return 1 if wrong else 0


def asked_to_end(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, asked_to_end)
    sys.exit(main())
