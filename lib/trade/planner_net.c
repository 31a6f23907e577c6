// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Netting: the side that wants less is met wholly inside the account, the other side in proportion, the rest is the
// leg.
#include "lib/trade/planner_net.h"

#include <stdlib.h>
#include <string.h>

struct net *net_new(size_t member_count)
{
    struct net *n = check_alloc(1, sizeof(*n));
    n->room = member_count;
    n->buyers = check_alloc(member_count + 1, sizeof(n->buyers[0]));
    n->sellers = check_alloc(member_count + 1, sizeof(n->sellers[0]));
    return n;
}

void net_free(struct net *n)
{
    free(n->buyers);
    free(n->sellers);
    free(n);
}

void net_reset(struct net *n)
{
    n->buyer_count = n->seller_count = n->count = 0;
}

void net_add(struct net *n, const char *strategy, struct qty wish, bool exit)
{
    CHECK(wish.nanos != 0 && wish.nanos != INT64_MIN && n->count < n->room);
    struct net_wish *w = wish.nanos > 0 ? &n->buyers[n->buyer_count++] : &n->sellers[n->seller_count++];
    *w = (struct net_wish){.strategy = strategy, .size = {wish.nanos < 0 ? -wish.nanos : wish.nanos}, .exit = exit};
    n->count++;
}

static bool sum_of(const struct net_wish *wishes, size_t count, struct qty *out)
{
    struct qty sum = {0};
    for (size_t i = 0; i < count; i++)
        if (!qty_add(sum, wishes[i].size, &sum))
            return false;
    *out = sum;
    return true;
}

// Spreads what is met inside the account over one side.
static bool spread(struct net_wish *wishes, size_t count, struct qty inside, struct qty increment)
{
    struct qty *sizes = check_alloc(count, sizeof(*sizes)), *parts = check_alloc(count, sizeof(*parts));
    for (size_t i = 0; i < count; i++)
        sizes[i] = wishes[i].size;
    bool ok = qty_share(inside, sizes, count, increment, parts);
    for (size_t i = 0; ok && i < count; i++)
        wishes[i].inside = parts[i];
    free(parts);
    free(sizes);
    return ok;
}

static void transfer_add(struct plan *out, const struct plan_asset *a, const char *from, const char *to, struct qty qty)
{
    out->transfers = check_realloc(out->transfers, (out->transfer_count + 1) * sizeof(out->transfers[0]));
    struct plan_transfer *t = &out->transfers[out->transfer_count++];
    memset(t, 0, sizeof(*t));
    str_copy_cut(t->symbol, sizeof(t->symbol), a->symbol);
    t->from = from;
    t->to = to;
    t->qty = qty;
    t->price = a->price;
}

// Pairs sellers with buyers until what is inside is used up on both sides.
static void transfers_pair(const struct net *n, const struct plan_asset *a, struct plan *out)
{
    size_t s = 0, b = 0;
    int64_t give = n->sellers[0].inside.nanos, take = n->buyers[0].inside.nanos;
    while (s < n->seller_count && b < n->buyer_count) {
        int64_t moved = give < take ? give : take;
        if (moved > 0)
            transfer_add(out, a, n->sellers[s].strategy, n->buyers[b].strategy, (struct qty){moved});
        give -= moved;
        take -= moved;
        if (give == 0 && ++s < n->seller_count)
            give = n->sellers[s].inside.nanos;
        if (take == 0 && ++b < n->buyer_count)
            take = n->buyers[b].inside.nanos;
    }
}

static bool anyone_leaves(const struct net_wish *wishes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (wishes[i].exit && wishes[i].size.nanos > wishes[i].inside.nanos)
            return true;
    return false;
}

// The leg: what the stronger side still lacks, cut to `size`, which may be a little less than the sum of its parts.
static bool leg_add(struct plan *out, const struct plan_asset *a, enum order_side side, struct qty size,
                    struct qty wanted, const struct net_wish *wishes, size_t count)
{
    struct qty *lacks = check_alloc(count, sizeof(*lacks)), *parts = check_alloc(count, sizeof(*parts));
    for (size_t i = 0; i < count; i++)
        lacks[i].nanos = wishes[i].size.nanos - wishes[i].inside.nanos;
    bool ok = qty_share(size, lacks, count, a->increment, parts);
    if (ok) {
        out->legs = check_realloc(out->legs, (out->leg_count + 1) * sizeof(out->legs[0]));
        struct plan_leg *leg = &out->legs[out->leg_count++];
        memset(leg, 0, sizeof(*leg));
        str_copy_cut(leg->symbol, sizeof(leg->symbol), a->symbol);
        leg->side = side;
        leg->qty = size;
        leg->wanted = wanted;
        leg->decision_price = a->price;
        leg->allocations = check_alloc(count, sizeof(leg->allocations[0]));
        for (size_t i = 0; i < count; i++)
            if (parts[i].nanos)
                leg->allocations[leg->allocation_count++] = (struct plan_allocation){
                    wishes[i].strategy, {side == ORDER_SELL ? -parts[i].nanos : parts[i].nanos}};
    }
    free(parts);
    free(lacks);
    return ok;
}

bool net_settle(struct net *n, const struct plan_asset *a, struct money min_trade, struct plan *out)
{
    struct qty buys, sells, rest;
    if (!sum_of(n->buyers, n->buyer_count, &buys) || !sum_of(n->sellers, n->seller_count, &sells))
        return false;
    bool buying = buys.nanos > sells.nanos;
    struct qty inside = buying ? sells : buys;
    if (inside.nanos) {
        if (!spread(n->buyers, n->buyer_count, inside, a->increment) ||
            !spread(n->sellers, n->seller_count, inside, a->increment))
            return false;
        transfers_pair(n, a, out);
    }
    struct net_wish *side = buying ? n->buyers : n->sellers;
    size_t count = buying ? n->buyer_count : n->seller_count;
    rest.nanos = buying ? buys.nanos - sells.nanos : sells.nanos - buys.nanos;
    // Somebody who leaves sells the exact quantity; everything else is cut to what can be ordered and is worth
    // ordering.
    if (!anyone_leaves(side, count)) {
        rest.nanos = decimal_floor_to(rest.nanos, a->increment.nanos);
        if ((__int128)rest.nanos * a->price.nanos < (__int128)min_trade.nanos * DECIMAL_ONE)
            rest.nanos = 0;
    }
    // The account may hold less than the books say it should (somebody else sold): no more than there is.
    struct qty wanted = {0};
    if (!buying && a->sells_capped && rest.nanos > a->free.nanos) {
        wanted = rest;
        rest.nanos = a->free.nanos > 0 ? a->free.nanos : 0;
    }
    return rest.nanos == 0 || leg_add(out, a, buying ? ORDER_BUY : ORDER_SELL, rest, wanted, side, count);
}
