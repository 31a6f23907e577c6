// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/api.o daemon/api_auth.o daemon/api_body.o daemon/api_history.o daemon/api_order_body.o
// needs: daemon/api_orders.o daemon/api_prices.o daemon/api_query.o daemon/api_reply.o daemon/api_routes.o
// needs: daemon/api_state.o daemon/api_write.o daemon/admin.o daemon/admin_keys.o daemon/snapshot*.o
// needs: daemon/api_page.o daemon/metrics.o
//
// Orders over HTTP: strict bodies, one order per id, what refuses them and with which words, clients that leave.
#include "tests/unit/api_rig.h"

#define WRITE "Authorization: Bearer " TOKEN "\r\nContent-Type: application/json\r\n"
#define ORDERS "/api/v1/orders"
#define BUY "{\"client_order_id\":\"a-1\",\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"2\"}"

static int setup(void **state)
{
    (void)state;
    rig_open(TOKEN, (uid_t)-1);
    rig.outcome = (struct order_row){.status = ORDER_NEW, .order_id = "broker-1"};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_close();
    return 0;
}

static struct answer post(const char *body)
{
    return ask(API_PORT, "POST", ORDERS, WRITE, body);
}

static void expect(struct answer a, int status, const char *name, const char *value)
{
    if (a.status != status || strcmp(member(&a, name), value) != 0)
        fail_msg("%d %s, not %d with %s %s", a.status, a.body, status, name, value);
    answer_free(&a);
}

static void an_order_is_placed(void **state)
{
    (void)state;
    struct answer a = post(BUY);
    assert_int_equal(a.status, 201);
    assert_string_equal(member(&a, "client_order_id"), "a-1");
    assert_string_equal(member(&a, "order_id"), "broker-1");
    assert_string_equal(member(&a, "status"), "new");
    assert_string_equal(member(&a, "qty"), "2");
    assert_string_equal(member(&a, "session"), "2026-10-08");
    assert_string_equal(member(&a, "orders_text"), "PAPER ORDERS ARE SENT");
    answer_free(&a);
    assert_int_equal(rig.places, 1);
    assert_string_equal(rig.placed.account, "PA1234");
    assert_string_equal(rig.placed.run_id, "");
    assert_int_equal(rig.placed.order.tif, TIF_DAY);
    assert_true(rig.placed.decision_price.nanos == 500 * DECIMAL_ONE);
    assert_true(rig.placed.bid.nanos == 499 * DECIMAL_ONE && rig.placed.ask.nanos == 501 * DECIMAL_ONE);
    assert_int_equal(rig.decisions, 1); // who asked for it is on record
}

static void nobody_places_without_the_token(void **state)
{
    (void)state;
    assert_int_equal(status_of(API_PORT, "POST", ORDERS, "Content-Type: application/json\r\n", BUY), 401);
    assert_int_equal(status_of(API_PORT, "POST", ORDERS, WRITE "Origin: http://localhost\r\n", BUY), 403);
    assert_int_equal(status_of(HEALTH_PORT, "POST", ORDERS, WRITE, BUY), 404);
    assert_int_equal(status_of(API_PORT, "DELETE", ORDERS "/a-1", "", NULL), 401);
    assert_int_equal(status_of(API_PORT, "POST", ORDERS "/a-1/cancel", "", NULL), 401);
    assert_int_equal(rig.places + rig.cancels, 0);
}

static void bodies_are_strict(void **state)
{
    (void)state;
    static const struct {
        const char *body, *word;
    } cases[] = {
        {"", "JSON"},
        {"[]", "object"},
        {"{}", "symbol is missing"},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\"}", "qty"},
        {"{\"symbol\":\"spy\",\"side\":\"buy\",\"qty\":\"1\"}", "upper case"},
        {"{\"symbol\":\"SPY\",\"side\":\"long\",\"qty\":\"1\"}", "buy or sell"},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"-1\"}", "positive"},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"0\"}", "neither"},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1\",\"notional\":\"5\"}", "both"},
        {"{\"symbol\":\"SPY\",\"side\":\"sell\",\"notional\":\"5\"}", "for buys only"},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1.0000000001\"}", "nine"},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":true}", "decimal"},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1\",\"type\":\"limit\"}", "limit_price"},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1\",\"type\":\"stop\"}", "not carried"},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1\",\"type\":\"market\",\"order_type\":\"limit\"}", "differ"},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1\",\"limit_price\":\"5\"}", "takes no limit_price"},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1\",\"time_in_force\":\"week\"}", "day, gtc"},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1\",\"extended_hours\":\"yes\"}", "true or false"},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\",\"notionl\":\"1\"}", "did you mean \"notional\""},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1\",\"stop_price\":\"4\"}", "stop_price"},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1\",\"strategy\":\"x\"}", "no strategy is called"},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1\",\"client_order_id\":\"a b\"}", "letters"},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1\",\"client_order_id\":\"\"}", "letters"},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1\",\"client_order_id\":\"pg1-0\"}", "reserved"},
        {"{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1\",\"qty\":\"2\"}", "JSON"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct answer a = post(cases[i].body);
        if (a.status != 400 || !strstr(member(&a, "detail"), cases[i].word))
            fail_msg("%s: %d %s", cases[i].body, a.status, a.body);
        answer_free(&a);
    }
    assert_int_equal(status_of(API_PORT, "POST", ORDERS, "Authorization: Bearer " TOKEN "\r\n", BUY), 415);
    assert_int_equal(status_of(API_PORT, "POST", ORDERS "?dry=1", WRITE, BUY), 400);
    assert_int_equal(rig.places + rig.queries, 0);
}

static void an_order_leaves_in_a_minute_and_before_the_close_or_not_at_all(void **state)
{
    (void)state;
    int64_t before = clock_wall_ns(), close = before + 30 * NS_PER_S;
    expect(post(BUY), 201, "status", "new");
    assert_true(rig.placed.send_until >= before + 60 * NS_PER_S);
    assert_true(rig.placed.send_until <= clock_wall_ns() + 60 * NS_PER_S);
    rig.day = (struct session_day){.date = {2026, 10, 8}}; // closes in half a minute
    for (int i = 0; i < 2; i++)
        rig.day.close_s += (int)((close - session_close_ns(&rig.day)) / NS_PER_S);
    close = session_close_ns(&rig.day);
    expect(post("{\"client_order_id\":\"b\",\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":2}"), 201, "status", "new");
    assert_int_equal(rig.placed.send_until, close);
}

static void numbers_may_be_numbers(void **state)
{
    (void)state;
    expect(post("{\"client_order_id\":\"n\",\"symbol\":\"BRK.B\",\"side\":\"sell\",\"qty\":10,\"order_type\":\"limit\","
                "\"limit_price\":400.25,\"time_in_force\":\"gtc\",\"notional\":null}"),
           201, "limit_price", "400.25");
    assert_true(rig.placed.order.qty.nanos == 10 * DECIMAL_ONE);
    assert_int_equal(rig.placed.order.side, ORDER_SELL);
}

static void the_same_id_is_the_same_order(void **state)
{
    (void)state;
    bool flag = false;
    expect(post(BUY), 201, "status", "new");
    struct answer a =
        post("{\"symbol\":\"SPY\",\"qty\":2.0,\"side\":\"buy\",\"type\":\"market\",\"client_order_id\":\"a-1\"}");
    assert_int_equal(a.status, 200);
    assert_true(json_bool(json_get(json_doc_root(a.json), "duplicate"), &flag) && flag);
    assert_string_equal(member(&a, "order_id"), "broker-1");
    answer_free(&a);
    static const char *const others[] = {
        "{\"client_order_id\":\"a-1\",\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"3\"}",
        "{\"client_order_id\":\"a-1\",\"symbol\":\"SPY\",\"side\":\"sell\",\"qty\":\"2\"}",
        "{\"client_order_id\":\"a-1\",\"symbol\":\"QQQ\",\"side\":\"buy\",\"qty\":\"2\"}",
        "{\"client_order_id\":\"a-1\",\"symbol\":\"SPY\",\"side\":\"buy\",\"notional\":\"2\"}",
        "{\"client_order_id\":\"a-1\",\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"2\",\"time_in_force\":\"gtc\"}",
        ("{\"client_order_id\":\"a-1\",\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"2\",\"type\":\"limit\","
         "\"limit_price\":\"9\"}")};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        expect(post(others[i]), 409, "code", "client_order_id");
    assert_int_equal(rig.places, 1);
}

static void every_member_makes_another_order(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"\"type\":\"limit\",\"qty\":1,\"limit_price\":\"9\"", "\"type\":\"limit\",\"qty\":1,\"limit_price\":\"9.01\""},
        {"\"notional\":\"9\"", "\"notional\":\"9.01\""},
        {"\"type\":\"limit\",\"qty\":1,\"limit_price\":\"9\"",
         "\"type\":\"limit\",\"qty\":1,\"limit_price\":\"9\",\"extended_hours\":true"},
        {"\"qty\":\"1\"", "\"qty\":\"1.000000001\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        for (int k = 0; k < 4; k++) {
            char body[300];
            snprintf(body, sizeof body, "{\"client_order_id\":\"m-%zu\",\"symbol\":\"SPY\",\"side\":\"buy\",%s}", i,
                     pairs[i][k % 2]);
            struct answer a = post(body);
            if (a.status != (k == 0 ? 201 : k == 2 ? 200 : 409))
                fail_msg("%s: %d %s", body, a.status, a.body);
            answer_free(&a);
        }
    }
}

static void the_ledger_remembers_ids_of_earlier_lives(void **state)
{
    (void)state;
    bool flag = false;
    rig.query_json =
        "[{\"client_order_id\" : \"a-1\", \"order_id\" : \"b\", \"run_id\" : null, \"strategy\" : null, \"symbol\" : "
        "\"SPY\", \"side\" : \"buy\", \"type\" : \"market\", \"time_in_force\" : \"day\", \"qty\" : \"2\", "
        "\"notional\" : "
        "null, \"limit_price\" : null, \"extended_hours\" : false, \"status\" : \"filled\"}]";
    struct answer a = post(BUY);
    assert_int_equal(a.status, 200);
    assert_true(json_bool(json_get(json_doc_root(a.json), "duplicate"), &flag) && flag);
    assert_string_equal(member(&a, "status"), "filled");
    assert_string_equal(member(&a, "mode"), "paper");
    answer_free(&a);
    expect(post("{\"client_order_id\":\"a-1\",\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"5\"}"), 409, "code",
           "client_order_id");
    rig.query_json = NULL;
    rig.query_result = LEDGER_DOWN;
    assert_int_equal(status_of(API_PORT, "POST", ORDERS, WRITE, BUY), 503);
    assert_int_equal(rig.places, 0);
}

static void without_an_id_one_is_derived(void **state)
{
    (void)state;
    char first[CLIENT_ORDER_ID_MAX];
    static const char body[] = "{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1\"}";
    expect(post(body), 201, "status", "new");
    str_copy_cut(first, sizeof first, rig.placed.order.client_order_id);
    assert_int_equal(strlen(first), 36);
    assert_true(client_order_id_ours(first));
    expect(post(body), 200, "client_order_id", first); // sent twice, placed once
    assert_int_equal(rig.places, 1);
    rig.desk_row = (struct order_row){.status = ORDER_NEW};
    expect(post("{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"2\"}"), 201, "status", "new");
    assert_string_not_equal(rig.placed.order.client_order_id, first);
}

#define SELL_OF_BOOK                                                                                                   \
    "{\"client_order_id\":\"s-1\",\"symbol\":\"SPY\",\"side\":\"sell\",\"qty\":\"2\",\"strategy\":\"core\"}"

static void a_strategy_sells_what_its_book_holds(void **state)
{
    (void)state;
    static char name[] = "core";
    static struct config config = {.strategies = {{.name = name}}, .strategy_count = 1};
    rig.snapshot.config = &config;
    rig.held = (struct qty){2 * DECIMAL_ONE - 1};
    expect(post(SELL_OF_BOOK), 422, "code", "long_only");
    rig.held = (struct qty){2 * DECIMAL_ONE};
    rig.open_of_others = 1;
    expect(post(SELL_OF_BOOK), 503, "code", "in_flight");
    assert_int_equal(rig.places, 0);
    rig.open_of_others = 0;
    expect(post(SELL_OF_BOOK), 201, "status", "new");
    rig.snapshot.config = NULL;
}

static void a_run_has_the_book_for_itself(void **state)
{
    (void)state;
    static char name[] = "core";
    static struct config config = {.strategies = {{.name = name}}, .strategy_count = 1};
    rig.snapshot.config = &config;
    rig.book_needed = true;
    expect(
        post("{\"client_order_id\":\"b-1\",\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"2\",\"strategy\":\"core\"}"),
        503, "code", "in_flight");
    assert_int_equal(rig.places, 0);
    expect(post(BUY), 201, "status", "new"); // of no strategy
    rig.snapshot.config = NULL;
}

static void what_was_refused_is_refused_again(void **state)
{
    (void)state;
    rig.outcome.status = ORDER_DENIED;
    str_copy_cut(rig.outcome.reason, sizeof rig.outcome.reason, "price_known: no price for SPY");
    expect(post(BUY), 422, "code", "price_known");
    expect(post(BUY), 422, "code", "price_known");
    assert_int_equal(rig.places, 1);
    int queries = rig.queries;
    rig.desk_row = (struct order_row){.status = ORDER_NEW}; // an earlier life's, from the ledger
    rig.query_json =
        "[{\"client_order_id\" : \"a-1\", \"order_id\" : null, \"run_id\" : null, \"strategy\" : null, \"symbol\" : "
        "\"SPY\", \"side\" : \"buy\", \"type\" : \"market\", \"time_in_force\" : \"day\", \"qty\" : \"2\", "
        "\"notional\" : null, \"limit_price\" : null, \"extended_hours\" : false, \"status\" : \"denied\", "
        "\"reason\" : \"price_known: no price for SPY\"}]";
    expect(post(BUY), 422, "code", "price_known");
    assert_int_equal(rig.places, 1);
    assert_int_equal(rig.queries, queries + 1); // its own id is not moved on to another
}

static void what_was_refused_without_an_id_is_asked_anew(void **state)
{
    (void)state;
    static const char body[] = "{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1\"}";
    char first[CLIENT_ORDER_ID_MAX];
    rig.outcome.status = ORDER_DENIED;
    str_copy_cut(rig.outcome.reason, sizeof rig.outcome.reason, "price_known: no price for SPY");
    expect(post(body), 422, "code", "price_known");
    str_copy_cut(first, sizeof first, rig.placed.order.client_order_id);
    rig.outcome.status = ORDER_NEW;
    expect(post(body), 201, "status", "new");
    assert_string_not_equal(rig.placed.order.client_order_id, first);
    assert_int_equal(rig.places, 2);
}

#define ROW_OF                                                                                                         \
    "[{\"client_order_id\" : \"%s\", \"order_id\" : \"b\", \"run_id\" : null, \"strategy\" : null, \"symbol\" : "      \
    "\"SPY\", \"side\" : \"buy\", \"type\" : \"market\", \"time_in_force\" : \"day\", \"qty\" : \"1\", "               \
    "\"notional\" : null, \"limit_price\" : null, \"extended_hours\" : false, \"status\" : \"%s\"}]"

// A refusal by risk leaves no row: after a restart only the later order is known.
static void an_order_behind_a_forgotten_refusal_is_the_same_order(void **state)
{
    (void)state;
    static const char body[] = "{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1\"}";
    char first[CLIENT_ORDER_ID_MAX], second[CLIENT_ORDER_ID_MAX], json[500];
    rig.outcome.status = ORDER_DENIED;
    str_copy_cut(rig.outcome.reason, sizeof rig.outcome.reason, "price_known: no price for SPY");
    expect(post(body), 422, "code", "price_known");
    str_copy_cut(first, sizeof first, rig.placed.order.client_order_id);
    rig.outcome = (struct order_row){.status = ORDER_NEW};
    expect(post(body), 201, "status", "new");
    str_copy_cut(second, sizeof second, rig.placed.order.client_order_id);
    rig.desk_row = (struct order_row){.status = ORDER_NEW}; // a restart
    snprintf(json, sizeof json, ROW_OF, second, "filled");
    rig.query_json = json;
    expect(post(body), 200, "client_order_id", second);
    assert_int_equal(strncmp(rig.filter, second, strlen(second)), 0); // the ledger was asked for this very one
    assert_int_equal(rig.places, 2);
    snprintf(json, sizeof json, ROW_OF, second, "rejected");
    expect(post(body), 201, "client_order_id", first); // the lowest that is not known
    assert_int_equal(rig.places, 3);
}

static void refusals_have_the_code_of_their_rule(void **state)
{
    (void)state;
    static const struct {
        enum order_status status;
        const char *reason, *code, *detail;
        int http;
    } cases[] = {
        {ORDER_DENIED, "position_share: 70% of equity, at most 60%", "position_share", "70% of equity, at most 60%",
         422},
        {ORDER_DENIED, "price_known: no price for SPY", "price_known", "no price for SPY", 422},
        {ORDER_DENIED, "exposure: sums do not fit", "exposure", "sums do not fit", 422},
        {ORDER_DENIED, "ledger: exists with other content", "client_order_id", "exists with other content", 409},
        {ORDER_DENIED, "the guard's own words", "guard", "the guard's own words", 403},
        {ORDER_REJECTED, "insufficient day trading buying power", "broker_rejected",
         "insufficient day trading buying power", 422},
        {ORDER_NOT_PLACED, "no connection", "not_placed", "no connection", 503},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        rig.desk_row = (struct order_row){.status = ORDER_NEW};
        rig.outcome = (struct order_row){.status = cases[i].status};
        str_copy_cut(rig.outcome.reason, sizeof rig.outcome.reason, cases[i].reason);
        struct answer a = post(BUY);
        const struct json_node *order = json_get(json_doc_root(a.json), "order");
        assert_string_equal(json_string(json_get(order, "status")), order_status_name(cases[i].status));
        assert_string_equal(member(&a, "detail"), cases[i].detail);
        expect(a, cases[i].http, "code", cases[i].code);
    }
}

static void outcomes_that_are_not_refusals(void **state)
{
    (void)state;
    static const struct {
        enum order_status status;
        int http;
    } cases[] = {{ORDER_UNKNOWN, 202},
                 {ORDER_DRY_RUN, 201},
                 {ORDER_ACCEPTED, 201},
                 {ORDER_FILLED, 201},
                 {ORDER_PENDING_NEW, 201}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        rig.desk_row = (struct order_row){.status = ORDER_NEW};
        rig.outcome = (struct order_row){.status = cases[i].status};
        expect(post(BUY), cases[i].http, "status", order_status_name(cases[i].status));
    }
}

static void nothing_is_written_while_nothing_may_be_sent(void **state)
{
    (void)state;
    for (int i = 0; i < 7; i++) {
        static const char *const codes[] = {"stopping", "account_age", "stage",   "database",
                                            "halt",     "in_step",     "calendar"};
        static const int statuses[] = {503, 503, 403, 503, 403, 503, 503};
        rig.snapshot = rig_good();
        rig.snapshot.draining = i == 0;
        rig.snapshot.guard[CHECK_ACCOUNT_AGE].answer = i == 1 ? GUARD_UNKNOWN : GUARD_PASS;
        rig.snapshot.guard[CHECK_STAGE].answer = i == 2 ? GUARD_FAIL : GUARD_PASS;
        rig.snapshot.guard_answer = i == 1 ? GUARD_UNKNOWN : i == 2 ? GUARD_FAIL : GUARD_PASS;
        rig.snapshot.database_connected = i != 3;
        rig.snapshot.halt = i == 4 ? HALT_HALTED : HALT_RUNNING;
        rig.snapshot.in_step = i != 5;
        rig.no_session = i == 6;
        expect(post(BUY), statuses[i], "code", codes[i]);
    }
    assert_int_equal(rig.places + rig.queries + rig.refreshes + rig.decisions, 0);
    rig.no_session = false;
    rig.snapshot = rig_good();
    rig.snapshot.halt = HALT_REDUCE_ONLY; // what reduces goes through: the guard knows which
    expect(post(BUY), 201, "status", "new");
}

static void run_until_one(const int *count)
{
    int64_t end = clock_monotonic_ns() + WAIT_NS;
    while (*count < 1) {
        loop_step(rig.loop, 5);
        if (rig.waiting)
            ledger_answers();
        assert_true(clock_monotonic_ns() < end);
    }
}

static void client_leaves(int fd)
{
    int64_t end = clock_monotonic_ns() + WAIT_NS;
    close(fd);
    while (http_server_in_flight(rig.server) > 0) {
        loop_step(rig.loop, 5);
        assert_true(clock_monotonic_ns() < end);
    }
}

static void two_at_once_are_one(void **state)
{
    (void)state;
    rig.refresh_later = true;
    int first = client_send(API_PORT, "POST", ORDERS, WRITE, BUY);
    run_until_one(&rig.refreshes);
    void (*refreshed)(void *, bool, const char *) = rig.refreshed;
    void *arg = rig.refreshed_arg;
    rig.refresh_later = false;
    expect(post(BUY), 201, "status", "new");
    refreshed(arg, true, "");
    expect(client_read(first), 200, "status", "new");
    assert_int_equal(rig.places, 1);
}

static void it_is_asked_again_after_the_prices_whether_orders_may_leave(void **state)
{
    (void)state;
    rig.refresh_later = true;
    int fd = client_send(API_PORT, "POST", ORDERS, WRITE, BUY);
    run_until_one(&rig.refreshes);
    rig.snapshot.in_step = false;
    rig.refreshed(rig.refreshed_arg, true, "");
    expect(client_read(fd), 503, "code", "in_step");
    assert_int_equal(rig.places, 0);
}

static void an_order_is_of_the_session_that_it_was_asked_for_in(void **state)
{
    (void)state;
    rig.refresh_later = true;
    int fd = client_send(API_PORT, "POST", ORDERS, WRITE, BUY);
    run_until_one(&rig.refreshes);
    rig.session_turned = true;
    rig.refreshed(rig.refreshed_arg, true, "");
    expect(client_read(fd), 503, "code", "calendar");
    assert_int_equal(rig.places, 0);
}

static void who_left_before_gets_no_order(void **state)
{
    (void)state;
    rig.refresh_later = true;
    int fd = client_send(API_PORT, "POST", ORDERS, WRITE, BUY);
    run_until_one(&rig.refreshes);
    client_leaves(fd);
    rig.refreshed(rig.refreshed_arg, true, "");
    assert_int_equal(rig.places, 0);
}

static void who_leaves_after_has_one(void **state)
{
    (void)state;
    rig.place_later = true;
    int fd = client_send(API_PORT, "POST", ORDERS, WRITE, BUY);
    run_until_one(&rig.places);
    client_leaves(fd);
    order_is_answered(); // to nobody
    expect(post(BUY), 200, "status", "new");
}

static void the_api_may_end_before_an_answer(void **state)
{
    (void)state;
    rig.place_later = true;
    int fd = client_send(API_PORT, "POST", ORDERS, WRITE, BUY);
    run_until_one(&rig.places);
    close(fd); // teardown; the desk tells nobody any more
}

static void cancelling(void **state)
{
    (void)state;
    expect(post(BUY), 201, "status", "new");
    expect(ask(API_PORT, "DELETE", ORDERS "/a-1", WRITE, NULL), 202, "client_order_id", "a-1");
    expect(ask(API_PORT, "POST", ORDERS "/a-1/cancel", WRITE, NULL), 202, "client_order_id", "a-1");
    assert_int_equal(rig.cancels, 2);
    rig.query_json =
        "[{\"client_order_id\" : \"a-1\", \"symbol\" : \"SPY\", \"side\" : \"buy\", \"status\" : \"new\"}]";
    expect(ask(API_PORT, "DELETE", ORDERS "/broker-1", WRITE, NULL), 202, "client_order_id", "a-1"); // the broker's id
    assert_int_equal(rig.cancels, 3);
    rig.desk_row.status = ORDER_FILLED;
    expect(ask(API_PORT, "DELETE", ORDERS "/a-1", WRITE, NULL), 409, "code", "not_open");
    rig.desk_row = (struct order_row){.status = ORDER_NEW};
    assert_int_equal(status_of(API_PORT, "DELETE", ORDERS "/a-1", WRITE, NULL), 503); // not followed yet
    rig.query_json =
        "[{\"client_order_id\" : \"a-1\", \"symbol\" : \"SPY\", \"side\" : \"buy\", \"status\" : \"canceled\"}]";
    expect(ask(API_PORT, "DELETE", ORDERS "/a-1", WRITE, NULL), 409, "code", "not_open");
    rig.query_json = "[]";
    assert_int_equal(status_of(API_PORT, "DELETE", ORDERS "/nosuch", WRITE, NULL), 404);
    rig.query_result = LEDGER_DOWN;
    rig.query_json = NULL;
    assert_int_equal(status_of(API_PORT, "DELETE", ORDERS "/nosuch", WRITE, NULL), 503);
    assert_int_equal(rig.cancels, 3);
}

static void cancelling_works_under_a_halt(void **state)
{
    (void)state;
    expect(post(BUY), 201, "status", "new");
    rig.snapshot.halt = HALT_HALTED;
    rig.snapshot.in_step = false;
    expect(ask(API_PORT, "DELETE", ORDERS "/a-1", WRITE, NULL), 202, "status", "new");
    assert_int_equal(rig.cancels, 1);
}

static void the_audit_is_one_object(void **state)
{
    (void)state;
    rig.query_json = "{\"client_order_id\" : \"a-1\", \"events\" : []}";
    expect(ask(API_PORT, "GET", ORDERS "/a-1/audit", "", NULL), 200, "client_order_id", "a-1");
    assert_int_equal(rig.query, LEDGER_QUERY_AUDIT);
    assert_string_equal(rig.filter, "a-1|-|-|-|-|1|0");
    rig.query_json = "null";
    assert_int_equal(status_of(API_PORT, "GET", ORDERS "/a-1/audit", "", NULL), 404);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(an_order_is_placed),
        T(nobody_places_without_the_token),
        T(bodies_are_strict),
        T(an_order_leaves_in_a_minute_and_before_the_close_or_not_at_all),
        T(numbers_may_be_numbers),
        T(the_same_id_is_the_same_order),
        T(every_member_makes_another_order),
        T(the_ledger_remembers_ids_of_earlier_lives),
        T(without_an_id_one_is_derived),
        T(a_strategy_sells_what_its_book_holds),
        T(a_run_has_the_book_for_itself),
        T(what_was_refused_is_refused_again),
        T(what_was_refused_without_an_id_is_asked_anew),
        T(an_order_behind_a_forgotten_refusal_is_the_same_order),
        T(it_is_asked_again_after_the_prices_whether_orders_may_leave),
        T(an_order_is_of_the_session_that_it_was_asked_for_in),
        T(refusals_have_the_code_of_their_rule),
        T(outcomes_that_are_not_refusals),
        T(nothing_is_written_while_nothing_may_be_sent),
        T(two_at_once_are_one),
        T(who_left_before_gets_no_order),
        T(who_leaves_after_has_one),
        T(the_api_may_end_before_an_answer),
        T(cancelling),
        T(cancelling_works_under_a_halt),
        T(the_audit_is_one_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
