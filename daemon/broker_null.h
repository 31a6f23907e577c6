// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The null port in the broker's place: the last check as at the wire, and nothing behind it.
#ifndef PAPERGUARD_DAEMON_BROKER_NULL_H
#define PAPERGUARD_DAEMON_BROKER_NULL_H

#include "lib/guard/guard.h"

// Would the order have left? Takes it (nulls it); wire is what the transport would tell, its body that of the order.
bool broker_null_submit(struct guard *guard, struct cleared_order **cleared, const struct guard_facts *facts,
                        struct wire_request *wire, int64_t now_boot_ns, struct guard_verdict *verdict) MUST_CHECK;

#endif
