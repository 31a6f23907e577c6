// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Rules first, then what stands against them in the list of special days: that list is short and only grows.
#include "lib/trade/exchange_days.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/text.h"

#define HM(h, m) ((h)*3600 + (m)*60)
#define OPEN_S HM(9, 30)
#define CLOSE_S HM(16, 0)

enum weekday { SUNDAY, MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY };

struct special {
    struct day date;
    int open_s, close_s; // both 0: closed the whole day
    const char *why;
};
static const struct special specials[] = {
    {{1990, 12, 27}, HM(11, 0), CLOSE_S, "transformer explosion"},
    {{1991, 1, 17}, HM(9, 31), CLOSE_S, "minute of silence"},
    {{1991, 2, 25}, HM(9, 31), CLOSE_S, "minute of silence"},
    {{1994, 2, 11}, OPEN_S, HM(14, 30), "snowstorm"},
    {{1994, 4, 27}, 0, 0, "National Day of Mourning: former President Nixon"},
    {{1995, 12, 18}, HM(10, 30), CLOSE_S, "computer systems trouble"},
    {{1996, 1, 8}, HM(11, 0), HM(14, 0), "snowstorm"},
    {{1997, 10, 27}, OPEN_S, HM(15, 30), "market-wide circuit breaker"},
    {{1997, 12, 26}, OPEN_S, HM(13, 0), "Friday after Christmas Day"},
    {{1999, 12, 31}, OPEN_S, HM(13, 0), "New Year's Eve"},
    {{2001, 9, 11}, 0, 0, "September 11 attacks"},
    {{2001, 9, 12}, 0, 0, "September 11 attacks"},
    {{2001, 9, 13}, 0, 0, "September 11 attacks"},
    {{2001, 9, 14}, 0, 0, "September 11 attacks"},
    {{2001, 9, 17}, HM(9, 33), CLOSE_S, "two minutes of silence"},
    {{2001, 10, 8}, HM(9, 31), CLOSE_S, "minute of silence"},
    {{2002, 9, 11}, HM(12, 0), CLOSE_S, "first anniversary of September 11"},
    {{2003, 3, 20}, HM(9, 32), CLOSE_S, "two minutes of silence"},
    {{2003, 12, 26}, OPEN_S, HM(13, 0), "Friday after Christmas Day"},
    {{2004, 6, 7}, HM(9, 32), CLOSE_S, "two minutes of silence"},
    {{2004, 6, 11}, 0, 0, "National Day of Mourning: former President Reagan"},
    {{2005, 6, 1}, OPEN_S, HM(15, 56), "systems trouble"},
    {{2006, 12, 27}, HM(9, 32), CLOSE_S, "two minutes of silence"},
    {{2007, 1, 2}, 0, 0, "National Day of Mourning: former President Ford"},
    {{2012, 10, 29}, 0, 0, "Hurricane Sandy"},
    {{2012, 10, 30}, 0, 0, "Hurricane Sandy"},
    {{2018, 12, 5}, 0, 0, "National Day of Mourning: former President G.H.W. Bush"},
    {{2025, 1, 9}, 0, 0, "National Day of Mourning: former President Carter"},
};

static bool is(struct day d, int month, int mday)
{
    return d.month == month && d.mday == mday;
}

// A holiday on Saturday is kept on Friday, one on Sunday on Monday.
static bool observed(struct day d, int month, int mday)
{
    const int weekday = day_weekday(d);
    const struct day before = day_add(d, -1), after = day_add(d, 1);

    return (is(d, month, mday) && weekday != SATURDAY && weekday != SUNDAY) ||
           (weekday == MONDAY && is(before, month, mday)) || (weekday == FRIDAY && is(after, month, mday));
}

static bool nth(struct day d, int month, int weekday, int n)
{
    return d.month == month && day_weekday(d) == weekday && (d.mday - 1) / 7 == n - 1;
}

// Gregorian Easter Sunday, the "anonymous" algorithm as Meeus prints it (Astronomical Algorithms, chapter 8).
static struct day easter(int year)
{
    const int a = year % 19, b = year / 100, c = year % 100, d = b / 4, e = b % 4, f = (b + 8) / 25,
              g = (b - f + 1) / 3, h = (19 * a + b - d - g + 15) % 30, i = c / 4, k = c % 4,
              l = (32 + 2 * e + 2 * i - h - k) % 7, m = (a + 11 * h + 22 * l) / 451, sum = h + l - 7 * m + 114;

    return (struct day){(int16_t)year, (int8_t)(sum / 31), (int8_t)(sum % 31 + 1)};
}

static const char *holiday(struct day d)
{
    // New Year's Day on a Saturday is not kept: Friday ends the year's books.
    if (observed(d, 1, 1) && !is(d, 12, 31))
        return "New Year's Day";
    if (d.year >= 1998 && nth(d, 1, MONDAY, 3))
        return "Martin Luther King Jr. Day";
    if (nth(d, 2, MONDAY, 3))
        return "Washington's Birthday";
    if (day_compare(day_add(easter(d.year), -2), d) == 0)
        return "Good Friday";
    if (d.month == 5 && day_weekday(d) == MONDAY && d.mday > 24)
        return "Memorial Day";
    if (d.year >= 2022 && observed(d, 6, 19))
        return "Juneteenth";
    if (observed(d, 7, 4))
        return "Independence Day";
    if (nth(d, 9, MONDAY, 1))
        return "Labor Day";
    if (nth(d, 11, THURSDAY, 4))
        return "Thanksgiving Day";
    if (observed(d, 12, 25))
        return "Christmas Day";
    return NULL;
}

// Wednesday the 3rd has closed early only since 2013; before, the Friday after Thursday the 4th did.
static bool beside_independence_day(struct day d)
{
    const int weekday = day_weekday(d);

    if (d.year < 1995)
        return false;
    if (is(d, 7, 3))
        return weekday != WEDNESDAY || d.year >= 2013;
    return is(d, 7, 5) && weekday == FRIDAY && d.year < 2013;
}

static const char *early(struct day d, int *close_s)
{
    *close_s = d.year < 1993 ? HM(14, 0) : HM(13, 0);
    if (d.year >= 1992 && nth(day_add(d, -1), 11, THURSDAY, 4))
        return "day after Thanksgiving";
    if (is(d, 12, 24))
        return "Christmas Eve";
    if (beside_independence_day(d))
        return "beside Independence Day";
    return NULL;
}

static const struct special *special_of(struct day d)
{
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
        if (day_compare(specials[i].date, d) == 0)
            return &specials[i];
    return NULL;
}

enum exchange_day exchange_day_of(struct day date, struct session_day *out, const char **why)
{
    const int weekday = day_weekday(date);
    const char *scrap = "", **said = why ? why : &scrap;

    *said = "";
    if (date.year < EXCHANGE_DAYS_FIRST_YEAR || date.year > EXCHANGE_DAYS_LAST_YEAR)
        return EXCHANGE_UNKNOWN;
    if (weekday == SATURDAY || weekday == SUNDAY) {
        *said = "weekend";
        return EXCHANGE_CLOSED;
    }
    struct session_day day = {.date = date, .open_s = OPEN_S, .close_s = CLOSE_S};
    const struct special *special = special_of(date);
    if (special) {
        day.open_s = special->open_s;
        day.close_s = special->close_s;
        *said = special->why;
    } else if ((*said = holiday(date))) {
        return EXCHANGE_CLOSED;
    } else if (!(*said = early(date, &day.close_s))) {
        day.close_s = CLOSE_S;
        *said = "";
    }
    if (day.close_s == 0)
        return EXCHANGE_CLOSED;
    *out = day;
    return EXCHANGE_OPEN;
}

static int disagree(struct err *err, struct day date, const struct session_day *theirs, const struct session_day *ours,
                    const char *why)
{
    char day[WHEN_TEXT_MAX];
    const char *about = why[0] ? why : "an ordinary day";

    day_format(date, day);
    if (!theirs)
        return err_set(err, "%s: the broker lists no session, the exchange's rules have one until %02d:%02d (%s)", day,
                       ours->close_s / 3600, ours->close_s / 60 % 60, about);
    if (!ours)
        return err_set(err, "%s: the broker lists a session until %02d:%02d, the exchange's rules none (%s)", day,
                       theirs->close_s / 3600, theirs->close_s / 60 % 60, about);
    return err_set(err, "%s: the broker lists %02d:%02d to %02d:%02d, the exchange's rules %02d:%02d to %02d:%02d (%s)",
                   day, theirs->open_s / 3600, theirs->open_s / 60 % 60, theirs->close_s / 3600,
                   theirs->close_s / 60 % 60, ours->open_s / 3600, ours->open_s / 60 % 60, ours->close_s / 3600,
                   ours->close_s / 60 % 60, about);
}

static bool read_time(const char *text, int *seconds)
{
    static const char digits[] = "0123456789";

    if (strspn(text, digits) != 2 || text[2] != ':' || strspn(text + 3, digits) != 2)
        return false;
    const int hour = (text[0] - '0') * 10 + text[1] - '0', minute = (text[3] - '0') * 10 + text[4] - '0';
    *seconds = HM(hour, minute);
    return hour < 24 && minute < 60;
}

static bool read_hours(const char *text, struct session_day *day)
{
    if (strcmp(text, "closed") == 0)
        return true;
    return strlen(text) == 11 && text[5] == '-' && read_time(text, &day->open_s) &&
           read_time(text + 6, &day->close_s) && day->open_s < day->close_s;
}

int exchange_day_read(const char *text, struct session_day *out, struct err *err)
{
    struct session_day day = {.close_s = 0};
    const char *equals = strchr(text, '=');
    char date[11];

    str_copy_cut(date, sizeof date, text);
    if (!equals || equals - text != 10 || !day_parse(date, &day.date) || !read_hours(equals + 1, &day))
        return err_set(err, "found \"%.40s\", expected a day such as 2027-01-05=closed or 2027-01-05=09:30-13:00",
                       text);
    *out = day;
    return 0;
}

static enum exchange_day decided_or_rule(const struct calendar *decided, struct day date, struct session_day *out,
                                         const char **why)
{
    for (size_t i = 0; i < decided->count; i++) {
        if (day_compare(decided->days[i].date, date) != 0)
            continue;
        *out = decided->days[i];
        *why = "listed in special_days";
        return out->close_s ? EXCHANGE_OPEN : EXCHANGE_CLOSED;
    }
    return exchange_day_of(date, out, why);
}

int exchange_days_agree(const struct calendar *broker, const struct calendar *decided, struct day from, struct day to,
                        struct err *err)
{
    for (struct day d = from; day_compare(d, to) <= 0; d = day_add(d, 1)) {
        struct session_day rule;
        const char *why;
        const enum exchange_day is_open = decided_or_rule(decided, d, &rule, &why);
        const struct session_day *theirs = session_find(broker, d), *ours = is_open == EXCHANGE_OPEN ? &rule : NULL;

        if (is_open == EXCHANGE_UNKNOWN || (!theirs && !ours))
            continue;
        if (!theirs || !ours || theirs->open_s != ours->open_s || theirs->close_s != ours->close_s)
            return disagree(err, d, theirs, ours, why);
    }
    return 0;
}
