// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The exchange's calendar by its own rules: NYSE holidays and early closes, and the days that no rule tells. It is not
// what runs are scheduled by (that is the broker's calendar); it is what the broker's calendar is held to.
// Rules: NYSE Rule 7.2 and the exchange's published calendars, 1990 on. Days without a rule: the exchange's notices.
#ifndef PAPERGUARD_TRADE_EXCHANGE_DAYS_H
#define PAPERGUARD_TRADE_EXCHANGE_DAYS_H

#include "lib/trade/session.h"

#define EXCHANGE_DAYS_FIRST_YEAR 1990
#define EXCHANGE_DAYS_LAST_YEAR 2099

// UNKNOWN: outside the years above.
enum exchange_day { EXCHANGE_UNKNOWN, EXCHANGE_CLOSED, EXCHANGE_OPEN };

// OPEN fills *out with the date and its hours. *why (static, may be NULL) names what is special about the day; "" when
// nothing is, "weekend" on Saturdays and Sundays.
enum exchange_day exchange_day_of(struct day date, struct session_day *out, const char **why);

// A day that the exchange decided later than these rules were written, as an operator lists it:
// "2027-01-05=closed" or "2027-01-05=09:30-13:00". Closed: close_s is 0. -1: says what was found and expected.
int exchange_day_read(const char *text, struct session_day *out, struct err *err) MUST_CHECK;

// Do the sessions that the broker lists from..to (both included) agree with the rules? 0, or -1 with the first day on
// which they do not, what the broker says of it and what the rules say. Days outside the years above are passed over.
// decided: days as exchange_day_read makes them, in any order; they come before the rules.
int exchange_days_agree(const struct calendar *broker, const struct calendar *decided, struct day from, struct day to,
                        struct err *err) MUST_CHECK;

#endif
