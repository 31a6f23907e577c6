// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// An intent receipt proves that an order's intent is committed in Postgres. Only the ledger mints one, after COMMIT;
// only the guard consumes it (guard_clear_order). A house test holds callers to that.
#ifndef PAPERGUARD_GUARD_RECEIPT_H
#define PAPERGUARD_GUARD_RECEIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/check.h"
#include "lib/trade/order.h"
#include "lib/trade/portfolio.h"

struct receipt; // owned by whoever holds it; consumed by guard_clear_order or dropped

struct receipt_terms { // what was committed, word for word
    char account_number[ACCOUNT_NUMBER_MAX];
    struct order_request order;
    bool reduces;          // class REDUCE, else OPEN
    char run_id[40];       // "" for orders outside a run
    char whose[WHOSE_MAX]; // strategies, space separated; WHOSE_UNKNOWN: any of them
    const char *body;      // JSON as committed; copied
    size_t body_len;
    int64_t committed_boot_ns;
    int64_t leader_epoch; // in which it was committed
};

struct receipt *receipt_mint(const struct receipt_terms *terms) MUST_CHECK; // ledger.c only
void receipt_drop(struct receipt **receipt);                                // nulls the pointer
const struct receipt_terms *receipt_terms(const struct receipt *receipt);

#endif
