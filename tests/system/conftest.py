# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Fixtures of the system tests. Postgres and Redis are started once per file; every site has a database of its own."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import Postgres, Redis, Scratch, Site  # noqa: E402


@pytest.fixture(scope="module")
def scratch():
    folder = Scratch()
    yield folder.path
    folder.remove()


@pytest.fixture(scope="module")
def pg(scratch):
    server = Postgres(scratch)
    yield server
    server.stop()


@pytest.fixture(scope="module")
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
    noise = (" debug http connection ", " debug reconcile: ")
    lines = [line for line in site.daemon.text().split("\n") if not any(n in line for n in noise)]
    print(f"--- {site.daemon.log}")
    print("\n".join(line.split(" ENVIRONMENT=")[0] for line in lines[-60:]))


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
def site(make_site):
    """The usual one, begun."""
    return make_site().begin()
