// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What only lib/guard may see: the insides of permits, cleared orders and receipts, and one check at a time. No other
// folder includes this header.
#ifndef PAPERGUARD_GUARD_PERMIT_INTERNAL_H
#define PAPERGUARD_GUARD_PERMIT_INTERNAL_H

#include "lib/base/text.h"
#include "lib/guard/guard.h"

#define GUARD_INSTANCE_LEN 16

// All a permit is bound to, by value: what is sent is held against the very bytes, not against a digest of them.
struct permit_bound {
    struct { // compared as one; no byte of it is padding
        uint8_t instance[GUARD_INSTANCE_LEN];
        struct digest key_fingerprint;
        int64_t epoch; // in which this host leads, for an order, else 0
        int32_t port, op;
    } fixed;
    struct permit_part {
        const char *at; // NULL: none, which is not the same as an empty one
        size_t len;
    } parts[5]; // method, scheme, host, target, body
};

struct permit {
    enum guard_op op;
    uint8_t instance[GUARD_INSTANCE_LEN];
    struct permit_bound bound; // its parts lie in bytes
    char *bytes;
    int64_t minted_boot_ns, until_boot_ns;
    bool spent;
};

struct receipt {
    struct receipt_terms terms; // body points to the copy below
    char *body;
    struct text says; // the body that the order of the terms has
};

struct cleared_order {
    struct permit permit;
    struct receipt *receipt; // owned
};

// epoch: in which this host leads, for an order, else 0.
void permit_set(struct permit *p, const uint8_t instance[GUARD_INSTANCE_LEN], enum guard_op op,
                const struct wire_request *r, int64_t epoch, int64_t now_boot_ns);
// May this permit send this request now? Spends it whatever the answer is; a refusal is told in detail.
enum guard_answer permit_spend(struct permit *p, const uint8_t instance[GUARD_INSTANCE_LEN],
                               const struct wire_request *actual, int64_t epoch, int64_t now_boot_ns,
                               char detail[FACT_TEXT_MAX]);

// One question to the guard.
struct guard_case {
    const struct guard_facts *facts;
    enum guard_op op;
    enum guard_class class;
    const struct wire_request *request; // NULL: the table, where checks of a request read PASS
    const struct receipt *receipt;      // orders only
    int64_t now_boot_ns;
    bool on_wire; // redeeming: the connection stands, and its end must be known
};

enum guard_answer guard_check_run(const struct guard_case *c, enum guard_check check, char detail[FACT_TEXT_MAX]);
// Every check of the class, without words: PASS, or the answer of the first that did not, which is told.
enum guard_answer guard_checks_run(const struct guard_case *c, enum guard_check *first);

// Answer with its reason in one line; detail NULL: the answer alone.
enum guard_answer guard_say(char detail[FACT_TEXT_MAX], enum guard_answer answer, const char *format, ...)
    PRINTF_LIKE(3, 4);
enum guard_answer guard_judged(const struct fact_state *s, const char *what, char detail[FACT_TEXT_MAX]);

// The rows of guard_checks.def: what runs them, and what makes them deny.
typedef enum guard_answer guard_check_fn(const struct guard_case *c, char detail[FACT_TEXT_MAX]);
#define GUARD_CHECK(SYMBOL, name, kind, classes, learnt, text) guard_check_fn guard_check_##name;
#include "lib/guard/guard_checks.def"
#undef GUARD_CHECK

#endif
