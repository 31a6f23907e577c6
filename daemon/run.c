// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The life of a run: claimed once, followed to its end, resumed after a restart. One run at a time; the row in the
// ledger decides whether a slot is taken.
#include "daemon/run_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/messages.h"
#include "lib/base/log.h"
#include "lib/io/clock.h"

#define CLAIM_RETRY_MS 500
#define SWEEP_RETRY_MS 100
#define MISSED_MAX 100u // slots that passed without a run and are kept until the ledger has them
#define OWED_RETRY_MS 1000

static const char *const step_names[] = {RUN_STEPS(FSM_NAME)};
#define ANY_END FSM_BIT(STEP_ENDED)
static const uint32_t moves[] = {
    [STEP_CLAIMING] = FSM_BIT(STEP_REFRESHING) | FSM_BIT(STEP_LOADING) | ANY_END,
    [STEP_REFRESHING] = FSM_BIT(STEP_BARS) | ANY_END,
    [STEP_BARS] = FSM_BIT(STEP_STRATEGIES) | ANY_END,
    [STEP_STRATEGIES] = FSM_BIT(STEP_STORING) | FSM_BIT(STEP_REFRESHING) | ANY_END,
    [STEP_STORING] = FSM_BIT(STEP_SENDING) | ANY_END,
    [STEP_LOADING] = FSM_BIT(STEP_SENDING) | FSM_BIT(STEP_SETTLING) | ANY_END,
    [STEP_SENDING] = FSM_BIT(STEP_SETTLING) | ANY_END,
    [STEP_SETTLING] = ANY_END,
};

struct runs *runs_new(const struct runs_params *params)
{
    struct runs *r = check_alloc(1, sizeof *r);
    r->p = *params;
    r->legs = map_new();
    list_init(&r->endings);
    list_init(&r->unsettled);
    list_init(&r->missed);
    list_init(&r->previews);
    return r;
}

void run_free_parts(struct run *run)
{
    run_plan_free(run);
    for (size_t i = 0; i < run->symbol_count; i++)
        free(run->symbols[i]);
    for (size_t i = 0; i < run->leg_count; i++)
        loop_cancel(run->runs->p.loop, &run->legs[i].timer);
    free(run->legs);
}

static void run_free(struct run *run)
{
    loop_cancel(run->runs->p.loop, &run->timer);
    loop_cancel(run->runs->p.loop, &run->deadline_timer);
    run_free_parts(run);
    free(run);
}

// A row that is written again until the ledger took it: how a run ended (a row that stayed open would be taken up as
// unfinished at the next start), or a slot that passed without a run, for which Postgres was often the reason.
struct owed {
    struct list node; // in runs->endings or runs->missed
    struct runs *runs;
    struct run_row row;
    loop_timer timer;
};

static void owed_add(struct runs *r, struct list *to, const struct run_row *row, loop_fn *write)
{
    struct owed *o = check_alloc(1, sizeof *o);
    o->runs = r;
    o->row = *row;
    list_append(to, &o->node);
    write(o);
}

static void owed_free(struct owed *o)
{
    loop_cancel(o->runs->p.loop, &o->timer);
    list_remove(&o->node);
    free(o);
}

static void ending_write(void *arg);

static void ending_written(void *arg, enum ledger_result result, const char *detail)
{
    struct owed *e = arg;
    if (result == LEDGER_DOWN || result == LEDGER_LOST) {
        e->timer = loop_after_ms(e->runs->p.loop, OWED_RETRY_MS, ending_write, e);
        return;
    }
    if (result != LEDGER_OK)
        log_warning("run %s: its end (%s) was not recorded: %s", e->row.id, run_status_name(e->row.status), detail);
    owed_free(e);
}

static void ending_write(void *arg)
{
    struct owed *e = arg;
    e->timer = 0;
    ledger_run_update(e->runs->p.ledger, &e->row, ending_written, e);
}

void runs_write_ending(struct runs *r, const struct run_row *row)
{
    owed_add(r, &r->endings, row, ending_write);
}

void runs_free(struct runs *r)
{
    if (!r)
        return;
    if (r->active)
        run_free(r->active);
    LIST_EACH(n, tmp, &r->endings)
    owed_free(LIST_ENTRY(n, struct owed, node));
    LIST_EACH(n, tmp, &r->missed)
    owed_free(LIST_ENTRY(n, struct owed, node));
    runs_unsettled_free(r);
    runs_previews_free(r);
    map_free(r->legs);
    run_books_free(r);
    free(r->days);
    free(r->waiting);
    free(r);
}

void run_set_step(struct run *run, enum run_step to)
{
    if (run->step == to)
        return;
    fsm_move("run", run->row.id, moves, step_names, run->step, to);
    run->step = to;
}

void run_call(struct run *run)
{
    run->calls++;
}

bool run_back(struct run *run)
{
    CHECK(run->calls > 0);
    run->calls--;
    return run->step != STEP_ENDED;
}

void run_after(struct run *run, int64_t ms, loop_fn *fn)
{
    loop_cancel(run->runs->p.loop, &run->timer);
    run->timer = loop_after_ms(run->runs->p.loop, ms, fn, run);
}

void run_save(struct run *run)
{
    struct runs *r = run->runs;
    if (run->row.completed_at)
        runs_write_ending(r, &run->row);
    else
        ledger_run_update(r->p.ledger, &run->row, NULL, NULL);
    if (r->p.on_run)
        r->p.on_run(r->p.arg, &run->row);
}

// While stopping, a run without a stored plan is left as it is, strategies and all: its row says claimed, and the next
// start takes it up from there.
static bool run_is_left(const struct run *run)
{
    return run->runs->draining && run->step <= STEP_STRATEGIES;
}

bool runs_busy(const struct runs *r)
{
    return (r->active != NULL && !run_is_left(r->active)) || !list_empty(&r->endings);
}

// --- the end

// One stable line per run, for people and for log alerts.
static void log_summary(const struct run *run)
{
    const struct run_row *w = &run->row;
    char session[WHEN_TEXT_MAX], ny[WHEN_TEXT_MAX];
    int64_t took_ms = (w->completed_at - w->started_at) / NS_PER_MS;
    enum log_level level = w->status == RUN_COMPLETED ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING;
    log_message(
        level, MESSAGE_RUN_ENDED,
        ((struct log_field[]){{"RUN_ID", w->id}, {"PROFILE", w->account}, {"STRATEGY", w->strategies}}),
        "run %s %s: session %s slot %s (%s, %s), %lld signals, orders %lld submitted %lld accepted %lld rejected, "
        "%lld fills, %s, %lld.%03lld s, ended %s%s%s",
        w->id, run_status_name(w->status), day_format(w->session, session), w->slot_key, w->label, w->cause,
        (long long)w->signals, (long long)w->orders_submitted, (long long)w->orders_accepted,
        (long long)w->orders_rejected, (long long)w->fills, w->settled ? "settled" : "not settled",
        (long long)(took_ms / 1000), (long long)(took_ms % 1000), when_format_ny(w->completed_at, ny),
        w->detail[0] ? ": " : "", w->detail);
}

static void resume_next(struct runs *r);

static void sweep(void *arg)
{
    struct run *run = arg;
    struct runs *r = run->runs;
    run->timer = 0;
    if (run->calls > 0) {
        run->timer = loop_after_ms(r->p.loop, SWEEP_RETRY_MS, sweep, run);
        return;
    }
    r->active = NULL;
    map_free(r->legs);
    r->legs = map_new();
    run_free(run);
    resume_next(r); // what an earlier life left comes before anything new
    if (r->p.on_run)
        r->p.on_run(r->p.arg, r->active ? &r->active->row : NULL); // NULL: free for the next
}

void run_finish(struct run *run, enum run_status status, const char *format, ...)
{
    struct runs *r = run->runs;
    va_list args;
    va_start(args, format);
    vsnprintf(run->row.detail, sizeof run->row.detail, format, args);
    va_end(args);
    if (run->preview) {
        run_preview_failed(run, run->row.detail);
        return;
    }
    run->row.status = status;
    run->row.completed_at = clock_wall_ns();
    if (r->books_known)
        run->row.fills = r->books.fill_count - run->fills_before;
    run_set_step(run, STEP_ENDED);
    metrics_add(r->p.metrics, METRIC_RUNS, run_status_name(status), 1);
    for (size_t i = 0; i < run->member_count; i++)
        if (run->members[i].status == MEMBER_OK && status == RUN_COMPLETED)
            metrics_set(r->p.metrics, METRIC_RUN_LAST_SUCCESS, run->members[i].strategy->name,
                        run->row.completed_at / NS_PER_S);
    log_summary(run);
    run_save(run);
    runs_unsettled_add(r, &run->row);
    if (status == RUN_COMPLETED)
        run_confidence_look(run);
    else
        r->p.alert(r->p.arg, "run", run->row.id, run->row.detail);
    loop_cancel(r->p.loop, &run->deadline_timer);
    loop_cancel(r->p.loop, &run->timer);
    run->timer = loop_post(r->p.loop, sweep, run);
}

static void deadline_reached(void *arg)
{
    struct run *run = arg;
    run->deadline_timer = 0;
    run_deadline(run);
}

// --- the start

static void claim(void *arg);

const struct config_strategy *runs_strategy(const struct runs *r, const char *name)
{
    const struct config *c = r->p.config;
    for (size_t i = 0; i < c->strategy_count; i++)
        if (str_equal(c->strategies[i].name, name))
            return &c->strategies[i];
    return NULL;
}

void run_add_members(struct run *run)
{
    char names[sizeof run->row.strategies];
    char *save = NULL;
    run->members = check_alloc(CONFIG_STRATEGIES_MAX, sizeof *run->members);
    str_copy_cut(names, sizeof names, run->row.strategies);
    for (char *w = strtok_r(names, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        const struct config_strategy *s = runs_strategy(run->runs, w);
        if (s && run->member_count < CONFIG_STRATEGIES_MAX)
            run->members[run->member_count++] = (struct member){.run = run, .strategy = s};
    }
}

void run_arm_deadline(struct run *run)
{
    int64_t ms = (run->row.deadline_at - clock_wall_ns()) / NS_PER_MS;
    loop_cancel(run->runs->p.loop, &run->deadline_timer);
    run->deadline_timer = loop_after_ms(run->runs->p.loop, ms > 0 ? ms : 0, deadline_reached, run);
}

void run_begin(struct run *run)
{
    run->fills_before = run->runs->books.fill_count;
    run_add_members(run);
    run_arm_deadline(run);
    run_set_step(run, STEP_REFRESHING);
    run_prepare(run);
}

// Refused or taken: there is no run.
static void give_up(struct run *run, const struct run_row *row, bool taken, const char *why)
{
    struct runs *r = run->runs;
    run->started(run->started_arg, row, taken, why);
    run_set_step(run, STEP_ENDED);
    run->timer = loop_post(r->p.loop, sweep, run);
}

static void claimed(void *arg, enum ledger_result result, bool taken, const struct run_row *row)
{
    struct run *run = arg;
    if (!run_back(run))
        return;
    run->claim_lost = run->claim_lost || result == LEDGER_LOST;
    if (run->claim_lost && (result == LEDGER_LOST || result == LEDGER_DOWN)) { // perhaps claimed: our id tells
        run_after(run, CLAIM_RETRY_MS, claim);
        return;
    }
    if (result != LEDGER_OK) {
        give_up(run, NULL, false, ledger_result_name(result));
        return;
    }
    if (taken && strcmp(row->id, run->row.id) != 0) {
        give_up(run, row, true, "the slot has a run already");
        return;
    }
    str_copy_cut(run->row.slot_key, sizeof run->row.slot_key, row->slot_key);
    log_message(LOG_LEVEL_NOTICE, MESSAGE_RUN_STARTED,
                ((struct log_field[]){{"RUN_ID", run->row.id}, {"STRATEGY", run->row.strategies}}),
                "run %s started: slot %s (%s, %s), strategies %s", run->row.id, run->row.slot_key, run->row.label,
                run->row.cause, run->row.strategies);
    if (run->runs->p.on_run)
        run->runs->p.on_run(run->runs->p.arg, &run->row);
    run->started(run->started_arg, &run->row, false, "");
    if (run->claim_lost && clock_wall_ns() > run->latest_start_at)
        run_finish(run, RUN_MISSED, "the ledger told of the claim only after the latest start");
    else
        run_begin(run);
}

static void claim(void *arg)
{
    struct run *run = arg;
    run->timer = 0;
    run_call(run);
    ledger_run_claim(run->runs->p.ledger, &run->row, claimed, run);
}

static void random_id(char out[RUN_ID_MAX])
{
    struct digest d = {{0}};
    random_bytes(d.bytes, sizeof d.bytes);
    uuid_from_digest(&d, out);
}

static void fill_row(struct run *run, const struct run_order *o, int64_t now)
{
    const struct config *c = run->runs->p.config;
    struct run_row *w = &run->row;
    random_id(w->id);
    const struct guard_facts *f = facts_view(run->runs->p.facts);
    str_copy_cut(w->account, sizeof w->account, f->account_number[0] ? f->account_number : f->account_first_seen);
    w->session = o->session;
    str_copy_cut(w->slot_key, sizeof w->slot_key, o->slot_key);
    str_copy_cut(w->label, sizeof w->label, o->label);
    str_copy_cut(w->cause, sizeof w->cause, o->cause);
    str_copy_cut(w->strategies, sizeof w->strategies, o->strategies);
    w->status = RUN_CLAIMED;
    w->scheduled_at = o->scheduled_at;
    w->started_at = now;
    w->deadline_at = now + c->run_deadline_ms * NS_PER_MS;
    if (o->close_at && o->close_at < w->deadline_at)
        w->deadline_at = o->close_at;
    run->close_at = o->close_at;
    run->latest_start_at = o->scheduled_at + c->latest_start_ms * NS_PER_MS;
}

struct run *run_new(struct runs *r)
{
    struct run *run = check_alloc(1, sizeof *run);
    run->runs = r;
    r->active = run;
    return run;
}

static bool may_begin(const struct runs *r, const char **why)
{
    if (r->draining)
        *why = "the daemon is stopping";
    else if (r->active || r->waiting_count > 0)
        *why = r->active ? "a run is under way" : "a run of an earlier life is to be resumed first";
    else if (!r->books_known)
        *why = "the books are not read yet";
    else
        return true;
    return false;
}

void runs_start(struct runs *r, const struct run_order *order,
                void (*started)(void *arg, const struct run_row *row, bool taken, const char *why), void *arg)
{
    const char *why = "";
    if (!may_begin(r, &why) || !run_orders_ended(r, "", &why)) {
        started(arg, NULL, false, why);
        return;
    }
    struct run *run = run_new(r);
    run->started = started;
    run->started_arg = arg;
    fill_row(run, order, clock_wall_ns());
    claim(run);
}

// Told with the first, and how many it were when those that are kept are written.
static void tell_left_out(struct runs *r, const char *subject)
{
    char detail[160];
    snprintf(detail, sizeof detail,
             "%lld slot%s passed without a run and ha%s no row: Postgres is away, and no more than %u are kept",
             (long long)r->missed_left_out, r->missed_left_out == 1 ? "" : "s", r->missed_left_out == 1 ? "s" : "ve",
             MISSED_MAX);
    r->p.alert(r->p.arg, "run_missed_left_out", subject, detail);
}

static void missed_done(struct owed *m)
{
    struct runs *r = m->runs;
    r->missed_count--;
    owed_free(m);
    if (r->missed_count > 0 || r->missed_left_out == 0)
        return;
    tell_left_out(r, "all");
    r->missed_left_out = 0;
}

static void missed_write(void *arg);

static void missed_written(void *arg, enum ledger_result result, bool taken, const struct run_row *row)
{
    struct owed *m = arg;
    struct runs *r = m->runs;
    if (result == LEDGER_DOWN || result == LEDGER_LOST) {
        m->timer = loop_after_ms(r->p.loop, OWED_RETRY_MS, missed_write, m);
        return;
    }
    if (result == LEDGER_OK && !taken) {
        metrics_add(r->p.metrics, METRIC_RUNS, run_status_name(RUN_MISSED), 1);
        if (r->p.on_run)
            r->p.on_run(r->p.arg, row);
        r->p.alert(r->p.arg, "run_missed", row->slot_key, row->detail);
    }
    missed_done(m);
}

static void missed_write(void *arg)
{
    struct owed *m = arg;
    m->timer = 0;
    ledger_run_claim(m->runs->p.ledger, &m->row, missed_written, m);
}

void runs_record_missed(struct runs *r, const struct run_order *order, const char *why)
{
    struct run scratch = {.runs = r};
    if (r->missed_count >= MISSED_MAX) {
        log_warning("slot %s passed without a run, and has no row: %s", order->slot_key, why);
        metrics_add(r->p.metrics, METRIC_RUNS, run_status_name(RUN_MISSED), 1);
        if (r->missed_left_out++ == 0)
            tell_left_out(r, order->slot_key);
        return;
    }
    r->missed_count++;
    fill_row(&scratch, order, clock_wall_ns());
    scratch.row.status = RUN_MISSED;
    scratch.row.completed_at = scratch.row.started_at;
    str_copy_cut(scratch.row.detail, sizeof scratch.row.detail, why);
    owed_add(r, &r->missed, &scratch.row, missed_write);
}

// --- after a restart

void run_ignore_started(void *arg, const struct run_row *row, bool taken, const char *why)
{
    (void)arg, (void)row, (void)taken, (void)why;
}

static void resume_next(struct runs *r)
{
    if (r->active || r->waiting_count == 0 || !r->books_known || r->draining)
        return;
    struct run_row row = r->waiting[--r->waiting_count];
    run_resume(r, &row);
}

void runs_resume(struct runs *r, const struct run_row *rows, size_t count)
{
    r->waiting = check_realloc(r->waiting, (r->waiting_count + count + 1) * sizeof *r->waiting);
    for (size_t i = 0; i < count; i++) {
        runs_unsettled_add(r, &rows[i]);
        if (!rows[i].completed_at && rows[i].status != RUN_MISSED &&
            (!r->active || strcmp(r->active->row.id, rows[i].id) != 0))
            r->waiting[r->waiting_count++] = rows[i];
    }
    resume_next(r);
}

void runs_order_changed(struct runs *r, const struct order_row *row)
{
    struct leg *leg = map_get(r->legs, row->intent.order.client_order_id);
    if (leg)
        run_leg_changed(leg, row);
}

void runs_books_changed(struct runs *r, const struct ledger_books *books)
{
    run_books_take(r, books);
    if (r->active)
        run_go_on(r->active);
    resume_next(r);
    runs_unsettled_look(r);
}

void runs_set_calendar(struct runs *r, const struct session_day *days, size_t count)
{
    free(r->days);
    r->days = check_alloc(count ? count : 1, sizeof *days);
    if (count)
        memcpy(r->days, days, count * sizeof *days);
    r->day_count = count;
}

void runs_drain(struct runs *r)
{
    r->draining = true;
    if (r->active && run_is_left(r->active))
        log_with(LOG_LEVEL_NOTICE, ((struct log_field[]){{"RUN_ID", r->active->row.id}}),
                 "run %s has no plan yet (%s): it is left to the next start", r->active->row.id,
                 step_names[r->active->step]);
}
