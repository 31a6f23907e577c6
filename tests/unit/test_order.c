// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Orders: words, the body that is sent, the rules that hold for any order, and ids that are derived and never drawn.
#include "lib/trade/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct order_request good = {
    .client_order_id = "pg1-0123456789abcdef0123456789abcdef",
    .symbol = "SPY",
    .side = ORDER_BUY,
    .type = ORDER_MARKET,
    .tif = TIF_DAY,
    .qty = {2 * DECIMAL_ONE},
};

static void words_go_both_ways(void **state)
{
    (void)state;
    enum order_side side = ORDER_SELL;
    enum order_type type = ORDER_LIMIT;
    enum order_tif tif = TIF_FOK;
    for (int i = ORDER_BUY; i <= ORDER_SELL; i++) {
        assert_true(order_side_parse(order_side_name((enum order_side)i), &side));
        assert_int_equal(side, i);
    }
    for (int i = ORDER_MARKET; i <= ORDER_TRAILING_STOP; i++) {
        assert_true(order_type_parse(order_type_name((enum order_type)i), &type));
        assert_int_equal(type, i);
    }
    for (int i = TIF_DAY; i <= TIF_FOK; i++) {
        assert_true(order_tif_parse(order_tif_name((enum order_tif)i), &tif));
        assert_int_equal(tif, i);
    }
    for (int i = 0; i < ORDER_STATUS_COUNT; i++)
        assert_int_equal(order_status_parse(order_status_name((enum order_status)i)), i);
    assert_false(order_side_parse("BUY", &side));
    assert_false(order_side_parse("", &side));
    assert_false(order_side_parse(NULL, &side));
    assert_false(order_type_parse("pegged", &type));
    assert_false(order_tif_parse("gtd", &tif));
    assert_int_equal(order_status_parse("pending_review"), ORDER_STATUS_OTHER);
    assert_int_equal(order_status_parse(""), ORDER_STATUS_OTHER);
    assert_int_equal(order_status_parse(NULL), ORDER_STATUS_OTHER);
}

static void ranks_order_updates(void **state)
{
    (void)state;
    static const enum order_status way[] = {ORDER_SENDING,          ORDER_PENDING_NEW, ORDER_NEW,
                                            ORDER_PARTIALLY_FILLED, ORDER_CANCELED,    ORDER_FILLED};
    for (size_t i = 1; i < ARRAY_LEN(way); i++)
        assert_true(order_status_rank(way[i]) > order_status_rank(way[i - 1]));
    assert_int_equal(order_status_rank(ORDER_ACCEPTED), order_status_rank(ORDER_NEW));
    for (int i = 0; i < ORDER_STATUS_COUNT; i++)
        assert_int_equal(order_status_terminal((enum order_status)i), order_status_rank((enum order_status)i) >= 4);
    // What was sent without an answer must stay reserved.
    assert_false(order_status_terminal(ORDER_UNKNOWN));
    assert_false(order_status_terminal(ORDER_STATUS_OTHER));
    assert_false(order_status_terminal(ORDER_DONE_FOR_DAY));
}

static void assert_body(const struct order_request *r, const char *expected)
{
    struct text t;
    text_init(&t, 1024);
    order_request_write(r, &t);
    assert_string_equal(text_str(&t), expected);
    text_free(&t);
}

static void bodies_are_fixed(void **state)
{
    (void)state;
    struct order_request r = good;
    str_copy_cut(r.client_order_id, sizeof(r.client_order_id), "a-1");
    assert_body(&r, "{\"symbol\":\"SPY\",\"qty\":\"2\",\"side\":\"buy\",\"type\":\"market\",\"time_in_force\":\"day\","
                    "\"client_order_id\":\"a-1\"}");
    r.qty.nanos = 557436865;
    r.side = ORDER_SELL;
    r.type = ORDER_LIMIT;
    r.limit_price.nanos = INT64_C(86880000000);
    r.extended_hours = true;
    assert_body(&r, "{\"symbol\":\"SPY\",\"qty\":\"0.557436865\",\"side\":\"sell\",\"type\":\"limit\","
                    "\"time_in_force\":\"day\",\"limit_price\":\"86.88\",\"extended_hours\":true,"
                    "\"client_order_id\":\"a-1\"}");
    r = good;
    r.qty.nanos = 0;
    r.notional.nanos = INT64_C(12340000000);
    str_copy_cut(r.client_order_id, sizeof(r.client_order_id), "x\"y");
    assert_body(&r, "{\"symbol\":\"SPY\",\"notional\":\"12.34\",\"side\":\"buy\",\"type\":\"market\","
                    "\"time_in_force\":\"day\",\"client_order_id\":\"x\\\"y\"}");
}

static void assert_refused(const struct order_request *r, const char *says)
{
    struct err err = {0};
    if (order_request_check(r, &err) != -1)
        fail_msg("accepted, expected \"%s\"", says);
    if (!strstr(err.text, says))
        fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

static void assert_accepted(const struct order_request *r)
{
    struct err err = {0};
    if (order_request_check(r, &err))
        fail_msg("refused: %s", err.text);
}

static void good_orders_pass(void **state)
{
    (void)state;
    struct order_request r = good;
    assert_accepted(&r);
    r.qty.nanos = 1; // one billionth of a share, for the day
    assert_accepted(&r);
    r.qty.nanos = 0;
    r.notional.nanos = INT64_C(1000010000000);
    assert_accepted(&r);
    r = good;
    r.tif = TIF_GTC;
    r.type = ORDER_LIMIT;
    r.limit_price.nanos = DECIMAL_ONE; // 1.00 belongs to the two-decimal side
    r.extended_hours = true;
    assert_accepted(&r);
    r.limit_price.nanos = 999900000; // 0.9999
    assert_accepted(&r);
    r.limit_price.nanos = 100000; // 0.0001
    assert_accepted(&r);
    memset(r.client_order_id, 'x', 128);
    r.client_order_id[128] = '\0';
    assert_accepted(&r);
    r = good;
    r.tif = TIF_CLS;
    assert_accepted(&r);
}

static void shapes_are_checked(void **state)
{
    (void)state;
    struct order_request r = good;
    r.client_order_id[0] = '\0';
    assert_refused(&r, "client_order_id has 0");
    memset(r.client_order_id, 'x', sizeof(r.client_order_id)); // not terminated
    assert_refused(&r, "client_order_id has 129");
    static const char *const ids[] = {"a b", "a\nb", "\x7f", "\xc3\xa4"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        r = good;
        str_copy_cut(r.client_order_id, sizeof(r.client_order_id), ids[i]);
        assert_refused(&r, "not printable ASCII");
    }
    static const char *const symbols[] = {"", "spy", "1A", ".A", "A/B", "A-B", "A B", "ABCDEFGHIJKLM", "SP\xc3\x9c"};
    for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
        r = good;
        str_copy_cut(r.symbol, sizeof(r.symbol), symbols[i]);
        assert_false(symbol_valid(symbols[i]));
        assert_refused(&r, "is not a stock symbol");
    }
    memset(r.symbol, 'A', sizeof(r.symbol)); // not terminated
    assert_refused(&r, "is not a stock symbol");
    assert_true(symbol_valid("A"));
    assert_true(symbol_valid("BRK.B"));
    assert_true(symbol_valid("ABCDEFGHIJKL"));
    assert_false(symbol_valid(NULL));
    r = good;
    r.side = (enum order_side)7;
    assert_refused(&r, "no known value");
}

static void amounts_are_checked(void **state)
{
    (void)state;
    struct order_request r = good;
    r.qty.nanos = 0;
    assert_refused(&r, "neither qty nor notional");
    r.qty.nanos = -DECIMAL_ONE;
    assert_refused(&r, "qty is -1");
    r = good;
    r.notional.nanos = DECIMAL_ONE;
    assert_refused(&r, "both qty and notional");
    r.qty.nanos = 0;
    r.notional.nanos = -1;
    assert_refused(&r, "notional is -0.000000001");
    r.notional.nanos = INT64_C(12345000000); // 12.345
    assert_refused(&r, "two decimals");
    r.notional.nanos = INT64_C(12340000000);
    r.tif = TIF_GTC;
    assert_refused(&r, "notional order needs time_in_force day");
    r = good;
    r.qty.nanos = DECIMAL_ONE + 1;
    for (int tif = TIF_GTC; tif <= TIF_FOK; tif++) {
        r.tif = (enum order_tif)tif;
        assert_refused(&r, "fractional quantity (1.000000001) needs time_in_force day");
    }
}

static void prices_are_checked(void **state)
{
    (void)state;
    struct order_request r = good;
    r.limit_price.nanos = DECIMAL_ONE;
    assert_refused(&r, "market order takes no limit_price");
    r.type = ORDER_LIMIT;
    r.limit_price.nanos = 0;
    assert_refused(&r, "needs a limit_price above zero");
    r.limit_price.nanos = -DECIMAL_ONE;
    assert_refused(&r, "needs a limit_price above zero");
    r.limit_price.nanos = INT64_C(290123000000); // 290.123
    assert_refused(&r, "two decimals from 1.00");
    r.limit_price.nanos = INT64_C(1000100000); // 1.0001
    assert_refused(&r, "two decimals from 1.00");
    r.limit_price.nanos = 500050000; // 0.50005
    assert_refused(&r, "four decimals below 1.00");
    static const enum order_type stops[] = {ORDER_STOP, ORDER_STOP_LIMIT, ORDER_TRAILING_STOP};
    for (size_t i = 0; i < ARRAY_LEN(stops); i++) {
        r = good;
        r.type = stops[i];
        assert_refused(&r, "is not carried");
    }
    r = good;
    r.extended_hours = true;
    assert_refused(&r, "extended_hours needs a limit order");
    r.type = ORDER_LIMIT;
    r.limit_price.nanos = DECIMAL_ONE;
    r.tif = TIF_IOC;
    assert_refused(&r, "extended_hours needs a limit order");
}

// ---- ids -----------------------------------------------------------------------------------------------------------

struct id {
    char text[CLIENT_ORDER_ID_MAX];
};

static struct id id_of(const char *account, struct day session, const char *slot, int leg, int try_no)
{
    struct id id;
    client_order_id_make(account, session, slot, leg, try_no, id.text);
    return id;
}

static void ids_follow_their_parts(void **state)
{
    (void)state;
    const struct day day = {2026, 10, 8}, next = {2026, 10, 9};
    const char *slot = "2026-10-08T19:30:00Z";
    struct id ids[] = {
        id_of("PA3ZZJC58PH5", day, slot, 1, 1),       id_of("PA3ZZJC58PH6", day, slot, 1, 1),
        id_of("PA3ZZJC58PH5", next, slot, 1, 1),      id_of("PA3ZZJC58PH5", day, "2026-10-08T19:30:01Z", 1, 1),
        id_of("PA3ZZJC58PH5", day, "manual-1", 1, 1), id_of("PA3ZZJC58PH5", day, slot, 2, 1),
        id_of("PA3ZZJC58PH5", day, slot, 1, 2),       id_of("PA3ZZJC58PH5", day, slot, 11, 1),
        id_of("PA3ZZJC58PH5", day, slot, 1, 11),      id_of("PA3ZZJC58PH", day, "52026-10-08T19:30:00Z", 1, 1),
    };
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(ids[i].text, ids[k].text);
    struct id again = id_of("PA3ZZJC58PH5", day, slot, 1, 1);
    assert_string_equal(ids[0].text, again.text);
    assert_int_equal(strlen(again.text), 36);
    assert_int_equal(strspn(again.text + 4, "0123456789abcdef"), 32);
    assert_memory_equal(again.text, "pg1-", 4);
}

// SHA-256 over 8-byte big-endian lengths and the fields, worked out apart from this code. A change here would make a
// daemon after an upgrade send a run's orders a second time.
static void ids_never_change_between_versions(void **state)
{
    (void)state;
    struct id id = id_of("PA3ZZJC58PH5", (struct day){2026, 10, 8}, "2026-10-08T19:30:00Z", 1, 1);
    assert_string_equal(id.text, "pg1-59dee5827db8209d112771f352e54f0b");
}

static void ids_ignore_quantity_and_price(void **state)
{
    (void)state;
    struct order_request a = good, b = good;
    client_order_id_make("PA3ZZJC58PH5", (struct day){2026, 10, 8}, "manual-1", 1, 1, a.client_order_id);
    b.qty.nanos = 77 * DECIMAL_ONE;
    b.type = ORDER_LIMIT;
    b.limit_price.nanos = DECIMAL_ONE;
    b.side = ORDER_SELL;
    client_order_id_make("PA3ZZJC58PH5", (struct day){2026, 10, 8}, "manual-1", 1, 1, b.client_order_id);
    assert_string_equal(a.client_order_id, b.client_order_id);
}

static void our_prefix_is_reserved(void **state)
{
    (void)state;
    struct id id = id_of("PA3ZZJC58PH5", (struct day){2026, 10, 8}, "manual-1", 1, 1);
    assert_true(client_order_id_ours(id.text));
    assert_true(client_order_id_ours("pg1-anything"));
    assert_false(client_order_id_ours("pg2-0123"));
    assert_false(client_order_id_ours("my-pg1-order"));
    assert_false(client_order_id_ours(""));
    assert_false(client_order_id_ours(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_go_both_ways),
        cmocka_unit_test(ranks_order_updates),
        cmocka_unit_test(bodies_are_fixed),
        cmocka_unit_test(good_orders_pass),
        cmocka_unit_test(shapes_are_checked),
        cmocka_unit_test(amounts_are_checked),
        cmocka_unit_test(prices_are_checked),
        cmocka_unit_test(ids_follow_their_parts),
        cmocka_unit_test(ids_never_change_between_versions),
        cmocka_unit_test(ids_ignore_quantity_and_price),
        cmocka_unit_test(our_prefix_is_reserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
