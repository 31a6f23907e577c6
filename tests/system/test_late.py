# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A daemon that was stopped over its run's deadline (a frozen host, a suspended machine) sends nothing of it afterwards."""
import signal
import sys
import time
from pathlib import Path

from harness import KEY, SECRET, Strategy, until

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))
import compare  # noqa: E402

WEIGHTS = {s: "0.1" for s in ("SPY", "QQQ", "IWM", "TLT", "GLD", "AAPL", "MSFT", "IEF")}


def test_nothing_is_sent_after_a_stop_over_the_deadline(make_site):
    """Orders wait for their rate slots when the daemon is stopped; it goes on after the deadline, with slots for all of them."""
    site = make_site(strategies=[Strategy(weights=WEIGHTS)], schedule={"run_deadline": "25s"},
                     broker={"requests_per_minute": 40}).begin()
    site.run()
    until(lambda: site.sql("SELECT 1 FROM runs WHERE status = 'sending'") and site.sim.posts(), 30, "the first order is sent")
    site.daemon.process.signal(signal.SIGSTOP)
    try:
        sent = len(site.sim.posts())
        out = "".join(p["body"] for p in site.sim.posts())
        waiting = [r["client_order_id"] for r in site.sql("SELECT client_order_id FROM orders WHERE status = 'intent'")
                   if r["client_order_id"] not in out]
        assert waiting, "no order waits for its rate slot"
        deadline = site.sql("SELECT extract(epoch FROM deadline_at) AS at FROM runs")[0]["at"]
        until(lambda: time.time() > float(deadline) + 1, 60, "the deadline has passed")
    finally:
        site.daemon.process.signal(signal.SIGCONT)
    row = site.run_ended(seconds=60)
    assert row["status"] == "partial", row
    assert len(site.sim.posts()) == sent, "an order left after the deadline of its run"
    states = {r["client_order_id"]: (r["status"], r["reason"]) for r in
              site.sql("SELECT client_order_id, status, reason FROM orders")}
    assert {states[i][0] for i in waiting} == {"not_placed"}, states
    differences, _ = compare.check(compare.Exchange(site.sim.url, KEY, SECRET), compare.Ledger(site.dsn))
    assert not differences, differences
