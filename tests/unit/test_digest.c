// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Digests against published vectors, and the framing of fields.
#include "lib/base/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void assert_hex(struct digest d, const char *expected)
{
    char hex[DIGEST_HEX_MAX];
    assert_string_equal(digest_hex(&d, hex), expected);
}

static void test_vectors(void **state)
{
    (void)state;
    assert_hex(digest_of("", 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_hex(digest_of("abc", 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct digest_state *s = digest_new();
    digest_add(s, "a", 1);
    digest_add(s, NULL, 0);
    digest_add(s, "bc", 2);
    assert_hex(digest_finish(s), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static struct digest of_fields(const char *a, const char *b)
{
    struct digest_state *s = digest_new();
    digest_add_field(s, a);
    digest_add_field(s, b);
    return digest_finish(s);
}

static void test_fields(void **state)
{
    (void)state;
    static const char framed[] = "\0\0\0\0\0\0\0\002ab\0\0\0\0\0\0\0\001c";
    struct digest d = of_fields("ab", "c"), same = digest_of(framed, sizeof framed - 1);
    assert_true(digest_equal(&d, &same));
    struct digest other[] = {of_fields("a", "bc"), of_fields("abc", ""), of_fields("abc", NULL), of_fields("", "abc"),
                             of_fields(NULL, "abc")};
    for (size_t i = 0; i < ARRAY_LEN(other); i++) {
        assert_false(digest_equal(&d, &other[i]));
        for (size_t j = i + 1; j < ARRAY_LEN(other); j++)
            assert_false(digest_equal(&other[i], &other[j]));
    }
    struct digest_state *s = digest_new();
    digest_add_bytes_field(s, "ab", 2);
    digest_add_bytes_field(s, "c", 1);
    same = digest_finish(s);
    assert_true(digest_equal(&d, &same));
}

static void test_hex(void **state)
{
    (void)state;
    struct digest d = digest_of("abc", 3), back;
    char hex[DIGEST_HEX_MAX];
    assert_true(digest_from_hex(digest_hex(&d, hex), &back));
    assert_true(digest_equal(&d, &back));
    assert_true(digest_from_hex("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD", &back));
    assert_true(digest_equal(&d, &back));
    assert_false(digest_from_hex("", &back));
    assert_false(digest_from_hex(NULL, &back));
    assert_false(digest_from_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a", &back));
    assert_false(digest_from_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015adf", &back));
    assert_false(digest_from_hex("ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", &back));
    assert_true(digest_equal(&d, &back)); // untouched by what failed
}

static void test_equal_looks_at_every_byte(void **state)
{
    (void)state;
    struct digest d = digest_of("abc", 3);
    for (size_t i = 0; i < DIGEST_LEN; i++) {
        struct digest other = d;
        other.bytes[i] ^= 1;
        assert_false(digest_equal(&d, &other));
    }
}

static void test_secret_equal(void **state)
{
    (void)state;
    assert_true(secret_equal("token", "token"));
    assert_false(secret_equal("token", "tokem"));
    assert_false(secret_equal("token", "token2"));
    assert_true(secret_equal("", ""));
    assert_false(secret_equal(NULL, NULL)); // nothing configured must never match nothing sent
    assert_false(secret_equal("token", NULL));
    assert_false(secret_equal(NULL, "token"));
}

static void test_random(void **state)
{
    (void)state;
    uint8_t a[64] = {0}, b[64] = {0};
    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b - 1);
    assert_memory_not_equal(a, b, sizeof a - 1);
    assert_int_equal(b[63], 0); // not a byte more than asked
    random_bytes(a, 0);
}

static void test_uuid(void **state)
{
    (void)state;
    struct digest d = digest_of("abc", 3);
    char uuid[37];
    uuid_from_digest(&d, uuid);
    assert_string_equal(uuid, "ba7816bf-8f01-8fea-8141-40de5dae2223");
    memset(&d, 0xff, sizeof d);
    uuid_from_digest(&d, uuid);
    assert_string_equal(uuid, "ffffffff-ffff-8fff-bfff-ffffffffffff");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),      cmocka_unit_test(test_fields),
        cmocka_unit_test(test_hex),          cmocka_unit_test(test_equal_looks_at_every_byte),
        cmocka_unit_test(test_secret_equal), cmocka_unit_test(test_random),
        cmocka_unit_test(test_uuid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
