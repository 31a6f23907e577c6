// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The circuit breaker's rows: when the account, its data or its broker are such that trading stops by itself. Pure.
// What is not known trips nothing: orders are denied for it by the risk rows and the guard.
#ifndef PAPERGUARD_TRADE_BREAKER_H
#define PAPERGUARD_TRADE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/decimal.h"
#include "lib/base/text.h"
#include "lib/base/when.h"

enum breaker_row {
#define BREAKER_ROW(symbol, name, text, ...) symbol,
#include "lib/trade/breaker_rows.def"
#undef BREAKER_ROW
    BREAKER_ROW_COUNT
};
const char *breaker_row_name(enum breaker_row r);
const char *breaker_row_text(enum breaker_row r);

struct breaker_limits {
    struct ratio max_daily_loss, max_drawdown;
    int64_t stale_orders;         // in a row
    struct ratio broker_errors;   // share of calls
    int64_t broker_calls;         // fewer tell nothing
    int64_t broker_errors_for_ns; // it has to last
    int64_t alike_executions, alike_window_ns;
};
struct breaker_view {
    bool account_known; // and its marks
    struct money equity, day_start, high_water;
    int64_t stale_orders;
    int64_t calls, failed, failing_ns; // failing_ns: for how long the share has been above
    int64_t alike;                     // the most of one kind within alike_window
};
struct breaker_verdict {
    bool trips;
    enum breaker_row row; // the first that does
    char detail[160];
};
void breaker_judge(const struct breaker_limits *limits, const struct breaker_view *view, struct breaker_verdict *out);
// Is the share of failed calls above its limit now, however long?
bool breaker_failing(const struct breaker_limits *limits, const struct breaker_view *view);
// A quiet account that trips nothing (BREAKER_ROW_COUNT), or that trips this row and none before it.
void breaker_example(enum breaker_row row, struct breaker_limits *limits, struct breaker_view *view);

#endif
