// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What a halt leads to: no order is left open, and a halted strategy takes no part in runs.
#include "daemon/daemon.h"

void daemon_halt_new(struct daemon *d)
{
    d->sweep = sweep_new(&(struct sweep_params){.broker = d->broker,
                                                .ledger = d->ledger,
                                                .desk = d->desk,
                                                .halt = d->halt,
                                                .metrics = d->metrics,
                                                .within_ms = &d->config->halt_cleared_within_ms,
                                                .alert = daemon_alert,
                                                .arg = d});
}

// --- halts of single strategies

static void write_row(void *arg, const char *strategy, const struct halt_record *r)
{
    struct daemon *d = arg;
    if (d->ledger)
        ledger_halt_write(d->ledger, strategy, r->state, r->reason, r->source, r->at_ns);
}

// A strategy that is halted takes no part in runs.
static void hold(struct daemon *d)
{
    for (size_t i = 0; d->pauses && i < scopes_count(d->scopes); i++) {
        const struct scope *c = scopes_at(d->scopes, i);
        struct strategy_pause pause = {.at = c->record.at_ns};
        str_copy_cut(pause.strategy, sizeof pause.strategy, c->strategy);
        str_copy_cut(pause.reason, sizeof pause.reason, c->record.reason);
        str_copy_cut(pause.source, sizeof pause.source, c->record.source);
        pauses_hold(d->pauses, c->strategy, c->record.state == HALT_RUNNING ? NULL : &pause);
    }
}

static void changed(void *arg)
{
    struct daemon *d = arg;
    if (d->scopes)
        hold(d);
    d->snapshot.at_boot_ns = 0;
    if (d->scheduler)
        scheduler_look(d->scheduler);
    daemon_look_soon(d);
}

void daemon_scopes_new(struct daemon *d)
{
    for (size_t i = 0; i < d->config->strategy_count; i++)
        d->strategy_names[i] = d->config->strategies[i].name;
    d->scopes =
        scopes_new(d->config->state_dir, d->strategy_names, d->config->strategy_count, d->facts,
                   &(struct scopes_ports){.disk = d->disk, .write_row = write_row, .changed = changed, .arg = d});
}

void daemon_scopes_told(void *arg, const char *json)
{
    scopes_set_database(((struct daemon *)arg)->scopes, json);
}

void daemon_strategy_file(void *arg, const char *strategy, enum fact_halt state)
{
    struct daemon *d = arg;
    if (!scopes_engage_file(d->scopes, strategy, state))
        halt_engage(d->halt, state, "a file in halt.d of a strategy that is not known", "halt.d");
}

void daemon_halt_key(void *arg, const struct cache_halt *k)
{
    struct daemon *d = arg;
    enum fact_halt before = halt_state(d->halt);
    if (!k->strategy)
        halt_set_key(d->halt, k->state, k->reason, k->key);
    else if (!scopes_set_key(d->scopes, k->strategy, k->state, k->reason, k->key))
        halt_engage(d->halt, k->state, k->reason, "redis");
    if (halt_state(d->halt) != before)
        daemon_look_soon(d);
}

static void scopes_swept(struct daemon *d, enum fact_lead lead)
{
    scopes_look(d->scopes);
    hold(d);
    for (size_t i = 0; lead != LEAD_STANDBY && i < scopes_count(d->scopes); i++) {
        const struct scope *c = scopes_at(d->scopes, i);
        bool halted = c->record.state != HALT_RUNNING;
        metrics_set(d->metrics, METRIC_HALT_ACTIVE, c->strategy, halted);
        if (halted)
            (void)desk_cancel_open(d->desk, c->strategy, c->record.state == HALT_REDUCE_ONLY);
    }
}

void daemon_halt_look(struct daemon *d)
{
    const struct guard_facts *f = facts_view(d->facts);
    const struct sweep_moment m = {.account = f->account_number,
                                   .halt = f->halt_memory,
                                   .lead = f->lead,
                                   .since_ns = halt_since_ns(d->halt),
                                   .adopted = reconcile_adopted(d->reconcile),
                                   .boot_ns = clock_boot_ns(),
                                   .wall_ns = clock_wall_ns()};
    sweep_look(d->sweep, &m);
    scopes_swept(d, f->lead);
}
