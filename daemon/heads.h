// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The chain of decisions from outside: once a day (of UTC) its head goes where the database's owner cannot change it, a
// file or a webhook, and what is older than it is to be kept is removed behind a checkpoint.
#ifndef PAPERGUARD_DAEMON_HEADS_H
#define PAPERGUARD_DAEMON_HEADS_H

#include "daemon/ledger.h"
#include "daemon/metrics.h"
#include "daemon/notify.h"
#include "lib/io/disk.h"

struct heads;
struct heads_params {
    struct loop *loop;
    struct ledger *ledger;
    struct disk *disk;
    struct metrics *metrics;
    const char *environment, *host, *instance; // borrowed, as the rest
    const char *file;                          // "": none
    const struct notify_url *url;              // NULL: none
    int64_t keep_days;                         // 0: all
    void (*alert)(void *arg, const char *kind, const char *subject, const char *detail);
    void *arg;
};
struct heads *heads_new(const struct heads_params *params);
void heads_free(struct heads *h);
void heads_look(struct heads *h, int64_t wall_ns, int64_t boot_ns); // with every tick, Postgres there

#endif
