# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A wall clock of the test's own for daemon and simulator: it runs at the normal pace from a chosen New York time, and can be
set. Monotonic clocks and Postgres keep the real time."""
import ctypes
import struct
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

from .daemon import Strategy

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


# --- a site with one slot

HOURS = ("--no-rate-limit", "--partial-rate", "0", "--fill-delay-ms", "20", "--seed", "7", "--hours", "exchange")
SLOT = at(2026, 11, 18, 15, 30)
KEY = "2026-11-18T20:30:00Z"


def wall_site(make_site, folder, start, **more):
    """Its clock is the test's; one slot at 15:30 that may start until 15:35."""
    folder.chmod(0o755)
    wall = Wall(folder, start)
    site = make_site(sim_options=HOURS, sim_env=wall.env, env=wall.env, schedule={"latest_start": "5m"},
                     strategies=[Strategy("w", "15:30", {"SPY": "0.5"}, early_close="shift")], **more).begin()
    return wall, site


def next_run(site):
    return site.daemon.get("/health/scheduler")["job"]["next_run_time"]


def the_run(site, status="completed"):
    """The only one there is, once it is over."""
    row = site.run_ended(seconds=30)
    assert (row["slot_key"], row["status"], len(site.runs())) == (KEY, status, 1), site.runs()
    assert len(site.sim.posts()) == (1 if status == "completed" else 0)
    return row
