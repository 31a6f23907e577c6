// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Fills, books and cash in a private Postgres: every fill once, splits that sum exactly, cash to the cent, entries that
// balance or are refused, and the history that readers get. Run from the root of the tree.
//
// needs: daemon/ledger.o daemon/ledger_values.o daemon/ledger_schema.o daemon/ledger_records.o daemon/ledger_upkeep.o
// needs: daemon/ledger_call.o daemon/ledger_runs.o daemon/ledger_plan.o daemon/ledger_orders.o daemon/ledger_fills.o
// needs: daemon/ledger_read.o
// needs: daemon/ledger_mark.o
#include "ledger_fixture.h"

#define SLOT "2026-10-08T19:30:00Z"

static void record(const struct alpaca_fill *fills, size_t count, size_t expected)
{
    CALL(ledger_fills_record(ledger, ACCOUNT, fills, count, T0 + 60 * SECOND, on_fills, NULL));
    assert_string_equal(got.detail, "");
    assert_int_equal(got.result, LEDGER_OK);
    assert_int_equal(got.count, expected);
}

static void load_books(void)
{
    CALL(ledger_books_load(ledger, ACCOUNT, on_books, NULL));
    assert_int_equal(got.result, LEDGER_OK);
}

// What the ledger promises at any moment: books and cash are the sums of the postings, entries balance, and every fill
// has exactly one entry.
static void assert_sums(void)
{
    assert_sql(
        "SELECT count(*) FROM (SELECT account_number, book, symbol, sum(qty) q FROM postings WHERE part = 'position' "
        "GROUP BY 1, 2, 3) p FULL JOIN books b USING (account_number, book, symbol) WHERE p.q IS DISTINCT FROM b.qty",
        "0");
    assert_sql(
        "SELECT count(*) FROM (SELECT account_number, sum(amount) a FROM postings WHERE part = 'cash' GROUP BY 1) p "
        "FULL JOIN cash_balances c USING (account_number) WHERE p.a IS DISTINCT FROM c.cash",
        "0");
    assert_sql(
        "SELECT count(*) FROM cash_balances c WHERE fills <> (SELECT count(*) FROM fills f WHERE f.account_number = "
        "c.account_number)",
        "0");
    assert_sql("SELECT count(*) FROM orders o WHERE recorded_qty <> (SELECT coalesce(sum(qty), 0) FROM fills f WHERE "
               "f.client_order_id = o.client_order_id)",
               "0");
    assert_sql("SELECT count(*) FROM (SELECT 1 FROM postings GROUP BY entry_id HAVING sum(amount) <> 0) x", "0");
    assert_sql(
        "SELECT count(*) FROM fills f FULL JOIN (SELECT * FROM entries WHERE kind = 'fill') e USING (activity_id) "
        "WHERE f.activity_id IS NULL OR e.entry_id IS NULL",
        "0");
    // Books with unassigned are the fills plus the opening.
    assert_sql(
        "SELECT count(*) FROM (SELECT symbol, sum(q) s FROM (SELECT symbol, CASE side WHEN 'buy' THEN qty ELSE -qty "
        "END q FROM fills UNION ALL SELECT p.symbol, p.qty FROM postings p JOIN entries e USING (entry_id) WHERE "
        "e.kind = 'opening' AND p.part = 'position') x GROUP BY symbol) w FULL JOIN (SELECT symbol, sum(qty) s FROM "
        "books GROUP BY symbol) b USING (symbol) WHERE coalesce(w.s, 0) <> coalesce(b.s, 0)",
        "0");
}

static void an_opening_is_accepted_once(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    load_books();
    assert_false(got.opened);
    assert_int_equal(got.book_count, 1); // unassigned, empty
    struct alpaca_position p[2] = {{.symbol = "SPY", .qty = QTY(10), .cost_basis = MONEY(4500)},
                                   {.symbol = "QQQ", .qty = QTY(-2.5), .cost_basis = MONEY(-900)}};
    CALL(ledger_last_activity(ledger, ACCOUNT, on_last, NULL));
    assert_int_equal(got.at, 0);
    CALL(ledger_opening(ledger, ACCOUNT, MONEY(100000.25), p, 2, T0, T0 + SECOND, on_done, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    CALL(ledger_opening(ledger, ACCOUNT, MONEY(100000.25), p, 2, T0, T0 + SECOND, on_done, NULL)); // asked again
    assert_int_equal(got.result, LEDGER_OK);
    CALL(ledger_opening(ledger, ACCOUNT, MONEY(1), p, 2, T0, T0 + SECOND, on_done, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    load_books();
    assert_true(got.opened);
    assert_int_equal(got.cash.nanos, MONEY(100000.25).nanos);
    assert_int_equal(held("unassigned", "SPY"), QTY(10).nanos);
    assert_int_equal(held("unassigned", "QQQ"), QTY(-2.5).nanos);
    assert_int_equal(book_find(&got.books[0], "SPY")->cost.nanos, MONEY(4500).nanos);
    CALL(ledger_last_activity(ledger, ACCOUNT, on_last, NULL));
    assert_int_equal(got.at, T0);
    // Fills up to the watermark are in it.
    struct alpaca_fill before = a_fill("f0", "o-0", ORDER_BUY, 1, 100), after = a_fill("f1", "o-0", ORDER_BUY, 1, 100);
    before.transaction_time = T0;
    record(&before, 1, 0);
    record(&after, 1, 1);
    CALL(ledger_last_activity(ledger, ACCOUNT, on_last, NULL));
    assert_int_equal(got.at, after.transaction_time);
    load_books();
    assert_int_equal(got.fill_count, 1);
    assert_int_equal(held("unassigned", "SPY"), QTY(11).nanos);
    assert_sums();
    finish();
}

static void fills_need_an_opening(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    struct alpaca_fill f = a_fill("f1", "o-1", ORDER_BUY, 1, 100);
    CALL(ledger_fills_record(ledger, ACCOUNT, &f, 1, T0, on_fills, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    assert_non_null(strstr(got.detail, "opening accept"));
    finish();
}

static void a_fill_counts_once(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(1000);
    struct alpaca_fill f[3] = {a_fill("f1", "o-1", ORDER_BUY, 1, 100), a_fill("f2", "o-1", ORDER_BUY, 2, 100),
                               a_fill("f1", "o-1", ORDER_BUY, 1, 100)};
    f[2] = f[0];
    record(f, 3, 2);
    record(f, 3, 0);
    record(NULL, 0, 0);
    load_books();
    assert_int_equal(held("unassigned", "SPY"), QTY(3).nanos);
    assert_int_equal(got.cash.nanos, MONEY(700).nanos);
    assert_int_equal(got.fill_count, 2);
    // The same activity with other content is no second fill and no quiet repair; what is new beside it counts.
    struct alpaca_fill odd[2] = {f[0], a_fill("f3", "o-1", ORDER_SELL, 1, 50)};
    odd[0].price = PRICE(101);
    CALL(ledger_fills_record(ledger, ACCOUNT, odd, 2, T0, on_fills, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    assert_int_equal(got.count, 1);
    assert_non_null(strstr(got.detail, "f1"));
    load_books();
    assert_int_equal(got.cash.nanos, MONEY(750).nanos);
    assert_sums();
    finish();
}

static void two_ledgers_record_the_same_fills(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(100000);
    plan_leg("run-a", SLOT, ORDER_BUY, 33, 33, 34);
    struct intent i = an_intent("a", "run-a", 1, 1, 100);
    commit_ok(&i);
    assert_int_equal(update("a", "o-1", ORDER_NEW, 0, T0), LEDGER_OK);
    struct ledger *other = start_on("host-b", "staging", &said_other);
    WAIT_FOR(said_other.state == LEDGER_READY);
    struct alpaca_fill f[20];
    for (int k = 0; k < 20; k++) {
        char id[16];
        snprintf(id, sizeof id, "f%d", k);
        f[k] = a_fill(id, "o-1", ORDER_BUY, 5, 100);
    }
    clear_got();
    for (int k = 0; k < 20; k++) {
        ledger_fills_record(ledger, ACCOUNT, &f[k], 1, T0, on_fills, NULL);
        ledger_fills_record(other, ACCOUNT, &f[k], 1, T0, on_fills, NULL);
    }
    WAIT_FOR(got.done == 40);
    assert_int_equal(got.bad, 0);
    assert_int_equal(got.count, 20);
    load_books();
    assert_int_equal(held("alpha", "SPY"), QTY(33).nanos);
    assert_int_equal(held("beta", "SPY"), QTY(33).nanos);
    assert_int_equal(held("gamma", "SPY"), QTY(34).nanos);
    assert_sums();
    ledger_free(other);
    finish();
}

static void partial_fills_end_at_the_allocation(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(100000);
    plan_leg("run-a", SLOT, ORDER_BUY, 5, 3, 2);
    struct intent i = an_intent("a", "run-a", 1, 1, 10);
    commit_ok(&i);
    assert_int_equal(update("a", "o-1", ORDER_NEW, 0, T0), LEDGER_OK);
    // 1, 2, 4 and 3 shares, the last two the wrong way round: whole shares stay whole all along.
    struct alpaca_fill f[4] = {a_fill("f1", "o-1", ORDER_BUY, 1, 100), a_fill("f2", "o-1", ORDER_BUY, 2, 100),
                               a_fill("f3", "o-1", ORDER_BUY, 4, 100), a_fill("f4", "o-1", ORDER_BUY, 3, 100)};
    record(&f[0], 1, 1);
    record(&f[1], 1, 1);
    record(&f[3], 1, 1);
    load_books(); // 6 of 10
    struct qty weights[3] = {QTY(5), QTY(3), QTY(2)}, parts[3];
    assert_true(qty_split(QTY(6), weights, 3, QTY(1), parts)); // as portfolio splits
    assert_int_equal(held("alpha", "SPY"), parts[0].nanos);
    assert_int_equal(held("beta", "SPY"), parts[1].nanos);
    assert_int_equal(held("gamma", "SPY"), parts[2].nanos);
    assert_sums();
    record(&f[2], 1, 1);
    load_books();
    assert_int_equal(held("alpha", "SPY"), QTY(5).nanos);
    assert_int_equal(held("beta", "SPY"), QTY(3).nanos);
    assert_int_equal(held("gamma", "SPY"), QTY(2).nanos);
    assert_int_equal(held("unassigned", "SPY"), 0);
    assert_int_equal(got.cash.nanos, MONEY(99000).nanos);
    assert_sums();
    finish();
}

// A plan that was made while the tables were small serves the whole life of the session: it must not read all of them.
// What the broker told of orders that move a strategy's book, and no fill has shown yet.
static void books_say_what_they_lack(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(100000);
    plan_leg("run-a", SLOT, ORDER_BUY, 5, 3, 2);
    struct intent of_run = an_intent("a", "run-a", 1, 1, 10), nobodys = an_intent("b", "", 0, 0, 1);
    commit_ok(&of_run);
    commit_ok(&nobodys);
    assert_int_equal(update("a", "o-1", ORDER_FILLED, 10, T0), LEDGER_OK);
    assert_int_equal(update("b", "o-2", ORDER_FILLED, 1, T0), LEDGER_OK); // goes to unassigned
    struct alpaca_fill f[2] = {a_fill("f1", "o-1", ORDER_BUY, 6, 100), a_fill("f2", "o-1", ORDER_BUY, 4, 100)};
    record(&f[0], 1, 1);
    load_books();
    assert_int_equal(got.unbooked, 1);
    record(&f[1], 1, 1);
    load_books();
    assert_int_equal(got.unbooked, 0);
    finish();
}

static void no_large_table_is_read_whole_to_record(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(100000);
    plan_leg("run-a", SLOT, ORDER_BUY, 5, 3, 2);
    struct intent i = an_intent("a", "run-a", 1, 1, 10);
    commit_ok(&i);
    assert_int_equal(update("a", "o-1", ORDER_NEW, 0, T0), LEDGER_OK);
    sql("VACUUM ANALYZE"); // now the planner knows how small they are
    assert_sql("SELECT pg_stat_reset()", "");
    for (int n = 0; n < 10; n++) { // after some calls Postgres keeps the plan
        char id[16];
        snprintf(id, sizeof id, "f%d", n);
        struct alpaca_fill f = a_fill(id, "o-1", ORDER_BUY, 1, 100);
        record(&f, 1, 1);
    }
    finish();
    static const char tables[] = "FROM pg_stat_user_tables WHERE relname IN ('orders', 'intents', 'fills', 'legs')";
    char text[300];
    snprintf(text, sizeof text, "SELECT count(*) %s AND idx_scan > 0", tables);
    WAIT_FOR(strcmp(sql(text), "4") == 0); // a session tells when it ends
    snprintf(text, sizeof text, "SELECT sum(seq_scan) %s", tables);
    assert_sql(text, "0");
}

// Odd fractions in any order, over two tries of the leg; and a sale of it all.
static void fractions_are_split_to_the_last_nano(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(100000);
    plan_leg("run-a", SLOT, ORDER_BUY, 3.333333, 3.333333, 3.333334);
    struct intent i = an_intent("a", "run-a", 1, 1, 10);
    commit_ok(&i);
    static const double pieces[] = {0.000001, 2.7, 1.299999, 0.5, 0.123457, 3.376543};
    assert_int_equal(update("a", "o-1", ORDER_CANCELED, 8, T0), LEDGER_OK);
    for (size_t k = 0; k < ARRAY_LEN(pieces); k++) {
        char id[16];
        snprintf(id, sizeof id, "f%zu", k);
        struct alpaca_fill f = a_fill(id, "o-1", ORDER_BUY, pieces[k], 33.33);
        record(&f, 1, 1);
        load_books();
        assert_sums();
    }
    struct qty weights[3] = {QTY(3.333333), QTY(3.333333), QTY(3.333334)}, parts[3];
    assert_true(qty_split(QTY(8), weights, 3, (struct qty){1}, parts));
    assert_int_equal(held("alpha", "SPY"), parts[0].nanos);
    assert_int_equal(held("gamma", "SPY"), parts[2].nanos);
    struct intent again = an_intent("b", "run-a", 1, 2, 2);
    commit_ok(&again);
    assert_int_equal(update("b", "o-2", ORDER_FILLED, 2, T0), LEDGER_OK);
    struct alpaca_fill rest = a_fill("rest", "o-2", ORDER_BUY, 2, 33.34);
    record(&rest, 1, 1);
    load_books();
    assert_int_equal(held("alpha", "SPY"), QTY(3.333333).nanos);
    assert_int_equal(held("beta", "SPY"), QTY(3.333333).nanos);
    assert_int_equal(held("gamma", "SPY"), QTY(3.333334).nanos);
    assert_sums();

    plan_leg("run-b", "2026-10-08T19:40:00Z", ORDER_SELL, 3.333333, 3.333333, 3.333334);
    struct intent sell = an_intent("c", "run-b", 1, 1, 10);
    sell.order.side = ORDER_SELL;
    commit_ok(&sell);
    assert_int_equal(update("c", "o-3", ORDER_FILLED, 10, T0), LEDGER_OK);
    struct alpaca_fill s[2] = {a_fill("s1", "o-3", ORDER_SELL, 1.1, 40), a_fill("s2", "o-3", ORDER_SELL, 8.9, 40.001)};
    record(s, 2, 2);
    load_books();
    assert_int_equal(got.book_count, 1); // nobody holds anything
    assert_sums();
    finish();
}

static void cash_is_right_to_the_cent_per_fill(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(1000);
    struct alpaca_fill f[4] = {
        a_fill("f1", "o", ORDER_BUY, 0.333333, 10.005),  // 3.334996665 -> 3.33
        a_fill("f2", "o", ORDER_BUY, 1, 10.005),         // 10.005 -> 10.01 (half away from zero)
        a_fill("f3", "o", ORDER_SELL, 1, 10.005),        // 10.01 back
        a_fill("f4", "o", ORDER_SELL, 0.000001, 86.878), // 0.000086878 -> 0.00
    };
    record(f, 4, 4);
    load_books();
    assert_int_equal(got.cash.nanos, MONEY(996.67).nanos);
    assert_sql("SELECT string_agg(plain(exact_amount) || '=' || cents, ' ' ORDER BY activity_id) FROM fills",
               "3.334996665=3.33 10.005=10.01 10.005=10.01 0.000086878=0.00");
    assert_sql("SELECT plain(sum(amount)) FROM postings WHERE part = 'rounding' AND entry_id IN (SELECT entry_id FROM "
               "entries WHERE activity_id = 'f2')",
               "0.005");
    assert_sums();
    finish();
}

static void what_is_not_ours_goes_to_unassigned_unless_in_doubt(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(100000);
    struct intent own = an_intent("a", "", 0, 0, 5), nobodys = an_intent("b", "", 0, 0, 5);
    str_copy_cut(own.strategy, sizeof own.strategy, "alpha");
    str_copy_cut(nobodys.order.symbol, sizeof nobodys.order.symbol, "QQQ");
    commit_ok(&own);
    assert_int_equal(update("a", NULL, ORDER_UNKNOWN, 0, 0), LEDGER_OK);
    struct alpaca_fill f = a_fill("f1", "o-1", ORDER_BUY, 5, 100);
    CALL(ledger_fills_record(ledger, ACCOUNT, &f, 1, T0, on_fills, NULL)); // it may well be that order
    assert_int_equal(got.result, LEDGER_CONFLICT);
    assert_non_null(strstr(got.detail, "may belong to a"));
    assert_sql("SELECT count(*) FROM fills", "0");
    struct alpaca_fill sale = a_fill("f2", "o-9", ORDER_SELL, 1, 100); // cannot be that one
    record(&sale, 1, 1);
    assert_int_equal(update("a", "o-1", ORDER_FILLED, 5, T0), LEDGER_OK);
    record(&f, 1, 1);
    commit_ok(&nobodys);
    assert_int_equal(update("b", "o-2", ORDER_FILLED, 5, T0), LEDGER_OK);
    struct alpaca_fill q = a_fill("f3", "o-2", ORDER_BUY, 5, 100);
    CALL(ledger_fills_record(ledger, ACCOUNT, &q, 1, T0, on_fills, NULL)); // SPY for an order of QQQ
    assert_int_equal(got.result, LEDGER_CONFLICT);
    str_copy_cut(q.symbol, sizeof q.symbol, "QQQ");
    record(&q, 1, 1);
    load_books();
    assert_int_equal(held("alpha", "SPY"), QTY(5).nanos);
    assert_int_equal(held("unassigned", "SPY"), QTY(-1).nanos);
    assert_int_equal(held("unassigned", "QQQ"), QTY(5).nanos);
    assert_sums();
    finish();
}

static void books_cost_what_portfolio_says(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(100000);
    static const struct {
        enum order_side side;
        double qty, price;
    } moves[] = {{ORDER_BUY, 10, 100}, {ORDER_BUY, 5, 110}, {ORDER_SELL, 3, 120},
                 {ORDER_SELL, 20, 90}, {ORDER_BUY, 3, 95},  {ORDER_BUY, 5, 80}};
    struct book mirror;
    book_init(&mirror, "unassigned");
    for (size_t k = 0; k < ARRAY_LEN(moves); k++) {
        char id[16];
        snprintf(id, sizeof id, "f%zu", k);
        struct alpaca_fill f = a_fill(id, "o", moves[k].side, moves[k].qty, moves[k].price);
        record(&f, 1, 1);
        struct qty change = {moves[k].side == ORDER_BUY ? f.qty.nanos : -f.qty.nanos};
        assert_true(book_apply(&mirror, "SPY", change, f.price));
        load_books();
        const struct holding *h = book_find(&mirror, "SPY"), *l = book_find(&got.books[0], "SPY");
        assert_int_equal(h ? h->qty.nanos : 0, l ? l->qty.nanos : 0);
        assert_int_equal(h ? h->cost.nanos : 0, l ? l->cost.nanos : 0);
    }
    book_free(&mirror);
    finish();
}

static void transfers_move_shares_between_books(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(100000);
    struct run_row r = a_run("run-a", SLOT);
    struct plan_transfer t = {.symbol = "SPY", .from = "alpha", .to = "beta", .qty = QTY(4), .price = PRICE(101)};
    struct plan plan = {.transfers = &t, .transfer_count = 1};
    CALL(ledger_run_claim(ledger, &r, on_claim, NULL));
    CALL(ledger_run_plan(ledger, &r, the_members, 3, &plan, on_done, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    CALL(ledger_run_plan(ledger, &r, the_members, 3, &plan, on_done, NULL)); // asked again: moved once
    assert_int_equal(got.result, LEDGER_OK);
    load_books();
    assert_int_equal(held("alpha", "SPY"), QTY(-4).nanos);
    assert_int_equal(held("beta", "SPY"), QTY(4).nanos);
    assert_int_equal(got.cash.nanos, MONEY(100000).nanos);
    assert_int_equal(book_find(&got.books[2], "SPY")->cost.nanos, MONEY(404).nanos);
    assert_sums();
    finish();
}

static void the_database_itself_refuses_nonsense(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(1000);
    struct alpaca_fill f = a_fill("f1", "o-1", ORDER_BUY, 1, 100);
    record(&f, 1, 1);
    finish();
    static const char *const keeps[] = {
        "UPDATE fills SET qty = 2",
        "DELETE FROM fills",
        "TRUNCATE fills CASCADE",
        "UPDATE entries SET kind = 'fee'",
        "DELETE FROM entries",
        "DELETE FROM postings",
        "UPDATE postings SET qty = 0",
        "TRUNCATE postings",
        "UPDATE openings SET at = at",
        "DELETE FROM books",
        "DELETE FROM environment_marker",
    };
    for (size_t i = 0; i < ARRAY_LEN(keeps); i++)
        if (!strstr(sql(keeps[i]), "keeps what it holds"))
            fail_msg("%s: %s", keeps[i], sql(keeps[i]));
#define ENTRY "INSERT INTO entries (account_number, kind, at) VALUES ('" ACCOUNT "', 'correction', '2026-10-08Z')"
#define LAST "(SELECT max(entry_id) FROM entries)"
    static const struct {
        const char *statement, *says;
    } refused[] = {
        {"BEGIN; " ENTRY "; INSERT INTO postings VALUES (" LAST ", 1, '" ACCOUNT "', 'cash', '', 'USD', 0, 5); COMMIT",
         "is off by 5"},
        {"INSERT INTO postings VALUES (1, 9, '" ACCOUNT "', 'cash', '', 'USD', 0, 5)", "is off by 5"},
        {"INSERT INTO postings VALUES (1, 9, '" ACCOUNT "', 'cash', '', 'SPY', 1, 5)", "violates check"},
        {"INSERT INTO entries (account_number, kind, at) VALUES ('" ACCOUNT "', 'opening', '2026-10-08Z')",
         "duplicate key"},
        {"INSERT INTO entries (account_number, kind, at) VALUES ('" ACCOUNT "', 'fill', '2026-10-08Z')",
         "violates check"},
        {"INSERT INTO entries (account_number, kind, at, activity_id) VALUES ('" ACCOUNT
         "', 'fill', '2026-10-08Z', 'f1')",
         "duplicate key"},
        {"INSERT INTO fills SELECT 'f9', account_number, order_id, NULL, symbol, side, partial, -qty, price, 0, 0, "
         "-exact_amount, -cents, transaction_time, recorded_at FROM fills",
         "violates check"},
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (!strstr(sql(refused[i].statement), refused[i].says))
            fail_msg("%s: %s", refused[i].statement, sql(refused[i].statement));
    assert_sums();
}

// --- history

static void history_is_json_of_postgres(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(100000);
    plan_leg("run-a", SLOT, ORDER_BUY, 6, 4, 0);
    struct intent i = an_intent("a", "run-a", 1, 1, 10);
    commit_ok(&i);
    assert_int_equal(update("a", NULL, ORDER_SENDING, 0, 0), LEDGER_OK);
    assert_int_equal(update("a", "o-1", ORDER_FILLED, 10, T0), LEDGER_OK);
    struct alpaca_fill f = a_fill("f1", "o-1", ORDER_BUY, 10, 100.25);
    record(&f, 1, 1);
    ledger_alert(ledger, "stale", "SPY", "old price", T0);
    ledger_decision(ledger, "risk", "a", "denied", "fat_finger", "too much", T0);
    WAIT_FOR(strcmp(sql("SELECT count(*) FROM alerts, decisions WHERE answer = 'denied'"), "1") == 0);
    reader_is_up();
    static const char *const shape[] = {"\"run_id\" : \"run-a\"",
                                        "\"status\" : \"running\"",
                                        "\"state\" : \"planned\"",
                                        "\"strategy_id\" : \"alpha beta\"",
                                        "\"as_of_date\" : \"2026-10-08\"",
                                        "\"num_signals\" : 0",
                                        "\"num_orders_submitted\" : 0",
                                        "\"mappings\" : [",
                                        "\"started_at\" : \"2026-10-08T15:30:19Z\"",
                                        "\"slot\" : \"" SLOT "\""};
    for (size_t k = 0; k < ARRAY_LEN(shape); k++)
        assert_shows(shape[k]);
    json_doc_free(query(LEDGER_QUERY_RUN, (struct ledger_filter){.id = "run-a"}));
    assert_shows("\"legs\" : [{\"leg\" : 1");
    assert_shows("\"filled_qty\" : \"10\"");
    CALL(ledger_query(ledger, LEDGER_QUERY_RUN, &(struct ledger_filter){.id = "nobody"}, on_json, NULL));
    assert_string_equal(got.json, "null");
    json_doc_free(query(LEDGER_QUERY_FILLS, (struct ledger_filter){.strategy = "beta"}));
    assert_shows("\"slippage_bps\" : \"25\"");
    assert_shows("\"strategies\" : [{\"strategy\" : \"beta\", \"qty\" : \"4\", \"weight\" : \"0.4\"}");
    json_doc_free(query(LEDGER_QUERY_FILLS, (struct ledger_filter){.symbol = "QQQ"}));
    assert_string_equal(got.json, "[]");
    json_doc_free(query(LEDGER_QUERY_ORDERS, (struct ledger_filter){.status = "closed", .run_id = "run-a"}));
    assert_shows("\"client_order_id\" : \"a\"");
    json_doc_free(query(LEDGER_QUERY_ORDERS, (struct ledger_filter){.status = "open"}));
    assert_string_equal(got.json, "[]");
    json_doc_free(query(LEDGER_QUERY_POSITIONS, (struct ledger_filter){.strategy = "alpha"}));
    assert_shows("\"avg_entry_price\" : \"100.25\"");
    json_doc_free(query(LEDGER_QUERY_ALERTS, (struct ledger_filter){.limit = 5}));
    assert_shows("old price");
    json_doc_free(query(LEDGER_QUERY_DECISIONS, (struct ledger_filter){.offset = 2}));
    assert_string_equal(got.json, "[]");
    json_doc_free(query(LEDGER_QUERY_DECISIONS, (struct ledger_filter){.status = "allowed"})); // with its intent
    assert_shows("\"subject\" : \"a\", \"answer\" : \"allowed\"");
    json_doc_free(query(LEDGER_QUERY_RUNS, (struct ledger_filter){.id = "'; DROP TABLE runs; --"}));
    assert_string_equal(got.json, "[]");
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(an_opening_is_accepted_once),
        LEDGER_TEST(fills_need_an_opening),
        LEDGER_TEST(a_fill_counts_once),
        LEDGER_TEST(two_ledgers_record_the_same_fills),
        LEDGER_TEST(partial_fills_end_at_the_allocation),
        LEDGER_TEST(books_say_what_they_lack),
        LEDGER_TEST(no_large_table_is_read_whole_to_record),
        LEDGER_TEST(fractions_are_split_to_the_last_nano),
        LEDGER_TEST(cash_is_right_to_the_cent_per_fill),
        LEDGER_TEST(what_is_not_ours_goes_to_unassigned_unless_in_doubt),
        LEDGER_TEST(books_cost_what_portfolio_says),
        LEDGER_TEST(transfers_move_shares_between_books),
        LEDGER_TEST(the_database_itself_refuses_nonsense),
        LEDGER_TEST(history_is_json_of_postgres),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
