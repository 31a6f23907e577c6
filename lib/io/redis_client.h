// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Redis over hiredis, asynchronous (hiredis's door). A cache: every failure only means "no answer".
#ifndef PAPERGUARD_IO_REDIS_CLIENT_H
#define PAPERGUARD_IO_REDIS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/io/loop.h"

struct redis_client;

struct redis_reply_view {
    bool ok;          // an answer that is not an error
    const char *text; // string / status / error text, NULL for nil or other shapes
    size_t len;
    int64_t integer; // for integer replies
};

struct redis_client_params {
    struct loop *loop;
    const char
        *url; // "redis://127.0.0.1:6379/0", "redis://:password@host:port/db", "unix:///path/redis.sock[?db=N]"; copied
    int64_t connect_timeout_ms, command_timeout_ms;
    size_t queue_max; // commands under way; more get no answer
    // From the loop, never re-entrant: when it comes up (logged in and answering), when it goes down, and when the
    // reason for being down changes. detail says why it is down, "" when up. May be NULL.
    void (*on_state)(void *arg, bool up, const char *detail);
    void *arg;
};

struct redis_client *redis_client_new(const struct redis_client_params *params, struct err *err); // NULL: bad URL
// Completes what waits with NULL first; commands issued by those completions are not taken. Safe within its callbacks.
void redis_client_free(struct redis_client *c);
bool redis_client_up(const struct redis_client *c);
// For how long the server has owed the answer it is to give next, 0 when it owes none.
int64_t redis_client_unanswered_ns(const struct redis_client *c);
typedef void redis_done_fn(void *arg, const struct redis_reply_view *reply); // reply NULL: lost, timed out or down
// done may be NULL; it is called exactly once, never from within. argv is copied. Not for SUBSCRIBE, MONITOR and kin.
// While the connection is down nothing is queued: the answer is NULL.
void redis_command(struct redis_client *c, size_t argc, const char *const *argv, redis_done_fn *done, void *arg);

#endif
