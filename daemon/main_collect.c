// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Collectors: copy what the owners know into the snapshot and the gauges.
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "daemon/daemon.h"
#include "commit.h"
#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/io/service.h"

#define SNAPSHOT_AGE_NS (100 * NS_PER_MS)

static void collect_run(struct daemon *d)
{
    const struct scheduler_status *st = scheduler_status(d->scheduler);
    const struct run_row *row = &st->last_run;
    struct snapshot *s = &d->snapshot;
    s->scheduler_enabled = st->enabled;
    s->scheduler_running = st->running;
    s->calendar_known = st->calendar_known;
    s->calendar_kept_ns = st->calendar_kept_ns;
    s->calendar_checked = st->calendar_checked;
    str_copy_cut(s->calendar_doubt, sizeof s->calendar_doubt, st->calendar_doubt);
    s->next_run_ns = st->next_run_ns;
    str_copy_cut(s->trigger, sizeof s->trigger, st->trigger);
    s->runs_done = st->runs;
    str_copy_cut(s->last_run.id, sizeof s->last_run.id, row->id);
    str_copy_cut(s->last_run.status, sizeof s->last_run.status, row->id[0] ? run_status_name(row->status) : "");
    str_copy_cut(s->last_run.detail, sizeof s->last_run.detail, row->detail);
    s->last_run.started_at = row->started_at;
    s->last_run.completed_at = row->completed_at;
    s->last_run.signals = row->signals;
    s->last_run.submitted = row->orders_submitted;
    s->last_run.accepted = row->orders_accepted;
    s->last_run.rejected = row->orders_rejected;
    s->last_run.fills = row->fills;
    s->last_run.planned = row->orders_planned;
    s->last_run.skipped = row->orders_skipped;
    s->last_run.failed = row->orders_failed;
    s->last_run.symbols = row->symbols;
    s->last_run.successful_symbols = row->successful_symbols;
    s->last_run.settled = row->settled;
}

static void collect_account(struct daemon *d)
{
    struct snapshot *s = &d->snapshot;
    const struct alpaca_position *positions;
    struct alpaca_account a;
    int64_t boot;
    s->positions = (int64_t)exposure_positions(d->exposure, &positions);
    s->positions_as_of = d->positions_as_of;
    s->gross_exposure = exposure_gross(d->exposure, &s->gross_known);
    if (exposure_account(d->exposure, &a, &boot)) {
        s->equity = a.equity;
        s->cash = a.cash;
    }
    str_copy_cut(s->account_number, sizeof s->account_number, facts_view(d->facts)->account_number);
    s->orders_open = (int64_t)desk_open_count(d->desk);
    s->orders_unknown = (int64_t)desk_unknown_count(d->desk);
    s->orders_quarantined = (int64_t)reconcile_quarantined(d->reconcile);
}

// Each symbol that an enabled strategy may name, once; strategies do not change while we run.
static size_t name_prices(struct daemon *d)
{
    size_t n = 0;
    struct map *seen = map_new();
    for (size_t i = 0; i < d->config->strategy_count; i++) {
        const struct config_strategy *c = &d->config->strategies[i];
        for (size_t k = 0; c->enabled && k < c->symbols.count; k++) {
            if (map_get(seen, c->symbols.words[k]))
                continue;
            map_put(seen, c->symbols.words[k], d);
            d->prices[n++].symbol = c->symbols.words[k];
        }
    }
    map_free(seen);
    return n;
}

static void collect_prices(struct daemon *d)
{
    struct snapshot *s = &d->snapshot;
    if (!s->prices)
        s->price_count = name_prices(d);
    s->prices = d->prices;
    for (size_t i = 0; i < s->price_count; i++) {
        struct snapshot_price *p = &d->prices[i];
        struct alpaca_quote quote;
        int64_t boot;
        p->known = exposure_price(d->exposure, p->symbol, &p->price, &p->at_wall_ns, &boot);
        p->quote_known = exposure_quote(d->exposure, p->symbol, &quote);
        if (p->quote_known) {
            p->bid = quote.bid;
            p->ask = quote.ask;
        }
    }
}

static void collect_peers(struct daemon *d)
{
    struct snapshot *s = &d->snapshot;
    const char *why;
    s->database_connected = d->ledger_state == LEDGER_READY;
    str_copy_cut(s->database_detail, sizeof s->database_detail, d->ledger_detail);
    s->broker_connected = broker_connected(d->broker);
    str_copy_cut(s->broker_detail, sizeof s->broker_detail, broker_trouble(d->broker));
    daemon_stream_collect(d);
    s->redis_configured = cache_configured(d->cache);
    s->redis_connected = cache_up(d->cache);
    str_copy_cut(s->redis_detail, sizeof s->redis_detail, d->cache_detail);
    s->halt = halt_state(d->halt);
    str_copy_cut(s->halt_detail, sizeof s->halt_detail, facts_view(d->facts)->halt_detail);
    s->in_step = reconcile_in_step(d->reconcile, &why);
    str_copy_cut(s->in_step_reason, sizeof s->in_step_reason, why);
    s->draining = d->draining;
}

static void collect_leader(struct daemon *d)
{
    const struct leader_status *st = leader_status(d->leader);
    const struct guard_facts *f = facts_view(d->facts);
    struct snapshot *s = &d->snapshot;
    int64_t left = f->lead == LEAD_HELD ? f->lead_until_boot_ns - s->at_boot_ns : 0;
    s->leader.state = leader_state_name(st->state);
    s->leader.epoch = st->epoch;
    s->leader.lease_ns = left > 0 ? left : 0;
    str_copy_cut(s->leader.host, sizeof s->leader.host, st->host);
    str_copy_cut(s->leader.holder, sizeof s->leader.holder, st->identity);
}

static void collect_pauses(struct daemon *d)
{
    d->snapshot.pauses_known = pauses_known(d->pauses);
    for (size_t i = 0; i < d->config->strategy_count; i++) {
        const struct strategy_pause *from = pauses_of(d->pauses, d->config->strategies[i].name);
        struct snapshot_pause *to = &d->snapshot.pauses[i];
        *to = (struct snapshot_pause){.paused = from != NULL, .at = from ? from->at : 0};
        str_copy_cut(to->reason, sizeof to->reason, from ? from->reason : "");
        str_copy_cut(to->source, sizeof to->source, from ? from->source : "");
    }
}

const struct snapshot *daemon_snapshot(void *arg)
{
    struct daemon *d = arg;
    struct snapshot *s = &d->snapshot;
    int64_t boot = clock_boot_ns();
    if (s->at_boot_ns && boot - s->at_boot_ns < SNAPSHOT_AGE_NS)
        return s;
    s->at_boot_ns = boot;
    s->at_wall_ns = clock_wall_ns();
    s->version = PACKAGE_VERSION;
    s->commit = PAPERGUARD_COMMIT;
    s->environment = facts_environment_name(d->facts);
    s->instance = d->config->instance;
    s->config = d->config;
    s->simulator = facts_simulator(d->facts);
    s->orders_sent = str_equal(d->config->orders_mode, "send");
    s->guard_answer = guard_table(facts_view(d->facts), boot, false, s->guard);
    for (int c = 0; c < GUARD_CHECK_COUNT; c++)
        s->guard_learnt_ns[c] = guard_check_learnt_ns((enum guard_check)c, facts_view(d->facts));
    struct guard_result static_only[GUARD_CHECK_COUNT];
    s->guard_static = guard_table(facts_view(d->facts), boot, true, static_only);
    collect_leader(d);
    collect_peers(d);
    daemon_look_parts(d);
    daemon_restored_collect(d);
    daemon_keys_collect(d);
    collect_account(d);
    collect_run(d);
    collect_prices(d);
    collect_pauses(d);
    return s;
}

static void collect_logs(struct metrics *m)
{
    static const enum log_level levels[] = {LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO};
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        metrics_set(m, METRIC_LOG_MESSAGES, log_level_name(levels[i]), (int64_t)log_count(levels[i]));
    metrics_set(m, METRIC_LOG_DROPPED, "", (int64_t)service_log_dropped());
}

static void collect_guard(struct daemon *d, const struct snapshot *s)
{
    struct metrics *m = d->metrics;
    metrics_set(m, METRIC_GUARD_EVALUATIONS, "", (int64_t)guard_evaluations(d->guard));
    for (int c = 0; c < GUARD_CHECK_COUNT; c++) {
        const char *name = guard_check_name((enum guard_check)c);
        metrics_set(m, METRIC_GUARD_CHECK_STATE, name, s->guard[c].answer);
        metrics_add(m, METRIC_GUARD_DENIALS, name, 0); // a rule sees a count rise, not appear
        if (s->guard_learnt_ns[c] > 0)
            metrics_set(m, METRIC_GUARD_FACT_AGE, name, (s->at_boot_ns - s->guard_learnt_ns[c]) / NS_PER_S);
    }
}

void daemon_collect_metrics(void *arg)
{
    struct daemon *d = arg;
    const struct snapshot *s = daemon_snapshot(d);
    struct metrics *m = d->metrics;
    collect_guard(d, s);
    daemon_selftest_collect(d);
    metrics_set(m, METRIC_ORDERS_UNKNOWN, "", s->orders_unknown);
    metrics_set(m, METRIC_HALT_ACTIVE, "all", s->halt != HALT_RUNNING);
    metrics_set(m, METRIC_DATABASE_UP, "", s->database_connected);
    metrics_set(m, METRIC_LEADER, "", leader_status(d->leader)->state == LEADER_HELD);
    metrics_set(m, METRIC_LEADER_EPOCH, "", s->leader.epoch);
    if (leader_status(d->leader)->state == LEADER_HELD)
        metrics_set(m, METRIC_LEADER_RENEWED, "",
                    (s->at_boot_ns - leader_status(d->leader)->renewed_boot_ns) / NS_PER_S);
    if (s->redis_configured)
        metrics_set(m, METRIC_REDIS_UP, "", s->redis_connected);
    static const char *const classes[] = {"2xx", "3xx", "4xx", "5xx"};
    for (int i = 0; i < 4; i++)
        metrics_set(m, METRIC_HTTP_REQUESTS, classes[i], (int64_t)http_server_requests(d->http, i + 2));
    if (s->key.first_seen)
        metrics_set(m, METRIC_KEY_AGE, "", (s->at_wall_ns - s->key.first_seen) / NS_PER_S);
    const struct mallinfo2 heap = mallinfo2();
    metrics_set(m, METRIC_HEAP_BYTES, "", (int64_t)(heap.uordblks + heap.hblkhd));
    collect_logs(m);
}
