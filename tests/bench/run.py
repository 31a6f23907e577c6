#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""make bench: what things cost, each beside a peer measured in the same run, as a table and as JSON.

decision   all checks of one order, from risk view to redeemed permit, whole and part by part, beside a bare jansson parse of the
           same order; and with 1,000 orders open over 500 symbols beside none. It has bounds: a ratio above its own fails
halt       a halt that is told, until an order that was cleared before it is refused at the wire (and the halt is stored), beside
           a file made durable by bare calls; and with state_dir in memory, beside a millisecond. It has bounds, too
run        500 orders in one run (limiter off), trigger to last answer, beside the same 500 POSTs by bare libcurl over as many
           connections to an exchange with the same data
idle       anonymous and resident memory, wake-ups per second, after a settled run
memory     memory in use after many settled runs on a moving market, beside the same after the first quarter of them
start      exec to READY=1, beside starting an interpreter that does nothing
jitter     a slot's instant to its run's start, beside a bare timerfd at the same seconds

scale      one order of a large run beside one of a small run, by process and by phase
history    the API's questions over a large ledger beside the same over a small one; of them the slowest and the worst ratio

PART=decision, PART=halt: that alone, in seconds. LONG=1: memory over 10,000 runs instead of 240, runs of 10,000 orders instead of 2000, a
ledger of 1,000,000 fills instead of 100,000 (scale.py, memory.py and history.py run by themselves, too, and tell more).
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))

import history  # noqa: E402
import jitter  # noqa: E402
import memory  # noqa: E402
import scale  # noqa: E402
from harness.basics import KEY, SECRET, Scratch, until  # noqa: E402
from harness.daemon import Strategy  # noqa: E402
from harness.servers import Postgres  # noqa: E402
from harness.sim import Sim  # noqa: E402
from harness.site import Site  # noqa: E402

BENCH = ROOT / os.environ.get("BENCH", "build/obj-plain/bench")
ORDERS = 500
PER_STRATEGY = 63  # symbols of one [strategy] section
CONNECTIONS = 8
IDLE_SECONDS = 10
LONG = bool(os.environ.get("LONG"))
MEMORY_RUNS = int(os.environ.get("MEMORY_RUNS") or (10000 if LONG else 240))
SCALE_SMALL = 100
SCALE_ORDERS = 10000 if LONG else 2000
HISTORY_FILLS = 1000000 if LONG else 100000
HISTORY_SMALL = 10000  # full pages
JITTER_SLOTS = 600 if LONG else 100


def many_symbols(folder):
    """The sample data under 500 other names."""
    source = ROOT / "conf" / "sample-data"
    prices = folder / "data" / "prices"
    prices.mkdir(parents=True)
    originals = sorted((source / "prices").glob("*.csv"))
    names = [f"S{n:03d}" for n in range(ORDERS)]
    for n, name in enumerate(names):
        (prices / f"{name}.csv").write_text(originals[n % len(originals)].read_text())
    return folder / "data", names


def strategies_of(names):
    parts = [names[i:i + PER_STRATEGY] for i in range(0, len(names), PER_STRATEGY)]
    share = f"{0.9 / len(parts):.4f}"
    for n, part in enumerate(parts):
        weight = f"{0.99 / len(part):.5f}"
        yield Strategy(f"part{n}", weights={s: weight for s in part}, allocation=share, lookback_days="0")


def decision():
    out = subprocess.run([BENCH / "bench_decision"], capture_output=True, text=True, check=True).stdout
    return json.loads(out)


def halt():
    with tempfile.TemporaryDirectory() as disk, tempfile.TemporaryDirectory(dir="/dev/shm") as memory_folder:
        return [json.loads(subprocess.run([BENCH / "bench_halt", folder], capture_output=True, text=True, check=True).stdout)
                for folder in (disk, memory_folder)]


def run_seconds(site, run_id):
    row = site.sql("SELECT extract(epoch FROM max(o.answered_at) - min(r.started_at)) AS whole, "
                   "extract(epoch FROM max(o.answered_at) - min(r.planned_at)) AS sending, count(*) AS n, "
                   "count(*) FILTER (WHERE o.order_id IS NOT NULL) AS accepted "
                   "FROM runs r JOIN intents i USING (run_id) JOIN orders o USING (client_order_id) "
                   "WHERE r.run_id = %s", run_id)[0]
    return {k: float(row[k]) for k in ("whole", "sending", "n", "accepted")}


def trigger(site):
    def started():
        status, body = site.daemon.run_http()
        return body["run_id"] if status == 202 else None
    run_id = until(started, 30, "a run that starts")
    row = site.run_ended(run_id, 120)
    assert row["status"] == "completed", row
    return run_seconds(site, run_id)


def bare_posts(site, data, folder, run_index):
    """The same bodies, other ids, to an exchange that has seen nothing yet."""
    rows = site.sql("SELECT i.body FROM runs r JOIN intents i USING (run_id) WHERE i.side = 'buy' "
                    "AND r.run_id = (SELECT run_id FROM runs ORDER BY started_at OFFSET %s LIMIT 1) ORDER BY i.leg", run_index)
    bodies = []
    for n, row in enumerate(rows):
        body = json.loads(row["body"])
        body["client_order_id"] = f"bare-{n}"
        bodies.append(json.dumps(body))
    (folder / "bare").mkdir()
    sim = Sim(folder / "bare", "--no-rate-limit", "--partial-rate", "0", "--data", str(data), "--seed", "7", "--cash", "5000000")
    try:
        out = subprocess.run([BENCH / "bench_posts", sim.url, KEY, SECRET, str(CONNECTIONS)], input="\n".join(bodies) + "\n",
                             capture_output=True, text=True, check=True).stdout
    finally:
        sim.stop()
    return json.loads(out)


def status_of(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return {name: value.split()[0] for name, value in (line.split(":", 1) for line in text.splitlines()) if value.split()}


def idle(site):
    pid = site.daemon.process.pid
    before = status_of(pid)
    time.sleep(IDLE_SECONDS)  # the measured span itself
    after = status_of(pid)
    switches = int(after["voluntary_ctxt_switches"]) - int(before["voluntary_ctxt_switches"])
    return {"anonymous_mb": int(after["RssAnon"]) / 1024, "rss_mb": int(after["VmRSS"]) / 1024,
            "wakeups_per_second": switches / IDLE_SECONDS}


def memory_over_runs(pg):
    site = Site(pg, sim_options=memory.SIM, **memory.options(MEMORY_RUNS))
    try:
        site.begin()
        points = memory.grown(site, MEMORY_RUNS, MEMORY_RUNS // 12)
    finally:
        site.close()
    return {"runs": MEMORY_RUNS, "points": points, "bytes_per_run": memory.slope(points[len(points) // 3:])}


def start_times(site):
    ready, python = [], []
    for _ in range(5):
        site.daemon.stop()
        site.daemon.notify.forget()
        begin = time.monotonic()
        site.daemon.start().ready()
        ready.append(time.monotonic() - begin)
        begin = time.monotonic()
        subprocess.run(["/usr/bin/python3", "-c", "pass"], check=True)
        python.append(time.monotonic() - begin)
    return {"ready_ms": statistics.median(ready) * 1000, "interpreter_ms": statistics.median(python) * 1000}


def measure(folder, pg):
    data, names = many_symbols(folder)
    site = Site(pg, sim_options=("--no-rate-limit", "--partial-rate", "0", "--data", str(data), "--seed", "7", "--speed", "600", "--cash", "5000000"),
                strategies=list(strategies_of(names)),
                broker={"requests_per_minute": 100000, "connections": CONNECTIONS},
                orders={"min_trade": "1"}, daemon={"log_level": "notice"},
                risk={"max_orders_per_run": 2000, "max_orders_per_day": 20000, "max_notional_per_day_share": "1000"})
    result = {}
    try:
        site.begin()
        cold, warm = trigger(site), trigger(site)
        bare = bare_posts(site, data, folder, 0)
        assert bare["odd"] == 0, bare
        result["run"] = {"cold": cold, "warm": warm, "bare_seconds": bare["ns"] / 1e9, "bare_orders": bare["orders"]}
        result["idle"] = idle(site)
        result["start"] = start_times(site)
    finally:
        site.close()
    result["jitter"] = jitter.compare(pg, JITTER_SLOTS)
    result["memory"] = memory_over_runs(pg)
    result["scale"] = scale.compare(pg, SCALE_SMALL, SCALE_ORDERS, 2)
    result["history"] = {"fills": HISTORY_FILLS, "small": HISTORY_SMALL, "ms": history.compare(pg, HISTORY_FILLS, HISTORY_SMALL)}
    return result


def scale_rows(phases):
    for name, large, small in phases:
        yield (f"an order of a run of {SCALE_ORDERS}: {scale.NAMES[name]}", f"{1e6 * large:.0f} us", f"of a run of {SCALE_SMALL}",
               f"{1e6 * small:.0f} us", large / small)


def history_rows(h):
    slowest = max(h["ms"], key=lambda row: row[1])
    worst = max((row for row in h["ms"] if row[1] > 20), key=lambda row: row[1] / row[2], default=slowest)
    for what, (name, large, small) in (("slowest", slowest), ("worst ratio above 20 ms", worst)):
        yield (f"history of {h['fills']} fills, {what}: {name}", f"{large:.0f} ms", f"of {h['small']} fills", f"{small:.0f} ms",
               large / small)


def jitter_rows(j):
    for name, p, what in (("picked_up", "p50", "picked up"), ("picked_up", "p99", "picked up"), ("claimed", "p99", "claimed in Postgres")):
        yield (f"a slot {what} after its instant, {p} of {j[name]['n']}", f"{1e3 * j[name][p]:.2f} ms", "a bare timerfd",
               f"{1e3 * j['bare'][p]:.2f} ms", j[name][p] / j["bare"][p])


# Of the ratios of a decision: on the machine it was written on a bare parse takes 2 us, all checks of an order 0.9 us.
DECISION_PARTS = (
    ("decision", "all checks of an order, twice by the guard, bound and compared", 0.6),
    ("risk", "of them risk: the view and all its rows", None),
    ("clear", "of them clearing: all guard rows, request bound", None),
    ("wire", "of them the wire: all guard rows, request compared", None),
    ("receipt", "a receipt of its committed intent, made before", None),
)
FULL_MAX = 1.2


def decision_rows(d):
    """What, measured, beside what, that measured, ratio, its bound."""
    def us(key):
        return f"{d[key] / 1000:.2f} us"
    for part, what, most in DECISION_PARTS:
        for p in ("p50", "p99"):
            key, other = f"{part}_{p}_ns", f"parse_{p}_ns"
            yield f"{what}, {p}", us(key), "JSON parse of the order", us(other), d[key] / d[other], most and (most if p == "p50" else 2 * most)
    for part, what in (("decision", "all checks of an order"), ("risk", "risk rows")):
        for p in ("p50", "p99"):
            key, other = f"{part}_full_{p}_ns", f"{part}_{p}_ns"
            yield (f"{what}, 1,000 open orders over 500 symbols, {p}", us(key), "nothing open", us(other), d[key] / d[other],
                   FULL_MAX if p == "p50" else None)


def print_row(what, value, beside, other, ratio, most=None):
    bound = "" if most is None else f"  at most {most:.2f}{'' if ratio <= most else '  ABOVE ITS BOUND'}"
    print(f"{what:80} {value:>10}   {beside:24} {other:>10}  {'' if ratio is None else f'{ratio:.2f}'}{bound}")


HALT_MAX_NS = 1_000_000


def halt_rows(h):
    disk, no_disk = h
    for p, most in (("p50", 2), ("p99", None)):
        yield (f"a halt told to an order refused at the wire, stored on disk, {p}", f"{disk[f'halt_{p}_ns'] / 1000:.0f} us",
               "a file made durable", f"{disk[f'stored_{p}_ns'] / 1000:.0f} us", disk[f"halt_{p}_ns"] / disk[f"stored_{p}_ns"], most)
    yield (f"a halt told to an order refused at the wire, stored in memory, p99 of {no_disk['samples']}",
           f"{no_disk['halt_p99_ns'] / 1000:.0f} us", "a millisecond", "1000 us", no_disk["halt_p99_ns"] / HALT_MAX_NS, 1)


def bounded_table(rows):
    """False when a ratio is above its bound."""
    rows = list(rows)
    print(f"{'what':80} {'measured':>10}   {'beside':24} {'measured':>10}  ratio")
    for row in rows:
        print_row(*row)
    return all(most is None or ratio <= most for *_, ratio, most in rows)


def table(r):
    run, i, s, m = r["run"], r["idle"], r["start"], r["memory"]
    points = m["points"]
    bare = run["bare_seconds"] / run["bare_orders"]

    def per_order(part, key):
        return part[key] / part["n"]
    rows = []
    for name in ("cold", "warm"):
        part = run[name]
        rows.append((f"run, {part['n']:.0f} orders, {name}: trigger to last answer", f"{part['whole'] * 1000:.0f} ms",
                     f"{run['bare_orders']} bare POSTs", f"{run['bare_seconds'] * 1000:.0f} ms", per_order(part, "whole") / bare))
        rows.append((f"run, {part['n']:.0f} orders, {name}: plan stored to last answer", f"{part['sending'] * 1000:.0f} ms",
                     f"{run['bare_orders']} bare POSTs", f"{run['bare_seconds'] * 1000:.0f} ms",
                     per_order(part, "sending") / bare))
    rows += [
        ("idle memory, anonymous", f"{i['anonymous_mb']:.1f} MB", "resident", f"{i['rss_mb']:.1f} MB",
         i["anonymous_mb"] / i["rss_mb"]),
        (f"memory in use after {m['runs']} runs ({m['bytes_per_run']:.0f} bytes a run over the last two thirds)",
         f"{points[-1][2] / 1e6:.2f} MB", f"after {points[len(points) // 4][0]} runs",
         f"{points[len(points) // 4][2] / 1e6:.2f} MB", points[-1][2] / points[len(points) // 4][2]),
        ("idle wake-ups", f"{i['wakeups_per_second']:.1f} /s", "", "", None),
        ("start to READY", f"{s['ready_ms']:.0f} ms", "python3 -c pass", f"{s['interpreter_ms']:.0f} ms",
         s["ready_ms"] / s["interpreter_ms"]),
    ]
    rows += [*jitter_rows(r["jitter"]), *scale_rows(r["scale"]), *history_rows(r["history"])]
    for what, value, beside, other, ratio in rows:
        print_row(what, value, beside, other, ratio)


def main():
    part = os.environ.get("PART")
    measured = {} if part == "halt" else decision()
    halted = {} if part == "decision" else halt()
    good = bounded_table([*(decision_rows(measured) if measured else ()), *(halt_rows(halted) if halted else ())])
    if part in ("decision", "halt"):
        return 0 if good else 1
    scratch = Scratch()
    base = Scratch()
    pg = Postgres(base.path)
    try:
        result = {"decision": measured, "halt": halted, **measure(scratch.path, pg)}
    finally:
        pg.stop()
        base.remove()
        scratch.remove()
    table(result)
    out = ROOT / "build" / "bench.json"
    out.write_text(json.dumps(result, indent=1) + "\n")
    print(f"written to {out.relative_to(ROOT)}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
