// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Strategy contract 1: the JSON a strategy is given and the strict reading of what it answers.
#ifndef PAPERGUARD_TRADE_SIGNAL_H
#define PAPERGUARD_TRADE_SIGNAL_H

#include "lib/trade/alpaca_json.h"
#include "lib/trade/portfolio.h"

#define SIGNAL_TARGETS_MAX 640
#define SIGNAL_REASON_MAX 160

struct signal_bars {
    const char *symbol;
    const struct alpaca_bar *bars;
    size_t count;
};
struct signal_price {
    char symbol[SYMBOL_MAX];
    struct price price;
    int64_t at;
};
struct signal_input {
    const char *run_id, *strategy, *account, *slot;
    struct day session;
    int64_t as_of, close; // ns
    struct money equity, cash, buying_power, capital;
    const struct book *book; // its own
    const struct signal_price *prices;
    size_t price_count;
    const struct signal_bars *bars;
    size_t bar_count;
    const char *params_json; // a JSON object, "{}" when none
};
void signal_input_write(const struct signal_input *in, struct text *out);

struct signal_target {
    char symbol[SYMBOL_MAX];
    struct ratio weight;
    bool has_confidence;
    struct ratio confidence;
    char reason[SIGNAL_REASON_MAX];
};
struct signal {
    char model_name[64], model_version[32];
    struct signal_target *targets; // owned
    size_t count;
};
// Strict: contract 1, known members only, no duplicates (members or symbols), weights finite decimals (string), sum of
// |weight| <= 1, only symbols that have a price in `in`, long_only refuses negative weights. 0 or -1 saying what.
int signal_parse(const char *text, size_t len, const struct signal_input *in, bool long_only, struct signal *out,
                 struct err *err) MUST_CHECK;
void signal_free(struct signal *s);

#endif
