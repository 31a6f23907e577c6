// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/metrics.o
// Prometheus text: what is counted is shown, labels are escaped, nobody can grow the table.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "daemon/metrics.h"

static struct metrics *m;
static struct text out;

static int setup(void **state)
{
    (void)state;
    m = metrics_new();
    text_init(&out, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    metrics_free(m);
    text_free(&out);
    return 0;
}

static const char *written(void)
{
    text_clear(&out);
    metrics_write(m, &out);
    return text_str(&out);
}

static void assert_line(const char *line)
{
    char full[512];
    snprintf(full, sizeof full, "\n%s\n", line);
    if (!strstr(written(), full))
        fail_msg("no line \"%s\" in:\n%s", line, text_str(&out));
}

static void counters_without_label_start_at_zero(void **state)
{
    (void)state;
    assert_line("paperguard_live_attempts_total 0");
    assert_line("paperguard_fills_total 0");
    assert_null(strstr(written(), "paperguard_runs_total")); // labelled: nothing to show yet
}

static void build_info_has_version_and_commit(void **state)
{
    (void)state;
    const char *text = written();
    assert_non_null(strstr(text, "paperguard_build_info{version=\"" PACKAGE_VERSION "\",commit=\""));
}

static void counters_and_gauges(void **state)
{
    (void)state;
    metrics_add(m, METRIC_RUNS, "completed", 2);
    metrics_add(m, METRIC_RUNS, "completed", 1);
    metrics_add(m, METRIC_RUNS, "failed", 1);
    metrics_set(m, METRIC_NEXT_RUN, "", 1760000000);
    metrics_set_decimal(m, METRIC_HALT_ACTIVE, "memory", 1500000000);
    assert_line("# TYPE paperguard_runs_total counter");
    assert_line("paperguard_runs_total{status=\"completed\"} 3");
    assert_line("paperguard_runs_total{status=\"failed\"} 1");
    assert_line("# TYPE paperguard_next_run_timestamp_seconds gauge");
    assert_line("paperguard_next_run_timestamp_seconds 1760000000");
    assert_line("paperguard_halt_active{scope=\"memory\"} 1.5");
    assert_int_equal(metrics_value(m, METRIC_RUNS, "completed"), 3);
    assert_int_equal(metrics_value(m, METRIC_RUNS, "never"), 0);
    metrics_set(m, METRIC_NEXT_RUN, "", 0);
    assert_line("paperguard_next_run_timestamp_seconds 0");
}

static void a_label_is_ignored_where_there_is_none(void **state)
{
    (void)state;
    metrics_add(m, METRIC_FILLS, "oops", 1);
    metrics_add(m, METRIC_FILLS, NULL, 1);
    assert_line("paperguard_fills_total 2");
}

static void summaries_are_seconds(void **state)
{
    (void)state;
    metrics_observe_ms(m, METRIC_BROKER_DURATION, "account", 1250);
    metrics_observe_ms(m, METRIC_BROKER_DURATION, "account", 3);
    metrics_observe_ms(m, METRIC_BROKER_DURATION, "account", -4); // a clock's trick, not time given back
    assert_line("# TYPE paperguard_broker_request_duration_seconds summary");
    assert_line("paperguard_broker_request_duration_seconds_sum{op=\"account\"} 1.253");
    assert_line("paperguard_broker_request_duration_seconds_count{op=\"account\"} 3");
}

static void label_values_are_escaped(void **state)
{
    (void)state;
    metrics_add(m, METRIC_ALERTS, "a\"b\\c\nd,e", 1);
    assert_line("paperguard_alerts_total{kind=\"a\\\"b\\\\c\\nd,e\"} 1");
}

static void label_values_are_bounded(void **state)
{
    (void)state;
    char label[32], longer[200];
    for (int i = 0; i < 500; i++) {
        snprintf(label, sizeof label, "kind%d", i);
        metrics_add(m, METRIC_ALERTS, label, 1);
    }
    assert_int_equal(metrics_value(m, METRIC_ALERTS, "kind63"), 1);
    assert_int_equal(metrics_value(m, METRIC_ALERTS, "kind64"), 0);
    assert_int_equal(metrics_value(m, METRIC_ALERTS, "other"), 500 - 64);
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    metrics_add(m, METRIC_RUNS, longer, 1);
    assert_int_equal(metrics_value(m, METRIC_RUNS, longer), 1);
}

static void counters_stop_at_the_edge(void **state)
{
    (void)state;
    metrics_add(m, METRIC_FILLS, "", INT64_MAX);
    metrics_add(m, METRIC_FILLS, "", 5);
    assert_true(metrics_value(m, METRIC_FILLS, "") == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counters_without_label_start_at_zero, setup, teardown),
        cmocka_unit_test_setup_teardown(build_info_has_version_and_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(counters_and_gauges, setup, teardown),
        cmocka_unit_test_setup_teardown(a_label_is_ignored_where_there_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(summaries_are_seconds, setup, teardown),
        cmocka_unit_test_setup_teardown(label_values_are_escaped, setup, teardown),
        cmocka_unit_test_setup_teardown(label_values_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(counters_stop_at_the_edge, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
