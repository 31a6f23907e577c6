// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/run.o daemon/run_plan.o daemon/run_preview.o daemon/run_orders.o daemon/run_try.o daemon/run_settle.o
// needs: daemon/run_books.o daemon/run_late.o daemon/run_resume.o daemon/exposure*.o daemon/metrics.o daemon/watch.o
//
// Nothing is planned from books that lack what an ended order has filled.
#include "tests/unit/run_room.h"

static void try_to_start(void)
{
    struct run_order o = order;
    o.scheduled_at = w.now;
    runs_start(runs, &o, on_started, NULL);
}

static void books_older_than_the_end_of_an_order_hold_a_run(void **state)
{
    (void)state;
    books();
    w.now += NS_PER_S;
    w.books_after = w.now;
    try_to_start();
    assert_int_equal(w.refused, 1);
    assert_int_equal(w.kicks, 1); // nobody else may be about to read them
    books();
    try_to_start();
    assert_int_equal(w.claims, 1);
    claim(LEDGER_DOWN);
}

static void an_end_that_the_ledger_has_not_taken_holds_a_run(void **state)
{
    (void)state;
    w.books_after = INT64_MAX;
    books();
    try_to_start();
    assert_int_equal(w.refused, 1);
    assert_int_equal(w.kicks, 0); // reading now would not tell
}

static void what_a_book_is_given_holds_a_run(void **state)
{
    struct qty held;
    (void)state;
    books();
    w.given_after = INT64_MAX; // on its way into the ledger
    books();
    try_to_start();
    assert_int_equal(w.refused, 1);
    assert_false(runs_held(runs, "weights", "SPY", &held));
    w.now += NS_PER_S;
    w.given_after = w.now; // and there; the books are those of before
    try_to_start();
    assert_int_equal(w.refused, 2);
    books();
    try_to_start();
    assert_int_equal(w.claims, 1);
    claim(LEDGER_DOWN);
}

static void missing_fills_hold_a_run(void **state)
{
    (void)state;
    w.unbooked = 1;
    books();
    try_to_start();
    assert_int_equal(w.refused, 1);
    w.unbooked = 0;
    books();
    try_to_start();
    assert_int_equal(w.claims, 1);
    claim(LEDGER_DOWN);
}

static void missing_fills_hold_a_claimed_run_of_an_earlier_life(void **state)
{
    (void)state;
    w.unbooked = 1;
    resume(RUN_CLAIMED);
    for (int i = 0; i < 3; i++)
        loop_step(loop, 100);
    assert_int_equal(w.refreshes, 0);
    w.unbooked = 0;
    books();
    turn_until(&w.refreshes, 1);
    w.refresh_done(w.refresh_arg, false, "enough");
}

static void what_a_book_holds_is_known_only_from_current_books(void **state)
{
    (void)state;
    struct qty held;
    books();
    assert_true(runs_held(runs, "weights", "SPY", &held));
    assert_int_equal(held.nanos, SHARES(10).nanos);
    w.books_after = w.now + 1; // a sell of it has ended
    assert_false(runs_held(runs, "weights", "SPY", &held));
    w.now++;
    w.unbooked = 1;
    books();
    assert_false(runs_held(runs, "weights", "SPY", &held));
    w.unbooked = 0;
    books();
    assert_true(runs_held(runs, "weights", "SPY", &held));
}

static void they_rest_while_nothing_is_in_flight(void **state)
{
    const char *why = "";
    (void)state;
    books();
    assert_true(runs_at_rest(runs, &why));
    w.open_of_others = 1;
    assert_false(runs_at_rest(runs, &why));
    assert_non_null(strstr(why, "orders are out"));
    w.open_of_others = 0;
    w.unbooked = 1;
    books();
    assert_false(runs_at_rest(runs, &why));
    assert_non_null(strstr(why, "not in the books yet"));
    w.unbooked = 0;
    books();
    start();
    claim(LEDGER_OK);
    assert_false(runs_at_rest(runs, &why));
    assert_non_null(strstr(why, "a run is in flight"));
    refresh();
    w.bars_done(w.bars_arg, false, NULL, 0, "enough");
}

static void answers(void)
{
    struct signal_target target = {.symbol = "TLT", .weight = {DECIMAL_ONE / 2}};
    struct signal s = {.targets = &target, .count = 1};
    w.strategy_done(w.strategy_arg, STRATEGY_OK, &s, "");
}

static void to_the_strategies(void)
{
    refresh();
    w.bars_done(w.bars_arg, true, NULL, 0, "");
}

static void an_order_that_comes_up_before_the_plan_is_waited_for(void **state)
{
    (void)state;
    start();
    claim(LEDGER_OK);
    to_the_strategies();
    w.open_of_others = 1;
    answers();
    assert_int_equal(w.plans, 0);
    for (int i = 0; i < 12; i++)
        loop_step(loop, 100);
    assert_int_equal(w.refreshes, 1); // it waits
    w.open_of_others = 0;
    w.books_after = ++w.now;
    books();
    turn_until(&w.refreshes, 2);
    to_the_strategies(); // everything anew: they were asked about other books
    answers();
    assert_int_equal(w.plans, 1);
    w.plan_done(w.plan_arg, LEDGER_CONFLICT, "enough");
}

static void it_is_not_waited_for_beyond_the_latest_start(void **state)
{
    (void)state;
    start();
    claim(LEDGER_OK);
    to_the_strategies();
    w.open_of_others = 1;
    w.now += config.latest_start_ms * NS_PER_MS;
    answers();
    assert_int_equal(w.told.status, RUN_FAILED);
    assert_non_null(strstr(w.told.detail, "planned again"));
}

static void no_room(void)
{
    w.strategy_done(w.strategy_arg, STRATEGY_SHORT, NULL, "cannot start it: Too many open files");
}

static void a_strategy_that_had_no_room_to_start_is_tried_again(void **state)
{
    (void)state;
    start();
    claim(LEDGER_OK);
    to_the_strategies();
    no_room();
    assert_int_equal(w.plans, 0);
    assert_int_equal(w.told.completed_at, 0);
    for (int tries = 2; tries < 4; tries++) {
        turn_until(&w.refreshes, tries);
        to_the_strategies();
        if (tries == 2)
            no_room();
    }
    answers();
    assert_int_equal(w.plans, 1);
    assert_string_equal(w.members[0].status, "ok");
    w.plan_done(w.plan_arg, LEDGER_CONFLICT, "enough");
}

static void it_is_not_tried_beyond_the_latest_start(void **state)
{
    (void)state;
    start();
    claim(LEDGER_OK);
    to_the_strategies();
    w.now += config.latest_start_ms * NS_PER_MS;
    no_room();
    assert_int_equal(w.told.status, RUN_FAILED);
    assert_non_null(strstr(w.told.detail, "Too many open files"));
    assert_int_equal(w.alerts, 1);
}

static void a_run_has_its_books_for_itself(void **state)
{
    (void)state;
    cash(0);
    books();
    assert_false(runs_need_book(runs, "weights"));
    start();
    assert_true(runs_need_book(runs, "weights") && runs_need_book(runs, "other"));
    claim(LEDGER_OK);
    to_the_plan();
    assert_true(runs_need_book(runs, "weights") && runs_need_book(runs, "other"));
    w.plan_done(w.plan_arg, LEDGER_OK, "");
    assert_true(runs_need_book(runs, "weights"));
    assert_false(runs_need_book(runs, "other")); // the plan is stored: it is not its book
    refresh();
    answer(0, ORDER_FILLED, SHARES(10));
    refresh();
    answer(1, ORDER_FILLED, w.intents[1].order.qty);
    assert_false(runs_need_book(runs, "weights")); // settling
    settle();
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(books_older_than_the_end_of_an_order_hold_a_run),
        T(an_end_that_the_ledger_has_not_taken_holds_a_run),
        T(what_a_book_is_given_holds_a_run),
        T(missing_fills_hold_a_run),
        T(missing_fills_hold_a_claimed_run_of_an_earlier_life),
        T(what_a_book_holds_is_known_only_from_current_books),
        T(they_rest_while_nothing_is_in_flight),
        T(an_order_that_comes_up_before_the_plan_is_waited_for),
        T(it_is_not_waited_for_beyond_the_latest_start),
        T(a_strategy_that_had_no_room_to_start_is_tried_again),
        T(it_is_not_tried_beyond_the_latest_start),
        T(a_run_has_its_books_for_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
