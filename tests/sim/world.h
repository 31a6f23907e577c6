// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The simulated outside: one thread, one seed, time that jumps from event to event. The daemon's own objects run on it
// unchanged; what they see of the world (loop, clock, wire to the broker, connections to Postgres, children, HTTP) has
// its second implementation in this folder. Each life of a daemon has a stack of its own and hands the processor back
// when its loop has nothing to do; a kill never gives it back.
//
// One world in a process: seams like clock_wall_ns() carry no handle. Every seed runs in a process of its own, so what
// a killed life had allocated ends with it.
#ifndef PAPERGUARD_TESTS_SIM_WORLD_H
#define PAPERGUARD_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/io/loop.h"

#define WORLD_HOSTS_MAX 2

// What is drawn for one purpose does not move when another purpose draws more.
#define WORLD_DRAWS(X)                                                                                                 \
    X(DRAW_SCENARIO)                                                                                                   \
    X(DRAW_WIRE)                                                                                                       \
    X(DRAW_POSTGRES)                                                                                                   \
    X(DRAW_CHILD)                                                                                                      \
    X(DRAW_KILL)                                                                                                       \
    X(DRAW_CLIENT)                                                                                                     \
    X(DRAW_BYTES)                                                                                                      \
    X(DRAW_STREAM)                                                                                                     \
    X(DRAW_REDIS)                                                                                                      \
    X(DRAW_DAY)                                                                                                        \
    X(DRAW_HOSTS)                                                                                                      \
    X(DRAW_LISTS)                                                                                                      \
    X(DRAW_SLOTS)                                                                                                      \
    X(DRAW_LATE)
#define WORLD_DRAW_NAME(name) name,
enum world_draw { WORLD_DRAWS(WORLD_DRAW_NAME) WORLD_DRAW_COUNT };

// What a seed did and suffered: the sums of all seeds tell how much was tried.
#define WORLD_SUMS(X)                                                                                                  \
    X(SUM_ORDERS, "orders")                                                                                            \
    X(SUM_FILLS, "fills")                                                                                              \
    X(SUM_KILLS, "kills")                                                                                              \
    X(SUM_FREEZES, "freezes")                                                                                          \
    X(SUM_CLOCKS, "clock_steps")                                                                                       \
    X(SUM_OUTAGES, "outages")                                                                                          \
    X(SUM_WIRE, "wire_faults")                                                                                         \
    X(SUM_STREAM, "stream_faults")                                                                                     \
    X(SUM_REDIS, "redis_faults")                                                                                       \
    X(SUM_POSTGRES, "postgres_faults")                                                                                 \
    X(SUM_HANGS, "postgres_hangs")                                                                                     \
    X(SUM_HUNG, "left_hanging")                                                                                        \
    X(SUM_LISTS, "list_faults")                                                                                        \
    X(SUM_BUSTS, "busts")                                                                                              \
    X(SUM_SLOTS, "slots_looked_at")
#define WORLD_SUM_NAME(name, word) name,
enum world_sum { WORLD_SUMS(WORLD_SUM_NAME) WORLD_SUM_COUNT };

struct host;

void world_begin(uint64_t seed, int64_t wall_ns);
void world_set(int64_t wall_ns); // true time, before anybody has seen it
uint64_t world_seed(void);
uint64_t world_draw(enum world_draw what);
int64_t world_between(enum world_draw what, int64_t low, int64_t high); // both included
bool world_chance(enum world_draw what, int64_t ppm);
int64_t world_ns(void);      // since the beginning; what every monotonic clock shows
int64_t world_wall_ns(void); // true time, which hosts' clocks may miss
uint64_t world_steps(void);
uint64_t world_hash(void); // of all that was noted so far: the same for the same seed
void world_note(const char *format, ...) __attribute__((format(printf, 1, 2))); // into the hash, and the trace if asked
void world_sum(enum world_sum what, uint64_t more);
uint64_t world_sum_of(enum world_sum what);
void world_trace(bool on);
void world_hide(const char *place); // a folder whose name differs from run to run; borrowed

// In the world's own hands, delay_ns from now.
void world_after(int64_t delay_ns, loop_fn *fn, void *arg);
// In a life's hands: dropped when that life has ended by then.
void world_tell(struct host *h, int64_t delay_ns, loop_fn *fn, void *arg);
loop_timer world_timer(struct host *h, int64_t delay_ns, loop_fn *fn,
                       void *arg); // the same, to be cancelled by loop_cancel
// Runs events until `until` (world_ns) or until done says so; false when time ran out first.
bool world_run(int64_t until, bool (*done)(void));

// --- hosts

typedef int host_main_fn(int argc, char **argv);
struct host *host_new(const char *name, host_main_fn *entry, char **argv);
const char *host_name(const struct host *h);
int host_index(const struct host *h);
struct host *host_current(void); // NULL: the world itself
struct host *host_at(int index); // NULL past the end
unsigned host_life(const struct host *h);
bool host_alive(const struct host *h);
int64_t host_started_ns(const struct host *h);
int host_status(const struct host *h); // of the last life that ended by itself, -1 when none did
void host_start(struct host *h);
void host_kill(struct host *h);                   // as SIGKILL; never from that host's own hands
void host_signal(struct host *h, int signo);      // to its loop's handler
void host_freeze(struct host *h, int64_t for_ns); // as SIGSTOP: what is due for it waits
int64_t host_thaws_ns(const struct host *h);      // world_ns, in the past when it is not frozen

void clock_begin(void);
void clock_step(struct host *h, int64_t by_ns);    // its wall clock is set
int64_t clock_next_alarm_ns(const struct host *h); // by its wall clock; INT64_MAX: none is set, or it is not alive
void clock_right(struct host *h);                  // to the true time

// Whoever holds something for a life (a connection, a child) lets go of it here.
void world_on_end(void (*fn)(struct host *h));

#endif
