# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A connection that was used before closes after it took a whole order, without an answer. An HTTP library takes that for a
connection that was idle for too long and sends the order once more, by itself, which nobody could tell from one: it goes out
once, is UNKNOWN, and is looked up by its id."""
import socket

from harness import Strategy, until
from harness.names import Links, whole


class Between(Links):
    """Between daemon and exchange: passes on what either says. Of the orders that come on a connection that was used before it takes
    the first, hands it on, and closes without the answer."""

    def __init__(self, port):
        self.port = port
        self.orders = []  # of each that came: how many requests came before it on its connection
        self.closed = 0
        super().__init__(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"

    def serve(self, link):
        with link, socket.create_connection(("127.0.0.1", self.port)) as exchange:
            before = 0
            while (request := whole(link)) is not None:
                exchange.sendall(request.replace(self.url[7:].encode(), b"127.0.0.1:%d" % self.port, 1))  # its Host
                answer = whole(exchange)
                if request.startswith(b"POST /v2/orders "):
                    self.orders.append(before)
                    if before and not self.closed:
                        self.closed += 1
                        return
                if answer is None:
                    return
                link.sendall(answer)
                before += 1


def test_a_used_connection_closes_on_an_order(make_site):
    site = make_site(strategies=[Strategy(weights={"SPY": "0.3"})], broker={"connections": 1, "stream": "off"})
    between = Between(site.sim.port)
    try:
        site.daemon.sections["broker"]["endpoint"] = between.url
        site.daemon.write()
        site.begin()
        site.sim.fault("GET /v2/orders", "omit", symbol="SPY", count=1000000)  # lists of orders and fills would tell too
        site.sim.call("POST", "/sim/fills", {"action": "late", "delay_ms": 600000})
        run_id = site.run()
        until(lambda: any(r["target"].startswith("/v2/orders:by_client_order_id?") for r in site.sim.requests()), 10, "the lookup")
        site.sim.clear_faults()
        site.sim.call("POST", "/sim/fills", {"action": "clear"})
        row = site.run_ended(run_id)
        assert between.closed == 1 and len(between.orders) == 1, f"it was sent {len(between.orders)} times"
        assert between.orders[0] > 0, "the connection was new"
        assert len(site.sim.posts()) == len(site.sim.orders()) == 1
        order = site.sim.orders()[0]
        said = [r["status"] for r in site.sql("SELECT status FROM order_events WHERE client_order_id = %s ORDER BY event_id",
                                              order["client_order_id"])]
        assert "unknown" in said and said[-1] == "filled", said
        lookup = f"/v2/orders:by_client_order_id?client_order_id={order['client_order_id']}"
        assert lookup in [r["target"] for r in site.sim.requests()]
        assert row["status"] == "completed" and row["orders_submitted"] == 1, row
        until(lambda: site.sql("SELECT settled FROM runs")[0]["settled"], 10, "settled")
        assert [f["id"] for f in site.sim.fills()] == [r["activity_id"] for r in site.sql("SELECT activity_id FROM fills")]
        assert site.daemon.stop() == 0
    finally:
        between.close()
