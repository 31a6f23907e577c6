// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the exchange lists, and what it takes back: a position that one answer lacks, fills that come twice, in reverse
// order or late, fills that are taken back or corrected after they were listed.
#ifndef PAPERGUARD_TESTS_SIM_LISTS_H
#define PAPERGUARD_TESTS_SIM_LISTS_H

#include "daemon/sim/sim.h"

void lists_begin(void); // drawn
void lists_end(void);
// Whether the ledger has followed what was taken back: an operator takes the broker's side of the difference.
bool lists_quiet(void);

#endif
