# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Clocks: runs that straddle 20:00 and midnight in New York, half-days, changes to and from daylight saving. Daemon and
simulator live in a faked wall clock that runs at the normal pace from a chosen instant; the monotonic clocks stay real."""
import shutil
import sys
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from harness import KEY, SECRET, Sim, Strategy, until
from harness.wall import LIBRARY, NEW_YORK, at, faked

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))
import compare  # noqa: E402

# The first order of seed 7 fills in many parts, about two seconds apart: its run takes long. Prices move fast.
SLOW_FILLS = ("--no-rate-limit", "--partial-rate", "0.75", "--fill-delay-ms", "2000", "--seed", "7", "--speed", "5000")
QUICK = ("--no-rate-limit", "--partial-rate", "0", "--fill-delay-ms", "20", "--seed", "7", "--speed", "5000")

HOURS = (*QUICK, "--hours", "exchange")

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")


@pytest.fixture
def make_clock_site(make_site):
    def make(start, sim_options, strategies, **more):
        fake = faked(start)
        return make_site(sim_options=sim_options, sim_env=fake, env=fake, strategies=strategies, **more)
    return make


def same(site):
    differences, truth = compare.check(compare.Exchange(site.sim.url, KEY, SECRET), compare.Ledger(site.dsn))
    assert not differences, differences
    return truth


def ended(site):
    return [r for r in site.runs() if r["completed_at"]]


def check_slots(rows, period):
    """Every slot once, with its instant as key, in the session that instant belongs to."""
    assert len({r["slot_key"] for r in rows}) == len(rows)
    for r in rows:
        instant = datetime.fromisoformat(r["slot_key"].replace("Z", "+00:00"))
        assert r["scheduled_at"] == instant and int(instant.timestamp()) % period == 0
        local = instant.astimezone(NEW_YORK)
        expected = local.date() + timedelta(days=1) if local.hour >= 20 else local.date()
        assert r["session"] == expected, (r["slot_key"], local, r["session"])
        assert r["settled"], r


@pytest.mark.parametrize("hour,name", [(20, "the turn of the session"), (0, "midnight")])
def test_a_run_that_straddles(make_clock_site, hour, name):
    """A slot 5 s before, orders that fill after: one session date for the whole run, the next slot in the right session."""
    turn = at(2026, 11, 18, hour, 0)
    site = make_clock_site(turn - timedelta(seconds=13), SLOW_FILLS, [Strategy(schedule="every 5s", weights={"SPY": "0.5"})],
                           ).begin()
    # A run that began before the turn and ended after it, and one that began after it.
    def straddled():
        rows = ended(site)
        return any(r["started_at"] < turn < r["completed_at"] for r in rows) and any(r["started_at"] > turn for r in rows)
    until(straddled, 40, f"a run over {name}; {[(r['slot_key'], r['status']) for r in site.runs()]}", site.daemon.process.why_dead)
    site.daemon.stop()
    rows = [r for r in site.runs() if r["settled"]]
    check_slots(rows, 5)
    # A day order ends with its day: what is open at midnight expires there, and the run says so.
    assert all(r["status"] == "completed" or (hour == 0 and r["status"] == "partial" and "expired" in r["detail"] and
                                              r["started_at"] < turn < r["completed_at"]) for r in rows), rows
    over = next(r for r in rows if r["started_at"] < turn < r["completed_at"])
    intents = site.sql("SELECT DISTINCT session FROM intents WHERE run_id = %s", over["run_id"])
    assert [i["session"] for i in intents] in ([], [over["session"]])
    before, after = {r["session"] for r in rows if r["started_at"] < turn}, {r["session"] for r in rows if r["started_at"] > turn}
    if hour == 20:
        assert before == {turn.date()} and after == {turn.date() + timedelta(days=1)}
    else:
        assert before == after == {turn.date()}
    same(site)


def test_orders_of_one_slot_time_on_both_sides_have_different_ids(make_clock_site):
    """Manual runs before and after 20:00: each session counts its own ordinals, and no client order id comes twice."""
    turn = at(2026, 11, 18, 20, 0)
    site = make_clock_site(turn - timedelta(seconds=8), QUICK, [Strategy(weights={"SPY": "0.5"})]).begin()
    first = site.run_whole()
    assert first["slot_key"] == "manual-1" and first["session"] == turn.date() and first["started_at"] < turn
    until(lambda: datetime.now(timezone.utc) + shift(site) > turn, 20, "20:00")
    second = site.run_whole()
    assert second["slot_key"] == "manual-1" and second["session"] == turn.date() + timedelta(days=1)
    ids = [o["client_order_id"] for o in site.sim.orders()]
    assert len(set(ids)) == len(ids)
    same(site)


def shift(site):
    return timedelta(seconds=float(site.daemon.env["FAKETIME"]))


@pytest.mark.parametrize("days", [
    {date(2026, 3, 6): "2026-03-06T20:30:00Z", date(2026, 3, 9): "2026-03-09T19:30:00Z"},
    {date(2026, 10, 30): "2026-10-30T19:30:00Z", date(2026, 11, 2): "2026-11-02T20:30:00Z"}], ids=["spring", "autumn"])
def test_clock_slot_around_a_change_of_the_clocks(make_clock_site, days):
    """15:30 in New York is 20:30 UTC in winter, 19:30 UTC in summer; both changes fall between a Friday and a Monday."""
    for day, key in days.items():
        start = datetime.combine(day, datetime.min.time(), NEW_YORK).replace(hour=15, minute=29, second=55)
        site = make_clock_site(start, HOURS, [Strategy(schedule="15:30", early_close="shift", weights={"SPY": "0.5"})]).begin()
        row = site.run_ended(seconds=30)
        assert row["slot_key"] == key and row["session"] == day and row["status"] == "completed", row
        assert len(site.runs()) == 1
        site.daemon.stop()
        same(site)


@pytest.mark.parametrize("rule,runs", [("shift", 1), ("skip", 0)])
def test_half_day(make_clock_site, rule, runs):
    """The Friday after Thanksgiving closes at 13:00: 15:30 keeps its half hour to the close, or the day is left out."""
    site = make_clock_site(at(2026, 11, 27, 12, 29, 54), HOURS,
                           [Strategy(schedule="15:30", early_close=rule, weights={"SPY": "0.5"})]).begin()
    until(lambda: datetime.now(timezone.utc) + shift(site) > at(2026, 11, 27, 12, 30, 3), 20, "12:30:03")
    if runs:
        row = site.run_ended(seconds=20)
        assert row["slot_key"] == "2026-11-27T17:30:00Z" and row["status"] == "completed", row
    assert len(site.runs()) == runs
    next_run = site.daemon.get("/health/scheduler")["job"]["next_run_time"]
    assert next_run == "2026-11-30T20:30:00Z"


def test_market_closed_runs_are_refused(make_clock_site):
    site = make_clock_site(at(2026, 11, 18, 17, 0), HOURS, [Strategy("w", "close-30m")]).begin()
    done = site.daemon.cli("run")
    assert done.returncode != 0 and "closed" in done.stdout + done.stderr and site.runs() == []
    assert site.daemon.get("/health/scheduler")["job"]["next_run_time"] == "2026-11-19T20:30:00Z"


def test_slot_missed_while_the_daemon_was_away(make_clock_site):
    """Run on Wednesday, down over Thursday's slot and past its latest start: recorded as missed and alerted, never run late."""
    site = make_clock_site(at(2026, 11, 18, 15, 29, 55), HOURS, [Strategy("w", "15:30", {"SPY": "0.5"}, early_close="shift")],
                           schedule={"latest_start": "60s"}, orders={"mode": "record"}).begin()
    assert site.run_ended(seconds=30)["slot_key"] == "2026-11-18T20:30:00Z"
    site.daemon.stop()
    site.sim.stop()
    later = faked(at(2026, 11, 19, 15, 40))
    site.sim = Sim(site.folder, *HOURS, port=site.sim.port, env=later)
    site.daemon.env.update(later)
    site.daemon.notify.forget()
    site.daemon.start().up().ready()
    until(lambda: len(ended(site)) == 2, 20, "the missed slot's row")
    row = site.runs()[1]
    assert row["status"] == "missed" and row["slot_key"] == "2026-11-19T20:30:00Z" and row["orders_submitted"] == 0, row
    until(lambda: site.sql("SELECT 1 FROM alerts WHERE kind = 'run_missed'"), 10, "the alert")
    assert site.sim.posts() == [] and site.daemon.metric("paperguard_runs_total", status="missed") == 1


def without_thanksgiving(folder):
    """The simulator's data, but for a calendar that has forgotten a holiday."""
    data = folder / "data"
    shutil.copytree(Path(__file__).resolve().parents[2] / "conf" / "sample-data", data)
    days = data / "calendar" / "nyse_special_days.csv"
    lines = days.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("2026-11-26")]
    assert len(kept) == len(lines) - 1
    days.write_text("".join(kept))
    return data


@pytest.mark.parametrize("special,runs", [("", 0), ("2026-11-26=09:30-16:00", 1)])
def test_a_broker_whose_calendar_is_wrong(make_clock_site, tmp_path, special, runs):
    """The broker lists Thanksgiving Day as a session: told before it comes, and no run starts in it, by schedule or by hand;
    unless an operator has listed that day."""
    tmp_path.chmod(0o755)
    schedule = {"latest_start": "5s"} | ({"special_days": special} if special else {})
    site = make_clock_site(at(2026, 11, 26, 15, 29, 54), (*HOURS, "--data", str(without_thanksgiving(tmp_path))),
                           [Strategy("w", "15:30", {"SPY": "0.5"}, early_close="shift")], schedule=schedule).begin()
    row = site.run_ended(seconds=30) if runs else until(site.runs, 30, "the missed slot")[0]
    assert row["slot_key"] == "2026-11-26T20:30:00Z" and row["status"] == ("completed" if runs else "missed"), row
    assert len(site.sim.posts()) == runs
    assert bool(site.sql("SELECT 1 FROM alerts WHERE kind = 'calendar'")) != bool(runs)
    told = site.daemon.get("/health/scheduler")["calendar_check"]
    if runs:
        assert told == "agrees with the exchange's rules"
        return
    assert told.startswith("2026-11-26: the broker lists a session until 16:00, the exchange's rules none (Thanksgiving"), told
    by_hand = site.daemon.cli("run")
    assert by_hand.returncode != 0 and "Thanksgiving Day" in by_hand.stdout + by_hand.stderr
    assert site.daemon.get("/health")["status"] == "degraded"
    assert "in doubt" in site.daemon.cli("next").stdout
    assert site.sim.posts() == []
