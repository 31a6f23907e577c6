# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The name service goes away: /health names it within a second of the lookup that failed, what was never resolved is not sent to,
and it is told when names are there again. At Alpaca's own endpoint by name, in a network of the test's own."""
import time

import pytest

from harness import Strategy, until
from harness.names import Names


@pytest.fixture
def names(tmp_path):
    made = Names(tmp_path)
    yield made
    made.close()


@pytest.fixture
def site(names, make_site):  # the network is left after the site has ended
    return names.site(make_site, strategies=[Strategy(weights={"SPY": "0.3"})])


def part(site):
    return site.daemon.http("/health")[1]["parts"]["dns"]


@pytest.mark.parametrize("mode,state", [("refuse", "down"), ("silent", "not answering")])
def test_a_name_that_stops_resolving(names, site, mode, state):
    site.begin()
    assert not site.daemon.http("/health")[1]["simulator"] and part(site)["state"] == "ok"
    assert site.run_whole()["status"] == "completed" and names.front.orders == 1
    site.daemon.stop()
    # What was known of the names is gone with that life.
    names.server.mode = mode
    asked = names.server.asked
    site.daemon.notify.forget()
    site.daemon.start().up()
    until(lambda: names.server.asked > asked, 10, "a lookup")
    begun = time.monotonic()
    said = until(lambda: (lambda p: p if p["state"] == state else None)(part(site)), 10, lambda: f"dns {state}: {part(site)}")
    took = time.monotonic() - begun - (1 if mode == "silent" else 0)  # silence is judged after a second
    assert took < 5, f"named after {took:.1f} s: the system's own lookup gives up after 8"
    assert mode == "silent" or "paper-api.alpaca.markets" in said["detail"], said
    code, body = site.daemon.http("/health")
    assert code == 503 and not site.daemon.notify.has("READY=1") and site.daemon.cli("run").returncode != 0, body
    assert names.front.orders == 1, "an order left"
    names.server.mode = "answer"
    site.daemon.in_step(30)
    assert f"outage: dns is {state}" in site.daemon.text() and "outage over: dns" in site.daemon.text()
    assert part(site)["state"] == "ok" and site.daemon.metric("paperguard_part_up", part="dns") == 1
    assert site.run_whole()["status"] == "completed"
