# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""`next` and `strategies`: slots to come over half-days, holidays and the end of daylight saving; a pause that survives."""
from datetime import datetime, timezone

import pytest

from harness import Strategy, until
from test_midnight import HOURS, LIBRARY, at, faked


@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")
def test_next_names_what_is_unusual(make_site):
    fake = faked(at(2026, 10, 29, 11, 0))
    site = make_site(sim_options=HOURS, sim_env=fake, env=fake, strategies=[
        Strategy("late", "15:30", allocation="0.4", early_close="shift"),
        Strategy("close", "close-30m", allocation="0.3"),
        Strategy("noon", "12:00", allocation="0.3", early_close="skip")]).begin()
    told = site.daemon.ctl_json("next", "--days", "30")
    slots = {s["at"]: s for s in told["slots"]}
    # 15:30 and close-30m are one instant, and one run: the key is the instant, the distance to UTC changes with the clock.
    before, after = slots["2026-10-30T19:30:00Z"], slots["2026-11-02T20:30:00Z"]
    assert before["strategies"] == after["strategies"] == ["late", "close"] and not before["early_close"]
    assert before["at_new_york"].startswith("2026-10-30T15:30:00-04:00") and after["at_new_york"].endswith("-05:00")
    half = slots["2026-11-27T17:30:00Z"]  # 12:30, half an hour before the early close
    assert half["early_close"] and half["strategies"] == ["late", "close"]
    assert not any(s["session"] == "2026-11-27" and "noon" in s["strategies"] for s in told["slots"])
    assert [c["date"] for c in told["clock_changes"]] == ["2026-11-01"]
    assert told["clock_changes"][0]["what"] == "daylight saving time ends" and told["clock_changes"][0]["after"] == "-05:00"
    assert "2026-11-26" in told["closed_weekdays"] and told["early_closes"][0]["session"] == "2026-11-27"
    assert [s["at"] for s in told["slots"]] == sorted(slots) and told["slots"][0]["at"] == "2026-10-29T16:00:00Z"
    out = site.daemon.ctl("next", "--days", "30")
    for words in ("Fri 2026-11-27 12:30:00  2026-11-27T17:30:00Z", "early close", "closed     2026-11-26", "at 13:00:00 New York",
                  "2026-11-01: daylight saving time ends in New York (UTC-05:00, before UTC-04:00)", "known until 2026-11-2"):
        assert words in out, out
    assert len(site.daemon.ctl_json("next", "--days", "1")["slots"]) == 2
    assert site.daemon.cli("next", "--days", "61").returncode == 64
    site.daemon.ctl("strategies", "pause", "noon", "holidays")
    assert "paused: noon" in site.daemon.ctl("next", "--days", "1")


def test_a_pause_is_kept_over_a_restart_and_left_out_of_runs(make_site):
    site = make_site(strategies=[Strategy("one", allocation="0.5"), Strategy("two", allocation="0.5")]).begin()
    assert site.daemon.cli("strategies", "pause", "one").returncode == 64, "a pause needs a reason"
    wrong = site.daemon.cli("strategies", "pause", "onne", "x")
    assert wrong.returncode == 64 and 'did you mean "one"' in wrong.stderr
    out = site.daemon.ctl("strategies", "pause", "one", "its", "model", "drifts")
    assert "one paused" in out
    assert site.daemon.cli("strategies", "pause", "one", "again").returncode == 1
    refused = site.daemon.cli("run", "one")
    assert refused.returncode == 1 and "paused (its model drifts)" in refused.stderr, refused
    row = site.run_whole()
    assert row["strategies"] == ["two"]
    site.daemon.stop()
    site.daemon.start().in_step()
    table = site.daemon.ctl("strategies")
    line = next(s for s in table.split("\n") if s.startswith("one "))
    assert "paused" in line and "its model drifts" in line
    assert "paused     strategy one" in site.daemon.ctl("status")
    monitored = site.daemon.ctl("status", "--nagios")
    assert ", paused: one |" in monitored and " paused=1 " in monitored
    assert site.run_whole()["strategies"] == ["two"]
    site.daemon.ctl("strategies", "resume", "one")
    assert site.daemon.cli("strategies", "resume", "one").returncode == 1
    assert site.run_whole()["strategies"] == ["one", "two"]
    rows = site.sql("SELECT strategy, paused, reason, source FROM strategy_pauses ORDER BY pause_id")
    assert [(r["strategy"], r["paused"], r["reason"]) for r in rows] == [("one", True, "its model drifts"),
                                                                      ("one", False, "resumed")]
    assert all("user id" in r["source"] for r in rows)
    told = {s["name"]: s for s in site.daemon.ctl_json("strategies")["strategies"]}
    assert told["one"]["state"] == "active" and told["one"]["paused_at"] is None and "SPY" in told["one"]["symbols"]


def test_scheduled_slots_go_without_what_is_paused(make_site):
    site = make_site(strategies=[Strategy("one", "every 2s", allocation="0.5"), Strategy("two", "every 2s", allocation="0.5")])
    site.daemon.db_init()
    site.daemon.start().up().ready()
    site.accept()
    site.run_ended()
    site.daemon.ctl("strategies", "pause", "one", "look")
    paused_at = datetime.now(timezone.utc)
    def left_out():
        return [r for r in site.runs() if r["started_at"] > paused_at and r["strategies"] == ["two"]]
    until(left_out, 20, "a run without it")
    later = [r for r in site.runs() if r["started_at"] > paused_at]
    assert all(r["strategies"] == ["two"] for r in later), later
    assert "goes without what an operator paused: one" in site.daemon.text()
