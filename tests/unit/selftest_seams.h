// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// For tests of the self-test: ledger, broker and facts as they must never be reached from it.
#ifndef PAPERGUARD_TESTS_SELFTEST_SEAMS_H
#define PAPERGUARD_TESTS_SELFTEST_SEAMS_H

#include "daemon/desk.h"

#define NEVER(result, name, ...)                                                                                       \
    result name(__VA_ARGS__)                                                                                           \
    {                                                                                                                  \
        fail_msg("the self-test reached " #name);                                                                      \
        __builtin_unreachable();                                                                                       \
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
NEVER(void, broker_call, struct broker *b, enum guard_op op, const char *id, const char *query, broker_done_fn *done,
      void *arg)
NEVER(void, broker_order_request, const struct broker *b, const char *body, size_t body_len,
      struct wire_request *request)
NEVER(void, broker_rate_wait, struct broker *b, void (*ready)(void *arg), void *arg)
NEVER(void, broker_submit, struct broker *b, struct cleared_order **cleared, broker_done_fn *done, void *arg)
NEVER(const struct guard_facts *, facts_view, const struct facts *f)
NEVER(void, ledger_decision, struct ledger *l, const char *kind, const char *subject, const char *answer,
      const char *rule, const char *detail, int64_t now_ns)
NEVER(void, ledger_intent_commit, struct ledger *l, const struct intent *intent, ledger_intent_done_fn *done, void *arg)
NEVER(void, ledger_order_reopen, struct ledger *l, const char *client_order_id, struct day session, const char *reason,
      const char *operator, int64_t now_ns, ledger_done_fn *done, void *arg)
NEVER(void, ledger_order_update, struct ledger *l, const char *client_order_id, const char *order_id,
      enum order_status status, struct qty filled_qty, struct price filled_avg_price, int64_t broker_at, int64_t now_ns,
      const char *source, const char *reason, ledger_done_fn *done, void *arg)
#pragma GCC diagnostic pop

#endif
