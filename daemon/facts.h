// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Facts: gathers environment, files, config and what other modules push in, as the plain values the guard judges. Sole
// holder of secrets besides the broker channel: they are handed out once and never printed.
#ifndef PAPERGUARD_DAEMON_FACTS_H
#define PAPERGUARD_DAEMON_FACTS_H

#include "daemon/config.h"
#include "lib/base/tls_state.h"
#include "lib/guard/guard_facts.h"

struct facts;

// Reason in the halt row that setting up a database writes for its host: no daemon has started there yet.
#define FACTS_HALT_REASON_SET_UP "database set up"

struct facts_secrets {             // owned by facts; wiped by facts_free
    const char *key_id, *secret;   // broker
    const char *database_password; // NULL: none
    const char *http_token;        // NULL: none
};

// Reads environment (envp; the first of two equal names counts), credential directory, key files, modes of config
// files. Never fails: what is wrong becomes a fact. Also resolves overrides (DATABASE_URL, REDIS_URL,
// EQUITY_DEPLOYMENT_PCT, LOGGING__LEVEL) into *config, where a bad value is an error (-1).
int facts_gather(struct config *config, const char *config_path, char *const *envp, struct facts **out,
                 struct err *err) MUST_CHECK;
// Would a start with this config pass the guard's static checks, with files and environment as they are now? 0 or -1.
int facts_judge(struct config *config, const char *config_path, char *const *envp, struct err *err) MUST_CHECK;
void facts_free(struct facts *f);
const struct guard_facts *facts_view(const struct facts *f); // always current
const struct facts_secrets *facts_secrets(const struct facts *f);
bool facts_secrets_locked(const struct facts *f);          // false: they may be swapped out (RLIMIT_MEMLOCK)
const char *facts_environment_name(const struct facts *f); // "staging" / "dev" / ""
bool facts_simulator(const struct facts *f);
int64_t facts_key_written_s(const struct facts *f); // when the key's file was written, since 1970; 0: it is no file

// The pairs of two gatherings. A swap takes over what is known of the key too, and what the account said to it; the
// view is what it would be after a swap.
bool facts_same_keys(const struct facts *a, const struct facts *b);
void facts_view_with_keys(const struct facts *f, const struct facts *keys, struct guard_facts *out);
void facts_swap_keys(struct facts *f, struct facts *other);

// What single variables mean, for who reads the files of a host before they get there.
enum facts_variable { FACTS_OTHER, FACTS_KEY, FACTS_SECRET, FACTS_TRADING_URL, FACTS_DATA_URL };
enum facts_variable facts_variable_kind(const char *name);
const char *facts_variable_meant(const char *name);  // the name that was meant; NULL: it is not nearly one
const char *facts_variable_steers(const char *name); // what it does to connections or code; NULL: nothing
// Does it turn a test setting off, live trading on, or lead to a production database?
bool facts_variable_production(const char *name, const char *value, char detail[FACT_TEXT_MAX]);

// Pushed in by their owners.
// blocked: what the account says that keeps it from trading ("trading_blocked is true"), "" nothing.
void facts_set_account(struct facts *f, const char *number, const char *status, const char *blocked, int64_t boot_ns);
void facts_set_key_accepted(struct facts *f, bool accepted);
void facts_set_first_seen(struct facts *f, bool known, const char *account_number);
void facts_set_database(struct facts *f, enum fact_tri marker, const char *detail, int64_t boot_ns);
void facts_set_database_answered(struct facts *f, int64_t boot_ns);
void facts_set_scopes(struct facts *f, const struct fact_scope *scopes, size_t count); // halts of single strategies
void facts_set_halt(struct facts *f, enum fact_halt memory, enum fact_halt file, enum fact_halt database,
                    const char *detail);
// Until when (boot time) we may act as the leader of an epoch; how it stands otherwise.
void facts_set_lead(struct facts *f, enum fact_lead lead, int64_t epoch, int64_t until_boot_ns, const char *detail);
void facts_set_clock(struct facts *f, int64_t skew_ns, int64_t boot_ns); // ours minus the broker's
// NULL, or how far our clock is off (more than 30 s), or that somebody has set it so far since it was compared.
const char *facts_clock_trouble(const struct facts *f);
bool facts_clock_was_set(const struct facts *f);
void facts_look_clock(struct facts *f); // brings that up to date for the guard; with every tick
// Is the calendar known, and does it agree with the exchange's rules today? doubt: how it does not, "" it does.
#define FACTS_ALWAYS_OPEN "not applicable: the simulator's market is open around the clock"
void facts_set_calendar(struct facts *f, bool known, bool compared, const char *doubt, int64_t boot_ns);
// What children are really given: does any of it hold a secret of ours, a live key, or bear such a name?
void facts_judge_children(struct facts *f, const char *const *envp, int64_t boot_ns);
// Whether the last self-test passed; bad: which rows did not do what they are for.
void facts_set_self_test(struct facts *f, bool passed, const char *detail, int64_t boot_ns);
void facts_set_peer(struct facts *f, const char *peer, const struct tls_state *tls, int64_t boot_ns);

#endif
