// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Seeded rounds of planner and ledger together, in a private Postgres: random targets are planned against the books as
// the ledger tells them, the plan is stored, its legs are worked in one or two tries and filled in any pieces, in any
// order and told twice. After each round books + unassigned are what the exchange holds, cash is the exchange's to the
// last nano, and every entry balances.
//
// needs: daemon/ledger.o daemon/ledger_values.o daemon/ledger_schema.o daemon/ledger_records.o daemon/ledger_upkeep.o
// needs: daemon/ledger_call.o daemon/ledger_runs.o daemon/ledger_plan.o daemon/ledger_orders.o daemon/ledger_fills.o
// needs: daemon/ledger_read.o
// needs: daemon/ledger_mark.o
#include "ledger_fixture.h"

#define ROUNDS 40
#define MEMBERS 3
#define SYMBOLS 4
#define FILLS_MAX 400

static const char *const names[MEMBERS] = {"alpha", "beta", "gamma"};
static const char *const symbols[SYMBOLS] = {"AAPL", "GLD", "SPY", "TLT"};

static struct {
    uint64_t random;
    int round, orders, fills_made;
    int64_t broker[SYMBOLS]; // the exchange's own count
    __int128 cents;          // its cash
    int64_t prices[SYMBOLS];
    struct alpaca_fill fills[FILLS_MAX]; // of the round
    size_t fill_count;
} w;

static int64_t below(int64_t n)
{
    w.random ^= w.random << 13;
    w.random ^= w.random >> 7;
    w.random ^= w.random << 17;
    return n > 0 ? (int64_t)(w.random % (uint64_t)n) : 0;
}

static size_t index_of(const char *symbol)
{
    size_t i = 0;
    while (strcmp(symbols[i], symbol) != 0)
        i++;
    return i;
}

static void load_books(void)
{
    CALL(ledger_books_load(ledger, ACCOUNT, on_books, NULL));
    assert_int_equal(got.result, LEDGER_OK);
}

static const struct book *book_named(const char *name, const struct book *none)
{
    for (size_t i = 0; i < got.book_count; i++)
        if (strcmp(got.books[i].name, name) == 0)
            return &got.books[i];
    return none;
}

// --- the exchange: it rounds each fill to a cent, half away from zero

static void exchange_fill(const struct plan_leg *leg, const char *order_id, int64_t qty, int64_t cum, int64_t price)
{
    assert_true(w.fill_count < FILLS_MAX);
    struct alpaca_fill *f = &w.fills[w.fill_count++];
    *f = (struct alpaca_fill){.side = leg->side, .partial = true, .qty = {qty}, .cum_qty = {cum}, .price = {price}};
    snprintf(f->id, sizeof f->id, "f%d", ++w.fills_made);
    str_copy_cut(f->order_id, sizeof f->order_id, order_id);
    str_copy_cut(f->symbol, sizeof f->symbol, leg->symbol);
    f->transaction_time = T0 + 10 * SECOND + w.fills_made * INT64_C(1000000);
    const __int128 cent = (__int128)DECIMAL_ONE * (DECIMAL_ONE / 100);
    __int128 cents = ((__int128)qty * price + cent / 2) / cent;
    w.cents += leg->side == ORDER_BUY ? -cents : cents;
    w.broker[index_of(leg->symbol)] += leg->side == ORDER_BUY ? qty : -qty;
}

static int64_t fill_some(const struct plan_leg *leg, const char *order_id, int64_t most)
{
    int64_t done = 0;
    for (int i = 1 + (int)below(3); i > 0 && done < most; i--) {
        int64_t piece = i == 1 && below(3) ? most - done : below(most - done + 1);
        if (piece == 0)
            continue;
        done += piece;
        exchange_fill(leg, order_id, piece, done, DECIMAL_ONE + below(400 * DECIMAL_ONE));
    }
    return done;
}

// --- one leg, in one or two tries

static void work(const struct plan_leg *leg, const char *run)
{
    int64_t left = leg->qty.nanos;
    int tries = 1 + (int)below(2);
    for (int try_no = 1; try_no <= tries && left > 0; try_no++) {
        char id[24], order_id[24];
        struct intent i = an_intent("", run, leg->leg, try_no, 1);
        snprintf(id, sizeof id, "c%d", ++w.orders);
        snprintf(order_id, sizeof order_id, "o-%d", w.orders);
        i.order.side = leg->side;
        i.order.qty.nanos = left;
        str_copy_cut(i.order.symbol, sizeof i.order.symbol, leg->symbol);
        str_copy_cut(i.order.client_order_id, sizeof i.order.client_order_id, id);
        commit_ok(&i);
        int64_t filled = fill_some(leg, order_id, left);
        CALL(ledger_order_update(ledger, id, order_id, filled == left ? ORDER_FILLED : ORDER_CANCELED,
                                 (struct qty){filled}, (struct price){filled ? DECIMAL_ONE : 0}, T0, T0 + 5 * SECOND,
                                 "test", "", on_done, NULL));
        assert_int_equal(got.result, LEDGER_OK);
        left -= filled;
    }
}

static void record_all(void)
{
    for (size_t i = w.fill_count; i > 1; i--) { // in any order
        size_t k = (size_t)below((int64_t)i);
        struct alpaca_fill f = w.fills[i - 1];
        w.fills[i - 1] = w.fills[k];
        w.fills[k] = f;
    }
    for (size_t at = 0; at < w.fill_count;) {
        size_t n = 1 + (size_t)below(8);
        n = n < w.fill_count - at ? n : w.fill_count - at;
        for (int told = 0; told < 2; told++) { // and twice
            CALL(ledger_fills_record(ledger, ACCOUNT, &w.fills[at], n, T0 + 60 * SECOND, on_fills, NULL));
            assert_string_equal(got.detail, "");
            assert_int_equal(got.count, told ? 0 : n);
        }
        at += n;
    }
}

// --- a round

static void plan_some(struct plan *plan)
{
    static const struct book empty;
    struct signal all[MEMBERS];
    struct signal_target targets[MEMBERS][SYMBOLS] = {0};
    struct plan_member members[MEMBERS];
    struct plan_asset assets[SYMBOLS] = {0};
    const struct plan_rules rules = {.cash_buffer = {DECIMAL_ONE / 200}, .min_trade = {5 * DECIMAL_ONE}};
    struct err err;
    load_books();
    for (size_t s = 0; s < SYMBOLS; s++) {
        w.prices[s] = DECIMAL_ONE + below(300 * DECIMAL_ONE);
        assets[s] = (struct plan_asset){.price = {w.prices[s]}, .tradable = true, .increment = {s ? 1 : DECIMAL_ONE}};
        assets[s].fractionable = s != 0;
        str_copy_cut(assets[s].symbol, sizeof assets[s].symbol, symbols[s]);
    }
    for (size_t m = 0; m < MEMBERS; m++) {
        all[m] = (struct signal){.targets = targets[m]};
        for (size_t s = 0; s < SYMBOLS; s++)
            if (below(3)) {
                str_copy_cut(targets[m][all[m].count].symbol, SYMBOL_MAX, symbols[s]);
                targets[m][all[m].count++].weight.nanos = below(DECIMAL_ONE / SYMBOLS);
            }
        members[m] = (struct plan_member){.strategy = names[m],
                                          .book = book_named(names[m], &empty),
                                          .signal = below(6) ? &all[m] : NULL,
                                          .capital = {1000 * DECIMAL_ONE + below(30000 * DECIMAL_ONE)}};
    }
    if (plan_make(members, MEMBERS, assets, SYMBOLS, &rules, plan, &err))
        fail_msg("round %d: %s", w.round, err.text);
}

static void store(const char *run, const struct plan *plan)
{
    struct run_member_row rows[MEMBERS];
    struct run_row row = a_run(run, "manual");
    for (size_t m = 0; m < MEMBERS; m++)
        rows[m] = (struct run_member_row){names[m], "ok", "", "m", "1", "[]"};
    CALL(ledger_run_claim(ledger, &row, on_claim, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    CALL(ledger_run_plan(ledger, &row, rows, MEMBERS, plan, on_done, NULL));
    assert_string_equal(got.detail, "");
}

static void check(void)
{
    load_books();
    for (size_t s = 0; s < SYMBOLS; s++) {
        int64_t sum = 0;
        for (size_t i = 0; i < got.book_count; i++)
            sum += book_qty(&got.books[i], symbols[s]).nanos;
        if (sum != w.broker[s])
            fail_msg("round %d, %s: books %lld, exchange %lld", w.round, symbols[s], (long long)sum,
                     (long long)w.broker[s]);
    }
    assert_int_equal(got.cash.nanos, (int64_t)(w.cents * (DECIMAL_ONE / 100)));
    assert_sql("SELECT count(*) FROM (SELECT 1 FROM postings GROUP BY entry_id HAVING sum(amount) <> 0) x", "0");
    assert_sql("SELECT sum(amount) FROM postings WHERE part <> 'equity'", "1000000.000000000");
    assert_sql("SELECT count(*) FROM books WHERE qty < 0", "0"); // long weights: nobody is ever short
    // A leg that was filled to the end gave every strategy exactly its part.
    assert_sql("WITH done AS (SELECT l.run_id, l.leg FROM legs l JOIN intents i USING (run_id, leg) JOIN fills f USING "
               "(client_order_id) GROUP BY l.run_id, l.leg, l.qty HAVING sum(f.qty) = l.qty) "
               "SELECT count(*) FROM done JOIN leg_allocations a USING (run_id, leg) WHERE a.qty <> (SELECT sum(p.qty) "
               "FROM postings p JOIN entries e USING (entry_id) JOIN fills f USING (activity_id) JOIN intents i USING "
               "(client_order_id) WHERE i.run_id = a.run_id AND i.leg = a.leg AND p.book = a.strategy)",
               "0");
}

static void books_and_cash_are_the_exchanges_after_any_sequence(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(1000000);
    memset(&w, 0, sizeof w);
    w.random = UINT64_C(0x9E3779B97F4A7C15);
    w.cents = (__int128)1000000 * 100;
    for (w.round = 1; w.round <= ROUNDS; w.round++) {
        struct plan plan;
        char run[16];
        snprintf(run, sizeof run, "run-%d", w.round);
        w.fill_count = 0;
        plan_some(&plan);
        store(run, &plan);
        for (size_t i = 0; i < plan.leg_count; i++)
            work(&plan.legs[i], run);
        record_all();
        plan_free(&plan);
        if (w.round % 5 == 0)
            check();
    }
    assert_true(w.fills_made > ROUNDS);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {LEDGER_TEST(books_and_cash_are_the_exchanges_after_any_sequence)};
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
