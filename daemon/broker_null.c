// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Spends the permit; there is no wire.
#include "daemon/broker_null.h"

bool broker_null_submit(struct guard *guard, struct cleared_order **cleared, const struct guard_facts *facts,
                        struct wire_request *wire, int64_t now_boot_ns, struct guard_verdict *verdict)
{
    const struct receipt_terms *terms = cleared_order_terms(*cleared);
    if (!wire->body) {
        wire->body = terms->body;
        wire->body_len = terms->body_len;
    }
    bool left = guard_redeem_order(guard, *cleared, facts, wire, now_boot_ns, verdict);
    cleared_order_drop(cleared);
    return left;
}
