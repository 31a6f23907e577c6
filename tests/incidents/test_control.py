# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The controls of all incidents: what goes to the live host is seen, and each file of this folder tells what it re-enacts."""
import ast
import subprocess
from pathlib import Path

import pytest

from harness.livehost import LIVE, LIVE_ADDRESS

HERE = Path(__file__).resolve().parent


@pytest.mark.parametrize("url", [f"https://{LIVE}/v2/orders", "https://paper.evil.example/v2/orders", "http://8.8.8.8/"])
def test_what_goes_to_the_live_host_is_seen(live, url):
    assert live.came_near() == (0, 0, [], [])
    live.meant = True
    done = subprocess.run([*live.enter, "curl", "-s", "-m", "5", "-d", "{}", url], capture_output=True, text=True, check=False)
    packets, links, requests, names = live.came_near()
    if "8.8.8.8" in url:
        assert done.returncode == 7 and (packets, links) == (0, 0), "there is a way out of this network"
    else:
        assert done.returncode == 0 and '"account_number":"123456789"' in done.stdout, done
        assert packets >= 4 and links == 1 and requests == ["POST /v2/orders HTTP/1.1"], (packets, links, requests)
        assert url.split("/")[2] in names, names


def test_a_single_packet_is_seen(live):
    live.meant = True
    subprocess.run(["bash", "-c", f"echo > /dev/udp/{LIVE_ADDRESS}/9"], check=True)
    assert live.live.discard.recv(16) and live.came_near()[0] == 1


def test_each_incident_tells_its_source_and_its_check():
    """In its first lines: where it befell others, and which check of ours keeps it from happening here, seen to fail without it."""
    for path in HERE.glob("test_*.py"):
        if path != Path(__file__):
            told = ast.get_docstring(ast.parse(path.read_text())) or ""
            assert "\nSource: " in told and "\nProtected by: " in told, path.name
