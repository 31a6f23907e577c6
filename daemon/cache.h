// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Redis for other readers: latest prices, account, calendar, runs and signals under keys that expire, and events on a
// channel. Written when they change and forgotten; its loss is only "degraded". One thing is read: whether somebody set
// a key that is a halt. Keys and channel are documented in paperguardd(8).
#ifndef PAPERGUARD_DAEMON_CACHE_H
#define PAPERGUARD_DAEMON_CACHE_H

#include "lib/guard/guard_facts.h"
#include "lib/io/loop.h"
#include "lib/trade/alpaca_json.h"
#include "lib/trade/session.h"

// The key "halt", or "halt:STRATEGY". One that begins with "reduce_only" lets orders leave that can only shrink a
// position; any other, of any type, is a full halt.
struct cache_halt {
    const char *strategy; // NULL: of the account
    enum fact_halt state; // RUNNING: Redis says that there is no such key
    const char *reason;   // its value, in printable ASCII
    const char *key;      // its whole name
};

struct cache;
struct cache_params {
    struct loop *loop;
    const char *url;         // NULL or "": none configured
    const char *environment; // keys begin with "paperguard:ENVIRONMENT:ACCOUNT:"
    void (*on_state)(void *arg, bool up, const char *detail);
    void (*on_halt)(void *arg, const struct cache_halt *halt); // told with every answer; none comes while it is away
    const char *const *strategies;                             // borrowed: whose keys are looked for
    size_t strategy_count;
    void *arg;
};
struct cache *cache_new(const struct cache_params *params, struct err *err); // NULL: bad URL
void cache_free(struct cache *c);
bool cache_configured(const struct cache *c);
bool cache_up(const struct cache *c);
int64_t cache_unanswered_ns(const struct cache *c); // for how long Redis has owed an answer, 0 when it owes none
// Whose keys are written from now on; nothing is written before.
void cache_set_account(struct cache *c, const char *account_number);
// With every tick; Redis is asked twice a second.
void cache_look_for_halts(struct cache *c, int64_t boot_ns);
// Lists as the ledger has them, {"runs":[...],"as_of":...}; one that is longer than a value may be is left out.
void cache_put_runs(struct cache *c, const char *json_array, int64_t at_ns);
void cache_put_signals(struct cache *c, const char *json_array, int64_t at_ns);
void cache_publish(struct cache *c, const char *json_object); // on the channel, to whoever listens just now
void cache_put_price(struct cache *c, const char *symbol, struct price price, int64_t at_ns);
void cache_put_account(struct cache *c, const struct alpaca_account *a, int64_t at_ns);
void cache_put_calendar(struct cache *c, const struct session_day *days, size_t count, int64_t at_ns);

#endif
