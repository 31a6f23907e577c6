// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What a secret's memory is like, seen by the system; and what is left of a text that repeats it.
#include "lib/base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/text.h"

// The address sanitizer answers mlock itself, and locks nothing.
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#define LOCKS (!__has_feature(address_sanitizer))
#define SECRET "Zq7xW3/vT9rB5+nM1kJ8hG4fD2sA6pL0eR5tY"

// The flags of the mapping that holds p, as the system tells them.
static bool mapping_has(const char *p, const char *flag)
{
    char line[512];
    bool here = false, found = false;
    FILE *f = fopen("/proc/self/smaps", "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            here = (unsigned long)p >= from && (unsigned long)p < to;
        else if (here && str_starts(line, "VmFlags:"))
            found = strstr(line, flag) != NULL;
    }
    fclose(f);
    return found;
}

static void its_pages_are_not_dumped_not_inherited_and_locked(void **state)
{
    (void)state;
    char *s = secret_keep(SECRET);
    assert_string_equal(s, SECRET);
    assert_true(mapping_has(s, " dd"));
    assert_true(mapping_has(s, " wf"));
    assert_true(mapping_has(s, " lo") || !LOCKS);
    assert_true(secret_locked(s));
    secret_drop(s);
    assert_false(mapping_has(s, " dd"));
    secret_drop(NULL);
    assert_null(secret_keep(NULL));
    assert_true(secret_locked(NULL));
}

static int in_child(int (*what)(const char *s), const char *s)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(what(s));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int is_empty(const char *s)
{
    return s[0] == '\0';
}

static void a_forked_child_finds_nothing(void **state)
{
    (void)state;
    char *s = secret_keep(SECRET);
    assert_int_equal(in_child(is_empty, s), 1);
    assert_string_equal(s, SECRET);
    secret_drop(s);
}

static int is_kept_unlocked(const char *s)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || (getuid() == 0 && setuid(65534) != 0))
        return 2;
    char *mine = secret_keep(SECRET);
    (void)s;
    return str_equal(mine, SECRET) && !secret_locked(mine);
}

static void without_leave_to_lock_it_is_kept_all_the_same_and_known(void **state)
{
    (void)state;
    if (!LOCKS)
        skip();
    assert_int_equal(in_child(is_kept_unlocked, NULL), 1);
}

static void a_long_one_takes_several_pages(void **state)
{
    char *value = check_alloc(1, 9001), *s;
    (void)state;
    memset(value, 'x', 9000);
    s = secret_keep(value);
    assert_string_equal(s, value);
    secret_drop(s);
    free(value);
}

static void masked(const char *text, const char *expected)
{
    char out[512];
    str_copy_cut(out, sizeof out, text);
    secret_mask(out, SECRET);
    assert_string_equal(out, expected);
}

static void what_repeats_it_is_masked(void **state)
{
    (void)state;
    masked("no leave for " SECRET " today", "no leave for \u2026 today");
    masked(SECRET, "\u2026");
    masked("\"" SECRET "\",'" SECRET "'", "\"\u2026\",'\u2026'");
    masked("a half: Zq7xW3/vT9rB5+nM1 b", "a half: \u2026 b");
    masked("the other: 4fD2sA6pL0eR5tY", "the other: \u2026");
    masked("upper "
           "ZQ7XW3/VT9RB",
           "upper \u2026");
    masked("Zq7xW3%2FvT9rB5%2BnM1kJ8", "\u2026");
    masked("hex 5a71377857332f7654397242352b6e4d", "hex \u2026");
    masked("HEX 5A71377857332F7654397242", "HEX \u2026");
    // base64 of the whole, and behind one and two bytes more
    masked("b WnE3eFczL3ZUOXJCNStuTTFrSjhoRzRmRDJzQTZwTDBlUjV0WQ==", "b \u2026");
    masked("b OlpxN3hXMy92VDlyQjUrbk0xa0o4aEc0ZkQyc0E2cEwwZVI1dFk=", "b \u2026");
    masked("b YTpacTd4VzMvdlQ5ckI1K25NMWtKOGhHNGZEMnNBNnBMMGVSNXRZ", "b \u2026");
}

static void everything_else_stays(void **state)
{
    (void)state;
    masked("", "");
    masked("insufficient buying power", "insufficient buying power");
    masked("eleven of it: Zq7xW3/vT9r", "eleven of it: Zq7xW3/vT9r");
    char text[] = "a bc abc abcd";
    secret_mask(text, NULL);
    secret_mask(text, "");
    assert_string_equal(text, "a bc abc abcd");
    secret_mask(text, "abc"); // a short one: as a whole
    assert_string_equal(text, "a bc \u2026 \u2026");
}

static void of_a_long_wrong_value_only_the_beginning_is_repeated(void **state)
{
    (void)state;
    assert_int_equal(str_quoted(""), 0);
    assert_int_equal(str_quoted("exactly-twenty-four-long"), 24);
    assert_int_equal(str_quoted("exactly-twenty-five-long-"), SECRET_WINDOW - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_pages_are_not_dumped_not_inherited_and_locked),
        cmocka_unit_test(a_forked_child_finds_nothing),
        cmocka_unit_test(without_leave_to_lock_it_is_kept_all_the_same_and_known),
        cmocka_unit_test(a_long_one_takes_several_pages),
        cmocka_unit_test(what_repeats_it_is_masked),
        cmocka_unit_test(everything_else_stays),
        cmocka_unit_test(of_a_long_wrong_value_only_the_beginning_is_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
