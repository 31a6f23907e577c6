// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Internal to child: makes the pipes and a keeper at their other ends.
#ifndef PAPERGUARD_IO_CHILD_SPAWN_H
#define PAPERGUARD_IO_CHILD_SPAWN_H

#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/io/child.h"

struct child_process {
    pid_t pid;        // of the keeper, which ends when nothing of the program is left; 0: it is another service's
    int pidfd;        // -1 then
    int in, out, log; // our ends of stdin, stdout, stderr; non-blocking
    int report;       // what the keeper, or the program before execve, has to say
    int control;      // KEEPER_TERM, or closed: all is killed
};

// 0 and *out owned by the caller, or -1 (nothing is left open, no process is left).
int child_spawn(const struct child_params *params, struct child_process *out, struct err *err) MUST_CHECK;
#endif
