# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""One host under fire: database, exchange and daemon of its own, a strategy that wants something else every time, a slot that
comes when it is told to, and a look at what came of it that does not go through the daemon."""
import collections
import json
import sys
import time
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg2
import psycopg2.extras

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/system"), str(ROOT / "tests/demo")]
import compare  # noqa: E402
from harness import KEY, SECRET, Scratch, Sim, Site, Strategy, until  # noqa: E402
from harness.wall import faked  # noqa: E402

NEW_YORK = ZoneInfo("America/New_York")
# No slot lies after 20:00 New York, where sessions turn: in the evening daemon and simulator get a clock that is behind.
BEHIND = timedelta(hours=6 if datetime.now(NEW_YORK).hour >= 19 else 0)
# Some fills in parts, so that there is something between the first fill and the last.
SIM = ("--no-rate-limit", "--partial-rate", "0.25", "--fill-delay-ms", "20", "--seed", "7")
LEAD_S = 0.9  # a slot comes no sooner than this after it is configured
PATIENCE_S = 150  # an order that may have been sent is looked for during a minute before it is believed lost
# Held alternately. Who plans anew in the middle of a run finds what the run itself has done, and wants the other one.
WANTED = ({"SPY": "0.30", "TLT": "0.10", "GLD": "0.30"}, {"SPY": "0.10", "TLT": "0.45", "GLD": "0.15"})
ONE_ORDER = ({"SPY": "0.30"}, {"SPY": "0.10"})
TOLERANCE = Decimal("0.02")
STRATEGY = """#!/usr/bin/python3
import json
import sys
asked = json.load(sys.stdin)
held = sum(float(p["market_value"]) for p in asked["positions"] if p["symbol"] == "SPY")
wanted = %r[held > 0.2 * float(asked["capital"])]
print(json.dumps({"contract": 1, "model": {"name": "flip", "version": "1"},
                  "targets": [{"symbol": s, "weight": w} for s, w in wanted.items()]}))
"""
YESTERDAY = """INSERT INTO runs (run_id, account_number, session, slot_key, label, cause, strategies, status, scheduled_at, started_at,
    completed_at, settled, host, instance) SELECT %s, account_number, %s, %s, 'yesterday', 'slot', '{flip}', 'completed', %s, %s, %s,
    true, 'fire', 'default' FROM accounts LIMIT 1"""


class Wrong(AssertionError):
    """What must not be: doubled, lost, or different."""


def key_of(slot):
    return (slot - BEHIND).astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")


def clocks(env):
    """The environment of the daemon, and of the simulator."""
    if not BEHIND:
        return {"env": env}
    behind = faked(datetime.now(NEW_YORK) - BEHIND)
    both = " ".join(e["LD_PRELOAD"] for e in (env or {}, behind) if "LD_PRELOAD" in e)
    return {"env": {**behind, **(env or {}), "LD_PRELOAD": both}, "sim_env": behind}


class Field:
    def __init__(self, pg, redis=None, env=None, allocations=None, wanted=WANTED):
        self.programs = Scratch()
        self.programs.path.chmod(0o755)
        program = self.programs.path / "flip"
        program.write_text(STRATEGY % (wanted,))
        program.chmod(0o755)
        self.sim_options = (*SIM, "--state", str(self.programs.path / "exchange"))
        try:
            self.site = Site(pg, redis, sim_options=self.sim_options, **clocks(env),
                             strategies=[Strategy("flip", weights=wanted[0], command=str(program))],
                             risk={"max_orders_per_day": "100000", "max_notional_per_day": "9000000000",
                                   "max_notional_per_day_share": "1000"},
                             breaker={"max_daily_loss": "1", "max_drawdown": "1", "alike_executions": "1000", "alike_window": "1ms"})
            self.site.begin()
        except BaseException:
            self.programs.remove()
            raise
        self.link = None
        self.redis = redis
        self.allocations = allocations
        self.slot = None
        self.wanted = wanted
        self.target = wanted[0]
        self.to_trade = set()
        self.orders_before = 0

    @property
    def daemon(self):
        return self.site.daemon

    @property
    def pid(self):
        return self.daemon.process.pid

    def close(self):
        self.hang_up()
        try:
            self.site.close()
        finally:
            self.programs.remove()

    # --- before

    def aim(self, late=None):
        """A daemon in step whose next slot is about to come, and which had that slot yesterday too. Late: what [schedule] allows."""
        self.daemon.stop()
        now = datetime.now(NEW_YORK)
        self.slot = (now + timedelta(seconds=LEAD_S + 1)).replace(microsecond=0)
        before = self.slot - timedelta(days=1)
        was = before - BEHIND
        self.sql(YESTERDAY, f"yesterday-{int(self.slot.timestamp())}", was.date(), key_of(before), was, was, was)
        self.daemon.strategies[0].lines["schedule"] = (self.slot - BEHIND).strftime("%H:%M:%S")
        self.daemon.sections["schedule"] = {"latest_start": late, "run_deadline": late}
        self.daemon.write().notify.forget()
        self.daemon.start().in_step()
        self.orders_before = self.sent()
        self.target = self.wanted[self.share("SPY") > Decimal("0.2")]
        self.to_trade = {s for s in self.target if self.off(s) > TOLERANCE}

    def sql(self, statement, *args):
        """Over one connection that stays: it is asked often."""
        try:
            self.link = self.link or psycopg2.connect(self.site.dsn, cursor_factory=psycopg2.extras.RealDictCursor)
            self.link.autocommit = True
            with self.link.cursor() as c:
                c.execute(statement, args)
                return [dict(r) for r in c.fetchall()] if c.description else []
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            self.hang_up()
            raise

    def hang_up(self):
        if self.link:
            self.link.close()
        self.link = None

    def exchange(self):
        return compare.Exchange(self.site.sim.url, KEY, SECRET)

    def sent(self):
        return len(self.exchange().all_orders())

    def share(self, symbol):
        equity = Decimal(self.site.sim.get("/v2/account")["equity"])
        return sum((Decimal(p["market_value"]) for p in self.site.sim.get("/v2/positions") if p["symbol"] == symbol), Decimal(0)) / equity

    def off(self, symbol):
        """How far its share of the account is from what is wanted."""
        return abs(self.share(symbol) - Decimal(self.target[symbol]))

    def in_time(self):
        return datetime.now(NEW_YORK) < self.slot

    # --- during

    def until_moment(self, seconds):
        """That long after the slot."""
        at = self.slot.timestamp() + seconds
        until(lambda: time.time() >= at, 30, "the moment")

    def row(self):
        rows = self.sql("SELECT * FROM runs WHERE slot_key = %s AND session = %s", key_of(self.slot), (self.slot - BEHIND).date())
        if len(rows) > 1:
            raise Wrong(f"{len(rows)} runs of one slot")
        return rows[0] if rows else None

    def over(self):
        """The run's row, when nothing of it is left to be known. One that ended without its whole may never be called settled."""
        row = self.row()
        if not row or not row["settled"] and row["status"] not in ("failed", "missed", "partial"):
            return None
        return None if self.sql("SELECT 1 FROM orders WHERE status IN ('intent', 'sending', 'unknown')") else row

    def ended(self):
        return not self.daemon.process.running()

    def kill(self):
        self.daemon.process.kill()

    def look_at_the_dead(self):
        """Nothing is at the exchange that was not in Postgres first."""
        sent = {o["client_order_id"] for o in self.exchange().all_orders()}
        unknown = sent - {r["client_order_id"] for r in self.sql("SELECT client_order_id FROM intents")}
        if unknown:
            raise Wrong(f"sent before it was committed: {unknown}")

    def again(self):
        """Started anew; when that was."""
        self.look_at_the_dead()
        self.daemon.notify.forget()
        begun = time.monotonic()
        self.daemon.start()
        return begun

    def sim_again(self):
        port = self.site.sim.port
        self.site.sim.process.kill()
        self.site.sim = Sim(self.site.folder, *self.sim_options, port=port, env=clocks(None).get("sim_env"))

    def kill_postgres(self):
        self.hang_up()
        self.site.pg.kill()

    def postgres_again(self):
        def started():
            try:
                self.site.pg.start()
            except AssertionError:  # processes of the one that was killed are still there
                return False
            return True
        until(started, 60, "Postgres to start again")

    def kill_redis(self):
        self.redis.kill()

    def redis_again(self):
        self.redis.start()

    # --- afterwards

    def settled(self):
        return until(self.over, PATIENCE_S, f"the end of the run of {key_of(self.slot)}", self.daemon.process.why_dead)

    def look(self, whole):
        """The run's row, when all is as it must be. Whole: the run was completed, as if nothing had happened."""
        row = self.settled()
        self.daemon.in_step(60)
        found = self.exchange().all_orders()
        doubled = [i for i, n in collections.Counter(o["client_order_id"] for o in found).items() if n > 1]
        if doubled:
            raise Wrong(f"doubled: {doubled}")
        new = len(found) - self.orders_before
        legs = self.sql("SELECT l.leg, l.symbol, count(i.client_order_id) AS intents FROM legs l LEFT JOIN intents i "
                             "USING (run_id, leg) WHERE run_id = %s GROUP BY 1, 2", row["run_id"])
        mine = {r["client_order_id"] for r in self.sql("SELECT client_order_id FROM intents WHERE run_id = %s", row["run_id"])}
        sent = sum(o["client_order_id"] in mine for o in found)
        if sent != new or new > len(self.target) or any(leg["intents"] > 1 for leg in legs):
            raise Wrong(f"doubled: {new} new orders, {sent} of the run {row['run_id']}, legs {legs}")
        self.look_at_ledger(row)
        if whole or row["status"] == "completed":
            self.look_at_targets(row, new, {leg["symbol"] for leg in legs})
        elif not row["detail"]:
            raise Wrong(f"a run that is {row['status']} says nothing of it")
        return row

    def look_at_ledger(self, row):
        """The same as the exchange; where a run is not called settled, in a while."""
        end = time.monotonic() + (0 if row["settled"] else 20)
        found = [True]

        def same():
            found[0] = compare.check(self.exchange(), compare.Ledger(self.site.dsn))[0]
            return not found[0] or time.monotonic() > end
        until(same, 60, "ledger and exchange to be the same")
        if found[0]:
            raise Wrong(f"exchange and ledger differ: {found[0]}")

    def look_at_targets(self, row, new, planned):
        if row["status"] != "completed" or new != len(planned) or not self.to_trade <= planned:
            raise Wrong(f"lost: the run is {row['status']} ({row['detail']}) with {new} orders, planned {planned}, to trade {self.to_trade}")
        for symbol in self.target:
            if self.off(symbol) > TOLERANCE:
                raise Wrong(f"lost or doubled: {symbol} is {self.share(symbol):.4f} of the account, wanted {self.target[symbol]}")

    def tell(self):
        noise = (" debug http connection ", " debug reconcile: ")
        lines = [line for line in self.daemon.text().split("\n") if not any(n in line for n in noise)]
        return "\n".join(lines[-40:]) + f"\n{json.dumps(self.row(), default=str)}"
