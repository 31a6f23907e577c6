// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Every weekday from 1990 to 2029 against the lists in tests/data/calendar (its SOURCES.md says where they are from).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/trade/exchange_days.h"

#define DAYS_MAX 15000
#define NORMAL_OPEN (9 * 3600 + 30 * 60)
#define NORMAL_CLOSE (16 * 3600)

static struct { // what the lists say of each day since 1990-01-01
    bool closed;
    int open_s, close_s;
} listed[DAYS_MAX];
static const struct day first = {1990, 1, 1}, last = {2029, 12, 31};

static int clock_time(const char *text)
{
    int h, m;
    assert_int_equal(sscanf(text, "%2d:%2d", &h, &m), 2);
    return h * 3600 + m * 60;
}

static int read_list(const char *path, void (*take)(size_t at, char *rest))
{
    char line[256];
    int count = 0;
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f)); // its head
    for (; fgets(line, sizeof line, f); count++) {
        struct day d;
        line[10] = '\0';
        assert_true(day_parse(line, &d));
        take((size_t)(day_number(d) - day_number(first)), line + 11);
    }
    fclose(f);
    return count;
}

static void take_special(size_t at, char *rest)
{
    listed[at].closed = strncmp(rest, "closed,", 7) == 0;
    if (!listed[at].closed) {
        assert_int_equal(strncmp(rest, "early,", 6), 0);
        listed[at].close_s = clock_time(rest + 6);
    }
}

static void take_late(size_t at, char *rest)
{
    listed[at].open_s = clock_time(rest);
}

static int read_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < DAYS_MAX; i++) {
        listed[i].open_s = NORMAL_OPEN;
        listed[i].close_s = NORMAL_CLOSE;
    }
    assert_int_equal(read_list("tests/data/calendar/nyse_special_days.csv", take_special), 454);
    assert_int_equal(read_list("tests/data/calendar/nyse_late_opens.csv", take_late), 11);
    return 0;
}

static void test_every_day(void **state)
{
    (void)state;
    size_t at = 0, sessions = 0;
    for (struct day d = first; day_compare(d, last) <= 0; d = day_add(d, 1), at++) {
        char text[WHEN_TEXT_MAX];
        struct session_day s = {.open_s = 0};
        const char *why;
        const bool weekend = day_weekday(d) == 0 || day_weekday(d) == 6;
        const enum exchange_day found = exchange_day_of(d, &s, &why);
        if (found != (weekend || listed[at].closed ? EXCHANGE_CLOSED : EXCHANGE_OPEN))
            fail_msg("%s: %s (%s)", day_format(d, text), found == EXCHANGE_OPEN ? "open" : "closed", why);
        if (found != EXCHANGE_OPEN)
            continue;
        sessions++;
        if (s.open_s != listed[at].open_s || s.close_s != listed[at].close_s || day_compare(s.date, d) != 0)
            fail_msg("%s: %d to %d, listed %d to %d", day_format(d, text), s.open_s, s.close_s, listed[at].open_s,
                     listed[at].close_s);
    }
    assert_int_equal(at, 14610);
    assert_in_range(sessions, 10000, 10100);
}

static void test_known_days(void **state)
{
    (void)state;
    static const struct {
        struct day d;
        enum exchange_day is;
        int close_h;
        const char *why;
    } days[] = {
        {{2026, 11, 26}, EXCHANGE_CLOSED, 0, "Thanksgiving Day"},
        {{2026, 11, 27}, EXCHANGE_OPEN, 13, "day after Thanksgiving"},
        {{2026, 11, 23}, EXCHANGE_OPEN, 16, ""},
        {{2026, 11, 21}, EXCHANGE_CLOSED, 0, "weekend"},
        {{2026, 4, 3}, EXCHANGE_CLOSED, 0, "Good Friday"},
        {{2026, 7, 3}, EXCHANGE_CLOSED, 0, "Independence Day"}, // the 4th is a Saturday
        {{2027, 12, 31}, EXCHANGE_OPEN, 16, ""},                // the 1st is a Saturday
        {{2023, 1, 2}, EXCHANGE_CLOSED, 0, "New Year's Day"},
        {{2025, 1, 9}, EXCHANGE_CLOSED, 0, "National Day of Mourning: former President Carter"},
        {{1989, 12, 29}, EXCHANGE_UNKNOWN, 0, ""},
        {{2100, 1, 4}, EXCHANGE_UNKNOWN, 0, ""},
    };
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        struct session_day s = {.close_s = 0};
        const char *why;
        assert_int_equal(exchange_day_of(days[i].d, &s, &why), days[i].is);
        assert_string_equal(why, days[i].why);
        assert_int_equal(s.close_s, days[i].close_h * 3600);
    }
}

// A broker's calendar of November and December 2026, as the rules have it.
static size_t list_days(struct session_day *out)
{
    size_t n = 0;
    for (struct day d = {2026, 11, 2}; day_compare(d, (struct day){2026, 12, 31}) <= 0; d = day_add(d, 1))
        n += exchange_day_of(d, &out[n], NULL) == EXCHANGE_OPEN;
    return n;
}

static void test_agreement(void **state)
{
    (void)state;
    struct session_day days[64];
    struct err err = {""};
    struct calendar c = {days, list_days(days)};
    const struct calendar none = {NULL, 0};
    const struct day from = {2026, 11, 2}, to = {2026, 12, 31};
    assert_int_equal(exchange_days_agree(&c, &none, from, to, &err), 0);

    struct session_day *half = (struct session_day *)session_find(&c, (struct day){2026, 11, 27});
    half->close_s = NORMAL_CLOSE;
    assert_int_equal(exchange_days_agree(&c, &none, from, to, &err), -1);
    assert_string_equal(err.text, "2026-11-27: the broker lists 09:30 to 16:00, the exchange's rules 09:30 to 13:00 "
                                  "(day after Thanksgiving)");
    assert_int_equal(exchange_days_agree(&c, &none, from, (struct day){2026, 11, 26}, &err), 0);
    half->close_s = 13 * 3600;

    c.count--; // the last of the year is missing
    assert_int_equal(exchange_days_agree(&c, &none, from, to, &err), -1);
    assert_string_equal(err.text, "2026-12-31: the broker lists no session, the exchange's rules have one until 16:00 "
                                  "(an ordinary day)");
    c.count++;

    days[c.count - 1].date = (struct day){2027, 1, 1};
    assert_int_equal(exchange_days_agree(&c, &none, from, (struct day){2026, 12, 30}, &err), 0);
    assert_int_equal(exchange_days_agree(&c, &none, (struct day){2027, 1, 1}, (struct day){2027, 1, 1}, &err), -1);
    assert_string_equal(err.text, "2027-01-01: the broker lists a session until 16:00, the exchange's rules none "
                                  "(New Year's Day)");
    assert_int_equal(exchange_days_agree(&c, &none, (struct day){2100, 1, 1}, (struct day){2100, 2, 1}, &err), 0);
}

static void test_what_an_operator_lists(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "2026-11-23",
                                      "2026-11-23=",
                                      "2026-11-31=closed",
                                      "2026-11-23=open",
                                      "2026-11-23=09:30-13:00 ",
                                      "2026-11-23=9:30-13:00",
                                      "2026-11-23=09:30-24:00",
                                      "2026-11-23=09:30-09:30",
                                      "2026-11-23=13:00-09:30",
                                      "2026-11-23=09:30 13:00",
                                      "2026-11-23 closed",
                                      "2026-11-23=09:60-13:00",
                                      "2026-11-23=-9:30-13:00"};
    struct session_day days[64], special[2];
    struct err err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (exchange_day_read(bad[i], special, &err) == 0)
            fail_msg("%s is taken", bad[i]);
        assert_non_null(strstr(err.text, "2027-01-05=09:30-13:00"));
    }
    assert_int_equal(exchange_day_read("2026-11-23=closed", &special[0], &err), 0);
    assert_int_equal(special[0].close_s, 0);
    assert_int_equal(exchange_day_read("2026-11-27=09:45-16:00", &special[1], &err), 0);
    assert_int_equal(special[1].open_s, 9 * 3600 + 45 * 60);
    assert_int_equal(special[1].close_s, NORMAL_CLOSE);

    struct calendar c = {days, list_days(days)};
    const struct calendar decided = {special, 2};
    const struct day from = {2026, 11, 2}, to = {2026, 12, 31};
    assert_int_equal(exchange_days_agree(&c, &decided, from, to, &err), -1);
    assert_string_equal(err.text,
                        "2026-11-23: the broker lists a session until 16:00, the exchange's rules none (listed "
                        "in special_days)");
    for (size_t i = 0; i < c.count; i++)
        if (days[i].date.month == 11 && days[i].date.mday == 23)
            memmove(&days[i], &days[i + 1], (--c.count - i) * sizeof *days);
    assert_int_equal(exchange_days_agree(&c, &decided, from, to, &err), -1);
    assert_non_null(strstr(err.text, "2026-11-27"));
    *(struct session_day *)session_find(&c, special[1].date) = special[1];
    assert_int_equal(exchange_days_agree(&c, &decided, from, to, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_day),
        cmocka_unit_test(test_known_days),
        cmocka_unit_test(test_agreement),
        cmocka_unit_test(test_what_an_operator_lists),
    };
    return cmocka_run_group_tests(tests, read_lists, NULL);
}
