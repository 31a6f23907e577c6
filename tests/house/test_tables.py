# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The config table, its sample and its manual page agree; so do metrics and statements with the code that uses them."""
import os
import subprocess
from pathlib import Path

import pytest

import source
import tables

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PAPERGUARD_BUILD", ROOT / "build"))


def made(option, program="paperguardd"):
    return subprocess.run([BUILD / "bin" / program, option], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module", name="tree")
def fixture_tree():
    return source.Tree(ROOT)


@pytest.mark.parametrize("check", tables.CHECKS, ids=lambda c: c.__name__.removeprefix("check_"))
def test_tables(check, tree):
    assert not list(check(tree))


def test_the_sample_is_what_the_daemon_prints(tree):
    assert not tables.difference("conf/paperguard.conf", tree.text("conf/paperguard.conf"), made("--sample"))


def test_the_manual_holds_what_the_daemon_prints(tree):
    section = tables.manual_section(tree.text("man/paperguard.conf.5"))
    assert section, "man/paperguard.conf.5 has lost its marks"
    assert not tables.difference("man/paperguard.conf.5", section, made("--manual"))


@pytest.mark.parametrize("option,name", tables.CTL_FILES.items())
def test_manual_and_completion_of_the_command_line_are_what_it_prints(tree, option, name):
    assert not tables.difference(name, tree.text(name), made(option, "paperguard"))


# --- each check catches what it is for

OPTION = 'OPTION(daemon, state_dir, PATH, state_dir, "", "", "", "/x", false, "Folder (and more), with commas.")\n'
FILES = {
    "daemon/options.def": "// head\n" + OPTION,
    "daemon/metrics.def": '// METRIC(symbol, name)\nMETRIC(RUNS, "runs_total", COUNTER, "", "Runs.")\n',
    "daemon/sql/run_claim.sql": "SELECT 1\n",
    "daemon/run.c": "int f(void)\n{\n    g(c->state_dir, METRIC_RUNS, &SQL_RUN_CLAIM);\n}\n",
    "conf/paperguard.conf": "# head\n\n[daemon]\n# Folder.\n#state_dir = /x\n\n[other]\n#key = 1\n",
    "man/paperguard.conf.5": f"head\n{tables.BEGIN}.Ss [daemon]\n.It Cm state_dir No = Ar path\n{tables.END}tail\n",
}
CASES = {
    "an option missing in the sample": ("conf/paperguard.conf", "[daemon]\n[other]\n#state_dir = /x\n"),
    "an option twice in the sample": ("conf/paperguard.conf", "[daemon]\n#state_dir = /x\n#state_dir = /x\n"),
    "an option missing in the manual": ("man/paperguard.conf.5", ".Ss [other]\n.It Cm state_dir No =\n"),
    "an option nobody reads": ("daemon/run.c", "// c->state_dir\nvoid *x[] = {METRIC_RUNS, SQL_RUN_CLAIM};\n"),
    "a metric nobody sets": ("daemon/run.c", "// METRIC_RUNS\nvoid *x[] = {c->state_dir, METRIC_RUNS_2, SQL_RUN_CLAIM};\n"),
    "a statement nobody runs": ("daemon/run.c", 'void *x[] = {c->state_dir, METRIC_RUNS, "SQL_RUN_CLAIM"};\n'),
}


def plant(folder, files):
    for name, text in {**FILES, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [f for check in tables.CHECKS for f in check(source.Tree(folder))]


def test_a_good_tree_has_no_findings(tmp_path):
    assert plant(tmp_path, {}) == []


@pytest.mark.parametrize("case", CASES)
def test_planted(case, tmp_path):
    name, text = CASES[case]
    assert len(plant(tmp_path, {name: text})) == 1


def test_differences_are_shown():
    assert tables.difference("x", "a\nb\n", "a\nb\n") == []
    assert tables.difference("x", "a\nb\n", "a\nc\n")[1:] == ["@@ -2 +2 @@", "-b", "+c"]
    page = FILES["man/paperguard.conf.5"]
    assert tables.manual_section(page).startswith(".Ss [daemon]")
    assert tables.manual_section(page.replace(tables.END, "")) is None
    assert tables.manual_section(tables.manual_replaced(page, "new\n")) == "new\n"
