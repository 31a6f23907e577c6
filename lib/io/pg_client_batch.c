// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Batches and results of pg_client: copies of what is to be sent, and read access to what came back.
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/io/pg_client_link.h"

const char *pg_outcome_name(enum pg_outcome o)
{
    static const char *const names[] = {"committed", "failed", "lost", "closed"};
    CHECK((size_t)o < ARRAY_LEN(names));
    return names[o];
}

struct pg_batch *pg_batch_new(void)
{
    struct pg_batch *b = check_alloc(1, sizeof *b);
    list_init(&b->node);
    return b;
}

// The server refuses a whole batch for one byte that is no UTF-8, such as one from a broker's error page.
static void make_utf8(char *s)
{
    while (*s) {
        const size_t len = str_char(s);
        if (len == 0)
            *s = '?';
        s += len ? len : 1;
    }
}

void pg_batch_add(struct pg_batch *b, const struct pg_statement *statement, size_t count, const char *const *values)
{
    CHECK(count <= PG_PARAMS_MAX && b->script == NULL);
    if (b->count == b->cap) {
        b->cap = b->cap == 0 ? 4 : b->cap * 2;
        b->items = check_realloc(b->items, b->cap * sizeof b->items[0]);
    }
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += values[i] != NULL ? strlen(values[i]) + 1 : 0;
    const char **copy = check_alloc(1, count * sizeof copy[0] + bytes + 1);
    char *at = (char *)(copy + count);
    for (size_t i = 0; i < count; i++) {
        if (values[i] == NULL)
            continue;
        size_t len = strlen(values[i]) + 1;
        memcpy(at, values[i], len);
        make_utf8(at);
        copy[i] = at;
        at += len;
    }
    b->items[b->count++] = (struct pg_item){.statement = statement, .count = count, .values = copy};
}

size_t pg_batch_size(const struct pg_batch *b)
{
    return b->count;
}

void pg_batch_destroy(struct pg_batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        PQclear(b->items[i].result.res);
        free(b->items[i].values);
    }
    PQclear(b->script_result.res);
    free(b->items);
    free(b->script);
    free(b);
}

void pg_batch_free(struct pg_batch *b)
{
    if (b == NULL)
        return;
    CHECK(b->done == NULL); // a submitted batch is the client's
    pg_batch_destroy(b);
}

void pg_batch_fail(struct pg_batch *b, size_t at, const char *sqlstate, const char *detail)
{
    if (b->failed)
        return;
    b->failed = true;
    b->failed_at = at;
    str_copy_cut(b->sqlstate, sizeof b->sqlstate, sqlstate);
    str_copy_cut(b->detail, sizeof b->detail, detail);
}

void pg_batch_complete(struct pg_batch *b)
{
    bool committed = b->outcome == PG_COMMITTED;
    struct pg_answer answer = {.outcome = b->outcome, .failed_at = b->failed_at, .detail = b->detail};
    const struct pg_result **results = check_alloc(b->count + 1, sizeof results[0]);
    for (size_t i = 0; committed && i < b->count; i++)
        results[answer.result_count++] = &b->items[i].result;
    if (committed && b->script_result.res != NULL)
        results[answer.result_count++] = &b->script_result;
    answer.results = results;
    str_copy_cut(answer.sqlstate, sizeof answer.sqlstate, b->sqlstate);
    b->done(b->arg, &answer);
    free(results);
}

// 'invalid input syntax for type integer: "12a"' quotes a value; names are quoted in other classes only.
static void cut_quoted(char *text)
{
    char *out = text;
    bool quoted = false;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"') {
            quoted = !quoted;
            *out++ = '"';
        } else if (!quoted) {
            *out++ = *c;
        }
    }
    *out = '\0';
}

void pg_error_text(const PGresult *res, char sqlstate[6], char *out, size_t size)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    str_copy_cut(sqlstate, 6, state != NULL ? state : "");
    str_copy_cut(out, size, message != NULL ? message : PQresultErrorMessage(res));
    if (str_starts(sqlstate, "22"))
        cut_quoted(out);
    for (char *c = out; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ')
            *c = ' ';
    }
}

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
    int64_t n = 0;
    if (str_starts(PQcmdStatus(r->res), "SELECT") || !str_int64(PQcmdTuples(r->res), 0, INT64_MAX, &n))
        return 0;
    return (size_t)n;
}

const char *pg_value(const struct pg_result *r, size_t row, size_t column)
{
    CHECK(row < pg_rows(r) && column < pg_columns(r));
    return PQgetisnull(r->res, (int)row, (int)column) ? NULL : PQgetvalue(r->res, (int)row, (int)column);
}

const char *pg_named(const struct pg_result *r, size_t row, const char *column)
{
    // Not PQfnumber: it folds case and reads quotes, and this is asked once per field.
    int count = PQnfields(r->res), at = 0;
    while (at < count && strcmp(PQfname(r->res, at), column) != 0)
        at++;
    CHECK(at < count); // the column is one of the statement's
    return pg_value(r, row, (size_t)at);
}
