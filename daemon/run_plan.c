// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What leads to a stored plan: fresh prices, bars, the strategies' answers, netting. Until the plan is stored nothing
// has been sent, so a failure here may be tried again until the latest start.
#include "daemon/run_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "lib/io/clock.h"

#define RETRY_MS 1000
#define FRACTION_INCREMENT 1 // nanos: Alpaca takes nine decimals

void run_plan_free(struct run *run)
{
    for (size_t i = 0; i < run->member_count; i++) {
        if (run->members[i].status == MEMBER_OK)
            signal_free(&run->members[i].signal);
        free(run->members[i].targets_json);
    }
    free(run->members);
    free(run->prices);
    if (run->plan_made)
        plan_free(&run->plan);
}

static void add_symbol(struct run *run, struct map *seen, const char *symbol)
{
    if (run->symbol_count == RUN_SYMBOLS_MAX || map_get(seen, symbol))
        return;
    map_put(seen, symbol, run);
    run->symbols[run->symbol_count++] = check_strdup(symbol);
}

// What the members trade and what their books hold.
static void collect_symbols(struct run *run)
{
    struct map *seen = map_new();
    for (size_t i = 0; i < run->symbol_count; i++) // of an earlier try
        map_put(seen, run->symbols[i], run);
    for (size_t i = 0; i < run->member_count; i++) {
        const struct config_strategy *s = run->members[i].strategy;
        const struct book *book = runs_book(run->runs, s->name);
        for (size_t k = 0; k < s->symbols.count; k++)
            add_symbol(run, seen, s->symbols.words[k]);
        for (size_t k = 0; book && k < book->count; k++)
            add_symbol(run, seen, book->items[k].symbol);
    }
    map_free(seen);
}

static void forget_answer(struct member *m)
{
    if (m->status == MEMBER_OK)
        signal_free(&m->signal);
    free(m->targets_json);
    *m = (struct member){.run = m->run, .strategy = m->strategy};
}

// A strategy that is paused does not trade, however long ago its run was claimed: its book stays as it is. False: that
// was all of them, and the run has ended.
static bool leave_out_paused(struct run *run)
{
    size_t left = 0;
    for (size_t i = 0; i < run->member_count && !run->preview; i++) {
        struct member *m = &run->members[i];
        const struct strategy_pause *pause = pauses_of(run->runs->p.pauses, m->strategy->name);
        if (pause && m->status != MEMBER_PAUSED) {
            log_with(LOG_LEVEL_NOTICE, ((struct log_field[]){{"RUN_ID", run->row.id}, {"STRATEGY", m->strategy->name}}),
                     "run %s goes without %s: paused by %s: %s", run->row.id, m->strategy->name, pause->source,
                     pause->reason);
            forget_answer(m);
            m->status = MEMBER_PAUSED;
            snprintf(m->detail, sizeof m->detail, "paused by %.60s: %.120s", pause->source, pause->reason);
        }
        left += m->status != MEMBER_PAUSED;
    }
    if (left == 0 && !run->preview)
        run_finish(run, RUN_MISSED, "%s %s", run->row.strategies, run->members[0].detail);
    return left > 0 || run->preview;
}

static void retry(void *arg)
{
    struct run *run = arg;
    run->timer = 0;
    run_prepare(run);
}

static void try_again(struct run *run, const char *why)
{
    bool news = !str_equal(run->row.detail, why);
    if (clock_wall_ns() + RETRY_MS * NS_PER_MS > run->latest_start_at || run->step != STEP_REFRESHING) {
        run_finish(run, RUN_FAILED, "%s", why);
        return;
    }
    if (news)
        log_with(LOG_LEVEL_NOTICE, ((struct log_field[]){{"RUN_ID", run->row.id}}), "run %s waits: %s", run->row.id,
                 why);
    str_copy_cut(run->row.detail, sizeof run->row.detail, why);
    run_after(run, RETRY_MS, retry);
}

static void forget_answers(struct run *run)
{
    for (size_t i = 0; i < run->member_count; i++)
        forget_answer(&run->members[i]);
    run->row.signals = 0;
}

// --- the plan

// What can be sold of it: what the account holds, less what open orders are selling already.
static void cap_sells(const struct run *run, struct plan_asset *a)
{
    struct order_request order = {.side = ORDER_SELL, .qty = {DECIMAL_ONE}};
    struct risk_view view;
    str_copy_cut(order.symbol, sizeof order.symbol, a->symbol);
    a->sells_capped =
        run->runs->p.config->long_only &&
        exposure_view(run->runs->p.exposure, &order, run->row.id, run->row.session, clock_boot_ns(), &view) &&
        view.account_known && qty_sub(view.held, view.open_sell_qty, &a->free);
}

static void log_capped(const struct run *run)
{
    char wanted[DECIMAL_TEXT_MAX], sold[DECIMAL_TEXT_MAX];
    for (size_t i = 0; i < run->plan.leg_count; i++) {
        const struct plan_leg *leg = &run->plan.legs[i];
        if (leg->wanted.nanos)
            log_with(LOG_LEVEL_WARNING, ((struct log_field[]){{"RUN_ID", run->row.id}, {"SYMBOL", leg->symbol}}),
                     "run %s: %s: the strategies want to sell %s, the account has %s to sell", run->row.id, leg->symbol,
                     decimal_format(leg->wanted.nanos, wanted), decimal_format(leg->qty.nanos, sold));
    }
}

static size_t collect_assets(const struct run *run, struct plan_asset *assets)
{
    const struct exposure *e = run->runs->p.exposure;
    for (size_t i = 0; i < run->symbol_count; i++) {
        struct plan_asset *a = &assets[i];
        struct alpaca_asset asset = {.tradable = false};
        int64_t wall, boot;
        str_copy_cut(a->symbol, sizeof a->symbol, run->symbols[i]);
        if (!exposure_price(e, a->symbol, &a->price, &wall, &boot))
            a->price = (struct price){0};
        if (exposure_asset(e, a->symbol, &asset)) {
            a->tradable = asset.tradable;
            a->fractionable = asset.fractionable;
        }
        cap_sells(run, a);
        a->increment = (struct qty){a->fractionable ? FRACTION_INCREMENT : DECIMAL_ONE};
        if (asset.min_trade_increment.nanos > 0)
            a->increment = asset.min_trade_increment;
    }
    return run->symbol_count;
}

static bool make_plan(struct run *run, struct err *err)
{
    const struct config *c = run->runs->p.config;
    static const struct book empty; // for a strategy that has never held anything
    struct plan_member *members = check_alloc(run->member_count, sizeof *members);
    struct plan_asset *assets = check_alloc(run->symbol_count ? run->symbol_count : 1, sizeof *assets);
    for (size_t i = 0; i < run->member_count; i++) {
        const struct member *m = &run->members[i];
        const struct book *book = runs_book(run->runs, m->strategy->name);
        members[i] = (struct plan_member){
            .strategy = m->strategy->name,
            .book = book ? book : &empty,
            .signal = m->status == MEMBER_OK ? &m->signal : NULL,
            .capital = m->capital,
            .band = m->strategy->band,
        };
    }
    size_t asset_count = collect_assets(run, assets);
    const struct plan_rules rules = {.cash_buffer = c->cash_buffer,
                                     .min_trade = plan_min_trade(c->min_trade, run->equity)};
    run->plan_made = plan_make(members, run->member_count, assets, asset_count, &rules, &run->plan, err) == 0;
    free(members);
    free(assets);
    log_capped(run);
    return run->plan_made;
}

static void store_plan(struct run *run);

static void store_again(void *arg)
{
    struct run *run = arg;
    run->timer = 0;
    store_plan(run);
}

static void plan_stored(void *arg, enum ledger_result result, const char *detail)
{
    struct run *run = arg;
    if (!run_back(run))
        return;
    if (result == LEDGER_LOST || result == LEDGER_DOWN) { // the same plan again is the way to ask; until the deadline
        run_after(run, RETRY_MS, store_again);
        return;
    }
    if (result != LEDGER_OK) {
        run_finish(run, RUN_FAILED, "the plan could not be stored: %s",
                   detail && detail[0] ? detail : ledger_result_name(result));
        return;
    }
    run_make_legs(run);
    run_place_legs(run);
}

static const char *member_status(const struct member *m)
{
    return m->status == MEMBER_OK       ? "ok"
           : m->status == MEMBER_LATE   ? "late"
           : m->status == MEMBER_PAUSED ? "paused"
                                        : "failed";
}

static void store_plan(struct run *run)
{
    struct run_member_row *rows = check_alloc(run->member_count, sizeof *rows);
    for (size_t i = 0; i < run->member_count; i++) {
        const struct member *m = &run->members[i];
        bool ok = m->status == MEMBER_OK;
        rows[i] = (struct run_member_row){
            .strategy = m->strategy->name,
            .status = member_status(m),
            .detail = m->detail,
            .model_name = ok ? m->signal.model_name : "",
            .model_version = ok ? m->signal.model_version : "",
            .targets_json = m->targets_json,
        };
    }
    run_set_step(run, STEP_STORING);
    run->row.status = RUN_PLANNED;
    run->row.detail[0] = '\0'; // what it waited for
    run->row.planned_at = clock_wall_ns();
    run_call(run);
    ledger_run_plan(run->runs->p.ledger, &run->row, rows, run->member_count, &run->plan, plan_stored, run);
    free(rows);
}

static const char *first_failure(const struct run *run)
{
    for (size_t i = 0; i < run->member_count; i++)
        if (run->members[i].status != MEMBER_PAUSED)
            return run->members[i].detail;
    return "";
}

// Descriptors, processes and disk run out for a while: what could not even be started is tried again, as long as the
// run might still start. All are asked anew, with the prices of then.
static bool start_again(struct run *run)
{
    if (run->preview || clock_wall_ns() + RETRY_MS * NS_PER_MS > run->latest_start_at)
        return false;
    for (size_t i = 0; i < run->member_count; i++)
        if (run->members[i].no_room) {
            run_set_step(run, STEP_REFRESHING);
            try_again(run, run->members[i].detail);
            return true;
        }
    return false;
}

static void strategies_ended(struct run *run)
{
    struct err err = {.text = ""};
    const char *why = "";
    size_t ok = 0;
    if (!leave_out_paused(run))
        return;
    // What has moved the books since they were asked makes their answers those to another question.
    if (!run->preview && !run_orders_ended(run->runs, run->row.id, &why)) {
        run_set_step(run, STEP_REFRESHING);
        try_again(run, why);
        return;
    }
    if (start_again(run))
        return;
    for (size_t i = 0; i < run->member_count; i++) {
        const struct member *m = &run->members[i];
        ok += m->status == MEMBER_OK;
        run->row.signals += m->status == MEMBER_OK ? (int64_t)m->signal.count : 0;
    }
    if (ok == 0)
        run_finish(run, RUN_FAILED, "no strategy gave a usable answer: %s", first_failure(run));
    else if (!make_plan(run, &err))
        run_finish(run, RUN_FAILED, "no plan: %s", err.text);
    else if (run->preview)
        run_preview_planned(run);
    else
        store_plan(run);
}

// --- strategies

static char *targets_text(const struct signal *s)
{
    struct text t;
    struct json_out o;
    text_init(&t, 1u << 20);
    json_out_init(&o, &t);
    json_array_begin(&o);
    for (size_t i = 0; i < s->count; i++) {
        json_object_begin(&o);
        json_put_string(&o, "symbol", s->targets[i].symbol);
        json_put_decimal(&o, "weight", s->targets[i].weight.nanos);
        if (s->targets[i].has_confidence)
            json_put_decimal(&o, "confidence", s->targets[i].confidence.nanos);
        if (s->targets[i].reason[0])
            json_put_string(&o, "reason", s->targets[i].reason);
        json_object_end(&o);
    }
    json_array_end(&o);
    return text_take(&t);
}

// What a threshold watches; a strategy that names none has no such number (NULL).
static const struct ratio *lowest_confidence(const struct signal *s)
{
    const struct ratio *lowest = NULL;
    for (size_t i = 0; i < s->count; i++)
        if (s->targets[i].has_confidence && (!lowest || s->targets[i].confidence.nanos < lowest->nanos))
            lowest = &s->targets[i].confidence;
    return lowest;
}

static void show_confidence(const struct member *m, const struct signal *s)
{
    const struct ratio *lowest = lowest_confidence(s);
    if (lowest)
        metrics_set_decimal(m->run->runs->p.metrics, METRIC_MODEL_CONFIDENCE, m->strategy->name, lowest->nanos);
}

void run_confidence_look(const struct run *run)
{
    const struct runs_params *p = &run->runs->p;
    char detail[WATCH_DETAIL_MAX];
    for (size_t i = 0; i < run->member_count; i++) {
        const struct member *m = &run->members[i];
        const struct ratio *lowest = m->status == MEMBER_OK ? lowest_confidence(&m->signal) : NULL;
        if (lowest && watch_confidence_low(lowest->nanos, m->strategy->min_confidence.nanos, detail))
            p->alert(p->arg, "confidence_low", m->strategy->name, detail);
    }
}

static void copy_signal(struct member *m, const struct signal *s)
{
    m->signal = *s;
    m->signal.targets = check_alloc(s->count ? s->count : 1, sizeof *s->targets);
    if (s->count)
        memcpy(m->signal.targets, s->targets, s->count * sizeof *s->targets);
    m->targets_json = targets_text(s);
    show_confidence(m, s);
}

static void strategy_done(void *arg, enum strategy_result result, const struct signal *signal, const char *detail)
{
    struct member *m = arg;
    struct run *run = m->run;
    if (!run_back(run))
        return;
    m->status = result == STRATEGY_OK ? MEMBER_OK : result == STRATEGY_LATE ? MEMBER_LATE : MEMBER_FAILED;
    m->no_room = result == STRATEGY_SHORT;
    str_copy_cut(m->detail, sizeof m->detail, detail);
    if (result == STRATEGY_OK)
        copy_signal(m, signal);
    if (--run->members_waiting == 0)
        strategies_ended(run);
}

static bool capital_of(const struct run *run, const struct config_strategy *s, struct money equity, struct money *out)
{
    struct money deployable;
    return money_share_down(equity, run->runs->p.config->equity_deployment, &deployable) &&
           money_share_down(deployable, s->allocation, out);
}

// What a member may name: its configured symbols and what its book holds.
static struct map *own_symbols(const struct member *m, const struct book *book)
{
    const struct config_words *w = &m->strategy->symbols;
    struct map *own = map_new();
    for (size_t i = 0; i < w->count; i++)
        map_put(own, w->words[i], own);
    for (size_t i = 0; i < book->count; i++)
        map_put(own, book->items[i].symbol, own);
    return own;
}

// The run's prices and bars cut to this member's symbols and days.
static void cut_to_member(const struct run *run, const struct member *m, const struct signal_bars *bars,
                          size_t bar_count, struct signal_price *prices, struct signal_bars *own_bars,
                          struct signal_input *in)
{
    size_t days = (size_t)m->strategy->lookback_days;
    struct map *named = own_symbols(m, in->book);
    for (size_t i = 0; i < run->price_count; i++)
        if (map_get(named, run->prices[i].symbol))
            prices[in->price_count++] = run->prices[i];
    for (size_t i = 0; i < bar_count; i++) {
        if (days == 0 || !map_get(named, bars[i].symbol))
            continue;
        struct signal_bars *own = &own_bars[in->bar_count++];
        *own = bars[i];
        own->count = bars[i].count < days ? bars[i].count : days;
        if (own->count)                                              // no bars at all have no address either
            own->bars = bars[i].bars + (bars[i].count - own->count); // the newest ones
    }
    map_free(named);
    in->prices = prices;
    in->bars = own_bars;
}

static void start_member(struct run *run, struct member *m, const struct alpaca_account *account,
                         const struct signal_bars *bars, size_t bar_count)
{
    static const struct book empty;
    const struct book *book = runs_book(run->runs, m->strategy->name);
    struct signal_price *prices = check_alloc(run->price_count + 1, sizeof *prices);
    struct signal_bars *own_bars = check_alloc(bar_count + 1, sizeof *own_bars);
    struct signal_input input = {
        .run_id = run->row.id,
        .strategy = m->strategy->name,
        .account = run->row.account,
        .slot = run->row.slot_key,
        .session = run->row.session,
        .as_of = clock_wall_ns(),
        .close = run->close_at,
        .equity = account->equity,
        .cash = account->cash,
        .buying_power = account->buying_power,
        .capital = m->capital,
        .book = book ? book : &empty,
        .params_json = m->strategy->params && m->strategy->params[0] ? m->strategy->params : "{}",
    };
    cut_to_member(run, m, bars, bar_count, prices, own_bars, &input);
    run_call(run);
    strategies_run(run->runs->p.strategies, m->strategy, &input, strategy_done, m);
    free(prices);
    free(own_bars);
}

static void collect_prices(struct run *run)
{
    free(run->prices);
    run->prices = check_alloc(run->symbol_count ? run->symbol_count : 1, sizeof *run->prices);
    run->price_count = 0;
    for (size_t i = 0; i < run->symbol_count; i++) {
        struct signal_price *p = &run->prices[run->price_count];
        int64_t boot;
        str_copy_cut(p->symbol, sizeof p->symbol, run->symbols[i]);
        if (exposure_price(run->runs->p.exposure, p->symbol, &p->price, &p->at, &boot))
            run->price_count++;
    }
    run->row.symbols = (int64_t)run->symbol_count;
    run->row.successful_symbols = (int64_t)run->price_count;
}

static void bars_read(void *arg, bool ok, const struct signal_bars *bars, size_t count, const char *detail)
{
    struct run *run = arg;
    struct alpaca_account account;
    int64_t boot;
    if (!run_back(run))
        return;
    if (!ok || !exposure_account(run->runs->p.exposure, &account, &boot)) {
        run_finish(run, RUN_FAILED, "no bars for the strategies: %s", ok ? "account unknown" : detail);
        return;
    }
    if (!leave_out_paused(run))
        return;
    run_set_step(run, STEP_STRATEGIES);
    run->equity = account.equity;
    collect_prices(run);
    run->members_waiting = 0;
    for (size_t i = 0; i < run->member_count; i++)
        run->members_waiting += run->members[i].status == MEMBER_WAITING;
    for (size_t i = 0; i < run->member_count; i++)
        if (!capital_of(run, run->members[i].strategy, account.equity, &run->members[i].capital)) {
            run_finish(run, RUN_FAILED, "capital of %s does not fit", run->members[i].strategy->name);
            return;
        }
    for (size_t i = 0; i < run->member_count; i++)
        if (run->members[i].status == MEMBER_WAITING)
            start_member(run, &run->members[i], &account, bars, count);
}

static void refreshed(void *arg, bool ok, const char *detail)
{
    struct run *run = arg;
    int64_t lookback = 0;
    if (!run_back(run))
        return;
    if (!ok) {
        try_again(run, detail);
        return;
    }
    for (size_t i = 0; i < run->member_count; i++)
        if (run->members[i].strategy->lookback_days > lookback)
            lookback = run->members[i].strategy->lookback_days;
    run_set_step(run, STEP_BARS);
    run_call(run);
    reconcile_bars(run->runs->p.reconcile, (const char *const *)run->symbols, run->symbol_count, run->row.session,
                   (int)lookback, bars_read, run);
}

void run_prepare(struct run *run)
{
    const char *why = "";
    if (run->member_count == 0) {
        run_finish(run, RUN_FAILED, "none of its strategies is configured: %s", run->row.strategies);
        return;
    }
    forget_answers(run); // who was paused at an earlier try may have been resumed
    if (!leave_out_paused(run))
        return;
    if (!run->preview && !run_orders_ended(run->runs, run->row.id, &why)) {
        try_again(run, why);
        return;
    }
    collect_symbols(run);
    run_call(run);
    reconcile_refresh(run->runs->p.reconcile, (const char *const *)run->symbols, run->symbol_count, refreshed, run);
}
