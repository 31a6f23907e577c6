# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The id of an order is made of its quantity, or of the time: what is sent again at another price is another order.

Source: staging-guides#9, the id hashes the quantity, so a rerun at a new price doubles.
Protected by: ids are derived from account, session, slot, leg and try (order_id in lib/trade), never from quantity, price or clock; the
plan is stored before the first order and used again (run_resume.c)."""
import hashlib

from acts import place, placed
from harness import Strategy, until


def derived(account, session, slot, leg):
    """The id of an order's first try: nothing else is in it."""
    fields = (account, str(session), slot, str(leg), "1")
    return "pg1-" + hashlib.sha256(b"".join(len(f).to_bytes(8, "big") + f.encode() for f in fields)).hexdigest()[:32]


def test_a_rerun_at_another_price_is_the_same_order(make_site):
    site = make_site(strategies=[Strategy(weights={"SPY": "0.3", "TLT": "0.2"})]).begin()
    site.sim.fault("POST /v2/orders", "drop_after_accept", count=2)
    site.sim.fault("GET /v2/orders*", "status", status=503, count=1000000)
    site.daemon.ctl("run")
    until(lambda: len(site.sim.posts()) == 2, 20, "two orders")
    until(lambda: len(site.sql("SELECT 1 FROM intents")) == 2, 20, "two intents")
    planned = {r["client_order_id"] for r in site.sql("SELECT client_order_id FROM intents")}
    account, run = site.sim.get("/v2/account")["account_number"], site.runs()[0]
    assert planned == {derived(account, run["session"], "manual-1", leg) for leg in (1, 2)}
    site.daemon.process.kill()
    for symbol in ("SPY", "TLT"):
        price = float(site.sim.get(f"/v2/stocks/{symbol}/trades/latest")["trade"]["p"])
        site.sim.call("POST", "/sim/price", {"symbol": symbol, "price": f"{price * 1.07:.2f}"})
    site.sim.clear_faults()
    site.daemon.start().up()
    assert site.run_ended(seconds=60)["status"] == "completed"
    assert len(site.sim.orders()) == 2 and {o["client_order_id"] for o in site.sim.orders()} == planned
    assert {r["client_order_id"] for r in site.sql("SELECT client_order_id FROM intents")} == planned


def test_the_same_id_with_another_quantity(make_site):
    site = make_site().begin()
    placed(site, "mine", "2")
    assert place(site, "mine", "3")[:2] == (409, "client_order_id") and place(site, "mine", "2")[0] == 200
    assert len(site.sim.posts()) == 1
