// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Taking an order: what the account allows, in Alpaca's own words and codes, and the new order.
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/exchange_internal.h"

static int check_intent(struct exchange *e, struct exchange_submission *s, struct exchange_refusal *why)
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

// Entries open a position, exits close one.
static int check_direction(const struct exchange_submission *s, struct exchange_refusal *why)
{
    enum exchange_class c = s->r->order_class;
    if ((c == CLASS_BRACKET || c == CLASS_OTO) && s->closing)
        return exchange_refuse(why, 422, UNPROCESSABLE, "%s orders must be entry orders", exchange_class_name(c));
    if (c == CLASS_OCO && !s->closing)
        return exchange_refuse(why, 422, UNPROCESSABLE, "oco orders must be exit orders");
    return 0;
}

static int check_wash(struct exchange *e, const struct exchange_submission *s, struct exchange_refusal *why)
{
    const struct exchange_order *o = exchange_book_crossing(e, s);
    if (o == NULL)
        return 0;
    bool limits = o->type == ORDER_LIMIT && s->r->type == ORDER_LIMIT;
    exchange_refuse(why, 403, FORBIDDEN, "potential wash trade detected. use complex orders");
    exchange_refusal_extra(why, "reject_reason",
                           limits ? "opposite side limit order exists" : "opposite side market/stop order exists");
    exchange_refusal_extra(why, "existing_order_id", o->id);
    return -1;
}

// Of what is asked, what the order that it replaces has filled.
static int64_t already(const struct exchange_submission *s)
{
    return s->replaced == NULL ? 0 : s->replaced->carried.nanos + s->replaced->filled_qty.nanos;
}

static int check_available(struct exchange *e, const struct exchange_submission *s, struct exchange_refusal *why)
{
    const struct exchange_position *p = exchange_position_of(e, s->symbol);
    int64_t existing = llabs(p->qty.nanos), available = existing - p->held.nanos;
    struct qty wanted = {s->r->qty.nanos - already(s)};
    if (s->r->has_notional && !decimal_div_up(s->r->notional.nanos, s->reserve_price.nanos, &wanted.nanos))
        wanted.nanos = INT64_MAX;
    if (wanted.nanos <= available)
        return 0;
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX];
    exchange_refuse(why, 403, FORBIDDEN, "insufficient qty available for order (requested: %s, available: %s)",
                    decimal_format(wanted.nanos, a), decimal_format(available, b));
    exchange_refusal_extra(why, "available", b);
    exchange_refusal_extra(why, "existing_qty", decimal_format(existing, a));
    exchange_refusal_extra(why, "held_for_orders", decimal_format(p->held.nanos, a));
    exchange_refusal_extra(why, "symbol", market_symbol_name(s->symbol));
    return -1;
}

static int check_short(struct exchange *e, const struct exchange_submission *s, struct exchange_refusal *why)
{
    if (s->fractional)
        return exchange_refuse(why, 422, UNPROCESSABLE, "fractional orders cannot be sold short");
    if (!e->params.shorting || e->settings.no_shorting || exchange_multiplier(e) == 1)
        return exchange_refuse(why, 403, FORBIDDEN, "account is not allowed to short");
    if (e->marks[market_symbol_index(s->symbol)].unshortable)
        return exchange_refuse(why, 422, UNPROCESSABLE, "asset \"%s\" cannot be sold short",
                               market_symbol_name(s->symbol));
    return 0;
}

static int check_opening(struct exchange *e, const struct exchange_submission *s, struct exchange_refusal *why)
{
    const struct exchange_request *r = s->r;
    if (r->side == ORDER_SELL && check_short(e, s, why) != 0)
        return -1;
    struct money cost = r->notional;
    struct qty left = {r->qty.nanos - already(s)};
    bool fits = r->has_notional || notional_up(s->reserve_price, left, &cost);
    if (fits && cost.nanos < DECIMAL_ONE)
        return exchange_refuse(why, 403, FORBIDDEN, "cost basis must be >= minimal amount of order 1");
    if (fits && cost.nanos <= exchange_buying_power_least(e, e->now).nanos)
        return 0; // mostly: no need to value every position for every order
    struct exchange_account account = exchange_account_at(e, e->now);
    if (fits && cost.nanos <= account.buying_power.nanos)
        return 0;
    char text[DECIMAL_TEXT_MAX];
    exchange_refuse(why, 403, FORBIDDEN, "insufficient buying power");
    exchange_refusal_extra(why, "buying_power", decimal_format_places(account.buying_power.nanos, 2, text));
    exchange_refusal_extra(why, "cost_basis", fits ? decimal_format_places(cost.nanos, 2, text) : "too large to tell");
    return -1;
}

static int64_t trail_distance(const struct exchange_request *r, struct price p)
{
    int64_t distance = r->trail_price.price.nanos;
    if (r->has_trail_percent)
        CHECK(decimal_mul_up(p.nanos / 100, r->trail_percent.nanos, &distance));
    return distance;
}

// What an order is taken to cost while it is open: its limit, how far its stop may fill, or the far side of the quote;
// a short at least 3% above.
static struct price reserve_price(const struct exchange_submission *s)
{
    const struct exchange_request *r = s->r;
    struct price p = r->side == ORDER_BUY ? s->quote.ask : s->quote.bid;
    if (r->limit.given)
        p = r->limit.price;
    else if (r->stop.given && r->side == ORDER_BUY)
        p = exchange_stop_cap(r->side, r->stop.price);
    else if (r->type == ORDER_TRAILING_STOP && r->side == ORDER_BUY)
        p = exchange_stop_cap(r->side, (struct price){p.nanos + trail_distance(r, p)});
    int64_t floor = s->quote.ask.nanos / 100 * 103;
    if (r->side == ORDER_SELL && !s->closing && p.nanos < floor)
        p.nanos = floor;
    return p;
}

int exchange_check_account(struct exchange *e, struct exchange_submission *s, struct exchange_refusal *why)
{
    if (check_intent(e, s, why) != 0 || check_direction(s, why) != 0)
        return -1;
    market_quote(e->params.market, s->symbol, e->now, &s->quote);
    if (exchange_check_quote(s, why) != 0)
        return -1;
    s->reserve_price = reserve_price(s);
    if (check_wash(e, s, why) != 0)
        return -1;
    return s->closing ? check_available(e, s, why) : check_opening(e, s, why);
}

// The new order.

static void set_times(struct exchange *e, struct exchange_order *o, int64_t now)
{
    o->created_at = now > e->last_created ? now : e->last_created + 1;
    e->last_created = o->created_at;
    o->submitted_at = o->updated_at = o->created_at;
    o->next_at = exchange_order_times(e, o, o->created_at);
    struct market_session session;
    market_session_at(e->params.market, now, &session);
    bool open = o->extended_hours ? exchange_match_from(e, o, now) <= now : now >= session.open_ns;
    o->status = open ? ORDER_PENDING_NEW : ORDER_ACCEPTED;
}

static void set_words(struct exchange *e, struct exchange_order *o, const struct exchange_submission *s)
{
    const struct exchange_request *r = s->r;
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
    o->order_class = r->order_class;
    o->position_intent = s->intent;
    o->closing = s->closing;
    o->is_notional = r->has_notional;
    o->fractional = s->fractional;
    o->extended_hours = r->extended_hours;
}

static void set_amounts(struct exchange_order *o, const struct exchange_submission *s)
{
    const struct exchange_request *r = s->r;
    o->qty = r->has_qty ? r->qty : (struct qty){0};
    o->notional = r->has_notional ? r->notional : (struct money){0};
    o->limit_price = r->limit.given ? r->limit.price : (struct price){0};
    o->stop_price = r->stop.given ? r->stop.price : (struct price){0};
    o->trail_price = r->trail_price.given ? r->trail_price.price : (struct price){0};
    o->trail_percent = r->has_trail_percent ? r->trail_percent : (struct ratio){0};
    o->reserve_price = s->reserve_price;
    if (o->type == ORDER_TRAILING_STOP)
        exchange_trail_start(o, s->replaced != NULL ? s->replaced->hwm : s->quote.last);
}

struct exchange_order *exchange_order_create(struct exchange *e, const struct exchange_submission *s, int64_t now)
{
    struct exchange_order *o = exchange_order_add(e);
    set_words(e, o, s);
    set_amounts(o, s);
    set_times(e, o, now);
    exchange_order_index(e, o);
    return o;
}

int exchange_submit(struct exchange *e, const struct exchange_request *r, int64_t now,
                    const struct exchange_order **out, struct exchange_refusal *why)
{
    exchange_advance(e, now);
    struct exchange_request asked = *r;
    struct exchange_submission s = {.r = &asked};
    s.fractional = r->has_notional || (r->has_qty && r->qty.nanos % SHARE != 0);
    if (r->order_class == CLASS_OCO && r->take_profit.given)
        asked.limit = r->take_profit;
    if (e->settings.suspend_trade)
        return exchange_refuse(why, 403, FORBIDDEN, "new orders are rejected by user request");
    if (exchange_check_request(e, &s, why) != 0 || exchange_check_window(e, r->tif, now, why) != 0 ||
        exchange_check_account(e, &s, why) != 0)
        return -1;
    struct exchange_order *o = exchange_order_create(e, &s, now);
    exchange_book_add(e, o);
    exchange_reserve(e, o);
    exchange_order_schedule(e, o);
    exchange_event_emit(e, order_status_name(o->status), o, NULL, o->created_at);
    if (o->order_class != CLASS_SIMPLE)
        exchange_group_create(e, o, &asked);
    *out = o;
    return 0;
}
