// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/exposure*.o
//
// Exposure: reservations count from the intent on, shrink with fills and go at the end; sums over symbols are exact.
#include "tests/unit/exposure_rig.h"

static void nothing_known_is_nothing_known(void **state)
{
    (void)state;
    struct exposure *e = exposure_new();
    struct risk_view v = view_of(e, NOW);
    assert_false(v.account_known);
    assert_false(v.asset_known);
    assert_false(v.price_known);
    exposure_free(e);
}

static void an_account_without_positions_read_is_unknown(void **state)
{
    (void)state;
    struct exposure *e = exposure_new();
    struct alpaca_account a = {.equity = USD(1000)};
    exposure_set_account(e, &a, NOW);
    assert_false(view_of(e, NOW).account_known);
    exposure_set_positions(e, NULL, 0, NOW);
    assert_true(view_of(e, NOW).account_known);
    exposure_free(e);
}

static void a_buy_counts_from_its_intent_to_its_end(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(400).nanos);
    struct intent in = intent_of("a", ORDER_BUY, 2, 200);
    exposure_reserve(e, &in, NOW);
    exposure_reserve(e, &in, NOW); // the same intent counts once
    struct risk_view v = view_of(e, NOW);
    assert_int_equal(v.gross.nanos, USD(600).nanos);
    assert_int_equal(v.open_buys.nanos, USD(200).nanos);
    assert_int_equal(v.open_buy_qty.nanos, SHARES(2).nanos);
    assert_int_equal(v.orders_in_run, 1);
    assert_int_equal(v.orders_in_day, 1);
    assert_int_equal(v.notional_in_day.nanos, USD(200).nanos);
    exposure_release(e, "a");
    v = view_of(e, NOW);
    assert_int_equal(v.gross.nanos, USD(400).nanos);
    assert_int_equal(v.open_buys.nanos, 0);
    assert_int_equal(v.orders_in_day, 1); // usage of the day does not come back
    exposure_free(e);
}

static void a_fill_moves_from_open_to_held_and_takes_cash(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent in = intent_of("a", ORDER_BUY, 2, 200);
    exposure_reserve(e, &in, NOW);
    exposure_filled(e, "a", SHARES(1), NOW);
    exposure_filled(e, "a", SHARES(1), NOW); // told twice
    struct risk_view v = view_of(e, NOW);
    assert_int_equal(v.held.nanos, SHARES(5).nanos);
    assert_int_equal(v.open_buy_qty.nanos, SHARES(1).nanos);
    assert_int_equal(v.open_buys.nanos, USD(100).nanos);
    assert_int_equal(v.gross.nanos, USD(600).nanos);
    assert_int_equal(v.cash.nanos, USD(500).nanos); // what was reserved for it is spent until the account is read again
    exposure_release(e, "a");
    assert_int_equal(view_of(e, NOW).gross.nanos, USD(500).nanos);
    exposure_free(e);
}

static void an_open_sell_takes_from_what_may_be_sold(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent in = intent_of("s", ORDER_SELL, 3, 300);
    exposure_reserve(e, &in, NOW);
    struct risk_view v = view_of(e, NOW);
    assert_int_equal(v.open_sell_qty.nanos, SHARES(3).nanos);
    assert_int_equal(v.gross.nanos, USD(400).nanos); // selling never adds
    exposure_filled(e, "s", SHARES(3), NOW);
    v = view_of(e, NOW);
    assert_int_equal(v.held.nanos, SHARES(1).nanos);
    assert_int_equal(v.open_sell_qty.nanos, 0);
    exposure_free(e);
}

static void a_read_from_before_a_fill_does_not_undo_it(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct alpaca_account a = {.equity = USD(1000), .cash = USD(600)};
    struct alpaca_position before = {.symbol = "SPY", .qty = SHARES(4), .current_price = {100 * DECIMAL_ONE}};
    struct intent sell = intent_of("s", ORDER_SELL, 4, 400), buy = intent_of("b", ORDER_BUY, 2, 200);
    exposure_reserve(e, &sell, NOW);
    exposure_reserve(e, &buy, NOW);
    exposure_filled(e, "s", SHARES(4), NOW + 5);
    exposure_filled(e, "b", SHARES(1), NOW + 5);
    exposure_release(e, "s");
    exposure_set_positions(e, &before, 1, NOW + 4); // asked for before the fills, answered after them
    exposure_set_account(e, &a, NOW + 4);
    assert_int_equal(view_of(e, NOW).held.nanos, SHARES(1).nanos);
    assert_int_equal(view_of(e, NOW).cash.nanos, USD(500).nanos);
    struct alpaca_position after = {.symbol = "SPY", .qty = SHARES(1), .current_price = {100 * DECIMAL_ONE}};
    a.cash = USD(900);
    exposure_set_positions(e, &after, 1, NOW + 6);
    exposure_set_account(e, &a, NOW + 6);
    exposure_set_positions(e, &before, 1, NOW + 5); // overtaken on its way
    assert_int_equal(view_of(e, NOW).held.nanos, SHARES(1).nanos);
    assert_int_equal(view_of(e, NOW).cash.nanos, USD(900).nanos);
    exposure_free(e);
}

static void a_held_symbol_without_price_makes_gross_unknown(void **state)
{
    (void)state;
    struct exposure *e = exposure_new();
    struct alpaca_position p = {.symbol = "XYZ", .qty = SHARES(4)};
    bool known;
    exposure_set_positions(e, &p, 1, NOW);
    exposure_gross(e, &known);
    assert_false(known);
    struct alpaca_trade t = {.symbol = "XYZ", .price = {5 * DECIMAL_ONE}, .at = 7};
    exposure_set_trade(e, &t, NOW, 7);
    assert_int_equal(exposure_gross(e, &known).nanos, USD(20).nanos);
    assert_true(known);
    exposure_free(e);
}

static void the_age_of_a_price_is_that_of_its_trade(void **state)
{
    (void)state;
    struct exposure *e = exposure_new();
    struct alpaca_trade t = {.symbol = "SPY", .price = {100 * DECIMAL_ONE}, .at = 50 * NS_PER_S};
    exposure_set_trade(e, &t, NOW, 90 * NS_PER_S); // 40 s old when it was read
    assert_int_equal(view_of(e, NOW + 2 * NS_PER_S).price_age_ns, 42 * NS_PER_S);
    struct alpaca_quote q = {
        .symbol = "SPY", .bid = {98 * DECIMAL_ONE}, .ask = {102 * DECIMAL_ONE}, .at = 89 * NS_PER_S};
    exposure_set_quote(e, &q, NOW, 90 * NS_PER_S); // fresher: its dear side counts
    struct risk_view v = view_of(e, NOW);
    assert_int_equal(v.price_age_ns, NS_PER_S);
    assert_int_equal(v.price.nanos, 102 * DECIMAL_ONE);
    exposure_free(e);
}

static void usage_belongs_to_its_session(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    exposure_set_usage(e, session, (struct day_usage){7, USD(70)});
    assert_int_equal(view_of(e, NOW).orders_in_day, 7);
    struct intent in = intent_of("a", ORDER_BUY, 1, 100);
    in.session.mday++;
    exposure_reserve(e, &in, NOW);
    assert_int_equal(view_of(e, NOW).orders_in_day, 7); // a run may still be in the old one
    exposure_free(e);
}

// After any sequence the incremental sums are what one would get by adding everything up.
static void sums_stay_exact_over_many_changes(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    uint64_t seed = 3;
    int64_t open[32] = {0}, filled[32] = {0};
    for (int step = 0; step < 20000; step++) {
        seed = seed * UINT64_C(6364136223846793005) + 11;
        int k = (int)((seed >> 40) % 32);
        char id[16];
        snprintf(id, sizeof id, "o%d", k);
        if (!open[k]) {
            open[k] = 8;
            filled[k] = 0;
            struct intent in = intent_of(id, ORDER_BUY, 8, 800);
            exposure_reserve(e, &in, NOW);
        } else if ((seed >> 20) % 3) {
            filled[k] = filled[k] < 8 ? filled[k] + 1 : 8;
            exposure_filled(e, id, SHARES(filled[k]), NOW);
        } else {
            open[k] = 0;
            exposure_release(e, id);
        }
        int64_t value = 0, qty = 0;
        for (int i = 0; i < 32; i++)
            if (open[i]) {
                qty += 8 - filled[i];
                value += (8 - filled[i]) * 100;
            }
        struct risk_view v = view_of(e, NOW);
        assert_int_equal(v.open_buy_qty.nanos, SHARES(qty).nanos);
        assert_int_equal(v.open_buys.nanos, USD(value).nanos);
    }
    exposure_free(e);
}

static void orders_outside_runs_leave_the_count_of_a_run_alone(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent first = intent_of("a", ORDER_BUY, 1, 100), other = intent_of("b", ORDER_BUY, 1, 100);
    struct intent second = intent_of("c", ORDER_BUY, 1, 100);
    other.run_id[0] = '\0';
    exposure_reserve(e, &first, NOW);
    exposure_reserve(e, &other, NOW);
    exposure_reserve(e, &second, NOW);
    struct risk_view v = view_of(e, NOW);
    assert_int_equal(v.orders_in_run, 2);
    assert_int_equal(v.orders_in_day, 3);
    exposure_free(e);
}

// Positions asked for after the broker's fill, told before we hear of it: the shares are in them already.
static bool price_of(const struct exposure *e, struct price *price, int64_t *wall, int64_t *boot)
{
    return exposure_price(e, "SPY", price, wall, boot);
}

static void the_fresher_of_trade_and_quote_is_the_price(void **state)
{
    (void)state;
    struct exposure *e = exposure_new();
    struct alpaca_trade t = {.symbol = "SPY", .at = NOW};
    struct alpaca_quote q = {.symbol = "SPY", .at = NOW}, quote;
    struct price price;
    int64_t wall, boot;
    assert_false(price_of(e, &price, &wall, &boot));
    assert_false(exposure_quote(e, "SPY", &quote));
    exposure_set_trade(e, &t, NOW, NOW);
    exposure_set_quote(e, &q, NOW, NOW);
    assert_false(price_of(e, &price, &wall, &boot)); // zeros on all sides
    assert_true(exposure_quote(e, "SPY", &quote));
    q.bid.nanos = 98 * DECIMAL_ONE;
    exposure_set_quote(e, &q, NOW, NOW);
    assert_true(price_of(e, &price, &wall, &boot));
    assert_int_equal(price.nanos, q.bid.nanos); // no ask
    t.price.nanos = 100 * DECIMAL_ONE;
    exposure_set_trade(e, &t, NOW, NOW);
    assert_true(price_of(e, &price, &wall, &boot));
    assert_int_equal(price.nanos, q.bid.nanos); // as fresh: the quote
    t.at = NOW + NS_PER_S;
    exposure_set_trade(e, &t, NOW + NS_PER_S, NOW + NS_PER_S);
    assert_true(price_of(e, &price, &wall, &boot));
    assert_int_equal(price.nanos, t.price.nanos);
    assert_int_equal(wall, t.at);
    q.at = NOW + 2 * NS_PER_S; // its clock is ahead of ours
    exposure_set_quote(e, &q, NOW + NS_PER_S, NOW + NS_PER_S);
    assert_true(price_of(e, &price, &wall, &boot));
    assert_int_equal(price.nanos, q.bid.nanos);
    assert_int_equal(wall, q.at);
    assert_int_equal(boot, NOW + NS_PER_S);
    exposure_free(e);
}

static void a_quote_alone_is_a_price(void **state)
{
    (void)state;
    struct exposure *e = exposure_new();
    struct alpaca_quote q = {.symbol = "SPY", .ask = {50 * DECIMAL_ONE}, .at = NOW};
    struct alpaca_position p = {.symbol = "SPY", .qty = SHARES(-4)}, flat = {.symbol = "QQQ"};
    const struct alpaca_position both[] = {p, flat}, *read;
    struct price price;
    int64_t wall, boot;
    bool known;
    exposure_set_positions(e, both, 2, NOW);
    assert_int_equal(exposure_positions(e, &read), 2);
    assert_string_equal(read[1].symbol, "QQQ");
    exposure_gross(e, &known);
    assert_false(known);
    exposure_set_quote(e, &q, NOW - 5, NOW);
    assert_true(price_of(e, &price, &wall, &boot));
    assert_int_equal(price.nanos, q.ask.nanos);
    assert_int_equal(exposure_gross(e, &known).nanos, USD(200).nanos); // a short position is exposure
    assert_true(known);                                                // what is flat needs no price
    p.current_price.nanos = 70 * DECIMAL_ONE;
    exposure_set_positions(e, &p, 1, NOW + 1);
    assert_true(price_of(e, &price, &wall, &boot));
    assert_int_equal(price.nanos, p.current_price.nanos); // read later than the quote
    assert_int_equal(boot, NOW + 1);
    p.current_price.nanos = 90 * DECIMAL_ONE;
    exposure_set_positions(e, &p, 1, NOW + 2);
    assert_true(price_of(e, &price, &wall, &boot));
    assert_int_equal(price.nanos, 70 * DECIMAL_ONE); // known already
    struct intent in = dollars_of("one", 100);
    exposure_reserve(e, &in, NOW);
    assert_int_equal(view_of_sell(e).open_sell_qty.nanos, SHARES(2).nanos); // at the ask, the lowest there is
    exposure_free(e);
}

static void odd_fills_free_nothing(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent in = intent_of("a", ORDER_BUY, 3, 300);
    exposure_reserve(e, &in, NOW);
    exposure_filled(e, "nobody", SHARES(1), NOW);
    exposure_filled(e, "a", SHARES(1), NOW);
    exposure_filled(e, "a", SHARES(2), NOW);
    exposure_filled(e, "a", SHARES(1), NOW); // older news
    assert_int_equal(view_of(e, NOW).held.nanos, SHARES(6).nanos);
    assert_int_equal(view_of(e, NOW).open_buy_qty.nanos, SHARES(1).nanos);
    exposure_filled(e, "a", SHARES(4), NOW); // more than was ordered
    assert_int_equal(view_of(e, NOW).open_buy_qty.nanos, 0);
    assert_int_equal(view_of(e, NOW).open_buys.nanos, 0);
    exposure_free(e);
}

static void sums_that_do_not_fit_make_everything_unknown(void **state)
{
    (void)state;
    const struct order_request o = {.symbol = "SPY"};
    struct alpaca_position huge = {.symbol = "SPY", .qty = {INT64_MAX}, .current_price = {100 * DECIMAL_ONE}};
    struct intent in = intent_of("a", ORDER_BUY, 1, 1), more = intent_of("b", ORDER_BUY, 1, 1);
    struct risk_view v;
    bool known;
    in.reserved.nanos = more.reserved.nanos = INT64_MAX / 3 * 2;
    for (int what = 0; what < 3; what++) {
        struct exposure *e = with_account();
        if (what == 0) {
            exposure_set_positions(e, &huge, 1, NOW);
        } else if (what == 1) { // the day's value alone: what is open fits
            exposure_reserve(e, &in, NOW);
            exposure_release(e, "a");
            exposure_reserve(e, &more, NOW);
        } else { // of another session, so the day's value fits
            exposure_reserve(e, &in, NOW);
            more.session.mday++;
            exposure_reserve(e, &more, NOW);
        }
        assert_false(exposure_view(e, &o, "run-1", session, NOW, &v));
        assert_false(exposure_view_again(e, &more, NOW, &v));
        exposure_gross(e, &known);
        assert_false(known);
        exposure_free(e);
    }
}

// Counted like ours, but in no session; told of twice it counts once, and at its end not at all.
static void an_order_of_another_hand_is_counted_until_its_end(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent in = intent_of("f", ORDER_BUY, 1, 100), ours = intent_of("o", ORDER_BUY, 1, 100);
    exposure_reserve(e, &ours, NOW);
    exposure_reserve_foreign(e, &in, true);
    exposure_reserve_foreign(e, &in, true);
    struct risk_view v = view_of(e, NOW);
    assert_int_equal(v.quarantined, 1);
    assert_int_equal(v.open_buys.nanos, USD(200).nanos);
    assert_int_equal(v.orders_in_day, 1);
    exposure_withdraw(e, "f"); // never ours: nothing is taken back
    v = view_of(e, NOW);
    assert_int_equal(v.quarantined, 0);
    assert_int_equal(v.orders_in_day, 1);
    assert_int_equal(v.open_buys.nanos, USD(100).nanos);
    exposure_free(e);
}

static void what_was_bought_again_after_it_was_gone_is_held_again(void **state)
{
    (void)state;
    struct exposure *e = with_account(); // 4 held
    struct intent in = intent_of("a", ORDER_BUY, 3, 300);
    exposure_set_positions(e, NULL, 0, NOW + 1);
    assert_int_equal(view_of(e, NOW).held.nanos, SHARES(4).nanos);
    exposure_set_positions(e, NULL, 0, NOW + 2 + 10 * NS_PER_S);
    assert_int_equal(view_of(e, NOW).held.nanos, 0);
    exposure_reserve(e, &in, NOW + 60 * NS_PER_S);
    exposure_filled(e, "a", SHARES(3), NOW + 60 * NS_PER_S);
    exposure_set_positions(e, NULL, 0, NOW + 61 * NS_PER_S); // that read does not have it yet
    assert_int_equal(view_of(e, NOW).held.nanos, SHARES(3).nanos);
    exposure_free(e);
}

static void the_later_of_two_reads_at_one_moment_holds(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct alpaca_account a = {.equity = USD(900), .cash = USD(500)};
    struct alpaca_position p = {.symbol = "SPY", .qty = SHARES(7), .current_price = {100 * DECIMAL_ONE}};
    exposure_set_account(e, &a, NOW);
    exposure_set_positions(e, &p, 1, NOW);
    assert_int_equal(view_of(e, NOW).equity.nanos, USD(900).nanos);
    assert_int_equal(view_of(e, NOW).held.nanos, SHARES(7).nanos);
    exposure_free(e);
}

static void what_is_left_of_a_buy_in_shares_is_not_spent(void **state)
{
    (void)state;
    struct exposure *e = with_account(); // 600 in cash
    struct intent in = intent_of("a", ORDER_BUY, 4, 400);
    exposure_reserve(e, &in, NOW);
    exposure_filled(e, "a", SHARES(1), NOW + 1);
    exposure_release(e, "a");
    assert_int_equal(view_of(e, NOW).cash.nanos, USD(500).nanos);
    exposure_free(e);
}

static void one_that_counts_in_no_session_takes_nothing_from_it(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent in = intent_of("a", ORDER_BUY, 1, 100);
    struct risk_view v;
    exposure_reserve_again(e, &in);
    assert_true(exposure_view_again(e, &in, NOW, &v));
    assert_int_equal(v.orders_in_day, 0);
    assert_int_equal(v.orders_in_run, 0);
    exposure_free(e);
}

static void fills_that_do_not_fit_make_everything_unknown(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent in = intent_of("a", ORDER_BUY, 1, 100);
    struct order_request o = {.symbol = "TLT"};
    struct risk_view v;
    in.order.qty.nanos = INT64_MAX;
    exposure_reserve(e, &in, NOW);
    exposure_filled(e, "a", (struct qty){INT64_MAX - 1}, NOW);
    exposure_release(e, "a");
    strcpy(in.order.client_order_id, "b");
    exposure_reserve(e, &in, NOW);
    exposure_filled(e, "b", (struct qty){INT64_MAX - 1}, NOW);
    assert_false(exposure_view(e, &o, "", session, NOW, &v));
    exposure_free(e);
}

static void what_is_read_once_a_day(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct alpaca_asset asset = {.symbol = "SPY", .status = "active", .tradable = true};
    assert_true(exposure_asset_due(e, "SPY", session) && exposure_adv_due(e, "SPY", session));
    assert_true(exposure_asset_due(e, "TLT", session) && exposure_adv_due(e, "TLT", session));
    exposure_asset_read(e, "SPY", session);
    assert_true(exposure_asset_due(e, "SPY", session)); // its record was not understood
    exposure_set_asset(e, &asset);
    assert_false(exposure_asset_due(e, "SPY", session));
    assert_true(exposure_asset_due(e, "SPY", day_add(session, 1)));
    assert_true(view_of(e, NOW).tradable);
    strcpy(asset.status, "inactive");
    exposure_set_asset(e, &asset);
    assert_false(view_of(e, NOW).tradable);
    assert_int_equal(view_of(e, NOW).adv.nanos, 0);
    exposure_set_adv(e, "SPY", SHARES(5000), day_add(session, -7));
    assert_int_equal(view_of(e, NOW).adv.nanos, SHARES(5000).nanos);
    assert_true(exposure_adv_due(e, "SPY", session));
    exposure_set_adv(e, "SPY", SHARES(6000), day_add(session, -8)); // too long ago
    assert_int_equal(view_of(e, NOW).adv.nanos, 0);
    exposure_set_adv(e, "SPY", SHARES(6000), session);
    assert_false(exposure_adv_due(e, "SPY", session));
    exposure_free(e);
}

static void the_last_trade_stands_beside_the_quote(void **state)
{
    (void)state;
    struct exposure *e = exposure_new();
    struct alpaca_trade t = {.symbol = "SPY", .price = {99 * DECIMAL_ONE}, .at = NOW - 9};
    struct alpaca_quote q = {.symbol = "SPY", .bid = {100 * DECIMAL_ONE}, .at = NOW};
    assert_false(view_of(e, NOW).quote_known);
    exposure_set_trade(e, &t, NOW, NOW);
    assert_false(view_of(e, NOW).quote_known);
    exposure_set_quote(e, &q, NOW, NOW);
    struct risk_view v = view_of(e, NOW);
    assert_true(v.quote_known && v.bid.nanos == 100 * DECIMAL_ONE && v.ask.nanos == 0);
    assert_int_equal(v.traded.nanos, 99 * DECIMAL_ONE);
    assert_int_equal(v.traded_age_ns, 9);
    exposure_free(e);
}

static void the_older_read_is_the_age_of_the_account(void **state)
{
    (void)state;
    struct exposure *e = exposure_new();
    struct alpaca_account a = {.equity = USD(1000)}, told;
    struct alpaca_asset asset = {.symbol = "SPY"};
    int64_t boot;
    assert_false(exposure_account(e, &told, &boot));
    assert_false(exposure_asset(e, "SPY", &asset));
    exposure_set_account(e, &a, NOW + 5);
    exposure_set_positions(e, NULL, 0, NOW + 3);
    assert_int_equal(view_of(e, NOW + 10).account_age_ns, 7);
    exposure_set_positions(e, NULL, 0, NOW + 9);
    assert_int_equal(view_of(e, NOW + 10).account_age_ns, 5);
    a.equity = USD(1);
    exposure_set_account(e, &a, NOW + 4); // overtaken on its way
    assert_true(exposure_account(e, &told, &boot));
    assert_int_equal(told.equity.nanos, USD(1000).nanos);
    assert_int_equal(boot, NOW + 5);
    struct alpaca_trade t = {.symbol = "SPY"};
    exposure_set_trade(e, &t, NOW, NOW);
    assert_false(exposure_asset(e, "SPY", &asset)); // a symbol heard of otherwise
    exposure_set_asset(e, &asset);
    assert_true(exposure_asset(e, "SPY", &asset));
    exposure_free(e);
}

static void each_run_and_session_counts_from_nothing(void **state)
{
    (void)state;
    struct exposure *e = with_account();
    struct intent first = intent_of("a", ORDER_BUY, 1, 100), second = intent_of("b", ORDER_BUY, 1, 100);
    struct risk_view v;
    struct order_request o = {.symbol = "SPY"};
    strcpy(second.run_id, "run-2");
    second.session.mday++;
    exposure_reserve(e, &first, NOW);
    exposure_reserve(e, &second, NOW);
    assert_true(exposure_view(e, &o, "run-2", second.session, NOW, &v));
    assert_int_equal(v.orders_in_run, 1);
    assert_int_equal(v.orders_in_day, 1);
    assert_int_equal(v.notional_in_day.nanos, USD(100).nanos);
    assert_int_equal(view_of(e, NOW).orders_in_run, 0); // of run-1
    assert_true(exposure_view_again(e, &first, NOW, &v));
    assert_int_equal(v.orders_in_run, 0);
    assert_int_equal(v.orders_in_day, 0);
    assert_int_equal(v.notional_in_day.nanos, 0);
    exposure_free(e);
}

// Judged again, an order does not stand in its own way.
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_known_is_nothing_known),
        cmocka_unit_test(an_account_without_positions_read_is_unknown),
        cmocka_unit_test(a_buy_counts_from_its_intent_to_its_end),
        cmocka_unit_test(a_fill_moves_from_open_to_held_and_takes_cash),
        cmocka_unit_test(an_open_sell_takes_from_what_may_be_sold),
        cmocka_unit_test(a_read_from_before_a_fill_does_not_undo_it),
        cmocka_unit_test(a_held_symbol_without_price_makes_gross_unknown),
        cmocka_unit_test(the_age_of_a_price_is_that_of_its_trade),
        cmocka_unit_test(usage_belongs_to_its_session),
        cmocka_unit_test(sums_stay_exact_over_many_changes),
        cmocka_unit_test(the_fresher_of_trade_and_quote_is_the_price),
        cmocka_unit_test(a_quote_alone_is_a_price),
        cmocka_unit_test(odd_fills_free_nothing),
        cmocka_unit_test(sums_that_do_not_fit_make_everything_unknown),
        cmocka_unit_test(the_older_read_is_the_age_of_the_account),
        cmocka_unit_test(an_order_of_another_hand_is_counted_until_its_end),
        cmocka_unit_test(what_was_bought_again_after_it_was_gone_is_held_again),
        cmocka_unit_test(the_later_of_two_reads_at_one_moment_holds),
        cmocka_unit_test(what_is_left_of_a_buy_in_shares_is_not_spent),
        cmocka_unit_test(one_that_counts_in_no_session_takes_nothing_from_it),
        cmocka_unit_test(fills_that_do_not_fit_make_everything_unknown),
        cmocka_unit_test(what_is_read_once_a_day),
        cmocka_unit_test(the_last_trade_stands_beside_the_quote),
        cmocka_unit_test(each_run_and_session_counts_from_nothing),
        cmocka_unit_test(orders_outside_runs_leave_the_count_of_a_run_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
