# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Money is a floating-point number, and a fill of a fraction is cut down to whole shares.

Source: staging-guides#13, floats for money and fractional fills floored.
Protected by: quantities, prices and money are integers of a billionth (lib/base/decimal.c), NUMERIC in Postgres; what an order cannot
hold is refused, not rounded."""
from decimal import Decimal

from acts import filled, place


def test_fractions_are_kept_to_the_last_digit(make_site):
    site = make_site(risk={"duplicate_window": "1ms"}).begin()
    for n, qty in enumerate(("0.1", "0.2", "1.234567891")):
        filled(site, f"part-{n}", qty)
    total = Decimal("1.534567891")
    assert sum(f["qty"] for f in site.sql("SELECT qty FROM fills")) == total == Decimal(site.sim.get("/v2/positions")[0]["qty"])
    assert site.daemon.get("/api/v1/positions")["positions"][0]["qty"] == str(total)
    ours = {f["activity_id"]: (f["qty"], f["price"]) for f in site.sql("SELECT activity_id, qty, price FROM fills")}
    assert ours == {f["id"]: (Decimal(f["qty"]), Decimal(f["price"])) for f in site.sim.fills()}
    filled(site, "all", "1.534567891", side="sell")
    assert not site.sim.get("/v2/positions") and not site.daemon.get("/api/v1/positions")["positions"]


def test_what_does_not_fit_is_refused(make_site):
    site = make_site().begin()
    for qty in ("1.2345678912", "1e3", "NaN", "", "0", "-1"):
        assert place(site, "odd", qty)[0] in (400, 422), qty
    assert place(site, "tick", "1", type="limit", limit_price="100.123")[0] in (400, 422)
    assert not site.sim.posts() and not site.sql("SELECT 1 FROM intents")
