// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/breaker.o daemon/exposure*.o daemon/metrics.o
// The circuit breaker: each row's example trips it; losses are measured from marks that outlive the process; it trips
// once, and its release begins anew.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/breaker.h"

#define D DECIMAL_ONE
#define USD(n) ((struct money){(n)*D})

// --- the rows

static void every_example_trips_its_row(void **state)
{
    (void)state;
    struct breaker_limits l;
    struct breaker_view v;
    struct breaker_verdict verdict;
    breaker_example(BREAKER_ROW_COUNT, &l, &v);
    breaker_judge(&l, &v, &verdict);
    assert_false(verdict.trips);
    for (int i = 0; i < BREAKER_ROW_COUNT; i++) {
        breaker_example((enum breaker_row)i, &l, &v);
        breaker_judge(&l, &v, &verdict);
        assert_true(verdict.trips);
        assert_string_equal(breaker_row_name(verdict.row), breaker_row_name((enum breaker_row)i));
        assert_true(strlen(verdict.detail) > 20 && strlen(breaker_row_text((enum breaker_row)i)) > 20);
    }
}

#define CASES(X)                                                                                                       \
    X(loss_at, BREAKER_ROW_COUNT, v->equity = USD(9500))                                                               \
    X(loss_above, BREAKER_DAILY_LOSS, v->equity.nanos = 9500 * D - 1)                                                  \
    X(loss_unknown, BREAKER_ROW_COUNT, v->equity = USD(1); v->account_known = false)                                   \
    X(loss_no_mark, BREAKER_ROW_COUNT, v->equity = USD(1); v->day_start = v->high_water = USD(0))                      \
    X(loss_of_a_debt, BREAKER_DAILY_LOSS, v->day_start = v->high_water = USD(1); v->equity = USD(-1))                  \
    X(loss_negative, BREAKER_DAILY_LOSS, v->equity.nanos = INT64_MIN)                                                  \
    X(loss_no_mark_debt, BREAKER_ROW_COUNT, v->equity = USD(-1); v->day_start = v->high_water = USD(0))                \
    X(down_at, BREAKER_ROW_COUNT, v->high_water.nanos = 10000 * D / 9 * 10)                                            \
    X(down_above, BREAKER_DRAWDOWN, v->high_water.nanos = 10000 * D / 9 * 10 + 100)                                    \
    X(down_unknown, BREAKER_ROW_COUNT, v->high_water = USD(20000); v->account_known = false)                           \
    X(down_out_of_range, BREAKER_DRAWDOWN, v->high_water.nanos = INT64_MAX; l->max_drawdown.nanos = 2 * D)             \
    X(stale_at, BREAKER_ROW_COUNT, v->stale_orders = 19)                                                               \
    X(stale_above, BREAKER_STALE_DATA, v->stale_orders = 20)                                                           \
    X(errors_few_calls, BREAKER_ROW_COUNT, v->calls = v->failed = 99; v->failing_ns = 60 * NS_PER_S)                   \
    X(errors_below, BREAKER_ROW_COUNT, v->failed = 49; v->failing_ns = 60 * NS_PER_S)                                  \
    X(errors_at, BREAKER_BROKER_ERRORS, v->failed = 50; v->failing_ns = 60 * NS_PER_S)                                 \
    X(errors_not_long, BREAKER_ROW_COUNT, v->failed = 100; v->failing_ns = 60 * NS_PER_S - 1)                          \
    X(errors_no_calls, BREAKER_ROW_COUNT, v->calls = 0; l->broker_calls = 0; v->failing_ns = 60 * NS_PER_S)            \
    X(alike_at, BREAKER_ROW_COUNT, v->alike = 49)                                                                      \
    X(alike_above, BREAKER_ALIKE, v->alike = 50)
#define CASE_FN(name, row, ...)                                                                                        \
    static void case_##name(struct breaker_limits *l, struct breaker_view *v)                                          \
    {                                                                                                                  \
        (void)l;                                                                                                       \
        __VA_ARGS__;                                                                                                   \
    }
CASES(CASE_FN)
#define CASE_ROW(name, row, ...) {#name, row, case_##name},
static const struct {
    const char *name;
    enum breaker_row row;
    void (*apply)(struct breaker_limits *l, struct breaker_view *v);
} cases[] = {CASES(CASE_ROW)};

static void limits_are_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct breaker_limits l;
        struct breaker_view v;
        struct breaker_verdict verdict;
        breaker_example(BREAKER_ROW_COUNT, &l, &v);
        cases[i].apply(&l, &v);
        breaker_judge(&l, &v, &verdict);
        if (verdict.row != cases[i].row || verdict.trips != (cases[i].row != BREAKER_ROW_COUNT))
            fail_msg("%s: %s", cases[i].name, verdict.trips ? breaker_row_name(verdict.row) : "does not trip");
    }
}

// --- the module

static struct {
    struct exposure *exposure;
    struct metrics *metrics;
    struct breaker_limits limits;
    struct breaker_moment moment;
    struct breaker_marks kept; // in Postgres
    enum ledger_result takes;
    int reads, writes, trips;
    bool slow; // Postgres tells later
    void (*read)(void *arg, enum ledger_result result, const struct breaker_marks *marks);
    ledger_done_fn *written;
    char row[32], detail[200];
} w;

void ledger_breaker_read(struct ledger *l, const char *account,
                         void (*done)(void *arg, enum ledger_result result, const struct breaker_marks *marks),
                         void *arg)
{
    (void)l;
    assert_string_equal(account, w.moment.account);
    w.reads++;
    w.read = done;
    if (!w.slow)
        done(arg, w.takes, w.takes == LEDGER_OK ? &w.kept : NULL);
}

void ledger_breaker_write(struct ledger *l, const char *account, const struct breaker_marks *marks, int64_t now_ns,
                          ledger_done_fn *done, void *arg)
{
    (void)l, (void)account, (void)now_ns;
    w.writes++;
    assert_true(marks->session.year > 0 && marks->day_start.nanos > 0 &&
                marks->high_water.nanos > 0); // as Postgres does
    w.written = done;
    if (w.slow)
        return;
    if (w.takes == LEDGER_OK)
        w.kept = *marks;
    done(arg, w.takes, "");
}

static void tripped(void *arg, const char *row, const char *detail)
{
    (void)arg;
    w.trips++;
    w.moment.halt = HALT_HALTED; // as main does
    snprintf(w.row, sizeof w.row, "%s", row);
    snprintf(w.detail, sizeof w.detail, "%s", detail);
}

static struct breaker *fresh(void)
{
    return breaker_new(&(struct breaker_params){
        .exposure = w.exposure, .metrics = w.metrics, .limits = &w.limits, .tripped = tripped});
}

static void worth(int64_t equity, int64_t last)
{
    const struct alpaca_account a = {.equity = USD(equity), .last_equity = USD(last), .cash = USD(equity)};
    exposure_set_account(w.exposure, &a, ++w.moment.boot_ns);
}

static int set_up(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    struct breaker_view v;
    breaker_example(BREAKER_ROW_COUNT, &w.limits, &v);
    w.exposure = exposure_new();
    w.metrics = metrics_new();
    w.moment = (struct breaker_moment){.account = "PASIM1",
                                       .leads = true,
                                       .session_known = true,
                                       .session = {2026, 10, 8},
                                       .halt = HALT_RUNNING,
                                       .boot_ns = NS_PER_S,
                                       .wall_ns = NS_PER_S};
    worth(10000, 10000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    exposure_free(w.exposure);
    metrics_free(w.metrics);
    return 0;
}

static void a_loss_trips_once_and_its_release_begins_anew(void **state)
{
    (void)state;
    struct breaker *b = fresh();
    breaker_look(b, &w.moment);
    assert_int_equal(w.kept.day_start.nanos, USD(10000).nanos);
    worth(9499, 10000);
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 1);
    assert_string_equal(w.row, "daily_loss");
    assert_int_equal(metrics_value(w.metrics, METRIC_BREAKER_TRIPS, "daily_loss"), 1);
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 1);
    assert_true(breaker_verdict_now(b)->trips);
    w.moment.halt = HALT_RUNNING; // released
    breaker_look(b, &w.moment);
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 1);
    assert_int_equal(w.kept.day_start.nanos, USD(9499).nanos);
    assert_int_equal(w.kept.high_water.nanos, USD(9499).nanos);
    worth(9000, 10000);
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 2);
    breaker_free(b);
}

static void a_restart_forgets_no_loss(void **state)
{
    (void)state;
    struct breaker *b = fresh();
    worth(12000, 10000);
    breaker_look(b, &w.moment);
    assert_int_equal(w.kept.high_water.nanos, USD(12000).nanos);
    breaker_free(b);
    b = fresh();
    worth(10700, 10000); // more than a tenth below, and no loss of the session
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 1);
    assert_string_equal(w.row, "drawdown");
    breaker_free(b);
    b = fresh(); // the halt holds: said once, not again by each life
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 1);
    assert_true(breaker_verdict_now(b)->trips);
    breaker_free(b);
}

static void a_session_begins_with_the_close_before_it(void **state)
{
    (void)state;
    struct breaker *b = fresh();
    breaker_look(b, &w.moment);
    worth(9600, 10000);
    breaker_look(b, &w.moment);
    w.moment.session.mday++;
    worth(9600, 9600);
    breaker_look(b, &w.moment);
    worth(9200, 9600); // 800 in two days, 400 in this one
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 0);
    worth(9119, 9600);
    breaker_look(b, &w.moment);
    assert_string_equal(w.row, "daily_loss");
    breaker_free(b);
}

static void marks_are_asked_for_until_they_are_known(void **state)
{
    (void)state;
    struct breaker *b = fresh();
    w.takes = LEDGER_DOWN;
    worth(1, 10000);
    breaker_look(b, &w.moment);
    breaker_look(b, &w.moment);
    assert_int_equal(w.reads, 2);
    assert_int_equal(w.trips, 0); // nothing to measure from
    w.takes = LEDGER_OK;
    w.kept = (struct breaker_marks){w.moment.session, USD(10000), USD(10000)};
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 1);
    w.moment.leads = false;
    breaker_look(b, &w.moment);
    assert_false(breaker_view_now(b).account_known); // another host moves them now
    breaker_free(b);
}

static void what_was_not_written_is_written_again(void **state)
{
    (void)state;
    struct breaker *b = fresh();
    breaker_look(b, &w.moment);
    int writes = w.writes;
    worth(10009, 10000); // less than a thousandth above
    breaker_look(b, &w.moment);
    assert_int_equal(w.writes, writes);
    w.takes = LEDGER_LOST;
    worth(10100, 10000);
    breaker_look(b, &w.moment);
    w.takes = LEDGER_OK;
    breaker_look(b, &w.moment);
    assert_int_equal(w.kept.high_water.nanos, USD(10100).nanos);
    breaker_free(b);
}

static void orders_without_a_price_count_in_a_row(void **state)
{
    (void)state;
    struct breaker *b = fresh();
    const struct risk_verdict stale = {.answer = RISK_UNKNOWN, .row = RISK_PRICE_AGE},
                              none = {.answer = RISK_UNKNOWN, .row = RISK_PRICE_KNOWN},
                              other = {.answer = RISK_FAIL, .row = RISK_WASH}, good = {.answer = RISK_PASS},
                              reduces = {.answer = RISK_PASS, .reduces = true};
    for (int i = 0; i < 19; i++)
        breaker_judged(b, i % 2 ? &stale : &none);
    breaker_judged(b, &other); // is not one without a price
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 0);
    breaker_judged(b, &good);
    breaker_judged(b, &stale);
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 0);
    for (int i = 0; i < 19; i++)
        breaker_judged(b, &stale);
    breaker_judged(b, &other);
    breaker_judged(b, &reduces);
    breaker_look(b, &w.moment);
    assert_string_equal(w.row, "stale_data");
    w.moment.halt = HALT_RUNNING; // released: they are counted anew
    breaker_look(b, &w.moment);
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 1);
    breaker_free(b);
}

static void calls_are_looked_at_in_stretches(void **state)
{
    (void)state;
    struct breaker *b = fresh();
    breaker_look(b, &w.moment);
    for (int i = 0; i < 100; i++)
        breaker_call(b, true);
    w.moment.boot_ns += 59 * NS_PER_S;
    breaker_look(b, &w.moment);
    for (int i = 0; i < 500; i++) // the broker is back, for as long as this stretch lasts
        breaker_call(b, false);
    w.moment.boot_ns += NS_PER_S;
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 0);
    breaker_look(b, &w.moment);
    for (int i = 0; i < 100; i++)
        breaker_call(b, true);
    breaker_look(b, &w.moment);
    w.moment.boot_ns += 61 * NS_PER_S;
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 1);
    assert_string_equal(w.row, "broker_errors");
    breaker_free(b);
}

static void executions_alike_count_within_their_window(void **state)
{
    (void)state;
    struct breaker *b = fresh();
    struct intent in = {.order = {.symbol = "SPY", .qty = {D}}}, other = in;
    w.limits.alike_executions = 3;
    breaker_executed(b, &in, 0);
    breaker_executed(b, &in, 1);
    breaker_executed(b, &in, w.limits.alike_window_ns + 1); // the first is too long ago
    other.order.side = ORDER_SELL;
    breaker_executed(b, &other, w.limits.alike_window_ns + 1);
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 0);
    breaker_executed(b, &in, w.limits.alike_window_ns + 1);
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 1);
    assert_string_equal(w.row, "alike_executions");
    for (int i = 0; i < 2000; i++) { // of other kinds: bounded
        other.order.qty.nanos++;
        breaker_executed(b, &other, 5);
    }
    breaker_free(b);
}

static int64_t alike_of(struct breaker *b, const struct intent *in, int64_t at)
{
    breaker_executed(b, in, at);
    return breaker_view_now(b).alike;
}

static void the_last_executions_of_a_kind_are_remembered(void **state)
{
    (void)state;
    struct breaker *b = fresh();
    struct intent in = {.order = {.symbol = "SPY", .qty = {D}}}, other = in;
    int64_t late = w.limits.alike_window_ns + 1;
    w.limits.alike_executions = 2;
    assert_int_equal(alike_of(b, &in, 0), 1);
    assert_int_equal(alike_of(b, &in, 0), 2);
    assert_int_equal(alike_of(b, &in, late), 1);
    for (int i = 0; i < 5; i++) // as many as trip it, no more
        assert_int_equal(alike_of(b, &in, late), 2);
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 1);
    w.moment.halt = HALT_RUNNING; // released: it has seen none
    breaker_look(b, &w.moment);
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 1);
    assert_int_equal(alike_of(b, &in, late), 1);
    for (int i = 0; i < 255; i++) { // 256 kinds, and then one more
        other.order.qty.nanos++;
        breaker_executed(b, &other, late);
    }
    assert_int_equal(alike_of(b, &in, late), 2);
    other.order.qty.nanos++;
    breaker_executed(b, &other, late);
    assert_int_equal(alike_of(b, &in, late), 1);
    breaker_free(b);
}

static void marks_are_written_when_they_moved(void **state)
{
    (void)state;
    struct breaker *b = fresh();
    assert_int_equal(breaker_verdict_now(b)->row, BREAKER_ROW_COUNT);
    worth(10000, 9900);
    breaker_look(b, &w.moment);
    assert_int_equal(w.kept.day_start.nanos, USD(9900).nanos);
    int writes = w.writes;
    breaker_look(b, &w.moment);
    worth(10010, 9900); // a thousandth above, not more
    breaker_look(b, &w.moment);
    assert_int_equal(w.writes, writes);
    worth(10011, 9900);
    breaker_look(b, &w.moment);
    assert_int_equal(w.kept.high_water.nanos, USD(10011).nanos);
    w.moment.session.mday++; // another session with the same figures
    breaker_look(b, &w.moment);
    assert_int_equal(day_compare(w.kept.session, w.moment.session), 0);
    for (int i = 0; i < 20; i++)
        breaker_judged(b, &(struct risk_verdict){.answer = RISK_UNKNOWN, .row = RISK_PRICE_AGE});
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 1);
    w.moment.halt = HALT_RUNNING; // its release moves the session's beginning alone
    breaker_look(b, &w.moment);
    assert_int_equal(w.kept.day_start.nanos, USD(10011).nanos);
    assert_int_equal(w.kept.high_water.nanos, USD(10011).nanos);
    breaker_free(b);
}

static void an_account_without_a_close_before_it_begins_with_what_it_is_worth(void **state)
{
    (void)state;
    struct breaker *b = fresh();
    worth(10000, 0);
    breaker_look(b, &w.moment);
    assert_int_equal(w.kept.day_start.nanos, USD(10000).nanos);
    w.moment.account = "PASIM2"; // another account has marks of its own
    w.kept = (struct breaker_marks){w.moment.session, USD(20000), USD(20000)};
    breaker_look(b, &w.moment);
    assert_int_equal(w.reads, 2);
    assert_string_equal(w.row, "daily_loss");
    breaker_free(b);
}

static void one_question_at_a_time(void **state)
{
    (void)state;
    struct breaker *b = fresh();
    const char *account = w.moment.account;
    w.moment.account = "";
    breaker_look(b, &w.moment);
    assert_int_equal(w.reads, 0);
    w.moment.account = account;
    w.slow = true;
    breaker_look(b, &w.moment);
    breaker_look(b, &w.moment);
    assert_int_equal(w.reads, 1);
    w.read(b, LEDGER_OK, &w.kept);
    breaker_look(b, &w.moment);
    worth(11000, 10000);
    breaker_look(b, &w.moment);
    assert_int_equal(w.writes, 1);
    w.written(b, LEDGER_OK, "");
    breaker_look(b, &w.moment);
    assert_int_equal(w.writes, 2); // what has moved meanwhile
    breaker_free(b);
}

static void an_account_that_is_not_known_moves_no_mark(void **state)
{
    (void)state;
    struct breaker *b = fresh();
    exposure_free(w.exposure);
    w.exposure = exposure_new();
    breaker_free(b);
    b = fresh();
    breaker_look(b, &w.moment);
    breaker_look(b, &w.moment);
    assert_int_equal(w.reads, 1);
    assert_int_equal(w.writes, 0);
    assert_false(breaker_view_now(b).account_known);
    breaker_free(b);
    breaker_free(NULL);
}

// A reload asks for fewer: those that count are the newest.
static void a_lower_limit_forgets_the_oldest(void **state)
{
    (void)state;
    struct breaker *b = fresh();
    const struct intent in = {.order = {.symbol = "SPY", .qty = {D}}};
    int64_t later = w.limits.alike_window_ns + 10;
    w.limits.alike_executions = 5;
    for (int i = 0; i < 4; i++)
        breaker_executed(b, &in, i < 2 ? i : later + i);
    w.limits.alike_executions = 3;
    breaker_executed(b, &in, later + 4);
    assert_int_equal(breaker_view_now(b).alike, 3);
    breaker_look(b, &w.moment);
    assert_string_equal(w.row, "alike_executions");
    breaker_free(b);
}

static void marks_of_no_session_or_of_nothing_are_not_written(void **state)
{
    (void)state;
    struct breaker *b = fresh();
    w.moment.session_known = false; // the calendar is not read yet
    breaker_look(b, &w.moment);
    assert_int_equal(w.writes, 0);
    w.moment.session_known = true;
    breaker_look(b, &w.moment);
    assert_int_equal(w.writes, 1);
    breaker_free(b);
    w.kept = (struct breaker_marks){.session = {0}};
    b = fresh();
    worth(0, 0);
    breaker_look(b, &w.moment);
    worth(-5, 0);
    breaker_look(b, &w.moment);
    w.moment.session.mday++;
    worth(-5, 100); // all of it lost
    breaker_look(b, &w.moment);
    assert_int_equal(w.writes, 1);
    breaker_free(b);
}

static void nothing_is_judged_while_the_halt_is_unknown(void **state)
{
    (void)state;
    struct breaker *b = fresh();
    breaker_look(b, &w.moment);
    worth(1, 10000);
    w.moment.halt = HALT_UNKNOWN;
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 0);
    w.moment.halt = HALT_REDUCE_ONLY; // less than a halt
    breaker_look(b, &w.moment);
    assert_int_equal(w.trips, 1);
    breaker_free(b);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_example_trips_its_row),
        T(limits_are_exact),
        T(a_loss_trips_once_and_its_release_begins_anew),
        T(a_restart_forgets_no_loss),
        T(a_session_begins_with_the_close_before_it),
        T(marks_are_asked_for_until_they_are_known),
        T(what_was_not_written_is_written_again),
        T(orders_without_a_price_count_in_a_row),
        T(calls_are_looked_at_in_stretches),
        T(executions_alike_count_within_their_window),
        T(the_last_executions_of_a_kind_are_remembered),
        T(marks_are_written_when_they_moved),
        T(an_account_without_a_close_before_it_begins_with_what_it_is_worth),
        T(one_question_at_a_time),
        T(an_account_that_is_not_known_moves_no_mark),
        T(a_lower_limit_forgets_the_oldest),
        T(marks_of_no_session_or_of_nothing_are_not_written),
        T(nothing_is_judged_while_the_halt_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
