// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Internal to child: makes the process. Between fork and execve everything the daemon owns is taken away from it.
#ifndef PAPERGUARD_IO_CHILD_SPAWN_H
#define PAPERGUARD_IO_CHILD_SPAWN_H

#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/io/child.h"

struct child_process {
    pid_t pid; // also its process group
    int pidfd;
    int in, out, log; // our ends of stdin, stdout, stderr; non-blocking
    int report;       // becomes readable with a struct child_report when execve was not reached, else ends empty
};

// 0 and *out owned by the caller, or -1 (nothing is left open, no process is left).
int child_spawn(const struct child_params *params, struct child_process *out, struct err *err) MUST_CHECK;
// After the process has ended: true when it never reached its program; fills err with the step that failed.
bool child_spawn_failed(int report, const char *program, struct err *err);

#endif
