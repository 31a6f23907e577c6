// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What a strategy would do now: its answer and the orders of its plan, judged by risk as the desk would, and not sent.
#include "daemon/admin_internal.h"

static void put_targets(const struct run_preview *p, struct json_out *o)
{
    json_key(o, "targets");
    json_array_begin(o);
    for (size_t i = 0; i < p->target_count; i++) {
        const struct signal_target *t = &p->targets[i];
        json_object_begin(o);
        json_put_string(o, "symbol", t->symbol);
        json_put_decimal(o, "weight", t->weight.nanos);
        json_put_string(o, "reason", t->reason);
        json_object_end(o);
    }
    json_array_end(o);
}

static void put_orders(const struct run_preview *p, struct json_out *o)
{
    json_key(o, "orders");
    json_array_begin(o);
    for (size_t i = 0; i < p->leg_count; i++) {
        const struct run_preview_leg *l = &p->legs[i];
        json_object_begin(o);
        json_put_int(o, "leg", l->leg->leg);
        json_put_string(o, "side", order_side_name(l->leg->side));
        json_put_string(o, "symbol", l->leg->symbol);
        json_put_decimal(o, "qty", l->leg->qty.nanos);
        json_put_decimal(o, "price", l->leg->decision_price.nanos);
        json_put_decimal(o, "notional", l->notional.nanos);
        json_put_string(o, "class", l->reduces ? "REDUCE" : "OPEN");
        json_put_bool(o, "would_pass", l->refused[0] == '\0');
        json_put_string(o, "refused", l->refused);
        json_object_end(o);
    }
    json_array_end(o);
}

static void planned(void *arg, const struct run_preview *p, const char *why)
{
    struct api_wait *w = arg;
    struct api *api = w->api;
    struct http_exchange *x = api_wait_end_if(w, p != NULL, 409, why);
    struct text t;
    struct json_out o;
    if (!x || !p)
        return;
    api_answer_begin(&t, &o);
    json_put_string(&o, "strategy", p->strategy);
    json_put_string(&o, "model_name", p->model_name);
    json_put_string(&o, "model_version", p->model_version);
    json_key(&o, "session");
    json_add_day(&o, p->session);
    json_put_when(&o, "as_of", p->as_of);
    json_put_decimal(&o, "equity", p->account.equity.nanos);
    json_put_decimal(&o, "cash", p->account.cash.nanos);
    json_put_decimal(&o, "capital", p->capital.nanos);
    json_put_bool(&o, "sent", false);
    put_targets(p, &o);
    put_orders(p, &o);
    api_answer_end(api, x, 200, &t, &o);
}

void admin_serve_plan(struct admin *a, struct http_exchange *x, const char *who)
{
    struct api_body body;
    (void)who;
    if (!api_body_read(x, API_BODY_STRATEGIES, API_BODY_STRATEGIES, &body))
        return;
    if (!admin_strategy_exists(a, x, body.strategies))
        return;
    struct api_wait *w = api_wait_new(a->p.api, x);
    if (w)
        runs_preview(a->p.runs, body.strategies, planned, w); // may answer at once
}
