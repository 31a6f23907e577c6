# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Rules over object files: who defines, who refers to, what is pure, what is writable. Read with nm, so what the compiler
made is judged and not what a scan of the text takes it for."""
import re
import subprocess
from pathlib import Path

from source import matches

class Objects:
    """The objects of the tree's own sources under a build folder: name -> [(symbol, nm's class, section)]."""

    def __init__(self, folder, root=None):
        """With root, only objects whose source is still there: a build folder may hold older ones."""
        self.folder = Path(folder)
        names = sorted(p.relative_to(self.folder).as_posix() for top in ("lib", "daemon")
                       for p in (self.folder / top).rglob("*.o"))
        if root is not None:
            names = [n for n in names if (Path(root) / n).with_suffix(".c").exists()]
        self.symbols = {n: [] for n in names}
        out = subprocess.run(["nm", "-f", "sysv", *names], cwd=self.folder, capture_output=True, text=True, check=True)
        rows = self.symbols[names[0]] if len(names) == 1 else []
        for line in out.stdout.splitlines():
            columns = [c.strip() for c in line.split("|")]
            if m := re.fullmatch(r"(?:Undefined s|S)ymbols from (.*):", line):
                rows = self.symbols[m.group(1)]
            elif len(columns) == 7 and columns[0] != "Name":
                rows.append((columns[0], columns[2], columns[6]))

    def missing(self, root):
        """Sources of lib/ and daemon/ that have no object."""
        sources = [p.relative_to(root) for top in ("lib", "daemon") for p in (Path(root) / top).rglob("*.c")]
        return [str(s) for s in sorted(sources) if s.with_suffix(".o").as_posix() not in self.symbols]


def references(rows):
    return {name for name, kind, _ in rows if kind == "U"}


def check_references(objects, rules):
    for expression, *allowed in rules.words("references"):
        for name, rows in objects.symbols.items():
            if matches(name, allowed) or name.startswith("lib/guard/") and expression.startswith("guard_"):
                continue
            for symbol in sorted(references(rows)):
                if re.fullmatch(expression, symbol):
                    yield f"{name} refers to {symbol}: only {' '.join(allowed)} may"


def check_definitions(objects, rules):
    for expression, *allowed in rules.words("defines"):
        for name, rows in objects.symbols.items():
            if matches(name, allowed):
                continue
            for symbol, kind, _ in rows:
                if kind == "T" and re.fullmatch(expression, symbol):
                    yield f"{name} defines {symbol}: only {' '.join(allowed)} may"


def check_pure(objects, rules):
    impure = "|".join(rules.all("impure"))
    for globs in rules.words("pure"):
        for name, rows in objects.symbols.items():
            if matches(name, globs):
                for symbol in sorted(references(rows)):
                    if re.fullmatch(impure, symbol.removeprefix("__").removesuffix("_chk")):
                        yield f"{name} refers to {symbol}, but is to be pure"


def check_state(objects, rules):
    allowed = {(w[0], s) for w in rules.words("state") for s in w[1:]}
    for name, rows in objects.symbols.items():
        for symbol, _, section in rows:
            writable = re.match(r"\.(data|bss|tdata|tbss)(?!\.rel\.ro)", section) or section == "*COM*"
            if writable and (name, symbol.split(".")[0]) not in allowed:
                yield f"{name} has writable static data: {symbol}"


def check_used(objects, rules):
    """A rule about a name that nothing has any more holds nobody to anything."""
    defined = {s for rows in objects.symbols.values() for s, kind, _ in rows if kind in "TU"}
    for expression, *_ in rules.words("references") + rules.words("defines"):
        if not any(re.fullmatch(expression, s) for s in defined):
            yield f"rules.txt: no object knows {expression} any more"


CHECKS = [check_references, check_definitions, check_pure, check_state]
