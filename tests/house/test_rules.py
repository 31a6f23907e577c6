# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Holds this tree to tests/house/rules.txt."""
import os
from pathlib import Path

import pytest

import objects
import source

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PAPERGUARD_BUILD", ROOT / "build"))
RULES = source.Rules()


@pytest.fixture(scope="module", name="tree")
def fixture_tree():
    tree = source.Tree(ROOT)
    assert len(tree.select(["lib/**.c", "daemon/**.c"])) > 50, "the scan sees the code"
    return tree


@pytest.fixture(scope="module", name="objs")
def fixture_objs():
    found = objects.Objects(BUILD / "obj-plain", ROOT)
    assert not found.missing(ROOT), "run `make objects` first"
    return found


def name_of(check):
    return check.__name__.removeprefix("check_")


@pytest.mark.parametrize("check", source.CHECKS, ids=name_of)
def test_source(check, tree):
    assert not list(check(tree, RULES))


@pytest.mark.parametrize("check", objects.CHECKS, ids=name_of)
def test_objects(check, objs):
    assert not list(check(objs, RULES))


def test_no_rule_is_about_what_is_gone(tree, objs):
    assert not list(objects.check_used(objs, RULES))
    for verb in ("private", "head", "lines", "function", "purpose"):
        for words in RULES.words(verb):
            globs = [w for w in words if "/" in w or "." in w]
            assert not globs or tree.select(globs), f"{verb} {words}: no such file"
    for words in RULES.words("room"):
        assert any(f.startswith(words[0] + "/") for f in tree.files), f"no folder {words[0]}"


def test_all_verbs_are_known():
    known = {"room", "generated", "level", "private", "door", "libc", "word", "text", "python-sleep", "lines", "function",
             "head", "purpose", "state", "defines", "references", "pure", "impure"}
    assert set(RULES.lines) == known
