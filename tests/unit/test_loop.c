// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The event loop: order and earliest time of timers, stale ids, posts, watches, signals, stopping.
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/io/clock.h"
#include "lib/io/loop.h"

struct trace {
    struct loop *loop;
    char marks[64];
    size_t len;
    int64_t at_ns;
    loop_timer other;
    struct loop_watch *watch, *second;
    int budget;
};

static void mark(struct trace *t, char c)
{
    assert_true(t->len + 1 < sizeof t->marks);
    t->marks[t->len++] = c;
}
static void mark_a(void *arg)
{
    mark(arg, 'a');
}
static void mark_b(void *arg)
{
    mark(arg, 'b');
}
static void mark_time(void *arg)
{
    struct trace *t = arg;
    t->at_ns = clock_monotonic_ns();
    mark(t, 't');
}

static void step_until(struct trace *t, size_t len)
{
    for (int i = 0; i < 1000 && t->len < len; i++)
        loop_step(t->loop, 1000);
    assert_int_equal(t->len, len);
}

static void timers_fire_in_order_of_their_time(void **state)
{
    (void)state;
    struct trace t = {.loop = loop_new()};
    loop_after_ms(t.loop, 30, mark_b, &t);
    loop_after_ms(t.loop, 5, mark_a, &t);
    loop_after_ms(t.loop, -7, mark_b, &t);
    step_until(&t, 3);
    assert_string_equal(t.marks, "bab");
    assert_false(loop_step(t.loop, 0));
    loop_free(t.loop);
}

static void turn_again(void *arg, int fd, unsigned events)
{
    (void)arg;
    (void)fd;
    (void)events;
}

static void timers_never_fire_early(void **state)
{
    (void)state;
    struct trace t = {.loop = loop_new()};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    // Always ready, so the loop never sleeps and looks at the time in every turn.
    struct loop_watch *w = loop_watch_new(t.loop, ends[1], LOOP_WRITE, turn_again, NULL);
    for (int ms = 1; ms <= 12; ms++) {
        int64_t from = clock_monotonic_ns();
        loop_after_ms(t.loop, ms, mark_time, &t);
        while (t.len < (size_t)ms)
            loop_step(t.loop, 1000);
        assert_true(t.at_ns - from >= ms * INT64_C(1000000) - 1000); // libevent counts in microseconds
    }
    loop_watch_free(w);
    close(ends[0]);
    close(ends[1]);
    loop_free(t.loop);
}

static void a_timer_set_late_in_a_callback_counts_from_there(void *arg)
{
    struct trace *t = arg;
    int64_t until = clock_monotonic_ns() + 20 * INT64_C(1000000);
    while (clock_monotonic_ns() < until) // a callback that is busy for 20 ms
        ;
    t->at_ns = clock_monotonic_ns();
    mark(t, 'x');
    loop_after_ms(t->loop, 10, mark_a, t);
}

static void busy_callbacks_do_not_shorten_timers(void **state)
{
    (void)state;
    struct trace t = {.loop = loop_new()};
    loop_after_ms(t.loop, 0, a_timer_set_late_in_a_callback_counts_from_there, &t);
    step_until(&t, 2);
    assert_true(clock_monotonic_ns() - t.at_ns >= 10 * INT64_C(1000000) - 1000);
    loop_free(t.loop);
}

static void stale_ids_cancel_nothing(void **state)
{
    (void)state;
    struct trace t = {.loop = loop_new()};
    loop_timer id = loop_after_ms(t.loop, 0, mark_a, &t), old = id;
    step_until(&t, 1);
    loop_timer fresh = loop_after_ms(t.loop, 0, mark_b, &t); // takes the same slot
    loop_cancel(t.loop, &id);
    assert_true(id == 0);
    loop_cancel(t.loop, &id);
    assert_true(fresh != old);
    step_until(&t, 2);
    assert_string_equal(t.marks, "ab");
    loop_timer nonsense = UINT64_C(0x700000005);
    loop_cancel(t.loop, &nonsense);
    loop_free(t.loop);
}

static void cancelled_timers_and_posts_stay_silent(void **state)
{
    (void)state;
    struct trace t = {.loop = loop_new()};
    loop_timer timer = loop_after_ms(t.loop, 0, mark_a, &t), post = loop_post(t.loop, mark_a, &t);
    loop_cancel(t.loop, &timer);
    loop_cancel(t.loop, &post);
    assert_false(loop_step(t.loop, 1000));
    loop_post(t.loop, mark_b, &t);
    step_until(&t, 1);
    assert_string_equal(t.marks, "b");
    loop_free(t.loop);
}

static void post_again(void *arg)
{
    struct trace *t = arg;
    mark(t, 'p');
    if (--t->budget > 0)
        loop_post(t->loop, post_again, t);
}
static void post_two(void *arg)
{
    struct trace *t = arg;
    loop_post(t->loop, mark_a, t);
    loop_post(t->loop, mark_b, t);
    mark(t, '(');
    assert_string_equal(t->marks, "(");
}

static void posts_run_at_the_end_of_the_turn(void **state)
{
    (void)state;
    struct trace t = {.loop = loop_new()};
    loop_after_ms(t.loop, 0, post_two, &t);
    loop_step(t.loop, 1000);
    assert_string_equal(t.marks, "(ab");
    assert_int_equal(loop_turns(t.loop), 1);
    loop_free(t.loop);
}

static void a_post_of_a_post_waits_for_the_next_turn(void **state)
{
    (void)state;
    struct trace t = {.loop = loop_new(), .budget = 3};
    loop_post(t.loop, post_again, &t);
    for (size_t turn = 1; turn <= 3; turn++) {
        assert_true(loop_step(t.loop, 1000));
        assert_int_equal(t.len, turn);
        assert_int_equal(loop_turns(t.loop), turn);
    }
    assert_false(loop_step(t.loop, 0));
    loop_free(t.loop);
}

static void timer_cancels_other(void *arg)
{
    struct trace *t = arg;
    mark(t, 'c');
    loop_cancel(t->loop, &t->other);
}

static void a_timer_may_cancel_one_that_is_due_with_it(void **state)
{
    (void)state;
    struct trace t = {.loop = loop_new()};
    loop_after_ms(t.loop, 0, timer_cancels_other, &t);
    t.other = loop_after_ms(t.loop, 0, mark_a, &t);
    int64_t until = clock_monotonic_ns() + 2 * INT64_C(1000000);
    while (clock_monotonic_ns() < until) // both are due in one turn
        ;
    while (loop_step(t.loop, 100))
        ;
    assert_string_equal(t.marks, "c");
    loop_free(t.loop);
}

static void watch_marks(void *arg, int fd, unsigned events)
{
    struct trace *t = arg;
    char buf[16];
    if ((events & LOOP_READ) != 0) {
        assert_true(read(fd, buf, sizeof buf) > 0);
        mark(t, 'r');
    }
    if ((events & LOOP_WRITE) != 0)
        mark(t, 'w');
}

static void watches_report_and_pause(void **state)
{
    (void)state;
    struct trace t = {.loop = loop_new()};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct loop_watch *r = loop_watch_new(t.loop, ends[0], LOOP_READ, watch_marks, &t);
    struct loop_watch *w = loop_watch_new(t.loop, ends[1], 0, watch_marks, &t);
    loop_step(t.loop, 0);
    assert_int_equal(t.len, 0);
    loop_watch_set(w, LOOP_WRITE);
    loop_step(t.loop, 1000);
    assert_string_equal(t.marks, "w");
    loop_watch_set(w, 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    loop_watch_set(r, 0);
    loop_step(t.loop, 0);
    assert_string_equal(t.marks, "w");
    loop_watch_set(r, LOOP_READ);
    loop_step(t.loop, 1000);
    assert_string_equal(t.marks, "wr");
    loop_watch_free(r);
    loop_watch_free(w);
    loop_watch_free(NULL);
    close(ends[0]);
    close(ends[1]);
    loop_free(t.loop);
}

static void watch_ends_both(void *arg, int fd, unsigned events)
{
    (void)fd;
    (void)events;
    struct trace *t = arg;
    mark(t, 'e');
    loop_watch_free(t->watch);
    loop_watch_free(t->second);
    t->watch = t->second = NULL;
}

static void a_watch_may_end_itself_and_its_neighbour(void **state)
{
    (void)state;
    struct trace t = {.loop = loop_new()};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int twin = dup(ends[1]);
    t.watch = loop_watch_new(t.loop, ends[1], LOOP_WRITE, watch_ends_both, &t);
    t.second = loop_watch_new(t.loop, twin, LOOP_WRITE, watch_ends_both, &t);
    loop_step(t.loop, 1000);
    assert_string_equal(t.marks, "e"); // the one that was ready in the same turn stayed silent
    assert_false(loop_step(t.loop, 0));
    close(twin);
    close(ends[0]);
    close(ends[1]);
    loop_free(t.loop);
}

static void signal_marks(void *arg, int signo)
{
    assert_int_equal(signo, SIGUSR1);
    mark(arg, 's');
}

static void signals_arrive_in_the_loop(void **state)
{
    (void)state;
    struct trace t = {.loop = loop_new()};
    loop_on_signal(t.loop, SIGUSR1, signal_marks, &t);
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(t.len, 0);
    step_until(&t, 1);
    loop_free(t.loop);
}

static void a_write_to_nobody_is_an_answer_and_not_a_signal(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_DFL);
    struct loop *l = loop_new();
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    close(ends[1]);
    loop_free(l);
}

static void stop(void *arg)
{
    struct trace *t = arg;
    mark(t, '.');
    loop_stop(t->loop);
}

static void running_ends_when_told(void **state)
{
    (void)state;
    struct trace t = {.loop = loop_new()};
    loop_after_ms(t.loop, 5, stop, &t);
    loop_run(t.loop);
    assert_string_equal(t.marks, ".");
    loop_stop(t.loop); // before it runs: it does not begin
    loop_post(t.loop, mark_a, &t);
    loop_run(t.loop);
    assert_string_equal(t.marks, ".");
    loop_post(t.loop, stop, &t);
    loop_run(t.loop);
    assert_string_equal(t.marks, ".a.");
    loop_free(t.loop);
}

static void the_wait_of_a_step_is_bounded(void **state)
{
    (void)state;
    struct trace t = {.loop = loop_new()};
    loop_after_ms(t.loop, 3600 * 1000, mark_a, &t);
    loop_after_ms(t.loop, INT64_MAX, mark_a, &t);
    int64_t from = clock_monotonic_ns();
    assert_true(loop_step(t.loop, 20));
    int64_t took = clock_monotonic_ns() - from;
    assert_true(took >= 19 * INT64_C(1000000) && took < 3000 * INT64_C(1000000));
    assert_int_equal(t.len, 0);
    loop_free(t.loop);
}

static void many_timers_share_few_slots(void **state)
{
    (void)state;
    struct trace t = {.loop = loop_new()};
    loop_timer ids[500];
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < 500; i++)
            ids[i] = loop_after_ms(t.loop, 1000000, mark_a, &t);
        for (size_t i = 0; i < 500; i++)
            loop_cancel(t.loop, &ids[i]);
    }
    loop_timer last = loop_after_ms(t.loop, 0, mark_b, &t);
    assert_true((last & UINT32_MAX) <= 500);
    step_until(&t, 1);
    loop_free(t.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_of_their_time),
        cmocka_unit_test(timers_never_fire_early),
        cmocka_unit_test(busy_callbacks_do_not_shorten_timers),
        cmocka_unit_test(stale_ids_cancel_nothing),
        cmocka_unit_test(cancelled_timers_and_posts_stay_silent),
        cmocka_unit_test(posts_run_at_the_end_of_the_turn),
        cmocka_unit_test(a_post_of_a_post_waits_for_the_next_turn),
        cmocka_unit_test(a_timer_may_cancel_one_that_is_due_with_it),
        cmocka_unit_test(watches_report_and_pause),
        cmocka_unit_test(a_watch_may_end_itself_and_its_neighbour),
        cmocka_unit_test(signals_arrive_in_the_loop),
        cmocka_unit_test(a_write_to_nobody_is_an_answer_and_not_a_signal),
        cmocka_unit_test(running_ends_when_told),
        cmocka_unit_test(the_wait_of_a_step_is_bounded),
        cmocka_unit_test(many_timers_share_few_slots),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
