# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""`paperguard rehearse`: the daemon over old prices. What the days of March and August 2020 did is in the ledger."""
import json
import re
import shutil
import signal
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from harness import BIN, ROOT, STRATEGIES
from harness.basics import SANITIZER

pytestmark = pytest.mark.skipif(bool(SANITIZER), reason="a life has a stack of its own, which a sanitizer does not know")
SAMPLE = ROOT / "conf/sample-data"
LAST = re.compile(r"rehearse: (\d+) sessions, (\d+) orders, (\d+) fills, return (-?[\d.]+)%, max drawdown ([\d.]+)%, "
                  r"ledger == exchange, digest ([0-9a-f]{64})")


def rehearse(*words):
    return subprocess.run([BIN / "paperguard", "rehearse", *map(str, words)], env={"PATH": "/usr/bin:/bin"}, capture_output=True,
                          text=True, check=False)


def good(*words):
    done = rehearse(*words)
    last = LAST.fullmatch(done.stdout.rstrip("\n").split("\n")[-1])
    assert done.returncode == 0 and last and not done.stderr, (done.returncode, done.stdout[-2000:], done.stderr)
    return last.groups(), done.stdout


def test_over_the_split_twice_with_a_database_of_its_own_and_a_given_one(pg, tmp_path):
    """The same ledger to the byte; shares times four, a price of a quarter, and no return out of nothing."""
    days = ("--from", "2020-08-27", "--to", "2020-09-01")
    before = set(Path("/tmp").glob("paperguard-rehearse.*"))
    (sessions, orders, *_), _ = good(*days, "--dump", tmp_path / "one")
    assert set(Path("/tmp").glob("paperguard-rehearse.*")) <= before
    dsn = pg.database()
    good(*days, "--dump", tmp_path / "two", "--database", dsn)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert int(sessions) == 4 and int(orders) >= 20
    assert good(*days, "--seed", "2", "--dump", tmp_path / "three")[0][5] not in (tmp_path / "one").read_text()
    assert (tmp_path / "one").read_bytes() != (tmp_path / "three").read_bytes()
    entry = pg.do("SELECT detail FROM entries WHERE kind = 'corporate_action'", dsn)
    assert len(entry) == 1 and entry[0]["detail"].startswith("SPLIT FSPLIT AAPL from ")
    old, new = (Decimal(w) for w in entry[0]["detail"].split() if w[0].isdigit())
    assert new == 4 * old
    closes = [r["equity"] for r in pg.do("SELECT equity FROM equity_snapshots WHERE source = 'close' ORDER BY session", dsn)]
    assert len(closes) == 4 and all(abs(b / a - 1) < Decimal("0.05") for a, b in zip(closes, closes[1:]))
    asked = pg.do("SELECT strategy, count(*) AS n FROM run_members WHERE status = 'ok' GROUP BY strategy ORDER BY 1", dsn)
    assert [(r["strategy"], r["n"]) for r in asked] == [("fixed-weights", 4), ("inverse-volatility", 4), ("momentum", 4)]
    # A ledger is never rehearsed upon.
    again = rehearse(*days, "--database", dsn)
    assert again.returncode == 69 and "never one with a ledger in it" in again.stderr


def test_its_figures_as_one_document():
    """The same as the text tells, member by member."""
    days = ("--from", "2019-12-30", "--to", "2020-01-03")
    (sessions, orders, fills, share, fall, digest), text = good(*days)
    done = rehearse("--json", *days)
    assert done.returncode == 0 and not done.stderr and done.stdout.count("\n") == 1, (done.returncode, done.stderr)
    told = json.loads(done.stdout)
    assert (told["simulator"], told["from"], told["to"], told["seed"], told["capital"]) == (True, "2019-12-30", "2020-01-03", 1, "100000")
    assert (told["equal"], told["differences"], told["digest"]) == (True, 0, digest)
    assert (told["sessions"], told["orders"], told["fills"]) == (int(sessions), int(orders), int(fills))
    assert (Decimal(told["return"]), Decimal(told["max_drawdown"])) == (Decimal(share) / 100, Decimal(fall) / 100)
    for year in told["years"]:
        line = re.search(rf"^{year['year']} .*$", text, re.M)[0].replace("%", "").split()
        assert [int(w) for w in line[1:5]] == [year[k] for k in ("sessions", "runs", "orders", "fills")]
        assert [Decimal(w) / 100 for w in line[5:]] == [Decimal(year["return"]), Decimal(year["max_drawdown"])]
    assert [y["year"] for y in told["years"]] == [2019, 2020] and sum(y["orders"] for y in told["years"]) == told["orders"]
    for one in told["strategies"]:
        words = re.search(rf"^{one['strategy']} +\d.*$", text, re.M)[0].split()[1:]
        assert words == [str(one["asked"]), str(one["answered"]), one["traded"], one["profit"]]
    assert len(told["strategies"]) == 3 and sum(told["runs"].values()) == sum(y["runs"] for y in told["years"])
    assert "runs: " + ", ".join(f"{n} {word}" for word, n in told["runs"].items()) in text
    assert told["orders_by_status"] == {"filled": int(orders)}


def test_interrupted_it_leaves_nothing():
    before = set(Path("/tmp").glob("paperguard-rehearse.*")) | set(Path("/dev/shm").glob("paperguard-rehearse.*"))
    with subprocess.Popen([BIN / "paperguard", "rehearse"], env={"PATH": "/usr/bin:/bin"}, stdout=subprocess.PIPE, text=True) as p:
        assert p.stdout.readline().startswith("SIMULATOR: 2019-06-03 to 2020-12-31 ")
        p.send_signal(signal.SIGINT)
        assert p.wait(30) == 130
    assert not (set(Path("/tmp").glob("paperguard-rehearse.*")) | set(Path("/dev/shm").glob("paperguard-rehearse.*"))) - before


def test_over_a_halt_and_an_early_close(pg):
    """What is sent into the halt of 2020-03-18, 12:56 to 13:11, waits for its end; a half-day moves one slot and leaves another out."""
    dsn = pg.database()
    good("--from", "2020-03-18", "--to", "2020-03-18", "--database", dsn)
    halted = pg.do("SELECT count(*) AS n, count(*) FILTER (WHERE transaction_time >= '2020-03-18 17:11:17Z') AS late FROM fills "
                   "JOIN intents USING (client_order_id) WHERE created_at BETWEEN '2020-03-18 17:00Z' AND '2020-03-18 17:05Z'", dsn)
    assert halted[0]["n"] > 5 and halted[0]["late"] == halted[0]["n"]
    runs = pg.do("SELECT status, settled FROM runs", dsn)
    assert len(runs) == 3 and all(r["status"] == "completed" and r["settled"] for r in runs)
    dsn = pg.database()
    good("--from", "2020-11-27", "--to", "2020-11-27", "--database", dsn)
    slots = [r["slot_key"] for r in pg.do("SELECT slot_key FROM runs ORDER BY slot_key", dsn)]
    assert slots == ["2020-11-27T14:35:00Z", "2020-11-27T17:30:00Z"]


def test_a_configuration_of_ones_own(pg, tmp_path):
    """Its strategies, slots and limits count, its host's parts do not."""
    tmp_path.chmod(0o755)
    for folder in list(tmp_path.parents)[:3]:
        folder.chmod(folder.stat().st_mode | 0o011) if str(folder).startswith("/tmp/") else None
    config = tmp_path / "own.conf"
    config.write_text('[daemon]\nstate_dir = /nowhere\ninstance = desk7\n[broker]\nendpoint = https://paper-api.alpaca.markets\n'
                      'key_id_file = /nowhere/key\n[redis]\nurl = redis://127.0.0.1:1/0\n[database]\nurl = host=/nowhere\n'
                      '[risk]\nmax_orders_per_run = 1\n[listen "main"]\naddress = 127.0.0.1:8001\nroles = health api\n'
                      '[strategy "mine"]\ncommand = /usr/bin/env python3 -c "1"\nsymbols = SPY TLT\nallocation = 0.5\n'
                      'schedule = close-30m\n[strategy "fixed"]\nsymbols = SPY TLT\nallocation = 0.4\nschedule = 10:00\n'
                      f'early_close = skip\ncommand = {STRATEGIES}/fixed_weights\n'
                      'params = {"weights":{"SPY":"0.5","TLT":"0.5"}}\n')
    config.chmod(0o600)
    dsn = pg.database()
    _, said = good("--config", config, "--from", "2019-07-02", "--to", "2019-07-03", "--capital", "20000", "--database", dsn)
    assert "mine" in said and "at most 1" in said, said
    rows = pg.do("SELECT label, status, instance, orders_accepted FROM runs ORDER BY scheduled_at", dsn)
    assert [(r["label"], r["instance"]) for r in rows] == [("10:00", "desk7"), ("close-30m", "desk7"), ("close-30m", "desk7")]
    assert rows[1]["status"] == "failed" and rows[0]["orders_accepted"] <= 1
    config.write_text(config.read_text().replace("symbols = SPY TLT", "symbols = SPY XYZ"))
    done = rehearse("--config", config)
    assert done.returncode == 78 and "names XYZ" in done.stderr and "expected XYZ.csv" in done.stderr, done.stderr


def bars(folder, change=None, symbol="SPY"):
    folder.mkdir(exist_ok=True)
    lines = (SAMPLE / f"prices/{symbol}.csv").read_text().split("\n")[:6]
    (folder / f"{symbol}.csv").write_text("\n".join(change(lines) if change else lines) + "\n")
    return folder


def test_any_folder_of_bars(tmp_path):
    bars(tmp_path / "p")
    shutil.copy(SAMPLE / "corporate_actions.csv", tmp_path / "p")
    (sessions, *_), said = good("--prices", bars(tmp_path / "p", symbol="TLT"))
    assert int(sessions) == 5 and f"over the prices of {tmp_path}/p" in said


@pytest.mark.parametrize("change, told", [
    (lambda l: l[:2] + ["2019-06-04,1,2"] + l[3:], "SPY.csv line 3: expected date,open,high,low,close,volume"),
    (lambda l: l[:2] + ["2019-06-04,10,9,8,9.5,100"] + l[3:], "SPY.csv line 3: bar of SPY 2019-06-04: prices must be above zero"),
    (lambda l: l[:3] + l[4:], "SPY.csv line 4: found 2019-06-06, expected the session 2019-06-05"),
    (lambda l: l[:1] + ["2019-06-02" + l[1][10:]] + l[2:], "SPY.csv line 2: 2019-06-02 is no session of the exchange"),
    (lambda l: l[:1], "SPY.csv: no line is a bar"),
])
def test_bars_that_cannot_be(tmp_path, change, told):
    done = rehearse("--prices", bars(tmp_path / "p", change))
    assert done.returncode == 78 and f"{tmp_path}/p/{told}" in done.stderr and not done.stdout, (done.stdout, done.stderr)


@pytest.mark.parametrize("words, code, told", [
    (("--prices", "/nowhere/at/all"), 78, "/nowhere/at/all: No such file or directory (expected a folder"),
    (("--from", "2021-01-01"), 78, "has them from 2019-06-03 to 2020-12-31"),
    (("--from", "yesterday"), 64, 'expected a date YYYY-MM-DD'),
    (("--seed", "-1"), 64, "expected a whole number from 0"),
    (("--capital", "5"), 64, "expected dollars from 1000 to 10000000"),
    (("--config", "/nowhere.conf"), 78, "/nowhere.conf"),
    (("--database", "host=/nowhere"), 69, "the database cannot be used"),
])
def test_what_is_refused(words, code, told):
    done = rehearse(*words)
    assert done.returncode == code and told in done.stderr and "rehearse" in done.stderr, (done.returncode, done.stderr)
