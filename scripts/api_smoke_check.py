#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Smoke check of a running paperguardd: health, scheduler, risk, prices and signals answer, are fresh and complete.

usage: api_smoke_check.py [URL]      URL, else PAPERGUARD_URL or QT_API_BASE, else http://localhost:8001

Ends with 0 and one line when all is well; with 1 and what is wrong when not; with 69 when nobody answers.
"""
import json
import os
import sys
import urllib.error
import urllib.request
from datetime import datetime, timezone

FRESH_S = 60
POSITIONS = ("positions", "total_notional", "as_of")


def fetch(base, path):
    try:
        with urllib.request.urlopen(base + path, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as e:
        return {"unreadable": f"HTTP {e.code}: {e.read(300).decode(errors='replace')}"}
    except ValueError:
        return {"unreadable": "not JSON"}


def missing(block, names, where):
    if not isinstance(block, dict):
        return [f"{where} is missing"]
    return [f"{where}.{name} is missing" for name in names if name not in block]


def stale(body):
    try:
        said = datetime.fromisoformat(body["timestamp"][:19]).replace(tzinfo=timezone.utc)
    except (KeyError, TypeError, ValueError):
        return ["timestamp is missing"]
    age = abs((datetime.now(timezone.utc) - said).total_seconds())
    return [f"timestamp is {age:.0f} s off"] if age > FRESH_S else []


def check_health(body):
    found = [] if body.get("status") == "healthy" else [f"status is {body.get('status')}: {body.get('why')}"]
    for lock in ("dry_run", "alpaca_paper"):
        found += [] if body.get(lock) is True else [f"{lock} is {body.get(lock)}"]
    execution = (body.get("scheduler") or {}).get("execution")
    return found + missing((body.get("risk") or {}).get("positions"), POSITIONS, "risk.positions") + \
        missing(execution, ("gross_exposure", "positions_synced"), "scheduler.execution")


def check_scheduler(body):
    found = [f"status is {body.get('status')}"] if body.get("status") in (None, "degraded", "disabled", "waiting") else []
    found += [f"no price for {symbol}" for symbol in body.get("missing_symbols", [])]
    return found + missing(body.get("execution"), ("gross_exposure", "positions_synced"), "execution")


def check_risk(body):
    found = [] if body.get("status") == "ok" else [f"status is {body.get('status')}"]
    return found + missing(body.get("positions"), POSITIONS, "positions")


CHECKS = {
    "/health": check_health,
    "/health/scheduler": check_scheduler,
    "/risk": check_risk,
    "/api/prices/latest": lambda body: missing(body, ("prices", "missing"), "answer"),
    "/api/ai/signals/latest?limit=5": lambda body: missing(body, ("signals",), "answer"),
}


def main():
    base = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PAPERGUARD_URL") or os.environ.get("QT_API_BASE")
    base = (base or "http://localhost:8001").rstrip("/")
    wrong = []
    for path, check in CHECKS.items():
        try:
            body = fetch(base, path)
        except OSError as e:
            print(f"{base} does not answer: {e}", file=sys.stderr)
            return 69
        found = [body["unreadable"]] if "unreadable" in body else check(body) + stale(body)
        wrong += [f"{path}: {what}" for what in found]
    for what in wrong:
        print(what, file=sys.stderr)
    if not wrong:
        print("API smoke check completed successfully.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
