// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Mints like the ledger, for nobody: the epoch is not its caller's to choose.
#include "daemon/ledger_null.h"

#include "lib/guard/guard.h"

struct receipt *ledger_null_receipt(const struct intent *example, int64_t committed_boot_ns)
{
    struct text body;
    text_init(&body, 4096);
    order_request_write(&example->order, &body);
    struct receipt_terms terms = {.order = example->order,
                                  .reduces = example->reduces,
                                  .body = text_str(&body),
                                  .body_len = body.len,
                                  .committed_boot_ns = committed_boot_ns,
                                  .leader_epoch = GUARD_EXAMPLE_EPOCH};
    str_copy_cut(terms.account_number, sizeof terms.account_number, example->account);
    struct receipt *minted = receipt_mint(&terms);
    text_free(&body);
    return minted;
}
