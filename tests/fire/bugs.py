#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Does it see? Each patch of tests/fire/bugs, and those of tests/sim/bugs that a kill brings out, plants one bug into a copy of
the tree, which must then be caught under fire.

BUGS=words only those whose name has one of them; FIRE_SECONDS=n for each at most (90)."""
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sim"))
from bugs import ROOT, plant_all, run  # noqa: E402

OF_THE_WORLD = ("09-resume-forgets-orders", "10-not-adopted", "13-recorded-once-more", "15-another-id")


def caught(tree, patch):
    """The first thing that was wrong; None when nothing was."""
    planted = run(tree, "patch", "-p1", "-i", patch)
    if planted.returncode != 0:
        raise SystemExit(f"{patch.name} does not apply any more:\n{planted.stdout}")
    try:
        built = run(tree, "make", "-s", "-j2", "programs", "COMMIT=planted")
        if built.returncode != 0:
            raise SystemExit(f"{patch.name} does not build any more:\n{built.stdout}")
        env = {**os.environ, "FIRE_FIRST": "1", "FIRE_SECONDS": os.environ.get("FIRE_SECONDS") or "90"}
        found = run(tree, sys.executable, "-B", "tests/fire/run.py", env=env)
        # Some do not even let the first run end, before anything is fired.
        wrong = re.findall(r"^--- (\S+: .*)$", found.stdout, re.M) or re.findall(r"^(?:AssertionError|field.Wrong): .*$", found.stdout, re.M)
        if not wrong and "fire: " not in found.stdout:
            raise SystemExit(f"{patch.name}: fire itself failed:\n{found.stdout}")
        return wrong[0] if wrong else None
    finally:
        run(tree, "patch", "-R", "-p1", "-i", patch)


if __name__ == "__main__":
    OWN = sorted((ROOT / "tests/fire/bugs").glob("*.patch"))
    sys.exit(plant_all(OWN + [ROOT / f"tests/sim/bugs/{name}.patch" for name in OF_THE_WORLD], caught))
