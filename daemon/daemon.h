// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The whole daemon in one struct. Only main's own files include this; every other module is handed what it needs.
#ifndef PAPERGUARD_DAEMON_DAEMON_H
#define PAPERGUARD_DAEMON_DAEMON_H

#include "daemon/admin.h"
#include "daemon/api.h"
#include "daemon/breaker.h"
#include "daemon/broker.h"
#include "daemon/cache.h"
#include "daemon/desk.h"
#include "daemon/halt.h"
#include "daemon/heads.h"
#include "daemon/leader.h"
#include "daemon/raises.h"
#include "daemon/reconcile.h"
#include "daemon/rotation.h"
#include "daemon/run.h"
#include "daemon/scheduler.h"
#include "daemon/selftest.h"
#include "daemon/snapshot.h"
#include "daemon/stream.h"
#include "daemon/sweep.h"
#include "daemon/watch.h"
#include "lib/io/clock.h"
#include "lib/io/disk.h"

struct restored { // the database is older than what was known of it: what is done about it
    bool older, asked, runs_kept, reported;
    int64_t since_boot_ns, fills_before, runs, fills;
    size_t orders;
    char detail[160];
};

#define DAEMON_BACK_DAYS 10 // of sessions so far back rows are loaded, and missed slots told

struct daemon {
    const char *config_path;
    char *const *envp;
    char host[128];
    int home_fd;                        // the lock of state_dir
    char identity[LEADER_IDENTITY_LEN]; // of state_dir

    struct loop *loop;
    struct disk *disk; // under state_dir
    struct config *config;
    struct facts *facts;
    struct guard *guard;
    struct metrics *metrics;
    struct halt *halt;
    const char *strategy_names[CONFIG_STRATEGIES_MAX];
    struct scopes *scopes;
    struct ledger *ledger;
    struct leader *leader;
    struct cache *cache;
    struct broker *broker;
    struct broker_params broker_params; // it was made with
    struct rotation *rotation;
    struct exposure *exposure;
    struct strategies *strategies;
    struct pauses *pauses;
    struct raises *raises;
    struct heads *heads;
    struct desk *desk;
    struct stream *stream; // NULL: off
    struct reconcile *reconcile;
    struct runs *runs;
    struct scheduler *scheduler;
    struct watch *watch;
    struct breaker *breaker;
    struct sweep *sweep;
    struct api *api;
    struct admin *admin;
    struct http_server *http, *admin_http;
    struct risk_limits limits; // of the config, with what is raised
    struct breaker_limits breaker_limits;
    struct selftest selftest; // the last one
    struct day selftest_day;  // whose first slot had one

    struct { // of the key in use
        struct digest fingerprint;
        bool asked;
        int64_t asked_boot_ns, first_seen; // 0: not known yet
        int told;                          // reminders
    } key_age;

    struct snapshot snapshot;
    struct snapshot_price prices[CONFIG_STRATEGIES_MAX * CONFIG_WORDS_MAX];
    bool list_told[CONFIG_SYMBOLS_MAX]; // that the entry is over
    enum ledger_state ledger_state;
    char *mark; // what is known of the ledger, kept in state_dir
    bool mark_unwritten;
    struct disk_work *mark_writing, *disk_probe; // under way
    struct restored restored;
    char ledger_detail[160], cache_detail[160], timed_run[RUN_ID_MAX];
    bool rows_loaded, schedules_asked, ready_told, draining, clock_told;
    bool over, halt_late; // all else has ended; a halt came since
    struct {              // what readers of Redis were told last
        char run[RUN_ID_MAX];
        enum run_status run_status;
        bool run_settled, halt_known, asked;
        int64_t lists_due_boot_ns; // 0 = nothing has changed
        enum fact_halt halt;
    } cache_told;
    int exit_status;
    int64_t drain_until_boot_ns, positions_as_of, disk_boot_ns;
    bool halt_not_stored_told;
    uint64_t turns_seen;
    unsigned parts_seen; // bit by part: it was there once
    char status_told[200], blocked_why[240];
    loop_timer tick, watchdog, drain;
};

// main_collect.c: what readers see.
const struct snapshot *daemon_snapshot(void *arg); // brought up to date when older than 100 ms
void daemon_collect_metrics(void *arg);
// main_cache.c: what other readers find in Redis.
void daemon_cache_state(void *arg, bool up, const char *detail);
void daemon_cache_look(struct daemon *d); // with every tick
void daemon_cache_run(struct daemon *d, const struct run_row *row);
void daemon_cache_order(struct daemon *d, const struct order_row *row);
void daemon_cache_fills(void *arg, const struct alpaca_fill *fills, size_t count);
void daemon_look_parts(struct daemon *d); // main_parts.c: what the daemon stands on, into the snapshot
void daemon_disk_free(struct daemon *d);
// main_mark.c: what this host remembers of its database, and what is done when that lacks it.
void daemon_mark_read(struct daemon *d);
const char *daemon_mark(void *arg);
void daemon_mark_told(void *arg, const char *mark);
void daemon_mark_look(struct daemon *d);       // with every tick
bool daemon_mark_owed(const struct daemon *d); // it is on its way to a disk that takes it
void daemon_restored(void *arg, bool older, const char *detail);
void daemon_orders_lost(void *arg, size_t orders, const char *first);
void daemon_restored_look(struct daemon *d); // with every tick
void daemon_restored_collect(struct daemon *d);
// main_watch.c: what the watch is told.
void daemon_watch_call(void *arg, bool failed);
void daemon_denied(void *arg, enum guard_op op, const struct guard_verdict *v);           // the guard denied a request
void daemon_request_decided(struct daemon *d, const struct http_exchange *x, int status); // main_audit.c
void daemon_heads_new(struct daemon *d);
void daemon_heads_look(struct daemon *d); // with every tick
int daemon_judge_audit(const struct config *c, struct err *err) MUST_CHECK;
void daemon_watch_look(struct daemon *d); // with every tick
void daemon_facts_look(struct daemon *d); // with every tick, before the guard's table: what facts are not pushed
void daemon_hours_look(struct daemon *d); // with every tick, and when the calendar comes
void daemon_watch_run(struct daemon *d, const struct run_row *row);
// main_breaker.c: what the circuit breaker is told, and the halt that follows.
void daemon_breaker_new(struct daemon *d);
void daemon_breaker_judged(void *arg, const struct risk_verdict *v);
void daemon_breaker_order(struct daemon *d, const struct order_row *row);
void daemon_breaker_look(struct daemon *d); // with every tick
// main_halt.c: what a halt leads to.
void daemon_halt_new(struct daemon *d);
void daemon_scopes_new(struct daemon *d);
void daemon_scopes_told(void *arg, const char *json);
void daemon_strategy_file(void *arg, const char *strategy, enum fact_halt state);
void daemon_halt_key(void *arg, const struct cache_halt *k);
void daemon_halt_look(struct daemon *d); // with every tick
// main_limits.c: the limits that hold: those of the config, with what is raised.
void daemon_limits_new(struct daemon *d);
void daemon_limits_set(struct daemon *d);
void daemon_limits_look(struct daemon *d); // with every tick
// main_selftest.c: cause is start, reload, daily or operator.
void daemon_selftest(void *arg, const char *cause);
void daemon_selftest_look(struct daemon *d); // with every tick
void daemon_selftest_collect(struct daemon *d);
// main_keys.c: the broker's key, its rotation and its age.
void daemon_keys_new(struct daemon *d, const struct broker_params *broker);
void daemon_keys_rotate(void *arg, rotation_done_fn *done, void *done_arg);
void daemon_keys_look(struct daemon *d); // with every tick
void daemon_keys_collect(struct daemon *d);
// main_stream.c: the order stream and whom it tells.
void daemon_stream_new(struct daemon *d);
void daemon_stream_start(struct daemon *d); // the broker has been read: from now on it is wanted
void daemon_stream_collect(struct daemon *d);
// main_leader.c: leading and standing by.
void daemon_leader_new(struct daemon *d);
void daemon_load_kept_calendar(struct daemon *d); // main_wire.c
void daemon_leader_fenced(void *arg, const char *detail);
void daemon_schedules_look(struct daemon *d); // with every tick
// main_wire.c: how modules hear of each other, and the modules themselves in the order they start.
int daemon_start(struct daemon *d, struct err *err) MUST_CHECK;
void daemon_stop(struct daemon *d);
void daemon_load_rows(struct daemon *d); // which slots have a row, and which runs are not finished
// main_home.c: state_dir. enter takes its lock and answers EX_OK, or the exit code that err belongs to; listen
// writes where we listen; leave takes that back and lets go.
int daemon_home_enter(struct daemon *d, struct err *err) MUST_CHECK;
int daemon_listen(struct daemon *d, struct err *err) MUST_CHECK;
void daemon_home_leave(struct daemon *d);
// main.c: the regular look at guard, halt files and status, now rather than with the next tick.
void daemon_look_soon(struct daemon *d);
void daemon_alert(void *arg, const char *kind, const char *subject, const char *detail);

#endif
