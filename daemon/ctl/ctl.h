// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The operator's command line: what its parts share. It knows the daemon only by the admin socket; a few verbs read the
// files themselves.
#ifndef PAPERGUARD_DAEMON_CTL_H
#define PAPERGUARD_DAEMON_CTL_H

#include <stdbool.h>
#include <stdio.h>
#include <sysexits.h>

#include "lib/base/json_read.h"
#include "lib/base/text.h"

// Exit codes: EX_OK 0, CTL_REFUSED 1, EX_USAGE 64, EX_UNAVAILABLE 69, EX_TEMPFAIL 75, EX_NOPERM 77, EX_CONFIG 78.
#define CTL_REFUSED 1

#define CTL_DEFAULT_CONFIG "/etc/paperguard/paperguard.conf"
#define CTL_DEFAULT_SOCKET "/run/paperguard/admin.sock"

struct ctl_options {
    const char *config, *socket; // NULL: not given
    bool config_after_verb;      // "check --config FILE": look at the file, not at the daemon
    bool json, wait, offline, help;
    const char *run, *symbol, *status, *strategy, *url, *environment;
    int64_t limit, timeout_s; // 0: not given
};

struct ctl {
    struct ctl_options options;
    const char *socket; // resolved; owned
    char **words;       // after the verb
    size_t word_count;
    char *const *envp;
};

// --- call.c: one request to the daemon
struct ctl_answer {
    int status;           // HTTP
    char *body;           // owned
    struct json_doc *doc; // owned; NULL when it is not JSON
};
// EX_OK with an answer of any status, or the exit code, said on stderr.
int ctl_call(struct ctl *c, const char *method, const char *path, const char *body, struct ctl_answer *out) MUST_CHECK;
// As ctl_call; a status that is not 2xx is said on stderr and becomes its exit code. With --json the body is printed.
int ctl_ask(struct ctl *c, const char *method, const char *path, const char *body, struct ctl_answer *out) MUST_CHECK;
void ctl_answer_free(struct ctl_answer *a);
const struct json_node *ctl_root(const struct ctl_answer *a);

// --- show.c: for people. What comes from elsewhere is printed without control bytes.
struct ctl_column {
    const char *title, *member; // member of the row's object, "a.b" for one inside another
    bool right, optional;       // numbers; may be left out when the terminal is narrow
};
void ctl_table(const struct json_node *rows, const struct ctl_column *columns, size_t count);
const struct json_node *ctl_at(const struct json_node *n, const char *path); // "health.guard.answer"; NULL
// The value as text: string, number's text, yes / no, "" for null or missing. Borrowed.
const char *ctl_text(const struct json_node *n, const char *path);
void ctl_print(FILE *out, const char *text); // without control bytes
void ctl_line(const char *label, const char *format, ...) PRINTF_LIKE(2, 3);

// --- verbs
typedef int ctl_verb_fn(struct ctl *c);
ctl_verb_fn ctl_status, ctl_runs, ctl_orders, ctl_fills, ctl_positions;                      // read.c
ctl_verb_fn ctl_run, ctl_halt, ctl_release_request, ctl_release_confirm, ctl_opening_accept; // write.c
ctl_verb_fn ctl_check, ctl_db_init;                                                          // local.c

#endif
