// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Internal to child: a process becomes a keeper and forks the program; what became of them is read from `report`.
// Between that fork and execve everything that is not the program's is taken away from it.
#ifndef PAPERGUARD_IO_CHILD_BECOME_H
#define PAPERGUARD_IO_CHILD_BECOME_H

#include "lib/base/check.h"
#include "lib/base/err.h"
#include "lib/io/child.h"

struct child_ends { // the program's and the keeper's ends of the pipes
    int in, out, log, report, control;
};

NORETURN void child_keep(const struct child_params *params, const struct child_ends *ends); // system calls only
NORETURN void child_keep_not(const struct child_ends *ends, int error); // instead: its sandbox cannot be made

enum child_fate { FATE_ENDED, FATE_NOT_STARTED, FATE_UNKNOWN, FATE_OPEN };
// ENDED: *wait_status as of waitpid. NOT_STARTED: err names the step that failed. UNKNOWN: the keeper was killed and
// told nothing. OPEN: nothing is told yet.
enum child_fate child_fate_read(int report, const char *program, int *wait_status, struct err *err);

#endif
