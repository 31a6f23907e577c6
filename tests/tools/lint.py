#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Looks through Python files: what does not parse, imports that nobody uses, bare `except:`, long or ragged lines."""
import ast
import sys
from pathlib import Path

LINE_MAX = 150


def used_names(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id


def findings(name, text):
    tree = ast.parse(text, name)
    lines = text.split("\n")
    used = set(used_names(tree))
    passes_on = name.endswith(("__init__.py", "conftest.py"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and not passes_on and "noqa" not in lines[node.lineno - 1]:
            for a in node.names:
                known = (a.asname or a.name).split(".")[0]
                if known not in used:
                    yield node.lineno, f"{known} is imported and not used"
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield node.lineno, "`except:` catches everything, KeyboardInterrupt too"
    for n, line in enumerate(lines, 1):
        if len(line) > LINE_MAX or line != line.rstrip() or "\t" in line:
            yield n, f"longer than {LINE_MAX}, blanks at the end, or a tab"


def main():
    bad = [f"{name}:{line}: {what}" for name in sys.argv[1:] for line, what in findings(name, Path(name).read_text())]
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
