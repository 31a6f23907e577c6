# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""tests/run itself: what fails, dies, hangs, plans more than it runs, or runs nothing is never taken for success."""
import importlib.machinery
import importlib.util
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[1] / "run"


@pytest.fixture(name="runner")
def fixture_runner():
    loader = importlib.machinery.SourceFileLoader("paperguard_run", str(PATH))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    loader.exec_module(module)
    sys.dont_write_bytecode = before
    return module


def script(folder, text, name="test_x"):
    path = folder / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


TWO = "1..2\\nok 1 - a\\nok 2 - b\\n"


@pytest.mark.parametrize("text, passed, failed", [
    (f"printf '{TWO}# ok - x\\n'", 2, 0),
    (f"printf '{TWO}1..1\\nok 1 - c\\n'", 3, 0),
    ("printf '1..2\\nok 1 - a\\nnot ok 2 - b\\n'; exit 1", 1, 1),
    ("printf '1..2\\nok 1 - a\\nok 2 # SKIP b\\n'", 1, 0),
    ("printf '1..2\\nok 1 - a\\n'", 1, 1),                        # ended early, and said all is well
    (f"printf '{TWO}'; exit 3", 2, 1),                            # a sanitizer's finding at the end
    ("printf '1..2\\nok 1 - a\\n'; kill -SEGV $$", 1, 1),
    ("printf '1..2\\nnot ok 1 - a\\n'; kill -SEGV $$", 0, 2),
    ("exit 0", 0, 1),
    ("printf '1..0\\n'", 0, 1),
    ("exit 1", 0, 1),
])
def test_a_unit_program(runner, tmp_path, text, passed, failed):
    result = runner.unit_program(script(tmp_path, text), {})
    assert (result.passed, result.failed) == (passed, failed), result.whys


def test_a_program_that_hangs_is_ended_with_its_children(runner, tmp_path):
    note = tmp_path / "pid"
    path = script(tmp_path, f"sleep 1000 & echo $! > {note}; wait")
    status, _ = runner.run_program([path], timeout_s=0.5)
    assert status is None
    assert not Path(f"/proc/{note.read_text().strip()}/cmdline").exists() or \
        "Z" in Path(f"/proc/{note.read_text().strip()}/stat").read_text().split()[2]


@pytest.mark.parametrize("text, passed, failed, skipped", [
    ("def test_a(): pass\ndef test_b(): pass\n", 2, 0, 0),
    ("def test_a(): pass\ndef test_b(): assert False\n", 1, 1, 0),
    ("import pytest\ndef test_a(): pytest.skip('x')\ndef test_b(): pass\n", 1, 0, 1),
    ("import pytest\n@pytest.fixture\ndef x():\n    yield\n    assert False\ndef test_a(x): pass\n", 0, 1, 0),
    ("import nothing_of_that_name\n", 0, 1, 0),
    ("def nothing(): pass\n", 0, 1, 0),
    ("import os\ndef test_a(): os._exit(0)\n", 0, 1, 0),
    ("syntax error\n", 0, 1, 0),
])
def test_a_pytest_file(runner, tmp_path, text, passed, failed, skipped):
    path = tmp_path / "test_x.py"
    path.write_text(text)
    result = runner.pytest_file(path, {})
    assert (result.failed, result.skipped) == (failed, skipped), result.output
    assert result.passed >= passed if failed else result.passed == passed


def suite(runner, monkeypatch, paths, absent=()):
    monkeypatch.setitem(runner.SUITES, "unit", (lambda: (list(paths), list(absent), runner.unit_program), {}))
    monkeypatch.setattr(sys, "argv", ["run", "unit"])


def last_line(capsys):
    return capsys.readouterr().out.splitlines()[-1]


def test_the_closing_line(runner, tmp_path, monkeypatch, capsys):
    good, bad = script(tmp_path, f"printf '{TWO}'", "a"), script(tmp_path, "printf '1..1\\nnot ok 1 - c\\n'; exit 1", "b")
    suite(runner, monkeypatch, [good])
    assert runner.main() == 0
    assert last_line(capsys) == "2 passed, 0 failed"
    suite(runner, monkeypatch, [good, bad])
    assert runner.main() == 1
    assert last_line(capsys) == "2 passed, 1 failed"
    suite(runner, monkeypatch, [good], ["test_that_was_not_built"])
    assert runner.main() == 1
    assert last_line(capsys) == "2 passed, 1 failed"


def test_a_suite_that_runs_nothing_fails(runner, monkeypatch, capsys):
    suite(runner, monkeypatch, [])
    assert runner.main() == 1
    assert last_line(capsys) == "0 passed, 1 failed"


def test_a_runner_that_breaks_fails(runner, tmp_path, monkeypatch, capsys):
    suite(runner, monkeypatch, [tmp_path / "nowhere"])
    assert runner.main() == 1
    assert last_line(capsys) == "0 passed, 1 failed"


def test_live_looking_environment_does_not_reach_tests(runner, tmp_path, monkeypatch):
    monkeypatch.setenv("APCA_API_KEY_ID", "x")
    monkeypatch.setenv("ALPACA_PAPER", "false")
    suite(runner, monkeypatch, [script(tmp_path, f"env | grep -q ALPACA_ || env | grep -q APCA_ || printf '{TWO}'")])
    assert runner.main() == 0


def test_findings_of_the_corpus_are_counted_by_file(runner, tmp_path, monkeypatch):
    corpus = tmp_path / "tests/fuzz/corpus/x"
    corpus.mkdir(parents=True)
    for name in ("a", "b", "c"):
        (corpus / name).write_text(name)
    monkeypatch.setattr(runner, "ROOT", tmp_path)
    result = runner.corpus_target(script(tmp_path, 'for f; do grep -q b "$f" && exit 1; done; exit 0', "replay_x"), {})
    assert (result.passed, result.failed) == (2, 1)
    assert result.whys == ["b: exit status 1"]
    result = runner.corpus_target(script(tmp_path, "exit 0", "replay_x"), {})
    assert (result.passed, result.failed) == (3, 0)
