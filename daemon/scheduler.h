// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Scheduler: decides when a run is due (lib/trade/session does the deciding) and asks for it. Wakes by the wall clock
// and on its jumps.
#ifndef PAPERGUARD_DAEMON_SCHEDULER_H
#define PAPERGUARD_DAEMON_SCHEDULER_H

#include "daemon/pauses.h"
#include "daemon/run.h"

struct scheduler;
struct scheduler_status {
    bool enabled, running, calendar_known;
    int64_t calendar_kept_ns; // not of this life: as the broker told it then; 0 = told in this life
    bool calendar_checked;    // false: not known yet, or a simulator's market that is open around the clock
    char calendar_doubt[200]; // the first coming session on which broker and exchange rules differ, "" = none
    int64_t next_run_ns;      // 0 = none
    char trigger[128];
    int64_t runs;
    struct run_row last_run; // id "" = none
};
struct scheduler_params {
    struct loop *loop;
    const struct config *config;
    struct ledger *ledger;
    struct runs *runs;
    const struct pauses *pauses;
    struct facts *facts;
    struct metrics *metrics;
    bool (*may_start)(void *arg, const char **why); // guard passes, in step, not halted, not draining
    void (*alert)(void *arg, const char *kind, const char *subject, const char *detail);
    void *arg;
};
struct scheduler *scheduler_new(const struct scheduler_params *params);
void scheduler_free(struct scheduler *s);
// The broker's. It is held to the exchange's own rules: a session on which they differ is alerted, and nothing starts
// in it.
void scheduler_set_calendar(struct scheduler *s, const struct session_day *days, size_t count);
// What an earlier life kept of it, told by the broker at read_at: until the broker tells it anew nothing starts, and
// for ten seconds nothing is taken for missed.
void scheduler_set_kept_calendar(struct scheduler *s, const struct session_day *days, size_t count, int64_t read_at);
void scheduler_set_clock(struct scheduler *s, const struct alpaca_clock *clock);
void scheduler_set_rows(struct scheduler *s, const struct run_row *rows, size_t count); // slots that have a row
// Since when schedules are known to have been in force, in this life or before: what lies after that and did not run is
// missed.
void scheduler_set_watched(struct scheduler *s, const struct schedule_watch *rows, size_t count);
void scheduler_run_changed(struct scheduler *s, const struct run_row *row);
void scheduler_run_settled(struct scheduler *s, const char *run_id); // one that had ended before
void scheduler_look(struct scheduler *s);                            // something changed: decide again
void scheduler_run_now(struct scheduler *s, const char *cause, const char *strategies,
                       void (*started)(void *arg, const struct run_row *row, bool taken, const char *why), void *arg);
// The session an order of now belongs to; false when the calendar does not reach it.
bool scheduler_session(const struct scheduler *s, int64_t now_ns, struct day *out) MUST_CHECK;
const struct scheduler_status *scheduler_status(const struct scheduler *s);
// How the broker's calendar differs from the exchange's rules on the day of now; "" not, or a market open around the
// clock.
void scheduler_doubt_of(const struct scheduler *s, int64_t now_ns, char out[200]);
// What is known of the exchange's sessions; borrowed until the next calendar comes.
struct calendar scheduler_calendar(const struct scheduler *s, bool *always_open);
void scheduler_stop(struct scheduler *s); // draining

#endif
