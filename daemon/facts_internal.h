// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Between the parts of facts: what was read, and the judges of one matter each.
#ifndef PAPERGUARD_DAEMON_FACTS_INTERNAL_H
#define PAPERGUARD_DAEMON_FACTS_INTERNAL_H

#include "daemon/facts.h"

#define FACTS_FILES_MAX 80
#define FACTS_FILE_MAX 65536 // bytes of a credential
#define FACTS_SECRET_MAX 512

struct facts_file {    // a credential or key file
    char *name, *path; // name: its last part
    char *text;        // NULL: not read
    size_t len;
    unsigned mode, uid;
    int64_t changed_s; // when its content was written, since 1970
    char why[80];      // why it was not read
};

struct facts {
    struct guard_facts view;
    int64_t key_written_s;        // 0: the key is in no file
    struct facts_secrets secrets; // point to the copies below
    char *key_id, *secret, *database_password, *http_token;
    char *const *envp; // borrowed, during gathering only
    struct config *config;
    struct facts_file files[FACTS_FILES_MAX];
    size_t file_count;
    bool too_many_files;
    int64_t clock_ahead_ns; // of the boot clock, when the wall clock was compared; whoever sets it changes that
    char clock_trouble[FACT_TEXT_MAX];
};

struct facts_candidate { // one place a value may come from
    const char *source;  // "environment ALPACA_KEY", "credential alpaca_key_id"
    const char *value;   // NULL: not set
};

const char *facts_env(const struct facts *f, const char *name); // NULL: not set
void facts_say(char *out, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);
// Makes the state bad; the first reason stays.
void facts_bad(struct fact_state *s, const char *format, ...) PRINTF_LIKE(2, 3);

// facts_files.c: credential folder, key and token files; modes and owners of them and of the config.
void facts_files_read(struct facts *f);
void facts_files_judge(struct facts *f, const char *config_path);
const struct facts_file *facts_credential(const struct facts *f, const char *name); // NULL: none
const struct facts_file *facts_file_by_path(const struct facts *f, const char *path);
// The one line in it, NULL when it is not one line of printable characters. Owned by the caller.
char *facts_file_line(const struct facts_file *file);
void facts_files_free(struct facts *f);

// facts_env.c: switches, stage, endpoint.
void facts_switches_judge(struct facts *f);
void facts_stage_judge(struct facts *f);
void facts_endpoint_judge(struct facts *f);
enum facts_variable facts_variable_endpoint(const char *name); // a URL's variable, or FACTS_OTHER

// facts_steering.c: what would steer our connections; what children are given.
void facts_steering_judge(struct facts *f);

int facts_overrides(struct facts *f, struct err *err) MUST_CHECK;

// facts_keys.c
void facts_keys_judge(struct facts *f);
void facts_token_read(struct facts *f);

// facts_scan.c: live names and values, databases, exchange settings.
void facts_scan(struct facts *f);

// facts_dsn.c: splits a connection string: *clean without password, *password (NULL none), both owned by the caller.
// 0, or -1 with a text that repeats nothing of it.
int facts_dsn_split(const char *dsn, char **clean, char **password, struct err *err) MUST_CHECK;
// A word of it ("prod", "production", "live") that says production; false: none.
bool facts_looks_production(const char *text, char word[16]);

#endif
