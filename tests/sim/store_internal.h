// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What is common to the two halves of the simulated Postgres: the way there (store.c), and the server (store_batch.c).
#ifndef PAPERGUARD_TESTS_SIM_STORE_INTERNAL_H
#define PAPERGUARD_TESTS_SIM_STORE_INTERNAL_H

#include <libpq-fe.h>

#include "lib/base/list.h"
#include "lib/io/pg_client.h"
#include "tests/sim/pool.h"

#define KEPT_MAX 4 // statements

struct pg_result {
    PGresult *res;
};

struct item {
    const struct pg_statement *statement;
    size_t count;
    char **values;
    struct pg_result result;
};

struct carried { // what travels: the batch may be given up before it arrives
    struct pg_batch *batch;
};

struct pg_batch {
    struct list node;
    struct carried *carried; // until it arrived
    int64_t begun;
    loop_timer late;
    struct item *items;
    size_t count;
    char *script;
    pg_done_fn *done;
    void *arg;
    struct pg_client *client;
    enum pg_outcome outcome;
    size_t failed_at;
    char sqlstate[6], detail[320];
    bool ran;
};

struct kept { // the last answer to the batch that is asked again and again
    char *question;
    uint64_t before; // what was written of what it rests on, until then
    PGresult *answers[KEPT_MAX];
    size_t count;
};

struct pg_client {
    struct pg_client_params p;
    struct host *host;
    unsigned life;
    struct pooled *conn; // NULL: not connected
    enum pg_state state;
    struct list under_way, ended; // batches; those whose completion is on its way
    size_t queued;
    int64_t last_arrival, last_answer; // one connection keeps its order, both ways
    loop_timer connect;
    char detail[160];
    struct kept kept;
};

// At the server: c is connected.
void store_run(struct pg_client *c, struct pg_batch *b);
void store_asked(const char *sql);      // by somebody else: what was kept of any session may be old
void store_forget(struct pg_client *c); // what was kept of this session

#endif
