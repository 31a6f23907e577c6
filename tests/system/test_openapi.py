# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Our own API against its own description: the document and the table of paths agree, and every answer it tells of is provoked and
compared with it, member by member."""
import json
import re

import pytest

from harness import ROOT, TOKEN, Site, until
from harness.schema import Description, Schemas

AUTH = {"Authorization": f"Bearer {TOKEN}"}
DOCUMENT = json.loads((ROOT / "daemon/web/openapi.json").read_text())
ORDER = {"client_order_id": "api:1", "symbol": "SPY", "side": "buy", "qty": "1"}
VALUES = {"limit": "2", "offset": "0", "run_id": "x", "symbol": "SPY", "status": "ok", "strategy": "weights", "from": "2020-01-01",
          "to": "2099-01-01", "page_token": "x"}
# Answers of a crowd: sixteen wrong tokens held back at once, sixty-four requests that wait. The unit tests make them.
CROWD = {(name, "429") for name in ("run", "order_new", "order_cancel", "order_cancel_post", "halt")} | {("run", "503")}


class Api:
    def __init__(self, site, description):
        self.site, self.description = site, description

    def __call__(self, name, expected, body=None, query="", headers=None, **ids):
        path, method, _ = self.description.operations[name]
        path = re.sub(r"\{(\w+)\}", lambda m: ids[m[1]], path)
        status, answer, text = self.site.daemon.raw(path + query, method, body, headers)
        assert status == expected, f"{method} {path}{query}: {status}, not {expected}: {text[:400]}"
        kind = answer["Content-Type"]
        body = json.loads(text) if kind.startswith("application/json") else text.decode()
        self.description.check(name, status, kind, body)
        return body


@pytest.fixture(scope="module", name="description")
def fixture_description():
    return Description(DOCUMENT)


@pytest.fixture(scope="module", name="api")
def fixture_api(pg, redis, description):
    site = Site(pg, redis=redis, broker={"compare_interval": "1s"})
    try:
        site.begin()
        site.first = site.run_whole()
        yield Api(site, description)
    finally:
        site.close()


# --- the document

def test_the_document_holds_together(description):
    text = json.dumps(DOCUMENT)
    refs = set(re.findall(r'"\$ref": "([^"]+)"', text))
    for ref in refs:
        description.schemas.find(ref)
    for kind in ("schemas", "parameters"):
        assert {f"#/components/{kind}/{n}" for n in DOCUMENT["components"][kind]} <= refs | {"#/components/schemas/Refusal"}
    ids = [o["operationId"] for item in DOCUMENT["paths"].values() for o in item.values()]
    assert len(ids) == len(set(ids))
    version = re.search(r"AC_INIT\(\[paperguard\], \[([^]]+)\]", (ROOT / "configure.ac").read_text())[1]
    assert DOCUMENT["info"]["version"] == version


def test_paths_are_those_of_the_table():
    table = (ROOT / "daemon/api_routes.c").read_text()
    table = table[table.index("PATHS[] = {"):table.index("\n};", table.index("PATHS[] = {"))]
    paths = re.findall(r'"(/[^"]*)"', table)
    assert len(paths) == len(set(paths)) and set(paths) == set(DOCUMENT["paths"])


def test_the_manual_names_every_path():
    manual = (ROOT / "man/paperguardd.8").read_text()
    named = set(re.findall(r"^\.It (?:Li (\w+) )?Pa (/\S+)$", manual, re.M))
    said = {("" if m == "get" else m.upper(), path) for path, item in DOCUMENT["paths"].items() for m in item}
    assert {n for n in named if n[1] in DOCUMENT["paths"]} == said


def test_every_code_is_explained():
    """What a refused order is told with, `paperguard explain` knows."""
    said = set(re.findall(r'(?:answer_refused\([^;]*?|refusal\)\{\d+, )"(\w+)",', (ROOT / "daemon/api_orders.c").read_text()))
    known = set(re.findall(r'^CODE\("\w+", "(\w+)"', (ROOT / "daemon/ctl/codes.def").read_text(), re.M))
    assert {"halt", "in_step", "not_open", "client_order_id", "broker_rejected"} <= said <= known, said - known


def test_methods_are_those_described(api):
    for path, item in DOCUMENT["paths"].items():
        said = [m.upper() for m in ("get", "post", "delete") if m in item]
        if "GET" in said:
            said.insert(1, "HEAD")
        for method in ("GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"):
            if method in said:
                continue
            status, headers, text = api.site.daemon.raw(path.replace("{id}", "x"), method, headers=AUTH)
            assert status == 405 and headers["Allow"] == ", ".join(said), f"{method} {path}: {status} {headers}"
            assert json.loads(text)["error"] == "Method Not Allowed"


def test_head_is_get_without_a_body(api):
    for path, item in DOCUMENT["paths"].items():
        if "get" in item:
            path = path.replace("{id}", "nosuch")
            get, head = api.site.daemon.raw(path), api.site.daemon.raw(path, "HEAD")
            assert head[0] == get[0] and head[2] == b"" and head[1]["Content-Type"] == get[1]["Content-Type"], path


def test_parameters_are_those_described(api, description):
    for name, (path, method, operation) in description.operations.items():
        if method != "GET" or "health" in operation["tags"]:
            continue
        known = {p["name"] for p in description.parameters(name) if p["in"] == "query"}
        for parameter, value in VALUES.items():
            status, _, text = api.site.daemon.raw(path.replace("{id}", "x") + f"?{parameter}={value}")
            assert (b"unknown parameter" not in text) == (parameter in known), f"{name}?{parameter}: {status} {text[:200]}"
            assert (status == 400) == (parameter not in known or parameter == "page_token"), f"{name}?{parameter}: {status}"


@pytest.mark.parametrize("value,schema,good", [
    ({"a": 1}, {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}, "additionalProperties": False}, True),
    ({"a": 1, "b": 1}, {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}, False),
    ({}, {"type": "object", "required": ["a"]}, False), (True, {"type": "integer"}, False), (1.5, {"type": "integer"}, False),
    (None, {"type": ["string", "null"]}, True), ("x", {"enum": ["y"]}, False), ("2026-02-30", {"format": "date"}, False),
    ("2026-02-03T04:05:06.7Z", {"format": "date-time"}, True), ("2026-02-03 04:05:06Z", {"format": "date-time"}, False),
    ([1, "x"], {"items": {"type": "integer"}}, False), (-1, {"minimum": 0}, False), ("ab", {"pattern": "^a$"}, False),
    (1, {"anyOf": [{"type": "string"}, {"type": "integer"}]}, True), (1, {"allOf": [{"type": "string"}, {"type": "integer"}]}, False),
    ("x", {"$ref": "#/components/schemas/Refusal"}, False),
])
def test_the_validator_itself(value, schema, good):
    assert (Schemas(DOCUMENT).errors(value, schema) == []) is good


# --- every answer

def test_health_answers(api):
    for name in ("health", "healthz", "live", "ready", "readyz", "scheduler", "risk", "metrics", "openapi"):
        api(name, 200)
    assert api("openapi", 200) == DOCUMENT


def test_state_answers(api):
    assert api("halt_state", 200)["halt"]["state"] == "running"
    api("halt_state", 400, query="?x=1")
    for name in ("config", "guard", "prices", "prices_latest", "orchestration_status"):
        api(name, 200)
        api(name, 400, query="?nosuch=1")
    assert api("prices_latest", 200, query="?symbol=SPY")["price"]
    assert api("prices_latest", 200, query="?symbol=BTCUSDT")["missing"] == ["BTCUSDT"]


def test_history_answers(api):
    rows = {"runs": "runs", "orders": "orders", "fills": "fills", "positions": "positions", "strategies": "strategies",
            "signals": "signals", "signals_latest": "signals", "equity": "equity", "alerts": "alerts", "decisions": "decisions",
            "entries": "entries", "activities": "activities", "quarantine": "quarantine"}
    api.site.sim.call("POST", "/v2/orders", {"client_order_id": "by-hand", "symbol": "IEF", "side": "buy", "qty": "1", "type": "limit",
                                             "limit_price": "50", "time_in_force": "gtc"})
    until(lambda: api("quarantine", 200)["count"], 20, "an order that is not ours")
    api.site.sim.call("POST", "/sim/cash", {"type": "INT", "amount": "1.25"})
    until(lambda: api("activities", 200, query="?status=posted")["count"], 20, "an activity")
    api("order_new", 422, {**ORDER, "client_order_id": "huge", "qty": "100000"}, headers=AUTH)  # so that there is a decision
    until(lambda: api("decisions", 200)["count"], 10, "a decision")
    for name, key in rows.items():
        whole = api(name, 200)
        assert whole["count"] == len(whole[key]) and whole["next_offset"] is None
        assert whole["count"] > 0 or name == "alerts", name
        api(name, 400, query="?limit=0")
    walked, offset = [], 0
    while offset is not None:
        page = api("fills", 200, query=f"?limit=1&offset={offset}")
        walked, offset = walked + page["fills"], page["next_offset"]
    assert walked == api("fills", 200)["fills"]
    posted = api("activities", 200, query="?status=INT")["activities"][0]
    entry = api("entries", 200, query="?status=cash")["entries"][0]
    assert entry["entry_id"] == posted["entry_id"] and posted["net_amount"] == "1.25" and posted["outcome"] == "posted"
    assert {(p["part"], p["amount"]) for p in entry["postings"]} == {("cash", "1.25"), ("equity", "-1.25")}
    kinds = [e["kind"] for e in api("entries", 200)["entries"]]
    assert kinds[-1] == "opening" and kinds.count("fill") == api("fills", 200)["count"]
    assert api("entries", 200, query="?strategy=weights&symbol=SPY")["count"] == api("fills", 200, query="?symbol=SPY")["count"] > 0
    api.site.daemon.in_step()


def test_a_pause_shows_as_the_command_line_shows_it(api):
    """Over HTTP, with when, by whom and why."""
    daemon = api.site.daemon

    def shown():
        return {s["name"]: s for s in api("strategies", 200)["configured"]}["weights"]

    assert shown()["paused"] is False and shown()["state"] == "active" and shown()["paused_at"] is None
    daemon.ctl("strategies", "pause", "weights", "a look at its model")
    told = until(lambda: shown()["paused"] and shown(), 5, "the pause")
    line = {s["name"]: s for s in daemon.ctl_json("strategies")["strategies"]}["weights"]
    members = ("state", "paused", "paused_reason", "paused_by", "paused_at")
    assert [told[m] for m in members] == [line[m] for m in members] and told["state"] == "paused"
    assert told["paused_reason"] == "a look at its model" and told["paused_by"] and told["paused_at"]
    assert api("scheduler", 200)["config"]["strategies"][0] == told
    daemon.ctl("strategies", "resume", "weights")
    until(lambda: shown()["paused"] is False and shown()["paused_by"] is None, 5, "the end of the pause")


def test_run_answers(api):
    site = api.site
    api("run_one", 200, id=site.first["run_id"])
    api("run_one", 404, id="nosuch")
    api("run_one", 400, id="nosuch", query="?limit=1")
    api("run", 401, {})
    api("run", 400, {"strategy": ["weights"]}, headers=AUTH)
    api("run", 415, b"{}", headers={**AUTH, "Content-Type": "text/plain"})
    api("run", 202, {"strategies": ["weights"]}, headers=AUTH)
    api("run", 409, {"strategies": ["nosuch"]}, headers=AUTH)
    until(lambda: site.daemon.get("/health/scheduler")["status"] != "busy", 20, "the end of the run")


def test_order_answers(api):
    site = api.site
    api("order_new", 201, ORDER, headers=AUTH)
    api("order_new", 200, ORDER, headers=AUTH)
    api("order_new", 409, {**ORDER, "qty": "2"}, headers=AUTH)
    api("order_new", 400, {**ORDER, "side": "up"}, headers=AUTH)
    api("order_new", 401, ORDER)
    api("order_new", 415, json.dumps(ORDER), headers={**AUTH, "Content-Type": "text/plain"})
    until(lambda: site.daemon.get("/api/v1/orders/api:1")["status"] == "filled", 20, "filled")
    api("order_one", 200, id="api:1")
    api("order_one", 404, id="nosuch")
    api("order_one", 400, id="api:1", query="?limit=1")
    assert api("order_audit", 200, id="api:1")["fills"]
    assert api("order_audit", 200, id="huge")["status"] == "denied"
    api("order_audit", 404, id="nosuch")
    api("order_audit", 400, id="nosuch", query="?x=1")
    site.sim.fault("POST /v2/orders", "drop_after_accept")
    api("order_new", 202, {**ORDER, "client_order_id": "lost", "qty": "2"}, headers=AUTH)
    site.sim.clear_faults()


def test_cancel_answers(api):
    site = api.site
    limit = f"{float(api('prices_latest', 200, query='?symbol=SPY')['price']) * 0.97:.2f}"
    for qty, name in enumerate(("order_cancel", "order_cancel_post"), 3):  # not the same order twice
        resting = {**ORDER, "client_order_id": name, "qty": str(qty), "type": "limit", "limit_price": limit}
        api("order_new", 201, resting, headers=AUTH)
        api(name, 401, id=name)
        api(name, 400, id=name, query="?force=1", headers=AUTH)
        api(name, 202, id=name, headers=AUTH)
        until(lambda n=name: site.daemon.get(f"/api/v1/orders/{n}")["status"] == "canceled", 20, "canceled")
        api(name, 409, id=name, headers=AUTH)
        api(name, 404, id="nosuch", headers=AUTH)


def test_requests_are_described(description):
    for body, good in ((ORDER, True), ({**ORDER, "qty": 1.5, "type": "limit", "limit_price": "3.50"}, True),
                       ({**ORDER, "qyt": "1"}, False), ({"symbol": "spy", "side": "buy"}, False), ({**ORDER, "type": "stop"}, False)):
        assert (description.check_request("order_new", body) == []) is good, body
    assert description.check_request("run", {}) == [] and description.check_request("halt", {}) != []


def test_answers_without_a_token(pg, description):
    site = Site(pg, http={"token_file": None})
    try:
        site.begin()
        api = Api(site, description)
        for name, body in (("run", {}), ("order_new", ORDER), ("halt", {"reason": "x"})):
            api(name, 403, body)
        for name in ("order_cancel", "order_cancel_post"):
            api(name, 403, id="x")
    finally:
        site.close()


def test_answers_of_a_halt(api):
    api("halt", 401, {"reason": "x"})
    api("halt", 400, {}, headers=AUTH)
    api("halt", 415, b'{"reason":"x"}', headers={**AUTH, "Content-Type": "text/plain"})
    api("halt", 200, {"reason": "drill"}, headers=AUTH)
    assert api("health", 200)["status"] == "halted" and api("ready", 200)["halt"] == "halted"
    assert api("halt_state", 200)["halt"]["reason"] == "drill"
    assert api("order_new", 403, {**ORDER, "client_order_id": "late"}, headers=AUTH)["code"] == "halt"
    code = api.site.daemon.ctl_json("release", "request", "over")["code"]
    api.site.daemon.ctl("release", "confirm", code)


def test_answers_without_postgres(api, pg, description):
    pg.halt()
    try:
        until(lambda: api.site.daemon.http("/health")[0] == 503, 20, "unhealthy")
        for name in ("health", "healthz", "ready", "readyz"):
            api(name, 503)
        for name in ("live", "scheduler", "risk", "config", "prices", "orchestration_status"):
            api(name, 200)
        for name, (_, method, o) in description.operations.items():
            if "503" in o["responses"] and method == "GET" and "health" not in o["tags"]:
                api(name, 503, id="nosuch")
        for name in ("order_cancel", "order_cancel_post"):
            api(name, 503, id="nosuch", headers=AUTH)
        assert api("order_new", 503, {**ORDER, "client_order_id": "dark"}, headers=AUTH)["code"]
    finally:
        pg.start()
    api.site.daemon.in_step()


def test_every_answer_was_seen(description):
    """Last: what the document tells of and nothing provoked would be a promise nobody keeps."""
    assert description.answers() - description.seen - CROWD == set()
