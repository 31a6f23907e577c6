// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// lib/io/redis_client.h: a command travels, is done, and its answer travels back, in the order of the connection.
#include "tests/sim/redis.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/err.h"
#include "lib/base/list.h"
#include "lib/base/text.h"
#include "lib/base/when.h"
#include "lib/io/redis_client.h"
#include "tests/sim/world.h"

#define MS NS_PER_MS
#define KEYS_MAX 256
#define WORDS_MAX 20 // EXISTS has a word for each strategy
#define SLOW_MAX_NS (INT64_C(4) * NS_PER_S)

struct command {
    struct list node;
    struct redis_client *client;
    uint64_t number;
    char *words[WORDS_MAX];
    size_t count;
    int64_t begun;
    redis_done_fn *done;
    void *arg;
    loop_timer late;
    bool refused;
    int64_t found; // of the keys it asks for
};

struct redis_client {
    struct list node;
    struct redis_client_params p;
    struct host *host;
    bool up;
    struct list pending;
    size_t count;
    int64_t last;
    loop_timer connect;
};

static struct {
    struct redis_faults faults;
    struct list clients;
    uint64_t numbers;
    struct key {
        char *name, *value;
        int64_t set_ns, gone_ns;
    } keys[KEYS_MAX];
    size_t count;
} redis;

static bool hit(int64_t ppm)
{
    bool it_is = world_chance(DRAW_REDIS, ppm);
    world_sum(SUM_REDIS, it_is);
    return it_is;
}

static void life_ends(struct host *h)
{
    LIST_EACH(node, tmp, &redis.clients)
    if (LIST_ENTRY(node, struct redis_client, node)->host == h)
        list_remove(node); // its memory ends with the process
}

void redis_begin(void)
{
    list_init(&redis.clients);
    world_on_end(life_ends);
}

struct redis_faults *redis_faults(void)
{
    return &redis.faults;
}

bool redis_up(const struct host *h)
{
    LIST_EACH(node, tmp, &redis.clients)
    if (LIST_ENTRY(node, struct redis_client, node)->host == h)
        return LIST_ENTRY(node, struct redis_client, node)->up;
    return false;
}

// --- the server

static void flush(void)
{
    for (size_t i = 0; i < redis.count; i++) {
        free(redis.keys[i].name);
        free(redis.keys[i].value);
    }
    redis.count = 0;
}

const char *redis_value(const char *key_end, int64_t *set_ns)
{
    for (size_t i = 0; i < redis.count; i++) {
        const struct key *k = &redis.keys[i];
        size_t len = strlen(k->name), end = strlen(key_end);
        if (len < end || strcmp(k->name + len - end, key_end) != 0 || k->gone_ns <= world_ns())
            continue;
        *set_ns = k->set_ns;
        return k->value;
    }
    return NULL;
}

static void set(const char *name, const char *value, const char *seconds)
{
    size_t i = 0;
    while (i < redis.count && strcmp(redis.keys[i].name, name) != 0)
        i++;
    CHECK(i < KEYS_MAX);
    struct key *k = &redis.keys[i];
    if (i == redis.count) {
        redis.count++;
        *k = (struct key){.name = check_strdup(name)};
    }
    free(k->value);
    k->value = check_strdup(value);
    k->set_ns = world_ns();
    k->gone_ns = world_ns() + strtoll(seconds, NULL, 10) * NS_PER_S;
}

static bool there(const char *name)
{
    for (size_t i = 0; i < redis.count; i++)
        if (strcmp(redis.keys[i].name, name) == 0 && redis.keys[i].gone_ns > world_ns())
            return true;
    return false;
}

// --- one connection

static void command_free(struct command *x)
{
    loop_cancel(x->client->p.loop, &x->late);
    list_remove(&x->node);
    x->client->count--;
    for (size_t i = 0; i < x->count; i++)
        free(x->words[i]);
    free(x);
}

static void complete(struct command *x, const struct redis_reply_view *reply)
{
    redis_done_fn *done = x->done;
    void *arg = x->arg;
    command_free(x);
    if (done)
        done(arg, reply);
}

static void connects(void *arg);

static void connect_later(struct redis_client *c)
{
    c->connect = loop_after_ms(c->p.loop, world_between(DRAW_REDIS, 1, 2000), connects, c);
}

static void tell_state(struct redis_client *c, bool up, const char *detail)
{
    c->up = up;
    world_note("redis: %s", up ? "up" : detail);
    if (c->p.on_state)
        c->p.on_state(c->p.arg, up, detail);
}

static void go_down(struct redis_client *c, const char *why)
{
    if (!c->up)
        return;
    c->up = false;
    LIST_EACH(node, tmp, &c->pending)
    complete(LIST_ENTRY(node, struct command, node), NULL);
    tell_state(c, false, why);
    connect_later(c);
}

static void connects(void *arg)
{
    struct redis_client *c = arg;
    c->connect = 0;
    if (world_ns() >= redis.faults.down_until) {
        tell_state(c, true, "");
        return;
    }
    tell_state(c, false, "connection refused");
    connect_later(c);
}

struct reply {
    struct host *host;
    uint64_t number;
};

static struct command *find(uint64_t number)
{
    LIST_EACH(node, tmp, &redis.clients)
    {
        struct redis_client *c = LIST_ENTRY(node, struct redis_client, node);
        LIST_EACH(inner, next, &c->pending)
        if (LIST_ENTRY(inner, struct command, node)->number == number)
            return LIST_ENTRY(inner, struct command, node);
    }
    return NULL;
}

static void answered(void *arg)
{
    struct reply *r = arg;
    struct command *x = find(r->number);
    free(r);
    if (!x)
        return;
    const bool asks = strcmp(x->words[0], "EXISTS") == 0;
    const struct redis_reply_view reply = {.ok = !x->refused,
                                           .text = x->refused ? "READONLY You can't write against a read only replica."
                                                   : asks     ? NULL
                                                              : "OK",
                                           .integer = x->found};
    complete(x, &reply);
}

static void broken(void *arg)
{
    struct reply *r = arg;
    struct command *x = find(r->number);
    free(r);
    if (x)
        go_down(x->client, "the connection was reset");
}

static void arrives(void *arg)
{
    struct reply *r = arg;
    struct command *x = find(r->number);
    const struct redis_faults *f = &redis.faults;
    if (!x) {
        free(r);
        return;
    }
    if (hit(f->flushed))
        flush();
    if (world_ns() < f->down_until || hit(f->lost)) {
        world_tell(r->host, world_between(DRAW_REDIS, 0, 5 * MS), broken, r);
        return;
    }
    x->refused = hit(f->refused);
    if (!x->refused && x->count == 5 && strcmp(x->words[0], "SET") == 0)
        set(x->words[1], x->words[2], x->words[4]);
    for (size_t i = 1; i < x->count && strcmp(x->words[0], "EXISTS") == 0; i++)
        x->found += there(x->words[i]);
    CHECK(x->found == 0); // nobody sets a halt there
    int64_t slow = hit(f->slow) ? world_between(DRAW_REDIS, MS, SLOW_MAX_NS) : 0;
    world_tell(r->host, world_between(DRAW_REDIS, MS / 10, MS) + slow, answered, r);
}

static void late(void *arg)
{
    struct command *x = arg;
    x->late = 0;
    go_down(x->client, "no answer in time");
}

// --- lib/io/redis_client.h

struct redis_client *redis_client_new(const struct redis_client_params *params, struct err *err)
{
    struct redis_client *c = check_alloc(1, sizeof *c);
    (void)err;
    c->p = *params;
    c->host = host_current();
    list_init(&c->pending);
    list_append(&redis.clients, &c->node);
    connect_later(c);
    return c;
}

void redis_client_free(struct redis_client *c)
{
    if (!c)
        return;
    c->up = false;
    LIST_EACH(node, tmp, &c->pending)
    complete(LIST_ENTRY(node, struct command, node), NULL);
    loop_cancel(c->p.loop, &c->connect);
    list_remove(&c->node);
    free(c);
}

bool redis_client_up(const struct redis_client *c)
{
    return c->up;
}

int64_t redis_client_unanswered_ns(const struct redis_client *c)
{
    return list_empty(&c->pending) ? 0 : world_ns() - LIST_ENTRY(c->pending.next, struct command, node)->begun;
}

struct refusal {
    redis_done_fn *done;
    void *arg;
};

static void not_taken(void *arg)
{
    struct refusal *r = arg;
    r->done(r->arg, NULL);
    free(r);
}

void redis_command(struct redis_client *c, size_t argc, const char *const *argv, redis_done_fn *done, void *arg)
{
    if (!c->up || c->count >= c->p.queue_max) {
        if (done) {
            struct refusal *r = check_alloc(1, sizeof *r);
            *r = (struct refusal){done, arg};
            world_tell(c->host, 0, not_taken, r);
        }
        return;
    }
    struct command *x = check_alloc(1, sizeof *x);
    struct reply *r = check_alloc(1, sizeof *r);
    CHECK(argc <= ARRAY_LEN(x->words));
    *x = (struct command){
        .client = c, .number = ++redis.numbers, .count = argc, .begun = world_ns(), .done = done, .arg = arg};
    for (size_t i = 0; i < argc; i++)
        x->words[i] = check_strdup(argv[i]);
    list_append(&c->pending, &x->node);
    c->count++;
    x->late = loop_after_ms(c->p.loop, c->p.command_timeout_ms, late, x);
    *r = (struct reply){c->host, x->number};
    int64_t at = world_ns() + world_between(DRAW_REDIS, MS / 10, 2 * MS);
    if (at <= c->last)
        at = c->last + 1;
    c->last = at;
    world_after(at - world_ns(), arrives, r);
}
