// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Inside of pg_client: the client with its queues (pg_client.c), its one connection at a time (pg_client_link.c), the
// batches and results (pg_client_batch.c) and the connection settings (pg_client_dsn.c). Nobody else includes this.
#ifndef PAPERGUARD_IO_PG_CLIENT_LINK_H
#define PAPERGUARD_IO_PG_CLIENT_LINK_H

#include <libpq-fe.h>

#include "lib/base/list.h"
#include "lib/io/pg_client.h"

#define PG_DETAIL_MAX 320
#define PG_SETTINGS_MAX 48
#define PG_HOSTS_MAX 8

struct pg_result {
    PGresult *res;
};

struct pg_item {
    const struct pg_statement *statement;
    size_t count;
    const char **values; // one block with the texts behind it
    struct pg_result result;
};

struct pg_batch {
    struct list node; // in one of the client's lists
    struct pg_item *items;
    size_t count, cap;
    char *script; // instead of items
    bool internal;
    pg_done_fn *done;
    void *arg;
    int64_t begun_ns, deadline_ns; // of the waiting, or of the sending: the server can turn to it
    bool failed;                   // a statement failed: the server rolls all of it back
    size_t failed_at;
    char sqlstate[6], detail[PG_DETAIL_MAX];
    enum pg_outcome outcome;
    bool outcome_known; // a script's, before its connection is usable again
    struct pg_result script_result;
};

struct pg_prepared {
    const struct pg_statement *statement;
    bool ready; // sent to this connection and not known to have failed
    unsigned generation;
    char sqlstate[6], detail[PG_DETAIL_MAX]; // of the last failed preparation
};

enum pg_expect_kind { PG_EXPECT_PREPARE, PG_EXPECT_PREPARE_SYNC, PG_EXPECT_ITEM, PG_EXPECT_SYNC };

struct pg_expect { // one answer the server still owes
    enum pg_expect_kind kind;
    struct pg_batch *batch;
    size_t index; // item of the batch, or prepared statement
};

struct pg_settings { // what PQconnectStartParams gets; owned, wiped
    char *names[PG_SETTINGS_MAX + 1], *values[PG_SETTINGS_MAX + 1];
    size_t count;
    char *password; // one of the values, or NULL
};

struct pg_link {
    PGconn *conn;
    struct loop_watch *watch;
    int fd;
    bool connecting, await_null;
    struct pg_expect *expects; // ring
    size_t expect_head, expect_count, expect_cap;
    struct pg_prepared *prepared;
    size_t prepared_count, prepared_cap;
    struct pg_batch *script; // under way outside of the pipeline
    int script_step;
};

struct pg_client {
    struct loop *loop;
    struct pg_settings settings;
    int64_t connect_timeout_ms, batch_timeout_ms;
    size_t queue_max;
    void (*on_state)(void *arg, enum pg_state state, const char *detail);
    void *arg;
    enum pg_state state, reported;
    char detail[PG_DETAIL_MAX];
    struct pg_link link;
    struct list waiting, sent, finished, ready;
    size_t waiting_count, sent_count;
    unsigned failures; // connection attempts since the last success
    int64_t tick_at_ns;
    loop_timer tick, connect_timer, retry_timer, pump_post, finish_post, state_post;
    bool impossible; // the settings can never work: submissions are refused at once
    bool closing, delivering, free_after;
};

// pg_client.c, called by the link.
void pg_client_link_up(struct pg_client *c);
void pg_client_link_broken(struct pg_client *c, const char *why); // the link is closed already
void pg_client_batch_done(struct pg_client *c, struct pg_batch *b, enum pg_outcome outcome);

// pg_client_link.c. Each of these may end in pg_client_link_broken.
void pg_link_open(struct pg_client *c);
void pg_link_close(struct pg_client *c); // silent
void pg_link_break(struct pg_client *c, const char *why);
void pg_link_send(struct pg_client *c, struct pg_batch *b);
void pg_link_send_script(struct pg_client *c, struct pg_batch *b);
void pg_link_flush(struct pg_client *c);

// pg_client_batch.c
void pg_batch_destroy(struct pg_batch *b);
void pg_batch_fail(struct pg_batch *b, size_t at, const char *sqlstate, const char *detail); // keeps the first failure
void pg_batch_complete(struct pg_batch *b);                                                  // calls done
// The server's words without values: for a data exception what stands in quotes is cut out.
void pg_error_text(const PGresult *res, char sqlstate[6], char *out, size_t size);

// pg_client_dsn.c
int pg_settings_fill(struct pg_settings *s, const struct pg_client_params *params, struct err *err) MUST_CHECK;
void pg_settings_free(struct pg_settings *s);
void pg_settings_next_host(struct pg_settings *s); // of several: the next connection begins with the one after
// The first line, the password cut out.
void pg_settings_clean_text(const struct pg_settings *s, const char *text, char *out, size_t size);

#endif
