// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Redis as a cache of latest prices, account and calendar for other readers: written when they change, never trusted
// for a decision. Its loss is only "degraded".
#ifndef PAPERGUARD_DAEMON_CACHE_H
#define PAPERGUARD_DAEMON_CACHE_H

#include "lib/io/loop.h"
#include "lib/trade/alpaca_json.h"
#include "lib/trade/session.h"

struct cache;
struct cache_params {
    struct loop *loop;
    const char *url;                    // NULL or "": none configured
    const char *environment, *instance; // key prefix "paperguard:ENVIRONMENT:INSTANCE:"
    void (*on_state)(void *arg, bool up, const char *detail);
    void *arg;
};
struct cache *cache_new(const struct cache_params *params, struct err *err); // NULL: bad URL
void cache_free(struct cache *c);
bool cache_configured(const struct cache *c);
bool cache_up(const struct cache *c);
void cache_put_price(struct cache *c, const char *symbol, struct price price, int64_t at_ns);
void cache_put_account(struct cache *c, const struct alpaca_account *a, int64_t at_ns);
void cache_put_calendar(struct cache *c, const struct session_day *days, size_t count, int64_t at_ns);

#endif
