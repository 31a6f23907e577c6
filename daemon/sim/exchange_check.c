// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What is refused of a request whatever the account looks like, in Alpaca's own words and codes: amounts, prices,
// time in force, order classes, the asset.
#include <string.h>

#include "daemon/sim/exchange_internal.h"

#define TRAIL_PERCENT_MIN (DECIMAL_ONE / 10)
#define PRICE_MAX_DOLLARS 100000000 // sums and shares of such prices still fit

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

// Prices.

// `words` names it to the reader ("limit price"), `name` as a member ("limit_price").
static int check_price(const struct exchange_price *p, const char *words, const char *name,
                       struct exchange_refusal *why)
{
    char text[DECIMAL_TEXT_MAX];
    if (!p->given)
        return 0;
    if (p->price.nanos <= 0)
        return exchange_refuse(why, 422, BAD_REQUEST, "%s must be > 0", words);
    if (p->price.nanos > PRICE_MAX_DOLLARS * DECIMAL_ONE)
        return exchange_refuse(why, 422, BAD_REQUEST, "%s must be <= %d", words, PRICE_MAX_DOLLARS);
    int64_t step = p->price.nanos >= DECIMAL_ONE ? CENT_NANOS : CENT_NANOS / 100;
    if (p->price.nanos % step != 0)
        return exchange_refuse(why, 422, UNPROCESSABLE,
                               "invalid %s %s. sub-penny increment does not fulfill minimum pricing criteria", name,
                               decimal_format(p->price.nanos, text));
    return 0;
}

static int check_trail(const struct exchange_request *r, struct exchange_refusal *why)
{
    if (r->trail_price.given == r->has_trail_percent)
        return exchange_refuse(why, 422, BAD_REQUEST,
                               "trailing stop orders must specify one of trail_price or trail_percent");
    if (r->has_trail_percent && r->trail_percent.nanos < TRAIL_PERCENT_MIN)
        return exchange_refuse(why, 422, BAD_REQUEST, "trail_percent must be >= 0.1");
    if (r->has_trail_percent && r->trail_percent.nanos >= 100 * DECIMAL_ONE)
        return exchange_refuse(why, 422, BAD_REQUEST, "trail_percent must be < 100");
    return check_price(&r->trail_price, "trail price", "trail_price", why);
}

static int check_presence(const struct exchange_request *r, struct exchange_refusal *why)
{
    bool limit = r->limit.given, stop = r->stop.given;
    const char *text = NULL;
    if (r->type == ORDER_MARKET && (limit || stop))
        text = "market orders require no stop or limit price";
    else if (r->type == ORDER_LIMIT && !limit)
        text = "limit orders require a limit price";
    else if (r->type == ORDER_LIMIT && stop)
        text = "limit orders require no stop price";
    else if (r->type == ORDER_STOP && !stop)
        text = "stop orders require a stop price";
    else if (r->type == ORDER_STOP && limit)
        text = "stop orders require no limit price";
    else if (r->type == ORDER_STOP_LIMIT && (!limit || !stop))
        text = "stop limit orders require both stop and limit price";
    else if (r->type == ORDER_TRAILING_STOP && (limit || stop))
        text = "trailing stop orders require no stop or limit price";
    return text == NULL ? 0 : exchange_refuse(why, 422, BAD_REQUEST, "%s", text);
}

static int check_prices(const struct exchange_request *r, struct exchange_refusal *why)
{
    if (check_presence(r, why) != 0)
        return -1;
    if (r->type == ORDER_TRAILING_STOP && check_trail(r, why) != 0)
        return -1;
    if (check_price(&r->limit, "limit price", "limit_price", why) != 0 ||
        check_price(&r->stop, "stop price", "stop_price", why) != 0 ||
        check_price(&r->take_profit, "take_profit.limit_price", "take_profit.limit_price", why) != 0 ||
        check_price(&r->stop_loss, "stop_loss.stop_price", "stop_loss.stop_price", why) != 0)
        return -1;
    return check_price(&r->stop_loss_limit, "stop_loss.limit_price", "stop_loss.limit_price", why);
}

// Kinds.

static int check_class(const struct exchange_request *r, struct exchange_refusal *why)
{
    const char *name = exchange_class_name(r->order_class);
    bool market_or_limit = r->type == ORDER_MARKET || r->type == ORDER_LIMIT;
    if (r->order_class == CLASS_MLEG)
        return exchange_refuse(why, 422, UNPROCESSABLE, "mleg orders are for options, which this simulator lacks");
    if (r->order_class == CLASS_SIMPLE && (r->has_take_profit || r->has_stop_loss))
        return exchange_refuse(why, 422, BAD_REQUEST,
                               "take_profit and stop_loss require the order_class bracket, oco or oto");
    if (r->order_class == CLASS_SIMPLE)
        return 0;
    if (r->order_class == CLASS_OCO && r->type != ORDER_LIMIT)
        return exchange_refuse(why, 422, BAD_REQUEST, "oco orders must be limit orders");
    if (!market_or_limit)
        return exchange_refuse(why, 422, BAD_REQUEST, "%s orders must be market or limit orders", name);
    if (r->tif != TIF_DAY && r->tif != TIF_GTC)
        return exchange_refuse(why, 422, UNPROCESSABLE, "%s orders must be DAY or GTC orders", name);
    if (r->extended_hours)
        return exchange_refuse(why, 422, UNPROCESSABLE, "%s orders are not allowed in extended hours", name);
    if (r->order_class == CLASS_OTO && r->take_profit.given == r->stop_loss.given)
        return exchange_refuse(why, 422, BAD_REQUEST,
                               "oto orders require one of take_profit.limit_price or stop_loss.stop_price");
    if (r->order_class != CLASS_OTO && !r->take_profit.given)
        return exchange_refuse(why, 422, BAD_REQUEST, "%s orders require take_profit.limit_price", name);
    if (r->order_class != CLASS_OTO && !r->stop_loss.given)
        return exchange_refuse(why, 422, BAD_REQUEST, "%s orders require stop_loss.stop_price", name);
    return 0;
}

static int check_fractional(const struct exchange_request *r, struct exchange_refusal *why)
{
    if (r->order_class != CLASS_SIMPLE)
        return exchange_refuse(why, 422, UNPROCESSABLE, "fractional orders must be simple orders");
    if (r->tif != TIF_DAY)
        return exchange_refuse(why, 422, UNPROCESSABLE, "fractional orders must be DAY orders");
    if (r->type == ORDER_TRAILING_STOP)
        return exchange_refuse(why, 422, UNPROCESSABLE, "fractional orders cannot be trailing stop orders");
    if (r->has_notional && r->type != ORDER_MARKET && r->type != ORDER_LIMIT)
        return exchange_refuse(why, 422, UNPROCESSABLE, "notional orders must be market or limit orders");
    return 0;
}

static int check_kind(const struct exchange_request *r, bool fractional, struct exchange_refusal *why)
{
    if (fractional && check_fractional(r, why) != 0)
        return -1;
    if (check_class(r, why) != 0)
        return -1;
    if (r->extended_hours && (r->type != ORDER_LIMIT || (r->tif != TIF_DAY && r->tif != TIF_GTC)))
        return exchange_refuse(why, 422, UNPROCESSABLE, "extended hours order must be DAY or GTC limit orders");
    bool stops = r->type != ORDER_MARKET && r->type != ORDER_LIMIT;
    if (stops && r->tif != TIF_DAY && r->tif != TIF_GTC)
        return exchange_refuse(why, 422, UNPROCESSABLE, "%s orders must be DAY or GTC orders",
                               order_type_name(r->type));
    return 0;
}

// The asset.

static int check_asset(struct exchange *e, const struct exchange_submission *s, struct exchange_refusal *why)
{
    const struct exchange_marks *m = &e->marks[market_symbol_index(s->symbol)];
    const char *name = market_symbol_name(s->symbol);
    if (m->inactive)
        return exchange_refuse(why, 422, BAD_REQUEST, "asset %s is not active", name);
    if (m->untradable)
        return exchange_refuse(why, 422, UNPROCESSABLE, "asset \"%s\" is not tradable", name);
    if (s->fractional && !e->settings.fractional_trading)
        return exchange_refuse(why, 403, FORBIDDEN, "fractional trading is disabled for this account");
    if (s->fractional && m->unfractionable)
        return exchange_refuse(why, 403, FORBIDDEN, "asset \"%s\" is not fractionable", name);
    return 0;
}

int exchange_check_request(struct exchange *e, struct exchange_submission *s, struct exchange_refusal *why)
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
    return check_asset(e, s, why);
}

// Prices that stand in relation to each other and to the quote.

static int refuse_distance(const char *member, bool above, struct price base, struct exchange_refusal *why)
{
    char text[DECIMAL_TEXT_MAX];
    exchange_refuse(why, 422, UNPROCESSABLE, "%s must be %s= base_price %s 0.01", member, above ? ">" : "<",
                    above ? "+" : "-");
    exchange_refusal_extra(why, "base_price", decimal_format(base.nanos, text));
    return -1;
}

static int check_exits(const struct exchange_request *r, struct price last, struct exchange_refusal *why)
{
    bool oco = r->order_class == CLASS_OCO, selling = (r->side == ORDER_SELL) == oco; // the exits sell
    struct price base = r->type == ORDER_LIMIT && !oco ? r->limit.price : last;
    int64_t profit = r->take_profit.price.nanos, loss = r->stop_loss.price.nanos, cent = CENT_NANOS;
    if (oco && (selling ? profit <= loss : profit >= loss))
        return exchange_refuse(why, 422, UNPROCESSABLE, "take_profit.limit_price must be %s stop_loss.stop_price",
                               selling ? ">" : "<");
    if (!oco && r->take_profit.given && (selling ? profit < base.nanos + cent : profit > base.nanos - cent))
        return refuse_distance("take_profit.limit_price", selling, base, why);
    if (r->stop_loss.given && (selling ? loss > base.nanos - cent : loss < base.nanos + cent))
        return refuse_distance("stop_loss.stop_price", !selling, base, why);
    return 0;
}

int exchange_check_quote(const struct exchange_submission *s, struct exchange_refusal *why)
{
    const struct exchange_request *r = s->r;
    int64_t last = s->quote.last.nanos;
    if (r->stop.given && r->side == ORDER_SELL && r->stop.price.nanos >= last)
        return exchange_refuse(why, 422, UNPROCESSABLE, "stop price must be less than current price");
    if (r->stop.given && r->side == ORDER_BUY && r->stop.price.nanos <= last)
        return exchange_refuse(why, 422, UNPROCESSABLE, "stop price must be greater than current price");
    return r->order_class == CLASS_SIMPLE ? 0 : check_exits(r, s->quote.last, why);
}
