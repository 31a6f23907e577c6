// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The exchange's time line: the heap of events, what each event does, cancels.
#include "daemon/sim/exchange_internal.h"

#define CANCEL_NS (10 * NS_PER_MS)

// Heaps: smallest first, then by order number.

static bool earlier(const struct exchange_event *a, const struct exchange_event *b)
{
    return a->at != b->at ? a->at < b->at : a->number < b->number;
}

void exchange_heap_push(struct exchange_heap *h, struct exchange_event event)
{
    if (h->count == h->cap) {
        h->cap = h->cap == 0 ? 64 : h->cap * 2;
        h->items = check_realloc(h->items, h->cap * sizeof *h->items);
    }
    size_t at = h->count++;
    for (; at > 0 && earlier(&event, &h->items[(at - 1) / 2]); at = (at - 1) / 2)
        h->items[at] = h->items[(at - 1) / 2];
    h->items[at] = event;
}

void exchange_heap_pop(struct exchange_heap *h)
{
    struct exchange_event last = h->items[--h->count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < h->count; at = child) {
        if (child + 1 < h->count && earlier(&h->items[child + 1], &h->items[child]))
            child++;
        if (!earlier(&h->items[child], &last))
            break;
        h->items[at] = h->items[child];
    }
    h->items[at] = last;
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
        exchange_heap_push(&e->events, (struct exchange_event){at, o->number});
}

static bool event_stale(const struct exchange *e, const struct exchange_event *event)
{
    if (event->number > SYMBOL_EVENTS)
        return exchange_look_stale(e, event);
    return e->orders[event->number - 1]->event_at != event->at;
}

// Drops what is stale; the earliest event or NULL.
static const struct exchange_event *next_event(struct exchange *e)
{
    struct exchange_heap *h = &e->events;
    while (h->count > 0 && event_stale(e, &h->items[0]))
        exchange_heap_pop(h);
    return h->count > 0 ? &h->items[0] : NULL;
}

int64_t exchange_next(const struct exchange *e)
{
    int64_t at = e->events.count > 0 ? e->events.items[0].at : EXCHANGE_NEVER; // a stale one only wakes too early
    return at < e->roll_at ? at : e->roll_at;
}

// Events.

void exchange_order_end(struct exchange *e, struct exchange_order *o, enum order_status status, int64_t at)
{
    o->status = status;
    o->updated_at = at;
    *(status == ORDER_CANCELED   ? &o->canceled_at
      : status == ORDER_EXPIRED  ? &o->expired_at
      : status == ORDER_REJECTED ? &o->failed_at
                                 : &o->replaced_at) = at;
    exchange_release(e, o);
    list_remove(&o->book);
    exchange_order_schedule(e, o);
    exchange_event_emit(e, order_status_name(status), o, NULL, at);
    if (status != ORDER_REPLACED)
        exchange_group_ended(e, o, status, at);
}

void exchange_order_becomes_new(struct exchange *e, struct exchange_order *o, int64_t at)
{
    o->status = ORDER_NEW;
    o->updated_at = at;
    if (!o->fractional)
        o->submitted_at = at;
    o->next_at = o->tif == TIF_OPG ? at : at + exchange_delay(e, o);
    exchange_event_emit(e, "new", o, NULL, at);
}

static void order_step(struct exchange *e, struct exchange_order *o, int64_t at)
{
    if (o->replacing)
        exchange_replace_commit(e, o, at);
    else if (o->expires_at != 0 && o->expires_at <= at)
        exchange_order_end(e, o, o->tif == TIF_GTC ? ORDER_CANCELED : ORDER_EXPIRED, at);
    else if (o->cancel_at <= at)
        exchange_order_end(e, o, ORDER_CANCELED, at);
    else if (o->status == ORDER_ACCEPTED || (o->status == ORDER_PENDING_NEW && !o->fractional))
        exchange_order_becomes_new(e, o, at);
    else
        exchange_look(e, o, at);
    exchange_order_schedule(e, o);
}

void exchange_advance(struct exchange *e, int64_t now)
{
    for (;;) {
        const struct exchange_event *top = next_event(e);
        int64_t at = top != NULL ? top->at : EXCHANGE_NEVER;
        if (at > now && e->roll_at > now)
            break;
        if (top != NULL && at <= e->roll_at) { // orders expire at the close before the session is rolled over
            uint64_t number = top->number;
            exchange_heap_pop(&e->events);
            e->now = at > e->now ? at : e->now;
            if (number > SYMBOL_EVENTS)
                exchange_look_for(e, number, at);
            else
                order_step(e, e->orders[number - 1], at);
        } else {
            e->now = e->roll_at > e->now ? e->roll_at : e->now;
            exchange_timeline_step(e);
        }
    }
    e->now = now > e->now ? now : e->now;
}

// Cancels.

int exchange_cancel(struct exchange *e, const char *id, int64_t now, struct exchange_refusal *why)
{
    exchange_advance(e, now);
    struct exchange_order *o = map_get(e->by_id, id);
    if (o == NULL)
        return exchange_refuse(why, 404, 40410000, "order not found for %.64s", id);
    if (o->status == ORDER_CANCELED || o->cancel_at != EXCHANGE_NEVER)
        return 0;
    if (order_status_terminal(o->status) || o->status == ORDER_PENDING_REPLACE)
        return exchange_refuse(why, 422, UNPROCESSABLE, "order is already in \"%s\" state",
                               order_status_name(o->status));
    // A cancel takes a moment, in which a fill may still come first.
    o->cancel_at = now + (e->params.fill_delay_ns < CANCEL_NS ? 0 : CANCEL_NS);
    exchange_order_schedule(e, o);
    exchange_advance(e, now);
    return 0;
}

void exchange_cancel_all(struct exchange *e, int64_t now)
{
    exchange_advance(e, now);
    for (size_t i = 0; i < e->order_count; i++)
        if (!order_status_terminal(e->orders[i]->status))
            exchange_order_end(e, e->orders[i], ORDER_CANCELED, now);
}
