# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""`paperguard check PATH...`, the deploy gate, over tests/gate: one folder a case, with what is to be found in expected.tsv."""
import json
import os
import re
import shutil
import subprocess

import pytest

from harness import BIN, ROOT

CASES = sorted(p.name for p in (ROOT / "tests/gate").iterdir())
SECRETS = re.compile(r"[AP]KTEST\w+|s3cr3t|staging_pass")


def table(path):
    return [tuple(line.split("\t")) for line in path.read_text().splitlines()] if path.exists() else []


def check(cwd, *words, env=None):
    kept = {k: v for k, v in os.environ.items() if k != "GITHUB_ACTIONS"}
    return subprocess.run([BIN / "paperguard", "check", *words], cwd=cwd, env=kept | (env or {}), capture_output=True, text=True,
                          timeout=20, check=False)


def laid_out(tmp_path, name):
    """A copy with the modes of a host: what a checkout has is everybody's to read."""
    place = tmp_path / name
    shutil.copytree(ROOT / "tests/gate" / name, place)
    modes = dict(table(place / "modes.tsv"))
    for extra in ("expected.tsv", "modes.tsv"):
        (place / extra).unlink(missing_ok=True)
    for path in place.rglob("*"):
        if path.is_file():
            path.chmod(int(modes.get(str(path.relative_to(place)), "0400" if "credstore" in path.parts else "0640"), 8))
    return place


@pytest.mark.parametrize("name", CASES)
def test_case(tmp_path, name):
    place = laid_out(tmp_path, name)
    said = check(place, ".", "--format", "json")
    answer = json.loads(said.stdout)
    found = {(f["file"], str(f["line"]), f["rule"], f["variable"] or "", f["severity"]) for f in answer["findings"] if f["rule"] != "kind"}
    expected = set(table(ROOT / "tests/gate" / name / "expected.tsv"))
    assert found == expected
    errors = sum(1 for e in expected if e[4] == "error")
    assert (answer["errors"], said.returncode) == (errors, 78 if errors else 0)
    assert name.startswith("good_") == (errors == 0)
    texts = check(place, ".", "--format", "text"), check(place, ".", "--format", "github")
    for text in (said, *texts):
        assert not SECRETS.search(text.stdout + text.stderr)
        assert text.returncode == said.returncode
    # The same findings at the same lines, whatever the form; GitHub is not told what was skipped.
    for file, line, _, variable, severity in expected:
        assert f"{file}:{line}: {severity}: {variable}".rstrip() in texts[0].stdout
        assert (f"::{severity} file={file},line={line},title=paperguard " in texts[1].stdout) == (severity != "skipped")


def test_what_is_named_is_read_whatever_it_is_called(tmp_path):
    (tmp_path / "settings").write_text("DRY_RUN=false\n")
    (tmp_path / "notes").write_text("nothing\n")
    assert check(tmp_path, "settings").returncode == 78
    said = check(tmp_path, ".")
    assert said.returncode == 0
    assert "skipped: settings" in said.stdout and "0 files read" in said.stdout


def test_exit_codes_and_forms(tmp_path):
    (tmp_path / "a.env").write_text("DRY_RUN=maybe,100%\n")
    (tmp_path / "a.env").chmod(0o640)
    assert check(tmp_path, "gone.env").returncode == 66
    assert check(tmp_path, "a.env", "gone.env").returncode == 66
    assert check(tmp_path, "a.env", "--format", "xml").returncode == 64
    # In GitHub's runner the annotations come by themselves.
    said = check(tmp_path, "a.env", env={"GITHUB_ACTIONS": "true"})
    assert "::error file=a.env,line=1,title=paperguard switch::DRY_RUN is something else; it must be exactly true\n" in said.stdout
    assert json.loads(check(tmp_path, "a.env", "--json").stdout)["errors"] == 3


def test_binary_unreadable_and_deep(tmp_path):
    (tmp_path / "b.env").write_bytes(b"DRY_RUN=true\0\n")
    (tmp_path / "big.env").write_text("#" * (1 << 20) + "\n")
    (tmp_path / "bomb.yml").write_text("a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)))
    (tmp_path / "loop").symlink_to(tmp_path)
    said = check(tmp_path, ".")
    assert said.returncode == 78
    assert "b.env:1: error: is not text" in said.stdout and "big.env:1: error: is not a regular file of at most 1 MiB" in said.stdout
    assert "bomb.yml:1: error: too many nodes; not all of it was looked at" in said.stdout


MANY = {
    "scopes": ("w.yml", lambda: "a:\n" + "- env: {A: b}\n" * 1024 + "- env: {DRY_RUN: 'false'}\n", "too many environments"),
    "variables": ("v.env", lambda: "".join(f"A{n}=b\n" for n in range(4096)) + "DRY_RUN=false\n", "too many variables"),
    "deep": ("d.yml", lambda: "a: " + "[" * 70 + "{env: {DRY_RUN: 'false'}}" + "]" * 70 + "\n", "too deep"),
    "merged": ("m.yml", lambda: "a: &a {<<: [" + "{A: b}," * 9 + "]}\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} {{<<: [{','.join(['*' + chr(97 + i)] * 9)}]}}\n" for i in range(9)) + "env: {<<: *j}\n",
        "too many nodes"),
    "findings": ("f.env", lambda: "ENVIRONMENT=staging\nALPACA_PAPER=true\n" + "ALPACA_API_KEY=\n" * 10000 + "DRY_RUN=false\n",
                 "more is wrong than is told"),
}


@pytest.mark.parametrize("name", MANY)
def test_what_was_not_looked_at_passes_nothing(tmp_path, name):
    file, text, why = MANY[name]
    (tmp_path / file).write_text(text())
    (tmp_path / file).chmod(0o640)
    said = check(tmp_path, ".")
    assert said.returncode == 78 and why in said.stdout, said.stdout[-2000:]


def test_a_folder_with_more_than_is_looked_at(tmp_path):
    for n in range(4097):
        (tmp_path / f"{n}.txt").touch()
    said = check(tmp_path, ".")
    assert said.returncode == 78 and "too many files in one folder" in said.stdout


def test_no_daemon_and_no_configuration_is_needed(tmp_path):
    place = laid_out(tmp_path, "good_env")
    said = check(place, "staging.env", "--config", "/nowhere/paperguard.conf", env={"DRY_RUN": "false"})
    assert (said.returncode, said.stdout) == (0, "1 file read, 0 errors, 0 warnings\n")
