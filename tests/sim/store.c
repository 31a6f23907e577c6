// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// lib/io/pg_client.h: a batch travels, is run whole when it arrives (store_batch.c), and its answer travels back.
// Breaking a connection before a batch arrives loses it; after, only its answer.
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
#include "tests/sim/store_internal.h"
#include "tests/sim/world.h"

#define MS NS_PER_MS
#define CLIENTS_MAX 16 // alive at a time

static struct {
    struct store_faults faults;
    struct pg_client *clients[CLIENTS_MAX];
    struct pooled *reader;
    uint64_t batches;
    void (*watch)(struct host *h, const char *statement);
    void (*committed)(struct host *h, unsigned life, const char *statement, size_t affected);
} store;

static void arrives_alone(struct pg_client *c);
static bool leave_hanging(struct pg_client *c);

static int64_t hung_until(const struct pg_client *c)
{
    int64_t all = store.faults.hung_until, own = store.faults.stuck_until[host_index(c->host)];
    return own > all ? own : all;
}

static void let_go(struct pg_client *c)
{
    store_forget(c);
    pool_give(c->conn);
    c->conn = NULL;
}

static bool is_down(const struct pg_client *c)
{
    const struct store_faults *f = &store.faults;
    return world_ns() < f->down_until || world_ns() < f->cut_until[host_index(c->host)];
}

// What was sent before the end may still reach the server, in its order.
static void lives_end(struct host *h)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct pg_client *c = store.clients[i];
        if (!c || c->host != h)
            continue;
        if (!leave_hanging(c)) {
            arrives_alone(c);
            let_go(c);
        }
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

void store_committed(void (*fn)(struct host *h, unsigned life, const char *statement, size_t affected))
{
    store.committed = fn;
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
    store_asked(sql); // now and then an operator's tool writes this way
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
    loop_cancel(b->client->p.loop, &b->late);
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
    store.batches++;
    store_run(c, b);
    world_note("postgres: %s%s", b->script ? "script" : b->items[0].statement->name,
               b->outcome == PG_COMMITTED ? "" : " fails");
    for (size_t i = 0; store.committed && b->outcome == PG_COMMITTED && i < b->count; i++)
        store.committed(c->host, c->life, b->items[i].statement->name, pg_affected(&b->items[i].result));
}

static void arrives_alone(struct pg_client *c)
{
    LIST_EACH(node, tmp, &c->under_way)
    {
        struct pg_batch *b = LIST_ENTRY(node, struct pg_batch, node);
        if (b->carried)
            b->carried->batch = NULL;
        if (!b->ran && c->conn && !is_down(c) && world_chance(DRAW_POSTGRES, 500000))
            execute(c, b);
        else
            return;
    }
}

// --- a server that hangs: what it was sent it does when it goes on, also for those who have left long ago

static void goes_on(void *arg)
{
    struct pg_client *gone = arg;
    LIST_EACH(node, tmp, &gone->under_way)
    {
        struct pg_batch *b = LIST_ENTRY(node, struct pg_batch, node);
        bool runs = world_ns() >= store.faults.down_until && world_chance(DRAW_POSTGRES, 700000);
        list_remove(node);
        if (runs) {
            world_note("postgres: done late, its connection was given up");
            execute(gone, b);
        }
        pg_batch_free(b);
        if (!runs)
            break; // the memory of the others ends with the process
    }
    let_go(gone);
}

// False: it does not hang, or there is nothing that it could do later.
static bool leave_hanging(struct pg_client *c)
{
    if (world_ns() >= hung_until(c) || !c->conn || list_empty(&c->under_way))
        return false;
    struct pg_client *gone = check_alloc(1, sizeof *gone);
    *gone = (struct pg_client){.host = c->host, .life = c->life, .conn = c->conn};
    list_init(&gone->under_way);
    LIST_EACH(node, tmp, &c->under_way)
    {
        struct pg_batch *b = LIST_ENTRY(node, struct pg_batch, node), *left = pg_batch_new();
        if (b->carried)
            b->carried->batch = NULL;
        b->carried = NULL;
        left->client = gone;
        left->items = b->ran ? NULL : b->items;
        left->count = b->ran ? 0 : b->count;
        left->script = b->script;
        if (!b->ran) {
            b->items = NULL;
            b->count = 0;
        }
        b->script = NULL;
        if (left->count > 0)
            list_append(&gone->under_way, &left->node);
    }
    store_forget(c);
    c->conn = NULL;
    world_sum(SUM_HUNG, 1);
    world_after(hung_until(c) - world_ns() + world_between(DRAW_POSTGRES, 0, 2000) * MS, goes_on, gone);
    return true;
}

static void answer_late(void *arg)
{
    struct pg_batch *b = arg;
    b->late = 0;
    if (b->client->state == PG_UP && !b->ran)
        go_down(b->client, "the server did not answer in time");
}

static void arrives(void *arg)
{
    struct carried *carried = arg;
    struct pg_batch *b = carried->batch;
    if (b && same_life(b->client) && world_ns() < hung_until(b->client)) {
        world_after(hung_until(b->client) - world_ns(), arrives, carried);
        return;
    }
    free(carried);
    if (!b)
        return; // given up: its connection broke, or its life ended
    struct pg_client *c = b->client;
    b->carried = NULL;
    if (!same_life(c))
        return;
    if (!c->conn || is_down(c) || world_chance(DRAW_POSTGRES, store.faults.lost)) {
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
    int64_t at = world_ns() + world_between(DRAW_POSTGRES, MS / 10, 2 * MS);
    if (at <= c->last_answer)
        at = c->last_answer + 1;
    c->last_answer = at;
    world_tell(c->host, at - world_ns(), answered, b);
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
    if (!leave_hanging(c))
        let_go(c);
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

static void connect_late(void *arg)
{
    struct pg_client *c = arg;
    c->connect = 0;
    c->p.on_state(c->p.arg, PG_DOWN, "no connection in time");
    connect_later(c);
}

static void connects(void *arg)
{
    struct pg_client *c = arg;
    c->connect = 0;
    if (world_ns() < hung_until(c)) {
        int64_t wait_ms = (hung_until(c) - world_ns()) / MS + 1, most_ms = c->p.connect_timeout_ms;
        c->connect = loop_after_ms(c->p.loop, wait_ms < most_ms ? wait_ms : most_ms,
                                   wait_ms < most_ms ? connects : connect_late, c);
        return;
    }
    if (is_down(c)) {
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
    if (!leave_hanging(c))
        let_go(c);
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
    const struct list *l = &c->under_way;
    return list_empty(l) ? 0 : world_ns() - LIST_ENTRY(l->next, struct pg_batch, node)->begun;
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
    b->begun = world_ns();
    b->late = loop_after_ms(c->p.loop, c->p.batch_timeout_ms, answer_late, b);
    int64_t arrival = world_ns() + world_between(DRAW_POSTGRES, MS / 10, 2 * MS);
    if (arrival <= c->last_arrival)
        arrival = c->last_arrival + 1;
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
