# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""`make install` puts everything where the unit and the programs look for it, and leaves an existing configuration alone."""
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PAPERGUARD_BUILD", ROOT / "build"))


def install(folder, *more):
    done = subprocess.run(["make", "--no-print-directory", "install", f"DESTDIR={folder}", f"BUILD={BUILD}", *more], cwd=ROOT,
                          capture_output=True, text=True, check=False,
                          env={k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR")})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module", name="root")
def fixture_root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("root")
    install(folder)
    return folder


def test_the_unit_finds_its_programs(root):
    unit = (root / "usr/lib/systemd/system/paperguardd.service").read_text()
    program, config = re.search(r"^ExecStart=(\S+) --config (\S+)$", unit, re.M).groups()
    assert os.access(root / program[1:], os.X_OK)
    assert (root / config[1:]).stat().st_mode & 0o777 == 0o640


def test_units_follow_another_prefix(tmp_path):
    install(tmp_path, "PREFIX=/opt/pg")
    for unit in (tmp_path / "opt/pg/lib/systemd/system").glob("*.service"):
        program = re.search(r"^ExecStart=(\S+)", unit.read_text(), re.M).group(1)
        assert program.startswith("/opt/pg/") and os.access(tmp_path / program[1:], os.X_OK), unit


def test_programs_run_from_where_they_are(root):
    for name in ("sbin/paperguardd", "bin/paperguard", "bin/paperguard-sim"):
        done = subprocess.run([root / "usr" / name, "--version"], capture_output=True, text=True, env={}, check=True)
        assert re.match(r"\S+ \d+\.\d+\.\d+( \(commit \w+\))?\n", done.stdout), name


def test_everything_is_there(root):
    found = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}
    for name in ("usr/libexec/paperguard/fixed_weights", "usr/share/man/man5/paperguard.conf.5", "usr/share/doc/paperguard/LICENSE",
                 "usr/lib/sysusers.d/paperguard.conf", "usr/lib/tmpfiles.d/paperguard.conf",
                 "usr/share/paperguard/sample-data/corporate_actions.csv",
                 "usr/share/paperguard/prometheus/paperguard.rules.yml", "usr/share/paperguard/grafana/paperguard.json",
                 "usr/share/bash-completion/completions/paperguard"):
        assert name in found


def test_an_existing_configuration_is_left_alone(root):
    config = root / "etc/paperguard/paperguard.conf"
    config.write_text("[daemon]\n")
    install(root)
    assert config.read_text() == "[daemon]\n"


@pytest.mark.parametrize("program,page", [("sbin/paperguardd", "man8/paperguardd.8"), ("bin/paperguard", "man1/paperguard.1"),
                                          ("bin/paperguard-sim", "man1/paperguard-sim.1")])
def test_manual_pages_know_what_the_programs_know(root, program, page):
    """Every option and verb of --help, and of the help of each verb, is in the page, and none besides."""
    def told(*words):
        return subprocess.run([root / "usr" / program, *words, "--help"], capture_output=True, text=True, env={}, check=True).stdout

    verbs = re.findall(r"^  ([a-z]+(?: [a-z]+)?)(?: [A-Z\[].*)?$", told(), re.M) if program == "bin/paperguard" else []
    text = (root / "usr/share/man" / page).read_text()
    in_page = {"--" + name for name in re.findall(r"Fl Fl ([a-z-]+)", text)}
    known = {word for words in ((), *(v.split() for v in verbs)) for word in re.findall(r"--[a-z][a-z-]*", told(*words))}
    assert in_page == known | {"--version", "--help"}
    if program == "bin/paperguard":
        assert set(re.findall(r"^\.It Cm ([a-z]+(?: [a-z]+)?)", text, re.M)) == set(verbs)
    assert program != "bin/paperguard" or len(verbs) > 8
