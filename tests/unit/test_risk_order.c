// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The table of examples: each row denies its own. Then the rows about an order's size, hours, lists, prices and what is
// open beside it, at their limit and one step above.
#include "lib/trade/risk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define D DECIMAL_ONE
#define CENT (D / 100)

typedef struct risk_example scene;

static struct risk_verdict judge(const scene *s)
{
    struct risk_verdict v;
    risk_judge(&s->limits, &s->view, &s->order, &v);
    return v;
}

static void assert_answer(const scene *s, enum risk_answer answer, enum risk_row row, const char *what)
{
    struct risk_verdict v = judge(s), alone;
    if (v.answer != answer || (answer != RISK_PASS && v.row != row))
        fail_msg("%s: answer %d in %s (%s), expected %d in %s", what, (int)v.answer, risk_row_name(v.row), v.detail,
                 (int)answer, risk_row_name(row));
    risk_judge_row(row, &s->limits, &s->view, &s->order, &alone);
    assert_int_equal(alone.answer, answer);
}

static void every_example_is_denied_by_its_row(void **state)
{
    (void)state;
    scene s;
    risk_example(RISK_ROW_COUNT, &s);
    assert_int_equal(judge(&s).answer, RISK_PASS);
    for (int i = 0; i < RISK_ROW_COUNT; i++) {
        enum risk_row row = (enum risk_row)i;
        struct risk_verdict v;
        risk_example(row, &s);
        v = judge(&s);
        if (v.answer == RISK_PASS || v.row != row)
            fail_msg("the example of %s: answer %d in %s (%s)", risk_row_name(row), (int)v.answer, risk_row_name(v.row),
                     v.detail);
        assert_true(strlen(v.detail) > 10);
    }
}

// name, answer, row, what is changed in the quiet account
#define CASES(X)                                                                                                       \
    X(qty_at, RISK_PASS, RISK_ORDER_SIZE, l->max_order_qty.nanos = 10 * D)                                             \
    X(qty_above, RISK_FAIL, RISK_ORDER_SIZE, l->max_order_qty.nanos = 10 * D - 1)                                      \
    X(qty_by_notional, RISK_FAIL, RISK_ORDER_SIZE, l->max_order_qty.nanos = D; o->qty.nanos = 0;                       \
      o->notional.nanos = 100 * D + CENT)                                                                              \
    X(lot_fits, RISK_PASS, RISK_LOT, s->symbol.lot.nanos = 5 * D)                                                      \
    X(lot_odd, RISK_FAIL, RISK_LOT, s->symbol.lot.nanos = 4 * D)                                                       \
    X(lot_fraction, RISK_FAIL, RISK_LOT, s->symbol.lot.nanos = D; o->qty.nanos += D / 2)                               \
    X(lot_notional, RISK_FAIL, RISK_LOT, s->symbol.lot.nanos = D; o->qty.nanos = 0; o->notional.nanos = 100 * D)       \
    X(lot_reduces, RISK_PASS, RISK_LOT, s->symbol.lot.nanos = 100 * D; o->side = ORDER_SELL)                           \
    X(tick_cents, RISK_PASS, RISK_PRICE_TICK, limit(o, 100 * D + CENT))                                                \
    X(tick_below_cents, RISK_FAIL, RISK_PRICE_TICK, limit(o, 100 * D + CENT / 10))                                     \
    X(tick_at_a_dollar, RISK_FAIL, RISK_PRICE_TICK, limit(o, D + CENT / 100))                                          \
    X(tick_below_a_dollar, RISK_PASS, RISK_PRICE_TICK, price(v, D - CENT / 100); limit(o, D - CENT / 100))             \
    X(tick_too_fine, RISK_FAIL, RISK_PRICE_TICK, price(v, D - CENT / 100); limit(o, D - CENT / 1000))                  \
    X(tick_reduces, RISK_FAIL, RISK_PRICE_TICK, limit(o, 100 * D + 1); o->side = ORDER_SELL)                           \
    X(hours_unknown, RISK_UNKNOWN, RISK_SESSION, v->hours = RISK_HOURS_UNKNOWN)                                        \
    X(hours_unknown_limit, RISK_UNKNOWN, RISK_SESSION, v->hours = RISK_HOURS_UNKNOWN; limit(o, 100 * D))               \
    X(hours_unknown_reduces, RISK_PASS, RISK_SESSION, v->hours = RISK_HOURS_UNKNOWN; o->side = ORDER_SELL)             \
    X(hours_extended, RISK_FAIL, RISK_SESSION, v->hours = RISK_HOURS_EXTENDED)                                         \
    X(hours_extended_limit, RISK_PASS, RISK_SESSION, v->hours = RISK_HOURS_EXTENDED; limit(o, 100 * D);                \
      o->extended_hours = true)                                                                                        \
    X(hours_closed, RISK_FAIL, RISK_SESSION, v->hours = RISK_HOURS_CLOSED)                                             \
    X(hours_closed_reduces, RISK_FAIL, RISK_SESSION, v->hours = RISK_HOURS_CLOSED; o->side = ORDER_SELL)               \
    X(hours_closed_limit, RISK_PASS, RISK_SESSION, v->hours = RISK_HOURS_CLOSED; limit(o, 100 * D))                    \
    X(hours_opening, RISK_PASS, RISK_SESSION, v->hours = RISK_HOURS_CLOSED; o->tif = TIF_OPG)                          \
    X(hours_closing, RISK_PASS, RISK_SESSION, v->hours = RISK_HOURS_EXTENDED; o->tif = TIF_CLS)                        \
    X(extended_market, RISK_FAIL, RISK_SESSION, o->extended_hours = true)                                              \
    X(fraction_day, RISK_PASS, RISK_FRACTIONAL, o->qty.nanos = D / 2)                                                  \
    X(fraction_gtc, RISK_FAIL, RISK_FRACTIONAL, o->qty.nanos = D / 2; o->tif = TIF_GTC)                                \
    X(whole_gtc, RISK_PASS, RISK_FRACTIONAL, o->tif = TIF_GTC)                                                         \
    X(dollars_gtc, RISK_FAIL, RISK_FRACTIONAL, o->qty.nanos = 0; o->notional.nanos = D; o->tif = TIF_GTC)              \
    X(dollar, RISK_PASS, RISK_FRACTIONAL, o->qty.nanos = 0; o->notional.nanos = D)                                     \
    X(below_a_dollar, RISK_FAIL, RISK_FRACTIONAL, o->qty.nanos = 0; o->notional.nanos = D - CENT)                      \
    X(fraction_short, RISK_FAIL, RISK_FRACTIONAL, l->long_only = false; o->side = ORDER_SELL;                          \
      o->qty.nanos = 20 * D + D / 2)                                                                                   \
    X(whole_short, RISK_PASS, RISK_FRACTIONAL, l->long_only = false; o->side = ORDER_SELL; o->qty.nanos = 21 * D)      \
    X(fraction_held, RISK_PASS, RISK_FRACTIONAL, o->side = ORDER_SELL; o->qty.nanos = 19 * D + D / 2)                  \
    X(dollars_no_price, RISK_UNKNOWN, RISK_FRACTIONAL, l->long_only = false; o->side = ORDER_SELL; o->qty.nanos = 0;   \
      o->notional.nanos = D; v->price_known = false)                                                                   \
    X(twice_inside, RISK_FAIL, RISK_DUPLICATE, v->alike = true; v->alike_age_ns = l->duplicate_window_ns)              \
    X(twice_outside, RISK_PASS, RISK_DUPLICATE, v->alike = true; v->alike_age_ns = l->duplicate_window_ns + 1)         \
    X(twice_reduces, RISK_FAIL, RISK_DUPLICATE, v->alike = true; o->side = ORDER_SELL)                                 \
    X(wash_buy_market, RISK_FAIL, RISK_WASH, v->sell_open = true; v->sell_lowest.nanos = 200 * D)                      \
    X(wash_buy_limit_at, RISK_FAIL, RISK_WASH, v->sell_open = true; limit(o, 100 * D); v->sell_lowest.nanos = 100 * D) \
    X(wash_buy_limit_below, RISK_PASS, RISK_WASH, v->sell_open = true; limit(o, 100 * D);                              \
      v->sell_lowest.nanos = 100 * D + CENT)                                                                           \
    X(wash_buy_against_market, RISK_FAIL, RISK_WASH, v->sell_open = true; limit(o, 100 * D))                           \
    X(wash_sell_limit_at, RISK_FAIL, RISK_WASH, sell(o); v->buy_open = true; limit(o, 100 * D);                        \
      v->buy_highest.nanos = 100 * D)                                                                                  \
    X(wash_sell_limit_above, RISK_PASS, RISK_WASH, sell(o); v->buy_open = true; limit(o, 100 * D);                     \
      v->buy_highest.nanos = 100 * D - CENT)                                                                           \
    X(wash_sell_market, RISK_FAIL, RISK_WASH, sell(o); v->buy_open = true; v->buy_highest.nanos = D)                   \
    X(wash_same_side, RISK_PASS, RISK_WASH, v->buy_open = true)                                                        \
    X(wash_same_side_sell, RISK_PASS, RISK_WASH, sell(o); v->sell_open = true)                                         \
    X(crossed, RISK_FAIL, RISK_PRICE_CROSSED, v->bid.nanos = v->ask.nanos + 1)                                         \
    X(locked, RISK_PASS, RISK_PRICE_CROSSED, v->bid.nanos = v->ask.nanos)                                              \
    X(crossed_long_ago, RISK_PASS, RISK_PRICE_CROSSED, v->bid.nanos = v->ask.nanos + 1;                                \
      v->quote_age_ns = l->max_price_age_ns + 1)                                                                       \
    X(one_sided, RISK_PASS, RISK_PRICE_CROSSED, v->ask.nanos = 0; limit(o, 100 * D))                                   \
    X(luld_at, RISK_PASS, RISK_LULD, wide(s, 100 * D, 105 * D))                                                        \
    X(luld_above, RISK_FAIL, RISK_LULD, wide(s, 100 * D, 105 * D + 1))                                                 \
    X(luld_below, RISK_FAIL, RISK_LULD, wide(s, 100 * D, 105 * D); v->bid.nanos = 95 * D - 1; sell(o))                 \
    X(luld_below_at, RISK_PASS, RISK_LULD, wide(s, 100 * D, 105 * D); v->bid.nanos = 95 * D; sell(o))                  \
    X(luld_near_side, RISK_PASS, RISK_LULD, wide(s, 100 * D, 100 * D); v->bid.nanos = 60 * D)                          \
    X(luld_tier_2, RISK_PASS, RISK_LULD, wide(s, 100 * D, 110 * D); s->symbol.luld = RISK_LULD_TIER_2)                 \
    X(luld_tier_2_above, RISK_FAIL, RISK_LULD, wide(s, 100 * D, 110 * D + 1); s->symbol.luld = RISK_LULD_TIER_2)       \
    X(luld_off, RISK_PASS, RISK_LULD, wide(s, 100 * D, 140 * D); s->symbol.luld = RISK_LULD_OFF)                       \
    X(luld_off_empty, RISK_PASS, RISK_LULD, wide(s, 100 * D, 0); s->symbol.luld = RISK_LULD_OFF)                       \
    X(luld_3, RISK_PASS, RISK_LULD, wide(s, 3 * D, 36 * D / 10))                                                       \
    X(luld_3_above, RISK_FAIL, RISK_LULD, wide(s, 3 * D, 36 * D / 10 + 1))                                             \
    X(luld_above_3, RISK_FAIL, RISK_LULD, wide(s, 3 * D + CENT, 36 * D / 10))                                          \
    X(luld_75, RISK_PASS, RISK_LULD, wide(s, 75 * CENT, 90 * CENT))                                                    \
    X(luld_75_above, RISK_FAIL, RISK_LULD, wide(s, 75 * CENT, 90 * CENT + 1))                                          \
    X(luld_74, RISK_PASS, RISK_LULD, wide(s, 74 * CENT, 89 * CENT))                                                    \
    X(luld_74_above, RISK_FAIL, RISK_LULD, wide(s, 74 * CENT, 89 * CENT + 1))                                          \
    X(luld_16, RISK_PASS, RISK_LULD, wide(s, 16 * CENT, 28 * CENT))                                                    \
    X(luld_16_above, RISK_FAIL, RISK_LULD, wide(s, 16 * CENT, 28 * CENT + 1))                                          \
    X(luld_limit_order, RISK_PASS, RISK_LULD, wide(s, 100 * D, 120 * D); limit(o, 120 * D))                            \
    X(luld_opening, RISK_PASS, RISK_LULD, wide(s, 100 * D, 120 * D); o->tif = TIF_OPG)                                 \
    X(luld_close, RISK_PASS, RISK_LULD, wide(s, 100 * D, 120 * D); o->tif = TIF_CLS)                                   \
    X(luld_no_ask, RISK_FAIL, RISK_LULD, v->ask.nanos = 0)                                                             \
    X(luld_no_bid, RISK_FAIL, RISK_LULD, v->bid.nanos = 0; sell_dollars(o))                                            \
    X(luld_halted, RISK_FAIL, RISK_LULD, v->bid.nanos = v->ask.nanos = 0)                                              \
    X(luld_no_bid_reduces, RISK_PASS, RISK_LULD, v->bid.nanos = 0; sell(o))                                            \
    X(luld_no_quote, RISK_PASS, RISK_LULD, v->ask.nanos = 0; v->quote_known = false)                                   \
    X(luld_quote_old, RISK_PASS, RISK_LULD, v->ask.nanos = 0; v->quote_age_ns = l->max_price_age_ns + 1)               \
    X(luld_trade_at, RISK_FAIL, RISK_LULD, wide(s, 100 * D, 110 * D); v->traded_age_ns = 300 * NS_PER_S;               \
      v->reference.nanos = 105 * D)                                                                                    \
    X(luld_trade_old, RISK_PASS, RISK_LULD, wide(s, 100 * D, 110 * D); v->traded_age_ns = 300 * NS_PER_S + 1;          \
      v->reference.nanos = 105 * D)                                                                                    \
    X(luld_no_trade, RISK_PASS, RISK_LULD, wide(s, 0, 100 * D))                                                        \
    X(adv_at, RISK_PASS, RISK_ADV_SHARE, v->adv.nanos = 200 * D)                                                       \
    X(adv_above, RISK_FAIL, RISK_ADV_SHARE, v->adv.nanos = 200 * D - 20)                                               \
    X(adv_unknown, RISK_UNKNOWN, RISK_ADV_SHARE, v->adv.nanos = 0)                                                     \
    X(adv_unknown_reduces, RISK_PASS, RISK_ADV_SHARE, v->adv.nanos = 0; sell(o))                                       \
    X(adv_stated, RISK_PASS, RISK_ADV_SHARE, v->adv.nanos = 0; s->symbol.adv.nanos = 200 * D)                          \
    X(adv_stated_above, RISK_FAIL, RISK_ADV_SHARE, s->symbol.adv.nanos = 200 * D - 20)                                 \
    X(adv_by_notional, RISK_FAIL, RISK_ADV_SHARE, v->adv.nanos = 200 * D; o->qty.nanos = 0;                            \
      o->notional.nanos = 1000 * D + CENT)                                                                             \
    X(adv_out_of_range, RISK_UNKNOWN, RISK_ADV_SHARE, v->adv.nanos = INT64_MAX; l->max_adv_share.nanos = 2 * D)        \
    X(jump_at, RISK_PASS, RISK_PRICE_JUMP, v->before.nanos = 125 * D)                                                  \
    X(jump_down, RISK_FAIL, RISK_PRICE_JUMP, v->before.nanos = 125 * D + 10)                                           \
    X(jump_up, RISK_FAIL, RISK_PRICE_JUMP, v->before.nanos = 83 * D)                                                   \
    X(jump_long_ago, RISK_PASS, RISK_PRICE_JUMP, v->before.nanos = D; v->before_age_ns = l->max_price_age_ns + 1)      \
    X(jump_out_of_range, RISK_FAIL, RISK_PRICE_JUMP, v->before.nanos = 90 * D; l->max_price_jump.nanos = INT64_MAX)    \
    X(price_at_min, RISK_PASS, RISK_PRICE_BOUNDS, l->min_price.nanos = 100 * D)                                        \
    X(price_below_min, RISK_FAIL, RISK_PRICE_BOUNDS, l->min_price.nanos = 100 * D + 1)                                 \
    X(limit_below_min, RISK_FAIL, RISK_PRICE_BOUNDS, l->min_price.nanos = 100 * D; limit(o, 100 * D - CENT))           \
    X(price_at_max, RISK_PASS, RISK_PRICE_BOUNDS, l->max_price.nanos = 100 * D)                                        \
    X(price_above_max, RISK_FAIL, RISK_PRICE_BOUNDS, l->max_price.nanos = 100 * D - 1)                                 \
    X(limit_above_max, RISK_FAIL, RISK_PRICE_BOUNDS, l->max_price.nanos = 100 * D; limit(o, 100 * D + CENT))           \
    X(market_at_collar, RISK_PASS, RISK_PRICE_COLLAR, v->ask.nanos = 105 * D)                                          \
    X(market_buy_collar, RISK_FAIL, RISK_PRICE_COLLAR, v->ask.nanos = 105 * D + 1)                                     \
    X(market_sell_collar, RISK_FAIL, RISK_PRICE_COLLAR, sell(o); v->bid.nanos = 95 * D - 1)                            \
    X(market_sell_other_side, RISK_PASS, RISK_PRICE_COLLAR, sell(o); v->ask.nanos = 200 * D)                           \
    X(market_no_quote, RISK_PASS, RISK_PRICE_COLLAR, v->quote_known = false; v->ask.nanos = 0)                         \
    X(market_old_quote, RISK_PASS, RISK_PRICE_COLLAR, v->ask.nanos = 200 * D;                                          \
      v->quote_age_ns = l->max_price_age_ns + 1)                                                                       \
    X(market_no_reference, RISK_UNKNOWN, RISK_PRICE_COLLAR, v->reference.nanos = 0)                                    \
    X(decided_near, RISK_PASS, RISK_PRICE_COLLAR, v->decided.nanos = 105 * D)                                          \
    X(decided_far, RISK_FAIL, RISK_PRICE_COLLAR, v->decided.nanos = 105 * D + 1)                                       \
    X(own_collar_wider, RISK_PASS, RISK_PRICE_COLLAR, s->symbol.price_collar.nanos = D / 10; v->ask.nanos = 110 * D;   \
      s->symbol.luld = RISK_LULD_TIER_2)                                                                               \
    X(own_collar, RISK_FAIL, RISK_PRICE_COLLAR, s->symbol.price_collar.nanos = D / 10; v->ask.nanos = 110 * D + 1)     \
    X(own_age, RISK_PASS, RISK_PRICE_AGE, s->symbol.max_price_age_ns = 1800 * NS_PER_S;                                \
      v->price_age_ns = 1800 * NS_PER_S)                                                                               \
    X(own_age_over, RISK_UNKNOWN, RISK_PRICE_AGE, s->symbol.max_price_age_ns = 1800 * NS_PER_S;                        \
      v->price_age_ns = 1800 * NS_PER_S + 1)                                                                           \
    X(listed_deny, RISK_FAIL, RISK_SYMBOL_LIST, s->symbol.list = RISK_LIST_DENY)                                       \
    X(listed_deny_until, RISK_FAIL, RISK_SYMBOL_LIST, s->symbol.list = RISK_LIST_DENY;                                 \
      s->symbol.until_ns = v->now_wall_ns + 1)                                                                         \
    X(listed_deny_over, RISK_PASS, RISK_SYMBOL_LIST, s->symbol.list = RISK_LIST_DENY;                                  \
      s->symbol.until_ns = v->now_wall_ns)                                                                             \
    X(listed_deny_no_time, RISK_FAIL, RISK_SYMBOL_LIST, s->symbol.list = RISK_LIST_DENY; s->symbol.until_ns = 1;       \
      v->now_wall_ns = 0)                                                                                              \
    X(listed_allow, RISK_PASS, RISK_LIST_EXPIRED, s->symbol.list = RISK_LIST_ALLOW; l->symbols_allowed = 1)            \
    X(listed_allow_until, RISK_PASS, RISK_LIST_EXPIRED, s->symbol.list = RISK_LIST_ALLOW; l->symbols_allowed = 1;      \
      s->symbol.until_ns = v->now_wall_ns + 1)                                                                         \
    X(listed_allow_over, RISK_FAIL, RISK_LIST_EXPIRED, s->symbol.list = RISK_LIST_ALLOW; l->symbols_allowed = 1;       \
      s->symbol.until_ns = v->now_wall_ns)                                                                             \
    X(listed_allow_no_time, RISK_UNKNOWN, RISK_LIST_EXPIRED, s->symbol.list = RISK_LIST_ALLOW;                         \
      s->symbol.until_ns = INT64_MAX; v->now_wall_ns = 0)                                                              \
    X(listed_allow_over_reduces, RISK_PASS, RISK_LIST_EXPIRED, s->symbol.list = RISK_LIST_ALLOW; sell(o);              \
      s->symbol.until_ns = v->now_wall_ns)                                                                             \
    X(others_allowed, RISK_FAIL, RISK_SYMBOL_LIST, l->symbols_allowed = 1)                                             \
    X(rule_of_another, RISK_PASS, RISK_SYMBOL_LIST, strcpy(s->symbol.symbol, "TLT"); s->symbol.list = RISK_LIST_DENY)  \
    X(rule_before, RISK_PASS, RISK_SYMBOL_LIST, strcpy(s->symbol.symbol, "AAA"); s->symbol.list = RISK_LIST_DENY)      \
    X(net_long_at, RISK_PASS, RISK_NET_EXPOSURE, l->max_net_exposure.nanos = 3 * D / 10)                               \
    X(net_long_above, RISK_FAIL, RISK_NET_EXPOSURE, l->max_net_exposure.nanos = 3 * D / 10 - 1)                        \
    X(net_short, RISK_FAIL, RISK_NET_EXPOSURE, l->long_only = false; sell(o); v->held.nanos = 0;                       \
      v->net_short.nanos = 0; l->max_net_exposure.nanos = D / 10 - 1)                                                  \
    X(net_short_at, RISK_PASS, RISK_NET_EXPOSURE, l->long_only = false; sell(o); v->held.nanos = 0;                    \
      v->net_short.nanos = 0; l->max_net_exposure.nanos = D / 10)                                                      \
    X(strategy_none, RISK_PASS, RISK_STRATEGY_EXPOSURE, l->max_strategy_exposure.nanos = 0)                            \
    X(strategy_at, RISK_PASS, RISK_STRATEGY_EXPOSURE, own(v, 2000, 20); l->max_strategy_exposure.nanos = 3 * D / 10)   \
    X(strategy_above, RISK_FAIL, RISK_STRATEGY_EXPOSURE, own(v, 2000, 20);                                             \
      l->max_strategy_exposure.nanos = 3 * D / 10 - 1)                                                                 \
    X(strategy_unknown, RISK_UNKNOWN, RISK_STRATEGY_EXPOSURE, own(v, 0, 0); v->strategy_known = false)                 \
    X(strategy_negative, RISK_UNKNOWN, RISK_STRATEGY_EXPOSURE, own(v, -1, 0))                                          \
    X(strategy_reduces, RISK_PASS, RISK_STRATEGY_EXPOSURE, own(v, 0, 0); v->strategy_known = false; sell(o))           \
    X(strategy_sells_its_own, RISK_PASS, RISK_STRATEGY_EXPOSURE, own(v, 20000, 1); sell_dollars(o))                    \
    X(strategy_sells_others, RISK_FAIL, RISK_STRATEGY_EXPOSURE, own(v, 2000, 0); sell_dollars(o);                      \
      l->max_strategy_exposure.nanos = 21 * D / 100 - 1)                                                               \
    X(strategy_sells_others_at, RISK_PASS, RISK_STRATEGY_EXPOSURE, own(v, 2000, -5); sell_dollars(o);                  \
      l->max_strategy_exposure.nanos = 21 * D / 100)                                                                   \
    X(strategy_sells_some_of_others, RISK_PASS, RISK_STRATEGY_EXPOSURE, own(v, 2000, 0); sell_dollars(o);              \
      v->strategy_held.nanos = 4 * D / 10; l->max_strategy_exposure.nanos = 206 * D / 1000)                            \
    X(strategy_sells_more_of_others, RISK_FAIL, RISK_STRATEGY_EXPOSURE, own(v, 2000, 0); sell_dollars(o);              \
      v->strategy_held.nanos = 4 * D / 10; l->max_strategy_exposure.nanos = 206 * D / 1000 - 1)                        \
    X(strategy_out_of_range, RISK_UNKNOWN, RISK_STRATEGY_EXPOSURE, own(v, 0, 0); v->strategy_gross.nanos = INT64_MAX)  \
    X(net_unchanged, RISK_PASS, RISK_NET_EXPOSURE, sell_dollars(o); l->max_net_exposure.nanos = 0)                     \
    X(net_unchanged_above, RISK_PASS, RISK_NET_EXPOSURE, sell_dollars(o); v->net_short.nanos = 5000 * D;               \
      l->max_net_exposure.nanos = 0)                                                                                   \
    X(net_out_of_range, RISK_UNKNOWN, RISK_NET_EXPOSURE, v->net_long.nanos = INT64_MAX)                                \
    X(day_share_at, RISK_PASS, RISK_NOTIONAL_PER_DAY, l->max_notional_per_day_share.nanos = D / 10)                    \
    X(day_share_above, RISK_FAIL, RISK_NOTIONAL_PER_DAY, l->max_notional_per_day_share.nanos = D / 10 - 1)

static void limit(struct order_request *o, int64_t nanos)
{
    o->type = ORDER_LIMIT;
    o->limit_price.nanos = nanos;
}

static void price(struct risk_view *v, int64_t nanos)
{
    v->price.nanos = v->reference.nanos = v->bid.nanos = v->ask.nanos = nanos;
}

// The collar opened, and what a market order would meet.
static void wide(scene *s, int64_t traded, int64_t ask)
{
    s->symbol.price_collar.nanos = D;
    s->view.traded.nanos = traded;
    s->view.ask.nanos = ask;
    if (traded > 0)
        s->view.price.nanos = s->view.reference.nanos = s->view.bid.nanos = traded;
}

static void own(struct risk_view *v, int64_t gross, int64_t held)
{
    v->of_strategy = v->strategy_known = true;
    v->strategy_gross.nanos = gross * D;
    v->strategy_held.nanos = held * D;
}

static void sell(struct order_request *o)
{
    o->side = ORDER_SELL;
}

static void sell_dollars(struct order_request *o)
{
    o->side = ORDER_SELL;
    o->qty.nanos = 0;
    o->notional.nanos = 100 * D;
}

#define CASE_FN(name, answer, row, ...)                                                                                \
    static void case_##name(scene *s)                                                                                  \
    {                                                                                                                  \
        struct risk_limits *l = &s->limits;                                                                            \
        struct risk_view *v = &s->view;                                                                                \
        struct order_request *o = &s->order;                                                                           \
        (void)l;                                                                                                       \
        (void)v;                                                                                                       \
        (void)o;                                                                                                       \
        __VA_ARGS__;                                                                                                   \
    }
CASES(CASE_FN)
#define CASE_ROW(name, answer, row, ...) {#name, answer, row, case_##name},
static const struct {
    const char *name;
    enum risk_answer answer;
    enum risk_row row;
    void (*apply)(scene *s);
} cases[] = {CASES(CASE_ROW)};

static void every_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        scene s;
        risk_example(RISK_ROW_COUNT, &s);
        s.limits.symbols = &s.symbol;
        s.limits.symbol_count = 1;
        cases[i].apply(&s);
        assert_answer(&s, cases[i].answer, cases[i].row, cases[i].name);
    }
}

// What a row says of its own, should none before it deny.
static void rows_deny_on_their_own(void **state)
{
    (void)state;
    static const enum risk_row rows[] = {RISK_ORDER_SIZE, RISK_ADV_SHARE, RISK_PRICE_BOUNDS, RISK_NET_EXPOSURE};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        scene s;
        struct risk_verdict v;
        risk_example(RISK_ROW_COUNT, &s);
        s.view.price_known = s.view.gross_known = false;
        s.order.qty.nanos = 0;
        s.order.notional.nanos = 100 * D;
        risk_judge_row(rows[i], &s.limits, &s.view, &s.order, &v);
        assert_int_equal(v.answer, RISK_UNKNOWN);
    }
    scene s;
    struct risk_verdict v;
    risk_example(RISK_ROW_COUNT, &s);
    own(&s.view, 0, 0); // a sell without a price, of more than is held
    s.view.price_known = false;
    s.view.held.nanos = 0;
    sell(&s.order);
    risk_judge_row(RISK_STRATEGY_EXPOSURE, &s.limits, &s.view, &s.order, &v);
    assert_int_equal(v.answer, RISK_UNKNOWN);
    s.view.price_known = true; // of a value that fits no number
    s.view.price.nanos = INT64_MAX;
    s.order.qty.nanos = 1000000 * D;
    risk_judge_row(RISK_STRATEGY_EXPOSURE, &s.limits, &s.view, &s.order, &v);
    assert_int_equal(v.answer, RISK_UNKNOWN);
    s.view.price_known = false; // of dollars, so nobody knows how many shares
    sell_dollars(&s.order);
    risk_judge_row(RISK_STRATEGY_EXPOSURE, &s.limits, &s.view, &s.order, &v);
    assert_int_equal(v.answer, RISK_UNKNOWN);
    risk_example(RISK_ROW_COUNT, &s);
    s.view.account_known = false;
    risk_judge_row(RISK_NOTIONAL_PER_DAY, &s.limits, &s.view, &s.order, &v);
    assert_int_equal(v.answer, RISK_UNKNOWN);
    risk_judge_row(RISK_NET_EXPOSURE, &s.limits, &s.view, &s.order, &v);
    assert_int_equal(v.answer, RISK_UNKNOWN);
    s.view.traded.nanos = s.view.reference.nanos = 0; // a quote without anything to hold it against
    risk_judge_row(RISK_LULD, &s.limits, &s.view, &s.order, &v);
    assert_int_equal(v.answer, RISK_UNKNOWN);
    sell_dollars(&s.order);
    risk_judge_row(RISK_NET_EXPOSURE, &s.limits, &s.view, &s.order, &v);
    assert_int_equal(v.answer, RISK_UNKNOWN);
}

// At the ends of the number range: unknown, and so denied.
static void what_does_not_fit_is_unknown(void **state)
{
    (void)state;
    static const struct {
        int64_t held, open_buy, open_sell, qty, price;
        enum order_side side;
        enum risk_row row;
    } rows[] = {
        {1, INT64_MAX, 0, D, 100 * D, ORDER_BUY, RISK_POSITION_SHARE},
        {INT64_MIN + 5, 0, 0, 10, 100 * D, ORDER_SELL, RISK_POSITION_SHARE},
        {INT64_MIN + 10 * D, 0, 0, 10 * D, 100 * D, ORDER_SELL, RISK_POSITION_SHARE},
        {INT64_MIN + 5, 0, 0, 10, 100 * D, ORDER_SELL, RISK_GROSS_EXPOSURE},
        {INT64_MIN + 5, 0, 0, 10, 100 * D, ORDER_SELL, RISK_NET_EXPOSURE},
        {0, 0, 0, INT64_MAX, 100 * D, ORDER_SELL, RISK_NET_EXPOSURE},
    };
    scene s;
    struct risk_verdict v;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        risk_example(RISK_ROW_COUNT, &s);
        s.limits.long_only = false;
        s.view.held.nanos = rows[i].held;
        s.view.open_buy_qty.nanos = rows[i].open_buy;
        s.view.open_sell_qty.nanos = rows[i].open_sell;
        s.order.qty.nanos = rows[i].qty;
        s.order.side = rows[i].side;
        risk_judge_row(rows[i].row, &s.limits, &s.view, &s.order, &v);
        if (v.answer != RISK_UNKNOWN)
            fail_msg("row %zu: %d", i, (int)v.answer);
    }
    risk_example(RISK_ROW_COUNT, &s);
    price(&s.view, 1); // a nano of a dollar: more shares than there are numbers
    s.order.qty.nanos = 0;
    s.order.notional.nanos = 1000 * D;
    risk_judge_row(RISK_ORDER_SIZE, &s.limits, &s.view, &s.order, &v);
    assert_int_equal(v.answer, RISK_UNKNOWN);
}

static void a_rule_is_found_among_many(void **state)
{
    (void)state;
    static const char *const names[] = {"AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG"};
    for (size_t count = 0; count <= ARRAY_LEN(names); count++)
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            struct risk_symbol rules[ARRAY_LEN(names)] = {0};
            scene s;
            struct risk_verdict v;
            risk_example(RISK_ROW_COUNT, &s);
            for (size_t k = 0; k < count; k++)
                strcpy(rules[k].symbol, names[k]);
            rules[i].lot.nanos = 3 * D;
            s.limits.symbols = rules;
            s.limits.symbol_count = count;
            strcpy(s.order.symbol, names[i]);
            risk_judge_row(RISK_LOT, &s.limits, &s.view, &s.order, &v);
            assert_int_equal(v.answer, i < count ? RISK_FAIL : RISK_PASS);
        }
}

static void says(enum risk_row row, const scene *s, const char *words)
{
    struct risk_verdict v;
    risk_judge_row(row, &s->limits, &s->view, &s->order, &v);
    assert_int_equal(v.answer, RISK_FAIL);
    if (!strstr(v.detail, words))
        fail_msg("%s: %s; expected %s", risk_row_name(row), v.detail, words);
}

static void what_is_told_is_what_was_found(void **state)
{
    (void)state;
    static const char *const allowed[] = {"TLT", "GLD"};
    scene s;
    risk_example(RISK_ROW_COUNT, &s);
    s.limits.allow = allowed;
    s.limits.allow_count = 2;
    s.limits.symbols_allowed = 1;
    says(RISK_SYMBOL_LIST, &s, "not among the 3 allowed symbols");
    s.view.hours = RISK_HOURS_CLOSED;
    says(RISK_SESSION, &s, "the market is closed");
    s.view.hours = RISK_HOURS_EXTENDED;
    says(RISK_SESSION, &s, "the market is in extended hours");
    limit(&s.order, 100 * D + 1);
    says(RISK_PRICE_TICK, &s, "off the tick of 0.01");
    limit(&s.order, D - 1);
    says(RISK_PRICE_TICK, &s, "off the tick of 0.0001");
    risk_example(RISK_ROW_COUNT, &s);
    sell(&s.order);
    s.order.qty.nanos = D / 2;
    s.view.held.nanos = 0;
    says(RISK_FRACTIONAL, &s, "are not sold short: 0.5 would be");
    s.view.bid.nanos = 0;
    says(RISK_LULD, &s, "no bid to meet: limit down");
    risk_example(RISK_ROW_COUNT, &s);
    s.view.ask.nanos = 0;
    says(RISK_LULD, &s, "no ask to meet: limit up");
}

static void who_answers_for_an_entry_is_named(void **state)
{
    (void)state;
    static const enum risk_list lists[] = {RISK_LIST_DENY, RISK_LIST_ALLOW};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        scene s;
        risk_example(RISK_ROW_COUNT, &s);
        s.limits.symbols = &s.symbol;
        s.limits.symbol_count = 1;
        s.symbol.list = lists[i];
        s.symbol.until_ns = lists[i] == RISK_LIST_ALLOW ? s.view.now_wall_ns : 0;
        s.symbol.owner = "ops";
        s.symbol.reason = "audit";
        assert_non_null(strstr(judge(&s).detail, "ops"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_is_denied_by_its_row),
        cmocka_unit_test(every_case),
        cmocka_unit_test(rows_deny_on_their_own),
        cmocka_unit_test(what_does_not_fit_is_unknown),
        cmocka_unit_test(a_rule_is_found_among_many),
        cmocka_unit_test(what_is_told_is_what_was_found),
        cmocka_unit_test(who_answers_for_an_entry_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
