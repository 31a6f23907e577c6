// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Books: what each strategy holds, as pure arithmetic. Books + unassigned = broker positions.
#ifndef PAPERGUARD_TRADE_PORTFOLIO_H
#define PAPERGUARD_TRADE_PORTFOLIO_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/decimal.h"
#include "lib/base/err.h"
#include "lib/trade/order.h"

#define BOOK_NAME_MAX 48
#define WHOSE_MAX 512     // names of strategies, space separated
#define WHOSE_UNKNOWN "*" // it may be any one's
#define BOOK_UNASSIGNED "unassigned"

struct holding {
    char symbol[SYMBOL_MAX];
    struct qty qty;    // signed
    struct money cost; // what it cost, for avg_entry_price
};
struct book {
    char name[BOOK_NAME_MAX];
    struct holding *items; // owned; sorted by symbol, no zero rows
    size_t count, cap;
};

void book_init(struct book *b, const char *name);
void book_free(struct book *b);
struct qty book_qty(const struct book *b, const char *symbol); // 0 when none
const struct holding *book_find(const struct book *b, const char *symbol);
// Applies a signed change at a price; average cost (negative for a short); a row that reaches zero goes; a change
// through zero starts anew at this price. false on overflow or a symbol that does not fit, book untouched.
bool book_apply(struct book *b, const char *symbol, struct qty change, struct price price) MUST_CHECK;
bool book_set(struct book *b, const char *symbol, struct qty qty, struct money cost) MUST_CHECK;

// Splits `total` (0 or more) over weights (positive) proportionally, each part toward zero to `increment`, the
// remainder to the largest weight (first among equals). Sum of parts == total always. count >= 1. false when the
// weights are all zero or one is negative.
bool qty_split(struct qty total, const struct qty *weights, size_t count, struct qty increment,
               struct qty *parts) MUST_CHECK;
// As qty_split, but nobody gets more than it wants while another still wants some; what goes beyond all wants goes to
// the largest. The planner shares out with it what meets inside the account and what a leg is cut to; split fill by
// fill with `wanted` as what each allocation still lacks, every allocation is met exactly after the last fill.
bool qty_share(struct qty total, const struct qty *wanted, size_t count, struct qty increment,
               struct qty *parts) MUST_CHECK;

#endif
