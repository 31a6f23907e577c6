// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The order stream's client: keeps one connection to trade_updates, and passes on that there is something to fetch.
// Nothing is recorded from what the stream says: it may be late, repeated, out of order, wrong or missing, and orders
// and fills are read from the broker all the same. While it is connected they are read less often.
#ifndef PAPERGUARD_DAEMON_STREAM_H
#define PAPERGUARD_DAEMON_STREAM_H

#include "daemon/broker.h"
#include "daemon/metrics.h"
#include "lib/io/loop.h"

struct stream;
struct stream_params {
    struct loop *loop;
    struct broker *broker;
    struct metrics *metrics;
    void (*on_state)(void *arg, bool connected); // what happened while it was not connected is to be read after true
    void (*on_event)(void *arg);                 // something happened to an order: read orders and fills
    bool (*known)(void *arg, const char *client_order_id); // is it an order of ours? NULL: all are
    void *arg;
};

struct stream_status {
    bool wanted, connected;
    int64_t since_wall_ns;      // of connected; 0: never was
    int64_t event_wall_ns;      // newest event; 0: none
    int64_t events, reconnects; // in this life
    char detail[200];           // why it is not connected
};

struct stream *stream_new(const struct stream_params *params);
void stream_free(struct stream *s);  // NULL is fine; before broker_free
void stream_start(struct stream *s); // from now on it is wanted; may be called again
void stream_renew(struct stream *s); // the keys are others now: the connection is made anew with them
const struct stream_status *stream_status(const struct stream *s);

#endif
