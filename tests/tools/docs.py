#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Writes what is made from tables: conf/paperguard.conf and the options of man/paperguard.conf.5 from those of the daemon's
options; man/paperguard.1 and conf/paperguard.bash from the command line's verbs, options and reason codes.

  docs.py PAPERGUARDD PAPERGUARD
"""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/house"))
import tables  # noqa: E402 (found by the line above)


def main():
    def made(option, program=sys.argv[1]):
        return subprocess.run([program, option], capture_output=True, text=True, check=True).stdout

    (ROOT / "conf/paperguard.conf").write_text(made("--sample"))
    page = ROOT / "man/paperguard.conf.5"
    page.write_text(tables.manual_replaced(page.read_text(), made("--manual")))
    for option, name in tables.CTL_FILES.items():
        (ROOT / name).write_text(made(option, sys.argv[2]))


if __name__ == "__main__":
    main()
