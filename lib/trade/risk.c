// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Risk rows. One table: row, its function, and whether it holds for an order that can only shrink a position. Figures
// that several rows need (unit price, value, shares) are worked out once, each with its own "known".
#include "lib/trade/risk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct case_file { // one order with everything the rows look at
    const struct risk_limits *limits;
    const struct risk_view *view;
    const struct order_request *order;
    bool priced;       // a usable market price
    bool value_known;  // value fits and has a price behind it
    bool shares_known; // shares, of a notional order by price
    bool reduces;
    struct price unit;  // the higher of market and limit price
    struct money value; // rounded up
    struct qty shares;  // rounded up
    struct risk_verdict *out;
};

typedef enum risk_answer row_fn(struct case_file *c);

#define ROW_NAME(symbol, name, text) name,
#define ROW_TEXT(symbol, name, text) text,
static const char *const row_names[] = {RISK_ROWS(ROW_NAME)};
static const char *const row_texts[] = {RISK_ROWS(ROW_TEXT)};

const char *risk_row_name(enum risk_row r)
{
    CHECK((size_t)r < ARRAY_LEN(row_names));
    return row_names[r];
}

const char *risk_row_text(enum risk_row r)
{
    CHECK((size_t)r < ARRAY_LEN(row_texts));
    return row_texts[r];
}

PRINTF_LIKE(3, 4)
static enum risk_answer say(struct case_file *c, enum risk_answer answer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(c->out->detail, sizeof(c->out->detail), format, args);
    va_end(args);
    return answer;
}

#define FAILS(c, ...) say(c, RISK_FAIL, __VA_ARGS__)
#define UNKNOWN(c, ...) say(c, RISK_UNKNOWN, __VA_ARGS__)

// ---- working the figures out ---------------------------------------------------------------------------------------

static void work_out_value(struct case_file *c)
{
    const struct order_request *o = c->order;
    c->priced = c->view->price_known && c->view->price.nanos > 0;
    c->unit.nanos = c->priced ? c->view->price.nanos : 0;
    if (o->limit_price.nanos > c->unit.nanos)
        c->unit = o->limit_price;
    if (o->notional.nanos > 0) {
        // As many shares as the money could buy or sell: at the lower of the two prices.
        struct price low = c->view->price;
        if (o->limit_price.nanos > 0 && o->limit_price.nanos < low.nanos)
            low = o->limit_price;
        c->value = o->notional;
        c->value_known = true;
        c->shares_known = c->priced && decimal_div_up(o->notional.nanos, low.nanos, &c->shares.nanos);
        return;
    }
    c->shares = o->qty;
    c->shares_known = o->qty.nanos > 0;
    c->value_known = c->shares_known && c->unit.nanos > 0 && notional_up(c->unit, o->qty, &c->value);
}

// Only an order in shares can be proven to shrink: the shares of a notional order depend on the price it meets.
static bool shrinks_only(const struct case_file *c)
{
    const struct risk_view *v = c->view;
    bool sell = c->order->side == ORDER_SELL;
    int64_t held = v->held.nanos, used = sell ? v->open_sell_qty.nanos : v->open_buy_qty.nanos, total = 0;
    if (c->order->notional.nanos || c->order->qty.nanos <= 0 || used < 0)
        return false;
    if (!decimal_add(c->order->qty.nanos, used, &total))
        return false;
    if (sell)
        return held > 0 && total <= held;
    return held < 0 && held > INT64_MIN && total <= -held;
}

// The position in shares if every open order on this side and this order filled.
static bool worst_position(const struct case_file *c, struct qty *out)
{
    const struct risk_view *v = c->view;
    struct qty after;
    if (!c->shares_known || v->open_buy_qty.nanos < 0 || v->open_sell_qty.nanos < 0)
        return false;
    if (c->order->side == ORDER_BUY)
        return qty_add(v->held, v->open_buy_qty, &after) && qty_add(after, c->shares, out);
    return qty_sub(v->held, v->open_sell_qty, &after) && qty_sub(after, c->shares, out);
}

static bool magnitude(struct qty q, struct qty *out)
{
    if (q.nanos == INT64_MIN)
        return false;
    out->nanos = q.nanos < 0 ? -q.nanos : q.nanos;
    return true;
}

// ---- rows ----------------------------------------------------------------------------------------------------------

static bool listed(const char *const *list, size_t count, const char *symbol)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], symbol) == 0)
            return true;
    return false;
}

static enum risk_answer row_symbol_list(struct case_file *c)
{
    const struct risk_limits *l = c->limits;
    const char *symbol = c->order->symbol;
    if (!symbol_valid(symbol))
        return UNKNOWN(c, "symbol \"%.24s\" is not a stock symbol", symbol);
    if ((l->deny_count && !l->deny) || (l->allow_count && !l->allow))
        return UNKNOWN(c, "the symbol lists are not readable");
    if (listed(l->deny, l->deny_count, symbol))
        return FAILS(c, "%s is in the deny list", symbol);
    if (l->allow_count && !listed(l->allow, l->allow_count, symbol))
        return FAILS(c, "%s is not among the %zu allowed symbols", symbol, l->allow_count);
    return RISK_PASS;
}

static enum risk_answer row_tradable(struct case_file *c)
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

static enum risk_answer row_long_only(struct case_file *c)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], d[DECIMAL_TEXT_MAX];
    struct qty after;
    if (!c->limits->long_only || c->order->side != ORDER_SELL)
        return RISK_PASS;
    if (!c->shares_known)
        return UNKNOWN(c, "the shares of a sell by notional are unknown without a price");
    if (!worst_position(c, &after))
        return UNKNOWN(c, "the position after this sell does not fit the number range");
    if (after.nanos < 0)
        return FAILS(c, "sell of %s with %s held and %s already being sold", decimal_format(c->shares.nanos, a),
                     decimal_format(c->view->held.nanos, b), decimal_format(c->view->open_sell_qty.nanos, d));
    return RISK_PASS;
}

// Nobody knows what it is for: the position grows by no order of ours beside it.
static enum risk_answer row_quarantine(struct case_file *c)
{
    if (c->view->quarantined < 0)
        return UNKNOWN(c, "orders of %s that are not ours are not known", c->order->symbol);
    if (c->view->quarantined > 0)
        return FAILS(c, "%lld open orders of %s at the broker are not ours: see paperguard quarantine",
                     (long long)c->view->quarantined, c->order->symbol);
    return RISK_PASS;
}

static enum risk_answer row_price_known(struct case_file *c)
{
    if (!c->view->price_known)
        return UNKNOWN(c, "no price for %s", c->order->symbol);
    if (!c->priced)
        return FAILS(c, "the price of %s is not above zero", c->order->symbol);
    return RISK_PASS;
}

static bool fresh(int64_t age, int64_t most)
{
    // A stamp slightly ahead of our clock is fine, one further ahead than the bound is as bad as an old one.
    return age <= most && age >= -most;
}

static enum risk_answer row_price_age(struct case_file *c)
{
    int64_t age = c->view->price_age_ns, most = c->limits->max_price_age_ns;
    if (!c->priced)
        return UNKNOWN(c, "no price for %s, so no age of it", c->order->symbol);
    if (!fresh(age, most))
        return UNKNOWN(c, "the price of %s is %lld ms old, at most %lld ms", c->order->symbol,
                       (long long)(age / NS_PER_MS), (long long)(most / NS_PER_MS));
    return RISK_PASS;
}

static enum risk_answer row_price_collar(struct case_file *c)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], d[DECIMAL_TEXT_MAX];
    int64_t limit = c->order->limit_price.nanos, market = c->view->price.nanos, room = 0;
    if (limit == 0)
        return RISK_PASS;
    if (!c->priced || !fresh(c->view->price_age_ns, c->limits->max_price_age_ns)) {
        if (c->reduces) // may go without a price; a stale one is no measure
            return RISK_PASS;
        return UNKNOWN(c, "no fresh price of %s to measure the limit price against", c->order->symbol);
    }
    if (!decimal_mul_down(market, c->limits->price_collar.nanos, &room))
        return UNKNOWN(c, "the collar around %s does not fit the number range", decimal_format(market, a));
    int64_t distance = limit > market ? limit - market : market - limit;
    if (distance > room)
        return FAILS(c, "limit price %s with the market at %s, at most %s away", decimal_format(limit, a),
                     decimal_format(market, b), decimal_format(room, d));
    return RISK_PASS;
}

static enum risk_answer row_account_known(struct case_file *c)
{
    int64_t age = c->view->account_age_ns, most = c->limits->max_account_age_ns;
    if (!c->view->account_known)
        return UNKNOWN(c, "the account's figures are not known yet");
    if (!fresh(age, most))
        return UNKNOWN(c, "the account's figures are %lld ms old, at most %lld ms", (long long)(age / NS_PER_MS),
                       (long long)(most / NS_PER_MS));
    return RISK_PASS;
}

// value <= share of equity, with the row's own words.
static enum risk_answer within_share(struct case_file *c, const char *what, struct money value, struct ratio share)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], d[DECIMAL_TEXT_MAX], e[DECIMAL_TEXT_MAX];
    struct money most;
    if (!c->view->account_known)
        return UNKNOWN(c, "equity is not known");
    if (!money_share_down(c->view->equity, share, &most))
        return UNKNOWN(c, "the limit on %s does not fit the number range", what);
    if (value.nanos > most.nanos)
        return FAILS(c, "%s %s USD, at most %s USD (%s of equity %s)", what, decimal_format(value.nanos, a),
                     decimal_format(most.nanos, b), decimal_format(share.nanos, d),
                     decimal_format(c->view->equity.nanos, e));
    return RISK_PASS;
}

static enum risk_answer row_order_notional(struct case_file *c)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX];
    if (!c->value_known)
        return UNKNOWN(c, "the order's value is unknown: no price, or out of the number range");
    if (c->value.nanos > c->limits->max_order_notional.nanos)
        return FAILS(c, "order value %s USD, at most %s USD", decimal_format(c->value.nanos, a),
                     decimal_format(c->limits->max_order_notional.nanos, b));
    return within_share(c, "order value", c->value, c->limits->max_order_share);
}

static enum risk_answer row_position_share(struct case_file *c)
{
    struct qty after, size, held;
    struct money value;
    if (!worst_position(c, &after) || !magnitude(after, &size) || !magnitude(c->view->held, &held))
        return UNKNOWN(c, "the position after this order is unknown or out of the number range");
    if (size.nanos <= held.nanos)
        return RISK_PASS;
    if (!c->priced || !notional_up(c->unit, size, &value))
        return UNKNOWN(c, "the value of the position is unknown: no price, or out of the number range");
    return within_share(c, "position value", value, c->limits->max_position_share);
}

// What the order would add to gross exposure: a buy its whole value, a sell the part that goes short.
static bool added_exposure(const struct case_file *c, struct money *out)
{
    struct qty after;
    if (c->order->side == ORDER_BUY) {
        *out = c->value;
        return c->value_known;
    }
    out->nanos = 0;
    if (!worst_position(c, &after))
        return false;
    if (after.nanos >= 0)
        return true;
    struct qty beyond = {after.nanos < -c->shares.nanos ? c->shares.nanos : -after.nanos};
    return c->unit.nanos > 0 && notional_up(c->unit, beyond, out);
}

static enum risk_answer row_gross_exposure(struct case_file *c)
{
    struct money added, gross;
    if (!c->view->gross_known || c->view->gross.nanos < 0)
        return UNKNOWN(c, "gross exposure is not known: a price or the positions are missing");
    if (!added_exposure(c, &added) || !money_add(c->view->gross, added, &gross))
        return UNKNOWN(c, "gross exposure with this order is unknown or out of the number range");
    if (added.nanos == 0 && c->view->account_known)
        return RISK_PASS;
    return within_share(c, "gross exposure", gross, c->limits->max_gross_exposure);
}

static enum risk_answer row_buying_power(struct case_file *c)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], d[DECIMAL_TEXT_MAX];
    struct money total;
    if (c->order->side != ORDER_BUY)
        return RISK_PASS;
    if (!c->view->account_known)
        return UNKNOWN(c, "cash is not known");
    if (!c->value_known || c->view->open_buys.nanos < 0 || !money_add(c->view->open_buys, c->value, &total))
        return UNKNOWN(c, "the value of all open buys is unknown or out of the number range");
    if (total.nanos > c->view->cash.nanos)
        return FAILS(c, "buy of %s USD on top of %s USD in open buys, cash is %s USD",
                     decimal_format(c->value.nanos, a), decimal_format(c->view->open_buys.nanos, b),
                     decimal_format(c->view->cash.nanos, d));
    return RISK_PASS;
}

static enum risk_answer within_count(struct case_file *c, const char *where, int64_t so_far, int64_t most)
{
    if (so_far < 0)
        return UNKNOWN(c, "the number of orders in this %s is not known", where);
    if (so_far >= most)
        return FAILS(c, "%lld orders in this %s already, at most %lld", (long long)so_far, where, (long long)most);
    return RISK_PASS;
}

static enum risk_answer row_orders_per_run(struct case_file *c)
{
    return within_count(c, "run", c->view->orders_in_run, c->limits->max_orders_per_run);
}

static enum risk_answer row_orders_per_day(struct case_file *c)
{
    return within_count(c, "session", c->view->orders_in_day, c->limits->max_orders_per_day);
}

static enum risk_answer row_notional_per_day(struct case_file *c)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX];
    struct money total;
    if (c->view->notional_in_day.nanos < 0)
        return UNKNOWN(c, "the value traded in this session is not known");
    if (!c->value_known || !money_add(c->view->notional_in_day, c->value, &total))
        return UNKNOWN(c, "the session's value with this order is unknown or out of the number range");
    if (total.nanos > c->limits->max_notional_per_day.nanos)
        return FAILS(c, "session value %s USD with this order, at most %s USD", decimal_format(total.nanos, a),
                     decimal_format(c->limits->max_notional_per_day.nanos, b));
    return RISK_PASS;
}

static const struct {
    row_fn *judge;
    bool holds_for_reduce;
} rows[RISK_ROW_COUNT] = {
    [RISK_SYMBOL_LIST] = {row_symbol_list, true},
    [RISK_TRADABLE] = {row_tradable, true},
    [RISK_LONG_ONLY] = {row_long_only, true},
    [RISK_QUARANTINE] = {row_quarantine, false},
    [RISK_PRICE_KNOWN] = {row_price_known, false},
    [RISK_PRICE_AGE] = {row_price_age, false},
    [RISK_PRICE_COLLAR] = {row_price_collar, true},
    [RISK_ACCOUNT_KNOWN] = {row_account_known, true},
    [RISK_ORDER_NOTIONAL] = {row_order_notional, false},
    [RISK_POSITION_SHARE] = {row_position_share, false},
    [RISK_GROSS_EXPOSURE] = {row_gross_exposure, false},
    [RISK_BUYING_POWER] = {row_buying_power, false},
    [RISK_ORDERS_PER_RUN] = {row_orders_per_run, true},
    [RISK_ORDERS_PER_DAY] = {row_orders_per_day, true},
    [RISK_NOTIONAL_PER_DAY] = {row_notional_per_day, false},
};

static struct case_file open_case(const struct risk_limits *limits, const struct risk_view *view,
                                  const struct order_request *order, struct risk_verdict *out)
{
    struct case_file c = {.limits = limits, .view = view, .order = order, .out = out};
    memset(out, 0, sizeof(*out));
    work_out_value(&c);
    c.reduces = shrinks_only(&c);
    out->reduces = c.reduces;
    if (c.value_known)
        out->value = c.value;
    return c;
}

static bool passes(struct case_file *c, enum risk_row row)
{
    // A row added to the list without a function would otherwise be a row that never denies.
    CHECK(rows[row].judge);
    if (c->reduces && !rows[row].holds_for_reduce)
        return true;
    c->out->answer = rows[row].judge(c);
    c->out->row = row;
    return c->out->answer == RISK_PASS;
}

void risk_judge(const struct risk_limits *limits, const struct risk_view *view, const struct order_request *order,
                struct risk_verdict *out)
{
    struct case_file c = open_case(limits, view, order, out);
    for (int row = 0; row < RISK_ROW_COUNT; row++)
        if (!passes(&c, (enum risk_row)row))
            return;
}

void risk_judge_row(enum risk_row row, const struct risk_limits *limits, const struct risk_view *view,
                    const struct order_request *order, struct risk_verdict *out)
{
    struct case_file c = open_case(limits, view, order, out);
    CHECK((unsigned)row < RISK_ROW_COUNT);
    if (!passes(&c, row))
        return;
    out->row = row;
}
