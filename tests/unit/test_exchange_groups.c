// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
// needs: daemon/sim/exchange*.o daemon/sim/market*.o
//
// Bracket, oco and oto orders: what is held, what ends what, who holds the shares.
#include "tests/unit/exchange_rig.h"

// Entry at 300, out at 310 or at 290.
static struct exchange_request bracket(const char *qty)
{
    struct exchange_request r = request("SPY", ORDER_BUY, qty);
    r.order_class = CLASS_BRACKET;
    r.has_take_profit = r.has_stop_loss = true;
    r.take_profit = price_of("310");
    r.stop_loss = price_of("290");
    return r;
}

static struct exchange_request oco(const char *qty)
{
    struct exchange_request r = bracket(qty);
    r.order_class = CLASS_OCO;
    r.type = ORDER_LIMIT;
    r.side = ORDER_SELL;
    return r;
}

static struct world filled_bracket(const char *qty, const struct exchange_order **entry)
{
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = bracket(qty);
    *entry = accepted(&w, &r);
    pass(&w, 5 * NS_PER_S);
    assert_int_equal((*entry)->status, ORDER_FILLED);
    return w;
}

static void exits_are_held_until_the_entry_is_filled(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = bracket("10");
    r.type = ORDER_LIMIT;
    r.limit = price_of("299");
    const struct exchange_order *o = accepted(&w, &r);
    assert_int_equal(o->leg_count, 2);
    const struct exchange_order *profit = leg_of(&w, o, 0), *loss = leg_of(&w, o, 1);
    assert_int_equal(profit->type, ORDER_LIMIT);
    assert_int_equal(loss->type, ORDER_STOP);
    assert_int_equal(profit->side, ORDER_SELL);
    assert_string_equal(loss->position_intent, "sell_to_close");
    assert_decimal(profit->limit_price.nanos, "310");
    assert_decimal(loss->stop_price.nanos, "290");
    pass(&w, 30 * NS_PER_S);
    assert_int_equal(profit->status, ORDER_HELD);
    assert_int_equal(loss->status, ORDER_HELD);
    fix(&w, w.spy, "299");
    pass(&w, 5 * NS_PER_S);
    assert_int_equal(o->status, ORDER_FILLED);
    assert_int_equal(profit->status, ORDER_NEW);
    assert_int_equal(loss->status, ORDER_HELD); // watched, while the take profit holds the shares
    assert_decimal(exchange_position_find(w.exchange, w.spy)->held.nanos, "10");
    world_free(&w);
}

static void the_take_profit_cancels_the_stop_loss(void **state)
{
    (void)state;
    const struct exchange_order *o;
    struct world w = filled_bracket("10", &o);
    fix(&w, w.spy, "311");
    pass(&w, 5 * NS_PER_S);
    assert_int_equal(leg_of(&w, o, 0)->status, ORDER_FILLED);
    assert_int_equal(leg_of(&w, o, 1)->status, ORDER_CANCELED);
    assert_null(exchange_position_find(w.exchange, w.spy));
    assert_decimal(exchange_cash(w.exchange).nanos, "100110");
    world_free(&w);
}

static void the_stop_loss_cancels_the_take_profit_and_sells(void **state)
{
    (void)state;
    const struct exchange_order *o;
    struct world w = filled_bracket("10", &o);
    fix(&w, w.spy, "289.5");
    pass(&w, 5 * NS_PER_S);
    assert_int_equal(leg_of(&w, o, 0)->status, ORDER_CANCELED);
    assert_int_equal(leg_of(&w, o, 1)->status, ORDER_FILLED);
    assert_decimal(leg_of(&w, o, 1)->filled_avg_price.nanos, "289.5");
    assert_int_equal(leg_of(&w, o, 1)->canceled_at, 0); // the end of the take profit did not touch it
    assert_null(exchange_position_find(w.exchange, w.spy));
    world_free(&w);
}

static void cancelling_one_cancels_the_group(void **state)
{
    (void)state;
    const struct exchange_order *o;
    struct exchange_refusal why;
    for (size_t i = 0; i < 2; i++) {
        struct world w = filled_bracket("10", &o);
        assert_int_equal(exchange_cancel(w.exchange, leg_of(&w, o, i)->id, w.now, &why), 0);
        pass(&w, NS_PER_S);
        assert_int_equal(leg_of(&w, o, 0)->status, ORDER_CANCELED);
        assert_int_equal(leg_of(&w, o, 1)->status, ORDER_CANCELED);
        nothing_is_held(&w);
        world_free(&w);
    }
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = bracket("10");
    r.type = ORDER_LIMIT;
    r.limit = price_of("295");
    for (size_t i = 0; i < 2; i++) { // the entry, or an exit that is still held
        o = accepted(&w, &r);
        pass(&w, NS_PER_S);
        assert_int_equal(exchange_cancel(w.exchange, i == 0 ? o->id : leg_of(&w, o, 1)->id, w.now, &why), 0);
        pass(&w, NS_PER_S);
        assert_int_equal(o->status, ORDER_CANCELED);
        assert_int_equal(leg_of(&w, o, 0)->status, ORDER_CANCELED);
        assert_int_equal(leg_of(&w, o, 1)->status, ORDER_CANCELED);
    }
    nothing_is_held(&w);
    world_free(&w);
}

static void a_part_of_the_take_profit_shrinks_the_stop_loss(void **state)
{
    (void)state;
    struct exchange_params p = usual;
    p.partial_ppm = 500000;
    const struct exchange_order *profit = NULL, *loss = NULL;
    struct world w = {0};
    for (uint64_t seed = 1; profit == NULL || profit->status != ORDER_PARTIALLY_FILLED; seed++) {
        assert_in_range(seed, 1, 50);
        world_again(&w, p, seed);
        struct exchange_request r = bracket("100");
        const struct exchange_order *o = accepted(&w, &r);
        pass(&w, 60 * NS_PER_S);
        profit = leg_of(&w, o, 0);
        loss = leg_of(&w, o, 1);
        assert_int_equal(profit->status, ORDER_NEW);
        fix(&w, w.spy, "310");
        pass(&w, 1200 * MS);
    }
    assert_int_equal(loss->status, ORDER_HELD);
    assert_int_equal(loss->qty.nanos, 100 * DECIMAL_ONE - profit->filled_qty.nanos);
    int64_t rest = loss->qty.nanos;
    fix(&w, w.spy, "289");
    pass(&w, 60 * NS_PER_S);
    assert_int_equal(profit->status, ORDER_CANCELED);
    assert_int_equal(loss->status, ORDER_FILLED);
    assert_int_equal(loss->filled_qty.nanos, rest);
    assert_null(exchange_position_find(w.exchange, w.spy));
    world_free(&w);
}

static void a_group_of_the_day_expires_together(void **state)
{
    (void)state;
    struct world w = world_made(usual, true, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request day = bracket("1"), gtc = bracket("2");
    gtc.tif = TIF_GTC;
    const struct exchange_order *a = accepted(&w, &day), *b = accepted(&w, &gtc);
    pass(&w, 5 * NS_PER_S);
    go_to(&w, "2026-11-20T21:00:01Z");
    assert_int_equal(leg_of(&w, a, 0)->status, ORDER_EXPIRED);
    assert_int_equal(leg_of(&w, a, 1)->status, ORDER_EXPIRED);
    assert_int_equal(leg_of(&w, b, 0)->status, ORDER_NEW);
    assert_int_equal(leg_of(&w, b, 1)->status, ORDER_HELD);
    go_to(&w, "2026-11-23T14:30:00Z");
    fix(&w, w.spy, "280");
    pass(&w, 5 * NS_PER_S);
    assert_int_equal(leg_of(&w, b, 1)->status, ORDER_FILLED);
    world_free(&w);
}

static void an_oco_closes_a_position_one_way_or_the_other(void **state)
{
    (void)state;
    for (int up = 0; up < 2; up++) {
        struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
        fix(&w, w.spy, "300");
        bought(&w, "SPY", "5");
        struct exchange_request r = oco("5");
        const struct exchange_order *o = accepted(&w, &r);
        const struct exchange_order *loss = leg_of(&w, o, 0);
        assert_decimal(o->limit_price.nanos, "310");
        assert_int_equal(loss->side, ORDER_SELL);
        assert_int_equal(o->leg_count, 1);
        pass(&w, 5 * NS_PER_S);
        assert_int_equal(o->status, ORDER_NEW);
        assert_int_equal(loss->status, ORDER_HELD);
        assert_decimal(exchange_position_find(w.exchange, w.spy)->held.nanos, "5");
        fix(&w, w.spy, up ? "310" : "290");
        pass(&w, 5 * NS_PER_S);
        assert_int_equal(o->status, up ? ORDER_FILLED : ORDER_CANCELED);
        assert_int_equal(loss->status, up ? ORDER_CANCELED : ORDER_FILLED);
        assert_null(exchange_position_find(w.exchange, w.spy));
        nothing_is_held(&w);
        world_free(&w);
    }
}

static void an_oto_has_one_exit_that_goes_to_work(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = bracket("5");
    r.order_class = CLASS_OTO;
    refused(&w, &r, 422, 40010001, "oto orders require one of take_profit.limit_price or stop_loss.stop_price");
    r.has_take_profit = r.take_profit.given = false;
    r.stop_loss_limit = price_of("289");
    const struct exchange_order *o = accepted(&w, &r), *loss = leg_of(&w, o, 0);
    assert_int_equal(loss->status, ORDER_HELD);
    assert_int_equal(loss->type, ORDER_STOP_LIMIT);
    pass(&w, 5 * NS_PER_S);
    assert_int_equal(loss->status, ORDER_NEW);
    assert_decimal(exchange_position_find(w.exchange, w.spy)->held.nanos, "5");
    fix(&w, w.spy, "289.5");
    pass(&w, 5 * NS_PER_S);
    assert_int_equal(loss->status, ORDER_FILLED);
    assert_null(exchange_position_find(w.exchange, w.spy));
    world_free(&w);
}

static void a_short_bracket_is_the_mirror(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = bracket("5");
    r.side = ORDER_SELL;
    refused(&w, &r, 422, 42210000, "take_profit.limit_price must be <= base_price - 0.01");
    r.take_profit = price_of("290");
    refused(&w, &r, 422, 42210000, "stop_loss.stop_price must be >= base_price + 0.01");
    r.stop_loss = price_of("310");
    const struct exchange_order *o = accepted(&w, &r);
    pass(&w, 5 * NS_PER_S);
    assert_int_equal(leg_of(&w, o, 0)->side, ORDER_BUY);
    fix(&w, w.spy, "310");
    pass(&w, 5 * NS_PER_S);
    assert_int_equal(leg_of(&w, o, 1)->status, ORDER_FILLED);
    assert_decimal(exchange_cash(w.exchange).nanos, "99950");
    nothing_is_held(&w);
    world_free(&w);
}

static void wrong_groups_are_refused_in_alpacas_words(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = bracket("1");
    r.stop_loss.given = false;
    refused(&w, &r, 422, 40010001, "bracket orders require stop_loss.stop_price");
    r = bracket("1");
    r.take_profit.given = false;
    refused(&w, &r, 422, 40010001, "bracket orders require take_profit.limit_price");
    r = bracket("1");
    r.take_profit = price_of("300");
    refused(&w, &r, 422, 42210000, "take_profit.limit_price must be >= base_price + 0.01");
    r = bracket("1");
    r.stop_loss = price_of("300");
    refused(&w, &r, 422, 42210000, "stop_loss.stop_price must be <= base_price - 0.01");
    r = bracket("1");
    r.type = ORDER_STOP;
    r.stop = price_of("305");
    refused(&w, &r, 422, 40010001, "bracket orders must be market or limit orders");
    r = bracket("1");
    r.tif = TIF_IOC;
    refused(&w, &r, 422, 42210000, "bracket orders must be DAY or GTC orders");
    r = bracket("0.5");
    refused(&w, &r, 422, 42210000, "fractional orders must be simple orders");
    r = oco("1");
    refused(&w, &r, 422, 42210000, "oco orders must be exit orders");
    bought(&w, "SPY", "1");
    r = bracket("1");
    r.side = ORDER_SELL;
    refused(&w, &r, 422, 42210000, "bracket orders must be entry orders");
    r = oco("1");
    r.type = ORDER_MARKET;
    refused(&w, &r, 422, 40010001, "oco orders must be limit orders");
    r = oco("1");
    r.stop_loss = price_of("311");
    refused(&w, &r, 422, 42210000, "take_profit.limit_price must be > stop_loss.stop_price");
    r = oco("2");
    refused(&w, &r, 403, 40310000, "insufficient qty available for order (requested: 2, available: 1)");
    r = request("SPY", ORDER_BUY, "1");
    r.has_stop_loss = true;
    refused(&w, &r, 422, 40010001, "take_profit and stop_loss require the order_class bracket, oco or oto");
    assert_int_equal(exchange_order_count(w.exchange), 1);
    world_free(&w);
}

static void groups_and_trailing_stops_may_stand_against_other_orders(void **state)
{
    (void)state;
    const struct exchange_order *o;
    struct world w = filled_bracket("10", &o);
    struct exchange_request buy = request("SPY", ORDER_BUY, "1"), sell = request("SPY", ORDER_SELL, "1");
    accepted(&w, &buy); // against the take profit and the stop loss
    pass(&w, 5 * NS_PER_S);
    struct exchange_request low = limit("SPY", ORDER_BUY, "1", "250");
    o = accepted(&w, &low);
    refused(&w, &sell, 403, 40310000, "potential wash trade detected. use complex orders");
    exchange_cancel_all(w.exchange, w.now);
    struct exchange_request entry = bracket("1");
    entry.type = ORDER_LIMIT;
    entry.limit = price_of("295");
    accepted(&w, &entry);
    sell = limit("SPY", ORDER_SELL, "1", "295");
    accepted(&w, &sell);
    exchange_cancel_all(w.exchange, w.now);
    accepted(&w, &low);
    sell = request("SPY", ORDER_SELL, "1");
    sell.type = ORDER_TRAILING_STOP;
    sell.trail_price = price_of("5");
    accepted(&w, &sell);
    world_free(&w);
}

int main(void)
{
    if (when_zone_init(NULL) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exits_are_held_until_the_entry_is_filled),
        cmocka_unit_test(the_take_profit_cancels_the_stop_loss),
        cmocka_unit_test(the_stop_loss_cancels_the_take_profit_and_sells),
        cmocka_unit_test(cancelling_one_cancels_the_group),
        cmocka_unit_test(a_part_of_the_take_profit_shrinks_the_stop_loss),
        cmocka_unit_test(a_group_of_the_day_expires_together),
        cmocka_unit_test(an_oco_closes_a_position_one_way_or_the_other),
        cmocka_unit_test(an_oto_has_one_exit_that_goes_to_work),
        cmocka_unit_test(a_short_bracket_is_the_mirror),
        cmocka_unit_test(wrong_groups_are_refused_in_alpacas_words),
        cmocka_unit_test(groups_and_trailing_stops_may_stand_against_other_orders),
    };
    return cmocka_run_group_tests_name("exchange_groups", tests, NULL, NULL);
}
