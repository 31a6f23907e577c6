// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Bounded text and string helpers, and the texts of errors.
#include "lib/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

static void test_text_adds(void **state)
{
    (void)state;
    struct text t;
    text_init(&t, 1000);
    assert_string_equal(text_str(&t), "");
    text_add(&t, "ab");
    text_addc(&t, 'c');
    text_addn(&t, "defg", 2);
    text_addf(&t, "%d-%s", 42, "x");
    text_addn(&t, NULL, 0);
    assert_string_equal(text_str(&t), "abcde42-x");
    assert_int_equal(t.len, 9);
    for (int i = 0; i < 500; i++) // across several growths
        text_addc(&t, 'y');
    assert_int_equal(strlen(text_str(&t)), 509);
    assert_false(t.overflow);
    text_clear(&t);
    assert_string_equal(text_str(&t), "");
    text_free(&t);
}

static void test_text_bound(void **state)
{
    (void)state;
    struct text t;
    text_init(&t, 5);
    text_add(&t, "12345");
    assert_false(t.overflow);
    text_addc(&t, '6');
    assert_true(t.overflow);
    assert_string_equal(text_str(&t), "12345");
    text_clear(&t);
    text_add(&t, "123456");
    text_add(&t, "1"); // would fit, but must not follow a hole
    text_addf(&t, "%d", 1);
    assert_true(t.overflow);
    assert_string_equal(text_str(&t), "");
    text_clear(&t);
    text_addf(&t, "%s", "12345");
    assert_string_equal(text_str(&t), "12345");
    text_wipe_free(&t);
    assert_int_equal(t.max, 5);
    assert_string_equal(text_str(&t), "");
}

static void test_text_take(void **state)
{
    (void)state;
    struct text t;
    text_init(&t, 10);
    char *empty = text_take(&t);
    assert_string_equal(empty, "");
    text_add(&t, "kept");
    char *kept = text_take(&t);
    assert_string_equal(kept, "kept");
    assert_int_equal(t.len, 0);
    text_add(&t, "again");
    assert_string_equal(text_str(&t), "again");
    assert_string_equal(kept, "kept");
    text_free(&t);
    free(kept);
    free(empty);
}

static void test_str_copy(void **state)
{
    (void)state;
    char out[4];
    assert_true(str_copy(out, sizeof out, "abc"));
    assert_string_equal(out, "abc");
    assert_false(str_copy(out, sizeof out, "wxyz"));
    assert_string_equal(out, "wxy");
    str_copy_cut(out, 1, "a");
    assert_string_equal(out, "");
    // Never inside a character.
    assert_false(str_copy(out, sizeof out, "ab\xe2\x82\xac"));
    assert_string_equal(out, "ab");
    assert_false(str_copy(out, sizeof out, "\xf0\x9f\x92\xb0"));
    assert_string_equal(out, "");
}

static void test_str_char(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        size_t len;
    } cases[] = {{"", 1},
                 {"a", 1},
                 {"\x1b", 1},
                 {"\xc3\xa9", 2},
                 {"\xe2\x82\xac", 3},
                 {"\xc3", 0},
                 {"\xc3x", 0},
                 {"\xe9", 0},
                 {"\xf0\x9f\x92\xb0", 4},
                 {"\xe2\x82", 0},
                 {"\xc0\x80", 0},
                 {"\xe0\x80\x80", 0},
                 {"\xed\xa0\x80", 0},
                 {"\xf4\x90\x80\x80", 0},
                 {"\xff", 0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(str_char(cases[i].s), cases[i].len);
}

static void test_errors_are_one_readable_line(void **state)
{
    (void)state;
    struct err err;
    err_set(&err, "side is \"%.6s\"", "\x1b[2Jb\xc3\xa9"); // cut inside the last character
    assert_string_equal(err.text, "side is \"?[2Jb?\"");
    err_set(&err, "a\n%s", "b\xc2\x9b\xe9\xe2\x82\xac");
    assert_string_equal(err.text, "a b???\xe2\x82\xac");
    err_wrap(&err, "%s", "\r");
    assert_string_equal(err.text, "?: a b???\xe2\x82\xac");
}

static void test_str_compare(void **state)
{
    (void)state;
    assert_true(str_equal("a", "a"));
    assert_false(str_equal("a", "A"));
    assert_true(str_equal(NULL, NULL));
    assert_false(str_equal(NULL, ""));
    assert_true(str_starts("pg1-x", "pg1-"));
    assert_false(str_starts("pg", "pg1-"));
    assert_true(str_ends("x.conf", ".conf"));
    assert_false(str_ends("conf", ".conf"));
    assert_true(str_equal_nocase("Host", "hOST"));
    assert_false(str_equal_nocase("Host", "Hos"));
    assert_false(str_equal_nocase("[", "{")); // 0x20 apart, but no letters
    assert_false(str_equal_nocase("", NULL));
}

static void test_str_int64(void **state)
{
    (void)state;
    int64_t n = 77;
    assert_true(str_int64("9223372036854775807", INT64_MIN, INT64_MAX, &n));
    assert_true(n == INT64_MAX);
    assert_true(str_int64("-9223372036854775808", INT64_MIN, INT64_MAX, &n));
    assert_true(n == INT64_MIN);
    assert_true(str_int64("007", 0, 7, &n));
    assert_int_equal(n, 7);
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "0x1",
                                      "1e1",
                                      "--1",
                                      "1\n",
                                      "8",
                                      "-1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999999",
                                      "18446744073709551617"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (str_int64(bad[i], 0, 7, &n))
            fail_msg("taken: %s", bad[i]);
    assert_false(str_int64("9223372036854775808", INT64_MIN, INT64_MAX, &n));
    assert_false(str_int64("-9223372036854775809", INT64_MIN, INT64_MAX, &n));
    assert_false(str_int64(NULL, INT64_MIN, INT64_MAX, &n));
    assert_int_equal(n, 7);
}

static void test_str_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"max_order_notional", "max_orders", "listen", "dry_run"};
    assert_string_equal(str_nearest("max_order_notionl", names, 4), "max_order_notional");
    assert_string_equal(str_nearest("DRY_RUN", names, 4), "dry_run");
    assert_string_equal(str_nearest("lsiten", names, 4), "listen");
    assert_null(str_nearest("port", names, 4));
    assert_null(str_nearest("", names, 4));
    assert_null(str_nearest("abc", (const char *const[]){"abd_"}, 1)); // two edits are most of a short word
    assert_null(str_nearest("max_order_notional_and_more", names, 4));
    char longer[200];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_null(str_nearest(longer, names, 4));
    assert_null(str_nearest("aaaa", (const char *const[]){longer, NULL}, 2));
}

static void test_key_redact(void **state)
{
    (void)state;
    char out[16];
    assert_string_equal(key_redact("PKABCDEFGHIJKLMN1234", out), "PK\u20261234");
    assert_string_equal(key_redact("PKABCDE", out), "\u2026");
    assert_string_equal(key_redact("", out), "\u2026");
    assert_string_equal(key_redact(NULL, out), "\u2026");
}

static void test_mem_wipe(void **state)
{
    (void)state;
    char secret[] = "secret";
    mem_wipe(secret, sizeof secret);
    for (size_t i = 0; i < sizeof secret; i++)
        assert_int_equal(secret[i], 0);
}

static void test_err(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(err_set(&e, "found %d", 3), -1);
    assert_string_equal(e.text, "found 3");
    assert_int_equal(err_wrap(&e, "file %s", "x"), -1);
    assert_string_equal(e.text, "file x: found 3");
    assert_int_equal(err_set(&e, "again: %s", e.text), -1); // its own text as an argument
    assert_string_equal(e.text, "again: file x: found 3");
    assert_int_equal(err_set(NULL, "x"), -1);
    assert_int_equal(err_wrap(NULL, "x"), -1);
    char longer[2 * ERR_TEXT_MAX];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    err_set(&e, "%s", longer);
    assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
    err_wrap(&e, "context");
    assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
    assert_true(str_starts(e.text, "context: aaa"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_adds),   cmocka_unit_test(test_text_bound),
        cmocka_unit_test(test_text_take),   cmocka_unit_test(test_str_copy),
        cmocka_unit_test(test_str_char),    cmocka_unit_test(test_errors_are_one_readable_line),
        cmocka_unit_test(test_str_compare), cmocka_unit_test(test_str_int64),
        cmocka_unit_test(test_str_nearest), cmocka_unit_test(test_key_redact),
        cmocka_unit_test(test_mem_wipe),    cmocka_unit_test(test_err),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
