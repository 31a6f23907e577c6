// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Everything the guard judges, as plain values with the moment they were learnt. Gathered by daemon/facts, which is
// told by whoever owns a value; the guard opens nothing, reads no config and is passed the time.
#ifndef PAPERGUARD_GUARD_GUARD_FACTS_H
#define PAPERGUARD_GUARD_GUARD_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/digest.h"
#include "lib/trade/order.h"
#include "lib/trade/portfolio.h"

#define FACT_TEXT_MAX 160
#define GUARD_SCOPES_MAX 16

enum fact_switch_state { SWITCH_UNREAD, SWITCH_UNSET, SWITCH_TRUE, SWITCH_FALSE, SWITCH_INVALID };
struct fact_switch {
    enum fact_switch_state state;
    char source[FACT_TEXT_MAX]; // "environment DRY_RUN", "paperguard.conf:12"
    char found[32];             // what was there when INVALID, quoted and cut
};

enum fact_stage { STAGE_UNREAD, STAGE_UNSET, STAGE_DEV, STAGE_STAGING, STAGE_REFUSED };
enum fact_endpoint { ENDPOINT_UNREAD, ENDPOINT_PAPER, ENDPOINT_SIMULATOR, ENDPOINT_REFUSED };
enum fact_key_class { KEY_UNREAD, KEY_MISSING, KEY_CONFLICT, KEY_PAPER, KEY_SIMULATOR, KEY_LIVE, KEY_OTHER };
enum fact_tri { FACT_UNKNOWN, FACT_GOOD, FACT_BAD };
enum fact_lead { LEAD_UNKNOWN, LEAD_STANDBY, LEAD_HELD }; // of several hosts on one database, one leads the account
enum fact_halt { HALT_UNKNOWN, HALT_RUNNING, HALT_REDUCE_ONLY, HALT_HALTED };

const char *fact_halt_name(enum fact_halt h); // "running", "reduce_only", "halted", "unknown"

struct fact_state { // a value somebody else judged good or bad, with why
    enum fact_tri state;
    char detail[FACT_TEXT_MAX]; // names file, variable, line; never a value that may be secret
};

struct fact_scope { // a halt of one strategy
    char strategy[BOOK_NAME_MAX];
    enum fact_halt halt; // REDUCE_ONLY or HALTED
    char detail[96];
};

struct guard_facts {
    // Static: read at start and at reload.
    struct fact_switch dry_run, alpaca_paper, staging_mode;
    enum fact_stage stage;
    char stage_detail[FACT_TEXT_MAX];
    enum fact_endpoint endpoint;
    char endpoint_detail[FACT_TEXT_MAX];
    char trading_scheme[8], trading_host[128];
    int trading_port;
    char data_scheme[8], data_host[128];
    int data_port;
    struct fact_state live_named; // BAD: a live-named variable or credential file is set (its name)
    struct fact_state live_value; // BAD: a live-class value was seen (where)
    struct fact_state steering;   // BAD: a variable that redirects connections, names, trust or libraries (its name)
    struct fact_state files;      // BAD: config or credential file unreadable, world-readable, wrong owner
    struct fact_state databases;  // BAD: production-looking DSN, BINANCE_TESTNET=0 and kin
    enum fact_key_class key_class;
    char key_detail[FACT_TEXT_MAX];
    char key_shown[16];              // PK…last4
    struct digest key_fingerprint;   // of the key id
    char key_pinned[DIGEST_HEX_MAX]; // config: the fingerprint it must have, "" none
    int64_t static_boot_ns;          // when all of these were read

    // Dynamic: learnt while running; *_boot_ns is CLOCK_BOOTTIME, 0 = never.
    char account_number[ACCOUNT_NUMBER_MAX]; // as the broker answered last, "" unknown
    char account_status[32];
    char account_blocked[40]; // the member of the broker's account that says so ("trading_blocked"), "" none
    int64_t account_boot_ns;
    enum fact_tri account_key_accepted;          // BAD: 401/403 on an account read with this key
    char account_pinned[ACCOUNT_NUMBER_MAX];     // config, "" none
    bool account_first_known;                    // Postgres has been asked
    char account_first_seen[ACCOUNT_NUMBER_MAX]; // "" = none seen before
    struct fact_state database_marker;
    int64_t database_boot_ns; // last time Postgres answered
    enum fact_halt halt_memory, halt_file, halt_database;
    char halt_detail[FACT_TEXT_MAX];
    struct fact_scope scopes[GUARD_SCOPES_MAX];
    size_t scope_count;
    enum fact_lead lead;
    int64_t lead_epoch;         // while it is HELD
    int64_t lead_until_boot_ns; // from then on another host may hold it
    char lead_detail[FACT_TEXT_MAX];
    int64_t clock_skew_ns; // ours minus the broker's
    int64_t clock_boot_ns;
    bool clock_was_set;         // by somebody, since it was compared
    struct fact_state calendar; // BAD: it differs from the exchange's rules today
    int64_t calendar_boot_ns;
    struct fact_state children; // BAD: what strategies are given holds a secret (the variable's name)
    int64_t children_boot_ns;
    struct fact_state self_test; // BAD: a row of guard or risk did not do what it is for (which)
    int64_t self_test_boot_ns;
    char peer_last[64]; // the last one that a request was sent to, with its TLS version
    int64_t peer_boot_ns;
};

#endif
