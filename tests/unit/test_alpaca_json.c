// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Alpaca's JSON: every wrong type and every missing member is refused by name, nothing is written on failure, and
// errors are readable whatever the peer sent.
#include "tests/unit/alpaca_shapes.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needed_members_are_needed),     cmocka_unit_test(wrong_types_are_refused),
        cmocka_unit_test(too_long_is_refused),           cmocka_unit_test(not_an_object_is_refused),
        cmocka_unit_test(duplicate_members_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
