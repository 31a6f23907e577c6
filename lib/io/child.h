// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A bounded, stripped child process: own process group, given environment only, closed descriptors, resource limits,
// deadline, capped output. Ends once: its result comes when the program and everything it ever started, groups and
// sessions regardless, are dead and reaped, and its pipes drained and closed. They die too when we die.
#ifndef PAPERGUARD_IO_CHILD_H
#define PAPERGUARD_IO_CHILD_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/io/cgroup.h"
#include "lib/io/loop.h"
#include "lib/io/sandbox.h"

struct child;

// CHILD_START_SHORT: not started for want of descriptors, processes, memory or disk; later it may.
enum child_result {
    CHILD_EXITED,
    CHILD_SIGNALLED,
    CHILD_TIMEOUT,
    CHILD_OUTPUT_TOO_LARGE,
    CHILD_START_FAILED,
    CHILD_START_SHORT
};
static inline bool child_error_is_short(int error)
{
    return error == EMFILE || error == ENFILE || error == EAGAIN || error == ENOMEM || error == ENOSPC ||
           error == EDQUOT;
}
const char *child_result_name(enum child_result r);

struct child_params {
    struct loop *loop;
    const char *const *argv; // argv[0] is an absolute path; NULL-terminated
    const char *const *envp; // NULL-terminated; nothing else is inherited
    const char *input;       // written to stdin, then closed; copied
    size_t input_len;
    size_t output_max;                  // stdout bytes; more kills the child
    size_t log_line_max, log_lines_max; // stderr, line by line; further lines are counted, not passed on
    int64_t timeout_ms;                 // then SIGTERM to the group, SIGKILL after grace_ms
    int64_t grace_ms;
    uint64_t memory_max;    // RLIMIT_AS bytes, 0 = none
    uint64_t cpu_seconds;   // RLIMIT_CPU, 0 = none
    uint64_t files_max;     // RLIMIT_NOFILE, 0 = none
    uint64_t processes_max; // RLIMIT_NPROC, 0 = none; counts all of the user's
    uint64_t file_max;      // RLIMIT_FSIZE bytes, 0 = none
    uid_t uid;              // (uid_t)-1: keep; only as root
    gid_t gid;
    const char *directory; // working directory, NULL = "/"
    // Socket of the service that runs programs in units of their own (child_service.h); NULL: as our own child. There
    // uid, gid, directory and sandbox are the service's affair: it makes a folder `name` and a sandbox that opens
    // `read`.
    const char *service, *name;
    const char *const *read;
    const struct cgroup *cgroup;   // NULL: ours; borrowed for the call
    const struct sandbox *sandbox; // NULL: none; borrowed for the call
    void (*log_line)(void *arg, const char *line);
    void (*done)(void *arg, enum child_result result, int status, const char *output, size_t output_len,
                 const char *detail); // output borrowed; exactly once, never from within child_start
    void *arg;
};

// status is the exit code, the signal's number for CHILD_SIGNALLED, -1 when it never started.
struct child *
child_start(const struct child_params *params); // never NULL: failures come through done; ended by child_free
void child_kill(struct child *c);               // TERM then KILL; done still follows
// KILL, reap, no done. Before or after done, and safe within both callbacks. Never waits: a process that is still dying
// is reaped by a later turn of the loop.
void child_free(struct child *c);

#endif
