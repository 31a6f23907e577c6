// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The Postgres client: transactions, the order of completions, statements that fail. Run from the root of the tree.
#include "tests/unit/pg_client_rig.h"

static const struct pg_statement note_of = {"note_of", "SELECT note FROM t WHERE id = $1"};
static const struct pg_statement broken_sql = {"broken_sql", "SELECT nothing FROM nowhere"};
static const struct pg_statement late_check = {"late_check", "INSERT INTO d(id, parent) VALUES ($1, $2)"};

static void a_batch_is_one_transaction(void **state)
{
    (void)state;
    struct pg_client *c = client_up();
    ask(c, &delete_all, NULL);
    const char *one[] = {"1", "first"}, *two[] = {"2", NULL}, *twice[] = {"1", "again"}, *three[] = {"3", "x"};
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &insert_row, 2, one);
    pg_batch_add(b, &insert_row, 2, two);
    assert_int_equal(pg_batch_size(b), 2);
    size_t before = seen.count;
    pg_submit(c, b, on_done, tag(1));
    assert_int_equal(seen.count, before); // never from within
    wait_seen(before + 1);
    assert_int_equal(seen.outcomes[before], PG_COMMITTED);
    assert_int_equal(seen.results, 2);
    assert_int_equal(seen.affected, 1);

    b = pg_batch_new();
    pg_batch_add(b, &insert_row, 2, three);
    pg_batch_add(b, &insert_row, 2, twice);
    pg_batch_add(b, &count_rows, 0, NULL);
    pg_submit(c, b, on_done, tag(2));
    wait_seen(before + 2);
    assert_int_equal(seen.outcomes[before + 1], PG_FAILED);
    assert_int_equal(seen.failed_at, 1);
    assert_string_equal(seen.sqlstate, "23505");
    assert_int_equal(seen.results, 0);
    assert_string_equal(ask(c, &count_rows, NULL), "2"); // row 3 went with it
    assert_string_equal(ask(c, &note_of, "1"), "first");
    ask(c, &note_of, "2");
    assert_true(seen.first_is_null);
    ask(c, &note_of, "77");
    assert_int_equal(seen.rows, 0);
    pg_client_free(c);
}

static void completions_come_in_order_and_failures_stay_alone(void **state)
{
    (void)state;
    struct pg_client *c = client_up();
    ask(c, &delete_all, NULL);
    seen.count = 0;
    for (int i = 0; i < 400; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i % 10 == 9 ? i - 1 : i); // every tenth collides with the one before
        submit(c, i, &insert_row, id, "pipelined");
    }
    assert_int_equal(pg_client_queued(c), 400);
    wait_seen(400);
    for (int i = 0; i < 400; i++) {
        assert_int_equal(seen.tags[i], i);
        assert_int_equal(seen.outcomes[i], i % 10 == 9 ? PG_FAILED : PG_COMMITTED);
    }
    assert_string_equal(ask(c, &count_rows, NULL), "360");
    pg_client_free(c);
}

// The first use of a statement that cannot be prepared must not harm what shares the pipeline with it.
static void a_statement_that_cannot_be_prepared_fails_its_own_batch(void **state)
{
    (void)state;
    struct pg_client *c = client_up();
    submit(c, 0, &broken_sql, NULL, NULL);
    submit(c, 1, &count_rows, NULL, NULL);
    submit(c, 2, &broken_sql, NULL, NULL);
    wait_seen(3);
    assert_int_equal(seen.outcomes[0], PG_FAILED);
    assert_int_equal(seen.outcomes[1], PG_COMMITTED);
    assert_int_equal(seen.outcomes[2], PG_FAILED);
    assert_string_equal(seen.sqlstate, "42P01"); // the cause, not "prepared statement does not exist"
    run_script(c, "CREATE TABLE nowhere(nothing int)", PG_COMMITTED);
    ask(c, &broken_sql, NULL);
    run_script(c, "ALTER TABLE nowhere ALTER nothing TYPE text", PG_COMMITTED); // a known plan must not linger
    ask(c, &broken_sql, NULL);
    run_script(c, "DROP TABLE nowhere", PG_COMMITTED);
    pg_client_free(c);
}

static void a_failed_first_use_keeps_the_preparation(void **state)
{
    (void)state;
    struct pg_client *c = client_up();
    ask(c, &delete_all, NULL);
    seen.count = 0;
    submit(c, 0, &insert_row, "not a number", NULL);
    submit(c, 1, &insert_row, "5", NULL);
    wait_seen(2);
    assert_int_equal(seen.outcomes[0], PG_FAILED);
    assert_int_equal(seen.outcomes[1], PG_COMMITTED);
    seen.count = 0;
    submit(c, 0, &insert_row, "s3cret-value", NULL);
    wait_seen(1);
    assert_string_equal(seen.sqlstate, "22P02");
    assert_null(strstr(seen.detail, "s3cret")); // values stay out of the text
    pg_client_free(c);
}

static void bytes_that_are_no_text_do_not_lose_a_batch(void **state)
{
    (void)state;
    struct pg_client *c = client_up();
    ask(c, &delete_all, NULL);
    seen.count = 0;
    submit(c, 0, &insert_row, "1", "caf\xe9 \xe2\x82 \xed\xa0\x80 \xe2\x82\xac"); // Latin-1, cut, a surrogate, a euro
    wait_seen(1);
    assert_int_equal(seen.outcomes[0], PG_COMMITTED);
    assert_string_equal(ask(c, &note_of, "1"), "caf? ?? ??? \xe2\x82\xac");
    pg_client_free(c);
}

static void a_commit_that_fails_is_a_failure(void **state)
{
    (void)state;
    struct pg_client *c = client_up();
    run_script(
        c,
        "CREATE TABLE IF NOT EXISTS d(id int PRIMARY KEY, parent int REFERENCES d DEFERRABLE INITIALLY DEFERRED);"
        "DELETE FROM d",
        PG_COMMITTED);
    seen.count = 0;
    submit(c, 0, &late_check, "1", "99"); // judged at commit only
    submit(c, 1, &late_check, "2", "2");
    wait_seen(2);
    assert_int_equal(seen.outcomes[0], PG_FAILED);
    assert_int_equal(seen.outcomes[1], PG_COMMITTED);
    pg_client_free(c);
}

static void scripts_are_one_transaction(void **state)
{
    (void)state;
    struct pg_client *c = client_up();
    ask(c, &delete_all, NULL);
    seen.count = 0;
    submit(c, 1, &insert_row, "1", NULL);
    pg_submit_script(c, "INSERT INTO t VALUES (2); SELECT 'kept' AS word; INSERT INTO t VALUES (3) -- end", on_done,
                     tag(2));
    submit(c, 3, &insert_row, "4", NULL);
    wait_seen(3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(seen.tags[i], i + 1);
        assert_int_equal(seen.outcomes[i], PG_COMMITTED);
    }
    assert_string_equal(seen.first, "kept");
    run_script(c, "INSERT INTO t VALUES (10); INSERT INTO t VALUES (1)", PG_FAILED);
    assert_string_equal(seen.sqlstate, "23505");
    assert_string_equal(ask(c, &count_rows, NULL), "4");
    run_script(c, "syntax nonsense", PG_FAILED);
    assert_string_equal(ask(c, &count_rows, NULL), "4");
    pg_client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_one_transaction),
        cmocka_unit_test(completions_come_in_order_and_failures_stay_alone),
        cmocka_unit_test(a_statement_that_cannot_be_prepared_fails_its_own_batch),
        cmocka_unit_test(a_failed_first_use_keeps_the_preparation),
        cmocka_unit_test(bytes_that_are_no_text_do_not_lose_a_batch),
        cmocka_unit_test(a_commit_that_fails_is_a_failure),
        cmocka_unit_test(scripts_are_one_transaction),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
