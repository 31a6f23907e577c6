// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// History for readers: JSON that Postgres makes, on a connection of its own that is read-only and bounded. Only rows of
// this instance's account are shown.
#include <stdio.h>

#include "daemon/ledger_internal.h"
#include "sql_gen.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX 1000

typedef void query_done_fn(void *arg, enum ledger_result result, const char *json);

static const struct pg_statement *statement_of(enum ledger_query query)
{
    switch (query) {
    case LEDGER_QUERY_RUNS:
        return &SQL_QUERY_RUNS;
    case LEDGER_QUERY_RUN:
        return &SQL_QUERY_RUN;
    case LEDGER_QUERY_ORDERS:
        return &SQL_QUERY_ORDERS;
    case LEDGER_QUERY_FILLS:
        return &SQL_QUERY_FILLS;
    case LEDGER_QUERY_POSITIONS:
        return &SQL_QUERY_POSITIONS;
    case LEDGER_QUERY_ALERTS:
        return &SQL_QUERY_ALERTS;
    case LEDGER_QUERY_DECISIONS:
        return &SQL_QUERY_DECISIONS;
    case LEDGER_QUERY_AUDIT:
        return &SQL_QUERY_AUDIT;
    case LEDGER_QUERY_EQUITY:
        return &SQL_QUERY_EQUITY;
    case LEDGER_QUERY_SIGNALS:
        return &SQL_QUERY_SIGNALS;
    case LEDGER_QUERY_ENTRIES:
        return &SQL_QUERY_ENTRIES;
    case LEDGER_QUERY_ACTIVITIES:
        return &SQL_QUERY_ACTIVITIES;
    case LEDGER_QUERY_QUARANTINE:
        return &SQL_QUERY_QUARANTINE;
    case LEDGER_QUERY_STRATEGIES:
        return &SQL_QUERY_STRATEGIES;
    }
    check_failed("a query of the ledger", __FILE__, __LINE__, __func__);
}

// One run and the books of now know no span of sessions.
static bool has_sessions(enum ledger_query query)
{
    return query != LEDGER_QUERY_RUN && query != LEDGER_QUERY_AUDIT && query != LEDGER_QUERY_POSITIONS;
}

// How many values say behind which row to go on: time, id, session.
static int after_values(enum ledger_query query)
{
    switch (query) {
    case LEDGER_QUERY_RUNS:
        return 3;
    case LEDGER_QUERY_ORDERS:
    case LEDGER_QUERY_FILLS:
    case LEDGER_QUERY_ALERTS:
    case LEDGER_QUERY_DECISIONS:
    case LEDGER_QUERY_ENTRIES:
    case LEDGER_QUERY_ACTIVITIES:
        return 2;
    case LEDGER_QUERY_EQUITY:
        return 1;
    default:
        return 0;
    }
}

static bool day_or_any(const char *text)
{
    struct day d;
    return !text || day_parse(text, &d);
}

static void query_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    query_done_fn *done = (query_done_fn *)op->done;
    if (reply->result != LEDGER_OK) {
        done(op->arg, reply->result, NULL);
        return;
    }
    const struct pg_result *rows = reply->answer->results[0];
    const char *json = pg_rows(rows) > 0 ? pg_value(rows, 0, 0) : NULL;
    done(op->arg, LEDGER_OK, json ? json : "null");
}

void ledger_query(struct ledger *l, enum ledger_query query, const struct ledger_filter *filter, query_done_fn *done,
                  void *arg)
{
    static const struct ledger_filter any = {0};
    const struct ledger_filter *f = filter ? filter : &any;
    int limit = f->limit <= 0 ? PAGE_DEFAULT : f->limit > PAGE_MAX ? PAGE_MAX : f->limit;
    struct ledger_values v = {0};
    ledger_put(&v, f->id);
    ledger_put(&v, f->run_id);
    ledger_put(&v, f->symbol);
    ledger_put(&v, f->status);
    ledger_put(&v, f->strategy);
    ledger_put_int(&v, query == LEDGER_QUERY_RUN ? 1 : limit);
    ledger_put_int(&v, query == LEDGER_QUERY_RUN || f->offset < 0 ? 0 : f->offset);
    ledger_put(&v, l->p.instance);
    if (has_sessions(query)) {
        ledger_put(&v, f->from);
        ledger_put(&v, f->to);
    }
    const char *const after[] = {f->after_at, f->after_id, f->after_session};
    for (int i = 0; i < after_values(query); i++)
        ledger_put(&v, after[i]);
    struct ledger_op *op = ledger_op_new(l, query_finish, LEDGER_DONE(done), arg);
    if (!day_or_any(f->from) || !day_or_any(f->to)) {
        ledger_op_refuse(op, LEDGER_CONFLICT, "a session is written YYYY-MM-DD");
        return;
    }
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, statement_of(query), v.count, v.values);
    ledger_op_read(op, b);
}
