// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A permit sends one request, once, soon, by its own guard; an order only the body that was committed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/guard_good.h"

struct bench {
    struct guard *guard;
    struct guard_facts facts;
    struct wire_request request;
    struct permit *permit;
    struct guard_verdict verdict;
};

static void mint(struct bench *b, enum guard_op op, const char *target)
{
    memset(b, 0, sizeof *b);
    b->guard = guard_new();
    b->facts = good_facts();
    b->request = good_request(&b->facts, op, target);
    assert_int_equal(guard_permit(b->guard, &b->facts, op, &b->request, GOOD_NOW, &b->permit, &b->verdict), 0);
}

static void drop(struct bench *b)
{
    permit_drop(&b->permit);
    guard_free(b->guard);
}

static bool redeem_at(struct bench *b, int64_t now)
{
    return guard_redeem(b->guard, b->permit, &b->facts, &b->request, now, &b->verdict);
}

static void refused(struct bench *b, bool sent)
{
    assert_false(sent);
    assert_int_equal(b->verdict.answer, GUARD_FAIL);
    assert_int_equal(b->verdict.check, CHECK_PERMIT);
    assert_true(b->verdict.detail[0]);
}

static void test_once(void **state)
{
    struct bench b;

    (void)state;
    mint(&b, OP_ORDERS, "/v2/orders?status=open");
    assert_true(redeem_at(&b, GOOD_NOW));
    refused(&b, redeem_at(&b, GOOD_NOW));
    assert_int_equal(guard_denials(b.guard, CHECK_PERMIT), 1);
    drop(&b);
}

static void test_life(void **state)
{
    static const struct {
        int64_t age;
        bool good;
    } ages[] = {
        {0, true}, {PERMIT_LIFE_NS - 1, true}, {PERMIT_LIFE_NS, false}, {PERMIT_LIFE_NS * 9, false}, {-1, false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ages); i++) {
        struct bench b;
        mint(&b, OP_POSITIONS, NULL);
        const bool sent = redeem_at(&b, GOOD_NOW + ages[i].age);
        if (ages[i].good)
            assert_true(sent);
        else
            refused(&b, sent);
        drop(&b);
    }
}

static void test_other_guard(void **state)
{
    struct bench b;
    struct guard *other = guard_new();

    (void)state;
    mint(&b, OP_POSITIONS, NULL);
    refused(&b, guard_redeem(other, b.permit, &b.facts, &b.request, GOOD_NOW, &b.verdict));
    assert_non_null(strstr(b.verdict.detail, "another guard"));
    refused(&b, redeem_at(&b, GOOD_NOW)); // and it is spent now
    guard_free(other);
    drop(&b);
}

// A first try that fails for any reason is the only try.
static void test_failed_try_spends(void **state)
{
    struct bench b;

    (void)state;
    mint(&b, OP_POSITIONS, NULL);
    b.facts.dry_run.state = SWITCH_FALSE;
    assert_false(redeem_at(&b, GOOD_NOW));
    assert_int_equal(b.verdict.check, CHECK_DRY_RUN);
    b.facts.dry_run.state = SWITCH_TRUE;
    refused(&b, redeem_at(&b, GOOD_NOW));
    drop(&b);
}

// Requests that every check lets through, but that are not the one the permit was minted for.
static void test_bound_to_the_request(void **state)
{
    struct bench b;

    (void)state;
    mint(&b, OP_ORDERS, "/v2/orders?status=open");
    b.request.target = "/v2/orders?status=closed";
    refused(&b, redeem_at(&b, GOOD_NOW));
    drop(&b);

    mint(&b, OP_ORDERS, "/v2/orders?status=open");
    b.request.target = "/v2/orders";
    refused(&b, redeem_at(&b, GOOD_NOW));
    drop(&b);

    mint(&b, OP_CANCEL, "/v2/orders/a1");
    b.request.target = "/v2/orders/a2";
    refused(&b, redeem_at(&b, GOOD_NOW));
    drop(&b);

    mint(&b, OP_POSITIONS, NULL); // the key is changed, in the facts too
    b.facts.key_fingerprint.bytes[0] ^= 1;
    b.request.key_fingerprint = b.facts.key_fingerprint;
    refused(&b, redeem_at(&b, GOOD_NOW));
    drop(&b);

    mint(&b, OP_POSITIONS, NULL); // the host is changed, in the facts too, to one that is allowed
    const struct guard_facts simulator = good_simulator_facts();
    b.request = good_request(&simulator, OP_POSITIONS, NULL);
    b.facts = simulator;
    b.request.key_fingerprint = b.facts.key_fingerprint;
    refused(&b, redeem_at(&b, GOOD_NOW));
    drop(&b);

    for (int what = 0; what < 2; what++) { // a simulator's permit at another port, at another name of the same host
        mint(&b, OP_POSITIONS, NULL);
        b.facts = simulator;
        b.request = good_request(&b.facts, OP_POSITIONS, NULL);
        permit_drop(&b.permit);
        assert_int_equal(guard_permit(b.guard, &b.facts, OP_POSITIONS, &b.request, GOOD_NOW, &b.permit, &b.verdict), 0);
        if (what == 0)
            b.facts.trading_port = b.facts.data_port = b.request.port = 18901;
        else {
            str_copy_cut(b.facts.trading_host, sizeof b.facts.trading_host, "localhost");
            str_copy_cut(b.facts.data_host, sizeof b.facts.data_host, "localhost");
        }
        refused(&b, redeem_at(&b, GOOD_NOW));
        drop(&b);
    }
}

// No body and an empty one are not the same request, whichever of them was asked for.
static void test_no_body_is_not_an_empty_one(void **state)
{
    struct bench b;

    (void)state;
    for (int empty = 0; empty < 2; empty++) {
        mint(&b, OP_POSITIONS, NULL);
        permit_drop(&b.permit);
        b.request.body = empty ? "" : NULL;
        assert_int_equal(guard_permit(b.guard, &b.facts, OP_POSITIONS, &b.request, GOOD_NOW, &b.permit, &b.verdict), 0);
        b.request.body = empty ? NULL : "";
        refused(&b, redeem_at(&b, GOOD_NOW));
        drop(&b);
    }
}

// The permit keeps the bytes, not the pointers: what changes in the caller's memory after minting is another request.
static void test_bound_to_the_bytes(void **state)
{
    struct bench b;
    char target[] = "/v2/orders/a1";

    (void)state;
    mint(&b, OP_CANCEL, target);
    target[sizeof target - 2] = '2';
    refused(&b, redeem_at(&b, GOOD_NOW));
    drop(&b);
}

// Changes that checks catch before the permit is asked.
static void test_altered_request(void **state)
{
    struct bench b;

    (void)state;
    mint(&b, OP_ORDER, "/v2/orders/a1");
    b.request.method = "DELETE"; // a read may not turn into a cancel
    assert_false(redeem_at(&b, GOOD_NOW));
    assert_int_equal(b.verdict.check, CHECK_REQUEST_SHAPE);
    drop(&b);

    mint(&b, OP_POSITIONS, NULL);
    b.request.host = "api.alpaca.markets";
    assert_false(redeem_at(&b, GOOD_NOW));
    assert_int_equal(b.verdict.check, CHECK_REQUEST_HOST);
    drop(&b);

    mint(&b, OP_POSITIONS, NULL);
    b.request.key_fingerprint.bytes[31] ^= 0x80;
    assert_false(redeem_at(&b, GOOD_NOW));
    assert_int_equal(b.verdict.check, CHECK_REQUEST_KEY);
    drop(&b);
}

struct order_bench {
    struct guard *guard;
    struct guard_facts facts;
    struct text body;
    struct receipt_terms terms;
    struct wire_request request;
    struct receipt *receipt;
    struct cleared_order *cleared;
    struct guard_verdict verdict;
};

static void order_begin(struct order_bench *b, bool reduces)
{
    memset(b, 0, sizeof *b);
    b->guard = guard_new();
    b->facts = good_facts();
    b->terms = good_terms(&b->facts, reduces, &b->body);
    b->request = good_request(&b->facts, OP_SUBMIT_OPEN, NULL);
    b->request.body = text_str(&b->body);
    b->request.body_len = b->body.len;
}

static int order_clear(struct order_bench *b)
{
    b->receipt = receipt_mint(&b->terms);
    const int rc = guard_clear_order(b->guard, &b->facts, &b->receipt, &b->request, GOOD_NOW, &b->cleared, &b->verdict);
    assert_null(b->receipt);
    return rc;
}

static bool order_redeem(struct order_bench *b)
{
    return guard_redeem_order(b->guard, b->cleared, &b->facts, &b->request, GOOD_NOW, &b->verdict);
}

static void order_end(struct order_bench *b)
{
    cleared_order_drop(&b->cleared);
    assert_null(b->cleared);
    text_free(&b->body);
    guard_free(b->guard);
}

static void test_order(void **state)
{
    struct order_bench b;

    (void)state;
    for (int reduces = 0; reduces < 2; reduces++) {
        order_begin(&b, reduces);
        assert_int_equal(order_clear(&b), 0);
        assert_string_equal(cleared_order_terms(b.cleared)->order.symbol, "SPY");
        assert_true(cleared_order_terms(b.cleared)->body != b.terms.body); // a copy
        assert_true(order_redeem(&b));
        assert_false(order_redeem(&b));
        assert_int_equal(b.verdict.check, CHECK_PERMIT);
        order_end(&b);
    }
}

// A deadline brings its end nearer; nothing puts it off.
static void test_an_order_that_may_leave_no_later(void **state)
{
    static const struct {
        int64_t until, at;
        bool good;
    } cases[] = {{1000000, 999999, true},
                 {1000000, 1000000, false},
                 {-1, 0, false},
                 {PERMIT_LIFE_NS * 2, PERMIT_LIFE_NS, false},
                 {PERMIT_LIFE_NS * 2, PERMIT_LIFE_NS - 1, true}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct order_bench b;
        order_begin(&b, false);
        assert_int_equal(order_clear(&b), 0);
        cleared_order_expires(b.cleared, GOOD_NOW + cases[i].until);
        assert_int_equal(
            guard_redeem_order(b.guard, b.cleared, &b.facts, &b.request, GOOD_NOW + cases[i].at, &b.verdict),
            cases[i].good);
        if (!cases[i].good)
            assert_int_equal(b.verdict.check, CHECK_PERMIT);
        order_end(&b);
    }
}

static void order_denied(struct order_bench *b, enum guard_answer answer)
{
    assert_int_equal(order_clear(b), -1);
    assert_null(b->cleared);
    assert_int_equal(b->verdict.answer, answer);
    assert_int_equal(b->verdict.check, CHECK_RECEIPT);
    assert_int_equal(guard_denials(b->guard, CHECK_RECEIPT), 1);
    order_end(b);
}

static void test_receipt(void **state)
{
    struct order_bench b;

    (void)state;
    order_begin(&b, false); // one byte more on the wire than was committed
    text_addc(&b.body, ' ');
    b.request.body = text_str(&b.body);
    b.request.body_len = b.body.len;
    b.terms.body = text_str(&b.body);
    b.terms.body_len = b.body.len - 1;
    order_denied(&b, GUARD_FAIL);

    order_begin(&b, false); // another byte
    char *copy = check_strndup(b.request.body, b.request.body_len);
    copy[12] ^= 1;
    b.request.body = copy;
    order_denied(&b, GUARD_FAIL);
    free(copy);

    order_begin(&b, false); // committed for another account
    str_copy_cut(b.terms.account_number, sizeof b.terms.account_number, "PA3ZZJC58PH6");
    order_denied(&b, GUARD_FAIL);

    order_begin(&b, false); // for none
    b.terms.account_number[0] = '\0';
    order_denied(&b, GUARD_FAIL);

    order_begin(&b, false); // the body says something else than what was judged
    b.terms.order.qty.nanos *= 100;
    order_denied(&b, GUARD_FAIL);

    order_begin(&b, false); // a byte more was committed, and is sent, than the order has
    text_addc(&b.body, ' ');
    b.request.body = b.terms.body = text_str(&b.body);
    b.request.body_len = b.terms.body_len = b.body.len;
    order_denied(&b, GUARD_FAIL);

    order_begin(&b, false); // something else of the same length
    b.terms.order.qty.nanos += DECIMAL_ONE;
    order_denied(&b, GUARD_FAIL);

    order_begin(&b, false); // no commit time
    b.terms.committed_boot_ns = 0;
    order_denied(&b, GUARD_UNKNOWN);
}

// After clearing, the wire must still show the committed body and the account must still be the same.
static void test_order_at_the_wire(void **state)
{
    struct order_bench b;

    (void)state;
    order_begin(&b, false);
    assert_int_equal(order_clear(&b), 0);
    char *copy = check_strndup(b.request.body, b.request.body_len);
    copy[b.request.body_len - 3] ^= 1;
    b.request.body = copy;
    assert_false(order_redeem(&b));
    assert_int_equal(b.verdict.check, CHECK_RECEIPT);
    free(copy);
    order_end(&b);

    order_begin(&b, false);
    assert_int_equal(order_clear(&b), 0);
    str_copy_cut(b.facts.account_number, sizeof b.facts.account_number, "PA3ZZJC58PH6");
    str_copy_cut(b.facts.account_first_seen, sizeof b.facts.account_first_seen, "PA3ZZJC58PH6");
    assert_false(order_redeem(&b));
    assert_int_equal(b.verdict.check, CHECK_RECEIPT);
    order_end(&b);

    order_begin(&b, false);
    assert_int_equal(order_clear(&b), 0);
    b.request.target = "/v2/orders?x=1";
    assert_false(order_redeem(&b));
    assert_int_equal(b.verdict.check, CHECK_PERMIT);
    order_end(&b);

    order_begin(&b, false); // halted between clearing and sending
    assert_int_equal(order_clear(&b), 0);
    b.facts.halt_memory = HALT_HALTED;
    assert_false(order_redeem(&b));
    assert_int_equal(b.verdict.check, CHECK_HALT);
    b.facts.halt_memory = HALT_RUNNING;
    assert_false(order_redeem(&b)); // and no second try when it is lifted
    order_end(&b);
}

// A halt of one strategy holds back what is that strategy's, or may be, when it is cleared and at the wire.
static void test_halt_of_a_strategy(void **state)
{
    static const struct {
        const char *whose;
        enum fact_halt halt;
        bool reduces, passes;
    } rows[] = {{"alpha", HALT_HALTED, false, false},      {"alpha", HALT_HALTED, true, false},
                {"alpha", HALT_REDUCE_ONLY, false, false}, {"alpha", HALT_REDUCE_ONLY, true, true},
                {"beta alpha", HALT_HALTED, false, false}, {"beta", HALT_HALTED, false, true},
                {"alpha2", HALT_HALTED, false, true},      {"", HALT_HALTED, false, true},
                {WHOSE_UNKNOWN, HALT_HALTED, false, false}};
    struct order_bench b;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int wire = 0; wire < 2; wire++) {
            order_begin(&b, rows[i].reduces);
            str_copy_cut(b.terms.whose, sizeof b.terms.whose, rows[i].whose);
            if (wire)
                assert_int_equal(order_clear(&b), 0);
            b.facts.scope_count = 1;
            b.facts.scopes[0] = (struct fact_scope){.strategy = "alpha", .halt = rows[i].halt, .detail = "odd"};
            assert_int_equal(wire ? order_redeem(&b) : order_clear(&b) == 0, rows[i].passes);
            if (!rows[i].passes) {
                assert_int_equal(b.verdict.check, CHECK_HALT);
                assert_non_null(strstr(b.verdict.detail, "halt of strategy alpha"));
            }
            order_end(&b);
        }
}

// Whatever byte of whatever part of a cleared order's request is another one at the wire: denied, and spent.
static void test_every_byte_of_an_order(void **state)
{
    struct order_bench b;
    size_t tried = 0;

    (void)state;
    order_begin(&b, false);
    const char **const parts[] = {&b.request.method, &b.request.scheme, &b.request.host, &b.request.target,
                                  &b.request.body};
    for (size_t part = 0; part < ARRAY_LEN(parts); part++) {
        const char *good = *parts[part];
        for (size_t at = 0; at < strlen(good); at++, tried++) {
            assert_int_equal(order_clear(&b), 0);
            char *copy = check_strdup(good);
            copy[at] ^= 1;
            *parts[part] = copy;
            assert_false(order_redeem(&b));
            *parts[part] = good;
            assert_false(order_redeem(&b));
            assert_int_equal(b.verdict.check, CHECK_PERMIT);
            free(copy);
            cleared_order_drop(&b.cleared);
        }
    }
    for (size_t at = 0; at < DIGEST_LEN; at++) {
        assert_int_equal(order_clear(&b), 0);
        b.request.key_fingerprint.bytes[at] ^= 1;
        b.facts.key_fingerprint = b.request.key_fingerprint; // the facts' key is another one too
        assert_false(order_redeem(&b));
        assert_int_equal(b.verdict.check, CHECK_PERMIT);
        cleared_order_drop(&b.cleared);
    }
    assert_true(tried > 100);
    assert_int_equal(order_clear(&b), 0);
    assert_true(order_redeem(&b));
    order_end(&b);
}

// The process was stopped between clearing and sending, for longer than its lease; or another host leads by now.
static void test_lease_between_clearing_and_sending(void **state)
{
    struct order_bench b;

    (void)state;
    order_begin(&b, false);
    assert_int_equal(order_clear(&b), 0);
    b.facts.lead_until_boot_ns = GOOD_NOW;
    assert_false(order_redeem(&b));
    assert_int_equal(b.verdict.check, CHECK_LEADER);
    b.facts.lead_until_boot_ns = GOOD_NOW + 1000;
    assert_false(order_redeem(&b)); // renewed: the permit is spent
    order_end(&b);

    order_begin(&b, true);
    assert_int_equal(order_clear(&b), 0);
    b.facts.lead_epoch++;
    assert_false(order_redeem(&b));
    assert_int_equal(b.verdict.check, CHECK_LEADER);
    order_end(&b);

    order_begin(&b, false); // a receipt that says so does not move the permit into another epoch
    assert_int_equal(order_clear(&b), 0);
    ((struct receipt_terms *)(uintptr_t)cleared_order_terms(b.cleared))->leader_epoch = ++b.facts.lead_epoch;
    assert_false(order_redeem(&b));
    assert_int_equal(b.verdict.check, CHECK_PERMIT);
    order_end(&b);
}

// An opening order is judged as one, whatever is asked for at clearing.
static void test_class_comes_from_the_receipt(void **state)
{
    struct order_bench b;

    (void)state;
    order_begin(&b, false);
    b.facts.halt_file = HALT_REDUCE_ONLY;
    assert_int_equal(order_clear(&b), -1);
    assert_int_equal(b.verdict.check, CHECK_HALT);
    order_end(&b);
    order_begin(&b, true);
    b.facts.halt_file = HALT_REDUCE_ONLY;
    assert_int_equal(order_clear(&b), 0);
    assert_true(order_redeem(&b));
    order_end(&b);
}

static void test_drops(void **state)
{
    struct permit *p = NULL;
    struct cleared_order *c = NULL;
    struct receipt *r = NULL;

    (void)state;
    permit_drop(&p);
    cleared_order_drop(&c);
    receipt_drop(&r);
    permit_drop(NULL);
    guard_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_other_guard),
        cmocka_unit_test(test_failed_try_spends),
        cmocka_unit_test(test_bound_to_the_request),
        cmocka_unit_test(test_no_body_is_not_an_empty_one),
        cmocka_unit_test(test_bound_to_the_bytes),
        cmocka_unit_test(test_altered_request),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_an_order_that_may_leave_no_later),
        cmocka_unit_test(test_receipt),
        cmocka_unit_test(test_order_at_the_wire),
        cmocka_unit_test(test_halt_of_a_strategy),
        cmocka_unit_test(test_every_byte_of_an_order),
        cmocka_unit_test(test_lease_between_clearing_and_sending),
        cmocka_unit_test(test_class_comes_from_the_receipt),
        cmocka_unit_test(test_drops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
