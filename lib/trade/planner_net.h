// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Netting of one symbol, the planner's second step: members' wishes become transfers inside the account and at most one
// leg.
#ifndef PAPERGUARD_TRADE_PLANNER_NET_H
#define PAPERGUARD_TRADE_PLANNER_NET_H

#include "lib/trade/planner.h"

struct net_wish {
    const char *strategy; // borrowed
    struct qty size;      // positive
    struct qty inside;    // what of it meets an opposite wish
    bool exit;            // wants to be out of the symbol altogether
};
struct net {                           // buyers and sellers of the symbol at hand
    struct net_wish *buyers, *sellers; // owned; room for every member
    size_t buyer_count, seller_count;
    size_t count, room;
};
struct net *net_new(size_t member_count);
void net_free(struct net *n);
void net_reset(struct net *n);
void net_add(struct net *n, const char *strategy, struct qty wish, bool exit); // signed, not 0
// Appends the symbol's transfers and its leg, if any, to the plan. false when a sum does not fit.
bool net_settle(struct net *n, const struct plan_asset *asset, struct money min_trade, struct plan *out) MUST_CHECK;

#endif
