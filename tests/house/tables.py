# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""One table, many readers: options, metrics, statements and operations agree with what is made from them."""
import difflib
import re

import source

# What `paperguard` prints of its tables, and where it is kept.
CTL_FILES = {"--manual": "man/paperguard.1", "--completion": "conf/paperguard.bash"}
BEGIN, END = '.\\" begin of options\n', '.\\" end of options\n'


def entries(text, macro):
    """Rows MACRO(a, b, ...) of a .def file: the words of each row up to its first string."""
    return [[w.strip() for w in row.split(",")] for row in re.findall(rf"^{macro}\(([^\"]*)", text, re.M)]


def difference(title, found, expected):
    lines = list(difflib.unified_diff(found.splitlines(), expected.splitlines(), "found", "expected", lineterm="", n=0))
    return [f"{title}: run `make docs`:"] + lines[2:] if lines else []


def manual_section(page):
    _, begin, rest = page.partition(BEGIN)
    section, end, _ = rest.partition(END)
    return section if begin and end else None


def manual_replaced(page, section):
    return page.partition(BEGIN)[0] + BEGIN + section + END + page.partition(END)[2]


def daemon_code(tree):
    return "\n".join(source.c_code(tree.text(f)) for f in tree.select(["daemon/*.c"]))


def check_options(tree):
    """Every option is in the sample and in the manual once, and something besides the config reads it."""
    sample, page = tree.text("conf/paperguard.conf"), tree.text("man/paperguard.conf.5")
    code = "\n".join(source.c_code(tree.text(f)) for f in
                     tree.select(["daemon/*.c", "daemon/ctl/*.c", "except", "daemon/config_[ov]*.c"]))
    sections = {m.group(1): m.group(2) for m in re.finditer(r"^\[(\w+)\]\n(.*?)(?=^#?\[|\Z)", sample, re.M | re.S)}
    chapters = {m.group(1): m.group(2) for m in re.finditer(r"^\.Ss \[(\w+)\]\n(.*?)(?=^\.Ss|\Z)", page, re.M | re.S)}
    for section, key, _, member, *_ in entries(tree.text("daemon/options.def"), "OPTION"):
        if len(re.findall(rf"^#?{key} =", sections.get(section, ""), re.M)) != 1:
            yield f"{section}.{key} is not in conf/paperguard.conf"
        if len(re.findall(rf"^\.It Cm {key} ", chapters.get(section, ""), re.M)) != 1:
            yield f"{section}.{key} is not in man/paperguard.conf.5"
        if not re.search(rf"(->|\.){member}\b", code):
            yield f"{section}.{key}: nobody reads it"


def check_metrics(tree):
    code = daemon_code(tree)
    for symbol, *_ in entries(tree.text("daemon/metrics.def"), "METRIC"):
        if not re.search(rf"\bMETRIC_{symbol}\b", code):
            yield f"METRIC_{symbol} is shown but never set"


def check_statements(tree):
    code = daemon_code(tree)
    for name in tree.select(["daemon/sql/*.sql"]):
        symbol = "SQL_" + name.rpartition("/")[2].removesuffix(".sql").upper().replace("-", "_")
        if not re.search(rf"\b{symbol}\b", code):
            yield f"{name} is never run"


CHECKS = [check_options, check_metrics, check_statements]
