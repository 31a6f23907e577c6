// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Redis URLs: what they may look like, and that a refusal never shows what may be a password.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/io/redis_client.h"
#include "lib/io/redis_url.h"

static void urls_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *url, *socket, *address;
        int port, database;
        const char *user, *password;
    } cases[] = {
        {"redis://127.0.0.1", NULL, "127.0.0.1", 6379, 0, NULL, NULL},
        {"redis://localhost:6380/2", NULL, "127.0.0.1", 6380, 2, NULL, NULL},
        {"redis://:6380", NULL, "127.0.0.1", 6380, 0, NULL, NULL},
        {"redis://[::1]:7/", NULL, "::1", 7, 0, NULL, NULL},
        {"redis://[fd00::5]", NULL, "fd00::5", 6379, 0, NULL, NULL},
        {"redis://:p%40ss@10.0.0.1:1/15", NULL, "10.0.0.1", 1, 15, NULL, "p@ss"},
        {"redis://:p@ss@10.0.0.1", NULL, "10.0.0.1", 6379, 0, NULL, "p@ss"},
        {"redis://me:x%25@10.0.0.1?db=4", NULL, "10.0.0.1", 6379, 4, "me", "x%"},
        {"redis://:@10.0.0.1", NULL, "10.0.0.1", 6379, 0, NULL, NULL},
        {"unix:///run/redis.sock", "/run/redis.sock", NULL, 0, 0, NULL, NULL},
        {"unix:///run/redis.sock?db=9", "/run/redis.sock", NULL, 0, 9, NULL, NULL},
        {"unix://u:p@/run/r@x.sock", "/run/r@x.sock", NULL, 0, 0, "u", "p"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_url u;
        struct err err;
        assert_int_equal(redis_url_parse(cases[i].url, &u, &err), 0);
        assert_true(str_equal(u.socket_path, cases[i].socket) && str_equal(u.address, cases[i].address));
        assert_int_equal(u.port, cases[i].port);
        assert_int_equal(u.database, cases[i].database);
        assert_true(str_equal(u.user, cases[i].user) && str_equal(u.password, cases[i].password));
        redis_url_free(&u);
    }
}

static void bad_urls_are_refused_without_showing_them(void **state)
{
    (void)state;
    static const char *const urls[] = {"",
                                       "redis",
                                       "http://hunter2",
                                       "rediss://:hunter2@1.2.3.4",
                                       "redis://hunter2.example.com",
                                       "redis://1.2.3.4:hunter2",
                                       "redis://1.2.3.4:65536",
                                       "redis://1.2.3.4:-1",
                                       "redis://1.2.3.4:0",
                                       "redis://1.2.3.4:",
                                       "redis://1.2.3.4/hunter2",
                                       "redis://1.2.3.4/1/2",
                                       "redis://[::1",
                                       "redis://[::1]x",
                                       "redis://[hunter2]:1",
                                       "redis://:hunter2%zz@1.2.3.4",
                                       "redis://:hunter2%@1.2.3.4",
                                       "redis://:hunter2%4@1.2.3.4",
                                       "redis://:hunter2%00@1.2.3.4",
                                       "redis://hunter2:@1.2.3.4",
                                       "redis://:hunter2/x@1.2.3.4",
                                       "redis://hunter2?x@1.2.3.4",
                                       "redis://1.2.3.4?hunter2=1",
                                       "unix://relative/hunter2",
                                       "unix:///x?db=hunter2",
                                       "unix:///x?db=65536",
                                       "redis://1.2.3.4/99999999999999999999",
                                       "unix:///"
                                       "hunter2aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct redis_url u = {.port = 77};
        struct err err = {.text = ""};
        if (redis_url_parse(urls[i], &u, &err) != -1)
            fail_msg("accepted: %s", urls[i]);
        assert_true(err.text[0] != '\0' && strstr(err.text, "hunter2") == NULL);
        assert_int_equal(u.port, 77);
    }
    struct redis_client_params params = {.url = "redis://name.example"};
    struct err err;
    assert_null(redis_client_new(&params, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(bad_urls_are_refused_without_showing_them),
    };
    return cmocka_run_group_tests_name("redis_url", tests, NULL, NULL);
}
