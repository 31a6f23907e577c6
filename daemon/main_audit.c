// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What goes into the chain of decisions that no module decides by itself: requests that change something, or that were
// refused.
#include <stdio.h>

#include "daemon/daemon.h"

static void asker(const struct http_exchange *x, char *out, size_t size)
{
    pid_t pid;
    uid_t uid;
    gid_t gid;
    if (http_exchange_peer_ids(x, &pid, &uid, &gid))
        snprintf(out, size, "admin socket, user id %u", (unsigned)uid);
    else
        snprintf(out, size, "%.60s, request %.64s", http_exchange_peer(x), http_exchange_request_id(x));
}

void daemon_request_decided(struct daemon *d, const struct http_exchange *x, int status)
{
    enum http_method method = http_exchange_method(x);
    bool reads = method == HTTP_GET || method == HTTP_HEAD;
    char subject[200], rule[12], detail[160];
    if (!d->ledger || (reads && status != 401 && status != 403))
        return;
    snprintf(subject, sizeof subject, "%s %.180s", http_method_name(method), http_exchange_path(x));
    snprintf(rule, sizeof rule, "%d", status);
    asker(x, detail, sizeof detail);
    ledger_decision(d->ledger, "request", subject, status < 400 ? "accepted" : "denied", rule, detail, clock_wall_ns());
}
