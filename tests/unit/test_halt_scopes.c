// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A halt of one strategy: what adds it, what it outlives, and that two steps alone release it.
// needs: daemon/halt.o daemon/halt_file.o daemon/halt_scopes.o
// needs: daemon/facts.o daemon/facts_env.o daemon/facts_files.o daemon/facts_keys.o
// needs: daemon/facts_scan.o daemon/facts_steering.o daemon/facts_dsn.o
// needs: daemon/config.o daemon/config_value.o daemon/config_option.o daemon/config_named.o
#include "tests/unit/halt_rig.h"

#include "daemon/halt_scopes.h"

static const char *const NAMES[] = {"alpha", "beta"};
static struct scopes *scopes;
static int rows;
static char row_of[64];
static struct halt_record row;

static void wrote(void *arg, const char *strategy, const struct halt_record *record)
{
    (void)arg;
    rows++;
    row = *record;
    str_copy_cut(row_of, sizeof row_of, strategy);
}

static void open_scopes(struct bench *b)
{
    scopes_free(scopes);
    scopes = scopes_new(b->dir, NAMES, 2, b->facts, &(struct scopes_ports){.write_row = wrote});
}

static int begin(void **state)
{
    int rc = set_up(state);
    rows = 0;
    scopes = NULL;
    open_scopes(*state);
    return rc;
}

static int end(void **state)
{
    scopes_free(scopes);
    return tear_down(state);
}

static enum fact_halt now_of(const struct bench *b, const char *strategy)
{
    const struct guard_facts *f = facts_view(b->facts);
    const struct scope *c = scopes_of(scopes, strategy);
    enum fact_halt told = HALT_RUNNING;
    for (size_t i = 0; i < f->scope_count; i++)
        if (str_equal(f->scopes[i].strategy, strategy))
            told = f->scopes[i].halt;
    assert_int_equal(told, c ? c->record.state : HALT_RUNNING); // the guard is told the same
    return told;
}

static void only_the_strategy_is_halted_and_never_loosened(void **state)
{
    struct bench *b = *state;
    assert_false(scopes_engage(scopes, "gamma", HALT_HALTED, "x", "cli"));
    assert_true(scopes_engage(scopes, "alpha", HALT_REDUCE_ONLY, "careful", "cli"));
    assert_int_equal(now_of(b, "alpha"), HALT_REDUCE_ONLY);
    assert_int_equal(now_of(b, "beta"), HALT_RUNNING);
    assert_string_equal(row_of, "alpha");
    assert_true(scopes_engage(scopes, "alpha", HALT_HALTED, "stop", "http"));
    assert_true(scopes_engage(scopes, "alpha", HALT_REDUCE_ONLY, "less", "http"));
    assert_true(scopes_engage(scopes, "alpha", HALT_RUNNING, "run", "http"));
    assert_int_equal(now_of(b, "alpha"), HALT_HALTED);
    assert_int_equal(rows, 2);
    assert_int_equal(row.state, HALT_HALTED);
    assert_string_equal(row.reason, "stop");
}

static void a_restart_and_an_older_database_change_nothing(void **state)
{
    struct bench *b = *state;
    assert_true(scopes_engage(scopes, "beta", HALT_HALTED, "stop", "cli"));
    open_scopes(b);
    assert_int_equal(now_of(b, "beta"), HALT_HALTED);
    assert_int_equal(now_of(b, "alpha"), HALT_RUNNING);
    rows = 0;
    scopes_set_database(scopes, "[]");
    assert_int_equal(now_of(b, "beta"), HALT_HALTED);
    assert_int_equal(rows, 1); // it is told anew
    assert_string_equal(row_of, "beta");
    scopes_set_database(
        scopes, "[{\"strategy\":\"beta\",\"state\":\"halted\",\"reason\":\"stop\",\"at\":\"2023-11-14T22:13:20Z\"}]");
    assert_int_equal(rows, 1);
    scopes_set_database(
        scopes, "[{\"strategy\":\"beta\",\"state\":\"reduce_only\",\"reason\":\"\",\"at\":\"2023-11-14T22:13:20Z\"}]");
    assert_int_equal(now_of(b, "beta"), HALT_HALTED);
    assert_int_equal(rows, 2); // the stricter one
}

static void a_row_of_postgres_adds_one(void **state)
{
    struct bench *b = *state;
    scopes_set_database(
        scopes, "[{\"strategy\":\"alpha\",\"state\":\"odd\",\"reason\":\"by hand\",\"at\":\"2030-01-01T00:00:00Z\"},"
                "{\"strategy\":\"nobody\",\"state\":\"halted\",\"reason\":\"\",\"at\":\"2030-01-01T00:00:00Z\"}]");
    assert_int_equal(now_of(b, "alpha"), HALT_HALTED); // what cannot be understood is no less than a halt
    assert_string_equal(scopes_of(scopes, "alpha")->record.reason, "by hand");
    open_scopes(b);
    assert_int_equal(now_of(b, "alpha"), HALT_HALTED); // and the file remembers
}

static void a_newer_row_that_is_less_strict_loosens_nothing(void **state)
{
    struct bench *b = *state;
    assert_true(scopes_engage(scopes, "alpha", HALT_HALTED, "stop", "cli"));
    scopes_set_database(
        scopes, "[{\"strategy\":\"alpha\",\"state\":\"reduce_only\",\"reason\":\"\",\"at\":\"2030-01-01T00:00:00Z\"}]");
    assert_int_equal(now_of(b, "alpha"), HALT_HALTED);
}

static void a_damaged_file_is_a_halt(void **state)
{
    struct bench *b = *state;
    put(b, "halt.strategy.alpha", "paperguard halt 1\nstate running\n");
    open_scopes(b);
    assert_int_equal(now_of(b, "alpha"), HALT_HALTED);
    assert_int_equal(now_of(b, "beta"), HALT_RUNNING);
}

static void release_takes_two_steps(void **state)
{
    struct bench *b = *state;
    char code[17];
    struct err err;
    assert_int_equal(scopes_release_request(scopes, "alpha", "why", "anna", code, &err), -1); // it is not halted
    assert_true(scopes_engage(scopes, "alpha", HALT_HALTED, "stop", "cli"));
    assert_int_equal(scopes_release_request(scopes, "alpha", "why", "anna", code, &err), -1);
    assert_non_null(strstr(err.text, "Postgres"));
    scopes_set_database(scopes, "[]");
    assert_int_equal(scopes_release_request(scopes, "alpha", "why", "anna", code, &err), 0);
    assert_int_equal(now_of(b, "alpha"), HALT_HALTED);
    assert_false(scopes_release_mine(scopes, "0123456789abcdef"));
    assert_int_equal(scopes_release_confirm(scopes, "0123456789abcdef", "ben", &err), -1);
    assert_true(scopes_release_mine(scopes, code));
    assert_int_equal(scopes_release_confirm(scopes, code, "ben", &err), 0);
    assert_int_equal(now_of(b, "alpha"), HALT_RUNNING);
    assert_int_equal(row.state, HALT_RUNNING);
    assert_false(scopes_release_mine(scopes, code)); // once
    // The row of before is still on its way; one of later is a halt again.
    scopes_set_database(
        scopes, "[{\"strategy\":\"alpha\",\"state\":\"halted\",\"reason\":\"stop\",\"at\":\"2023-11-14T22:13:20Z\"}]");
    assert_int_equal(now_of(b, "alpha"), HALT_RUNNING);
    open_scopes(b);
    assert_int_equal(now_of(b, "alpha"), HALT_RUNNING);
    scopes_set_database(
        scopes, "[{\"strategy\":\"alpha\",\"state\":\"halted\",\"reason\":\"no\",\"at\":\"2023-11-14T22:13:21Z\"}]");
    assert_int_equal(now_of(b, "alpha"), HALT_HALTED);
}

static void a_newer_halt_or_time_undoes_the_request(void **state)
{
    struct bench *b = *state;
    char code[17];
    struct err err;
    scopes_set_database(scopes, "[]");
    assert_true(scopes_engage(scopes, "alpha", HALT_REDUCE_ONLY, "careful", "cli"));
    assert_int_equal(scopes_release_request(scopes, "alpha", "why", "anna", code, &err), 0);
    assert_true(scopes_engage(scopes, "alpha", HALT_REDUCE_ONLY, "again", "cli"));
    assert_int_equal(scopes_release_confirm(scopes, code, "ben", &err), -1);
    assert_int_equal(scopes_release_request(scopes, "alpha", "why", "anna", code, &err), 0);
    boot_ns += 121 * NS_PER_S;
    assert_int_equal(scopes_release_confirm(scopes, code, "ben", &err), -1);
    assert_int_equal(now_of(b, "alpha"), HALT_REDUCE_ONLY);
}

static void a_file_of_the_folder_holds_it(void **state)
{
    struct bench *b = *state;
    char code[17];
    struct err err;
    scopes_set_database(scopes, "[]");
    assert_false(scopes_engage_file(scopes, "gamma", HALT_HALTED));
    assert_true(scopes_engage_file(scopes, "alpha", HALT_HALTED));
    assert_int_equal(now_of(b, "alpha"), HALT_HALTED);
    assert_int_equal(scopes_release_request(scopes, "alpha", "why", "anna", code, &err), -1);
    assert_non_null(strstr(err.text, "remove it"));
    boot_ns += 4 * NS_PER_S;
    assert_int_equal(scopes_release_request(scopes, "alpha", "why", "anna", code, &err), 0);
}

static void what_cannot_be_stored_is_not_released_and_stored_later(void **state)
{
    struct bench *b = *state;
    char code[17], path[256];
    struct err err;
    scopes_set_database(scopes, "[]");
    assert_true(scopes_engage(scopes, "alpha", HALT_HALTED, "stop", "cli"));
    assert_true(scopes_of(scopes, "alpha")->stored);
    assert_int_equal(scopes_release_request(scopes, "alpha", "why", "anna", code, &err), 0);
    path_of(b, "halt.strategy.alpha.new", path);
    assert_int_equal(mkdir(path, 0700), 0); // in the way
    assert_int_equal(scopes_release_confirm(scopes, code, "ben", &err), -1);
    assert_int_equal(now_of(b, "alpha"), HALT_HALTED);
    assert_true(scopes_engage(scopes, "beta", HALT_HALTED, "stop", "cli"));
    assert_false(scopes_of(scopes, "alpha")->stored);
    assert_int_equal(rmdir(path), 0);
    scopes_look(scopes);
    assert_true(scopes_of(scopes, "alpha")->stored);
}

// --- halt.d

static enum fact_halt seen[2];

static void on_file(void *arg, const char *strategy, enum fact_halt found)
{
    (void)arg;
    seen[str_equal(strategy, "beta")] = found;
}

static void files_of_a_strategy_do_not_halt_the_account(void **state)
{
    struct bench *b = *state;
    char path[256];
    halt_free(b->halt);
    b->halt = halt_new(
        b->dir, b->facts,
        &(struct halt_ports){
            .write_row = on_row, .strategy_file = on_file, .strategies = NAMES, .strategy_count = 2, .arg = b});
    running(b);
    path_of(b, "halt.d", path);
    assert_int_equal(mkdir(path, 0700), 0);
    seen[0] = seen[1] = HALT_RUNNING;
    put(b, "halt.d/strategy=alpha", "");
    put(b, "halt.d/reduce_only-strategy=alpha", "");
    put(b, "halt.d/reduce_only-strategy=beta", "");
    halt_check_files(b->halt);
    assert_int_equal(seen[0], HALT_HALTED);
    assert_int_equal(seen[1], HALT_REDUCE_ONLY);
    assert_int_equal(state_of(b), HALT_RUNNING);
    put(b, "halt.d/strategy=alpha2", ""); // no such strategy: whoever put it there wants something halted
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_HALTED);
}

static void a_key_of_redis_halts_the_strategy(void **state)
{
    struct bench *b = *state;
    char code[17];
    struct err err;
    scopes_set_database(scopes, "[]");
    assert_false(scopes_set_key(scopes, "gamma", HALT_HALTED, "x", "pg:halt:gamma"));
    assert_true(scopes_set_key(scopes, "alpha", HALT_RUNNING, "", "pg:halt:alpha"));
    assert_int_equal(now_of(b, "alpha"), HALT_RUNNING);
    assert_true(scopes_set_key(scopes, "alpha", HALT_REDUCE_ONLY, "careful", "pg:halt:alpha"));
    assert_int_equal(now_of(b, "alpha"), HALT_REDUCE_ONLY);
    assert_int_equal(now_of(b, "beta"), HALT_RUNNING);
    assert_string_equal(row.source, "redis");
    assert_int_equal(scopes_release_request(scopes, "alpha", "x", "anna", code, &err), -1);
    assert_string_equal(err.text, "Redis has the key pg:halt:alpha, which is a halt: delete that key first");
    assert_true(scopes_set_key(scopes, "alpha", HALT_RUNNING, "", "pg:halt:alpha"));
    assert_int_equal(now_of(b, "alpha"), HALT_REDUCE_ONLY); // a flush releases nothing
    assert_int_equal(scopes_release_request(scopes, "alpha", "x", "anna", code, &err), 0);
    assert_true(scopes_set_key(scopes, "alpha", HALT_HALTED, "now", "pg:halt:alpha"));
    assert_int_equal(scopes_release_confirm(scopes, code, "bert", &err), -1);
    boot_ns += HALT_KEY_SEEN_NS; // Redis is away
    assert_int_equal(scopes_release_request(scopes, "alpha", "x", "anna", code, &err), 0);
    assert_int_equal(scopes_release_confirm(scopes, code, "bert", &err), 0);
    assert_int_equal(now_of(b, "alpha"), HALT_RUNNING);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(only_the_strategy_is_halted_and_never_loosened),
        TEST(a_restart_and_an_older_database_change_nothing),
        TEST(a_row_of_postgres_adds_one),
        TEST(a_newer_row_that_is_less_strict_loosens_nothing),
        TEST(a_damaged_file_is_a_halt),
        TEST(release_takes_two_steps),
        TEST(a_newer_halt_or_time_undoes_the_request),
        TEST(a_file_of_the_folder_holds_it),
        TEST(what_cannot_be_stored_is_not_released_and_stored_later),
        TEST(files_of_a_strategy_do_not_halt_the_account),
        TEST(a_key_of_redis_halts_the_strategy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
