#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Mutants of what decides, against its unit tests: mutate.py [--sample SHARE] FILE.c... (after `make units`). Each comparison,
sign, count, condition and statement is changed alone, the file compiled anew and linked into the tests that are for it; one that
all of them pass has survived. What survived and why is in tests/mutations.md. Writes nothing to the tree."""
import random
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OBJECTS = ROOT / "build/obj-plain"
# The longest beginning of a path that fits says which tests are for it; quick ones first.
TESTS = {
    "daemon/breaker": "breaker", "lib/trade/breaker": "breaker", "daemon/raises": "raises",
    "daemon/exposure": "exposure exposure_orders exposure_beside exposure_strategy desk_shuffled", "daemon/exposure_strategy": "exposure_strategy",
    "lib/trade/risk": "risk risk_order selftest",
    "lib/guard": "guard guard_odd guard_request guard_wire permit keyscan selftest selftest_blunt resend broker",
    "daemon/desk": "desk_shuffled resend selftest desk_news desk_client desk_retry desk desk_doubt desk_late", "daemon/broker": "broker resend",
}
NO_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\])*\'|^[ \t]*#(?:\\\n|[^\n])*', re.S | re.M)
CHANGES = [(r"(?<![<>=!-])<(?![<=])(?= )", "<="), (r"<=(?!=)", "<"), (r"(?<![->=])>(?![>=])(?= )", ">="), (r"(?<!>)>=", ">"),
           (r"==", "!="), (r"!=", "=="), (r"&&", "||"), (r"\|\|", "&&"), (r"(?<= )\+(?= )", "-"), (r"(?<= )-(?= )", "+"), (r"\+=", "-="),
           (r"-=", "+="), (r"\+\+", "--"), (r"--", "++"), (r"(?<=[(&| =])!(?!=)", ""), (r"\btrue\b", "false"), (r"\bfalse\b", "true"),
           (r"(?<=[(,?:=] )-(?=[A-Za-z0-9])|(?<=[(])-(?=[A-Za-z0-9])", "")]
# What only frees or logs is for the sanitizers and for readers.
KEPT = re.compile(r"((\w+_)?free\b|log_|(return|int|bool|const|struct|static|size_t|char|enum|extern|va_)\b)")
STATEMENT = re.compile(r"^ +((?:\(void\))?[a-z_][\w>.\-\[\]]* ?(?:\(|[-+|]?= |\+\+|--)[^;{}]*);$", re.M)


def end_of(text, code, at):
    """Where the bracket that opens here is closed."""
    depth = 0
    while True:
        if code[at]:
            depth += (text[at] == "(") - (text[at] == ")")
        if depth == 0:
            return at
        at += 1


def mutants(text):
    code = bytearray(b"\1" * len(text))
    for found in NO_CODE.finditer(text):
        code[found.start():found.end()] = bytes(found.end() - found.start())
    all_of = {(m.start(), m.end(), new) for old, new in CHANGES for m in re.finditer(old, text) if all(code[m.start():m.end()])}
    for m in re.finditer(r"\bif \(", text):
        if code[m.start()]:
            end = end_of(text, code, m.end() - 1)
            all_of.add((m.end(), end, f"!({text[m.end():end]})"))
    all_of |= {(m.start(1), m.end(), "") for m in STATEMENT.finditer(text) if code[m.start(1)] and not KEPT.match(m.group(1))}
    return sorted(all_of)


def setting(name):
    lines = (line.partition("=") for line in (ROOT / "config.mk").read_text(encoding="utf-8").split("\n"))
    return next(shlex.split(value) for key, _, value in lines if key.strip() == name)


def needs(test):
    words = re.findall(r"^// needs: (.*)$", (ROOT / f"tests/unit/test_{test}.c").read_text(encoding="utf-8"), re.M)
    return [f"{p.relative_to(ROOT)}"[:-2] + ".o" for line in words for word in line.split() for p in sorted(ROOT.glob(word[:-2] + ".c"))]


def fate(path, text, tests, folder):
    """The test that fails, "" when all pass, None when it does not compile."""
    source, made, program = folder / "m.c", folder / "m.o", folder / "test"
    source.write_text(text, encoding="utf-8")
    compiler = ["gcc", "-std=gnu17", "-O0", "-w", "-D_GNU_SOURCE", "-include", "config.h", "-I.", f"-I{OBJECTS}", *setting("DEP_CFLAGS")]
    if subprocess.run([*compiler, "-c", source, "-o", made], cwd=ROOT, capture_output=True, check=False).returncode:
        return None
    for test in tests:
        others = [OBJECTS / n for n in needs(test) if n != f"{path}"[:-2] + ".o"]
        subprocess.run(["gcc", "-pie", "-o", program, OBJECTS / f"tests/unit/test_{test}.o", *others, made, OBJECTS / "libpaperguard.a",
                        *setting("DEP_LIBS"), *setting("CMOCKA_LIBS")], cwd=ROOT, check=True)
        try:
            if subprocess.run([program], cwd=ROOT, capture_output=True, timeout=60, check=False).returncode:
                return test
        except subprocess.TimeoutExpired:
            return test
    return ""


def run(path, share, folder):
    text = (ROOT / path).read_text(encoding="utf-8")
    tests = TESTS[max((k for k in TESTS if path.startswith(k)), key=len)].split()
    assert fate(path, text, tests, folder) == "", f"{path}: its tests fail as it is"
    chosen = mutants(text)
    chosen = chosen if share >= 1 else sorted(random.Random(path).sample(chosen, max(1, int(len(chosen) * share))))
    killed = survived = 0
    for start, end, new in chosen:
        test = fate(path, text[:start] + new + text[end:], tests, folder)
        killed += bool(test)
        if test == "":
            survived += 1
            line = text.count("\n", 0, start) + 1
            print(f"{path}:{line}: {text[start:end]!r} -> {new!r}: {text.splitlines()[line - 1].strip()}", flush=True)
    print(f"{path}: {killed} of {killed + survived} killed", flush=True)


def main():
    words = sys.argv[1:]
    share = float(words[1]) if words[:1] == ["--sample"] else 1
    with tempfile.TemporaryDirectory() as folder:
        for path in words[2:] if share < 1 else words:
            run(path, share, Path(folder))


if __name__ == "__main__":
    main()
