// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The mark of a ledger is found in the ledger it was taken of, whatever orders and hosts are called, and names the
// newest runs of its own account, however many others have.
//
// needs: daemon/ledger.o daemon/ledger_values.o daemon/ledger_schema.o daemon/ledger_records.o daemon/ledger_upkeep.o
// needs: daemon/ledger_call.o daemon/ledger_mark.o daemon/ledger_runs.o daemon/ledger_fills.o daemon/ledger_orders.o
// needs: daemon/ledger_plan.o daemon/ledger_read.o
#include "ledger_fixture.h"

#define CHECKED "SELECT kind || ':' || detail FROM check_mark(ledger_mark('host-a', 'default'))"
#define ADOPTED(order, name)                                                                                           \
    "SELECT quarantine_order(ROW('" order "', '" ACCOUNT "', " name ", 'foreign', 'SPY', 'buy', 'limit', 'gtc', 1, "   \
    "NULL, 50, NULL, 'new', 0, NULL, now(), now(), now(), now(), NULL, NULL, NULL, NULL, NULL, NULL)::quarantine, "    \
    "now()); SELECT quarantine_adopt('" ACCOUNT "', '" order                                                           \
    "', '', '2026-10-08', 50, 'r', 'o', now(), 'host-a', 'default')"

static void is_found_whatever_an_order_is_called(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    assert_sql(CHECKED, ":");
    sql(ADOPTED("o-1", "'bought by hand'"));
    assert_sql("SELECT client_order_id FROM order_events", "bought by hand");
    assert_sql(CHECKED, ":");
    sql(ADOPTED("o-2", "E'two\\nlines'"));
    assert_sql("SELECT count(*) FROM order_events", "2");
    assert_sql(CHECKED, ":");
    assert_sql("SELECT kind FROM check_mark(replace(ledger_mark('host-a', 'default'), 'two', 'six'))", "older");
    assert_sql("SELECT kind FROM check_mark(replace(ledger_mark('host-a', 'default'), ' new', ' filled'))", "older");
    finish();
}

static void is_found_whatever_a_host_is_called(void **state)
{
    (void)state;
    use_database(false);
    struct err err = {.text = ""};
    if (ledger_init_database(dsn, NULL, "staging", "host of tests", "default", T0, &err) != 0)
        fail_msg("init: %s", err.text);
    ledger = start_on("host of tests", "staging", &said);
    WAIT_FOR(said.state == LEDGER_READY);
    ledger_decision(ledger, "operator", "s", "a", "r", "d", T0);
    WAIT_FOR(strcmp(sql("SELECT count(*) FROM decisions"), "1") == 0);
    assert_non_null(strstr(sql("SELECT replace(ledger_mark('host of tests', 'default'), E'\\n', '; ')"), "decision 1"));
    assert_sql("SELECT kind || ':' || detail FROM check_mark(ledger_mark('host of tests', 'default'))", ":");
    assert_sql("SELECT kind FROM check_mark(replace(ledger_mark('host of tests', 'default'), 'of', 'for'))", "other");
    assert_sql("SELECT kind FROM check_mark(replace(ledger_mark('host of tests', 'default'), 'decision 1', "
               "'decision 2'))",
               "older");
    finish();
}

static void names_the_runs_of_its_own_account(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    struct run_row row = a_run("run-a", "2026-10-08T19:30:00Z");
    CALL(ledger_run_claim(ledger, &row, on_claim, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    sql("INSERT INTO accounts VALUES ('PAOTHER', now(), 'host-a', 'qa'); "
        "INSERT INTO instances VALUES ('qa', 'PAOTHER', now()); "
        "INSERT INTO runs (run_id, account_number, session, slot_key, label, cause, strategies, status, started_at, "
        "host, instance) SELECT 'other-' || n, 'PAOTHER', '2026-10-08', 'manual-' || n, '', 'cli', '{q}', 'completed', "
        "'2026-10-09T00:00:00Z'::timestamptz + n * interval '1 second', 'host-a', 'qa' FROM generate_series(1, 50) n");
    assert_sql("SELECT count(*) FROM runs", "51");
    assert_sql("SELECT count(*) || ' ' || min(l) FROM string_to_table(ledger_mark('host-a', 'default'), E'\\n') l "
               "WHERE starts_with(l, 'run ')",
               "1 run run-a " ACCOUNT " 2026-10-08 2026-10-08T19:30:00Z 2026-10-08T15:30:19Z alpha beta");
    assert_sql("SELECT count(*) FROM string_to_table(ledger_mark('host-a', 'qa'), E'\\n') l "
               "WHERE starts_with(l, 'run other-')",
               "40");
    finish();
}

static int marks;

static void on_mark(void *arg, const char *mark)
{
    (void)arg, (void)mark;
    marks++;
}

static const char *no_mark(void *arg)
{
    (void)arg;
    return "";
}

// Asked after what wrote something, and not after questions, nor after fills that are known.
static void is_asked_for_after_writes_alone(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(100000);
    const struct alpaca_fill fill = a_fill("f1", "o-1", ORDER_BUY, 1, 100);
    struct ledger *other = ledger, *asking = ledger_new(&(struct ledger_params){.loop = loop,
                                                                                .dsn = dsn,
                                                                                .environment = "staging",
                                                                                .host = "host-a",
                                                                                .instance = "default",
                                                                                .statement_timeout_ms = 5000,
                                                                                .on_state = on_state,
                                                                                .on_halt = on_halt,
                                                                                .mark = no_mark,
                                                                                .on_mark = on_mark,
                                                                                .arg = &said});
    ledger_set_leader(asking, ACCOUNT, 1);
    marks = 0;
    WAIT_FOR(marks == 1);
    ledger = asking;
    WAIT_FOR(!ledger_mark_owed(ledger));
    CALL(ledger_orders_open(ledger, ACCOUNT, on_orders, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    assert_false(ledger_mark_owed(ledger));
    CALL(ledger_fills_record(ledger, ACCOUNT, &fill, 1, T0, on_fills, NULL));
    assert_int_equal(got.count, 1);
    assert_true(ledger_mark_owed(ledger));
    WAIT_FOR(!ledger_mark_owed(ledger));
    CALL(ledger_fills_record(ledger, ACCOUNT, &fill, 1, T0, on_fills, NULL));
    assert_int_equal(got.count, 0);
    assert_false(ledger_mark_owed(ledger));
    struct run_row row = a_run("run-a", "2026-10-08T19:30:00Z");
    CALL(ledger_run_claim(ledger, &row, on_claim, NULL));
    assert_true(ledger_mark_owed(ledger));
    WAIT_FOR(marks == 3);
    ledger_free(other);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(is_found_whatever_an_order_is_called),
        LEDGER_TEST(is_found_whatever_a_host_is_called),
        LEDGER_TEST(names_the_runs_of_its_own_account),
        LEDGER_TEST(is_asked_for_after_writes_alone),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
