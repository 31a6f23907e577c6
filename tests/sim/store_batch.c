// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// lib/io/pg_client.h: batches, running them on the real server, and results.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/text.h"
#include "tests/sim/store_internal.h"

static struct {
    uint64_t halts, leads; // that may have been written by this seed, so far
} changes;

struct pg_batch *pg_batch_new(void)
{
    struct pg_batch *b = check_alloc(1, sizeof *b);
    list_init(&b->node);
    return b;
}

void pg_batch_add(struct pg_batch *b, const struct pg_statement *statement, size_t count, const char *const *values)
{
    CHECK(count <= PG_PARAMS_MAX);
    b->items = check_realloc(b->items, (b->count + 1) * sizeof *b->items);
    struct item *i = &b->items[b->count++];
    *i = (struct item){.statement = statement, .count = count, .values = check_alloc(count + 1, sizeof *i->values)};
    for (size_t k = 0; k < count; k++)
        i->values[k] = values[k] ? check_strdup(values[k]) : NULL;
}

size_t pg_batch_size(const struct pg_batch *b)
{
    return b->count;
}

void pg_batch_free(struct pg_batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        for (size_t k = 0; k < b->items[i].count; k++)
            free(b->items[i].values[k]);
        free(b->items[i].values);
        PQclear(b->items[i].result.res);
    }
    free(b->items);
    free(b->script);
    free(b);
}

// --- running one

static bool good(PGresult *r)
{
    return PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK;
}

static void plain(struct pg_client *c, const char *sql)
{
    PQclear(PQexec(pool_conn(c->conn), sql));
}

static void note_failure(struct pg_batch *b, const struct pg_client *c, const PGresult *r, size_t at)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    const char *text = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    b->outcome = PG_FAILED;
    b->failed_at = at;
    snprintf(b->sqlstate, sizeof b->sqlstate, "%s", state ? state : "");
    snprintf(b->detail, sizeof b->detail, "%s", text ? text : PQerrorMessage(pool_conn(c->conn)));
}

// In one piece, as a transaction: the server takes all up to the next Sync as one, also where nothing says BEGIN.
static bool send_items(PGconn *conn, struct pg_batch *b)
{
    bool sent = PQenterPipelineMode(conn) == 1;
    for (size_t i = 0; sent && i < b->count; i++)
        sent = PQsendQueryPrepared(conn, b->items[i].statement->name, (int)b->items[i].count,
                                   (const char *const *)b->items[i].values, NULL, NULL, 0) == 1;
    return sent && PQpipelineSync(conn) == 1;
}

static void take_items(struct pg_client *c, struct pg_batch *b)
{
    PGconn *conn = pool_conn(c->conn);
    for (size_t i = 0; i < b->count; i++) {
        PGresult *r = b->items[i].result.res = PQgetResult(conn);
        CHECK(r && !PQgetResult(conn));
        if (b->outcome == PG_COMMITTED && !good(r))
            note_failure(b, c, r, i);
    }
    PGresult *r = PQgetResult(conn);
    if (PQresultStatus(r) == PGRES_FATAL_ERROR) { // the commit itself
        note_failure(b, c, r, b->count);
        PQclear(r);
        r = PQgetResult(conn);
    }
    CHECK(PQresultStatus(r) == PGRES_PIPELINE_SYNC);
    PQclear(r);
    CHECK(PQexitPipelineMode(conn) == 1);
}

static void run(struct pg_client *c, struct pg_batch *b)
{
    b->outcome = PG_COMMITTED;
    for (size_t i = 0; i < b->count; i++) { // outside the transaction: a failed preparation would abort it
        const struct pg_statement *s = b->items[i].statement;
        PGresult *r = pool_prepare(c->conn, s->name, s->text);
        if (r) {
            note_failure(b, c, r, i);
            PQclear(r);
            return;
        }
    }
    CHECK(send_items(pool_conn(c->conn), b));
    take_items(c, b);
    // Answers are the same, and planning costs most here; a plan lasts while the tables grow from seed to seed.
    if (strcmp(b->items[0].statement->name, "session_setup") == 0)
        plain(c, "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off");
}

static void run_script(struct pg_client *c, struct pg_batch *b)
{
    plain(c, "BEGIN");
    PGresult *r = PQexec(pool_conn(c->conn), b->script);
    if (!good(r))
        note_failure(b, c, r, 0);
    else
        b->outcome = PG_COMMITTED;
    PQclear(r);
    plain(c, b->outcome == PG_COMMITTED ? "COMMIT" : "ROLLBACK");
}

// --- the questions of every half second

// Whether halt and session are still the same, and who leads: computed anew only when somebody could have written what
// they tell of since. A halt is written by one function of the ledger, or by a script; the lead in its table's name.
static void note_changes(const char *sql)
{
    bool halt = strstr(sql, "write_halt(") != NULL;
    changes.halts += halt;
    changes.leads += halt || (strncmp(sql, "SELECT", 6) != 0 && strstr(sql, "public.leaders"));
}

static void batch_changes(const struct pg_batch *b)
{
    changes.halts += b->script != NULL;
    changes.leads += b->script != NULL;
    for (size_t i = 0; i < b->count; i++)
        note_changes(b->items[i].statement->text);
}

static bool asks(const struct pg_batch *b, const char *first, const char *second)
{
    return b->count == (second ? 2 : 1) && strcmp(b->items[0].statement->name, first) == 0 &&
           (!second || strcmp(b->items[1].statement->name, second) == 0);
}

// What an answer to this batch rests on; NULL: on more than is noted here.
static const uint64_t *rests_on(const struct pg_batch *b)
{
    if (asks(b, "halt_read", "session_check"))
        return &changes.halts;
    return asks(b, "leader_read", NULL) ? &changes.leads : NULL;
}

static char *question_of(const struct pg_batch *b)
{
    struct text t;
    text_init(&t, 4096);
    for (size_t i = 0; i < b->count; i++)
        for (size_t k = 0; k < b->items[i].count; k++)
            text_addf(&t, "%s\n", b->items[i].values[k] ? b->items[i].values[k] : "-");
    char *copy = check_strdup(text_str(&t));
    text_free(&t);
    return copy;
}

static PGresult *copy_of(const PGresult *r)
{
    PGresult *copy = PQcopyResult(r, PG_COPYRES_ATTRS | PG_COPYRES_TUPLES);
    CHECK(copy != NULL);
    return copy;
}

void store_forget(struct pg_client *c)
{
    for (size_t i = 0; i < c->kept.count; i++)
        PQclear(c->kept.answers[i]);
    free(c->kept.question);
    c->kept = (struct kept){0};
}

static bool answer_kept(const struct pg_client *c, struct pg_batch *b, const char *question, uint64_t before)
{
    const struct kept *k = &c->kept;
    if (!k->question || k->before != before || strcmp(k->question, question) != 0)
        return false;
    for (size_t i = 0; i < b->count; i++)
        b->items[i].result.res = copy_of(k->answers[i]);
    b->outcome = PG_COMMITTED;
    return true;
}

// One connection asks one such question.
static void ask_or_keep(struct pg_client *c, struct pg_batch *b, uint64_t before)
{
    char *question = question_of(b);
    if (!answer_kept(c, b, question, before)) {
        run(c, b);
        store_forget(c);
        if (b->outcome == PG_COMMITTED) {
            c->kept = (struct kept){.question = check_strdup(question), .before = before, .count = b->count};
            for (size_t i = 0; i < b->count; i++)
                c->kept.answers[i] = copy_of(b->items[i].result.res);
        }
    }
    free(question);
}

void store_asked(const char *sql)
{
    note_changes(sql);
}

void store_run(struct pg_client *c, struct pg_batch *b)
{
    b->ran = true;
    batch_changes(b);
    const uint64_t *rests = rests_on(b);
    if (b->script)
        run_script(c, b);
    else if (rests)
        ask_or_keep(c, b, *rests);
    else
        run(c, b);
}

// --- results

size_t pg_rows(const struct pg_result *r)
{
    return (size_t)PQntuples(r->res);
}

size_t pg_columns(const struct pg_result *r)
{
    return (size_t)PQnfields(r->res);
}

size_t pg_affected(const struct pg_result *r)
{
    return (size_t)strtoul(PQcmdTuples(r->res), NULL, 10);
}

const char *pg_value(const struct pg_result *r, size_t row, size_t column)
{
    return PQgetisnull(r->res, (int)row, (int)column) ? NULL : PQgetvalue(r->res, (int)row, (int)column);
}

const char *pg_named(const struct pg_result *r, size_t row, const char *column)
{
    int n = PQfnumber(r->res, column);
    CHECK(n >= 0);
    return pg_value(r, row, (size_t)n);
}
