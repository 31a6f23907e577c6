// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Reconcile: compares the broker's truth with the ledger at start, after reconnects and on a timer; polls orders and
// fills while any order is open; refreshes account, positions, prices. A difference is an alert, never a quiet repair.
#ifndef PAPERGUARD_DAEMON_RECONCILE_H
#define PAPERGUARD_DAEMON_RECONCILE_H

#include "daemon/broker.h"
#include "daemon/desk.h"
#include "daemon/exposure.h"
#include "daemon/ledger.h"
#include "lib/base/json_write.h"

struct reconcile;
struct reconcile_params {
    struct loop *loop;
    struct broker *broker;
    struct ledger *ledger;
    struct exposure *exposure;
    struct desk *desk;
    struct facts *facts;
    struct metrics *metrics;
    int64_t poll_interval_ms;
    int64_t compare_interval_ms;   // while nothing is open: identity, positions and activities are read again
    int64_t reconcile_interval_ms; // between two whole passes, which read all since the last one, with an overlap
    const char *feed;
    // Books, cash and fills changed (after a commit): run settles on this, snapshot shows it.
    void (*on_books)(void *arg, const struct ledger_books *books);
    void (*on_fills)(void *arg, const struct alpaca_fill *fills,
                     size_t count); // new since this life began, as recorded
    void (*on_calendar)(void *arg, const struct session_day *days, size_t count); // sorted
    void (*on_clock)(void *arg, const struct alpaca_clock *clock);
    void (*on_lost)(void *arg, size_t orders, const char *first); // at the broker with ids of ours, not in the ledger
    void (*on_state)(void *arg);                                  // in_step or its reason changed
    void (*alert)(void *arg, const char *kind, const char *subject, const char *detail);
    void *arg;
};
struct reconcile *reconcile_new(const struct reconcile_params *params);
void reconcile_free(struct reconcile *r);
// Starts (again): identity (BOOT_READ), clock, calendar, open orders of the ledger, broker orders, fills, positions,
// cash.
void reconcile_start(struct reconcile *r);
// True once ledger == broker was found, as long as passes go on; orders are refused otherwise. reason says what is
// missing ("opening not accepted").
bool reconcile_in_step(const struct reconcile *r, const char **reason);
bool reconcile_adopted(const struct reconcile *r); // what the ledger has open is with the desk
bool reconcile_needs_opening(const struct reconcile *r);
void reconcile_accept_opening(struct reconcile *r, void (*done)(void *arg, bool ok, const char *detail), void *arg);
// How ledger and broker differ by the last comparison: members into an open object. code names this very difference.
void reconcile_write_drift(const struct reconcile *r, struct json_out *o);
// Books the difference with this code as the broker has it (ledger_correction). Refused when the broker tells another
// one by now, when orders are open, or without a reason and the name of who accepts it.
void reconcile_accept_drift(struct reconcile *r, const char *code, const char *reason, const char *operator,
                            void (*done)(void *arg, bool ok, const char *detail), void *arg);
// An operator's word that what is in the book `unassigned` is a strategy's. held: what unassigned held when it was
// looked at. Refused when that has changed, while an order or activity of the symbol or a run is not over, or ledger
// and broker are not in step. done when the books were read again.
struct reconcile_assignment {
    const char *symbol, *strategy;
    struct qty qty, held;
    const char *reason, *who;
};
void reconcile_assign(struct reconcile *r, const struct reconcile_assignment *said,
                      void (*done)(void *arg, bool ok, const char *detail), void *arg);
// Books that were asked for before this boot time lack what was assigned; INT64_MAX: it is on its way into the ledger.
int64_t reconcile_books_after(const struct reconcile *r);
// Orders at the broker that are not ours: how many are open, and one by its id there or its client order id (borrowed;
// NULL: there is none).
size_t reconcile_quarantined(const struct reconcile *r);
const struct order_state *reconcile_quarantine_find(const struct reconcile *r, const char *id);
// An operator's word about one: cancel it at the broker and follow it to its end; or adopt it: it is ours from now on,
// followed by the desk, its fills go into the strategy's book ("": unassigned). done may be called at once.
struct quarantine_word {
    bool adopt;
    const char *strategy, *reason, *who;
    struct day session; // of an adopted order
};
void reconcile_quarantine_word(struct reconcile *r, const char *id, const struct quarantine_word *said,
                               void (*done)(void *arg, bool ok, const char *detail), void *arg);
// Fetches account, positions and the latest trade and quote of these symbols (and assets once); then done.
void reconcile_refresh(struct reconcile *r, const char *const *symbols, size_t count,
                       void (*done)(void *arg, bool ok, const char *detail), void *arg);
// Poll now and report when one full pass (orders, fills, books, cash) has ended.
void reconcile_pass(struct reconcile *r, void (*done)(void *arg, bool in_step, const char *detail), void *arg);
// Daily bars up to before `session`, split-adjusted: done gets borrowed arrays.
void reconcile_bars(struct reconcile *r, const char *const *symbols, size_t count, struct day session,
                    int lookback_days,
                    void (*done)(void *arg, bool ok, const struct signal_bars *bars, size_t count, const char *detail),
                    void *arg);
// A run has settled: equity and positions are kept with its id.
void reconcile_run_settled(struct reconcile *r, const char *run_id);
// The broker's order stream: while it is connected open orders are read less often (orders without an answer are not),
// and what happened before it was is read at once.
void reconcile_set_stream(struct reconcile *r, bool connected);
// Something happened to an order, says the stream: look soon. Many at once cost few passes.
void reconcile_nudge(struct reconcile *r);
void reconcile_kick(struct reconcile *r); // an order was placed, or what it waits for may have come: look soon

#endif
