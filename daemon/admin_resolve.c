// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Resolving an order without an answer, in two steps: what ledger and broker say of it, with a token; then an
// operator's word, with the token and a reason.
#include "daemon/admin_internal.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/io/clock.h"

#define PATH "/admin/orders/resolve/"
#define VALID_S 120

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

static void put_row(struct json_out *o, const struct order_row *r)
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

// A token for this order alone, that a guess does not find.
static const char *token_make(struct admin *a, const char *id)
{
    uint8_t bytes[8];
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(a->resolve.token + 2 * i, 3, "%02x", bytes[i]);
    str_copy_cut(a->resolve.order, sizeof a->resolve.order, id);
    a->resolve.until_boot_ns = clock_boot_ns() + VALID_S * NS_PER_S;
    return a->resolve.token;
}

static void inquired(void *arg, const struct desk_inquiry *i)
{
    struct api_wait *w = arg;
    struct api *api = w->api;
    struct admin *a = w->owner;
    struct http_exchange *x = api_wait_end(w);
    struct text t;
    struct json_out o;
    if (!x)
        return;
    bool open = i->row->status == ORDER_UNKNOWN && i->word != DESK_BROKER_KNOWS;
    api_answer_begin(&t, &o);
    json_key(&o, "ledger");
    json_object_begin(&o);
    put_row(&o, i->row);
    json_object_end(&o);
    json_put_string(&o, "broker", word_name(i->word));
    json_put_string(&o, "broker_says", i->said);
    json_put_string(&o, "code", open ? token_make(a, i->row->intent.order.client_order_id) : NULL);
    json_put_int(&o, "valid_seconds", open ? VALID_S : 0);
    api_answer_end(api, x, 200, &t, &o);
}

static void request(struct admin *a, struct http_exchange *x, const char *id)
{
    if (!desk_order(a->p.desk, id)) {
        api_reply_problem(x, 404,
                          "the daemon follows no order with this client order id (see: paperguard orders --parked)");
        return;
    }
    struct api_wait *w = api_wait_new(a->p.api, x);
    if (!w)
        return;
    w->owner = a;
    if (!desk_inquire(a->p.desk, id, inquired, w) && (x = api_wait_end(w)) != NULL)
        api_reply_problem(x, 409, "the broker is being asked for this order already; try again");
}

static bool token_fits(struct admin *a, const char *id, const char *token)
{
    bool fits = a->resolve.token[0] && strcmp(a->resolve.token, token) == 0 && strcmp(a->resolve.order, id) == 0 &&
                clock_boot_ns() < a->resolve.until_boot_ns;
    mem_wipe(&a->resolve, sizeof a->resolve); // one try
    return fits;
}

static void confirm(struct admin *a, struct http_exchange *x, const char *id, const struct api_body *body,
                    const char *who)
{
    struct err err;
    struct text t;
    struct json_out o;
    if (!token_fits(a, id, body->code)) {
        api_reply_problem(x, 409, "the token is not the one for this order, or older than %d s: ask again", VALID_S);
        return;
    }
    if (desk_resolve_not_placed(a->p.desk, id, body->reason, who, &err) != 0) {
        api_reply_problem(x, 409, "%s", err.text);
        return;
    }
    api_answer_begin(&t, &o);
    json_put_string(&o, "client_order_id", id);
    json_put_string(&o, "status", order_status_name(ORDER_NOT_PLACED));
    api_answer_end(a->p.api, x, 200, &t, &o);
}

void admin_serve_resolve(struct admin *a, struct http_exchange *x, const char *who)
{
    struct api_body body;
    struct err err;
    const char *id = http_exchange_path(x) + strlen(PATH);
    unsigned both = API_BODY_CODE | API_BODY_REASON;
    int status = api_body_read(x, both, 0, &body, &err);
    if (status) {
        api_reply_problem(x, status, "%s", err.text);
        return;
    }
    if (body.has != 0 && body.has != both)
        api_reply_problem(x, 400, "confirming needs code and reason; asking needs neither");
    else if (body.has)
        confirm(a, x, id, &body, who);
    else
        request(a, x, id);
}
