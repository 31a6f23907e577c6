// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/trade/execution.h"

#define CENTS(n) ((struct price){(n) * (DECIMAL_ONE / 100)})

static const struct execution_rules rules = {
    .steps = {{DECIMAL_ONE / 2}, {DECIMAL_ONE * 3 / 4}, {DECIMAL_ONE * 95 / 100}},
    .step_count = 3,
    .collar = {DECIMAL_ONE / 100},
};

static struct execution_try of(enum execution_style style, int try_no, enum order_side side, int64_t bid, int64_t ask,
                               int64_t decision)
{
    struct execution_try t;
    assert_true(execution_try(style, &rules, try_no, side, CENTS(bid), CENTS(ask), CENTS(decision), &t));
    return t;
}

static void none(enum execution_style style, int try_no)
{
    struct execution_try t;
    assert_false(execution_try(style, &rules, try_no, ORDER_BUY, CENTS(100), CENTS(102), CENTS(101), &t));
}

static void a_walk_goes_toward_the_far_side_and_ends_with_market(void **state)
{
    (void)state;
    static const int64_t buys[] = {10010, 10015, 10019}, sells[] = {10010, 10005, 10001};
    for (int i = 0; i < 3; i++) {
        struct execution_try buy = of(EXECUTION_WALK, i + 1, ORDER_BUY, 10000, 10020, 10010);
        struct execution_try sell = of(EXECUTION_WALK, i + 1, ORDER_SELL, 10000, 10020, 10010);
        assert_int_equal(buy.type, ORDER_LIMIT);
        assert_true(buy.timed && sell.timed);
        assert_int_equal(buy.limit.nanos, CENTS(buys[i]).nanos);
        assert_int_equal(sell.limit.nanos, CENTS(sells[i]).nanos);
    }
    struct execution_try last = of(EXECUTION_WALK, 4, ORDER_BUY, 10000, 10020, 10010);
    assert_int_equal(last.type, ORDER_MARKET);
    assert_int_equal(last.limit.nanos, 0);
    assert_false(last.timed);
    none(EXECUTION_WALK, 5);
    none(EXECUTION_WALK, 0);
}

static void a_limit_is_at_the_far_side_inside_the_collar(void **state)
{
    (void)state;
    assert_int_equal(of(EXECUTION_LIMIT, 1, ORDER_BUY, 10000, 10020, 10010).limit.nanos, CENTS(10020).nanos);
    assert_int_equal(of(EXECUTION_LIMIT, 1, ORDER_SELL, 10000, 10020, 10010).limit.nanos, CENTS(10000).nanos);
    // One percent of 100.10 is 1.001: 101.101 and 99.099, to the patient side of the tick.
    assert_int_equal(of(EXECUTION_LIMIT, 1, ORDER_BUY, 10000, 10500, 10010).limit.nanos, CENTS(10110).nanos);
    assert_int_equal(of(EXECUTION_LIMIT, 1, ORDER_SELL, 9000, 10020, 10010).limit.nanos, CENTS(9910).nanos);
    assert_false(of(EXECUTION_LIMIT, 1, ORDER_BUY, 10000, 10020, 10010).timed);
    none(EXECUTION_LIMIT, 2);
}

static void a_market_leg_has_one_try(void **state)
{
    (void)state;
    assert_int_equal(of(EXECUTION_MARKET, 1, ORDER_BUY, 0, 0, 0).type, ORDER_MARKET);
    none(EXECUTION_MARKET, 2);
}

static void prices_are_on_the_tick(void **state)
{
    (void)state;
    struct execution_try t;
    const struct price bid = {900000000}, ask = {900100000}, low = {1};
    assert_true(execution_try(EXECUTION_WALK, &rules, 1, ORDER_BUY, bid, ask, bid, &t));
    assert_int_equal(t.limit.nanos, 900000000); // 0.90005
    assert_true(execution_try(EXECUTION_WALK, &rules, 1, ORDER_SELL, bid, ask, bid, &t));
    assert_int_equal(t.limit.nanos, 900100000);
    assert_true(execution_try(EXECUTION_WALK, &rules, 1, ORDER_BUY, low, low, low, &t));
    assert_int_equal(t.limit.nanos, 100000); // never zero
    assert_int_equal(of(EXECUTION_WALK, 1, ORDER_BUY, 10000, 10001, 10000).limit.nanos, CENTS(10000).nanos);
    struct order_request r = {.client_order_id = "x", .symbol = "SPY", .type = ORDER_LIMIT, .qty = {DECIMAL_ONE}};
    struct err err;
    for (int64_t n = 1; n < 3 * DECIMAL_ONE; n = n * 3 + 7777) {
        assert_true(execution_try(EXECUTION_LIMIT, &rules, 1, n % 2 ? ORDER_BUY : ORDER_SELL, (struct price){n},
                                  (struct price){n + n / 3}, (struct price){n}, &t));
        r.limit_price = t.limit;
        assert_int_equal(order_request_check(&r, &err), 0);
    }
}

static void without_a_quote_the_decision_price_stands_for_it(void **state)
{
    (void)state;
    assert_int_equal(of(EXECUTION_LIMIT, 1, ORDER_BUY, 0, 10020, 10010).limit.nanos, CENTS(10010).nanos);
    assert_int_equal(of(EXECUTION_WALK, 2, ORDER_SELL, 10030, 10020, 10010).limit.nanos, CENTS(10010).nanos); // crossed
}

static void words_and_steps_are_read_strictly(void **state)
{
    (void)state;
    enum execution_style s;
    struct execution_rules r;
    struct err err;
    char *good[] = {"0.5", "0.75", "0.95"}, *falling[] = {"0.5", "0.5"}, *beyond[] = {"1.1"}, *odd[] = {"x"};
    assert_true(execution_style_parse("limit-walk", &s) && s == EXECUTION_WALK);
    assert_string_equal(execution_style_name(EXECUTION_LIMIT), "limit");
    assert_false(execution_style_parse("Market", &s));
    assert_int_equal(execution_steps_parse(good, 3, &r, &err), 0);
    assert_int_equal(r.steps[2].nanos, rules.steps[2].nanos);
    assert_int_equal(execution_steps_parse(falling, 2, &r, &err), -1);
    assert_int_equal(execution_steps_parse(beyond, 1, &r, &err), -1);
    assert_int_equal(execution_steps_parse(odd, 1, &r, &err), -1);
    assert_int_equal(execution_steps_parse(good, 0, &r, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_goes_toward_the_far_side_and_ends_with_market),
        cmocka_unit_test(a_limit_is_at_the_far_side_inside_the_collar),
        cmocka_unit_test(a_market_leg_has_one_try),
        cmocka_unit_test(prices_are_on_the_tick),
        cmocka_unit_test(without_a_quote_the_decision_price_stands_for_it),
        cmocka_unit_test(words_and_steps_are_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
