// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Intents and orders. The only place that mints a receipt: in the completion of the intent's COMMIT, and nowhere else.
#include <stdlib.h>
#include <string.h>

#include "daemon/ledger_internal.h"
#include "lib/io/clock.h"
#include "sql_gen.h"

#define BODY_MAX 4096

// --- committing an intent

struct commit {
    struct intent intent;
    char body[BODY_MAX];
};

static struct receipt *mint(const struct ledger *l, const struct commit *c)
{
    struct receipt_terms terms = {.order = c->intent.order,
                                  .reduces = c->intent.reduces,
                                  .body = c->body,
                                  .body_len = strlen(c->body),
                                  .committed_boot_ns = clock_boot_ns(),
                                  .leader_epoch = l->leader_epoch};
    str_copy_cut(terms.account_number, sizeof terms.account_number, c->intent.account);
    str_copy_cut(terms.run_id, sizeof terms.run_id, c->intent.run_id);
    str_copy_cut(terms.whose, sizeof terms.whose, intent_whose(&c->intent));
    return receipt_mint(&terms);
}

static void commit_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    ledger_intent_done_fn *done = (ledger_intent_done_fn *)op->done;
    if (reply->result != LEDGER_OK) {
        done(op->arg, reply->result, NULL, reply->detail);
        return;
    }
    struct ledger_row row = {.result = reply->answer->results[0]};
    const char *verdict = ledger_get(&row, "verdict");
    if (str_equal(verdict, "new") || str_equal(verdict, "same"))
        done(op->arg, LEDGER_OK, mint(op->l, op->data), "");
    else
        done(op->arg, LEDGER_CONFLICT, NULL, verdict);
}

static void put_order(struct ledger_values *v, const struct order_request *o)
{
    ledger_put(v, o->symbol);
    ledger_put(v, order_side_name(o->side));
    ledger_put(v, order_type_name(o->type));
    ledger_put(v, order_tif_name(o->tif));
    ledger_put_positive(v, o->qty.nanos);
    ledger_put_positive(v, o->notional.nanos);
    ledger_put_positive(v, o->limit_price.nanos);
    ledger_put_bool(v, o->extended_hours);
}

static void commit_batch(const struct ledger *l, const struct commit *c, struct pg_batch *b)
{
    const struct intent *i = &c->intent;
    struct ledger_values v = {0};
    ledger_put(&v, i->order.client_order_id);
    ledger_put(&v, i->account);
    ledger_put_day(&v, i->session);
    ledger_put_unless_empty(&v, i->run_id);
    if (i->leg > 0) {
        ledger_put_int(&v, i->leg);
        ledger_put_int(&v, i->try_no);
    } else {
        ledger_put(&v, NULL);
        ledger_put(&v, NULL);
    }
    ledger_put(&v, i->leg > 0 ? "" : i->strategy);
    ledger_put(&v, i->reduces ? "REDUCE" : "OPEN");
    put_order(&v, &i->order);
    ledger_put(&v, c->body);
    ledger_put_decimal(&v, i->reserved.nanos);
    ledger_put_positive(&v, i->decision_price.nanos);
    ledger_put_positive(&v, i->bid.nanos);
    ledger_put_positive(&v, i->ask.nanos);
    ledger_put_when(&v, i->created_at);
    ledger_put(&v, l->p.host);
    ledger_put(&v, l->p.instance);
    ledger_put_when(&v, i->quote_at);
    ledger_put_when(&v, i->price_at);
    pg_batch_add(b, &SQL_INTENT_COMMIT, v.count, v.values);
}

void ledger_intent_commit(struct ledger *l, const struct intent *intent, ledger_intent_done_fn *done, void *arg)
{
    struct ledger_op *op = ledger_op_new(l, commit_finish, LEDGER_DONE(done), arg);
    struct commit *c = op->data = check_alloc(1, sizeof *c);
    struct text body;
    c->intent = *intent;
    text_init(&body, sizeof c->body - 1);
    order_request_write(&intent->order, &body);
    bool fits = !body.overflow && str_copy(c->body, sizeof c->body, text_str(&body));
    text_free(&body);
    if (!fits) {
        ledger_op_refuse(op, LEDGER_CONFLICT, "the order's body is longer than an intent may be");
        return;
    }
    struct pg_batch *b = pg_batch_new();
    commit_batch(l, c, b);
    ledger_op_lead(op, b);
}

// --- what becomes of it

void ledger_order_update(struct ledger *l, const char *client_order_id, const char *order_id, enum order_status status,
                         struct qty filled_qty, struct price filled_avg_price, int64_t broker_at, int64_t now_ns,
                         const char *source, const char *reason, ledger_done_fn *done, void *arg)
{
    struct ledger_values v = {0};
    ledger_put(&v, client_order_id);
    ledger_put_unless_empty(&v, order_id);
    ledger_put(&v, order_status_name(status));
    ledger_put_decimal(&v, filled_qty.nanos);
    ledger_put_positive(&v, filled_avg_price.nanos);
    ledger_put_when(&v, broker_at);
    ledger_put_when(&v, now_ns);
    ledger_put(&v, source ? source : "");
    ledger_put(&v, reason ? reason : "");
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_ORDER_UPDATE, v.count, v.values);
    ledger_op_lead(ledger_op_new(l, ledger_finish_verdict, LEDGER_DONE(done), arg), b);
}

// --- reading

static bool request_read(struct ledger_row *r, struct order_request *o)
{
    ledger_get_text(r, "client_order_id", o->client_order_id, sizeof o->client_order_id);
    ledger_get_text(r, "symbol", o->symbol, sizeof o->symbol);
    o->qty.nanos = ledger_get_decimal(r, "qty");
    o->notional.nanos = ledger_get_decimal(r, "notional");
    o->limit_price.nanos = ledger_get_decimal(r, "limit_price");
    o->extended_hours = ledger_get_bool(r, "extended_hours");
    return order_side_parse(ledger_get(r, "side"), &o->side) && order_type_parse(ledger_get(r, "type"), &o->type) &&
           order_tif_parse(ledger_get(r, "time_in_force"), &o->tif);
}

static bool intent_read(struct ledger_row *r, struct intent *i)
{
    ledger_get_text(r, "run_id", i->run_id, sizeof i->run_id);
    i->leg = (int)ledger_get_int(r, "leg");
    i->try_no = (int)ledger_get_int(r, "try_no");
    ledger_get_text(r, "account_number", i->account, sizeof i->account);
    i->session = ledger_get_day(r, "session");
    i->reduces = str_equal(ledger_get(r, "class"), "REDUCE");
    i->reserved.nanos = ledger_get_decimal(r, "reserved");
    i->decision_price.nanos = ledger_get_decimal(r, "decision_price");
    i->bid.nanos = ledger_get_decimal(r, "bid");
    i->ask.nanos = ledger_get_decimal(r, "ask");
    i->created_at = ledger_get_when(r, "created_at");
    i->send_until = ledger_get_when(r, "send_until");
    ledger_get_text(r, "strategy", i->strategy, sizeof i->strategy);
    return request_read(r, &i->order);
}

bool ledger_order_read(const struct pg_result *result, size_t index, struct order_row *out)
{
    struct ledger_row r = {.result = result, .row = index};
    *out = (struct order_row){0};
    bool good = intent_read(&r, &out->intent);
    ledger_get_text(&r, "order_id", out->order_id, sizeof out->order_id);
    out->status = order_status_parse(ledger_get(&r, "status"));
    out->filled_qty.nanos = ledger_get_decimal(&r, "filled_qty");
    out->filled_avg_price.nanos = ledger_get_decimal(&r, "filled_avg_price");
    out->sent_at = ledger_get_when(&r, "sent_at");
    out->answered_at = ledger_get_when(&r, "answered_at");
    out->updated_at = ledger_get_when(&r, "updated_at");
    str_copy_cut(out->reason, sizeof out->reason, ledger_get(&r, "reason"));
    return good && !r.bad;
}

typedef void orders_done_fn(void *arg, enum ledger_result result, const struct order_row *rows, size_t count);

static void orders_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    orders_done_fn *done = (orders_done_fn *)op->done;
    if (reply->result != LEDGER_OK) {
        done(op->arg, reply->result, NULL, 0);
        return;
    }
    const struct pg_result *result = reply->answer->results[0];
    size_t count = pg_rows(result);
    struct order_row *rows = check_alloc(count + 1, sizeof *rows);
    bool good = true;
    for (size_t i = 0; i < count; i++)
        good = ledger_order_read(result, i, &rows[i]) && good;
    done(op->arg, good ? LEDGER_OK : LEDGER_CONFLICT, good ? rows : NULL, good ? count : 0);
    free(rows);
}

typedef void found_done_fn(void *arg, enum ledger_result result, const struct order_row *row);

static void found_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    found_done_fn *done = (found_done_fn *)op->done;
    struct order_row row;
    if (reply->result != LEDGER_OK || pg_rows(reply->answer->results[0]) == 0)
        done(op->arg, reply->result, NULL);
    else if (!ledger_order_read(reply->answer->results[0], 0, &row))
        done(op->arg, LEDGER_CONFLICT, NULL);
    else
        done(op->arg, LEDGER_OK, &row);
}

void ledger_order_find(struct ledger *l, const char *client_order_id, found_done_fn *done, void *arg)
{
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_ORDER_FIND, 1, (const char *const[]){client_order_id});
    ledger_op_write(ledger_op_new(l, found_finish, LEDGER_DONE(done), arg), b);
}

void ledger_orders_open(struct ledger *l, const char *account, orders_done_fn *done, void *arg)
{
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_ORDERS_OPEN, 1, (const char *const[]){account});
    ledger_op_write(ledger_op_new(l, orders_finish, LEDGER_DONE(done), arg), b);
}

typedef void usage_done_fn(void *arg, enum ledger_result result, struct day_usage usage);

static void usage_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    usage_done_fn *done = (usage_done_fn *)op->done;
    struct day_usage usage = {0};
    enum ledger_result result = reply->result;
    if (result == LEDGER_OK) {
        struct ledger_row row = {.result = reply->answer->results[0]};
        usage.orders = ledger_get_int(&row, "orders");
        usage.notional.nanos = ledger_get_decimal(&row, "notional");
        if (row.bad) // a sum beyond what money can be
            result = LEDGER_CONFLICT;
    }
    done(op->arg, result, usage);
}

void ledger_day_usage(struct ledger *l, const char *account, struct day session, usage_done_fn *done, void *arg)
{
    struct ledger_values v = {0};
    ledger_put(&v, account);
    ledger_put_day(&v, session);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_DAY_USAGE, v.count, v.values);
    ledger_op_write(ledger_op_new(l, usage_finish, LEDGER_DONE(done), arg), b);
}
