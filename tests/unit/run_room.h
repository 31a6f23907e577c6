// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The room of the tests of runs: ledger, reconcile, strategies and desk keep what they are asked and
// answer when the test says so; planner and exposure are the real ones.
#ifndef PAPERGUARD_TESTS_RUN_ROOM_H
#define PAPERGUARD_TESTS_RUN_ROOM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/run_internal.h"
#include "lib/io/clock.h"

#define USD(n) ((struct money){(n)*DECIMAL_ONE})
#define SHARES(n) ((struct qty){(n)*DECIMAL_ONE})
#define ASKED_MAX 128
#define PATIENCE_TURNS 100

static const struct day session = {2026, 10, 8};

static struct {
    int64_t now;
    bool allowed;
    bool late; // what is resumed is past its deadline
    // ledger
    int claims, updates, plans, listings, stored_asked;
    struct run_row claimed, updated;
    void (*claim_done)(void *, enum ledger_result, bool, const struct run_row *);
    void *claim_arg;
    ledger_done_fn *update_done, *plan_done;
    struct run_member_row members[4]; // of the plan stored last
    void *update_arg, *plan_arg;
    void (*list_done)(void *, enum ledger_result, const struct order_row *, size_t);
    void *list_arg;
    void (*stored_done)(void *, enum ledger_result, const struct ledger_stored_plan *);
    void *stored_arg;
    // reconcile
    int refreshes, passes;
    void (*refresh_done)(void *, bool, const char *);
    void *refresh_arg;
    void (*pass_done)(void *, bool, const char *);
    void *pass_arg;
    void (*bars_done)(void *, bool, const struct signal_bars *, size_t, const char *);
    void *bars_arg;
    // strategies
    void (*strategy_done)(void *, enum strategy_result, const struct signal *, const char *);
    void *strategy_arg; // of the one that was asked last
    void (*first_done)(void *, enum strategy_result, const struct signal *, const char *);
    void *first_arg;
    const char *paused; // this strategy
    bool held;          // ledger and broker do not agree
    int kicks;
    char refreshed[ASKED_MAX][SYMBOL_MAX];
    size_t refreshed_count;
    // desk
    int placed, run_cancels, cancels;
    size_t open_of_others;
    int64_t books_after, given_after, unbooked;
    int64_t send_until;
    char cancelled[CLIENT_ORDER_ID_MAX];
    const char *reason;            // of the next answer
    const struct order_row *known; // one that the desk has
    struct intent intents[ASKED_MAX];
    void (*place_done[ASKED_MAX])(void *, const struct order_row *);
    void *place_arg[ASKED_MAX];
    char cancelled_run[RUN_ID_MAX];
    enum risk_row judged; // what a buy fails
    // previews
    int previews;
    size_t preview_legs;
    struct plan_leg shown[4]; // without allocations
    struct run_preview_leg shown_legs[4];
    char preview_why[200];
    // what is told
    int started, refused, alerts, freed, settled;
    char alert_kind[32], alert_detail[200];
    struct run_row told;
} w;

// --- doubles

int64_t clock_wall_ns(void)
{
    return w.now;
}

int64_t clock_monotonic_ns(void)
{
    return w.now;
}

int64_t clock_boot_ns(void)
{
    return w.now;
}

const struct guard_facts *facts_view(const struct facts *f)
{
    static struct guard_facts facts;
    (void)f;
    strcpy(facts.account_number, "PASIM0000001");
    return &facts;
}

const char *run_status_name(enum run_status s)
{
    static const char *const names[] = {"claimed",   "planned", "sending", "settling",
                                        "completed", "partial", "failed",  "missed"};
    return names[s];
}

const char *ledger_result_name(enum ledger_result r)
{
    return r == LEDGER_OK ? "ok" : "not ok";
}

void ledger_run_claim(struct ledger *l, const struct run_row *row,
                      void (*done)(void *, enum ledger_result, bool, const struct run_row *), void *arg)
{
    (void)l;
    w.claims++;
    w.claimed = *row;
    w.claim_done = done;
    w.claim_arg = arg;
}

void ledger_run_update(struct ledger *l, const struct run_row *row, ledger_done_fn *done, void *arg)
{
    (void)l;
    w.updates++;
    w.updated = *row;
    w.update_done = done;
    w.update_arg = arg;
}

void ledger_run_plan(struct ledger *l, const struct run_row *row, const struct run_member_row *members, size_t count,
                     const struct plan *plan, ledger_done_fn *done, void *arg)
{
    (void)l, (void)row, (void)plan;
    assert_true(count <= ARRAY_LEN(w.members));
    memcpy(w.members, members, count * sizeof *members);
    w.plans++;
    w.plan_done = done;
    w.plan_arg = arg;
}

void ledger_orders_open(struct ledger *l, const char *account,
                        void (*done)(void *, enum ledger_result, const struct order_row *, size_t), void *arg)
{
    (void)l, (void)account;
    w.listings++;
    w.list_done = done;
    w.list_arg = arg;
}

void ledger_run_stored(struct ledger *l, const char *run_id,
                       void (*done)(void *, enum ledger_result, const struct ledger_stored_plan *), void *arg)
{
    (void)l, (void)run_id;
    w.stored_asked++;
    w.stored_done = done;
    w.stored_arg = arg;
}

struct execution_rules config_execution_rules(const struct config *c)
{
    (void)c;
    return (struct execution_rules){
        .steps = {{DECIMAL_ONE / 2}, {DECIMAL_ONE * 3 / 4}}, .step_count = 2, .collar = {DECIMAL_ONE / 20}};
}

bool reconcile_in_step(const struct reconcile *r, const char **reason)
{
    (void)r;
    *reason = "they differ";
    return !w.held;
}

void reconcile_refresh(struct reconcile *r, const char *const *symbols, size_t count,
                       void (*done)(void *, bool, const char *), void *arg)
{
    (void)r;
    w.refreshes++;
    w.refreshed_count = count;
    for (size_t i = 0; i < count && i < ASKED_MAX; i++)
        snprintf(w.refreshed[i], SYMBOL_MAX, "%s", symbols[i]);
    w.refresh_done = done;
    w.refresh_arg = arg;
}

void reconcile_pass(struct reconcile *r, void (*done)(void *, bool, const char *), void *arg)
{
    (void)r;
    w.passes++;
    w.pass_done = done;
    w.pass_arg = arg;
}

void reconcile_bars(struct reconcile *r, const char *const *symbols, size_t count, struct day on, int days,
                    void (*done)(void *, bool, const struct signal_bars *, size_t, const char *), void *arg)
{
    (void)r, (void)symbols, (void)count, (void)on, (void)days;
    w.bars_done = done;
    w.bars_arg = arg;
}

int64_t reconcile_books_after(const struct reconcile *r)
{
    (void)r;
    return w.given_after;
}

void reconcile_kick(struct reconcile *r)
{
    (void)r;
    w.kicks++;
}

void strategies_run(struct strategies *s, const struct config_strategy *strategy, const struct signal_input *input,
                    void (*done)(void *, enum strategy_result, const struct signal *, const char *), void *arg)
{
    (void)s, (void)strategy, (void)input;
    if (!w.first_done) {
        w.first_done = done;
        w.first_arg = arg;
    }
    w.strategy_done = done;
    w.strategy_arg = arg;
}

static struct exposure *exposure;

void desk_place(struct desk *d, const struct intent *intent, void (*done)(void *, const struct order_row *), void *arg)
{
    (void)d;
    assert_true(w.placed < ASKED_MAX);
    w.intents[w.placed] = *intent;
    struct intent reserved = *intent; // as the desk does, within the call
    assert_true(notional_up(intent->decision_price, intent->order.qty, &reserved.reserved));
    exposure_reserve(exposure, &reserved, w.now);
    w.place_done[w.placed] = done;
    w.place_arg[w.placed++] = arg;
}

void desk_send_until(struct desk *d, const char *client_order_id, int64_t until_ns)
{
    (void)d, (void)client_order_id;
    w.send_until = until_ns;
}

void desk_cancel(struct desk *d, const char *client_order_id)
{
    (void)d;
    w.cancels++;
    snprintf(w.cancelled, sizeof w.cancelled, "%s", client_order_id);
}

bool desk_judge(const struct desk *d, const struct order_request *o, const char *run_id, struct day day,
                struct risk_verdict *out)
{
    (void)d, (void)run_id, (void)day;
    *out = (struct risk_verdict){.answer = RISK_PASS, .reduces = o->side == ORDER_SELL};
    if (o->side == ORDER_BUY) {
        out->answer = RISK_FAIL;
        out->row = w.judged;
        strcpy(out->detail, "too much");
    }
    return true;
}

size_t desk_open_of_others(const struct desk *d, const char *except_run_id)
{
    (void)d, (void)except_run_id;
    return w.open_of_others;
}

int64_t desk_books_after(const struct desk *d)
{
    (void)d;
    return w.books_after;
}

const struct strategy_pause *pauses_of(const struct pauses *p, const char *strategy)
{
    static const struct strategy_pause pause = {.reason = "model is broken", .source = "ann"};
    (void)p;
    return w.paused && strcmp(w.paused, strategy) == 0 ? &pause : NULL;
}

void desk_cancel_for_next(struct desk *d, const char *client_order_id)
{
    desk_cancel(d, client_order_id);
}

void desk_cancel_run(struct desk *d, const char *run_id)
{
    (void)d;
    w.run_cancels++;
    snprintf(w.cancelled_run, sizeof w.cancelled_run, "%s", run_id);
}

const struct order_row *desk_order(const struct desk *d, const char *client_order_id)
{
    (void)d;
    return w.known && str_equal(w.known->intent.order.client_order_id, client_order_id) ? w.known : NULL;
}

// --- the room

static struct config config;
static struct loop *loop;
static struct metrics *metrics;
static struct runs *runs;

static void on_run(void *arg, const struct run_row *row)
{
    (void)arg;
    if (row)
        w.told = *row;
    else
        w.freed++;
}

static void on_settled(void *arg, const struct run_row *row)
{
    (void)arg;
    assert_true(row->settled && row->completed_at);
    w.settled++;
}

static void on_alert(void *arg, const char *kind, const char *subject, const char *detail)
{
    (void)arg, (void)subject;
    str_copy_cut(w.alert_kind, sizeof w.alert_kind, kind);
    str_copy_cut(w.alert_detail, sizeof w.alert_detail, detail);
    w.alerts++;
}

static bool may_start(void *arg, const char **why)
{
    (void)arg;
    *why = "orders are held";
    return w.allowed;
}

static void on_started(void *arg, const struct run_row *row, bool taken, const char *why)
{
    (void)arg, (void)taken, (void)why;
    w.started += row != NULL;
    w.refused += row == NULL;
}

static void price(const char *symbol, int64_t dollars)
{
    struct alpaca_asset asset = {.status = "active", .tradable = true, .fractionable = true};
    struct alpaca_trade t = {.price = {dollars * DECIMAL_ONE}, .at = w.now};
    strcpy(asset.symbol, symbol);
    strcpy(t.symbol, symbol);
    exposure_set_asset(exposure, &asset);
    exposure_set_adv(exposure, symbol, (struct qty){1000000 * DECIMAL_ONE}, day_of(w.now));
    exposure_set_trade(exposure, &t, w.now, w.now);
}

__attribute__((unused)) static void cash(int64_t dollars)
{
    struct alpaca_account a = {.equity = USD(2000), .cash = USD(dollars)};
    exposure_set_account(exposure, &a, w.now);
}

__attribute__((unused)) static void positions_read(void)
{
    exposure_set_positions(exposure, NULL, 0, w.now);
}

// The book holds 10 SPY, the strategy will want TLT instead: one sell, one buy.
static void books(void)
{
    struct book held;
    book_init(&held, "weights");
    assert_true(book_set(&held, "SPY", SHARES(10), USD(1000)));
    struct ledger_books all = {
        .books = &held, .count = 1, .opened = true, .unbooked = w.unbooked, .asked_boot_ns = w.now};
    runs_books_changed(runs, &all);
    book_free(&held);
}

static int set_up(void **state)
{
    static char *symbols[] = {"SPY", "TLT"};
    (void)state;
    memset(&w, 0, sizeof w);
    w.now = INT64_C(1000000) * NS_PER_S;
    w.allowed = true;
    memset(&config, 0, sizeof config);
    config.run_deadline_ms = 600000;
    config.latest_start_ms = 60000;
    config.walk_step_ms = 20;
    config.failed_sells_max = USD(500);
    config.max_gross_exposure.nanos = DECIMAL_ONE;
    config.equity_deployment.nanos = DECIMAL_ONE;
    config.strategy_count = 1;
    struct config_strategy *s = &config.strategies[0];
    s->name = "weights";
    s->allocation.nanos = DECIMAL_ONE;
    s->symbols.words[0] = symbols[0];
    s->symbols.words[1] = symbols[1];
    s->symbols.count = 2;
    s->enabled = true;
    loop = loop_new();
    metrics = metrics_new();
    exposure = exposure_new();
    struct alpaca_account a = {.equity = USD(2000), .cash = USD(1000)};
    exposure_set_account(exposure, &a, w.now);
    price("SPY", 100);
    price("TLT", 100);
    runs = runs_new(&(struct runs_params){.loop = loop,
                                          .config = &config,
                                          .exposure = exposure,
                                          .metrics = metrics,
                                          .may_start = may_start,
                                          .on_run = on_run,
                                          .on_settled = on_settled,
                                          .alert = on_alert});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    runs_free(runs);
    exposure_free(exposure);
    metrics_free(metrics);
    loop_free(loop);
    return 0;
}

// --- moves of a test

static void turn_until(const int *counter, int at_least)
{
    for (int i = 0; i < PATIENCE_TURNS && *counter < at_least; i++)
        loop_step(loop, 100);
    assert_true(*counter >= at_least);
}

static const struct run_order order = {.session = {2026, 10, 8},
                                       .slot_key = "2026-10-08T19:30:00Z",
                                       .label = "15:30",
                                       .cause = "schedule",
                                       .strategies = "weights"};

__attribute__((unused)) static void start(void)
{
    struct run_order o = order;
    o.scheduled_at = w.now;
    books();
    runs_start(runs, &o, on_started, NULL);
}

static void claim(enum ledger_result result)
{
    struct run_row row = w.claimed;
    w.claim_done(w.claim_arg, result, false, result == LEDGER_OK ? &row : NULL);
}

__attribute__((unused)) static void to_the_plan_of(struct signal_target *targets, size_t count)
{
    struct signal s = {.targets = targets, .count = count};
    w.refresh_done(w.refresh_arg, true, "");
    w.bars_done(w.bars_arg, true, NULL, 0, "");
    w.strategy_done(w.strategy_arg, STRATEGY_OK, &s, "");
    assert_int_equal(w.plans, 1);
}

__attribute__((unused)) static void to_the_plan(void)
{
    struct signal_target target = {.symbol = "TLT", .weight = {DECIMAL_ONE / 2}};
    to_the_plan_of(&target, 1);
}

__attribute__((unused)) static void refresh(void)
{
    w.refresh_done(w.refresh_arg, true, "");
}

__attribute__((unused)) static void to_the_sell(void)
{
    start();
    claim(LEDGER_OK);
    to_the_plan();
    w.plan_done(w.plan_arg, LEDGER_OK, "");
    assert_int_equal(w.placed, 1);
    assert_int_equal(w.intents[0].order.side, ORDER_SELL);
}

__attribute__((unused)) static void answer(int n, enum order_status status, struct qty filled)
{
    struct order_row row = {.intent = w.intents[n], .status = status, .filled_qty = filled};
    str_copy_cut(row.reason, sizeof row.reason, w.reason ? w.reason : "");
    if (order_status_terminal(status))
        exposure_release(exposure, row.intent.order.client_order_id);
    if (w.place_done[n])
        w.place_done[n](w.place_arg[n], &row);
    w.place_done[n] = NULL;
    runs_order_changed(runs, &row);
}

__attribute__((unused)) static void settle(void)
{
    w.pass_done(w.pass_arg, true, "");
    w.list_done(w.list_arg, LEDGER_OK, NULL, 0);
}

__attribute__((unused)) static void resume(enum run_status status)
{
    struct run_row row = {.session = session, .status = status, .scheduled_at = w.now, .started_at = w.now};
    strcpy(row.id, "run-1");
    strcpy(row.strategies, "weights");
    strcpy(row.slot_key, order.slot_key);
    strcpy(row.account, "PASIM0000001");
    row.deadline_at = w.now + (w.late ? -1 : 600) * NS_PER_S;
    books();
    runs_resume(runs, &row, 1);
}

#endif
