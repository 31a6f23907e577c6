// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Orders at the broker that are not ours: the list, and an operator's word about one of them in two steps, adopt or
// cancel. First what it is, with a token; then, with the token and a reason, it is done.
#include "daemon/admin_internal.h"

#include <stdio.h>
#include <string.h>

#include "lib/io/clock.h"

#define ADOPT "/admin/quarantine/adopt/"
#define CANCEL "/admin/quarantine/cancel/"

void admin_serve_quarantine(struct admin *a, struct http_exchange *x, const char *who)
{
    (void)who;
    api_history(a->p.api, x, LEDGER_QUERY_QUARANTINE, NULL);
}

static void put_amount(struct json_out *o, const char *key, bool has, int64_t nanos)
{
    if (has)
        json_put_decimal(o, key, nanos);
    else
        json_put_null(o, key);
}

// What a token is for: this word about this order, into this book.
static void subject(const struct order_state *s, const struct quarantine_word *word, char out[ADMIN_SUBJECT_MAX])
{
    snprintf(out, ADMIN_SUBJECT_MAX, "%s %s %s", word->adopt ? "adopt" : "cancel", word->strategy, s->id);
}

static bool fits(struct admin *a, struct http_exchange *x, const struct order_state *s,
                 const struct quarantine_word *word, const char *code)
{
    char about[ADMIN_SUBJECT_MAX];
    subject(s, word, about);
    return admin_step_confirmed(&a->quarantine, x, about, code, "for this order, this word and this strategy");
}

static void show(struct admin *a, struct http_exchange *x, const struct order_state *s,
                 const struct quarantine_word *word)
{
    char about[ADMIN_SUBJECT_MAX];
    struct text t;
    struct json_out o;
    api_answer_begin(&t, &o);
    json_key(&o, "order");
    json_object_begin(&o);
    json_put_string(&o, "order_id", s->id);
    json_put_string(&o, "client_order_id", s->client_order_id);
    json_put_string(&o, "symbol", s->symbol);
    json_put_string(&o, "side", order_side_name(s->side));
    json_put_string(&o, "type", order_type_name(s->type));
    put_amount(&o, "qty", s->has_qty, s->qty.nanos);
    put_amount(&o, "notional", s->has_notional, s->notional.nanos);
    put_amount(&o, "limit_price", s->has_limit_price, s->limit_price.nanos);
    json_put_string(&o, "status", order_status_name(s->status));
    json_put_decimal(&o, "filled_qty", s->filled_qty.nanos);
    json_object_end(&o);
    json_put_string(&o, "strategy", word->strategy[0] ? word->strategy : NULL);
    subject(s, word, about);
    admin_step_put_token(&o, &a->quarantine, about);
    api_answer_end(a->p.api, x, 200, &t, &o);
}

static void confirm(struct admin *a, struct http_exchange *x, const char *id, const struct quarantine_word *word)
{
    struct api_wait *w = api_wait_new(a->p.api, x);
    if (w)
        reconcile_quarantine_word(a->p.reconcile, id, word, admin_answer_accepted, w);
}

// Names of one strategy at most.
static bool strategy_good(const struct admin *a, struct http_exchange *x, const char *strategy)
{
    if (strchr(strategy, ' ')) {
        api_reply_problem(x, 400, "an order goes into the book of one strategy");
        return false;
    }
    return !strategy[0] || admin_strategy_exists(a, x, strategy);
}

static void serve(struct admin *a, struct http_exchange *x, const char *who, bool adopt)
{
    struct api_body body;
    struct quarantine_word word = {.adopt = adopt, .who = who};
    const char *id = http_exchange_path(x) + strlen(adopt ? ADOPT : CANCEL);
    enum admin_step step = admin_step_read(x, adopt ? API_BODY_STRATEGIES : 0, 0, &body);
    if (step == ADMIN_STEP_NONE)
        return;
    word.strategy = body.has & API_BODY_STRATEGIES ? body.strategies : "";
    word.reason = body.reason;
    if (!strategy_good(a, x, word.strategy))
        return;
    const struct order_state *s = reconcile_quarantine_find(a->p.reconcile, id);
    if (!s)
        api_reply_problem(x, 404, "no open order in quarantine has this id (see: paperguard quarantine)");
    else if (step == ADMIN_STEP_ASK)
        show(a, x, s, &word);
    else if (!fits(a, x, s, &word, body.code))
        return;
    else if (adopt && !scheduler_session(a->p.scheduler, clock_wall_ns(), &word.session))
        api_reply_problem(x, 503, "the exchange calendar does not reach today");
    else
        confirm(a, x, s->id, &word);
}

void admin_serve_quarantine_adopt(struct admin *a, struct http_exchange *x, const char *who)
{
    serve(a, x, who, true);
}

void admin_serve_quarantine_cancel(struct admin *a, struct http_exchange *x, const char *who)
{
    serve(a, x, who, false);
}
