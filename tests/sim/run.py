# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Runs the simulator of tests/sim over many seeds and the incidents, or over one seed with its trace, on a private Postgres.

SEEDS=n, SEED_BASE=n, SEED=n, JOBS=n; FIRST=1 ends with the first violation; SIM_SECONDS=n: no seed begins after them;
INCIDENTS=1: these alone. SEED_BEFORE=n: that one before the others.
SIMULATE=program, BIN=folder of the programs."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/system"))
from harness.basics import Scratch  # noqa: E402
from harness.servers import Postgres  # noqa: E402

INCIDENT_SEEDS = "900000000"  # no other seed has left anything behind under these
SYMBOLS = ("SPY", "TLT", "GLD")


def number(name, usual):
    text = os.environ.get(name) or str(usual)
    if not text.isdigit():
        sys.exit(f"{name}={text}: expected a whole number")
    return int(text)


def make_data(folder):
    """Few symbols, and no splits: every seed reads all of it."""
    prices = folder / "prices"
    prices.mkdir(parents=True)
    for symbol in SYMBOLS:
        lines = (ROOT / f"conf/sample-data/prices/{symbol}.csv").read_text().splitlines(keepends=True)
        (prices / f"{symbol}.csv").write_text("".join(lines[:1] + lines[-40:]))
    shutil.copytree(ROOT / "conf/sample-data/calendar", folder / "calendar")


def memory():
    """A file system in memory that has the room; else where temporary files are as a rule."""
    room = Path("/dev/shm")
    return room if os.access(room, os.W_OK) and shutil.disk_usage(room).free > 2**31 else None


def db_init(folder, dsn):
    config = folder / "init.conf"
    config.write_text(f"[database]\nurl = {dsn}\n")
    config.chmod(0o600)
    env = {"PATH": "/usr/bin:/bin", "ENVIRONMENT": "staging", "DRY_RUN": "true", "ALPACA_PAPER": "true"}
    subprocess.run([Path(os.environ.get("BIN", ROOT / "build/bin")) / "paperguard", "--config", config, "db", "init"], env=env, check=True,
                   stdout=subprocess.DEVNULL)


def tune(postgres):
    """Nobody waits for what a crash would lose, and plans stay as they are."""
    for setting in ("autovacuum", "synchronous_commit", "track_activities", "track_counts", "update_process_title"):
        postgres.do(f"ALTER SYSTEM SET {setting} = off", postgres.dsn())
    postgres.do("SELECT pg_reload_conf()", postgres.dsn())


def main():
    seed = os.environ.get("SEED")
    seeds = 1 if seed else number("SEEDS", 200)
    scratch = Scratch(memory())
    postgres = Postgres(scratch.path / "pg")
    try:
        tune(postgres)
        dsn, again = postgres.database(), postgres.database()
        for database in (dsn, again):
            db_init(scratch.path, database)
        make_data(scratch.path / "data")
        options = "options='-c TimeZone=UTC -c DateStyle=ISO -c bytea_output=hex -c client_min_messages=warning'"
        command = [os.environ.get("SIMULATE", ROOT / "build/obj-plain/simulate"), "--dsn", f"{dsn} {options}", "--dir", scratch.path,
                   "--data", scratch.path / "data", "--base", str(number("SEED", 0) if seed else number("SEED_BASE", 1)),
                   "--seeds", str(seeds), "--jobs", str(number("JOBS", 2))]
        command += ["--trace"] if seed else ["--again", f"{again} {options}"]
        command += ["--first"] if os.environ.get("FIRST") else []
        command += ["--before", str(number("SEED_BEFORE", 0))] if os.environ.get("SEED_BEFORE") else []
        until = ["--seconds", str(number("SIM_SECONDS", 0))] if os.environ.get("SIM_SECONDS") else []
        rc = 0 if os.environ.get("INCIDENTS") else subprocess.run([*command, *until], check=False).returncode
        if rc == 0 and not seed and (os.environ.get("INCIDENTS") or not os.environ.get("FIRST")):
            others = command[:command.index("--base")]
            others += ["--first"] if os.environ.get("FIRST") else []
            rc = subprocess.run([*others, "--base", INCIDENT_SEEDS, "--jobs", str(number("JOBS", 2)), "--incidents"], check=False).returncode
        return rc
    finally:
        postgres.stop()
        shutil.rmtree(scratch.path, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
