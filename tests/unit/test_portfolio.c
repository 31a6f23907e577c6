// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Books at average cost, and splits that lose no nano.
#include "lib/trade/portfolio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define D DECIMAL_ONE

static uint64_t next_random(uint64_t *seed) // xorshift: the same numbers on every machine
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void apply(struct book *b, const char *symbol, int64_t change, int64_t price)
{
    assert_true(book_apply(b, symbol, (struct qty){change}, (struct price){price}));
}

static void assert_row(const struct book *b, const char *symbol, int64_t qty, int64_t cost)
{
    const struct holding *h = book_find(b, symbol);
    if (qty == 0) {
        assert_null(h);
        assert_int_equal(book_qty(b, symbol).nanos, 0);
        return;
    }
    assert_non_null(h);
    assert_int_equal(h->qty.nanos, qty);
    assert_int_equal(h->cost.nanos, cost);
    assert_int_equal(book_qty(b, symbol).nanos, qty);
}

static void cost_is_averaged(void **state)
{
    (void)state;
    struct book b;
    book_init(&b, "core");
    assert_string_equal(b.name, "core");
    apply(&b, "SPY", 10 * D, 100 * D);
    apply(&b, "SPY", 30 * D, 120 * D);
    assert_row(&b, "SPY", 40 * D, 4600 * D);
    apply(&b, "SPY", -10 * D, 999 * D); // selling takes its share of the cost, at whatever price
    assert_row(&b, "SPY", 30 * D, 3450 * D);
    apply(&b, "SPY", 0, 5 * D);
    assert_row(&b, "SPY", 30 * D, 3450 * D);
    apply(&b, "SPY", -30 * D, D);
    assert_row(&b, "SPY", 0, 0);
    assert_int_equal(b.count, 0);
    book_free(&b);
}

static void shorts_mirror_longs(void **state)
{
    (void)state;
    struct book b;
    book_init(&b, "core");
    apply(&b, "SPY", -10 * D, 100 * D);
    assert_row(&b, "SPY", -10 * D, -1000 * D);
    apply(&b, "SPY", -10 * D, 120 * D);
    assert_row(&b, "SPY", -20 * D, -2200 * D);
    apply(&b, "SPY", 5 * D, 50 * D);
    assert_row(&b, "SPY", -15 * D, -1650 * D);
    apply(&b, "SPY", 20 * D, 90 * D); // through zero: what is left was bought at 90
    assert_row(&b, "SPY", 5 * D, 450 * D);
    apply(&b, "SPY", -6 * D, 80 * D);
    assert_row(&b, "SPY", -D, -80 * D);
    book_free(&b);
}

static void rows_are_sorted(void **state)
{
    (void)state;
    static const char *const symbols[] = {"TLT", "AAPL", "SPY", "GLD", "BRK.B", "IEF", "QQQ", "IWM", "A", "MSFT"};
    struct book b;
    book_init(&b, "core");
    for (size_t i = 0; i < ARRAY_LEN(symbols); i++)
        apply(&b, symbols[i], (int64_t)(i + 1) * D, D);
    assert_int_equal(b.count, ARRAY_LEN(symbols));
    for (size_t i = 1; i < b.count; i++)
        assert_true(strcmp(b.items[i - 1].symbol, b.items[i].symbol) < 0);
    for (size_t i = 0; i < ARRAY_LEN(symbols); i++)
        assert_int_equal(book_qty(&b, symbols[i]).nanos, (int64_t)(i + 1) * D);
    for (size_t i = 0; i < ARRAY_LEN(symbols); i += 2)
        apply(&b, symbols[i], -(int64_t)(i + 1) * D, D);
    assert_int_equal(b.count, 5);
    assert_null(book_find(&b, "TLT"));
    assert_non_null(book_find(&b, "AAPL"));
    assert_null(book_find(&b, "ZZZ"));
    book_free(&b);
    assert_int_equal(b.count, 0);
}

static void set_writes_a_row(void **state)
{
    (void)state;
    struct book b;
    book_init(&b, BOOK_UNASSIGNED);
    assert_true(book_set(&b, "SPY", (struct qty){7 * D}, (struct money){70 * D}));
    assert_true(book_set(&b, "SPY", (struct qty){8 * D}, (struct money){80 * D}));
    assert_row(&b, "SPY", 8 * D, 80 * D);
    assert_true(book_set(&b, "SPY", (struct qty){0}, (struct money){80 * D}));
    assert_row(&b, "SPY", 0, 0);
    assert_true(book_set(&b, "SPY", (struct qty){0}, (struct money){0}));
    assert_false(book_set(&b, "", (struct qty){D}, (struct money){0}));
    assert_false(book_set(&b, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", (struct qty){D}, (struct money){0}));
    assert_int_equal(b.count, 0);
    book_free(&b);
}

static void overflow_leaves_the_book(void **state)
{
    (void)state;
    struct book b;
    book_init(&b, "core");
    assert_true(book_set(&b, "SPY", (struct qty){INT64_MAX - 5}, (struct money){INT64_MAX - 5}));
    assert_false(book_apply(&b, "SPY", (struct qty){6}, (struct price){D}));
    assert_false(book_apply(&b, "SPY", (struct qty){5}, (struct price){2 * D}));
    assert_false(book_apply(&b, "TLT", (struct qty){INT64_MAX}, (struct price){2 * D}));
    assert_row(&b, "SPY", INT64_MAX - 5, INT64_MAX - 5);
    assert_int_equal(b.count, 1);
    assert_true(book_apply(&b, "SPY", (struct qty){-(INT64_MAX - 6)}, (struct price){D})); // 128-bit products inside
    assert_row(&b, "SPY", 1, 1);
    book_free(&b);
}

// ---- splitting -----------------------------------------------------------------------------------------------------

static void assert_split(bool share, int64_t total, const int64_t *weights, size_t count, int64_t increment,
                         const int64_t *expected)
{
    struct qty w[8], parts[8];
    for (size_t i = 0; i < count; i++)
        w[i].nanos = weights[i];
    struct qty t = {total}, inc = {increment};
    assert_true(share ? qty_share(t, w, count, inc, parts) : qty_split(t, w, count, inc, parts));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(parts[i].nanos, expected[i]);
}
#define LIST(...) ((const int64_t[]){__VA_ARGS__})

static void split_gives_the_rest_to_the_largest(void **state)
{
    (void)state;
    assert_split(false, 10 * D, LIST(6 * D, 4 * D), 2, D, LIST(6 * D, 4 * D));
    assert_split(false, 11 * D, LIST(D, 2 * D, D), 3, D, LIST(2 * D, 7 * D, 2 * D));
    assert_split(false, 10 * D, LIST(D, D, D), 3, D, LIST(4 * D, 3 * D, 3 * D)); // first among equals
    assert_split(false, 10, LIST(3, 3, 3), 3, 1, LIST(4, 3, 3));
    assert_split(false, D, LIST(1, 2, 3), 3, D, LIST(0, 0, D));
    assert_split(false, D + 5, LIST(1, 1), 2, D, LIST(D + 5, 0)); // not a multiple: nothing is lost
    assert_split(false, 7, LIST(9), 1, D, LIST(7));
    assert_split(false, 0, LIST(1, 2), 2, 1, LIST(0, 0));
    assert_split(false, INT64_MAX, LIST(INT64_MAX, INT64_MAX), 2, 1, LIST(INT64_MAX / 2 + 1, INT64_MAX / 2));
    assert_split(false, 10 * D, LIST(0, 5), 2, D, LIST(0, 10 * D));
}

static void split_refuses_nonsense(void **state)
{
    (void)state;
    struct qty zero[2] = {{0}, {0}}, minus[2] = {{5}, {-1}}, good[2] = {{5}, {1}}, parts[2];
    for (int i = 0; i < 2; i++) {
        bool (*fn)(struct qty, const struct qty *, size_t, struct qty, struct qty *) = i ? qty_share : qty_split;
        assert_false(fn((struct qty){D}, zero, 2, (struct qty){1}, parts));
        assert_false(fn((struct qty){D}, minus, 2, (struct qty){1}, parts));
        assert_false(fn((struct qty){-1}, good, 2, (struct qty){1}, parts));
        assert_false(fn((struct qty){D}, good, 0, (struct qty){1}, parts));
        assert_false(fn((struct qty){D}, good, 2, (struct qty){0}, parts));
    }
}

static void share_gives_nobody_too_much(void **state)
{
    (void)state;
    assert_split(true, 2 * D, LIST(D, D, D), 3, D, LIST(D, D, 0));
    assert_split(true, 3 * D, LIST(D, D, D), 3, D, LIST(D, D, D));
    assert_split(true, 10 * D, LIST(6 * D, 4 * D), 2, D, LIST(6 * D, 4 * D));
    assert_split(true, 5 * D, LIST(6 * D, 4 * D), 2, D, LIST(3 * D, 2 * D));
    assert_split(true, 3 * D / 2 + 2, LIST(D, D / 2 + 2), 2, D, LIST(D, D / 2 + 2)); // all of it, increment or not
    assert_split(true, 12 * D, LIST(6 * D, 4 * D), 2, D, LIST(8 * D, 4 * D));        // beyond all wants
    assert_split(true, 0, LIST(6 * D, 4 * D), 2, D, LIST(0, 0));
}

// Whatever comes in, in whatever pieces: the sum holds at every step, nobody is given more than its allocation, and
// after the last fill every allocation is met exactly.
static void fills_meet_allocations(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        uint64_t r = seed * UINT64_C(0x9e3779b97f4a7c15);
        size_t count = 1 + next_random(&r) % 6;
        bool whole = next_random(&r) % 2;
        int64_t increment = next_random(&r) % 2 ? D : 1, left = 0;
        struct qty lacks[6], parts[6];
        for (size_t i = 0; i < count; i++) {
            lacks[i].nanos =
                whole ? (int64_t)(1 + next_random(&r) % 50) * D : (int64_t)(1 + next_random(&r) % (50 * D));
            left += lacks[i].nanos;
        }
        while (left > 0) {
            int64_t fill = 1 + (int64_t)(next_random(&r) % (uint64_t)left);
            if (whole)
                fill = fill < D ? D : fill / D * D;
            assert_true(qty_share((struct qty){fill}, lacks, count, (struct qty){increment}, parts));
            int64_t sum = 0;
            for (size_t i = 0; i < count; i++) {
                assert_true(parts[i].nanos >= 0 && parts[i].nanos <= lacks[i].nanos);
                sum += parts[i].nanos;
                lacks[i].nanos -= parts[i].nanos;
            }
            assert_int_equal(sum, fill);
            left -= fill;
        }
        for (size_t i = 0; i < count; i++)
            assert_int_equal(lacks[i].nanos, 0);
    }
}

static void split_sums_hold(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        uint64_t r = seed * UINT64_C(0x9e3779b97f4a7c15);
        size_t count = 1 + next_random(&r) % 8;
        struct qty weights[8], parts[8], total = {(int64_t)(next_random(&r) >> 1)};
        int64_t increment = 1 + (int64_t)(next_random(&r) % (2 * D));
        for (size_t i = 0; i < count; i++)
            weights[i].nanos = (int64_t)((next_random(&r) >> 1) | 1);
        assert_true(qty_split(total, weights, count, (struct qty){increment}, parts));
        __int128 sum = 0;
        size_t off = 0;
        for (size_t i = 0; i < count; i++) {
            assert_true(parts[i].nanos >= 0);
            off += parts[i].nanos % increment != 0;
            sum += parts[i].nanos;
        }
        assert_true(sum == total.nanos);
        assert_true(off <= 1); // only the one with the remainder
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cost_is_averaged),         cmocka_unit_test(shorts_mirror_longs),
        cmocka_unit_test(rows_are_sorted),          cmocka_unit_test(set_writes_a_row),
        cmocka_unit_test(overflow_leaves_the_book), cmocka_unit_test(split_gives_the_rest_to_the_largest),
        cmocka_unit_test(split_refuses_nonsense),   cmocka_unit_test(share_gives_nobody_too_much),
        cmocka_unit_test(fills_meet_allocations),   cmocka_unit_test(split_sums_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
