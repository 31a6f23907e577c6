// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The operator, on the admin socket.
#include "tests/sim/operator.h"

#include "lib/base/when.h"
#include "tests/sim/check.h"
#include "tests/sim/server.h"

#define S NS_PER_S

static struct {
    struct host *host;
    bool opened, asked, paused;
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

void operator_pause(void)
{
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
    world_after(S, accept_opening, NULL);
}
