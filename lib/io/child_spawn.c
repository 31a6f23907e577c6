// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Two ways to a keeper: fork one (posix_spawn cannot set limits, the parent-death signal or no_new_privs), or hand the
// pipes to the service that makes one in a unit of its own. From there on they are alike.
#include "lib/io/child_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io/child_become.h"
#include "lib/io/child_service.h"

struct spawn_pipes {
    int in[2], out[2], log[2], report[2], control[2]; // [0] read, [1] write
};

static void pipe_close(int ends[2])
{
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0)
            close(ends[i]);
        ends[i] = -1;
    }
}

static void pipes_close(struct spawn_pipes *p)
{
    pipe_close(p->in);
    pipe_close(p->out);
    pipe_close(p->log);
    pipe_close(p->report);
    pipe_close(p->control);
}

static bool pipes_open(struct spawn_pipes *p)
{
    *p = (struct spawn_pipes){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(p->in, O_CLOEXEC) != 0 || pipe2(p->out, O_CLOEXEC) != 0 || pipe2(p->log, O_CLOEXEC) != 0 ||
        pipe2(p->report, O_CLOEXEC) != 0 || pipe2(p->control, O_CLOEXEC) != 0)
        return false;
    // Our ends only: the flag belongs to the end, and programs do not expect a non-blocking stdin or stdout.
    return fcntl(p->in[1], F_SETFL, O_NONBLOCK) == 0 && fcntl(p->out[0], F_SETFL, O_NONBLOCK) == 0 &&
           fcntl(p->log[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(p->report[0], F_SETFL, O_NONBLOCK) == 0 &&
           fcntl(p->control[1], F_SETFL, O_NONBLOCK) == 0;
}

static int end_take(int *end)
{
    int fd = *end;
    *end = -1;
    return fd;
}

static struct child_ends their_ends(const struct spawn_pipes *p)
{
    return (struct child_ends){p->in[0], p->out[1], p->log[1], p->report[1], p->control[0]};
}

// All signals are blocked across fork, so that no handler of ours ever runs in the child; the keeper leaves it so.
static pid_t fork_quietly(const struct child_params *params, struct spawn_pipes *pipes)
{
    sigset_t all, before;
    sigfillset(&all);
    CHECK(sigprocmask(SIG_SETMASK, &all, &before) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct child_ends ends = their_ends(pipes);
        close(pipes->control[1]); // else it would never hear that nobody holds it any more
        child_keep(params, &ends);
    }
    int error = errno;
    CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
    errno = error;
    return pid;
}

static int spawn_fork(const struct child_params *params, struct spawn_pipes *pipes, struct child_process *out,
                      struct err *err)
{
    pid_t pid = fork_quietly(params, pipes);
    int pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
    if (pidfd < 0) {
        int error = errno;
        err_set(err, "cannot start %s: %s", params->argv[0], strerror(error));
        if (pid > 0) { // fails only when descriptors ran out; the child is ours and unreaped, so its id is safe to use
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
        errno = error;
        return -1;
    }
    out->pid = pid;
    out->pidfd = pidfd;
    return 0;
}

int child_spawn(const struct child_params *params, struct child_process *out, struct err *err)
{
    const char *program = params->argv[0];
    errno = 0;
    if (program == NULL || program[0] != '/')
        return err_set(err, "cannot start \"%s\": the program must be an absolute path", program ? program : "");
    struct spawn_pipes pipes;
    struct child_process made = {.pid = 0, .pidfd = -1};
    int rc = pipes_open(&pipes) ? 0 : err_set(err, "cannot start %s: %s", program, strerror(errno));
    if (rc == 0 && params->service != NULL) {
        struct child_ends ends = their_ends(&pipes);
        rc = child_service_ask(params, &ends, err);
    } else if (rc == 0) {
        rc = spawn_fork(params, &pipes, &made, err);
    }
    if (rc == 0) {
        made.in = end_take(&pipes.in[1]);
        made.out = end_take(&pipes.out[0]);
        made.log = end_take(&pipes.log[0]);
        made.report = end_take(&pipes.report[0]);
        made.control = end_take(&pipes.control[1]);
        *out = made;
    }
    int error = errno;
    pipes_close(&pipes);
    errno = error;
    return rc;
}
