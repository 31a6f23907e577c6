// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Pauses: which strategies an operator took out of runs. Kept in Postgres, so a restart changes nothing; until they
// were read nobody knows, and no run starts.
#ifndef PAPERGUARD_DAEMON_PAUSES_H
#define PAPERGUARD_DAEMON_PAUSES_H

#include "daemon/ledger.h"

struct pauses;
// changed: read, paused or resumed.
struct pauses *pauses_new(struct loop *loop, struct ledger *ledger, void (*changed)(void *arg), void *arg);
void pauses_free(struct pauses *p);
void pauses_load(struct pauses *p); // Postgres is there: reads them, again and again until it worked once
// The same after another host led: what this one knew is of before. Until it is read no run starts.
void pauses_load_anew(struct pauses *p);
bool pauses_known(const struct pauses *p);
const struct strategy_pause *pauses_of(const struct pauses *p, const char *strategy); // NULL: it runs
// A halt of the strategy takes it out of runs as a pause does, for as long as it holds; NULL: it is over.
void pauses_hold(struct pauses *p, const char *strategy, const struct strategy_pause *pause);
// A pause holds at once, also when Postgres does not take it (ok is false then: it would not survive a restart); a
// resume holds once Postgres has it. detail says what happened when not ok.
void pauses_set(struct pauses *p, const struct strategy_pause *pause, bool paused,
                void (*done)(void *arg, bool ok, const char *detail), void *arg);

#endif
