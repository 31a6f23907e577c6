// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// An account of 1,000 dollars, intents and views of it.
#ifndef PAPERGUARD_TESTS_EXPOSURE_RIG_H
#define PAPERGUARD_TESTS_EXPOSURE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/exposure.h"

#define USD(n) ((struct money){(n)*DECIMAL_ONE})
#define SHARES(n) ((struct qty){(n)*DECIMAL_ONE})
#define RIG_UNUSED __attribute__((unused))
#define NOW (INT64_C(1000) * NS_PER_S)

RIG_UNUSED static const struct day session = {2026, 10, 8};

RIG_UNUSED static struct intent intent_of(const char *id, enum order_side side, int64_t shares, int64_t usd)
{
    struct intent in = {.session = session, .reserved = USD(usd)};
    snprintf(in.order.client_order_id, sizeof in.order.client_order_id, "%s", id);
    strcpy(in.order.symbol, "SPY");
    strcpy(in.run_id, "run-1");
    in.order.side = side;
    in.order.qty = SHARES(shares);
    return in;
}

RIG_UNUSED static struct exposure *with_account(void)
{
    struct exposure *e = exposure_new();
    struct alpaca_account a = {.equity = USD(1000), .cash = USD(600)};
    struct alpaca_position p = {.symbol = "SPY", .qty = SHARES(4), .current_price = {100 * DECIMAL_ONE}};
    exposure_set_account(e, &a, NOW);
    exposure_set_positions(e, &p, 1, NOW);
    return e;
}

RIG_UNUSED static struct risk_view view_of_sell(const struct exposure *e)
{
    struct risk_view v;
    struct order_request o = {.symbol = "SPY", .side = ORDER_SELL};
    assert_true(exposure_view(e, &o, "run-1", session, NOW, &v));
    return v;
}

RIG_UNUSED static struct risk_view view_of(const struct exposure *e, int64_t now)
{
    struct risk_view v;
    struct order_request o = {.symbol = "SPY"};
    assert_true(exposure_view(e, &o, "run-1", session, now, &v));
    return v;
}

RIG_UNUSED static struct intent dollars_of(const char *id, int64_t usd)
{
    struct intent in = intent_of(id, ORDER_SELL, 0, usd);
    in.order.notional = USD(usd);
    return in;
}

#endif
