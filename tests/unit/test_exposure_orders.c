// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/exposure*.o
//
// Exposure of orders in dollars, of those that are judged again and of those that turn up.
#include "tests/unit/exposure_rig.h"

static struct alpaca_position spy(int64_t shares)
{
    return (struct alpaca_position){.symbol = "SPY", .qty = SHARES(shares), .current_price = {100 * DECIMAL_ONE}};
}

static void what_was_bought_is_there_to_be_sold_once_it_was_read(void **state)
{
    (void)state;
    struct exposure *e = with_account(); // 4 held
    struct intent in = intent_of("a", ORDER_BUY, 2, 200);
    struct alpaca_position p = spy(6);
    exposure_reserve(e, &in, NOW);
    exposure_filled(e, "a", SHARES(2), NOW + 1);
    exposure_release(e, "a");
    assert_int_equal(view_of_sell(e).held.nanos, SHARES(4).nanos);
    assert_int_equal(view_of(e, NOW).held.nanos, SHARES(6).nanos);
    exposure_set_positions(e, &p, 1, NOW + 2);
    assert_int_equal(view_of_sell(e).held.nanos, SHARES(6).nanos);
    assert_int_equal(view_of(e, NOW).held.nanos, SHARES(6).nanos);
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(600).nanos);
    exposure_free(e);
}

static void a_read_that_has_a_buy_before_its_fill_is_told_counts_it_once(void **state)
{
    (void)state;
    struct exposure *e = with_account(); // 4 held
    struct intent in = intent_of("a", ORDER_BUY, 2, 220);
    struct alpaca_position p = spy(6);
    exposure_reserve(e, &in, NOW);
    exposure_set_positions(e, &p, 1, NOW + 1); // the fill is in it
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(620).nanos);
    assert_int_equal(view_of(e, NOW).open_buy_qty.nanos, SHARES(2).nanos);
    assert_int_equal(view_of_sell(e).held.nanos, SHARES(4).nanos);
    exposure_filled(e, "a", SHARES(1), NOW + 2);
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(610).nanos);
    assert_int_equal(view_of_sell(e).held.nanos, SHARES(5).nanos);
    exposure_filled(e, "a", SHARES(2), NOW + 2);
    exposure_release(e, "a");
    assert_int_equal(view_of_sell(e).held.nanos, SHARES(6).nanos);
    assert_int_equal(view_of(e, NOW).held.nanos, SHARES(6).nanos);
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(600).nanos);
    exposure_free(e);
}

static void what_nothing_open_explains_is_held_beside_it(void **state)
{
    (void)state;
    struct exposure *e = with_account(); // 4 held
    struct intent in = intent_of("a", ORDER_BUY, 2, 200), other = intent_of("b", ORDER_BUY, 2, 200);
    struct alpaca_position p = spy(7); // one more than it can have filled
    strcpy(other.order.symbol, "TLT");
    exposure_reserve(e, &in, NOW);
    exposure_reserve(e, &other, NOW);
    exposure_set_positions(e, &p, 1, NOW + 1);
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(1100).nanos);
    exposure_free(e);
    e = with_account();
    exposure_reserve(e, &other, NOW); // of another symbol
    p = spy(6);
    exposure_set_positions(e, &p, 1, NOW + 1);
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(800).nanos);
    exposure_free(e);
    e = exposure_new(); // the first read of a life is what is there
    exposure_reserve(e, &in, NOW);
    exposure_set_positions(
        e, &(struct alpaca_position){.symbol = "SPY", .qty = SHARES(2), .current_price = {100 * DECIMAL_ONE}}, 1,
        NOW + 1);
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(400).nanos);
    exposure_free(e);
}

static void what_an_order_that_ended_did_not_fill_is_held(void **state)
{
    (void)state;
    struct exposure *e = with_account(); // 4 held
    struct intent in = intent_of("a", ORDER_BUY, 2, 200);
    struct alpaca_position p = spy(6);
    exposure_reserve(e, &in, NOW);
    exposure_set_positions(e, &p, 1, NOW + 1); // by another hand
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(600).nanos);
    exposure_release(e, "a");
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(600).nanos);
    assert_int_equal(view_of_sell(e).held.nanos, SHARES(6).nanos);
    exposure_free(e);
}

static void a_read_that_is_ahead_for_long_is_taken(void **state)
{
    (void)state;
    struct exposure *e = with_account(); // 4 held
    struct intent in = intent_of("a", ORDER_BUY, 2, 200);
    struct alpaca_position p = spy(6);
    exposure_reserve(e, &in, NOW);
    exposure_set_positions(e, &p, 1, NOW + 1);
    exposure_set_positions(e, &p, 1, NOW + 1 + 10 * NS_PER_S);
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(600).nanos);
    exposure_set_positions(e, &p, 1, NOW + 2 + 10 * NS_PER_S);
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(800).nanos);
    p = spy(5); // its time begins anew
    exposure_set_positions(e, &p, 1, NOW + 3 + 10 * NS_PER_S);
    p = spy(6);
    exposure_set_positions(e, &p, 1, NOW + 4 + 10 * NS_PER_S);
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(700).nanos);
    exposure_free(e);
}

static void a_read_that_has_a_sell_before_its_fill_is_told_is_no_short(void **state)
{
    (void)state;
    struct exposure *e = with_account(); // 4 held
    struct intent in = intent_of("s", ORDER_SELL, 3, 300);
    struct alpaca_position p = spy(1);
    exposure_reserve(e, &in, NOW);
    exposure_set_positions(e, &p, 1, NOW + 1);
    struct risk_view v = view_of_sell(e);
    assert_int_equal(v.held.nanos - v.open_sell_qty.nanos, SHARES(1).nanos);
    assert_int_equal(v.gross.nanos, USD(400).nanos);
    exposure_filled(e, "s", SHARES(3), NOW + 2);
    exposure_release(e, "s");
    v = view_of_sell(e);
    assert_int_equal(v.held.nanos, SHARES(1).nanos);
    assert_int_equal(v.gross.nanos, USD(100).nanos);
    p = spy(0); // more than can have been sold
    exposure_reserve(e, &in, NOW + 3);
    exposure_set_positions(e, &p, 1, NOW + 3);
    assert_int_equal(view_of_sell(e).gross.nanos, USD(300).nanos);
    exposure_free(e);
}

static void cash_that_an_open_buy_has_spent_is_not_missing_twice(void **state)
{
    (void)state;
    struct exposure *e = with_account(); // 600 dollars
    struct alpaca_account a = {.equity = USD(1000), .cash = USD(400)};
    struct intent in = intent_of("a", ORDER_BUY, 2, 220);
    exposure_reserve(e, &in, NOW);
    exposure_set_account(e, &a, NOW + 1);
    assert_int_equal(view_of(e, NOW).cash.nanos, USD(600).nanos);
    assert_int_equal(view_of(e, NOW).open_buys.nanos, USD(220).nanos);
    exposure_filled(e, "a", SHARES(1), NOW + 2);
    assert_int_equal(view_of(e, NOW).cash.nanos, USD(490).nanos);
    exposure_release(e, "a"); // the other one was not filled: what is missing has gone elsewhere
    assert_int_equal(view_of(e, NOW).cash.nanos, USD(400).nanos);
    a.cash = USD(380); // with nothing open
    exposure_set_account(e, &a, NOW + 3);
    assert_int_equal(view_of(e, NOW).cash.nanos, USD(380).nanos);
    a.cash = USD(159); // more than it can have cost
    strcpy(in.order.client_order_id, "b");
    exposure_reserve(e, &in, NOW + 4);
    exposure_set_account(e, &a, NOW + 4);
    assert_int_equal(view_of(e, NOW).cash.nanos, USD(159).nanos);
    a.cash = USD(100);
    exposure_set_account(e, &a, NOW + 5);
    exposure_set_account(e, &a, NOW + 5 + 10 * NS_PER_S);
    assert_int_equal(view_of(e, NOW).cash.nanos, USD(159).nanos);
    exposure_set_account(e, &a, NOW + 6 + 10 * NS_PER_S); // for longer than reads lag
    assert_int_equal(view_of(e, NOW).cash.nanos, USD(100).nanos);
    exposure_free(e);
}

// It has not left yet: another hand has bought or sold.
static void an_order_that_is_judged_again_explains_nothing(void **state)
{
    (void)state;
    struct exposure *e = with_account(); // 4 held
    struct intent buy = intent_of("b", ORDER_BUY, 2, 200), sell = intent_of("s", ORDER_SELL, 2, 200);
    struct alpaca_position p = spy(6);
    struct risk_view v;
    exposure_reserve(e, &buy, NOW);
    exposure_set_positions(e, &p, 1, NOW + 1);
    assert_true(exposure_view_again(e, &buy, NOW, &v));
    assert_int_equal(v.held.nanos, SHARES(6).nanos);
    assert_int_equal(v.gross.nanos, USD(600).nanos);
    assert_int_equal(v.net_long.nanos, USD(600).nanos);
    struct alpaca_account a = {.equity = USD(1000), .cash = USD(450)};
    exposure_set_account(e, &a, NOW + 1);
    assert_int_equal(view_of(e, NOW).cash.nanos, USD(600).nanos);
    assert_true(exposure_view_again(e, &buy, NOW, &v));
    assert_int_equal(v.cash.nanos, USD(450).nanos);
    struct intent other = intent_of("o", ORDER_BUY, 1, 100);
    exposure_reserve(e, &other, NOW); // which may have spent 100 of the 150
    assert_true(exposure_view_again(e, &buy, NOW, &v));
    assert_int_equal(v.cash.nanos, USD(550).nanos);
    exposure_release(e, "o");
    exposure_release(e, "b");
    exposure_reserve(e, &sell, NOW);
    p = spy(4);
    exposure_set_positions(e, &p, 1, NOW + 2);
    assert_true(exposure_view_again(e, &sell, NOW, &v));
    assert_int_equal(v.held.nanos, SHARES(4).nanos);
    assert_int_equal(v.open_sell_qty.nanos, 0);
    assert_int_equal(v.gross.nanos, USD(600).nanos);
    exposure_free(e);
}

static void a_buy_in_dollars_explains_what_it_is_worth(void **state)
{
    (void)state;
    struct exposure *e = with_account(); // 4 held
    struct intent in = dollars_of("d", 250);
    struct alpaca_position p = spy(6);
    in.order.side = ORDER_BUY;
    exposure_reserve(e, &in, NOW);
    exposure_set_positions(e, &p, 1, NOW + 1);
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(650).nanos);
    p = spy(7);
    exposure_set_positions(e, &p, 1, NOW + 2);
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(950).nanos);
    exposure_free(e);
}

static void a_position_that_is_left_out_is_not_a_flat_one(void **state)
{
    (void)state;
    struct exposure *e = with_account(); // 4 held
    struct alpaca_position p = {.symbol = "SPY", .qty = SHARES(4), .current_price = {100 * DECIMAL_ONE}};
    exposure_set_positions(e, NULL, 0, NOW + 1);
    assert_int_equal(view_of(e, NOW).held.nanos, SHARES(4).nanos);
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(400).nanos);
    assert_int_equal(view_of_sell(e).held.nanos, 0);
    exposure_set_positions(e, NULL, 0, NOW + 1 + 10 * NS_PER_S);
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(400).nanos);
    exposure_set_positions(e, &p, 1, NOW + 2 + 10 * NS_PER_S); // there again
    assert_int_equal(view_of_sell(e).held.nanos, SHARES(4).nanos);
    exposure_set_positions(e, NULL, 0, NOW + 3 + 10 * NS_PER_S); // its time begins anew
    exposure_set_positions(e, NULL, 0, NOW + 3 + 20 * NS_PER_S);
    assert_int_equal(view_of(e, NOW).held.nanos, SHARES(4).nanos);
    exposure_set_positions(e, NULL, 0, NOW + 4 + 20 * NS_PER_S);
    assert_int_equal(view_of(e, NOW).held.nanos, 0);
    assert_int_equal(view_of(e, NOW).gross.nanos, 0);
    exposure_free(e);
}

static void what_is_not_ours_counts_and_leaves_the_exposure_unknown_without_a_price(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent in = intent_of("theirs", ORDER_BUY, 2, 300);
    strcpy(in.order.symbol, "QQQ");
    exposure_reserve_foreign(e, &in, false);
    assert_false(view_of(e, NOW).gross_known);
    exposure_release(e, "theirs");
    exposure_reserve_foreign(e, &in, true);
    assert_true(view_of(e, NOW).gross_known);
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(700).nanos);
    assert_int_equal(view_of(e, NOW).open_buys.nanos, USD(300).nanos);
    assert_int_equal(view_of(e, NOW).quarantined, 0); // of another symbol
    exposure_release(e, "theirs");
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(400).nanos);
    exposure_free(e);
}

static void what_was_denied_or_given_up_does_not_count_in_its_session(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent in = intent_of("a", ORDER_BUY, 2, 200), other = intent_of("b", ORDER_BUY, 1, 100);
    exposure_reserve(e, &in, NOW);
    exposure_reserve(e, &other, NOW);
    exposure_withdraw(e, "a");
    assert_int_equal(view_of(e, NOW).orders_in_day, 1);
    assert_int_equal(view_of(e, NOW).notional_in_day.nanos, USD(100).nanos);
    assert_int_equal(view_of(e, NOW).open_buys.nanos, USD(100).nanos);
    exposure_withdraw(e, "a");     // there is none any more
    exposure_reserve_late(e, &in); // it turns up after all
    exposure_reserve_late(e, &in);
    assert_int_equal(view_of(e, NOW).orders_in_day, 2);
    assert_int_equal(view_of(e, NOW).notional_in_day.nanos, USD(300).nanos);
    exposure_release(e, "a");
    exposure_release(e, "b");
    assert_int_equal(view_of(e, NOW).orders_in_day, 2);
    in.session.year--; // of a session that is over
    exposure_reserve_late(e, &in);
    exposure_withdraw(e, "a");
    assert_int_equal(view_of(e, NOW).orders_in_day, 2);
    exposure_free(e);
}

static void a_position_that_fills_have_sold_is_flat_at_once(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent in = intent_of("a", ORDER_SELL, 4, 400);
    exposure_reserve(e, &in, NOW);
    exposure_set_positions(e, NULL, 0, NOW + 1); // the read knows before we do
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(400).nanos);
    exposure_filled(e, "a", SHARES(4), NOW + 2);
    exposure_release(e, "a");
    assert_int_equal(view_of(e, NOW).gross.nanos, 0);
    exposure_set_positions(e, NULL, 0, NOW + 3);
    assert_int_equal(view_of(e, NOW).held.nanos, 0);
    assert_int_equal(view_of_sell(e).held.nanos, 0);
    exposure_free(e);
}

static void a_sell_in_dollars_takes_the_shares_that_it_may_need(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct alpaca_quote q = {.symbol = "SPY", .bid = {80 * DECIMAL_ONE}, .ask = {120 * DECIMAL_ONE}, .at = NOW};
    struct intent one = dollars_of("one", 160), two = dollars_of("two", 81);
    exposure_reserve(e, &one, NOW); // 4 shares are held, the price was 100 when they were read
    assert_int_equal(view_of_sell(e).open_sell_qty.nanos, DECIMAL_ONE * 16 / 10);
    exposure_set_quote(e, &q, NOW, NOW);
    assert_int_equal(view_of_sell(e).open_sell_qty.nanos, SHARES(2).nanos);
    exposure_reserve(e, &two, NOW);
    assert_true(view_of_sell(e).open_sell_qty.nanos > SHARES(3).nanos);
    assert_int_equal(view_of_sell(e).open_sell_qty.nanos, DECIMAL_ONE * 30125 / 10000);
    exposure_release(e, "one");
    exposure_release(e, "two");
    assert_int_equal(view_of_sell(e).open_sell_qty.nanos, 0);
    exposure_free(e);
}

static void a_sell_in_dollars_without_a_price_takes_all_that_is_held(void **state)
{
    (void)state;
    struct exposure *e = exposure_new();
    struct alpaca_position p = {.symbol = "SPY", .qty = SHARES(4)};
    struct intent in = dollars_of("one", 1);
    exposure_set_positions(e, &p, 1, NOW);
    exposure_reserve(e, &in, NOW);
    assert_int_equal(view_of_sell(e).open_sell_qty.nanos, SHARES(4).nanos);
    exposure_free(e);
}

static void a_buy_in_dollars_keeps_its_reservation_until_it_ends(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent in = dollars_of("a", 150);
    in.order.side = ORDER_BUY;
    exposure_reserve(e, &in, NOW);
    exposure_filled(e, "a", SHARES(1), NOW);
    struct risk_view v = view_of(e, NOW);
    assert_int_equal(v.open_buys.nanos, USD(150).nanos);
    assert_int_equal(v.open_buy_qty.nanos, 0);
    assert_int_equal(v.open_sell_qty.nanos, 0);
    exposure_release(e, "a");
    assert_int_equal(view_of(e, NOW).open_buys.nanos, 0);
    exposure_free(e);
}

static void an_order_is_judged_again_without_itself(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent buy = intent_of("b", ORDER_BUY, 2, 200), sell = intent_of("s", ORDER_SELL, 3, 300);
    struct intent dollars = dollars_of("d", 100), unknown = intent_of("u", ORDER_BUY, 1, 100);
    struct risk_view v;
    exposure_reserve(e, &buy, NOW);
    exposure_reserve(e, &sell, NOW);
    exposure_reserve(e, &dollars, NOW);
    assert_true(exposure_view_again(e, &buy, NOW, &v));
    assert_int_equal(v.open_buy_qty.nanos, 0);
    assert_int_equal(v.open_sell_qty.nanos, SHARES(4).nanos);
    assert_int_equal(v.open_buys.nanos, 0);
    assert_int_equal(v.gross.nanos, USD(400).nanos);
    assert_int_equal(v.orders_in_run, 2);
    assert_true(exposure_view_again(e, &sell, NOW, &v));
    assert_int_equal(v.open_buy_qty.nanos, SHARES(2).nanos);
    assert_int_equal(v.open_sell_qty.nanos, SHARES(1).nanos);
    assert_true(exposure_view_again(e, &dollars, NOW, &v));
    assert_int_equal(v.open_sell_qty.nanos, SHARES(3).nanos);
    assert_true(exposure_view_again(e, &unknown, NOW, &v)); // not reserved: as it stands
    assert_int_equal(v.open_buy_qty.nanos, SHARES(2).nanos);
    assert_int_equal(v.orders_in_run, 3);
    exposure_free(e);
}

static void without_a_price_a_sell_of_shares_takes_its_shares(void **state)
{
    (void)state;
    struct exposure *e = exposure_new();
    struct alpaca_position p = {.symbol = "SPY", .qty = SHARES(2)};
    struct intent in = intent_of("s", ORDER_SELL, 1, 0), more = intent_of("t", ORDER_SELL, 3, 0);
    struct intent dollars = dollars_of("d", 1);
    exposure_set_positions(e, &p, 1, NOW);
    exposure_reserve(e, &in, NOW);
    assert_int_equal(view_of_sell(e).open_sell_qty.nanos, SHARES(1).nanos);
    exposure_reserve(e, &more, NOW);
    exposure_reserve(e, &dollars, NOW);
    assert_int_equal(view_of_sell(e).open_sell_qty.nanos, SHARES(4).nanos); // more than is held
    exposure_free(e);
}

static void a_buy_in_dollars_has_spent_its_cash_until_the_account_is_read_again(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct money cash = view_of(e, NOW).cash;
    struct intent in = intent_of("n", ORDER_BUY, 0, 600);
    in.order.notional = USD(600);
    exposure_reserve(e, &in, NOW);
    exposure_filled(e, "n", SHARES(6), NOW + 2);
    exposure_release(e, "n");
    assert_int_equal(view_of(e, NOW + 3).cash.nanos, cash.nanos - USD(600).nanos);
    struct alpaca_account a = {.equity = USD(1000), .cash = USD(5)};
    exposure_set_account(e, &a, NOW + 4);
    assert_int_equal(view_of(e, NOW + 5).cash.nanos, USD(5).nanos);
    exposure_reserve(e, &in, NOW); // nothing of it fills: nothing is spent
    exposure_release(e, "n");
    assert_int_equal(view_of(e, NOW + 6).cash.nanos, USD(5).nanos);
    exposure_reserve(e, &in, NOW);
    exposure_filled(e, "n", SHARES(6), NOW + 7);
    exposure_set_account(e, &a, NOW + 8); // read after its fill, before its end
    exposure_release(e, "n");
    assert_int_equal(view_of(e, NOW + 9).cash.nanos, USD(5).nanos);
    exposure_free(e);
}

static void an_order_that_turns_up_counts_once(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    exposure_set_usage(e, session, (struct day_usage){.orders = 7, .notional = USD(700)});
    exposure_set_run(e, "run-1", 5);
    struct intent in = intent_of("old", ORDER_BUY, 2, 200);
    in.session = day_add(session, -1); // and of another run
    str_copy_cut(in.run_id, sizeof in.run_id, "run-0");
    exposure_reserve_again(e, &in);
    struct risk_view v = view_of(e, NOW);
    assert_int_equal(v.open_buys.nanos, USD(200).nanos); // reserved it is
    assert_int_equal(v.orders_in_day, 7);
    assert_int_equal(v.notional_in_day.nanos, USD(700).nanos);
    assert_int_equal(v.orders_in_run, 5);
    exposure_free(e);
}

static int64_t orders_of(const struct exposure *e, struct day day, struct money *notional)
{
    struct order_request o = {.symbol = "SPY"};
    struct risk_view v;
    assert_true(exposure_view(e, &o, "", day, NOW, &v));
    *notional = v.notional_in_day;
    return v.orders_in_day;
}

// A run may still be in the session that has just ended when the first orders of the next one come.
static void sessions_that_take_turns_lose_no_count(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct day next = day_add(session, 1);
    struct money notional;
    exposure_set_usage(e, session, (struct day_usage){.orders = 7, .notional = USD(700)});
    const char *const ids[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct intent in = intent_of(ids[i], ORDER_BUY, 1, 100);
        in.session = i % 2 ? session : next;
        exposure_reserve(e, &in, NOW);
    }
    assert_int_equal(orders_of(e, session, &notional), 9);
    assert_int_equal(notional.nanos, USD(900).nanos);
    assert_int_equal(orders_of(e, next, &notional), 2);
    assert_int_equal(notional.nanos, USD(200).nanos);
    exposure_withdraw(e, "b");
    assert_int_equal(orders_of(e, session, &notional), 8);
    assert_int_equal(orders_of(e, next, &notional), 2);
    assert_int_equal(orders_of(e, day_add(next, 1), &notional), 0);
    struct order_request o = {.symbol = "SPY"};
    struct risk_view v;
    assert_false(exposure_view(e, &o, "", day_add(session, -1), NOW, &v)); // nobody counts that any more
    exposure_free(e);
}

// Adopted by an operator before anything else of a session: it counts in that.
static void what_comes_late_may_be_the_first_of_its_session(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct money notional;
    exposure_set_usage(e, day_add(session, -1), (struct day_usage){.orders = 7, .notional = USD(700)});
    struct intent in = intent_of("theirs", ORDER_BUY, 1, 100);
    exposure_reserve_late(e, &in);
    in = intent_of("ours", ORDER_BUY, 1, 100);
    exposure_reserve(e, &in, NOW);
    assert_int_equal(orders_of(e, session, &notional), 2);
    assert_int_equal(notional.nanos, USD(200).nanos);
    exposure_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buy_in_dollars_has_spent_its_cash_until_the_account_is_read_again),
        cmocka_unit_test(an_order_that_turns_up_counts_once),
        cmocka_unit_test(sessions_that_take_turns_lose_no_count),
        cmocka_unit_test(what_comes_late_may_be_the_first_of_its_session),
        cmocka_unit_test(what_was_bought_is_there_to_be_sold_once_it_was_read),
        cmocka_unit_test(a_read_that_has_a_buy_before_its_fill_is_told_counts_it_once),
        cmocka_unit_test(what_nothing_open_explains_is_held_beside_it),
        cmocka_unit_test(what_an_order_that_ended_did_not_fill_is_held),
        cmocka_unit_test(a_read_that_is_ahead_for_long_is_taken),
        cmocka_unit_test(a_read_that_has_a_sell_before_its_fill_is_told_is_no_short),
        cmocka_unit_test(cash_that_an_open_buy_has_spent_is_not_missing_twice),
        cmocka_unit_test(an_order_that_is_judged_again_explains_nothing),
        cmocka_unit_test(a_buy_in_dollars_explains_what_it_is_worth),
        cmocka_unit_test(a_position_that_is_left_out_is_not_a_flat_one),
        cmocka_unit_test(what_was_denied_or_given_up_does_not_count_in_its_session),
        cmocka_unit_test(a_position_that_fills_have_sold_is_flat_at_once),
        cmocka_unit_test(what_is_not_ours_counts_and_leaves_the_exposure_unknown_without_a_price),
        cmocka_unit_test(a_sell_in_dollars_takes_the_shares_that_it_may_need),
        cmocka_unit_test(a_sell_in_dollars_without_a_price_takes_all_that_is_held),
        cmocka_unit_test(a_buy_in_dollars_keeps_its_reservation_until_it_ends),
        cmocka_unit_test(an_order_is_judged_again_without_itself),
        cmocka_unit_test(without_a_price_a_sell_of_shares_takes_its_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
