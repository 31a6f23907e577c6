#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The whole of paperguard in a temporary folder, for people to watch: private Postgres and Redis, paperguard-sim with
prices that move fast, and the daemon with a run every 20 seconds. Nothing outside the folder and loopback is touched.

    demo.py [--runs N]     ends after N settled runs; without it at Ctrl-C

At the end exchange and ledger are compared by a reader that does not go through the daemon (compare.py): every order,
fill and position, and the cash to one cent per fill. Exit 0 only when they are equal and the demo has shown what it is for.
"""
import argparse
import signal
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system")]
import compare  # noqa: E402
from harness import BIN, KEY, SECRET, Daemon, Postgres, Redis, Scratch, Sim, Strategy, until  # noqa: E402

# The seed decides the draws (one order in three fills in parts) and the price paths, whatever the time is.
SIM = ("--seed", "11", "--speed", "3000", "--partial-rate", "0.35", "--fill-delay-ms", "300", "--no-rate-limit")
WEIGHTS = {"SPY": "0.25", "TLT": "0.20", "GLD": "0.15", "QQQ": "0.15", "IWM": "0.10", "AAPL": "0.10"}
SLOT_SECONDS = 20
PATIENCE = 3 * SLOT_SECONDS + 30  # longest wait for one more settled run


class Stop(Exception):
    """Ctrl-C or TERM."""


def say(text=""):
    print(text, flush=True)


def interrupted(_signo, _frame):
    raise Stop


class Show:
    """Tells of runs, orders and fills as they appear, from the daemon's own API."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.runs, self.orders, self.fills = {}, {}, set()

    def fetch(self, path):
        body = self.daemon.get(path)
        return body if isinstance(body, list) else next(v for v in body.values() if isinstance(v, list))

    def look(self):
        for run in reversed(self.fetch("/api/v1/orchestration/runs?limit=50")):
            self.run(run)
        for order in reversed(self.fetch("/api/v1/orders?limit=100")):
            self.order(order)
        for fill in reversed(self.fetch("/api/v1/fills?limit=200")):
            self.fill(fill)

    def run(self, run):
        state = run["state"]
        if self.runs.get(run["run_id"], {}).get("state") == state:
            return
        self.runs[run["run_id"]] = run
        short = run["run_id"][:8]
        if run["completed_at"]:
            say(f"run {short}  {state}{', settled' if run['settled'] else ''}: {run['num_orders_submitted']} orders, "
                f"{run['fills']} fills, {float(run['duration_seconds']):.1f} s {run['detail']}".rstrip())
        else:
            say(f"run {short}  {state}" + (f" (slot {run['slot']}, {run['label']})" if state == "claimed" else ""))

    def order(self, o):
        seen = (o["status"], o["filled_qty"])
        if self.orders.get(o["client_order_id"]) == seen:
            return
        self.orders[o["client_order_id"]] = seen
        say(f"  order {o['client_order_id'][:12]}  {o['side']:4} {o['symbol']:5} {o['qty']:>14}  {o['status']:16}"
            f" filled {o['filled_qty'] or '0'}{'  ' + o['reason'] if o['reason'] else ''}")

    def fill(self, f):
        if f["activity_id"] in self.fills:
            return
        self.fills.add(f["activity_id"])
        say(f"  fill  {f['activity_id'][-12:]}  {f['side']:4} {f['symbol']:5} {f['qty']:>14}  at {f['price']}"
            f"{'  (partial)' if f['partial'] else ''}")

    def settled(self):
        return [r for r in self.runs.values() if r["settled"]]


class Demo:
    def __init__(self):
        self.stack = []
        self.scratch = self.keep(Scratch(), "remove")
        self.folder = self.scratch.path

    def keep(self, part, how):
        self.stack.append(getattr(part, how))
        return part

    def end(self):
        """Stops everything in reverse, whatever fails on the way."""
        trouble = []
        while self.stack:
            try:
                self.stack.pop()()
            except Exception as e:  # pylint: disable=broad-except
                trouble.append(str(e))
        return trouble

    def start(self):
        self.pg = self.keep(Postgres(self.folder), "stop")
        self.redis = self.keep(Redis(self.folder), "stop")
        self.sim = self.keep(Sim(self.folder, *SIM), "stop")
        self.daemon = self.keep(Daemon(
            self.folder, self.sim.url, self.pg.dsn(), self.redis.url,
            [Strategy(schedule=f"every {SLOT_SECONDS}s", weights=WEIGHTS)],
            daemon={"log_level": "info"}, broker={"poll_interval": "200ms"}), "close")
        self.exchange = compare.Exchange(self.sim.url, KEY, SECRET)
        self.ledger = compare.Ledger(self.pg.dsn())
        say(f"demo in {self.folder}: private Postgres and Redis, simulated exchange {self.sim.url}")
        say(self.daemon.db_init().strip())
        self.daemon.start().up().ready()
        say(self.daemon.ctl("check").rstrip())
        say(f"ready in {time.monotonic() - self.began:.1f} s. First start: the account's cash and positions become the "
            "ledger's opening.")
        until(lambda: self.daemon.cli("opening", "accept").returncode == 0, 20, "the opening")
        self.daemon.in_step()
        self.urls()

    def urls(self):
        address = self.daemon.addresses()["main"]
        say(f"\n  http://{address}/health   http://{address}/health/scheduler   http://{address}/metrics\n"
            f"  http://{address}/api/v1/orchestration/runs   http://{address}/api/v1/orders   /fills   /positions\n"
            f"  {BIN}/paperguard --config {self.daemon.config} status\n")

    def watch(self, wanted):
        self.show = Show(self.daemon)
        last = time.monotonic()
        count = 0
        while True:
            assert self.daemon.process.running(), self.daemon.process.why_dead()
            self.show.look()
            if len(self.show.settled()) > count:
                count, last = len(self.show.settled()), time.monotonic()
                if wanted and count >= wanted:
                    return
            assert time.monotonic() - last < PATIENCE, f"no run settled for {PATIENCE} s: {self.daemon.text()[-2000:]}"
            time.sleep(0.2)

    def finish_run(self):
        """After Ctrl-C: the run under way is let finish."""
        say("\nstopping: the run under way, if any, is let finish")
        until(lambda: self.show.look() or all(r["completed_at"] for r in self.show.runs.values()), 60, "the end of the run")

    def judge(self, wanted):
        """Everything that must hold at the end; a list of what does not."""
        differences, truth = compare.check(self.exchange, self.ledger)
        runs = self.ledger.rows("SELECT run_id, status, settled, detail, (SELECT count(*) FROM intents i JOIN orders o USING "
                                "(client_order_id) WHERE i.run_id = r.run_id AND o.order_id IS NOT NULL) AS placed "
                                "FROM runs r ORDER BY started_at")
        for r in runs:
            if not r["settled"] or r["status"] != "completed":
                differences.append(f"run {r['run_id']}: {r['status']}, settled {r['settled']}: {r['detail']}")
            if r["placed"] < 1:
                differences.append(f"run {r['run_id']} placed no order")
        if len(runs) < max(wanted, 1):
            differences.append(f"{len(runs)} runs, expected at least {max(wanted, 1)}")
        if wanted and not any(o["side"] == "sell" for o in truth.orders.values()):
            differences.append("no order was a sell")
        if wanted and not any(f["partial"] for f in truth.fills.values()):
            differences.append("no fill was partial")
        return differences, f"demo: {len(runs)} runs, {len(truth.orders)} orders, {len(truth.fills)} fills"

    def run(self, wanted):
        self.began = time.monotonic()
        try:
            self.start()
            self.watch(wanted)
        except Stop:
            if not hasattr(self, "show"):
                return ["interrupted before the first run"], "demo"
            self.finish_run()
        self.daemon.stop()
        return self.judge(wanted)


def main():
    words = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    words.add_argument("--runs", type=int, default=0, metavar="N", help="end after N settled runs (default: at Ctrl-C)")
    wanted = words.parse_args().runs
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    demo = Demo()
    try:
        differences, counts = demo.run(wanted)
    except AssertionError as e:
        differences, counts = [str(e)], "demo"
    differences += demo.end()
    for line in differences:
        say(f"difference: {line}")
    say(f"{counts}, ledger == exchange" if not differences else f"{counts}, {len(differences)} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
