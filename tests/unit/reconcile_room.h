// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The room of test_reconcile.c: doubles of broker, ledger and desk that say what the test has them say, reconcile
// between them, and the moves of a test.
#ifndef PAPERGUARD_TESTS_RECONCILE_ROOM_H
#define PAPERGUARD_TESTS_RECONCILE_ROOM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/reconcile.h"
#include "lib/base/json_read.h"
#include "lib/base/text.h"
#include "lib/io/clock.h"

#define USD(n) ((struct money){(n)*DECIMAL_ONE})
#define SHARES(n) ((struct qty){(n)*DECIMAL_ONE})
#define CALLS_MAX 64
#define TURNS_MAX 500
#define DAY_NS (INT64_C(86400) * NS_PER_S)

static struct {
    int64_t now;
    // broker
    struct {
        enum guard_op op;
        char query[256];
        broker_done_fn *done;
        void *arg;
    } calls[CALLS_MAX];
    int head, tail, asked[GUARD_OP_COUNT];
    char *json[GUARD_OP_COUNT], *then[GUARD_OP_COUNT]; // then: from the second answer on
    enum broker_result result[GUARD_OP_COUNT];
    char query[GUARD_OP_COUNT][256];
    char asked_ids[200];
    // ledger
    const char *whose[20]; // orders that nobody knows
    size_t whose_count;
    int64_t watermark, survey_from, lost;
    size_t surveyed;
    enum ledger_result fills_result, activities_result, opening_result, correction_result;
    int assigned; // calls; every other one is lost
    struct qty given;
    int assign_down; // so many calls, after the first one was lost, find the ledger away
    enum ledger_result assign_result;
    int records, openings, corrections, listings, finds, found_again, states;
    enum ledger_result find_result;
    const struct order_row *find_row;
    const char *clock_trouble;
    size_t fills_new, fills_seen, items_seen;
    char item_type[32];
    struct ledger_activities found;
    struct money cash, corrected_cash;
    struct qty held;
    bool opened;
    int64_t opening_watermark;
    char reason[200], operator[64];
    bool standby;
    int64_t proven; // when the account's identity was
    // desk
    size_t open;
    int64_t oldest;
    // quarantine
    struct ledger_quarantined *kept;
    size_t kept_count;
    enum ledger_result keep_result;
    int keeps, adoptions, cancels, adopted;
    bool kept_news, kept_cancel;
    // whole passes
    int64_t reconciled, reconciled_read;
    struct ledger_difference differences[4];
    size_t difference_count, compared;
    char whole_orders[256], whole_fills[256]; // what the last one asked for
    struct order_state kept_state;
    bool followed;
    // told
    int alerts, told_fills, passed;
    char alert[64], first_told[40], why[200];
    bool in_step;
    int accepted;
    bool accept_ok;
    char accept_why[200];
} w;

// --- doubles

int64_t clock_wall_ns(void)
{
    return w.now;
}

int64_t clock_monotonic_ns(void)
{
    return w.now;
}

int64_t clock_boot_ns(void)
{
    return w.now;
}

const struct guard_facts *facts_view(const struct facts *f)
{
    static struct guard_facts facts = {.account_first_known = true, .account_first_seen = "PASIM0000001"};
    (void)f;
    facts.lead = w.standby ? LEAD_STANDBY : LEAD_HELD;
    facts.account_boot_ns = w.proven;
    return &facts;
}

const char *facts_clock_trouble(const struct facts *f)
{
    (void)f;
    return w.clock_trouble;
}

void broker_call(struct broker *b, enum guard_op op, const char *id, const char *query, broker_done_fn *done, void *arg)
{
    (void)b;
    assert_true(w.tail - w.head < CALLS_MAX);
    if (id)
        snprintf(w.asked_ids + strlen(w.asked_ids), sizeof w.asked_ids - strlen(w.asked_ids), "%s ", id);
    w.calls[w.tail % CALLS_MAX].op = op;
    snprintf(w.calls[w.tail % CALLS_MAX].query, 256, "%s", query ? query : "");
    w.calls[w.tail % CALLS_MAX].done = done;
    w.calls[w.tail++ % CALLS_MAX].arg = arg;
}

const char *broker_result_name(enum broker_result r)
{
    return r == BROKER_OK ? "ok" : "not ok";
}

enum ledger_state ledger_state_of(const struct ledger *l)
{
    (void)l;
    return LEDGER_READY;
}

const char *ledger_result_name(enum ledger_result r)
{
    return r == LEDGER_OK ? "ok" : "not ok";
}

void ledger_account_seen(struct ledger *l, const char *account_number, int64_t now_ns)
{
    (void)l, (void)account_number, (void)now_ns;
}

void ledger_orders_open(struct ledger *l, const char *account,
                        void (*done)(void *, enum ledger_result, const struct order_row *, size_t), void *arg)
{
    (void)l, (void)account;
    done(arg, LEDGER_OK, NULL, 0);
}

void ledger_day_usage(struct ledger *l, const char *account, struct day session,
                      void (*done)(void *, enum ledger_result, struct day_usage), void *arg)
{
    (void)l, (void)account, (void)session;
    done(arg, LEDGER_OK, (struct day_usage){0});
}

void ledger_survey_from(struct ledger *l, const char *account, void (*done)(void *, enum ledger_result, int64_t),
                        void *arg)
{
    (void)l, (void)account;
    done(arg, LEDGER_OK, w.survey_from);
}

void ledger_lost_orders(struct ledger *l, const char *account, const struct order_state *orders, size_t count,
                        int64_t now_ns, void (*done)(void *, enum ledger_result, int64_t, const char *), void *arg)
{
    (void)l, (void)account, (void)now_ns;
    w.surveyed += count;
    done(arg, LEDGER_OK, w.lost, w.lost ? orders[0].client_order_id : "");
}

void ledger_last_activity(struct ledger *l, const char *account, void (*done)(void *, enum ledger_result, int64_t),
                          void *arg)
{
    (void)l, (void)account;
    done(arg, LEDGER_OK, w.watermark);
}

void ledger_fills_record(struct ledger *l, const char *account, const struct alpaca_fill *fills, size_t count,
                         int64_t now_ns, void (*done)(void *, enum ledger_result, size_t, const char *), void *arg)
{
    (void)l, (void)account, (void)now_ns;
    assert_true(fills[0].id[0]);
    w.records++;
    w.fills_seen += count;
    size_t recorded = w.fills_new;
    w.fills_new = 0;
    done(arg, w.fills_result, recorded, "whose order is it?");
}

void ledger_fill_quote(struct ledger *l, const char *account, const struct alpaca_quote *quote, int64_t since_ns,
                       int64_t now_ns)
{
    (void)l, (void)account, (void)quote, (void)since_ns, (void)now_ns;
}

void ledger_activities_record(struct ledger *l, const char *account, const struct alpaca_activity *activities,
                              size_t count, const struct alpaca_position *positions, size_t position_count,
                              int64_t now_ns,
                              void (*done)(void *, enum ledger_result, const struct ledger_activities *, const char *),
                              void *arg)
{
    (void)l, (void)account, (void)positions, (void)position_count, (void)now_ns;
    w.items_seen += count;
    if (count)
        snprintf(w.item_type, sizeof w.item_type, "%s", activities[0].type);
    done(arg, w.activities_result, &w.found, "odd");
}

void ledger_books_load(struct ledger *l, const char *account,
                       void (*done)(void *, enum ledger_result, const struct ledger_books *), void *arg)
{
    struct book b;
    (void)l, (void)account;
    book_init(&b, "unassigned");
    struct book both[2];
    book_init(&both[0], "core"); // of the shares, one is a strategy's
    if (w.held.nanos) {
        assert_true(book_set(&b, "SPY", (struct qty){w.held.nanos - DECIMAL_ONE}, USD(0)));
        assert_true(book_set(&both[0], "SPY", SHARES(1), USD(0)));
    }
    both[1] = b;
    const struct ledger_books all = {.books = both, .count = 2, .cash = w.cash, .opened = w.opened, .fill_count = 2};
    done(arg, LEDGER_OK, &all);
    book_free(&both[0]);
    book_free(&both[1]);
}

void ledger_opening(struct ledger *l, const char *account, struct money cash, const struct alpaca_position *positions,
                    size_t count, int64_t watermark_at, int64_t now_ns, ledger_done_fn *done, void *arg)
{
    (void)l, (void)account, (void)now_ns;
    w.openings++;
    w.opening_watermark = watermark_at;
    if (w.opening_result == LEDGER_OK) {
        w.opened = true;
        w.cash = cash;
        w.held = count ? positions[0].qty : (struct qty){0};
    }
    done(arg, w.opening_result, "");
}

void ledger_assign(struct ledger *l, const struct ledger_assignment *said, ledger_done_fn *done, void *arg)
{
    (void)l;
    w.assigned++;
    snprintf(w.reason, sizeof w.reason, "%s", said->reason);
    snprintf(w.operator, sizeof w.operator, "%s", said->operator);
    w.given = said->qty;
    bool down = w.assigned > 1 && w.assign_down > 0;
    w.assign_down -= down;
    done(arg, down ? LEDGER_DOWN : w.assigned % 2 ? LEDGER_LOST : w.assign_result, "not any more");
}

void ledger_correction(struct ledger *l, const char *account, struct money cash,
                       const struct alpaca_position *positions, size_t count, const char *reason, const char *operator,
                       int64_t now_ns, ledger_done_fn *done, void *arg)
{
    (void)l, (void)account, (void)now_ns;
    w.corrections++;
    snprintf(w.reason, sizeof w.reason, "%s", reason);
    snprintf(w.operator, sizeof w.operator, "%s", operator);
    if (w.correction_result == LEDGER_OK) {
        w.cash = cash;
        w.held = count ? positions[0].qty : (struct qty){0};
    }
    done(arg, w.correction_result, "orders are open");
}

void ledger_order_listed(struct ledger *l, const char *account, const struct order_state *state, int64_t now_ns,
                         ledger_done_fn *done, void *arg)
{
    (void)l, (void)account, (void)state, (void)now_ns;
    w.listings++;
    if (done)
        done(arg, LEDGER_OK, "");
}

void ledger_fills_whose(struct ledger *l, const char *account, const struct alpaca_fill *fills, size_t count,
                        void (*done)(void *, enum ledger_result, const char *const *, size_t), void *arg)
{
    (void)l, (void)account, (void)fills;
    assert_true(count > 0);
    done(arg, LEDGER_OK, w.whose, w.whose_count);
}

void ledger_order_find(struct ledger *l, const char *client_order_id,
                       void (*done)(void *, enum ledger_result, const struct order_row *), void *arg)
{
    (void)l, (void)client_order_id;
    w.finds++;
    done(arg, w.find_result, w.find_row);
}

#include "tests/unit/reconcile_kept.h"

void ledger_decision(struct ledger *l, const char *kind, const char *subject, const char *answer, const char *rule,
                     const char *detail, int64_t now_ns)
{
    (void)l, (void)kind, (void)subject, (void)answer, (void)rule, (void)detail, (void)now_ns;
}

void ledger_snapshot_take(struct ledger *l, const struct ledger_snapshot *s, ledger_done_fn *done, void *arg)
{
    (void)l, (void)s;
    done(arg, LEDGER_OK, "");
}

size_t desk_open_count(const struct desk *d)
{
    (void)d;
    return w.open;
}

size_t desk_unknown_count(const struct desk *d)
{
    (void)d;
    return 0;
}

int64_t desk_oldest_open_ns(const struct desk *d)
{
    (void)d;
    return w.oldest;
}

void desk_adopt(struct desk *d, const struct order_row *row)
{
    (void)d, (void)row;
    w.adopted++;
}

void desk_broker_says(struct desk *d, const struct order_state *state, const char *source)
{
    (void)d, (void)state, (void)source;
}

void desk_listed(struct desk *d, int64_t asked_boot_ns)
{
    (void)d, (void)asked_boot_ns;
}

const struct order_row *desk_order(const struct desk *d, const char *client_order_id)
{
    static const struct order_row row;
    (void)d, (void)client_order_id;
    return w.followed ? &row : NULL;
}

void desk_found(struct desk *d, const struct order_row *row, const struct order_state *state, const char *source)
{
    (void)d, (void)source;
    assert_ptr_equal(row, w.find_row);
    assert_string_equal(state->client_order_id, "c-1");
    w.found_again++;
}

// --- the room

static struct loop *loop;
static struct exposure *exposure;
static struct metrics *metrics;
static struct reconcile *reconcile;

static void on_books(void *arg, const struct ledger_books *books)
{
    (void)arg, (void)books;
}

static void on_fills(void *arg, const struct alpaca_fill *fills, size_t count)
{
    (void)arg;
    w.told_fills += (int)count;
    str_copy_cut(w.first_told, sizeof w.first_told, fills[0].id);
}

static void on_calendar(void *arg, const struct session_day *days, size_t count)
{
    (void)arg, (void)days, (void)count;
}

static void on_clock(void *arg, const struct alpaca_clock *clock)
{
    (void)arg, (void)clock;
}

static void on_state(void *arg)
{
    (void)arg;
    w.states++;
}

static void on_alert(void *arg, const char *kind, const char *subject, const char *detail)
{
    (void)arg, (void)subject, (void)detail;
    w.alerts++;
    snprintf(w.alert, sizeof w.alert, "%s", kind);
}

static void says(enum guard_op op, const char *json)
{
    free(w.json[op]);
    w.json[op] = check_strdup(json);
}

#include "tests/unit/reconcile_says.h"

static void answer_one(void)
{
    struct json_doc *doc = NULL;
    struct err err;
    const int i = w.head++ % CALLS_MAX;
    const enum guard_op op = w.calls[i].op;
    memcpy(w.query[op], w.calls[i].query, sizeof w.query[op]);
    if (op == OP_ORDERS && strstr(w.query[op], "status=all"))
        memcpy(w.whole_orders, w.query[op], sizeof w.whole_orders);
    if (op == OP_FILLS && w.whole_orders[0] && !w.whole_fills[0])
        memcpy(w.whole_fills, w.query[op], sizeof w.whole_fills);
    const char *json = w.asked[op]++ && w.then[op] ? w.then[op] : w.json[op];
    struct broker_answer a = {.result = w.result[op], .detail = "", .request_id = "", .sent_boot_ns = w.now};
    if (a.result == BROKER_OK && json) {
        assert_int_equal(json_doc_parse(json, strlen(json), &doc, &err), 0);
        a.json = json_doc_root(doc);
    }
    w.calls[i].done(w.calls[i].arg, &a);
    json_doc_free(doc);
}

static void turn_until(const int *counter, int at_least)
{
    for (int i = 0; i < TURNS_MAX && *counter < at_least; i++) {
        while (w.head < w.tail && *counter < at_least)
            answer_one();
        loop_step(loop, 1);
    }
    assert_true(*counter >= at_least);
}

static void on_pass(void *arg, bool in_step, const char *detail)
{
    (void)arg;
    w.passed++;
    w.in_step = in_step;
    snprintf(w.why, sizeof w.why, "%s", detail);
}

__attribute__((unused)) static bool pass(void)
{
    int before = w.passed;
    w.now += NS_PER_S;
    reconcile_pass(reconcile, on_pass, NULL);
    turn_until(&w.passed, before + 1);
    return w.in_step;
}

__attribute__((unused)) static void on_accepted(void *arg, bool ok, const char *detail)
{
    (void)arg;
    w.accepted++;
    w.accept_ok = ok;
    snprintf(w.accept_why, sizeof w.accept_why, "%s", detail);
}

static int set_up(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    assert_true(when_parse("2026-10-08T16:00:00Z", &w.now));
    w.opened = true;
    w.cash = USD(600);
    w.held = SHARES(4);
    w.watermark = w.now - 7200 * NS_PER_S;
    w.found = (struct ledger_activities){.first_held = "", .differing = "", .newest_at = w.now - DAY_NS};
    account_has("600");
    position_is("SPY", "4");
    says(OP_CLOCK, "{\"timestamp\":\"2026-10-08T16:00:00Z\",\"is_open\":true,\"next_open\":\"2026-10-09T13:30:00Z\","
                   "\"next_close\":\"2026-10-08T20:00:00Z\"}");
    says(OP_CALENDAR, "[{\"date\":\"2026-10-08\",\"open\":\"09:30\",\"close\":\"16:00\"},"
                      "{\"date\":\"2026-10-09\",\"open\":\"09:30\",\"close\":\"16:00\"}]");
    says(OP_ORDERS, "[]");
    says(OP_FILLS, "[]");
    says(OP_ACTIVITIES, "[]");
    says(OP_QUOTES_LATEST, "{\"quotes\":{}}");
    loop = loop_new();
    exposure = exposure_new();
    metrics = metrics_new();
    reconcile = reconcile_new(&(struct reconcile_params){.loop = loop,
                                                         .exposure = exposure,
                                                         .metrics = metrics,
                                                         .poll_interval_ms = 1,
                                                         .compare_interval_ms = 60000,
                                                         .feed = "iex",
                                                         .on_books = on_books,
                                                         .on_fills = on_fills,
                                                         .on_calendar = on_calendar,
                                                         .on_clock = on_clock,
                                                         .on_state = on_state,
                                                         .alert = on_alert});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    reconcile_free(reconcile);
    metrics_free(metrics);
    exposure_free(exposure);
    loop_free(loop);
    for (int i = 0; i < GUARD_OP_COUNT; i++) {
        free(w.json[i]);
        free(w.then[i]);
    }
    return 0;
}

__attribute__((unused)) static void begin(void)
{
    reconcile_start(reconcile);
    pass();
    pass();
    w.alerts = 0;
}

#endif
