// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What is asked when the connection stands: where it ends and how it is encrypted. And that each check can be made to
// fire, by what a self-test puts in place of a good fact.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/guard_good.h"

struct order { // one opening order, cleared and about to be sent
    struct guard *guard;
    struct guard_facts facts;
    struct wire_request request;
    struct text body;
    struct receipt *receipt;
    struct cleared_order *cleared;
    struct guard_verdict verdict;
};

static void begin(struct order *o, bool simulator)
{
    memset(o, 0, sizeof *o);
    o->guard = guard_new();
    o->facts = simulator ? good_simulator_facts() : good_facts();
    o->request = good_request(&o->facts, OP_SUBMIT_OPEN, NULL);
    const struct receipt_terms terms = good_terms(&o->facts, false, &o->body);
    o->receipt = receipt_mint(&terms);
    o->request.body = text_str(&o->body);
    o->request.body_len = o->body.len;
}

static bool clear(struct order *o)
{
    return guard_clear_order(o->guard, &o->facts, &o->receipt, &o->request, GOOD_NOW, &o->cleared, &o->verdict) == 0;
}

static bool redeem(struct order *o)
{
    return guard_redeem_order(o->guard, o->cleared, &o->facts, &o->request, GOOD_NOW, &o->verdict);
}

static void end(struct order *o)
{
    receipt_drop(&o->receipt);
    cleared_order_drop(&o->cleared);
    text_free(&o->body);
    guard_free(o->guard);
}

struct wire_row {
    const char *what;
    bool simulator;
    const char *peer;
    struct tls_state tls;
    enum guard_check check; // that denies
    enum guard_answer answer;
};

#define TLS(chain, host, number)                                                                                       \
    {                                                                                                                  \
        .known = true, .used = true, .chain_good = chain, .host_good = host, .version = number                         \
    }
#define PLAIN                                                                                                          \
    {                                                                                                                  \
        .known = true                                                                                                  \
    }

static const struct wire_row wire_rows[] = {
    {"Alpaca over TLS 1.3", false, "35.194.68.203", TLS(true, true, 0x0304), CHECK_PEER, GUARD_PASS},
    {"Alpaca over TLS 1.2", false, "35.194.68.203", TLS(true, true, 0x0303), CHECK_PEER, GUARD_PASS},
    {"Alpaca over IPv6", false, "2600:1900::1", TLS(true, true, 0x0304), CHECK_PEER, GUARD_PASS},
    {"no peer", false, NULL, TLS(true, true, 0x0304), CHECK_PEER, GUARD_UNKNOWN},
    {"an empty peer", false, "", TLS(true, true, 0x0304), CHECK_PEER, GUARD_UNKNOWN},
    {"a name for a peer", false, "paper-api.alpaca.markets", TLS(true, true, 0x0304), CHECK_PEER, GUARD_FAIL},
    {"a local forwarder", false, "127.0.0.1", TLS(true, true, 0x0304), CHECK_PEER, GUARD_FAIL},
    {"a local forwarder, IPv6", false, "::1", TLS(true, true, 0x0304), CHECK_PEER, GUARD_FAIL},
    {"a mapped one", false, "::ffff:10.0.0.1", TLS(true, true, 0x0304), CHECK_PEER, GUARD_FAIL},
    {"private", false, "10.1.2.3", TLS(true, true, 0x0304), CHECK_PEER, GUARD_FAIL},
    {"link-local, where clouds keep their metadata", false, "169.254.169.254", TLS(true, true, 0x0304), CHECK_PEER,
     GUARD_FAIL},
    {"link-local, IPv6", false, "fe80::1", TLS(true, true, 0x0304), CHECK_PEER, GUARD_FAIL},
    {"TLS not told", false, "35.194.68.203", {.known = false}, CHECK_TLS, GUARD_UNKNOWN},
    {"plain to Alpaca", false, "35.194.68.203", PLAIN, CHECK_TLS, GUARD_FAIL},
    {"plain, whatever else is told",
     false,
     "35.194.68.203",
     {.known = true, .chain_good = true, .host_good = true, .version = 0x0304},
     CHECK_TLS,
     GUARD_FAIL},
    {"nobody vouches", false, "35.194.68.203", TLS(false, true, 0x0304), CHECK_TLS, GUARD_FAIL},
    {"a certificate for others", false, "35.194.68.203", TLS(true, false, 0x0304), CHECK_TLS, GUARD_FAIL},
    {"TLS 1.1", false, "35.194.68.203", TLS(true, true, 0x0302), CHECK_TLS, GUARD_FAIL},
    {"the simulator", true, "127.0.0.1", PLAIN, CHECK_PEER, GUARD_PASS},
    {"the simulator, IPv6", true, "::1", PLAIN, CHECK_PEER, GUARD_PASS},
    {"a simulator elsewhere", true, "10.0.0.1", PLAIN, CHECK_PEER, GUARD_FAIL},
    {"a simulator on the internet", true, "35.194.68.203", PLAIN, CHECK_PEER, GUARD_FAIL},
    {"a simulator elsewhere, IPv6", true, "2600:1900::1", PLAIN, CHECK_PEER, GUARD_FAIL},
    {"nearly loopback", true, "::2", PLAIN, CHECK_PEER, GUARD_FAIL},
    {"loopback elsewhere in it", true, "0:0:1::1", PLAIN, CHECK_PEER, GUARD_FAIL},
    {"and elsewhere", true, "::1:0:1", PLAIN, CHECK_PEER, GUARD_FAIL},
    {"a simulator with TLS", true, "127.0.0.1", TLS(true, true, 0x0304), CHECK_TLS, GUARD_FAIL},
    {"a simulator, TLS not told", true, "127.0.0.1", {.known = false}, CHECK_TLS, GUARD_UNKNOWN},
};

static void test_wire(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wire_rows); i++) {
        const struct wire_row *row = &wire_rows[i];
        struct order o;
        begin(&o, row->simulator);
        o.request.peer = NULL; // none is known yet
        o.request.tls = (struct tls_state){.known = false};
        assert_true(clear(&o));
        o.request.peer = row->peer;
        o.request.tls = row->tls;
        const bool sent = redeem(&o);
        if (sent != (row->answer == GUARD_PASS) || o.verdict.answer != row->answer ||
            (!sent && o.verdict.check != row->check))
            fail_msg("%s: %s of %s: %s", row->what, guard_answer_name(o.verdict.answer),
                     guard_check_name(o.verdict.check), o.verdict.detail);
        assert_true(sent || o.verdict.detail[0]);
        end(&o);
    }
}

// The host of a request may be missing: the text still has to be there.
static void test_a_certificate_for_no_host(void **state)
{
    struct order o;
    (void)state;
    begin(&o, false);
    assert_true(clear(&o));
    o.request.host = NULL;
    o.request.tls.host_good = false;
    assert_false(redeem(&o));
    assert_int_equal(o.verdict.check, CHECK_REQUEST_HOST); // which is told first
    end(&o);
}

// As the self-test does it: everything passes, one fact is spoilt, and the verdict names the very row.
static void provoke(enum guard_check c, bool simulator)
{
    struct order o;
    begin(&o, simulator);
    struct guard_facts facts = o.facts;
    struct wire_request request = o.request;
    const bool at_minting = guard_provoke(c, &facts, &request);
    assert_int_equal(at_minting, c != CHECK_PEER && c != CHECK_TLS && c != CHECK_PERMIT);
    if (at_minting) { // seen when it is cleared
        const struct guard_facts good = o.facts;
        const struct wire_request right = o.request;
        o.facts = facts;
        o.request = request;
        assert_false(clear(&o));
        if (o.verdict.check != c)
            fail_msg("%s fires %s: %s", guard_check_name(c), guard_check_name(o.verdict.check), o.verdict.detail);
        assert_int_equal(guard_denials(o.guard, c), 1);
        text_free(&o.body);
        const struct receipt_terms terms = good_terms(&good, false, &o.body);
        o.receipt = receipt_mint(&terms);
        o.facts = good;
        o.request = right;
        o.request.body = text_str(&o.body);
        if (request.body == right.body)
            request.body = o.request.body;
    }
    assert_true(clear(&o));
    o.facts = facts;
    o.request = request;
    assert_false(redeem(&o)); // and at the wire
    if (o.verdict.check != c)
        fail_msg("%s fires %s at the wire: %s", guard_check_name(c), guard_check_name(o.verdict.check),
                 o.verdict.detail);
    end(&o);
}

static void test_every_check_can_be_provoked(void **state)
{
    (void)state;
    for (int c = 0; c < GUARD_CHECK_COUNT; c++) {
        provoke((enum guard_check)c, false);
        provoke((enum guard_check)c, true);
    }
}

// The table tells how old each fact is; a check of one request has no age.
static void test_ages(void **state)
{
    struct guard_facts f = good_facts();
    (void)state;
    f.peer_boot_ns = 7;
    str_copy_cut(f.peer_last, sizeof f.peer_last, "35.194.68.203, TLS 1.3");
    assert_int_equal(guard_check_learnt_ns(CHECK_DRY_RUN, &f), f.static_boot_ns);
    assert_int_equal(guard_check_learnt_ns(CHECK_CLOCK, &f), f.clock_boot_ns);
    assert_int_equal(guard_check_learnt_ns(CHECK_PEER, &f), 7);
    assert_int_equal(guard_check_learnt_ns(CHECK_RECEIPT, &f), 0);
    struct guard_result results[GUARD_CHECK_COUNT];
    assert_int_equal(guard_table(&f, GOOD_NOW, false, results), GUARD_PASS);
    assert_non_null(strstr(results[CHECK_PEER].detail, "35.194.68.203"));
}

static void test_evaluations_are_counted(void **state)
{
    struct order o;
    (void)state;
    begin(&o, false);
    assert_int_equal(guard_evaluations(o.guard), 0);
    assert_true(clear(&o));
    assert_int_equal(guard_evaluations(o.guard), 1);
    assert_true(redeem(&o));
    assert_int_equal(guard_evaluations(o.guard), 2);
    const struct wire_request r = good_request(&o.facts, OP_POSITIONS, NULL);
    struct permit *p = NULL;
    assert_int_equal(guard_permit(o.guard, &o.facts, OP_POSITIONS, &r, GOOD_NOW, &p, &o.verdict), 0);
    assert_int_equal(guard_evaluations(o.guard), 3);
    permit_drop(&p);
    end(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wire),
        cmocka_unit_test(test_a_certificate_for_no_host),
        cmocka_unit_test(test_every_check_can_be_provoked),
        cmocka_unit_test(test_ages),
        cmocka_unit_test(test_evaluations_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
