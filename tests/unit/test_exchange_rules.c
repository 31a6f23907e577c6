// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
// needs: daemon/sim/exchange*.o daemon/sim/market*.o
//
// Times in force, hours, auctions, halts, assets, wash trades, and many open orders.
#include "tests/unit/exchange_rig.h"

static void immediate_orders_fill_now_or_never(void **state)
{
    (void)state;
    struct exchange_params p = usual;
    p.partial_ppm = 1000000; // every fill is a part where one may be
    struct world w = world_made(p, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = limit("SPY", ORDER_BUY, "10", "299");
    r.tif = TIF_IOC;
    const struct exchange_order *miss = accepted(&w, &r);
    r = limit("SPY", ORDER_BUY, "10", "301");
    r.tif = TIF_IOC;
    const struct exchange_order *part = accepted(&w, &r);
    r.tif = TIF_FOK;
    const struct exchange_order *whole = accepted(&w, &r);
    pass(&w, 2 * NS_PER_S);
    assert_int_equal(miss->status, ORDER_CANCELED);
    assert_int_equal(part->status, ORDER_CANCELED);
    assert_in_range(part->filled_qty.nanos, DECIMAL_ONE, 9 * DECIMAL_ONE);
    assert_int_equal(whole->status, ORDER_FILLED);
    assert_decimal(whole->filled_qty.nanos, "10");
    nothing_is_held(&w);
    world_free(&w);
}

static void a_gtc_order_stays_for_ninety_days(void **state)
{
    (void)state;
    struct world w = world_made(usual, true, "2026-03-02T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = limit("SPY", ORDER_BUY, "1", "200");
    r.tif = TIF_GTC;
    const struct exchange_order *o = accepted(&w, &r);
    assert_int_equal(o->expires_at, at("2026-05-31T20:15:00Z")); // 16:15 in New York, summer by then
    go_to(&w, "2026-05-31T20:14:59Z");
    assert_int_equal(o->status, ORDER_NEW);
    go_to(&w, "2026-05-31T20:15:00Z");
    assert_int_equal(o->status, ORDER_CANCELED);
    nothing_is_held(&w);
    world_free(&w);
}

static void an_opg_order_fills_at_the_open_or_expires(void **state)
{
    (void)state;
    struct world w = world_made(usual, true, "2026-11-20T22:00:00Z"); // Friday 17:00
    fix(&w, w.spy, "300");
    struct exchange_request r = request("SPY", ORDER_BUY, "2"), low = limit("SPY", ORDER_BUY, "1", "200");
    r.tif = low.tif = TIF_OPG;
    refused(&w, &r, 403, 40310000, "opg orders must be submitted after 7:00pm and before 9:28am");
    go_to(&w, "2026-11-21T00:00:00Z"); // Friday 19:00
    const struct exchange_order *a = accepted(&w, &r), *b = accepted(&w, &low);
    assert_int_equal(a->status, ORDER_ACCEPTED);
    go_to(&w, "2026-11-23T14:27:59Z");
    accepted(&w, &low);
    go_to(&w, "2026-11-23T14:28:00Z");
    refused(&w, &low, 403, 40310000, "opg orders must be submitted after 7:00pm and before 9:28am");
    go_to(&w, "2026-11-23T14:30:00Z");
    assert_int_equal(a->status, ORDER_FILLED);
    assert_int_equal(a->filled_at, at("2026-11-23T14:30:00Z"));
    assert_int_equal(b->status, ORDER_NEW);
    refused(&w, &low, 403, 40310000, "opg orders must be submitted after 7:00pm and before 9:28am");
    fix(&w, w.spy, "199");
    go_to(&w, "2026-11-23T14:32:00Z");
    assert_int_equal(b->status, ORDER_EXPIRED); // the auction comes once
    nothing_is_held(&w);
    world_free(&w);
}

static void a_cls_order_fills_at_the_close_or_expires(void **state)
{
    (void)state;
    struct world w = world_made(usual, true, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = request("SPY", ORDER_BUY, "2"), low = limit("SPY", ORDER_BUY, "1", "200");
    r.tif = low.tif = TIF_CLS;
    const struct exchange_order *a = accepted(&w, &r), *b = accepted(&w, &low);
    go_to(&w, "2026-11-20T20:49:59Z");
    assert_int_equal(a->status, ORDER_NEW);
    accepted(&w, &low);
    go_to(&w, "2026-11-20T20:50:00Z");
    refused(&w, &low, 403, 40310000, "cls orders must be submitted after 7:00pm and before 3:50pm");
    go_to(&w, "2026-11-20T21:00:00Z");
    assert_int_equal(a->status, ORDER_FILLED);
    assert_int_equal(a->filled_at, at("2026-11-20T20:59:59.999Z"));
    assert_int_equal(b->status, ORDER_NEW);
    go_to(&w, "2026-11-20T21:02:00Z");
    assert_int_equal(b->status, ORDER_EXPIRED);
    refused(&w, &low, 403, 40310000, "cls orders must be submitted after 7:00pm and before 3:50pm");
    go_to(&w, "2026-11-21T00:00:00Z");
    assert_int_equal(accepted(&w, &low)->status, ORDER_ACCEPTED);
    world_free(&w);
}

static void what_an_auction_leaves_expires(void **state)
{
    (void)state;
    struct exchange_params p = usual;
    p.partial_ppm = 1000000;
    struct world w = world_made(p, true, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = request("SPY", ORDER_BUY, "300");
    r.tif = TIF_CLS;
    const struct exchange_order *o = accepted(&w, &r);
    go_to(&w, "2026-11-20T21:01:59Z");
    assert_int_equal(o->status, ORDER_PARTIALLY_FILLED);
    assert_int_equal(exchange_fill_count(w.exchange), 1);
    go_to(&w, "2026-11-20T21:02:00Z");
    assert_int_equal(o->status, ORDER_EXPIRED);
    go_to(&w, "2026-11-23T00:00:00Z");
    r.tif = TIF_OPG;
    o = accepted(&w, &r);
    go_to(&w, "2026-11-23T14:31:59Z");
    assert_int_equal(o->status, ORDER_PARTIALLY_FILLED);
    go_to(&w, "2026-11-23T14:32:00Z");
    assert_int_equal(o->status, ORDER_EXPIRED);
    assert_int_equal(exchange_fill_count(w.exchange), 2); // an auction comes once
    nothing_is_held(&w);
    world_free(&w);
}

static void a_notional_order_reserves_its_money(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = limit("SPY", ORDER_BUY, "1", "299");
    r.has_qty = false;
    r.has_notional = true;
    r.notional.nanos = dec("1000");
    accepted(&w, &r);
    pass(&w, NS_PER_S);
    assert_decimal(exchange_account_at(w.exchange, w.now).reserved.nanos, "1000");
    exchange_cancel_all(w.exchange, w.now);
    nothing_is_held(&w);
    world_free(&w);
}

static void extended_hours_are_for_limit_orders(void **state)
{
    (void)state;
    struct world w = world_made(usual, true, "2026-11-20T21:30:00Z"); // Friday 16:30
    fix(&w, w.spy, "300");
    struct exchange_request r = limit("SPY", ORDER_BUY, "1", "301"), plain = r, market = request("SPY", ORDER_BUY, "1");
    r.extended_hours = market.extended_hours = true;
    refused(&w, &market, 422, 42210000, "extended hours order must be DAY or GTC limit orders");
    struct exchange_request ioc = r;
    ioc.tif = TIF_IOC;
    refused(&w, &ioc, 422, 42210000, "extended hours order must be DAY or GTC limit orders");
    const struct exchange_order *a = accepted(&w, &r), *b = accepted(&w, &plain);
    assert_int_equal(a->status, ORDER_PENDING_NEW);
    assert_int_equal(b->status, ORDER_ACCEPTED);
    assert_int_equal(a->expires_at, at("2026-11-21T01:00:00Z")); // 20:00
    pass(&w, 2 * NS_PER_S);
    assert_int_equal(a->status, ORDER_FILLED);
    assert_int_equal(b->status, ORDER_ACCEPTED);
    r.limit = price_of("200");
    const struct exchange_order *c = accepted(&w, &r);
    go_to(&w, "2026-11-21T01:00:00Z");
    assert_int_equal(c->status, ORDER_EXPIRED);
    r.limit = price_of("301");
    go_to(&w, "2026-11-21T12:00:00Z"); // Saturday: the next one begins on Sunday 20:00
    c = accepted(&w, &r);
    assert_int_equal(c->status, ORDER_ACCEPTED);
    assert_int_equal(c->expires_at, at("2026-11-24T01:00:00Z"));
    go_to(&w, "2026-11-23T00:59:59Z");
    assert_int_equal(c->status, ORDER_ACCEPTED);
    go_to(&w, "2026-11-23T01:00:02Z");
    assert_int_equal(c->status, ORDER_FILLED);
    world_free(&w);
}

static void an_early_close_ends_extended_hours_at_five(void **state)
{
    (void)state;
    struct world w = {.now = at("2026-11-27T19:00:00Z")}; // Friday 14:00, closed since 13:00
    w.market = market_made(true, 1, 7);
    assert_int_equal(market_add_special_day(w.market, (struct day){2026, 11, 27}, false, 13 * 3600, NULL), 0);
    assert_int_equal(market_start(w.market, w.now, NULL), 0);
    struct exchange_params params = usual;
    params.market = w.market;
    params.started = w.now;
    w.exchange = exchange_new(&params);
    struct exchange_request r = limit("SPY", ORDER_BUY, "1", "1");
    r.extended_hours = true;
    const struct exchange_order *o = accepted(&w, &r);
    assert_int_equal(o->expires_at, at("2026-11-27T22:00:00Z"));
    world_free(&w);
}

static void nothing_fills_while_a_symbol_is_halted(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    fix(&w, w.tlt, "150");
    exchange_marks(w.exchange, w.spy)->halted = true;
    struct exchange_request spy = request("SPY", ORDER_BUY, "1"), tlt = request("TLT", ORDER_BUY, "1");
    struct exchange_request half = request("SPY", ORDER_BUY, "0.5");
    const struct exchange_order *a = accepted(&w, &spy), *b = accepted(&w, &tlt), *c = accepted(&w, &half);
    pass(&w, 60 * NS_PER_S);
    assert_int_equal(a->status, ORDER_NEW);
    assert_int_equal(b->status, ORDER_FILLED);
    assert_int_equal(c->status, ORDER_NEW);
    struct exchange_refusal why;
    assert_int_equal(exchange_cancel(w.exchange, c->id, w.now, &why), 0);
    pass(&w, NS_PER_S);
    assert_int_equal(c->status, ORDER_CANCELED);
    exchange_marks(w.exchange, w.spy)->halted = false;
    pass(&w, 2 * NS_PER_S);
    assert_int_equal(a->status, ORDER_FILLED);
    world_free(&w);
}

static void assets_may_be_closed_to_orders(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_marks *m = exchange_marks(w.exchange, w.spy);
    struct exchange_request r = request("SPY", ORDER_BUY, "1"), half = request("SPY", ORDER_BUY, "0.5");
    struct exchange_request sell = request("SPY", ORDER_SELL, "1");
    m->unshortable = true;
    refused(&w, &sell, 422, 42210000, "asset \"SPY\" cannot be sold short");
    m->unfractionable = true;
    refused(&w, &half, 403, 40310000, "asset \"SPY\" is not fractionable");
    accepted(&w, &r);
    m->untradable = true;
    refused(&w, &r, 422, 42210000, "asset \"SPY\" is not tradable");
    m->inactive = true;
    refused(&w, &r, 422, 40010001, "asset SPY is not active");
    r = request("TLT", ORDER_BUY, "0.5");
    exchange_settings(w.exchange)->fractional_trading = false;
    refused(&w, &r, 403, 40310000, "fractional trading is disabled for this account");
    world_free(&w);
}

static void fractional_orders_are_day_orders_of_any_plain_type(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    bought(&w, "SPY", "3.5");
    struct exchange_request r = stop("SPY", ORDER_SELL, "0.5", "290");
    accepted(&w, &r);
    r = limit("SPY", ORDER_SELL, "0.7", "310");
    accepted(&w, &r);
    r.tif = TIF_GTC;
    refused(&w, &r, 422, 42210000, "fractional orders must be DAY orders");
    r = request("SPY", ORDER_SELL, "0.5");
    r.type = ORDER_TRAILING_STOP;
    r.trail_price = price_of("5");
    refused(&w, &r, 422, 42210000, "fractional orders cannot be trailing stop orders");
    r = stop("SPY", ORDER_SELL, "1", "290");
    r.has_qty = false;
    r.has_notional = true;
    r.notional.nanos = dec("100");
    refused(&w, &r, 422, 42210000, "notional orders must be market or limit orders");
    fix(&w, w.spy, "289");
    pass(&w, 3 * NS_PER_S);
    assert_decimal(exchange_position_find(w.exchange, w.spy)->qty.nanos, "3");
    world_free(&w);
}

// What a request lacks or has too much of.
static void incomplete_requests_are_refused(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = request("", ORDER_BUY, "1");
    refused(&w, &r, 422, 40010001, "symbol is required");
    r = request("SPY", ORDER_BUY, "1");
    r.has_type = false;
    refused(&w, &r, 422, 40010001, "type is required");
    r = request("SPY", ORDER_BUY, "1");
    r.has_tif = false;
    refused(&w, &r, 422, 40010001, "time_in_force is required");
    r = request("SPY", ORDER_BUY, "1");
    r.type = ORDER_LIMIT;
    refused(&w, &r, 422, 40010001, "limit orders require a limit price");
    r.limit = price_of("0");
    refused(&w, &r, 422, 40010001, "limit price must be > 0");
    r = stop("SPY", ORDER_BUY, "1", "9223372036");
    refused(&w, &r, 422, 40010001, "stop price must be <= 100000000");
    r = request("SPY", ORDER_BUY, "1");
    r.type = ORDER_TRAILING_STOP;
    r.trail_price = price_of("9223372036");
    refused(&w, &r, 422, 40010001, "trail price must be <= 100000000");
    r = limit("SPY", ORDER_BUY, "9223372036", "100000000");
    refused(&w, &r, 403, 40310000, "insufficient buying power");
    r = stop("SPY", ORDER_BUY, "1", "310");
    r.limit = price_of("311");
    refused(&w, &r, 422, 40010001, "stop orders require no limit price");
    r.type = ORDER_TRAILING_STOP;
    refused(&w, &r, 422, 40010001, "trailing stop orders require no stop or limit price");
    r = request("SPY", ORDER_BUY, "1");
    r.type = ORDER_TRAILING_STOP;
    r.has_trail_percent = true;
    r.trail_percent.nanos = dec("100");
    refused(&w, &r, 422, 40010001, "trail_percent must be < 100");
    r = request("SPY", ORDER_BUY, "1");
    r.order_class = CLASS_MLEG;
    refused(&w, &r, 422, 42210000, "mleg orders are for options, which this simulator lacks");
    r = limit("SPY", ORDER_BUY, "1", "290");
    r.order_class = CLASS_BRACKET;
    r.extended_hours = true;
    refused(&w, &r, 422, 42210000, "bracket orders are not allowed in extended hours");
    r = request("SPY", ORDER_BUY, "1");
    snprintf(r.position_intent, sizeof r.position_intent, "buy_to_close");
    refused(&w, &r, 422, 42210000, "position intent mismatch, inferred: buy_to_open, specified: buy_to_close");
    r = request("SPY", ORDER_BUY, "1");
    r.has_qty = false;
    r.has_notional = true;
    r.notional.nanos = dec("10.001");
    refused(&w, &r, 422, 42210000, "notional must be limited to 2 decimal places");
    assert_int_equal(exchange_order_count(w.exchange), 0);
    world_free(&w);
}

static void a_sale_by_notional_needs_the_shares(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    bought(&w, "SPY", "2");
    struct exchange_request r = request("SPY", ORDER_SELL, "1");
    r.has_qty = false;
    r.has_notional = true;
    r.notional.nanos = dec("600.30");
    refused(&w, &r, 403, 40310000, "insufficient qty available for order (requested: 2.001, available: 2)");
    r.notional.nanos = dec("600");
    const struct exchange_order *o = accepted(&w, &r);
    pass(&w, NS_PER_S);
    assert_int_equal(o->status, ORDER_FILLED);
    assert_null(exchange_position_find(w.exchange, w.spy));
    world_free(&w);
}

static void around_the_clock_auctions_are_at_midnight(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request opening = request("SPY", ORDER_BUY, "1"), closing = opening;
    opening.tif = TIF_OPG;
    closing.tif = TIF_CLS;
    const struct exchange_order *a = accepted(&w, &opening), *b = accepted(&w, &closing);
    go_to(&w, "2026-11-21T04:59:59.998Z");
    assert_int_equal(b->status, ORDER_NEW);
    go_to(&w, "2026-11-21T04:59:59.999Z");
    assert_int_equal(b->status, ORDER_FILLED);
    assert_int_equal(a->status, ORDER_NEW);
    go_to(&w, "2026-11-21T05:00:00Z");
    assert_int_equal(a->status, ORDER_FILLED);
    world_free(&w);
}

static void extended_orders_trade_in_regular_hours_too(void **state)
{
    (void)state;
    struct world w = world_made(usual, true, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = limit("SPY", ORDER_BUY, "1", "301");
    r.extended_hours = true;
    const struct exchange_order *o = accepted(&w, &r);
    assert_int_equal(o->expires_at, at("2026-11-21T01:00:00Z"));
    pass(&w, NS_PER_S);
    assert_int_equal(o->status, ORDER_FILLED);
    world_free(&w);
}

static void an_order_never_meets_one_of_its_own(void **state)
{
    (void)state;
    static const char wash[] = "potential wash trade detected. use complex orders";
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    bought(&w, "SPY", "10");
    struct exchange_request low = limit("SPY", ORDER_BUY, "1", "280"), high = limit("SPY", ORDER_BUY, "1", "290");
    accepted(&w, &low);
    const struct exchange_order *best = accepted(&w, &high), *out = NULL;
    struct exchange_request sell = limit("SPY", ORDER_SELL, "1", "290"),
                            above = limit("SPY", ORDER_SELL, "1", "290.01");
    struct exchange_refusal why;
    assert_int_equal(exchange_submit(w.exchange, &sell, w.now, &out, &why), -1);
    is_refused(&why, 403, 40310000, wash);
    assert_int_equal(why.extra_count, 2);
    assert_string_equal(why.extra[0].value, "opposite side limit order exists");
    assert_string_equal(why.extra[1].name, "existing_order_id");
    assert_string_equal(why.extra[1].value, best->id);
    assert_int_equal(exchange_cancel(w.exchange, best->id, w.now, &why), 0);
    pass(&w, NS_PER_S);
    accepted(&w, &sell); // the next best is too far away
    accepted(&w, &above);
    struct exchange_request market = request("SPY", ORDER_BUY, "1"), up = stop("SPY", ORDER_BUY, "1", "310");
    refused(&w, &market, 403, 40310000, wash);
    refused(&w, &up, 403, 40310000, wash);
    exchange_cancel_all(w.exchange, w.now);
    accepted(&w, &up);
    assert_int_equal(exchange_submit(w.exchange, &above, w.now, &out, &why), -1);
    assert_string_equal(why.extra[0].value, "opposite side market/stop order exists");
    world_free(&w);
}

// Orders on both sides of the market, as a market maker would have them: none may cost more than the others.
static void ten_thousand_open_orders_do_not_slow_the_next_one(void **state)
{
    (void)state;
    struct exchange_params p = usual;
    p.cash.nanos = 100000000 / 16 * DECIMAL_ONE;
    struct world w = world_made(p, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    bought(&w, "SPY", "6000");
    struct exchange_request buy = limit("SPY", ORDER_BUY, "1", "200"), sell = limit("SPY", ORDER_SELL, "1", "400");
    struct exchange_refusal why;
    const struct exchange_order *o = NULL;
    for (int i = 0; i < 5000; i++) {
        buy.limit.price.nanos = dec("200") + i % 90 * DECIMAL_ONE;
        sell.limit.price.nanos = dec("400") - i % 90 * DECIMAL_ONE;
        accepted(&w, &buy);
        o = accepted(&w, &sell);
    }
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(exchange_cancel(w.exchange, o->id, w.now, &why), 0);
        pass(&w, 20 * MS);
        o = accepted(&w, &sell);
        pass(&w, 20 * MS);
    }
    sell.limit.price.nanos = dec("289");
    assert_int_equal(exchange_submit(w.exchange, &sell, w.now, &o, &why), -1);
    assert_string_equal(why.message, "potential wash trade detected. use complex orders");
    exchange_cancel_all(w.exchange, w.now);
    nothing_is_held(&w);
    world_free(&w);
}

// Looked at one by one, this would be four thousand million looks.
static void a_week_of_resting_orders_costs_as_much_as_one(void **state)
{
    (void)state;
    struct exchange_params p = usual;
    p.cash.nanos = 6000000 * DECIMAL_ONE;
    struct world w = world_made(p, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request low = limit("SPY", ORDER_BUY, "1", "200"), high = stop("SPY", ORDER_BUY, "1", "400");
    low.tif = high.tif = TIF_GTC;
    for (int i = 0; i < 6999; i++)
        accepted(&w, i % 2 == 0 ? &low : &high);
    low.limit = price_of("250");
    const struct exchange_order *nearer = accepted(&w, &low);
    pass(&w, 7 * 86400 * NS_PER_S);
    assert_int_equal(exchange_fill_count(w.exchange), 0);
    fix(&w, w.spy, "249");
    pass(&w, 3 * NS_PER_S);
    assert_int_equal(exchange_fill_count(w.exchange), 1);
    assert_int_equal(nearer->status, ORDER_FILLED);
    fix(&w, w.spy, "199");
    pass(&w, 3 * NS_PER_S);
    assert_int_equal(exchange_fill_count(w.exchange), 3501);
    fix(&w, w.spy, "400");
    pass(&w, 3 * NS_PER_S);
    assert_int_equal(exchange_fill_count(w.exchange), 7000);
    nothing_is_held(&w);
    assert_true(exchange_next(w.exchange) > w.now + 3600 * NS_PER_S); // nothing rests: nobody looks
    world_free(&w);
}

int main(void)
{
    if (when_zone_init(NULL) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(immediate_orders_fill_now_or_never),
        cmocka_unit_test(a_gtc_order_stays_for_ninety_days),
        cmocka_unit_test(an_opg_order_fills_at_the_open_or_expires),
        cmocka_unit_test(a_cls_order_fills_at_the_close_or_expires),
        cmocka_unit_test(what_an_auction_leaves_expires),
        cmocka_unit_test(a_notional_order_reserves_its_money),
        cmocka_unit_test(extended_hours_are_for_limit_orders),
        cmocka_unit_test(an_early_close_ends_extended_hours_at_five),
        cmocka_unit_test(nothing_fills_while_a_symbol_is_halted),
        cmocka_unit_test(assets_may_be_closed_to_orders),
        cmocka_unit_test(fractional_orders_are_day_orders_of_any_plain_type),
        cmocka_unit_test(incomplete_requests_are_refused),
        cmocka_unit_test(a_sale_by_notional_needs_the_shares),
        cmocka_unit_test(around_the_clock_auctions_are_at_midnight),
        cmocka_unit_test(extended_orders_trade_in_regular_hours_too),
        cmocka_unit_test(an_order_never_meets_one_of_its_own),
        cmocka_unit_test(a_week_of_resting_orders_costs_as_much_as_one),
        cmocka_unit_test(ten_thousand_open_orders_do_not_slow_the_next_one),
    };
    return cmocka_run_group_tests_name("exchange_rules", tests, NULL, NULL);
}
