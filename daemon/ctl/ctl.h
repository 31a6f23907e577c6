// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The operator's command line. One verb = one entry of a table: its name, usage, help and function.
#ifndef PAPERGUARD_CTL_CTL_H
#define PAPERGUARD_CTL_CTL_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/json_read.h"

// Exit codes: sysexits, and 1 for "asked, and the answer is no" (not healthy, refused, differs).
enum {
    CTL_OK = 0,
    CTL_NO = 1,
    CTL_USAGE = 64,
    CTL_UNREACHABLE = 69,
    CTL_TEMPORARY = 75,
    CTL_DENIED = 77,
    CTL_CONFIG = 78
};

struct ctl {
    const char *config_path, *socket; // socket NULL: from the config
    bool json;                        // raw JSON instead of text
    bool wait;
    int64_t timeout_s;
    const char *run_id, *url, *environment; // --run, --url, --environment
};
struct verb {
    const char *name, *usage, *help;
    int (*run)(struct ctl *c, int argc, char **argv); // argv[0] is the first word after the verb
};
extern const struct verb verbs[];
extern const unsigned verb_count;

struct reply {
    int status;
    char *body;           // owned
    struct json_doc *doc; // owned; NULL when the body is not JSON
};
// One request over the admin socket. 0 and *reply (free with ctl_reply_free), or an exit code with the reason on
// stderr.
int ctl_call(const struct ctl *c, const char *method, const char *target, const char *body, struct reply *reply);
void ctl_reply_free(struct reply *r);
// After a call: prints the body when --json; maps the HTTP status to an exit code, saying on stderr what was refused.
int ctl_status(const struct ctl *c, const struct reply *r);
// GET, --json handled; fills *reply and returns CTL_OK when there is something to show, else sets *code.
bool ctl_get(const struct ctl *c, const char *target, struct reply *reply, int *code);

struct column {
    const char *member, *title;
    int width; // 0: the rest of the line
};
void ctl_table(const struct json_node *rows, const struct column *columns, unsigned count);
const char *ctl_text(const struct json_node *n);                          // a scalar as text; "-" for null or missing
const char *ctl_member(const struct json_node *object, const char *path); // "a.b.c"
int ctl_usage(const struct verb *v);
const struct verb *ctl_verb(const char *name);

int verb_status(struct ctl *c, int argc, char **argv);
int verb_run(struct ctl *c, int argc, char **argv);
int verb_runs(struct ctl *c, int argc, char **argv);
int verb_orders(struct ctl *c, int argc, char **argv);
int verb_fills(struct ctl *c, int argc, char **argv);
int verb_positions(struct ctl *c, int argc, char **argv);
int verb_check(struct ctl *c, int argc, char **argv);
int verb_halt(struct ctl *c, int argc, char **argv);
int verb_release(struct ctl *c, int argc, char **argv);
int verb_opening(struct ctl *c, int argc, char **argv);
int verb_db(struct ctl *c, int argc, char **argv);

#endif
