// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Risk: figures that several rows need (unit price, value, shares) are worked out once, each with its own "known"; then
// the table, and the rows about the account. Those about the order and its prices are in risk_order.c.
#include "lib/trade/risk_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *text;
    risk_row_fn *judge;
    bool holds_for_reduce;
} rows[RISK_ROW_COUNT] = {
#define RISK_ROW(symbol, name, holds_for_reduce, text, ...) {#name, text, row_##name, holds_for_reduce},
#include "lib/trade/risk_rows.def"
#undef RISK_ROW
};

const char *risk_row_name(enum risk_row r)
{
    CHECK((size_t)r < ARRAY_LEN(rows));
    return rows[r].name;
}

const char *risk_row_text(enum risk_row r)
{
    CHECK((size_t)r < ARRAY_LEN(rows));
    return rows[r].text;
}

enum risk_answer risk_say(struct case_file *c, enum risk_answer answer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(c->out->detail, sizeof(c->out->detail), format, args);
    va_end(args);
    return answer;
}

bool risk_fresh(int64_t age, int64_t most)
{
    return age <= most && age >= -most;
}

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

bool risk_worst_position(const struct case_file *c, struct qty *out)
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

enum risk_answer row_account_known(struct case_file *c)
{
    int64_t age = c->view->account_age_ns, most = c->limits->max_account_age_ns;
    if (!c->view->account_known)
        return UNKNOWN(c, "the account's figures are not known yet");
    if (!risk_fresh(age, most))
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

enum risk_answer row_order_notional(struct case_file *c)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX];
    if (!c->value_known)
        return UNKNOWN(c, "the order's value is unknown: no price, or out of the number range");
    if (c->value.nanos > c->limits->max_order_notional.nanos)
        return FAILS(c, "order value %s USD, at most %s USD", decimal_format(c->value.nanos, a),
                     decimal_format(c->limits->max_order_notional.nanos, b));
    return within_share(c, "order value", c->value, c->limits->max_order_share);
}

enum risk_answer row_position_share(struct case_file *c)
{
    struct qty after, size, held;
    struct money value;
    if (!risk_worst_position(c, &after) || !magnitude(after, &size) || !magnitude(c->view->held, &held))
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
    if (!risk_worst_position(c, &after))
        return false;
    if (after.nanos >= 0)
        return true;
    struct qty beyond = {after.nanos < -c->shares.nanos ? c->shares.nanos : -after.nanos};
    return c->unit.nanos > 0 && notional_up(c->unit, beyond, out);
}

enum risk_answer row_gross_exposure(struct case_file *c)
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

enum risk_answer row_net_exposure(struct case_file *c)
{
    struct money added, net;
    bool buy = c->order->side == ORDER_BUY;
    if (!c->view->gross_known)
        return UNKNOWN(c, "net exposure is not known: a price or the positions are missing");
    if (!added_exposure(c, &added) || !money_add(buy ? c->view->net_long : c->view->net_short, added, &net))
        return UNKNOWN(c, "net exposure with this order is unknown or out of the number range");
    if (added.nanos == 0 && c->view->account_known)
        return RISK_PASS;
    return within_share(c, buy ? "net long exposure" : "net short exposure", net, c->limits->max_net_exposure);
}

// What the strategy's book does not hold it sells short, by its book, whoever holds it in the account.
enum risk_answer row_strategy_exposure(struct case_file *c)
{
    const struct risk_view *v = c->view;
    struct money added = c->value, gross;
    bool known = c->value_known;
    if (!v->of_strategy)
        return RISK_PASS;
    if (!v->strategy_known || v->strategy_gross.nanos < 0)
        return UNKNOWN(c, "the strategy's exposure is not known: its book, or a price");
    if (c->order->side == ORDER_SELL) {
        struct qty beyond = {c->shares.nanos - (v->strategy_held.nanos > 0 ? v->strategy_held.nanos : 0)};
        if (c->shares_known && beyond.nanos <= 0)
            return RISK_PASS;
        known = c->shares_known && c->unit.nanos > 0 && notional_up(c->unit, beyond, &added);
    }
    if (!known || !money_add(v->strategy_gross, added, &gross))
        return UNKNOWN(c, "the strategy's exposure with this order is unknown or out of the number range");
    return within_share(c, "the strategy's exposure", gross, c->limits->max_strategy_exposure);
}

enum risk_answer row_buying_power(struct case_file *c)
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

enum risk_answer row_orders_per_run(struct case_file *c)
{
    return within_count(c, "run", c->view->orders_in_run, c->limits->max_orders_per_run);
}

enum risk_answer row_orders_per_day(struct case_file *c)
{
    return within_count(c, "session", c->view->orders_in_day, c->limits->max_orders_per_day);
}

enum risk_answer row_notional_per_day(struct case_file *c)
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
    return within_share(c, "session value", total, c->limits->max_notional_per_day_share);
}

static const struct risk_symbol *rule_of(const struct risk_limits *l, const char *symbol)
{
    size_t from = 0, to = l->symbols ? l->symbol_count : 0;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int order = strcmp(symbol, l->symbols[mid].symbol);
        if (order == 0)
            return &l->symbols[mid];
        if (order < 0)
            to = mid;
        else
            from = mid + 1;
    }
    return NULL;
}

static struct case_file open_case(const struct risk_limits *limits, const struct risk_view *view,
                                  const struct order_request *order, struct risk_verdict *out)
{
    struct case_file c = {.limits = limits, .view = view, .order = order, .out = out};
    memset(out, 0, sizeof(*out));
    c.rule = rule_of(limits, order->symbol);
    c.max_price_age_ns = c.rule && c.rule->max_price_age_ns ? c.rule->max_price_age_ns : limits->max_price_age_ns;
    work_out_value(&c);
    c.reduces = shrinks_only(&c);
    out->reduces = c.reduces;
    if (c.value_known)
        out->value = c.value;
    return c;
}

static bool passes(struct case_file *c, enum risk_row row)
{
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
