// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Orders at rest. Each symbol's price is looked at once a second while anything rests on it, and only the orders that
// it has reached are woken; so a thousand orders far from the market cost no more than one. Trailing stops move with
// the price and are looked at one by one.
#include "daemon/sim/exchange_internal.h"

#define LOOK_NS NS_PER_S
#define CLOSED_LOOK_NS (60 * NS_PER_S)

static void look_next(struct exchange *e, const struct market_symbol *s, int64_t at)
{
    struct exchange_book *b = &e->books[market_symbol_index(s)];
    struct market_session session;
    market_session_at(e->params.market, at, &session);
    b->look_at = at + LOOK_NS;
    if (at < session.open_ns) // seldom while closed, but at the open at once
        b->look_at = at + CLOSED_LOOK_NS < session.open_ns ? at + CLOSED_LOOK_NS : session.open_ns;
    exchange_heap_push(&e->events, (struct exchange_event){b->look_at, SYMBOL_EVENTS + 1 + market_symbol_index(s)});
}

bool exchange_look_stale(const struct exchange *e, const struct exchange_event *event)
{
    return e->books[event->number - SYMBOL_EVENTS - 1].look_at != event->at;
}

void exchange_rest(struct exchange *e, struct exchange_order *o, struct price bound, int64_t at)
{
    struct exchange_book *b = &e->books[market_symbol_index(o->symbol)];
    bool stop = o->stop_price.nanos != 0 && !o->triggered;
    if (stop && o->type == ORDER_TRAILING_STOP) {
        o->next_at = at + LOOK_NS;
        return;
    }
    int64_t key = stop ? o->stop_price.nanos : bound.nanos;
    if (!stop && key == 0 && o->side == ORDER_BUY)
        key = INT64_MAX;                // at any price
    if ((o->side == ORDER_BUY) != stop) // reached from above: the highest comes first
        key = -key;
    o->resting = true;
    exchange_heap_push(stop ? &b->stops[o->side] : &b->rests[o->side], (struct exchange_event){key, o->number});
    if (b->look_at == EXCHANGE_NEVER)
        look_next(e, o->symbol, at);
}

// Wakes those whose key is at most this one; false when none is left.
static bool wake(struct exchange *e, struct exchange_heap *h, int64_t reached, int64_t at)
{
    while (h->count > 0) {
        struct exchange_order *o = e->orders[h->items[0].number - 1];
        bool stale = !o->resting || order_status_terminal(o->status);
        if (!stale && h->items[0].at > reached)
            return true;
        exchange_heap_pop(h);
        if (stale)
            continue;
        o->resting = false;
        o->next_at = at;
        exchange_order_schedule(e, o);
    }
    return false;
}

void exchange_look_for(struct exchange *e, uint64_t number, int64_t at)
{
    const struct market_symbol *s = market_symbol_at(e->params.market, (size_t)(number - SYMBOL_EVENTS - 1));
    struct exchange_book *b = &e->books[market_symbol_index(s)];
    struct market_quote q;
    market_quote(e->params.market, s, at, &q);
    bool left = true;
    if (!e->marks[market_symbol_index(s)].halted) {
        left = wake(e, &b->rests[ORDER_BUY], -q.ask.nanos, at);
        left |= wake(e, &b->rests[ORDER_SELL], q.bid.nanos, at);
        left |= wake(e, &b->stops[ORDER_BUY], q.last.nanos, at);
        left |= wake(e, &b->stops[ORDER_SELL], -q.last.nanos, at);
    }
    b->look_at = EXCHANGE_NEVER;
    if (left)
        look_next(e, s, at);
}
