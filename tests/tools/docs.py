#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Writes what is made from the table of options: conf/paperguard.conf and the options of man/paperguard.conf.5.

  docs.py PAPERGUARDD
"""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/house"))
import tables  # noqa: E402 (found by the line above)


def main():
    def made(option):
        return subprocess.run([sys.argv[1], option], capture_output=True, text=True, check=True).stdout

    (ROOT / "conf/paperguard.conf").write_text(made("--sample"))
    page = ROOT / "man/paperguard.conf.5"
    page.write_text(tables.manual_replaced(page.read_text(), made("--manual")))


if __name__ == "__main__":
    main()
