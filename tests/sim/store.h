// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Postgres: the statements run on a real, private server, each batch at one instant of simulated time; only the way
// there is simulated (how long it takes, when it breaks, whether the answer to a commit is lost).
#ifndef PAPERGUARD_TESTS_SIM_STORE_H
#define PAPERGUARD_TESTS_SIM_STORE_H

#include <stdint.h>

#include "tests/sim/world.h"

struct store_faults { // in millionths of batches
    int64_t lost, answer_lost;
    int64_t down_until;                   // world_ns: no connection holds
    int64_t cut_until[WORLD_HOSTS_MAX];   // the same for one host alone
    int64_t hung_until;                   // world_ns: the server takes everything and answers nothing
    int64_t stuck_until[WORLD_HOSTS_MAX]; // the same for the connections of one host alone
};

struct host;
void store_begin(void); // on the connections of pool.h
// Called when a batch was run, before its answer leaves; the host may be killed or frozen in it.
void store_watch(void (*fn)(struct host *h, const char *statement));
// Each statement of a batch that the server has committed, with the rows it changed; also when the answer is lost, and
// of a life that is over.
void store_committed(void (*fn)(struct host *h, unsigned life, const char *statement, size_t affected));
struct store_faults *store_faults(void);
uint64_t store_batches(void);
// For checkers, outside simulated time: the first column of the first row, "" when there is none.
const char *store_value(const char *sql, const char *param);
// Each row of the one column.
void store_each(const char *sql, const char *param, void (*fn)(void *arg, const char *a, const char *b), void *arg);

#endif
