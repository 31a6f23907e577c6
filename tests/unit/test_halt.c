// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The latch: what denies, what survives a restart, and that only two steps release. Time is the test's own.
// needs: daemon/halt.o daemon/halt_file.o
// needs: daemon/facts.o daemon/facts_env.o daemon/facts_files.o daemon/facts_keys.o
// needs: daemon/facts_scan.o daemon/facts_steering.o daemon/facts_dsn.o
// needs: daemon/config.o daemon/config_value.o daemon/config_option.o daemon/config_named.o
#include "tests/unit/halt_rig.h"

static void release(struct bench *b)
{
    char code[17];
    struct err err = {""};

    if (halt_release_request(b->halt, "checked", "anna", code, &err) ||
        halt_release_confirm(b->halt, code, "bert", &err))
        fail_msg("%s", err.text);
}

static void test_first_start(void **state)
{
    struct bench *b = *state;

    assert_int_equal(state_of(b), HALT_UNKNOWN); // nothing is known yet
    halt_check_files(b->halt);
    assert_false(there(b, "halt.state"));
    halt_set_database(b->halt, false, false, HALT_UNKNOWN, "down");
    assert_false(there(b, "halt.state"));
    halt_set_database(b->halt, true, false, HALT_UNKNOWN, "");
    assert_true(there(b, "halt.state"));
    assert_int_equal(b->rows, 1);
    assert_int_equal(b->row.state, HALT_RUNNING);
    assert_int_equal(state_of(b), HALT_UNKNOWN); // until the row is read back
    halt_set_database(b->halt, true, true, HALT_RUNNING, b->row.reason);
    assert_int_equal(state_of(b), HALT_RUNNING);
    assert_int_equal(b->rows, 1);
}

static void test_set_up_row_is_a_first_start(void **state)
{
    struct bench *b = *state;

    halt_set_database(b->halt, true, true, HALT_RUNNING, FACTS_HALT_REASON_SET_UP);
    assert_true(there(b, "halt.state"));
    assert_int_equal(b->rows, 1); // so that the next start is no first one
    assert_string_not_equal(b->row.reason, FACTS_HALT_REASON_SET_UP);
    assert_int_equal(state_of(b), HALT_RUNNING);
}

// A host Postgres knows, without its file: somebody took it away.
static void test_missing_file_on_a_known_host(void **state)
{
    struct bench *b = *state;

    halt_set_database(b->halt, true, true, HALT_RUNNING, "first start on this host");
    assert_int_equal(state_of(b), HALT_UNKNOWN);
    halt_check_files(b->halt);
    assert_false(there(b, "halt.state"));
    assert_non_null(strstr(facts_view(b->facts)->halt_detail, "missing"));
    release(b);
    assert_true(there(b, "halt.state"));
    assert_int_equal(state_of(b), HALT_RUNNING);
}

static void test_file_vanishes_while_running(void **state)
{
    struct bench *b = *state;

    running(b);
    drop(b, "halt.state");
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_UNKNOWN);
    halt_set_database(b->halt, true, true, HALT_RUNNING, "first start on this host");
    assert_false(there(b, "halt.state"));
}

static void test_engage(void **state)
{
    struct bench *b = *state;

    running(b);
    halt_engage(b->halt, HALT_REDUCE_ONLY, "careful", "http");
    assert_int_equal(state_of(b), HALT_REDUCE_ONLY);
    assert_int_equal(b->row.state, HALT_REDUCE_ONLY);
    halt_engage(b->halt, HALT_HALTED, "stop\nnow", "http");
    assert_int_equal(state_of(b), HALT_HALTED);
    assert_int_equal(b->rows, 2);
    halt_engage(b->halt, HALT_REDUCE_ONLY, "less", "http"); // never looser
    halt_engage(b->halt, HALT_RUNNING, "run", "http");
    assert_int_equal(state_of(b), HALT_HALTED);
    assert_int_equal(b->rows, 2);
    assert_non_null(strstr(facts_view(b->facts)->halt_detail, "stop"));
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_HALTED);
    restart(b); // survives, whatever Postgres says, and is carried to it
    assert_int_equal(state_of(b), HALT_HALTED);
    halt_set_database(b->halt, true, true, HALT_RUNNING, "first start on this host");
    assert_int_equal(state_of(b), HALT_HALTED);
    assert_int_equal(b->rows, 3);
    assert_int_equal(b->row.state, HALT_HALTED);
    assert_string_equal(b->row.reason, "stop now");
}

static void test_unknown_engages_as_halt(void **state)
{
    struct bench *b = *state;

    running(b);
    halt_engage(b->halt, HALT_UNKNOWN, NULL, NULL);
    assert_int_equal(state_of(b), HALT_HALTED);
}

static void test_database_halts(void **state)
{
    struct bench *b = *state;

    running(b);
    halt_set_database(b->halt, true, true, HALT_HALTED, "from elsewhere");
    assert_int_equal(state_of(b), HALT_HALTED);
    halt_set_database(b->halt, true, true, HALT_RUNNING, "row edited"); // a row does not release
    assert_int_equal(state_of(b), HALT_HALTED);
    assert_int_equal(b->row.state, HALT_HALTED); // it is told again
    restart(b);
    assert_int_equal(facts_view(b->facts)->halt_file, HALT_HALTED); // and the file remembers
}

static void test_database_goes_away(void **state)
{
    struct bench *b = *state;

    running(b);
    halt_set_database(b->halt, false, false, HALT_UNKNOWN, "Postgres is not connected");
    assert_int_equal(state_of(b), HALT_UNKNOWN);
    assert_non_null(strstr(facts_view(b->facts)->halt_detail, "not connected"));
    halt_set_database(b->halt, true, true, HALT_RUNNING, "first start on this host");
    assert_int_equal(state_of(b), HALT_RUNNING);
}

static void test_odd_files(void **state)
{
    struct bench *b = *state;
    char good[2048], path[256];

    running(b);
    path_of(b, "halt.state", path);
    FILE *f = fopen(path, "r");
    good[fread(good, 1, sizeof good - 1, f)] = '\0';
    fclose(f);
    for (size_t i = 0; good[i]; i++) { // any single changed byte
        char odd[2048];
        str_copy_cut(odd, sizeof odd, good);
        odd[i] = odd[i] == 'x' ? 'y' : 'x';
        put(b, "halt.state", odd);
        halt_check_files(b->halt);
        if (state_of(b) != HALT_UNKNOWN)
            fail_msg("byte %zu", i);
    }
    static const char *const odd[] = {"", "\n", "running\n", "state running\n", "paperguard halt 1\nstate running\n"};
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        put(b, "halt.state", odd[i]);
        halt_check_files(b->halt);
        assert_int_equal(state_of(b), HALT_UNKNOWN);
    }
    char longer[2100];
    snprintf(longer, sizeof longer, "%s%s", good, "x");
    put(b, "halt.state", longer);
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_UNKNOWN);
    put(b, "halt.state", good);
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_RUNNING);
    assert_int_equal(chmod(path, 0622), 0); // others could write it
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_UNKNOWN);
    drop(b, "halt.state");
    assert_int_equal(mkdir(path, 0700), 0);
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_UNKNOWN);
    assert_int_equal(rmdir(path), 0);
    char elsewhere[256];
    path_of(b, "elsewhere", elsewhere);
    put(b, "elsewhere", good);
    assert_int_equal(symlink(elsewhere, path), 0); // links are not followed
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_UNKNOWN);
}

// A host Postgres never saw, but with a file that cannot be read: it is not written over.
static void test_odd_file_on_a_new_host(void **state)
{
    struct bench *b = *state;
    char path[256], is[64];

    put(b, "halt.state", "halted by hand\n");
    restart(b);
    halt_set_database(b->halt, true, false, HALT_UNKNOWN, "");
    halt_set_database(b->halt, true, true, HALT_RUNNING, FACTS_HALT_REASON_SET_UP);
    assert_int_equal(state_of(b), HALT_UNKNOWN);
    path_of(b, "halt.state", path);
    FILE *f = fopen(path, "r");
    is[fread(is, 1, sizeof is - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(is, "halted by hand\n");
    release(b); // people decide
    assert_int_equal(state_of(b), HALT_RUNNING);
}

// Someone brings back an older file: memory holds.
static void test_older_file_does_not_loosen(void **state)
{
    struct bench *b = *state;
    char old[2048], path[256];

    running(b);
    path_of(b, "halt.state", path);
    FILE *f = fopen(path, "r");
    old[fread(old, 1, sizeof old - 1, f)] = '\0';
    fclose(f);
    halt_engage(b->halt, HALT_HALTED, "stop", "http");
    put(b, "halt.state", old);
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_HALTED);
    restart(b);
    assert_int_equal(state_of(b), HALT_HALTED); // it was written again
}

static void test_halt_folder(void **state)
{
    struct bench *b = *state;
    char path[256], code[17];
    struct err err = {""};

    running(b);
    path_of(b, "halt.d", path);
    assert_int_equal(mkdir(path, 0700), 0);
    put(b, "halt.d/.hidden", "");
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_RUNNING);
    put(b, "halt.d/maintenance", "");
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_HALTED);
    assert_non_null(strstr(facts_view(b->facts)->halt_detail, "halt.d/maintenance"));
    assert_int_equal(halt_release_request(b->halt, "done", "anna", code, &err), -1);
    assert_non_null(strstr(err.text, "remove that file"));
    drop(b, "halt.d/maintenance");
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_HALTED); // removing the file does not release
    halt_set_database(b->halt, true, true, HALT_HALTED, b->row.reason);
    release(b);
    halt_set_database(b->halt, true, true, HALT_RUNNING, b->row.reason);
    assert_int_equal(state_of(b), HALT_RUNNING);
    drop(b, "halt.d/.hidden");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink("/nonexistent", path), 0); // not a folder: cannot be read
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_UNKNOWN);
}

// By whoever has ended all else: the next life finds it.
static void test_kept_for_the_next_start(void **state)
{
    struct bench *b = *state;

    running(b);
    halt_keep(b->dir, HALT_HALTED, "SIGUSR1", "signal");
    restart(b);
    halt_set_database(b->halt, true, true, HALT_RUNNING, "started");
    assert_int_equal(state_of(b), HALT_HALTED);
    assert_string_equal(b->row.source, "signal");
    assert_string_equal(b->row.reason, "SIGUSR1");
}

static void test_release(void **state)
{
    struct bench *b = *state;
    char code[17];
    struct err err = {""};

    running(b);
    assert_int_equal(halt_release_request(b->halt, "x", "anna", code, &err), -1);
    assert_non_null(strstr(err.text, "nothing is halted"));
    halt_engage(b->halt, HALT_HALTED, "stop", "http");
    halt_set_database(b->halt, true, true, HALT_HALTED, "stop");
    assert_int_equal(halt_release_request(b->halt, "  ", "anna", code, &err), -1);         // needs a reason
    assert_int_equal(halt_release_confirm(b->halt, "0000000000000000", "bert", &err), -1); // nothing asked
    assert_int_equal(halt_release_request(b->halt, "checked", "anna", code, &err), 0);
    assert_int_equal(strlen(code), 16);
    assert_int_equal(state_of(b), HALT_HALTED); // one step is not two
    assert_int_equal(halt_release_confirm(b->halt, NULL, "bert", &err), -1);
    assert_int_equal(halt_release_confirm(b->halt, code, "bert", &err), 0);
    assert_int_equal(b->row.state, HALT_RUNNING);
    assert_string_equal(b->row.reason, "checked");
    assert_non_null(strstr(b->row.source, "anna"));
    assert_non_null(strstr(b->row.source, "bert"));
    assert_int_equal(state_of(b), HALT_HALTED);                  // Postgres still says so
    halt_set_database(b->halt, true, true, HALT_HALTED, "stop"); // a reading from before the new row
    assert_int_equal(facts_view(b->facts)->halt_memory, HALT_RUNNING);
    halt_set_database(b->halt, true, true, HALT_RUNNING, "checked");
    assert_int_equal(state_of(b), HALT_RUNNING);
    assert_int_equal(halt_release_confirm(b->halt, code, "bert", &err), -1); // a code is good once
    restart(b);
    halt_set_database(b->halt, true, true, HALT_RUNNING, "checked");
    assert_int_equal(state_of(b), HALT_RUNNING);
}

// Killed between the release and the row: Postgres still holds the halt, and it stays.
static void test_release_cut_short(void **state)
{
    struct bench *b = *state;

    running(b);
    halt_engage(b->halt, HALT_HALTED, "stop", "http");
    halt_set_database(b->halt, true, true, HALT_HALTED, "stop");
    release(b);
    restart(b);
    halt_set_database(b->halt, true, true, HALT_HALTED, "stop");
    assert_int_equal(state_of(b), HALT_HALTED);
}

static void test_release_and_another_halt(void **state)
{
    struct bench *b = *state;
    char code[17];
    struct err err = {""};

    running(b);
    halt_engage(b->halt, HALT_HALTED, "stop", "http");
    halt_set_database(b->halt, true, true, HALT_HALTED, "stop");
    assert_int_equal(halt_release_request(b->halt, "checked", "anna", code, &err), 0);
    halt_engage(b->halt, HALT_HALTED, "stop again", "http");
    assert_int_equal(halt_release_confirm(b->halt, code, "bert", &err), -1);
    release(b);
    halt_set_database(b->halt, true, true, HALT_HALTED, "another one"); // not the row that was released
    assert_int_equal(facts_view(b->facts)->halt_memory, HALT_HALTED);
}

// The row of the halt is still on its way when it is released: read back, it is no new halt.
static void test_release_overtakes_the_row(void **state)
{
    struct bench *b = *state;

    running(b);
    halt_set_database(b->halt, true, true, HALT_RUNNING, "first start on this host");
    halt_engage(b->halt, HALT_HALTED, "stop", "http");
    release(b);
    halt_set_database(b->halt, true, true, HALT_RUNNING, "first start on this host");
    halt_set_database(b->halt, true, true, HALT_HALTED, "stop");
    assert_int_equal(state_of(b), HALT_HALTED); // until Postgres has the release too
    halt_set_database(b->halt, true, true, HALT_RUNNING, "checked");
    assert_int_equal(state_of(b), HALT_RUNNING);
    halt_set_database(b->halt, true, true, HALT_HALTED, "stop"); // read before, by another connection
    halt_set_database(b->halt, true, true, HALT_RUNNING, "checked");
    assert_int_equal(state_of(b), HALT_RUNNING);
    boot_ns += 5 * NS_PER_S;
    halt_set_database(b->halt, true, true, HALT_RUNNING, "checked");
    halt_set_database(b->halt, true, true, HALT_HALTED, "stop"); // now it is one
    assert_int_equal(facts_view(b->facts)->halt_memory, HALT_HALTED);
}

static void test_release_times_out(void **state)
{
    struct bench *b = *state;
    char code[17];
    struct err err = {""};

    running(b);
    halt_engage(b->halt, HALT_HALTED, "stop", "http");
    halt_set_database(b->halt, true, true, HALT_HALTED, "stop");
    assert_int_equal(halt_release_request(b->halt, "checked", "anna", code, &err), 0);
    boot_ns += INT64_C(121) * NS_PER_S;
    assert_int_equal(halt_release_confirm(b->halt, code, "bert", &err), -1);
    assert_non_null(strstr(err.text, "120 s"));
    assert_int_equal(halt_release_request(b->halt, "checked", "anna", code, &err), 0);
    boot_ns += INT64_C(119) * NS_PER_S;
    for (int i = 0; i < 3; i++)
        assert_int_equal(halt_release_confirm(b->halt, "0123456789abcdeX", "bert", &err), -1);
    assert_int_equal(halt_release_confirm(b->halt, code, "bert", &err), -1); // three wrong codes end it
    assert_int_equal(state_of(b), HALT_HALTED);
}

static void test_release_needs_postgres(void **state)
{
    struct bench *b = *state;
    char code[17];
    struct err err = {""};

    running(b);
    halt_engage(b->halt, HALT_HALTED, "stop", "http");
    halt_set_database(b->halt, false, false, HALT_UNKNOWN, "down");
    assert_int_equal(halt_release_request(b->halt, "checked", "anna", code, &err), -1);
    assert_non_null(strstr(err.text, "Postgres"));
}

// A folder that cannot be written: the halt holds in memory and Postgres, and is not released into nothing.
static void test_unwritable(void **state)
{
    struct bench *b = *state;
    char code[17];
    struct err err = {""};

    running(b);
    halt_free(b->halt);
    b->halt = halt_new("/proc/self/task", b->facts, &(struct halt_ports){.write_row = on_row, .arg = b});
    halt_engage(b->halt, HALT_HALTED, "stop", "http");
    assert_int_equal(facts_view(b->facts)->halt_memory, HALT_HALTED);
    assert_int_equal(facts_view(b->facts)->halt_file, HALT_UNKNOWN);
    assert_int_equal(b->row.state, HALT_HALTED);
    halt_set_database(b->halt, true, true, HALT_HALTED, "stop");
    assert_int_equal(halt_release_request(b->halt, "checked", "anna", code, &err), 0);
    assert_int_equal(halt_release_confirm(b->halt, code, "bert", &err), -1);
    assert_non_null(strstr(err.text, "the halt stays"));
    assert_int_equal(state_of(b), HALT_HALTED);
    restart(b);
}

// What could not be stored is tried again with every look, also after a file that already says it but was not synced.
static void test_stored_later(void **state)
{
    struct bench *b = *state;
    char path[256];

    running(b);
    assert_string_equal(halt_not_stored(b->halt), "");
    path_of(b, "halt.state.new", path);
    assert_int_equal(mkdir(path, 0700), 0); // in the way of the temporary file
    halt_engage(b->halt, HALT_HALTED, "stop", "http");
    assert_non_null(strstr(halt_not_stored(b->halt), "halt.state.new cannot be written"));
    assert_non_null(strstr(facts_view(b->facts)->halt_detail, "NOT STORED: stop (http); "));
    halt_check_files(b->halt);
    assert_non_null(strstr(halt_not_stored(b->halt), "cannot be written"));
    assert_int_equal(state_of(b), HALT_HALTED);
    drop(b, "halt.state"); // nothing there to read either
    halt_check_files(b->halt);
    assert_int_equal(facts_view(b->facts)->halt_file, HALT_UNKNOWN);
    assert_int_equal(rmdir(path), 0);
    halt_check_files(b->halt);
    assert_string_equal(halt_not_stored(b->halt), "");
    assert_string_equal(facts_view(b->facts)->halt_detail, "stop (http)");
    restart(b);
    assert_int_equal(facts_view(b->facts)->halt_memory, HALT_HALTED);
}

static void test_json(void **state)
{
    struct bench *b = *state;
    struct text t;
    struct json_out o;

    running(b);
    halt_engage(b->halt, HALT_REDUCE_ONLY, "careful", "http");
    text_init(&t, 4096);
    json_out_init(&o, &t);
    halt_write_json(b->halt, &o);
    assert_non_null(strstr(text_str(&t), "\"state\":\"reduce_only\""));
    assert_non_null(strstr(text_str(&t), "\"reason\":\"careful\""));
    assert_non_null(strstr(text_str(&t), "\"release_asked\":false"));
    text_free(&t);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_first_start),
        TEST(test_set_up_row_is_a_first_start),
        TEST(test_missing_file_on_a_known_host),
        TEST(test_file_vanishes_while_running),
        TEST(test_engage),
        TEST(test_unknown_engages_as_halt),
        TEST(test_database_halts),
        TEST(test_database_goes_away),
        TEST(test_odd_files),
        TEST(test_odd_file_on_a_new_host),
        TEST(test_older_file_does_not_loosen),
        TEST(test_halt_folder),
        TEST(test_kept_for_the_next_start),
        TEST(test_release),
        TEST(test_release_cut_short),
        TEST(test_release_and_another_halt),
        TEST(test_release_overtakes_the_row),
        TEST(test_release_times_out),
        TEST(test_release_needs_postgres),
        TEST(test_unwritable),
        TEST(test_stored_later),
        TEST(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
