// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The Postgres client with servers that die, stay silent or are not there; what it refuses, what freeing it completes.
// Run from the root of the tree.
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/pg_client_rig.h"

static const struct pg_statement sleeper = {"sleeper", "SELECT pg_sleep($1)"};
static const struct pg_statement suicide = {"suicide", "SELECT pg_terminate_backend(pg_backend_pid())"};

static bool is_not_up(void *arg)
{
    return pg_client_state(arg) != PG_UP;
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
    expect_refused("host=/a,,/b", "number 2 is empty");
    expect_refused("host=/a,db.example.com", "is a name");
    expect_refused("postgresql://u:pa55word@127.0.0.1,db.example.com/x", "is a name");
    expect_refused("host=/a,/b hostaddr=127.0.0.1", "give each its own");
    expect_refused("host=/a,/b,/c,/d,/e,/f,/g,/h,/i", "at most 8");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
