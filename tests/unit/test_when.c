// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Instants and New York days, against libc where libc can be asked.
#include "lib/base/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/text.h"

static int zone_setup(void **state)
{
    (void)state;
    struct err err;
    return when_zone_init(&err);
}

static int64_t at(const char *text)
{
    int64_t ns = 0;
    if (!when_parse(text, &ns))
        fail_msg("refused: %s", text);
    return ns;
}

static void test_parse(void **state)
{
    (void)state;
    assert_true(at("1970-01-01T00:00:00Z") == 0);
    assert_true(at("1970-01-01T00:00:00.000000001Z") == 1);
    assert_true(at("1969-12-31T23:59:59.999999999Z") == -1);
    assert_true(at("2026-10-08t15:10:18.097z") == INT64_C(1791472218097000000));
    assert_true(at("2026-10-08T11:10:18.0970000001234-04:00") == INT64_C(1791472218097000000));
    assert_true(at("2026-10-08T20:40:18+05:30") == INT64_C(1791472218000000000));
    assert_true(at("2024-02-29T00:00:00-00:00") == INT64_C(1709164800000000000));
    assert_true(at("2262-04-11T23:47:16.854775807Z") == INT64_MAX);
    assert_true(at("1677-09-21T00:12:43.145224192Z") == INT64_MIN);
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026-10-08",
        "2026-10-08T15:10:18",
        "2026-10-08 15:10:18Z",
        "2026-10-08T15:10Z",
        "2026-10-08T15:10:18.Z",
        "2026-10-08T15:10:18,5Z",
        "2026-10-08T24:00:00Z",
        "2026-10-08T23:60:00Z",
        "2026-10-08T23:59:60Z",
        "2026-10-08T15:10:18+0400",
        "2026-10-08T15:10:18+04",
        "2026-10-08T15:10:18+24:00",
        "2026-10-08T15:10:18+04:60",
        "2026-10-08T15:10:18Z ",
        " 2026-10-08T15:10:18Z",
        "2026-10-08T15:10:18ZZ",
        "2026-13-08T15:10:18Z",
        "2026-00-08T15:10:18Z",
        "2026-02-30T15:10:18Z",
        "2025-02-29T15:10:18Z",
        "2026-1-08T15:10:18Z",
        "26-10-08T15:10:18Z",
        "+2026-10-08T15:10:18Z",
        "2262-04-11T23:47:16.854775808Z",
        "1677-09-21T00:12:43.145224191Z",
        "9999-12-31T23:59:59Z",
    };
    int64_t ns = 77;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (when_parse(bad[i], &ns))
            fail_msg("taken: %s", bad[i]);
    assert_false(when_parse(NULL, &ns));
    assert_int_equal(ns, 77);
}

static void test_format(void **state)
{
    (void)state;
    char buf[WHEN_TEXT_MAX];
    assert_string_equal(when_format(0, buf), "1970-01-01T00:00:00Z");
    assert_string_equal(when_format(-1, buf), "1969-12-31T23:59:59.999999999Z");
    assert_string_equal(when_format(INT64_C(1791472218097000000), buf), "2026-10-08T15:10:18.097Z");
    assert_string_equal(when_format_ms(INT64_C(1791472218097999999), buf), "2026-10-08T15:10:18.097Z");
    assert_string_equal(when_format_ms(0, buf), "1970-01-01T00:00:00.000Z");
    assert_string_equal(when_format_ny(INT64_C(1791472218097000000), buf), "2026-10-08T11:10:18-04:00");
    assert_string_equal(when_format_ny(at("2026-01-08T15:10:18Z"), buf), "2026-01-08T10:10:18-05:00");
    assert_string_equal(when_format(INT64_MIN, buf), "1677-09-21T00:12:43.145224192Z");
    assert_string_equal(when_format(INT64_MAX, buf), "2262-04-11T23:47:16.854775807Z");
    int64_t back;
    assert_true(when_parse("2026-10-08T11:10:18-04:00", &back));
    assert_string_equal(when_format(back, buf), "2026-10-08T15:10:18Z");
}

static void test_day_text(void **state)
{
    (void)state;
    struct day d;
    char buf[WHEN_TEXT_MAX];
    assert_true(day_parse("2024-02-29", &d));
    assert_string_equal(day_format(d, buf), "2024-02-29");
    static const char *const bad[] = {"",           "2023-02-29", "1900-02-29",  "2026-04-31", "2026-4-01",
                                      "2026-04-1",  "2026-04-00", "2026-04-01 ", "20260401",   "2026/04/01",
                                      "1677-12-31", "2262-01-01", "0000-01-01",  "2026-04-0x"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (day_parse(bad[i], &d))
            fail_msg("taken: %s", bad[i]);
    assert_false(day_parse(NULL, &d));
    assert_string_equal(day_format(d, buf), "2024-02-29");
    assert_true(day_parse("2000-02-29", &d));
}

// Every day from 1678 to 2261 against libc's calendar.
static void test_day_arithmetic(void **state)
{
    (void)state;
    struct day d = {1678, 1, 1};
    struct day before = {1677, 12, 31};
    while (d.year < 2262) {
        time_t t = (time_t)(day_number(d) * 86400);
        struct tm tm;
        assert_non_null(gmtime_r(&t, &tm));
        assert_int_equal(tm.tm_year + 1900, d.year);
        assert_int_equal(tm.tm_mon + 1, d.month);
        assert_int_equal(tm.tm_mday, d.mday);
        assert_int_equal(tm.tm_wday, day_weekday(d));
        assert_int_equal(day_compare(before, d), -1);
        assert_int_equal(day_compare(d, before), 1);
        before = d;
        d = day_add(d, 1);
    }
    assert_int_equal(day_compare(d, d), 0);
    assert_int_equal(day_number((struct day){1970, 1, 1}), 0);
    struct day leap = day_add((struct day){2024, 3, 1}, -1);
    assert_int_equal(leap.mday, 29);
}

// Every quarter of an hour over four years: the way back from the wall clock finds the instant, but for the doubled
// hour.
static void test_wall_time_round_trip(void **state)
{
    (void)state;
    int doubled = 0;
    for (int64_t ns = at("2024-01-01T00:00:00Z"); ns < at("2028-01-01T00:00:00Z"); ns += 900 * NS_PER_S) {
        int64_t back = day_at(day_of(ns), seconds_of_day(ns));
        if (back == ns)
            continue;
        assert_true(back == ns - 3600 * NS_PER_S);
        doubled++;
    }
    assert_int_equal(doubled, 4 * 4);
}

static void test_zone_changes(void **state)
{
    (void)state;
    struct day spring = {2026, 3, 8}, autumn = {2026, 11, 1};
    assert_true(day_at(spring, 7199) == at("2026-03-08T06:59:59Z"));
    assert_true(day_at(spring, 2 * 3600 + 1800) == at("2026-03-08T07:30:00Z")); // skipped: read with the winter offset
    assert_true(day_at(spring, 3 * 3600) == at("2026-03-08T07:00:00Z"));
    assert_true(day_at(autumn, 3600 + 1800) == at("2026-11-01T05:30:00Z")); // doubled: the first
    assert_true(day_at(autumn, 2 * 3600) == at("2026-11-01T07:00:00Z"));
    assert_true(day_at(autumn, 0) == at("2026-11-01T04:00:00Z"));
    assert_true(day_at(spring, 15 * 3600 + 1800) == at("2026-03-08T19:30:00Z"));
    assert_true(day_at(autumn, 15 * 3600 + 1800) == at("2026-11-01T20:30:00Z"));
    assert_int_equal(seconds_of_day(at("2026-03-08T07:00:00Z")), 3 * 3600);
    assert_int_equal(seconds_of_day(at("2026-11-01T06:30:00Z")), 3600 + 1800);
}

static void test_day_of(void **state)
{
    (void)state;
    char buf[WHEN_TEXT_MAX];
    assert_string_equal(day_format(day_of(at("2026-10-09T03:59:59.999Z")), buf), "2026-10-08");
    assert_string_equal(day_format(day_of(at("2026-10-09T04:00:00Z")), buf), "2026-10-09");
    assert_string_equal(day_format(day_of(at("1969-12-31T23:59:59.999999999Z")), buf), "1969-12-31");
    assert_true(day_at((struct day){9999, 1, 1}, 0) ==
                INT64_MAX); // beyond the range: its edge, never a wrapped instant
    assert_true(day_at((struct day){1000, 1, 1}, 0) == INT64_MIN);
}

static void test_zone_missing(void **state)
{
    (void)state;
    struct err err = {{0}};
    // Another zone in between makes libc read the files again.
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
    assert_int_equal(setenv("TZDIR", "/nonexistent", 1), 0);
    assert_int_equal(when_zone_init(&err), -1);
    assert_non_null(strstr(err.text, "tzdata"));
    assert_int_equal(unsetenv("TZDIR"), 0);
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
    assert_int_equal(when_zone_init(&err), 0);
}

// A zone that knows nothing but these rules, since 1901: TZif, version 2.
static void write_zone(const char *path, const char *rules)
{
    static const char head[44] = {'T', 'Z', 'i', 'f', '2', [35] = 1, [39] = 1, [43] = 4}; // times, types, letters
    static const char since[8] = {'\xff', '\xff', '\xff', '\xff', '\x80'};
    static const char est[] = {0, '\xff', '\xff', '\xb9', '\xb0', 0, 0, 'E', 'S', 'T', 0}; // the time's type; types
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int width = 4; width <= 8; width += 4) { // of a time: as before version 2, and as since
        assert_int_equal(fwrite(head, sizeof head, 1, f), 1);
        assert_int_equal(fwrite(since + 8 - width, (size_t)width, 1, f), 1);
        assert_int_equal(fwrite(est, sizeof est, 1, f), 1);
    }
    fprintf(f, "\n%s\n", rules);
    assert_int_equal(fclose(f), 0);
}

static int init_with(const char *folder, const char *rules, struct err *err)
{
    char path[128];
    snprintf(path, sizeof path, "%s/America/New_York", folder);
    write_zone(path, rules);
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
    return when_zone_init(err);
}

static void test_zone_old(void **state)
{
    (void)state;
    struct err err = {{0}};
    char folder[] = "/tmp/pg-zone.XXXXXX", america[64], path[96];
    assert_non_null(mkdtemp(folder));
    snprintf(america, sizeof america, "%s/America", folder);
    snprintf(path, sizeof path, "%s/New_York", america);
    assert_int_equal(mkdir(america, 0700), 0);
    assert_int_equal(setenv("TZDIR", folder, 1), 0);
    int now = init_with(folder, "EST5EDT,M3.2.0,M11.1.0", &err);
    int before_2007 = init_with(folder, "EST5EDT,M4.1.0,M10.5.0", &err);
    unlink(path);
    rmdir(america);
    rmdir(folder);
    assert_int_equal(unsetenv("TZDIR"), 0);
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
    assert_int_equal(now, 0);
    assert_int_equal(before_2007, -1);
    assert_non_null(strstr(err.text, "or old ones: at 2025-03-09T07:00:00Z it is -5 h"));
    assert_int_equal(when_zone_init(&err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),          cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_format),         cmocka_unit_test(test_day_text),
        cmocka_unit_test(test_day_arithmetic), cmocka_unit_test(test_wall_time_round_trip),
        cmocka_unit_test(test_zone_changes),   cmocka_unit_test(test_day_of),
        cmocka_unit_test(test_zone_missing),   cmocka_unit_test(test_zone_old),
    };
    return cmocka_run_group_tests(tests, zone_setup, NULL);
}
