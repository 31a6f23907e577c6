# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The session of a New York evening is dated by UTC: it is tomorrow's, and the day's caps begin anew.

Source: staging-guides#12, UTC dates for New York sessions.
Protected by: sessions are New York dates of the exchange's calendar that turn at 20:00 (lib/trade/session.c); daily sums are read by
session."""
from datetime import date

import pytest

from acts import place, placed
from harness import Strategy
from harness.site import QUIET_SIM
from harness.wall import LIBRARY, at, faked

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")


def test_half_past_seven_in_the_evening_is_still_today(make_site):
    fake = faked(at(2026, 11, 18, 19, 30))  # 00:30 UTC of the nineteenth
    site = make_site(sim_options=QUIET_SIM, sim_env=fake, env=fake, strategies=[Strategy(weights={"SPY": "0.3"})],
                     risk={"max_orders_per_day": "2"}).begin()
    row = site.run_whole()
    assert row["session"] == date(2026, 11, 18) and row["started_at"].date() == date(2026, 11, 19), row
    placed(site, "evening", symbol="TLT")
    assert {str(r["session"]) for r in site.sql("SELECT session FROM intents")} == {"2026-11-18"}
    assert place(site, "one-more", symbol="GLD")[:2] == (422, "orders_per_day"), "midnight of UTC is no new day"
    assert len(site.sim.posts()) == 2
