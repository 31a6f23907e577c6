// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Shared by the parts of a run only: its life (run.c), what leads to the plan (run_plan.c), its orders (run_orders.c,
// one leg's tries: run_try.c), the books (run_books.c), settling (run_settle.c), taking up one of an earlier life
// (run_resume.c).
#ifndef PAPERGUARD_DAEMON_RUN_INTERNAL_H
#define PAPERGUARD_DAEMON_RUN_INTERNAL_H

#include "daemon/run.h"
#include "daemon/watch.h"
#include "lib/base/list.h"
#include "lib/base/fsm.h"
#include "lib/base/map.h"

#define RUN_SYMBOLS_MAX PLAN_LEGS_MAX

#define RUN_STEPS(X)                                                                                                   \
    X(STEP_CLAIMING, "claiming")                                                                                       \
    X(STEP_REFRESHING, "refreshing prices")                                                                            \
    X(STEP_BARS, "reading bars")                                                                                       \
    X(STEP_STRATEGIES, "strategies")                                                                                   \
    X(STEP_STORING, "storing the plan")                                                                                \
    X(STEP_LOADING, "loading its plan")                                                                                \
    X(STEP_SENDING, "sending")                                                                                         \
    X(STEP_SETTLING, "settling")                                                                                       \
    X(STEP_ENDED, "ended")
enum run_step { RUN_STEPS(FSM_ENUM) };

struct run;

struct member {
    struct run *run;
    const struct config_strategy *strategy;
    enum { MEMBER_WAITING, MEMBER_OK, MEMBER_FAILED, MEMBER_LATE, MEMBER_PAUSED } status;
    bool no_room; // failed, for want of what it takes to start a process
    char detail[200];
    struct signal signal; // owned when OK
    struct money capital;
    char *targets_json;
};

// waiting for its turn (its first try, or the next) -> out (a try is with the desk) -> waiting | done.
enum leg_state { LEG_WAITING, LEG_OUT, LEG_DONE, LEG_STATES };
struct leg {
    struct run *run;
    size_t index;         // in plan.legs
    enum leg_state state; // run_leg_set changes it
    unsigned counted;     // what of the row's numbers of orders it stands in
    struct money unsold;  // its part of the run's failed_sells
    enum execution_style style;
    int try_no; // of the last try; 0 = none yet
    char client_order_id[CLIENT_ORDER_ID_MAX];
    enum order_status status; // of the last try
    struct qty filled;        // by all tries
    struct qty filled_before; // by those before the last one
    bool timed, time_up;      // the last try is given up after a while; that while is over
    bool refreshed;           // quotes were read for the try to come
    loop_timer timer;
    const char *why; // why no (further) order is sent, when that is the run's decision
};

struct run {
    struct runs *runs;
    enum run_step step;
    struct run_row row;
    int64_t close_at, latest_start_at;
    bool preview;    // only a plan is wanted (run_preview.c)
    bool resumed;    // of an earlier life
    bool claim_lost; // a claim of ours may have been written: only the ledger can tell
    struct member *members;
    size_t member_count, members_waiting;
    char *symbols[RUN_SYMBOLS_MAX];
    size_t symbol_count;
    struct signal_price *prices;
    size_t price_count;
    struct money equity;
    struct plan plan;
    bool plan_made;
    struct leg *legs;
    size_t leg_count;
    // Kept as legs change, so that one change costs the same in a run of ten thousand orders as in one of ten.
    size_t standing[LEG_STATES][2];   // legs by state and side
    size_t first_waiting, first_open; // no leg before it is waiting, none is other than done
    uint64_t tries_placed;            // in this life
    struct money failed_sells;        // what the sells that are done left unsold, at the decision's prices
    int64_t stored_members_failed;    // of a plan that was loaded
    bool refreshing;                  // prices and account are being read while legs wait
    int64_t refreshed_boot_ns;        // when they were asked for last, 0 = not yet
    int refresh_failures;
    bool sells_ended; // seen, and the account asked for after it
    int64_t sells_ended_boot_ns;
    char blocked[160]; // why buys are left out
    int64_t fills_before;
    unsigned calls; // answers outstanding: the run is not freed before they came
    loop_timer timer, deadline_timer;
    void (*started)(void *arg, const struct run_row *row, bool taken, const char *why);
    void *started_arg;
};

struct runs {
    struct runs_params p;
    struct run *active;      // at most one
    struct run_row *waiting; // rows of an earlier life still to be resumed
    size_t waiting_count;
    struct ledger_books books; // deep copy of the last ones
    bool books_known, draining;
    struct map *legs;      // client order id -> leg of the active run
    struct list endings;   // how runs ended, until the ledger has it
    struct list unsettled; // runs that ended before their orders were known to have (run_late.c)
    bool unsettled_asking, unsettled_passed;
    struct list previews;
    struct session_day *days; // the exchange calendar
    size_t day_count;
    struct list missed; // slots that passed without a run, until the ledger has them
    size_t missed_count;
    int64_t missed_left_out; // that were too many to keep, since the last alert about them
    char why[200];           // of run_orders_ended
};

void run_set_step(struct run *run, enum run_step to);
// Around every asynchronous call: run_call before it, run_back first thing in its answer; false when the run has ended
// meanwhile and the answer is of no use.
void run_call(struct run *run);
bool run_back(struct run *run) MUST_CHECK;
void run_save(struct run *run); // row into the ledger and told
void run_finish(struct run *run, enum run_status status, const char *format, ...) PRINTF_LIKE(3, 4);
void run_after(struct run *run, int64_t ms, loop_fn *fn);
void run_free_parts(struct run *run); // all it owns
// run_books.c
void run_books_take(struct runs *r, const struct ledger_books *books); // a copy
void run_books_free(struct runs *r);
// Nothing is planned while orders of other runs are out, or have ended and their fills are not booked: the books do not
// show them yet, an UNKNOWN one least of all.
bool run_orders_ended(struct runs *r, const char *except_run_id, const char **why);
const struct config_strategy *runs_strategy(const struct runs *r, const char *name); // NULL: none is configured
// run_preview.c
void run_confidence_look(const struct run *run); // it is completed: is a model unsure?
void run_preview_planned(struct run *run);
void run_preview_failed(struct run *run, const char *why);
void runs_previews_free(struct runs *r);
// run_plan.c
void run_prepare(struct run *run); // refresh -> bars -> strategies -> plan -> stored -> run_place_legs
void run_plan_free(struct run *run);
// run_orders.c
void run_make_legs(struct run *run);  // of its plan
void run_place_legs(struct run *run); // starts or goes on sending
void run_go_on(struct run *run);      // something changed: what follows from where the legs stand
void run_count(struct run *run);      // the row's numbers of orders, from all legs
void run_count_leg(struct leg *leg);  // the same, when only this leg has changed
void run_leg_changed(struct leg *leg, const struct order_row *row);
// run_try.c
void run_try_place(struct leg *leg);                              // the leg's next try, to the desk
void run_try_known(struct leg *leg, const struct order_row *row); // of an earlier life, in order
void run_try_ended(struct leg *leg, const struct order_row *row);
void run_leg_set(struct leg *leg, enum leg_state state);
void run_leg_done(struct leg *leg, const char *why); // why: NULL, or kept
// run_settle.c
void run_end_sending(struct run *run);
void run_settle(struct run *run);
void run_deadline(struct run *run);
// run_late.c
void runs_unsettled_add(struct runs *r, const struct run_row *row); // when it is one
void runs_unsettled_look(struct runs *r);
void runs_unsettled_free(struct runs *r);
// run_resume.c
void run_resume(struct runs *r, const struct run_row *row);
// run.c
struct run *run_new(struct runs *r);
void run_begin(struct run *run);
void run_add_members(struct run *run);
void run_arm_deadline(struct run *run);
void runs_write_ending(struct runs *r, const struct run_row *row); // until the ledger has taken it
void run_ignore_started(void *arg, const struct run_row *row, bool taken, const char *why);

#endif
