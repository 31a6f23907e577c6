# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""paperguard-sim on a free loopback port, and its own HTTP API as an independent way to look at the exchange."""
import http.client
import json
import signal
import socket

from .basics import BIN, KEY, ROOT, SECRET, Process, assert_clean, until


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Sim:
    def __init__(self, folder, *options, port=0, env=None, wrapper=()):
        self.port_file = folder / "sim.port"
        self.requests_file = folder / "sim.requests"
        self.port_file.unlink(missing_ok=True)
        # The pair comes by environment: nothing secret in a command line.
        environment = {"PATH": "/usr/bin:/bin", "PAPERGUARD_SIM_KEY": KEY, "PAPERGUARD_SIM_SECRET": SECRET, **(env or {})}
        self.process = Process([*wrapper, BIN / "paperguard-sim", "--listen", f"127.0.0.1:{port}", "--port-file",
                                self.port_file, "--data", ROOT / "conf/sample-data", "--log-requests", self.requests_file,
                                *options], environment, folder / "sim.log")
        try:
            until(self.port_file.exists, 20, "the simulator's port", self.process.why_dead)
            self.port = int(self.port_file.read_text())
        except BaseException:
            self.process.kill()  # nobody else knows of it
            raise

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def raw(self, method, path, body=None, timeout=10):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            link.request(method, path, json.dumps(body) if body is not None else None,
                         {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET})
            answer = link.getresponse()
            return answer.status, answer.read()
        finally:
            link.close()

    def call(self, method, path, body=None):
        status, text = self.raw(method, path, body)
        assert status < 300, f"{method} {path}: {status} {text[:300]!r}"
        return json.loads(text) if text else None

    def get(self, path):
        return self.call("GET", path)

    def orders(self):
        return self.get("/v2/orders?status=all&limit=500&direction=asc")

    def fills(self):
        return self.get("/v2/account/activities/FILL?direction=asc&page_size=100")

    def fault(self, match, action, **more):
        return self.call("POST", "/sim/fault", {"match": match, "action": action, **more})

    def clear_faults(self):
        return self.call("POST", "/sim/fault", {"clear": True})

    def requests(self):
        """What came in, as the simulator logged it."""
        if not self.requests_file.exists():
            return []
        lines = self.requests_file.read_text().split("\n")[:-1]
        return [json.loads(line) for line in lines]

    def posts(self):
        return [r for r in self.requests() if r["method"] == "POST" and r["target"] == "/v2/orders"]

    def freeze(self):
        self.process.signal(signal.SIGSTOP)

    def thaw(self):
        self.process.signal(signal.SIGCONT)

    def stop(self):
        status = self.process.stop()
        assert_clean(self.process.text())
        return status
