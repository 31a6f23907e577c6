// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Disk: a file system may stand still, for seconds or for ever (a full queue of writes, a network file system whose
// server is gone), and no call on it can be taken back. What touches one while the loop runs is done by a thread beside
// it, one piece of work at a time, and waited for no longer than told.
#ifndef PAPERGUARD_IO_DISK_H
#define PAPERGUARD_IO_DISK_H

#include <stdbool.h>
#include <stdint.h>

struct disk;
struct disk_work;

typedef void disk_fn(void *data); // beside the loop: uses its data, and nothing else

struct disk *disk_new(void); // aborts when there is no thread to be had
// Waits for nothing: work that is under way is left to end by itself, and its data with it.
void disk_free(struct disk *d);
// Has run called with data (allocated; taken over), and waits wait_ms at most for it, and for what is under way before
// it. NULL: that has not ended by then, nor will be waited for once it takes a second; data is freed and run was not
// called. d NULL: run is called at once.
struct disk_work *disk_begin(struct disk *d, disk_fn *run, void *data, int64_t wait_ms);
// Has it ended? Then its data may be read.
bool disk_done(const struct disk_work *w);
void *disk_data(const struct disk_work *w);
void disk_end(struct disk_work *w); // NULL is fine; frees its data, when it is still under way once it has ended
// For how long what is under way has been so, 0 = nothing is. d NULL: 0.
int64_t disk_stuck_ns(struct disk *d);

#endif
