// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Risk rows: one order against limits over the account as it would be if every open order filled. Pure; three-valued:
// anything not known denies with its own reason.
#ifndef PAPERGUARD_TRADE_RISK_H
#define PAPERGUARD_TRADE_RISK_H

#include "lib/trade/order.h"

enum risk_row {
#define RISK_ROW(symbol, name, holds_for_reduce, text, ...) symbol,
#include "lib/trade/risk_rows.def"
#undef RISK_ROW
    RISK_ROW_COUNT
};
const char *risk_row_name(enum risk_row r);
const char *risk_row_text(enum risk_row r);

// What holds for one symbol alone.
// Limit-up-limit-down: by tier 1, tier 2, or not held against a band (thin names whose quotes have one side only).
enum risk_luld { RISK_LULD_TIER_1, RISK_LULD_TIER_2, RISK_LULD_OFF };
enum risk_list { RISK_LIST_NONE, RISK_LIST_ALLOW, RISK_LIST_DENY };
struct risk_symbol {
    char symbol[SYMBOL_MAX];
    int64_t max_price_age_ns;  // 0: the limit for all, as with the two below
    struct ratio price_collar; // its own
    struct qty lot;            // 0: none
    struct qty adv;            // the average daily volume as its owner states it; 0: as the bars have it
    enum risk_luld luld;       // RISK_LULD_TIER_1 unless it says otherwise
    enum risk_list list;
    int64_t until_ns;           // wall clock: the entry in the list holds before then; 0: always
    const char *owner, *reason; // borrowed
};
// Shares and caps are taken as they are: 0 allows nothing.
struct risk_limits {
    struct ratio max_order_share; // of equity
    struct money max_order_notional;
    struct qty max_order_qty;
    struct ratio max_adv_share;         // of the symbol's average daily volume
    struct ratio max_position_share;    // of equity
    struct ratio max_gross_exposure;    // of equity
    struct ratio max_net_exposure;      // of equity
    struct ratio max_strategy_exposure; // of equity
    struct ratio price_collar, max_price_jump;
    struct price min_price, max_price;
    int64_t duplicate_window_ns;
    int64_t max_price_age_ns, max_account_age_ns;
    int64_t max_orders_per_run, max_orders_per_day;
    struct money max_notional_per_day;
    struct ratio max_notional_per_day_share; // of equity
    bool long_only;
    const char *const *allow; // NULL / 0: all but denied
    size_t allow_count;
    const char *const *deny;
    size_t deny_count;
    const struct risk_symbol *symbols;    // sorted by symbol
    size_t symbol_count, symbols_allowed; // those with RISK_LIST_ALLOW
};
enum risk_hours { RISK_HOURS_UNKNOWN, RISK_HOURS_REGULAR, RISK_HOURS_EXTENDED, RISK_HOURS_CLOSED };
// Gathered by exposure for one order; every figure includes committed intents and open orders, not this one.
struct risk_view {
    int64_t now_wall_ns;
    enum risk_hours hours;
    bool account_known;
    struct money equity, cash;
    int64_t account_age_ns;
    bool asset_known, tradable, fractionable;
    bool price_known;
    struct price price;     // the fresher of trade and quote; of a quote the dearer side: what value is judged at
    struct price reference; // the same, of a quote its middle: what prices are measured against
    int64_t price_age_ns;
    bool quote_known;
    struct price bid, ask; // 0: no quote, or one-sided
    int64_t quote_age_ns;
    struct price traded; // the last trade, 0: none
    int64_t traded_age_ns;
    struct qty adv;      // average daily volume, 0: not known
    struct price before; // the reference before this one, 0: none
    int64_t before_age_ns;
    struct price decided; // what the order was decided at, 0: not told
    bool alike;           // an order with the same content was placed by the same strategy
    int64_t alike_age_ns;
    bool buy_open, sell_open; // orders of this symbol on each side
    struct price buy_highest; // of them the limit price most likely to cross; 0: a market order
    struct price sell_lowest;
    struct qty held;                        // position, signed
    struct qty open_buy_qty, open_sell_qty; // of this symbol, unfilled
    int64_t quarantined;                    // open orders of this symbol that are not ours; below zero = unknown
    // Over all symbols, at current prices. gross: |positions|, open buys, and open sells beyond what is held; net_long:
    // longs and open buys less shorts; net_short: shorts and what open sells would add to them less longs.
    struct money gross, net_long, net_short;
    bool gross_known; // all three
    // Of an order that a strategy places outside of a run: what its book, open buys and latest fills are worth, and
    // what its book holds of the symbol.
    bool of_strategy, strategy_known;
    struct money strategy_gross;
    struct qty strategy_held;
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
// (`reduces`) needs no price and is not held up by the rows that risk_rows.def says do not hold for it. Stale figures
// are UNKNOWN, not FAIL.
void risk_judge(const struct risk_limits *limits, const struct risk_view *view, const struct order_request *order,
                struct risk_verdict *out);
// One row alone, for tables and the self-test: fills *out as risk_judge would if there were no other row.
void risk_judge_row(enum risk_row row, const struct risk_limits *limits, const struct risk_view *view,
                    const struct order_request *order, struct risk_verdict *out);
// A quiet account and an order that every row passes (RISK_ROW_COUNT), or that this row denies and none before it.
struct risk_example {
    struct risk_limits limits;
    struct risk_view view;
    struct order_request order;
    struct risk_symbol symbol; // the rule that limits may point to: not to be copied alone
};
void risk_example(enum risk_row row, struct risk_example *out);

#endif
