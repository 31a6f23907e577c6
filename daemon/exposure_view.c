// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What is asked of the exposure: the view that risk judges an order over, and lookups.
#include <string.h>

#include "daemon/exposure_internal.h"

#define ADV_HOLDS_DAYS 7

bool symbol_price(const struct symbol *s, struct price *price, int64_t *wall_ns, int64_t *boot_ns)
{
    struct price from_quote = s->quote.ask.nanos > 0 ? s->quote.ask : s->quote.bid;
    if (s->quote_known && from_quote.nanos > 0 && (!s->trade_known || s->quote_boot_ns >= s->trade_boot_ns)) {
        *price = from_quote;
        *wall_ns = s->quote.at;
        *boot_ns = s->quote_boot_ns;
        return true;
    }
    if (!s->trade_known || s->trade.price.nanos <= 0)
        return false;
    *price = s->trade.price;
    *wall_ns = s->trade.at;
    *boot_ns = s->trade_boot_ns;
    return true;
}

struct price symbol_reference(const struct symbol *s)
{
    struct price price = {0};
    int64_t wall, boot, bid = s->quote.bid.nanos, ask = s->quote.ask.nanos;
    if (!symbol_price(s, &price, &wall, &boot))
        return (struct price){0};
    bool quote = s->quote_known && ask > 0 && bid > 0 && boot == s->quote_boot_ns && price.nanos == ask;
    return quote ? (struct price){ask > bid ? bid + (ask - bid) / 2 : ask + (bid - ask) / 2} : price;
}

// The lowest of the prices known: so many shares a sell in dollars may need.
static bool low_price(const struct symbol *s, int64_t *out)
{
    const int64_t known[] = {s->trade.price.nanos, s->quote.bid.nanos, s->quote.ask.nanos}; // zero: not known
    *out = 0;
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i] > 0 && (*out == 0 || known[i] < *out))
            *out = known[i];
    return *out > 0;
}

// Shares that are being sold already. Of a sell in dollars without a price nobody knows how many: all that is held.
bool symbol_being_sold(const struct symbol *s, struct qty *out)
{
    struct qty shares;
    int64_t price;
    *out = s->open_sell;
    if (s->open_sell_notional.nanos == 0)
        return true;
    if (!low_price(s, &price) || !decimal_div_up(s->open_sell_notional.nanos, price, &shares.nanos)) {
        out->nanos = s->held.nanos > s->open_sell.nanos ? s->held.nanos : s->open_sell.nanos;
        return true;
    }
    return qty_add(s->open_sell, shares, out);
}

static enum risk_hours hours_at(const struct exposure_session *h, int64_t now)
{
    if (!h->known || now > h->until_ns)
        return RISK_HOURS_UNKNOWN;
    if (now < h->extended_open_ns || now >= h->extended_close_ns)
        return RISK_HOURS_CLOSED;
    return now >= h->open_ns && now < h->close_ns ? RISK_HOURS_REGULAR : RISK_HOURS_EXTENDED;
}

static void prices_view(const struct symbol *s, int64_t now_boot_ns, struct risk_view *v)
{
    v->reference = symbol_reference(s);
    if (s->quote_known) {
        v->bid = s->quote.bid;
        v->ask = s->quote.ask;
        v->quote_age_ns = now_boot_ns - s->quote_boot_ns;
        v->quote_known = true;
    }
    if (s->trade_known) {
        v->traded = s->trade.price;
        v->traded_age_ns = now_boot_ns - s->trade_boot_ns;
    }
    v->before = s->before;
    v->before_age_ns = now_boot_ns - s->before_boot_ns;
}

// An open buy may fill before a short is covered and an open sell before a long is bought: each side at its worst.
static bool sums_view(const struct sums *s, struct risk_view *v)
{
    struct money longs, shorts;
    return money_add(s->longs, s->open_buys, &longs) && money_add(s->shorts, s->open_shorts, &shorts) &&
           money_add(longs, shorts, &v->gross) && money_sub(longs, s->shorts, &v->net_long) &&
           money_sub(shorts, s->longs, &v->net_short);
}

// False: of a session that nobody counts any more.
static bool usage_view(const struct exposure *e, struct day session, struct risk_view *v)
{
    for (size_t i = 0; i < ARRAY_LEN(e->days); i++)
        if (day_compare(session, e->days[i].session) == 0) {
            v->orders_in_day = e->days[i].usage.orders;
            v->notional_in_day = e->days[i].usage.notional;
            return true;
        }
    return day_compare(session, e->days[0].session) > 0; // a new one: nothing yet
}

bool exposure_view(const struct exposure *e, const struct order_request *order, const char *run_id, struct day session,
                   int64_t now_boot_ns, struct risk_view *out)
{
    static const struct symbol none;
    const struct symbol *s = map_get(e->symbols, order->symbol);
    if (!s)
        s = &none;
    if (e->overflow)
        return false;
    struct risk_view v = {
        .account_known = e->account_known && e->positions_known,
        .equity = e->account.equity,
        .account_age_ns =
            now_boot_ns - (e->account_boot_ns < e->positions_boot_ns ? e->account_boot_ns : e->positions_boot_ns),
        .asset_known = s->asset_known,
        .tradable = s->asset.tradable && strcmp(s->asset.status, "active") == 0,
        .fractionable = s->asset.fractionable,
        .adv = day_compare(session, day_add(s->adv_day, ADV_HOLDS_DAYS)) <= 0 ? s->adv : (struct qty){0},
        .held = s->held,
        .open_buy_qty = s->open_buy,
        .quarantined = s->foreign,
        .gross_known = e->gross_unknown == 0,
        .now_wall_ns = e->hours.known ? now_boot_ns + e->hours.wall_ns : 0,
        .hours = hours_at(&e->hours, now_boot_ns),
        .open_buys = e->open_buys,
        .orders_in_run = str_equal(run_id, e->run_id) ? e->run_orders : 0,
    };
    if (!usage_view(e, session, &v))
        return false;
    int64_t wall, boot = 0;
    v.price_known = symbol_price(s, &v.price, &wall, &boot);
    v.price_age_ns = v.price_known ? now_boot_ns - boot : 0;
    prices_view(s, now_boot_ns, &v);
    beside_view(s, &v);
    if (!money_sub(e->account.cash, e->cash_spent, &v.cash) || !sums_view(&e->sums, &v))
        return false;
    if (!symbol_being_sold(s, &v.open_sell_qty) || (order->side == ORDER_BUY && !qty_add(v.held, s->bought, &v.held)))
        return false;
    *out = v;
    return true;
}

bool exposure_view_intent(const struct exposure *e, const struct intent *intent, int64_t now_boot_ns,
                          struct risk_view *out)
{
    const struct symbol *s = map_get(e->symbols, intent->order.symbol);
    if (!exposure_view(e, &intent->order, intent->run_id, intent->session, now_boot_ns, out))
        return false;
    out->decided = intent->decision_price;
    strategy_view(e, intent, (struct money){0}, out);
    if (s)
        beside_alike(s, intent, now_boot_ns, out);
    return true;
}

bool exposure_view_again(const struct exposure *e, const struct intent *intent, int64_t now_boot_ns,
                         struct risk_view *out)
{
    const struct reservation *r = map_get(e->reservations, intent->order.client_order_id);
    struct risk_view v;
    if (!exposure_view(e, &intent->order, intent->run_id, intent->session, now_boot_ns, &v))
        return false;
    if (r) {
        struct symbol others = *(const struct symbol *)map_get(e->symbols, intent->order.symbol);
        bool buy = intent->order.side == ORDER_BUY;
        struct qty bought = {buy ? r->open.nanos : 0}, sold = {buy ? 0 : r->open.nanos};
        if (!qty_sub(v.open_buy_qty, bought, &v.open_buy_qty) || !qty_sub(others.open_sell, sold, &others.open_sell) ||
            !money_sub(others.open_sell_notional, r->notional, &others.open_sell_notional) ||
            !symbol_being_sold(&others, &v.open_sell_qty) || !money_sub(v.open_buys, r->open_value, &v.open_buys) ||
            !money_sub(v.gross, r->open_value, &v.gross) || !money_sub(v.net_long, r->open_value, &v.net_long))
            return false;
        if (!ahead_view(e, &others, &v))
            return false;
        v.orders_in_run -= v.orders_in_run > 0;
        v.orders_in_day -= v.orders_in_day > 0;
        if (v.notional_in_day.nanos >= r->intent.reserved.nanos)
            v.notional_in_day.nanos -= r->intent.reserved.nanos;
    }
    strategy_view(e, intent, r ? r->open_value : (struct money){0}, &v);
    *out = v;
    return true;
}

bool exposure_settled(const struct exposure *e)
{
    return e->account_known && e->positions_known && e->account_boot_ns >= e->filled_boot_ns &&
           e->positions_boot_ns >= e->filled_boot_ns;
}

bool exposure_account(const struct exposure *e, struct alpaca_account *out, int64_t *boot_ns)
{
    if (!e->account_known)
        return false;
    *out = e->account;
    *boot_ns = e->account_boot_ns;
    return true;
}

bool exposure_asset(const struct exposure *e, const char *symbol, struct alpaca_asset *out)
{
    const struct symbol *s = map_get(e->symbols, symbol);
    if (!s || !s->asset_known)
        return false;
    *out = s->asset;
    return true;
}

bool exposure_asset_due(const struct exposure *e, const char *symbol, struct day today)
{
    const struct symbol *s = map_get(e->symbols, symbol);
    return !s || !s->asset_known || day_compare(s->asset_day, today) != 0;
}

bool exposure_adv_due(const struct exposure *e, const char *symbol, struct day today)
{
    const struct symbol *s = map_get(e->symbols, symbol);
    return !s || day_compare(s->adv_day, today) != 0;
}

bool exposure_price(const struct exposure *e, const char *symbol, struct price *out, int64_t *at_wall_ns,
                    int64_t *boot_ns)
{
    const struct symbol *s = map_get(e->symbols, symbol);
    return s && symbol_price(s, out, at_wall_ns, boot_ns);
}

bool exposure_quote(const struct exposure *e, const char *symbol, struct alpaca_quote *out)
{
    const struct symbol *s = map_get(e->symbols, symbol);
    if (!s || !s->quote_known)
        return false;
    *out = s->quote;
    return true;
}

size_t exposure_positions(const struct exposure *e, const struct alpaca_position **out)
{
    *out = e->positions;
    return e->position_count;
}

struct money exposure_gross(const struct exposure *e, bool *known)
{
    struct risk_view v = {0};
    *known = e->positions_known && e->gross_unknown == 0 && !e->overflow && sums_view(&e->sums, &v);
    return v.gross;
}
