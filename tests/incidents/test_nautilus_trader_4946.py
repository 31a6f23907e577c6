# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""An order of about 153 million dollars passes: the account is not known, so nothing is compared, and a switch turns risk off.

Source: nautechsystems/nautilus_trader#4946, an order of about 153 million dollars passes.
Protected by: the risk rows order_notional, price_known and account_known (lib/trade/risk.c): what is unknown denies; there is no
switch that turns them off."""
import itertools

import pytest

from acts import place, price_of
from harness import until

HUGE = "153000000"


def test_an_order_of_153_million_dollars(at_paper, live):
    site = at_paper(broker={"compare_interval": "500ms"}, risk={"max_account_age": "2s"}).begin()
    shares = str(int(float(HUGE) / price_of(site)))
    limit = f"{price_of(site):.2f}"
    assert place(site, "market", shares)[:2] == (422, "order_notional")
    assert place(site, "limit", shares, type="limit", limit_price=limit)[:2] == (422, "order_notional")
    assert place(site, "sold", shares, side="sell")[:2] == (422, "long_only")
    # The account is not known any more: neither this one nor any other.
    site.sim.fault("GET /v2/account", "status", status=503, count=1000000)
    names = (f"blind-{n}" for n in itertools.count())
    until(lambda: place(site, next(names), shares)[1] == "account_known", 20, "denied for the account's sake")
    assert place(site, "blind-small", "1")[:2] == (422, "account_known")
    site.sim.clear_faults()
    # No price: no value either.
    for path in ("trades", "quotes"):
        site.sim.fault(f"GET /v2/stocks/{path}/latest*", "status", status=503, count=1000000)
    assert place(site, "no-price", shares, symbol="IWM")[:2] == (422, "price_known")
    for key in ("bypass", "force", "reduce_only", "dry_run"):
        assert place(site, f"with-{key}", shares, **{key: True})[0] == 400
    assert live.front.orders == 0 and not site.sql("SELECT 1 FROM intents")
    denied = site.sql("SELECT DISTINCT rule FROM decisions WHERE kind = 'risk' AND answer = 'denied'")
    assert {d["rule"] for d in denied} >= {"order_notional", "long_only", "account_known"}


def test_an_account_that_was_never_known(at_paper, live):
    site = at_paper()
    site.sim.fault("GET /v2/account", "status", status=503, count=1000000)
    site.daemon.db_init()
    site.daemon.start().up()
    until(lambda: "account" in (site.daemon.notify.last("STATUS=") or ""), 20, "what is waited for")
    assert place(site, "early", "100000")[0] >= 400 and site.daemon.cli("run").returncode != 0
    assert site.daemon.http("/health")[0] == 503 and not site.daemon.notify.has("READY=1") and live.front.orders == 0


@pytest.mark.parametrize("key", ["bypass", "enabled", "max_order_notional"])
def test_no_setting_turns_risk_off(refused, key):
    refused(key, risk={key: "0"})
