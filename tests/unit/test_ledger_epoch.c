// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The ledger writes in one epoch of its account: what only the leader may write is refused whole once another host has
// taken over, and before this host leads; what any host may write is not. A takeover waits for a writer's commit.
// needs: daemon/ledger.o daemon/ledger_activities.o daemon/ledger_call.o daemon/ledger_fills.o daemon/ledger_orders.o
// needs: daemon/ledger_parked.o daemon/ledger_plan.o daemon/ledger_read.o daemon/ledger_records.o daemon/ledger_runs.o
// needs: daemon/ledger_schema.o daemon/ledger_snapshots.o daemon/ledger_strategies.o daemon/ledger_upkeep.o
// needs: daemon/ledger_values.o daemon/ledger_mark.o
#include "tests/unit/ledger_fixture.h"

#include "lib/guard/receipt.h"

#define SLOT "2026-10-08T19:30:00Z"
#define TAKE "UPDATE leaders SET epoch = epoch + 1, host = 'host-b', holder = 'other', beat = 0"

static void assert_refused(void)
{
    assert_int_equal(got.result, LEDGER_DOWN);
    assert_int_equal(got.count, 0);
    assert_null(got.receipt);
}

static void leaders_rows_only_grow(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    assert_non_null(strstr(sql("UPDATE leaders SET epoch = 0"), "only grows"));
    assert_non_null(strstr(sql("UPDATE leaders SET holder = 'thief'"), "only grows"));
    assert_non_null(strstr(sql("DELETE FROM leaders"), "keeps what it holds"));
    assert_sql("UPDATE leaders SET beat = beat + 1 RETURNING beat", "1");
    assert_sql(TAKE " RETURNING epoch", "2");
    finish();
}

// Each of the ledger's writes that only the leader may make.
static void nothing_is_written_after_the_epoch(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(100000);
    plan_leg("run-a", SLOT, ORDER_BUY, 10, 0, 0);
    struct intent first = an_intent("a", "run-a", 1, 1, 10), second = an_intent("b", "", 0, 0, 1);
    commit_ok(&first);
    assert_int_equal(receipt_terms(got.receipt)->leader_epoch, 1);
    assert_int_equal(update("a", "o-1", ORDER_ACCEPTED, 0, T0), LEDGER_OK);
    sql(TAKE);
    struct run_row row = a_run("run-b", "2026-10-08T19:45:00Z");
    struct alpaca_fill fill = a_fill("f1", "o-1", ORDER_BUY, 1, 100);
    struct strategy_pause pause = {.strategy = "alpha", .reason = "r", .source = "s", .at = T0};
    CALL(ledger_intent_commit(ledger, &second, on_intent, NULL));
    assert_refused();
    assert_int_equal(said.fenced, 1);
    assert_non_null(strstr(got.detail, "is over"));
    ledger_set_leader(ledger, ACCOUNT, 1); // however often it is tried
    CALL(ledger_run_claim(ledger, &row, on_claim, NULL));
    assert_refused();
    ledger_set_leader(ledger, ACCOUNT, 1);
    assert_int_equal(update("a", "o-1", ORDER_NEW, 0, T0 + SECOND), LEDGER_DOWN);
    ledger_set_leader(ledger, ACCOUNT, 1);
    CALL(ledger_fills_record(ledger, ACCOUNT, &fill, 1, T0, on_fills, NULL));
    assert_refused();
    ledger_set_leader(ledger, ACCOUNT, 1);
    row = a_run("run-a", SLOT);
    row.status = RUN_FAILED;
    CALL(ledger_run_update(ledger, &row, on_done, NULL));
    assert_refused();
    ledger_set_leader(ledger, ACCOUNT, 1);
    CALL(ledger_strategy_pause(ledger, &pause, true, on_done, NULL));
    assert_refused();
    ledger_set_leader(ledger, ACCOUNT, 1);
    CALL(ledger_order_close(ledger, "a", "r", "o", T0, on_done, NULL));
    assert_refused();
    assert_int_equal(said.fenced, 7);
    assert_sql("SELECT count(*) FROM intents", "1");
    assert_sql("SELECT status FROM orders", "accepted");
    assert_sql("SELECT string_agg(run_id || status, ',') FROM runs", "run-aplanned");
    assert_sql("SELECT count(*) FROM fills", "0");
    assert_sql("SELECT count(*) FROM strategy_pauses", "0");
    finish();
}

static void a_standby_writes_what_any_host_may(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    sql(TAKE);
    ledger_set_leader(ledger, "", 0);
    struct intent i = an_intent("a", "", 0, 0, 1);
    CALL(ledger_intent_commit(ledger, &i, on_intent, NULL));
    assert_refused();
    assert_int_equal(said.fenced, 0); // it was not even asked
    ledger_alert(ledger, "clock", "host-a", "why", T0);
    ledger_halt_write(ledger, NULL, HALT_HALTED, "stop", "test", T0);
    WAIT_FOR(said.halt == HALT_HALTED);
    WAIT_FOR(strcmp(sql("SELECT count(*) FROM alerts"), "1") == 0);
    CALL(ledger_orders_open(ledger, ACCOUNT, on_orders, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    finish();
}

// Whoever has passed the fence commits before the takeover does, or not at all.
static void a_takeover_waits_for_a_commit(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    char held[600];
    snprintf(held, sizeof held,
             "(echo \"BEGIN; SELECT require_epoch('" ACCOUNT "', 1); SELECT pg_sleep(600)\" | psql -X -q '%s' "
             ">/dev/null 2>&1) &",
             dsn);
    assert_int_equal(system(held), 0);
    WAIT_FOR(strcmp(sql("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'"), "1") == 0);
    assert_non_null(strstr(sql("SET lock_timeout = 50; " TAKE), "lock timeout"));
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'");
    assert_sql(TAKE " RETURNING epoch", "2");
    assert_non_null(strstr(sql("SELECT require_epoch('" ACCOUNT "', 1)"), "is over"));
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(leaders_rows_only_grow),
        LEDGER_TEST(nothing_is_written_after_the_epoch),
        LEDGER_TEST(a_standby_writes_what_any_host_may),
        LEDGER_TEST(a_takeover_waits_for_a_commit),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
