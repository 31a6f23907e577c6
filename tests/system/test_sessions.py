# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A slot runs once or is missed, whatever happens to clock, machine and daemon around its instant."""
import signal
import subprocess
from datetime import timedelta

import pytest

from harness import Strategy, until
from harness.basics import BIN
from harness.wall import HOURS, KEY, LIBRARY, SLOT, Wall, at, faked, may_jump, next_run, the_run, wall_site

NEXT = "2026-11-19T20:30:00Z"

faketime = pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")
jumps = pytest.mark.skipif(not may_jump(), reason="libfaketime is not installed, or the clock may not be set")


@pytest.fixture
def make_wall_site(make_site, tmp_path):
    return lambda start: wall_site(make_site, tmp_path, start)


def reached(wall, instant):
    until(lambda: wall.now() > instant, 30, str(instant))


@jumps
@pytest.mark.parametrize("minutes,status", [(2, "completed"), (7, "missed")])
def test_a_clock_set_forward_over_the_slot(make_wall_site, minutes, status):
    """Within its latest start the slot runs, once; after it, it is missed."""
    wall, site = make_wall_site(at(2026, 11, 18, 15, 10))
    assert next_run(site) == KEY
    wall.set(SLOT + timedelta(minutes=minutes))
    the_run(site, status)
    assert next_run(site) == NEXT
    if status == "missed":
        until(lambda: site.sql("SELECT 1 FROM alerts WHERE kind = 'run_missed'"), 10, "the alert")


@jumps
def test_a_clock_that_is_set_wrong_over_the_slot(make_site, tmp_path):
    """The daemon's alone, an hour ahead: whether that is right is asked of the broker before anything starts."""
    tmp_path.chmod(0o755)
    start = at(2026, 11, 18, 14, 31)
    wall = Wall(tmp_path, start)
    site = make_site(sim_options=HOURS, sim_env=faked(start), env=wall.env,
                     strategies=[Strategy("w", "15:30", {"SPY": "0.5"}, early_close="shift")]).begin()
    wall.set(SLOT + timedelta(minutes=1))
    until(lambda: site.sql("SELECT 1 FROM alerts WHERE kind = 'clock'"), 20, "the alert")
    assert "ahead of the broker's" in str(site.daemon.http("/health/ready")[1])
    assert site.runs() == [] and site.sim.posts() == []
    wall.set(start)
    until(lambda: site.daemon.http("/health/ready")[0] == 200, 20, "in step again")
    assert site.runs() == []


@faketime
def test_a_clock_set_back_over_the_slot(make_wall_site):
    """What ran does not run again when its instant comes once more."""
    wall, site = make_wall_site(SLOT - timedelta(seconds=5))
    row = the_run(site)
    wall.set(SLOT - timedelta(seconds=2))
    reached(wall, SLOT + timedelta(seconds=1))
    until(lambda: next_run(site) == NEXT, 10, "the next slot")
    assert the_run(site)["run_id"] == row["run_id"]


@jumps
@pytest.mark.parametrize("minutes,status", [(1, "completed"), (6, "missed")])
def test_a_machine_that_sleeps_over_the_slot(make_wall_site, minutes, status):
    """Daemon and exchange stand still; the clock has gone on when they do."""
    wall, site = make_wall_site(at(2026, 11, 18, 15, 20))
    both = (site.daemon.process, site.sim.process)
    for p in both:
        p.signal(signal.SIGSTOP)
    wall.set(SLOT + timedelta(minutes=minutes))
    for p in reversed(both):
        p.signal(signal.SIGCONT)
    the_run(site, status)


@faketime
def test_restarts_before_at_and_after_the_slot(make_wall_site):
    """Killed shortly before the slot, in the middle of its run, and after it: one run, and its order went out once."""
    wall, site = make_wall_site(SLOT - timedelta(minutes=5))

    def again():
        site.daemon.process.kill()
        site.daemon.notify.forget()
        site.daemon.start().up().ready()

    wall.set(SLOT - timedelta(seconds=6))
    again()
    assert wall.now() < SLOT or site.runs()
    until(site.runs, 20, "the slot's run", site.daemon.process.why_dead)
    again()
    row = the_run(site)
    again()
    until(lambda: next_run(site) == NEXT, 10, "the next slot")
    assert the_run(site)["run_id"] == row["run_id"]


@faketime
def test_started_after_the_slot_in_time(make_wall_site):
    """The daemon was away at the slot's instant and is back before the latest start: it runs, late and once."""
    wall, site = make_wall_site(SLOT - timedelta(minutes=1))
    site.daemon.stop()
    wall.set(SLOT + timedelta(minutes=2))
    site.daemon.notify.forget()
    site.daemon.start().up().ready()
    row = the_run(site)
    assert row["started_at"] - row["scheduled_at"] >= timedelta(minutes=2)


@pytest.mark.parametrize("program", ["paperguardd", "paperguard"])
def test_without_zone_data_nothing_starts(site, program):
    """libc would take UTC without a word, and every slot would be hours off."""
    arguments = ["--check"] if program == "paperguardd" else ["next"]
    done = subprocess.run([BIN / program, "--config", site.daemon.config, *arguments], capture_output=True, text=True, timeout=60,
                          env={**site.daemon.env, "TZDIR": "/nonexistent"}, check=False)
    assert "no zone data for America/New_York" in done.stderr and "tzdata" in done.stderr, done.stderr
    assert done.returncode == 78
