// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The orders of a run: sells first, buys once every sell has ended, then settling: every leg ended, every fill
// recorded, ledger and broker agree. At the deadline nothing more is sent, what is open is cancelled, and a little
// later the run ends as it stands.
#include "daemon/run_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define SETTLE_POLL_MS 250
#define AFTER_DEADLINE_MS 30000 // for cancels to be answered

static bool leg_ended(const struct leg *leg)
{
    return leg->placed && order_status_terminal(leg->status);
}

static bool leg_settled_enough(const struct leg *leg) // an UNKNOWN leg does not hold back the others
{
    return leg_ended(leg) || leg->status == ORDER_UNKNOWN;
}

static bool all_of(const struct run *run, enum order_side side, bool (*is)(const struct leg *leg))
{
    for (size_t i = 0; i < run->leg_count; i++)
        if (run->plan.legs[i].side == side && !is(&run->legs[i]))
            return false;
    return true;
}

static void leg_answered(void *arg, const struct order_row *row)
{
    struct leg *leg = arg;
    if (run_back(leg->run))
        run_leg_changed(leg, row);
}

static void fill_intent(const struct run *run, const struct leg *leg, struct intent *in)
{
    const struct plan_leg *p = &run->plan.legs[leg->index];
    struct alpaca_quote quote;
    struct price price;
    int64_t boot;
    *in = (struct intent){
        .leg = p->leg,
        .try_no = 1,
        .session = run->row.session,
        .order = {.side = p->side, .type = ORDER_MARKET, .tif = TIF_DAY, .qty = p->qty},
        .decision_price = p->decision_price,
        .created_at = clock_wall_ns(),
    };
    str_copy_cut(in->run_id, sizeof in->run_id, run->row.id);
    str_copy_cut(in->account, sizeof in->account, run->row.account);
    str_copy_cut(in->order.client_order_id, sizeof in->order.client_order_id, leg->client_order_id);
    str_copy_cut(in->order.symbol, sizeof in->order.symbol, p->symbol);
    if (exposure_quote(run->runs->p.exposure, p->symbol, &quote)) {
        in->bid = quote.bid;
        in->ask = quote.ask;
        in->quote_at = quote.at;
    }
    if (exposure_price(run->runs->p.exposure, p->symbol, &price, &in->price_at, &boot) &&
        price.nanos != p->decision_price.nanos) // another one by now: when that of the decision was made is not known
        in->price_at = 0;
}

static void place_side(struct run *run, enum order_side side)
{
    struct intent intent;
    for (size_t i = 0; i < run->leg_count; i++) {
        struct leg *leg = &run->legs[i];
        if (run->plan.legs[i].side != side || leg->placed)
            continue;
        leg->placed = true;
        leg->status = ORDER_INTENT;
        fill_intent(run, leg, &intent);
        run_call(run);
        desk_place(run->runs->p.desk, &intent, leg_answered, leg);
    }
    reconcile_kick(run->runs->p.reconcile);
}

static void go_on(struct run *run);

static void cash_refreshed(void *arg, bool ok, const char *detail)
{
    struct run *run = arg;
    if (!run_back(run) || run->step != STEP_REFRESHING_CASH) // the deadline came meanwhile: nothing more is sent
        return;
    if (!ok)
        log_notice("run %s: prices and cash were not refreshed before the buys: %s", run->row.id, detail);
    run_set_step(run, STEP_BUYING);
    place_side(run, ORDER_BUY); // figures that are too old are the desk's reason to deny
    go_on(run);
}

static void end_sending(struct run *run)
{
    run_set_step(run, STEP_SETTLING);
    run->row.status = RUN_SETTLING;
    run_save(run);
    run_settle(run);
}

// What follows from where the legs stand.
static void go_on(struct run *run)
{
    if (run->step == STEP_SELLING && all_of(run, ORDER_SELL, leg_settled_enough)) {
        if (all_of(run, ORDER_BUY, leg_ended)) {
            end_sending(run);
            return;
        }
        run_set_step(run, STEP_REFRESHING_CASH);
        run_call(run);
        reconcile_refresh(run->runs->p.reconcile, (const char *const *)run->symbols, run->symbol_count, cash_refreshed,
                          run);
    } else if (run->step == STEP_BUYING && all_of(run, ORDER_BUY, leg_settled_enough)) {
        end_sending(run);
    }
}

void run_place_legs(struct run *run)
{
    run_set_step(run, STEP_SELLING);
    run->row.status = RUN_SENDING;
    run->leg_count = run->plan.leg_count;
    run->legs = check_alloc(run->leg_count ? run->leg_count : 1, sizeof *run->legs);
    for (size_t i = 0; i < run->leg_count; i++) {
        struct leg *leg = &run->legs[i];
        leg->run = run;
        leg->index = i;
        client_order_id_make(run->row.account, run->row.session, run->row.slot_key, run->plan.legs[i].leg, 1,
                             leg->client_order_id);
        map_put(run->runs->legs, leg->client_order_id, leg);
    }
    run_save(run);
    place_side(run, ORDER_SELL);
    go_on(run);
}

static void count(struct run *run)
{
    run->row.orders_submitted = run->row.orders_accepted = run->row.orders_rejected = 0;
    for (size_t i = 0; i < run->leg_count; i++) {
        enum order_status s = run->legs[i].status;
        bool refused = s == ORDER_REJECTED || s == ORDER_DENIED;
        run->row.orders_submitted +=
            run->legs[i].placed && s != ORDER_INTENT && s != ORDER_DENIED && s != ORDER_NOT_PLACED;
        run->row.orders_accepted +=
            run->legs[i].placed && order_status_rank(s) > 0 && !refused && s != ORDER_NOT_PLACED;
        run->row.orders_rejected += refused;
    }
}

void run_leg_changed(struct leg *leg, const struct order_row *row)
{
    struct run *run = leg->run;
    leg->status = row->status;
    leg->filled = row->filled_qty;
    count(run);
    if (run->runs->p.on_run)
        run->runs->p.on_run(run->runs->p.arg, &run->row);
    go_on(run);
}

// --- settling

static bool any_unknown(const struct run *run)
{
    for (size_t i = 0; i < run->leg_count; i++)
        if (run->legs[i].status == ORDER_UNKNOWN)
            return true;
    return false;
}

static size_t unfilled(const struct run *run, const char **reason)
{
    size_t n = 0;
    for (size_t i = 0; i < run->leg_count; i++) {
        const struct leg *leg = &run->legs[i];
        if (leg->status == ORDER_FILLED || leg->status == ORDER_DRY_RUN)
            continue;
        const struct order_row *row = desk_order(run->runs->p.desk, leg->client_order_id);
        if (!n++)
            *reason = row && row->reason[0] ? row->reason : leg->placed ? order_status_name(leg->status) : "not sent";
    }
    return n;
}

static bool member_failed(const struct run *run)
{
    for (size_t i = 0; i < run->member_count; i++)
        if (run->members[i].status != MEMBER_OK)
            return true;
    return false;
}

static const char *not_settled(const struct run *run)
{
    return run->row.settled ? "" : "; ledger and broker were not found to agree in time";
}

// What an earlier life left undone is in the ledger only.
static void legs_read(void *arg, enum ledger_result result, const struct run_legs *legs)
{
    struct run *run = arg;
    if (!run_back(run))
        return;
    if (result != LEDGER_OK) {
        run_finish(run, RUN_PARTIAL, "resumed after a restart; what became of its plan could not be read (%s)%s",
                   ledger_result_name(result), not_settled(run));
        return;
    }
    run->row.orders_submitted = legs->submitted;
    run->row.orders_accepted = legs->accepted;
    run->row.orders_rejected = legs->rejected;
    if (legs->filled == legs->legs && legs->members_failed == 0 && run->row.settled)
        run_finish(run, RUN_COMPLETED, "resumed after a restart");
    else
        run_finish(run, RUN_PARTIAL,
                   "resumed after a restart, when nothing new is sent: of %lld orders %lld were never sent, %lld were "
                   "not filled, %lld strategies gave no usable answer%s",
                   (long long)legs->legs, (long long)(legs->legs - legs->handed_over),
                   (long long)(legs->handed_over - legs->filled), (long long)legs->members_failed, not_settled(run));
}

static void finish(struct run *run)
{
    const char *why = "";
    size_t open = unfilled(run, &why);
    size_t nothing = 0;
    for (size_t i = 0; i < run->leg_count; i++)
        nothing += run->legs[i].filled.nanos == 0 && run->legs[i].status != ORDER_DRY_RUN;
    if (run->resumed) {
        run_call(run);
        ledger_run_legs(run->runs->p.ledger, run->row.id, legs_read, run);
    } else if (open && nothing == run->leg_count && !any_unknown(run)) {
        run_finish(run, RUN_FAILED, "no order was filled: %s%s", why, not_settled(run));
    } else if (open) {
        run_finish(run, RUN_PARTIAL, "%zu of %zu orders not filled: %s%s", open, run->leg_count, why, not_settled(run));
    } else if (member_failed(run)) {
        run_finish(run, RUN_PARTIAL, "a strategy gave no usable answer%s", not_settled(run));
    } else if (!run->row.settled) {
        run_finish(run, RUN_PARTIAL, "every order was filled%s", not_settled(run));
    } else {
        run_finish(run, RUN_COMPLETED, "%s", "");
    }
}

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
    if (run->step < STEP_SELLING) {
        run_finish(run, RUN_FAILED, "the deadline came before anything was sent");
        return;
    }
    desk_cancel_run(run->runs->p.desk, run->row.id);
    reconcile_kick(run->runs->p.reconcile);
    run->deadline_timer = loop_after_ms(run->runs->p.loop, AFTER_DEADLINE_MS, wait_is_over, run);
    if (run->step != STEP_SETTLING)
        end_sending(run);
}
