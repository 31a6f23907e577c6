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
//
// Stops wait for the last price, a buy stop then fills up to 4% (below $50) or 2.5% above its stop. Exit legs of a
// bracket or oto are held until the entry is filled whole; of two exits the take profit works and the stop loss stays
// held, watched here, until its price comes, which cancels the other. What ends one member ends its group.
// A replaced order is a new one: its quantity counts what its predecessors filled, its fills are its own.
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

// Called after something happened to an order: "pending_new", "accepted", "held", "new", "fill", "partial_fill",
// "canceled", "expired", "replaced", "rejected", "trade_bust", "trade_correct" (Alpaca's stream words). fill is NULL
// unless it is one.
struct exchange_order;
struct exchange_fill;
typedef void exchange_event_fn(void *arg, const char *event, const struct exchange_order *o,
                               const struct exchange_fill *fill, int64_t at);

// Regulatory fees of sales: none as on Alpaca's paper, at each close, or right after each fill.
enum exchange_fees { EXCHANGE_FEES_NONE, EXCHANGE_FEES_DAILY, EXCHANGE_FEES_FILL };

struct exchange_params {
    uint64_t seed;
    uint64_t id_salt;      // enters the ids of orders and fills, so that two exchanges of one seed do not share them
    struct market *market; // borrowed, started, outlives the exchange
    struct money cash;
    int multiplier; // 1, 2 or 4
    bool shorting;
    int64_t fill_delay_ns; // mean; drawn between half and one and a half of it
    int64_t partial_ppm;   // share of fills that are partial, in millionths
    enum exchange_fees fees;
    int64_t started;
    exchange_event_fn *on_event; // may be NULL
    void *arg;
};

enum exchange_class { CLASS_SIMPLE, CLASS_BRACKET, CLASS_OCO, CLASS_OTO, CLASS_MLEG };
enum exchange_leg { LEG_NONE, LEG_TAKE_PROFIT, LEG_STOP_LOSS }; // the take profit of an oco is its parent: none

// A price that was or was not sent.
struct exchange_price {
    bool given;
    struct price price;
};

// What a client asks for. Members that were not sent have has_ or given = false or an empty text.
struct exchange_request {
    char client_order_id[512], symbol[SYMBOL_MAX * 2], position_intent[24];
    bool has_type, has_tif, has_qty, has_notional, has_trail_percent, extended_hours;
    bool has_take_profit, has_stop_loss; // the objects
    enum order_side side;
    enum order_type type;
    enum order_tif tif;
    enum exchange_class order_class;
    struct qty qty;
    struct money notional;
    struct exchange_price limit, stop, trail_price;
    struct ratio trail_percent; // 1 is one percent
    struct exchange_price take_profit, stop_loss, stop_loss_limit;
};

// What shall become different by a replacement.
struct exchange_change {
    char client_order_id[512];
    bool has_qty, has_tif, has_trail;
    struct qty qty;
    enum order_tif tif;
    struct exchange_price limit, stop;
    int64_t trail; // nanos of the trail_price or of the trail_percent
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
    struct price limit_price, stop_price; // 0 = none
    struct price trail_price, hwm;        // trailing stops: hwm is the best price since
    struct ratio trail_percent;
    enum exchange_class order_class;
    enum exchange_leg leg;
    uint64_t parent, legs[2]; // numbers, 0 = none
    size_t leg_count;
    uint64_t replaces, replaced_by; // numbers, 0 = none
    struct qty carried;             // filled by those that it replaces, part of qty
    enum order_status status;
    struct qty filled_qty;
    struct money filled_value; // sum of price * qty, not rounded to cents
    struct price filled_avg_price;
    int64_t created_at, updated_at, submitted_at, filled_at, expired_at, canceled_at, expires_at, failed_at,
        replaced_at; // 0 = null
    // Matching state.
    int64_t next_at, cancel_at, event_at; // EXCHANGE_NEVER when none; event_at is the earliest of all
    int64_t match_at;                     // auction orders: not before
    bool triggered, watching;             // its stop price came; a held stop loss that waits for it
    bool alone;                           // left of its group: what ends one no longer ends the other
    bool resting;                         // nothing to do before its price comes
    bool replacing;                       // it waits to take the place of `replaces`
    unsigned attempts;                    // fills drawn so far
    struct money reserved;                // buying power it holds
    struct qty held;                      // position quantity it holds
    struct price reserve_price;
    struct list book; // market and stop orders that any order of the other side would trade with
};

struct exchange_fill {
    char id[EXCHANGE_FILL_ID_MAX];
    uint64_t order;                 // number
    bool partial, busted;           // busted: taken back, or corrected
    enum order_status order_status; // just after it
    struct qty qty, cum_qty, leaves_qty;
    struct price price;
    struct qty position_qty; // just after it, negative when short
    struct money cash;       // what it moved: negative for buys
    int64_t at;
};

// What moved cash or shares without a trade.
struct exchange_nta {
    char id[EXCHANGE_FILL_ID_MAX], group_id[DRAW_UUID_MAX]; // group_id: the two sides of a split, else empty
    const char *type, *sub_type;                            // "SPLIT", "FSPLIT"; sub_type may be NULL
    const struct market_symbol *symbol;                     // NULL: of the account
    struct qty qty;                                         // a split's shares that go (negative) or come
    struct money net_amount;
    struct price per_share;
    struct day date;
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
    int max_multiplier; // 1, 2 or 4; the account has the smaller of this and its own
};

// What holds for one symbol; all false at first.
struct exchange_marks {
    bool halted; // orders are taken and cancelled, nothing fills and no stop is triggered
    bool inactive, untradable, unfractionable, unshortable;
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
// 0 and the new order, or -1 and why not. The old one may still fill before the new one takes its place; when it is
// filled by then, the new one is rejected.
int exchange_replace(struct exchange *e, const char *id, const struct exchange_change *change, int64_t now,
                     const struct exchange_order **out, struct exchange_refusal *why) MUST_CHECK;
// A market order that closes a position, or qty of it (NULL = all). 0 and the order, or -1 and why not.
int exchange_close(struct exchange *e, const struct market_symbol *s, const struct qty *qty, int64_t now,
                   const struct exchange_order **out, struct exchange_refusal *why) MUST_CHECK;
// Cancels every open order at once, so that nothing is held any more.
void exchange_cancel_all(struct exchange *e, int64_t now);
const char *exchange_class_name(enum exchange_class c);

size_t exchange_order_count(const struct exchange *e);
const struct exchange_order *exchange_order_at(const struct exchange *e, size_t i); // by number - 1
const struct exchange_order *exchange_order_find(const struct exchange *e, const char *id);
const struct exchange_order *exchange_order_find_client(const struct exchange *e, const char *client_order_id);
size_t exchange_fill_count(const struct exchange *e);
const struct exchange_fill *exchange_fill_at(const struct exchange *e, size_t i);
size_t exchange_fill_find(const struct exchange *e, const char *id); // index, or the count when unknown
size_t exchange_nta_count(const struct exchange *e);
const struct exchange_nta *exchange_nta_at(const struct exchange *e, size_t i); // oldest first
// A deposit, dividend or the like; s may be NULL. 0, or -1 when the type moves no cash or the amount is odd.
int exchange_cash_move(struct exchange *e, const char *type, const struct market_symbol *s, struct money amount,
                       int64_t now, struct err *err) MUST_CHECK;
// Takes a fill back, or gives it another price: what it moved is undone, the event "trade_bust" or "trade_correct"
// tells it. The order and the fill stay as they were. 0, or -1 when there is no such fill or it was taken back before.
int exchange_bust(struct exchange *e, const char *fill_id, const struct price *corrected, int64_t now,
                  struct err *err) MUST_CHECK;
struct money exchange_fees_pending(const struct exchange *e); // of today's sales, not yet charged
int exchange_multiplier(const struct exchange *e);
struct money exchange_cash(const struct exchange *e);
// Positions that are not zero, by symbol.
const struct exchange_position *exchange_position_find(const struct exchange *e, const struct market_symbol *s);
struct exchange_account exchange_account_at(struct exchange *e, int64_t now);
struct exchange_settings *exchange_settings(struct exchange *e);
struct exchange_marks *exchange_marks(struct exchange *e, const struct market_symbol *s);

// "insufficient buying power" and the like: sets status, code and message and returns -1.
int exchange_refuse(struct exchange_refusal *why, int status, int code, const char *format, ...) PRINTF_LIKE(4, 5);

#endif
