# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Paper is set, and the credentials are those of the live account.

Source: antequant/ib-gateway-docker#6, TRADING_MODE=paper with live credentials.
Protected by: the checks key_class, live_values and live_names (lib/guard/keyscan.c, daemon/facts_scan.c)."""
import subprocess

import pytest

from acts import LIVE_KEY
from harness import BIN, SECRET

PAPER = {"ALPACA_PAPER": "true", "DRY_RUN": "true", "STAGING_MODE": "1"}


def silent(text):
    assert LIVE_KEY not in text and SECRET not in text


@pytest.mark.parametrize("name", ["ALPACA_KEY", "ALPACA_PAPER_API_KEY", "APCA_API_KEY_ID", "ALPACA__KEY", "ALPACA_API_KEY_ID"])
def test_the_key_is_live(refused, name):
    silent(refused(name if name != "ALPACA_KEY" else "LIVE key (AK…)", env={**PAPER, "ALPACA_KEY": None, name: LIVE_KEY}))


@pytest.mark.parametrize("name,value", [("IB_ACCOUNT", LIVE_KEY), ("ALPACA_LIVE_SECRET_KEY", "x"), ("BINANCE_TESTNET", "0")],
                         ids=["by its value", "by its name", "of another exchange"])
def test_a_live_one_lies_beside_the_paper_one(refused, name, value):
    silent(refused(name, env={**PAPER, name: value}))


@pytest.mark.parametrize("file", ["alpaca_key_id", "an-old-one"])
def test_a_live_key_in_the_credentials(refused, file):
    def put(daemon):
        folder = daemon.folder / "credentials"
        folder.mkdir(mode=0o700)
        (folder / file).write_text(LIVE_KEY + "\n")
        (folder / file).chmod(0o600)
        daemon.env["CREDENTIALS_DIRECTORY"] = str(folder)
    silent(refused(file, env=PAPER, prepare=put))


def test_the_gate_before_the_deployment_finds_it(tmp_path):
    file = tmp_path / "compose.yml"
    file.write_text(f"services:\n  gateway:\n    image: paperguard\n    environment:\n      ALPACA_PAPER: 'true'\n      ALPACA_KEY: {LIVE_KEY}\n")
    file.chmod(0o640)
    said = subprocess.run([BIN / "paperguard", "check", file], capture_output=True, text=True, check=False)
    assert said.returncode == 78 and "compose.yml:6: error: ALPACA_KEY" in said.stdout, said
    silent(said.stdout + said.stderr)
