// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The table of paths: who may see it (the listener's roles), and what answers each method. openapi.json describes the
// same table; a test holds the two together.
#include "daemon/api_internal.h"

#include <stdio.h>
#include <string.h>

#define ANY_READER (HTTP_ROLE_HEALTH | HTTP_ROLE_API)
#define ID_SEGMENT "{id}"

static void serve_list(const struct api_call *c)
{
    api_history(c->api, c->x, c->path->list, NULL);
}

static void serve_one_run(const struct api_call *c)
{
    api_one_run(c->api, c->x, c->id);
}

static void serve_one_order(const struct api_call *c)
{
    api_one_order(c->api, c->x, c->id);
}

static void serve_audit(const struct api_call *c)
{
    api_audit(c->api, c->x, c->id);
}

static void serve_run(const struct api_call *c)
{
    if (!api_write_refused(c->api, c->x) && !api_standby_refused(api_snapshot(c->api), c->x))
        api_run(c->api, c->x, "http");
}

static void serve_halt(const struct api_call *c)
{
    char source[80];
    snprintf(source, sizeof source, "http %.60s", http_exchange_peer(c->x));
    if (!api_write_refused(c->api, c->x))
        api_halt(c->api, c->x, source);
}

#define PROBE(name, fn)                                                                                                \
    {                                                                                                                  \
        .path = name, .roles = ANY_READER, .any_query = true, .get = fn                                                \
    }
#define READ(name, fn)                                                                                                 \
    {                                                                                                                  \
        .path = name, .roles = HTTP_ROLE_API, .get = fn                                                                \
    }
#define LIST(name, query)                                                                                              \
    {                                                                                                                  \
        .path = name, .roles = HTTP_ROLE_API, .list = query, .get = serve_list                                         \
    }
#define WRITE(name, fn)                                                                                                \
    {                                                                                                                  \
        .path = name, .roles = HTTP_ROLE_API, .post = fn                                                               \
    }
static const struct api_path PATHS[] = {
    PROBE("/health", api_serve_health),
    PROBE("/healthz", api_serve_health),
    PROBE("/health/live", api_serve_live),
    PROBE("/health/ready", api_serve_ready),
    PROBE("/readyz", api_serve_ready),
    PROBE("/health/scheduler", api_serve_scheduler),
    PROBE("/risk", api_serve_risk),
    PROBE("/metrics", api_serve_metrics),
    PROBE("/openapi.json", api_serve_openapi),
    READ("/api/v1/config", api_serve_config),
    READ("/api/v1/guard", api_serve_guard),
    READ("/api/v1/prices", api_serve_prices),
    READ("/api/prices/latest", api_serve_prices),
    READ("/api/v1/orchestration/status", api_serve_orchestration),
    WRITE("/api/v1/orchestration/run", serve_run),
    LIST("/api/v1/orchestration/runs", LEDGER_QUERY_RUNS),
    READ("/api/v1/orchestration/runs/{id}", serve_one_run),
    {.path = "/api/v1/orders",
     .roles = HTTP_ROLE_API,
     .list = LEDGER_QUERY_ORDERS,
     .get = serve_list,
     .post = api_serve_order_new},
    {.path = "/api/v1/orders/{id}", .roles = HTTP_ROLE_API, .get = serve_one_order, .del = api_serve_order_cancel},
    WRITE("/api/v1/orders/{id}/cancel", api_serve_order_cancel),
    READ("/api/v1/orders/{id}/audit", serve_audit),
    LIST("/api/v1/quarantine", LEDGER_QUERY_QUARANTINE),
    LIST("/api/v1/fills", LEDGER_QUERY_FILLS),
    LIST("/api/v1/entries", LEDGER_QUERY_ENTRIES),
    LIST("/api/v1/activities", LEDGER_QUERY_ACTIVITIES),
    LIST("/api/v1/positions", LEDGER_QUERY_POSITIONS),
    LIST("/api/v1/strategies", LEDGER_QUERY_STRATEGIES),
    LIST("/api/v1/signals", LEDGER_QUERY_SIGNALS),
    LIST("/api/ai/signals/latest", LEDGER_QUERY_SIGNALS),
    LIST("/api/v1/equity", LEDGER_QUERY_EQUITY),
    LIST("/api/v1/alerts", LEDGER_QUERY_ALERTS),
    LIST("/api/v1/decisions", LEDGER_QUERY_DECISIONS),
    {.path = "/api/v1/halt", .roles = HTTP_ROLE_API, .get = api_serve_halt, .post = serve_halt},
};

static bool id_is_plain(const char *id, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (id[i] <= ' ' || id[i] >= 0x7f || id[i] == '%')
            return false;
    return len > 0 && len < CLIENT_ORDER_ID_MAX;
}

// Segment by segment; what stands for {id} is copied out.
static bool matches(const char *pattern, const char *path, char id[CLIENT_ORDER_ID_MAX])
{
    while (*pattern && *path) {
        size_t want = strcspn(pattern + 1, "/") + 1, len = strcspn(path + 1, "/") + 1;
        bool is_id = want == sizeof ID_SEGMENT && strncmp(pattern + 1, ID_SEGMENT, want - 1) == 0;
        if (is_id ? !id_is_plain(path + 1, len - 1) : want != len || memcmp(pattern, path, len) != 0)
            return false;
        if (is_id) {
            memcpy(id, path + 1, len - 1);
            id[len - 1] = '\0';
        }
        pattern += want;
        path += len;
    }
    return !*pattern && !*path;
}

static const struct api_path *find(const char *path, unsigned roles, char id[CLIENT_ORDER_ID_MAX])
{
    for (size_t i = 0; i < ARRAY_LEN(PATHS); i++)
        if ((PATHS[i].roles & roles) && matches(PATHS[i].path, path, id))
            return &PATHS[i];
    return NULL;
}

static void answer_nothing_here(struct http_exchange *x)
{
    const char *names[ARRAY_LEN(PATHS)], *path = http_exchange_path(x);
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(PATHS); i++)
        if (PATHS[i].roles & http_exchange_roles(x))
            names[count++] = PATHS[i].path;
    const char *near = str_nearest(path, names, count);
    if (near)
        api_reply_problem(x, 404, "there is nothing here; did you mean %s?", near);
    else
        api_reply_problem(x, 404, "there is nothing here; /openapi.json lists what there is");
}

static void answer_wrong_method(struct http_exchange *x, const struct api_path *p)
{
    char allow[40];
    snprintf(allow, sizeof allow, "%s%s%s%s%s", p->get ? "GET, HEAD" : "", p->get && (p->post || p->del) ? ", " : "",
             p->post ? "POST" : "", p->post && p->del ? ", " : "", p->del ? "DELETE" : "");
    api_reply_method(x, allow);
}

static api_serve_fn *server_of(const struct api_path *p, enum http_method method)
{
    switch (method) {
    case HTTP_GET:
    case HTTP_HEAD:
        return p->get;
    case HTTP_POST:
        return p->post;
    case HTTP_DELETE:
        return p->del;
    default:
        return NULL;
    }
}

// Paths that read a query do so themselves.
static bool query_refused(const struct api_path *p, api_serve_fn *serve, struct http_exchange *x)
{
    struct api_query none;
    struct err err;
    if (p->any_query || serve == serve_list || serve == api_serve_prices ||
        api_query_read(http_exchange_query(x), 0, &none, &err) == 0)
        return false;
    api_reply_problem(x, 400, "%s", err.text);
    return true;
}

void api_handle(struct api *a, struct http_exchange *x)
{
    struct api_call c = {.api = a, .x = x};
    c.path = find(http_exchange_path(x), http_exchange_roles(x), c.id);
    http_exchange_set_label(x, c.path ? c.path->path : "none");
    if (!c.path) {
        answer_nothing_here(x);
        return;
    }
    api_serve_fn *serve = server_of(c.path, http_exchange_method(x));
    if (!serve)
        answer_wrong_method(x, c.path);
    else if (!query_refused(c.path, serve, x))
        serve(&c);
}
