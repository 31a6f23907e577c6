# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Alpaca's paper endpoint by its own name, in a network with nothing but loopback in it: a name server that answers, refuses or is
silent when told to, and behind the name paperguard-sim under a certificate of an authority that only this daemon trusts. No request
can leave the machine, and nothing of the daemon's own checks is other than at Alpaca's: host, address, TLS, class of key, account."""
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
    """mode: answer, silent, or refuse."""

    def __init__(self):
        self.mode = "answer"
        self.asked = 0
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
        wants_a = asked[-4:-2] == b"\0\1" and self.mode == "answer"
        flags = 0x8180 if self.mode == "answer" else 0x8183  # or: there is no such name
        head = question[:2] + struct.pack("!HHHHH", flags, 1, int(wants_a), 0, 0)
        record = b"\xc0\x0c\0\1\0\1" + struct.pack("!IH", 60, 4) + socket.inet_aton(ADDRESS)
        return head + asked + (record if wants_a else b"")

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


class Front:
    """TLS in front of the exchange, under Alpaca's names, for a paper key and a paper account."""

    def __init__(self, folder, port):
        self.port = port
        self.orders = 0
        self.links = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "host.pem", folder / "host.key")
        self.server = socket.create_server((ADDRESS, 443))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                link, _ = self.server.accept()
            except OSError:
                return
            self.links.append(link)
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def serve(self, plain):
        try:
            with self.context.wrap_socket(plain, server_side=True) as link, socket.create_connection(("127.0.0.1", self.port)) as exchange:
                while (request := whole(link)) is not None:
                    self.orders += request.startswith(b"POST /v2/orders ")
                    for host in HOSTS:
                        request = request.replace(b"Host: " + host.encode(), b"Host: 127.0.0.1:%d" % self.port, 1)
                    exchange.sendall(request.replace(PAPER_KEY.encode(), KEY.encode(), 1))
                    answer = whole(exchange)
                    if answer is None:
                        return
                    link.sendall(answer.replace(b'"PASIM', b'"PA3AB'))
        except OSError:
            pass

    def close(self):
        self.server.close()
        for link in self.links:
            link.close()


def certificates(folder):
    """ca.pem, and host.pem with host.key for both names."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, capture_output=True, check=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=a test's authority")
    openssl("req", *key, "-keyout", "host.key", "-out", "host.csr", "-subj", f"/CN={HOSTS[0]}")
    (folder / "names").write_text("subjectAltName=" + ",".join(f"DNS:{h}" for h in HOSTS) + "\n")
    openssl("x509", "-req", "-in", "host.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "host.pem", "-days", "2",
            "-extfile", "names")


class Names:
    """Enters the network; site() gives a host whose daemon is told Alpaca's own endpoint."""

    def __init__(self, folder):
        need_mounts()
        self.folder = folder
        self.parts = []
        try:
            self.network = OwnNetwork()
        except OSError as e:
            pytest.skip(str(e))
        subprocess.run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)
        self.server = self.kept(NameServer())
        self.front = None
        folder.chmod(0o755)
        certificates(folder)
        (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:3 attempts:1\n")

    def kept(self, part):
        self.parts.append(part)
        return part

    def site(self, make_site, **options):
        broker = {"stream": "off", **options.pop("broker", {})}
        # The simulator is open around the clock; at this endpoint the daemon holds that to the exchange's days.
        days = [datetime.now(NEW_YORK) + timedelta(days=n) for n in range(3)]
        schedule = {"special_days": " ".join(f"{day:%Y-%m-%d}=00:00-23:59" for day in days)}
        site = make_site(env={"ALPACA_KEY": PAPER_KEY}, broker=broker, schedule=schedule, **options)
        self.front = self.kept(Front(self.folder, site.sim.port))
        site.daemon.sections["broker"]["endpoint"] = f"https://{HOSTS[0]}"
        site.daemon.wrapper += [*ENTER, MOUNTS, "sh", self.folder / "resolv.conf", self.folder / "ca.pem"]
        site.daemon.write()
        return site

    def close(self):
        for part in reversed(self.parts):
            part.close()
        self.network.leave()
