// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What is to come: slots with who runs in them, early closes, days without a session, and changes of New York's clock.
#include "daemon/admin_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/io/clock.h"

#define DAYS_DEFAULT 7
#define DAYS_MAX 60
#define SLOTS_MAX 1000
#define NOON_S (12 * 3600)

struct slot {
    int64_t at;
    const struct session_day *session;
    const struct config_strategy *strategy;
};

static int by_time(const void *a, const void *b)
{
    const struct slot *x = a, *y = b;
    return x->at != y->at ? (x->at < y->at ? -1 : 1) : x->strategy < y->strategy ? -1 : 1;
}

// "every 20s" is told once a session: from its first instant.
static bool instant(const struct config_strategy *s, const struct session_day *day, bool always_open, int64_t now,
                    int64_t *at)
{
    int64_t period = s->schedule.seconds * NS_PER_S, close = session_close_ns(day);
    if (s->schedule.kind != SLOT_EVERY)
        return slot_instant(&s->schedule, day, at) && *at > now;
    int64_t from = session_open_ns(day) > now ? session_open_ns(day) - 1 : now;
    *at = (from / period + 1) * period;
    return always_open ? true : *at < close;
}

static size_t collect(const struct admin *a, const struct calendar *c, bool always_open, int64_t now, int days,
                      struct slot *out)
{
    struct day last = day_add(day_of(now), days - 1);
    size_t n = 0;
    for (size_t d = 0; d < c->count; d++) {
        const struct session_day *day = &c->days[d];
        if (day_compare(day->date, last) > 0)
            break;
        if (session_close_ns(day) < now && day_compare(day->date, day_of(now)) != 0)
            continue;
        for (size_t i = 0; i < a->p.config->strategy_count && n < SLOTS_MAX; i++) {
            const struct config_strategy *s = &a->p.config->strategies[i];
            if (s->enabled && instant(s, day, always_open, now, &out[n].at)) {
                out[n].session = day;
                out[n++].strategy = s;
            }
        }
    }
    qsort(out, n, sizeof *out, by_time);
    return n;
}

static void put_names(const struct admin *a, const struct slot *slots, size_t count, bool paused, const char *key,
                      struct json_out *o)
{
    json_key(o, key);
    json_array_begin(o);
    for (size_t i = 0; i < count; i++)
        if ((pauses_of(a->p.pauses, slots[i].strategy->name) != NULL) == paused)
            json_add_string(o, slots[i].strategy->name);
    json_array_end(o);
}

// Strategies with one instant share a run.
static void put_slots(const struct admin *a, const struct slot *slots, size_t count, struct json_out *o)
{
    json_key(o, "slots");
    json_array_begin(o);
    for (size_t i = 0, n; i < count; i += n) {
        char ny[WHEN_TEXT_MAX];
        for (n = 1; i + n < count && slots[i + n].at == slots[i].at;)
            n++;
        json_object_begin(o);
        json_put_when(o, "at", slots[i].at);
        json_put_string(o, "at_new_york", when_format_ny(slots[i].at, ny));
        json_key(o, "session");
        json_add_day(o, slots[i].session->date);
        json_put_string(o, "label", slots[i].strategy->schedule.text);
        json_put_bool(o, "repeats", slots[i].strategy->schedule.kind == SLOT_EVERY);
        json_put_bool(o, "early_close", session_is_early_close(slots[i].session));
        json_put_when(o, "close", session_close_ns(slots[i].session));
        put_names(a, slots + i, n, false, "strategies", o);
        put_names(a, slots + i, n, true, "paused", o);
        json_object_end(o);
    }
    json_array_end(o);
}

static void put_early_closes(const struct calendar *c, struct day first, struct day last, struct json_out *o)
{
    char ny[WHEN_TEXT_MAX];
    json_key(o, "early_closes");
    json_array_begin(o);
    for (size_t d = 0; d < c->count; d++) {
        const struct session_day *day = &c->days[d];
        if (day_compare(day->date, first) < 0 || day_compare(day->date, last) > 0 || !session_is_early_close(day))
            continue;
        json_object_begin(o);
        json_key(o, "session");
        json_add_day(o, day->date);
        json_put_when(o, "close", session_close_ns(day));
        json_put_string(o, "close_new_york", when_format_ny(session_close_ns(day), ny));
        json_object_end(o);
    }
    json_array_end(o);
}

// Weekdays that the calendar does not list.
static void put_closed(const struct calendar *c, struct day first, struct day last, struct json_out *o)
{
    json_key(o, "closed_weekdays");
    json_array_begin(o);
    for (struct day d = first; day_compare(d, last) <= 0; d = day_add(d, 1))
        if (day_weekday(d) != 0 && day_weekday(d) != 6 && !session_find(c, d))
            json_add_day(o, d);
    json_array_end(o);
}

static const char *offset(struct day d, char buf[WHEN_TEXT_MAX])
{
    when_format_ny(day_at(d, NOON_S), buf);
    size_t len = strlen(buf);
    return len > 6 ? buf + len - 6 : buf; // "-05:00"
}

static void put_clock_changes(struct day first, struct day last, struct json_out *o)
{
    json_key(o, "clock_changes");
    json_array_begin(o);
    for (struct day d = day_add(first, 1); day_compare(d, last) <= 0; d = day_add(d, 1)) {
        char was[WHEN_TEXT_MAX], is[WHEN_TEXT_MAX];
        const char *before = offset(day_add(d, -1), was), *after = offset(d, is);
        if (strcmp(before, after) == 0)
            continue;
        json_object_begin(o);
        json_key(o, "date");
        json_add_day(o, d);
        json_put_string(o, "what",
                        strcmp(before, after) < 0 ? "daylight saving time ends" : "daylight saving time begins");
        json_put_string(o, "before", before);
        json_put_string(o, "after", after);
        json_object_end(o);
    }
    json_array_end(o);
}

static bool read_days(struct http_exchange *x, int *days)
{
    char text[16];
    int64_t n = DAYS_DEFAULT;
    enum http_query found = http_query_find(http_exchange_query(x), "days", text, sizeof text);
    if (found == HTTP_QUERY_BAD || (found == HTTP_QUERY_FOUND && !str_int64(text, 1, DAYS_MAX, &n)))
        return false;
    *days = (int)n;
    return true;
}

void admin_serve_next(struct admin *a, struct http_exchange *x, const char *who)
{
    struct text t;
    struct json_out o;
    int days;
    bool always_open;
    int64_t now = clock_wall_ns();
    struct calendar c = scheduler_calendar(a->p.scheduler, &always_open);
    (void)who;
    if (!read_days(x, &days)) {
        api_reply_problem(x, 400, "days must be a whole number from 1 to %d", DAYS_MAX);
        return;
    }
    if (c.count == 0) {
        api_reply_problem(x, 503, "the exchange calendar is not known yet: the broker has not told it");
        return;
    }
    struct day first = day_of(now), last = day_add(first, days - 1), until = c.days[c.count - 1].date;
    last = day_compare(until, last) < 0 ? until : last;
    struct slot *slots = check_alloc(SLOTS_MAX, sizeof *slots);
    size_t count = collect(a, &c, always_open, now, days, slots);
    api_answer_begin(&t, &o);
    json_put_int(&o, "days", days);
    json_key(&o, "calendar_until");
    json_add_day(&o, until);
    if (scheduler_status(a->p.scheduler)->calendar_kept_ns)
        json_put_when(&o, "calendar_kept_from", scheduler_status(a->p.scheduler)->calendar_kept_ns);
    json_put_string(&o, "calendar_doubt", scheduler_status(a->p.scheduler)->calendar_doubt);
    put_slots(a, slots, count, &o);
    put_early_closes(&c, first, last, &o);
    put_closed(&c, first, last, &o);
    put_clock_changes(first, last, &o);
    api_answer_end(a->p.api, x, 200, &t, &o);
    free(slots);
}
