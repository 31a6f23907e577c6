// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Also a slot that no life saw come, on the first day of its schedule, is on record in the end.
#include "tests/sim/slots.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/when.h"
#include "tests/sim/check.h"
#include "tests/sim/cluster.h"
#include "tests/sim/faults.h"
#include "tests/sim/site.h"
#include "tests/sim/store.h"
#include "tests/sim/wire.h"
#include "tests/sim/world.h"

#define S NS_PER_S
#define MS NS_PER_MS

enum trouble { NOTHING, SUSPENDED, AHEAD, BACK, KILLED, NO_POSTGRES, NO_BROKER, TROUBLES };

static void start_again(void *arg)
{
    if (!host_alive(arg))
        host_start(arg);
}

static void strikes(void *arg)
{
    struct host *h = cluster_leader();
    (void)arg;
    if (!faults_on())
        return;
    int64_t for_ns = world_between(DRAW_SLOTS, 1000, 90000) * MS;
    switch ((enum trouble)world_between(DRAW_SLOTS, 0, TROUBLES - 1)) {
    case SUSPENDED:
        world_note("suspended over a slot");
        host_freeze(h, for_ns);
        break;
    case AHEAD:
        clock_step(h, for_ns * world_between(DRAW_SLOTS, 1, 60));
        break;
    case BACK:
        clock_step(h, -for_ns * world_between(DRAW_SLOTS, 1, 60));
        break;
    case KILLED:
        world_note("killed over a slot");
        host_kill(h);
        world_after(world_between(DRAW_SLOTS, 50, 30000) * MS, start_again, h);
        break;
    case NO_POSTGRES:
        store_faults()->down_until = world_ns() + for_ns;
        break;
    case NO_BROKER:
        wire_faults()->down_until = world_ns() + for_ns;
        break;
    case NOTHING:
    case TROUBLES:
        break;
    }
}

void slots_begin(void)
{
    for (int i = 0; i < 2; i++) {
        int64_t at = site_slot(i) + world_between(DRAW_SLOTS, -8000, 3000) * MS;
        if (site_slot(i) && at > world_wall_ns())
            world_after(at - world_wall_ns(), strikes, NULL);
    }
}

static void check(const char *account, int64_t slot)
{
    char sql[200], at[WHEN_TEXT_MAX];
    when_format(slot, at);
    snprintf(sql, sizeof sql, "SELECT status || ':' || detail FROM runs WHERE account_number = $1 AND slot_key = '%s'",
             at);
    const char *row = store_value(sql, account);
    world_sum(SUM_SLOTS, 1);
    if (!row[0])
        check_violation("slot %s was not run, and is not on record as missed", at);
    else if (strcmp(row, "missed:") == 0)
        check_violation("slot %s is missed, and no reason is on record", at);
}

void slots_check(const char *account)
{
    for (int i = 0; i < 2; i++)
        if (site_slot(i))
            check(account, site_slot(i));
}
