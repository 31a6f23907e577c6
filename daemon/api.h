// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The HTTP API: routes for the roles health and api, from snapshot and ledger history.
#ifndef PAPERGUARD_DAEMON_API_H
#define PAPERGUARD_DAEMON_API_H

#include "daemon/halt.h"
#include "daemon/halt_scopes.h"
#include "daemon/ledger.h"
#include "daemon/metrics.h"
#include "daemon/scheduler.h"
#include "daemon/snapshot.h"
#include "lib/io/http_server.h"

struct api;
struct api_params {
    struct loop *loop;
    const struct snapshot *(*snapshot)(void *arg); // refreshed when older than 100 ms
    void (*collect_metrics)(void *arg);            // brings gauges up to date
    struct ledger *ledger;
    struct scheduler *scheduler;
    struct desk *desk;
    struct reconcile *reconcile;
    struct exposure *exposure;
    struct runs *runs;
    struct halt *halt;
    struct scopes *scopes;
    struct metrics *metrics;
    const struct config_words *write_from; // borrowed: networks that may write; NULL: loopback
    const char *token;                     // NULL: writes answer 403
    void *arg;
};
struct api *api_new(const struct api_params *params);
// After its servers and all that complete its waits (scheduler, ledger, runs, reconcile): what is left is dropped.
void api_free(struct api *a);
void api_handle(struct api *a, struct http_exchange *x);
void api_gone(struct api *a, struct http_exchange *x);

#endif
