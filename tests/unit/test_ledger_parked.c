// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Parked orders: what parks them, what resolves them, and sending one again under its id. Run from the root of the
// tree.
//
// needs: daemon/ledger.o daemon/ledger_values.o daemon/ledger_schema.o daemon/ledger_records.o daemon/ledger_upkeep.o
// needs: daemon/ledger_call.o daemon/ledger_runs.o daemon/ledger_orders.o daemon/ledger_fills.o daemon/ledger_read.o
// needs: daemon/ledger_plan.o daemon/ledger_parked.o
// needs: daemon/ledger_mark.o
#include "ledger_fixture.h"

#define SLOT "2026-10-08T19:30:00Z"
#define PARKED                                                                                                         \
    "SELECT coalesce(string_agg(client_order_id || ' ' || reason, ', ' ORDER BY 1), '') FROM parked_orders WHERE "     \
    "resolved_at IS NULL"

static enum ledger_result say(const char *id, enum order_status status, const char *source, const char *reason)
{
    CALL(ledger_order_update(ledger, id, "", status, QTY(0), PRICE(0), 0, T0 + 5 * SECOND, source, reason, on_done,
                             NULL));
    return got.result;
}

static void end_run(const char *id, enum run_status status)
{
    struct run_row row = a_run(id, SLOT);
    row.status = status;
    row.completed_at = T0 + 900 * SECOND;
    CALL(ledger_run_update(ledger, &row, on_done, NULL));
    assert_string_equal(got.detail, "");
}

static struct order_row found;
static void on_found(void *arg, enum ledger_result result, const struct order_row *row)
{
    (void)arg;
    got.done++;
    got.result = result;
    got.taken = row != NULL;
    if (row)
        found = *row;
}

static enum ledger_result reopen(const char *id, struct day session)
{
    CALL(ledger_order_reopen(ledger, id, session, "it was the firewall", "ann", T0 + 1000 * SECOND, on_done, NULL));
    return got.result;
}

static size_t open_rows;
static struct order_row first_open;
static void on_open(void *arg, enum ledger_result result, const struct order_row *rows, size_t count)
{
    (void)arg;
    got.done++;
    got.result = result;
    open_rows = count;
    if (count)
        first_open = rows[0];
}

static void an_order_outside_a_run_is_parked_while_unknown(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    struct intent i = an_intent("a", "", 0, 0, 1);
    commit_ok(&i);
    assert_int_equal(say("a", ORDER_SENDING, "desk", ""), LEDGER_OK);
    assert_sql(PARKED, "");
    assert_int_equal(say("a", ORDER_UNKNOWN, "desk", "timeout"), LEDGER_OK);
    assert_sql(PARKED, "a unknown: timeout");
    assert_int_equal(update("a", "o-1", ORDER_NEW, 0, T0), LEDGER_OK); // the broker's word ends it
    assert_sql(PARKED, "");
    assert_sql("SELECT outcome, operator FROM parked_orders", "new|test");
    finish();
}

static void what_a_run_leaves_behind_is_parked(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    plan_leg("run-a", SLOT, ORDER_BUY, 6, 4, 0);
    struct intent i = an_intent("a", "run-a", 1, 1, 10);
    commit_ok(&i);
    assert_int_equal(say("a", ORDER_SENDING, "desk", ""), LEDGER_OK);
    assert_int_equal(say("a", ORDER_UNKNOWN, "desk", "timeout"), LEDGER_OK);
    assert_sql(PARKED, ""); // its run still looks after it
    end_run("run-a", RUN_PARTIAL);
    assert_sql(PARKED, "a unknown when its run ended: timeout");
    assert_sql("SELECT utc(parked_at), run_id FROM parked_orders", "2026-10-08T15:45:18Z|run-a");
    // Proven never to have been placed: still an operator's to know of.
    assert_int_equal(say("a", ORDER_NOT_PLACED, "lookup", "never reached the broker"), LEDGER_OK);
    assert_sql(PARKED, "a unknown when its run ended: timeout");
    finish();
}

static void an_operator_resolves_it(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    struct intent i = an_intent("a", "", 0, 0, 1);
    commit_ok(&i);
    assert_int_equal(say("a", ORDER_UNKNOWN, "desk", "timeout"), LEDGER_OK);
    assert_int_equal(say("a", ORDER_NOT_PLACED, "operator", "never arrived, says ann"), LEDGER_OK);
    assert_sql(PARKED, "");
    assert_sql("SELECT outcome, resolution, operator FROM parked_orders",
               "not_placed|never arrived, says ann|operator");
    assert_int_equal(reopen("a", THE_DAY), LEDGER_CONFLICT); // it has its outcome
    assert_non_null(strstr(got.detail, "not parked"));
    finish();
}

static void only_what_was_never_placed_is_sent_again(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    struct intent i = an_intent("a", "", 0, 0, 1);
    commit_ok(&i);
    assert_int_equal(reopen("nobody", THE_DAY), LEDGER_CONFLICT);
    assert_int_equal(reopen("a", THE_DAY), LEDGER_CONFLICT);
    assert_int_equal(say("a", ORDER_UNKNOWN, "desk", "timeout"), LEDGER_OK);
    assert_int_equal(reopen("a", THE_DAY), LEDGER_CONFLICT); // nobody knows: law 4
    assert_non_null(strstr(got.detail, "only one that was never placed"));
    assert_int_equal(say("a", ORDER_NOT_PLACED, "lookup", "never reached the broker"), LEDGER_OK);
    assert_int_equal(reopen("a", day_add(THE_DAY, 1)), LEDGER_CONFLICT);
    assert_non_null(strstr(got.detail, "session 2026-10-08, which is over"));
    CALL(ledger_intent_commit(ledger, &i, on_intent, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    assert_int_equal(reopen("a", THE_DAY), LEDGER_OK);
    assert_sql("SELECT outcome, operator, resolution FROM parked_orders", "retry|ann|it was the firewall");
    CALL(ledger_order_find(ledger, "a", on_found, NULL));
    assert_true(got.taken);
    assert_int_equal(found.status, ORDER_INTENT);
    commit_ok(&found.intent); // as it was read: the same order, a new receipt
    assert_non_null(got.receipt);
    struct intent other = found.intent;
    other.order.qty = QTY(2);
    CALL(ledger_intent_commit(ledger, &other, on_intent, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    // And parked again when that does not help either.
    assert_int_equal(say("a", ORDER_SENDING, "desk", ""), LEDGER_OK);
    assert_int_equal(say("a", ORDER_NOT_PLACED, "lookup", "still not"), LEDGER_OK);
    assert_sql(PARKED, "a not_placed: still not");
    assert_sql("SELECT times FROM parked_orders", "2");
    CALL(ledger_order_find(ledger, "nobody", on_found, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    assert_false(got.taken);
    reader_is_up();
    CALL(ledger_query(ledger, LEDGER_QUERY_ORDERS, &(struct ledger_filter){.status = "parked"}, on_json, NULL));
    assert_non_null(strstr(got.json,
                           "\"parked\" : {\"at\" : \"2026-10-08T15:30:23Z\", \"reason\" : \"not_placed: still not\", "
                           "\"times\" : 2, \"resolved_at\" : null"));
    finish();
}

// --- sent again by an operator, when nothing stands against it

#define REOPENED (T0 + 1000 * SECOND)

static char refused[300];
static void on_retry(void *arg, enum ledger_result result, const struct order_row *row, const char *why)
{
    on_found(arg, result, row);
    str_copy_cut(refused, sizeof refused, why);
}

// "" when it may be sent again; asking and doing tell the same.
static const char *retried(const char *id)
{
    CALL(ledger_order_retry(ledger, id, THE_DAY, REOPENED, on_retry, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    assert_int_equal(reopen(id, THE_DAY), refused[0] ? LEDGER_CONFLICT : LEDGER_OK);
    assert_string_equal(got.detail, refused);
    return refused;
}

static void end_planned(const char *id, const char *slot, int64_t planned_at, int64_t deadline_at)
{
    struct run_row row = a_run(id, slot);
    row.status = RUN_PARTIAL;
    row.planned_at = planned_at;
    row.deadline_at = deadline_at;
    row.completed_at = T0 + 900 * SECOND;
    CALL(ledger_run_update(ledger, &row, on_done, NULL));
    assert_string_equal(got.detail, "");
}

static void never_placed(void)
{
    use_database(true);
    start_ready();
    plan_leg("run-a", SLOT, ORDER_BUY, 6, 4, 0);
    struct intent i = an_intent("a", "run-a", 1, 1, 10);
    commit_ok(&i);
    assert_int_equal(say("a", ORDER_UNKNOWN, "desk", "timeout"), LEDGER_OK);
    assert_int_equal(say("a", ORDER_NOT_PLACED, "lookup", "never reached the broker"), LEDGER_OK);
}

static void it_may_be_sent_again_before_its_runs_deadline(void **state)
{
    (void)state;
    never_placed();
    assert_non_null(strstr(retried("a"), "its run run-a is under way"));
    end_planned("run-a", SLOT, T0 + SECOND, T0 + 1200 * SECOND);
    CALL(ledger_order_retry(ledger, "a", THE_DAY, REOPENED, on_retry, NULL));
    assert_string_equal(refused, "");
    assert_true(found.intent.send_until == T0 + 1200 * SECOND);
    CALL(ledger_order_retry(ledger, "nobody", THE_DAY, REOPENED, on_retry, NULL));
    assert_false(got.taken);
    assert_string_equal(retried("a"), "");
    assert_int_equal(reopen("a", THE_DAY), LEDGER_OK); // the answer was lost: the same call
    assert_sql("SELECT count(*) FROM order_events WHERE status = 'intent' AND source = 'operator'", "1");
    CALL(ledger_order_reopen(ledger, "a", THE_DAY, "again", "bob", REOPENED + SECOND, on_done, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT); // another one
    // Its deadline goes with it over a restart, whatever becomes of it.
    assert_int_equal(say("a", ORDER_SENDING, "desk", ""), LEDGER_OK);
    assert_int_equal(say("a", ORDER_UNKNOWN, "desk", "timeout"), LEDGER_OK);
    CALL(ledger_orders_open(ledger, ACCOUNT, on_open, NULL));
    assert_int_equal(open_rows, 1);
    assert_true(first_open.intent.send_until == T0 + 1200 * SECOND);
    finish();
}

static void not_at_its_runs_deadline(void **state)
{
    (void)state;
    never_placed();
    end_planned("run-a", SLOT, T0 + SECOND, REOPENED);
    assert_non_null(strstr(retried("a"), "the deadline of its run was 2026-10-08T15:46:58Z"));
    assert_sql("SELECT status FROM orders", "not_placed");
    finish();
}

static void not_when_a_run_is_under_way(void **state)
{
    (void)state;
    never_placed();
    end_planned("run-a", SLOT, T0 + SECOND, 0);
    struct run_row row = a_run("run-b", "2026-10-08T19:45:00Z");
    CALL(ledger_run_claim(ledger, &row, on_claim, NULL));
    assert_non_null(strstr(retried("a"), "run run-b is under way"));
    row.status = RUN_FAILED;
    row.completed_at = T0 + 950 * SECOND;
    CALL(ledger_run_update(ledger, &row, on_done, NULL));
    assert_string_equal(retried("a"), ""); // it has planned nothing
    finish();
}

static void not_when_a_run_has_planned_since(void **state)
{
    (void)state;
    never_placed();
    end_planned("run-a", SLOT, T0 + SECOND, 0);
    plan_leg("run-b", "2026-10-08T19:45:00Z", ORDER_BUY, 6, 4, 0);
    end_planned("run-b", "2026-10-08T19:45:00Z", T0 + 910 * SECOND, 0);
    assert_non_null(strstr(retried("a"), "run run-b has planned since"));
    finish();
}

static void what_belongs_to_no_strategy_waits_for_no_run(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    struct intent mine = an_intent("a", "", 0, 0, 1), theirs = an_intent("b", "", 0, 0, 1);
    str_copy_cut(theirs.strategy, sizeof theirs.strategy, "alpha");
    commit_ok(&mine);
    commit_ok(&theirs);
    assert_int_equal(say("a", ORDER_NOT_PLACED, "desk", "no route"), LEDGER_OK);
    assert_int_equal(say("b", ORDER_NOT_PLACED, "desk", "no route"), LEDGER_OK);
    plan_leg("run-b", SLOT, ORDER_BUY, 6, 4, 0);
    assert_non_null(strstr(retried("b"), "run run-b is under way"));
    assert_string_equal(retried("a"), "");
    finish();
}

static void only_the_last_try_of_a_leg(void **state)
{
    (void)state;
    never_placed();
    struct intent second = an_intent("a2", "run-a", 1, 2, 10);
    commit_ok(&second);
    assert_int_equal(say("a2", ORDER_NOT_PLACED, "desk", "no route"), LEDGER_OK);
    end_planned("run-a", SLOT, T0 + SECOND, 0);
    assert_string_equal(retried("a"), "a later try of its leg exists");
    assert_string_equal(retried("a2"), "");
    finish();
}

// --- given up, and at the broker after all

// Two orders of alpha's and beta's: the first left and was given up.
static void given_up(enum order_status last)
{
    use_database(true);
    start_ready();
    open_with(100000);
    plan_leg("run-a", SLOT, ORDER_BUY, 6, 4, 0);
    struct intent i = an_intent("a", "run-a", 1, 1, 10);
    commit_ok(&i);
    assert_int_equal(say("a", ORDER_SENDING, "desk", ""), LEDGER_OK);
    assert_int_equal(say("a", ORDER_UNKNOWN, "desk", "timeout"), LEDGER_OK);
    assert_int_equal(say("a", last, "lookup", "never reached the broker"), LEDGER_OK);
}

static void record(const char *id, const char *order_id)
{
    struct alpaca_fill f = a_fill(id, order_id, ORDER_BUY, 10, 100);
    CALL(ledger_fills_record(ledger, ACCOUNT, &f, 1, T0 + 60 * SECOND, on_fills, NULL));
}

static void listed(const char *id, const char *order_id)
{
    struct order_state s = {.status = ORDER_FILLED, .filled_qty = QTY(10), .updated_at = T0 + 20 * SECOND};
    str_copy_cut(s.client_order_id, sizeof s.client_order_id, id);
    str_copy_cut(s.id, sizeof s.id, order_id);
    CALL(ledger_order_listed(ledger, ACCOUNT, &s, T0 + 70 * SECOND, on_done, NULL));
    assert_int_equal(got.result, LEDGER_OK);
}

static void a_given_up_order_is_whatever_the_broker_says(void **state)
{
    (void)state;
    given_up(ORDER_NOT_PLACED);
    assert_int_equal(update("a", "o-1", ORDER_NEW, 0, T0), LEDGER_OK); // below not_placed in rank
    assert_sql("SELECT status, order_id, open FROM orders", "new|o-1|t");
    assert_int_equal(say("a", ORDER_NOT_PLACED, "operator", "late word"), LEDGER_CONFLICT);
    finish();
}

static void its_fill_waits_for_it_and_finds_its_books(void **state)
{
    (void)state;
    given_up(ORDER_NOT_PLACED);
    record("f-1", "o-1");
    assert_int_equal(got.result, LEDGER_CONFLICT);
    assert_non_null(strstr(got.detail, "may belong to a"));
    listed("a", "o-1"); // the daemon that followed it is gone
    record("f-1", "o-1");
    assert_int_equal(got.result, LEDGER_OK);
    CALL(ledger_books_load(ledger, ACCOUNT, on_books, NULL));
    assert_int_equal(held("alpha", "SPY"), QTY(6).nanos);
    assert_int_equal(held("beta", "SPY"), QTY(4).nanos);
    assert_int_equal(held("unassigned", "SPY"), 0);
    finish();
}

static void a_fill_of_anothers_order_waits_only_until_that_is_seen(void **state)
{
    (void)state;
    given_up(ORDER_NOT_PLACED);
    record("f-1", "by-hand");
    assert_int_equal(got.result, LEDGER_CONFLICT);
    listed("not one of ours", "by-hand");
    listed("not one of ours", "by-hand");
    record("f-1", "by-hand");
    assert_int_equal(got.result, LEDGER_OK);
    CALL(ledger_books_load(ledger, ACCOUNT, on_books, NULL));
    assert_int_equal(held("unassigned", "SPY"), QTY(10).nanos);
    finish();
}

static char whose[200];
static void on_whose(void *arg, enum ledger_result result, const char *const *order_ids, size_t count)
{
    (void)arg;
    got.done++;
    got.result = result;
    whose[0] = '\0';
    for (size_t i = 0; i < count; i++)
        snprintf(whose + strlen(whose), sizeof whose - strlen(whose), "%s ", order_ids[i]);
}

static void whose_an_order_is_is_asked_until_it_is_known(void **state)
{
    (void)state;
    given_up(ORDER_NOT_PLACED);
    struct alpaca_fill fills[] = {
        a_fill("f-1", "o-2", ORDER_BUY, 1, 100),
        a_fill("f-2", "o-1", ORDER_BUY, 1, 100),
        a_fill("f-3", "O-3", ORDER_BUY, 1, 100),
        a_fill("f-4", "o-2", ORDER_BUY, 1, 100),
    };
    CALL(ledger_fills_whose(ledger, ACCOUNT, fills, ARRAY_LEN(fills), on_whose, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    assert_string_equal(whose, "O-3 o-1 o-2 ");
    listed("a", "o-1");
    listed("not one of ours", "o-2");
    CALL(ledger_fills_whose(ledger, ACCOUNT, fills, ARRAY_LEN(fills), on_whose, NULL));
    assert_string_equal(whose, "O-3 ");
    CALL(ledger_fills_whose(ledger, ACCOUNT, fills, 0, on_whose, NULL));
    assert_string_equal(whose, "");
    finish();
}

static void what_never_left_is_in_no_doubt(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(100000);
    struct intent i = an_intent("a", "", 0, 0, 10);
    commit_ok(&i);
    assert_int_equal(say("a", ORDER_NOT_PLACED, "desk", "cancelled before it was sent"), LEDGER_OK);
    record("f-1", "by-hand");
    assert_int_equal(got.result, LEDGER_OK);
    finish();
}

static enum ledger_result recorded(struct alpaca_fill f)
{
    CALL(ledger_fills_record(ledger, ACCOUNT, &f, 1, T0 + 60 * SECOND, on_fills, NULL));
    return got.result;
}

static void only_a_fill_that_could_be_its_own_waits(void **state)
{
    (void)state;
    given_up(ORDER_NOT_PLACED);
    struct alpaca_fill f = a_fill("f-1", "by-hand", ORDER_BUY, 10, 100);
    str_copy_cut(f.symbol, sizeof f.symbol, "QQQ");
    assert_int_equal(recorded(f), LEDGER_OK);
    assert_int_equal(recorded(a_fill("f-2", "by-hand", ORDER_SELL, 10, 100)), LEDGER_OK);
    f = a_fill("f-3", "by-hand", ORDER_BUY, 10, 100);
    f.transaction_time += 86400 * SECOND; // it was for the day
    assert_int_equal(recorded(f), LEDGER_OK);
    assert_int_equal(recorded(a_fill("f-4", "by-hand", ORDER_BUY, 10, 100)), LEDGER_CONFLICT);
    f = a_fill("f-5", "by-hand", ORDER_BUY, 10, 100);
    f.transaction_time -= 86400 * SECOND; // around the clock its session began in the evening before
    assert_int_equal(recorded(f), LEDGER_CONFLICT);
    finish();
}

static void a_good_till_cancelled_order_may_fill_later(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(100000);
    struct intent i = an_intent("a", "", 0, 0, 10);
    i.order.tif = TIF_GTC;
    commit_ok(&i);
    assert_int_equal(say("a", ORDER_SENDING, "desk", ""), LEDGER_OK);
    assert_int_equal(say("a", ORDER_UNKNOWN, "desk", "timeout"), LEDGER_OK);
    assert_int_equal(say("a", ORDER_NOT_PLACED, "lookup", "never reached the broker"), LEDGER_OK);
    struct alpaca_fill f = a_fill("f-1", "by-hand", ORDER_BUY, 10, 100);
    f.transaction_time += 3 * 86400 * SECOND;
    assert_int_equal(recorded(f), LEDGER_CONFLICT);
    finish();
}

// Two accounts in one database: an id is one's own within its account.
static void what_another_account_lists_is_not_ours(void **state)
{
    (void)state;
    given_up(ORDER_NOT_PLACED);
    assert_sql("INSERT INTO accounts VALUES ('PASIM0000002', '2026-10-08Z', 'host-b', 'other')", "");
    struct order_state s = {.status = ORDER_FILLED, .filled_qty = QTY(10), .updated_at = T0 + 20 * SECOND};
    strcpy(s.client_order_id, "a");
    strcpy(s.id, "o-9");
    CALL(ledger_order_listed(ledger, "PASIM0000002", &s, T0 + 70 * SECOND, on_done, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    assert_sql("SELECT status FROM orders", "not_placed");
    assert_int_equal(recorded(a_fill("f-1", "o-9", ORDER_BUY, 10, 100)), LEDGER_CONFLICT); // nor is their fill's order
    CALL(ledger_opening(ledger, "PASIM0000002", MONEY(1000), NULL, 0, 0, T0, on_done, NULL));
    struct alpaca_fill theirs = a_fill("f-2", "by-hand", ORDER_BUY, 1, 100); // and waits for none of our orders
    CALL(ledger_fills_record(ledger, "PASIM0000002", &theirs, 1, T0 + 80 * SECOND, on_fills, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(an_order_outside_a_run_is_parked_while_unknown),
        LEDGER_TEST(what_a_run_leaves_behind_is_parked),
        LEDGER_TEST(an_operator_resolves_it),
        LEDGER_TEST(only_what_was_never_placed_is_sent_again),
        LEDGER_TEST(it_may_be_sent_again_before_its_runs_deadline),
        LEDGER_TEST(not_at_its_runs_deadline),
        LEDGER_TEST(not_when_a_run_is_under_way),
        LEDGER_TEST(not_when_a_run_has_planned_since),
        LEDGER_TEST(only_the_last_try_of_a_leg),
        LEDGER_TEST(what_belongs_to_no_strategy_waits_for_no_run),
        LEDGER_TEST(a_given_up_order_is_whatever_the_broker_says),
        LEDGER_TEST(its_fill_waits_for_it_and_finds_its_books),
        LEDGER_TEST(a_fill_of_anothers_order_waits_only_until_that_is_seen),
        LEDGER_TEST(whose_an_order_is_is_asked_until_it_is_known),
        LEDGER_TEST(what_never_left_is_in_no_doubt),
        LEDGER_TEST(only_a_fill_that_could_be_its_own_waits),
        LEDGER_TEST(a_good_till_cancelled_order_may_fill_later),
        LEDGER_TEST(what_another_account_lists_is_not_ours),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
