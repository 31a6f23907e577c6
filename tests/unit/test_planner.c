// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The planner: netting, rounding, what is left alone, what refuses a plan.
#include "tests/unit/planner_world.h"

static void made(struct world *w)
{
    if (make(w))
        fail_msg("%s", w->err.text);
}

static void assert_refused(struct world *w, const char *says)
{
    assert_int_equal(make(w), -1);
    if (!strstr(w->err.text, says) || !strstr(w->err.text, "nothing is planned"))
        fail_msg("\"%s\" does not say \"%s\"", w->err.text, says);
    assert_int_equal(w->plan.leg_count, 0);
    assert_null(w->plan.legs);
}

// ---- one member ----------------------------------------------------------------------------------------------------

static void targets_become_floored_legs(void **state)
{
    (void)state;
    struct world w = {.rules = {.cash_buffer = {5000000}}}; // 0.5 %
    size_t m = add_member(&w, 10000 * D);
    add_asset(&w, "SPY", 301 * D, D);
    add_asset(&w, "TLT", 90 * D, 1);
    add_target(&w, m, "SPY", D / 2); // 4975 / 301 = 16.5
    add_target(&w, m, "TLT", D / 2); // 4975 / 90 = 55.2777777777...
    made(&w);
    assert_int_equal(w.plan.leg_count, 2);
    assert_leg(&w, 0, ORDER_BUY, "SPY", 16 * D);
    assert_leg(&w, 1, ORDER_BUY, "TLT", INT64_C(55277777777));
    assert_int_equal(w.plan.legs[0].decision_price.nanos, 301 * D);
    assert_int_equal(w.plan.transfer_count, 0);
    end(&w);
}

static void sells_go_before_buys(void **state)
{
    (void)state;
    struct world w = {0};
    size_t m = add_member(&w, 10000 * D);
    static const char *const buys[] = {"TLT", "AAPL", "IEF"}, *const sells[] = {"SPY", "GLD", "QQQ"};
    for (size_t i = 0; i < 3; i++) {
        add_asset(&w, buys[i], 100 * D, D);
        add_asset(&w, sells[i], 100 * D, D);
        add_target(&w, m, buys[i], D / 10);
        hold(&w, m, sells[i], 5 * D);
    }
    made(&w);
    assert_int_equal(w.plan.leg_count, 6);
    assert_leg(&w, 0, ORDER_SELL, "GLD", 5 * D);
    assert_leg(&w, 1, ORDER_SELL, "QQQ", 5 * D);
    assert_leg(&w, 2, ORDER_SELL, "SPY", 5 * D);
    assert_leg(&w, 3, ORDER_BUY, "AAPL", 10 * D);
    assert_leg(&w, 4, ORDER_BUY, "IEF", 10 * D);
    assert_leg(&w, 5, ORDER_BUY, "TLT", 10 * D);
    end(&w);
}

static void only_the_difference_is_traded(void **state)
{
    (void)state;
    struct world w = {0};
    size_t m = add_member(&w, 10000 * D);
    add_asset(&w, "SPY", 100 * D, D);
    add_target(&w, m, "SPY", D / 2);
    hold(&w, m, "SPY", 43 * D);
    made(&w);
    assert_leg(&w, 0, ORDER_BUY, "SPY", 7 * D);
    hold(&w, m, "SPY", 53 * D + D / 2); // 3.5 too many: whole shares
    made(&w);
    assert_leg(&w, 0, ORDER_SELL, "SPY", 3 * D);
    hold(&w, m, "SPY", 50 * D);
    made(&w);
    assert_int_equal(w.plan.leg_count, 0);
    end(&w);
}

static void zero_sells_everything(void **state)
{
    (void)state;
    struct world w = {.rules = {.min_trade = {1000 * D}}};
    size_t m = add_member(&w, 10000 * D);
    w.members[m].band.nanos = D / 2;
    add_asset(&w, "SPY", 10 * D, D);
    hold(&w, m, "SPY", 3 * D + 557436865); // far below the minimum, inside the band, off the increment
    add_target(&w, m, "SPY", 0);
    made(&w);
    assert_leg(&w, 0, ORDER_SELL, "SPY", 3 * D + 557436865);
    w.signals[m].count = 0; // not named any more: the same
    made(&w);
    assert_leg(&w, 0, ORDER_SELL, "SPY", 3 * D + 557436865);
    hold(&w, m, "SPY", -2 * D - 5); // and a short is bought back
    made(&w);
    assert_leg(&w, 0, ORDER_BUY, "SPY", 2 * D + 5);
    end(&w);
}

static void small_changes_are_left_alone(void **state)
{
    (void)state;
    struct world w = {.rules = {.min_trade = {100 * D}}};
    size_t m = add_member(&w, 10000 * D);
    add_asset(&w, "SPY", 100 * D, D);
    add_target(&w, m, "SPY", D / 2);
    hold(&w, m, "SPY", 49 * D);
    made(&w); // exactly the minimum is traded
    assert_leg(&w, 0, ORDER_BUY, "SPY", D);
    w.rules.min_trade.nanos = 100 * D + 1;
    made(&w);
    assert_int_equal(w.plan.leg_count, 0);
    w.rules.min_trade.nanos = 0;
    w.members[m].band.nanos = D / 100; // 1 % of 10000 is exactly this change: at the band, so left alone
    made(&w);
    assert_int_equal(w.plan.leg_count, 0);
    w.members[m].band.nanos -= 1;
    made(&w);
    assert_leg(&w, 0, ORDER_BUY, "SPY", D);
    hold(&w, m, "SPY", 51 * D);
    w.members[m].band.nanos += 1;
    made(&w);
    assert_int_equal(w.plan.leg_count, 0); // the band has two sides
    end(&w);
}

static void shorts_are_whole_shares(void **state)
{
    (void)state;
    struct world w = {0};
    size_t m = add_member(&w, 1000 * D);
    add_asset(&w, "SPY", 300 * D, 1);
    add_target(&w, m, "SPY", -D);
    made(&w);
    assert_leg(&w, 0, ORDER_SELL, "SPY", 3 * D);
    end(&w);
}

// ---- several members -----------------------------------------------------------------------------------------------

static void opposite_wishes_meet_inside(void **state)
{
    (void)state;
    struct world w = {0};
    size_t a = add_member(&w, 10000 * D), b = add_member(&w, 10000 * D);
    add_asset(&w, "SPY", 100 * D, D);
    add_target(&w, a, "SPY", D / 10); // wants 10
    hold(&w, b, "SPY", 4 * D);        // wants none of its 4
    made(&w);
    assert_int_equal(w.plan.leg_count, 1);
    assert_leg(&w, 0, ORDER_BUY, "SPY", 6 * D);
    assert_int_equal(allocated(&w, 0, "alpha"), 6 * D);
    assert_int_equal(w.plan.legs[0].allocation_count, 1);
    assert_int_equal(w.plan.transfer_count, 1);
    assert_string_equal(w.plan.transfers[0].from, "beta");
    assert_string_equal(w.plan.transfers[0].to, "alpha");
    assert_string_equal(w.plan.transfers[0].symbol, "SPY");
    assert_int_equal(w.plan.transfers[0].qty.nanos, 4 * D);
    assert_int_equal(w.plan.transfers[0].price.nanos, 100 * D);
    hold(&w, b, "SPY", 10 * D); // exactly opposite: nothing leaves the house
    made(&w);
    assert_int_equal(w.plan.leg_count, 0);
    assert_int_equal(w.plan.transfer_count, 1);
    assert_int_equal(w.plan.transfers[0].qty.nanos, 10 * D);
    hold(&w, b, "SPY", 25 * D);
    made(&w);
    assert_leg(&w, 0, ORDER_SELL, "SPY", 15 * D);
    assert_int_equal(allocated(&w, 0, "beta"), -15 * D);
    assert_int_equal(w.plan.transfers[0].qty.nanos, 10 * D);
    end(&w);
}

static void what_is_inside_is_shared_out(void **state)
{
    (void)state;
    struct world w = {0};
    size_t a = add_member(&w, 10000 * D), b = add_member(&w, 10000 * D), c = add_member(&w, 10000 * D);
    add_asset(&w, "SPY", 100 * D, D);
    add_target(&w, a, "SPY", D / 10); // wants 10
    add_target(&w, b, "SPY", D / 20); // wants 5
    hold(&w, c, "SPY", 4 * D);        // gives 4: 2.67 and 1.33, whole shares, the rest to the largest
    made(&w);
    assert_leg(&w, 0, ORDER_BUY, "SPY", 11 * D);
    assert_int_equal(w.plan.transfer_count, 2);
    assert_int_equal(w.plan.transfers[0].qty.nanos, 3 * D);
    assert_string_equal(w.plan.transfers[0].to, "alpha");
    assert_int_equal(w.plan.transfers[1].qty.nanos, D);
    assert_string_equal(w.plan.transfers[1].to, "beta");
    assert_int_equal(allocated(&w, 0, "alpha"), 7 * D);
    assert_int_equal(allocated(&w, 0, "beta"), 4 * D);
    end(&w);
}

static void odd_lot_from_inside_is_rounded_outside(void **state)
{
    (void)state;
    struct world w = {0};
    size_t a = add_member(&w, 10000 * D), b = add_member(&w, 10000 * D);
    add_asset(&w, "SPY", 100 * D, D);
    add_target(&w, a, "SPY", D / 10);
    hold(&w, b, "SPY", 3 * D + D / 2);
    made(&w); // 6.5 are missing, whole shares can be bought
    assert_leg(&w, 0, ORDER_BUY, "SPY", 6 * D);
    assert_int_equal(w.plan.transfers[0].qty.nanos, 3 * D + D / 2);
    end(&w);
}

static void tiny_leg_is_left_alone(void **state)
{
    (void)state;
    struct world w = {.rules = {.min_trade = {500 * D}}};
    size_t a = add_member(&w, 10000 * D), b = add_member(&w, 10000 * D);
    add_asset(&w, "SPY", 100 * D, D);
    add_target(&w, a, "SPY", D / 5); // 20
    add_target(&w, b, "SPY", D / 5);
    hold(&w, b, "SPY", 36 * D); // gives 16
    made(&w);                   // 4 are missing, worth 400
    assert_int_equal(w.plan.leg_count, 0);
    assert_int_equal(w.plan.transfers[0].qty.nanos, 16 * D);
    w.rules.min_trade.nanos = 400 * D;
    made(&w);
    assert_leg(&w, 0, ORDER_BUY, "SPY", 4 * D);
    end(&w);
}

static void failed_member_keeps_its_book(void **state)
{
    (void)state;
    struct world w = {0};
    size_t a = add_member(&w, 10000 * D), b = add_member(&w, 10000 * D);
    add_asset(&w, "SPY", 100 * D, D);
    add_target(&w, a, "SPY", D / 10);
    hold(&w, b, "SPY", 30 * D);
    hold(&w, b, "QQQ", 5 * D); // has no price, but nobody asks
    w.members[b].signal = NULL;
    made(&w);
    assert_int_equal(w.plan.leg_count, 1);
    assert_leg(&w, 0, ORDER_BUY, "SPY", 10 * D); // its own wish, not less what the other holds
    assert_int_equal(w.plan.transfer_count, 0);
    w.members[a].signal = NULL;
    made(&w);
    assert_int_equal(w.plan.leg_count, 0);
    end(&w);
}

// ---- refusals ------------------------------------------------------------------------------------------------------

static void missing_price_refuses_the_plan(void **state)
{
    (void)state;
    struct world w = {0};
    size_t m = add_member(&w, 10000 * D);
    add_asset(&w, "SPY", 100 * D, D);
    add_asset(&w, "TLT", 0, D);
    add_target(&w, m, "SPY", D / 2);
    hold(&w, m, "QQQ", D); // not among the assets at all
    assert_refused(&w, "alpha, QQQ: held symbol without price");
    hold(&w, m, "QQQ", 0);
    hold(&w, m, "TLT", D); // price 0 is no price
    assert_refused(&w, "alpha, TLT: held symbol without price");
    hold(&w, m, "TLT", 0);
    add_target(&w, m, "TLT", D / 4);
    assert_refused(&w, "alpha, TLT: target without price");
    w.targets[m][1].weight.nanos = 0; // neither held nor wanted: no price needed
    made(&w);
    assert_int_equal(w.plan.leg_count, 1);
    end(&w);
}

static void other_refusals(void **state)
{
    (void)state;
    struct world w = {0};
    size_t m = add_member(&w, 10000 * D);
    add_asset(&w, "SPY", 100 * D, D);
    add_target(&w, m, "SPY", D / 2);
    w.assets[0].tradable = false;
    assert_refused(&w, "not tradable");
    hold(&w, m, "SPY", 50 * D); // nothing to trade: no reason to refuse
    made(&w);
    hold(&w, m, "SPY", 0);
    w.assets[0].tradable = true;
    w.assets[0].increment.nanos = 0;
    assert_refused(&w, "increment");
    w.assets[0].increment.nanos = D;
    w.members[m].capital.nanos = -1;
    assert_refused(&w, "capital below zero");
    w.members[m].capital.nanos = INT64_MAX;
    w.assets[0].price.nanos = 1;
    assert_refused(&w, "out of the number range");
    w.members[m].capital.nanos = 10000 * D;
    w.assets[0].price.nanos = 100 * D;
    w.rules.cash_buffer.nanos = D + 1;
    assert_refused(&w, "cash buffer");
    w.rules.cash_buffer.nanos = -1;
    assert_refused(&w, "cash buffer");
    w.rules.cash_buffer.nanos = D;
    made(&w);
    assert_int_equal(w.plan.leg_count, 0);
    end(&w);
}

static void sums_out_of_range_refuse(void **state)
{
    (void)state;
    struct world w = {0};
    for (int i = 0; i < 3; i++) {
        size_t m = add_member(&w, 1000 * D);
        hold(&w, m, "SPY", INT64_MAX / 2);
    }
    add_asset(&w, "SPY", 1, D);
    assert_refused(&w, "sum of all strategies");
    end(&w);
}

static void too_many_legs_refuse(void **state)
{
    (void)state;
    struct world w = {0};
    size_t m = add_member(&w, 1000 * D);
    struct plan_asset *assets = check_alloc(PLAN_LEGS_MAX + 1, sizeof(*assets));
    for (int i = 0; i <= PLAN_LEGS_MAX; i++) {
        (void)snprintf(assets[i].symbol, sizeof(assets[i].symbol), "S%05d", i);
        assets[i].price.nanos = assets[i].increment.nanos = D;
        assets[i].tradable = true;
        hold(&w, m, assets[i].symbol, D);
    }
    struct plan p = {0};
    struct err err = {0};
    assert_int_equal(plan_make(w.members, 1, assets, PLAN_LEGS_MAX + 1, &w.rules, &p, &err), -1);
    assert_non_null(strstr(err.text, "more than 10240 legs"));
    hold(&w, m, "S00000", 0);
    assert_int_equal(plan_make(w.members, 1, assets, PLAN_LEGS_MAX + 1, &w.rules, &p, &err), 0);
    assert_int_equal(p.leg_count, PLAN_LEGS_MAX);
    plan_free(&p);
    free(assets);
    end(&w);
}

static void a_sell_is_capped_to_what_the_account_has(void **state)
{
    (void)state;
    struct world w = {0};
    size_t a = add_member(&w, 1000 * D), b = add_member(&w, 1000 * D);
    add_asset(&w, "SPY", 10 * D, 1);
    hold(&w, a, "SPY", 30 * D);
    hold(&w, b, "SPY", 10 * D);
    w.assets[0].sells_capped = true;
    w.assets[0].free.nanos = 40 * D;
    made(&w);
    assert_int_equal(w.plan.legs[0].qty.nanos, 40 * D);
    assert_int_equal(w.plan.legs[0].wanted.nanos, 0);
    w.assets[0].free.nanos = 20 * D;
    made(&w);
    assert_int_equal(w.plan.legs[0].qty.nanos, 20 * D);
    assert_int_equal(w.plan.legs[0].wanted.nanos, 40 * D);
    assert_int_equal(w.plan.legs[0].allocation_count, 2);
    assert_int_equal(w.plan.legs[0].allocations[0].qty.nanos, -15 * D);
    assert_int_equal(w.plan.legs[0].allocations[1].qty.nanos, -5 * D);
    w.assets[0].free.nanos = -1 * D; // short already
    made(&w);
    assert_int_equal(w.plan.leg_count, 0);
    plan_free(&w.plan);
    book_free(&w.books[a]);
    book_free(&w.books[b]);
}

static void the_minimum_trade_of_a_small_account_is_its_hundredth(void **state)
{
    (void)state;
    const struct money five = {5 * D};
    assert_int_equal(plan_min_trade(five, (struct money){100000 * D}).nanos, 5 * D);
    assert_int_equal(plan_min_trade(five, (struct money){1000 * D}).nanos, 5 * D);
    assert_int_equal(plan_min_trade(five, (struct money){999 * D}).nanos, 9990000000);
    assert_int_equal(plan_min_trade(five, (struct money){200 * D}).nanos, 2 * D);
    assert_int_equal(plan_min_trade(five, (struct money){20 * D}).nanos, D);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_become_floored_legs),
        cmocka_unit_test(sells_go_before_buys),
        cmocka_unit_test(only_the_difference_is_traded),
        cmocka_unit_test(zero_sells_everything),
        cmocka_unit_test(small_changes_are_left_alone),
        cmocka_unit_test(shorts_are_whole_shares),
        cmocka_unit_test(opposite_wishes_meet_inside),
        cmocka_unit_test(what_is_inside_is_shared_out),
        cmocka_unit_test(odd_lot_from_inside_is_rounded_outside),
        cmocka_unit_test(tiny_leg_is_left_alone),
        cmocka_unit_test(failed_member_keeps_its_book),
        cmocka_unit_test(missing_price_refuses_the_plan),
        cmocka_unit_test(other_refusals),
        cmocka_unit_test(sums_out_of_range_refuse),
        cmocka_unit_test(too_many_legs_refuse),
        cmocka_unit_test(a_sell_is_capped_to_what_the_account_has),
        cmocka_unit_test(the_minimum_trade_of_a_small_account_is_its_hundredth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
