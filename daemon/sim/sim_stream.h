// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// /stream as Alpaca's paper endpoint serves it: authentication, listening, and what happens to orders as trade_updates,
// in binary frames that hold JSON. Nothing is replayed: a client gets what happens after it listens. /sim/stream tells
// of the clients, and spoils what they get on request.
#ifndef PAPERGUARD_SIM_SIM_STREAM_H
#define PAPERGUARD_SIM_SIM_STREAM_H

#include "daemon/sim/sim.h"
#include "lib/io/http_server.h"
#include "lib/io/loop.h"

struct sim_stream;

struct sim_stream *sim_stream_new(struct loop *loop, struct sim *sim);
void sim_stream_free(struct sim_stream *s);                           // NULL is fine
void sim_stream_open(struct sim_stream *s, struct http_exchange *x);  // answers the upgrade; x is dead
void sim_stream_admin(struct sim_stream *s, struct http_exchange *x); // /sim/stream; x is dead
void sim_stream_send(struct sim_stream *s);                           // what has happened since

#endif
