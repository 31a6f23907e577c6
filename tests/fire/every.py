# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A kill at every system call of the order path, none drawn: from the slot of a run of one order until that run is settled.

A call is known by its name (of the thread that has the disk: disk:NAME) and how many of that name the run made before it. The
tracer counts from when it was attached, and how many calls the daemon makes between that and the slot differs from time to time:
where a kill met another call than it was aimed at, it is fired again, aimed by what it met."""
import collections

from shots import Shot

TIMES = 4  # that a call is aimed at


class Every:
    def __init__(self, path):
        """path: {call: (how often before the slot, how often when it is settled)}"""
        self.path = {call: (before, whole - before) for call, (before, whole) in path.items() if whole > before}
        self.met = collections.Counter()
        self.off = collections.defaultdict(int)  # by how many calls before the slot the guess was wrong, by call

    def calls(self):
        return [(call, n) for call, (_, count) in sorted(self.path.items()) for n in range(1, count + 1)]

    def missing(self):
        return [key for key in self.calls() if key not in self.met]

    def shots(self):
        """For what was not met yet."""
        return [Shot("every", call, str(max(1, self.path[call][0] + self.off[call] + n)), "one-order") for call, n in self.missing()]

    def learn(self, outcomes):
        """Of each that struck: which call it met, and how wrong the guess was for its kind."""
        wrong = collections.defaultdict(list)
        for shot, result in outcomes:
            place = getattr(result, "place", None)
            if place is None:
                continue
            if place > 0:
                self.met[(shot.what, place)] += 1
            wrong[shot.what].append(int(shot.when) - place - self.path[shot.what][0])
        for call, found in wrong.items():
            self.off[call] = sorted(found)[len(found) // 2]

    def told(self):
        """Lines for people."""
        calls = self.calls()
        met = len(calls) - len(self.missing())
        lines = [f"{'CALL':<24}{'IN THE PATH':>12}{'MET':>6}"]
        for call, (_, count) in sorted(self.path.items()):
            lines.append(f"{call:<24}{count:>12}{sum((call, n) in self.met for n in range(1, count + 1)):>6}")
        beyond = sum(key not in calls for key in self.met)
        lines.append(f"{'all':<24}{len(calls):>12}{met:>6}, and {beyond} further ones that the recorded run did not make")
        return lines
