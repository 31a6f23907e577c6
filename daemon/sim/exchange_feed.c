// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A ring of updates; see exchange_feed.h.
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/exchange_feed.h"

enum { DRAW_EXECUTION_ID = 200 };

struct exchange_feed {
    uint64_t seed, last;
    size_t capacity;
    struct exchange_update *ring; // number n lies at n modulo capacity
};

struct exchange_feed *exchange_feed_new(uint64_t seed, size_t capacity)
{
    CHECK(capacity > 0);
    struct exchange_feed *f = check_alloc(1, sizeof *f);
    *f = (struct exchange_feed){.seed = seed, .capacity = capacity};
    f->ring = check_alloc(capacity, sizeof *f->ring);
    return f;
}

void exchange_feed_free(struct exchange_feed *f)
{
    if (f == NULL)
        return;
    free(f->ring);
    free(f);
}

void exchange_feed_note(void *feed, const char *event, const struct exchange_order *o, const struct exchange_fill *fill,
                        int64_t at)
{
    struct exchange_feed *f = feed;
    struct exchange_update *u = &f->ring[++f->last % f->capacity];
    *u = (struct exchange_update){.number = f->last, .event = event, .at = at, .order = *o};
    list_init(&u->order.book);
    const char *uuid = fill != NULL ? strstr(fill->id, "::") : NULL;
    if (uuid != NULL)
        str_copy_cut(u->execution_id, sizeof u->execution_id, uuid + 2);
    else
        draw_uuid(f->seed, DRAW_EXECUTION_ID, f->last, u->execution_id);
    if (fill == NULL)
        return;
    u->is_fill = true;
    u->qty = fill->qty;
    u->price = fill->price;
    u->position_qty = fill->position_qty;
}

uint64_t exchange_feed_last(const struct exchange_feed *f)
{
    return f->last;
}

const struct exchange_update *exchange_feed_after(const struct exchange_feed *f, uint64_t number)
{
    uint64_t oldest = f->last > f->capacity ? f->last - f->capacity + 1 : 1;
    uint64_t next = number + 1 > oldest ? number + 1 : oldest;
    return next > f->last ? NULL : &f->ring[next % f->capacity];
}
