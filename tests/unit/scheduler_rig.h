// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The scheduler on a clock of the test's own: runs are doubles that keep what they are asked; the deciding is the real
// one.
#ifndef PAPERGUARD_TESTS_SCHEDULER_RIG_H
#define PAPERGUARD_TESTS_SCHEDULER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/scheduler.h"
#include "lib/io/clock.h"

#define ASKED_MAX 32
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static struct {
    int64_t now;
    loop_fn *rings;
    void *rings_arg;
    int64_t alarm_at;
    bool simulator, allowed, busy;
    const char *why, *paused; // names of paused strategies
    bool pauses_unread;
    int started, missed, alerts;
    char alert[240];
    struct {
        struct day session;
        char slot[SLOT_KEY_MAX], label[SLOT_SPEC_MAX], strategies[200], why[240];
        int64_t close_at;
    } asked[ASKED_MAX], missing[ASKED_MAX];
} w;

// --- the clock

int64_t clock_wall_ns(void)
{
    return w.now;
}

int64_t clock_monotonic_ns(void)
{
    return w.now;
}

int64_t clock_boot_ns(void)
{
    return w.now;
}

struct clock_alarm *clock_alarm_new(struct loop *l, loop_fn *fn, void *arg)
{
    (void)l;
    w.rings = fn;
    w.rings_arg = arg;
    return NULL;
}

void clock_alarm_set(struct clock_alarm *a, int64_t at_ns)
{
    (void)a;
    w.alarm_at = at_ns;
}

void clock_alarm_free(struct clock_alarm *a)
{
    (void)a;
}

// --- pauses

bool pauses_known(const struct pauses *p)
{
    (void)p;
    return !w.pauses_unread;
}

const struct strategy_pause *pauses_of(const struct pauses *p, const char *strategy)
{
    static const struct strategy_pause pause = {.reason = "a look at its model"};
    (void)p;
    return w.paused && strstr(w.paused, strategy) ? &pause : NULL;
}

// --- runs and facts

static struct run_row row_of(const struct run_order *o)
{
    struct run_row row = {.session = o->session, .scheduled_at = o->scheduled_at};
    static int n;
    snprintf(row.id, sizeof row.id, "run-%d", ++n);
    snprintf(row.slot_key, sizeof row.slot_key, "%s", o->slot_key);
    return row;
}

void runs_start(struct runs *r, const struct run_order *order,
                void (*started)(void *arg, const struct run_row *row, bool taken, const char *why), void *arg)
{
    (void)r;
    if (w.busy) {
        started(arg, NULL, false, "a run is under way");
        return;
    }
    assert_true(w.started < ASKED_MAX);
    w.asked[w.started].session = order->session;
    snprintf(w.asked[w.started].slot, SLOT_KEY_MAX, "%s", order->slot_key);
    snprintf(w.asked[w.started].label, SLOT_SPEC_MAX, "%s", order->label);
    snprintf(w.asked[w.started].strategies, 200, "%s", order->strategies);
    w.asked[w.started].close_at = order->close_at;
    w.started++;
    struct run_row row = row_of(order);
    started(arg, &row, false, "");
}

void runs_record_missed(struct runs *r, const struct run_order *order, const char *why)
{
    (void)r;
    assert_true(w.missed < ASKED_MAX);
    w.missing[w.missed].session = order->session;
    snprintf(w.missing[w.missed].slot, SLOT_KEY_MAX, "%s", order->slot_key);
    snprintf(w.missing[w.missed].why, 240, "%s", why);
    w.missed++;
}

bool facts_simulator(const struct facts *f)
{
    (void)f;
    return w.simulator;
}

static bool may_start(void *arg, const char **why)
{
    (void)arg;
    *why = w.why;
    return w.allowed;
}

static void alerted(void *arg, const char *kind, const char *subject, const char *detail)
{
    (void)arg;
    assert_string_equal(kind, "calendar");
    assert_string_equal(subject, "exchange");
    snprintf(w.alert, sizeof w.alert, "%s", detail);
    w.alerts++;
}

// --- the room

static struct config config;
static struct metrics *metrics;
static struct loop *loop;
static struct scheduler *scheduler;

static int64_t ny(int year, int month, int day, int hour, int minute, int second)
{
    struct day d = {(int16_t)year, (int8_t)month, (int8_t)day};
    return day_at(d, hour * 3600 + minute * 60 + second);
}

static void strategy(const char *name, const char *slot, const char *early_close)
{
    struct err err;
    struct config_strategy *s = &config.strategies[config.strategy_count++];
    *s = (struct config_strategy){.name = (char *)(uintptr_t)name, .enabled = true};
    assert_int_equal(slot_spec_parse(slot, early_close, &s->schedule, &err), 0);
}

static int set_up(void **state)
{
    struct err err;
    (void)state;
    assert_int_equal(when_zone_init(&err), 0);
    memset(&w, 0, sizeof w);
    memset(&config, 0, sizeof config);
    config.latest_start_ms = 600000;
    w.allowed = true;
    w.why = "";
    loop = loop_new();
    metrics = metrics_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scheduler_free(scheduler);
    metrics_free(metrics);
    loop_free(loop);
    return 0;
}

// A weekday calendar from `first` on, with one half-day where asked.
static void begin(int64_t now, struct day first, struct day half)
{
    struct session_day days[40];
    size_t n = 0;
    w.now = now;
    for (struct day d = first; n < 20; d = day_add(d, 1))
        if (day_weekday(d) != 0 && day_weekday(d) != 6) {
            bool early = day_compare(d, half) == 0;
            days[n++] = (struct session_day){d, 9 * 3600 + 1800, early ? 13 * 3600 : 16 * 3600};
        }
    scheduler = scheduler_new(&(struct scheduler_params){
        .loop = loop, .config = &config, .metrics = metrics, .may_start = may_start, .alert = alerted});
    scheduler_set_calendar(scheduler, days, n);
    scheduler_set_rows(scheduler, NULL, 0);
}

static void at(int64_t now)
{
    w.now = now;
    w.rings(w.rings_arg);
}

static const struct day no_day;
static const struct day october = {2026, 10, 5}; // a Monday

#endif
