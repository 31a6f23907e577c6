// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
// needs: daemon/sim/exchange*.o daemon/sim/market*.o
//
// What moves cash and shares without a trade: splits overnight, fees, deposits.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/sim/exchange.h"
#include "lib/base/text.h"

#define FRIDAY "2026-11-20T15:00:00Z" // replays 2020-08-28; AAPL splits 4:1 at Monday's midnight
#define MONDAY "2026-11-23T05:00:00Z"

struct world {
    struct market *market;
    struct exchange *exchange;
    const struct market_symbol *aapl, *spy;
    int64_t now;
};

static int64_t at(const char *text)
{
    int64_t ns;
    assert_true(when_parse(text, &ns));
    return ns;
}

static int64_t dec(const char *text)
{
    int64_t nanos;
    assert_int_equal(decimal_parse(text, strlen(text), DECIMAL_EXACT, &nanos), DECIMAL_OK);
    return nanos;
}

static void assert_decimal(int64_t nanos, const char *text)
{
    char buf[DECIMAL_TEXT_MAX];
    assert_string_equal(decimal_format(nanos, buf), text);
}

static struct world world_made(bool exchange_hours, enum exchange_fees fees)
{
    struct market_params mp = {.seed = 3, .exchange_hours = exchange_hours, .speed = 1, .begin = {2020, 8, 28}};
    struct world w = {.now = at(FRIDAY), .market = market_new(&mp)};
    assert_int_equal(market_load(w.market, "conf/sample-data", NULL), 0);
    assert_int_equal(market_add_dividend(w.market, "SPY", (struct day){2020, 8, 31}, (struct price){1234567890}, NULL),
                     0);
    assert_int_equal(market_add_split(w.market, "GLD", (struct day){2020, 8, 31}, 1, 8, NULL), 0);
    assert_int_equal(market_start(w.market, w.now, NULL), 0);
    struct exchange_params p = {.seed = 7,
                                .market = w.market,
                                .cash = {100000 * DECIMAL_ONE},
                                .multiplier = 4,
                                .shorting = true,
                                .fill_delay_ns = 10 * NS_PER_MS,
                                .fees = fees,
                                .started = w.now};
    w.exchange = exchange_new(&p);
    w.aapl = market_find(w.market, "AAPL");
    w.spy = market_find(w.market, "SPY");
    return w;
}

static void world_free(struct world *w)
{
    exchange_free(w->exchange);
    market_free(w->market);
}

static void move_to(struct world *w, int64_t now)
{
    w->now = now;
    exchange_advance(w->exchange, now);
}

static const struct exchange_order *ordered(struct world *w, const char *symbol, enum order_side side, const char *qty,
                                            const char *limit)
{
    struct exchange_request r = {
        .has_type = true, .has_tif = true, .side = side, .type = ORDER_MARKET, .tif = TIF_DAY, .has_qty = true};
    const struct exchange_order *o = NULL;
    struct exchange_refusal why = {0};
    snprintf(r.symbol, sizeof r.symbol, "%s", symbol);
    r.qty.nanos = dec(qty);
    if (limit != NULL) {
        r.type = ORDER_LIMIT;
        r.tif = TIF_GTC;
        r.limit = (struct exchange_price){true, {dec(limit)}};
    }
    if (exchange_submit(w->exchange, &r, w->now, &o, &why) != 0)
        fail_msg("refused: %s", why.message);
    if (limit == NULL) {
        move_to(w, w->now + NS_PER_S);
        assert_int_equal(o->status, ORDER_FILLED);
    }
    return o;
}

static void a_split_multiplies_the_position_and_leaves_its_cost(void **state)
{
    (void)state;
    for (int hours = 0; hours <= 1; hours++) {
        struct world w = world_made(hours == 1, EXCHANGE_FEES_NONE);
        const char *day = hours == 1 ? MONDAY : "2026-11-21T05:00:00Z"; // around the clock the next day is a session
        ordered(&w, "AAPL", ORDER_BUY, "10.5", NULL);
        ordered(&w, "TLT", ORDER_BUY, "3", NULL);
        const struct exchange_position *p = exchange_position_find(w.exchange, w.aapl);
        int64_t cost = p->cost.nanos, cash = exchange_cash(w.exchange).nanos;
        move_to(&w, at(day) - 1);
        assert_decimal(p->qty.nanos, "10.5");
        struct exchange_account before = exchange_account_at(w.exchange, w.now);
        move_to(&w, at(day));
        struct exchange_account after = exchange_account_at(w.exchange, w.now);
        assert_decimal(p->qty.nanos, "42");
        assert_int_equal(p->cost.nanos, cost);
        assert_int_equal(exchange_cash(w.exchange).nanos, cash);
        assert_decimal(exchange_position_find(w.exchange, market_find(w.market, "TLT"))->qty.nanos, "3");
        if (hours == 1) // around the clock Monday's open comes at once; prices are in cents
            assert_true(llabs(after.equity.nanos - before.equity.nanos) <= DECIMAL_ONE);
        assert_int_equal(exchange_nta_count(w.exchange), 2);
        const struct exchange_nta *gone = exchange_nta_at(w.exchange, 0), *come = exchange_nta_at(w.exchange, 1);
        assert_decimal(gone->qty.nanos, "-10.5");
        assert_decimal(come->qty.nanos, "42");
        assert_string_equal(come->type, "SPLIT");
        assert_string_equal(gone->group_id, come->group_id);
        assert_true(strncmp(come->id, hours == 1 ? "20261123000000000::" : "20261121000000000::", 19) == 0 &&
                    strcmp(come->id, gone->id) != 0);
        move_to(&w, at("2026-12-04T12:00:00Z"));
        assert_decimal(p->qty.nanos, "42"); // once
        world_free(&w);
    }
}

static void a_reverse_split_leaves_fractions(void **state)
{
    (void)state;
    struct world w = world_made(true, EXCHANGE_FEES_NONE);
    ordered(&w, "GLD", ORDER_BUY, "10", NULL);
    const struct exchange_position *p = exchange_position_find(w.exchange, market_find(w.market, "GLD"));
    int64_t cost = p->cost.nanos;
    move_to(&w, at(MONDAY));
    assert_decimal(p->qty.nanos, "1.25");
    assert_int_equal(p->cost.nanos, cost);
    assert_int_equal(exchange_nta_count(w.exchange), 2);
    assert_string_equal(exchange_nta_at(w.exchange, 1)->sub_type, "RSPLIT");
    assert_decimal(exchange_nta_at(w.exchange, 0)->qty.nanos, "-10");
    assert_decimal(exchange_nta_at(w.exchange, 1)->qty.nanos, "1.25");
    world_free(&w);
}

static void a_dividend_is_paid_for_what_was_held(void **state)
{
    (void)state;
    for (int sold = 0; sold <= 1; sold++) {
        struct world w = world_made(true, EXCHANGE_FEES_NONE);
        ordered(&w, "SPY", sold == 1 ? ORDER_SELL : ORDER_BUY, "7", NULL);
        int64_t cash = exchange_cash(w.exchange).nanos;
        move_to(&w, at(MONDAY) - 1);
        assert_int_equal(exchange_nta_count(w.exchange), 0);
        move_to(&w, at(MONDAY));
        assert_int_equal(exchange_nta_count(w.exchange), 1);
        const struct exchange_nta *n = exchange_nta_at(w.exchange, 0);
        assert_string_equal(n->type, "DIV");
        assert_string_equal(n->sub_type, "CDIV");
        assert_decimal(n->per_share.nanos, "1.23456789");
        assert_decimal(n->qty.nanos, sold == 1 ? "-7" : "7");
        assert_decimal(n->net_amount.nanos, sold == 1 ? "-8.64" : "8.64");
        assert_int_equal(exchange_cash(w.exchange).nanos - cash, n->net_amount.nanos);
        world_free(&w);
    }
}

static void a_short_is_split_too_and_sells_whole(void **state)
{
    (void)state;
    struct world w = world_made(false, EXCHANGE_FEES_NONE);
    ordered(&w, "AAPL", ORDER_SELL, "10", NULL);
    move_to(&w, at(MONDAY));
    assert_decimal(exchange_position_find(w.exchange, w.aapl)->qty.nanos, "-40");
    ordered(&w, "AAPL", ORDER_BUY, "40", NULL);
    assert_null(exchange_position_find(w.exchange, w.aapl));
    world_free(&w);
}

static void open_orders_of_the_symbol_are_cancelled(void **state)
{
    (void)state;
    struct world w = world_made(true, EXCHANGE_FEES_NONE);
    ordered(&w, "AAPL", ORDER_BUY, "10", NULL);
    const struct exchange_order *sell = ordered(&w, "AAPL", ORDER_SELL, "10", "900"),
                                *other = ordered(&w, "SPY", ORDER_BUY, "1", "100");
    move_to(&w, at(MONDAY) - 1);
    assert_int_equal(sell->status, ORDER_NEW);
    move_to(&w, at(MONDAY));
    assert_int_equal(sell->status, ORDER_CANCELED);
    assert_int_equal(sell->canceled_at, at(MONDAY));
    assert_int_equal(other->status, ORDER_NEW);
    assert_int_equal(exchange_position_find(w.exchange, w.aapl)->held.nanos, 0);
    move_to(&w, at("2026-11-23T15:00:00Z"));
    ordered(&w, "AAPL", ORDER_SELL, "40", NULL); // all of it is free
    world_free(&w);
}

static void a_split_before_the_account_began_does_nothing(void **state)
{
    (void)state;
    struct market_params mp = {.seed = 3, .exchange_hours = true, .speed = 1};
    struct market *m = market_new(&mp);
    assert_int_equal(market_load(m, "conf/sample-data", NULL), 0);
    assert_int_equal(market_start(m, at(FRIDAY), NULL), 0);
    assert_true(market_action_at(m, 0).at < at(FRIDAY));
    struct exchange_params p = {.seed = 7, .market = m, .cash = {DECIMAL_ONE}, .multiplier = 4, .started = at(FRIDAY)};
    struct exchange *e = exchange_new(&p);
    exchange_advance(e, at("2026-12-20T15:00:00Z"));
    assert_int_equal(exchange_nta_count(e), 0);
    exchange_free(e);
    market_free(m);
}

static void fix(struct world *w, const struct market_symbol *s, const char *price)
{
    market_fix_price(w->market, s, (struct market_quote){{dec(price)}, {dec(price)}, {dec(price)}});
}

static void fees_of_a_day_come_at_its_close(void **state)
{
    (void)state;
    struct world w = world_made(true, EXCHANGE_FEES_DAILY);
    fix(&w, w.spy, "100");
    ordered(&w, "SPY", ORDER_BUY, "500", NULL);
    assert_int_equal(exchange_fees_pending(w.exchange).nanos, 0); // buying is free
    ordered(&w, "SPY", ORDER_SELL, "300", NULL);
    ordered(&w, "SPY", ORDER_SELL, "200", NULL);
    assert_decimal(exchange_cash(w.exchange).nanos, "100000");
    assert_decimal(exchange_fees_pending(w.exchange).nanos, "1.14");
    move_to(&w, at("2026-11-20T20:59:59Z"));
    assert_int_equal(exchange_nta_count(w.exchange), 0);
    move_to(&w, at("2026-11-20T21:00:00Z"));
    assert_int_equal(exchange_nta_count(w.exchange), 2);
    const struct exchange_nta *reg = exchange_nta_at(w.exchange, 0), *taf = exchange_nta_at(w.exchange, 1);
    assert_string_equal(reg->sub_type, "REG");
    assert_decimal(reg->net_amount.nanos, "-1.04"); // 20.60 of a million, up to the cent
    assert_string_equal(taf->sub_type, "TAF");
    assert_decimal(taf->net_amount.nanos, "-0.1"); // 500 * 0.000195
    assert_decimal(exchange_cash(w.exchange).nanos, "99998.86");
    assert_int_equal(exchange_fees_pending(w.exchange).nanos, 0);
    move_to(&w, at("2026-11-24T21:00:00Z"));
    assert_int_equal(exchange_nta_count(w.exchange), 2);
    world_free(&w);
}

static void fees_of_a_fill_come_with_it(void **state)
{
    (void)state;
    struct world w = world_made(false, EXCHANGE_FEES_FILL);
    fix(&w, w.spy, "100");
    ordered(&w, "SPY", ORDER_BUY, "1", NULL);
    ordered(&w, "SPY", ORDER_SELL, "1", NULL);
    assert_int_equal(exchange_nta_count(w.exchange), 2);
    assert_int_equal(exchange_nta_at(w.exchange, 0)->at, exchange_fill_at(w.exchange, 1)->at);
    assert_decimal(exchange_cash(w.exchange).nanos, "99999.98");
    world_free(&w);
}

static void cash_moves_by_known_types_and_whole_cents(void **state)
{
    (void)state;
    struct world w = world_made(false, EXCHANGE_FEES_NONE);
    struct exchange *e = w.exchange;
    struct err err = {.text = ""};
    assert_int_equal(exchange_cash_move(e, "CSD", NULL, (struct money){dec("500.25")}, w.now, &err), 0);
    assert_int_equal(exchange_cash_move(e, "CSW", NULL, (struct money){dec("-100")}, w.now, &err), 0);
    assert_decimal(exchange_cash(e).nanos, "100400.25");
    assert_int_equal(exchange_cash_move(e, "CSW", NULL, (struct money){dec("100")}, w.now, &err), -1);
    assert_int_equal(exchange_cash_move(e, "CSD", NULL, (struct money){dec("0.001")}, w.now, &err), -1);
    assert_int_equal(exchange_cash_move(e, "FILL", NULL, (struct money){dec("1")}, w.now, &err), -1);
    assert_non_null(strstr(err.text, "FILL"));
    fix(&w, w.spy, "100");
    ordered(&w, "SPY", ORDER_BUY, "4", NULL);
    assert_int_equal(exchange_cash_move(e, "DIV", w.spy, (struct money){dec("6")}, w.now, &err), 0);
    const struct exchange_nta *div = exchange_nta_at(e, exchange_nta_count(e) - 1);
    assert_decimal(div->qty.nanos, "4");
    assert_decimal(div->per_share.nanos, "1.5");
    assert_decimal(exchange_cash(e).nanos, "100006.25");
    world_free(&w);
}

static void nothing_fills_while_the_market_is_halted(void **state)
{
    (void)state;
    struct market_params mp = {.seed = 3, .exchange_hours = true, .speed = 1, .begin = {2020, 3, 18}};
    struct world w = {.now = at("2026-11-20T17:56:20Z"), .market = market_new(&mp)};
    assert_int_equal(market_load(w.market, "conf/sample-data", NULL), 0);
    assert_int_equal(market_start(w.market, w.now, NULL), 0);
    struct exchange_params p = {.seed = 7,
                                .market = w.market,
                                .cash = {100000 * DECIMAL_ONE},
                                .multiplier = 4,
                                .fill_delay_ns = 10 * NS_PER_MS,
                                .started = w.now};
    w.exchange = exchange_new(&p);
    const struct exchange_order *o = NULL;
    struct exchange_refusal why = {0};
    struct exchange_request r = {.has_type = true,
                                 .has_tif = true,
                                 .side = ORDER_BUY,
                                 .type = ORDER_MARKET,
                                 .tif = TIF_DAY,
                                 .has_qty = true,
                                 .qty = {DECIMAL_ONE},
                                 .symbol = "SPY"};
    assert_int_equal(exchange_submit(w.exchange, &r, w.now, &o, &why), 0);
    move_to(&w, at("2026-11-20T18:11:16Z"));
    assert_int_equal(o->status, ORDER_NEW);
    move_to(&w, at("2026-11-20T18:11:19Z"));
    assert_int_equal(o->status, ORDER_FILLED);
    world_free(&w);
}

int main(void)
{
    if (when_zone_init(NULL) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_split_multiplies_the_position_and_leaves_its_cost),
        cmocka_unit_test(a_reverse_split_leaves_fractions),
        cmocka_unit_test(a_dividend_is_paid_for_what_was_held),
        cmocka_unit_test(a_short_is_split_too_and_sells_whole),
        cmocka_unit_test(open_orders_of_the_symbol_are_cancelled),
        cmocka_unit_test(a_split_before_the_account_began_does_nothing),
        cmocka_unit_test(fees_of_a_day_come_at_its_close),
        cmocka_unit_test(fees_of_a_fill_come_with_it),
        cmocka_unit_test(cash_moves_by_known_types_and_whole_cents),
        cmocka_unit_test(nothing_fills_while_the_market_is_halted),
    };
    return cmocka_run_group_tests_name("exchange_actions", tests, NULL, NULL);
}
