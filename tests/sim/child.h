// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Simulated strategies.
#ifndef PAPERGUARD_TESTS_SIM_CHILD_H
#define PAPERGUARD_TESTS_SIM_CHILD_H

#include <stdint.h>

void child_failures(int64_t ppm); // crashes, garbage, hanging
// The positions that a strategy was shown last: "SPY 3 @ 401.5, " for each.
const char *child_book(const char *strategy);

#endif
