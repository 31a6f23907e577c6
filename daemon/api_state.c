// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What is served from memory: the read model, metrics, our own description.
#include "daemon/api_internal.h"

#include <string.h>

#include "web_gen.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

const struct snapshot *api_snapshot(struct api *a)
{
    return a->p.snapshot(a->p.arg);
}

static void send_written(struct http_exchange *x, int status, struct text *t)
{
    api_reply_json(x, status, t);
    text_free(t);
}

void api_serve_health(const struct api_call *c)
{
    const struct snapshot *s = api_snapshot(c->api);
    struct text t;
    struct json_out o;
    char why[160];
    text_init(&t, API_ANSWER_MAX);
    json_out_init(&o, &t);
    snapshot_write_health(s, http_exchange_service(c->x), &o);
    send_written(c->x, snapshot_health(s, why) == HEALTH_UNHEALTHY ? 503 : 200, &t);
}

// That this is answered at all is the proof: the loop turns.
void api_serve_live(const struct api_call *c)
{
    struct text t;
    struct json_out o;
    api_answer_begin(&t, &o);
    json_put_string(&o, "status", "alive");
    api_answer_end(c->api, c->x, 200, &t, &o);
}

void api_serve_ready(const struct api_call *c)
{
    const struct snapshot *s = api_snapshot(c->api);
    const char *why;
    struct text t;
    struct json_out o;
    bool ready = snapshot_ready(s, &why);
    api_answer_begin(&t, &o);
    json_put_string(&o, "status", ready ? "ready" : "not ready");
    json_put_bool(&o, "ready", ready);
    json_put_string(&o, "why", why);
    json_put_string(&o, "halt", fact_halt_name(s->halt));
    api_answer_end(c->api, c->x, ready ? 200 : 503, &t, &o);
}

void api_serve_config(const struct api_call *c)
{
    struct text t;
    struct json_out o;
    text_init(&t, API_ANSWER_MAX);
    json_out_init(&o, &t);
    snapshot_write_config(api_snapshot(c->api), http_exchange_service(c->x), &o);
    send_written(c->x, 200, &t);
}

static void serve_from(const struct api_call *c, void (*write)(const struct snapshot *, struct json_out *))
{
    struct text t;
    struct json_out o;
    text_init(&t, API_ANSWER_MAX);
    json_out_init(&o, &t);
    write(api_snapshot(c->api), &o);
    send_written(c->x, 200, &t);
}

void api_serve_scheduler(const struct api_call *c)
{
    serve_from(c, snapshot_write_scheduler);
}

void api_serve_orchestration(const struct api_call *c)
{
    serve_from(c, snapshot_write_orchestration);
}

void api_serve_guard(const struct api_call *c)
{
    serve_from(c, snapshot_write_guard);
}

void api_serve_halt(const struct api_call *c)
{
    struct text t;
    struct json_out o;
    api_answer_begin(&t, &o);
    api_put_halt(c->api, &o);
    api_answer_end(c->api, c->x, 200, &t, &o);
}

void api_serve_risk(const struct api_call *c)
{
    serve_from(c, snapshot_write_risk);
}

void api_serve_metrics(const struct api_call *c)
{
    struct api *a = c->api;
    struct text t;
    text_init(&t, API_ANSWER_MAX);
    if (a->p.collect_metrics)
        a->p.collect_metrics(a->p.arg);
    metrics_write(a->p.metrics, &t);
    api_reply_text(c->x, METRICS_TYPE, text_str(&t), t.len);
    text_free(&t);
}

void api_serve_openapi(const struct api_call *c)
{
    api_reply_text(c->x, "application/json", WEB_OPENAPI_JSON, strlen(WEB_OPENAPI_JSON));
}
