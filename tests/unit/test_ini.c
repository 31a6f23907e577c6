// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The INI reader: what it delivers, and every form it must refuse.
#include "lib/base/ini.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

// Writes each item as "line section/name key=value|".
static int record(void *arg, const struct ini_item *item, struct err *err)
{
    (void)err;
    struct text *t = arg;
    text_addf(t, "%u %s", item->line, item->section);
    if (item->name != NULL)
        text_addf(t, "/%s", item->name);
    if (item->key != NULL)
        text_addf(t, " %s=%s", item->key, item->value);
    text_addc(t, '|');
    return 0;
}

static void assert_read(const char *bytes, const char *expected)
{
    struct text t;
    struct err err = {{0}};
    text_init(&t, 100000);
    if (ini_parse("a.conf", bytes, strlen(bytes), record, &t, &err) != 0)
        fail_msg("%s", err.text);
    assert_string_equal(text_str(&t), expected);
    text_free(&t);
}

static void assert_refused(const char *bytes, size_t len, const char *place, const char *says)
{
    struct text t;
    struct err err = {{0}};
    text_init(&t, 100000);
    if (ini_parse("a.conf", bytes, len, record, &t, &err) != -1)
        fail_msg("taken: %.*s", (int)len, bytes);
    if (!str_starts(err.text, place) || strstr(err.text, says) == NULL)
        fail_msg("\"%s\" is not \"%s ... %s\"", err.text, place, says);
    text_free(&t);
}

static void test_reads(void **state)
{
    (void)state;
    assert_read("", "");
    assert_read("\n  \t\n# c\n;c\n", "");
    assert_read("[risk]\nmax-order = 5\nb=\n", "1 risk|2 risk max-order=5|3 risk b=|");
    assert_read("[a]\nk = x", "1 a|2 a k=x|"); // no newline at the end
    assert_read("[a]\nk \t=\t x y \t\n", "1 a|2 a k=x y|");
    assert_read("[a]\nk = a=b # not a comment; nor this\n", "1 a|2 a k=a=b # not a comment; nor this|");
    assert_read("[ strategy  \"core one\" ] \nk=1\n[strategy]\nk=2\n",
                "1 strategy/core one|2 strategy/core one k=1|3 strategy|4 strategy k=2|");
    assert_read("[a]\nk=1\n[a]\nk=1\n", "1 a|2 a k=1|3 a|4 a k=1|"); // repetition is the callback's business
    assert_read("[a]\nk = say \"hi\"\nj = \"\n", "1 a|2 a k=say \"hi\"|3 a j=\"|");
    assert_read("[a]\nk = \xc3\xa4\n", "1 a|2 a k=\xc3\xa4|");
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *place, *says;
    } cases[] = {
        {"k = 1\n", "a.conf:1: ", "before any [section]"},
        {"[a]\nk = 1\n  more\n", "a.conf:3: ", "indented"},
        {"[a]\n k = 1\n", "a.conf:2: ", "indented"},
        {"[a]\n # c\n", "a.conf:2: ", "indented"},
        {" [a]\n", "a.conf:1: ", "indented"},
        {"[a]\r\n", "a.conf:1: ", "CR LF"},
        {"[a]\nk = 1\r\n", "a.conf:2: ", "CR LF"},
        {"[a]\nk = 1\r2\n", "a.conf:2: ", "0x0d"},
        {"[a]\nk = \x1b[0m\n", "a.conf:2: ", "0x1b in column 5"},
        {"[a]\nk = \x7f\n", "a.conf:2: ", "0x7f"},
        {"# \x01\n", "a.conf:1: ", "0x01"},
        {"\xef\xbb\xbf[a]\n", "a.conf:1: ", "byte order mark"},
        {"[a]\nK = 1\n", "a.conf:2: ", "malformed key"},
        {"[a]\nk k = 1\n", "a.conf:2: ", "malformed key"},
        {"[a]\nk. = 1\n", "a.conf:2: ", "malformed key"},
        {"[a]\n= 1\n", "a.conf:2: ", "malformed key"},
        {"[a]\nk: 1\n", "a.conf:2: ", "key = value"},
        {"[a]\nk\n", "a.conf:2: ", "key = value"},
        {"[a]\nk = \"1\"\n", "a.conf:2: ", "quotes"},
        {"[a]\nk = '1'\n", "a.conf:2: ", "quotes"},
        {"[]\n", "a.conf:1: ", "section header"},
        {"[A]\n", "a.conf:1: ", "section header"},
        {"[a\n", "a.conf:1: ", "section header"},
        {"[a] # c\n", "a.conf:1: ", "section header"},
        {"[a]]\n", "a.conf:1: ", "section header"},
        {"[a b]\n", "a.conf:1: ", "section header"},
        {"[a \"b]\n", "a.conf:1: ", "section header"},
        {"[a\"b\"]\n", "a.conf:1: ", "section header"},
        {"[a \"\"]\n", "a.conf:1: ", "section header"},
        {"[a \"b\" \"c\"]\n", "a.conf:1: ", "section header"},
        {"[a \"b\\\"c\"]\n", "a.conf:1: ", "section header"},
        {"[a \"\xc3\xa4\"]\n", "a.conf:1: ", "section header"},
        {"[a-name-of-more-than-sixty-four-bytes-is-refused-and-never-cut-short-here]\n",
         "a.conf:1: ", "section header"},
        {"[a \"a-name-of-more-than-sixty-four-bytes-is-refused-and-never-cut-short-here\"]\n",
         "a.conf:1: ", "section header"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_refused(cases[i].bytes, strlen(cases[i].bytes), cases[i].place, cases[i].says);
    assert_refused("[a]\nk = 1\0002\n", 12, "a.conf:2: ", "0x00");
}

static void test_line_bound(void **state)
{
    (void)state;
    static char bytes[INI_LINE_MAX + 32];
    memset(bytes, 'v', sizeof bytes);
    memcpy(bytes, "[a]\nk=", 6);
    assert_refused(bytes, 4 + INI_LINE_MAX + 1, "a.conf:2: ", "at most 16384");
    struct text t;
    struct err err = {{0}};
    text_init(&t, 100000);
    assert_int_equal(ini_parse("a.conf", bytes, 4 + INI_LINE_MAX, record, &t, &err), 0);
    assert_int_equal(t.len, strlen("1 a|2 a k=|") + INI_LINE_MAX - 2); // nothing is cut
    text_free(&t);
}

static void test_lines_bound(void **state)
{
    (void)state;
    static char bytes[INI_LINES_MAX + 1];
    memset(bytes, '\n', sizeof bytes);
    struct err err = {{0}};
    assert_int_equal(ini_parse("a.conf", bytes, INI_LINES_MAX, record, NULL, &err), 0);
    assert_refused(bytes, INI_LINES_MAX + 1, "a.conf:10001: ", "more than 10000 lines");
}

static int stop_at_key(void *arg, const struct ini_item *item, struct err *err)
{
    int *calls = arg;
    ++*calls;
    if (item->key == NULL)
        return 0;
    (void)err_set(err, "unknown key %s", item->key);
    return 42;
}

static int stop_with_place(void *arg, const struct ini_item *item, struct err *err)
{
    (void)arg;
    return err_set(err, "%s:%u: my own words", item->file, item->line);
}

static void test_callback_stops(void **state)
{
    (void)state;
    struct err err = {{0}};
    int calls = 0;
    static const char bytes[] = "[a]\nk = 1\nj = 1\n";
    assert_int_equal(ini_parse("a.conf", bytes, sizeof bytes - 1, stop_at_key, &calls, &err), 42);
    assert_int_equal(calls, 2);
    assert_string_equal(err.text, "a.conf:2: unknown key k");
    assert_int_equal(ini_parse("a.conf", bytes, sizeof bytes - 1, stop_with_place, NULL, &err), -1);
    assert_string_equal(err.text, "a.conf:1: my own words");
    assert_int_equal(ini_parse("a.conf", bytes, sizeof bytes - 1, stop_at_key, &calls, NULL), 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),       cmocka_unit_test(test_refuses),        cmocka_unit_test(test_line_bound),
        cmocka_unit_test(test_lines_bound), cmocka_unit_test(test_callback_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
