// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Limits that an operator raised for a time: never over what the config had at the start times max_raise, kept in
// Postgres, and gone by themselves at their end, also when that came while no daemon ran.
#ifndef PAPERGUARD_DAEMON_RAISES_H
#define PAPERGUARD_DAEMON_RAISES_H

#include "daemon/ledger.h"
#include "lib/trade/risk.h"

#define RAISES_FOR_MAX_NS (24 * 3600 * NS_PER_S)

struct raises;
// ceilings: as this life began, and how far above them a raise may go. changed: what holds has changed; detail NULL:
// because another host leads.
struct raises *raises_new(struct ledger *ledger, const struct risk_limits *ceilings, struct ratio max_raise,
                          void (*changed)(void *arg, const char *name, const char *detail), void *arg);
void raises_free(struct raises *r);
// With every tick: reads what is kept once this host leads this account ("": not known), and drops what is over.
void raises_look(struct raises *r, const char *account, bool leads, int64_t boot_ns, int64_t wall_ns);
void raises_apply(const struct raises *r, struct risk_limits *limits);         // to what the config says now
const struct limit_raise *raises_of(const struct raises *r, const char *name); // NULL: not raised
bool raises_whole(const char *name);                                           // counts, without decimals
// What a raise of this limit may be, from and to (nanos); -1 when there is no such limit, or none that may be raised.
int raises_bounds(const struct raises *r, const char *name, const struct risk_limits *now, int64_t *from, int64_t *to,
                  struct err *err) MUST_CHECK;
// Holds once Postgres has it. until in the past: it reverts at once.
void raises_set(struct raises *r, const struct limit_raise *raise, int64_t boot_ns, int64_t wall_ns,
                void (*done)(void *arg, bool ok, const char *detail), void *arg);

#endif
