// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// For tests of the planner: a small world of members with books and targets, and of assets with prices.
#ifndef PAPERGUARD_TESTS_PLANNER_WORLD_H
#define PAPERGUARD_TESTS_PLANNER_WORLD_H

#include "lib/trade/planner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define D DECIMAL_ONE
#define MEMBERS_MAX 5
#define SYMBOLS_MAX 6

struct world {
    struct plan_member members[MEMBERS_MAX];
    struct book books[MEMBERS_MAX];
    struct signal signals[MEMBERS_MAX];
    struct signal_target targets[MEMBERS_MAX][SYMBOLS_MAX];
    size_t member_count;
    struct plan_asset assets[SYMBOLS_MAX];
    size_t asset_count;
    struct plan_rules rules;
    struct plan plan;
    struct err err;
};

static const char *const names[MEMBERS_MAX] = {"alpha", "beta", "gamma", "delta", "omega"};
static const char *const symbols[SYMBOLS_MAX] = {"AAPL", "GLD", "IEF", "QQQ", "SPY", "TLT"};

static size_t add_member(struct world *w, int64_t capital)
{
    size_t m = w->member_count++;
    book_init(&w->books[m], names[m]);
    w->signals[m].targets = w->targets[m];
    w->members[m] = (struct plan_member){
        .strategy = names[m], .book = &w->books[m], .signal = &w->signals[m], .capital = {capital}};
    return m;
}

static void add_target(struct world *w, size_t m, const char *symbol, int64_t weight)
{
    struct signal_target *t = &w->targets[m][w->signals[m].count++];
    str_copy_cut(t->symbol, sizeof(t->symbol), symbol);
    t->weight.nanos = weight;
}

static void add_asset(struct world *w, const char *symbol, int64_t price, int64_t increment)
{
    struct plan_asset *a = &w->assets[w->asset_count++];
    str_copy_cut(a->symbol, sizeof(a->symbol), symbol);
    *a = (struct plan_asset){.price = {price}, .tradable = true, .increment = {increment}};
    str_copy_cut(a->symbol, sizeof(a->symbol), symbol);
    a->fractionable = increment < D;
}

static void hold(struct world *w, size_t m, const char *symbol, int64_t qty)
{
    assert_true(book_set(&w->books[m], symbol, (struct qty){qty}, (struct money){D}));
}

static int make(struct world *w)
{
    plan_free(&w->plan);
    memset(&w->err, 0, sizeof(w->err));
    return plan_make(w->members, w->member_count, w->assets, w->asset_count, &w->rules, &w->plan, &w->err);
}

static void end(struct world *w)
{
    plan_free(&w->plan);
    for (size_t m = 0; m < w->member_count; m++)
        book_free(&w->books[m]);
}

static void assert_leg(const struct world *w, size_t i, enum order_side side, const char *symbol, int64_t qty)
{
    assert_true(i < w->plan.leg_count);
    const struct plan_leg *leg = &w->plan.legs[i];
    assert_int_equal(leg->leg, i + 1);
    assert_string_equal(leg->symbol, symbol);
    assert_int_equal(leg->side, side);
    assert_int_equal(leg->qty.nanos, qty);
    int64_t sum = 0;
    for (size_t k = 0; k < leg->allocation_count; k++)
        sum += leg->allocations[k].qty.nanos;
    assert_int_equal(sum, side == ORDER_SELL ? -qty : qty);
}

static int64_t allocated(const struct world *w, size_t leg, const char *strategy)
{
    const struct plan_leg *l = &w->plan.legs[leg];
    for (size_t k = 0; k < l->allocation_count; k++)
        if (strcmp(l->allocations[k].strategy, strategy) == 0)
            return l->allocations[k].qty.nanos;
    return 0;
}

#endif
