# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Does the simulator see? Each patch of tests/sim/bugs plants one bug into a copy of the tree, which must then be caught. A patch may
name a seed that sees it: that one runs first, and further ones when it does not any more.

BUG_SEEDS=n seeds at most for each; BUGS=words only those whose name has one of them."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD", "build")
BY_INCIDENTS = "\nThe incidents show it.\n"  # in a patch: what befell others is re-enacted with it, and no other seeds
SEEN_BY = re.compile(r"^Seed (\d+) sees it\.$", re.M)
SEEDS = os.environ.get("BUG_SEEDS") or "300"


def run(tree, *words, **more):
    return subprocess.run([str(w) for w in words], cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)


def copy_tree(tree):
    """With what is built, and its times: only what a patch touches is built anew."""
    shutil.copytree(ROOT, tree, symlinks=True, ignore=lambda folder, names: {".git", "build"} & set(names) if Path(folder) == ROOT else set())
    for part in ("obj-plain", "bin"):
        shutil.copytree(BUILD / part, tree / "build" / part)


def caught(tree, patch):
    """What the simulator says of this bug; None when it sees nothing."""
    planted = run(tree, "patch", "-p1", "-i", patch)
    if planted.returncode != 0:
        raise SystemExit(f"{patch.name} does not apply any more:\n{planted.stdout}")
    try:
        built = run(tree, "make", "-s", "-j2", "build/obj-plain/simulate", "build/bin/paperguard", "COMMIT=planted")
        if built.returncode != 0:
            raise SystemExit(f"{patch.name} does not build any more:\n{built.stdout}")
        seen_by = SEEN_BY.search(patch.read_text())
        env = {**os.environ, "FIRST": "1", "SEEDS": SEEDS, "SEED": "", "SIM_SECONDS": "", "SEED_BEFORE": seen_by[1] if seen_by else "",
               "INCIDENTS": "1" if BY_INCIDENTS in patch.read_text() else ""}
        found = run(tree, sys.executable, "-B", "tests/sim/run.py", env=env)
        lines = [line for line in found.stdout.splitlines() if line.startswith("violation: ")]
        if found.returncode not in (0, 1):
            raise SystemExit(f"{patch.name}: the simulator itself failed:\n{found.stdout}")
        return lines[0].removeprefix("violation: ") if found.returncode == 1 and lines else None
    finally:
        run(tree, "patch", "-R", "-p1", "-i", patch)


def plant_all(patches, caught):
    """Each in turn into one copy of the tree; what caught(tree, patch) tells of it, a line each. The exit status."""
    tree = Path(os.environ.get("TMPDIR", "/tmp")) / f"pg-bugs.{os.getpid()}"
    words = os.environ.get("BUGS", "").split()
    patches = [p for p in patches if not words or any(w in p.name for w in words)]
    seen = 0
    try:
        copy_tree(tree)
        for patch in patches:
            how = caught(tree, patch)
            seen += how is not None
            print(f"{patch.stem}: {how or 'NOT CAUGHT'}"[:300], flush=True)
    finally:
        shutil.rmtree(tree, ignore_errors=True)
    print(f"planted bugs caught {seen} of {len(patches)}")
    return 0 if patches and seen == len(patches) else 1


if __name__ == "__main__":
    sys.exit(plant_all(sorted((ROOT / "tests/sim/bugs").glob("*.patch")), caught))
