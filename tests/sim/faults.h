// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Faults of a seed: kills, frozen hosts, outages, clocks that step, and what wire and store do at their own rates.
#ifndef PAPERGUARD_TESTS_SIM_FAULTS_H
#define PAPERGUARD_TESTS_SIM_FAULTS_H

#include <stdbool.h>

struct host;
void faults_begin(void);
void faults_end(void); // all of them; the hosts are alive after it
bool faults_on(void);
// A life may end, or stand still, at any step of a run.
void faults_at_statement(struct host *h, const char *statement);

#endif
