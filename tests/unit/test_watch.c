// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/watch.o
// What is told, and that it is told once: over a clock of its own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "daemon/watch.h"
#include "lib/base/text.h"

#define S INT64_C(1000000000)
#define START (100000 * S)

static struct watch *w;
static int told;
static char kind[32], subject[32], detail[WATCH_DETAIL_MAX];

static void alert(void *arg, const char *k, const char *s, const char *d)
{
    assert_ptr_equal(arg, &told);
    told++;
    str_copy_cut(kind, sizeof kind, k);
    str_copy_cut(subject, sizeof subject, s);
    str_copy_cut(detail, sizeof detail, d);
}

static int setup(void **state)
{
    (void)state;
    told = 0;
    w = watch_new(alert, &told);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    watch_free(w);
    return 0;
}

static void calls(int good, int failed, int64_t at)
{
    for (int i = 0; i < good + failed; i++)
        watch_call(w, i >= good, at);
    watch_look(w, at);
}

static void failed_calls_are_told_above_their_share(void **state)
{
    (void)state;
    calls(0, 0, START);
    calls(38, 2, START); // 5% is not more than 5%
    assert_int_equal(told, 0);
    calls(0, 1, START + 60 * S);
    assert_int_equal(told, 1);
    assert_string_equal(kind, "broker_errors");
    assert_string_equal(detail, "3 of 41 broker calls of the last 300 s failed, more than 5%");
}

static void few_calls_tell_nothing(void **state)
{
    (void)state;
    calls(0, 19, START);
    assert_int_equal(told, 0);
    calls(1, 0, START + S);
    assert_int_equal(told, 1);
}

static void a_quiet_time_is_looked_at_from_further_back(void **state)
{
    (void)state;
    calls(12, 0, START);
    calls(6, 0, START + 600 * S);
    calls(0, 1, START + 900 * S);
    assert_int_equal(told, 0); // 19 calls in all
    calls(0, 1, START + 1200 * S);
    assert_int_equal(told, 1);
    assert_string_equal(detail, "2 of 20 broker calls of the last 1210 s failed, more than 5%");
}

static void enough_calls_of_the_window_are_all_that_is_looked_at(void **state)
{
    (void)state;
    calls(0, 2, START);
    calls(10, 0, START + 200 * S);
    assert_int_equal(told, 0);
    calls(10, 0, START + 400 * S);
    assert_int_equal(told, 0);
    calls(40, 0, START + 450 * S);
    calls(0, 2, START + 700 * S); // of 50 since +401 s
    assert_int_equal(told, 0);
}

static void old_calls_are_forgotten(void **state)
{
    (void)state;
    calls(1, 18, START);
    calls(1, 0, START + 1800 * S);
    assert_int_equal(told, 0);
    calls(1, 18, START + 4000 * S);
    calls(1, 0, START + 5810 * S);
    assert_int_equal(told, 0);
    calls(1, 18, START + 8000 * S);
    calls(1, 0, START + 9790 * S);
    assert_int_equal(told, 1);
}

static void a_row_of_failed_calls_is_told_however_few(void **state)
{
    (void)state;
    calls(0, 1, START);
    calls(0, 1, START + 60 * S);
    watch_look(w, START + 500 * S);
    assert_int_equal(told, 0); // two
    calls(0, 1, START + 61 * S);
    assert_int_equal(told, 1);
    assert_string_equal(kind, "broker_errors");
    assert_string_equal(detail, "the last 3 broker calls failed, for 61 s");
    calls(0, 5, START + 90 * S);
    assert_int_equal(told, 1);
    calls(1, 0, START + 2000 * S); // nothing failed for half an hour
    calls(0, 3, START + 2001 * S);
    calls(0, 1, START + 2060 * S);
    assert_int_equal(told, 1); // for 59 s
    calls(1, 0, START + 2060 * S);
    calls(0, 3, START + 2061 * S); // a new row
    assert_int_equal(told, 1);
    calls(0, 1, START + 2121 * S);
    assert_int_equal(told, 2);
    calls(200, 0, START + 9000 * S); // few of many, and all of the last minute: once as well
    calls(0, 3, START + 9060 * S);
    calls(0, 1, START + 9120 * S);
    watch_look(w, START + 9121 * S);
    watch_look(w, START + 9122 * S);
    assert_int_equal(told, 3);
}

static void failed_calls_are_told_once_until_they_are_fewer(void **state)
{
    (void)state;
    calls(0, 20, START);
    calls(0, 20, START + 100 * S);
    assert_int_equal(told, 1);
    calls(1, 0, START + 110 * S);
    watch_look(w, START + 3000 * S); // nothing was asked: nothing has become better
    calls(0, 20, START + 3000 * S);
    assert_int_equal(told, 1);
    calls(20, 0, START + 5000 * S);
    calls(0, 20, START + 5010 * S);
    assert_int_equal(told, 2);
}

static void look_at(int64_t at, bool applies)
{
    watch_strategy(w, 3, "spy", applies, 60 * S, at);
}

static void a_strategy_that_does_not_complete_is_told_once(void **state)
{
    (void)state;
    look_at(START, true);
    look_at(START + 120 * S, true);
    assert_int_equal(told, 0);
    look_at(START + 121 * S, true);
    look_at(START + 500 * S, true);
    assert_int_equal(told, 1);
    assert_string_equal(kind, "run_overdue");
    assert_string_equal(subject, "spy");
    assert_string_equal(detail, "no completed run for 121 s, it is to run every 60 s");
    watch_completed(w, 3, START + 510 * S);
    look_at(START + 630 * S, true);
    assert_int_equal(told, 1);
    look_at(START + 631 * S, true);
    assert_int_equal(told, 2);
}

static void a_completed_run_ends_the_gap(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        look_at(START + i * 100 * S, true);
        watch_completed(w, 3, START + i * 100 * S);
    }
    assert_int_equal(told, 0);
}

static void a_closed_market_or_a_pause_is_no_gap(void **state)
{
    (void)state;
    look_at(START, true);
    look_at(START + 100 * S, false);
    watch_completed(w, 3, START + 101 * S); // of a run by hand
    look_at(START + 90000 * S, false);
    look_at(START + 90001 * S, true);
    look_at(START + 90121 * S, true);
    assert_int_equal(told, 0);
    look_at(START + 90122 * S, true);
    assert_int_equal(told, 1);
    watch_strategy(w, 4, "daily", true, 0, START);
    watch_strategy(w, 4, "daily", true, 0, START + 900000 * S);
    assert_int_equal(told, 1);
}

static void a_model_below_its_threshold_is_low(void **state)
{
    (void)state;
    char text[WATCH_DETAIL_MAX];
    assert_false(watch_confidence_low(0, 0, text)); // no threshold
    assert_false(watch_confidence_low(600000000, 600000000, text));
    assert_true(watch_confidence_low(599999999, 600000000, text));
    assert_string_equal(text, "lowest confidence 0.599999999 is below min_confidence 0.6");
}

static void every_live_attempt_is_told(void **state)
{
    (void)state;
    watch_live(w, 0, "dry_run", "other");
    assert_int_equal(told, 0);
    watch_live(w, 1, "endpoint", "host api.example");
    watch_live(w, 1, "dry_run", "other");
    assert_int_equal(told, 1);
    assert_string_equal(kind, "live_attempt");
    assert_string_equal(subject, "endpoint");
    assert_string_equal(detail, "host api.example");
    watch_live(w, 2, "endpoint", "host api.example");
    assert_int_equal(told, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(failed_calls_are_told_above_their_share, setup, teardown),
        cmocka_unit_test_setup_teardown(few_calls_tell_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_quiet_time_is_looked_at_from_further_back, setup, teardown),
        cmocka_unit_test_setup_teardown(enough_calls_of_the_window_are_all_that_is_looked_at, setup, teardown),
        cmocka_unit_test_setup_teardown(a_row_of_failed_calls_is_told_however_few, setup, teardown),
        cmocka_unit_test_setup_teardown(old_calls_are_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(failed_calls_are_told_once_until_they_are_fewer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_strategy_that_does_not_complete_is_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_completed_run_ends_the_gap, setup, teardown),
        cmocka_unit_test_setup_teardown(a_closed_market_or_a_pause_is_no_gap, setup, teardown),
        cmocka_unit_test_setup_teardown(a_model_below_its_threshold_is_low, setup, teardown),
        cmocka_unit_test_setup_teardown(every_live_attempt_is_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
