#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""What one order of a large run costs: runs of different sizes, each on a site of its own with as many symbols.

    scale.py [ORDERS...]     100 and 10000 without arguments
"""
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))

from harness.basics import Scratch, until  # noqa: E402
from harness.daemon import Strategy  # noqa: E402
from harness.servers import Postgres  # noqa: E402
from harness.site import Site  # noqa: E402

DAYS = 40  # of prices; a run reads no history here
STRATEGIES_MAX, SYMBOLS_MAX = 16, 640  # of the configuration
TICKS = os.sysconf("SC_CLK_TCK")


def many_symbols(folder, count, days=DAYS):
    """The last days of the sample data under other names."""
    prices = folder / "data" / "prices"
    prices.mkdir(parents=True)
    texts = []
    for path in sorted((ROOT / "conf" / "sample-data" / "prices").glob("*.csv")):
        head, *rows = path.read_text().splitlines()
        texts.append("\n".join([head, *rows[-days:], ""]))
    names = ["".join(chr(65 + n // 26 ** k % 26) for k in (3, 2, 1, 0)) for n in range(count)]
    for n, name in enumerate(names):
        (prices / f"{name}.csv").write_text(texts[n % len(texts)])
    return folder / "data", names


def strategies_of(names):
    each = min(SYMBOLS_MAX, -(-len(names) // min(STRATEGIES_MAX, -(-len(names) // 50))))
    parts = [names[i:i + each] for i in range(0, len(names), each)]
    for n, part in enumerate(parts):
        weight = f"{0.99 / len(part):.5f}"
        yield Strategy(f"part{n}", weights={s: weight for s in part}, allocation=f"{0.3 / len(parts):.4f}", lookback_days="0")


def cpu_seconds(site):
    fields = Path(f"/proc/{site.daemon.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def one_run(site, seconds):
    """Started by a client, over, and the next may start; what it took."""
    before, begun = cpu_seconds(site), time.monotonic()
    run_id = until(lambda: (lambda s, b: b["run_id"] if s == 202 else None)(*site.daemon.run_http()), 30, "a run that starts")
    row = site.run_ended(run_id, seconds)
    assert row["status"] == "completed", row
    until(lambda: site.daemon.get("/health/scheduler")["status"] != "busy", seconds, "the end of the run")
    r = site.sql("SELECT extract(epoch FROM max(o.answered_at) - min(r.started_at)) AS whole, "
                 "extract(epoch FROM max(o.answered_at) - min(r.planned_at)) AS sending, count(*) AS orders "
                 "FROM runs r JOIN intents i USING (run_id) JOIN orders o USING (client_order_id) WHERE r.run_id = %s", run_id)[0]
    return {"orders": int(r["orders"]), "sending": float(r["sending"]), "whole": float(r["whole"]),
            "settled": time.monotonic() - begun, "cpu": cpu_seconds(site) - before}


def cost(pg, orders, rounds=2, seconds=600):
    """The first run buys everything, those after it trade what has moved."""
    scratch = Scratch()
    site = None
    try:
        data, names = many_symbols(scratch.path, orders)
        site = Site(pg, sim_options=("--no-rate-limit", "--partial-rate", "0", "--data", str(data), "--seed", "7", "--speed", "600",
                                     "--cash", "10000000"),
                    strategies=list(strategies_of(names)), broker={"requests_per_minute": 100000, "connections": 8},
                    orders={"min_trade": "5"}, daemon={"log_level": "notice"},
                    risk={"max_orders_per_run": 10000, "max_orders_per_day": 1000000, "max_notional_per_day": "9000000000"})
        site.begin()
        return [one_run(site, seconds) for _ in range(rounds)]
    finally:
        if site:
            site.close()
        scratch.remove()


def main():
    base = Scratch()
    pg = Postgres(base.path)
    try:
        for orders in [int(v) for v in sys.argv[1:]] or [100, 10000]:
            for name, r in zip(("first", "next"), cost(pg, orders)):
                each = {k: f"{1000 * v / r['orders']:.3f}" for k, v in r.items() if k != "orders"}
                print(f"{r['orders']:6} orders, {name}: ms for each {each}", flush=True)
    finally:
        pg.stop()
        base.remove()


if __name__ == "__main__":
    main()
