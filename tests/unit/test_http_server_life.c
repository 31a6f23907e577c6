// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The HTTP server's sockets over time: deadlines, clients that leave, caps, drain, Unix and inherited sockets.
#include "tests/unit/http_server_rig.h"

#include <sys/resource.h>
#include <sys/stat.h>

#define NOTHING_FOR_MS 300

// Turns for a while in which nothing happens; a loop that spins would turn far more often.
static void assert_quiet(struct fixture *f)
{
    uint64_t turns = 0;
    for (int64_t until = now_ms() + NOTHING_FOR_MS; now_ms() < until; turns++)
        (void)loop_step(f->loop, 50);
    if (turns > 100)
        fail_msg("the loop turned %llu times in %d ms of silence", (unsigned long long)turns, NOTHING_FOR_MS);
}

static void hold_one(struct fixture *f, struct client *c)
{
    size_t held = f->held_count;
    client_send(c, GET("/hold"));
    TURN_UNTIL(f, f->held_count == held + 1);
}

static void leave_with_reset(struct client *c)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    client_end(c);
}

// ---- deadlines ----

static void a_slow_request_is_cut_at_its_deadline(void **state)
{
    struct fixture *f = *state;
    f->params.request_deadline_ms = 150;
    start(f);
    struct client c = client_new(f);
    static const char request[] =
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    int64_t begin = now_ms();
    size_t at = 0;
    TURN_UNTIL(f, client_ended(&c) || (now_ms() - begin > (int64_t)at * 5 && send(c.fd, &request[at++], 1, 0) < 0));
    int64_t took = now_ms() - begin;
    client_read(&c);
    assert_true(str_starts(text_str(&c.in), "HTTP/1.1 408 "));
    assert_in_range(took, 145, 2000);
    assert_true(at > 10); // bytes kept coming all the while
    assert_int_equal(f->handled, 0);
    client_end(&c);
}

static void a_slow_body_is_cut_too(void **state)
{
    struct fixture *f = *state;
    f->params.request_deadline_ms = 100;
    start(f);
    struct client c = client_new(f);
    client_send(&c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345");
    expect_end(&c);
    assert_true(str_starts(text_str(&c.in), "HTTP/1.1 408 "));
    client_end(&c);
}

static void idle_connections_are_closed_silently(void **state)
{
    struct fixture *f = *state;
    f->params.idle_ms = 100;
    start(f);
    struct client fresh = client_new(f), used = client_new(f);
    client_send(&used, GET("/x"));
    expect_end(&fresh);
    expect_end(&used);
    assert_string_equal(text_str(&fresh.in), "");
    assert_true(str_ends(text_str(&used.in), "\r\n\r\n/x"));
    client_end(&fresh);
    client_end(&used);
}

static void a_slow_reader_is_cut(void **state)
{
    struct fixture *f = *state;
    f->big = 20u << 20;
    f->params.reply_deadline_ms = 100;
    start(f);
    struct client c = client_new(f);
    client_send(&c, GET("/big"));
    TURN_UNTIL(f, f->sent_false == 1);
    assert_int_equal(f->sent_true, 0);
    assert_int_equal(http_server_in_flight(f->server), 0);
    expect_end(&c);
    assert_true(c.in.len < f->big);
    client_end(&c);
}

static void waiting_for_the_owner_has_no_deadline(void **state)
{
    struct fixture *f = *state;
    f->params.idle_ms = f->params.request_deadline_ms = f->params.reply_deadline_ms = 50;
    start(f);
    struct client c = client_new(f);
    hold_one(f, &c);
    assert_quiet(f);
    answer(f->held[0], "late");
    expect(&c, "\r\n\r\nlate");
    client_end(&c);
}

// ---- clients that leave ----

static void a_client_that_closes_is_noticed(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f);
    hold_one(f, &c);
    client_end(&c);
    TURN_UNTIL(f, f->gone == 1);
    assert_null(f->held[0]);
    assert_int_equal(http_server_in_flight(f->server), 0);
    assert_int_equal(f->sent_true + f->sent_false, 0);
    assert_quiet(f);
}

static void a_client_that_resets_is_noticed_without_spinning(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f);
    hold_one(f, &c);
    leave_with_reset(&c);
    TURN_UNTIL(f, f->gone == 1);
    assert_quiet(f);
}

static void a_client_is_noticed_behind_its_unread_bytes(void **state)
{
    struct fixture *f = *state;
    start(f);
    for (size_t way = 0; way < 2; way++) {
        struct client c = client_new(f);
        hold_one(f, &c);
        static const char junk[100000];
        assert_true(send(c.fd, junk, sizeof junk, MSG_NOSIGNAL) > 50000);
        assert_quiet(f); // what is beyond the bound stays with the system
        assert_int_equal(f->gone, way);
        if (way == 0)
            client_end(&c);
        else
            leave_with_reset(&c);
        TURN_UNTIL(f, f->gone == way + 1);
        assert_quiet(f);
    }
}

static void a_client_is_noticed_behind_its_further_requests(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f);
    client_send(&c, GET("/hold1") GET("/hold2"));
    for (int i = 0; i < 2000; i++)
        client_send(&c, GET("/x"));
    assert_quiet(f);
    answer(f->held[0], "one");
    TURN_UNTIL(f, f->held_count == 2);
    client_end(&c);
    TURN_UNTIL(f, f->gone == 1);
}

static void what_is_sent_ahead_is_bounded(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f);
    hold_one(f, &c);
    static const char junk[65536];
    size_t sent = 0, limit = 64u << 20;
    for (int refused = 0; refused < 5000 && sent < limit; refused++) {
        ssize_t n = send(c.fd, junk, sizeof junk, MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n, refused = 0;
        (void)loop_step(f->loop, 0);
    }
    assert_true(sent < limit / 2); // the system's own buffers
    client_end(&c);
}

static void a_half_closed_client_without_a_request_is_let_go(void **state)
{
    struct fixture *f = *state;
    f->params.idle_ms = f->params.request_deadline_ms = 60000;
    start(f);
    struct client fresh = client_new(f), half = client_new(f);
    client_send(&half, "GET / HT");
    TURN_UNTIL(f, http_server_in_flight(f->server) == 1);
    shutdown(fresh.fd, SHUT_WR);
    shutdown(half.fd, SHUT_WR);
    expect_end(&fresh);
    expect_end(&half);
    assert_string_equal(text_str(&half.in), "");
    assert_int_equal(http_server_in_flight(f->server), 0);
    client_end(&fresh);
    client_end(&half);
}

static void without_gone_the_exchange_lives_until_its_answer(void **state)
{
    struct fixture *f = *state;
    f->params.gone = NULL;
    start(f);
    struct client reset = client_new(f), closed = client_new(f), stays = client_new(f);
    hold_one(f, &reset);
    hold_one(f, &closed);
    hold_one(f, &stays);
    leave_with_reset(&reset);
    client_end(&closed);
    assert_quiet(f);
    assert_int_equal(http_server_in_flight(f->server), 3);
    assert_string_equal(http_exchange_path(f->held[0]), "/hold");
    answer(f->held[0], "nobody");
    answer(f->held[1], "nobody");
    answer(f->held[2], "somebody");
    expect(&stays, "somebody");
    assert_int_equal(f->sent_false, 2);
    assert_int_equal(f->sent_true, 1);
    assert_int_equal(http_server_in_flight(f->server), 0);
    client_end(&stays);
}

static void a_dropped_exchange_closes_without_a_word(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f), later = client_new(f);
    client_send(&c, GET("/drop"));
    expect_end(&c);
    hold_one(f, &later);
    http_reply_drop(f->held[0]);
    expect_end(&later);
    assert_string_equal(text_str(&c.in), "");
    assert_string_equal(text_str(&later.in), "");
    assert_int_equal(f->sent_false, 2);
    client_end(&c);
    client_end(&later);
}

static void freeing_the_server_tells_who_waits(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f), idle = client_new(f);
    hold_one(f, &c);
    http_server_free(f->server);
    f->server = NULL;
    assert_int_equal(f->gone, 1);
    expect_end(&c);
    expect_end(&idle);
    client_end(&c);
    client_end(&idle);
}

// ---- caps and drain ----

static void too_many_connections_are_closed_at_accept(void **state)
{
    struct fixture *f = *state;
    f->params.max_connections = 2;
    start(f);
    struct client a = client_new(f), b = client_new(f), third = client_new(f);
    expect_end(&third);
    assert_string_equal(text_str(&third.in), "");
    client_send(&b, GET("/b"));
    expect(&b, "/b");
    client_end(&a);
    for (bool served = false; !served;) { // until the server has seen that `a` left
        struct client next = client_new(f);
        (void)send(next.fd, GET("/next"), strlen(GET("/next")), MSG_NOSIGNAL);
        TURN_UNTIL(f, client_has(&next, "/next") || next.eof);
        served = !next.eof;
        client_end(&next);
    }
    client_end(&b);
    client_end(&third);
}

static void a_shortage_of_descriptors_neither_spins_nor_lasts(void **state)
{
    struct fixture *f = *state;
    struct rlimit old, tight;
    start(f);
    struct client c = client_new(f);
    client_send(&c, GET("/x"));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    tight = old;
    tight.rlim_cur = 1; // no descriptor below is free
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    assert_quiet(f);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(f->handled, 0);
    expect(&c, "\r\n\r\n/x");
    client_end(&c);
}

static void drain_lets_requests_finish(void **state)
{
    struct fixture *f = *state;
    start(f);
    char address[64];
    str_copy_cut(address, sizeof address, http_server_address(f->server, 0));
    struct client idle = client_new(f), waiting = client_new(f), reading = client_new(f);
    hold_one(f, &waiting);
    client_send(&reading, "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{");
    client_send(&idle, GET("/i"));
    expect(&idle, "/i");
    TURN_UNTIL(f, http_server_in_flight(f->server) == 2);
    http_server_drain(f->server);
    assert_int_equal(connect_to(address), -1);
    expect_end(&idle);
    client_send(&reading, "}");
    expect_end(&reading);
    assert_true(client_has(&reading, "Connection: close\r\n") && client_has(&reading, "\r\n\r\n/p"));
    assert_int_equal(http_server_in_flight(f->server), 1);
    answer(f->held[0], "done");
    expect_end(&waiting);
    assert_true(client_has(&waiting, "Connection: close\r\n") && client_has(&waiting, "\r\n\r\ndone"));
    assert_int_equal(http_server_in_flight(f->server), 0);
    client_end(&idle);
    client_end(&waiting);
    client_end(&reading);
}

static void drain_ends_a_connection_after_its_large_answer(void **state)
{
    struct fixture *f = *state;
    f->big = 20u << 20;
    f->params.idle_ms = 60000;
    start(f);
    struct client c = client_new(f);
    client_send(&c, GET("/big"));
    TURN_UNTIL(f, f->handled == 1);
    assert_int_equal(http_server_in_flight(f->server), 1);
    http_server_drain(f->server);
    expect_end(&c);
    assert_true(c.in.len > f->big);
    assert_int_equal(http_server_in_flight(f->server), 0);
    client_end(&c);
}

static void drain_from_within_a_request(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f);
    client_send(&c, GET("/drain"));
    expect_end(&c);
    assert_true(client_has(&c, "Connection: close\r\n") && client_has(&c, "\r\n\r\ndraining"));
    client_end(&c);
}

// ---- sockets ----

static void listeners_have_their_own_roles(void **state)
{
    struct fixture *f = *state;
    start(f);
    must_listen(f, &(struct http_listen){.address = "[::1]:0", .fd = -1, .roles = HTTP_ROLE_GATEWAY, .service = "gw"});
    assert_true(str_starts(http_server_address(f->server, 1), "[::1]:"));
    assert_null(http_server_address(f->server, 2));
    struct client c = client_new(f), six = client_at(f, 1);
    client_send(&c, GET("/a"));
    expect(&c, "/a");
    assert_int_equal(f->roles, HTTP_ROLE_HEALTH);
    char request[128];
    snprintf(request, sizeof request, "GET /b HTTP/1.1\r\nHost: %s\r\n\r\n", http_server_address(f->server, 1));
    client_send(&six, request);
    expect(&six, "/b");
    assert_int_equal(f->roles, HTTP_ROLE_GATEWAY);
    assert_string_equal(f->service, "gw");
    assert_string_equal(f->peer, "::1");
    client_end(&c);
    client_end(&six);
}

static void bad_listen_addresses_are_explained(void **state)
{
    struct fixture *f = *state;
    start(f);
    static const char *const bad_hosts[] = {"http://x"};
    static const struct http_listen rows[] = {
        {.address = "localhost:8001", .fd = -1},
        {.address = "127.0.0.1", .fd = -1},
        {.address = "127.0.0.1:65536", .fd = -1},
        {.address = "127.0.0.1:", .fd = -1},
        {.address = "::1:80", .fd = -1},
        {.address = "[::1]", .fd = -1},
        {.address = "", .fd = -1},
        {.address = "unix:relative", .fd = -1},
        {.address = "unix:/nowhere/there", .fd = -1},
        {.address = "192.0.2.1:8001", .fd = -1},
        {.address = "127.0.0.1:0", .fd = -1, .hosts = bad_hosts, .host_count = 1},
        {.address = "127.0.0.1:0", .fd = -1, .roles = HTTP_ROLE_ADMIN},
        {.fd = 0}, // a file
        {.fd = 1}, // a socket that does not listen
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {""};
        struct http_listen l = rows[i];
        if (l.address == NULL)
            l.fd = l.fd == 0 ? open("/dev/null", O_RDONLY) : socket(AF_INET, SOCK_STREAM, 0);
        if (http_server_listen(f->server, &l, &err) == 0)
            fail_msg("row %zu was accepted", i);
        assert_true(strlen(err.text) > 20);
        if (l.fd > 0)
            close(l.fd);
    }
    struct err err = {""};
    struct http_listen taken = {.address = http_server_address(f->server, 0), .fd = -1};
    assert_int_equal(http_server_listen(f->server, &taken, &err), -1);
    assert_non_null(strstr(err.text, "another instance"));
    assert_null(http_server_address(f->server, 1));
}

static void unix_sockets_know_their_peer(void **state)
{
    struct fixture *f = *state;
    char folder[] = "/tmp/pgXXXXXX", address[64];
    struct err err = {""};
    struct stat st;
    assert_non_null(mkdtemp(folder));
    snprintf(address, sizeof address, "unix:%s/a.sock", folder);
    const char *path = address + 5;
    struct http_listen l = {.address = address, .fd = -1, .roles = HTTP_ROLE_ADMIN, .unix_mode = 0640};
    start(f);
    mode_t mask = umask(077);
    must_listen(f, &l);
    umask(mask);
    assert_string_equal(http_server_address(f->server, 1), address);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    struct client c = client_at(f, 1);
    client_send(&c, "GET /u HTTP/1.1\r\nHost: anything.example:1\r\n\r\n");
    expect(&c, "/u");
    assert_string_equal(f->peer, "unix");
    assert_true(f->has_ids);
    assert_int_equal(f->uid, getuid());
    assert_int_equal(f->roles, HTTP_ROLE_ADMIN);
    assert_int_equal(http_server_listen(f->server, &l, &err), -1); // somebody listens there
    assert_non_null(strstr(err.text, "in use"));
    client_end(&c);
    http_server_drain(f->server);
    assert_int_equal(access(path, F_OK), -1);
    rmdir(folder);
}

static void only_a_stale_socket_is_replaced(void **state)
{
    struct fixture *f = *state;
    char folder[] = "/tmp/pgXXXXXX", address[64];
    struct err err = {""};
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    assert_non_null(mkdtemp(folder));
    snprintf(address, sizeof address, "unix:%s/a.sock", folder);
    str_copy_cut(a.sun_path, sizeof a.sun_path, address + 5);
    struct http_listen l = {.address = address, .fd = -1, .unix_mode = 0600};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    close(fd); // the file stays, nobody listens
    start(f);
    must_listen(f, &l);
    unlink(a.sun_path);
    int file = open(a.sun_path, O_CREAT | O_WRONLY, 0600); // not ours any more
    close(file);
    assert_int_equal(http_server_listen(f->server, &l, &err), -1);
    assert_non_null(strstr(err.text, "not a socket"));
    http_server_free(f->server);
    f->server = NULL;
    assert_int_equal(access(a.sun_path, F_OK), 0); // left alone
    unlink(a.sun_path);
    rmdir(folder);
}

static void an_inherited_socket_is_never_shut_down(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char address[64];
    int fd = socket(AF_INET, SOCK_STREAM, 0), kept = dup(fd);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 5), 0);
    f->server = http_server_new(&f->params);
    must_listen(f, &(struct http_listen){.fd = fd, .roles = HTTP_ROLE_API});
    str_copy_cut(address, sizeof address, http_server_address(f->server, 0));
    struct client c = client_new(f);
    client_send(&c, "GET /i HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n");
    expect(&c, "HTTP/1.1 421 ");
    client_end(&c);
    http_server_free(f->server);
    f->server = NULL;
    int later = connect_to(address); // it still listens, in the hands of whoever gave it
    assert_true(later >= 0);
    close(later);
    close(kept);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(a_slow_request_is_cut_at_its_deadline),
        CASE(a_slow_body_is_cut_too),
        CASE(idle_connections_are_closed_silently),
        CASE(a_slow_reader_is_cut),
        CASE(waiting_for_the_owner_has_no_deadline),
        CASE(a_client_that_closes_is_noticed),
        CASE(a_client_that_resets_is_noticed_without_spinning),
        CASE(a_client_is_noticed_behind_its_unread_bytes),
        CASE(a_client_is_noticed_behind_its_further_requests),
        CASE(what_is_sent_ahead_is_bounded),
        CASE(a_half_closed_client_without_a_request_is_let_go),
        CASE(without_gone_the_exchange_lives_until_its_answer),
        CASE(a_dropped_exchange_closes_without_a_word),
        CASE(freeing_the_server_tells_who_waits),
        CASE(too_many_connections_are_closed_at_accept),
        CASE(a_shortage_of_descriptors_neither_spins_nor_lasts),
        CASE(drain_lets_requests_finish),
        CASE(drain_ends_a_connection_after_its_large_answer),
        CASE(drain_from_within_a_request),
        CASE(listeners_have_their_own_roles),
        CASE(bad_listen_addresses_are_explained),
        CASE(unix_sockets_know_their_peer),
        CASE(only_a_stale_socket_is_replaced),
        CASE(an_inherited_socket_is_never_shut_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
