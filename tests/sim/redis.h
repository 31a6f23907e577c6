// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A Redis of the simulated world, as far as a cache is asked for: SET with an expiry, PUBLISH, and its own troubles.
#ifndef PAPERGUARD_TESTS_SIM_REDIS_H
#define PAPERGUARD_TESTS_SIM_REDIS_H

#include <stdbool.h>
#include <stdint.h>

struct host;

struct redis_faults { // in millionths of commands
    int64_t lost, slow, refused, flushed;
    int64_t down_until; // world_ns
};

void redis_begin(void);
struct redis_faults *redis_faults(void);
bool redis_up(const struct host *h);
// What the key that ends so holds, NULL when it holds nothing; set_ns: since when.
const char *redis_value(const char *key_end, int64_t *set_ns);

#endif
