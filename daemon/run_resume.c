// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A run of an earlier life, taken up where its row says it stood:
//   claimed            starts like any other run until its latest start, else it is missed
//   planned, sending   the stored plan, never a new one: first every order that was handed over or may have been is
//                      known again, then the legs that were not are sent
//   settling           followed
// After the deadline, or the close, what is open is cancelled and the run ends partial.
#include "daemon/run_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define LOOK_MS 250
#define LOAD_RETRY_MS 1000

// Nothing was planned yet: it starts like any other run, when it may.
static void start_claimed(void *arg)
{
    struct run *run = arg;
    const struct runs_params *p = &run->runs->p;
    const char *why = "";
    char waited[sizeof run->row.detail]; // for what; run_finish writes where that stands
    run->timer = 0;
    str_copy_cut(waited, sizeof waited, run->row.detail);
    if (clock_wall_ns() > run->latest_start_at)
        run_finish(run, RUN_MISSED, "claimed before a restart and not started within latest_start%s%s",
                   waited[0] ? ": " : "", waited);
    else if (p->may_start(p->arg, &why) && run_orders_ended(run->runs, run->row.id, &why))
        run_begin(run);
    else {
        str_copy_cut(run->row.detail, sizeof run->row.detail, why);
        run_after(run, LOOK_MS, start_claimed);
    }
}

// --- the stored plan

// As when it was planned: the most urgent style of those whose leg it is. One that is not configured any more is in no
// position to ask for patience.
static enum execution_style style_of(const struct runs *r, const char *strategies)
{
    enum execution_style style = EXECUTION_LIMIT;
    char names[sizeof((struct ledger_stored_leg *)0)->strategies];
    char *save = NULL;
    str_copy_cut(names, sizeof names, strategies);
    for (char *w = strtok_r(names, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        const struct config_strategy *s = runs_strategy(r, w);
        if (!s || s->execution < style)
            style = s ? s->execution : EXECUTION_MARKET;
    }
    return strategies[0] ? style : EXECUTION_MARKET;
}

static void take_plan(struct run *run, const struct ledger_stored_plan *stored)
{
    struct plan *plan = &run->plan;
    run->plan_made = true;
    plan->legs = check_alloc(stored->leg_count + 1, sizeof *plan->legs);
    plan->leg_count = stored->leg_count;
    for (size_t i = 0; i < stored->leg_count; i++)
        plan->legs[i] = stored->legs[i].leg;
    run_make_legs(run);
    for (size_t i = 0; i < stored->leg_count; i++)
        run->legs[i].style = style_of(run->runs, stored->legs[i].strategies);
    for (size_t i = 0; i < stored->order_count; i++) {
        const struct order_row *row = &stored->orders[i];
        const struct order_row *now = desk_order(run->runs->p.desk, row->intent.order.client_order_id);
        if (row->intent.leg >= 1 && (size_t)row->intent.leg <= run->leg_count)
            run_try_known(&run->legs[row->intent.leg - 1], now ? now : row);
    }
    exposure_set_run(run->runs->p.exposure, run->row.id, (int64_t)stored->order_count);
    run->stored_members_failed = stored->members_failed;
    run->fills_before = run->runs->books.fill_count - stored->fills;
    run_count(run);
}

// --- before anything more is sent

// An order without an answer is looked up by the desk; what follows may depend on it.
static bool all_known(const struct run *run)
{
    for (size_t i = 0; i < run->leg_count; i++) {
        const struct leg *leg = &run->legs[i];
        if (leg->state == LEG_OUT && order_status_rank(leg->status) == 0)
            return false;
    }
    return true;
}

static void go_on_when_known(void *arg)
{
    struct run *run = arg;
    const struct runs_params *p = &run->runs->p;
    const char *why = "";
    run->timer = 0;
    if (all_known(run) && p->may_start(p->arg, &why))
        run_place_legs(run);
    else
        run_after(run, LOOK_MS, go_on_when_known);
}

static void load(void *arg);

static void loaded(void *arg, enum ledger_result result, const struct ledger_stored_plan *stored)
{
    struct run *run = arg;
    if (!run_back(run))
        return;
    if (result == LEDGER_DOWN || result == LEDGER_LOST) {
        run_after(run, LOAD_RETRY_MS, load);
        return;
    }
    if (result != LEDGER_OK) {
        desk_cancel_run(run->runs->p.desk, run->row.id);
        run_finish(run, RUN_PARTIAL, "resumed after a restart; its stored plan could not be read (%s)",
                   ledger_result_name(result));
        return;
    }
    take_plan(run, stored);
    run_arm_deadline(run);
    if (run->row.status == RUN_SETTLING)
        run_end_sending(run);
    else
        go_on_when_known(run);
}

static void load(void *arg)
{
    struct run *run = arg;
    run->timer = 0;
    run_call(run);
    ledger_run_stored(run->runs->p.ledger, run->row.id, loaded, run);
}

void run_resume(struct runs *r, const struct run_row *row)
{
    struct run *run = run_new(r);
    const struct calendar calendar = {r->days, r->day_count};
    const struct session_day *day = session_find(&calendar, row->session);
    run->row = *row;
    run->resumed = true;
    run->started = run_ignore_started;
    run->latest_start_at = row->scheduled_at + r->p.config->latest_start_ms * NS_PER_MS;
    run->close_at = day ? session_close_ns(day) : 0;
    log_with(LOG_LEVEL_NOTICE, ((struct log_field[]){{"RUN_ID", row->id}}), "run %s resumed: it was %s", row->id,
             run_status_name(row->status));
    if (row->status == RUN_CLAIMED) {
        run->resumed = false; // nothing of it was done
        start_claimed(run);
    } else {
        run_add_members(run);
        for (size_t i = 0; i < run->member_count; i++)
            run->members[i].status = MEMBER_OK; // those that were not are counted with the plan
        run_set_step(run, STEP_LOADING);
        run_arm_deadline(run);
        load(run);
    }
}
