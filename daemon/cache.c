// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One SET with an expiry per value, sent and forgotten: a value that Redis did not take is written again when it
// changes next, and nobody here ever reads one back.
#include "daemon/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/json_write.h"
#include "lib/io/redis_client.h"

#define CONNECT_TIMEOUT_MS 2000
#define COMMAND_TIMEOUT_MS 2000
#define QUEUE_MAX 256
#define KEY_MAX 256
#define VALUE_MAX (64u * 1024)
#define CALENDAR_DAYS_MAX 400 // about a year and a half of sessions; more are left out
#define PRICE_TTL_S "300"
#define ACCOUNT_TTL_S "300"
#define CALENDAR_TTL_S "86400"

struct cache {
    struct cache_params p;
    struct redis_client *redis; // NULL: none configured
    char prefix[KEY_MAX / 2];
};

static void redis_state(void *arg, bool up, const char *detail)
{
    struct cache *c = arg;
    if (c->p.on_state)
        c->p.on_state(c->p.arg, up, detail);
}

struct cache *cache_new(const struct cache_params *params, struct err *err)
{
    struct cache *c = check_alloc(1, sizeof *c);
    c->p = *params;
    snprintf(c->prefix, sizeof c->prefix, "paperguard:%.40s:%.60s:", params->environment, params->instance);
    c->p.url = c->p.environment = c->p.instance = NULL; // the caller's; not needed again
    if (!params->url || !params->url[0])
        return c;
    c->redis = redis_client_new(
        &(struct redis_client_params){
            .loop = params->loop,
            .url = params->url,
            .connect_timeout_ms = CONNECT_TIMEOUT_MS,
            .command_timeout_ms = COMMAND_TIMEOUT_MS,
            .queue_max = QUEUE_MAX,
            .on_state = redis_state,
            .arg = c,
        },
        err);
    if (c->redis)
        return c;
    free(c);
    return NULL;
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    if (c->redis)
        redis_client_free(c->redis);
    free(c);
}

bool cache_configured(const struct cache *c)
{
    return c->redis != NULL;
}

bool cache_up(const struct cache *c)
{
    return c->redis && redis_client_up(c->redis);
}

static void put(struct cache *c, const char *name, const char *symbol, const struct text *value, const char *ttl_s)
{
    char key[KEY_MAX];
    snprintf(key, sizeof key, "%s%s%s%.32s", c->prefix, name, symbol ? ":" : "", symbol ? symbol : "");
    if (value->overflow)
        return;
    const char *argv[] = {"SET", key, text_str(value), "EX", ttl_s};
    redis_command(c->redis, ARRAY_LEN(argv), argv, NULL, NULL);
}

void cache_put_price(struct cache *c, const char *symbol, struct price price, int64_t at_ns)
{
    struct text t;
    struct json_out o;
    if (!cache_up(c))
        return;
    text_init(&t, VALUE_MAX);
    json_out_init(&o, &t);
    json_object_begin(&o);
    json_put_string(&o, "symbol", symbol);
    json_put_decimal(&o, "price", price.nanos);
    json_put_when(&o, "as_of", at_ns);
    json_object_end(&o);
    put(c, "price", symbol, &t, PRICE_TTL_S);
    text_free(&t);
}

void cache_put_account(struct cache *c, const struct alpaca_account *a, int64_t at_ns)
{
    struct text t;
    struct json_out o;
    if (!cache_up(c))
        return;
    text_init(&t, VALUE_MAX);
    json_out_init(&o, &t);
    json_object_begin(&o);
    json_put_string(&o, "account_number", a->account_number);
    json_put_string(&o, "status", a->status);
    json_put_string(&o, "currency", a->currency);
    json_put_decimal(&o, "equity", a->equity.nanos);
    json_put_decimal(&o, "last_equity", a->last_equity.nanos);
    json_put_decimal(&o, "cash", a->cash.nanos);
    json_put_decimal(&o, "buying_power", a->buying_power.nanos);
    json_put_decimal(&o, "long_market_value", a->long_market_value.nanos);
    json_put_decimal(&o, "short_market_value", a->short_market_value.nanos);
    json_put_when(&o, "as_of", at_ns);
    json_object_end(&o);
    put(c, "account", NULL, &t, ACCOUNT_TTL_S);
    text_free(&t);
}

static void put_clock(struct json_out *o, const char *key, int seconds)
{
    char text[16];
    snprintf(text, sizeof text, "%02d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
    json_put_string(o, key, text);
}

void cache_put_calendar(struct cache *c, const struct session_day *days, size_t count, int64_t at_ns)
{
    struct text t;
    struct json_out o;
    if (!cache_up(c))
        return;
    text_init(&t, VALUE_MAX);
    json_out_init(&o, &t);
    json_object_begin(&o);
    json_put_string(&o, "zone", "America/New_York");
    json_key(&o, "sessions");
    json_array_begin(&o);
    for (size_t i = 0; i < count && i < CALENDAR_DAYS_MAX; i++) {
        json_object_begin(&o);
        json_key(&o, "date");
        json_add_day(&o, days[i].date);
        put_clock(&o, "open", days[i].open_s);
        put_clock(&o, "close", days[i].close_s);
        json_object_end(&o);
    }
    json_array_end(&o);
    json_put_when(&o, "as_of", at_ns);
    json_object_end(&o);
    put(c, "calendar", NULL, &t, CALENDAR_TTL_S);
    text_free(&t);
}
