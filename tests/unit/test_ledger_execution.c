// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// How well orders were carried out: handing over, quotes at decision and fill, slippage, steps. Run from the root of
// the tree.
//
// needs: daemon/ledger.o daemon/ledger_values.o daemon/ledger_schema.o daemon/ledger_records.o daemon/ledger_upkeep.o
// needs: daemon/ledger_call.o daemon/ledger_runs.o daemon/ledger_plan.o daemon/ledger_orders.o daemon/ledger_fills.o
// needs: daemon/ledger_read.o
// needs: daemon/ledger_mark.o
#include "ledger_fixture.h"

#define SLOT "2026-10-08T19:30:00Z"

static void ask(enum ledger_query q, struct ledger_filter filter)
{
    CALL(ledger_query(ledger, q, &filter, on_json, NULL));
    assert_int_equal(got.result, LEDGER_OK);
}

static enum ledger_result update_at(const char *id, enum order_status status, int64_t now, const char *reason)
{
    CALL(ledger_order_update(ledger, id, "", status, QTY(0), PRICE(0), 0, now, "desk", reason, on_done, NULL));
    return got.result;
}

static void handing_over_is_written(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(100000);
    struct intent i = an_intent("a", "", 0, 0, 10);
    commit_ok(&i);
    assert_sql("SELECT status, sent_at IS NULL FROM orders", "intent|t");
    assert_int_equal(update_at("a", ORDER_SENDING, T0 + 3 * SECOND, ""), LEDGER_OK);
    assert_sql("SELECT status, utc(sent_at) FROM orders", "sending|2026-10-08T15:30:21Z");
    // What is handed over gives no second receipt,
    CALL(ledger_intent_commit(ledger, &i, on_intent, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    assert_null(got.receipt);
    // unless the broker refused it unseen.
    assert_int_equal(update_at("a", ORDER_INTENT, T0 + 4 * SECOND, "refused by the broker's rate limit"), LEDGER_OK);
    commit_ok(&i);
    assert_int_equal(update_at("a", ORDER_SENDING, T0 + 6 * SECOND, ""), LEDGER_OK);
    assert_sql("SELECT utc(sent_at) FROM orders", "2026-10-08T15:30:21Z");
    assert_sql("SELECT string_agg(status, ' ' ORDER BY event_id) FROM order_events", "intent sending intent sending");
    // An order that the broker has never becomes an intent again.
    assert_int_equal(update_at("a", ORDER_UNKNOWN, T0 + 7 * SECOND, "timeout"), LEDGER_OK);
    assert_int_equal(update("a", "o-1", ORDER_NEW, 0, T0), LEDGER_OK);
    assert_int_equal(update_at("a", ORDER_INTENT, T0 + 9 * SECOND, ""), LEDGER_CONFLICT);
    assert_int_equal(update("a", "o-1", ORDER_CANCELED, 0, T0 + SECOND), LEDGER_OK);
    assert_int_equal(update_at("a", ORDER_INTENT, T0 + 9 * SECOND, ""), LEDGER_CONFLICT);
    finish();
}

static void slippage_is_whole_arithmetic(void **state)
{
    (void)state;
    use_database(true);
    // Positive is worse: paying more, getting less.
    assert_sql("SELECT slippage_bps('buy', 100, 100.25), slippage_bps('sell', 100, 100.25)", "25|-25");
    assert_sql("SELECT slippage_bps('buy', 3, 3.0001), slippage_bps('sell', 3, 3.0001)", "0.3333|-0.3333");
    assert_sql("SELECT slippage_bps('buy', 30000, 30000.00015), slippage_bps('buy', 30000, 29999.99985)",
               "0.0001|-0.0001"); // half of the last place goes away from zero
    assert_sql("SELECT slippage_bps('buy', 30000, 30000.000149999)", "0");
    assert_sql("SELECT slippage_bps('buy', NULL, 1) IS NULL, slippage_bps('buy', 0, 1) IS NULL", "t|t");
    assert_sql("SELECT plain(slippage_amount('buy', 100, 2.5, 250.6)), plain(slippage_amount('sell', 100, 2.5, 250.6))",
               "0.6|-0.6");
}

static void an_order_shows_its_execution(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(100000);
    plan_leg("run-a", SLOT, ORDER_BUY, 6, 4, 0);
    struct intent i = an_intent("a", "run-a", 1, 1, 10);
    i.quote_at = T0 + SECOND;
    i.price_at = T0 + SECOND / 2;
    commit_ok(&i);
    assert_int_equal(update_at("a", ORDER_SENDING, T0 + 9 * SECOND, ""), LEDGER_OK);
    assert_int_equal(update("a", "o-1", ORDER_PARTIALLY_FILLED, 4, T0), LEDGER_OK);
    struct alpaca_fill f[2] = {a_fill("f1", "o-1", ORDER_BUY, 3, 100.25), a_fill("f2", "o-1", ORDER_BUY, 1, 100.5)};
    f[0].transaction_time = T0 + 9 * SECOND + 250 * NS_PER_MS;
    f[1].transaction_time = T0 + 9 * SECOND + 750 * NS_PER_MS;
    CALL(ledger_fills_record(ledger, ACCOUNT, f, 2, T0 + 60 * SECOND, on_fills, NULL));
    assert_int_equal(got.count, 2);
    // The quote of that moment belongs to the newer fill only; a second one changes nothing.
    struct alpaca_quote q = {.symbol = "SPY", .bid = PRICE(100.3), .ask = PRICE(100.5), .at = T0 + 10 * SECOND};
    ledger_fill_quote(ledger, ACCOUNT, &q, f[1].transaction_time, T0 + 11 * SECOND);
    q.bid = PRICE(1);
    ledger_fill_quote(ledger, ACCOUNT, &q, f[1].transaction_time, T0 + 12 * SECOND);
    assert_int_equal(update("a", "o-1", ORDER_CANCELED, 4, T0 + SECOND), LEDGER_OK);
    assert_sql("SELECT count(*), min(plain(bid)) FROM fill_quotes", "1|100.3");
    struct intent again = an_intent("b", "run-a", 1, 2, 6);
    again.order.type = ORDER_LIMIT;
    again.order.limit_price = PRICE(100.4);
    commit_ok(&again);
    reader_is_up();
    ask(LEDGER_QUERY_ORDERS, (struct ledger_filter){.id = "a"});
    assert_shows("\"expected_price\" : \"100\", \"bid\" : \"99.99\", \"ask\" : \"100.01\", \"spread\" : \"0.02\", "
                 "\"quote_at\" : \"2026-10-08T15:30:19Z\", \"price_at\" : \"2026-10-08T15:30:18.5Z\"");
    // Paid 401.25 for 4 where 400 was expected: 31.25 basis points.
    assert_shows(
        "\"fill\" : {\"recorded_qty\" : \"4\", \"fills\" : 2, \"bid\" : \"100.3\", \"ask\" : \"100.5\", \"spread\" : "
        "\"0.2\", \"quote_at\" : \"2026-10-08T15:30:28Z\", \"slippage_bps\" : \"31.25\", \"slippage_amount\" : "
        "\"1.25\", \"time_to_first_fill_ms\" : 250, \"time_to_fill_ms\" : 750");
    assert_shows("\"strategies\" : [{\"strategy\" : \"alpha\", \"qty\" : \"6\", \"weight\" : \"0.6\"}, {\"strategy\" : "
                 "\"beta\", "
                 "\"qty\" : \"4\", \"weight\" : \"0.4\"}]");
    assert_shows("\"sent_at\" : \"2026-10-08T15:30:27Z\"");
    ask(LEDGER_QUERY_ORDERS, (struct ledger_filter){.id = "b"});
    assert_shows("\"execution_steps\" : [{\"try\" : 1, \"type\" : \"market\", \"limit_price\" : null, \"status\" : "
                 "\"canceled\", "
                 "\"filled_qty\" : \"4\"");
    assert_shows("{\"try\" : 2, \"type\" : \"limit\", \"limit_price\" : \"100.4\", \"status\" : \"intent\"");
    assert_shows("\"fill\" : null");
    ask(LEDGER_QUERY_FILLS, (struct ledger_filter){.id = "f2"});
    assert_shows(
        "\"bid_at_fill\" : \"100.3\", \"ask_at_fill\" : \"100.5\", \"spread_at_fill\" : \"0.2\", \"quote_at_fill\" : "
        "\"2026-10-08T15:30:28Z\", \"slippage_bps\" : \"50\", \"slippage_amount\" : \"0.5\", \"order_type\" : "
        "\"market\", \"execution_steps\" : [{\"try\" : 1, \"type\" : \"market\", \"limit_price\" : null, \"status\" : "
        "\"canceled\", \"filled_qty\" : \"4\", \"sent_at\" : \"2026-10-08T15:30:27Z\"}], \"time_to_fill_ms\" : 750");
    assert_shows("\"direction\" : \"buy\"");
    assert_shows("\"strategies\" : [{\"strategy\" : \"alpha\", \"qty\" : \"1\", \"weight\" : \"1\"}]");
    ask(LEDGER_QUERY_FILLS, (struct ledger_filter){.id = "f1"});
    assert_shows("\"bid_at_fill\" : null, \"ask_at_fill\" : null");
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(handing_over_is_written),
        LEDGER_TEST(slippage_is_whole_arithmetic),
        LEDGER_TEST(an_order_shows_its_execution),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
