# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The planted bugs of tests/sim/bugs apply to the tree as it is: whoever changes a line that one of them plants on hears of it here."""
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATCHES = sorted((ROOT / "tests/sim/bugs").glob("*.patch"))


def test_there_are_enough():
    assert len(PATCHES) >= 20


@pytest.mark.parametrize("patch", PATCHES, ids=lambda p: p.stem)
def test_applies(patch):
    said = subprocess.run(["patch", "-p1", "--dry-run", "--force", "-i", patch], cwd=ROOT, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    assert patch.read_text().split("\n", 1)[0].endswith("."), "the first line says what the bug is"


def test_each_has_a_number_of_its_own():
    assert [p.name[:2] for p in PATCHES] == [f"{n:02}" for n in range(1, len(PATCHES) + 1)]


def functions_of(text):
    return re.findall(r"^CREATE (?:OR REPLACE )?FUNCTION (\w+)", text, re.M)


@pytest.mark.parametrize("patch", [p for p in PATCHES if "/sql/migrations/" in p.read_text()], ids=lambda p: p.stem)
def test_is_planted_where_the_function_was_written_last(patch):
    """A migration that writes a function anew takes a bug out that an earlier one has."""
    for name, hunks in re.findall(r"^\+\+\+ \w+/(\S+)\n((?:(?!--- ).*\n)*)", patch.read_text(), re.M):
        lines = (ROOT / name).read_text().splitlines(keepends=True)
        later = [p for p in sorted((ROOT / name).parent.glob("*.sql")) if p.name > Path(name).name]
        for first in re.findall(r"^@@ -(\d+)", hunks, re.M):
            above = functions_of("".join(lines[:int(first) + 3]))
            anew = [p.name for p in later if above[-1] in functions_of(p.read_text())]
            assert not anew, f"{above[-1]} is written anew by {anew}: plant it there"
