// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The system's clocks, and the wall clock alarm on a timerfd with TFD_TIMER_CANCEL_ON_SET: the kernel wakes it both at
// its instant and whenever somebody sets the wall clock, so a schedule never sleeps through a jump.
#include "lib/io/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/check.h"

#define NS_PER_SECOND INT64_C(1000000000)
// The far end of "only on jumps": well inside the kernel's 292 years.
#define ALARM_SECONDS_MAX INT64_C(9000000000)

struct clock_alarm {
    struct loop *loop;
    struct loop_watch *watch;
    loop_timer missed; // a jump that was noticed while arming
    loop_fn *fn;
    void *arg;
    int fd;
};

static int64_t clock_read(clockid_t id)
{
    struct timespec t;
    CHECK(clock_gettime(id, &t) == 0);
    return (int64_t)t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

int64_t clock_wall_ns(void)
{
    return clock_read(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

int64_t clock_boot_ns(void)
{
    return clock_read(CLOCK_BOOTTIME);
}

static void alarm_ready(void *arg, int fd, unsigned events)
{
    (void)events;
    struct clock_alarm *a = arg;
    uint64_t expirations;
    ssize_t n = read(fd, &expirations, sizeof expirations);
    if (n < 0 && errno != ECANCELED) // EAGAIN: it was set anew after it had become readable
        return;
    a->fn(a->arg); // last: it may free a
}

static void alarm_missed_jump(void *arg)
{
    struct clock_alarm *a = arg;
    a->missed = 0;
    a->fn(a->arg);
}

struct clock_alarm *clock_alarm_new(struct loop *l, loop_fn *fn, void *arg)
{
    struct clock_alarm *a = check_alloc(1, sizeof *a);
    a->loop = l;
    a->fn = fn;
    a->arg = arg;
    a->fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    CHECK(a->fd >= 0);
    a->watch = loop_watch_new(l, a->fd, LOOP_READ, alarm_ready, a);
    return a;
}

void clock_alarm_set(struct clock_alarm *a, int64_t at_ns)
{
    struct itimerspec at = {.it_value = {.tv_nsec = 1}}; // all zero would disarm; any past instant fires at once
    if (at_ns / NS_PER_SECOND >= ALARM_SECONDS_MAX)
        at.it_value = (struct timespec){.tv_sec = ALARM_SECONDS_MAX};
    else if (at_ns > 0)
        at.it_value = (struct timespec){.tv_sec = at_ns / NS_PER_SECOND, .tv_nsec = at_ns % NS_PER_SECOND};
    if (timerfd_settime(a->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL) == 0)
        return;
    // The clock jumped since the last reading: armed all the same, but at_ns was computed from the time before it.
    CHECK(errno == ECANCELED);
    if (a->missed == 0)
        a->missed = loop_post(a->loop, alarm_missed_jump, a);
}

void clock_alarm_free(struct clock_alarm *a)
{
    if (a == NULL)
        return;
    loop_cancel(a->loop, &a->missed);
    loop_watch_free(a->watch);
    close(a->fd);
    free(a);
}
