// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Decimals on int64 nanos with 128-bit intermediates.
#include "lib/base/decimal.h"

#include <stdio.h>
#include <string.h>

#define DECIMAL_CHARS_MAX 40
#define DECIMAL_PLACES 9
#define UINT64_DIGITS_SAFE 19 // every number of 19 digits fits a uint64
#define EXPONENT_CAP 100000   // far beyond what matters, far below overflow

typedef __int128 wide;

// The digits of a literal without its point: value = digits * 10^scale nanos.
struct literal {
    bool negative;
    char digits[DECIMAL_CHARS_MAX];
    int count; // without leading zeros
    int scale;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *scan_digits(const char *p, const char *end, struct literal *lit)
{
    for (; p < end && is_digit(*p); p++)
        if (lit->count > 0 || *p != '0')
            lit->digits[lit->count++] = *p;
    return p;
}

static const char *scan_exponent(const char *p, const char *end, int *exponent)
{
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end)
        return NULL;
    int n = 0;
    for (; p < end && is_digit(*p); p++)
        n = n >= EXPONENT_CAP ? EXPONENT_CAP : n * 10 + (*p - '0');
    *exponent = negative ? -n : n;
    return p;
}

static bool scan_literal(const char *p, const char *end, bool exponent_ok, struct literal *lit)
{
    *lit = (struct literal){.scale = DECIMAL_PLACES};
    lit->negative = p < end && *p == '-';
    if (lit->negative)
        p++;
    const char *whole = p;
    p = scan_digits(p, end, lit);
    if (p == whole || (p - whole > 1 && *whole == '0'))
        return false;
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        p = scan_digits(p, end, lit);
        if (p == fraction)
            return false;
        lit->scale -= (int)(p - fraction);
    }
    if (p < end && exponent_ok && (*p == 'e' || *p == 'E')) {
        int exponent = 0;
        p = scan_exponent(p + 1, end, &exponent);
        lit->scale += exponent;
    }
    return p == end;
}

// Whether a magnitude with a remainder below it is one too small in this direction.
static bool rounds_up(enum decimal_mode mode, bool negative, bool at_least_half)
{
    switch (mode) {
    case DECIMAL_DOWN:
        return negative;
    case DECIMAL_UP:
        return !negative;
    case DECIMAL_NEAREST:
        return at_least_half;
    case DECIMAL_EXACT:
        break;
    }
    return false;
}

static enum decimal_result literal_round(const struct literal *lit, enum decimal_mode mode, int64_t *nanos)
{
    int kept = lit->count + lit->scale; // digits left of the last nano
    if (lit->count > 0 && kept > UINT64_DIGITS_SAFE)
        return DECIMAL_OVERFLOW;
    uint64_t magnitude = 0;
    for (int i = 0; lit->count > 0 && i < kept; i++)
        magnitude = magnitude * 10 + (i < lit->count ? (uint64_t)(lit->digits[i] - '0') : 0);
    bool rest = false;
    for (int i = kept < 0 ? 0 : kept; i < lit->count; i++)
        rest = rest || lit->digits[i] != '0';
    if (rest && mode == DECIMAL_EXACT)
        return DECIMAL_TOO_PRECISE;
    bool at_least_half = kept >= 0 && kept < lit->count && lit->digits[kept] >= '5';
    if (rest && rounds_up(mode, lit->negative, at_least_half))
        magnitude++;
    if (magnitude > (uint64_t)INT64_MAX + (lit->negative ? 1 : 0))
        return DECIMAL_OVERFLOW;
    *nanos = lit->negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return DECIMAL_OK;
}

enum decimal_result decimal_parse(const char *text, size_t len, enum decimal_mode mode, int64_t *nanos)
{
    struct literal lit;
    if (text == NULL || len == 0 || len > DECIMAL_CHARS_MAX ||
        !scan_literal(text, text + len, mode != DECIMAL_EXACT, &lit))
        return DECIMAL_MALFORMED;
    return literal_round(&lit, mode, nanos);
}

const char *decimal_result_text(enum decimal_result r)
{
    switch (r) {
    case DECIMAL_OK:
        return "ok";
    case DECIMAL_MALFORMED:
        return "not a decimal number";
    case DECIMAL_TOO_PRECISE:
        return "more than nine decimals";
    case DECIMAL_OVERFLOW:
        return "beyond +-9223372036.854775807";
    }
    return "unknown";
}

static uint64_t magnitude_of(int64_t n)
{
    return n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
}

static uint64_t power_of_ten(int n)
{
    uint64_t p = 1;
    while (n-- > 0)
        p *= 10;
    return p;
}

const char *decimal_format(int64_t nanos, char buf[DECIMAL_TEXT_MAX])
{
    int places = DECIMAL_PLACES;
    for (int64_t n = nanos; places > 0 && n % 10 == 0; n /= 10)
        places--;
    return decimal_format_places(nanos, places, buf);
}

const char *decimal_format_places(int64_t nanos, int places, char buf[DECIMAL_TEXT_MAX])
{
    CHECK(places >= 0 && places <= DECIMAL_PLACES);
    uint64_t unit = power_of_ten(DECIMAL_PLACES - places), per_one = power_of_ten(places);
    uint64_t units = (magnitude_of(nanos) + unit / 2) / unit;
    const char *sign = nanos < 0 && units > 0 ? "-" : "";
    if (places == 0)
        (void)snprintf(buf, DECIMAL_TEXT_MAX, "%s%llu", sign, (unsigned long long)units);
    else
        (void)snprintf(buf, DECIMAL_TEXT_MAX, "%s%llu.%0*llu", sign, (unsigned long long)(units / per_one), places,
                       (unsigned long long)(units % per_one));
    return buf;
}

bool decimal_add(int64_t a, int64_t b, int64_t *out)
{
    int64_t r;
    if (__builtin_add_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

bool decimal_sub(int64_t a, int64_t b, int64_t *out)
{
    int64_t r;
    if (__builtin_sub_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

static bool divide(wide numerator, wide denominator, enum decimal_mode mode, int64_t *out)
{
    if (denominator == 0)
        return false;
    bool negative = (numerator < 0) != (denominator < 0);
    wide n = numerator < 0 ? -numerator : numerator, d = denominator < 0 ? -denominator : denominator;
    wide quotient = n / d, rest = n % d;
    if (rest != 0 && rounds_up(mode, negative, rest >= d - rest))
        quotient++;
    if (quotient > (wide)INT64_MAX + (negative ? 1 : 0))
        return false;
    *out = (int64_t)(negative ? -quotient : quotient);
    return true;
}

bool decimal_mul_down(int64_t a, int64_t b, int64_t *out)
{
    return divide((wide)a * b, DECIMAL_ONE, DECIMAL_DOWN, out);
}

bool decimal_mul_up(int64_t a, int64_t b, int64_t *out)
{
    return divide((wide)a * b, DECIMAL_ONE, DECIMAL_UP, out);
}

bool decimal_mul_nearest(int64_t a, int64_t b, int64_t *out)
{
    return divide((wide)a * b, DECIMAL_ONE, DECIMAL_NEAREST, out);
}

bool decimal_div_down(int64_t a, int64_t b, int64_t *out)
{
    return divide((wide)a * DECIMAL_ONE, b, DECIMAL_DOWN, out);
}

bool decimal_div_up(int64_t a, int64_t b, int64_t *out)
{
    return divide((wide)a * DECIMAL_ONE, b, DECIMAL_UP, out);
}

bool decimal_div_nearest(int64_t a, int64_t b, int64_t *out)
{
    return divide((wide)a * DECIMAL_ONE, b, DECIMAL_NEAREST, out);
}

int64_t decimal_floor_to(int64_t nanos, int64_t increment)
{
    CHECK(increment > 0);
    return nanos - nanos % increment;
}
