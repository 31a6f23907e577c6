// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A client that orders over HTTP beside the runs, as clients do: it asks again when no answer comes, leaves before the
// answer, cancels, reads. What it wants once must never be placed twice.
#ifndef PAPERGUARD_TESTS_SIM_CLIENT_H
#define PAPERGUARD_TESTS_SIM_CLIENT_H

#include "daemon/sim/sim.h"

void client_begin(struct sim *exchange); // in half of the seeds
void client_end(void);                   // no new wishes; what rests is cancelled
bool client_quiet(void);                 // everything was answered
void client_check(void);                 // each wish at most once at the exchange, and in the ledger

#endif
