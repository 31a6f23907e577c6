// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The wire to the simulated broker: every request takes its time and may be lost before or after the exchange had it,
// come late, or be answered by something in between. What reached the wire is kept for the checkers.
#ifndef PAPERGUARD_TESTS_SIM_WIRE_H
#define PAPERGUARD_TESTS_SIM_WIRE_H

#include "daemon/sim/sim.h"

struct wire_faults { // in millionths of requests
    int64_t lost, answer_lost, late, gateway, gateway_after, limited, html, truncated, duplicated;
    int64_t stands_still;                  // of orders that are cleared: the host does, before the first byte
    int64_t closed;                        // of answers: the connection, which was used before, is closed instead
    int64_t cancels_limited, cancels_late; // of cancels, beside the others
    int64_t orders_late;                   // of orders, beside the others
    int64_t omitted, repeated, reversed;   // of lists: positions lack a symbol, fills come twice, or in reverse order
    int64_t down_until;                    // world_ns: nobody answers
};

void wire_begin(struct sim *exchange);
struct sim *wire_exchange(void);
void wire_spoil(void (*fn)(const char *target, struct sim_reply *reply)); // what the exchange answers well
struct wire_faults *wire_faults(void);
void wire_behind(int64_t ns); // positions are told as they were up to so long ago
size_t wire_under_way(void);  // requests that may still reach the exchange

struct wire_order { // one POST of an order that left a host
    char client_order_id[CLIENT_ORDER_ID_MAX];
    int host;
    int64_t left_ns;
    bool arrived;
    int status; // of the exchange, 0 = never arrived
};
size_t wire_orders(void);
const struct wire_order *wire_order_at(size_t i);
// Requests that left without a permit of the guard redeemed for them just before.
uint64_t wire_unpermitted(void);
uint64_t wire_redeemed(void);             // permits that were spent
void wire_left(uint64_t redeemed_before); // a request has left, and the permits before it were so many

#endif
