// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The table of operations and the names of classes, checks and answers.
#include "lib/guard/guard.h"

#include <stddef.h>
#include <string.h>

#include "lib/base/check.h"

enum op_host { TRADING, DATA };

struct op_row {
    const char *name, *method, *path;
    enum op_host host;
    enum guard_class class;
};

#define OP_ROW(symbol, word, verb, target_host, target_path, op_class)                                                 \
    [symbol] = {.name = word, .method = verb, .path = target_path, .host = target_host, .class = op_class},
static const struct op_row op_rows[GUARD_OP_COUNT] = {GUARD_OPS(OP_ROW)};

static const struct op_row *op_row(enum guard_op op)
{
    CHECK((unsigned)op < GUARD_OP_COUNT);
    return &op_rows[op];
}

const char *guard_op_name(enum guard_op op)
{
    return op_row(op)->name;
}

const char *guard_op_method(enum guard_op op)
{
    return op_row(op)->method;
}

const char *guard_op_path(enum guard_op op)
{
    return op_row(op)->path;
}

bool guard_op_is_data(enum guard_op op)
{
    return op_row(op)->host == DATA;
}

enum guard_class guard_op_class(enum guard_op op)
{
    return op_row(op)->class;
}

const char *guard_class_name(enum guard_class c)
{
    static const char *const names[GUARD_CLASS_COUNT] = {
        [GUARD_BOOT_READ] = "boot_read", [GUARD_READ] = "read", [GUARD_CANCEL] = "cancel",
        [GUARD_REDUCE] = "reduce",       [GUARD_OPEN] = "open", [GUARD_ADMIN] = "admin",
    };
    CHECK((unsigned)c < GUARD_CLASS_COUNT);
    return names[c];
}

enum check_kind { STATIC, RUNNING, REQUEST };

struct check_row {
    const char *name, *text;
    enum check_kind kind;
    size_t learnt; // where in the facts it is told when the check's matter was learnt
};

#define AT(member) offsetof(struct guard_facts, member)
#define NEVER 0 // no moment is the first of the facts
#define GUARD_CHECK(SYMBOL, word, sort, classes, learnt_at, sentence)                                                  \
    [CHECK_##SYMBOL] = {.name = #word, .text = sentence, .kind = sort, .learnt = learnt_at},
static const struct check_row check_rows[GUARD_CHECK_COUNT] = {
#include "lib/guard/guard_checks.def"
};
#undef GUARD_CHECK

static const struct check_row *check_row(enum guard_check c)
{
    CHECK((unsigned)c < GUARD_CHECK_COUNT);
    return &check_rows[c];
}

const char *guard_check_name(enum guard_check c)
{
    return check_row(c)->name;
}

const char *guard_check_text(enum guard_check c)
{
    return check_row(c)->text;
}

bool guard_check_is_static(enum guard_check c)
{
    return check_row(c)->kind == STATIC;
}

int64_t guard_check_learnt_ns(enum guard_check c, const struct guard_facts *f)
{
    int64_t at = 0;

    if (check_row(c)->learnt != NEVER)
        memcpy(&at, (const char *)f + check_row(c)->learnt, sizeof at);
    return at;
}

const char *guard_answer_name(enum guard_answer a)
{
    switch (a) {
    case GUARD_PASS:
        return "PASS";
    case GUARD_FAIL:
        return "FAIL";
    case GUARD_UNKNOWN:
        break;
    }
    return "UNKNOWN";
}

const char *fact_halt_name(enum fact_halt h)
{
    switch (h) {
    case HALT_RUNNING:
        return "running";
    case HALT_REDUCE_ONLY:
        return "reduce_only";
    case HALT_HALTED:
        return "halted";
    case HALT_UNKNOWN:
        break;
    }
    return "unknown";
}
