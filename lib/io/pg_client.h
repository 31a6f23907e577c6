// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Postgres over libpq, asynchronous and pipelined (libpq's door). Work comes in batches: the statements of one batch
// are one transaction (one Sync). A batch has exactly one completion. Statements are prepared per connection on first
// use.
#ifndef PAPERGUARD_IO_PG_CLIENT_H
#define PAPERGUARD_IO_PG_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/io/loop.h"

#define PG_PARAMS_MAX 48

struct pg_client;
struct pg_batch;
struct pg_result;

struct pg_statement {
    const char *name; // unique; static storage
    const char *text; // one SQL statement with $1..$n
};

// COMMITTED: all statements ran and the transaction is durable. FAILED: the server rolled the batch back (sqlstate says
// why). LOST: the connection broke; whether it was committed is unknown, read back by key. CLOSED: no connection,
// nothing was sent.
enum pg_outcome { PG_COMMITTED, PG_FAILED, PG_LOST, PG_CLOSED };
const char *pg_outcome_name(enum pg_outcome o);

struct pg_answer {
    enum pg_outcome outcome;
    size_t result_count; // statements answered
    const struct pg_result *const *results;
    size_t failed_at;   // index of the failing statement when FAILED
    char sqlstate[6];   // "" when none
    const char *detail; // server's message without values that may be secret
};

typedef void pg_done_fn(void *arg, const struct pg_answer *answer);

enum pg_state { PG_DOWN, PG_CONNECTING, PG_UP };

struct pg_client_params {
    struct loop *loop;
    const char *dsn; // copied; libpq connection string or URL; hosts must be socket folders or addresses
    const char *application_name;
    const char *password; // NULL, or overrides the DSN's; copied, wiped
    int64_t connect_timeout_ms, batch_timeout_ms;
    size_t queue_max; // batches waiting or under way; more are refused with CLOSED
    void (*on_state)(void *arg, enum pg_state state, const char *detail); // from the loop, never re-entrant
    void *arg;
};

// Whether a client could be made of it: 0, or -1 and what is wrong (never with a value of it).
int pg_dsn_check(const char *dsn, struct err *err) MUST_CHECK;
// Clears PG* variables from the environment; once, before any client.
void pg_client_global_init(void);
struct pg_client *
pg_client_new(const struct pg_client_params *params); // starts connecting; reconnects with jittered backoff
void pg_client_free(struct pg_client *c);             // completes what waits with CLOSED / LOST first
enum pg_state pg_client_state(const struct pg_client *c);
const char *pg_client_detail(const struct pg_client *c); // why it is down
// What the other end said its process is when we connected, 0 when not connected. It is the server's own unless a
// pooler is in between.
int pg_client_backend(const struct pg_client *c);
size_t pg_client_queued(const struct pg_client *c);
// For how long the server has owed the answer it is to give next, 0 when it owes none. Scripts may take their time.
int64_t pg_client_unanswered_ns(const struct pg_client *c);

struct pg_batch *pg_batch_new(void);
// Values are text, NULL is SQL NULL; copied. count must fit the statement.
void pg_batch_add(struct pg_batch *b, const struct pg_statement *statement, size_t count, const char *const *values);
size_t pg_batch_size(const struct pg_batch *b);
void pg_batch_free(struct pg_batch *b); // only when not submitted
// Takes the batch. done is called exactly once, never from within.
void pg_submit(struct pg_client *c, struct pg_batch *b, pg_done_fn *done, void *arg);
// A multi-statement script in one simple query inside BEGIN/COMMIT (migrations). One result at most is kept.
void pg_submit_script(struct pg_client *c, const char *sql, pg_done_fn *done, void *arg);

size_t pg_rows(const struct pg_result *r);
size_t pg_columns(const struct pg_result *r);
size_t pg_affected(const struct pg_result *r);                                   // rows changed by INSERT/UPDATE/DELETE
const char *pg_value(const struct pg_result *r, size_t row, size_t column);      // NULL is SQL NULL; borrowed
const char *pg_named(const struct pg_result *r, size_t row, const char *column); // aborts when the column is unknown

#endif
