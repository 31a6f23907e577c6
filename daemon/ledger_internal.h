// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the ledger's own files share: its state, the one shape of a call (struct ledger_op), and values on their way
// into and out of SQL text. Nobody else includes this.
#ifndef PAPERGUARD_DAEMON_LEDGER_INTERNAL_H
#define PAPERGUARD_DAEMON_LEDGER_INTERNAL_H

#include "daemon/ledger.h"
#include "lib/base/list.h"
#include "lib/io/pg_client.h"

struct ledger_records; // decisions, alerts and halts on their way

struct ledger {
    struct ledger_params p; // strings owned
    struct pg_client *writer, *reader;
    enum ledger_state state;
    bool reader_ready, closing;
    char session[33];         // says whether the server session is still the one that was set up
    bool probed, reader_held; // of the look for a pooler: our session was asked for; the reader has given its one back
    unsigned epoch;           // connections so far: answers to questions of an earlier one are ignored
    struct list ops;          // calls without a completion yet
    loop_timer heartbeat, retry;
    bool heartbeat_asked, reader_asked;
    bool mark_owed; // something was written since the mark was asked for last, or it is being asked for
    loop_timer mark;
    bool halt_reported, halt_seen; // what on_halt was told last
    enum fact_halt halt_state;
    char halt_reason[FACT_TEXT_MAX];
    char *scopes;                   // what on_scopes was told last
    char leads[ACCOUNT_NUMBER_MAX]; // the account, "" while another host may
    int64_t leader_epoch;
    struct ledger_records *records;
};

// --- calls
struct ledger_reply {
    enum ledger_result result;
    const char *detail;             // "" when OK
    const struct pg_answer *answer; // only when OK
};
struct ledger_op;
typedef void ledger_finish_fn(struct ledger_op *op, const struct ledger_reply *reply);
struct ledger_op {
    struct list node;
    struct ledger *l;
    ledger_finish_fn *finish; // called once, unless the ledger is freed first
    void (*done)(void);       // the caller's completion, cast back by finish
    void *arg;
    void *data; // freed with the op
    loop_timer post;
    bool told; // its answer says whether it wrote anything: its own finish asks for the mark
    enum ledger_result refused;
    char detail[128];
};
#define LEDGER_DONE(fn) ((void (*)(void))(fn))
struct ledger_op *ledger_op_new(struct ledger *l, ledger_finish_fn *finish, void (*done)(void), void *arg);
// Takes op and batch: to the writer (or the reader) when the ledger is READY, else DOWN.
void ledger_op_lead(struct ledger_op *op, struct pg_batch *batch);  // what only the leader may write, in its epoch
void ledger_op_write(struct ledger_op *op, struct pg_batch *batch); // questions, and what any host may write
void ledger_op_read(struct ledger_op *op, struct pg_batch *batch);
void ledger_op_refuse(struct ledger_op *op, enum ledger_result why, const char *detail); // finishes later
// What an answer of the database means to a caller.
enum ledger_result ledger_result_of(const struct pg_answer *a, const char **detail);
// For calls whose completion is a ledger_done_fn and whose answer is one verdict: 'new', 'same', 'applied' are OK.
void ledger_finish_verdict(struct ledger_op *op, const struct ledger_reply *reply);
void ledger_answered(struct ledger *l);
// The mark (ledger_mark.c): a statement in the batch of LOADING, and its result.
void ledger_mark_check(struct ledger *l, struct pg_batch *b);
void ledger_mark_checked(struct ledger *l, const struct pg_result *result);
void ledger_mark_wrote(struct ledger *l); // the mark is asked for soon
void ledger_ops_drop(struct ledger *l);   // without completions

// --- values into statements
#define LEDGER_VALUE_MAX 40
struct ledger_values {
    size_t count;
    const char *values[PG_PARAMS_MAX];
    char texts[PG_PARAMS_MAX][LEDGER_VALUE_MAX];
};
void ledger_put(struct ledger_values *v, const char *s);              // borrowed; NULL is SQL NULL
void ledger_put_unless_empty(struct ledger_values *v, const char *s); // "" and NULL are SQL NULL
void ledger_put_int(struct ledger_values *v, int64_t n);
void ledger_put_bool(struct ledger_values *v, bool b);
void ledger_put_decimal(struct ledger_values *v, int64_t nanos);
void ledger_put_positive(struct ledger_values *v, int64_t nanos); // 0 is SQL NULL
void ledger_put_when(struct ledger_values *v, int64_t ns); // 0 is SQL NULL; cut to microseconds, as Postgres keeps
void ledger_put_day(struct ledger_values *v, struct day d);
void ledger_values_digest(const struct ledger_values *v, char hex[DIGEST_HEX_MAX]);
const char *ledger_when(int64_t ns, char buf[WHEN_TEXT_MAX]);
// As a JSON array of symbol, qty and cost.
void ledger_holdings_write(struct text *out, const struct alpaca_position *positions, size_t count);

// --- values out of rows: a value that cannot be read sets bad
struct ledger_row {
    const struct pg_result *result;
    size_t row;
    bool bad;
};
const char *ledger_get(struct ledger_row *r, const char *column); // "" for SQL NULL
void ledger_get_text(struct ledger_row *r, const char *column, char *out, size_t size);
int64_t ledger_get_int(struct ledger_row *r, const char *column); // 0 for SQL NULL, as below
int64_t ledger_get_decimal(struct ledger_row *r, const char *column);
int64_t ledger_get_when(struct ledger_row *r, const char *column);
struct day ledger_get_day(struct ledger_row *r, const char *column);
bool ledger_get_bool(struct ledger_row *r, const char *column);

// One row with the columns of orders_open.sql; false when a value cannot be read.
bool ledger_order_read(const struct pg_result *result, size_t index, struct order_row *out);

// --- parts
void ledger_schema_check(struct ledger *l); // CHECKING: marker and migrations, then on to ledger_load
void ledger_load(struct ledger *l);         // LOADING
void ledger_set_state(struct ledger *l, enum ledger_state state, const char *detail);
void ledger_take_halt(struct ledger *l, const struct pg_result *rows, bool always);
void ledger_ask(struct ledger *l, struct pg_batch *batch, void (*next)(struct ledger *l, const struct pg_answer *a));
void ledger_run_script(struct ledger *l, const char *sql, void (*next)(struct ledger *l, const struct pg_answer *a));
void ledger_ask_again_later(struct ledger *l, const struct pg_answer *a); // the checks, from the start

struct ledger_records *ledger_records_new(struct ledger *l);
void ledger_records_free(struct ledger_records *r);
void ledger_records_kick(struct ledger *l); // READY: send what waits

// The text of one migration and its row; as it is run on a database that has others: with the lock and the guard
// against doing it twice.
struct sql_migration;
void ledger_migration_write(const struct sql_migration *m, int64_t now_ns, struct text *out);
void ledger_migration_script(const struct sql_migration *m, int64_t now_ns, struct text *out); // with lock and guard
void ledger_migration_checksum(const struct sql_migration *m, char out[65]);
int ledger_migration_compatible_from(const struct sql_migration *m);
void ledger_quote(struct text *out, const char *s); // as an SQL literal
#define LEDGER_APPLIED_MEANWHILE "PG007"
#define LEDGER_EPOCH_OVER "PG008"
#define LEDGER_MIGRATION_LOCK "8097879748462277" // advisory lock of whoever changes the schema

#endif
