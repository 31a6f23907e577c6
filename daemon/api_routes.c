// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The table of paths: who may see it (the listener's roles), with which method, and what answers.
#include "daemon/api_internal.h"

#include <stdio.h>
#include <string.h>

#define ANY_READER (HTTP_ROLE_HEALTH | HTTP_ROLE_API)
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

typedef void serve_fn(struct api *a, struct http_exchange *x, const char *rest);

const struct snapshot *api_snapshot(struct api *a)
{
    return a->p.snapshot(a->p.arg);
}

static void send_written(struct http_exchange *x, int status, struct text *t)
{
    api_reply_json(x, status, t);
    text_free(t);
}

static void serve_health(struct api *a, struct http_exchange *x, const char *rest)
{
    const struct snapshot *s = api_snapshot(a);
    struct text t;
    struct json_out o;
    char why[160];
    (void)rest;
    text_init(&t, API_ANSWER_MAX);
    json_out_init(&o, &t);
    snapshot_write_health(s, http_exchange_service(x), &o);
    send_written(x, snapshot_health(s, why) == HEALTH_UNHEALTHY ? 503 : 200, &t);
}

// That this is answered at all is the proof: the loop turns.
static void serve_live(struct api *a, struct http_exchange *x, const char *rest)
{
    struct text t;
    struct json_out o;
    (void)rest;
    api_answer_begin(&t, &o);
    json_put_string(&o, "status", "alive");
    api_answer_end(a, x, 200, &t, &o);
}

static void serve_ready(struct api *a, struct http_exchange *x, const char *rest)
{
    const struct snapshot *s = api_snapshot(a);
    const char *why;
    struct text t;
    struct json_out o;
    bool ready = snapshot_ready(s, &why);
    (void)rest;
    api_answer_begin(&t, &o);
    json_put_string(&o, "status", ready ? "ready" : "not ready");
    json_put_bool(&o, "ready", ready);
    json_put_string(&o, "why", why);
    json_put_string(&o, "halt", fact_halt_name(s->halt));
    api_answer_end(a, x, ready ? 200 : 503, &t, &o);
}

static void serve_config(struct api *a, struct http_exchange *x, const char *rest)
{
    struct text t;
    struct json_out o;
    (void)rest;
    text_init(&t, API_ANSWER_MAX);
    json_out_init(&o, &t);
    snapshot_write_config(api_snapshot(a), http_exchange_service(x), &o);
    send_written(x, 200, &t);
}

static void serve_from(struct api *a, struct http_exchange *x,
                       void (*write)(const struct snapshot *, struct json_out *))
{
    struct text t;
    struct json_out o;
    text_init(&t, API_ANSWER_MAX);
    json_out_init(&o, &t);
    write(api_snapshot(a), &o);
    send_written(x, 200, &t);
}

static void serve_scheduler(struct api *a, struct http_exchange *x, const char *rest)
{
    (void)rest;
    serve_from(a, x, snapshot_write_scheduler);
}

static void serve_orchestration(struct api *a, struct http_exchange *x, const char *rest)
{
    (void)rest;
    serve_from(a, x, snapshot_write_orchestration);
}

static void serve_guard(struct api *a, struct http_exchange *x, const char *rest)
{
    (void)rest;
    serve_from(a, x, snapshot_write_guard);
}

static void serve_metrics(struct api *a, struct http_exchange *x, const char *rest)
{
    struct text t;
    (void)rest;
    text_init(&t, API_ANSWER_MAX);
    if (a->p.collect_metrics)
        a->p.collect_metrics(a->p.arg);
    metrics_write(a->p.metrics, &t);
    http_reply(x, 200, METRICS_TYPE, text_str(&t), t.len, NULL, 0);
    text_free(&t);
}

static void serve_runs(struct api *a, struct http_exchange *x, const char *rest)
{
    (void)rest;
    api_history(a, x, LEDGER_QUERY_RUNS, NULL);
}

static void serve_one_run(struct api *a, struct http_exchange *x, const char *rest)
{
    api_one_run(a, x, rest);
}

static void serve_orders(struct api *a, struct http_exchange *x, const char *rest)
{
    (void)rest;
    api_history(a, x, LEDGER_QUERY_ORDERS, NULL);
}

static void serve_fills(struct api *a, struct http_exchange *x, const char *rest)
{
    (void)rest;
    api_history(a, x, LEDGER_QUERY_FILLS, NULL);
}

static void serve_positions(struct api *a, struct http_exchange *x, const char *rest)
{
    (void)rest;
    api_history(a, x, LEDGER_QUERY_POSITIONS, NULL);
}

static void serve_alerts(struct api *a, struct http_exchange *x, const char *rest)
{
    (void)rest;
    api_history(a, x, LEDGER_QUERY_ALERTS, NULL);
}

static void serve_decisions(struct api *a, struct http_exchange *x, const char *rest)
{
    (void)rest;
    api_history(a, x, LEDGER_QUERY_DECISIONS, NULL);
}

static void serve_run(struct api *a, struct http_exchange *x, const char *rest)
{
    (void)rest;
    if (!api_write_refused(a, x))
        api_run(a, x, "http");
}

static void serve_halt(struct api *a, struct http_exchange *x, const char *rest)
{
    char source[80];
    (void)rest;
    snprintf(source, sizeof source, "http %.60s", http_exchange_peer(x));
    if (!api_write_refused(a, x))
        api_halt(a, x, source);
}

// A path that ends in '/' takes what follows.
static const struct route {
    const char *path;
    unsigned roles;
    bool write; // POST; else GET and HEAD
    serve_fn *serve;
} ROUTES[] = {
    {"/health", ANY_READER, false, serve_health},
    {"/healthz", ANY_READER, false, serve_health},
    {"/health/live", ANY_READER, false, serve_live},
    {"/health/ready", ANY_READER, false, serve_ready},
    {"/readyz", ANY_READER, false, serve_ready},
    {"/health/scheduler", ANY_READER, false, serve_scheduler},
    {"/metrics", ANY_READER, false, serve_metrics},
    {"/api/v1/config", HTTP_ROLE_API, false, serve_config},
    {"/api/v1/guard", HTTP_ROLE_API, false, serve_guard},
    {"/api/v1/orchestration/status", HTTP_ROLE_API, false, serve_orchestration},
    {"/api/v1/orchestration/run", HTTP_ROLE_API, true, serve_run},
    {"/api/v1/orchestration/runs", HTTP_ROLE_API, false, serve_runs},
    {"/api/v1/orchestration/runs/", HTTP_ROLE_API, false, serve_one_run},
    {"/api/v1/orders", HTTP_ROLE_API, false, serve_orders},
    {"/api/v1/fills", HTTP_ROLE_API, false, serve_fills},
    {"/api/v1/positions", HTTP_ROLE_API, false, serve_positions},
    {"/api/v1/alerts", HTTP_ROLE_API, false, serve_alerts},
    {"/api/v1/decisions", HTTP_ROLE_API, false, serve_decisions},
    {"/api/v1/halt", HTTP_ROLE_API, true, serve_halt},
};

static const struct route *find(const char *path, unsigned roles, const char **rest)
{
    for (size_t i = 0; i < ARRAY_LEN(ROUTES); i++) {
        const struct route *r = &ROUTES[i];
        size_t len = strlen(r->path);
        bool open_ended = r->path[len - 1] == '/';
        if (!(r->roles & roles) || strncmp(path, r->path, len) != 0 || (path[len] && !open_ended))
            continue;
        *rest = path + len;
        return r;
    }
    return NULL;
}

void api_route(struct api *a, struct http_exchange *x)
{
    enum http_method method = http_exchange_method(x);
    const char *rest;
    const struct route *r = find(http_exchange_path(x), http_exchange_roles(x), &rest);
    if (!r)
        api_reply_problem(x, 404, "there is nothing here");
    else if (r->write ? method != HTTP_POST : method != HTTP_GET && method != HTTP_HEAD)
        api_reply_method(x, r->write ? "POST" : "GET, HEAD");
    else
        r->serve(a, x, rest);
}
