// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// For tests of Alpaca's JSON: recorded shapes of every kind, and ways to change and to read them.
#ifndef PAPERGUARD_TESTS_ALPACA_SHAPES_H
#define PAPERGUARD_TESTS_ALPACA_SHAPES_H

#include "lib/trade/alpaca_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define D DECIMAL_ONE

// One parser under one signature, with the answer in a buffer that is checked for being untouched.
typedef int parse_fn(const struct json_node *n, void *out, struct err *err);
#define ADAPT(kind)                                                                                                    \
    static int parse_##kind(const struct json_node *n, void *out, struct err *err)                                     \
    {                                                                                                                  \
        return alpaca_##kind##_parse(n, out, err);                                                                     \
    }
ADAPT(account)
ADAPT(order)
ADAPT(position)
ADAPT(fill)
ADAPT(clock)
ADAPT(calendar_day)
ADAPT(asset)
ADAPT(bar)

static const char account_json[] =
    "{\"id\":\"6a4b\",\"account_number\":\"PA3ZZJC58PH5\",\"status\":\"ACTIVE\",\"crypto_status\":\"ACTIVE\","
    "\"currency\":\"USD\",\"buying_power\":\"399983.96\",\"cash\":\"99951.57\",\"equity\":\"99995.99\","
    "\"last_equity\":\"100003.74258806517\",\"long_market_value\":\"44.42\",\"short_market_value\":\"0\","
    "\"trading_blocked\":false,\"transfers_blocked\":false,\"account_blocked\":false,"
    "\"trade_suspended_by_user\":false,\"shorting_enabled\":true,\"multiplier\":\"4\",\"user_configurations\":null}";
static const char order_json[] =
    "{\"id\":\"61e69015-8549-4bfd-b9c3-01e75843f47d\",\"client_order_id\":\"pg1-00\","
    "\"created_at\":\"2026-10-08T15:10:18.0952164Z\",\"updated_at\":\"2026-10-08T15:10:18.1Z\","
    "\"submitted_at\":\"2026-10-08T11:10:18.099-04:00\",\"filled_at\":null,\"symbol\":\"SPY\",\"notional\":null,"
    "\"qty\":\"10\",\"filled_qty\":\"4\",\"filled_avg_price\":\"86.879891\",\"order_class\":\"\","
    "\"order_type\":\"limit\",\"type\":\"limit\",\"side\":\"buy\",\"time_in_force\":\"day\",\"limit_price\":\"86.9\","
    "\"stop_price\":null,\"status\":\"partially_filled\",\"extended_hours\":false,\"legs\":null,\"subtag\":null}";
static const char position_json[] =
    "{\"asset_id\":\"b0b6\",\"symbol\":\"SPY\",\"exchange\":\"ARCA\",\"qty\":\"0.557436865\",\"side\":\"long\","
    "\"avg_entry_price\":\"86.879891\",\"current_price\":\"86.88\",\"market_value\":\"48.430114\","
    "\"cost_basis\":\"48.430054\",\"unrealized_plpc\":\"0\"}";
static const char fill_json[] =
    "{\"activity_type\":\"FILL\",\"id\":\"20261008111018097::bcda18f5-6b7a-4c9e-9a8f-0123456789ab\","
    "\"type\":\"partial_fill\",\"order_id\":\"61e69015-8549-4bfd-b9c3-01e75843f47d\",\"order_status\":\"filled\","
    "\"symbol\":\"SPY\",\"side\":\"buy\",\"qty\":\"4\",\"price\":\"86.878\",\"cum_qty\":\"4\",\"leaves_qty\":\"6\","
    "\"transaction_time\":\"2026-10-08T15:10:18.097514Z\"}";
static const char clock_json[] =
    "{\"timestamp\":\"2026-10-08T11:10:18.097514123-04:00\",\"is_open\":true,"
    "\"next_open\":\"2026-10-09T09:30:00-04:00\",\"next_close\":\"2026-10-08T16:00:00-04:00\"}";
static const char calendar_json[] =
    "{\"date\":\"2026-11-27\",\"open\":\"09:30\",\"close\":\"13:00\",\"session_open\":\"0400\","
    "\"session_close\":\"1700\",\"settlement_date\":\"2026-11-30\"}";
static const char asset_json[] =
    "{\"id\":\"b28f\",\"class\":\"us_equity\",\"exchange\":\"ARCA\",\"symbol\":\"SPY\",\"name\":\"SPDR\","
    "\"status\":\"active\",\"tradable\":true,\"marginable\":true,\"shortable\":true,\"fractionable\":true,"
    "\"min_order_size\":null,\"min_trade_increment\":null,\"attributes\":[]}";
static const char bar_json[] = "{\"t\":\"2026-10-08T04:00:00Z\",\"o\":86.5,\"h\":87,\"l\":86.01,\"c\":86.88,"
                               "\"v\":1234567,\"n\":99,\"vw\":86.7}";

static struct json_doc *doc_of(const char *json)
{
    struct json_doc *doc = NULL;
    struct err err = {0};
    if (json_doc_parse(json, strlen(json), &doc, &err))
        fail_msg("%s: %s", err.text, json);
    return doc;
}

// 0 or -1 of the parser; proves that a refusal writes nothing.
static int parse_as(parse_fn *parse, const char *json, void *out, size_t size, struct err *err)
{
    struct json_doc *doc = doc_of(json);
    unsigned char *room = check_alloc(1, size);
    memset(room, 0x5a, size);
    memset(err, 0, sizeof(*err));
    int rc = parse(json_doc_root(doc), room, err);
    if (rc == 0)
        memcpy(out, room, size);
    else
        for (size_t i = 0; i < size; i++)
            assert_int_equal(room[i], 0x5a);
    free(room);
    json_doc_free(doc);
    return rc;
}

union any {
    struct alpaca_account account;
    struct order_state order;
    struct alpaca_position position;
    struct alpaca_fill fill;
    struct alpaca_clock clock;
    struct alpaca_calendar_day day;
    struct alpaca_asset asset;
    struct alpaca_bar bar;
};

static void assert_parsed(parse_fn *parse, const char *json, union any *out)
{
    struct err err;
    if (parse_as(parse, json, out, sizeof(*out), &err))
        fail_msg("refused: %s", err.text);
}

static void assert_refused(parse_fn *parse, const char *json, const char *says)
{
    union any out;
    struct err err;
    if (parse_as(parse, json, &out, sizeof(out), &err) != -1)
        fail_msg("accepted: %s", json);
    if (!strstr(err.text, says))
        fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

// The JSON with the value of one member replaced; value NULL takes the member out. The caller frees.
static char *with(const char *json, const char *name, const char *value)
{
    char key[64];
    (void)snprintf(key, sizeof(key), "\"%s\":", name);
    const char *at = strstr(json, key);
    if (!at)
        fail_msg("no member %s", name);
    const char *end = at + strlen(key);
    if (*end == '"')
        end = strchr(end + 1, '"') + 1;
    else
        end += strcspn(end, ",}");
    struct text t;
    text_init(&t, 8192);
    if (value) {
        text_addn(&t, json, (size_t)(at - json) + strlen(key));
        text_add(&t, value);
        text_add(&t, end);
    } else if (*end == ',') {
        text_addn(&t, json, (size_t)(at - json));
        text_add(&t, end + 1);
    } else {
        text_addn(&t, json, (size_t)(at - json) - 1);
        text_add(&t, end);
    }
    return text_take(&t);
}

#endif
