// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The chains of decisions as lines of JSON, read from a database without the daemon: in pages, each with the chain's
// head of the same instant, so that a daemon may go on writing meanwhile.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ledger_internal.h"
#include "sql_gen.h"

#define PAGE_ROWS "5000"
#define CHAINS_MAX 4096
#define TIMEOUT_MS 60000
#define CONNECT_TIMEOUT_MS 5000

struct chain {
    char *host, *instance;
};

struct reading {
    const char *from, *to;
    bool heads_only, asked, ended;
    ledger_line_fn *line;
    void *arg;
    struct loop *loop;
    struct pg_client *pg;
    struct chain *chains;
    size_t count, at;
    int64_t seq; // of the last row that was read
    int rc;
    struct err *err;
};

static void reading_end(struct reading *r, int rc)
{
    r->ended = true;
    r->rc = rc;
    loop_stop(r->loop);
}

static bool failed(struct reading *r, const struct pg_answer *a)
{
    if (!r->ended && a->outcome != PG_COMMITTED)
        reading_end(r, err_set(r->err, "the decisions could not be read: %s", a->detail));
    return r->ended;
}

static bool give(struct reading *r, const char *text, size_t len)
{
    if (r->line(r->arg, text, len, r->err) == 0)
        return true;
    reading_end(r, -1);
    return false;
}

static void page_read(void *arg, const struct pg_answer *a);

static void ask_page(struct reading *r)
{
    char seq[24];
    if (r->at == r->count) {
        reading_end(r, 0);
        return;
    }
    snprintf(seq, sizeof seq, "%lld", (long long)r->seq);
    const struct chain *c = &r->chains[r->at];
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_AUDIT_PAGE, 6, (const char *const[]){c->host, c->instance, seq, r->from, r->to, PAGE_ROWS});
    pg_submit(r->pg, b, page_read, r);
}

static void page_read(void *arg, const struct pg_answer *a)
{
    struct reading *r = arg;
    if (failed(r, a))
        return;
    struct ledger_row row = {.result = a->results[0]};
    for (const char *at = ledger_get(&row, "lines"); *at;) {
        size_t len = strcspn(at, "\n");
        if (!give(r, at, len))
            return;
        at += len + (at[len] == '\n');
    }
    r->seq = ledger_get_int(&row, "last");
    if (ledger_get_int(&row, "rows") < strtoll(PAGE_ROWS, NULL, 10)) {
        const char *head = ledger_get(&row, "head");
        if (head[0] && !give(r, head, strlen(head)))
            return;
        r->at++;
        r->seq = 0;
    }
    ask_page(r);
}

static void chains_read(void *arg, const struct pg_answer *a)
{
    struct reading *r = arg;
    if (failed(r, a))
        return;
    size_t count = pg_rows(a->results[0]);
    if (count > CHAINS_MAX) {
        reading_end(r, err_set(r->err, "the database has %zu chains of decisions, more than %d", count, CHAINS_MAX));
        return;
    }
    r->chains = check_alloc(count + 1, sizeof *r->chains);
    for (size_t i = 0; i < count; i++) {
        struct ledger_row row = {.result = a->results[0], .row = i};
        const char *head = ledger_get(&row, "head");
        if (r->heads_only && !give(r, head, strlen(head)))
            return;
        r->chains[r->count++] =
            (struct chain){check_strdup(ledger_get(&row, "host")), check_strdup(ledger_get(&row, "instance"))};
    }
    if (r->heads_only)
        reading_end(r, 0);
    else
        ask_page(r);
}

static void on_state(void *arg, enum pg_state state, const char *detail)
{
    struct reading *r = arg;
    if (r->ended)
        return;
    if (state == PG_DOWN) {
        reading_end(r, err_set(r->err, "Postgres cannot be reached: %s", detail));
    } else if (state == PG_UP && !r->asked) {
        r->asked = true;
        struct pg_batch *b = pg_batch_new();
        pg_batch_add(b, &SQL_AUDIT_CHAINS, 0, NULL);
        pg_submit(r->pg, b, chains_read, r);
    }
}

static int converse(struct reading *r, const char *dsn, const char *password)
{
    r->loop = loop_new();
    r->rc = -1;
    r->pg = pg_client_new(&(struct pg_client_params){.loop = r->loop,
                                                     .dsn = dsn,
                                                     .application_name = "paperguard audit",
                                                     .password = password,
                                                     .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                                     .batch_timeout_ms = TIMEOUT_MS,
                                                     .queue_max = 4,
                                                     .on_state = on_state,
                                                     .arg = r});
    loop_run(r->loop);
    r->ended = true;
    pg_client_free(r->pg);
    loop_free(r->loop);
    for (size_t i = 0; i < r->count; i++) {
        free(r->chains[i].host);
        free(r->chains[i].instance);
    }
    free(r->chains);
    return r->rc;
}

int ledger_read_decisions(const char *dsn, const char *password, const char *from, const char *to, ledger_line_fn *line,
                          void *arg, struct err *err)
{
    struct reading r = {.from = from, .to = to, .line = line, .arg = arg, .err = err};
    return converse(&r, dsn, password);
}

int ledger_read_heads(const char *dsn, const char *password, ledger_line_fn *line, void *arg, struct err *err)
{
    struct reading r = {.heads_only = true, .line = line, .arg = arg, .err = err};
    return converse(&r, dsn, password);
}
