// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
// needs: daemon/sim/exchange*.o daemon/sim/market*.o
//
// Replacing and closing: two orders for a moment, the larger of both reserved, and what is refused.
#include "tests/unit/exchange_rig.h"

static struct exchange_change to_price(const char *price)
{
    return (struct exchange_change){.limit = price_of(price)};
}

static const struct exchange_order *replaced(struct world *w, const struct exchange_order *o,
                                             const struct exchange_change *c)
{
    const struct exchange_order *out = NULL;
    struct exchange_refusal why;
    if (exchange_replace(w->exchange, o->id, c, w->now, &out, &why) != 0)
        fail_msg("refused: %d %d %s", why.status, why.code, why.message);
    return out;
}

static void not_replaced(struct world *w, const char *id, const struct exchange_change *c, int status, int code,
                         const char *message)
{
    const struct exchange_order *out = NULL;
    struct exchange_refusal why = {0};
    struct money reserved = exchange_account_at(w->exchange, w->now).reserved;
    assert_int_equal(exchange_replace(w->exchange, id, c, w->now, &out, &why), -1);
    assert_null(out);
    is_refused(&why, status, code, message);
    assert_int_equal(exchange_account_at(w->exchange, w->now).reserved.nanos, reserved.nanos);
}

static void a_replaced_order_is_a_new_one_with_links_both_ways(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = limit("SPY", ORDER_BUY, "2", "290");
    struct exchange_change c = to_price("295");
    snprintf(c.client_order_id, sizeof c.client_order_id, "second");
    c.has_qty = true;
    c.qty.nanos = dec("3");
    const struct exchange_order *a = accepted(&w, &r);
    pass(&w, NS_PER_S);
    const struct exchange_order *b = replaced(&w, a, &c);
    assert_int_equal(a->status, ORDER_PENDING_REPLACE);
    assert_int_equal(b->status, ORDER_PENDING_NEW);
    assert_string_equal(b->client_order_id, "second");
    assert_int_equal(b->replaces, a->number);
    assert_int_equal(a->replaced_by, 0);
    assert_decimal(exchange_account_at(w.exchange, w.now).reserved.nanos, "885"); // 3 * 295, the larger of both
    pass(&w, NS_PER_S);
    assert_int_equal(a->status, ORDER_REPLACED);
    assert_int_equal(a->replaced_by, b->number);
    assert_true(a->replaced_at > b->created_at);
    assert_int_equal(b->status, ORDER_NEW);
    assert_decimal(b->limit_price.nanos, "295");
    assert_decimal(exchange_account_at(w.exchange, w.now).reserved.nanos, "885");
    fix(&w, w.spy, "294");
    pass(&w, 2 * NS_PER_S);
    assert_int_equal(b->status, ORDER_FILLED);
    assert_decimal(b->filled_qty.nanos, "3");
    assert_decimal(exchange_position_find(w.exchange, w.spy)->qty.nanos, "3");
    nothing_is_held(&w);
    world_free(&w);
}

static void while_pending_the_larger_of_both_is_reserved(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = limit("SPY", ORDER_BUY, "2", "290");
    struct exchange_change c = to_price("250");
    const struct exchange_order *a = accepted(&w, &r);
    pass(&w, NS_PER_S);
    replaced(&w, a, &c);
    assert_decimal(exchange_account_at(w.exchange, w.now).reserved.nanos, "580");
    pass(&w, NS_PER_S);
    assert_decimal(exchange_account_at(w.exchange, w.now).reserved.nanos, "500");
    world_free(&w);
}

static void the_quantity_counts_what_was_filled_before(void **state)
{
    (void)state;
    struct exchange_params p = usual;
    p.partial_ppm = 900000;
    struct world w = {0};
    const struct exchange_order *a = NULL;
    for (uint64_t seed = 1; a == NULL || a->status != ORDER_PARTIALLY_FILLED; seed++) {
        assert_in_range(seed, 1, 50);
        world_again(&w, p, seed);
        struct exchange_request r = limit("SPY", ORDER_BUY, "100", "300");
        a = accepted(&w, &r);
        pass(&w, 400 * MS);
    }
    fix(&w, w.spy, "301");
    int64_t before = a->filled_qty.nanos;
    struct exchange_change c = {.has_qty = true, .qty.nanos = before};
    not_replaced(&w, a->id, &c, 422, 42210000, "unable to replace order, qty must be > filled_qty");
    c = to_price("301");
    const struct exchange_order *b = replaced(&w, a, &c);
    pass(&w, 120 * NS_PER_S);
    assert_int_equal(a->status, ORDER_REPLACED);
    assert_int_equal(b->status, ORDER_FILLED);
    assert_decimal(b->qty.nanos, "100");
    assert_int_equal(b->filled_qty.nanos, 100 * DECIMAL_ONE - before); // its own fills only
    assert_decimal(exchange_position_find(w.exchange, w.spy)->qty.nanos, "100");
    nothing_is_held(&w);
    world_free(&w);
}

static void a_replacement_that_comes_too_late_is_rejected(void **state)
{
    (void)state;
    struct exchange_params p = usual;
    p.fill_delay_ns = 40 * MS;
    struct world w = world_made(p, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = limit("SPY", ORDER_BUY, "1", "299");
    const struct exchange_order *a = accepted(&w, &r);
    pass(&w, 5 * MS);
    assert_int_equal(a->status, ORDER_NEW);
    w.now = a->next_at - MS; // just before it is looked at
    exchange_advance(w.exchange, w.now);
    struct exchange_change c = to_price("298");
    const struct exchange_order *b = replaced(&w, a, &c);
    fix(&w, w.spy, "299");
    pass(&w, NS_PER_S);
    assert_int_equal(a->status, ORDER_FILLED);
    assert_int_equal(a->replaced_by, 0);
    assert_int_equal(b->status, ORDER_REJECTED);
    assert_true(b->failed_at > b->created_at);
    assert_decimal(exchange_position_find(w.exchange, w.spy)->qty.nanos, "1");
    nothing_is_held(&w);
    world_free(&w);
}

static void what_cannot_be_replaced_is_refused(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = limit("SPY", ORDER_BUY, "2", "290");
    struct exchange_change c = to_price("291"), same = to_price("290"), none = {0};
    const struct exchange_order *o = accepted(&w, &r);
    not_replaced(&w, o->id, &c, 422, 40010001, "unable to replace order, order isn't sent to exchange yet");
    pass(&w, NS_PER_S);
    not_replaced(&w, "nothing", &c, 404, 40410000, "order not found for nothing");
    not_replaced(&w, o->id, &same, 403, 40310000, "order parameters are not changed");
    not_replaced(&w, o->id, &none, 403, 40310000, "order parameters are not changed");
    c.limit = price_of("290.001");
    not_replaced(&w, o->id, &c, 422, 42210000,
                 "invalid limit_price 290.001. sub-penny increment does not fulfill minimum pricing criteria");
    c = (struct exchange_change){.has_qty = true, .qty.nanos = dec("2.5")};
    not_replaced(&w, o->id, &c, 422, 40010001, "qty must be integer");
    c.qty.nanos = 0;
    not_replaced(&w, o->id, &c, 422, 40010001, "qty must be > 0");
    c.qty.nanos = dec("1400");
    not_replaced(&w, o->id, &c, 403, 40310000, "insufficient buying power");
    c = (struct exchange_change){.stop = price_of("310")};
    not_replaced(&w, o->id, &c, 422, 40010001, "limit orders require no stop price");
    c = (struct exchange_change){.has_tif = true, .tif = TIF_GTC};
    snprintf(c.client_order_id, sizeof c.client_order_id, "%s", o->client_order_id);
    not_replaced(&w, o->id, &c, 422, 40010001, "client_order_id must be unique");
    c = to_price("291");
    exchange_settings(w.exchange)->suspend_trade = true;
    not_replaced(&w, o->id, &c, 403, 40310000, "new orders are rejected by user request");
    exchange_settings(w.exchange)->suspend_trade = false;
    replaced(&w, o, &c);
    not_replaced(&w, o->id, &c, 422, 42210000, "unable to replace order, order is not open"); // pending_replace
    struct exchange_refusal why;
    assert_int_equal(exchange_cancel(w.exchange, o->id, w.now, &why), -1);
    is_refused(&why, 422, 42210000, "order is already in \"pending_replace\" state");
    pass(&w, NS_PER_S);
    not_replaced(&w, o->id, &c, 422, 42210000, "unable to replace order, order is not open");
    r = limit("SPY", ORDER_BUY, "1.5", "280");
    o = accepted(&w, &r);
    pass(&w, NS_PER_S);
    c = (struct exchange_change){.has_qty = true, .qty.nanos = dec("2")};
    not_replaced(&w, o->id, &c, 422, 42210000, "qty of fractional orders cannot be changed");
    r = request("SPY", ORDER_BUY, "1");
    r.has_qty = false;
    r.has_notional = true;
    r.notional.nanos = dec("100");
    o = accepted(&w, &r);
    not_replaced(&w, o->id, &c, 422, 42210000, "notional orders cannot be replaced");
    world_free(&w);
}

static void legs_keep_their_group_when_replaced(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = request("SPY", ORDER_BUY, "5");
    r.order_class = CLASS_BRACKET;
    r.has_take_profit = r.has_stop_loss = true;
    r.take_profit = price_of("310");
    r.stop_loss = price_of("290");
    const struct exchange_order *o = accepted(&w, &r);
    pass(&w, 5 * NS_PER_S);
    const struct exchange_order *profit = leg_of(&w, o, 0), *loss = leg_of(&w, o, 1);
    struct exchange_change c = {.has_qty = true, .qty.nanos = dec("4")};
    not_replaced(&w, profit->id, &c, 422, 42210000, "qty of bracket orders cannot be changed");
    c = (struct exchange_change){.stop = price_of("311")};
    not_replaced(&w, loss->id, &c, 422, 42210000, "take_profit.limit_price must be > stop_loss.stop_price");
    c.stop = price_of("297");
    const struct exchange_order *loss2 = replaced(&w, loss, &c);
    c = to_price("305");
    const struct exchange_order *profit2 = replaced(&w, profit, &c);
    pass(&w, NS_PER_S);
    assert_int_equal(loss->status, ORDER_REPLACED);
    assert_int_equal(loss2->status, ORDER_HELD);
    assert_int_equal(profit2->status, ORDER_NEW);
    assert_int_equal(loss2->leg, LEG_STOP_LOSS);
    assert_ptr_equal(leg_of(&w, o, 0), profit2);
    assert_ptr_equal(leg_of(&w, o, 1), loss2);
    assert_decimal(exchange_position_find(w.exchange, w.spy)->held.nanos, "5");
    fix(&w, w.spy, "296");
    pass(&w, 5 * NS_PER_S);
    assert_int_equal(profit2->status, ORDER_CANCELED);
    assert_int_equal(loss2->status, ORDER_FILLED);
    assert_null(exchange_position_find(w.exchange, w.spy));
    world_free(&w);
}

static void both_orders_of_an_oco_keep_their_distance(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    bought(&w, "SPY", "5");
    struct exchange_request r = request("SPY", ORDER_SELL, "5");
    r.type = ORDER_LIMIT;
    r.order_class = CLASS_OCO;
    r.take_profit = price_of("310");
    r.stop_loss = price_of("290");
    const struct exchange_order *o = accepted(&w, &r);
    pass(&w, NS_PER_S);
    struct exchange_change c = to_price("290");
    not_replaced(&w, o->id, &c, 422, 42210000, "take_profit.limit_price must be > stop_loss.stop_price");
    c = to_price("305");
    o = replaced(&w, o, &c);
    pass(&w, NS_PER_S);
    const struct exchange_order *loss = leg_of(&w, o, 0);
    assert_int_equal(loss->parent, o->number);
    fix(&w, w.spy, "305");
    pass(&w, 3 * NS_PER_S);
    assert_int_equal(o->status, ORDER_FILLED);
    assert_int_equal(loss->status, ORDER_CANCELED);
    nothing_is_held(&w);
    world_free(&w);
}

// The old order fills further than the new quantity while the new one is on its way: the old one lives on.
static void an_overtaken_replacement_leaves_the_old_order_open(void **state)
{
    (void)state;
    struct exchange_params p = usual;
    p.partial_ppm = 1000000;
    p.fill_delay_ns = 20 * MS;
    const struct exchange_order *a = NULL, *b = NULL;
    struct world w = {0};
    for (uint64_t seed = 1; b == NULL || b->status != ORDER_REJECTED || a->status != ORDER_PARTIALLY_FILLED; seed++) {
        assert_in_range(seed, 1, 200);
        world_again(&w, p, seed);
        struct exchange_request r = limit("SPY", ORDER_BUY, "1000", "300");
        a = accepted(&w, &r);
        for (int i = 0; i < 100 && a->filled_qty.nanos == 0; i++)
            pass(&w, MS);
        w.now = a->next_at - MS;
        exchange_advance(w.exchange, w.now);
        struct exchange_change c = {.has_qty = true, .qty.nanos = a->filled_qty.nanos + DECIMAL_ONE};
        if (a->status != ORDER_PARTIALLY_FILLED || c.qty.nanos >= 999 * DECIMAL_ONE)
            continue;
        b = replaced(&w, a, &c);
        pass(&w, 11 * MS);
    }
    assert_int_equal(b->filled_qty.nanos, 0);
    fix(&w, w.spy, "299");
    pass(&w, 60 * NS_PER_S);
    assert_int_equal(a->status, ORDER_FILLED);
    assert_decimal(a->filled_qty.nanos, "1000");
    nothing_is_held(&w);
    world_free(&w);
}

static void what_is_not_named_stays(void **state)
{
    (void)state;
    struct world w = world_made(usual, true, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = stop("SPY", ORDER_BUY, "2", "310");
    r.type = ORDER_STOP_LIMIT;
    r.limit = price_of("312");
    const struct exchange_order *o = accepted(&w, &r);
    pass(&w, NS_PER_S);
    struct exchange_change c = to_price("313");
    o = replaced(&w, o, &c);
    pass(&w, NS_PER_S);
    assert_decimal(o->limit_price.nanos, "313");
    assert_decimal(o->stop_price.nanos, "310");
    assert_decimal(o->qty.nanos, "2");
    assert_int_equal(o->tif, TIF_DAY);
    assert_int_equal(o->expires_at, at("2026-11-20T21:00:00Z"));
    c = (struct exchange_change){.has_tif = true, .tif = TIF_GTC};
    o = replaced(&w, o, &c);
    pass(&w, NS_PER_S);
    assert_int_equal(o->type, ORDER_STOP_LIMIT);
    assert_int_equal(o->expires_at, at("2027-02-18T21:15:00Z"));
    assert_decimal(exchange_account_at(w.exchange, w.now).reserved.nanos, "626");
    world_free(&w);
}

static void more_shares_of_a_sale_are_held_at_once(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    bought(&w, "SPY", "10");
    struct exchange_request r = limit("SPY", ORDER_SELL, "4", "310");
    const struct exchange_order *o = accepted(&w, &r);
    pass(&w, NS_PER_S);
    struct exchange_change c = {.has_qty = true, .qty.nanos = dec("11")};
    not_replaced(&w, o->id, &c, 403, 40310000, "insufficient qty available for order (requested: 11, available: 10)");
    c.qty.nanos = dec("7");
    replaced(&w, o, &c);
    assert_decimal(exchange_position_find(w.exchange, w.spy)->held.nanos, "7");
    pass(&w, NS_PER_S);
    assert_decimal(exchange_position_find(w.exchange, w.spy)->held.nanos, "7");
    world_free(&w);
}

static void a_trail_is_replaced_and_the_high_stays(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    bought(&w, "SPY", "1");
    struct exchange_request r = request("SPY", ORDER_SELL, "1");
    r.type = ORDER_TRAILING_STOP;
    r.trail_price = price_of("5");
    const struct exchange_order *o = accepted(&w, &r);
    fix(&w, w.spy, "310");
    pass(&w, 2 * NS_PER_S);
    fix(&w, w.spy, "309");
    struct exchange_change c = {.has_trail = true, .trail = dec("8")};
    o = replaced(&w, o, &c);
    pass(&w, 2 * NS_PER_S);
    assert_int_equal(o->status, ORDER_NEW);
    assert_decimal(o->hwm.nanos, "310");
    assert_decimal(o->stop_price.nanos, "302");
    world_free(&w);
}

static void closing_sells_or_covers_the_whole_position(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    fix(&w, w.tlt, "150");
    bought(&w, "SPY", "3.5");
    struct exchange_request r = request("TLT", ORDER_SELL, "4");
    accepted(&w, &r);
    pass(&w, 5 * NS_PER_S);
    struct exchange_refusal why;
    const struct exchange_order *a = NULL, *b = NULL;
    struct qty too_many = {dec("4")};
    assert_int_equal(exchange_close(w.exchange, w.spy, &too_many, w.now, &a, &why), -1);
    is_refused(&why, 403, 40310000, "insufficient qty available for order (requested: 4, available: 3.5)");
    assert_int_equal(exchange_close(w.exchange, w.spy, NULL, w.now, &a, &why), 0);
    assert_int_equal(exchange_close(w.exchange, w.tlt, NULL, w.now, &b, &why), 0);
    assert_int_equal(a->side, ORDER_SELL);
    assert_int_equal(b->side, ORDER_BUY);
    pass(&w, 5 * NS_PER_S);
    assert_null(exchange_position_find(w.exchange, w.spy));
    assert_null(exchange_position_find(w.exchange, w.tlt));
    assert_int_equal(exchange_close(w.exchange, w.spy, NULL, w.now, &a, &why), -1);
    is_refused(&why, 404, 40410000, "position does not exist");
    world_free(&w);
}

static void cancelling_all_frees_what_is_held(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    bought(&w, "SPY", "3");
    struct exchange_request sell = limit("SPY", ORDER_SELL, "3", "310"), buy = limit("TLT", ORDER_BUY, "3", "10");
    const struct exchange_order *a = accepted(&w, &sell), *b = accepted(&w, &buy), *out = NULL;
    struct exchange_refusal why;
    assert_int_equal(exchange_close(w.exchange, w.spy, NULL, w.now, &out, &why), -1);
    is_refused(&why, 403, 40310000, "insufficient qty available for order (requested: 3, available: 0)");
    exchange_cancel_all(w.exchange, w.now);
    assert_int_equal(a->status, ORDER_CANCELED);
    assert_int_equal(b->status, ORDER_CANCELED);
    nothing_is_held(&w);
    assert_int_equal(exchange_close(w.exchange, w.spy, NULL, w.now, &out, &why), 0);
    world_free(&w);
}

int main(void)
{
    if (when_zone_init(NULL) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replaced_order_is_a_new_one_with_links_both_ways),
        cmocka_unit_test(while_pending_the_larger_of_both_is_reserved),
        cmocka_unit_test(the_quantity_counts_what_was_filled_before),
        cmocka_unit_test(a_replacement_that_comes_too_late_is_rejected),
        cmocka_unit_test(what_cannot_be_replaced_is_refused),
        cmocka_unit_test(legs_keep_their_group_when_replaced),
        cmocka_unit_test(both_orders_of_an_oco_keep_their_distance),
        cmocka_unit_test(an_overtaken_replacement_leaves_the_old_order_open),
        cmocka_unit_test(what_is_not_named_stays),
        cmocka_unit_test(more_shares_of_a_sale_are_held_at_once),
        cmocka_unit_test(a_trail_is_replaced_and_the_high_stays),
        cmocka_unit_test(closing_sells_or_covers_the_whole_position),
        cmocka_unit_test(cancelling_all_frees_what_is_held),
    };
    return cmocka_run_group_tests_name("exchange_replace", tests, NULL, NULL);
}
