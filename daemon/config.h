// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Configuration: one table (options.def) of name, type, unit, bounds, default, reloadable and prose. The parser, --dump
// with origins, the sample and the man page come from it. INI files and a conf.d folder; errors name file and line.
#ifndef PAPERGUARD_DAEMON_CONFIG_H
#define PAPERGUARD_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/decimal.h"
#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/trade/breaker.h"
#include "lib/trade/execution.h"
#include "lib/trade/risk.h"
#include "lib/trade/session.h"

#define CONFIG_LISTENS_MAX 8
#define CONFIG_STRATEGIES_MAX 16
#define CONFIG_SYMBOLS_MAX 128
#define CONFIG_WORDS_MAX 640 // of one list, so also symbols of one strategy

struct config_words { // space separated list
    char *words[CONFIG_WORDS_MAX];
    size_t count;
};
struct config_listen { // [listen "NAME"]
    char *name, *address, *service;
    unsigned roles; // HTTP_ROLE_*
    struct config_words hosts, allow;
};
struct config_strategy {  // [strategy "NAME"]
    char *name, *command; // command: absolute path and arguments, split at blanks
    struct config_words symbols;
    struct ratio allocation; // of deployable equity; all strategies sum to at most 1
    struct ratio band;
    struct ratio min_confidence; // 0 = no alert
    struct slot_spec schedule;
    char *params; // JSON object
    int64_t timeout_ms, lookback_days;
    enum execution_style execution;
    bool enabled;
};
struct config_file { // one that was read, as it was found
    char *path, *text;
    size_t len;
    unsigned mode, uid; // permission bits and owner at the moment of reading
};
struct config_details; // files and origins

// The members for scalar options are generated from options.def, so that each option is written once:
//   OPTION(section, key, TYPE, member, unit, min, max, default, reloadable, prose)
// TYPE is one of STRING PATH BOOL INT DURATION_MS BYTES MONEY RATIO WORDS (see config.c).
struct config {
#define OPTION_TYPE_STRING char *
#define OPTION_TYPE_PATH char *
#define OPTION_TYPE_BOOL bool
#define OPTION_TYPE_INT int64_t
#define OPTION_TYPE_DURATION_MS int64_t
#define OPTION_TYPE_BYTES int64_t
#define OPTION_TYPE_MONEY struct money
#define OPTION_TYPE_RATIO struct ratio
#define OPTION_TYPE_WORDS struct config_words
#define OPTION(section, key, type, member, unit, min, max, def, reload, prose) OPTION_TYPE_##type member;
#include "daemon/options.def"
#undef OPTION
    struct config_listen listens[CONFIG_LISTENS_MAX];
    size_t listen_count;
    struct config_strategy strategies[CONFIG_STRATEGIES_MAX];
    size_t strategy_count;
    struct risk_symbol symbol_rules[CONFIG_SYMBOLS_MAX]; // sorted; [symbol "NAME"]
    size_t symbol_count;
    struct config_details *details;
};

// Reads FILE and FILE's conf.d folder (paperguard.conf -> paperguard.conf.d/*.conf, sorted) over the defaults.
// A key may be set once in all of them. 0 and *out owned by the caller, or -1.
int config_load(const char *path, struct config **out, struct err *err) MUST_CHECK;
void config_free(struct config *c);
// Every option with its value and origin ("default", "file:line"); secrets never are options.
void config_dump(const struct config *c, struct text *out);
// "default", "paperguard.conf:12", "environment REDIS_URL"; NULL: no such option.
const char *config_origin(const struct config *c, const char *section, const char *key);
// Sets an option from elsewhere; the value passes the same checks. 0 or -1 naming origin.
int config_override(struct config *c, const char *section, const char *key, const char *value, const char *origin,
                    struct err *err) MUST_CHECK;
const struct config_file *config_file_at(const struct config *c, size_t i); // NULL past the end
void config_sample(struct text *out);                                       // the sample file
void config_manual(struct text *out);                                       // man page section, mdoc
// Takes the reloadable options of fresh over into running, all or none: -1 when one of them would loosen a limit that
// runs. `changed` names what was taken over and what waits for a restart.
int config_reload(struct config *running, const struct config *fresh, char *changed, size_t size,
                  struct err *err) MUST_CHECK;
struct execution_rules config_execution_rules(const struct config *c);
// How the files differ from what runs, option by option, and what a reload would do about it.
enum config_verdict { CONFIG_SAME, CONFIG_APPLIED, CONFIG_REFUSED, CONFIG_RESTART };
struct config_difference {
    const char *section, *name, *key; // name NULL for plain options
    const char *running, *file;       // values as shown; NULL: not set there
    const char *origin;
    enum config_verdict verdict;
};
typedef void config_difference_fn(void *arg, const struct config_difference *difference);
void config_compare(const struct config *running, const struct config *fresh, config_difference_fn *each, void *arg);
// Every option as an array of objects: section, name, key, value, origin, reload. Passwords are left out of values.
struct json_out;
void config_write_json(const struct config *c, struct json_out *o);
struct breaker_limits config_breaker_limits(const struct config *c);
struct risk_limits config_risk_limits(const struct config *c); // borrows lists from c

#endif
