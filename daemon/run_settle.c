// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The end of a run: every leg ended, every fill recorded, ledger and broker agree. At the deadline nothing more is
// sent, what is open is cancelled, and a little later the run ends as it stands.
#include "daemon/run_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define SETTLE_POLL_MS 250
#define AFTER_DEADLINE_MS 30000 // for cancels to be answered

static bool any_unknown(const struct run *run)
{
    for (size_t i = 0; i < run->leg_count; i++)
        if (run->legs[i].status == ORDER_UNKNOWN)
            return true;
    return false;
}

static bool leg_filled(const struct run *run, const struct leg *leg)
{
    return leg->status == ORDER_FILLED || leg->status == ORDER_DRY_RUN ||
           leg->filled.nanos >= run->plan.legs[leg->index].qty.nanos;
}

static const char *leg_reason(const struct leg *leg)
{
    const struct order_row *row = leg->try_no ? desk_order(leg->run->runs->p.desk, leg->client_order_id) : NULL;
    if (leg->why)
        return leg->why;
    if (row && row->reason[0])
        return row->reason;
    return leg->try_no ? order_status_name(leg->status) : "not sent";
}

static size_t unfilled(const struct run *run, const char **reason)
{
    size_t n = 0;
    for (size_t i = 0; i < run->leg_count; i++)
        if (!leg_filled(run, &run->legs[i]) && !n++)
            *reason = leg_reason(&run->legs[i]);
    return n;
}

static bool member_failed(const struct run *run)
{
    for (size_t i = 0; i < run->member_count; i++)
        if (run->members[i].status != MEMBER_OK && run->members[i].status != MEMBER_PAUSED)
            return true;
    return run->stored_members_failed > 0;
}

// "; without a b, paused by an operator", or nothing.
static void name_paused(const struct run *run, char out[200])
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < run->member_count && n < 100; i++)
        if (run->members[i].status == MEMBER_PAUSED)
            n += (size_t)snprintf(out + n, 200 - n, "%s %.60s", n ? "" : "; without", run->members[i].strategy->name);
    if (n)
        snprintf(out + n, 200 - n, ", paused by an operator");
}

static void finish(struct run *run)
{
    char without[200];
    const char *why = "", *after = run->resumed ? "resumed after a restart; " : "";
    const char *unsettled = run->row.settled ? "" : "; ledger and broker were not found to agree in time";
    size_t open = unfilled(run, &why), nothing = 0;
    why = run->blocked[0] ? run->blocked : why; // what followed from the first failure says more than it
    for (size_t i = 0; i < run->leg_count; i++)
        nothing += run->legs[i].filled.nanos == 0 && run->legs[i].status != ORDER_DRY_RUN;
    run_count(run);
    name_paused(run, without);
    if (open && nothing == run->leg_count && !any_unknown(run))
        run_finish(run, RUN_FAILED, "%sno order was filled: %s%s%s", after, why, unsettled, without);
    else if (open)
        run_finish(run, RUN_PARTIAL, "%s%zu of %zu orders not filled: %s%s%s", after, open, run->leg_count, why,
                   unsettled, without);
    else if (member_failed(run))
        run_finish(run, RUN_PARTIAL, "%sa strategy gave no usable answer%s%s", after, unsettled, without);
    else if (!run->row.settled)
        run_finish(run, RUN_PARTIAL, "%severy order was filled%s%s", after, unsettled, without);
    else
        run_finish(run, RUN_COMPLETED, "%s%s", run->resumed ? "resumed after a restart" : "",
                   !run->resumed && without[0] ? without + 2 : without);
}

// --- settling

static void settle_again(void *arg)
{
    struct run *run = arg;
    run->timer = 0;
    run_settle(run);
}

// Settled: nothing of this run is listed any more as open or short of fills.
static void open_listed(void *arg, enum ledger_result result, const struct order_row *rows, size_t row_count)
{
    struct run *run = arg;
    bool left = result != LEDGER_OK;
    if (!run_back(run))
        return;
    for (size_t i = 0; i < row_count && !left; i++)
        left = strcmp(rows[i].intent.run_id, run->row.id) == 0;
    if (left) {
        run_after(run, SETTLE_POLL_MS, settle_again);
        return;
    }
    run->row.settled = true;
    finish(run);
}

static void passed(void *arg, bool in_step, const char *detail)
{
    struct run *run = arg;
    (void)detail;
    if (!run_back(run))
        return;
    if (!in_step) {
        run_after(run, SETTLE_POLL_MS, settle_again);
        return;
    }
    run_call(run);
    ledger_orders_open(run->runs->p.ledger, run->row.account, open_listed, run);
}

void run_settle(struct run *run)
{
    run_call(run);
    reconcile_pass(run->runs->p.reconcile, passed, run);
}

void run_end_sending(struct run *run)
{
    run_set_step(run, STEP_SETTLING);
    run->row.status = RUN_SETTLING;
    run_count(run);
    run_save(run);
    run_settle(run);
}

// --- the deadline

// What is UNKNOWN stays reserved and is looked up; the run says how it stands. Neither broker nor Postgres is waited
// for.
static void wait_is_over(void *arg)
{
    struct run *run = arg;
    run->deadline_timer = 0;
    finish(run);
}

void run_deadline(struct run *run)
{
    log_with(LOG_LEVEL_WARNING, ((struct log_field[]){{"RUN_ID", run->row.id}}),
             "run %s: deadline reached, open orders are cancelled", run->row.id);
    if (run->step == STEP_LOADING && !run->plan_made) { // the rest when the plan is read: it is armed anew then
        desk_cancel_run(run->runs->p.desk, run->row.id);
        reconcile_kick(run->runs->p.reconcile);
        return;
    }
    if (run->step < STEP_LOADING) {
        run_finish(run, RUN_FAILED, "the deadline came before anything was sent");
        return;
    }
    for (size_t i = 0; i < run->leg_count; i++)
        if (run->legs[i].state == LEG_WAITING)
            run_leg_done(&run->legs[i], "the deadline came before it was sent");
    desk_cancel_run(run->runs->p.desk, run->row.id);
    reconcile_kick(run->runs->p.reconcile);
    run->deadline_timer = loop_after_ms(run->runs->p.loop, AFTER_DEADLINE_MS, wait_is_over, run);
    if (run->step == STEP_SETTLING)
        return;
    loop_cancel(run->runs->p.loop, &run->timer); // whatever it waited for before it could send
    run_end_sending(run);
}
