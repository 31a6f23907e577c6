// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What happened to orders, in order, for readers that come later (a stream of trade updates). Bounded: the oldest are
// forgotten, and a reader who was too slow is told how many it missed. Pure, as the exchange is; on_event of the
// exchange's parameters is exchange_feed_note with the feed as its argument.
#ifndef PAPERGUARD_SIM_EXCHANGE_FEED_H
#define PAPERGUARD_SIM_EXCHANGE_FEED_H

#include "daemon/sim/exchange.h"

struct exchange_feed;

struct exchange_update {
    uint64_t number;   // from 1, without a gap
    const char *event; // Alpaca's word; constant
    int64_t at;
    struct exchange_order order; // as it was just then
    bool is_fill;
    struct qty qty, position_qty; // of a fill
    struct price price;
    char execution_id[DRAW_UUID_MAX];
};

struct exchange_feed *exchange_feed_new(uint64_t seed, size_t capacity); // seed: of the execution ids
void exchange_feed_free(struct exchange_feed *f);                        // NULL is fine
void exchange_feed_note(void *feed, const char *event, const struct exchange_order *o, const struct exchange_fill *fill,
                        int64_t at);
uint64_t exchange_feed_last(const struct exchange_feed *f); // number of the newest, 0 when there is none
// The first one after this number that is still known, or NULL at the end; borrowed until the next note. Its number
// tells whether any were missed.
const struct exchange_update *exchange_feed_after(const struct exchange_feed *f, uint64_t number);

#endif
