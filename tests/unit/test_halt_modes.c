// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The latch that lets what reduces leave: less than a halt, more than nothing, and as durable as either.
// needs: daemon/halt.o daemon/halt_file.o
// needs: daemon/facts.o daemon/facts_env.o daemon/facts_files.o daemon/facts_keys.o
// needs: daemon/facts_scan.o daemon/facts_steering.o daemon/facts_dsn.o
// needs: daemon/config.o daemon/config_value.o daemon/config_option.o daemon/config_named.o
#include "tests/unit/halt_rig.h"

static void a_restart_and_a_row_that_says_running_do_not_loosen_it(void **state)
{
    struct bench *b = *state;

    running(b);
    halt_engage(b->halt, HALT_REDUCE_ONLY, "careful", "http");
    restart(b);
    assert_int_equal(facts_view(b->facts)->halt_memory, HALT_REDUCE_ONLY); // from the file, which may go
    assert_int_equal(facts_view(b->facts)->halt_file, HALT_REDUCE_ONLY);
    b->rows = 0;
    halt_set_database(b->halt, true, true, HALT_RUNNING, "an older copy");
    assert_int_equal(state_of(b), HALT_REDUCE_ONLY);
    assert_int_equal(b->rows, 1); // Postgres is told anew
    assert_int_equal(b->row.state, HALT_REDUCE_ONLY);
    assert_string_equal(b->row.reason, "careful");
}

static void the_stricter_of_memory_and_postgres_counts(void **state)
{
    struct bench *b = *state;

    running(b);
    halt_engage(b->halt, HALT_HALTED, "stop", "http");
    b->rows = 0;
    halt_set_database(b->halt, true, true, HALT_REDUCE_ONLY, "careful");
    assert_int_equal(state_of(b), HALT_HALTED);
    assert_int_equal(b->rows, 1);
    assert_int_equal(b->row.state, HALT_HALTED);
    restart(b);
    assert_int_equal(facts_view(b->facts)->halt_memory, HALT_HALTED);
}

static void postgres_makes_reduce_only_a_halt(void **state)
{
    struct bench *b = *state;

    running(b);
    halt_set_database(b->halt, true, true, HALT_REDUCE_ONLY, "careful");
    assert_int_equal(state_of(b), HALT_REDUCE_ONLY);
    halt_set_database(b->halt, true, true, HALT_HALTED, "stop");
    assert_int_equal(state_of(b), HALT_HALTED);
    halt_set_database(b->halt, true, true, HALT_REDUCE_ONLY, "careful");
    assert_int_equal(state_of(b), HALT_HALTED);
}

static void what_cannot_be_read_denies_more_than_it(void **state)
{
    struct bench *b = *state;

    running(b);
    halt_engage(b->halt, HALT_REDUCE_ONLY, "careful", "http");
    put(b, "halt.state", "paperguard halt 1\nstate running\n");
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_UNKNOWN);
    assert_int_equal(facts_view(b->facts)->halt_memory, HALT_REDUCE_ONLY);
}

static void a_file_of_another_life_is_taken_over(void **state)
{
    struct bench *b = *state;
    char strict[2048], path[256];

    running(b);
    halt_engage(b->halt, HALT_HALTED, "stop", "http");
    path_of(b, "halt.state", path);
    FILE *f = fopen(path, "r");
    strict[fread(strict, 1, sizeof strict - 1, f)] = '\0';
    fclose(f);
    drop(b, "halt.state");
    restart(b);
    halt_engage(b->halt, HALT_REDUCE_ONLY, "careful", "http");
    put(b, "halt.state", strict);
    halt_check_files(b->halt);
    assert_int_equal(facts_view(b->facts)->halt_memory, HALT_HALTED);
}

static void the_strictest_file_of_the_folder_counts(void **state)
{
    static const char *const names[][3] = {{"halt.d/reduce_only", "halt.d/reduce_only-2", "halt.d/all"},
                                           {"halt.d/all", "halt.d/reduce_only", "halt.d/reduce_only-2"},
                                           {"halt.d/reduce_only-2", "halt.d/all", "halt.d/reduce_only"}};
    struct bench *b = *state;
    char path[256], name[HALT_TEXT_MAX];
    struct err err;

    path_of(b, "halt.d", path);
    assert_int_equal(mkdir(path, 0700), 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) { // in whatever order the folder tells them
        for (size_t k = 0; k < 3; k++)
            put(b, names[i][k], "");
        assert_int_equal(halt_folder_look(b->dir, name, NULL, &err), 1);
        assert_string_equal(name, "all");
        for (size_t k = 0; k < 3; k++)
            drop(b, names[i][k]);
    }
    running(b);
    put(b, "halt.d/reduce_only-now", "");
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_REDUCE_ONLY);
    put(b, "halt.d/now", "");
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_HALTED);
}

// It is a halt as any other, which no flush releases; and it is not released while it stands.
static void a_key_of_redis_adds_a_halt_and_releases_none(void **state)
{
    struct bench *b = *state;
    char code[17];
    struct err err;
    running(b);
    halt_set_key(b->halt, HALT_RUNNING, "", "pg:halt");
    assert_int_equal(state_of(b), HALT_RUNNING);
    assert_int_equal(b->rows, 0);
    halt_set_key(b->halt, HALT_HALTED, "fat finger", "pg:halt");
    assert_int_equal(state_of(b), HALT_HALTED);
    assert_int_equal(b->rows, 1);
    assert_string_equal(b->row.source, "redis");
    assert_string_equal(b->row.reason, "fat finger");
    halt_set_key(b->halt, HALT_REDUCE_ONLY, "reduce_only", "pg:halt");
    assert_int_equal(state_of(b), HALT_HALTED);
    assert_int_equal(halt_release_request(b->halt, "x", "anna", code, &err), -1);
    assert_string_equal(err.text, "Redis has the key pg:halt, which is a halt: delete that key first");
    halt_set_key(b->halt, HALT_RUNNING, "", "pg:halt");
    assert_int_equal(state_of(b), HALT_HALTED);
    assert_int_equal(halt_release_request(b->halt, "x", "anna", code, &err), 0); // at once
    restart(b);
    assert_int_equal(halt_state(b->halt), HALT_HALTED);
    halt_set_database(b->halt, true, true, HALT_HALTED, "fat finger");
    assert_int_equal(halt_release_request(b->halt, "x", "anna", code, &err), 0);
    halt_set_key(b->halt, HALT_HALTED, "again", "pg:halt");
    halt_set_key(b->halt, HALT_RUNNING, "", "pg:halt");
    assert_int_equal(halt_release_confirm(b->halt, code, "bert", &err), -1); // what was asked for before does not count
    halt_set_key(b->halt, HALT_HALTED, "again", "pg:halt");
    boot_ns += HALT_KEY_SEEN_NS; // Redis is away: it does not keep the halt for ever
    assert_int_equal(halt_release_request(b->halt, "x", "anna", code, &err), 0);
    assert_int_equal(halt_release_confirm(b->halt, code, "bert", &err), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_restart_and_a_row_that_says_running_do_not_loosen_it),
        TEST(the_stricter_of_memory_and_postgres_counts),
        TEST(postgres_makes_reduce_only_a_halt),
        TEST(what_cannot_be_read_denies_more_than_it),
        TEST(a_file_of_another_life_is_taken_over),
        TEST(the_strictest_file_of_the_folder_counts),
        TEST(a_key_of_redis_adds_a_halt_and_releases_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
