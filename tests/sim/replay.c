// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Asked of both lives: what of its daily limits the session has used, what open buys hold, what orders are open, and
// the books that strategies are shown, by a preview.
#include "tests/sim/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/json_read.h"
#include "lib/base/when.h"
#include "tests/sim/check.h"
#include "tests/sim/child.h"
#include "tests/sim/cluster.h"
#include "tests/sim/lead.h"
#include "tests/sim/server.h"
#include "tests/sim/world.h"

#define S NS_PER_S
#define READY_NS (INT64_C(120) * S)
#define ANSWERED_NS (INT64_C(30) * S)

struct belief {
    int64_t orders_used, notional_used, open_buys; // -1: not told
    char orders[100], books[2][400];
};

static struct {
    struct belief *into;
    int waiting;
    bool ready;
} it;

static bool all_answered(void)
{
    return it.waiting == 0;
}

static int64_t used_of(const struct json_node *limits, const char *name)
{
    int64_t nanos;
    for (size_t i = 0; i < json_size(limits); i++) {
        const char *one = json_string(json_get(json_at(limits, i), "name"));
        const char *used = json_string(json_get(json_at(limits, i), "used"));
        if (one && used && strcmp(one, name) == 0 &&
            decimal_parse(used, strlen(used), DECIMAL_EXACT, &nanos) == DECIMAL_OK)
            return nanos;
    }
    return -1;
}

static void used_answered(void *arg, int status, const char *body)
{
    struct json_doc *doc;
    (void)arg;
    it.waiting--;
    if (status != 200 || json_doc_parse(body, strlen(body), &doc, NULL) != 0) {
        check_violation("limits are answered %d %.200s", status, body);
        return;
    }
    const struct json_node *limits = json_get(json_doc_root(doc), "limits");
    it.into->orders_used = used_of(limits, "max_orders_per_day");
    it.into->notional_used = used_of(limits, "max_notional_per_day");
    it.into->open_buys = used_of(limits, "cash");
    json_doc_free(doc);
}

static void orders_answered(void *arg, int status, const char *body)
{
    (void)arg;
    it.waiting--;
    if (status != 200)
        check_violation("open orders are answered %d %.200s", status, body);
    snprintf(it.into->orders, sizeof it.into->orders, "%s", body);
}

static void plan_answered(void *arg, int status, const char *body)
{
    const char *strategy = arg;
    it.waiting--;
    if (status != 200)
        check_violation("a preview of %s is answered %d %.200s", strategy, status, body);
    snprintf(it.into->books[strategy[0] - 'a'], sizeof it.into->books[0], "%s", child_book(strategy));
}

static void ask(struct host *h, struct belief *into)
{
    static char names[2][2] = {"a", "b"};
    it.into = into;
    it.waiting = 2;
    server_ask(h, HTTP_ROLE_ADMIN, HTTP_GET, "/admin/limits", NULL, NULL, used_answered, NULL);
    server_ask(h, HTTP_ROLE_API, HTTP_GET, "/api/v1/orders?status=open", NULL, NULL, orders_answered, NULL);
    for (size_t i = 0; i < 2; i++) { // one at a time
        char body[40];
        snprintf(body, sizeof body, "{\"strategies\":[\"%s\"]}", names[i]);
        it.waiting++;
        server_ask(h, HTTP_ROLE_ADMIN, HTTP_POST, "/admin/plan", body, NULL, plan_answered, names[i]);
        if (!world_run(world_ns() + ANSWERED_NS, all_answered))
            check_violation("a preview of %s was not answered", names[i]);
    }
}

static void ready_answered(void *arg, int status, const char *body)
{
    (void)arg, (void)body;
    it.waiting--;
    it.ready = status == 200;
}

static void wait_ready(struct host *h)
{
    int64_t until = world_ns() + READY_NS;
    for (it.ready = false; !it.ready && world_ns() < until; world_run(world_ns() + S, NULL)) {
        it.waiting = 1;
        server_ask(h, HTTP_ROLE_API | HTTP_ROLE_HEALTH, HTTP_GET, "/health/ready", NULL, NULL, ready_answered, NULL);
        world_run(world_ns() + S, all_answered);
    }
    if (!it.ready)
        check_violation("a life without faults is not ready after %lld s", (long long)(READY_NS / S));
}

static void same(const char *what, const char *live, const char *read)
{
    if (strcmp(live, read) != 0)
        check_violation("%s: the life that ends has \"%s\", the next one reads \"%s\"", what, live, read);
}

// Both count the same, but for intents of lives before: a Postgres that was stuck does late what it was sent, and may
// commit one after this life has read what is used.
static void limits_same(const struct belief *live, const struct belief *read)
{
    int64_t off = (live->orders_used - read->orders_used) / DECIMAL_ONE, late = lead_late_intents();
    if (live->orders_used < 0 || live->notional_used < 0 || live->open_buys != read->open_buys)
        check_violation("limits: the life that ends holds %lld billionths for open buys, the next one %lld",
                        (long long)live->open_buys, (long long)read->open_buys);
    if (off > 0 || off < -late || (late == 0 && live->notional_used != read->notional_used))
        check_violation(
            "limits: the life that ends has used %lld orders and %lld dollars of its day, the next one reads "
            "%lld and %lld; %lld intents were committed late",
            (long long)(live->orders_used / DECIMAL_ONE), (long long)(live->notional_used / DECIMAL_ONE),
            (long long)(read->orders_used / DECIMAL_ONE), (long long)(read->notional_used / DECIMAL_ONE),
            (long long)late);
}

void replay_check(struct host *h)
{
    struct belief live = {.orders_used = -1}, read = {.orders_used = -1};
    wait_ready(h);
    ask(h, &live);
    world_note("replay: books %s and %s", live.books[0], live.books[1]);
    host_kill(h);
    struct host *next = cluster_other(h);
    if (!next)
        host_start(next = h);
    wait_ready(next);
    ask(next, &read);
    limits_same(&live, &read);
    same("open orders", live.orders, read.orders);
    same("book of a", live.books[0], read.books[0]);
    same("book of b", live.books[1], read.books[1]);
}
