// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/scheduler.o daemon/metrics.o
//
// The broker's calendar held to the exchange's rules: what differs is alerted, and nothing starts in such a session.
#include "tests/unit/scheduler_rig.h"

static const struct day thanksgiving_week = {2026, 11, 23};
static const struct day friday_after = {2026, 11, 27};
static char refusal[320];
static int asked_runs;

static void noted(void *arg, const struct run_row *row, bool taken, const char *why)
{
    (void)arg, (void)taken;
    asked_runs += row != NULL;
    str_copy_cut(refusal, sizeof refusal, row ? "" : why);
}

static void special_day(const char *text)
{
    config.special_days.words[config.special_days.count++] = (char *)(uintptr_t)text;
}

// A broker that lists Thanksgiving Day as any other day, and the Friday as asked.
static void begin_week(int64_t now, struct day half)
{
    asked_runs = 0;
    strategy("core", "close-30m", NULL);
    begin(now, thanksgiving_week, half);
}

static void a_session_that_the_rules_do_not_have_is_alerted_before_it_comes(void **state)
{
    (void)state;
    begin_week(ny(2026, 11, 23, 9, 0, 0), friday_after);
    assert_int_equal(w.alerts, 1);
    assert_non_null(strstr(w.alert, "2026-11-26: the broker lists a session until 16:00"));
    assert_non_null(strstr(w.alert, "Thanksgiving Day"));
    assert_string_equal(scheduler_status(scheduler)->calendar_doubt, w.alert);
    assert_true(scheduler_status(scheduler)->calendar_checked);
}

static void nothing_starts_in_a_session_that_is_in_doubt(void **state)
{
    (void)state;
    begin_week(ny(2026, 11, 25, 9, 0, 0), friday_after);
    at(ny(2026, 11, 25, 15, 30, 0)); // Wednesday is in no doubt
    assert_int_equal(w.started, 1);
    at(ny(2026, 11, 26, 15, 30, 0));
    at(ny(2026, 11, 26, 15, 35, 0));
    assert_int_equal(w.started, 1);
    scheduler_run_now(scheduler, "cli", NULL, noted, NULL);
    assert_int_equal(asked_runs, 0);
    assert_non_null(strstr(refusal, "2026-11-26"));
    at(ny(2026, 11, 26, 15, 41, 0));
    assert_int_equal(w.missed, 1);
    assert_non_null(strstr(w.missing[0].why, "the exchange's rules none (Thanksgiving Day)"));
    at(ny(2026, 11, 27, 12, 30, 0)); // Friday is again
    assert_int_equal(w.started, 2);
}

static void a_half_day_that_one_of_them_does_not_know_is_in_doubt(void **state)
{
    (void)state;
    begin_week(ny(2026, 11, 27, 9, 0, 0), no_day); // the broker would have it open until 16:00
    assert_non_null(strstr(w.alert, "2026-11-27: the broker lists 09:30 to 16:00"));
    at(ny(2026, 11, 27, 15, 30, 0));
    assert_int_equal(w.started, 0);
}

static void what_the_broker_leaves_out_is_alerted(void **state)
{
    (void)state;
    strategy("core", "15:30", "shift");
    begin(ny(2026, 10, 8, 9, 0, 0), october, no_day);
    assert_int_equal(w.alerts, 0);
    assert_string_equal(scheduler_status(scheduler)->calendar_doubt, "");
    const struct session_day left[] = {{{2026, 10, 8}, 34200, 57600}, {{2026, 10, 12}, 34200, 57600}}; // no 9th
    scheduler_set_calendar(scheduler, left, 2);
    assert_int_equal(w.alerts, 1);
    assert_non_null(strstr(w.alert, "2026-10-09: the broker lists no session"));
    scheduler_set_calendar(scheduler, left, 2);
    assert_int_equal(w.alerts, 1); // once
    at(ny(2026, 10, 8, 15, 30, 0));
    assert_int_equal(w.started, 1);
}

static void an_operator_lists_what_the_exchange_decided(void **state)
{
    (void)state;
    special_day("2026-11-26=09:30-16:00");
    begin_week(ny(2026, 11, 26, 9, 0, 0), friday_after);
    assert_int_equal(w.alerts, 0);
    at(ny(2026, 11, 26, 15, 30, 0));
    assert_int_equal(w.started, 1);
}

static void a_listed_day_of_mourning_is_no_session(void **state)
{
    (void)state;
    special_day("2026-10-08=closed");
    strategy("core", "15:30", "shift");
    begin(ny(2026, 10, 8, 9, 0, 0), october, no_day); // the broker has not heard of it
    assert_non_null(strstr(w.alert, "2026-10-08"));
    at(ny(2026, 10, 8, 15, 30, 0));
    assert_int_equal(w.started, 0);
}

static void a_market_that_never_closes_has_nothing_to_compare(void **state)
{
    (void)state;
    strategy("core", "15:30", "shift");
    w.simulator = true;
    w.now = ny(2026, 11, 26, 9, 0, 0);
    scheduler = scheduler_new(&(struct scheduler_params){
        .loop = loop, .config = &config, .metrics = metrics, .may_start = may_start, .alert = alerted});
    const struct session_day days[] = {{{2026, 11, 26}, 0, 86400}, {{2026, 11, 27}, 0, 86400}};
    scheduler_set_calendar(scheduler, days, 2);
    scheduler_set_rows(scheduler, NULL, 0);
    assert_int_equal(w.alerts, 0);
    assert_false(scheduler_status(scheduler)->calendar_checked);
    at(ny(2026, 11, 26, 15, 30, 0));
    assert_int_equal(w.started, 1);
}

// --- a calendar that an earlier life kept

static const struct session_day kept_days[] = {{{2026, 11, 23}, 34200, 57600}, {{2026, 11, 24}, 34200, 57600}};
static const int64_t told_at = INT64_C(1795000000000000000);

static void begin_kept(int64_t now)
{
    asked_runs = 0;
    strategy("core", "close-30m", NULL);
    w.now = now;
    scheduler = scheduler_new(&(struct scheduler_params){
        .loop = loop, .config = &config, .metrics = metrics, .may_start = may_start, .alert = alerted});
    scheduler_set_kept_calendar(scheduler, kept_days, 2, told_at);
    scheduler_set_rows(scheduler, NULL, 0);
}

static void by_a_kept_calendar_slots_are_known_and_nothing_starts(void **state)
{
    (void)state;
    begin_kept(ny(2026, 11, 23, 9, 0, 0));
    assert_true(scheduler_status(scheduler)->calendar_known);
    assert_true(scheduler_status(scheduler)->calendar_kept_ns == told_at);
    assert_true(w.alarm_at == ny(2026, 11, 23, 15, 30, 0));
    at(ny(2026, 11, 23, 15, 30, 0)); // whatever the guard says
    scheduler_run_now(scheduler, "cli", NULL, noted, NULL);
    assert_int_equal(w.started + asked_runs, 0);
    assert_non_null(strstr(refusal, "has not told its calendar"));
    scheduler_set_calendar(scheduler, kept_days, 2);
    assert_int_equal(w.started, 1);
    assert_true(scheduler_status(scheduler)->calendar_kept_ns == 0);
    scheduler_set_kept_calendar(scheduler, kept_days, 1, told_at); // it comes late
    assert_true(scheduler_status(scheduler)->calendar_kept_ns == 0);
}

static void by_a_kept_calendar_a_slot_is_missed_unless_the_broker_answers_at_once(void **state)
{
    (void)state;
    begin_kept(ny(2026, 11, 23, 9, 0, 0));
    at(ny(2026, 11, 23, 15, 41, 0));
    assert_int_equal(w.missed, 1);
    assert_string_equal(w.missing[0].slot, "2026-11-23T20:30:00Z");
    scheduler_free(scheduler);

    struct run_row ran = {.session = {2026, 11, 20}, .scheduled_at = ny(2026, 11, 20, 15, 30, 0)};
    config.strategy_count = 0;
    w.missed = 0;
    begin_kept(ny(2026, 11, 23, 15, 50, 0));
    strcpy(ran.slot_key, "2026-11-20T20:30:00Z");
    strcpy(ran.strategies, "core");
    struct session_day with_friday[3] = {{{2026, 11, 20}, 34200, 57600}, kept_days[0], kept_days[1]};
    scheduler_free(scheduler);
    scheduler = scheduler_new(&(struct scheduler_params){
        .loop = loop, .config = &config, .metrics = metrics, .may_start = may_start, .alert = alerted});
    scheduler_set_kept_calendar(scheduler, with_friday, 3, told_at);
    scheduler_set_rows(scheduler, &ran, 1); // it was watched on Friday, and away over the slot of Monday
    assert_int_equal(w.missed, 0);          // Monday may be no session: the broker has a moment to say so
    at(ny(2026, 11, 23, 15, 50, 10));
    assert_int_equal(w.missed, 1);
}

static void a_kept_calendar_that_has_ended_tells_nothing(void **state)
{
    (void)state;
    begin_kept(ny(2026, 11, 25, 9, 0, 0));
    assert_false(scheduler_status(scheduler)->calendar_known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_session_that_the_rules_do_not_have_is_alerted_before_it_comes),
        T(nothing_starts_in_a_session_that_is_in_doubt),
        T(a_half_day_that_one_of_them_does_not_know_is_in_doubt),
        T(what_the_broker_leaves_out_is_alerted),
        T(an_operator_lists_what_the_exchange_decided),
        T(a_listed_day_of_mourning_is_no_session),
        T(a_market_that_never_closes_has_nothing_to_compare),
        T(by_a_kept_calendar_slots_are_known_and_nothing_starts),
        T(by_a_kept_calendar_a_slot_is_missed_unless_the_broker_answers_at_once),
        T(a_kept_calendar_that_has_ended_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
