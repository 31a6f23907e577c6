// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The exchange's tables and its time line: orders by number, id and client id, the heap of events, what each event
// does.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/exchange_internal.h"

#define CANCEL_NS (10 * NS_PER_MS)

struct exchange *exchange_new(const struct exchange_params *params)
{
    CHECK(params->multiplier == 1 || params->multiplier == 2 || params->multiplier == 4);
    struct exchange *e = check_alloc(1, sizeof *e);
    e->params = *params;
    e->settings.fractional_trading = true;
    e->cash = e->last_equity = params->cash;
    e->now = params->started;
    e->by_id = map_new();
    e->by_client = map_new();
    size_t symbols = market_symbol_count(params->market);
    e->positions = check_alloc(symbols, sizeof *e->positions);
    e->books = check_alloc(symbols, sizeof *e->books);
    for (size_t i = 0; i < symbols; i++) {
        e->positions[i].symbol = market_symbol_at(params->market, i);
        list_init(&e->books[i].side[ORDER_BUY]);
        list_init(&e->books[i].side[ORDER_SELL]);
    }
    struct market_session session;
    market_session_at(params->market, params->started, &session);
    e->roll_at = session.close_ns;
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
    free(e->fills);
    free(e->heap);
    free(e->positions);
    free(e->books);
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
    list_append(&e->books[market_symbol_index(o->symbol)].side[o->side], &o->book);
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
    size_t i = 0;
    while (i < e->fill_count && strcmp(e->fills[i].id, id) != 0)
        i++;
    return i;
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

// The heap of events: earliest first, then by order number.

static bool earlier(const struct exchange_event *a, const struct exchange_event *b)
{
    return a->at != b->at ? a->at < b->at : a->number < b->number;
}

static void heap_push(struct exchange *e, struct exchange_event event)
{
    if (e->heap_count == e->heap_cap) {
        e->heap_cap = e->heap_cap == 0 ? 256 : e->heap_cap * 2;
        e->heap = check_realloc(e->heap, e->heap_cap * sizeof *e->heap);
    }
    size_t at = e->heap_count++;
    for (; at > 0 && earlier(&event, &e->heap[(at - 1) / 2]); at = (at - 1) / 2)
        e->heap[at] = e->heap[(at - 1) / 2];
    e->heap[at] = event;
}

static void heap_pop(struct exchange *e)
{
    struct exchange_event last = e->heap[--e->heap_count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < e->heap_count; at = child) {
        if (child + 1 < e->heap_count && earlier(&e->heap[child + 1], &e->heap[child]))
            child++;
        if (!earlier(&e->heap[child], &last))
            break;
        e->heap[at] = e->heap[child];
    }
    e->heap[at] = last;
}

void exchange_order_schedule(struct exchange *e, struct exchange_order *o)
{
    int64_t at = o->next_at < o->cancel_at ? o->next_at : o->cancel_at;
    if (order_status_terminal(o->status))
        at = EXCHANGE_NEVER;
    else if (o->expires_at != 0 && o->expires_at < at)
        at = o->expires_at;
    o->event_at = at;
    if (at != EXCHANGE_NEVER)
        heap_push(e, (struct exchange_event){at, o->number});
}

// Drops what is stale; the earliest event or NULL.
static const struct exchange_event *heap_top(struct exchange *e)
{
    while (e->heap_count > 0 && e->orders[e->heap[0].number - 1]->event_at != e->heap[0].at)
        heap_pop(e);
    return e->heap_count > 0 ? &e->heap[0] : NULL;
}

int64_t exchange_next(const struct exchange *e)
{
    int64_t at = e->heap_count > 0 ? e->heap[0].at : EXCHANGE_NEVER; // a stale entry only wakes too early
    return at < e->roll_at ? at : e->roll_at;
}

// Events.

static void order_end(struct exchange *e, struct exchange_order *o, enum order_status status, int64_t at)
{
    o->status = status;
    o->updated_at = at;
    if (status == ORDER_CANCELED)
        o->canceled_at = at;
    else
        o->expired_at = at;
    exchange_release(e, o);
    list_remove(&o->book);
    exchange_event_emit(e, order_status_name(status), o, NULL, at);
}

static void order_becomes_new(struct exchange *e, struct exchange_order *o, int64_t at)
{
    o->status = ORDER_NEW;
    o->updated_at = at;
    if (!o->fractional)
        o->submitted_at = at;
    o->next_at = at + exchange_delay(e, o);
    exchange_event_emit(e, "new", o, NULL, at);
}

static void order_step(struct exchange *e, struct exchange_order *o, int64_t at)
{
    if (o->expires_at != 0 && o->expires_at <= at)
        order_end(e, o, ORDER_EXPIRED, at);
    else if (o->cancel_at <= at)
        order_end(e, o, ORDER_CANCELED, at);
    else if (o->status == ORDER_ACCEPTED || (o->status == ORDER_PENDING_NEW && !o->fractional))
        order_becomes_new(e, o, at);
    else
        exchange_try_fill(e, o, at);
    exchange_order_schedule(e, o);
}

void exchange_advance(struct exchange *e, int64_t now)
{
    for (;;) {
        const struct exchange_event *top = heap_top(e);
        int64_t at = top != NULL ? top->at : EXCHANGE_NEVER;
        if (at > now && e->roll_at > now)
            break;
        if (at <= e->roll_at) { // orders expire at the close before the session is rolled over
            struct exchange_order *o = e->orders[top->number - 1];
            heap_pop(e);
            e->now = at > e->now ? at : e->now;
            order_step(e, o, at);
        } else {
            e->now = e->roll_at > e->now ? e->roll_at : e->now;
            exchange_session_roll(e);
        }
    }
    e->now = now > e->now ? now : e->now;
}

int exchange_cancel(struct exchange *e, const char *id, int64_t now, struct exchange_refusal *why)
{
    exchange_advance(e, now);
    struct exchange_order *o = map_get(e->by_id, id);
    if (o == NULL)
        return exchange_refuse(why, 404, 40410000, "order not found for %.64s", id);
    if (o->status == ORDER_CANCELED || o->cancel_at != EXCHANGE_NEVER)
        return 0;
    if (order_status_terminal(o->status))
        return exchange_refuse(why, 422, 42210000, "order is already in \"%s\" state", order_status_name(o->status));
    // A cancel takes a moment, in which a fill may still come first.
    o->cancel_at = now + (e->params.fill_delay_ns < CANCEL_NS ? 0 : CANCEL_NS);
    exchange_order_schedule(e, o);
    exchange_advance(e, now);
    return 0;
}
