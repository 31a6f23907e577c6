# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The URL that is shown is not the one that is used.

Source: staging-guides#2, the URL shown is not the URL used.
Protected by: endpoint_variable (facts_env.c): whatever names an endpoint must mean the one that is used; guard_peer_allowed (guard_peer.c),
guard_check_peer and guard_check_tls: what the connection says, not what was configured."""
import pytest

from acts import table
from harness import until


@pytest.mark.parametrize("env,broker", [({"ALPACA_ENDPOINT": "http://127.0.0.1:9"}, {}), ({"APCA_API_DATA_URL": "https://api.alpaca.markets"}, {}),
                                        ({"APCA_API_BASE_URL": "https://paper-api.alpaca.markets"}, {"endpoint": "http://127.0.0.1:9"}),
                                        ({}, {"data_endpoint": "https://api.alpaca.markets"})],
                         ids=["simulator meant", "data elsewhere", "paper meant", "data configured elsewhere"])
def test_two_that_differ(refused, env, broker):
    refused(*env, "endpoint", env=env, broker=broker)


def test_what_is_shown_is_what_is_used(at_paper, live):
    site = at_paper().begin()
    assert table(site)["endpoint"] == ("PASS", "https://paper-api.alpaca.markets") and table(site)["peer"][1].startswith(
        "per request; the last went to 1.2.3.4, TLS 1.")
    assert site.run_whole()["status"] == "completed" and live.front.orders == len(site.sim.posts()) == 4
    assert live.came_near()[3] == [], "no other name was asked for"


def test_the_right_name_leads_elsewhere(at_paper, live):
    """The name is paper's; somebody's name service sends it to a forwarder."""
    site = at_paper()
    site.daemon.db_init()
    live.server.paper = "127.0.0.1"
    try:
        site.daemon.start().up()
        until(lambda: "the address of the host is not an allowed peer: paper-api.alpaca.markets" in site.daemon.text(), 20, "a word about it")
        assert site.daemon.cli("run").returncode != 0 and not site.daemon.notify.has("READY=1")
        assert not site.sim.requests()
    finally:
        live.server.paper = None
