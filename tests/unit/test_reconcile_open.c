// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/reconcile*.o daemon/exposure*.o daemon/metrics.o
//
// What is compared while orders are open; orders at the broker that are not ours.
#include "tests/unit/reconcile_room.h"

// A resting order of somebody keeps neither a run from settling nor the next from starting.
static void what_agrees_beside_open_orders_counts(void **state)
{
    const char *why;
    (void)state;
    w.open = 1;
    w.oldest = w.now;
    account_has("500");
    begin();
    assert_false(reconcile_in_step(reconcile, &why));
    account_has("600");
    assert_true(pass());
    assert_true(reconcile_in_step(reconcile, &why));
    assert_true(pass());
}

// A fill may be there and not be listed yet: what differs then is told only when it lasts as it is.
static void what_differs_beside_open_orders_must_last(void **state)
{
    const char *why;
    (void)state;
    begin();
    w.open = 1;
    w.oldest = w.now;
    for (int i = 1; i < 30; i++) {
        char qty[8];
        snprintf(qty, sizeof qty, "%d", 4 + i);
        position_is("SPY", qty); // each time another
        assert_false(pass());
        assert_true(reconcile_in_step(reconcile, &why));
    }
    assert_int_equal(metrics_value(metrics, METRIC_LEDGER_MISMATCH, "position"), 0);
    w.now += 8 * NS_PER_S;
    assert_false(pass());
    assert_true(reconcile_in_step(reconcile, &why));
    w.now += NS_PER_S;
    assert_false(pass());
    assert_false(reconcile_in_step(reconcile, &why));
    assert_non_null(strstr(why, "SPY: ledger 4, broker 33"));
    assert_int_equal(metrics_value(metrics, METRIC_LEDGER_MISMATCH, "position"), 1);
    assert_int_equal(w.alerts, 1);
    position_is("SPY", "4");
    assert_true(pass());
    assert_true(reconcile_in_step(reconcile, &why));
}

// --- quarantine

static void at_the_broker(enum guard_op op, const char *id, const char *symbol, const char *status, const char *filled)
{
    char json[600];
    snprintf(
        json, sizeof json,
        "%s{\"id\":\"o-1\",\"client_order_id\":\"%s\",\"symbol\":\"%s\",\"side\":\"buy\",\"type\":\"stop\","
        "\"stop_price\":\"150\",\"time_in_force\":\"day\",\"status\":\"%s\",\"qty\":\"2\",\"filled_qty\":\"%s\"}%s",
        op == OP_ORDERS ? "[" : "", id, symbol, status, filled, op == OP_ORDERS ? "]" : "");
    says(op, json);
}

// One order of somebody else's, which was seen once.
static void begin_with_theirs(void)
{
    begin();
    at_the_broker(OP_ORDERS, "theirs", "SPY", "new", "0");
    pass();
}

static struct risk_view sees(const char *symbol)
{
    struct order_request o = {.qty = SHARES(1)};
    struct risk_view v;
    str_copy_cut(o.symbol, sizeof o.symbol, symbol);
    assert_true(exposure_view(exposure, &o, "", (struct day){2026, 10, 8}, w.now, &v));
    return v;
}

static void what_is_not_ours_is_kept_told_once_and_counted(void **state)
{
    (void)state;
    w.kept_news = true;
    begin_with_theirs();
    pass();
    pass();
    assert_int_equal(w.keeps, 1);
    assert_int_equal(w.alerts, 1);
    assert_string_equal(w.alert, "foreign_order");
    assert_int_equal(metrics_value(metrics, METRIC_QUARANTINED_ORDERS, ""), 1);
    assert_int_equal(sees("SPY").quarantined, 1);
    assert_int_equal(sees("SPY").open_buys.nanos, USD(300).nanos); // at its stop
    assert_int_equal(sees("SPY").open_buy_qty.nanos, SHARES(2).nanos);
    assert_int_equal(sees("QQQ").quarantined, 0);
    at_the_broker(OP_ORDERS, "theirs", "SPY", "partially_filled", "1");
    pass();
    assert_int_equal(w.keeps, 2);
    assert_int_equal(sees("SPY").open_buys.nanos, USD(150).nanos);
    says(OP_ORDERS, "[]"); // not open any more: it is asked for
    at_the_broker(OP_ORDER, "theirs", "SPY", "filled", "2");
    pass();
    pass();
    assert_int_equal(w.keeps, 3);
    assert_int_equal(w.kept_state.status, ORDER_FILLED);
    assert_int_equal(sees("SPY").quarantined, 0);
    assert_int_equal(sees("SPY").open_buys.nanos, 0);
    assert_int_equal(reconcile_quarantined(reconcile), 0);
    assert_int_equal(metrics_value(metrics, METRIC_QUARANTINED_ORDERS, ""), 0);
    int asked = w.asked[OP_ORDER];
    pass();
    assert_int_equal(w.asked[OP_ORDER], asked);
}

static void what_looks_like_ours_is_an_orphan_and_is_written_until_it_is(void **state)
{
    (void)state;
    begin();
    at_the_broker(OP_ORDERS, "pg1-0123", "SPY", "new", "0");
    w.keep_result = LEDGER_DOWN;
    pass();
    pass();
    assert_int_equal(w.alerts, 0);
    assert_int_equal(sees("SPY").quarantined, 1); // held at once all the same
    int keeps = w.keeps;
    assert_true(keeps >= 2);
    w.keep_result = LEDGER_OK;
    w.kept_news = true;
    pass();
    pass();
    assert_int_equal(w.keeps, keeps + 1);
    assert_int_equal(w.alerts, 1);
    assert_string_equal(w.alert, "orphan_order");
}

static void on_word(void *arg, bool ok, const char *detail)
{
    (void)detail;
    *(int *)arg = ok ? 1 : -1;
}

static void a_cancel_is_asked_for_until_it_has_ended(void **state)
{
    const struct quarantine_word word = {.strategy = "", .reason = "mine", .who = "somebody"};
    int said = 0;
    (void)state;
    begin_with_theirs();
    reconcile_quarantine_word(reconcile, "o-2", &word, on_word, &said);
    assert_int_equal(said, -1);
    w.keep_result = LEDGER_DOWN;
    reconcile_quarantine_word(reconcile, "o-1", &word, on_word, &said);
    assert_int_equal(said, -1);
    pass();
    assert_int_equal(w.asked[OP_CANCEL], 0);
    w.keep_result = LEDGER_OK;
    w.result[OP_CANCEL] = BROKER_REJECTED;
    reconcile_quarantine_word(reconcile, "theirs", &word, on_word, &said);
    assert_int_equal(said, 1);
    for (int i = 0; i < 6; i++)
        pass();
    assert_true(w.asked[OP_CANCEL] >= 3);
    assert_true(w.asked[OP_CANCEL] <= 5); // not in every pass
    at_the_broker(OP_ORDERS, "theirs", "SPY", "canceled", "0");
    pass();
    int asked = w.asked[OP_CANCEL];
    w.now += 60 * NS_PER_S;
    pass();
    assert_int_equal(w.asked[OP_CANCEL], asked);
}

static const struct quarantine_word adopt_it = {.adopt = true, .strategy = "core", .reason = "mine", .who = "somebody"};

static void an_adopted_one_goes_to_the_desk(void **state)
{
    static struct order_row row;
    int said = 0;
    (void)state;
    begin_with_theirs();
    w.find_row = &row;
    reconcile_quarantine_word(reconcile, "o-1", &adopt_it, on_word, &said);
    assert_int_equal(said, 1);
    assert_int_equal(w.adoptions, 1);
    assert_int_equal(w.adopted, 1);
    assert_int_equal(reconcile_quarantined(reconcile), 0);
    assert_int_equal(sees("SPY").quarantined, 0);
    assert_null(reconcile_quarantine_find(reconcile, "o-1"));
    w.followed = true;
    int keeps = w.keeps;
    pass();
    assert_int_equal(w.keeps, keeps);
}

// The process ends while it is asked for again: nobody is there any more to ask.
static void a_word_whose_answer_was_lost_ends_with_the_process(void **state)
{
    const struct quarantine_word word = {.strategy = "", .reason = "mine", .who = "somebody"};
    int said = 0;
    (void)state;
    begin_with_theirs();
    w.keep_result = LEDGER_LOST;
    reconcile_quarantine_word(reconcile, "o-1", &word, on_word, &said);
    int cancels = w.cancels;
    assert_int_equal(cancels, 1);
    reconcile_free(reconcile);
    reconcile = NULL;
    for (int i = 0; i < 12; i++)
        loop_step(loop, 100);
    assert_int_equal(w.cancels, cancels);
    assert_int_equal(said, 0);
}

// An answer that got lost, and a Postgres that is away after it: the operator hears what became of it.
static void an_adoption_without_an_answer_is_asked_for_until_it_is_known(void **state)
{
    static struct order_row row;
    int said = 0;
    (void)state;
    begin_with_theirs();
    w.find_row = &row;
    w.keep_result = LEDGER_LOST;
    reconcile_quarantine_word(reconcile, "o-1", &adopt_it, on_word, &said);
    w.keep_result = LEDGER_DOWN;
    turn_until(&w.adoptions, 2);
    assert_int_equal(said, 0);
    w.keep_result = LEDGER_OK;
    w.find_result = LEDGER_DOWN;
    turn_until(&w.adoptions, 3);
    assert_int_equal(said, 0);
    w.find_result = LEDGER_OK;
    turn_until(&w.adopted, 1);
    assert_int_equal(said, 1);
    assert_int_equal(reconcile_quarantined(reconcile), 0);
}

// In quarantine before the start: followed also when no list has it any more, and its cancel goes on.
static void what_was_in_quarantine_is_followed_in_the_next_life(void **state)
{
    static struct ledger_quarantined kept = {
        .state = {.id = "o-1", .client_order_id = "theirs", .symbol = "SPY", .status = ORDER_NEW, .has_qty = true},
        .cancel = true};
    (void)state;
    kept.state.qty = SHARES(2);
    w.kept = &kept;
    w.kept_count = 1;
    at_the_broker(OP_ORDER, "theirs", "SPY", "new", "0");
    begin();
    assert_false(sees("SPY").gross_known); // nobody knows what it is worth
    says(OP_TRADES_LATEST, "{\"trades\":{\"SPY\":{\"p\":100,\"t\":\"2026-10-08T16:00:00Z\"}}}");
    w.now += 6 * NS_PER_S;
    pass();
    pass();
    assert_int_equal(reconcile_quarantined(reconcile), 1);
    assert_int_equal(w.alerts, 0);
    assert_true(w.asked[OP_CANCEL] >= 1 && w.asked[OP_ORDER] >= 1);
    assert_int_equal(sees("SPY").open_buys.nanos, USD(200).nanos); // at the market
    at_the_broker(OP_ORDER, "theirs", "SPY", "canceled", "0");
    pass();
    pass();
    assert_int_equal(reconcile_quarantined(reconcile), 0);
    assert_int_equal(w.kept_state.status, ORDER_CANCELED);
}

// --- pages

// So many orders, all submitted at once or each its own millisecond.
static char *page_of_orders(int count, const char *at, bool at_once)
{
    struct text t;
    text_init(&t, 1 << 20);
    text_addc(&t, '[');
    for (int i = 0; i < count; i++)
        text_addf(&t,
                  "%s{\"id\":\"o-%d\",\"client_order_id\":\"c-%d\",\"symbol\":\"SPY\",\"side\":\"buy\","
                  "\"type\":\"market\",\"time_in_force\":\"day\",\"status\":\"filled\",\"qty\":\"1\","
                  "\"filled_qty\":\"1\",\"submitted_at\":\"%s.%03dZ\"}",
                  i ? "," : "", i, i, at, at_once ? 499 : i);
    text_addc(&t, ']');
    return text_take(&t);
}

// "after" leaves out what was submitted at that very moment: the next page begins before it.
static void a_page_that_ends_amid_one_moment_loses_nothing(void **state)
{
    (void)state;
    char *page = page_of_orders(500, "2026-10-08T15:00:00", false),
         *once = page_of_orders(500, "2026-10-08T15:00:01", true);
    says_then(OP_ORDERS, page, once);
    reconcile_start(reconcile);
    turn_until(&w.asked[OP_ORDERS], 2);
    assert_string_equal(w.query[OP_ORDERS], "status=open&direction=asc&limit=500&after=2026-10-08T15:00:00.498Z");
    turn_until(&w.asked[OP_ORDERS], 3);
    assert_non_null(strstr(w.query[OP_ORDERS], "after=2026-10-08T15:00:01.498Z"));
    turn_until(&w.asked[OP_ORDERS], 4); // it cannot be cut finer, and must come to its end
    assert_non_null(strstr(w.query[OP_ORDERS], "after=2026-10-08T15:00:01.499Z"));
    turn_until(&w.asked[OP_FILLS], 1);
    w.survey_from = w.now - DAY_NS; // the same for what the ledger may have lost
    says_then(OP_ORDERS, page, "[]");
    reconcile_start(reconcile);
    turn_until(&w.asked[OP_ORDERS], 2);
    assert_string_equal(w.query[OP_ORDERS], "status=all&direction=asc&limit=500&after=2026-10-08T15:00:00.498Z");
    free(page);
    free(once);
}

static void a_survey_reads_to_the_end_and_takes_no_page_that_is_too_long(void **state)
{
    const char *why;
    (void)state;
    char *page = page_of_orders(501, "2026-10-08T15:00:00", false);
    w.survey_from = w.now - DAY_NS;
    says(OP_ORDERS, page);
    free(page);
    reconcile_start(reconcile);
    turn_until(&w.asked[OP_ORDERS], 2);
    assert_int_equal(w.surveyed, 0);
    assert_false(reconcile_in_step(reconcile, &why));
    assert_non_null(strstr(why, "a page longer than asked for"));
    for (int i = 0; i < 60; i++) { // each page is a minute of orders
        char at[32];
        snprintf(at, sizeof at, "2026-10-08T15:%02d:00", i);
        page = page_of_orders(500, at, false);
        says(OP_ORDERS, page);
        free(page);
        turn_until(&w.asked[OP_ORDERS], w.asked[OP_ORDERS] + 1);
    }
    assert_int_equal(w.surveyed, 60 * 500);
}

// --- whole passes

static bool whole(void)
{
    w.whole_orders[0] = w.whole_fills[0] = '\0';
    pass();
    return w.whole_orders[0] != '\0';
}

static void everything_since_the_last_agreement_is_read_again_in_its_time(void **state)
{
    (void)state;
    assert_true(when_parse("2026-10-08T12:00:00Z", &w.reconciled_read));
    reconcile_start(reconcile);
    assert_true(whole());
    assert_string_equal(w.whole_orders, "status=all&direction=asc&limit=500&after=2026-10-08T11:50:00Z");
    assert_non_null(strstr(w.whole_fills, "after=2026-10-08T11:50:00Z")); // the newest is of 14:00
    int64_t began = w.now;
    assert_int_equal(w.reconciled, began);
    assert_false(whole());
    assert_non_null(strstr(w.query[OP_FILLS], "after=2026-10-08T13:50:00Z"));
    w.now = began + 298 * NS_PER_S;
    assert_false(whole());
    w.now += NS_PER_S;
    assert_true(whole());
    assert_non_null(strstr(w.whole_orders, "after=2026-10-08T15:50:01Z"));
    assert_int_equal(w.reconciled, w.now);
    assert_false(whole());
}

static void after_a_gap_everything_is_read(void **state)
{
    (void)state;
    w.reconciled_read = w.now;
    begin();
    assert_false(whole());
    reconcile_set_stream(reconcile, true);
    assert_true(whole());
    assert_false(whole());
    w.result[OP_FILLS] = BROKER_UNKNOWN;
    pass();
    w.result[OP_FILLS] = BROKER_OK;
    reconcile_start(reconcile);
    assert_true(whole());
    assert_false(whole());
}

static void what_differs_keeps_the_point_where_it_was(void **state)
{
    (void)state;
    w.reconciled_read = w.now;
    begin();
    int64_t at = w.reconciled;
    account_has("500");
    w.now += 301 * NS_PER_S;
    assert_true(whole());
    assert_int_equal(w.reconciled, at);
    assert_false(whole()); // not in every pass
    w.now += 10 * NS_PER_S;
    assert_true(whole());
    account_has("600");
    w.now += 10 * NS_PER_S;
    assert_true(whole());
    assert_int_equal(w.reconciled, w.now);
}

static void legs_are(const char *id, const char *status)
{
    char json[400];
    snprintf(json, sizeof json,
             "[{\"id\":\"o-9\",\"client_order_id\":\"%s\",\"symbol\":\"\",\"side\":\"\",\"type\":\"limit\","
             "\"order_class\":\"mleg\",\"time_in_force\":\"day\",\"status\":\"%s\",\"qty\":\"1\",\"filled_qty\":\"0\","
             "\"submitted_at\":\"2026-10-08T15:59:00Z\"}]",
             id, status);
    says(OP_ORDERS, json);
}

// Another hand's order of a kind that is not known here: while it is open nobody can tell what it does, and it is
// named; once it has ended it stands in nobody's way, which it would for ever.
static void what_cannot_be_read_and_has_ended_is_passed_over(void **state)
{
    const char *why;
    (void)state;
    w.reconciled_read = w.now;
    w.survey_from = w.now - DAY_NS;
    legs_are("theirs", "canceled");
    begin();
    assert_true(reconcile_in_step(reconcile, &why));
    assert_int_equal(w.surveyed, 0);
    reconcile_set_stream(reconcile, true);
    assert_true(whole());
    assert_int_equal(w.reconciled, w.now);
    assert_int_equal(w.compared, 0);
    static const struct {
        const char *id, *status;
    } bad[] = {{"theirs", "new"}, {"theirs", "denied"}, {"pg1-0123", "canceled"}, {"", "canceled"}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        legs_are(bad[i].id, bad[i].status);
        assert_false(pass());
        assert_non_null(strstr(w.why, "order o-9"));
        legs_are("theirs", "canceled");
        assert_true(pass());
    }
    w.followed = true; // by the desk
    assert_false(pass());
}

// Behind a new connection the ledger may be an older copy of itself: from where to read on is asked of it anew.
static void what_the_ledger_has_is_asked_with_each_connection(void **state)
{
    char at[WHEN_TEXT_MAX];
    (void)state;
    w.reconciled_read = w.now;
    begin();
    int64_t older = w.now - 20 * DAY_NS;
    w.reconciled_read = w.found.newest_at = w.watermark = older;
    reconcile_start(reconcile);
    assert_true(whole());
    assert_non_null(strstr(w.whole_orders, when_format(older - 600 * NS_PER_S, at)));
    assert_non_null(strstr(w.whole_fills, when_format(older - 600 * NS_PER_S, at)));
    assert_non_null(strstr(w.query[OP_ACTIVITIES], when_format(older - 3 * DAY_NS, at)));
}

// A clock that is ahead would put the point where nothing has been read yet.
static void a_clock_in_doubt_moves_no_point(void **state)
{
    (void)state;
    w.reconciled_read = w.now;
    begin();
    int64_t at = w.reconciled;
    w.clock_trouble = "this host's clock is an hour ahead";
    w.now += 3600 * NS_PER_S;
    assert_true(whole());
    assert_int_equal(w.reconciled, at);
    w.clock_trouble = NULL;
    w.now += 300 * NS_PER_S;
    assert_true(whole());
    assert_int_equal(w.reconciled, w.now);
}

// It came and went between two passes: told, and followed no further.
static void what_has_ended_there_is_held_against_the_ledger(void **state)
{
    (void)state;
    w.reconciled_read = w.now;
    begin();
    w.kept_news = true;
    w.difference_count = 1;
    w.differences[0].foreign = true;
    at_the_broker(OP_ORDERS, "theirs", "SPY", "filled", "2");
    assert_false(whole());
    assert_int_equal(w.compared, 0);
    reconcile_set_stream(reconcile, true);
    assert_true(whole());
    assert_true(w.compared >= 1);
    assert_int_equal(w.keeps, 1);
    assert_int_equal(w.alerts, 1);
    assert_string_equal(w.alert, "foreign_order");
    assert_int_equal(reconcile_quarantined(reconcile), 0);
    assert_int_equal(sees("SPY").quarantined, 0);
    w.differences[0] = (struct ledger_difference){.filled_qty = SHARES(1), .status = "canceled", .order_id = "o-1"};
    for (int i = 0; i < 3; i++) {
        reconcile_set_stream(reconcile, true);
        assert_true(whole());
    }
    assert_int_equal(w.alerts, 2); // once
    assert_string_equal(w.alert, "order_differs");
    assert_int_equal(w.listings, 0);
    strcpy(w.differences[0].status, "not_placed");
    reconcile_set_stream(reconcile, true);
    assert_true(whole());
    assert_true(w.listings >= 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_agrees_beside_open_orders_counts),
        T(what_differs_beside_open_orders_must_last),
        T(what_is_not_ours_is_kept_told_once_and_counted),
        T(what_looks_like_ours_is_an_orphan_and_is_written_until_it_is),
        T(a_cancel_is_asked_for_until_it_has_ended),
        T(an_adopted_one_goes_to_the_desk),
        T(a_word_whose_answer_was_lost_ends_with_the_process),
        T(an_adoption_without_an_answer_is_asked_for_until_it_is_known),
        T(what_was_in_quarantine_is_followed_in_the_next_life),
        T(a_page_that_ends_amid_one_moment_loses_nothing),
        T(a_survey_reads_to_the_end_and_takes_no_page_that_is_too_long),
        T(everything_since_the_last_agreement_is_read_again_in_its_time),
        T(after_a_gap_everything_is_read),
        T(what_differs_keeps_the_point_where_it_was),
        T(what_cannot_be_read_and_has_ended_is_passed_over),
        T(what_the_ledger_has_is_asked_with_each_connection),
        T(a_clock_in_doubt_moves_no_point),
        T(what_has_ended_there_is_held_against_the_ledger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
