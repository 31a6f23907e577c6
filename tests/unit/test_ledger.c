// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The ledger's life against a private Postgres: setting up, refusing what is not ours, migrating, halts, the first
// account, losing the server and coming back. Run from the root of the tree.
//
// needs: daemon/ledger.o daemon/ledger_values.o daemon/ledger_schema.o daemon/ledger_records.o daemon/ledger_upkeep.o
// needs: daemon/ledger_call.o daemon/ledger_runs.o daemon/ledger_plan.o daemon/ledger_orders.o daemon/ledger_fills.o
// needs: daemon/ledger_read.o
// needs: daemon/ledger_mark.o
#include "ledger_fixture.h"

#include "daemon/ledger_internal.h"
#include "sql_gen.h"

#define MIGRATIONS (ARRAY_LEN(SQL_MIGRATIONS) - 1)

static void init_marks_an_empty_database(void **state)
{
    (void)state;
    struct err err;
    use_database(true);
    assert_sql("SELECT environment, created_host FROM environment_marker", "staging|host-a");
    assert_sql("SELECT count(*) = max(version) FROM schema_migrations", "t");
    assert_sql("SELECT host, instance, state FROM halt_state", "host-a|default|running");
    assert_int_equal(ledger_init_database(dsn, NULL, "staging", "host-b", "default", T0, &err), -1);
    assert_non_null(strstr(err.text, "marked already, for environment staging"));
    assert_sql("SELECT count(*) FROM hosts", "1");
}

static void init_refuses_what_is_not_empty(void **state)
{
    (void)state;
    struct err err;
    use_database(false);
    sql("CREATE TABLE customers (id int)");
    assert_int_equal(ledger_init_database(dsn, NULL, "staging", "host-a", "default", T0, &err), -1);
    assert_non_null(strstr(err.text, "customers"));
    assert_sql("SELECT to_regclass('environment_marker') IS NULL", "t");
    sql("DROP TABLE customers");
    assert_int_equal(ledger_init_database(dsn, NULL, "prod", "host-a", "default", T0, &err), -1);
    assert_non_null(strstr(err.text, "dev or staging"));
    assert_int_equal(ledger_init_database("host=/nonexistent dbname=x", NULL, "dev", "host-a", "", T0, &err), -1);
    assert_non_null(strstr(err.text, "cannot be reached"));
    assert_int_equal(ledger_init_database(dsn, NULL, "dev", "it's \\ host", "", T0, &err), 0);
    assert_sql("SELECT host, instance FROM halt_state", "it's \\ host|default");
}

static void a_marked_database_becomes_ready(void **state)
{
    (void)state;
    use_database(true);
    ledger = start_on("host-a", "staging", &said);
    assert_int_equal(ledger_state_of(ledger), LEDGER_CONNECTING);
    assert_false(said.halt_known);
    WAIT_FOR(said.state == LEDGER_READY);
    assert_int_equal(ledger_state_of(ledger), LEDGER_READY);
    assert_true(said.halt_known && said.host_seen && said.first_known);
    assert_int_equal(said.halt, HALT_RUNNING);
    assert_string_equal(said.first, "");
    assert_true(said.answered > 0);
    finish();
    ledger = start_on("host-b", "staging", &said); // another host has no halt row
    WAIT_FOR(said.state == LEDGER_READY);
    assert_true(said.halt_known);
    assert_false(said.host_seen);
    finish();
}

static void an_unmarked_database_is_refused(void **state)
{
    (void)state;
    use_database(false);
    ledger = start_on("host-a", "staging", &said);
    CALL(ledger_run_claim(ledger, &(struct run_row){.id = "r"}, on_claim, NULL)); // not ready: DOWN, later
    assert_int_equal(got.result, LEDGER_DOWN);
    WAIT_FOR(said.state == LEDGER_UNMARKED);
    assert_non_null(strstr(said.detail, "paperguard db init"));
    assert_sql("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public'",
               "0");
    CALL(ledger_run_claim(ledger, &(struct run_row){.id = "r"}, on_claim, NULL));
    assert_int_equal(got.result, LEDGER_DOWN);
    finish();
}

static void another_environment_is_refused(void **state)
{
    (void)state;
    use_database(true);
    ledger = start_on("host-a", "dev", &said);
    WAIT_FOR(said.state == LEDGER_MISMATCH);
    assert_non_null(strstr(said.detail, "staging"));
    assert_non_null(strstr(said.detail, "dev"));
    sql("INSERT INTO accounts VALUES ('" ACCOUNT "', '2026-10-08Z', 'h', 'i')");
    struct run_row row = a_run("run-a", "manual");
    CALL(ledger_run_claim(ledger, &row, on_claim, NULL));
    assert_int_equal(got.result, LEDGER_DOWN);
    assert_sql("SELECT count(*) FROM runs", "0");
    finish();
}

// A marked database as the program that knew only the first `version` migrations left it.
static void use_database_at(size_t version)
{
    struct text script;
    char command[400];
    use_database(false);
    text_init(&script, 4u << 20);
    text_add(&script, "BEGIN;\nSET LOCAL search_path = public;\n");
    for (size_t i = 0; i < version; i++)
        ledger_migration_write(&SQL_MIGRATIONS[i], T0, &script);
    text_add(&script, "INSERT INTO environment_marker (environment, created_at, created_host) VALUES ('staging', "
                      "'2026-10-08T15:30:18Z', 'host-a');\nCOMMIT;\n");
    assert_false(script.overflow);
    snprintf(command, sizeof command, "psql -X -q -v ON_ERROR_STOP=1 '%s' >/dev/null", dsn);
    FILE *f = popen(command, "w");
    assert_non_null(f);
    fputs(text_str(&script), f);
    assert_int_equal(pclose(f), 0);
    text_free(&script);
}

// From the first and from the version before, with two daemons at once: one of them applies what is missing, once.
static void missing_migrations_are_applied(void **state)
{
    (void)state;
    for (size_t version = 1; version < MIGRATIONS; version = version == 1 ? MIGRATIONS - 1 : MIGRATIONS) {
        char expected[16];
        use_database_at(version);
        ledger = start_on("host-a", "staging", &said);
        struct ledger *other = start_on("host-b", "staging", &said_other);
        WAIT_FOR(said.state == LEDGER_READY && said_other.state == LEDGER_READY);
        snprintf(expected, sizeof expected, "%zu %zu", MIGRATIONS, MIGRATIONS);
        assert_sql("SELECT count(*) || ' ' || max(version) FROM schema_migrations", expected);
        ledger_free(other);
        finish();
    }
}

// What statements of a program lean on: columns in their order (rows are built whole), and functions with their
// arguments.
static void shape(char *out, size_t size, size_t version, const char *tables, const char *functions)
{
    char text[12000];
    use_database_at(version);
    snprintf(
        text, sizeof text,
        "SELECT md5(coalesce((SELECT string_agg(concat_ws(' ', table_name, ordinal_position, column_name, data_type, "
        "is_nullable), ',' ORDER BY table_name, ordinal_position) FROM information_schema.columns WHERE "
        "table_schema = 'public' AND table_name IN (SELECT unnest(string_to_array('%s', ','))))"
        ", '')) || md5(coalesce((SELECT string_agg(f, ',' ORDER BY f) FROM (SELECT oid::regprocedure::text || ' ' || "
        "pg_get_function_result(oid) AS f FROM pg_proc WHERE pronamespace = 'public'::regnamespace) x WHERE f IN "
        "(SELECT unnest(string_to_array('%s', ';')))), ''))",
        tables, functions);
    str_copy_cut(out, size, sql(text));
    assert_int_equal(strlen(out), 64);
}

// A program that is one version behind goes on with the database when the migration says so: then it finds everything
// that it knows as it was.
static void what_a_migration_calls_compatible_is(void **state)
{
    (void)state;
    for (size_t version = MIGRATIONS - 1; version <= MIGRATIONS; version++) { // older ones never change again
        char tables[2000], functions[6000], before[80], after[80];
        if (ledger_migration_compatible_from(&SQL_MIGRATIONS[version - 1]) >= (int)version)
            continue;
        use_database_at(version - 1);
        str_copy_cut(tables, sizeof tables,
                     sql("SELECT string_agg(relname, ',' ORDER BY 1) FROM pg_class WHERE "
                         "relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')"));
        str_copy_cut(
            functions, sizeof functions,
            sql("SELECT string_agg(oid::regprocedure::text || ' ' || pg_get_function_result(oid), ';' ORDER BY 1) "
                "FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prorettype <> 'trigger'::regtype"));
        assert_true(strlen(tables) > 100 && strlen(functions) > 100);
        shape(before, sizeof before, version - 1, tables, functions);
        shape(after, sizeof after, version, tables, functions);
        if (strcmp(before, after) != 0)
            fail_msg("%s changes what older programs lean on", SQL_MIGRATIONS[version - 1].name);
    }
}

static void a_changed_migration_is_refused(void **state)
{
    (void)state;
    use_database(true);
    sql("ALTER TABLE schema_migrations DISABLE TRIGGER USER; UPDATE schema_migrations SET checksum = repeat('a', 64) "
        "WHERE "
        "version = 2");
    ledger = start_on("host-a", "staging", &said);
    WAIT_FOR(said.state == LEDGER_MISMATCH);
    assert_non_null(strstr(said.detail, "0002_runs"));
    finish();
}

// The row that a program which is `newer` migrations ahead of us leaves: it works with ours and `from` more.
static void sql_newer(size_t newer, const char *name, size_t from)
{
    char text[200];
    snprintf(text, sizeof text,
             "INSERT INTO schema_migrations VALUES (%zu, '%04zu_%s', repeat('b', 64), %zu, '2026-10-08T00:00:00Z')",
             MIGRATIONS + newer, MIGRATIONS + newer, name, MIGRATIONS + from);
    assert_sql(text, "");
}

static void a_newer_schema_is_fine_when_it_says_so(void **state)
{
    (void)state;
    use_database(true);
    sql_newer(1, "next", 0);
    ledger = start_on("host-a", "staging", &said);
    WAIT_FOR(said.state == LEDGER_READY);
    finish();
    sql_newer(2, "break", 2);
    ledger = start_on("host-a", "staging", &said);
    WAIT_FOR(said.state == LEDGER_MISMATCH);
    assert_non_null(strstr(said.detail, "_break"));
    finish();
}

static void the_first_account_stays(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    assert_string_equal(said.first, ACCOUNT);
    said.first[0] = '\0';
    ledger_account_seen(ledger, "PA3OTHEROTHER", T0);
    WAIT_FOR(said.first[0]);
    assert_string_equal(said.first, ACCOUNT);
    assert_sql("SELECT count(*) FROM accounts", "1");
    finish();
    ledger = start_on("host-a", "staging", &said);
    WAIT_FOR(said.state == LEDGER_READY);
    assert_string_equal(said.first, ACCOUNT);
    finish();
    assert_non_null(
        strstr(sql("INSERT INTO accounts VALUES ('123456789', '2026-10-08Z', 'h', 'i')"), "violates check"));
}

static void halts_are_written_and_read_back(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    ledger_halt_write(ledger, NULL, HALT_HALTED, "drill", "cli", T0);
    WAIT_FOR(said.halt == HALT_HALTED);
    assert_string_equal(said.halt_reason, "drill");
    ledger_halt_write(ledger, NULL, HALT_REDUCE_ONLY, "half", "cli", T0 + SECOND);
    ledger_halt_write(ledger, NULL, HALT_RUNNING, "over", "cli", T0 + 2 * SECOND);
    WAIT_FOR(said.halt == HALT_RUNNING);
    assert_sql("SELECT string_agg(state, ' ' ORDER BY event_id) FROM halt_events",
               "running halted reduce_only running");
    sql("UPDATE halt_state SET state = 'halted', reason = 'by hand'"); // somebody else: the heartbeat sees it
    WAIT_FOR(said.halt == HALT_HALTED);
    finish();
    assert_non_null(strstr(sql("DELETE FROM halt_events"), "keeps what it holds"));
}

static void a_halt_waits_for_the_database(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    tool("crash");
    WAIT_FOR(said.state == LEDGER_CONNECTING);
    assert_false(said.halt_known);
    ledger_halt_write(ledger, NULL, HALT_HALTED, "database gone", "watch", T0);
    tool("start");
    WAIT_FOR(said.state == LEDGER_READY);
    WAIT_FOR(said.halt == HALT_HALTED);
    assert_sql("SELECT reason FROM halt_state", "database gone");
    assert_string_equal(said.first, ACCOUNT);
    finish();
}

static void a_broken_connection_is_asked_again_by_key(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    struct run_row row = a_run("run-1", "2026-10-08T19:30:00Z");
    clear_got();
    ledger_run_claim(ledger, &row, on_claim, NULL);
    loop_step(loop, 0); // on its way
    tool("crash");
    WAIT_FOR(got.done == 1);
    bool doubtful = got.result == LEDGER_LOST || got.result == LEDGER_DOWN || got.result == LEDGER_OK;
    assert_true(doubtful);
    tool("start");
    WAIT_FOR(said.state == LEDGER_READY && said.readies == 2);
    CALL(ledger_run_claim(ledger, &row, on_claim, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    assert_false(got.taken); // ours, whether the first one was committed or not
    assert_sql("SELECT count(*) FROM runs", "1");
    finish();
}

static void a_call_cut_off_in_the_middle_is_all_or_nothing(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(1000);
    // Ends this very connection in the middle of the transaction: the fill is in, its postings are not.
    sql("CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM "
        "pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'paperguard ledger' AND datname = "
        "current_database(); RETURN NULL; END $$; CREATE TRIGGER cut AFTER INSERT ON fills EXECUTE FUNCTION cut()");
    struct alpaca_fill f = a_fill("f1", "foreign", ORDER_BUY, 2, 10);
    CALL(ledger_fills_record(ledger, ACCOUNT, &f, 1, T0, on_fills, NULL));
    assert_true(got.result == LEDGER_LOST || got.result == LEDGER_DOWN);
    assert_sql("SELECT count(*) FROM fills", "0");
    sql("DROP TRIGGER cut ON fills");
    WAIT_FOR(said.state == LEDGER_READY && said.readies == 2);
    CALL(ledger_fills_record(ledger, ACCOUNT, &f, 1, T0, on_fills, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    CALL(ledger_books_load(ledger, ACCOUNT, on_books, NULL));
    assert_int_equal(held("unassigned", "SPY"), QTY(2).nanos);
    assert_int_equal(got.cash.nanos, MONEY(980).nanos);
    finish();
}

static void decisions_are_chained_and_floods_counted(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    uint64_t left_out, dropped;
    for (int i = 0; i < 500; i++)
        ledger_decision(ledger, "guard", "pg1-x", "denied", "halt", "halted", T0);
    for (int i = 0; i < 30; i++)
        ledger_decision(ledger, "guard", "pg1-y", "allowed", "", i == 7 ? "bad \xff byte" : "fine", T0);
    ledger_alert(ledger, "ledger_mismatch", "SPY", "ledger 1, broker 2", T0);
    ledger_record_counts(ledger, &left_out, &dropped);
    assert_int_equal(left_out, 490);
    assert_int_equal(dropped, 0);
    ledger_decision(ledger, "guard", "pg1-z", "denied", "halt", "halted",
                    T0 + SECOND); // the next second tells the count
    WAIT_FOR(strcmp(sql("SELECT count(*) FROM decisions"), "42") == 0);
    assert_sql("SELECT detail FROM decisions WHERE answer = 'suppressed'", "490 more within a second");
    assert_sql("SELECT detail FROM decisions WHERE detail LIKE 'bad%'", "bad ? byte");
    assert_sql("SELECT count(*) FROM broken_decisions", "0");
    assert_sql("SELECT kind, subject, detail FROM alerts", "ledger_mismatch|SPY|ledger 1, broker 2");
    assert_non_null(strstr(sql("UPDATE decisions SET answer = 'pass'"), "keeps what it holds"));
    sql("ALTER TABLE decisions DISABLE TRIGGER USER; UPDATE decisions SET answer = 'pass' WHERE seq = 5");
    assert_sql("SELECT seq FROM broken_decisions", "5");
    sql("UPDATE decisions SET answer = 'denied' WHERE seq = 5");
    assert_sql("SELECT count(*) FROM broken_decisions", "0");
    sql("DELETE FROM decisions WHERE seq = 42");
    assert_sql("SELECT seq FROM broken_decisions", "42");
    finish();
}

static void what_did_not_fit_is_told_in_the_chain(void **state)
{
    (void)state;
    uint64_t left_out, dropped;
    use_database(true);
    ledger = start_on("host-a", "staging", &said); // Postgres has not answered yet
    for (int i = 0; i < 2053; i++)
        ledger_decision(ledger, "guard", "pg1-x", "allowed", "", "fine", T0);
    ledger_record_counts(ledger, &left_out, &dropped);
    assert_int_equal(dropped, 5);
    WAIT_FOR(strcmp(sql("SELECT count(*) FROM decisions"), "2049") == 0);
    assert_sql("SELECT kind, detail FROM decisions WHERE answer = 'dropped'",
               "ledger|5 decisions and alerts were not kept");
    assert_sql("SELECT count(*) FROM broken_decisions", "0");
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(init_marks_an_empty_database),
        LEDGER_TEST(init_refuses_what_is_not_empty),
        LEDGER_TEST(a_marked_database_becomes_ready),
        LEDGER_TEST(an_unmarked_database_is_refused),
        LEDGER_TEST(another_environment_is_refused),
        LEDGER_TEST(missing_migrations_are_applied),
        LEDGER_TEST(what_a_migration_calls_compatible_is),
        LEDGER_TEST(a_changed_migration_is_refused),
        LEDGER_TEST(a_newer_schema_is_fine_when_it_says_so),
        LEDGER_TEST(the_first_account_stays),
        LEDGER_TEST(halts_are_written_and_read_back),
        LEDGER_TEST(a_halt_waits_for_the_database),
        LEDGER_TEST(a_broken_connection_is_asked_again_by_key),
        LEDGER_TEST(a_call_cut_off_in_the_middle_is_all_or_nothing),
        LEDGER_TEST(decisions_are_chained_and_floods_counted),
        LEDGER_TEST(what_did_not_fit_is_told_in_the_chain),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
