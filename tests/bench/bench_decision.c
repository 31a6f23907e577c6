// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What one order costs from risk view to redeemed permit, beside the bare JSON parse (jansson, as a client library
// would do) of the same order. Prints one JSON line: nanoseconds at p50 and p99 of both, over alternating samples of
// one run.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/exposure.h"
#include "lib/guard/guard.h"
#include "tests/unit/guard_good.h"

#define SAMPLES 20000
#define OPEN_ORDERS 50
#define MANY_ORDERS 1000 // of the full account, over so many symbols:
#define MANY_SYMBOLS 500

// bench_parse.c: nanoseconds of one bare parse, -1 when it failed. A file of its own because jansson's names meet ours.
int64_t bench_parse(const char *body, size_t len);

struct world {
    struct guard_facts facts;
    struct guard *guard;
    struct exposure *exposure;
    struct risk_limits limits;
    struct order_request order;
    struct day session;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_decision: %s\n", what);
    exit(1);
}

// An account with nothing held and nothing open.
static void set_exposure(struct world *w)
{
    w->exposure = exposure_new();
    exposure_set_session(
        w->exposure, &(struct exposure_session){
                         .known = true, .close_ns = INT64_MAX, .extended_close_ns = INT64_MAX, .until_ns = INT64_MAX});
    struct alpaca_account a = {.equity = {100000 * DECIMAL_ONE}, .cash = {100000 * DECIMAL_ONE}};
    struct alpaca_asset asset = {.tradable = true, .fractionable = true};
    struct alpaca_trade trade = {.price = {400 * DECIMAL_ONE}};
    exposure_set_account(w->exposure, &a, now_ns());
    exposure_set_positions(w->exposure, NULL, 0, now_ns());
    strcpy(asset.symbol, "SPY");
    strcpy(trade.symbol, "SPY");
    exposure_set_asset(w->exposure, &asset);
    exposure_set_trade(w->exposure, &trade, now_ns(), 0);
}

static void open_some(struct world *w)
{
    struct intent intent = {.session = w->session, .reserved = {100 * DECIMAL_ONE}};
    for (int i = 0; i < OPEN_ORDERS; i++) {
        intent.order = w->order;
        intent.order.qty.nanos = DECIMAL_ONE / 4;
        snprintf(intent.order.client_order_id, sizeof intent.order.client_order_id, "open-%d", i);
        exposure_reserve(w->exposure, &intent, now_ns());
    }
}

static void set_limits(struct risk_limits *l)
{
    *l = (struct risk_limits){
        .max_order_share = {DECIMAL_ONE / 2},
        .max_order_notional = {1000000 * DECIMAL_ONE},
        .max_position_share = {DECIMAL_ONE},
        .max_gross_exposure = {DECIMAL_ONE},
        .max_net_exposure = {DECIMAL_ONE},
        .max_order_qty = {1000000 * DECIMAL_ONE},
        .max_price_jump = {DECIMAL_ONE},
        .max_price = {1000000 * DECIMAL_ONE},
        .duplicate_window_ns = 1,
        .max_notional_per_day_share = {1000 * DECIMAL_ONE},
        .price_collar = {DECIMAL_ONE / 20},
        .max_price_age_ns = INT64_C(3600) * 1000000000,
        .max_account_age_ns = INT64_C(3600) * 1000000000,
        .max_orders_per_run = 1000,
        .max_orders_per_day = 1000000,
        .max_notional_per_day = {INT64_C(9000000000) * DECIMAL_ONE},
        .long_only = true,
    };
}

static int64_t decide_once(struct world *w, const char *body, size_t len)
{
    struct risk_view view;
    struct risk_verdict risk;
    struct guard_verdict verdict;
    struct cleared_order *cleared = NULL;
    struct receipt_terms terms = {.order = w->order,
                                  .body = body,
                                  .body_len = len,
                                  .committed_boot_ns = now_ns(),
                                  .leader_epoch = w->facts.lead_epoch};
    strcpy(terms.account_number, w->facts.account_number);
    struct receipt *receipt = receipt_mint(&terms); // in the daemon this happens in the ledger, after COMMIT
    struct wire_request request = good_request(&w->facts, OP_SUBMIT_OPEN, NULL);
    request.body = body;
    request.body_len = len;
    w->facts.account_boot_ns = w->facts.database_boot_ns = w->facts.clock_boot_ns = now_ns();
    w->facts.lead_until_boot_ns = INT64_MAX;
    int64_t start = now_ns();
    if (!exposure_view(w->exposure, &w->order, "", w->session, start, &view))
        die("no view");
    risk_judge(&w->limits, &view, &w->order, &risk);
    if (risk.answer != RISK_PASS)
        die(risk.detail);
    if (guard_clear_order(w->guard, &w->facts, &receipt, &request, start, &cleared, &verdict) != 0)
        die(verdict.detail);
    if (!guard_redeem_order(w->guard, cleared, &w->facts, &request, start, &verdict))
        die(verdict.detail);
    int64_t took = now_ns() - start;
    cleared_order_drop(&cleared);
    return took;
}

// An account of 1,000 open orders over 500 symbols, half of them held, and this order beside two open ones of its
// symbol.
static void fill_up(struct world *w)
{
    for (int i = 0; i < MANY_ORDERS; i++) {
        struct alpaca_trade trade = {.price = {400 * DECIMAL_ONE}};
        struct alpaca_asset asset = {.tradable = true, .fractionable = true};
        struct intent in = {.session = w->session, .reserved = {10 * DECIMAL_ONE}, .order = w->order};
        int n = i % MANY_SYMBOLS;
        snprintf(in.order.symbol, sizeof in.order.symbol, n ? "S%d" : "SPY", n);
        in.order.qty.nanos = DECIMAL_ONE / 40 + i;
        snprintf(in.order.client_order_id, sizeof in.order.client_order_id, "full-%d", i);
        str_copy_cut(trade.symbol, sizeof trade.symbol, in.order.symbol);
        str_copy_cut(asset.symbol, sizeof asset.symbol, in.order.symbol);
        exposure_set_asset(w->exposure, &asset);
        exposure_set_trade(w->exposure, &trade, now_ns(), 0);
        exposure_reserve(w->exposure, &in, now_ns());
    }
}

// All risk rows of one order: its view, and every row over it.
static int64_t judge_once(struct world *w)
{
    struct intent in = {.session = w->session, .order = w->order};
    struct risk_view view;
    struct risk_verdict risk;
    int64_t start = now_ns();
    if (!exposure_view_intent(w->exposure, &in, start, &view))
        die("no view");
    risk_judge(&w->limits, &view, &w->order, &risk);
    int64_t took = now_ns() - start;
    if (risk.answer != RISK_PASS)
        die(risk.detail);
    return took;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    static int64_t decision[SAMPLES], parse[SAMPLES], risk[SAMPLES], full[SAMPLES];
    struct world w = {.session = {2026, 11, 20}}, empty, busy;
    struct text body;
    w.guard = guard_new();
    w.order = (struct order_request){.client_order_id = "pg1-0123456789abcdef0123456789abcdef",
                                     .symbol = "SPY",
                                     .side = ORDER_BUY,
                                     .type = ORDER_MARKET,
                                     .tif = TIF_DAY,
                                     .qty = {DECIMAL_ONE * 5 / 2}};
    w.facts = good_simulator_facts();
    set_limits(&w.limits);
    empty = busy = w;
    set_exposure(&w);
    open_some(&w);
    set_exposure(&empty);
    set_exposure(&busy);
    fill_up(&busy);
    text_init(&body, 4096);
    order_request_write(&w.order, &body);
    for (int i = 0; i < SAMPLES; i++) {
        risk[i] = judge_once(&empty);
        full[i] = judge_once(&busy);
        decision[i] = decide_once(&w, text_str(&body), body.len);
        parse[i] = bench_parse(text_str(&body), body.len);
        if (parse[i] < 0)
            die("the order did not parse");
    }
    qsort(decision, SAMPLES, sizeof decision[0], by_value);
    qsort(risk, SAMPLES, sizeof risk[0], by_value);
    qsort(full, SAMPLES, sizeof full[0], by_value);
    qsort(parse, SAMPLES, sizeof parse[0], by_value);
    printf("{\"risk_p50_ns\":%lld,\"risk_p99_ns\":%lld,\"risk_full_p50_ns\":%lld,\"risk_full_p99_ns\":%lld,",
           (long long)risk[SAMPLES / 2], (long long)risk[SAMPLES * 99 / 100], (long long)full[SAMPLES / 2],
           (long long)full[SAMPLES * 99 / 100]);
    printf("\"decision_p50_ns\":%lld,\"decision_p99_ns\":%lld,\"parse_p50_ns\":%lld,\"parse_p99_ns\":%lld,\"samples\":"
           "%d}\n",
           (long long)decision[SAMPLES / 2], (long long)decision[SAMPLES * 99 / 100], (long long)parse[SAMPLES / 2],
           (long long)parse[SAMPLES * 99 / 100], SAMPLES);
    text_free(&body);
    exposure_free(w.exposure);
    exposure_free(empty.exposure);
    exposure_free(busy.exposure);
    guard_free(w.guard);
    return 0;
}
