// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// For fuzz targets: a loop without a system below it. Timers are due when the target says so, one descriptor is
// watched, and nothing waits. It stands in for lib/io/loop.c, so one file of a target includes it.
#ifndef PAPERGUARD_TESTS_FUZZ_LOOP_H
#define PAPERGUARD_TESTS_FUZZ_LOOP_H

#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/io/loop.h"

#define FUZZ_TIMERS_MAX 32

struct loop_watch {
    loop_fd_fn *fn;
    void *arg;
    unsigned events;
};

static struct fuzz_loop {
    struct fuzz_timer {
        loop_timer id;
        int64_t at_ms;
        loop_fn *fn;
        void *arg;
    } timers[FUZZ_TIMERS_MAX];
    size_t count;
    loop_timer last;
    int64_t now_ms;
    struct loop_watch *watch; // NULL: none
} fuzz_loop;

loop_timer loop_after_ms(struct loop *l, int64_t delay_ms, loop_fn *fn, void *arg)
{
    (void)l;
    CHECK(fuzz_loop.count < FUZZ_TIMERS_MAX && delay_ms >= 0);
    fuzz_loop.timers[fuzz_loop.count++] = (struct fuzz_timer){++fuzz_loop.last, fuzz_loop.now_ms + delay_ms, fn, arg};
    return fuzz_loop.last;
}

loop_timer loop_post(struct loop *l, loop_fn *fn, void *arg)
{
    return loop_after_ms(l, 0, fn, arg);
}

static void fuzz_loop_drop(size_t at)
{
    fuzz_loop.count--;
    memmove(&fuzz_loop.timers[at], &fuzz_loop.timers[at + 1], (fuzz_loop.count - at) * sizeof fuzz_loop.timers[0]);
}

void loop_cancel(struct loop *l, loop_timer *id)
{
    (void)l;
    for (size_t i = 0; i < fuzz_loop.count && *id != 0; i++)
        if (fuzz_loop.timers[i].id == *id) {
            fuzz_loop_drop(i);
            break;
        }
    *id = 0;
}

struct loop_watch *loop_watch_new(struct loop *l, int fd, unsigned events, loop_fd_fn *fn, void *arg)
{
    (void)l, (void)fd;
    CHECK(fuzz_loop.watch == NULL);
    fuzz_loop.watch = check_alloc(1, sizeof *fuzz_loop.watch);
    *fuzz_loop.watch = (struct loop_watch){fn, arg, events};
    return fuzz_loop.watch;
}

void loop_watch_set(struct loop_watch *w, unsigned events)
{
    w->events = events;
}

void loop_watch_free(struct loop_watch *w)
{
    CHECK(w == NULL || w == fuzz_loop.watch);
    free(w);
    if (w != NULL)
        fuzz_loop.watch = NULL;
}

// Lets time pass: whatever is due by then runs, the earliest first.
static inline void fuzz_loop_pass(int64_t ms)
{
    const int64_t until = fuzz_loop.now_ms + ms;
    for (;;) {
        size_t first = fuzz_loop.count;
        for (size_t i = 0; i < fuzz_loop.count; i++)
            if (fuzz_loop.timers[i].at_ms <= until &&
                (first == fuzz_loop.count || fuzz_loop.timers[i].at_ms < fuzz_loop.timers[first].at_ms))
                first = i;
        if (first == fuzz_loop.count)
            break;
        const struct fuzz_timer t = fuzz_loop.timers[first];
        fuzz_loop_drop(first);
        fuzz_loop.now_ms = t.at_ms;
        t.fn(t.arg);
    }
    fuzz_loop.now_ms = until;
}

// The descriptor has something for who watches it.
static inline void fuzz_loop_ready(void)
{
    if (fuzz_loop.watch != NULL && fuzz_loop.watch->events != 0)
        fuzz_loop.watch->fn(fuzz_loop.watch->arg, 0, fuzz_loop.watch->events);
}

#endif
