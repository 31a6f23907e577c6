# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The chain of decisions: all of them are in it, and what is done to it afterwards is found without the daemon, in the database
and in a dump."""
import json

import psycopg2
import pytest

from harness import TOKEN, Site, until

ORDERS = "/api/v1/orders"


@pytest.fixture(scope="module", name="site")
def fixture_site(pg):
    site = Site(pg, risk={"max_order_notional": "1000"})
    try:
        yield site.begin()
    finally:
        site.close()


def place(site, name, qty, token=TOKEN):
    body = {"client_order_id": name, "symbol": "SPY", "side": "buy", "qty": qty}
    return site.daemon.http(ORDERS, "POST", body, {"Authorization": f"Bearer {token}"})[0]


def decided(site, **where):
    words = " AND ".join(f"{name} = %s" for name in where)
    return until(lambda: site.sql(f"SELECT seq, detail FROM decisions WHERE {words}", *where.values()), 20, f"the decision {where}")


def test_every_decision_is_in_the_chain(site):
    assert place(site, "fine", "1") == 201 and place(site, "large", "900") == 422 and place(site, "theft", "1", "wrong") == 401
    assert '"symbol":"SPY"' in decided(site, kind="risk", subject="fine", answer="allowed")[0]["detail"]
    decided(site, kind="operator", subject="fine", answer="placed")
    decided(site, kind="risk", subject="large", answer="denied", rule="order_notional")
    decided(site, kind="request", subject=f"POST {ORDERS}", answer="denied", rule="401")
    decided(site, kind="request", subject=f"POST {ORDERS}", answer="accepted", rule="201")
    decided(site, kind="leader", answer="leads")
    site.daemon.ctl("halt", "--strategy", "weights", "one alone")
    decided(site, kind="halt", subject="strategy weights", answer="halted", detail="one alone")
    site.daemon.ctl("halt", "the audit")
    decided(site, kind="halt", subject="default", answer="halted", detail="the audit")
    assert place(site, "halted", "1") == 403
    decided(site, kind="request", rule="403", answer="denied")
    decided(site, kind="request", subject="POST /admin/halt", answer="accepted")
    # The daemon goes on writing.
    told = site.daemon.ctl_json("audit", "verify")
    chain, = told["chains"]
    assert told["whole"] and chain["state"] == "whole" and chain["first"] == 1 and chain["rows"] == chain["last"] > 8, told


def test_the_database_refuses_to_change_one(site):
    for statement in ("UPDATE decisions SET answer = 'allowed' WHERE seq = 1", "DELETE FROM decisions WHERE seq = 1", "TRUNCATE decisions"):
        with pytest.raises(psycopg2.Error, match="keeps what it holds"):
            site.sql(statement)


NUMBERS = "UPDATE decisions SET seq = -seq WHERE seq > %s; UPDATE decisions SET seq = -seq + (%s) WHERE seq < 0"
TAMPERED = {
    "changed": ("UPDATE decisions SET answer = 'allowed' WHERE seq = 5", 5, "changed"),
    "detail": ("UPDATE decisions SET detail = detail || ' ' WHERE seq = 5", 5, "changed"),
    "when": ("UPDATE decisions SET at = at - interval '1 microsecond' WHERE seq = 5", 5, "changed"),
    "removed": ("DELETE FROM decisions WHERE seq IN (5, 6)", 5, "removed"),
    "removed and renumbered": ("DELETE FROM decisions WHERE seq = 5; " + NUMBERS % (5, -1) +
                               "; UPDATE decision_heads SET seq = seq - 1", 5, "removed"),
    "the last one": ("DELETE FROM decisions WHERE seq = (SELECT max(seq) FROM decisions)", None, "removed"),
    "inserted": (NUMBERS % (4, 1) + "; INSERT INTO decisions SELECT host, instance, 5, 'forged', kind, subject, 'allowed', rule, detail, "
                 "at, hash FROM decisions WHERE seq = 4; UPDATE decision_heads SET seq = seq + 1", 5, "inserted"),
    "inserted with its hash": (
        NUMBERS % (4, 1) + "; INSERT INTO decisions SELECT (x.d).* FROM (SELECT ROW(d.host, d.instance, 5, 'forged', kind, subject, 'allowed', "
        "rule, detail, at, decision_hash(hash, ROW(d.host, d.instance, 5, 'forged', kind, subject, 'allowed', rule, detail, at, NULL)::decisions)"
        ")::decisions AS d FROM decisions d WHERE seq = 4) x; UPDATE decision_heads SET seq = seq + 1", 5, "inserted"),
    "reordered": ("UPDATE decisions SET seq = -seq WHERE seq IN (5, 6); UPDATE decisions SET seq = 11 + seq WHERE seq < 0", 5, "reordered"),
}


@pytest.fixture(scope="module", name="still")
def fixture_still(site):
    """The daemon has ended, and the table may be changed by whoever owns it."""
    site.daemon.stop()
    site.sql("ALTER TABLE decisions DISABLE TRIGGER USER; ALTER TABLE decisions DROP CONSTRAINT decisions_seq_check")
    site.sql("CREATE TABLE kept AS TABLE decisions; CREATE TABLE kept_heads AS TABLE decision_heads")
    return site


def as_it_was(site):
    site.sql("DELETE FROM decisions; INSERT INTO decisions TABLE kept; "
             "UPDATE decision_heads h SET seq = k.seq, hash = k.hash FROM kept_heads k WHERE k.host = h.host")


@pytest.mark.parametrize("how", TAMPERED)
def test_what_is_done_to_the_table_is_named(still, how):
    statement, row, state = TAMPERED[how]
    row = row or still.sql("SELECT max(seq) AS n FROM decisions")[0]["n"]
    still.sql(statement)
    done = still.daemon.cli("audit", "verify")
    as_it_was(still)
    assert done.returncode == 1 and f"BROKEN at row {row}, {state}: " in done.stdout, done


def lines_of(site, *words):
    return [json.loads(line) for line in site.daemon.ctl("audit", "dump", *words).splitlines()]


def verify_lines(site, lines, *words):
    path = site.daemon.folder / "dump"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return site.daemon.cli("audit", "verify", "--dump", str(path), *words)


def test_a_dump_is_verified_elsewhere(still):
    lines = lines_of(still)
    rows, head = lines[:-1], lines[-1]["head"]
    assert [r["seq"] for r in rows] == list(range(1, len(rows) + 1)) and head["seq"] == len(rows) and head["hash"] == rows[-1]["hash"]
    assert verify_lines(still, lines).returncode == 0
    changed = [{**r, "answer": "allowed"} if r.get("seq") == 5 else r for r in lines]
    for what, told in ((changed, "row 5, changed"), (lines[:4] + lines[5:], "row 5, removed"), (lines[:-1], "cut off"),
                       (lines[:4] + [lines[5], lines[4]] + lines[6:], "row 5, reordered"), (lines[:6] + [lines[4]] + lines[6:], "inserted"),
                       (lines[:-3] + lines[-1:], f"row {len(rows) - 1}, removed")):
        done = verify_lines(still, what)
        assert done.returncode == 1 and told in done.stdout, (told, done)
    assert verify_lines(still, [*lines, {"seq": 1}]).returncode == 1
    assert still.daemon.cli("audit", "verify", "--dump", "/nonexistent").returncode == 66


def test_a_head_that_was_kept_elsewhere(still):
    """Whoever writes the whole chain anew is found by the head alone."""
    head = json.loads(still.daemon.ctl("audit", "head"))
    kept = still.daemon.folder / "heads"
    kept.write_text(json.dumps({"day": "2026-01-01", **head}) + "\n")
    for word in (head["hash"], str(kept)):
        assert still.daemon.cli("audit", "verify", "--head", word).returncode == 0
    still.sql("CREATE TABLE forged AS TABLE decisions; UPDATE forged SET answer = 'allowed' WHERE seq = 5; DELETE FROM decisions; "
              "UPDATE decision_heads SET seq = 0, hash = repeat('0', 64)")
    still.sql("DO $$ DECLARE f decisions; BEGIN FOR f IN SELECT * FROM forged ORDER BY seq LOOP PERFORM add_decision(f); END LOOP; END $$")
    plain = still.daemon.cli("audit", "verify")
    assert plain.returncode == 0, plain
    for word in (head["hash"], str(kept)):
        done = still.daemon.cli("audit", "verify", "--head", word)
        assert done.returncode == 1 and f"no chain has the head {head['hash']}" in done.stdout, done
    as_it_was(still)
    assert still.daemon.cli("audit", "verify", "--head", "0" * 63).returncode == 66
    assert still.daemon.cli("audit", "verify", "--url", "host=127.0.0.1 port=1 dbname=x").returncode == 75


def test_days_alone(still):
    day = still.sql("SELECT utc(max(at)) AS at FROM decisions")[0]["at"][:10]
    for words, rows in ((("--from", day), True), (("--to", "2020-01-01"), False), (("--from", "2199-01-01"), False)):
        chains = still.daemon.ctl_json("audit", "verify", *words)["chains"]
        assert bool(chains and chains[0]["rows"]) == rows, (words, chains)
    assert still.daemon.cli("audit", "verify", "--from", "yesterday").returncode == 64
