// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One connection to Postgres in libpq's pipeline mode. libpq does not say which answer belongs to what, so every
// command sent adds one expectation to a ring, and answers are taken against it. A batch is its statements and one
// Sync. A statement's first use on a connection is preceded by its preparation with a Sync of its own, so that a failed
// batch never takes a preparation with it that later batches in the pipeline rely on.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/io/pg_client_link.h"

#define OUT_OF_STEP "the server's answers do not match what was sent"

// --- end of a connection
// -----------------------------------------------------------------------------------------------

void pg_link_close(struct pg_client *c)
{
    struct pg_link *l = &c->link;
    loop_watch_free(l->watch);
    if (l->conn != NULL)
        PQfinish(l->conn);
    free(l->expects);
    free(l->prepared);
    memset(l, 0, sizeof *l);
    l->fd = -1;
}

void pg_link_break(struct pg_client *c, const char *why)
{
    char text[PG_DETAIL_MAX];
    const char *said = c->link.conn != NULL ? PQerrorMessage(c->link.conn) : "";
    pg_settings_clean_text(&c->settings, why != NULL ? why : said, text, sizeof text);
    pg_link_close(c);
    pg_client_link_broken(c, text[0] != '\0' ? text : "the connection broke");
}

// --- expectations
// ------------------------------------------------------------------------------------------------------

static void expect_add(struct pg_link *l, enum pg_expect_kind kind, struct pg_batch *b, size_t index)
{
    if (l->expect_count == l->expect_cap) {
        size_t cap = l->expect_cap == 0 ? 64 : l->expect_cap * 2;
        struct pg_expect *grown = check_alloc(cap, sizeof grown[0]);
        for (size_t i = 0; i < l->expect_count; i++)
            grown[i] = l->expects[(l->expect_head + i) % l->expect_cap];
        free(l->expects);
        l->expects = grown;
        l->expect_cap = cap;
        l->expect_head = 0;
    }
    l->expects[(l->expect_head + l->expect_count++) % l->expect_cap] =
        (struct pg_expect){.kind = kind, .batch = b, .index = index};
}

static void expect_pop(struct pg_link *l)
{
    l->expect_head = (l->expect_head + 1) % l->expect_cap;
    l->expect_count--;
}

// --- sending
// -----------------------------------------------------------------------------------------------------------

static size_t prepared_find(struct pg_link *l, const struct pg_statement *statement)
{
    for (size_t i = 0; i < l->prepared_count; i++) {
        if (l->prepared[i].statement == statement)
            return i;
    }
    for (size_t i = 0; i < l->prepared_count; i++) { // a copy of the same statement in another object file
        if (str_equal(l->prepared[i].statement->name, statement->name))
            return i;
    }
    if (l->prepared_count == l->prepared_cap) {
        l->prepared_cap = l->prepared_cap == 0 ? 32 : l->prepared_cap * 2;
        l->prepared = check_realloc(l->prepared, l->prepared_cap * sizeof l->prepared[0]);
    }
    l->prepared[l->prepared_count] = (struct pg_prepared){.statement = statement};
    return l->prepared_count++;
}

// Short and unique: the server compares 63 bytes only. The generation makes a new name for preparing again.
static void prepared_name(const struct pg_link *l, size_t at, char out[64])
{
    struct text t;
    text_init(&t, 63);
    text_addf(&t, "%zu.%u.%.32s", at, l->prepared[at].generation, l->prepared[at].statement->name);
    str_copy_cut(out, 64, text_str(&t));
    text_free(&t);
}

static bool link_prepare(struct pg_link *l, const struct pg_statement *statement)
{
    char name[64];
    size_t at = prepared_find(l, statement);
    if (l->prepared[at].ready)
        return true;
    l->prepared[at].generation++;
    prepared_name(l, at, name);
    if (PQsendPrepare(l->conn, name, statement->text, 0, NULL) != 1)
        return false;
    expect_add(l, PG_EXPECT_PREPARE, NULL, at);
    if (PQpipelineSync(l->conn) != 1)
        return false;
    expect_add(l, PG_EXPECT_PREPARE_SYNC, NULL, at);
    l->prepared[at].ready = true;
    return true;
}

void pg_link_send(struct pg_client *c, struct pg_batch *b)
{
    struct pg_link *l = &c->link;
    char name[64];
    for (size_t i = 0; i < b->count; i++) {
        if (!link_prepare(l, b->items[i].statement)) {
            pg_link_break(c, NULL);
            return;
        }
    }
    for (size_t i = 0; i < b->count; i++) {
        const struct pg_item *item = &b->items[i];
        prepared_name(l, prepared_find(l, item->statement), name);
        if (PQsendQueryPrepared(l->conn, name, (int)item->count, item->values, NULL, NULL, 0) != 1) {
            pg_link_break(c, NULL);
            return;
        }
        expect_add(l, PG_EXPECT_ITEM, b, i);
    }
    if (PQpipelineSync(l->conn) != 1) {
        pg_link_break(c, NULL);
        return;
    }
    expect_add(l, PG_EXPECT_SYNC, b, 0);
}

void pg_link_flush(struct pg_client *c)
{
    struct pg_link *l = &c->link;
    if (l->conn == NULL || l->connecting)
        return;
    int rc = PQflush(l->conn);
    if (rc < 0)
        pg_link_break(c, NULL);
    else
        loop_watch_set(l->watch, rc > 0 ? LOOP_READ | LOOP_WRITE : LOOP_READ);
}

// --- answers within the pipeline
// ---------------------------------------------------------------------------------------

static void take_prepare(struct pg_link *l, size_t at, const PGresult *res)
{
    struct pg_prepared *p = &l->prepared[at];
    if (PQresultStatus(res) == PGRES_COMMAND_OK) {
        p->sqlstate[0] = '\0';
        return;
    }
    p->ready = false;
    pg_error_text(res, p->sqlstate, p->detail, sizeof p->detail);
}

static void take_item_error(struct pg_link *l, struct pg_batch *b, size_t index, const PGresult *res)
{
    char sqlstate[6], detail[PG_DETAIL_MAX];
    struct pg_prepared *p = &l->prepared[prepared_find(l, b->items[index].statement)];
    pg_error_text(res, sqlstate, detail, sizeof detail);
    bool unknown = str_equal(sqlstate, "26000"); // its preparation failed, or somebody deallocated it
    if (unknown && p->sqlstate[0] != '\0')
        pg_batch_fail(b, index, p->sqlstate, p->detail);
    else
        pg_batch_fail(b, index, sqlstate, detail);
    if (unknown || str_equal(sqlstate, "0A000")) // the latter: a table has changed under the plan
        p->ready = false;
}

// Takes the result into its batch; false: it is not what had to come.
static bool take_item(struct pg_link *l, struct pg_batch *b, size_t index, PGresult *res)
{
    switch (PQresultStatus(res)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        PQclear(b->items[index].result.res);
        b->items[index].result.res = res;
        return true;
    case PGRES_FATAL_ERROR:
        take_item_error(l, b, index, res);
        PQclear(res);
        return true;
    case PGRES_PIPELINE_ABORTED:
        PQclear(res);
        return b->failed;
    default:
        PQclear(res);
        return false;
    }
}

static bool take_sync(struct pg_client *c, struct pg_expect e, PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);
    if (status == PGRES_FATAL_ERROR &&
        e.kind == PG_EXPECT_SYNC) { // the commit itself failed; the Sync's answer follows
        char sqlstate[6], detail[PG_DETAIL_MAX];
        pg_error_text(res, sqlstate, detail, sizeof detail);
        pg_batch_fail(e.batch, e.batch->count, sqlstate, detail);
        PQclear(res);
        return true;
    }
    PQclear(res);
    if (status != PGRES_PIPELINE_SYNC)
        return false;
    expect_pop(&c->link);
    if (e.kind == PG_EXPECT_SYNC)
        pg_client_batch_done(c, e.batch, e.batch->failed ? PG_FAILED : PG_COMMITTED);
    return true;
}

static bool take_result(struct pg_client *c, PGresult *res)
{
    struct pg_link *l = &c->link;
    struct pg_expect e = l->expects[l->expect_head];
    if (e.kind == PG_EXPECT_SYNC || e.kind == PG_EXPECT_PREPARE_SYNC)
        return take_sync(c, e, res);
    l->await_null = true;
    if (e.kind == PG_EXPECT_ITEM)
        return take_item(l, e.batch, e.index, res);
    take_prepare(l, e.index, res);
    PQclear(res);
    return true;
}

static void link_read_pipeline(struct pg_client *c)
{
    struct pg_link *l = &c->link;
    unsigned nulls = 0; // two in a row: nothing more is there
    while (l->conn != NULL && l->expect_count > 0 && nulls < 2 && !PQisBusy(l->conn)) {
        PGresult *res = PQgetResult(l->conn);
        if (res != NULL) {
            nulls = 0;
            if (!take_result(c, res)) {
                pg_link_break(c, OUT_OF_STEP);
                return;
            }
            continue;
        }
        nulls++;
        if (l->await_null) {
            l->await_null = false;
            expect_pop(l);
        }
    }
}

// --- scripts: simple queries outside of the pipeline
// -------------------------------------------------------------------

enum script_step { SCRIPT_UNBOUND, SCRIPT_RUN, SCRIPT_RESTORE, SCRIPT_DONE };

static void script_send(struct pg_client *c, const char *sql)
{
    if (PQsendQuery(c->link.conn, sql) != 1)
        pg_link_break(c, NULL);
    else
        pg_link_flush(c);
}

// The caller has seen to it that nothing is under way. A migration may take longer than a batch may.
void pg_link_send_script(struct pg_client *c, struct pg_batch *b)
{
    struct pg_link *l = &c->link;
    if (PQexitPipelineMode(l->conn) != 1) {
        pg_link_break(c, NULL);
        return;
    }
    l->script = b;
    l->script_step = SCRIPT_UNBOUND;
    script_send(c, "SET statement_timeout = 0");
}

static void script_run(struct pg_client *c)
{
    struct text t;
    text_init(&t, strlen(c->link.script->script) + 64);
    text_add(&t, "BEGIN;\n");
    text_add(&t, c->link.script->script);
    text_add(&t, "\n;COMMIT");
    script_send(c, text_str(&t));
    text_free(&t);
}

// Known plans may not fit the tables any more.
static void script_restore(struct pg_client *c)
{
    struct pg_link *l = &c->link;
    bool inside = PQtransactionStatus(l->conn) != PQTRANS_IDLE;
    if (inside)
        pg_batch_fail(l->script, 0, "", "the script left its transaction open");
    l->script->outcome = l->script->failed ? PG_FAILED : PG_COMMITTED;
    l->script->outcome_known = true;
    l->prepared_count = 0;
    char text[120]; // by its value: where a pooler took our options away there is no default to go back to
    snprintf(text, sizeof text, "%sSET statement_timeout = %lld; DEALLOCATE ALL", inside ? "ROLLBACK; " : "",
             (long long)(c->batch_timeout_ms - c->batch_timeout_ms / 10));
    script_send(c, text);
}

static void script_next(struct pg_client *c)
{
    struct pg_link *l = &c->link;
    struct pg_batch *b = l->script;
    l->script_step++;
    if (l->script_step == SCRIPT_RUN && !b->failed) {
        script_run(c);
    } else if (l->script_step <= SCRIPT_RESTORE) {
        l->script_step = SCRIPT_RESTORE;
        script_restore(c);
    } else {
        l->script = NULL;
        if (PQenterPipelineMode(l->conn) == 1)
            pg_client_batch_done(c, b, b->outcome);
        else
            pg_link_break(c, NULL);
    }
}

static bool take_script_result(struct pg_batch *b, PGresult *res, bool keep)
{
    char sqlstate[6], detail[PG_DETAIL_MAX];
    ExecStatusType status = PQresultStatus(res);
    bool fine = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY;
    if (status == PGRES_FATAL_ERROR) {
        pg_error_text(res, sqlstate, detail, sizeof detail);
        pg_batch_fail(b, 0, sqlstate, detail);
        fine = true;
    }
    if (keep && status == PGRES_TUPLES_OK) {
        PQclear(b->script_result.res);
        b->script_result.res = res;
    } else {
        PQclear(res);
    }
    return fine;
}

static void link_read_script(struct pg_client *c)
{
    struct pg_link *l = &c->link;
    while (l->conn != NULL && l->script != NULL && !PQisBusy(l->conn)) {
        PGresult *res = PQgetResult(l->conn);
        if (res == NULL && PQstatus(l->conn) != CONNECTION_BAD)
            script_next(c);
        else if (res == NULL)
            return; // the caller sees that it broke
        else if (!take_script_result(l->script, res, l->script_step == SCRIPT_RUN))
            pg_link_break(c, "a script may not copy from or to the client");
    }
}

// --- connecting and reading
// --------------------------------------------------------------------------------------------

static void link_on_fd(void *arg, int fd, unsigned events);

// libpq may have closed the socket and opened another one under the same number: watch anew each time.
static void link_watch(struct pg_client *c, unsigned events)
{
    struct pg_link *l = &c->link;
    loop_watch_free(l->watch);
    l->fd = PQsocket(l->conn);
    l->watch = l->fd >= 0 ? loop_watch_new(c->loop, l->fd, events, link_on_fd, c) : NULL;
}

static void link_poll(struct pg_client *c)
{
    struct pg_link *l = &c->link;
    loop_watch_free(l->watch); // before libpq may close it
    l->watch = NULL;
    switch (PQconnectPoll(l->conn)) {
    case PGRES_POLLING_READING:
        link_watch(c, LOOP_READ);
        break;
    case PGRES_POLLING_WRITING:
        link_watch(c, LOOP_WRITE);
        break;
    case PGRES_POLLING_OK:
        l->connecting = false;
        if (PQsetnonblocking(l->conn, 1) != 0 || PQenterPipelineMode(l->conn) != 1) {
            pg_link_break(c, NULL);
            break;
        }
        link_watch(c, LOOP_READ);
        pg_client_link_up(c);
        break;
    default:
        pg_link_break(c, NULL);
        break;
    }
}

static void drop_notifications(PGconn *conn)
{
    PGnotify *n;
    while ((n = PQnotifies(conn)) != NULL)
        PQfreemem(n);
}

static void link_read(struct pg_client *c)
{
    struct pg_link *l = &c->link;
    // Even when the connection is at its end: what arrived before decides between committed and lost.
    bool alive = PQconsumeInput(l->conn) == 1;
    if (l->script != NULL)
        link_read_script(c);
    else
        link_read_pipeline(c);
    if (l->conn == NULL)
        return;
    drop_notifications(l->conn);
    if (!alive || PQstatus(l->conn) == CONNECTION_BAD)
        pg_link_break(c, NULL);
}

static void link_on_fd(void *arg, int fd, unsigned events)
{
    struct pg_client *c = arg;
    (void)fd;
    (void)events;
    if (c->link.connecting) {
        link_poll(c);
        return;
    }
    link_read(c);
    pg_link_flush(c);
}

static void on_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message; // may quote values; what matters comes back as an error
}

void pg_link_open(struct pg_client *c)
{
    struct pg_link *l = &c->link;
    l->conn = PQconnectStartParams((const char *const *)c->settings.names, (const char *const *)c->settings.values, 0);
    CHECK(l->conn != NULL);
    l->connecting = true;
    PQsetNoticeProcessor(l->conn, on_notice, NULL);
    if (PQstatus(l->conn) == CONNECTION_BAD)
        pg_link_break(c, NULL);
    else
        link_watch(c, LOOP_WRITE);
}
