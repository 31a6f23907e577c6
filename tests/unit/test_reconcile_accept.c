// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/reconcile*.o daemon/exposure*.o daemon/metrics.o
//
// What an opening must be to be accepted, and a difference: what somebody saw, in a quiet moment.
#include "tests/unit/reconcile_room.h"

// --- an opening

static bool accept_opening(void)
{
    int before = w.accepted;
    reconcile_accept_opening(reconcile, on_accepted, NULL);
    assert_int_equal(w.accepted, before); // never from within
    turn_until(&w.accepted, before + 1);
    return w.accept_ok;
}

static bool accept_drift(const char *code, const char *reason, const char *operator)
{
    int before = w.accepted;
    reconcile_accept_drift(reconcile, code, reason, operator, on_accepted, NULL);
    assert_int_equal(w.accepted, before);
    turn_until(&w.accepted, before + 1);
    return w.accept_ok;
}

static void an_opening_is_what_the_broker_has_in_a_quiet_moment(void **state)
{
    const char *why;
    (void)state;
    w.opened = false;
    assert_false(accept_opening()); // nothing was read
    assert_non_null(strstr(w.accept_why, "not been read yet"));
    begin();
    assert_true(reconcile_needs_opening(reconcile));
    assert_false(reconcile_in_step(reconcile, &why));
    assert_non_null(strstr(why, "paperguard opening accept"));
    assert_false(accept_drift("01234567", "found", "ann")); // there is nothing to compare with
    assert_non_null(strstr(w.accept_why, "not compared yet"));
    assert_int_equal(w.asked[OP_FILLS], 0); // what was traded before is not ours to record
    assert_int_equal(w.asked[OP_ACTIVITIES], 0);
    says(OP_ORDERS, "[{}]");
    assert_false(accept_opening());
    assert_non_null(strstr(w.accept_why, "opening: the account has open orders"));
    says(OP_ORDERS, "[]");
    says_then(OP_FILLS, "[]", "[]");
    char one[500], two[500];
    snprintf(one, sizeof one, "[%s]", fill_json("f-1", "2026-10-08T15:00:00Z"));
    snprintf(two, sizeof two, "[%s]", fill_json("f-2", "2026-10-08T15:00:01Z"));
    says_then(OP_FILLS, one, two);
    assert_false(accept_opening());
    assert_non_null(strstr(w.accept_why, "an order was filled meanwhile"));
    static const enum guard_op ops[] = {OP_ORDERS, OP_FILLS, OP_ACCOUNT, OP_POSITIONS};
    says_then(OP_FILLS, one, one);
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        w.result[ops[i]] = BROKER_UNKNOWN;
        assert_false(accept_opening());
        w.result[ops[i]] = BROKER_OK;
        if (ops[i] == OP_ORDERS)
            continue;
        char *good = w.json[ops[i]], *then = w.then[ops[i]];
        w.json[ops[i]] = check_strdup("[5]");
        w.then[ops[i]] = NULL;
        assert_false(accept_opening());
        free(w.json[ops[i]]);
        w.json[ops[i]] = good;
        w.then[ops[i]] = then;
    }
    assert_int_equal(w.openings, 0);
    w.opening_result = LEDGER_DOWN;
    assert_false(accept_opening());
    assert_non_null(strstr(w.accept_why, "ledger: not ok"));
    w.opening_result = LEDGER_OK;
    assert_true(accept_opening());
    int64_t at;
    assert_true(when_parse("2026-10-08T15:00:00Z", &at));
    assert_int_equal(w.opening_watermark, at);
    assert_true(reconcile_in_step(reconcile, &why)); // whoever accepted it may go on at once
    assert_false(accept_opening());
    assert_non_null(strstr(w.accept_why, "accepted already"));
    assert_int_equal(w.openings, 2);
}

// --- a difference

static struct json_doc *drift(void)
{
    struct json_doc *doc;
    struct json_out o;
    struct text t;
    struct err err;
    text_init(&t, 1 << 16);
    json_out_init(&o, &t);
    json_object_begin(&o);
    reconcile_write_drift(reconcile, &o);
    json_object_end(&o);
    assert_int_equal(json_doc_parse(text_str(&t), t.len, &doc, &err), 0);
    text_free(&t);
    return doc;
}

static void code_of(char out[16])
{
    struct json_doc *doc = drift();
    const char *code = json_string(json_get(json_doc_root(doc), "code"));
    snprintf(out, 16, "%s", code ? code : "");
    json_doc_free(doc);
}

static void a_code_names_one_difference(void **state)
{
    (void)state;
    char codes[5][16], again[16];
    code_of(codes[0]);
    assert_string_equal(codes[0], ""); // not compared
    begin();
    code_of(codes[0]);
    assert_string_equal(codes[0], "");
    position_is("SPY", "5");
    pass();
    code_of(codes[1]);
    struct json_doc *doc = drift();
    const struct json_node *p = json_get(json_doc_root(doc), "positions");
    assert_int_equal(json_size(p), 1);
    assert_string_equal(json_string(json_get(json_at(p, 0), "ledger")), "4");
    assert_string_equal(json_string(json_get(json_at(p, 0), "broker")), "5");
    json_doc_free(doc);
    position_is("QQQ", "5"); // that, and SPY is gone
    pass();
    code_of(codes[2]);
    doc = drift();
    assert_int_equal(json_size(json_get(json_doc_root(doc), "positions")), 2);
    json_doc_free(doc);
    position_is("SPY", "4");
    account_has("700");
    pass();
    code_of(codes[3]);
    account_has("600");
    w.found.held = 1;
    w.found.first_held = "a-1";
    w.now += 31 * NS_PER_S;
    pass();
    code_of(codes[4]);
    doc = drift();
    bool in_step = true;
    assert_true(json_bool(json_get(json_doc_root(doc), "in_step"), &in_step) && !in_step);
    assert_string_equal(json_string(json_get(json_doc_root(doc), "first_held")), "a-1");
    json_doc_free(doc);
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(codes[i], codes[k]);
    code_of(again);
    assert_string_equal(again, codes[4]);
}

static void a_difference_is_accepted_as_it_was_seen(void **state)
{
    (void)state;
    char code[16], other[16], long_text[300];
    assert_false(accept_drift("01234567", "found", "ann")); // not compared yet
    assert_non_null(strstr(w.accept_why, "not compared yet"));
    begin();
    position_is("SPY", "5");
    pass();
    code_of(code);
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    assert_false(accept_drift("", "found", "ann"));
    assert_false(accept_drift(long_text, "found", "ann"));
    assert_non_null(strstr(w.accept_why, "the code"));
    assert_false(accept_drift(code, "", "ann"));
    assert_false(accept_drift(code, long_text, "ann"));
    assert_false(accept_drift(code, "found", ""));
    assert_false(accept_drift(code, "found", long_text));
    assert_non_null(strstr(w.accept_why, "a reason"));
    assert_false(accept_drift("01234567", "found", "ann"));
    assert_non_null(strstr(w.accept_why, "not the one that was shown"));
    w.open = 1;
    assert_false(accept_drift(code, "found", "ann"));
    assert_non_null(strstr(w.accept_why, "orders are open"));
    w.open = 0;
    says(OP_ORDERS, "[{}]");
    assert_false(accept_drift(code, "found", "ann"));
    assert_non_null(strstr(w.accept_why, "drift: the account has open orders"));
    says(OP_ORDERS, "[]");
    fills_are(1); // in the broker's figures, and not in the ledger's: it would come on top
    w.fills_result = LEDGER_CONFLICT;
    pass();
    assert_false(accept_drift(code, "found", "ann"));
    assert_non_null(strstr(w.accept_why, "would count twice"));
    assert_int_equal(w.corrections, 0);
    w.fills_result = LEDGER_OK;
    pass();
    position_is("SPY", "6"); // another one by now
    assert_false(accept_drift(code, "found", "ann"));
    pass();
    code_of(other);
    assert_string_not_equal(code, other);
    position_is("SPY", "5");
    w.correction_result = LEDGER_CONFLICT;
    assert_false(accept_drift(code, "found", "ann"));
    assert_non_null(strstr(w.accept_why, "ledger: orders are open"));
    assert_int_equal(w.corrections, 1);
    w.correction_result = LEDGER_OK;
    assert_true(accept_drift(code, "found", "ann"));
    assert_string_equal(w.reason, "found");
    assert_string_equal(w.operator, "ann");
    assert_true(w.held.nanos == SHARES(5).nanos);
    assert_int_equal(w.openings, 0);
    assert_false(accept_drift(code, "found", "ann"));
    assert_non_null(strstr(w.accept_why, "there is none any more"));
    code_of(code);
    assert_string_equal(code, "");
    assert_false(accept_drift("", "found", "ann")); // no code is no way around that
    assert_int_equal(w.corrections, 2);
}

static void say_assign(const char *reason)
{
    reconcile_assign(reconcile,
                     &(struct reconcile_assignment){.symbol = "SPY",
                                                    .strategy = "weights",
                                                    .qty = SHARES(1),
                                                    .held = SHARES(2),
                                                    .reason = reason,
                                                    .who = "ann"},
                     on_accepted, NULL);
}

static bool assign(const char *reason)
{
    int before = w.accepted;
    say_assign(reason);
    assert_int_equal(w.accepted, before);
    turn_until(&w.accepted, before + 1);
    return w.accept_ok;
}

// Asked for again until the ledger tells; meanwhile the books are not what may be planned from.
static void what_is_unassigned_is_assigned_once_it_is_known(void **state)
{
    (void)state;
    assert_false(assign("ours")); // nothing was compared yet
    assert_int_equal(w.assigned, 0);
    begin();
    assert_true(pass());
    assert_false(assign(""));
    assert_int_equal(w.assigned, 0);
    assert_true(reconcile_books_after(reconcile) == 0);
    say_assign("ours");
    assert_int_equal(w.assigned, 1);
    assert_true(reconcile_books_after(reconcile) == INT64_MAX);
    turn_until(&w.assigned, 2);
    int64_t after = reconcile_books_after(reconcile);
    assert_true(after > 0 && after < INT64_MAX);
    assert_string_equal(w.reason, "ours");
    assert_string_equal(w.operator, "ann");
    assert_true(w.given.nanos == SHARES(1).nanos);
    turn_until(&w.accepted, 3); // books were read since
    assert_true(w.accept_ok);
    w.assign_result = LEDGER_CONFLICT;
    assert_false(assign("ours"));
    assert_non_null(strstr(w.accept_why, "ledger: not any more"));
    assert_true(reconcile_books_after(reconcile) == after);
}

// A connection that breaks is away for a while: what had no answer may be in the ledger all the same.
static void an_assignment_without_an_answer_is_asked_for_while_postgres_is_away(void **state)
{
    (void)state;
    begin();
    assert_true(pass());
    w.assign_down = 1;
    say_assign("ours");
    for (int call = 1; call < 4; call++) { // lost, away, lost again, told
        turn_until(&w.assigned, call);
        assert_true(reconcile_books_after(reconcile) == INT64_MAX);
    }
    turn_until(&w.accepted, 1);
    assert_true(w.accept_ok && w.assigned == 4);
    int64_t after = reconcile_books_after(reconcile);
    assert_true(after > 0 && after < INT64_MAX);
    w.assigned = 1; // away from the first word on: nothing was written
    w.assign_down = 1;
    say_assign("ours");
    turn_until(&w.accepted, 2);
    assert_true(!w.accept_ok && w.assigned == 2);
    assert_true(reconcile_books_after(reconcile) == after);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_opening_is_what_the_broker_has_in_a_quiet_moment),
        T(a_code_names_one_difference),
        T(a_difference_is_accepted_as_it_was_seen),
        T(what_is_unassigned_is_assigned_once_it_is_known),
        T(an_assignment_without_an_answer_is_asked_for_while_postgres_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
