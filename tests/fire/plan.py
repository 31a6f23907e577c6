# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Which shots are fired: drawn by a seed out of the recorded path of a run, so that every kind of call is met."""
import random

from shots import Shot

# How many of each kind one round has, and the short cut of it.
ROUND = {"kill": 110, "kill-twice": 16, "late": 12, "moment": 30, "error": 44, "malloc": 24}
SHORT = {"kill": 6, "kill-twice": 1, "late": 1, "moment": 1, "error": 2, "malloc": 2}
# Calls that only ask, or only shut in the strategy: few of them are met.
DULL = ("landlock_create_ruleset", "landlock_add_rule", "newfstatat", "readlink", "seccomp", "getsockname", "getpeername")
MOMENTS = ("daemon", "exchange", "Postgres", "Redis", "all", "away")
WITHOUT_SERVERS = ("daemon", "exchange", "away")
RESTART = ("sendto", "recvfrom", "epoll_wait", "poll", "write", "openat", "epoll_ctl", "timerfd_settime", "connect", "close")
INTERRUPTED = ("epoll_wait", "poll", "read", "write", "recvfrom", "sendto", "connect", "openat", "waitid", "accept4", "pipe2")
ERRORS = (*(f"{call}=EINTR" for call in INTERRUPTED), "write=ENOSPC", "openat=ENOSPC", "mkdir=ENOSPC", "openat=EMFILE", "socket=EMFILE",
          "pipe2=EMFILE", "memfd_create=EMFILE", "accept4=EMFILE", "epoll_ctl=ENOMEM", "clone=EAGAIN", "pidfd_open=EMFILE",
          "mmap=ENOMEM", "brk=ENOMEM", "sendto=ECONNRESET", "sendto=EPIPE", "recvfrom=ECONNRESET", "connect=ECONNREFUSED",
          "sendto=ENOBUFS", "timerfd_settime=EINVAL", "epoll_wait=EBADF")


def kills(path, dice, count, kind="kill"):
    """Half by name, one of each in turn; half as often as each is called."""
    points = {call: [n + 1 for n in range(before, whole)] for call, (before, whole) in path.items() if whole > before}
    for ns in points.values():
        dice.shuffle(ns)
    weighed = [(call, n) for call, ns in sorted(points.items()) for n in ns if call not in DULL]
    dice.shuffle(weighed)
    chosen = weighed[:count - count // 2]
    taken = set(chosen)
    rest = {call: [n for n in ns if (call, n) not in taken] for call, ns in sorted(points.items())}
    while len(chosen) < count and any(rest.values()):
        for call, ns in rest.items():
            if ns and len(chosen) < count:
                chosen.append((call, ns.pop()))
    return [Shot(kind, call, str(n)) for call, n in chosen]


def twice(dice, count):
    return [Shot("kill-twice", RESTART[n % len(RESTART)], f"{dice.uniform(0.0, 0.3):.3f}+{dice.randint(1, 60)}") for n in range(count)]


def moments(dice, count):
    shots = []
    for n in range(count):
        what = MOMENTS[n % len(MOMENTS)]
        shots.append(Shot("moment", what, f"{dice.uniform(0.0, 0.8):.3f}", "plain" if what in WITHOUT_SERVERS else "servers"))
    return shots


def errors(path, dice, count):
    shots = []
    for error in dice.sample(ERRORS, len(ERRORS)) * (count // len(ERRORS) + 1):
        before, whole = path.get(error.partition("=")[0], (0, 1))
        at = dice.randint(before + 1, max(before + 1, whole))
        shots.append(Shot("error", error, dice.choice((f"{at}", f"{at}..{at + 5}", f"{at}+"))))
    return shots[:count]


def allocations(counted, dice, count):
    """At even steps over all of a run's."""
    step = max(1, counted // count)
    return [Shot("malloc", "malloc", f"{min(counted, n * step + dice.randint(1, step))}{dice.choice(('', '', '+'))}", "malloc")
            for n in range(count)]


def drawn(path, counted, seed, counts):
    dice = random.Random(seed)
    shots = kills(path, dice, counts["kill"]) + twice(dice, counts["kill-twice"])
    shots += kills(path, dice, counts["late"], "late") + moments(dice, counts["moment"])
    shots += errors(path, dice, counts["error"]) + allocations(counted, dice, counts["malloc"])
    dice.shuffle(shots)
    return shots
