# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""A daemon that is not root has strategies of its own user: nothing but the sandbox is between them and its files. So what a
hostile one may not do is tried once more that way, from a copy that belongs to nobody."""
import os
import re
import shutil
import subprocess

import pytest

from harness import BIN, ROOT, STRATEGIES, Scratch


@pytest.fixture(scope="module")
def copy():
    if os.geteuid() != 0:
        pytest.skip("not root: the tests themselves are this one")
    scratch = Scratch()
    try:
        for name in ("conf/sample-data", "tests/system", "tests/tools"):
            shutil.copytree(ROOT / name, scratch.path / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(BIN, scratch.path / "bin")
        shutil.copytree(STRATEGIES, scratch.path / "strategies")
        subprocess.run(["chown", "-R", "nobody:nogroup", scratch.path], check=True)
        yield scratch.path
    finally:
        scratch.remove()


@pytest.mark.parametrize("names", ["reading or writing", "sockets or reaching", "rights or killing or memory or before"])
def test_a_hostile_strategy_of_the_daemons_user(copy, names):
    env = {k: v for k, v in os.environ.items() if k not in ("TMPDIR", "PYTHONPATH")}
    env.update(HOME=str(copy), PAPERGUARD_BIN=str(copy / "bin"), PAPERGUARD_STRATEGIES=str(copy / "strategies"), PYTHONDONTWRITEBYTECODE="1")
    done = subprocess.run(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "/usr/bin/python3", "-m", "pytest", "-q",
                           "-p", "no:cacheprovider", "-k", names, "tests/system/test_hostile.py"],
                          cwd=copy, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0 and re.search(r"\b[2-9] passed", done.stdout), done.stdout[-6000:] + done.stderr[-1000:]
