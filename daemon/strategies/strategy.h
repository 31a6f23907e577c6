// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The shared frame of strategies written in C: reads contract 1 from stdin, asks one function for targets, writes the
// answer to stdout. Anything off ends the program with 1 and one line on stderr, and nothing on stdout: the daemon then
// leaves the strategy's book as it is.
#ifndef PAPERGUARD_DAEMON_STRATEGIES_STRATEGY_H
#define PAPERGUARD_DAEMON_STRATEGIES_STRATEGY_H

#include <stdbool.h>

#include "lib/base/decimal.h"
#include "lib/base/err.h"
#include "lib/base/json_read.h"

struct strategy_input;  // opaque; borrowed for the call
struct strategy_answer; // opaque; borrowed for the call

const struct json_node *strategy_root(const struct strategy_input *in);   // the whole input, an object
const struct json_node *strategy_params(const struct strategy_input *in); // an object
// The price of a symbol in this run; -1 when it has none.
int strategy_price(const struct strategy_input *in, const char *symbol, struct price *out, struct err *err) MUST_CHECK;
// Adds a target. -1 when the symbol has no price in this run, was added before, or |weights| pass 1. reason may be
// NULL.
int strategy_target(struct strategy_answer *answer, const struct strategy_input *in, const char *symbol,
                    struct ratio weight, const char *reason, struct err *err) MUST_CHECK;

typedef int strategy_fn(const struct strategy_input *in, struct strategy_answer *answer, struct err *err);
// The whole of main(): returns the exit status.
int strategy_main(int argc, char **argv, const char *model, const char *version, strategy_fn *fn);

#endif
