// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// HTTP towards a daemon: requests of operators and clients, handed straight to its handlers.
#ifndef PAPERGUARD_TESTS_SIM_SERVER_H
#define PAPERGUARD_TESTS_SIM_SERVER_H

#include "lib/io/http_server.h"
#include "tests/sim/world.h"

// answered: 0 when the life ended, or nobody listens, before there was an answer. Body NULL: none. token: sent as
// bearer when not NULL.
typedef void server_answer_fn(void *arg, int status, const char *body);
void server_ask(struct host *h, unsigned role, enum http_method method, const char *target, const char *body,
                const char *token, server_answer_fn *answered, void *arg);
void server_begin(void);

#endif
