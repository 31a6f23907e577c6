// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Alpaca's trading objects with every member that it always sends; decimals are strings.
#include <stdio.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

static const struct {
    const char *symbol, *exchange, *name;
} listings[] = {
    {"AAPL", "NASDAQ", "Apple Inc. Common Stock"},
    {"AMZN", "NASDAQ", "Amazon.com, Inc. Common Stock"},
    {"GLD", "ARCA", "SPDR Gold Shares"},
    {"GOOG", "NASDAQ", "Alphabet Inc. Class C Capital Stock"},
    {"IEF", "NASDAQ", "iShares 7-10 Year Treasury Bond ETF"},
    {"IWM", "ARCA", "iShares Russell 2000 ETF"},
    {"MSFT", "NASDAQ", "Microsoft Corporation Common Stock"},
    {"QQQ", "NASDAQ", "Invesco QQQ Trust, Series 1"},
    {"SPY", "ARCA", "SPDR S&P 500 ETF Trust"},
    {"TLT", "NASDAQ", "iShares 20+ Year Treasury Bond ETF"},
};

static const char *listing(const struct market_symbol *s, bool name)
{
    for (size_t i = 0; i < ARRAY_LEN(listings); i++)
        if (strcmp(listings[i].symbol, market_symbol_name(s)) == 0)
            return name ? listings[i].name : listings[i].exchange;
    return name ? market_symbol_name(s) : "NYSE";
}

static void put_when_or_null(struct json_out *o, const char *key, int64_t ns)
{
    if (ns == 0)
        json_put_null(o, key);
    else
        json_put_when(o, key, ns);
}

static void put_decimal_or_null(struct json_out *o, const char *key, bool present, int64_t nanos)
{
    if (present)
        json_put_decimal(o, key, nanos);
    else
        json_put_null(o, key);
}

// Of an order by its number; NULL, which becomes null, for 0.
static const char *id_of(const struct exchange *e, uint64_t number)
{
    return number == 0 ? NULL : exchange_order_at(e, (size_t)number - 1)->id;
}

static void put_times(struct json_out *o, const struct exchange *e, const struct exchange_order *order)
{
    json_put_when(o, "created_at", order->created_at);
    json_put_when(o, "updated_at", order->updated_at);
    json_put_when(o, "submitted_at", order->submitted_at);
    put_when_or_null(o, "filled_at", order->filled_at);
    put_when_or_null(o, "expired_at", order->expired_at);
    put_when_or_null(o, "expires_at", order->expires_at);
    put_when_or_null(o, "canceled_at", order->canceled_at);
    put_when_or_null(o, "failed_at", order->failed_at);
    put_when_or_null(o, "replaced_at", order->replaced_at);
    json_put_string(o, "replaced_by", id_of(e, order->replaced_by));
    json_put_string(o, "replaces", id_of(e, order->replaces));
}

static void put_amounts(struct json_out *o, const struct exchange_order *order)
{
    put_decimal_or_null(o, "notional", order->is_notional, order->notional.nanos);
    put_decimal_or_null(o, "qty", !order->is_notional, order->qty.nanos);
    json_put_decimal(o, "filled_qty", order->filled_qty.nanos);
    put_decimal_or_null(o, "filled_avg_price", order->filled_qty.nanos != 0, order->filled_avg_price.nanos);
}

static void put_kind(struct json_out *o, const struct exchange_order *order)
{
    json_put_string(o, "order_class", exchange_class_name(order->order_class));
    json_put_string(o, "order_type", order_type_name(order->type));
    json_put_string(o, "type", order_type_name(order->type));
    json_put_string(o, "side", order_side_name(order->side));
    json_put_string(o, "position_intent", order->position_intent);
    json_put_string(o, "time_in_force", order_tif_name(order->tif));
    put_decimal_or_null(o, "limit_price", order->limit_price.nanos != 0, order->limit_price.nanos);
    put_decimal_or_null(o, "stop_price", order->stop_price.nanos != 0, order->stop_price.nanos);
    json_put_string(o, "status", order_status_name(order->status));
    json_put_bool(o, "extended_hours", order->extended_hours);
}

static void put_legs(struct json_out *o, const struct exchange *e, const struct exchange_order *order, bool nested)
{
    if (!nested || order->leg_count == 0) {
        json_put_null(o, "legs");
        return;
    }
    json_key(o, "legs");
    json_array_begin(o);
    for (size_t i = 0; i < order->leg_count; i++)
        sim_json_order(o, e, exchange_order_at(e, (size_t)order->legs[i] - 1), false);
    json_array_end(o);
}

void sim_json_order(struct json_out *o, const struct exchange *e, const struct exchange_order *order, bool nested)
{
    json_object_begin(o);
    json_put_string(o, "id", order->id);
    json_put_string(o, "client_order_id", order->client_order_id);
    put_times(o, e, order);
    json_put_string(o, "asset_id", market_symbol_asset_id(order->symbol));
    json_put_string(o, "symbol", market_symbol_name(order->symbol));
    json_put_string(o, "asset_class", "us_equity");
    put_amounts(o, order);
    put_kind(o, order);
    put_legs(o, e, order, nested);
    put_decimal_or_null(o, "trail_percent", order->trail_percent.nanos != 0, order->trail_percent.nanos);
    put_decimal_or_null(o, "trail_price", order->trail_price.nanos != 0, order->trail_price.nanos);
    put_decimal_or_null(o, "hwm", order->hwm.nanos != 0, order->hwm.nanos);
    json_put_null(o, "subtag");
    json_put_null(o, "source");
    json_object_end(o);
}

void sim_json_fill(struct json_out *o, const struct exchange *e, const struct exchange_fill *f)
{
    const struct exchange_order *order = exchange_order_at(e, (size_t)f->order - 1);
    char seconds[WHEN_TEXT_MAX], time[WHEN_TEXT_MAX + 16];
    when_format(f->at / NS_PER_S * NS_PER_S, seconds);
    snprintf(time, sizeof time, "%.19s.%06dZ", seconds, (int)(f->at / 1000 % 1000000));
    json_object_begin(o);
    json_put_string(o, "activity_type", "FILL");
    json_put_string(o, "id", f->id);
    json_put_string(o, "type", f->partial ? "partial_fill" : "fill");
    json_put_string(o, "order_id", order->id);
    json_put_string(o, "order_status", order_status_name(f->order_status));
    json_put_string(o, "symbol", market_symbol_name(order->symbol));
    json_put_string(o, "side", order_side_name(order->side));
    json_put_decimal(o, "qty", f->qty.nanos);
    json_put_decimal(o, "price", f->price.nanos);
    json_put_decimal(o, "cum_qty", f->cum_qty.nanos);
    json_put_decimal(o, "leaves_qty", f->leaves_qty.nanos);
    json_put_string(o, "transaction_time", time);
    json_object_end(o);
}

static void put_opt_decimal(struct json_out *o, const char *key, int64_t nanos)
{
    if (nanos != 0)
        json_put_decimal(o, key, nanos);
}

void sim_json_nta(struct json_out *o, const struct exchange_nta *n)
{
    json_object_begin(o);
    json_put_string(o, "activity_type", n->type);
    if (n->sub_type != NULL)
        json_put_string(o, "activity_sub_type", n->sub_type);
    json_put_string(o, "id", n->id);
    json_key(o, "date");
    json_add_day(o, n->date);
    json_put_when(o, "created_at", n->at / 1000 * 1000);
    json_put_decimal(o, "net_amount", n->net_amount.nanos);
    if (n->symbol != NULL)
        json_put_string(o, "symbol", market_symbol_name(n->symbol));
    put_opt_decimal(o, "qty", n->qty.nanos);
    put_opt_decimal(o, "per_share_amount", n->per_share.nanos);
    json_put_string(o, "status", "executed");
    json_put_string(o, "currency", "USD");
    if (*n->group_id != '\0')
        json_put_string(o, "group_id", n->group_id);
    json_object_end(o);
}

static struct day session_before(struct market *m, int64_t now)
{
    struct day d = day_add(day_of(now), -1);
    struct market_session s;
    for (int i = 0; i < 14 && !market_day_session(m, d, &s); i++)
        d = day_add(d, -1);
    return d;
}

void sim_json_account(struct json_out *o, struct sim *s, const char *number, int64_t now)
{
    struct exchange_account a = exchange_account_at(s->exchange, now);
    const struct exchange_settings *set = exchange_settings(s->exchange);
    const struct exchange_params *p = exchange_params(s->exchange);
    int multiplier = exchange_multiplier(s->exchange);
    json_object_begin(o);
    json_put_string(o, "id", s->account_id);
    json_key(o, "admin_configurations");
    json_object_begin(o);
    json_object_end(o);
    json_put_null(o, "user_configurations");
    json_put_string(o, "account_number", number);
    json_put_string(o, "status", "ACTIVE");
    json_put_string(o, "crypto_status", "ACTIVE");
    json_put_int(o, "options_approved_level", 3);
    json_put_int(o, "options_trading_level", 3);
    json_put_string(o, "currency", "USD");
    json_put_decimal(o, "buying_power", a.buying_power.nanos);
    json_put_decimal(o, "regt_buying_power", a.regt_buying_power.nanos);
    json_put_decimal(o, "effective_buying_power", a.buying_power.nanos);
    json_put_decimal(o, "non_marginable_buying_power", a.non_marginable_buying_power.nanos);
    json_put_decimal(o, "options_buying_power", a.non_marginable_buying_power.nanos);
    json_put_decimal(o, "cash", a.cash.nanos);
    json_put_decimal(o, "accrued_fees", exchange_fees_pending(s->exchange).nanos);
    json_put_decimal(o, "portfolio_value", a.equity.nanos);
    json_put_bool(o, "trading_blocked", false);
    json_put_bool(o, "transfers_blocked", false);
    json_put_bool(o, "account_blocked", false);
    json_put_when(o, "created_at", s->started);
    json_put_bool(o, "trade_suspended_by_user", set->suspend_trade);
    json_put_string(o, "multiplier", multiplier == 1 ? "1" : multiplier == 2 ? "2" : "4");
    json_put_bool(o, "shorting_enabled", p->shorting && !set->no_shorting && multiplier > 1);
    json_put_decimal(o, "equity", a.equity.nanos);
    json_put_decimal(o, "last_equity", a.last_equity.nanos);
    json_put_decimal(o, "long_market_value", a.long_value.nanos);
    json_put_decimal(o, "short_market_value", a.short_value.nanos);
    json_put_decimal(o, "position_market_value", a.long_value.nanos - a.short_value.nanos);
    json_put_decimal(o, "initial_margin", a.initial_margin.nanos);
    json_put_decimal(o, "maintenance_margin", a.maintenance_margin.nanos);
    json_put_decimal(o, "last_maintenance_margin", a.last_maintenance_margin.nanos);
    json_put_decimal(o, "sma", a.last_equity.nanos);
    json_key(o, "balance_asof");
    json_add_day(o, session_before(s->market, now));
    json_put_int(o, "crypto_tier", 1);
    json_put_string(o, "intraday_adjustments", "0");
    json_put_decimal(o, "pending_reg_taf_fees", exchange_fees_pending(s->exchange).nanos);
    json_object_end(o);
}

static void put_ratio(struct json_out *o, const char *key, int64_t part, int64_t whole)
{
    int64_t ratio = 0;
    if (whole == 0 || !decimal_div_nearest(part, whole < 0 ? -whole : whole, &ratio))
        ratio = 0;
    json_put_decimal(o, key, ratio);
}

void sim_json_position(struct json_out *o, struct sim *s, const struct exchange_position *p, int64_t now)
{
    struct market_quote q;
    market_quote(s->market, p->symbol, now, &q);
    struct price last_close = market_last_close(s->market, p->symbol, now), entry = {0};
    struct money value = {0};
    bool whole =
        notional_nearest(q.last, p->qty, &value) && decimal_div_nearest(p->cost.nanos, p->qty.nanos, &entry.nanos);
    int64_t size = p->qty.nanos < 0 ? -p->qty.nanos : p->qty.nanos, free_qty = size - p->held.nanos;
    json_object_begin(o);
    json_put_string(o, "asset_id", market_symbol_asset_id(p->symbol));
    json_put_string(o, "symbol", market_symbol_name(p->symbol));
    json_put_string(o, "exchange", listing(p->symbol, false));
    json_put_string(o, "asset_class", "us_equity");
    json_put_bool(o, "asset_marginable", true);
    json_put_decimal(o, "qty", p->qty.nanos);
    json_put_decimal(o, "avg_entry_price", entry.nanos);
    json_put_string(o, "side", p->qty.nanos > 0 ? "long" : "short");
    put_decimal_or_null(o, "market_value", whole, value.nanos);
    json_put_decimal(o, "cost_basis", p->cost.nanos);
    json_put_decimal(o, "unrealized_pl", value.nanos - p->cost.nanos);
    put_ratio(o, "unrealized_plpc", value.nanos - p->cost.nanos, p->cost.nanos);
    json_put_decimal(o, "unrealized_intraday_pl", value.nanos - p->day_cost.nanos);
    put_ratio(o, "unrealized_intraday_plpc", value.nanos - p->day_cost.nanos, p->day_cost.nanos);
    json_put_decimal(o, "current_price", q.last.nanos);
    json_put_decimal(o, "lastday_price", last_close.nanos);
    put_ratio(o, "change_today", q.last.nanos - last_close.nanos, last_close.nanos);
    json_put_decimal(o, "qty_available", p->qty.nanos < 0 ? -free_qty : free_qty);
    json_object_end(o);
}

void sim_json_asset(struct json_out *o, struct sim *sim, const struct market_symbol *s)
{
    const struct exchange_marks *marks = exchange_marks(sim->exchange, s);
    json_object_begin(o);
    json_put_string(o, "id", market_symbol_asset_id(s));
    json_put_string(o, "class", "us_equity");
    json_put_string(o, "exchange", listing(s, false));
    json_put_string(o, "symbol", market_symbol_name(s));
    json_put_string(o, "name", listing(s, true));
    json_put_string(o, "status", marks->inactive ? "inactive" : "active");
    json_put_bool(o, "tradable", !marks->untradable && !marks->inactive);
    json_put_bool(o, "marginable", true);
    json_put_bool(o, "shortable", !marks->unshortable);
    json_put_bool(o, "easy_to_borrow", !marks->unshortable);
    json_put_string(o, "borrow_status", marks->unshortable ? "hard_to_borrow" : "easy_to_borrow");
    json_put_bool(o, "fractionable", !marks->unfractionable);
    json_put_int(o, "maintenance_margin_requirement", 30);
    json_put_string(o, "margin_requirement_long", "30");
    json_put_string(o, "margin_requirement_short", "30");
    json_key(o, "attributes");
    json_array_begin(o);
    json_array_end(o);
    json_object_end(o);
}

const char *sim_exchange_name(const struct market_symbol *s)
{
    return listing(s, false);
}

static void put_clock_time(struct json_out *o, const char *key, const char *between, int seconds)
{
    char text[32];
    int minutes = seconds >= 86400 ? 86399 / 60 : seconds / 60; // midnight at the end of a day is written 23:59
    snprintf(text, sizeof text, "%02d%s%02d", minutes / 60, between, minutes % 60);
    json_put_string(o, key, text);
}

void sim_json_calendar_day(struct json_out *o, const struct market *m, const struct market_session *s)
{
    struct market_session settlement;
    market_session_after(m, s, &settlement);
    int open_s, close_s;
    market_extended(m, s, &open_s, &close_s);
    json_object_begin(o);
    json_key(o, "date");
    json_add_day(o, s->date);
    put_clock_time(o, "open", ":", s->open_s);
    put_clock_time(o, "close", ":", s->close_s);
    put_clock_time(o, "session_open", "", open_s);
    put_clock_time(o, "session_close", "", close_s);
    json_key(o, "settlement_date");
    json_add_day(o, settlement.date);
    json_object_end(o);
}

void sim_json_clock(struct json_out *o, struct market *m, int64_t now)
{
    char text[WHEN_TEXT_MAX];
    struct market_session s, next;
    market_session_at(m, now, &s);
    market_session_after(m, &s, &next);
    bool open = now >= s.open_ns;
    json_object_begin(o);
    json_put_string(o, "timestamp", when_format_ny(now, text));
    json_put_bool(o, "is_open", open);
    json_put_string(o, "next_open", when_format_ny(open ? next.open_ns : s.open_ns, text));
    json_put_string(o, "next_close", when_format_ny(s.close_ns, text));
    json_object_end(o);
}
