// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/broker.o daemon/broker_keys.o daemon/broker_state.o daemon/metrics.o
//
// The broker channel takes another pair of keys: between two requests, and what was sent with the former one is waited
// for and tells nothing of the new one. What the broker repeats of a pair is not handed on.
#include "tests/unit/broker_rig.h"

static int held;

static void on_held(void *arg)
{
    (void)arg;
    held++;
}

static void other_key(void)
{
    r.other_key = true;
    r.facts.key_fingerprint = digest_of(OTHER_KEY, strlen(OTHER_KEY));
}

static void read_orders(void)
{
    broker_call(r.broker, OP_ORDERS, NULL, NULL, on_answer, NULL);
    settle();
}

static void hold(void)
{
    held = 0;
    broker_hold(r.broker, on_held, NULL);
    settle();
}

static void what_is_on_its_way_goes_out_before_the_pair_changes(void **state)
{
    (void)state;
    broker_of(100, 8);
    read_orders();
    hold();
    pass_ms(1000);
    assert_int_equal(held, 0); // headers and permit of the former pair, not on the wire yet
    assert_true(may_send(0, 1));
    pass_ms(10);
    assert_int_equal(held, 1); // its answer need not have come
    other_key();
    broker_take_keys(r.broker);
    read_orders();
    assert_string_equal(wire(1)->key_header, "APCA-API-KEY-ID: " OTHER_KEY);
    assert_true(may_send(1, 1));
    wire_answers(0, 200, "[]");
    assert_int_equal(r.last.result, BROKER_OK);
    wire_answers(1, 200, "[]");
    assert_int_equal(r.last.result, BROKER_OK);
    assert_int_equal(r.denials, 0);
}

static void nothing_is_sent_while_held_and_orders_wait_for_the_end(void **state)
{
    (void)state;
    broker_of(100, 8);
    hold();
    assert_int_equal(held, 1);
    broker_rate_wait(r.broker, submit, NULL);
    read_orders();
    broker_call(r.broker, OP_CANCEL, "an-id", NULL, on_answer, NULL);
    settle();
    assert_int_equal(r.wire_count, 0);
    other_key();
    broker_take_keys(r.broker);
    settle();
    assert_int_equal(r.wire_count, 2); // the order was there first, and waits
    assert_string_equal(wire(0)->request.method, "DELETE");
    assert_null(wire(1)->body);
    broker_resume(r.broker);
    settle();
    assert_int_equal(r.wire_count, 3);
    assert_non_null(wire(2)->body);
    assert_string_equal(wire(2)->key_header, "APCA-API-KEY-ID: " OTHER_KEY);
    assert_true(may_send(2, 1));
}

static void without_a_change_everything_goes_on_as_it_was(void **state)
{
    (void)state;
    broker_of(100, 8);
    hold();
    broker_rate_wait(r.broker, submit, NULL);
    settle();
    broker_resume(r.broker);
    settle();
    assert_string_equal(wire(0)->key_header, "APCA-API-KEY-ID: " GOOD_KEY);
    assert_true(may_send(0, 1));
}

static void an_answer_to_the_former_pair_says_nothing_of_the_new_one(void **state)
{
    (void)state;
    broker_of(100, 8);
    broker_call(r.broker, OP_ACCOUNT, NULL, NULL, on_answer, NULL);
    settle();
    assert_true(may_send(0, 1));
    hold();
    pass_ms(10);
    other_key();
    broker_take_keys(r.broker);
    wire_answers(0, 401, "{\"message\":\"unauthorized.\"}");
    assert_int_equal(r.last.result, BROKER_REJECTED);
    assert_int_equal(r.key_refused, 0);
    read_orders();
    assert_true(may_send(1, 1));
    wire_answers(1, 401, "{\"message\":\"unauthorized.\"}");
    assert_int_equal(r.key_refused, 1);
}

static void what_the_broker_repeats_of_a_pair_is_left_out(void **state)
{
    (void)state;
    r.other_key = true;
    other_key();
    broker_of(100, 8);
    read_orders();
    assert_true(may_send(0, 1));
    wire_answers(0, 403, "{\"code\":40310000,\"message\":\"no leave for " OTHER_KEY " with " OTHER_SECRET "\"}");
    assert_string_equal(r.last.error.message, "no leave for \u2026 with \u2026");
    assert_null(strstr(r.detail, "PKTEST"));
    assert_null(strstr(r.detail, OTHER_SECRET));
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_on_its_way_goes_out_before_the_pair_changes),
        T(nothing_is_sent_while_held_and_orders_wait_for_the_end),
        T(without_a_change_everything_goes_on_as_it_was),
        T(an_answer_to_the_former_pair_says_nothing_of_the_new_one),
        T(what_the_broker_repeats_of_a_pair_is_left_out),
    };
    return cmocka_run_group_tests_name("broker_keys", tests, NULL, NULL);
}
