// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
// needs: daemon/sim/exchange*.o daemon/sim/market*.o
//
// The simulated exchange without a network: order life, fills, partials, refusals, money, sessions and prices.
#include "tests/unit/exchange_rig.h"

static void a_whole_share_order_goes_pending_new_new_filled(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    struct exchange_request r = request("SPY", ORDER_BUY, "3");
    fix(&w, w.spy, "371.13");
    const struct exchange_order *o = accepted(&w, &r);
    assert_int_equal(o->status, ORDER_PENDING_NEW);
    assert_int_equal(o->submitted_at, o->created_at);
    pass(&w, 4 * MS);
    assert_int_equal(o->status, ORDER_NEW);
    assert_int_equal(o->submitted_at, o->created_at + 4 * MS);
    pass(&w, 195 * MS);
    assert_int_equal(o->status, ORDER_NEW); // the delay is at least half of its mean
    pass(&w, 401 * MS);
    assert_int_equal(o->status, ORDER_FILLED);
    assert_decimal(o->filled_avg_price.nanos, "371.13");
    assert_int_equal(exchange_fill_count(w.exchange), 1);
    assert_decimal(exchange_cash(w.exchange).nanos, "98886.61");
    const struct exchange_position *p = exchange_position_find(w.exchange, w.spy);
    assert_decimal(p->qty.nanos, "3");
    assert_decimal(p->cost.nanos, "1113.39");
    assert_null(exchange_position_find(w.exchange, w.tlt));
    world_free(&w);
}

static void a_fractional_order_fills_within_milliseconds_and_cash_is_whole_cents(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    struct exchange_request r = request("SPY", ORDER_BUY, "0.123456789");
    fix(&w, w.spy, "371.13");
    const struct exchange_order *o = accepted(&w, &r);
    pass(&w, 4 * MS);
    assert_int_equal(o->status, ORDER_FILLED);
    assert_int_equal(o->submitted_at, o->created_at);
    assert_decimal(exchange_position_find(w.exchange, w.spy)->cost.nanos, "45.818518102"); // 0.123456789 * 371.13
    assert_decimal(exchange_cash(w.exchange).nanos, "99954.18");
    world_free(&w);
}

static void a_notional_order_buys_as_much_as_its_money_buys(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    struct exchange_request r = request("SPY", ORDER_BUY, "1");
    r.has_qty = false;
    r.has_notional = true;
    r.notional.nanos = dec("1000");
    fix(&w, w.spy, "371.13");
    const struct exchange_order *o = accepted(&w, &r);
    pass(&w, 4 * MS);
    assert_int_equal(o->status, ORDER_FILLED);
    assert_int_equal(o->qty.nanos, 0);
    assert_decimal(o->filled_qty.nanos, "2.694473634"); // floor(1000 / 371.13)
    assert_decimal(exchange_cash(w.exchange).nanos, "99000");
    world_free(&w);
}

static void partial_fills_add_up_and_are_drawn_from_the_seed(void **state)
{
    (void)state;
    struct exchange_params p = usual;
    p.partial_ppm = 500000;
    int64_t first_part[2][30], first_delay[2][30];
    for (int round = 0; round < 2; round++) {
        struct world w = world_made(p, false, round == 0 ? "2026-11-20T15:00:00Z" : "2026-11-21T03:11:12.345Z");
        fix(&w, w.spy, "100");
        int partials = 0;
        for (int i = 0; i < 30; i++) {
            struct exchange_request r = request("SPY", ORDER_BUY, "10");
            const struct exchange_order *o = accepted(&w, &r);
            size_t before = exchange_fill_count(w.exchange);
            pass(&w, round == 0 ? 60 * NS_PER_S : 777 * NS_PER_S);
            assert_int_equal(o->status, ORDER_FILLED);
            int64_t sum = 0;
            for (size_t f = before; f < exchange_fill_count(w.exchange); f++) {
                const struct exchange_fill *fill = exchange_fill_at(w.exchange, f);
                sum += fill->qty.nanos;
                assert_int_equal(fill->qty.nanos % DECIMAL_ONE, 0);
                assert_true(fill->qty.nanos > 0);
                assert_int_equal(fill->cum_qty.nanos, sum);
                assert_int_equal(fill->leaves_qty.nanos, 10 * DECIMAL_ONE - sum);
                assert_int_equal(fill->partial, f + 1 < exchange_fill_count(w.exchange));
                partials += fill->partial;
            }
            assert_int_equal(sum, 10 * DECIMAL_ONE);
            first_part[round][i] = exchange_fill_at(w.exchange, before)->qty.nanos;
            first_delay[round][i] = exchange_fill_at(w.exchange, before)->at - o->created_at;
        }
        assert_in_range(partials, 10, 60);
        assert_decimal(exchange_cash(w.exchange).nanos, "70000");
        world_free(&w);
    }
    assert_memory_equal(first_part[0], first_part[1], sizeof first_part[0]); // time does not enter
    assert_memory_equal(first_delay[0], first_delay[1], sizeof first_delay[0]);
}

static void a_limit_order_waits_until_it_is_marketable(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = limit("SPY", ORDER_BUY, "2", "299.5");
    const struct exchange_order *o = accepted(&w, &r);
    pass(&w, 30 * NS_PER_S);
    assert_int_equal(o->status, ORDER_NEW);
    struct exchange_account a = exchange_account_at(w.exchange, w.now);
    assert_decimal(a.reserved.nanos, "599");
    assert_decimal(a.buying_power.nanos, "399401");
    fix(&w, w.spy, "299.4");
    pass(&w, 2 * NS_PER_S);
    assert_int_equal(o->status, ORDER_FILLED);
    assert_decimal(o->filled_avg_price.nanos, "299.4"); // better than the limit
    a = exchange_account_at(w.exchange, w.now);
    assert_decimal(a.reserved.nanos, "0");
    assert_decimal(a.equity.nanos, "100000");
    world_free(&w);
}

static void cancel_succeeds_fails_and_repeats(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_refusal why;
    struct exchange_request r = limit("SPY", ORDER_BUY, "2", "200"), m = request("SPY", ORDER_BUY, "1");
    const struct exchange_order *o = accepted(&w, &r), *filled = accepted(&w, &m);
    pass(&w, NS_PER_S);
    assert_int_equal(exchange_cancel(w.exchange, o->id, w.now, &why), 0);
    pass(&w, NS_PER_S);
    assert_int_equal(o->status, ORDER_CANCELED);
    assert_true(o->canceled_at > o->submitted_at);
    assert_decimal(exchange_account_at(w.exchange, w.now).reserved.nanos, "0");
    assert_int_equal(exchange_cancel(w.exchange, o->id, w.now, &why), 0);
    assert_int_equal(exchange_cancel(w.exchange, filled->id, w.now, &why), -1);
    assert_int_equal(why.status, 422);
    assert_int_equal(why.code, 42210000);
    assert_string_equal(why.message, "order is already in \"filled\" state");
    assert_int_equal(exchange_cancel(w.exchange, "nothing", w.now, &why), -1);
    assert_int_equal(why.status, 404);
    world_free(&w);
}

static void client_order_ids_are_unique_even_after_the_fill(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    struct exchange_request r = request("SPY", ORDER_BUY, "1");
    snprintf(r.client_order_id, sizeof r.client_order_id, "one");
    const struct exchange_order *o = accepted(&w, &r);
    pass(&w, NS_PER_S);
    assert_int_equal(o->status, ORDER_FILLED);
    refused(&w, &r, 422, 40010001, "client_order_id must be unique");
    assert_ptr_equal(exchange_order_find_client(w.exchange, "one"), o);
    assert_ptr_equal(exchange_order_find(w.exchange, o->id), o);
    memset(r.client_order_id, 'x', 129);
    r.client_order_id[129] = '\0';
    refused(&w, &r, 422, 40010001, "client_order_id must be no more than 128 characters");
    r.client_order_id[128] = '\0';
    accepted(&w, &r);
    world_free(&w);
}

static void what_alpaca_refuses_is_refused(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = request("SPY", ORDER_BUY, "1");
    r.has_notional = true;
    refused(&w, &r, 422, 40010001, "only one of qty or notional is accepted");
    r.has_qty = false;
    r.notional.nanos = dec("0.99");
    refused(&w, &r, 422, 42210000, "notional amount must be >= 1.00");
    r.has_notional = false;
    refused(&w, &r, 422, 40010001, "qty or notional is required");
    r = request("SPY", ORDER_BUY, "0");
    refused(&w, &r, 422, 40010001, "qty must be > 0");
    r = request("NONE", ORDER_BUY, "1");
    refused(&w, &r, 422, 42210000, "asset \"NONE\" not found");
    r = limit("SPY", ORDER_BUY, "1", "290.123");
    refused(&w, &r, 422, 42210000,
            "invalid limit_price 290.123. sub-penny increment does not fulfill minimum pricing criteria");
    r = request("SPY", ORDER_BUY, "0.5");
    r.tif = TIF_GTC;
    refused(&w, &r, 422, 42210000, "fractional orders must be DAY orders");
    r = request("SPY", ORDER_BUY, "0.003");
    refused(&w, &r, 403, 40310000, "cost basis must be >= minimal amount of order 1");
    r = request("SPY", ORDER_BUY, "1334"); // 400 200 at four times the equity
    refused(&w, &r, 403, 40310000, "insufficient buying power");
    r = request("SPY", ORDER_BUY, "9000000000");
    refused(&w, &r, 403, 40310000, "insufficient buying power");
    r = request("SPY", ORDER_SELL, "0.5");
    refused(&w, &r, 422, 42210000, "fractional orders cannot be sold short");
    exchange_settings(w.exchange)->no_shorting = true;
    r = request("SPY", ORDER_SELL, "1");
    refused(&w, &r, 403, 40310000, "account is not allowed to short");
    exchange_settings(w.exchange)->suspend_trade = true;
    refused(&w, &r, 403, 40310000, "new orders are rejected by user request");
    assert_int_equal(exchange_order_count(w.exchange), 0);
    world_free(&w);
}

static void sells_never_exceed_what_is_available(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request buy = request("SPY", ORDER_BUY, "5"), sell = request("SPY", ORDER_SELL, "6");
    accepted(&w, &buy);
    refused(&w, &sell, 403, 40310000, "potential wash trade detected. use complex orders");
    pass(&w, NS_PER_S);
    refused(&w, &sell, 403, 40310000, "insufficient qty available for order (requested: 6, available: 5)");
    struct exchange_request resting = limit("SPY", ORDER_SELL, "3", "310");
    accepted(&w, &resting);
    sell.qty.nanos = dec("2.5");
    refused(&w, &sell, 403, 40310000, "insufficient qty available for order (requested: 2.5, available: 2)");
    sell.qty.nanos = dec("2");
    accepted(&w, &sell);
    pass(&w, NS_PER_S);
    assert_decimal(exchange_position_find(w.exchange, w.spy)->qty.nanos, "3");
    fix(&w, w.spy, "311");
    pass(&w, 2 * NS_PER_S);
    assert_null(exchange_position_find(w.exchange, w.spy));
    assert_decimal(exchange_cash(w.exchange).nanos, "100033"); // 3 shares, 11 dollars each
    world_free(&w);
}

static void what_is_held_backs_further_orders(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    fix(&w, w.tlt, "150");
    struct exchange_request spy = request("SPY", ORDER_BUY, "1000"), tlt = request("TLT", ORDER_BUY, "600");
    accepted(&w, &spy);
    pass(&w, NS_PER_S);
    assert_decimal(exchange_cash(w.exchange).nanos, "-200000");
    accepted(&w, &tlt); // four times the equity, less what is held: 100,000
    pass(&w, NS_PER_S);
    tlt.qty.nanos = dec("67");
    refused(&w, &tlt, 403, 40310000, "insufficient buying power");
    world_free(&w);

    w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    fix(&w, w.tlt, "150");
    struct exchange_request sell = request("SPY", ORDER_SELL, "10");
    accepted(&w, &sell);
    pass(&w, NS_PER_S); // 103,000 of cash, of which the short owes 3,000
    tlt.qty.nanos = dec("2647");
    refused(&w, &tlt, 403, 40310000, "insufficient buying power"); // 397,050 of 397,000
    tlt.qty.nanos = dec("2646");
    accepted(&w, &tlt);
    world_free(&w);
}

static void a_short_is_sold_and_covered(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request sell = request("SPY", ORDER_SELL, "10"), cover = request("SPY", ORDER_BUY, "11");
    const struct exchange_order *o = accepted(&w, &sell);
    assert_string_equal(o->position_intent, "sell_to_open");
    assert_decimal(exchange_account_at(w.exchange, w.now).reserved.nanos, "3090"); // 3% above the ask
    pass(&w, NS_PER_S);
    assert_decimal(exchange_position_find(w.exchange, w.spy)->qty.nanos, "-10");
    struct exchange_account a = exchange_account_at(w.exchange, w.now);
    assert_decimal(a.cash.nanos, "103000");
    assert_decimal(a.equity.nanos, "100000");
    assert_decimal(a.buying_power.nanos, "397000");
    refused(&w, &cover, 403, 40310000, "insufficient qty available for order (requested: 11, available: 10)");
    cover.qty.nanos = dec("10");
    fix(&w, w.spy, "290");
    o = accepted(&w, &cover);
    assert_string_equal(o->position_intent, "buy_to_close");
    pass(&w, NS_PER_S);
    assert_null(exchange_position_find(w.exchange, w.spy));
    assert_decimal(exchange_cash(w.exchange).nanos, "100100");
    world_free(&w);
}

static void opposite_orders_that_did_not_cross_may_flip_a_position(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request sell = limit("SPY", ORDER_SELL, "10", "305"), buy = limit("SPY", ORDER_BUY, "25", "295");
    accepted(&w, &sell);
    accepted(&w, &buy);
    fix(&w, w.spy, "306");
    pass(&w, 2 * NS_PER_S);
    fix(&w, w.spy, "294");
    pass(&w, 2 * NS_PER_S);
    const struct exchange_position *p = exchange_position_find(w.exchange, w.spy);
    assert_decimal(p->qty.nanos, "15");
    assert_decimal(p->cost.nanos, "4410");
    assert_decimal(exchange_account_at(w.exchange, w.now).equity.nanos, "100120"); // 10 * 12
    world_free(&w);
}

static void a_day_order_waits_for_the_open_and_expires_at_the_close(void **state)
{
    (void)state;
    struct world w = world_made(usual, true, "2026-11-20T22:00:00Z"); // Friday after the close
    fix(&w, w.spy, "300");
    struct exchange_request market = request("SPY", ORDER_BUY, "1"), resting = limit("SPY", ORDER_BUY, "1", "200");
    const struct exchange_order *a = accepted(&w, &market), *b = accepted(&w, &resting);
    assert_int_equal(a->status, ORDER_ACCEPTED);
    assert_int_equal(a->expires_at, at("2026-11-23T21:00:00Z"));
    w.now = at("2026-11-23T14:29:59.999Z");
    exchange_advance(w.exchange, w.now);
    assert_int_equal(a->status, ORDER_ACCEPTED);
    pass(&w, NS_PER_S);
    assert_int_equal(a->status, ORDER_FILLED);
    assert_int_equal(b->status, ORDER_NEW);
    w.now = at("2026-11-23T21:00:00Z");
    exchange_advance(w.exchange, w.now);
    assert_int_equal(b->status, ORDER_EXPIRED);
    assert_int_equal(b->expired_at, b->expires_at);
    assert_decimal(exchange_account_at(w.exchange, w.now).reserved.nanos, "0");
    world_free(&w);
}

static void the_result_does_not_depend_on_how_often_it_is_advanced(void **state)
{
    (void)state;
    struct exchange_params p = usual;
    p.partial_ppm = 300000;
    struct world w[2];
    for (int i = 0; i < 2; i++) {
        w[i] = world_made(p, false, "2026-11-20T15:00:00Z");
        for (int n = 1; n <= 8; n++) {
            char qty[8];
            snprintf(qty, sizeof qty, "%d", n * 3);
            struct exchange_request r = n % 2 ? request("SPY", ORDER_BUY, qty) : limit("TLT", ORDER_BUY, qty, "159.5");
            accepted(&w[i], &r);
        }
        for (int step = 0; step < (i == 0 ? 1 : 3600); step++)
            pass(&w[i], (i == 0 ? 3600 : 1) * NS_PER_S);
    }
    assert_int_equal(exchange_fill_count(w[0].exchange), exchange_fill_count(w[1].exchange));
    assert_true(exchange_fill_count(w[0].exchange) >= 8);
    for (size_t i = 0; i < exchange_fill_count(w[0].exchange); i++) {
        const struct exchange_fill *a = exchange_fill_at(w[0].exchange, i), *b = exchange_fill_at(w[1].exchange, i);
        assert_string_equal(a->id, b->id);
        assert_int_equal(a->at, b->at);
        assert_int_equal(a->qty.nanos, b->qty.nanos);
        assert_int_equal(a->price.nanos, b->price.nanos);
    }
    assert_int_equal(exchange_cash(w[0].exchange).nanos, exchange_cash(w[1].exchange).nanos);
    for (int i = 0; i < 2; i++)
        world_free(&w[i]);
}

static void fill_ids_hold_the_new_york_time(void **state)
{
    (void)state;
    struct world w = world_made(usual, false, "2026-07-20T15:10:18.050Z");
    struct exchange_request r = request("SPY", ORDER_BUY, "0.5");
    accepted(&w, &r);
    pass(&w, NS_PER_S);
    const struct exchange_fill *f = exchange_fill_at(w.exchange, 0);
    assert_memory_equal(f->id, "20260720111018054::", 19);
    assert_int_equal(strlen(f->id), 19 + 36);
    assert_int_equal(exchange_fill_find(w.exchange, f->id), 0);
    assert_int_equal(exchange_fill_find(w.exchange, "x"), 1);
    world_free(&w);
}

static void the_path_stays_in_its_bar_and_touches_low_and_high(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct market *m = market_made(true, 1, seed);
        int64_t open = at("2026-11-20T14:30:00Z"), close = at("2026-11-20T21:00:00Z");
        assert_int_equal(market_start(m, open, NULL), 0);
        const struct market_symbol *s = market_find(m, "SPY");
        struct market_quote q;
        int64_t low = INT64_MAX, high = 0, last = 0, step = 0;
        for (int64_t t = open; t < close; t += 100 * MS) {
            market_quote(m, s, t, &q);
            assert_true(q.bid.nanos < q.ask.nanos);
            assert_in_range(q.last.nanos, q.bid.nanos, q.ask.nanos);
            low = q.last.nanos < low ? q.last.nanos : low;
            high = q.last.nanos > high ? q.last.nanos : high;
            if (last != 0 && llabs(q.last.nanos - last) > step)
                step = llabs(q.last.nanos - last);
            last = q.last.nanos;
        }
        market_quote(m, s, open - NS_PER_S, &q);
        assert_decimal(q.last.nanos, "310"); // the close of the day before
        market_quote(m, s, open, &q);
        assert_decimal(q.last.nanos, "309.5"); // the newest bar: 309.5 open, 306.5 low, 311.5 high, 310.5 close
        market_quote(m, s, close - 1, &q);
        assert_decimal(q.last.nanos, "310.5");
        market_quote(m, s, close + NS_PER_S, &q);
        assert_decimal(q.last.nanos, "310.5"); // stands over the weekend
        assert_decimal(low, "306.5");
        assert_decimal(high, "311.5");
        assert_in_range(step, 1, dec("0.02")); // smooth at ten looks a second
        market_free(m);
    }
}

static void history_is_redated_one_for_one_and_ends_before_today(void **state)
{
    (void)state;
    struct market *m = market_made(true, 1, 1);
    assert_int_equal(market_add_special_day(m, (struct day){2026, 11, 26}, true, 0, NULL), 0);
    assert_int_equal(market_add_split(m, "SPY", (struct day){2020, 12, 19}, 4, 1, NULL), 0);
    int64_t now = at("2026-11-30T15:00:00Z"); // Monday after Thanksgiving
    assert_int_equal(market_start(m, now, NULL), 0);
    const struct market_symbol *s = market_find(m, "SPY");
    size_t n = market_history_count(m, s, now);
    assert_int_equal(n, 19);
    struct market_bar b = market_history_at(m, s, n - 1, false, now);
    assert_int_equal(day_compare(b.date, (struct day){2026, 11, 27}), 0);
    assert_decimal(b.close.nanos, "310"); // bar of 2020-12-19, the ex date
    b = market_history_at(m, s, n - 2, false, now);
    assert_int_equal(day_compare(b.date, (struct day){2026, 11, 25}), 0);
    assert_decimal(b.close.nanos, "309.5");
    assert_int_equal(b.volume, 1000000);
    b = market_history_at(m, s, n - 2, true, now);
    assert_decimal(b.close.nanos, "77.375");
    assert_int_equal(b.volume, 4000000);
    assert_int_equal(market_history_count(m, s, at("2026-12-01T05:00:00Z")), 20); // the next day: one more
    assert_int_equal(market_history_count(m, s, at("2026-11-29T15:00:00Z")), 19); // Sunday: before Monday's
    market_free(m);
}

static void prices_never_jump_when_the_bars_wrap(void **state)
{
    (void)state;
    struct market *m = market_made(false, 60, 3);
    int64_t now = at("2026-11-20T15:00:00Z");
    assert_int_equal(market_start(m, now, NULL), 0);
    const struct market_symbol *s = market_find(m, "TLT");
    struct market_quote q;
    market_quote(m, s, now, &q);
    int64_t last = q.last.nanos, moved = 0;
    for (int i = 0; i < 20000; i++) { // 55 hours at 60 times: 139 bars, over both turning points
        now += 10 * NS_PER_S;
        market_quote(m, s, now, &q);
        assert_in_range(llabs(q.last.nanos - last), 0, dec("2.5"));
        moved += q.last.nanos != last;
        last = q.last.nanos;
    }
    assert_true(moved > 15000);
    market_free(m);
}

static void the_exchange_calendar_knows_closed_days_and_early_closes(void **state)
{
    (void)state;
    struct market *m = market_made(true, 1, 1);
    assert_int_equal(market_add_special_day(m, (struct day){2026, 11, 26}, true, 0, NULL), 0);
    assert_int_equal(market_add_special_day(m, (struct day){2026, 11, 27}, false, 13 * 3600, NULL), 0);
    assert_int_equal(market_start(m, at("2026-11-20T15:00:00Z"), NULL), 0);
    struct market_session s;
    assert_false(market_day_session(m, (struct day){2026, 11, 26}, &s));
    assert_false(market_day_session(m, (struct day){2026, 11, 28}, &s));
    assert_true(market_day_session(m, (struct day){2026, 11, 27}, &s));
    assert_int_equal(s.close_ns, at("2026-11-27T18:00:00Z"));
    assert_false(market_is_open(m, at("2026-11-25T21:00:00Z")));
    assert_true(market_is_open(m, at("2026-11-25T20:59:59Z")));
    market_session_at(m, at("2026-11-25T21:00:00Z"), &s);
    assert_int_equal(s.open_ns, at("2026-11-27T14:30:00Z"));
    market_free(m);
}

static void ten_thousand_orders_stay_usable(void **state)
{
    (void)state;
    struct exchange_params p = usual;
    p.cash.nanos = 10000000 * DECIMAL_ONE;
    struct world w = world_made(p, false, "2026-11-20T15:00:00Z");
    fix(&w, w.spy, "300");
    struct exchange_request r = limit("SPY", ORDER_BUY, "1", "200");
    for (int i = 0; i < 10000; i++) {
        snprintf(r.client_order_id, sizeof r.client_order_id, "order-%d", i);
        accepted(&w, &r);
    }
    pass(&w, 10 * NS_PER_S);
    assert_decimal(exchange_account_at(w.exchange, w.now).reserved.nanos, "2000000");
    fix(&w, w.spy, "199");
    pass(&w, 3 * NS_PER_S);
    assert_int_equal(exchange_fill_count(w.exchange), 10000);
    assert_decimal(exchange_cash(w.exchange).nanos, "8010000");
    assert_non_null(exchange_order_find_client(w.exchange, "order-9999"));
    world_free(&w);
}

int main(void)
{
    if (when_zone_init(NULL) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_share_order_goes_pending_new_new_filled),
        cmocka_unit_test(a_fractional_order_fills_within_milliseconds_and_cash_is_whole_cents),
        cmocka_unit_test(a_notional_order_buys_as_much_as_its_money_buys),
        cmocka_unit_test(partial_fills_add_up_and_are_drawn_from_the_seed),
        cmocka_unit_test(a_limit_order_waits_until_it_is_marketable),
        cmocka_unit_test(cancel_succeeds_fails_and_repeats),
        cmocka_unit_test(client_order_ids_are_unique_even_after_the_fill),
        cmocka_unit_test(what_alpaca_refuses_is_refused),
        cmocka_unit_test(sells_never_exceed_what_is_available),
        cmocka_unit_test(what_is_held_backs_further_orders),
        cmocka_unit_test(a_short_is_sold_and_covered),
        cmocka_unit_test(opposite_orders_that_did_not_cross_may_flip_a_position),
        cmocka_unit_test(a_day_order_waits_for_the_open_and_expires_at_the_close),
        cmocka_unit_test(the_result_does_not_depend_on_how_often_it_is_advanced),
        cmocka_unit_test(fill_ids_hold_the_new_york_time),
        cmocka_unit_test(the_path_stays_in_its_bar_and_touches_low_and_high),
        cmocka_unit_test(history_is_redated_one_for_one_and_ends_before_today),
        cmocka_unit_test(prices_never_jump_when_the_bars_wrap),
        cmocka_unit_test(the_exchange_calendar_knows_closed_days_and_early_closes),
        cmocka_unit_test(ten_thousand_orders_stay_usable),
    };
    return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
