// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The marks that losses are measured from are kept in Postgres: a restart forgets no loss. What is counted (orders
// without a price, failed calls, alike executions) begins anew with each life.
#include "daemon/breaker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/map.h"

#define KINDS_MAX 256u   // of executions that are remembered
#define STEP_PER_MILLE 1 // a new high is written when it is so much above the one that is

struct kind { // of execution: the times of the last ones, as a ring
    size_t count;
    int64_t at[];
};

struct breaker {
    struct breaker_params p;
    char account[ACCOUNT_NUMBER_MAX];
    struct breaker_marks marks, written;
    bool marks_known, reading, writing;
    bool equity_known;
    struct money equity;
    int64_t stale_orders, calls, failed, calls_from_ns, calls_for_ns;
    int64_t alike; // the most of one kind within its window, as of its last execution
    struct map *kinds;
    struct breaker_verdict verdict;
};

struct breaker *breaker_new(const struct breaker_params *params)
{
    struct breaker *b = check_alloc(1, sizeof *b);
    b->p = *params;
    b->kinds = map_new();
    b->verdict.row = BREAKER_ROW_COUNT;
    for (int row = 0; row < BREAKER_ROW_COUNT; row++) // a rule sees a count rise, not appear
        metrics_add(b->p.metrics, METRIC_BREAKER_TRIPS, breaker_row_name((enum breaker_row)row), 0);
    return b;
}

static void forget_kinds(struct breaker *b)
{
    size_t cursor = 0;
    const char *key;
    void *value;
    while (map_each(b->kinds, &cursor, &key, &value))
        free(value);
    map_free(b->kinds);
    b->kinds = map_new();
    b->alike = 0;
}

void breaker_free(struct breaker *b)
{
    if (!b)
        return;
    forget_kinds(b);
    map_free(b->kinds);
    free(b);
}

// ---- what it counts

void breaker_call(struct breaker *b, bool failed)
{
    b->calls++;
    b->failed += failed;
}

void breaker_judged(struct breaker *b, const struct risk_verdict *v)
{
    if (v->answer != RISK_PASS && (v->row == RISK_PRICE_KNOWN || v->row == RISK_PRICE_AGE))
        b->stale_orders++;
    else if (v->answer == RISK_PASS && !v->reduces) // one that reduces needs no price
        b->stale_orders = 0;
}

static struct kind *kind_of(struct breaker *b, const struct intent *in)
{
    char key[256], qty[DECIMAL_TEXT_MAX];
    int64_t size = in->order.qty.nanos ? in->order.qty.nanos : in->order.notional.nanos;
    snprintf(key, sizeof key, "%s %s %s %s%s", in->strategy, in->order.symbol, order_side_name(in->order.side),
             in->order.qty.nanos ? "" : "$", decimal_format(size, qty));
    struct kind *k = map_get(b->kinds, key);
    if (k)
        return k;
    if (map_size(b->kinds) >= KINDS_MAX) // rather than without bound: what comes again is seen again
        forget_kinds(b);
    k = check_alloc(1, sizeof *k + (size_t)b->p.limits->alike_executions * sizeof k->at[0]);
    map_put(b->kinds, key, k);
    return k;
}

// The ring has the size of the limit at start; a reload may only lower that.
void breaker_executed(struct breaker *b, const struct intent *intent, int64_t now_boot_ns)
{
    size_t most = (size_t)b->p.limits->alike_executions;
    struct kind *k = kind_of(b, intent);
    int64_t alike = 0;
    if (k->count >= most) { // the newest stay
        memmove(&k->at[0], &k->at[k->count - (most - 1)], (most - 1) * sizeof k->at[0]);
        k->count = most - 1;
    }
    k->at[k->count++] = now_boot_ns;
    for (size_t i = 0; i < k->count; i++)
        alike += now_boot_ns - k->at[i] <= b->p.limits->alike_window_ns;
    b->alike = alike;
}

// ---- its marks

static void marks_read(void *arg, enum ledger_result result, const struct breaker_marks *marks)
{
    struct breaker *b = arg;
    b->reading = false;
    if (result != LEDGER_OK)
        return; // with the next look
    b->marks = b->written = *marks;
    b->marks_known = true;
}

static void marks_written(void *arg, enum ledger_result result, const char *detail)
{
    struct breaker *b = arg;
    (void)detail;
    b->writing = false;
    if (result != LEDGER_OK)
        b->written = (struct breaker_marks){0}; // again, with the next look
}

static bool worth_writing(const struct breaker *b)
{
    const struct breaker_marks *now = &b->marks, *then = &b->written;
    int64_t step = then->high_water.nanos / 1000 * STEP_PER_MILLE;
    if (now->day_start.nanos <= 0 || now->high_water.nanos <= 0)
        return false; // of no session yet, or of an account that is worth nothing: Postgres takes no such marks
    return day_compare(now->session, then->session) != 0 || now->day_start.nanos != then->day_start.nanos ||
           now->high_water.nanos < then->high_water.nanos || now->high_water.nanos - then->high_water.nanos > step;
}

static void write_marks(struct breaker *b, const struct breaker_moment *m)
{
    if (b->writing || !worth_writing(b))
        return;
    b->writing = true;
    b->written = b->marks;
    ledger_breaker_write(b->p.ledger, b->account, &b->marks, m->wall_ns, marks_written, b);
}

// The session's loss is measured from what the account was worth at the close before it.
static void move_marks(struct breaker *b, const struct breaker_moment *m, const struct alpaca_account *a)
{
    bool turned = m->session_known && day_compare(b->marks.session, m->session) != 0;
    if (turned) {
        b->marks.session = m->session;
        b->marks.day_start = a->last_equity.nanos > 0 ? a->last_equity : a->equity;
    }
    if (a->equity.nanos > b->marks.high_water.nanos)
        b->marks.high_water = a->equity;
    write_marks(b, m);
}

static void begin_anew(struct breaker *b)
{
    log_notice("breaker: released after %s: its figures begin anew", breaker_row_name(b->verdict.row));
    b->verdict = (struct breaker_verdict){.row = BREAKER_ROW_COUNT};
    b->stale_orders = b->calls = b->failed = b->calls_for_ns = 0;
    forget_kinds(b);
    b->marks.day_start = b->equity;
    b->marks.high_water = b->equity;
}

// ---- looking

struct breaker_view breaker_view_now(const struct breaker *b)
{
    return (struct breaker_view){
        .account_known = b->marks_known && b->equity_known,
        .equity = b->equity,
        .day_start = b->marks.day_start,
        .high_water = b->marks.high_water,
        .stale_orders = b->stale_orders,
        .calls = b->calls,
        .failed = b->failed,
        .failing_ns = b->calls_for_ns,
        .alike = b->alike,
    };
}

const struct breaker_verdict *breaker_verdict_now(const struct breaker *b)
{
    return &b->verdict;
}

// Calls are looked at in stretches of broker_errors_for: one that is over counts as a whole, then the next begins.
static void look_at_calls(struct breaker *b, int64_t now)
{
    if (b->calls_for_ns >= b->p.limits->broker_errors_for_ns)
        b->calls = b->failed = 0;
    if (b->calls == 0)
        b->calls_from_ns = now;
    b->calls_for_ns = now - b->calls_from_ns;
}

static void judge(struct breaker *b, const struct breaker_moment *m)
{
    struct breaker_verdict v;
    struct breaker_view view = breaker_view_now(b);
    breaker_judge(b->p.limits, &view, &v);
    if (!v.trips || b->verdict.trips)
        return;
    b->verdict = v;
    if (m->halt == HALT_HALTED) { // found at the start, or somebody was faster: its release begins anew as well
        log_notice("breaker: %s: %s; a halt is in force already", breaker_row_name(v.row), v.detail);
        return;
    }
    metrics_add(b->p.metrics, METRIC_BREAKER_TRIPS, breaker_row_name(v.row), 1);
    b->p.tripped(b->p.arg, breaker_row_name(v.row), v.detail);
}

static void look_at_account(struct breaker *b, const struct breaker_moment *m)
{
    struct alpaca_account a;
    int64_t asked;
    if (!str_equal(b->account, m->account)) {
        str_copy_cut(b->account, sizeof b->account, m->account);
        b->marks_known = false;
    }
    if (!b->marks_known && !b->reading && b->account[0]) {
        b->reading = true;
        ledger_breaker_read(b->p.ledger, b->account, marks_read, b);
    }
    b->equity_known = exposure_account(b->p.exposure, &a, &asked);
    if (!b->equity_known)
        return;
    b->equity = a.equity;
    if (b->verdict.trips && m->halt == HALT_RUNNING)
        begin_anew(b);
    if (b->marks_known)
        move_marks(b, m, &a);
}

void breaker_look(struct breaker *b, const struct breaker_moment *m)
{
    look_at_calls(b, m->boot_ns);
    if (!m->leads) { // the host that leads has its own, and writes the marks
        b->marks_known = false;
        return;
    }
    look_at_account(b, m);
    if (m->halt != HALT_UNKNOWN)
        judge(b, m);
}
