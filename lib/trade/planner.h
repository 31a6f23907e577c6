// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Planner: targets of every member minus its own book, netted into legs. Pure.
#ifndef PAPERGUARD_TRADE_PLANNER_H
#define PAPERGUARD_TRADE_PLANNER_H

#include "lib/trade/signal.h"

#define PLAN_LEGS_MAX 10240 // sixteen strategies with 640 symbols each

struct plan_member {
    const char *strategy;
    const struct book *book;
    const struct signal *signal; // NULL: failed or late, its book stays as it is
    struct money capital;        // its share of deployable equity
    struct ratio band; // no trade while |target - held| / capital is at or below it; 0 = always. A target of zero
                       // (also: held and not named by the signal) is always carried out
};
struct plan_asset {
    char symbol[SYMBOL_MAX];
    struct price price; // raw; 0 = unknown
    bool tradable, fractionable;
    struct qty increment; // fractionable: 1e-9 shares; else 1 share
    bool sells_capped;    // sells go no further than `free`
    struct qty free;      // what the account holds and is not being sold already
};
struct plan_rules {
    struct ratio cash_buffer; // kept uninvested, of capital (0.005)
    struct money min_trade; // smaller changes (of a member, or of a netted leg) are left alone, except a target of zero
};
struct plan_allocation {
    const char *strategy; // borrowed from the member
    struct qty qty;       // signed
};
struct plan_leg {
    int leg; // from 1; sells first, then buys, each by symbol
    char symbol[SYMBOL_MAX];
    enum order_side side;
    struct qty qty;    // positive
    struct qty wanted; // what the strategies together wanted to sell when the account has less; else 0
    struct price decision_price;
    struct plan_allocation *allocations; // owned; sum == signed qty of the leg
    size_t allocation_count;
};
struct plan_transfer { // offsets inside the account: book to book at the decision price
    char symbol[SYMBOL_MAX];
    const char *from, *to;
    struct qty qty;
    struct price price;
};
struct plan {
    struct plan_leg *legs; // owned
    size_t leg_count;
    struct plan_transfer *transfers; // owned
    size_t transfer_count;
};
// The minimum trade of an account: of one below 1,000 it is a hundredth of the equity, but never below the dollar that
// Alpaca takes at least.
struct money plan_min_trade(struct money min_trade, struct money equity);
// -1 with the reason when a needed price is missing ("held symbol without price"), a symbol is not tradable, or sums
// overflow: then nothing is planned at all.
int plan_make(const struct plan_member *members, size_t member_count, const struct plan_asset *assets,
              size_t asset_count, const struct plan_rules *rules, struct plan *out, struct err *err) MUST_CHECK;
void plan_free(struct plan *p);

#endif
