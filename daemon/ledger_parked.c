// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Parked orders that an operator has seen and closes, or has sent again; orders of the broker's list.
#include "daemon/ledger_internal.h"
#include "sql_gen.h"

typedef void retry_done_fn(void *arg, enum ledger_result result, const struct order_row *row, const char *refused);

static void retry_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    retry_done_fn *done = (retry_done_fn *)op->done;
    struct order_row row;
    struct ledger_row first = {.result = reply->result == LEDGER_OK ? reply->answer->results[0] : NULL};
    if (reply->result != LEDGER_OK || pg_rows(first.result) == 0)
        done(op->arg, reply->result, NULL, reply->detail);
    else if (!ledger_order_read(first.result, 0, &row))
        done(op->arg, LEDGER_CONFLICT, NULL, "");
    else
        done(op->arg, LEDGER_OK, &row, ledger_get(&first, "refused"));
}

void ledger_order_retry(struct ledger *l, const char *client_order_id, struct day session, int64_t now_ns,
                        retry_done_fn *done, void *arg)
{
    struct ledger_values v = {0};
    ledger_put(&v, client_order_id);
    ledger_put_day(&v, session);
    ledger_put_when(&v, now_ns);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_ORDER_RETRY, v.count, v.values);
    ledger_op_write(ledger_op_new(l, retry_finish, LEDGER_DONE(done), arg), b);
}

void ledger_order_reopen(struct ledger *l, const char *client_order_id, struct day session, const char *reason,
                         const char *operator, int64_t now_ns, ledger_done_fn *done, void *arg)
{
    struct ledger_values v = {0};
    ledger_put(&v, client_order_id);
    ledger_put_day(&v, session);
    ledger_put(&v, reason);
    ledger_put(&v, operator);
    ledger_put_when(&v, now_ns);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_ORDER_REOPEN, v.count, v.values);
    ledger_op_lead(ledger_op_new(l, ledger_finish_verdict, LEDGER_DONE(done), arg), b);
}

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
    ledger_op_lead(ledger_op_new(l, ledger_finish_verdict, LEDGER_DONE(done), arg), b);
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
    ledger_op_lead(ledger_op_new(l, ledger_finish_verdict, LEDGER_DONE(done), arg), b);
}
