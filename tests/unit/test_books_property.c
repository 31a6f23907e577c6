// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Thousands of seeded sequences of plans, transfers, fills in any split and strangers' trades: after every single step
// books + unassigned are the broker's positions to the last nano, every fill is shared out whole, a leg filled to the
// end gives every strategy exactly its allocation, and what members hold never leaves what they were after.
#include "lib/trade/planner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define D DECIMAL_ONE
#define SEQUENCES 3000
#define ROUNDS 6
#define MEMBERS 4
#define SYMBOLS 5
#define FILLS_MAX 5

static const char *const names[MEMBERS] = {"alpha", "beta", "gamma", "delta"};
static const char *const symbols[SYMBOLS] = {"AAPL", "GLD", "QQQ", "SPY", "TLT"};

struct world {
    uint64_t random;
    unsigned seed;
    struct book books[MEMBERS], unassigned;
    int64_t broker[SYMBOLS]; // positions, as the broker counts them
    struct plan_asset assets[SYMBOLS];
};

static uint64_t next(struct world *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random;
}

static int64_t below(struct world *w, int64_t n)
{
    return n > 0 ? (int64_t)(next(w) % (uint64_t)n) : 0;
}

static size_t index_of(const char *symbol)
{
    for (size_t i = 0; i < SYMBOLS; i++)
        if (strcmp(symbols[i], symbol) == 0)
            return i;
    fail_msg("%s", symbol);
    return 0;
}

static struct book *book_of(struct world *w, const char *name)
{
    for (size_t i = 0; i < MEMBERS; i++)
        if (strcmp(names[i], name) == 0)
            return &w->books[i];
    return &w->unassigned;
}

static void change(struct world *w, const char *book, const char *symbol, int64_t qty, int64_t price)
{
    assert_true(book_apply(book_of(w, book), symbol, (struct qty){qty}, (struct price){price}));
}

static void check(struct world *w, const char *when)
{
    for (size_t s = 0; s < SYMBOLS; s++) {
        int64_t sum = book_qty(&w->unassigned, symbols[s]).nanos;
        for (size_t m = 0; m < MEMBERS; m++)
            sum += book_qty(&w->books[m], symbols[s]).nanos;
        if (sum != w->broker[s])
            fail_msg("seed %u, %s: %s: books %lld, broker %lld", w->seed, when, symbols[s], (long long)sum,
                     (long long)w->broker[s]);
    }
}

static void new_prices(struct world *w)
{
    for (size_t s = 0; s < SYMBOLS; s++) {
        struct plan_asset *a = &w->assets[s];
        str_copy_cut(a->symbol, sizeof a->symbol, symbols[s]);
        a->price.nanos = D + below(w, 500 * D);
        a->tradable = true;
        a->fractionable = s != 0; // AAPL in whole shares
        a->increment.nanos = s != 0 ? 1 : D;
    }
}

// What a stranger, a split or the opening leaves: any quantity, to unassigned.
static void stranger(struct world *w)
{
    size_t s = (size_t)below(w, SYMBOLS);
    int64_t qty = below(w, 20 * D) - 5 * D;
    if (qty == 0)
        return;
    w->broker[s] += qty;
    change(w, BOOK_UNASSIGNED, symbols[s], qty, w->assets[s].price.nanos);
    check(w, "a stranger's trade");
}

static void signals(struct world *w, struct signal *all, struct signal_target targets[MEMBERS][SYMBOLS])
{
    for (size_t m = 0; m < MEMBERS; m++) {
        int64_t room = D;
        all[m] = (struct signal){.targets = targets[m]};
        for (size_t s = 0; s < SYMBOLS; s++) {
            int64_t weight = below(w, 3) ? below(w, room / 2) : 0;
            if (below(w, 4) == 0)
                continue; // not named: out of it
            room -= weight;
            struct signal_target *t = &targets[m][all[m].count++];
            memset(t, 0, sizeof *t);
            str_copy_cut(t->symbol, sizeof t->symbol, symbols[s]);
            t->weight.nanos = weight;
        }
    }
}

// One fill: shared out by everything the leg has filled so far, less what was shared out before, as the ledger does it.
static void share_out(struct world *w, const struct plan_leg *leg, int64_t filled, int64_t *posted, int64_t price)
{
    struct qty weights[MEMBERS], parts[MEMBERS];
    int64_t increment = 1, sum = 0, before = 0, sign = leg->side == ORDER_BUY ? 1 : -1;
    bool whole = filled % D == 0;
    for (size_t i = 0; i < leg->allocation_count; i++) {
        weights[i].nanos = sign * leg->allocations[i].qty.nanos;
        whole = whole && weights[i].nanos % D == 0 && posted[i] % D == 0;
        before += posted[i];
    }
    increment = whole ? D : 1;
    assert_true(qty_split((struct qty){filled}, weights, leg->allocation_count, (struct qty){increment}, parts));
    for (size_t i = 0; i < leg->allocation_count; i++) {
        int64_t part = parts[i].nanos - posted[i];
        sum += part;
        posted[i] += part;
        if (part)
            change(w, leg->allocations[i].strategy, leg->symbol, sign * part, price);
    }
    assert_int_equal(sum, filled - before); // all of it, and not a nano more
    w->broker[index_of(leg->symbol)] += sign * sum;
    check(w, "a fill");
}

static void fill(struct world *w, const struct plan_leg *leg)
{
    int64_t posted[MEMBERS] = {0}, filled = 0, sum = 0;
    int64_t wanted = below(w, 4) ? leg->qty.nanos : below(w, leg->qty.nanos); // cancelled or refused part of the way
    int pieces = 1 + (int)below(w, FILLS_MAX);
    for (int i = 0; i < pieces && filled < wanted; i++) {
        int64_t piece = i == pieces - 1 ? wanted - filled : below(w, wanted - filled + 1);
        if (below(w, 2) && piece > D)
            piece -= piece % D;
        if (piece == 0)
            continue;
        filled += piece;
        share_out(w, leg, filled, posted, 1 + below(w, 600 * D));
    }
    for (size_t i = 0; i < leg->allocation_count; i++) {
        int64_t own =
            leg->allocations[i].qty.nanos < 0 ? -leg->allocations[i].qty.nanos : leg->allocations[i].qty.nanos;
        sum += own;
        if (filled == leg->qty.nanos)
            assert_int_equal(posted[i], own);
    }
    assert_int_equal(sum, leg->qty.nanos);
}

static void one_round(struct world *w)
{
    struct signal all[MEMBERS];
    struct signal_target targets[MEMBERS][SYMBOLS];
    struct plan_member members[MEMBERS];
    struct plan_rules rules = {.cash_buffer = {D / 200}, .min_trade = {5 * D}};
    struct plan plan;
    struct err err;
    signals(w, all, targets);
    for (size_t m = 0; m < MEMBERS; m++)
        members[m] = (struct plan_member){.strategy = names[m],
                                          .book = &w->books[m],
                                          .signal = below(w, 8) ? &all[m] : NULL, // crashed: its book stays
                                          .capital = {below(w, 50000 * D)}};
    for (size_t s = 0; s < SYMBOLS; s++) {
        w->assets[s].sells_capped = below(w, 2);
        w->assets[s].free.nanos = w->broker[s];
    }
    if (plan_make(members, MEMBERS, w->assets, SYMBOLS, &rules, &plan, &err))
        fail_msg("seed %u: %s", w->seed, err.text);
    for (size_t i = 0; i < plan.transfer_count; i++) {
        const struct plan_transfer *t = &plan.transfers[i];
        assert_true(t->qty.nanos > 0);
        change(w, t->from, t->symbol, -t->qty.nanos, t->price.nanos);
        change(w, t->to, t->symbol, t->qty.nanos, t->price.nanos);
        check(w, "a transfer");
    }
    for (size_t i = 0; i < plan.leg_count; i++) {
        const struct plan_leg *leg = &plan.legs[i];
        for (size_t k = 0; k < leg->allocation_count; k++) // everybody in the leg's direction
            assert_true((leg->allocations[k].qty.nanos > 0) == (leg->side == ORDER_BUY));
        if (leg->side == ORDER_SELL && w->assets[index_of(leg->symbol)].sells_capped)
            assert_true(leg->qty.nanos <= w->broker[index_of(leg->symbol)]);
        fill(w, leg);
    }
    for (size_t m = 0; m < MEMBERS; m++)
        for (size_t i = 0; i < w->books[m].count; i++)
            assert_true(w->books[m].items[i].qty.nanos >= 0); // weights are long: no book ever goes short
    plan_free(&plan);
}

static void books_are_the_brokers_positions_after_any_sequence(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= SEQUENCES; seed++) {
        struct world w = {.random = seed * UINT64_C(0x9E3779B97F4A7C15) | 1, .seed = seed};
        for (size_t m = 0; m < MEMBERS; m++)
            book_init(&w.books[m], names[m]);
        book_init(&w.unassigned, BOOK_UNASSIGNED);
        for (int round = 0; round < ROUNDS; round++) {
            new_prices(&w);
            if (round == 0 || below(&w, 3) == 0)
                stranger(&w);
            one_round(&w);
        }
        for (size_t m = 0; m < MEMBERS; m++)
            book_free(&w.books[m]);
        book_free(&w.unassigned);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(books_are_the_brokers_positions_after_any_sequence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
