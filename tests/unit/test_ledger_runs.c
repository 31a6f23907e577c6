// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Runs, intents and orders in a private Postgres: one claim per slot, one plan per run, receipts only after COMMIT, and
// updates that only go forward. Run from the root of the tree.
//
// needs: daemon/ledger.o daemon/ledger_values.o daemon/ledger_schema.o daemon/ledger_records.o daemon/ledger_upkeep.o
// needs: daemon/ledger_call.o daemon/ledger_runs.o daemon/ledger_plan.o daemon/ledger_orders.o daemon/ledger_fills.o
// needs: daemon/ledger_read.o
// needs: daemon/ledger_mark.o
#include "ledger_fixture.h"

#define SLOT "2026-10-08T19:30:00Z"

// --- runs

static struct got claims[2];

static void on_race(void *arg, enum ledger_result result, bool taken, const struct run_row *row)
{
    struct got *g = arg;
    g->done++;
    g->result = result;
    g->taken = taken;
    g->row = *row;
}

static void a_slot_is_claimed_once(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    struct ledger *other = start_on("host-b", "staging", &said_other);
    WAIT_FOR(said_other.state == LEDGER_READY);
    struct run_row a = a_run("run-a", SLOT), b = a_run("run-b", SLOT);
    memset(claims, 0, sizeof claims);
    ledger_run_claim(ledger, &a, on_race, &claims[0]);
    ledger_run_claim(other, &b, on_race, &claims[1]);
    WAIT_FOR(claims[0].done && claims[1].done);
    assert_int_equal(claims[0].result, LEDGER_OK);
    assert_int_equal(claims[1].result, LEDGER_OK);
    assert_int_equal(claims[0].taken + claims[1].taken, 1);
    assert_string_equal(claims[0].row.id, claims[1].row.id);
    assert_sql("SELECT count(*) FROM runs", "1");
    // Asking again with the same id is not losing to oneself.
    const struct run_row *winner = claims[0].taken ? &b : &a;
    CALL(ledger_run_claim(ledger, winner, on_claim, NULL));
    assert_false(got.taken);
    assert_int_equal(got.row.scheduled_at, T0);
    assert_int_equal(got.row.started_at, T0 + SECOND);
    assert_string_equal(got.row.strategies, "alpha beta");
    assert_int_equal(day_compare(got.row.session, THE_DAY), 0);
    // The same id in another slot is refused.
    struct run_row moved = a_run(winner->id, "2026-10-08T19:45:00Z");
    CALL(ledger_run_claim(ledger, &moved, on_claim, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    assert_non_null(strstr(sql("DELETE FROM runs"), "keeps what it holds"));
    ledger_free(other);
    finish();
}

static void manual_runs_are_numbered(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    struct ledger *other = start_on("host-b", "staging", &said_other);
    WAIT_FOR(said_other.state == LEDGER_READY);
    struct run_row a = a_run("run-a", "manual"), b = a_run("run-b", "manual"), c = a_run("run-c", "manual");
    memset(claims, 0, sizeof claims);
    ledger_run_claim(ledger, &a, on_race, &claims[0]);
    ledger_run_claim(other, &b, on_race, &claims[1]);
    WAIT_FOR(claims[0].done && claims[1].done);
    assert_false(claims[0].taken || claims[1].taken);
    assert_string_not_equal(claims[0].row.slot_key, claims[1].row.slot_key);
    CALL(ledger_run_claim(ledger, &c, on_claim, NULL));
    assert_string_equal(got.row.slot_key, "manual-3");
    CALL(ledger_run_claim(ledger, &c, on_claim, NULL)); // the answer was lost, say: the same run, not a fourth
    assert_string_equal(got.row.slot_key, "manual-3");
    struct run_row next_day = a_run("run-d", "manual");
    next_day.session = (struct day){2026, 10, 9};
    CALL(ledger_run_claim(ledger, &next_day, on_claim, NULL));
    assert_string_equal(got.row.slot_key, "manual-1");
    struct run_row nameless = a_run("", "manual");
    CALL(ledger_run_claim(ledger, &nameless, on_claim, NULL));
    assert_false(got.taken);
    assert_int_equal(strlen(got.row.id), 24);
    ledger_free(other);
    finish();
}

static void runs_need_a_known_account(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    struct run_row r = a_run("run-a", SLOT);
    str_copy_cut(r.account, sizeof r.account, "PA3NEVERSEEN");
    CALL(ledger_run_claim(ledger, &r, on_claim, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    str_copy_cut(r.account, sizeof r.account, ACCOUNT);
    str_copy_cut(r.slot_key, sizeof r.slot_key, "15:30");
    CALL(ledger_run_claim(ledger, &r, on_claim, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT); // a label is no key
    finish();
}

static void a_run_goes_forward_only(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    plan_leg("run-a", SLOT, ORDER_BUY, 10, 0, 0);
    struct run_row r = a_run("run-a", SLOT);
    r.status = RUN_SETTLING;
    r.orders_submitted = 3;
    CALL(ledger_run_update(ledger, &r, on_done, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    r.status = RUN_SENDING;
    CALL(ledger_run_update(ledger, &r, on_done, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    r.status = RUN_PARTIAL;
    r.completed_at = T0 + 100 * SECOND;
    CALL(ledger_run_update(ledger, &r, on_done, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    r.settled = true; // an ended run may still be settled
    CALL(ledger_run_update(ledger, &r, on_done, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    r.status = RUN_COMPLETED;
    CALL(ledger_run_update(ledger, &r, on_done, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    assert_non_null(strstr(got.detail, "partial"));
    str_copy_cut(r.id, sizeof r.id, "nobody");
    CALL(ledger_run_update(ledger, &r, on_done, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    r = a_run("run-b", "manual");
    CALL(ledger_run_claim(ledger, &r, on_claim, NULL));
    r.status = RUN_PLANNED; // without a plan
    CALL(ledger_run_update(ledger, &r, on_done, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    finish();
}

static void runs_load_slots_and_what_is_unfinished(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    struct run_row old = a_run("old-open", "manual"), done = a_run("old-done", "manual"), now = a_run("now", SLOT);
    old.session = done.session = (struct day){2026, 9, 1};
    done.status = RUN_MISSED;
    CALL(ledger_run_claim(ledger, &old, on_claim, NULL));
    CALL(ledger_run_claim(ledger, &done, on_claim, NULL));
    CALL(ledger_run_claim(ledger, &now, on_claim, NULL));
    CALL(ledger_runs_load(ledger, ACCOUNT, THE_DAY, THE_DAY, on_runs, NULL));
    assert_int_equal(got.count, 2);
    assert_string_equal(got.rows[0].id, "old-open");
    assert_string_equal(got.rows[1].id, "now");
    assert_int_equal(got.rows[1].status, RUN_CLAIMED);
    finish();
}

static void a_plan_is_stored_once(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    plan_leg("run-a", SLOT, ORDER_BUY, 6, 3, 1);
    assert_sql("SELECT status FROM runs", "planned");
    assert_sql("SELECT string_agg(strategy || ' ' || plain(qty), ', ' ORDER BY line) FROM leg_allocations",
               "alpha 6, beta 3, gamma 1");
    assert_sql("SELECT string_agg(strategy || ' ' || status, ', ' ORDER BY strategy) FROM run_members",
               "alpha ok, beta ok, gamma late");
    struct run_row r = a_run("run-a", SLOT);
    struct plan_allocation part = {"alpha", QTY(5)};
    struct plan_leg leg = {.leg = 1,
                           .symbol = "SPY",
                           .side = ORDER_BUY,
                           .qty = QTY(5),
                           .decision_price = PRICE(100),
                           .allocations = &part,
                           .allocation_count = 1};
    struct plan plan = {.legs = &leg, .leg_count = 1};
    CALL(ledger_run_plan(ledger, &r, the_members, 3, &plan, on_done, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    assert_string_equal(got.detail, "another plan is stored already");
    // The very same plan again is how one asks after a lost answer.
    struct plan_allocation same[3] = {{"alpha", QTY(6)}, {"beta", QTY(3)}, {"gamma", QTY(1)}};
    leg = (struct plan_leg){.leg = 1,
                            .symbol = "SPY",
                            .side = ORDER_BUY,
                            .qty = QTY(10),
                            .decision_price = PRICE(100),
                            .allocations = same,
                            .allocation_count = 3};
    CALL(ledger_run_plan(ledger, &r, the_members, 3, &plan, on_done, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    assert_sql("SELECT count(*) FROM legs", "1");
    finish();
}

static void a_plan_that_does_not_add_up_is_refused_whole(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    struct run_row r = a_run("run-a", SLOT);
    struct plan_allocation parts[2] = {{"alpha", QTY(5)}, {"beta", QTY(4)}};
    struct plan_leg leg = {.leg = 1,
                           .symbol = "SPY",
                           .side = ORDER_BUY,
                           .qty = QTY(10),
                           .decision_price = PRICE(100),
                           .allocations = parts,
                           .allocation_count = 2};
    struct plan plan = {.legs = &leg, .leg_count = 1};
    CALL(ledger_run_claim(ledger, &r, on_claim, NULL));
    CALL(ledger_run_plan(ledger, &r, the_members, 3, &plan, on_done, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    assert_non_null(strstr(got.detail, "leg 1"));
    parts[0].qty = QTY(14);
    parts[1].qty = QTY(-4); // offsets belong into transfers
    CALL(ledger_run_plan(ledger, &r, the_members, 3, &plan, on_done, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    assert_sql("SELECT count(*), (SELECT status FROM runs) FROM run_members", "0|claimed");
    plan = (struct plan){0}; // nothing to trade is a plan too
    CALL(ledger_run_plan(ledger, &r, the_members, 3, &plan, on_done, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    finish();
}

// --- intents

static void an_intent_is_committed_before_its_receipt(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    plan_leg("run-a", SLOT, ORDER_BUY, 10, 0, 0);
    struct intent i = an_intent("pg1-one", "run-a", 1, 1, 10);
    commit_ok(&i);
    const struct receipt_terms *t = receipt_terms(got.receipt);
    assert_string_equal(t->account_number, ACCOUNT);
    assert_string_equal(t->run_id, "run-a");
    assert_string_equal(t->order.client_order_id, "pg1-one");
    assert_false(t->reduces);
    assert_true(t->committed_boot_ns > 0 && t->committed_boot_ns <= clock_boot_ns());
    char question[400];
    snprintf(question, sizeof question, "SELECT body = '%.*s', reserved FROM intents", (int)t->body_len, t->body);
    assert_sql(question, "t|1000.000000000");
    commit_ok(&i); // the same once more, while nothing was handed over
    struct intent changed = i;
    changed.order.qty = QTY(9);
    CALL(ledger_intent_commit(ledger, &changed, on_intent, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    assert_null(got.receipt);
    assert_non_null(strstr(got.detail, "other content"));
    assert_int_equal(update("pg1-one", NULL, ORDER_SENDING, 0, 0), LEDGER_OK);
    CALL(ledger_intent_commit(ledger, &i, on_intent, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    assert_null(got.receipt);
    assert_non_null(strstr(got.detail, "sending"));
    assert_non_null(strstr(sql("UPDATE intents SET reserved = 0"), "keeps what it holds"));
    finish();
}

static void an_intent_must_fit_its_leg(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    plan_leg("run-a", SLOT, ORDER_BUY, 10, 0, 0);
    struct intent more = an_intent("x1", "run-a", 1, 1, 10.5), other = an_intent("x2", "run-a", 1, 1, 10),
                  sell = an_intent("x3", "run-a", 1, 1, 10), no_leg = an_intent("x4", "run-a", 2, 1, 10),
                  second = an_intent("x5", "run-a", 1, 2, 4), day = an_intent("x6", "run-a", 1, 1, 10),
                  no_run = an_intent("x7", "", 1, 1, 10), zero = an_intent("x8", "", 0, 0, 0);
    str_copy_cut(other.order.symbol, sizeof other.order.symbol, "QQQ");
    sell.order.side = ORDER_SELL;
    day.session = (struct day){2026, 10, 9};
    const struct intent *bad[] = {&more, &other, &sell, &no_leg, &second, &day, &no_run, &zero};
    for (size_t k = 0; k < ARRAY_LEN(bad); k++) {
        CALL(ledger_intent_commit(ledger, bad[k], on_intent, NULL));
        assert_int_equal(got.result, LEDGER_CONFLICT);
        assert_null(got.receipt);
    }
    assert_sql("SELECT count(*) FROM intents", "0");
    struct intent first = an_intent("a1", "run-a", 1, 1, 10);
    commit_ok(&first);
    CALL(ledger_intent_commit(ledger, &second, on_intent, NULL)); // try 1 is open
    assert_int_equal(got.result, LEDGER_CONFLICT);
    assert_int_equal(update("a1", "o1", ORDER_CANCELED, 7, T0), LEDGER_OK);
    CALL(ledger_intent_commit(ledger, &second, on_intent, NULL)); // 4 of the 3 that are left
    assert_int_equal(got.result, LEDGER_CONFLICT);
    second.order.qty = QTY(3);
    commit_ok(&second);
    struct intent outside = an_intent("sdk-1", "", 0, 0, 2); // an order outside of runs
    commit_ok(&outside);
    finish();
}

// --- orders

static void updates_only_go_forward(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    static const struct {
        enum order_status from;
        int64_t from_at;
        enum order_status to;
        int64_t to_at;
        enum ledger_result expected;
    } table[] = {
        {ORDER_INTENT, 0, ORDER_SENDING, 0, LEDGER_OK},
        {ORDER_SENDING, 0, ORDER_UNKNOWN, 0, LEDGER_OK},
        {ORDER_UNKNOWN, 0, ORDER_SENDING, 0, LEDGER_OK},
        {ORDER_SENDING, 0, ORDER_SENDING, 0, LEDGER_OK}, // the same again
        {ORDER_SENDING, 0, ORDER_INTENT, 0, LEDGER_OK},  // refused unseen
        {ORDER_UNKNOWN, 0, ORDER_INTENT, 0, LEDGER_OK},  // proven never to have arrived
        {ORDER_NOT_PLACED, 0, ORDER_INTENT, 0, LEDGER_CONFLICT},
        {ORDER_NEW, T0, ORDER_INTENT, 0, LEDGER_CONFLICT},
        {ORDER_UNKNOWN, 0, ORDER_NOT_PLACED, 0, LEDGER_OK},
        {ORDER_INTENT, 0, ORDER_DENIED, 0, LEDGER_OK},
        {ORDER_INTENT, 0, ORDER_DRY_RUN, 0, LEDGER_OK},
        {ORDER_UNKNOWN, 0, ORDER_FILLED, T0, LEDGER_OK},
        {ORDER_NEW, T0, ORDER_SENDING, 0, LEDGER_CONFLICT},
        {ORDER_NEW, T0, ORDER_UNKNOWN, 0, LEDGER_CONFLICT},
        {ORDER_NEW, T0, ORDER_DENIED, 0, LEDGER_CONFLICT},
        {ORDER_NEW, T0, ORDER_PENDING_NEW, T0 + SECOND, LEDGER_CONFLICT},
        {ORDER_NEW, T0, ORDER_ACCEPTED, T0 + SECOND, LEDGER_OK},
        {ORDER_NEW, T0 + SECOND, ORDER_ACCEPTED, T0, LEDGER_CONFLICT},
        {ORDER_NEW, T0, ORDER_ACCEPTED, 0, LEDGER_CONFLICT}, // no time: nothing says that it is newer
        {ORDER_PARTIALLY_FILLED, T0, ORDER_PENDING_CANCEL, T0 + SECOND, LEDGER_OK},
        {ORDER_PARTIALLY_FILLED, T0 + SECOND, ORDER_CANCELED, T0, LEDGER_OK}, // the rank counts first
        {ORDER_CANCELED, T0, ORDER_PARTIALLY_FILLED, T0 + SECOND, LEDGER_CONFLICT},
        {ORDER_CANCELED, T0, ORDER_NEW, T0 + SECOND, LEDGER_CONFLICT},
        {ORDER_CANCELED, T0, ORDER_FILLED, T0 + SECOND, LEDGER_OK}, // filled while being cancelled
        {ORDER_FILLED, T0, ORDER_CANCELED, T0 + SECOND, LEDGER_CONFLICT},
        {ORDER_FILLED, T0, ORDER_FILLED, T0, LEDGER_OK},
        {ORDER_NOT_PLACED, 0, ORDER_NEW, T0, LEDGER_OK}, // it turned up after all: the broker's word wins
        {ORDER_NOT_PLACED, 0, ORDER_UNKNOWN, 0, LEDGER_CONFLICT},
        {ORDER_REJECTED, T0, ORDER_UNKNOWN, 0, LEDGER_CONFLICT},
    };
    for (size_t k = 0; k < ARRAY_LEN(table); k++) {
        char id[16];
        snprintf(id, sizeof id, "order-%zu", k);
        struct intent i = an_intent(id, "", 0, 0, 1);
        commit_ok(&i);
        if (table[k].from != ORDER_INTENT)
            assert_int_equal(update(id, NULL, table[k].from, 0, table[k].from_at), LEDGER_OK);
        enum ledger_result result = update(id, NULL, table[k].to, 0, table[k].to_at);
        if (result != table[k].expected)
            fail_msg("%s -> %s: %s (%s)", order_status_name(table[k].from), order_status_name(table[k].to),
                     ledger_result_name(result), got.detail);
    }
    assert_sql("SELECT count(*) FROM order_events WHERE status = 'pending_new'",
               "0"); // what is refused leaves no event
    assert_int_equal(update("nobody", NULL, ORDER_NEW, 0, T0), LEDGER_CONFLICT);
    struct intent i = an_intent("ahead", "", 0, 0, 1);
    commit_ok(&i);
    assert_int_equal(update("ahead", NULL, ORDER_UNKNOWN, 0, T0 + 60 * SECOND), LEDGER_OK); // our clock is ahead
    assert_int_equal(update("ahead", NULL, ORDER_NEW, 0, T0), LEDGER_OK);
    assert_int_equal(update("ahead", NULL, ORDER_ACCEPTED, 0, T0 + SECOND), LEDGER_OK);
    finish();
}

static void statuses_are_those_of_the_code(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    struct intent i = an_intent("a", "", 0, 0, 1);
    commit_ok(&i);
    finish();
    for (enum order_status s = 0; s < ORDER_STATUS_COUNT; s++) {
        char question[200], expected[64];
        snprintf(question, sizeof question, "UPDATE orders SET status = '%s' RETURNING open", order_status_name(s));
        assert_sql(question, order_status_terminal(s) ? "f" : "t");
        snprintf(question, sizeof question, "SELECT rank, terminal FROM order_statuses WHERE status = '%s'",
                 order_status_name(s));
        snprintf(expected, sizeof expected, "%d|%s", order_status_rank(s), order_status_terminal(s) ? "t" : "f");
        assert_sql(question, expected);
    }
    char count[16];
    snprintf(count, sizeof count, "%d", (int)ORDER_STATUS_COUNT);
    assert_sql("SELECT count(*) FROM order_statuses", count);
    for (enum run_status s = RUN_CLAIMED; s <= RUN_MISSED; s++) {
        char question[200];
        enum run_status back;
        snprintf(question, sizeof question, "SELECT count(*) FROM run_statuses WHERE status = '%s'",
                 run_status_name(s));
        assert_sql(question, "1");
        assert_true(run_status_parse(run_status_name(s), &back));
        assert_int_equal(back, s);
    }
}

static void broker_ids_and_times_are_kept(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    struct intent i = an_intent("a", "", 0, 0, 10), j = an_intent("b", "", 0, 0, 10);
    commit_ok(&i);
    commit_ok(&j);
    assert_int_equal(update("a", NULL, ORDER_SENDING, 0, 0), LEDGER_OK);
    assert_int_equal(update("a", "o-1", ORDER_PARTIALLY_FILLED, 4, T0), LEDGER_OK);
    assert_int_equal(update("a", "o-1", ORDER_PARTIALLY_FILLED, 6, T0), LEDGER_OK); // same instant, more filled
    assert_int_equal(update("a", "o-2", ORDER_FILLED, 10, T0 + SECOND), LEDGER_CONFLICT);
    assert_int_equal(update("b", "o-1", ORDER_NEW, 0, T0), LEDGER_CONFLICT); // an order is of one intent only
    CALL(ledger_orders_open(ledger, ACCOUNT, on_orders, NULL));
    assert_int_equal(got.count, 2);
    const struct order_row *o = &got.orders[0];
    assert_string_equal(o->intent.order.client_order_id, "a");
    assert_string_equal(o->order_id, "o-1");
    assert_int_equal(o->status, ORDER_PARTIALLY_FILLED);
    assert_int_equal(o->filled_qty.nanos, QTY(6).nanos);
    assert_int_equal(o->filled_avg_price.nanos, PRICE(100).nanos);
    assert_int_equal(o->sent_at, T0 + 5 * SECOND);
    assert_int_equal(o->answered_at, T0 + 5 * SECOND);
    assert_memory_equal(&o->intent, &i, sizeof i);
    finish();
}

static void filled_orders_stay_open_until_their_fills_are_in(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(10000);
    struct intent i = an_intent("a", "", 0, 0, 10);
    commit_ok(&i);
    assert_int_equal(update("a", "o-1", ORDER_FILLED, 10, T0), LEDGER_OK);
    CALL(ledger_orders_open(ledger, ACCOUNT, on_orders, NULL));
    assert_int_equal(got.count, 1);
    struct alpaca_fill f = a_fill("f1", "o-1", ORDER_BUY, 10, 100);
    CALL(ledger_fills_record(ledger, ACCOUNT, &f, 1, T0, on_fills, NULL));
    CALL(ledger_orders_open(ledger, ACCOUNT, on_orders, NULL));
    assert_int_equal(got.count, 0);
    finish();
}

static void the_day_counts_what_may_have_been_sent(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    struct intent a = an_intent("a", "", 0, 0, 10), b = an_intent("b", "", 0, 0, 5.5), c = an_intent("c", "", 0, 0, 3);
    c.session = (struct day){2026, 10, 9};
    commit_ok(&a);
    commit_ok(&b);
    commit_ok(&c);
    CALL(ledger_day_usage(ledger, ACCOUNT, THE_DAY, on_usage, NULL));
    assert_int_equal(got.usage.orders, 2);
    assert_int_equal(got.usage.notional.nanos, MONEY(1550).nanos);
    assert_int_equal(update("a", NULL, ORDER_DENIED, 0, 0), LEDGER_OK);
    CALL(ledger_day_usage(ledger, ACCOUNT, THE_DAY, on_usage, NULL));
    assert_int_equal(got.usage.orders, 1);
    assert_int_equal(got.usage.notional.nanos, MONEY(550).nanos);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(a_slot_is_claimed_once),
        LEDGER_TEST(manual_runs_are_numbered),
        LEDGER_TEST(runs_need_a_known_account),
        LEDGER_TEST(a_run_goes_forward_only),
        LEDGER_TEST(runs_load_slots_and_what_is_unfinished),
        LEDGER_TEST(a_plan_is_stored_once),
        LEDGER_TEST(a_plan_that_does_not_add_up_is_refused_whole),
        LEDGER_TEST(an_intent_is_committed_before_its_receipt),
        LEDGER_TEST(an_intent_must_fit_its_leg),
        LEDGER_TEST(updates_only_go_forward),
        LEDGER_TEST(statuses_are_those_of_the_code),
        LEDGER_TEST(broker_ids_and_times_are_kept),
        LEDGER_TEST(filled_orders_stay_open_until_their_fills_are_in),
        LEDGER_TEST(the_day_counts_what_may_have_been_sent),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
