// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// lib/io/pg_client.h: a batch travels, is run whole inside BEGIN and COMMIT when it arrives, and its answer travels
// back. Breaking a connection before a batch arrives loses it; after, only its answer.
#include "tests/sim/store.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/draw.h"
#include "lib/base/check.h"
#include "lib/base/list.h"
#include "lib/base/when.h"
#include "lib/io/pg_client.h"
#include "tests/sim/pool.h"
#include "tests/sim/world.h"

#define MS NS_PER_MS
#define CLIENTS_MAX 8 // alive at a time

struct pg_result {
    PGresult *res;
};

struct item {
    const struct pg_statement *statement;
    size_t count;
    char **values;
    struct pg_result result;
};

struct carried { // what travels: the batch may be given up before it arrives
    struct pg_batch *batch;
};

struct pg_batch {
    struct list node;
    struct carried *carried; // until it arrived
    struct item *items;
    size_t count;
    char *script;
    pg_done_fn *done;
    void *arg;
    struct pg_client *client;
    enum pg_outcome outcome;
    size_t failed_at;
    char sqlstate[6], detail[320];
    bool ran;
};

struct pg_client {
    struct pg_client_params p;
    struct host *host;
    unsigned life;
    struct pooled *conn; // NULL: not connected
    enum pg_state state;
    struct list under_way, ended; // batches; those whose completion is on its way
    size_t queued;
    int64_t last_arrival;
    loop_timer connect;
    char detail[160];
};

static struct {
    struct store_faults faults;
    struct pg_client *clients[CLIENTS_MAX];
    struct pooled *reader;
    uint64_t batches;
    void (*watch)(struct host *h, const char *statement);
} store;

static void arrives_alone(struct pg_client *c);

// What was sent before the end may still reach the server, in its order.
static void lives_end(struct host *h)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct pg_client *c = store.clients[i];
        if (!c || c->host != h)
            continue;
        arrives_alone(c);
        pool_give(c->conn);
        c->conn = NULL;
        store.clients[i] = NULL;
    }
}

void store_begin(void)
{
    store.reader = pool_take("checks");
    world_on_end(lives_end);
}

void store_watch(void (*fn)(struct host *h, const char *statement))
{
    store.watch = fn;
}

struct store_faults *store_faults(void)
{
    return &store.faults;
}

uint64_t store_batches(void)
{
    return store.batches;
}

static PGresult *look(const char *sql, const char *param)
{
    char name[32];
    snprintf(name, sizeof name, "check_%016llx", (unsigned long long)draw_text(sql));
    PGresult *r = pool_prepare(store.reader, name, sql);
    if (!r)
        r = PQexecPrepared(pool_conn(store.reader), name, param ? 1 : 0, &param, NULL, NULL, 0);
    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        fprintf(stderr, "simulate: %s: %s", sql, PQerrorMessage(pool_conn(store.reader)));
        exit(2);
    }
    return r;
}

const char *store_value(const char *sql, const char *param)
{
    static char value[400];
    PGresult *r = look(sql, param);
    snprintf(value, sizeof value, "%s", PQntuples(r) ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    return value;
}

void store_each(const char *sql, const char *param, void (*fn)(void *arg, const char *a, const char *b), void *arg)
{
    PGresult *r = look(sql, param);
    for (int i = 0; i < PQntuples(r); i++)
        fn(arg, PQgetvalue(r, i, 0), PQnfields(r) > 1 ? PQgetvalue(r, i, 1) : "");
    PQclear(r);
}

// --- batches

struct pg_batch *pg_batch_new(void)
{
    struct pg_batch *b = check_alloc(1, sizeof *b);
    list_init(&b->node);
    return b;
}

void pg_batch_add(struct pg_batch *b, const struct pg_statement *statement, size_t count, const char *const *values)
{
    CHECK(count <= PG_PARAMS_MAX);
    b->items = check_realloc(b->items, (b->count + 1) * sizeof *b->items);
    struct item *i = &b->items[b->count++];
    *i = (struct item){.statement = statement, .count = count, .values = check_alloc(count + 1, sizeof *i->values)};
    for (size_t k = 0; k < count; k++)
        i->values[k] = values[k] ? check_strdup(values[k]) : NULL;
}

size_t pg_batch_size(const struct pg_batch *b)
{
    return b->count;
}

void pg_batch_free(struct pg_batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        for (size_t k = 0; k < b->items[i].count; k++)
            free(b->items[i].values[k]);
        free(b->items[i].values);
        PQclear(b->items[i].result.res);
    }
    free(b->items);
    free(b->script);
    free(b);
}

// --- running one

static bool good(PGresult *r)
{
    return PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK;
}

static void plain(struct pg_client *c, const char *sql)
{
    PQclear(PQexec(pool_conn(c->conn), sql));
}

static void note_failure(struct pg_batch *b, const struct pg_client *c, const PGresult *r, size_t at)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    const char *text = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    b->outcome = PG_FAILED;
    b->failed_at = at;
    snprintf(b->sqlstate, sizeof b->sqlstate, "%s", state ? state : "");
    snprintf(b->detail, sizeof b->detail, "%s", text ? text : PQerrorMessage(pool_conn(c->conn)));
}

// In one piece, as a transaction: the server takes all up to the next Sync as one, also where nothing says BEGIN.
static bool send_items(PGconn *conn, struct pg_batch *b)
{
    bool sent = PQenterPipelineMode(conn) == 1;
    for (size_t i = 0; sent && i < b->count; i++)
        sent = PQsendQueryPrepared(conn, b->items[i].statement->name, (int)b->items[i].count,
                                   (const char *const *)b->items[i].values, NULL, NULL, 0) == 1;
    return sent && PQpipelineSync(conn) == 1;
}

static void take_items(struct pg_client *c, struct pg_batch *b)
{
    PGconn *conn = pool_conn(c->conn);
    for (size_t i = 0; i < b->count; i++) {
        PGresult *r = b->items[i].result.res = PQgetResult(conn);
        CHECK(r && !PQgetResult(conn));
        if (b->outcome == PG_COMMITTED && !good(r))
            note_failure(b, c, r, i);
    }
    PGresult *r = PQgetResult(conn);
    if (PQresultStatus(r) == PGRES_FATAL_ERROR) { // the commit itself
        note_failure(b, c, r, b->count);
        PQclear(r);
        r = PQgetResult(conn);
    }
    CHECK(PQresultStatus(r) == PGRES_PIPELINE_SYNC);
    PQclear(r);
    CHECK(PQexitPipelineMode(conn) == 1);
}

static void run(struct pg_client *c, struct pg_batch *b)
{
    b->ran = true;
    b->outcome = PG_COMMITTED;
    store.batches++;
    for (size_t i = 0; i < b->count; i++) { // outside the transaction: a failed preparation would abort it
        const struct pg_statement *s = b->items[i].statement;
        PGresult *r = pool_prepare(c->conn, s->name, s->text);
        if (r) {
            note_failure(b, c, r, i);
            PQclear(r);
            return;
        }
    }
    CHECK(send_items(pool_conn(c->conn), b));
    take_items(c, b);
}

static void run_script(struct pg_client *c, struct pg_batch *b)
{
    b->ran = true;
    store.batches++;
    plain(c, "BEGIN");
    PGresult *r = PQexec(pool_conn(c->conn), b->script);
    if (!good(r))
        note_failure(b, c, r, 0);
    else
        b->outcome = PG_COMMITTED;
    PQclear(r);
    plain(c, b->outcome == PG_COMMITTED ? "COMMIT" : "ROLLBACK");
}

// --- completions

static void complete(struct pg_batch *b)
{
    if (!b->done) { // its client is gone, and told it
        pg_batch_free(b);
        return;
    }
    const struct pg_result *results[64];
    size_t n = 0;
    for (size_t i = 0;
         i < b->count && n < 64 && b->items[i].result.res && (b->outcome != PG_FAILED || i < b->failed_at); i++)
        results[n++] = &b->items[i].result;
    struct pg_answer a = {.outcome = b->outcome,
                          .result_count = b->outcome == PG_COMMITTED ? n : 0,
                          .results = results,
                          .failed_at = b->failed_at,
                          .detail = b->detail};
    memcpy(a.sqlstate, b->sqlstate, sizeof a.sqlstate);
    list_remove(&b->node);
    b->client->queued--;
    if (b->carried)
        b->carried->batch = NULL;
    b->done(b->arg, &a);
    pg_batch_free(b);
}

static void answered(void *arg)
{
    complete(arg);
}

static bool same_life(const struct pg_client *c)
{
    return host_alive(c->host) && host_life(c->host) == c->life;
}

static void go_down(struct pg_client *c, const char *why);

static void connection_seen_broken(void *arg)
{
    struct pg_client *c = arg;
    if (c->state == PG_UP)
        go_down(c, "the connection broke");
}

static void execute(struct pg_client *c, struct pg_batch *b)
{
    if (b->script)
        run_script(c, b);
    else
        run(c, b);
    world_note("postgres: %s%s", b->script ? "script" : b->items[0].statement->name,
               b->outcome == PG_COMMITTED ? "" : " fails");
}

static void arrives_alone(struct pg_client *c)
{
    LIST_EACH(node, tmp, &c->under_way)
    {
        struct pg_batch *b = LIST_ENTRY(node, struct pg_batch, node);
        if (b->carried)
            b->carried->batch = NULL;
        if (!b->ran && c->conn && world_ns() >= store.faults.down_until && world_chance(DRAW_POSTGRES, 500000))
            execute(c, b);
        else
            return;
    }
}

static void arrives(void *arg)
{
    struct carried *carried = arg;
    struct pg_batch *b = carried->batch;
    free(carried);
    if (!b)
        return; // given up: its connection broke, or its life ended
    struct pg_client *c = b->client;
    b->carried = NULL;
    if (!same_life(c))
        return;
    if (!c->conn || world_ns() < store.faults.down_until || world_chance(DRAW_POSTGRES, store.faults.lost)) {
        world_note("postgres: a batch is lost on its way");
        world_sum(SUM_POSTGRES, 1);
        world_tell(c->host, world_between(DRAW_POSTGRES, 0, 5 * MS), connection_seen_broken, c);
        return; // whoever waits is told when the connection is seen broken
    }
    execute(c, b);
    if (store.watch && b->count > 0)
        store.watch(c->host, b->items[0].statement->name);
    if (!same_life(c))
        return;
    if (world_chance(DRAW_POSTGRES, store.faults.answer_lost)) {
        world_note("postgres: the answer is lost");
        world_sum(SUM_POSTGRES, 1);
        b->outcome = PG_LOST;
        world_tell(c->host, world_between(DRAW_POSTGRES, 0, 5 * MS), connection_seen_broken, c);
        return;
    }
    list_remove(&b->node);
    list_append(&c->ended, &b->node);
    world_tell(c->host, world_between(DRAW_POSTGRES, MS / 10, 2 * MS), answered, b);
}

static void lose(void *arg)
{
    struct pg_batch *b = arg;
    b->outcome = PG_LOST;
    snprintf(b->detail, sizeof b->detail, "the connection broke");
    complete(b);
}

static void connect_later(struct pg_client *c);

static void go_down(struct pg_client *c, const char *why)
{
    c->state = PG_DOWN;
    snprintf(c->detail, sizeof c->detail, "%s", why);
    pool_give(c->conn);
    c->conn = NULL;
    LIST_EACH(node, tmp, &c->under_way)
    {
        list_remove(node);
        list_append(&c->ended, node);
        world_tell(c->host, 0, lose, LIST_ENTRY(node, struct pg_batch, node));
    }
    c->p.on_state(c->p.arg, PG_DOWN, c->detail);
    connect_later(c);
}

// --- connecting

static void connects(void *arg)
{
    struct pg_client *c = arg;
    c->connect = 0;
    if (world_ns() < store.faults.down_until) {
        c->p.on_state(c->p.arg, PG_DOWN, "connection refused");
        connect_later(c);
        return;
    }
    c->conn = pool_take(c->p.application_name);
    c->state = PG_UP;
    c->detail[0] = '\0';
    c->p.on_state(c->p.arg, PG_UP, "");
}

static void connect_later(struct pg_client *c)
{
    c->connect = loop_after_ms(c->p.loop, world_between(DRAW_POSTGRES, 1, 400), connects, c);
}

int pg_dsn_check(const char *dsn, struct err *err)
{
    (void)dsn, (void)err;
    return 0;
}

void pg_client_global_init(void)
{
}

struct pg_client *pg_client_new(const struct pg_client_params *params)
{
    struct pg_client *c = check_alloc(1, sizeof *c);
    size_t i = 0;
    c->p = *params;
    c->host = host_current();
    c->life = host_life(c->host);
    list_init(&c->under_way);
    list_init(&c->ended);
    while (store.clients[i])
        CHECK(++i < CLIENTS_MAX);
    store.clients[i] = c;
    connect_later(c);
    return c;
}

void pg_client_free(struct pg_client *c)
{
    if (!c)
        return;
    loop_cancel(c->p.loop, &c->connect);
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (store.clients[i] == c)
            store.clients[i] = NULL;
    pool_give(c->conn);
    c->conn = NULL;
    LIST_EACH(node, tmp, &c->under_way)
    {
        struct pg_batch *b = LIST_ENTRY(node, struct pg_batch, node);
        b->outcome = PG_LOST;
        complete(b);
    }
    // Those that are ended have their completion on its way; it is told now instead, and the event finds nothing to do.
    LIST_EACH(node, tmp, &c->ended)
    {
        struct pg_batch *b = LIST_ENTRY(node, struct pg_batch, node);
        list_remove(node);
        b->done(b->arg, &(struct pg_answer){.outcome = PG_LOST, .detail = "the client ends"});
        b->done = NULL;
    }
}

enum pg_state pg_client_state(const struct pg_client *c)
{
    return c->state;
}

const char *pg_client_detail(const struct pg_client *c)
{
    return c->detail;
}

int pg_client_backend(const struct pg_client *c)
{
    return c->conn ? PQbackendPID(pool_conn(c->conn)) : 0;
}

size_t pg_client_queued(const struct pg_client *c)
{
    return c->queued;
}

int64_t pg_client_unanswered_ns(const struct pg_client *c)
{
    (void)c; // only shown
    return 0;
}

static void closed(void *arg)
{
    struct pg_batch *b = arg;
    b->outcome = PG_CLOSED;
    snprintf(b->detail, sizeof b->detail, "not connected");
    complete(b);
}

static void submit(struct pg_client *c, struct pg_batch *b, pg_done_fn *done, void *arg)
{
    b->client = c;
    b->done = done;
    b->arg = arg;
    c->queued++;
    if (c->state != PG_UP || c->queued > c->p.queue_max) {
        list_append(&c->ended, &b->node);
        world_tell(c->host, 0, closed, b);
        return;
    }
    b->carried = check_alloc(1, sizeof *b->carried);
    b->carried->batch = b;
    list_append(&c->under_way, &b->node);
    int64_t arrival = world_ns() + world_between(DRAW_POSTGRES, MS / 10, 2 * MS);
    if (arrival <= c->last_arrival)
        arrival = c->last_arrival + 1; // one connection keeps its order
    c->last_arrival = arrival;
    world_after(arrival - world_ns(), arrives, b->carried);
}

void pg_submit(struct pg_client *c, struct pg_batch *b, pg_done_fn *done, void *arg)
{
    submit(c, b, done, arg);
}

void pg_submit_script(struct pg_client *c, const char *sql, pg_done_fn *done, void *arg)
{
    struct pg_batch *b = pg_batch_new();
    b->script = check_strdup(sql);
    submit(c, b, done, arg);
}

const char *pg_outcome_name(enum pg_outcome o)
{
    static const char *const names[] = {"committed", "failed", "lost", "closed"};
    return names[o];
}

// --- results

size_t pg_rows(const struct pg_result *r)
{
    return (size_t)PQntuples(r->res);
}

size_t pg_columns(const struct pg_result *r)
{
    return (size_t)PQnfields(r->res);
}

size_t pg_affected(const struct pg_result *r)
{
    return (size_t)strtoul(PQcmdTuples(r->res), NULL, 10);
}

const char *pg_value(const struct pg_result *r, size_t row, size_t column)
{
    return PQgetisnull(r->res, (int)row, (int)column) ? NULL : PQgetvalue(r->res, (int)row, (int)column);
}

const char *pg_named(const struct pg_result *r, size_t row, const char *column)
{
    int n = PQfnumber(r->res, column);
    CHECK(n >= 0);
    return pg_value(r, row, (size_t)n);
}
