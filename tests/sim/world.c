// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Time, draws, the queue of events, and the lives that take turns by longjmp, which asks the kernel for nothing.
#undef _FORTIFY_SOURCE // that a jump leads upwards has no meaning between stacks
#include "tests/sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "daemon/sim/draw.h"
#include "lib/base/check.h"
#include "lib/base/when.h"

#define STACK_SIZE ((size_t)16 << 20)
#define ENDERS_MAX 8
#define SIGNALS_MAX 8
#define NOTE_MAX 400

struct event {
    int64_t at;
    uint64_t number; // of those at one instant, the first comes first
    uint32_t slot;
    struct host *host; // NULL: the world
    unsigned life;
    loop_fn *fn;
    void *arg;
    bool cancelled;
    const struct loop *inner; // of a second loop: run by its steps alone
};

struct slot { // of a timer, by its id
    struct event *event;
    uint32_t generation;
};

struct handler {
    int signo;
    loop_signal_fn *fn;
    void *arg;
};

struct loop {
    struct host *host;
    bool stop, inner; // a life's second loop takes its turns by itself: nothing else happens meanwhile
    uint64_t turns;
};

struct host {
    int64_t started;
    char name[32];
    int index;
    host_main_fn *entry;
    char **argv;
    unsigned life;
    bool alive, ended, has_loop;
    int status;
    ucontext_t context; // where it begins
    jmp_buf goes_on;
    bool begun;
    void *stack;
    loop_fn *fn; // handed over when it is resumed
    void *arg;
    int64_t frozen_until;
    struct handler handlers[SIGNALS_MAX];
    size_t handler_count;
};

static struct world {
    uint64_t seed, counts[WORLD_DRAW_COUNT], sums[WORLD_SUM_COUNT], numbers, steps, hash;
    int64_t now, wall;
    struct event **heap;
    size_t count, cap;
    struct slot *slots;
    uint32_t slot_count, *idle, idle_count, idle_cap;
    struct host *hosts[WORLD_HOSTS_MAX], *current;
    jmp_buf goes_on;
    void (*enders[ENDERS_MAX])(struct host *h);
    size_t ender_count;
    bool trace;
    const char *hidden;
} w;

void world_begin(uint64_t seed, int64_t wall_ns)
{
    w.seed = seed;
    w.wall = wall_ns;
}

void world_set(int64_t wall_ns)
{
    CHECK(w.steps == 0);
    w.wall = wall_ns;
}

uint64_t world_seed(void)
{
    return w.seed;
}

uint64_t world_draw(enum world_draw what)
{
    return draw3(w.seed, what, w.counts[what]++, 7);
}

int64_t world_between(enum world_draw what, int64_t low, int64_t high)
{
    return low + draw_below(world_draw(what), high - low + 1);
}

bool world_chance(enum world_draw what, int64_t ppm)
{
    return draw_below(world_draw(what), 1000000) < ppm;
}

int64_t world_ns(void)
{
    return w.now;
}

int64_t world_wall_ns(void)
{
    return w.wall + w.now;
}

uint64_t world_steps(void)
{
    return w.steps;
}

uint64_t world_hash(void)
{
    return w.hash;
}

void world_sum(enum world_sum what, uint64_t more)
{
    w.sums[what] += more;
}

uint64_t world_sum_of(enum world_sum what)
{
    return w.sums[what];
}

void world_trace(bool on)
{
    w.trace = on;
}

void world_hide(const char *place)
{
    w.hidden = place;
}

static void hide(char *text)
{
    size_t len = w.hidden ? strlen(w.hidden) : 0;
    for (char *at; len > 0 && (at = strstr(text, w.hidden));)
        memmove(at, at + len, strlen(at + len) + 1);
}

void world_note(const char *format, ...)
{
    char text[NOTE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    hide(text);
    w.hash = draw_mix(w.hash ^ draw_text(text) ^ (uint64_t)w.now);
    if (w.trace) {
        char at[WHEN_TEXT_MAX];
        printf("%s %-3s %s\n", when_format_ms(world_wall_ns(), at), w.current ? w.current->name : "", text);
    }
}

// --- the queue

static bool before(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->number < b->number;
}

static void heap_up(size_t i)
{
    for (size_t up; i > 0 && before(w.heap[i], w.heap[up = (i - 1) / 2]); i = up) {
        struct event *e = w.heap[i];
        w.heap[i] = w.heap[up];
        w.heap[up] = e;
    }
}

static void heap_down(size_t i)
{
    for (size_t child; (child = 2 * i + 1) < w.count; i = child) {
        if (child + 1 < w.count && before(w.heap[child + 1], w.heap[child]))
            child++;
        if (!before(w.heap[child], w.heap[i]))
            break;
        struct event *e = w.heap[i];
        w.heap[i] = w.heap[child];
        w.heap[child] = e;
    }
}

static uint32_t slot_new(void)
{
    if (w.idle_count > 0)
        return w.idle[--w.idle_count];
    w.slots = check_realloc(w.slots, (w.slot_count + 1) * sizeof *w.slots);
    w.slots[w.slot_count] = (struct slot){.generation = 1};
    return w.slot_count++;
}

static struct event *event_new(struct host *h, int64_t delay_ns, loop_fn *fn, void *arg)
{
    struct event *e = check_alloc(1, sizeof *e);
    *e = (struct event){
        w.now + (delay_ns > 0 ? delay_ns : 0), w.numbers++, slot_new(), h, h ? h->life : 0, fn, arg, false, NULL};
    w.slots[e->slot].event = e;
    if (w.count == w.cap) {
        w.cap = w.cap ? 2 * w.cap : 256;
        w.heap = check_realloc(w.heap, w.cap * sizeof *w.heap);
    }
    w.heap[w.count++] = e;
    heap_up(w.count - 1);
    return e;
}

static void event_free(struct event *e)
{
    struct slot *s = &w.slots[e->slot];
    s->event = NULL;
    s->generation++;
    if (w.idle_count == w.idle_cap) {
        w.idle_cap = w.idle_cap ? 2 * w.idle_cap : 64;
        w.idle = check_realloc(w.idle, w.idle_cap * sizeof *w.idle);
    }
    w.idle[w.idle_count++] = e->slot;
    free(e);
}

static struct event *heap_pop(void)
{
    struct event *e = w.heap[0];
    w.heap[0] = w.heap[--w.count];
    heap_down(0);
    return e;
}

void world_after(int64_t delay_ns, loop_fn *fn, void *arg)
{
    event_new(NULL, delay_ns, fn, arg);
}

void world_tell(struct host *h, int64_t delay_ns, loop_fn *fn, void *arg)
{
    event_new(h, delay_ns, fn, arg);
}

// --- lives

struct host *host_new(const char *name, host_main_fn *entry, char **argv)
{
    struct host *h = check_alloc(1, sizeof *h);
    int i = 0;
    while (w.hosts[i])
        CHECK(++i < WORLD_HOSTS_MAX);
    *h = (struct host){.index = i, .entry = entry, .argv = argv, .status = -1};
    snprintf(h->name, sizeof h->name, "%s", name);
    w.hosts[i] = h;
    return h;
}

const char *host_name(const struct host *h)
{
    return h->name;
}

int host_index(const struct host *h)
{
    return h->index;
}

struct host *host_current(void)
{
    return w.current;
}

struct host *host_at(int index)
{
    return index < WORLD_HOSTS_MAX ? w.hosts[index] : NULL;
}

unsigned host_life(const struct host *h)
{
    return h->life;
}

bool host_alive(const struct host *h)
{
    return h->alive;
}

int64_t host_started_ns(const struct host *h)
{
    return h->started;
}

int host_status(const struct host *h)
{
    return h->status;
}

static void hand_back(struct host *h)
{
    if (_setjmp(h->goes_on) == 0)
        _longjmp(w.goes_on, 1);
}

static void live(void)
{
    struct host *h = w.current;
    int argc = 0;
    while (h->argv[argc])
        argc++;
    h->status = h->entry(argc, h->argv);
    h->ended = true;
    for (;;)
        hand_back(h);
}

static void end(struct host *h)
{
    h->alive = false;
    h->frozen_until = 0;
    h->life++;
    for (size_t i = 0; i < w.ender_count; i++)
        w.enders[i](h);
    h->handler_count = 0;
    h->has_loop = false;
    munmap(h->stack, STACK_SIZE);
    h->stack = NULL;
}

static void hand_over(void)
{
    const bool goes_on = w.current->begun;
    w.current->begun = true;
    if (_setjmp(w.goes_on) == 0)
        goes_on ? _longjmp(w.current->goes_on, 1) : (void)setcontext(&w.current->context);
}

static void resume(struct host *h)
{
    w.current = h;
    hand_over();
    w.current = NULL;
    if (h->ended)
        end(h);
}

void host_start(struct host *h)
{
    CHECK(!h->alive && !w.current);
    h->alive = true;
    h->ended = false;
    h->started = w.now;
    h->status = -1;
    h->stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(h->stack != MAP_FAILED);
    CHECK(getcontext(&h->context) == 0);
    h->context.uc_stack.ss_sp = h->stack;
    h->context.uc_stack.ss_size = STACK_SIZE;
    h->context.uc_link = NULL;
    makecontext(&h->context, live, 0);
    h->begun = false;
    resume(h);
}

void host_kill(struct host *h)
{
    CHECK(w.current != h);
    if (!h->alive)
        return;
    world_sum(SUM_KILLS, 1);
    end(h);
}

struct sent_signal {
    struct handler handler;
};

static void signal_arrives(void *arg)
{
    struct sent_signal *s = arg;
    struct handler handler = s->handler;
    free(s);
    handler.fn(handler.arg, handler.signo);
}

void host_signal(struct host *h, int signo)
{
    for (size_t i = 0; h->alive && i < h->handler_count; i++)
        if (h->handlers[i].signo == signo) {
            struct sent_signal *s = check_alloc(1, sizeof *s);
            s->handler = h->handlers[i];
            world_tell(h, 0, signal_arrives, s);
        }
}

void host_freeze(struct host *h, int64_t for_ns)
{
    if (h->frozen_until < w.now + for_ns) // what is due waits for the last of them
        h->frozen_until = w.now + for_ns;
    world_sum(SUM_FREEZES, 1);
}

int64_t host_thaws_ns(const struct host *h)
{
    return h->frozen_until;
}

void world_on_end(void (*fn)(struct host *h))
{
    CHECK(w.ender_count < ENDERS_MAX);
    w.enders[w.ender_count++] = fn;
}

// --- turning

static void later(struct event *e)
{
    e->at = e->host->frozen_until;
    e->number = w.numbers++;
    w.heap[w.count++] = e; // there is room: it was just taken out
    heap_up(w.count - 1);
}

static void turn(void)
{
    struct event *e = heap_pop();
    CHECK(e->at >= w.now);
    w.now = e->at;
    struct host *h = e->host;
    if (!e->cancelled && h && h->life == e->life && h->alive && h->frozen_until > w.now) {
        later(e);
        return;
    }
    bool good = !e->cancelled && (!h || (h->alive && h->life == e->life));
    loop_fn *fn = e->fn;
    void *arg = e->arg;
    event_free(e);
    if (!good)
        return;
    w.steps++;
    if (!h) {
        fn(arg);
        return;
    }
    h->fn = fn;
    h->arg = arg;
    resume(h);
}

bool world_run(int64_t until, bool (*done)(void))
{
    CHECK(!w.current);
    while (!done || !done()) {
        if (w.count == 0 || w.heap[0]->at > until) {
            w.now = until > w.now ? until : w.now;
            return done == NULL;
        }
        turn();
    }
    return true;
}

// --- the loop

struct loop *loop_new(void)
{
    struct loop *l = check_alloc(1, sizeof *l);
    l->host = w.current;
    l->inner = l->host && l->host->has_loop;
    if (l->host)
        l->host->has_loop = true;
    return l;
}

void loop_free(struct loop *l)
{
    for (size_t i = 0; l && l->inner && i < w.count; i++)
        w.heap[i]->cancelled |= w.heap[i]->inner == l;
    free(l);
}

static void one(struct loop *l)
{
    struct host *h = l->host;
    CHECK(w.current == h);
    h->fn = NULL;
    hand_back(h);
    CHECK(h->fn != NULL);
    l->turns++;
    h->fn(h->arg);
}

void loop_run(struct loop *l)
{
    while (!l->stop)
        one(l);
    l->stop = false;
}

void loop_stop(struct loop *l)
{
    l->stop = true;
}

static void nothing(void *arg)
{
    (void)arg;
}

// What is due when it begins. Its place in the heap stays until the world comes to it.
static bool inner_step(struct loop *l)
{
    for (const uint64_t begun = w.numbers;;) {
        struct event *first = NULL;
        for (size_t i = 0; i < w.count; i++) {
            struct event *e = w.heap[i];
            if (e->inner == l && !e->cancelled && e->at <= w.now && e->number < begun && (!first || before(e, first)))
                first = e;
        }
        if (!first)
            return true;
        first->cancelled = true;
        first->fn(first->arg);
    }
}

bool loop_step(struct loop *l, int64_t timeout_ms)
{
    if (l->inner)
        return inner_step(l);
    loop_after_ms(l, timeout_ms, nothing, NULL);
    one(l);
    return true;
}

loop_timer world_timer(struct host *h, int64_t delay_ns, loop_fn *fn, void *arg)
{
    struct event *e = event_new(h, delay_ns, fn, arg);
    return ((uint64_t)w.slots[e->slot].generation << 32) | (uint64_t)(e->slot + 1);
}

loop_timer loop_after_ms(struct loop *l, int64_t delay_ms, loop_fn *fn, void *arg)
{
    loop_timer id = world_timer(l->host, (delay_ms > 0 ? delay_ms : 0) * NS_PER_MS, fn, arg);
    if (l->inner)
        w.slots[(id & UINT32_MAX) - 1].event->inner = l;
    return id;
}

void loop_cancel(struct loop *l, loop_timer *id)
{
    (void)l;
    if (*id == 0)
        return;
    uint32_t slot = (uint32_t)(*id & 0xffffffffu) - 1, generation = (uint32_t)(*id >> 32);
    CHECK(slot < w.slot_count);
    if (w.slots[slot].generation == generation && w.slots[slot].event)
        w.slots[slot].event->cancelled = true;
    *id = 0;
}

loop_timer loop_post(struct loop *l, loop_fn *fn, void *arg)
{
    return loop_after_ms(l, 0, fn, arg);
}

void loop_on_signal(struct loop *l, int signo, loop_signal_fn *fn, void *arg)
{
    struct host *h = l->host;
    CHECK(h->handler_count < SIGNALS_MAX);
    h->handlers[h->handler_count++] = (struct handler){signo, fn, arg};
}

uint64_t loop_turns(const struct loop *l)
{
    return l->turns;
}
