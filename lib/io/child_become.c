// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The keeper's beginning and the program's, up to execve: plain system calls only (no allocation, no stdio, no log).
// The step that failed is told through a pipe that execve closes.
#include "lib/io/child_become.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/io/child_keeper.h"

#define SPAWN_STEPS(X)                                                                                                 \
    X(STEP_KEEPER, "setting up its keeper")                                                                            \
    X(STEP_FORK, "forking")                                                                                            \
    X(STEP_GROUP, "setting its process group")                                                                         \
    X(STEP_SIGNALS, "resetting its signals")                                                                           \
    X(STEP_DESCRIPTORS, "setting its descriptors")                                                                     \
    X(STEP_LIMITS, "setting its resource limits")                                                                      \
    X(STEP_CGROUP, "entering its control group")                                                                       \
    X(STEP_USER, "changing to its user and group")                                                                     \
    X(STEP_DIRECTORY, "entering its working directory")                                                                \
    X(STEP_PRIVILEGES, "giving up privileges")                                                                         \
    X(STEP_PARENT, "checking that its parent is alive")                                                                \
    X(STEP_SANDBOX, "entering its sandbox")                                                                            \
    X(STEP_EXEC, "executing")
#define STEP_SYMBOL(symbol, text) symbol,
#define STEP_TEXT(symbol, text) text,
enum spawn_step { SPAWN_STEPS(STEP_SYMBOL) STEP_COUNT };
static const char *const step_texts[] = {SPAWN_STEPS(STEP_TEXT)};

struct child_report {
    uint32_t step; // STEP_COUNT: the program has ended and nothing of it is left
    int32_t error; // or its wait status
};

#define REPORT_FD 3 // in the child, close-on-exec
#define HIGH_FD 16  // where the descriptors wait while 0 to 3 are filled

// ---- in the child: system calls only
// -----------------------------------------------------------------------------------

static bool child_reset_dispositions(void)
{
    struct sigaction plain;
    memset(&plain, 0, sizeof plain);
    plain.sa_handler = SIG_DFL;
    for (int signo = 1; signo < NSIG; signo++) {
        if (signo != SIGKILL && signo != SIGSTOP)
            (void)sigaction(signo, &plain, NULL); // the C library refuses its own two: they are never set either
    }
    return true;
}

static bool child_reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    return child_reset_dispositions() && sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

// Our own 0 to 3 may be closed or be among the pipes, so everything moves up before it moves down.
static bool child_set_descriptors(const struct child_ends *p)
{
    int in = fcntl(p->in, F_DUPFD_CLOEXEC, HIGH_FD);
    int out = fcntl(p->out, F_DUPFD_CLOEXEC, HIGH_FD);
    int log = fcntl(p->log, F_DUPFD_CLOEXEC, HIGH_FD);
    int report = fcntl(p->report, F_DUPFD_CLOEXEC, HIGH_FD);
    if (in < 0 || out < 0 || log < 0 || report < 0)
        return false;
    return dup3(report, REPORT_FD, O_CLOEXEC) == REPORT_FD && dup2(in, STDIN_FILENO) == STDIN_FILENO &&
           dup2(out, STDOUT_FILENO) == STDOUT_FILENO && dup2(log, STDERR_FILENO) == STDERR_FILENO &&
           close_range(REPORT_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0; // the sandbox has one until execve
}

static bool child_limit(__rlimit_resource_t what, uint64_t soft, uint64_t hard)
{
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    return setrlimit(what, &limit) == 0;
}

static bool child_set_limits(const struct child_params *p)
{
    return child_limit(RLIMIT_CORE, 0, 0) && // a core file may hold what came on stdin
           (p->memory_max == 0 || child_limit(RLIMIT_AS, p->memory_max, p->memory_max)) &&
           (p->cpu_seconds == 0 || child_limit(RLIMIT_CPU, p->cpu_seconds, p->cpu_seconds + 1)) &&
           (p->files_max == 0 || child_limit(RLIMIT_NOFILE, p->files_max, p->files_max)) &&
           (p->file_max == 0 || child_limit(RLIMIT_FSIZE, p->file_max, p->file_max)) &&
           (p->processes_max == 0 || child_limit(RLIMIT_NPROC, p->processes_max, p->processes_max));
}

static bool child_set_user(const struct child_params *p)
{
    if (p->uid == (uid_t)-1)
        return true;
    return setgroups(0, NULL) == 0 && setresgid(p->gid, p->gid, p->gid) == 0 && setresuid(p->uid, p->uid, p->uid) == 0;
}

// Runs the steps in order; returns the one that failed. errno is set by it.
static enum spawn_step child_become(const struct child_params *p, pid_t parent)
{
    if (setpgid(0, 0) != 0)
        return STEP_GROUP;
    if (!child_reset_signals())
        return STEP_SIGNALS;
    umask(077);
    if (!child_set_limits(p))
        return STEP_LIMITS;
    // As ourselves: its user need not be able to walk there.
    if (chdir(p->directory != NULL ? p->directory : "/") != 0)
        return STEP_DIRECTORY;
    if (p->cgroup != NULL && write(cgroup_procs(p->cgroup), "0", 1) != 1)
        return STEP_CGROUP;
    if (!child_set_user(p))
        return STEP_USER;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return STEP_PRIVILEGES;
    // After the change of user, which clears it. A parent that died before this line sends nothing: look for it.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        return STEP_PARENT;
    if (p->sandbox != NULL && !sandbox_enter(p->sandbox))
        return STEP_SANDBOX;
    execve(p->argv[0], (char *const *)p->argv, (char *const *)p->envp);
    return STEP_EXEC;
}

static NORETURN void tell_and_exit(int report, uint32_t step, int error)
{
    struct child_report r = {.step = step, .error = error};
    if (write(report, &r, sizeof r) != (ssize_t)sizeof r)
        _exit(126);
    _exit(step == STEP_COUNT ? 0 : 127);
}

static NORETURN void child_main(const struct child_params *p, const struct child_ends *ends, pid_t parent)
{
    int report = ends->report;
    enum spawn_step failed = STEP_DESCRIPTORS;
    if (child_set_descriptors(ends)) {
        report = REPORT_FD;
        failed = child_become(p, parent);
    }
    tell_and_exit(report, failed, errno);
}

// It keeps our user: a program with a user of its own cannot touch it.
NORETURN void child_keep(const struct child_params *p, const struct child_ends *ends)
{
    struct keeper_fds fds = {.report = ends->report, .control = ends->control};
    sigset_t all;
    sigfillset(&all);
    if (sigprocmask(SIG_SETMASK, &all, NULL) != 0 || !child_reset_dispositions() || !keeper_open(&fds))
        tell_and_exit(fds.report, STEP_KEEPER, errno);
    pid_t keeper = getpid();
    pid_t pid = fork();
    if (pid < 0)
        tell_and_exit(fds.report, STEP_FORK, errno);
    if (pid == 0)
        child_main(p, ends, keeper);
    (void)setpgid(pid, pid); // the child does it too; whoever is first, the group is there before anyone signals it
    int status = keeper_run(&fds, pid);
    tell_and_exit(fds.report, STEP_COUNT, status);
}

NORETURN void child_keep_not(const struct child_ends *ends, int error)
{
    tell_and_exit(ends->report, STEP_SANDBOX, error);
}

enum child_fate child_fate_read(int report, const char *program, int *wait_status, struct err *err)
{
    struct child_report r;
    enum child_fate fate = FATE_UNKNOWN;
    ssize_t n;
    while ((n = read(report, &r, sizeof r)) == (ssize_t)sizeof r)
        if (r.step < STEP_COUNT && fate != FATE_NOT_STARTED) {
            err_set(err, "cannot start %s: %s: %s", program, step_texts[r.step], strerror(r.error));
            *wait_status = (int)r.error;
            fate = FATE_NOT_STARTED;
        } else if (r.step == STEP_COUNT && fate == FATE_UNKNOWN) {
            *wait_status = r.error;
            fate = FATE_ENDED;
        }
    return fate == FATE_UNKNOWN && n < 0 && errno == EAGAIN ? FATE_OPEN : fate;
}
