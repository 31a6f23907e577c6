// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The order stream: what the exchange tells of orders, as the simulated WebSocket brings it.
#ifndef PAPERGUARD_TESTS_SIM_STREAM_H
#define PAPERGUARD_TESTS_SIM_STREAM_H

#include <stdbool.h>
#include <stdint.h>

struct host;
struct sim;

struct stream_faults {                                     // in millionths of messages
    int64_t lost, repeated, late, garbled, closed, silent; // silent: nothing more comes, not even a pong
    int64_t refused;                                       // of connections
};

void stream_begin(struct sim *exchange);
struct stream_faults *stream_faults(void);
void stream_send(void); // what has happened at the exchange so far, to whoever listens
bool stream_listens(const struct host *h);

#endif
