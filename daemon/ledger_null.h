// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The null port in the ledger's place: an example's intent is committed nowhere, and its receipt is of an epoch that no
// leader ever has, so that no guard but one over example facts clears an order with it.
#ifndef PAPERGUARD_DAEMON_LEDGER_NULL_H
#define PAPERGUARD_DAEMON_LEDGER_NULL_H

#include "daemon/ledger.h"

struct receipt *ledger_null_receipt(const struct intent *example, int64_t committed_boot_ns) MUST_CHECK;

#endif
