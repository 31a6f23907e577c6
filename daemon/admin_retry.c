// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Sending a parked order once more, in two steps: whether it could be sent now, with a token; then, with the token and
// a reason, it is. Both ask ledger, broker and risk anew.
#include "daemon/admin_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/io/clock.h"

#define PATH "/admin/orders/retry/"

struct asked { // who asks, while the answer is awaited
    struct day session;
    bool act;
    char reason[API_REASON_MAX + 1], who[64];
};

static void answer(struct admin *a, struct http_exchange *x, const struct order_row *row, bool act)
{
    struct text t;
    struct json_out o;
    api_answer_begin(&t, &o);
    json_key(&o, "ledger");
    json_object_begin(&o);
    admin_put_order(&o, row);
    json_object_end(&o);
    json_put_when(&o, "send_until", row->intent.send_until);
    json_put_bool(&o, "sent_again", act);
    admin_step_put_token(&o, &a->retry, act ? NULL : row->intent.order.client_order_id);
    api_answer_end(a->p.api, x, 200, &t, &o);
}

static struct http_exchange *asked_end(struct api_wait *w)
{
    free(w->more);
    w->more = NULL;
    return api_wait_end(w);
}

// What may be done instead of sending it again: a run plans anew, an order outside a run is asked for anew.
static void refuse(struct http_exchange *x, const struct order_row *row, const char *why)
{
    if (row->status != ORDER_NOT_PLACED)
        api_reply_problem(x, 409, "%s", why);
    else
        api_reply_problem(x, 409, "%s; instead: %s, and paperguard orders resolve %s closes this one", why,
                          row->intent.run_id[0] ? "paperguard run plans what is missing" : "ask for a new order",
                          row->intent.order.client_order_id);
}

static void judged(void *arg, const struct desk_retried *r)
{
    struct api_wait *w = arg;
    struct admin *a = w->owner;
    bool act = ((const struct asked *)w->more)->act;
    struct http_exchange *x = asked_end(w);
    if (!r->refused[0] && act)
        reconcile_kick(a->p.reconcile);
    if (x && r->refused[0] && !r->later && clock_wall_ns() >= r->row->intent.send_until)
        refuse(x, r->row, r->refused);
    else if (x && r->refused[0])
        api_reply_problem(x, r->later ? 503 : 409, "%s", r->refused);
    else if (x)
        answer(a, x, r->row, act);
}

static void found(void *arg, enum ledger_result result, const struct order_row *row, const char *refused)
{
    struct api_wait *w = arg;
    struct admin *a = w->owner;
    const struct asked *q = w->more;
    if (result == LEDGER_OK && row && !refused[0] && w->x) { // whoever asked and is gone sends nothing
        struct order_row known = *row;
        if (!known.intent.run_id[0])
            known.intent.send_until = api_send_until(a->p.api, &known.intent, 0);
        desk_retry(a->p.desk, &known, q->session, q->act ? q->reason : NULL, q->who, judged, w);
        return;
    }
    struct http_exchange *x = asked_end(w);
    if (!x)
        return;
    if (result != LEDGER_OK)
        api_reply_problem(x, 503, "Postgres does not answer; try again");
    else if (!row)
        api_reply_problem(x, 404, "no order has this client order id (see: paperguard orders --parked)");
    else
        refuse(x, row, refused);
}

// Why nothing may be sent at this moment, whatever order it is; NULL: it may.
static const char *not_now(struct admin *a, struct day *session)
{
    const char *why;
    if (a->p.snapshot(a->p.arg)->draining)
        return "the daemon is stopping";
    if (!reconcile_in_step(a->p.reconcile, &why))
        return why;
    if (!scheduler_session(a->p.scheduler, clock_wall_ns(), session))
        return "the exchange calendar does not reach today";
    return NULL;
}

void admin_serve_retry(struct admin *a, struct http_exchange *x, const char *who)
{
    struct api_body body;
    struct asked q = {.act = false};
    const char *id = http_exchange_path(x) + strlen(PATH), *why;
    enum admin_step step = admin_step_read(x, 0, 0, &body);
    q.act = step == ADMIN_STEP_CONFIRM;
    if (step == ADMIN_STEP_NONE || (q.act && !admin_step_confirmed(&a->retry, x, id, body.code, "for this order")))
        return;
    if ((why = not_now(a, &q.session)) != NULL) {
        api_reply_problem(x, 503, "nothing may be sent now: %s", why);
        return;
    }
    struct api_wait *w = api_wait_new(a->p.api, x);
    if (!w)
        return;
    str_copy_cut(q.reason, sizeof q.reason, q.act ? body.reason : "");
    str_copy_cut(q.who, sizeof q.who, who);
    struct asked *kept = w->more = check_alloc(1, sizeof *kept);
    *kept = q;
    w->owner = a;
    ledger_order_retry(a->p.ledger, id, q.session, clock_wall_ns(), found, w);
}
