# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
#
# The order stream of paperguard-sim, read by a client of raw sockets: the upgrade, who may listen, what is told, and what
# is spoiled on request.
import base64
import hashlib
import json
import os
import select
import socket
import struct
import subprocess

import pytest
from test_sim import BIN, KEY, SECRET, check_order, start, sim  # noqa: F401  (fixtures)

AUTHENTICATE = {"action": "authenticate", "data": {"key_id": KEY, "secret_key": SECRET}}
LISTEN = {"action": "listen", "data": {"streams": ["trade_updates"]}}
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Stream:
    """A WebSocket client: every byte of it is written and read here."""

    def __init__(self, port, path="/stream", **headers):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        key = base64.b64encode(os.urandom(16))
        lines = {"Host": f"127.0.0.1:{port}", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": key.decode(), **headers}
        self.socket.sendall(f"GET {path} HTTP/1.1\r\n".encode() + b"".join(f"{k}: {v}\r\n".encode() for k, v in lines.items())
                            + b"\r\n")
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            part = self.socket.recv(4096)
            assert part, "closed during the upgrade"
            self.buffer += part
        self.head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        self.status = int(self.head.split(b" ")[1])
        if self.status == 101:
            assert base64.b64encode(hashlib.sha1(key + GUID).digest()) in self.head
            assert b"extensions" not in self.head.lower()

    def frame(self, opcode, payload):
        mask = os.urandom(4)
        length = struct.pack(">BH", 0x80 | 126, len(payload)) if len(payload) > 125 else bytes([0x80 | len(payload)])
        body = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        self.socket.sendall(bytes([0x80 | opcode]) + length + mask + body)

    def say(self, message):
        self.frame(TEXT, json.dumps(message).encode())

    def take(self, count):
        while len(self.buffer) < count:
            part = self.socket.recv(65536)
            if not part:
                raise EOFError
            self.buffer += part
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def read(self):
        """Opcode and payload of the next frame."""
        first, length = self.take(2)
        assert first & 0x80 and not length & 0x80, "whole and unmasked"
        if length == 126:
            length = struct.unpack(">H", self.take(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self.take(8))[0]
        return first & 15, self.take(length)

    def hear(self):
        opcode, payload = self.read()
        assert opcode == BINARY  # as paper does
        return json.loads(payload)

    def silent(self, seconds=0.3):
        return not self.buffer and not select.select([self.socket], [], [], seconds)[0]

    def listen(self):
        self.say(AUTHENTICATE)
        assert self.hear()["data"]["status"] == "authorized"
        self.say(LISTEN)
        assert self.hear() == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
        return self

    def events(self, count):
        return [self.hear()["data"] for _ in range(count)]


@pytest.fixture
def connect(sim):  # noqa: F811
    opened = []

    def run(**more):
        opened.append(Stream(sim.port, **more))
        return opened[-1]

    yield run
    for stream in opened:
        stream.socket.close()


def names(events):
    return [e["event"] for e in events]


def test_an_order_from_new_to_fill(sim, connect):  # noqa: F811
    stream = connect().listen()
    sim.fix("SPY", "300")
    order = sim.filled(sim.order(qty="2"))
    events = stream.events(3)
    assert names(events) == ["pending_new", "new", "fill"]
    for e in events:
        check_order(e["order"])
    assert events[-1]["order"] == order
    assert (events[-1]["price"], events[-1]["qty"], events[-1]["position_qty"]) == ("300", "2", "2")
    assert [u["message"]["data"] for u in sim.get("/sim/updates")["updates"]] == events


def test_cancel_and_replace(sim, connect):  # noqa: F811
    stream = connect().listen()
    sim.fix("SPY", "300")
    order = sim.order(qty="2", type="limit", limit_price="200")
    assert names(stream.events(2)) == ["pending_new", "new"]
    sim.call("PATCH", f"/v2/orders/{order['id']}", {"qty": "3"})
    seen = []
    while "replaced" not in names(seen):
        seen += stream.events(1)
    new = next(e["order"] for e in seen if e["event"] == "replaced")["replaced_by"]
    sim.call("DELETE", f"/v2/orders/{new}", expect=204)
    while "canceled" not in names(seen):
        seen += stream.events(1)
    assert seen[-1]["order"]["id"] == new and seen[-1]["order"]["status"] == "canceled"


def test_who_may_listen(sim, connect):  # noqa: F811
    stream = connect()
    stream.say(LISTEN)
    assert stream.hear() == {"stream": "authorization", "data": {"action": "listen", "status": "unauthorized"}}
    for odd in ({"action": "authenticate", "data": {"key_id": KEY, "secret_key": SECRET + "x"}}, {"action": "authenticate"},
                {"action": "auth", "key": "PKSIMSOMEBODYELSE00", "secret": SECRET},
                {"action": "authenticate", "data": {"oauth_token": "x"}}):
        stream.say(odd)
        assert stream.hear() == {"stream": "authorization", "data": {"action": "authenticate", "status": "unauthorized",
                                                                     "message": "access key verification failed"}}
    stream.say({"action": "auth", "key": KEY, "secret": SECRET})  # as an older client does
    assert stream.hear() == {"stream": "authorization", "data": {"action": "authenticate", "status": "authorized"}}
    sim.order(qty="1")
    assert stream.silent()  # it has not asked yet
    stream.say({"action": "listen", "data": {"streams": ["trade_updates", "account_updates"]}})
    assert stream.hear()["data"]["streams"] == ["trade_updates"]
    stream.say({"action": "listen", "data": {"streams": []}})
    assert stream.hear()["data"]["streams"] == []
    sim.order(qty="1")
    assert stream.silent()
    assert sim.get("/sim/stream")["clients"] == [{"authorized": True, "listening": False, "half_open": False, "sent": 8}]


def test_nothing_is_replayed(sim, connect):  # noqa: F811
    sim.filled(sim.order(qty="1"))
    stream = connect().listen()
    order = sim.order(qty="1")
    assert [e["order"]["id"] for e in stream.events(3)] == [order["id"]] * 3


def test_pings_and_the_closing_handshake(connect, sim):  # noqa: F811
    stream = connect(path="/stream/")
    stream.frame(PING, b"are you there")
    assert stream.read() == (PONG, b"are you there")
    stream.frame(CLOSE, struct.pack(">H", 1000) + b"bye")
    assert stream.read() == (CLOSE, struct.pack(">H", 1000) + b"bye")
    with pytest.raises(EOFError):
        stream.read()
    sim.wait(lambda: sim.get("/sim/stream")["clients"] == [])


def test_what_is_not_json_ends_it(connect):
    stream = connect()
    stream.frame(TEXT, b"hello")
    assert stream.read()[1][:2] == struct.pack(">H", 1003)


def test_what_is_no_upgrade(sim, connect):  # noqa: F811
    assert sim.raw("GET", "/stream")[0] == 404
    assert connect(**{"Sec-WebSocket-Version": "8"}).status == 426
    assert connect(**{"Sec-WebSocket-Key": "short"}).status == 400
    assert connect(Origin="http://elsewhere.example").status == 403
    sim.fault(match="GET /stream", action="429")
    assert connect().status == 429
    assert connect().status == 101


def test_drop_and_half_open(sim, connect):  # noqa: F811
    one, two = connect().listen(), connect().listen()
    assert len(sim.call("POST", "/sim/stream", {"action": "drop"})["clients"]) == 0
    for stream in (one, two):
        with pytest.raises((EOFError, ConnectionResetError)):
            stream.read()
    frozen = connect().listen()
    assert sim.call("POST", "/sim/stream", {"action": "half_open"})["clients"][0]["half_open"]
    fresh = connect().listen()
    sim.order(qty="1")
    frozen.frame(PING, b"")
    assert names(fresh.events(2)) == ["pending_new", "new"]
    assert frozen.silent()
    assert sim.get("/sim/stream")["opened"] == 4


def test_duplicate_reorder_lose_delay(sim, connect):  # noqa: F811
    stream = connect().listen()

    def three(**fault):
        sim.call("POST", "/sim/stream", fault)
        sim.order(qty="1")

    three(action="duplicate", count=2)
    assert names(stream.events(5)) == ["pending_new", "pending_new", "new", "new", "fill"]
    three(action="reorder")
    assert names(stream.events(3)) == ["new", "pending_new", "fill"]
    three(action="lose", count=2)
    assert names(stream.events(1)) == ["fill"]
    three(action="delay", count=2, delay_ms=400)
    assert names(stream.events(3)) == ["fill", "pending_new", "new"]
    three(action="reorder", count=3, delay_ms=300)
    assert sorted(names(stream.events(3))) == ["fill", "new", "pending_new"]
    sim.call("POST", "/sim/stream", {"action": "lose", "count": 100})
    three(action="clear")
    assert names(stream.events(3)) == ["pending_new", "new", "fill"]
    sim.call("POST", "/sim/stream", {"action": "send", "message": '{"stream":"trade_updates","data":{"event":"odd"}}'})
    assert stream.hear() == {"stream": "trade_updates", "data": {"event": "odd"}}
    assert stream.silent()


def test_faults_that_are_not_understood(sim):  # noqa: F811
    for odd in ({}, {"action": "explode"}, {"action": "drop", "more": 1}, {"action": "lose", "count": 0}, {"action": "send"},
                {"action": "delay", "delay_ms": "5"}, {"action": "drop", "message": "x"}):
        assert set(sim.call("POST", "/sim/stream", odd, 400)) == {"message"}
    assert sim.raw("DELETE", "/sim/stream")[0] == 405


def test_the_admin_port_alone_has_the_faults(tmp_path):
    port_file = tmp_path / "port"
    process = subprocess.Popen([BIN / "paperguard-sim", "--port-file", port_file, "--admin", "127.0.0.1:0", "--data",
                                BIN.parents[1] / "conf/sample-data", "--key", KEY, "--secret", SECRET], stderr=subprocess.DEVNULL)
    try:
        while not port_file.exists():
            assert process.poll() is None
            select.select([], [], [], 0.01)
        trading, admin = (int(p) for p in port_file.read_text().split())
        for port, path, status in ((trading, "/sim/stream", 404), (admin, "/sim/stream", 200)):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
                s.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAPCA-API-KEY-ID: {KEY}\r\n"
                          f"APCA-API-SECRET-KEY: {SECRET}\r\nConnection: close\r\n\r\n".encode())
                assert int(s.recv(4096).split(b" ")[1]) == status, port
        stream = Stream(trading).listen()
        stream.socket.close()
        assert Stream(admin).status in (401, 404)
    finally:
        process.terminate()
        process.wait(10)
