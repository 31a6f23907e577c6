// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the watch is told: ended broker calls, denials, completed runs, and with every tick which strategies should run.
#include <string.h>

#include "daemon/daemon.h"
#include "daemon/messages.h"
#include "lib/base/log.h"

#define EXTENDED_FROM_S (4 * 3600)
#define EXTENDED_TO_S (20 * 3600) // and the session turns

void daemon_watch_call(void *arg, bool failed)
{
    struct daemon *d = arg;
    watch_call(d->watch, failed, clock_boot_ns());
    if (d->breaker)
        breaker_call(d->breaker, failed);
}

static bool market_open(const struct daemon *d)
{
    bool always_open;
    int64_t now = clock_wall_ns();
    struct calendar calendar = scheduler_calendar(d->scheduler, &always_open);
    const struct session_day *day = calendar.count ? session_of(&calendar, now) : NULL;
    return always_open || (day && now >= session_open_ns(day) && now < session_close_ns(day));
}

// The hours of the session as the boot clock will meet them: told anew with every tick, so that a step of the wall
// clock counts within half a second.
void daemon_hours_look(struct daemon *d)
{
    bool always_open;
    int64_t now = clock_wall_ns(), boot = clock_boot_ns();
    struct calendar calendar = scheduler_calendar(d->scheduler, &always_open);
    const struct session_day *day = calendar.count ? session_of(&calendar, now) : NULL;
    struct exposure_session s = {.wall_ns = now - boot};
    if (day || always_open) {
        s.known = true;
        s.until_ns = INT64_MAX;
        s.open_ns = s.extended_open_ns = 0;
        s.close_ns = s.extended_close_ns = INT64_MAX;
    }
    if (day && !always_open) {
        s.open_ns = session_open_ns(day) - s.wall_ns;
        s.close_ns = session_close_ns(day) - s.wall_ns;
        s.extended_open_ns = day_at(day->date, EXTENDED_FROM_S) - s.wall_ns;
        s.until_ns = s.extended_close_ns = day_at(day->date, EXTENDED_TO_S) - s.wall_ns;
    }
    exposure_set_session(d->exposure, &s);
}

void daemon_watch_look(struct daemon *d)
{
    int64_t now = clock_boot_ns();
    bool leads = facts_view(d->facts)->lead == LEAD_HELD; // what does not run on a standby is not overdue
    bool open = leads && market_open(d) && pauses_known(d->pauses) && !d->draining;
    watch_look(d->watch, now);
    for (size_t i = 0; i < d->config->strategy_count; i++) {
        const struct config_strategy *c = &d->config->strategies[i];
        bool every = c->schedule.kind == SLOT_EVERY;
        watch_strategy(d->watch, i, c->name, open && c->enabled && !pauses_of(d->pauses, c->name),
                       every ? c->schedule.seconds * NS_PER_S : 0, now);
    }
}

void daemon_watch_run(struct daemon *d, const struct run_row *row)
{
    if (!row->completed_at || row->status != RUN_COMPLETED)
        return;
    for (size_t i = 0; i < d->config->strategy_count; i++)
        if (str_has_word(row->strategies, d->config->strategies[i].name))
            watch_completed(d->watch, i, clock_boot_ns());
}

void daemon_facts_look(struct daemon *d)
{
    const struct scheduler_status *st = scheduler_status(d->scheduler);
    int64_t now = clock_boot_ns();
    char doubt[200];
    scheduler_doubt_of(d->scheduler, clock_wall_ns(), doubt);
    facts_set_calendar(d->facts, st->calendar_known, st->calendar_checked, doubt, now);
    facts_look_clock(d->facts);
    facts_judge_children(d->facts, strategies_environment(), now);
}

void daemon_denied(void *arg, enum guard_op op, const struct guard_verdict *v)
{
    struct daemon *d = arg;
    log_message(LOG_LEVEL_WARNING, MESSAGE_GUARD_DENIED,
                ((struct log_field[]){{"GUARD_RULE", guard_check_name(v->check)}, {"REASON", v->detail}}),
                "guard denied %s: %s %s: %s", guard_op_name(op), guard_check_name(v->check),
                guard_answer_name(v->answer), v->detail);
    ledger_decision(d->ledger, "guard", guard_op_name(op), guard_answer_name(v->answer), guard_check_name(v->check),
                    v->detail, clock_wall_ns());
    watch_live(d->watch, metrics_value(d->metrics, METRIC_LIVE_ATTEMPTS, ""), guard_check_name(v->check), v->detail);
    if (v->answer == GUARD_FAIL) // what latches a halt is seen before it can pass
        daemon_look_soon(d);
}
