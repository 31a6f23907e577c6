// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Halts of a seed: by HTTP, on the admin socket, by a file, by a row in Postgres; each stays until it is released, in
// two steps, whatever happens to the host meanwhile.
#ifndef PAPERGUARD_TESTS_SIM_HALTS_H
#define PAPERGUARD_TESTS_SIM_HALTS_H

#include <stdbool.h>

struct host;
enum halts_level { HALTS_NONE, HALTS_REDUCE_ONLY, HALTS_ALL };
void halts_begin(void);                                           // drawn in some seeds, of the host that leads
void halts_taken_over(struct host *h, const struct host *before); // by the server: h leads now
void halts_end(void);                                             // what is halted is released
bool halts_released(void);
// What the host has acknowledged, and was not asked to release yet.
enum halts_level halts_hold(const struct host *h);
const char *halts_way(void); // how, for people

#endif
