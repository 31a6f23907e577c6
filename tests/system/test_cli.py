# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The operator's command line: exit codes, what is refused before anything is asked, and what works without the daemon."""
import json
import os
import pty
import struct
import subprocess
import fcntl
import termios

import pytest

from harness.basics import BIN

PAPERGUARD = BIN / "paperguard"


def cli(*words, env=None):
    return subprocess.run([PAPERGUARD, *words], env={"PATH": "/usr/bin:/bin"} | (env or {}), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)


# --- without anything

@pytest.mark.parametrize("words,said", [
    ((), "usage:"), (("statsu",), 'did you mean "status"'), (("trades",), 'did you mean "fills"'),
    (("resume",), 'did you mean "release request"'), (("orders", "--status", "fille"), 'did you mean "filled"'),
    (("runs", "--status", "complete"), 'did you mean "completed"'), (("orders", "--parked", "--status", "new"), "--parked"),
    (("explain", "price_agee"), 'did you mean "price_age"'), (("positions", "--run", "x"), "--run"), (("release",), 'did you mean "release request"'),
    (("--jsn", "status"), 'did you mean "--json"'), (("halt",), "usage: paperguard halt REASON"),
    (("status", "extra"), "usage:"), (("release", "confirm"), "usage:"), (("status", "--run", "x"), "--run"),
    (("runs", "--limit", "0"), "whole number"), (("runs", "--limit"), "missing"), (("run", "--wait=yes"), "no value"),
])
def test_wrong_usage_is_64(words, said):
    done = cli(*words)
    assert done.returncode == 64 and said in done.stderr and done.stdout == "", done


def test_help_and_version():
    assert cli("--version").stdout.startswith("paperguard 0.")
    whole = cli("--help")
    assert whole.returncode == 0 and "release confirm TOKEN" in whole.stdout and "exit codes" in whole.stdout
    one = cli("run", "--help")
    assert one.returncode == 0 and one.stdout.startswith("usage: paperguard run ")


def test_no_daemon_is_69(tmp_path):
    for words in (("status",), ("run",), ("halt", "x"), ("check",), ("orders",)):
        done = cli("--socket", tmp_path / "nothing.sock", *words)
        assert done.returncode == 69 and "nothing.sock" in done.stderr, done


def test_an_instance_has_a_config_of_its_own(tmp_path):
    wrong = cli("--instance", "no/such", "status")
    assert wrong.returncode == 64 and "no instance is called" in wrong.stderr
    assert cli("--instance", "surely-not-there", "status").returncode == 64
    assert cli("--instance", "a", "--config", tmp_path / "x.conf", "status").returncode == 64


def test_a_socket_that_nobody_serves_is_69(tmp_path):
    import socket
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
    assert cli("--socket", path, "status").returncode == 69


def test_no_permission_is_77(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", PAPERGUARD, "--socket",
                           "/root/admin.sock", "status"], capture_output=True, text=True, check=False)
    assert done.returncode == 77 and "group" in done.stderr, done


def test_bad_config_is_78(tmp_path):
    config = tmp_path / "paperguard.conf"
    assert cli("--config", config, "status").returncode == 78
    config.write_text("[daemon]\nlog_levle = info\n")
    done = cli("--config", config, "status")
    assert done.returncode == 78 and "log_levle" in done.stderr and ":2" in done.stderr, done


# --- with files only

def test_check_of_a_file_needs_no_daemon(make_site):
    site = make_site()
    good = site.daemon.cli("check", "--config", str(site.daemon.config))
    assert good.returncode == 0 and "dry_run" in good.stdout and "SIMULATOR" in good.stdout, good
    bad = dict(site.daemon.env, DRY_RUN="True")
    done = site.daemon.cli("check", "--config", str(site.daemon.config), env=bad)
    assert done.returncode == 78 and "FAIL" in done.stdout and "DRY_RUN" in done.stdout, done
    # As JSON, and for a CI.
    done = site.daemon.cli("--json", "check", "--config", str(site.daemon.config), env=bad)
    rows = {c["check"]: c["answer"] for c in json.loads(done.stdout)["checks"]}
    assert done.returncode == 78 and rows["dry_run"] != "PASS" and rows["alpaca_paper"] == "PASS"
    done = site.daemon.cli("check", "--config", str(site.daemon.config), env=bad | {"GITHUB_ACTIONS": "true"})
    assert "::error title=paperguard dry_run::" in done.stdout


def test_db_init_without_a_config(make_site):
    site = make_site()
    dsn = site.daemon.sections["database"]["url"]
    assert cli("db", "init", "--url", dsn).returncode == 78, "no environment"
    assert cli("db", "init", "--url", dsn, "--environment", "prod").returncode == 78
    assert cli("db", "init", "--url", dsn, "--environment", "Staging").returncode == 78
    done = cli("db", "init", "--url", dsn + " application_name=prod", "--environment", "staging")
    assert done.returncode == 78 and "production" in done.stderr, done
    done = cli("db", "init", "--url", dsn, "--environment", "staging")
    assert done.returncode == 0 and "staging" in done.stdout, done
    again = cli("db", "init", "--url", dsn, "--environment", "staging")
    assert again.returncode == 1 and "marked already" in again.stderr, again
    site.daemon.start().up().ready()


# --- with a daemon

def test_lists_and_waiting(site):
    assert site.daemon.ctl("orders") == "no orders\n"
    out = site.daemon.ctl("run", "--wait")
    assert "completed, settled: 4 orders sent" in out, out
    run = json.loads(site.daemon.ctl("--json", "run", "weights", "--wait"))
    assert run["status"] == "completed" and run["strategy_id"] == "weights" and run["cause"] == "cli"
    assert run["run_id"] in site.daemon.ctl("runs")
    assert len(site.daemon.ctl("orders", "--run", site.runs()[0]["run_id"]).splitlines()) == 1 + 4
    assert len(site.daemon.ctl("fills", "--symbol", "SPY").splitlines()) == 1 + 1
    assert len(json.loads(site.daemon.ctl("--json", "positions"))["positions"]) == 4
    assert site.daemon.cli("orders", "--symbol", "").returncode == 64
    for words, near in ((("orders", "--symbol", "SPYY"), "SPY"), (("fills", "--strategy", "weight"), "weights"),
                        (("positions", "--book", "unasigned"), "unassigned"), (("runs", "--strategy", "wieghts"), "weights")):
        done = site.daemon.cli(*words)
        assert done.returncode == 64 and f'did you mean "{near}"' in done.stderr, done
    assert site.daemon.ctl("orders", "--parked") == "no orders\n"
    assert len(site.daemon.ctl("positions", "--book", "weights").splitlines()) == 1 + 4
    assert site.daemon.ctl("orders", "--strategy", "weights", "--status", "unknown") == "no orders\n"
    assert site.daemon.cli("run", "nosuch", "--wait").returncode == 64


def test_wait_gives_up_with_75(make_site):
    site = make_site(sim_options=("--no-rate-limit", "--fill-delay-ms", "4000")).begin()
    assert site.daemon.cli("run", "--timeout", "1").returncode == 64, "it belongs to --wait"
    done = site.daemon.cli("run", "--wait", "--timeout", "1")
    assert done.returncode == 75 and "goes on" in done.stderr, done


def test_status_is_1_only_when_unhealthy(site):
    assert "healthy" in site.daemon.ctl("status")
    site.daemon.ctl("halt", "--", "--odd", "fills")
    out = site.daemon.ctl("status")
    assert "halted: --odd fills" in out and "paper" in out.lower()
    table = site.daemon.ctl("check")
    assert "FAIL" in table and "guard PASS, halt halted" in table, "a halt is shown, and is not a fault of the guard"


def test_a_market_that_never_closes_has_no_calendar_to_compare(site):
    """Every place that tells of the check says so: agreement was not looked at."""
    told = "not applicable: the simulator's market is open around the clock"
    assert site.daemon.get("/health/scheduler")["calendar_check"] == told
    assert [c["detail"] for c in site.daemon.get("/api/v1/guard")["checks"] if c["check"] == "calendar"] == [told]
    assert [line for line in site.daemon.ctl("--wide", "check").split("\n") if " calendar " in line and told in line]


def test_tables_fit_the_terminal(site):
    site.daemon.ctl("run", "--wait")
    for width in (80, 120):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        for verb in ("runs", "orders", "fills", "positions"):
            subprocess.run([PAPERGUARD, "--config", site.daemon.config, verb], env=site.daemon.env, stdout=theirs, check=True)
        os.close(theirs)
        out = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:
                break
            if not part:
                break
            out += part
        os.close(ours)
        lines = out.decode().splitlines()
        assert len(lines) > 10 and max(map(len, lines)) <= width, lines
        assert site.runs()[0]["run_id"] in out.decode(), "an id is there to be copied"
