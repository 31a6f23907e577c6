// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/broker.o daemon/broker_keys.o daemon/broker_state.o daemon/metrics.o
//
// The broker channel on a transport of the test: what is a denial, what a refusal and what tells nothing; who gets a
// slot of the rate budget, and when.
#include "tests/unit/broker_rig.h"

#define UNAUTHORIZED "{\"code\":40110000,\"message\":\"request is not authorized\"}"
#define LIMITED "{\"code\":42910000,\"message\":\"rate limit exceeded\"}"

// --- denials

static void the_reason_of_an_early_denial_outlives_its_call(void **state)
{
    (void)state;
    broker_of(100, 4);
    r.facts.dry_run.state = SWITCH_FALSE;
    broker_call(r.broker, OP_ORDERS, NULL, NULL, on_answer, NULL);
    assert_int_equal(r.answers, 0); // never from within
    settle();
    assert_int_equal(r.answers, 1);
    assert_int_equal(r.last.result, BROKER_DENIED);
    assert_non_null(strstr(r.detail, "DRY_RUN"));
    assert_int_equal(r.denials, 1);
    assert_int_equal(r.denied_check, CHECK_DRY_RUN);
    assert_int_equal(r.wire_count, 0);
}

static void what_turned_bad_since_the_permit_is_denied_at_the_wire(void **state)
{
    (void)state;
    broker_of(100, 4);
    broker_call(r.broker, OP_ORDERS, NULL, "status=open", on_answer, NULL);
    settle();
    assert_string_equal(wire(0)->target, "/v2/orders?status=open");
    assert_string_equal(wire(0)->key_header, "APCA-API-KEY-ID: " GOOD_KEY);
    r.facts.alpaca_paper.state = SWITCH_FALSE;
    assert_false(may_send(0, 1));
    wire_fails(0, HTTP_RESULT_REFUSED, false);
    assert_int_equal(r.last.result, BROKER_DENIED);
    assert_non_null(strstr(r.detail, "ALPACA_PAPER"));
    assert_int_equal(r.denials, 1);
}

static void another_body_at_the_wire_is_denied(void **state)
{
    (void)state;
    broker_of(100, 4);
    broker_rate_wait(r.broker, submit, NULL);
    settle();
    assert_non_null(strstr(wire(0)->body, "pg1-00112233445566778899aabbccddeeff"));
    assert_false(may_send_body(0, 1, "{\"symbol\":\"SPY\",\"qty\":\"3000\"}"));
    wire_fails(0, HTTP_RESULT_REFUSED, false);
    assert_int_equal(r.last.result, BROKER_DENIED);
    assert_int_equal(r.denials, 1);
}

static void a_second_transmission_is_stopped_and_is_no_denial(void **state)
{
    (void)state;
    broker_of(100, 4);
    int i = order_on_the_wire();
    assert_false(may_send(i, 2));
    wire_fails(i, HTTP_RESULT_LOST, true);
    assert_int_equal(r.last.result, BROKER_UNKNOWN); // the first one may have arrived
    assert_int_equal(r.denials, 0);
    for (int c = 0; c < GUARD_CHECK_COUNT; c++)
        assert_int_equal(guard_denials(r.guard, (enum guard_check)c), 0);
}

// A transport that counted its attempts wrongly: the permit is spent, and a byte may have left all the same.
static void a_denial_after_a_byte_may_have_left_is_unknown(void **state)
{
    (void)state;
    broker_of(100, 4);
    int i = order_on_the_wire();
    assert_false(may_send(i, 1));
    wire_fails(i, HTTP_RESULT_LOST, true);
    assert_int_equal(r.last.result, BROKER_UNKNOWN);
}

// --- answers

static void an_answer_to_an_order_is_sorted_by_what_it_proves(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        enum broker_result result;
    } rows[] = {
        {200, "{\"id\":\"o-1\"}", BROKER_OK},
        {204, "", BROKER_OK},
        // a 2xx that cannot be read: it may well have been taken
        {200, "", BROKER_UNKNOWN},
        {200, "{\"id\":\"o-1\",\"client_or", BROKER_UNKNOWN},
        {200, "<html>hello</html>", BROKER_UNKNOWN},
        {200, "{\"id\":\"o-1\",\"id\":\"o-2\"}", BROKER_UNKNOWN},
        // a refusal: a 4xx in the broker's own words
        {400, "{\"code\":40010000,\"message\":\"request body format is invalid\"}", BROKER_REJECTED},
        {401, UNAUTHORIZED, BROKER_REJECTED},
        {401, "{\"message\":\"unauthorized.\"}", BROKER_REJECTED},
        {403, "{\"code\":40310000,\"message\":\"insufficient buying power\"}", BROKER_REJECTED},
        {404, "{\"code\":40410000,\"message\":\"order not found\"}", BROKER_REJECTED},
        {422, "{\"code\":42210000,\"message\":\"qty must be > 0\"}", BROKER_REJECTED},
        {429, LIMITED, BROKER_REJECTED},
        {429, "{\"message\":\"too many requests.\"}", BROKER_REJECTED},
        // a 4xx of something in between proves nothing
        {400, "<html><h1>400 Bad Request</h1></html>", BROKER_UNKNOWN},
        {401, "<html><h1>401 Authorization Required</h1></html>", BROKER_UNKNOWN},
        {403, "", BROKER_UNKNOWN},
        {403, "{}", BROKER_UNKNOWN},
        {403, "[]", BROKER_UNKNOWN},
        {403, "\"no\"", BROKER_UNKNOWN},
        {403, "{\"error\":\"blocked\"}", BROKER_UNKNOWN},
        {403, "{\"message\":\"\"}", BROKER_UNKNOWN},
        {403, "{\"message\":403}", BROKER_UNKNOWN},
        {403, "{\"code\":40310000,\"mess", BROKER_UNKNOWN},
        {429, "<html>slow down</html>", BROKER_UNKNOWN},
        {408, "{\"message\":\"request timeout\"}", BROKER_UNKNOWN},
        // nobody's refusal
        {302, "{\"message\":\"moved\"}", BROKER_UNKNOWN},
        {500, "{\"code\":50010000,\"message\":\"internal server error\"}", BROKER_UNKNOWN},
        {502, "<html><h1>502 Bad Gateway</h1></html>", BROKER_UNKNOWN},
        {503, "{\"message\":\"service unavailable\"}", BROKER_UNKNOWN},
        {504, "", BROKER_UNKNOWN},
    };
    broker_of(100000, 4);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        pass_ms(60000); // a 429 before has emptied the budget
        wire_answers(order_on_the_wire(), rows[i].status, rows[i].body);
        if (r.last.result != rows[i].result)
            fail_msg("HTTP %d %s is %s, expected %s", rows[i].status, rows[i].body, broker_result_name(r.last.result),
                     broker_result_name(rows[i].result));
        assert_int_equal(r.last.status, rows[i].status);
        if (r.last.result == BROKER_REJECTED)
            assert_true(r.last.error.message[0]);
    }
    assert_int_equal(r.answers, ARRAY_LEN(rows));
    assert_int_equal(r.denials, 0);
    assert_int_equal(r.calls, ARRAY_LEN(rows));
    assert_int_equal(r.failed_calls, 9); // unreadable 2xx, 302 and 5xx: a 4xx is no failure of the broker
}

static void without_an_answer_it_counts_whether_a_byte_may_have_left(void **state)
{
    (void)state;
    static const enum http_result ways[] = {HTTP_RESULT_REFUSED, HTTP_RESULT_TIMEOUT, HTTP_RESULT_LOST};
    broker_of(100000, 4);
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        wire_fails(order_on_the_wire(), ways[i], true);
        assert_int_equal(r.last.result, BROKER_UNKNOWN);
        assert_non_null(strstr(r.detail, "as the test wants it"));
        wire_fails(order_on_the_wire(), ways[i], false);
        assert_int_equal(r.last.result, BROKER_NOT_SENT);
    }
    assert_int_equal(r.failed_calls, 2 * ARRAY_LEN(ways));
    assert_int_equal(r.denials, 0);
}

static int asked(enum guard_op op, int status, const char *body)
{
    int before = r.key_refused;
    broker_call(r.broker, op, "x", NULL, on_answer, NULL);
    settle();
    assert_true(may_send(r.wire_count - 1, 1));
    wire_answers(r.wire_count - 1, status, body);
    return r.key_refused - before;
}

static void a_refused_key_is_told_at_once_whoever_asked(void **state)
{
    (void)state;
    broker_of(100000, 4);
    assert_int_equal(asked(OP_ACCOUNT, 401, UNAUTHORIZED), 1);
    assert_int_equal(asked(OP_ORDERS, 401, UNAUTHORIZED), 1);
    assert_int_equal(asked(OP_ACCOUNT, 403, "{\"message\":\"forbidden.\"}"), 1); // the wording of earlier years
    assert_int_equal(asked(OP_ORDERS, 403, "{\"code\":40310000,\"message\":\"no\"}"), 0);
    assert_int_equal(asked(OP_ACCOUNT, 401, "<html>401</html>"), 0); // the edge, not the broker
    assert_int_equal(asked(OP_TRADES_LATEST, 401, UNAUTHORIZED), 0); // the data host has its own mind
    wire_answers(order_on_the_wire(), 401, UNAUTHORIZED);
    assert_int_equal(r.key_refused, 4);
    assert_int_equal(r.key_accepted, 0);
}

static void identity_is_learnt_from_whole_answers_only(void **state)
{
    (void)state;
    broker_of(100000, 4);
    asked(OP_ACCOUNT, 200, "{\"account_number\":\"PA3ZZJC58PH5\"}");
    asked(OP_ACCOUNT, 200, "{\"account_number\":7");
    asked(OP_CLOCK, 200, "{}");
    assert_int_equal(r.accounts + r.clocks + r.key_accepted, 0);
    asked(OP_ACCOUNT, 200,
          "{\"account_number\":\"PA3ZZJC58PH5\",\"status\":\"ACTIVE\",\"currency\":\"USD\",\"equity\":\"1\","
          "\"cash\":\"1\",\"buying_power\":\"1\",\"trading_blocked\":false,\"account_blocked\":false,"
          "\"trade_suspended_by_user\":false,\"shorting_enabled\":false}");
    assert_int_equal(r.accounts, 1);
    assert_int_equal(r.key_accepted, 1);
    assert_string_equal(r.account_number, GOOD_ACCOUNT);
    assert_true(broker_connected(r.broker));
    asked(OP_CLOCK, 500, "{\"message\":\"internal\"}");
    assert_false(broker_connected(r.broker));
}

// Which member keeps the account from trading goes to the guard by its name.
static void what_blocks_an_account_is_named(void **state)
{
    static const char *const names[] = {"account_blocked", "trading_blocked", "trade_suspended_by_user"};
    (void)state;
    broker_of(100000, 4);
    for (size_t i = 0; i <= ARRAY_LEN(names); i++) {
        char body[512], expected[64] = "";
        int n = snprintf(body, sizeof body,
                         "{\"account_number\":\"PA3ZZJC58PH5\",\"status\":\"ACTIVE\",\"currency\":\"USD\","
                         "\"equity\":\"1\",\"cash\":\"1\",\"buying_power\":\"1\",\"shorting_enabled\":false");
        for (size_t k = 0; k < ARRAY_LEN(names); k++)
            n += snprintf(body + n, sizeof body - (size_t)n, ",\"%s\":%s", names[k], k == i ? "true" : "false");
        snprintf(body + n, sizeof body - (size_t)n, "}");
        if (i < ARRAY_LEN(names))
            snprintf(expected, sizeof expected, "%s is true", names[i]);
        asked(OP_ACCOUNT, 200, body);
        assert_int_equal(r.accounts, i + 1);
        assert_string_equal(r.account_blocked, expected);
    }
}

// --- the rate budget

static void read_orders(const char *name)
{
    broker_call(r.broker, OP_ORDERS, NULL, NULL, on_answer, (void *)(intptr_t)name);
}

static void cancel(const char *name)
{
    broker_call(r.broker, OP_CANCEL, "some-id", NULL, on_answer, (void *)(intptr_t)name);
}

static void a_tenth_of_the_budget_is_kept_for_cancels(void **state)
{
    (void)state;
    broker_of(100, 1000);
    for (int i = 0; i < 200; i++)
        read_orders("");
    settle();
    assert_int_equal(r.wire_count, 90);
    for (int i = 0; i < 20; i++)
        cancel("");
    settle();
    assert_int_equal(r.wire_count, 100);
    assert_string_equal(wire(99)->target, "/v2/orders/some-id");
    pass_ms(6100); // 100 a minute are ten in six seconds, all for cancels that wait
    assert_int_equal(r.wire_count, 110);
    assert_string_equal(wire(109)->target, "/v2/orders/some-id");
    pass_ms(6200); // the reserve is filled first
    assert_int_equal(r.wire_count, 110);
    pass_ms(6000);
    assert_true(r.wire_count > 115 && r.wire_count <= 121);
    assert_string_equal(wire(r.wire_count - 1)->target, "/v2/orders");
}

static void the_budget_of_a_minute_is_never_passed(void **state)
{
    (void)state;
    broker_of(60, 4000);
    for (int i = 0; i < 600; i++)
        read_orders("");
    pass_ms(600); // the burst at once
    int burst = r.wire_count;
    pass_ms(120000);
    assert_true(burst <= 60);
    assert_in_range(r.wire_count - burst, 110, 120);
}

static void cancels_overtake_in_their_own_order(void **state)
{
    (void)state;
    broker_of(1000, 1);
    read_orders("r1");
    settle();
    read_orders("r2");
    cancel("c1");
    cancel("c2");
    cancel("c3");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(r.wire_count, i + 1); // one connection, one under way
        assert_true(may_send(i, 1));
        wire_answers(i, 200, "[]");
    }
    assert_string_equal(r.order, "r1c1c2c3r2");
    assert_int_equal(broker_in_flight(r.broker), 0);
}

static void a_429_empties_the_budget(void **state)
{
    (void)state;
    broker_of(60, 4);
    wire_answers(order_on_the_wire(), 429, LIMITED);
    int before = r.wire_count;
    cancel("");
    settle();
    assert_int_equal(r.wire_count, before);
    pass_ms(1100);
    assert_int_equal(r.wire_count, before + 1);
}

static void not_now(void *arg)
{
    (void)arg;
    snprintf(r.order, sizeof r.order, "ready");
}

static void a_slot_that_nobody_used_is_given_back(void **state)
{
    (void)state;
    broker_of(20, 100); // two of twenty are for cancels
    for (int i = 0; i < 50; i++)
        broker_rate_wait(r.broker, not_now, NULL);
    settle();
    assert_string_equal(r.order, "ready");
    for (int i = 0; i < 18; i++)
        read_orders("");
    settle();
    assert_int_equal(r.wire_count, 18);
}

static void the_queue_has_an_end(void **state)
{
    (void)state;
    broker_of(20, 1);
    for (int i = 0; i < 4097; i++)
        read_orders("");
    assert_int_equal(r.answers, 0);
    settle();
    assert_int_equal(r.answers, 1);
    assert_int_equal(r.last.result, BROKER_NOT_SENT);
    assert_non_null(strstr(r.detail, "too many broker calls"));
}

// Calls that wait, that are under way, and whose early ending is still to be told: nobody hears of them, nothing is
// lost.
static void closing_drops_what_is_left(void **state)
{
    (void)state;
    broker_of(20, 1);
    order_on_the_wire();
    read_orders("");
    cancel("");
    broker_rate_wait(r.broker, not_now, NULL);
    broker_free(r.broker);
    r.broker = NULL;
    settle();
    assert_int_equal(r.answers, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_reason_of_an_early_denial_outlives_its_call),
        T(what_turned_bad_since_the_permit_is_denied_at_the_wire),
        T(another_body_at_the_wire_is_denied),
        T(a_second_transmission_is_stopped_and_is_no_denial),
        T(a_denial_after_a_byte_may_have_left_is_unknown),
        T(an_answer_to_an_order_is_sorted_by_what_it_proves),
        T(without_an_answer_it_counts_whether_a_byte_may_have_left),
        T(a_refused_key_is_told_at_once_whoever_asked),
        T(identity_is_learnt_from_whole_answers_only),
        T(what_blocks_an_account_is_named),
        T(a_tenth_of_the_budget_is_kept_for_cancels),
        T(the_budget_of_a_minute_is_never_passed),
        T(cancels_overtake_in_their_own_order),
        T(a_429_empties_the_budget),
        T(a_slot_that_nobody_used_is_given_back),
        T(the_queue_has_an_end),
        T(closing_drops_what_is_left),
    };
    return cmocka_run_group_tests_name("broker", tests, NULL, NULL);
}
