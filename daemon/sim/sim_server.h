// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The simulated API on a loopback socket: turns requests into calls, applies the faults that tests ordered, keeps the
// exchange running between requests, and logs each request with its answer.
#ifndef PAPERGUARD_SIM_SIM_SERVER_H
#define PAPERGUARD_SIM_SIM_SERVER_H

#include <stdio.h>

#include "daemon/sim/sim.h"
#include "lib/io/loop.h"

struct sim_server;

// request_log: NULL or a stream that gets one JSON line per request; borrowed, as are sim and loop. not_before: the
// instant up to which the exchange was run already; time does not go behind it.
struct sim_server *sim_server_new(struct loop *loop, struct sim *sim, FILE *request_log, int64_t not_before,
                                  bool admin_apart);
// admin: for /sim/ only, see admin_apart.
int sim_server_listen(struct sim_server *s, const char *address, bool admin, struct err *err) MUST_CHECK;
const char *sim_server_address(const struct sim_server *s, size_t i); // of the i-th that listens; "127.0.0.1:43121"
void sim_server_free(struct sim_server *s);

#endif
