// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The disk of a simulated host: no thread, all is done at once, so that one seed is one history.
#include "lib/io/disk.h"

#include <stdlib.h>

#include "lib/base/check.h"

struct disk_work {
    void *data;
};

struct disk *disk_new(void)
{
    return NULL;
}

void disk_free(struct disk *d)
{
    (void)d;
}

struct disk_work *disk_begin(struct disk *d, disk_fn *run, void *data, int64_t wait_ms)
{
    struct disk_work *w = check_alloc(1, sizeof *w);
    (void)d, (void)wait_ms;
    w->data = data;
    run(data);
    return w;
}

bool disk_done(const struct disk_work *w)
{
    return w != NULL;
}

void *disk_data(const struct disk_work *w)
{
    return w->data;
}

void disk_end(struct disk_work *w)
{
    if (w)
        free(w->data);
    free(w);
}

int64_t disk_stuck_ns(struct disk *d)
{
    (void)d;
    return 0;
}
