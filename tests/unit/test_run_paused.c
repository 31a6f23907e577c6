// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/run.o daemon/run_plan.o daemon/run_preview.o daemon/run_orders.o daemon/run_try.o daemon/run_settle.o
// needs: daemon/run_books.o daemon/run_late.o daemon/run_resume.o daemon/exposure*.o daemon/metrics.o daemon/watch.o
//
// A strategy that is paused after its run was claimed does not trade.
#include "tests/unit/run_room.h"

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

static void assert_missed(void)
{
    assert_int_equal(w.told.status, RUN_MISSED);
    assert_non_null(strstr(w.told.detail, "weights paused by ann: model is broken"));
    assert_int_equal(w.plans + w.placed, 0);
}

static void before_a_restart_its_run_is_missed(void **state)
{
    (void)state;
    w.paused = "weights";
    resume(RUN_CLAIMED);
    assert_missed();
    assert_int_equal(w.refreshes, 0);
}

static void while_prices_are_read_its_run_is_missed(void **state)
{
    (void)state;
    start();
    claim(LEDGER_OK);
    w.paused = "weights";
    to_the_strategies();
    assert_missed();
    assert_null(w.strategy_done); // not asked
}

static void while_it_thinks_its_run_is_missed(void **state)
{
    (void)state;
    start();
    claim(LEDGER_OK);
    to_the_strategies();
    w.paused = "weights";
    answers();
    assert_missed();
}

static void the_others_of_its_run_go_on_without_it(void **state)
{
    (void)state;
    struct run_order both = order;
    both.scheduled_at = w.now;
    both.strategies = "weights other";
    config.strategies[1] = config.strategies[0];
    config.strategies[1].name = "other";
    config.strategies[0].allocation.nanos = config.strategies[1].allocation.nanos = DECIMAL_ONE / 2;
    config.strategy_count = 2;
    books();
    runs_start(runs, &both, on_started, NULL);
    claim(LEDGER_OK);
    w.paused = "weights";
    to_the_strategies();
    answers();
    assert_int_equal(w.plans, 1);
    assert_string_equal(w.members[0].status, "paused");
    assert_string_equal(w.members[1].status, "ok");
    w.plan_done(w.plan_arg, LEDGER_OK, "");
    refresh();
    assert_int_equal(w.placed, 1);
    assert_string_equal(w.intents[0].order.symbol, "TLT"); // the SPY in the book of weights stays
    answer(0, ORDER_FILLED, w.intents[0].order.qty);
    settle();
    assert_int_equal(w.told.status, RUN_COMPLETED);
    assert_string_equal(w.told.detail, "without weights, paused by an operator");
}

static void resumed_while_its_run_waits_it_is_asked(void **state)
{
    (void)state;
    struct run_order both = order;
    both.scheduled_at = w.now;
    both.strategies = "weights other";
    config.strategies[1] = config.strategies[0];
    config.strategies[1].name = "other";
    config.strategy_count = 2;
    books();
    runs_start(runs, &both, on_started, NULL);
    w.paused = "other";
    claim(LEDGER_OK);
    w.refresh_done(w.refresh_arg, false, "latest trades: 500");
    w.paused = NULL;
    turn_until(&w.refreshes, 2);
    refresh();
    assert_int_equal(runs->active->members[1].status, MEMBER_WAITING);
    w.bars_done(w.bars_arg, false, NULL, 0, "enough");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(before_a_restart_its_run_is_missed),      T(while_prices_are_read_its_run_is_missed),
        T(while_it_thinks_its_run_is_missed),       T(the_others_of_its_run_go_on_without_it),
        T(resumed_while_its_run_waits_it_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
