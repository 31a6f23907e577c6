// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Risk rows: one order against limits over the account as it would be if every open order filled. Pure; three-valued:
// anything not known denies with its own reason.
#ifndef PAPERGUARD_TRADE_RISK_H
#define PAPERGUARD_TRADE_RISK_H

#include "lib/trade/order.h"

#define RISK_ROWS(X)                                                                                                   \
    X(RISK_SYMBOL_LIST, "symbol_list", "symbol is denied or not in the allow list")                                    \
    X(RISK_TRADABLE, "tradable", "asset is not tradable, not fractionable, or unknown")                                \
    X(RISK_LONG_ONLY, "long_only", "a sell beyond what is held and not already being sold")                            \
    X(RISK_QUARANTINE, "quarantine", "an order that is not ours is open in the symbol")                                \
    X(RISK_PRICE_KNOWN, "price_known", "no price for the symbol")                                                      \
    X(RISK_PRICE_AGE, "price_age", "the price is older than max_price_age")                                            \
    X(RISK_PRICE_COLLAR, "price_collar", "limit price too far from the market")                                        \
    X(RISK_ACCOUNT_KNOWN, "account_known", "account figures unknown or too old")                                       \
    X(RISK_ORDER_NOTIONAL, "order_notional", "order value above its share of equity or its fixed cap")                 \
    X(RISK_POSITION_SHARE, "position_share", "position would exceed its share of equity")                              \
    X(RISK_GROSS_EXPOSURE, "gross_exposure", "gross exposure would exceed its share of equity")                        \
    X(RISK_BUYING_POWER, "buying_power", "open buys would exceed cash")                                                \
    X(RISK_ORDERS_PER_RUN, "orders_per_run", "too many orders in this run")                                            \
    X(RISK_ORDERS_PER_DAY, "orders_per_day", "too many orders in this session")                                        \
    X(RISK_NOTIONAL_PER_DAY, "notional_per_day", "traded value of the session too large")

#define RISK_ENUM(symbol, name, text) symbol,
enum risk_row { RISK_ROWS(RISK_ENUM) RISK_ROW_COUNT };
const char *risk_row_name(enum risk_row r);
const char *risk_row_text(enum risk_row r);

// Shares and caps are taken as they are: 0 allows nothing.
struct risk_limits {
    struct ratio max_order_share; // of equity
    struct money max_order_notional;
    struct ratio max_position_share; // of equity
    struct ratio max_gross_exposure; // of equity
    struct ratio price_collar;
    int64_t max_price_age_ns, max_account_age_ns;
    int64_t max_orders_per_run, max_orders_per_day;
    struct money max_notional_per_day;
    bool long_only;
    const char *const *allow; // NULL / 0: all but denied
    size_t allow_count;
    const char *const *deny;
    size_t deny_count;
};
// Gathered by exposure for one order; every figure includes committed intents and open orders, not this one.
struct risk_view {
    bool account_known;
    struct money equity, cash;
    int64_t account_age_ns;
    bool asset_known, tradable, fractionable;
    bool price_known;
    struct price price; // the fresher of trade and quote
    int64_t price_age_ns;
    struct qty held;                        // position, signed
    struct qty open_buy_qty, open_sell_qty; // of this symbol, unfilled
    int64_t quarantined;                    // open orders of this symbol that are not ours; below zero = unknown
    struct money gross;                     // |positions| + open buys over all symbols, at current prices
    bool gross_known;
    struct money open_buys;               // unfilled value of all open buys
    int64_t orders_in_run, orders_in_day; // below zero = unknown
    struct money notional_in_day;         // below zero = unknown
};
enum risk_answer { RISK_PASS, RISK_FAIL, RISK_UNKNOWN };
struct risk_verdict {
    enum risk_answer answer;
    enum risk_row row;  // first row that did not pass
    char detail[160];   // found and limit, with units
    struct money value; // judged value of the order, rounded up
    bool reduces;       // can only shrink the position: class REDUCE
};
// The order's value is judged at the higher of market and limit price. An order that can only shrink the position
// (`reduces`) needs no price and is not held up by quarantine, price_known, price_age, order_notional, position_share,
// gross_exposure, buying_power and notional_per_day; every other row holds for it too. Stale figures are UNKNOWN, not
// FAIL.
void risk_judge(const struct risk_limits *limits, const struct risk_view *view, const struct order_request *order,
                struct risk_verdict *out);
// One row alone, for tables and the self-test: fills *out as risk_judge would if there were no other row.
void risk_judge_row(enum risk_row row, const struct risk_limits *limits, const struct risk_view *view,
                    const struct order_request *order, struct risk_verdict *out);

#endif
