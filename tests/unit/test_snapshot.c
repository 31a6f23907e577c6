// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/snapshot*.o
// What health says, for every combination of what it is made of; and that every surface tells its mode.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/snapshot.h"
#include "lib/base/json_read.h"

static struct snapshot good(void)
{
    struct snapshot s = {
        .at_wall_ns = INT64_C(1760000000) * NS_PER_S,
        .at_boot_ns = 1,
        .started_wall_ns = INT64_C(1759990000) * NS_PER_S,
        .version = "0.1.0",
        .commit = "abc",
        .environment = "staging",
        .instance = "default",
        .orders_sent = true,
        .database_connected = true,
        .broker_connected = true,
        .redis_configured = true,
        .redis_connected = true,
        .halt = HALT_RUNNING,
        .in_step = true,
        .positions = 3,
        .positions_as_of = INT64_C(1759999998) * NS_PER_S,
        .gross_known = true,
        .gross_exposure = {INT64_C(12345670000000)},
        .scheduler_enabled = true,
        .calendar_known = true,
        .next_run_ns = INT64_C(1760000600) * NS_PER_S,
        .trigger = "15:30 America/New_York",
    };
    return s;
}

typedef void write_fn(const struct snapshot *s, struct json_out *o);

static void write_health(const struct snapshot *s, struct json_out *o)
{
    snapshot_write_health(s, "signal_service", o);
}

static void write_config(const struct snapshot *s, struct json_out *o)
{
    snapshot_write_config(s, "execution_gateway", o);
}

static struct json_doc *written(write_fn *fn, const struct snapshot *s)
{
    struct text t;
    struct json_out o;
    struct json_doc *doc;
    struct err err;
    text_init(&t, 1 << 20);
    json_out_init(&o, &t);
    fn(s, &o);
    if (json_doc_parse(text_str(&t), t.len, &doc, &err) != 0)
        fail_msg("%s in %s", err.text, text_str(&t));
    text_free(&t);
    return doc;
}

static const struct json_node *at(const struct json_doc *doc, const char *path)
{
    char copy[128], *save = NULL;
    const struct json_node *n = json_doc_root(doc);
    str_copy_cut(copy, sizeof copy, path);
    for (char *w = strtok_r(copy, ".", &save); w; w = strtok_r(NULL, ".", &save)) {
        n = json_get(n, w);
        if (!n)
            fail_msg("no member %s of %s", w, path);
    }
    return n;
}

static void assert_text(const struct json_doc *doc, const char *path, const char *want)
{
    assert_string_equal(json_string(at(doc, path)), want);
}

static void assert_flag(const struct json_doc *doc, const char *path, bool want)
{
    bool got;
    assert_true(json_bool(at(doc, path), &got));
    assert_int_equal(got, want);
}

static void assert_number(const struct json_doc *doc, const char *path, const char *want)
{
    assert_string_equal(json_number_text(at(doc, path)), want);
}

// Guard, database, halt, Redis: unhealthy, then halted, then degraded, then healthy.
static void health_of_every_combination(void **state)
{
    (void)state;
    for (int n = 0; n < 3 * 2 * 4 * 3; n++) {
        struct snapshot s = good();
        char why[160];
        int redis = n / 24;
        s.guard_answer = (enum guard_answer)(n % 3);
        s.database_connected = n / 3 % 2;
        s.halt = (enum fact_halt)(n / 6 % 4);
        s.redis_configured = redis > 0;
        s.redis_connected = redis > 1;
        enum health want = HEALTH_HEALTHY;
        if (redis == 1)
            want = HEALTH_DEGRADED;
        if (s.halt == HALT_HALTED || s.halt == HALT_REDUCE_ONLY)
            want = HEALTH_HALTED;
        if (s.guard_answer != GUARD_PASS || !s.database_connected || s.halt == HALT_UNKNOWN)
            want = HEALTH_UNHEALTHY;
        enum health got = snapshot_health(&s, why);
        if (got != want)
            fail_msg("guard %d database %d halt %d redis %d: %s (%s), not %s", s.guard_answer, s.database_connected,
                     s.halt, redis, health_name(got), why, health_name(want));
        assert_int_equal(why[0] == '\0', got == HEALTH_HEALTHY);
        const char *reason;
        assert_int_equal(snapshot_ready(&s, &reason),
                         s.guard_answer == GUARD_PASS && s.database_connected && s.halt != HALT_UNKNOWN);
    }
}

static void static_checks_count_too(void **state)
{
    (void)state;
    struct snapshot s = good();
    char why[160];
    const char *reason;
    s.guard_static = GUARD_UNKNOWN;
    assert_int_equal(snapshot_health(&s, why), HEALTH_UNHEALTHY);
    assert_false(snapshot_ready(&s, &reason));
}

static void each_degradation_has_its_reason(void **state)
{
    (void)state;
    static const char *const words[] = {"stopping", "broker", "opening not accepted", "2 orders",
                                        "calendar", "Redis",  "calendar: 2026-11-26"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct snapshot s = good();
        char why[160];
        s.draining = i == 0;
        s.broker_connected = i != 1;
        s.in_step = i != 2;
        str_copy_cut(s.in_step_reason, sizeof s.in_step_reason, "opening not accepted");
        s.orders_unknown = i == 3 ? 2 : 0;
        s.calendar_known = i != 4;
        s.redis_connected = i != 5;
        if (i == 6)
            str_copy_cut(s.calendar_doubt, sizeof s.calendar_doubt, "2026-11-26: the broker lists a session");
        assert_int_equal(snapshot_health(&s, why), HEALTH_DEGRADED);
        if (!strstr(why, words[i]))
            fail_msg("\"%s\" does not say \"%s\"", why, words[i]);
    }
}

static void a_halt_says_why(void **state)
{
    (void)state;
    static const struct {
        enum fact_halt halt;
        const char *detail, *why;
    } cases[] = {{HALT_HALTED, "odd fills", "odd fills"},
                 {HALT_HALTED, "", "halted"},
                 {HALT_REDUCE_ONLY, "odd fills", "reduce only: odd fills"},
                 {HALT_REDUCE_ONLY, "", "reduce only"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct snapshot s = good();
        char why[160];
        s.halt = cases[i].halt;
        str_copy_cut(s.halt_detail, sizeof s.halt_detail, cases[i].detail);
        assert_int_equal(snapshot_health(&s, why), HEALTH_HALTED);
        assert_string_equal(why, cases[i].why);
    }
}

static void ready_ignores_a_halt_but_nothing_else(void **state)
{
    (void)state;
    struct snapshot s = good();
    const char *why;
    s.halt = HALT_HALTED;
    assert_true(snapshot_ready(&s, &why));
    assert_string_equal(why, "");
    s.in_step = false;
    str_copy_cut(s.in_step_reason, sizeof s.in_step_reason, "opening not accepted");
    assert_false(snapshot_ready(&s, &why));
    assert_string_equal(why, "opening not accepted");
    s = good();
    s.broker_connected = false;
    assert_false(snapshot_ready(&s, &why));
    s = good();
    s.calendar_known = false;
    assert_false(snapshot_ready(&s, &why));
    s = good();
    s.draining = true;
    assert_false(snapshot_ready(&s, &why));
}

static void the_failing_check_is_named(void **state)
{
    (void)state;
    struct snapshot s = good();
    char why[160];
    s.guard_answer = GUARD_FAIL;
    s.guard[CHECK_HALT].answer = GUARD_FAIL; // a known halt is not why
    s.guard[CHECK_ACCOUNT_PIN].answer = GUARD_FAIL;
    str_copy_cut(s.guard[CHECK_ACCOUNT_PIN].detail, FACT_TEXT_MAX, "another account");
    assert_int_equal(snapshot_health(&s, why), HEALTH_UNHEALTHY);
    assert_string_equal(why, "guard: account_pin FAIL: another account");
    struct json_doc *doc = written(write_health, &s);
    assert_text(doc, "status", "unhealthy");
    assert_text(doc, "guard.check", "account_pin");
    json_doc_free(doc);
}

static void health_has_every_member(void **state)
{
    (void)state;
    struct snapshot s = good();
    struct json_doc *doc = written(write_health, &s);
    assert_text(doc, "status", "healthy");
    assert_text(doc, "service", "signal_service");
    assert_text(doc, "version", "0.1.0");
    assert_text(doc, "commit", "abc");
    assert_text(doc, "environment", "staging");
    assert_flag(doc, "dry_run", true);
    assert_flag(doc, "alpaca_paper", true);
    assert_flag(doc, "database_connected", true);
    assert_flag(doc, "alpaca_connected", true);
    assert_flag(doc, "redis_connected", true);
    assert_text(doc, "timestamp", "2025-10-09T08:53:20Z");
    assert_number(doc, "risk.positions.positions", "3");
    assert_number(doc, "risk.positions.total_notional", "12345.67");
    assert_text(doc, "risk.positions.as_of", "2025-10-09T08:53:18Z");
    assert_number(doc, "risk.positions.age_seconds", "2");
    assert_number(doc, "scheduler.execution.gross_exposure", "12345.67");
    assert_number(doc, "scheduler.execution.positions_synced", "3");
    assert_number(doc, "scheduler.execution.age_seconds", "2");
    assert_text(doc, "orders", "send");
    json_doc_free(doc);
}

static void what_is_not_known_is_null(void **state)
{
    (void)state;
    struct snapshot s = good();
    s.gross_known = false;
    s.positions_as_of = 0;
    s.guard[CHECK_DRY_RUN].answer = GUARD_UNKNOWN;
    s.guard[CHECK_ALPACA_PAPER].answer = GUARD_FAIL;
    struct json_doc *doc = written(write_health, &s);
    assert_int_equal(json_type_of(at(doc, "risk.positions.total_notional")), JSON_IS_NULL);
    assert_int_equal(json_type_of(at(doc, "risk.positions.as_of")), JSON_IS_NULL);
    assert_int_equal(json_type_of(at(doc, "scheduler.execution.gross_exposure")), JSON_IS_NULL);
    assert_int_equal(json_type_of(at(doc, "dry_run")), JSON_IS_NULL);
    assert_flag(doc, "alpaca_paper", false);
    json_doc_free(doc);
}

static void scheduler_shape(void **state)
{
    (void)state;
    struct snapshot s = good();
    struct json_doc *doc = written(snapshot_write_scheduler, &s);
    assert_flag(doc, "enabled", true);
    assert_flag(doc, "running", true);
    assert_text(doc, "status", "idle");
    assert_text(doc, "job.next_run_time", "2025-10-09T09:03:20Z");
    assert_text(doc, "job.trigger", "15:30 America/New_York");
    assert_int_equal(json_type_of(at(doc, "last_run")), JSON_IS_NULL);
    assert_text(doc, "execution.status", "idle");
    json_doc_free(doc);

    str_copy_cut(s.last_run.id, sizeof s.last_run.id, "run-1");
    str_copy_cut(s.last_run.status, sizeof s.last_run.status, "failed");
    str_copy_cut(s.last_run.detail, sizeof s.last_run.detail, "no strategy answered");
    s.last_run.started_at = s.at_wall_ns - 5 * NS_PER_S;
    s.last_run.completed_at = s.at_wall_ns - 3500 * NS_PER_MS;
    s.last_run.submitted = 4;
    s.halt = HALT_HALTED;
    doc = written(snapshot_write_scheduler, &s);
    assert_text(doc, "status", "halted");
    assert_text(doc, "last_run.status", "failed");
    assert_number(doc, "last_run.duration_seconds", "1.5");
    assert_number(doc, "last_run.num_orders_submitted", "4");
    assert_text(doc, "execution.error", "no strategy answered");
    json_doc_free(doc);
}

static void every_surface_tells_its_mode(void **state)
{
    (void)state;
    write_fn *const all[] = {write_health, write_config, snapshot_write_scheduler, snapshot_write_orchestration,
                             snapshot_write_guard};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct snapshot s = good();
        struct json_doc *doc = written(all[i], &s);
        assert_text(doc, "mode", "paper");
        assert_text(doc, "orders_text", "PAPER ORDERS ARE SENT");
        json_doc_free(doc);
        s.simulator = true;
        s.orders_sent = false;
        doc = written(all[i], &s);
        assert_text(doc, "mode", "SIMULATOR");
        assert_text(doc, "orders_mode", "record");
        assert_text(doc, "orders_text", "RECORDED ONLY");
        json_doc_free(doc);
    }
}

static void config_is_truthful(void **state)
{
    (void)state;
    struct snapshot s = good();
    struct json_doc *doc = written(write_config, &s);
    assert_text(doc, "service", "execution_gateway");
    assert_flag(doc, "dry_run", true);
    assert_flag(doc, "alpaca_paper", true);
    assert_text(doc, "orders", "send");
    assert_flag(doc, "circuit_breaker_enabled", true);
    assert_text(doc, "timestamp", "2025-10-09T08:53:20Z");
    json_doc_free(doc);
}

static void guard_lists_every_check(void **state)
{
    (void)state;
    struct snapshot s = good();
    s.guard[CHECK_FILES].answer = GUARD_UNKNOWN;
    struct json_doc *doc = written(snapshot_write_guard, &s);
    const struct json_node *checks = at(doc, "checks");
    assert_int_equal(json_size(checks), GUARD_CHECK_COUNT);
    const struct json_node *files = json_at(checks, CHECK_FILES);
    assert_string_equal(json_string(json_get(files, "check")), "files");
    assert_string_equal(json_string(json_get(files, "answer")), "UNKNOWN");
    json_doc_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_of_every_combination),
        cmocka_unit_test(static_checks_count_too),
        cmocka_unit_test(each_degradation_has_its_reason),
        cmocka_unit_test(a_halt_says_why),
        cmocka_unit_test(ready_ignores_a_halt_but_nothing_else),
        cmocka_unit_test(the_failing_check_is_named),
        cmocka_unit_test(health_has_every_member),
        cmocka_unit_test(what_is_not_known_is_null),
        cmocka_unit_test(scheduler_shape),
        cmocka_unit_test(every_surface_tells_its_mode),
        cmocka_unit_test(config_is_truthful),
        cmocka_unit_test(guard_lists_every_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
