// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Calls are counted in buckets of WATCH_BUCKET_S, each marked with its number since boot: a bucket with another number
// counts nothing, so nothing has to run while nothing happens.
#include "daemon/watch.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/decimal.h"
#include "lib/base/text.h"

#define BUCKETS (WATCH_REACH_S / WATCH_BUCKET_S)
#define WINDOW (WATCH_WINDOW_S / WATCH_BUCKET_S)
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
    int64_t row, row_from_ns, row_to_ns; // failed calls since the last good one
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
    if (!failed)
        w->row = 0;
    else if (w->row++ == 0)
        w->row_from_ns = now_ns;
    w->row_to_ns = now_ns;
}

struct share {
    int64_t calls, failed, seconds;
};

// Of the window, or of as many buckets before it as it takes to have enough calls.
static struct share share_of(const struct watch *w, int64_t now)
{
    struct share s = {0};
    for (int64_t n = 0; n < BUCKETS && n <= now && (n < WINDOW || s.calls < WATCH_CALLS_MIN); n++) {
        const struct bucket *b = &w->buckets[(now - n) % BUCKETS];
        s.calls += b->number == now - n ? b->calls : 0;
        s.failed += b->number == now - n ? b->failed : 0;
        s.seconds = (n < WINDOW ? WINDOW : n + 1) * WATCH_BUCKET_S;
    }
    return s;
}

void watch_look(struct watch *w, int64_t now_ns)
{
    const struct share s = share_of(w, bucket_number(now_ns));
    bool row = w->row >= WATCH_ROW_MIN && w->row_to_ns - w->row_from_ns >= WATCH_ROW_S * SECOND_NS;
    bool above = s.failed * 100 > s.calls * WATCH_ERRORS_PERCENT, enough = s.calls >= WATCH_CALLS_MIN;
    char detail[WATCH_DETAIL_MAX];
    if (!row && !above)
        w->errors_told = w->errors_told && s.calls == 0; // without a call nothing has become better
    if (w->errors_told || !(row || (above && enough)))
        return;
    w->errors_told = true;
    if (above && enough)
        snprintf(detail, sizeof detail, "%lld of %lld broker calls of the last %lld s failed, more than %d%%",
                 (long long)s.failed, (long long)s.calls, (long long)s.seconds, WATCH_ERRORS_PERCENT);
    else
        snprintf(detail, sizeof detail, "the last %lld broker calls failed, for %lld s", (long long)w->row,
                 (long long)((w->row_to_ns - w->row_from_ns) / SECOND_NS));
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
