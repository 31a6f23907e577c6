// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The deploy gate: what is about to be deployed is read as the programs on the host will read it, and held to the
// guard's rules. Values are judged and never shown, but for switches, stages and hosts.
#ifndef PAPERGUARD_DAEMON_CTL_GATE_H
#define PAPERGUARD_DAEMON_CTL_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/check.h"

#define GATE_TEXT_MAX 240
#define GATE_FILE_MAX (1u << 20)
#define GATE_PATHS_MAX 4096 // files and folders looked at
#define GATE_SCOPES_MAX 1024
#define GATE_VARS_MAX 4096 // of one scope

// ERROR: it must not be deployed. WARNING: it works, and somebody will be surprised. SKIPPED: was not looked at.
enum gate_severity { GATE_ERROR, GATE_WARNING, GATE_SKIPPED };

struct gate_var {
    char *name, *value; // value NULL: comes from elsewhere, not known here
    const char *file;   // of the gate
    unsigned line;
};

struct gate_scope { // the environment of one service, as it will be
    char *label;
    const char *file; // where it begins
    unsigned line;
    struct gate_var *vars;
    size_t count;
    bool whole;     // all of it is known here: what is missing is missing
    bool example;   // a template: placeholders are right
    bool guarded;   // paperguardd itself, which refuses to start by itself
    bool optional;  // some of its variables come from a file that need not be there
    size_t certain; // of vars: these do not come from such a file
};

struct gate;

// What is said about a file is kept, said once, and printed in order.
void gate_say(struct gate *g, enum gate_severity severity, const char *rule, const char *file, unsigned line,
              const char *variable, const char *format, ...) PRINTF_LIKE(7, 8);
// A bound was met: an error, for what was not looked at passes nothing.
void gate_too_many(struct gate *g, const char *file, const char *what);
// A file as text: remembered as read, searched for live keys. NULL and a finding when it cannot be; *name is the
// gate's.
char *gate_read(struct gate *g, const char *path, const char **name);
const char *gate_file(struct gate *g, const char *path); // the gate's own copy of a path, for findings
bool gate_was_read(const struct gate *g, const char *path);
bool gate_exists(const char *path);
struct gate_scope *gate_scope_new(struct gate *g, const char *label, const char *file, unsigned line);
// Judges the assignment and puts it in place of an earlier one of the same name. value NULL: not known here.
void gate_put(struct gate *g, struct gate_scope *s, const char *name, const char *value, const char *file,
              unsigned line);
void gate_remove(struct gate_scope *s, const char *name);
const struct gate_var *gate_var(const struct gate_scope *s, const char *name);

// gate_env.c. 0, -1 when the file cannot be read.
int gate_env_file(struct gate *g, struct gate_scope *s, const char *path);
// gate_unit.c
void gate_unit(struct gate *g, const char *path);
void gate_unit_folder(struct gate *g, const char *path); // drop-ins whose unit is elsewhere
// gate_yaml.c
void gate_yaml(struct gate *g, const char *path);
// gate_conf.c
void gate_conf(struct gate *g, const char *path);
// gate_rules.c
void gate_judge_var(struct gate *g, const struct gate_scope *s, const struct gate_var *v);
void gate_judge_scope(struct gate *g, const struct gate_scope *s);
void gate_judge_two(struct gate *g, const struct gate_scope *a, const struct gate_scope *b);
void gate_judge_line(struct gate *g, const char *file, unsigned line, const char *text, size_t len);
void gate_judge_credential(struct gate *g, const char *path, const char *id); // a file that holds a key
bool gate_is_example(const char *path);

#endif
