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
    pid_t pid; // of the keeper, which ends when nothing of the program is left
    int pidfd;
    int in, out, log; // our ends of stdin, stdout, stderr; non-blocking
    int report;       // what the keeper, or the program before execve, has to say
    int control;      // KEEPER_TERM, or closed: all is killed
};

// 0 and *out owned by the caller, or -1 (nothing is left open, no process is left).
int child_spawn(const struct child_params *params, struct child_process *out, struct err *err) MUST_CHECK;
enum child_fate { FATE_ENDED, FATE_NOT_STARTED, FATE_UNKNOWN };
// After the keeper has ended. ENDED: *wait_status as of waitpid. NOT_STARTED: err names the step that failed. UNKNOWN:
// the keeper was killed and told nothing.
enum child_fate child_spawn_fate(int report, const char *program, int *wait_status, struct err *err);

#endif
