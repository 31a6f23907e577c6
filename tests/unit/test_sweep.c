// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/sweep.o daemon/metrics.o
// A halt leaves no order open: the desk cancels, the broker's list has the last word, and what it took is recorded.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/broker.h"
#include "daemon/ledger.h"
#include "daemon/sweep.h"

#define S NS_PER_S
#define OURS "pg1-00000000000000000000000000000001"

static struct {
    struct sweep *sweep;
    struct metrics *metrics;
    struct sweep_moment m;
    struct halt_orders told;
    int64_t within_ms;
    // desk
    size_t open;
    int looks;
    bool kept_reducing;
    struct order_row row; // known when it has an id
    // broker
    int lists, cancels;
    char cancelled[64], query[160];
    broker_done_fn *list_done;
    void *list_arg;
    int decisions, alerts;
    char decided[300], alerted[300];
} w;

void halt_set_orders(struct halt *h, const struct halt_orders *orders)
{
    (void)h;
    w.told = *orders;
}

size_t desk_cancel_open(struct desk *d, const char *strategy, bool keep_reducing)
{
    (void)d;
    assert_null(strategy);
    w.looks++;
    w.kept_reducing = keep_reducing;
    return w.open;
}

const struct order_row *desk_order(const struct desk *d, const char *id)
{
    (void)d;
    return strcmp(w.row.intent.order.client_order_id, id) == 0 ? &w.row : NULL;
}

void broker_call(struct broker *b, enum guard_op op, const char *id, const char *query, broker_done_fn *done, void *arg)
{
    (void)b;
    if (op == OP_CANCEL) {
        w.cancels++;
        snprintf(w.cancelled, sizeof w.cancelled, "%s", id);
        return;
    }
    assert_int_equal(op, OP_ORDERS);
    assert_non_null(strstr(query, "status=open"));
    w.lists++;
    snprintf(w.query, sizeof w.query, "%s", query);
    w.list_done = done;
    w.list_arg = arg;
}

void ledger_decision(struct ledger *l, const char *kind, const char *subject, const char *answer, const char *rule,
                     const char *detail, int64_t now_ns)
{
    (void)l, (void)now_ns;
    w.decisions++;
    snprintf(w.decided, sizeof w.decided, "%s %s %s %s %s", kind, subject, answer, rule, detail);
}

static void on_alert(void *arg, const char *kind, const char *subject, const char *detail)
{
    (void)arg, (void)subject;
    w.alerts++;
    snprintf(w.alerted, sizeof w.alerted, "%s %s", kind, detail);
}

static void look(void)
{
    sweep_look(w.sweep, &w.m);
}

static void after(int64_t ns)
{
    w.m.boot_ns += ns;
    w.m.wall_ns += ns;
    look();
}

// One order of the broker's list, or none ("").
static void lists(const char *client_order_id)
{
    char json[500] = "[]";
    struct json_doc *doc;
    if (client_order_id[0])
        snprintf(json, sizeof json,
                 "[{\"id\":\"b-1\",\"client_order_id\":\"%s\",\"symbol\":\"SPY\",\"side\":\"buy\",\"type\":\"market\","
                 "\"time_in_force\":\"day\",\"qty\":\"1\",\"filled_qty\":\"0\",\"status\":\"new\","
                 "\"created_at\":\"2026-10-08T15:00:00Z\",\"updated_at\":\"2026-10-08T15:00:00Z\","
                 "\"submitted_at\":\"2026-10-08T15:00:00Z\"}]",
                 client_order_id);
    assert_int_equal(json_doc_parse(json, strlen(json), &doc, NULL), 0);
    assert_non_null(w.list_done);
    broker_done_fn *done = w.list_done;
    w.list_done = NULL;
    done(w.list_arg, &(struct broker_answer){.result = BROKER_OK, .status = 200, .json = json_doc_root(doc)});
    json_doc_free(doc);
}

static void fails(void)
{
    broker_done_fn *done = w.list_done;
    w.list_done = NULL;
    done(w.list_arg, &(struct broker_answer){.result = BROKER_UNKNOWN, .detail = "lost"});
}

// With JSON that has no orders in it.
static void refuses(void)
{
    struct json_doc *doc;
    broker_done_fn *done = w.list_done;
    w.list_done = NULL;
    assert_int_equal(json_doc_parse("{}", 2, &doc, NULL), 0);
    done(w.list_arg, &(struct broker_answer){.result = BROKER_REJECTED, .status = 422, .json = json_doc_root(doc)});
    json_doc_free(doc);
}

static int set_up(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    w.within_ms = 10000;
    w.metrics = metrics_new();
    w.m = (struct sweep_moment){.account = "PASIM1",
                                .halt = HALT_RUNNING,
                                .lead = LEAD_HELD,
                                .adopted = true,
                                .boot_ns = 1000 * S,
                                .wall_ns = 1700000000 * S};
    w.sweep = sweep_new(&(struct sweep_params){.metrics = w.metrics, .within_ms = &w.within_ms, .alert = on_alert});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sweep_free(w.sweep);
    metrics_free(w.metrics);
    return 0;
}

static void halted(enum fact_halt level)
{
    look();
    assert_int_equal(w.looks, 0); // nothing is cancelled while it runs
    w.m.halt = level;
    w.m.since_ns = w.m.wall_ns;
}

static void all_is_cancelled_and_the_broker_says_when_it_is_over(void **state)
{
    (void)state;
    halted(HALT_HALTED);
    w.open = 2;
    look();
    assert_int_equal(w.told.state, HALT_ORDERS_CANCELLING);
    assert_int_equal(w.told.open, 2);
    assert_false(w.kept_reducing);
    lists(OURS);
    w.open = 0;
    after(S / 2); // what the desk followed has ended: the list is read anew at once
    assert_int_equal(w.lists, 2);
    assert_int_equal(w.told.state, HALT_ORDERS_CANCELLING); // the desk's word is not enough
    lists("");
    assert_int_equal(w.told.state, HALT_ORDERS_CLEARED);
    assert_int_equal(w.told.cancelled, 2);
    assert_true(w.told.took_ns == S / 2);
    assert_int_equal(w.decisions, 1);
    assert_string_equal(w.decided, "halt PASIM1 cleared open_orders halted: 2 open orders cancelled; the broker has "
                                   "none of ours 0.500 s after it");
    after(S);
    assert_int_equal(w.lists, 2); // over
    w.m.halt = HALT_RUNNING;
    after(S);
    assert_int_equal(w.told.state, HALT_ORDERS_NONE);
    int looks = w.looks;
    after(S);
    assert_int_equal(w.looks, looks);
    assert_int_equal(w.cancels, 0);
    assert_int_equal(w.alerts, 0);
}

static void what_the_broker_still_has_is_cancelled_by_its_id(void **state)
{
    (void)state;
    halted(HALT_HALTED);
    look();
    lists(OURS); // nobody follows it here
    assert_int_equal(w.cancels, 0);
    after(S);
    lists(OURS); // a cancel may be on its way
    assert_int_equal(w.cancels, 0);
    for (int i = 0; i < 5; i++) {
        after(S);
        lists(OURS);
    }
    assert_int_equal(w.cancels, 1);
    assert_string_equal(w.cancelled, "b-1");
    for (int i = 0; i < 5; i++) { // lost: again
        after(S);
        lists(OURS);
    }
    assert_int_equal(w.cancels, 2);
    assert_int_equal(w.told.open, 1);
    assert_int_equal(w.decisions, 0);
    after(S);
    lists("");
    assert_int_equal(w.told.state, HALT_ORDERS_CLEARED);
    assert_int_equal(w.told.cancelled, 1);
}

static void an_unreadable_list_is_no_empty_one(void **state)
{
    (void)state;
    halted(HALT_HALTED);
    look();
    fails();
    assert_int_equal(w.told.state, HALT_ORDERS_CANCELLING);
    after(S / 2);
    assert_int_equal(w.lists, 1);
    after(S / 2);
    assert_int_equal(w.lists, 2);
    struct json_doc *doc;
    assert_int_equal(json_doc_parse("[{}]", 4, &doc, NULL), 0);
    w.list_done(w.list_arg, &(struct broker_answer){.result = BROKER_OK, .status = 200, .json = json_doc_root(doc)});
    json_doc_free(doc);
    assert_int_equal(w.told.state, HALT_ORDERS_CANCELLING);
    after(S);
    lists("");
    assert_int_equal(w.told.state, HALT_ORDERS_CLEARED);
}

// Orders `from` to `from + count`, each submitted step_s after the one before, with ids of another hand but for the
// last.
static void page(int from, int count, int step_s, const char *last)
{
    static char json[500 * 400];
    struct json_doc *doc;
    size_t n = 0;
    for (int i = from; i < from + count; i++) {
        char id[64], at[32];
        int s = i * step_s;
        snprintf(id, sizeof id, last[0] && i == from + count - 1 ? "%s" : "theirs-%s", last[0] ? last : "x");
        snprintf(at, sizeof at, "2026-10-08T15:%02d:%02dZ", s / 60, s % 60);
        n += (size_t)snprintf(
            json + n, sizeof json - n,
            "%s{\"id\":\"b-%d\",\"client_order_id\":\"%s\",\"symbol\":\"SPY\",\"side\":\"buy\","
            "\"type\":\"market\",\"time_in_force\":\"day\",\"qty\":\"1\",\"filled_qty\":\"0\","
            "\"status\":\"new\",\"created_at\":\"%s\",\"updated_at\":\"%s\",\"submitted_at\":\"%s\"}%s",
            i == from ? "[" : ",", i, id, at, at, at, i < from + count - 1 ? "" : "]");
    }
    assert_int_equal(json_doc_parse(json, n, &doc, NULL), 0);
    assert_non_null(w.list_done);
    broker_done_fn *done = w.list_done;
    w.list_done = NULL;
    done(w.list_arg, &(struct broker_answer){.result = BROKER_OK, .status = 200, .json = json_doc_root(doc)});
    json_doc_free(doc);
}

static void a_full_page_is_not_the_whole_list(void **state)
{
    (void)state;
    halted(HALT_HALTED);
    look();
    assert_null(strstr(w.query, "after"));
    page(0, 500, 1, "");
    assert_int_equal(w.told.not_ours, 500);
    assert_int_equal(w.told.state, HALT_ORDERS_CANCELLING);
    assert_int_equal(w.lists, 2); // at once
    assert_non_null(strstr(w.query, "status=open&direction=asc&limit=500&after=2026-10-08T15:08:18.999Z"));
    after(S);
    assert_int_equal(w.lists, 2); // one at a time
    page(499, 3, 1, OURS);
    assert_int_equal(w.told.not_ours, 501); // one was on both pages
    assert_int_equal(w.told.open, 1);
    assert_int_equal(w.told.state, HALT_ORDERS_CANCELLING);
    assert_int_equal(w.cancels, 0); // it may be on its way
    after(6 * S);
    page(0, 500, 1, "");
    assert_int_equal(w.told.open, 1); // not known to be gone before the last page
    page(499, 3, 1, OURS);
    assert_int_equal(w.cancels, 1);
    assert_string_equal(w.cancelled, "b-501");
    after(S);
    page(0, 500, 1, "");
    refuses();
    assert_int_equal(w.told.state, HALT_ORDERS_CANCELLING);
    after(S);
    page(0, 500, 1, "");
    lists("");
    assert_int_equal(w.told.state, HALT_ORDERS_CLEARED);
    assert_int_equal(w.told.not_ours, 500);
    assert_int_equal(w.decisions, 1);
}

static void a_page_that_does_not_lead_on_is_not_the_whole_list(void **state)
{
    (void)state;
    halted(HALT_HALTED);
    look();
    page(0, 500, 0, "");
    assert_int_equal(w.lists, 2);
    page(0, 500, 0, ""); // all of one moment
    assert_int_equal(w.lists, 2);
    assert_int_equal(w.told.state, HALT_ORDERS_CANCELLING);
    after(S);
    assert_int_equal(w.lists, 3); // and from the beginning again
    assert_null(strstr(w.query, "after"));
}

static void pages_of_before_a_stricter_halt_count_nothing(void **state)
{
    (void)state;
    halted(HALT_REDUCE_ONLY);
    look();
    page(0, 500, 1, "");
    w.m.halt = HALT_HALTED;
    after(S);
    lists("");
    assert_int_equal(w.told.state, HALT_ORDERS_CANCELLING);
    after(S);
    assert_null(strstr(w.query, "after"));
}

static void what_the_desk_follows_meanwhile_counts(void **state)
{
    (void)state;
    halted(HALT_HALTED);
    look();
    w.open = 1; // since the list was asked for
    lists("");
    assert_int_equal(w.told.state, HALT_ORDERS_CANCELLING);
    assert_int_equal(w.told.open, 1);
}

static void an_answer_from_before_the_halt_counts_nothing(void **state)
{
    (void)state;
    halted(HALT_REDUCE_ONLY);
    look();
    w.m.halt = HALT_HALTED;
    after(S / 4);
    lists(""); // it was asked for under the other one, which let orders leave
    assert_int_equal(w.told.state, HALT_ORDERS_CANCELLING);
    after(S);
    lists("");
    assert_int_equal(w.told.state, HALT_ORDERS_CLEARED);
    assert_int_equal(w.decisions, 1);
}

static void reduce_only_lets_what_reduces_stay(void **state)
{
    (void)state;
    halted(HALT_REDUCE_ONLY);
    snprintf(w.row.intent.order.client_order_id, sizeof w.row.intent.order.client_order_id, "%s", OURS);
    w.row.intent.reduces = true;
    look();
    assert_true(w.kept_reducing);
    lists(OURS);
    assert_int_equal(w.told.state, HALT_ORDERS_CLEARED);
    w.m.halt = HALT_HALTED; // which lets nothing stay
    after(S);
    lists(OURS);
    assert_false(w.kept_reducing);
    assert_int_equal(w.told.state, HALT_ORDERS_CANCELLING);
    assert_int_equal(w.told.open, 1);
}

static void reduce_only_lets_nothing_else_stay(void **state)
{
    (void)state;
    halted(HALT_REDUCE_ONLY);
    look();
    lists(OURS); // whether it reduces nobody knows
    assert_int_equal(w.told.open, 1);
    assert_int_equal(w.told.state, HALT_ORDERS_CANCELLING);
}

static void what_another_hand_placed_is_told_and_left(void **state)
{
    (void)state;
    halted(HALT_HALTED);
    look();
    lists("somebody");
    assert_int_equal(w.told.state, HALT_ORDERS_CLEARED);
    assert_int_equal(w.told.not_ours, 1);
    assert_int_equal(w.cancels, 0);
}

static void it_is_not_over_before_the_ledgers_open_orders_are_known(void **state)
{
    (void)state;
    w.m.adopted = false;
    halted(HALT_HALTED);
    look();
    lists("");
    assert_int_equal(w.told.state, HALT_ORDERS_CANCELLING);
    w.m.adopted = true;
    after(S);
    lists("");
    assert_int_equal(w.told.state, HALT_ORDERS_CLEARED);
}

static void a_restart_in_the_middle_goes_on_and_one_after_it_records_nothing(void **state)
{
    (void)state;
    w.m.halt = HALT_HALTED; // as this life finds it
    w.m.since_ns = w.m.wall_ns - 100 * S;
    look();
    lists("");
    assert_int_equal(w.told.state, HALT_ORDERS_CLEARED);
    assert_true(w.told.took_ns == -1);
    assert_int_equal(w.decisions, 0);
    assert_int_equal(w.alerts, 0);
    tear_down(state);
    set_up(state);
    w.m.halt = HALT_HALTED;
    w.m.since_ns = w.m.wall_ns - 100 * S;
    w.open = 1;
    look();
    assert_int_equal(w.alerts, 1); // it takes too long already
    w.open = 0;
    lists("");
    assert_int_equal(w.told.state, HALT_ORDERS_CLEARED);
    assert_true(w.told.took_ns == 100 * S);
    assert_int_equal(w.decisions, 1);
}

static void what_takes_long_is_told_once(void **state)
{
    (void)state;
    halted(HALT_HALTED);
    w.open = 1;
    look();
    after(10 * S - 1);
    assert_int_equal(w.alerts, 0);
    after(1);
    assert_int_equal(w.alerts, 1);
    assert_string_equal(w.alerted, "halt_orders_open 1 orders are still open 10 s after the halt; they are cancelled "
                                   "again and again");
    after(S);
    assert_int_equal(w.alerts, 1);
}

static void an_order_that_turns_up_starts_it_again(void **state)
{
    (void)state;
    halted(HALT_HALTED);
    look();
    lists("");
    assert_int_equal(w.decisions, 1);
    w.open = 1;
    after(S);
    assert_int_equal(w.told.state, HALT_ORDERS_CANCELLING);
    w.open = 0;
    lists("");
    after(S);
    assert_int_equal(w.decisions, 2);
    assert_int_equal(w.told.state, HALT_ORDERS_CLEARED);
}

static void a_standby_leaves_the_leaders_orders_alone(void **state)
{
    (void)state;
    halted(HALT_HALTED);
    w.m.lead = LEAD_STANDBY;
    look();
    assert_int_equal(w.looks + w.lists, 0);
    w.m.lead = LEAD_UNKNOWN; // perhaps still ours: what the desk follows is cancelled, no more
    look();
    assert_int_equal(w.looks, 1);
    assert_int_equal(w.lists, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(all_is_cancelled_and_the_broker_says_when_it_is_over),
        T(what_the_broker_still_has_is_cancelled_by_its_id),
        T(an_unreadable_list_is_no_empty_one),
        T(a_full_page_is_not_the_whole_list),
        T(a_page_that_does_not_lead_on_is_not_the_whole_list),
        T(pages_of_before_a_stricter_halt_count_nothing),
        T(what_the_desk_follows_meanwhile_counts),
        T(an_answer_from_before_the_halt_counts_nothing),
        T(reduce_only_lets_what_reduces_stay),
        T(reduce_only_lets_nothing_else_stay),
        T(what_another_hand_placed_is_told_and_left),
        T(it_is_not_over_before_the_ledgers_open_orders_are_known),
        T(a_restart_in_the_middle_goes_on_and_one_after_it_records_nothing),
        T(what_takes_long_is_told_once),
        T(an_order_that_turns_up_starts_it_again),
        T(a_standby_leaves_the_leaders_orders_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
