// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
// needs: daemon/sim/exchange*.o daemon/sim/market*.o
//
// What happens to orders is told in order, each with the order as it was just then; a slow reader learns what it
// missed.
#include "tests/unit/exchange_rig.h"

#include "daemon/sim/exchange_feed.h"

struct fed {
    struct world w;
    struct exchange_feed *feed;
};

static struct fed fed_world(size_t capacity, int64_t partial_ppm)
{
    struct exchange_params p = usual;
    struct fed f = {.feed = exchange_feed_new(5, capacity)};
    p.on_event = exchange_feed_note;
    p.arg = f.feed;
    p.partial_ppm = partial_ppm;
    f.w = world_made(p, true, "2026-11-20T15:00:00Z");
    fix(&f.w, f.w.spy, "300");
    return f;
}

static void fed_free(struct fed *f)
{
    exchange_feed_free(f->feed);
    world_free(&f->w);
}

// The next update is this one, of this order.
static const struct exchange_update *told(struct fed *f, uint64_t *number, const char *event,
                                          const struct exchange_order *o)
{
    const struct exchange_update *u = exchange_feed_after(f->feed, *number);
    assert_non_null(u);
    assert_int_equal(u->number, ++*number);
    assert_string_equal(u->event, event);
    assert_string_equal(u->order.id, o->id);
    return u;
}

static void a_life_is_told_in_order(void **state)
{
    (void)state;
    struct fed f = fed_world(100, 0);
    uint64_t n = 0;
    assert_null(exchange_feed_after(f.feed, 0));
    struct exchange_request r = request("SPY", ORDER_BUY, "3");
    const struct exchange_order *o = accepted(&f.w, &r);
    pass(&f.w, NS_PER_S);
    const struct exchange_update *u = told(&f, &n, "pending_new", o);
    assert_int_equal(u->order.status, ORDER_PENDING_NEW);
    assert_int_equal(u->at, o->created_at);
    assert_false(u->is_fill);
    assert_int_equal(told(&f, &n, "new", o)->order.status, ORDER_NEW);
    u = told(&f, &n, "fill", o);
    assert_true(u->is_fill);
    assert_int_equal(u->at, o->filled_at);
    assert_decimal(u->qty.nanos, "3");
    assert_decimal(u->price.nanos, "300");
    assert_decimal(u->position_qty.nanos, "3");
    assert_string_equal(u->execution_id, exchange_fill_at(f.w.exchange, 0)->id + 19);
    r = request("SPY", ORDER_SELL, "3");
    o = accepted(&f.w, &r);
    pass(&f.w, NS_PER_S);
    n += 2;
    assert_decimal(told(&f, &n, "fill", o)->position_qty.nanos, "0");
    r = request("SPY", ORDER_SELL, "2");
    o = accepted(&f.w, &r);
    pass(&f.w, NS_PER_S);
    n += 2;
    assert_decimal(told(&f, &n, "fill", o)->position_qty.nanos, "-2");
    assert_null(exchange_feed_after(f.feed, n));
    assert_int_equal(exchange_feed_last(f.feed), n);
    fed_free(&f);
}

static void parts_cancels_and_expiries_are_told(void **state)
{
    (void)state;
    struct fed f = fed_world(100, 1000000);
    uint64_t n = 0;
    struct exchange_refusal why;
    struct exchange_request r = limit("SPY", ORDER_BUY, "1000", "300"), low = limit("SPY", ORDER_BUY, "1", "200");
    const struct exchange_order *o = accepted(&f.w, &r);
    pass(&f.w, 204 * MS);
    while (o->status == ORDER_NEW)
        pass(&f.w, MS);
    n += 2;
    const struct exchange_update *u = told(&f, &n, "partial_fill", o);
    assert_int_equal(u->order.status, ORDER_PARTIALLY_FILLED);
    assert_int_equal(u->qty.nanos, u->order.filled_qty.nanos);
    fix(&f.w, f.w.spy, "301");
    pass(&f.w, 2 * NS_PER_S);
    assert_int_equal(exchange_cancel(f.w.exchange, o->id, f.w.now, &why), 0);
    pass(&f.w, NS_PER_S);
    assert_int_equal(told(&f, &n, "canceled", o)->at, o->canceled_at);
    o = accepted(&f.w, &low);
    go_to(&f.w, "2026-11-20T21:00:00Z");
    n += 2;
    assert_int_equal(told(&f, &n, "expired", o)->at, at("2026-11-20T21:00:00Z"));
    o = accepted(&f.w, &low);
    assert_int_equal(told(&f, &n, "accepted", o)->order.status, ORDER_ACCEPTED);
    fed_free(&f);
}

static void replacements_and_groups_are_told(void **state)
{
    (void)state;
    struct fed f = fed_world(100, 0);
    uint64_t n = 0;
    struct exchange_refusal why;
    struct exchange_request r = limit("SPY", ORDER_BUY, "1", "290");
    struct exchange_change c = {.limit = price_of("291")};
    const struct exchange_order *a = accepted(&f.w, &r), *b = NULL;
    pass(&f.w, NS_PER_S);
    n += 2;
    assert_int_equal(exchange_replace(f.w.exchange, a->id, &c, f.w.now, &b, &why), 0);
    pass(&f.w, NS_PER_S);
    told(&f, &n, "pending_new", b);
    const struct exchange_update *u = told(&f, &n, "replaced", a); // the old one, with its old price
    assert_int_equal(u->order.replaced_by, b->number);
    assert_decimal(u->order.limit_price.nanos, "290");
    told(&f, &n, "new", b);
    exchange_cancel_all(f.w.exchange, f.w.now);
    told(&f, &n, "canceled", b);
    r = request("SPY", ORDER_BUY, "1");
    r.order_class = CLASS_BRACKET;
    r.take_profit = price_of("310");
    r.stop_loss = price_of("290");
    a = accepted(&f.w, &r);
    pass(&f.w, NS_PER_S);
    const struct exchange_order *profit = leg_of(&f.w, a, 0), *loss = leg_of(&f.w, a, 1);
    told(&f, &n, "pending_new", a);
    told(&f, &n, "held", profit);
    told(&f, &n, "held", loss);
    told(&f, &n, "new", a);
    told(&f, &n, "fill", a);
    told(&f, &n, "new", profit);
    fix(&f.w, f.w.spy, "310");
    pass(&f.w, 2 * NS_PER_S);
    told(&f, &n, "fill", profit);
    told(&f, &n, "canceled", loss);
    assert_null(exchange_feed_after(f.feed, n));
    fed_free(&f);
}

static void a_slow_reader_learns_what_it_missed(void **state)
{
    (void)state;
    struct fed f = fed_world(4, 0);
    struct exchange_request r = limit("SPY", ORDER_BUY, "1", "290");
    for (int i = 0; i < 6; i++)
        accepted(&f.w, &r);
    assert_int_equal(exchange_feed_last(f.feed), 6);
    assert_int_equal(exchange_feed_after(f.feed, 0)->number, 3);
    assert_int_equal(exchange_feed_after(f.feed, 3)->number, 4);
    assert_null(exchange_feed_after(f.feed, 6));
    assert_null(exchange_feed_after(f.feed, 600));
    assert_string_not_equal(exchange_feed_after(f.feed, 3)->execution_id, exchange_feed_after(f.feed, 4)->execution_id);
    fed_free(&f);
}

int main(void)
{
    if (when_zone_init(NULL) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_life_is_told_in_order),
        cmocka_unit_test(parts_cancels_and_expiries_are_told),
        cmocka_unit_test(replacements_and_groups_are_told),
        cmocka_unit_test(a_slow_reader_learns_what_it_missed),
    };
    return cmocka_run_group_tests_name("exchange_feed", tests, NULL, NULL);
}
