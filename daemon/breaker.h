// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Circuit breaker: watches the account, its data and the broker, and says when trading has to stop. It trips once;
// releasing the halt that follows begins all its figures anew, from the equity of that moment.
#ifndef PAPERGUARD_DAEMON_BREAKER_H
#define PAPERGUARD_DAEMON_BREAKER_H

#include "daemon/exposure.h"
#include "daemon/metrics.h"
#include "lib/trade/breaker.h"

struct breaker;
struct breaker_params {
    struct ledger *ledger;
    struct exposure *exposure;
    struct metrics *metrics;
    const struct breaker_limits *limits;                             // borrowed, as they hold now
    void (*tripped)(void *arg, const char *row, const char *detail); // not when a halt is in force already
    void *arg;
};
struct breaker *breaker_new(const struct breaker_params *params);
void breaker_free(struct breaker *b);

struct breaker_moment {
    const char *account; // "" not known
    bool leads, session_known;
    enum fact_halt halt;
    struct day session;
    int64_t boot_ns, wall_ns;
};
void breaker_look(struct breaker *b, const struct breaker_moment *m); // with every tick
void breaker_call(struct breaker *b, bool failed);                    // a broker call ended
void breaker_judged(struct breaker *b, const struct risk_verdict *v); // an order that was to be placed
void breaker_executed(struct breaker *b, const struct intent *intent, int64_t now_boot_ns); // it is filled
// What the rows look at now; account_known false until the marks were read.
struct breaker_view breaker_view_now(const struct breaker *b);
const struct breaker_verdict *breaker_verdict_now(const struct breaker *b); // why it is tripped; trips false: it is not

#endif
