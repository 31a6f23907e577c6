// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Books: sorted rows per symbol, average cost, and the splitting of quantities without losing a nano.
#include "lib/trade/portfolio.h"

#include <stdlib.h>
#include <string.h>

#define BOOK_ROWS_FIRST 8

void book_init(struct book *b, const char *name)
{
    memset(b, 0, sizeof(*b));
    str_copy_cut(b->name, sizeof(b->name), name);
}

void book_free(struct book *b)
{
    free(b->items);
    b->items = NULL;
    b->count = b->cap = 0;
}

// Where the symbol is, or where it would go.
static size_t book_place(const struct book *b, const char *symbol)
{
    size_t low = 0, high = b->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(b->items[mid].symbol, symbol) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const struct holding *book_find(const struct book *b, const char *symbol)
{
    size_t at = book_place(b, symbol);
    return at < b->count && strcmp(b->items[at].symbol, symbol) == 0 ? &b->items[at] : NULL;
}

struct qty book_qty(const struct book *b, const char *symbol)
{
    const struct holding *h = book_find(b, symbol);
    return h ? h->qty : (struct qty){0};
}

static void book_remove(struct book *b, size_t at)
{
    memmove(&b->items[at], &b->items[at + 1], (b->count - at - 1) * sizeof(b->items[0]));
    b->count--;
}

static struct holding *book_insert(struct book *b, size_t at, const char *symbol)
{
    if (b->count == b->cap) {
        b->cap = b->cap ? b->cap * 2 : BOOK_ROWS_FIRST;
        b->items = check_realloc(b->items, b->cap * sizeof(b->items[0]));
    }
    memmove(&b->items[at + 1], &b->items[at], (b->count - at) * sizeof(b->items[0]));
    memset(&b->items[at], 0, sizeof(b->items[at]));
    str_copy_cut(b->items[at].symbol, sizeof(b->items[at].symbol), symbol);
    b->count++;
    return &b->items[at];
}

bool book_set(struct book *b, const char *symbol, struct qty qty, struct money cost)
{
    size_t at = book_place(b, symbol);
    bool there = at < b->count && strcmp(b->items[at].symbol, symbol) == 0;
    if (!*symbol || strlen(symbol) >= SYMBOL_MAX)
        return false;
    if (qty.nanos == 0) {
        if (there)
            book_remove(b, at);
        return true;
    }
    struct holding *h = there ? &b->items[at] : book_insert(b, at, symbol);
    h->qty = qty;
    h->cost = cost;
    return true;
}

// part / whole of amount, half away from zero; |part| <= |whole|, so the result fits.
static int64_t portion(int64_t amount, int64_t part, int64_t whole)
{
    __int128 product = (__int128)amount * part, divisor = whole;
    if (divisor < 0) {
        product = -product;
        divisor = -divisor;
    }
    __int128 half = divisor / 2;
    return (int64_t)(product >= 0 ? (product + half) / divisor : -((-product + half) / divisor));
}

bool book_apply(struct book *b, const char *symbol, struct qty change, struct price price)
{
    const struct holding *h = book_find(b, symbol);
    struct qty before = h ? h->qty : (struct qty){0}, after;
    struct money cost = h ? h->cost : (struct money){0}, value;
    if (!qty_add(before, change, &after))
        return false;
    bool grows = before.nanos == 0 || (before.nanos > 0) == (change.nanos > 0);
    bool crosses = !grows && after.nanos != 0 && (after.nanos > 0) != (before.nanos > 0);
    if (grows) {
        if (!notional_nearest(price, change, &value) || !money_add(cost, value, &cost))
            return false;
    } else if (crosses) {
        // The old position is gone; what is left was all opened at this price.
        if (!notional_nearest(price, after, &cost))
            return false;
    } else {
        cost.nanos = portion(cost.nanos, after.nanos, before.nanos);
    }
    return book_set(b, symbol, after, cost);
}

// ---- splitting -----------------------------------------------------------------------------------------------------

static bool weights_sum(const struct qty *weights, size_t count, __int128 *sum)
{
    *sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (weights[i].nanos < 0)
            return false;
        *sum += weights[i].nanos;
    }
    return true;
}

// Proportional parts toward zero to the increment; what is left over comes back.
static int64_t split_floor(int64_t total, const struct qty *weights, size_t count, __int128 sum, int64_t increment,
                           struct qty *parts)
{
    int64_t left = total;
    for (size_t i = 0; i < count; i++) {
        parts[i].nanos = decimal_floor_to((int64_t)((__int128)total * weights[i].nanos / sum), increment);
        left -= parts[i].nanos;
    }
    return left;
}

static size_t largest_of(const struct qty *weights, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (weights[i].nanos > weights[best].nanos)
            best = i;
    return best;
}

bool qty_split(struct qty total, const struct qty *weights, size_t count, struct qty increment, struct qty *parts)
{
    __int128 sum = 0;
    if (total.nanos < 0 || count == 0 || increment.nanos <= 0 || !weights_sum(weights, count, &sum) || sum == 0)
        return false;
    int64_t left = split_floor(total.nanos, weights, count, sum, increment.nanos, parts);
    parts[largest_of(weights, count)].nanos += left;
    return true;
}

// The part with the most room left below its weight, or count when none has any.
static size_t roomiest(const struct qty *weights, const struct qty *parts, size_t count)
{
    size_t best = count;
    int64_t room = 0;
    for (size_t i = 0; i < count; i++)
        if (weights[i].nanos - parts[i].nanos > room) {
            best = i;
            room = weights[i].nanos - parts[i].nanos;
        }
    return best;
}

bool qty_share(struct qty total, const struct qty *wanted, size_t count, struct qty increment, struct qty *parts)
{
    __int128 sum = 0;
    if (total.nanos < 0 || count == 0 || increment.nanos <= 0 || !weights_sum(wanted, count, &sum) || sum == 0)
        return false;
    int64_t left = total.nanos;
    if (total.nanos <= sum)
        left = split_floor(total.nanos, wanted, count, sum, increment.nanos, parts);
    else
        for (size_t i = 0; i < count; i++) {
            parts[i] = wanted[i];
            left -= wanted[i].nanos;
        }
    // The remainder goes to the largest, but nobody gets more than it wants while another still wants some.
    for (size_t at = largest_of(wanted, count); left > 0; at = roomiest(wanted, parts, count)) {
        if (at == count) {
            parts[largest_of(wanted, count)].nanos += left;
            break;
        }
        int64_t room = wanted[at].nanos - parts[at].nanos, give = room < left ? room : left;
        parts[at].nanos += give;
        left -= give;
    }
    return true;
}
