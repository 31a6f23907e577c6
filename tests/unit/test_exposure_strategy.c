// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/exposure*.o
// A strategy's own exposure: its book, its open buys, and what they filled until a book shows it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/exposure_rig.h"

// Of the strategy "core": so many shares of a symbol in its book, as asked for then.
static void books(struct exposure *e, const char *symbol, int64_t shares, int64_t asked, int64_t unbooked)
{
    struct book b[2];
    book_init(&b[0], "core");
    book_init(&b[1], "other");
    assert_true(book_set(&b[0], symbol, SHARES(shares), USD(1)));
    assert_true(book_set(&b[1], "SPY", SHARES(50), USD(1)));
    exposure_set_books(e, &(struct ledger_books){.books = b, .count = 2, .asked_boot_ns = asked, .unbooked = unbooked});
    book_free(&b[0]);
    book_free(&b[1]);
}

static struct intent core(const char *id, enum order_side side, int64_t shares, int64_t usd)
{
    struct intent in = intent_of(id, side, shares, usd);
    in.run_id[0] = '\0';
    strcpy(in.strategy, "core");
    return in;
}

static struct risk_view view_of_intent(const struct exposure *e, const struct intent *in)
{
    struct risk_view v;
    assert_true(exposure_view_intent(e, in, NOW, &v));
    return v;
}

#define GROSS(e, in) (view_of_intent(e, in).strategy_gross.nanos)

static void only_what_a_strategy_places_itself_is_asked_for(void **state)
{
    (void)state;
    struct exposure *e = with_account(); // SPY at 100
    struct intent in = core("a", ORDER_BUY, 1, 100), of_run = intent_of("r", ORDER_BUY, 1, 100);
    assert_false(view_of_intent(e, &of_run).of_strategy);
    strcpy(of_run.strategy, "core");
    assert_false(view_of_intent(e, &of_run).of_strategy);
    assert_true(view_of_intent(e, &in).of_strategy);
    assert_false(view_of_intent(e, &in).strategy_known); // the books were not read
    books(e, "SPY", 3, NOW, 0);
    assert_true(view_of_intent(e, &in).strategy_known);
    assert_int_equal(GROSS(e, &in), USD(300).nanos);
    assert_int_equal(view_of_intent(e, &in).strategy_held.nanos, SHARES(3).nanos);
    books(e, "SPY", -3, NOW, 0);
    assert_int_equal(GROSS(e, &in), USD(300).nanos);
    books(e, "TLT", 3, NOW, 0); // without a price
    assert_false(view_of_intent(e, &in).strategy_known);
    strcpy(in.strategy, "new");
    assert_true(view_of_intent(e, &in).strategy_known);
    assert_int_equal(GROSS(e, &in), 0);
    exposure_free(e);
}

static void open_buys_count_until_a_book_shows_their_fills(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent in = core("a", ORDER_BUY, 2, 200), sell = core("s", ORDER_SELL, 1, 100);
    struct risk_view v;
    books(e, "SPY", 1, NOW, 0);
    exposure_reserve(e, &in, NOW);
    exposure_reserve(e, &sell, NOW);
    assert_int_equal(GROSS(e, &in), USD(300).nanos);
    assert_true(exposure_view_again(e, &in, NOW, &v)); // itself, once more
    assert_int_equal(v.strategy_gross.nanos, USD(100).nanos);
    exposure_filled(e, "a", SHARES(1), NOW + 5);
    assert_int_equal(GROSS(e, &in), USD(300).nanos);
    exposure_release(e, "a"); // the other one was not bought
    assert_int_equal(GROSS(e, &in), USD(200).nanos);
    books(e, "SPY", 1, NOW + 5, 0); // asked for at that moment: it may not be there
    assert_int_equal(GROSS(e, &in), USD(200).nanos);
    books(e, "SPY", 1, NOW + 6, 1); // they say so themselves
    assert_int_equal(GROSS(e, &in), USD(200).nanos);
    books(e, "SPY", 2, NOW + 6, 0);
    assert_int_equal(GROSS(e, &in), USD(200).nanos);
    exposure_free(e);
}

static void a_buy_in_dollars_counts_whole_until_a_book_shows_it(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent in = core("a", ORDER_BUY, 0, 200);
    in.order.notional = USD(200);
    books(e, "SPY", 1, NOW, 0);
    exposure_reserve(e, &in, NOW);
    exposure_filled(e, "a", SHARES(1), NOW + 5);
    assert_int_equal(GROSS(e, &in), USD(300).nanos);
    exposure_release(e, "a");
    assert_int_equal(GROSS(e, &in), USD(300).nanos);
    books(e, "SPY", 2, NOW + 6, 0);
    assert_int_equal(GROSS(e, &in), USD(200).nanos);
    exposure_free(e);
}

static void all_of_a_book_counts_and_nothing_of_others(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct alpaca_trade t = {.symbol = "TLT", .price = {50 * DECIMAL_ONE}, .at = NOW};
    struct intent in = core("a", ORDER_BUY, 1, 100), other = in;
    struct book b[2];
    exposure_set_trade(e, &t, NOW, NOW);
    book_init(&b[0], "core");
    book_init(&b[1], "other");
    assert_true(book_set(&b[0], "SPY", SHARES(1), USD(1)) && book_set(&b[0], "TLT", SHARES(3), USD(1)));
    assert_true(book_set(&b[1], "TLT", SHARES(5), USD(1)));
    exposure_set_books(e, &(struct ledger_books){.books = b, .count = 2, .asked_boot_ns = NOW});
    book_free(&b[0]);
    book_free(&b[1]);
    strcpy(other.strategy, "other");
    assert_int_equal(GROSS(e, &in), USD(250).nanos);
    assert_int_equal(GROSS(e, &other), USD(250).nanos);
    exposure_reserve(e, &in, NOW);
    assert_int_equal(GROSS(e, &in), USD(350).nanos);
    assert_int_equal(GROSS(e, &other), USD(250).nanos);
    exposure_free(e);
}

static void one_that_never_was_counts_nothing(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent in = core("a", ORDER_BUY, 2, 200);
    books(e, "SPY", 1, NOW, 0);
    exposure_reserve(e, &in, NOW);
    exposure_withdraw(e, "a");
    assert_int_equal(GROSS(e, &in), USD(100).nanos);
    exposure_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_a_strategy_places_itself_is_asked_for),
        cmocka_unit_test(open_buys_count_until_a_book_shows_their_fills),
        cmocka_unit_test(a_buy_in_dollars_counts_whole_until_a_book_shows_it),
        cmocka_unit_test(all_of_a_book_counts_and_nothing_of_others),
        cmocka_unit_test(one_that_never_was_counts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
