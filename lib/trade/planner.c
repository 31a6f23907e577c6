// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// From targets to legs, in two steps. First every member's wish per symbol: target minus its own book, left alone when
// it is small. Then one symbol at a time: wishes that oppose each other meet inside the account as transfers, what is
// left is the leg, and each member's part of the leg is its allocation. Everything is signed, positive buys.
#include "lib/trade/planner.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/map.h"
#include "lib/trade/planner_net.h"

#define SMALL_EQUITY (1000 * DECIMAL_ONE)

struct symbol_list {
    char (*names)[SYMBOL_MAX];
    size_t count, cap;
};

struct planning {
    const struct plan_member *members;
    size_t member_count;
    const struct plan_rules *rules;
    struct map *assets;   // by symbol
    struct map **targets; // of each member, by symbol
};

// Found by symbol in the same time whatever their number.
static void planning_begin(struct planning *p, const struct plan_asset *assets, size_t asset_count)
{
    p->assets = map_new();
    p->targets = check_alloc(p->member_count + 1, sizeof(struct map *));
    for (size_t i = asset_count; i-- > 0;) // of two equal ones the first counts
        map_put(p->assets, assets[i].symbol, (void *)(uintptr_t)&assets[i]);
    for (size_t m = 0; m < p->member_count; m++) {
        const struct signal *s = p->members[m].signal;
        p->targets[m] = map_new();
        for (size_t i = s ? s->count : 0; i-- > 0;)
            map_put(p->targets[m], s->targets[i].symbol, (void *)(uintptr_t)&s->targets[i]);
    }
}

static void planning_end(struct planning *p)
{
    for (size_t m = 0; m < p->member_count; m++)
        map_free(p->targets[m]);
    free(p->targets);
    map_free(p->assets);
}

static void symbols_add(struct symbol_list *l, const char *symbol)
{
    if (l->count == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 32;
        l->names = check_realloc(l->names, l->cap * sizeof(l->names[0]));
    }
    str_copy_cut(l->names[l->count++], SYMBOL_MAX, symbol);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

// Every symbol that a member with a signal targets or holds, sorted, once each.
static struct symbol_list symbols_gather(const struct planning *p)
{
    struct symbol_list l = {0};
    for (size_t m = 0; m < p->member_count; m++) {
        const struct plan_member *member = &p->members[m];
        if (!member->signal)
            continue;
        for (size_t i = 0; i < member->signal->count; i++)
            symbols_add(&l, member->signal->targets[i].symbol);
        for (size_t i = 0; i < member->book->count; i++)
            symbols_add(&l, member->book->items[i].symbol);
    }
    if (l.count == 0)
        return l;
    qsort(l.names, l.count, sizeof(l.names[0]), by_name);
    size_t kept = 1;
    for (size_t i = 1; i < l.count; i++)
        if (strcmp(l.names[i], l.names[kept - 1]) != 0)
            memmove(l.names[kept++], l.names[i], SYMBOL_MAX);
    l.count = kept;
    return l;
}

static const struct plan_asset *asset_find(const struct planning *p, const char *symbol)
{
    return map_get(p->assets, symbol);
}

static struct ratio weight_of(const struct planning *p, size_t member, const char *symbol)
{
    const struct signal_target *t = map_get(p->targets[member], symbol);
    return t ? t->weight : (struct ratio){0}; // held but not named: the member no longer wants it
}

// Shares that the weight is worth, toward zero to the increment; shorts in whole shares, the broker has no fractional
// ones.
static bool target_qty(const struct planning *p, const struct plan_member *m, const struct plan_asset *a,
                       struct ratio weight, struct qty *out)
{
    struct money buffer, room, value;
    bool is_short = weight.nanos < 0;
    struct ratio size = {is_short ? -weight.nanos : weight.nanos};
    int64_t increment = is_short && a->increment.nanos < DECIMAL_ONE ? DECIMAL_ONE : a->increment.nanos;
    if (!decimal_mul_up(m->capital.nanos, p->rules->cash_buffer.nanos, &buffer.nanos) ||
        !money_sub(m->capital, buffer, &room) || !money_share_down(room, size, &value) ||
        !qty_for_notional_down(value, a->price, out))
        return false;
    out->nanos = decimal_floor_to(out->nanos, increment);
    if (is_short)
        out->nanos = -out->nanos;
    return true;
}

// Too small to act on: below the minimum trade, or inside the member's band. Compared without rounding.
static bool left_alone(const struct planning *p, const struct plan_member *m, struct price price, int64_t delta)
{
    __int128 value = (__int128)(delta < 0 ? -(__int128)delta : delta) * price.nanos;
    if (value < (__int128)p->rules->min_trade.nanos * DECIMAL_ONE)
        return true;
    return m->band.nanos > 0 && value <= (__int128)m->capital.nanos * m->band.nanos;
}

static int refuse(struct err *err, const struct plan_member *m, const char *symbol, const char *why)
{
    return err_set(err, "strategy %s, %s: %s; nothing is planned", m->strategy, symbol, why);
}

// What the member wants to change in the symbol: signed shares, 0 for nothing. *exit: it wants to be out of it.
static int member_wish(const struct planning *p, size_t member, const char *symbol, struct qty *wish, bool *exit,
                       struct err *err)
{
    const struct plan_member *m = &p->members[member];
    struct qty held = book_qty(m->book, symbol), target = {0};
    struct ratio weight = weight_of(p, member, symbol);
    const struct plan_asset *a = asset_find(p, symbol);
    wish->nanos = 0;
    *exit = weight.nanos == 0;
    if (*exit && held.nanos == 0)
        return 0;
    if (!a || a->price.nanos <= 0)
        return refuse(err, m, symbol, held.nanos ? "held symbol without price" : "target without price");
    if (a->increment.nanos <= 0)
        return refuse(err, m, symbol, "the asset's increment is not above zero");
    if (!*exit && !target_qty(p, m, a, weight, &target))
        return refuse(err, m, symbol, "the target is out of the number range");
    if (!qty_sub(target, held, wish) || wish->nanos == INT64_MIN)
        return refuse(err, m, symbol, "the change is out of the number range");
    // Not cut to the increment here: an odd lot may still meet another inside the account. The leg is cut, once.
    if (!*exit && left_alone(p, m, a->price, wish->nanos))
        wish->nanos = 0;
    if (wish->nanos && !a->tradable)
        return refuse(err, m, symbol, "the broker lists the symbol as not tradable");
    return 0;
}

static int plan_symbol(const struct planning *p, const char *symbol, struct net *net, struct plan *out, struct err *err)
{
    const struct plan_asset *a = asset_find(p, symbol);
    net_reset(net);
    for (size_t m = 0; m < p->member_count; m++) {
        struct qty wish;
        bool exit = false;
        if (!p->members[m].signal)
            continue;
        if (member_wish(p, m, symbol, &wish, &exit, err))
            return -1;
        if (wish.nanos)
            net_add(net, p->members[m].strategy, wish, exit);
    }
    if (net->count == 0)
        return 0;
    CHECK(a);
    if (!net_settle(net, a, p->rules->min_trade, out))
        return err_set(err, "%s: the sum of all strategies is out of the number range; nothing is planned", symbol);
    if (out->leg_count > PLAN_LEGS_MAX)
        return err_set(err, "the plan needs more than %d legs; nothing is planned", PLAN_LEGS_MAX);
    return 0;
}

static int sells_first(const void *a, const void *b)
{
    const struct plan_leg *x = a, *y = b;
    if (x->side != y->side)
        return x->side == ORDER_SELL ? -1 : 1;
    return strcmp(x->symbol, y->symbol);
}

static int members_check(const struct planning *p, struct err *err)
{
    for (size_t m = 0; m < p->member_count; m++) {
        const struct plan_member *member = &p->members[m];
        CHECK(member->strategy && member->book);
        if (member->signal && member->capital.nanos < 0)
            return err_set(err, "strategy %s has a capital below zero; nothing is planned", member->strategy);
    }
    if (p->rules->cash_buffer.nanos < 0 || p->rules->cash_buffer.nanos > DECIMAL_ONE)
        return err_set(err, "the cash buffer is not between 0 and 1; nothing is planned");
    return 0;
}

struct money plan_min_trade(struct money min_trade, struct money equity)
{
    if (equity.nanos <= 0 || equity.nanos >= SMALL_EQUITY)
        return min_trade;
    int64_t hundredth = equity.nanos / 100;
    return (struct money){hundredth > DECIMAL_ONE ? hundredth : DECIMAL_ONE};
}

int plan_make(const struct plan_member *members, size_t member_count, const struct plan_asset *assets,
              size_t asset_count, const struct plan_rules *rules, struct plan *out, struct err *err)
{
    struct planning p = {.members = members, .member_count = member_count, .rules = rules};
    struct plan made = {0};
    int rc = 0;
    if (members_check(&p, err))
        return -1;
    struct symbol_list symbols = symbols_gather(&p);
    struct net *net = net_new(member_count);
    planning_begin(&p, assets, asset_count);
    for (size_t i = 0; i < symbols.count && rc == 0; i++)
        rc = plan_symbol(&p, symbols.names[i], net, &made, err);
    planning_end(&p);
    net_free(net);
    free(symbols.names);
    if (rc) {
        plan_free(&made);
        return -1;
    }
    if (made.leg_count > 1)
        qsort(made.legs, made.leg_count, sizeof(made.legs[0]), sells_first);
    for (size_t i = 0; i < made.leg_count; i++)
        made.legs[i].leg = (int)i + 1;
    *out = made;
    return 0;
}

void plan_free(struct plan *p)
{
    for (size_t i = 0; i < p->leg_count; i++)
        free(p->legs[i].allocations);
    free(p->legs);
    free(p->transfers);
    memset(p, 0, sizeof(*p));
}
