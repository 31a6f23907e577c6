// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Twenty years of sessions by the exchange's rules, walked as a scheduler does: from one next instant to the next, with
// looks in between, clocks that are set and machines that sleep. Every session has its slot once, at New York's time on
// both sides of each change of the clocks, or it is missed, once; and what was only seen twice is run once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/trade/exchange_days.h"

#define FIRST_YEAR 2010
#define LAST_YEAR 2029
#define MIN_NS (60 * NS_PER_S)
#define LATEST_NS (10 * MIN_NS)
#define WATCHED_NS (30 * 24 * 60 * MIN_NS)
#define SESSIONS_MAX 6000

static struct session_day days[SESSIONS_MAX];
static struct calendar calendar = {days, 0};

static struct {
    uint64_t random;
    int64_t slots[SESSIONS_MAX]; // instant of the slot; 0 = the session has none
    int runs[SESSIONS_MAX], missed[SESSIONS_MAX];
} w;

static int64_t below(int64_t n)
{
    w.random ^= w.random << 13;
    w.random ^= w.random >> 7;
    w.random ^= w.random << 17;
    return (int64_t)(w.random % (uint64_t)n);
}

static size_t index_of(struct day session)
{
    const struct session_day *s = session_find(&calendar, session);
    assert_non_null(s);
    return (size_t)(s - days);
}

static bool taken(void *arg, struct day session, int64_t at_ns)
{
    size_t i = index_of(session);
    (void)arg;
    return (w.runs[i] || w.missed[i]) && w.slots[i] == at_ns;
}

// As the scheduler: acts until nothing is due; where it wants to be woken.
static int64_t look(const struct slot_rule *rule, int64_t now, int64_t watch_from)
{
    if (watch_from < now - WATCHED_NS) // what lies before was seen to: it saves asking again
        watch_from = now - WATCHED_NS;
    for (;;) {
        struct slot_due d = slot_decide(rule, &calendar, now, watch_from, taken, NULL);
        if (d.what == SLOT_NONE) {
            assert_true(d.next_ns > now);
            return d.next_ns;
        }
        size_t i = index_of(d.session);
        assert_true(d.at_ns == w.slots[i] && d.at_ns <= now);
        if (d.what == SLOT_DUE)
            assert_true(now - d.at_ns <= LATEST_NS);
        (d.what == SLOT_DUE ? w.runs : w.missed)[i]++;
    }
}

static struct slot_rule begin(const char *slot, const char *early_close)
{
    struct slot_rule rule = {.latest_start_ns = LATEST_NS};
    struct err err;
    assert_int_equal(slot_spec_parse(slot, early_close, &rule.spec, &err), 0);
    memset(&w, 0, sizeof w);
    w.random = UINT64_C(0x9E3779B97F4A7C15);
    for (size_t i = 0; i < calendar.count; i++)
        if (!slot_instant(&rule.spec, &days[i], &w.slots[i]))
            w.slots[i] = 0;
    return rule;
}

static int64_t the_end(void)
{
    return day_at(days[calendar.count - 1].date, 86399);
}

static void each_once(const char *what)
{
    char text[WHEN_TEXT_MAX];
    for (size_t i = 0; i < calendar.count; i++)
        if (w.runs[i] + w.missed[i] != (w.slots[i] != 0))
            fail_msg("%s: %s: %d runs, %d missed", what, day_format(days[i].date, text), w.runs[i], w.missed[i]);
}

// Nothing but the alarm wakes it, exactly at its instants.
static void every_session_has_its_slot_at_new_yorks_time(void **state)
{
    (void)state;
    static const struct {
        const char *slot, *early;
        int at_s, half_s; // New York's clock on whole and half-days; -1: none
    } cases[] = {{"15:30", "shift", 55800, 45000},  {"15:30", "skip", 55800, -1},    {"09:35", "shift", 34500, 34500},
                 {"close-30m", NULL, 55800, 45000}, {"open+5m", NULL, 34500, 34500}, {"02:30", "shift", 9000, 9000},
                 {"00:00", "skip", 0, -1}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct slot_rule rule = begin(cases[c].slot, cases[c].early);
        int64_t from = day_at(days[0].date, 0) - 1;
        for (int64_t now = from; now < INT64_MAX;)
            now = look(&rule, now, from);
        each_once(cases[c].slot);
        for (size_t i = 0; i < calendar.count; i++) {
            int expected = session_is_early_close(&days[i]) ? cases[c].half_s : cases[c].at_s;
            assert_int_equal(w.missed[i], 0);
            assert_int_equal(w.runs[i], expected >= 0);
            if (expected >= 0) {
                assert_int_equal(seconds_of_day(w.slots[i]), expected);
                assert_int_equal(day_compare(day_of(w.slots[i]), days[i].date), 0);
            }
        }
    }
}

// Looks at any time: early, late, after hours of sleep, with the clock set back and forth.
static void whatever_the_clock_does_each_slot_is_run_or_missed_once(void **state)
{
    (void)state;
    struct slot_rule rule = begin("15:30", "shift");
    int64_t from = day_at(days[0].date, 0) - 1, end = the_end(), now = from;
    int missed = 0, late = 0;
    while (now < end) {
        int64_t next = look(&rule, now, from);
        switch (below(8)) {
        case 0:
            now += below(40) * 3600 * NS_PER_S; // asleep, or set forward
            late++;
            break;
        case 1:
            now -= below(4) * 3600 * NS_PER_S; // set back
            break;
        case 2:
            now += below(30) * MIN_NS; // some other event
            break;
        default:
            now = next + below(3) * MIN_NS;
        }
        now = now < from ? from : now;
    }
    look(&rule, end, from);
    each_once("15:30");
    for (size_t i = 0; i < calendar.count; i++)
        missed += w.missed[i];
    assert_in_range(missed, 10, (unsigned long)late);
}

// Each instant of UTC's own grid inside the hours, also in the week in which the clocks change.
static void a_period_keeps_its_grid_over_a_change_of_the_clocks(void **state)
{
    (void)state;
    static const struct day weeks[] = {{2026, 3, 4}, {2026, 10, 28}};
    struct slot_rule rule = begin("every 20m", NULL);
    for (size_t k = 0; k < 2; k++) {
        int64_t now = day_at(weeks[k], 0), last = 0, end = day_at(day_add(weeks[k], 9), 0);
        int count = 0;
        for (; now < end; now = slot_decide(&rule, &calendar, now, 0, taken, NULL).next_ns) {
            if (!last) {
                last = now;
                continue;
            }
            assert_int_equal(now / NS_PER_S % 1200, 0);
            assert_in_range(seconds_of_day(now), 34200, 57599);
            assert_true(now > last);
            last = now;
            count++;
        }
        assert_int_equal(count, 7 * 19); // 09:40 to 15:40
    }
}

// Trading stopped for a while within these sessions: no session of its own, none less.
static void a_halt_is_no_end_of_a_session(void **state)
{
    char line[256];
    int count = 0;
    (void)state;
    FILE *f = fopen("tests/data/calendar/nyse_intraday_halts.csv", "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f)); // its head
    for (; fgets(line, sizeof line, f); count++) {
        struct day d;
        struct session_day s;
        int h, m, h2, m2;
        line[10] = '\0';
        assert_true(day_parse(line, &d));
        assert_int_equal(sscanf(line + 11, "%2d:%2d", &h, &m), 2);
        assert_int_equal(sscanf(strchr(line + 11, ',') + 1, "%2d:%2d", &h2, &m2), 2);
        assert_int_equal(exchange_day_of(d, &s, NULL), EXCHANGE_OPEN);
        assert_true(s.open_s <= h * 3600 + m * 60 && h2 * 3600 + m2 * 60 < s.close_s);
    }
    fclose(f);
    assert_int_equal(count, 20);
}

static int list_sessions(void **state)
{
    struct err err;
    (void)state;
    if (when_zone_init(&err) != 0)
        return -1;
    for (struct day d = {FIRST_YEAR, 1, 1}; d.year <= LAST_YEAR; d = day_add(d, 1))
        calendar.count += exchange_day_of(d, &days[calendar.count], NULL) == EXCHANGE_OPEN;
    return calendar.count > 5000 && calendar.count < SESSIONS_MAX ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_session_has_its_slot_at_new_yorks_time),
        cmocka_unit_test(whatever_the_clock_does_each_slot_is_run_or_missed_once),
        cmocka_unit_test(a_period_keeps_its_grid_over_a_change_of_the_clocks),
        cmocka_unit_test(a_halt_is_no_end_of_a_session),
    };
    return cmocka_run_group_tests(tests, list_sessions, NULL);
}
