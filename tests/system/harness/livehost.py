# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A live host that is none: in a network of the test's own every name but Alpaca's paper ones leads to an address where a host
stands that anybody would take for the live one, certificate included. The kernel counts what is sent to it, or to any other address
that is neither this host's own nor paper's."""
import ctypes
import socket
import ssl
import struct
import threading

from .basics import until
from .names import ADDRESS, HOSTS, Names

LIVE = "api.alpaca.markets"
LIVE_HOSTS = (LIVE, "broker-api.alpaca.markets", "paper.evil.example", "paper-api.alpaca.markets.evil.example")
LIVE_ADDRESS = "4.3.2.1"
ETH_P_IP, SOL_PACKET, PACKET_STATISTICS, SO_ATTACH_FILTER = 0x0800, 263, 6, 26


class Capture:
    """How many IPv4 packets went to other addresses than 127/8 and paper's."""

    def __init__(self):
        paper = struct.unpack("!I", socket.inet_aton(ADDRESS))[0]
        program = b"".join(struct.pack("HBBI", *i) for i in (
            (0x20, 0, 0, 16),           # the destination
            (0x15, 3, 0, paper),        # paper's: not counted
            (0x54, 0, 0, 0xff000000),
            (0x15, 1, 0, 0x7f000000),   # loopback: not counted
            (0x06, 0, 0, 0xffff),
            (0x06, 0, 0, 0)))
        self.program = ctypes.create_string_buffer(program)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 6, ctypes.addressof(self.program)))
        self.socket.bind(("lo", ETH_P_IP))
        self.seen = 0

    def packets(self):
        self.seen += struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[0]
        return self.seen

    def close(self):
        self.socket.close()


class LiveHost:
    """Takes every request and likes it."""

    def __init__(self, folder):
        self.links = self.ended = 0
        self.requests = []
        self.discard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.discard.bind((LIVE_ADDRESS, 9))
        self.discard.settimeout(5)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "host.pem", folder / "host.key")
        self.server = socket.create_server((LIVE_ADDRESS, 443))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                link, _ = self.server.accept()
            except OSError:
                return
            self.links += 1
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def serve(self, plain):
        try:
            plain.settimeout(5)
            with self.context.wrap_socket(plain, server_side=True) as link:
                self.requests.append(link.recv(65536).split(b"\r\n", 1)[0].decode())
                body = b'{"id":"live","status":"accepted","account_number":"123456789"}'
                link.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" %
                             (len(body), body))
        except OSError:
            pass
        plain.close()
        self.ended += 1

    def close(self):
        self.server.close()
        self.discard.close()


class Elsewhere(Names):
    """Names, with a live host beside paper's, and what came near it since forget()."""

    def __init__(self, folder):
        super().__init__(folder, True, LIVE_ADDRESS, (*HOSTS, *LIVE_HOSTS))
        self.live = self.kept(LiveHost(folder))
        self.capture = self.kept(Capture())

    def forget(self):
        """And sends one packet there, which must be seen: the capture works."""
        until(lambda: self.live.ended == self.live.links, 10, "the end of what a control sent there")
        before = self.capture.packets()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"seen?", (LIVE_ADDRESS, 9))
        self.live.discard.recv(16)
        assert self.capture.packets() == before + 1, "the capture does not see what is sent to the live host"
        self.capture.seen = self.live.links = self.live.ended = 0
        self.live.requests, self.server.strange, self.meant = [], [], False

    def came_near(self):
        """Everything that went to a live host, or anywhere else: packets, connections, requests, and names that were asked for."""
        return self.capture.packets(), self.live.links, self.live.requests, self.server.strange
