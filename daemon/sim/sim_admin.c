// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The admin path of the simulator: its state for an independent comparison, fixed prices, cash that
// moves without a trade. Nothing of this exists at Alpaca.
#include <stdio.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

#define PRICE_MAX (1000000 * DECIMAL_ONE)

// State.

static void put_position(struct json_out *o, const struct exchange_position *p)
{
    json_object_begin(o);
    json_put_string(o, "symbol", market_symbol_name(p->symbol));
    json_put_decimal(o, "qty", p->qty.nanos);
    json_put_decimal(o, "held", p->held.nanos);
    json_put_decimal(o, "cost", p->cost.nanos);
    json_object_end(o);
}

static void put_fill(struct json_out *o, const struct exchange *e, const struct exchange_fill *f)
{
    const struct exchange_order *order = exchange_order_at(e, (size_t)f->order - 1);
    json_object_begin(o);
    json_put_string(o, "client_order_id", order->client_order_id);
    json_put_decimal(o, "cash", f->cash.nanos);
    json_key(o, "activity");
    sim_json_fill(o, e, f);
    json_object_end(o);
}

void sim_admin_state(struct sim_call *c)
{
    const struct exchange *e = c->sim->exchange;
    struct json_out *o = &c->out;
    json_object_begin(o);
    json_put_when(o, "now", c->now);
    json_put_string(o, "account_number", c->sim->account_number);
    json_put_decimal(o, "cash", exchange_cash(e).nanos);
    json_put_decimal(o, "opening_cash", exchange_params(e)->cash.nanos);
    json_put_int(o, "requests", (int64_t)c->sim->requests);
    json_key(o, "orders");
    json_array_begin(o);
    for (size_t i = 0; i < exchange_order_count(e); i++)
        sim_json_order(o, e, exchange_order_at(e, i), false);
    json_array_end(o);
    json_key(o, "positions");
    json_array_begin(o);
    for (size_t i = 0; i < market_symbol_count(c->sim->market); i++) {
        const struct exchange_position *p = exchange_position_find(e, market_symbol_at(c->sim->market, i));
        if (p != NULL)
            put_position(o, p);
    }
    json_array_end(o);
    json_key(o, "fills");
    json_array_begin(o);
    for (size_t i = 0; i < exchange_fill_count(e); i++)
        put_fill(o, e, exchange_fill_at(e, i));
    json_array_end(o);
    json_key(o, "activities");
    json_array_begin(o);
    for (size_t i = 0; i < exchange_nta_count(e); i++)
        sim_json_nta(o, exchange_nta_at(e, i));
    json_array_end(o);
    json_object_end(o);
}

// Prices.

static bool read_quote(const struct json_node *root, struct market_quote *q, struct err *err)
{
    bool present;
    int64_t price = 0;
    if (json_opt_decimal(root, "price", "price", DECIMAL_EXACT, &present, &price, err) != 0)
        return false;
    q->last.nanos = q->bid.nanos = q->ask.nanos = present ? price : 0; // none: the path is back
    if (json_opt_decimal(root, "price", "bid", DECIMAL_EXACT, &present, &q->bid.nanos, err) != 0 ||
        json_opt_decimal(root, "price", "ask", DECIMAL_EXACT, &present, &q->ask.nanos, err) != 0)
        return false;
    if (q->bid.nanos < 0 || q->ask.nanos < q->bid.nanos || q->ask.nanos > PRICE_MAX || q->last.nanos > PRICE_MAX) {
        err_set(err, "prices must lie between 0 and 1000000, the bid not above the ask");
        return false;
    }
    return true;
}

typedef int change_fn(struct sim_call *c, const struct json_node *root, struct err *err);

// Reads the body and answers {} or what is wrong with it.
static void changed(struct sim_call *c, change_fn *change)
{
    struct json_doc *doc = NULL;
    struct err err;
    if (json_doc_parse(c->request->body, c->request->body_len, &doc, &err) != 0 ||
        change(c, json_doc_root(doc), &err) != 0)
        sim_refuse(c, 400, 0, "%s", err.text);
    else
        text_add(&c->reply->body, "{}");
    json_doc_free(doc);
}

static const struct market_symbol *read_symbol(struct sim_call *c, const struct json_node *root, const char *where,
                                               struct err *err)
{
    const char *name;
    if (json_want_string(root, where, "symbol", &name, err) != 0)
        return NULL;
    const struct market_symbol *s = market_find(c->sim->market, name);
    if (s == NULL)
        err_set(err, "%s.symbol: no such symbol: %.32s", where, name);
    return s;
}

static int change_price(struct sim_call *c, const struct json_node *root, struct err *err)
{
    struct market_quote q = {0};
    const struct market_symbol *s = read_symbol(c, root, "price", err);
    if (s == NULL || !read_quote(root, &q, err))
        return -1;
    market_fix_price_at(c->sim->market, s, q, c->now);
    return 0;
}

void sim_admin_price(struct sim_call *c)
{
    changed(c, change_price);
}

// Cash that moves without a trade: {"type":"CSD","amount":"500"}, {"type":"DIV","amount":"1.25","symbol":"SPY"}.

static int change_cash(struct sim_call *c, const struct json_node *root, struct err *err)
{
    static const char *const names[] = {"type", "amount", "symbol"};
    const char *type;
    struct money amount;
    const struct market_symbol *s = NULL;
    if (json_only(root, "cash", names, ARRAY_LEN(names), err) != 0 ||
        json_want_string(root, "cash", "type", &type, err) != 0 ||
        json_want_decimal(root, "cash", "amount", DECIMAL_EXACT, &amount.nanos, err) != 0)
        return -1;
    if (json_get(root, "symbol") != NULL && (s = read_symbol(c, root, "cash", err)) == NULL)
        return -1;
    return exchange_cash_move(c->sim->exchange, type, s, amount, c->now, err);
}

// A fill that is taken back, {"activity_id":...}, or corrected: {"activity_id":...,"price":"371.5"}.

static int change_bust(struct sim_call *c, const struct json_node *root, struct err *err)
{
    static const char *const names[] = {"activity_id", "price"};
    const char *id;
    struct price price = {0};
    bool corrected;
    if (json_only(root, "bust", names, ARRAY_LEN(names), err) != 0 ||
        json_want_string(root, "bust", "activity_id", &id, err) != 0 ||
        json_opt_decimal(root, "bust", "price", DECIMAL_EXACT, &corrected, &price.nanos, err) != 0)
        return -1;
    return exchange_bust(c->sim->exchange, id, corrected ? &price : NULL, c->now, err);
}

void sim_admin_bust(struct sim_call *c)
{
    changed(c, change_bust);
}

void sim_admin_cash(struct sim_call *c)
{
    changed(c, change_cash);
}
