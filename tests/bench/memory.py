#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Memory of the daemon over many settled runs on a market that moves, one run after the other: anonymous pages, of which the
allocator keeps some for later, and what is in use as it counts. Of very many runs about one in five finds something to trade:
such a run waits for its fills most of its time.

    memory.py [RUNS [STEP]]     a line every STEP runs, and the slope of what is in use over the second half
"""
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))

from harness.basics import Scratch, until  # noqa: E402
from harness.daemon import Strategy  # noqa: E402
from harness.servers import Postgres  # noqa: E402
from harness.site import Site  # noqa: E402

SIM = ("--seed", "11", "--speed", "3000", "--partial-rate", "0.35", "--fill-delay-ms", "5", "--no-rate-limit")
WEIGHTS = {"SPY": "0.25", "TLT": "0.20", "GLD": "0.15", "QQQ": "0.15", "IWM": "0.10", "AAPL": "0.10"}
RISK = {"max_orders_per_run": "100", "max_orders_per_day": "1000000", "max_notional_per_day": "9000000000",
        "max_notional_per_day_share": "1000"}
BREAKER = {"max_daily_loss": "1", "max_drawdown": "1", "alike_executions": "1000", "alike_window": "1ms"}
DAEMON = {"strategies": [Strategy(weights=WEIGHTS)], "risk": RISK, "breaker": BREAKER, "broker": {"poll_interval": "50ms"},
          "daemon": {"log_level": "notice"}}


def options(runs):
    return DAEMON if runs < 1000 else {**DAEMON, "orders": {"min_trade": "45"}}


def anonymous_kb(site):
    text = Path(f"/proc/{site.daemon.process.pid}/status").read_text()
    return int(text.split("RssAnon:")[1].split()[0])


def heap(site):
    """Bytes in use, the least of many readings: conversations with the exchange come and go, and are under way in some."""
    return min(site.daemon.metric("paperguard_heap_bytes") for _ in range(60))


def one_run(site):
    """Started by a client, settled, and the next may start."""
    def started():
        status, body = site.daemon.run_http()
        return body["run_id"] if status == 202 else None
    run_id = until(started, 30, "a run that starts", site.daemon.process.why_dead)
    until(lambda: site.daemon.get("/health/scheduler")["status"] != "busy", 60, "the end of the run",
          site.daemon.process.why_dead)
    return run_id


def grown(site, runs, step):
    """[(runs so far, kB of pages, bytes in use)], the first before any run."""
    points = [(0, anonymous_kb(site), heap(site))]
    for n in range(1, runs + 1):
        one_run(site)
        if n % step == 0:
            points.append((n, anonymous_kb(site), heap(site)))
    return points


def slope(points):
    """Bytes for one run, by least squares."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _, _ in points) / n, sum(y for _, _, y in points) / n
    over = sum((x - mean_x) * (y - mean_y) for x, _, y in points)
    return over / sum((x - mean_x) ** 2 for x, _, _ in points)


def main():
    runs, step = (int(v) for v in (sys.argv[1:] + ["300", "25"][len(sys.argv) - 1:])[:2])
    base = Scratch()
    pg = Postgres(base.path)
    site = None
    try:
        site = Site(pg, sim_options=SIM, **options(runs))
        site.begin()
        print(f"pid {site.daemon.process.pid}", flush=True)
        points, begun = [(0, anonymous_kb(site), heap(site))], time.monotonic()
        while points[-1][0] < runs:
            points += [(n + points[-1][0], kb, used) for n, kb, used in grown(site, step, step)[1:]]
            n, kb, used = points[-1]
            print(f"{n:6} runs  {kb:7} kB  {used / 1024:7.0f} kB in use  {time.monotonic() - begun:6.0f} s", flush=True)
        settled = site.sql("SELECT count(*) AS n, count(*) FILTER (WHERE settled) AS settled, "
                           "count(*) FILTER (WHERE orders_submitted > 0) AS traded, sum(orders_submitted) AS orders FROM runs")[0]
        print(f"{dict(settled)}; {slope(points[len(points) // 2:]):.0f} bytes a run over the second half")
    finally:
        if site:
            site.close()
        pg.stop()
        base.remove()


if __name__ == "__main__":
    main()
