// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Minting and redeeming. Both evaluate every check of the operation's class over the facts they are shown; no verdict
// is kept between them.
#include "lib/guard/guard.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/guard/permit_internal.h"

struct guard {
    uint8_t instance[GUARD_INSTANCE_LEN];
    uint64_t denials[GUARD_CHECK_COUNT];
    uint64_t permits, evaluations;
};

struct guard *guard_new(void)
{
    struct guard *g = check_alloc(1, sizeof *g);

    random_bytes(g->instance, sizeof g->instance);
    return g;
}

void guard_free(struct guard *g)
{
    if (!g)
        return;
    mem_wipe(g, sizeof *g);
    free(g);
}

uint64_t guard_denials(const struct guard *g, enum guard_check c)
{
    CHECK((unsigned)c < GUARD_CHECK_COUNT);
    return g->denials[c];
}

uint64_t guard_permits(const struct guard *g)
{
    return g->permits;
}

uint64_t guard_evaluations(const struct guard *g)
{
    return g->evaluations;
}

static enum guard_answer worse(enum guard_answer a, enum guard_answer b)
{
    return a == GUARD_PASS || b == GUARD_FAIL ? b : a;
}

// A known halt is a state that somebody chose, and so is a second host; a day on which broker and exchange disagree and
// a clock that is off pass: no broken guard. They deny what they deny, and are shown and not counted.
static bool chosen(enum guard_check check, enum guard_answer answer)
{
    return answer == GUARD_FAIL &&
           (check == CHECK_HALT || check == CHECK_LEADER || check == CHECK_CALENDAR || check == CHECK_CLOCK);
}

// Nor is what only a leader asks the broker, while another host leads: no order leaves by then, known or not.
bool guard_table_counts(const struct guard_result results[GUARD_CHECK_COUNT], enum guard_check check)
{
    const enum guard_answer answer = results[check].answer;
    const bool leaders = check == CHECK_CLOCK || check == CHECK_CALENDAR;

    if (leaders && answer == GUARD_UNKNOWN && results[CHECK_LEADER].answer == GUARD_FAIL)
        return false;
    return !chosen(check, answer);
}

enum guard_answer guard_table(const struct guard_facts *f, int64_t now_boot_ns, bool static_only,
                              struct guard_result results[GUARD_CHECK_COUNT])
{
    const struct guard_case question = {.facts = f, .class = GUARD_OPEN, .now_boot_ns = now_boot_ns};
    enum guard_answer worst = GUARD_PASS;

    for (int i = 0; i < GUARD_CHECK_COUNT; i++) {
        const enum guard_check check = (enum guard_check)i;
        results[i].answer = guard_check_run(&question, check, results[i].detail);
    }
    for (int i = 0; i < GUARD_CHECK_COUNT; i++) {
        const enum guard_check check = (enum guard_check)i;
        if (guard_table_counts(results, check) && (!static_only || guard_check_is_static(check)))
            worst = worse(worst, results[i].answer);
    }
    return worst;
}

// 0: nothing counts against the table.
static int weight(const struct guard_result results[GUARD_CHECK_COUNT], int check)
{
    const enum guard_answer answer = results[check].answer;

    if (answer == GUARD_PASS || !guard_table_counts(results, (enum guard_check)check))
        return 0;
    if (answer == GUARD_FAIL)
        return 3;
    // Which account was seen first is the database's to say.
    return check == CHECK_ACCOUNT_FIRST && results[CHECK_DATABASE_MARKER].answer != GUARD_PASS ? 1 : 2;
}

enum guard_check guard_table_worst(const struct guard_result results[GUARD_CHECK_COUNT])
{
    int found = GUARD_CHECK_COUNT, most = 0;

    for (int i = 0; i < GUARD_CHECK_COUNT; i++)
        if (weight(results, i) > most) {
            most = weight(results, i);
            found = i;
        }
    return (enum guard_check)found;
}

static void verdict_set(struct guard_verdict *v, enum guard_answer answer, enum guard_check check, const char *detail)
{
    v->answer = answer;
    v->check = check;
    str_copy_cut(v->detail, sizeof v->detail, detail);
}

// Every check of the class runs; the verdict tells the first that did not pass. Words cost more than answers.
static bool all_checks_pass(const struct guard_case *c, struct guard_verdict *v)
{
    enum guard_check first = CHECK_DRY_RUN;
    const enum guard_answer answer = guard_checks_run(c, &first);
    char detail[FACT_TEXT_MAX] = "";

    if (answer != GUARD_PASS)
        guard_check_run(c, first, detail);
    verdict_set(v, answer, first, detail);
    return answer == GUARD_PASS;
}

static bool deny(struct guard *g, const struct guard_verdict *v)
{
    g->denials[v->check]++;
    return false;
}

static bool is_order(enum guard_class c)
{
    return c == GUARD_OPEN || c == GUARD_REDUCE;
}

// What a permit is bound to besides its request: orders belong to the epoch they were cleared in.
static int64_t epoch_of(enum guard_op op, const struct guard_facts *f)
{
    return is_order(guard_op_class(op)) ? f->lead_epoch : 0;
}

int guard_permit(struct guard *g, const struct guard_facts *f, enum guard_op op, const struct wire_request *request,
                 int64_t now_boot_ns, struct permit **permit, struct guard_verdict *verdict)
{
    g->evaluations++;
    if ((unsigned)op >= GUARD_OP_COUNT) {
        verdict_set(verdict, GUARD_FAIL, CHECK_REQUEST_SHAPE, "the operation is not in the table");
        deny(g, verdict);
        return -1;
    }
    const struct guard_case question = {
        .facts = f, .op = op, .class = guard_op_class(op), .request = request, .now_boot_ns = now_boot_ns};
    CHECK(request);
    if (!all_checks_pass(&question, verdict)) {
        deny(g, verdict);
        return -1;
    }
    CHECK(!is_order(question.class)); // an order fails its receipt check here, having none
    *permit = check_alloc(1, sizeof **permit);
    permit_set(*permit, g->instance, op, request, epoch_of(op, f), now_boot_ns);
    g->permits++;
    return 0;
}

int guard_clear_order(struct guard *g, const struct guard_facts *f, struct receipt **receipt,
                      const struct wire_request *request, int64_t now_boot_ns, struct cleared_order **cleared,
                      struct guard_verdict *verdict)
{
    struct receipt *taken = *receipt;
    CHECK(taken && request);
    *receipt = NULL;
    g->evaluations++;

    const enum guard_op op = receipt_terms(taken)->reduces ? OP_SUBMIT_REDUCE : OP_SUBMIT_OPEN;
    const struct guard_case question = {.facts = f,
                                        .op = op,
                                        .class = guard_op_class(op),
                                        .request = request,
                                        .receipt = taken,
                                        .now_boot_ns = now_boot_ns};
    if (!all_checks_pass(&question, verdict)) {
        receipt_drop(&taken);
        deny(g, verdict);
        return -1;
    }
    *cleared = check_alloc(1, sizeof **cleared);
    permit_set(&(*cleared)->permit, g->instance, op, request, epoch_of(op, f), now_boot_ns);
    (*cleared)->receipt = taken;
    g->permits++;
    return 0;
}

static bool redeem(struct guard *g, struct permit *p, const struct receipt *receipt, const struct guard_facts *f,
                   const struct wire_request *actual, int64_t now_boot_ns, struct guard_verdict *verdict)
{
    const struct guard_case question = {.facts = f,
                                        .op = p->op,
                                        .class = guard_op_class(p->op),
                                        .request = actual,
                                        .receipt = receipt,
                                        .now_boot_ns = now_boot_ns,
                                        .on_wire = true};
    char detail[FACT_TEXT_MAX];
    const enum guard_answer spent = permit_spend(p, g->instance, actual, epoch_of(p->op, f), now_boot_ns, detail);

    g->evaluations++;
    if (!all_checks_pass(&question, verdict))
        return deny(g, verdict);
    if (spent != GUARD_PASS) {
        verdict_set(verdict, spent, CHECK_PERMIT, detail);
        return deny(g, verdict);
    }
    return true;
}

bool guard_redeem(struct guard *g, struct permit *p, const struct guard_facts *f, const struct wire_request *actual,
                  int64_t now_boot_ns, struct guard_verdict *verdict)
{
    CHECK(p && actual);
    return redeem(g, p, NULL, f, actual, now_boot_ns, verdict);
}

bool guard_redeem_order(struct guard *g, struct cleared_order *c, const struct guard_facts *f,
                        const struct wire_request *actual, int64_t now_boot_ns, struct guard_verdict *verdict)
{
    CHECK(c && actual);
    return redeem(g, &c->permit, c->receipt, f, actual, now_boot_ns, verdict);
}
