# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Seeded runs of two strategies under faults of the exchange and kills at any moment: every run ends settled, exchange and
ledger are the same, no order goes out twice, no try overlaps another. SEEDS="1 2 3" runs others."""
import os
import random
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from harness import KEY, SECRET, Strategy, until

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))
import compare  # noqa: E402

RUNS = 4
SYMBOLS = ("SPY", "TLT", "GLD", "QQQ")
FAULTS = (("POST /v2/orders", "drop_after_accept", {}), ("POST /v2/orders", "delay", {"delay_ms": 700}),
          ("POST /v2/orders", "status", {"status": 429, "code": 42910000}),
          ("GET /v2/orders*", "status", {"status": 503, "count": 3}),
          ("GET /v2/account/activities/FILL*", "status", {"status": 500, "count": 2}),
          ("GET /v2/positions", "delay", {"delay_ms": 600}), ("GET /v2/account", "status", {"status": 502, "count": 2}),
          ("DELETE /v2/orders/*", "delay_before", {"delay_ms": 900}), ("DELETE /v2/orders/*", "status", {"status": 500}))


def strategies(dice):
    def weights():
        sizes = [dice.random() for _ in SYMBOLS]
        whole = sum(sizes) * (1.05 + dice.random())
        return {s: f"{x / whole:.3f}" if dice.random() > 0.2 else "0" for s, x in zip(SYMBOLS, sizes)}
    return [Strategy(name, weights=weights(), allocation=share, execution=dice.choice(["market", "limit-walk"]))
            for name, share in (("one", "0.5"), ("two", "0.45"))]


def checked(site):
    differences, _ = compare.check(compare.Exchange(site.sim.url, KEY, SECRET), compare.Ledger(site.dsn))
    assert not differences, differences
    tries = site.sql("SELECT max(i.try_no) AS last, count(*) AS tries, sum(o.filled_qty) AS filled, max(l.qty) AS qty FROM "
                     "intents i JOIN orders o USING (client_order_id) JOIN legs l USING (run_id, leg) GROUP BY run_id, leg")
    assert all(t["last"] == t["tries"] and t["filled"] <= t["qty"] for t in tries)
    assert not [p for p in site.sim.get("/v2/positions") if Decimal(p["qty"]) < 0]


@pytest.mark.parametrize("seed", [int(s) for s in os.environ.get("SEEDS", "3").split()])
def test_faults_and_kills(make_site, seed):
    dice = random.Random(seed)
    site = make_site(sim_options=("--no-rate-limit", "--partial-rate", "0.6", "--fill-delay-ms", str(dice.choice([50, 300, 900])),
                                  "--seed", str(seed)), strategies=strategies(dice),
                     orders={"walk_step_time": dice.choice(["300ms", "1s"])}).begin()
    for n in range(RUNS):
        if n:
            site.daemon.stop()
            site.daemon.strategies = strategies(dice)
            site.daemon.write().notify.forget()
            site.daemon.start().up().ready()
            site.daemon.in_step()
        for match, action, more in dice.sample(FAULTS, dice.randint(0, 3)):
            site.sim.fault(match, action, skip=dice.randint(0, 3), **more)
        run_id = site.run()
        for _ in range(dice.randint(0, 2)):
            end = time.monotonic() + dice.random() * 2
            until(lambda: time.monotonic() > end, 5, "the moment")
            site.daemon.process.kill()
            site.daemon.notify.forget()
            site.daemon.start().up().ready()
        row = site.run_ended(run_id, seconds=170)
        assert row["settled"] and row["status"] in ("completed", "partial"), row
        site.sim.clear_faults()
        site.daemon.in_step()
        checked(site)
