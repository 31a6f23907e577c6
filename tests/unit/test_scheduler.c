// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/scheduler.o daemon/metrics.o
//
// The scheduler on a clock of the test's own: runs are doubles that keep what they are asked; the deciding is the real
// one.
#include "tests/unit/scheduler_rig.h"

// --- tests

static void a_clock_slot_starts_once_at_its_second(void **state)
{
    (void)state;
    strategy("core", "15:30", "shift");
    begin(ny(2026, 10, 8, 9, 0, 0), october, no_day);
    assert_int_equal(w.alarm_at, ny(2026, 10, 8, 15, 30, 0));
    at(ny(2026, 10, 8, 15, 29, 59));
    assert_int_equal(w.started, 0);
    at(ny(2026, 10, 8, 15, 30, 0));
    at(ny(2026, 10, 8, 15, 30, 1));
    assert_int_equal(w.started, 1);
    assert_string_equal(w.asked[0].slot, "2026-10-08T19:30:00Z");
    assert_int_equal(w.asked[0].close_at, ny(2026, 10, 8, 16, 0, 0));
    assert_int_equal(w.alarm_at, ny(2026, 10, 9, 15, 30, 0));
}

static void a_clock_set_back_does_not_run_a_slot_twice(void **state)
{
    (void)state;
    strategy("core", "15:30", "shift");
    begin(ny(2026, 10, 8, 9, 0, 0), october, no_day);
    at(ny(2026, 10, 8, 15, 30, 0));
    at(ny(2026, 10, 8, 15, 10, 0));
    at(ny(2026, 10, 8, 15, 30, 0));
    assert_int_equal(w.started, 1);
}

static void a_slot_with_a_row_is_taken(void **state)
{
    (void)state;
    struct run_row row = {.session = {2026, 10, 8}, .slot_key = "2026-10-08T19:30:00Z"};
    strategy("core", "15:30", "shift");
    begin(ny(2026, 10, 8, 9, 0, 0), october, no_day);
    scheduler_set_rows(scheduler, &row, 1);
    at(ny(2026, 10, 8, 15, 30, 0));
    assert_int_equal(w.started, 0);
}

static void nothing_starts_before_the_rows_are_known(void **state)
{
    (void)state;
    struct session_day day = {{2026, 10, 8}, 9 * 3600 + 1800, 16 * 3600};
    strategy("core", "15:30", "shift");
    w.now = ny(2026, 10, 8, 15, 30, 0);
    scheduler = scheduler_new(
        &(struct scheduler_params){.loop = loop, .config = &config, .metrics = metrics, .may_start = may_start});
    scheduler_set_calendar(scheduler, &day, 1);
    assert_int_equal(w.started, 0);
    scheduler_set_rows(scheduler, NULL, 0);
    assert_int_equal(w.started, 1);
}

static void strategies_of_one_instant_share_a_run(void **state)
{
    (void)state;
    strategy("first", "15:30", "shift");
    strategy("second", "close-30m", NULL);
    strategy("later", "15:45", "shift");
    begin(ny(2026, 10, 8, 9, 0, 0), october, no_day);
    at(ny(2026, 10, 8, 15, 30, 0));
    assert_int_equal(w.started, 1);
    assert_string_equal(w.asked[0].strategies, "first second");
    at(ny(2026, 10, 8, 15, 45, 0));
    assert_int_equal(w.started, 2);
    assert_string_equal(w.asked[1].strategies, "later");
}

static void a_held_slot_waits_and_is_missed_after_latest_start(void **state)
{
    (void)state;
    strategy("core", "15:30", "shift");
    begin(ny(2026, 10, 8, 9, 0, 0), october, no_day);
    w.allowed = false;
    w.why = "ledger and broker differ";
    at(ny(2026, 10, 8, 15, 30, 0));
    at(ny(2026, 10, 8, 15, 39, 59));
    assert_int_equal(w.started + w.missed, 0);
    at(ny(2026, 10, 8, 15, 40, 1));
    at(ny(2026, 10, 8, 15, 41, 0));
    assert_int_equal(w.started, 0);
    assert_int_equal(w.missed, 1);
    assert_string_equal(w.missing[0].slot, "2026-10-08T19:30:00Z");
    assert_non_null(strstr(w.missing[0].why, "ledger and broker differ"));
}

static void a_held_slot_starts_when_it_may(void **state)
{
    (void)state;
    strategy("core", "15:30", "shift");
    begin(ny(2026, 10, 8, 9, 0, 0), october, no_day);
    w.allowed = false;
    at(ny(2026, 10, 8, 15, 30, 0));
    w.allowed = true;
    w.now = ny(2026, 10, 8, 15, 34, 0);
    scheduler_look(scheduler); // somebody said that something changed
    assert_int_equal(w.started, 1);
    assert_int_equal(w.missed, 0);
}

static void a_slot_before_this_life_is_missed_only_if_it_was_watched(void **state)
{
    (void)state;
    struct run_row earlier = {
        .session = {2026, 10, 7}, .slot_key = "2026-10-07T19:30:00Z", .scheduled_at = ny(2026, 10, 7, 15, 30, 0)};
    strcpy(earlier.strategies, "satellite core");
    strategy("core", "15:30", "shift");
    begin(ny(2026, 10, 8, 17, 0, 0), october, no_day);
    assert_int_equal(w.missed, 0); // nobody watched at 15:30
    scheduler_set_rows(scheduler, &earlier, 1);
    assert_int_equal(w.missed, 1); // an earlier life did
    assert_string_equal(w.missing[0].slot, "2026-10-08T19:30:00Z");
}

static void a_slot_of_a_schedules_first_day_is_missed_when_nobody_lived(void **state)
{
    (void)state;
    static const struct schedule_watch nobody = {"satellite", 0}, core = {"core", 1};
    struct schedule_watch since = core;
    strategy("core", "15:30", "shift");
    begin(ny(2026, 10, 8, 17, 0, 0), october, no_day);
    scheduler_set_watched(scheduler, &nobody, 1);
    assert_int_equal(w.missed, 0);
    since.since = ny(2026, 10, 8, 15, 30, 1); // a moment late
    scheduler_set_watched(scheduler, &since, 1);
    assert_int_equal(w.missed, 0);
    since.since = ny(2026, 10, 8, 15, 29, 59);
    scheduler_set_watched(scheduler, &since, 1);
    assert_int_equal(w.missed, 1);
    assert_string_equal(w.missing[0].slot, "2026-10-08T19:30:00Z");
    since.since = ny(2026, 10, 8, 18, 0, 0); // it never begins later than it was said to
    scheduler_set_watched(scheduler, &since, 1);
    at(ny(2026, 10, 9, 17, 0, 0));
    assert_int_equal(w.missed, 2);
}

static void a_new_slot_or_strategy_has_missed_nothing_before_it(void **state)
{
    (void)state;
    struct run_row earlier = {
        .session = {2026, 10, 6}, .slot_key = "2026-10-06T19:30:00Z", .scheduled_at = ny(2026, 10, 6, 15, 30, 0)};
    strcpy(earlier.strategies, "moved core2");
    strategy("moved", "15:00", "shift"); // was at 15:30
    strategy("core", "15:30", "shift");  // is new
    begin(ny(2026, 10, 8, 17, 0, 0), october, no_day);
    scheduler_set_rows(scheduler, &earlier, 1);
    assert_int_equal(w.missed, 0);
}

static void a_calendar_that_moves_on_forgets_only_what_it_left_behind(void **state)
{
    (void)state;
    struct session_day days[2] = {{{2026, 10, 8}, 9 * 3600 + 1800, 16 * 3600},
                                  {{2026, 10, 9}, 9 * 3600 + 1800, 16 * 3600}};
    strategy("core", "15:30", "shift");
    begin(ny(2026, 10, 8, 9, 0, 0), october, no_day);
    at(ny(2026, 10, 8, 15, 30, 0));
    scheduler_set_calendar(scheduler, days, 2);
    at(ny(2026, 10, 8, 15, 30, 1));
    assert_int_equal(w.started, 1);
}

static void half_days_shift_or_skip(void **state)
{
    (void)state;
    const struct day half = {2026, 11, 27};
    strategy("shifts", "15:30", "shift");
    strategy("skips", "15:30", "skip");
    begin(ny(2026, 11, 27, 9, 0, 0), (struct day){2026, 11, 23}, half);
    assert_int_equal(w.alarm_at, ny(2026, 11, 27, 12, 30, 0));
    at(ny(2026, 11, 27, 12, 30, 0));
    assert_int_equal(w.started, 1);
    assert_string_equal(w.asked[0].strategies, "shifts");
    at(ny(2026, 11, 27, 15, 30, 0));
    assert_int_equal(w.started, 1);
}

static void clock_change_days_keep_new_york_time(void **state)
{
    (void)state;
    strategy("core", "15:30", "shift");
    begin(ny(2026, 10, 30, 9, 0, 0), (struct day){2026, 10, 26}, no_day);
    at(ny(2026, 10, 30, 15, 30, 0));
    at(ny(2026, 11, 2, 15, 30, 0)); // the first session after the autumn change
    assert_int_equal(w.started, 2);
    assert_string_equal(w.asked[0].slot, "2026-10-30T19:30:00Z");
    assert_string_equal(w.asked[1].slot, "2026-11-02T20:30:00Z");
}

static void every_slot_is_held_while_a_run_is_under_way(void **state)
{
    (void)state;
    struct session_day days[3];
    strategy("core", "every 20s", NULL);
    w.simulator = true;
    w.now = ny(2026, 10, 8, 19, 59, 50);
    for (int i = 0; i < 3; i++)
        days[i] = (struct session_day){{2026, 10, (int8_t)(8 + i)}, 0, 86399};
    scheduler = scheduler_new(
        &(struct scheduler_params){.loop = loop, .config = &config, .metrics = metrics, .may_start = may_start});
    scheduler_set_calendar(scheduler, days, 3);
    scheduler_set_rows(scheduler, NULL, 0);
    w.started = 0;
    at(ny(2026, 10, 8, 20, 0, 0));
    assert_int_equal(w.started, 1);
    assert_int_equal(w.asked[0].session.mday, 9); // the session turns at 20:00
    w.busy = true;
    at(ny(2026, 10, 8, 20, 0, 20));
    assert_int_equal(w.started, 1);
    w.busy = false;
    at(ny(2026, 10, 8, 20, 0, 41));
    assert_int_equal(w.started, 2);
    assert_string_equal(w.asked[1].slot, "2026-10-09T00:00:40Z"); // the newest counts, older ones are past
    assert_int_equal(w.missed, 0);
    at(ny(2026, 10, 9, 0, 0, 0)); // midnight is no turn
    assert_int_equal(w.asked[2].session.mday, 9);
}

struct answer {
    int calls;
    bool started;
    char why[200];
};

static void answered(void *arg, const struct run_row *row, bool taken, const char *why)
{
    struct answer *a = arg;
    (void)taken;
    a->calls++;
    a->started = row != NULL;
    snprintf(a->why, sizeof a->why, "%s", why);
}

static struct answer run_now(const char *names)
{
    struct answer a = {0};
    scheduler_run_now(scheduler, "cli", names, answered, &a);
    assert_int_equal(a.calls, 1);
    return a;
}

static void a_manual_run_needs_an_open_market_and_known_names(void **state)
{
    (void)state;
    strategy("core", "15:30", "shift");
    strategy("other", "15:30", "shift");
    begin(ny(2026, 10, 8, 9, 0, 0), october, no_day);
    struct answer a = run_now(NULL);
    assert_false(a.started);
    assert_non_null(strstr(a.why, "closed"));
    w.now = ny(2026, 10, 8, 10, 0, 0);
    a = run_now("cor");
    assert_false(a.started);
    assert_non_null(strstr(a.why, "\"cor\""));
    assert_true(run_now("other").started);
    assert_string_equal(w.asked[0].slot, "manual");
    assert_string_equal(w.asked[0].strategies, "other");
    w.allowed = false;
    w.why = "halt: looks odd";
    a = run_now(NULL);
    assert_false(a.started);
    assert_string_equal(a.why, "halt: looks odd");
    w.allowed = true;
    scheduler_stop(scheduler);
    assert_false(run_now(NULL).started);
}

static void a_calendar_that_ends_starts_nothing(void **state)
{
    (void)state;
    strategy("core", "15:30", "shift");
    begin(ny(2026, 10, 8, 9, 0, 0), october, no_day);
    at(ny(2027, 3, 8, 15, 30, 0));
    assert_int_equal(w.started, 0);
    assert_int_equal(w.alarm_at, INT64_MAX);
    assert_int_equal(scheduler_status(scheduler)->next_run_ns, 0);
}

// --- paused strategies

static void a_paused_strategy_is_left_out_of_its_slot(void **state)
{
    (void)state;
    strategy("core", "15:30", "shift");
    strategy("edge", "15:30", "shift");
    w.paused = "edge";
    begin(ny(2026, 10, 8, 9, 0, 0), october, no_day);
    at(ny(2026, 10, 8, 15, 30, 0));
    assert_int_equal(w.started, 1);
    assert_string_equal(w.asked[0].strategies, "core");
}

static void a_slot_whose_strategies_are_all_paused_waits_and_is_missed(void **state)
{
    (void)state;
    strategy("core", "15:30", "shift");
    w.paused = "core";
    begin(ny(2026, 10, 8, 9, 0, 0), october, no_day);
    assert_int_equal(scheduler_status(scheduler)->next_run_ns, 0);
    at(ny(2026, 10, 8, 15, 30, 0));
    assert_int_equal(w.started + w.missed, 0);
    at(ny(2026, 10, 8, 15, 40, 1));
    assert_int_equal(w.started, 0);
    assert_int_equal(w.missed, 1);
    assert_non_null(strstr(w.missing[0].why, "paused by an operator: core"));
    w.paused = NULL;
    scheduler_look(scheduler);
    assert_int_equal(w.started, 0); // the slot is gone
    assert_int_equal(scheduler_status(scheduler)->next_run_ns, ny(2026, 10, 9, 15, 30, 0));
}

static void a_resume_in_time_runs_the_slot(void **state)
{
    (void)state;
    strategy("core", "15:30", "shift");
    w.paused = "core";
    begin(ny(2026, 10, 8, 9, 0, 0), october, no_day);
    at(ny(2026, 10, 8, 15, 30, 0));
    w.paused = NULL;
    at(ny(2026, 10, 8, 15, 35, 0));
    assert_int_equal(w.started, 1);
}

static void nothing_starts_before_the_pauses_are_known(void **state)
{
    (void)state;
    strategy("core", "15:30", "shift");
    w.pauses_unread = true;
    begin(ny(2026, 10, 8, 15, 30, 0), october, no_day);
    scheduler_look(scheduler);
    assert_int_equal(w.started, 0);
    w.pauses_unread = false;
    scheduler_look(scheduler);
    assert_int_equal(w.started, 1);
}

static char refusal[320];
static int asked_runs;
static void noted(void *arg, const struct run_row *row, bool taken, const char *why)
{
    (void)arg, (void)taken;
    asked_runs += row != NULL;
    str_copy_cut(refusal, sizeof refusal, row ? "" : why);
}

static void a_run_now_knows_who_is_paused(void **state)
{
    (void)state;
    strategy("core", "15:30", "shift");
    strategy("edge", "15:30", "shift");
    w.paused = "edge";
    asked_runs = 0;
    begin(ny(2026, 10, 8, 12, 0, 0), october, no_day);
    scheduler_run_now(scheduler, "cli", "edge", noted, NULL);
    assert_non_null(strstr(refusal, "a look at its model"));
    assert_non_null(strstr(refusal, "paperguard strategies resume edge"));
    scheduler_run_now(scheduler, "cli", "cor", noted, NULL);
    assert_non_null(strstr(refusal, "did you mean \"core\""));
    assert_int_equal(asked_runs, 0);
    scheduler_run_now(scheduler, "cli", "", noted, NULL);
    assert_int_equal(asked_runs, 1);
    assert_string_equal(w.asked[0].strategies, "core");
    w.paused = "core edge";
    scheduler_run_now(scheduler, "cli", "", noted, NULL);
    assert_non_null(strstr(refusal, "not paused"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_clock_slot_starts_once_at_its_second),
        T(a_clock_set_back_does_not_run_a_slot_twice),
        T(a_slot_with_a_row_is_taken),
        T(nothing_starts_before_the_rows_are_known),
        T(strategies_of_one_instant_share_a_run),
        T(a_held_slot_waits_and_is_missed_after_latest_start),
        T(a_held_slot_starts_when_it_may),
        T(a_slot_before_this_life_is_missed_only_if_it_was_watched),
        T(a_slot_of_a_schedules_first_day_is_missed_when_nobody_lived),
        T(a_new_slot_or_strategy_has_missed_nothing_before_it),
        T(a_calendar_that_moves_on_forgets_only_what_it_left_behind),
        T(half_days_shift_or_skip),
        T(clock_change_days_keep_new_york_time),
        T(every_slot_is_held_while_a_run_is_under_way),
        T(a_manual_run_needs_an_open_market_and_known_names),
        T(a_calendar_that_ends_starts_nothing),
        T(a_paused_strategy_is_left_out_of_its_slot),
        T(a_slot_whose_strategies_are_all_paused_waits_and_is_missed),
        T(a_resume_in_time_runs_the_slot),
        T(nothing_starts_before_the_pauses_are_known),
        T(a_run_now_knows_who_is_paused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
