// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The self-test: a second desk and a second guard on null ports are given an example for each check of the guard and
// each row of risk, which that very one must deny, and a good order, which must pass.
#ifndef PAPERGUARD_DAEMON_SELFTEST_H
#define PAPERGUARD_DAEMON_SELFTEST_H

#include "lib/guard/guard.h"
#include "lib/trade/risk.h"

enum selftest_kind { SELFTEST_GOOD, SELFTEST_GUARD, SELFTEST_RISK };
struct selftest_row {
    enum selftest_kind kind;
    const char *code; // that must deny; "" of a good order
    bool fired;       // it did what it is for
    char found[120];  // what happened instead, "" when it fired
};
#define SELFTEST_ROWS_MAX (GUARD_CHECK_COUNT + RISK_ROW_COUNT + 1)
struct selftest {
    struct selftest_row rows[SELFTEST_ROWS_MAX];
    size_t count, failed;
    int64_t took_ns;
    char detail[160]; // "59 rows fired" or which did not
};
const char *selftest_kind_name(enum selftest_kind k);
// At once, in about a millisecond; touches nothing but *out.
void selftest_run(bool simulator, struct selftest *out);

#endif
