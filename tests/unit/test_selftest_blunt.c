// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Rows that have lost their teeth, and a good order that is denied: the self-test tells which. Here the examples have
// lost what they provoke with, which looks the same to it.
// needs: daemon/selftest.o daemon/desk*.o daemon/exposure*.o daemon/metrics.o daemon/ledger_null.o daemon/broker_null.o
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define guard_provoke real_guard_provoke
#include "lib/guard/guard_provoke.c" // in the archive's place
#undef guard_provoke
#undef PUT

#include "daemon/selftest.h"
#include "tests/unit/desk_good.h"
#include "tests/unit/selftest_seams.h"

static enum guard_check blunt = GUARD_CHECK_COUNT;
static bool risk_is_real, nothing_passes;

bool guard_provoke(enum guard_check c, struct guard_facts *f, struct wire_request *r);
bool guard_provoke(enum guard_check c, struct guard_facts *f, struct wire_request *r)
{
    return c == blunt || real_guard_provoke(c, f, r);
}

// In the archive's place: the quiet account only, whichever row is asked for; or one that trades nothing.
void risk_example(enum risk_row row, struct risk_example *out)
{
    memset(out, 0, sizeof *out);
    out->limits = good_limits();
    out->view = (struct risk_view){.now_wall_ns = 1,
                                   .hours = RISK_HOURS_REGULAR,
                                   .account_known = true,
                                   .equity = {10000 * DECIMAL_ONE},
                                   .cash = {8000 * DECIMAL_ONE},
                                   .asset_known = true,
                                   .tradable = !nothing_passes,
                                   .fractionable = true,
                                   .price_known = true,
                                   .price = {100 * DECIMAL_ONE},
                                   .reference = {100 * DECIMAL_ONE},
                                   .adv = {10000 * DECIMAL_ONE},
                                   .gross_known = true};
    out->order = (struct order_request){
        .symbol = "SPY", .side = ORDER_BUY, .type = ORDER_MARKET, .tif = TIF_DAY, .qty = {DECIMAL_ONE}};
    if (risk_is_real && row == RISK_TRADABLE)
        out->view.tradable = false;
}

static const struct selftest_row *row_of(const struct selftest *t, enum selftest_kind kind, const char *code)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i].kind == kind && strcmp(t->rows[i].code, code) == 0)
            return &t->rows[i];
    fail_msg("no row %s", code);
    return NULL;
}

// Each check in turn: it alone is told, also those that are asked at the wire only.
static void a_check_that_does_not_fire_is_told(void **state)
{
    struct selftest t;
    (void)state;
    for (int c = 0; c < GUARD_CHECK_COUNT; c++) {
        blunt = (enum guard_check)c;
        selftest_run(false, &t);
        assert_int_equal(t.failed, 1 + RISK_ROW_COUNT); // no example of risk provokes anything here
        const struct selftest_row *r = row_of(&t, SELFTEST_GUARD, guard_check_name((enum guard_check)c));
        assert_false(r->fired);
        assert_string_equal(r->found, "it would have left");
        assert_non_null(strstr(t.detail, guard_check_name((enum guard_check)c)));
    }
    blunt = GUARD_CHECK_COUNT;
}

static void a_row_of_risk_that_does_not_fire_is_told(void **state)
{
    struct selftest t;
    (void)state;
    risk_is_real = true; // of one row
    selftest_run(false, &t);
    assert_int_equal(t.failed, RISK_ROW_COUNT - 1);
    assert_true(row_of(&t, SELFTEST_RISK, "tradable")->fired);
    assert_false(row_of(&t, SELFTEST_RISK, "symbol_list")->fired);
    assert_string_equal(row_of(&t, SELFTEST_RISK, "symbol_list")->found, "it would have left");
    risk_is_real = false;
}

static void a_good_order_that_is_denied_is_told(void **state)
{
    struct selftest t;
    (void)state;
    nothing_passes = true;
    selftest_run(false, &t);
    assert_false(t.rows[0].fired);
    assert_string_equal(t.rows[0].found, "denied by tradable");
    // Another row that denies an example is not its own.
    assert_string_equal(row_of(&t, SELFTEST_GUARD, "halt")->found, "denied by tradable");
    nothing_passes = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_check_that_does_not_fire_is_told),
        cmocka_unit_test(a_row_of_risk_that_does_not_fire_is_told),
        cmocka_unit_test(a_good_order_that_is_denied_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
