# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""What the ledger writes outside of the leader's epoch (ledger_op_write instead of ledger_op_lead) is what any host may write: every other
statement that goes that way only reads."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ANY_HOST = {"account_seen", "halt_write", "strategy_halt_write", "decision_insert", "alert_insert", "self_test_insert", "key_seen",
            "head_stored", "decisions_forget"}  # each host has a chain of its own
OF_LEADER = {"leader_enter", "leader_halt", "leader_take", "leader_renew", "leader_release"}  # the lead itself
CHANGES = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM|TRUNCATE)\b")


def functions_that_change():
    """By the last definition of each, those that change a table themselves or call one that does."""
    bodies = {}
    for path in sorted((ROOT / "daemon/sql/migrations").glob("*.sql")):
        for name, body in re.findall(r"^CREATE (?:OR REPLACE )?FUNCTION (\w+)(.*?)^\$\$;", path.read_text(), re.M | re.S):
            bodies[name] = re.sub(r"\bFOR (NO KEY )?UPDATE\b|ON CONFLICT[^;]*DO UPDATE|--.*", "", body)
    found = {name for name, body in bodies.items() if CHANGES.search(body)}
    while True:
        more = {name for name, body in bodies.items() if name not in found and any(re.search(rf"\b{f}\(", body) for f in found)}
        if not more:
            return found
        found |= more


def statements_that_change():
    changing = functions_that_change()
    texts = {path.stem: path.read_text() for path in (ROOT / "daemon/sql").glob("*.sql")}
    return {name for name, text in texts.items() if CHANGES.search(text) or any(re.search(rf"\b{f}\(", text) for f in changing)}


def sent(call, elsewhere=False):
    """The statements in functions of the ledger that end in this call; elsewhere: of a function that has none, those of its file."""
    found = set()
    for path in (ROOT / "daemon").glob("ledger_*.c"):
        text = path.read_text()
        for body in re.findall(r"^\{\n(.*?)^\}", text, re.M | re.S):
            if f"{call}(" in body:
                here = re.findall(r"\bSQL_(\w+)", body)
                found |= {s.lower() for s in here or elsewhere and re.findall(r"\bSQL_(\w+)", text) or ()}
    return found


def test_what_changes_is_known():
    changing = statements_that_change()
    assert ANY_HOST | OF_LEADER < changing and {"intent_commit", "fills_record", "quarantine_adopt", "reconciled_write", "run_update"} < changing
    assert not {"books_load", "orders_open", "mark_check", "orders_compare", "order_retry"} & changing, changing


def test_only_the_leader_writes_what_is_the_leaders():
    changing = statements_that_change() - OF_LEADER
    others = sent("ledger_op_write") & changing - ANY_HOST
    assert not others, f"{others}: sent by ledger_op_write, and they change what only the leader may"
    missing = changing - ANY_HOST - sent("ledger_op_lead", elsewhere=True)
    assert not missing, f"{missing}: not seen to be sent by ledger_op_lead"
