// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The orders of a run. Sells go first, all at once. Buys go in the order of the plan: while sells are open as soon as
// the account's cash, which grows as sells fill, covers them and they fit under the limit of gross exposure, which
// shrinks; the rest once every sell has ended. A sell without an answer frees nothing. Beside buys that are out only
// those go that fit under the limit: what is filled of a buy may count twice, as held and as open, until it was read.
// When too much of the sells has failed, the buys that are not out yet are left out.
#include "daemon/run_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define LOOK_MS 250
#define REFRESH_TRIES 3
#define REFRESH_AGE_NS (20 * NS_PER_S) // older prices are read again before the next buys

static enum order_side side_of(const struct leg *leg)
{
    return leg->run->plan.legs[leg->index].side;
}

static bool any_waiting(const struct run *run, enum order_side side)
{
    return run->standing[LEG_WAITING][side] > 0;
}

// Where looking for legs that wait begins.
static size_t first_waiting(struct run *run)
{
    while (run->first_waiting < run->leg_count && run->legs[run->first_waiting].state != LEG_WAITING)
        run->first_waiting++;
    return run->first_waiting;
}

static bool sells_ended(const struct run *run)
{
    return run->standing[LEG_WAITING][ORDER_SELL] + run->standing[LEG_OUT][ORDER_SELL] == 0;
}

// --- prices and account

static void look_again(void *arg)
{
    struct run *run = arg;
    run->timer = 0;
    run_go_on(run);
}

static void look_later(struct run *run)
{
    if (!run->timer)
        run->timer = loop_after_ms(run->runs->p.loop, LOOK_MS, look_again, run);
}

// Are the account's figures of before the last sell ended? Then what the sells brought is not among the cash.
static bool proceeds_unread(const struct run *run)
{
    struct alpaca_account account;
    int64_t asked_boot_ns = 0;
    bool sold = false;
    for (size_t i = 0; i < run->leg_count; i++)
        sold = sold || side_of(&run->legs[i]) == ORDER_SELL;
    return sold && run->sells_ended && any_waiting(run, ORDER_BUY) &&
           exposure_account(run->runs->p.exposure, &account, &asked_boot_ns) &&
           asked_boot_ns < run->sells_ended_boot_ns;
}

static void refreshed(void *arg, bool ok, const char *detail)
{
    struct run *run = arg;
    if (!run_back(run))
        return;
    run->refreshing = false;
    run->refresh_failures = ok ? 0 : run->refresh_failures + 1;
    if (!ok && (run->refresh_failures < REFRESH_TRIES || proceeds_unread(run))) { // until the deadline
        run->refreshed_boot_ns = 0;
        look_later(run);
        return;
    }
    if (!ok) // figures that are too old are the desk's reason to deny
        log_notice("run %s: prices and cash were not read again: %s", run->row.id, detail);
    for (size_t i = 0; i < run->leg_count; i++)
        if (run->legs[i].state == LEG_WAITING)
            run->legs[i].refreshed = true;
    run_go_on(run);
}

static void refresh(struct run *run)
{
    if (run->refreshing)
        return;
    const char **symbols = check_alloc(run->leg_count + 1, sizeof *symbols);
    size_t count = 0;
    for (size_t i = 0; i < run->leg_count; i++)
        if (run->legs[i].state == LEG_WAITING)
            symbols[count++] = run->plan.legs[i].symbol;
    run->refreshing = true;
    run->refreshed_boot_ns = clock_boot_ns();
    run_call(run);
    reconcile_refresh(run->runs->p.reconcile, symbols, count, refreshed, run);
    free(symbols);
}

// --- sells

static void place_sells(struct run *run)
{
    for (size_t i = first_waiting(run); i < run->leg_count && any_waiting(run, ORDER_SELL); i++) {
        struct leg *leg = &run->legs[i];
        if (side_of(leg) != ORDER_SELL || leg->state != LEG_WAITING)
            continue;
        // At market nothing needs to be read first, unless this life has read nothing yet.
        if (leg->refreshed || (leg->style == EXECUTION_MARKET && !run->resumed))
            run_try_place(leg);
        else
            refresh(run);
    }
}

static void block_buys(struct run *run)
{
    char failed[DECIMAL_TEXT_MAX], most[DECIMAL_TEXT_MAX];
    const struct config *c = run->runs->p.config;
    struct money sum = run->failed_sells;
    if (sum.nanos <= c->failed_sells_max.nanos || !any_waiting(run, ORDER_BUY))
        return;
    snprintf(run->blocked, sizeof run->blocked, "buys are left out: sells worth %s USD failed, failed_sells_max is %s",
             decimal_format_places(sum.nanos, 2, failed), decimal_format_places(c->failed_sells_max.nanos, 2, most));
    log_with(LOG_LEVEL_WARNING, ((struct log_field[]){{"RUN_ID", run->row.id}}), "run %s: %s", run->row.id,
             run->blocked);
    for (size_t i = 0; i < run->leg_count; i++)
        if (side_of(&run->legs[i]) == ORDER_BUY && run->legs[i].state == LEG_WAITING)
            run_leg_done(&run->legs[i], run->blocked);
}

// --- buys

// What the leg's first try would cost now, and what it would be judged by; false when that is not known.
static bool first_try(const struct run *run, const struct leg *leg, struct risk_view *view, struct money *value)
{
    const struct plan_leg *p = &run->plan.legs[leg->index];
    struct order_request order = {.side = p->side, .type = ORDER_MARKET, .qty = p->qty};
    str_copy_cut(order.symbol, sizeof order.symbol, p->symbol);
    return exposure_view(run->runs->p.exposure, &order, run->row.id, run->row.session, clock_boot_ns(), view) &&
           view->account_known && view->price_known && notional_up(view->price, order.qty, value);
}

// What orders of this run still make room for is not judged before they have, and were read: a denial is final.
static bool has_room(const struct run *run, const struct risk_view *view, struct money value)
{
    struct money room, gross, spent;
    return view->gross_known && money_share_down(view->equity, run->runs->p.config->max_gross_exposure, &room) &&
           money_add(view->gross, value, &gross) && gross.nanos <= room.nanos &&
           money_add(view->open_buys, value, &spent) && spent.nanos <= view->cash.nanos;
}

// Does the cash that is there now, less the buffer and what open buys may still take, pay for the leg's first try?
static bool covered(const struct run *run, const struct leg *leg)
{
    struct risk_view view;
    struct money buffer, left, value;
    return first_try(run, leg, &view, &value) &&
           money_share_down(view.equity, run->runs->p.config->cash_buffer, &buffer) &&
           money_sub(view.cash, view.open_buys, &left) && money_sub(left, buffer, &left) && value.nanos <= left.nanos &&
           has_room(run, &view, value);
}

// Buys that will end by themselves; one without an answer is not waited for.
static bool buys_under_way(const struct run *run)
{
    for (size_t i = run->first_open; i < run->leg_count && run->standing[LEG_OUT][ORDER_BUY] > 0; i++)
        if (side_of(&run->legs[i]) == ORDER_BUY && run->legs[i].state == LEG_OUT &&
            run->legs[i].status != ORDER_UNKNOWN)
            return true;
    return false;
}

// Figures that may have a fill twice are read again, unless reads fail: old ones are the desk's reason to deny.
static bool figures_behind(const struct run *run)
{
    return !exposure_settled(run->runs->p.exposure) && run->refresh_failures < REFRESH_TRIES;
}

static bool may_go(struct run *run, const struct leg *leg, bool ended)
{
    struct risk_view view;
    struct money value;
    if (leg->try_no > 0)
        return true;
    if (!ended)
        return covered(run, leg);
    if (!first_try(run, leg, &view, &value) || has_room(run, &view, value))
        return true;
    if (buys_under_way(run))
        return false;
    if (!figures_behind(run))
        return true;
    refresh(run);
    return false;
}

static bool refresh_due(struct run *run, bool ended)
{
    bool first_after_sells = ended && !run->sells_ended;
    if (first_after_sells)
        run->sells_ended_boot_ns = clock_boot_ns();
    run->sells_ended = run->sells_ended || ended;
    return run->refreshed_boot_ns == 0 || first_after_sells ||
           clock_boot_ns() - run->refreshed_boot_ns > REFRESH_AGE_NS;
}

static void place_buys(struct run *run)
{
    bool ended = sells_ended(run);
    if (!any_waiting(run, ORDER_BUY) || run->refreshing)
        return;
    if (refresh_due(run, ended)) {
        refresh(run);
        return;
    }
    for (size_t i = first_waiting(run); i < run->leg_count; i++) {
        struct leg *leg = &run->legs[i];
        if (side_of(leg) != ORDER_BUY || leg->state != LEG_WAITING)
            continue;
        if (leg->try_no > 0 && !leg->refreshed) {
            refresh(run);
            continue;
        }
        if (!may_go(run, leg, ended))
            break; // in the order of the plan: no smaller one goes before it
        run_try_place(leg);
    }
}

// --- what follows from where the legs stand

// An UNKNOWN leg does not hold back the end of sending, one that may still have a further try does.
static bool all_sent(struct run *run)
{
    if (any_waiting(run, ORDER_SELL) || any_waiting(run, ORDER_BUY))
        return false;
    while (run->first_open < run->leg_count && run->legs[run->first_open].state == LEG_DONE)
        run->first_open++;
    for (size_t i = run->first_open; i < run->leg_count; i++) {
        const struct leg *leg = &run->legs[i];
        if (leg->state == LEG_OUT && (leg->status != ORDER_UNKNOWN || leg->timed))
            return false;
    }
    return true;
}

void run_go_on(struct run *run)
{
    const char *why = "";
    if (run->step != STEP_SENDING)
        return;
    if (any_waiting(run, ORDER_SELL) || any_waiting(run, ORDER_BUY)) {
        // Ledger and broker must agree at the moment of sending; while fills come in they may not for a moment.
        if (reconcile_in_step(run->runs->p.reconcile, &why)) {
            uint64_t before = run->tries_placed;
            place_sells(run);
            block_buys(run);
            place_buys(run);
            // Asked for only when something was sent: every pass comes back here, and the broker's rate is bounded.
            if (run->tries_placed != before)
                reconcile_kick(run->runs->p.reconcile);
        } else {
            look_later(run);
        }
    }
    if (all_sent(run))
        run_end_sending(run);
}

static enum execution_style style_of(const struct run *run, const struct plan_leg *p)
{
    enum execution_style style = EXECUTION_LIMIT;
    for (size_t i = 0; i < p->allocation_count; i++)
        for (size_t m = 0; m < run->member_count; m++)
            if (strcmp(run->members[m].strategy->name, p->allocations[i].strategy) == 0 &&
                run->members[m].strategy->execution < style)
                style = run->members[m].strategy->execution;
    return p->allocation_count ? style : EXECUTION_MARKET;
}

void run_make_legs(struct run *run)
{
    run->leg_count = run->plan.leg_count;
    run->legs = check_alloc(run->leg_count ? run->leg_count : 1, sizeof *run->legs);
    for (size_t i = 0; i < run->leg_count; i++) {
        struct leg *leg = &run->legs[i];
        leg->run = run;
        leg->index = i;
        leg->style = style_of(run, &run->plan.legs[i]);
        run->standing[LEG_WAITING][run->plan.legs[i].side]++;
    }
}

void run_place_legs(struct run *run)
{
    run_set_step(run, STEP_SENDING);
    run->row.status = RUN_SENDING;
    run_count(run);
    run_save(run);
    run_go_on(run);
}

#define SUBMITTED 1u
#define ACCEPTED 2u
#define REJECTED 4u
#define SKIPPED 8u
#define FAILED 16u

static unsigned numbers_of(const struct leg *leg)
{
    enum order_status s = leg->status;
    bool refused = s == ORDER_REJECTED || s == ORDER_DENIED;
    bool submitted =
        leg->try_no > 1 || (leg->try_no == 1 && s != ORDER_INTENT && s != ORDER_DENIED && s != ORDER_NOT_PLACED);
    bool ended = leg->state == LEG_DONE, short_of = leg->filled.nanos < leg->run->plan.legs[leg->index].qty.nanos;
    bool accepted = submitted && (leg->try_no > 1 || order_status_rank(s) > 0) && !refused;
    bool failed = ended && submitted && short_of && s != ORDER_DRY_RUN && s != ORDER_FILLED;
    return (submitted ? SUBMITTED : 0) | (accepted ? ACCEPTED : 0) | (leg->try_no > 0 && refused ? REJECTED : 0) |
           (ended && !submitted ? SKIPPED : 0) | (failed ? FAILED : 0);
}

static void add_numbers(struct run_row *w, unsigned numbers, int64_t n)
{
    w->orders_submitted += numbers & SUBMITTED ? n : 0;
    w->orders_accepted += numbers & ACCEPTED ? n : 0;
    w->orders_rejected += numbers & REJECTED ? n : 0;
    w->orders_skipped += numbers & SKIPPED ? n : 0;
    w->orders_failed += numbers & FAILED ? n : 0;
}

void run_count_leg(struct leg *leg)
{
    add_numbers(&leg->run->row, leg->counted, -1);
    leg->counted = numbers_of(leg);
    add_numbers(&leg->run->row, leg->counted, 1);
}

void run_count(struct run *run)
{
    struct run_row *w = &run->row;
    w->orders_planned = (int64_t)run->leg_count;
    w->orders_submitted = w->orders_accepted = w->orders_rejected = w->orders_skipped = w->orders_failed = 0;
    for (size_t i = 0; i < run->leg_count; i++) {
        run->legs[i].counted = numbers_of(&run->legs[i]);
        add_numbers(w, run->legs[i].counted, 1);
    }
}

void run_leg_changed(struct leg *leg, const struct order_row *row)
{
    struct run *run = leg->run;
    if (leg->state != LEG_OUT || row->intent.try_no != leg->try_no)
        return;
    leg->status = row->status;
    leg->filled.nanos = leg->filled_before.nanos + row->filled_qty.nanos;
    if (order_status_terminal(row->status)) {
        leg->refreshed = false;
        run_try_ended(leg, row);
    }
    run_count_leg(leg);
    if (run->runs->p.on_run)
        run->runs->p.on_run(run->runs->p.arg, &run->row);
    run_go_on(run);
}
