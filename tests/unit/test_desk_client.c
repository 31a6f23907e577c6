// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/desk*.o daemon/exposure*.o daemon/metrics.o
//
// Whoever asks for an order outside a run is answered in bounded time, whatever it waits for. The room is that of
// test_desk.c.
#include "tests/unit/desk_room.h"

// Whoever asked for it outside a run is told meanwhile that it is an intent; whatever comes of it is told later.
static void place_outside_a_run(const char *id)
{
    struct intent in = {.session = session, .created_at = clock_wall_ns()};
    strcpy(in.account, "PASIM0000001");
    in.order = (struct order_request){
        .symbol = "SPY", .side = ORDER_BUY, .type = ORDER_MARKET, .tif = TIF_DAY, .qty = SHARES(2)};
    strcpy(in.order.client_order_id, id);
    desk_place(desk, &in, on_answer, NULL);
}

static void told_of_a_lost_commit(enum ledger_result second)
{
    place_outside_a_run(ID);
    commit(LEDGER_LOST);
    assert_int_equal(w.answered, 0); // a moment's break
    turn_until(&w.commits, 2);
    commit(second);
    assert_int_equal(w.answered, 1);
    assert_int_equal(w.last.status, ORDER_INTENT);
    assert_int_equal(open_buys(), USD(200).nanos);
    turn_until(&w.commits, 3);
    commit(LEDGER_CONFLICT);
    assert_int_equal(w.answered, 1);
    assert_int_equal(open_buys(), 0);
}

static void who_waits_for_a_lost_commit_is_answered_when_it_is_lost_again(void **state)
{
    (void)state;
    told_of_a_lost_commit(LEDGER_LOST);
}

static void who_waits_for_a_lost_commit_is_answered_when_the_ledger_is_down(void **state)
{
    (void)state;
    told_of_a_lost_commit(LEDGER_DOWN);
}

// --- whoever asks for an order outside a run is answered in time

static int answered_soon(void **state)
{
    answer_within_ms = 20;
    set_up(state);
    answer_within_ms = 0;
    return 0;
}

static void told_as_it_stands(enum order_status status, int64_t open_usd)
{
    turn_until(&w.answered, 1);
    assert_int_equal(w.last.status, status);
    assert_true(w.last.reason[0]);
    assert_int_equal(open_buys(), USD(open_usd).nanos);
}

static void whatever_it_waits_for_the_client_is_answered_in_time(void **state)
{
    (void)state;
    place_outside_a_run(ID); // Postgres does not answer
    told_as_it_stands(ORDER_INTENT, 200);
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.answered, 1); // once
    assert_int_equal(w.last.status, ORDER_NEW);
}

static void also_when_the_broker_is_slow(void **state)
{
    (void)state;
    place_outside_a_run(ID);
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    told_as_it_stands(ORDER_SENDING, 200);
}

// So many of a run wait for Postgres that its turn does not come.
static void also_when_its_turn_does_not_come(void **state)
{
    (void)state;
    struct intent in = {.session = session, .created_at = clock_wall_ns()};
    strcpy(in.run_id, "run-1");
    strcpy(in.account, "PASIM0000001");
    in.order = (struct order_request){
        .symbol = "SPY", .side = ORDER_BUY, .type = ORDER_MARKET, .tif = TIF_DAY, .qty = {DECIMAL_ONE / 100}};
    for (int i = 0; i < 64; i++) {
        snprintf(in.order.client_order_id, sizeof in.order.client_order_id, "pg1-%032d", i + 100);
        desk_place(desk, &in, NULL, NULL);
    }
    int commits = w.commits;
    place_outside_a_run(ID);
    assert_int_equal(w.commits, commits);
    told_as_it_stands(ORDER_INTENT, 200 + 64);
}

static void an_order_of_a_run_waits(void **state)
{
    (void)state;
    place(ORDER_BUY, 2);
    for (int i = 0; i < 4; i++)
        loop_step(loop, 20);
    assert_int_equal(w.answered, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define SOON(name) cmocka_unit_test_setup_teardown(name, answered_soon, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(who_waits_for_a_lost_commit_is_answered_when_it_is_lost_again),
        T(who_waits_for_a_lost_commit_is_answered_when_the_ledger_is_down),
        SOON(whatever_it_waits_for_the_client_is_answered_in_time),
        SOON(also_when_the_broker_is_slow),
        SOON(also_when_its_turn_does_not_come),
        SOON(an_order_of_a_run_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
