// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The Redis client against a real private server on a Unix socket in a temporary folder, which is killed and started
// again in the middle, and against sockets that only pretend. Skipped where no Redis is installed.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/io/clock.h"
#include "lib/io/redis_client.h"

#define WAIT_MS 20000

// ---- a private server
// --------------------------------------------------------------------------------------------------

static struct {
    char program[128], folder[64], socket[96], url[128];
    pid_t pid;
} server;

// Debian's redis-server is a link to redis-check-rdb, which acts by the name it is called with.
static void server_start(void)
{
    server.pid = fork();
    assert_true(server.pid >= 0);
    if (server.pid > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDOUT_FILENO);
    execl(server.program, "redis-server", "--port", "0", "--unixsocket", server.socket, "--dir", server.folder,
          "--save", "", "--appendonly", "no", (char *)NULL);
    _exit(127);
}

static void server_kill(void)
{
    if (server.pid > 0) {
        kill(server.pid, SIGKILL);
        waitpid(server.pid, NULL, 0);
    }
    server.pid = 0;
}

static int server_open(void **state)
{
    (void)state;
    static const char *const programs[] = {"/usr/bin/redis-server", "/usr/bin/redis-check-rdb",
                                           "/usr/local/bin/redis-server"};
    for (size_t i = 0; i < ARRAY_LEN(programs) && server.program[0] == '\0'; i++) {
        if (access(programs[i], X_OK) == 0)
            str_copy_cut(server.program, sizeof server.program, programs[i]);
    }
    if (server.program[0] == '\0')
        return 0;
    str_copy_cut(server.folder, sizeof server.folder, "/tmp/paperguard-redis-XXXXXX");
    if (mkdtemp(server.folder) == NULL)
        return -1;
    snprintf(server.socket, sizeof server.socket, "%s/s", server.folder);
    snprintf(server.url, sizeof server.url, "unix://%s", server.socket);
    server_start();
    return 0;
}

static int server_close(void **state)
{
    (void)state;
    server_kill();
    unlink(server.socket);
    rmdir(server.folder);
    return 0;
}

// ---- a client and what it was told
// -------------------------------------------------------------------------------------

struct probe {
    struct loop *loop;
    struct redis_client *client;
    struct redis_client_params params;
    char states[64], detail[512];
    size_t changes;
    bool free_when_down;
};

struct answer {
    int calls;
    bool got, ok;
    int64_t integer;
    char text[256];
    bool has_text;
    struct probe *free_client;
};

static void on_state(void *arg, bool up, const char *detail)
{
    struct probe *p = arg;
    assert_true(p->changes + 1 < sizeof p->states);
    p->states[p->changes++] = up ? 'U' : 'D';
    str_copy_cut(p->detail, sizeof p->detail, detail);
    if (p->free_when_down && !up) {
        redis_client_free(p->client);
        p->client = NULL;
    }
}

static void on_answer(void *arg, const struct redis_reply_view *reply)
{
    struct answer *a = arg;
    a->calls++;
    a->got = reply != NULL;
    if (reply != NULL) {
        a->ok = reply->ok;
        a->integer = reply->integer;
        a->has_text = reply->text != NULL;
        if (reply->text != NULL)
            str_copy_cut(a->text, sizeof a->text, reply->text);
    }
    if (a->free_client != NULL) {
        redis_client_free(a->free_client->client);
        a->free_client->client = NULL;
    }
}

static void probe_prepare(struct probe *p, const char *url)
{
    *p = (struct probe){.loop = loop_new()};
    p->params = (struct redis_client_params){.loop = p->loop,
                                             .url = url,
                                             .connect_timeout_ms = 5000,
                                             .command_timeout_ms = 5000,
                                             .queue_max = 100,
                                             .on_state = on_state,
                                             .arg = p};
}

static void probe_start(struct probe *p)
{
    struct err err;
    p->client = redis_client_new(&p->params, &err);
    assert_non_null(p->client);
    assert_int_equal(p->changes, 0);
}

static void probe_open(struct probe *p, const char *url)
{
    if (server.program[0] == '\0')
        skip();
    probe_prepare(p, url);
    probe_start(p);
}

static void probe_close(struct probe *p)
{
    redis_client_free(p->client);
    assert_false(loop_step(p->loop, 0)); // no timer, watch or post is left
    loop_free(p->loop);
}

static void until_up(struct probe *p, bool up)
{
    int64_t until = clock_monotonic_ns() + WAIT_MS * INT64_C(1000000);
    while (redis_client_up(p->client) != up && clock_monotonic_ns() < until)
        loop_step(p->loop, 100);
    assert_int_equal(redis_client_up(p->client), up);
}

static void until_answered(struct probe *p, struct answer *a)
{
    int64_t until = clock_monotonic_ns() + WAIT_MS * INT64_C(1000000);
    while (a->calls == 0 && clock_monotonic_ns() < until)
        loop_step(p->loop, 100);
    assert_int_equal(a->calls, 1);
}

static void ask(struct probe *p, struct answer *a, const char *one, const char *two, const char *three)
{
    const char *argv[] = {one, two, three};
    *a = (struct answer){.calls = 0};
    redis_command(p->client, two == NULL ? 1 : three == NULL ? 2 : 3, argv, on_answer, a);
    assert_int_equal(a->calls, 0);
}

static void asked(struct probe *p, struct answer *a, const char *one, const char *two, const char *three)
{
    ask(p, a, one, two, three);
    until_answered(p, a);
}

// ---- against the server
// ------------------------------------------------------------------------------------------------

static void values_come_and_go(void **state)
{
    (void)state;
    struct probe p;
    struct answer a;
    probe_open(&p, server.url);
    until_up(&p, true);
    assert_string_equal(p.detail, "");
    asked(&p, &a, "SET", "key", "some value");
    assert_true(a.got && a.ok);
    assert_string_equal(a.text, "OK");
    asked(&p, &a, "GET", "key", NULL);
    assert_string_equal(a.text, "some value");
    asked(&p, &a, "GET", "none", NULL);
    assert_true(a.got && a.ok && !a.has_text);
    asked(&p, &a, "APPEND", "key", "!");
    assert_int_equal(a.integer, 11);
    asked(&p, &a, "INCR", "key", NULL);
    assert_true(a.got && !a.ok);
    assert_string_equal(a.text, "ERR value is not an integer or out of range");
    asked(&p, &a, "TIME", NULL, NULL); // an array: an answer without text
    assert_true(a.got && a.ok && !a.has_text);
    redis_command(p.client, 1, (const char *const[]){"PING"}, NULL, NULL);
    asked(&p, &a, "PING", NULL, NULL);
    probe_close(&p);
}

static void a_server_that_dies_loses_answers_and_comes_back(void **state)
{
    (void)state;
    struct probe p;
    struct answer waiting, behind, while_down, after;
    probe_open(&p, server.url);
    until_up(&p, true);
    ask(&p, &waiting, "BLPOP", "empty", "0");
    ask(&p, &behind, "PING", NULL, NULL);
    loop_step(p.loop, 100);
    server_kill();
    until_answered(&p, &waiting);
    until_answered(&p, &behind);
    assert_false(waiting.got || behind.got);
    assert_false(redis_client_up(p.client));
    assert_true(str_starts(p.states, "UD"));
    asked(&p, &while_down, "PING", NULL, NULL);
    assert_false(while_down.got);
    server_start();
    until_up(&p, true);
    asked(&p, &after, "PING", NULL, NULL);
    assert_string_equal(after.text, "PONG");
    assert_true(str_ends(p.states, "U"));
    assert_string_equal(p.detail, "");
    probe_close(&p);
}

static void a_late_answer_ends_the_connection(void **state)
{
    (void)state;
    struct probe p;
    struct answer a, b;
    if (server.program[0] == '\0')
        skip();
    probe_prepare(&p, server.url);
    p.params.command_timeout_ms = 100;
    probe_start(&p);
    until_up(&p, true);
    int64_t from = clock_monotonic_ns();
    ask(&p, &a, "BLPOP", "empty", "0");
    ask(&p, &b, "PING", NULL, NULL);
    until_answered(&p, &a);
    assert_true(clock_monotonic_ns() - from >= 100 * INT64_C(1000000));
    until_answered(&p, &b);
    assert_false(a.got || b.got);
    assert_string_equal(p.detail, "no answer within 100 ms");
    until_up(&p, true);
    asked(&p, &a, "PING", NULL, NULL);
    assert_true(a.got);
    probe_close(&p);
}

static void an_answer_in_time_stops_the_clock(void **state)
{
    (void)state;
    struct probe p;
    struct answer a;
    if (server.program[0] == '\0')
        skip();
    probe_prepare(&p, server.url);
    p.params.command_timeout_ms = 1000;
    probe_start(&p);
    until_up(&p, true);
    int64_t until = clock_monotonic_ns() + 1500 * INT64_C(1000000);
    while (clock_monotonic_ns() < until) {
        asked(&p, &a, "PING", NULL, NULL);
        assert_true(a.got);
    }
    assert_string_equal(p.states, "U");
    probe_close(&p);
}

static void the_queue_is_bounded(void **state)
{
    (void)state;
    struct probe p;
    struct answer a[4];
    if (server.program[0] == '\0')
        skip();
    probe_prepare(&p, server.url);
    p.params.queue_max = 2;
    probe_start(&p);
    until_up(&p, true);
    for (size_t i = 0; i < 4; i++)
        ask(&p, &a[i], "PING", NULL, NULL);
    for (size_t i = 0; i < 4; i++)
        until_answered(&p, &a[i]);
    assert_true(a[0].got && a[1].got && !a[2].got && !a[3].got);
    asked(&p, &a[0], "PING", NULL, NULL);
    assert_true(a[0].got);
    probe_close(&p);
}

static void the_url_logs_in_and_chooses_the_database(void **state)
{
    (void)state;
    struct probe root, p;
    struct answer a;
    char url[256];
    probe_open(&root, server.url);
    until_up(&root, true);
    asked(&root, &a, "SET", "where", "zero");
    redis_command(root.client, 4, (const char *const[]){"CONFIG", "SET", "requirepass", "a@b%c"}, NULL, NULL);
    asked(&root, &a, "PING", NULL, NULL);

    snprintf(url, sizeof url, "unix://:a%%40b%%25c@%s?db=3", server.socket);
    probe_open(&p, url);
    until_up(&p, true);
    asked(&p, &a, "GET", "where", NULL);
    assert_true(a.got && a.ok && !a.has_text);
    probe_close(&p);

    snprintf(url, sizeof url, "unix://default:a%%40b%%25c@%s", server.socket);
    probe_open(&p, url);
    until_up(&p, true);
    asked(&p, &a, "GET", "where", NULL);
    assert_string_equal(a.text, "zero");
    probe_close(&p);

    snprintf(url, sizeof url, "unix://:wrong@%s", server.socket);
    probe_open(&p, url);
    while (p.changes == 0)
        loop_step(p.loop, 100);
    assert_string_equal(p.states, "D");
    assert_string_equal(p.detail, "refused at login: WRONGPASS invalid username-password pair or user is disabled.");
    probe_close(&p);

    probe_open(&p, server.url);
    while (p.changes == 0)
        loop_step(p.loop, 100);
    assert_string_equal(p.detail, "refused at login: NOAUTH Authentication required.");
    probe_close(&p);

    asked(&root, &a, "FLUSHALL", NULL, NULL);
    redis_command(root.client, 4, (const char *const[]){"CONFIG", "SET", "requirepass", ""}, NULL, NULL);
    asked(&root, &a, "PING", NULL, NULL);
    probe_close(&root);
}

static void freeing_completes_what_waits(void **state)
{
    (void)state;
    struct probe p;
    struct answer a, b;
    probe_open(&p, server.url);
    until_up(&p, true);
    ask(&p, &a, "BLPOP", "empty", "0");
    loop_step(p.loop, 10);
    ask(&p, &b, "PING", NULL, NULL);
    redis_client_free(p.client);
    p.client = NULL;
    assert_int_equal(a.calls + b.calls, 2);
    assert_false(a.got || b.got);
    probe_close(&p);
}

static void it_may_be_freed_within_its_callbacks(void **state)
{
    (void)state;
    struct probe p;
    struct answer a, b;
    probe_open(&p, server.url);
    until_up(&p, true);
    ask(&p, &a, "PING", NULL, NULL);
    ask(&p, &b, "BLPOP", "empty", "0");
    a.free_client = &p;
    while (p.client != NULL)
        loop_step(p.loop, 100);
    assert_int_equal(a.calls + b.calls, 2);
    assert_true(a.got && !b.got);
    probe_close(&p);

    probe_prepare(&p, "unix:///nonexistent/redis.sock");
    p.free_when_down = true;
    probe_start(&p);
    ask(&p, &a, "PING", NULL, NULL);
    while (p.client != NULL)
        loop_step(p.loop, 100);
    assert_int_equal(a.calls, 1);
    probe_close(&p);

    probe_prepare(&p, server.url);
    probe_start(&p);
    probe_close(&p); // before it has even begun to connect
}

// ---- against what is not there or only pretends
// ------------------------------------------------------------------------

static void nobody_there_is_said_once(void **state)
{
    (void)state;
    struct probe p;
    struct answer a;
    probe_prepare(&p, "unix:///nonexistent/redis.sock");
    probe_start(&p);
    asked(&p, &a, "PING", NULL, NULL);
    assert_false(a.got);
    for (int i = 0; i < 6; i++) // several attempts
        loop_step(p.loop, 100);
    assert_string_equal(p.states, "D");
    assert_string_equal(p.detail, "cannot connect: No such file or directory");
    probe_close(&p);
}

struct pretender {
    struct loop *loop;
    struct loop_watch *listening, *talking;
    int listener, peer;
    const char *banner; // said at once, NULL: silent
    char url[64];
};

static void pretender_reads(void *arg, int fd, unsigned events)
{
    (void)events;
    struct pretender *f = arg;
    char buf[512];
    if (read(fd, buf, sizeof buf) > 0)
        return;
    loop_watch_free(f->talking);
    f->talking = NULL;
    close(f->peer);
    f->peer = -1;
}

static void pretender_accepts(void *arg, int fd, unsigned events)
{
    (void)events;
    struct pretender *f = arg;
    int peer = accept(fd, NULL, NULL);
    assert_true(peer >= 0);
    if (f->peer >= 0) {
        loop_watch_free(f->talking);
        close(f->peer);
    }
    f->peer = peer;
    f->talking = loop_watch_new(f->loop, peer, LOOP_READ, pretender_reads, f);
    if (f->banner != NULL)
        assert_true(write(peer, f->banner, strlen(f->banner)) > 0);
}

static void pretender_open(struct pretender *f, struct loop *l, const char *banner)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    *f = (struct pretender){.loop = l, .peer = -1, .banner = banner};
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(f->listener, 5), 0);
    assert_int_equal(getsockname(f->listener, (struct sockaddr *)&a, &len), 0);
    f->listening = loop_watch_new(l, f->listener, LOOP_READ, pretender_accepts, f);
    snprintf(f->url, sizeof f->url, "redis://localhost:%d", ntohs(a.sin_port));
}

static void pretender_close(struct pretender *f)
{
    loop_watch_free(f->listening);
    loop_watch_free(f->talking);
    close(f->listener);
    if (f->peer >= 0)
        close(f->peer);
}

static void expect_down(const char *banner, int64_t timeout_ms, const char *detail)
{
    struct probe p;
    struct pretender f;
    probe_prepare(&p, "");
    pretender_open(&f, p.loop, banner);
    p.params.url = f.url;
    p.params.connect_timeout_ms = timeout_ms;
    probe_start(&p);
    while (p.changes == 0)
        loop_step(p.loop, 1000);
    assert_string_equal(p.states, "D");
    assert_string_equal(p.detail, detail);
    redis_client_free(p.client);
    p.client = NULL;
    pretender_close(&f);
    probe_close(&p);
}

static void what_does_not_answer_like_redis_is_not_up(void **state)
{
    (void)state;
    expect_down(NULL, 50, "no answer to the login within 50 ms");
    expect_down("-ERR max number of clients reached\r\n", WAIT_MS,
                "refused at login: ERR max number of clients reached");
    expect_down("220 mail.example ESMTP\r\n", WAIT_MS, "connection lost: Protocol error, got \"2\" as reply type byte");
    expect_down("+OK ready\r\n", WAIT_MS, "what answers there is not Redis");
}

static void a_refused_connection_says_so(void **state)
{
    (void)state;
    struct probe p;
    struct pretender f;
    probe_prepare(&p, "");
    pretender_open(&f, p.loop, NULL);
    pretender_close(&f); // the port is free again
    p.params.url = f.url;
    probe_start(&p);
    while (p.changes == 0)
        loop_step(p.loop, 1000);
    assert_string_equal(p.detail, "cannot connect: Connection refused");
    probe_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_and_go),
        cmocka_unit_test(a_server_that_dies_loses_answers_and_comes_back),
        cmocka_unit_test(a_late_answer_ends_the_connection),
        cmocka_unit_test(an_answer_in_time_stops_the_clock),
        cmocka_unit_test(the_queue_is_bounded),
        cmocka_unit_test(the_url_logs_in_and_chooses_the_database),
        cmocka_unit_test(freeing_completes_what_waits),
        cmocka_unit_test(it_may_be_freed_within_its_callbacks),
        cmocka_unit_test(nobody_there_is_said_once),
        cmocka_unit_test(what_does_not_answer_like_redis_is_not_up),
        cmocka_unit_test(a_refused_connection_says_so),
    };
    return cmocka_run_group_tests_name("redis_client", tests, server_open, server_close);
}
