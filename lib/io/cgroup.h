// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A control group (version 2) of one child, below a folder that was delegated to us: what all its processes together
// may have. Under systemd a unit does this; this is for hosts without.
#ifndef PAPERGUARD_IO_CGROUP_H
#define PAPERGUARD_IO_CGROUP_H

#include <stdint.h>

#include "lib/base/err.h"

struct cgroup;
// Makes parent/name, or takes what an earlier run left there when nothing lives in it. NULL with err: a bound that
// cannot be set is a failure (0: not asked for).
struct cgroup *cgroup_new(const char *parent, const char *name, uint64_t memory_max, uint64_t processes_max,
                          struct err *err) MUST_CHECK;
// Descriptor of cgroup.procs, close-on-exec, above those that children use: "0" written to it enters. Borrowed.
int cgroup_procs(const struct cgroup *g);
void cgroup_free(struct cgroup *g); // removes it when nobody is left in it; NULL is fine

#endif
