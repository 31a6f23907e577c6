# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Fixtures of the incidents: one network, Postgres and Redis for all of them; a database, an exchange and a daemon for each. No test
of this folder ends well when anything went to the live host, or to any other address outside."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
from harness import Daemon, Postgres, Redis, Scratch, Site, Strategy  # noqa: E402
from harness.livehost import Elsewhere  # noqa: E402

NOTHING = (0, 0, [], [])


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    """The network with the live host in it, or the reason why there is none."""
    try:
        made = Elsewhere(tmp_path_factory.mktemp("net"))
    except pytest.skip.Exception as e:
        yield str(e)
        return
    yield made
    made.close()


@pytest.fixture(autouse=True)
def nothing_leaves(network):
    if isinstance(network, str):
        yield
        return
    network.forget()
    yield
    assert network.meant or network.came_near() == NOTHING, "something went elsewhere than to paper"


@pytest.fixture
def live(network):
    """The network, for an incident that can only be re-enacted with a live host in reach."""
    if isinstance(network, str):
        pytest.skip(network)
    return network


@pytest.fixture(scope="session")
def scratch(network):
    folder = Scratch()
    yield folder.path
    folder.remove()


@pytest.fixture(scope="session")
def pg(scratch):
    server = Postgres(scratch)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis(scratch):
    server = Redis(scratch)
    yield server
    server.stop()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call":
        item.call_failed = report.failed


def tell_of(site):
    """The end of the daemon's log, for whoever reads why a test failed."""
    lines = [line for line in site.daemon.text().split("\n") if not any(w in line for w in (" debug http ", " debug order selftest-"))]
    print("\n".join(line.split(" ENVIRONMENT=")[0] for line in lines[-40:]))


@pytest.fixture
def make_site(pg, request):
    """Sites that are stopped, and searched for secrets, when the test ends."""
    made = []

    def make(**options):
        made.append(Site(options.pop("pg", pg), **options))
        return made[-1]

    yield make
    trouble = []
    for site in reversed(made):
        try:
            if getattr(request.node, "call_failed", False):
                tell_of(site)
            site.close()
        except AssertionError as e:
            trouble.append(str(e))
    assert not trouble, trouble


@pytest.fixture
def at_paper(live, make_site):
    """A host whose daemon is told Alpaca's paper endpoint by name."""
    return lambda **options: live.site(make_site, **options)


@pytest.fixture
def refused(live):
    """A daemon at Alpaca's endpoint that must not start: what it says, after exit 78 and without a packet to anywhere."""
    folders = []

    def run(*names, env=None, prepare=None, **sections):
        scratch = Scratch()
        folders.append(scratch)
        sections.setdefault("broker", {}).setdefault("endpoint", "https://paper-api.alpaca.markets")
        d = Daemon(scratch.path, "", f"host={scratch.path} dbname=none", "", [Strategy()], env={"ALPACA_KEY": "PKNAMESYSTEMTEST0001", **(env or {})},
                   wrapper=live.enter, **sections)
        if prepare:
            prepare(d)
        asked, orders = live.server.asked, live.front.orders
        try:
            assert d.start().exit() == 78, d.text()
        finally:
            d.close()
        assert not [n for n in names if n not in d.text()], d.text()
        assert not d.notify.has("READY") and not (d.state / "listen").exists()
        assert (live.server.asked, live.front.orders) == (asked, orders), "a name was looked up"
        return d.text()

    yield run
    for folder in folders:
        folder.remove()
