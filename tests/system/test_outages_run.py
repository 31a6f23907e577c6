# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A run with orders at the exchange while what the daemon stands on goes away, one part or all of them at once: /health answers
from memory, all comes back by itself, and the exchange's own list has each intent once, the ledger each fill once."""
import sys
import time
from pathlib import Path

import pytest

from harness import KEY, SECRET, Strategy, until, walls
from harness.basics import SLOW
from harness.site import QUIET_SIM

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))
import compare  # noqa: E402

LATE_FILLS = (*QUIET_SIM[:1], "--partial-rate", "0.5", "--fill-delay-ms", "1500", "--seed", "7")
PARTS = ("postgres", "redis", "broker", "disk", "journal")


class Broken:
    """A site whose parts can be taken away and given back."""

    def __init__(self, make_site, pg, redis):
        self.pg, self.redis = pg, redis
        self.site = make_site(redis=redis, sim_options=LATE_FILLS, broker={"request_timeout": "2s", "compare_interval": "500ms"},
                              strategies=[Strategy(weights={"SPY": "0.3", "TLT": "0.2"})])
        walls.small_disk(self.site.daemon)
        self.journal = walls.Journal(self.site.daemon, self.site.folder / "journal")
        self.taken = None
        self.read = True

    def until(self, condition, seconds, what):
        """While somebody reads the journal, unless it is stuck."""
        return until(lambda: (self.read and self.journal.read(), condition())[1], seconds, what, self.site.daemon.process.why_dead)

    def begin(self):
        daemon = self.site.daemon
        daemon.db_init()
        daemon.start().up()
        self.until(lambda: daemon.notify.has("READY=1"), 30, "READY=1")
        self.until(lambda: daemon.cli("opening", "accept").returncode == 0, 20, "the opening")
        self.well()

    def health(self):
        return self.site.daemon.http("/health")

    def well(self):
        def healthy():
            code, body = self.health()
            return code == 200 and body["status"] == "healthy" and {p["state"] for p in body["parts"].values()} == {"ok"}
        self.until(healthy, 40, lambda: f"healthy: {self.health()}")

    def take(self, parts):
        if "postgres" in parts:
            self.pg.freeze()
        if "redis" in parts:
            self.redis.freeze()
        if "broker" in parts:
            self.site.sim.freeze()
        if "disk" in parts:
            self.taken = walls.fill(self.site.daemon)
        self.read = "journal" not in parts

    def give_back(self):
        self.read = True
        self.pg.thaw()
        self.redis.thaw()
        self.site.sim.thaw()
        if self.taken:
            self.taken.unlink()
            self.taken = None

    def named(self, parts):
        def all_named():
            states = {n: p["state"] for n, p in self.health()[1]["parts"].items()}
            return all((states[n] in ("down", "not answering")) == (n in parts) for n in PARTS)
        # A broker that nothing is asked while Postgres is away is missed by the stream: a ping, and no answer to it.
        self.until(all_named, 30, lambda: f"{parts}: {self.health()}")


@pytest.fixture
def broken(make_site, pg, redis):
    b = Broken(make_site, pg, redis)
    try:
        yield b
    finally:
        b.give_back()
        b.journal.close()


@pytest.mark.parametrize("parts", [("postgres",), PARTS], ids=["postgres", "everything"])
def test_a_run_with_orders_out(broken, parts):
    site = broken.site
    broken.begin()
    run_id = site.run()
    broken.until(lambda: len(site.sim.posts()) == 2, 10, "the orders")
    broken.take(parts)
    broken.named(parts)
    slowest = 0
    for _ in range(30):
        begun = time.monotonic()
        code, body = broken.health()
        slowest = max(slowest, time.monotonic() - begun)
        assert code == (503 if "postgres" in parts else 200) and body["status"] != "healthy", body
    assert slowest < 0.1 * SLOW, f"/health took {slowest * 1000:.0f} ms"
    assert site.daemon.cli("run").returncode != 0
    broken.give_back()
    broken.well()
    row = broken.until(lambda: [r for r in site.runs() if r["run_id"] == run_id and r["completed_at"]], 40, "the end of the run")[0]
    assert row["status"] == "completed", row
    broken.until(lambda: site.sql("SELECT settled FROM runs WHERE run_id = %s", run_id)[0]["settled"], 20, "settled")
    # By the exchange's own list: each intent one order; and each of its fills once in the ledger.
    posted = [p["body"].split('"client_order_id":"')[1].split('"')[0] for p in site.sim.posts()]
    at_exchange = sorted(o["client_order_id"] for o in site.sim.orders())
    assert at_exchange == sorted(set(posted)) == sorted(r["client_order_id"] for r in site.sql("SELECT client_order_id FROM intents"))
    assert len(posted) == len(set(posted)), "sent twice"
    assert sorted(f["id"] for f in site.sim.fills()) == sorted(r["activity_id"] for r in site.sql("SELECT activity_id FROM fills"))
    # The next run works, and has nothing to do: nothing was doubled.
    broken.until(lambda: site.daemon.http("/health/ready")[0] == 200, 20, "ready")
    again = site.run()
    broken.until(lambda: [r for r in site.runs() if r["run_id"] == again and r["completed_at"]], 40, "the next run")
    differences, _ = compare.check(compare.Exchange(site.sim.url, KEY, SECRET), compare.Ledger(site.dsn))
    assert not differences, differences
