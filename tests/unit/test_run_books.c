// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/run.o daemon/run_plan.o daemon/run_preview.o daemon/run_orders.o daemon/run_try.o daemon/run_settle.o
// needs: daemon/run_books.o daemon/run_resume.o daemon/exposure.o daemon/metrics.o daemon/watch.o
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

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(books_older_than_the_end_of_an_order_hold_a_run),
        T(an_end_that_the_ledger_has_not_taken_holds_a_run),
        T(missing_fills_hold_a_run),
        T(missing_fills_hold_a_claimed_run_of_an_earlier_life),
        T(what_a_book_holds_is_known_only_from_current_books),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
