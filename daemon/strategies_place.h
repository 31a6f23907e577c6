// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Internal to strategies: as whom a strategy runs, where its own folder is, and which files it may see.
#ifndef PAPERGUARD_DAEMON_STRATEGIES_PLACE_H
#define PAPERGUARD_DAEMON_STRATEGIES_PLACE_H

#include <sys/types.h>

#include "daemon/config.h"
#include "lib/io/sandbox.h"

struct strategies_user {
    uid_t uid; // (uid_t)-1: the daemon's own
    gid_t gid;
    char name[64];
};
// -1: no such user; or the daemon's own, on a kernel that cannot keep it from the daemon's files.
int strategies_user_find(const struct config *config, struct strategies_user *out, struct err *err) MUST_CHECK;

#define STRATEGIES_FOLDER_MAX 600
// Its own folder is made when missing. The program's folder, that of a script behind an interpreter, further paths in
// the command and [strategies] read are opened for reading; -1 when a secret of the daemon lies in one of them.
int strategies_place(const struct config *config, const struct strategies_user *user, const char *name,
                     const char *const *argv, char folder[STRATEGIES_FOLDER_MAX], struct sandbox **sandbox,
                     struct err *err) MUST_CHECK;

#endif
