// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/run.o daemon/run_plan.o daemon/run_preview.o daemon/run_orders.o daemon/run_try.o daemon/run_settle.o
// needs: daemon/run_books.o daemon/run_late.o daemon/run_resume.o daemon/exposure*.o daemon/metrics.o daemon/watch.o
//
// How a run ends: what it waits for, what it calls itself, and the numbers of its orders on the way. The room is that
// of test_run.c.
#include "tests/unit/run_room.h"

// Sell the 10 SPY, buy nothing.
static void to_one_sell(enum execution_style style)
{
    struct signal_target target = {.symbol = "SPY", .weight = {0}};
    config.strategies[0].execution = style;
    positions_read();
    start();
    claim(LEDGER_OK);
    to_the_plan_of(&target, 1);
    w.plan_done(w.plan_arg, LEDGER_OK, "");
    if (style != EXECUTION_MARKET)
        refresh();
    assert_int_equal(w.placed, 1);
}

static void turns(int n)
{
    for (int i = 0; i < n; i++)
        loop_step(loop, 30);
}

static void it_settles_when_the_last_order_has_ended(void **state)
{
    (void)state;
    to_one_sell(EXECUTION_MARKET);
    assert_int_equal(w.updated.status, RUN_SENDING);
    assert_int_equal(w.kicks, 1); // something was sent
    int refreshes = w.refreshes;
    answer(0, ORDER_NEW, SHARES(0));
    answer(0, ORDER_PARTIALLY_FILLED, SHARES(3));
    turns(2); // an order at market has no time of its own
    assert_int_equal(w.passes + w.cancels, 0);
    assert_int_equal(w.kicks, 1);
    assert_int_equal(w.refreshes, refreshes);
    answer(0, ORDER_CANCELED, SHARES(10)); // whatever it is called: all of it was filled
    assert_int_equal(w.passes, 1);
    assert_int_equal(w.updated.status, RUN_SETTLING);
    settle();
    assert_int_equal(w.told.status, RUN_COMPLETED);
    assert_true(w.told.settled);
}

static void nothing_to_trade_is_completed(void **state)
{
    (void)state;
    struct signal_target target = {.symbol = "SPY", .weight = {DECIMAL_ONE / 2}};
    start();
    claim(LEDGER_OK);
    to_the_plan_of(&target, 1);
    w.plan_done(w.plan_arg, LEDGER_OK, "");
    settle();
    assert_int_equal(w.placed, 0);
    assert_int_equal(w.told.status, RUN_COMPLETED);
}

// What has no answer is looked up by the desk; the run says how it stands, and that is not "failed".
static void an_order_without_an_answer_is_no_failure(void **state)
{
    (void)state;
    to_one_sell(EXECUTION_MARKET);
    answer(0, ORDER_UNKNOWN, SHARES(0));
    assert_int_equal(w.passes, 1); // it holds nothing up
    runs_order_changed(runs, &(struct order_row){.intent = w.intents[0], .status = ORDER_UNKNOWN});
    assert_int_equal(w.passes, 1);
    run_deadline(runs->active);
    assert_int_equal(w.passes, 1); // it is settling already
    settle();
    assert_int_equal(w.told.status, RUN_PARTIAL);
    assert_int_equal(w.told.orders_submitted, 1);
    assert_int_equal(w.told.orders_accepted, 0);
}

static void it_is_settled_when_the_ledger_lists_nothing_of_it(void **state)
{
    (void)state;
    to_one_sell(EXECUTION_MARKET);
    struct order_row rows[2] = {{.intent = w.intents[0]}, {.intent = w.intents[0]}};
    strcpy(rows[0].intent.run_id, "another");
    answer(0, ORDER_FILLED, SHARES(10));
    w.pass_done(w.pass_arg, true, "");
    w.list_done(w.list_arg, LEDGER_DOWN, NULL, 0);
    assert_int_equal(w.freed, 0);
    assert_int_equal(w.told.status, RUN_SETTLING);
    turn_until(&w.passes, 2);
    w.pass_done(w.pass_arg, true, "");
    w.list_done(w.list_arg, LEDGER_OK, rows, 2); // its fills are not all there
    assert_int_equal(w.told.status, RUN_SETTLING);
    turn_until(&w.passes, 3);
    w.pass_done(w.pass_arg, true, "");
    w.list_done(w.list_arg, LEDGER_OK, rows, 1); // somebody else's
    assert_int_equal(w.told.status, RUN_COMPLETED);
}

// --- after its end

static void listing(const struct order_row *rows, size_t count)
{
    int before = w.listings;
    books(); // every pass reads them
    assert_int_equal(w.listings, before + 1);
    w.list_done(w.list_arg, LEDGER_OK, rows, count);
}

static void what_is_answered_after_its_end_settles_it(void **state)
{
    (void)state;
    to_one_sell(EXECUTION_MARKET);
    const struct order_row row = {.intent = w.intents[0]};
    answer(0, ORDER_UNKNOWN, SHARES(0));
    run_finish(runs->active, RUN_PARTIAL, "as it stood at its deadline");
    assert_false(w.told.settled);
    w.pass_done(w.pass_arg, false, "");
    turn_until(&w.freed, 1);
    int listings = w.listings, passes = w.passes;
    books();
    assert_int_equal(w.listings, listings); // the ledger does not have its end yet
    w.update_done(w.update_arg, LEDGER_OK, "");
    listing(&row, 1); // no answer yet
    assert_int_equal(w.passes, passes);
    listing(NULL, 0);
    assert_int_equal(w.passes, passes + 1);
    listings = w.listings;
    books(); // of this very pass
    assert_int_equal(w.listings, listings);
    w.pass_done(w.pass_arg, false, "they differ");
    listing(NULL, 0);
    w.pass_done(w.pass_arg, true, "");
    w.list_done(w.list_arg, LEDGER_OK, &row, 1); // it was found, its fills were not
    listing(NULL, 0);
    assert_int_equal(w.settled, 0);
    w.pass_done(w.pass_arg, true, "");
    w.list_done(w.list_arg, LEDGER_DOWN, NULL, 0);
    assert_int_equal(w.settled, 0);
    listing(NULL, 0);
    w.pass_done(w.pass_arg, true, "");
    w.list_done(w.list_arg, LEDGER_OK, NULL, 0);
    assert_int_equal(w.settled, 1);
    assert_true(w.updated.settled);
    assert_int_equal(w.updated.status, RUN_PARTIAL);
    assert_string_equal(w.updated.detail, "as it stood at its deadline");
    w.update_done(w.update_arg, LEDGER_OK, "");
    listings = w.listings;
    books();
    assert_int_equal(w.listings, listings); // nothing more to follow
}

static void what_an_earlier_life_left_unsettled_is_settled(void **state)
{
    struct run_row rows[] = {
        {.id = "done", .status = RUN_COMPLETED, .completed_at = 1, .settled = true, .orders_submitted = 1},
        {.id = "nothing sent", .status = RUN_FAILED, .completed_at = 1},
        {.id = "missed", .status = RUN_MISSED, .completed_at = 1},
        {.id = "partial", .status = RUN_PARTIAL, .completed_at = 1},
    };
    (void)state;
    runs_resume(runs, rows, 3);
    books();
    assert_int_equal(w.listings, 0); // none of these left anything behind
    runs_resume(runs, rows, 4);
    runs_resume(runs, rows, 4);
    listing(NULL, 0);
    w.pass_done(w.pass_arg, true, "");
    w.list_done(w.list_arg, LEDGER_OK, NULL, 0);
    assert_int_equal(w.settled, 1);
    assert_string_equal(w.updated.id, "partial");
    assert_int_equal(w.stored_asked, 0); // none of them is taken up again
}

// Of two strategies one fails: the other's leg is sent, as patiently as that one asks for.
static void of_two_one_gives_none(enum strategy_result result)
{
    struct signal_target target = {.symbol = "SPY", .weight = {0}};
    struct signal s = {.targets = &target, .count = 1};
    struct run_order o = order;
    config.strategy_count = 2;
    config.strategies[0].execution = EXECUTION_WALK;
    config.strategies[0].allocation.nanos = DECIMAL_ONE / 2;
    config.strategies[1] = config.strategies[0];
    config.strategies[1].name = "other";
    config.strategies[1].execution = EXECUTION_MARKET;
    o.strategies = "weights other";
    o.scheduled_at = w.now;
    positions_read();
    books();
    runs_start(runs, &o, on_started, NULL);
    claim(LEDGER_OK);
    refresh();
    w.bars_done(w.bars_arg, true, NULL, 0, "");
    assert_true(w.first_arg != w.strategy_arg);
    w.first_done(w.first_arg, STRATEGY_OK, &s, "");
    w.strategy_done(w.strategy_arg, result, NULL, "exit 1");
    w.plan_done(w.plan_arg, LEDGER_OK, "");
    refresh();
    assert_int_equal(w.placed, 1);
    assert_int_equal(w.intents[0].order.type, ORDER_LIMIT);
    answer(0, ORDER_FILLED, SHARES(10));
    settle();
    assert_int_equal(w.told.status, RUN_PARTIAL);
    assert_non_null(strstr(w.told.detail, "gave no usable answer"));
}

static void a_strategy_without_an_answer_makes_it_partial(void **state)
{
    (void)state;
    of_two_one_gives_none(STRATEGY_FAILED);
}

// There is no time left to try it again: the other goes on without it.
static void so_does_one_that_could_not_be_started_in_time(void **state)
{
    (void)state;
    config.latest_start_ms = 0;
    of_two_one_gives_none(STRATEGY_SHORT);
}

// --- the deadline

static void a_deadline_before_the_plan_sends_nothing(void **state)
{
    (void)state;
    start();
    claim(LEDGER_OK);
    run_deadline(runs->active);
    assert_int_equal(w.told.status, RUN_FAILED);
    assert_non_null(strstr(w.told.detail, "before anything was sent"));
    refresh(); // what it asked for comes late
    assert_int_equal(w.placed + w.plans, 0);
}

static void a_deadline_waits_for_its_cancels_only_so_long(void **state)
{
    (void)state;
    to_one_sell(EXECUTION_MARKET);
    int kicks = w.kicks;
    loop_cancel(loop, &runs->active->deadline_timer);
    run_deadline(runs->active);
    assert_true(runs->active->deadline_timer != 0);
    assert_string_equal(w.cancelled_run, w.intents[0].run_id);
    assert_int_equal(w.kicks, kicks + 1);
    answer(0, ORDER_CANCELED, SHARES(0));
    settle();
    assert_int_equal(w.told.status, RUN_FAILED);
}

// --- the numbers of its orders

static void numbers_say_what_became_of_each_order(void **state)
{
    static const struct {
        enum order_status status;
        int64_t filled;
        int submitted, accepted, rejected, skipped, failed;
        enum run_status run;
    } rows[] = {
        {ORDER_FILLED, 10, 1, 1, 0, 0, 0, RUN_COMPLETED}, {ORDER_CANCELED, 4, 1, 1, 0, 0, 1, RUN_PARTIAL},
        {ORDER_CANCELED, 0, 1, 1, 0, 0, 1, RUN_FAILED},   {ORDER_REJECTED, 0, 1, 0, 1, 0, 1, RUN_FAILED},
        {ORDER_DENIED, 0, 0, 0, 1, 1, 0, RUN_FAILED},     {ORDER_NOT_PLACED, 0, 0, 0, 0, 1, 0, RUN_FAILED},
        {ORDER_DRY_RUN, 0, 1, 1, 0, 0, 0, RUN_COMPLETED}, {ORDER_FILLED, 9, 1, 1, 0, 0, 0, RUN_COMPLETED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (i) {
            tear_down(state);
            set_up(state);
        }
        to_one_sell(EXECUTION_MARKET);
        assert_int_equal(w.told.orders_planned, 1);
        assert_int_equal(w.told.orders_submitted + w.told.orders_skipped, 0);
        answer(0, ORDER_UNKNOWN, SHARES(0));
        assert_int_equal(w.told.orders_submitted, 1);
        assert_int_equal(w.told.orders_accepted, 0);
        answer(0, ORDER_PENDING_NEW, SHARES(0));
        assert_int_equal(w.told.orders_accepted, 1); // told on the way
        assert_int_equal(w.told.orders_failed, 0);
        answer(0, rows[i].status, SHARES(rows[i].filled));
        answer(0, ORDER_FILLED, SHARES(10)); // it has ended: no news is of it
        assert_int_equal(w.told.orders_submitted, rows[i].submitted);
        assert_int_equal(w.told.orders_accepted, rows[i].accepted);
        assert_int_equal(w.told.orders_rejected, rows[i].rejected);
        assert_int_equal(w.told.orders_skipped, rows[i].skipped);
        assert_int_equal(w.told.orders_failed, rows[i].failed);
        settle();
        assert_int_equal(w.told.status, rows[i].run);
        assert_int_equal(w.told.orders_submitted, rows[i].submitted);
    }
}

// --- tries

static void a_walk_is_not_over_between_its_steps(void **state)
{
    (void)state;
    to_one_sell(EXECUTION_WALK);
    answer(0, ORDER_UNKNOWN, SHARES(0)); // it may still have a further step: not settled yet
    assert_int_equal(w.passes, 0);
    answer(0, ORDER_NEW, SHARES(0));
    int kicks = w.kicks;
    turn_until(&w.cancels, 1);
    assert_int_equal(w.kicks, kicks + 1); // its answer is asked for
    int refreshes = w.refreshes;
    answer(0, ORDER_CANCELED, SHARES(4));
    assert_int_equal(w.passes, 0);
    assert_int_equal(w.refreshes, refreshes + 1);
    config.walk_step_ms = 60000;
    refresh();
    assert_int_equal(w.placed, 2);
    assert_int_equal(w.refreshes, refreshes + 1); // no buy waits for another
    struct order_row first = {.intent = w.intents[0], .status = ORDER_FILLED, .filled_qty = SHARES(10)};
    runs_order_changed(runs, &first); // late news of the step before
    answer(1, ORDER_NEW, SHARES(0));
    assert_int_equal(runs->active->legs[0].filled.nanos, SHARES(4).nanos);
    assert_int_equal(w.told.orders_submitted, 1);
    assert_int_equal(w.told.orders_accepted, 1);
    answer(1, ORDER_CANCELED, SHARES(0)); // by somebody else, before its time was over
    assert_int_equal(runs->active->legs[0].state, LEG_DONE);
    settle();
    assert_int_equal(w.told.status, RUN_PARTIAL);
    assert_int_equal(w.told.orders_failed, 1);
}

static void only_what_its_time_ended_has_a_further_step(void **state)
{
    static const struct {
        enum order_status status;
        int64_t filled;
    } rows[] = {{ORDER_REJECTED, 0}, {ORDER_EXPIRED, 2}, {ORDER_DENIED, 0}, {ORDER_CANCELED, 10}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (i) {
            tear_down(state);
            set_up(state);
        }
        to_one_sell(EXECUTION_WALK);
        answer(0, ORDER_NEW, SHARES(0));
        turn_until(&w.cancels, 1);
        answer(0, rows[i].status, SHARES(rows[i].filled));
        assert_int_equal(runs->active->legs[0].state, LEG_DONE);
        assert_int_equal(w.passes, 1);
    }
}

static void a_step_that_has_ended_is_not_cancelled(void **state)
{
    (void)state;
    to_one_sell(EXECUTION_WALK);
    answer(0, ORDER_FILLED, SHARES(10));
    turns(3);
    assert_int_equal(w.cancels, 0);
}

static void a_limit_is_not_cancelled_after_a_step(void **state)
{
    (void)state;
    to_one_sell(EXECUTION_LIMIT);
    answer(0, ORDER_NEW, SHARES(0));
    turns(3);
    assert_int_equal(w.cancels + w.passes, 0);
}

static void when_the_decisions_price_was_is_known_as_long_as_it_is_the_price(void **state)
{
    (void)state;
    to_one_sell(EXECUTION_MARKET);
    assert_int_equal(w.intents[0].price_at, w.now);
    tear_down(state);
    set_up(state);
    start();
    claim(LEDGER_OK);
    to_the_plan();
    price("SPY", 101);
    w.plan_done(w.plan_arg, LEDGER_OK, "");
    assert_int_equal(w.placed, 1);
    assert_int_equal(w.intents[0].price_at, 0);
}

// --- sells and buys

// Sell 10 SPY at 100; buy 5 GLD and 5 TLT, in this order.
static void to_two_buys(enum execution_style style)
{
    static char *symbols[] = {"GLD", "SPY", "TLT"};
    struct signal_target targets[] = {{.symbol = "GLD", .weight = {DECIMAL_ONE / 4}},
                                      {.symbol = "TLT", .weight = {DECIMAL_ONE / 4}}};
    config.strategies[0].execution = style;
    memcpy(config.strategies[0].symbols.words, symbols, sizeof symbols);
    config.strategies[0].symbols.count = 3;
    price("GLD", 100);
    positions_read();
    start();
    claim(LEDGER_OK);
    to_the_plan_of(targets, 2);
    w.plan_done(w.plan_arg, LEDGER_OK, "");
    refresh();
}

static void what_is_out_is_not_left_out_when_sells_failed(void **state)
{
    (void)state;
    cash(500);
    to_two_buys(EXECUTION_MARKET);
    assert_int_equal(w.placed, 2); // the cash covers the first
    answer(0, ORDER_REJECTED, SHARES(0));
    assert_int_equal(runs->active->row.orders_skipped, 1); // the second
    assert_int_equal(w.passes, 0);                         // the first is out
    answer(1, ORDER_FILLED, w.intents[1].order.qty);
    settle();
    assert_int_equal(w.told.status, RUN_PARTIAL);
    assert_non_null(strstr(w.told.detail, "buys are left out"));
}

static void a_buy_that_failed_is_no_sell_that_failed(void **state)
{
    (void)state;
    config.failed_sells_max = USD(100);
    cash(500);
    to_two_buys(EXECUTION_MARKET);
    answer(1, ORDER_REJECTED, SHARES(0));
    answer(0, ORDER_FILLED, SHARES(10));
    refresh();
    assert_int_equal(w.placed, 3);
}

static void a_sell_that_was_only_recorded_has_not_failed(void **state)
{
    (void)state;
    cash(0);
    to_two_buys(EXECUTION_MARKET);
    answer(0, ORDER_DRY_RUN, SHARES(0));
    refresh();
    assert_int_equal(w.placed, 2);
    answer(1, ORDER_DRY_RUN, SHARES(0));
    assert_int_equal(w.placed, 3);
}

static void only_what_waits_is_read_and_placed(void **state)
{
    (void)state;
    cash(2000);
    to_two_buys(EXECUTION_WALK);
    assert_int_equal(w.placed, 3);
    assert_int_equal(w.refreshed_count, 3);
    answer(0, ORDER_FILLED, SHARES(10));
    answer(1, ORDER_NEW, SHARES(0));
    answer(2, ORDER_NEW, SHARES(0));
    turn_until(&w.cancels, 2);
    int refreshes = w.refreshes;
    answer(1, ORDER_CANCELED, SHARES(1));
    assert_int_equal(w.placed, 3); // no further step by the quotes of the one before
    assert_int_equal(w.refreshes, refreshes + 1);
    books();
    assert_int_equal(w.refreshes, refreshes + 1); // once at a time
    assert_int_equal(w.refreshed_count, 1);
    assert_string_equal(w.refreshed[0], "GLD");
    refresh();
    assert_int_equal(w.placed, 4); // the other buy is out: not placed again
    assert_string_equal(w.intents[3].order.symbol, "GLD");
    assert_int_equal(w.intents[3].try_no, 2);
}

static void what_is_read_on_its_way_out_needs_no_cash_twice(void **state)
{
    (void)state;
    cash(2000);
    to_two_buys(EXECUTION_WALK);
    answer(1, ORDER_NEW, SHARES(0));
    turn_until(&w.cancels, 2);
    cash(0);
    answer(1, ORDER_CANCELED, SHARES(1)); // the sell is still open
    refresh();
    assert_int_equal(w.placed, 4); // its further steps take what its first was covered by
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_settles_when_the_last_order_has_ended),
        T(nothing_to_trade_is_completed),
        T(an_order_without_an_answer_is_no_failure),
        T(it_is_settled_when_the_ledger_lists_nothing_of_it),
        T(a_deadline_before_the_plan_sends_nothing),
        T(a_deadline_waits_for_its_cancels_only_so_long),
        T(numbers_say_what_became_of_each_order),
        T(a_walk_is_not_over_between_its_steps),
        T(only_what_its_time_ended_has_a_further_step),
        T(a_step_that_has_ended_is_not_cancelled),
        T(a_limit_is_not_cancelled_after_a_step),
        T(when_the_decisions_price_was_is_known_as_long_as_it_is_the_price),
        T(what_is_out_is_not_left_out_when_sells_failed),
        T(a_buy_that_failed_is_no_sell_that_failed),
        T(a_sell_that_was_only_recorded_has_not_failed),
        T(only_what_waits_is_read_and_placed),
        T(what_is_read_on_its_way_out_needs_no_cash_twice),
        T(what_is_answered_after_its_end_settles_it),
        T(what_an_earlier_life_left_unsettled_is_settled),
        T(a_strategy_without_an_answer_makes_it_partial),
        T(so_does_one_that_could_not_be_started_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
