// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// For the tests of the simulated exchange: a small market, an exchange in it, orders in one line.
#ifndef PAPERGUARD_TESTS_EXCHANGE_RIG_H
#define PAPERGUARD_TESTS_EXCHANGE_RIG_H

#include "daemon/sim/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS NS_PER_MS
#define UNUSED __attribute__((unused))

static UNUSED int64_t at(const char *text)
{
    int64_t ns;
    assert_true(when_parse(text, &ns));
    return ns;
}

static UNUSED int64_t dec(const char *text)
{
    int64_t nanos;
    assert_int_equal(decimal_parse(text, strlen(text), DECIMAL_EXACT, &nanos), DECIMAL_OK);
    return nanos;
}

struct world {
    struct market *market;
    struct exchange *exchange;
    const struct market_symbol *spy, *tlt;
    int64_t now;
};

static UNUSED struct market *market_made(bool exchange_hours, int speed, uint64_t seed)
{
    struct market_params p = {.seed = seed, .exchange_hours = exchange_hours, .speed = speed};
    struct market *m = market_new(&p);
    const char *names[] = {"TLT", "SPY"};
    for (size_t s = 0; s < ARRAY_LEN(names); s++)
        for (int i = 0; i < 20; i++) {
            int64_t base = dec(s == 0 ? "150" : "300") + i * dec("0.5");
            struct market_bar bar = {.date = day_add((struct day){2020, 12, 1}, i),
                                     .open = {base},
                                     .high = {base + dec("2")},
                                     .low = {base - dec("3")},
                                     .close = {base + dec("1")},
                                     .volume = 1000000};
            assert_int_equal(market_add_bar(m, names[s], &bar, NULL), 0);
        }
    return m;
}

static UNUSED struct world world_made(struct exchange_params p, bool exchange_hours, const char *start)
{
    struct world w = {.now = at(start)};
    w.market = market_made(exchange_hours, 1, p.seed);
    assert_int_equal(market_start(w.market, w.now, NULL), 0);
    w.spy = market_find(w.market, "SPY");
    w.tlt = market_find(w.market, "TLT");
    p.market = w.market;
    p.started = w.now;
    w.exchange = exchange_new(&p);
    return w;
}

static const struct exchange_params usual = {
    .seed = 7, .cash = {100000 * DECIMAL_ONE}, .multiplier = 4, .shorting = true, .fill_delay_ns = 400 * MS};

static UNUSED void world_free(struct world *w)
{
    exchange_free(w->exchange);
    market_free(w->market);
}

static UNUSED void fix(struct world *w, const struct market_symbol *s, const char *price)
{
    int64_t p = dec(price);
    market_fix_price(w->market, s, (struct market_quote){{p}, {p}, {p}});
}

// The world once more under another seed, with SPY at 300: for what only chance brings about.
static UNUSED void world_again(struct world *w, struct exchange_params p, uint64_t seed)
{
    if (w->exchange != NULL)
        world_free(w);
    p.seed = seed;
    *w = world_made(p, false, "2026-11-20T15:00:00Z");
    fix(w, w->spy, "300");
}

static UNUSED void pass(struct world *w, int64_t ns)
{
    w->now += ns;
    exchange_advance(w->exchange, w->now);
}

static UNUSED struct exchange_request request(const char *symbol, enum order_side side, const char *qty)
{
    struct exchange_request r = {
        .has_type = true, .has_tif = true, .side = side, .type = ORDER_MARKET, .tif = TIF_DAY, .has_qty = true};
    snprintf(r.symbol, sizeof r.symbol, "%s", symbol);
    r.qty.nanos = dec(qty);
    return r;
}

static UNUSED struct exchange_request limit(const char *symbol, enum order_side side, const char *qty,
                                            const char *price)
{
    struct exchange_request r = request(symbol, side, qty);
    r.type = ORDER_LIMIT;
    r.limit = (struct exchange_price){true, {dec(price)}};
    return r;
}

static UNUSED const struct exchange_order *accepted(struct world *w, const struct exchange_request *r)
{
    const struct exchange_order *o = NULL;
    struct exchange_refusal why = {0};
    if (exchange_submit(w->exchange, r, w->now, &o, &why) != 0)
        fail_msg("refused: %d %d %s", why.status, why.code, why.message);
    return o;
}

static UNUSED void refused(struct world *w, const struct exchange_request *r, int status, int code, const char *message)
{
    const struct exchange_order *o = NULL;
    struct exchange_refusal why = {0};
    assert_int_equal(exchange_submit(w->exchange, r, w->now, &o, &why), -1);
    assert_null(o);
    assert_string_equal(why.message, message);
    assert_int_equal(why.status, status);
    assert_int_equal(why.code, code);
}

static UNUSED void assert_decimal(int64_t nanos, const char *text)
{
    char buf[DECIMAL_TEXT_MAX];
    assert_string_equal(decimal_format(nanos, buf), text);
}

static UNUSED void is_refused(const struct exchange_refusal *why, int status, int code, const char *message)
{
    assert_string_equal(why->message, message);
    assert_int_equal(why->status, status);
    assert_int_equal(why->code, code);
}

static UNUSED struct exchange_request stop(const char *symbol, enum order_side side, const char *qty, const char *price)
{
    struct exchange_request r = request(symbol, side, qty);
    r.type = ORDER_STOP;
    r.stop = (struct exchange_price){true, {dec(price)}};
    return r;
}

static UNUSED struct exchange_price price_of(const char *text)
{
    return (struct exchange_price){true, {dec(text)}};
}

// Buys and waits until it has it.
static UNUSED void bought(struct world *w, const char *symbol, const char *qty)
{
    struct exchange_request r = request(symbol, ORDER_BUY, qty);
    const struct exchange_order *o = accepted(w, &r);
    pass(w, 60 * NS_PER_S);
    assert_int_equal(o->status, ORDER_FILLED);
}

static UNUSED const struct exchange_order *leg_of(struct world *w, const struct exchange_order *o, size_t i)
{
    assert_true(i < o->leg_count);
    return exchange_order_at(w->exchange, (size_t)o->legs[i] - 1);
}

static UNUSED void go_to(struct world *w, const char *instant)
{
    w->now = at(instant);
    exchange_advance(w->exchange, w->now);
}

// Money that must hold at any time: nothing is reserved or held without an open order.
static UNUSED void nothing_is_held(struct world *w)
{
    assert_decimal(exchange_account_at(w->exchange, w->now).reserved.nanos, "0");
    const struct exchange_position *p = exchange_position_find(w->exchange, w->spy);
    if (p != NULL)
        assert_decimal(p->held.nanos, "0");
}

#endif
