// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One seed from its beginning to what must hold at its end, in a process of its own.
#ifndef PAPERGUARD_TESTS_SIM_SCENARIO_H
#define PAPERGUARD_TESTS_SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/site.h"
#include "tests/sim/world.h"

struct result { // what a seed's process tells
    uint64_t seed, steps, hash, batches, sums[WORLD_SUM_COUNT];
    int violations;
};

struct result scenario_run(uint64_t seed, const struct site_params *params, bool trace);

#endif
