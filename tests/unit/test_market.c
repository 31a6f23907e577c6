// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
// needs: daemon/sim/market*.o
//
// The simulated market: prices that begin at an older bar, splits that come overnight, phases of a day, fixed prices.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/sim/market.h"
#include "lib/base/text.h"

#define DATA "conf/sample-data"

static int64_t at(const char *text)
{
    int64_t ns;
    assert_true(when_parse(text, &ns));
    return ns;
}

static void assert_decimal(int64_t nanos, const char *text)
{
    char buf[DECIMAL_TEXT_MAX];
    assert_string_equal(decimal_format(nanos, buf), text);
}

static struct market *market_made(bool exchange_hours, int speed, struct day begin, int64_t now)
{
    struct market_params p = {.seed = 3, .exchange_hours = exchange_hours, .speed = speed, .begin = begin};
    struct market *m = market_new(&p);
    assert_int_equal(market_load(m, DATA, NULL), 0);
    struct err err = {.text = ""};
    if (market_start(m, now, &err) != 0)
        fail_msg("%s", err.text);
    return m;
}

static int64_t last(struct market *m, const char *symbol, int64_t now)
{
    struct market_quote q;
    market_quote(m, market_find(m, symbol), now, &q);
    return q.last.nanos;
}

// Friday 2020-08-28 is replayed on Friday 2026-11-20, so the split of Monday comes on 2026-11-23.
static const struct day friday = {2020, 8, 28};

static void prices_begin_at_the_bar_that_is_asked_for(void **state)
{
    (void)state;
    int64_t now = at("2026-11-20T15:00:00Z");
    struct market *m = market_made(true, 1, friday, now);
    const struct market_symbol *aapl = market_find(m, "AAPL");
    int64_t open = last(m, "AAPL", at("2026-11-20T14:30:00Z")), close = last(m, "AAPL", at("2026-11-20T20:59:59Z"));
    struct market_bar day = market_history_at(m, aapl, market_history_count(m, aapl, at("2026-11-21T15:00:00Z")) - 1,
                                              false, at("2026-11-21T15:00:00Z"));
    assert_int_equal(day_compare(day.date, (struct day){2026, 11, 20}), 0);
    assert_true(llabs(open - day.open.nanos) < DECIMAL_ONE / 2 && llabs(close - day.close.nanos) < DECIMAL_ONE / 2);
    assert_true(day.close.nanos > 400 * DECIMAL_ONE); // as it was before the split
    market_free(m);
}

static void a_split_comes_at_midnight_and_prices_follow(void **state)
{
    (void)state;
    for (int speed = 1; speed <= 7; speed += 6) {
        struct market *m = market_made(true, speed, friday, at("2026-11-20T15:00:00Z"));
        assert_int_equal(market_action_count(m), 1);
        struct market_action split = market_action_at(m, 0);
        assert_string_equal(market_symbol_name(split.symbol), "AAPL");
        assert_int_equal(split.new_rate, 4);
        assert_int_equal(split.old_rate, 1);
        assert_int_equal(split.at, at("2026-11-23T05:00:00Z"));
        int64_t before = last(m, "AAPL", split.at - 1), after = last(m, "AAPL", split.at);
        assert_true(llabs(before - 4 * after) <= 4 * DECIMAL_ONE / 100);
        assert_int_equal(last(m, "SPY", split.at - 1), last(m, "SPY", split.at));
        market_free(m);
    }
}

static void history_is_adjusted_for_what_has_happened_only(void **state)
{
    (void)state;
    struct market *m = market_made(true, 1, friday, at("2026-11-20T15:00:00Z"));
    const struct market_symbol *aapl = market_find(m, "AAPL");
    int64_t friday_noon = at("2026-11-20T17:00:00Z"), monday = at("2026-11-23T17:00:00Z");
    size_t i = market_history_count(m, aapl, friday_noon) - 1; // Thursday
    struct market_bar raw = market_history_at(m, aapl, i, false, friday_noon),
                      then = market_history_at(m, aapl, i, true, friday_noon),
                      later = market_history_at(m, aapl, i, true, monday);
    assert_int_equal(raw.close.nanos, then.close.nanos);
    assert_int_equal(later.close.nanos, (raw.close.nanos + 2) / 4);
    assert_int_equal(later.volume, raw.volume * 4);
    assert_int_equal(market_history_at(m, aapl, i, false, monday).close.nanos, raw.close.nanos);
    assert_true(llabs(market_last_close(m, aapl, monday).nanos * 4 - market_last_close(m, aapl, friday_noon).nanos) <
                20 * DECIMAL_ONE); // both in shares as they are then
    market_free(m);
}

static void a_begin_without_bar_is_refused(void **state)
{
    (void)state;
    struct market_params p = {.seed = 3, .speed = 1, .begin = {2020, 8, 29}}; // a Saturday
    struct market *m = market_new(&p);
    struct err err = {.text = ""};
    assert_int_equal(market_load(m, DATA, NULL), 0);
    assert_int_equal(market_start(m, at("2026-11-20T15:00:00Z"), &err), -1);
    assert_non_null(strstr(err.text, "no bar of 2020-08-29"));
    market_free(m);
}

static void assert_phase(struct market *m, const char *now, enum market_phase phase, const char *until)
{
    int64_t ends;
    assert_string_equal(market_phase_name(market_phase_at(m, at(now), &ends)), market_phase_name(phase));
    assert_int_equal(ends, at(until));
}

static void a_day_has_four_phases(void **state)
{
    (void)state;
    struct market *m = market_made(true, 1, (struct day){0}, at("2026-11-20T15:00:00Z"));
    assert_phase(m, "2026-11-20T08:59:59Z", MARKET_CLOSED, "2026-11-20T09:00:00Z");
    assert_phase(m, "2026-11-20T09:00:00Z", MARKET_PRE, "2026-11-20T14:30:00Z");
    assert_phase(m, "2026-11-20T14:30:00Z", MARKET_CORE, "2026-11-20T21:00:00Z");
    assert_phase(m, "2026-11-20T21:00:00Z", MARKET_POST, "2026-11-21T01:00:00Z");
    assert_phase(m, "2026-11-21T01:00:00Z", MARKET_CLOSED, "2026-11-23T09:00:00Z");
    assert_phase(m, "2026-11-22T18:00:00Z", MARKET_CLOSED, "2026-11-23T09:00:00Z"); // Sunday
    assert_phase(m, "2026-11-27T18:00:00Z", MARKET_POST, "2026-11-27T22:00:00Z");   // early close
    market_free(m);
    m = market_made(false, 1, (struct day){0}, at("2026-11-20T15:00:00Z"));
    assert_phase(m, "2026-11-21T23:00:00Z", MARKET_CORE, "2026-11-22T05:00:00Z"); // around the clock
    market_free(m);
}

static void a_fixed_price_does_not_change_the_past(void **state)
{
    (void)state;
    struct market *m = market_made(false, 1, (struct day){0}, at("2026-11-20T15:00:00Z"));
    const struct market_symbol *spy = market_find(m, "SPY");
    int64_t early = last(m, "SPY", at("2026-11-20T15:05:00Z"));
    const struct market_quote a = {{DECIMAL_ONE}, {3 * DECIMAL_ONE}, {2 * DECIMAL_ONE}}, none = {{0}, {0}, {0}};
    market_fix_price_at(m, spy, a, at("2026-11-20T15:10:00Z"));
    assert_decimal(last(m, "SPY", at("2026-11-20T15:10:00Z")), "2");
    assert_int_equal(last(m, "SPY", at("2026-11-20T15:05:00Z")), early);
    market_fix_price_at(m, spy, none, at("2026-11-20T15:20:00Z"));
    assert_decimal(last(m, "SPY", at("2026-11-20T15:19:59Z")), "2");
    assert_true(last(m, "SPY", at("2026-11-20T15:20:00Z")) > 300 * DECIMAL_ONE);
    market_free(m);
}

static void a_reverse_split_raises_earlier_prices(void **state)
{
    (void)state;
    struct market_params p = {.seed = 3, .exchange_hours = true, .speed = 1, .begin = friday};
    struct market *m = market_new(&p);
    assert_int_equal(market_load(m, DATA, NULL), 0);
    assert_int_equal(market_add_split(m, "TLT", (struct day){2020, 8, 27}, 2, 3, NULL), 0);
    assert_int_equal(market_add_split(m, "TLT", friday, 3, 3, NULL), -1);
    assert_int_equal(market_add_split(m, "TLT", friday, 1, 1001, NULL), -1);
    int64_t now = at("2026-11-20T15:00:00Z");
    assert_int_equal(market_start(m, now, NULL), 0);
    const struct market_symbol *tlt = market_find(m, "TLT");
    size_t n = market_history_count(m, tlt, now);
    struct market_bar raw = market_history_at(m, tlt, n - 2, 0, now),
                      split = market_history_at(m, tlt, n - 2, MARKET_ADJUST_SPLIT, now);
    assert_int_equal(split.close.nanos, raw.close.nanos * 3 / 2);
    assert_int_equal(split.volume, raw.volume * 2 / 3);
    assert_int_equal(market_history_at(m, tlt, n - 1, MARKET_ADJUST_SPLIT, now).close.nanos,
                     market_history_at(m, tlt, n - 1, 0, now).close.nanos);
    market_free(m);
}

static void a_dividend_is_taken_off_earlier_prices_when_asked(void **state)
{
    (void)state;
    struct market_params p = {.seed = 3, .exchange_hours = true, .speed = 1, .begin = friday};
    struct market *m = market_new(&p);
    const struct price share = {2 * DECIMAL_ONE};
    assert_int_equal(market_load(m, DATA, NULL), 0);
    assert_int_equal(market_add_dividend(m, "SPY", (struct day){2020, 8, 27}, share, NULL), 0);
    assert_int_equal(market_add_dividend(m, "SPY", (struct day){2020, 8, 31}, share, NULL), 0); // still to come
    assert_int_equal(market_add_dividend(m, "SPY", friday, (struct price){0}, NULL), -1);
    assert_int_equal(market_add_dividend(m, "NOPE", friday, share, NULL), -1);
    int64_t now = at("2026-11-20T15:00:00Z");
    assert_int_equal(market_start(m, now, NULL), 0);
    const struct market_symbol *spy = market_find(m, "SPY");
    size_t n = market_history_count(m, spy, now);
    const unsigned both = MARKET_ADJUST_SPLIT | MARKET_ADJUST_DIVIDEND;
    struct market_bar raw = market_history_at(m, spy, n - 2, 0, now),
                      less = market_history_at(m, spy, n - 2, both, now);
    assert_true(llabs(raw.close.nanos - less.close.nanos - share.nanos) <=
                1000); // the day before: exactly the dividend
    assert_int_equal(raw.volume, less.volume);
    assert_int_equal(market_history_at(m, spy, n - 1, both, now).close.nanos,
                     market_history_at(m, spy, n - 1, 0, now).close.nanos); // on the ex-date itself: nothing
    market_free(m);
}

static void halts_of_the_market_come_on_their_day(void **state)
{
    (void)state;
    struct market *m = market_made(true, 1, (struct day){2020, 3, 17}, at("2026-11-19T15:00:00Z"));
    assert_false(market_halted(m, at("2026-11-20T17:56:16Z"))); // 2020-03-18 comes a day later
    assert_true(market_halted(m, at("2026-11-20T17:56:17Z")));
    assert_true(market_halted(m, at("2026-11-20T18:11:16Z")));
    assert_false(market_halted(m, at("2026-11-20T18:11:17Z")));
    assert_false(market_halted(m, at("2026-11-19T18:00:00Z")));
    market_free(m);
    m = market_made(false, 1, (struct day){2020, 3, 18}, at("2026-11-20T15:00:00Z"));
    assert_false(market_halted(m, at("2026-11-20T18:00:00Z"))); // around the clock nothing halts by itself
    assert_int_equal(market_add_halt(m, (struct day){2020, 3, 18}, 60, 60, NULL), -1);
    market_free(m);
}

int main(void)
{
    if (when_zone_init(NULL) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prices_begin_at_the_bar_that_is_asked_for),
        cmocka_unit_test(a_split_comes_at_midnight_and_prices_follow),
        cmocka_unit_test(history_is_adjusted_for_what_has_happened_only),
        cmocka_unit_test(a_begin_without_bar_is_refused),
        cmocka_unit_test(a_day_has_four_phases),
        cmocka_unit_test(a_fixed_price_does_not_change_the_past),
        cmocka_unit_test(a_reverse_split_raises_earlier_prices),
        cmocka_unit_test(a_dividend_is_taken_off_earlier_prices_when_asked),
        cmocka_unit_test(halts_of_the_market_come_on_their_day),
    };
    return cmocka_run_group_tests_name("market", tests, NULL, NULL);
}
