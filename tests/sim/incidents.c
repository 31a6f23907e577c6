// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The table of incidents, by their sources.
#include "tests/sim/incidents.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"
#include "tests/sim/check.h"
#include "tests/sim/site.h"

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
     .alert = "broker_errors",
     .happened = SUM_WIRE},
    {.source = "alpacahq/Alpaca-API#270",
     .what = "an error is answered and the order went through",
     .wire = {.gateway_after = 150000},
     .happened = SUM_WIRE},
    {.source = "Kalshi/kalshi-starter-code-python#135",
     .what = "what is sent again gets another id, of a client's order without one too",
     .wire = {.lost = 100000, .answer_lost = 100000, .gateway_after = 50000, .limited = 100000},
     .patient = true,
     .client = true,
     .happened = SUM_WIRE},
    {.source = "freqtrade/freqtrade#13332",
     .what = "an exit is sold twice, over a restart",
     .wire = {.answer_lost = 50000},
     .kill_ppm = 60000,
     .happened = SUM_KILLS},
    {.source = "marketcalls/openalgo#1991",
     .what = "what was reserved is free after a timeout, and the order comes",
     .wire = {.lost = 50000, .late = 50000, .orders_late = 500000},
     .client = true,
     .patient = true,
     .alert = "order_unknown",
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
     .alert = "takeover",
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
    {.source = "agronholm/apscheduler#606",
     .what = "the day is left out whose slot falls into the hour that is not there",
     .begins = {{2026, 3, 8}, 1 * 3600 + 57 * 60, false},
     .schedule = "02:01",
     .only = true,
     .slots = {{"2026-03-08T07:01:00Z", INCIDENT_RAN}},
     .happened = SUM_ORDERS},
    {.source = "agronholm/apscheduler#292",
     .what = "a run that comes a second late is dropped",
     .begins = {{2026, 3, 9}, 15 * 3600 + 26 * 60, true},
     .schedule = "15:30",
     .frozen_at_s = 235,
     .frozen_for_s = 17,
     .only = true,
     .slots = {{"2026-03-09T19:30:00Z", INCIDENT_RAN}},
     .happened = SUM_ORDERS},
    {.source = "QuantConnect/Lean#8514",
     .what = "trading on the ninth of January 2025, a day of mourning",
     .begins = {{2025, 1, 9}, 10 * 3600, true},
     .only = true,
     .seen = "SELECT 1 FROM broker_calendars WHERE account_number = $1 AND days LIKE '%2025-01-10=09:30-16:00%' "
             "AND days NOT LIKE '%2025-01-09%'",
     .never = "SELECT client_order_id FROM intents WHERE account_number = $1",
     .happened = SUM_SLOTS},
    {.source = "rsheftel/pandas_market_calendars#390",
     .what = "an early close is taken for a full day: the slot would come after it",
     .begins = {{2026, 11, 27}, 12 * 3600 + 26 * 60, true},
     .schedule = "close-30m",
     .only = true,
     .slots = {{"2026-11-27T17:30:00Z", INCIDENT_RAN}},
     .happened = SUM_ORDERS},
    {.source = "rsheftel/pandas_market_calendars#486",
     .what = "trading goes on after an early close",
     .begins = {{2026, 12, 24}, 12 * 3600 + 56 * 60 + 30, true},
     .never = "SELECT slot_key FROM runs WHERE account_number = $1 AND scheduled_at >= '2026-12-24 13:00-05'",
     .seen = "SELECT slot_key FROM runs WHERE account_number = $1 AND scheduled_at < '2026-12-24 13:00-05'",
     .happened = SUM_ORDERS},
    {.source = "zipline-live/zipline#99",
     .what = "a loop that is slow misses the event of the day, and nobody hears of it",
     .begins = {{2026, 10, 8}, 15 * 3600 + 26 * 60, true},
     .schedule = "15:30",
     .frozen_at_s = 235,
     .frozen_for_s = 60,
     .only = true,
     .slots = {{"2026-10-08T19:30:00Z", "missed"}},
     .alert = "run_missed",
     .happened = SUM_FREEZES},
    {.source = "alpacahq/Alpaca-API#276",
     .what = "positions are told ten seconds behind the orders",
     .positions_behind_s = 10,
     .seen = "SELECT run_id FROM runs WHERE account_number = $1 AND status = 'completed' AND fills > 0",
     .never = "SELECT kind FROM alerts WHERE subject = $1 AND kind = 'ledger_mismatch'",
     .happened = SUM_WIRE},
    {.source = "ml4t/live#67",
     .what = "a partial fill leaves the position as it was",
     .partial_ppm = 900000,
     .stream = {.lost = 300000},
     .seen = "SELECT client_order_id FROM fills WHERE account_number = $1 GROUP BY 1 HAVING count(*) > 2",
     .happened = SUM_STREAM},
    {.source = "freqtrade/freqtrade#4074",
     .what = "a start waits for a peer that only tells",
     .redis = {.down_until = INT64_MAX},
     .kill_ppm = 60000,
     .seen = "SELECT run_id FROM runs WHERE account_number = $1 AND fills > 0 AND started_at > '2026-10-08 "
             "11:00:30-04' AND started_at < '2026-10-08 11:04-04'",
     .happened = SUM_KILLS},
    {.source = "alpacahq/alpaca-trade-api-go#260",
     .what = "a limit is a fraction of a cent, and refused",
     .client = true,
     .sub_penny = true,
     .seen = "SELECT 1 FROM intents WHERE account_number = $1 AND leg IS NOT NULL AND type = 'limit'",
     .never =
         "SELECT i.client_order_id FROM intents i JOIN orders o USING (client_order_id) WHERE i.account_number = $1 "
         "AND (limit_price * 100 <> trunc(limit_price * 100) OR type = 'limit' AND o.status = 'rejected')",
     .happened = SUM_ORDERS},
    {.source = "TorchTrade/torchtrade#246",
     .what = "what is less than a share is rounded to none",
     .cash = 150,
     .seen = "SELECT 1 FROM intents i JOIN fills f USING (client_order_id) WHERE i.account_number = $1 AND i.qty < 1",
     .never = "SELECT l.run_id || ' ' || l.leg FROM legs l JOIN runs r USING (run_id) WHERE account_number = $1 AND "
              "l.qty = 0",
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

static void row_told(void *arg, const char *slot, const char *status)
{
    const struct incident *one = arg;
    for (size_t i = 0; i < ARRAY_LEN(one->slots) && one->slots[i].at; i++)
        if (strcmp(one->slots[i].at, slot) == 0)
            return;
    check_violation("%s: slot %s has a row, %s, and should not", one->source, slot, status);
}

static void check_slots(const struct incident *one, const char *account)
{
    for (size_t i = 0; i < ARRAY_LEN(one->slots) && one->slots[i].at; i++) {
        const struct incident_slot *s = &one->slots[i];
        char sql[200];
        snprintf(sql, sizeof sql, "SELECT status FROM runs WHERE account_number = $1 AND slot_key = '%s'", s->at);
        const char *status = store_value(sql, account);
        bool ran = strcmp(status, "completed") == 0 || strcmp(status, "partial") == 0;
        if (strcmp(s->status, INCIDENT_RAN) == 0 ? !ran : strcmp(s->status, status) != 0)
            check_violation("%s: slot %s is \"%s\", and %s was to be", one->source, s->at, status, s->status);
    }
    if (one->only)
        store_each("SELECT slot_key, status FROM runs WHERE account_number = $1", account, row_told,
                   (void *)(uintptr_t)one);
}

void incidents_check(const char *account)
{
    const struct incident *one = chosen;
    char sql[200];
    if (!one)
        return;
    check_slots(one, account);
    snprintf(sql, sizeof sql, "SELECT 1 FROM alerts WHERE instance = $1 AND kind = '%s' LIMIT 1",
             one->alert ? one->alert : "");
    if (one->alert && !store_value(sql, site_instance())[0])
        check_violation("%s: nobody was told: no alert %s", one->source, one->alert);
    if (one->seen && !store_value(one->seen, account)[0])
        check_violation("%s: not seen: %s", one->source, one->seen);
    if (one->never && store_value(one->never, account)[0])
        check_violation("%s: %s: %s", one->source, store_value(one->never, account), one->never);
    world_sum(SUM_SLOTS, one->only);
}
