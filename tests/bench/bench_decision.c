// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What all checks of one order cost, in an account with nothing open and in a full one, part by part: risk (the view
// and every row over it), clearing (every guard row, and the request copied into a permit), and the wire (every guard
// row again, and the request held against the permit). Beside it the bare JSON parse (jansson, as a client library
// would do) of the same order. Prints one JSON line: nanoseconds at p50 and p99, over alternating samples of one run.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/exposure.h"
#include "lib/guard/guard.h"
#include "tests/unit/guard_good.h"

#define SAMPLES 20000
#define MANY_ORDERS 1000 // of the full account, over so many symbols:
#define MANY_SYMBOLS 500

// bench_parse.c: nanoseconds of one bare parse, -1 when it failed. A file of its own because jansson's names meet ours.
int64_t bench_parse(const char *body, size_t len);

enum part { RECEIPT, RISK, CLEAR, WIRE, ALL, PARTS };
static const char *const part_names[PARTS] = {"receipt", "risk", "clear", "wire", "decision"};
struct costs {
    int64_t ns[PARTS][SAMPLES];
};

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
    struct alpaca_asset asset = {.status = "active", .tradable = true, .fractionable = true};
    struct alpaca_trade trade = {.price = {400 * DECIMAL_ONE}};
    exposure_set_account(w->exposure, &a, now_ns());
    exposure_set_positions(w->exposure, NULL, 0, now_ns());
    strcpy(asset.symbol, "SPY");
    strcpy(trade.symbol, "SPY");
    exposure_set_asset(w->exposure, &asset);
    exposure_set_adv(w->exposure, "SPY", (struct qty){1000000 * DECIMAL_ONE}, day_of(now_ns()));
    exposure_set_trade(w->exposure, &trade, now_ns(), 0);
}

static void set_limits(struct risk_limits *l)
{
    *l = (struct risk_limits){
        .max_order_share = {DECIMAL_ONE / 2},
        .max_order_notional = {1000000 * DECIMAL_ONE},
        .max_position_share = {DECIMAL_ONE},
        .max_gross_exposure = {DECIMAL_ONE},
        .max_net_exposure = {DECIMAL_ONE},
        .max_adv_share = {DECIMAL_ONE / 20},
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

// An account of 1,000 open orders over 500 symbols, half of them held, and this order beside two open ones of its
// symbol.
static void fill_up(struct world *w)
{
    for (int i = 0; i < MANY_ORDERS; i++) {
        struct alpaca_trade trade = {.price = {400 * DECIMAL_ONE}};
        struct alpaca_asset asset = {.status = "active", .tradable = true, .fractionable = true};
        struct intent in = {.session = w->session, .reserved = {10 * DECIMAL_ONE}, .order = w->order};
        int n = i % MANY_SYMBOLS;
        snprintf(in.order.symbol, sizeof in.order.symbol, n ? "S%d" : "SPY", n);
        in.order.qty.nanos = DECIMAL_ONE / 40 + i;
        snprintf(in.order.client_order_id, sizeof in.order.client_order_id, "full-%d", i);
        str_copy_cut(trade.symbol, sizeof trade.symbol, in.order.symbol);
        str_copy_cut(asset.symbol, sizeof asset.symbol, in.order.symbol);
        exposure_set_asset(w->exposure, &asset);
        exposure_set_adv(w->exposure, "SPY", (struct qty){1000000 * DECIMAL_ONE}, day_of(now_ns()));
        exposure_set_trade(w->exposure, &trade, now_ns(), 0);
        exposure_reserve(w->exposure, &in, now_ns());
    }
}

// In the daemon this happens in the ledger, after COMMIT.
static struct receipt *committed(const struct world *w, const struct text *body)
{
    struct receipt_terms terms = {.order = w->order,
                                  .body = text_str(body),
                                  .body_len = body->len,
                                  .committed_boot_ns = now_ns(),
                                  .leader_epoch = w->facts.lead_epoch};
    strcpy(terms.account_number, w->facts.account_number);
    return receipt_mint(&terms);
}

// The whole, or its parts: reading the clock between them costs too.
static void decide_once(struct world *w, const struct text *body, struct costs *c, int i, bool parts)
{
    struct intent in = {.session = w->session, .order = w->order};
    struct risk_view view;
    struct risk_verdict risk;
    struct guard_verdict verdict;
    struct cleared_order *cleared = NULL;
    int64_t start = now_ns();
    struct receipt *receipt = committed(w, body);
    struct wire_request request = good_request(&w->facts, OP_SUBMIT_OPEN, NULL);
    request.body = text_str(body);
    request.body_len = body->len;
    w->facts.account_boot_ns = w->facts.database_boot_ns = w->facts.clock_boot_ns = now_ns();
    w->facts.lead_until_boot_ns = INT64_MAX;
    int64_t begin = now_ns();
    if (!exposure_view_intent(w->exposure, &in, begin, &view))
        die("no view");
    risk_judge(&w->limits, &view, &w->order, &risk);
    int64_t judged = parts ? now_ns() : 0;
    if (risk.answer != RISK_PASS)
        die(risk.detail);
    if (guard_clear_order(w->guard, &w->facts, &receipt, &request, begin, &cleared, &verdict) != 0)
        die(verdict.detail);
    int64_t clear = parts ? now_ns() : 0;
    if (!guard_redeem_order(w->guard, cleared, &w->facts, &request, begin, &verdict))
        die(verdict.detail);
    int64_t end = now_ns();
    cleared_order_drop(&cleared);
    if (!parts) {
        c->ns[ALL][i] = end - begin;
        return;
    }
    c->ns[RECEIPT][i] = begin - start;
    c->ns[RISK][i] = judged - begin;
    c->ns[CLEAR][i] = clear - judged;
    c->ns[WIRE][i] = end - clear;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print_part(const char *name, int64_t *ns)
{
    qsort(ns, SAMPLES, sizeof ns[0], by_value);
    printf("\"%s_p50_ns\":%lld,\"%s_p99_ns\":%lld,", name, (long long)ns[SAMPLES / 2], name,
           (long long)ns[SAMPLES * 99 / 100]);
}

static void print_all(struct costs *empty, struct costs *full)
{
    char name[32];
    for (int part = 0; part < PARTS; part++) {
        print_part(part_names[part], empty->ns[part]);
        snprintf(name, sizeof name, "%s_full", part_names[part]);
        print_part(name, full->ns[part]);
    }
}

int main(void)
{
    static struct costs in_empty, in_full;
    static int64_t parse[SAMPLES];
    struct world empty = {.session = {2026, 11, 20}}, full;
    struct text body;
    empty.guard = guard_new();
    empty.order = (struct order_request){.client_order_id = "pg1-0123456789abcdef0123456789abcdef",
                                         .symbol = "SPY",
                                         .side = ORDER_BUY,
                                         .type = ORDER_MARKET,
                                         .tif = TIF_DAY,
                                         .qty = {DECIMAL_ONE * 5 / 2}};
    empty.facts = good_simulator_facts();
    set_limits(&empty.limits);
    full = empty;
    set_exposure(&empty);
    set_exposure(&full);
    fill_up(&full);
    text_init(&body, 4096);
    order_request_write(&empty.order, &body);
    for (int i = 0; i < SAMPLES; i++) { // what comes first finds colder caches: by turns
        for (int parts = 0; parts < 2; parts++) {
            decide_once(i % 2 ? &empty : &full, &body, i % 2 ? &in_empty : &in_full, i, parts);
            decide_once(i % 2 ? &full : &empty, &body, i % 2 ? &in_full : &in_empty, i, parts);
        }
        parse[i] = bench_parse(text_str(&body), body.len);
        if (parse[i] < 0)
            die("the order did not parse");
    }
    printf("{");
    print_all(&in_empty, &in_full);
    print_part("parse", parse);
    printf("\"samples\":%d}\n", SAMPLES);
    text_free(&body);
    exposure_free(empty.exposure);
    exposure_free(full.exposure);
    guard_free(empty.guard);
    return 0;
}
