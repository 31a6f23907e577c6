// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Instants are int64 nanoseconds since 1970 UTC. Days are New York dates. Pure functions of their arguments and of the
// process's zone, which main sets once to America/New_York (when_zone_init); no clock is read here.
#ifndef PAPERGUARD_BASE_WHEN_H
#define PAPERGUARD_BASE_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

#define WHEN_TEXT_MAX 40
#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

struct day {
    int16_t year;
    int8_t month, mday; // 1-based
};

// Sets TZ for this process and proves that the zone data is there (winter -5 h, summer -4 h). 0 or -1.
int when_zone_init(struct err *err) MUST_CHECK;

// RFC 3339, any offset, up to nine fractional digits (more are cut). false when malformed.
bool when_parse(const char *text, int64_t *ns) MUST_CHECK;
// "2026-10-08T15:10:18.097Z": UTC, fraction trimmed of trailing zeros, none when whole. Returns buf.
const char *when_format(int64_t ns, char buf[WHEN_TEXT_MAX]);
const char *when_format_ms(int64_t ns, char buf[WHEN_TEXT_MAX]); // always three decimals
const char *when_format_ny(int64_t ns, char buf[WHEN_TEXT_MAX]); // "2026-10-08T11:10:18-04:00"

bool day_parse(const char *text, struct day *out) MUST_CHECK; // YYYY-MM-DD, a real date, 1678 to 2261
const char *day_format(struct day d, char buf[WHEN_TEXT_MAX]);
int day_compare(struct day a, struct day b);
struct day day_add(struct day d, int days);
int day_weekday(struct day d);                    // 0 = Sunday
int64_t day_number(struct day d);                 // days since 1970-01-01
struct day day_of(int64_t ns);                    // New York date of an instant
int64_t day_at(struct day d, int seconds_of_day); // instant of a New York wall time; a time that the
                                                  // spring change skips maps to the same instant offset
                                                  // before the gap, a doubled one to the first
int seconds_of_day(int64_t ns);                   // New York wall time, 0..86399

#endif
