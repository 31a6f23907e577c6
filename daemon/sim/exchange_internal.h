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
enum exchange_draw { DRAW_ORDER_ID = 1, DRAW_CLIENT_ID, DRAW_FILL_ID, DRAW_DELAY, DRAW_PARTIAL, DRAW_PART, DRAW_PRICE };

struct exchange_event {
    int64_t at;
    uint64_t number;
};
struct exchange_book {   // open orders of one symbol
    struct list side[2]; // by enum order_side
};
struct exchange {
    struct exchange_params params;
    struct exchange_settings settings;
    int64_t now;          // newest instant worked off
    int64_t last_created; // creation times are strictly ascending
    struct exchange_order **orders;
    size_t order_count, order_cap;
    struct map *by_id, *by_client;
    struct exchange_fill *fills;
    size_t fill_count, fill_cap;
    struct exchange_event *heap; // earliest first; entries that no longer match their order's event_at are stale
    size_t heap_count, heap_cap;
    struct exchange_position *positions; // one per market symbol
    struct exchange_book *books;         // one per market symbol
    struct money cash, reserved, last_equity, last_maintenance;
    int64_t roll_at; // close of the running session
};

struct exchange_position *exchange_position_of(struct exchange *e, const struct market_symbol *s);
struct exchange_order *exchange_order_add(struct exchange *e);           // numbered, zeroed, not yet in any table
void exchange_order_index(struct exchange *e, struct exchange_order *o); // into the tables, once its ids are set
void exchange_order_schedule(struct exchange *e, struct exchange_order *o);
void exchange_event_emit(struct exchange *e, const char *event, const struct exchange_order *o,
                         const struct exchange_fill *fill, int64_t at);

// exchange_fill.c
int64_t exchange_delay(const struct exchange *e, const struct exchange_order *o);
void exchange_reserve(struct exchange *e, struct exchange_order *o); // for what is left of it
void exchange_release(struct exchange *e, struct exchange_order *o);
void exchange_try_fill(struct exchange *e, struct exchange_order *o, int64_t at);
struct money exchange_notional_left(const struct exchange_order *o);

// exchange_account.c
void exchange_position_apply(struct exchange_position *p, enum order_side side, struct qty qty, struct price price);
void exchange_session_roll(struct exchange *e);

#endif
