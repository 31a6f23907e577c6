// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What nobody should ever show the guard: values that no name stands for, facts that are half there, orders whose body
// and words part. None of it passes, and what the facts tell is told on.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/guard_good.h"

static void expect(const struct guard_facts *f, enum guard_check c, enum guard_answer answer, const char *word)
{
    struct guard_result results[GUARD_CHECK_COUNT];

    guard_table(f, GOOD_NOW, false, results);
    if (results[c].answer != answer || !strstr(results[c].detail, word))
        fail_msg("%s is %s: %s; expected %s with %s", guard_check_name(c), guard_answer_name(results[c].answer),
                 results[c].detail, guard_answer_name(answer), word);
}

#define ODD 99

static void test_values_without_a_name_are_unknown(void **state)
{
    struct guard_facts f = good_facts();

    (void)state;
    f.dry_run.state = f.alpaca_paper.state = f.staging_mode.state = (enum fact_switch_state)ODD;
    f.stage = (enum fact_stage)ODD;
    f.endpoint = (enum fact_endpoint)ODD;
    f.key_class = (enum fact_key_class)ODD;
    f.live_named.state = f.live_value.state = f.steering.state = f.files.state = f.databases.state = f.calendar.state =
        f.children.state = f.database_marker.state = (enum fact_tri)ODD;
    f.halt_memory = (enum fact_halt)ODD;
    f.lead = (enum fact_lead)ODD;
    static const enum guard_check checks[] = {
        CHECK_DRY_RUN,    CHECK_ALPACA_PAPER,    CHECK_STAGE,    CHECK_STAGING_MODE, CHECK_ENDPOINT, CHECK_KEY_CLASS,
        CHECK_LIVE_NAMES, CHECK_LIVE_VALUES,     CHECK_STEERING, CHECK_FILES,        CHECK_CALENDAR, CHECK_CHILDREN,
        CHECK_DATABASES,  CHECK_DATABASE_MARKER, CHECK_HALT,     CHECK_LEADER};
    for (size_t i = 0; i < ARRAY_LEN(checks); i++)
        expect(&f, checks[i], GUARD_UNKNOWN, "");
    assert_string_equal(guard_answer_name((enum guard_answer)ODD), "UNKNOWN");
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(guard_answer_name(GUARD_PASS), "PASS");
    assert_string_equal(guard_answer_name(GUARD_FAIL), "FAIL");
    assert_string_equal(guard_answer_name(GUARD_UNKNOWN), "UNKNOWN");
    assert_string_equal(fact_halt_name(HALT_RUNNING), "running");
    assert_string_equal(fact_halt_name(HALT_REDUCE_ONLY), "reduce_only");
    assert_string_equal(fact_halt_name(HALT_HALTED), "halted");
    assert_string_equal(fact_halt_name(HALT_UNKNOWN), "unknown");
    assert_string_equal(fact_halt_name((enum fact_halt)ODD), "unknown");
}

// A standby asks the broker for neither clock nor calendar: that is no trouble of its guard, and still denies.
static void test_a_standby_awaits_no_calendar(void **state)
{
    struct guard_facts f = good_facts();
    struct guard_result results[GUARD_CHECK_COUNT];

    (void)state;
    f.calendar.state = FACT_UNKNOWN;
    f.clock_boot_ns = 0;
    assert_int_equal(guard_table(&f, GOOD_NOW, false, results), GUARD_UNKNOWN);
    assert_true(guard_table_counts(results, CHECK_CALENDAR) && guard_table_counts(results, CHECK_CLOCK));
    f.lead = LEAD_UNKNOWN;
    assert_int_equal(guard_table(&f, GOOD_NOW, false, results), GUARD_UNKNOWN);
    assert_true(guard_table_counts(results, CHECK_CALENDAR));
    f.lead = LEAD_STANDBY;
    assert_int_equal(guard_table(&f, GOOD_NOW, false, results), GUARD_PASS);
    assert_int_equal(results[CHECK_CALENDAR].answer, GUARD_UNKNOWN);
    assert_int_equal(results[CHECK_CLOCK].answer, GUARD_UNKNOWN);
    assert_int_equal(guard_table_worst(results), GUARD_CHECK_COUNT);
    f.calendar.state = FACT_BAD; // nor is a day in doubt, for anybody; it is shown
    assert_int_equal(guard_table(&f, GOOD_NOW, false, results), GUARD_PASS);
    assert_int_equal(results[CHECK_CALENDAR].answer, GUARD_FAIL);
}

#define TELL(member, words) str_copy_cut(f.member, sizeof f.member, words)

static void test_what_the_facts_tell_is_told_on(void **state)
{
    struct guard_facts f = good_facts();

    (void)state;
    TELL(lead_detail, "host-b leads");
    f.lead = LEAD_STANDBY;
    expect(&f, CHECK_LEADER, GUARD_FAIL, "host-b leads");
    f.lead = LEAD_UNKNOWN;
    expect(&f, CHECK_LEADER, GUARD_UNKNOWN, "host-b leads");
    TELL(key_detail, "no key id");
    f.key_class = KEY_MISSING;
    expect(&f, CHECK_KEY_CLASS, GUARD_FAIL, "no key id");
    f.key_class = KEY_OTHER;
    expect(&f, CHECK_KEY_CLASS, GUARD_UNKNOWN, "no key id");
    TELL(files.detail, "it is on fire");
    f.files.state = FACT_UNKNOWN;
    expect(&f, CHECK_FILES, GUARD_UNKNOWN, "it is on fire");
    f.files.state = FACT_BAD;
    expect(&f, CHECK_FILES, GUARD_FAIL, "it is on fire");
}

// A pin is not kept by a key that is not there.
static void test_a_pin_without_a_key(void **state)
{
    struct guard_facts f = good_facts();

    (void)state;
    digest_hex(&f.key_fingerprint, f.key_pinned);
    expect(&f, CHECK_KEY_PIN, GUARD_PASS, "");
    f.key_class = KEY_UNREAD;
    expect(&f, CHECK_KEY_PIN, GUARD_UNKNOWN, "there is no key");
    f.key_class = KEY_MISSING;
    expect(&f, CHECK_KEY_PIN, GUARD_UNKNOWN, "there is no key");
}

static enum guard_answer asked(const struct guard_facts *f, enum guard_op op, const struct wire_request *r,
                               struct guard_verdict *v)
{
    struct guard *g = guard_new();
    struct permit *p = NULL;

    const int rc = guard_permit(g, f, op, r, GOOD_NOW, &p, v);
    assert_int_equal(rc == 0, v->answer == GUARD_PASS);
    permit_drop(&p);
    guard_free(g);
    return v->answer;
}

// The endpoint's row says it first; the request's own row holds by itself, also for an operation that asks no other.
static void test_hosts_that_are_half_there(void **state)
{
    struct guard_verdict v;

    (void)state;
    for (int i = 0; i < 6; i++) {
        struct guard_facts f = good_facts();
        const enum guard_op op = i < 3 ? OP_POSITIONS : OP_BARS;
        const struct wire_request r = good_request(&f, op, NULL);
        switch (i % 3) {
        case 0:
            (i < 3 ? f.trading_scheme : f.data_scheme)[0] = '\0';
            break;
        case 1:
            (i < 3 ? f.trading_host : f.data_host)[0] = '\0';
            break;
        default:
            *(i < 3 ? &f.trading_port : &f.data_port) = 0;
        }
        assert_int_not_equal(asked(&f, op, &r, &v), GUARD_PASS);
    }
    const struct guard_facts f = good_facts();
    struct wire_request r = good_request(&f, OP_POSITIONS, NULL);
    r.scheme = NULL;
    assert_int_equal(asked(&f, OP_POSITIONS, &r, &v), GUARD_FAIL);
    assert_int_equal(v.check, CHECK_REQUEST_HOST);
}

static void test_bodies_that_are_half_there(void **state)
{
    const struct guard_facts f = good_facts();
    struct wire_request r = good_request(&f, OP_POSITIONS, NULL);
    struct guard_verdict v;

    (void)state;
    r.body = "";
    assert_int_equal(asked(&f, OP_POSITIONS, &r, &v), GUARD_PASS); // nothing of a body
    r.body = NULL;
    r.body_len = 7;
    assert_int_equal(asked(&f, OP_POSITIONS, &r, &v), GUARD_FAIL);
    r = good_request(&f, OP_SUBMIT_OPEN, NULL);
    assert_int_equal(asked(&f, OP_SUBMIT_OPEN, &r, &v), GUARD_FAIL);
    assert_non_null(strstr(v.detail, "needs a body"));
    r.body_len = 7; // of a body that is not there
    assert_int_equal(asked(&f, OP_SUBMIT_OPEN, &r, &v), GUARD_FAIL);
    assert_int_equal(v.check, CHECK_REQUEST_SHAPE);
}

static void test_ids(void **state)
{
    static const char fine[] = "AZaz09-_.";
    static const char odd[] = "@[`{/:,";
    const struct guard_facts f = good_facts();
    struct guard_verdict v;
    char target[64];

    (void)state;
    for (size_t i = 0; i < sizeof fine - 1 + sizeof odd - 1; i++) {
        const bool good = i < sizeof fine - 1;
        snprintf(target, sizeof target, "/v2/orders/x%c", good ? fine[i] : odd[i - (sizeof fine - 1)]);
        const struct wire_request r = good_request(&f, OP_ORDER, target);
        assert_int_equal(asked(&f, OP_ORDER, &r, &v), good ? GUARD_PASS : GUARD_FAIL);
    }
}

// Clears an order whose terms a test has bent; the verdict's text holds the word.
static void bent(void (*bend)(struct receipt_terms *t, struct wire_request *r), const char *word)
{
    const struct guard_facts f = good_facts();
    struct guard *g = guard_new();
    struct wire_request r = good_request(&f, OP_SUBMIT_OPEN, NULL);
    struct text body;
    struct receipt_terms t = good_terms(&f, false, &body);
    struct cleared_order *cleared = NULL;
    struct guard_verdict v;

    r.body = t.body;
    r.body_len = t.body_len;
    bend(&t, &r);
    struct receipt *receipt = receipt_mint(&t);
    assert_int_equal(guard_clear_order(g, &f, &receipt, &r, GOOD_NOW, &cleared, &v), word ? -1 : 0);
    if (word && !strstr(v.detail, word))
        fail_msg("%s: %s, expected %s", guard_check_name(v.check), v.detail, word);
    cleared_order_drop(&cleared);
    text_free(&body);
    guard_free(g);
}

static void bend_nothing(struct receipt_terms *t, struct wire_request *r)
{
    (void)t, (void)r;
}

static void bend_quantity(struct receipt_terms *t, struct wire_request *r)
{
    (void)r;
    t->order.qty.nanos = 4 * DECIMAL_ONE; // as long in text as the 3 of the body
}

static void bend_symbol(struct receipt_terms *t, struct wire_request *r)
{
    (void)r;
    str_copy_cut(t->order.symbol, sizeof t->order.symbol, "GOOGL");
}

static void bend_id(struct receipt_terms *t, struct wire_request *r)
{
    (void)r;
    t->order.client_order_id[0] = '\0';
}

static void bend_body(struct receipt_terms *t, struct wire_request *r)
{
    (void)t;
    r->body = NULL;
}

static void bend_length(struct receipt_terms *t, struct wire_request *r)
{
    (void)t;
    r->body_len--;
}

static void bend_commit(struct receipt_terms *t, struct wire_request *r)
{
    (void)r;
    t->committed_boot_ns = 0;
}

static void bend_account(struct receipt_terms *t, struct wire_request *r)
{
    (void)r;
    t->account_number[0] = '\0';
}

static void test_orders_whose_words_part(void **state)
{
    (void)state;
    bent(bend_nothing, NULL);
    bent(bend_quantity, "does not say what its order says");
    bent(bend_symbol, "does not say what its order says");
    bent(bend_id, "does not say what its order says");
    bent(bend_body, "");
    bent(bend_length, "is not the one committed");
    bent(bend_commit, "does not say when");
    bent(bend_account, "committed for account (none)");
}

// Operators act on the words: which way, how much, by whom.
static void test_words_of_what_is_off(void **state)
{
    (void)state;
    struct guard_facts f = good_facts();
    expect(&f, CHECK_CLOCK, GUARD_PASS, "0 ms behind the broker's");
    f.clock_skew_ns = 1500000000;
    expect(&f, CHECK_CLOCK, GUARD_PASS, "1500 ms ahead of the broker's");
    f.clock_skew_ns = -1500000000;
    expect(&f, CHECK_CLOCK, GUARD_PASS, "1500 ms behind the broker's");
    f.clock_skew_ns = 31 * NS_PER_S;
    expect(&f, CHECK_CLOCK, GUARD_FAIL, "is 31 s ahead of the broker's");
    f.clock_skew_ns = -31 * NS_PER_S;
    expect(&f, CHECK_CLOCK, GUARD_FAIL, "is 31 s behind the broker's");
    f.clock_boot_ns = 0;
    expect(&f, CHECK_CLOCK, GUARD_UNKNOWN, "has not been compared");
    f = good_facts();
    f.halt_file = HALT_REDUCE_ONLY;
    expect(&f, CHECK_HALT, GUARD_FAIL, "state file says reduce only");
    f.halt_file = HALT_HALTED;
    expect(&f, CHECK_HALT, GUARD_FAIL, "state file says halted");
    f = good_facts();
    f.lead_until_boot_ns = GOOD_NOW - 7000000;
    expect(&f, CHECK_LEADER, GUARD_UNKNOWN, "ran out 7 ms ago");
    f = good_facts();
    f.account_boot_ns = f.database_boot_ns = f.clock_boot_ns = GOOD_NOW + NS_PER_S; // a little later than now is now
    expect(&f, CHECK_ACCOUNT_AGE, GUARD_PASS, "0 s");
    expect(&f, CHECK_DATABASE_AGE, GUARD_PASS, "0 s");
    expect(&f, CHECK_CLOCK, GUARD_PASS, "");
    f.account_boot_ns = f.database_boot_ns = f.clock_boot_ns = GOOD_NOW + NS_PER_S + 1;
    expect(&f, CHECK_ACCOUNT_AGE, GUARD_UNKNOWN, "later moment");
    expect(&f, CHECK_DATABASE_AGE, GUARD_UNKNOWN, "");
    expect(&f, CHECK_CLOCK, GUARD_UNKNOWN, "later moment");
    f = good_facts();
    str_copy_cut(f.account_number, sizeof f.account_number, "PAZ"); // as short as may be, to the end of the alphabet
    expect(&f, CHECK_ACCOUNT_NUMBER, GUARD_PASS, "PAZ");
    str_copy_cut(f.account_number, sizeof f.account_number, "PA9");
    expect(&f, CHECK_ACCOUNT_NUMBER, GUARD_PASS, "PA9");
}

static void test_dropping_nothing(void **state)
{
    struct cleared_order *c = NULL;
    struct permit *p = NULL;
    struct receipt *r = NULL;

    (void)state;
    cleared_order_drop(NULL);
    cleared_order_drop(&c);
    permit_drop(NULL);
    permit_drop(&p);
    receipt_drop(NULL);
    receipt_drop(&r);
    guard_free(NULL);
}

// Also one that reads prices, at the host of the data.
static void test_examples_of_every_read_are_permitted(void **state)
{
    (void)state;
    struct guard *g = guard_new();
    for (int simulator = 0; simulator < 2; simulator++)
        for (int op = 0; op < GUARD_OP_COUNT; op++) {
            struct guard_facts f;
            struct wire_request r;
            struct guard_verdict v;
            struct permit *p = NULL;
            enum guard_class class = guard_op_class((enum guard_op)op);
            if (class != GUARD_BOOT_READ && class != GUARD_READ)
                continue;
            guard_example(simulator, 100 * NS_PER_S, &f);
            guard_example_request(&f, (enum guard_op)op, &r);
            if (strchr(r.target, '{')) // the pattern of a path, and no path
                continue;
            if (guard_permit(g, &f, (enum guard_op)op, &r, 100 * NS_PER_S, &p, &v) != 0)
                fail_msg("%s: %s: %s", r.target, guard_check_name(v.check), v.detail);
            permit_drop(&p);
        }
    guard_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_of_every_read_are_permitted),
        cmocka_unit_test(test_values_without_a_name_are_unknown),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_a_standby_awaits_no_calendar),
        cmocka_unit_test(test_what_the_facts_tell_is_told_on),
        cmocka_unit_test(test_a_pin_without_a_key),
        cmocka_unit_test(test_hosts_that_are_half_there),
        cmocka_unit_test(test_bodies_that_are_half_there),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_orders_whose_words_part),
        cmocka_unit_test(test_words_of_what_is_off),
        cmocka_unit_test(test_dropping_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
