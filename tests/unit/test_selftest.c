// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The self-test as it ships: each row fires by its own example, for Alpaca's paper host and for a simulator.
// needs: daemon/selftest.o daemon/desk*.o daemon/exposure*.o daemon/metrics.o daemon/ledger_null.o daemon/broker_null.o
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/selftest.h"
#include "tests/unit/selftest_seams.h"

static void passes(bool simulator)
{
    struct selftest t;
    selftest_run(simulator, &t);
    for (size_t i = 0; i < t.count; i++)
        if (!t.rows[i].fired)
            fail_msg("%s %s: %s", selftest_kind_name(t.rows[i].kind), t.rows[i].code, t.rows[i].found);
    assert_int_equal(t.failed, 0);
    assert_int_equal(t.count, SELFTEST_ROWS_MAX);
    assert_string_equal(selftest_kind_name(t.rows[0].kind), "good_order");
    assert_true(t.took_ns > 0 && strstr(t.detail, "rows did what they are for"));
}

static void every_row_fires(void **state)
{
    (void)state;
    passes(false);
    passes(true);
}

static void each_code_stands_once(void **state)
{
    struct selftest t;
    (void)state;
    selftest_run(true, &t);
    for (size_t i = 0; i < t.count; i++)
        for (size_t k = 0; k < i; k++)
            if (t.rows[i].kind == t.rows[k].kind)
                assert_string_not_equal(t.rows[i].code, t.rows[k].code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_fires),
        cmocka_unit_test(each_code_stands_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
