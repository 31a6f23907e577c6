// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Resolving an order without an answer, in two steps: what ledger and broker say of it, with a token; then an
// operator's word, with the token and a reason.
#include "daemon/admin_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/io/clock.h"

#define PATH "/admin/orders/resolve/"

struct confirmed { // an operator's word, while the broker is asked once more
    char reason[API_REASON_MAX + 1], who[64];
};

static const char *word_name(enum desk_broker_word w)
{
    switch (w) {
    case DESK_BROKER_KNOWS:
        return "known";
    case DESK_BROKER_DENIES:
        return "not_known";
    case DESK_BROKER_SILENT:
        break;
    }
    return "silent";
}

static void put_when(struct json_out *o, const char *key, int64_t at)
{
    if (at)
        json_put_when(o, key, at);
    else
        json_put_null(o, key);
}

void admin_put_order(struct json_out *o, const struct order_row *r)
{
    const struct order_request *q = &r->intent.order;
    json_put_string(o, "client_order_id", q->client_order_id);
    json_put_string(o, "run_id", r->intent.run_id[0] ? r->intent.run_id : NULL);
    json_put_string(o, "symbol", q->symbol);
    json_put_string(o, "side", order_side_name(q->side));
    json_put_decimal(o, "qty", q->qty.nanos);
    json_put_string(o, "status", order_status_name(r->status));
    json_put_decimal(o, "filled_qty", r->filled_qty.nanos);
    json_put_decimal(o, "reserved", r->intent.reserved.nanos);
    json_put_string(o, "reason", r->reason);
    put_when(o, "created_at", r->intent.created_at);
    put_when(o, "sent_at", r->sent_at);
}

static void answer(struct admin *a, struct http_exchange *x, const struct order_row *row, bool open, const char *broker,
                   const char *said, int wait_s)
{
    struct text t;
    struct json_out o;
    api_answer_begin(&t, &o);
    json_key(&o, "ledger");
    json_object_begin(&o);
    admin_put_order(&o, row);
    json_object_end(&o);
    json_put_string(&o, "broker", broker);
    json_put_string(&o, "broker_says", said);
    admin_step_put_token(&o, &a->resolve, open ? row->intent.order.client_order_id : NULL);
    json_put_int(&o, "wait_seconds", wait_s);
    api_answer_end(a->p.api, x, 200, &t, &o);
}

static void inquired(void *arg, const struct desk_inquiry *i)
{
    struct api_wait *w = arg;
    struct admin *a = w->owner;
    struct http_exchange *x = api_wait_end(w);
    bool open = i->row->status == ORDER_UNKNOWN && i->word != DESK_BROKER_KNOWS && i->wait_s == 0;
    if (x)
        answer(a, x, i->row, open, word_name(i->word), i->said, i->wait_s);
}

static void parked(void *arg, enum ledger_result result, const char *json)
{
    struct api_wait *w = arg;
    struct admin *a = w->owner;
    struct order_row *row = &a->looked_at;
    bool same = w->turn == a->looked_at_turn;
    struct http_exchange *x = api_wait_end(w);
    bool open = result == LEDGER_OK && !str_equal(json, "[]") && row->status == ORDER_NOT_PLACED;
    if (!x)
        return;
    if (result != LEDGER_OK || !same)
        api_reply_problem(x, 503, "%s", same ? "Postgres does not answer; try again" : "somebody else asks; try again");
    else
        answer(a, x, row, open, "not_asked", open ? "it was asked before, and does not have the order" : "", 0);
}

static void found(void *arg, enum ledger_result result, const struct order_row *row)
{
    struct api_wait *w = arg;
    struct admin *a = w->owner;
    if (result == LEDGER_OK && row) {
        a->looked_at = *row;
        w->turn = ++a->looked_at_turn;
        const struct ledger_filter filter = {.id = row->intent.order.client_order_id, .status = "parked", .limit = 1};
        ledger_query(a->p.ledger, LEDGER_QUERY_ORDERS, &filter, parked, w);
        return;
    }
    struct http_exchange *x = api_wait_end(w);
    if (!x)
        return;
    if (result != LEDGER_OK)
        api_reply_problem(x, 503, "Postgres does not answer; try again");
    else
        api_reply_problem(x, 404, "no order has this client order id (see: paperguard orders --parked)");
}

// An order without an answer is asked for at the broker; what is known of any other stands in the ledger.
static bool is_unknown(const struct admin *a, const char *id)
{
    const struct order_row *row = desk_order(a->p.desk, id);
    return row && row->status == ORDER_UNKNOWN;
}

static void request(struct admin *a, struct http_exchange *x, const char *id)
{
    bool live = desk_order(a->p.desk, id) && !order_status_terminal(desk_order(a->p.desk, id)->status);
    struct api_wait *w = api_wait_new(a->p.api, x);
    if (!w)
        return;
    w->owner = a;
    if (!live)
        ledger_order_find(a->p.ledger, id, found, w);
    else if (!desk_inquire(a->p.desk, id, inquired, w) && (x = api_wait_end(w)) != NULL)
        api_reply_problem(x, 409, "the broker is being asked for this order already; try again");
}

static void answer_resolved(struct admin *a, struct http_exchange *x)
{
    struct text t;
    struct json_out o;
    api_answer_begin(&t, &o);
    json_put_string(&o, "status", order_status_name(ORDER_NOT_PLACED));
    api_answer_end(a->p.api, x, 200, &t, &o);
}

static void closed(void *arg, enum ledger_result result, const char *detail)
{
    struct api_wait *w = arg;
    struct admin *a = w->owner;
    struct http_exchange *x = api_wait_end(w);
    if (!x)
        return;
    if (result == LEDGER_OK)
        answer_resolved(a, x);
    else
        api_reply_problem(x, result == LEDGER_CONFLICT ? 409 : 503, "%s",
                          detail[0] ? detail : "Postgres did not take it");
}

// The broker was asked once more: only then is an operator's word taken.
static void asked_again(void *arg, const struct desk_inquiry *i)
{
    struct api_wait *w = arg;
    struct admin *a = w->owner;
    struct confirmed *c = w->more;
    struct err err;
    w->more = NULL;
    struct http_exchange *x = api_wait_end(w);
    if (x && i->word == DESK_BROKER_KNOWS)
        api_reply_problem(x, 409, "the broker knows it by now (%s), and it is followed", i->said);
    else if (x &&
             desk_resolve_not_placed(a->p.desk, i->row->intent.order.client_order_id, c->reason, c->who, &err) != 0)
        api_reply_problem(x, 409, "%s", err.text);
    else if (x)
        answer_resolved(a, x);
    free(c);
}

static void ask_again(struct admin *a, struct http_exchange *x, const char *id, const char *reason, const char *who)
{
    struct api_wait *w = api_wait_new(a->p.api, x);
    if (!w)
        return;
    struct confirmed *c = w->more = check_alloc(1, sizeof *c);
    w->owner = a;
    str_copy_cut(c->reason, sizeof c->reason, reason);
    str_copy_cut(c->who, sizeof c->who, who);
    if (desk_inquire(a->p.desk, id, asked_again, w))
        return;
    w->more = NULL;
    free(c);
    if ((x = api_wait_end(w)) != NULL)
        api_reply_problem(x, 409, "the broker is being asked for this order already; try again");
}

static void confirm(struct admin *a, struct http_exchange *x, const char *id, const struct api_body *body,
                    const char *who)
{
    if (!admin_step_confirmed(&a->resolve, x, id, body->code, "for this order"))
        return;
    if (is_unknown(a, id)) {
        ask_again(a, x, id, body->reason, who);
    } else {
        struct api_wait *w = api_wait_new(a->p.api, x);
        if (!w)
            return;
        w->owner = a;
        ledger_order_close(a->p.ledger, id, body->reason, who, clock_wall_ns(), closed, w);
    }
}

void admin_serve_resolve(struct admin *a, struct http_exchange *x, const char *who)
{
    struct api_body body;
    const char *id = http_exchange_path(x) + strlen(PATH);
    enum admin_step step = admin_step_read(x, 0, 0, &body);
    if (step == ADMIN_STEP_CONFIRM)
        confirm(a, x, id, &body, who);
    else if (step == ADMIN_STEP_ASK)
        request(a, x, id);
}
