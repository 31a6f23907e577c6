#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""What the API's history costs over a large ledger, beside the same over a small one: the tables of the ledger are filled by
generate_series, a hundred orders with one fill each to a run, forty runs to a session.

    history.py [FILLS [SMALL]]     1000000 beside 1000

Pages of equal length are compared: a small ledger with fewer rows than a page answers sooner for that alone.
"""
import functools
import statistics
import sys
import time
from pathlib import Path

import psycopg2

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))

from harness.basics import Scratch  # noqa: E402
from harness.servers import Postgres  # noqa: E402
from harness.site import Site  # noqa: E402

ROUNDS = 7
EACH = 100  # orders of a run
# n counts orders from 1, run_no runs. One order in 4000 is of a symbol that is seldom traded, one in 5000 was rejected.
BASE = """
    SET session_replication_role = replica; -- sums are not kept, references are not checked: what is written fits
    CREATE TEMP TABLE r AS SELECT run_no, 'bench-' || run_no AS run_id, now()::date - 2 - run_no / 40 AS session,
        date_trunc('second', now()) - make_interval(days => 2 + run_no / 40, mins => 10 * (run_no %% 40)) AS at
        FROM generate_series(%(first_run)s, %(last_run)s) run_no;
    CREATE TEMP TABLE o AS SELECT n, r.*, (n - 1) %% {each} + 1 AS leg, 'bench-' || n AS id, 'bench-order-' || n AS order_id,
        to_char(r.at, 'YYYYMMDDHH24MISS') || '000::bench-' || n AS activity_id, r.at + make_interval(secs => n %% {each}) AS t,
        CASE WHEN n %% 4000 = 0 THEN 'RARE' ELSE (ARRAY['SPY', 'TLT', 'GLD', 'QQQ', 'IWM'])[1 + n %% 5] END AS symbol,
        CASE WHEN n %% 2 = 0 THEN 'buy' ELSE 'sell' END AS side, n %% 5000 = 0 AS bad
        FROM r, LATERAL generate_series((run_no - 1) * {each} + 1, run_no * {each}) n;
    INSERT INTO runs (run_id, account_number, session, slot_key, label, cause, strategies, status, scheduled_at, started_at,
            planned_at, completed_at, deadline_at, signals, orders_submitted, orders_accepted, fills, settled, host, instance)
        SELECT run_id, %(account)s, session, to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'bench', 'schedule', ARRAY['weights'],
            CASE WHEN run_no %% 500 = 0 THEN 'failed' ELSE 'completed' END, at, at, at, at, at, 5, {each}, {each}, {each}, true,
            'host', 'default' FROM r;
    INSERT INTO run_members SELECT run_id, 'weights', 'ok', '', 'fixed', '1',
        '[{{"symbol":"SPY","weight":"0.5"}},{{"symbol":"TLT","weight":"0.4"}}]' FROM r;
    INSERT INTO legs SELECT run_id, leg, symbol, side, 1, 100 FROM o;
    INSERT INTO leg_allocations SELECT run_id, leg, 1, 'weights', CASE side WHEN 'buy' THEN 1 ELSE -1 END FROM o;
    INSERT INTO intents (client_order_id, account_number, session, run_id, leg, try_no, strategy, class, symbol, side, type,
            time_in_force, qty, extended_hours, body, reserved, decision_price, bid, ask, created_at, host, instance)
        SELECT id, %(account)s, session, run_id, leg, 1, '', 'OPEN', symbol, side, 'market', 'day', 1, false, '{{}}', 100, 100,
            99.99, 100.01, t, 'host', 'default' FROM o;
    INSERT INTO orders (client_order_id, order_id, status, filled_qty, recorded_qty, filled_avg_price, broker_at, sent_at,
            answered_at, updated_at, reason)
        SELECT id, order_id, CASE WHEN bad THEN 'rejected' ELSE 'filled' END, CASE WHEN bad THEN 0 ELSE 1 END,
            CASE WHEN bad THEN 0 ELSE 1 END, CASE WHEN bad THEN NULL ELSE 100.01 END, t, t, t, t, '' FROM o;
    INSERT INTO order_events (client_order_id, order_id, status, filled_qty, at, source, reason)
        SELECT id, order_id, CASE WHEN bad THEN 'rejected' ELSE 'filled' END, 1, t, 'bench', '' FROM o;
    INSERT INTO fills SELECT activity_id, %(account)s, order_id, id, symbol, side, false, 1, 100.01, 1, 0, 100.01, 100.01, t, t
        FROM o WHERE NOT bad;
    INSERT INTO entries (account_number, kind, at, activity_id) SELECT %(account)s, 'fill', t, activity_id FROM o WHERE NOT bad;
    INSERT INTO postings SELECT e.entry_id, 1, e.account_number, 'position', 'weights', f.symbol,
            CASE f.side WHEN 'buy' THEN 1 ELSE -1 END, CASE f.side WHEN 'buy' THEN 100.01 ELSE -100.01 END
        FROM entries e JOIN fills f USING (activity_id) JOIN o USING (activity_id);
    INSERT INTO postings SELECT e.entry_id, 2, e.account_number, 'cash', '', 'USD', 0,
            CASE f.side WHEN 'buy' THEN -100.01 ELSE 100.01 END
        FROM entries e JOIN fills f USING (activity_id) JOIN o USING (activity_id);
    INSERT INTO equity_snapshots (account_number, session, at, equity, cash, buying_power, long_market_value, short_market_value,
            source, run_id)
        SELECT %(account)s, session, at, 1000, 1000, 1000, 0, 0, 'run', run_id FROM r;
    INSERT INTO books SELECT DISTINCT %(account)s, 'weights', symbol, 0, 0 FROM o ON CONFLICT DO NOTHING;
    DROP TABLE o, r;
    RESET session_replication_role;
"""
ASKED = [
    ("runs, newest", "/api/v1/orchestration/runs?limit=10"),
    ("runs, a page in the middle", "/api/v1/orchestration/runs?limit=10&offset={middle_run}"),
    ("runs that failed", "/api/v1/orchestration/runs?status=failed&limit=20"),
    ("one run", "/api/v1/orchestration/runs/bench-3"),
    ("orders, newest", "/api/v1/orders?limit=100"),
    ("orders that are open", "/api/v1/orders?status=open&limit=100"),
    ("orders that are parked", "/api/v1/orders?status=parked&limit=100"),
    ("orders that were rejected", "/api/v1/orders?status=rejected&limit=100"),
    ("orders of a rare symbol", "/api/v1/orders?symbol=RARE&limit=100"),
    ("orders of a strategy", "/api/v1/orders?strategy=weights&limit=100"),
    ("orders of a run", "/api/v1/orders?run_id=bench-3&limit=100"),
    ("orders of a session", "/api/v1/orders?from={day}&to={day}&limit=100"),
    ("one order", "/api/v1/orders/bench-77"),
    ("fills, newest", "/api/v1/fills?limit=100"),
    ("fills, the 20,000th", "/api/v1/fills?limit=100&offset={deep}"),
    ("fills, the 20,000th, by token", "/api/v1/fills?limit=100&page_token={token}"),
    ("orders, the 20,000th, by token", "/api/v1/orders?limit=100&page_token={order_token}"),
    ("fills of a rare symbol", "/api/v1/fills?symbol=RARE&limit=100"),
    ("fills of a strategy", "/api/v1/fills?strategy=weights&limit=100"),
    ("fills of a run", "/api/v1/fills?run_id=bench-3&limit=100"),
    ("fills of a session", "/api/v1/fills?from={day}&to={day}&limit=100"),
    ("positions", "/api/v1/positions?limit=100"),
    ("strategies", "/api/v1/strategies?limit=100"),
    ("signals, newest", "/api/v1/signals?limit=100"),
    ("equity", "/api/v1/equity?limit=100"),
]


def fill(site, account, first_run, last_run):
    link = psycopg2.connect(site.dsn)
    try:
        with link, link.cursor() as c:
            c.execute(BASE.format(each=EACH), {"first_run": first_run, "last_run": last_run, "account": account})
        link.autocommit = True
        with link.cursor() as c:
            c.execute("VACUUM ANALYZE")
    finally:
        link.close()


def questions(site, fills):
    """[(name, a function that asks and returns the milliseconds it took)]"""
    day = str(site.sql("SELECT session FROM runs WHERE run_id = 'bench-3'")[0]["session"])
    words = {"middle_run": fills // EACH // 2, "deep": 20000 if fills > 20000 else fills // 2, "day": day}
    for key, path in (("token", "fills"), ("order_token", "orders")):
        words[key] = site.daemon.get(f"/api/v1/{path}?limit=1&offset={words['deep']}")["next_page_token"]

    def ask(path):
        begun = time.monotonic()
        status, _, text = site.daemon.raw(path, timeout=60)
        assert status == 200, f"{path}: {status} {text[:300]}"
        return 1000 * (time.monotonic() - begun)
    return [(name, functools.partial(ask, path.format(**words))) for name, path in ASKED]


def begun(pg, sites, fills):
    site = Site(pg, database={"statement_timeout": "60s"})
    sites.append(site)
    site.begin()
    fill(site, site.sql("SELECT account_number FROM accounts")[0]["account_number"], 1, fills // EACH)
    return questions(site, fills)


def compare(pg, fills, small):
    """[(name, ms over the large ledger, ms over the small one)]: medians, asked in turns."""
    sites = []
    try:
        pairs = zip(begun(pg, sites, fills), begun(pg, sites, small))
        out = []
        for (name, of_large), (_, of_small) in pairs:
            times = [(of_large(), of_small()) for _ in range(ROUNDS)]
            out.append((name, *(statistics.median(t[side] for t in times) for side in (0, 1))))
        return out
    finally:
        for site in sites:
            site.close()


def main():
    fills, small = (int(v) for v in (sys.argv[1:] + ["1000000", "1000"][len(sys.argv) - 1:])[:2])
    base = Scratch()
    pg = Postgres(base.path)
    try:
        for name, large_ms, small_ms in compare(pg, fills, small):
            print(f"{name:32} {large_ms:9.1f} ms {small_ms:9.1f} ms  {large_ms / small_ms:7.2f}", flush=True)
    finally:
        pg.stop()
        base.remove()


if __name__ == "__main__":
    main()
