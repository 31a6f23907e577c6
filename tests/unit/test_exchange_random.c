// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
// needs: daemon/sim/exchange*.o daemon/sim/market*.o
//
// Any sequence of orders, replacements, cancels, closes, halts and prices: money, shares, reservations and groups must
// agree with the fills after each step, and the same sequence must give the same end.
#include "tests/unit/exchange_rig.h"

#include "daemon/sim/draw.h"

#define ROUNDS 60
#define STEPS 400

struct dice {
    uint64_t seed, count;
};

static int64_t roll(struct dice *d, int64_t n)
{
    return draw_below(draw3(d->seed, 77, d->count++, 0), n);
}

static struct exchange_price cents(int64_t c)
{
    return (struct exchange_price){true, {c * DECIMAL_ONE / 100}};
}

static int64_t last_cents(struct world *w)
{
    struct market_quote q;
    market_quote(w->market, w->spy, w->now, &q);
    return q.last.nanos / (DECIMAL_ONE / 100);
}

static void price_order(struct exchange_request *r, struct dice *d, int64_t last)
{
    int64_t away = roll(d, 300) - 100, sign = r->side == ORDER_BUY ? -1 : 1;
    if (r->type == ORDER_LIMIT || r->type == ORDER_STOP_LIMIT)
        r->limit = cents(last + sign * away);
    if (r->type == ORDER_STOP || r->type == ORDER_STOP_LIMIT)
        r->stop = cents(last - sign * (roll(d, 200) + 1));
    if (r->type == ORDER_TRAILING_STOP && roll(d, 2) == 0)
        r->trail_price = cents(roll(d, 300) + 1);
    else if (r->type == ORDER_TRAILING_STOP) {
        r->has_trail_percent = true;
        r->trail_percent.nanos = (roll(d, 20) + 1) * DECIMAL_ONE / 10;
    }
    if (r->order_class == CLASS_SIMPLE)
        return;
    int64_t exit_sign = (r->order_class == CLASS_OCO) == (r->side == ORDER_SELL) ? 1 : -1;
    r->has_take_profit = r->has_stop_loss = true;
    r->take_profit = cents(last + exit_sign * (roll(d, 300) + 101));
    r->stop_loss = cents(last - exit_sign * (roll(d, 300) + 301));
    if (r->order_class == CLASS_OTO && roll(d, 2) == 0)
        r->take_profit.given = r->has_take_profit = false;
    else if (r->order_class == CLASS_OTO)
        r->stop_loss.given = r->has_stop_loss = false;
}

static void some_order(struct world *w, struct dice *d)
{
    static const enum order_tif tifs[] = {TIF_DAY, TIF_DAY, TIF_GTC, TIF_GTC, TIF_IOC, TIF_FOK, TIF_CLS};
    struct exchange_request r = request("SPY", roll(d, 2) == 0 ? ORDER_BUY : ORDER_SELL, "1");
    r.qty.nanos = (roll(d, 20) + 1) * DECIMAL_ONE;
    r.order_class = roll(d, 3) == 0 ? (enum exchange_class)(roll(d, 3) + 1) : CLASS_SIMPLE;
    r.type = (enum order_type)roll(d, 5);
    if (r.order_class != CLASS_SIMPLE)
        r.type = r.order_class == CLASS_OCO ? ORDER_LIMIT : (enum order_type)roll(d, 2);
    r.tif = tifs[roll(d, (int64_t)ARRAY_LEN(tifs))];
    if (r.type > ORDER_LIMIT || r.order_class != CLASS_SIMPLE)
        r.tif = tifs[roll(d, 4)];
    if (r.order_class == CLASS_SIMPLE && roll(d, 5) == 0) {
        r.qty.nanos = roll(d, 5 * DECIMAL_ONE) + DECIMAL_ONE / 100;
        r.tif = TIF_DAY;
    }
    price_order(&r, d, last_cents(w));
    const struct exchange_order *o = NULL;
    struct exchange_refusal why;
    (void)!exchange_submit(w->exchange, &r, w->now, &o, &why);
}

static const struct exchange_order *some_of(struct world *w, struct dice *d)
{
    size_t count = exchange_order_count(w->exchange), back = (size_t)roll(d, 12);
    return back < count ? exchange_order_at(w->exchange, count - 1 - back) : NULL;
}

static void some_change(struct world *w, struct dice *d)
{
    const struct exchange_order *o = some_of(w, d), *out = NULL;
    struct exchange_refusal why;
    struct exchange_change c = {0};
    if (o == NULL)
        return;
    if (roll(d, 2) == 0 && o->order_class == CLASS_SIMPLE) {
        c.has_qty = true;
        c.qty.nanos = (roll(d, 25) + 1) * DECIMAL_ONE;
    }
    if (o->limit_price.nanos != 0)
        c.limit = cents(o->limit_price.nanos / (DECIMAL_ONE / 100) + roll(d, 100) - 50);
    if (o->stop_price.nanos != 0 && o->type != ORDER_TRAILING_STOP)
        c.stop = cents(o->stop_price.nanos / (DECIMAL_ONE / 100) + roll(d, 100) - 50);
    c.has_trail = o->type == ORDER_TRAILING_STOP;
    c.trail = (roll(d, 9) + 1) * DECIMAL_ONE / 10;
    (void)!exchange_replace(w->exchange, o->id, &c, w->now, &out, &why);
}

static void some_step(struct world *w, struct dice *d)
{
    struct exchange_refusal why;
    const struct exchange_order *o;
    int64_t dice = roll(d, 20), last = last_cents(w) + roll(d, 401) - 200;
    struct qty some = {(roll(d, 3) + 1) * DECIMAL_ONE};
    if (dice < 7)
        some_order(w, d);
    else if (dice < 10)
        some_change(w, d);
    else if (dice < 12 && (o = some_of(w, d)) != NULL)
        (void)!exchange_cancel(w->exchange, o->id, w->now, &why);
    else if (dice == 12)
        (void)!exchange_close(w->exchange, w->spy, roll(d, 2) == 0 ? NULL : &some, w->now, &o, &why);
    else if (dice == 13 && roll(d, 5) == 0)
        exchange_cancel_all(w->exchange, w->now);
    else if (dice == 14)
        exchange_marks(w->exchange, w->spy)->halted = roll(d, 3) == 0;
    else if (dice == 15 && roll(d, 6) == 0)
        pass(w, (roll(d, 20) + 1) * 3600 * NS_PER_S);
    else if (dice < 18)
        pass(w, roll(d, 3000) * MS);
    else
        market_fix_price(w->market, w->spy,
                         (struct market_quote){cents(last > 9000 ? last : 9000).price,
                                               cents((last > 9000 ? last : 9000) + 1).price,
                                               cents(last > 9000 ? last : 9000).price});
}

// Every order against its fills, and what all of them hold against the totals.
static void books_agree(struct world *w)
{
    struct exchange *e = w->exchange;
    int64_t cash = 100000 * DECIMAL_ONE, position = 0, reserved = 0, held = 0, filled[STEPS * 4] = {0};
    for (size_t i = 0; i < exchange_fill_count(e); i++) {
        const struct exchange_fill *f = exchange_fill_at(e, i);
        const struct exchange_order *o = exchange_order_at(e, (size_t)f->order - 1);
        cash += f->cash.nanos;
        int64_t before = position;
        position += o->side == ORDER_BUY ? f->qty.nanos : -f->qty.nanos;
        filled[f->order - 1] += f->qty.nanos;
        assert_int_equal(f->position_qty.nanos, position);
        if (o->closing) // never through zero
            assert_true(llabs(position) < llabs(before) && (position == 0 || (position > 0) == (before > 0)));
        assert_true(f->qty.nanos > 0);
        assert_int_equal(f->cum_qty.nanos, filled[f->order - 1]);
    }
    for (size_t i = 0; i < exchange_order_count(e); i++) {
        const struct exchange_order *o = exchange_order_at(e, i);
        assert_int_equal(o->filled_qty.nanos, filled[i]);
        assert_true(o->filled_qty.nanos + o->carried.nanos <= o->qty.nanos);
        if (o->status == ORDER_FILLED)
            assert_int_equal(o->filled_qty.nanos + o->carried.nanos, o->qty.nanos);
        if (order_status_terminal(o->status) || o->status == ORDER_HELD)
            assert_int_equal(o->reserved.nanos + o->held.nanos, 0);
        assert_true(o->reserved.nanos >= 0 && o->held.nanos >= 0);
        bool at_work = !order_status_terminal(o->status) && o->status != ORDER_HELD && !o->replacing;
        if (at_work && !o->closing) { // all that is left of it, to the last nano
            struct money whole;
            assert_true(notional_up(o->reserve_price,
                                    (struct qty){o->qty.nanos - o->carried.nanos - o->filled_qty.nanos}, &whole));
            assert_int_equal(o->reserved.nanos, whole.nanos);
        }
        reserved += o->reserved.nanos;
        held += o->held.nanos;
    }
    const struct exchange_position *p = exchange_position_find(e, w->spy);
    assert_int_equal(exchange_cash(e).nanos, cash);
    assert_int_equal(p != NULL ? p->qty.nanos : 0, position);
    assert_int_equal(exchange_account_at(e, w->now).reserved.nanos, reserved);
    if (p != NULL) {
        assert_int_equal(p->held.nanos, held);
        assert_true(held <= llabs(position));
    }
}

// The newest of an order and those that took its place.
static const struct exchange_order *newest(struct world *w, const struct exchange_order *o)
{
    while (o->replaced_by != 0)
        o = exchange_order_at(w->exchange, (size_t)o->replaced_by - 1);
    return o;
}

static void groups_agree(struct world *w)
{
    for (size_t i = 0; i < exchange_order_count(w->exchange); i++) {
        const struct exchange_order *o = exchange_order_at(w->exchange, i), *other = NULL;
        if (o->replaced_by != 0)
            assert_int_equal(o->status, ORDER_REPLACED);
        if (o->leg_count == 0)
            continue;
        const struct exchange_order *a = newest(w, leg_of(w, o, 0));
        if (o->order_class == CLASS_OCO)
            other = o;
        else if (o->leg_count == 2)
            other = newest(w, leg_of(w, o, 1));
        if (o->order_class != CLASS_OCO && o->status != ORDER_FILLED) // no exit without its entry
            assert_int_equal(a->filled_qty.nanos, 0);
        if (o->order_class != CLASS_OCO && order_status_terminal(o->status) && o->status != ORDER_FILLED)
            assert_true(order_status_terminal(a->status));
        if (other == NULL)
            continue;
        assert_false(a->status == ORDER_FILLED && other->status == ORDER_FILLED);
        if (order_status_terminal(a->status) && a->status != ORDER_REPLACED && !a->alone)
            assert_true(order_status_terminal(other->status));
    }
}

static uint64_t end_of(struct world *w)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < exchange_order_count(w->exchange); i++) {
        const struct exchange_order *o = exchange_order_at(w->exchange, i);
        sum = draw3(sum, (uint64_t)o->status, (uint64_t)o->updated_at, (uint64_t)o->filled_value.nanos);
    }
    return sum;
}

// Time does not go back, but for the nanosecond by which orders of one instant are kept apart.
static void told(void *arg, const char *event, const struct exchange_order *o, const struct exchange_fill *fill,
                 int64_t when)
{
    int64_t *newest_at = arg;
    (void)event;
    (void)o;
    (void)fill;
    assert_true(when + 1000 >= *newest_at);
    *newest_at = when > *newest_at ? when : *newest_at;
}

static uint64_t played(uint64_t seed, bool checked)
{
    struct exchange_params p = usual;
    p.seed = seed;
    int64_t newest_at = 0;
    p.partial_ppm = 300000;
    p.on_event = told;
    p.arg = &newest_at;
    struct dice d = {.seed = seed};
    struct world w = world_made(p, seed % 2 == 0, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "100");
    for (int i = 0; i < STEPS; i++) {
        some_step(&w, &d);
        if (!checked)
            continue;
        books_agree(&w);
        groups_agree(&w);
    }
    exchange_marks(w.exchange, w.spy)->halted = false;
    exchange_cancel_all(w.exchange, w.now);
    nothing_is_held(&w);
    uint64_t end = end_of(&w);
    world_free(&w);
    return end;
}

static void whatever_is_asked_the_books_agree(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++)
        played(seed, true);
}

static void the_same_sequence_gives_the_same_end(void **state)
{
    (void)state;
    assert_true(played(3, false) == played(3, false));
    assert_true(played(3, false) != played(4, false));
}

int main(void)
{
    if (when_zone_init(NULL) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_is_asked_the_books_agree),
        cmocka_unit_test(the_same_sequence_gives_the_same_end),
    };
    return cmocka_run_group_tests_name("exchange_random", tests, NULL, NULL);
}
