// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Who leads, as the server's own answers say: nobody else writes what only the leader may, and no order leaves a host
// whose lease is over, whether another has taken over or not.
#ifndef PAPERGUARD_TESTS_SIM_LEAD_H
#define PAPERGUARD_TESTS_SIM_LEAD_H

#include <stdint.h>

void lead_begin(void);
int64_t lead_late_intents(void); // committed for a life that was over

#endif
