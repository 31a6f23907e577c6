// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Decimals: edge values by hand, and properties over a fixed-seed generator against 128-bit arithmetic.
#include "lib/base/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

typedef __int128 wide;
typedef bool operation(int64_t a, int64_t b, int64_t *out);

#define ROUNDS 20000

static uint64_t next_random(uint64_t *seed) // splitmix64
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

// All magnitudes are equally likely, and every eighth value is an edge.
static int64_t random_nanos(uint64_t *seed)
{
    static const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, -DECIMAL_ONE, -500000000, -1,       0,
                                    1,         500000000,     DECIMAL_ONE,  1500000000, INT64_MAX};
    uint64_t r = next_random(seed);
    if (r % 8 == 0)
        return edges[(r >> 8) % ARRAY_LEN(edges)];
    int64_t n = (int64_t)(next_random(seed) >> (1 + (r >> 8) % 62));
    return (r >> 20) % 2 ? -n : n;
}

static enum decimal_result parse(const char *s, enum decimal_mode mode, int64_t *out)
{
    return decimal_parse(s, strlen(s), mode, out);
}

static void assert_parses(const char *s, enum decimal_mode mode, int64_t expected)
{
    int64_t n = 77;
    enum decimal_result r = parse(s, mode, &n);
    if (r != DECIMAL_OK || n != expected)
        fail_msg("%s: result %d, %lld instead of %lld", s, (int)r, (long long)n, (long long)expected);
}

static void assert_refused(const char *s, enum decimal_mode mode, enum decimal_result expected)
{
    int64_t n = 77;
    enum decimal_result r = parse(s, mode, &n);
    if (r != expected || n != 77)
        fail_msg("%s: result %d instead of %d, output %lld", s, (int)r, (int)expected, (long long)n);
}

static void test_parse_exact(void **state)
{
    (void)state;
    assert_parses("0", DECIMAL_EXACT, 0);
    assert_parses("-0", DECIMAL_EXACT, 0);
    assert_parses("-0.000000000000", DECIMAL_EXACT, 0);
    assert_parses("1", DECIMAL_EXACT, DECIMAL_ONE);
    assert_parses("100.01", DECIMAL_EXACT, INT64_C(100010000000));
    assert_parses("-0.000000001", DECIMAL_EXACT, -1);
    assert_parses("1.50000000000000", DECIMAL_EXACT, 1500000000); // zeros beyond nine places lose nothing
    assert_parses("9223372036.854775807", DECIMAL_EXACT, INT64_MAX);
    assert_parses("-9223372036.854775808", DECIMAL_EXACT, INT64_MIN);
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char *const malformed[] = {"",    "-",    "+1",  ".5",  "5.",  "-.5", "1.2.3", "00",  "01",  "-01",
                                            " 1",  "1 ",   "1,5", "0x1", "nan", "inf", "NaN",   "--1", "1-",  "1e",
                                            "1e+", "1e5e", "e5",  "1.e", "1_0", "1'0", "1e1.5", "\t1", "1\n", "$1"};
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        assert_refused(malformed[i], DECIMAL_EXACT, DECIMAL_MALFORMED);
        assert_refused(malformed[i], DECIMAL_NEAREST, DECIMAL_MALFORMED);
    }
    int64_t n = 77;
    assert_int_equal(decimal_parse("1\0002", 3, DECIMAL_EXACT, &n), DECIMAL_MALFORMED);
    assert_int_equal(decimal_parse(NULL, 0, DECIMAL_EXACT, &n), DECIMAL_MALFORMED);
    assert_refused("1e2", DECIMAL_EXACT, DECIMAL_MALFORMED); // no exponent in an order
    assert_refused("0.0000000001", DECIMAL_EXACT, DECIMAL_TOO_PRECISE);
    assert_refused("9223372036.854775808", DECIMAL_EXACT, DECIMAL_OVERFLOW);
    assert_refused("-9223372036.854775809", DECIMAL_EXACT, DECIMAL_OVERFLOW);
    assert_refused("99999999999999999999", DECIMAL_EXACT, DECIMAL_OVERFLOW);
    assert_refused("9223372036.8547758074", DECIMAL_UP, DECIMAL_OVERFLOW); // only rounding carries it out
    assert_refused("1e19", DECIMAL_DOWN, DECIMAL_OVERFLOW);
    assert_refused("1e99999999999999999999", DECIMAL_DOWN, DECIMAL_OVERFLOW);
    // Forty characters are read, forty-one are not.
    assert_parses("0.00000000000000000000000000000000000000", DECIMAL_EXACT, 0);
    assert_refused("0.000000000000000000000000000000000000000", DECIMAL_EXACT, DECIMAL_MALFORMED);
}

static void test_parse_rounding(void **state)
{
    (void)state;
    assert_parses("0.0000000015", DECIMAL_DOWN, 1);
    assert_parses("0.0000000015", DECIMAL_UP, 2);
    assert_parses("0.0000000015", DECIMAL_NEAREST, 2);
    assert_parses("0.0000000014999999999999", DECIMAL_NEAREST, 1);
    assert_parses("-0.0000000015", DECIMAL_DOWN, -2);
    assert_parses("-0.0000000015", DECIMAL_UP, -1);
    assert_parses("-0.0000000015", DECIMAL_NEAREST, -2);
    assert_parses("0.00000000001", DECIMAL_UP, 1);
    assert_parses("0.00000000009", DECIMAL_NEAREST, 0); // the nine is not next to the last place
    assert_parses("-0.00000000009", DECIMAL_DOWN, -1);
    assert_parses("1e-05", DECIMAL_NEAREST, 10000);
    assert_parses("1.5E+2", DECIMAL_NEAREST, 150 * DECIMAL_ONE);
    assert_parses("1e-99999999999999999999", DECIMAL_NEAREST, 0);
    assert_parses("1e-99999999999999999999", DECIMAL_UP, 1);
    assert_parses("0e99999999999999999999", DECIMAL_NEAREST, 0);
    assert_parses("9223372036.8547758074", DECIMAL_DOWN, INT64_MAX);
    assert_parses("-9223372036.8547758085", DECIMAL_UP, INT64_MIN);
}

// A literal built from random digits: value = digits / 10^places, and the modes against 128-bit division.
static void test_parse_properties(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < ROUNDS; i++) {
        int places = (int)(next_random(&seed) % 16);
        int64_t whole = (int64_t)(next_random(&seed) % 1000000000);
        wide fraction = 0, unit = 1;
        char text[64];
        int n = snprintf(text, sizeof text, "%s%lld%s", i % 2 ? "-" : "", (long long)whole, places > 0 ? "." : "");
        for (int p = 0; p < places; p++, unit *= 10) {
            int digit = (int)(next_random(&seed) % 10);
            text[n++] = (char)('0' + digit);
            fraction = fraction * 10 + digit;
        }
        text[n] = '\0';
        wide scaled = (whole * unit + fraction) * (i % 2 ? -1 : 1) * DECIMAL_ONE; // = nanos * unit
        int64_t down = 0, up = 0, nearest = 0, exact = 0;
        assert_int_equal(parse(text, DECIMAL_DOWN, &down), DECIMAL_OK);
        assert_int_equal(parse(text, DECIMAL_UP, &up), DECIMAL_OK);
        assert_int_equal(parse(text, DECIMAL_NEAREST, &nearest), DECIMAL_OK);
        assert_true(down * unit <= scaled && (down + (wide)1) * unit > scaled);
        assert_true(up * unit >= scaled && (up - (wide)1) * unit < scaled);
        wide off = nearest * unit - scaled;
        assert_true(2 * (off < 0 ? -off : off) <= unit);
        assert_true(nearest == up || nearest == down);
        assert_int_equal(parse(text, DECIMAL_EXACT, &exact), down == up ? DECIMAL_OK : DECIMAL_TOO_PRECISE);
    }
}

static void test_format(void **state)
{
    (void)state;
    char buf[DECIMAL_TEXT_MAX];
    assert_string_equal(decimal_format(0, buf), "0");
    assert_string_equal(decimal_format(1, buf), "0.000000001");
    assert_string_equal(decimal_format(-1, buf), "-0.000000001");
    assert_string_equal(decimal_format(12300000000, buf), "12.3");
    assert_string_equal(decimal_format(-100 * DECIMAL_ONE, buf), "-100");
    assert_string_equal(decimal_format(INT64_MAX, buf), "9223372036.854775807");
    assert_string_equal(decimal_format(INT64_MIN, buf), "-9223372036.854775808");
}

static void test_format_places(void **state)
{
    (void)state;
    char buf[DECIMAL_TEXT_MAX];
    assert_string_equal(decimal_format_places(12300000000, 2, buf), "12.30");
    assert_string_equal(decimal_format_places(12305000000, 2, buf), "12.31");
    assert_string_equal(decimal_format_places(-12305000000, 2, buf), "-12.31");
    assert_string_equal(decimal_format_places(12304999999, 2, buf), "12.30");
    assert_string_equal(decimal_format_places(999999999, 0, buf), "1");
    assert_string_equal(decimal_format_places(-4000000, 2, buf), "0.00"); // no minus in front of nothing
    assert_string_equal(decimal_format_places(-5000000, 2, buf), "-0.01");
    assert_string_equal(decimal_format_places(5, 9, buf), "0.000000005");
    assert_string_equal(decimal_format_places(INT64_MIN, 0, buf), "-9223372037");
    assert_string_equal(decimal_format_places(INT64_MAX, 9, buf), "9223372036.854775807");
}

static void test_format_round_trip(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t n = random_nanos(&seed);
        char buf[DECIMAL_TEXT_MAX];
        assert_parses(decimal_format(n, buf), DECIMAL_EXACT, n);
        assert_true(strchr(buf, '.') == NULL || buf[strlen(buf) - 1] != '0');
        assert_parses(decimal_format_places(n, 9, buf), DECIMAL_EXACT, n);
    }
}

static void test_add_sub(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t a = random_nanos(&seed), b = random_nanos(&seed), r = 77;
        wide sum = (wide)a + b, difference = (wide)a - b;
        bool fits = sum >= INT64_MIN && sum <= INT64_MAX;
        assert_int_equal(decimal_add(a, b, &r), fits);
        assert_int_equal(r, fits ? (int64_t)sum : 77);
        r = 77;
        fits = difference >= INT64_MIN && difference <= INT64_MAX;
        assert_int_equal(decimal_sub(a, b, &r), fits);
        assert_int_equal(r, fits ? (int64_t)difference : 77);
    }
}

static wide wide_floor(wide n, wide d)
{
    wide q = n / d;
    return n % d != 0 && (n < 0) != (d < 0) ? q - 1 : q;
}

static wide wide_nearest(wide n, wide d) // half away from zero
{
    wide a = n < 0 ? -n : n, b = d < 0 ? -d : d, q = a / b + (a % b >= b - a % b);
    return (n < 0) != (d < 0) ? -q : q;
}

static void assert_result(operation *op, int64_t a, int64_t b, wide expected)
{
    int64_t r = 77;
    bool fits = expected >= INT64_MIN && expected <= INT64_MAX;
    if (op(a, b, &r) != fits || r != (fits ? (int64_t)expected : 77))
        fail_msg("%lld, %lld: fits %d, got %lld", (long long)a, (long long)b, fits, (long long)r);
}

static void test_mul_div_properties(void **state)
{
    (void)state;
    uint64_t seed = 4;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t a = random_nanos(&seed), b = random_nanos(&seed);
        wide product = (wide)a * b, scaled = (wide)a * DECIMAL_ONE;
        assert_result(decimal_mul_down, a, b, wide_floor(product, DECIMAL_ONE));
        assert_result(decimal_mul_up, a, b, -wide_floor(-product, DECIMAL_ONE));
        assert_result(decimal_mul_nearest, a, b, wide_nearest(product, DECIMAL_ONE));
        if (b == 0)
            continue;
        assert_result(decimal_div_down, a, b, wide_floor(scaled, b));
        assert_result(decimal_div_up, a, b, -wide_floor(-scaled, b));
        assert_result(decimal_div_nearest, a, b, wide_nearest(scaled, b));
    }
}

static void test_mul_div_edges(void **state)
{
    (void)state;
    int64_t r = 77;
    assert_false(decimal_div_down(1, 0, &r));
    assert_false(decimal_div_up(0, 0, &r));
    assert_false(decimal_div_nearest(INT64_MIN, 0, &r));
    assert_false(decimal_mul_down(INT64_MAX, 2 * DECIMAL_ONE, &r));
    assert_false(decimal_mul_down(INT64_MIN, -DECIMAL_ONE, &r)); // +2^63
    assert_false(decimal_div_down(INT64_MIN, -DECIMAL_ONE, &r));
    assert_int_equal(r, 77);
    assert_true(decimal_mul_up(INT64_MIN, DECIMAL_ONE, &r));
    assert_int_equal(r, INT64_MIN);
    assert_true(decimal_mul_nearest(1, 500000000, &r)); // ties go away from zero
    assert_int_equal(r, 1);
    assert_true(decimal_mul_nearest(-1, 500000000, &r));
    assert_int_equal(r, -1);
    assert_true(decimal_mul_nearest(1, 499999999, &r));
    assert_int_equal(r, 0);
    struct money m;
    assert_true(notional_up((struct price){333333333}, (struct qty){1}, &m));
    assert_int_equal(m.nanos, 1);
}

static void test_floor_to(void **state)
{
    (void)state;
    assert_int_equal(decimal_floor_to(1999999999, DECIMAL_ONE), DECIMAL_ONE);
    assert_int_equal(decimal_floor_to(-1999999999, DECIMAL_ONE), -DECIMAL_ONE);
    assert_int_equal(decimal_floor_to(INT64_MIN, INT64_MAX), -INT64_MAX);
    assert_int_equal(decimal_floor_to(INT64_MIN, 1), INT64_MIN);
    assert_int_equal(decimal_floor_to(5, 10), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_exact),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_parse_rounding),
        cmocka_unit_test(test_parse_properties),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_format_places),
        cmocka_unit_test(test_format_round_trip),
        cmocka_unit_test(test_add_sub),
        cmocka_unit_test(test_mul_div_properties),
        cmocka_unit_test(test_mul_div_edges),
        cmocka_unit_test(test_floor_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
