// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Sweep: under a halt every open order is cancelled (under reduce-only those that do not reduce), and it is not over
// before the broker's own list of open orders says so. How long that took is recorded.
#ifndef PAPERGUARD_DAEMON_SWEEP_H
#define PAPERGUARD_DAEMON_SWEEP_H

#include "daemon/desk.h"
#include "daemon/halt.h"

struct sweep;
struct sweep_params {
    struct broker *broker;
    struct ledger *ledger;
    struct desk *desk;
    struct halt *halt; // told how far it is
    struct metrics *metrics;
    const int64_t *within_ms; // borrowed: the alert, when it takes longer
    void (*alert)(void *arg, const char *kind, const char *subject, const char *detail);
    void *arg;
};
struct sweep *sweep_new(const struct sweep_params *params);
void sweep_free(struct sweep *s); // after the broker: no answer comes to it

struct sweep_moment {
    const char *account; // "" not known
    enum fact_halt halt; // as memory has it: what cannot be read is no order to cancel
    enum fact_lead lead;
    int64_t since_ns; // of the halt
    bool adopted;     // what an earlier life left open is with the desk
    int64_t boot_ns, wall_ns;
};
void sweep_look(struct sweep *s, const struct sweep_moment *m); // with every tick

#endif
