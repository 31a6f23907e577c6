// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the broker does without a trade, and what an operator accepts as its truth. As with fills, the arithmetic of
// posting lives in the database, in one transaction with the row that says it was seen.
#include <stdlib.h>

#include "daemon/ledger_internal.h"
#include "lib/base/digest.h"
#include "lib/base/json_write.h"
#include "sql_gen.h"

#define ACTIVITIES_TEXT_MAX (4u << 20)

static void write_activity(struct json_out *o, const struct alpaca_activity *a)
{
    char at[WHEN_TEXT_MAX];
    json_object_begin(o);
    json_put_string(o, "id", a->id);
    json_put_string(o, "type", a->type);
    json_put_string(o, "sub_type", a->sub_type);
    json_put_string(o, "status", a->status);
    json_put_string(o, "group_id", a->group_id);
    json_put_string(o, "symbol", a->symbol);
    json_put_string(o, "currency", a->currency);
    json_put_decimal(o, "qty", a->qty.nanos);
    json_put_decimal(o, "net_amount", a->net_amount.nanos);
    json_key(o, "date");
    json_add_day(o, a->date);
    json_key(o, "created_at");
    if (a->created_at)
        json_add_string(o, ledger_when(a->created_at, at));
    else
        json_add_null(o);
    json_object_end(o);
}

static void write_activities(struct text *out, const struct alpaca_activity *activities, size_t count)
{
    struct json_out o;
    json_out_init(&o, out);
    json_array_begin(&o);
    for (size_t i = 0; i < count; i++)
        write_activity(&o, &activities[i]);
    json_array_end(&o);
}

// --- activities

typedef void activities_done_fn(void *arg, enum ledger_result result, const struct ledger_activities *found,
                                const char *detail);

static void activities_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    activities_done_fn *done = (activities_done_fn *)op->done;
    if (reply->result != LEDGER_OK) {
        ledger_mark_wrote(op->l); // without an answer it may have written
        done(op->arg, reply->result, NULL, reply->detail);
        return;
    }
    struct ledger_row row = {.result = reply->answer->results[0]};
    const struct ledger_activities found = {
        .recorded = (size_t)ledger_get_int(&row, "recorded"),
        .held = (size_t)ledger_get_int(&row, "held"),
        .first_held = ledger_get(&row, "first_held"),
        .differing = ledger_get(&row, "differing"),
        .newest_at = ledger_get_when(&row, "newest_at"),
    };
    if (row.bad || found.recorded > 0 || found.held > 0)
        ledger_mark_wrote(op->l);
    done(op->arg, row.bad ? LEDGER_CONFLICT : LEDGER_OK, row.bad ? NULL : &found,
         row.bad ? "the ledger's answer about activities cannot be read" : "");
}

void ledger_activities_record(struct ledger *l, const char *account, const struct alpaca_activity *activities,
                              size_t count, const struct alpaca_position *positions, size_t position_count,
                              int64_t now_ns, activities_done_fn *done, void *arg)
{
    struct ledger_op *op = ledger_op_new(l, activities_finish, LEDGER_DONE(done), arg);
    struct ledger_values v = {0};
    struct text items, holdings;
    text_init(&items, ACTIVITIES_TEXT_MAX);
    text_init(&holdings, ACTIVITIES_TEXT_MAX);
    write_activities(&items, activities, count);
    ledger_holdings_write(&holdings, positions, position_count);
    if (items.overflow || holdings.overflow) {
        ledger_op_refuse(op, LEDGER_CONFLICT, "too many activities or positions for one call");
    } else {
        ledger_put(&v, account);
        ledger_put_when(&v, now_ns);
        ledger_put(&v, text_str(&items));
        ledger_put(&v, text_str(&holdings));
        struct pg_batch *b = pg_batch_new();
        pg_batch_add(b, &SQL_ACTIVITIES_RECORD, v.count, v.values);
        op->told = true;
        ledger_op_lead(op, b);
    }
    text_free(&items);
    text_free(&holdings);
}

// --- correction

void ledger_correction(struct ledger *l, const char *account, struct money cash,
                       const struct alpaca_position *positions, size_t count, const char *reason, const char *operator,
                       int64_t now_ns, ledger_done_fn *done, void *arg)
{
    struct ledger_op *op = ledger_op_new(l, ledger_finish_verdict, LEDGER_DONE(done), arg);
    char hex[DIGEST_HEX_MAX];
    struct ledger_values key = {0}, v = {0};
    struct text holdings;
    text_init(&holdings, ACTIVITIES_TEXT_MAX);
    ledger_holdings_write(&holdings, positions, count);
    ledger_put(&key, account);
    ledger_put_when(&key, now_ns);
    ledger_put(&key, reason);
    ledger_put(&key, operator);
    ledger_put(&key, text_str(&holdings));
    ledger_values_digest(&key, hex);
    ledger_put(&v, account);
    ledger_put(&v, hex);
    ledger_put_when(&v, now_ns);
    ledger_put_decimal(&v, cash.nanos);
    ledger_put(&v, text_str(&holdings));
    ledger_put(&v, reason);
    ledger_put(&v, operator);
    if (holdings.overflow) {
        ledger_op_refuse(op, LEDGER_CONFLICT, "too many positions for one call");
    } else {
        struct pg_batch *b = pg_batch_new();
        pg_batch_add(b, &SQL_CORRECTION, v.count, v.values);
        ledger_op_lead(op, b);
    }
    text_free(&holdings);
}

// --- what belongs to no strategy

void ledger_assign(struct ledger *l, const struct ledger_assignment *said, ledger_done_fn *done, void *arg)
{
    char hex[DIGEST_HEX_MAX];
    struct ledger_values key = {0}, v = {0};
    ledger_put(&key, said->account);
    ledger_put(&key, said->symbol);
    ledger_put(&key, said->strategy);
    ledger_put_decimal(&key, said->qty.nanos);
    ledger_put_when(&key, said->at_ns);
    ledger_put(&key, said->operator);
    ledger_values_digest(&key, hex);
    ledger_put(&v, said->account);
    ledger_put(&v, hex);
    ledger_put(&v, said->symbol);
    ledger_put(&v, said->strategy);
    ledger_put_decimal(&v, said->qty.nanos);
    ledger_put_decimal(&v, said->held.nanos);
    ledger_put_when(&v, said->at_ns);
    ledger_put(&v, said->reason);
    ledger_put(&v, said->operator);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_POSITION_ASSIGN, v.count, v.values);
    ledger_op_lead(ledger_op_new(l, ledger_finish_verdict, LEDGER_DONE(done), arg), b);
}
