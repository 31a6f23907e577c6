// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What a halt leads to: no order is left open.
#include "daemon/daemon.h"

void daemon_halt_new(struct daemon *d)
{
    d->sweep = sweep_new(&(struct sweep_params){.broker = d->broker,
                                                .ledger = d->ledger,
                                                .desk = d->desk,
                                                .halt = d->halt,
                                                .metrics = d->metrics,
                                                .within_ms = &d->config->halt_cleared_within_ms,
                                                .alert = daemon_alert,
                                                .arg = d});
}

void daemon_halt_look(struct daemon *d)
{
    const struct guard_facts *f = facts_view(d->facts);
    const struct sweep_moment m = {.account = f->account_number,
                                   .halt = f->halt_memory,
                                   .lead = f->lead,
                                   .since_ns = halt_since_ns(d->halt),
                                   .adopted = reconcile_adopted(d->reconcile),
                                   .boot_ns = clock_boot_ns(),
                                   .wall_ns = clock_wall_ns()};
    sweep_look(d->sweep, &m);
}
