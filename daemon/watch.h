// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Watch: what somebody should hear of though no single event tells it: a share of failed broker calls, a strategy that
// has not completed for too long, a model that is not sure, an attempt at a live host. Pure: time comes as a parameter.
#ifndef PAPERGUARD_DAEMON_WATCH_H
#define PAPERGUARD_DAEMON_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATCH_WINDOW_S 300     // of broker calls that are looked at
#define WATCH_BUCKET_S 10      // the window moves by this much
#define WATCH_CALLS_MIN 20     // fewer calls tell nothing: the window then reaches back further,
#define WATCH_REACH_S 1800     // at most this far
#define WATCH_ERRORS_PERCENT 5 // more of them than this is told
#define WATCH_ROW_MIN 3        // failed calls in a row that are told as well, however few were made,
#define WATCH_ROW_S 60         // when they failed for this long
#define WATCH_INTERVALS 2      // of a strategy without a completed run
#define WATCH_STRATEGIES_MAX 16
#define WATCH_DETAIL_MAX 200

typedef void watch_alert_fn(void *arg, const char *kind, const char *subject, const char *detail);

struct watch;
struct watch *watch_new(watch_alert_fn *alert, void *arg);
void watch_free(struct watch *w);

// A broker call ended; times are boot nanoseconds and never fall.
void watch_call(struct watch *w, bool failed, int64_t now_ns);
// Alert broker_errors: once, until the share is below again and a call came through. Called with every tick.
void watch_look(struct watch *w, int64_t now_ns);

// Strategy i of the config. applies: enabled, not paused, the market open; interval_ns: of its `every` schedule, 0 =
// has none. Alert run_overdue: once per gap. Time during which it does not apply is no gap. Called with every tick.
void watch_strategy(struct watch *w, size_t i, const char *name, bool applies, int64_t interval_ns, int64_t now_ns);
void watch_completed(struct watch *w, size_t i, int64_t now_ns);

// Alert live_attempt when the count of attempts rose; rule is the guard's check that denied it.
void watch_live(struct watch *w, int64_t attempts, const char *rule, const char *detail);

// Is the lowest confidence of a completed run below the strategy's threshold (0 = none)? Then detail tells it.
bool watch_confidence_low(int64_t lowest_nanos, int64_t min_nanos, char detail[WATCH_DETAIL_MAX]);

#endif
