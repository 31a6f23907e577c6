// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/desk*.o daemon/exposure*.o daemon/metrics.o
//
// News of an order: what is older changes nothing, what is of nobody's order either, every part of a fill counts once;
// cancels, orders of an earlier life, and how long an ended order is remembered. The room is that of test_desk.c.
#include "tests/unit/desk_room.h"

static int64_t counted(const char *label)
{
    return metrics_value(metrics, METRIC_ORDERS, label);
}

static struct order_state news(enum order_status status, int64_t filled)
{
    struct order_state s = {.status = status, .filled_qty = SHARES(filled), .updated_at = 7};
    strcpy(s.id, "o-1");
    strcpy(s.client_order_id, ID);
    if (filled) {
        s.has_filled_avg_price = true;
        s.filled_avg_price.nanos = 99 * DECIMAL_ONE;
    }
    return s;
}

static void tell(enum order_status status, int64_t filled)
{
    const struct order_state s = news(status, filled);
    desk_broker_says(desk, &s, "poll");
}

static void live(enum order_side side)
{
    to_the_wire(side, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    ledger_takes(LEDGER_OK);
}

static void refused(enum broker_result result, int status, const char *message)
{
    char json[200];
    snprintf(json, sizeof json, "{\"code\":40010001,\"message\":\"%s\"}", message);
    broker_answers(w.submit_done, w.submit_arg, result, status, json);
    ledger_takes(LEDGER_OK);
}

static void nothing_is_under_way(void)
{
    for (int i = 0; i < 5; i++) // what was posted
        loop_step(loop, 0);
    assert_false(loop_step(loop, 0));
}

// --- what is news

static void older_news_changes_nothing(void **state)
{
    (void)state;
    live(ORDER_BUY);
    tell(ORDER_PARTIALLY_FILLED, 1);
    assert_int_equal(update_count, 1);
    assert_int_equal(open_buys(), USD(100).nanos);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.filled_qty.nanos, SHARES(1).nanos);
    assert_int_equal(w.last.filled_avg_price.nanos, 99 * DECIMAL_ONE);
    assert_int_equal(w.last.updated_at, 7);
    tell(ORDER_PENDING_NEW, 0);
    tell(ORDER_NEW, 0);
    tell(ORDER_PARTIALLY_FILLED, 1);
    tell(ORDER_PARTIALLY_FILLED, 0);
    assert_int_equal(update_count, 0);
    struct order_state s = news(ORDER_PENDING_CANCEL, 1); // as far, another word, and no later
    desk_broker_says(desk, &s, "poll");
    assert_int_equal(update_count, 0);
    s.updated_at++;
    s.has_filled_avg_price = false;
    desk_broker_says(desk, &s, "poll");
    assert_int_equal(update_count, 1);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_PENDING_CANCEL);
    assert_int_equal(w.last.filled_avg_price.nanos, 99 * DECIMAL_ONE);
    tell(ORDER_PENDING_CANCEL, 2); // the same word, and more of it
    assert_int_equal(open_buys(), 0);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.filled_qty.nanos, SHARES(2).nanos);
    assert_int_equal(w.answered, 1); // who placed it was told once
    assert_int_equal(w.told, 4);
}

static void an_end_is_the_end(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    tell(ORDER_CANCELED, 0);
    ledger_takes(LEDGER_OK);
    assert_int_equal(counted("canceled,"), 1);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "filled", "2"));
    assert_int_equal(update_count, 0);
    tell(ORDER_FILLED, 2);
    assert_int_equal(update_count, 0);
    assert_int_equal(desk_order(desk, ID)->status, ORDER_CANCELED);
    desk_cancel(desk, ID);
    assert_int_equal(w.calls, 0);
    assert_int_equal(desk_open_count(desk), 0);
}

static void the_answer_may_know_more_than_a_read(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    tell(ORDER_NEW, 0);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "filled", "2"));
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_FILLED);
    assert_int_equal(desk_open_count(desk), 0);
}

static void news_of_what_is_not_sent_is_not_believed(void **state)
{
    (void)state;
    tell(ORDER_NEW, 0); // nobody's
    desk_send_until(desk, ID, 1);
    desk_cancel(desk, ID);
    place(ORDER_BUY, 2);
    tell(ORDER_FILLED, 2);
    assert_int_equal(w.updates, 0);
    commit(LEDGER_OK);
    tell(ORDER_FILLED, 2);
    assert_int_equal(w.updates, 0);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
    assert_int_equal(desk_order(desk, ID)->status, ORDER_SENDING);
}

static void what_a_read_finds_is_not_looked_up_any_more(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    refused(BROKER_UNKNOWN, 0, "");
    assert_string_equal(w.last.reason, "detail");
    tell(ORDER_NEW, 0);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_NEW);
    assert_string_equal(w.last.reason, "");
    assert_int_equal(desk_unknown_count(desk), 0);
    nothing_is_under_way();
    assert_int_equal(w.calls, 0);
}

static void when_it_was_sent_and_answered_is_kept(void **state)
{
    (void)state;
    struct broker_answer a = {
        .result = BROKER_UNKNOWN, .detail = "", .request_id = "", .sent_wall_ns = 11, .answered_wall_ns = 12};
    to_the_wire(ORDER_BUY, 2);
    w.submit_done(w.submit_arg, &a);
    assert_int_equal(desk_order(desk, ID)->sent_at, 11);
    assert_int_equal(desk_order(desk, ID)->answered_at, 12);
    ledger_takes(LEDGER_OK);
}

static void what_the_ledger_takes_late_is_told_once(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "filled", "2"));
    ledger_takes(LEDGER_LOST);
    turn_until(&w.updates, 2);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.told, 1);
    nothing_is_under_way();
}

// --- how it ends, by a word of a bounded set

static void a_refusal_says_why(void **state)
{
    static const struct {
        enum broker_result result;
        int status;
        const char *message, *label;
    } rows[] = {{BROKER_REJECTED, 422, "qty must be above zero", "rejected,broker_422"},
                {BROKER_REJECTED, 400, "odd", "rejected,broker_4xx"},
                {BROKER_DENIED, 0, "", "denied,guard"},
                {BROKER_NOT_SENT, 0, "", "not_placed,not_sent"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (i) {
            tear_down(state);
            set_up(state);
        }
        to_the_wire(ORDER_BUY, 2);
        refused(rows[i].result, rows[i].status, rows[i].message);
        assert_int_equal(counted(rows[i].label), 1);
        assert_int_equal(desk_open_count(desk), 0);
        assert_int_equal(open_buys(), 0);
    }
}

static void what_is_not_sent_says_why(void **state)
{
    for (int i = 0; i < 4; i++) {
        if (i) {
            tear_down(state);
            set_up(state);
        }
        place(ORDER_BUY, 2);
        if (i == 2)
            commit(LEDGER_DOWN);
        else if (i == 3)
            commit(LEDGER_CONFLICT);
        else {
            commit(LEDGER_OK);
            if (i == 0)
                desk_cancel(desk, ID);
            else
                desk_send_until(desk, ID, 1);
            w.ready(w.ready_arg);
        }
        static const char *const labels[] = {"not_placed,cancelled", "not_placed,deadline", "denied,ledger",
                                             "denied,ledger"};
        assert_int_equal(counted(labels[i]), 1);
        assert_int_equal(w.submits, 0);
        ledger_takes(LEDGER_OK);
    }
}

static void an_answer_without_an_order_is_unknown(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, NULL);
    assert_int_equal(desk_unknown_count(desk), 1);
    ledger_takes(LEDGER_OK);
}

static void what_a_refusal_was_for_does_not_stick_to_what_came_of_it(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    refused(BROKER_REJECTED, 429, "rate limit exceeded");
    turn_until(&w.commits, 2);
    cleared_order_drop(&w.cleared);
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "filled", "2"));
    ledger_takes(LEDGER_OK);
    assert_int_equal(counted("filled,"), 1);
}

static void an_order_that_makes_no_sense_is_denied(void **state)
{
    (void)state;
    int told = 0;
    struct intent in = {.session = session, .created_at = clock_wall_ns()};
    in.order = (struct order_request){.client_order_id = ID,
                                      .symbol = "SPY",
                                      .side = ORDER_BUY,
                                      .type = ORDER_LIMIT, // without a limit price
                                      .tif = TIF_DAY,
                                      .qty = SHARES(1)};
    desk_place(desk, &in, on_answer, &told);
    turn_until(&w.answered, 1);
    assert_string_equal(w.rule, "order");
    assert_ptr_equal(w.answer_arg, &told);
    assert_int_equal(w.commits, 0);
    struct alpaca_position huge = {.symbol = "SPY", .qty = {INT64_MAX}, .current_price = {100 * DECIMAL_ONE}};
    exposure_set_positions(exposure, &huge, 1, clock_boot_ns());
    in.order.type = ORDER_MARKET;
    strcpy(in.order.client_order_id, "another");
    desk_place(desk, &in, on_answer, NULL);
    turn_until(&w.answered, 2);
    assert_string_equal(w.rule, "exposure");
    assert_int_equal(w.commits, 0);
}

static void denials_are_counted_by_row_and_check(void **state)
{
    (void)state;
    place(ORDER_BUY, 2);
    commit(LEDGER_OK);
    w.facts.halt_file = HALT_HALTED;
    w.ready(w.ready_arg);
    assert_int_equal(metrics_value(metrics, METRIC_GUARD_DENIALS, "halt"), 1);
    ledger_takes(LEDGER_OK);
    limits = (struct risk_limits){.max_order_share = {0}}; // as a reload does it: the desk has them by address
    struct intent in = w.committed;
    strcpy(in.order.client_order_id, "another");
    desk_place(desk, &in, on_answer, NULL);
    turn_until(&w.answered, 2);
    assert_int_equal(metrics_value(metrics, METRIC_RISK_DENIALS, w.rule), 1);
    assert_int_equal(w.commits, 1);
}

static void only_what_reduces_goes_out_under_reduce_only(void **state)
{
    (void)state;
    w.facts.halt_file = HALT_REDUCE_ONLY;
    to_the_wire(ORDER_SELL, 2);
    assert_true(w.committed.reduces);
    assert_int_equal(w.submits, 1);
    tear_down(state);
    set_up(state);
    w.facts.halt_file = HALT_REDUCE_ONLY;
    to_the_wire(ORDER_BUY, 2);
    assert_false(w.committed.reduces);
    assert_int_equal(w.submits, 0);
    ledger_takes(LEDGER_OK);
}

// --- in hand

static void waiting_and_sending_are_in_hand_too(void **state)
{
    (void)state;
    for (int i = 0; i < 70; i++) {
        struct intent in = {.session = session, .created_at = i + 1};
        strcpy(in.account, "PASIM0000001");
        in.order = (struct order_request){
            .symbol = "SPY", .side = ORDER_BUY, .type = ORDER_MARKET, .tif = TIF_DAY, .qty = SHARES(1)};
        snprintf(in.order.client_order_id, sizeof in.order.client_order_id, "order-%d", i);
        desk_place(desk, &in, on_answer, NULL);
    }
    assert_int_equal(w.commits, 64);
    assert_int_equal(desk_oldest_open_ns(desk), 1);
    commit(LEDGER_OK);
    assert_int_equal(w.commits, 64);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
    assert_int_equal(w.commits, 64);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json("order-63", "new", "0"));
    assert_int_equal(w.commits, 65);
    ledger_takes(LEDGER_OK);
}

// --- cancels

static void a_cancel_while_it_is_sent_waits_for_its_broker_id(void **state)
{
    (void)state;
    assert_int_equal(desk_oldest_open_ns(desk), 0);
    to_the_wire(ORDER_BUY, 2);
    desk_cancel(desk, ID);
    assert_int_equal(w.calls, 0);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    assert_int_equal(w.calls, 1);
    assert_string_equal(w.call_id, "o-1");
    ledger_takes(LEDGER_OK);
    broker_answers(w.call_done, w.call_arg, BROKER_OK, 204, NULL);
    nothing_is_under_way(); // taken: its status tells
}

static void what_has_ended_is_not_cancelled_again(void **state)
{
    (void)state;
    live(ORDER_BUY);
    desk_cancel(desk, ID);
    broker_answers(w.call_done, w.call_arg, BROKER_NOT_SENT, 0, NULL);
    tell(ORDER_FILLED, 2); // the next try is due already
    ledger_takes(LEDGER_OK);
    nothing_is_under_way();
    tear_down(state);
    set_up(state);
    live(ORDER_BUY);
    desk_cancel(desk, ID);
    tell(ORDER_FILLED, 2);
    broker_answers(w.call_done, w.call_arg, BROKER_REJECTED, 422, "{\"code\":42210000,\"message\":\"no\"}");
    ledger_takes(LEDGER_OK);
    nothing_is_under_way();
}

// --- an earlier life

static struct order_row row_of(enum order_status status, int64_t filled, const char *order_id)
{
    struct order_row row = {.status = status, .filled_qty = SHARES(filled)};
    row.intent.session = session;
    row.intent.reserved = USD(200);
    strcpy(row.intent.account, "PASIM0000001");
    strcpy(row.order_id, order_id);
    row.intent.order = (struct order_request){.client_order_id = ID,
                                              .symbol = "SPY",
                                              .side = ORDER_BUY,
                                              .type = ORDER_MARKET,
                                              .tif = TIF_DAY,
                                              .qty = SHARES(2)};
    return row;
}

static void a_live_order_of_an_earlier_life_is_followed(void **state)
{
    (void)state;
    const struct order_row row = row_of(ORDER_PARTIALLY_FILLED, 1, "o-1");
    desk_adopt(desk, &row);
    assert_int_equal(desk_open_count(desk), 1);
    assert_int_equal(desk_unknown_count(desk), 0);
    assert_int_equal(open_buys(), USD(100).nanos);
    nothing_is_under_way();
    tell(ORDER_NEW, 0); // older than what the ledger has
    assert_int_equal(update_count, 0);
    desk_cancel(desk, ID);
    assert_string_equal(w.call_id, "o-1");
    tell(ORDER_CANCELED, 1);
    ledger_takes(LEDGER_OK);
    assert_int_equal(w.last.status, ORDER_CANCELED);
    assert_int_equal(w.last.filled_qty.nanos, SHARES(1).nanos);
    assert_int_equal(open_buys(), 0);
}

static void an_ended_order_of_an_earlier_life_holds_nothing(void **state)
{
    (void)state;
    const struct order_row row = row_of(ORDER_FILLED, 2, "o-1");
    desk_adopt(desk, &row);
    assert_int_equal(desk_open_count(desk), 0);
    assert_int_equal(open_buys(), 0);
    assert_int_equal(desk_order(desk, ID)->status, ORDER_FILLED);
    nothing_is_under_way();
}

static void an_intent_of_an_earlier_life_goes_out_with_its_own_body(void **state)
{
    (void)state;
    const struct order_row row = row_of(ORDER_INTENT, 0, "");
    desk_adopt(desk, &row);
    assert_int_equal(open_buys(), USD(200).nanos);
    desk_send_until(desk, ID, clock_wall_ns() + 60 * NS_PER_S);
    ledger_takes(LEDGER_OK);
    never_arrived();
    ledger_takes(LEDGER_OK);
    turn_until(&w.commits, 1);
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
    assert_int_equal(w.submits, 1);
    assert_int_equal(w.answered, 0); // who placed it lived in that life
}

// --- remembered

static void others_end(int count)
{
    static int number;
    int before = w.told;
    for (int i = 0; i < count; i++) {
        struct intent in = {.session = session, .created_at = clock_wall_ns()};
        snprintf(in.order.client_order_id, sizeof in.order.client_order_id, "other-%d", number++); // no symbol: denied
        desk_place(desk, &in, on_answer, NULL);
    }
    turn_until(&w.told, before + count);
}

static void an_order_is_remembered_until_its_last_answer(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    tell(ORDER_FILLED, 2);
    others_end(250);
    assert_non_null(desk_order(desk, ID)); // ledger and broker are still to answer
    ledger_takes(LEDGER_OK);
    others_end(1);
    assert_non_null(desk_order(desk, ID));
    broker_answers(w.submit_done, w.submit_arg, BROKER_UNKNOWN, 0, NULL);
    others_end(1);
    assert_null(desk_order(desk, ID));
}

static void an_order_is_remembered_until_the_ledger_has_its_end(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    broker_answers(w.submit_done, w.submit_arg, BROKER_OK, 200, order_json(ID, "filled", "2"));
    others_end(250);
    assert_non_null(desk_order(desk, ID));
    ledger_takes(LEDGER_OK);
    others_end(1);
    assert_null(desk_order(desk, ID));
}

static void on_inquired(void *arg, const struct desk_inquiry *i)
{
    (void)arg, (void)i;
}

static void after_every_answer_it_is_forgotten(void **state)
{
    (void)state;
    to_the_wire(ORDER_BUY, 2);
    refused(BROKER_UNKNOWN, 0, "");
    turn_until(&w.calls, 1); // its lookup
    broker_done_fn *looked = w.call_done;
    void *looked_arg = w.call_arg;
    assert_true(desk_inquire(desk, ID, on_inquired, NULL));
    tell(ORDER_NEW, 0);
    broker_answers(w.call_done, w.call_arg, BROKER_UNKNOWN, 0, NULL);
    desk_cancel(desk, ID);
    tell(ORDER_CANCELED, 0);
    ledger_takes(LEDGER_OK);
    others_end(250);
    assert_non_null(desk_order(desk, ID));
    broker_answers(w.call_done, w.call_arg, BROKER_OK, 204, NULL);
    others_end(1);
    assert_non_null(desk_order(desk, ID));
    broker_answers(looked, looked_arg, BROKER_OK, 200, order_json(ID, "new", "0"));
    others_end(1);
    assert_null(desk_order(desk, ID));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(older_news_changes_nothing),
        T(an_end_is_the_end),
        T(the_answer_may_know_more_than_a_read),
        T(news_of_what_is_not_sent_is_not_believed),
        T(what_a_read_finds_is_not_looked_up_any_more),
        T(when_it_was_sent_and_answered_is_kept),
        T(what_the_ledger_takes_late_is_told_once),
        T(a_refusal_says_why),
        T(what_is_not_sent_says_why),
        T(an_answer_without_an_order_is_unknown),
        T(what_a_refusal_was_for_does_not_stick_to_what_came_of_it),
        T(an_order_that_makes_no_sense_is_denied),
        T(denials_are_counted_by_row_and_check),
        T(only_what_reduces_goes_out_under_reduce_only),
        T(waiting_and_sending_are_in_hand_too),
        T(a_cancel_while_it_is_sent_waits_for_its_broker_id),
        T(what_has_ended_is_not_cancelled_again),
        T(a_live_order_of_an_earlier_life_is_followed),
        T(an_ended_order_of_an_earlier_life_holds_nothing),
        T(an_intent_of_an_earlier_life_goes_out_with_its_own_body),
        T(an_order_is_remembered_until_its_last_answer),
        T(an_order_is_remembered_until_the_ledger_has_its_end),
        T(after_every_answer_it_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
