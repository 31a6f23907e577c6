// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/desk*.o daemon/exposure*.o daemon/metrics.o
//
// In doubt nothing is given up, freed or sent again: what counts as the broker's denial, how often an order goes out
// anew, what it is judged by then, and what an operator may say. The room is that of test_desk.c.
#include "tests/unit/desk_room.h"

static void until(int64_t ns_from_now)
{
    desk_send_until(desk, ID, clock_wall_ns() + ns_from_now);
}

static void unknown(void)
{
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
    ledger_takes(LEDGER_OK);
    cleared_order_drop(&w.cleared);
}

static void answered(enum broker_result result, int status, const char *json)
{
    int before = w.calls;
    turn_until(&w.calls, before + 1);
    broker_answers(w.call_done, w.call_arg, result, status, json);
}

static void still_in_doubt(void)
{
    assert_int_equal(desk_unknown_count(desk), 1);
    assert_int_equal(open_buys(), USD(200).nanos);
    assert_int_equal(w.submits, 1);
    assert_int_equal(w.updates, 1);
}

// --- what is a denial

static void silence_is_no_denial(void **state)
{
    (void)state;
    unknown();
    until(3600 * NS_PER_S);
    answered(BROKER_REJECTED, 404, NOT_FOUND);
    desk_listed(desk, clock_boot_ns() + NS_PER_S);
    answered(BROKER_UNKNOWN, 0, NULL);
    answered(BROKER_OK, 200, NULL);
    answered(BROKER_OK, 200, "{\"surprise\":true}");
    answered(BROKER_OK, 200, order_json("somebody-else", "new", "0"));
    answered(BROKER_REJECTED, 403, NOT_FOUND);
    still_in_doubt();
}

static void a_list_from_before_the_first_denial_proves_nothing(void **state)
{
    (void)state;
    unknown();
    desk_listed(desk, clock_boot_ns() + NS_PER_S);
    for (int i = 0; i < 3; i++)
        answered(BROKER_REJECTED, 404, NOT_FOUND);
    still_in_doubt();
}

static void goes_out_again(int commits)
{
    ledger_takes(LEDGER_OK);
    turn_until(&w.commits, commits);
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, commits);
    cleared_order_drop(&w.cleared);
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
    ledger_takes(LEDGER_OK);
}

static void each_try_needs_its_own_proof_and_there_are_three(void **state)
{
    (void)state;
    unknown();
    until(3600 * NS_PER_S);
    for (int i = 0; i < 3; i++) {
        never_arrived();
        goes_out_again(i + 2);
        int updates = w.updates;
        desk_listed(desk, clock_boot_ns() + NS_PER_S);
        answered(BROKER_REJECTED, 404, NOT_FOUND); // what was said of the try before is none of this one
        answered(BROKER_REJECTED, 404, NOT_FOUND);
        assert_int_equal(w.updates, updates);
        assert_int_equal(desk_unknown_count(desk), 1);
    }
    never_arrived();
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NOT_PLACED);
    assert_int_equal(w.submits, 4);
    assert_int_equal(metrics_value(metrics, METRIC_ORDERS, "not_placed,never_arrived"), 1);
}

// Its connection is gone, and Postgres may still do what it was sent: what would be refused now might be there later.
static void a_commit_whose_answer_was_lost_is_not_refused_while_the_ledger_is_down(void **state)
{
    (void)state;
    place(ORDER_BUY, 2);
    commit(LEDGER_LOST);
    turn_until(&w.commits, 2);
    commit(LEDGER_DOWN);
    turn_until(&w.commits, 3);
    assert_int_equal(w.answered, 0);
    assert_int_equal(open_buys(), USD(200).nanos);
    desk_cancel(desk, ID);
    commit(LEDGER_OK); // it is there
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 0);
    assert_int_equal(w.last_status, ORDER_NOT_PLACED); // and is ended there
    ledger_takes(LEDGER_OK);
}

// Its time is over and the next step of its leg waits: it must not turn up beside that.
static void what_another_order_waits_for_goes_out_again_and_is_cancelled_then(void **state)
{
    (void)state;
    unknown();
    until(3600 * NS_PER_S);
    desk_cancel_for_next(desk, ID);
    never_arrived();
    ledger_takes(LEDGER_OK);
    turn_until(&w.commits, 2);
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 2);
    cleared_order_drop(&w.cleared);
    int calls = w.calls;
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    assert_int_equal(w.calls, calls + 1);
    assert_int_equal(w.call_op, OP_CANCEL);
    ledger_takes(LEDGER_OK);
}

static void what_is_cancelled_for_good_does_not_go_out_again(void **state)
{
    (void)state;
    unknown();
    until(3600 * NS_PER_S);
    desk_cancel_for_next(desk, ID);
    desk_cancel(desk, ID); // its run is over
    never_arrived();
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NOT_PLACED);
    assert_int_equal(w.submits, 1);
}

// While its end is not written, what is told of it is no end either.
static void an_order_that_goes_out_again_has_no_answer_yet(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    until(3600 * NS_PER_S);
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
    never_arrived();
    ledger_takes(LEDGER_OK); // "unknown", taken late
    assert_int_equal(w.answered, 0);
}

static void a_lost_answer_to_handing_back_is_asked_for_again(void **state)
{
    (void)state;
    unknown();
    until(3600 * NS_PER_S);
    never_arrived();
    assert_int_equal(w.last_status, ORDER_INTENT);
    int updates = w.updates;
    ledger_takes(LEDGER_LOST);
    turn_until(&w.updates, updates + 1);
    assert_int_equal(w.commits, 1);
    assert_int_equal(w.last_status, ORDER_INTENT);
    ledger_takes(LEDGER_OK);
    turn_until(&w.commits, 2);
}

// --- judged by what is known by then

static void limited(enum order_side side, int64_t shares, const char *run_id)
{
    struct intent in = {.session = session, .created_at = clock_wall_ns()};
    strcpy(in.run_id, run_id);
    strcpy(in.account, "PASIM0000001");
    in.order = (struct order_request){.client_order_id = ID,
                                      .symbol = "SPY",
                                      .side = side,
                                      .type = ORDER_MARKET,
                                      .tif = TIF_DAY,
                                      .qty = SHARES(shares)};
    desk_place(desk, &in, on_answer, NULL);
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    until(3600 * NS_PER_S);
    broker_answers(w.submit_done, w.submit_arg, BROKER_REJECTED, 429, "{\"code\":42910000,\"message\":\"slower\"}");
    ledger_takes(LEDGER_OK);
    turn_until(&w.commits, 2);
    cleared_order_drop(&w.cleared);
    commit(LEDGER_OK);
}

static void waited_for_the_ledger(enum ledger_result result)
{
    struct alpaca_trade t = {.symbol = "SPY", .price = {60000 * DECIMAL_ONE}, .at = clock_wall_ns()};
    place(ORDER_BUY, 2);
    until(3600 * NS_PER_S);
    commit(result);
    turn_until(&w.commits, 2);
    exposure_set_trade(exposure, &t, clock_boot_ns(), clock_wall_ns());
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 0);
    ledger_takes(LEDGER_OK);
    assert_int_equal(metrics_value(metrics, METRIC_ORDERS, "denied,order_notional"), 1);
    assert_int_equal(metrics_value(metrics, METRIC_RISK_DENIALS, "order_notional"), 1);
    assert_true(str_starts(w.last.reason, "order_notional: "));
}

static void what_waited_for_the_ledger_is_judged_again(void **state)
{
    (void)state;
    waited_for_the_ledger(LEDGER_DOWN);
}

// Each answer that got lost took as long as a batch may take.
static void what_waited_for_a_lost_answer_is_judged_again(void **state)
{
    (void)state;
    waited_for_the_ledger(LEDGER_LOST);
}

static void what_only_reduces_goes_out_again(void **state)
{
    (void)state;
    limited(ORDER_SELL, 10, "run-1");
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 2);
}

static void what_does_not_only_reduce_any_more_does_not(void **state)
{
    (void)state;
    struct alpaca_position p = {.symbol = "SPY", .qty = SHARES(1), .current_price = {100 * DECIMAL_ONE}};
    limits.long_only = false;
    limited(ORDER_SELL, 10, "run-1");
    assert_true(w.committed.reduces);
    exposure_set_positions(exposure, &p, 1, clock_boot_ns());
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
    ledger_takes(LEDGER_OK);
    assert_true(str_starts(w.last.reason, "reduces: "));
    assert_int_equal(metrics_value(metrics, METRIC_ORDERS, "denied,reduces"), 1);
}

static void sums_that_do_not_fit_deny(void **state)
{
    (void)state;
    struct alpaca_position huge = {.symbol = "SPY", .qty = {INT64_MAX}, .current_price = {100 * DECIMAL_ONE}};
    limited(ORDER_BUY, 2, "run-1");
    exposure_set_positions(exposure, &huge, 1, clock_boot_ns());
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
    ledger_takes(LEDGER_OK);
    assert_int_equal(metrics_value(metrics, METRIC_ORDERS, "denied,exposure"), 1);
}

// Another order's fill may be in the figures and beside them.
static void figures_behind_a_fill_are_read_before_they_deny(void **state)
{
    (void)state;
    struct intent other = {
        .session = session, .reserved = USD(100), .order = {.symbol = "SPY", .side = ORDER_BUY, .qty = SHARES(1)}};
    strcpy(other.order.client_order_id, "other");
    limited(ORDER_BUY, 2, "run-1");
    exposure_reserve(exposure, &other, clock_boot_ns());
    exposure_filled(exposure, "other", SHARES(1), clock_boot_ns());
    exposure_release(exposure, "other");
    limits.max_gross_exposure.nanos = 1;
    int decisions = w.decisions;
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
    turn_until(&w.refreshes, 1);
    assert_int_equal(w.decisions, decisions);
    fill_exposure();
    w.ready = NULL;
    w.refresh_done(w.refresh_arg, true, "");
    for (int i = 0; i < PATIENCE_TURNS && !w.ready; i++)
        loop_step(loop, 10);
    w.ready(w.ready_arg);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_DENIED);
    assert_string_equal(w.rule, "gross_exposure");
    assert_int_equal(w.refreshes, 1);
}

// Who asked over HTTP waits for an answer: figures that are too old deny.
static void an_order_of_no_run_does_not_wait_for_figures(void **state)
{
    (void)state;
    limited(ORDER_BUY, 2, "");
    limits.max_price_age_ns = 0;
    w.ready(w.ready_arg);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_DENIED);
    assert_int_equal(w.refreshes, 0);
}

static void where_nothing_can_be_read_old_figures_deny(void **state)
{
    (void)state;
    desk_free(desk);
    desk = desk_new(&(struct desk_params){.loop = loop,
                                          .guard = guard,
                                          .exposure = exposure,
                                          .metrics = metrics,
                                          .limits = &limits,
                                          .on_order = on_order,
                                          .alert = on_alert});
    limited(ORDER_BUY, 2, "run-1");
    limits.max_price_age_ns = 0;
    w.ready(w.ready_arg);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_DENIED);
}

static void cancelled_while_figures_are_read_it_is_not_sent(void **state)
{
    (void)state;
    limited(ORDER_BUY, 2, "run-1");
    limits.max_price_age_ns = 0;
    w.ready(w.ready_arg);
    turn_until(&w.refreshes, 1);
    desk_cancel(desk, ID);
    w.ready = NULL;
    w.refresh_done(w.refresh_arg, false, "away");
    for (int i = 0; i < 5 && !w.ready; i++)
        loop_step(loop, 0);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NOT_PLACED);
}

// It was out: should the first one turn up, it is still known.
static void what_was_out_is_not_placed_rather_than_denied(void **state)
{
    (void)state;
    struct alpaca_trade t = {.symbol = "SPY", .price = {60000 * DECIMAL_ONE}, .at = clock_wall_ns()};
    unknown();
    until(3600 * NS_PER_S);
    never_arrived();
    ledger_takes(LEDGER_OK);
    turn_until(&w.commits, 2);
    exposure_set_trade(exposure, &t, clock_boot_ns(), clock_wall_ns());
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NOT_PLACED);
    assert_string_equal(w.rule, "order_notional");
}

static void one_of_an_earlier_life_is_cancelled_in_time_once_it_is_found(void **state)
{
    (void)state;
    struct order_row row = {.status = ORDER_UNKNOWN};
    row.intent.session = session;
    row.intent.send_until = clock_wall_ns() + 20 * NS_PER_MS;
    strcpy(row.intent.run_id, "run-1");
    row.intent.order =
        (struct order_request){.client_order_id = ID, .symbol = "SPY", .side = ORDER_BUY, .qty = SHARES(2)};
    desk_adopt(desk, &row);
    ledger_takes(LEDGER_OK);
    turn_until(&w.calls, 1);
    while (clock_wall_ns() < row.intent.send_until + 5 * NS_PER_MS)
        loop_step(loop, 5);
    assert_int_equal(w.calls, 1); // there is nothing to cancel yet
    broker_answers(w.call_done, w.call_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    assert_int_equal(w.calls, 2);
    assert_int_equal(w.call_op, OP_CANCEL);
    ledger_takes(LEDGER_OK);
}

// --- what an operator is told, and may say

static struct desk_inquiry said;
static int inquiries;
static void on_inquired(void *arg, const struct desk_inquiry *i)
{
    assert_ptr_equal(arg, &said);
    said = *i;
    inquiries++;
}

static void an_inquiry_tells_what_the_broker_says(void **state)
{
    (void)state;
    inquiries = 0;
    assert_false(desk_inquire(desk, ID, on_inquired, &said));
    unknown();
    assert_true(desk_inquire(desk, ID, on_inquired, &said));
    assert_false(desk_inquire(desk, ID, on_inquired, &said)); // one at a time
    broker_answers(w.call_done, w.call_arg, BROKER_REJECTED, 404, NOT_FOUND);
    assert_int_equal(said.word, DESK_BROKER_DENIES);
    assert_int_equal(said.wait_s, 1);
    static const struct {
        enum broker_result result;
        int status;
        const char *json;
    } silent[] = {{BROKER_UNKNOWN, 0, NULL},
                  {BROKER_OK, 200, NULL},
                  {BROKER_OK, 200, "[]"},
                  {BROKER_OK, 200, "somebody's"},
                  {BROKER_REJECTED, 403, NOT_FOUND},
                  {BROKER_REJECTED, 404, "{\"message\":\"no such page\"}"}};
    for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
        assert_true(desk_inquire(desk, ID, on_inquired, &said));
        const char *json = silent[i].json;
        broker_answers(w.call_done, w.call_arg, silent[i].result, silent[i].status,
                       json && json[0] == 's' ? order_json("somebody-else", "new", "0") : json);
        assert_int_equal(said.word, DESK_BROKER_SILENT);
        assert_string_equal(said.said, "detail");
    }
    still_in_doubt();
    assert_true(desk_inquire(desk, ID, on_inquired, &said));
    broker_answers(w.call_done, w.call_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    assert_int_equal(said.word, DESK_BROKER_KNOWS);
    assert_int_equal(said.wait_s, 0); // no longer without an answer
    assert_int_equal(desk_unknown_count(desk), 0);
    assert_int_equal(inquiries, 8);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NEW);
}

static void an_operators_word_is_taken_for_what_is_in_doubt_and_recorded(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(desk_resolve_not_placed(desk, ID, "gone", "ann", &err), -1);
    to_the_wire(ORDER_BUY, 2);
    assert_int_equal(desk_resolve_not_placed(desk, ID, "gone", "ann", &err), -1);
    assert_non_null(strstr(err.text, "only one without an answer"));
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
    ledger_takes(LEDGER_OK);
    for (int i = 0; i < PATIENCE_TURNS && desk_resolve_not_placed(desk, ID, "gone", "ann", &err) != 0; i++)
        loop_step(loop, 5);
    ledger_takes(LEDGER_OK);
    assert_string_equal(w.rule, "resolve");
    assert_int_equal(w.last.status, ORDER_NOT_PLACED);
    assert_int_equal(metrics_value(metrics, METRIC_ORDERS, "not_placed,operator"), 1);
    for (int i = 0; i < 5; i++)
        loop_step(loop, 0);
    if (w.calls)
        broker_answers(w.call_done, w.call_arg, BROKER_UNKNOWN, 0, NULL);
    assert_false(loop_step(loop, 0)); // not looked up any more
}

// Open orders stand by the age of their intents; the oldest tells from when fills are asked for.
static void what_turns_up_stands_where_its_age_puts_it(void **state)
{
    (void)state;
    struct err err;
    unknown();
    desk_cancel(desk, ID);
    struct intent younger = w.committed;
    for (int i = 0; i < PATIENCE_TURNS && desk_resolve_not_placed(desk, ID, "gone", "ann", &err) != 0; i++)
        loop_step(loop, 5);
    ledger_takes(LEDGER_OK);
    strcpy(younger.order.client_order_id, "younger");
    int64_t age = younger.created_at++;
    desk_place(desk, &younger, on_answer, NULL);
    strcpy(younger.order.client_order_id, "youngest");
    younger.created_at++;
    desk_place(desk, &younger, on_answer, NULL);
    assert_int_equal(desk_oldest_open_ns(desk), age + 1);
    struct order_state s = {.status = ORDER_NEW, .updated_at = 7};
    strcpy(s.id, "o-1");
    strcpy(s.client_order_id, ID);
    int calls = w.calls;
    desk_broker_says(desk, &s, "poll");
    assert_int_equal(desk_oldest_open_ns(desk), age);
    assert_int_equal(desk_open_count(desk), 3);
    assert_int_equal(w.calls, calls + 1); // its cancel
    ledger_takes(LEDGER_OK);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(silence_is_no_denial),
        T(a_list_from_before_the_first_denial_proves_nothing),
        T(a_commit_whose_answer_was_lost_is_not_refused_while_the_ledger_is_down),
        T(each_try_needs_its_own_proof_and_there_are_three),
        T(what_another_order_waits_for_goes_out_again_and_is_cancelled_then),
        T(what_is_cancelled_for_good_does_not_go_out_again),
        T(an_order_that_goes_out_again_has_no_answer_yet),
        T(a_lost_answer_to_handing_back_is_asked_for_again),
        T(what_waited_for_the_ledger_is_judged_again),
        T(what_waited_for_a_lost_answer_is_judged_again),
        T(what_only_reduces_goes_out_again),
        T(what_does_not_only_reduce_any_more_does_not),
        T(sums_that_do_not_fit_deny),
        T(figures_behind_a_fill_are_read_before_they_deny),
        T(an_order_of_no_run_does_not_wait_for_figures),
        T(where_nothing_can_be_read_old_figures_deny),
        T(cancelled_while_figures_are_read_it_is_not_sent),
        T(an_inquiry_tells_what_the_broker_says),
        T(an_operators_word_is_taken_for_what_is_in_doubt_and_recorded),
        T(what_turns_up_stands_where_its_age_puts_it),
        T(what_was_out_is_not_placed_rather_than_denied),
        T(one_of_an_earlier_life_is_cancelled_in_time_once_it_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
