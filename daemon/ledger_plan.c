// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A run's plan as it was stored, with the orders that came of it: what a run of an earlier life goes on from.
#include <stdlib.h>

#include "daemon/ledger_internal.h"
#include "sql_gen.h"

typedef void stored_done_fn(void *arg, enum ledger_result result, const struct ledger_stored_plan *plan);

static bool leg_read(const struct pg_result *result, size_t index, struct ledger_stored_leg *out)
{
    struct ledger_row r = {.result = result, .row = index};
    *out = (struct ledger_stored_leg){.strategies = ""};
    out->leg.leg = (int)ledger_get_int(&r, "leg");
    ledger_get_text(&r, "symbol", out->leg.symbol, sizeof out->leg.symbol);
    out->leg.qty.nanos = ledger_get_decimal(&r, "qty");
    out->leg.decision_price.nanos = ledger_get_decimal(&r, "decision_price");
    ledger_get_text(&r, "strategies", out->strategies, sizeof out->strategies);
    return order_side_parse(ledger_get(&r, "side"), &out->leg.side) && !r.bad;
}

static void stored_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    stored_done_fn *done = (stored_done_fn *)op->done;
    if (reply->result != LEDGER_OK) {
        done(op->arg, reply->result, NULL);
        return;
    }
    const struct pg_result *const *results = (const struct pg_result *const *)reply->answer->results;
    size_t leg_count = pg_rows(results[0]), order_count = pg_rows(results[1]);
    struct ledger_stored_leg *legs = check_alloc(leg_count + 1, sizeof *legs);
    struct order_row *orders = check_alloc(order_count + 1, sizeof *orders);
    struct ledger_row counts = {.result = results[2]};
    struct ledger_stored_plan plan = {
        .legs = legs,
        .leg_count = leg_count,
        .orders = orders,
        .order_count = order_count,
        .members_failed = ledger_get_int(&counts, "members_failed"),
        .fills = ledger_get_int(&counts, "fills"),
    };
    bool good = !counts.bad;
    for (size_t i = 0; i < leg_count; i++)
        good = leg_read(results[0], i, &legs[i]) && legs[i].leg.leg == (int)i + 1 && good;
    for (size_t i = 0; i < order_count; i++)
        good = ledger_order_read(results[1], i, &orders[i]) && good;
    done(op->arg, good ? LEDGER_OK : LEDGER_CONFLICT, good ? &plan : NULL);
    free(legs);
    free(orders);
}

void ledger_run_stored(struct ledger *l, const char *run_id, stored_done_fn *done, void *arg)
{
    const char *const values[] = {run_id};
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_RUN_STORED_LEGS, 1, values);
    pg_batch_add(b, &SQL_RUN_STORED_ORDERS, 1, values);
    pg_batch_add(b, &SQL_RUN_STORED_COUNTS, 1, values);
    ledger_op_write(ledger_op_new(l, stored_finish, LEDGER_DONE(done), arg), b);
}
