// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// HTTP towards a daemon: requests of operators and clients, handed straight to its handlers.
#ifndef PAPERGUARD_TESTS_SIM_SERVER_H
#define PAPERGUARD_TESTS_SIM_SERVER_H

#include "lib/io/http_server.h"
#include "tests/sim/world.h"

// answered: 0 when the life ended, or nobody listens, before there was an answer. Body NULL: none. token: sent as
// bearer when not NULL. A number for server_hang_up; 0 when it was answered at once.
typedef void server_answer_fn(void *arg, int status, const char *body);
uint64_t server_ask(struct host *h, unsigned role, enum http_method method, const char *target, const char *body,
                    const char *token, server_answer_fn *answered, void *arg);
// The client leaves when it has waited so long; true when it did, and no answer comes.
bool server_hang_up(uint64_t request, int64_t waited_ns);
void server_begin(void);

#endif
