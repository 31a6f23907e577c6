// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The room of test_desk.c: doubles of ledger and broker that keep what they are asked and answer when the test says so,
// a desk between them, and the moves of a test.
#ifndef PAPERGUARD_TESTS_DESK_ROOM_H
#define PAPERGUARD_TESTS_DESK_ROOM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/desk.h"
#include "lib/base/json_read.h"
#include "lib/io/clock.h"
#include "tests/unit/desk_good.h"

#define USD(n) ((struct money){(n)*DECIMAL_ONE})
#define SHARES(n) ((struct qty){(n)*DECIMAL_ONE})
#define ID "pg1-00000000000000000000000000000001"
#define PATIENCE_TURNS 200

static const struct day session = {2026, 10, 8};

// --- doubles

static struct {
    struct guard_facts facts;
    // ledger
    int commits, updates, handed_over, decisions;
    enum ledger_result commit_result;
    enum ledger_result update_result;
    enum order_status last_status;
    int64_t last_broker_at;
    void (*commit_done)(void *, enum ledger_result, struct receipt *, const char *);
    void *commit_arg;
    struct intent committed;
    char rule[64], decided[400];
    int reopens;
    int64_t reopened_at;
    ledger_done_fn *reopen_done;
    void *reopen_arg;
    // broker
    int submits, calls;
    void (*ready)(void *);
    void *ready_arg;
    int waits; // for a rate slot
    struct cleared_order *cleared;
    broker_done_fn *submit_done;
    void *submit_arg;
    enum guard_op call_op;
    char call_query[200], call_id[64];
    broker_done_fn *call_done;
    void *call_arg;
    // desk
    int told, answered, alerts, refreshes;
    void (*refresh_done)(void *, bool, const char *);
    void *refresh_arg;
    void *answer_arg;
    struct order_row last;
} w;

const struct guard_facts *facts_view(const struct facts *f)
{
    (void)f;
    return &w.facts;
}

void ledger_intent_commit(struct ledger *l, const struct intent *intent,
                          void (*done)(void *, enum ledger_result, struct receipt *, const char *), void *arg)
{
    (void)l;
    w.commits++;
    w.committed = *intent;
    w.commit_done = done;
    w.commit_arg = arg;
}

static ledger_done_fn *update_done[64];
static void *update_arg[64];
static int update_count;

void ledger_order_update(struct ledger *l, const char *client_order_id, const char *order_id, enum order_status status,
                         struct qty filled_qty, struct price filled_avg_price, int64_t broker_at, int64_t now_ns,
                         const char *source, const char *reason, ledger_done_fn *done, void *arg)
{
    (void)l, (void)client_order_id, (void)order_id, (void)filled_qty, (void)filled_avg_price, (void)now_ns;
    w.last_broker_at = broker_at;
    (void)source, (void)reason;
    if (status == ORDER_SENDING) { // said in passing
        assert_null(done);
        w.handed_over++;
        return;
    }
    w.updates++;
    w.last_status = status;
    assert_true(update_count < 64);
    update_done[update_count] = done;
    update_arg[update_count++] = arg;
}

void ledger_decision(struct ledger *l, const char *kind, const char *subject, const char *answer, const char *rule,
                     const char *detail, int64_t now_ns)
{
    (void)l, (void)kind, (void)subject, (void)now_ns;
    w.decisions++;
    snprintf(w.decided, sizeof w.decided, "%s %s", answer, detail);
    snprintf(w.rule, sizeof w.rule, "%s", rule);
}

void ledger_order_reopen(struct ledger *l, const char *client_order_id, struct day of, const char *reason,
                         const char *operator, int64_t now_ns, ledger_done_fn *done, void *arg)
{
    (void)l;
    assert_string_equal(client_order_id, ID);
    assert_true(day_compare(of, session) == 0);
    assert_true(reason[0] && operator[0]);
    w.reopens++;
    w.reopened_at = now_ns;
    w.reopen_done = done;
    w.reopen_arg = arg;
}

const char *ledger_result_name(enum ledger_result r)
{
    return r == LEDGER_OK ? "ok" : "not ok";
}

void broker_call(struct broker *b, enum guard_op op, const char *id, const char *query, broker_done_fn *done, void *arg)
{
    (void)b;
    w.calls++;
    w.call_op = op;
    snprintf(w.call_query, sizeof w.call_query, "%s", query ? query : "");
    snprintf(w.call_id, sizeof w.call_id, "%s", id ? id : "");
    w.call_done = done;
    w.call_arg = arg;
}

void broker_order_request(const struct broker *b, const char *body, size_t body_len, struct wire_request *request)
{
    (void)b;
    *request = good_request(&w.facts, OP_SUBMIT_OPEN, NULL);
    request->body = body;
    request->body_len = body_len;
}

void broker_rate_wait(struct broker *b, void (*ready)(void *arg), void *arg)
{
    (void)b;
    w.waits++;
    w.ready = ready;
    w.ready_arg = arg;
}

void broker_submit(struct broker *b, struct cleared_order **cleared, broker_done_fn *done, void *arg)
{
    (void)b;
    w.submits++;
    w.cleared = *cleared;
    *cleared = NULL;
    w.submit_done = done;
    w.submit_arg = arg;
}

const char *broker_result_name(enum broker_result r)
{
    (void)r;
    return "result";
}

// --- the room

static struct desk *desk;
static struct loop *loop;
static struct guard *guard;
static struct exposure *exposure;
static struct metrics *metrics;
static struct risk_limits limits;
static int64_t answer_within_ms; // 0: as in the daemon

static void on_order(void *arg, const struct order_row *row)
{
    (void)arg;
    w.told++;
    w.last = *row;
}

static void on_alert(void *arg, const char *kind, const char *subject, const char *detail)
{
    (void)arg, (void)kind, (void)subject, (void)detail;
    w.alerts++;
}

static void on_refresh(void *arg, const char *symbol, void (*done)(void *, bool, const char *), void *done_arg)
{
    (void)arg;
    assert_string_equal(symbol, "SPY");
    w.refreshes++;
    w.refresh_done = done;
    w.refresh_arg = done_arg;
}

static void on_answer(void *arg, const struct order_row *row)
{
    w.answer_arg = arg;
    w.answered++;
    w.last = *row;
}

static void fill_exposure(void)
{
    struct alpaca_account a = {.equity = USD(100000), .cash = USD(100000)};
    struct alpaca_asset asset = {.symbol = "SPY", .status = "active", .tradable = true, .fractionable = true};
    struct alpaca_trade t = {.symbol = "SPY", .price = {100 * DECIMAL_ONE}, .at = clock_wall_ns()};
    struct alpaca_position p = {.symbol = "SPY", .qty = SHARES(10), .current_price = {100 * DECIMAL_ONE}};
    exposure_set_account(exposure, &a, clock_boot_ns());
    exposure_set_positions(exposure, &p, 1, clock_boot_ns());
    exposure_set_asset(exposure, &asset);
    exposure_set_adv(exposure, "SPY", SHARES(1000000), day_of(clock_wall_ns()));
    exposure_set_trade(exposure, &t, clock_boot_ns(), clock_wall_ns());
}

static int set_up(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    update_count = 0;
    w.facts = good_simulator_facts();
    w.facts.account_boot_ns = w.facts.database_boot_ns = w.facts.clock_boot_ns = clock_boot_ns();
    w.facts.lead_until_boot_ns = INT64_MAX;
    loop = loop_new();
    guard = guard_new();
    exposure = exposure_new();
    const struct exposure_session hours = good_hours();
    exposure_set_session(exposure, &hours);
    metrics = metrics_new();
    fill_exposure();
    limits = good_limits();
    desk = desk_new(&(struct desk_params){.loop = loop,
                                          .guard = guard,
                                          .exposure = exposure,
                                          .metrics = metrics,
                                          .limits = &limits,
                                          .unknown_for_ms = 20,
                                          .answer_within_ms = answer_within_ms,
                                          .on_order = on_order,
                                          .alert = on_alert,
                                          .refresh = on_refresh});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cleared_order_drop(&w.cleared);
    desk_free(desk);
    exposure_free(exposure);
    metrics_free(metrics);
    guard_free(guard);
    loop_free(loop);
    return 0;
}

// --- moves of a test

__attribute__((unused)) static void place(enum order_side side, int64_t shares)
{
    struct intent in = {.leg = 1, .try_no = 1, .session = session, .created_at = clock_wall_ns()};
    strcpy(in.run_id, "run-1");
    strcpy(in.account, "PASIM0000001");
    in.order = (struct order_request){.client_order_id = ID,
                                      .symbol = "SPY",
                                      .side = side,
                                      .type = ORDER_MARKET,
                                      .tif = TIF_DAY,
                                      .qty = SHARES(shares)};
    desk_place(desk, &in, on_answer, NULL);
}

__attribute__((unused)) static void commit(enum ledger_result result)
{
    w.commit_done(w.commit_arg, result, result == LEDGER_OK ? good_receipt(&w.committed, clock_boot_ns()) : NULL, "");
}

__attribute__((unused)) static void ledger_takes(enum ledger_result result)
{
    int n = update_count;
    update_count = 0;
    for (int i = 0; i < n; i++)
        update_done[i](update_arg[i], result, "");
}

static void broker_answers(broker_done_fn *done, void *arg, enum broker_result result, int status, const char *json)
{
    struct json_doc *doc = NULL;
    struct err err;
    struct broker_answer a = {.result = result, .status = status, .detail = "detail", .request_id = ""};
    if (json)
        assert_int_equal(json_doc_parse(json, strlen(json), &doc, &err), 0);
    if (result == BROKER_REJECTED)
        alpaca_error_parse(json, strlen(json), &a.error);
    a.json = doc ? json_doc_root(doc) : NULL;
    done(arg, &a);
    json_doc_free(doc);
}

__attribute__((unused)) static const char *order_json(const char *id, const char *status, const char *filled)
{
    static char text[900];
    snprintf(
        text, sizeof text,
        "{\"id\":\"o-1\",\"client_order_id\":\"%s\",\"symbol\":\"SPY\",\"side\":\"buy\",\"type\":\"market\","
        "\"time_in_force\":\"day\",\"status\":\"%s\",\"qty\":\"2\",\"filled_qty\":\"%s\",\"filled_avg_price\":null,"
        "\"notional\":null,\"limit_price\":null,\"created_at\":\"2026-10-08T19:30:00Z\","
        "\"updated_at\":\"2026-10-08T19:30:0%cZ\",\"submitted_at\":\"2026-10-08T19:30:00Z\",\"filled_at\":null}",
        id, status, filled, filled[0] == '0' ? '1' : '2');
    return text;
}

__attribute__((unused)) static void to_the_wire(enum order_side side, int64_t shares)
{
    place(side, shares);
    commit(LEDGER_OK);
    w.ready(w.ready_arg);
}

__attribute__((unused)) static void turn_until(int *counter, int at_least)
{
    for (int i = 0; i < PATIENCE_TURNS && *counter < at_least; i++)
        loop_step(loop, 100);
    assert_true(*counter >= at_least);
}

#define NOT_FOUND "{\"code\":40410000,\"message\":\"order not found for " ID "\"}"

__attribute__((unused)) static void looked_up(const char *body)
{
    int before = w.calls;
    turn_until(&w.calls, before + 1);
    broker_answers(w.call_done, w.call_arg, BROKER_REJECTED, 404, body);
}

__attribute__((unused)) static int64_t open_buys(void)
{
    struct risk_view v;
    struct order_request o = {.symbol = "SPY"};
    assert_true(exposure_view(exposure, &o, "run-1", session, clock_boot_ns(), &v));
    return v.open_buys.nanos;
}

// Proven never to have arrived, of this life or of an earlier one: the same order once more, under its id.
__attribute__((unused)) static void never_arrived(void)
{
    looked_up(NOT_FOUND);
    looked_up(NOT_FOUND);
    desk_listed(desk, clock_boot_ns() + NS_PER_S);
    looked_up(NOT_FOUND);
}

#endif
