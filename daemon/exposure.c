// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Per symbol: asset, trade, quote, position and open orders. Sums over all symbols are kept as they change, so judging
// one order costs the same with one open order as with a thousand.
#include "daemon/exposure.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/map.h"

#define READS_LAG_NS (10 * NS_PER_S) // of the broker's, behind what happened

struct symbol {
    char name[SYMBOL_MAX];
    bool asset_known, trade_known, quote_known;
    struct alpaca_asset asset;
    struct alpaca_trade trade;
    struct alpaca_quote quote;
    int64_t trade_boot_ns, quote_boot_ns; // when the price was true, on the boot clock
    struct qty held;                      // as read, less what was sold since
    struct qty bought;       // since the read, which may have it already: counts as held, but is not there to be sold
    int64_t listed_boot_ns;  // the newest read of positions that has it
    int64_t omitted_boot_ns; // the first since then that has not; 0: none
    struct qty open_buy, open_sell;
    struct money open_buy_value, open_sell_notional;
    int64_t foreign, unpriced; // open orders that are not ours; of them buys that nobody knows the value of
    // What this symbol adds to the account's gross exposure; UNKNOWN counts in unknown_gross instead.
    struct money gross;
    bool gross_unknown;
};

struct reservation {
    struct intent intent;
    struct qty filled;
    struct qty open;         // still unfilled
    struct money open_value; // of a buy
    struct money notional;   // of a sell in dollars: all of it until it ends, its shares are those of the moment
    bool foreign, unpriced;  // not ours; its value is not known
    int64_t filled_boot_ns;  // of a buy in dollars, whose cash is only told apart by a read of the account
};

struct exposure {
    struct map *symbols, *reservations;
    bool account_known, positions_known;
    struct alpaca_account account;
    int64_t account_boot_ns, positions_boot_ns;
    int64_t filled_boot_ns;  // when the newest fill was heard of
    struct money cash_spent; // by fills since the account was read
    struct alpaca_position *positions;
    size_t position_count;
    struct money gross, open_buys;
    size_t gross_unknown; // symbols held without a price
    bool overflow;        // a sum did not fit: everything is UNKNOWN until the next start
    struct day session;
    struct day_usage usage;
    char run_id[RUN_ID_MAX];
    int64_t run_orders;
};

struct exposure *exposure_new(void)
{
    struct exposure *e = check_alloc(1, sizeof *e);
    e->symbols = map_new();
    e->reservations = map_new();
    return e;
}

static void free_values(struct map *m)
{
    size_t cursor = 0;
    const char *key;
    void *value;
    while (map_each(m, &cursor, &key, &value))
        free(value);
    map_free(m);
}

void exposure_free(struct exposure *e)
{
    if (!e)
        return;
    free_values(e->symbols);
    free_values(e->reservations);
    free(e->positions);
    free(e);
}

static struct symbol *symbol_of(struct exposure *e, const char *name)
{
    struct symbol *s = map_get(e->symbols, name);
    if (!s) {
        s = check_alloc(1, sizeof *s);
        str_copy_cut(s->name, sizeof s->name, name);
        map_put(e->symbols, name, s);
    }
    return s;
}

// The fresher of trade and quote; of a quote the side that is dearer for who holds or buys (the ask), else the bid.
static bool symbol_price(const struct symbol *s, struct price *price, int64_t *wall_ns, int64_t *boot_ns)
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

// Recomputes what the symbol adds to the sums.
static void symbol_changed(struct exposure *e, struct symbol *s)
{
    struct money gross = {0};
    struct price price = {0};
    int64_t wall, boot;
    bool unknown = false, fits = true;
    struct qty all;
    fits = qty_add(s->held, s->bought, &all);
    if (fits && all.nanos != 0) {
        struct qty size = {all.nanos < 0 ? -all.nanos : all.nanos};
        unknown = !symbol_price(s, &price, &wall, &boot);
        fits = unknown || notional_up(price, size, &gross);
    }
    unknown = unknown || s->unpriced > 0;
    fits = fits && money_add(gross, s->open_buy_value, &gross);
    fits = fits && money_sub(e->gross, s->gross, &e->gross) && money_add(e->gross, gross, &e->gross);
    if (!fits)
        e->overflow = true;
    else
        s->gross = gross;
    e->gross_unknown += (size_t)unknown;
    e->gross_unknown -= (size_t)s->gross_unknown;
    s->gross_unknown = unknown;
}

void exposure_set_account(struct exposure *e, const struct alpaca_account *a, int64_t asked_boot_ns)
{
    if (asked_boot_ns < e->filled_boot_ns || asked_boot_ns < e->account_boot_ns)
        return;
    e->account = *a;
    e->account_known = true;
    e->account_boot_ns = asked_boot_ns;
    e->cash_spent = (struct money){0};
}

// A position that one read leaves out is not a flat one: reads may lag. What fills did not sell counts as held for a
// buy, and is not there for a sell, until it was missing for longer than that.
static void omit(struct symbol *s, int64_t asked_boot_ns)
{
    struct qty all = {0};
    bool fits = qty_add(s->held, s->bought, &all);
    if (!s->omitted_boot_ns)
        s->omitted_boot_ns = asked_boot_ns;
    bool flat = all.nanos == 0 || asked_boot_ns - s->omitted_boot_ns > READS_LAG_NS;
    s->held = (struct qty){0};
    if (flat || !fits)
        all = (struct qty){0};
    s->bought = all;
    if (flat)
        s->omitted_boot_ns = 0;
}

void exposure_set_positions(struct exposure *e, const struct alpaca_position *p, size_t count, int64_t asked_boot_ns)
{
    size_t cursor = 0;
    const char *key;
    void *value;
    if (asked_boot_ns < e->filled_boot_ns || asked_boot_ns < e->positions_boot_ns)
        return;
    free(e->positions);
    e->positions = check_alloc(count ? count : 1, sizeof *p);
    if (count)
        memcpy(e->positions, p, count * sizeof *p);
    e->position_count = count;
    e->positions_known = true;
    e->positions_boot_ns = asked_boot_ns;
    for (size_t i = 0; i < count; i++) {
        struct symbol *s = symbol_of(e, p[i].symbol);
        s->held = p[i].qty;
        s->bought = (struct qty){0};
        s->listed_boot_ns = asked_boot_ns;
        s->omitted_boot_ns = 0;
        if (!s->trade_known && p[i].current_price.nanos > 0) { // better than nothing; its age is that of the read
            s->trade.price = p[i].current_price;
            s->trade_boot_ns = asked_boot_ns;
            s->trade_known = true;
        }
    }
    while (map_each(e->symbols, &cursor, &key, &value)) {
        struct symbol *s = value;
        if (s->listed_boot_ns != asked_boot_ns)
            omit(s, asked_boot_ns);
        symbol_changed(e, s);
    }
}

// The boot clock's reading when a price with wall time `at` was true; a time ahead of ours counts as now.
static int64_t boot_time_of(int64_t at, int64_t now_boot_ns, int64_t now_wall_ns)
{
    int64_t age = now_wall_ns - at;
    return now_boot_ns - (age > 0 ? age : 0);
}

void exposure_set_trade(struct exposure *e, const struct alpaca_trade *t, int64_t now_boot_ns, int64_t now_wall_ns)
{
    struct symbol *s = symbol_of(e, t->symbol);
    s->trade = *t;
    s->trade_known = true;
    s->trade_boot_ns = boot_time_of(t->at, now_boot_ns, now_wall_ns);
    symbol_changed(e, s);
}

void exposure_set_quote(struct exposure *e, const struct alpaca_quote *q, int64_t now_boot_ns, int64_t now_wall_ns)
{
    struct symbol *s = symbol_of(e, q->symbol);
    s->quote = *q;
    s->quote_known = true;
    s->quote_boot_ns = boot_time_of(q->at, now_boot_ns, now_wall_ns);
    symbol_changed(e, s);
}

void exposure_set_asset(struct exposure *e, const struct alpaca_asset *a)
{
    struct symbol *s = symbol_of(e, a->symbol);
    s->asset = *a;
    s->asset_known = true;
}

void exposure_set_usage(struct exposure *e, struct day session, struct day_usage usage)
{
    e->session = session;
    e->usage = usage;
}

void exposure_set_run(struct exposure *e, const char *run_id, int64_t orders)
{
    str_copy_cut(e->run_id, sizeof e->run_id, run_id);
    e->run_orders = orders;
}

// Moves a reservation's open part to what is left after `filled`.
static void reservation_set(struct exposure *e, struct reservation *r, struct qty filled, bool ended)
{
    struct symbol *s = symbol_of(e, r->intent.order.symbol);
    bool buy = r->intent.order.side == ORDER_BUY;
    struct qty total = r->intent.order.qty;
    struct qty open = {0};
    struct money value = {0}, notional = {0};
    bool fits = true;
    if (!ended && !buy && total.nanos == 0)
        notional = r->intent.order.notional;
    if (!ended && total.nanos > 0 && filled.nanos < total.nanos)
        open = (struct qty){total.nanos - filled.nanos};
    if (!ended && buy) {
        value = r->intent.reserved; // a notional order keeps all of it until it ends
        struct ratio left = {0};
        if (total.nanos > 0)
            fits = decimal_div_up(open.nanos, total.nanos, &left.nanos) &&
                   decimal_mul_up(r->intent.reserved.nanos, left.nanos, &value.nanos);
    }
    struct qty *side = buy ? &s->open_buy : &s->open_sell;
    fits = fits && qty_sub(*side, r->open, side) && qty_add(*side, open, side);
    fits = fits && money_sub(s->open_buy_value, r->open_value, &s->open_buy_value) &&
           money_add(s->open_buy_value, value, &s->open_buy_value) &&
           money_sub(s->open_sell_notional, r->notional, &s->open_sell_notional) &&
           money_add(s->open_sell_notional, notional, &s->open_sell_notional) &&
           money_sub(e->open_buys, r->open_value, &e->open_buys) && money_add(e->open_buys, value, &e->open_buys);
    if (!fits)
        e->overflow = true;
    r->open = open;
    r->open_value = value;
    r->notional = notional;
    r->filled = filled;
    symbol_changed(e, s);
}

// By so many orders like this one, in the session it belongs to.
static void usage_changes(struct exposure *e, const struct intent *intent, int sign)
{
    struct money *notional = &e->usage.notional;
    if (day_compare(e->session, intent->session) != 0)
        return;
    e->usage.orders += sign;
    if (!(sign > 0 ? money_add(*notional, intent->reserved, notional)
                   : money_sub(*notional, intent->reserved, notional)))
        e->overflow = true;
}

static void count_usage(struct exposure *e, const struct intent *intent)
{
    if (day_compare(e->session, intent->session) != 0) {
        e->session = intent->session;
        e->usage = (struct day_usage){0};
    }
    usage_changes(e, intent, 1);
    if (!intent->run_id[0])
        return; // outside a run: must not make the count of the run under way begin anew
    if (!str_equal(e->run_id, intent->run_id)) {
        str_copy_cut(e->run_id, sizeof e->run_id, intent->run_id);
        e->run_orders = 0;
    }
    e->run_orders++;
}

static struct reservation *reserve(struct exposure *e, const struct intent *intent)
{
    if (map_get(e->reservations, intent->order.client_order_id))
        return NULL;
    struct reservation *r = check_alloc(1, sizeof *r);
    r->intent = *intent;
    map_put(e->reservations, intent->order.client_order_id, r);
    reservation_set(e, r, (struct qty){0}, false);
    return r;
}

void exposure_reserve(struct exposure *e, const struct intent *intent)
{
    if (reserve(e, intent))
        count_usage(e, intent);
}

void exposure_reserve_again(struct exposure *e, const struct intent *intent)
{
    reserve(e, intent);
}

void exposure_reserve_late(struct exposure *e, const struct intent *intent)
{
    if (reserve(e, intent))
        usage_changes(e, intent, 1);
}

void exposure_reserve_foreign(struct exposure *e, const struct intent *intent, bool priced)
{
    struct reservation *r = reserve(e, intent);
    if (!r)
        return;
    struct symbol *s = symbol_of(e, intent->order.symbol);
    r->foreign = true;
    r->unpriced = !priced && intent->order.side == ORDER_BUY;
    s->foreign++;
    s->unpriced += r->unpriced;
    symbol_changed(e, s);
}

void exposure_filled(struct exposure *e, const char *client_order_id, struct qty filled_qty, int64_t now_boot_ns)
{
    struct reservation *r = map_get(e->reservations, client_order_id);
    if (!r || filled_qty.nanos <= r->filled.nanos)
        return;
    // Until positions and account are read again the fill counts here, so nothing is free twice in between.
    struct symbol *s = symbol_of(e, r->intent.order.symbol);
    int64_t change = filled_qty.nanos - r->filled.nanos;
    bool buy = r->intent.order.side == ORDER_BUY;
    struct money before = r->open_value, spent = {0};
    e->filled_boot_ns = now_boot_ns;
    bool fits =
        buy ? qty_add(s->bought, (struct qty){change}, &s->bought) : qty_sub(s->held, (struct qty){change}, &s->held);
    reservation_set(e, r, filled_qty, false);
    if (buy && r->intent.order.qty.nanos == 0)
        r->filled_boot_ns = now_boot_ns;
    if (buy)
        fits = fits && money_sub(before, r->open_value, &spent) && money_add(e->cash_spent, spent, &e->cash_spent);
    if (!fits)
        e->overflow = true;
}

void exposure_release(struct exposure *e, const char *client_order_id)
{
    struct reservation *r = map_remove(e->reservations, client_order_id);
    if (!r)
        return;
    // What a buy in dollars had reserved is spent, as far as anybody knows before the account is read again.
    if (r->filled_boot_ns > e->account_boot_ns && !money_add(e->cash_spent, r->open_value, &e->cash_spent))
        e->overflow = true;
    struct symbol *s = symbol_of(e, r->intent.order.symbol);
    s->foreign -= r->foreign;
    s->unpriced -= r->unpriced;
    reservation_set(e, r, r->filled, true);
    free(r);
}

void exposure_withdraw(struct exposure *e, const char *client_order_id)
{
    const struct reservation *r = map_get(e->reservations, client_order_id);
    if (r && !r->foreign)
        usage_changes(e, &r->intent, -1);
    exposure_release(e, client_order_id);
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
static bool being_sold(const struct symbol *s, struct qty *out)
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
        .tradable = s->asset.tradable,
        .fractionable = s->asset.fractionable,
        .held = s->held,
        .open_buy_qty = s->open_buy,
        .quarantined = s->foreign,
        .gross = e->gross,
        .gross_known = e->gross_unknown == 0,
        .open_buys = e->open_buys,
        .orders_in_run = str_equal(run_id, e->run_id) ? e->run_orders : 0,
    };
    if (day_compare(session, e->session) == 0) {
        v.orders_in_day = e->usage.orders;
        v.notional_in_day = e->usage.notional;
    }
    int64_t wall, boot = 0;
    v.price_known = symbol_price(s, &v.price, &wall, &boot);
    v.price_age_ns = v.price_known ? now_boot_ns - boot : 0;
    if (!money_sub(e->account.cash, e->cash_spent, &v.cash))
        return false;
    if (!being_sold(s, &v.open_sell_qty) || (order->side == ORDER_BUY && !qty_add(v.held, s->bought, &v.held)))
        return false;
    *out = v;
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
            !being_sold(&others, &v.open_sell_qty) || !money_sub(v.open_buys, r->open_value, &v.open_buys) ||
            !money_sub(v.gross, r->open_value, &v.gross))
            return false;
        v.orders_in_run -= v.orders_in_run > 0;
        v.orders_in_day -= v.orders_in_day > 0;
        if (v.notional_in_day.nanos >= r->intent.reserved.nanos)
            v.notional_in_day.nanos -= r->intent.reserved.nanos;
    }
    *out = v;
    return true;
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
    *known = e->positions_known && e->gross_unknown == 0 && !e->overflow;
    return e->gross;
}
