// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The operator's verbs. Whoever passes the socket's permissions may use them, except a strategies' user: a strategy
// that could start runs or release a halt would guard itself.
#include "daemon/admin_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"

#define WHO_MAX 64
#define ONE_RUN "/admin/runs/"
#define CODE_VALID_S 120 // as halt.h promises

struct admin *admin_new(const struct admin_params *params)
{
    struct admin *a = check_alloc(1, sizeof *a);
    a->p = *params;
    if (params->limits)
        a->ceilings = *params->limits;
    return a;
}

void admin_free(struct admin *a)
{
    free(a);
}

// --- reading

static void serve_status(struct admin *a, struct http_exchange *x, const char *who)
{
    const struct snapshot *s = a->p.snapshot(a->p.arg);
    const char *why;
    bool ready = snapshot_ready(s, &why);
    struct text t;
    struct json_out o;
    (void)who;
    api_answer_begin(&t, &o);
    json_key(&o, "health");
    snapshot_write_health(s, NULL, &o);
    json_key(&o, "scheduler");
    snapshot_write_scheduler(s, &o);
    json_key(&o, "orchestration");
    snapshot_write_orchestration(s, &o);
    api_put_halt(a->p.api, &o);
    json_key(&o, "account");
    snapshot_write_account(s, &o);
    admin_put_paused(a, &o);
    admin_put_key(a, &o);
    json_put_bool(&o, "ready", ready);
    json_put_string(&o, "ready_reason", why);
    json_put_bool(&o, "needs_opening", reconcile_needs_opening(a->p.reconcile));
    api_answer_end(a->p.api, x, 200, &t, &o);
}

static void serve_guard(struct admin *a, struct http_exchange *x, const char *who)
{
    struct text t;
    struct json_out o;
    (void)who;
    text_init(&t, API_ANSWER_MAX);
    json_out_init(&o, &t);
    snapshot_write_guard(a->p.snapshot(a->p.arg), &o);
    api_reply_json(x, 200, &t);
    text_free(&t);
}

static void serve_runs(struct admin *a, struct http_exchange *x, const char *who)
{
    (void)who;
    api_history(a->p.api, x, LEDGER_QUERY_RUNS, NULL);
}

static void serve_one_run(struct admin *a, struct http_exchange *x, const char *who)
{
    (void)who;
    api_one_run(a->p.api, x, http_exchange_path(x) + strlen(ONE_RUN));
}

static void serve_orders(struct admin *a, struct http_exchange *x, const char *who)
{
    (void)who;
    api_history(a->p.api, x, LEDGER_QUERY_ORDERS, NULL);
}

static void serve_fills(struct admin *a, struct http_exchange *x, const char *who)
{
    (void)who;
    api_history(a->p.api, x, LEDGER_QUERY_FILLS, NULL);
}

static void serve_positions(struct admin *a, struct http_exchange *x, const char *who)
{
    (void)who;
    api_history(a->p.api, x, LEDGER_QUERY_POSITIONS, NULL);
}

// --- doing

static void serve_halt(struct admin *a, struct http_exchange *x, const char *who)
{
    api_halt(a->p.api, x, who);
}

static void serve_run(struct admin *a, struct http_exchange *x, const char *who)
{
    (void)who;
    api_run(a->p.api, x, "cli");
}

static void serve_release_request(struct admin *a, struct http_exchange *x, const char *who)
{
    struct api_body body;
    struct err err;
    struct text t;
    struct json_out o;
    char code[17];
    if (!api_body_read(x, API_BODY_REASON | API_BODY_STRATEGIES, API_BODY_REASON, &body))
        return;
    if (body.strategies[0] ? scopes_release_request(a->p.scopes, body.strategies, body.reason, who, code, &err) != 0
                           : halt_release_request(a->p.halt, body.reason, who, code, &err) != 0) {
        api_reply_problem(x, 409, "%s", err.text);
        return;
    }
    api_answer_begin(&t, &o);
    json_put_string(&o, "code", code);
    json_put_int(&o, "valid_seconds", CODE_VALID_S);
    api_put_halt(a->p.api, &o);
    api_answer_end(a->p.api, x, 200, &t, &o);
    mem_wipe(code, sizeof code);
}

static void serve_release_confirm(struct admin *a, struct http_exchange *x, const char *who)
{
    struct api_body body;
    struct err err;
    struct text t;
    struct json_out o;
    if (!api_body_read(x, API_BODY_CODE, API_BODY_CODE, &body))
        return;
    if (scopes_release_mine(a->p.scopes, body.code) ? scopes_release_confirm(a->p.scopes, body.code, who, &err) != 0
                                                    : halt_release_confirm(a->p.halt, body.code, who, &err) != 0) {
        api_reply_problem(x, 409, "%s", err.text);
        return;
    }
    api_answer_begin(&t, &o);
    api_put_halt(a->p.api, &o);
    api_answer_end(a->p.api, x, 200, &t, &o);
}

void admin_answer_accepted(void *arg, bool ok, const char *detail)
{
    struct api_wait *w = arg;
    struct api *api = w->api;
    struct http_exchange *x = api_wait_end_if(w, ok, 409, detail);
    struct text t;
    struct json_out o;
    if (!x)
        return;
    api_answer_begin(&t, &o);
    json_put_string(&o, "status", "accepted");
    json_put_string(&o, "detail", detail);
    api_answer_end(api, x, 200, &t, &o);
}

static void serve_opening(struct admin *a, struct http_exchange *x, const char *who)
{
    struct api_body body;
    if (!api_body_read(x, 0, 0, &body))
        return;
    struct api_wait *w = api_wait_new(a->p.api, x);
    if (!w)
        return;
    log_notice("the opening is asked for by %s", who);
    reconcile_accept_opening(a->p.reconcile, admin_answer_accepted, w);
}

// --- the door

enum verb_kind { READS, HERE, LEADS }; // HERE: changes this host; LEADS: for the leader
// A path that ends in '/' takes what follows.
static const struct verb {
    const char *path;
    enum verb_kind kind;
    admin_serve_fn *serve;
} VERBS[] = {
    {"/admin/status", READS, serve_status},
    {"/admin/guard", READS, serve_guard},
    {"/admin/runs", READS, serve_runs},
    {ONE_RUN, READS, serve_one_run},
    {"/admin/orders", READS, serve_orders},
    {"/admin/fills", READS, serve_fills},
    {"/admin/positions", READS, serve_positions},
    {"/admin/positions/assign/", LEADS, admin_serve_assign},
    {"/admin/strategies", READS, admin_serve_strategies},
    {"/admin/strategies/history", READS, admin_serve_strategy_history},
    {"/admin/strategies/pause", LEADS, admin_serve_pause},
    {"/admin/strategies/resume", LEADS, admin_serve_resume},
    {"/admin/next", READS, admin_serve_next},
    {"/admin/config", READS, admin_serve_config},
    {"/admin/config/diff", READS, admin_serve_config_diff},
    {"/admin/limits", READS, admin_serve_limits},
    {"/admin/limits/raise/", LEADS, admin_serve_raise},
    {"/admin/limits/revert/", LEADS, admin_serve_revert},
    {"/admin/flatten", LEADS, admin_serve_flatten},
    {"/admin/plan", LEADS, admin_serve_plan},
    {"/admin/orders/resolve/", LEADS, admin_serve_resolve},
    {"/admin/orders/retry/", LEADS, admin_serve_retry},
    {"/admin/quarantine", READS, admin_serve_quarantine},
    {"/admin/quarantine/adopt/", LEADS, admin_serve_quarantine_adopt},
    {"/admin/quarantine/cancel/", LEADS, admin_serve_quarantine_cancel},
    {"/admin/drift", READS, admin_serve_drift},
    {"/admin/drift/accept", LEADS, admin_serve_drift_accept},
    {"/admin/keys", READS, admin_serve_keys},
    {"/admin/keys/rotate", HERE, admin_serve_keys_rotate},
    {"/admin/selftest", HERE, admin_serve_selftest},
    {"/admin/halt", HERE, serve_halt},
    {"/admin/run", LEADS, serve_run},
    {"/admin/release/request", HERE, serve_release_request},
    {"/admin/release/confirm", HERE, serve_release_confirm},
    {"/admin/opening/accept", LEADS, serve_opening},
};

static bool peer_refused(const struct admin *a, struct http_exchange *x, char who[WHO_MAX])
{
    pid_t pid;
    uid_t uid;
    gid_t gid;
    if (!(http_exchange_roles(x) & HTTP_ROLE_ADMIN) || !http_exchange_peer_ids(x, &pid, &uid, &gid)) {
        api_reply_problem(x, 403, "the admin verbs are on the admin socket only");
        return true;
    }
    if (a->p.strategy_uid != (uid_t)-1 && uid == a->p.strategy_uid) {
        log_warning("admin socket: refused user id %u (pid %d): strategies have no business here", (unsigned)uid,
                    (int)pid);
        api_reply_problem(x, 403, "strategies' users are refused");
        return true;
    }
    snprintf(who, WHO_MAX, "admin socket, user id %u", (unsigned)uid);
    return false;
}

void admin_handle(struct admin *a, struct http_exchange *x)
{
    enum http_method method = http_exchange_method(x);
    char who[WHO_MAX];
    if (peer_refused(a, x, who))
        return;
    for (size_t i = 0; i < ARRAY_LEN(VERBS); i++) {
        const struct verb *v = &VERBS[i];
        size_t len = strlen(v->path);
        const char *path = http_exchange_path(x);
        if (strncmp(path, v->path, len) != 0 || (path[len] && v->path[len - 1] != '/'))
            continue;
        bool reads = v->kind == READS;
        if (reads ? method != HTTP_GET && method != HTTP_HEAD : method != HTTP_POST)
            api_reply_method(x, reads ? "GET, HEAD" : "POST");
        else if (v->kind != LEADS || !api_standby_refused(a->p.snapshot(a->p.arg), x))
            v->serve(a, x, who);
        return;
    }
    api_reply_problem(x, 404, "there is no such verb");
}

void admin_gone(struct admin *a, struct http_exchange *x)
{
    api_gone(a->p.api, x);
}
