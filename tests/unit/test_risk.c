// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Risk rows about the account and prices (the others: test_risk_order.c): each fires, each denies in its unknown form,
// exactly at the limit passes and one nano above fails; orders that only shrink a position are let out where the class
// REDUCE says so and nowhere else.
#include "lib/trade/risk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define D DECIMAL_ONE
#define CENT (D / 100)
#define SECOND NS_PER_S

struct scene {
    struct risk_limits limits;
    struct risk_view view;
    struct order_request order;
};

// Everything passes: 10 shares at 100 in an account of 10000. Tests change one thing.
static struct scene quiet(void)
{
    struct risk_example x;
    risk_example(RISK_ROW_COUNT, &x);
    return (struct scene){.limits = x.limits, .view = x.view, .order = x.order};
}

static struct risk_verdict judge(const struct scene *s)
{
    struct risk_verdict v;
    risk_judge(&s->limits, &s->view, &s->order, &v);
    return v;
}

static void assert_verdict(const struct scene *s, enum risk_answer answer, enum risk_row row, const char *what)
{
    struct risk_verdict v = judge(s), alone;
    if (v.answer != answer || (answer != RISK_PASS && v.row != row))
        fail_msg("%s: answer %d in row %s (%s), expected %d in %s", what, (int)v.answer, risk_row_name(v.row), v.detail,
                 (int)answer, risk_row_name(row));
    if (answer == RISK_PASS)
        return;
    assert_true(strlen(v.detail) > 10);
    // The row says the same when it is asked alone.
    risk_judge_row(row, &s->limits, &s->view, &s->order, &alone);
    assert_int_equal(alone.answer, answer);
    assert_int_equal(alone.row, row);
    assert_string_equal(alone.detail, v.detail);
}

// ---- each row fires ------------------------------------------------------------------------------------------------

static const char *const only_tlt[] = {"TLT"};
static const char *const spy_and_tlt[] = {"TLT", "SPY"};

#define EACH_FAIL(X)                                                                                                   \
    X(denied, RISK_SYMBOL_LIST, s->limits.deny = spy_and_tlt; s->limits.deny_count = 2)                                \
    X(denied_and_allowed, RISK_SYMBOL_LIST, s->limits.deny = s->limits.allow = spy_and_tlt;                            \
      s->limits.deny_count = s->limits.allow_count = 2)                                                                \
    X(not_allowed, RISK_SYMBOL_LIST, s->limits.allow = only_tlt; s->limits.allow_count = 1)                            \
    X(not_ours, RISK_QUARANTINE, s->view.quarantined = 1)                                                              \
    X(not_tradable, RISK_TRADABLE, s->view.tradable = false)                                                           \
    X(not_fractionable, RISK_TRADABLE, s->view.fractionable = false; s->order.qty.nanos += 1)                          \
    X(notional_not_fractionable, RISK_TRADABLE, s->view.fractionable = false; s->order.qty.nanos = 0;                  \
      s->order.notional.nanos = 1000 * D)                                                                              \
    X(sell_too_much, RISK_LONG_ONLY, s->order.side = ORDER_SELL; s->order.qty.nanos = 20 * D + 1)                      \
    X(sell_already_sold, RISK_LONG_ONLY, s->order.side = ORDER_SELL; s->view.open_sell_qty.nanos = 10 * D + 1)         \
    X(sell_nothing_held, RISK_LONG_ONLY, s->order.side = ORDER_SELL; s->view.held.nanos = 0)                           \
    X(sell_notional_too_much, RISK_LONG_ONLY, s->order.side = ORDER_SELL; s->order.qty.nanos = 0;                      \
      s->order.notional.nanos = 2000 * D + 10000000)                                                                   \
    X(price_zero, RISK_PRICE_KNOWN, s->view.price.nanos = 0)                                                           \
    X(limit_above_collar, RISK_PRICE_COLLAR, s->order.type = ORDER_LIMIT; s->order.limit_price.nanos = 105 * D + CENT) \
    X(limit_below_collar, RISK_PRICE_COLLAR, s->order.type = ORDER_LIMIT; s->order.limit_price.nanos = 95 * D - CENT)  \
    X(order_share, RISK_ORDER_NOTIONAL, s->limits.max_order_share.nanos = D / 10 - 1)                                  \
    X(order_cap, RISK_ORDER_NOTIONAL, s->limits.max_order_notional.nanos = 1000 * D - 1)                               \
    X(order_equity_negative, RISK_ORDER_NOTIONAL, s->view.equity.nanos = -D)                                           \
    X(position_share, RISK_POSITION_SHARE, s->limits.max_position_share.nanos = 3 * D / 10 - 1)                        \
    X(position_with_open_buys, RISK_POSITION_SHARE, s->view.open_buy_qty.nanos = 20 * D + 1)                           \
    X(gross, RISK_GROSS_EXPOSURE, s->limits.max_gross_exposure.nanos = 3 * D / 10 - 1)                                 \
    X(gross_of_others, RISK_GROSS_EXPOSURE, s->view.gross.nanos = 9000 * D + 1)                                        \
    X(cash, RISK_BUYING_POWER, s->view.cash.nanos = 1000 * D - 1)                                                      \
    X(cash_with_open_buys, RISK_BUYING_POWER, s->view.open_buys.nanos = 7000 * D + 1)                                  \
    X(cash_negative, RISK_BUYING_POWER, s->view.cash.nanos = -D)                                                       \
    X(orders_per_run, RISK_ORDERS_PER_RUN, s->view.orders_in_run = 10)                                                 \
    X(orders_per_run_none, RISK_ORDERS_PER_RUN, s->limits.max_orders_per_run = 0)                                      \
    X(orders_per_day, RISK_ORDERS_PER_DAY, s->view.orders_in_day = 20)                                                 \
    X(notional_per_day, RISK_NOTIONAL_PER_DAY, s->view.notional_in_day.nanos = 19000 * D + 1)

#define EACH_UNKNOWN(X)                                                                                                \
    X(not_ours_unknown, RISK_QUARANTINE, s->view.quarantined = -1)                                                     \
    X(no_symbol, RISK_SYMBOL_LIST, s->order.symbol[0] = '\0')                                                          \
    X(odd_symbol, RISK_SYMBOL_LIST, s->order.symbol[0] = 's')                                                          \
    X(no_allow_list, RISK_SYMBOL_LIST, s->limits.allow_count = 1)                                                      \
    X(no_deny_list, RISK_SYMBOL_LIST, s->limits.deny_count = 1)                                                        \
    X(no_asset, RISK_TRADABLE, s->view.asset_known = false)                                                            \
    X(sell_notional_no_price, RISK_LONG_ONLY, s->order.side = ORDER_SELL; s->order.qty.nanos = 0;                      \
      s->order.notional.nanos = D; s->view.price_known = false)                                                        \
    X(sell_no_amount, RISK_LONG_ONLY, s->order.side = ORDER_SELL; s->order.qty.nanos = 0)                              \
    X(sell_out_of_range, RISK_LONG_ONLY, s->order.side = ORDER_SELL; s->view.held.nanos = INT64_MIN + 1;               \
      s->view.open_sell_qty.nanos = 10 * D)                                                                            \
    X(sell_open_sells_negative, RISK_LONG_ONLY, s->order.side = ORDER_SELL; s->view.open_sell_qty.nanos = -1)          \
    X(no_price, RISK_PRICE_KNOWN, s->view.price_known = false)                                                         \
    X(price_old, RISK_PRICE_AGE, s->view.price_age_ns = 60 * SECOND + 1)                                               \
    X(price_from_the_future, RISK_PRICE_AGE, s->view.price_age_ns = -60 * SECOND - 1)                                  \
    X(collar_out_of_range, RISK_PRICE_COLLAR, s->order.type = ORDER_LIMIT; s->order.limit_price.nanos = 100 * D;       \
      s->limits.price_collar.nanos = INT64_MAX)                                                                        \
    X(no_account, RISK_ACCOUNT_KNOWN, s->view.account_known = false)                                                   \
    X(account_old, RISK_ACCOUNT_KNOWN, s->view.account_age_ns = 60 * SECOND + 1)                                       \
    X(account_from_the_future, RISK_ACCOUNT_KNOWN, s->view.account_age_ns = -60 * SECOND - 1)                          \
    X(value_out_of_range, RISK_ORDER_NOTIONAL, s->order.qty.nanos = INT64_MAX)                                         \
    X(no_amount, RISK_ORDER_NOTIONAL, s->order.qty.nanos = 0)                                                          \
    X(share_out_of_range, RISK_ORDER_NOTIONAL, s->limits.max_order_share.nanos = INT64_MAX)                            \
    X(position_out_of_range, RISK_POSITION_SHARE, s->view.held.nanos = INT64_MAX)                                      \
    X(position_value_out_of_range, RISK_POSITION_SHARE, s->view.held.nanos = INT64_MAX / 2)                            \
    X(open_buys_negative, RISK_POSITION_SHARE, s->view.open_buy_qty.nanos = -1)                                        \
    X(no_gross, RISK_GROSS_EXPOSURE, s->view.gross_known = false)                                                      \
    X(gross_negative, RISK_GROSS_EXPOSURE, s->view.gross.nanos = -1)                                                   \
    X(gross_out_of_range, RISK_GROSS_EXPOSURE, s->view.gross.nanos = INT64_MAX)                                        \
    X(open_buys_out_of_range, RISK_BUYING_POWER, s->view.open_buys.nanos = INT64_MAX)                                  \
    X(open_buys_value_negative, RISK_BUYING_POWER, s->view.open_buys.nanos = -1)                                       \
    X(run_count_unknown, RISK_ORDERS_PER_RUN, s->view.orders_in_run = -1)                                              \
    X(day_count_unknown, RISK_ORDERS_PER_DAY, s->view.orders_in_day = -1)                                              \
    X(day_value_unknown, RISK_NOTIONAL_PER_DAY, s->view.notional_in_day.nanos = -1)                                    \
    X(day_value_out_of_range, RISK_NOTIONAL_PER_DAY, s->view.notional_in_day.nanos = INT64_MAX)

#define CHANGE_FN(name, row, ...)                                                                                      \
    static void change_##name(struct scene *s)                                                                         \
    {                                                                                                                  \
        __VA_ARGS__;                                                                                                   \
    }
EACH_FAIL(CHANGE_FN)
EACH_UNKNOWN(CHANGE_FN)

struct change {
    const char *name;
    enum risk_row row;
    void (*apply)(struct scene *s);
};
#define CHANGE_ROW(name, row, ...) {#name, row, change_##name},
static const struct change fails[] = {EACH_FAIL(CHANGE_ROW)};
static const struct change unknowns[] = {EACH_UNKNOWN(CHANGE_ROW)};

static void quiet_scene_passes(void **state)
{
    (void)state;
    struct scene s = quiet();
    struct risk_verdict v = judge(&s);
    assert_int_equal(v.answer, RISK_PASS);
    assert_int_equal(v.value.nanos, 1000 * D);
    assert_false(v.reduces);
    assert_string_equal(v.detail, "");
    s.limits.allow = spy_and_tlt;
    s.limits.allow_count = 2;
    s.limits.deny = only_tlt;
    s.limits.deny_count = 1;
    assert_verdict(&s, RISK_PASS, RISK_SYMBOL_LIST, "allowed");
    s.view.fractionable = false;
    assert_verdict(&s, RISK_PASS, RISK_TRADABLE, "whole shares");
    s.view.held.nanos = -5 * D; // to 5 long: no larger a position than it was
    s.limits.max_position_share.nanos = 0;
    assert_verdict(&s, RISK_PASS, RISK_POSITION_SHARE, "as large on the other side");
}

// A row asked alone has nothing before it that could have denied.
static void rows_need_no_other_row(void **state)
{
    (void)state;
    struct scene s = quiet();
    struct risk_verdict v;
    s.order.qty.nanos = 0;
    s.order.notional.nanos = 1000 * D;
    s.view.price_known = false; // what stands beside it is no price
    risk_judge_row(RISK_POSITION_SHARE, &s.limits, &s.view, &s.order, &v);
    assert_int_equal(v.answer, RISK_UNKNOWN);
    s.order.side = ORDER_SELL;
    risk_judge_row(RISK_LONG_ONLY, &s.limits, &s.view, &s.order, &v);
    assert_int_equal(v.answer, RISK_UNKNOWN);
    assert_non_null(strstr(v.detail, "without a price"));
    s = quiet();
    s.limits.long_only = false;
    s.order.side = ORDER_SELL;
    s.order.qty.nanos = 30 * D;
    s.view.price_known = false;
    risk_judge_row(RISK_GROSS_EXPOSURE, &s.limits, &s.view, &s.order, &v);
    assert_int_equal(v.answer, RISK_UNKNOWN); // 10 short, worth nobody knows what
    s = quiet();
    s.order.side = ORDER_SELL;
    s.order.qty.nanos = 0;
    s.order.notional.nanos = 500 * D;
    s.view.account_known = false;
    risk_judge_row(RISK_GROSS_EXPOSURE, &s.limits, &s.view, &s.order, &v);
    assert_int_equal(v.answer, RISK_UNKNOWN);
    s = quiet();
    s.view.price.nanos = 1;
    s.view.held.nanos = INT64_MIN;
    risk_judge_row(RISK_POSITION_SHARE, &s.limits, &s.view, &s.order, &v);
    assert_int_equal(v.answer, RISK_UNKNOWN);
    s = quiet();
    s.order.side = ORDER_SELL;
    risk_judge_row(RISK_PRICE_AGE, &s.limits, &s.view, &s.order, &v);
    assert_true(v.answer == RISK_PASS && v.row == RISK_PRICE_AGE && v.reduces);
}

static void every_row_fires(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fails); i++) {
        struct scene s = quiet();
        fails[i].apply(&s);
        assert_verdict(&s, RISK_FAIL, fails[i].row, fails[i].name);
    }
}

static void every_unknown_denies(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(unknowns); i++) {
        struct scene s = quiet();
        unknowns[i].apply(&s);
        assert_verdict(&s, RISK_UNKNOWN, unknowns[i].row, unknowns[i].name);
    }
}

// Rows behind the first that denies have their own unknown form too, should the one before them ever go.
static void rows_deny_on_their_own(void **state)
{
    (void)state;
    static const struct {
        enum risk_row row;
        bool no_account, no_price;
    } rows[] = {
        {RISK_PRICE_AGE, false, true},        {RISK_ORDER_NOTIONAL, true, false}, {RISK_ORDER_NOTIONAL, false, true},
        {RISK_POSITION_SHARE, true, false},   {RISK_POSITION_SHARE, false, true}, {RISK_GROSS_EXPOSURE, true, false},
        {RISK_GROSS_EXPOSURE, false, true},   {RISK_BUYING_POWER, true, false},   {RISK_BUYING_POWER, false, true},
        {RISK_NOTIONAL_PER_DAY, false, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scene s = quiet();
        struct risk_verdict v;
        s.view.account_known = !rows[i].no_account;
        s.view.price_known = !rows[i].no_price;
        risk_judge_row(rows[i].row, &s.limits, &s.view, &s.order, &v);
        assert_int_equal(v.answer, RISK_UNKNOWN);
        assert_int_equal(v.row, rows[i].row);
    }
    struct scene s = quiet();
    struct risk_verdict v;
    s.order.type = ORDER_LIMIT;
    s.order.limit_price.nanos = 100 * D;
    s.view.price_known = false;
    risk_judge_row(RISK_PRICE_COLLAR, &s.limits, &s.view, &s.order, &v);
    assert_int_equal(v.answer, RISK_UNKNOWN);
    s.view.price_known = true;
    s.view.price_age_ns = 61 * SECOND;
    risk_judge_row(RISK_PRICE_COLLAR, &s.limits, &s.view, &s.order, &v);
    assert_int_equal(v.answer, RISK_UNKNOWN);
}

// ---- exactly at the limit ------------------------------------------------------------------------------------------

#define EACH_EDGE(X)                                                                                                   \
    X(sell_all, RISK_LONG_ONLY, s->order.side = ORDER_SELL; s->order.qty.nanos = 20 * D, s->order.qty.nanos += 1)      \
    X(sell_rest, RISK_LONG_ONLY, s->order.side = ORDER_SELL;                                                           \
      s->view.open_sell_qty.nanos = 10 * D, s->view.open_sell_qty.nanos += 1)                                          \
    X(price_age, RISK_PRICE_AGE, s->view.price_age_ns = 60 * SECOND, s->view.price_age_ns += 1)                        \
    X(price_ahead, RISK_PRICE_AGE, s->view.price_age_ns = -60 * SECOND, s->view.price_age_ns -= 1)                     \
    X(limit_high, RISK_PRICE_COLLAR, s->order.type = ORDER_LIMIT;                                                      \
      s->order.limit_price.nanos = 105 * D, s->order.limit_price.nanos += CENT)                                        \
    X(limit_low, RISK_PRICE_COLLAR, s->order.type = ORDER_LIMIT;                                                       \
      s->order.limit_price.nanos = 95 * D, s->order.limit_price.nanos -= CENT)                                         \
    X(account_age, RISK_ACCOUNT_KNOWN, s->view.account_age_ns = 60 * SECOND, s->view.account_age_ns += 1)              \
    X(order_cap, RISK_ORDER_NOTIONAL, s->limits.max_order_notional.nanos = 1000 * D, s->order.qty.nanos += 1)          \
    X(order_share, RISK_ORDER_NOTIONAL, s->limits.max_order_share.nanos = D / 10, s->order.qty.nanos += 1)             \
    X(order_by_notional, RISK_ORDER_NOTIONAL, s->limits.max_order_notional.nanos = 1000 * D; s->order.qty.nanos = 0;   \
      s->order.notional.nanos = 1000 * D, s->order.notional.nanos += 1)                                                \
    X(order_by_limit_price, RISK_ORDER_NOTIONAL, s->limits.max_order_notional.nanos = 1040 * D;                        \
      s->order.type = ORDER_LIMIT; s->order.limit_price.nanos = 104 * D, s->order.limit_price.nanos += CENT)           \
    X(position, RISK_POSITION_SHARE, s->view.open_buy_qty.nanos = 20 * D, s->order.qty.nanos += 1)                     \
    X(gross, RISK_GROSS_EXPOSURE, s->view.gross.nanos = 9000 * D, s->view.gross.nanos += 1)                            \
    X(cash, RISK_BUYING_POWER, s->view.open_buys.nanos = 7000 * D, s->view.open_buys.nanos += 1)                       \
    X(run, RISK_ORDERS_PER_RUN, s->view.orders_in_run = 9, s->view.orders_in_run += 1)                                 \
    X(day, RISK_ORDERS_PER_DAY, s->view.orders_in_day = 19, s->view.orders_in_day += 1)                                \
    X(day_value, RISK_NOTIONAL_PER_DAY, s->view.notional_in_day.nanos = 19000 * D, s->view.notional_in_day.nanos += 1)

#define EDGE_FN(name, row, at, above)                                                                                  \
    static void at_##name(struct scene *s)                                                                             \
    {                                                                                                                  \
        at;                                                                                                            \
    }                                                                                                                  \
    static void above_##name(struct scene *s)                                                                          \
    {                                                                                                                  \
        above;                                                                                                         \
    }
EACH_EDGE(EDGE_FN)
#define EDGE_ROW(name, row, ...) {#name, row, at_##name, above_##name},
static const struct {
    const char *name;
    enum risk_row row;
    void (*at)(struct scene *s), (*above)(struct scene *s);
} edges[] = {EACH_EDGE(EDGE_ROW)};

static void limits_are_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        struct scene s = quiet();
        edges[i].at(&s);
        assert_verdict(&s, RISK_PASS, edges[i].row, edges[i].name);
        edges[i].above(&s);
        bool age = edges[i].row == RISK_PRICE_AGE || edges[i].row == RISK_ACCOUNT_KNOWN;
        assert_verdict(&s, age ? RISK_UNKNOWN : RISK_FAIL, edges[i].row, edges[i].name);
    }
}

static void values_round_up(void **state)
{
    (void)state;
    struct scene s = quiet();
    s.view.price.nanos = s.view.reference.nanos = s.view.traded.nanos = 1; // a nano of a dollar
    s.view.ask.nanos = s.view.bid.nanos = 1;
    s.limits.min_price.nanos = 0;
    s.order.qty.nanos = 1; // a nano of a share: far below a nano of value
    struct risk_verdict v = judge(&s);
    assert_int_equal(v.answer, RISK_PASS);
    assert_int_equal(v.value.nanos, 1);
    s = quiet();
    s.order.type = ORDER_LIMIT;
    s.order.limit_price.nanos = 96 * D; // below the market: it may fill at the market's 100 all the same
    assert_int_equal(judge(&s).value.nanos, 1000 * D);
    s.order.limit_price.nanos = 104 * D;
    assert_int_equal(judge(&s).value.nanos, 1040 * D);
}

// ---- orders that reduce --------------------------------------------------------------------------------------------

static struct scene reducing(void)
{
    struct scene s = quiet();
    s.order.side = ORDER_SELL;
    return s;
}

static void what_reduces(void **state)
{
    (void)state;
    static const struct {
        int64_t held, open_buy, open_sell, qty;
        enum order_side side;
        bool reduces;
    } rows[] = {
        {20 * D, 0, 0, 20 * D, ORDER_SELL, true},
        {20 * D, 0, 0, 20 * D + 1, ORDER_SELL, false},
        {20 * D, 0, 5 * D, 15 * D, ORDER_SELL, true},
        {20 * D, 0, 5 * D, 15 * D + 1, ORDER_SELL, false},
        {20 * D, 90 * D, 0, 20 * D, ORDER_SELL, true},
        {0, 90 * D, 0, 1, ORDER_SELL, false},
        {-20 * D, 0, 0, 20 * D, ORDER_BUY, true},
        {-20 * D, 0, 0, 20 * D + 1, ORDER_BUY, false},
        {-20 * D, 5 * D, 0, 15 * D, ORDER_BUY, true},
        {-20 * D, 5 * D, 0, 15 * D + 1, ORDER_BUY, false},
        {-20 * D, 0, 0, 1, ORDER_SELL, false},
        {20 * D, 0, 0, 1, ORDER_BUY, false},
        {0, 0, 0, 1, ORDER_BUY, false},
        {20 * D, 0, -1, 20 * D, ORDER_SELL, false},
        {INT64_MAX, 0, INT64_MAX, D, ORDER_SELL, false},
        {INT64_MIN, 0, 0, D, ORDER_BUY, false},
        {20 * D, 0, 0, 0, ORDER_SELL, false},
        {20 * D, 0, 0, -D, ORDER_SELL, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scene s = quiet();
        s.view.held.nanos = rows[i].held;
        s.view.open_buy_qty.nanos = rows[i].open_buy;
        s.view.open_sell_qty.nanos = rows[i].open_sell;
        s.order.side = rows[i].side;
        s.order.qty.nanos = rows[i].qty;
        if (judge(&s).reduces != rows[i].reduces)
            fail_msg("row %zu", i);
    }
    struct scene s = reducing();
    s.order.qty.nanos = 0;
    s.order.notional.nanos = 100 * D; // how many shares that sells, only the fill tells
    assert_false(judge(&s).reduces);
    s.order.qty.nanos = D; // both given: not an order that is ever sent, and no way around the rows either
    assert_false(judge(&s).reduces);
}

// The rows that must not hold up a way out.
static void reduce_is_not_held_up(void **state)
{
    (void)state;
    struct scene s = reducing();
    s.limits.max_order_notional.nanos = s.limits.max_notional_per_day.nanos = 0;
    s.limits.max_order_share.nanos = s.limits.max_position_share.nanos = s.limits.max_gross_exposure.nanos = 0;
    s.view.cash.nanos = -D;
    s.view.gross_known = false;
    s.view.notional_in_day.nanos = -1;
    assert_verdict(&s, RISK_PASS, RISK_ORDER_NOTIONAL, "no limits");
    assert_true(judge(&s).reduces);
    s.view.price_known = false;
    assert_verdict(&s, RISK_PASS, RISK_PRICE_KNOWN, "no price");
    assert_int_equal(judge(&s).value.nanos, 0);
    s.view.price_known = true;
    s.view.price_age_ns = INT64_MAX;
    assert_verdict(&s, RISK_PASS, RISK_PRICE_AGE, "old price");
    s.order.type = ORDER_LIMIT; // no fresh price to measure the limit against: nothing to compare
    s.order.limit_price.nanos = 5 * D;
    assert_verdict(&s, RISK_PASS, RISK_PRICE_COLLAR, "limit without price");
    // The same order against a short position.
    s = quiet();
    s.view.held.nanos = -20 * D;
    s.view.cash.nanos = -D;
    s.view.price_known = false;
    assert_verdict(&s, RISK_PASS, RISK_BUYING_POWER, "cover");
    assert_true(judge(&s).reduces);
    // One nano more is no reduction, and everything is asked again.
    s.order.qty.nanos = 20 * D + 1;
    assert_verdict(&s, RISK_UNKNOWN, RISK_PRICE_KNOWN, "cover and more");
}

static void reduce_still_needs_the_rest(void **state)
{
    (void)state;
    static const struct {
        enum risk_row row;
        enum risk_answer answer;
    } expected[] = {
        {RISK_SYMBOL_LIST, RISK_FAIL},    {RISK_TRADABLE, RISK_FAIL},          {RISK_TRADABLE, RISK_UNKNOWN},
        {RISK_PRICE_COLLAR, RISK_FAIL},   {RISK_ACCOUNT_KNOWN, RISK_UNKNOWN},  {RISK_ORDERS_PER_RUN, RISK_FAIL},
        {RISK_ORDERS_PER_DAY, RISK_FAIL}, {RISK_ORDERS_PER_DAY, RISK_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        struct scene s = reducing();
        switch (i) {
        case 0:
            s.limits.deny = spy_and_tlt;
            s.limits.deny_count = 2;
            break;
        case 1:
            s.view.tradable = false;
            break;
        case 2:
            s.view.asset_known = false;
            break;
        case 3: // a fat finger out of a position costs as much as one into it
            s.order.type = ORDER_LIMIT;
            s.order.limit_price.nanos = 50 * D;
            break;
        case 4:
            s.view.account_known = false;
            break;
        case 5:
            s.view.orders_in_run = 10;
            break;
        case 6:
            s.view.orders_in_day = 20;
            break;
        default:
            s.view.orders_in_day = -1;
        }
        assert_true(judge(&s).reduces);
        assert_verdict(&s, expected[i].answer, expected[i].row, "reduce");
    }
}

// ---- sells, shorts, notional ---------------------------------------------------------------------------------------

static void shrinking_is_never_too_large(void **state)
{
    (void)state;
    // By notional out of a position that is above its share already: not REDUCE, but not a larger position either.
    struct scene s = reducing();
    s.limits.max_position_share.nanos = D / 100;
    s.order.qty.nanos = 0;
    s.order.notional.nanos = 500 * D;
    assert_verdict(&s, RISK_PASS, RISK_POSITION_SHARE, "sell by notional");
    s.limits.max_gross_exposure.nanos = D / 100;
    assert_verdict(&s, RISK_PASS, RISK_GROSS_EXPOSURE, "sell by notional");
    s.view.cash.nanos = -D;
    assert_verdict(&s, RISK_PASS, RISK_BUYING_POWER, "sell by notional");
}

static void shorts_are_exposure(void **state)
{
    (void)state;
    struct scene s = reducing();
    s.limits.long_only = false;
    s.view.held.nanos = 5 * D;
    s.view.gross.nanos = 9500 * D;
    assert_verdict(&s, RISK_PASS, RISK_GROSS_EXPOSURE, "5 short at the limit"); // 10 sold of 5 held adds 500
    s.view.gross.nanos += 1;
    assert_verdict(&s, RISK_FAIL, RISK_GROSS_EXPOSURE, "5 short above the limit");
    s.view.gross.nanos = 0;
    s.view.open_sell_qty.nanos = 100 * D; // wholly beyond what is held: all 10 add, and the position is 105 short
    assert_verdict(&s, RISK_FAIL, RISK_POSITION_SHARE, "105 short");
    s.limits.max_position_share.nanos = 2 * D;
    s.view.gross.nanos = 9000 * D;
    assert_verdict(&s, RISK_PASS, RISK_GROSS_EXPOSURE, "10 more short");
    s.view.gross.nanos += 1;
    assert_verdict(&s, RISK_FAIL, RISK_GROSS_EXPOSURE, "10 more short");
}

static void notional_counts_most_shares(void **state)
{
    (void)state;
    struct scene s = reducing(); // 20 held; 1950 at a limit of 97 could be 20.1 shares
    s.order.qty.nanos = 0;
    s.order.notional.nanos = 1950 * D;
    assert_verdict(&s, RISK_PASS, RISK_LONG_ONLY, "at the market");
    s.order.type = ORDER_LIMIT;
    s.order.limit_price.nanos = 97 * D;
    assert_verdict(&s, RISK_FAIL, RISK_LONG_ONLY, "at the limit price");
    s.order.limit_price.nanos = 104 * D; // above the market: the shares are those of the market
    s.order.notional.nanos = 2000 * D;
    assert_verdict(&s, RISK_PASS, RISK_LONG_ONLY, "at the market");
    s.order.notional.nanos += D;
    assert_verdict(&s, RISK_FAIL, RISK_LONG_ONLY, "at the market");
}

static void names_and_texts(void **state)
{
    (void)state;
    for (int row = 0; row < RISK_ROW_COUNT; row++) {
        assert_true(strlen(risk_row_name((enum risk_row)row)) > 0);
        assert_true(strlen(risk_row_text((enum risk_row)row)) > 10);
    }
    assert_string_equal(risk_row_name(RISK_ACCOUNT_KNOWN), "account_known");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quiet_scene_passes),
        cmocka_unit_test(rows_need_no_other_row),
        cmocka_unit_test(every_row_fires),
        cmocka_unit_test(every_unknown_denies),
        cmocka_unit_test(rows_deny_on_their_own),
        cmocka_unit_test(limits_are_exact),
        cmocka_unit_test(values_round_up),
        cmocka_unit_test(what_reduces),
        cmocka_unit_test(reduce_is_not_held_up),
        cmocka_unit_test(reduce_still_needs_the_rest),
        cmocka_unit_test(shrinking_is_never_too_large),
        cmocka_unit_test(shorts_are_exposure),
        cmocka_unit_test(notional_counts_most_shares),
        cmocka_unit_test(names_and_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
