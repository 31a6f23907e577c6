# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""What is shown says dry run, and the bot is live: or the other way round.

Source: freqtrade/freqtrade#4395, the UI says dry-run on a live bot.
Protected by: the checks dry_run and alpaca_paper (nothing but true starts), and one word about orders that every surface takes
from the one option that decides (orders.mode)."""
import pytest

from acts import place, table
from harness import until


@pytest.mark.parametrize("env,sections", [({"DRY_RUN": "false"}, {}), ({"ALPACA_PAPER": "false"}, {}), ({"DRY_RUN": "False"}, {}),
                                          ({}, {"staging": {"dry_run": "false"}}), ({}, {"staging": {"alpaca_paper": "false"}})])
def test_no_surface_says_paper_over_a_switch_that_does_not(refused, env, sections):
    refused(*env, env=env, **sections)


@pytest.mark.parametrize("mode,word,sent", [("send", "PAPER ORDERS ARE SENT", 1), ("record", "RECORDED ONLY", 0)])
def test_every_surface_says_what_is_done(at_paper, live, mode, word, sent):
    site = at_paper(orders={"mode": mode}).begin()
    other = {"send": "RECORDED ONLY", "record": "PAPER ORDERS ARE SENT"}[mode]
    config, health = site.daemon.get("/api/v1/config"), site.daemon.get("/health")
    assert (config["dry_run"], config["alpaca_paper"], config["orders"]) == (True, True, mode)
    assert health["dry_run"] is True and health["alpaca_paper"] is True and not health["simulator"]
    page = site.daemon.raw("/")[2].decode()
    until(lambda: word in site.daemon.notify.last("STATUS="), 10, "the line of systemctl status")
    for told in (site.daemon.ctl("status"), site.daemon.text(), site.daemon.notify.last("STATUS="), str(config), str(health), page):
        assert other not in told and (word in told or told is page), told[-2000:]
    assert place(site, "one")[0] == 201
    assert live.front.orders == sent == len(site.sim.posts())
    # Where it goes is what was asked there, not what was configured.
    assert table(site)["endpoint"] == ("PASS", "https://paper-api.alpaca.markets")
    assert table(site)["peer"][1].startswith("per request; the last went to 1.2.3.4")
