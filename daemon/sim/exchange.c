// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The exchange's tables: orders by number, id and client id, fills, positions, what holds for a symbol.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/sim/exchange_internal.h"

struct exchange *exchange_new(const struct exchange_params *params)
{
    CHECK(params->multiplier == 1 || params->multiplier == 2 || params->multiplier == 4);
    struct exchange *e = check_alloc(1, sizeof *e);
    e->params = *params;
    e->settings.fractional_trading = true;
    e->settings.max_multiplier = params->multiplier;
    e->cash = e->last_equity = params->cash;
    e->now = params->started;
    e->by_id = map_new();
    e->by_client = map_new();
    e->fills_by_id = map_new();
    size_t symbols = market_symbol_count(params->market);
    e->positions = check_alloc(symbols, sizeof *e->positions);
    e->books = check_alloc(symbols, sizeof *e->books);
    e->marks = check_alloc(symbols, sizeof *e->marks);
    for (size_t i = 0; i < symbols; i++) {
        e->positions[i].symbol = market_symbol_at(params->market, i);
        exchange_book_init(&e->books[i]);
    }
    struct market_session session;
    market_session_at(params->market, params->started, &session);
    e->close_at = session.close_ns;
    exchange_timeline_next(e);
    return e;
}

void exchange_free(struct exchange *e)
{
    if (e == NULL)
        return;
    for (size_t i = 0; i < e->order_count; i++)
        free(e->orders[i]);
    free(e->orders);
    map_free(e->by_id);
    map_free(e->by_client);
    map_free(e->fills_by_id);
    free(e->fills);
    free(e->events.items);
    for (size_t i = 0; i < market_symbol_count(e->params.market); i++)
        exchange_book_free(&e->books[i]);
    free(e->positions);
    free(e->books);
    free(e->marks);
    free(e->ntas);
    free(e);
}

const struct exchange_params *exchange_params(const struct exchange *e)
{
    return &e->params;
}

struct exchange_settings *exchange_settings(struct exchange *e)
{
    return &e->settings;
}

struct exchange_marks *exchange_marks(struct exchange *e, const struct market_symbol *s)
{
    return &e->marks[market_symbol_index(s)];
}

const char *exchange_class_name(enum exchange_class c)
{
    static const char *const names[] = {"", "bracket", "oco", "oto", "mleg"};
    return names[c];
}

struct money exchange_cash(const struct exchange *e)
{
    return e->cash;
}

void exchange_event_emit(struct exchange *e, const char *event, const struct exchange_order *o,
                         const struct exchange_fill *fill, int64_t at)
{
    if (e->params.on_event != NULL)
        e->params.on_event(e->params.arg, event, o, fill, at);
}

int exchange_refuse(struct exchange_refusal *why, int status, int code, const char *format, ...)
{
    *why = (struct exchange_refusal){.status = status, .code = code};
    va_list args;
    va_start(args, format);
    vsnprintf(why->message, sizeof why->message, format, args);
    va_end(args);
    return -1;
}

void exchange_refusal_extra(struct exchange_refusal *why, const char *name, const char *value)
{
    CHECK(why->extra_count < EXCHANGE_EXTRAS_MAX);
    why->extra[why->extra_count].name = name;
    str_copy_cut(why->extra[why->extra_count++].value, sizeof why->extra[0].value, value);
}

// Tables.

struct exchange_order *exchange_order_add(struct exchange *e)
{
    if (e->order_count == e->order_cap) {
        e->order_cap = e->order_cap == 0 ? 256 : e->order_cap * 2;
        e->orders = check_realloc(e->orders, e->order_cap * sizeof(struct exchange_order *));
    }
    struct exchange_order *o = check_alloc(1, sizeof *o);
    o->number = e->order_count + 1;
    o->next_at = o->cancel_at = o->event_at = EXCHANGE_NEVER;
    list_init(&o->book);
    e->orders[e->order_count++] = o;
    return o;
}

void exchange_order_index(struct exchange *e, struct exchange_order *o)
{
    map_put(e->by_id, o->id, o);
    map_put(e->by_client, o->client_order_id, o);
}

struct exchange_order *exchange_order_numbered(struct exchange *e, uint64_t number)
{
    return number == 0 ? NULL : e->orders[number - 1];
}

const struct exchange_order *exchange_order_find(const struct exchange *e, const char *id)
{
    return map_get(e->by_id, id);
}

const struct exchange_order *exchange_order_find_client(const struct exchange *e, const char *client_order_id)
{
    return map_get(e->by_client, client_order_id);
}

size_t exchange_order_count(const struct exchange *e)
{
    return e->order_count;
}

const struct exchange_order *exchange_order_at(const struct exchange *e, size_t i)
{
    return e->orders[i];
}

size_t exchange_fill_count(const struct exchange *e)
{
    return e->fill_count;
}

const struct exchange_fill *exchange_fill_at(const struct exchange *e, size_t i)
{
    return &e->fills[i];
}

size_t exchange_fill_find(const struct exchange *e, const char *id)
{
    void *index = map_get(e->fills_by_id, id);
    return index != NULL ? (size_t)(uintptr_t)index - 1 : e->fill_count;
}

struct exchange_position *exchange_position_of(struct exchange *e, const struct market_symbol *s)
{
    return &e->positions[market_symbol_index(s)];
}

const struct exchange_position *exchange_position_find(const struct exchange *e, const struct market_symbol *s)
{
    const struct exchange_position *p = &e->positions[market_symbol_index(s)];
    return p->qty.nanos != 0 ? p : NULL;
}
