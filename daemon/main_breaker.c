// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The circuit breaker among the others: what it is told, and the halt that follows when it trips.
#include <stdio.h>

#include "daemon/daemon.h"
#include "lib/base/text.h"

static void tripped(void *arg, const char *row, const char *detail)
{
    struct daemon *d = arg;
    char reason[FACT_TEXT_MAX];
    snprintf(reason, sizeof reason, "breaker:%s: %.110s", row, detail);
    halt_engage(d->halt, HALT_HALTED, reason, "breaker");
    ledger_decision(d->ledger, "breaker", facts_view(d->facts)->account_number, "tripped", row, detail,
                    clock_wall_ns());
    daemon_alert(d, "breaker", row, detail);
    daemon_look_soon(d);
}

void daemon_breaker_new(struct daemon *d)
{
    d->breaker = breaker_new(&(struct breaker_params){.ledger = d->ledger,
                                                      .exposure = d->exposure,
                                                      .metrics = d->metrics,
                                                      .limits = &d->breaker_limits,
                                                      .tripped = tripped,
                                                      .arg = d});
}

void daemon_breaker_judged(void *arg, const struct risk_verdict *v)
{
    breaker_judged(((struct daemon *)arg)->breaker, v);
}

void daemon_breaker_order(struct daemon *d, const struct order_row *row)
{
    if (row->status == ORDER_FILLED)
        breaker_executed(d->breaker, &row->intent, clock_boot_ns());
}

static void collect(struct daemon *d)
{
    const struct breaker_view v = breaker_view_now(d->breaker);
    struct ratio loss, down;
    metrics_set(d->metrics, METRIC_BREAKER_TRIPPED, "", breaker_verdict_now(d->breaker)->trips);
    if (!v.account_known || v.day_start.nanos <= 0 || v.high_water.nanos <= 0)
        return;
    const struct money lost = {v.equity.nanos < v.day_start.nanos ? v.day_start.nanos - v.equity.nanos : 0};
    const struct money below = {v.equity.nanos < v.high_water.nanos ? v.high_water.nanos - v.equity.nanos : 0};
    if (money_ratio_up(lost, v.day_start, &loss))
        metrics_set_decimal(d->metrics, METRIC_DAILY_LOSS, "", loss.nanos);
    if (money_ratio_up(below, v.high_water, &down))
        metrics_set_decimal(d->metrics, METRIC_DRAWDOWN, "", down.nanos);
}

// An account that is not this database's is not measured by its marks, and none are kept of it.
static const char *own_account(const struct guard_facts *f)
{
    return f->account_first_known && str_equal(f->account_number, f->account_first_seen) ? f->account_number : "";
}

void daemon_breaker_look(struct daemon *d)
{
    bool always_open;
    int64_t now = clock_wall_ns();
    const struct guard_facts *f = facts_view(d->facts);
    const struct calendar calendar = scheduler_calendar(d->scheduler, &always_open);
    const struct session_day *day = calendar.count ? session_of(&calendar, now) : NULL;
    struct breaker_moment m = {.account = own_account(f),
                               .leads = f->lead == LEAD_HELD && d->ledger_state == LEDGER_READY,
                               .session_known = day != NULL,
                               .halt = halt_state(d->halt),
                               .boot_ns = clock_boot_ns(),
                               .wall_ns = now};
    if (day)
        m.session = day->date;
    breaker_look(d->breaker, &m);
    collect(d);
}
