# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""An order for the sandbox is passed on to the real broker, by one that stands in between.

Source: marketcalls/openalgo#1055, the sandbox sent real orders.
Protected by: redirects are not followed (lib/io/http_client_call.c); Host and target of what comes in choose nothing
(allowed Hosts, daemon/api.c)."""
import socket

from acts import AUTH, place
from harness import TOKEN, until


def test_paper_sends_an_order_on_to_live(at_paper, live):
    site = at_paper().begin()
    live.front.moved = b"https://api.alpaca.markets/v2/orders"
    status, _, answer = place(site, "sent-on")
    assert live.front.orders == 1 and not site.sim.posts(), "asked once, followed nowhere"
    assert (status, answer["status"]) == (202, "unknown"), answer
    assert "is unknown (desk), filled 0 at 0: HTTP 307" in site.daemon.text()
    live.front.moved = None
    until(lambda: site.sql("SELECT 1 FROM orders WHERE client_order_id = 'sent-on' AND status = 'unknown'"), 10, "its row")
    assert not site.sql("SELECT 1 FROM fills") and not site.sim.posts()


HEADS = ("POST https://api.alpaca.markets/v2/orders HTTP/1.1\r\nHost: api.alpaca.markets",
         "POST /v2/orders HTTP/1.1\r\nHost: api.alpaca.markets",
         "POST /api/v1/orders HTTP/1.1\r\nHost: api.alpaca.markets",
         "CONNECT api.alpaca.markets:443 HTTP/1.1\r\nHost: api.alpaca.markets:443")


def sent(site, head):
    """The status of the answer to a request with this head, which carries a good token and a good order."""
    body = '{"client_order_id":"through","symbol":"SPY","side":"buy","qty":"1"}'
    address, port = site.daemon.addresses()["main"].rsplit(":", 1)
    with socket.create_connection((address, int(port)), timeout=10) as link:
        link.sendall(f"{head}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                     f"Connection: close\r\n\r\n{body}".encode())
        return int(link.makefile("rb").read().split(b" ")[1])


def test_a_client_that_takes_us_for_a_way_to_live(at_paper, live):
    site = at_paper().begin()
    assert [sent(site, head) for head in HEADS] == [400, 421, 421, 405]
    assert live.front.orders == 0 and not site.sql("SELECT 1 FROM intents")
    assert site.daemon.http("/api/v1/orders", "POST", {"symbol": "SPY", "side": "buy", "qty": "1"}, AUTH)[0] == 201
