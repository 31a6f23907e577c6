// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/desk*.o daemon/exposure*.o daemon/metrics.o
//
// The desk on null ports: ledger and broker are doubles in this file that keep what they are asked and answer when the
// test says so; guard, risk and exposure are the real ones.
#include "tests/unit/desk_room.h"

// --- tests

static void nothing_is_sent_before_the_intent_is_committed(void **state)
{
    (void)state;
    place(ORDER_BUY, 2);
    assert_int_equal(w.commits, 1);
    assert_null(w.ready);
    assert_int_equal(w.submits, 0);
    assert_int_equal(w.committed.reserved.nanos, USD(200).nanos);
    commit(LEDGER_OK);
    assert_non_null(w.ready);
    assert_int_equal(w.submits, 0); // nor before there is a rate slot
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
}

static void an_intent_that_is_not_committed_is_never_sent(void **state)
{
    (void)state;
    static const enum ledger_result bad[] = {LEDGER_DOWN, LEDGER_CONFLICT};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (i) {
            tear_down(state);
            set_up(state);
        }
        place(ORDER_BUY, 2);
        commit(bad[i]);
        assert_null(w.ready);
        ledger_takes(LEDGER_OK);
        assert_int_equal(w.answered, 1);
        assert_int_equal(w.last.status, ORDER_DENIED);
        assert_int_equal(desk_open_count(desk), 0);
    }
}

static void a_lost_commit_is_asked_again(void **state)
{
    (void)state;
    place(ORDER_BUY, 2);
    commit(LEDGER_LOST);
    turn_until(&w.commits, 2);
    assert_int_equal(w.submits, 0);
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
}

static void a_risk_row_denies_before_any_intent(void **state)
{
    (void)state;
    limits.max_order_share.nanos = DECIMAL_ONE / 1000;
    place(ORDER_BUY, 2);
    assert_int_equal(w.answered, 0); // never from within
    turn_until(&w.answered, 1);
    assert_int_equal(w.commits, 0);
    assert_int_equal(w.last.status, ORDER_DENIED);
    assert_string_equal(w.rule, "order_notional");
    assert_int_equal(w.decisions, 1);
    assert_int_equal(metrics_value(metrics, METRIC_ORDERS, "denied,order_notional"), 1);
}

static void selling_more_than_is_held_is_denied(void **state)
{
    (void)state;
    place(ORDER_SELL, 11);
    turn_until(&w.answered, 1);
    assert_int_equal(w.commits, 0);
    assert_string_equal(w.rule, "long_only");
}

static void a_halt_between_intent_and_slot_stops_the_order(void **state)
{
    (void)state;
    place(ORDER_BUY, 2);
    commit(LEDGER_OK);
    w.facts.halt_file = HALT_HALTED;
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 0);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_DENIED);
    assert_string_equal(w.rule, "halt");
    assert_int_equal(metrics_value(metrics, METRIC_ORDERS, "denied,halt"), 1);
    assert_int_equal(desk_open_count(desk), 0);
}

static void record_only_never_reaches_the_broker(void **state)
{
    (void)state;
    desk_free(desk);
    desk = desk_new(&(struct desk_params){.loop = loop,
                                          .guard = guard,
                                          .exposure = exposure,
                                          .metrics = metrics,
                                          .limits = &limits,
                                          .record_only = true,
                                          .on_order = on_order,
                                          .alert = on_alert});
    place(ORDER_BUY, 2);
    commit(LEDGER_OK);
    ledger_takes(LEDGER_OK);
    assert_null(w.ready);
    assert_int_equal(w.last.status, ORDER_DRY_RUN);
    assert_int_equal(metrics_value(metrics, METRIC_ORDERS, "dry_run,record"), 1);
}

static void an_accepted_order_lives_until_it_is_filled(void **state)
{
    (void)state;
    struct order_state s;
    struct json_doc *doc;
    struct err err;
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "pending_new", "0"));
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.answered, 1);
    assert_int_equal(w.last.status, ORDER_PENDING_NEW);
    assert_string_equal(w.last.order_id, "o-1");
    const char *filled = order_json(ID, "filled", "2");
    assert_int_equal(json_doc_parse(filled, strlen(filled), &doc, &err), 0);
    assert_int_equal(alpaca_order_parse(json_doc_root(doc), &s, &err), 0);
    desk_broker_says(desk, &s, "poll");
    desk_broker_says(desk, &s, "poll"); // told twice, changes once
    assert_int_equal(update_count, 1);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_FILLED);
    assert_int_equal(w.last.filled_qty.nanos, SHARES(2).nanos);
    assert_int_equal(desk_open_count(desk), 0);
    json_doc_free(doc);
}

static void no_answer_is_unknown_and_looked_up_by_id(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_UNKNOWN);
    assert_int_equal(desk_unknown_count(desk), 1);
    turn_until(&w.calls, 1);
    assert_int_equal(w.call_op, OP_ORDER_BY_CLIENT_ID);
    assert_string_equal(w.call_query, "client_order_id=" ID);
    // "not found" proves nothing: still unknown, still reserved, never sent again
    broker_answers(w.call_done, w.call_arg, BROKER_REJECTED, 404,
                   "{\"code\":40410000,\"message\":\"order not found\"}");
    struct risk_view v;
    struct order_request o = {.symbol = "SPY"};
    assert_true(exposure_view(exposure, &o, "run-1", session, clock_boot_ns(), &v));
    assert_int_equal(v.open_buys.nanos, USD(200).nanos);
    turn_until(&w.calls, 2);
    broker_answers(w.call_done, w.call_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NEW);
    assert_int_equal(desk_unknown_count(desk), 0);
    assert_int_equal(w.submits, 1);
}

static void an_odd_answer_is_unknown(void **state)
{
    (void)state;
    static const char *const odd[] = {"{\"surprise\":true}", "[]"};
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        if (i) {
            tear_down(state);
            set_up(state);
        }
        to_the_wire(ORDER_BUY, 2);
        broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, odd[i]);
        assert_int_equal(desk_unknown_count(desk), 1);
    }
}

static void another_order_in_the_answer_is_unknown(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json("somebody-else", "new", "0"));
    assert_int_equal(desk_unknown_count(desk), 1);
}

static void a_known_id_at_the_broker_is_looked_up_not_rejected(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_REJECTED, 422,
                   "{\"code\":40010001,\"message\":\"client_order_id must be unique\"}");
    assert_int_equal(desk_unknown_count(desk), 1);
}

static void a_refusal_ends_the_order_and_frees_its_reservation(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_REJECTED, 403,
                   "{\"code\":40310000,\"message\":\"insufficient buying power\"}");
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_REJECTED);
    assert_int_equal(metrics_value(metrics, METRIC_ORDERS, "rejected,broker_403"), 1);
    struct risk_view v;
    struct order_request o = {.symbol = "SPY"};
    assert_true(exposure_view(exposure, &o, "run-1", session, clock_boot_ns(), &v));
    assert_int_equal(v.open_buys.nanos, 0);
}

static void a_read_that_overtakes_the_answer_wins(void **state)
{
    (void)state;
    struct order_state s = {.status = ORDER_FILLED, .filled_qty = SHARES(2), .updated_at = 5};
    strcpy(s.id, "o-1");
    strcpy(s.client_order_id, ID);
    to_the_wire(ORDER_BUY, 2);
    desk_broker_says(desk, &s, "poll");
    assert_int_equal(desk_open_count(desk), 0);
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_FILLED);
    assert_int_equal(desk_unknown_count(desk), 0);
}

static void what_the_ledger_could_not_take_is_written_again(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    ledger_takes(LEDGER_DOWN);
    assert_int_equal(w.answered, 1); // the run hears of it all the same
    turn_until(&w.updates, 2);
    assert_int_equal(w.last_status, ORDER_NEW);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.answered, 1);
}

static void a_cancel_before_the_slot_sends_nothing(void **state)
{
    (void)state;
    place(ORDER_BUY, 2);
    commit(LEDGER_OK);
    desk_cancel(desk, ID);
    w.ready(w.ready_arg);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.submits, 0);
    assert_int_equal(w.last.status, ORDER_NOT_PLACED);
}

static void a_cancel_of_a_live_order_goes_by_its_broker_id(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    desk_cancel(desk, ID);
    desk_cancel(desk, ID);
    assert_int_equal(w.calls, 1);
    assert_int_equal(w.call_op, OP_CANCEL);
    assert_string_equal(w.call_id, "o-1");
    broker_answers(w.call_done, w.call_arg, BROKER_OK, 204, NULL);
    ledger_takes(LEDGER_OK);
}

static void an_intent_of_an_earlier_life_is_looked_up(void **state)
{
    (void)state;
    struct order_row row = {.status = ORDER_INTENT};
    row.intent.session = session;
    row.intent.reserved = USD(200);
    row.intent.order =
        (struct order_request){.client_order_id = ID, .symbol = "SPY", .side = ORDER_BUY, .qty = SHARES(2)};
    desk_adopt(desk, &row);
    desk_adopt(desk, &row); // once
    assert_int_equal(desk_unknown_count(desk), 1);
    turn_until(&w.calls, 1);
    assert_int_equal(w.call_op, OP_ORDER_BY_CLIENT_ID);
    assert_int_equal(w.submits, 0);
    broker_answers(w.call_done, w.call_arg, BROKER_UNKNOWN, 0, NULL);
    ledger_takes(LEDGER_OK);
}

static void an_order_that_never_arrived_is_given_up_only_when_the_list_lacks_it_too(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
    ledger_takes(LEDGER_OK);
    int64_t before = clock_boot_ns();
    looked_up(NOT_FOUND);
    looked_up(NOT_FOUND);      // by id alone: no proof
    desk_listed(desk, before); // nor a list that is older
    looked_up(NOT_FOUND);
    assert_int_equal(desk_unknown_count(desk), 1);
    assert_int_equal(open_buys(), USD(200).nanos);
    desk_listed(desk, clock_boot_ns() + NS_PER_S);
    looked_up("{\"message\":\"no such page\"}"); // not the broker's own words
    assert_int_equal(desk_unknown_count(desk), 1);
    looked_up(NOT_FOUND);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NOT_PLACED);
    assert_int_equal(desk_open_count(desk), 0);
    assert_int_equal(open_buys(), 0);
    assert_int_equal(w.submits, 1);
    struct order_state s = {.status = ORDER_NEW};
    strcpy(s.id, "o-1");
    strcpy(s.client_order_id, ID);
    desk_broker_says(desk, &s, "poll");
    desk_broker_says(desk, &s, "poll");
    assert_int_equal(w.alerts, 1); // it is there after all: somebody has to look
}

static void an_order_that_never_arrived_is_sent_again_under_its_id(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    desk_send_until(desk, ID, clock_wall_ns() + 60 * NS_PER_S);
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
    ledger_takes(LEDGER_OK);
    never_arrived();
    ledger_takes(LEDGER_OK); // an intent again, before anything
    assert_int_equal(w.last_status, ORDER_INTENT);
    assert_int_equal(open_buys(), USD(200).nanos);
    turn_until(&w.commits, 2);
    assert_string_equal(w.committed.order.client_order_id, ID);
    cleared_order_drop(&w.cleared);
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NEW);
    assert_int_equal(open_buys(), USD(200).nanos);
}

static void one_whose_time_is_over_or_that_is_cancelled_is_not(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    desk_send_until(desk, ID, clock_wall_ns() + 60 * NS_PER_S);
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
    ledger_takes(LEDGER_OK);
    desk_cancel(desk, ID);
    never_arrived();
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NOT_PLACED);
    assert_int_equal(w.commits, 1);
}

static void an_odd_answer_after_a_read_changes_nothing(void **state)
{
    (void)state;
    struct order_state s = {.status = ORDER_NEW, .updated_at = 5};
    strcpy(s.id, "o-1");
    strcpy(s.client_order_id, ID);
    to_the_wire(ORDER_BUY, 2);
    desk_broker_says(desk, &s, "poll");
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, "{\"surprise\":true}");
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NEW);
    assert_int_equal(desk_unknown_count(desk), 0);
}

static void what_another_wrote_under_this_id_is_not_touched(void **state)
{
    (void)state;
    place(ORDER_BUY, 2);
    commit(LEDGER_CONFLICT);
    assert_int_equal(w.updates, 0); // "denied" would free an order that may be at the broker
    assert_int_equal(w.answered, 1);
    assert_int_equal(w.last.status, ORDER_DENIED);
}

static void a_rate_limit_is_no_end(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_REJECTED, 429,
                   "{\"code\":42910000,\"message\":\"rate limit exceeded\"}");
    assert_int_equal(w.updates, 1);
    assert_int_equal(w.last_status, ORDER_INTENT);
    assert_int_equal(open_buys(), USD(200).nanos);
    ledger_takes(LEDGER_DOWN); // the ledger still has it as handed over: written again before anything else
    turn_until(&w.updates, 2);
    assert_int_equal(w.commits, 1);
    ledger_takes(LEDGER_OK);
    turn_until(&w.commits, 2); // the same intent gives a new receipt as long as nothing else is known of it
    cleared_order_drop(&w.cleared);
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 2);
    assert_int_equal(w.handed_over, 2);
    assert_string_equal(cleared_order_terms(w.cleared)->order.client_order_id, ID);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.answered, 1);
    assert_int_equal(w.last.status, ORDER_NEW);
}

static void a_cancel_without_an_answer_is_sent_again(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    ledger_takes(LEDGER_OK);
    desk_cancel_run(desk, "another");
    assert_int_equal(w.calls, 0);
    desk_cancel_run(desk, "run-1");
    assert_int_equal(w.calls, 1);
    broker_answers(w.call_done, w.call_arg, BROKER_NOT_SENT, 0, NULL);
    turn_until(&w.calls, 2);
    assert_int_equal(w.call_op, OP_CANCEL);
    broker_answers(w.call_done, w.call_arg, BROKER_OK, 204, NULL);
    for (int i = 0; i < 5; i++)
        loop_step(loop, 0);
    assert_int_equal(w.calls, 2);
}

static void end_orders(const char *run_id, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        struct intent in = {.leg = i, .try_no = 1, .session = session, .created_at = clock_wall_ns()};
        strcpy(in.run_id, run_id);
        snprintf(in.order.client_order_id, sizeof in.order.client_order_id, "order-%d", i); // no symbol: denied
        desk_place(desk, &in, on_answer, NULL);
    }
    turn_until(&w.answered, first + count);
}

static bool remembered(int i)
{
    char id[32];
    snprintf(id, sizeof id, "order-%d", i);
    return desk_order(desk, id) != NULL;
}

static void ended_orders_of_earlier_runs_are_forgotten(void **state)
{
    (void)state;
    end_orders("run-1", 0, 300);
    for (int i = 0; i < 300; i++)
        assert_true(remembered(i)); // their run may still ask
    end_orders("run-2", 300, 10);
    assert_false(remembered(0));
    assert_false(remembered(109));
    assert_true(remembered(110)); // 200 in all
    assert_true(remembered(309));
    end_orders("", 310, 250); // of no run: nobody asks
    assert_false(remembered(359));
    assert_true(remembered(360));
}

static void open_orders_of_others_are_those_that_move_a_book(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    struct intent in = w.committed;
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
    assert_int_equal(desk_open_of_others(desk, "run-1"), 0);
    assert_int_equal(desk_open_of_others(desk, "run-2"), 1); // unknown is open
    assert_int_equal(desk_open_of_others(desk, ""), 1);
    assert_int_equal(desk_open_of_others(desk, NULL), 1);
    in.run_id[0] = '\0';
    strcpy(in.order.client_order_id, "somebody's");
    desk_place(desk, &in, on_answer, NULL);
    assert_int_equal(desk_open_of_others(desk, "run-1"), 0); // of no book
    strcpy(in.order.client_order_id, "of a strategy");
    strcpy(in.strategy, "trend");
    desk_place(desk, &in, on_answer, NULL);
    assert_int_equal(desk_open_of_others(desk, "run-1"), 1);
    assert_int_equal(desk_open_of_others(desk, "run-2"), 2);
    ledger_takes(LEDGER_OK);
}

static void an_ended_order_is_no_open_one_of_others(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "filled", "2"));
    assert_int_equal(desk_open_of_others(desk, ""), 0);
    ledger_takes(LEDGER_OK);
}

static void books_are_old_until_they_were_read_after_the_end_of_an_order(void **state)
{
    (void)state;
    int64_t before = clock_boot_ns();
    assert_int_equal(desk_books_after(desk), 0);
    to_the_wire(ORDER_BUY, 2);
    assert_int_equal(desk_books_after(desk), 0);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "filled", "2"));
    assert_true(desk_books_after(desk) == INT64_MAX); // the ledger has not heard of it
    ledger_takes(LEDGER_OK);
    assert_true(desk_books_after(desk) > before && desk_books_after(desk) <= clock_boot_ns());
}

static void few_are_on_their_way_at_a_time_and_all_are_reserved(void **state)
{
    (void)state;
    for (int i = 0; i < 70; i++) {
        struct intent in = {.leg = i + 1, .try_no = 1, .session = session, .created_at = clock_wall_ns()};
        strcpy(in.run_id, "run-1");
        strcpy(in.account, "PASIM0000001");
        in.order = (struct order_request){
            .symbol = "SPY", .side = ORDER_BUY, .type = ORDER_MARKET, .tif = TIF_DAY, .qty = SHARES(1)};
        snprintf(in.order.client_order_id, sizeof in.order.client_order_id, "order-%d", i);
        desk_place(desk, &in, on_answer, NULL);
    }
    assert_int_equal(open_buys(), USD(7000).nanos);
    assert_int_equal(w.commits, 64);
    for (int i = 0; i < 3; i++)
        commit(LEDGER_CONFLICT); // whatever becomes of one, it makes room for the next
    assert_int_equal(w.commits, 67);
    assert_string_equal(w.committed.order.client_order_id, "order-66");
    desk_cancel(desk, "order-69"); // before its turn: it is never sent
    for (int i = 0; i < 3; i++)
        commit(LEDGER_CONFLICT);
    assert_int_equal(w.commits, 70);
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 0);
    assert_int_equal(w.last_status, ORDER_NOT_PLACED);
}

static void our_clock_is_never_written_as_the_brokers(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
    assert_int_equal(w.last_status, ORDER_UNKNOWN);
    assert_int_equal(w.last_broker_at, 0);
    ledger_takes(LEDGER_OK);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nothing_is_sent_before_the_intent_is_committed),
        T(an_intent_that_is_not_committed_is_never_sent),
        T(a_lost_commit_is_asked_again),
        T(a_risk_row_denies_before_any_intent),
        T(selling_more_than_is_held_is_denied),
        T(a_halt_between_intent_and_slot_stops_the_order),
        T(record_only_never_reaches_the_broker),
        T(an_accepted_order_lives_until_it_is_filled),
        T(no_answer_is_unknown_and_looked_up_by_id),
        T(an_odd_answer_is_unknown),
        T(another_order_in_the_answer_is_unknown),
        T(a_known_id_at_the_broker_is_looked_up_not_rejected),
        T(a_refusal_ends_the_order_and_frees_its_reservation),
        T(a_read_that_overtakes_the_answer_wins),
        T(what_the_ledger_could_not_take_is_written_again),
        T(a_cancel_before_the_slot_sends_nothing),
        T(a_cancel_of_a_live_order_goes_by_its_broker_id),
        T(an_intent_of_an_earlier_life_is_looked_up),
        T(an_order_that_never_arrived_is_given_up_only_when_the_list_lacks_it_too),
        T(an_order_that_never_arrived_is_sent_again_under_its_id),
        T(one_whose_time_is_over_or_that_is_cancelled_is_not),
        T(an_odd_answer_after_a_read_changes_nothing),
        T(what_another_wrote_under_this_id_is_not_touched),
        T(a_rate_limit_is_no_end),
        T(a_cancel_without_an_answer_is_sent_again),
        T(ended_orders_of_earlier_runs_are_forgotten),
        T(open_orders_of_others_are_those_that_move_a_book),
        T(an_ended_order_is_no_open_one_of_others),
        T(books_are_old_until_they_were_read_after_the_end_of_an_order),
        T(few_are_on_their_way_at_a_time_and_all_are_reserved),
        T(our_clock_is_never_written_as_the_brokers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
