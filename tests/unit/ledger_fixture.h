// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// For the tests of the ledger: a private Postgres, a fresh database per test, SQL for what only an operator or
// an accident would do, and calls that wait for their completion.
#ifndef PAPERGUARD_TESTS_LEDGER_FIXTURE_H
#define PAPERGUARD_TESTS_LEDGER_FIXTURE_H

#include "daemon/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "lib/base/json_read.h"
#include "lib/base/text.h"
#include "lib/io/clock.h"
#include "lib/io/pg_client.h"

#define TOOL "tests/tools/private-postgres.sh"
#define WAIT_MS 20000
#define ACCOUNT "PA3TESTTEST1"
#define T0 INT64_C(1791473418000000000) // 2026-10-08T15:30:18Z
#define SECOND INT64_C(1000000000)
#define DOLLARS(n) ((int64_t)((n)*1000000.0 + ((n) < 0 ? -0.5 : 0.5)) * 1000)
#define MONEY(n) ((struct money){DOLLARS(n)})
#define PRICE(n) ((struct price){DOLLARS(n)})
#define QTY(n) ((struct qty){DOLLARS(n)})
#define UNUSED __attribute__((unused))

static const struct day THE_DAY = {2026, 10, 8};
static char folder[64], server_dsn[256], dsn[300];
static int database_number;

// What a ledger under test has said.
struct said {
    enum ledger_state state;
    char detail[512];
    bool halt_known, host_seen, first_known;
    enum fact_halt halt;
    char halt_reason[200], first[ACCOUNT_NUMBER_MAX];
    int answered, readies, fenced;
};
static struct said said;
UNUSED static struct said said_other;
static struct loop *loop;
static struct ledger *ledger;

// What the last completion brought.
struct got {
    int done, bad; // bad: completions of on_fills that were not OK
    enum ledger_result result;
    bool taken;
    struct run_row row;
    size_t count;
    struct run_row rows[20];
    struct order_row orders[20];
    struct receipt *receipt;
    struct day_usage usage;
    int64_t at;
    struct book books[8];
    size_t book_count;
    struct money cash;
    bool opened;
    int64_t fill_count, unbooked;
    char detail[512], json[20000];
};
static struct got got;

static inline void tool(const char *verb)
{
    char command[256];
    snprintf(command, sizeof command, "%s %s %s >/dev/null", TOOL, verb, folder);
    assert_int_equal(system(command), 0);
}

static void first_line_of(const PGresult *r, char *line, size_t size)
{
    struct text t;
    text_init(&t, size - 1);
    for (int i = 0; PQntuples(r) > 0 && i < PQnfields(r); i++)
        text_addf(&t, "%s%s", i ? "|" : "", PQgetvalue(r, 0, i));
    str_copy_cut(line, size, PQresultStatus(r) == PGRES_FATAL_ERROR ? PQresultErrorMessage(r) : text_str(&t));
    line[strcspn(line, "\n")] = '\0';
    text_free(&t);
}

// Runs SQL over a connection of its own; the first line of what it tells (columns with | between them, errors
// included).
UNUSED static const char *sql_on(const char *where, const char *text)
{
    static char line[8000];
    PGconn *c = PQconnectdb(where);
    assert_int_equal(PQstatus(c), CONNECTION_OK);
    (void)PQsetErrorVerbosity(c, PQERRORS_TERSE);
    PQclear(PQexec(c, "SET client_min_messages = error"));
    assert_int_equal(PQsendQuery(c, text), 1);
    line[0] = '\0';
    for (PGresult *r; (r = PQgetResult(c)); PQclear(r))
        if (!line[0])
            first_line_of(r, line, sizeof line);
    PQfinish(c);
    return line;
}

// In the database of this test.
UNUSED static const char *sql(const char *text)
{
    return sql_on(dsn, text);
}

UNUSED static void assert_sql(const char *text, const char *expected)
{
    assert_string_equal(sql(text), expected);
}

static void new_database(const char *name, const char *like)
{
    char text[100];
    snprintf(text, sizeof text, "CREATE DATABASE %s TEMPLATE %s STRATEGY file_copy", name, like);
    assert_string_equal(sql_on(server_dsn, text), "");
    snprintf(dsn, sizeof dsn, "host=%s/pg user=paperguard dbname=%s", folder, name);
}

// A database of its own for the test that begins: empty, or set up and marked for staging; what that takes is done
// once.
UNUSED static void use_database(bool marked)
{
    static bool is_made;
    char name[40];
    struct err err = {.text = ""};
    if (marked && !is_made) {
        new_database("marked", "template1");
        if (ledger_init_database(dsn, NULL, "staging", "host-a", "default", T0, &err) != 0)
            fail_msg("init: %s", err.text);
        is_made = true;
    }
    snprintf(name, sizeof name, "t%d", ++database_number);
    new_database(name, marked ? "marked" : "template1");
}

static void on_state(void *arg, enum ledger_state state, const char *detail)
{
    struct said *s = arg;
    s->state = state;
    s->readies += state == LEDGER_READY;
    str_copy_cut(s->detail, sizeof s->detail, detail);
}
static void on_halt(void *arg, bool known, bool host_seen, enum fact_halt state, const char *reason)
{
    struct said *s = arg;
    s->halt_known = known;
    s->host_seen = host_seen;
    s->halt = state;
    str_copy_cut(s->halt_reason, sizeof s->halt_reason, reason);
}
static void on_first_seen(void *arg, bool known, const char *number)
{
    struct said *s = arg;
    s->first_known = known;
    str_copy_cut(s->first, sizeof s->first, number);
}
static void on_fenced(void *arg, const char *detail)
{
    (void)detail;
    ((struct said *)arg)->fenced++;
}
static void on_answered(void *arg)
{
    ((struct said *)arg)->answered++;
}

UNUSED static struct ledger *start_on(const char *host, const char *environment, struct said *s)
{
    *s = (struct said){.state = LEDGER_CONNECTING};
    struct ledger *l = ledger_new(&(struct ledger_params){.loop = loop,
                                                          .dsn = dsn,
                                                          .environment = environment,
                                                          .host = host,
                                                          .instance = "default",
                                                          .statement_timeout_ms = 5000,
                                                          .on_state = on_state,
                                                          .on_halt = on_halt,
                                                          .on_first_seen = on_first_seen,
                                                          .on_fenced = on_fenced,
                                                          .on_answered = on_answered,
                                                          .arg = s});
    ledger_set_leader(l, ACCOUNT, 1);
    return l;
}

// All ledgers of a test are of one life, which leads in epoch 1.
UNUSED static void lead(void)
{
    assert_sql("INSERT INTO leaders VALUES ('" ACCOUNT "', 1, 'host-a', 'test', 0, false, 10000) RETURNING epoch", "1");
}

// Turns the loop until the condition holds.
#define WAIT_FOR(condition)                                                                                            \
    do {                                                                                                               \
        int64_t until = clock_monotonic_ns() + WAIT_MS * NS_PER_MS;                                                    \
        while (!(condition) && clock_monotonic_ns() < until)                                                           \
            loop_step(loop, 50);                                                                                       \
        assert_true(condition);                                                                                        \
    } while (0)

UNUSED static void start_ready(void)
{
    ledger = start_on("host-a", "staging", &said);
    WAIT_FOR(said.state == LEDGER_READY);
    ledger_account_seen(ledger, ACCOUNT, T0);
    WAIT_FOR(said.first[0]);
    lead();
}

UNUSED static void drop_books(void)
{
    for (size_t i = 0; i < got.book_count; i++)
        book_free(&got.books[i]);
    got.book_count = 0;
}

UNUSED static void finish(void)
{
    ledger_free(ledger);
    ledger = NULL;
    receipt_drop(&got.receipt);
    drop_books();
}

static void clear_got(void)
{
    receipt_drop(&got.receipt);
    drop_books();
    memset(&got, 0, sizeof got);
}

// A call with its completion: CALL(ledger_x(ledger, ..., on_x, NULL)) leaves it in got.
#define CALL(call)                                                                                                     \
    do {                                                                                                               \
        clear_got();                                                                                                   \
        call;                                                                                                          \
        assert_int_equal(got.done, 0);                                                                                 \
        WAIT_FOR(got.done == 1);                                                                                       \
    } while (0)

UNUSED static void on_done(void *arg, enum ledger_result result, const char *detail)
{
    (void)arg;
    got.done++;
    got.result = result;
    str_copy_cut(got.detail, sizeof got.detail, detail);
}
UNUSED static void on_claim(void *arg, enum ledger_result result, bool taken, const struct run_row *row)
{
    (void)arg;
    got.done++;
    got.result = result;
    got.taken = taken;
    if (row)
        got.row = *row;
}
UNUSED static void on_runs(void *arg, enum ledger_result result, const struct run_row *rows, size_t count)
{
    (void)arg;
    got.done++;
    got.result = result;
    got.count = count;
    for (size_t i = 0; i < count; i++)
        got.rows[i] = rows[i];
}
UNUSED static void on_intent(void *arg, enum ledger_result result, struct receipt *receipt, const char *detail)
{
    (void)arg;
    got.done++;
    got.result = result;
    got.receipt = receipt;
    str_copy_cut(got.detail, sizeof got.detail, detail);
}
UNUSED static void on_orders(void *arg, enum ledger_result result, const struct order_row *rows, size_t count)
{
    (void)arg;
    got.done++;
    got.result = result;
    got.count = count;
    for (size_t i = 0; i < count; i++)
        got.orders[i] = rows[i];
}
UNUSED static void on_usage(void *arg, enum ledger_result result, struct day_usage usage)
{
    (void)arg;
    got.done++;
    got.result = result;
    got.usage = usage;
}
UNUSED static void on_fills(void *arg, enum ledger_result result, size_t recorded, const char *detail)
{
    (void)arg;
    got.done++;
    got.bad += result != LEDGER_OK;
    got.result = result;
    got.count += recorded;
    str_copy_cut(got.detail, sizeof got.detail, detail);
}
UNUSED static void on_last(void *arg, enum ledger_result result, int64_t at)
{
    (void)arg;
    got.done++;
    got.result = result;
    got.at = at;
}
UNUSED static void on_books(void *arg, enum ledger_result result, const struct ledger_books *books)
{
    (void)arg;
    got.done++;
    got.result = result;
    if (!books)
        return;
    got.cash = books->cash;
    got.opened = books->opened;
    got.fill_count = books->fill_count;
    got.unbooked = books->unbooked;
    for (size_t i = 0; i < books->count; i++) {
        struct book *b = &got.books[got.book_count++];
        book_init(b, books->books[i].name);
        for (size_t k = 0; k < books->books[i].count; k++) {
            const struct holding *h = &books->books[i].items[k];
            assert_true(book_set(b, h->symbol, h->qty, h->cost));
        }
    }
}
UNUSED static void on_json(void *arg, enum ledger_result result, const char *json)
{
    (void)arg;
    got.done++;
    got.result = result;
    str_copy_cut(got.json, sizeof got.json, json ? json : "");
}

// Quantity that a book of the last ledger_books_load holds.
UNUSED static int64_t held(const char *book, const char *symbol)
{
    for (size_t i = 0; i < got.book_count; i++)
        if (strcmp(got.books[i].name, book) == 0)
            return book_qty(&got.books[i], symbol).nanos;
    return 0;
}

UNUSED static struct run_row a_run(const char *id, const char *slot)
{
    struct run_row r = {.session = THE_DAY, .status = RUN_CLAIMED, .scheduled_at = T0, .started_at = T0 + SECOND};
    str_copy_cut(r.id, sizeof r.id, id);
    str_copy_cut(r.account, sizeof r.account, ACCOUNT);
    str_copy_cut(r.slot_key, sizeof r.slot_key, slot);
    str_copy_cut(r.label, sizeof r.label, "15:30");
    str_copy_cut(r.cause, sizeof r.cause, "schedule");
    str_copy_cut(r.strategies, sizeof r.strategies, "alpha beta");
    return r;
}

static const struct run_member_row the_members[] = {
    {.strategy = "alpha",
     .status = "ok",
     .model_name = "m",
     .model_version = "1",
     .targets_json = "[{\"symbol\":\"SPY\"}]"},
    {.strategy = "beta", .status = "ok", .model_name = "m", .model_version = "2", .targets_json = "[]"},
    {.strategy = "gamma", .status = "late", .detail = "no answer within 30 s"},
};

// Claims a run and stores a plan with one leg, split over alpha, beta and gamma as given.
UNUSED static void plan_leg(const char *run, const char *slot, enum order_side side, double a, double b, double c)
{
    struct run_row row = a_run(run, slot);
    double sign = side == ORDER_BUY ? 1 : -1;
    struct plan_allocation parts[3] = {{"alpha", QTY(sign * a)}, {"beta", QTY(sign * b)}, {"gamma", QTY(sign * c)}};
    struct plan_leg leg = {.leg = 1,
                           .symbol = "SPY",
                           .side = side,
                           .qty = QTY(a + b + c),
                           .decision_price = PRICE(100),
                           .allocations = parts,
                           .allocation_count = c > 0   ? 3
                                               : b > 0 ? 2
                                                       : 1};
    struct plan plan = {.legs = &leg, .leg_count = 1};
    CALL(ledger_run_claim(ledger, &row, on_claim, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    CALL(ledger_run_plan(ledger, &row, the_members, 3, &plan, on_done, NULL));
    assert_string_equal(got.detail, "");
    assert_int_equal(got.result, LEDGER_OK);
}

UNUSED static struct intent an_intent(const char *id, const char *run, int leg, int try_no, double qty)
{
    struct intent i = {.leg = leg,
                       .try_no = try_no,
                       .session = THE_DAY,
                       .reserved = MONEY(qty * 100),
                       .decision_price = PRICE(100),
                       .bid = PRICE(99.99),
                       .ask = PRICE(100.01),
                       .created_at = T0 + 2 * SECOND};
    str_copy_cut(i.run_id, sizeof i.run_id, run);
    str_copy_cut(i.account, sizeof i.account, ACCOUNT);
    i.order = (struct order_request){.side = ORDER_BUY, .type = ORDER_MARKET, .tif = TIF_DAY, .qty = QTY(qty)};
    str_copy_cut(i.order.client_order_id, sizeof i.order.client_order_id, id);
    str_copy_cut(i.order.symbol, sizeof i.order.symbol, "SPY");
    return i;
}

UNUSED static void commit_ok(const struct intent *i)
{
    CALL(ledger_intent_commit(ledger, i, on_intent, NULL));
    assert_string_equal(got.detail, "");
    assert_int_equal(got.result, LEDGER_OK);
}

UNUSED static enum ledger_result update(const char *id, const char *order_id, enum order_status status, double filled,
                                        int64_t at)
{
    CALL(ledger_order_update(ledger, id, order_id, status, QTY(filled), PRICE(filled > 0 ? 100 : 0), at,
                             T0 + 5 * SECOND, "test", "", on_done, NULL));
    return got.result;
}

UNUSED static struct alpaca_fill a_fill(const char *id, const char *order_id, enum order_side side, double qty,
                                        double price)
{
    static int64_t at = T0 + 10 * SECOND;
    struct alpaca_fill f = {.side = side, .partial = true, .qty = QTY(qty), .cum_qty = QTY(qty), .price = PRICE(price)};
    f.transaction_time = at += 1000;
    str_copy_cut(f.id, sizeof f.id, id);
    str_copy_cut(f.order_id, sizeof f.order_id, order_id);
    str_copy_cut(f.symbol, sizeof f.symbol, "SPY");
    return f;
}

UNUSED static void open_with(double cash)
{
    CALL(ledger_opening(ledger, ACCOUNT, MONEY(cash), NULL, 0, 0, T0, on_done, NULL));
    assert_int_equal(got.result, LEDGER_OK);
}

UNUSED static void assert_shows(const char *text)
{
    if (!strstr(got.json, text))
        fail_msg("%s not in %s", text, got.json);
}

// One question to the reader, which must answer with JSON.
UNUSED static struct json_doc *query(enum ledger_query q, struct ledger_filter filter)
{
    CALL(ledger_query(ledger, q, &filter, on_json, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    struct err err;
    struct json_doc *doc;
    if (json_doc_parse(got.json, strlen(got.json), &doc, &err) != 0)
        fail_msg("%s: %.300s", err.text, got.json);
    return doc;
}

// The reading session comes up after the writing one. Each question gets its answer, however long that takes, before
// the next is asked.
UNUSED static void reader_is_up(void)
{
    int64_t patience = clock_monotonic_ns() + WAIT_MS * NS_PER_MS;
    do {
        loop_step(loop, 50);
        CALL(ledger_query(ledger, LEDGER_QUERY_RUNS, NULL, on_json, NULL));
    } while (got.result != LEDGER_OK && clock_monotonic_ns() < patience);
    assert_int_equal(got.result, LEDGER_OK);
}

// A test that failed half-way leaves its ledger behind; it must not speak up in the next one.
UNUSED static int tear_down(void **state)
{
    (void)state;
    if (ledger)
        finish();
    return 0;
}
#define LEDGER_TEST(test) cmocka_unit_test_teardown(test, tear_down)

UNUSED static int start_server(void **state)
{
    (void)state;
    struct err err;
    pg_client_global_init();
    if (when_zone_init(&err) != 0)
        return -1;
    str_copy_cut(folder, sizeof folder, "/tmp/pg.XXXXXX");
    assert_non_null(mkdtemp(folder));
    tool("start");
    snprintf(server_dsn, sizeof server_dsn, "host=%s/pg user=paperguard dbname=postgres", folder);
    loop = loop_new();
    return 0;
}

UNUSED static int stop_server(void **state)
{
    (void)state;
    loop_free(loop);
    tool("stop");
    return rmdir(folder);
}

#endif
