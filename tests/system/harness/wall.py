# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A wall clock of the test's own for daemon and simulator: it runs at the normal pace from a chosen New York time, and can be
set. Monotonic clocks and Postgres keep the real time."""
import ctypes
import struct
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
LIBRARY = next((p for p in Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)


def at(year, month, day, hour, minute, second=0):
    return datetime(year, month, day, hour, minute, second, tzinfo=NEW_YORK)


def shift_to(start):
    assert start.tzinfo is NEW_YORK
    return f"{(start.astimezone(timezone.utc) - datetime.now(timezone.utc)).total_seconds():+.3f}"


def faked(start):
    """The environment of a process whose wall clock starts at this New York time now."""
    return {"LD_PRELOAD": str(LIBRARY), "FAKETIME": shift_to(start), "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_RESET": "1", "TZ": "UTC"}


def tell_of_jump(nanoseconds):
    """The kernel tells all who asked for it that the clock was set; nothing else comes of a nanosecond. False: not allowed."""
    adj_setoffset, adj_nano = 0x0100, 0x2000
    timex = struct.pack("@Iqqqqiqqqqq16q", adj_setoffset | adj_nano, *[0] * 8, *divmod(nanoseconds, 10**9), *[0] * 16)
    return ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(timex, 256)) >= 0


def may_jump():
    return LIBRARY is not None and tell_of_jump(1) and tell_of_jump(-1)


class Wall:
    """A wall clock that every process with this environment reads, set whenever the test says so: the kernel tells of it where
    this user may make it do so."""

    def __init__(self, folder, start):
        self.file = Path(folder) / "wall"
        self.set(start)
        self.env = {**faked(start), "FAKETIME_TIMESTAMP_FILE": str(self.file)}
        del self.env["FAKETIME"]

    def set(self, start):
        new = self.file.with_suffix(".new")
        new.write_text(shift_to(start))
        new.chmod(0o644)
        new.rename(self.file)
        tell_of_jump(1)
        tell_of_jump(-1)

    def now(self):
        return datetime.now(timezone.utc) + timedelta(seconds=float(self.file.read_text()))
