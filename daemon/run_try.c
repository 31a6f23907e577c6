// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One leg's tries. A leg in style market or limit has one; limit-walk has one per step and a market order after them.
// Try n+1 exists only once try n has ended: its time over, it is cancelled, and what the cancel comes too late for
// counts as filled. Each try has its own derived client order id, so a restart finds the right one.
#include "daemon/run_internal.h"

#include <string.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

static struct qty left_of(const struct leg *leg)
{
    struct qty left = {leg->run->plan.legs[leg->index].qty.nanos - leg->filled.nanos};
    return left;
}

// What a sell that is done leaves unsold, at the decision's price; what cannot be told counts as all the money there
// is.
static struct money unsold(const struct leg *leg)
{
    const struct plan_leg *p = &leg->run->plan.legs[leg->index];
    struct money value;
    if (p->side != ORDER_SELL || leg->state != LEG_DONE || leg->status == ORDER_DRY_RUN || left_of(leg).nanos <= 0)
        return (struct money){0};
    return notional_up(p->decision_price, left_of(leg), &value) ? value : (struct money){INT64_MAX};
}

void run_leg_set(struct leg *leg, enum leg_state state)
{
    struct run *run = leg->run;
    enum order_side side = run->plan.legs[leg->index].side;
    if (leg->state == state)
        return;
    run->standing[leg->state][side]--;
    run->standing[state][side]++;
    leg->state = state;
    if (state == LEG_WAITING && leg->index < run->first_waiting)
        run->first_waiting = leg->index;
    struct money was = leg->unsold;
    leg->unsold = unsold(leg);
    if (!money_sub(run->failed_sells, was, &run->failed_sells) ||
        !money_add(run->failed_sells, leg->unsold, &run->failed_sells))
        run->failed_sells = (struct money){INT64_MAX};
}

void run_leg_done(struct leg *leg, const char *why)
{
    loop_cancel(leg->run->runs->p.loop, &leg->timer);
    run_leg_set(leg, LEG_DONE);
    run_count_leg(leg);
    leg->why = why ? why : leg->why;
}

static void leg_answered(void *arg, const struct order_row *row)
{
    struct leg *leg = arg;
    if (run_back(leg->run))
        run_leg_changed(leg, row);
}

static void time_up(void *arg)
{
    struct leg *leg = arg;
    leg->timer = 0;
    leg->time_up = true;
    desk_cancel_for_next(leg->run->runs->p.desk,
                         leg->client_order_id); // without an answer yet: as soon as there is one
    reconcile_kick(leg->run->runs->p.reconcile);
}

static void arm(struct leg *leg, int64_t created_at)
{
    const struct runs_params *p = &leg->run->runs->p;
    int64_t over_ms = p->config->walk_step_ms - (clock_wall_ns() - created_at) / NS_PER_MS;
    loop_cancel(p->loop, &leg->timer);
    leg->timer = loop_after_ms(p->loop, over_ms > 0 ? over_ms : 0, time_up, leg);
}

static void take_id(struct leg *leg, int try_no)
{
    struct run *run = leg->run;
    leg->try_no = try_no;
    client_order_id_make(run->row.account, run->row.session, run->row.slot_key, run->plan.legs[leg->index].leg, try_no,
                         leg->client_order_id);
    map_put(run->runs->legs, leg->client_order_id, leg);
}

// Of a stored plan they are not known here.
static void put_whose(const struct plan_leg *p, struct intent *in)
{
    struct text t;
    text_init(&t, sizeof in->whose - 1);
    for (size_t i = 0; i < p->allocation_count; i++)
        text_addf(&t, "%s%s", i ? " " : "", p->allocations[i].strategy);
    str_copy_cut(in->whose, sizeof in->whose, t.overflow ? WHOSE_UNKNOWN : text_str(&t));
    text_free(&t);
}

static void fill_intent(const struct leg *leg, const struct execution_try *t, const struct alpaca_quote *quote,
                        struct intent *in)
{
    const struct run *run = leg->run;
    const struct plan_leg *p = &run->plan.legs[leg->index];
    struct price price;
    int64_t boot;
    *in = (struct intent){
        .leg = p->leg,
        .try_no = leg->try_no,
        .session = run->row.session,
        .order = {.side = p->side, .type = t->type, .tif = TIF_DAY, .qty = left_of(leg), .limit_price = t->limit},
        .decision_price = p->decision_price,
        .bid = quote->bid,
        .ask = quote->ask,
        .quote_at = quote->at,
        .created_at = clock_wall_ns(),
        .send_until = run->row.deadline_at,
    };
    str_copy_cut(in->run_id, sizeof in->run_id, run->row.id);
    put_whose(p, in);
    str_copy_cut(in->account, sizeof in->account, run->row.account);
    str_copy_cut(in->order.client_order_id, sizeof in->order.client_order_id, leg->client_order_id);
    str_copy_cut(in->order.symbol, sizeof in->order.symbol, p->symbol);
    if (exposure_price(run->runs->p.exposure, p->symbol, &price, &in->price_at, &boot) &&
        price.nanos != p->decision_price.nanos) // another one by now: when that of the decision was made is not known
        in->price_at = 0;
}

void run_try_place(struct leg *leg)
{
    struct run *run = leg->run;
    const struct plan_leg *p = &run->plan.legs[leg->index];
    const struct execution_rules rules = config_execution_rules(run->runs->p.config);
    struct alpaca_quote quote = {.bid = {0}, .ask = {0}};
    struct execution_try t;
    struct intent intent;
    (void)exposure_quote(run->runs->p.exposure, p->symbol, &quote); // zeros: there is none
    if (!execution_try(leg->style, &rules, leg->try_no + 1, p->side, quote.bid, quote.ask, p->decision_price, &t)) {
        run_leg_done(leg, "its execution style has no further order");
        return;
    }
    if (clock_wall_ns() >=
        run->row.deadline_at) { // its timer may come late, after a stop of the process or the machine
        run_leg_done(leg, "the deadline came before it was sent");
        return;
    }
    take_id(leg, leg->try_no + 1);
    run_leg_set(leg, LEG_OUT);
    leg->status = ORDER_INTENT;
    leg->filled_before = leg->filled;
    leg->timed = t.timed;
    leg->time_up = false;
    fill_intent(leg, &t, &quote, &intent);
    if (t.timed)
        arm(leg, intent.created_at);
    run_call(run);
    run->tries_placed++;
    desk_place(run->runs->p.desk, &intent, leg_answered, leg);
}

// The last try has ended: another one, when its time was over and something is left.
void run_try_ended(struct leg *leg, const struct order_row *row)
{
    struct execution_try next;
    const struct run *run = leg->run;
    const struct plan_leg *p = &run->plan.legs[leg->index];
    const struct execution_rules rules = config_execution_rules(run->runs->p.config);
    loop_cancel(run->runs->p.loop, &leg->timer);
    // What the broker denies, or an operator says never arrived, may turn up all the same: nothing is placed in its
    // stead.
    bool gone =
        leg->status == ORDER_CANCELED || (leg->status == ORDER_NOT_PLACED && str_equal(row->reason, DESK_NEVER_SENT));
    if (left_of(leg).nanos > 0 && leg->timed && leg->time_up && gone && run->step <= STEP_SENDING &&
        execution_try(leg->style, &rules, leg->try_no + 1, p->side, p->decision_price, p->decision_price,
                      p->decision_price, &next))
        run_leg_set(leg, LEG_WAITING);
    else
        run_leg_done(leg, NULL);
}

void run_try_known(struct leg *leg, const struct order_row *row)
{
    leg->filled_before = leg->filled;
    take_id(leg, row->intent.try_no);
    run_leg_set(leg, LEG_OUT);
    leg->status = row->status;
    leg->filled.nanos = leg->filled_before.nanos + row->filled_qty.nanos;
    leg->timed = leg->style == EXECUTION_WALK && row->intent.order.type == ORDER_LIMIT;
    if (order_status_terminal(row->status)) {
        // Cancelled before its time was over: by somebody else, and that is the end of the leg.
        leg->time_up = row->updated_at - row->intent.created_at >= leg->run->runs->p.config->walk_step_ms * NS_PER_MS;
        run_try_ended(leg, row);
        return;
    }
    desk_send_until(leg->run->runs->p.desk, leg->client_order_id, leg->run->row.deadline_at);
    if (leg->timed)
        arm(leg, row->intent.created_at);
}
