// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Placing, replacing and cancelling orders, and closing positions.
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

static struct json_doc *body_of(struct sim_call *c)
{
    struct json_doc *doc;
    if (json_doc_parse(c->request->body, c->request->body_len, &doc, NULL) == 0)
        return doc;
    sim_refuse(c, 400, 40010000, "request body format is invalid");
    return NULL;
}

// The answer to a new order: itself with its legs, or why not.
static void answer(struct sim_call *c, int result, const struct exchange_order *const *o,
                   const struct exchange_refusal *why)
{
    if (result == 0)
        sim_json_order(&c->out, c->sim->exchange, *o, true);
    else
        sim_refuse_why(c, why);
}

void sim_orders_post(struct sim_call *c)
{
    struct json_doc *doc = body_of(c);
    struct exchange_request r;
    struct exchange_refusal why;
    const struct exchange_order *order = NULL;
    if (doc != NULL && sim_body_order(c, json_doc_root(doc), &r))
        answer(c, exchange_submit(c->sim->exchange, &r, c->now, &order, &why), &order, &why);
    json_doc_free(doc);
}

void sim_orders_patch(struct sim_call *c)
{
    struct json_doc *doc = body_of(c);
    struct exchange_change change;
    struct exchange_refusal why;
    const struct exchange_order *order = NULL;
    if (doc != NULL && sim_body_change(c, json_doc_root(doc), &change))
        answer(c, exchange_replace(c->sim->exchange, c->part, &change, c->now, &order, &why), &order, &why);
    json_doc_free(doc);
}

void sim_orders_delete(struct sim_call *c)
{
    struct exchange_refusal why;
    if (exchange_cancel(c->sim->exchange, c->part, c->now, &why) == 0)
        c->reply->status = 204;
    else
        sim_refuse_why(c, &why);
}

void sim_orders_delete_all(struct sim_call *c)
{
    struct exchange *e = c->sim->exchange;
    struct exchange_refusal why;
    c->reply->status = 207;
    json_array_begin(&c->out);
    for (size_t i = 0; i < exchange_order_count(e); i++) {
        const struct exchange_order *o = exchange_order_at(e, i);
        if (order_status_terminal(o->status) || o->status == ORDER_HELD)
            continue; // held legs end with their group
        int status = exchange_cancel(e, o->id, c->now, &why) == 0 ? 200 : why.status;
        json_object_begin(&c->out);
        json_put_string(&c->out, "id", o->id);
        json_put_int(&c->out, "status", status);
        json_object_end(&c->out);
    }
    json_array_end(&c->out);
}

// Closing positions.

static bool decimal_param(struct sim_call *c, const char *name, bool *present, int64_t *nanos)
{
    char text[SIM_TEXT_MAX];
    *present = sim_param(c, name, text);
    if (!*present || (decimal_parse(text, strlen(text), DECIMAL_EXACT, nanos) == DECIMAL_OK && *nanos > 0))
        return true;
    sim_refuse(c, 422, 40010001, "invalid %s: %.32s (above 0, at most nine decimals)", name, text);
    return false;
}

// Of a position in whole shares, whole shares.
static bool part_of(struct sim_call *c, int64_t position, int64_t percentage, int64_t *part)
{
    if (percentage > 100 * DECIMAL_ONE) {
        sim_refuse(c, 422, 40010001, "percentage must be between 0 and 100");
        return false;
    }
    *part = (int64_t)((__int128)position * percentage / (100 * DECIMAL_ONE));
    if (position % DECIMAL_ONE == 0)
        *part = decimal_floor_to(*part, DECIMAL_ONE);
    return true;
}

void sim_positions_close(struct sim_call *c)
{
    bool has_qty, has_percentage;
    int64_t percentage = 0;
    struct qty qty = {0};
    const struct market_symbol *s = market_find(c->sim->market, c->part);
    const struct exchange_position *p = s != NULL ? exchange_position_find(c->sim->exchange, s) : NULL;
    if (s == NULL)
        sim_refuse(c, 404, 40410000, "symbol not found: %.64s", c->part);
    else if (p == NULL)
        sim_refuse(c, 404, 40410000, "position does not exist");
    if (p == NULL || !decimal_param(c, "qty", &has_qty, &qty.nanos) ||
        !decimal_param(c, "percentage", &has_percentage, &percentage))
        return;
    if (has_qty && has_percentage) {
        sim_refuse(c, 422, 40010001, "only one of qty or percentage is accepted");
        return;
    }
    if (has_percentage && !part_of(c, llabs(p->qty.nanos), percentage, &qty.nanos))
        return;
    struct exchange_refusal why;
    const struct exchange_order *order = NULL;
    bool all = !has_qty && !has_percentage;
    answer(c, exchange_close(c->sim->exchange, s, all ? NULL : &qty, c->now, &order, &why), &order, &why);
}

static void close_one(struct sim_call *c, const struct market_symbol *s)
{
    struct exchange_refusal why;
    const struct exchange_order *order = NULL;
    bool done = exchange_close(c->sim->exchange, s, NULL, c->now, &order, &why) == 0;
    json_object_begin(&c->out);
    json_put_string(&c->out, "symbol", market_symbol_name(s));
    json_put_int(&c->out, "status", done ? 200 : why.status);
    json_key(&c->out, "body");
    if (done)
        sim_json_order(&c->out, c->sim->exchange, order, false);
    else
        sim_json_refusal(&c->out, &why);
    json_object_end(&c->out);
}

void sim_positions_close_all(struct sim_call *c)
{
    char text[SIM_TEXT_MAX];
    if (sim_param(c, "cancel_orders", text) && strcmp(text, "true") == 0)
        exchange_cancel_all(c->sim->exchange, c->now);
    c->reply->status = 207;
    json_array_begin(&c->out);
    for (size_t i = 0; i < market_symbol_count(c->sim->market); i++) {
        const struct market_symbol *s = market_symbol_at(c->sim->market, i);
        if (exchange_position_find(c->sim->exchange, s) != NULL)
            close_one(c, s);
    }
    json_array_end(&c->out);
}
