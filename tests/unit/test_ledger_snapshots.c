// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Snapshots of equity and positions, and what readers see of them, of signals and of strategies. Run from the root of
// the tree.
//
// needs: daemon/ledger.o daemon/ledger_values.o daemon/ledger_schema.o daemon/ledger_records.o daemon/ledger_upkeep.o
// needs: daemon/ledger_call.o daemon/ledger_runs.o daemon/ledger_plan.o daemon/ledger_orders.o daemon/ledger_fills.o
// needs: daemon/ledger_read.o daemon/ledger_snapshots.o
// needs: daemon/ledger_mark.o
#include "ledger_fixture.h"

#include "lib/base/json_read.h"

#define SLOT "2026-10-08T19:30:00Z"

static size_t rows(enum ledger_query q, struct ledger_filter filter)
{
    struct json_doc *doc = query(q, filter);
    size_t n = json_size(json_doc_root(doc));
    json_doc_free(doc);
    return n;
}

static enum ledger_result take(const char *source, const char *run, struct day session, int64_t at, double equity)
{
    struct alpaca_account a = {.equity = MONEY(equity),
                               .cash = MONEY(equity - 4600.5),
                               .buying_power = MONEY(2 * equity),
                               .long_market_value = MONEY(5000.5),
                               .short_market_value = MONEY(-400)};
    struct alpaca_position p[2] = {
        {.symbol = "SPY",
         .qty = QTY(50),
         .avg_entry_price = PRICE(99),
         .market_value = MONEY(5000.5),
         .current_price = PRICE(100.01)},
        {.symbol = "QQQ", .qty = QTY(-1.5), .avg_entry_price = PRICE(260), .market_value = MONEY(-400)}};
    struct ledger_snapshot s = {.account = ACCOUNT,
                                .source = source,
                                .run_id = run,
                                .session = session,
                                .at = at,
                                .figures = &a,
                                .positions = p,
                                .position_count = 2};
    CALL(ledger_snapshot_take(ledger, &s, on_done, NULL));
    return got.result;
}

static void equity_is_kept_once_for_each_reason(void **state)
{
    (void)state;
    struct day before = day_add(THE_DAY, -1);
    use_database(true);
    start_ready();
    open_with(100000);
    plan_leg("run-a", SLOT, ORDER_BUY, 6, 4, 0);
    assert_int_equal(take("start", NULL, before, T0, 100000), LEDGER_OK);
    assert_int_equal(take("close", NULL, before, T0 + 10 * SECOND, 100001.25), LEDGER_OK);
    assert_int_equal(take("close", NULL, before, T0 + 20 * SECOND, 7), LEDGER_OK); // that session has its own already
    assert_int_equal(take("run", "run-a", THE_DAY, T0 + 30 * SECOND, 100002), LEDGER_OK);
    assert_int_equal(take("run", "run-a", THE_DAY, T0 + 40 * SECOND, 8), LEDGER_OK);
    assert_int_equal(take("timer", NULL, THE_DAY, T0 + 50 * SECOND, 100003), LEDGER_OK);
    assert_int_equal(take("timer", NULL, THE_DAY, T0 + 50 * SECOND, 9), LEDGER_OK); // the same moment
    assert_int_equal(take("run", "nobody", THE_DAY, T0 + 60 * SECOND, 1), LEDGER_CONFLICT);
    assert_int_equal(take("run", NULL, THE_DAY, T0 + 60 * SECOND, 1), LEDGER_CONFLICT);
    assert_int_equal(take("timer", "run-a", THE_DAY, T0 + 60 * SECOND, 1), LEDGER_CONFLICT);
    assert_int_equal(take("guess", NULL, THE_DAY, T0 + 60 * SECOND, 1), LEDGER_CONFLICT);
    assert_sql("SELECT string_agg(source || ' ' || plain(equity), ',' ORDER BY at) FROM equity_snapshots",
               "start 100000,close 100001.25,run 100002,timer 100003");
    assert_sql("SELECT count(*) FROM position_snapshots", "8");
    assert_non_null(strstr(sql("UPDATE equity_snapshots SET equity = 0"), "keeps what it holds"));
    assert_non_null(strstr(sql("UPDATE position_snapshots SET qty = 1"), "keeps what it holds"));
    reader_is_up();
    assert_int_equal(rows(LEDGER_QUERY_EQUITY, (struct ledger_filter){0}), 4);
    assert_int_equal(rows(LEDGER_QUERY_EQUITY, (struct ledger_filter){.limit = 3, .offset = 2}), 2);
    assert_int_equal(rows(LEDGER_QUERY_EQUITY, (struct ledger_filter){.symbol = "IWM"}), 0);
    assert_int_equal(rows(LEDGER_QUERY_EQUITY, (struct ledger_filter){.strategy = "alpha"}), 1);
    assert_int_equal(rows(LEDGER_QUERY_EQUITY, (struct ledger_filter){.from = "2026-10-08"}), 2);
    assert_int_equal(rows(LEDGER_QUERY_EQUITY, (struct ledger_filter){.to = "2026-10-07"}), 2);
    assert_int_equal(rows(LEDGER_QUERY_EQUITY, (struct ledger_filter){.from = "2026-10-09"}), 0);
    assert_int_equal(rows(LEDGER_QUERY_EQUITY, (struct ledger_filter){.status = "close"}), 1);
    assert_shows("\"equity\" : \"100001.25\"");
    assert_shows(
        "{\"symbol\" : \"QQQ\", \"qty\" : \"-1.5\", \"avg_entry_price\" : \"260\", \"market_value\" : \"-400\", "
        "\"current_price\" : null}");
    CALL(ledger_query(ledger, LEDGER_QUERY_EQUITY, &(struct ledger_filter){.from = "yesterday"}, on_json, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    finish();
}

// Old snapshots may go, and their positions with them.
static void old_snapshots_may_be_deleted(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    assert_int_equal(take("start", NULL, THE_DAY, T0, 100000), LEDGER_OK);
    assert_int_equal(take("timer", NULL, THE_DAY, T0 + SECOND, 100000), LEDGER_OK);
    assert_sql("DELETE FROM equity_snapshots WHERE source = 'start'", "");
    assert_sql("SELECT count(*) FROM position_snapshots", "2");
    finish();
}

static void plan_with_targets(const char *run, const char *slot, int64_t at, const char *targets)
{
    struct run_row row = a_run(run, slot);
    struct run_member_row members[2] = {
        {.strategy = "alpha", .status = "ok", .model_name = "trend", .model_version = "3", .targets_json = targets},
        {.strategy = "beta", .status = "late", .detail = "no answer within 30 s"}};
    struct plan none = {0};
    row.planned_at = at;
    CALL(ledger_run_claim(ledger, &row, on_claim, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    CALL(ledger_run_plan(ledger, &row, members, 2, &none, on_done, NULL));
    assert_int_equal(got.result, LEDGER_OK);
}

static void signals_are_the_newest_targets(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    plan_with_targets("run-a", SLOT, T0 + SECOND,
                      "[{\"symbol\":\"SPY\",\"weight\":\"0.5\",\"confidence\":\"0.9\",\"reason\":\"up\"}]");
    plan_with_targets("run-b", "2026-10-08T19:45:00Z", T0 + 2 * SECOND,
                      "[{\"symbol\":\"QQQ\",\"weight\":\"0.25\"},{\"symbol\":\"SPY\",\"weight\":\"0.5\"}]");
    reader_is_up();
    assert_int_equal(rows(LEDGER_QUERY_SIGNALS, (struct ledger_filter){0}), 2);
    assert_shows(
        "{\"symbol\" : \"QQQ\", \"weight\" : \"0.25\", \"confidence\" : null, \"reason\" : null, \"strategy\" : "
        "\"alpha\", \"run_id\" : \"run-b\", \"session\" : \"2026-10-08\", \"model\" : {\"name\" : \"trend\", "
        "\"version\" : \"3\"}, \"as_of\" : \"2026-10-08T15:30:20Z\"}");
    assert_int_equal(rows(LEDGER_QUERY_SIGNALS, (struct ledger_filter){.limit = 1}), 1);
    assert_int_equal(rows(LEDGER_QUERY_SIGNALS, (struct ledger_filter){.limit = 1, .offset = 1}), 1);
    assert_shows("\"symbol\" : \"SPY\"");
    assert_int_equal(rows(LEDGER_QUERY_SIGNALS, (struct ledger_filter){.symbol = "QQQ"}), 1);
    assert_int_equal(rows(LEDGER_QUERY_SIGNALS, (struct ledger_filter){.strategy = "beta"}), 0);
    assert_int_equal(rows(LEDGER_QUERY_SIGNALS, (struct ledger_filter){.from = "2026-10-08"}), 3);
    assert_int_equal(rows(LEDGER_QUERY_SIGNALS, (struct ledger_filter){.to = "2026-10-07"}), 0);
    assert_int_equal(rows(LEDGER_QUERY_SIGNALS, (struct ledger_filter){.run_id = "run-a"}), 1);
    assert_shows("\"confidence\" : \"0.9\", \"reason\" : \"up\"");
    finish();
}

static void strategies_show_their_last_run_and_book(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(100000);
    plan_with_targets("run-a", SLOT, T0 + SECOND, "[{\"symbol\":\"SPY\",\"weight\":\"0.5\"}]");
    struct intent i = an_intent("a", "", 0, 0, 10);
    str_copy_cut(i.strategy, sizeof i.strategy, "alpha");
    commit_ok(&i);
    assert_int_equal(update("a", NULL, ORDER_SENDING, 0, 0), LEDGER_OK);
    assert_int_equal(update("a", "o-1", ORDER_FILLED, 10, T0), LEDGER_OK);
    struct alpaca_fill f = a_fill("f1", "o-1", ORDER_BUY, 10, 100.25);
    CALL(ledger_fills_record(ledger, ACCOUNT, &f, 1, T0 + 60 * SECOND, on_fills, NULL));
    assert_int_equal(got.count, 1);
    reader_is_up();
    // Nobody has said a price yet: the book's value is not known, which is not zero.
    assert_int_equal(rows(LEDGER_QUERY_STRATEGIES, (struct ledger_filter){.strategy = "alpha"}), 1);
    assert_shows("\"book\" : {\"positions\" : 1, \"cost\" : \"1002.5\", \"market_value\" : null");
    assert_int_equal(take("timer", NULL, THE_DAY, T0 + 50 * SECOND, 100003), LEDGER_OK);
    assert_int_equal(rows(LEDGER_QUERY_STRATEGIES, (struct ledger_filter){0}), 2);
    assert_shows(
        "\"strategy\" : \"alpha\", \"last_status\" : \"ok\", \"last_detail\" : \"\", \"last_run_id\" : \"run-a\", "
        "\"last_run_status\" : \"planned\"");
    assert_shows("\"model\" : {\"name\" : \"trend\", \"version\" : \"3\"}, \"targets\" : 1, \"runs_ok\" : 1, "
                 "\"runs_failed\" : 0");
    assert_shows("\"book\" : {\"positions\" : 1, \"cost\" : \"1002.5\", \"market_value\" : \"1000.1\", \"as_of\" : "
                 "\"2026-10-08T15:31:08Z\"}");
    assert_shows("\"strategy\" : \"beta\", \"last_status\" : \"late\", \"last_detail\" : \"no answer within 30 s\"");
    assert_int_equal(rows(LEDGER_QUERY_STRATEGIES, (struct ledger_filter){.status = "late"}), 1);
    assert_int_equal(rows(LEDGER_QUERY_STRATEGIES, (struct ledger_filter){.symbol = "SPY"}), 1);
    assert_int_equal(rows(LEDGER_QUERY_STRATEGIES, (struct ledger_filter){.limit = 1, .offset = 1}), 1);
    assert_int_equal(rows(LEDGER_QUERY_STRATEGIES, (struct ledger_filter){.to = "2026-10-07"}), 0);
    finish();
}

static void lists_know_sessions(void **state)
{
    (void)state;
    static const enum ledger_query lists[] = {LEDGER_QUERY_RUNS, LEDGER_QUERY_ORDERS, LEDGER_QUERY_FILLS,
                                              LEDGER_QUERY_ALERTS, LEDGER_QUERY_DECISIONS};
    use_database(true);
    start_ready();
    open_with(100000);
    plan_with_targets("run-a", SLOT, T0 + SECOND, "[]");
    struct intent i = an_intent("a", "", 0, 0, 10);
    commit_ok(&i);
    struct alpaca_fill f = a_fill("f1", "o-9", ORDER_SELL, 10, 100.25);
    CALL(ledger_fills_record(ledger, ACCOUNT, &f, 1, T0 + 60 * SECOND, on_fills, NULL));
    ledger_alert(ledger, "stale", "SPY", "old price", T0);
    ledger_decision(ledger, "risk", "a", "denied", "fat_finger", "too much", T0);
    WAIT_FOR(strcmp(sql("SELECT count(*) FROM alerts, decisions WHERE answer = 'denied'"), "1") == 0);
    reader_is_up();
    for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
        int one = lists[k] == LEDGER_QUERY_DECISIONS ? 2 : 1; // the order's own, too
        assert_int_equal(rows(lists[k], (struct ledger_filter){.from = "2026-10-08", .to = "2026-10-08"}), one);
        assert_int_equal(rows(lists[k], (struct ledger_filter){.from = "2026-10-09"}), 0);
        assert_int_equal(rows(lists[k], (struct ledger_filter){.to = "2026-10-07"}), 0);
    }
    // A session turns at 20:00 New York, also across the clock change.
    assert_sql("SELECT utc(session_start('2026-10-08')) || ' ' || utc(session_start('2026-11-02'))",
               "2026-10-08T00:00:00Z 2026-11-02T01:00:00Z");
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(equity_is_kept_once_for_each_reason),
        LEDGER_TEST(old_snapshots_may_be_deleted),
        LEDGER_TEST(signals_are_the_newest_targets),
        LEDGER_TEST(strategies_show_their_last_run_and_book),
        LEDGER_TEST(lists_know_sessions),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
