// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/api.o daemon/api_auth.o daemon/api_body.o daemon/api_history.o daemon/api_order_body.o
// needs: daemon/api_orders.o daemon/api_prices.o daemon/api_query.o daemon/api_reply.o daemon/api_routes.o
// needs: daemon/api_state.o daemon/api_write.o daemon/admin.o daemon/admin_keys.o daemon/snapshot*.o
// needs: daemon/api_page.o daemon/metrics.o
//
// Orders over HTTP, the finer points: what a derived id stands for, until when an order may leave, what is asked of the
// ledger before anything is placed, and what changed while somebody waited for an answer.
#include "tests/unit/api_rig.h"

#define WRITE "Authorization: Bearer " TOKEN "\r\nContent-Type: application/json\r\n"
#define ORDERS "/api/v1/orders"
#define BUY "{\"client_order_id\":\"a-1\",\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"2\"}"
#define CLIENT_ORDER_ID_MADE 36
#define NAMELESS "{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"2\"}"
#define OF_CORE "{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"2\",\"strategy\":\"core\"}"

static char core[] = "core", edge[] = "edge";
static struct config config = {.strategies = {{.name = core}, {.name = edge}}, .strategy_count = 2};

static int setup(void **state)
{
    (void)state;
    rig_open(TOKEN, (uid_t)-1);
    rig.snapshot.config = &config;
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

// Turns the loop until the ledger was asked once more, or a stand-in was.
static void turn_until(const int *count, int at_least)
{
    int64_t end = clock_monotonic_ns() + WAIT_NS;
    while (*count < at_least) {
        loop_step(rig.loop, 5);
        assert_true(clock_monotonic_ns() < end);
    }
}

static void answers(enum ledger_result result, const char *json)
{
    rig.query_result = result;
    rig.query_json = json;
    ledger_answers();
}

// --- the id that is derived

static const char *derived(const char *body)
{
    rig.desk_row = (struct order_row){.status = ORDER_NEW};
    expect(post(body), 201, "status", order_status_name(rig.outcome.status));
    return rig.placed.order.client_order_id;
}

static void a_derived_id_is_of_account_session_strategy_and_order(void **state)
{
    (void)state;
    char ids[5][CLIENT_ORDER_ID_MAX];
    strcpy(ids[0], derived(NAMELESS));
    strcpy(ids[1], derived(OF_CORE));
    strcpy(ids[2], derived("{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"3\"}"));
    rig.session = (struct day){2026, 10, 9};
    strcpy(ids[3], derived(NAMELESS));
    rig.session = (struct day){0};
    strcpy(rig.snapshot.account_number, "PA5678");
    strcpy(ids[4], derived(NAMELESS));
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(ids[i], ids[k]);
    strcpy(rig.snapshot.account_number, "PA1234");
    assert_string_equal(derived(NAMELESS), ids[0]);
}

// What the ledger has of the ids that it was asked for, each with the status of its number's digit in `known`: d
// denied, r rejected, n new, - unknown.
static void answers_for_ids(const char *known)
{
    static const char *const words[] = {['d'] = "denied", ['r'] = "rejected", ['n'] = "new"};
    struct text t;
    const char *id = rig.filter;
    text_init(&t, 16384);
    text_add(&t, "[");
    for (size_t i = 0; known[i]; i++, id += CLIENT_ORDER_ID_MADE + 1) {
        assert_true(strncmp(id, "pg1-", 4) == 0);
        if (known[i] != '-')
            text_addf(&t,
                      "%s{\"client_order_id\" : \"%.36s\", \"symbol\" : \"SPY\", \"side\" : \"buy\", \"qty\" : \"2\", "
                      "\"status\" : \"%s\", \"reason\" : \"price_known: no price\"}",
                      t.len > 1 ? "," : "", id, words[(unsigned char)known[i]]);
    }
    text_add(&t, "]");
    answers(LEDGER_OK, text_str(&t));
    text_free(&t);
}

static void nth_id(int n, char out[CLIENT_ORDER_ID_MAX])
{
    snprintf(out, CLIENT_ORDER_ID_MAX, "%.36s", rig.filter + n * (CLIENT_ORDER_ID_MADE + 1));
}

static void each_refusal_moves_it_on_by_one(void **state)
{
    (void)state;
    static const struct {
        const char *known;
        int status, placed; // by number of the id; -1: answered as the one that is new
    } cases[] = {{"", 201, 0}, {"d", 201, 1}, {"dr", 201, 2}, {"-d", 201, 0}, {"dn", 200, -1}, {"-n", 200, -1}};
    rig.hold = true;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char id[CLIENT_ORDER_ID_MAX] = "";
        int queries = rig.queries, places = rig.places;
        rig.desk_row = (struct order_row){.status = ORDER_NEW};
        int fd = client_send(API_PORT, "POST", ORDERS, WRITE, NAMELESS);
        turn_until(&rig.waiting, 1);
        if (cases[i].placed >= 0)
            nth_id(cases[i].placed, id);
        answers_for_ids(cases[i].known);
        if (cases[i].placed < 0) { // found by that id, whole
            turn_until(&rig.waiting, 1);
            nth_id(0, id);
            answers_for_ids("n");
        }
        expect(client_read(fd), cases[i].status, "client_order_id", id);
        assert_int_equal(rig.queries - queries, cases[i].placed < 0 ? 2 : 1);
        assert_int_equal(rig.places - places, cases[i].placed < 0 ? 0 : 1);
    }
}

static void it_is_not_moved_on_for_ever(void **state)
{
    (void)state;
    rig.hold = true;
    int fd = client_send(API_PORT, "POST", ORDERS, WRITE, NAMELESS);
    turn_until(&rig.waiting, 1);
    assert_int_equal(strlen(rig.filter) > 20 * (CLIENT_ORDER_ID_MADE + 1), true);
    answers_for_ids("ddddddddddddddddddddd");
    turn_until(&rig.waiting, 1);
    answers_for_ids("d"); // the last of them, in the words of its refusal
    expect(client_read(fd), 422, "code", "price_known");
    assert_int_equal(rig.places, 0);
}

// --- until when

static int64_t leaves_until(const char *more)
{
    static int n;
    char body[300];
    snprintf(body, sizeof body, "{\"client_order_id\":\"u-%d\",\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":2%s}", n++,
             more);
    expect(post(body), 201, "status", "new");
    int64_t now = clock_wall_ns();
    assert_true(rig.placed.created_at <= now && rig.placed.created_at > now - 10 * NS_PER_S);
    return rig.placed.send_until - rig.placed.created_at;
}

static void closes_in(int64_t s)
{
    rig.day = (struct session_day){.date = {2026, 10, 8}};
    for (int i = 0; i < 2; i++)
        rig.day.close_s += (int)((clock_wall_ns() + s * NS_PER_S - session_close_ns(&rig.day)) / NS_PER_S);
}

static void only_what_the_close_ends_leaves_before_it(void **state)
{
    (void)state;
    const int64_t minute = 60 * NS_PER_S;
    closes_in(30);
    assert_true(leaves_until("") < minute);
    assert_in_range(leaves_until(",\"time_in_force\":\"gtc\""), minute, minute + NS_PER_S);
    assert_in_range(leaves_until(",\"type\":\"limit\",\"limit_price\":\"9\",\"extended_hours\":true"), minute,
                    minute + NS_PER_S);
    rig.always_open = true;
    assert_in_range(leaves_until(""), minute, minute + NS_PER_S);
    rig.always_open = false;
    closes_in(3600);
    assert_in_range(leaves_until(""), minute, minute + NS_PER_S);
    closes_in(-3600);
    assert_in_range(leaves_until(""), minute, minute + NS_PER_S);
}

// --- before it is placed

static void what_the_ledger_cannot_tell_is_not_placed(void **state)
{
    (void)state;
    static const struct {
        enum ledger_result result;
        const char *json;
    } rows[] = {{LEDGER_DOWN, "[]"}, {LEDGER_OK, NULL}, {LEDGER_LOST, NULL}};
    rig.hold = true;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int cancel = 0; cancel < 2; cancel++) {
            int fd = cancel ? client_send(API_PORT, "DELETE", ORDERS "/a-1", WRITE, NULL)
                            : client_send(API_PORT, "POST", ORDERS, WRITE, BUY);
            turn_until(&rig.waiting, 1);
            answers(rows[i].result, rows[i].json);
            struct answer a = client_read(fd);
            assert_int_equal(a.status, 503);
            answer_free(&a);
        }
    assert_int_equal(rig.places + rig.refreshes + rig.cancels, 0);
}

static void who_left_while_the_ledger_was_asked_gets_no_order(void **state)
{
    (void)state;
    rig.hold = true;
    for (int cancel = 0; cancel < 2; cancel++) {
        int64_t end = clock_monotonic_ns() + WAIT_NS;
        int fd = cancel ? client_send(API_PORT, "DELETE", ORDERS "/a-1", WRITE, NULL)
                        : client_send(API_PORT, "POST", ORDERS, WRITE, BUY);
        turn_until(&rig.waiting, 1);
        close(fd);
        while (http_server_in_flight(rig.server) > 0) {
            loop_step(rig.loop, 5);
            assert_true(clock_monotonic_ns() < end);
        }
        answers(LEDGER_OK, "[]");
    }
    assert_int_equal(rig.refreshes + rig.places, 0);
}

static void without_a_price_none_is_written_down(void **state)
{
    (void)state;
    expect(post(BUY), 201, "status", "new");
    assert_int_equal(rig.placed.price_at, 1);
    assert_int_equal(rig.placed.quote_at, 2);
    rig.no_price = true;
    rig.desk_row = (struct order_row){.status = ORDER_NEW};
    expect(post(BUY), 201, "status", "new"); // risk denies it, and says so
    assert_int_equal(rig.placed.decision_price.nanos, 0);
    assert_int_equal(rig.placed.price_at, 0);
    assert_int_equal(rig.placed.bid.nanos, 0);
    assert_int_equal(rig.placed.quote_at, 0);
}

static void only_sells_are_held_against_the_book(void **state)
{
    (void)state;
    rig.books_unknown = true;
    expect(post("{\"symbol\":\"SPY\",\"side\":\"sell\",\"qty\":\"1\",\"strategy\":\"core\"}"), 503, "code",
           "in_flight");
    rig.held.nanos = 0;
    rig.open_of_others = 1;
    expect(post(OF_CORE), 201, "strategy", "core");
    rig.books_unknown = false;
    expect(post("{\"symbol\":\"SPY\",\"side\":\"sell\",\"qty\":\"1\"}"), 201, "side", "sell"); // of no strategy
}

static void a_strategy_is_called_by_its_name(void **state)
{
    (void)state;
    expect(post("{\"client_order_id\":\"e\",\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":1,\"strategy\":\"edge\"}"), 201,
           "strategy", "edge");
    struct answer a = post("{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1\",\"strategy\":\"cor\"}");
    assert_int_equal(a.status, 400);
    assert_non_null(strstr(member(&a, "detail"), "did you mean \"core\"?"));
    answer_free(&a);
    a = post("{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"1\",\"strategy\":\"completely else\"}");
    assert_null(strstr(member(&a, "detail"), "did you mean"));
    answer_free(&a);
}

static void what_says_the_same_twice_is_fine(void **state)
{
    (void)state;
    expect(post("{\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":1,\"type\":\"market\",\"order_type\":\"market\","
                "\"extended_hours\":null}"),
           201, "type", "market");
}

// --- the same order

static void another_order_under_an_id_that_was_refused_is_a_conflict(void **state)
{
    (void)state;
    static const enum order_status refused[] = {ORDER_DENIED, ORDER_REJECTED, ORDER_NOT_PLACED};
    static const int again[] = {422, 422, 503};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        rig.desk_row = (struct order_row){.status = ORDER_NEW};
        rig.outcome = (struct order_row){.status = refused[i], .reason = "price_known: no price"};
        struct answer a = post(BUY);
        assert_int_equal(a.status, again[i]);
        answer_free(&a);
        a = post(BUY); // in the same words
        assert_int_equal(a.status, again[i]);
        answer_free(&a);
        expect(post("{\"client_order_id\":\"a-1\",\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"3\"}"), 409, "code",
               "client_order_id");
    }
    assert_int_equal(rig.places, 3);
}

static void a_row_of_the_ledger_is_compared_whole(void **state)
{
    (void)state;
    rig.query_json = "[{\"client_order_id\" : \"a-1\", \"symbol\" : \"SPY\", \"side\" : \"buy\", \"qty\" : \"2\", "
                     "\"strategy\" : \"core\", \"status\" : \"filled\"}]";
    expect(post(BUY), 409, "code", "client_order_id"); // a strategy's
    rig.query_json = "[{\"client_order_id\" : \"a-1\", \"symbol\" : \"SPY\", \"side\" : \"buy\", \"qty\" : \"2\", "
                     "\"status\" : \"not_placed\"}]";
    expect(post(BUY), 503, "code", "not_placed");
    rig.query_json = "[{\"client_order_id\" : \"a-1\", \"symbol\" : 5, \"status\" : \"filled\"}]";
    expect(post(BUY), 409, "code", "client_order_id"); // not readable: never a new one
    assert_int_equal(rig.places, 0);
}

// --- while somebody waited

static void a_denial_says_what_holds_by_now(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        rig.snapshot = rig_good();
        rig.snapshot.config = &config;
        rig.desk_row = (struct order_row){.status = ORDER_NEW};
        rig.outcome = (struct order_row){.status = ORDER_DENIED, .reason = "the guard's words"};
        rig.place_later = true;
        int fd = client_send(API_PORT, "POST", ORDERS, WRITE, BUY);
        int64_t end = clock_monotonic_ns() + WAIT_NS;
        while (rig.places <= i) {
            loop_step(rig.loop, 5);
            if (rig.waiting)
                ledger_answers();
            assert_true(clock_monotonic_ns() < end);
        }
        rig.snapshot.database_connected = i != 0;
        rig.snapshot.halt = i == 1 ? HALT_HALTED : HALT_RUNNING;
        rig.snapshot.guard[CHECK_ACCOUNT_AGE].answer = i == 2 ? GUARD_UNKNOWN : GUARD_PASS;
        order_is_answered();
        static const char *const codes[] = {"database", "halt", "account_age"};
        expect(client_read(fd), i ? 403 : 503, "code", codes[i]);
    }
}

static void a_cancel_is_recorded_and_told_as_it_stands(void **state)
{
    (void)state;
    rig.hold = true;
    int fd = client_send(API_PORT, "DELETE", ORDERS "/broker-1", WRITE, NULL);
    turn_until(&rig.waiting, 1);
    rig.desk_row = (struct order_row){.status = ORDER_ACCEPTED}; // followed by now
    strcpy(rig.desk_row.intent.order.client_order_id, "a-1");
    strcpy(rig.desk_row.intent.order.symbol, "SPY");
    answers(LEDGER_OK,
            "[{\"client_order_id\" : \"a-1\", \"symbol\" : \"SPY\", \"side\" : \"buy\", \"status\" : \"new\"}]");
    expect(client_read(fd), 202, "status", "accepted");
    assert_int_equal(rig.cancels, 1);
    assert_int_equal(rig.decisions, 1);
    fd = client_send(API_PORT, "DELETE", ORDERS "/odd", WRITE, NULL);
    turn_until(&rig.waiting, 1);
    answers(LEDGER_OK, "{}");
    struct answer a = client_read(fd);
    assert_int_equal(a.status, 404);
    answer_free(&a);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_derived_id_is_of_account_session_strategy_and_order),
        T(each_refusal_moves_it_on_by_one),
        T(it_is_not_moved_on_for_ever),
        T(only_what_the_close_ends_leaves_before_it),
        T(what_the_ledger_cannot_tell_is_not_placed),
        T(who_left_while_the_ledger_was_asked_gets_no_order),
        T(without_a_price_none_is_written_down),
        T(only_sells_are_held_against_the_book),
        T(a_strategy_is_called_by_its_name),
        T(what_says_the_same_twice_is_fine),
        T(another_order_under_an_id_that_was_refused_is_a_conflict),
        T(a_row_of_the_ledger_is_compared_whole),
        T(a_denial_says_what_holds_by_now),
        T(a_cancel_is_recorded_and_told_as_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
