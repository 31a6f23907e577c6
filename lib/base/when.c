// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Instants and New York days. Day arithmetic is pure (Howard Hinnant's civil calendar); the zone's offsets come from
// libc. mktime is not used: what it answers for a doubled hour depends on what it was asked before.
#include "lib/base/when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ZONE "America/New_York"
#define DAY_S INT64_C(86400)

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

// The nanoseconds above the whole second; a subtraction could overflow at the lower edge.
static int fraction_of(int64_t ns)
{
    int64_t rest = ns % NS_PER_S;
    return (int)(rest < 0 ? rest + NS_PER_S : rest);
}

static struct tm local_time(int64_t s)
{
    struct tm tm;
    time_t t = (time_t)s;
    CHECK(localtime_r(&t, &tm) != NULL);
    return tm;
}

static int64_t zone_offset(int64_t s)
{
    return local_time(s).tm_gmtoff;
}

int when_zone_init(struct err *err)
{
    if (setenv("TZ", ZONE, 1) != 0)
        return err_set(err, "cannot set TZ to " ZONE);
    tzset();
    // libc takes UTC without a word when it finds no zone data; and old data have the change on another day.
    static const struct {
        const char *at;
        int hours;
    } probes[] = {{"2025-01-15T12:00:00Z", -5}, {"2025-07-15T12:00:00Z", -4}, {"2025-03-09T06:59:59Z", -5},
                  {"2025-03-09T07:00:00Z", -4}, {"2025-11-02T05:59:59Z", -4}, {"2025-11-02T06:00:00Z", -5}};
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        int64_t ns = 0;
        CHECK(when_parse(probes[i].at, &ns));
        const int64_t found = zone_offset(ns / NS_PER_S);
        if (found != probes[i].hours * 3600)
            return err_set(err,
                           "no zone data for " ZONE ", or old ones: at %s it is %+lld h from UTC, expected %+d h; "
                           "install the package tzdata",
                           probes[i].at, (long long)(found / 3600), probes[i].hours);
    }
    return 0;
}

int64_t day_number(struct day d)
{
    int64_t y = d.month <= 2 ? d.year - 1 : d.year;
    int64_t era = floor_div(y, 400), yoe = y - era * 400;
    int64_t doy = (153 * (d.month + (d.month > 2 ? -3 : 9)) + 2) / 5 + d.mday - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static struct day day_from_number(int64_t n)
{
    int64_t z = n + 719468, era = floor_div(z, 146097), doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2 ? 1 : 0);
    CHECK(year >= INT16_MIN && year <= INT16_MAX);
    return (struct day){.year = (int16_t)year, .month = (int8_t)month, .mday = (int8_t)(doy - (153 * mp + 2) / 5 + 1)};
}

// Exactly `count` digits.
static bool read_digits(const char **p, int count, int *out)
{
    int n = 0;
    for (int i = 0; i < count; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return false;
        n = n * 10 + (**p - '0');
    }
    *out = n;
    return true;
}

static bool read_char(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

static bool read_day(const char **p, struct day *out)
{
    int year, month, mday;
    if (!read_digits(p, 4, &year) || !read_char(p, '-') || !read_digits(p, 2, &month) || !read_char(p, '-') ||
        !read_digits(p, 2, &mday) || month < 1 || month > 12 || mday < 1 || mday > 31)
        return false;
    struct day d = {.year = (int16_t)year, .month = (int8_t)month, .mday = (int8_t)mday};
    // Not a real date (February 30) when it does not come back the same.
    if (day_compare(day_from_number(day_number(d)), d) != 0)
        return false;
    *out = d;
    return true;
}

static bool read_time(const char **p, int *seconds, int *ns)
{
    int h, m, s;
    if (!read_digits(p, 2, &h) || !read_char(p, ':') || !read_digits(p, 2, &m) || !read_char(p, ':') ||
        !read_digits(p, 2, &s) || h > 23 || m > 59 || s > 59)
        return false;
    *seconds = h * 3600 + m * 60 + s;
    *ns = 0;
    if (**p != '.')
        return true;
    (*p)++;
    if (**p < '0' || **p > '9')
        return false;
    int unit = 100000000;
    for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
        *ns += (**p - '0') * unit;
    return true;
}

static bool read_offset(const char **p, int *seconds)
{
    char sign = **p;
    if (sign == '\0')
        return false;
    (*p)++;
    if (sign == 'Z' || sign == 'z') {
        *seconds = 0;
        return true;
    }
    int h, m;
    if ((sign != '+' && sign != '-') || !read_digits(p, 2, &h) || !read_char(p, ':') || !read_digits(p, 2, &m) ||
        h > 23 || m > 59)
        return false;
    *seconds = (h * 3600 + m * 60) * (sign == '-' ? -1 : 1);
    return true;
}

bool when_parse(const char *text, int64_t *ns)
{
    struct day d;
    int seconds, fraction, offset;
    if (text == NULL)
        return false;
    const char *p = text;
    if (!read_day(&p, &d) || (*p != 'T' && *p != 't'))
        return false;
    p++;
    if (!read_time(&p, &seconds, &fraction) || !read_offset(&p, &offset) || *p != '\0')
        return false;
    int64_t total = day_number(d) * DAY_S + seconds - offset;
    // At the lower edge the product alone may overflow although the sum would fit.
    __int128 wide = (__int128)total * NS_PER_S + fraction;
    if (wide > INT64_MAX || wide < INT64_MIN)
        return false;
    *ns = (int64_t)wide;
    return true;
}

// "2026-10-08T15:10:18" of a count of seconds; returns the length.
static size_t format_seconds(int64_t s, char buf[WHEN_TEXT_MAX])
{
    int64_t number = floor_div(s, DAY_S);
    struct day d = day_from_number(number);
    int rest = (int)(s - number * DAY_S);
    return (size_t)snprintf(buf, WHEN_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", d.year, d.month, d.mday, rest / 3600,
                            rest / 60 % 60, rest % 60);
}

const char *when_format(int64_t ns, char buf[WHEN_TEXT_MAX])
{
    int64_t s = floor_div(ns, NS_PER_S);
    size_t n = format_seconds(s, buf);
    int fraction = fraction_of(ns);
    if (fraction != 0) {
        n += (size_t)snprintf(buf + n, WHEN_TEXT_MAX - n, ".%09d", fraction);
        while (buf[n - 1] == '0')
            n--;
    }
    (void)snprintf(buf + n, WHEN_TEXT_MAX - n, "Z");
    return buf;
}

const char *when_format_ms(int64_t ns, char buf[WHEN_TEXT_MAX])
{
    int64_t s = floor_div(ns, NS_PER_S);
    size_t n = format_seconds(s, buf);
    (void)snprintf(buf + n, WHEN_TEXT_MAX - n, ".%03dZ", fraction_of(ns) / (int)NS_PER_MS);
    return buf;
}

const char *when_format_ny(int64_t ns, char buf[WHEN_TEXT_MAX])
{
    int64_t s = floor_div(ns, NS_PER_S), offset = zone_offset(s);
    size_t n = format_seconds(s + offset, buf);
    int minutes = (int)(offset < 0 ? -offset : offset) / 60;
    (void)snprintf(buf + n, WHEN_TEXT_MAX - n, "%c%02d:%02d", offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
    return buf;
}

bool day_parse(const char *text, struct day *out)
{
    struct day d;
    // The bounds keep every instant of the day within int64 nanoseconds.
    if (text == NULL || !read_day(&text, &d) || *text != '\0' || d.year < 1678 || d.year > 2261)
        return false;
    *out = d;
    return true;
}

const char *day_format(struct day d, char buf[WHEN_TEXT_MAX])
{
    (void)snprintf(buf, WHEN_TEXT_MAX, "%04d-%02d-%02d", d.year, d.month, d.mday);
    return buf;
}

int day_compare(struct day a, struct day b)
{
    int left = (a.year * 100 + a.month) * 100 + a.mday, right = (b.year * 100 + b.month) * 100 + b.mday;
    return left < right ? -1 : left > right;
}

struct day day_add(struct day d, int days)
{
    return day_from_number(day_number(d) + days);
}

int day_weekday(struct day d)
{
    int64_t n = day_number(d) + 4; // 1970-01-01 was a Thursday
    return (int)(n - floor_div(n, 7) * 7);
}

struct day day_of(int64_t ns)
{
    struct tm tm = local_time(floor_div(ns, NS_PER_S));
    return (struct day){
        .year = (int16_t)(tm.tm_year + 1900), .month = (int8_t)(tm.tm_mon + 1), .mday = (int8_t)tm.tm_mday};
}

int64_t day_at(struct day d, int seconds_of_day)
{
    int64_t wall = day_number(d) * DAY_S + seconds_of_day;
    // The zone changes at most once between these two, so one of their offsets is the right one.
    int64_t before = zone_offset(wall - DAY_S), after = zone_offset(wall + DAY_S);
    int64_t s = wall - before;
    if (zone_offset(s) != before && zone_offset(wall - after) == after)
        s = wall - after;
    int64_t ns;
    if (__builtin_mul_overflow(s, NS_PER_S, &ns))
        return s < 0 ? INT64_MIN : INT64_MAX;
    return ns;
}

int seconds_of_day(int64_t ns)
{
    struct tm tm = local_time(floor_div(ns, NS_PER_S));
    return tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
}
