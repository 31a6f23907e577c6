// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Execution styles: how a leg is worked, as the order type and price of each of its tries. Pure.
//   market      one market order
//   limit       one limit order at the far side of the quote, inside a collar around the decision price
//   limit-walk  limit orders at growing shares of the spread toward the far side, each for a while, then a market order
#ifndef PAPERGUARD_TRADE_EXECUTION_H
#define PAPERGUARD_TRADE_EXECUTION_H

#include <stddef.h>

#include "lib/trade/order.h"

#define EXECUTION_STEPS_MAX 8

// In order of patience. A leg that nets several strategies is worked in the most urgent style among them: who wants to
// be out at any price is not held up by who is in no hurry.
enum execution_style { EXECUTION_MARKET, EXECUTION_WALK, EXECUTION_LIMIT };
const char *execution_style_name(enum execution_style s);
bool execution_style_parse(const char *word, enum execution_style *out) MUST_CHECK;

struct execution_rules {
    struct ratio steps[EXECUTION_STEPS_MAX]; // shares of the spread, 0.5 = the middle
    size_t step_count;
    struct ratio collar; // a limit is never worse than the decision price by more than this share of it
};
// "0.5" "0.75" "0.95": 1 to 8 shares from 0 to 1, each above the one before. 0 or -1.
int execution_steps_parse(char *const *words, size_t count, struct execution_rules *out, struct err *err) MUST_CHECK;

struct execution_try {
    enum order_type type; // ORDER_MARKET or ORDER_LIMIT
    struct price limit;   // on the tick, rounded to the patient side; 0 for market
    bool timed;           // given up after a while for the next try
};
// Try try_no (from 1) of a leg. false: the style has no such try. bid or ask of 0, or a bid above the ask, is no quote:
// the decision price stands for both sides.
bool execution_try(enum execution_style style, const struct execution_rules *rules, int try_no, enum order_side side,
                   struct price bid, struct price ask, struct price decision, struct execution_try *out) MUST_CHECK;

#endif
