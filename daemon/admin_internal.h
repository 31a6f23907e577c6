// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Shared by the parts of admin only: the door (admin.c) and the groups of verbs behind it.
#ifndef PAPERGUARD_DAEMON_ADMIN_INTERNAL_H
#define PAPERGUARD_DAEMON_ADMIN_INTERNAL_H

#include "daemon/admin.h"
#include "daemon/admin_steps.h"
#include "daemon/api_internal.h"

struct admin {
    struct admin_params p;
    struct risk_limits ceilings; // as this life began
    struct admin_token resolve, retry, quarantine, assign, raise, flatten;
    struct order_row looked_at; // the order that was found last, while the ledger is asked whether it is parked
    unsigned looked_at_turn;    // which question that is
};

// who: whom the log and the ledger name for it.
typedef void admin_serve_fn(struct admin *a, struct http_exchange *x, const char *who);
admin_serve_fn admin_serve_strategies, admin_serve_strategy_history, admin_serve_pause,
    admin_serve_resume;                                     // admin_strategies.c
admin_serve_fn admin_serve_next;                            // admin_next.c
admin_serve_fn admin_serve_config, admin_serve_config_diff; // admin_config.c
admin_serve_fn admin_serve_limits;                          // admin_limits.c
admin_serve_fn admin_serve_raise, admin_serve_revert;       // admin_raise.c
admin_serve_fn admin_serve_selftest;                        // admin_selftest.c
admin_serve_fn admin_serve_keys, admin_serve_keys_rotate;   // admin_keys.c
admin_serve_fn admin_serve_plan;                            // admin_plan.c
admin_serve_fn admin_serve_resolve;                         // admin_resolve.c
admin_serve_fn admin_serve_retry;                           // admin_retry.c
admin_serve_fn admin_serve_drift, admin_serve_drift_accept; // admin_drift.c
admin_serve_fn admin_serve_assign;                          // admin_assign.c
admin_serve_fn admin_serve_flatten;                         // admin_flatten.c
admin_serve_fn admin_serve_quarantine, admin_serve_quarantine_adopt,
    admin_serve_quarantine_cancel; // admin_quarantine.c
// Is there such a strategy? Else the exchange was answered: 404, with what was perhaps meant.
bool admin_strategy_exists(const struct admin *a, struct http_exchange *x, const char *name);
// Completion of what an operator accepts, with its wait: tells what was recorded, or 409 and why not.
void admin_answer_accepted(void *arg, bool ok, const char *detail);
void admin_put_order(struct json_out *o, const struct order_row *row); // members
void admin_put_paused(const struct admin *a, struct json_out *o);      // names of what is paused

void admin_put_key(const struct admin *a, struct json_out *o); // admin_keys.c

#endif
