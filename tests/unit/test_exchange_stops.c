// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
// needs: daemon/sim/exchange*.o daemon/sim/market*.o
//
// Stop, stop limit and trailing orders: when they are triggered, what they fill at, what they cost while open.
#include "tests/unit/exchange_rig.h"

static void a_sell_stop_waits_for_its_price_and_then_fills_at_the_bid(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    bought(&w, "SPY", "10");
    struct exchange_request r = stop("SPY", ORDER_SELL, "10", "295");
    const struct exchange_order *o = accepted(&w, &r);
    pass(&w, 30 * NS_PER_S);
    assert_int_equal(o->status, ORDER_NEW);
    assert_decimal(exchange_position_find(w.exchange, w.spy)->held.nanos, "10");
    fix(&w, w.spy, "295.01");
    pass(&w, 5 * NS_PER_S);
    assert_int_equal(o->status, ORDER_NEW);
    fix(&w, w.spy, "294.5");
    pass(&w, 5 * NS_PER_S);
    assert_int_equal(o->status, ORDER_FILLED);
    assert_decimal(o->filled_avg_price.nanos, "294.5");
    assert_decimal(exchange_cash(w.exchange).nanos, "99945"); // 10 * (294.5 - 300)
    nothing_is_held(&w);
    world_free(&w);
}

static void a_buy_stop_fills_no_further_than_its_cap(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    fix(&w, w.tlt, "40");
    struct exchange_request dear = stop("SPY", ORDER_BUY, "2", "310"), cheap = stop("TLT", ORDER_BUY, "1", "45");
    const struct exchange_order *a = accepted(&w, &dear), *b = accepted(&w, &cheap);
    // 2.5% above 310 and 4% above 45: 2 * 317.75 + 46.80
    assert_decimal(exchange_account_at(w.exchange, w.now).reserved.nanos, "682.3");
    fix(&w, w.spy, "317.76");
    fix(&w, w.tlt, "46.8");
    pass(&w, 5 * NS_PER_S);
    assert_int_equal(a->status, ORDER_NEW); // triggered, but a cent too dear
    assert_int_equal(b->status, ORDER_FILLED);
    assert_decimal(b->filled_avg_price.nanos, "46.8");
    fix(&w, w.spy, "305");
    pass(&w, 5 * NS_PER_S);
    assert_int_equal(a->status, ORDER_FILLED); // below its stop, but it was triggered
    assert_decimal(a->filled_avg_price.nanos, "305");
    nothing_is_held(&w);
    world_free(&w);
}

static void a_stop_limit_order_turns_into_a_limit_order(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    bought(&w, "SPY", "4");
    struct exchange_request r = stop("SPY", ORDER_SELL, "4", "295");
    r.type = ORDER_STOP_LIMIT;
    r.limit = price_of("294");
    const struct exchange_order *o = accepted(&w, &r);
    fix(&w, w.spy, "293");
    pass(&w, 5 * NS_PER_S);
    assert_int_equal(o->status, ORDER_NEW);
    fix(&w, w.spy, "296");
    pass(&w, 5 * NS_PER_S);
    assert_int_equal(o->status, ORDER_FILLED);
    assert_decimal(o->filled_avg_price.nanos, "296");
    world_free(&w);
}

static void a_trailing_stop_follows_the_high_and_never_goes_back(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    bought(&w, "SPY", "4");
    struct exchange_request r = request("SPY", ORDER_SELL, "2");
    r.type = ORDER_TRAILING_STOP;
    r.trail_price = price_of("5");
    const struct exchange_order *dollars = accepted(&w, &r);
    r.trail_price.given = false;
    r.has_trail_percent = true;
    r.trail_percent.nanos = dec("1");
    const struct exchange_order *percent = accepted(&w, &r);
    assert_decimal(dollars->hwm.nanos, "300");
    assert_decimal(dollars->stop_price.nanos, "295");
    assert_decimal(percent->stop_price.nanos, "297");
    pass(&w, 5 * NS_PER_S);
    fix(&w, w.spy, "302");
    pass(&w, 5 * NS_PER_S);
    assert_decimal(dollars->hwm.nanos, "302");
    fix(&w, w.spy, "310.55");
    pass(&w, 5 * NS_PER_S);
    fix(&w, w.spy, "308");
    pass(&w, 5 * NS_PER_S);
    assert_decimal(dollars->hwm.nanos, "310.55");
    assert_decimal(dollars->stop_price.nanos, "305.55");
    assert_decimal(percent->stop_price.nanos, "307.44"); // 310.55 less 3.1055, in cents
    fix(&w, w.spy, "307.44");
    pass(&w, 5 * NS_PER_S);
    assert_int_equal(percent->status, ORDER_FILLED);
    assert_int_equal(dollars->status, ORDER_NEW);
    fix(&w, w.spy, "305");
    pass(&w, 5 * NS_PER_S);
    assert_int_equal(dollars->status, ORDER_FILLED);
    assert_decimal(dollars->filled_avg_price.nanos, "305");
    world_free(&w);
}

static void a_trailing_buy_follows_the_low(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = request("SPY", ORDER_BUY, "1");
    r.type = ORDER_TRAILING_STOP;
    r.trail_price = price_of("3");
    const struct exchange_order *o = accepted(&w, &r);
    assert_decimal(o->stop_price.nanos, "303");
    assert_decimal(exchange_account_at(w.exchange, w.now).reserved.nanos, "310.575"); // as of a buy stop
    r.trail_price.given = false;
    r.has_trail_percent = true;
    r.trail_percent.nanos = dec("2");
    const struct exchange_order *percent = accepted(&w, &r);
    assert_decimal(exchange_account_at(w.exchange, w.now).reserved.nanos, "624.225"); // and 306 * 1.025
    struct exchange_refusal why;
    assert_int_equal(exchange_cancel(w.exchange, percent->id, w.now, &why), 0);
    fix(&w, w.spy, "290");
    pass(&w, 5 * NS_PER_S);
    assert_decimal(o->hwm.nanos, "290");
    assert_decimal(o->stop_price.nanos, "293");
    fix(&w, w.spy, "293.5");
    pass(&w, 5 * NS_PER_S);
    assert_int_equal(o->status, ORDER_FILLED);
    assert_decimal(o->filled_avg_price.nanos, "293.5");
    nothing_is_held(&w);
    world_free(&w);
}

static void stops_are_refused_when_their_price_is_wrong(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    bought(&w, "SPY", "4");
    struct exchange_request r = stop("SPY", ORDER_SELL, "1", "300");
    refused(&w, &r, 422, 42210000, "stop price must be less than current price");
    r.side = ORDER_BUY;
    refused(&w, &r, 422, 42210000, "stop price must be greater than current price");
    r = stop("SPY", ORDER_SELL, "1", "290.001");
    refused(&w, &r, 422, 42210000,
            "invalid stop_price 290.001. sub-penny increment does not fulfill minimum pricing criteria");
    r = stop("SPY", ORDER_SELL, "1", "0");
    refused(&w, &r, 422, 40010001, "stop price must be > 0");
    r.stop.given = false;
    refused(&w, &r, 422, 40010001, "stop orders require a stop price");
    r.type = ORDER_STOP_LIMIT;
    r.limit = price_of("290");
    refused(&w, &r, 422, 40010001, "stop limit orders require both stop and limit price");
    r = request("SPY", ORDER_SELL, "1");
    r.stop = price_of("290");
    refused(&w, &r, 422, 40010001, "market orders require no stop or limit price");
    r.stop.given = false;
    r.type = ORDER_TRAILING_STOP;
    refused(&w, &r, 422, 40010001, "trailing stop orders must specify one of trail_price or trail_percent");
    r.trail_price = price_of("1");
    r.has_trail_percent = true;
    r.trail_percent.nanos = dec("1");
    refused(&w, &r, 422, 40010001, "trailing stop orders must specify one of trail_price or trail_percent");
    r.trail_price.given = false;
    r.trail_percent.nanos = dec("0.09");
    refused(&w, &r, 422, 40010001, "trail_percent must be >= 0.1");
    r.trail_percent.nanos = dec("0.1");
    r.tif = TIF_IOC;
    refused(&w, &r, 422, 42210000, "trailing_stop orders must be DAY or GTC orders");
    assert_int_equal(exchange_order_count(w.exchange), 1);
    world_free(&w);
}

static void stops_rest_while_the_market_is_closed(void **state)
{
    (void)state;
    struct world w = world_made(usual, true, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    bought(&w, "SPY", "1");
    struct exchange_request r = stop("SPY", ORDER_SELL, "1", "295");
    r.tif = TIF_GTC;
    const struct exchange_order *o = accepted(&w, &r);
    pass(&w, 5 * NS_PER_S);
    go_to(&w, "2026-11-20T21:00:00Z");
    fix(&w, w.spy, "290");
    go_to(&w, "2026-11-23T14:29:59Z");
    assert_int_equal(o->status, ORDER_NEW);
    assert_false(o->triggered);
    go_to(&w, "2026-11-23T14:31:00Z");
    assert_int_equal(o->status, ORDER_FILLED);
    world_free(&w);
}

int main(void)
{
    if (when_zone_init(NULL) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sell_stop_waits_for_its_price_and_then_fills_at_the_bid),
        cmocka_unit_test(a_buy_stop_fills_no_further_than_its_cap),
        cmocka_unit_test(a_stop_limit_order_turns_into_a_limit_order),
        cmocka_unit_test(a_trailing_stop_follows_the_high_and_never_goes_back),
        cmocka_unit_test(a_trailing_buy_follows_the_low),
        cmocka_unit_test(stops_are_refused_when_their_price_is_wrong),
        cmocka_unit_test(stops_rest_while_the_market_is_closed),
    };
    return cmocka_run_group_tests_name("exchange_stops", tests, NULL, NULL);
}
