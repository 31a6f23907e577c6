// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A run: the row (account, session, slot) and everything until it is settled, as one state machine.
//   claim -> refresh -> strategies -> plan -> store plan -> sells -> buys -> settle -> completed | partial | failed
#ifndef PAPERGUARD_DAEMON_RUN_H
#define PAPERGUARD_DAEMON_RUN_H

#include "daemon/desk.h"
#include "daemon/pauses.h"
#include "daemon/reconcile.h"
#include "daemon/strategies.h"

struct runs; // all runs under way (at most one sends at a time)
struct runs_params {
    struct loop *loop;
    const struct config *config;
    struct ledger *ledger;
    struct reconcile *reconcile;
    struct strategies *strategies;
    const struct pauses *pauses; // known once may_start says yes
    struct desk *desk;
    struct exposure *exposure;
    struct facts *facts;
    struct metrics *metrics;
    bool (*may_start)(void *arg, const char **why);           // asked before a claimed run of an earlier life begins
    void (*on_run)(void *arg, const struct run_row *row);     // each change
    void (*on_settled)(void *arg, const struct run_row *row); // it has ended before, and has settled now
    void (*alert)(void *arg, const char *kind, const char *subject, const char *detail);
    void *arg;
};
struct runs *runs_new(const struct runs_params *params);
void runs_free(struct runs *r);
struct run_order { // what the scheduler or an operator asks for
    struct day session;
    const char *slot_key; // or "manual"
    const char *label, *cause;
    const char *strategies;         // names, space separated
    int64_t scheduled_at, close_at; // ns
};
// started: claimed (row) or refused (row NULL, why).
void runs_start(struct runs *r, const struct run_order *order,
                void (*started)(void *arg, const struct run_row *row, bool taken, const char *why), void *arg);
void runs_record_missed(struct runs *r, const struct run_order *order, const char *why);
void runs_resume(struct runs *r, const struct run_row *rows,
                 size_t count); // of an earlier life: what is unfinished, and what ended unsettled
void runs_order_changed(struct runs *r, const struct order_row *row);
void runs_books_changed(struct runs *r, const struct ledger_books *books);
const struct book *runs_book(const struct runs *r, const char *name); // as read last, borrowed; NULL: none
bool runs_held(const struct runs *r, const char *book, const char *symbol, struct qty *out); // false: not known now
// A run under way plans from this strategy's book, or sends what it planned from it: no other order may move it now.
bool runs_need_book(const struct runs *r, const char *strategy);
// NULL: not read yet. As read last, borrowed.
const struct ledger_books *runs_books(const struct runs *r);
// Is no run in flight and nothing out that may change a strategy's book, and do the books show all of it? Else why not.
bool runs_at_rest(const struct runs *r, const char **why);
bool runs_busy(const struct runs *r); // while draining: a run without a stored plan is not waited for
void runs_set_calendar(struct runs *r, const struct session_day *days, size_t count);
void runs_drain(struct runs *r); // SIGTERM: starts nothing new; runs stay resumable

// What a strategy would do now: fresh prices and bars, the strategy as a child, a plan against its book. Nothing is
// claimed, stored or sent, and it may be asked while a run is under way. done comes once, also from within the call;
// preview is NULL when there is none, and why says the reason. All of it is borrowed for the callback.
struct run_preview_leg {
    const struct plan_leg *leg;
    struct money notional; // at the decision price, rounded up
    bool reduces;          // class REDUCE, else OPEN
    char refused[240];     // "row: detail" when the desk would refuse it now; "" = it would pass
};
struct run_preview {
    const char *strategy, *model_name, *model_version;
    struct day session;
    int64_t as_of; // ns
    struct alpaca_account account;
    struct money capital; // the strategy's share of deployable equity
    const struct signal_target *targets;
    size_t target_count;
    const struct run_preview_leg *legs; // sells first
    size_t leg_count;
};
void runs_preview(struct runs *r, const char *strategy,
                  void (*done)(void *arg, const struct run_preview *preview, const char *why), void *arg);

#endif
