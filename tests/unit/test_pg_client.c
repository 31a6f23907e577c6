// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The Postgres client against a private server that this test starts itself: transactions, order of completions, broken
// and silent servers, reconnecting, bounds. Run from the root of the tree.
#include "lib/io/pg_client.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
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

static bool is_not_up(void *arg)
{
    return pg_client_state(arg) != PG_UP;
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
static const struct pg_statement note_of = {"note_of", "SELECT note FROM t WHERE id = $1"};
static const struct pg_statement delete_all = {"delete_all", "DELETE FROM t"};
static const struct pg_statement sleeper = {"sleeper", "SELECT pg_sleep($1)"};
static const struct pg_statement broken_sql = {"broken_sql", "SELECT nothing FROM nowhere"};
static const struct pg_statement suicide = {"suicide", "SELECT pg_terminate_backend(pg_backend_pid())"};
static const struct pg_statement late_check = {"late_check", "INSERT INTO d(id, parent) VALUES ($1, $2)"};

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

// --- tests
// -------------------------------------------------------------------------------------------------------------

static void a_batch_is_one_transaction(void **state)
{
    (void)state;
    struct pg_client *c = client_up();
    run_script(c, "CREATE TABLE IF NOT EXISTS t(id int PRIMARY KEY, note text); DELETE FROM t", PG_COMMITTED);
    const char *one[] = {"1", "first"}, *two[] = {"2", NULL}, *twice[] = {"1", "again"}, *three[] = {"3", "x"};
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &insert_row, 2, one);
    pg_batch_add(b, &insert_row, 2, two);
    assert_int_equal(pg_batch_size(b), 2);
    size_t before = seen.count;
    pg_submit(c, b, on_done, tag(1));
    assert_int_equal(seen.count, before); // never from within
    wait_seen(before + 1);
    assert_int_equal(seen.outcomes[before], PG_COMMITTED);
    assert_int_equal(seen.results, 2);
    assert_int_equal(seen.affected, 1);

    b = pg_batch_new();
    pg_batch_add(b, &insert_row, 2, three);
    pg_batch_add(b, &insert_row, 2, twice);
    pg_batch_add(b, &count_rows, 0, NULL);
    pg_submit(c, b, on_done, tag(2));
    wait_seen(before + 2);
    assert_int_equal(seen.outcomes[before + 1], PG_FAILED);
    assert_int_equal(seen.failed_at, 1);
    assert_string_equal(seen.sqlstate, "23505");
    assert_int_equal(seen.results, 0);
    assert_string_equal(ask(c, &count_rows, NULL), "2"); // row 3 went with it
    assert_string_equal(ask(c, &note_of, "1"), "first");
    ask(c, &note_of, "2");
    assert_true(seen.first_is_null);
    ask(c, &note_of, "77");
    assert_int_equal(seen.rows, 0);
    pg_client_free(c);
}

static void completions_come_in_order_and_failures_stay_alone(void **state)
{
    (void)state;
    struct pg_client *c = client_up();
    ask(c, &delete_all, NULL);
    seen.count = 0;
    for (int i = 0; i < 400; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i % 10 == 9 ? i - 1 : i); // every tenth collides with the one before
        submit(c, i, &insert_row, id, "pipelined");
    }
    assert_int_equal(pg_client_queued(c), 400);
    wait_seen(400);
    for (int i = 0; i < 400; i++) {
        assert_int_equal(seen.tags[i], i);
        assert_int_equal(seen.outcomes[i], i % 10 == 9 ? PG_FAILED : PG_COMMITTED);
    }
    assert_string_equal(ask(c, &count_rows, NULL), "360");
    pg_client_free(c);
}

// The first use of a statement that cannot be prepared must not harm what shares the pipeline with it.
static void a_statement_that_cannot_be_prepared_fails_its_own_batch(void **state)
{
    (void)state;
    struct pg_client *c = client_up();
    submit(c, 0, &broken_sql, NULL, NULL);
    submit(c, 1, &count_rows, NULL, NULL);
    submit(c, 2, &broken_sql, NULL, NULL);
    wait_seen(3);
    assert_int_equal(seen.outcomes[0], PG_FAILED);
    assert_int_equal(seen.outcomes[1], PG_COMMITTED);
    assert_int_equal(seen.outcomes[2], PG_FAILED);
    assert_string_equal(seen.sqlstate, "42P01"); // the cause, not "prepared statement does not exist"
    run_script(c, "CREATE TABLE nowhere(nothing int)", PG_COMMITTED);
    ask(c, &broken_sql, NULL);
    run_script(c, "ALTER TABLE nowhere ALTER nothing TYPE text", PG_COMMITTED); // a known plan must not linger
    ask(c, &broken_sql, NULL);
    run_script(c, "DROP TABLE nowhere", PG_COMMITTED);
    pg_client_free(c);
}

static void a_failed_first_use_keeps_the_preparation(void **state)
{
    (void)state;
    struct pg_client *c = client_up();
    ask(c, &delete_all, NULL);
    seen.count = 0;
    submit(c, 0, &insert_row, "not a number", NULL);
    submit(c, 1, &insert_row, "5", NULL);
    wait_seen(2);
    assert_int_equal(seen.outcomes[0], PG_FAILED);
    assert_int_equal(seen.outcomes[1], PG_COMMITTED);
    seen.count = 0;
    submit(c, 0, &insert_row, "s3cret-value", NULL);
    wait_seen(1);
    assert_string_equal(seen.sqlstate, "22P02");
    assert_null(strstr(seen.detail, "s3cret")); // values stay out of the text
    pg_client_free(c);
}

static void a_commit_that_fails_is_a_failure(void **state)
{
    (void)state;
    struct pg_client *c = client_up();
    run_script(
        c,
        "CREATE TABLE IF NOT EXISTS d(id int PRIMARY KEY, parent int REFERENCES d DEFERRABLE INITIALLY DEFERRED);"
        "DELETE FROM d",
        PG_COMMITTED);
    seen.count = 0;
    submit(c, 0, &late_check, "1", "99"); // judged at commit only
    submit(c, 1, &late_check, "2", "2");
    wait_seen(2);
    assert_int_equal(seen.outcomes[0], PG_FAILED);
    assert_int_equal(seen.outcomes[1], PG_COMMITTED);
    pg_client_free(c);
}

static void scripts_are_one_transaction(void **state)
{
    (void)state;
    struct pg_client *c = client_up();
    ask(c, &delete_all, NULL);
    seen.count = 0;
    submit(c, 1, &insert_row, "1", NULL);
    pg_submit_script(c, "INSERT INTO t VALUES (2); SELECT 'kept' AS word; INSERT INTO t VALUES (3) -- end", on_done,
                     tag(2));
    submit(c, 3, &insert_row, "4", NULL);
    wait_seen(3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(seen.tags[i], i + 1);
        assert_int_equal(seen.outcomes[i], PG_COMMITTED);
    }
    assert_string_equal(seen.first, "kept");
    run_script(c, "INSERT INTO t VALUES (10); INSERT INTO t VALUES (1)", PG_FAILED);
    assert_string_equal(seen.sqlstate, "23505");
    assert_string_equal(ask(c, &count_rows, NULL), "4");
    run_script(c, "syntax nonsense", PG_FAILED);
    assert_string_equal(ask(c, &count_rows, NULL), "4");
    pg_client_free(c);
}

static void a_killed_server_loses_what_was_sent_and_keeps_what_waits(void **state)
{
    (void)state;
    struct pg_client *c = client_up();
    ask(c, &delete_all, NULL);
    seen.count = 0;
    submit(c, 0, &sleeper, "30", NULL);
    for (int i = 1; i < 100; i++) { // more than the pipeline takes
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        submit(c, i, &insert_row, id, NULL);
    }
    loop_step(loop, 100); // sends
    tool("crash");
    wait_for(is_not_up, c);
    size_t lost = 64;
    wait_seen(lost);
    for (size_t i = 0; i < lost; i++)
        assert_int_equal(seen.outcomes[i], PG_LOST);
    assert_int_equal(pg_client_queued(c), 36);
    tool("start");
    wait_seen(100); // the rest went over the new connection, prepared anew
    for (size_t i = lost; i < 100; i++)
        assert_int_equal(seen.outcomes[i], PG_COMMITTED);
    assert_string_equal(ask(c, &count_rows, NULL), "36");
    pg_client_free(c);
}

static void a_terminated_session_is_lost_not_failed(void **state)
{
    (void)state;
    struct pg_client *c = client_up();
    submit(c, 0, &suicide, NULL, NULL);
    wait_seen(1);
    assert_int_equal(seen.outcomes[0], PG_LOST);
    wait_for(is_up, c);
    ask(c, &count_rows, NULL);
    pg_client_free(c);
}

// Answers that were under way when the session died still decide: only what has no answer is lost.
static void what_arrived_before_the_end_counts(void **state)
{
    (void)state;
    static const struct pg_statement pid = {"pid", "SELECT pg_backend_pid()"};
    static const struct pg_statement alive = {"alive", "SELECT count(*) FROM pg_stat_activity WHERE pid = $1"};
    struct pg_client *c = client_up();
    ask(c, &delete_all, NULL);
    char backend[64];
    str_copy_cut(backend, sizeof backend, ask(c, &pid, NULL));
    submit(c, 0, &insert_row, "1", NULL);
    submit(c, 1, &suicide, NULL, NULL);
    loop_step(loop, 100); // sends both
    struct loop *first = loop;
    loop = loop_new(); // the first client sleeps while another one watches its session end
    struct pg_client *watcher = client_up();
    while (!str_equal(ask(watcher, &alive, backend), "0"))
        seen.count = 0;
    pg_client_free(watcher);
    loop_free(loop);
    loop = first;
    seen.count = 0;
    wait_seen(2);
    assert_int_equal(seen.outcomes[0], PG_COMMITTED);
    assert_int_equal(seen.outcomes[1], PG_LOST);
    pg_client_free(c);
}

static void without_a_server_batches_close_after_their_time(void **state)
{
    (void)state;
    char nowhere[200];
    snprintf(nowhere, sizeof nowhere, "host=%s/hunter2 user=u dbname=d password=hunter2", folder);
    struct pg_client *c = client_with(nowhere, NULL, 300, 2);
    submit(c, 0, &count_rows, NULL, NULL);
    submit(c, 1, &count_rows, NULL, NULL);
    submit(c, 2, &count_rows, NULL, NULL); // one too many
    assert_int_equal(pg_client_queued(c), 2);
    wait_seen(3);
    assert_int_equal(seen.tags[0], 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(seen.outcomes[i], PG_CLOSED);
    assert_null(strstr(pg_client_detail(c), "hunter2"));
    assert_non_null(strstr(pg_client_detail(c), "/***/")); // the folder happens to be the password
    pg_client_free(c);
}

// A server that takes the connection and never says a word, and one that goes silent with a batch under way.
static void silent_servers_are_given_up(void **state)
{
    (void)state;
    char path[120], address[200];
    snprintf(path, sizeof path, "%s/.s.PGSQL.5432", folder);
    snprintf(address, sizeof address, "host=%s user=u dbname=d", folder);
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    str_copy_cut(un.sun_path, sizeof un.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    assert_int_equal(listen(fd, 5), 0);
    struct pg_client *c = client_with(address, NULL, 200, 5);
    submit(c, 0, &count_rows, NULL, NULL);
    wait_seen(1);
    assert_int_equal(seen.outcomes[0], PG_CLOSED);
    pg_client_free(c);
    close(fd);
    unlink(path);
}

static void freeze(bool stop) // the postmaster's children, by the pid the session told
{
    kill((pid_t)atoi(seen.first), stop ? SIGSTOP : SIGCONT);
}

static void a_silent_session_is_lost(void **state)
{
    (void)state;
    static const struct pg_statement pid = {"pid", "SELECT pg_backend_pid()"};
    struct pg_client *c = client_with(dsn, NULL, 500, 5);
    wait_for(is_up, c);
    ask(c, &pid, NULL);
    freeze(true);
    submit(c, 1, &count_rows, NULL, NULL);
    wait_seen(2);
    assert_int_equal(seen.outcomes[1], PG_LOST);
    freeze(false);
    wait_for(is_up, c);
    pg_client_free(c);
}

// The server stops a statement before the client gives up, so nothing commits behind the back of a reader.
static void a_slow_statement_is_stopped_by_the_server(void **state)
{
    (void)state;
    struct pg_client *c = client_with(dsn, NULL, 1000, 5);
    wait_for(is_up, c);
    submit(c, 0, &sleeper, "30", NULL);
    wait_seen(1);
    assert_int_equal(seen.outcomes[0], PG_FAILED);
    assert_string_equal(seen.sqlstate, "57014");
    pg_client_free(c);
}

static void freeing_completes_everything(void **state)
{
    (void)state;
    struct pg_client *c = client_up();
    for (int i = 0; i < 100; i++)
        submit(c, i, &sleeper, "5", NULL);
    loop_step(loop, 100);
    pg_client_free(c);
    assert_int_equal(seen.count, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen.outcomes[i], i < 64 ? PG_LOST : PG_CLOSED);
}

static void free_client(void *arg, const struct pg_answer *answer)
{
    assert_int_equal(answer->outcome, PG_COMMITTED);
    pg_client_free(arg);
    tag(0)->seen->count++;
}

static void freeing_within_a_completion_is_fine(void **state)
{
    (void)state;
    struct pg_client *c = client_up();
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &count_rows, 0, NULL);
    pg_submit(c, b, free_client, c);
    submit(c, 1, &count_rows, NULL, NULL);
    wait_for(has_seen, &(size_t){2});
    assert_int_equal(seen.count, 2);
}

static void expect_refused(const char *address, const char *word)
{
    struct pg_client *c = client_with(address, "pa55word", 5000, 5);
    assert_int_equal(pg_client_state(c), PG_DOWN);
    assert_non_null(strstr(pg_client_detail(c), word));
    assert_null(strstr(pg_client_detail(c), "pa55"));
    submit(c, 0, &count_rows, NULL, NULL);
    wait_seen(1);
    assert_int_equal(seen.outcomes[0], PG_CLOSED);
    pg_client_free(c);
}

static void addresses_that_would_block_are_refused(void **state)
{
    (void)state;
    expect_refused("host=db.example.com user=u", "is a name");
    expect_refused("postgresql://u:pa55word@db.example.com/x", "is a name");
    expect_refused("host=/a,/b", "exactly one");
    expect_refused("service=other", "service file");
    expect_refused("password='pa55word user", "cannot be read");
    expect_refused("pa55word", "cannot be read");
}

static void the_environment_has_no_say(void **state)
{
    (void)state;
    setenv("PGOPTIONS", "-c synchronous_commit=off", 1);
    setenv("PGHOST", "elsewhere", 1);
    setenv("PGSERVICE", "other", 1);
    pg_client_global_init();
    assert_null(getenv("PGOPTIONS"));
    assert_null(getenv("PGHOST"));
    assert_null(getenv("PGSERVICE"));
    char off[300];
    snprintf(off, sizeof off, "%s options='-c synchronous_commit=off'", dsn);
    static const struct pg_statement show = {"show", "SELECT current_setting('synchronous_commit')"};
    struct pg_client *c = client_with(off, NULL, 5000, 5);
    wait_for(is_up, c);
    assert_string_equal(ask(c, &show, NULL), "on"); // committed means durable, whatever the settings say
    pg_client_free(c);
}

struct states {
    enum pg_state seen[8];
    size_t count;
};

static void on_state(void *arg, enum pg_state state, const char *detail)
{
    struct states *s = arg;
    assert_non_null(detail);
    if (s->count < ARRAY_LEN(s->seen))
        s->seen[s->count++] = state;
}

static bool four_states(void *arg)
{
    return ((struct states *)arg)->count >= 4;
}

static void states_are_told(void **state)
{
    (void)state;
    struct states s = {.count = 0};
    struct pg_client_params p = {.loop = loop,
                                 .dsn = dsn,
                                 .connect_timeout_ms = 3000,
                                 .batch_timeout_ms = 3000,
                                 .queue_max = 5,
                                 .on_state = on_state,
                                 .arg = &s};
    struct pg_client *c = pg_client_new(&p);
    assert_int_equal(s.count, 0);
    wait_for(is_up, c);
    submit(c, 0, &suicide, NULL, NULL);
    wait_for(four_states, &s);
    assert_int_equal(s.seen[0], PG_CONNECTING);
    assert_int_equal(s.seen[1], PG_UP);
    assert_int_equal(s.seen[2], PG_DOWN);
    assert_int_equal(s.seen[3], PG_CONNECTING);
    pg_client_free(c);
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
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    loop_free(loop);
    tool("stop");
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_one_transaction),
        cmocka_unit_test(completions_come_in_order_and_failures_stay_alone),
        cmocka_unit_test(a_statement_that_cannot_be_prepared_fails_its_own_batch),
        cmocka_unit_test(a_failed_first_use_keeps_the_preparation),
        cmocka_unit_test(a_commit_that_fails_is_a_failure),
        cmocka_unit_test(scripts_are_one_transaction),
        cmocka_unit_test(a_killed_server_loses_what_was_sent_and_keeps_what_waits),
        cmocka_unit_test(a_terminated_session_is_lost_not_failed),
        cmocka_unit_test(what_arrived_before_the_end_counts),
        cmocka_unit_test(without_a_server_batches_close_after_their_time),
        cmocka_unit_test(silent_servers_are_given_up),
        cmocka_unit_test(a_silent_session_is_lost),
        cmocka_unit_test(a_slow_statement_is_stopped_by_the_server),
        cmocka_unit_test(freeing_completes_everything),
        cmocka_unit_test(freeing_within_a_completion_is_fine),
        cmocka_unit_test(addresses_that_would_block_are_refused),
        cmocka_unit_test(the_environment_has_no_say),
        cmocka_unit_test(states_are_told),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
