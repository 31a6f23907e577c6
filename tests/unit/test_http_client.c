// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The HTTP client: answers, what goes wrong after sending, what a caller may do while calls are under way.
#include <sys/un.h>

#include "tests/unit/http_client_rig.h"

// --- answers

static void a_normal_answer(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_ANSWER, ACT_ANSWER, ACT_ANSWER);
    struct http_client *c = client();
    const char *headers[] = {"Content-Type: application/json", "X-Mine: yes", "X-Empty:"};
    struct http_request r = request_to(s.port, "POST", "/v2/orders/../x?a=%2F&b=1", "{\"qty\":\"1\"}");
    r.headers = headers;
    r.header_count = 3;
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    assert_true(seen.maybe_sent);
    assert_int_equal(seen.status, 200);
    assert_string_equal(seen.body, "{\"ok\":true}");
    assert_string_equal(seen.type, "application/json");
    assert_string_equal(seen.id, "req-1");
    assert_string_equal(seen.peer, "127.0.0.1");
    assert_int_equal(seen.limit, 200);
    assert_int_equal(seen.remaining, 199);
    assert_int_equal(seen.reset, 1700000000);
    assert_int_equal(seen.retry, 3);
    assert_int_equal(seen.sends, 1);
    assert_int_equal(seen.wire.attempt, 1);
    assert_int_equal(seen.wire.port, s.port);
    assert_string_equal(seen.wire_target, "/v2/orders/../x?a=%2F&b=1");
    assert_string_equal(seen.wire_body, "{\"qty\":\"1\"}");
    assert_string_equal(seen.wire_peer, "127.0.0.1");
    assert_int_equal(http_client_in_flight(c), 0);
    http_client_free(c);
    server_stop(&s);
    assert_true(str_starts(s.head, "POST /v2/orders/../x?a=%2F&b=1 HTTP/1.1\r\n")); // byte for byte
    assert_non_null(strstr(s.head, "X-Mine: yes\r\n"));
    assert_non_null(strstr(s.head, "X-Empty:\r\n"));
    assert_non_null(strstr(s.head, "User-Agent: paperguard-test\r\n"));
    assert_null(strstr(s.head, "urlencoded"));
}

static void names_of_this_machine_and_other_methods(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_ANSWER, ACT_ANSWER, ACT_ANSWER);
    struct http_client *c = client();
    struct http_request r = request_to(s.port, "DELETE", "/v2/orders/1", NULL);
    r.host = "localhost"; // through the resolver
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    r = request_to(s.port, "PATCH", "/v2/orders/1", "{}");
    r.host = "localhost";
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    http_client_free(c);
    server_stop(&s);
    assert_true(str_starts(s.head, "PATCH /v2/orders/1 HTTP/1.1\r\n"));
    assert_int_equal(s.connections, 1);
}

static void a_big_body_goes_at_once(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_ANSWER, ACT_ANSWER, ACT_ANSWER);
    struct http_client *c = client();
    size_t len = 2 * 1024 * 1024;
    char *body = check_alloc(len + 1, 1);
    memset(body, 'b', len);
    struct http_request r = request_to(s.port, "POST", "/", body);
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    http_client_free(c);
    server_stop(&s);
    assert_int_equal(s.body_len, len);
    assert_null(strstr(s.head, "Expect"));
    free(body);
}

static void html_is_an_answer(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_HTML, ACT_HTML, ACT_HTML);
    struct http_client *c = client();
    struct http_request r = request_to(s.port, "GET", "/v2/account", NULL);
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    assert_int_equal(seen.status, 502);
    assert_string_equal(seen.type, "text/html");
    assert_int_equal(seen.limit, -1);
    assert_int_equal(seen.retry, -1);
    http_client_free(c);
    server_stop(&s);
}

static void a_redirect_is_not_followed(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_REDIRECT, ACT_ANSWER, ACT_ANSWER);
    struct http_client *c = client();
    struct http_request r = request_to(s.port, "GET", "/here", NULL);
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    assert_int_equal(seen.status, 302);
    http_client_free(c);
    server_stop(&s);
    assert_int_equal(s.requests, 1);
}

// --- what goes wrong after sending

// The reason for the whole care: libcurl would send the second order again over a new connection and report success.
static void an_order_is_transmitted_once(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_ANSWER, ACT_CLOSE, ACT_ANSWER);
    struct http_client *c = client();
    struct http_request r = request_to(s.port, "POST", "/v2/orders", "{\"client_order_id\":\"1\"}");
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    r = request_to(s.port, "POST", "/v2/orders", "{\"client_order_id\":\"2\"}");
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_LOST);
    assert_true(seen.maybe_sent);
    assert_int_equal(seen.wire.attempt, 2); // it wanted to
    assert_non_null(strstr(seen.detail, "not sent a second time"));
    http_client_free(c);
    server_stop(&s);
    assert_int_equal(s.requests, 2);
}

static void lost_after(enum act act, const char *word)
{
    struct server s;
    server_start(&s, act, ACT_ANSWER, ACT_ANSWER);
    struct http_client *c = client();
    struct http_request r = request_to(s.port, "POST", "/v2/orders", "{}");
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_LOST);
    assert_true(seen.maybe_sent);
    assert_int_equal(seen.status, 0);
    assert_true(seen.body_len <= 20000);
    if (strstr(seen.detail, word) == NULL)
        fail_msg("no '%s' in: %s", word, seen.detail);
    http_client_free(c);
    server_stop(&s);
    assert_int_equal(s.requests, 1);
}

static void unusable_answers_are_lost(void **state)
{
    (void)state;
    lost_after(ACT_TRUNCATE, "remaining");
    lost_after(ACT_HUGE, "longer than allowed");
    lost_after(ACT_HEADERS, "headers are longer");
    lost_after(ACT_NONSENSE, "");
    lost_after(ACT_CLOSE, "");
}

static void a_slow_answer_is_a_timeout(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_HANG, ACT_HANG, ACT_HANG);
    struct http_client *c = client();
    struct http_request r = request_to(s.port, "POST", "/v2/orders", "{}");
    r.timeout_ms = 150;
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_TIMEOUT);
    assert_true(seen.maybe_sent);
    http_client_free(c);
    server_stop(&s);
}

// --- life

static void unix_sockets(void **state)
{
    (void)state;
    struct server s;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof un.sun_path, "/tmp/hct.%d.sock", (int)getpid());
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    server_start_on(&s, fd, (enum act[4]){ACT_ANSWER, ACT_ANSWER, ACT_ANSWER, ACT_ANSWER});
    assert_int_equal(pthread_create(&s.thread, NULL, serve_all, &s), 0);
    memset(&seen, 0, sizeof seen);
    struct http_client_params p = {
        .loop = loop, .unix_socket = un.sun_path, .answer_max = 1000, .max_connections = 1, .user_agent = "x"};
    struct http_client *c = http_client_new(&p);
    struct http_request r = request_to(80, "GET", "/status", NULL);
    r.host = "localhost";
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    assert_string_equal(seen.wire_peer, "unix");
    http_client_free(c);
    server_stop(&s);
    unlink(un.sun_path);
}

static void cancelled_calls_are_silent(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_HANG, ACT_ANSWER, ACT_ANSWER);
    struct http_client *c = client();
    struct http_request r = request_to(s.port, "GET", "/", NULL);
    struct http_call *call = http_client_send(c, &r);
    http_client_cancel(call); // before it began
    assert_int_equal(http_client_in_flight(c), 0);
    call = http_client_send(c, &r);
    while (seen.sends == 0)
        loop_step(loop, 100);
    http_client_cancel(call); // under way
    r.target = "bad";
    call = http_client_send(c, &r);
    http_client_cancel(call); // finished, not delivered
    r.target = "/";
    run(c, &r);
    assert_int_equal(seen.done, 1);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    r.timeout_ms = 5000;
    http_client_send(c, &r);
    http_client_free(c); // cancels
    while (loop_step(loop, 0))
        ;
    assert_int_equal(seen.done, 1);
    server_stop(&s);
}

static void many_at_once(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_ANSWER, ACT_ANSWER, ACT_ANSWER);
    memset(&seen, 0, sizeof seen);
    struct http_client_params p = {.loop = loop, .allow_loopback_http = true, .answer_max = 1000, .max_connections = 1};
    struct http_client *c = http_client_new(&p);
    struct http_request r = request_to(s.port, "POST", "/", "{}");
    for (int i = 0; i < 50; i++)
        http_client_send(c, &r);
    assert_int_equal(http_client_in_flight(c), 50);
    wait_done(50);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    http_client_free(c);
    server_stop(&s);
    assert_int_equal(s.requests, 50);
    assert_int_equal(s.connections, 1);
}

static struct http_client *doomed;

static void free_client(void *arg, const struct http_answer *a)
{
    assert_int_equal(a->result, HTTP_RESULT_REFUSED);
    http_client_free(doomed);
    on_done(arg, a);
}

static void freeing_within_a_completion_is_fine(void **state)
{
    (void)state;
    doomed = client();
    struct http_request r = request_to(1, "GET", "bad", NULL);
    r.done = free_client;
    http_client_send(doomed, &r);
    r.done = on_done;
    http_client_send(doomed, &r); // delivered by the same post, now cancelled
    while (loop_step(loop, 0))
        ;
    assert_int_equal(seen.done, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_normal_answer),
        cmocka_unit_test(names_of_this_machine_and_other_methods),
        cmocka_unit_test(a_big_body_goes_at_once),
        cmocka_unit_test(html_is_an_answer),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(an_order_is_transmitted_once),
        cmocka_unit_test(unusable_answers_are_lost),
        cmocka_unit_test(a_slow_answer_is_a_timeout),
        cmocka_unit_test(unix_sockets),
        cmocka_unit_test(cancelled_calls_are_silent),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(freeing_within_a_completion_is_fine),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
