# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The broker's calendar while the broker is away, and slots that nobody was there for."""
from datetime import timedelta

import pytest

from harness import Sim, until
from harness.wall import HOURS, KEY, LIBRARY, SLOT, at, may_jump, next_run, the_run, wall_site


@pytest.mark.skipif(not may_jump(), reason="libfaketime is not installed, or the clock may not be set")
@pytest.mark.parametrize("status", ["completed", "missed"])
def test_the_brokers_calendar_is_kept_while_it_is_away(make_site, tmp_path, status):
    """Started while the broker is away: the slots to come are known; the slot that comes waits for the broker and runs when it is
    back in time, else it is missed and alerted while the broker still is away."""
    wall, site = wall_site(make_site, tmp_path, at(2026, 11, 18, 15, 20))
    assert "agrees today" in site.daemon.ctl("--wide", "check")
    site.daemon.stop()
    site.sim.stop()
    site.daemon.notify.forget()
    site.daemon.start().up()
    until(lambda: next_run(site) == KEY, 20, "the next slot by the kept calendar", site.daemon.process.why_dead)
    told = site.daemon.get("/health/scheduler")
    assert told["calendar_kept_from"].startswith("2026-11-18T20:2") and told["calendar_check"] == "agrees with the exchange's rules"
    shown = site.daemon.ctl("next")
    assert "as the broker told it 2026-11-18T20:2" in shown, shown
    assert site.daemon.cli("run").returncode != 0
    wall.set(SLOT + timedelta(minutes=1))
    until(lambda: "a slot is due and waits" in site.daemon.text(), 20, "the slot waits")
    assert site.runs() == []
    if status == "missed":
        wall.set(SLOT + timedelta(minutes=6))
        until(lambda: site.sql("SELECT 1 FROM alerts WHERE kind = 'run_missed'"), 30, "the alert")
        assert [(r["slot_key"], r["status"]) for r in site.runs()] == [(KEY, "missed")]
    site.sim = Sim(site.folder, *HOURS, port=site.sim.port, env=wall.env)
    the_run(site, status)
    until(lambda: site.daemon.http("/health/ready")[0] == 200, 20, "in step again")
    assert site.daemon.get("/health/scheduler")["calendar_kept_from"] is None


@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")
def test_the_first_slot_of_a_schedule_is_missed_when_nobody_was_there(make_site, tmp_path):
    """Before any run of it: the daemon that starts after the slot knows since when it was to be watched. Another schedule begins anew."""
    wall, site = wall_site(make_site, tmp_path, at(2026, 11, 18, 15, 20))
    until(lambda: site.sql("SELECT 1 FROM schedules WHERE schedule = '15:30'"), 20, "the schedule is known")
    site.daemon.stop()
    wall.set(SLOT + timedelta(minutes=20))
    site.daemon.start().up()
    until(lambda: site.sql("SELECT 1 FROM alerts WHERE kind = 'run_missed'"), 30, "the alert", site.daemon.process.why_dead)
    row, = site.runs()
    assert (row["slot_key"], row["status"], row["strategies"]) == (KEY, "missed", ["w"]) and "latest_start" in row["detail"], row
    site.daemon.stop()
    site.daemon.config.write_text(site.daemon.config.read_text().replace("schedule = 15:30", "schedule = 15:40"))
    site.daemon.start().in_step()
    until(lambda: site.sql("SELECT 1 FROM schedules WHERE schedule = '15:40'"), 20, "the other schedule is known")
    until(lambda: next_run(site) == "2026-11-19T20:40:00Z", 20, "its next slot")
    assert len(site.runs()) == 1
