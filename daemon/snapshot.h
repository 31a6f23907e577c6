// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Snapshot: the read model. Sections are copied when dirty; whatever only shows things (HTTP, CLI, metrics) reads it
// and nothing else, so /health always answers from memory.
#ifndef PAPERGUARD_DAEMON_SNAPSHOT_H
#define PAPERGUARD_DAEMON_SNAPSHOT_H

#include "daemon/config.h"
#include "daemon/facts.h"
#include "lib/guard/guard.h"
#include "lib/base/json_write.h"

struct snapshot_price { // of one symbol that an enabled strategy may name
    const char *symbol;
    bool known, quote_known;
    struct price price, bid, ask;
    int64_t at_wall_ns;
};
struct snapshot_pause { // of one strategy
    bool paused;
    int64_t at;
    char reason[FACT_TEXT_MAX], source[64]; // why, by whom
};
// What the daemon stands on. NOT_ANSWERING: asked, and no answer for a second; DOWN: it does not work, and says why.
#define SNAPSHOT_PARTS(X)                                                                                              \
    X(PART_POSTGRES, "postgres")                                                                                       \
    X(PART_REDIS, "redis") X(PART_BROKER, "broker") X(PART_DNS, "dns") X(PART_DISK, "disk") X(PART_JOURNAL, "journal")
#define SNAPSHOT_PART_ENUM(symbol, name) symbol,
enum snapshot_part_name { SNAPSHOT_PARTS(SNAPSHOT_PART_ENUM) PART_COUNT };
enum part_state { PART_OK, PART_OFF, PART_NOT_ANSWERING, PART_DOWN };
struct snapshot_part {
    enum part_state state;
    int64_t since_wall_ns; // of the trouble, 0 = none
    char detail[160];
};
const char *snapshot_part_name(enum snapshot_part_name p);
const char *part_state_name(enum part_state s);
bool part_in_trouble(const struct snapshot_part *p);

struct snapshot_key { // the broker's
    char shown[16], fingerprint[DIGEST_HEX_MAX];
    int64_t first_seen; // 0: not known yet
    bool in_file, locked;
};
struct snapshot { // plain values; filled by main's collectors, at most every 100 ms
    struct snapshot_key key;
    int64_t at_wall_ns, at_boot_ns, started_wall_ns;
    const char *version, *commit, *environment, *instance;
    bool simulator, orders_sent; // orders = send
    const struct config *config; // borrowed; NULL in tests that do not need it
    bool pauses_known;
    struct snapshot_pause pauses[CONFIG_STRATEGIES_MAX]; // by its place in the configuration
    struct guard_result guard[GUARD_CHECK_COUNT];
    int64_t guard_learnt_ns[GUARD_CHECK_COUNT]; // boot time; 0: never, or of one request alone
    enum guard_answer guard_answer, guard_static;
    bool database_connected, broker_connected, redis_configured, redis_connected;
    char database_detail[160], broker_detail[160], redis_detail[160];
    struct snapshot_part parts[PART_COUNT];
    bool stream_configured, stream_connected; // the broker's order stream
    int64_t stream_events, stream_reconnects, stream_since_ns, stream_event_ns;
    char stream_detail[200];
    enum fact_halt halt;
    char halt_detail[160];
    struct {
        const char *state;       // "leader", "standby", ...
        int64_t epoch, lease_ns; // lease_ns: what is left of it, 0 when it is out or another's
        char host[64], holder[64];
    } leader;
    struct { // the database was found to be older than what was known of it; known: all of what is missing is
        bool older, known;
        int64_t at, runs, orders, fills;
        char detail[160];
    } restored;
    struct { // the last one
        bool passed;
        int64_t at, rows, failed, took_ns;
        const char *cause;
        char detail[160];
    } self_test;
    bool in_step;
    char in_step_reason[160];
    bool draining;
    // risk and execution
    int64_t positions, positions_as_of; // wall ns
    bool gross_known;
    struct money gross_exposure, equity, cash;
    char account_number[ACCOUNT_NUMBER_MAX];
    int64_t orders_open, orders_unknown, orders_quarantined;
    const struct snapshot_price *prices; // borrowed; each symbol once
    size_t price_count;
    // scheduler
    bool scheduler_enabled, scheduler_running, calendar_known, calendar_checked;
    int64_t calendar_kept_ns; // told by the broker then, in an earlier life; 0 = in this one
    char calendar_doubt[200]; // where the broker's calendar differs from the exchange's rules, "" = nowhere
    int64_t next_run_ns;
    char trigger[128];
    int64_t runs_done;
    struct {
        char id[40], status[16], detail[256];
        int64_t started_at, completed_at, signals, submitted, accepted, rejected, fills;
        int64_t planned, skipped, failed, symbols, successful_symbols;
        bool settled;
    } last_run;
};

// healthy, degraded, standby, halted: 200. unhealthy: guard or Postgres is not PASS, 503. why is "" when healthy.
enum health { HEALTH_HEALTHY, HEALTH_DEGRADED, HEALTH_STANDBY, HEALTH_HALTED, HEALTH_UNHEALTHY };
const char *health_name(enum health h);
enum health snapshot_health(const struct snapshot *s, char why[160]);
bool snapshot_standby(const struct snapshot *s);                 // another host leads
bool snapshot_ready(const struct snapshot *s, const char **why); // could start a run (ignores halt)
const char *
snapshot_orders_text(const struct snapshot *s); // "PAPER ORDERS ARE SENT", "... TO THE SIMULATOR", "RECORDED ONLY"
// Members of an object that is open: environment, mode, simulator, orders_mode, orders_text. Every answer has them.
void snapshot_put_mode(const struct snapshot *s, struct json_out *o);
// Each writes one object.
void snapshot_write_health(const struct snapshot *s, const char *service, struct json_out *o);
void snapshot_write_scheduler(const struct snapshot *s, struct json_out *o);
void snapshot_write_config(const struct snapshot *s, const char *service, struct json_out *o);
void snapshot_write_orchestration(const struct snapshot *s, struct json_out *o);
void snapshot_write_guard(const struct snapshot *s, struct json_out *o);
void snapshot_write_risk(const struct snapshot *s, struct json_out *o);
// All prices (symbol NULL), or that of one symbol; status degraded and the names when some are missing.
void snapshot_write_prices(const struct snapshot *s, const char *symbol, struct json_out *o);
// Strategies as they are configured: an array.
void snapshot_add_strategies(const struct snapshot *s, struct json_out *o);
// Symbols without a price, though prices were asked for: their number, and an array of them.
size_t snapshot_missing(const struct snapshot *s);
void snapshot_add_missing(const struct snapshot *s, struct json_out *o);
void snapshot_write_account(const struct snapshot *s, struct json_out *o); // for the admin socket only

#endif
