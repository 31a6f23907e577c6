// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A look at what a strategy would do now: the way of a run as far as the plan, for one strategy, with nothing claimed,
// stored or sent. It lives beside the run under way and never touches its orders.
#include "daemon/run_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define PREVIEWS_MAX 4 // at a time
#define SWEEP_RETRY_MS 100

struct preview {
    struct list node; // in runs->previews
    struct run run;   // a run that ends at its plan
    void (*done)(void *arg, const struct run_preview *preview, const char *why);
    void *arg;
};

static struct preview *preview_of(struct run *run)
{
    return (struct preview *)((char *)run - offsetof(struct preview, run));
}

static void preview_free(struct preview *p)
{
    struct run *run = &p->run;
    loop_cancel(run->runs->p.loop, &run->timer);
    list_remove(&p->node);
    run_free_parts(run);
    free(p);
}

void runs_previews_free(struct runs *r)
{
    LIST_EACH(n, tmp, &r->previews)
    preview_free(LIST_ENTRY(n, struct preview, node));
}

// Freed only when every answer it asked for has come.
static void sweep(void *arg)
{
    struct run *run = arg;
    run->timer = 0;
    if (run->calls > 0)
        run->timer = loop_after_ms(run->runs->p.loop, SWEEP_RETRY_MS, sweep, run);
    else
        preview_free(preview_of(run));
}

static void end(struct run *run, const struct run_preview *shown, const char *why)
{
    struct preview *p = preview_of(run);
    run_set_step(run, STEP_ENDED);
    p->done(p->arg, shown, why);
    loop_cancel(run->runs->p.loop, &run->timer);
    run->timer = loop_post(run->runs->p.loop, sweep, run);
}

void run_preview_failed(struct run *run, const char *why)
{
    end(run, NULL, why);
}

// As the desk would judge the leg this moment. Buys wait for the sells' money in a run, so it is not held against them.
static void judge(const struct run *run, const struct plan_leg *leg, bool sells, struct run_preview_leg *out)
{
    struct order_request order = {.side = leg->side, .type = ORDER_MARKET, .tif = TIF_DAY, .qty = leg->qty};
    struct risk_verdict verdict;
    str_copy_cut(order.symbol, sizeof order.symbol, leg->symbol);
    out->leg = leg;
    if (!notional_up(leg->decision_price, leg->qty, &out->notional))
        out->notional = (struct money){INT64_MAX};
    if (!desk_judge(run->runs->p.desk, &order, run->row.id, run->row.session, &verdict)) {
        str_copy_cut(out->refused, sizeof out->refused, "exposure: sums of the account do not fit");
        return;
    }
    out->reduces = verdict.reduces;
    if (verdict.answer != RISK_PASS && !(sells && leg->side == ORDER_BUY && verdict.row == RISK_BUYING_POWER))
        snprintf(out->refused, sizeof out->refused, "%s: %s", risk_row_name(verdict.row), verdict.detail);
}

void run_preview_planned(struct run *run)
{
    const struct plan *plan = &run->plan;
    const struct member *m = &run->members[0];
    struct run_preview_leg *legs = check_alloc(plan->leg_count + 1, sizeof *legs);
    struct run_preview shown = {
        .strategy = m->strategy->name,
        .model_name = m->signal.model_name,
        .model_version = m->signal.model_version,
        .session = run->row.session,
        .as_of = clock_wall_ns(),
        .capital = m->capital,
        .targets = m->signal.targets,
        .target_count = m->signal.count,
        .legs = legs,
        .leg_count = plan->leg_count,
    };
    int64_t boot;
    if (!exposure_account(run->runs->p.exposure, &shown.account, &boot))
        memset(&shown.account, 0, sizeof shown.account);
    bool sells = plan->leg_count > 0 && plan->legs[0].side == ORDER_SELL;
    for (size_t i = 0; i < plan->leg_count; i++)
        judge(run, &plan->legs[i], sells, &legs[i]);
    end(run, &shown, "");
    free(legs);
}

static size_t previews_count(const struct runs *r)
{
    size_t n = 0;
    for (const struct list *at = r->previews.next; at != &r->previews; at = at->next)
        n++;
    return n;
}

static struct preview *preview_new(struct runs *r, const struct config_strategy *strategy,
                                   const struct session_day *day)
{
    struct preview *p = check_alloc(1, sizeof *p);
    struct run *run = &p->run;
    run->runs = r;
    run->preview = true;
    run->close_at = session_close_ns(day);
    run->row.session = day->date;
    str_copy_cut(run->row.id, sizeof run->row.id, "preview");
    str_copy_cut(run->row.slot_key, sizeof run->row.slot_key, "preview");
    str_copy_cut(run->row.strategies, sizeof run->row.strategies, strategy->name);
    str_copy_cut(run->row.account, sizeof run->row.account, facts_view(r->p.facts)->account_number);
    run->members = check_alloc(1, sizeof *run->members);
    run->members[0] = (struct member){.run = run, .strategy = strategy};
    run->member_count = 1;
    list_append(&r->previews, &p->node);
    return p;
}

void runs_preview(struct runs *r, const char *strategy,
                  void (*done)(void *arg, const struct run_preview *preview, const char *why), void *arg)
{
    const struct config_strategy *s = runs_strategy(r, strategy);
    const struct calendar calendar = {r->days, r->day_count};
    const struct session_day *day = session_of(&calendar, clock_wall_ns());
    const char *why = !s                                  ? "no strategy has that name"
                      : r->draining                       ? "the daemon is stopping"
                      : !r->books_known                   ? "the books are not read yet"
                      : !day                              ? "the exchange calendar does not reach today"
                      : previews_count(r) >= PREVIEWS_MAX ? "as many previews as may be are under way; try again"
                                                          : NULL;
    if (why) {
        done(arg, NULL, why);
        return;
    }
    struct preview *p = preview_new(r, s, day);
    p->done = done;
    p->arg = arg;
    run_set_step(&p->run, STEP_REFRESHING);
    run_prepare(&p->run);
}
