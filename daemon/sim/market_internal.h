// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the files of the simulated market share. Nobody else includes it.
#ifndef PAPERGUARD_SIM_MARKET_INTERNAL_H
#define PAPERGUARD_SIM_MARKET_INTERNAL_H

#include "daemon/sim/draw.h"
#include "daemon/sim/market.h"

#define MARKET_RAW INT64_MIN

struct market_action_row {
    struct day ex_date;
    int64_t new_rate, old_rate; // so many new shares for so many old ones; both 1 for a dividend
    struct price per_share;     // 0 for a split
    int64_t ex_day; // day_number of the re-dated ex-date, INT64_MAX when no bar belongs to it; by market_start
    int64_t kept;   // 1e9 less what the dividend takes of a price before it
};
struct market_fix { // a fixed quote; last = 0 gives the path back
    int64_t at;
    struct market_quote quote;
};
struct market_symbol {
    char name[SYMBOL_MAX], asset_id[DRAW_UUID_MAX];
    uint64_t key; // draws of this symbol
    size_t index; // in market.symbols
    struct market_bar *bars;
    size_t count, cap;
    struct market_action_row *actions;
    size_t action_count;
    struct market_fix *fixes; // ascending
    size_t fix_count, fix_cap;
};
struct market_halt {
    struct day date; // as in the file
    int from_s, to_s;
    int64_t from_ns, to_ns; // re-dated; 0 when no bar belongs to it
};
struct special_day {
    int32_t number; // day_number
    bool closed;
    int close_s;
};
struct market {
    struct market_params params;
    struct market_symbol *symbols[MARKET_SYMBOLS_MAX];
    size_t symbol_count;
    struct special_day *specials; // sorted by number once started
    size_t special_count, special_cap;
    int32_t *sessions; // exchange hours: day numbers of all sessions, sorted
    size_t session_count;
    int64_t anchor;    // session index of the newest bar
    int64_t start_pos; // session position (1e9 per session) at market_start
    bool started;
    struct market_action *actions; // of all symbols, by ex-date
    size_t action_count;
    struct market_halt *halts;
    size_t halt_count;
    struct market_session cached; // of the last market_session_at
    int64_t cached_from;          // the cache holds in [cached_from, cached.close_ns)
};

struct day market_day_of_number(int64_t number);
// Sessions have consecutive indexes; of a date without session: that of the next one.
int64_t market_session_index(const struct market *m, struct day date);
struct day market_session_date(const struct market *m, int64_t index);
int market_build_calendar(struct market *m, struct err *err) MUST_CHECK;
// Bar of session offset k from the oldest bar on (k may lie beyond the newest), in shares as they are on the day
// `asof` (a day_number) or MARKET_RAW, as they were then; *mirrored says that it runs backwards in time.
struct market_bar market_bar_at(const struct market_symbol *s, int64_t k, int64_t asof, bool *mirrored);
// Bars of s after the first one that is not before the date; -1 when there is none.
int64_t market_bars_after(const struct market_symbol *s, struct day date);

// market_actions.c
void market_date_actions(struct market *m);
void market_bar_split(const struct market_symbol *s, struct market_bar *bar, int64_t asof);
void market_bar_without_dividends(const struct market_symbol *s, struct market_bar *bar, int64_t asof);

#endif
