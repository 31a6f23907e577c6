// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/run.o daemon/run_plan.o daemon/run_preview.o daemon/run_orders.o daemon/run_try.o daemon/run_settle.o
// needs: daemon/run_books.o daemon/run_late.o daemon/run_resume.o daemon/exposure*.o daemon/metrics.o daemon/watch.o
//
// The orders of a run: sells before buys, buys as cash comes, the deadline, tries of a leg.
#include "tests/unit/run_room.h"

// Sell 10 SPY at 100; buy 5 GLD and 5 TLT, in this order.
static void to_two_buys(void)
{
    static char *symbols[] = {"GLD", "SPY", "TLT"};
    struct signal_target targets[] = {{.symbol = "GLD", .weight = {DECIMAL_ONE / 4}},
                                      {.symbol = "TLT", .weight = {DECIMAL_ONE / 4}}};
    memcpy(config.strategies[0].symbols.words, symbols, sizeof symbols);
    config.strategies[0].symbols.count = 3;
    price("GLD", 100);
    positions_read();
    start();
    claim(LEDGER_OK);
    to_the_plan_of(targets, 2);
    w.plan_done(w.plan_arg, LEDGER_OK, "");
    assert_int_equal(w.placed, 1);
    assert_int_equal(w.refreshes, 2); // the sell is out, prices for the buys are read
    refresh();
}

static void quote(const char *symbol, int64_t bid_cents, int64_t ask_cents)
{
    struct alpaca_quote q = {
        .bid = {bid_cents * (DECIMAL_ONE / 100)}, .ask = {ask_cents * (DECIMAL_ONE / 100)}, .at = w.now};
    strcpy(q.symbol, symbol);
    exposure_set_quote(exposure, &q, w.now, w.now);
}

// --- sells, then buys

static void completes_with(int64_t confidence_nanos)
{
    struct signal_target target = {
        .symbol = "TLT", .weight = {DECIMAL_ONE / 2}, .has_confidence = true, .confidence = {confidence_nanos}};
    cash(0);
    start();
    claim(LEDGER_OK);
    to_the_plan_of(&target, 1);
    w.plan_done(w.plan_arg, LEDGER_OK, "");
    refresh();
    answer(0, ORDER_FILLED, SHARES(10));
    refresh();
    answer(1, ORDER_FILLED, w.intents[1].order.qty);
    settle();
    assert_int_equal(w.told.status, RUN_COMPLETED);
}

static void an_unsure_model_is_told_when_its_run_is_completed(void **state)
{
    (void)state;
    config.strategies[0].min_confidence.nanos = DECIMAL_ONE / 10 * 6;
    completes_with(DECIMAL_ONE / 100 * 59);
    assert_int_equal(w.alerts, 1);
    assert_string_equal(w.alert_kind, "confidence_low");
    assert_string_equal(w.alert_detail, "lowest confidence 0.59 is below min_confidence 0.6");
}

static void a_sure_model_is_not_told(void **state)
{
    (void)state;
    config.strategies[0].min_confidence.nanos = DECIMAL_ONE / 10 * 6;
    completes_with(DECIMAL_ONE / 10 * 6);
    assert_int_equal(w.alerts, 0);
}

static void sells_then_fresh_cash_then_buys_then_settled(void **state)
{
    (void)state;
    cash(0);
    to_the_sell();
    refresh();
    answer(0, ORDER_NEW, SHARES(0));
    assert_int_equal(w.placed, 1);
    assert_int_equal(w.refreshes, 2);
    answer(0, ORDER_FILLED, SHARES(10));
    assert_int_equal(w.refreshes, 3); // once more after the sells
    refresh();
    assert_int_equal(w.placed, 2); // whatever the figures say: now the desk decides
    assert_int_equal(w.intents[1].order.side, ORDER_BUY);
    assert_int_equal(w.intents[1].order.type, ORDER_MARKET);
    answer(1, ORDER_FILLED, w.intents[1].order.qty);
    w.pass_done(w.pass_arg, false, "not yet");
    turn_until(&w.passes, 2);
    settle();
    assert_int_equal(w.told.status, RUN_COMPLETED);
    assert_true(w.told.settled);
    assert_int_equal(w.told.orders_planned, 2);
    assert_int_equal(w.told.orders_skipped + w.told.orders_failed, 0);
    assert_int_equal(w.told.symbols, 2);
    assert_int_equal(w.told.successful_symbols, 2);
    turn_until(&w.freed, 1);
}

static void buys_go_in_order_as_soon_as_cash_covers_them(void **state)
{
    (void)state;
    cash(499);
    to_two_buys();
    assert_int_equal(w.placed, 1);
    answer(0, ORDER_PARTIALLY_FILLED, SHARES(1));
    int kicks = w.kicks;
    for (int i = 0; i < 10; i++)
        books(); // passes that bring nothing new
    assert_int_equal(w.kicks, kicks);
    cash(599); // what the pass that recorded the fill read
    books();
    assert_int_equal(w.placed, 2);
    assert_string_equal(w.intents[1].order.symbol, "GLD");
    cash(999);
    books();
    assert_int_equal(w.placed, 2); // what the first may still take is not there for the second
    answer(0, ORDER_FILLED, SHARES(10));
    refresh();
    assert_int_equal(w.placed, 2); // by the cash that was read
    cash(1499);
    books();
    assert_int_equal(w.placed, 3);
    assert_string_equal(w.intents[2].order.symbol, "TLT");
}

static void the_buffer_is_kept_while_sells_are_open(void **state)
{
    (void)state;
    config.cash_buffer.nanos = DECIMAL_ONE / 100; // 20 of 2000
    cash(510);                                    // pays for 4.95 shares or 495
    to_two_buys();
    assert_int_equal(w.placed, 1);
    cash(515);
    books();
    assert_int_equal(w.placed, 2);
}

static void buys_wait_for_what_sells_make_room_for(void **state)
{
    (void)state;
    const struct alpaca_position held = {.symbol = "SPY", .qty = SHARES(10), .current_price = {100 * DECIMAL_ONE}};
    exposure_set_positions(exposure, &held, 1, w.now);
    config.max_gross_exposure.nanos = DECIMAL_ONE * 7 / 10; // 1400 of 2000, 1000 are held: none of the buys fits
    cash(2000);
    to_two_buys();
    books();
    assert_int_equal(w.placed, 1);
    config.max_gross_exposure.nanos = DECIMAL_ONE * 8 / 10; // 600 more: one of them
    books();
    assert_int_equal(w.placed, 2);
    answer(0, ORDER_FILLED, SHARES(10));
    refresh();
    assert_int_equal(w.placed, 2); // the positions may show already what the first buy still holds as open
    answer(1, ORDER_FILLED, w.intents[1].order.qty);
    assert_int_equal(w.placed, 3); // nothing is left to wait for: what does not fit now is the desk's to deny
}

static void a_buy_without_an_answer_is_not_waited_for(void **state)
{
    (void)state;
    config.max_gross_exposure.nanos = DECIMAL_ONE * 3 / 10; // one of the buys
    cash(2000);
    to_two_buys();
    books();
    answer(0, ORDER_FILLED, SHARES(10));
    refresh();
    assert_int_equal(w.placed, 2);
    answer(1, ORDER_UNKNOWN, SHARES(0));
    assert_int_equal(w.placed, 3);
}

static void an_unknown_sell_frees_nothing_and_holds_only_what_needs_it(void **state)
{
    (void)state;
    cash(500);
    to_two_buys();
    assert_int_equal(w.placed, 2); // covered without the sell
    answer(0, ORDER_UNKNOWN, SHARES(0));
    cash(0);
    answer(1, ORDER_FILLED, w.intents[1].order.qty);
    books();
    assert_int_equal(w.placed, 2);
    assert_int_equal(w.passes, 0);       // a buy still waits: not settling
    answer(0, ORDER_FILLED, SHARES(10)); // looked up meanwhile
    refresh();
    assert_int_equal(w.placed, 3);
}

static void failed_sells_leave_out_the_buys(void **state)
{
    (void)state;
    cash(0);
    to_two_buys();
    answer(0, ORDER_CANCELED, SHARES(4)); // 600 of 1000 failed, 500 may
    assert_int_equal(w.placed, 1);
    settle();
    assert_int_equal(w.told.status, RUN_PARTIAL);
    assert_int_equal(w.told.orders_skipped, 2);
    assert_int_equal(w.told.orders_failed, 1);
    answer(0, ORDER_CANCELED, SHARES(4));
}

static void few_failed_sells_do_not(void **state)
{
    (void)state;
    cash(0);
    to_two_buys();
    answer(0, ORDER_CANCELED, SHARES(5)); // exactly as much as may
    cash(2000);
    refresh();
    assert_int_equal(w.placed, 3);
}

// What was filled may count in the figures and beside them until they are read anew: nothing is denied for that.
static void figures_behind_a_fill_are_read_before_a_buy_without_room_goes(void **state)
{
    (void)state;
    cash(0);
    to_two_buys();
    answer(0, ORDER_FILLED, SHARES(10));
    cash(600);
    refresh();
    assert_int_equal(w.placed, 2);
    int refreshes = w.refreshes;
    w.now += NS_PER_S;
    exposure_filled(exposure, w.intents[1].order.client_order_id, w.intents[1].order.qty, w.now);
    answer(1, ORDER_FILLED, w.intents[1].order.qty);
    assert_int_equal(w.placed, 2);
    assert_int_equal(w.refreshes, refreshes + 1);
    cash(100); // too little: the desk's to deny
    positions_read();
    refresh();
    assert_int_equal(w.placed, 3);
    assert_int_equal(w.refreshes, refreshes + 1);
}

static void nothing_is_sent_while_ledger_and_broker_differ(void **state)
{
    (void)state;
    start();
    claim(LEDGER_OK);
    to_the_plan();
    w.held = true;
    w.plan_done(w.plan_arg, LEDGER_OK, "");
    assert_int_equal(w.placed, 0);
    for (int i = 0; i < 5; i++)
        loop_step(loop, 100);
    assert_int_equal(w.placed, 0);
    assert_int_equal(w.kicks, 0); // it waits without asking the broker for more
    w.held = false;
    turn_until(&w.placed, 1);
}

static void prices_that_cannot_be_read_are_asked_again_and_then_left_to_the_desk(void **state)
{
    (void)state;
    cash(0);
    to_the_sell();
    answer(0, ORDER_FILLED, SHARES(10));
    for (int i = 2; i < 5; i++) {
        turn_until(&w.refreshes, i);
        cash(0); // the account was read, prices were not
        w.refresh_done(w.refresh_arg, false, "500");
    }
    turn_until(&w.placed, 2);
}

// --- the deadline

static void no_buy_is_sent_after_the_deadline(void **state)
{
    (void)state;
    to_the_sell();
    answer(0, ORDER_FILLED, SHARES(10));
    run_deadline(runs->active);
    refresh(); // the answer it was waiting for comes late
    assert_int_equal(w.placed, 1);
    settle();
    assert_int_equal(w.told.status, RUN_PARTIAL);
    assert_int_equal(w.told.orders_skipped, 1);
    assert_non_null(strstr(w.told.detail, "the deadline came"));
    assert_int_equal(w.placed, 1);
}

static void a_deadline_does_not_wait_for_an_order_that_does_not_end(void **state)
{
    (void)state;
    to_the_sell();
    answer(0, ORDER_NEW, SHARES(0));
    run_deadline(runs->active);
    assert_int_equal(w.run_cancels, 1);
    assert_int_equal(w.passes, 1); // it settles as far as it goes, whatever the sell does
    assert_true(runs->active->deadline_timer != 0);
    answer(0, ORDER_CANCELED, SHARES(0));
    assert_int_equal(w.placed, 1);
    settle();
    assert_int_equal(w.told.status, RUN_FAILED);
}

// --- tries of a leg

static void to_the_walk(enum execution_style style)
{
    config.strategies[0].execution = style;
    quote("SPY", 9990, 10010);
    start();
    claim(LEDGER_OK);
    to_the_plan();
    w.plan_done(w.plan_arg, LEDGER_OK, "");
    assert_int_equal(w.placed, 0); // fresh quotes first
    refresh();
    assert_int_equal(w.intents[0].order.side, ORDER_SELL);
    assert_int_equal(w.intents[0].order.type, ORDER_LIMIT);
}

static void a_walk_takes_its_steps_and_ends_with_market(void **state)
{
    (void)state;
    cash(0);
    to_the_walk(EXECUTION_WALK);
    assert_int_equal(w.intents[0].order.limit_price.nanos, 100 * DECIMAL_ONE);
    answer(0, ORDER_NEW, SHARES(0));
    turn_until(&w.cancels, 1);
    assert_string_equal(w.cancelled, w.intents[0].order.client_order_id);
    assert_int_equal(w.placed, 1); // not before it has ended
    answer(0, ORDER_PARTIALLY_FILLED, SHARES(3));
    answer(0, ORDER_CANCELED, SHARES(4)); // the last share came with the cancel
    int reads = w.refreshes;
    assert_true(reads >= 3); // quotes for the next step
    quote("SPY", 9900, 9940);
    refresh();
    assert_int_equal(w.placed, 2);
    assert_int_equal(w.intents[1].try_no, 2);
    assert_int_equal(w.intents[1].order.qty.nanos, SHARES(6).nanos);
    assert_int_equal(w.intents[1].order.limit_price.nanos, INT64_C(9910) * (DECIMAL_ONE / 100));
    assert_string_not_equal(w.intents[1].order.client_order_id, w.intents[0].order.client_order_id);
    answer(1, ORDER_NEW, SHARES(0));
    turn_until(&w.cancels, 2);
    answer(1, ORDER_CANCELED, SHARES(0));
    refresh();
    assert_int_equal(w.placed, 3);
    assert_int_equal(w.intents[2].order.type, ORDER_MARKET);
    assert_int_equal(w.intents[2].order.qty.nanos, SHARES(6).nanos);
    answer(2, ORDER_FILLED, SHARES(6));
    assert_int_equal(runs->active->legs[0].filled.nanos, SHARES(10).nanos);
    assert_int_equal(runs->active->legs[0].state, LEG_DONE);
}

static void a_cancel_that_comes_too_late_ends_the_walk(void **state)
{
    (void)state;
    cash(0);
    to_the_walk(EXECUTION_WALK);
    answer(0, ORDER_NEW, SHARES(0));
    turn_until(&w.cancels, 1);
    answer(0, ORDER_FILLED, SHARES(10));
    refresh();
    for (int i = 0; i < w.placed; i++)
        assert_true(i == 0 || w.intents[i].order.side == ORDER_BUY);
    assert_int_equal(runs->active->legs[0].try_no, 1);
}

static void somebody_elses_cancel_ends_the_walk(void **state)
{
    (void)state;
    cash(0);
    config.walk_step_ms = 60000;
    to_the_walk(EXECUTION_WALK);
    answer(0, ORDER_NEW, SHARES(0));
    answer(0, ORDER_CANCELED, SHARES(2));
    assert_int_equal(runs->active->legs[0].state, LEG_DONE);
    assert_int_equal(w.placed, 1); // 800 of the sell failed: no buys either
}

static void a_refused_step_ends_the_walk(void **state)
{
    (void)state;
    cash(0);
    to_the_walk(EXECUTION_WALK);
    answer(0, ORDER_REJECTED, SHARES(0));
    assert_int_equal(runs->active->legs[0].state, LEG_DONE);
}

static void a_limit_has_one_try_at_the_far_side(void **state)
{
    (void)state;
    to_the_walk(EXECUTION_LIMIT);
    assert_int_equal(w.intents[0].order.limit_price.nanos, INT64_C(9990) * (DECIMAL_ONE / 100));
    answer(0, ORDER_NEW, SHARES(0));
    assert_false(runs->active->legs[0].timed);
}

static void no_further_try_after_the_deadline(void **state)
{
    (void)state;
    cash(0);
    to_the_walk(EXECUTION_WALK);
    answer(0, ORDER_NEW, SHARES(0));
    turn_until(&w.cancels, 1);
    run_deadline(runs->active);
    int placed = w.placed;
    answer(0, ORDER_CANCELED, SHARES(1));
    assert_int_equal(runs->active->legs[0].state, LEG_DONE);
    settle();
    assert_int_equal(w.placed, placed);
    assert_int_equal(w.told.orders_failed, 1);
    assert_int_equal(w.told.status, RUN_PARTIAL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(sells_then_fresh_cash_then_buys_then_settled),
        T(an_unsure_model_is_told_when_its_run_is_completed),
        T(a_sure_model_is_not_told),
        T(buys_go_in_order_as_soon_as_cash_covers_them),
        T(buys_wait_for_what_sells_make_room_for),
        T(a_buy_without_an_answer_is_not_waited_for),
        T(the_buffer_is_kept_while_sells_are_open),
        T(an_unknown_sell_frees_nothing_and_holds_only_what_needs_it),
        T(failed_sells_leave_out_the_buys),
        T(few_failed_sells_do_not),
        T(figures_behind_a_fill_are_read_before_a_buy_without_room_goes),
        T(nothing_is_sent_while_ledger_and_broker_differ),
        T(prices_that_cannot_be_read_are_asked_again_and_then_left_to_the_desk),
        T(no_buy_is_sent_after_the_deadline),
        T(a_deadline_does_not_wait_for_an_order_that_does_not_end),
        T(a_walk_takes_its_steps_and_ends_with_market),
        T(a_cancel_that_comes_too_late_ends_the_walk),
        T(somebody_elses_cancel_ends_the_walk),
        T(a_refused_step_ends_the_walk),
        T(a_limit_has_one_try_at_the_far_side),
        T(no_further_try_after_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
