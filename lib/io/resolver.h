// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Names to addresses without blocking the loop (DNS and /etc/hosts through evdns, libevent's door). Answers are kept
// for a minute; when the name service is away, the last known addresses of a host stay good for an hour.
#ifndef PAPERGUARD_IO_RESOLVER_H
#define PAPERGUARD_IO_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/io/loop.h"

#define RESOLVER_ADDRESSES_MAX 16

struct resolver;
struct resolver_query; // one question under way; owned by the resolver, dead after its completion

struct resolver_answer {
    size_t count;                 // 0: not resolved, detail says why
    const char *const *addresses; // numeric, borrowed for the callback
    const char *detail;
};

typedef void resolver_done_fn(void *arg, const struct resolver_answer *answer);

// conf: a resolv.conf, NULL = /etc/resolv.conf (read anew when it changes).
struct resolver *resolver_new(struct loop *l, const char *conf);
void resolver_free(struct resolver *r); // no callbacks follow
// Literals and localhost are answered without any question. done: exactly once, never from within, after timeout_ms at
// most.
struct resolver_query *resolver_lookup(struct resolver *r, const char *host, int64_t timeout_ms, resolver_done_fn *done,
                                       void *arg);
// What keeps names from being resolved now: the last question's failure, or that there is no answer for a while (then
// since when it is owed, CLOCK_MONOTONIC, else 0). "" when the last question was answered, or none was asked.
const char *resolver_trouble(const struct resolver *r, int64_t *unanswered_since_ns);
void resolver_cancel(struct resolver_query *q); // no callback follows
// An IPv4 or IPv6 address in digits, the latter without brackets.
bool resolver_is_literal(const char *host);

#endif
