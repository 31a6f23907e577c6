# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""`orders retry`: an operator has a parked order sent once more, under its id, in two steps, while its time is not over."""
import re
import sys
from pathlib import Path

from harness import KEY, SECRET, TOKEN, Strategy, until

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))
import compare  # noqa: E402

AUTH = {"Authorization": f"Bearer {TOKEN}"}


def status_of(site, order):
    return site.sql("SELECT status FROM orders WHERE client_order_id = %s", order)[0]["status"]


def filled(site, order):
    until(lambda: status_of(site, order) == "filled", 30, "the order is filled")
    site.daemon.in_step()
    assert [o["status"] for o in site.sim.orders() if o["client_order_id"] == order] == ["filled"]
    differences, _ = compare.check(compare.Exchange(site.sim.url, KEY, SECRET), compare.Ledger(site.dsn))
    assert not differences, differences


def refused(site, *words, code=1):
    done = site.daemon.cli("orders", "retry", *words)
    assert done.returncode == code, done
    return done.stderr


def held(site, *words):
    """Not sent: for what the order is, or because the exchange has been silent for too long."""
    done = site.daemon.cli("orders", "retry", *words)
    assert done.returncode in (1, 75), done
    return done.stderr


def released(site):
    token = site.daemon.ctl_json("release", "request", "seen")["code"]
    site.daemon.ctl("release", "confirm", token)
    site.daemon.in_step()


def test_a_parked_order_is_sent_again_once_and_one_past_its_deadline_is_not(make_site):
    """The order of a run and one of an operator's never reach the exchange, which denies both for a minute. The run's deadline is
    over by then; the other one may still leave."""
    site = make_site(strategies=[Strategy(weights={"TLT": "0.3"})], schedule={"run_deadline": "4s"}).begin()
    site.sim.fault("POST /v2/orders", "drop_before", count=2)
    site.daemon.cli("run")
    until(lambda: len(site.sim.posts()) == 1, 20, "the run's order leaves")
    status, told = site.daemon.http("/api/v1/orders", "POST", {"client_order_id": "desk:1", "symbol": "SPY", "side": "buy",
                                                               "qty": "3", "strategy": "weights"}, AUTH)
    assert status == 202 and told["status"] == "unknown", told
    late = site.sql("SELECT client_order_id FROM intents WHERE symbol = 'TLT'")[0]["client_order_id"]
    assert any(why in held(site, "desk:1") for why in ("never placed", "under way", "nothing may be sent"))
    until(lambda: len(site.sql("SELECT 1 FROM orders WHERE status = 'not_placed'")) == 2, 120, "the exchange denies both")
    site.run_ended()
    site.daemon.in_step()

    # Past the deadline of its run: nothing leaves, token or not, and what to do instead is said.
    why = refused(site, late)
    assert "deadline" in why and "paperguard run plans" in why and f"orders resolve {late}" in why, why
    assert "token" in refused(site, late, "0" * 16, "please")
    assert not [n for n in site.daemon.ctl_json("why")["safe_next"] if "retry" in n]

    assert "did you mean" in refused(site, "desk:2", code=64) and refused(site, "desk:1", "0" * 16, code=64)
    site.daemon.ctl("halt", "look", "first")
    assert "halt" in refused(site, "desk:1")
    released(site)
    site.sim.fault("GET /v2/orders:by_client_order_id*", "status", status=503)
    assert "does not tell" in refused(site, "desk:1", code=75)
    told = site.daemon.ctl_json("orders", "retry", "desk")
    assert told["ledger"]["client_order_id"] == "desk:1" and told["sent_again"] is False and told["send_until"]
    assert "token" in refused(site, "desk:1", "0" * 16, "a", "guess"), "it ends the right one too"
    assert "token" in refused(site, "desk:1", told["code"], "a", "guess")
    site.daemon.ctl("halt", "again")  # between the two steps
    released(site)
    page = site.daemon.ctl("orders", "retry", "desk:1")
    assert "nothing is changed yet" in page and status_of(site, "desk:1") == "not_placed"
    token = re.search(r"^token +(\w+),", page, re.M)[1]
    assert len(site.sim.posts()) == 2, "so far nothing left"
    site.daemon.ctl("orders", "retry", "desk:1", token, "it", "was", "the", "firewall")
    filled(site, "desk:1")
    assert len(site.sim.posts()) == 3, "sent exactly once more"
    assert len({p["body"] for p in site.sim.posts() if "desk:1" in p["body"]}) == 1, "word for word"
    assert "no parked order" in refused(site, "desk:1", code=64)

    said = site.sql("SELECT answer, detail FROM decisions WHERE rule = 'retry' ORDER BY at")
    assert [d["answer"] for d in said] == ["retry"] and "it was the firewall" in said[0]["detail"]
    assert "user id" in said[0]["detail"]
    kept = site.sql("SELECT outcome, resolution, operator FROM parked_orders WHERE client_order_id = 'desk:1'")[0]
    assert kept["outcome"] == "retry" and kept["resolution"] == "it was the firewall" and "user id" in kept["operator"]
    assert [o["client_order_id"] for o in site.daemon.ctl_json("orders", "--parked")["orders"]] == [late]
    assert status_of(site, late) == "not_placed" and [o["client_order_id"] for o in site.sim.orders()] == ["desk:1"]


def test_a_runs_order_is_sent_again_before_its_deadline_and_survives_a_crash(make_site):
    """Resolved by an operator while the broker is silent, so its run is over early. Sent again, the exchange takes it, and the
    daemon is killed before it hears so: found by its id, never sent a third time."""
    site = make_site(strategies=[Strategy(weights={"SPY": "0.5"})], broker={"request_timeout": "1s"}, breaker={"broker_errors": "1"}).begin()
    site.sim.fault("POST /v2/orders", "drop_before")
    site.sim.fault("GET /v2/orders*", "status", status=503, count=100000)
    site.daemon.cli("run")
    order = until(lambda: site.sql("SELECT client_order_id FROM orders WHERE status = 'unknown'"), 20, "no answer")[0]["client_order_id"]
    told = until(lambda: (lambda a: a if a["code"] else None)(site.daemon.ctl_json("orders", "resolve", order)), 90, "a token")
    assert any(why in held(site, order) for why in ("under way", "nothing may be sent"))
    site.daemon.ctl("orders", "resolve", order, told["code"], "not", "there")
    site.sim.clear_faults()
    site.run_ended()
    site.daemon.in_step()
    assert [n for n in site.daemon.ctl_json("why")["safe_next"] if n.startswith(f"paperguard orders retry {order} ")]
    told = site.daemon.ctl_json("orders", "retry", order[:12])
    site.sim.fault("POST /v2/orders", "drop_after_accept")
    site.sim.fault("GET /v2/orders*", "status", status=503, count=100000)
    # The broker is asked once more: as long as it is silent, the token alone sends nothing.
    assert any(why in held(site, order, told["code"], "again") for why in ("does not tell", "nothing may be sent"))
    assert len(site.sim.posts()) == 1
    site.sim.clear_faults()
    token = site.daemon.ctl_json("orders", "retry", order)["code"]
    site.sim.fault("POST /v2/orders", "drop_after_accept")
    site.daemon.ctl("orders", "retry", order, token, "again")
    until(lambda: len(site.sim.posts()) == 2, 20, "it leaves")
    site.daemon.process.kill()
    site.daemon.start().in_step()
    filled(site, order)
    assert len(site.sim.posts()) == 2
    assert site.daemon.ctl("orders", "--parked") == "no orders\n"
    assert [b["book"] for b in site.sql("SELECT DISTINCT book FROM postings WHERE symbol = 'SPY' AND part = 'position'")] == ["weights"]
    assert site.run_whole()["status"] == "completed"
    assert len([p for p in site.sim.posts() if order in p["body"]]) == 2
    assert "not parked" in refused(site, order)
