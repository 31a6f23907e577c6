// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// When the self-test runs (at start, after a reload, half an hour before a day's first slot and at least once a day,
// and when somebody asks for it) and who hears of it.
#include <stdio.h>

#include "daemon/daemon.h"
#include "lib/base/log.h"

#define BEFORE_SLOT_NS (INT64_C(1800) * NS_PER_S)
#define DAILY_NS (INT64_C(24) * 3600 * NS_PER_S)

void daemon_selftest(void *arg, const char *cause)
{
    struct daemon *d = arg;
    struct selftest *t = &d->selftest;
    const bool told = t->count && str_equal(cause, "daily");
    selftest_run(facts_simulator(d->facts), t);
    d->snapshot.self_test.passed = t->failed == 0;
    d->snapshot.self_test.rows = (int64_t)t->count;
    d->snapshot.self_test.failed = (int64_t)t->failed;
    d->snapshot.self_test.took_ns = t->took_ns;
    d->snapshot.self_test.at = clock_wall_ns();
    d->snapshot.self_test.cause = cause;
    str_copy_cut(d->snapshot.self_test.detail, sizeof d->snapshot.self_test.detail, t->detail);
    d->snapshot.at_boot_ns = 0;
    facts_set_self_test(d->facts, t->failed == 0, t->detail, clock_boot_ns());
    ledger_self_test(d->ledger, &(struct ledger_self_test){.cause = cause,
                                                           .passed = t->failed == 0,
                                                           .rows = t->count,
                                                           .failed = t->failed,
                                                           .took_ns = t->took_ns,
                                                           .at_ns = d->snapshot.self_test.at,
                                                           .detail = t->detail});
    if (t->failed)
        daemon_alert(d, "self_test", cause, t->detail);
    else if (!told)
        log_info("self-test (%s): %s, in %lld us", cause, t->detail, (long long)(t->took_ns / 1000));
}

void daemon_selftest_collect(struct daemon *d)
{
    for (size_t i = 0; i < d->selftest.count; i++) {
        char label[96];
        const struct selftest_row *r = &d->selftest.rows[i];
        snprintf(label, sizeof label, "%s,%s", selftest_kind_name(r->kind), r->code);
        metrics_set(d->metrics, METRIC_SELF_TEST_FIRED, label, r->fired);
    }
    metrics_set(d->metrics, METRIC_SELF_TEST_PASSED, "", d->snapshot.self_test.passed);
    metrics_set(d->metrics, METRIC_SELF_TEST_AT, "", d->snapshot.self_test.at / NS_PER_S);
}

// Half an hour before the first slot of a day; a daemon that has no slots tests itself once in a day all the same.
void daemon_selftest_look(struct daemon *d)
{
    const int64_t now = clock_wall_ns(), last = d->snapshot.self_test.at, slot = d->snapshot.next_run_ns;
    const bool first = slot && slot - now <= BEFORE_SLOT_NS && last < slot - BEFORE_SLOT_NS &&
                       day_compare(d->selftest_day, day_of(slot)) != 0;
    if (!first && now - last < DAILY_NS && last <= now)
        return;
    if (first)
        d->selftest_day = day_of(slot);
    daemon_selftest(d, "daily");
}
