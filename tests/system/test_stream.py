# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# The daemon at the broker's order stream: what happens is known sooner, and whatever becomes of the stream (gone, silent,
# doubled, out of order, wrong) the ledger is the same as without it: every fill exactly once.
import json
import time

import pytest
from harness import KEY, SECRET, TOKEN, until

POLL = {"poll_interval": "3s"}
WHOLE_FILLS = ("--no-rate-limit", "--partial-rate", "0", "--fill-delay-ms", "700", "--seed", "11")
SLOW_FILLS = ("--no-rate-limit", "--partial-rate", "0.4", "--fill-delay-ms", "300", "--seed", "11")


def stream_of(site):
    return site.daemon.get("/health")["stream"]


def connected(site, seconds=20):
    return until(lambda: stream_of(site)["connected"], seconds, "the order stream", site.daemon.process.why_dead)


def spoil(site, action, **more):
    return site.sim.call("POST", "/sim/stream", {"action": action, **more})


def metric(site, name):
    found = [line for line in site.daemon.raw("/metrics")[2].decode().split("\n") if line.startswith("paperguard_" + name)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)


def fills_of(site):
    return site.sql("SELECT activity_id, symbol, side, qty::text, price::text FROM fills ORDER BY activity_id")


def books_agree(site):
    """The ledger's fills are the broker's, each once, and nothing differs."""
    ours = [f["activity_id"] for f in fills_of(site)]
    theirs = sorted(f["id"] for f in site.sim.fills())
    assert ours == theirs and len(set(ours)) == len(ours) > 0
    site.daemon.in_step()


def test_it_listens_and_says_so(make_site):
    site = make_site(broker={"poll_interval": "300ms"}).begin()
    connected(site)
    health = site.daemon.get("/health")
    assert health["details"]["alpaca_stream"] == "connected" and health["stream"]["since"]
    assert site.sim.get("/sim/stream")["clients"] == [{"authorized": True, "listening": True, "half_open": False, "sent": 2}]
    assert "order stream connected" in site.daemon.cli("status").stdout
    assert metric(site, "stream_connected") == 1
    assert site.run_whole()["status"] == "completed"
    assert metric(site, "stream_events_total") >= 8 and stream_of(site)["events"] >= 8 and stream_of(site)["last_event_at"]
    assert metric(site, "stream_reconnects_total") == 0 and metric(site, "guard_denials_total") == 0
    books_agree(site)
    text = site.daemon.text()
    assert "order stream: connected" in text and KEY not in text and SECRET not in text


def order(site, **more):
    code, answer = site.daemon.http("/api/v1/orders", "POST", {"symbol": "SPY", "side": "buy", "qty": "1", "strategy": "weights",
                                                                  **more}, {"Authorization": f"Bearer {TOKEN}"})
    assert code == 201, answer


def seconds_to_know(site):
    """From the exchange's fill of orders for whole shares until the ledger has it, at worst."""
    for n in range(3):
        order(site, client_order_id=f"whole-{n}", qty=str(n + 1))
        until(lambda: len(fills_of(site)) > n, 30, "the fill")
    rows = site.sql("SELECT extract(epoch FROM recorded_at - transaction_time)::float8 AS late FROM fills")
    return max(r["late"] for r in rows)


def test_fills_are_known_sooner_than_by_polling(make_site):
    with_stream = make_site(broker=POLL, sim_options=WHOLE_FILLS).begin()
    connected(with_stream)
    without = make_site(broker={**POLL, "stream": "off"}, sim_options=WHOLE_FILLS).begin()
    told, polled = seconds_to_know(with_stream), seconds_to_know(without)
    print(f"fills known after {told:.2f} s with the stream, {polled:.2f} s by polling, ratio {told / polled:.2f}")
    assert told < polled / 2
    books_agree(with_stream)
    books_agree(without)
    assert without.daemon.get("/health")["details"]["alpaca_stream"] == "off"
    assert without.sim.get("/sim/stream")["opened"] == 0


def polls(site):
    return sum(r["target"].startswith("/v2/orders?") for r in site.sim.requests())


def test_open_orders_are_polled_less_while_it_is_connected(make_site):
    counts = {}
    for mode in ("on", "off"):
        site = make_site(broker={"poll_interval": "200ms", "stream": mode}).begin()
        if mode == "on":
            connected(site)
        site.sim.call("POST", "/sim/price", {"symbol": "SPY", "price": "400"})
        order(site, client_order_id="rests", type="limit", limit_price="390")
        until(lambda: len(site.sim.orders()) == 1, 10, "the order")
        if mode == "on":  # what the stream told lately is looked after for five seconds
            began = time.monotonic()
            until(lambda: time.monotonic() > began + 6, 10, "the stream to be quiet")
        first, began = polls(site), time.monotonic()
        until(lambda: time.monotonic() > began + 4, 10, "four seconds of polling")
        counts[mode] = polls(site) - first
    print(f"polls in 4 s: {counts}")
    assert 1 <= counts["on"] * 2 < counts["off"]


@pytest.mark.parametrize("fault", [{"action": "duplicate", "count": 1000}, {"action": "reorder", "count": 1000, "delay_ms": 700},
                                   {"action": "lose", "count": 1000}, {"action": "delay", "count": 1000, "delay_ms": 900}],
                         ids=lambda f: f["action"])
def test_spoiled_messages_change_nothing(make_site, fault):
    site = make_site(broker={"poll_interval": "300ms"}, sim_options=SLOW_FILLS).begin()
    connected(site)
    spoil(site, **fault)
    assert site.run_whole()["status"] == "completed"
    books_agree(site)
    assert len(site.sim.posts()) == len(site.sim.orders())  # nothing was sent twice


def test_a_dropped_stream_comes_back_and_the_gap_is_read(make_site):
    site = make_site(broker=POLL, sim_options=SLOW_FILLS).begin()
    connected(site)
    run = site.run()
    until(lambda: len(site.sim.orders()) >= 1, 20, "an order")
    for _ in range(3):
        spoil(site, "drop")
        before = site.sim.get("/sim/stream")["opened"]
        until(lambda: site.sim.get("/sim/stream")["opened"] > before, 20, "another connection")
        connected(site)
    assert site.run_ended(run)["status"] == "completed"
    site.daemon.in_step()
    books_agree(site)
    assert metric(site, "stream_reconnects_total") >= 3
    assert "order stream: not connected (" in site.daemon.text()


def test_a_silent_stream_is_found_and_left(make_site):
    site = make_site(broker={"poll_interval": "200ms"}, sim_options=SLOW_FILLS).begin()
    connected(site)
    spoil(site, "half_open")
    assert site.run_whole()["status"] == "completed"  # by polling
    books_agree(site)
    until(lambda: site.sim.get("/sim/stream")["opened"] == 2, 40, "another connection")
    connected(site)
    assert "the peer is silent: no pong within" in site.daemon.text()


def test_odd_messages_are_harmless(make_site):
    site = make_site(broker={"poll_interval": "300ms"}).begin()
    connected(site)
    odd = {"id": "0", "client_order_id": "nobodys", "status": "filled", "filled_qty": "1000000", "symbol": "SPY"}
    for message in ("not json", "[]", "{}", '{"stream":"trade_updates"}', '{"stream":"trade_updates","data":{"event":7}}',
                    json.dumps({"stream": "trade_updates", "data": {"event": "fill", "order": odd, "qty": "1000000"}}),
                    json.dumps({"stream": "trade_updates", "data": {"event": "x" * 1000, "order": None}}),
                    json.dumps({"stream": "trade_updates", "data": {"event": "replaced", "order": {"client_order_id": 1}}}),
                    '{"stream":"listening","data":{"streams":["trade_updates"]}}',
                    json.dumps({"stream": "elsewhere", "data": "\u0000"})):
        spoil(site, "send", message=message)
    until(lambda: stream_of(site)["events"] >= 5, 20, "the events")
    assert site.run_whole()["status"] == "completed"
    books_agree(site)
    assert stream_of(site)["connected"] and stream_of(site)["reconnects"] == 0
    spoil(site, "send", message='{"stream":"listening","data":{"streams":[]}}')  # told that nothing comes any more
    until(lambda: stream_of(site)["reconnects"] == 1, 20, "another connection")


def test_a_stream_that_cannot_be_opened(make_site):
    site = make_site(broker={"poll_interval": "200ms"})
    site.sim.fault("GET /stream", "429", count=3)
    site.begin()
    assert site.daemon.get("/health")["status"] == "healthy"  # it is not needed
    connected(site, 40)
    text = site.daemon.text()
    assert "order stream: not connected (the peer answered HTTP 429" in text
    assert text.count("order stream: not connected") == 1  # told once, not with every try
    assert site.run_whole()["status"] == "completed"
    books_agree(site)
