// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The two writes that HTTP has: start a run, add a halt. Both are shared with the admin socket.
#include "daemon/api_internal.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/log.h"

static void put_run(struct json_out *o, const struct run_row *row)
{
    json_put_string(o, "run_id", row->id);
    json_put_string(o, "status", row->completed_at ? run_status_name(row->status) : "running");
    json_put_string(o, "state", run_status_name(row->status));
    json_key(o, "session");
    json_add_day(o, row->session);
    json_put_string(o, "slot", row->slot_key);
    json_put_string(o, "strategy_id", row->strategies);
    json_put_when(o, "started_at", row->started_at);
}

static void started(void *arg, const struct run_row *row, bool taken, const char *why)
{
    struct api_wait *w = arg;
    struct api *a = w->api;
    struct http_exchange *x = api_wait_end_if(w, row != NULL, 409, why);
    struct text t;
    struct json_out o;
    if (!x || !row)
        return;
    api_answer_begin(&t, &o);
    if (taken) {
        json_put_string(&o, "error", http_status_text(409));
        json_put_string(&o, "detail", why);
    }
    put_run(&o, row);
    api_answer_end(a, x, taken ? 409 : 202, &t, &o);
}

void api_run(struct api *a, struct http_exchange *x, const char *cause)
{
    struct api_body body;
    if (!api_body_read(x, API_BODY_STRATEGIES, 0, &body))
        return;
    struct api_wait *w = api_wait_new(a, x);
    if (!w)
        return;
    log_with(LOG_LEVEL_NOTICE, ((struct log_field[]){{"REQUEST_ID", http_exchange_request_id(x)}}),
             "a run is asked for by %s%s%s", cause, body.strategies[0] ? ": " : "", body.strategies);
    scheduler_run_now(a->p.scheduler, cause, body.strategies, started, w); // may answer at once
}

void api_put_halt(const struct api *a, struct json_out *o)
{
    json_key(o, "halt");
    halt_write_json(a->p.halt, o);
    json_key(o, "strategies");
    scopes_write_json(a->p.scopes, o);
}

// False: there is no such strategy, and x was answered.
static bool halt_strategies(struct api *a, struct http_exchange *x, const struct api_body *body, enum fact_halt mode,
                            const char *source)
{
    char name[BOOK_NAME_MAX];
    bool known = true;
    for (int halts = 0; halts < 2; halts++) // all of them are known, or none is halted
        for (const char *at = body->strategies; known && *at; at += strspn(at, " ")) {
            size_t n = strcspn(at, " ");
            snprintf(name, sizeof name, "%.*s", (int)n, at);
            known =
                n < sizeof name && scopes_engage(a->p.scopes, name, halts ? mode : HALT_RUNNING, body->reason, source);
            at += n;
        }
    if (!known)
        api_reply_problem(x, 404, "no strategy is called \"%s\"", name);
    return known;
}

void api_halt(struct api *a, struct http_exchange *x, const char *source)
{
    struct api_body body;
    struct text t;
    struct json_out o;
    if (!api_body_read(x, API_BODY_REASON | API_BODY_MODE | API_BODY_STRATEGIES, API_BODY_REASON, &body))
        return;
    enum fact_halt mode = str_equal(body.mode, "reduce_only") ? HALT_REDUCE_ONLY : HALT_HALTED;
    if (!body.strategies[0])
        halt_engage(a->p.halt, mode, body.reason, source);
    else if (!halt_strategies(a, x, &body, mode, source))
        return;
    api_answer_begin(&t, &o);
    api_put_halt(a, &o);
    api_answer_end(a, x, 200, &t, &o);
}
