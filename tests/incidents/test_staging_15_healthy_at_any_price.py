# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""/health answers 200 while nothing works, and the smoke test takes a 404 for an answer.

Source: staging-guides#15, 200 while unhealthy and a smoke test that accepts 404.
Protected by: the code of /health is made of guard and Postgres (api_state.c); scripts/api_smoke_check.py wants members, fresh and
complete."""
import http.server
import subprocess
import sys
import threading

from harness import ROOT, until


def smoke(url):
    return subprocess.run([sys.executable, "-B", ROOT / "scripts/api_smoke_check.py", url], capture_output=True, text=True, check=False)


def test_what_is_not_well_is_no_200(make_site, pg):
    site = make_site().begin()
    url = f"http://{site.daemon.addresses()['main']}"
    site.daemon.get("/api/v1/prices")
    until(lambda: smoke(url).returncode == 0, 20, lambda: f"a good one: {smoke(url)}")
    pg.halt()
    try:
        until(lambda: site.daemon.http("/health")[0] == 503, 20, "503")
        body = site.daemon.http("/health")[1]
        assert (body["status"], body["database_connected"]) == ("unhealthy", False) and "postgres" in body["why"].lower()
        assert site.daemon.http("/health/ready")[0] == 503 and site.daemon.http("/health/live")[0] == 200
        said = smoke(url)
        assert said.returncode == 1 and "/health" in said.stderr and "successfully" not in said.stdout
        assert site.daemon.cli("status").returncode == 1 and site.daemon.cli("status", "--nagios").returncode == 2
    finally:
        pg.start()


class Nothing(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(404)

    def log_message(self, *_):
        pass


def test_a_404_is_no_answer(network):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nothing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        said = smoke(f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
    assert said.returncode == 1 and said.stderr.count(": HTTP 404: ") == 5 and "successfully" not in said.stdout
