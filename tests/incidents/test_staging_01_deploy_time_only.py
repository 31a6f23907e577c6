# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""What must hold is looked at when it is deployed, and never again; a wrong DRY_RUN is only warned of.

Source: staging-guides#1, safety only at deploy time.
Protected by: lock_switch (guard_checks.c): all but true stops the start; each reload is judged as a start is (config_reload, facts);
the checks of every single call (guard.c), here account_status."""
import pytest

from acts import LIVE_KEY, place, reloaded, table
from harness import until


@pytest.mark.parametrize("value", ["True", "yes", "1", "", "true ", "flase"])
def test_a_wrong_switch_is_no_warning(refused, value):
    refused("DRY_RUN", "exactly true", env={"DRY_RUN": value})


def test_what_changes_after_the_deployment(at_paper, live):
    site = at_paper(broker={"compare_interval": "500ms"}).begin()
    for sections, text, word in (({"staging": {"dry_run": "false"}}, "", "DRY_RUN"), ({}, f"# {LIVE_KEY}\n", "live_values FAIL"),
                                 ({"broker": {"endpoint": "https://api.alpaca.markets"}}, "", "LIVE host")):
        kept = {name: dict(lines) for name, lines in site.daemon.sections.items()}
        for name, lines in sections.items():
            site.daemon.sections[name] = {**site.daemon.sections.get(name, {}), **lines}
        site.daemon.write(text)
        told = reloaded(site.daemon)
        assert "refused" in told and word in told, told
        site.daemon.sections = kept
    site.daemon.write()
    assert LIVE_KEY not in site.daemon.text()
    assert place(site, "well")[0] == 201, "it goes on as it was"
    # And what the broker says counts at the next call.
    site.sim.call("PATCH", "/v2/account/configurations", {"suspend_trade": True})
    until(lambda: table(site)["account_status"][0] == "FAIL", 20, "the account's state")
    assert place(site, "blocked", "2")[:2] == (403, "account_status") and live.front.orders == 1
