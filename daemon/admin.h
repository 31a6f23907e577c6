// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The admin socket: the operator's verbs as HTTP over a Unix socket, peer checked by SO_PEERCRED (strategies' users
// refused).
#ifndef PAPERGUARD_DAEMON_ADMIN_H
#define PAPERGUARD_DAEMON_ADMIN_H

#include "daemon/api.h"
#include "daemon/raises.h"
#include "daemon/reconcile.h"
#include "daemon/rotation.h"
#include "daemon/selftest.h"

// POST /admin/halt {"reason"} · /admin/release/request {"reason"} · /admin/release/confirm {"code"} · /admin/run
// {"strategies"} · /admin/opening/accept · GET /admin/status · /admin/guard · /admin/{runs,runs/ID,orders,fills,
// positions} (as api) · /admin/strategies
// · /admin/strategies/{history,pause,resume} · /admin/next?days=N · /admin/config · /admin/config/diff
// · /admin/keys · POST /admin/keys/rotate {} · /admin/limits · POST /admin/selftest {} · /admin/drift · POST
// /admin/drift/accept {"code","reason"} · POST /admin/positions/assign/SYMBOL {"strategies":[one],"qty"} or these with
// "code","reason" · POST /admin/limits/raise/NAME {"value","for"} or these with "code","reason" ·
// /admin/limits/revert/NAME {"reason"} · POST /admin/orders/{resolve,retry}/ID {} or {"code","reason"} · POST
// /admin/plan {"strategies":[one]} · POST /admin/flatten {"strategies":[one]} (none: all) or these with "code","reason"
struct admin;
struct admin_params {
    struct api *api; // serves the reading paths
    const struct config *config;
    const char *config_path;
    char *const *envp;
    const struct risk_limits *limits; // as they hold now
    const struct exposure *exposure;
    struct runs *runs;
    const struct snapshot *(*snapshot)(void *arg);
    struct ledger *ledger;
    struct scheduler *scheduler;
    struct pauses *pauses;
    struct raises *raises;
    struct desk *desk;
    struct reconcile *reconcile;
    struct halt *halt;
    struct scopes *scopes;
    const struct selftest *selftest; // the last one
    void (*selftest_run)(void *arg, const char *cause);
    void (*rotate)(void *arg, rotation_done_fn *done, void *done_arg);
    uid_t strategy_uid; // (uid_t)-1: none
    void *arg;
};
struct admin *admin_new(const struct admin_params *params);
void admin_free(struct admin *a);
void admin_handle(struct admin *a, struct http_exchange *x);
void admin_gone(struct admin *a, struct http_exchange *x);

#endif
