// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/run.o daemon/run_plan.o daemon/run_preview.o daemon/run_orders.o daemon/run_try.o daemon/run_settle.o
// needs: daemon/run_books.o daemon/run_late.o daemon/run_resume.o daemon/exposure*.o daemon/metrics.o daemon/watch.o
//
// What an earlier life left of a run: read anew, then followed, sent to its end, or given up at the deadline.
#include "tests/unit/run_room.h"

static struct ledger_stored_leg stored_legs[3] = {
    {{.leg = 1, .symbol = "SPY", .side = ORDER_SELL, .qty = {10 * DECIMAL_ONE}, .decision_price = {100 * DECIMAL_ONE}},
     "weights"},
    {{.leg = 2, .symbol = "GLD", .side = ORDER_BUY, .qty = {5 * DECIMAL_ONE}, .decision_price = {100 * DECIMAL_ONE}},
     "weights"},
    {{.leg = 3, .symbol = "TLT", .side = ORDER_BUY, .qty = {5 * DECIMAL_ONE}, .decision_price = {100 * DECIMAL_ONE}},
     "weights"},
};

static struct order_row of_try(int leg, int try_no, enum order_status status, int64_t filled)
{
    const struct plan_leg *p = &stored_legs[leg - 1].leg;
    struct order_row row = {.status = status, .filled_qty = SHARES(filled)};
    row.intent.leg = leg;
    row.intent.try_no = try_no;
    row.intent.created_at = w.now;
    row.updated_at = w.now + config.walk_step_ms * NS_PER_MS;
    row.intent.order.side = p->side;
    row.intent.order.qty = p->qty;
    strcpy(row.intent.order.symbol, p->symbol);
    client_order_id_make("PASIM0000001", session, order.slot_key, leg, try_no, row.intent.order.client_order_id);
    return row;
}

static void told_of(const struct order_row *row)
{
    runs_order_changed(runs, row);
}

static void load(struct order_row *orders, size_t count, int64_t members_failed)
{
    const struct ledger_stored_plan plan = {
        .legs = stored_legs, .leg_count = 3, .orders = orders, .order_count = count, .members_failed = members_failed};
    assert_int_equal(w.stored_asked, 1);
    w.stored_done(w.stored_arg, LEDGER_OK, &plan);
}

static void a_planned_run_places_the_stored_plan(void **state)
{
    (void)state;
    cash(5000);
    positions_read();
    price("GLD", 100);
    resume(RUN_PLANNED);
    load(NULL, 0, 0);
    assert_int_equal(w.placed, 0); // a life that has read nothing reads first
    assert_int_equal(w.refreshed_count, 3);
    refresh();
    assert_int_equal(w.placed, 3);
    assert_int_equal(w.plans, 0);
    struct order_row first = of_try(1, 1, ORDER_NEW, 0);
    assert_string_equal(w.intents[0].order.client_order_id, first.intent.order.client_order_id);
    for (int i = 0; i < 3; i++)
        answer(i, ORDER_FILLED, w.intents[i].order.qty);
    settle();
    assert_int_equal(w.told.status, RUN_COMPLETED);
    assert_int_equal(w.told.orders_submitted, 3);
}

static void it_waits_until_it_may_start(void **state)
{
    (void)state;
    w.allowed = false;
    resume(RUN_PLANNED);
    load(NULL, 0, 0);
    for (int i = 0; i < 5; i++)
        loop_step(loop, 100);
    assert_int_equal(w.refreshes, 0);
    w.allowed = true;
    turn_until(&w.refreshes, 1);
}

static void a_claimed_run_tells_what_it_waited_for(void **state)
{
    (void)state;
    w.allowed = false;
    resume(RUN_CLAIMED);
    loop_step(loop, 300);
    w.now += 120 * NS_PER_S;
    turn_until(&w.alerts, 1);
    assert_int_equal(w.told.status, RUN_MISSED);
    assert_string_equal(w.told.detail, "claimed before a restart and not started within latest_start: orders are held");
}

static void a_buy_waits_until_the_proceeds_are_read(void **state)
{
    (void)state;
    cash(100);
    positions_read();
    price("GLD", 100);
    resume(RUN_PLANNED);
    load(NULL, 0, 0);
    refresh();
    assert_int_equal(w.placed, 1);
    w.now += NS_PER_S;
    answer(0, ORDER_FILLED, SHARES(10));
    for (int i = 0; i < 10; i++) {
        turn_until(&w.refreshes, 2 + i);
        w.refresh_done(w.refresh_arg, false, "account: 503");
        assert_int_equal(w.placed, 1); // judged by the cash of before, it would be denied
    }
    turn_until(&w.refreshes, 12);
    cash(5000);
    refresh();
    assert_int_equal(w.placed, 3);
}

static void a_sending_run_first_knows_every_order_then_sends_the_rest(void **state)
{
    (void)state;
    cash(5000);
    positions_read();
    price("GLD", 100);
    resume(RUN_SENDING);
    struct order_row orders[] = {of_try(1, 1, ORDER_FILLED, 10), of_try(2, 1, ORDER_UNKNOWN, 0)};
    load(orders, 2, 0);
    struct risk_view view;
    assert_true(exposure_view(exposure, &orders[0].intent.order, "run-1", session, w.now, &view));
    assert_int_equal(view.orders_in_run, 2);                // what the earlier life sent counts
    assert_int_equal(w.send_until, w.now + 600 * NS_PER_S); // the desk may send it again until the deadline
    for (int i = 0; i < 5; i++)
        loop_step(loop, 100);
    assert_int_equal(w.refreshes, 0); // one is not known: nothing new
    orders[1].status = ORDER_NEW;
    told_of(&orders[1]);
    turn_until(&w.refreshes, 1);
    refresh();
    assert_int_equal(w.placed, 1); // only what was never handed over
    assert_string_equal(w.intents[0].order.symbol, "TLT");
    assert_int_equal(w.intents[0].try_no, 1);
    orders[1].status = ORDER_FILLED;
    orders[1].filled_qty = SHARES(5);
    told_of(&orders[1]);
    answer(0, ORDER_FILLED, SHARES(5));
    settle();
    assert_int_equal(w.told.status, RUN_COMPLETED);
    assert_int_equal(w.told.orders_submitted, 3);
    assert_non_null(strstr(w.told.detail, "resumed"));
}

static void resume_a_walk(void)
{
    cash(0);
    config.strategies[0].execution = EXECUTION_WALK;
    resume(RUN_SENDING);
}

// The first step of a walk, which took 4 of 10.
static struct order_row cancelled_step(void)
{
    struct order_row row = of_try(1, 1, ORDER_CANCELED, 4);
    row.intent.order.type = ORDER_LIMIT;
    return row;
}

static void a_walk_goes_on_at_the_right_try(void **state)
{
    (void)state;
    resume_a_walk();
    struct order_row orders[] = {cancelled_step(), of_try(1, 2, ORDER_NEW, 0)};
    orders[1].intent.order.type = ORDER_LIMIT;
    load(orders, 2, 0);
    turn_until(&w.cancels, 1); // the time of the second is measured from when it was sent
    assert_string_equal(w.cancelled, orders[1].intent.order.client_order_id);
    orders[1].status = ORDER_CANCELED;
    orders[1].filled_qty = SHARES(1);
    told_of(&orders[1]);
    turn_until(&w.refreshes, 1);
    refresh();
    assert_int_equal(w.placed, 1);
    assert_int_equal(w.intents[0].try_no, 3);
    assert_int_equal(w.intents[0].order.type, ORDER_MARKET);
    assert_int_equal(w.intents[0].order.qty.nanos, SHARES(5).nanos);
}

static void a_walk_killed_between_two_tries_sends_the_next(void **state)
{
    (void)state;
    resume_a_walk();
    struct order_row first = cancelled_step();
    load(&first, 1, 0);
    refresh();
    assert_int_equal(w.placed, 1);
    assert_int_equal(w.intents[0].try_no, 2);
    assert_int_equal(w.intents[0].order.type, ORDER_LIMIT);
    assert_int_equal(w.intents[0].order.qty.nanos, SHARES(6).nanos);
}

static void a_step_that_somebody_else_cancelled_ends_the_walk_after_a_restart_too(void **state)
{
    (void)state;
    resume_a_walk();
    struct order_row first = cancelled_step();
    first.updated_at = first.intent.created_at + config.walk_step_ms * NS_PER_MS / 2;
    load(&first, 1, 0);
    for (int i = 0; i < 5; i++)
        loop_step(loop, 100);
    assert_int_equal(w.refreshes + w.placed, 0); // nor are the buys, with that much unsold
    settle();
    assert_int_equal(w.told.status, RUN_PARTIAL);
}

static void the_deadline_cancels_while_the_plan_cannot_be_read(void **state)
{
    (void)state;
    w.late = true;
    resume(RUN_SENDING);
    turn_until(&w.run_cancels, 1);
    assert_int_equal(w.stored_asked, 1);
    struct order_row first = of_try(1, 1, ORDER_NEW, 0);
    load(&first, 1, 0);
    turn_until(&w.run_cancels, 2); // and once more for what the plan told of
    assert_int_equal(w.placed, 0);
    first.status = ORDER_CANCELED;
    first.filled_qty = SHARES(2);
    told_of(&first);
    settle();
    assert_int_equal(w.told.status, RUN_PARTIAL);
}

static void after_the_deadline_nothing_more_is_sent(void **state)
{
    (void)state;
    resume(RUN_SENDING);
    w.now += 700 * NS_PER_S;
    struct order_row first = of_try(1, 1, ORDER_NEW, 0);
    load(&first, 1, 0);
    turn_until(&w.run_cancels, 1);
    assert_int_equal(w.placed, 0);
    first.status = ORDER_CANCELED;
    first.filled_qty = SHARES(5);
    told_of(&first);
    settle();
    assert_int_equal(w.told.status, RUN_PARTIAL);
    assert_int_equal(w.told.orders_skipped, 2);
    assert_int_equal(w.placed, 0);
}

static void a_settling_run_is_followed(void **state)
{
    (void)state;
    resume(RUN_SETTLING);
    struct order_row orders[] = {of_try(1, 1, ORDER_FILLED, 10), of_try(2, 1, ORDER_FILLED, 5),
                                 of_try(3, 1, ORDER_FILLED, 5)};
    load(orders, 3, 0);
    settle();
    assert_int_equal(w.placed, 0);
    assert_int_equal(w.told.status, RUN_COMPLETED);
    assert_true(w.told.settled);
}

static void a_member_that_failed_then_makes_it_partial(void **state)
{
    (void)state;
    resume(RUN_SETTLING);
    struct order_row orders[] = {of_try(1, 1, ORDER_FILLED, 10), of_try(2, 1, ORDER_FILLED, 5),
                                 of_try(3, 1, ORDER_FILLED, 5)};
    load(orders, 3, 1);
    settle();
    assert_int_equal(w.told.status, RUN_PARTIAL);
    assert_non_null(strstr(w.told.detail, "gave no usable answer"));
}

static void a_plan_that_cannot_be_read_yet_is_asked_again(void **state)
{
    (void)state;
    resume(RUN_PLANNED);
    w.stored_done(w.stored_arg, LEDGER_DOWN, NULL);
    turn_until(&w.stored_asked, 2);
    w.stored_done(w.stored_arg, LEDGER_LOST, NULL);
    turn_until(&w.stored_asked, 3);
    w.stored_done(w.stored_arg, LEDGER_CONFLICT, NULL);
    assert_int_equal(w.told.status, RUN_PARTIAL);
    assert_int_equal(w.run_cancels, 1);
}

// --- what it is resumed with

static void orders_of_no_leg_are_nobodys(void **state)
{
    (void)state;
    resume(RUN_SENDING);
    struct order_row orders[] = {of_try(1, 1, ORDER_NEW, 0), of_try(1, 1, ORDER_NEW, 0)};
    orders[0].intent.leg = 0;
    orders[1].intent.leg = 4;
    load(orders, 2, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(runs->active->legs[i].try_no, 0);
}

static void what_the_desk_knows_is_newer_than_what_is_stored(void **state)
{
    (void)state;
    struct order_row now = of_try(1, 1, ORDER_FILLED, 10), stored = of_try(1, 1, ORDER_UNKNOWN, 0);
    w.known = &now;
    resume(RUN_SENDING);
    load(&stored, 1, 0);
    assert_int_equal(runs->active->legs[0].status, ORDER_FILLED);
    assert_int_equal(runs->active->legs[0].filled.nanos, SHARES(10).nanos);
}

// As urgent as the most urgent of those whose leg it is; who is not configured any more asks for no patience.
static void a_leg_is_as_urgent_as_its_strategies(void **state)
{
    static const struct {
        const char *whose;
        enum execution_style style;
    } rows[] = {{"weights", EXECUTION_LIMIT},      {"weights other", EXECUTION_WALK},
                {"other weights", EXECUTION_WALK}, {"weights gone", EXECUTION_MARKET},
                {"gone", EXECUTION_MARKET},        {"", EXECUTION_MARKET}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (i) {
            tear_down(state);
            set_up(state);
        }
        config.strategy_count = 2;
        config.strategies[0].execution = EXECUTION_LIMIT;
        config.strategies[1].name = "other";
        config.strategies[1].execution = EXECUTION_WALK;
        strcpy(stored_legs[0].strategies, rows[i].whose);
        resume(RUN_SENDING);
        load(NULL, 0, 0);
        assert_int_equal(runs->active->legs[0].style, rows[i].style);
    }
    strcpy(stored_legs[0].strategies, "weights");
}

static void its_fills_of_an_earlier_life_are_its_own(void **state)
{
    (void)state;
    resume(RUN_SETTLING);
    struct order_row orders[] = {of_try(1, 1, ORDER_FILLED, 10), of_try(2, 1, ORDER_FILLED, 5),
                                 of_try(3, 1, ORDER_FILLED, 5)};
    const struct ledger_stored_plan plan = {
        .legs = stored_legs, .leg_count = 3, .orders = orders, .order_count = 3, .fills = 7};
    runs->books.fill_count = 9; // two are of others
    w.stored_done(w.stored_arg, LEDGER_OK, &plan);
    settle();
    assert_int_equal(w.told.fills, 7);
}

static void what_settles_sends_nothing_more(void **state)
{
    (void)state;
    resume(RUN_SETTLING);
    struct order_row first = of_try(1, 1, ORDER_FILLED, 10);
    load(&first, 1, 0);
    assert_int_equal(w.refreshes + w.placed, 0);
    settle();
    assert_int_equal(w.told.status, RUN_PARTIAL);
    assert_non_null(strstr(w.told.detail, "not sent"));
}

static void the_deadline_comes_while_it_may_not_start(void **state)
{
    (void)state;
    w.allowed = false;
    resume(RUN_PLANNED);
    load(NULL, 0, 0);
    run_deadline(runs->active);
    assert_int_equal(w.passes, 1);
    w.allowed = true;
    for (int i = 0; i < 5; i++)
        loop_step(loop, 100);
    assert_int_equal(w.refreshes + w.placed, 0);
    settle();
    assert_int_equal(w.told.status, RUN_FAILED);
}

static void before_the_plan_is_read_the_deadline_only_cancels(void **state)
{
    (void)state;
    resume(RUN_SENDING);
    run_deadline(runs->active);
    assert_int_equal(w.run_cancels, 1);
    assert_int_equal(w.kicks, 1);
    assert_int_equal(w.passes, 0);
    assert_int_equal(w.told.status, 0); // nothing is told of it
}

// A step's time is measured from when it was sent, in whichever life that was.
static int cancels_of(enum execution_style style, enum order_type type, int64_t age_ns)
{
    config.walk_step_ms = 60000;
    config.strategies[0].execution = style;
    resume(RUN_SENDING);
    struct order_row row = of_try(1, 1, ORDER_NEW, 0);
    row.intent.order.type = type;
    row.intent.created_at = w.now - age_ns;
    load(&row, 1, 0);
    for (int i = 0; i < 3; i++)
        loop_step(loop, 30);
    return w.cancels;
}

static void the_time_of_a_step_goes_on_over_a_restart(void **state)
{
    (void)state;
    assert_int_equal(cancels_of(EXECUTION_WALK, ORDER_LIMIT, 59 * NS_PER_S), 0);
    tear_down(state);
    set_up(state);
    assert_int_equal(cancels_of(EXECUTION_WALK, ORDER_LIMIT, 61 * NS_PER_S), 1);
    tear_down(state);
    set_up(state);
    assert_int_equal(cancels_of(EXECUTION_WALK, ORDER_MARKET, 61 * NS_PER_S), 0);
    tear_down(state);
    set_up(state);
    assert_int_equal(cancels_of(EXECUTION_LIMIT, ORDER_LIMIT, 61 * NS_PER_S), 0);
}

static void two_sells(enum execution_style style, enum order_side third)
{
    stored_legs[1].leg.side = ORDER_SELL;
    stored_legs[2].leg.side = third;
    config.strategies[0].execution = style;
    price("GLD", 100);
    positions_read();
    resume(RUN_SENDING);
}

static int stored_as_it_was(void **state)
{
    stored_legs[1].leg.side = stored_legs[2].leg.side = ORDER_BUY;
    return tear_down(state);
}

static void a_sell_that_is_out_is_not_sold_twice(void **state)
{
    (void)state;
    two_sells(EXECUTION_MARKET, ORDER_SELL);
    struct order_row second = of_try(2, 1, ORDER_NEW, 0);
    load(&second, 1, 0);
    assert_int_equal(w.refreshes, 1);
    assert_int_equal(w.refreshed_count, 2);
    refresh();
    assert_int_equal(w.placed, 2);
    assert_string_equal(w.intents[0].order.symbol, "SPY");
    assert_string_equal(w.intents[1].order.symbol, "TLT");
    assert_int_equal(w.refreshes, 1); // no buy waits for another
}

static void failed_sells_leave_out_no_sell(void **state)
{
    (void)state;
    two_sells(EXECUTION_WALK, ORDER_BUY);
    struct order_row first = of_try(1, 1, ORDER_REJECTED, 0), second = of_try(2, 1, ORDER_CANCELED, 1);
    first.intent.order.type = second.intent.order.type = ORDER_LIMIT;
    struct order_row orders[] = {first, second};
    load(orders, 2, 0);
    assert_int_equal(runs->active->row.orders_skipped, 1); // the buy
    assert_int_equal(w.passes, 0);
    refresh();
    assert_int_equal(w.placed, 1);
    assert_string_equal(w.intents[0].order.symbol, "GLD");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_planned_run_places_the_stored_plan),
        T(it_waits_until_it_may_start),
        T(a_claimed_run_tells_what_it_waited_for),
        T(a_buy_waits_until_the_proceeds_are_read),
        T(a_sending_run_first_knows_every_order_then_sends_the_rest),
        T(a_walk_goes_on_at_the_right_try),
        T(a_walk_killed_between_two_tries_sends_the_next),
        T(a_step_that_somebody_else_cancelled_ends_the_walk_after_a_restart_too),
        T(the_deadline_cancels_while_the_plan_cannot_be_read),
        T(after_the_deadline_nothing_more_is_sent),
        T(a_settling_run_is_followed),
        T(a_member_that_failed_then_makes_it_partial),
        T(a_plan_that_cannot_be_read_yet_is_asked_again),
        T(orders_of_no_leg_are_nobodys),
        T(what_the_desk_knows_is_newer_than_what_is_stored),
        T(a_leg_is_as_urgent_as_its_strategies),
        T(its_fills_of_an_earlier_life_are_its_own),
        T(what_settles_sends_nothing_more),
        T(the_deadline_comes_while_it_may_not_start),
        T(before_the_plan_is_read_the_deadline_only_cancels),
        T(the_time_of_a_step_goes_on_over_a_restart),
        cmocka_unit_test_setup_teardown(a_sell_that_is_out_is_not_sold_twice, set_up, stored_as_it_was),
        cmocka_unit_test_setup_teardown(failed_sells_leave_out_no_sell, set_up, stored_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
