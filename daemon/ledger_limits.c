// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the circuit breaker measures from, and limits that operators raised for a time.
#include <stdlib.h>

#include "daemon/ledger_internal.h"
#include "sql_gen.h"

typedef void marks_done_fn(void *arg, enum ledger_result result, const struct breaker_marks *marks);

static void marks_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    marks_done_fn *done = (marks_done_fn *)op->done;
    struct breaker_marks marks = {0};
    if (reply->result == LEDGER_OK && pg_rows(reply->answer->results[0]) > 0) {
        struct ledger_row r = {.result = reply->answer->results[0]};
        marks.session = ledger_get_day(&r, "session");
        marks.day_start.nanos = ledger_get_decimal(&r, "day_start");
        marks.high_water.nanos = ledger_get_decimal(&r, "high_water");
        if (r.bad) {
            done(op->arg, LEDGER_CONFLICT, NULL);
            return;
        }
    }
    done(op->arg, reply->result, reply->result == LEDGER_OK ? &marks : NULL);
}

void ledger_breaker_read(struct ledger *l, const char *account, marks_done_fn *done, void *arg)
{
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_BREAKER_READ, 1, (const char *const[]){account});
    ledger_op_write(ledger_op_new(l, marks_finish, LEDGER_DONE(done), arg), b);
}

void ledger_breaker_write(struct ledger *l, const char *account, const struct breaker_marks *marks, int64_t now_ns,
                          ledger_done_fn *done, void *arg)
{
    struct ledger_values v = {0};
    ledger_put(&v, account);
    ledger_put_day(&v, marks->session);
    ledger_put_decimal(&v, marks->day_start.nanos);
    ledger_put_decimal(&v, marks->high_water.nanos);
    ledger_put_when(&v, now_ns);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_BREAKER_WRITE, v.count, v.values);
    ledger_op_lead(ledger_op_new(l, ledger_finish_verdict, LEDGER_DONE(done), arg), b);
}

void ledger_limit_raise(struct ledger *l, const char *account, const struct limit_raise *raise, int64_t now_ns,
                        ledger_done_fn *done, void *arg)
{
    struct ledger_values v = {0};
    ledger_put(&v, account);
    ledger_put(&v, raise->name);
    ledger_put_decimal(&v, raise->value);
    ledger_put_when(&v, raise->until);
    ledger_put(&v, raise->reason);
    ledger_put(&v, raise->operator);
    ledger_put_when(&v, now_ns);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_LIMIT_RAISE, v.count, v.values);
    ledger_op_lead(ledger_op_new(l, ledger_finish_verdict, LEDGER_DONE(done), arg), b);
}

typedef void raises_done_fn(void *arg, enum ledger_result result, const struct limit_raise *rows, size_t count);

static void raises_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    raises_done_fn *done = (raises_done_fn *)op->done;
    if (reply->result != LEDGER_OK) {
        done(op->arg, reply->result, NULL, 0);
        return;
    }
    const struct pg_result *result = reply->answer->results[0];
    size_t count = pg_rows(result);
    struct limit_raise *rows = check_alloc(count + 1, sizeof *rows);
    bool bad = false;
    for (size_t i = 0; i < count; i++) {
        struct ledger_row r = {.result = result, .row = i};
        ledger_get_text(&r, "name", rows[i].name, sizeof rows[i].name);
        rows[i].value = ledger_get_decimal(&r, "value");
        rows[i].until = ledger_get_when(&r, "until");
        ledger_get_text(&r, "reason", rows[i].reason, sizeof rows[i].reason);
        ledger_get_text(&r, "operator", rows[i].operator, sizeof rows[i].operator);
        bad = bad || r.bad;
    }
    done(op->arg, bad ? LEDGER_CONFLICT : LEDGER_OK, bad ? NULL : rows, bad ? 0 : count);
    free(rows);
}

void ledger_limit_raises(struct ledger *l, const char *account, int64_t now_ns, raises_done_fn *done, void *arg)
{
    struct ledger_values v = {0};
    ledger_put(&v, account);
    ledger_put_when(&v, now_ns);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_LIMIT_RAISES, v.count, v.values);
    ledger_op_write(ledger_op_new(l, raises_finish, LEDGER_DONE(done), arg), b);
}
