// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Splits, fees, cash and corrections in a private Postgres: each activity once, books in proportion to the last share,
// cash to the cent, what is not known is held. Run from the root of the tree.
//
// needs: daemon/ledger.o daemon/ledger_values.o daemon/ledger_schema.o daemon/ledger_records.o daemon/ledger_upkeep.o
// needs: daemon/ledger_call.o daemon/ledger_runs.o daemon/ledger_orders.o daemon/ledger_fills.o daemon/ledger_read.o
// needs: daemon/ledger_activities.o
// needs: daemon/ledger_mark.o
#include "ledger_fixture.h"

#define SLOT "2026-10-08T19:30:00Z"
#define NEXT_DAY (T0 + 16 * 3600 * SECOND)

static struct {
    size_t recorded, held;
    char first_held[300], differing[200];
    int64_t newest_at;
} found;

static void on_activities(void *arg, enum ledger_result result, const struct ledger_activities *f, const char *detail)
{
    (void)arg;
    got.done++;
    got.result = result;
    str_copy_cut(got.detail, sizeof got.detail, detail);
    memset(&found, 0, sizeof found);
    if (!f)
        return;
    found.recorded = f->recorded;
    found.held = f->held;
    str_copy_cut(found.first_held, sizeof found.first_held, f->first_held);
    str_copy_cut(found.differing, sizeof found.differing, f->differing);
    found.newest_at = f->newest_at;
}

static struct alpaca_activity an_activity(const char *id, const char *type, const char *sub_type, double amount)
{
    struct alpaca_activity a = {.net_amount = MONEY(amount), .date = {2026, 10, 9}, .created_at = NEXT_DAY};
    str_copy_cut(a.id, sizeof a.id, id);
    str_copy_cut(a.type, sizeof a.type, type);
    str_copy_cut(a.sub_type, sizeof a.sub_type, sub_type);
    str_copy_cut(a.status, sizeof a.status, "executed");
    str_copy_cut(a.currency, sizeof a.currency, "USD");
    return a;
}

static struct alpaca_activity a_split(const char *id, const char *group, double qty)
{
    struct alpaca_activity a = an_activity(id, "SPLIT", qty > 0 ? "FSPLIT" : "", 0);
    a.qty = QTY(qty);
    str_copy_cut(a.group_id, sizeof a.group_id, group);
    str_copy_cut(a.symbol, sizeof a.symbol, "SPY");
    return a;
}

static void seen(const struct alpaca_activity *a, size_t count, double broker_holds)
{
    struct alpaca_position p = {.symbol = "SPY", .qty = QTY(broker_holds)};
    CALL(ledger_activities_record(ledger, ACCOUNT, a, count, &p, broker_holds > 0 ? 1 : 0, NEXT_DAY + SECOND,
                                  on_activities, NULL));
    assert_string_equal(got.detail, "");
    assert_int_equal(got.result, LEDGER_OK);
}

static void assert_books(const char *expected)
{
    assert_sql(
        "SELECT string_agg(book || ' ' || plain(qty) || ' ' || plain(cost), ', ' ORDER BY book) FROM books WHERE "
        "qty <> 0",
        expected);
    assert_sql("SELECT count(*) FROM (SELECT account_number, book, symbol, sum(qty) q FROM postings WHERE part = "
               "'position' GROUP BY 1, 2, 3) p FULL JOIN books b USING (account_number, book, symbol) WHERE p.q IS "
               "DISTINCT FROM b.qty",
               "0");
    assert_sql("SELECT count(*) FROM (SELECT 1 FROM postings GROUP BY entry_id HAVING sum(amount) <> 0) x", "0");
    assert_sql(
        "SELECT count(*) FROM (SELECT account_number, sum(amount) a FROM postings WHERE part = 'cash' GROUP BY 1) p "
        "FULL JOIN cash_balances c USING (account_number) WHERE p.a IS DISTINCT FROM c.cash",
        "0");
}

static void assert_cash(const char *expected)
{
    assert_sql("SELECT plain(cash) FROM cash_balances", expected);
}

// SPY in three books, bought at 100.
static void with_books(double alpha, double beta, double unassigned)
{
    use_database(true);
    start_ready();
    open_with(100000);
    const struct {
        const char *book;
        double qty;
    } parts[] = {{"alpha", alpha}, {"beta", beta}, {"", unassigned}};
    for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
        char id[8], order[8], fill[8];
        snprintf(id, sizeof id, "i%zu", k);
        snprintf(order, sizeof order, "o%zu", k);
        snprintf(fill, sizeof fill, "f%zu", k);
        if (parts[k].qty == 0)
            continue;
        struct intent i = an_intent(id, "", 0, 0, parts[k].qty);
        str_copy_cut(i.strategy, sizeof i.strategy, parts[k].book);
        commit_ok(&i);
        assert_int_equal(update(id, NULL, ORDER_SENDING, 0, 0), LEDGER_OK);
        assert_int_equal(update(id, order, ORDER_FILLED, parts[k].qty, T0), LEDGER_OK);
        struct alpaca_fill f = a_fill(fill, order, ORDER_BUY, parts[k].qty, 100);
        CALL(ledger_fills_record(ledger, ACCOUNT, &f, 1, T0 + 60 * SECOND, on_fills, NULL));
        assert_int_equal(got.result, LEDGER_OK);
    }
}

static void a_split_multiplies_every_book(void **state)
{
    (void)state;
    with_books(5, 3, 2);
    struct alpaca_activity pair[2] = {a_split("s1", "g", -10), a_split("s2", "g", 40)};
    seen(pair, 2, 40);
    assert_int_equal(found.recorded, 2);
    assert_int_equal(found.held, 0);
    assert_true(found.newest_at == NEXT_DAY);
    assert_books("alpha 20 500, beta 12 300, unassigned 8 200");
    assert_cash("99000");
    seen(pair, 2, 40); // once
    assert_int_equal(found.recorded, 0);
    assert_books("alpha 20 500, beta 12 300, unassigned 8 200");
    assert_sql("SELECT count(*), string_agg(kind || ' ' || detail, '') FROM entries WHERE kind = 'corporate_action'",
               "1|corporate_action SPLIT FSPLIT SPY from 10 to 40");
    finish();
}

// The broker's two sides on two pages, in either order, or the difference alone.
static void a_split_may_be_told_in_pieces(void **state)
{
    (void)state;
    struct alpaca_activity out = a_split("s1", "g", -10), in = a_split("s2", "g", 40), more = a_split("s3", "", 30);
    with_books(5, 3, 2);
    seen(&out, 1, 40);
    assert_int_equal(found.held, 1);
    assert_non_null(
        strstr(found.first_held, "SPLIT SPY of 2026-10-09 (s1): the books hold 10 SPY, 10 went and 0 came"));
    assert_books("alpha 5 500, beta 3 300, unassigned 2 200");
    seen(&in, 1, 40);
    assert_int_equal(found.held, 0);
    assert_books("alpha 20 500, beta 12 300, unassigned 8 200");
    finish();
    with_books(5, 3, 2);
    seen(&in, 1, 40);
    assert_books("alpha 20 500, beta 12 300, unassigned 8 200");
    seen(&out, 1, 40);
    assert_int_equal(found.held, 0);
    assert_books("alpha 20 500, beta 12 300, unassigned 8 200");
    finish();
    with_books(5, 3, 2);
    seen(&more, 1, 40);
    assert_int_equal(found.held, 0);
    assert_books("alpha 20 500, beta 12 300, unassigned 8 200");
    finish();
}

// Whole shares stay whole, the remainder goes to the largest book, and so does the cost of a book that ends empty.
static void a_reverse_split_leaves_nothing_out(void **state)
{
    (void)state;
    with_books(15, 3, 2);
    struct alpaca_activity pair[2] = {a_split("s1", "g", -20), a_split("s2", "g", 2)};
    seen(pair, 2, 2);
    assert_int_equal(found.held, 0);
    assert_books("alpha 2 2000");
    assert_cash("98000");
    finish();
    with_books(5.5, 2.25, 1.25);
    struct alpaca_activity odd[2] = {a_split("s1", "g", -9), a_split("s2", "g", 1)};
    seen(odd, 2, 1);
    assert_books("alpha 0.611111112 550, beta 0.25 225, unassigned 0.138888888 125");
    finish();
}

static void a_split_that_does_not_lead_to_the_broker_is_held(void **state)
{
    (void)state;
    with_books(5, 3, 2);
    struct alpaca_activity pair[2] = {a_split("s1", "g", -10), a_split("s2", "g", 40)};
    seen(pair, 2, 41); // somebody traded meanwhile: no guess
    assert_int_equal(found.held, 2);
    assert_non_null(strstr(found.first_held, "the broker holds 41"));
    assert_books("alpha 5 500, beta 3 300, unassigned 2 200");
    struct alpaca_activity wrong[2] = {a_split("s3", "h", -12), a_split("s4", "h", 48)};
    seen(wrong, 2, 48); // the books held 10, not 12
    assert_int_equal(found.held, 4);
    assert_books("alpha 5 500, beta 3 300, unassigned 2 200");
    seen(NULL, 0, 40); // what is held is tried again
    assert_int_equal(found.held, 2);
    assert_books("alpha 20 500, beta 12 300, unassigned 8 200");
    finish();
}

static void cash_and_fees_are_posted(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(1000);
    struct alpaca_activity a[6] = {an_activity("a1", "FEE", "REG", -0.07), an_activity("a2", "DIV", "CDIV", 12.34),
                                   an_activity("a3", "INT", "CDT", 0.5),   an_activity("a4", "CSD", "", 100),
                                   an_activity("a5", "JNLC", "", -10),     an_activity("a6", "PTR", "", 0.01)};
    a[1].qty = QTY(10); // the shares that paid, not shares that came
    str_copy_cut(a[1].symbol, sizeof a[1].symbol, "SPY");
    seen(a, 6, 0);
    assert_int_equal(found.recorded, 6);
    assert_int_equal(found.held, 0);
    assert_cash("1102.78");
    assert_sql(
        "SELECT string_agg(kind || ' ' || n, ', ' ORDER BY kind) FROM (SELECT kind, count(*) n FROM entries GROUP BY "
        "1) x",
        "cash 4, fee 2, opening 1");
    assert_sql("SELECT plain(sum(amount)) FROM postings WHERE part = 'fees'", "0.06");
    a[0].net_amount = MONEY(-0.08); // the same with other content: no second fee, no quiet repair
    seen(a, 6, 0);
    assert_string_equal(found.differing, "a1");
    assert_cash("1102.78");
    finish();
}

static void what_is_not_known_is_held(void **state)
{
    (void)state;
    with_books(5, 3, 2);
    struct alpaca_activity a[8] = {an_activity("a1", "MA", "CMA", 100),     an_activity("a2", "NEWTYPE", "", 5),
                                   an_activity("a3", "FEE", "", 0),         an_activity("a4", "DIV", "CDIV", 3),
                                   an_activity("a5", "DIV", "CDIV", 3),     an_activity("a6", "DIV", "SDIV", 0),
                                   an_activity("a7", "SPLIT", "USPLIT", 0), an_activity("a8", "MISC", "", -1)};
    str_copy_cut(a[3].status, sizeof a[3].status, "canceled");
    str_copy_cut(a[4].currency, sizeof a[4].currency, "EUR");
    seen(a, 8, 10);
    assert_int_equal(found.held, 8);
    assert_non_null(strstr(found.first_held, "MA CMA of 2026-10-09 (a1): what it does to the books is not known"));
    assert_cash("99000");
    assert_books("alpha 5 500, beta 3 300, unassigned 2 200");
    assert_sql("SELECT count(*) FROM entries WHERE kind NOT IN ('opening', 'fill')", "0");
    finish();
}

static void what_the_opening_holds_is_not_posted(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    struct alpaca_activity a = an_activity("a1", "CSD", "", 100);
    CALL(ledger_activities_record(ledger, ACCOUNT, &a, 1, NULL, 0, T0, on_activities, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    open_with(1000);
    a.created_at = T0;
    seen(&a, 1, 0);
    assert_int_equal(found.recorded, 1);
    assert_cash("1000");
    assert_sql("SELECT outcome FROM activity_outcomes", "opening");
    seen(NULL, 0, 0);
    assert_true(found.newest_at == T0);
    finish();
}

static enum ledger_result correct(double cash, double spy, int64_t now)
{
    struct alpaca_position p = {.symbol = "SPY", .qty = QTY(spy), .cost_basis = MONEY(spy * 110)};
    CALL(ledger_correction(ledger, ACCOUNT, MONEY(cash), &p, spy > 0 ? 1 : 0, "broker merged a fund", "ann", now,
                           on_done, NULL));
    return got.result;
}

static void a_correction_makes_both_agree(void **state)
{
    (void)state;
    with_books(5, 3, 0);
    struct alpaca_activity a = an_activity("a1", "MA", "CMA", 100);
    seen(&a, 1, 8);
    assert_int_equal(found.held, 1);
    struct intent open_one = an_intent("x", "", 0, 0, 1);
    commit_ok(&open_one);
    assert_int_equal(correct(99300.5, 10, NEXT_DAY), LEDGER_CONFLICT);
    assert_non_null(strstr(got.detail, "orders are open"));
    assert_int_equal(update("x", NULL, ORDER_DENIED, 0, 0), LEDGER_OK);
    assert_int_equal(correct(99300.5, 10, NEXT_DAY), LEDGER_OK);
    assert_cash("99300.5");
    assert_books("alpha 5 500, beta 3 300, unassigned 2 220");
    assert_sql("SELECT outcome FROM activity_outcomes", "corrected");
    assert_sql("SELECT e.kind, c.reason, c.operator, c.differences ->> 'cash', c.differences -> 'positions' -> 0 ->> "
               "'broker' FROM corrections c JOIN entries e USING (entry_id)",
               "correction|broker merged a fund|ann|100.5|10");
    assert_int_equal(correct(99300.5, 10, NEXT_DAY), LEDGER_OK); // asked again: the same
    assert_sql("SELECT count(*) FROM corrections", "1");
    assert_int_equal(correct(99300.5, 10, NEXT_DAY + SECOND), LEDGER_CONFLICT);
    assert_non_null(strstr(got.detail, "nothing to correct"));
    assert_int_equal(correct(99300.5, 0, NEXT_DAY + 2 * SECOND), LEDGER_OK); // also what is gone
    assert_books("alpha 5 500, beta 3 300, unassigned -8 -816");
    finish();
}

static enum ledger_result assign(const char *strategy, double qty, double held, int64_t now)
{
    struct ledger_assignment a = {.account = ACCOUNT,
                                  .symbol = "SPY",
                                  .strategy = strategy,
                                  .qty = QTY(qty),
                                  .held = QTY(held),
                                  .at_ns = now,
                                  .reason = "it bought them",
                                  .operator= "ann" };
    CALL(ledger_assign(ledger, &a, on_done, NULL));
    return got.result;
}

static void refused(const char *why, int64_t now)
{
    assert_int_equal(assign("alpha", 1, 2, now), LEDGER_CONFLICT);
    if (!strstr(got.detail, why))
        fail_msg("\"%s\" does not say \"%s\"", got.detail, why);
    assert_books("alpha 5 500, beta 3 300, unassigned 2 200");
}

static void what_is_unassigned_goes_to_a_book(void **state)
{
    (void)state;
    with_books(5, 3, 2);
    assert_int_equal(assign("alpha", 0.5, 2, NEXT_DAY), LEDGER_OK);
    assert_books("alpha 5.5 550, beta 3 300, unassigned 1.5 150");
    assert_cash("99000");
    assert_int_equal(assign("alpha", 0.5, 2, NEXT_DAY), LEDGER_OK); // asked again: the same
    assert_books("alpha 5.5 550, beta 3 300, unassigned 1.5 150");
    assert_int_equal(assign("beta", 1, 2, NEXT_DAY + SECOND), LEDGER_CONFLICT);
    assert_non_null(strstr(got.detail, "holds 1.5 of SPY by now, not 2"));
    assert_int_equal(assign("beta", 1.6, 1.5, NEXT_DAY + SECOND), LEDGER_CONFLICT);
    assert_int_equal(assign("beta", -1, 1.5, NEXT_DAY + SECOND), LEDGER_CONFLICT);
    assert_non_null(strstr(got.detail, "cannot be taken out"));
    assert_int_equal(assign("beta", 1.5, 1.5, NEXT_DAY + SECOND), LEDGER_OK);
    assert_books("alpha 5.5 550, beta 4.5 450");
    assert_sql("SELECT count(*), min(e.kind), min(a.reason || ' ' || a.operator), sum(a.qty), min(e.detail) FROM "
               "assignments a JOIN entries e USING (assignment_key)",
               "2|transfer|it bought them ann|2.000000000|it bought them (ann)");
    if (!strstr(sql("DELETE FROM assignments"), "ERROR"))
        fail_msg("an assignment was taken back");
    finish();
}

static void changed(const char *statement)
{
    const char *answer = sql(statement);
    if (strstr(answer, "ERROR"))
        fail_msg("%s: %s", statement, answer);
}

static void what_is_not_over_is_not_assigned(void **state)
{
    (void)state;
    with_books(5, 3, 2);
    struct intent i = an_intent("x", "", 0, 0, 1);
    commit_ok(&i);
    refused("an order for SPY is open", NEXT_DAY);
    assert_int_equal(update("x", NULL, ORDER_SENDING, 0, 0), LEDGER_OK);
    assert_int_equal(update("x", "ox", ORDER_FILLED, 1, T0), LEDGER_OK);
    refused("its fills are missing", NEXT_DAY);
    changed("UPDATE orders SET recorded_qty = 1 WHERE client_order_id = 'x'");
    changed("INSERT INTO parked_orders (client_order_id, account_number, reason, parked_at) VALUES ('x', '" ACCOUNT
            "', 'not_placed', now())");
    refused("an order for SPY is parked", NEXT_DAY);
    changed("UPDATE parked_orders SET resolved_at = now(), outcome = 'closed'");
    changed("INSERT INTO quarantine VALUES ('q', '" ACCOUNT
            "', 'c', 'foreign', 'SPY', 'buy', 'limit', 'day', 1, NULL, 1, "
            "NULL, 'new', 0, NULL, now(), now(), now(), now())");
    refused("in quarantine", NEXT_DAY);
    changed("UPDATE quarantine SET ended_at = now(), outcome = 'canceled'");
    struct alpaca_activity a = an_activity("a1", "MA", "CMA", 0);
    str_copy_cut(a.symbol, sizeof a.symbol, "SPY");
    seen(&a, 1, 10);
    refused("an activity of SPY is held", NEXT_DAY);
    changed("UPDATE activity_outcomes SET outcome = 'opening'");
    changed("INSERT INTO runs (run_id, account_number, session, slot_key, label, cause, strategies, status, host, "
            "instance) "
            "VALUES ('r', '" ACCOUNT "', '2026-10-09', 'manual-9', 'l', 'c', '{alpha}', 'claimed', 'h', 'i')");
    refused("a run is under way", NEXT_DAY);
    changed("UPDATE runs SET status = 'failed'");
    assert_int_equal(assign("alpha", 1, 2, NEXT_DAY), LEDGER_OK);
    assert_books("alpha 6 600, beta 3 300, unassigned 1 100");
    finish();
}

// The database itself refuses entries that are not what they say, and changes of what was recorded.
static void entries_are_checked(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(1000);
    struct alpaca_activity a = an_activity("a1", "FEE", "REG", -1);
    seen(&a, 1, 0);
    static const char *const bad[] = {
        "BEGIN; INSERT INTO entries (account_number, kind, at) VALUES ('" ACCOUNT
        "', 'corporate_action', '2026-10-09Z'); "
        "INSERT INTO postings SELECT max(entry_id), 1, '" ACCOUNT "', 'position', 'alpha', 'SPY', 5, 100 FROM entries; "
        "INSERT INTO postings SELECT max(entry_id), 2, '" ACCOUNT
        "', 'equity', '', 'USD', 0, -100 FROM entries; COMMIT",
        "BEGIN; INSERT INTO entries (account_number, kind, at) VALUES ('" ACCOUNT "', 'fee', '2026-10-09Z'); "
        "INSERT INTO postings SELECT max(entry_id), 1, '" ACCOUNT
        "', 'position', 'alpha', 'SPY', 5, 0 FROM entries; COMMIT",
        "BEGIN; INSERT INTO entries (account_number, kind, at) VALUES ('" ACCOUNT "', 'cash', '2026-10-09Z'); "
        "INSERT INTO postings SELECT max(entry_id), 1, '" ACCOUNT "', 'cash', '', 'USD', 0, 5 FROM entries; COMMIT",
        "UPDATE activities SET net_amount = 0",
        "DELETE FROM activity_outcomes",
        "UPDATE activity_outcomes SET outcome = 'held', entry_id = NULL",
        "TRUNCATE corrections",
    };
    for (size_t k = 0; k < ARRAY_LEN(bad); k++)
        if (!strstr(sql(bad[k]), "ERROR"))
            fail_msg("%s was accepted", bad[k]);
    assert_cash("999");
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(a_split_multiplies_every_book),
        LEDGER_TEST(a_split_may_be_told_in_pieces),
        LEDGER_TEST(a_reverse_split_leaves_nothing_out),
        LEDGER_TEST(a_split_that_does_not_lead_to_the_broker_is_held),
        LEDGER_TEST(cash_and_fees_are_posted),
        LEDGER_TEST(what_is_not_known_is_held),
        LEDGER_TEST(what_the_opening_holds_is_not_posted),
        LEDGER_TEST(a_correction_makes_both_agree),
        LEDGER_TEST(what_is_unassigned_goes_to_a_book),
        LEDGER_TEST(what_is_not_over_is_not_assigned),
        LEDGER_TEST(entries_are_checked),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
