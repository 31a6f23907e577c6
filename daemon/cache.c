// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One SET with an expiry per value, or one PUBLISH, sent and forgotten: a value that Redis did not take is written
// again when it changes next (the calendar, which hardly does, when Redis is back), and nobody here ever reads one
// back. Halts are others' keys: whether there is one is asked in one question, and which it is only when there is.
#include "daemon/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "lib/io/redis_client.h"

#define CONNECT_TIMEOUT_MS 2000
#define COMMAND_TIMEOUT_MS 2000
#define QUEUE_MAX 1024
#define KEY_MAX 256
#define VALUE_MAX (64u * 1024)
#define LIST_MAX (512u * 1024)
#define EVENT_MAX 4096u
#define CALENDAR_DAYS_MAX 400 // about a year and a half of sessions; more are left out
#define PRICE_TTL_S "300"
#define ACCOUNT_TTL_S "300"
#define CALENDAR_TTL_S "86400"
#define LIST_TTL_S "604800" // over a week without sessions

#define HALT_EVERY_NS (INT64_C(400) * NS_PER_MS) // a tick may come a little early
#define HALT_KEYS_MAX (1 + GUARD_SCOPES_MAX)
#define HALT_REASON_MAX 120

struct halt_key {
    struct cache *cache;
    const char *strategy; // NULL: the account's
    char name[KEY_MAX];
};

struct cache {
    struct cache_params p;
    struct redis_client *redis;                // NULL: none configured
    char environment[41], prefix[KEY_MAX / 2]; // no prefix: the account is not known yet
    char *calendar;                            // as it was written last
    struct halt_key halts[HALT_KEYS_MAX];
    size_t halt_count;
    size_t halts_asked; // answers under way
    int64_t halts_boot_ns;
    bool halts_refused; // and told
};

static bool ready(const struct cache *c)
{
    return cache_up(c) && c->prefix[0];
}

static void set_value(struct cache *c, const char *name, const char *value, const char *ttl_s)
{
    char key[KEY_MAX];
    snprintf(key, sizeof key, "%s%s", c->prefix, name);
    const char *argv[] = {"SET", key, value, "EX", ttl_s};
    redis_command(c->redis, ARRAY_LEN(argv), argv, NULL, NULL);
}

static void redis_state(void *arg, bool up, const char *detail)
{
    struct cache *c = arg;
    if (up && c->calendar && c->prefix[0])
        set_value(c, "calendar", c->calendar, CALENDAR_TTL_S);
    if (c->p.on_state)
        c->p.on_state(c->p.arg, up, detail);
}

struct cache *cache_new(const struct cache_params *params, struct err *err)
{
    struct cache *c = check_alloc(1, sizeof *c);
    c->p = *params;
    str_copy_cut(c->environment, sizeof c->environment, params->environment);
    c->p.url = c->p.environment = NULL; // the caller's; not needed again
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
    free(c->calendar);
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

int64_t cache_unanswered_ns(const struct cache *c)
{
    return cache_up(c) ? redis_client_unanswered_ns(c->redis) : 0;
}

void cache_set_account(struct cache *c, const char *account_number)
{
    bool first = !c->prefix[0];
    if (account_number[0])
        snprintf(c->prefix, sizeof c->prefix, "paperguard:%s:%.60s:", c->environment, account_number);
    if (first && c->calendar && ready(c))
        set_value(c, "calendar", c->calendar, CALENDAR_TTL_S);
}

// --- halts

static void halt_tell(const struct halt_key *k, enum fact_halt state, const char *reason)
{
    const struct cache *c = k->cache;
    const struct cache_halt told = {.strategy = k->strategy, .state = state, .reason = reason, .key = k->name};
    if (c->p.on_halt)
        c->p.on_halt(c->p.arg, &told);
}

// An error is no answer: nothing is told of any key.
static bool halt_answer(struct cache *c, const struct redis_reply_view *reply)
{
    c->halts_asked--;
    if (!reply)
        return false;
    if (!reply->ok && !c->halts_refused)
        log_warning("redis: whether a key there is a halt cannot be read: %.160s", reply->text ? reply->text : "error");
    c->halts_refused = !reply->ok;
    return reply->ok;
}

static void halt_read(void *arg, const struct redis_reply_view *reply)
{
    const struct halt_key *k = arg;
    char reason[HALT_REASON_MAX];
    if (reply && !reply->ok && reply->text && str_starts(reply->text, "WRONGTYPE")) { // there, and no string
        k->cache->halts_asked--;
        halt_tell(k, HALT_HALTED, "a key in Redis");
        return;
    }
    if (!halt_answer(k->cache, reply))
        return;
    if (!reply->text) {
        halt_tell(k, HALT_RUNNING, "");
        return;
    }
    str_copy_cut(reason, sizeof reason, reply->text);
    for (char *p = reason; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
    halt_tell(k, str_starts(reason, "reduce_only") ? HALT_REDUCE_ONLY : HALT_HALTED,
              reason[0] ? reason : "a key in Redis");
}

static void halts_counted(void *arg, const struct redis_reply_view *reply)
{
    struct cache *c = arg;
    if (!halt_answer(c, reply))
        return;
    if (reply->integer == 0) {
        for (size_t i = 0; i < c->halt_count; i++)
            halt_tell(&c->halts[i], HALT_RUNNING, "");
        return;
    }
    c->halts_asked += c->halt_count;
    for (size_t i = 0; i < c->halt_count; i++) {
        const char *argv[] = {"GET", c->halts[i].name};
        redis_command(c->redis, ARRAY_LEN(argv), argv, halt_read, &c->halts[i]);
    }
}

void cache_look_for_halts(struct cache *c, int64_t boot_ns)
{
    const char *argv[1 + HALT_KEYS_MAX] = {"EXISTS"};
    if (!ready(c) || c->halts_asked || (c->halts_boot_ns && boot_ns - c->halts_boot_ns < HALT_EVERY_NS))
        return;
    c->halts_boot_ns = boot_ns;
    c->halts_asked = 1;
    c->halt_count = 0;
    for (size_t i = 0; i <= c->p.strategy_count && i < HALT_KEYS_MAX; i++) {
        struct halt_key *k = &c->halts[c->halt_count++];
        *k = (struct halt_key){.cache = c, .strategy = i ? c->p.strategies[i - 1] : NULL};
        snprintf(k->name, sizeof k->name, "%shalt%s%.64s", c->prefix, i ? ":" : "", i ? k->strategy : "");
        argv[c->halt_count] = k->name;
    }
    redis_command(c->redis, 1 + c->halt_count, argv, halts_counted, c);
}

// --- values

static void put(struct cache *c, const char *name, const char *symbol, const struct text *value, const char *ttl_s)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s%.32s", name, symbol ? ":" : "", symbol ? symbol : "");
    if (!value->overflow)
        set_value(c, full, text_str(value), ttl_s);
}

static void put_list(struct cache *c, const char *name, const char *json_array, int64_t at_ns)
{
    struct text t;
    struct json_out o;
    if (!ready(c))
        return;
    text_init(&t, LIST_MAX);
    json_out_init(&o, &t);
    json_object_begin(&o);
    json_key(&o, name);
    json_add_raw(&o, json_array);
    json_put_when(&o, "as_of", at_ns);
    json_object_end(&o);
    put(c, name, NULL, &t, LIST_TTL_S);
    text_free(&t);
}

void cache_put_runs(struct cache *c, const char *json_array, int64_t at_ns)
{
    put_list(c, "runs", json_array, at_ns);
}

void cache_put_signals(struct cache *c, const char *json_array, int64_t at_ns)
{
    put_list(c, "signals", json_array, at_ns);
}

void cache_publish(struct cache *c, const char *json_object)
{
    char channel[KEY_MAX];
    if (!ready(c) || strlen(json_object) > EVENT_MAX)
        return;
    snprintf(channel, sizeof channel, "%sevents", c->prefix);
    const char *argv[] = {"PUBLISH", channel, json_object};
    redis_command(c->redis, ARRAY_LEN(argv), argv, NULL, NULL);
}

void cache_put_price(struct cache *c, const char *symbol, struct price price, int64_t at_ns)
{
    struct text t;
    struct json_out o;
    if (!ready(c))
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
    if (!ready(c))
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
    if (!c->redis)
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
    free(c->calendar);
    c->calendar = t.overflow ? NULL : check_strdup(text_str(&t));
    if (c->calendar && ready(c))
        set_value(c, "calendar", c->calendar, CALENDAR_TTL_S);
    text_free(&t);
}
