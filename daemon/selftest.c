// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Each case is one order through one desk, on a loop of their own: facts, risk view and request are the examples', the
// one thing that is spoilt is the row's own (guard_provoke, risk_example), and what denied it is written down by the
// ports.
#include "daemon/selftest.h"

#include <stdio.h>
#include <string.h>

#include "daemon/broker_null.h"
#include "daemon/desk.h"
#include "daemon/ledger_null.h"
#include "lib/io/clock.h"

#define TURNS_MAX 64

struct bench {
    struct loop *loop;
    struct guard *guard;
    struct exposure *exposure;
    struct metrics *metrics;
    struct desk *desk;
    bool simulator;
    // of the case under way
    struct risk_example example;
    struct guard_facts facts;
    enum guard_check spoilt; // GUARD_CHECK_COUNT: none
    char denied_by[64];
    bool left, answered;
    struct guard_verdict verdict;
    struct bench_later {
        struct bench *bench;
        struct intent intent;
        ledger_intent_done_fn *committed;
        void (*ready)(void *arg);
        broker_done_fn *submitted;
        ledger_done_fn *updated;
        void *committed_arg, *ready_arg, *submitted_arg, *updated_arg;
    } later;
    size_t cases;
};

const char *selftest_kind_name(enum selftest_kind k)
{
    static const char *const names[] = {"good_order", "guard", "risk"};
    return names[k];
}

// --- ports

static const struct guard_facts *port_facts(void *arg)
{
    return &((struct bench *)arg)->facts;
}

static bool port_view(void *arg, const struct intent *intent, struct risk_view *out)
{
    (void)intent;
    *out = ((struct bench *)arg)->example.view;
    return true;
}

static void port_decided(void *arg, const char *rule)
{
    struct bench *b = arg;
    if (!b->denied_by[0])
        str_copy_cut(b->denied_by, sizeof b->denied_by, rule);
}

static void commit_later(void *arg)
{
    struct bench_later *l = &((struct bench *)arg)->later;
    l->committed(l->committed_arg, LEDGER_OK, ledger_null_receipt(&l->intent, clock_boot_ns()), "");
}

static void port_commit(void *arg, const struct intent *intent, ledger_intent_done_fn *done, void *done_arg)
{
    struct bench *b = arg;
    b->later.intent = *intent;
    b->later.committed = done;
    b->later.committed_arg = done_arg;
    (void)loop_post(b->loop, commit_later, b);
}

static void update_later(void *arg)
{
    struct bench_later *l = &((struct bench *)arg)->later;
    l->updated(l->updated_arg, LEDGER_OK, "");
}

static void port_update(void *arg, ledger_done_fn *done, void *done_arg)
{
    struct bench *b = arg;
    if (!done)
        return;
    b->later.updated = done;
    b->later.updated_arg = done_arg;
    (void)loop_post(b->loop, update_later, b);
}

// The request alone: the facts are spoilt already. True: it is seen when the permit is minted.
static bool spoil(const struct bench *b, struct wire_request *request)
{
    struct guard_facts scratch = b->facts;
    return b->spoilt == GUARD_CHECK_COUNT || guard_provoke(b->spoilt, &scratch, request);
}

static void port_request(void *arg, const char *body, size_t body_len, struct wire_request *request)
{
    struct bench *b = arg;
    struct wire_request spoilt;
    guard_example_request(&b->facts, OP_SUBMIT_OPEN, request);
    request->body = body;
    request->body_len = body_len;
    spoilt = *request;
    if (spoil(b, &spoilt))
        *request = spoilt;
}

static void slot_later(void *arg)
{
    struct bench_later *l = &((struct bench *)arg)->later;
    l->ready(l->ready_arg);
}

static void port_slot(void *arg, void (*ready)(void *arg), void *ready_arg)
{
    struct bench *b = arg;
    b->later.ready = ready;
    b->later.ready_arg = ready_arg;
    (void)loop_post(b->loop, slot_later, b);
}

static void submit_later(void *arg)
{
    struct bench *b = arg;
    const struct broker_answer answer = {.result = b->left ? BROKER_REJECTED : BROKER_DENIED,
                                         .status = b->left ? 403 : 0,
                                         .detail = b->left ? "a null port takes no orders" : b->verdict.detail,
                                         .request_id = ""};
    b->later.submitted(b->later.submitted_arg, &answer);
}

static void port_submit(void *arg, struct cleared_order **cleared, broker_done_fn *done, void *done_arg)
{
    struct bench *b = arg;
    struct wire_request wire, spoilt;
    guard_example_request(&b->facts, OP_SUBMIT_OPEN, &wire);
    spoilt = wire;
    if (!spoil(b, &spoilt)) // else it should have been seen before
        wire = spoilt;
    b->left = broker_null_submit(b->guard, cleared, &b->facts, &wire, clock_boot_ns(), &b->verdict);
    if (!b->left)
        port_decided(b, guard_check_name(b->verdict.check));
    b->later.submitted = done;
    b->later.submitted_arg = done_arg;
    (void)loop_post(b->loop, submit_later, b);
}

static const struct desk_ports PORTS = {.facts = port_facts,
                                        .decided = port_decided,
                                        .commit = port_commit,
                                        .update = port_update,
                                        .request = port_request,
                                        .slot = port_slot,
                                        .submit = port_submit};

static void on_order(void *arg, const struct order_row *row)
{
    (void)arg, (void)row;
}

static void on_alert(void *arg, const char *kind, const char *subject, const char *detail)
{
    (void)arg, (void)kind, (void)subject, (void)detail;
}

// --- cases

static void bench_begin(struct bench *b, bool simulator)
{
    *b = (struct bench){.loop = loop_new(),
                        .guard = guard_new(),
                        .exposure = exposure_new(),
                        .metrics = metrics_new(),
                        .simulator = simulator,
                        .answered = true};
    b->desk = desk_new(&(struct desk_params){.loop = b->loop,
                                             .guard = b->guard,
                                             .exposure = b->exposure,
                                             .metrics = b->metrics,
                                             .limits = &b->example.limits,
                                             .on_order = on_order,
                                             .alert = on_alert,
                                             .view = port_view,
                                             .ports = &PORTS,
                                             .arg = b});
}

static void bench_end(struct bench *b)
{
    desk_free(b->desk);
    loop_free(b->loop);
    metrics_free(b->metrics);
    exposure_free(b->exposure);
    guard_free(b->guard);
}

// What had no answer goes with its desk: it is not to be taken for the next one's.
static void bench_renew(struct bench *b)
{
    const size_t cases = b->cases;
    const bool simulator = b->simulator;
    bench_end(b);
    bench_begin(b, simulator);
    b->cases = cases;
}

static void placed(void *arg, const struct order_row *row)
{
    (void)row;
    ((struct bench *)arg)->answered = true;
}

// What an order's form forbids already gets to no row: the rows are asked without the desk.
static void ask_rows(struct bench *b)
{
    struct risk_verdict v;
    risk_judge(&b->example.limits, &b->example.view, &b->example.order, &v);
    b->denied_by[0] = '\0';
    b->left = v.answer == RISK_PASS;
    if (!b->left)
        port_decided(b, risk_row_name(v.row));
}

// One order through the desk, until it was answered.
static void fire(struct bench *b, enum risk_row row, enum guard_check check)
{
    struct intent intent = {.session = {2026, 1, 5}};
    struct wire_request request;
    if (!b->answered)
        bench_renew(b);
    b->spoilt = check;
    b->left = b->answered = false;
    b->denied_by[0] = '\0';
    risk_example(row, &b->example);
    guard_example(b->simulator, clock_boot_ns(), &b->facts);
    str_copy_cut(intent.account, sizeof intent.account, b->facts.account_number);
    guard_example_request(&b->facts, OP_SUBMIT_OPEN, &request);
    if (check != GUARD_CHECK_COUNT) // of the request the ports spoil their own
        (void)guard_provoke(check, &b->facts, &request);
    intent.order = b->example.order;
    snprintf(intent.order.client_order_id, sizeof intent.order.client_order_id, "selftest-%zu", ++b->cases);
    desk_place(b->desk, &intent, placed, b);
    for (int i = 0; i < TURNS_MAX && !b->answered; i++)
        (void)loop_step(b->loop, 0);
    if (row != RISK_ROW_COUNT && strcmp(b->denied_by, "order") == 0)
        ask_rows(b);
}

static void judge(struct selftest *t, const struct bench *b, enum selftest_kind kind, const char *code)
{
    struct selftest_row *r = &t->rows[t->count++];
    *r = (struct selftest_row){.kind = kind, .code = code};
    r->fired = b->answered && (kind == SELFTEST_GOOD) == b->left && strcmp(b->denied_by, code) == 0;
    if (r->fired)
        return;
    t->failed++;
    if (!b->answered)
        snprintf(r->found, sizeof r->found, "no answer");
    else if (b->denied_by[0])
        snprintf(r->found, sizeof r->found, "denied by %s", b->denied_by);
    else
        snprintf(r->found, sizeof r->found, b->left ? "it would have left" : "it did not get to the wire");
}

static void tell(struct selftest *t)
{
    size_t told = 0;
    int n =
        snprintf(t->detail, sizeof t->detail, "%zu of %zu rows did what they are for", t->count - t->failed, t->count);
    for (size_t i = 0; i < t->count && n > 0 && (size_t)n < sizeof t->detail; i++) {
        const struct selftest_row *r = &t->rows[i];
        if (!r->fired)
            n += snprintf(t->detail + n, sizeof t->detail - (size_t)n, "%s %s %s: %s", told++ ? "," : ":",
                          selftest_kind_name(r->kind), r->code, r->found);
    }
}

void selftest_run(bool simulator, struct selftest *out)
{
    struct bench b;
    const int64_t from = clock_monotonic_ns();
    memset(out, 0, sizeof *out);
    bench_begin(&b, simulator);
    fire(&b, RISK_ROW_COUNT, GUARD_CHECK_COUNT);
    judge(out, &b, SELFTEST_GOOD, "");
    for (int c = 0; c < GUARD_CHECK_COUNT; c++) {
        fire(&b, RISK_ROW_COUNT, (enum guard_check)c);
        judge(out, &b, SELFTEST_GUARD, guard_check_name((enum guard_check)c));
    }
    for (int r = 0; r < RISK_ROW_COUNT; r++) {
        fire(&b, (enum risk_row)r, GUARD_CHECK_COUNT);
        judge(out, &b, SELFTEST_RISK, risk_row_name((enum risk_row)r));
    }
    bench_end(&b);
    out->took_ns = clock_monotonic_ns() - from;
    tell(out);
}
