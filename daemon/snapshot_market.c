// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The read model's view of the market: prices with their age, what is missing, the risk of what is held, and what the
// scheduler is set to.
#include "daemon/snapshot_internal.h"

#include <string.h>

static bool any_known(const struct snapshot *s)
{
    for (size_t i = 0; i < s->price_count; i++)
        if (s->prices[i].known)
            return true;
    return false;
}

// Before the first prices were asked for, nothing is missing yet.
static bool is_missing(const struct snapshot *s, const struct snapshot_price *p, bool asked)
{
    (void)s;
    return asked && !p->known;
}

size_t snapshot_missing(const struct snapshot *s)
{
    size_t n = 0;
    bool asked = any_known(s);
    for (size_t i = 0; i < s->price_count; i++)
        n += is_missing(s, &s->prices[i], asked);
    return n;
}

void snapshot_add_missing(const struct snapshot *s, struct json_out *o)
{
    bool asked = any_known(s);
    json_array_begin(o);
    for (size_t i = 0; i < s->price_count; i++)
        if (is_missing(s, &s->prices[i], asked))
            json_add_string(o, s->prices[i].symbol);
    json_array_end(o);
}

static void put_price(const struct snapshot *s, struct json_out *o, const struct snapshot_price *p)
{
    json_put_decimal(o, "price", p->price.nanos);
    if (p->quote_known) {
        json_put_decimal(o, "bid", p->bid.nanos);
        json_put_decimal(o, "ask", p->ask.nanos);
    } else {
        json_put_null(o, "bid");
        json_put_null(o, "ask");
    }
    snapshot_put_when(o, "as_of", p->at_wall_ns);
    snapshot_put_age(s, o, p->at_wall_ns);
}

static const struct snapshot_price *find(const struct snapshot *s, const char *symbol)
{
    for (size_t i = 0; i < s->price_count; i++)
        if (strcmp(s->prices[i].symbol, symbol) == 0)
            return s->prices[i].known ? &s->prices[i] : NULL;
    return NULL;
}

static void put_all(const struct snapshot *s, const char *symbol, struct json_out *o)
{
    json_key(o, "prices");
    json_array_begin(o);
    for (size_t i = 0; i < s->price_count; i++) {
        const struct snapshot_price *p = &s->prices[i];
        if (!p->known || (symbol && strcmp(p->symbol, symbol) != 0))
            continue;
        json_object_begin(o);
        json_put_string(o, "symbol", p->symbol);
        put_price(s, o, p);
        json_object_end(o);
    }
    json_array_end(o);
}

static void put_one(const struct snapshot *s, const char *symbol, struct json_out *o)
{
    const struct snapshot_price *p = find(s, symbol);
    static const char *const members[] = {"price", "bid", "ask", "as_of", "age_seconds"};
    json_put_string(o, "symbol", symbol);
    for (size_t i = 0; !p && i < ARRAY_LEN(members); i++)
        json_put_null(o, members[i]);
    if (p)
        put_price(s, o, p);
}

void snapshot_write_prices(const struct snapshot *s, const char *symbol, struct json_out *o)
{
    bool complete = symbol ? find(s, symbol) != NULL : snapshot_missing(s) == 0 && (any_known(s) || !s->price_count);
    json_object_begin(o);
    json_put_string(o, "status", complete ? "ok" : "degraded");
    if (symbol)
        put_one(s, symbol, o);
    put_all(s, symbol, o);
    json_key(o, "missing");
    json_array_begin(o);
    if (symbol && !find(s, symbol))
        json_add_string(o, symbol);
    for (size_t i = 0; !symbol && i < s->price_count; i++)
        if (!s->prices[i].known)
            json_add_string(o, s->prices[i].symbol);
    json_array_end(o);
    snapshot_put_mode(s, o);
    json_put_when(o, "timestamp", s->at_wall_ns);
    json_object_end(o);
}

void snapshot_write_risk(const struct snapshot *s, struct json_out *o)
{
    json_object_begin(o);
    json_put_string(o, "status", s->gross_known && s->in_step ? "ok" : "unknown");
    snapshot_put_positions(s, o);
    json_put_int(o, "orders_open", s->orders_open);
    json_put_int(o, "orders_unknown", s->orders_unknown);
    snapshot_put_mode(s, o);
    json_put_when(o, "timestamp", s->at_wall_ns);
    json_object_end(o);
}

// As the admin socket tells it; null as long as Postgres has not told: then no run starts.
static void put_pause(const struct snapshot *s, const struct snapshot_pause *p, struct json_out *o)
{
    if (s->pauses_known)
        json_put_bool(o, "paused", p->paused);
    else
        json_put_null(o, "paused");
    json_put_string(o, "paused_reason", p->paused ? p->reason : NULL);
    json_put_string(o, "paused_by", p->paused ? p->source : NULL);
    if (p->paused)
        json_put_when(o, "paused_at", p->at);
    else
        json_put_null(o, "paused_at");
}

static void put_strategy(const struct snapshot *s, size_t index, struct json_out *o)
{
    const struct config_strategy *c = &s->config->strategies[index];
    const struct snapshot_pause *p = &s->pauses[index];
    json_object_begin(o);
    json_put_string(o, "name", c->name);
    json_put_string(o, "state", !c->enabled ? "disabled" : p->paused ? "paused" : "active");
    json_put_bool(o, "enabled", c->enabled);
    put_pause(s, p, o);
    json_put_string(o, "schedule", c->schedule.text);
    json_put_decimal(o, "allocation", c->allocation.nanos);
    json_key(o, "symbols");
    json_array_begin(o);
    for (size_t i = 0; i < c->symbols.count; i++)
        json_add_string(o, c->symbols.words[i]);
    json_array_end(o);
    json_object_end(o);
}

void snapshot_add_strategies(const struct snapshot *s, struct json_out *o)
{
    json_array_begin(o);
    for (size_t i = 0; s->config && i < s->config->strategy_count; i++)
        put_strategy(s, i, o);
    json_array_end(o);
}

void snapshot_put_scheduler_config(const struct snapshot *s, struct json_out *o)
{
    const struct config *c = s->config;
    json_key(o, "config");
    json_object_begin(o);
    json_put_string(o, "zone", "America/New_York");
    if (c) {
        json_put_string(o, "early_close", c->early_close);
        json_put_decimal_number(o, "latest_start_seconds", c->latest_start_ms * NS_PER_MS);
        json_put_decimal_number(o, "run_deadline_seconds", c->run_deadline_ms * NS_PER_MS);
        json_put_decimal_number(o, "poll_interval_seconds", c->poll_interval_ms * NS_PER_MS);
        json_key(o, "strategies");
        snapshot_add_strategies(s, o);
    }
    json_object_end(o);
}
