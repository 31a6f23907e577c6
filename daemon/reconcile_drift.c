// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The difference between ledger and broker, for people: as JSON, and as a short code, so that what is accepted is what
// was seen.
#include "daemon/reconcile_internal.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/digest.h"
#include "lib/io/clock.h"

#define DRIFT_TEXT_MAX (1u << 20)

struct difference {
    const char *symbol;
    struct qty ledger, broker;
};

static struct qty broker_qty(const struct alpaca_position *positions, size_t count, const char *symbol)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(positions[i].symbol, symbol) == 0)
            return positions[i].qty;
    return (struct qty){0};
}

static bool in_sums(const struct reconcile *r, const char *symbol)
{
    for (size_t i = 0; i < r->sum_count; i++)
        if (strcmp(r->sums[i].symbol, symbol) == 0)
            return true;
    return false;
}

// Calls each for every symbol that differs: those of the ledger, then those that only the broker has.
static void each_difference(const struct reconcile *r, const struct alpaca_position *positions, size_t count,
                            void (*each)(void *arg, const struct difference *d), void *arg)
{
    for (size_t i = 0; i < r->sum_count; i++) {
        struct difference d = {r->sums[i].symbol, r->sums[i].qty, broker_qty(positions, count, r->sums[i].symbol)};
        if (d.ledger.nanos != d.broker.nanos)
            each(arg, &d);
    }
    for (size_t i = 0; i < count; i++)
        if (!in_sums(r, positions[i].symbol))
            each(arg, &(struct difference){positions[i].symbol, {0}, positions[i].qty});
}

static void add_line(void *arg, const struct difference *d)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX];
    text_addf(arg, "%s %s %s\n", d->symbol, decimal_format(d->ledger.nanos, a), decimal_format(d->broker.nanos, b));
}

void reconcile_drift_code(const struct reconcile *r, const struct alpaca_position *positions, size_t count,
                          struct money cash, char out[DRIFT_CODE_MAX])
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], hex[DIGEST_HEX_MAX];
    struct text t;
    text_init(&t, DRIFT_TEXT_MAX);
    each_difference(r, positions, count, add_line, &t);
    if (!reconcile_cash_within(r, cash))
        text_addf(&t, "cash %s %s\n", decimal_format(r->ledger_cash.nanos, a), decimal_format(cash.nanos, b));
    if (r->activities_held)
        text_addf(&t, "held %zu %s\n", r->activities_held, r->held_text);
    struct digest d = digest_of(text_str(&t), t.len);
    str_copy_cut(out, DRIFT_CODE_MAX, t.len ? digest_hex(&d, hex) : "");
    text_free(&t);
}

static void write_line(void *arg, const struct difference *d)
{
    struct json_out *o = arg;
    json_object_begin(o);
    json_put_string(o, "symbol", d->symbol);
    json_put_decimal(o, "ledger", d->ledger.nanos);
    json_put_decimal(o, "broker", d->broker.nanos);
    json_object_end(o);
}

void reconcile_write_drift(const struct reconcile *r, struct json_out *o)
{
    char code[DRIFT_CODE_MAX] = "";
    const char *reason;
    bool in_step = reconcile_in_step(r, &reason);
    if (r->compared && r->opened)
        reconcile_drift_code(r, r->positions, r->position_count, r->broker_account.cash, code);
    json_put_string(o, "account", r->account);
    json_put_bool(o, "compared", r->compared);
    json_put_bool(o, "in_step", in_step);
    json_put_string(o, "reason", reason);
    json_put_string(o, "code", code[0] ? code : NULL);
    json_key(o, "cash");
    json_object_begin(o);
    json_put_decimal(o, "ledger", r->ledger_cash.nanos);
    json_put_decimal(o, "broker", r->broker_account.cash.nanos);
    json_put_bool(o, "agrees", reconcile_cash_within(r, r->broker_account.cash));
    json_object_end(o);
    json_key(o, "positions");
    json_array_begin(o);
    if (r->opened)
        each_difference(r, r->positions, r->position_count, write_line, o);
    json_array_end(o);
    json_put_int(o, "held", (int64_t)r->activities_held);
    json_put_string(o, "first_held", r->activities_held ? r->held_text : NULL);
}
