// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Risk rows about the order itself: its symbol, size and hours, what is open beside it, and the prices it may meet.
#include "lib/trade/risk_internal.h"

#include <string.h>

#define CENT INT64_C(10000000)  // 0.01
#define SUBCENT INT64_C(100000) // 0.0001, the tick below one dollar
// Limit-up-limit-down: bands around the reference price, the average of five minutes of trades. Ours is the last trade
// of these, else where the market is. The doubled bands before the close are not taken.
#define LULD_WINDOW_NS (300 * NS_PER_S)
#define LULD_MIDDLE (3 * DECIMAL_ONE) // up to here both tiers have wider bands
#define LULD_LOW (75 * CENT)          // below, the lesser of the two
#define LULD_LOW_SPAN (15 * CENT)

static bool listed(const char *const *list, size_t count, const char *symbol)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], symbol) == 0)
            return true;
    return false;
}

// While the time is not known nothing has expired yet but what only time allows.
static bool expired(const struct case_file *c)
{
    return c->rule->until_ns && c->view->now_wall_ns >= c->rule->until_ns;
}

enum risk_answer row_symbol_list(struct case_file *c)
{
    const struct risk_limits *l = c->limits;
    const char *symbol = c->order->symbol;
    if (!symbol_valid(symbol))
        return UNKNOWN(c, "symbol \"%.24s\" is not a stock symbol", symbol);
    if ((l->deny_count && !l->deny) || (l->allow_count && !l->allow))
        return UNKNOWN(c, "the symbol lists are not readable");
    if (listed(l->deny, l->deny_count, symbol))
        return FAILS(c, "%s is in the deny list", symbol);
    if (c->rule && c->rule->list == RISK_LIST_DENY && !expired(c))
        return FAILS(c, "%s is denied by %s: %s", symbol, c->rule->owner ? c->rule->owner : "no owner",
                     c->rule->reason ? c->rule->reason : "no reason");
    size_t allowed = l->allow_count + l->symbols_allowed;
    bool named = c->rule && c->rule->list == RISK_LIST_ALLOW; // its end is a row of its own
    if (allowed && !named && !listed(l->allow, l->allow_count, symbol))
        return FAILS(c, "%s is not among the %zu allowed symbols", symbol, allowed);
    return RISK_PASS;
}

enum risk_answer row_tradable(struct case_file *c)
{
    bool fractional = c->order->notional.nanos || c->order->qty.nanos % DECIMAL_ONE;
    if (!c->view->asset_known)
        return UNKNOWN(c, "the broker's asset record of %s is not known yet", c->order->symbol);
    if (!c->view->tradable)
        return FAILS(c, "the broker lists %s as not tradable", c->order->symbol);
    if (fractional && !c->view->fractionable)
        return FAILS(c, "%s is not fractionable: order whole shares", c->order->symbol);
    return RISK_PASS;
}

enum risk_answer row_long_only(struct case_file *c)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], d[DECIMAL_TEXT_MAX];
    struct qty after;
    if (!c->limits->long_only || c->order->side != ORDER_SELL)
        return RISK_PASS;
    if (!c->shares_known)
        return UNKNOWN(c, "the shares of a sell by notional are unknown without a price");
    if (!risk_worst_position(c, &after))
        return UNKNOWN(c, "the position after this sell does not fit the number range");
    if (after.nanos < 0)
        return FAILS(c, "sell of %s with %s held and %s already being sold", decimal_format(c->shares.nanos, a),
                     decimal_format(c->view->held.nanos, b), decimal_format(c->view->open_sell_qty.nanos, d));
    return RISK_PASS;
}

// Nobody knows what it is for: the position grows by no order of ours beside it.
enum risk_answer row_quarantine(struct case_file *c)
{
    if (c->view->quarantined < 0)
        return UNKNOWN(c, "orders of %s that are not ours are not known", c->order->symbol);
    if (c->view->quarantined > 0)
        return FAILS(c, "%lld open orders of %s at the broker are not ours: see paperguard quarantine",
                     (long long)c->view->quarantined, c->order->symbol);
    return RISK_PASS;
}

enum risk_answer row_price_known(struct case_file *c)
{
    if (!c->view->price_known)
        return UNKNOWN(c, "no price for %s", c->order->symbol);
    if (!c->priced)
        return FAILS(c, "the price of %s is not above zero", c->order->symbol);
    return RISK_PASS;
}

enum risk_answer row_price_age(struct case_file *c)
{
    int64_t age = c->view->price_age_ns, most = c->max_price_age_ns;
    if (!c->priced)
        return UNKNOWN(c, "no price for %s, so no age of it", c->order->symbol);
    if (!risk_fresh(age, most))
        return UNKNOWN(c, "the price of %s is %lld ms old, at most %lld ms", c->order->symbol,
                       (long long)(age / NS_PER_MS), (long long)(most / NS_PER_MS));
    return RISK_PASS;
}

static bool quote_fresh(const struct case_file *c)
{
    return risk_fresh(c->view->quote_age_ns, c->max_price_age_ns);
}

enum risk_answer row_price_crossed(struct case_file *c)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX];
    int64_t bid = c->view->bid.nanos, ask = c->view->ask.nanos;
    if (bid > ask && ask > 0 && quote_fresh(c))
        return FAILS(c, "the quote of %s is crossed: bid %s above ask %s", c->order->symbol, decimal_format(bid, a),
                     decimal_format(ask, b));
    return RISK_PASS;
}

// distance <= share of base, exactly; false when that does not fit, which is no reason to pass.
static bool within(int64_t a, int64_t base, struct ratio share, int64_t *room)
{
    if (!decimal_mul_down(base, share.nanos, room))
        return false;
    return (a > base ? a - base : base - a) <= *room;
}

// The one before it is of the same minutes: with an older one there is nothing to compare.
enum risk_answer row_price_jump(struct case_file *c)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], d[DECIMAL_TEXT_MAX];
    int64_t before = c->view->before.nanos, now = c->view->reference.nanos, room = 0;
    if (before <= 0 || !risk_fresh(c->view->before_age_ns, c->max_price_age_ns))
        return RISK_PASS;
    if (!within(now, before, c->limits->max_price_jump, &room))
        return FAILS(c, "the price of %s jumped from %s to %s, at most %s: the next one tells which is right",
                     c->order->symbol, decimal_format(before, a), decimal_format(now, b), decimal_format(room, d));
    return RISK_PASS;
}

enum risk_answer row_price_bounds(struct case_file *c)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX];
    int64_t min = c->limits->min_price.nanos, max = c->limits->max_price.nanos, limit = c->order->limit_price.nanos;
    if (!c->priced)
        return UNKNOWN(c, "no price for %s to hold against min_price and max_price", c->order->symbol);
    int64_t low = limit > 0 && limit < c->view->price.nanos ? limit : c->view->price.nanos;
    if (low < min)
        return FAILS(c, "price %s, at least %s", decimal_format(low, a), decimal_format(min, b));
    if (c->unit.nanos > max)
        return FAILS(c, "price %s, at most %s", decimal_format(c->unit.nanos, a), decimal_format(max, b));
    return RISK_PASS;
}

static enum risk_answer within_collar(struct case_file *c, const char *what, int64_t price, int64_t base)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], d[DECIMAL_TEXT_MAX];
    struct ratio collar = c->rule && c->rule->price_collar.nanos ? c->rule->price_collar : c->limits->price_collar;
    int64_t room = 0;
    if (within(price, base, collar, &room))
        return RISK_PASS;
    if (!decimal_mul_down(base, collar.nanos, &room))
        return UNKNOWN(c, "the collar around %s does not fit the number range", decimal_format(base, a));
    return FAILS(c, "%s %s with the market at %s, at most %s away", what, decimal_format(price, a),
                 decimal_format(base, b), decimal_format(room, d));
}

// A limit order by its limit; a market order by what it would meet: the far side of a fresh quote, which a thin or
// broken one has anywhere. Both against the fresher of trade and quote.
enum risk_answer row_price_collar(struct case_file *c)
{
    const struct risk_view *v = c->view;
    int64_t limit = c->order->limit_price.nanos, far = c->order->side == ORDER_BUY ? v->ask.nanos : v->bid.nanos;
    bool fresh = c->priced && v->reference.nanos > 0 && risk_fresh(v->price_age_ns, c->max_price_age_ns);
    if (!fresh && c->reduces) // may go without a price; a stale one is no measure
        return RISK_PASS;
    if (!fresh)
        return UNKNOWN(c, "no fresh price of %s to measure the %s against", c->order->symbol,
                       limit ? "limit price" : "market order");
    if (limit)
        return within_collar(c, "limit price", limit, v->reference.nanos);
    if (far > 0 && quote_fresh(c)) {
        enum risk_answer answer = within_collar(c, "a market order would meet", far, v->reference.nanos);
        if (answer != RISK_PASS)
            return answer;
    }
    return v->decided.nanos > 0 ? within_collar(c, "decided at", v->decided.nanos, v->reference.nanos) : RISK_PASS;
}

// How far from the reference trades may be.
static int64_t luld_room(const struct case_file *c, int64_t reference)
{
    int64_t room;
    bool wide = c->rule && c->rule->luld == RISK_LULD_TIER_2;
    int64_t percent = reference < LULD_LOW ? 75 : reference <= LULD_MIDDLE ? 20 : wide ? 10 : 5;
    CHECK(decimal_mul_down(reference, percent * CENT, &room)); // less than the reference
    return reference < LULD_LOW && room > LULD_LOW_SPAN ? LULD_LOW_SPAN : room;
}

// The exchange takes a market order at any price within the band, and none while one side of the book is empty (a limit
// state) or both are (a halt). The collar may be opened for a symbol; this holds all the same.
enum risk_answer row_luld(struct case_file *c)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], d[DECIMAL_TEXT_MAX];
    const struct risk_view *v = c->view;
    bool buy = c->order->side == ORDER_BUY, auction = c->order->tif == TIF_OPG || c->order->tif == TIF_CLS;
    int64_t far = buy ? v->ask.nanos : v->bid.nanos;
    if (c->order->limit_price.nanos || auction || (c->rule && c->rule->luld == RISK_LULD_OFF))
        return RISK_PASS;
    if (!v->quote_known || !quote_fresh(c)) // then the collar and the price's age speak
        return RISK_PASS;
    if (far <= 0)
        return c->reduces ? RISK_PASS
                          : FAILS(c, "%s has no %s to meet: limit %s, halted or too thin", c->order->symbol,
                                  buy ? "ask" : "bid", buy ? "up" : "down");
    bool traded = v->traded.nanos > 0 && risk_fresh(v->traded_age_ns, LULD_WINDOW_NS);
    int64_t reference = traded ? v->traded.nanos : v->reference.nanos;
    if (reference <= 0)
        return UNKNOWN(c, "the limit-up-limit-down band of %s is not known", c->order->symbol);
    int64_t room = luld_room(c, reference);
    if (far > reference ? far - reference > room : reference - far > room)
        return FAILS(c, "a market order would meet %s, outside of the limit-up-limit-down band of %s around %s",
                     decimal_format(far, a), decimal_format(room, b), decimal_format(reference, d));
    return RISK_PASS;
}

enum risk_answer row_list_expired(struct case_file *c)
{
    char until[WHEN_TEXT_MAX];
    const struct risk_symbol *r = c->rule;
    if (!r || r->list != RISK_LIST_ALLOW || !r->until_ns)
        return RISK_PASS;
    if (c->view->now_wall_ns <= 0)
        return UNKNOWN(c, "%s is allowed until %s, and the time is not known", c->order->symbol,
                       when_format(r->until_ns, until));
    if (!expired(c))
        return RISK_PASS;
    return FAILS(c, "%s was allowed until %s (%s)", c->order->symbol, when_format(r->until_ns, until),
                 r->owner ? r->owner : "no owner");
}

enum risk_answer row_fractional(struct case_file *c)
{
    char a[DECIMAL_TEXT_MAX];
    struct qty after;
    const struct order_request *o = c->order;
    if (!o->notional.nanos && o->qty.nanos % DECIMAL_ONE == 0)
        return RISK_PASS;
    if (o->tif != TIF_DAY)
        return FAILS(c, "fractions and dollars are ordered for the day, found %s", order_tif_name(o->tif));
    if (o->notional.nanos && o->notional.nanos < DECIMAL_ONE)
        return FAILS(c, "notional %s USD, at least 1", decimal_format(o->notional.nanos, a));
    if (o->side == ORDER_BUY)
        return RISK_PASS;
    if (!risk_worst_position(c, &after))
        return UNKNOWN(c, "the position after this fractional sell is not known");
    if (after.nanos < 0)
        return FAILS(c, "fractions are not sold short: %s would be", decimal_format(-after.nanos, a));
    return RISK_PASS;
}

enum risk_answer row_lot(struct case_file *c)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX];
    int64_t lot = c->rule ? c->rule->lot.nanos : 0;
    if (lot <= 0)
        return RISK_PASS;
    if (c->order->notional.nanos || c->order->qty.nanos % lot)
        return FAILS(c, "%s %s is not in lots of %s", c->order->notional.nanos ? "notional" : "quantity",
                     decimal_format(c->order->notional.nanos ? c->order->notional.nanos : c->order->qty.nanos, a),
                     decimal_format(lot, b));
    return RISK_PASS;
}

enum risk_answer row_order_size(struct case_file *c)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX];
    if (!c->shares_known)
        return UNKNOWN(c, "the order's shares are unknown: no price");
    if (c->shares.nanos > c->limits->max_order_qty.nanos)
        return FAILS(c, "%s shares, at most %s in one order", decimal_format(c->shares.nanos, a),
                     decimal_format(c->limits->max_order_qty.nanos, b));
    return RISK_PASS;
}

enum risk_answer row_adv_share(struct case_file *c)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], d[DECIMAL_TEXT_MAX], e[DECIMAL_TEXT_MAX];
    struct qty adv = c->rule && c->rule->adv.nanos > 0 ? c->rule->adv : c->view->adv;
    int64_t most;
    if (!c->shares_known)
        return UNKNOWN(c, "the order's shares are unknown: no price");
    if (adv.nanos <= 0)
        return UNKNOWN(c, "the average daily volume of %s is not known: [symbol] adv may state it", c->order->symbol);
    if (!decimal_mul_down(adv.nanos, c->limits->max_adv_share.nanos, &most))
        return UNKNOWN(c, "the share of the average daily volume does not fit the number range");
    if (c->shares.nanos > most)
        return FAILS(c, "%s shares, at most %s (%s of %s, the average daily volume)",
                     decimal_format(c->shares.nanos, a), decimal_format(most, b),
                     decimal_format(c->limits->max_adv_share.nanos, d), decimal_format(adv.nanos, e));
    return RISK_PASS;
}

enum risk_answer row_price_tick(struct case_file *c)
{
    char a[DECIMAL_TEXT_MAX];
    int64_t limit = c->order->limit_price.nanos, tick = limit >= DECIMAL_ONE ? CENT : SUBCENT;
    if (limit % tick)
        return FAILS(c, "limit price %s is off the tick of %s", decimal_format(limit, a),
                     tick == CENT ? "0.01" : "0.0001");
    return RISK_PASS;
}

// At the opening or the close an order waits for that auction, whatever the hour.
enum risk_answer row_session(struct case_file *c)
{
    const struct order_request *o = c->order;
    bool auction = o->tif == TIF_OPG || o->tif == TIF_CLS;
    if (o->extended_hours && o->type != ORDER_LIMIT)
        return FAILS(c, "extended_hours takes limit orders, found %s", order_type_name(o->type));
    if (c->view->hours == RISK_HOURS_UNKNOWN && !c->reduces)
        return UNKNOWN(c, "the exchange's hours are not known");
    if (o->type != ORDER_MARKET || auction)
        return RISK_PASS;
    if (c->view->hours == RISK_HOURS_EXTENDED || c->view->hours == RISK_HOURS_CLOSED)
        return FAILS(c, "a market order outside regular hours: the market is %s",
                     c->view->hours == RISK_HOURS_CLOSED ? "closed" : "in extended hours");
    return RISK_PASS;
}

enum risk_answer row_duplicate(struct case_file *c)
{
    const struct risk_view *v = c->view;
    if (!v->alike || v->alike_age_ns > c->limits->duplicate_window_ns)
        return RISK_PASS;
    return FAILS(c,
                 "the same order (strategy, symbol, side, size, price) was placed %lld ms ago, at least %lld ms apart",
                 (long long)(v->alike_age_ns / NS_PER_MS), (long long)(c->limits->duplicate_window_ns / NS_PER_MS));
}

// As the broker judges it: opposite market orders always, limits when they could meet.
enum risk_answer row_wash(struct case_file *c)
{
    char a[DECIMAL_TEXT_MAX];
    const struct risk_view *v = c->view;
    bool buy = c->order->side == ORDER_BUY;
    int64_t limit = c->order->limit_price.nanos, other = buy ? v->sell_lowest.nanos : v->buy_highest.nanos;
    if (!(buy ? v->sell_open : v->buy_open))
        return RISK_PASS;
    bool both_limits = limit > 0 && other > 0;
    if (both_limits && (buy ? limit < other : limit > other))
        return RISK_PASS;
    return FAILS(c, "an open %s of %s at %s could fill against it: a wash trade", buy ? "sell" : "buy",
                 c->order->symbol, other ? decimal_format(other, a) : "the market");
}
