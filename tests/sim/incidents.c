// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The table of incidents, by their sources.
#include "tests/sim/incidents.h"

#include "lib/base/check.h"

static const struct incident incidents[] = {
    {.source = "nautechsystems/nautilus_trader#4215",
     .what = "an order is tried again after it was accepted",
     .wire = {.answer_lost = 150000},
     .happened = SUM_WIRE},
    {.source = "bennycode/trading-signals#1178",
     .what = "orders are posted again by whoever is in between",
     .wire = {.duplicated = 1000000},
     .happened = SUM_ORDERS},
    {.source = "scrtlabs/catalyst#317",
     .what = "a request runs into its timeout and arrives later",
     .wire = {.late = 150000},
     .happened = SUM_WIRE},
    {.source = "alpacahq/Alpaca-API#270",
     .what = "an error is answered and the order went through",
     .wire = {.gateway_after = 150000},
     .happened = SUM_WIRE},
    {.source = "Kalshi/kalshi-starter-code-python#135",
     .what = "a client asks again without an id of its own",
     .wire = {.answer_lost = 100000, .gateway_after = 50000},
     .client = true,
     .happened = SUM_WIRE},
    {.source = "freqtrade/freqtrade#13332",
     .what = "an exit is sold twice, over a restart",
     .wire = {.answer_lost = 50000},
     .kill_ppm = 60000,
     .happened = SUM_KILLS},
    {.source = "marketcalls/openalgo#1991",
     .what = "what was reserved is free after a timeout, and the order comes",
     .wire = {.lost = 80000, .late = 80000},
     .happened = SUM_WIRE},
    {.source = "nautechsystems/nautilus_trader#4736",
     .what = "a restart mistakes a position for a stray one",
     .kill_ppm = 100000,
     .happened = SUM_KILLS},
    {.source = "nautechsystems/nautilus_trader#5000",
     .what = "a start drops an order that works",
     .kill_ppm = 80000,
     .client = true,
     .happened = SUM_KILLS},
    {.source = "QuantConnect/Lean.Brokerages.Alpaca#28",
     .what = "the event of a fill is lost",
     .stream = {.lost = 500000},
     .happened = SUM_ORDERS},
    {.source = "QuantConnect/Lean.Brokerages.TradeStation#101",
     .what = "events of fills come late, and twice",
     .stream = {.late = 500000, .repeated = 500000},
     .happened = SUM_ORDERS},
    {.source = "freqtrade/freqtrade#7184",
     .what = "the database cannot be written when a fill comes",
     .store = {.lost = 80000, .answer_lost = 80000},
     .happened = SUM_POSTGRES},
    {.source = "richkuo/go-trader#849",
     .what = "a second instance trades beside the first",
     .two = true,
     .freeze_ppm = 100000,
     .happened = SUM_FREEZES},
    {.source = "hummingbot/hummingbot#2534",
     .what = "orders go on after the kill switch",
     .client = true,
     .halts = true,
     .happened = SUM_ORDERS},
    {.source = "richkuo/go-trader#431",
     .what = "a halt that nobody can take back",
     .halts = true,
     .kill_ppm = 30000,
     .happened = SUM_ORDERS},
};

static const struct incident *chosen;

size_t incidents_count(void)
{
    return ARRAY_LEN(incidents);
}

const struct incident *incidents_at(size_t i)
{
    return &incidents[i];
}

void incidents_choose(const struct incident *one)
{
    chosen = one;
}

const struct incident *incidents_chosen(void)
{
    return chosen;
}
