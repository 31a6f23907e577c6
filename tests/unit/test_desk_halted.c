// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/desk*.o daemon/exposure*.o daemon/metrics.o
//
// What a halt makes of the orders that are open: cancelled once, and again in their own time. The room is that of
// test_desk.c.
#include "tests/unit/desk_room.h"

static void live(enum order_side side)
{
    to_the_wire(side, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    ledger_takes(LEDGER_OK);
    assert_int_equal(desk_open_count(desk), 1);
}

static void what_is_live_is_cancelled_once_until_it_has_ended(void **state)
{
    (void)state;
    live(ORDER_BUY);
    assert_int_equal(desk_cancel_open(desk, NULL, false), 1);
    assert_int_equal(w.calls, 1);
    assert_int_equal(w.call_op, OP_CANCEL);
    assert_string_equal(w.call_id, "o-1");
    assert_int_equal(desk_cancel_open(desk, NULL, false), 1);
    assert_int_equal(w.calls, 1); // on its way
    broker_answers(w.call_done, w.call_arg, BROKER_UNKNOWN, 500, NULL);
    assert_int_equal(desk_cancel_open(desk, NULL, false), 1);
    assert_int_equal(w.calls, 1); // not more often than a refusal is tried again
    struct order_state gone;
    struct json_doc *doc;
    struct err err;
    const char *json = order_json(ID, "canceled", "0");
    assert_int_equal(json_doc_parse(json, strlen(json), &doc, &err), 0);
    assert_int_equal(alpaca_order_parse(json_doc_root(doc), &gone, &err), 0);
    json_doc_free(doc);
    desk_broker_says(desk, &gone, "poll");
    ledger_takes(LEDGER_OK);
    assert_int_equal(desk_cancel_open(desk, NULL, false), 0);
}

static void what_waits_for_its_turn_is_not_sent(void **state)
{
    (void)state;
    place(ORDER_BUY, 2);
    commit(LEDGER_OK);
    assert_int_equal(desk_cancel_open(desk, NULL, false), 1);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 0);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NOT_PLACED);
    assert_int_equal(desk_cancel_open(desk, NULL, false), 0);
}

static void what_only_reduces_may_stay(void **state)
{
    (void)state;
    live(ORDER_SELL);
    assert_int_equal(desk_cancel_open(desk, NULL, true), 0);
    assert_int_equal(w.calls, 0);
    assert_int_equal(desk_cancel_open(desk, NULL, false), 1);
    assert_int_equal(w.calls, 1);
}

static void what_opens_may_not_stay(void **state)
{
    (void)state;
    live(ORDER_BUY);
    assert_int_equal(desk_cancel_open(desk, NULL, true), 1);
    assert_int_equal(w.calls, 1);
}

static void what_is_of_the_strategy_or_may_be_is_cancelled(void **state)
{
    (void)state;
    live(ORDER_BUY); // of a run, and whose is not known
    assert_int_equal(desk_cancel_open(desk, "alpha", true), 1);
    assert_int_equal(w.calls, 1);
    tear_down(state);
    set_up(state);
    struct intent in = {.session = session, .created_at = clock_wall_ns()};
    strcpy(in.account, "PASIM0000001");
    strcpy(in.strategy, "beta");
    in.order = (struct order_request){
        .symbol = "SPY", .side = ORDER_SELL, .type = ORDER_MARKET, .tif = TIF_DAY, .qty = SHARES(2)};
    strcpy(in.order.client_order_id, ID);
    desk_place(desk, &in, on_answer, NULL);
    assert_int_equal(desk_cancel_open(desk, "alpha", false), 0);
    assert_int_equal(desk_cancel_open(desk, "beta", false), 1);
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 0);
    ledger_takes(LEDGER_OK);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(what_is_live_is_cancelled_once_until_it_has_ended),
        T(what_waits_for_its_turn_is_not_sent),
        T(what_only_reduces_may_stay),
        T(what_opens_may_not_stay),
        T(what_is_of_the_strategy_or_may_be_is_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
