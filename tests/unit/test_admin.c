// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/api.o daemon/api_auth.o daemon/api_body.o daemon/api_history.o daemon/api_order_body.o
// needs: daemon/api_orders.o daemon/api_prices.o daemon/api_query.o daemon/api_reply.o daemon/api_routes.o
// needs: daemon/api_state.o daemon/api_write.o daemon/admin.o daemon/admin_keys.o daemon/snapshot*.o
// needs: daemon/api_page.o daemon/metrics.o
//
// The operator's verbs over a real Unix socket: who may come in, and what each verb does.
#include "tests/unit/api_rig.h"

#define JSON "Content-Type: application/json\r\n"

static int setup(void **state)
{
    (void)state;
    rig_open(TOKEN, (uid_t)-1);
    return 0;
}

// As if this test were a strategy.
static int setup_as_strategy(void **state)
{
    (void)state;
    rig_open(TOKEN, geteuid());
    return 0;
}

static int setup_other_strategy(void **state)
{
    (void)state;
    rig_open(TOKEN, geteuid() + 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_close();
    return 0;
}

static const struct {
    const char *method, *path, *body;
} ALL[] = {
    {"GET", "/admin/status", NULL},
    {"GET", "/admin/guard", NULL},
    {"GET", "/admin/runs", NULL},
    {"GET", "/admin/orders", NULL},
    {"GET", "/admin/fills", NULL},
    {"GET", "/admin/positions", NULL},
    {"GET", "/admin/strategies", NULL},
    {"GET", "/admin/strategies/history", NULL},
    {"POST", "/admin/strategies/pause", "{}"},
    {"POST", "/admin/strategies/resume", "{}"},
    {"GET", "/admin/next", NULL},
    {"GET", "/admin/config", NULL},
    {"GET", "/admin/config/diff", NULL},
    {"GET", "/admin/limits", NULL},
    {"POST", "/admin/plan", "{}"},
    {"POST", "/admin/orders/resolve/pg1-x", "{}"},
    {"POST", "/admin/orders/retry/pg1-x", "{}"},
    {"GET", "/admin/drift", NULL},
    {"POST", "/admin/drift/accept", "{}"},
    {"POST", "/admin/halt", "{\"reason\":\"x\"}"},
    {"POST", "/admin/run", NULL},
    {"POST", "/admin/release/request", "{\"reason\":\"x\"}"},
    {"POST", "/admin/release/confirm", "{\"code\":\"0123456789abcdef\"}"},
    {"POST", "/admin/opening/accept", NULL},
};

static void strategies_are_refused_everywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ALL); i++)
        assert_int_equal(status_of(ADMIN_SOCKET, ALL[i].method, ALL[i].path, JSON, ALL[i].body), 403);
    assert_int_equal(status_of(ADMIN_SOCKET, "GET", "/nothing", "", NULL), 403);
    assert_int_equal(rig.runs + rig.engaged + rig.queries, 0);
}

static void others_may_use_every_verb(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ALL); i++) {
        int want = strcmp(ALL[i].path, "/admin/run") == 0 ? 202 : 200;
        assert_int_equal(status_of(ADMIN_SOCKET, ALL[i].method, ALL[i].path, JSON, ALL[i].body), want);
        const char *other = strcmp(ALL[i].method, "GET") == 0 ? "POST" : "GET";
        assert_int_equal(status_of(ADMIN_SOCKET, other, ALL[i].path, "", NULL), 405);
    }
}

static void other_paths_are_not_served(void **state)
{
    (void)state;
    static const char *const paths[] = {"/admin",         "/admin/", "/admin/statusx",
                                        "/admin/release", "/health", "/api/v1/halt"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        assert_int_equal(status_of(ADMIN_SOCKET, "GET", paths[i], "", NULL), 404);
}

static void status_has_it_all(void **state)
{
    (void)state;
    rig.snapshot.equity.nanos = INT64_C(100000000000000);
    struct answer a = ask(ADMIN_SOCKET, "GET", "/admin/status", "", NULL);
    const struct json_node *root = json_doc_root(a.json);
    assert_string_equal(json_string(json_get(json_get(root, "health"), "status")), "healthy");
    assert_non_null(json_get(json_get(root, "health"), "guard"));
    assert_non_null(json_get(json_get(root, "scheduler"), "job"));
    assert_non_null(json_get(json_get(root, "orchestration"), "ready"));
    assert_string_equal(json_string(json_get(json_get(root, "account"), "account_number")), "PA1234");
    assert_string_equal(json_string(json_get(json_get(root, "account"), "equity")), "100000");
    assert_string_equal(member(&a, "orders_text"), "PAPER ORDERS ARE SENT");
    answer_free(&a);
}

static void halts_and_releases_name_who(void **state)
{
    (void)state;
    char who[64];
    snprintf(who, sizeof who, "admin socket, user id %u", (unsigned)geteuid());
    assert_int_equal(status_of(ADMIN_SOCKET, "POST", "/admin/release/request", JSON, "{\"reason\":\"all is well\"}"),
                     409);
    assert_int_equal(status_of(ADMIN_SOCKET, "POST", "/admin/halt", JSON, "{\"reason\":\"odd fills\"}"), 200);
    assert_string_equal(rig.source, who);
    assert_int_equal(status_of(ADMIN_SOCKET, "POST", "/admin/release/request", JSON, "{}"), 400);
    assert_int_equal(status_of(ADMIN_SOCKET, "POST", "/admin/release/request", JSON, "{\"code\":\"x\"}"), 400);
    struct answer a = ask(ADMIN_SOCKET, "POST", "/admin/release/request", JSON, "{\"reason\":\"fills explained\"}");
    assert_int_equal(a.status, 200);
    assert_string_equal(member(&a, "code"), "0123456789abcdef");
    assert_string_equal(rig.reason, "fills explained");
    assert_string_equal(rig.who, who);
    answer_free(&a);
    assert_int_equal(rig.halt, HALT_HALTED);
    assert_int_equal(status_of(ADMIN_SOCKET, "POST", "/admin/release/confirm", JSON, "{}"), 400);
    assert_int_equal(status_of(ADMIN_SOCKET, "POST", "/admin/release/confirm", JSON, "{\"code\":\"no\"}"), 409);
    assert_int_equal(rig.halt, HALT_HALTED);
    assert_int_equal(status_of(ADMIN_SOCKET, "POST", "/admin/release/confirm", JSON, "{\"code\":\"0123456789abcdef\"}"),
                     200);
    assert_int_equal(rig.halt, HALT_RUNNING);
}

static void a_run_says_it_came_from_here(void **state)
{
    (void)state;
    assert_int_equal(status_of(ADMIN_SOCKET, "POST", "/admin/run", JSON, "{\"strategies\":[\"a\"]}"), 202);
    assert_string_equal(rig.cause, "cli");
    assert_string_equal(rig.strategies, "a");
    rig.run_refused = true;
    assert_int_equal(status_of(ADMIN_SOCKET, "POST", "/admin/run", "", NULL), 409);
}

static void an_opening_is_accepted_or_not(void **state)
{
    (void)state;
    struct answer a = ask(ADMIN_SOCKET, "POST", "/admin/opening/accept", "", NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(member(&a, "detail"), "3 positions");
    answer_free(&a);
    rig.opening_ok = false;
    a = ask(ADMIN_SOCKET, "POST", "/admin/opening/accept", JSON, "{}");
    assert_int_equal(a.status, 409);
    assert_string_equal(member(&a, "detail"), "the broker does not answer");
    answer_free(&a);
    assert_int_equal(status_of(ADMIN_SOCKET, "POST", "/admin/opening/accept", JSON, "{\"reason\":\"x\"}"), 400);
}

static void history_is_that_of_the_api(void **state)
{
    (void)state;
    assert_int_equal(status_of(ADMIN_SOCKET, "GET", "/admin/orders?run_id=r-1&limit=3", "", NULL), 200);
    assert_string_equal(rig.filter, "-|r-1|-|-|-|4|0");
    assert_int_equal(status_of(ADMIN_SOCKET, "GET", "/admin/orders?limit=x", "", NULL), 400);
    rig.query_json = "{\"run_id\":\"r-1\"}";
    assert_int_equal(status_of(ADMIN_SOCKET, "GET", "/admin/runs/r-1", "", NULL), 200);
    assert_int_equal(rig.query, LEDGER_QUERY_RUN);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(strategies_are_refused_everywhere, setup_as_strategy, teardown),
        cmocka_unit_test_setup_teardown(others_may_use_every_verb, setup_other_strategy, teardown),
        T(other_paths_are_not_served),
        T(status_has_it_all),
        T(halts_and_releases_name_who),
        T(a_run_says_it_came_from_here),
        T(an_opening_is_accepted_or_not),
        T(history_is_that_of_the_api),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
