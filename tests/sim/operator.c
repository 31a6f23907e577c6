// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The operator, on the admin socket.
#include "tests/sim/operator.h"

#include <stdio.h>

#include "lib/base/when.h"
#include "tests/sim/check.h"
#include "tests/sim/server.h"
#include "tests/sim/site.h"
#include "tests/sim/store.h"

#define S NS_PER_S
#define AFTER_ALL_NS (INT64_C(30) * S)

static struct {
    struct host *host;
    bool opened, asked, paused, told_of_open;
} op;

static void opening_answered(void *arg, int status, const char *body)
{
    (void)arg, (void)body;
    op.asked = false;
    op.opened = op.opened || status == 200;
}

static void accept_opening(void *arg)
{
    if (op.opened)
        return;
    if (!op.asked && host_alive(op.host)) {
        op.asked = true;
        server_ask(op.host, HTTP_ROLE_ADMIN, HTTP_POST, "/admin/opening/accept", "{}", NULL, opening_answered, NULL);
    }
    world_after(S, accept_opening, arg);
}

void operator_to(struct host *h)
{
    op.host = h;
}

bool operator_opened(void)
{
    return op.opened;
}

// No new runs: what is there ends, and everything is compared once more.
static void pause_answered(void *arg, int status, const char *body)
{
    (void)arg;
    if (status != 200)
        check_violation("a pause is answered %d %.200s", status, body);
    else
        op.paused = true;
}

static void cancelled(void *arg, int status, const char *body)
{
    (void)arg, (void)body;
    world_note("operator: a cancel is answered %d", status);
}

static void cancel(void *arg, const char *client_order_id, const char *none)
{
    char target[200];
    (void)arg, (void)none;
    snprintf(target, sizeof target, "/api/v1/orders/%s", client_order_id);
    server_ask(op.host, HTTP_ROLE_API, HTTP_DELETE, target, NULL, SITE_TOKEN, cancelled, NULL);
}

#define OPEN_OF_NO_RUN                                                                                                 \
    "SELECT client_order_id, '' FROM intents i JOIN orders o USING (client_order_id) "                                 \
    "JOIN order_statuses s ON s.status = o.status WHERE account_number = $1 AND NOT s.terminal AND run_id IS NULL "

// An order of no run that was given up, is there after all and rests: its client was told that it is not, so nobody
// else cancels it. And what a difference waits for that is to be accepted.
static void after_all(void *arg)
{
    store_each(op.told_of_open ? OPEN_OF_NO_RUN "ORDER BY 1"
                               : OPEN_OF_NO_RUN
                   "AND EXISTS (SELECT FROM order_events e WHERE e.client_order_id = i.client_order_id "
                   "AND e.status = 'not_placed') ORDER BY 1",
               arg, cancel, NULL);
    op.told_of_open = false;
    world_after(AFTER_ALL_NS, after_all, arg);
}

void operator_told_of_open(void)
{
    op.told_of_open = true;
}

void operator_pause(const char *account)
{
    world_after(AFTER_ALL_NS, after_all, (void *)(uintptr_t)account);
    server_ask(op.host, HTTP_ROLE_ADMIN, HTTP_POST, "/admin/strategies/pause",
               "{\"strategies\":[\"a\"],\"reason\":\"the day is over\"}", NULL, pause_answered, NULL);
    server_ask(op.host, HTTP_ROLE_ADMIN, HTTP_POST, "/admin/strategies/pause",
               "{\"strategies\":[\"b\"],\"reason\":\"the day is over\"}", NULL, pause_answered, NULL);
}

bool operator_paused(void)
{
    return op.paused;
}

void operator_begin(struct host *h)
{
    op.host = h;
    op.told_of_open = false;
    world_after(S, accept_opening, NULL);
}
