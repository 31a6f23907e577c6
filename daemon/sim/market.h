// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The simulated market: real daily bars re-dated so that the newest one belongs to today's session, an intraday path
// inside every bar, quotes around that path, and the exchange calendar. Pure: opens nothing, reads no clock, is passed
// `now` (nanoseconds UTC); market_load.c fills it from files. Prices are functions of (seed, start, now) alone.
//
// After the newest bar the path turns and walks the bars backwards (mirrored in time), and forwards again at the
// oldest, so that a price never jumps however long the simulator runs or however fast the path is set.
#ifndef PAPERGUARD_SIM_MARKET_H
#define PAPERGUARD_SIM_MARKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/decimal.h"
#include "lib/base/err.h"
#include "lib/base/when.h"
#include "lib/trade/order.h"

#define MARKET_SYMBOLS_MAX 16384

struct market;
struct market_symbol; // borrowed from its market

struct market_params {
    uint64_t seed;
    bool exchange_hours; // false: open around the clock, every date is a session
    int speed;           // >= 1: how many times faster the price path runs than the clock
    struct day begin;    // the bar that belongs to today's session; year 0: the newest
};
struct market_bar {
    struct day date; // as in the file
    struct price open, high, low, close;
    int64_t volume;
};
struct market_session {
    struct day date;
    int open_s, close_s; // New York seconds of day; 86400 = midnight at its end
    int64_t open_ns, close_ns;
};
struct market_quote {
    struct price bid, ask, last;
};

struct market *market_new(const struct market_params *params);
void market_free(struct market *m);
// Filling, before market_start. Bars come sorted by date per symbol. 0 or -1.
int market_add_bar(struct market *m, const char *symbol, const struct market_bar *bar, struct err *err) MUST_CHECK;
// new_rate shares come for old_rate: 4 for 1, or 1 for 10.
int market_add_split(struct market *m, const char *symbol, struct day ex_date, int64_t new_rate, int64_t old_rate,
                     struct err *err) MUST_CHECK;
int market_add_dividend(struct market *m, const char *symbol, struct day ex_date, struct price per_share,
                        struct err *err) MUST_CHECK;
int market_add_special_day(struct market *m, struct day date, bool closed, int close_s, struct err *err) MUST_CHECK;
// The whole market stood still on the day of that bar.
int market_add_halt(struct market *m, struct day date, int from_s, int to_s, struct err *err) MUST_CHECK;
// From files: DIR/prices/*.csv, DIR/corporate_actions.csv, DIR/calendar/nyse_special_days.csv and
// nyse_intraday_halts.csv (all but the prices may miss).
int market_load(struct market *m, const char *dir, struct err *err) MUST_CHECK;
// Fixes which session the bars belong to: that of `begin` to the first one whose date is not before that of `now`, the
// others around it. Splits of bars after it are still to come, see market_action_at.
int market_start(struct market *m, int64_t now, struct err *err) MUST_CHECK;

// Of all bars, splits and special days.
uint64_t market_fingerprint(const struct market *m);
int market_speed(const struct market *m);
struct day market_begin(const struct market *m); // as in the parameters

size_t market_symbol_count(const struct market *m);
const struct market_symbol *market_symbol_at(const struct market *m, size_t i);      // sorted by name
const struct market_symbol *market_find(const struct market *m, const char *symbol); // by symbol or asset id; NULL
const char *market_symbol_name(const struct market_symbol *s);
const char *market_symbol_asset_id(const struct market_symbol *s);
size_t market_symbol_index(const struct market_symbol *s); // its place in market_symbol_at; fixed by market_start

// Calendar.
bool market_exchange_hours(const struct market *m);
bool market_day_session(const struct market *m, struct day date, struct market_session *out); // false: no session
void market_session_at(struct market *m, int64_t now, struct market_session *out); // in progress, or else the next one
void market_session_after(const struct market *m, const struct market_session *s, struct market_session *out);
bool market_is_open(struct market *m, int64_t now);
// A halt of the whole market, on its re-dated day; around the clock there is none.
bool market_halted(const struct market *m, int64_t now);

// A regular session begins at 09:30 at the latest; before and after it lies the extended one. always: core only.
#define MARKET_PHASES(X) X(MARKET_CLOSED, "closed") X(MARKET_PRE, "pre") X(MARKET_CORE, "core") X(MARKET_POST, "post")
#define MARKET_PHASE_ENUM(symbol, word) symbol,
enum market_phase { MARKET_PHASES(MARKET_PHASE_ENUM) };
const char *market_phase_name(enum market_phase phase);
enum market_phase market_phase_at(struct market *m, int64_t now, int64_t *until); // until: when it ends; may be NULL
// The extended session around a regular one, in seconds of its day: 04:00 to 20:00, 17:00 after an early close.
void market_extended(const struct market *m, const struct market_session *s, int *open_s, int *close_s);

// Prices. A fixed price (tests) stands from `at` on until it is released with last = 0; without an instant always.
// Prices of the past are as they were then.
void market_quote(struct market *m, const struct market_symbol *s, int64_t now, struct market_quote *out);
void market_fix_price(struct market *m, const struct market_symbol *s, struct market_quote fixed);
void market_fix_price_at(struct market *m, const struct market_symbol *s, struct market_quote fixed, int64_t at);
// Close of the newest session that ended at or before now.
struct price market_last_close(struct market *m, const struct market_symbol *s, int64_t now);

// History: sessions before the date of now, newest last. Number of bars that exist, and bar i (0 = oldest) with its
// re-dated date, adjusted for what came between it and now. (true is MARKET_ADJUST_SPLIT.)
#define MARKET_ADJUST_SPLIT 1u
#define MARKET_ADJUST_DIVIDEND 2u
size_t market_history_count(struct market *m, const struct market_symbol *s, int64_t now);
struct market_bar market_history_at(const struct market *m, const struct market_symbol *s, size_t i, unsigned adjust,
                                    int64_t now);
bool market_has_path(const struct market *m, const struct market_symbol *s, struct day date); // bars reach back so far

// Splits and dividends, on their re-dated ex-dates; they take effect at that date's midnight in New York.
struct market_action {
    const struct market_symbol *symbol;
    int64_t at;
    struct day ex_date;
    int64_t new_rate, old_rate; // so many new shares for so many old ones; both 1 for a dividend
    struct price per_share;     // dollars; 0 for a split
};
size_t market_action_count(const struct market *m);
struct market_action market_action_at(const struct market *m, size_t i); // by ex-date

#endif
