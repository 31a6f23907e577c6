// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Calls are counted in buckets of WATCH_BUCKET_S, each marked with its number since boot: a bucket whose number is not
// of the window any more counts nothing, so nothing has to run while nothing happens.
#include "daemon/watch.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/decimal.h"
#include "lib/base/text.h"

#define BUCKETS (WATCH_WINDOW_S / WATCH_BUCKET_S)
#define SECOND_NS INT64_C(1000000000)

struct bucket {
    int64_t number, calls, failed;
};

struct watched_strategy {
    int64_t since_ns; // of the gap
    bool applies, told;
};

struct watch {
    watch_alert_fn *alert;
    void *arg;
    struct bucket buckets[BUCKETS];
    bool errors_told;
    struct watched_strategy strategies[WATCH_STRATEGIES_MAX];
    int64_t live_attempts;
};

struct watch *watch_new(watch_alert_fn *alert, void *arg)
{
    struct watch *w = check_alloc(1, sizeof *w);
    w->alert = alert;
    w->arg = arg;
    return w;
}

void watch_free(struct watch *w)
{
    free(w);
}

// --- broker calls

static int64_t bucket_number(int64_t now_ns)
{
    return now_ns / (WATCH_BUCKET_S * SECOND_NS);
}

void watch_call(struct watch *w, bool failed, int64_t now_ns)
{
    int64_t number = bucket_number(now_ns);
    struct bucket *b = &w->buckets[number % BUCKETS];
    if (b->number != number)
        *b = (struct bucket){.number = number};
    b->calls++;
    b->failed += failed;
}

void watch_look(struct watch *w, int64_t now_ns)
{
    int64_t now = bucket_number(now_ns), calls = 0, failed = 0;
    char detail[WATCH_DETAIL_MAX];
    for (size_t i = 0; i < BUCKETS; i++)
        if (w->buckets[i].number > now - BUCKETS) {
            calls += w->buckets[i].calls;
            failed += w->buckets[i].failed;
        }
    bool above = failed * 100 > calls * WATCH_ERRORS_PERCENT;
    if (!above)
        w->errors_told = w->errors_told && calls == 0; // without a call nothing has become better
    if (!above || calls < WATCH_CALLS_MIN || w->errors_told)
        return;
    w->errors_told = true;
    snprintf(detail, sizeof detail, "%lld of %lld broker calls of the last %d s failed, more than %d%%",
             (long long)failed, (long long)calls, WATCH_WINDOW_S, WATCH_ERRORS_PERCENT);
    w->alert(w->arg, "broker_errors", "broker", detail);
}

// --- strategies

void watch_strategy(struct watch *w, size_t i, const char *name, bool applies, int64_t interval_ns, int64_t now_ns)
{
    CHECK(i < WATCH_STRATEGIES_MAX);
    struct watched_strategy *s = &w->strategies[i];
    char detail[WATCH_DETAIL_MAX];
    if (!applies || interval_ns <= 0) {
        *s = (struct watched_strategy){0};
        return;
    }
    if (!s->applies)
        *s = (struct watched_strategy){.applies = true, .since_ns = now_ns};
    if (s->told || now_ns - s->since_ns <= WATCH_INTERVALS * interval_ns)
        return;
    s->told = true;
    snprintf(detail, sizeof detail, "no completed run for %lld s, it is to run every %lld s",
             (long long)((now_ns - s->since_ns) / SECOND_NS), (long long)(interval_ns / SECOND_NS));
    w->alert(w->arg, "run_overdue", name, detail);
}

void watch_completed(struct watch *w, size_t i, int64_t now_ns)
{
    CHECK(i < WATCH_STRATEGIES_MAX);
    w->strategies[i].since_ns = now_ns;
    w->strategies[i].told = false;
}

bool watch_confidence_low(int64_t lowest_nanos, int64_t min_nanos, char detail[WATCH_DETAIL_MAX])
{
    char lowest[DECIMAL_TEXT_MAX], min[DECIMAL_TEXT_MAX];
    if (lowest_nanos >= min_nanos)
        return false;
    snprintf(detail, WATCH_DETAIL_MAX, "lowest confidence %s is below min_confidence %s",
             decimal_format(lowest_nanos, lowest), decimal_format(min_nanos, min));
    return true;
}

// --- live hosts

void watch_live(struct watch *w, int64_t attempts, const char *rule, const char *detail)
{
    bool rose = attempts > w->live_attempts;
    w->live_attempts = attempts;
    if (rose)
        w->alert(w->arg, "live_attempt", rule, detail);
}
