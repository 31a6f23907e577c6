# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A dry run books a fill that never was, and warns of LIVE trading while it is paper.

Source: SpartanLabsXyz/simmer-sdk#345, a dry run books a fill, "LIVE" is warned of while paper.
Protected by: fills come from the broker's activities alone (ledger); orders that are recorded only end as dry_run, without a fill,
a position or a book (daemon/desk_ports.c)."""
import re

from acts import place
from harness import Strategy


def test_a_recorded_order_is_no_fill(at_paper, live):
    site = at_paper(orders={"mode": "record"}, strategies=[Strategy(weights={"SPY": "0.3", "TLT": "0.2"})]).begin()
    row = site.run_whole()
    assert row["status"] == "completed" and place(site, "by-hand")[2]["status"] == "dry_run"
    assert {o["status"] for o in site.sql("SELECT status FROM orders")} == {"dry_run"}
    assert not site.sql("SELECT 1 FROM fills") and not site.daemon.get("/api/v1/fills")["fills"]
    assert not site.daemon.get("/api/v1/positions")["positions"] and not site.sim.get("/v2/positions")
    assert not site.sql("SELECT 1 FROM entries WHERE kind <> 'opening'")
    # What was not bought is wanted again: nothing believes in it.
    site.run_whole()
    assert [r["orders_submitted"] for r in site.runs()] == [0, 0] or live.front.orders == 0
    assert live.front.orders == 0 and not site.sim.posts()


def test_nothing_warns_of_live_trading_while_it_is_paper(at_paper):
    site = at_paper(strategies=[Strategy(weights={"SPY": "0.3"})]).begin()
    assert site.run_whole()["status"] == "completed"
    told = site.daemon.text() + site.daemon.ctl("status") + site.daemon.ctl("check") + str(site.daemon.get("/health"))
    assert not re.findall(r"\bLIVE\b", told), re.findall(r".*\bLIVE\b.*", told)
    assert site.daemon.metric("paperguard_live_attempts_total") == 0
