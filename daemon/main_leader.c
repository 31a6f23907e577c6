// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Leading and standing by: what the daemon does when this host becomes the one that trades, and when it is not any
// more.
#include <stdio.h>
#include <sysexits.h>

#include "daemon/daemon.h"
#include "lib/base/log.h"

// Whatever is known here was learnt in an epoch that is over: the process ends, and comes back as a standby.
static void step_down(struct daemon *d, const char *why)
{
    if (d->exit_status != EX_OK || d->draining)
        return;
    log_error("no longer the leader: %s; ending with %d, to come back as a standby", why, EX_TEMPFAIL);
    d->exit_status = EX_TEMPFAIL;
    desk_leave(d->desk);
    loop_stop(d->loop);
}

void daemon_leader_fenced(void *arg, const char *detail)
{
    step_down(arg, detail);
}

// A halt is a host's own. One that held the leader before must not end because another host takes its place.
static void take_halt_over(struct daemon *d, const struct leader_status *s)
{
    if (s->halt_before != HALT_RUNNING)
        halt_engage(d->halt, s->halt_before, s->halt_reason, "takeover");
    scopes_set_database(d->scopes, s->halts_of_strategies);
}

static void take_the_lead(struct daemon *d, const struct leader_status *s)
{
    char subject[40], detail[200];
    log_notice("this host leads account %s, epoch %lld", facts_view(d->facts)->account_first_seen, (long long)s->epoch);
    ledger_set_leader(d->ledger, facts_view(d->facts)->account_first_seen, s->epoch);
    snprintf(subject, sizeof subject, "epoch %lld", (long long)s->epoch);
    ledger_decision(d->ledger, "leader", facts_view(d->facts)->account_first_seen, "leads", subject, s->before,
                    clock_wall_ns());
    if (s->took_over) {
        take_halt_over(d, s);
        snprintf(detail, sizeof detail, "host %.60s has taken the lead over from host %.60s", s->host, s->before);
        daemon_alert(d, "takeover", subject, detail);
    }
    daemon_load_kept_calendar(d);
    pauses_load_anew(d->pauses); // operators may have changed them on the other host
    reconcile_kick(d->reconcile);
}

static void schedules_watched(void *arg, enum ledger_result result, const struct schedule_watch *rows, size_t count)
{
    struct daemon *d = arg;
    const int64_t first = day_at(day_add(day_of(clock_wall_ns()), -DAEMON_BACK_DAYS), 0);
    struct schedule_watch kept[CONFIG_STRATEGIES_MAX];
    size_t n = 0;
    d->schedules_asked = result == LEDGER_OK; // else asked again with the next tick
    for (size_t i = 0; i < count && n < CONFIG_STRATEGIES_MAX; i++) {
        kept[n] = rows[i];
        if (kept[n].since < first)
            kept[n].since = first; // of what lies before no rows are loaded
        n++;
    }
    scheduler_set_watched(d->scheduler, kept, n);
}

// What this configuration asks for, once per life as the leader; its answer says what lives before this one were to
// watch.
void daemon_schedules_look(struct daemon *d)
{
    struct schedule_told told[CONFIG_STRATEGIES_MAX];
    char texts[CONFIG_STRATEGIES_MAX][SLOT_SPEC_MAX + 8];
    if (d->schedules_asked || facts_view(d->facts)->lead != LEAD_HELD || d->ledger_state != LEDGER_READY)
        return;
    for (size_t i = 0; i < d->config->strategy_count; i++) {
        const struct config_strategy *c = &d->config->strategies[i];
        const bool skips = c->schedule.kind == SLOT_CLOCK && c->schedule.early_close == EARLY_CLOSE_SKIP;
        snprintf(texts[i], sizeof texts[i], "%s%s", c->enabled ? c->schedule.text : "",
                 c->enabled && skips ? " skip" : "");
        told[i] = (struct schedule_told){c->name, texts[i]};
    }
    d->schedules_asked = true;
    ledger_schedules_watch(d->ledger, facts_view(d->facts)->account_first_seen, told, d->config->strategy_count,
                           clock_wall_ns(), schedules_watched, d);
}

static void on_state(void *arg, const struct leader_status *s)
{
    struct daemon *d = arg;
    if (s->state == LEADER_HELD)
        take_the_lead(d, s);
    if (s->state == LEADER_STANDBY)
        log_notice("standing by: host %s leads, epoch %lld", s->host, (long long)s->epoch);
    if (s->state == LEADER_LOST)
        step_down(d, facts_view(d->facts)->lead_detail);
    daemon_look_soon(d);
}

void daemon_leader_new(struct daemon *d)
{
    d->leader = leader_new(&(struct leader_params){
        .loop = d->loop,
        .facts = d->facts,
        .dsn = d->config->database_url,
        .password = facts_secrets(d->facts)->database_password,
        .host = d->host,
        .instance = d->config->instance,
        .identity = d->identity,
        .lease_ms = d->config->lease_ms,
        .on_state = on_state,
        .arg = d,
    });
}
