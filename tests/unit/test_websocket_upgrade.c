// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The opening handshake over bytes: which answers are taken, and which are not.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/io/websocket_upgrade.h"

// Key and accept value of RFC 6455, 1.3.
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define START "HTTP/1.1 101 Switching Protocols\r\n"
#define UP "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define GOOD START UP ACCEPT "\r\n"

static void test_accept_value_of_the_rfc(void **state)
{
    char accept[WEBSOCKET_ACCEPT_MAX];
    (void)state;
    websocket_accept_of(KEY, accept);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void test_keys(void **state)
{
    char key[WEBSOCKET_KEY_MAX];
    (void)state;
    websocket_key_make(key);
    assert_true(websocket_key_valid(key));
    assert_true(websocket_key_valid(KEY));
    assert_false(websocket_key_valid(NULL));
    assert_false(websocket_key_valid(""));
    assert_false(websocket_key_valid("dGhlIHNhbXBsZSBub25jZQ="));
    assert_false(websocket_key_valid("dGhlIHNhbXBsZSBub25jZ-=="));
    assert_false(websocket_key_valid("dGhlIHNhbXBsZSBub25jZQQ="));
}

static enum websocket_answer read_all(const char *bytes, size_t len, size_t *used, int *status, struct err *err)
{
    err->text[0] = '\0';
    return websocket_answer_read(bytes, len, KEY, used, status, err);
}

static void test_good_answers(void **state)
{
    static const char *const good[] = {
        GOOD,
        START "server: x\r\nconnection: keep-alive, Upgrade\r\nUPGRADE:WebSocket\t\r\n" ACCEPT "\r\n",
        "HTTP/1.1 101\r\n" UP ACCEPT "Content-Length: 0\r\n\r\n",
    };
    size_t used;
    int status;
    struct err err;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        if (read_all(good[i], strlen(good[i]), &used, &status, &err) != WEBSOCKET_ANSWER_YES)
            fail_msg("%zu: %s", i, err.text);
        assert_int_equal(used, strlen(good[i]));
        for (size_t cut = 0; cut < strlen(good[i]); cut++)
            assert_int_equal(read_all(good[i], cut, &used, &status, &err), WEBSOCKET_ANSWER_MORE);
    }
    assert_int_equal(read_all(GOOD "\x81\x01x", sizeof GOOD + 2, &used, &status, &err), WEBSOCKET_ANSWER_YES);
    assert_int_equal(used, sizeof GOOD - 1);
}

static void test_bad_answers(void **state)
{
    static const struct {
        const char *answer;
        int status;
        const char *why;
    } bad[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", 200, "HTTP 200 OK"},
        {"HTTP/1.1 302 Found\r\nLocation: https://elsewhere/\r\n\r\n", 302, "HTTP 302"},
        {"HTTP/1.0 101 x\r\n" UP ACCEPT "\r\n", 0, "HTTP/1.0"},
        {"HTTP/2 101\r\n" UP ACCEPT "\r\n", 0, "not HTTP/1.1"},
        {"HTTP/1.1 1010\r\n" UP ACCEPT "\r\n", 0, "not HTTP/1.1"},
        {"nonsense\r\n\r\n", 0, "not HTTP/1.1"},
        {"\r\n\r\n", 0, "not HTTP/1.1"},
        {START ACCEPT "\r\n", 0, "lacks"},
        {START "Upgrade: websocket\r\n" ACCEPT "\r\n", 0, "lacks"},
        {START "Upgrade: websocket\r\nConnection: close\r\n" ACCEPT "\r\n", 0, "lacks"},
        {START "Upgrade: h2c\r\nConnection: Upgrade\r\n" ACCEPT "\r\n", 0, "not to websocket"},
        {START UP "Upgrade: websocket\r\n" ACCEPT "\r\n", 0, "twice"},
        {START UP "\r\n", 0, "0 Sec-WebSocket-Accept"},
        {START UP ACCEPT ACCEPT "\r\n", 0, "2 Sec-WebSocket-Accept"},
        {START UP "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", 0, "does not belong"},
        {START UP "Sec-WebSocket-Accept: \r\n\r\n", 0, "does not belong"},
        {START UP ACCEPT "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 0, "not offered"},
        {START UP ACCEPT "Sec-WebSocket-Protocol: chat\r\n\r\n", 0, "not offered"},
        {START UP ACCEPT "Transfer-Encoding: chunked\r\n\r\n", 0, "claims a body"},
        {START UP ACCEPT "Content-Length: 5\r\n\r\n", 0, "claims a body"},
        {START UP ACCEPT " folded: x\r\n\r\n", 0, "header name"},
        {START UP ACCEPT "Name : x\r\n\r\n", 0, "header name"},
        {START UP ACCEPT ": x\r\n\r\n", 0, "no name"},
        {START UP ACCEPT "novalue\r\n\r\n", 0, "no name"},
        {START UP ACCEPT "A: b\nC: d\r\n\r\n", 0, "bare line end"},
        {START UP ACCEPT "A: b\rC: d\r\n\r\n", 0, "bare line end"},
        {START UP ACCEPT "A: \x01\r\n\r\n", 0, "not text"},
        {START UP ACCEPT "A: \xff\r\n\r\n", 0, "not text"},
    };
    size_t used;
    int status;
    struct err err;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(read_all(bad[i].answer, strlen(bad[i].answer), &used, &status, &err), WEBSOCKET_ANSWER_NO);
        assert_int_equal(status, bad[i].status);
        if (strstr(err.text, bad[i].why) == NULL)
            fail_msg("%zu: \"%s\" does not say \"%s\"", i, err.text, bad[i].why);
    }
}

static void test_bounds(void **state)
{
    static char many[WEBSOCKET_ANSWER_MAX * 2];
    size_t used, len = (size_t)snprintf(many, sizeof many, "%s", START);
    int status;
    struct err err;
    (void)state;
    for (int i = 0; i < 101; i++)
        len += (size_t)snprintf(many + len, sizeof many - len, "A: b\r\n");
    len += (size_t)snprintf(many + len, sizeof many - len, "\r\n");
    assert_int_equal(read_all(many, len, &used, &status, &err), WEBSOCKET_ANSWER_NO);
    assert_non_null(strstr(err.text, "more than 100 headers"));
    memset(many, 'x', sizeof many);
    assert_int_equal(read_all(many, sizeof many, &used, &status, &err), WEBSOCKET_ANSWER_NO);
    assert_non_null(strstr(err.text, "longer than 8192 bytes"));
    assert_int_equal(read_all("HTTP/1.1 101\0x\r\n\r\n", 18, &used, &status, &err), WEBSOCKET_ANSWER_NO);
    assert_int_equal(read_all("", 0, &used, &status, &err), WEBSOCKET_ANSWER_MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_accept_value_of_the_rfc), cmocka_unit_test(test_keys),
                                       cmocka_unit_test(test_good_answers), cmocka_unit_test(test_bad_answers),
                                       cmocka_unit_test(test_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
