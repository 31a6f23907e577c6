// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The simulated exchange: one paper account, its orders, fills and positions, and the matching. Pure: no I/O, no clock;
// every call is passed `now` (nanoseconds UTC, never going back). Things happen at their own instants: exchange_advance
// works off everything due up to now in order, so it does not matter how often it is called. What is random is drawn
// from the seed and the order's number, never from the time.
//
// Rules: pending_new (accepted while closed), new, then fills at the quote once the fill delay is over and while
// marketable (buy limit >= ask, sell limit <= bid). A share of the fills is a random partial and the rest is looked at
// again. Day orders expire at the close. Money moves in whole cents, rounded to nearest per fill.
#ifndef PAPERGUARD_SIM_EXCHANGE_H
#define PAPERGUARD_SIM_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/sim/draw.h"
#include "daemon/sim/market.h"
#include "lib/base/list.h"
#include "lib/trade/order.h"

#define EXCHANGE_FILL_ID_MAX 72
#define EXCHANGE_EXTRAS_MAX 4
#define EXCHANGE_NEVER INT64_MAX

struct exchange;

// Called after something happened to an order: "new", "fill", "partial_fill", "canceled", "expired" (Alpaca's stream
// words). fill is NULL unless it is one.
struct exchange_order;
struct exchange_fill;
typedef void exchange_event_fn(void *arg, const char *event, const struct exchange_order *o,
                               const struct exchange_fill *fill, int64_t at);

struct exchange_params {
    uint64_t seed;
    uint64_t id_salt;      // enters the ids of orders and fills, so that two exchanges of one seed do not share them
    struct market *market; // borrowed, started, outlives the exchange
    struct money cash;
    int multiplier; // 1, 2 or 4
    bool shorting;
    int64_t fill_delay_ns; // mean; drawn between half and one and a half of it
    int64_t partial_ppm;   // share of fills that are partial, in millionths
    int64_t started;
    exchange_event_fn *on_event; // may be NULL
    void *arg;
};

// What a client asks for. Members that were not sent have has_ = false or an empty text.
struct exchange_request {
    char client_order_id[512], symbol[SYMBOL_MAX * 2], position_intent[24];
    bool has_type, has_tif, has_qty, has_notional, has_limit_price, has_stop_price, extended_hours, complex_class;
    enum order_side side;
    enum order_type type;
    enum order_tif tif;
    struct qty qty;
    struct money notional;
    struct price limit_price;
};

// Why not, in Alpaca's own words.
struct exchange_refusal {
    int status, code;
    char message[256];
    struct {
        const char *name; // constant
        char value[40];
    } extra[EXCHANGE_EXTRAS_MAX];
    size_t extra_count;
};

struct exchange_order {
    uint64_t number; // from 1
    char id[DRAW_UUID_MAX], client_order_id[CLIENT_ORDER_ID_MAX];
    const struct market_symbol *symbol;
    enum order_side side;
    enum order_type type;
    enum order_tif tif;
    const char *position_intent;
    bool closing; // it shrinks a position
    bool is_notional, fractional, extended_hours;
    struct qty qty; // asked; 0 when notional
    struct money notional;
    struct price limit_price;
    enum order_status status;
    struct qty filled_qty;
    struct money filled_value; // sum of price * qty, not rounded to cents
    struct price filled_avg_price;
    int64_t created_at, updated_at, submitted_at, filled_at, expired_at, canceled_at, expires_at; // 0 = null
    // Matching state.
    int64_t next_at, cancel_at, event_at; // EXCHANGE_NEVER when none; event_at is the earliest of all
    unsigned attempts;                    // fills drawn so far
    struct money reserved;                // buying power it holds
    struct qty held;                      // position quantity it holds
    struct price reserve_price;
    struct list book; // open orders of the symbol and side
};

struct exchange_fill {
    char id[EXCHANGE_FILL_ID_MAX];
    uint64_t order; // number
    bool partial;
    enum order_status order_status; // just after it
    struct qty qty, cum_qty, leaves_qty;
    struct price price;
    struct money cash; // what it moved: negative for buys
    int64_t at;
};

struct exchange_position {
    const struct market_symbol *symbol;
    struct qty qty;        // signed
    struct qty held;       // by open orders that close it
    struct money cost;     // of the open quantity, signed as qty
    struct money day_cost; // the same with what was held overnight at the last close
};

struct exchange_account {
    struct money cash, equity, last_equity, long_value, short_value, reserved, initial_margin, maintenance_margin,
        last_maintenance_margin, buying_power, regt_buying_power, non_marginable_buying_power;
};

struct exchange_settings {
    bool suspend_trade, no_shorting, fractional_trading;
};

struct exchange *exchange_new(const struct exchange_params *params);
void exchange_free(struct exchange *e);
const struct exchange_params *exchange_params(const struct exchange *e);

void exchange_advance(struct exchange *e, int64_t now);
int64_t exchange_next(const struct exchange *e); // instant of the next event, EXCHANGE_NEVER when none

// 0 and the order (borrowed, as long as the exchange lives), or -1 and why not.
int exchange_submit(struct exchange *e, const struct exchange_request *r, int64_t now,
                    const struct exchange_order **out, struct exchange_refusal *why) MUST_CHECK;
// 0 (also when it is cancelled already), or -1 and why not.
int exchange_cancel(struct exchange *e, const char *id, int64_t now, struct exchange_refusal *why) MUST_CHECK;

size_t exchange_order_count(const struct exchange *e);
const struct exchange_order *exchange_order_at(const struct exchange *e, size_t i); // by number - 1
const struct exchange_order *exchange_order_find(const struct exchange *e, const char *id);
const struct exchange_order *exchange_order_find_client(const struct exchange *e, const char *client_order_id);
size_t exchange_fill_count(const struct exchange *e);
const struct exchange_fill *exchange_fill_at(const struct exchange *e, size_t i);
size_t exchange_fill_find(const struct exchange *e, const char *id); // index, or the count when unknown
struct money exchange_cash(const struct exchange *e);
// Positions that are not zero, by symbol.
const struct exchange_position *exchange_position_find(const struct exchange *e, const struct market_symbol *s);
struct exchange_account exchange_account_at(struct exchange *e, int64_t now);
struct exchange_settings *exchange_settings(struct exchange *e);

// "insufficient buying power" and the like: sets status, code and message and returns -1.
int exchange_refuse(struct exchange_refusal *why, int status, int code, const char *format, ...) PRINTF_LIKE(4, 5);

#endif
