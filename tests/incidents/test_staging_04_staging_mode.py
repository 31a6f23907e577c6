# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""STAGING_MODE=1 is asked for as "true" in another place: fills are made up while the host stays live.

Source: staging-guides#4, one switch, two grammars.
Protected by: guard_check_staging_mode (true or 1, nothing else starts), and that it is a lock: it decides nothing about orders,
hosts or fills, which come from the broker alone."""
import pytest

from harness import Strategy


@pytest.mark.parametrize("value", ["0", "false", "yes", "TRUE", "", "01"])
def test_another_word_stops(refused, value):
    refused("STAGING_MODE", env={"STAGING_MODE": value})


@pytest.mark.parametrize("value", ["1", "true"])
def test_it_does_not_make_a_live_host_paper(refused, value):
    refused("LIVE host", env={"STAGING_MODE": value}, broker={"endpoint": "https://api.alpaca.markets"})


def test_both_words_mean_the_same_and_make_up_nothing(at_paper, live):
    seen = []
    for value in ("1", "true"):
        site = at_paper(env={"STAGING_MODE": value}, strategies=[Strategy(weights={"SPY": "0.3"})]).begin()
        assert site.run_whole()["status"] == "completed"
        assert live.front.orders == len(site.sim.posts()) == 1
        ours = [(f["activity_id"], str(f["qty"].normalize())) for f in site.sql("SELECT activity_id, qty FROM fills")]
        assert ours == [(f["id"], f["qty"]) for f in site.sim.fills()], "each fill is one of the broker's"
        seen.append({k: v for k, v in site.daemon.get("/api/v1/config").items() if k in ("dry_run", "alpaca_paper", "orders", "environment")})
        site.daemon.stop()
    assert seen[0] == seen[1]
