# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""`plan`, `limits`, `config show` and `config diff`, `logs`: what would be done, what is left, what a reload would do."""
import signal

from harness import SECRET, Strategy, until


def test_plan_shows_what_a_run_then_sends_and_sends_nothing(make_site):
    site = make_site(strategies=[Strategy(allocation="0.5"), Strategy("big", weights={"SPY": "1"}, allocation="0.5")],
                     risk={"max_order_share": "0.2"}).begin()
    plan = site.daemon.ctl_json("plan", "weights")
    assert plan["sent"] is False and len(plan["orders"]) == 4 and len(plan["targets"]) == 4
    assert all(o["side"] == "buy" and o["would_pass"] and float(o["notional"]) > 0 for o in plan["orders"])
    refused = site.daemon.ctl_json("plan", "big")["orders"]
    assert len(refused) == 1 and refused[0]["refused"].startswith("order_notional:") and not refused[0]["would_pass"]
    out = site.daemon.ctl("plan", "big")
    assert "1 orders, 1 of them would be refused. Nothing was sent." in out and "order_notional" in out
    assert site.sim.orders() == [] and site.runs() == [] and site.sql("SELECT * FROM intents") == []
    row = site.run_whole("weights")
    sent = {o["symbol"]: (o["side"], o["qty"]) for o in site.sim.orders()}
    assert {o["symbol"]: (o["side"], o["qty"]) for o in plan["orders"]}.keys() == sent.keys() and row["status"] == "completed"
    after = site.daemon.ctl_json("plan", "weights")["orders"]
    assert sum(float(o["notional"]) for o in after) < 0.05 * sum(float(o["notional"]) for o in plan["orders"])
    wrong = site.daemon.cli("plan", "weihgts")
    assert wrong.returncode == 64 and 'did you mean "weights"' in wrong.stderr


def test_plan_of_a_strategy_that_fails_says_why(make_site):
    site = make_site(strategies=[Strategy("broken", command="/bin/false")]).begin()
    done = site.daemon.cli("plan", "broken")
    assert done.returncode == 1 and "refused" in done.stderr and done.stdout == "", done


def test_limits_follow_what_the_session_uses(make_site):
    site = make_site(risk={"max_orders_per_day": "20", "max_notional_per_day": "150000", "deny": "TSLA"}).begin()
    told = {row["name"]: row for row in site.daemon.ctl_json("limits")["limits"]}
    assert told["max_orders_per_day"] | {"note": None} == {
        "name": "max_orders_per_day", "unit": "orders", "code": "orders_per_day", "ceiling": "20", "effective": "20",
        "used": "0", "left": "20", "note": None}
    site.run_whole()
    rows = {row["name"]: row for row in site.daemon.ctl_json("limits")["limits"]}
    assert rows["max_orders_per_day"]["used"] == "4" and rows["max_orders_per_day"]["left"] == "16"
    notional = sum(float(o["filled_qty"]) * float(o["filled_avg_price"]) for o in site.sim.orders())
    used = float(rows["max_notional_per_day"]["used"])
    assert abs(used - notional) < 0.02 * notional
    assert abs(float(rows["max_notional_per_day"]["left"]) - (150000 - used)) < 0.01
    assert 0.8 < float(rows["max_gross_exposure"]["used"]) <= 1
    assert rows["max_position_share"]["note"] == "SPY" and 0.25 < float(rows["max_position_share"]["used"]) < 0.35
    out = site.daemon.ctl("limits")
    assert "denied     TSLA" in out and "max_orders_per_day" in out
    # A reload tightens: the ceiling stays, what holds does not.
    site.daemon.sections["risk"]["max_orders_per_day"] = "10"
    site.daemon.write()
    site.daemon.process.signal(signal.SIGHUP)
    def tightened():
        row = next(r for r in site.daemon.ctl_json("limits")["limits"] if r["name"] == "max_orders_per_day")
        return (row["ceiling"], row["effective"], row["left"]) == ("20", "10", "6")
    until(tightened, 10, "the tighter limit")


def test_config_show_has_every_option_with_its_origin_and_no_password(make_site):
    site = make_site(env={"REDIS_URL": f"redis://user:{SECRET}@127.0.0.1:1/0"}).begin()
    rows = {(r["section"], r["key"]): r for r in site.daemon.ctl_json("config", "show")["options"] if not r["name"]}
    assert rows["risk", "long_only"]["origin"] == "default" and rows["risk", "long_only"]["reload"] is False
    assert rows["broker", "poll_interval"]["value"] == "100ms" and "paperguard.conf:" in rows["broker", "poll_interval"]["origin"]
    assert rows["redis", "url"]["value"] == "redis://…@127.0.0.1:1/0" and "REDIS_URL" in rows["redis", "url"]["origin"]
    one = site.daemon.ctl("config", "show", "risk.max_orders_per_day")
    assert len(one.splitlines()) == 2 and "1000" in one
    assert 'strategy "weights".schedule' in site.daemon.ctl("config", "show", "weights")
    wrong = site.daemon.cli("config", "show", "max_order_shar")
    assert wrong.returncode == 64 and 'did you mean "max_order_share"' in wrong.stderr
    # The file alone, as this environment makes it.
    assert site.daemon.ctl("config", "show", "--offline") == site.daemon.ctl("config", "show")
    assert SECRET not in site.daemon.ctl("config", "show") + site.daemon.ctl("--json", "config", "show", "--offline")
    assert site.daemon.cli("config").returncode == 64


def test_config_diff_says_what_a_reload_then_does(make_site):
    site = make_site().begin()
    d = site.daemon
    assert "says what runs" in d.ctl("config", "diff")
    d.sections["risk"] = {"max_orders_per_run": "50"}
    d.sections["http"]["max_connections"] = "99"
    d.strategies[0].lines["timeout"] = "30s"
    d.write()
    rows = {r["key"]: r for r in d.ctl_json("config", "diff")["differences"]}
    assert {k: r["reload"] for k, r in rows.items()} == {"max_orders_per_run": "applied", "max_connections": "restart",
                                                       "timeout": "restart"}
    assert rows["max_orders_per_run"]["running"] == "200" and rows["max_orders_per_run"]["file"] == "50"
    assert rows["timeout"]["name"] == "weights" and rows["timeout"]["running"] is None
    out = d.ctl("config", "diff")
    assert "a reload takes it over" in out and "waits for a restart" in out and "(not set)" in out
    d.process.signal(signal.SIGHUP)
    until(lambda: "max_orders_per_run" not in d.ctl("config", "diff"), 10, "the reload")
    assert {r["key"] for r in d.ctl_json("config", "diff")["differences"]} == {"max_connections", "timeout"}
    # A looser limit, and a file that is wrong: told before anybody reloads.
    d.sections["risk"]["max_orders_per_run"] = "60"
    d.write()
    assert "would loosen" in d.ctl("config", "diff", code=1)
    d.write("[risk]\nmax_order_shar = 1\n")
    done = d.cli("config", "diff")
    assert done.returncode == 78 and "max_order_share" in done.stderr, done


def test_logs_say_what_to_do_without_a_journal(site):
    row = site.run_whole()
    done = site.daemon.cli("logs", "--run", row["run_id"][:8])
    if done.returncode == 69:
        assert f"RUN_ID={row['run_id']}" in done.stderr
    assert f"RUN_ID={row['run_id']}" in site.daemon.text()
    assert site.daemon.cli("logs", "--run", "zzz").returncode == 64
