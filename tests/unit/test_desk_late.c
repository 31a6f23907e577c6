// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/desk*.o daemon/exposure*.o daemon/metrics.o
//
// The desk when something comes late or a second time: the moment to send is over, what the broker did not take goes
// out once more, the ledger was away meanwhile. The room is that of test_desk.c.
#include "tests/unit/desk_room.h"

static void until(int64_t ns_from_now)
{
    desk_send_until(desk, ID, clock_wall_ns() + ns_from_now);
}

// --- the moment to send is over

static void what_waited_over_its_deadline_is_not_sent(void **state)
{
    (void)state;
    place(ORDER_BUY, 2);
    until(3600 * NS_PER_S);
    commit(LEDGER_OK);
    until(0); // nobody cancelled it: whoever would have did not wake up in time
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 0);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NOT_PLACED);
    assert_non_null(strstr(w.last.reason, "deadline"));
    assert_int_equal(desk_open_count(desk), 0);
    assert_int_equal(open_buys(), 0);
}

static void until_then_it_is(void **state)
{
    (void)state;
    place(ORDER_BUY, 2);
    until(3600 * NS_PER_S);
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
}

// The process is frozen between clearing and the first byte: is it still written, so long after now?
static bool leaves_after(int64_t deadline_ns, int64_t later_ns)
{
    struct guard_verdict verdict;
    struct wire_request request;
    int64_t now = clock_boot_ns();
    place(ORDER_BUY, 2);
    until(deadline_ns);
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    const struct receipt_terms *t = cleared_order_terms(w.cleared);
    broker_order_request(NULL, t->body, t->body_len, &request);
    bool leaves = guard_redeem_order(guard, w.cleared, &w.facts, &request, now + later_ns, &verdict);
    assert_true(leaves || verdict.check == CHECK_PERMIT);
    return leaves;
}

static void what_was_cleared_before_its_deadline_does_not_leave_after_it(void **state)
{
    (void)state;
    assert_false(leaves_after(1900 * NS_PER_MS, 1950 * NS_PER_MS)); // a permit's two seconds are not over
}

static void before_it_it_does(void **state)
{
    (void)state;
    assert_true(leaves_after(3600 * NS_PER_S, 1950 * NS_PER_MS));
}

static void what_the_rate_limit_refused_is_not_sent_after_its_deadline(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    until(3600 * NS_PER_S);
    broker_answers(w.submit_done, w.submit_arg, BROKER_REJECTED, 429,
                   "{\"code\":42910000,\"message\":\"rate limit exceeded\"}");
    ledger_takes(LEDGER_OK);
    until(0);
    turn_until(&w.commits, 2);
    cleared_order_drop(&w.cleared);
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NOT_PLACED);
}

// --- sent again while the ledger was away

static void unknown_to_ledger_and_broker(void)
{
    to_the_wire(ORDER_BUY, 2);
    until(3600 * NS_PER_S);
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
}

static void it_is_handed_back_only_when_what_was_told_before_is_written(void **state)
{
    (void)state;
    unknown_to_ledger_and_broker();
    never_arrived();
    assert_int_equal(w.updates, 1); // else "unknown" would be written over "intent"
    ledger_takes(LEDGER_DOWN);
    turn_until(&w.updates, 2);
    assert_int_equal(w.last_status, ORDER_UNKNOWN);
    ledger_takes(LEDGER_OK);
    turn_until(&w.updates, 3);
    assert_int_equal(w.last_status, ORDER_INTENT);
    ledger_takes(LEDGER_OK);
    turn_until(&w.commits, 2);
    assert_int_equal(open_buys(), USD(200).nanos);
}

static void what_the_ledger_does_not_take_back_is_unknown_again(void **state)
{
    (void)state;
    unknown_to_ledger_and_broker();
    ledger_takes(LEDGER_OK);
    never_arrived();
    assert_int_equal(w.last_status, ORDER_INTENT);
    ledger_takes(LEDGER_CONFLICT);
    assert_int_equal(desk_unknown_count(desk), 1);
    assert_int_equal(w.last_status, ORDER_UNKNOWN);
    ledger_takes(LEDGER_OK);
    int calls = w.calls;
    turn_until(&w.calls, calls + 1); // asked for again
    assert_int_equal(w.commits, 1);
    assert_int_equal(open_buys(), USD(200).nanos);
}

static void a_conflict_at_the_second_commit_frees_nothing(void **state)
{
    (void)state;
    unknown_to_ledger_and_broker();
    ledger_takes(LEDGER_OK);
    never_arrived();
    ledger_takes(LEDGER_OK);
    turn_until(&w.commits, 2);
    commit(LEDGER_CONFLICT); // handed over already
    assert_int_equal(desk_unknown_count(desk), 1);
    assert_int_equal(open_buys(), USD(200).nanos);
    ledger_takes(LEDGER_OK);
    broker_answers(w.call_done, w.call_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    ledger_takes(LEDGER_OK);
}

// --- short outages

// Postgres was away for longer than a lease lasts: the ledger is back, the renewal is on its way.
static void an_order_waits_for_its_lease(void **state)
{
    (void)state;
    place(ORDER_BUY, 2);
    until(3600 * NS_PER_S);
    commit(LEDGER_OK);
    w.facts.lead_until_boot_ns = clock_boot_ns();
    w.ready(w.ready_arg);
    turn_until(&w.waits, 2);
    assert_int_equal(w.submits, 0);
    assert_int_equal(open_buys(), USD(200).nanos);
    w.facts.lead_until_boot_ns = INT64_MAX;
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
}

static void not_for_another_hosts(void **state)
{
    (void)state;
    place(ORDER_BUY, 2);
    until(3600 * NS_PER_S);
    commit(LEDGER_OK);
    w.facts.lead = LEAD_STANDBY;
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 0);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_DENIED);
}

static void an_order_waits_until_the_broker_can_be_reached(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    until(3600 * NS_PER_S);
    broker_answers(w.submit_done, w.submit_arg, BROKER_NOT_SENT, 0, NULL);
    assert_int_equal(w.last_status, ORDER_INTENT);
    assert_int_equal(open_buys(), USD(200).nanos);
    ledger_takes(LEDGER_OK);
    turn_until(&w.commits, 2);
    assert_string_equal(w.committed.order.client_order_id, ID);
    cleared_order_drop(&w.cleared);
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 2);
    until(0);
    broker_answers(w.submit_done, w.submit_arg, BROKER_NOT_SENT, 0, NULL);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NOT_PLACED);
    assert_int_equal(open_buys(), 0);
}

static void an_order_waits_until_the_ledger_takes_its_intent(void **state)
{
    (void)state;
    place(ORDER_BUY, 2);
    until(3600 * NS_PER_S);
    commit(LEDGER_DOWN);
    assert_int_equal(w.answered, 0);
    turn_until(&w.commits, 2);
    assert_int_equal(w.submits, 0);
    assert_int_equal(open_buys(), USD(200).nanos);
    desk_cancel(desk, ID); // its run's time is over
    commit(LEDGER_DOWN);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_DENIED);
    assert_int_equal(open_buys(), 0);
}

// --- judged again

static void to_the_second_slot(void)
{
    to_the_wire(ORDER_BUY, 2);
    until(3600 * NS_PER_S);
    broker_answers(w.submit_done, w.submit_arg, BROKER_REJECTED, 429,
                   "{\"code\":42910000,\"message\":\"rate limit exceeded\"}");
    ledger_takes(LEDGER_OK);
    turn_until(&w.commits, 2);
    cleared_order_drop(&w.cleared);
    commit(LEDGER_OK);
}

static void what_goes_out_again_is_judged_again(void **state)
{
    (void)state;
    struct alpaca_trade t = {.symbol = "SPY", .price = {60000 * DECIMAL_ONE}, .at = clock_wall_ns()};
    to_the_second_slot();
    exposure_set_trade(exposure, &t, clock_boot_ns(), clock_wall_ns());
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_DENIED);
    assert_string_equal(w.rule, "order_notional");
    assert_int_equal(open_buys(), 0);
}

// It was proven never to have arrived, went out again and risk denies it: should the first one turn up, it is still
// ours.
static void what_may_be_out_there_is_not_denied_but_never_placed(void **state)
{
    (void)state;
    unknown_to_ledger_and_broker();
    ledger_takes(LEDGER_OK);
    never_arrived();
    ledger_takes(LEDGER_OK);
    turn_until(&w.commits, 2);
    cleared_order_drop(&w.cleared);
    commit(LEDGER_OK);
    limits.max_order_notional = USD(150);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NOT_PLACED);
    assert_string_equal(w.rule, "order_notional");
    assert_int_equal(open_buys(), 0);
}

static void its_own_reservation_is_not_held_against_it(void **state)
{
    (void)state;
    limits.max_orders_per_run = limits.max_orders_per_day = 1;
    limits.max_notional_per_day = USD(300);
    limits.max_gross_exposure.nanos = DECIMAL_ONE * 13 / 1000; // 1000 USD are held, the order takes 200
    to_the_second_slot();
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 2);
}

static void figures_that_became_too_old_are_read_first(void **state)
{
    (void)state;
    to_the_second_slot();
    limits.max_price_age_ns = 0;
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
    turn_until(&w.refreshes, 1);
    assert_int_equal(open_buys(), USD(200).nanos);
    limits.max_price_age_ns = 60 * NS_PER_S;
    w.ready = NULL;
    w.refresh_done(w.refresh_arg, true, "");
    for (int i = 0; i < 5 && !w.ready; i++)
        loop_step(loop, 0);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 2);
}

static void a_sell_that_would_sell_too_much_by_now_is_not_sent_again(void **state)
{
    (void)state;
    struct alpaca_position p = {.symbol = "SPY", .qty = SHARES(1), .current_price = {100 * DECIMAL_ONE}};
    to_the_wire(ORDER_SELL, 10);
    until(3600 * NS_PER_S);
    broker_answers(w.submit_done, w.submit_arg, BROKER_NOT_SENT, 0, NULL);
    ledger_takes(LEDGER_OK);
    turn_until(&w.commits, 2);
    cleared_order_drop(&w.cleared);
    commit(LEDGER_OK);
    exposure_set_positions(exposure, &p, 1, clock_boot_ns()); // somebody sold nine
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
    ledger_takes(LEDGER_OK);
    assert_string_equal(w.rule, "long_only");
}

// --- cancels

static void a_refused_cancel_is_sent_again_as_long_as_the_order_lives(void **state)
{
    (void)state;
    static const char refusal[] = "{\"code\":42210000,\"message\":\"order is not cancelable\"}";
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "pending_new", "0"));
    ledger_takes(LEDGER_OK);
    desk_cancel(desk, ID);
    broker_answers(w.call_done, w.call_arg, BROKER_REJECTED, 422, refusal);
    turn_until(&w.calls, 2);
    assert_int_equal(w.call_op, OP_CANCEL);
    struct order_state s = {.status = ORDER_FILLED, .filled_qty = SHARES(2), .updated_at = INT64_MAX};
    strcpy(s.id, "o-1");
    strcpy(s.client_order_id, ID);
    desk_broker_says(desk, &s, "poll"); // it was filled meanwhile: nothing to cancel
    broker_answers(w.call_done, w.call_arg, BROKER_REJECTED, 422, refusal);
    for (int i = 0; i < 5; i++)
        loop_step(loop, 0);
    assert_int_equal(w.calls, 2);
    ledger_takes(LEDGER_OK);
}

// --- given up, and at the broker after all

static void given_up(void)
{
    to_the_wire(ORDER_BUY, 2);
    until(0);
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
    ledger_takes(LEDGER_OK);
    never_arrived();
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NOT_PLACED);
    assert_int_equal(desk_open_count(desk), 0);
    assert_int_equal(open_buys(), 0);
}

static void the_broker_lists(const char *status, const char *filled)
{
    struct order_state s;
    struct json_doc *doc;
    struct err err;
    const char *text = order_json(ID, status, filled);
    assert_int_equal(json_doc_parse(text, strlen(text), &doc, &err), 0);
    assert_int_equal(alpaca_order_parse(json_doc_root(doc), &s, &err), 0);
    desk_broker_says(desk, &s, "poll");
    json_doc_free(doc);
}

static void what_turns_up_after_all_is_followed_reserved_and_cancelled(void **state)
{
    (void)state;
    given_up();
    the_broker_lists("new", "0");
    assert_int_equal(w.alerts, 1);
    assert_int_equal(desk_open_count(desk), 1);
    assert_int_equal(open_buys(), USD(200).nanos);
    assert_int_equal(w.last_status, ORDER_NEW);
    assert_int_equal(w.call_op, OP_CANCEL); // its run went on without it
    assert_string_equal(w.call_id, "o-1");
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NEW);
    broker_answers(w.call_done, w.call_arg, BROKER_OK, 204, NULL);
    the_broker_lists("filled", "2"); // too late
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_FILLED);
    assert_int_equal(desk_open_count(desk), 0);
    assert_int_equal(w.alerts, 1);
}

static void what_turns_up_filled_is_told_and_ended(void **state)
{
    (void)state;
    given_up();
    int calls = w.calls;
    the_broker_lists("filled", "2");
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_FILLED);
    assert_string_equal(w.last.order_id, "o-1");
    assert_int_equal(desk_open_count(desk), 0);
    assert_int_equal(open_buys(), 0);
    assert_int_equal(w.alerts, 1);
    assert_int_equal(w.calls, calls); // nothing to cancel
}

// Given up in an earlier life, which is all that the ledger tells: of a run, or of somebody over HTTP.
static void one_of_an_earlier_life_that_turns_up(const char *run_id)
{
    struct order_state s;
    struct json_doc *doc;
    struct err err;
    const char *text = order_json(ID, "new", "0");
    given_up();
    struct order_row row = *desk_order(desk, ID);
    strcpy(row.intent.run_id, run_id);
    row.intent.send_until = 0;
    desk_free(desk);
    desk = desk_new(&(struct desk_params){.loop = loop,
                                          .guard = guard,
                                          .exposure = exposure,
                                          .metrics = metrics,
                                          .limits = &limits,
                                          .on_order = on_order,
                                          .alert = on_alert});
    assert_int_equal(json_doc_parse(text, strlen(text), &doc, &err), 0);
    assert_int_equal(alpaca_order_parse(json_doc_root(doc), &s, &err), 0);
    desk_found(desk, &row, &s, "list");
    desk_found(desk, &row, &s, "list"); // listed once more before the ledger answered
    json_doc_free(doc);
    assert_int_equal(w.alerts, 1);
    assert_int_equal(desk_open_count(desk), 1);
    assert_int_equal(open_buys(), USD(200).nanos);
    assert_int_equal(w.call_op, OP_CANCEL);
    assert_string_equal(w.call_id, "o-1");
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NEW);
}

static void one_of_an_earlier_life_is_followed_reserved_and_cancelled_too(void **state)
{
    (void)state;
    one_of_an_earlier_life_that_turns_up("run-1");
}

static void so_is_one_outside_a_run_whose_time_is_over(void **state)
{
    (void)state;
    one_of_an_earlier_life_that_turns_up("");
}

// --- an operator's word

static int gives_up(void)
{
    struct err err;
    return desk_resolve_not_placed(desk, ID, "not in the broker's list", "ann", &err);
}

static struct desk_inquiry inquired;
static void on_inquired(void *arg, const struct desk_inquiry *i)
{
    (void)arg;
    inquired = *i;
}

static void an_operators_word_is_not_taken_before_its_time(void **state)
{
    (void)state;
    desk_free(desk);
    desk = desk_new(&(struct desk_params){.loop = loop,
                                          .guard = guard,
                                          .exposure = exposure,
                                          .metrics = metrics,
                                          .limits = &limits,
                                          .unknown_for_ms = 3600000,
                                          .on_order = on_order,
                                          .alert = on_alert});
    unknown_to_ledger_and_broker();
    ledger_takes(LEDGER_OK);
    assert_true(desk_inquire(desk, ID, on_inquired, NULL));
    broker_answers(w.call_done, w.call_arg, BROKER_UNKNOWN, 0, NULL);
    assert_int_equal(inquired.word, DESK_BROKER_SILENT);
    assert_in_range(inquired.wait_s, 3500, 3600);
    assert_int_equal(gives_up(), -1);
    assert_int_equal(desk_unknown_count(desk), 1);
    assert_int_equal(open_buys(), USD(200).nanos);
}

// The lookup was under way when the operator gave it up: its answer counts.
static void what_the_broker_told_meanwhile_counts(void **state)
{
    (void)state;
    unknown_to_ledger_and_broker();
    ledger_takes(LEDGER_OK);
    turn_until(&w.calls, 1);
    for (int i = 0; i < PATIENCE_TURNS && gives_up() != 0; i++)
        loop_step(loop, 5);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NOT_PLACED);
    assert_true(str_starts(w.last.reason, DESK_OPERATOR_SAYS));
    broker_answers(w.call_done, w.call_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    assert_int_equal(desk_open_count(desk), 1);
    assert_int_equal(open_buys(), USD(200).nanos);
    assert_int_equal(w.alerts, 1);
    assert_int_equal(w.call_op, OP_CANCEL);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NEW);
}

// --- the process ends

static void lead_given_up(void)
{
    desk_leave(desk);
    w.facts.lead = LEAD_STANDBY;
    w.facts.lead_epoch = 0;
}

static void what_waits_when_the_process_ends_is_left_as_it_is(void **state)
{
    (void)state;
    place(ORDER_BUY, 2);
    until(3600 * NS_PER_S);
    commit(LEDGER_OK);
    lead_given_up();
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 0);
    assert_int_equal(w.updates, 0); // the next life finds an intent, and not a denial
    assert_int_equal(w.answered, 0);
    assert_int_equal(open_buys(), USD(200).nanos);
}

static void what_the_guard_stops_at_the_wire_then_is_left_too(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    lead_given_up();
    broker_answers(w.submit_done, w.submit_arg, BROKER_DENIED, 0, NULL);
    assert_int_equal(w.updates, 0);
    assert_int_equal(w.answered, 0);
    assert_int_equal(desk_open_count(desk), 1);
}

static void nothing_more_is_committed_then(void **state)
{
    (void)state;
    place(ORDER_BUY, 2);
    commit(LEDGER_LOST);
    lead_given_up();
    for (int i = 0; i < 15; i++) // past the moment when it would be asked for again
        loop_step(loop, 100);
    assert_int_equal(w.commits, 1);
    assert_int_equal(w.updates, 0);
}

// What the broker says of what is out counts to the end.
static void what_the_broker_tells_is_taken_to_the_end(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    lead_given_up();
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    assert_int_equal(w.updates, 1);
    assert_int_equal(w.last_status, ORDER_NEW);
    ledger_takes(LEDGER_OK);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_waited_over_its_deadline_is_not_sent),
        T(until_then_it_is),
        T(what_was_cleared_before_its_deadline_does_not_leave_after_it),
        T(before_it_it_does),
        T(what_the_rate_limit_refused_is_not_sent_after_its_deadline),
        T(it_is_handed_back_only_when_what_was_told_before_is_written),
        T(what_the_ledger_does_not_take_back_is_unknown_again),
        T(a_conflict_at_the_second_commit_frees_nothing),
        T(an_order_waits_for_its_lease),
        T(not_for_another_hosts),
        T(an_order_waits_until_the_broker_can_be_reached),
        T(an_order_waits_until_the_ledger_takes_its_intent),
        T(what_goes_out_again_is_judged_again),
        T(what_may_be_out_there_is_not_denied_but_never_placed),
        T(its_own_reservation_is_not_held_against_it),
        T(figures_that_became_too_old_are_read_first),
        T(a_sell_that_would_sell_too_much_by_now_is_not_sent_again),
        T(what_turns_up_after_all_is_followed_reserved_and_cancelled),
        T(what_turns_up_filled_is_told_and_ended),
        T(one_of_an_earlier_life_is_followed_reserved_and_cancelled_too),
        T(so_is_one_outside_a_run_whose_time_is_over),
        T(an_operators_word_is_not_taken_before_its_time),
        T(what_the_broker_told_meanwhile_counts),
        T(a_refused_cancel_is_sent_again_as_long_as_the_order_lives),
        T(what_waits_when_the_process_ends_is_left_as_it_is),
        T(what_the_guard_stops_at_the_wire_then_is_left_too),
        T(nothing_more_is_committed_then),
        T(what_the_broker_tells_is_taken_to_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
