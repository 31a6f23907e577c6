// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// WebSockets: the opening, messages, pings, the ends.
#include "tests/unit/websocket_rig.h"

static void test_messages_go_both_ways(void **state)
{
    struct fixture *f = *state;
    char big[3000];
    memset(big, 'x', sizeof big);
    f->server.echo = true;
    both_open(f);
    assert_string_equal(f->seen, "GET http://127.0.0.1/stream from 127.0.0.1");
    assert_int_equal(f->asked, 1);
    assert_int_equal(websocket_send(f->client.ws, true, "hello", 5), 0);
    assert_int_equal(websocket_send(f->client.ws, false, "a\0b", 3), 0);
    assert_int_equal(websocket_send(f->client.ws, true, "", 0), 0);
    assert_int_equal(websocket_send(f->client.ws, true, big, sizeof big), 0);
    UNTIL(f, f->client.texts == 3 && f->client.binaries == 1);
    assert_memory_equal(f->client.got.data, "hello|a\0b||xxx", 14);
    assert_int_equal(f->client.got.len, 6 + 4 + 1 + sizeof big + 1);
    assert_int_equal(f->client.ended + f->server.ended, 0);
}

static void test_closing_handshake(void **state)
{
    struct fixture *f = *state;
    both_open(f);
    assert_int_equal(websocket_send(f->client.ws, true, "last", 4), 0);
    websocket_close(f->client.ws, 1000, "done");
    websocket_close(f->client.ws, 1000, "twice is fine");
    assert_int_equal(websocket_send(f->client.ws, true, "late", 4), -1);
    UNTIL(f, f->client.ended == 1 && f->server.ended == 1);
    assert_string_equal(f->server.got.data, "last|");
    assert_int_equal(f->client.ending.result, WEBSOCKET_CLOSED);
    assert_int_equal(f->server.ending.result, WEBSOCKET_CLOSED);
    assert_int_equal(f->server.ending.code, 1000);
    assert_true(f->client.ending.was_open);
}

static void test_server_closes(void **state)
{
    struct fixture *f = *state;
    both_open(f);
    websocket_close(f->server.ws, 4001, "enough");
    UNTIL(f, f->client.ended == 1 && f->server.ended == 1);
    assert_int_equal(f->client.ending.code, 4001);
    assert_int_equal(f->client.ending.result, WEBSOCKET_CLOSED);
}

static void test_peer_that_never_finishes_closing(void **state)
{
    struct fixture *f = *state;
    f->limits.close_ms = 50;
    raw_open(f, NULL, 0);
    websocket_close(f->client.ws, 1000, "");
    UNTIL(f, f->client.ended == 1);
    assert_int_equal(f->client.ending.result, WEBSOCKET_LOST);
    assert_non_null(strstr(f->client.detail, "closing handshake within 50 ms"));
}

static void test_cancel_means_silence(void **state)
{
    struct fixture *f = *state;
    both_open(f);
    websocket_cancel(f->client.ws);
    f->client.ws = NULL;
    UNTIL(f, f->server.ended == 1);
    assert_int_equal(f->server.ending.result, WEBSOCKET_LOST);
    assert_int_equal(f->client.ended, 0);
}

// Within each of its own callbacks, and before anything began.
static void test_cancel_from_within(void **state)
{
    struct fixture *f = *state;
    open_to(f, f->http_port);
    websocket_cancel(f->client.ws);
    f->client.ws = NULL;
    f->client.cancel_on_message = true;
    both_open(f);
    assert_int_equal(websocket_send(f->server.ws, true, "one", 3), 0);
    assert_int_equal(websocket_send(f->server.ws, true, "two", 3), 0);
    f->server.cancel_on_end = true;
    UNTIL(f, f->server.ended == 1);
    assert_string_equal(f->client.got.data, "one|"); // nothing after the cancel
    assert_int_equal(f->client.ended, 0);
}

static void test_cancel_of_what_ended_but_was_not_told(void **state)
{
    struct fixture *f = *state;
    struct websocket_client p = client_params(f, f->http_port);
    p.target = "no slash";
    f->client.ws = websocket_open(&p);
    websocket_cancel(f->client.ws);
    f->client.ws = NULL;
    while (loop_step(f->loop, 0) && f->asked == 0 && f->sends++ < 5)
        ;
    assert_int_equal(f->client.ended, 0);
}

static void refused(struct fixture *f, const struct websocket_client *p, const char *why)
{
    f->client.ended = 0;
    f->client.ws = websocket_open(p);
    assert_int_equal(f->client.ended, 0);
    UNTIL(f, f->client.ended == 1);
    assert_int_equal(f->client.ending.result, WEBSOCKET_REFUSED);
    assert_false(f->client.ending.was_open);
    if (strstr(f->client.detail, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", f->client.detail, why);
}

static void test_refused_parameters(void **state)
{
    struct fixture *f = *state;
    struct websocket_client p = client_params(f, f->http_port);
    p.target = "stream";
    refused(f, &p, "must begin with /");
    p.target = "/a\r\nX: y";
    refused(f, &p, "blanks");
    p = client_params(f, 0);
    refused(f, &p, "the port");
    p = client_params(f, f->http_port);
    p.scheme = "ftp";
    refused(f, &p, "the scheme");
    p.scheme = "https";
    refused(f, &p, "trusted authorities");
    p = client_params(f, f->http_port);
    p.host = "a b";
    refused(f, &p, "neither a name");
    p = client_params(f, f->http_port);
    p.user_agent = "x\r\ny: z";
    refused(f, &p, "user agent");
    assert_int_equal(f->asked, 0);
}

static void test_veto_of_the_peer(void **state)
{
    struct fixture *f = *state;
    struct websocket_client p = client_params(f, f->raw_port);
    f->allow = false;
    refused(f, &p, "no address of 127.0.0.1 is an allowed peer");
    assert_int_equal(f->asked, 1);
    assert_int_equal(f->sends, 0);
    assert_false(readable(f->listener)); // nobody connected
}

static void test_plain_http_stays_on_this_machine(void **state)
{
    struct fixture *f = *state;
    struct websocket_client p = client_params(f, 80);
    p.host = "192.0.2.1"; // documentation
    refused(f, &p, "allowed peer");
    assert_int_equal(f->asked, 0);
}

static void test_veto_before_the_request(void **state)
{
    struct fixture *f = *state;
    struct websocket_client p = client_params(f, f->raw_port);
    char byte;
    f->may_send = false;
    refused(f, &p, "last check before the wire");
    assert_true(f->client.ending.vetoed);
    assert_int_equal(f->sends, 1);
    f->raw = accept(f->listener, NULL, NULL);
    assert_int_equal(recv(f->raw, &byte, 1, 0), 0); // not one byte came
}

static void test_nobody_listens(void **state)
{
    struct fixture *f = *state;
    int port, fd = raw_listen(&port);
    close(fd);
    struct websocket_client p = client_params(f, port);
    refused(f, &p, "cannot connect to 127.0.0.1: Connection refused");
    assert_int_equal(f->client.ending.status, 0);
}

static void test_not_open_in_time(void **state)
{
    struct fixture *f = *state;
    f->limits.open_ms = 50;
    open_to(f, f->raw_port);
    raw_accept(f);
    UNTIL(f, f->client.ended == 1);
    assert_int_equal(f->client.ending.result, WEBSOCKET_TIMEOUT);
    assert_non_null(strstr(f->client.detail, "the upgrade"));
}

static void test_bad_answers(void **state)
{
    static const struct {
        const char *answer, *why;
        int result, status;
    } cases[] = {
        {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
         "does not belong to our key", WEBSOCKET_REFUSED, 0},
        {"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", "HTTP 429 Too Many Requests", WEBSOCKET_REFUSED,
         429},
        {"", "instead of an answer", WEBSOCKET_LOST, 0},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        f->client.ended = 0;
        memset(f->request, 0, sizeof f->request);
        open_to(f, f->raw_port);
        raw_accept(f);
        raw_send(f, cases[i].answer, strlen(cases[i].answer));
        if (cases[i].answer[0] == '\0')
            shutdown(f->raw, SHUT_RDWR);
        UNTIL(f, f->client.ended == 1);
        assert_int_equal(f->client.ending.result, cases[i].result);
        assert_int_equal(f->client.ending.status, cases[i].status);
        if (strstr(f->client.detail, cases[i].why) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", f->client.detail, cases[i].why);
        close(f->raw);
        f->raw = -1;
    }
}

static void test_request_is_what_the_rfc_wants(void **state)
{
    struct fixture *f = *state;
    char key[WEBSOCKET_KEY_MAX], first[WEBSOCKET_KEY_MAX], expected[512];
    raw_open(f, NULL, 0);
    raw_key(f, first);
    assert_true(websocket_key_valid(first));
    snprintf(expected, sizeof expected,
             "GET /stream HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\nUser-Agent: paperguard/test\r\n\r\n",
             f->raw_port, first);
    assert_string_equal(f->request, expected);
    websocket_key_make(key);
    assert_string_not_equal(key, first); // new ones each time
}

static void test_fragments_become_one_message(void **state)
{
    struct fixture *f = *state;
    char payload[130];
    size_t len;
    // The first part right behind the answer; a ping in between; bytes one by one.
    static const char behind[] = "\x01\x02gr", rest[] = "\x89\x02pi\x00\x01\xc3\x80\x03\xbc\xc3\x9f";
    raw_open(f, behind, sizeof behind - 1);
    for (size_t i = 0; i < sizeof rest - 1; i++) {
        raw_send(f, rest + i, 1);
        loop_step(f->loop, 1);
    }
    UNTIL(f, f->client.texts == 1);
    assert_string_equal(f->client.got.data, "gr\xc3\xbc\xc3\x9f|"); // a character may span fragments
    assert_int_equal(raw_frame(f, payload, &len), 0x8a);            // the ping was answered
    assert_string_equal(payload, "pi");
}

static void test_binary(void **state)
{
    struct fixture *f = *state;
    raw_open(f, "\x82\x07{\"a\":1}", 9);
    UNTIL(f, f->client.binaries == 1);
    assert_string_equal(f->client.got.data, "{\"a\":1}|");
}

static void broken(struct fixture *f, const char *bytes, size_t len, const char *why, unsigned close_code)
{
    char payload[130];
    size_t got;
    raw_open(f, NULL, 0);
    raw_send(f, bytes, len);
    UNTIL(f, f->client.ended == 1);
    assert_int_equal(f->client.ending.result, WEBSOCKET_LOST);
    assert_true(f->client.ending.was_open);
    assert_int_equal(f->client.texts + f->client.binaries, 0);
    if (strstr(f->client.detail, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", f->client.detail, why);
    assert_int_equal(raw_frame(f, payload, &got), 0x88);
    assert_int_equal((unsigned char)payload[0] << 8 | (unsigned char)payload[1], close_code);
}

static void test_message_above_its_bound(void **state)
{
    static const char head[] = "\x81\x7e\x10\x01x"; // 4097 bytes announced: refused at the first
    broken(*state, head, sizeof head - 1, "longer than 4096 bytes", 1009);
}

static void test_fragments_above_the_bound(void **state)
{
    static char bytes[4096 + 3 * 4];
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, "\x01\x7e\x08\x00", 4); // 2048, 2048 and one more
    memcpy(bytes + 2052, "\x00\x7e\x08\x00", 4);
    memcpy(bytes + 4104, "\x80\x01", 2);
    broken(*state, bytes, 4104 + 3, "longer than 4096 bytes", 1009);
}

static void test_text_that_is_not_utf8(void **state)
{
    broken(*state, "\x81\x02\xc3\x28", 4, "not UTF-8", 1007);
}

static void test_masked_server(void **state)
{
    broken(*state, "\x81\x81\x00\x00\x00\x00x", 7, "broke the WebSocket protocol", 1002);
}

static void test_unknown_opcode_and_reserved_bits(void **state)
{
    broken(*state, "\x83\x01x", 3, "broke the WebSocket protocol", 1002);
}

static void test_compressed_without_leave(void **state)
{
    broken(*state, "\xc1\x01x", 3, "broke the WebSocket protocol", 1002);
}

static void test_connection_breaks(void **state)
{
    struct fixture *f = *state;
    raw_open(f, "\x81\x01x", 3);
    UNTIL(f, f->client.texts == 1);
    shutdown(f->raw, SHUT_RDWR);
    UNTIL(f, f->client.ended == 1);
    assert_int_equal(f->client.ending.result, WEBSOCKET_LOST);
    assert_non_null(strstr(f->client.detail, "without a closing frame"));
}

static void test_silent_peer_is_lost_in_time(void **state)
{
    struct fixture *f = *state;
    char payload[130];
    size_t len;
    f->limits.ping_ms = 20;
    f->limits.pong_ms = 60;
    raw_open(f, NULL, 0);
    int64_t began = clock_monotonic_ns();
    assert_int_equal(raw_frame(f, payload, &len), 0x89);
    raw_send(f, "\x8a\x08wrongone", 10); // a pong, but not to our ping
    UNTIL(f, f->client.ended == 1);
    int64_t took_ms = (clock_monotonic_ns() - began) / NS_PER_MS;
    assert_int_equal(f->client.ending.result, WEBSOCKET_LOST);
    assert_non_null(strstr(f->client.detail, "no pong within 60 ms"));
    assert_true(took_ms >= 60 && took_ms < 5000);
}

static void test_answered_pings_keep_it(void **state)
{
    struct fixture *f = *state;
    char payload[130];
    size_t len;
    f->limits.ping_ms = 5;
    f->limits.pong_ms = 2000;
    raw_open(f, NULL, 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(raw_frame(f, payload, &len), 0x89);
        assert_int_equal(len, 8);
        char pong[10] = "\x8a\x08";
        memcpy(pong + 2, payload, 8);
        raw_send(f, pong, sizeof pong);
    }
    assert_int_equal(f->client.ended, 0);
}

static void test_frozen_server_half_is_found(void **state)
{
    struct fixture *f = *state;
    f->limits.ping_ms = 20;
    f->limits.pong_ms = 60;
    both_open(f);
    websocket_freeze(f->server.ws);
    UNTIL(f, f->client.ended == 1);
    assert_non_null(strstr(f->client.detail, "no pong"));
    assert_int_equal(f->server.ended, 0);
}

// Pongs to a peer who does not read must not pile up without a bound.
static void test_flood_of_pings(void **state)
{
    struct fixture *f = *state;
    char pings[127 * 64];
    raw_open(f, NULL, 0);
    for (size_t i = 0; i < 64; i++) {
        memset(pings + i * 127, 'p', 127);
        memcpy(pings + i * 127, "\x89\x7d", 2);
    }
    int64_t end = clock_monotonic_ns() + PATIENCE_MS * NS_PER_MS;
    while (f->client.ended == 0 && clock_monotonic_ns() < end) {
        (void)!send(f->raw, pings, sizeof pings, MSG_NOSIGNAL | MSG_DONTWAIT);
        loop_step(f->loop, 1);
    }
    assert_int_equal(f->client.ended, 1);
    assert_non_null(strstr(f->client.detail, "does not read"));
}

static void test_sending_is_bounded(void **state)
{
    struct fixture *f = *state;
    static char block[4096];
    int sent = 0;
    raw_open(f, NULL, 0);
    while (websocket_send(f->client.ws, false, block, sizeof block) == 0)
        sent++;
    assert_int_equal(sent, 16);
    assert_int_equal(f->client.ended, 0);
}

static void test_server_refuses_what_is_no_upgrade(void **state)
{
    static const struct {
        const char *head, *status;
    } cases[] = {
        {"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 426"},
        {"GET /stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 12\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
         "HTTP/1.1 426"},
        {"GET /stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short==\r\n\r\n",
         "HTTP/1.1 400"},
        {"GET /stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x82\x00\x00\x00\x00hi",
         "HTTP/1.1 101"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)f->http_port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        size_t len = i == 3 ? strlen(cases[i].head) + 7 : strlen(cases[i].head);
        char line[13] = "";
        f->raw = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(f->raw, (struct sockaddr *)&a, sizeof a), 0);
        raw_send(f, cases[i].head, len);
        raw_read(f, line, 12);
        assert_string_equal(line, cases[i].status);
        if (i < 3) {
            close(f->raw);
            f->raw = -1;
        }
    }
    UNTIL(f, f->server.texts == 1); // what came with the request is not lost
    assert_string_equal(f->server.got.data, "hi|");
    raw_send(f, "\x81\x06unmask", 8); // a client must mask
    UNTIL(f, f->server.ended == 1 || f->server.texts == 2);
    assert_non_null(strstr(f->server.detail, "broke the WebSocket protocol"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {T(test_messages_go_both_ways),
                                       T(test_closing_handshake),
                                       T(test_server_closes),
                                       T(test_peer_that_never_finishes_closing),
                                       T(test_cancel_means_silence),
                                       T(test_cancel_from_within),
                                       T(test_cancel_of_what_ended_but_was_not_told),
                                       T(test_refused_parameters),
                                       T(test_veto_of_the_peer),
                                       T(test_plain_http_stays_on_this_machine),
                                       T(test_veto_before_the_request),
                                       T(test_nobody_listens),
                                       T(test_not_open_in_time),
                                       T(test_bad_answers),
                                       T(test_request_is_what_the_rfc_wants),
                                       T(test_fragments_become_one_message),
                                       T(test_binary),
                                       T(test_message_above_its_bound),
                                       T(test_fragments_above_the_bound),
                                       T(test_text_that_is_not_utf8),
                                       T(test_masked_server),
                                       T(test_unknown_opcode_and_reserved_bits),
                                       T(test_compressed_without_leave),
                                       T(test_connection_breaks),
                                       T(test_silent_peer_is_lost_in_time),
                                       T(test_answered_pings_keep_it),
                                       T(test_frozen_server_half_is_found),
                                       T(test_flood_of_pings),
                                       T(test_sending_is_bounded),
                                       T(test_server_refuses_what_is_no_upgrade)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
