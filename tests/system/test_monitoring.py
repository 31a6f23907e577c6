# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Dashboard and alert rules: all that they ask for is there in the metrics of a real daemon, and each rule fires and keeps still
when it should."""
import json
import re
import shutil
import subprocess

import pytest
import yaml

from harness import KEY, ROOT, SECRET, TOKEN, Site, Strategy, until

RULES = ROOT / "conf/prometheus/paperguard.rules.yml"
DASHBOARD = ROOT / "conf/grafana/paperguard.json"
SERVER = ROOT / "conf/prometheus/prometheus.yml"
ADDED = {"instance", "job"}  # by Prometheus itself
SURE = '{"contract":1,"model":{"name":"m","version":"1"},"targets":[{"symbol":"SPY","weight":"0.1","confidence":"0.31"}]}'
ORDER = {"client_order_id": "huge", "symbol": "SPY", "side": "buy", "qty": "100000"}


def rules():
    return {r["alert"]: r for g in yaml.safe_load(RULES.read_text())["groups"] for r in g["rules"]}


def panels():
    return [p for p in json.loads(DASHBOARD.read_text())["panels"] if p["type"] != "row"]


def expressions():
    for name, rule in rules().items():
        yield name, rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


@pytest.fixture(scope="module", name="samples")
def fixture_samples(pg, redis, tmp_path_factory):
    """All samples, name -> list of labels, of a daemon to which happened what there are metrics of."""
    keys = tmp_path_factory.mktemp("keys")
    site = Site(pg, redis=redis, broker={"compare_interval": "500ms"},
                env={"ALPACA_KEY": None, "ALPACA_SECRET": None, "CREDENTIALS_DIRECTORY": str(keys)},
                strategies=[Strategy("sure", command=f"/bin/echo {SURE}", min_confidence="0.5"),
                            Strategy("dead", command="/bin/false", allocation="0")])
    for name, value in (("alpaca_key_id", KEY), ("alpaca_secret_key", SECRET)):
        (keys / name).write_text(value + "\n")
        (keys / name).chmod(0o400)
    try:
        daemon = site.begin().daemon
        auth = {"Authorization": f"Bearer {TOKEN}"}
        site.run_whole("sure")
        site.run_whole("dead")
        assert daemon.http("/api/v1/orders", "POST", ORDER, auth)[0] == 422  # a risk row denies it
        daemon.get("/api/v1/prices")
        daemon.get("/health")
        price = float(daemon.get("/api/prices/latest?symbol=SPY")["price"])
        resting = {**ORDER, "client_order_id": "rest", "qty": "1", "type": "limit", "limit_price": f"{price * 0.97:.2f}"}
        assert daemon.http("/api/v1/orders", "POST", resting, auth)[0] == 201
        site.sim.fault("GET /v2/account", "status", status=401, code=40110000, count=1000000)  # the guard denies the cancel
        until(lambda: daemon.http("/health")[1]["halt"]["state"] == "halted", 20, "the halt")
        daemon.http("/api/v1/orders/rest", "DELETE", headers=auth)
        yield until(lambda: all_there(daemon), 20, "metrics of all that happened")
    finally:
        site.close()


def all_there(daemon):
    found = {}
    for line in daemon.raw("/metrics")[2].decode().split("\n"):
        if line.startswith("paperguard_"):
            name, labels = re.match(r"(\w+)(?:\{(.*)\})? ", line).groups()
            found.setdefault(name, []).append(dict(re.findall(r'(\w+)="([^"]*)"', labels or "")))
    return found if {"paperguard_alerts_total", "paperguard_guard_denials_total"} <= set(found) else None


def test_what_is_asked_for_is_there(samples):
    known = set(re.findall(r'^CODE\("alert", "(\w+)"', (ROOT / "daemon/ctl/codes.def").read_text(), re.M))
    asked = set()
    for where, expr in expressions():
        for name, selector in re.findall(r"(paperguard_\w+)(?:\{([^}]*)\})?", expr):
            assert name in samples, f"{where}: {name}"
            asked.add(name)
            for label, sign, value in re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', selector):
                if label in ADDED:
                    continue
                assert all(label in s for s in samples[name]), f"{where}: {name} has no label {label}"
                words = known if name == "paperguard_alerts_total" else {s[label] for s in samples[name]}
                for word in value.split("|") if label == "kind" else [value]:
                    assert any(re.fullmatch(word, w) for w in words), f"{where}: {name} {label}{sign}{value}, not of {words}"
        names = set(re.findall(r"paperguard_\w+", expr))
        for by in re.findall(r"\bby \(([^)]*)\)", expr):
            for label in {part.strip() for part in by.split(",")} - ADDED:
                assert any(label in s for n in names for s in samples[n]), f"{where}: by {label}"
    assert len(asked) >= 20, asked


def test_every_metric_is_shown():
    """Nothing is counted that nobody looks at."""
    declared = re.findall(r'^METRIC\(\w+, "(\w+)"', (ROOT / "daemon/metrics.def").read_text(), re.M)
    shown = " ".join(expr for _, expr in expressions())
    assert [n for n in declared if f"paperguard_{n}" not in shown] == []


def test_the_dashboard_holds_together():
    assert {"API latency", "Scheduler duration", "Cache hit rate", "Error codes"} <= {p["title"] for p in panels()}
    ids = [p["id"] for p in json.loads(DASHBOARD.read_text())["panels"]]
    assert len(ids) == len(set(ids))
    taken = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells


# --- the rules, by Prometheus' own hand: series (each step 15 s, for half an hour) that make one fire, and that do not

FIRES = {
    "PaperguardDown": [('up{job="paperguard"}', "0x120")],
    "PaperguardDatabaseDown": [("paperguard_database_up", "0x120")],
    "PaperguardNoLeader": [('paperguard_leader{job="paperguard",instance="a"}', "0x120"),
                           ('paperguard_leader{job="paperguard",instance="b"}', "0x120")],
    "PaperguardLeaseOld": [("paperguard_leader_lease_age_seconds", "8x120")],
    "PaperguardTakeover": [("paperguard_leader_epoch", "1x100 2x20")],
    "PaperguardRedisDown": [("paperguard_redis_up", "0x120")],
    "PaperguardOutage": [('paperguard_part_up{part="disk"}', "0x120")],
    "PaperguardLogDropped": [("paperguard_log_dropped_total", "0x100 5x20")],
    "PaperguardGuardFails": [('paperguard_guard_check_state{check="endpoint"}', "1x120")],
    "PaperguardLiveAttempt": [("paperguard_live_attempts_total", "0x100 1x20")],
    "PaperguardHalted": [('paperguard_halt_active{scope="all"}', "1x120")],
    "PaperguardOrdersUnknown": [("paperguard_orders_unknown", "2x120")],
    "PaperguardOrdersQuarantined": [("paperguard_quarantined_orders", "1x120")],
    "PaperguardLedgerMismatch": [('paperguard_ledger_mismatch{kind="cash"}', "1x120")],
    "PaperguardRunsSkipped": [('paperguard_alerts_total{kind="run_overdue"}', "_x100 1x20")],
    "PaperguardConfidenceLow": [('paperguard_alerts_total{kind="confidence_low"}', "4x100 5x20")],
    "PaperguardAlert": [('paperguard_alerts_total{kind="broker_errors"}', "9x100 1x20")],  # counted anew after a restart
    "PaperguardRunsFail": [('paperguard_runs_total{status="failed"}', "0+1x120"), ('paperguard_runs_total{status="completed"}', "0+3x120")],
    "PaperguardBrokerErrors": [('paperguard_broker_errors_total{kind="unknown"}', "0+6x120"),
                               ('paperguard_broker_requests_total{op="orders"}', "0+100x120")],
    "PaperguardHttpErrors": [('paperguard_http_requests_total{code="5xx"}', "0+6x120"),
                             ('paperguard_http_requests_total{code="2xx"}', "0+94x120")],
    "PaperguardOrdersRejected": [('paperguard_orders_total{status="rejected",reason="broker_403"}', "0+2x120"),
                                 ('paperguard_orders_total{status="filled",reason=""}', "0+10x120")],
    "PaperguardOrdersSlow": [('paperguard_broker_request_duration_seconds_sum{op="submit_open"}', "0+21x120"),
                             ('paperguard_broker_request_duration_seconds_count{op="submit_open"}', "0+10x120")],
    "PaperguardHealthSlow": [('paperguard_http_request_duration_seconds_sum{path="/health"}', "0+1.1x120"),
                             ('paperguard_http_request_duration_seconds_count{path="/health"}', "0+1x120")],
    "PaperguardLogErrors": [('paperguard_log_messages_total{level="error"}', "0+1x120")],
    "PaperguardKeyOld": [("paperguard_key_age_seconds", "7776001x120")],
}
KEEPS_STILL = {
    "PaperguardDown": [('up{job="paperguard"}', "1x120")],
    "PaperguardDatabaseDown": [("paperguard_database_up", "1x118 0x1")],
    "PaperguardNoLeader": [('paperguard_leader{job="paperguard",instance="a"}', "0x120"),
                           ('paperguard_leader{job="paperguard",instance="b"}', "1x120")],
    "PaperguardLeaseOld": [("paperguard_leader_lease_age_seconds", "2x119 9x1")],
    "PaperguardTakeover": [("paperguard_leader_epoch", "2x120")],
    "PaperguardRedisDown": [("paperguard_redis_up", "1x110 0x10")],
    "PaperguardOutage": [('paperguard_part_up{part="disk"}', "1x118 0x1")],
    "PaperguardLogDropped": [("paperguard_log_dropped_total", "5x120")],
    "PaperguardGuardFails": [('paperguard_guard_check_state{check="halt"}', "1x120"), ('paperguard_guard_check_state{check="leader"}', "1x120"),
                              ('paperguard_guard_check_state{check="endpoint"}', "0x120")],
    "PaperguardLiveAttempt": [("paperguard_live_attempts_total", "1x120")],
    "PaperguardHalted": [('paperguard_halt_active{scope="all"}', "0x120")],
    "PaperguardOrdersUnknown": [("paperguard_orders_unknown", "0x115 2x5")],
    "PaperguardOrdersQuarantined": [("paperguard_quarantined_orders", "0x115 1x5")],
    "PaperguardLedgerMismatch": [('paperguard_ledger_mismatch{kind="cash"}', "0x118 1x2")],
    "PaperguardRunsSkipped": [('paperguard_alerts_total{kind="run_overdue"}', "1x120"), ('paperguard_alerts_total{kind="clock"}', "0x100 1x20")],
    "PaperguardConfidenceLow": [('paperguard_alerts_total{kind="confidence_low"}', "4x120")],
    "PaperguardAlert": [('paperguard_alerts_total{kind="run_overdue"}', "_x100 1x20")],
    "PaperguardRunsFail": [('paperguard_runs_total{status="failed"}', "0+1x120"), ('paperguard_runs_total{status="completed"}', "0+4x120")],
    "PaperguardBrokerErrors": [('paperguard_broker_errors_total{kind="unknown"}', "0+5x120"),
                               ('paperguard_broker_requests_total{op="orders"}', "0+100x120")],
    "PaperguardHttpErrors": [('paperguard_http_requests_total{code="5xx"}', "0+5x120"),
                             ('paperguard_http_requests_total{code="2xx"}', "0+95x120")],
    "PaperguardOrdersRejected": [('paperguard_orders_total{status="rejected",reason="broker_403"}', "0+1x120"),
                                 ('paperguard_orders_total{status="filled",reason=""}', "0+9x120")],
    "PaperguardOrdersSlow": [('paperguard_broker_request_duration_seconds_sum{op="orders"}', "0+21x120"),
                             ('paperguard_broker_request_duration_seconds_count{op="orders"}', "0+10x120")],
    "PaperguardHealthSlow": [('paperguard_http_request_duration_seconds_sum{path="/health"}', "0+0.9x120"),
                             ('paperguard_http_request_duration_seconds_count{path="/health"}', "0+1x120")],
    "PaperguardLogErrors": [('paperguard_log_messages_total{level="error"}', "11x120")],
    "PaperguardKeyOld": [("paperguard_key_age_seconds", "7776000x120")],
}


def test_every_rule_has_its_cases():
    assert set(FIRES) == set(KEEPS_STILL) == set(rules())
    assert {r["labels"]["severity"] for r in rules().values()} == {"critical", "warning"}


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian's package prometheus) is not installed")
def test_rules_fire_and_keep_still(tmp_path):
    tests = []
    for cases, count in ((FIRES, 1), (KEEPS_STILL, 0)):
        for alert, series in cases.items():
            tests.append({
                "name": f"{alert} {count}", "interval": "15s",
                "input_series": [{"series": with_instance(name), "values": values} for name, values in series],
                "promql_expr_test": [{"expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})', "eval_time": "30m",
                                      "exp_samples": [{"labels": "{}", "value": count}] if count else []}]})
    file = tmp_path / "rules_test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "15s", "tests": tests}))
    for words in (("check", "config", SERVER), ("test", "rules", file)):
        done = subprocess.run(["promtool", *words], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


def with_instance(series):
    name, _, labels = series.partition("{")
    return name + '{instance="h:8001"' + ("," + labels if labels else "}")
