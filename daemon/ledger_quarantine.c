// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Orders of the broker that no intent of ours is of, until they end or an operator adopts them.
#include <stdlib.h>

#include "daemon/ledger_internal.h"
#include "sql_gen.h"

typedef void seen_done_fn(void *arg, enum ledger_result result, bool news, bool cancel);

static void seen_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    seen_done_fn *done = (seen_done_fn *)op->done;
    struct ledger_row row = {.result = reply->result == LEDGER_OK ? reply->answer->results[0] : NULL};
    bool good = reply->result == LEDGER_OK;
    bool news = good && ledger_get_bool(&row, "news"), cancel = good && ledger_get_bool(&row, "cancel");
    done(op->arg, row.bad ? LEDGER_CONFLICT : reply->result, news, cancel);
}

void ledger_quarantine_seen(struct ledger *l, const char *account, const struct order_state *s, int64_t now_ns,
                            seen_done_fn *done, void *arg)
{
    struct ledger_values v = {0};
    ledger_put(&v, s->id);
    ledger_put(&v, account);
    ledger_put(&v, s->client_order_id);
    ledger_put(&v, s->symbol);
    ledger_put(&v, order_side_name(s->side));
    ledger_put(&v, order_type_name(s->type));
    ledger_put(&v, order_tif_name(s->tif));
    ledger_put_positive(&v, s->has_qty ? s->qty.nanos : 0);
    ledger_put_positive(&v, s->has_notional ? s->notional.nanos : 0);
    ledger_put_positive(&v, s->has_limit_price ? s->limit_price.nanos : 0);
    ledger_put_positive(&v, s->has_stop_price ? s->stop_price.nanos : 0);
    ledger_put(&v, order_status_name(s->status));
    ledger_put_decimal(&v, s->filled_qty.nanos);
    ledger_put_positive(&v, s->has_filled_avg_price ? s->filled_avg_price.nanos : 0);
    ledger_put_when(&v, s->submitted_at);
    ledger_put_when(&v, s->updated_at);
    ledger_put_when(&v, now_ns);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_QUARANTINE_SEEN, v.count, v.values);
    ledger_op_lead(ledger_op_new(l, seen_finish, LEDGER_DONE(done), arg), b);
}

static bool state_read(const struct pg_result *result, size_t index, struct ledger_quarantined *q)
{
    struct ledger_row r = {.result = result, .row = index};
    struct order_state *s = &q->state;
    *q = (struct ledger_quarantined){.cancel = ledger_get_bool(&r, "cancel")};
    ledger_get_text(&r, "order_id", s->id, sizeof s->id);
    ledger_get_text(&r, "client_order_id", s->client_order_id, sizeof s->client_order_id);
    ledger_get_text(&r, "symbol", s->symbol, sizeof s->symbol);
    s->qty.nanos = ledger_get_decimal(&r, "qty");
    s->notional.nanos = ledger_get_decimal(&r, "notional");
    s->limit_price.nanos = ledger_get_decimal(&r, "limit_price");
    s->stop_price.nanos = ledger_get_decimal(&r, "stop_price");
    s->filled_qty.nanos = ledger_get_decimal(&r, "filled_qty");
    s->filled_avg_price.nanos = ledger_get_decimal(&r, "filled_avg_price");
    s->submitted_at = ledger_get_when(&r, "submitted_at");
    s->updated_at = ledger_get_when(&r, "broker_at");
    s->status = order_status_parse(ledger_get(&r, "status"));
    s->has_qty = s->qty.nanos > 0;
    s->has_notional = s->notional.nanos > 0;
    s->has_limit_price = s->limit_price.nanos > 0;
    s->has_stop_price = s->stop_price.nanos > 0;
    s->has_filled_avg_price = s->filled_avg_price.nanos > 0;
    return order_side_parse(ledger_get(&r, "side"), &s->side) && order_type_parse(ledger_get(&r, "type"), &s->type) &&
           order_tif_parse(ledger_get(&r, "time_in_force"), &s->tif) && !r.bad;
}

typedef void open_done_fn(void *arg, enum ledger_result result, const struct ledger_quarantined *rows, size_t count);

static void open_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    open_done_fn *done = (open_done_fn *)op->done;
    if (reply->result != LEDGER_OK) {
        done(op->arg, reply->result, NULL, 0);
        return;
    }
    const struct pg_result *result = reply->answer->results[0];
    size_t count = pg_rows(result);
    struct ledger_quarantined *rows = check_alloc(count + 1, sizeof *rows);
    bool good = true;
    for (size_t i = 0; i < count; i++)
        good = state_read(result, i, &rows[i]) && good;
    done(op->arg, good ? LEDGER_OK : LEDGER_CONFLICT, good ? rows : NULL, good ? count : 0);
    free(rows);
}

void ledger_quarantine_open(struct ledger *l, const char *account, open_done_fn *done, void *arg)
{
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_QUARANTINE_OPEN, 1, (const char *const[]){account});
    ledger_op_write(ledger_op_new(l, open_finish, LEDGER_DONE(done), arg), b);
}

void ledger_quarantine_cancel(struct ledger *l, const char *account, const char *order_id, const char *reason,
                              const char *operator, int64_t now_ns, ledger_done_fn *done, void *arg)
{
    struct ledger_values v = {0};
    ledger_put(&v, account);
    ledger_put(&v, order_id);
    ledger_put(&v, reason);
    ledger_put(&v, operator);
    ledger_put_when(&v, now_ns);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_QUARANTINE_CANCEL, v.count, v.values);
    ledger_op_lead(ledger_op_new(l, ledger_finish_verdict, LEDGER_DONE(done), arg), b);
}

void ledger_quarantine_adopt(struct ledger *l, const char *account, const char *order_id, const char *strategy,
                             struct day session, struct money reserved, const char *reason, const char *operator,
                             int64_t now_ns, ledger_done_fn *done, void *arg)
{
    struct ledger_values v = {0};
    ledger_put(&v, account);
    ledger_put(&v, order_id);
    ledger_put(&v, strategy);
    ledger_put_day(&v, session);
    ledger_put_decimal(&v, reserved.nanos);
    ledger_put(&v, reason);
    ledger_put(&v, operator);
    ledger_put_when(&v, now_ns);
    ledger_put(&v, l->p.host);
    ledger_put(&v, l->p.instance);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_QUARANTINE_ADOPT, v.count, v.values);
    ledger_op_lead(ledger_op_new(l, ledger_finish_verdict, LEDGER_DONE(done), arg), b);
}
