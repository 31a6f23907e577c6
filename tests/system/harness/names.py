# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Alpaca's paper endpoint by its own name, in a network with nothing but loopback in it: a name server that answers, refuses or is
silent when told to, and behind the name paperguard-sim under a certificate of an authority that only this daemon trusts. No request
can leave the machine, and nothing of the daemon's own checks is other than at Alpaca's: host, address, TLS, class of key, account."""
import os
import re
import socket
import ssl
import struct
import subprocess
import threading
from datetime import datetime, timedelta

import pytest

from .basics import KEY
from .netns import OwnNetwork
from .wall import NEW_YORK
from .walls import ENTER, need_mounts

HOSTS = ("paper-api.alpaca.markets", "data.alpaca.markets")
ADDRESS = "1.2.3.4"  # one that counts as public; on loopback here
PAPER_KEY = "PKNAMESYSTEMTEST0001"  # as long as KEY, which takes its place on the way
MOUNTS = ('mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/ssl/certs/ca-certificates.crt || exit 71; shift 2\n'
          'exec "$@"')


class NameServer:
    """mode: answer, silent, or refuse. Names that are not Alpaca's paper ones: elsewhere, or none."""

    def __init__(self, elsewhere=None):
        self.mode = "answer"
        self.asked = 0
        self.elsewhere = elsewhere
        self.paper = None  # where paper's names lead, when not to ADDRESS
        self.strange = []  # names that are not paper's
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                question, peer = self.socket.recvfrom(2048)
            except OSError:
                return
            self.asked += 1
            if self.mode != "silent":
                self.socket.sendto(self.answer(question), peer)

    def answer(self, question):
        labels = question[12:].split(b"\0", 1)
        asked = question[12:12 + len(labels[0]) + 5]
        address = self.address(labels[0])
        wants_a = asked[-4:-2] == b"\0\1" and self.mode == "answer" and address is not None
        flags = 0x8180 if self.mode == "answer" else 0x8183  # or: there is no such name
        head = question[:2] + struct.pack("!HHHHH", flags, 1, int(wants_a), 0, 0)
        record = b"\xc0\x0c\0\1\0\1" + struct.pack("!IH", 60, 4) + socket.inet_aton(address or "0.0.0.0")
        return head + asked + (record if wants_a else b"")

    def address(self, labels):
        name, at = [], 0
        while at < len(labels):
            name.append(labels[at + 1:at + 1 + labels[at]].decode("ascii", "replace").lower())
            at += 1 + labels[at]
        if ".".join(name) in HOSTS:
            return self.paper or ADDRESS
        self.strange.append(".".join(name))
        return self.elsewhere

    def close(self):
        self.socket.close()


def whole(link):
    """One request or answer, with its body; None at the end."""
    text = b""
    try:
        while b"\r\n\r\n" not in text or len(text) < len(text.partition(b"\r\n\r\n")[0]) + 4 + length_of(text):
            piece = link.recv(65536)
            if not piece:
                return None
            text += piece
        return text
    except OSError:
        return None


def length_of(text):
    found = re.search(rb"(?i)^content-length: *(\d+)", text.partition(b"\r\n\r\n")[0], re.M)
    return int(found[1]) if found else 0


class Links:
    """Serves whoever comes to `address`, each in a thread of its own."""

    def __init__(self, address):
        self.links = []
        self.server = socket.create_server(address)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                link, _ = self.server.accept()
            except OSError:
                return
            self.links.append(link)
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def close(self):
        self.server.close()
        for link in self.links:
            link.close()


class Front(Links):
    """TLS in front of the exchange, under Alpaca's names, for a paper key and a paper account."""

    def __init__(self, folder):
        self.before(None)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "host.pem", folder / "host.key")
        super().__init__((ADDRESS, 443))

    def before(self, port):
        """This exchange from now on. account: what its accounts' PASIM is shown as; moved: where orders are sent on to."""
        self.port, self.account, self.moved, self.orders = port, b"PA3AB", None, 0

    def serve(self, plain):
        try:
            with self.context.wrap_socket(plain, server_side=True) as link, socket.create_connection(("127.0.0.1", self.port)) as exchange:
                while (request := whole(link)) is not None:
                    if request.startswith(b"POST /v2/orders "):
                        self.orders += 1
                        if self.moved:
                            link.sendall(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % self.moved)
                            continue
                    for host in HOSTS:
                        request = request.replace(b"Host: " + host.encode(), b"Host: 127.0.0.1:%d" % self.port, 1)
                    exchange.sendall(request.replace(PAPER_KEY.encode(), KEY.encode(), 1))
                    answer = whole(exchange)
                    if answer is None:
                        return
                    link.sendall(answer.replace(b'"PASIM', b'"' + self.account))
        except OSError:
            pass


def certificates(folder, hosts=HOSTS):
    """ca.pem, and host.pem with host.key for these names."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, capture_output=True, check=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=a test's authority")
    openssl("req", *key, "-keyout", "host.key", "-out", "host.csr", "-subj", f"/CN={HOSTS[0]}")
    (folder / "names").write_text("subjectAltName=" + ",".join(f"DNS:{h}" for h in hosts) + "\n")
    openssl("x509", "-req", "-in", "host.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "host.pem", "-days", "2",
            "-extfile", "names")


class Names:
    """Enters the network; site() gives a host whose daemon is told Alpaca's own endpoint."""

    def __init__(self, folder, user=False, elsewhere=None, hosts=HOSTS):
        if os.geteuid() == 0:
            need_mounts()
        elif not user:
            pytest.skip("not root")
        self.folder = folder
        self.parts = []
        try:
            self.network = OwnNetwork(user and os.geteuid() != 0)
        except OSError as e:
            pytest.skip(str(e))
        for n, address in enumerate(filter(None, (ADDRESS, elsewhere))):
            self.network.add_address(f"lo:{n}", address)
        self.server = self.kept(NameServer(elsewhere))
        folder.chmod(0o755)
        certificates(folder, hosts)
        self.front = self.kept(Front(folder))
        (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:8 attempts:1\n")
        self.enter = [*ENTER, MOUNTS, "sh", folder / "resolv.conf", folder / "ca.pem"]

    def kept(self, part):
        self.parts.append(part)
        return part

    def site(self, make_site, **options):
        broker = {"stream": "off", **options.pop("broker", {})}
        env = {"ALPACA_KEY": PAPER_KEY, **options.pop("env", {})}
        # The simulator is open around the clock; at this endpoint the daemon holds that to the exchange's days. No clock can be
        # faked here: the guard lets nothing be loaded into a daemon at Alpaca's endpoint.
        now = datetime.now(NEW_YORK)
        if (now + timedelta(minutes=10)).hour >= 20:
            pytest.skip("from 20:00 New York, where sessions turn, until midnight, where the next one opens, that market is closed")
        days = [now + timedelta(days=n) for n in range(3)]
        schedule = {"special_days": " ".join(f"{day:%Y-%m-%d}=00:00-23:59" for day in days), **options.pop("schedule", {})}
        site = make_site(env=env, broker=broker, schedule=schedule, **options)
        self.front.before(site.sim.port)
        site.daemon.sections["broker"]["endpoint"] = broker.get("endpoint", f"https://{HOSTS[0]}")
        site.daemon.wrapper += self.enter
        site.daemon.write()
        return site

    def close(self):
        for part in reversed(self.parts):
            part.close()
        self.network.leave()
