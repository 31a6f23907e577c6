// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Networks of allow lists: what they cover, and what is a mistake.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/base/netmask.h"
#include "lib/base/text.h"

static void what_they_cover(void **state)
{
    (void)state;
    static const struct {
        const char *mask, *address;
        bool covered;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1", true},
        {"127.0.0.1", "127.0.0.2", false},
        {"127.0.0.0/8", "127.255.0.9", true},
        {"127.0.0.0/8", "128.0.0.1", false},
        {"10.20.0.0/15", "10.21.255.1", true},
        {"10.20.0.0/15", "10.22.0.0", false},
        {"0.0.0.0/0", "9.9.9.9", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "::1", true},
        {"::1", "::1", true},
        {"::1", "::2", false},
        {"fd00::/8", "fdff::1", true},
        {"fd00::/8", "fe00::1", false},
        {"127.0.0.1", "::ffff:127.0.0.1", true},
        {"127.0.0.1/32", "127.0.0.1", true},
        {"::1/128", "::1", true},
        {"127.0.0.0/8", "unix", false},
        {"127.0.0.0/8", "", false},
        {"127.0.0.0/8", "127.0.0.1.ev", false},
    };
    struct netmask m;
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (netmask_parse(cases[i].mask, &m, &err) != 0)
            fail_msg("%s: %s", cases[i].mask, err.text);
        if (netmask_covers(&m, cases[i].address) != cases[i].covered)
            fail_msg("%s and %s", cases[i].mask, cases[i].address);
    }
}

static void mistakes(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",          "localhost",   "127.0.0.1/33", "127.0.0.1/8",
                                        "10.0.0.0/", "10.0.0.0/+8", "10.0.0/8",     "::1/129",
                                        "::1/64",    "10.0.0.0/8/8"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct netmask m = {.bits = 7};
        struct err err = {.text = ""};
        if (netmask_parse(wrong[i], &m, &err) == 0)
            fail_msg("%s was taken", wrong[i]);
        assert_int_equal(m.bits, 7);
        assert_true(err.text[0]);
    }
}

static void any_of_them(void **state)
{
    (void)state;
    static const char *const words[] = {"10.0.0.0/8", "::1"};
    assert_true(netmask_any(words, 2, "10.1.1.1"));
    assert_true(netmask_any(words, 2, "::1"));
    assert_false(netmask_any(words, 2, "127.0.0.1"));
    assert_false(netmask_any(words, 0, "10.1.1.1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_they_cover),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(any_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
