// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Per symbol: asset, trade, quote, position and open orders. Sums over all symbols are kept as they change, so judging
// one order costs the same with one open order as with a thousand.
#include "daemon/exposure_internal.h"

#include <stdlib.h>
#include <string.h>

struct exposure *exposure_new(void)
{
    struct exposure *e = check_alloc(1, sizeof *e);
    e->symbols = map_new();
    e->reservations = map_new();
    e->strategies = map_new();
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

static void free_recent(struct map *symbols)
{
    size_t cursor = 0;
    const char *key;
    void *value;
    while (map_each(symbols, &cursor, &key, &value))
        free(((struct symbol *)value)->recent);
}

void exposure_free(struct exposure *e)
{
    if (!e)
        return;
    free_recent(e->symbols);
    free_values(e->symbols);
    free_values(e->reservations);
    free_values(e->strategies);
    strategy_books_free(e);
    free(e->positions);
    free(e);
}

static struct symbol *symbol_of(struct exposure *e, const char *name)
{
    struct symbol *s = map_get(e->symbols, name);
    if (!s) {
        s = check_alloc(1, sizeof *s);
        list_init(&s->open);
        map_put(e->symbols, name, s);
    }
    return s;
}

static bool sums_add(struct sums *to, const struct sums *s)
{
    return money_add(to->longs, s->longs, &to->longs) && money_add(to->shorts, s->shorts, &to->shorts) &&
           money_add(to->open_buys, s->open_buys, &to->open_buys) &&
           money_add(to->open_shorts, s->open_shorts, &to->open_shorts);
}

static bool sums_sub(struct sums *from, const struct sums *s)
{
    return money_sub(from->longs, s->longs, &from->longs) && money_sub(from->shorts, s->shorts, &from->shorts) &&
           money_sub(from->open_buys, s->open_buys, &from->open_buys) &&
           money_sub(from->open_shorts, s->open_shorts, &from->open_shorts);
}

// What of the open sells is not held, by any read or fill.
static bool sold_short(const struct symbol *s, struct qty all, struct qty *out)
{
    struct qty sold, held = {all.nanos > 0 ? all.nanos : 0};
    if (!symbol_being_sold(s, &sold) || !qty_sub(sold, held, out))
        return false;
    if (out->nanos < 0)
        out->nanos = 0;
    return true;
}

static bool sums_of(const struct symbol *s, struct sums *out, bool *unknown)
{
    struct price price = {0};
    int64_t wall, boot;
    struct qty all, shorts;
    *unknown = s->unpriced > 0;
    out->open_buys = s->open_buy_value;
    if (!qty_add(s->held, s->bought, &all) || all.nanos == INT64_MIN || !sold_short(s, all, &shorts))
        return false;
    if (all.nanos == 0 && shorts.nanos == 0)
        return true;
    if (!symbol_price(s, &price, &wall, &boot)) {
        *unknown = true;
        return true;
    }
    struct qty size = {all.nanos < 0 ? -all.nanos : all.nanos};
    return notional_up(price, size, all.nanos < 0 ? &out->shorts : &out->longs) &&
           notional_up(price, shorts, &out->open_shorts);
}

// Recomputes what the symbol adds to the sums.
static void symbol_changed(struct exposure *e, struct symbol *s)
{
    struct sums sums = {0};
    bool unknown = false;
    if (!sums_of(s, &sums, &unknown) || !sums_sub(&e->sums, &s->sums) || !sums_add(&e->sums, &sums))
        e->overflow = true;
    else
        s->sums = sums;
    e->gross_unknown += (size_t)unknown;
    e->gross_unknown -= (size_t)s->gross_unknown;
    s->gross_unknown = unknown;
}

void exposure_set_account(struct exposure *e, const struct alpaca_account *a, int64_t asked_boot_ns)
{
    if (asked_boot_ns < e->filled_boot_ns || asked_boot_ns < e->account_boot_ns)
        return;
    e->cash_spent.nanos = -ahead_cash(e, a->cash, asked_boot_ns).nanos;
    e->account = *a;
    e->account_known = true;
    e->account_boot_ns = asked_boot_ns;
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
    bool first = !e->positions_known;
    e->positions_known = true;
    e->positions_boot_ns = asked_boot_ns;
    for (size_t i = 0; i < count; i++) {
        struct symbol *s = symbol_of(e, p[i].symbol);
        if (first || !ahead_position(s, p[i].qty, asked_boot_ns)) {
            s->held = p[i].qty;
            s->bought = (struct qty){0};
        }
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

// A new price came: what stood before it stays known beside it, when it was another.
static void price_changed(struct exposure *e, struct symbol *s, struct price old, int64_t old_boot_ns)
{
    struct price now = symbol_reference(s);
    if (old.nanos > 0 && old.nanos != now.nanos) {
        s->before = old;
        s->before_boot_ns = old_boot_ns;
    }
    symbol_changed(e, s);
}

static int64_t price_boot_ns(const struct symbol *s)
{
    struct price price;
    int64_t wall, boot;
    return symbol_price(s, &price, &wall, &boot) ? boot : 0;
}

void exposure_set_trade(struct exposure *e, const struct alpaca_trade *t, int64_t now_boot_ns, int64_t now_wall_ns)
{
    struct symbol *s = symbol_of(e, t->symbol);
    struct price old = symbol_reference(s);
    int64_t old_boot_ns = price_boot_ns(s);
    s->trade = *t;
    s->trade_known = true;
    s->trade_boot_ns = boot_time_of(t->at, now_boot_ns, now_wall_ns);
    price_changed(e, s, old, old_boot_ns);
}

void exposure_set_quote(struct exposure *e, const struct alpaca_quote *q, int64_t now_boot_ns, int64_t now_wall_ns)
{
    struct symbol *s = symbol_of(e, q->symbol);
    struct price old = symbol_reference(s);
    int64_t old_boot_ns = price_boot_ns(s);
    s->quote = *q;
    s->quote_known = true;
    s->quote_boot_ns = boot_time_of(q->at, now_boot_ns, now_wall_ns);
    price_changed(e, s, old, old_boot_ns);
}

void exposure_set_asset(struct exposure *e, const struct alpaca_asset *a)
{
    struct symbol *s = symbol_of(e, a->symbol);
    s->asset = *a;
    s->asset_known = true;
}

void exposure_asset_read(struct exposure *e, const char *symbol, struct day today)
{
    symbol_of(e, symbol)->asset_day = today;
}

void exposure_set_adv(struct exposure *e, const char *symbol, struct qty adv, struct day today)
{
    struct symbol *s = symbol_of(e, symbol);
    s->adv = adv;
    s->adv_day = today;
}

static struct day_usage *usage_of(struct exposure *e, struct day session)
{
    for (size_t i = 0; i < ARRAY_LEN(e->days); i++)
        if (day_compare(e->days[i].session, session) == 0)
            return &e->days[i].usage;
    return NULL;
}

static void usage_turn(struct exposure *e, struct day session)
{
    if (day_compare(session, e->days[0].session) <= 0)
        return;
    e->days[1] = e->days[0];
    e->days[0].session = session;
    e->days[0].usage = (struct day_usage){0};
}

void exposure_set_usage(struct exposure *e, struct day session, struct day_usage usage)
{
    usage_turn(e, session);
    struct day_usage *known = usage_of(e, session);
    if (known)
        *known = usage;
}

void exposure_set_session(struct exposure *e, const struct exposure_session *session)
{
    e->hours = *session;
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
    strategy_open_changed(e, &r->intent, r->open_value, value);
    r->open = open;
    r->open_value = value;
    r->notional = notional;
    r->filled = filled;
    symbol_changed(e, s);
}

// By so many orders like this one, in the session it belongs to.
static void usage_changes(struct exposure *e, const struct intent *intent, int sign)
{
    struct day_usage *u = usage_of(e, intent->session);
    if (!u)
        return;
    u->orders += sign;
    if (!(sign > 0 ? money_add(u->notional, intent->reserved, &u->notional)
                   : money_sub(u->notional, intent->reserved, &u->notional)))
        e->overflow = true;
}

static void count_usage(struct exposure *e, const struct intent *intent)
{
    usage_turn(e, intent->session);
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
    beside_opened(symbol_of(e, intent->order.symbol), r);
    reservation_set(e, r, (struct qty){0}, false);
    return r;
}

void exposure_reserve(struct exposure *e, const struct intent *intent, int64_t now_boot_ns)
{
    if (!reserve(e, intent))
        return;
    count_usage(e, intent);
    beside_placed(symbol_of(e, intent->order.symbol), intent, now_boot_ns);
}

void exposure_reserve_again(struct exposure *e, const struct intent *intent)
{
    reserve(e, intent);
}

void exposure_reserve_late(struct exposure *e, const struct intent *intent)
{
    if (!reserve(e, intent))
        return;
    usage_turn(e, intent->session);
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

// What a read has ahead of an order's news is counted as held when nothing that is open explains it any more.
static void less_open(struct exposure *e, struct symbol *s)
{
    if (!ahead_settle(s))
        e->overflow = true;
    ahead_cash_settle(e);
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
    int64_t told = ahead_filled(s, buy, change);
    bool fits = true;
    if (buy)
        fits = qty_add(s->bought, (struct qty){change - told}, &s->bought) &&
               qty_add(s->held, (struct qty){told}, &s->held);
    else
        fits = qty_sub(s->held, (struct qty){change}, &s->held);
    reservation_set(e, r, filled_qty, false);
    if (buy && r->intent.order.qty.nanos == 0)
        r->filled_boot_ns = now_boot_ns;
    if (buy)
        fits = fits && money_sub(before, r->open_value, &spent) && money_add(e->cash_spent, spent, &e->cash_spent);
    strategy_filled(e, &r->intent, spent, now_boot_ns);
    if (!fits)
        e->overflow = true;
    less_open(e, s);
}

void exposure_release(struct exposure *e, const char *client_order_id)
{
    struct reservation *r = map_remove(e->reservations, client_order_id);
    if (!r)
        return;
    // What a buy in dollars had reserved is spent, as far as anybody knows before the account is read again.
    if (r->filled_boot_ns > e->account_boot_ns && !money_add(e->cash_spent, r->open_value, &e->cash_spent))
        e->overflow = true;
    if (r->filled_boot_ns)
        strategy_filled(e, &r->intent, r->open_value, r->filled_boot_ns);
    struct symbol *s = symbol_of(e, r->intent.order.symbol);
    s->foreign -= r->foreign;
    s->unpriced -= r->unpriced;
    beside_closed(s, r);
    reservation_set(e, r, r->filled, true);
    less_open(e, s);
    free(r);
}

void exposure_withdraw(struct exposure *e, const char *client_order_id)
{
    const struct reservation *r = map_get(e->reservations, client_order_id);
    if (r && !r->foreign) {
        usage_changes(e, &r->intent, -1);
        beside_forget(symbol_of(e, r->intent.order.symbol), &r->intent);
    }
    exposure_release(e, client_order_id);
}
