// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The broker's calendar as it was told last, for a start while the broker is away.
#include <stdlib.h>
#include <string.h>

#include "daemon/ledger_internal.h"
#include "lib/base/text.h"
#include "lib/trade/exchange_days.h"
#include "sql_gen.h"

#define DAYS_TEXT_MAX 8192 // some three hundred days

void ledger_calendar_keep(struct ledger *l, const char *account, const struct session_day *days, size_t count,
                          int64_t now_ns)
{
    struct ledger_values v = {0};
    struct text t;
    text_init(&t, DAYS_TEXT_MAX);
    for (size_t i = 0; i < count; i++) {
        char day[WHEN_TEXT_MAX];
        text_addf(&t, "%s%s=%02d:%02d-%02d:%02d", i ? " " : "", day_format(days[i].date, day), days[i].open_s / 3600,
                  days[i].open_s / 60 % 60, days[i].close_s / 3600, days[i].close_s / 60 % 60);
    }
    ledger_put(&v, account);
    ledger_put_when(&v, now_ns);
    ledger_put(&v, text_str(&t));
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_CALENDAR_KEEP, v.count, v.values);
    if (t.overflow || count == 0)
        pg_batch_free(b);
    else
        ledger_op_lead(ledger_op_new(l, ledger_finish_verdict, NULL, NULL), b);
    text_free(&t);
}

typedef void calendar_done_fn(void *arg, enum ledger_result result, const struct session_day *days, size_t count,
                              int64_t read_at);

static void calendar_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    calendar_done_fn *done = (calendar_done_fn *)op->done;
    struct session_day *days = NULL;
    size_t count = 0;
    int64_t at = 0;
    bool bad = false;
    if (reply->result == LEDGER_OK && pg_rows(reply->answer->results[0]) == 1) {
        struct ledger_row r = {.result = reply->answer->results[0]};
        char *text = check_strdup(ledger_get(&r, "days")), *save = NULL;
        struct err err;
        at = ledger_get_when(&r, "read_at");
        days = check_alloc(strlen(text) / 2 + 1, sizeof *days);
        for (char *w = strtok_r(text, " ", &save); w && !bad; w = strtok_r(NULL, " ", &save))
            bad = exchange_day_read(w, &days[count++], &err) != 0;
        bad = bad || r.bad;
        free(text);
    }
    done(op->arg, bad ? LEDGER_CONFLICT : reply->result, bad ? NULL : days, bad ? 0 : count, at);
    free(days);
}

void ledger_calendar_load(struct ledger *l, const char *account, calendar_done_fn *done, void *arg)
{
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_CALENDAR_READ, 1, (const char *const[]){account});
    ledger_op_write(ledger_op_new(l, calendar_finish, LEDGER_DONE(done), arg), b);
}
