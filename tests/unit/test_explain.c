// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Every code that the guard, risk, orders, runs and the ledger can be told with is explained.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "daemon/ledger.h"
#include "daemon/messages.h"
#include "lib/guard/guard.h"
#include "lib/trade/breaker.h"
#include "lib/trade/risk.h"

// needs: daemon/ledger.o daemon/ledger_values.o daemon/ledger_schema.o daemon/ledger_records.o daemon/ledger_upkeep.o
// needs: daemon/ledger_call.o daemon/ledger_runs.o daemon/ledger_orders.o daemon/ledger_fills.o daemon/ledger_read.o
// needs: daemon/ledger_mark.o

static const struct {
    const char *kind, *code, *meaning, *action;
} CODES[] = {
#define CODE(kind, code, meaning, action) {kind, code, meaning, action},
#include "daemon/ctl/codes.def"
#undef CODE
};

static void explained(const char *kind, const char *code)
{
    for (size_t i = 0; i < ARRAY_LEN(CODES); i++)
        if (strcmp(CODES[i].kind, kind) == 0 && strcmp(CODES[i].code, code) == 0)
            return;
    fail_msg("%s %s is not in daemon/ctl/codes.def", kind, code);
}

static void checks_and_answers(void **state)
{
    (void)state;
    for (int i = 0; i < GUARD_CHECK_COUNT; i++)
        explained("check", guard_check_name((enum guard_check)i));
    for (int i = GUARD_PASS; i <= GUARD_UNKNOWN; i++)
        explained("answer", guard_answer_name((enum guard_answer)i));
}

static void risk_rows(void **state)
{
    (void)state;
    for (int i = 0; i < RISK_ROW_COUNT; i++)
        explained("risk", risk_row_name((enum risk_row)i));
    for (int i = 0; i < BREAKER_ROW_COUNT; i++)
        explained("breaker", breaker_row_name((enum breaker_row)i));
}

static void order_statuses(void **state)
{
    (void)state;
    for (int i = 0; i < ORDER_STATUS_COUNT; i++)
        explained("order", order_status_name((enum order_status)i));
}

static void halts(void **state)
{
    (void)state;
    for (int i = HALT_UNKNOWN; i <= HALT_HALTED; i++)
        explained("halt", fact_halt_name((enum fact_halt)i));
}

static void runs_databases_and_health(void **state)
{
    (void)state;
    for (int i = RUN_CLAIMED; i <= RUN_MISSED; i++)
        explained("run", run_status_name((enum run_status)i));
    for (int i = LEDGER_CONNECTING; i <= LEDGER_READY; i++)
        explained("database", ledger_state_name((enum ledger_state)i));
    explained("health", "healthy");
    explained("health", "degraded");
    explained("health", "unhealthy");
    explained("halt", "halted");
}

static void message_ids_are_ids_and_differ(void **state)
{
    (void)state;
    for (int i = 0; i < MESSAGE_COUNT; i++) {
        const char *id = message_id((enum message)i);
        assert_int_equal(strlen(id), 32);
        assert_int_equal(strspn(id, "0123456789abcdef"), 32);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(id, message_id((enum message)k));
    }
}

static void texts_are_whole_and_codes_stand_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CODES); i++) {
        assert_true(strlen(CODES[i].meaning) > 10 && strlen(CODES[i].action) >= 5);
        for (size_t k = 0; k < i; k++)
            if (strcmp(CODES[i].kind, CODES[k].kind) == 0 && strcmp(CODES[i].code, CODES[k].code) == 0)
                fail_msg("%s %s stands twice", CODES[i].kind, CODES[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_and_answers),
        cmocka_unit_test(risk_rows),
        cmocka_unit_test(order_statuses),
        cmocka_unit_test(halts),
        cmocka_unit_test(runs_databases_and_health),
        cmocka_unit_test(message_ids_are_ids_and_differ),
        cmocka_unit_test(texts_are_whole_and_codes_stand_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
