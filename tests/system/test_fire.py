# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A short cut of `make check-fire`: a few kills, failing calls and failing allocations in the middle of runs."""
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fire"))
import plan  # noqa: E402
import run  # noqa: E402


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the library that fails allocations and a sanitizer's own exclude each other")
def test_a_few_strikes():
    assert run.main(plan.SHORT, fields=3) == 0
