// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The hosts of a seed: one, or two on one database of which one leads. Orders leave only from the one whose lease
// holds.
#ifndef PAPERGUARD_TESTS_SIM_CLUSTER_H
#define PAPERGUARD_TESTS_SIM_CLUSTER_H

#include "tests/sim/world.h"

void cluster_begin(const char *account, host_main_fn *entry); // the first host starts; borrowed
void cluster_second(void);                                    // where there are two, the other one starts
bool cluster_two(void);                                       // drawn
struct host *cluster_first(void);
// Whom Postgres names, alive or not; the first host when it names nobody.
struct host *cluster_leader(void);
struct host *cluster_other(const struct host *h); // NULL: there is one
struct host *cluster_any(enum world_draw what);
// A dead host is started again within seconds, as by a service manager, until then.
void cluster_leave(void);

#endif
