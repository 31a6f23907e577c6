# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Real parts for system tests and the demo: private Postgres and Redis, paperguard-sim, paperguardd, paperguard.

Everything lives in one temporary folder with a short path, listens on loopback or Unix sockets only, and is stopped by
the object that started it. Waiting is always waiting for a condition with a deadline (until).
"""
from .basics import BIN, ROOT, STRATEGIES, KEY, SECRET, TOKEN, Scratch, until
from .daemon import Daemon, Strategy
from .servers import Notify, Postgres, Redis
from .sim import Sim
from .site import Site
from . import walls

__all__ = ["BIN", "ROOT", "STRATEGIES", "KEY", "SECRET", "TOKEN", "Scratch", "until", "Daemon", "Strategy", "Notify", "Postgres", "Redis",
           "Sim", "Site", "walls"]
