// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One order that passes every row, and for each row the change that makes this row deny it.
#include "lib/trade/risk.h"

#include <string.h>

#define USD(n) ((n)*DECIMAL_ONE)

static const char *const example_symbols[] = {"SPY"};

// 10 shares at 100 in an account of 10,000 that holds 20.
static void quiet(struct risk_example *x)
{
    memset(x, 0, sizeof *x);
    x->limits = (struct risk_limits){
        .max_order_share = {DECIMAL_ONE / 2},
        .max_order_notional = {USD(5000)},
        .max_order_qty = {USD(1000)},
        .max_adv_share = {DECIMAL_ONE / 20},
        .max_position_share = {DECIMAL_ONE / 2},
        .max_gross_exposure = {DECIMAL_ONE},
        .max_net_exposure = {DECIMAL_ONE},
        .max_strategy_exposure = {DECIMAL_ONE},
        .price_collar = {DECIMAL_ONE / 20},
        .max_price_jump = {DECIMAL_ONE / 5},
        .min_price = {DECIMAL_ONE / 10},
        .max_price = {USD(1000)},
        .duplicate_window_ns = 10 * NS_PER_S,
        .max_price_age_ns = 60 * NS_PER_S,
        .max_account_age_ns = 60 * NS_PER_S,
        .max_orders_per_run = 10,
        .max_orders_per_day = 20,
        .max_notional_per_day = {USD(20000)},
        .max_notional_per_day_share = {USD(2)},
        .long_only = true,
    };
    x->view = (struct risk_view){
        .now_wall_ns = NS_PER_S,
        .hours = RISK_HOURS_REGULAR,
        .account_known = true,
        .equity = {USD(10000)},
        .cash = {USD(8000)},
        .account_age_ns = NS_PER_S,
        .asset_known = true,
        .tradable = true,
        .fractionable = true,
        .price_known = true,
        .price = {USD(100)},
        .reference = {USD(100)},
        .price_age_ns = NS_PER_S,
        .quote_known = true,
        .bid = {USD(99)},
        .ask = {USD(101)},
        .quote_age_ns = NS_PER_S,
        .traded = {USD(100)},
        .traded_age_ns = NS_PER_S,
        .adv = {USD(10000)},
        .held = {USD(20)},
        .gross = {USD(2000)},
        .net_long = {USD(2000)},
        .net_short = {-USD(2000)},
        .gross_known = true,
    };
    x->order = (struct order_request){
        .symbol = "SPY", .side = ORDER_BUY, .type = ORDER_MARKET, .tif = TIF_DAY, .qty = {USD(10)}};
    str_copy_cut(x->order.client_order_id, sizeof x->order.client_order_id, "example");
}

void risk_example(enum risk_row row, struct risk_example *out)
{
    quiet(out);
    struct risk_limits *l = &out->limits;
    struct risk_view *v = &out->view;
    struct order_request *o = &out->order;
    str_copy_cut(out->symbol.symbol, sizeof out->symbol.symbol, o->symbol);
#define RULE (l->symbols = &out->symbol, l->symbol_count = 1, &out->symbol)
    switch (row) {
#define RISK_ROW(symbol, name, holds_for_reduce, text, ...)                                                            \
    case symbol:                                                                                                       \
        __VA_ARGS__;                                                                                                   \
        break;
#include "lib/trade/risk_rows.def"
#undef RISK_ROW
    case RISK_ROW_COUNT:
        break;
    }
}
