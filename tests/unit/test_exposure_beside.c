// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/exposure*.o
// What of ours is open beside an order, the same order again, the hours, prices beside each other, and net exposure.
#include "tests/unit/exposure_rig.h"

#define WINDOW (5 * NS_PER_S)

static struct intent limit_of(const char *id, enum order_side side, int64_t dollars)
{
    struct intent in = intent_of(id, side, 1, dollars);
    in.order.limit_price.nanos = dollars * DECIMAL_ONE;
    in.run_id[0] = '\0';
    return in;
}

static void the_best_of_each_side_is_known(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    const struct intent orders[] = {limit_of("b90", ORDER_BUY, 90),    limit_of("b95", ORDER_BUY, 95),
                                    limit_of("b93", ORDER_BUY, 93),    limit_of("s110", ORDER_SELL, 110),
                                    limit_of("s105", ORDER_SELL, 105), limit_of("s107", ORDER_SELL, 107)};
    struct risk_view v = view_of(e, NOW);
    assert_false(v.buy_open || v.sell_open);
    for (size_t i = 0; i < ARRAY_LEN(orders); i++)
        exposure_reserve(e, &orders[i], NOW);
    v = view_of(e, NOW);
    assert_true(v.buy_open && v.sell_open);
    assert_int_equal(v.buy_highest.nanos, 95 * DECIMAL_ONE);
    assert_int_equal(v.sell_lowest.nanos, 105 * DECIMAL_ONE);
    exposure_release(e, "b90"); // not the best
    exposure_release(e, "s105");
    v = view_of(e, NOW);
    assert_int_equal(v.buy_highest.nanos, 95 * DECIMAL_ONE);
    assert_int_equal(v.sell_lowest.nanos, 107 * DECIMAL_ONE);
    struct intent market = intent_of("m", ORDER_BUY, 1, 100);
    exposure_reserve(e, &market, NOW); // crosses with anything
    assert_int_equal(view_of(e, NOW).buy_highest.nanos, 0);
    exposure_reserve(e, &orders[0], NOW);
    assert_int_equal(view_of(e, NOW).buy_highest.nanos, 0);
    exposure_release(e, "m");
    assert_int_equal(view_of(e, NOW).buy_highest.nanos, 95 * DECIMAL_ONE);
    exposure_release(e, "b90");
    exposure_release(e, "b95");
    exposure_release(e, "b93");
    v = view_of(e, NOW);
    assert_true(!v.buy_open && v.sell_open);
    exposure_free(e);
}

static bool alike(const struct exposure *e, const struct intent *in, int64_t now)
{
    struct risk_view v;
    assert_true(exposure_view_intent(e, in, now, &v));
    return v.alike && v.alike_age_ns <= WINDOW;
}

static void the_same_order_again_is_seen(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent in = limit_of("a", ORDER_BUY, 90), other = in;
    assert_false(alike(e, &in, NOW));
    exposure_reserve(e, &in, NOW);
    exposure_release(e, "a"); // ended: it was placed all the same
    assert_true(alike(e, &in, NOW + WINDOW));
    assert_false(alike(e, &in, NOW + WINDOW + 1));
    other.order.qty.nanos++;
    assert_false(alike(e, &other, NOW));
    other = in;
    other.order.limit_price.nanos++;
    assert_false(alike(e, &other, NOW));
    other = in;
    other.order.side = ORDER_SELL;
    assert_false(alike(e, &other, NOW));
    other = in;
    strcpy(other.strategy, "core");
    assert_false(alike(e, &other, NOW));
    other = in;
    other.order.notional = USD(1);
    assert_false(alike(e, &other, NOW));
    exposure_free(e);
}

static void what_never_was_may_come_again(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent in = limit_of("a", ORDER_BUY, 90);
    exposure_reserve(e, &in, NOW);
    exposure_withdraw(e, "a");
    assert_false(alike(e, &in, NOW));
    for (int i = 0; i < 100; i++) { // more of others than are remembered
        in.order.qty = SHARES(2 + i);
        exposure_reserve(e, &in, NOW);
        exposure_release(e, "a");
        assert_true(alike(e, &in, NOW + 1));
    }
    exposure_free(e);
}

// Of several that were placed, outside of a run and in one, that one alone.
static void what_never_was_leaves_the_others_placed(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent first = limit_of("a", ORDER_BUY, 90), second = limit_of("b", ORDER_BUY, 91),
                  third = limit_of("c", ORDER_BUY, 92);
    first.run_id[0] = second.run_id[0] = third.run_id[0] = '\0';
    exposure_reserve(e, &first, NOW);
    exposure_reserve(e, &second, NOW);
    exposure_reserve(e, &third, NOW);
    exposure_withdraw(e, "b");
    assert_true(alike(e, &first, NOW));
    assert_false(alike(e, &second, NOW));
    assert_true(alike(e, &third, NOW));
    exposure_free(e);
}

static void the_price_it_was_decided_at_stands_in_the_view(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent in = limit_of("a", ORDER_BUY, 90);
    struct risk_view v;
    in.decision_price.nanos = 89 * DECIMAL_ONE;
    assert_true(exposure_view_intent(e, &in, NOW, &v));
    assert_int_equal(v.decided.nanos, 89 * DECIMAL_ONE);
    exposure_free(e);
}

static void tries_of_a_leg_are_one_order(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent in = intent_of("a", ORDER_BUY, 1, 90);
    in.leg = 1;
    exposure_reserve(e, &in, NOW);
    in.try_no = 2;
    assert_false(alike(e, &in, NOW));
    in.leg = 2;
    assert_true(alike(e, &in, NOW));
    in.leg = 1;
    strcpy(in.run_id, "run-2");
    assert_true(alike(e, &in, NOW));
    exposure_free(e);
}

static void hours_hold_until_their_end(void **state)
{
    (void)state;
    static const struct {
        int64_t at;
        enum risk_hours hours;
    } rows[] = {{9, RISK_HOURS_CLOSED},   {10, RISK_HOURS_EXTENDED}, {19, RISK_HOURS_EXTENDED},
                {20, RISK_HOURS_REGULAR}, {29, RISK_HOURS_REGULAR},  {30, RISK_HOURS_EXTENDED},
                {40, RISK_HOURS_CLOSED},  {50, RISK_HOURS_CLOSED},   {51, RISK_HOURS_UNKNOWN}};
    struct exposure *e = with_account();
    struct exposure_session s = {.known = true,
                                 .extended_open_ns = 10,
                                 .open_ns = 20,
                                 .close_ns = 30,
                                 .extended_close_ns = 40,
                                 .until_ns = 50,
                                 .wall_ns = 1000};
    assert_int_equal(view_of(e, 25).hours, RISK_HOURS_UNKNOWN);
    assert_int_equal(view_of(e, 25).now_wall_ns, 0);
    exposure_set_session(e, &s);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(view_of(e, rows[i].at).hours, rows[i].hours);
    assert_int_equal(view_of(e, 25).now_wall_ns, 1025);
    s.known = false;
    exposure_set_session(e, &s);
    assert_int_equal(view_of(e, 25).hours, RISK_HOURS_UNKNOWN);
    exposure_free(e);
}

static void a_price_stands_beside_the_one_before_it(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct alpaca_trade t = {.symbol = "SPY", .price = {101 * DECIMAL_ONE}, .at = NOW};
    struct alpaca_quote q = {.symbol = "SPY", .bid = {110 * DECIMAL_ONE}, .ask = {120 * DECIMAL_ONE}, .at = NOW + 2};
    exposure_set_trade(e, &t, NOW, NOW);
    struct risk_view v = view_of(e, NOW);
    assert_int_equal(v.reference.nanos, 101 * DECIMAL_ONE);
    assert_int_equal(v.before.nanos, 100 * DECIMAL_ONE); // what the read of positions told
    exposure_set_quote(e, &q, NOW + 2, NOW + 2);
    v = view_of(e, NOW + 5);
    assert_int_equal(v.price.nanos, 120 * DECIMAL_ONE);     // value is judged at the dearer side
    assert_int_equal(v.reference.nanos, 115 * DECIMAL_ONE); // prices are measured against the middle
    assert_int_equal(v.before.nanos, 101 * DECIMAL_ONE);
    assert_int_equal(v.before_age_ns, 5);
    assert_int_equal(v.quote_age_ns, 3);
    assert_int_equal(v.bid.nanos, 110 * DECIMAL_ONE);
    assert_int_equal(v.ask.nanos, 120 * DECIMAL_ONE);
    exposure_set_quote(e, &q, NOW + 3, NOW + 3); // the same again confirms nothing
    assert_int_equal(view_of(e, NOW + 5).before.nanos, 101 * DECIMAL_ONE);
    q.bid.nanos = 0; // one-sided
    exposure_set_quote(e, &q, NOW + 4, NOW + 4);
    assert_int_equal(view_of(e, NOW + 5).reference.nanos, 120 * DECIMAL_ONE);
    q.bid.nanos = 125 * DECIMAL_ONE; // crossed
    exposure_set_quote(e, &q, NOW + 5, NOW + 5);
    v = view_of(e, NOW + 5);
    assert_int_equal(v.reference.nanos, 122 * DECIMAL_ONE + DECIMAL_ONE / 2);
    assert_true(v.bid.nanos > v.ask.nanos);
    exposure_free(e);
}

static void longs_and_shorts_are_netted_at_their_worst(void **state)
{
    (void)state;
    struct exposure *e = exposure_new();
    struct alpaca_account a = {.equity = USD(1000), .cash = USD(600)};
    const struct alpaca_position p[] = {{.symbol = "SPY", .qty = SHARES(4), .current_price = {100 * DECIMAL_ONE}},
                                        {.symbol = "TLT", .qty = SHARES(-2), .current_price = {50 * DECIMAL_ONE}}};
    exposure_set_account(e, &a, NOW);
    exposure_set_positions(e, p, 2, NOW);
    struct risk_view v = view_of(e, NOW);
    assert_int_equal(v.gross.nanos, USD(500).nanos);
    assert_int_equal(v.net_long.nanos, USD(300).nanos);
    assert_int_equal(v.net_short.nanos, USD(-300).nanos);
    struct intent buy = intent_of("b", ORDER_BUY, 1, 100), sell = intent_of("s", ORDER_SELL, 6, 600);
    exposure_reserve(e, &buy, NOW);
    exposure_reserve(e, &sell, NOW); // 2 of them are not held
    v = view_of(e, NOW);
    assert_int_equal(v.gross.nanos, USD(500 + 100 + 200).nanos);
    assert_int_equal(v.net_long.nanos, USD(400).nanos);
    assert_int_equal(v.net_short.nanos, USD(-100).nanos);
    exposure_release(e, "b");
    exposure_release(e, "s");
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(500).nanos);
    exposure_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_of_each_side_is_known),
        cmocka_unit_test(the_same_order_again_is_seen),
        cmocka_unit_test(what_never_was_may_come_again),
        cmocka_unit_test(what_never_was_leaves_the_others_placed),
        cmocka_unit_test(the_price_it_was_decided_at_stands_in_the_view),
        cmocka_unit_test(tries_of_a_leg_are_one_order),
        cmocka_unit_test(hours_hold_until_their_end),
        cmocka_unit_test(a_price_stands_beside_the_one_before_it),
        cmocka_unit_test(longs_and_shorts_are_netted_at_their_worst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
