# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Limits raised for a time, in two steps, over restarts and back by themselves; entries of lists that end; rules of single symbols."""
from datetime import datetime, timedelta

from harness import TOKEN, until
from harness.wall import NEW_YORK

AUTH = {"Authorization": f"Bearer {TOKEN}"}


def place(site, name, qty, **more):
    body = {"client_order_id": name, "symbol": "SPY", "side": "buy", "qty": qty, **more}
    status, answer = site.daemon.http("/api/v1/orders", "POST", body, AUTH)
    return status, answer.get("code")


def limit(site, name):
    return next(r for r in site.daemon.ctl_json("limits")["limits"] if r["name"] == name)


def raise_limit(site, name, value, lasts):
    code = site.daemon.ctl_json("limits", "raise", name, value, "--for", lasts)["code"]
    return site.daemon.cli("limits", "raise", name, value, code, "a large rebalance", "--for", lasts)


def test_a_raise_in_two_steps_that_reverts(make_site):
    site = make_site(risk={"max_order_notional": "1000", "max_raise": "3"}).begin()
    assert place(site, "large", "5") == (422, "order_notional")
    assert limit(site, "max_order_notional")["effective"] == "1000"
    asked = site.daemon.ctl_json("limits", "raise", "max_order_notional", "2500", "--for", "1h")
    assert asked["now"] == "1000" and asked["most"] == "3000" and limit(site, "max_order_notional")["effective"] == "1000"
    wrong = site.daemon.cli("limits", "raise", "max_order_notional", "2600", asked["code"], "why", "--for", "1h")
    assert wrong.returncode == 1 and "token" in wrong.stderr, "a token is for what was shown"
    assert raise_limit(site, "max_order_notional", "2500", "1h").returncode == 0
    row = limit(site, "max_order_notional")
    assert row["effective"] == "2500" and row["ceiling"] == "1000" and "a large rebalance" in row["note"]
    assert place(site, "large-1", "5")[0] == 201 and place(site, "larger", "9") == (422, "order_notional")
    until(lambda: site.sql("SELECT 1 FROM alerts WHERE kind = 'limit_raised'"), 10, "the alert")
    site.daemon.stop()
    site.daemon.start().up()
    site.daemon.in_step()
    until(lambda: limit(site, "max_order_notional")["effective"] == "2500", 10, "the raise of the life before")
    site.daemon.ctl("limits", "revert", "max_order_notional", "done")
    assert limit(site, "max_order_notional")["effective"] == "1000"
    until(lambda: [r["answer"] for r in site.sql("SELECT answer FROM decisions WHERE kind = 'limits' ORDER BY seq")] ==
          ["raised", "raised", "reverted"], 10, lambda: f"the decisions: {site.sql('SELECT kind, subject, answer, detail FROM decisions')}")


def test_a_raise_ends_by_itself_also_while_no_daemon_runs(make_site):
    site = make_site(risk={"max_orders_per_day": "2", "max_raise": "2"}).begin()
    assert raise_limit(site, "max_orders_per_day", "3", "1s").returncode == 0
    until(lambda: limit(site, "max_orders_per_day")["effective"] == "2", 10, "its end")
    assert raise_limit(site, "max_orders_per_day", "4", "1h").returncode == 0
    assert limit(site, "max_orders_per_day")["effective"] == "4"
    site.daemon.stop()
    site.sql("SET session_replication_role = replica; UPDATE limit_raises SET until = clock_timestamp(), at = clock_timestamp(); "
             "RESET session_replication_role")  # an hour goes by
    site.daemon.start().up()
    site.daemon.in_step()
    assert limit(site, "max_orders_per_day")["effective"] == "2"


def test_what_cannot_be_raised(make_site):
    site = make_site(risk={"max_raise": "1.5", "max_order_notional": "1000"}).begin()
    for words, said in (
            (("max_order_notional", "1500.01", "--for", "1h"), "at most 1500"),
            (("max_order_notional", "900", "--for", "1h"), "stands at 1000"),
            (("max_order_notional", "many", "--for", "1h"), "decimal"),
            (("max_orders_per_day", "1100.5", "--for", "1h"), "whole"),
            (("max_order_notional", "1200", "--for", "25h"), "at most 24h"),
            (("max_order_notional", "1200", "--for", "soon"), "30m"),
            (("max_account_age", "1200", "--for", "1h"), "no limit"),
            (("long_only", "1", "--for", "1h"), "no limit")):
        done = site.daemon.cli("limits", "raise", *words)
        assert done.returncode in (1, 64) and said in done.stderr, (words, done.stderr)
    assert site.daemon.cli("limits", "raise", "max_order_notional", "1200").returncode == 64
    assert site.daemon.cli("limits", "revert", "max_order_notional", "why").returncode != 0
    assert not site.sql("SELECT 1 FROM limit_raises")


def test_nothing_is_raised_by_default(make_site):
    site = make_site().begin()
    done = site.daemon.cli("limits", "raise", "max_orders_per_day", "1001", "--for", "1h")
    assert done.returncode == 1 and "max_raise" in done.stderr


def test_rules_of_single_symbols(make_site):
    site = make_site(**{'symbol "SPY"': {"lot": "2"}, 'symbol "TLT"': {"list": "deny", "owner": "ops", "until": "2020-01-01"},
                        'symbol "GLD"': {"list": "deny", "owner": "ops", "until": "2090-01-01", "reason": "audit"}}).begin()
    assert place(site, "odd", "3") == (422, "lot") and place(site, "even", "2")[0] == 201
    assert place(site, "over", "1", symbol="TLT")[0] == 201 and place(site, "denied", "1", symbol="GLD") == (422, "symbol_list")
    told = until(lambda: site.sql("SELECT subject, detail FROM alerts WHERE kind = 'list_expired'"), 10, "the alert")
    assert [t["subject"] for t in told] == ["TLT"] and "ops" in told[0]["detail"] and "denied no longer" in told[0]["detail"]


def test_an_allowed_symbol_until_its_end(make_site):
    site = make_site(**{'symbol "SPY"': {"list": "allow", "owner": "ops"}, 'symbol "TLT"': {"list": "allow", "owner": "ops", "until": "2020-01-01"}})
    site.begin()
    assert place(site, "allowed", "1")[0] == 201
    assert place(site, "over", "1", symbol="TLT") == (422, "list_expired") and place(site, "other", "1", symbol="GLD") == (422, "symbol_list")


def average_volume(site, symbol):
    today = datetime.now(NEW_YORK).date()
    bars = site.sim.get(f"/v2/stocks/bars?symbols={symbol}&timeframe=1Day&adjustment=split&limit=1000&start={today - timedelta(days=38)}"
                        f"&end={today - timedelta(days=1)}")["bars"][symbol][-20:]
    return sum(b["v"] for b in bars) // len(bars)


def test_a_share_of_the_average_daily_volume(make_site):
    """By the bars of the broker, or as the symbol's section states it; what nobody knows opens nothing, and is asked for again."""
    site = make_site(risk={"max_adv_share": "0.0001"}, **{'symbol "TLT"': {"adv": "20000"}}).begin()
    most = average_volume(site, "IEF") // 10000
    assert place(site, "above", str(most + 1), symbol="IEF") == (422, "adv_share")
    assert place(site, "below", str(most), symbol="IEF")[0] == 201
    assert place(site, "stated-above", "3", symbol="TLT") == (422, "adv_share") and place(site, "stated", "2", symbol="TLT")[0] == 201
    site.sim.fault("GET /v2/stocks/bars", "503")
    assert place(site, "unknown", "1", symbol="GLD") == (422, "adv_share")
    until(lambda: site.sql("SELECT 1 FROM decisions WHERE rule = 'adv_share' AND detail LIKE '%%GLD is not known%%'"), 10, "the decision")
    site.sim.clear_faults()
    assert place(site, "known", "1", symbol="GLD")[0] == 201


def test_what_a_strategy_places_itself_is_held_to_its_own_exposure(make_site):
    """Its book and its open buys, not those of another strategy or of nobody."""
    site = make_site(risk={"max_strategy_exposure": "0.02"}).begin()
    assert place(site, "nobody", "10")[0] == 201, "of no strategy"
    assert place(site, "large", "6", strategy="weights") == (422, "strategy_exposure")
    assert place(site, "first", "3", strategy="weights")[0] == 201
    assert place(site, "second", "4", strategy="weights") == (422, "strategy_exposure"), "with what it has bought"
    assert limit(site, "max_strategy_exposure")["effective"] == "0.02"
    until(lambda: site.sql("SELECT 1 FROM books WHERE book = 'weights' AND symbol = 'SPY' AND qty = 3"), 20, "the fill in its book")
    assert place(site, "third", "4", strategy="weights") == (422, "strategy_exposure"), "with what it holds"
    assert place(site, "fourth", "1", strategy="weights")[0] == 201
