# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The kinds of fire. A shot is aimed at one slot of one field: it strikes while that slot's run goes its way, what ended is
started again, and the run must come to its end. Each returns what came of it (Result) or raises."""
import struct
import time
from dataclasses import dataclass

from field import PATIENCE_S, Wrong, until
from tracer import Trace, disk_thread, inject, place_of

CONFIG_EXIT = 78  # systemd leaves it down: right for a wrong switch, wrong for a full disk
ERROR_S = 1.3     # how long after the slot calls go on failing
LATE_S = 3        # of a shot that is late: what the configuration allows, after which the daemon is started again


@dataclass
class Result:
    kind: str
    struck: bool
    ended: bool = False       # the daemon's process was gone
    seconds: float = 0        # from its start, or from the end of the fault, until the run was settled
    status: str = "completed"
    told: str = ""            # what became of it, for FIRE_TELL
    place: int | None = None  # which call of its name after the slot a kill met


@dataclass(frozen=True)
class Shot:
    kind: str
    what: str
    when: str
    room: str = "plain"  # of fields: those with servers of their own, those with the library that fails

    def __str__(self):
        return f"{self.kind}/{self.what}/{self.when}"

    def fire(self, field):
        late = f"{LATE_S}s" if self.kind == "late" else None
        while True:
            field.aim(late)
            arm = ARMS.get(self.kind, arm_nothing)(self, field)
            if field.in_time():
                break
            if arm:  # a busy machine: that slot came before it was ready
                arm.end()
            if field.ended():
                field.again()
            field.settled()
        return KINDS[self.kind](self, field, arm)


def arm_nothing(shot, field):
    return None


def out_of(field):
    return field.site.folder / "strace.out"


def arm_kill(shot, field):
    return Trace(field.pid, out_of(field), *inject(shot.what, "signal=KILL", shot.when))


def arm_every(shot, field):
    """A call of the daemon's loop, or (disk:CALL) of the thread that has its disk."""
    thread = disk_thread(field.pid) if shot.what.startswith("disk:") else field.pid
    return Trace(thread, out_of(field), *inject(shot.what.removeprefix("disk:"), "signal=KILL", shot.when))


def arm_error(shot, field):
    call, _, error = shot.what.partition("=")
    return Trace(field.pid, out_of(field), *inject(call, f"error={error}", shot.when))


def recovered(shot, field, begun, ended, whole=True):
    row = field.settled()
    seconds = time.monotonic() - begun
    field.look(whole)
    return Result(shot.kind, True, ended, seconds, row["status"], f"{row['status']} {row['detail']}")


def struck_or_over(field):
    until(lambda: field.ended() or field.over(), PATIENCE_S, "the strike or the end of the run")


def killed_at_call(shot, field, trace):
    struck_or_over(field)
    trace.end()
    if not field.ended():
        field.look(True)
        return Result(shot.kind, False)
    place = place_of(out_of(field).read_text(errors="replace"), field.slot.timestamp())
    result = recovered(shot, field, field.again(), True)
    result.place = place
    return result


def killed_and_late(shot, field, trace):
    """Started again only when latest_start and run_deadline are over."""
    struck_or_over(field)
    trace.end()
    if not field.ended():
        field.look(True)
        return Result(shot.kind, False)
    field.until_moment(LATE_S + 0.2)
    before = field.sent()
    result = recovered(shot, field, field.again(), True, whole=False)
    if field.sent() != before:
        raise Wrong(f"doubled or late: {before} orders before the deadline, {field.sent()} after it")
    return result


def killed_twice(shot, field, _):
    """Killed after the slot, and once more at a call of the start that takes the run up again."""
    field.until_moment(float(shot.when.split("+")[0]))
    field.kill()
    options = inject(shot.what, "signal=KILL", shot.when.split("+")[1])
    # -D: the daemon stays our child, strace is beside it.
    field.daemon.wrapper = ["strace", "-D", "-ttt", "-s", "0", "-o", out_of(field), *options]
    try:
        field.again()
        struck_or_over(field)
    finally:
        field.daemon.wrapper = []
    field.kill()  # where the run was over before that call, here: the tracer ends with the daemon only
    return recovered(shot, field, field.again(), True)


def killed_at_moment(shot, field, _):
    if shot.what == "away":  # over the slot itself
        field.until_moment(-0.2)
        field.kill()
    field.until_moment(float(shot.when))
    begun = time.monotonic()
    if shot.what in ("daemon", "all"):
        field.kill()
    if shot.what in ("Postgres", "all"):
        field.kill_postgres()
    if shot.what in ("exchange", "all"):
        field.sim_again()
    if shot.what in ("Redis", "all"):
        field.kill_redis()
    if shot.what in ("Postgres", "all"):
        field.postgres_again()
    if shot.what in ("Redis", "all"):
        field.redis_again()
    if shot.what in ("daemon", "all", "away"):
        begun = field.again()
    return recovered(shot, field, begun, shot.what in ("daemon", "all", "away"))


def come_back(shot, field):
    """The fault is over: what became of the daemon, and of the run."""
    begun, ended = time.monotonic(), field.ended()
    if ended:
        status = field.daemon.process.child.returncode
        if status == CONFIG_EXIT:
            raise Wrong(f"ended with {CONFIG_EXIT}, after which nobody starts it again")
        begun = field.again()
    result = recovered(shot, field, begun, ended, whole=False)
    if ended:
        result.told = f"the daemon ended with {status}; {result.told}"
    return result


def failing_calls(shot, field, trace):
    end = field.slot.timestamp() + ERROR_S
    until(lambda: field.ended() or time.time() > end, PATIENCE_S, "the end of the fault")
    struck = trace.struck()
    trace.end()
    result = come_back(shot, field)
    result.struck = struck
    return result


class Allocations:
    """The control page of fail_malloc.c."""
    SIZE = 32

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(self.SIZE))

    def set(self, at, every=False):
        with open(self.path, "r+b") as f:
            f.write(struct.pack("qqqq", at, every, 0, 0))

    def read(self):
        """(allocations counted, allocations failed)"""
        return struct.unpack("qqqq", self.path.read_bytes())[2:]


def failing_allocations(shot, field, _):
    field.until_moment(-0.1)
    field.allocations.set(int(shot.when.rstrip("+")), shot.when.endswith("+"))
    end = field.slot.timestamp() + ERROR_S
    try:
        until(lambda: field.ended() or time.time() > end, PATIENCE_S, "the end of the fault")
    finally:
        failed = field.allocations.read()[1]
        field.allocations.set(0)
    result = come_back(shot, field)
    result.struck = failed > 0
    return result


KINDS = {"kill": killed_at_call, "every": killed_at_call, "late": killed_and_late, "kill-twice": killed_twice,
         "moment": killed_at_moment, "error": failing_calls, "malloc": failing_allocations}
ARMS = {"kill": arm_kill, "every": arm_every, "late": arm_kill, "error": arm_error}
