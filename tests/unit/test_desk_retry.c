// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/desk*.o daemon/exposure*.o daemon/metrics.o
//
// An order that was given up and that an operator has sent once more. The room is that of test_desk.c.
#include "tests/unit/desk_room.h"

#define HOUR (3600 * NS_PER_S)

static struct {
    int count;
    bool later;
    char refused[300];
} answered;

static void on_retried(void *arg, const struct desk_retried *r)
{
    (void)arg;
    answered.count++;
    answered.later = r->later;
    snprintf(answered.refused, sizeof answered.refused, "%s", r->refused);
    assert_string_equal(r->row->intent.order.client_order_id, ID);
}

// As the ledger tells it, with the deadline of its run.
static struct order_row parked;

static void side_given_up(enum order_side side, int64_t shares)
{
    memset(&answered, 0, sizeof answered);
    to_the_wire(side, shares);
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
    ledger_takes(LEDGER_OK);
    never_arrived();
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NOT_PLACED);
    assert_int_equal(open_buys(), 0);
    cleared_order_drop(&w.cleared);
    parked = *desk_order(desk, ID);
    parked.intent.send_until = clock_wall_ns() + HOUR;
}

static void given_up(void)
{
    side_given_up(ORDER_BUY, 2);
}

static void retry_in(struct day now, const char *reason)
{
    answered.count = 0;
    desk_retry(desk, &parked, now, reason, "ann", on_retried, NULL);
}

static void retry(void)
{
    retry_in(session, "it was the firewall");
}

static void broker_denies(void)
{
    assert_int_equal(w.call_op, OP_ORDER_BY_CLIENT_ID);
    assert_string_equal(w.call_query, "client_order_id=" ID);
    broker_answers(w.call_done, w.call_arg, BROKER_REJECTED, 404, NOT_FOUND);
}

static void figures(void)
{
    turn_until(&w.refreshes, 1);
    w.refresh_done(w.refresh_arg, true, "");
}

static void reopens(enum ledger_result result, const char *why)
{
    w.reopen_done(w.reopen_arg, result, why);
}

static void is_refused(const char *why, bool later)
{
    assert_int_equal(answered.count, 1);
    if (!strstr(answered.refused, why))
        fail_msg("refused for \"%s\", not for \"%s\"", answered.refused, why);
    assert_int_equal(answered.later, later);
    assert_int_equal(w.reopens, 0);
    assert_int_equal(w.commits, 1);
    assert_int_equal(w.submits, 1);
    assert_int_equal(open_buys(), 0);
}

static void to_the_slot(void)
{
    retry();
    broker_denies();
    figures();
    reopens(LEDGER_OK, "");
    commit(LEDGER_OK);
}

// --- it is sent

static void it_goes_the_way_of_all_orders_under_its_id(void **state)
{
    (void)state;
    given_up();
    retry();
    assert_int_equal(w.refreshes, 0); // the broker is asked first
    broker_denies();
    assert_int_equal(w.reopens, 0);
    figures();
    assert_int_equal(open_buys(), USD(200).nanos); // reserved before the ledger is asked
    assert_int_equal(w.reopens, 1);
    assert_int_equal(answered.count, 0);
    assert_int_equal(w.commits, 1);
    reopens(LEDGER_OK, "");
    assert_int_equal(answered.count, 1);
    assert_string_equal(answered.refused, "");
    assert_string_equal(w.decided, "retry ann: it was the firewall");
    assert_int_equal(w.commits, 2);
    assert_string_equal(w.committed.order.client_order_id, ID);
    assert_int_equal(w.committed.reserved.nanos, USD(200).nanos);
    assert_int_equal(w.submits, 1);
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "filled", "2"));
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_FILLED);
    assert_int_equal(desk_open_count(desk), 0);
    assert_int_equal(open_buys(), 0);
    retry();
    assert_non_null(strstr(answered.refused, "the order is filled"));
}

static void another_life(void)
{
    desk_free(desk);
    desk = desk_new(&(struct desk_params){.loop = loop,
                                          .guard = guard,
                                          .exposure = exposure,
                                          .metrics = metrics,
                                          .limits = &limits,
                                          .on_order = on_order,
                                          .alert = on_alert,
                                          .refresh = on_refresh});
    assert_null(desk_order(desk, ID));
}

static void one_of_an_earlier_life_too(void **state)
{
    (void)state;
    given_up();
    another_life();
    to_the_slot();
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 2);
    assert_int_equal(desk_open_count(desk), 1);
}

static void asking_changes_nothing(void **state)
{
    (void)state;
    given_up();
    int decisions = w.decisions;
    retry_in(session, NULL);
    broker_denies();
    figures();
    is_refused("", false);
    assert_string_equal(answered.refused, "");
    assert_int_equal(w.decisions, decisions);
    assert_int_equal(desk_open_count(desk), 0);
}

static void what_it_is_worth_by_now_is_reserved_and_its_intent_is_as_it_was(void **state)
{
    (void)state;
    struct alpaca_trade t = {.symbol = "SPY", .price = {150 * DECIMAL_ONE}, .at = clock_wall_ns()};
    given_up();
    exposure_set_trade(exposure, &t, clock_boot_ns(), clock_wall_ns());
    to_the_slot();
    assert_int_equal(open_buys(), USD(300).nanos);
    assert_int_equal(w.committed.reserved.nanos, USD(200).nanos);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 2);
}

// --- it is refused

static void when_the_session_is_another(void **state)
{
    (void)state;
    given_up();
    retry_in(day_add(session, 1), "please");
    is_refused("of session 2026-10-08", false);
    assert_string_equal(w.rule, "retry");
    assert_non_null(strstr(w.decided, "denied ann: please; refused: "));
}

static void when_its_time_is_over(void **state)
{
    (void)state;
    given_up();
    parked.intent.send_until = clock_wall_ns() - 1;
    retry();
    is_refused("nothing leaves after its deadline", false);
}

static void when_its_time_is_not_known(void **state)
{
    (void)state;
    given_up();
    parked.intent.send_until = 0;
    retry();
    is_refused("is not known", false);
}

static void when_its_time_runs_out_while_the_broker_is_asked(void **state)
{
    (void)state;
    given_up();
    retry();
    desk_send_until(desk, ID, clock_wall_ns());
    broker_denies();
    figures();
    is_refused("nothing leaves after its deadline", false);
}

static void when_its_time_runs_out_before_its_slot(void **state)
{
    (void)state;
    given_up();
    to_the_slot();
    desk_send_until(desk, ID, clock_wall_ns());
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NOT_PLACED); // parked again
    assert_int_equal(open_buys(), 0);
}

static void when_it_is_another_accounts(void **state)
{
    (void)state;
    given_up();
    strcpy(w.facts.account_number, "PASIM0000002");
    retry();
    is_refused("which this daemon does not guard", false);
}

static void under_a_halt(void **state)
{
    (void)state;
    given_up();
    w.facts.halt_memory = HALT_HALTED;
    retry();
    is_refused("halt: ", false);
    w.facts.halt_memory = HALT_RUNNING;
    w.facts.halt_file = HALT_REDUCE_ONLY;
    retry();
    is_refused("halt: ", false);
}

static void what_only_reduces_is_sent_under_reduce_only_and_not_under_a_halt(void **state)
{
    (void)state;
    side_given_up(ORDER_SELL, 2);
    w.facts.halt_memory = HALT_HALTED;
    retry();
    is_refused("halt: ", false);
    w.facts.halt_memory = HALT_REDUCE_ONLY;
    retry();
    broker_denies();
    figures();
    assert_int_equal(w.reopens, 1);
    reopens(LEDGER_OK, "");
    assert_string_equal(answered.refused, "");
}

static void under_a_halt_that_comes_while_the_broker_is_asked(void **state)
{
    (void)state;
    given_up();
    retry();
    w.facts.halt_memory = HALT_HALTED;
    broker_denies();
    figures();
    is_refused("halt: ", false);
}

static void when_the_guard_does_not_pass(void **state)
{
    (void)state;
    given_up();
    w.facts.account_boot_ns = 1;
    retry();
    is_refused("guard: account_age", true);
}

static void when_the_broker_has_it_after_all(void **state)
{
    (void)state;
    given_up();
    retry();
    broker_answers(w.call_done, w.call_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    assert_non_null(strstr(answered.refused, "the broker has it after all"));
    assert_int_equal(w.reopens, 0);
    assert_int_equal(desk_open_count(desk), 1); // followed, and cancelled: its run went on without it
    assert_int_equal(open_buys(), USD(200).nanos);
    assert_int_equal(w.call_op, OP_CANCEL);
    ledger_takes(LEDGER_OK);
}

static void when_the_broker_does_not_say(void **state)
{
    (void)state;
    given_up();
    retry();
    broker_answers(w.call_done, w.call_arg, BROKER_UNKNOWN, 0, NULL);
    is_refused("does not tell", true);
}

static void when_a_404_is_not_the_brokers(void **state)
{
    (void)state;
    given_up();
    retry();
    broker_answers(w.call_done, w.call_arg, BROKER_REJECTED, 404, "{\"code\":1,\"message\":\"no such page\"}");
    is_refused("does not tell", true);
}

static void when_risk_denies_it_by_now(void **state)
{
    (void)state;
    given_up();
    limits.max_order_notional = USD(150);
    retry();
    broker_denies();
    figures();
    is_refused("order_notional: ", false);
}

static void when_it_would_not_only_shrink_the_position_any_more(void **state)
{
    (void)state;
    struct alpaca_position p = {.symbol = "SPY", .qty = SHARES(1), .current_price = {100 * DECIMAL_ONE}};
    limits.long_only = false;
    side_given_up(ORDER_SELL, 10);
    exposure_set_positions(exposure, &p, 1, clock_boot_ns()); // somebody sold nine
    retry();
    broker_denies();
    figures();
    is_refused("reduces: ", false);
}

static void when_it_has_no_answer_yet(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
    parked = *desk_order(desk, ID);
    parked.status = ORDER_NOT_PLACED; // whatever the ledger thought
    int calls = w.calls;
    retry();
    assert_non_null(strstr(answered.refused, "the order is unknown: it is followed"));
    assert_int_equal(w.calls, calls);
    assert_int_equal(open_buys(), USD(200).nanos);
    ledger_takes(LEDGER_OK);
}

static void while_the_ledger_has_not_taken_its_end(void **state)
{
    (void)state;
    given_up();
    struct order_row row = parked;
    tear_down(NULL);
    set_up(NULL);
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
    ledger_takes(LEDGER_OK);
    never_arrived(); // not_placed is on its way into the ledger
    parked = row;
    retry();
    assert_non_null(strstr(answered.refused, "the ledger has not taken yet"));
    assert_true(answered.later);
    ledger_takes(LEDGER_OK);
}

static void twice_at_a_time(void **state)
{
    (void)state;
    given_up();
    retry();
    void *first = w.call_arg;
    broker_done_fn *done = w.call_done;
    retry();
    assert_non_null(strstr(answered.refused, "somebody asks"));
    answered.count = 0;
    broker_answers(done, first, BROKER_REJECTED, 404, NOT_FOUND);
    retry(); // while figures are read
    assert_non_null(strstr(answered.refused, "somebody asks"));
    figures();
    reopens(LEDGER_OK, "");
    assert_int_equal(w.reopens, 1);
}

// --- the ledger

static void what_the_ledger_does_not_reopen_is_not_sent(void **state)
{
    (void)state;
    given_up();
    retry();
    broker_denies();
    figures();
    reopens(LEDGER_CONFLICT, "run run-2 has planned since");
    assert_non_null(strstr(answered.refused, "run-2 has planned since"));
    assert_int_equal(desk_open_count(desk), 0);
    assert_int_equal(open_buys(), 0);
    assert_int_equal(w.commits, 1);
    assert_int_equal(desk_order(desk, ID)->status, ORDER_NOT_PLACED);
}

static void a_lost_reopening_is_asked_for_with_the_same_call(void **state)
{
    (void)state;
    given_up();
    retry();
    broker_denies();
    figures();
    int64_t at = w.reopened_at;
    reopens(LEDGER_LOST, "");
    turn_until(&w.reopens, 2);
    reopens(LEDGER_DOWN, ""); // says nothing of the one before
    assert_int_equal(answered.count, 0);
    assert_int_equal(open_buys(), USD(200).nanos);
    turn_until(&w.reopens, 3);
    assert_true(w.reopened_at == at);
    reopens(LEDGER_OK, "");
    assert_int_equal(w.commits, 2);
}

static void a_ledger_that_is_down_has_not_reopened_it(void **state)
{
    (void)state;
    given_up();
    retry();
    broker_denies();
    figures();
    reopens(LEDGER_DOWN, "no connection");
    assert_non_null(strstr(answered.refused, "no connection"));
    assert_true(answered.later);
    assert_int_equal(open_buys(), 0);
}

// --- what becomes of it

static void what_is_refused_at_its_slot_is_parked_again_not_denied(void **state)
{
    (void)state;
    given_up();
    another_life();
    to_the_slot();
    limits.max_order_notional = USD(150);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NOT_PLACED); // should the first one turn up, it is still known
    assert_string_equal(w.rule, "order_notional");
    assert_int_equal(open_buys(), 0);
}

// What was said of it before is none of this try; nor is a cancel of before one of it.
static void it_begins_anew(void **state)
{
    (void)state;
    memset(&answered, 0, sizeof answered);
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
    ledger_takes(LEDGER_OK);
    desk_cancel(desk, ID);
    never_arrived();
    ledger_takes(LEDGER_OK);
    cleared_order_drop(&w.cleared);
    parked = *desk_order(desk, ID);
    parked.intent.send_until = clock_wall_ns() + HOUR;
    to_the_slot();
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
    ledger_takes(LEDGER_OK);
    desk_listed(desk, clock_boot_ns() + NS_PER_S);
    looked_up(NOT_FOUND);
    looked_up(NOT_FOUND);
    assert_int_equal(desk_unknown_count(desk), 1);
    assert_int_equal(open_buys(), USD(200).nanos);
}

static void it_is_cancelled_when_its_runs_time_is_over(void **state)
{
    (void)state;
    given_up();
    parked.intent.send_until = clock_wall_ns() + 200 * NS_PER_MS;
    to_the_slot();
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    ledger_takes(LEDGER_OK);
    int calls = w.calls;
    turn_until(&w.calls, calls + 1);
    assert_int_equal(w.call_op, OP_CANCEL);
    assert_true(clock_wall_ns() >= parked.intent.send_until);
}

static void also_after_a_restart(void **state)
{
    (void)state;
    given_up();
    desk_free(desk);
    desk = desk_new(&(struct desk_params){.loop = loop,
                                          .guard = guard,
                                          .exposure = exposure,
                                          .metrics = metrics,
                                          .limits = &limits,
                                          .on_order = on_order});
    parked.status = ORDER_NEW;
    strcpy(parked.order_id, "o-1");
    parked.intent.send_until = clock_wall_ns() + 20 * NS_PER_MS;
    desk_adopt(desk, &parked);
    int calls = w.calls;
    turn_until(&w.calls, calls + 1);
    assert_int_equal(w.call_op, OP_CANCEL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_goes_the_way_of_all_orders_under_its_id),
        T(one_of_an_earlier_life_too),
        T(asking_changes_nothing),
        T(what_it_is_worth_by_now_is_reserved_and_its_intent_is_as_it_was),
        T(when_the_session_is_another),
        T(when_its_time_is_over),
        T(when_its_time_is_not_known),
        T(when_its_time_runs_out_while_the_broker_is_asked),
        T(when_its_time_runs_out_before_its_slot),
        T(when_it_is_another_accounts),
        T(under_a_halt),
        T(what_only_reduces_is_sent_under_reduce_only_and_not_under_a_halt),
        T(under_a_halt_that_comes_while_the_broker_is_asked),
        T(when_the_guard_does_not_pass),
        T(when_the_broker_has_it_after_all),
        T(when_the_broker_does_not_say),
        T(when_a_404_is_not_the_brokers),
        T(when_risk_denies_it_by_now),
        T(when_it_would_not_only_shrink_the_position_any_more),
        T(when_it_has_no_answer_yet),
        T(while_the_ledger_has_not_taken_its_end),
        T(twice_at_a_time),
        T(what_the_ledger_does_not_reopen_is_not_sent),
        T(a_lost_reopening_is_asked_for_with_the_same_call),
        T(a_ledger_that_is_down_has_not_reopened_it),
        T(what_is_refused_at_its_slot_is_parked_again_not_denied),
        T(it_is_cancelled_when_its_runs_time_is_over),
        T(also_after_a_restart),
        T(it_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
