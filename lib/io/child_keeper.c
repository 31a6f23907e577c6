// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The keeper kills by process id, which is safe here: it kills only its own children, and only it reaps them, so the
// id of one that has ended stays taken until the keeper has looked. Nobody else's process is ever among them.
#include "lib/io/child_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_FD 3      // what the keeper keeps is moved here, the rest closed
#define HIGH_FD 16      // where it waits while 3 to 6 are filled
#define LOOK_AGAIN_MS 5 // while killing: what was forked meanwhile
#define LIST_BYTES 4096

struct keeper {
    struct keeper_fds fds;
    int main, status;
    bool main_ended, killing;
};

bool keeper_open(struct keeper_fds *fds)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    (void)prctl(PR_SET_NAME, "strategy-keeper");
    if ((getpgrp() != getpid() && setpgid(0, 0) != 0) || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
        return false;
    fds->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    fds->children = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    return fds->signals >= 0 && fds->children >= 0;
}

// The pipes of the program must not be ours too: it could not end them.
static void keep_only(struct keeper_fds *fds)
{
    int *all[] = {&fds->report, &fds->control, &fds->children, &fds->signals};
    const int count = (int)(sizeof all / sizeof all[0]);
    for (int i = 0; i < count; i++)
        *all[i] = fcntl(*all[i], F_DUPFD_CLOEXEC, HIGH_FD);
    for (int i = 0; i < count; i++)
        *all[i] = dup3(*all[i], FIRST_FD + i, O_CLOEXEC);
    for (int fd = 0; fd < FIRST_FD; fd++)
        close(fd);
    (void)close_range((unsigned)(FIRST_FD + count), ~0U, 0);
}

// false: no child is left.
static bool reap(struct keeper *k)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0)
            return pid == 0;
        if (pid == k->main) {
            k->main_ended = true;
            k->status = status;
        }
    }
}

// Direct children only: theirs become ours as they die, and are met at the next look.
static void kill_children(const struct keeper *k)
{
    char list[LIST_BYTES];
    ssize_t n = pread(k->fds.children, list, sizeof list, 0);
    for (ssize_t i = 0; i < n; i++) {
        pid_t pid = 0;
        for (; i < n && list[i] >= '0' && list[i] <= '9'; i++)
            pid = pid * 10 + (list[i] - '0');
        if (i < n && pid > 0) // at the end of a full buffer a number may be cut
            (void)kill(pid, SIGKILL);
    }
}

static void hear(struct keeper *k, bool control_ready)
{
    struct signalfd_siginfo told[8];
    char word;
    while (read(k->fds.signals, told, sizeof told) > 0)
        ;
    if (!control_ready)
        return;
    ssize_t n = read(k->fds.control, &word, 1);
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
        k->killing = true;
    else if (n > 0 && word == KEEPER_TERM && !k->main_ended)
        (void)kill(-k->main, SIGTERM); // not reaped, so the group's number is still the program's
}

int keeper_run(struct keeper_fds *fds, int main)
{
    keep_only(fds);
    struct keeper k = {.fds = *fds, .main = main};
    while (reap(&k)) {
        bool killing = k.killing || k.main_ended;
        if (killing)
            kill_children(&k);
        struct pollfd look[] = {{.fd = k.fds.signals, .events = POLLIN}, {.fd = k.fds.control, .events = POLLIN}};
        if (poll(look, k.killing ? 1 : 2, killing ? LOOK_AGAIN_MS : -1) >= 0)
            hear(&k, !k.killing && look[1].revents != 0);
    }
    return k.status;
}
