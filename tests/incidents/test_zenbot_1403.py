# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Paper is asked for, and the exchange that orders go to is the live one.

Source: DeviaVir/zenbot#1403, real trades in --paper mode.
Protected by: the check endpoint (keyscan_endpoint, guard_check_endpoint): whatever the switches say, only paper's host starts."""
import pytest

from harness import SECRET

LIVE = "https://api.alpaca.markets"


@pytest.mark.parametrize("url", [LIVE, f"{LIVE}/v2"])
def test_the_configured_endpoint_is_live(refused, url):
    text = refused("paperguard.conf:", "api.alpaca.markets is Alpaca's LIVE host" if url == LIVE else "LIVE host",
                   broker={"endpoint": url}, staging={"alpaca_paper": "true", "dry_run": "true"})
    assert "endpoint" in text and "must be https://paper-api.alpaca.markets" in text


@pytest.mark.parametrize("name", ["ALPACA_ENDPOINT", "ALPACA__ENDPOINT", "APCA_API_BASE_URL", "ALPACA_BASE_URL"])
def test_a_variable_names_the_live_endpoint(refused, name):
    refused(name, "LIVE host", env={name: f"{LIVE}/v2", "ALPACA_PAPER": "true", "DRY_RUN": "true", "STAGING_MODE": "1"})


def test_once_it_trades_on_paper_a_restart_does_not_turn_it(at_paper, live):
    """It ran well yesterday; today somebody has turned the endpoint."""
    site = at_paper().begin()
    assert site.run_whole()["status"] == "completed" and live.front.orders == 4
    site.daemon.stop()
    site.daemon.env["APCA_API_BASE_URL"] = LIVE
    assert site.daemon.start().exit() == 78 and "APCA_API_BASE_URL: " in site.daemon.text()
    done = site.daemon.cli("check", "--offline")
    assert done.returncode == 78 and "APCA_API_BASE_URL" in done.stdout and SECRET not in done.stdout
    assert live.front.orders == 4
