# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""What was traded today is counted in memory: a restart, and the cap is whole again.

Source: staging-guides#14, caps in memory only.
Protected by: the session's sums are those of the intents in Postgres, read before the first order of a life (ledger_limits.c)."""
from acts import filled, place


def used_of(site):
    return {r["name"]: r["used"] for r in site.daemon.ctl_json("limits")["limits"] if r["name"].endswith("_per_day")}


def test_a_crash_is_no_new_day(make_site, redis):
    site = make_site(redis=redis, risk={"max_notional_per_day": "1500", "max_orders_per_day": "3"}).begin()
    filled(site, "first", "2")
    used = used_of(site)
    assert float(used["max_notional_per_day"]) > 700 and used["max_orders_per_day"] == "1"
    assert place(site, "too-much", "4")[:2] == (422, "notional_per_day")
    site.daemon.process.kill()
    redis.command("FLUSHALL")
    site.daemon.start().in_step()
    assert used_of(site) == used
    assert place(site, "again", "4")[:2] == (422, "notional_per_day") and len(site.sim.posts()) == 1
