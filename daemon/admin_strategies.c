// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Strategies as they are configured, and taking one out of runs for a while.
#include "daemon/admin_internal.h"

#include <stdio.h>

#include "lib/io/clock.h"

static void put_words(struct json_out *o, const char *key, const struct config_words *w)
{
    json_key(o, key);
    json_array_begin(o);
    for (size_t i = 0; i < w->count; i++)
        json_add_string(o, w->words[i]);
    json_array_end(o);
}

static void put_pause(struct json_out *o, const struct strategy_pause *p)
{
    json_put_bool(o, "paused", p != NULL);
    json_put_string(o, "paused_reason", p ? p->reason : NULL);
    json_put_string(o, "paused_by", p ? p->source : NULL);
    if (p)
        json_put_when(o, "paused_at", p->at);
    else
        json_put_null(o, "paused_at");
}

static void put_strategy(const struct admin *a, struct json_out *o, const struct config_strategy *s)
{
    const struct strategy_pause *pause = pauses_of(a->p.pauses, s->name);
    json_object_begin(o);
    json_put_string(o, "name", s->name);
    json_put_string(o, "state", !s->enabled ? "disabled" : pause ? "paused" : "active");
    json_put_bool(o, "enabled", s->enabled);
    put_pause(o, pause);
    json_put_string(o, "schedule", s->schedule.text);
    json_put_decimal(o, "allocation", s->allocation.nanos);
    json_put_decimal(o, "band", s->band.nanos);
    put_words(o, "symbols", &s->symbols);
    json_put_string(o, "command", s->command);
    json_object_end(o);
}

void admin_put_paused(const struct admin *a, struct json_out *o)
{
    json_key(o, "paused");
    json_array_begin(o);
    for (size_t i = 0; i < a->p.config->strategy_count; i++)
        if (pauses_of(a->p.pauses, a->p.config->strategies[i].name))
            json_add_string(o, a->p.config->strategies[i].name);
    json_array_end(o);
}

void admin_serve_strategies(struct admin *a, struct http_exchange *x, const char *who)
{
    struct text t;
    struct json_out o;
    (void)who;
    api_answer_begin(&t, &o);
    json_put_bool(&o, "pauses_known", pauses_known(a->p.pauses));
    json_key(&o, "strategies");
    json_array_begin(&o);
    for (size_t i = 0; i < a->p.config->strategy_count; i++)
        put_strategy(a, &o, &a->p.config->strategies[i]);
    json_array_end(&o);
    api_answer_end(a->p.api, x, 200, &t, &o);
}

void admin_serve_strategy_history(struct admin *a, struct http_exchange *x, const char *who)
{
    (void)who;
    api_history(a->p.api, x, LEDGER_QUERY_STRATEGIES, NULL);
}

// --- pausing

static void pause_done(void *arg, bool ok, const char *detail)
{
    struct api_wait *w = arg;
    struct api *api = w->api;
    struct http_exchange *x = api_wait_end_if(w, ok, 503, detail);
    struct text t;
    struct json_out o;
    if (!x)
        return;
    api_answer_begin(&t, &o);
    json_put_string(&o, "status", "done");
    api_answer_end(api, x, 200, &t, &o);
}

bool admin_strategy_exists(const struct admin *a, struct http_exchange *x, const char *name)
{
    const char *names[CONFIG_STRATEGIES_MAX], *near;
    size_t count = a->p.config->strategy_count;
    for (size_t i = 0; i < count; i++) {
        names[i] = a->p.config->strategies[i].name;
        if (str_equal(names[i], name))
            return true;
    }
    near = str_nearest(name, names, count);
    api_reply_problem(x, 404, "no strategy is called \"%s\"%s%s%s", name, near ? "; did you mean \"" : "",
                      near ? near : "", near ? "\"?" : "");
    return false;
}

static void set_pause(struct admin *a, struct http_exchange *x, const char *who, bool paused)
{
    struct api_body body;
    struct strategy_pause pause = {.at = clock_wall_ns()};
    unsigned members = API_BODY_STRATEGIES | API_BODY_REASON;
    if (!api_body_read(x, members, members, &body))
        return;
    if (!admin_strategy_exists(a, x, body.strategies))
        return;
    if (scopes_of(a->p.scopes, body.strategies)) {
        api_reply_problem(x, 409, "strategy %s is halted: paperguard release request --strategy %s REASON",
                          body.strategies, body.strategies);
        return;
    }
    if (!pauses_known(a->p.pauses)) {
        api_reply_problem(x, 503, "Postgres has not told yet which strategies are paused; try again");
        return;
    }
    if ((pauses_of(a->p.pauses, body.strategies) != NULL) == paused) {
        api_reply_problem(x, 409, "strategy %s is %s", body.strategies, paused ? "paused already" : "not paused");
        return;
    }
    struct api_wait *w = api_wait_new(a->p.api, x);
    if (!w)
        return;
    str_copy_cut(pause.strategy, sizeof pause.strategy, body.strategies);
    str_copy_cut(pause.reason, sizeof pause.reason, body.reason);
    str_copy_cut(pause.source, sizeof pause.source, who);
    pauses_set(a->p.pauses, &pause, paused, pause_done, w);
}

void admin_serve_pause(struct admin *a, struct http_exchange *x, const char *who)
{
    set_pause(a, x, who, true);
}

void admin_serve_resume(struct admin *a, struct http_exchange *x, const char *who)
{
    set_pause(a, x, who, false);
}
