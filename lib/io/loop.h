// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The event loop (libevent's door). Everything runs on one thread, but for what may stand
// still on a disk (disk.h); nothing here blocks. Timers are ids: a stale id is
// harmless to cancel.
#ifndef PAPERGUARD_IO_LOOP_H
#define PAPERGUARD_IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

struct loop;
struct loop_watch;
typedef uint64_t loop_timer; // 0 = none

typedef void loop_fn(void *arg);
typedef void loop_fd_fn(void *arg, int fd, unsigned events);
typedef void loop_signal_fn(void *arg, int signo);

#define LOOP_READ 1u
#define LOOP_WRITE 2u

struct loop *loop_new(void); // aborts when the system has no event mechanism; libevent's fatal callback aborts too
void loop_free(struct loop *l);
void loop_run(struct loop *l); // until loop_stop
void loop_stop(struct loop *l);
bool loop_step(struct loop *l, int64_t timeout_ms); // one turn, waiting at most that long; false when nothing is left

// One-shot timers on the monotonic clock.
loop_timer loop_after_ms(struct loop *l, int64_t delay_ms, loop_fn *fn, void *arg);
void loop_cancel(struct loop *l, loop_timer *id); // *id becomes 0
// Runs fn at the end of the current turn (never from within the caller).
loop_timer loop_post(struct loop *l, loop_fn *fn, void *arg);

// Persistent watch; change the interest with loop_watch_set. Owned by the caller; end it before the fd is closed.
struct loop_watch *loop_watch_new(struct loop *l, int fd, unsigned events, loop_fd_fn *fn, void *arg);
void loop_watch_set(struct loop_watch *w, unsigned events); // 0 pauses
void loop_watch_free(struct loop_watch *w);                 // NULL is fine; safe within its own callback

void loop_on_signal(struct loop *l, int signo, loop_signal_fn *fn, void *arg); // ends with the loop
uint64_t loop_turns(const struct loop *l); // how often the loop has turned (the watchdog's proof)

#endif
