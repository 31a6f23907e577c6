// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The only clocks of the house (a seam: simulations link another implementation).
#ifndef PAPERGUARD_IO_CLOCK_H
#define PAPERGUARD_IO_CLOCK_H

#include <stdint.h>

#include "lib/io/loop.h"

int64_t clock_wall_ns(void);      // CLOCK_REALTIME
int64_t clock_monotonic_ns(void); // stops in suspend: deadlines of conversations
int64_t clock_boot_ns(void);      // CLOCK_BOOTTIME, runs in suspend: ages and permits

// Calls fn when the wall clock reaches at_ns, or at once when the wall clock jumps (timerfd, CANCEL_ON_SET): the callee
// recomputes and arms again. One alarm per struct; owned by the caller.
struct clock_alarm;
struct clock_alarm *clock_alarm_new(struct loop *l, loop_fn *fn, void *arg);
void clock_alarm_set(struct clock_alarm *a, int64_t at_ns); // INT64_MAX: only on jumps
void clock_alarm_free(struct clock_alarm *a);

#endif
