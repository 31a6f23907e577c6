// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Part of reconcile_room.h: the ledger's doubles for orders that are not ours and for whole passes.
#ifndef PAPERGUARD_TESTS_RECONCILE_KEPT_H
#define PAPERGUARD_TESTS_RECONCILE_KEPT_H

void ledger_quarantine_seen(struct ledger *l, const char *account, const struct order_state *state, int64_t now_ns,
                            void (*done)(void *, enum ledger_result, bool, bool), void *arg)
{
    (void)l, (void)account, (void)now_ns;
    w.keeps++;
    w.kept_state = *state;
    done(arg, w.keep_result, w.kept_news, w.kept_cancel);
}

void ledger_quarantine_open(struct ledger *l, const char *account,
                            void (*done)(void *, enum ledger_result, const struct ledger_quarantined *, size_t),
                            void *arg)
{
    (void)l, (void)account;
    done(arg, LEDGER_OK, w.kept, w.kept_count);
}

void ledger_quarantine_cancel(struct ledger *l, const char *account, const char *order_id, const char *reason,
                              const char *operator, int64_t now_ns, ledger_done_fn *done, void *arg)
{
    (void)l, (void)account, (void)order_id, (void)reason, (void)operator,(void) now_ns;
    w.cancels++;
    done(arg, w.keep_result, "");
}

void ledger_quarantine_adopt(struct ledger *l, const char *account, const char *order_id, const char *strategy,
                             struct day session, struct money reserved, const char *reason, const char *operator,
                             int64_t now_ns, ledger_done_fn *done, void *arg)
{
    (void)l, (void)account, (void)order_id, (void)strategy, (void)session, (void)reserved, (void)reason;
    (void)operator,(void) now_ns;
    w.adoptions++;
    done(arg, w.keep_result, "");
}

void ledger_reconciled_read(struct ledger *l, const char *account, void (*done)(void *, enum ledger_result, int64_t),
                            void *arg)
{
    (void)l, (void)account;
    done(arg, LEDGER_OK, w.reconciled_read);
}

void ledger_reconciled_write(struct ledger *l, const char *account, int64_t at)
{
    (void)l, (void)account;
    w.reconciled = at;
}

void ledger_orders_compare(struct ledger *l, const char *account, const struct order_state *states, size_t count,
                           void (*done)(void *, enum ledger_result, const struct ledger_difference *, size_t),
                           void *arg)
{
    (void)l, (void)account, (void)states;
    w.compared += count;
    done(arg, LEDGER_OK, w.differences, w.difference_count);
}

#endif
