# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""What others see: health, config, orchestration, history, metrics, the smoke commands of a staging host, the words of the
log, and that no secret is anywhere. One daemon on three service addresses, as staging hosts have them."""
import json
import os
import re
import socket
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import pytest

from harness import KEY, ROOT, SECRET, TOKEN, Site, Strategy, until

SERVICES = {"signals": "signal_service", "gateway": "execution_gateway", "orchestrator": "orchestrator"}
UTC = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$")


@pytest.fixture(scope="module")
def host(pg, redis):
    listens = {name: {"address": "127.0.0.1:0", "roles": "health api", "service": service} for name, service in SERVICES.items()}
    listens["probe"] = {"address": "[::1]:0", "roles": "health", "hosts": "staging.example"}
    site = Site(pg, redis=redis, listens=listens, daemon={"log_level": "info"},
                strategies=[Strategy("weights", "15:30", {"SPY": "0.5", "TLT": "0.3"}, early_close="shift", allocation="0.8"),
                            Strategy("second", "close-30m", {"GLD": "1"}, allocation="0.2")])
    try:
        site.begin()
        site.first = site.run_whole()
        assert site.first["status"] == "completed", site.first
        yield site
    finally:
        site.close()


def get(host, path, listen="orchestrator"):
    return host.daemon.get(path, listen=listen)


# --- shapes

@pytest.mark.parametrize("listen", list(SERVICES))
def test_health(host, listen):
    h = get(host, "/health", listen)
    assert h["status"] == "healthy" and h["service"] == SERVICES[listen] and h["environment"] == "staging"
    assert h["dry_run"] is True and h["alpaca_paper"] is True and h["simulator"] is True
    assert h["database_connected"] is h["alpaca_connected"] is h["redis_connected"] is True
    assert re.match(r"^\d+\.\d+\.\d+$", h["version"]) and re.match(r"^[0-9a-f]{12}$|^unknown$", h["commit"])
    assert UTC.match(h["timestamp"])
    positions = h["risk"]["positions"]
    assert positions["positions"] == 3 and float(positions["total_notional"]) > 80000 and UTC.match(positions["as_of"])
    assert positions["age_seconds"] >= 0
    execution = h["scheduler"]["execution"]
    assert execution["positions_synced"] == 3 and float(execution["gross_exposure"]) > 80000 and execution["in_step"] is True
    assert get(host, "/healthz", listen)["status"] == "healthy"


def test_live_and_ready(host):
    for path in ("/health/live", "/health/ready", "/readyz"):
        assert host.daemon.http(path, listen="probe")[0] == 200
        assert host.daemon.http(path, "HEAD", listen="probe") == (200, None)
        assert host.daemon.http(path, "POST", {}, listen="probe")[0] == 405


def test_scheduler(host):
    s = get(host, "/health/scheduler")
    assert s["enabled"] is s["running"] is True and s["status"] == "idle"
    assert UTC.match(s["job"]["next_run_time"]) and "America/New_York" in s["job"]["trigger"]
    last = s["last_run"]
    assert last["run_id"] == host.first["run_id"] and last["status"] == "completed" and last["settled"] is True
    assert last["num_orders_submitted"] == last["num_orders_accepted"] == 3 and last["num_orders_rejected"] == 0
    assert last["num_signals"] == 3 and UTC.match(last["started_at"]) and UTC.match(last["completed_at"])
    assert s["execution"]["status"] == "completed" and s["execution"]["orders_open"] == 0


@pytest.mark.parametrize("listen", list(SERVICES))
def test_config(host, listen):
    c = get(host, "/api/v1/config", listen)
    assert c["service"] == SERVICES[listen] and c["environment"] == "staging" and c["orders"] == "send"
    assert c["dry_run"] is True and c["alpaca_paper"] is True and c["circuit_breaker_enabled"] is True
    assert UTC.match(c["timestamp"]) and "version" in c


def test_orchestration(host):
    s = get(host, "/api/v1/orchestration/status")
    assert s["ready"] is True and s["halt"]["state"] == "running" and s["last_run"]["run_id"] == host.first["run_id"]
    runs = get(host, "/api/v1/orchestration/runs")["runs"]
    assert runs[-1]["run_id"] == host.first["run_id"] and runs[-1]["status"] == "completed"
    one = get(host, f"/api/v1/orchestration/runs/{host.first['run_id']}")
    assert one["run_id"] == host.first["run_id"] and len(one["mappings"]) == 3 and one["num_signals"] == 3
    assert {m["symbol"] for m in one["mappings"]} == {"SPY", "TLT", "GLD"}
    assert host.daemon.http("/api/v1/orchestration/runs/nosuch", listen="orchestrator")[0] == 404


def test_history(host):
    orders = get(host, "/api/v1/orders")["orders"]
    assert len(orders) == 3 and all(isinstance(o["qty"], str) and o["status"] == "filled" for o in orders)
    fills = get(host, "/api/v1/fills")["fills"]
    assert {f["symbol"] for f in fills} == {"SPY", "TLT", "GLD"}
    positions = get(host, "/api/v1/positions")["positions"]
    assert {(p["book"], p["symbol"]) for p in positions} == {("weights", "SPY"), ("weights", "TLT"), ("second", "GLD")}
    assert len(get(host, "/api/v1/orders?symbol=SPY")["orders"]) == 1
    assert len(get(host, "/api/v1/orders?limit=2")["orders"]) == 2 and len(get(host, "/api/v1/orders?limit=2&offset=2")["orders"]) == 1
    assert get(host, "/api/v1/orders?strategy=second")["orders"][0]["symbol"] == "GLD"
    for bad in ("limit=0", "limit=x", "limit=100000", "offset=-1", "symbl=SPY", "symbol=", "symbol=SPY&symbol=TLT", "symbol=%00"):
        assert host.daemon.http(f"/api/v1/orders?{bad}", listen="orchestrator")[0] == 400, bad


def test_metrics(host):
    status, headers, text = host.daemon.raw("/metrics", listen="probe")
    lines = text.decode().split("\n")
    assert status == 200 and headers["Content-Type"].startswith("text/plain") and lines[-1] == ""
    sample = re.compile(r'^paperguard_[a-z_]+(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? -?[0-9]+(\.[0-9]+)?$')
    kinds, seen = {}, set()
    for line in lines[:-1]:
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:4]
            assert name not in kinds, "told twice"
            kinds[name] = kind
        elif not line.startswith("# HELP "):
            assert sample.match(line), line
            name = re.split(r"[{ ]", line)[0]
            seen.add(name)
            base = re.sub(r"_(sum|count)$", "", name)
            assert name in kinds or kinds.get(base) == "summary", line
            assert kinds.get(name) != "counter" or name.endswith("_total")
    declared = re.findall(r'^METRIC\(\w+, "(\w+)"', (ROOT / "daemon/metrics.def").read_text(), re.M)
    silent = {"guard_denials_total", "live_attempts_total", "risk_denials_total", "alerts_total",
              "model_confidence", "key_age_seconds"}
    assert set(kinds) <= {f"paperguard_{n}" for n in declared}
    assert {f"paperguard_{n}" for n in declared if n not in silent} <= set(kinds), "all that is not a denial has a value by now"
    values = dict(line.rsplit(" ", 1) for line in lines if line and line[0] != "#")
    assert values['paperguard_run_duration_seconds_count{status="completed"}'] == "1"
    assert 0 < float(values['paperguard_run_duration_seconds_sum{status="completed"}']) < 60
    assert values['paperguard_runs_total{status="completed"}'] == "1" and values["paperguard_database_up"] == "1"
    assert values["paperguard_redis_up"] == "1" and values["paperguard_orders_unknown"] == "0"
    assert values['paperguard_halt_active{scope="all"}'] == "0" and values["paperguard_fills_total"] == "3"
    assert float(values["paperguard_next_run_timestamp_seconds"]) > datetime.now(timezone.utc).timestamp()
    checks = {v for k, v in values.items() if k.startswith("paperguard_guard_check_state")}
    assert checks == {"0"}
    assert values.get('paperguard_log_messages_total{level="error"}', "0") == "0"


# --- doors

def test_roles_keep_apart(host):
    for path in ("/api/v1/config", "/api/v1/orders", "/api/v1/orchestration/status"):
        assert host.daemon.http(path, listen="probe")[0] in (403, 404), path
    for path in ("/admin/status", "/admin/guard"):
        assert host.daemon.http(path, listen="orchestrator")[0] in (403, 404)
    for path in ("/admin/halt", "/admin/release/request", "/api/v1/release", "/api/v1/halt/release"):
        assert host.daemon.http(path, "POST", {"reason": "x"}, {"Authorization": f"Bearer {TOKEN}"}, "orchestrator")[0] in (403, 404)
    assert host.daemon.get("/health", listen="probe")["halt"]["state"] == "running"


@pytest.mark.parametrize("name,expected", [("127.0.0.1:{port}", 200), ("localhost:{port}", 200), ("[::1]:{port}", 200),
                                           ("127.0.0.1", 421), ("127.0.0.1:1", 421), ("evil.example", 421),
                                           ("evil.example:{port}", 421), ("127.0.0.1.evil.example:{port}", 421)])
def test_hosts(host, name, expected):
    port = host.daemon.addresses()["orchestrator"].rsplit(":", 1)[1]
    assert host.daemon.raw("/health", headers={"Host": name.format(port=port)}, listen="orchestrator")[0] == expected


def test_configured_host(host):
    port = host.daemon.addresses()["probe"].rsplit(":", 1)[1]
    answers = {host.daemon.raw("/health", headers={"Host": n}, listen="probe")[0] for n in ("staging.example", f"staging.example:{port}")}
    assert 200 in answers


def raw_bytes(host, text):
    address = host.daemon.addresses()["orchestrator"].rsplit(":", 1)
    with socket.create_connection((address[0], int(address[1])), timeout=10) as s:
        s.sendall(text.replace(b"HOST", ":".join(address).encode()))
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
        return answer


@pytest.mark.parametrize("text", [
    b"POST /api/v1/halt HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n",
    b"GET /health HTTP/1.1\nHost: HOST\n\n",
    b"GET /health HTTP/1.1\r\nHost: HOST\r\nHost: HOST\r\n\r\n",
    b"GET http://HOST/health HTTP/1.1\r\nHost: HOST\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: HOST\r\nX: a\r\n b\r\n\r\n",
    b"GET /health HTTP/1.1\r\n\r\n",
    b"GET /he\x00alth HTTP/1.1\r\nHost: HOST\r\n\r\n",
])
def test_smuggling_forms_get_one_refusal_and_the_end(host, text):
    answer = raw_bytes(host, text)
    assert re.match(rb"^HTTP/1\.1 (4\d\d|505) ", answer) and answer.count(b"HTTP/1.1 ") == 1, answer[:200]


def test_halt_by_http_and_release_on_the_socket_only(make_site):
    site = make_site().begin()
    write = {"Authorization": f"Bearer {TOKEN}"}
    assert site.daemon.http("/api/v1/halt", "POST", {"reason": "x"})[0] == 401
    assert site.daemon.http("/api/v1/halt", "POST", {"reason": ""}, write)[0] == 400
    assert site.daemon.http("/api/v1/halt", "POST", {"reson": "x"}, write)[0] == 400
    assert site.daemon.http("/api/v1/halt", "POST", '{"reason":"a","reason":"b"}', write)[0] == 400
    assert site.daemon.http("/api/v1/halt", "POST", b'{"reason":"x"}', {**write, "Content-Type": "text/plain"})[0] == 415
    assert site.daemon.get("/health")["status"] == "healthy"
    assert site.daemon.http("/api/v1/halt", "POST", {"reason": "from a pager"}, write)[0] == 200
    until(lambda: site.daemon.get("/health")["status"] == "halted", 2, "halted")
    assert "from a pager" in json.dumps(site.daemon.get("/health"))
    assert site.daemon.metric("paperguard_halt_active", scope="all") == 1
    code = site.daemon.ctl_json("release", "request", "pager was wrong")["code"]
    site.daemon.ctl("release", "confirm", code)
    until(lambda: site.daemon.get("/health")["status"] == "healthy", 10, "released")
    events = site.sql("SELECT state, reason, source FROM halt_events ORDER BY event_id")
    assert [e["state"] for e in events][-2:] == ["halted", "running"]
    assert events[-2]["reason"] == "from a pager" and "http" in events[-2]["source"]


# --- the smoke commands, as the runbook of a staging host has them; only the ports are the test's

SMOKE = """
set -eu
curl -sSf http://localhost:$PORT1/health >/dev/null  # signal_service
curl -sSf http://localhost:$PORT2/health >/dev/null  # execution_gateway
curl -sSf http://localhost:$PORT3/health >/dev/null  # orchestrator
curl -sS http://localhost:$PORT2/api/v1/config | jq '.dry_run' | grep -q "true"
curl -sS http://localhost:$PORT2/api/v1/config | jq '.alpaca_paper' | grep -q "true"
curl -sSf http://localhost:$PORT3/api/v1/orchestration/status | jq -e .ready >/dev/null
for port in $PORT1 $PORT2 $PORT3; do
  curl -sSf http://localhost:$port/health >/dev/null && echo "ok Port $port" || echo "bad Port $port"
done
"""


def test_smoke_commands(host):
    ports = {f"PORT{i + 1}": host.daemon.addresses()[n].rsplit(":", 1)[1] for i, n in enumerate(SERVICES)}
    done = subprocess.run(["bash", "-c", SMOKE], env={"PATH": "/usr/bin:/bin", **ports}, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.count("ok Port") == 3 and "bad" not in done.stdout, done.stdout + done.stderr


def test_paper_trading_variables_of_the_process(host):
    """`env | grep -E "DRY_RUN|ALPACA_PAPER"` of the checklist: for root; nobody else reads the environment, the key is in it."""
    path = f"/proc/{host.daemon.process.pid}/environ"
    if os.geteuid() != 0:
        with pytest.raises(PermissionError):
            open(path, encoding="utf-8").read()
        return
    environ = open(path, encoding="utf-8").read().split("\0")
    assert "DRY_RUN=true" in environ and "ALPACA_PAPER=true" in environ


# --- the log

def test_words_of_a_healthy_log(host):
    """`grep -i "error\\|critical"` over the log of a healthy daemon finds nothing."""
    text = host.daemon.text()
    assert [line for line in text.split("\n") if re.search("error|critical", line, re.I)] == []
    assert "Commit SHA: " in text and "DRY_RUN=true" in text and "ALPACA_PAPER=true" in text and "SIMULATOR" in text
    summary = [line for line in text.split("\n") if f"run {host.first['run_id']} completed" in line]
    assert len(summary) == 1 and "3 fills, settled" in summary[0] and "RUN_ID=" in summary[0]
    assert re.search(r"ended \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-0[45]:00", summary[0]), "New York time"
    assert summary[0][:20].startswith("20") and "Z " in summary[0][:40], "UTC"


# --- the command line

def test_command_line(host):
    d = host.daemon
    for words in (["status"], ["check"], ["runs"], ["orders"], ["fills"], ["positions"], ["orders", "--run", host.first["run_id"]]):
        assert d.ctl(*words).strip()
        assert json.loads(d.ctl("--json", *words))
    assert "PASIM" in d.ctl("status") and "SIMULATOR" in d.ctl("status")
    assert host.first["run_id"] in d.ctl("runs") and "GLD" in d.ctl("positions")
    assert d.cli("stauts").returncode == 64 and "status" in d.cli("stauts").stderr
    assert d.cli().returncode == 64
    check = d.ctl("check")
    assert check.count("PASS") >= 20 and "FAIL" not in check
    assert d.cli("--config", str(host.folder / "nosuch"), "status").returncode == 78
    d2 = d.cli("--socket", str(host.folder / "nosuch.sock"), "status")
    assert d2.returncode == 69 and "nosuch.sock" in d2.stderr


# --- secrets

def test_secrets_are_nowhere(host):
    places = {"log": host.daemon.text(), "sim log": host.sim.process.text()}
    for listen in SERVICES:
        for path in ("/health", "/health/scheduler", "/api/v1/config", "/metrics", "/api/v1/orchestration/status",
                     "/api/v1/orchestration/runs", "/api/v1/orders", "/api/v1/fills", "/api/v1/positions", "/api/v1/guard",
                     "/api/v1/alerts", "/api/v1/decisions", "/nosuch"):
            places[f"{listen}{path}"] = str(host.daemon.raw(path, listen=listen))
    for words in (["status"], ["check"], ["orders"], ["--json", "status"], ["--json", "check"]):
        places[" ".join(words)] = str(host.daemon.cli(*words))[:100000].replace(str(host.daemon.env), "")
    dump = subprocess.run(["/usr/lib/postgresql/15/bin/pg_dump" if os.path.exists("/usr/lib/postgresql/15/bin/pg_dump") else "pg_dump",
                           "--inserts", host.dsn], capture_output=True, text=True, check=True)
    assert "PASIM" in dump.stdout
    places["ledger"] = dump.stdout
    places["cache"] = "\n".join(host_redis(host))
    places["state"] = "".join(p.read_text(errors="replace") for p in Path(host.daemon.state).rglob("*") if p.is_file())
    places["command line"] = open(f"/proc/{host.daemon.process.pid}/cmdline", encoding="utf-8").read()
    found = [(place, secret[:6]) for place, text in places.items() for secret in (SECRET, KEY, TOKEN) if secret in text]
    assert not found
    assert "PK…0001" in places["log"], "the key is shown by its last four"


def host_redis(host):
    path = host.daemon.sections["redis"]["url"].removeprefix("unix://")

    def ask(*words):
        return subprocess.run(["redis-cli", "-s", path, *words], capture_output=True, text=True, check=True).stdout.split("\n")
    return [line for key in ask("KEYS", "*") if key for line in [key, *ask("GET", key)]]


def test_process_hides_its_memory(host):
    limits = open(f"/proc/{host.daemon.process.pid}/limits", encoding="ascii").read()
    assert re.search(r"Max core file size +0 +0", limits)
    # not dumpable: its /proc entries belong to root and no other user may trace it
    status = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat",
                             f"/proc/{host.daemon.process.pid}/environ"], capture_output=True, check=False) if os.getuid() == 0 else None
    assert status is None or status.returncode != 0
