# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Runs the unit tests that are named and tells which branches of what decides they took (gcov). What CHECK refuses is a fault of
our own that ends the process: its branch is not asked for. BUILD=folder."""
import gzip
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OBJECTS = ROOT / os.environ.get("BUILD", "build") / "obj-coverage"
MEASURED = ("lib/guard/*.c", "lib/trade/risk*.c")
WHOLE = ("lib/guard/",)  # here one branch that no test takes is a failure


def branches(data, source, folder):
    """Of one object: [line, taken, all] of each line that branches."""
    subprocess.run(["gcov", "-b", "-j", "-o", data, data], cwd=folder, check=True, capture_output=True)
    lines = (ROOT / source).read_text().splitlines()
    result = next(Path(folder).glob("*.gcov.json.gz"))
    told = json.loads(gzip.decompress(result.read_bytes()))
    result.unlink()
    for file in told["files"]:
        if file["file"] != source:
            continue
        for line in file["lines"]:
            if line["branches"] and "CHECK(" not in lines[line["line_number"] - 1]:
                yield line["line_number"], sum(b["count"] > 0 for b in line["branches"]), len(line["branches"])


def main():
    for data in OBJECTS.rglob("*.gcda"):
        data.unlink()
    for program in sys.argv[1:]:
        done = subprocess.run([program], capture_output=True, text=True, errors="replace", timeout=300, check=False)
        if done.returncode != 0:
            sys.exit(f"coverage: {program} fails:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    short = False
    print(f"{'BRANCHES':>9} {'TAKEN':>6} {'SHARE':>7}  FILE")
    with tempfile.TemporaryDirectory() as folder:
        for source in sorted(str(p.relative_to(ROOT)) for pattern in MEASURED for p in ROOT.glob(pattern)):
            data = (OBJECTS / source).with_suffix(".gcda")
            rows = list(branches(data, source, folder)) if data.exists() else []
            taken, count = sum(r[1] for r in rows), sum(r[2] for r in rows)
            print(f"{count:9} {taken:6} {100 * taken / count if count else 100:6.1f}%  {source}")
            for line, some, every in rows:
                if some < every:
                    print(f"{'':26}{source}:{line}: {some} of {every}")
            short = short or (source.startswith(WHOLE) and (taken < count or not data.exists()))
    if short:
        sys.exit("coverage: a branch of lib/guard is taken by no test, or a file of it by none")


if __name__ == "__main__":
    main()
