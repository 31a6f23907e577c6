// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/reconcile*.o daemon/exposure*.o daemon/metrics.o
//
// What holds orders, and how fills and other activities reach the ledger page by page.
#include "tests/unit/reconcile_room.h"

// --- what holds orders

static void they_agree_or_orders_are_held(void **state)
{
    (void)state;
    const char *why;
    assert_false(reconcile_in_step(reconcile, &why));
    begin();
    assert_true(reconcile_in_step(reconcile, &why));
    assert_true(pass());
    account_has("600.02"); // a cent for each of two fills
    assert_true(pass());
    account_has("599.98");
    assert_true(pass());
    account_has("600.021");
    assert_false(pass());
    assert_non_null(strstr(w.why, "cash: ledger 600, broker 600.021"));
    account_has("599.979");
    assert_false(pass());
    account_has("600");
    position_is("SPY", "4.000000001");
    assert_false(pass());
    assert_false(reconcile_in_step(reconcile, &why));
    position_is("QQQ", "4");
    assert_false(pass());
    says(OP_POSITIONS, "[]");
    assert_false(pass());
    position_is("SPY", "4");
    assert_true(pass());
}

// Another host leads: whose account it is stays proven, and nothing else is asked or adopted.
static void a_standby_asks_for_the_account_alone(void **state)
{
    (void)state;
    w.standby = true;
    w.proven = w.now;
    reconcile_start(reconcile);
    turn_until(&w.asked[OP_ACCOUNT_BOOT], 1);
    for (int times = 2; times < 5; times++) {
        w.now += 61 * NS_PER_S;
        turn_until(&w.asked[OP_ACCOUNT_BOOT], times);
        w.proven = w.now;
    }
    for (int op = 0; op < GUARD_OP_COUNT; op++)
        assert_true(w.asked[op] == 0 || op == OP_ACCOUNT_BOOT);
    const char *why;
    assert_false(reconcile_in_step(reconcile, &why));
    w.standby = false;
    reconcile_kick(reconcile);
    assert_true(pass());
}

static void what_only_the_broker_has_is_a_difference(void **state)
{
    (void)state;
    begin();
    says(OP_POSITIONS, "[{\"symbol\":\"SPY\",\"qty\":\"4\",\"avg_entry_price\":\"1\",\"cost_basis\":\"4\"},"
                       "{\"symbol\":\"QQQ\",\"qty\":\"1\",\"avg_entry_price\":\"1\",\"cost_basis\":\"1\"}]");
    assert_false(pass());
    assert_non_null(strstr(w.why, "QQQ: ledger 0, broker 1"));
    assert_int_equal(metrics_value(metrics, METRIC_LEDGER_MISMATCH, "position"), 1);
    assert_int_equal(metrics_value(metrics, METRIC_LEDGER_MISMATCH, "cash"), 0);
    position_is("SPY", "4");
    account_has("500");
    assert_false(pass());
    assert_int_equal(metrics_value(metrics, METRIC_LEDGER_MISMATCH, "position"), 0);
    assert_int_equal(metrics_value(metrics, METRIC_LEDGER_MISMATCH, "cash"), 1);
}

static void a_difference_that_lasts_is_an_alert(void **state)
{
    (void)state;
    begin();
    int states = w.states;
    assert_true(pass());
    assert_int_equal(w.states, states); // nothing new
    for (int i = 1; i <= 2; i++) {
        account_has("500");
        assert_false(pass());
        assert_true(w.states > states);
        w.now += 8 * NS_PER_S;
        assert_false(pass());
        assert_int_equal(w.alerts, i - 1); // reads may lag
        w.now += 2 * NS_PER_S;
        assert_false(pass());
        assert_false(pass());
        assert_int_equal(w.alerts, i);
        assert_string_equal(w.alert, "ledger_mismatch");
        account_has("600");
        assert_true(pass());
    }
}

static void a_clock_that_is_off_holds_orders(void **state)
{
    const char *why;
    (void)state;
    begin();
    w.clock_trouble = "the clock is off";
    assert_false(reconcile_in_step(reconcile, &why));
    assert_string_equal(why, "the clock is off");
    w.clock_trouble = NULL;
    assert_true(reconcile_in_step(reconcile, &why));
}

static void fills_fail_once_more(void)
{
    int asked = w.asked[OP_FILLS];
    reconcile_start(reconcile);
    turn_until(&w.asked[OP_FILLS], asked + 1);
}

static void what_is_not_read_for_long_holds_orders(void **state)
{
    const char *why;
    (void)state;
    begin();
    w.result[OP_FILLS] = BROKER_UNKNOWN;
    assert_false(pass());
    w.now += 10 * NS_PER_S;
    fills_fail_once_more();
    assert_true(reconcile_in_step(reconcile, &why));
    int states = w.states;
    w.now += 1;
    fills_fail_once_more();
    assert_false(reconcile_in_step(reconcile, &why));
    assert_non_null(strstr(why, "fills not read for more than 10 s"));
    assert_int_equal(w.states, states + 1);
    fills_fail_once_more();
    assert_int_equal(w.states, states + 1);
    w.result[OP_FILLS] = BROKER_OK;
    reconcile_start(reconcile);
    assert_true(pass());
    assert_true(reconcile_in_step(reconcile, &why));
    assert_int_equal(w.states, states + 2);
    w.result[OP_FILLS] = BROKER_UNKNOWN; // a new failure has its own time
    assert_false(pass());
    assert_true(reconcile_in_step(reconcile, &why));
}

static void what_was_found_holds_only_so_long(void **state)
{
    const char *why;
    (void)state;
    assert_false(reconcile_in_step(reconcile, &why));
    assert_null(strstr(why, "too long")); // it was never read
    begin();
    w.now += 120 * NS_PER_S;
    assert_true(reconcile_in_step(reconcile, &why));
    w.now += 3600 * NS_PER_S;
    assert_false(reconcile_in_step(reconcile, &why));
    assert_non_null(strstr(why, "too long"));
}

// --- orders that the desk does not follow

static void whose_an_order_is_is_asked_once(void **state)
{
    static struct order_row row;
    (void)state;
    begin();
    says(OP_ORDERS, "[{\"id\":\"o-1\",\"client_order_id\":\"c-1\",\"symbol\":\"SPY\",\"side\":\"buy\","
                    "\"type\":\"market\",\"time_in_force\":\"day\",\"status\":\"new\",\"qty\":\"1\","
                    "\"filled_qty\":\"0\"}]");
    w.find_result = LEDGER_DOWN;
    pass();
    assert_int_equal(w.finds, 1);
    pass();
    assert_int_equal(w.finds, 2); // nobody told
    w.find_result = LEDGER_OK;
    w.find_row = &row;
    row.status = ORDER_NOT_PLACED;
    strcpy(row.intent.account, "PASIM0000001");
    pass();
    pass();
    assert_int_equal(w.found_again, 2); // given up, and there after all: for as long as the desk has not taken it
    row.status = ORDER_FILLED;          // ended here, whatever the list says
    pass();
    assert_int_equal(w.found_again, 2);
    pass();
    assert_int_equal(w.finds, 5);
    assert_int_equal(w.found_again, 2);
}

static void what_has_ended_there_is_not_asked_about(void **state)
{
    (void)state;
    begin();
    says(OP_ORDERS, "[{\"id\":\"o-1\",\"client_order_id\":\"c-1\",\"symbol\":\"SPY\",\"side\":\"buy\","
                    "\"type\":\"market\",\"time_in_force\":\"day\",\"status\":\"filled\",\"qty\":\"1\","
                    "\"filled_qty\":\"1\"}]");
    pass();
    assert_int_equal(w.finds + w.listings, 0);
}

static void an_order_of_another_account_is_not_ours(void **state)
{
    static struct order_row row = {.status = ORDER_NOT_PLACED};
    (void)state;
    begin();
    says(OP_ORDERS, "[{\"id\":\"o-1\",\"client_order_id\":\"c-1\",\"symbol\":\"SPY\",\"side\":\"buy\","
                    "\"type\":\"market\",\"time_in_force\":\"day\",\"status\":\"new\",\"qty\":\"1\","
                    "\"filled_qty\":\"0\"}]");
    w.find_row = &row;
    strcpy(row.intent.account, "another");
    pass();
    pass();
    assert_int_equal(w.finds, 1);
    assert_int_equal(w.found_again, 0);
}

// --- fills

static void what_was_told_in_an_earlier_life_is_not_told_again(void **state)
{
    (void)state;
    assert_true(when_parse("2026-10-08T15:00:04Z", &w.watermark));
    begin();
    fills_are(6);
    w.fills_new = 1; // a late one: five are there already
    pass();
    assert_int_equal(w.told_fills, 1);
    assert_string_equal(w.first_told, "f-5");
}

static void a_refused_page_is_the_last_of_its_pass(void **state)
{
    (void)state;
    begin();
    fills_are(100);
    w.fills_result = LEDGER_CONFLICT;
    int asked = w.asked[OP_ACCOUNT];
    pass();
    assert_int_equal(w.records, 1);
    assert_true(w.asked[OP_ACCOUNT] > asked); // the pass goes on
}

static void fills_are_read_again_for_ten_minutes(void **state)
{
    (void)state;
    begin();
    pass();
    assert_non_null(strstr(w.query[OP_FILLS], "direction=asc&page_size=100&after=2026-10-08T13:50:00"));
    w.open = 1; // polled: the rate is everybody's
    pass();
    assert_non_null(strstr(w.query[OP_FILLS], "&after=2026-10-08T13:59:00"));
    w.open = 0;
    assert_int_equal(w.records, 0);
    w.watermark = 0;
    pass();
    assert_string_equal(w.query[OP_FILLS], "direction=asc&page_size=100");
}

static void every_page_is_recorded_and_what_is_new_is_told_once(void **state)
{
    (void)state;
    begin();
    char *first = fills(0, 100), *rest = fills(100, 3);
    says_then(OP_FILLS, first, rest);
    w.fills_new = 100;
    pass();
    assert_int_equal(w.records, 2);
    assert_int_equal(w.fills_seen, 103);
    assert_non_null(strstr(w.query[OP_FILLS], "&page_token=f-99"));
    assert_int_equal(w.told_fills, 100);
    assert_string_equal(w.first_told, "f-0");
    assert_int_equal(metrics_value(metrics, METRIC_FILLS, ""), 100);
    says_then(OP_FILLS, rest, rest);
    w.fills_new = 1;
    pass();
    assert_null(strstr(w.query[OP_FILLS], "page_token"));
    assert_int_equal(w.told_fills, 103); // of this page none was told
    assert_string_equal(w.first_told, "f-100");
    w.fills_new = 1;
    pass();
    assert_int_equal(w.told_fills, 103);
    free(first);
    free(rest);
}

static void a_pass_with_new_fills_says_nothing_about_their_sum(void **state)
{
    (void)state;
    begin();
    fills_are(1);
    w.fills_new = 1;
    assert_false(pass()); // read on both sides at different times: only a quiet pass compares
    assert_true(pass());
}

// A pass that could not be read is asked for again after a while; here at once.
static void recovers(void)
{
    reconcile_start(reconcile);
    assert_true(pass());
}

static void odd_pages_are_not_recorded(void **state)
{
    (void)state;
    begin();
    fills_are(101); // longer than asked for
    assert_false(pass());
    assert_non_null(strstr(w.why, "longer"));
    says(OP_FILLS, "[]");
    recovers();
    says(OP_FILLS, "[{\"activity_type\":\"DIV\",\"id\":\"d\"}]");
    assert_false(pass());
    says(OP_FILLS, "[]");
    recovers();
    w.result[OP_FILLS] = BROKER_UNKNOWN;
    assert_false(pass());
    w.result[OP_FILLS] = BROKER_OK;
    recovers();
    assert_int_equal(w.records, 0);
    fills_are(1);
    w.fills_result = LEDGER_DOWN;
    assert_false(pass());
    assert_int_equal(w.told_fills, 0);
}

static void nobody_knows(const char *order_id)
{
    w.whose[w.whose_count++] = order_id;
}

static const char *asked_in_a_pass(void)
{
    w.asked_ids[0] = '\0';
    reconcile_kick(reconcile);
    turn_until(&w.asked[OP_ACCOUNT], w.asked[OP_ACCOUNT] + 1); // the pass goes on, and is followed by the next
    return w.asked_ids;
}

static void the_order_is(const char *id, const char *status)
{
    char json[400];
    snprintf(json, sizeof json,
             "{\"id\":\"%s\",\"client_order_id\":\"c-1\",\"symbol\":\"SPY\",\"side\":\"buy\",\"type\":\"market\","
             "\"time_in_force\":\"day\",\"status\":\"%s\",\"qty\":\"1\",\"filled_qty\":\"0\"}",
             id, status);
    says(OP_ORDER, json);
}

// It may be of any age: no list need have it.
static void the_order_of_a_refused_fill_is_asked_for_by_its_id(void **state)
{
    (void)state;
    begin();
    fills_are(3);
    nobody_knows("o-1");
    the_order_is("o-1", "filled");
    pass();
    assert_int_equal(w.asked[OP_ORDER], 0); // none is refused
    w.fills_result = LEDGER_CONFLICT;
    assert_string_equal(asked_in_a_pass(), "o-1 ");
    assert_int_equal(w.listings, 1);
    assert_string_equal(w.query[OP_ORDERS], "status=open&direction=asc&limit=500");
    the_order_is("o-2", "filled"); // not the one that was asked for
    asked_in_a_pass();
    says(OP_ORDER, "{}");
    asked_in_a_pass();
    assert_int_equal(w.listings, 1);
    the_order_is("o-1", "new"); // alive: it may be one for the desk
    asked_in_a_pass();
    assert_int_equal(w.finds, 1);
    assert_int_equal(w.listings, 1);
    asked_in_a_pass();
    asked_in_a_pass(); // it is another's
    assert_int_equal(w.finds, 1);
    assert_int_equal(w.listings, 2);
    w.followed = true;
    asked_in_a_pass();
    assert_int_equal(w.listings, 2);
    the_order_is("o-1", "filled");
    asked_in_a_pass();
    w.whose_count = 0;
    assert_string_equal(asked_in_a_pass(), "");
    w.fills_result = LEDGER_OK;
    pass();
    assert_true(pass());
}

static void what_is_not_told_about_an_order_stops_nothing(void **state)
{
    static const char *const ids[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
    (void)state;
    begin();
    fills_are(1);
    w.fills_result = LEDGER_CONFLICT;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        nobody_knows(ids[i]);
    the_order_is("x", "filled");
    w.result[OP_ORDER] = BROKER_REJECTED;
    assert_string_equal(asked_in_a_pass(), "a b c d e f g h i j "); // the rate is everybody's
    assert_string_equal(asked_in_a_pass(), "k l a b c d e f g h ");
    assert_string_equal(asked_in_a_pass(), "i j k l a b c d e f ");
    w.whose_count = 2;
    assert_string_equal(asked_in_a_pass(), "a b ");
    w.result[OP_ORDER] = BROKER_UNKNOWN; // none of them will be told now
    assert_string_equal(asked_in_a_pass(), "a ");
    assert_int_equal(w.listings, 0);
}

static void refused_fills_hold_orders_when_it_lasts(void **state)
{
    const char *why;
    (void)state;
    begin();
    fills_are(1);
    w.fills_result = LEDGER_CONFLICT;
    pass();
    assert_true(reconcile_in_step(reconcile, &why)); // the order of events
    w.now += 11 * NS_PER_S;
    pass();
    assert_false(reconcile_in_step(reconcile, &why));
    assert_non_null(strstr(why, "whose order is it?"));
    pass();
    assert_int_equal(w.alerts, 1);
    assert_string_equal(w.alert, "fills_refused");
}

// --- what is no fill

static char *activities(int count)
{
    struct text t;
    text_init(&t, 1 << 20);
    for (int i = 0; i < count; i++)
        text_addf(&t, "%c{\"activity_type\":\"%s\",\"id\":\"a-%d\",\"date\":\"2026-10-08\",\"net_amount\":\"1\"}",
                  i ? ',' : '[', i % 2 ? "DIV" : "FILL", i);
    text_addc(&t, ']');
    return text_take(&t);
}

static void activities_are_read_page_by_page_without_the_fills(void **state)
{
    (void)state;
    begin();
    char *page = activities(100);
    says_then(OP_ACTIVITIES, page, "[{\"activity_type\":\"FEE\",\"id\":\"z\",\"date\":\"2026-10-08\"}]");
    w.now += 31 * NS_PER_S;
    int64_t newest = w.found.newest_at;
    pass();
    assert_int_equal(w.items_seen, 51);
    assert_string_equal(w.item_type, "FEE");
    assert_non_null(strstr(w.query[OP_ACTIVITIES], "category=non_trade_activity&direction=asc&page_size=100&after="));
    assert_non_null(strstr(w.query[OP_ACTIVITIES], "after=2026-10-04T16:00:00")); // three days before the newest
    assert_non_null(strstr(w.query[OP_ACTIVITIES], "&page_token=a-99"));
    free(page);
    page = activities(1);
    w.found.newest_at = newest - DAY_NS; // it never goes back
    says_then(OP_ACTIVITIES, page, page);
    pass();
    w.now += 31 * NS_PER_S;
    pass();
    assert_null(strstr(w.query[OP_ACTIVITIES], "page_token"));
    assert_non_null(strstr(w.query[OP_ACTIVITIES], "after=2026-10-04T16:00:00"));
    assert_int_equal(w.items_seen, 51); // a fill
    free(page);
}

static void activities_are_read_when_they_are_due(void **state)
{
    (void)state;
    begin();
    int asked = w.asked[OP_ACTIVITIES];
    assert_true(asked >= 1);
    assert_non_null(strstr(w.query[OP_ACTIVITIES], "after=2026-10-04T16:00:00")); // from what the ledger has on
    pass();
    pass();
    assert_int_equal(w.asked[OP_ACTIVITIES], asked);
    w.now += 30 * NS_PER_S;
    pass();
    assert_int_equal(w.asked[OP_ACTIVITIES], asked + 1);
    account_has("700"); // one of them may be what is missing
    pass();
    w.now += 2 * NS_PER_S;
    asked = w.asked[OP_ACTIVITIES];
    pass();
    assert_int_equal(w.asked[OP_ACTIVITIES], asked + 1);
}

static void what_the_ledger_does_not_know_holds_orders(void **state)
{
    (void)state;
    begin();
    w.found.held = 1;
    w.found.first_held = "a-1: SPLIT of SPY";
    w.now += 31 * NS_PER_S;
    assert_false(pass());
    assert_non_null(strstr(w.why, "activity not understood: a-1: SPLIT of SPY"));
    assert_int_equal(metrics_value(metrics, METRIC_LEDGER_MISMATCH, "activity"), 1);
    int asked = w.asked[OP_ACTIVITIES];
    w.now += 2 * NS_PER_S;
    pass();
    assert_int_equal(w.asked[OP_ACTIVITIES], asked + 1); // it may be settled soon
    w.found.held = 0;
    w.now += 31 * NS_PER_S;
    assert_true(pass());
}

static void an_activity_that_changed_is_told_once(void **state)
{
    (void)state;
    begin();
    w.found.differing = "a-1";
    for (int i = 0; i < 3; i++) {
        w.now += 31 * NS_PER_S;
        pass();
    }
    assert_int_equal(w.alerts, 1);
    assert_string_equal(w.alert, "activity_changed");
    w.found.differing = "a-1 a-2";
    w.now += 31 * NS_PER_S;
    pass();
    assert_int_equal(w.alerts, 2);
}

static void odd_activities_hold_the_pass(void **state)
{
    (void)state;
    begin();
    char *page = activities(101);
    const char *const odd[] = {page, "[{\"id\":5}]"};
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        says(OP_ACTIVITIES, odd[i]);
        w.now += 31 * NS_PER_S;
        assert_false(pass());
        says(OP_ACTIVITIES, "[]");
        recovers();
    }
    free(page);
    w.now += 31 * NS_PER_S;
    w.result[OP_ACTIVITIES] = BROKER_REJECTED;
    assert_false(pass());
    w.result[OP_ACTIVITIES] = BROKER_OK;
    recovers();
    assert_int_equal(w.items_seen, 0);
    w.now += 31 * NS_PER_S;
    w.activities_result = LEDGER_CONFLICT;
    assert_false(pass());
    w.activities_result = LEDGER_OK;
    recovers();
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(they_agree_or_orders_are_held),
        T(fills_are_read_again_for_ten_minutes),
        T(every_page_is_recorded_and_what_is_new_is_told_once),
        T(a_pass_with_new_fills_says_nothing_about_their_sum),
        T(odd_pages_are_not_recorded),
        T(the_order_of_a_refused_fill_is_asked_for_by_its_id),
        T(what_is_not_told_about_an_order_stops_nothing),
        T(refused_fills_hold_orders_when_it_lasts),
        T(activities_are_read_page_by_page_without_the_fills),
        T(activities_are_read_when_they_are_due),
        T(what_the_ledger_does_not_know_holds_orders),
        T(an_activity_that_changed_is_told_once),
        T(odd_activities_hold_the_pass),
        T(a_standby_asks_for_the_account_alone),
        T(what_only_the_broker_has_is_a_difference),
        T(a_difference_that_lasts_is_an_alert),
        T(a_clock_that_is_off_holds_orders),
        T(whose_an_order_is_is_asked_once),
        T(what_was_told_in_an_earlier_life_is_not_told_again),
        T(a_refused_page_is_the_last_of_its_pass),
        T(what_is_not_read_for_long_holds_orders),
        T(what_was_found_holds_only_so_long),
        T(what_has_ended_there_is_not_asked_about),
        T(an_order_of_another_account_is_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
