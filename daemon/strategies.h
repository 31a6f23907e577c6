// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Strategies: runs one as a bounded, stripped child and reads its answer strictly (contract 1).
#ifndef PAPERGUARD_DAEMON_STRATEGIES_H
#define PAPERGUARD_DAEMON_STRATEGIES_H

#include <sys/types.h>

#include "daemon/config.h"
#include "lib/io/loop.h"
#include "lib/trade/signal.h"

struct strategies;
struct strategies *strategies_new(struct loop *loop, const struct config *config,
                                  struct err *err); // NULL: no such user
void strategies_free(struct strategies *s);         // kills what runs
uid_t strategies_uid(const struct strategies *s);   // theirs, when it is not the daemon's own, else (uid_t)-1
const char *const *strategies_environment(void);    // all that a strategy is given
// STRATEGY_SHORT: it could not be started for want of descriptors, processes, memory or disk; later it may.
enum strategy_result { STRATEGY_OK, STRATEGY_FAILED, STRATEGY_LATE, STRATEGY_SHORT };
// input is read before the call returns. signal is borrowed for the callback; detail says what went wrong.
void strategies_run(struct strategies *s, const struct config_strategy *strategy, const struct signal_input *input,
                    void (*done)(void *arg, enum strategy_result result, const struct signal *signal,
                                 const char *detail),
                    void *arg);

#endif
