// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What must hold, whatever fails. Each violation is printed with its seed, and counted.
#ifndef PAPERGUARD_TESTS_SIM_CHECK_H
#define PAPERGUARD_TESTS_SIM_CHECK_H

#include "daemon/sim/sim.h"

void check_begin(struct sim *exchange, const char *account);
void check_violation(const char *format, ...) __attribute__((format(printf, 1, 2)));
int check_violations(void);
// As an order leaves a host for the exchange: its intent is committed, its run's deadline is not past by the host's
// clock.
struct host;
void check_order_leaves(struct host *h, const char *client_order_id, int64_t host_wall_ns);
// As it comes to the exchange, which may be late: it was not given up in the first minute after it left.
void check_order_arrives(const char *client_order_id, int64_t left_ns);
// Asked for each order that leaves, beside what holds in every scenario.
void check_also(void (*leaves)(const struct host *h, const char *client_order_id));
// Nothing is open, unanswered or unsettled any more.
bool check_quiet(void);
// What keeps it from being quiet, as violations.
void check_tell_unquiet(void);
// Ledger and exchange tell the same story: fills, positions, cash, orders; no leg was filled beyond its plan.
void check_same(void);

#endif
