# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A day's head of the chain of decisions goes where the database's owner cannot change it, once; and what is older than it is to
be kept is removed so that the rest can still be verified."""
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import psycopg2
import pytest

from harness import until
from harness.wall import LIBRARY, at, wall_site

CHAIN = {"daemon": {"host": "host-a"}}


class Hook:
    """A webhook that refuses the first `refused` posts."""

    def __init__(self, refused=0):
        self.got, self.taken = [], []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.got.append((self.path, dict(self.headers), body))
                good = len(hook.got) > refused
                hook.taken += [body] if good else []
                self.send_response(204 if good else 500)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?room=audit"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture(name="hook")
def fixture_hook(request):
    hook = Hook(getattr(request, "param", 0))
    yield hook
    hook.close()


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("hook", [1], indirect=True)
def test_a_head_is_stored_once_at_each_place(make_site, hook, tmp_path):
    file = tmp_path / "heads"
    file.write_text('{"torn":')  # somebody else's end of a line
    site = make_site(audit={"head_file": file, "head_url": hook.url}, **CHAIN).begin()
    told = until(lambda: site.sql("SELECT subject, detail FROM alerts WHERE kind = 'head_not_stored'"), 20, "the alert")
    assert [(a["subject"], "status 500" in a["detail"]) for a in told] == [("webhook", True)]
    until(lambda: hook.taken, 30, "the second try")
    rows = until(lambda: (lambda r: r if len(r) == 2 else None)(
        site.sql("SELECT place, seq, hash, day::text FROM stored_heads ORDER BY place")), 20, "both places")
    kept, = [json.loads(line) for line in file.read_text().splitlines()[1:]]
    assert file.read_text().startswith('{"torn":\n') and kept["host"] == "host-a" and kept["environment"] == "staging"
    for row, line in zip(rows, (kept, hook.taken[0])):
        assert (row["seq"], row["hash"], row["day"]) == (line["seq"], line["hash"], line["day"]), (row, line)
    path, headers, _ = hook.got[0]
    assert path == "/hook?room=audit" and not any("APCA" in name.upper() or "AUTHORIZATION" in name.upper() for name in headers)
    assert site.daemon.metric("paperguard_audit_head_failures_total", place="webhook") == 1
    assert site.daemon.metric("paperguard_audit_head_stored_timestamp_seconds", place="file") > 0
    site.daemon.stop()
    site.daemon.start().up().ready()  # the same day: it is stored already
    until(lambda: len(site.sql("SELECT 1 FROM decisions WHERE kind = 'leader'")) == 2, 20, "the second life's decision")
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))
    assert site.daemon.cli("audit", "verify", "--head", str(file)).returncode == 0
    assert len(hook.taken) == 1 and len(lines(file)) == 1


def test_a_place_that_cannot_be_written(make_site, tmp_path):
    file = tmp_path / "away" / "heads"
    site = make_site(audit={"head_file": file}, **CHAIN).begin()
    told = until(lambda: site.sql("SELECT detail FROM alerts WHERE kind = 'head_not_stored'"), 20, "the alert")
    assert "No such file" in told[0]["detail"]
    file.parent.mkdir()
    until(lambda: lines(file), 30, "a later try")
    assert len(site.sql("SELECT 1 FROM alerts WHERE kind = 'head_not_stored'")) == 1, "told once a day"


@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")
def test_a_day_of_utc_has_a_head_of_its_own(make_site, tmp_path):
    file = tmp_path / "heads"
    wall, site = wall_site(make_site, tmp_path, at(2026, 11, 18, 18, 0), audit={"head_file": file}, **CHAIN)
    until(lambda: lines(file), 20, "the head of the day of the start")
    wall.set(at(2026, 11, 18, 19, 0, 1))  # midnight of UTC
    until(lambda: len(lines(file)) == 2, 20, "the next day's")
    assert [line["day"] for line in lines(file)] == ["2026-11-18", "2026-11-19"]


@pytest.mark.parametrize("url", ["https://paper-api.alpaca.markets/v2/orders", "http://192.0.2.1/hook", "https://user:pass@example.com/"])
def test_an_address_that_is_refused(make_site, url):
    site = make_site(audit={"head_url": url})
    site.daemon.db_init()
    site.daemon.start()
    assert site.daemon.exit() == 78 and "[audit] head_url" in site.daemon.text() and url not in site.daemon.text()


OLD = "SELECT count(add_decision(ROW('host-a', 'default', NULL, 'old-' || n, 'guard', 's', 'denied', 'r', 'd', " \
      "'2020-01-01'::timestamptz + n * interval '1 minute', NULL)::decisions)) FROM generate_series(1, 2500) n"


def test_what_is_removed_has_a_checkpoint(make_site):
    site = make_site(audit={"keep_days": "30"}, **CHAIN)
    site.daemon.db_init()
    site.sql(OLD)
    middle, last = [r["hash"] for r in site.sql("SELECT hash FROM decisions WHERE seq IN (1000, 2500) ORDER BY seq")]
    site.daemon.start().up().ready()
    until(lambda: site.sql("SELECT min(seq) AS n FROM decisions")[0]["n"] == 2501, 30, "three rounds of a thousand")
    checkpoints = site.sql("SELECT subject, rule FROM decisions WHERE kind = 'audit' AND answer = 'checkpoint' ORDER BY seq")
    assert [c["subject"] for c in checkpoints] == ["1000", "2000", "2500"]
    assert checkpoints[0]["rule"] == middle and checkpoints[2]["rule"] == last
    for head in (last, middle):
        assert site.daemon.cli("audit", "verify", "--head", head).returncode == 0
    told = site.daemon.ctl_json("audit", "verify")["chains"][0]
    assert told["state"] == "whole" and told["first"] == 2501 and told["removed_to"] == 2500, told
    site.daemon.stop()
    with pytest.raises(psycopg2.Error, match="keeps what it holds"):
        site.sql("DELETE FROM decisions WHERE seq = 2501")
    # What goes without a checkpoint in the chain is missed, though the trigger let it go.
    site.sql("UPDATE decision_heads SET removed_to = 2501; DELETE FROM decisions WHERE seq = 2501")
    done = site.daemon.cli("audit", "verify")
    assert done.returncode == 1 and "BROKEN at row 1, removed: rows 1 to 2501 are not there, and no checkpoint" in done.stdout, done
    assert site.daemon.cli("audit", "verify", "--from", "2021-01-01").returncode == 0


def test_a_role_that_is_no_superuser(make_site):
    """It owns the tables, and has no privilege to change a decision; what adds and removes them works for it."""
    site = make_site(audit={"keep_days": "30"}, **CHAIN)
    name = site.sql("SELECT current_database() AS n")[0]["n"]
    site.sql("CREATE ROLE plain LOGIN")
    site.sql(f'ALTER DATABASE "{name}" OWNER TO plain')
    site.dsn = " ".join(w for w in site.dsn.split() if not w.startswith("user=")) + " user=plain"
    site.daemon.sections["database"]["url"] = site.dsn
    site.daemon.write()
    site.daemon.db_init()
    site.sql(OLD.replace("2500", "10"))
    for statement in ("UPDATE decisions SET answer = 'x' WHERE seq = 1", "TRUNCATE decisions"):
        with pytest.raises(psycopg2.Error, match="permission denied"):
            site.sql(statement)
    site.daemon.start().up().ready()
    until(lambda: site.sql("SELECT min(seq) AS n FROM decisions")[0]["n"] >= 10, 30, "the old ones gone, but for the newest of all")
    assert site.daemon.cli("audit", "verify").returncode == 0
