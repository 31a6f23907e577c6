// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/api.o daemon/api_auth.o daemon/api_body.o daemon/api_history.o daemon/api_order_body.o
// needs: daemon/api_orders.o daemon/api_prices.o daemon/api_query.o daemon/api_reply.o daemon/api_routes.o
// needs: daemon/api_state.o daemon/api_write.o daemon/admin.o daemon/admin_keys.o daemon/snapshot*.o
// needs: daemon/api_page.o daemon/metrics.o
//
// Where a page ended, as a token: made of the last row, taken by the same list only, whole only.
#include "tests/unit/api_rig.h"

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

// The token of a page that ends with its first row, "" when there is none.
static void token_after(const char *path, const char *json, char out[256])
{
    char target[160];
    snprintf(target, sizeof target, "%s?limit=1", path);
    rig.query_json = json;
    struct answer a = ask(API_PORT, "GET", target, "", NULL);
    assert_int_equal(a.status, 200);
    const struct json_node *token = json_get(json_doc_root(a.json), "next_page_token");
    assert_non_null(token);
    str_copy_cut(out, 256, json_string(token) ? json_string(token) : "");
    answer_free(&a);
}

static int get_after(const char *path, const char *token)
{
    char target[400];
    snprintf(target, sizeof target, "%s?page_token=%s", path, token);
    rig.query_json = "[]";
    return get(API_PORT, target);
}

static void a_token_says_where_to_go_on(void **state)
{
    (void)state;
    static const struct {
        const char *path, *json, *after;
    } cases[] = {
        {"/api/v1/orders", "[{\"created_at\":\"2026-10-08T01:02:03.000004Z\",\"client_order_id\":\"a:~b\"}, {}]",
         "-|2026-10-08T01:02:03.000004Z|a:~b"},
        {"/api/v1/alerts", "[{\"at\":\"2026-10-08T01:02:03Z\",\"id\":77,\"detail\":\"],[\"}, {}]",
         "-|2026-10-08T01:02:03Z|77"},
        {"/api/v1/equity", "[{\"at\":\"2026-10-08T01:02:03Z\"}, {}]", "-|2026-10-08T01:02:03Z|-"},
        {"/api/v1/orchestration/runs",
         "[{\"run_id\":\"r\",\"session\":\"2026-10-08\",\"started_at\":null,\"scheduled_at\":\"2026-10-08T01:02:03Z\"},"
         " {}]",
         "2026-10-08|2026-10-08T01:02:03Z|r"},
        {"/api/v1/orchestration/runs", "[{\"run_id\":\"r\",\"session\":\"2026-10-08\",\"started_at\":null}, {}]",
         "2026-10-08|-infinity|r"},
    };
    char token[256];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        token_after(cases[i].path, cases[i].json, token);
        assert_int_equal(get_after(cases[i].path, token), 200);
        assert_string_equal(rig.after, cases[i].after);
    }
    token_after("/api/v1/orders", "[{\"created_at\":\"2026-10-08T01:02:03Z\",\"client_order_id\":\"last\"}]", token);
    assert_string_equal(token, "");
    assert_int_equal(get(API_PORT, "/api/v1/orders"), 200);
    assert_string_equal(rig.after, "-|-|-");
}

static void the_longest_id_fits(void **state)
{
    (void)state;
    char id[CLIENT_ORDER_ID_MAX], json[320], token[256], after[256];
    memset(id, '~', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    snprintf(json, sizeof json, "[{\"created_at\":\"2026-10-08T01:02:03.000004Z\",\"client_order_id\":\"%s\"}, {}]",
             id);
    token_after("/api/v1/orders", json, token);
    assert_int_equal(get_after("/api/v1/orders", token), 200);
    snprintf(after, sizeof after, "-|2026-10-08T01:02:03.000004Z|%s", id);
    assert_string_equal(rig.after, after);
}

static void a_token_of_elsewhere_is_400(void **state)
{
    (void)state;
    char token[256], target[400];
    token_after("/api/v1/fills", "[{\"transaction_time\":\"2026-10-08T01:02:03Z\",\"activity_id\":\"f\"}, {}]", token);
    assert_int_equal(get_after("/api/v1/fills", token), 200);
    int asked = rig.queries;
    assert_int_equal(get_after("/api/v1/orders", token), 400);
    assert_int_equal(get_after("/api/v1/positions", token), 400);
    snprintf(target, sizeof target, "/api/v1/fills?offset=1&page_token=%s", token);
    assert_int_equal(get(API_PORT, target), 400);
    for (size_t len = strlen(token) - 1; len > 0; len--) { // cut anywhere
        token[len] = '\0';
        assert_int_equal(get_after("/api/v1/fills", token), 400);
    }
    assert_int_equal(get(API_PORT, "/api/v1/fills?page_token="), 400);
    assert_int_equal(rig.queries, asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_says_where_to_go_on, setup, teardown),
        cmocka_unit_test_setup_teardown(the_longest_id_fits, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_of_elsewhere_is_400, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
