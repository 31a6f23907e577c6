# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A strategy runs away: it sends orders in a loop, and nothing counts them.

Source: alpacahq/Alpaca-API#164, a runaway loop without a cap.
Protected by: the risk rows orders_per_day, duplicate and orders_per_run, and the breaker's row alike_executions: each has a figure
without being configured; the day's are counted in Postgres."""
from acts import AUTH, halted, place, placed, price_of
from harness import Strategy, until


def test_a_loop_of_orders_ends_at_the_cap_of_the_day(at_paper, live):
    site = at_paper(risk={"max_orders_per_day": "5"}).begin()
    limit = f"{price_of(site) * 0.97:.2f}"
    codes = [place(site, f"loop-{n}", str(n + 1), type="limit", limit_price=limit)[:2] for n in range(20)]
    assert codes == [(201, None)] * 5 + [(422, "orders_per_day")] * 15
    assert live.front.orders == 5
    # A restart is no new day, and a way out is left.
    site.daemon.stop()
    site.daemon.start().in_step()
    assert place(site, "again", "1.5")[:2] == (422, "orders_per_day")
    assert site.daemon.http("/api/v1/orders/loop-0", "DELETE", headers=AUTH)[0] == 202
    until(lambda: site.sql("SELECT 1 FROM orders WHERE client_order_id = 'loop-0' AND status = 'canceled'"), 20, "cancelled")
    assert live.front.orders == 5 and site.daemon.metric("paperguard_orders_total", status="denied", reason="orders_per_day") != 0


def test_the_same_order_over_and_over(at_paper, live):
    """Within the window it is denied, beyond it the breaker ends it."""
    site = at_paper(breaker={"alike_executions": "3"}).begin()
    placed(site, "first")
    assert {place(site, f"same-{n}")[1] for n in range(10)} == {"duplicate"} and live.front.orders == 1
    site.daemon.stop()
    site.daemon.sections["risk"] = {"duplicate_window": "1ms"}
    site.daemon.write()
    site.daemon.start().in_step()
    for n in range(3):
        placed(site, f"slow-{n}")
        until(lambda n=n: len(site.sql("SELECT 1 FROM fills")) == n + 2, 20, "the fill")
    halted(site, "alike_executions")
    assert {place(site, f"on-{n}")[1] for n in range(5)} == {"halt"} and live.front.orders == 4


def test_a_run_that_wants_too_much(at_paper, live):
    site = at_paper(strategies=[Strategy(weights={s: "0.1" for s in ("SPY", "TLT", "GLD", "QQQ")})], risk={"max_orders_per_run": "2"}).begin()
    assert site.run_whole()["status"] == "partial" and live.front.orders == 2
    limits = {row["name"]: row["ceiling"] for row in site.daemon.ctl_json("limits")["limits"]}
    assert limits["max_orders_per_day"] == "1000" and limits["max_order_notional"] == "1000000", "figures without being configured"
