# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Whoever asks for a run may say with how much capital.

Source: staging-guides#18, a run request that can raise capital.
Protected by: the body of a run names strategies and nothing else (api_body.c); shares come from the configuration, at most the whole;
what a strategy answers is held to its capital (lib/trade/signal.c)."""
from pathlib import Path

import pytest

from harness import Scratch, Strategy

GREEDY = """#!/usr/bin/python3
import sys
sys.stdin.read()
print('{"contract":1,"model":{"name":"greedy","version":"1"},"targets":[{"symbol":"SPY","weight":"1.5"}]}')
"""


def test_a_request_says_who_runs_and_no_more(make_site):
    site = make_site(strategies=[Strategy(weights={"SPY": "0.1"})]).begin()
    for more in ({"capital": "1000000"}, {"equity_deployment_pct": "2"}, {"allocation": "1"}, {"weights": {"SPY": "1"}}, {"max_order_share": "1"}):
        status, answer = site.daemon.run_http(body=more)
        assert status == 400 and next(iter(more)) in answer["detail"], answer
    assert not site.runs() and not site.sim.posts()
    assert site.daemon.run_http()[0] == 202 and site.run_ended()["status"] == "completed"
    assert float(site.sim.get("/v2/positions")[0]["market_value"]) < 11000


@pytest.mark.parametrize("value", ["1.5", "1.01", "2"])
def test_nor_does_a_variable(refused, value):
    assert "EQUITY_DEPLOYMENT_PCT" in refused(env={"EQUITY_DEPLOYMENT_PCT": value})


def test_a_strategy_that_wants_more_gets_nothing(make_site):
    programs = Scratch()
    try:
        program = Path(programs.path / "greedy")
        program.write_text(GREEDY)
        for path in (program, programs.path):
            path.chmod(0o755)
        site = make_site(strategies=[Strategy("greedy", command=str(program), weights={"SPY": "1"})]).begin()
        assert site.run_whole()["status"] == "failed" and not site.sim.posts()
    finally:
        programs.remove()
