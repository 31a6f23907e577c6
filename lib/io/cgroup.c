// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Plain files: the kernel answers with an error where a controller was not delegated.
#include "lib/io/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/text.h"

#define PATH_LEN 600
#define FIRST_FREE_FD 16 // below it the child puts its own

struct cgroup {
    char path[PATH_LEN];
    int procs;
};

static int write_bound(const struct cgroup *g, const char *file, uint64_t bound, struct err *err)
{
    char path[PATH_LEN + 32], text[24];
    snprintf(path, sizeof path, "%s/%s", g->path, file);
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)bound);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t written = fd < 0 ? -1 : write(fd, text, (size_t)n);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (written == n)
        return 0;
    return err_set(err, "%s cannot be set: %s (is its controller in the cgroup.subtree_control of the folder above?)",
                   path, strerror(error));
}

static int bounds_set(const struct cgroup *g, uint64_t memory_max, uint64_t processes_max, struct err *err)
{
    struct err no_swap; // there may be none to forbid
    if (memory_max && write_bound(g, "memory.max", memory_max, err) != 0)
        return -1;
    if (memory_max)
        (void)write_bound(g, "memory.swap.max", 0, &no_swap);
    return processes_max ? write_bound(g, "pids.max", processes_max, err) : 0;
}

static int procs_open(struct cgroup *g, struct err *err)
{
    char path[PATH_LEN + 32];
    snprintf(path, sizeof path, "%s/cgroup.procs", g->path);
    int low = open(path, O_WRONLY | O_CLOEXEC);
    g->procs = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    int error = errno;
    if (low >= 0)
        close(low);
    return g->procs >= 0 ? 0 : err_set(err, "%s cannot be opened: %s", path, strerror(error));
}

struct cgroup *cgroup_new(const char *parent, const char *name, uint64_t memory_max, uint64_t processes_max,
                          struct err *err)
{
    struct cgroup *g = check_alloc(1, sizeof *g);
    g->procs = -1;
    int n = snprintf(g->path, sizeof g->path, "%s/%s", parent, name);
    int rc = n > 0 && (size_t)n < sizeof g->path ? 0 : err_set(err, "%s/%s is too long", parent, name);
    if (rc == 0) {
        (void)rmdir(g->path); // with the bounds and counts of an earlier run
        if (mkdir(g->path, 0755) != 0 && errno != EEXIST)
            rc = err_set(err, "the control group %s cannot be made: %s", g->path, strerror(errno));
    }
    if (rc == 0)
        rc = bounds_set(g, memory_max, processes_max, err);
    if (rc == 0)
        rc = procs_open(g, err);
    if (rc == 0)
        return g;
    cgroup_free(g);
    return NULL;
}

int cgroup_procs(const struct cgroup *g)
{
    return g->procs;
}

void cgroup_free(struct cgroup *g)
{
    if (!g)
        return;
    if (g->procs >= 0)
        close(g->procs);
    if (g->path[0])
        (void)rmdir(g->path); // somebody may still be dying in it: the next one takes it over
    free(g);
}
