// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Shared by the risk rows only: rows about the account (risk.c) and about the order and its prices (risk_order.c).
#ifndef PAPERGUARD_TRADE_RISK_INTERNAL_H
#define PAPERGUARD_TRADE_RISK_INTERNAL_H

#include "lib/trade/risk.h"

struct case_file { // one order with everything the rows look at
    const struct risk_limits *limits;
    const struct risk_view *view;
    const struct order_request *order;
    const struct risk_symbol *rule; // of the symbol, NULL: none
    int64_t max_price_age_ns;       // of the symbol
    bool priced;                    // a usable market price
    bool value_known;               // value fits and has a price behind it
    bool shares_known;              // shares, of a notional order by price
    bool reduces;
    struct price unit;  // the higher of market and limit price
    struct money value; // rounded up
    struct qty shares;  // rounded up
    struct risk_verdict *out;
};

typedef enum risk_answer risk_row_fn(struct case_file *c);

PRINTF_LIKE(3, 4)
enum risk_answer risk_say(struct case_file *c, enum risk_answer answer, const char *format, ...);
#define FAILS(c, ...) risk_say(c, RISK_FAIL, __VA_ARGS__)
#define UNKNOWN(c, ...) risk_say(c, RISK_UNKNOWN, __VA_ARGS__)

// A stamp slightly ahead of our clock is fresh, one further ahead than the bound is as bad as an old one.
bool risk_fresh(int64_t age, int64_t most);
// The position in shares if every open order on this side and this order filled.
bool risk_worst_position(const struct case_file *c, struct qty *out);

#define RISK_ROW(symbol, name, holds_for_reduce, text, ...) risk_row_fn row_##name;
#include "lib/trade/risk_rows.def"
#undef RISK_ROW

#endif
