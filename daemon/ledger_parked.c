// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Parked orders that an operator has seen and closes.
#include "daemon/ledger_internal.h"
#include "sql_gen.h"

void ledger_order_close(struct ledger *l, const char *client_order_id, const char *reason, const char *operator,
                        int64_t now_ns, ledger_done_fn *done, void *arg)
{
    struct ledger_values v = {0};
    ledger_put(&v, client_order_id);
    ledger_put(&v, reason);
    ledger_put(&v, operator);
    ledger_put_when(&v, now_ns);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_ORDER_CLOSE, v.count, v.values);
    ledger_op_write(ledger_op_new(l, ledger_finish_verdict, LEDGER_DONE(done), arg), b);
}

void ledger_order_listed(struct ledger *l, const char *account, const struct order_state *s, int64_t now_ns,
                         ledger_done_fn *done, void *arg)
{
    struct ledger_values v = {0};
    ledger_put(&v, account);
    ledger_put(&v, s->client_order_id);
    ledger_put(&v, s->id);
    ledger_put(&v, order_status_name(s->status));
    ledger_put_decimal(&v, s->filled_qty.nanos);
    ledger_put_positive(&v, s->has_filled_avg_price ? s->filled_avg_price.nanos : 0);
    ledger_put_when(&v, s->updated_at);
    ledger_put_when(&v, now_ns);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_ORDER_LISTED, v.count, v.values);
    ledger_op_write(ledger_op_new(l, ledger_finish_verdict, LEDGER_DONE(done), arg), b);
}
