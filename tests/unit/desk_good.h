// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// For tests of the desk: limits that let everything pass, and the receipt of an intent as the ledger gives it.
#ifndef PAPERGUARD_TESTS_DESK_GOOD_H
#define PAPERGUARD_TESTS_DESK_GOOD_H

#include "daemon/desk.h"
#include "lib/base/when.h"
#include "tests/unit/guard_good.h"

static inline struct risk_limits good_limits(void)
{
    return (struct risk_limits){.max_order_share = {DECIMAL_ONE / 2},
                                .max_order_notional = {100000 * DECIMAL_ONE},
                                .max_position_share = {DECIMAL_ONE},
                                .max_order_qty = {100000 * DECIMAL_ONE},
                                .max_gross_exposure = {DECIMAL_ONE},
                                .max_net_exposure = {DECIMAL_ONE},
                                .max_strategy_exposure = {DECIMAL_ONE},
                                .max_adv_share = {DECIMAL_ONE / 20},
                                .max_price_jump = {1000 * DECIMAL_ONE},
                                .max_price = {1000000 * DECIMAL_ONE},
                                .duplicate_window_ns = 1,
                                .max_notional_per_day_share = {1000 * DECIMAL_ONE},
                                .price_collar = {DECIMAL_ONE / 20},
                                .max_price_age_ns = 60 * NS_PER_S,
                                .max_account_age_ns = 60 * NS_PER_S,
                                .max_orders_per_run = 100,
                                .max_orders_per_day = 100,
                                .max_notional_per_day = {1000000 * DECIMAL_ONE},
                                .long_only = true};
}

// The market is open around the clock.
static inline struct exposure_session good_hours(void)
{
    return (struct exposure_session){
        .known = true, .close_ns = INT64_MAX, .extended_close_ns = INT64_MAX, .until_ns = INT64_MAX, .wall_ns = 1};
}

static inline struct receipt *good_receipt(const struct intent *in, int64_t committed_boot_ns)
{
    struct text body;
    text_init(&body, 4096);
    order_request_write(&in->order, &body);
    struct receipt_terms terms = {.order = in->order,
                                  .reduces = in->reduces,
                                  .body = text_str(&body),
                                  .body_len = body.len,
                                  .committed_boot_ns = committed_boot_ns,
                                  .leader_epoch = GOOD_EPOCH};
    str_copy_cut(terms.account_number, sizeof terms.account_number, in->account);
    struct receipt *minted = receipt_mint(&terms);
    text_free(&body);
    return minted;
}

#endif
