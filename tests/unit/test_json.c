// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// JSON both ways: what is refused and where, numbers that keep their text, and writing that reads back.
#include "lib/base/json_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/json_write.h"

static struct json_doc *parsed(const char *text)
{
    struct json_doc *doc = NULL;
    struct err err = {{0}};
    if (json_doc_parse(text, strlen(text), &doc, &err) != 0)
        fail_msg("%s: %s", text, err.text);
    return doc;
}

static void assert_refused(const char *text, size_t len, const char *expected)
{
    struct json_doc *doc = NULL;
    struct err err = {{0}};
    assert_int_equal(json_doc_parse(text, len, &doc, &err), -1);
    assert_null(doc);
    if (strstr(err.text, expected) == NULL)
        fail_msg("%.*s: \"%s\" does not say \"%s\"", (int)len, text, err.text, expected);
    assert_null(strstr(err.text, "u0000\"")); // the mark of numbers stays inside
}

static void test_types(void **state)
{
    (void)state;
    struct json_doc *doc = parsed("{\"n\":null,\"b\":false,\"i\":-12,\"s\":\"12\",\"a\":[1,\"\"],\"o\":{}}");
    const struct json_node *root = json_doc_root(doc);
    static const enum json_type types[] = {JSON_IS_NULL,   JSON_IS_BOOL,  JSON_IS_NUMBER,
                                           JSON_IS_STRING, JSON_IS_ARRAY, JSON_IS_OBJECT};
    static const char *const names[] = {"n", "b", "i", "s", "a", "o"};
    void *cursor = NULL;
    const char *name;
    const struct json_node *value;
    size_t i = 0;
    for (; json_each(root, &cursor, &name, &value); i++) { // in document order
        assert_string_equal(name, names[i]);
        assert_int_equal(json_type_of(value), types[i]);
        assert_ptr_equal(value, json_get(root, name));
    }
    assert_int_equal(i, 6);
    assert_int_equal(json_size(root), 6);
    assert_null(json_string(json_get(root, "i"))); // a number is no string and the other way round
    assert_null(json_number_text(json_get(root, "s")));
    assert_string_equal(json_number_text(json_get(root, "i")), "-12");
    assert_string_equal(json_string(json_get(root, "s")), "12");
    const struct json_node *array = json_get(root, "a");
    assert_int_equal(json_size(array), 2);
    assert_string_equal(json_string(json_at(array, 1)), "");
    assert_null(json_at(array, 2));
    assert_null(json_at(root, 0));
    assert_null(json_get(array, "a"));
    assert_null(json_get(root, "absent"));
    assert_null(json_string(NULL));
    json_doc_free(doc);
    json_doc_free(NULL);
}

static void test_numbers_keep_their_text(void **state)
{
    (void)state;
    static const char *const numbers[] = {"0",
                                          "-0",
                                          "100.01",
                                          "1e5",
                                          "1E+5",
                                          "1e-5",
                                          "0.10",
                                          "1.0",
                                          "-1.5",
                                          "123456789012345678901234567890.123456789",
                                          "9007199254740993",
                                          "0.30000000000000004"};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "[ %s\t,{\"x\":%s}]", numbers[i], numbers[i]);
        struct json_doc *doc = parsed(text);
        assert_string_equal(json_number_text(json_at(json_doc_root(doc), 0)), numbers[i]);
        assert_string_equal(json_number_text(json_get(json_at(json_doc_root(doc), 1), "x")), numbers[i]);
        json_doc_free(doc);
    }
}

static void test_numbers_refused(void **state)
{
    (void)state;
    static const char *const numbers[] = {"01",  "-01",   "1.",   ".1",       "-",         "+1",
                                          "1e",  "1e+",   "1.e5", "0x1",      "1-2",       "1_0",
                                          "--1", "1.2.3", "NaN",  "Infinity", "-Infinity", "1\"a\""};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        char text[64];
        int n = snprintf(text, sizeof text, "[%s]", numbers[i]);
        assert_refused(text, (size_t)n, "line 1 column");
    }
    assert_refused("{1:2}", 5, "name of a member");
    assert_refused("{\"a\":1, 2 : 3}", 14, "column 9: found a number as the name of a member");
    char text[128] = "[";
    memset(text + 1, '1', JSON_NUMBER_MAX + 1);
    text[JSON_NUMBER_MAX + 2] = ']';
    assert_refused(text, JSON_NUMBER_MAX + 3, "64 characters");
    text[JSON_NUMBER_MAX + 1] = ']';
    text[JSON_NUMBER_MAX + 2] = '\0';
    json_doc_free(parsed(text));
}

static void test_strictness(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "line 1 column 1"},
        {"5", "expected"},
        {"\"a\"", "expected"},
        {"[1] x", "end of file expected"},
        {"[1][2]", "end of file expected"},
        {"[1,]", ""},
        {"{\"a\":1,}", ""},
        {"{'a':1}", ""},
        {"{a:1}", ""},
        {"[1 2]", "']' expected"},
        {"[TRUE]", ""},
        {"/* */[]", ""},
        {"[\"a", "ends within a string"},
        {"[\"a\\", "ends within a string"},
        {"[\"\n\"]", ""},
        {"[\"\\x\"]", ""},
        {"[\"\\ud800\"]", ""},
        {"[\"\xff\"]", "0xff"},
        {"[\"\xc0\x80\"]", ""},
        {"\xef\xbb\xbf[]", ""},
        {"{\"a\":1,\"a\":2}", "duplicate"},
        {"{\"a\":1,\"\\u0061\":2}", "duplicate"},
        {"[{\"o\":{\"k\":\"v\",\"k\":\"v\"}}]", "duplicate"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_refused(cases[i].text, strlen(cases[i].text), cases[i].says);
}

static void test_nul(void **state)
{
    (void)state;
    assert_refused("[\"\\u0000\"]", 10, "\\u0000");
    assert_refused("[\"\\u00001\"]", 11, "\\u0000"); // would be taken for a number
    assert_refused("{\"\\u00001\":1}", 13, "\\u0000");
    assert_refused("[\"a\\\\\\u0000\"]", 13, "\\u0000");
    assert_refused("[\"a\0b\"]", 7, "NUL");
    assert_refused("[1]\0", 4, "NUL");
    struct json_doc *doc = parsed("[\"\\\\u0000\", \"\\\"\\\\u00001\", 5]"); // an escaped backslash, then plain text
    assert_string_equal(json_string(json_at(json_doc_root(doc), 0)), "\\u0000");
    assert_string_equal(json_string(json_at(json_doc_root(doc), 1)), "\"\\u00001");
    assert_string_equal(json_number_text(json_at(json_doc_root(doc), 2)), "5");
    json_doc_free(doc);
}

static void test_depth(void **state)
{
    (void)state;
    char text[2 * JSON_DEPTH_MAX + 3];
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    text[2 * JSON_DEPTH_MAX] = '\0';
    json_doc_free(parsed(text));
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    assert_refused(text, 2 * JSON_DEPTH_MAX + 2, "nested deeper");
    json_doc_free(parsed("[[],[],[[]],{\"a\":[[[[[[[]]]]]]]},\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]"));
}

// Places are those of the input, although numbers grew on the way to the parser.
static void test_places(void **state)
{
    (void)state;
    assert_refused("{\"a\":1.5,\"b\":22,\"c\" 3}", 22, "line 1 column 22: ':' expected");
    assert_refused("{\n \"a\": 1,\n \"\xc3\xa4\": 2, x}", 23, "line 3 column 11");
    assert_refused("[1,\n 2,\n 03]", 12, "line 3 column 2: malformed number");
    // What the parser stopped at is not shown: it may be a secret.
    struct json_doc *doc = NULL;
    struct err err = {{0}};
    static const char text[] = "{\"password\":\"hunter2\" \"hunter3\"}";
    assert_int_equal(json_doc_parse(text, sizeof text - 1, &doc, &err), -1);
    assert_null(strstr(err.text, "hunter"));
}

// Every cut of a document is refused, and every single-byte change either is refused or reads without harm.
static void test_cuts_and_flips(void **state)
{
    (void)state;
    static const char text[] =
        "{\"id\":\"a\\u00e9\\\\\",\"qty\":\"1.5\",\"l\":[1,-2.5e3,null,true,{\"x\":0}],\"n\":12}";
    char copy[sizeof text];
    struct err err;
    for (size_t n = 0; n + 1 < sizeof text; n++)
        assert_refused(text, n, "line 1");
    unsigned read = 0;
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        for (unsigned c = 0; c < 256; c++) {
            memcpy(copy, text, sizeof text);
            copy[i] = (char)c;
            struct json_doc *doc = NULL;
            if (json_doc_parse(copy, sizeof text - 1, &doc, &err) == 0)
                read++;
            json_doc_free(doc);
        }
    }
    assert_in_range(read, sizeof text, 256 * sizeof text);
}

static void test_scalars(void **state)
{
    (void)state;
    struct json_doc *doc = parsed("[true,12,1.0,\"12\",1e2,9223372036854775808,\"1.5\",1.5,null,0.12345678949]");
    const struct json_node *a = json_doc_root(doc);
    bool b = false;
    int64_t n = 77;
    assert_true(json_bool(json_at(a, 0), &b));
    assert_true(b);
    assert_false(json_bool(json_at(a, 1), &b));
    assert_false(json_bool(NULL, &b));
    assert_true(json_int64(json_at(a, 1), &n));
    assert_int_equal(n, 12);
    for (size_t i = 2; i < 9; i++)
        assert_false(json_int64(json_at(a, i), &n));
    assert_int_equal(json_decimal(json_at(a, 6), DECIMAL_EXACT, &n), DECIMAL_OK);
    assert_int_equal(n, 1500000000);
    n = 0;
    assert_int_equal(json_decimal(json_at(a, 7), DECIMAL_EXACT, &n), DECIMAL_OK);
    assert_int_equal(n, 1500000000);
    assert_int_equal(json_decimal(json_at(a, 0), DECIMAL_EXACT, &n), DECIMAL_MALFORMED);
    assert_int_equal(json_decimal(json_at(a, 8), DECIMAL_EXACT, &n), DECIMAL_MALFORMED);
    assert_int_equal(json_decimal(NULL, DECIMAL_EXACT, &n), DECIMAL_MALFORMED);
    assert_int_equal(json_decimal(json_at(a, 9), DECIMAL_EXACT, &n), DECIMAL_TOO_PRECISE);
    assert_int_equal(json_decimal(json_at(a, 9), DECIMAL_DOWN, &n), DECIMAL_OK);
    assert_int_equal(n, 123456789);
    json_doc_free(doc);
}

static void test_want(void **state)
{
    (void)state;
    struct json_doc *doc = parsed("{\"s\":\"x\",\"b\":true,\"i\":3,\"d\":\"1.25\",\"t\":\"2026-10-08T15:10:18Z\",\"z\":"
                                  "null,\"p\":\"0.0000000001\"}");
    const struct json_node *o = json_doc_root(doc);
    struct err e;
    const char *s = NULL;
    bool b = false;
    int64_t n = 0;
    assert_int_equal(json_want_string(o, "order", "s", &s, &e), 0);
    assert_string_equal(s, "x");
    assert_int_equal(json_want_bool(o, "order", "b", &b, &e), 0);
    assert_true(b);
    assert_int_equal(json_want_int64(o, "order", "i", &n, &e), 0);
    assert_int_equal(n, 3);
    assert_int_equal(json_want_decimal(o, "order", "d", DECIMAL_EXACT, &n, &e), 0);
    assert_int_equal(n, 1250000000);
    assert_int_equal(json_want_when(o, "order", "t", &n, &e), 0);
    assert_true(n == INT64_C(1791472218000000000));
    n = 77;
    assert_int_equal(json_want_string(o, "order", "i", &s, &e), -1);
    assert_string_equal(e.text, "order.i: found the number 3, expected a string");
    assert_int_equal(json_want_bool(o, "order", "q", &b, &e), -1);
    assert_string_equal(e.text, "order.q is missing, expected true or false");
    assert_int_equal(json_want_int64(o, "order", "b", &n, &e), -1);
    assert_string_equal(e.text, "order.b: found true, expected a whole number");
    assert_int_equal(json_want_decimal(o, "order", "z", DECIMAL_EXACT, &n, &e), -1);
    assert_non_null(strstr(e.text, "order.z: found null"));
    assert_int_equal(json_want_decimal(o, "order", "p", DECIMAL_EXACT, &n, &e), -1);
    assert_non_null(strstr(e.text, "nine places"));
    assert_int_equal(json_want_when(o, "order", "s", &n, &e), -1);
    assert_non_null(strstr(e.text, "found the string \"x\", expected a time"));
    assert_int_equal(json_want_string(json_get(o, "s"), "order", "s", &s, &e), -1);
    assert_string_equal(e.text, "order: found string, expected an object");
    assert_int_equal(json_want_int64(NULL, "order", "s", &n, &e), -1);
    assert_int_equal(n, 77);
    assert_string_equal(s, "x");
    json_doc_free(doc);
}

static void test_optional(void **state)
{
    (void)state;
    struct json_doc *doc = parsed("{\"z\":null,\"d\":1.5,\"s\":\"x\",\"t\":\"2026-10-08T15:10:18Z\",\"a\":[]}");
    const struct json_node *o = json_doc_root(doc);
    struct err e;
    const char *s = "before";
    bool present = true;
    int64_t n = 77;
    assert_int_equal(json_opt_decimal(o, "o", "z", DECIMAL_EXACT, &present, &n, &e), 0);
    assert_false(present);
    assert_int_equal(json_opt_when(o, "o", "absent", &present, &n, &e), 0);
    assert_false(present);
    assert_int_equal(n, 77);
    assert_int_equal(json_opt_decimal(o, "o", "d", DECIMAL_EXACT, &present, &n, &e), 0);
    assert_true(present);
    assert_int_equal(n, 1500000000);
    present = false;
    assert_int_equal(json_opt_when(o, "o", "t", &present, &n, &e), 0);
    assert_true(present);
    assert_int_equal(json_opt_string(o, "o", "a", &s, &e), -1);
    assert_string_equal(s, "before");
    assert_int_equal(json_opt_decimal(o, "o", "s", DECIMAL_EXACT, &present, &n, &e), -1);
    assert_int_equal(json_opt_when(o, "o", "d", &present, &n, &e), -1);
    assert_int_equal(json_opt_string(json_get(o, "a"), "o", "s", &s, &e), -1);
    assert_int_equal(json_opt_string(o, "o", "s", &s, &e), 0);
    assert_string_equal(s, "x");
    assert_int_equal(json_opt_string(o, "o", "z", &s, &e), 0);
    assert_null(s);
    json_doc_free(doc);
}

static void test_only(void **state)
{
    (void)state;
    static const char *const names[] = {"symbol", "qty", "time_in_force"};
    struct err e;
    struct json_doc *doc = parsed("{\"qty\":1,\"symbol\":\"A\"}");
    assert_int_equal(json_only(json_doc_root(doc), "order", names, 3, &e), 0);
    assert_int_equal(json_only(json_doc_root(doc), "order", names, 1, &e), -1);
    assert_string_equal(e.text, "order.qty is not a known member");
    json_doc_free(doc);
    doc = parsed("{\"qty\":1,\"time_in_forse\":\"day\"}");
    assert_int_equal(json_only(json_doc_root(doc), "order", names, 3, &e), -1);
    assert_string_equal(e.text, "order.time_in_forse is not a known member (did you mean \"time_in_force\"?)");
    json_doc_free(doc);
}

static void test_write(void **state)
{
    (void)state;
    struct text t;
    struct json_out o;
    text_init(&t, 4096);
    json_out_init(&o, &t);
    json_object_begin(&o);
    json_put_string(&o, "s\"", "a\"\\\b\f\n\r\t\x01\x7f\u00e4\u20ac\U0001f600");
    json_put_string(&o, "null", NULL);
    json_put_bool(&o, "b", true);
    json_put_int(&o, "i", INT64_MIN);
    json_put_null(&o, "z");
    json_put_decimal(&o, "d", -1500000000);
    json_put_decimal_number(&o, "n", 100010000000);
    json_put_when(&o, "t", 0);
    json_key(&o, "a");
    json_array_begin(&o);
    json_add_day(&o, (struct day){2026, 3, 8});
    json_add_raw(&o, "{\"raw\":1}");
    json_array_begin(&o);
    json_array_end(&o);
    json_object_begin(&o);
    json_object_end(&o);
    json_add_bool(&o, false);
    json_array_end(&o);
    json_object_end(&o);
    assert_string_equal(text_str(&t),
                        "{\"s\\\"\":\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u007f\u00e4\u20ac\U0001f600\",\"null\":null,"
                        "\"b\":true,\"i\":-9223372036854775808,\"z\":null,\"d\":\"-1.5\",\"n\":100.01,"
                        "\"t\":\"1970-01-01T00:00:00Z\",\"a\":[\"2026-03-08\",{\"raw\":1},[],{},false]}");
    struct json_doc *doc = parsed(text_str(&t));
    const struct json_node *root = json_doc_root(doc);
    assert_string_equal(json_string(json_get(root, "s\"")), "a\"\\\b\f\n\r\t\x01\x7f\u00e4\u20ac\U0001f600");
    assert_string_equal(json_number_text(json_get(root, "n")), "100.01");
    json_doc_free(doc);
    text_free(&t);
}

// Whatever bytes a peer sent, what is written reads back.
static void test_write_any_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"\xff", "\ufffd"},
        {"a\xc3", "a\ufffd"},
        {"\xc0\x80", "\ufffd\ufffd"},
        {"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},
        {"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"},
        {"\xe0\x9f\xbf", "\ufffd\ufffd\ufffd"},
        {"\xf0\x8f\xbf\xbf", "\ufffd\ufffd\ufffd\ufffd"},
        {"\xf5\x80\x80\x80", "\ufffd\ufffd\ufffd\ufffd"},
        {"\xe2\x82(", "\ufffd\ufffd("},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct text t;
        struct json_out o;
        text_init(&t, 100);
        json_out_init(&o, &t);
        json_array_begin(&o);
        json_add_string(&o, cases[i].in);
        json_array_end(&o);
        struct json_doc *doc = parsed(text_str(&t));
        assert_string_equal(json_string(json_at(json_doc_root(doc), 0)), cases[i].out);
        json_doc_free(doc);
        text_free(&t);
    }
    uint32_t seed = 7;
    for (int round = 0; round < 3000; round++) {
        char s[9];
        for (size_t i = 0; i < sizeof s; i++) {
            seed = seed * 1664525 + 1013904223;
            s[i] = (char)(seed >> 24);
        }
        s[sizeof s - 1] = '\0';
        struct text t;
        struct json_out o;
        text_init(&t, 100);
        json_out_init(&o, &t);
        json_array_begin(&o);
        json_add_string(&o, s);
        json_array_end(&o);
        json_doc_free(parsed(text_str(&t)));
        text_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_numbers_keep_their_text),
        cmocka_unit_test(test_numbers_refused),
        cmocka_unit_test(test_strictness),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_cuts_and_flips),
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_want),
        cmocka_unit_test(test_optional),
        cmocka_unit_test(test_only),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_write_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
