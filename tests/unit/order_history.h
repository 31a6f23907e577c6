// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Lives of an order at the broker, made up by seed, and the ways in which stream, polling and look-ups may tell of one:
// in any order, some of it twice.
#ifndef PAPERGUARD_TESTS_ORDER_HISTORY_H
#define PAPERGUARD_TESTS_ORDER_HISTORY_H

#include <stdint.h>
#include <string.h>

#include "lib/trade/order.h"

#define HISTORY_MAX 12
#define HISTORY_QTY 4 // whole shares

struct moment {
    enum order_status status;
    int64_t filled; // whole shares
    int64_t at;     // the broker's time
};
struct history {
    struct moment moments[HISTORY_MAX], told[2 * HISTORY_MAX];
    size_t count, told_count;
};

static uint64_t history_random = 1;

static int64_t history_below(int64_t n)
{
    history_random ^= history_random << 13;
    history_random ^= history_random >> 7;
    history_random ^= history_random << 17;
    return (int64_t)(history_random % (uint64_t)n);
}

static void history_add(struct history *h, enum order_status status, int64_t filled)
{
    int64_t before = h->count ? h->moments[h->count - 1].at : INT64_C(1791473418000000000);
    h->moments[h->count++] = (struct moment){status, filled, before + 1 + history_below(1000000)};
}

static void history_end(struct history *h, int64_t filled)
{
    static const enum order_status ends[] = {ORDER_CANCELED, ORDER_EXPIRED, ORDER_DONE_FOR_DAY, ORDER_REJECTED};
    if (history_below(3) == 0)
        history_add(h, ORDER_FILLED, HISTORY_QTY);
    else if (history_below(4))
        history_add(h, ends[history_below(filled ? 3 : 4)], filled); // else it is still open
}

static void history_make(struct history *h)
{
    int64_t filled = 0;
    memset(h, 0, sizeof *h);
    if (history_below(2))
        history_add(h, ORDER_PENDING_NEW, 0);
    if (history_below(2))
        history_add(h, ORDER_ACCEPTED, 0);
    history_add(h, ORDER_NEW, 0);
    while (history_below(3) && h->count < HISTORY_MAX - 2) {
        bool cancel = history_below(3) == 0;
        filled += !cancel && filled < HISTORY_QTY - 1;
        history_add(h, cancel ? ORDER_PENDING_CANCEL : ORDER_PARTIALLY_FILLED, filled);
    }
    history_end(h, filled);
    for (size_t i = 0; i < h->count; i++)
        for (int64_t times = 1 + (history_below(3) == 0); times; times--)
            h->told[h->told_count++] = h->moments[i];
    for (size_t i = h->told_count; i > 1; i--) {
        size_t k = (size_t)history_below((int64_t)i);
        struct moment m = h->told[i - 1];
        h->told[i - 1] = h->told[k];
        h->told[k] = m;
    }
}

#endif
