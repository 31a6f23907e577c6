// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Alpaca's JSON as values: strict about what is used, indifferent to members it does not know. Broker decimals beyond
// nine places are rounded in the direction that is named per field (prices nearest, quantities down, money nearest).
#ifndef PAPERGUARD_TRADE_ALPACA_JSON_H
#define PAPERGUARD_TRADE_ALPACA_JSON_H

#include "lib/base/json_read.h"
#include "lib/trade/order.h"

#define ACTIVITY_ID_MAX 80

struct alpaca_account {
    char account_number[ACCOUNT_NUMBER_MAX], status[32], currency[8];
    struct money equity, last_equity, cash, buying_power, long_market_value, short_market_value;
    bool trading_blocked, account_blocked, trade_suspended_by_user, shorting_enabled;
    char multiplier[8];
};
struct alpaca_position {
    char symbol[SYMBOL_MAX];
    struct qty qty;                              // signed
    struct price avg_entry_price, current_price; // current 0 = null
    struct money market_value, cost_basis;
};
struct alpaca_fill { // an account activity of type FILL
    char id[ACTIVITY_ID_MAX], order_id[ORDER_ID_MAX], symbol[SYMBOL_MAX];
    enum order_side side;
    bool partial; // type partial_fill
    struct qty qty, cum_qty, leaves_qty;
    struct price price;
    int64_t transaction_time;
};
// An account activity that is no fill. What cannot be read of it, or does not fit, gives the status "unreadable": it is
// told all the same, for somebody must look at it.
struct alpaca_activity {
    char id[ACTIVITY_ID_MAX], type[16], sub_type[32], status[16], group_id[ACTIVITY_ID_MAX], symbol[SYMBOL_MAX],
        currency[8];
    struct qty qty;          // signed, 0 = absent
    struct money net_amount; // signed, 0 = absent
    struct day date;
    int64_t created_at; // when absent: the end of the date; 0 = unreadable
};
struct alpaca_clock {
    int64_t timestamp, next_open, next_close;
    bool is_open;
};
struct alpaca_calendar_day {
    struct day date;
    int open_s, close_s; // New York seconds of day; 24:00 = 86400
};
struct alpaca_asset {
    char id[ORDER_ID_MAX], symbol[SYMBOL_MAX], exchange[16], status[16];
    bool tradable, fractionable, shortable, marginable;
    struct qty min_order_size, min_trade_increment; // 0 = absent
};
struct alpaca_trade {
    char symbol[SYMBOL_MAX];
    struct price price;
    int64_t at;
};
struct alpaca_quote {
    char symbol[SYMBOL_MAX];
    struct price bid, ask; // 0 = no quote on that side
    int64_t at;
};
struct alpaca_bar {
    int64_t at;
    struct price open, high, low, close;
    int64_t volume;
};
struct alpaca_error {
    int code; // 0 = absent
    char message[256];
};

int alpaca_account_parse(const struct json_node *n, struct alpaca_account *out, struct err *err) MUST_CHECK;
int alpaca_order_parse(const struct json_node *n, struct order_state *out, struct err *err) MUST_CHECK;
int alpaca_position_parse(const struct json_node *n, struct alpaca_position *out, struct err *err) MUST_CHECK;
int alpaca_fill_parse(const struct json_node *n, struct alpaca_fill *out, struct err *err) MUST_CHECK;
int alpaca_activity_parse(const struct json_node *n, struct alpaca_activity *out, struct err *err) MUST_CHECK;
int alpaca_clock_parse(const struct json_node *n, struct alpaca_clock *out, struct err *err) MUST_CHECK;
int alpaca_calendar_day_parse(const struct json_node *n, struct alpaca_calendar_day *out, struct err *err) MUST_CHECK;
int alpaca_asset_parse(const struct json_node *n, struct alpaca_asset *out, struct err *err) MUST_CHECK;
int alpaca_bar_parse(const struct json_node *n, struct alpaca_bar *out, struct err *err) MUST_CHECK;
// Multi-symbol answers {"trades":{SYM:{...}}} / {"quotes":{SYM:{...}}}: *out is an array of *count, owned by the
// caller.
int alpaca_trades_parse(const struct json_node *root, struct alpaca_trade **out, size_t *count,
                        struct err *err) MUST_CHECK;
int alpaca_quotes_parse(const struct json_node *root, struct alpaca_quote **out, size_t *count,
                        struct err *err) MUST_CHECK;
// The error envelope; never fails: HTML or odd JSON gives code 0 and a readable message. body may be anything.
void alpaca_error_parse(const char *body, size_t len, struct alpaca_error *out);

#endif
