# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""The planted bugs of tests/sim/bugs apply to the tree as it is: whoever changes a line that one of them plants on hears of it here."""
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
