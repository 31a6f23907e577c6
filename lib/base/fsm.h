// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// State machines: names from an X-macro, one setter per machine that refuses illegal moves and logs old -> new.
//
//   #define RUN_STATES(X) X(RUN_CLAIMING, "claiming") X(RUN_DONE, "done")
//   enum run_state { RUN_STATES(FSM_ENUM) };
//   static const char *const run_state_names[] = { RUN_STATES(FSM_NAME) };
//
// A machine keeps a table of allowed moves, one bit mask per state, and calls fsm_move from its _set_state.
#ifndef PAPERGUARD_BASE_FSM_H
#define PAPERGUARD_BASE_FSM_H

#include <stdint.h>

#include "lib/base/check.h"

#define FSM_ENUM(symbol, name) symbol,
#define FSM_NAME(symbol, name) name,
#define FSM_BIT(state) (UINT32_C(1) << (state))

// Aborts (an invariant) when `to` is not in moves[from]; logs "WHAT ID: from -> to" at debug level.
void fsm_move(const char *what, const char *id, const uint32_t *moves, const char *const *names, unsigned from,
              unsigned to);

#endif
