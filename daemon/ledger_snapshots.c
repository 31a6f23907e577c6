// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Snapshots: what the account was worth and held at a moment, both in one statement.
#include "daemon/ledger_internal.h"
#include "lib/base/json_write.h"
#include "sql_gen.h"

#define POSITIONS_TEXT_MAX (4u << 20)

static void write_positions(const struct ledger_snapshot *s, struct text *out)
{
    struct json_out o;
    json_out_init(&o, out);
    json_array_begin(&o);
    for (size_t i = 0; i < s->position_count; i++) {
        const struct alpaca_position *p = &s->positions[i];
        json_object_begin(&o);
        json_put_string(&o, "symbol", p->symbol);
        json_put_decimal(&o, "qty", p->qty.nanos);
        json_put_decimal(&o, "avg_entry_price", p->avg_entry_price.nanos);
        json_put_decimal(&o, "market_value", p->market_value.nanos);
        json_put_decimal(&o, "current_price", p->current_price.nanos);
        json_object_end(&o);
    }
    json_array_end(&o);
}

void ledger_snapshot_take(struct ledger *l, const struct ledger_snapshot *s, ledger_done_fn *done, void *arg)
{
    struct ledger_op *op = ledger_op_new(l, ledger_finish_verdict, LEDGER_DONE(done), arg);
    const struct alpaca_account *a = s->figures;
    struct ledger_values v = {0};
    struct text positions;
    text_init(&positions, POSITIONS_TEXT_MAX);
    write_positions(s, &positions);
    ledger_put(&v, s->account);
    ledger_put_day(&v, s->session);
    ledger_put_when(&v, s->at);
    ledger_put_decimal(&v, a->equity.nanos);
    ledger_put_decimal(&v, a->cash.nanos);
    ledger_put_decimal(&v, a->buying_power.nanos);
    ledger_put_decimal(&v, a->long_market_value.nanos);
    ledger_put_decimal(&v, a->short_market_value.nanos);
    ledger_put(&v, s->source);
    ledger_put(&v, s->run_id);
    ledger_put(&v, text_str(&positions));
    if (positions.overflow) {
        ledger_op_refuse(op, LEDGER_CONFLICT, "more positions than a snapshot may have (4 MiB of text)");
    } else {
        struct pg_batch *b = pg_batch_new();
        pg_batch_add(b, &SQL_SNAPSHOT_TAKE, v.count, v.values);
        ledger_op_lead(op, b);
    }
    text_free(&positions);
}
