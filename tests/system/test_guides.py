# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The command lines of the guides of staging hosts, as they are written there, on the ports they name (8001 to 8003)."""
import os
import re
import subprocess
import sys

import pytest

from harness import ROOT, Site, Strategy
from harness.netns import OwnNetwork

SERVICES = {"signals": (8001, "signal_service"), "gateway": (8002, "execution_gateway"), "orchestrator": (8003, "orchestrator")}

# A trading platform's runbook, "Smoke Tests": word for word.
HEALTH_CHECKS = """
# All services must respond with 200 OK
curl -f http://localhost:8001/health  # signal_service
curl -f http://localhost:8002/health  # execution_gateway
curl -f http://localhost:8003/health  # orchestrator
"""
PAPER_MODE = """
# Verify paper trading mode is active
curl http://localhost:8002/api/v1/config | jq '.dry_run' | grep -q "true"
curl http://localhost:8002/api/v1/config | jq '.alpaca_paper' | grep -q "true"
"""
COMMUNICATION = """
# Verify orchestrator can reach dependencies
curl http://localhost:8003/api/v1/orchestration/status
"""
CHECKLIST = """
# 2. Verify health checks
for port in 8001 8002 8003; do
  curl -f http://localhost:$port/health && echo " ✅ Port $port" || echo " ❌ Port $port"
done
"""
# A guide of AI services, section 5; $base comes from the line before them, which names a host.
VALIDATION = """
Invoke-RestMethod "$base/health"
Invoke-RestMethod "$base/health/scheduler"
Invoke-RestMethod "$base/api/prices/latest?symbol=BTCUSDT"
Invoke-RestMethod "$base/api/ai/signals/latest?limit=5"
python scripts/api_smoke_check.py
"""


@pytest.fixture(scope="module", name="host")
def fixture_host(pg, redis):
    try:
        network = OwnNetwork()
    except OSError as e:
        pytest.skip(f"{e}: needs root")
    listens = {n: {"address": f"127.0.0.1:{port}", "roles": "health api", "service": s} for n, (port, s) in SERVICES.items()}
    try:
        site = Site(pg, redis=redis, listens=listens, strategies=[Strategy(schedule="15:30")], daemon={"log_level": "info"})
        try:
            site.begin()
            site.run_whole()
            yield site
        finally:
            site.close()
    finally:
        network.leave()


def bash(host, text, **env):
    """Each line must succeed."""
    tools = host.folder / "tools"
    if not tools.exists():
        tools.mkdir()
        (tools / "python").symlink_to(sys.executable)
    return subprocess.run(["bash", "-ec", "set -o pipefail\n" + text], env={"PATH": f"{tools}:/usr/bin:/bin", "LANG": "C.UTF-8", **env},
                          cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("text", [HEALTH_CHECKS, PAPER_MODE, COMMUNICATION, CHECKLIST])
def test_runbook(host, text):
    done = bash(host, text)
    assert done.returncode == 0 and "❌" not in done.stdout, done.stdout + done.stderr
    if text is CHECKLIST:
        assert re.findall(r"✅ Port (\d+)", done.stdout) == ["8001", "8002", "8003"]
    if text is HEALTH_CHECKS:
        assert re.findall(r'"service":"(\w+)"', done.stdout) == [s for _, s in SERVICES.values()]


def test_the_log_of_a_healthy_host(host):
    """`logs --tail=50 | grep -i "error\\|critical"` is silent; the commit can be found, and that the scheduler is on."""
    (host.folder / "log").write_text(host.daemon.text())
    log = f"cat {host.folder}/log"
    assert bash(host, f'{log} | tail -n 50 | grep -i "error\\|critical"').stdout == ""
    assert re.search(r"Commit SHA: ([0-9a-f]{12}|unknown)\b", bash(host, f'{log} | grep "Commit SHA"').stdout)
    assert bash(host, f'{log} | grep "scheduler activated"').returncode == 0
    assert bash(host, f'{log} | grep -E "run [0-9a-f-]+ completed"').returncode == 0


def test_rotation_checklist(host):
    """`logs execution_gateway | grep -i "auth\\|key"` shows the key by its last four only, and no refusal."""
    lines = [line for line in host.daemon.text().split("\n") if re.search("auth|key", line, re.I)]
    assert lines and not any(re.search(r"\b40[13]\b", line) for line in lines)  # a port may begin with 401


@pytest.mark.parametrize("port", [port for port, _ in SERVICES.values()])
def test_validation_script(host, port):
    done = bash(host, 'Invoke-RestMethod() { curl -sSf "$1"; echo; }\n' + VALIDATION, base=f"http://localhost:{port}",
                QT_API_BASE=f"http://localhost:{port}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("API smoke check completed successfully.\n")
    lines = done.stdout.strip().split("\n")
    assert len(lines) == 5 and all('"timestamp":"20' in line for line in lines[:4])
    assert '"missing":["BTCUSDT"]' in lines[2] and '"signals":[{' in lines[3]


def test_the_smoke_check_finds_what_is_wrong(host):
    script = [ROOT / "scripts/api_smoke_check.py"]
    none = subprocess.run([*script, "http://localhost:1"], capture_output=True, text=True, check=False)
    assert none.returncode == 69 and "does not answer" in none.stderr
    host.daemon.ctl("halt", "drill")
    try:
        halted = subprocess.run([*script], env={**os.environ, "PAPERGUARD_URL": "http://localhost:8002"}, capture_output=True,
                                text=True, check=False)
        assert halted.returncode == 1 and "/health: status is halted" in halted.stderr and "drill" in halted.stderr
        assert "successfully" not in halted.stdout
    finally:
        code = host.daemon.ctl_json("release", "request", "over")["code"]
        host.daemon.ctl("release", "confirm", code)
