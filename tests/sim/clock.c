// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// lib/io/clock.h: monotonic clocks show the world's time, wall clocks are off by what they were set; a jump rings every
// alarm of its host.
#include "lib/io/clock.h"

#include <stdlib.h>

#include "lib/base/check.h"
#include "lib/base/when.h"
#include "tests/sim/world.h"

struct clock_alarm {
    struct clock_alarm *next;
    struct loop *loop;
    struct host *host;
    loop_fn *fn;
    void *arg;
    loop_timer timer;
    int64_t at_ns; // by the host's wall clock
};

static struct {
    int64_t offset[WORLD_HOSTS_MAX];
    struct clock_alarm *alarms[WORLD_HOSTS_MAX];
} clocks;

int64_t clock_wall_ns(void)
{
    const struct host *h = host_current();
    return world_wall_ns() + (h ? clocks.offset[host_index(h)] : 0);
}

int64_t clock_monotonic_ns(void)
{
    return world_ns();
}

int64_t clock_boot_ns(void)
{
    return NS_PER_S + world_ns(); // a host that has just started, and no moment that is none
}

static void forget(struct host *h)
{
    clocks.alarms[host_index(h)] = NULL; // their memory ends with the process
}

void clock_begin(void)
{
    world_on_end(forget);
}

static void rings(void *arg)
{
    struct clock_alarm *a = arg;
    a->timer = 0;
    a->at_ns = INT64_MAX;
    a->fn(a->arg);
}

struct clock_alarm *clock_alarm_new(struct loop *l, loop_fn *fn, void *arg)
{
    struct clock_alarm *a = check_alloc(1, sizeof *a), **first = &clocks.alarms[host_index(host_current())];
    *a = (struct clock_alarm){
        .next = *first, .loop = l, .host = host_current(), .fn = fn, .arg = arg, .at_ns = INT64_MAX};
    *first = a;
    return a;
}

void clock_alarm_set(struct clock_alarm *a, int64_t at_ns)
{
    loop_cancel(a->loop, &a->timer);
    a->at_ns = at_ns;
    if (at_ns != INT64_MAX)
        a->timer = world_timer(a->host, at_ns - clock_wall_ns(), rings, a);
}

void clock_alarm_free(struct clock_alarm *a)
{
    if (!a)
        return;
    loop_cancel(a->loop, &a->timer);
    struct clock_alarm **at = &clocks.alarms[host_index(a->host)];
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    free(a);
}

int64_t clock_next_alarm_ns(const struct host *h)
{
    int64_t next = INT64_MAX;
    for (const struct clock_alarm *a = clocks.alarms[host_index(h)]; a; a = a->next)
        if (a->at_ns < next)
            next = a->at_ns;
    return next;
}

void clock_right(struct host *h)
{
    clock_step(h, -clocks.offset[host_index(h)]);
}

void clock_step(struct host *h, int64_t by_ns)
{
    clocks.offset[host_index(h)] += by_ns;
    world_sum(SUM_CLOCKS, 1);
    world_note("clock of %s steps by %lld ms", host_name(h), (long long)(by_ns / NS_PER_MS));
    for (struct clock_alarm *a = host_alive(h) ? clocks.alarms[host_index(h)] : NULL; a; a = a->next) {
        loop_cancel(a->loop, &a->timer);
        a->timer = world_timer(h, 0, rings, a);
    }
}
