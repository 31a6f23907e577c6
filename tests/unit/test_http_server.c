// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the HTTP server answers, and what it refuses.
#include "tests/unit/http_server_rig.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

// ---- tests: answers ----

static void answers_carry_the_safe_headers(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f);
    client_send(&c, GET("/headers"));
    expect(&c, "\r\n\r\nh");
    assert_true(str_starts(text_str(&c.in), "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n"));
    assert_true(client_has(&c, "X-Content-Type-Options: nosniff\r\n"));
    assert_true(client_has(&c, "Cache-Control: no-store\r\n"));
    assert_true(client_has(&c, "X-Request-ID: r1\r\n"));
    assert_false(client_has(&c, "X-Injected"));
    assert_false(client_has(&c, "Connection: close"));
    assert_string_equal(f->peer, "127.0.0.1");
    assert_string_equal(f->service, "paperguard");
    assert_false(f->has_ids);
    client_send(&c, GET("/second")); // the same connection
    expect(&c, "/second");
    assert_int_equal(http_server_requests(f->server, 2), 2);
    assert_int_equal(f->sent_true, 2);
    client_end(&c);
}

static void head_and_no_content_have_no_body(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f);
    client_send(&c, "HEAD /abc HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect(&c, "\r\n\r\n");
    assert_true(client_has(&c, "Content-Length: 4\r\n"));
    assert_false(client_has(&c, "\r\n\r\n/abc"));
    text_clear(&c.in);
    client_send(&c, GET("/none"));
    expect(&c, "\r\n\r\n");
    assert_true(str_starts(text_str(&c.in), "HTTP/1.1 204 No Content\r\n"));
    assert_false(client_has(&c, "Content-Length"));
    client_end(&c);
}

static void http_1_0_and_close_end_the_connection(void **state)
{
    struct fixture *f = *state;
    start(f);
    static const char *const requests[] = {"GET /x HTTP/1.0\r\nHost: localhost\r\n\r\n",
                                           "GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        struct client c = client_new(f);
        client_send(&c, requests[i]);
        expect_end(&c);
        assert_true(client_has(&c, "Connection: close\r\n") && client_has(&c, "\r\n\r\n/x"));
        client_end(&c);
    }
}

static void continue_is_sent_once_before_the_body(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f);
    client_send(&c, "POST /p HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    expect(&c, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_int_equal(f->handled, 0);
    client_send(&c, "ab");
    client_send(&c, "cd");
    expect(&c, "HTTP/1.1 200 OK");
    assert_null(strstr(text_str(&c.in) + 20, "100 Continue"));
    assert_string_equal(f->body, "abcd");
    client_end(&c);
}

static void continue_is_not_repeated_within_a_chunked_body(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f);
    for (size_t i = 1; i <= 2; i++) { // and again for the next request
        text_clear(&c.in);
        client_send(&c, "POST /p HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n");
        expect(&c, "HTTP/1.1 100 Continue\r\n\r\n");
        client_send(&c, "2");
        for (int n = 0; n < 5; n++)
            (void)loop_step(f->loop, 2);
        client_send(&c, "\r\nab\r\n0\r\n\r\n");
        expect(&c, "HTTP/1.1 200 OK");
        assert_null(strstr(text_str(&c.in) + 20, "100 Continue"));
        assert_int_equal(f->handled, i);
    }
    client_end(&c);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f);
    client_send(&c, GET("/hold1") GET("/two") GET("/hold3") GET("/four"));
    TURN_UNTIL(f, f->held_count == 1);
    for (int i = 0; i < 5; i++)
        (void)loop_step(f->loop, 0);
    assert_int_equal(f->handled, 1); // one exchange at a time
    answer(f->held[0], "one");
    TURN_UNTIL(f, f->held_count == 2);
    answer(f->held[1], "three");
    expect(&c, "/four");
    const char *one = strstr(text_str(&c.in), "\r\n\r\none"), *two = strstr(text_str(&c.in), "\r\n\r\n/two");
    const char *three = strstr(text_str(&c.in), "\r\n\r\nthree"), *four = strstr(text_str(&c.in), "\r\n\r\n/four");
    assert_true(one != NULL && one < two && two < three && three < four);
    assert_int_equal(http_server_in_flight(f->server), 0);
    client_end(&c);
}

static void many_pipelined_requests_and_a_half_close(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f);
    for (int i = 0; i < 500; i++)
        client_send(&c, GET("/x"));
    client_send(&c, GET("/last"));
    shutdown(c.fd, SHUT_WR); // like `nc -N`
    expect_end(&c);
    assert_true(client_has(&c, "\r\n\r\n/last"));
    assert_int_equal(f->handled, 501);
    client_end(&c);
}

static void one_client_does_not_hold_up_the_others(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f);
    client_send(&c, GET("/hold"));
    for (int i = 0; i < 400; i++)
        client_send(&c, GET("/x"));
    for (int i = 0; i < 20; i++)
        (void)loop_step(f->loop, 2); // all of them are buffered now
    answer(f->held[0], "first");
    for (size_t before = 1; f->handled < 401; before = f->handled) {
        (void)loop_step(f->loop, 5);
        assert_true(f->handled - before <= 150);
    }
    client_end(&c);
}

static void many_requests_ahead_are_all_answered(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f);
    client_send(&c, GET("/hold"));
    for (int i = 0; i < 3000; i++)
        client_send(&c, GET("/x"));
    client_send(&c, GET("/last"));
    for (int i = 0; i < 20; i++)
        (void)loop_step(f->loop, 2);
    assert_int_equal(f->handled, 1);
    answer(f->held[0], "first");
    TURN_UNTIL(f, (client_read(&c), str_ends(text_str(&c.in), "\r\n\r\n/last")));
    assert_int_equal(f->handled, 3002);
    client_end(&c);
}

static void a_large_answer_comes_whole(void **state)
{
    struct fixture *f = *state;
    f->big = 20u << 20;
    start(f);
    struct client c = client_new(f);
    client_send(&c, GET("/big") GET("/after"));
    const char last[] = "\r\n\r\n/after"; // looked for at the end alone: the whole is long
    TURN_UNTIL(f, (client_read(&c), c.in.len > f->big && str_ends(text_str(&c.in) + c.in.len - strlen(last), last)));
    assert_true(c.in.len > f->big);
    assert_int_equal(f->sent_true, 2);
    client_end(&c);
}

static void an_upgrade_hands_over_the_connection(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f);
    client_send(&c,
                "GET /stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nframe");
    TURN_UNTIL(f, f->taken != NULL);
    assert_int_equal(http_server_in_flight(f->server), 0);
    struct evbuffer *in = bufferevent_get_input(f->taken);
    assert_int_equal(evbuffer_get_length(in), 5);
    assert_memory_equal(evbuffer_pullup(in, -1), "frame", 5);
    http_server_free(f->server); // no longer its business
    f->server = NULL;
    bufferevent_enable(f->taken, EV_READ | EV_WRITE);
    bufferevent_write(f->taken, "HTTP/1.1 101 ", 13);
    expect(&c, "HTTP/1.1 101 ");
    bufferevent_free(f->taken);
    client_end(&c);
}

// ---- tests: refusals ----

static void bad_forms_get_one_answer_and_a_close(void **state)
{
    struct fixture *f = *state;
    start(f);
    expect_refusal(f, "GET / HTTP/1.1\n\n", "400");
    expect_refusal(f, "GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", "505");
    expect_refusal(f, "BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", "405");
    expect_refusal(f, "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", "501");
    expect_refusal(f, "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: x\r\n\r\n", "417");
    expect_refusal(f, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n", "413");
    expect_refusal(f, "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length : 5\r\n\r\n" GET("/smuggled"), "400");
    assert_int_equal(http_server_requests(f->server, 4), 5);
    assert_int_equal(http_server_requests(f->server, 5), 2);
}

static void garbage_after_a_body_ends_the_connection(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f);
    client_send(&c, "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}\r\n" GET("/after"));
    expect_end(&c);
    assert_true(str_starts(text_str(&c.in), "HTTP/1.1 200 ") && client_has(&c, "HTTP/1.1 400 "));
    assert_int_equal(f->handled, 1);
    client_end(&c);
}

static void a_client_that_sends_too_much_still_gets_its_answer(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f);
    client_send(&c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n");
    static const char junk[10000];
    size_t sent = 0;
    TURN_UNTIL(f, (sent += (size_t)(send(c.fd, junk, sizeof junk, MSG_NOSIGNAL) + 1)) > 3000000);
    expect(&c, "HTTP/1.1 413 ");
    client_end(&c);
}

static void only_listed_hosts_are_served(void **state)
{
    struct fixture *f = *state;
    start(f);
    const char *address = http_server_address(f->server, 0);
    const char *port = strrchr(address, ':');
    static const struct {
        const char *host;
        bool port, ok;
    } rows[] = {
        {"127.0.0.1", true, true},           {"localhost", true, true},
        {"LocalHost", true, true},           {"[::1]", true, true},
        {"localhost", false, true}, // listed without a port by this test
        {"staging.example", false, true},    {"staging.example", true, true},
        {"other.example:9000", false, true}, {"127.0.0.1", false, false},
        {"127.0.0.1:1", false, false},       {"other.example", false, false},
        {"other.example", true, false},      {"evil.example", false, false},
        {"evil.example", true, false},       {"staging.example.", true, false},
        {"127.0.0.2", true, false},          {"localhost.evil.example", true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char request[256];
        snprintf(request, sizeof request, "GET /h HTTP/1.1\r\nHost: %s%s\r\nConnection: close\r\n\r\n", rows[i].host,
                 rows[i].port ? port : "");
        if (!rows[i].ok) {
            expect_refusal(f, request, "421");
            continue;
        }
        struct client c = client_new(f);
        client_send(&c, request);
        expect_end(&c);
        if (!client_has(&c, "\r\n\r\n/h"))
            fail_msg("%s: %s", request, text_str(&c.in));
        client_end(&c);
    }
}

static void the_host_is_checked_for_every_request(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = client_new(f);
    client_send(&c, GET("/a") "GET /b HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    expect_end(&c);
    assert_true(client_has(&c, "\r\n\r\n/a") && client_has(&c, "HTTP/1.1 421 "));
    assert_int_equal(f->handled, 1);
    client_end(&c);
}

#define WITH(start_line, fields) start_line " HTTP/1.1\r\nHost: localhost\r\n" fields "\r\n"
static void web_pages_may_not_write(void **state)
{
    struct fixture *f = *state;
    start(f);
    expect_refusal(f, WITH("POST /o", "Origin: http://evil.example\r\n"), "403");
    expect_refusal(f, WITH("POST /o", "Origin: null\r\n"), "403");
    expect_refusal(f, WITH("POST /o", "Origin: http://localhost\r\n"), "403");
    expect_refusal(f, WITH("DELETE /o", "Sec-Fetch-Site: cross-site\r\n"), "403");
    expect_refusal(f, WITH("PATCH /o", "Sec-Fetch-Site: same-origin\r\n"), "403");
    expect_refusal(f, WITH("GET /s", "Origin: http://evil.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"),
                   "403");
    struct client c = client_new(f);
    client_send(&c, WITH("GET /a", "Origin: http://evil.example\r\nSec-Fetch-Site: same-site\r\n"));
    client_send(&c, WITH("POST /b", "Sec-Fetch-Site: none\r\n"));
    client_send(&c, WITH("GET /c", "Origin: http://localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"));
    TURN_UNTIL(f, f->taken != NULL);
    assert_true(client_has(&c, "\r\n\r\n/a") && client_has(&c, "\r\n\r\n/b"));
    bufferevent_free(f->taken);
    client_end(&c);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(answers_carry_the_safe_headers),
        CASE(head_and_no_content_have_no_body),
        CASE(http_1_0_and_close_end_the_connection),
        CASE(continue_is_sent_once_before_the_body),
        CASE(continue_is_not_repeated_within_a_chunked_body),
        CASE(pipelined_requests_are_answered_in_order),
        CASE(many_pipelined_requests_and_a_half_close),
        CASE(one_client_does_not_hold_up_the_others),
        CASE(many_requests_ahead_are_all_answered),
        CASE(a_large_answer_comes_whole),
        CASE(an_upgrade_hands_over_the_connection),
        CASE(bad_forms_get_one_answer_and_a_close),
        CASE(garbage_after_a_body_ends_the_connection),
        CASE(a_client_that_sends_too_much_still_gets_its_answer),
        CASE(only_listed_hosts_are_served),
        CASE(the_host_is_checked_for_every_request),
        CASE(web_pages_may_not_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
