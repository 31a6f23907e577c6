# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The operator's command line: what is told of a run, codes explained, monitoring, completion, colour and width."""
import json
import os
import re
import subprocess

import pytest

from harness import ROOT, Strategy
from harness.basics import BIN, until

PAPERGUARD = BIN / "paperguard"


def cli(*words, env=None):
    return subprocess.run([PAPERGUARD, *words], env={"PATH": "/usr/bin:/bin"} | (env or {}), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)


# --- explain

def test_explain_knows_codes_and_whole_reasons():
    done = cli("explain", "price_age")
    assert done.returncode == 0 and "max_price_age" in done.stdout and "To do:" in done.stdout
    assert "max_order_notional" in cli("explain", "order_notional: value 70000 above 60000").stdout
    both = json.loads(cli("--json", "explain", "unknown").stdout)["codes"]
    assert {c["kind"] for c in both} >= {"order", "halt", "answer"}
    assert all(c["meaning"] and c["action"] for c in json.loads(cli("--json", "explain").stdout)["codes"])
    wrong = cli("explain", "price_age", "no_such_code_at_all")
    assert wrong.returncode == 64 and wrong.stdout == ""


def test_every_alert_and_exit_code_of_the_source_is_explained():
    codes = {(c["kind"], c["code"]) for c in json.loads(cli("--json", "explain").stdout)["codes"]}
    text = "\n".join(p.read_text() for p in sorted((ROOT / "daemon").glob("*.c")))
    alerts = set(re.findall(r"(?:alert\([a-z>.-]*(?:p\.)?arg|daemon_alert\([a-z]+), \"(\w+)\"", text))
    assert len(alerts) >= 8 and {a for a in alerts if ("alert", a) not in codes} == set()
    messages = re.findall(r'^MESSAGE\((\w+), "([0-9a-f]{32})", "(\w+)"', (ROOT / "daemon/messages.def").read_text(), re.M)
    assert len(messages) > 10 and [m for m in messages if ("message", m[2]) not in codes] == []
    assert [m[0] for m in messages if f"MESSAGE_{m[0]}" not in text] == [], "a message nobody sends"
    assert messages[0][2] in cli("explain", messages[0][1]).stdout, "found by its id too"
    tables = "\n".join(p.read_text() for p in sorted((ROOT / "daemon/sql/migrations").glob("*.sql")))
    for kind, column, table in (("entry", "kind", "entries"), ("activity", "outcome", "activity_outcomes"),
                                ("member", "status", "run_members")):
        words = re.search(rf"CREATE TABLE {table} .*?{column} text NOT NULL CHECK \({column} IN \(([^)]*)\)", tables, re.S).group(1)
        assert {w for w in re.findall(r"'(\w+)'", words) if (kind, w) not in codes} == set()
    used = set(re.findall(r"\bEX_(\w+)\b", text + "\n".join(p.read_text() for p in (ROOT / "daemon/ctl").glob("*.c"))))
    numbers = {name: int(n) for name, n in re.findall(r"#define EX_(\w+)\s+(\d+)", open("/usr/include/sysexits.h").read())}
    assert {u for u in used if u in numbers and ("exit", str(numbers[u])) not in codes} == set()


# --- why

def test_why_tells_of_a_whole_run_and_of_a_member_that_failed(make_site):
    bad = Strategy("broken", command="/bin/false", allocation="0.1")
    site = make_site(strategies=[Strategy(allocation="0.9"), bad]).begin()
    row = site.run_whole()
    assert row["status"] == "partial"
    out = site.daemon.ctl("why")
    for word in (row["run_id"], "cause      cli", "targets    weights: SPY 0.3", "partial", "4 sent, 4 filled", "broken", "failed", "safe next:",
                 f"paperguard logs --run {row['run_id']}"):
        assert word in out, out
    story = json.loads(site.daemon.ctl("--json", "why", row["run_id"][:8]))
    assert story["orders_sent"] == story["orders_filled"] == 4 and story["legs_not_sent"] == 0
    assert story["minutes_to_cut_off"] is None and story["awaited"] == ""
    members = {m["strategy"]: m["status"] for m in story["run"]["members"]}
    assert members == {"weights": "ok", "broken": "failed"}
    wrong = site.daemon.cli("why", "zzzz")
    assert wrong.returncode == 64 and "no run is called" in wrong.stderr
    whole = site.daemon.cli("why", "0" * 40)
    assert whole.returncode == 64 and "no run has this id" in whole.stderr


def test_why_of_a_run_under_way_knows_the_cut_off(make_site):
    site = make_site(sim_options=("--no-rate-limit", "--fill-delay-ms", "6000")).begin()
    assert site.daemon.cli("why").returncode == 1, "no run yet"
    run_id = site.run()
    story = until(lambda: (s := site.daemon.ctl_json("why", run_id))["orders_sent"] and s, 20, "orders")
    assert 0 <= story["minutes_to_cut_off"] <= 20 and story["awaited"]
    assert any(line.startswith("paperguard halt") for line in story["safe_next"])
    out = site.daemon.ctl("why", "last")
    assert "cut-off" in out and "awaited" in out
    site.daemon.ctl("halt", "look", "at", "this")
    story = site.daemon.ctl_json("why", run_id)
    assert "look at this" in story["awaited"] and "paperguard release request REASON" in story["safe_next"]


# --- status for monitoring

NAGIOS = re.compile(r"PAPERGUARD (OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]+(\|( [a-z_]+=-?[0-9.]+(;[0-9.]*)*)+)?\n")


def test_nagios_says_one_line_with_its_code(make_site, tmp_path):
    site = make_site()
    site.daemon.db_init()
    away = site.daemon.cli("status", "--nagios")
    assert away.returncode == 2 and NAGIOS.fullmatch(away.stdout) and "CRITICAL" in away.stdout, away
    site.daemon.start().up().ready()
    site.accept()
    good = site.daemon.cli("status", "--nagios")
    assert good.returncode == 0 and NAGIOS.fullmatch(good.stdout) and good.stderr == "", good
    assert " equity=" in good.stdout and " orders_unknown=0;0;0" in good.stdout and " halted=0 ready=1" in good.stdout
    site.daemon.ctl("halt", "a | b")
    halted = site.daemon.cli("status", "--nagios")
    assert halted.returncode == 1 and "WARNING - halted: a / b |" in halted.stdout and NAGIOS.fullmatch(halted.stdout)
    if os.geteuid() == 0:
        (tmp_path / "x").mkdir(mode=0o700)
        done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", PAPERGUARD, "--socket",
                               "/root/admin.sock", "status", "--nagios"], capture_output=True, text=True, check=False)
        assert done.returncode == 3 and NAGIOS.fullmatch(done.stdout), done


# --- terminal

def on_terminal(site, *words, env=None):
    """What a terminal of 80 columns would show."""
    quoted = " ".join(f"'{w}'" for w in (PAPERGUARD, "--config", site.daemon.config, *words))
    done = subprocess.run(["script", "-qec", f"stty cols 80; {quoted}", "/dev/null"], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, env=site.daemon.env | {"TERM": "xterm"} | (env or {}))
    return done.stdout.replace("\r\n", "\n")


def test_colour_and_width(site):
    site.run_whole()
    seen = on_terminal(site, "orders")
    assert "\033[32mfilled\033[0m" in seen and max(len(re.sub(r"\033\[\d*m", "", s)) for s in seen.split("\n")) <= 80
    assert "--wide" in seen, "what was left out is told"
    assert "\033" not in on_terminal(site, "orders", env={"NO_COLOR": "1"})
    assert "\033" not in on_terminal(site, "orders", env={"TERM": "dumb"})
    assert "\033" in on_terminal(site, "orders", env={"NO_COLOR": ""})
    wide = on_terminal(site, "--wide", "orders", env={"NO_COLOR": "1"})
    assert wide == site.daemon.ctl("orders") and max(map(len, wide.split("\n"))) > 120
    narrow = on_terminal(site, "orders", env={"COLUMNS": "60", "NO_COLOR": "1"})
    assert max(map(len, narrow.split("\n"))) <= 60 and "…" in narrow
    assert "\033" not in site.daemon.ctl("orders") and "…" not in site.daemon.ctl("orders")


# --- completion, as bash does it

def complete(line, site=None):
    words = line.split(" ")
    script = (f"source {ROOT}/conf/paperguard.bash; COMP_WORDS=({' '.join(repr(w) for w in words)}); "
              f"COMP_CWORD={len(words) - 1}; _paperguard; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=False,
                          env={"PATH": f"{BIN}:/usr/bin:/bin"} | (site.daemon.env if site else {}) | {"PATH": f"{BIN}:/usr/bin:/bin"})
    assert done.stderr == "", done.stderr
    return [w for w in done.stdout.split("\n") if w]


@pytest.mark.parametrize("line,offered", [
    ("paperguard sta", ["status"]), ("paperguard release ", ["request", "confirm"]), ("paperguard db in", ["init"]),
    ("paperguard status --na", ["--nagios"]), ("paperguard --json runs --st", ["--status", "--strategy"]),
    ("paperguard runs --status parti", ["partial"]), ("paperguard explain price_col", ["price_collar"]),
    ("paperguard db init --environment ", ["staging", "dev"]), ("paperguard halt ", []), ("paperguard run --time", ["--timeout"]),
])
def test_completion(line, offered):
    assert complete(line) == offered


def test_completion_asks_the_daemon(site):
    row = site.run_whole()
    reach = f"paperguard --config {site.daemon.config} "
    assert complete(reach + "run wei", site) == ["weights"]
    assert complete(reach + "positions --book ", site) == ["weights", "unassigned"]
    assert complete(reach + "orders --symbol S", site) == ["SPY"]
    assert complete(reach + f"why {row['run_id'][:6]}", site) == [row["run_id"]]
    assert complete(reach + "config show risk.max_orders_per_", site) == ["risk.max_orders_per_run", "risk.max_orders_per_day"]
    assert complete(reach + "config show weigh", site) == ["weights"]
    assert complete("paperguard --socket /nowhere run ") == [], "silence when the daemon is away"
