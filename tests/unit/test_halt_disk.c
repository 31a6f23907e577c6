// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The latch on a disk that stands still: nothing waits for it, what it held is not known after a while, and nothing is
// loosened meanwhile.
// needs: daemon/halt.o daemon/halt_file.o
// needs: daemon/facts.o daemon/facts_env.o daemon/facts_files.o daemon/facts_keys.o
// needs: daemon/facts_scan.o daemon/facts_steering.o daemon/facts_dsn.o
// needs: daemon/config.o daemon/config_value.o daemon/config_option.o daemon/config_named.o
#include "tests/unit/halt_rig.h"

#include "lib/io/disk.h"

#define LONG_MS 20000

static struct disk *disk;
static struct disk_work *stuck;
static int gate[2];

static void stand_still(void *data)
{
    char byte;
    assert_int_equal(read(*(int *)data, &byte, 1), 1);
}

static void nothing(void *data)
{
    (void)data;
}

static void at_rest(void)
{
    struct disk_work *w;
    do // what was under way for long is not waited for
        w = disk_begin(disk, nothing, check_alloc(1, 1), LONG_MS);
    while (!w);
    disk_end(w);
}

static void freeze(void)
{
    at_rest();
    int *fd = check_alloc(1, sizeof *fd);
    *fd = gate[0];
    stuck = disk_begin(disk, stand_still, fd, 0);
    assert_non_null(stuck);
}

static void thaw(void)
{
    assert_int_equal(write(gate[1], "x", 1), 1);
    at_rest();
    assert_true(disk_done(stuck));
    disk_end(stuck);
}

static int on_disk(void **state)
{
    if (set_up(state) != 0 || pipe(gate) != 0)
        return -1;
    struct bench *b = *state;
    disk = disk_new();
    halt_free(b->halt);
    b->halt = halt_new(b->dir, b->facts, &(struct halt_ports){.disk = disk, .write_row = on_row, .arg = b});
    running(b);
    return 0;
}

static int off_disk(void **state)
{
    int rc = tear_down(state);
    disk_free(disk);
    close(gate[0]);
    close(gate[1]);
    return rc;
}

static void what_it_held_is_not_known_for_ever(void **state)
{
    struct bench *b = *state;
    freeze();
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_RUNNING); // as it was a moment ago
    boot_ns += 6 * NS_PER_S;
    halt_check_files(b->halt);
    assert_int_equal(facts_view(b->facts)->halt_file, HALT_UNKNOWN);
    assert_non_null(strstr(facts_view(b->facts)->halt_detail, "the disk does not answer"));
    thaw();
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_RUNNING);
}

static void a_halt_holds_at_once_and_is_stored_when_it_can_be(void **state)
{
    struct bench *b = *state;
    struct halt_record r;
    struct err err;
    freeze();
    while (disk_stuck_ns(disk) < 1 * NS_PER_S)
        halt_check_files(b->halt);
    int64_t before = clock_monotonic_ns();
    halt_engage(b->halt, HALT_HALTED, "stop", "http");
    assert_true(clock_monotonic_ns() - before < NS_PER_S / 2);
    assert_int_equal(state_of(b), HALT_HALTED);
    assert_int_equal(b->row.state, HALT_HALTED);
    assert_non_null(strstr(halt_not_stored(b->halt), "the disk does not answer"));
    thaw();
    halt_check_files(b->halt);
    assert_string_equal(halt_not_stored(b->halt), "");
    assert_int_equal(halt_file_read(b->dir, &r, &err), HALT_FILE_OK);
    assert_int_equal(r.state, HALT_HALTED);
}

static void nothing_is_released_meanwhile(void **state)
{
    struct bench *b = *state;
    char code[17];
    struct err err = {""};
    halt_engage(b->halt, HALT_HALTED, "stop", "http");
    assert_int_equal(halt_release_request(b->halt, "checked", "anna", code, &err), 0);
    freeze();
    assert_int_equal(halt_release_confirm(b->halt, code, "bert", &err), -1);
    assert_non_null(strstr(err.text, "does not answer"));
    assert_int_equal(halt_release_request(b->halt, "checked", "anna", code, &err), -1);
    assert_int_equal(state_of(b), HALT_HALTED);
    thaw();
    halt_set_database(b->halt, true, true, HALT_HALTED, "stop");
    assert_int_equal(halt_release_request(b->halt, "checked", "anna", code, &err), 0);
    assert_int_equal(halt_release_confirm(b->halt, code, "bert", &err), 0);
}

// The file that comes to light was put there while nobody could look.
static void a_file_in_the_folder_is_seen_when_it_can_be(void **state)
{
    struct bench *b = *state;
    char path[256];
    path_of(b, "halt.d", path);
    assert_int_equal(mkdir(path, 0700), 0);
    freeze();
    put(b, "halt.d/maintenance", "");
    halt_check_files(b->halt);
    thaw();
    halt_check_files(b->halt);
    assert_int_equal(state_of(b), HALT_HALTED);
}

static void the_end_waits_for_nothing(void **state)
{
    struct bench *b = *state;
    freeze();
    halt_check_files(b->halt);
    halt_free(b->halt);
    b->halt = NULL;
    thaw();
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, on_disk, off_disk)
    const struct CMUnitTest tests[] = {
        TEST(what_it_held_is_not_known_for_ever), TEST(a_halt_holds_at_once_and_is_stored_when_it_can_be),
        TEST(nothing_is_released_meanwhile),      TEST(a_file_in_the_folder_is_seen_when_it_can_be),
        TEST(the_end_waits_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
