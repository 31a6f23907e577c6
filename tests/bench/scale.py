#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""What one order of a large run costs beside one of a small run, each on a site of its own with as many symbols.

    scale.py [SMALL [LARGE [ROUNDS]]]     100, 10000 and 2 without arguments
"""
import statistics
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
FILL_DELAY_MS = 4  # for each order: the first fills come after half of it
NAMES = {"daemon": "CPU of the daemon", "simulator": "CPU of the simulator", "postgres": "CPU of Postgres",
         "all": "CPU of all three", "sending": "plan stored to last answer", "settled": "trigger to settled"}


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
    """Of the daemon, the simulator, and what Postgres does for the daemon."""
    backends = site.sql("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")

    def of(pid):
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    return {"daemon": of(site.daemon.process.pid), "simulator": of(site.sim.process.pid),
            "postgres": sum(of(row["pid"]) for row in backends)}


def one_run(site, seconds):
    """Started by a client, over, and the next may start; what it took."""
    before, begun = cpu_seconds(site), time.monotonic()
    run_id = until(lambda: (lambda s, b: b["run_id"] if s == 202 else None)(*site.daemon.run_http()), 30, "a run that starts")
    row = site.run_ended(run_id, seconds)
    assert row["status"] == "completed", row
    until(lambda: site.daemon.get("/health/scheduler")["status"] != "busy", seconds, "the end of the run")
    taken = {"settled": time.monotonic() - begun, **{name: cpu - before[name] for name, cpu in cpu_seconds(site).items()}}
    r = site.sql("SELECT extract(epoch FROM max(o.answered_at) - min(r.planned_at)) AS sending, count(*) AS orders "
                 "FROM runs r JOIN intents i USING (run_id) JOIN orders o USING (client_order_id) WHERE r.run_id = %s", run_id)[0]
    return {"orders": int(r["orders"]), "sending": float(r["sending"]), **taken, "all": sum(taken[name] for name in before)}


def cost(pg, orders, seconds=900):
    """Seconds that each order took, by phase and by process: a site that has never traded buys that many symbols. Fills come
    the later the more orders there are, so that few are booked while orders still go out, in a small run as in a large one."""
    scratch = Scratch()
    site = None
    try:
        data, names = many_symbols(scratch.path, orders)
        site = Site(pg, sim_options=("--no-rate-limit", "--partial-rate", "0", "--data", str(data), "--seed", "7", "--speed", "600",
                                     "--cash", "10000000", "--fill-delay-ms", str(FILL_DELAY_MS * orders)),
                    strategies=list(strategies_of(names)), broker={"requests_per_minute": 100000, "connections": 8},
                    orders={"min_trade": "5"}, daemon={"log_level": "notice"},
                    risk={"max_orders_per_run": 10000, "max_orders_per_day": 1000000, "max_notional_per_day": "9000000000",
                          "max_notional_per_day_share": "100"},
                    breaker={"max_daily_loss": "1", "max_drawdown": "1", "alike_executions": "1000", "alike_window": "1ms"})
        site.begin()
        r = one_run(site, seconds)
        assert r["orders"] == orders, r
        return {name: value / orders for name, value in r.items() if name != "orders"}
    finally:
        if site:
            site.close()
        scratch.remove()


def compare(pg, small, large, rounds):
    """[(phase, seconds of an order of a large run, of a small one)]: medians; small runs before and after each large one."""
    littles, bigs = [cost(pg, small) for _ in range(3)], []
    for _ in range(rounds):
        bigs.append(cost(pg, large))
        littles += [cost(pg, small) for _ in range(3)]
    return [(name, statistics.median(r[name] for r in bigs), statistics.median(r[name] for r in littles)) for name in bigs[0]]


def main():
    small, large, rounds = (int(v) for v in (sys.argv[1:] + ["100", "10000", "2"][len(sys.argv) - 1:])[:3])
    base = Scratch()
    pg = Postgres(base.path)
    try:
        print(f"ms for an order{'':17} of {large:6} of {small:6}  ratio")
        for name, big, little in compare(pg, small, large, rounds):
            print(f"{NAMES[name]:32} {1000 * big:9.3f} {1000 * little:9.3f} {big / little:6.2f}", flush=True)
    finally:
        pg.stop()
        base.remove()


if __name__ == "__main__":
    main()
