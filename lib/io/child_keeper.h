// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Internal to child: the keeper, a small process between us and the program. Whatever the program starts becomes the
// keeper's child when its own parent ends (PR_SET_CHILD_SUBREAPER), however often it forks and leaves its group; when
// the program has ended, or nobody holds the other end of `control` any more, the keeper kills all of them.
#ifndef PAPERGUARD_IO_CHILD_KEEPER_H
#define PAPERGUARD_IO_CHILD_KEEPER_H

#include <stdbool.h>

#define KEEPER_TERM 'T' // on `control`: TERM to the program's group; its end kills all

struct keeper_fds {
    int report, control, children, signals;
};

// All of this runs after fork in a process that never executes anything: system calls only, signals blocked.
bool keeper_open(struct keeper_fds *fds); // before the program is forked; errno is set
// Closes everything but fds, follows the program `main` until nothing of it is left; its wait status. Does not give up.
int keeper_run(struct keeper_fds *fds, int main);

#endif
