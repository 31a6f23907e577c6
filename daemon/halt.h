// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Halt: a latch. Memory, the local state file and Postgres must all be readable and say running; the most restrictive
// wins. Anything may add a halt; release is two steps on the admin socket.
#ifndef PAPERGUARD_DAEMON_HALT_H
#define PAPERGUARD_DAEMON_HALT_H

#include "daemon/facts.h"
#include "lib/base/json_write.h"
#include "lib/io/disk.h"

struct halt;
struct halt_ports {    // halt is below the ledger: rows go through these, set by main
    struct disk *disk; // on which the files are looked at and written; NULL: at once, for as long as it takes
    void (*write_row)(void *arg, enum fact_halt state, const char *reason, const char *source, int64_t at_ns);
    // A file of halt.d halts one of these strategies; told with every look at it. NULL: none are looked for.
    void (*strategy_file)(void *arg, const char *strategy, enum fact_halt state);
    const char *const *strategies; // borrowed
    size_t strategy_count;
    void *arg;
};
// Reads STATE_DIR/halt.state. Missing: UNKNOWN until halt_set_database says that Postgres never saw this host, or has
// only the row of its set-up (FACTS_HALT_REASON_SET_UP); then created.
struct halt *halt_new(const char *state_dir, struct facts *facts, const struct halt_ports *ports);
void halt_free(struct halt *h);
// Re-reads the state file and halt.d/ (a file there is a halt); on a timer. A disk that does not answer for 5 s:
// UNKNOWN.
void halt_check_files(struct halt *h);
enum fact_halt halt_state(const struct halt *h);
// What Postgres says: known=false when it could not be read; host_seen=false when it has no row for this host.
void halt_set_database(struct halt *h, bool known, bool host_seen, enum fact_halt state, const char *reason);
// Adds a halt everywhere it can; never loosens.
void halt_engage(struct halt *h, enum fact_halt state, const char *reason, const char *source);
// The key of Redis that is a halt. As halt_engage, and it is not released while the key is seen; RUNNING: it is gone,
// which releases nothing.
void halt_set_key(struct halt *h, enum fact_halt state, const char *reason, const char *key);
// For a process that has ended all else: the state file alone, for the next start.
void halt_keep(const char *state_dir, enum fact_halt state, const char *reason, const char *source);
// Step one gives a code valid for 120 s; step two needs it, and a reason.
int halt_release_request(struct halt *h, const char *reason, const char *who, char code[17],
                         struct err *err) MUST_CHECK;
int halt_release_confirm(struct halt *h, const char *code, const char *who, struct err *err) MUST_CHECK;
int64_t halt_since_ns(const struct halt *h); // of what memory holds
// What became of the orders that were open when it was halted (sweep tells).
enum halt_orders_state { HALT_ORDERS_NONE, HALT_ORDERS_CANCELLING, HALT_ORDERS_CLEARED };
struct halt_orders {
    enum halt_orders_state state;
    int64_t open, cancelled, not_ours;
    int64_t took_ns; // from the halt until the broker had none of them; -1: an earlier life saw to it
};
void halt_set_orders(struct halt *h, const struct halt_orders *orders);
// Why the state file does not hold the halt that memory holds; "": it does. Every look at the files tries again.
const char *halt_not_stored(const struct halt *h);
// One JSON object.
void halt_write_json(const struct halt *h, struct json_out *o);

#endif
