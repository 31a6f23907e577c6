// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The comparison: books + unassigned against the broker's positions, the ledger's cash against the broker's (one cent
// per fill, the broker rounds). Broker reads may lag by some seconds, so a difference must last before it is an alert;
// orders are held at once.
#include "daemon/reconcile_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define LAG_NS (10 * NS_PER_S)
#define SLOW_PASS_NS (30 * NS_PER_S) // longer than two intervals a pass may take, with many pages at the broker's rate
#define CENT_NANOS (DECIMAL_ONE / 100)

void reconcile_set_reason(struct reconcile *r, bool in_step, const char *format, ...)
{
    char reason[sizeof r->reason];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    bool news = in_step != r->in_step || strcmp(reason, r->reason) != 0;
    if (in_step != r->in_step)
        log_notice("reconcile: %s%s%s", in_step ? "ledger and broker agree" : "orders are held", reason[0] ? ": " : "",
                   reason);
    r->in_step = in_step;
    str_copy_cut(r->reason, sizeof r->reason, reason);
    if (news)
        r->p.on_state(r->p.arg);
}

// Positions and sums are sorted by symbol.

static int position_of(const void *symbol, const void *position)
{
    return strcmp(symbol, ((const struct alpaca_position *)position)->symbol);
}

static struct qty broker_qty(const struct reconcile *r, const char *symbol)
{
    const struct alpaca_position *p =
        r->position_count ? bsearch(symbol, r->positions, r->position_count, sizeof *r->positions, position_of) : NULL;
    return p ? p->qty : (struct qty){0};
}

static int sum_of(const void *symbol, const void *sum)
{
    return strcmp(symbol, ((const struct holding_sum *)sum)->symbol);
}

static struct qty ledger_qty(const struct reconcile *r, const char *symbol)
{
    const struct holding_sum *s = r->sum_count ? bsearch(symbol, r->sums, r->sum_count, sizeof *r->sums, sum_of) : NULL;
    return s ? s->qty : (struct qty){0};
}

static int by_symbol(const void *a, const void *b)
{
    const struct holding_sum *x = a, *y = b;
    return strcmp(x->symbol, y->symbol);
}

bool reconcile_sum_books(struct reconcile *r, const struct ledger_books *books)
{
    size_t rows = 0, kept = 0;
    for (size_t i = 0; i < books->count; i++)
        rows += books->books[i].count;
    struct holding_sum *sums = check_alloc(rows + 1, sizeof *sums);
    rows = 0;
    for (size_t i = 0; i < books->count; i++)
        for (size_t k = 0; k < books->books[i].count; k++, rows++) {
            str_copy_cut(sums[rows].symbol, SYMBOL_MAX, books->books[i].items[k].symbol);
            sums[rows].qty = books->books[i].items[k].qty;
        }
    qsort(sums, rows, sizeof *sums, by_symbol);
    bool fits = true;
    for (size_t i = 0; i < rows; i++)
        if (kept && strcmp(sums[kept - 1].symbol, sums[i].symbol) == 0)
            fits = fits && qty_add(sums[kept - 1].qty, sums[i].qty, &sums[kept - 1].qty);
        else
            sums[kept++] = sums[i];
    free(r->sums);
    r->sums = sums;
    r->sum_count = fits ? kept : 0;
    return fits;
}

static bool differs(const char *symbol, struct qty ledger, struct qty broker, char *out, size_t size)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX];
    if (ledger.nanos == broker.nanos)
        return false;
    snprintf(out, size, "%s: ledger %s, broker %s", symbol, decimal_format(ledger.nanos, a),
             decimal_format(broker.nanos, b));
    return true;
}

static size_t compare_positions(const struct reconcile *r, char *first, size_t size)
{
    size_t found = 0;
    char text[160];
    for (size_t i = 0; i < r->sum_count; i++)
        if (differs(r->sums[i].symbol, r->sums[i].qty, broker_qty(r, r->sums[i].symbol), text, sizeof text) && !found++)
            str_copy_cut(first, size, text);
    for (size_t i = 0; i < r->position_count; i++) {
        const struct alpaca_position *p = &r->positions[i];
        bool listed = ledger_qty(r, p->symbol).nanos != 0; // compared above
        if (!listed && differs(p->symbol, (struct qty){0}, p->qty, text, sizeof text) && !found++)
            str_copy_cut(first, size, text);
    }
    return found;
}

// The broker rounds every fill to cents.
bool reconcile_cash_within(const struct reconcile *r, struct money broker)
{
    struct money difference;
    int64_t allowed = r->fill_count < INT64_MAX / CENT_NANOS ? r->fill_count * CENT_NANOS : INT64_MAX;
    return money_sub(r->ledger_cash, broker, &difference) && difference.nanos <= allowed &&
           difference.nanos >= -allowed;
}

static bool cash_agrees(const struct reconcile *r, char *out, size_t size)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX];
    if (reconcile_cash_within(r, r->broker_account.cash))
        return true;
    snprintf(out, size, "cash: ledger %s, broker %s", decimal_format(r->ledger_cash.nanos, a),
             decimal_format(r->broker_account.cash.nanos, b));
    return false;
}

// The difference lasts, or has passed: since when it is this one, and whether it was told.
static bool lasts(struct reconcile *r, const char *why, bool settled)
{
    int64_t now = clock_boot_ns();
    if (!r->mismatch_since_boot_ns || (!settled && !str_equal(why, r->mismatch))) // each fill under way differs anew
        r->mismatch_since_boot_ns = now;
    str_copy_cut(r->mismatch, sizeof r->mismatch, why);
    return now - r->mismatch_since_boot_ns > LAG_NS;
}

static void show(struct reconcile *r, size_t positions, bool cash)
{
    metrics_set(r->p.metrics, METRIC_LEDGER_MISMATCH, "position", (int64_t)positions);
    metrics_set(r->p.metrics, METRIC_LEDGER_MISMATCH, "cash", cash);
    metrics_set(r->p.metrics, METRIC_LEDGER_MISMATCH, "activity", (int64_t)r->activities_held);
}

bool reconcile_compare(struct reconcile *r, bool settled)
{
    char why[sizeof r->mismatch] = "";
    r->compared = true;
    if (!r->opened) {
        reconcile_set_reason(r, false, "the opening of account %s is not accepted yet: run `paperguard opening accept`",
                             r->account);
        return false;
    }
    size_t positions = compare_positions(r, why, sizeof why);
    bool cash = positions == 0 && !cash_agrees(r, why, sizeof why);
    if (r->activities_held) // rather the cause than what follows from it
        snprintf(why, sizeof why, "activity not understood: %s", r->held_text);
    if (!why[0]) {
        show(r, 0, false);
        r->mismatch_since_boot_ns = 0;
        r->mismatch_alerted = false;
        reconcile_set_reason(r, true, "%s", "");
        return true;
    }
    bool told = lasts(r, why, settled);
    r->again = true; // look again soon: it may be lag
    if (!settled && !told && r->in_step && !r->activities_held)
        return false;
    show(r, positions, cash);
    reconcile_set_reason(r, false, "ledger and broker differ: %s", why);
    if (told && !r->mismatch_alerted) {
        r->mismatch_alerted = true;
        r->p.alert(r->p.arg, "ledger_mismatch", r->account, why);
    }
    return false;
}

void reconcile_fills_refused(struct reconcile *r, const char *detail)
{
    int64_t now = clock_boot_ns();
    log_notice("reconcile: fills are not recorded: %s", detail);
    r->fills_refused = true;
    if (!r->refused_since_boot_ns)
        r->refused_since_boot_ns = now;
    if (now - r->refused_since_boot_ns <= LAG_NS)
        return;
    reconcile_set_reason(r, false, "fills are not recorded: %s", detail);
    if (!r->refused_alerted)
        r->p.alert(r->p.arg, "fills_refused", r->account, detail);
    r->refused_alerted = true;
}

void reconcile_pass_fails(struct reconcile *r, const char *what, const char *detail)
{
    char stalled[sizeof r->stalled];
    int64_t now = clock_boot_ns();
    if (!r->failing_since_boot_ns)
        r->failing_since_boot_ns = now;
    if (now - r->failing_since_boot_ns <= LAG_NS)
        return;
    snprintf(stalled, sizeof stalled, "%s not read for more than %lld s: %s", what, (long long)(LAG_NS / NS_PER_S),
             detail);
    bool news = strcmp(stalled, r->stalled) != 0;
    if (!r->stalled[0])
        log_notice("reconcile: orders are held: %s", stalled);
    str_copy_cut(r->stalled, sizeof r->stalled, stalled);
    if (news)
        r->p.on_state(r->p.arg);
}

void reconcile_pass_is_whole(struct reconcile *r)
{
    bool news = r->stalled[0] != '\0';
    if (news)
        log_notice("reconcile: everything is read again");
    r->full_pass_boot_ns = clock_boot_ns();
    r->failing_since_boot_ns = 0;
    r->stalled[0] = '\0';
    if (news)
        r->p.on_state(r->p.arg);
}

// What was found by the last whole pass holds for a while only: orders and fills are heard of by passes.
static const char *stalled(const struct reconcile *r)
{
    int64_t most = 2 * r->p.compare_interval_ms * NS_PER_MS + SLOW_PASS_NS;
    if (r->stalled[0])
        return r->stalled;
    return r->compared && clock_boot_ns() - r->full_pass_boot_ns > most
               ? "fills and positions were not read for too long"
               : NULL;
}

bool reconcile_in_step(const struct reconcile *r, const char **reason)
{
    const char *clock = facts_clock_trouble(r->p.facts);
    const char *old = stalled(r);
    if (!old && r->compared && !r->surveyed)
        old = "the broker's orders are held against the ledger, which was connected anew";
    *reason = clock ? clock : r->in_step && old ? old : r->reason;
    return r->in_step && !clock && !old;
}

bool reconcile_adopted(const struct reconcile *r)
{
    return r->adopted;
}

bool reconcile_needs_opening(const struct reconcile *r)
{
    return r->books_known && !r->opened;
}
