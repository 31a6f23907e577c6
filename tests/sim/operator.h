// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Who runs the simulated hosts.
#ifndef PAPERGUARD_TESTS_SIM_OPERATOR_H
#define PAPERGUARD_TESTS_SIM_OPERATOR_H

#include <stdbool.h>

struct host;
void operator_begin(struct host *h); // accepts the opening of the ledger as soon as it may
bool operator_opened(void);
void operator_to(struct host *h);         // whom it asks from now on
void operator_pause(const char *account); // no new runs; and cancels what only it knows to be open
void operator_told_of_open(void);         // a difference waits for open orders: those of no run are cancelled then too
bool operator_paused(void);

#endif
