// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/api.o daemon/api_auth.o daemon/api_body.o daemon/api_history.o daemon/api_order_body.o
// needs: daemon/api_orders.o daemon/api_prices.o daemon/api_query.o daemon/api_reply.o daemon/api_routes.o
// needs: daemon/api_state.o daemon/api_write.o daemon/admin.o daemon/admin_keys.o daemon/snapshot*.o
// needs: daemon/api_page.o daemon/metrics.o
//
// Writing over HTTP: tokens, web pages, runs and halts, strict bodies.
#include "tests/unit/api_rig.h"

#define AUTH "Authorization: Bearer " TOKEN "\r\n"
#define JSON "Content-Type: application/json\r\n"
#define RUN_PATH "/api/v1/orchestration/run"

static int setup(void **state)
{
    (void)state;
    rig_open(TOKEN, (uid_t)-1);
    return 0;
}

static int setup_without_token(void **state)
{
    (void)state;
    rig_open("", (uid_t)-1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_close();
    return 0;
}

static void a_run_needs_the_token(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "Authorization: Bearer \r\n",
                                        "Authorization: Bearer wrong\r\n",
                                        "Authorization: Basic " TOKEN "\r\n",
                                        "Authorization: " TOKEN "\r\n",
                                        "Authorization: Bearer " TOKEN "x\r\n"};
    struct answer a = ask(API_PORT, "POST", RUN_PATH, wrong[0], NULL);
    assert_int_equal(a.status, 401);
    assert_non_null(strstr(a.head, "WWW-Authenticate: Bearer\r\n"));
    answer_free(&a);
    for (size_t i = 1; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(status_of(API_PORT, "POST", RUN_PATH, wrong[i], NULL), 401);
        assert_int_equal(rig.runs, (int)i - 1);
        assert_int_equal(status_of(API_PORT, "POST", RUN_PATH, AUTH, NULL), 202); // and the next is held only shortly
    }
    assert_int_equal(status_of(API_PORT, "POST", "/api/v1/halt", JSON, "{\"reason\":\"x\"}"), 401);
    assert_int_equal(rig.engaged, 0);
}

static void wrong_tokens_wait_and_right_ones_do_not(void **state)
{
    (void)state;
    int64_t before = clock_monotonic_ns();
    assert_int_equal(status_of(API_PORT, "POST", RUN_PATH, "Authorization: Bearer x\r\n", NULL), 401);
    int64_t first = clock_monotonic_ns() - before;
    assert_true(first >= 250 * NS_PER_MS);
    int fds[17];
    for (int i = 0; i < 16; i++)
        fds[i] = client_send(API_PORT, "POST", RUN_PATH, "Authorization: Bearer x\r\n", NULL);
    // While sixteen are held back, one more is turned away and the right token is served at once.
    fds[16] = client_send(API_PORT, "POST", RUN_PATH, "Authorization: Bearer x\r\n", NULL);
    struct answer a = client_read(fds[16]);
    assert_int_equal(a.status, 429);
    assert_non_null(strstr(a.head, "Retry-After: "));
    answer_free(&a);
    before = clock_monotonic_ns();
    assert_int_equal(status_of(API_PORT, "POST", RUN_PATH, AUTH, NULL), 202);
    assert_true(clock_monotonic_ns() - before < 250 * NS_PER_MS);
    for (int i = 0; i < 16; i++)
        close(fds[i]); // they leave while held back
    int64_t end = clock_monotonic_ns() + WAIT_NS;
    while (http_server_in_flight(rig.server) > 0) {
        loop_step(rig.loop, 5);
        assert_true(clock_monotonic_ns() < end);
    }
    before = clock_monotonic_ns();
    assert_int_equal(status_of(API_PORT, "POST", RUN_PATH, "Authorization: Bearer x\r\n", NULL), 401);
    assert_true(clock_monotonic_ns() - before < 1000 * NS_PER_MS); // a right one began the count anew
}

static void held_answers_end_with_the_api(void **state)
{
    (void)state;
    int fd = client_send(API_PORT, "POST", RUN_PATH, "", NULL);
    int64_t end = clock_monotonic_ns() + WAIT_NS;
    while (http_server_in_flight(rig.server) == 0) {
        loop_step(rig.loop, 5);
        assert_true(clock_monotonic_ns() < end);
    }
    close(fd); // teardown
}

static void without_a_token_nobody_may_write(void **state)
{
    (void)state;
    assert_int_equal(status_of(API_PORT, "POST", RUN_PATH, "", NULL), 403);
    assert_int_equal(status_of(API_PORT, "POST", RUN_PATH, "Authorization: Bearer \r\n", NULL), 403);
    assert_int_equal(status_of(API_PORT, "POST", RUN_PATH, AUTH, NULL), 403);
    assert_int_equal(status_of(API_PORT, "POST", "/api/v1/halt", AUTH JSON, "{\"reason\":\"x\"}"), 403);
    assert_int_equal(rig.runs + rig.engaged, 0);
}

static void web_pages_may_not_write(void **state)
{
    (void)state;
    static const char *const headers[] = {"Origin: http://localhost\r\n", "Origin: null\r\n",
                                          "Sec-Fetch-Site: cross-site\r\n", "Sec-Fetch-Site: same-origin\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        char all[256];
        snprintf(all, sizeof all, "%s%s", AUTH, headers[i]);
        assert_int_equal(status_of(API_PORT, "POST", RUN_PATH, all, NULL), 403);
    }
    assert_int_equal(rig.runs, 0);
    assert_int_equal(status_of(API_PORT, "POST", RUN_PATH, AUTH "Sec-Fetch-Site: none\r\n", NULL), 202);
}

static void a_run_is_202_or_409(void **state)
{
    (void)state;
    struct answer a = ask(API_PORT, "POST", RUN_PATH, AUTH, NULL);
    assert_int_equal(a.status, 202);
    assert_string_equal(member(&a, "run_id"), RUN.id);
    assert_string_equal(member(&a, "status"), "running");
    assert_string_equal(member(&a, "session"), "2026-10-08");
    assert_string_equal(rig.cause, "http");
    assert_string_equal(rig.strategies, "");
    answer_free(&a);
    assert_int_equal(status_of(API_PORT, "POST", RUN_PATH, AUTH JSON, "{\"strategies\":[\"a\",\"b\"]}"), 202);
    assert_string_equal(rig.strategies, "a b");
    assert_int_equal(status_of(API_PORT, "POST", RUN_PATH, AUTH JSON, "{}"), 202);

    rig.run_taken = true;
    a = ask(API_PORT, "POST", RUN_PATH, AUTH, NULL);
    assert_int_equal(a.status, 409);
    assert_string_equal(member(&a, "detail"), "the slot has a run already");
    answer_free(&a);
    rig.run_refused = true;
    a = ask(API_PORT, "POST", RUN_PATH, AUTH, NULL);
    assert_int_equal(a.status, 409);
    assert_string_equal(member(&a, "detail"), "a run is under way");
    answer_free(&a);
}

static void a_run_that_is_claimed_later(void **state)
{
    (void)state;
    rig.run_later = true;
    int gone = client_send(API_PORT, "POST", RUN_PATH, AUTH, NULL);
    int64_t end = clock_monotonic_ns() + WAIT_NS;
    while (rig.runs == 0) {
        loop_step(rig.loop, 5);
        assert_true(clock_monotonic_ns() < end);
    }
    close(gone);
    while (http_server_in_flight(rig.server) > 0) {
        loop_step(rig.loop, 5);
        assert_true(clock_monotonic_ns() < end);
    }
    run_is_answered(); // to nobody
    int fd = client_send(API_PORT, "POST", RUN_PATH, AUTH, NULL);
    while (rig.runs == 1) {
        loop_step(rig.loop, 5);
        assert_true(clock_monotonic_ns() < end);
    }
    run_is_answered();
    struct answer a = client_read(fd);
    assert_int_equal(a.status, 202);
    answer_free(&a);
}

static void bodies_are_strict(void **state)
{
    (void)state;
    static const struct {
        const char *type, *body;
        int status;
    } cases[] = {
        {"", "{}", 415},
        {"Content-Type: text/plain\r\n", "{}", 415},
        {"Content-Type: application/jsonx\r\n", "{}", 415},
        {"Content-Type: application/x-www-form-urlencoded\r\n", "strategies=a", 415},
        {"Content-Type: application/json; charset=utf-8\r\n", "{}", 202},
        {JSON, "", 202},
        {JSON, "[]", 400},
        {JSON, "null", 400},
        {JSON, "{", 400},
        {JSON, "{} x", 400},
        {JSON, "{\"capital\":1}", 400},
        {JSON, "{\"reason\":\"x\"}", 400},
        {JSON, "{\"strategies\":[]}", 400},
        {JSON, "{\"strategies\":\"a\"}", 400},
        {JSON, "{\"strategies\":[1]}", 400},
        {JSON, "{\"strategies\":[\"\"]}", 400},
        {JSON, "{\"strategies\":[\"a b\"]}", 400},
        {JSON, "{\"strategies\":[\"a\",\"a\"]}", 400},
        {JSON, "{\"strategies\":[\"a\"],\"strategies\":[\"b\"]}", 400},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char headers[256];
        snprintf(headers, sizeof headers, "%s%s", AUTH, cases[i].type);
        int before = rig.runs, status = status_of(API_PORT, "POST", RUN_PATH, headers, cases[i].body);
        if (status != cases[i].status)
            fail_msg("%s %s: %d", cases[i].type, cases[i].body, status);
        assert_int_equal(rig.runs - before, status == 202);
    }
}

static void a_halt_needs_a_reason(void **state)
{
    (void)state;
    static const char *const wrong[] = {"{}",
                                        "{\"reason\":\"\"}",
                                        "{\"reason\":\"   \"}",
                                        "{\"reason\":5}",
                                        "{\"reason\":\"a\\nb\"}",
                                        "{\"reason\":\"x\",\"state\":\"running\"}",
                                        ""};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(status_of(API_PORT, "POST", "/api/v1/halt", AUTH JSON, wrong[i]), 400);
    char body[300];
    snprintf(body, sizeof body, "{\"reason\":\"%0161d\"}", 7);
    assert_int_equal(status_of(API_PORT, "POST", "/api/v1/halt", AUTH JSON, body), 400);
    assert_int_equal(rig.engaged, 0);
    struct answer a = ask(API_PORT, "POST", "/api/v1/halt", AUTH JSON, "{\"reason\":\"odd fills\"}");
    assert_int_equal(a.status, 200);
    assert_int_equal(rig.engaged, 1);
    assert_int_equal(rig.halt, HALT_HALTED);
    assert_string_equal(rig.reason, "odd fills");
    assert_string_equal(rig.source, "http 127.0.0.1");
    assert_string_equal(json_string(json_get(json_get(json_doc_root(a.json), "halt"), "state")), "halted");
    answer_free(&a);
}

static void a_halt_may_be_of_strategies_or_less_than_full(void **state)
{
    (void)state;
    const char *body = "{\"reason\":\"odd\",\"strategies\":[\"momentum\",\"nobody\"]}";
    assert_int_equal(status_of(API_PORT, "POST", "/api/v1/halt", AUTH JSON, body), 404);
    assert_null(rig.scope.strategy); // not one of them
    body = "{\"reason\":\"odd\",\"strategies\":[\"momentum\"],\"mode\":\"reduce_only\"}";
    assert_int_equal(status_of(API_PORT, "POST", "/api/v1/halt", AUTH JSON, body), 200);
    assert_int_equal(rig.scope.record.state, HALT_REDUCE_ONLY);
    assert_string_equal(rig.scope.record.reason, "odd");
    assert_int_equal(rig.engaged, 0); // the account is not
    assert_int_equal(
        status_of(API_PORT, "POST", "/api/v1/halt", AUTH JSON, "{\"reason\":\"x\",\"mode\":\"reduce_only\"}"), 200);
    assert_int_equal(rig.halt, HALT_REDUCE_ONLY);
    assert_int_equal(status_of(API_PORT, "POST", "/api/v1/halt", AUTH JSON, "{\"reason\":\"x\",\"mode\":\"some\"}"),
                     400);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_run_needs_the_token),
        T(wrong_tokens_wait_and_right_ones_do_not),
        T(held_answers_end_with_the_api),
        cmocka_unit_test_setup_teardown(without_a_token_nobody_may_write, setup_without_token, teardown),
        T(web_pages_may_not_write),
        T(a_run_is_202_or_409),
        T(a_run_that_is_claimed_later),
        T(bodies_are_strict),
        T(a_halt_needs_a_reason),
        T(a_halt_may_be_of_strategies_or_less_than_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
