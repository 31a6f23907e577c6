// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Which open order of one's own a new order would trade with. Market and stop orders may trade with any, of the limit
// orders only the best price counts; so a new order costs the same however many are open. Complex and trailing orders
// are exempt.
#include <stdlib.h>

#include "daemon/sim/exchange_internal.h"

void exchange_book_init(struct exchange_book *b)
{
    *b = (struct exchange_book){0};
    list_init(&b->always[ORDER_BUY]);
    list_init(&b->always[ORDER_SELL]);
    b->look_at = EXCHANGE_NEVER;
}

void exchange_book_free(struct exchange_book *b)
{
    for (int side = 0; side < 2; side++) {
        free(b->limits[side].items);
        free(b->rests[side].items);
        free(b->stops[side].items);
    }
}

static bool exempt(enum exchange_class order_class, enum order_type type)
{
    return order_class != CLASS_SIMPLE || type == ORDER_TRAILING_STOP;
}

void exchange_book_add(struct exchange *e, struct exchange_order *o)
{
    struct exchange_book *b = &e->books[market_symbol_index(o->symbol)];
    if (exempt(o->order_class, o->type))
        return;
    if (o->type != ORDER_LIMIT) {
        list_append(&b->always[o->side], &o->book);
        return;
    }
    int64_t key = o->side == ORDER_BUY ? -o->limit_price.nanos : o->limit_price.nanos;
    exchange_heap_push(&b->limits[o->side], (struct exchange_event){key, o->number});
}

static const struct exchange_order *best_limit(struct exchange *e, struct exchange_heap *h)
{
    while (h->count > 0 && order_status_terminal(e->orders[h->items[0].number - 1]->status))
        exchange_heap_pop(h);
    return h->count > 0 ? e->orders[h->items[0].number - 1] : NULL;
}

const struct exchange_order *exchange_book_crossing(struct exchange *e, const struct exchange_submission *s)
{
    if (exempt(s->replaced != NULL ? s->replaced->order_class : s->r->order_class, s->r->type))
        return NULL;
    enum order_side other = s->r->side == ORDER_BUY ? ORDER_SELL : ORDER_BUY;
    struct exchange_book *b = &e->books[market_symbol_index(s->symbol)];
    if (!list_empty(&b->always[other]))
        return LIST_ENTRY(b->always[other].next, struct exchange_order, book);
    const struct exchange_order *o = best_limit(e, &b->limits[other]);
    if (o == NULL || s->r->type != ORDER_LIMIT)
        return o;
    int64_t gap = o->limit_price.nanos - s->r->limit.price.nanos; // of their price over ours
    return (other == ORDER_BUY ? gap >= 0 : gap <= 0) ? o : NULL;
}
