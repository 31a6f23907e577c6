// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The ledger's life: two connections, the way from CONNECTING to READY after each connect, the heartbeat, and the one
// shape of every call. What is asked while it is not READY is answered DOWN.
#include "daemon/ledger_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/fsm.h"
#include "lib/base/log.h"
#include "sql_gen.h"

#define HEARTBEAT_MS 500
#define READER_OWES_NS (400 * NS_PER_MS) // asked with the beat after the one that the writer has not answered
#define RETRY_MS 1000
#define PROBE_AFTER_MS 100 // the reader is at its statement by then, and for a while more
#define CONNECT_TIMEOUT_MS 5000
#define WRITER_QUEUE_MAX 8192
#define READER_QUEUE_MAX 32

static const char *const state_names[] = {"connecting", "checking", "unmarked", "mismatch",
                                          "migrating",  "loading",  "ready"};
static const uint32_t state_moves[] = {
    [LEDGER_CONNECTING] = FSM_BIT(LEDGER_CHECKING),
    [LEDGER_CHECKING] = FSM_BIT(LEDGER_CONNECTING) | FSM_BIT(LEDGER_UNMARKED) | FSM_BIT(LEDGER_MISMATCH) |
                        FSM_BIT(LEDGER_MIGRATING) | FSM_BIT(LEDGER_LOADING),
    [LEDGER_UNMARKED] = FSM_BIT(LEDGER_CONNECTING) | FSM_BIT(LEDGER_CHECKING),
    [LEDGER_MISMATCH] = FSM_BIT(LEDGER_CONNECTING),
    [LEDGER_MIGRATING] =
        FSM_BIT(LEDGER_CONNECTING) | FSM_BIT(LEDGER_CHECKING) | FSM_BIT(LEDGER_MISMATCH) | FSM_BIT(LEDGER_LOADING),
    [LEDGER_LOADING] = FSM_BIT(LEDGER_CONNECTING) | FSM_BIT(LEDGER_CHECKING) | FSM_BIT(LEDGER_READY),
    [LEDGER_READY] = FSM_BIT(LEDGER_CONNECTING),
};

const char *ledger_result_name(enum ledger_result r)
{
    static const char *const names[] = {"ok", "conflict", "down", "lost"};
    return (size_t)r < ARRAY_LEN(names) ? names[r] : "?";
}

const char *ledger_state_name(enum ledger_state s)
{
    return (size_t)s < ARRAY_LEN(state_names) ? state_names[s] : "?";
}

enum ledger_state ledger_state_of(const struct ledger *l)
{
    return l->state;
}

// --- state

static void report_halt(struct ledger *l, bool known, bool seen, enum fact_halt state, const char *reason)
{
    l->halt_reported = known;
    l->halt_seen = seen;
    l->halt_state = state;
    str_copy_cut(l->halt_reason, sizeof l->halt_reason, reason);
    if (l->p.on_halt)
        l->p.on_halt(l->p.arg, known, seen, state, reason);
}

void ledger_set_state(struct ledger *l, enum ledger_state state, const char *detail)
{
    if (l->state == state)
        return;
    fsm_move("ledger", l->p.instance, state_moves, state_names, l->state, state);
    bool was_ready = l->state == LEDGER_READY;
    l->state = state;
    if (was_ready)
        report_halt(l, false, false, HALT_UNKNOWN, "Postgres cannot be asked");
    if (l->p.on_state)
        l->p.on_state(l->p.arg, state, detail);
}

void ledger_answered(struct ledger *l)
{
    if (l->p.on_answered)
        l->p.on_answered(l->p.arg);
}

// --- questions of the ledger's own: the answer to one of an earlier connection is ignored

struct question {
    struct ledger *l;
    unsigned epoch;
    void (*next)(struct ledger *l, const struct pg_answer *a);
};

static void question_answered(void *arg, const struct pg_answer *a)
{
    struct question *q = arg;
    struct ledger *l = q->l;
    if (!l->closing && q->epoch == l->epoch) {
        if (a->outcome == PG_COMMITTED || a->outcome == PG_FAILED)
            ledger_answered(l);
        q->next(l, a);
    }
    free(q);
}

static struct question *question_new(struct ledger *l, void (*next)(struct ledger *l, const struct pg_answer *a))
{
    struct question *q = check_alloc(1, sizeof *q);
    *q = (struct question){.l = l, .epoch = l->epoch, .next = next};
    return q;
}

void ledger_ask(struct ledger *l, struct pg_batch *batch, void (*next)(struct ledger *l, const struct pg_answer *a))
{
    pg_submit(l->writer, batch, question_answered, question_new(l, next));
}

void ledger_run_script(struct ledger *l, const char *sql, void (*next)(struct ledger *l, const struct pg_answer *a))
{
    pg_submit_script(l->writer, sql, question_answered, question_new(l, next));
}

static void begin_checks(struct ledger *l);

static void retry_checks(void *arg)
{
    struct ledger *l = arg;
    l->retry = 0;
    if (pg_client_state(l->writer) == PG_UP)
        begin_checks(l);
}

void ledger_ask_again_later(struct ledger *l, const struct pg_answer *a)
{
    log_warning("ledger: %s: %s (%s); asking again", state_names[l->state], pg_outcome_name(a->outcome), a->detail);
    l->epoch++; // what else was asked in this round is not listened to
    ledger_set_state(l, LEDGER_CHECKING, a->detail);
    loop_cancel(l->p.loop, &l->retry);
    l->retry = loop_after_ms(l->p.loop, RETRY_MS, retry_checks, l);
}

// --- CHECKING: is this a session of our own, on a marked database?

// The connection's options say so too, but a pooler may pass over them. A statement ends before its batch is given up.
static struct pg_batch *setup_batch(const struct ledger *l, const char *read_only, const char *session)
{
    struct ledger_values v = {0};
    ledger_put(&v, read_only);
    ledger_put(&v, session);
    ledger_put_int(&v, l->p.statement_timeout_ms - l->p.statement_timeout_ms / 10);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_SESSION_SETUP, v.count, v.values);
    return b;
}

static const char pooled[] =
    "Postgres: what is set in the session does not last, so a transaction pooler is in between; the ledger needs a "
    "session of its own: point the database address at the server itself, or let the pooler work in session mode";

// A statement that was prepared just now is gone, or is there twice: it was another session's.
static bool foreign_session(const struct pg_answer *a)
{
    return a->outcome == PG_FAILED && (str_equal(a->sqlstate, "26000") || str_equal(a->sqlstate, "42P05"));
}

static bool check_failed_here(struct ledger *l, const struct pg_answer *a)
{
    if (a->outcome == PG_COMMITTED)
        return false;
    if (foreign_session(a))
        ledger_set_state(l, LEDGER_MISMATCH, pooled);
    else
        ledger_ask_again_later(l, a);
    return true;
}

static void go_on(struct ledger *l, const struct pg_answer *a)
{
    struct ledger_row row = {.result = a->results[0]};
    if (ledger_get_bool(&row, "standby"))
        ledger_set_state(
            l, LEDGER_MISMATCH,
            "Postgres: this server is a standby and cannot be written to; point the database address at the "
            "primary");
    else if (!ledger_get_bool(&row, "marked"))
        ledger_set_state(l, LEDGER_UNMARKED,
                         "the database carries no environment marker, so nothing is written to it; if it is meant for "
                         "this host, run: paperguard db init");
    else
        ledger_schema_check(l);
}

static bool session_is_ours(struct ledger *l, const struct pg_answer *a)
{
    struct ledger_row row = {.result = a->results[0]};
    if (str_equal(ledger_get(&row, "session"), l->session))
        return true;
    ledger_set_state(l, LEDGER_MISMATCH, pooled);
    return false;
}

// --- a pooler: in session mode it is as good as none, in transaction mode every statement may go to another session

static void ask_session(struct ledger *l, void (*done)(struct ledger *l, const struct pg_answer *a))
{
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_SESSION_CHECK, 0, NULL);
    ledger_ask(l, b, done);
}

static void probed_after(struct ledger *l, const struct pg_answer *a)
{
    if (check_failed_here(l, a) || !session_is_ours(l, a))
        return;
    log_notice("ledger: a pooler is in between; the session stays our own");
    go_on(l, a);
}

static void probe_pooler(struct ledger *l);

static void probed_meanwhile(struct ledger *l, const struct pg_answer *a)
{
    if (check_failed_here(l, a) || !session_is_ours(l, a))
        return;
    // Answered after the reader had done: where sessions go from hand to hand ours was then given back last, and the
    // next question would only meet it again. Nothing is known yet.
    if (l->reader_held)
        probe_pooler(l);
    else
        l->probed = true;
}

static void probe(void *arg)
{
    struct ledger *l = arg;
    l->retry = 0;
    ask_session(l, probed_meanwhile);
}

static void held(void *arg, const struct pg_answer *a)
{
    struct ledger *l = arg;
    (void)a; // that it took its time is all that counts
    l->reader_held = true;
    if (l->probed && l->state == LEDGER_CHECKING)
        ask_session(l, probed_after);
    l->probed = false;
}

// The reader takes a server session for a while, and leaves its mark there. Where sessions go from hand to hand, that
// is the one we used last, or else it is the last one given back when the reader has done: ours is asked for meanwhile
// and once more after it.
static void probe_pooler(struct ledger *l)
{
    struct pg_batch *b = pg_batch_new();
    if (pg_client_state(l->reader) != PG_UP) {
        pg_batch_free(b);
        ledger_ask_again_later(l, &(struct pg_answer){.outcome = PG_CLOSED,
                                                      .detail = "a pooler is in between, and the second connection "
                                                                "that is needed to see how it works is not up"});
        return;
    }
    l->probed = l->reader_held = false;
    pg_batch_add(b, &SQL_SESSION_HOLD, 0, NULL);
    pg_submit(l->reader, b, held, l);
    l->retry = loop_after_ms(l->p.loop, PROBE_AFTER_MS, probe, l);
}

static void session_checked(struct ledger *l, const struct pg_answer *a)
{
    if (check_failed_here(l, a) || !session_is_ours(l, a))
        return;
    struct ledger_row row = {.result = a->results[0]};
    if (ledger_get_int(&row, "backend") == pg_client_backend(l->writer))
        go_on(l, a);
    else
        probe_pooler(l);
}

static void session_set_up(struct ledger *l, const struct pg_answer *a)
{
    (void)check_failed_here(l, a);
}

static void begin_checks(struct ledger *l)
{
    uint8_t random[16];
    l->epoch++;
    ledger_set_state(l, LEDGER_CHECKING, "");
    random_bytes(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(l->session + 2 * i, 3, "%02x", random[i]);
    ledger_ask(l, setup_batch(l, "off", l->session), session_set_up);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_SESSION_CHECK, 0, NULL);
    ledger_ask(l, b, session_checked);
}

// --- LOADING, READY and the heartbeat

static bool halt_parse(const char *word, enum fact_halt *out)
{
    for (enum fact_halt h = HALT_RUNNING; h <= HALT_HALTED; h++)
        if (str_equal(word, fact_halt_name(h))) {
            *out = h;
            return true;
        }
    return false;
}

static void take_scopes(struct ledger *l, const char *json, bool always)
{
    if (!l->p.on_scopes || (!always && l->scopes && str_equal(json, l->scopes)))
        return;
    free(l->scopes);
    l->scopes = check_strdup(json);
    l->p.on_scopes(l->p.arg, json);
}

void ledger_take_halt(struct ledger *l, const struct pg_result *rows, bool always)
{
    struct ledger_row row = {.result = rows};
    enum fact_halt state = HALT_UNKNOWN;
    bool seen = pg_rows(rows) > 0;
    const char *reason = seen ? ledger_get(&row, "reason") : "";
    bool known = !seen || halt_parse(ledger_get(&row, "state"), &state);
    if (always || known != l->halt_reported || seen != l->halt_seen || state != l->halt_state ||
        !str_equal(reason, l->halt_reason))
        report_halt(l, known, seen, state, reason);
    take_scopes(l, seen ? ledger_get(&row, "strategies") : "[]", always);
}

static struct pg_batch *halt_batch(const struct ledger *l)
{
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_HALT_READ, 2, (const char *const[]){l->p.host, l->p.instance});
    return b;
}

static void heartbeat(void *arg);

// The server session is not the one that was set up: nothing is written through it until that is understood.
static void lose_session(struct ledger *l)
{
    ledger_set_state(l, LEDGER_CONNECTING, pooled);
    begin_checks(l);
}

static void heartbeat_answered(struct ledger *l, const struct pg_answer *a)
{
    l->heartbeat_asked = false;
    struct ledger_row row = {.result = a->outcome == PG_COMMITTED ? a->results[1] : NULL};
    if (foreign_session(a) || (row.result && !str_equal(ledger_get(&row, "session"), l->session)))
        lose_session(l);
    else if (a->outcome == PG_COMMITTED)
        ledger_take_halt(l, a->results[0], false);
    else if (a->outcome == PG_FAILED)
        report_halt(l, false, false, HALT_UNKNOWN, "the halt row in Postgres cannot be read");
}

// Somebody may run `paperguard db init` while we wait for it.
static void marker_looked(struct ledger *l, const struct pg_answer *a)
{
    struct ledger_row row = {.result = a->outcome == PG_COMMITTED ? a->results[0] : NULL};
    l->heartbeat_asked = false;
    if (row.result && l->state == LEDGER_UNMARKED && ledger_get_bool(&row, "marked"))
        begin_checks(l);
}

static void reader_answered(void *arg, const struct pg_answer *a)
{
    struct ledger *l = arg;
    (void)a;
    l->reader_asked = false;
}

// The writer has not answered since the last beat: the server stands still, or works for us.
static void ask_reader(struct ledger *l)
{
    if (l->reader_asked || !l->reader_ready)
        return;
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_SESSION_CHECK, 0, NULL);
    l->reader_asked = true;
    pg_submit(l->reader, b, reader_answered, l);
}

static void heartbeat(void *arg)
{
    struct ledger *l = arg;
    l->heartbeat = loop_after_ms(l->p.loop, HEARTBEAT_MS, heartbeat, l);
    if (l->state == LEDGER_UNMARKED && !l->heartbeat_asked) {
        struct pg_batch *b = pg_batch_new();
        pg_batch_add(b, &SQL_SESSION_CHECK, 0, NULL);
        l->heartbeat_asked = true;
        ledger_ask(l, b, marker_looked);
    }
    if (l->state == LEDGER_READY && l->heartbeat_asked)
        ask_reader(l);
    if (l->state == LEDGER_READY && !l->heartbeat_asked) {
        struct pg_batch *b = halt_batch(l);
        pg_batch_add(b, &SQL_SESSION_CHECK, 0, NULL);
        l->heartbeat_asked = true;
        ledger_ask(l, b, heartbeat_answered);
    }
}

int64_t ledger_unanswered_ns(const struct ledger *l)
{
    int64_t writer = pg_client_unanswered_ns(l->writer), reader = pg_client_unanswered_ns(l->reader);
    bool neither = !l->reader_ready || (l->reader_asked && reader >= READER_OWES_NS);
    return neither ? writer : 0;
}

static void loaded(struct ledger *l, const struct pg_answer *a)
{
    if (a->outcome != PG_COMMITTED) {
        ledger_ask_again_later(l, a);
        return;
    }
    struct ledger_row account = {.result = a->results[1]};
    bool seen = pg_rows(a->results[1]) > 0;
    if (l->p.on_first_seen)
        l->p.on_first_seen(l->p.arg, true, seen ? ledger_get(&account, "account_number") : "");
    ledger_take_halt(l, a->results[0], true);
    ledger_mark_checked(l, a->results[2]);
    l->heartbeat_asked = false;
    ledger_set_state(l, LEDGER_READY, "");
    ledger_mark_wrote(l);
    ledger_records_kick(l);
}

void ledger_load(struct ledger *l)
{
    ledger_set_state(l, LEDGER_LOADING, "");
    struct pg_batch *b = halt_batch(l);
    pg_batch_add(b, &SQL_ACCOUNT_READ, 1, (const char *const[]){l->p.instance});
    ledger_mark_check(l, b);
    ledger_ask(l, b, loaded);
}

static void writer_state(void *arg, enum pg_state state, const char *detail)
{
    struct ledger *l = arg;
    if (l->closing)
        return;
    if (state == PG_UP) {
        ledger_set_state(l, LEDGER_CONNECTING, "connected anew");
        begin_checks(l);
        return;
    }
    l->epoch++;
    loop_cancel(l->p.loop, &l->retry);
    char away[FACT_TEXT_MAX];
    snprintf(away, sizeof away, "Postgres is away: %.130s", detail && detail[0] ? detail : "no connection yet");
    if (l->state != LEDGER_CONNECTING)
        ledger_set_state(l, LEDGER_CONNECTING, away);
    else if (state == PG_DOWN && l->p.on_state) // still, or from the start: why is told all the same
        l->p.on_state(l->p.arg, LEDGER_CONNECTING, away);
}

static void reader_set_up(void *arg, const struct pg_answer *a)
{
    struct ledger *l = arg;
    if (!l->closing)
        l->reader_ready = a->outcome == PG_COMMITTED;
}

static void reader_state(void *arg, enum pg_state state, const char *detail)
{
    struct ledger *l = arg;
    (void)detail;
    l->reader_ready = false;
    if (state == PG_UP && !l->closing)
        pg_submit(l->reader, setup_batch(l, "on", "reader"), reader_set_up, l);
}

// --- the interface

static struct pg_client *connect_as(struct ledger *l, const char *name, size_t queue_max,
                                    void (*on_state)(void *arg, enum pg_state state, const char *detail))
{
    return pg_client_new(&(struct pg_client_params){.loop = l->p.loop,
                                                    .dsn = l->p.dsn,
                                                    .application_name = name,
                                                    .password = l->p.password,
                                                    .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                                    .batch_timeout_ms = l->p.statement_timeout_ms,
                                                    .queue_max = queue_max,
                                                    .on_state = on_state,
                                                    .arg = l});
}

struct ledger *ledger_new(const struct ledger_params *params)
{
    struct ledger *l = check_alloc(1, sizeof *l);
    CHECK(params->loop && params->dsn && params->environment && params->host && params->host[0]);
    CHECK(params->statement_timeout_ms > 0);
    l->p = *params;
    l->p.environment = check_strdup(params->environment);
    l->p.host = check_strdup(params->host);
    l->p.instance = check_strdup(params->instance && params->instance[0] ? params->instance : "default");
    list_init(&l->ops);
    l->records = ledger_records_new(l);
    l->writer = connect_as(l, "paperguard ledger", WRITER_QUEUE_MAX, writer_state);
    l->reader = connect_as(l, "paperguard reader", READER_QUEUE_MAX, reader_state);
    l->p.dsn = l->p.password = NULL; // the connections have their own copies
    l->heartbeat = loop_after_ms(l->p.loop, HEARTBEAT_MS, heartbeat, l);
    return l;
}

void ledger_free(struct ledger *l)
{
    if (!l)
        return;
    l->closing = true;
    pg_client_free(l->writer);
    pg_client_free(l->reader);
    ledger_ops_drop(l);
    loop_cancel(l->p.loop, &l->heartbeat);
    loop_cancel(l->p.loop, &l->retry);
    loop_cancel(l->p.loop, &l->mark);
    ledger_records_free(l->records);
    free((char *)(uintptr_t)l->p.environment);
    free((char *)(uintptr_t)l->p.host);
    free((char *)(uintptr_t)l->p.instance);
    free(l->scopes);
    free(l);
}
