// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What other readers find in Redis when all is quiet.
#ifndef PAPERGUARD_TESTS_SIM_CACHED_H
#define PAPERGUARD_TESTS_SIM_CACHED_H

#include <stdint.h>

// calm_ns: since when (world_ns) nothing has kept Redis from being written.
void cached_check(int64_t calm_ns);

#endif
