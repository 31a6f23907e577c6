// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The ledger behind a real pgbouncer: refused in transaction mode, also when it is put in between later; fine in
// session mode, with the timeouts it would have without. Run from the root of the tree.
//
// needs: daemon/ledger.o daemon/ledger_values.o daemon/ledger_schema.o daemon/ledger_records.o daemon/ledger_upkeep.o
// needs: daemon/ledger_call.o daemon/ledger_runs.o daemon/ledger_plan.o daemon/ledger_orders.o daemon/ledger_fills.o
// needs: daemon/ledger_read.o
// needs: daemon/ledger_mark.o
#include "ledger_fixture.h"

#define POOLER "tests/tools/private-pgbouncer.sh"

static bool pooler(const char *verb, const char *mode)
{
    char command[300];
    snprintf(command, sizeof command, "%s %s %s %s >/dev/null", POOLER, verb, folder, mode);
    return system(command) == 0;
}

static void use_pooler(const char *mode)
{
    char name[40];
    use_database(true);
    snprintf(name, sizeof name, "t%d", database_number);
    assert_true(pooler("start", mode));
    snprintf(dsn, sizeof dsn, "host=%s/pool port=6432 user=paperguard dbname=%s", folder, name);
}

static int end_pooler(void **state)
{
    tear_down(state);
    pooler("stop", "");
    return 0;
}

static bool no_pooler(void)
{
    return system("PATH=$PATH:/usr/sbin command -v pgbouncer >/dev/null") != 0;
}

static void a_transaction_pooler_is_refused(void **state)
{
    (void)state;
    if (no_pooler())
        skip();
    for (int i = 0; i < 5; i++) { // whatever connection comes first
        use_pooler("transaction");
        ledger = start_on("host-a", "staging", &said);
        WAIT_FOR(said.state == LEDGER_MISMATCH || said.state == LEDGER_READY);
        assert_int_equal(said.state, LEDGER_MISMATCH);
        assert_non_null(strstr(said.detail, "transaction pooler is in between"));
        assert_int_equal(said.readies, 0);
        end_pooler(state);
    }
}

static void a_session_pooler_is_as_good_as_none(void **state)
{
    (void)state;
    if (no_pooler())
        skip();
    use_pooler("session");
    start_ready();
    assert_int_equal(said.readies, 1);
    assert_sql("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'paperguard %'", "2");
    finish();
}

// What is in force in the sessions, as the server sees it.
static void both_connections_have_a_timeout(void **state)
{
    (void)state;
    use_database(true);
    said = (struct said){.state = LEDGER_CONNECTING};
    ledger = ledger_new(&(struct ledger_params){.loop = loop,
                                                .dsn = dsn,
                                                .environment = "staging",
                                                .host = "host-a",
                                                .statement_timeout_ms = 1000,
                                                .on_state = on_state,
                                                .on_first_seen = on_first_seen,
                                                .arg = &said});
    WAIT_FOR(said.state == LEDGER_READY);
    ledger_account_seen(ledger, ACCOUNT, T0);
    WAIT_FOR(said.first[0]);
    lead();
    ledger_set_leader(ledger, ACCOUNT, 1);
    reader_is_up();
    // A statement that waits for a lock ends by itself, on both, long before the server would.
    char hold[600];
    snprintf(
        hold, sizeof hold,
        "(echo 'BEGIN; LOCK TABLE runs, intents, orders IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(6)' | psql -X -q "
        "'%s' >/dev/null 2>&1) &",
        dsn);
    assert_int_equal(system(hold), 0);
    WAIT_FOR(strcmp(sql("SELECT count(*) > 0 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"), "t") == 0);
    int64_t begun = clock_monotonic_ns();
    CALL(ledger_query(ledger, LEDGER_QUERY_RUNS, NULL, on_json, NULL));
    assert_int_not_equal(got.result, LEDGER_OK);
    struct intent i = an_intent("a", "", 0, 0, 1);
    CALL(ledger_intent_commit(ledger, &i, on_intent, NULL));
    assert_int_not_equal(got.result, LEDGER_OK);
    assert_null(got.receipt);
    assert_true(clock_monotonic_ns() - begun < 5 * NS_PER_S);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_transaction_pooler_is_refused, end_pooler),
        cmocka_unit_test_teardown(a_session_pooler_is_as_good_as_none, end_pooler),
        LEDGER_TEST(both_connections_have_a_timeout),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
