// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The simulator's state over its own restart. The exchange is a function of its options, its first instant and the
// requests that changed something; so the file holds just these, each written before it is processed; what was written
// outlives the process (a power cut is not survived: nothing is synced). A start on an existing file processes them
// anew at their own instants, which gives the same ids, fills and prices. A last entry that a crash cut short was never
// answered; it is cut off.
#ifndef PAPERGUARD_SIM_SIM_JOURNAL_H
#define PAPERGUARD_SIM_SIM_JOURNAL_H

#include "daemon/sim/sim.h"

struct sim_journal;

// Reads the file's head, or makes one with this start and salt. The file stays locked until it is closed.
struct sim_journal *sim_journal_open(const char *path, int64_t now, uint64_t salt, struct err *err);
int64_t sim_journal_started(const struct sim_journal *j);
uint64_t sim_journal_salt(const struct sim_journal *j);
// Processes what the file holds and writes further changes to it; sim was made with the start and the salt above.
// Refuses a file that another simulator made, see sim_options_text.
int sim_journal_attach(struct sim_journal *j, struct sim *sim, struct err *err) MUST_CHECK;
int64_t sim_journal_last(const struct sim_journal *j); // instant of the newest entry; the start when there is none
size_t sim_journal_count(const struct sim_journal *j); // entries that were replayed
void sim_journal_close(struct sim_journal *j);         // NULL is fine

#endif
