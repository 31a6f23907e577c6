# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""`paperguard flatten`: what strategies hold is closed at market in two steps, once, each order booked to its strategy; what belongs to
none stays; only what reduces leaves, also under a reduce-only halt; refused under a full one, and while anything is in flight."""
import json
import subprocess
from decimal import Decimal

from harness import BIN, TOKEN, Site, Strategy, until
from test_restored import equal, exchange, ids_once, release

HALVES = [Strategy("calm", weights={"SPY": "0.3", "TLT": "0.2"}, allocation="0.5"), Strategy("brave", weights={"SPY": "0.4"}, allocation="0.5")]


def books(site):
    return {(r["book"], r["symbol"]): Decimal(r["qty"]) for r in site.daemon.ctl_json("positions")["positions"]}


def asked(site, *scope):
    """Step one, once nothing is in flight any more."""
    done = until(lambda: (lambda d: None if d.returncode and "ask again" in d.stdout + d.stderr else d)(
        site.daemon.cli("flatten", *scope, "--json")), 120, "step one")  # an order without an answer is looked up for a minute
    assert done.returncode == 0, (done.stdout, done.stderr)
    return site.daemon.ctl_json("flatten", *scope)


def refused(site, *words, code=1):
    done = site.daemon.cli("flatten", *words)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def order(site, **members):
    body = {"symbol": "SPY", "side": "buy", "qty": "2", **members}
    code, answer = site.daemon.http("/api/v1/orders", "POST", body, {"Authorization": f"Bearer {TOKEN}"})
    assert code == 201, (code, answer)
    return answer


def flattened(site):
    return [o for o in site.sim.orders() if o["side"] == "sell"]


def outside_runs(site):
    return [o for o in flattened(site) if site.daemon.get(f"/api/v1/orders/{o['client_order_id']}")["run_id"] is None]


def prices_read(site):
    return [r for r in site.sim.requests() if r["target"].startswith("/v2/stocks/")]


def confirming(site, *words):
    return subprocess.Popen([BIN / "paperguard", "--config", site.daemon.config, "flatten", *words, "out"], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_all_of_it_once(make_site):
    site = make_site(strategies=HALVES).begin()
    assert site.run_whole()["settled"]
    order(site, client_order_id="mine", symbol="GLD")
    until(lambda: ("unassigned", "GLD") in books(site), 10, "shares that are no strategy's")
    held = {k: v for k, v in books(site).items() if k[0] != "unassigned"}
    assert len(held) == 3
    assert "say whose" in refused(site, code=64) and "say whose" in refused(site, "all", "--strategy", "calm", code=64)
    assert "did you mean" in refused(site, "--strategy", "brav", code=64) and "no strategy" in refused(site, "--strategy", "unassigned", code=64)
    # Nothing leaves under a full halt, and it is said what to do.
    site.daemon.ctl("halt", "too", "much")
    assert "--reduce-only" in refused(site, "all")
    release(site)
    site.daemon.ctl("halt", "careful", "--reduce-only")
    until(lambda: site.daemon.get("/api/v1/halt")["halt"]["state"] == "reduce_only", 10, "reduce-only")
    told = asked(site, "all")
    assert {(o["strategy"], o["symbol"]): Decimal(o["qty"]) for o in told["orders"]} == held, told
    assert all(o["side"] == "sell" and o["refused"] == "" and Decimal(o["notional"]) > 0 for o in told["orders"]), told
    assert Decimal(told["notional"]) == sum(Decimal(o["notional"]) for o in told["orders"])
    assert told["unassigned"] == [{"symbol": "GLD", "qty": "2"}] and not flattened(site), "step one sends nothing"
    assert "positions assign" in site.daemon.ctl("flatten", "--strategy", "brave")
    assert "the token is not the one" in refused(site, "all", told["code"], "it was for both")
    told = asked(site, "all")
    assert "the token is not the one" in refused(site, "--strategy", "calm", told["code"], "for all of them")
    told = asked(site, "all")
    done = site.daemon.ctl_json("flatten", "all", told["code"], "out", "of", "it")
    assert (done["placed"], done["refused"], done["unanswered"]) == (3, 0, 0), done
    refused(site, "all", told["code"], "once more")
    until(lambda: books(site) == {("unassigned", "GLD"): 2}, 20, lambda: f"what is no strategy's: {books(site)}")
    assert len(flattened(site)) == 3 and all(o["type"] == "market" for o in flattened(site))
    rows = [site.daemon.get(f"/api/v1/orders/{o['client_order_id']}") for o in done["orders"]]
    assert {(r["strategy"], r["symbol"]): Decimal(r["qty"]) for r in rows} == held, rows
    assert all(r["run_id"] is None and r["type"] == "market" for r in rows), rows
    said = site.sql("SELECT subject, answer, detail FROM decisions WHERE rule = 'flatten'")
    assert sorted(r["answer"] for r in said) == ["flatten", "placed", "placed", "placed"] and "out of it" in said[0]["detail"], said
    assert exchange(site)[0] == {"GLD": 2}
    assert "the token is not the one" in refused(site, "all", told["code"], "and once more")
    told = asked(site, "all")
    assert told["orders"] == [] and told["code"] is None, told
    ids_once(site)
    equal(site)


def test_of_one_strategy_and_not_what_was_not_shown(make_site):
    site = make_site(strategies=HALVES, risk={"duplicate_window": "1ms"}).begin()
    assert site.run_whole()["settled"]
    before = books(site)
    told = asked(site, "--strategy", "brave")
    assert [o["strategy"] for o in told["orders"]] == ["brave"]
    order(site, client_order_id="more", strategy="brave")
    until(lambda: books(site)[("brave", "SPY")] == before[("brave", "SPY")] + 2, 10, "two more")
    asked(site, "--strategy", "calm")  # the books rest; its token takes the place of the one before
    assert "the token is not the one" in refused(site, "--strategy", "brave", told["code"], "as shown")
    # A strategy that is halted by itself lets nothing out either.
    site.daemon.ctl("halt", "stop", "--strategy", "brave")
    assert "release request REASON --strategy brave" in refused(site, "--strategy", "brave")
    told = asked(site, "all")
    assert [bool(o["refused"]) for o in told["orders"]] == [o["strategy"] == "brave" for o in told["orders"]], told
    done = site.daemon.cli("flatten", "all", told["code"], "the", "calm", "one", "--json")
    assert done.returncode == 1 and '"refused":1' in done.stdout and '"placed":2' in done.stdout, (done.stdout, done.stderr)
    until(lambda: set(books(site)) == {("brave", "SPY")}, 20, lambda: f"that of brave alone: {books(site)}")
    assert len(flattened(site)) == 2
    equal(site)


def test_not_while_a_run_or_an_order_is_in_flight(make_site):
    site = make_site(strategies=HALVES).begin()
    assert site.run_whole()["settled"]
    price = Decimal(site.sim.get("/v2/positions/SPY")["current_price"])
    order(site, client_order_id="rests", strategy="brave", type="limit", limit_price=str((price * Decimal("0.97")).quantize(Decimal("0.01"))))
    assert "orders are out" in refused(site, "all")
    code, _ = site.daemon.http("/api/v1/orders/rests", "DELETE", None, {"Authorization": f"Bearer {TOKEN}"})
    assert code < 300
    token = asked(site, "all")["code"]
    # A run that begins while figures are read for step two.
    seen = len(prices_read(site))
    site.sim.fault("GET /v2/stocks/*", "delay", delay_ms=2000, count=1)
    with confirming(site, "all", token) as step:
        until(lambda: len(prices_read(site)) > seen, 10, "figures are asked for")
        site.sim.fault("GET /v2/account", "delay", delay_ms=4000)
        run = site.run()
        assert "a run is in flight" in refused(site, "all")
        said = step.communicate(timeout=60)[0]
    site.sim.clear_faults()
    assert step.returncode == 1 and "a run is in flight" in said, said
    site.run_ended(run)
    assert not outside_runs(site)


def test_what_has_changed_while_figures_were_read(make_site):
    """And an order that would not only shrink what the account holds: somebody sold of it outside of the books."""
    site = make_site(strategies=HALVES, risk={"long_only": "false", "duplicate_window": "1ms"}).begin()
    assert site.run_whole()["settled"]
    before = books(site)
    token = asked(site, "--strategy", "calm")["code"]
    seen = len(prices_read(site))
    site.sim.fault("GET /v2/stocks/*", "delay", delay_ms=3000, count=1)
    with confirming(site, "--strategy", "calm", token) as step:
        until(lambda: len(prices_read(site)) > seen, 10, "figures are asked for")
        order(site, client_order_id="more", strategy="calm")
        until(lambda: books(site)[("calm", "SPY")] == before[("calm", "SPY")] + 2, 10, "two more")
        said = step.communicate(timeout=60)[0]
    site.sim.clear_faults()
    assert step.returncode == 1 and "not what was shown any more" in said and not flattened(site), said
    order(site, client_order_id="less", side="sell", qty="5")
    until(lambda: books(site).get(("unassigned", "SPY")) == -5, 10, "five less")
    token = asked(site, "all")["code"]
    done = site.daemon.cli("flatten", "all", token, "out", "--json")
    told = {(o["strategy"], o["symbol"]): o for o in json.loads(done.stdout)["orders"]}
    assert done.returncode == 1 and [o["refused"][:8] for o in told.values() if o["status"] == "not_placed"] == ["reduces:"], told
    until(lambda: len(outside_runs(site)) == 3 and len(books(site)) == 2, 20, lambda: f"two sells beside the one by hand: {books(site)}")
    assert exchange(site)[0]["SPY"] > 0, "never short"
    equal(site)


def killed(site):
    """The daemon dies while the orders of step two are on their way."""
    token = asked(site, "all")["code"]
    site.sim.fault("POST /v2/orders", "delay", delay_ms=4000, skip=1)
    with confirming(site, "all", token) as step:
        until(lambda: len(flattened(site)) >= 2, 20, "orders on their way")
        site.daemon.process.kill()
        step.communicate(timeout=60)
    site.sim.clear_faults()


def test_killed_in_between(make_site):
    site: Site = make_site(strategies=HALVES).begin()
    assert site.run_whole()["settled"]
    killed(site)
    site.daemon.notify.forget()
    site.daemon.start().in_step(90)
    told = asked(site, "all")
    if told["orders"]:
        site.daemon.ctl("flatten", "all", told["code"], "the", "rest")
    until(lambda: not books(site), 30, lambda: f"nothing is held: {books(site)}")
    until(lambda: not exchange(site)[0], 10, "at the exchange neither")
    ids_once(site)
    equal(site)
