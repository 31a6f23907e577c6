// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Each enabled strategy has a slot; strategies due at the same instant share one run. What is due is decided by
// slot_decide from (now, calendar, rows); the scheduler only keeps those three at hand and acts on the answer.
#include "daemon/scheduler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/io/clock.h"
#include "lib/trade/exchange_days.h"

#define BLOCKED_LOOK_MS 500
#define KEPT_GRACE_NS (10 * NS_PER_S)
#define ALL_DAY_S 86340 // a listed day until 23:59 or later is open around the clock
#define KEY_MAX 80
#define NAMES_MAX 512 // of strategies, space separated
#define KEPT_WHY "the broker has not told its calendar since the start"
#define MANUAL "manual" // slot and label of a run that a client asks for

struct scheduler {
    struct scheduler_params p;
    struct scheduler_status status;
    struct session_day *days;
    size_t day_count;
    bool always_open;
    struct session_day decided[CONFIG_WORDS_MAX]; // special_days
    struct map *taken;                            // "session slot-key" -> the scheduler itself
    bool rows_known;
    int64_t
        watch_from_ns[CONFIG_STRATEGIES_MAX]; // of each strategy: since when its slot is known to have been its slot
    int64_t kept_boot_ns;                     // since when a calendar that was kept is all there is
    struct clock_alarm *alarm;
    loop_timer blocked;
    char blocked_why[160];
    bool stopped;
};

static void look(void *arg)
{
    struct scheduler *s = arg;
    s->blocked = 0;
    scheduler_look(s);
}

static void alarm_rang(void *arg)
{
    scheduler_look(arg);
}

struct scheduler *scheduler_new(const struct scheduler_params *params)
{
    struct scheduler *s = check_alloc(1, sizeof *s);
    s->p = *params;
    s->taken = map_new();
    for (size_t i = 0; i < CONFIG_STRATEGIES_MAX; i++)
        s->watch_from_ns[i] = clock_wall_ns();
    s->alarm = clock_alarm_new(params->loop, alarm_rang, s);
    for (size_t i = 0; i < params->config->special_days.count; i++) {
        struct err err;
        const int rc = exchange_day_read(params->config->special_days.words[i], &s->decided[i], &err);
        CHECK(rc == 0); // else refused when the files were read
    }
    for (size_t i = 0; i < params->config->strategy_count; i++)
        s->status.enabled = s->status.enabled || params->config->strategies[i].enabled;
    return s;
}

void scheduler_free(struct scheduler *s)
{
    if (!s)
        return;
    clock_alarm_free(s->alarm);
    loop_cancel(s->p.loop, &s->blocked);
    map_free(s->taken);
    free(s->days);
    free(s);
}

static void taken_key(struct day session, const char *slot, char out[KEY_MAX])
{
    char day[WHEN_TEXT_MAX];
    snprintf(out, KEY_MAX, "%s %s", day_format(session, day), slot);
}

// A client's run has a slot that no schedule asks for ("manual-7"): nothing to remember, however many there are.
static void mark_taken(struct scheduler *s, struct day session, const char *slot)
{
    char key[KEY_MAX];
    if (str_starts(slot, MANUAL))
        return;
    taken_key(session, slot, key);
    map_put(s->taken, key, s);
}

static bool is_taken(void *arg, struct day session, int64_t at_ns)
{
    const struct scheduler *s = arg;
    char key[KEY_MAX], slot[SLOT_KEY_MAX];
    slot_key(at_ns, slot);
    taken_key(session, slot, key);
    return map_get(s->taken, key) != NULL;
}

static struct slot_due decide(struct scheduler *s, const struct config_strategy *strategy, int64_t now)
{
    const struct slot_rule rule = {
        .spec = strategy->schedule,
        .latest_start_ns = s->p.config->latest_start_ms * NS_PER_MS,
        .always_open = s->always_open,
    };
    const struct calendar calendar = {s->days, s->day_count};
    return slot_decide(&rule, &calendar, now, s->watch_from_ns[strategy - s->p.config->strategies], is_taken, s);
}

// Does the broker's calendar differ from the exchange's rules, from..to? A simulator that never closes has no sessions
// to compare.
static bool doubted(const struct scheduler *s, struct day from, struct day to, struct err *err)
{
    const struct calendar calendar = {s->days, s->day_count};
    const struct calendar decided = {s->decided, s->p.config->special_days.count};
    return !s->always_open && exchange_days_agree(&calendar, &decided, from, to, err) != 0;
}

static void check_calendar(struct scheduler *s)
{
    struct err err = {""};
    s->status.calendar_checked = s->day_count > 0 && !s->always_open;
    if (s->day_count > 0 && doubted(s, day_of(clock_wall_ns()), s->days[s->day_count - 1].date, &err) &&
        strcmp(err.text, s->status.calendar_doubt) != 0)
        s->p.alert(s->p.arg, "calendar", "exchange", err.text);
    str_copy_cut(s->status.calendar_doubt, sizeof s->status.calendar_doubt, err.text);
}

void scheduler_doubt_of(const struct scheduler *s, int64_t now_ns, char out[200])
{
    struct err err = {""};
    const struct day today = day_of(now_ns);
    if (s->day_count == 0 || !doubted(s, today, today, &err))
        err.text[0] = '\0';
    str_copy_cut(out, 200, err.text);
}

// --- acting

static void fill_order(const struct scheduler *s, struct run_order *o, struct day session, const char *key,
                       const char *label, const char *cause, const char *strategies, int64_t at)
{
    const struct calendar calendar = {s->days, s->day_count};
    const struct session_day *day = session_find(&calendar, session);
    *o = (struct run_order){
        .session = session,
        .slot_key = key,
        .label = label,
        .cause = cause,
        .strategies = strategies,
        .scheduled_at = at,
        .close_at = day ? session_close_ns(day) : 0,
    };
}

static void waits(struct scheduler *s, const char *why)
{
    if (strcmp(s->blocked_why, why) != 0)
        log_notice("a slot is due and waits: %s", why);
    str_copy_cut(s->blocked_why, sizeof s->blocked_why, why);
}

static void run_started(void *arg, const struct run_row *row, bool taken, const char *why)
{
    struct scheduler *s = arg;
    if (row)
        mark_taken(s, row->session, row->slot_key);
    if (taken)
        log_info("slot %s of this session was taken: %s", row->slot_key, why);
    if (row)
        s->blocked_why[0] = '\0';
    else
        waits(s, why);
}

static void add_name(char *out, size_t size, const char *name)
{
    size_t used = strlen(out);
    snprintf(out + used, size - used, "%s%s", used ? " " : "", name);
}

// All enabled strategies whose slot is due (or missed) at this very instant; apart, those of them that are paused.
static void names_at(struct scheduler *s, int64_t at, int64_t now, int what, char out[NAMES_MAX],
                     char paused[NAMES_MAX])
{
    out[0] = paused[0] = '\0';
    for (size_t i = 0; i < s->p.config->strategy_count; i++) {
        const struct config_strategy *c = &s->p.config->strategies[i];
        if (!c->enabled)
            continue;
        struct slot_due d = decide(s, c, now);
        if ((int)d.what == what && d.at_ns == at)
            add_name(pauses_of(s->p.pauses, c->name) ? paused : out, NAMES_MAX, c->name);
    }
}

static void act(struct scheduler *s, const struct slot_due *due, const char *label, int64_t now)
{
    char key[SLOT_KEY_MAX], names[NAMES_MAX], paused[NAMES_MAX], all_paused[sizeof s->blocked_why];
    struct run_order order;
    const char *why = all_paused;
    slot_key(due->at_ns, key);
    names_at(s, due->at_ns, now, (int)due->what, names, paused);
    bool nobody = !names[0];
    struct err doubt;
    snprintf(all_paused, sizeof all_paused, "paused by an operator: %s", paused);
    if (nobody)
        str_copy_cut(names, sizeof names, paused); // whose slot it was
    fill_order(s, &order, due->session, key, label, "schedule", names, due->at_ns);
    if (due->what == SLOT_MISSED && s->status.calendar_kept_ns && clock_boot_ns() - s->kept_boot_ns < KEPT_GRACE_NS)
        return; // the broker may know better in a moment
    if (due->what == SLOT_MISSED) {
        char reason[240];
        snprintf(reason, sizeof reason, "not started within latest_start%s%s", s->blocked_why[0] ? ": " : "",
                 s->blocked_why);
        mark_taken(s, due->session, key);
        runs_record_missed(s->p.runs, &order, reason);
        return;
    }
    if (nobody || !s->p.may_start(s->p.arg, &why)) {
        waits(s, why);
        return;
    }
    if (s->status.calendar_kept_ns) {
        waits(s, KEPT_WHY);
        return;
    }
    if (doubted(s, due->session, due->session, &doubt)) {
        waits(s, doubt.text);
        return;
    }
    if (paused[0])
        log_notice("slot %s goes without what an operator paused: %s", key, paused);
    runs_start(s->p.runs, &order, run_started, s);
}

static void show_next(struct scheduler *s, int64_t next, const struct config_strategy *who)
{
    s->status.next_run_ns = next == INT64_MAX ? 0 : next;
    metrics_set(s->p.metrics, METRIC_NEXT_RUN, "", s->status.next_run_ns / NS_PER_S);
    if (who)
        snprintf(s->status.trigger, sizeof s->status.trigger, "%s America/New_York", who->schedule.text);
}

void scheduler_look(struct scheduler *s)
{
    int64_t now = clock_wall_ns(), next = INT64_MAX, ring = INT64_MAX; // what is paused is missed all the same
    const struct config_strategy *next_who = NULL, *who = NULL;
    struct slot_due first = {.what = SLOT_NONE};
    if (s->stopped || !s->status.calendar_known || !s->rows_known || !pauses_known(s->p.pauses))
        return;
    for (size_t i = 0; i < s->p.config->strategy_count; i++) {
        const struct config_strategy *c = &s->p.config->strategies[i];
        if (!c->enabled)
            continue;
        struct slot_due d = decide(s, c, now);
        if (d.what != SLOT_NONE && (first.what == SLOT_NONE || d.at_ns < first.at_ns)) {
            first = d;
            who = c;
        }
        ring = d.next_ns < ring ? d.next_ns : ring;
        if (d.next_ns < next && !pauses_of(s->p.pauses, c->name)) {
            next = d.next_ns;
            next_who = c;
        }
    }
    show_next(s, next, next_who);
    clock_alarm_set(s->alarm, ring);
    if (first.what == SLOT_NONE)
        return;
    act(s, &first, who->schedule.text, now);
    if (!s->blocked)
        s->blocked = loop_after_ms(s->p.loop, BLOCKED_LOOK_MS, look, s);
}

// --- what it is told

// Slots of sessions that the calendar no longer lists are never asked for again.
static void forget_before(struct scheduler *s, struct day first)
{
    struct map *kept = map_new();
    char oldest[WHEN_TEXT_MAX];
    size_t cursor = 0;
    const char *key;
    void *value;
    day_format(first, oldest);
    while (map_each(s->taken, &cursor, &key, &value))
        if (strcmp(key, oldest) >= 0)
            map_put(kept, key, value);
    map_free(s->taken);
    s->taken = kept;
}

static void set_calendar(struct scheduler *s, const struct session_day *days, size_t count)
{
    free(s->days);
    s->days = check_alloc(count ? count : 1, sizeof *days);
    if (count)
        memcpy(s->days, days, count * sizeof *days);
    s->day_count = count;
    if (count)
        forget_before(s, days[0].date);
    s->always_open = count > 0 && facts_simulator(s->p.facts);
    for (size_t i = 0; i < count; i++)
        s->always_open = s->always_open && days[i].open_s == 0 && days[i].close_s >= ALL_DAY_S;
    s->status.calendar_known = count > 0;
    check_calendar(s);
    scheduler_look(s);
}

void scheduler_set_calendar(struct scheduler *s, const struct session_day *days, size_t count)
{
    bool first = !s->status.calendar_known || s->status.calendar_kept_ns;
    s->status.calendar_kept_ns = 0;
    set_calendar(s, days, count);
    if (first)
        log_notice("scheduler activated: %zu sessions known%s", count,
                   s->always_open ? ", market open around the clock" : "");
}

void scheduler_set_kept_calendar(struct scheduler *s, const struct session_day *days, size_t count, int64_t read_at)
{
    char told[WHEN_TEXT_MAX];
    if (s->status.calendar_known || count == 0 || day_compare(days[count - 1].date, day_of(clock_wall_ns())) < 0)
        return;
    s->status.calendar_kept_ns = read_at;
    s->kept_boot_ns = clock_boot_ns();
    log_notice("the broker's calendar of %s is known, %zu sessions, until the broker tells it anew",
               when_format(read_at, told), count);
    set_calendar(s, days, count);
}

void scheduler_set_clock(struct scheduler *s, const struct alpaca_clock *clock)
{
    (void)clock; // hours come from the calendar; the clock's skew is the guard's fact
    scheduler_look(s);
}

static bool names_hold(const char *names, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = names; (at = strstr(at, name)) != NULL; at += len)
        if ((at == names || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
    return false;
}

// A row tells that a strategy was watched only if it ran at the very slot it has today: after a change of the schedule
// nothing was missed before it.
static void watched(struct scheduler *s, const struct run_row *row)
{
    const struct calendar calendar = {s->days, s->day_count};
    const struct session_day *day = session_find(&calendar, row->session);
    for (size_t i = 0; day && i < s->p.config->strategy_count; i++) {
        const struct config_strategy *c = &s->p.config->strategies[i];
        int64_t at;
        if (row->scheduled_at < s->watch_from_ns[i] && slot_instant(&c->schedule, day, &at) &&
            at == row->scheduled_at && names_hold(row->strategies, c->name))
            s->watch_from_ns[i] = at;
    }
}

void scheduler_set_rows(struct scheduler *s, const struct run_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mark_taken(s, rows[i].session, rows[i].slot_key);
        watched(s, &rows[i]);
    }
    s->rows_known = true;
    scheduler_look(s);
}

void scheduler_set_watched(struct scheduler *s, const struct schedule_watch *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < s->p.config->strategy_count; k++)
            if (str_equal(rows[i].strategy, s->p.config->strategies[k].name) && rows[i].since < s->watch_from_ns[k])
                s->watch_from_ns[k] = rows[i].since;
    scheduler_look(s);
}

void scheduler_run_changed(struct scheduler *s, const struct run_row *row)
{
    if (!row) { // free for the next
        s->status.running = false;
        scheduler_look(s);
        return;
    }
    mark_taken(s, row->session, row->slot_key);
    bool ended = row->completed_at != 0;
    if (ended && !s->status.last_run.completed_at && strcmp(s->status.last_run.id, row->id) == 0)
        s->status.runs++;
    s->status.running = !ended;
    s->status.last_run = *row;
}

void scheduler_run_settled(struct scheduler *s, const char *run_id)
{
    if (str_equal(s->status.last_run.id, run_id))
        s->status.last_run.settled = true;
}

static bool market_open(const struct scheduler *s, const struct session_day *day, int64_t now)
{
    return s->always_open || (now >= session_open_ns(day) && now < session_close_ns(day));
}

// All that run: enabled and not paused.
static void all_names(const struct scheduler *s, char out[NAMES_MAX])
{
    out[0] = '\0';
    for (size_t i = 0; i < s->p.config->strategy_count; i++) {
        const struct config_strategy *c = &s->p.config->strategies[i];
        if (c->enabled && !pauses_of(s->p.pauses, c->name))
            add_name(out, NAMES_MAX, c->name);
    }
}

static bool name_known(const struct scheduler *s, const char *name, char *why, size_t size)
{
    const char *names[CONFIG_STRATEGIES_MAX], *near;
    size_t count = s->p.config->strategy_count;
    for (size_t i = 0; i < count; i++) {
        names[i] = s->p.config->strategies[i].name;
        if (strcmp(names[i], name) == 0)
            return true;
    }
    near = str_nearest(name, names, count);
    snprintf(why, size, "no strategy is called \"%.48s\"%s%s%s", name, near ? "; did you mean \"" : "",
             near ? near : "", near ? "\"?" : "");
    return false;
}

// May these be asked for by name? Else why not.
static bool names_usable(const struct scheduler *s, const char *strategies, char *why, size_t size)
{
    char names[NAMES_MAX];
    char *save = NULL;
    str_copy_cut(names, sizeof names, strategies);
    for (char *w = strtok_r(names, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        if (!name_known(s, w, why, size))
            return false;
        const struct strategy_pause *pause = pauses_of(s->p.pauses, w);
        if (pause) {
            snprintf(why, size, "strategy %s is paused (%s): paperguard strategies resume %s", w, pause->reason, w);
            return false;
        }
    }
    return true;
}

void scheduler_run_now(struct scheduler *s, const char *cause, const char *strategies,
                       void (*started)(void *arg, const struct run_row *row, bool taken, const char *why), void *arg)
{
    char names[NAMES_MAX], text[320];
    const char *why = "";
    struct run_order order;
    struct err doubt;
    int64_t now = clock_wall_ns();
    const struct calendar calendar = {s->days, s->day_count};
    const struct session_day *day = session_of(&calendar, now);
    all_names(s, names);
    if (strategies && strategies[0])
        str_copy_cut(names, sizeof names, strategies);
    if (!pauses_known(s->p.pauses)) {
        started(arg, NULL, false, "Postgres has not told yet which strategies are paused");
    } else if (!names_usable(s, names, text, sizeof text)) {
        started(arg, NULL, false, text);
    } else if (s->stopped || !s->p.may_start(s->p.arg, &why)) {
        started(arg, NULL, false, s->stopped ? "the daemon is stopping" : why);
    } else if (s->status.calendar_kept_ns) {
        started(arg, NULL, false, KEPT_WHY);
    } else if (!day || !names[0]) {
        started(arg, NULL, false,
                !day ? "the exchange calendar does not reach today" : "no strategy is enabled and not paused");
    } else if (!market_open(s, day, now)) {
        char opens[WHEN_TEXT_MAX];
        int64_t open = session_open_ns(day);
        snprintf(text, sizeof text, "the market is closed%s%s", now < open ? ", it opens " : "",
                 now < open ? when_format_ny(open, opens) : "");
        started(arg, NULL, false, text);
    } else if (doubted(s, day->date, day->date, &doubt)) {
        started(arg, NULL, false, doubt.text);
    } else {
        fill_order(s, &order, day->date, MANUAL, MANUAL, cause, names, now);
        runs_start(s->p.runs, &order, started, arg);
    }
}

bool scheduler_session(const struct scheduler *s, int64_t now_ns, struct day *out)
{
    const struct calendar calendar = {s->days, s->day_count};
    const struct session_day *day = s->day_count ? session_of(&calendar, now_ns) : NULL;
    if (day)
        *out = day->date;
    return day != NULL;
}

const struct scheduler_status *scheduler_status(const struct scheduler *s)
{
    return &s->status;
}

struct calendar scheduler_calendar(const struct scheduler *s, bool *always_open)
{
    *always_open = s->always_open;
    return (struct calendar){s->days, s->day_count};
}

void scheduler_stop(struct scheduler *s)
{
    s->stopped = true;
}
