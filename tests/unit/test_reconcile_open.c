// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/reconcile*.o daemon/exposure.o daemon/metrics.o
//
// What is compared while orders are open.
#include "tests/unit/reconcile_room.h"

// A resting order of somebody keeps neither a run from settling nor the next from starting.
static void what_agrees_beside_open_orders_counts(void **state)
{
    const char *why;
    (void)state;
    w.open = 1;
    w.oldest = w.now;
    account_has("500");
    begin();
    assert_false(reconcile_in_step(reconcile, &why));
    account_has("600");
    assert_true(pass());
    assert_true(reconcile_in_step(reconcile, &why));
    assert_true(pass());
}

// A fill may be there and not be listed yet: what differs then is told only when it lasts as it is.
static void what_differs_beside_open_orders_must_last(void **state)
{
    const char *why;
    (void)state;
    begin();
    w.open = 1;
    w.oldest = w.now;
    for (int i = 1; i < 30; i++) {
        char qty[8];
        snprintf(qty, sizeof qty, "%d", 4 + i);
        position_is("SPY", qty); // each time another
        assert_false(pass());
        assert_true(reconcile_in_step(reconcile, &why));
    }
    assert_int_equal(metrics_value(metrics, METRIC_LEDGER_MISMATCH, "position"), 0);
    w.now += 8 * NS_PER_S;
    assert_false(pass());
    assert_true(reconcile_in_step(reconcile, &why));
    w.now += NS_PER_S;
    assert_false(pass());
    assert_false(reconcile_in_step(reconcile, &why));
    assert_non_null(strstr(why, "SPY: ledger 4, broker 33"));
    assert_int_equal(metrics_value(metrics, METRIC_LEDGER_MISMATCH, "position"), 1);
    assert_int_equal(w.alerts, 1);
    position_is("SPY", "4");
    assert_true(pass());
    assert_true(reconcile_in_step(reconcile, &why));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_agrees_beside_open_orders_counts),
        T(what_differs_beside_open_orders_must_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
