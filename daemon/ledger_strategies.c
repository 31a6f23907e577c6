// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Which strategies operators paused, kept with who did it and why; and since when each has its schedule.
#include <stdlib.h>

#include "daemon/ledger_internal.h"
#include "lib/base/json_write.h"
#include "sql_gen.h"

#define SCHEDULES_TEXT_MAX 16384

void ledger_strategy_pause(struct ledger *l, const struct strategy_pause *pause, bool paused, ledger_done_fn *done,
                           void *arg)
{
    struct ledger_values v = {0};
    ledger_put(&v, l->p.instance);
    ledger_put(&v, pause->strategy);
    ledger_put_bool(&v, paused);
    ledger_put(&v, pause->reason);
    ledger_put(&v, pause->source);
    ledger_put_when(&v, pause->at);
    ledger_put(&v, l->p.host);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_STRATEGY_PAUSE, v.count, v.values);
    ledger_op_lead(ledger_op_new(l, ledger_finish_verdict, LEDGER_DONE(done), arg), b);
}

typedef void pauses_done_fn(void *arg, enum ledger_result result, const struct strategy_pause *rows, size_t count);

static void pauses_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    pauses_done_fn *done = (pauses_done_fn *)op->done;
    if (reply->result != LEDGER_OK) {
        done(op->arg, reply->result, NULL, 0);
        return;
    }
    const struct pg_result *result = reply->answer->results[0];
    size_t count = pg_rows(result);
    struct strategy_pause *rows = check_alloc(count + 1, sizeof *rows);
    bool bad = false;
    for (size_t i = 0; i < count; i++) {
        struct ledger_row r = {.result = result, .row = i};
        ledger_get_text(&r, "strategy", rows[i].strategy, sizeof rows[i].strategy);
        ledger_get_text(&r, "reason", rows[i].reason, sizeof rows[i].reason);
        ledger_get_text(&r, "source", rows[i].source, sizeof rows[i].source);
        rows[i].at = ledger_get_when(&r, "at");
        bad = bad || r.bad;
    }
    done(op->arg, bad ? LEDGER_CONFLICT : LEDGER_OK, bad ? NULL : rows, bad ? 0 : count);
    free(rows);
}

void ledger_strategies_paused(struct ledger *l, pauses_done_fn *done, void *arg)
{
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_STRATEGY_PAUSES, 1, (const char *const[]){l->p.instance});
    ledger_op_write(ledger_op_new(l, pauses_finish, LEDGER_DONE(done), arg), b);
}

typedef void watches_done_fn(void *arg, enum ledger_result result, const struct schedule_watch *rows, size_t count);

static void watches_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    watches_done_fn *done = (watches_done_fn *)op->done;
    if (reply->result != LEDGER_OK) {
        done(op->arg, reply->result, NULL, 0);
        return;
    }
    const struct pg_result *result = reply->answer->results[0];
    size_t count = pg_rows(result);
    struct schedule_watch *rows = check_alloc(count + 1, sizeof *rows);
    bool bad = false;
    for (size_t i = 0; i < count; i++) {
        struct ledger_row r = {.result = result, .row = i};
        ledger_get_text(&r, "strategy", rows[i].strategy, sizeof rows[i].strategy);
        rows[i].since = ledger_get_when(&r, "since");
        bad = bad || r.bad;
    }
    done(op->arg, bad ? LEDGER_CONFLICT : LEDGER_OK, bad ? NULL : rows, bad ? 0 : count);
    free(rows);
}

void ledger_schedules_watch(struct ledger *l, const char *account, const struct schedule_told *told, size_t count,
                            int64_t now_ns, watches_done_fn *done, void *arg)
{
    struct ledger_values v = {0};
    struct json_out o;
    struct text json;
    text_init(&json, SCHEDULES_TEXT_MAX);
    json_out_init(&o, &json);
    json_array_begin(&o);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&o);
        json_put_string(&o, "strategy", told[i].strategy);
        json_put_string(&o, "schedule", told[i].schedule);
        json_object_end(&o);
    }
    json_array_end(&o);
    CHECK(!json.overflow);
    ledger_put(&v, account);
    ledger_put(&v, text_str(&json));
    ledger_put_when(&v, now_ns);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_SCHEDULES_WATCH, v.count, v.values);
    ledger_op_lead(ledger_op_new(l, watches_finish, LEDGER_DONE(done), arg), b);
    text_free(&json);
}
