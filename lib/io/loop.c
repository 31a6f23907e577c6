// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The event loop over libevent. Timers live in slots that are used again (no allocation once warm); a timer id carries
// the slot's generation, so an id that has fired or was cancelled never hits a later timer. Posts are our own queue,
// run after libevent's turn: event_active would run them inside the turn and a post that posts itself would starve the
// descriptors.
#include "lib/io/loop.h"

#include <signal.h>
#include <stdlib.h>

#include <event2/event.h>

#include "lib/base/list.h"
#include "lib/base/log.h"
#include "lib/io/loop_event.h"

#define TIMER_DELAY_MAX_MS (INT64_C(10) * 366 * 86400 * 1000)

struct timer {
    struct list node; // in loop.posts, in loop.idle, or alone
    struct loop *loop;
    struct event *event; // made at the first use as a timer
    loop_fn *fn;
    void *arg;
    uint32_t index, generation;
    bool live;
};

struct signal_watch {
    struct list node;
    struct event *event;
    loop_signal_fn *fn;
    void *arg;
};

struct loop_watch {
    struct loop *loop;
    struct event *event;
    loop_fd_fn *fn;
    void *arg;
    int fd;
    unsigned events;
};

struct loop {
    struct event_base *base;
    struct event *step_limit; // ends the wait of loop_step
    struct timer **timers;
    size_t timer_count, timer_cap;
    struct list idle, posts, signals;
    size_t post_count;
    uint64_t turns;
    bool stop;
};

static void loop_fatal(int code)
{
    (void)code;
    check_failed("libevent can go on", __FILE__, __LINE__, __func__);
}

static void loop_library_log(int severity, const char *message)
{
    if (severity >= EVENT_LOG_WARN)
        log_warning("event loop: %s", message);
}

static void step_limit_reached(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

struct loop *loop_new(void)
{
    struct loop *l = check_alloc(1, sizeof *l);
    event_set_fatal_callback(loop_fatal);
    event_set_log_callback(loop_library_log);
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    struct event_config *config = event_config_new();
    CHECK(config != NULL);
    // Precise: the default is the coarse clock, up to 4 ms behind ours, so timers would fire before their time (the
    // price is one system call a turn, half a microsecond). No cached time: a timer set late in a long callback would
    // otherwise count from the callback's start.
    CHECK(event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NO_CACHE_TIME |
                                            EVENT_BASE_FLAG_NOLOCK) == 0);
    l->base = event_base_new_with_config(config);
    event_config_free(config);
    CHECK(l->base != NULL);
    l->step_limit = evtimer_new(l->base, step_limit_reached, l);
    CHECK(l->step_limit != NULL);
    list_init(&l->idle);
    list_init(&l->posts);
    list_init(&l->signals);
    return l;
}

void loop_free(struct loop *l)
{
    if (l == NULL)
        return;
    LIST_EACH(node, tmp, &l->signals)
    {
        struct signal_watch *w = LIST_ENTRY(node, struct signal_watch, node);
        event_free(w->event);
        free(w);
    }
    for (size_t i = 0; i < l->timer_count; i++) {
        if (l->timers[i]->event != NULL)
            event_free(l->timers[i]->event);
        free(l->timers[i]);
    }
    free(l->timers);
    event_free(l->step_limit);
    event_base_free(l->base);
    free(l);
}

struct event_base *loop_event_base(struct loop *l)
{
    return l->base;
}

uint64_t loop_turns(const struct loop *l)
{
    return l->turns;
}

static void timer_release(struct timer *t)
{
    list_remove(&t->node);
    t->live = false;
    t->generation++;
    list_append(&t->loop->idle, &t->node);
}

static void timer_run(struct timer *t)
{
    loop_fn *fn = t->fn;
    void *arg = t->arg;
    timer_release(t); // first: fn may set a new timer in this very slot
    fn(arg);
}

static void timer_due(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    timer_run(arg);
}

// Only what was queued when the turn ended: a post made by a post waits for the next turn.
static void posts_run(struct loop *l)
{
    for (size_t n = l->post_count; n > 0 && !list_empty(&l->posts); n--) {
        l->post_count--;
        timer_run(LIST_ENTRY(l->posts.next, struct timer, node));
    }
}

static void loop_turn(struct loop *l, int flags)
{
    flags |= EVLOOP_ONCE;
    if (l->post_count > 0)
        flags |= EVLOOP_NONBLOCK;
    CHECK(event_base_loop(l->base, flags) >= 0);
    posts_run(l);
    l->turns++;
}

void loop_run(struct loop *l)
{
    while (!l->stop)
        loop_turn(l, EVLOOP_NO_EXIT_ON_EMPTY);
    l->stop = false;
}

void loop_stop(struct loop *l)
{
    l->stop = true;
}

static struct timeval delay_of(int64_t ms)
{
    if (ms < 0)
        ms = 0;
    if (ms > TIMER_DELAY_MAX_MS)
        ms = TIMER_DELAY_MAX_MS;
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
}

bool loop_step(struct loop *l, int64_t timeout_ms)
{
    if (l->post_count == 0 && event_base_get_num_events(l->base, EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE) == 0)
        return false;
    if (timeout_ms <= 0) {
        loop_turn(l, EVLOOP_NONBLOCK);
        return true;
    }
    struct timeval limit = delay_of(timeout_ms);
    CHECK(evtimer_add(l->step_limit, &limit) == 0);
    loop_turn(l, 0);
    evtimer_del(l->step_limit);
    return true;
}

static struct timer *timer_take(struct loop *l, loop_fn *fn, void *arg)
{
    if (list_empty(&l->idle)) {
        if (l->timer_count == l->timer_cap) {
            l->timer_cap = l->timer_cap == 0 ? 64 : l->timer_cap * 2;
            l->timers = check_realloc(l->timers, l->timer_cap * sizeof l->timers[0]);
        }
        struct timer *fresh = check_alloc(1, sizeof *fresh);
        fresh->loop = l;
        fresh->index = (uint32_t)l->timer_count;
        list_append(&l->idle, &fresh->node);
        l->timers[l->timer_count++] = fresh;
    }
    struct timer *t = LIST_ENTRY(l->idle.next, struct timer, node);
    list_remove(&t->node);
    t->fn = fn;
    t->arg = arg;
    t->live = true;
    return t;
}

static loop_timer timer_id(const struct timer *t)
{
    return (uint64_t)t->generation << 32 | (uint64_t)(t->index + 1);
}

static struct timer *timer_find(struct loop *l, loop_timer id)
{
    uint64_t index = (id & UINT32_MAX) - 1; // id 0 wraps to a slot that is never there
    if (index >= l->timer_count)
        return NULL;
    struct timer *t = l->timers[index];
    return t->live && t->generation == (uint32_t)(id >> 32) ? t : NULL;
}

loop_timer loop_after_ms(struct loop *l, int64_t delay_ms, loop_fn *fn, void *arg)
{
    struct timer *t = timer_take(l, fn, arg);
    if (t->event == NULL) {
        t->event = evtimer_new(l->base, timer_due, t);
        CHECK(t->event != NULL);
    }
    struct timeval delay = delay_of(delay_ms);
    CHECK(evtimer_add(t->event, &delay) == 0);
    return timer_id(t);
}

loop_timer loop_post(struct loop *l, loop_fn *fn, void *arg)
{
    struct timer *t = timer_take(l, fn, arg);
    list_append(&l->posts, &t->node);
    l->post_count++;
    return timer_id(t);
}

void loop_cancel(struct loop *l, loop_timer *id)
{
    struct timer *t = timer_find(l, *id);
    *id = 0;
    if (t == NULL)
        return;
    if (t->event != NULL && evtimer_pending(t->event, NULL))
        evtimer_del(t->event);
    if (!list_empty(&t->node)) // only posts are in a list while live
        l->post_count--;
    timer_release(t);
}

static void watch_ready(evutil_socket_t fd, short what, void *arg)
{
    struct loop_watch *w = arg;
    unsigned events = ((what & EV_READ) != 0 ? LOOP_READ : 0u) | ((what & EV_WRITE) != 0 ? LOOP_WRITE : 0u);
    w->fn(w->arg, fd, events); // last: it may free w
}

static short watch_bits(unsigned events)
{
    return (short)(EV_PERSIST | ((events & LOOP_READ) != 0 ? EV_READ : 0) |
                   ((events & LOOP_WRITE) != 0 ? EV_WRITE : 0));
}

struct loop_watch *loop_watch_new(struct loop *l, int fd, unsigned events, loop_fd_fn *fn, void *arg)
{
    CHECK(fd >= 0);
    struct loop_watch *w = check_alloc(1, sizeof *w);
    w->loop = l;
    w->fd = fd;
    w->fn = fn;
    w->arg = arg;
    w->event = event_new(l->base, fd, watch_bits(events), watch_ready, w);
    CHECK(w->event != NULL);
    loop_watch_set(w, events);
    return w;
}

void loop_watch_set(struct loop_watch *w, unsigned events)
{
    if (w->events == events)
        return;
    event_del(w->event);
    w->events = events;
    if (events == 0)
        return;
    CHECK(event_assign(w->event, w->loop->base, w->fd, watch_bits(events), watch_ready, w) == 0);
    CHECK(event_add(w->event, NULL) == 0);
}

void loop_watch_free(struct loop_watch *w)
{
    if (w == NULL)
        return;
    event_free(w->event);
    free(w);
}

static void signal_seen(evutil_socket_t signo, short what, void *arg)
{
    (void)what;
    struct signal_watch *w = arg;
    w->fn(w->arg, (int)signo);
}

void loop_on_signal(struct loop *l, int signo, loop_signal_fn *fn, void *arg)
{
    struct signal_watch *w = check_alloc(1, sizeof *w);
    w->fn = fn;
    w->arg = arg;
    w->event = evsignal_new(l->base, signo, signal_seen, w);
    CHECK(w->event != NULL);
    CHECK(event_add(w->event, NULL) == 0);
    list_append(&l->signals, &w->node);
}
