# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The planted bugs of tests/sim/bugs and tests/fire/bugs apply to the tree as it is: whoever changes a line that one of them plants on
hears of it here."""
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {folder: sorted((ROOT / folder).glob("*.patch")) for folder in ("tests/sim/bugs", "tests/fire/bugs")}
PATCHES = [patch for patches in FOLDERS.values() for patch in patches]


@pytest.mark.parametrize("folder, least", [("tests/sim/bugs", 20), ("tests/fire/bugs", 4)])
def test_there_are_enough(folder, least):
    assert len(FOLDERS[folder]) >= least


@pytest.mark.parametrize("patch", PATCHES, ids=lambda p: f"{p.parent.parent.name}-{p.stem}")
def test_applies(patch):
    said = subprocess.run(["patch", "-p1", "--dry-run", "--force", "-i", patch], cwd=ROOT, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    assert patch.read_text().split("\n", 1)[0].endswith("."), "the first line says what the bug is"


@pytest.mark.parametrize("patches", FOLDERS.values(), ids=FOLDERS)
def test_each_has_a_number_of_its_own(patches):
    assert [p.name[:2] for p in patches] == [f"{n:02}" for n in range(1, len(patches) + 1)]


def functions_of(text):
    return re.findall(r"^CREATE (?:OR REPLACE )?FUNCTION (\w+)", text, re.M)


@pytest.mark.parametrize("patch", [p for p in PATCHES if "/sql/migrations/" in p.read_text()], ids=lambda p: f"{p.parent.parent.name}-{p.stem}")
def test_is_planted_where_the_function_was_written_last(patch):
    """A migration that writes a function anew takes a bug out that an earlier one has."""
    for name, hunks in re.findall(r"^\+\+\+ \w+/(\S+)\n((?:(?!--- ).*\n)*)", patch.read_text(), re.M):
        lines = (ROOT / name).read_text().splitlines(keepends=True)
        later = [p for p in sorted((ROOT / name).parent.glob("*.sql")) if p.name > Path(name).name]
        for first in re.findall(r"^@@ -(\d+)", hunks, re.M):
            above = functions_of("".join(lines[:int(first) + 3]))
            anew = [p.name for p in later if above[-1] in functions_of(p.read_text())]
            assert not anew, f"{above[-1]} is written anew by {anew}: plant it there"
