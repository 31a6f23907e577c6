// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Alpaca's JSON: recorded shapes are read, every wrong type and every missing member is refused by name, nothing is
// written on failure, and errors are readable whatever the peer sent.
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

static const struct kind {
    const char *name;
    parse_fn *parse;
    const char *json;
    const char *const *needed; // members without which the answer is refused
} kinds[] = {
    {"account", parse_account, account_json,
     (const char *const[]){"account_number", "status", "currency", "equity", "cash", "buying_power", "trading_blocked",
                           "account_blocked", "trade_suspended_by_user", "shorting_enabled", NULL}},
    {"order", parse_order, order_json,
     (const char *const[]){"id", "client_order_id", "symbol", "side", "type", "time_in_force", "status", "filled_qty",
                           NULL}},
    {"position", parse_position, position_json,
     (const char *const[]){"symbol", "qty", "avg_entry_price", "cost_basis", NULL}},
    {"activity", parse_fill, fill_json,
     (const char *const[]){"activity_type", "id", "order_id", "symbol", "side", "type", "qty", "cum_qty", "leaves_qty",
                           "price", "transaction_time", NULL}},
    {"clock", parse_clock, clock_json, (const char *const[]){"timestamp", "is_open", "next_open", "next_close", NULL}},
    {"calendar", parse_calendar_day, calendar_json, (const char *const[]){"date", "open", "close", NULL}},
    {"asset", parse_asset, asset_json,
     (const char *const[]){"id", "symbol", "status", "tradable", "fractionable", "shortable", "marginable", NULL}},
    {"bar", parse_bar, bar_json, (const char *const[]){"t", "o", "h", "l", "c", "v", NULL}},
};

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

static void assert_refused_with(const struct kind *k, const char *name, const char *value)
{
    char *json = with(k->json, name, value);
    assert_refused(k->parse, json, name);
    free(json);
}

static const struct kind *kind_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    fail_msg("no kind %s", name);
    return NULL;
}

// ---- every kind ----------------------------------------------------------------------------------------------------

static void needed_members_are_needed(void **state)
{
    (void)state;
    static const char *const wrong[] = {NULL, "null", "{}", "[]"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        for (size_t k = 0; kinds[i].needed[k]; k++)
            for (size_t v = 0; v < ARRAY_LEN(wrong); v++)
                assert_refused_with(&kinds[i], kinds[i].needed[k], wrong[v]);
}

static const struct {
    const char *kind, *member, *value;
} wrong_types[] = {
    {"account", "account_number", "7"},
    {"account", "account_number", "\"\""},
    {"account", "status", "true"},
    {"account", "equity", "\"\""},
    {"account", "equity", "\"12,5\""},
    {"account", "equity", "\"+5\""},
    {"account", "equity", "\" 5\""},
    {"account", "equity", "\"NaN\""},
    {"account", "cash", "\"Infinity\""},
    {"account", "cash", "false"},
    {"account", "equity", "\"9999999999999\""},
    {"account", "buying_power", "\"0x10\""},
    {"account", "trading_blocked", "\"false\""},
    {"account", "account_blocked", "0"},
    {"account", "last_equity", "\"x\""},
    {"account", "last_equity", "[]"},
    {"account", "multiplier", "4"},
    {"order", "qty", "true"},
    {"order", "qty", "\"ten\""},
    {"order", "qty", "\"-1\""},
    {"order", "filled_qty", "\"-4\""},
    {"order", "filled_avg_price", "\"-1\""},
    {"order", "filled_avg_price", "{}"},
    {"order", "limit_price", "\"\""},
    {"order", "side", "\"BUY\""},
    {"order", "side", "\"\""},
    {"order", "side", "1"},
    {"order", "type", "\"pegged\""},
    {"order", "time_in_force", "\"gtd\""},
    {"order", "status", "3"},
    {"order", "created_at", "\"yesterday\""},
    {"order", "updated_at", "1760000000"},
    {"order", "filled_at", "\"2026-10-08\""},
    {"position", "qty", "\"1e\""},
    {"position", "current_price", "\"-1\""},
    {"position", "market_value", "true"},
    {"position", "side", "7"},
    {"activity", "activity_type", "\"DIV\""},
    {"activity", "activity_type", "\"fill\""},
    {"activity", "qty", "\"0\""},
    {"activity", "qty", "\"-1\""},
    {"activity", "price", "\"0\""},
    {"activity", "price", "\"-86\""},
    {"activity", "side", "\"short\""},
    {"activity", "type", "\"bust\""},
    {"activity", "transaction_time", "\"2026-13-08T15:10:18Z\""},
    {"activity", "id", "\"\""},
    {"clock", "is_open", "\"true\""},
    {"clock", "timestamp", "\"2026-10-08 11:10:18\""},
    {"clock", "next_open", "0"},
    {"calendar", "date", "\"2026-02-30\""},
    {"calendar", "open", "\"0930\""},
    {"calendar", "open", "\"9:30\""},
    {"calendar", "close", "\"13:60\""},
    {"calendar", "close", "\"24:01\""},
    {"calendar", "close", "\"13:00:00\""},
    {"asset", "tradable", "\"yes\""},
    {"asset", "min_order_size", "\"-1\""},
    {"asset", "min_trade_increment", "true"},
    {"bar", "o", "0"},
    {"bar", "c", "-1"},
    {"bar", "v", "1.5"},
    {"bar", "v", "-1"},
    {"bar", "h", "\"high\""},
};

static void wrong_types_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong_types); i++)
        assert_refused_with(kind_of(wrong_types[i].kind), wrong_types[i].member, wrong_types[i].value);
}

static void too_long_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *member;
        size_t fits;
    } rows[] = {
        {"account", "account_number", ACCOUNT_NUMBER_MAX - 1},
        {"order", "id", ORDER_ID_MAX - 1},
        {"order", "client_order_id", CLIENT_ORDER_ID_MAX - 1},
        {"order", "symbol", SYMBOL_MAX - 1},
        {"activity", "id", ACTIVITY_ID_MAX - 1},
        {"position", "symbol", SYMBOL_MAX - 1},
    };
    char value[256];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct kind *k = kind_of(rows[i].kind);
        union any out;
        memset(value, 'x', sizeof(value));
        value[0] = value[rows[i].fits + 1] = '"';
        value[rows[i].fits + 2] = '\0';
        char *json = with(k->json, rows[i].member, value);
        assert_parsed(k->parse, json, &out);
        free(json);
        value[rows[i].fits + 1] = 'x';
        value[rows[i].fits + 2] = '"';
        value[rows[i].fits + 3] = '\0';
        assert_refused_with(k, rows[i].member, value);
    }
}

static void not_an_object_is_refused(void **state)
{
    (void)state;
    struct json_doc *odd = doc_of("[[],null,\"x\",7,true,[{}]]");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        union any out;
        struct err err = {0};
        for (size_t k = 0; k < json_size(json_doc_root(odd)); k++) {
            assert_int_equal(kinds[i].parse(json_at(json_doc_root(odd), k), &out, &err), -1);
            assert_non_null(strstr(err.text, "expected an object"));
        }
        assert_int_equal(kinds[i].parse(NULL, &out, &err), -1);
        assert_non_null(strstr(err.text, "is missing"));
    }
    json_doc_free(odd);
}

static void duplicate_members_are_refused(void **state)
{
    (void)state;
    static const char twice[] = "{\"qty\":\"1\",\"symbol\":\"SPY\",\"qty\":\"2\"}";
    struct json_doc *doc = NULL;
    struct err err = {0};
    assert_int_equal(json_doc_parse(twice, strlen(twice), &doc, &err), -1);
    assert_null(doc);
}

// ---- kind by kind --------------------------------------------------------------------------------------------------

static void account_is_read(void **state)
{
    (void)state;
    union any a;
    assert_parsed(parse_account, account_json, &a);
    assert_string_equal(a.account.account_number, "PA3ZZJC58PH5");
    assert_string_equal(a.account.status, "ACTIVE");
    assert_string_equal(a.account.multiplier, "4");
    assert_int_equal(a.account.equity.nanos, INT64_C(99995990000000));
    assert_int_equal(a.account.cash.nanos, INT64_C(99951570000000));
    assert_int_equal(a.account.last_equity.nanos, INT64_C(100003742588065)); // eleven decimals, nearest
    assert_true(a.account.shorting_enabled);
    assert_false(a.account.trade_suspended_by_user);
    char *json = with(account_json, "trade_suspended_by_user", "true");
    assert_parsed(parse_account, json, &a);
    assert_true(a.account.trade_suspended_by_user);
    free(json);
    json = with(account_json, "cash", "\"-12.5\""); // overdrawn is a fact, not a mistake
    assert_parsed(parse_account, json, &a);
    assert_int_equal(a.account.cash.nanos, -12500000000);
    free(json);
}

static void order_is_read(void **state)
{
    (void)state;
    union any o;
    assert_parsed(parse_order, order_json, &o);
    assert_string_equal(o.order.id, "61e69015-8549-4bfd-b9c3-01e75843f47d");
    assert_string_equal(o.order.client_order_id, "pg1-00");
    assert_int_equal(o.order.side, ORDER_BUY);
    assert_int_equal(o.order.type, ORDER_LIMIT);
    assert_int_equal(o.order.tif, TIF_DAY);
    assert_int_equal(o.order.status, ORDER_PARTIALLY_FILLED);
    assert_string_equal(o.order.status_word, "partially_filled");
    assert_true(o.order.has_qty);
    assert_false(o.order.has_notional);
    assert_int_equal(o.order.qty.nanos, 10 * D);
    assert_int_equal(o.order.filled_qty.nanos, 4 * D);
    assert_true(o.order.has_filled_avg_price);
    assert_int_equal(o.order.filled_avg_price.nanos, INT64_C(86879891000));
    assert_int_equal(o.order.limit_price.nanos, INT64_C(86900000000));
    assert_int_equal(o.order.created_at, INT64_C(1791472218095216400));
    assert_int_equal(o.order.submitted_at, INT64_C(1791472218099000000)); // New York offset
    assert_int_equal(o.order.filled_at, 0);
}

static void order_nulls(void **state)
{
    (void)state;
    union any o;
    char *unfilled = with(order_json, "filled_avg_price", "null");
    assert_parsed(parse_order, unfilled, &o);
    assert_false(o.order.has_filled_avg_price);
    assert_int_equal(o.order.filled_avg_price.nanos, 0);
    free(unfilled);
    unfilled = with(order_json, "filled_avg_price", NULL);
    assert_parsed(parse_order, unfilled, &o);
    assert_false(o.order.has_filled_avg_price);
    free(unfilled);
    char *bare = with(order_json, "qty", "null");
    assert_refused(parse_order, bare, "neither qty nor notional");
    char *notional = with(bare, "notional", "\"25.5\"");
    assert_parsed(parse_order, notional, &o);
    assert_true(o.order.has_notional);
    assert_false(o.order.has_qty);
    assert_int_equal(o.order.notional.nanos, INT64_C(25500000000));
    free(notional);
    notional = with(bare, "notional", "\"-25.5\"");
    assert_refused(parse_order, notional, "notional");
    free(notional);
    free(bare);
}

static void status_words(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        enum order_status status;
    } rows[] = {
        {"\"new\"", ORDER_NEW},
        {"\"filled\"", ORDER_FILLED},
        {"\"held\"", ORDER_HELD},
        {"\"pending_review\"", ORDER_STATUS_OTHER},
        {"\"a word that is much longer than what is kept of it\"", ORDER_STATUS_OTHER},
        {"\"\"", ORDER_STATUS_OTHER},
        // Ours: believed from the ledger only. A terminal "denied" from outside would free a reservation.
        {"\"intent\"", ORDER_STATUS_OTHER},
        {"\"denied\"", ORDER_STATUS_OTHER},
        {"\"not_placed\"", ORDER_STATUS_OTHER},
        {"\"dry_run\"", ORDER_STATUS_OTHER},
        {"\"unknown\"", ORDER_STATUS_OTHER},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        union any o;
        char *json = with(order_json, "status", rows[i].word);
        assert_parsed(parse_order, json, &o);
        assert_int_equal(o.order.status, rows[i].status);
        assert_true(o.order.status != ORDER_STATUS_OTHER || !order_status_terminal(o.order.status));
        free(json);
    }
}

// Beyond nine decimals: prices and money to the nearest, quantities down.
static void eleven_decimals(void **state)
{
    (void)state;
    union any out;
    char *json = with(order_json, "filled_qty", "\"0.12345678999\"");
    assert_parsed(parse_order, json, &out);
    assert_int_equal(out.order.filled_qty.nanos, 123456789);
    free(json);
    json = with(order_json, "filled_avg_price", "\"86.12345678950\"");
    assert_parsed(parse_order, json, &out);
    assert_int_equal(out.order.filled_avg_price.nanos, INT64_C(86123456790));
    free(json);
    json = with(fill_json, "price", "\"86.12345678949\"");
    assert_parsed(parse_fill, json, &out);
    assert_int_equal(out.fill.price.nanos, INT64_C(86123456789));
    free(json);
    json = with(account_json, "equity", "\"1.99999999999\"");
    assert_parsed(parse_account, json, &out);
    assert_int_equal(out.account.equity.nanos, 2 * D);
    free(json);
    json = with(fill_json, "qty", "\"0.0000000009\""); // rounds down to nothing: a fill of nothing is refused
    assert_refused(parse_fill, json, "qty is 0");
    free(json);
}

static void position_is_read(void **state)
{
    (void)state;
    union any p;
    assert_parsed(parse_position, position_json, &p);
    assert_string_equal(p.position.symbol, "SPY");
    assert_int_equal(p.position.qty.nanos, 557436865);
    assert_int_equal(p.position.current_price.nanos, INT64_C(86880000000));
    assert_int_equal(p.position.market_value.nanos, INT64_C(48430114000));
    char *json = with(position_json, "current_price", "null");
    char *bare = with(json, "market_value", "null");
    assert_parsed(parse_position, bare, &p);
    assert_int_equal(p.position.current_price.nanos, 0);
    assert_int_equal(p.position.market_value.nanos, 0);
    free(bare);
    free(json);
    json = with(position_json, "qty", "\"-3\"");
    assert_refused(parse_position, json, "does not fit the sign");
    char *small = with(json, "side", "\"short\"");
    assert_parsed(parse_position, small, &p);
    assert_int_equal(p.position.qty.nanos, -3 * D);
    free(small);
    free(json);
    json = with(position_json, "side", "\"short\"");
    assert_refused(parse_position, json, "does not fit the sign");
    free(json);
}

static void fill_is_read(void **state)
{
    (void)state;
    union any f;
    assert_parsed(parse_fill, fill_json, &f);
    assert_string_equal(f.fill.id, "20261008111018097::bcda18f5-6b7a-4c9e-9a8f-0123456789ab");
    assert_true(f.fill.partial);
    assert_int_equal(f.fill.side, ORDER_BUY);
    assert_int_equal(f.fill.qty.nanos, 4 * D);
    assert_int_equal(f.fill.leaves_qty.nanos, 6 * D);
    assert_int_equal(f.fill.price.nanos, INT64_C(86878000000));
    assert_int_equal(f.fill.transaction_time, INT64_C(1791472218097514000));
    char *json = with(fill_json, "type", "\"fill\"");
    assert_parsed(parse_fill, json, &f);
    assert_false(f.fill.partial);
    free(json);
    json = with(fill_json, "side", "\"sell_short\"");
    assert_parsed(parse_fill, json, &f);
    assert_int_equal(f.fill.side, ORDER_SELL);
    free(json);
}

static struct alpaca_activity activity_of(const char *json)
{
    struct alpaca_activity a;
    struct err err;
    struct json_doc *doc = doc_of(json);
    if (alpaca_activity_parse(json_doc_root(doc), &a, &err) != 0)
        fail_msg("%s", err.text);
    json_doc_free(doc);
    return a;
}

static void activity_is_read(void **state)
{
    (void)state;
    struct alpaca_activity a = activity_of(
        "{\"activity_type\":\"DIV\",\"activity_sub_type\":\"CDIV\",\"id\":\"20190801000000000::5f596936\","
        "\"date\":\"2019-08-01\",\"created_at\":\"2021-05-10T14:01:04.650275Z\",\"net_amount\":\"1.02\","
        "\"qty\":\"2\",\"per_share_amount\":\"0.51\",\"symbol\":\"T\",\"status\":\"executed\",\"currency\":\"USD\"}");
    assert_string_equal(a.type, "DIV");
    assert_string_equal(a.sub_type, "CDIV");
    assert_int_equal(a.net_amount.nanos, 102 * D / 100);
    assert_int_equal(a.qty.nanos, 2 * D);
    assert_int_equal(a.date.mday, 1);
    assert_int_equal(a.created_at, INT64_C(1620655264650275000));
    // What is missing: executed, at the end of its day.
    a = activity_of("{\"activity_type\":\"SPLIT\",\"id\":\"1\",\"date\":\"2020-08-31T00:00:00Z\",\"qty\":\"-10\"}");
    assert_string_equal(a.status, "executed");
    assert_int_equal(a.qty.nanos, -10 * D);
    assert_int_equal(a.created_at, INT64_C(1598918399000000000));
    // What cannot be read is told as that, with nothing to post.
    static const char *const odd[] = {
        "{\"activity_type\":\"FEE\",\"id\":\"1\",\"date\":\"2020-08-31\",\"net_amount\":\"-1.0000000001\"}",
        "{\"activity_type\":\"FEE\",\"id\":\"1\",\"date\":\"2020-08-31\",\"net_amount\":true}",
        "{\"activity_type\":\"FEE\",\"id\":\"1\",\"date\":\"soon\",\"net_amount\":\"-1\"}",
        "{\"activity_type\":\"FEE\",\"id\":\"1\",\"net_amount\":\"-1\"}",
        "{\"activity_type\":\"FEE\",\"id\":\"1\",\"date\":\"2020-08-31\",\"created_at\":\"x\",\"net_amount\":\"-1\"}",
        "{\"activity_type\":\"FEE\",\"id\":\"1\",\"date\":\"2020-08-31\",\"symbol\":7,\"net_amount\":\"-1\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        a = activity_of(odd[i]);
        assert_string_equal(a.status, "unreadable");
        assert_int_equal(a.net_amount.nanos, 0);
    }
}

static void clock_calendar_asset_bar(void **state)
{
    (void)state;
    union any out;
    assert_parsed(parse_clock, clock_json, &out);
    assert_true(out.clock.is_open);
    assert_int_equal(out.clock.timestamp, INT64_C(1791472218097514123));
    assert_int_equal(out.clock.next_close, INT64_C(1791489600000000000));
    assert_parsed(parse_calendar_day, calendar_json, &out);
    assert_int_equal(out.day.date.mday, 27);
    assert_int_equal(out.day.open_s, 34200);
    assert_int_equal(out.day.close_s, 46800);
    assert_parsed(parse_calendar_day, "{\"date\":\"2026-11-27\",\"open\":\"00:00\",\"close\":\"24:00\"}", &out);
    assert_int_equal(out.day.close_s, 86400);
    assert_refused(parse_calendar_day, "{\"date\":\"2026-11-27\",\"open\":\"16:00\",\"close\":\"16:00\"}", "opens");
    assert_parsed(parse_asset, asset_json, &out);
    assert_true(out.asset.fractionable);
    assert_int_equal(out.asset.min_trade_increment.nanos, 0);
    assert_parsed(parse_bar, bar_json, &out);
    assert_int_equal(out.bar.open.nanos, INT64_C(86500000000));
    assert_int_equal(out.bar.high.nanos, 87 * D);
    assert_int_equal(out.bar.volume, 1234567);
    char *json = with(bar_json, "l", "8.601e1"); // a number of the data host, by its text
    assert_parsed(parse_bar, json, &out);
    assert_int_equal(out.bar.low.nanos, INT64_C(86010000000));
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needed_members_are_needed),
        cmocka_unit_test(wrong_types_are_refused),
        cmocka_unit_test(too_long_is_refused),
        cmocka_unit_test(not_an_object_is_refused),
        cmocka_unit_test(duplicate_members_are_refused),
        cmocka_unit_test(account_is_read),
        cmocka_unit_test(order_is_read),
        cmocka_unit_test(order_nulls),
        cmocka_unit_test(status_words),
        cmocka_unit_test(eleven_decimals),
        cmocka_unit_test(position_is_read),
        cmocka_unit_test(fill_is_read),
        cmocka_unit_test(activity_is_read),
        cmocka_unit_test(clock_calendar_asset_bar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
