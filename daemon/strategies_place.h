// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Internal to strategies: as whom a strategy runs, where its own folder is, and which files it may see.
#ifndef PAPERGUARD_DAEMON_STRATEGIES_PLACE_H
#define PAPERGUARD_DAEMON_STRATEGIES_PLACE_H

#include <sys/types.h>

#include "daemon/config.h"
#include "lib/io/cgroup.h"
#include "lib/io/sandbox.h"

struct strategies_user {
    uid_t uid; // (uid_t)-1: the daemon's own
    gid_t gid;
    char name[64];
};
// -1: no such user; or the daemon's own, on a kernel that cannot keep it from the daemon's files. With a service the
// user is its unit's, and looked up only to be known.
int strategies_user_find(const struct config *config, bool service, struct strategies_user *out,
                         struct err *err) MUST_CHECK;

#define STRATEGIES_FOLDER_MAX 600
#define STRATEGIES_PATHS_MAX 96
struct strategies_place {
    char folder[STRATEGIES_FOLDER_MAX];   // its own; "" with a service
    char *read[STRATEGIES_PATHS_MAX + 1]; // owned, resolved, NULL-terminated
    size_t read_count;
    struct sandbox *sandbox; // NULL with a service
    struct cgroup *cgroup;   // NULL: none configured, or a service
};
// Its own folder is made when missing. The program's folder, that of a script behind an interpreter, further paths in
// the command and [strategies] read are opened for reading; -1 when a secret of the daemon lies in one of them.
// filter: NULL with a service, which makes its own. When it fails errno says why, unless it is 0.
int strategies_place_find(const struct config *config, const struct strategies_user *user,
                          const struct sandbox_filter *filter, const char *name, const char *const *argv,
                          struct strategies_place *out, struct err *err) MUST_CHECK;
void strategies_place_free(struct strategies_place *p);

#endif
