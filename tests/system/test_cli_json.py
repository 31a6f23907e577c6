# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""--json of every verb that looks: one document, with the members that scripts rely on, each of its type. Members may be
added; one that is missing here is a break for whoever reads them."""
import json

import pytest

from harness import Site, Strategy, until

TEXT, NUMBER, FLAG, LIST, OBJECT = str, (int, float), bool, list, dict
NONE = type(None)
MAY_TEXT = (str, NONE)

ORDER = {"client_order_id": TEXT, "order_id": MAY_TEXT, "run_id": MAY_TEXT, "symbol": TEXT, "side": TEXT, "type": TEXT,
         "time_in_force": TEXT, "qty": MAY_TEXT, "notional": MAY_TEXT, "status": TEXT, "filled_qty": TEXT,
         "filled_avg_price": MAY_TEXT, "reserved": TEXT, "reason": TEXT, "created_at": TEXT, "sent_at": MAY_TEXT,
         "updated_at": TEXT, "class": TEXT, "session": TEXT}
RUN = {"run_id": TEXT, "status": TEXT, "state": TEXT, "session": TEXT, "slot": TEXT, "label": TEXT, "cause": TEXT,
       "strategy_id": TEXT, "started_at": MAY_TEXT, "completed_at": MAY_TEXT, "deadline_at": MAY_TEXT, "settled": FLAG,
       "num_orders_submitted": NUMBER, "num_orders_rejected": NUMBER, "fills": NUMBER, "detail": TEXT, "account": TEXT}
SHAPES = {
    ("status",): ({"health": OBJECT, "scheduler": OBJECT, "orchestration": OBJECT, "halt": OBJECT, "account": OBJECT,
                   "paused": LIST, "ready": FLAG, "ready_reason": TEXT, "needs_opening": FLAG, "environment": TEXT,
                   "orders_text": TEXT, "timestamp": TEXT}, None, None),
    ("check",): ({"answer": TEXT, "checks": LIST, "simulator": FLAG}, "checks", {"check": TEXT, "answer": TEXT, "text": TEXT,
                                                                              "detail": TEXT, "static": FLAG}),
    ("next",): ({"days": NUMBER, "calendar_until": TEXT, "slots": LIST, "early_closes": LIST, "closed_weekdays": LIST,
                 "clock_changes": LIST}, "slots", {"at": TEXT, "at_new_york": TEXT, "session": TEXT, "label": TEXT,
                                                   "repeats": FLAG, "early_close": FLAG, "strategies": LIST, "paused": LIST}),
    ("plan", "weights"): ({"strategy": TEXT, "model_name": TEXT, "session": TEXT, "as_of": TEXT, "equity": TEXT, "cash": TEXT,
                           "capital": TEXT, "sent": FLAG, "targets": LIST, "orders": LIST}, "targets",
                          {"symbol": TEXT, "weight": TEXT, "reason": TEXT}),
    ("limits",): ({"session": MAY_TEXT, "account_known": FLAG, "limits": LIST, "long_only": FLAG, "allow": LIST, "deny": LIST},
                  "limits", {"name": TEXT, "unit": TEXT, "code": TEXT, "ceiling": TEXT, "effective": TEXT, "used": MAY_TEXT,
                             "left": MAY_TEXT, "note": MAY_TEXT}),
    ("selftest",): ({"passed": FLAG, "detail": TEXT, "took_microseconds": NUMBER, "rows": LIST}, "rows",
                    {"kind": TEXT, "code": TEXT, "fired": FLAG, "found": TEXT}),
    ("keys",): ({"key": TEXT, "key_pin": TEXT, "in_file": FLAG, "locked_in_memory": FLAG, "first_seen": MAY_TEXT,
                 "age_seconds": (int, NONE)}, None, None),
    ("strategies",): ({"strategies": LIST, "pauses_known": FLAG}, "strategies",
                      {"name": TEXT, "state": TEXT, "enabled": FLAG, "paused": FLAG, "paused_reason": MAY_TEXT, "schedule": TEXT,
                       "allocation": TEXT, "band": TEXT, "symbols": LIST}),
    ("runs",): ({"runs": LIST, "limit": NUMBER, "offset": NUMBER}, "runs", RUN),
    ("why",): ({"run": OBJECT, "legs_planned": NUMBER, "orders_sent": NUMBER, "orders_filled": NUMBER, "orders_refused": NUMBER,
                "orders_unknown": NUMBER, "legs_not_sent": NUMBER, "awaited": TEXT, "minutes_to_cut_off": (int, NONE),
                "safe_next": LIST}, None, None),
    ("orders",): ({"orders": LIST, "limit": NUMBER, "offset": NUMBER}, "orders", ORDER),
    ("quarantine",): ({"quarantine": LIST, "limit": NUMBER}, "quarantine",
                      {"order_id": TEXT, "client_order_id": TEXT, "kind": TEXT, "symbol": TEXT, "side": TEXT, "qty": MAY_TEXT,
                       "status": TEXT, "filled_qty": TEXT, "first_seen_at": TEXT, "outcome": MAY_TEXT, "reason": MAY_TEXT}),
    ("fills",): ({"fills": LIST}, "fills", {"activity_id": TEXT, "order_id": TEXT, "client_order_id": TEXT, "run_id": MAY_TEXT,
                                            "symbol": TEXT, "side": TEXT, "qty": TEXT, "price": TEXT, "amount": TEXT,
                                            "slippage_bps": MAY_TEXT, "transaction_time": TEXT}),
    ("positions",): ({"positions": LIST}, "positions", {"book": TEXT, "symbol": TEXT, "side": TEXT, "qty": TEXT, "cost": TEXT,
                                                        "avg_entry_price": TEXT}),
    ("config", "show"): ({"file": TEXT, "options": LIST}, "options", {"section": TEXT, "name": MAY_TEXT, "key": TEXT,
                                                                    "value": TEXT, "origin": TEXT, "reload": FLAG}),
    ("config", "diff"): ({"file": TEXT, "trouble": MAY_TEXT, "differences": LIST}, "differences",
                         {"section": TEXT, "key": TEXT, "running": MAY_TEXT, "file": MAY_TEXT, "origin": TEXT, "reload": TEXT}),
    ("drift",): ({"account": TEXT, "compared": FLAG, "in_step": FLAG, "reason": TEXT, "code": MAY_TEXT, "cash": OBJECT,
                  "positions": LIST, "held": NUMBER}, None, None),
    ("explain",): ({"codes": LIST}, "codes", {"kind": TEXT, "code": TEXT, "meaning": TEXT, "action": TEXT}),
    ("db", "status"): ({"database": TEXT, "marked": FLAG, "environment": MAY_TEXT, "fits": FLAG, "detail": TEXT,
                        "migrations": LIST}, "migrations", {"version": NUMBER, "name": TEXT, "state": TEXT}),
}


@pytest.fixture(scope="module", name="used")
def fixture_used(pg):
    site = Site(pg, strategies=[Strategy()]).begin()
    try:
        site.run_whole()
        site.sim.call("POST", "/v2/orders", {"client_order_id": "by-hand", "symbol": "IEF", "side": "buy", "qty": "1", "type": "limit",
                                             "limit_price": "50", "time_in_force": "gtc"})
        until(lambda: site.daemon.get("/api/v1/quarantine")["count"], 20, "an order that is not ours")
        site.daemon.sections["http"]["max_connections"] = "77"  # something for `config diff`
        site.daemon.write()
        yield site
    finally:
        site.close()


def check(shape, found, where):
    for name, kind in shape.items():
        assert name in found, f"{where}: {name} is missing"
        assert isinstance(found[name], kind) and not (kind is NUMBER and isinstance(found[name], bool)), \
            f"{where}: {name} is {found[name]!r}"


@pytest.mark.parametrize("words", SHAPES, ids=" ".join)
def test_members(used, words):
    done = used.daemon.cli("--json", *words)
    assert done.returncode == 0 and done.stderr == "", done
    assert done.stdout.count("\n") == 1, "one document in one line"
    whole, rows, row = SHAPES[words]
    found = json.loads(done.stdout)
    check(whole, found, words)
    if rows:
        assert found[rows], f"{words}: nothing to look at in {rows}"
        for one in found[rows]:
            check(row, one, words)


def test_every_verb_that_looks_is_held_to_its_members():
    import re
    import subprocess
    from harness import BIN
    text = subprocess.run([BIN / "paperguard", "--help"], capture_output=True, text=True, check=True).stdout
    looks = text.partition("Verbs that look:\n")[2].partition("\nVerbs that act")[0]
    verbs = {tuple(v.split()) for v in re.findall(r"^  ([a-z]+(?: [a-z]+)?)(?: [A-Z\[].*)?$", looks, re.M)}
    assert verbs - {("logs",)} <= {w if w != ("plan", "weights") else ("plan",) for w in SHAPES}
