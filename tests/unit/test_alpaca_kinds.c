// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Alpaca's JSON, kind by kind: what is read of the recorded shapes, and of odd ones that do come.
#include "tests/unit/alpaca_shapes.h"

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
