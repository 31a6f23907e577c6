# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the paperguard authors
"""Every rule catches what it is for: a small tree that keeps all rules, one violation planted in it, one finding."""
import subprocess

import pytest

import objects
import source

RULES = source.Rules()
HEAD = "// SPDX-License-Identifier: Apache-2.0\n// SPDX-FileCopyrightText: the paperguard authors\n//\n// What it is for.\n"
PY_HEAD = HEAD.replace("//", "#").split("#\n")[0]


def c(body=""):
    return HEAD + body


GOOD = {
    "lib/base/text.h": c(),
    "lib/base/text.c": c('#include "lib/base/text.h"\n\n#include <string.h>\n'),
    "lib/io/clock.c": c("#include <time.h>\nint64_t f(void)\n{\n    clock_gettime(0, 0);\n}\n"),
    "lib/trade/order.h": c('#include "lib/base/text.h"\n'),
    "lib/guard/permit_internal.h": c("struct permit {\n    int x;\n};\n"),
    "lib/guard/guard.c": c('#include "lib/guard/permit_internal.h"\n#include "lib/trade/order.h"\n'),
    "daemon/config.h": c('#include "daemon/options.def"\n'),
    "daemon/options.def": c(),
    "daemon/ledger.h": c(),
    "daemon/desk.c": c('#include "daemon/ledger.h"\n// time(NULL) and double in a comment, "now()" too\n'),
    "daemon/main_wire.c": c('#include "daemon/daemon.h"\n#include "commit.h"\n'),
    "daemon/daemon.h": c('#include "daemon/config.h"\n'),
    "daemon/sql/one.sql": "-- now() is never asked\nSELECT $1::bigint\n",
    "tests/unit/test_a.c": c('void f(void)\n{\n    run("sleep 10");\n}\n'),
    "tests/system/test_a.py": PY_HEAD + "def wait_for(x):\n    while not x():\n        time.sleep(0.01)\n",
    "Makefile": PY_HEAD,
}
LONG = "int f(void)\n{\n" + "    g();\n" * 70 + "}\n"


def plant(folder, files):
    for name, text in {**GOOD, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return source.Tree(folder)


def findings(tree):
    return [(check.__name__.removeprefix("check_"), f) for check in source.CHECKS for f in check(tree, RULES)]


def test_a_good_tree_has_no_findings(tmp_path):
    assert findings(plant(tmp_path, {})) == []


SOURCE_CASES = {
    "io in trade": ("rooms", "lib/trade/order.c", '#include "lib/io/clock.h"\n'),
    "daemon in lib": ("rooms", "lib/io/loop.c", '#include "daemon/config.h"\n'),
    "trade in base": ("rooms", "lib/base/list.h", '#include "lib/trade/order.h"\n'),
    "guard sees no io": ("rooms", "lib/guard/permit.c", '#include "lib/io/clock.h"\n'),
    "sim without daemon": ("rooms", "daemon/sim/exchange.c", '#include "daemon/ledger.h"\n'),
    "no path": ("rooms", "lib/base/list.c", '#include "text.h"\n'),
    "unknown room": ("rooms", "lib/extra/x.c", ""),
    "upwards": ("levels", "daemon/ledger_rows.c", '#include "daemon/desk.h"\n'),
    "sideways": ("levels", "daemon/halt.c", '#include "daemon/ledger.h"\n'),
    "to main": ("levels", "daemon/admin.c", '#include "daemon/main.h"\n'),
    "unknown module": ("levels", "daemon/surprise.c", ""),
    "daemon.h": ("private", "daemon/main.h", '#include "daemon/daemon.h"\n'),
    "another's insides": ("private", "daemon/desk.c", '#include "daemon/ledger_internal.h"\n'),
    "the guard's insides": ("private", "daemon/broker.c", '#include "lib/guard/permit_internal.h"\n'),
    "the guard's insides in a test": ("private", "tests/unit/test_b.c", '#include "lib/guard/permit_internal.h"\n'),
    "curl": ("doors", "daemon/broker.c", "#include <curl/curl.h>\n"),
    "libpq": ("doors", "daemon/ledger.c", "#include <libpq-fe.h>\n"),
    "libevent": ("doors", "lib/io/child.c", "#include <event2/event.h>\n"),
    "tls": ("doors", "lib/base/digest.c", "#include <openssl/ssl.h>\n"),
    "time.h": ("doors", "daemon/run.c", "#include <time.h>\n"),
    "unknown library": ("doors", "lib/io/child.c", "#include <zlib.h>\n"),
    "clock_gettime": ("words", "daemon/run.c", "int f(void)\n{\n    clock_gettime(0, 0);\n}\n"),
    "time": ("words", "lib/trade/risk.c", "int f(void)\n{\n    return time (NULL);\n}\n"),
    "now() in SQL": ("words", "daemon/sql/two.sql", "SELECT now()\n"),
    "NOW() in a string": ("words", "daemon/ledger.c", 'const char *f = "SELECT NOW ( )";\n'),
    "current_timestamp": ("words", "daemon/sql/two.sql", "SELECT current_timestamp\n"),
    "double": ("words", "lib/trade/risk.c", "double f;\n"),
    "float in the daemon": ("words", "daemon/desk.h", "float f;\n"),
    "strtod": ("words", "daemon/cache.c", "int f(void)\n{\n    strtod(a, b);\n}\n"),
    "sprintf": ("words", "lib/base/list.c", "int f(void)\n{\n    sprintf(a, b);\n}\n"),
    "system": ("words", "daemon/ctl/main.c", "int f(void)\n{\n    system(a);\n}\n"),
    "rand": ("words", "daemon/ledger.c", "int f(void)\n{\n    return rand();\n}\n"),
    "sleep in C": ("words", "tests/unit/test_b.c", "int f(void)\n{\n    usleep(5);\n}\n"),
    "a cast to a permit": ("words", "daemon/broker.c", "void *f = (struct permit *)p;\n"),
    "a cast to a cleared order": ("words", "daemon/desk.c", "void *f = ( const struct cleared_order * ) p;\n"),
    "a cast to a receipt": ("words", "daemon/ledger.c", "void *f = (struct receipt **)p;\n"),
    "a permit of one's own": ("words", "daemon/broker.c", "struct permit {\n    int x;\n};\n"),
    "the size of a receipt": ("words", "daemon/ledger.c", "size_t f = sizeof(struct receipt);\n"),
    "sleep in Python": ("python_sleep", "tests/system/test_b.py", "def test_a():\n    time.sleep(1)\n"),
    "sleep at the top": ("python_sleep", "tests/system/test_b.py", "from time import sleep\nsleep(1)\n"),
    "a long file": ("lines", "daemon/desk.h", "\n" * 600),
    "a long test": ("lines", "tests/unit/test_b.c", "\n" * 600),
    "a long function": ("functions", "daemon/run.c", LONG),
    "a long Python function": ("functions", "tests/system/test_b.py", "def f():\n" + "    g()\n" * 70),
}


@pytest.mark.parametrize("case", SOURCE_CASES)
def test_source(case, tmp_path):
    check, name, body = SOURCE_CASES[case]
    head = {".c": HEAD, ".h": HEAD, ".py": PY_HEAD}.get("." + name.rpartition(".")[2], "")
    found = findings(plant(tmp_path, {name: head + body}))
    assert [(k, f.partition(":")[0]) for k, f in found] == [(check, name)], found


@pytest.mark.parametrize("text", ["", HEAD.replace("Apache-2.0", "MIT"), HEAD.split("\n")[0] + "\n"])
def test_heads(text, tmp_path):
    found = findings(plant(tmp_path, {"lib/base/list.h": text}))
    assert ("heads", "lib/base/list.h: must start with the two SPDX lines") in found


def test_purpose(tmp_path):
    text = "\n".join(HEAD.split("\n")[:2]) + "\nint x;\n"
    assert [k for k, _ in findings(plant(tmp_path, {"lib/base/list.h": text}))] == ["heads"]
    assert findings(plant(tmp_path, {"lib/base/list.h": c(), "lib/base/list.c": text})) == []


def test_the_makefile_stays_small(tmp_path):
    found = findings(plant(tmp_path, {"Makefile": PY_HEAD + "\n" * 250}))
    assert [k for k, _ in found] == ["lines"]


# --- objects: compiled from a few lines of C, judged by their symbols

OBJECT_CASES = {
    "receipt_mint": ("references", "daemon/desk.c", "void receipt_mint(void); void f(void) { receipt_mint(); }"),
    "receipt_mint by address": ("references", "daemon/run.c", "void receipt_mint(void); void *f(void) { return receipt_mint; }"),
    "guard_permit": ("references", "daemon/desk.c", "void guard_permit(void); void f(void) { guard_permit(); }"),
    "guard_clear_order": ("references", "daemon/run.c", "void guard_clear_order(void); void f(void) { guard_clear_order(); }"),
    "guard_redeem": ("references", "daemon/desk.c", "void guard_redeem(void); void f(void) { guard_redeem(); }"),
    "guard_redeem_order": ("references", "daemon/main_wire.c", "void guard_redeem_order(void); void f(void) { guard_redeem_order(); }"),
    "http_client_send": ("references", "daemon/cache.c", "void http_client_send(void); void f(void) { http_client_send(); }"),
    "permit_spend": ("references", "daemon/broker.c", "void permit_spend(void); void f(void) { permit_spend(); }"),
    "curl": ("references", "daemon/broker.c", "void curl_easy_perform(void); void f(void) { curl_easy_perform(); }"),
    "libpq": ("references", "daemon/ledger.c", "void PQexec(void); void f(void) { PQexec(); }"),
    "socket": ("references", "daemon/cache.c", "int socket(int, int, int); int f(void) { return socket(1, 1, 1); }"),
    "fork": ("references", "daemon/strategies.c", "int fork(void); int f(void) { return fork(); }"),
    "child_start": ("references", "daemon/run.c", "void child_start(void); void f(void) { child_start(); }"),
    "strategies_environment": ("references", "daemon/run.c", "void strategies_environment(void); void f(void) { strategies_environment(); }"),
    "getenv": ("references", "daemon/config.c", "char *getenv(const char *); char *f(void) { return getenv(\"A\"); }"),
    "a permit of one's own": ("definitions", "daemon/broker.c", "void permit_new(void); void permit_new(void) {}"),
    "a guard of one's own": ("definitions", "lib/io/loop.c", "int guard_permit(void); int guard_permit(void) { return 0; }"),
    "clock in trade": ("pure", "lib/trade/risk.c", "long clock_wall_ns(void); long f(void) { return clock_wall_ns(); }"),
    "file in the guard": ("pure", "lib/guard/keyscan.c", "int open(const char *, int); int f(void) { return open(\"a\", 0); }"),
    "log in the exchange": ("pure", "daemon/sim/exchange.c", "void log_emit(void); void f(void) { log_emit(); }"),
    "a counter": ("state", "daemon/desk.c", "int f(void) { static int n; return ++n; }"),
    "a global": ("state", "lib/trade/order.c", "int n = 5; int f(void) { return n; }"),
    "of one thread": ("state", "lib/io/loop.c", "__thread int n; int f(void) { return n; }"),
}


def compiled(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")
    obj = path.with_suffix(".o")
    subprocess.run(["gcc", "-w", "-O2", "-fPIE", "-c", path, "-o", obj], check=True)
    return objects.Objects(folder)


def object_findings(objs):
    return [(check.__name__.removeprefix("check_"), f) for check in objects.CHECKS for f in check(objs, RULES)]


@pytest.mark.parametrize("case", OBJECT_CASES)
def test_objects(case, tmp_path):
    check, name, text = OBJECT_CASES[case]
    found = object_findings(compiled(tmp_path, name, text))
    assert [k for k, _ in found] == [check], found
    assert found[0][1].startswith(name.replace(".c", ".o ")), found


def test_those_who_may_are_left_alone(tmp_path):
    good = "const char *const table[] = {\"a\", \"b\"}; int receipt_mint(void); int f(void) { return receipt_mint() + *table[0]; }"
    assert object_findings(compiled(tmp_path, "daemon/ledger_rows.c", good)) == []


def test_a_missing_object_is_seen(tmp_path):
    objs = compiled(tmp_path, "daemon/ledger.c", "int f(void) { return 0; }")
    (tmp_path / "daemon/desk.c").write_text("")
    assert objs.missing(tmp_path) == ["daemon/desk.c"]


def test_a_rule_about_nothing_is_seen(tmp_path):
    objs = compiled(tmp_path, "daemon/desk.c", "int f(void) { return 0; }")
    assert any("receipt_mint" in f for f in objects.check_used(objs, RULES))
