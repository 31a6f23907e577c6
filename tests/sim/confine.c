// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// lib/io/sandbox.h and cgroup.h where no program is run: nothing is confined.
#include <stddef.h>

#include "lib/io/cgroup.h"
#include "lib/io/sandbox.h"

struct sandbox {
    int nothing;
};

struct sandbox_filter {
    int nothing;
};

struct sandbox_filter *sandbox_filter_new(bool shares_user, struct err *err)
{
    static struct sandbox_filter one;
    (void)shares_user, (void)err;
    return &one;
}

void sandbox_filter_free(struct sandbox_filter *f)
{
    (void)f;
}

struct sandbox *sandbox_new(const struct sandbox_params *params, struct err *err)
{
    static struct sandbox one;
    (void)params, (void)err;
    return &one;
}

void sandbox_free(struct sandbox *s)
{
    (void)s;
}

int sandbox_landlock_abi(void)
{
    return SANDBOX_ABI_SIGNALS;
}

struct cgroup *cgroup_new(const char *parent, const char *name, uint64_t memory_max, uint64_t processes_max,
                          struct err *err)
{
    (void)parent, (void)name, (void)memory_max, (void)processes_max, (void)err;
    return NULL;
}

void cgroup_free(struct cgroup *g)
{
    (void)g;
}
