# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The place a daemon lives in: its state_dir and the lock there, its sockets and ports, its database's name, the clock of its
host, and what SIGHUP may change. What only a person can mend ends with 78 before anything is connected to; what another
process holds ends with 69 or 75, which the service manager tries again."""
import datetime
import http.client
import http.server
import json
import os
import signal
import socket
import subprocess
import threading

import pytest

from harness import BIN, Daemon, Scratch, Sim, Site, Strategy, until
from harness.basics import SANITIZER
from harness.site import QUIET_SIM


@pytest.fixture(name="lonely")
def fixture_lonely():
    """A daemon whose Postgres and exchange are not there: for what is judged before they are asked."""
    scratch = Scratch()
    d = Daemon(scratch.path, "http://127.0.0.1:1", f"host={scratch.path} dbname=none", "", [Strategy()])
    yield d
    d.close()
    scratch.remove()


def ends(d, code, *words):
    assert d.start().exit() == code, d.text()
    for word in words:
        assert word in d.text(), d.text()
    assert not d.notify.has("READY") and "postgres:" not in d.text()
    return d.text()


def checks_wrong(d, word):
    """--check tells before the start what would end it."""
    done = subprocess.run([BIN / "paperguardd", "--config", d.config, "--check"], env={**SANITIZER, **d.env},
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 78 and word in done.stderr, done.stderr


# --- state_dir

def test_state_dir_is_missing(lonely):
    lonely.state.rmdir()
    ends(lonely, 78, "state_dir", str(lonely.state), "No such file")


def test_state_dir_is_a_file(lonely):
    lonely.sections["daemon"]["state_dir"] = lonely.config
    lonely.write()
    ends(lonely, 78, "state_dir", "not a folder")


@pytest.mark.parametrize("mode", [0o770, 0o777, 0o702, 0o1777])
def test_state_dir_that_others_may_write_to(lonely, mode):
    lonely.state.chmod(mode)
    ends(lonely, 78, "state_dir", f"{mode:04o}")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give folders away")
def test_state_dir_of_another_user(lonely):
    os.chown(lonely.state, 12345, 0)
    ends(lonely, 78, "state_dir", "12345")


def test_lock_that_is_a_link_is_not_followed(lonely):
    victim = lonely.folder / "victim"
    victim.write_text("untouched")
    (lonely.state / "lock").symlink_to(victim)
    ends(lonely, 78, str(lonely.state / "lock"))
    assert victim.read_text() == "untouched"


def test_one_state_dir_one_daemon(lonely):
    lonely.start().up()
    before = lonely.addresses()
    other = Scratch()
    second = Daemon(other.path, "http://127.0.0.1:1", "host=/nonexistent dbname=none", "", [Strategy()],
                    daemon={"state_dir": lonely.state})
    try:
        ends(second, 75, f"process id {lonely.process.pid} ", str(lonely.state / "lock"))
    finally:
        second.close()
        other.remove()
    assert lonely.process.running() and lonely.addresses() == before and lonely.http("/health/live")[0] == 200
    # However the first one ends, its place is free at once; what it left behind says nothing.
    lonely.process.kill()
    assert (lonely.state / "lock").exists() and (lonely.state / "listen").exists()
    lonely.start().up()
    assert lonely.stop() == 0 and not (lonely.state / "listen").exists()


# --- sockets and ports

def test_port_is_in_use(lonely):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        lonely.listens["main"]["address"] = f"127.0.0.1:{port}"
        lonely.write()
        assert lonely.start().exit() == 69
    assert '[listen "main"]' in lonely.text() and f"127.0.0.1:{port}" in lonely.text() and "in use" in lonely.text()
    assert not (lonely.state / "listen").exists() and not lonely.admin.exists()


def test_admin_socket_left_by_a_dead_daemon(lonely):
    lonely.start().up()
    lonely.process.kill()
    assert lonely.admin.exists()
    lonely.start().up()
    until(lambda: lonely.cli("status").returncode in (0, 1), 5, "an answer on the admin socket")
    assert lonely.stop() == 0 and not lonely.admin.exists()


def test_status_says_why_peers_do_not_answer(lonely):
    lonely.start().up()
    until(lambda: "refused: Failed to connect" in lonely.cli("status").stdout, 10, lambda: lonely.cli("status").stdout)
    assert str(lonely.state.parent) in lonely.cli("status").stdout.split("Postgres", 1)[1]


def test_admin_socket_in_use(lonely):
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(lonely.admin))
        other.listen()
        assert lonely.start().exit() == 69
    assert "admin_socket" in lonely.text() and str(lonely.admin) in lonely.text()


def test_admin_socket_is_a_file(lonely):
    lonely.admin.write_text("precious")
    assert lonely.start().exit() == 69
    assert "admin_socket" in lonely.text() and "not a socket" in lonely.text()
    assert lonely.admin.read_text() == "precious"


# --- what the config names

@pytest.mark.parametrize("url,word", [("", "no database is named"), ("gibberish", "cannot be read"), ("host=/tmp", "names no database"),
                                      ("postgresql://u@db.example/x", "is a name"), ("service=x dbname=y", "service")])
def test_database_address(lonely, url, word):
    lonely.sections["database"]["url"] = url
    lonely.write()
    ends(lonely, 78, word)
    checks_wrong(lonely, word)


def test_database_address_from_the_environment(lonely):
    lonely.env["DATABASE_URL"] = "postgresql://u:very-secret-word@db.example/x"
    assert "very-secret-word" not in ends(lonely, 78, "DATABASE_URL", "is a name")


def test_redis_address(lonely):
    lonely.sections["redis"]["url"] = "gibberish"
    lonely.write()
    ends(lonely, 78, "[redis] url", "redis://")
    checks_wrong(lonely, "[redis] url")


# --- the host's clock

class Shifted(http.server.BaseHTTPRequestHandler):
    """Passes everything on to the exchange, and tells its time with an offset."""
    protocol_version = "HTTP/1.1"
    port, seconds = 0, 0

    def do_GET(self):  # pylint: disable=invalid-name
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        link.request("GET", self.path, headers={k: v for k, v in self.headers.items() if k.startswith("APCA")})
        answer = link.getresponse()
        body = answer.read()
        link.close()
        if self.path == "/v2/clock":
            told = json.loads(body)
            when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=type(self).seconds)
            body = json.dumps({**told, "timestamp": when.isoformat()}).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


def test_clock_that_is_off_holds_runs(make_site):
    """The exchange tells another time than this host: no run, it is said why, and it ends when the clocks agree."""
    site = make_site()
    Shifted.port, Shifted.seconds = site.sim.port, -600
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shifted) as proxy:
        proxy.daemon_threads = True
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        site.daemon.sections["broker"]["endpoint"] = f"http://127.0.0.1:{proxy.server_address[1]}"
        site.daemon.write().db_init()
        site.daemon.start().up().ready()
        d = site.daemon
        until(lambda: "600 s ahead" in (d.notify.last("STATUS=") or ""), 10, "a status about the clock")
        until(lambda: d.cli("opening", "accept").returncode == 0, 20, "the opening")
        status, body = d.http("/health/ready")
        assert status == 503 and "clock" in str(body), body
        assert d.http("/health")[1]["status"] == "degraded"
        refused = d.cli("run")
        assert refused.returncode != 0 and "clock" in refused.stdout + refused.stderr
        assert site.sql("SELECT count(*) AS n FROM alerts WHERE kind = 'clock'")[0]["n"] == 1
        Shifted.seconds = 0
        d.in_step()
        d.stop()
        proxy.shutdown()


# --- SIGHUP

def reload(d):
    d.notify.forget()
    d.process.signal(signal.SIGHUP)
    until(lambda: d.notify.has("RELOADING=1") and d.notify.has("READY=1"), 10, "the reload")
    return [line for line in d.text().split("\n") if "reload" in line][-1]


def test_reload(pg):
    site = Site(pg)
    try:
        site.begin()
        d = site.daemon
        assert "nothing changed" in reload(d)
        # Tighter limits are taken over at once, looser ones never, together with what would have come with them.
        d.sections["risk"] = {"max_orders_per_run": "1"}
        d.write()
        assert "now max_orders_per_run = 1" in reload(d)
        d.sections["risk"] = {"max_orders_per_run": "2", "max_orders_per_day": "5"}
        d.write()
        line = reload(d)
        assert "refused" in line and "max_orders_per_run" in line and "restart" in line
        d.sections["risk"] = {"max_orders_per_run": "1"}
        # What waits for a restart is named.
        d.strategies[0].lines["band"] = "0.01"
        d.listens["more"] = {"address": "127.0.0.1:0", "roles": "health"}
        d.sections["broker"]["connections"] = "3"
        d.write()
        line = reload(d)
        for word in ("waits for a restart: connections", "[strategy]", "[listen]"):
            assert word in line
        # The limit of the reload holds.
        run = site.run_whole()
        assert run["status"] == "partial" and len(site.sim.posts()) == 1, run
        # It is judged as at a start: what would have stopped that stops this, and the daemon goes on as it was.
        d.config.chmod(0o644)
        line = reload(d)
        assert "refused" in line and "files FAIL" in line
        live = "AK" + "Z7Q4" * 4 + "XY"
        d.write(f"# {live}\n")
        line = reload(d)
        assert "refused" in line and "live_values FAIL" in line and live not in d.text()
        d.sections["staging"] = {"dry_run": "false"}
        d.write()
        line = reload(d)
        assert "refused" in line and "DRY_RUN" in line
        assert d.http("/health")[0] == 200
    finally:
        site.close()


# --- what the service manager is told while it runs

def test_status_line_says_what_holds_orders_back(make_site):
    site = make_site(broker={"request_timeout": "1s"}).begin()
    d = site.daemon

    def status(words, seconds=10):
        until(lambda: words in (d.notify.last("STATUS=") or ""), seconds, f"a status with {words!r}", d.process.why_dead)

    status("PAPER ORDERS ARE SENT, next run")
    # The latch's file is damaged: neither running nor halted, and whole again it is as it was.
    file = d.state / "halt.state"
    text = file.read_bytes()
    file.write_bytes(text.replace(b"running", b"halted "))
    status("damaged or edited")
    assert d.http("/health")[0] == 503 and d.cli("run").returncode != 0
    file.write_bytes(text)
    status("next run")
    # The exchange's process dies; a run is asked for meanwhile and goes on when it is there again.
    site.sim.process.kill()
    run_id = site.run()
    status("the broker does not answer")
    code, body = d.http("/health")
    assert (code, body["status"]) == (200, "degraded")
    site.sim = Sim(site.folder, *QUIET_SIM, port=site.sim.port)
    assert site.run_ended(run_id)["status"] == "completed"
    status("next run")
    d.ctl("halt", "a look")
    status("HALTED: a look")
    code, body = d.http("/health")
    assert (code, body["status"]) == (200, "halted")
