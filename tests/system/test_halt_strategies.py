# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Halts of one strategy: its orders do not leave, those that are open are cancelled, runs go without it; the others go on."""
import pytest

from harness import TOKEN, Site, Strategy, until

AUTH = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module", name="site")
def fixture_site(pg):
    one = Site(pg, strategies=[Strategy("alpha", allocation="0.5"), Strategy("beta", allocation="0.5")], risk={"duplicate_window": "1ms"})
    try:
        yield one.begin()
    finally:
        one.close()


def order(site, key, strategy, **more):
    body = {"symbol": "SPY", "qty": "1", "side": "buy", "strategy": strategy, "client_order_id": key} | more
    return site.daemon.http("/api/v1/orders", "POST", body, AUTH)


def halted(site):
    return {s["strategy"]: s["state"] for s in site.daemon.get("/api/v1/halt")["strategies"]}


def release(site, strategy):
    token = site.daemon.ctl_json("release", "request", "--strategy", strategy, "tested")["code"]
    assert strategy in halted(site)
    site.daemon.ctl("release", "confirm", token)
    assert strategy not in halted(site)


def by_cli(site):
    assert "strategy alpha: too much" in site.daemon.ctl("halt", "--strategy", "alpha", "too", "much")


def by_http(site):
    status, answer = site.daemon.http("/api/v1/halt", "POST", {"reason": "odd", "strategies": ["alpha"]}, AUTH)
    assert status == 200 and answer["halt"]["state"] == "running", answer


def by_file(site):
    (site.daemon.state / "halt.d" / "strategy=alpha").touch()


def by_postgres(site):
    site.sql("INSERT INTO strategy_halts (host, instance, strategy, state, reason, source, at) "
             "SELECT host, instance, 'alpha', 'halted', 'by hand', 'psql', now() FROM hosts")


@pytest.mark.parametrize("way", [by_cli, by_http, by_file, by_postgres])
def test_the_strategy_alone_is_halted(site, way):
    way(site)
    until(lambda: halted(site) == {"alpha": "halted"}, 10, "the halt")
    status, answer = order(site, f"alpha-{way.__name__}", "alpha")
    assert status == 403 and answer["code"] == "halt", answer
    status, answer = until(lambda: (lambda a: a if a[0] != 503 else None)(order(site, f"beta-{way.__name__}", "beta")), 20, "an answer")
    assert status == 201, answer
    if way is by_file:
        assert site.daemon.cli("release", "request", "--strategy", "alpha", "x").returncode != 0, "while the file is there"
        (site.daemon.state / "halt.d" / "strategy=alpha").unlink()
        until(lambda: site.daemon.cli("release", "request", "--strategy", "alpha", "x").returncode == 0, 20, "it may be asked for")
    assert halted(site) == {"alpha": "halted"}, "it stays"
    release(site, "alpha")


def test_what_is_open_of_it_is_cancelled_and_runs_go_without_it_over_a_restart(site):
    price = until(lambda: site.daemon.get("/api/prices/latest?symbol=SPY")["price"], 10, "a price")
    limit = {"type": "limit", "limit_price": f"{float(price) * 0.97:.2f}"}
    for name in ("alpha", "beta"):
        status, answer = until(lambda n=name: (lambda a: a if a[0] != 503 else None)(order(site, f"rest-{n}", n, **limit)), 20, "an answer")
        assert status == 201, answer
    until(lambda: {o["status"] for o in site.sim.orders() if o["client_order_id"].startswith("rest-")} <= {"new", "accepted"}, 10, "they rest")
    by_cli(site)
    of = {"alpha": "canceled", "beta": "new"}
    until(lambda: {o["client_order_id"][5:]: o["status"] for o in site.sim.orders() if o["client_order_id"].startswith("rest-")} == of, 20, "gone")
    site.daemon.process.kill()
    site.daemon.notify.forget()
    site.daemon.start().up().ready().in_step()
    assert halted(site) == {"alpha": "halted"} and "strategy alpha: halted: too much" in site.daemon.ctl("status")
    assert site.daemon.http("/api/v1/orders/rest-beta", "DELETE", headers=AUTH)[0] == 202
    until(lambda: site.daemon.get("/health")["scheduler"]["execution"]["orders_open"] == 0, 20, "nothing is open")
    refused = site.daemon.cli("run", "alpha")
    assert refused.returncode != 0 and "too much" in refused.stdout + refused.stderr
    assert site.daemon.cli("strategies", "resume", "alpha", "x").returncode != 0, "a pause is another thing"
    row = site.run_whole()
    assert row["strategies"] == ["beta"] and row["status"] == "completed", row
    release(site, "alpha")


def test_names_are_held_to_the_config(site):
    assert site.daemon.http("/api/v1/halt", "POST", {"reason": "x", "strategies": ["alpha", "gamma"]}, AUTH)[0] == 404
    assert site.daemon.cli("halt", "--strategy", "gamma", "x").returncode != 0
    assert halted(site) == {}
    (site.daemon.state / "halt.d" / "strategy=gamma").touch()
    until(lambda: site.daemon.get("/api/v1/halt")["halt"]["state"] == "halted", 10, "the account is, then")
