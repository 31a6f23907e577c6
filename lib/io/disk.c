// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One thread, one place for work. Whoever lets go last frees: of work the owner or the thread, of the disk itself
// disk_free or a thread that was stuck then.
#include "lib/io/disk.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "lib/base/check.h"
#include "lib/base/when.h"
#include "lib/io/clock.h"

#define HOPELESS_NS (1 * NS_PER_S) // what takes so long is not waited for

struct disk_work {
    struct disk *disk; // NULL: it was done at once
    disk_fn *run;
    void *data;
    bool done, dropped;
};

struct disk {
    pthread_t thread;
    pthread_mutex_t lock; // of all that follows, and of what is under way
    pthread_cond_t changed;
    struct disk_work *work; // under way, NULL = none
    int64_t begun_ns;
    bool closing, left;
};

static void work_free(struct disk_work *w)
{
    free(w->data);
    free(w);
}

static void disk_destroy(struct disk *d)
{
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

static void take_part(struct disk *d, struct disk_work *w)
{
    pthread_mutex_unlock(&d->lock);
    w->run(w->data);
    pthread_mutex_lock(&d->lock);
    w->done = true;
    d->work = NULL;
    if (w->dropped)
        work_free(w);
    pthread_cond_broadcast(&d->changed);
}

static void *thread_main(void *arg)
{
    struct disk *d = arg;
    pthread_mutex_lock(&d->lock);
    while (d->work || !d->closing) {
        if (d->work)
            take_part(d, d->work);
        else
            pthread_cond_wait(&d->changed, &d->lock);
    }
    bool left = d->left;
    pthread_mutex_unlock(&d->lock);
    if (left)
        disk_destroy(d);
    return NULL;
}

struct disk *disk_new(void)
{
    sigset_t all, before;
    struct disk *d = check_alloc(1, sizeof *d);
    CHECK(pthread_mutex_init(&d->lock, NULL) == 0 && pthread_cond_init(&d->changed, NULL) == 0);
    sigfillset(&all); // signals are the loop's
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    CHECK(pthread_create(&d->thread, NULL, thread_main, d) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return d;
}

void disk_free(struct disk *d)
{
    if (!d)
        return;
    pthread_t thread = d->thread;
    pthread_mutex_lock(&d->lock);
    d->closing = true;
    bool left = d->left = d->work != NULL;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
    if (left) {
        pthread_detach(thread);
        return;
    }
    pthread_join(thread, NULL);
    disk_destroy(d);
}

// With the lock held; false when the time is over.
static bool wait_until(struct disk *d, int64_t until_ns)
{
    const struct timespec until = {.tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S};
    return pthread_cond_clockwait(&d->changed, &d->lock, CLOCK_MONOTONIC, &until) != ETIMEDOUT;
}

struct disk_work *disk_begin(struct disk *d, disk_fn *run, void *data, int64_t wait_ms)
{
    struct disk_work *w = check_alloc(1, sizeof *w);
    *w = (struct disk_work){.disk = d, .run = run, .data = data};
    if (!d) {
        run(data);
        w->done = true;
        return w;
    }
    int64_t now = clock_monotonic_ns(), until_ns = now + wait_ms * NS_PER_MS;
    pthread_mutex_lock(&d->lock);
    while (d->work && now - d->begun_ns < HOPELESS_NS && wait_until(d, until_ns))
        continue;
    bool mine = d->work == NULL;
    if (mine) {
        d->work = w;
        d->begun_ns = clock_monotonic_ns();
        pthread_cond_broadcast(&d->changed);
    }
    while (mine && !w->done && wait_until(d, until_ns))
        continue;
    pthread_mutex_unlock(&d->lock);
    if (mine)
        return w;
    work_free(w);
    return NULL;
}

bool disk_done(const struct disk_work *w)
{
    if (!w->disk)
        return true;
    pthread_mutex_lock(&w->disk->lock);
    bool done = w->done;
    pthread_mutex_unlock(&w->disk->lock);
    return done;
}

void *disk_data(const struct disk_work *w)
{
    return w->data;
}

void disk_end(struct disk_work *w)
{
    if (!w)
        return;
    struct disk *d = w->disk;
    if (d)
        pthread_mutex_lock(&d->lock);
    bool done = w->done || !d;
    w->dropped = true;
    if (d)
        pthread_mutex_unlock(&d->lock);
    if (done)
        work_free(w);
}

int64_t disk_stuck_ns(struct disk *d)
{
    if (!d)
        return 0;
    pthread_mutex_lock(&d->lock);
    int64_t since_ns = d->work ? clock_monotonic_ns() - d->begun_ns : 0;
    pthread_mutex_unlock(&d->lock);
    return since_ns;
}
