// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/api.o daemon/api_auth.o daemon/api_body.o daemon/api_history.o daemon/api_order_body.o
// needs: daemon/api_orders.o daemon/api_prices.o daemon/api_query.o daemon/api_reply.o daemon/api_routes.o
// needs: daemon/api_state.o daemon/api_write.o daemon/admin.o daemon/admin_keys.o daemon/snapshot*.o
// needs: daemon/api_page.o daemon/metrics.o
//
// The API over a real server: roles, methods, strict queries, health, prices and history, clients that leave.
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

static int teardown(void **state)
{
    (void)state;
    rig_close();
    return 0;
}

static int get(size_t listener, const char *target)
{
    return status_of(listener, "GET", target, "", NULL);
}

static void paths_belong_to_roles(void **state)
{
    (void)state;
    static const char *const health[] = {"/health",  "/healthz",          "/health/live", "/health/ready", "/readyz",
                                         "/metrics", "/health/scheduler", "/risk",        "/openapi.json"};
    static const char *const api[] = {"/api/v1/config",
                                      "/api/v1/guard",
                                      "/api/v1/orchestration/status",
                                      "/api/v1/orchestration/runs",
                                      "/api/v1/prices",
                                      "/api/prices/latest?symbol=BTCUSDT",
                                      "/api/v1/orders",
                                      "/api/v1/fills",
                                      "/api/v1/positions",
                                      "/api/v1/strategies",
                                      "/api/v1/signals",
                                      "/api/ai/signals/latest?limit=5",
                                      "/api/v1/equity?from=2026-10-01&to=2026-10-08",
                                      "/api/v1/alerts",
                                      "/api/v1/decisions"};
    for (size_t i = 0; i < ARRAY_LEN(health); i++) {
        assert_int_equal(get(HEALTH_PORT, health[i]), 200);
        assert_int_equal(get(API_PORT, health[i]), 200);
        assert_int_equal(get(GATEWAY_PORT, health[i]), 404);
    }
    for (size_t i = 0; i < ARRAY_LEN(api); i++) {
        assert_int_equal(get(HEALTH_PORT, api[i]), 404);
        assert_int_equal(get(API_PORT, api[i]), 200);
        assert_int_equal(get(GATEWAY_PORT, api[i]), 404);
    }
    assert_int_equal(status_of(HEALTH_PORT, "POST", RUN_PATH, AUTH, NULL), 404);
    assert_int_equal(status_of(HEALTH_PORT, "POST", "/api/v1/halt", AUTH JSON, "{\"reason\":\"x\"}"), 404);
    assert_int_equal(rig.runs + rig.engaged, 0);
}

static void what_is_not_there_is_404_json(void **state)
{
    (void)state;
    static const char *const paths[] = {"/",
                                        "/healt",
                                        "/health/",
                                        "/healthx",
                                        "/api/v1/orders/",
                                        "/admin/status",
                                        "/api/v2/config",
                                        "//health",
                                        "/api/v1/orders/a/b",
                                        "/api/v1/orders/a%2Fb",
                                        "/api/v1/strategis"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct answer a = ask(API_PORT, "GET", paths[i], "", NULL);
        assert_int_equal(a.status, 404);
        assert_non_null(a.json);
        assert_string_equal(member(&a, "error"), "Not Found");
        answer_free(&a);
    }
}

static void other_methods_are_405_with_allow(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *allow;
    } cases[] = {
        {"POST", "/health", "Allow: GET, HEAD\r\n"},
        {"DELETE", "/api/v1/orders", "Allow: GET, HEAD, POST\r\n"},
        {"POST", "/api/v1/orders/x", "Allow: GET, HEAD, DELETE\r\n"},
        {"PUT", "/metrics", "Allow: GET, HEAD\r\n"},
        {"GET", RUN_PATH, "Allow: POST\r\n"},
        {"DELETE", "/api/v1/halt", "Allow: GET, HEAD, POST\r\n"},
        {"OPTIONS", "/api/v1/config", "Allow: GET, HEAD\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct answer a = ask(API_PORT, cases[i].method, cases[i].path, AUTH, NULL);
        assert_int_equal(a.status, 405);
        assert_non_null(strstr(a.head, cases[i].allow));
        assert_non_null(a.json);
        answer_free(&a);
    }
    struct answer a = ask(API_PORT, "HEAD", "/health", "", NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "");
    answer_free(&a);
    assert_int_equal(rig.engaged, 0);
}

static void health_status_follows_the_guard(void **state)
{
    (void)state;
    struct answer a = ask(HEALTH_PORT, "GET", "/health", "", NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(member(&a, "service"), "signal_service");
    assert_string_equal(member(&a, "status"), "healthy");
    assert_null(strstr(a.body, "PA1234")); // the account's number is nobody's business here
    answer_free(&a);
    a = ask(API_PORT, "GET", "/health", "", NULL);
    assert_string_equal(member(&a, "service"), "execution_gateway");
    answer_free(&a);
    rig.snapshot.halt = HALT_HALTED;
    assert_int_equal(get(API_PORT, "/health"), 200);
    assert_int_equal(get(API_PORT, "/health/ready"), 200);
    rig.snapshot.redis_configured = true;
    assert_int_equal(get(API_PORT, "/health"), 200);
    rig.snapshot.database_connected = false;
    assert_int_equal(get(API_PORT, "/health"), 503);
    assert_int_equal(get(API_PORT, "/healthz"), 503);
    assert_int_equal(get(API_PORT, "/readyz"), 503);
    assert_int_equal(get(API_PORT, "/health/live"), 200);
    assert_int_equal(get(API_PORT, "/health/scheduler"), 200);
    rig.snapshot = rig_good();
    rig.snapshot.guard_answer = GUARD_UNKNOWN;
    assert_int_equal(get(API_PORT, "/health"), 503);
    assert_int_equal(get(API_PORT, "/health/ready"), 503);
    assert_int_equal(rig.queries, 0); // from memory only
}

static void metrics_are_prometheus_text(void **state)
{
    (void)state;
    struct answer a = ask(HEALTH_PORT, "GET", "/metrics", "", NULL);
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.head, "Content-Type: text/plain; version=0.0.4"));
    assert_non_null(strstr(a.body, "\npaperguard_live_attempts_total 0\n"));
    assert_int_equal(rig.collected, 1);
    answer_free(&a);
}

// --- history

static void history_is_wrapped(void **state)
{
    (void)state;
    rig.query_json = "[{\"symbol\":\"SPY\"}]";
    struct answer a = ask(API_PORT, "GET", "/api/v1/orders?limit=7&offset=3&symbol=SPY&status=filled", "", NULL);
    assert_int_equal(a.status, 200);
    assert_int_equal(rig.query, LEDGER_QUERY_ORDERS);
    assert_string_equal(rig.filter, "-|-|SPY|filled|-|8|3");
    assert_int_equal(json_size(json_get(json_doc_root(a.json), "orders")), 1);
    assert_string_equal(member(&a, "orders_text"), "PAPER ORDERS ARE SENT");
    assert_string_equal(member(&a, "mode"), "paper");
    answer_free(&a);
    assert_int_equal(get(API_PORT, "/api/v1/fills?run_id=r-1&strategy=a%2Db"), 200);
    assert_int_equal(rig.query, LEDGER_QUERY_FILLS);
    assert_string_equal(rig.filter, "-|r-1|-|-|a-b|51|0");
    rig.snapshot.simulator = true;
    a = ask(API_PORT, "GET", "/api/v1/alerts", "", NULL);
    assert_int_equal(rig.query, LEDGER_QUERY_ALERTS);
    assert_string_equal(member(&a, "mode"), "SIMULATOR");
    answer_free(&a);
}

static void nonsense_in_a_query_is_400(void **state)
{
    (void)state;
    static const char *const queries[] = {"limit=0",
                                          "limit=501",
                                          "limit=-1",
                                          "limit=5x",
                                          "limit=",
                                          "limit=%20",
                                          "limit=1&limit=2",
                                          "offset=-1",
                                          "offset=1e3",
                                          "limit=+5",
                                          "symbol=",
                                          "stauts=open",
                                          "symbol=a%00b",
                                          "limit",
                                          "page=2",
                                          "symbol=%zz",
                                          "from=2026-02-30",
                                          "to=yesterday",
                                          "from=2026-10-02&to=2026-10-01"};
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        char target[128];
        snprintf(target, sizeof target, "/api/v1/orders?%s", queries[i]);
        struct answer a = ask(API_PORT, "GET", target, "", NULL);
        if (a.status != 400)
            fail_msg("%s: %d", target, a.status);
        assert_non_null(a.json);
        answer_free(&a);
    }
    assert_int_equal(rig.queries, 0);
    struct answer a = ask(API_PORT, "GET", "/api/v1/orders?stauts=open", "", NULL);
    assert_string_equal(member(&a, "detail"), "unknown parameter \"stauts\"; did you mean \"status\"?");
    answer_free(&a);
    assert_int_equal(get(API_PORT, "/api/v1/orders?limit=1"), 200);
    assert_int_equal(get(API_PORT, "/api/v1/orders?limit=500&offset=1000000"), 200);
}

static void one_run_or_404(void **state)
{
    (void)state;
    rig.query_json = "{\"run_id\" : \"r-1\", \"orders\" : []}";
    struct answer a = ask(API_PORT, "GET", "/api/v1/orchestration/runs/r-1", "", NULL);
    assert_int_equal(a.status, 200);
    assert_int_equal(rig.query, LEDGER_QUERY_RUN);
    assert_string_equal(rig.filter, "r-1|-|-|-|-|1|0");
    assert_string_equal(member(&a, "run_id"), "r-1");
    assert_string_equal(member(&a, "orders_mode"), "send");
    answer_free(&a);
    rig.query_json = "null";
    assert_int_equal(get(API_PORT, "/api/v1/orchestration/runs/r-2"), 404);
    int asked = rig.queries;
    assert_int_equal(get(API_PORT, "/api/v1/orchestration/runs/"), 404);
    assert_int_equal(get(API_PORT, "/api/v1/orchestration/runs/a%27b"), 404);
    assert_int_equal(get(API_PORT, "/api/v1/orchestration/runs/"
                                   "0123456789012345678901234567890123456789"),
                     404);
    assert_int_equal(rig.queries, asked);
}

static void one_order_or_404(void **state)
{
    (void)state;
    rig.query_json = "[{\"client_order_id\" : \"pg1-x\", \"tags\" : [1, 2]}]";
    struct answer a = ask(API_PORT, "GET", "/api/v1/orders/pg1-x", "", NULL);
    assert_int_equal(a.status, 200);
    assert_int_equal(rig.query, LEDGER_QUERY_ORDERS);
    assert_string_equal(rig.filter, "pg1-x|-|-|-|-|1|0");
    assert_string_equal(member(&a, "client_order_id"), "pg1-x");
    assert_string_equal(member(&a, "orders_mode"), "send");
    answer_free(&a);
    assert_int_equal(get(API_PORT, "/api/v1/orders/pg1-x?limit=1"), 400);
    rig.query_json = "[]";
    a = ask(API_PORT, "GET", "/api/v1/orders/no:such", "", NULL);
    assert_int_equal(a.status, 404);
    assert_string_equal(member(&a, "detail"), "no order has this id");
    answer_free(&a);
}

static void a_page_tells_of_the_next(void **state)
{
    (void)state;
    static const struct {
        const char *json, *count, *next;
    } cases[] = {
        {"[]", "0", NULL},
        {"[{\"a\":\"],[\\\"\"}]", "1", NULL},
        {"[{\"a\":[1,2]}, \n {\"b\":{}}]", "2", NULL},
        {"[{\"a\":1}, {\"b\":\"}]\"}, {\"c\":1}]", "2", "12"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        rig.query_json = cases[i].json;
        struct answer a = ask(API_PORT, "GET", "/api/v1/fills?limit=2&offset=10", "", NULL);
        const struct json_node *root = json_doc_root(a.json);
        assert_int_equal(json_size(json_get(root, "fills")), atoi(cases[i].count));
        assert_string_equal(json_number_text(json_get(root, "count")), cases[i].count);
        assert_int_equal(json_type_of(json_get(root, "next_offset")), cases[i].next ? JSON_IS_NUMBER : JSON_IS_NULL);
        if (cases[i].next)
            assert_string_equal(json_number_text(json_get(root, "next_offset")), cases[i].next);
        answer_free(&a);
    }
}

static void unknown_things_get_a_suggestion(void **state)
{
    (void)state;
    static const struct {
        const char *target, *detail;
        int status;
    } cases[] = {
        {"/api/v1/ordrs", "there is nothing here; did you mean /api/v1/orders?", 404},
        {"/api/v1/nonsense/that/is/far", "there is nothing here; /openapi.json lists what there is", 404},
        {"/api/v1/config?verbose=1", "unknown parameter \"verbose\"; this path takes none", 400},
        {"/api/v1/prices?symbl=SPY", "unknown parameter \"symbl\"; did you mean \"symbol\"?", 400},
        {"/api/v1/prices?limit=1", "unknown parameter \"limit\"; this path takes symbol", 400},
        {"/api/v1/prices?symbol=spy", "symbol must be 1 to 12 of A-Z, 0-9 and '.', a letter first, such as SPY", 400},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct answer a = ask(API_PORT, "GET", cases[i].target, "", NULL);
        assert_int_equal(a.status, cases[i].status);
        assert_string_equal(member(&a, "detail"), cases[i].detail);
        answer_free(&a);
    }
    assert_int_equal(get(API_PORT, "/health?t=1"), 200); // probes add what they like
}

static void answers_are_safe_in_a_browser(void **state)
{
    (void)state;
    static const char *const targets[] = {"/health", "/metrics", "/api/v1/orders", "/nosuch", "/api/v1/orders?limit=0"};
    static const char *const headers[] = {"Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n",
                                          "X-Frame-Options: DENY\r\n",
                                          "X-Content-Type-Options: nosniff\r\n",
                                          "Referrer-Policy: no-referrer\r\n",
                                          "Cross-Origin-Resource-Policy: same-origin\r\n",
                                          "Cache-Control: no-store\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        struct answer a = ask(API_PORT, "GET", targets[i], "Origin: http://evil.example\r\n", NULL);
        for (size_t k = 0; k < ARRAY_LEN(headers); k++)
            assert_non_null(strstr(a.head, headers[k]));
        assert_null(strstr(a.head, "Access-Control-"));
        answer_free(&a);
    }
}

static const char *header_of(const struct answer *a, const char *name, char out[100])
{
    const char *at = strstr(a->head, name);
    snprintf(out, 100, "%.*s", at ? (int)strcspn(at + strlen(name) + 2, "\r") : 0, at ? at + strlen(name) + 2 : "");
    return out;
}

static void requests_have_ids(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "X-Request-Id: a b\r\n", "X-Request-Id: \"x\"\r\n", "X-Request-Id: \r\n",
        "X-Request-Id: 0123456789012345678901234567890123456789012345678901234567890123x\r\n"};
    char first[100], second[100];
    struct answer a = ask(API_PORT, "GET", "/health", "X-Request-Id: Trace_1.2:3-4\r\n", NULL);
    assert_string_equal(header_of(&a, "X-Request-Id", first), "Trace_1.2:3-4");
    answer_free(&a);
    a = ask(API_PORT, "GET", "/nosuch", "", NULL);
    header_of(&a, "X-Request-Id", first);
    assert_int_equal(strspn(first, "0123456789abcdef-"), strlen(first));
    answer_free(&a);
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        a = ask(API_PORT, "GET", "/health", odd[i], NULL);
        assert_int_equal(a.status, 200);
        header_of(&a, "X-Request-Id", second);
        assert_int_equal(strspn(second, "0123456789abcdef-"), strlen(second));
        assert_true(strlen(second) > 9 && strcmp(first, second) != 0);
        answer_free(&a);
    }
}

static void prices_of_what_is_known(void **state)
{
    (void)state;
    static const struct snapshot_price prices[] = {
        {.symbol = "SPY",
         .known = true,
         .price = {INT64_C(500250000000)},
         .at_wall_ns = INT64_C(1759999990) * NS_PER_S},
        {.symbol = "TLT"},
    };
    rig.snapshot.prices = prices;
    rig.snapshot.price_count = ARRAY_LEN(prices);
    struct answer a = ask(API_PORT, "GET", "/api/prices/latest?symbol=SPY", "", NULL);
    assert_string_equal(member(&a, "status"), "ok");
    assert_string_equal(member(&a, "price"), "500.25");
    assert_string_equal(json_number_text(json_get(json_doc_root(a.json), "age_seconds")), "10");
    answer_free(&a);
    a = ask(API_PORT, "GET", "/api/prices/latest?symbol=BTCUSDT", "", NULL); // as a guide asks
    assert_int_equal(a.status, 200);
    assert_string_equal(member(&a, "status"), "degraded");
    assert_string_equal(json_string(json_at(json_get(json_doc_root(a.json), "missing"), 0)), "BTCUSDT");
    answer_free(&a);
    a = ask(API_PORT, "GET", "/api/v1/prices", "", NULL);
    assert_int_equal(json_size(json_get(json_doc_root(a.json), "prices")), 1);
    assert_string_equal(json_string(json_at(json_get(json_doc_root(a.json), "missing"), 0)), "TLT");
    answer_free(&a);
    a = ask(API_PORT, "GET", "/health", "", NULL);
    assert_string_equal(member(&a, "status"), "degraded");
    assert_string_equal(member(&a, "why"), "no price for 1 of 2 symbols, such as TLT");
    answer_free(&a);
}

static void old_prices_are_read_anew_but_seldom(void **state)
{
    (void)state;
    struct snapshot_price prices[] = {
        {.symbol = "SPY", .known = true, .price = {1}, .at_wall_ns = INT64_C(1759999990) * NS_PER_S},
        {.symbol = "TLT", .known = true, .price = {1}, .at_wall_ns = INT64_C(1759999900) * NS_PER_S},
    };
    rig.snapshot.prices = prices;
    rig.snapshot.price_count = ARRAY_LEN(prices);
    assert_int_equal(get(API_PORT, "/api/v1/prices?symbol=SPY"), 200);
    assert_int_equal(get(API_PORT, "/api/v1/prices?symbol=NOSUCH"), 200); // nobody else's symbols are asked for
    assert_int_equal(rig.refreshes, 0);
    assert_int_equal(metrics_value(rig.metrics, METRIC_PRICE_CACHE, "hit"), 1);
    assert_int_equal(metrics_value(rig.metrics, METRIC_PRICE_CACHE, "miss"), 0);
    rig.snapshot.broker_connected = false;
    assert_int_equal(get(API_PORT, "/api/v1/prices"), 200);
    assert_int_equal(rig.refreshes, 0);
    rig.snapshot.broker_connected = true;
    assert_int_equal(get(API_PORT, "/api/v1/prices"), 200);
    assert_int_equal(rig.refreshes, 1);
    assert_int_equal(get(API_PORT, "/api/v1/prices?symbol=TLT"), 200);
    assert_int_equal(get(API_PORT, "/api/v1/prices"), 200);
    assert_int_equal(rig.refreshes, 1);
    assert_int_equal(metrics_value(rig.metrics, METRIC_PRICE_CACHE, "hit"), 4);
    assert_int_equal(metrics_value(rig.metrics, METRIC_PRICE_CACHE, "miss"), 4);
}

static void history_without_postgres_is_503(void **state)
{
    (void)state;
    rig.query_result = LEDGER_DOWN;
    rig.query_json = NULL;
    struct answer a = ask(API_PORT, "GET", "/api/v1/positions", "", NULL);
    assert_int_equal(a.status, 503);
    assert_non_null(strstr(a.head, "Retry-After: "));
    answer_free(&a);
}

static void turn_until_waiting(int count)
{
    int64_t end = clock_monotonic_ns() + WAIT_NS;
    while (rig.waiting < count) {
        loop_step(rig.loop, 5);
        assert_true(clock_monotonic_ns() < end);
    }
}

static void a_client_that_leaves_takes_nothing_along(void **state)
{
    (void)state;
    rig.hold = true;
    int fd = client_send(API_PORT, "GET", "/api/v1/orders", "", NULL);
    turn_until_waiting(1);
    close(fd);
    int64_t end = clock_monotonic_ns() + WAIT_NS;
    while (http_server_in_flight(rig.server) > 0) {
        loop_step(rig.loop, 5);
        assert_true(clock_monotonic_ns() < end);
    }
    ledger_answers();
    rig.hold = false;
    assert_int_equal(get(API_PORT, "/api/v1/orders"), 200);
}

static void waits_are_bounded_and_given_back(void **state)
{
    (void)state;
    int fds[192];
    rig.hold = true;
    for (int i = 0; i < 192; i++)
        fds[i] = client_send(API_PORT, "GET", "/api/v1/orders", "", NULL);
    int64_t end = clock_monotonic_ns() + WAIT_NS;
    while (http_server_in_flight(rig.server) < 192) {
        loop_step(rig.loop, 5);
        assert_true(clock_monotonic_ns() < end);
    }
    assert_int_equal(rig.waiting, 16); // the others wait for their turn
    assert_int_equal(get(API_PORT, "/api/v1/fills"), 503);
    assert_int_equal(get(API_PORT, "/health"), 200); // from memory, whatever waits
    close(fds[100]);                                 // leaves while it waits for its turn
    while (http_server_in_flight(rig.server) > 191) {
        loop_step(rig.loop, 5);
        assert_true(clock_monotonic_ns() < end);
    }
    rig.hold = false;
    for (int i = 0; i < 192; i++) {
        if (i == 100)
            continue;
        struct answer a = client_read(fds[i]);
        assert_int_equal(a.status, 200);
        answer_free(&a);
    }
    assert_int_equal(rig.queries, 191);
    assert_int_equal(get(API_PORT, "/api/v1/fills"), 200);
}

static void the_api_may_end_before_its_answers(void **state)
{
    (void)state;
    rig.hold = true;
    int fd = client_send(API_PORT, "GET", "/api/v1/orders", "", NULL);
    turn_until_waiting(1);
    close(fd); // teardown frees server and api; the answer never comes
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(paths_belong_to_roles),
        T(what_is_not_there_is_404_json),
        T(other_methods_are_405_with_allow),
        T(health_status_follows_the_guard),
        T(metrics_are_prometheus_text),
        T(history_is_wrapped),
        T(nonsense_in_a_query_is_400),
        T(one_run_or_404),
        T(one_order_or_404),
        T(a_page_tells_of_the_next),
        T(unknown_things_get_a_suggestion),
        T(answers_are_safe_in_a_browser),
        T(requests_have_ids),
        T(prices_of_what_is_known),
        T(old_prices_are_read_anew_but_seldom),
        T(history_without_postgres_is_503),
        T(a_client_that_leaves_takes_nothing_along),
        T(waits_are_bounded_and_given_back),
        T(the_api_may_end_before_its_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
