// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// An order's own kind beside it: what of ours is open on the other side of its symbol, and the orders placed just
// before it. Both are kept as orders come and go; only when the best one of a side ends are the others looked at.
#include "daemon/exposure_internal.h"

#define LONG_AGO (INT64_MIN / 2)
#define FNV_START UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

static uint64_t digest_word(uint64_t h, const char *word)
{
    for (; *word; word++)
        h = (h ^ (uint8_t)*word) * FNV_PRIME;
    return h * FNV_PRIME;
}

// ---- open on the other side

static bool better(const struct symbol *s, const struct order_request *o)
{
    if (o->side == ORDER_BUY) // a market order crosses with anything
        return s->open_buys == 0 || (s->buy_highest.nanos != 0 &&
                                     (o->limit_price.nanos == 0 || o->limit_price.nanos > s->buy_highest.nanos));
    return s->open_sells == 0 || o->limit_price.nanos < s->sell_lowest.nanos;
}

static void count(struct symbol *s, const struct order_request *o)
{
    bool best = better(s, o);
    if (o->side == ORDER_BUY) {
        s->open_buys++;
        s->buy_highest = best ? o->limit_price : s->buy_highest;
    } else {
        s->open_sells++;
        s->sell_lowest = best ? o->limit_price : s->sell_lowest;
    }
}

void beside_opened(struct symbol *s, struct reservation *r)
{
    list_append(&s->open, &r->node);
    count(s, &r->intent.order);
}

void beside_closed(struct symbol *s, struct reservation *r)
{
    const struct order_request *o = &r->intent.order;
    bool buy = o->side == ORDER_BUY;
    struct price best = buy ? s->buy_highest : s->sell_lowest;
    list_remove(&r->node);
    if (o->limit_price.nanos != best.nanos) {
        *(buy ? &s->open_buys : &s->open_sells) -= 1;
        return;
    }
    s->open_buys = s->open_sells = 0;
    LIST_EACH(n, tmp, &s->open)
    count(s, &LIST_ENTRY(n, struct reservation, node)->intent.order);
}

void beside_view(const struct symbol *s, struct risk_view *out)
{

    out->buy_open = s->open_buys > 0;
    out->sell_open = s->open_sells > 0;
    out->buy_highest = s->buy_highest;
    out->sell_lowest = s->sell_lowest;
}

// ---- the same again

static struct recent recent_of(const struct intent *in, int64_t now_boot_ns)
{
    const struct order_request *o = &in->order;
    struct recent r = {.boot_ns = now_boot_ns,
                       .side = o->side,
                       .qty = o->qty,
                       .notional = o->notional,
                       .limit_price = o->limit_price,
                       .strategy = digest_word(FNV_START, in->strategy)};
    if (in->run_id[0])
        r.leg = digest_word(FNV_START, in->run_id) + (uint64_t)in->leg;
    return r;
}

void beside_placed(struct symbol *s, const struct intent *intent, int64_t now_boot_ns)
{
    if (!s->recent)
        s->recent = check_alloc(RECENT_MAX, sizeof *s->recent);
    s->recent[s->recent_next++ % RECENT_MAX] = recent_of(intent, now_boot_ns);
}

static bool same_content(const struct recent *a, const struct recent *b)
{
    return a->side == b->side && a->qty.nanos == b->qty.nanos && a->notional.nanos == b->notional.nanos &&
           a->limit_price.nanos == b->limit_price.nanos && a->strategy == b->strategy;
}

static size_t recent_count(const struct symbol *s)
{
    return s->recent_next < RECENT_MAX ? s->recent_next : RECENT_MAX;
}

void beside_forget(struct symbol *s, const struct intent *intent)
{
    struct recent gone = recent_of(intent, 0);
    for (size_t i = 0; i < recent_count(s); i++)
        if (same_content(&s->recent[i], &gone) && s->recent[i].leg == gone.leg)
            s->recent[i].boot_ns = LONG_AGO;
}

// Tries of one leg are the same order by intent: each waits for the end of the one before.
static bool same(const struct recent *a, const struct recent *b)
{
    return same_content(a, b) && !(a->leg && a->leg == b->leg);
}

void beside_alike(const struct symbol *s, const struct intent *intent, int64_t now_boot_ns, struct risk_view *out)
{
    struct recent now = recent_of(intent, now_boot_ns);
    for (size_t i = 0; i < recent_count(s); i++) {
        const struct recent *r = &s->recent[i];
        int64_t age = now_boot_ns - r->boot_ns;
        if (!same(r, &now) || (out->alike && age >= out->alike_age_ns))
            continue;
        out->alike = true;
        out->alike_age_ns = age;
    }
}
