// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Taking an order: every refusal that Alpaca knows, in its own words and codes, and the new order.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/exchange_internal.h"

#define BAD_REQUEST 40010001
#define FORBIDDEN 40310000
#define UNPROCESSABLE 42210000
#define ACK_NS (4 * NS_PER_MS)

struct submission {
    const struct exchange_request *r;
    const struct market_symbol *symbol;
    struct market_quote quote;
    const char *intent;
    bool fractional, closing;
    struct price reserve_price;
};

static void add_extra(struct exchange_refusal *why, const char *name, const char *value)
{
    CHECK(why->extra_count < EXCHANGE_EXTRAS_MAX);
    why->extra[why->extra_count].name = name;
    str_copy_cut(why->extra[why->extra_count++].value, sizeof why->extra[0].value, value);
}

static int check_amount(const struct exchange_request *r, struct exchange_refusal *why)
{
    if (r->has_qty && r->has_notional)
        return exchange_refuse(why, 422, BAD_REQUEST, "only one of qty or notional is accepted");
    if (!r->has_qty && !r->has_notional)
        return exchange_refuse(why, 422, BAD_REQUEST, "qty or notional is required");
    if (r->has_qty && r->qty.nanos <= 0)
        return exchange_refuse(why, 422, BAD_REQUEST, "qty must be > 0");
    if (r->has_notional && r->notional.nanos % CENT_NANOS != 0)
        return exchange_refuse(why, 422, UNPROCESSABLE, "notional must be limited to 2 decimal places");
    if (r->has_notional && r->notional.nanos < DECIMAL_ONE)
        return exchange_refuse(why, 422, UNPROCESSABLE, "notional amount must be >= 1.00");
    return 0;
}

static int check_prices(const struct exchange_request *r, struct exchange_refusal *why)
{
    char text[DECIMAL_TEXT_MAX];
    if (r->type == ORDER_MARKET && (r->has_limit_price || r->has_stop_price))
        return exchange_refuse(why, 422, BAD_REQUEST, "market orders require no stop or limit price");
    if (r->type == ORDER_MARKET)
        return 0;
    if (!r->has_limit_price)
        return exchange_refuse(why, 422, BAD_REQUEST, "limit orders require a limit price");
    if (r->limit_price.nanos <= 0)
        return exchange_refuse(why, 422, BAD_REQUEST, "limit price must be > 0");
    int64_t step = r->limit_price.nanos >= DECIMAL_ONE ? CENT_NANOS : CENT_NANOS / 100;
    if (r->limit_price.nanos % step != 0)
        return exchange_refuse(why, 422, UNPROCESSABLE,
                               "invalid limit_price %s. sub-penny increment does not fulfill minimum pricing criteria",
                               decimal_format(r->limit_price.nanos, text));
    return 0;
}

static int check_kind(const struct exchange_request *r, bool fractional, struct exchange_refusal *why)
{
    if (r->type != ORDER_MARKET && r->type != ORDER_LIMIT)
        return exchange_refuse(why, 422, UNPROCESSABLE, "%s orders are not served by this simulator",
                               order_type_name(r->type));
    if (r->complex_class && fractional)
        return exchange_refuse(why, 422, UNPROCESSABLE, "fractional orders must be simple orders");
    if (r->complex_class)
        return exchange_refuse(why, 422, UNPROCESSABLE, "complex orders are not served by this simulator");
    if (r->extended_hours && (r->type != ORDER_LIMIT || (r->tif != TIF_DAY && r->tif != TIF_GTC)))
        return exchange_refuse(why, 422, UNPROCESSABLE, "extended hours order must be DAY or GTC limit orders");
    if (fractional && r->tif != TIF_DAY)
        return exchange_refuse(why, 422, UNPROCESSABLE, "fractional orders must be DAY orders");
    if (r->tif != TIF_DAY && r->tif != TIF_GTC)
        return exchange_refuse(why, 422, UNPROCESSABLE, "time_in_force %s is not served by this simulator",
                               order_tif_name(r->tif));
    return 0;
}

// What holds whatever the account looks like.
static int check_shape(struct exchange *e, struct submission *s, struct exchange_refusal *why)
{
    const struct exchange_request *r = s->r;
    if (*r->symbol == '\0')
        return exchange_refuse(why, 422, BAD_REQUEST, "symbol is required");
    s->symbol = market_find(e->params.market, r->symbol);
    if (s->symbol == NULL)
        return exchange_refuse(why, 422, UNPROCESSABLE, "asset \"%s\" not found", r->symbol);
    if (!r->has_type)
        return exchange_refuse(why, 422, BAD_REQUEST, "type is required");
    if (!r->has_tif)
        return exchange_refuse(why, 422, BAD_REQUEST, "time_in_force is required");
    if (strlen(r->client_order_id) >= CLIENT_ORDER_ID_MAX)
        return exchange_refuse(why, 422, BAD_REQUEST, "client_order_id must be no more than 128 characters");
    if (check_amount(r, why) != 0 || check_kind(r, s->fractional, why) != 0 || check_prices(r, why) != 0)
        return -1;
    if (*r->client_order_id != '\0' && exchange_order_find_client(e, r->client_order_id) != NULL)
        return exchange_refuse(why, 422, BAD_REQUEST, "client_order_id must be unique");
    if (s->fractional && !e->settings.fractional_trading)
        return exchange_refuse(why, 403, FORBIDDEN, "fractional trading is disabled for this account");
    return 0;
}

static int check_intent(struct exchange *e, struct submission *s, struct exchange_refusal *why)
{
    int64_t held = exchange_position_of(e, s->symbol)->qty.nanos;
    if (s->r->side == ORDER_BUY)
        s->intent = held < 0 ? "buy_to_close" : "buy_to_open";
    else
        s->intent = held > 0 ? "sell_to_close" : "sell_to_open";
    s->closing = s->r->side == ORDER_BUY ? held < 0 : held > 0;
    if (*s->r->position_intent != '\0' && strcmp(s->r->position_intent, s->intent) != 0)
        return exchange_refuse(why, 422, UNPROCESSABLE, "position intent mismatch, inferred: %s, specified: %s",
                               s->intent, s->r->position_intent);
    return 0;
}

static int check_wash(struct exchange *e, const struct submission *s, struct exchange_refusal *why)
{
    enum order_side other = s->r->side == ORDER_BUY ? ORDER_SELL : ORDER_BUY;
    struct list *open = &e->books[market_symbol_index(s->symbol)].side[other];
    LIST_EACH(node, tmp, open)
    {
        const struct exchange_order *o = LIST_ENTRY(node, struct exchange_order, book);
        bool market = o->type == ORDER_MARKET || s->r->type == ORDER_MARKET;
        int64_t buy = other == ORDER_BUY ? o->limit_price.nanos : s->r->limit_price.nanos;
        int64_t sell = other == ORDER_BUY ? s->r->limit_price.nanos : o->limit_price.nanos;
        if (!market && buy < sell)
            continue;
        exchange_refuse(why, 403, FORBIDDEN, "potential wash trade detected. use complex orders");
        add_extra(why, "reject_reason",
                  market ? "opposite side market/stop order exists" : "opposite side limit order exists");
        add_extra(why, "existing_order_id", o->id);
        return -1;
    }
    return 0;
}

static int check_available(struct exchange *e, const struct submission *s, struct exchange_refusal *why)
{
    const struct exchange_position *p = exchange_position_of(e, s->symbol);
    int64_t existing = llabs(p->qty.nanos), available = existing - p->held.nanos;
    struct qty wanted = s->r->qty;
    if (s->r->has_notional && !decimal_div_up(s->r->notional.nanos, s->reserve_price.nanos, &wanted.nanos))
        wanted.nanos = INT64_MAX;
    if (wanted.nanos <= available)
        return 0;
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX];
    exchange_refuse(why, 403, FORBIDDEN, "insufficient qty available for order (requested: %s, available: %s)",
                    decimal_format(wanted.nanos, a), decimal_format(available, b));
    add_extra(why, "available", b);
    add_extra(why, "existing_qty", decimal_format(existing, a));
    add_extra(why, "held_for_orders", decimal_format(p->held.nanos, a));
    add_extra(why, "symbol", market_symbol_name(s->symbol));
    return -1;
}

static int check_opening(struct exchange *e, const struct submission *s, struct exchange_refusal *why)
{
    const struct exchange_request *r = s->r;
    if (r->side == ORDER_SELL && s->fractional)
        return exchange_refuse(why, 422, UNPROCESSABLE, "fractional orders cannot be sold short");
    if (r->side == ORDER_SELL && (!e->params.shorting || e->settings.no_shorting || e->params.multiplier == 1))
        return exchange_refuse(why, 403, FORBIDDEN, "account is not allowed to short");
    struct money cost = r->notional;
    bool fits = r->has_notional || notional_up(s->reserve_price, r->qty, &cost);
    if (fits && cost.nanos < DECIMAL_ONE)
        return exchange_refuse(why, 403, FORBIDDEN, "cost basis must be >= minimal amount of order 1");
    struct exchange_account account = exchange_account_at(e, e->now);
    if (fits && cost.nanos <= account.buying_power.nanos)
        return 0;
    char text[DECIMAL_TEXT_MAX];
    exchange_refuse(why, 403, FORBIDDEN, "insufficient buying power");
    add_extra(why, "buying_power", decimal_format_places(account.buying_power.nanos, 2, text));
    add_extra(why, "cost_basis", fits ? decimal_format_places(cost.nanos, 2, text) : "too large to tell");
    return -1;
}

// What an order is taken to cost while it is open: its limit, or the far side of the quote; a short at least 3% above.
static struct price reserve_price(const struct submission *s)
{
    struct price p = s->r->side == ORDER_BUY ? s->quote.ask : s->quote.bid;
    if (s->r->type == ORDER_LIMIT)
        p = s->r->limit_price;
    int64_t floor = s->quote.ask.nanos / 100 * 103;
    if (s->r->side == ORDER_SELL && !s->closing && p.nanos < floor)
        p.nanos = floor;
    return p;
}

static void set_times(struct exchange *e, struct exchange_order *o, int64_t now)
{
    struct market_session session;
    market_session_at(e->params.market, now, &session);
    o->created_at = now > e->last_created ? now : e->last_created + 1;
    e->last_created = o->created_at;
    o->submitted_at = o->updated_at = o->created_at;
    if (o->tif == TIF_DAY)
        o->expires_at = session.close_ns;
    bool open = now >= session.open_ns;
    o->status = open ? ORDER_PENDING_NEW : ORDER_ACCEPTED;
    int64_t ack = e->params.fill_delay_ns < ACK_NS ? e->params.fill_delay_ns : ACK_NS;
    o->next_at = open ? o->created_at + ack : session.open_ns;
}

static struct exchange_order *order_create(struct exchange *e, const struct submission *s, int64_t now)
{
    const struct exchange_request *r = s->r;
    struct exchange_order *o = exchange_order_add(e);
    uint64_t ids = e->params.seed ^ e->params.id_salt;
    draw_uuid(ids, DRAW_ORDER_ID, o->number, o->id);
    if (*r->client_order_id != '\0')
        str_copy_cut(o->client_order_id, sizeof o->client_order_id, r->client_order_id);
    else
        draw_uuid(ids, DRAW_CLIENT_ID, o->number, o->client_order_id);
    o->symbol = s->symbol;
    o->side = r->side;
    o->type = r->type;
    o->tif = r->tif;
    o->position_intent = s->intent;
    o->closing = s->closing;
    o->is_notional = r->has_notional;
    o->fractional = s->fractional;
    o->extended_hours = r->extended_hours;
    o->qty = r->has_qty ? r->qty : (struct qty){0};
    o->notional = r->has_notional ? r->notional : (struct money){0};
    o->limit_price = r->has_limit_price ? r->limit_price : (struct price){0};
    o->reserve_price = s->reserve_price;
    set_times(e, o, now);
    exchange_order_index(e, o);
    exchange_reserve(e, o);
    exchange_order_schedule(e, o);
    return o;
}

int exchange_submit(struct exchange *e, const struct exchange_request *r, int64_t now,
                    const struct exchange_order **out, struct exchange_refusal *why)
{
    exchange_advance(e, now);
    struct submission s = {.r = r};
    s.fractional = r->has_notional || (r->has_qty && r->qty.nanos % SHARE != 0);
    if (e->settings.suspend_trade)
        return exchange_refuse(why, 403, FORBIDDEN, "new orders are rejected by user request");
    if (check_shape(e, &s, why) != 0 || check_intent(e, &s, why) != 0)
        return -1;
    market_quote(e->params.market, s.symbol, now, &s.quote);
    s.reserve_price = reserve_price(&s);
    if (check_wash(e, &s, why) != 0)
        return -1;
    if ((s.closing ? check_available(e, &s, why) : check_opening(e, &s, why)) != 0)
        return -1;
    *out = order_create(e, &s, now);
    return 0;
}
