// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/run.o daemon/run_plan.o daemon/run_preview.o daemon/run_orders.o daemon/run_try.o daemon/run_settle.o
// needs: daemon/run_resume.o daemon/exposure.o daemon/metrics.o daemon/watch.o
//
// The orders of a run: sells before buys, buys as cash comes, tries of a leg, what an earlier life left.
#include "tests/unit/run_room.h"

static void cash(int64_t dollars)
{
    struct alpaca_account a = {.equity = USD(2000), .cash = USD(dollars)};
    exposure_set_account(exposure, &a, w.now);
}

static void positions_read(void)
{
    exposure_set_positions(exposure, NULL, 0, w.now);
}

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
    refresh();
    assert_int_equal(w.placed, 3);
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

// --- an earlier life

static struct ledger_stored_leg stored_legs[3] = {
    {{.leg = 1, .symbol = "SPY", .side = ORDER_SELL, .qty = {10 * DECIMAL_ONE}, .decision_price = {100 * DECIMAL_ONE}},
     "weights"},
    {{.leg = 2, .symbol = "GLD", .side = ORDER_BUY, .qty = {5 * DECIMAL_ONE}, .decision_price = {100 * DECIMAL_ONE}},
     "weights"},
    {{.leg = 3, .symbol = "TLT", .side = ORDER_BUY, .qty = {5 * DECIMAL_ONE}, .decision_price = {100 * DECIMAL_ONE}},
     "weights"},
};

static struct order_row of_try(int leg, int try_no, enum order_status status, int64_t filled)
{
    const struct plan_leg *p = &stored_legs[leg - 1].leg;
    struct order_row row = {.status = status, .filled_qty = SHARES(filled)};
    row.intent.leg = leg;
    row.intent.try_no = try_no;
    row.intent.created_at = w.now;
    row.updated_at = w.now + config.walk_step_ms * NS_PER_MS;
    row.intent.order.side = p->side;
    row.intent.order.qty = p->qty;
    strcpy(row.intent.order.symbol, p->symbol);
    client_order_id_make("PASIM0000001", session, order.slot_key, leg, try_no, row.intent.order.client_order_id);
    return row;
}

static void told_of(const struct order_row *row)
{
    runs_order_changed(runs, row);
}

static void load(struct order_row *orders, size_t count, int64_t members_failed)
{
    const struct ledger_stored_plan plan = {
        .legs = stored_legs, .leg_count = 3, .orders = orders, .order_count = count, .members_failed = members_failed};
    assert_int_equal(w.stored_asked, 1);
    w.stored_done(w.stored_arg, LEDGER_OK, &plan);
}

static void a_planned_run_places_the_stored_plan(void **state)
{
    (void)state;
    cash(5000);
    positions_read();
    price("GLD", 100);
    resume(RUN_PLANNED);
    load(NULL, 0, 0);
    assert_int_equal(w.placed, 0); // a life that has read nothing reads first
    assert_int_equal(w.refreshed_count, 3);
    refresh();
    assert_int_equal(w.placed, 3);
    assert_int_equal(w.plans, 0);
    struct order_row first = of_try(1, 1, ORDER_NEW, 0);
    assert_string_equal(w.intents[0].order.client_order_id, first.intent.order.client_order_id);
    for (int i = 0; i < 3; i++)
        answer(i, ORDER_FILLED, w.intents[i].order.qty);
    settle();
    assert_int_equal(w.told.status, RUN_COMPLETED);
    assert_int_equal(w.told.orders_submitted, 3);
}

static void it_waits_until_it_may_start(void **state)
{
    (void)state;
    w.allowed = false;
    resume(RUN_PLANNED);
    load(NULL, 0, 0);
    for (int i = 0; i < 5; i++)
        loop_step(loop, 100);
    assert_int_equal(w.refreshes, 0);
    w.allowed = true;
    turn_until(&w.refreshes, 1);
}

static void a_sending_run_first_knows_every_order_then_sends_the_rest(void **state)
{
    (void)state;
    cash(5000);
    positions_read();
    price("GLD", 100);
    resume(RUN_SENDING);
    struct order_row orders[] = {of_try(1, 1, ORDER_FILLED, 10), of_try(2, 1, ORDER_UNKNOWN, 0)};
    load(orders, 2, 0);
    struct risk_view view;
    assert_true(exposure_view(exposure, &orders[0].intent.order, "run-1", session, w.now, &view));
    assert_int_equal(view.orders_in_run, 2);                // what the earlier life sent counts
    assert_int_equal(w.send_until, w.now + 600 * NS_PER_S); // the desk may send it again until the deadline
    for (int i = 0; i < 5; i++)
        loop_step(loop, 100);
    assert_int_equal(w.refreshes, 0); // one is not known: nothing new
    orders[1].status = ORDER_NEW;
    told_of(&orders[1]);
    turn_until(&w.refreshes, 1);
    refresh();
    assert_int_equal(w.placed, 1); // only what was never handed over
    assert_string_equal(w.intents[0].order.symbol, "TLT");
    assert_int_equal(w.intents[0].try_no, 1);
    orders[1].status = ORDER_FILLED;
    orders[1].filled_qty = SHARES(5);
    told_of(&orders[1]);
    answer(0, ORDER_FILLED, SHARES(5));
    settle();
    assert_int_equal(w.told.status, RUN_COMPLETED);
    assert_int_equal(w.told.orders_submitted, 3);
    assert_non_null(strstr(w.told.detail, "resumed"));
}

static void a_walk_goes_on_at_the_right_try(void **state)
{
    (void)state;
    cash(0);
    config.strategies[0].execution = EXECUTION_WALK;
    resume(RUN_SENDING);
    struct order_row orders[] = {of_try(1, 1, ORDER_CANCELED, 4), of_try(1, 2, ORDER_NEW, 0)};
    orders[0].intent.order.type = orders[1].intent.order.type = ORDER_LIMIT;
    load(orders, 2, 0);
    turn_until(&w.cancels, 1); // the time of the second is measured from when it was sent
    assert_string_equal(w.cancelled, orders[1].intent.order.client_order_id);
    orders[1].status = ORDER_CANCELED;
    orders[1].filled_qty = SHARES(1);
    told_of(&orders[1]);
    turn_until(&w.refreshes, 1);
    refresh();
    assert_int_equal(w.placed, 1);
    assert_int_equal(w.intents[0].try_no, 3);
    assert_int_equal(w.intents[0].order.type, ORDER_MARKET);
    assert_int_equal(w.intents[0].order.qty.nanos, SHARES(5).nanos);
}

static void a_walk_killed_between_two_tries_sends_the_next(void **state)
{
    (void)state;
    cash(0);
    config.strategies[0].execution = EXECUTION_WALK;
    resume(RUN_SENDING);
    struct order_row first = of_try(1, 1, ORDER_CANCELED, 4);
    first.intent.order.type = ORDER_LIMIT;
    load(&first, 1, 0);
    refresh();
    assert_int_equal(w.placed, 1);
    assert_int_equal(w.intents[0].try_no, 2);
    assert_int_equal(w.intents[0].order.type, ORDER_LIMIT);
    assert_int_equal(w.intents[0].order.qty.nanos, SHARES(6).nanos);
}

static void a_step_that_somebody_else_cancelled_ends_the_walk_after_a_restart_too(void **state)
{
    (void)state;
    cash(0);
    config.strategies[0].execution = EXECUTION_WALK;
    resume(RUN_SENDING);
    struct order_row first = of_try(1, 1, ORDER_CANCELED, 4);
    first.intent.order.type = ORDER_LIMIT;
    first.updated_at = first.intent.created_at + config.walk_step_ms * NS_PER_MS / 2;
    load(&first, 1, 0);
    for (int i = 0; i < 5; i++)
        loop_step(loop, 100);
    assert_int_equal(w.refreshes + w.placed, 0); // nor are the buys, with that much unsold
    settle();
    assert_int_equal(w.told.status, RUN_PARTIAL);
}

static void the_deadline_cancels_while_the_plan_cannot_be_read(void **state)
{
    (void)state;
    w.late = true;
    resume(RUN_SENDING);
    turn_until(&w.run_cancels, 1);
    assert_int_equal(w.stored_asked, 1);
    struct order_row first = of_try(1, 1, ORDER_NEW, 0);
    load(&first, 1, 0);
    turn_until(&w.run_cancels, 2); // and once more for what the plan told of
    assert_int_equal(w.placed, 0);
    first.status = ORDER_CANCELED;
    first.filled_qty = SHARES(2);
    told_of(&first);
    settle();
    assert_int_equal(w.told.status, RUN_PARTIAL);
}

static void after_the_deadline_nothing_more_is_sent(void **state)
{
    (void)state;
    resume(RUN_SENDING);
    w.now += 700 * NS_PER_S;
    struct order_row first = of_try(1, 1, ORDER_NEW, 0);
    load(&first, 1, 0);
    turn_until(&w.run_cancels, 1);
    assert_int_equal(w.placed, 0);
    first.status = ORDER_CANCELED;
    first.filled_qty = SHARES(5);
    told_of(&first);
    settle();
    assert_int_equal(w.told.status, RUN_PARTIAL);
    assert_int_equal(w.told.orders_skipped, 2);
    assert_int_equal(w.placed, 0);
}

static void a_settling_run_is_followed(void **state)
{
    (void)state;
    resume(RUN_SETTLING);
    struct order_row orders[] = {of_try(1, 1, ORDER_FILLED, 10), of_try(2, 1, ORDER_FILLED, 5),
                                 of_try(3, 1, ORDER_FILLED, 5)};
    load(orders, 3, 0);
    settle();
    assert_int_equal(w.placed, 0);
    assert_int_equal(w.told.status, RUN_COMPLETED);
    assert_true(w.told.settled);
}

static void a_member_that_failed_then_makes_it_partial(void **state)
{
    (void)state;
    resume(RUN_SETTLING);
    struct order_row orders[] = {of_try(1, 1, ORDER_FILLED, 10), of_try(2, 1, ORDER_FILLED, 5),
                                 of_try(3, 1, ORDER_FILLED, 5)};
    load(orders, 3, 1);
    settle();
    assert_int_equal(w.told.status, RUN_PARTIAL);
    assert_non_null(strstr(w.told.detail, "gave no usable answer"));
}

static void a_plan_that_cannot_be_read_yet_is_asked_again(void **state)
{
    (void)state;
    resume(RUN_PLANNED);
    w.stored_done(w.stored_arg, LEDGER_DOWN, NULL);
    turn_until(&w.stored_asked, 2);
    w.stored_done(w.stored_arg, LEDGER_CONFLICT, NULL);
    assert_int_equal(w.told.status, RUN_PARTIAL);
    assert_int_equal(w.run_cancels, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(sells_then_fresh_cash_then_buys_then_settled),
        T(an_unsure_model_is_told_when_its_run_is_completed),
        T(a_sure_model_is_not_told),
        T(buys_go_in_order_as_soon_as_cash_covers_them),
        T(the_buffer_is_kept_while_sells_are_open),
        T(an_unknown_sell_frees_nothing_and_holds_only_what_needs_it),
        T(failed_sells_leave_out_the_buys),
        T(few_failed_sells_do_not),
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
        T(a_planned_run_places_the_stored_plan),
        T(it_waits_until_it_may_start),
        T(a_sending_run_first_knows_every_order_then_sends_the_rest),
        T(a_walk_goes_on_at_the_right_try),
        T(a_walk_killed_between_two_tries_sends_the_next),
        T(a_step_that_somebody_else_cancelled_ends_the_walk_after_a_restart_too),
        T(the_deadline_cancels_while_the_plan_cannot_be_read),
        T(after_the_deadline_nothing_more_is_sent),
        T(a_settling_run_is_followed),
        T(a_member_that_failed_then_makes_it_partial),
        T(a_plan_that_cannot_be_read_yet_is_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
