// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Orders of the broker that no intent of ours is of, until they end or an operator adopts them; its list of orders held
// against ours, and up to when all of it was found.
#include <stdlib.h>

#include "daemon/ledger_internal.h"
#include "lib/base/json_write.h"
#include "sql_gen.h"

#define STATES_TEXT_MAX (1u << 20)

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

// --- up to when all was found

typedef void point_done_fn(void *arg, enum ledger_result result, int64_t at);

static void point_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    point_done_fn *done = (point_done_fn *)op->done;
    struct ledger_row row = {.result = reply->result == LEDGER_OK ? reply->answer->results[0] : NULL};
    int64_t at = reply->result == LEDGER_OK ? ledger_get_when(&row, "at") : 0;
    done(op->arg, row.bad ? LEDGER_CONFLICT : reply->result, at);
}

void ledger_reconciled_read(struct ledger *l, const char *account, point_done_fn *done, void *arg)
{
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_RECONCILED_READ, 1, (const char *const[]){account});
    ledger_op_write(ledger_op_new(l, point_finish, LEDGER_DONE(done), arg), b);
}

static void point_written(struct ledger_op *op, const struct ledger_reply *reply)
{
    (void)op, (void)reply; // the next one comes in some minutes
}

void ledger_reconciled_write(struct ledger *l, const char *account, int64_t at)
{
    struct ledger_values v = {0};
    ledger_put(&v, account);
    ledger_put_when(&v, at);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_RECONCILED_WRITE, v.count, v.values);
    ledger_op_lead(ledger_op_new(l, point_written, NULL, NULL), b);
}

// --- the broker's list of orders against ours

typedef void compared_done_fn(void *arg, enum ledger_result result, const struct ledger_difference *rows, size_t count);

static void write_states(struct text *out, const struct order_state *states, size_t count)
{
    struct json_out o;
    json_out_init(&o, out);
    json_array_begin(&o);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&o);
        json_put_int(&o, "n", (int64_t)i);
        json_put_string(&o, "id", states[i].id);
        json_put_string(&o, "client_order_id", states[i].client_order_id);
        json_put_string(&o, "status", order_status_name(states[i].status));
        json_put_decimal(&o, "filled_qty", states[i].filled_qty.nanos);
        if (states[i].submitted_at)
            json_put_when(&o, "submitted_at", states[i].submitted_at);
        json_object_end(&o);
    }
    json_array_end(&o);
}

static void compared_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    compared_done_fn *done = (compared_done_fn *)op->done;
    const struct pg_result *result = reply->result == LEDGER_OK ? reply->answer->results[0] : NULL;
    size_t count = reply->result == LEDGER_OK ? pg_rows(result) : 0;
    struct ledger_difference *rows = check_alloc(count + 1, sizeof *rows);
    struct ledger_row r = {.result = result};
    for (size_t i = 0; i < count; i++) {
        r.row = i;
        rows[i].index = (size_t)ledger_get_int(&r, "n");
        rows[i].foreign = ledger_get_bool(&r, "foreign");
        rows[i].filled_qty.nanos = ledger_get_decimal(&r, "filled_qty");
        ledger_get_text(&r, "status", rows[i].status, sizeof rows[i].status);
        ledger_get_text(&r, "order_id", rows[i].order_id, sizeof rows[i].order_id);
    }
    done(op->arg, r.bad ? LEDGER_CONFLICT : reply->result, rows, r.bad ? 0 : count);
    free(rows);
}

void ledger_orders_compare(struct ledger *l, const char *account, const struct order_state *states, size_t count,
                           compared_done_fn *done, void *arg)
{
    struct ledger_op *op = ledger_op_new(l, compared_finish, LEDGER_DONE(done), arg);
    struct ledger_values v = {0};
    struct text json;
    text_init(&json, STATES_TEXT_MAX);
    write_states(&json, states, count);
    if (json.overflow) {
        ledger_op_refuse(op, LEDGER_CONFLICT, "too many orders for one call");
    } else {
        ledger_put(&v, account);
        ledger_put(&v, text_str(&json));
        struct pg_batch *b = pg_batch_new();
        pg_batch_add(b, &SQL_ORDERS_COMPARE, v.count, v.values);
        ledger_op_write(op, b);
    }
    text_free(&json);
}
