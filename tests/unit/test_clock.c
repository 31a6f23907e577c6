// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Clocks and the wall clock alarm. The jump is a real one for the kernel but small (the clock is set one nanosecond
// forward, the next time back), so it needs CAP_SYS_TIME; without it that part is skipped.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#include <cmocka.h>

#include "lib/io/clock.h"

#define MS INT64_C(1000000)

struct probe {
    struct loop *loop;
    struct clock_alarm *alarm;
    int calls;
    int64_t wall_ns;
    bool free_it;
};

static void called(void *arg)
{
    struct probe *p = arg;
    p->calls++;
    p->wall_ns = clock_wall_ns();
    if (p->free_it) {
        clock_alarm_free(p->alarm);
        p->alarm = NULL;
    }
}

static void probe_open(struct probe *p)
{
    *p = (struct probe){.loop = loop_new()};
    p->alarm = clock_alarm_new(p->loop, called, p);
}
static void probe_close(struct probe *p)
{
    clock_alarm_free(p->alarm);
    loop_free(p->loop);
}

static bool wall_clock_jumps(void)
{
    static bool back;
    struct timex t = {.modes = ADJ_SETOFFSET | ADJ_NANO};
    t.time.tv_sec = back ? -1 : 0;
    t.time.tv_usec = back ? 999999999 : 1; // nanoseconds
    if (adjtimex(&t) != -1) {
        back = !back;
        return true;
    }
    assert_true(errno == EPERM || errno == ENOSYS || errno == EINVAL);
    return false;
}

static void clocks_agree_with_the_system(void **state)
{
    (void)state;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    int64_t before = (int64_t)t.tv_sec * 1000 * MS + t.tv_nsec;
    int64_t wall = clock_wall_ns();
    assert_true(wall - before >= -10 * MS && wall - before < 5000 * MS);
    int64_t monotonic = clock_monotonic_ns();
    assert_true(clock_monotonic_ns() >= monotonic);
    assert_true(clock_boot_ns() >= monotonic);
}

static void the_alarm_rings_at_its_instant(void **state)
{
    (void)state;
    struct probe p;
    probe_open(&p);
    int64_t at = clock_wall_ns() + 20 * MS;
    clock_alarm_set(p.alarm, at);
    for (int i = 0; i < 100 && p.calls == 0; i++)
        loop_step(p.loop, 100);
    assert_int_equal(p.calls, 1);
    assert_true(p.wall_ns >= at);
    probe_close(&p);
}

static void a_past_instant_rings_at_once(void **state)
{
    (void)state;
    struct probe p;
    const int64_t past[] = {0, -5, INT64_MIN, 1, 1000 * MS};
    probe_open(&p);
    for (int i = 0; i < 5; i++) {
        clock_alarm_set(p.alarm, past[i]);
        loop_step(p.loop, 5000);
        assert_int_equal(p.calls, i + 1);
    }
    probe_close(&p);
}

static void a_new_instant_replaces_the_old_one(void **state)
{
    (void)state;
    struct probe p;
    probe_open(&p);
    clock_alarm_set(p.alarm, 1); // due now
    clock_alarm_set(p.alarm, INT64_MAX);
    loop_step(p.loop, 20);
    assert_int_equal(p.calls, 0);
    probe_close(&p);
}

static void a_jump_rings_whatever_the_instant(void **state)
{
    (void)state;
    struct probe p;
    probe_open(&p);
    clock_alarm_set(p.alarm, INT64_MAX);
    if (!wall_clock_jumps()) {
        probe_close(&p);
        skip();
    }
    loop_step(p.loop, 5000);
    assert_int_equal(p.calls, 1);
    clock_alarm_set(p.alarm, clock_wall_ns() + 3600 * 1000 * MS);
    loop_step(p.loop, 20);
    assert_int_equal(p.calls, 1);
    assert_true(wall_clock_jumps());
    loop_step(p.loop, 5000);
    assert_int_equal(p.calls, 2);
    probe_close(&p);
}

static void a_jump_seen_while_arming_rings_too(void **state)
{
    (void)state;
    struct probe p;
    probe_open(&p);
    clock_alarm_set(p.alarm, INT64_MAX);
    if (!wall_clock_jumps()) {
        probe_close(&p);
        skip();
    }
    clock_alarm_set(p.alarm, INT64_MAX); // computed before the jump was known
    assert_int_equal(p.calls, 0);
    loop_step(p.loop, 5000);
    assert_int_equal(p.calls, 1);
    loop_step(p.loop, 20);
    assert_int_equal(p.calls, 1);
    probe_close(&p);
}

static void an_alarm_may_end_within_its_call(void **state)
{
    (void)state;
    struct probe p;
    probe_open(&p);
    p.free_it = true;
    clock_alarm_set(p.alarm, 1);
    loop_step(p.loop, 5000);
    assert_int_equal(p.calls, 1);
    assert_false(loop_step(p.loop, 0));
    probe_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_agree_with_the_system),      cmocka_unit_test(the_alarm_rings_at_its_instant),
        cmocka_unit_test(a_past_instant_rings_at_once),      cmocka_unit_test(a_new_instant_replaces_the_old_one),
        cmocka_unit_test(a_jump_rings_whatever_the_instant), cmocka_unit_test(a_jump_seen_while_arming_rings_too),
        cmocka_unit_test(an_alarm_may_end_within_its_call),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
