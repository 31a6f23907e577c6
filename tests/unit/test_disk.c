// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Work beside the loop: waited for as long as told and no longer, whatever becomes of it. A pipe that nobody writes to
// is the disk that stands still.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/check.h"
#include "lib/base/when.h"
#include "lib/io/clock.h"
#include "lib/io/disk.h"

#define LONG_MS 20000
#define SHORT_MS 20

struct task {
    int read_from; // -1: nothing to wait for
    int answer;
    int ended; // closed when it has
};

static struct disk *d;
static int gate[2], over[2];

static void run(void *data)
{
    struct task *t = data;
    char byte;
    t->answer = t->read_from < 0 || read(t->read_from, &byte, 1) == 1 ? 42 : -1;
    if (t->ended >= 0)
        assert_int_equal(write(t->ended, "x", 1), 1);
}

static struct task *task_new(int read_from)
{
    struct task *t = check_alloc(1, sizeof *t);
    *t = (struct task){.read_from = read_from, .ended = over[1]};
    return t;
}

static struct disk_work *begin(int read_from, int64_t wait_ms)
{
    return disk_begin(d, run, task_new(read_from), wait_ms);
}

static void let_go(void)
{
    char byte;
    assert_int_equal(write(gate[1], "x", 1), 1);
    assert_int_equal(read(over[0], &byte, 1), 1);
}

static int answer_of(struct disk_work *w)
{
    int answer = ((struct task *)disk_data(w))->answer;
    disk_end(w);
    return answer;
}

static int set_up(void **state)
{
    (void)state;
    d = disk_new();
    return pipe(gate) + pipe(over);
}

static int tear_down(void **state)
{
    (void)state;
    disk_free(d);
    close(gate[0]);
    close(gate[1]);
    close(over[0]);
    close(over[1]);
    return 0;
}

static void what_ends_in_time_is_done(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct disk_work *w = begin(-1, LONG_MS);
        assert_true(w && disk_done(w));
        assert_int_equal(answer_of(w), 42);
    }
    assert_int_equal(disk_stuck_ns(d), 0);
    disk_end(NULL);
}

static void what_does_not_is_waited_for_no_longer_and_ends_by_itself(void **state)
{
    (void)state;
    int64_t before = clock_monotonic_ns();
    struct disk_work *w = begin(gate[0], SHORT_MS);
    assert_non_null(w);
    assert_false(disk_done(w));
    assert_true(clock_monotonic_ns() - before >= SHORT_MS * NS_PER_MS);
    const int64_t stuck = disk_stuck_ns(d);
    assert_true(stuck > 0 && stuck <= clock_monotonic_ns() - before); // since it began, not for ever
    assert_null(begin(-1, SHORT_MS));                                 // its turn does not come
    let_go();
    struct disk_work *next = begin(-1, LONG_MS);
    assert_true(next && disk_done(next) && disk_done(w));
    assert_int_equal(answer_of(w), 42);
    assert_int_equal(answer_of(next), 42);
}

static void a_turn_that_comes_in_time_is_taken(void **state)
{
    (void)state;
    struct disk_work *w = begin(gate[0], 0);
    assert_false(disk_done(w));
    assert_int_equal(write(gate[1], "x", 1), 1);
    struct disk_work *next = begin(-1, LONG_MS);
    assert_true(next && disk_done(next));
    assert_int_equal(answer_of(next), 42);
    assert_int_equal(answer_of(w), 42);
}

// A disk that stands still costs one wait, not one with every look.
static void what_is_hopeless_is_not_waited_for(void **state)
{
    (void)state;
    struct disk_work *w = begin(gate[0], 0);
    while (disk_stuck_ns(d) < 1 * NS_PER_S)
        assert_null(begin(-1, SHORT_MS));
    int64_t before = clock_monotonic_ns();
    assert_null(begin(-1, LONG_MS));
    assert_true(clock_monotonic_ns() - before < LONG_MS / 4 * NS_PER_MS);
    let_go();
    assert_non_null(w);
    disk_end(w);
}

static void what_nobody_wants_any_more_ends_all_the_same(void **state)
{
    (void)state;
    disk_end(begin(gate[0], 0));
    let_go();
    struct disk_work *next = begin(-1, LONG_MS);
    assert_true(next && disk_done(next));
    disk_end(next);
}

static void the_end_waits_for_nothing(void **state)
{
    (void)state;
    disk_end(begin(gate[0], 0));
    disk_free(d);
    d = NULL;
    let_go();
}

static void without_a_thread_it_is_done_at_once(void **state)
{
    (void)state;
    struct disk_work *w = disk_begin(NULL, run, task_new(-1), 0);
    assert_true(disk_done(w));
    assert_int_equal(answer_of(w), 42);
    assert_int_equal(disk_stuck_ns(NULL), 0);
    disk_free(NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_ends_in_time_is_done),
        T(what_does_not_is_waited_for_no_longer_and_ends_by_itself),
        T(a_turn_that_comes_in_time_is_taken),
        T(what_is_hopeless_is_not_waited_for),
        T(what_nobody_wants_any_more_ends_all_the_same),
        T(the_end_waits_for_nothing),
        T(without_a_thread_it_is_done_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
