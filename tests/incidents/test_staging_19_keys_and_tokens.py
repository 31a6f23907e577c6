# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Live keys lie in the tree that is deployed; an empty admin token lets everybody in.

Source: staging-guides#19, live keys in the tree and an empty token that disables authentication.
Protected by: paperguard check PATH (daemon/ctl/gate*.c); has_token and token_is_right (api_auth.c): none means nobody, and a short one
stops the start (facts_keys.c)."""
import subprocess

import pytest

from acts import LIVE_KEY
from harness import BIN

ORDER = {"symbol": "SPY", "side": "buy", "qty": "1"}


def test_a_live_key_in_the_tree(tmp_path):
    for name, text in (("staging/.env", f"ALPACA_PAPER=true\nAPCA_API_KEY_ID={LIVE_KEY}\n"), ("deploy/compose.yml", "services: {}\n"),
                       ("staging/old.env", f"# was {LIVE_KEY}\n")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o640)
    said = subprocess.run([BIN / "paperguard", "check", "."], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode == 78 and "staging/.env:2: error: APCA_API_KEY_ID" in said.stdout and "staging/old.env:1: " in said.stdout
    assert LIVE_KEY not in said.stdout + said.stderr


@pytest.mark.parametrize("text", ["", "\n", "short\n"])
def test_an_empty_token_stops_the_start(refused, text):
    def put(daemon):
        (daemon.folder / "token").write_text(text)
    assert "token" in refused(prepare=put)


def test_no_token_means_nobody(make_site):
    site = make_site(http={"token_file": ""}).begin()
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer"}, {"Authorization": "Bearer null"}, {"Authorization": "Basic Og=="}):
        for path, body in (("/api/v1/orders", ORDER), ("/api/v1/orchestration/run", {}), ("/api/v1/halt", {"reason": "x"})):
            assert site.daemon.http(path, "POST", body, headers)[0] == 403, (path, headers)
    assert not site.sim.posts() and not site.runs() and site.daemon.get("/health")["halt"]["state"] == "running"


def test_an_empty_one_is_not_the_right_one(make_site):
    site = make_site().begin()
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": ""}):
        assert site.daemon.http("/api/v1/orders", "POST", ORDER, headers)[0] == 401
    assert not site.sim.posts()
