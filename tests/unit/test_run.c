// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/run.o daemon/run_plan.o daemon/run_preview.o daemon/run_orders.o daemon/run_try.o daemon/run_settle.o
// needs: daemon/run_books.o daemon/run_late.o daemon/run_resume.o daemon/exposure*.o daemon/metrics.o daemon/watch.o
//
// The life of a run: claimed, planned, stored, resumed or missed; previews.
#include "tests/unit/run_room.h"

// --- tests

static void a_lost_claim_is_asked_after_until_the_ledger_tells(void **state)
{
    (void)state;
    start();
    char id[RUN_ID_MAX];
    strcpy(id, w.claimed.id);
    claim(LEDGER_LOST);
    turn_until(&w.claims, 2);
    claim(LEDGER_DOWN); // still away: the row may be there all the same
    assert_int_equal(w.refused, 0);
    turn_until(&w.claims, 3);
    assert_string_equal(w.claimed.id, id);
    claim(LEDGER_OK);
    assert_int_equal(w.started, 1);
    assert_int_equal(w.refreshes, 1);
    w.refresh_done(w.refresh_arg, false, "enough");
}

static void a_claim_that_is_told_too_late_is_missed(void **state)
{
    (void)state;
    start();
    claim(LEDGER_LOST);
    turn_until(&w.claims, 2);
    w.now += 120 * NS_PER_S;
    claim(LEDGER_OK);
    assert_int_equal(w.refreshes, 0);
    assert_int_equal(w.told.status, RUN_MISSED);
    assert_int_equal(w.alerts, 1);
}

static void a_claim_that_was_not_written_is_refused_at_once(void **state)
{
    (void)state;
    start();
    claim(LEDGER_DOWN);
    assert_int_equal(w.refused, 1);
    turn_until(&w.freed, 1);
}

static void a_missed_slot_is_written_until_the_ledger_has_it(void **state)
{
    (void)state;
    books();
    runs_record_missed(runs, &order, "Postgres was away");
    claim(LEDGER_DOWN);
    assert_int_equal(w.alerts, 0);
    turn_until(&w.claims, 2);
    assert_int_equal(w.claimed.status, RUN_MISSED);
    claim(LEDGER_LOST);
    turn_until(&w.claims, 3);
    claim(LEDGER_OK);
    assert_int_equal(w.alerts, 1);
    assert_int_equal(w.told.status, RUN_MISSED);
}

static void missed_slots_are_kept_up_to_a_bound_and_the_rest_is_counted(void **state)
{
    (void)state;
    books();
    void (*done[ASKED_MAX])(void *, enum ledger_result, bool, const struct run_row *);
    void *args[ASKED_MAX];
    for (int i = 0; i < 103; i++) {
        runs_record_missed(runs, &order, "Postgres was away");
        done[i] = w.claim_done;
        args[i] = w.claim_arg;
    }
    assert_int_equal(w.claims, 100);
    assert_int_equal(w.alerts, 1); // at the first that is left out
    assert_string_equal(w.alert_kind, "run_missed_left_out");
    assert_int_equal(metrics_value(metrics, METRIC_RUNS, "missed"), 3);
    struct run_row row = w.claimed;
    for (int i = 0; i < 100; i++)
        done[i](args[i], LEDGER_OK, false, &row);
    assert_int_equal(w.alerts, 1 + 100 + 1);
    assert_string_equal(w.alert_kind, "run_missed_left_out");
    assert_int_equal(strncmp(w.alert_detail, "3 slots", 7), 0);
    runs_record_missed(runs, &order, "Postgres was away"); // there is room again
    claim(LEDGER_OK);
    assert_int_equal(w.alerts, 1 + 100 + 1 + 1);
}

static void a_plan_whose_answer_was_lost_is_stored_again(void **state)
{
    (void)state;
    start();
    claim(LEDGER_OK);
    to_the_plan();
    w.plan_done(w.plan_arg, LEDGER_LOST, "");
    assert_int_equal(w.placed, 0);
    turn_until(&w.plans, 2);
    w.plan_done(w.plan_arg, LEDGER_OK, "");
    assert_int_equal(w.placed, 1);
    answer(0, ORDER_NEW, SHARES(0));
}

static void a_claimed_run_of_an_earlier_life_starts_only_when_it_may(void **state)
{
    (void)state;
    w.allowed = false;
    resume(RUN_CLAIMED);
    assert_int_equal(w.refreshes, 0);
    w.allowed = true;
    turn_until(&w.refreshes, 1);
    w.refresh_done(w.refresh_arg, false, "enough");
}

static void orders_that_are_out_hold_the_next_run(void **state)
{
    (void)state;
    w.open_of_others = 1;
    start();
    assert_int_equal(w.refused, 1);
    assert_int_equal(w.claims, 0);
    w.open_of_others = 0;
    start();
    assert_int_equal(w.claims, 1);
    claim(LEDGER_OK);
    w.refresh_done(w.refresh_arg, false, "enough");
}

static void orders_that_are_out_hold_a_claimed_run_of_an_earlier_life(void **state)
{
    (void)state;
    w.open_of_others = 2;
    resume(RUN_CLAIMED);
    for (int i = 0; i < 5; i++)
        loop_step(loop, 100);
    assert_int_equal(w.refreshes, 0);
    w.open_of_others = 0;
    turn_until(&w.refreshes, 1);
    w.refresh_done(w.refresh_arg, false, "enough");
}

static void every_run_of_an_earlier_life_comes_before_a_new_one(void **state)
{
    (void)state;
    struct run_row rows[2] = {{.session = session, .status = RUN_CLAIMED, .scheduled_at = w.now, .started_at = w.now}};
    strcpy(rows[0].strategies, "weights");
    strcpy(rows[0].slot_key, "2026-10-08T19:30:00Z");
    strcpy(rows[0].account, "PASIM0000001");
    rows[0].deadline_at = w.now + 600 * NS_PER_S;
    rows[1] = rows[0];
    strcpy(rows[0].id, "run-1");
    strcpy(rows[1].id, "run-2");
    strcpy(rows[1].slot_key, "2026-10-08T19:31:00Z");
    w.allowed = false;
    runs_resume(runs, rows, 2); // the books are not read yet: both wait
    start();                    // with the books the first of them is taken up, and the new one refused
    assert_int_equal(w.refused, 1);
    w.now += 120 * NS_PER_S;
    turn_until(&w.alerts, 1); // missed
    for (int i = 0; i < PATIENCE_TURNS && w.alerts < 2; i++) {
        assert_int_equal(w.freed, 0); // nobody is told of a free place between the two
        loop_step(loop, 100);
    }
    assert_int_equal(w.alerts, 2);
    turn_until(&w.freed, 1);
    start();
    assert_int_equal(w.claims, 1);
    claim(LEDGER_OK);
    w.refresh_done(w.refresh_arg, false, "enough");
}

static void one_that_may_not_start_in_time_is_missed(void **state)
{
    (void)state;
    w.allowed = false;
    resume(RUN_CLAIMED);
    w.now += 120 * NS_PER_S;
    turn_until(&w.alerts, 1);
    assert_int_equal(w.told.status, RUN_MISSED);
    assert_int_equal(w.refreshes, 0);
}

static void on_preview(void *arg, const struct run_preview *preview, const char *why)
{
    (void)arg;
    w.previews++;
    w.preview_legs = preview ? preview->leg_count : 0;
    snprintf(w.preview_why, sizeof w.preview_why, "%s", why);
    for (size_t i = 0; i < w.preview_legs; i++) {
        w.shown_legs[i] = preview->legs[i];
        w.shown[i] = *preview->legs[i].leg;
    }
}

static void a_preview_plans_and_sends_nothing(void **state)
{
    (void)state;
    const struct session_day day = {day_of(w.now), 9 * 3600, 16 * 3600};
    struct signal_target target = {.symbol = "TLT", .weight = {DECIMAL_ONE / 2}};
    struct signal s = {.targets = &target, .count = 1};
    runs_set_calendar(runs, &day, 1);
    books();
    w.judged = RISK_BUYING_POWER;
    runs_preview(runs, "weights", on_preview, NULL);
    w.refresh_done(w.refresh_arg, true, "");
    w.bars_done(w.bars_arg, true, NULL, 0, "");
    w.strategy_done(w.strategy_arg, STRATEGY_OK, &s, "");
    assert_int_equal(w.previews, 1);
    assert_int_equal(w.preview_legs, 2);
    assert_int_equal(w.shown[0].side, ORDER_SELL);
    assert_int_equal(w.shown[0].qty.nanos, SHARES(10).nanos);
    assert_int_equal(w.shown_legs[0].notional.nanos, USD(1000).nanos);
    assert_true(w.shown_legs[0].reduces);
    assert_string_equal(w.shown_legs[1].refused, ""); // the sells' money comes first
    assert_int_equal(w.claims + w.plans + w.updates + w.placed, 0);
    assert_false(runs_busy(runs));
    for (int i = 0; i < PATIENCE_TURNS && !list_empty(&runs->previews); i++)
        loop_step(loop, 100);
    assert_true(list_empty(&runs->previews));
}

static void a_preview_says_what_the_desk_would_refuse(void **state)
{
    (void)state;
    const struct session_day day = {day_of(w.now), 9 * 3600, 16 * 3600};
    struct signal_target target = {.symbol = "TLT", .weight = {DECIMAL_ONE / 2}};
    struct signal s = {.targets = &target, .count = 1};
    runs_set_calendar(runs, &day, 1);
    start(); // beside a run under way
    w.judged = RISK_ORDER_NOTIONAL;
    runs_preview(runs, "weights", on_preview, NULL);
    w.refresh_done(w.refresh_arg, true, "");
    w.bars_done(w.bars_arg, true, NULL, 0, "");
    w.strategy_done(w.strategy_arg, STRATEGY_OK, &s, "");
    assert_string_equal(w.shown_legs[1].refused, "order_notional: too much");
}

static void a_preview_that_cannot_be_says_why(void **state)
{
    (void)state;
    const struct session_day day = {day_of(w.now), 9 * 3600, 16 * 3600};
    runs_preview(runs, "nosuch", on_preview, NULL);
    assert_string_equal(w.preview_why, "no strategy has that name");
    runs_preview(runs, "weights", on_preview, NULL);
    assert_string_equal(w.preview_why, "the books are not read yet");
    books();
    runs_preview(runs, "weights", on_preview, NULL);
    assert_string_equal(w.preview_why, "the exchange calendar does not reach today");
    runs_set_calendar(runs, &day, 1);
    runs_preview(runs, "weights", on_preview, NULL);
    w.refresh_done(w.refresh_arg, false, "latest trades: 500");
    assert_int_equal(w.previews, 4);
    assert_string_equal(w.preview_why, "latest trades: 500");
    for (size_t i = 0; i < 4; i++)
        runs_preview(runs, "weights", on_preview, NULL);
    assert_int_equal(w.previews, 5); // the fifth at a time is one too many: the one that ended is not swept yet
    assert_non_null(strstr(w.preview_why, "as many previews"));
}

// The process was stopped: what the run waited for is answered before the deadline's timer wakes up.
static void nothing_is_placed_after_the_deadline_when_its_timer_is_late(void **state)
{
    (void)state;
    to_the_sell();
    answer(0, ORDER_FILLED, SHARES(10));
    refresh();
    runs->active->row.deadline_at = w.now;
    refresh();
    assert_int_equal(w.placed, 1);
    settle();
    assert_int_equal(w.told.status, RUN_PARTIAL);
    assert_non_null(strstr(w.told.detail, "the deadline came"));
}

// --- steps that were not placed

static enum leg_state after_a_step_was_not_placed(const char *reason)
{
    struct alpaca_account a = {.equity = USD(2000), .cash = USD(0)};
    exposure_set_account(exposure, &a, w.now);
    config.strategies[0].execution = EXECUTION_WALK;
    start();
    claim(LEDGER_OK);
    to_the_plan();
    w.plan_done(w.plan_arg, LEDGER_OK, "");
    refresh();
    assert_int_equal(w.placed, 1);
    answer(0, ORDER_UNKNOWN, SHARES(0));
    turn_until(&w.cancels, 1); // its time is over
    w.reason = reason;
    answer(0, ORDER_NOT_PLACED, SHARES(0));
    assert_int_equal(w.placed, 1);
    return runs->active->legs[0].state;
}

static void a_walk_goes_on_after_a_step_that_was_never_sent(void **state)
{
    (void)state;
    assert_int_equal(after_a_step_was_not_placed(DESK_NEVER_SENT), LEG_WAITING);
}

// The broker has denied it for a minute, and it may turn up in the next.
static void a_walk_ends_at_a_step_that_may_turn_up(void **state)
{
    (void)state;
    assert_int_equal(after_a_step_was_not_placed("never reached the broker"), LEG_DONE);
}

static void a_walk_ends_at_an_operators_word(void **state)
{
    (void)state;
    assert_int_equal(after_a_step_was_not_placed(DESK_OPERATOR_SAYS "ann: not in the list"), LEG_DONE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_lost_claim_is_asked_after_until_the_ledger_tells),
        T(a_claim_that_is_told_too_late_is_missed),
        T(a_claim_that_was_not_written_is_refused_at_once),
        T(a_missed_slot_is_written_until_the_ledger_has_it),
        T(missed_slots_are_kept_up_to_a_bound_and_the_rest_is_counted),
        T(a_plan_whose_answer_was_lost_is_stored_again),
        T(a_claimed_run_of_an_earlier_life_starts_only_when_it_may),
        T(orders_that_are_out_hold_the_next_run),
        T(orders_that_are_out_hold_a_claimed_run_of_an_earlier_life),
        T(every_run_of_an_earlier_life_comes_before_a_new_one),
        T(one_that_may_not_start_in_time_is_missed),
        T(nothing_is_placed_after_the_deadline_when_its_timer_is_late),
        T(a_walk_goes_on_after_a_step_that_was_never_sent),
        T(a_walk_ends_at_a_step_that_may_turn_up),
        T(a_walk_ends_at_an_operators_word),
        T(a_preview_plans_and_sends_nothing),
        T(a_preview_says_what_the_desk_would_refuse),
        T(a_preview_that_cannot_be_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
