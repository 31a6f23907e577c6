// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Money, price, quantity and ratio: separate struct types on int64 with nine decimals ("nanos"). Nothing that is
// decided or recorded uses double. Range: +-9 223 372 036.854775807. Products go through 128 bits; the rounding
// direction is in the function's name; a result that does not fit returns false and leaves the output untouched (the
// caller treats that as UNKNOWN).
#ifndef PAPERGUARD_BASE_DECIMAL_H
#define PAPERGUARD_BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/check.h"

#define DECIMAL_ONE INT64_C(1000000000)
#define DECIMAL_TEXT_MAX 24 // "-9223372036.854775807" + NUL

struct money {
    int64_t nanos; // dollars * 1e9
};
struct price {
    int64_t nanos; // dollars per share * 1e9
};
struct qty {
    int64_t nanos; // shares * 1e9; negative is short or sold where the context is signed
};
struct ratio {
    int64_t nanos; // 1.0 = 1e9
};

enum decimal_result { DECIMAL_OK, DECIMAL_MALFORMED, DECIMAL_TOO_PRECISE, DECIMAL_OVERFLOW };
enum decimal_mode {
    DECIMAL_EXACT,
    DECIMAL_DOWN,
    DECIMAL_UP,
    DECIMAL_NEAREST
}; // DOWN: toward -inf, UP: toward +inf,
   // NEAREST: half away from zero

// Grammar: -?digits(.digits)? with no blanks, no plus, no leading zeros beyond one, at most 40 characters; an exponent
// (1e-05) only in a mode other than EXACT, as broker market data may send it. EXACT: a tenth non-zero decimal is
// TOO_PRECISE.
enum decimal_result decimal_parse(const char *text, size_t len, enum decimal_mode mode, int64_t *nanos) MUST_CHECK;
const char *decimal_result_text(enum decimal_result r);
// Shortest form: no trailing zeros, no point when whole. Returns buf.
const char *decimal_format(int64_t nanos, char buf[DECIMAL_TEXT_MAX]);
// Rounded half away from zero to `places` (0..9) decimals and padded to just that many ("12.30").
const char *decimal_format_places(int64_t nanos, int places, char buf[DECIMAL_TEXT_MAX]);

bool decimal_add(int64_t a, int64_t b, int64_t *out) MUST_CHECK;
bool decimal_sub(int64_t a, int64_t b, int64_t *out) MUST_CHECK;
// (a * b) / 1e9 and (a * 1e9) / b with the direction named. Division by zero returns false.
bool decimal_mul_down(int64_t a, int64_t b, int64_t *out) MUST_CHECK;
bool decimal_mul_up(int64_t a, int64_t b, int64_t *out) MUST_CHECK;
bool decimal_mul_nearest(int64_t a, int64_t b, int64_t *out) MUST_CHECK;
bool decimal_div_down(int64_t a, int64_t b, int64_t *out) MUST_CHECK;
bool decimal_div_up(int64_t a, int64_t b, int64_t *out) MUST_CHECK;
bool decimal_div_nearest(int64_t a, int64_t b, int64_t *out) MUST_CHECK;
// Toward zero to a multiple of increment (> 0).
int64_t decimal_floor_to(int64_t nanos, int64_t increment);

// Typed fronts. *_mul_* give price * qty as money, share_* a ratio of money.
static inline bool money_add(struct money a, struct money b, struct money *out)
{
    return decimal_add(a.nanos, b.nanos, &out->nanos);
}
static inline bool money_sub(struct money a, struct money b, struct money *out)
{
    return decimal_sub(a.nanos, b.nanos, &out->nanos);
}
static inline bool qty_add(struct qty a, struct qty b, struct qty *out)
{
    return decimal_add(a.nanos, b.nanos, &out->nanos);
}
static inline bool qty_sub(struct qty a, struct qty b, struct qty *out)
{
    return decimal_sub(a.nanos, b.nanos, &out->nanos);
}
static inline bool notional_up(struct price p, struct qty q, struct money *out)
{
    return decimal_mul_up(p.nanos, q.nanos, &out->nanos);
}
static inline bool notional_down(struct price p, struct qty q, struct money *out)
{
    return decimal_mul_down(p.nanos, q.nanos, &out->nanos);
}
static inline bool notional_nearest(struct price p, struct qty q, struct money *out)
{
    return decimal_mul_nearest(p.nanos, q.nanos, &out->nanos);
}
static inline bool qty_for_notional_down(struct money m, struct price p, struct qty *out)
{
    return decimal_div_down(m.nanos, p.nanos, &out->nanos);
}
static inline bool money_share_down(struct money m, struct ratio r, struct money *out)
{
    return decimal_mul_down(m.nanos, r.nanos, &out->nanos);
}
static inline bool money_ratio_up(struct money part, struct money whole, struct ratio *out)
{
    return decimal_div_up(part.nanos, whole.nanos, &out->nanos);
}

#endif
