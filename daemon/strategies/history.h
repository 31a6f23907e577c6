// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What strategies that look back share: their parameters, the symbols they choose from, and daily closes. Bars come
// adjusted for splits, not for dividends: a return is a price return.
#ifndef PAPERGUARD_DAEMON_STRATEGIES_HISTORY_H
#define PAPERGUARD_DAEMON_STRATEGIES_HISTORY_H

#include "daemon/strategies/strategy.h"
#include "lib/base/when.h"

#define HISTORY_SYMBOLS_MAX 200

struct history_close {
    struct day day;
    struct price close; // above zero
};
struct history {
    const char *symbol; // borrowed from the input
    struct history_close *closes;
    size_t count;
};
struct histories {
    struct day session;
    struct history *items; // by symbol
    size_t count;
};

// A whole number; a missing one is `fallback`, unless that is below low: then it is required.
int history_param_int(const struct strategy_input *in, const char *name, int64_t low, int64_t high, int64_t fallback,
                      int64_t *out, struct err *err) MUST_CHECK;
// "gross": the share of the capital that is invested, above 0 and at most 1; missing is 1.
int history_param_gross(const struct strategy_input *in, struct ratio *out, struct err *err) MUST_CHECK;
// The closes of params.symbols, or else of all symbols that have a price. Refuses bars that are out of order or not
// before the session, a symbol without any, and newest bars of different days. Owned by the caller when 0.
int history_read(const struct strategy_input *in, struct histories *out, struct err *err) MUST_CHECK;
void history_free(struct histories *h);

#endif
