# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A short cut of `make check-fire`: a few kills, failing calls and failing allocations in the middle of runs."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fire"))
import plan  # noqa: E402
import run  # noqa: E402


def test_a_few_strikes():
    assert run.main(plan.SHORT, fields=3) == 0
