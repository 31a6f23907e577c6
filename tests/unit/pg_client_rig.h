// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// For tests of the Postgres client: a private server with a table, and what the client told. Run from the root of the
// tree.
#ifndef PAPERGUARD_TESTS_PG_CLIENT_RIG_H
#define PAPERGUARD_TESTS_PG_CLIENT_RIG_H

#include "lib/io/pg_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/base/when.h"
#include "lib/io/clock.h"

#define TOOL "tests/tools/private-postgres.sh"
#define WAIT_MS 20000
#define SEEN_MAX 600

static char folder[64], dsn[256];

struct seen { // completions in their order
    size_t count;
    enum pg_outcome outcomes[SEEN_MAX];
    int tags[SEEN_MAX];
    char sqlstate[6], detail[400], first[64];
    size_t failed_at, results, rows, affected;
    bool first_is_null;
};

struct tag {
    struct seen *seen;
    int number;
};

static struct tag tags[SEEN_MAX];
static struct seen seen;
static struct loop *loop;

static void tool(const char *verb)
{
    char command[200];
    snprintf(command, sizeof command, "%s %s %s >/dev/null", TOOL, verb, folder);
    assert_int_equal(system(command), 0);
}

static void on_done(void *arg, const struct pg_answer *a)
{
    struct tag *t = arg;
    struct seen *s = t->seen;
    assert_true(s->count < SEEN_MAX);
    s->outcomes[s->count] = a->outcome;
    s->tags[s->count++] = t->number;
    str_copy_cut(s->sqlstate, sizeof s->sqlstate, a->sqlstate);
    str_copy_cut(s->detail, sizeof s->detail, a->detail);
    s->failed_at = a->failed_at;
    s->results = a->result_count;
    if (a->result_count == 0)
        return;
    const struct pg_result *r = a->results[a->result_count - 1];
    s->rows = pg_rows(r);
    s->affected = pg_affected(r);
    if (s->rows > 0) {
        s->first_is_null = pg_value(r, 0, 0) == NULL;
        str_copy_cut(s->first, sizeof s->first, s->first_is_null ? "" : pg_value(r, 0, 0));
    }
}

static struct tag *tag(int number)
{
    tags[number] = (struct tag){.seen = &seen, .number = number};
    return &tags[number];
}

static void wait_for(bool (*fulfilled)(void *), void *arg)
{
    int64_t end = clock_monotonic_ns() + WAIT_MS * NS_PER_MS;
    while (!fulfilled(arg)) {
        if (clock_monotonic_ns() >= end)
            fail_msg("waited too long; %zu completions, last detail: %s", seen.count, seen.detail);
        loop_step(loop, 100);
    }
}

static bool is_up(void *arg)
{
    return pg_client_state(arg) == PG_UP;
}

static bool has_seen(void *arg)
{
    return seen.count >= *(size_t *)arg;
}

static void wait_seen(size_t count)
{
    wait_for(has_seen, &count);
    assert_int_equal(seen.count, count);
}

static struct pg_client *client_with(const char *address, const char *password, int64_t timeout_ms, size_t queue)
{
    memset(&seen, 0, sizeof seen);
    struct pg_client_params p = {.loop = loop,
                                 .dsn = address,
                                 .application_name = "test",
                                 .password = password,
                                 .connect_timeout_ms = 3000,
                                 .batch_timeout_ms = timeout_ms,
                                 .queue_max = queue};
    return pg_client_new(&p);
}

static struct pg_client *client_up(void)
{
    struct pg_client *c = client_with(dsn, NULL, 10000, 500);
    wait_for(is_up, c);
    return c;
}

static const struct pg_statement insert_row = {"insert_row", "INSERT INTO t(id, note) VALUES ($1, $2)"};
static const struct pg_statement count_rows = {"count_rows", "SELECT count(*) AS n FROM t"};
static const struct pg_statement delete_all = {"delete_all", "DELETE FROM t"};

static void submit(struct pg_client *c, int number, const struct pg_statement *s, const char *a, const char *b)
{
    const char *values[] = {a, b};
    struct pg_batch *batch = pg_batch_new();
    pg_batch_add(batch, s, (size_t)(strstr(s->text, "$2") != NULL ? 2 : strstr(s->text, "$1") != NULL ? 1 : 0), values);
    pg_submit(c, batch, on_done, tag(number));
}

// Runs one statement on its own and returns its first value.
static const char *ask(struct pg_client *c, const struct pg_statement *s, const char *a)
{
    size_t want = seen.count + 1;
    submit(c, 0, s, a, NULL);
    wait_seen(want);
    assert_int_equal(seen.outcomes[want - 1], PG_COMMITTED);
    return seen.first;
}

static void run_script(struct pg_client *c, const char *sql, enum pg_outcome want)
{
    size_t next = seen.count + 1;
    pg_submit_script(c, sql, on_done, tag(0));
    wait_seen(next);
    assert_int_equal(seen.outcomes[next - 1], want);
}

static int start_server(void **state)
{
    (void)state;
    str_copy_cut(folder, sizeof folder, "/tmp/pgc.XXXXXX");
    assert_non_null(mkdtemp(folder));
    pg_client_global_init();
    tool("start");
    snprintf(dsn, sizeof dsn, "host=%s/pg user=paperguard dbname=paperguard", folder);
    loop = loop_new();
    struct pg_client *c = client_up();
    run_script(c, "CREATE TABLE t(id int PRIMARY KEY, note text)", PG_COMMITTED);
    pg_client_free(c);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    loop_free(loop);
    tool("stop");
    return rmdir(folder);
}

#endif
