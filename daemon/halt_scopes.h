// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Scopes: halts of one strategy each, beside the one of the account. As that one each is a latch in memory, a state
// file (STATE_DIR/halt.strategy.NAME) and Postgres; the strictest of them counts, and release takes two steps.
#ifndef PAPERGUARD_DAEMON_HALT_SCOPES_H
#define PAPERGUARD_DAEMON_HALT_SCOPES_H

#include "daemon/facts.h"
#include "daemon/halt_file.h"
#include "lib/base/json_write.h"
#include "lib/io/disk.h"

struct scope {
    const char *strategy;
    struct halt_record record; // never UNKNOWN
    bool stored;               // the state file has it
};

struct scopes;
struct scopes_ports {
    struct disk *disk; // NULL: at once
    void (*write_row)(void *arg, const char *strategy, const struct halt_record *record);
    void (*changed)(void *arg);
    void *arg;
};
// Reads the state files of these strategies (names borrowed). One that cannot be understood is a halt.
struct scopes *scopes_new(const char *state_dir, const char *const *names, size_t count, struct facts *facts,
                          const struct scopes_ports *ports);
void scopes_free(struct scopes *s);
size_t scopes_count(const struct scopes *s); // strategies, halted or not
const struct scope *scopes_at(const struct scopes *s, size_t i);
const struct scope *scopes_of(const struct scopes *s, const char *strategy); // NULL: it is not halted
// Adds a halt everywhere it can; never loosens. False: there is no such strategy.
bool scopes_engage(struct scopes *s, const char *strategy, enum fact_halt state, const char *reason,
                   const char *source) MUST_CHECK;
// A file of halt.d is there for it: as scopes_engage, and it is not released as long as the file is seen.
bool scopes_engage_file(struct scopes *s, const char *strategy, enum fact_halt state) MUST_CHECK;
// The key of Redis for it, as halt_set_key.
bool scopes_set_key(struct scopes *s, const char *strategy, enum fact_halt state, const char *reason,
                    const char *key) MUST_CHECK;
// What Postgres holds for this host: a JSON array of {"strategy","state","reason","at"}. It only ever adds.
void scopes_set_database(struct scopes *s, const char *json);
void scopes_look(struct scopes *s); // with every tick: what could not be stored is
// As those of a halt. mine: the token is that of a request made here.
int scopes_release_request(struct scopes *s, const char *strategy, const char *reason, const char *who, char code[17],
                           struct err *err) MUST_CHECK;
bool scopes_release_mine(const struct scopes *s, const char *code);
int scopes_release_confirm(struct scopes *s, const char *code, const char *who, struct err *err) MUST_CHECK;
void scopes_write_json(const struct scopes *s, struct json_out *o); // an array: those that are halted

#endif
