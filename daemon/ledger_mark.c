// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The mark: the newest rows of the ledger in words, told to whoever keeps it outside of the database, and held against
// the database with every connection. What it lacks was lost when an older copy was restored. And the broker's orders
// with ids of ours that it does not know, mark or not.
#include <string.h>

#include "daemon/ledger_internal.h"
#include "lib/base/json_write.h"
#include "sql_gen.h"

#define MARK_MS 100
#define ORDERS_TEXT_MAX (1u << 20)

void ledger_mark_check(struct ledger *l, struct pg_batch *b)
{
    const char *mark = l->p.mark ? l->p.mark(l->p.arg) : "";
    pg_batch_add(b, &SQL_MARK_CHECK, 1, &mark);
}

void ledger_mark_checked(struct ledger *l, const struct pg_result *result)
{
    struct ledger_row row = {.result = result};
    const char *kind = ledger_get(&row, "kind");
    if (kind[0] && l->p.on_restored)
        l->p.on_restored(l->p.arg, str_equal(kind, "older"), ledger_get(&row, "detail"));
}

static void mark_read(struct ledger *l, const struct pg_answer *a)
{
    struct ledger_row row = {.result = a->outcome == PG_COMMITTED ? a->results[0] : NULL};
    l->mark_owed = l->mark != 0; // something was written meanwhile
    if (row.result && l->state == LEDGER_READY)
        l->p.on_mark(l->p.arg, ledger_get(&row, "mark"));
}

static void mark_ask(void *arg)
{
    struct ledger *l = arg;
    l->mark = 0;
    if (l->state != LEDGER_READY)
        return; // LOADING asks for it again
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_MARK_READ, 2, (const char *const[]){l->p.host, l->p.instance});
    ledger_ask(l, b, mark_read);
}

// Many writes, one mark: it is asked for a moment after the first of them.
void ledger_mark_wrote(struct ledger *l)
{
    if (!l->p.on_mark)
        return;
    l->mark_owed = true;
    if (l->mark == 0)
        l->mark = loop_after_ms(l->p.loop, MARK_MS, mark_ask, l);
}

bool ledger_mark_owed(const struct ledger *l)
{
    return l->state == LEDGER_READY && l->mark_owed;
}

// --- what was lost

typedef void count_done_fn(void *arg, enum ledger_result result, int64_t count);

static void kept_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    count_done_fn *done = (count_done_fn *)op->done;
    struct ledger_row row = {.result = reply->answer ? reply->answer->results[0] : NULL};
    done(op->arg, reply->result, row.result ? ledger_get_int(&row, "kept") : 0);
}

void ledger_lost_runs(struct ledger *l, const char *mark, const char *account, int64_t now_ns, count_done_fn *done,
                      void *arg)
{
    struct ledger_values v = {0};
    ledger_put(&v, mark);
    ledger_put(&v, account);
    ledger_put(&v, l->p.host);
    ledger_put(&v, l->p.instance);
    ledger_put_when(&v, now_ns);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_LOST_RUNS, v.count, v.values);
    ledger_op_lead(ledger_op_new(l, kept_finish, LEDGER_DONE(done), arg), b);
}

typedef void from_done_fn(void *arg, enum ledger_result result, int64_t at);

static void from_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    from_done_fn *done = (from_done_fn *)op->done;
    struct ledger_row row = {.result = reply->answer ? reply->answer->results[0] : NULL};
    bool known = row.result && pg_rows(row.result) > 0;
    done(op->arg, reply->result, known ? ledger_get_when(&row, "newest") : 0);
}

void ledger_survey_from(struct ledger *l, const char *account, from_done_fn *done, void *arg)
{
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_SURVEY_FROM, 1, &account);
    ledger_op_write(ledger_op_new(l, from_finish, LEDGER_DONE(done), arg), b);
}

typedef void lost_done_fn(void *arg, enum ledger_result result, int64_t lost, const char *first);

static void lost_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    lost_done_fn *done = (lost_done_fn *)op->done;
    struct ledger_row row = {.result = reply->answer ? reply->answer->results[0] : NULL};
    done(op->arg, reply->result, row.result ? ledger_get_int(&row, "lost") : 0,
         row.result ? ledger_get(&row, "first") : "");
}

void ledger_lost_orders(struct ledger *l, const char *account, const struct order_state *orders, size_t count,
                        int64_t now_ns, lost_done_fn *done, void *arg)
{
    struct ledger_values v = {0};
    struct json_out o;
    struct text json;
    text_init(&json, ORDERS_TEXT_MAX);
    json_out_init(&o, &json);
    json_array_begin(&o);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&o);
        json_put_string(&o, "id", orders[i].id);
        json_put_string(&o, "client_order_id", orders[i].client_order_id);
        json_put_when(&o, "submitted_at", orders[i].submitted_at);
        json_object_end(&o);
    }
    json_array_end(&o);
    CHECK(!json.overflow);
    ledger_put(&v, account);
    ledger_put(&v, text_str(&json));
    ledger_put_when(&v, now_ns);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_LOST_ORDERS, v.count, v.values);
    ledger_op_lead(ledger_op_new(l, lost_finish, LEDGER_DONE(done), arg), b);
    text_free(&json);
}
