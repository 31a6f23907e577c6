# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A whole staging host in a folder: database, exchange, daemon; made in the order an operator would."""
from .basics import KEY, SECRET, Scratch, until
from .daemon import Daemon, Strategy
from .sim import Sim

QUIET_SIM = ("--no-rate-limit", "--partial-rate", "0", "--fill-delay-ms", "20", "--seed", "7")


class Site:
    def __init__(self, pg, redis=None, sim_options=QUIET_SIM, strategies=None, sim=None, sim_env=None, wrapper=(), **daemon):
        self.scratch = Scratch()
        self.folder = self.scratch.path
        self.pg = pg
        self.dsn = pg.database()
        self.sim = sim or Sim(self.folder, *sim_options, env=sim_env, wrapper=wrapper)
        try:
            self.daemon = Daemon(self.folder, self.sim.url, self.dsn, redis.url if redis else "",
                                 [Strategy()] if strategies is None else strategies, wrapper=wrapper, **daemon)
        except BaseException:
            self.sim.stop()
            raise

    def sql(self, statement, *args):
        return self.pg.do(statement, self.dsn, *args)

    def begin(self):
        """From nothing to a daemon that may start runs."""
        own = self.daemon.sections["daemon"]
        alike = (own.get("host"), own.get("instance"), self.daemon.env.get("ENVIRONMENT"))
        if "LD_PRELOAD" in self.daemon.env:  # a clock of its own
            self.daemon.db_init()
        else:
            self.pg.set_up(self.dsn, alike, self.daemon.db_init)
        self.daemon.start().up().ready()
        self.accept()
        return self

    def accept(self):
        until(lambda: self.daemon.cli("opening", "accept").returncode == 0, 20, "the opening")
        self.daemon.in_step()

    def runs(self):
        return self.sql("SELECT * FROM runs ORDER BY started_at")

    def run(self, *strategies):
        """Starts a manual run; its id."""
        return self.daemon.ctl_json("run", *strategies)["run_id"]

    def run_whole(self, *strategies, seconds=30):
        """A manual run and its row once it is over and the next may start."""
        row = self.run_ended(self.run(*strategies), seconds)
        until(lambda: self.daemon.get("/health/scheduler")["status"] != "busy", seconds, "free for the next run")
        return row

    def run_ended(self, run_id=None, seconds=30):
        """The newest run (or this one), once it is over."""
        def ended():
            rows = self.sql("SELECT * FROM runs WHERE completed_at IS NOT NULL AND (%s IS NULL OR run_id = %s) "
                            "ORDER BY started_at DESC LIMIT 1", run_id, run_id)
            return rows[0] if rows else None
        return until(ended, seconds, "the end of the run", self.daemon.process.why_dead)

    def secrets_in(self, text):
        return [s for s in (SECRET, KEY) if s in text]

    def close(self):
        try:
            self.daemon.close()
        finally:
            try:
                self.sim.stop()
            finally:
                leaks = {p.name: self.secrets_in(p.read_text(errors="replace")) for p in self.folder.glob("*.log")}
                leaks["sim.requests"] = self.secrets_in(self.sim.requests_file.read_text()) \
                    if self.sim.requests_file.exists() else []
                self.scratch.remove()
                assert not any(leaks.values()), f"a secret was printed: {leaks}"
