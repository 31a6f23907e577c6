// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The door for what is told to others: one text posted to one address. It has no keys, follows nothing, and never goes
// to a host of the broker. https, or plain http to a loopback address.
#ifndef PAPERGUARD_DAEMON_NOTIFY_H
#define PAPERGUARD_DAEMON_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/io/loop.h"

#define NOTIFY_HOST_MAX 254
#define NOTIFY_TARGET_MAX 1024

struct notify_url {
    bool tls;
    char host[NOTIFY_HOST_MAX], target[NOTIFY_TARGET_MAX];
    int port;
};

// 0, or -1 and why nothing is posted there. The text never holds the address, which may be a secret.
int notify_url_parse(const char *url, struct notify_url *out, struct err *err) MUST_CHECK;

struct notify;
struct notify *notify_new(struct loop *loop, const struct notify_url *url);
void notify_free(struct notify *n); // no done follows
// One at a time. done: never from within; ok: the answer was a 2xx.
void notify_post(struct notify *n, const char *body, void (*done)(void *arg, bool ok, const char *detail), void *arg);

#endif
