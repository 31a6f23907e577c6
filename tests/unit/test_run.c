// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/run.o daemon/run_plan.o daemon/run_preview.o daemon/run_orders.o daemon/exposure.o daemon/metrics.o
//
// Runs between doubles: ledger, reconcile, strategies and desk keep what they are asked and answer when the test says
// so; planner and exposure are the real ones.
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
#define ASKED_MAX 16
#define PATIENCE_TURNS 100

static const struct day session = {2026, 10, 8};

static struct {
    int64_t now;
    bool allowed;
    // ledger
    int claims, updates, plans, listings, legs_asked;
    struct run_row claimed, updated;
    void (*claim_done)(void *, enum ledger_result, bool, const struct run_row *);
    void *claim_arg;
    ledger_done_fn *update_done, *plan_done;
    void *update_arg, *plan_arg;
    void (*list_done)(void *, enum ledger_result, const struct order_row *, size_t);
    void *list_arg;
    void (*legs_done)(void *, enum ledger_result, const struct run_legs *);
    void *legs_arg;
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
    void *strategy_arg;
    // desk
    int placed, run_cancels;
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
    int started, refused, alerts, freed;
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
    (void)l, (void)row, (void)members, (void)count, (void)plan;
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

void ledger_run_legs(struct ledger *l, const char *run_id,
                     void (*done)(void *, enum ledger_result, const struct run_legs *), void *arg)
{
    (void)l, (void)run_id;
    w.legs_asked++;
    w.legs_done = done;
    w.legs_arg = arg;
}

void reconcile_refresh(struct reconcile *r, const char *const *symbols, size_t count,
                       void (*done)(void *, bool, const char *), void *arg)
{
    (void)r, (void)symbols, (void)count;
    w.refreshes++;
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

void reconcile_kick(struct reconcile *r)
{
    (void)r;
}

void strategies_run(struct strategies *s, const struct config_strategy *strategy, const struct signal_input *input,
                    void (*done)(void *, enum strategy_result, const struct signal *, const char *), void *arg)
{
    (void)s, (void)strategy, (void)input;
    w.strategy_done = done;
    w.strategy_arg = arg;
}

void desk_place(struct desk *d, const struct intent *intent, void (*done)(void *, const struct order_row *), void *arg)
{
    (void)d;
    assert_true(w.placed < ASKED_MAX);
    w.intents[w.placed] = *intent;
    w.place_done[w.placed] = done;
    w.place_arg[w.placed++] = arg;
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

void desk_cancel_run(struct desk *d, const char *run_id)
{
    (void)d;
    w.run_cancels++;
    snprintf(w.cancelled_run, sizeof w.cancelled_run, "%s", run_id);
}

const struct order_row *desk_order(const struct desk *d, const char *client_order_id)
{
    (void)d, (void)client_order_id;
    return NULL;
}

// --- the room

static struct config config;
static struct loop *loop;
static struct metrics *metrics;
static struct exposure *exposure;
static struct runs *runs;

static void on_run(void *arg, const struct run_row *row)
{
    (void)arg;
    if (row)
        w.told = *row;
    else
        w.freed++;
}

static void on_alert(void *arg, const char *kind, const char *subject, const char *detail)
{
    (void)arg, (void)kind, (void)subject, (void)detail;
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
    struct alpaca_asset asset = {.tradable = true, .fractionable = true};
    struct alpaca_trade t = {.price = {dollars * DECIMAL_ONE}, .at = w.now};
    strcpy(asset.symbol, symbol);
    strcpy(t.symbol, symbol);
    exposure_set_asset(exposure, &asset);
    exposure_set_trade(exposure, &t, w.now, w.now);
}

// The book holds 10 SPY, the strategy will want TLT instead: one sell, one buy.
static void books(void)
{
    struct book held;
    book_init(&held, "weights");
    assert_true(book_set(&held, "SPY", SHARES(10), USD(1000)));
    struct ledger_books all = {.books = &held, .count = 1, .opened = true};
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

static void start(void)
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

static void to_the_plan(void)
{
    struct signal_target target = {.symbol = "TLT", .weight = {DECIMAL_ONE / 2}};
    struct signal s = {.targets = &target, .count = 1};
    w.refresh_done(w.refresh_arg, true, "");
    w.bars_done(w.bars_arg, true, NULL, 0, "");
    w.strategy_done(w.strategy_arg, STRATEGY_OK, &s, "");
    assert_int_equal(w.plans, 1);
}

static void to_the_sell(void)
{
    start();
    claim(LEDGER_OK);
    to_the_plan();
    w.plan_done(w.plan_arg, LEDGER_OK, "");
    assert_int_equal(w.placed, 1);
    assert_int_equal(w.intents[0].order.side, ORDER_SELL);
}

static void answer(int n, enum order_status status, struct qty filled)
{
    struct order_row row = {.intent = w.intents[n], .status = status, .filled_qty = filled};
    if (w.place_done[n])
        w.place_done[n](w.place_arg[n], &row);
    w.place_done[n] = NULL;
    runs_order_changed(runs, &row);
}

static void settle(void)
{
    w.pass_done(w.pass_arg, true, "");
    w.list_done(w.list_arg, LEDGER_OK, NULL, 0);
}

static void resume(enum run_status status)
{
    struct run_row row = {.session = session, .status = status, .scheduled_at = w.now, .started_at = w.now};
    strcpy(row.id, "run-1");
    strcpy(row.strategies, "weights");
    strcpy(row.slot_key, order.slot_key);
    row.deadline_at = w.now + 600 * NS_PER_S;
    books();
    runs_resume(runs, &row, 1);
}

// --- tests

static void sells_then_fresh_cash_then_buys_then_settled(void **state)
{
    (void)state;
    to_the_sell();
    answer(0, ORDER_NEW, SHARES(0));
    assert_int_equal(w.refreshes, 1);
    answer(0, ORDER_FILLED, SHARES(10));
    assert_int_equal(w.refreshes, 2);
    w.refresh_done(w.refresh_arg, true, "");
    assert_int_equal(w.placed, 2);
    assert_int_equal(w.intents[1].order.side, ORDER_BUY);
    answer(1, ORDER_FILLED, w.intents[1].order.qty);
    w.pass_done(w.pass_arg, false, "not yet");
    turn_until(&w.passes, 2);
    settle();
    assert_int_equal(w.told.status, RUN_COMPLETED);
    assert_true(w.told.settled);
    turn_until(&w.freed, 1);
}

static void no_buy_is_sent_after_the_deadline(void **state)
{
    (void)state;
    to_the_sell();
    answer(0, ORDER_FILLED, SHARES(10));
    run_deadline(runs->active);
    w.refresh_done(w.refresh_arg, true, ""); // the answer it was waiting for comes late
    assert_int_equal(w.placed, 1);
    settle();
    assert_int_equal(w.told.status, RUN_PARTIAL);
    assert_int_equal(w.placed, 1);
}

static void a_deadline_does_not_wait_for_an_order_that_does_not_end(void **state)
{
    (void)state;
    to_the_sell();
    answer(0, ORDER_NEW, SHARES(0));
    run_deadline(runs->active);
    assert_int_equal(w.run_cancels, 1);
    assert_int_equal(w.passes, 1); // it settles as far as it goes, whatever the sell does
    assert_true(runs->active->deadline_timer != 0);
    answer(0, ORDER_CANCELED, SHARES(0));
    assert_int_equal(w.placed, 1);
    settle();
    assert_int_equal(w.told.status, RUN_FAILED);
}

static void a_lost_claim_is_asked_after_until_the_ledger_tells(void **state)
{
    (void)state;
    start();
    char id[RUN_ID_MAX];
    strcpy(id, w.claimed.id);
    claim(LEDGER_LOST);
    turn_until(&w.claims, 2);
    claim(LEDGER_DOWN); // still away: the row may be there all the same
    assert_int_equal(w.refused, 0);
    turn_until(&w.claims, 3);
    assert_string_equal(w.claimed.id, id);
    claim(LEDGER_OK);
    assert_int_equal(w.started, 1);
    assert_int_equal(w.refreshes, 1);
    w.refresh_done(w.refresh_arg, false, "enough");
}

static void a_claim_that_is_told_too_late_is_missed(void **state)
{
    (void)state;
    start();
    claim(LEDGER_LOST);
    turn_until(&w.claims, 2);
    w.now += 120 * NS_PER_S;
    claim(LEDGER_OK);
    assert_int_equal(w.refreshes, 0);
    assert_int_equal(w.told.status, RUN_MISSED);
    assert_int_equal(w.alerts, 1);
}

static void a_claim_that_was_not_written_is_refused_at_once(void **state)
{
    (void)state;
    start();
    claim(LEDGER_DOWN);
    assert_int_equal(w.refused, 1);
    turn_until(&w.freed, 1);
}

static void a_missed_slot_is_written_until_the_ledger_has_it(void **state)
{
    (void)state;
    books();
    runs_record_missed(runs, &order, "Postgres was away");
    claim(LEDGER_DOWN);
    assert_int_equal(w.alerts, 0);
    turn_until(&w.claims, 2);
    assert_int_equal(w.claimed.status, RUN_MISSED);
    claim(LEDGER_LOST);
    turn_until(&w.claims, 3);
    claim(LEDGER_OK);
    assert_int_equal(w.alerts, 1);
    assert_int_equal(w.told.status, RUN_MISSED);
}

static void a_plan_whose_answer_was_lost_is_stored_again(void **state)
{
    (void)state;
    start();
    claim(LEDGER_OK);
    to_the_plan();
    w.plan_done(w.plan_arg, LEDGER_LOST, "");
    assert_int_equal(w.placed, 0);
    turn_until(&w.plans, 2);
    w.plan_done(w.plan_arg, LEDGER_OK, "");
    assert_int_equal(w.placed, 1);
    answer(0, ORDER_NEW, SHARES(0));
}

static void a_claimed_run_of_an_earlier_life_starts_only_when_it_may(void **state)
{
    (void)state;
    w.allowed = false;
    resume(RUN_CLAIMED);
    assert_int_equal(w.refreshes, 0);
    w.allowed = true;
    turn_until(&w.refreshes, 1);
    w.refresh_done(w.refresh_arg, false, "enough");
}

static void one_that_may_not_start_in_time_is_missed(void **state)
{
    (void)state;
    w.allowed = false;
    resume(RUN_CLAIMED);
    w.now += 120 * NS_PER_S;
    turn_until(&w.alerts, 1);
    assert_int_equal(w.told.status, RUN_MISSED);
    assert_int_equal(w.refreshes, 0);
}

static void a_run_that_was_sending_is_followed_and_says_what_was_never_sent(void **state)
{
    (void)state;
    resume(RUN_SENDING);
    assert_int_equal(w.passes, 1);
    run_deadline(runs->active); // its orders are cancelled like those of any other run
    assert_int_equal(w.run_cancels, 1);
    assert_string_equal(w.cancelled_run, "run-1");
    settle();
    struct run_legs legs = {.legs = 3, .handed_over = 2, .filled = 1, .submitted = 2, .accepted = 2};
    w.legs_done(w.legs_arg, LEDGER_OK, &legs);
    assert_int_equal(w.placed, 0);
    assert_int_equal(w.told.status, RUN_PARTIAL);
    assert_non_null(strstr(w.told.detail, "of 3 orders 1 were never sent, 1 were not filled"));
    assert_int_equal(w.told.orders_submitted, 2);
}

static void one_that_had_everything_filled_is_completed(void **state)
{
    (void)state;
    resume(RUN_SETTLING);
    settle();
    struct run_legs legs = {.legs = 2, .handed_over = 2, .filled = 2, .submitted = 2, .accepted = 2};
    w.legs_done(w.legs_arg, LEDGER_OK, &legs);
    assert_int_equal(w.told.status, RUN_COMPLETED);
    assert_true(w.told.settled);
}

static void on_preview(void *arg, const struct run_preview *preview, const char *why)
{
    (void)arg;
    w.previews++;
    w.preview_legs = preview ? preview->leg_count : 0;
    snprintf(w.preview_why, sizeof w.preview_why, "%s", why);
    for (size_t i = 0; i < w.preview_legs; i++) {
        w.shown_legs[i] = preview->legs[i];
        w.shown[i] = *preview->legs[i].leg;
    }
}

static void a_preview_plans_and_sends_nothing(void **state)
{
    (void)state;
    const struct session_day day = {day_of(w.now), 9 * 3600, 16 * 3600};
    struct signal_target target = {.symbol = "TLT", .weight = {DECIMAL_ONE / 2}};
    struct signal s = {.targets = &target, .count = 1};
    runs_set_calendar(runs, &day, 1);
    books();
    w.judged = RISK_BUYING_POWER;
    runs_preview(runs, "weights", on_preview, NULL);
    w.refresh_done(w.refresh_arg, true, "");
    w.bars_done(w.bars_arg, true, NULL, 0, "");
    w.strategy_done(w.strategy_arg, STRATEGY_OK, &s, "");
    assert_int_equal(w.previews, 1);
    assert_int_equal(w.preview_legs, 2);
    assert_int_equal(w.shown[0].side, ORDER_SELL);
    assert_int_equal(w.shown[0].qty.nanos, SHARES(10).nanos);
    assert_int_equal(w.shown_legs[0].notional.nanos, USD(1000).nanos);
    assert_true(w.shown_legs[0].reduces);
    assert_string_equal(w.shown_legs[1].refused, ""); // the sells' money comes first
    assert_int_equal(w.claims + w.plans + w.updates + w.placed, 0);
    assert_false(runs_busy(runs));
    for (int i = 0; i < PATIENCE_TURNS && !list_empty(&runs->previews); i++)
        loop_step(loop, 100);
    assert_true(list_empty(&runs->previews));
}

static void a_preview_says_what_the_desk_would_refuse(void **state)
{
    (void)state;
    const struct session_day day = {day_of(w.now), 9 * 3600, 16 * 3600};
    struct signal_target target = {.symbol = "TLT", .weight = {DECIMAL_ONE / 2}};
    struct signal s = {.targets = &target, .count = 1};
    runs_set_calendar(runs, &day, 1);
    start(); // beside a run under way
    w.judged = RISK_ORDER_NOTIONAL;
    runs_preview(runs, "weights", on_preview, NULL);
    w.refresh_done(w.refresh_arg, true, "");
    w.bars_done(w.bars_arg, true, NULL, 0, "");
    w.strategy_done(w.strategy_arg, STRATEGY_OK, &s, "");
    assert_string_equal(w.shown_legs[1].refused, "order_notional: too much");
}

static void a_preview_that_cannot_be_says_why(void **state)
{
    (void)state;
    const struct session_day day = {day_of(w.now), 9 * 3600, 16 * 3600};
    runs_preview(runs, "nosuch", on_preview, NULL);
    assert_string_equal(w.preview_why, "no strategy has that name");
    runs_preview(runs, "weights", on_preview, NULL);
    assert_string_equal(w.preview_why, "the books are not read yet");
    books();
    runs_preview(runs, "weights", on_preview, NULL);
    assert_string_equal(w.preview_why, "the exchange calendar does not reach today");
    runs_set_calendar(runs, &day, 1);
    runs_preview(runs, "weights", on_preview, NULL);
    w.refresh_done(w.refresh_arg, false, "latest trades: 500");
    assert_int_equal(w.previews, 4);
    assert_string_equal(w.preview_why, "latest trades: 500");
    for (size_t i = 0; i < 4; i++)
        runs_preview(runs, "weights", on_preview, NULL);
    assert_int_equal(w.previews, 5); // the fifth at a time is one too many: the one that ended is not swept yet
    assert_non_null(strstr(w.preview_why, "as many previews"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(sells_then_fresh_cash_then_buys_then_settled),
        T(no_buy_is_sent_after_the_deadline),
        T(a_deadline_does_not_wait_for_an_order_that_does_not_end),
        T(a_lost_claim_is_asked_after_until_the_ledger_tells),
        T(a_claim_that_is_told_too_late_is_missed),
        T(a_claim_that_was_not_written_is_refused_at_once),
        T(a_missed_slot_is_written_until_the_ledger_has_it),
        T(a_plan_whose_answer_was_lost_is_stored_again),
        T(a_claimed_run_of_an_earlier_life_starts_only_when_it_may),
        T(one_that_may_not_start_in_time_is_missed),
        T(a_run_that_was_sending_is_followed_and_says_what_was_never_sent),
        T(one_that_had_everything_filled_is_completed),
        T(a_preview_plans_and_sends_nothing),
        T(a_preview_says_what_the_desk_would_refuse),
        T(a_preview_that_cannot_be_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
