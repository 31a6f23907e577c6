// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Where notices may go: https anywhere but to the broker, plain http to loopback alone.
//
// needs: daemon/notify.o
#include "daemon/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/base/check.h"

static void addresses_that_are_taken(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host, *target;
        int port;
        bool tls;
    } good[] = {
        {"https://hooks.example.com/a/b?c=d", "hooks.example.com", "/a/b?c=d", 443, true},
        {"https://hooks.example.com", "hooks.example.com", "/", 443, true},
        {"https://h:8443?x", "h", "/?x", 8443, true},
        {"http://127.0.0.1:9/x", "127.0.0.1", "/x", 9, false},
        {"http://127.8.8.8", "127.8.8.8", "/", 80, false},
        {"http://[::1]:65535/", "::1", "/", 65535, false},
        {"https://notalpaca.markets/", "notalpaca.markets", "/", 443, true},
    };
    struct notify_url u;
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(notify_url_parse(good[i].url, &u, &err), 0);
        assert_string_equal(u.host, good[i].host);
        assert_string_equal(u.target, good[i].target);
        assert_int_equal(u.port, good[i].port);
        assert_int_equal(u.tls, good[i].tls);
    }
}

static void addresses_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *url, *why;
    } bad[] = {
        {"https://api.alpaca.markets/v2/orders", "broker"},
        {"https://paper-api.alpaca.markets", "broker"},
        {"https://PAPER-API.Alpaca.Markets./", "broker"},
        {"https://alpaca.markets:443/", "broker"},
        {"http://hooks.example.com/", "loopback"},
        {"http://localhost/", "loopback"},
        {"http://127.0.0.1.example.com/", "loopback"},
        {"http://10.0.0.1/", "loopback"},
        {"http://[::2]/", "loopback"},
        {"https://user@hooks.example.com/", "user"},
        {"https://hooks.example.com@api.alpaca.markets/", "user"},
        {"https:///x", "host"},
        {"https://[::1", "host"},
        {"https://[::1]x/", "read"},
        {"https://h:0/", "port"},
        {"https://h:65536/", "port"},
        {"https://h:/", "port"},
        {"https://h:12345678901/", "port"},
        {"https://h:00000443/", "port"},
        {"https://h/a b", "character"},
        {"https://h/#x", "character"},
        {"https://h\\@api.alpaca.markets/", "character"},
        {"ftp://h/", "expected"},
        {"hooks.example.com", "expected"},
        {"", "expected"},
    };
    struct notify_url u;
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (notify_url_parse(bad[i].url, &u, &err) != -1 || !strstr(err.text, bad[i].why))
            fail_msg("%s: %s", bad[i].url, err.text);
        assert_null(strstr(err.text, "example"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_that_are_taken),
        cmocka_unit_test(addresses_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
