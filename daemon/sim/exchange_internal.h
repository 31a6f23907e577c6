// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the files of the simulated exchange share. Nobody else includes it.
#ifndef PAPERGUARD_SIM_EXCHANGE_INTERNAL_H
#define PAPERGUARD_SIM_EXCHANGE_INTERNAL_H

#include "daemon/sim/exchange.h"
#include "lib/base/map.h"

#define SHARE DECIMAL_ONE
#define CENT_NANOS INT64_C(10000000)

// What a draw is for (the second argument of draw3 and draw_uuid).
enum exchange_draw {
    DRAW_ORDER_ID = 1,
    DRAW_CLIENT_ID,
    DRAW_FILL_ID,
    DRAW_DELAY,
    DRAW_PARTIAL,
    DRAW_PART,
    DRAW_PRICE,
    DRAW_NTA_ID,
    DRAW_NTA_GROUP
};

#define BAD_REQUEST 40010001
#define FORBIDDEN 40310000
#define UNPROCESSABLE 42210000

// Events beyond this number are a symbol's, not an order's.
#define SYMBOL_EVENTS (UINT64_MAX - MARKET_SYMBOLS_MAX)

// Smallest key first, then by order number.
struct exchange_event {
    int64_t at;
    uint64_t number;
};
struct exchange_heap {
    struct exchange_event *items;
    size_t count, cap;
};
struct exchange_book {                       // by enum order_side
    struct list always[2];                   // open market and stop orders
    struct exchange_heap limits[2];          // open limit orders, best price first; entries of ended orders are stale
    struct exchange_heap rests[2], stops[2]; // at rest until the price comes, whichever it reaches first on top
    int64_t look_at;                         // when the price is looked at next; EXCHANGE_NEVER when nothing rests
};
struct exchange {
    struct exchange_params params;
    struct exchange_settings settings;
    int64_t now;          // newest instant worked off
    int64_t last_created; // creation times are strictly ascending
    struct exchange_order **orders;
    size_t order_count, order_cap;
    struct map *by_id, *by_client, *fills_by_id; // the last one's values are indexes + 1
    struct exchange_fill *fills;
    size_t fill_count, fill_cap;
    struct exchange_heap events;         // entries that no longer match their order's event_at are stale
    struct exchange_position *positions; // one per market symbol
    struct exchange_book *books;         // one per market symbol
    struct exchange_marks *marks;        // one per market symbol
    struct money cash, reserved, last_equity, last_maintenance;
    struct exchange_nta *ntas;
    size_t nta_count, nta_cap;
    int64_t fee_reg, fee_taf; // not yet charged
    int64_t close_at;         // close of the running session
    size_t action_next;       // of market_action_at
    int64_t roll_at;          // the account's next step: that close or a corporate action
};

// A request on its way to become an order.
struct exchange_submission {
    const struct exchange_request *r;
    const struct market_symbol *symbol;
    struct market_quote quote;
    const char *intent;
    bool fractional, closing;
    struct price reserve_price;
    const struct exchange_order *replaced; // or NULL
};

// exchange.c
struct exchange_position *exchange_position_of(struct exchange *e, const struct market_symbol *s);
struct exchange_order *exchange_order_add(struct exchange *e);           // numbered, zeroed, not yet in any table
void exchange_order_index(struct exchange *e, struct exchange_order *o); // into the tables, once its ids are set
struct exchange_order *exchange_order_numbered(struct exchange *e, uint64_t number); // NULL for 0
void exchange_event_emit(struct exchange *e, const char *event, const struct exchange_order *o,
                         const struct exchange_fill *fill, int64_t at);
void exchange_refusal_extra(struct exchange_refusal *why, const char *name, const char *value);

// exchange_time.c
void exchange_heap_push(struct exchange_heap *h, struct exchange_event event);
void exchange_heap_pop(struct exchange_heap *h);
void exchange_order_schedule(struct exchange *e, struct exchange_order *o);
// Canceled, expired, rejected or replaced: releases what it holds and ends its group (not when it is replaced).
void exchange_order_end(struct exchange *e, struct exchange_order *o, enum order_status status, int64_t at);
void exchange_order_becomes_new(struct exchange *e, struct exchange_order *o, int64_t at);

// exchange_book.c
void exchange_book_init(struct exchange_book *b);
void exchange_book_free(struct exchange_book *b);
void exchange_book_add(struct exchange *e, struct exchange_order *o);
// An open order that an order of this side, class, type and price would trade with, or NULL.
const struct exchange_order *exchange_book_crossing(struct exchange *e, const struct exchange_submission *s);

// exchange_rest.c
// Leaves the order alone until the price may have come, which is looked at once a second for all of a symbol.
void exchange_rest(struct exchange *e, struct exchange_order *o, struct price bound, int64_t at);
void exchange_look_for(struct exchange *e, uint64_t number, int64_t at); // the event of a symbol
bool exchange_look_stale(const struct exchange *e, const struct exchange_event *event);

// exchange_session.c
// `at` when the order may be matched then, else the next instant at which it may.
int64_t exchange_match_from(struct exchange *e, const struct exchange_order *o, int64_t at);
// Sets expires_at and match_at by time in force and tells when the order is first worked on: now, or later.
int64_t exchange_order_times(struct exchange *e, struct exchange_order *o, int64_t now);
int exchange_check_window(struct exchange *e, enum order_tif tif, int64_t now, struct exchange_refusal *why);

// exchange_check.c: what holds whatever the account looks like.
int exchange_check_request(struct exchange *e, struct exchange_submission *s, struct exchange_refusal *why);
int exchange_check_quote(const struct exchange_submission *s, struct exchange_refusal *why);

// exchange_submit.c
int exchange_check_account(struct exchange *e, struct exchange_submission *s, struct exchange_refusal *why);
struct exchange_order *exchange_order_create(struct exchange *e, const struct exchange_submission *s, int64_t now);

// exchange_group.c
void exchange_group_create(struct exchange *e, struct exchange_order *parent, const struct exchange_request *r);
void exchange_group_filled(struct exchange *e, struct exchange_order *o, struct qty qty, int64_t at);
void exchange_group_triggered(struct exchange *e, struct exchange_order *o, int64_t at);
void exchange_group_ended(struct exchange *e, struct exchange_order *o, enum order_status status, int64_t at);
void exchange_group_replaced(struct exchange *e, struct exchange_order *old, struct exchange_order *o);

// exchange_stop.c
struct price exchange_stop_cap(enum order_side side, struct price stop); // how far a triggered stop may fill
void exchange_trail_start(struct exchange_order *o, struct price last);
// Follows the price; true once the stop price came. Always true without one.
bool exchange_stop_triggered(struct exchange_order *o, struct price last);

// exchange_replace.c
void exchange_replace_commit(struct exchange *e, struct exchange_order *o, int64_t at);

// exchange_fill.c
int64_t exchange_delay(const struct exchange *e, const struct exchange_order *o);
struct qty exchange_qty_left(const struct exchange_order *o, struct price price);
// Shares that an order of this side can close and that no other order holds.
int64_t exchange_closable(const struct exchange_position *p, const struct exchange_order *o);
void exchange_reserve(struct exchange *e, struct exchange_order *o); // for what is left of it
void exchange_release(struct exchange *e, struct exchange_order *o);
void exchange_look(struct exchange *e, struct exchange_order *o, int64_t at); // trigger it, match it, or wait

// exchange_account.c
void exchange_position_apply(struct exchange_position *p, enum order_side side, struct qty qty, struct price price);
void exchange_session_roll(struct exchange *e);
struct money exchange_buying_power_least(struct exchange *e, int64_t now); // what it is at least

// exchange_actions.c
void exchange_fee_note(struct exchange *e, const struct exchange_fill *f);
void exchange_timeline_next(struct exchange *e); // sets roll_at
void exchange_timeline_step(struct exchange *e); // does what is due at roll_at

#endif
