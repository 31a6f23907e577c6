#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""How late a slot's run starts: a daemon with `every 1s`, whose runs record what they would send, beside a bare timerfd that wakes
at the same seconds. `picked up` is when the scheduler takes the slot; `claimed` is when its claim is committed in Postgres (a fast
disk's or not: this private one does not sync) and the run begins, to the millisecond of the log. A slot that comes while the run
before it still works waits for that, and is left out.

    jitter.py [SLOTS]
"""
import json
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))

from harness.basics import Scratch, until  # noqa: E402
from harness.daemon import Strategy  # noqa: E402
from harness.servers import Postgres  # noqa: E402
from harness.site import Site  # noqa: E402

BENCH = ROOT / os.environ.get("BENCH", "build/obj-plain/bench")
STARTED = re.compile(r"^(\S+) notice run \S+ started: slot (\S+) ", re.M)


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(values):
    return {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99), "max": max(values), "n": len(values)}


def compare(pg, slots):
    """Seconds late, as p50, p99 and max: of slots picked up, of runs claimed, of a bare timer."""
    site = Site(pg, strategies=[Strategy(weights={"SPY": "0.5"}, schedule="every 1s")], orders={"mode": "record"},
                daemon={"log_level": "notice"}, schedule={"latest_start": "10s"})
    try:
        site.begin()
        began = site.sql("SELECT now() AS at")[0]["at"]
        bare = subprocess.run([BENCH / "bench_timer", str(slots)], capture_output=True, text=True, check=True).stdout
        until(lambda: site.daemon.get("/health/scheduler")["status"] != "busy", 30, "the end of the last run")
        rows = site.sql("SELECT slot_key, extract(epoch FROM scheduled_at)::float8 AS at, extract(epoch FROM started_at - "
                        "scheduled_at)::float8 AS late, lag(completed_at) OVER w < scheduled_at AS free FROM runs "
                        "WHERE scheduled_at > %s AND completed_at IS NOT NULL WINDOW w AS (ORDER BY scheduled_at)", began)
        begun = {slot: seconds(at) for at, slot in STARTED.findall(site.daemon.text())}
    finally:
        site.close()
    free = [r for r in rows if r["free"]]
    assert len(free) > slots / 2, f"{len(free)} of {len(rows)} slots were not held up by the run before"
    return {"picked_up": spread([r["late"] for r in free]), "claimed": spread([begun[r["slot_key"]] - r["at"] for r in free]),
            "bare": spread([ns / 1e9 for ns in json.loads(bare)])}


def main():
    slots = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    scratch = Scratch()
    pg = Postgres(scratch.path)
    try:
        result = compare(pg, slots)
    finally:
        pg.stop()
        scratch.remove()
    for name, s in result.items():
        print(f"{name:10} {s['n']:4} p50 {1e3 * s['p50']:8.3f} ms  p99 {1e3 * s['p99']:8.3f} ms  max {1e3 * s['max']:8.3f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
