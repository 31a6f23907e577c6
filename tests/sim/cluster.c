// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Which host leads is read from Postgres, beside the daemon.
#include "tests/sim/cluster.h"

#include <string.h>

#include "lib/base/when.h"
#include "tests/sim/check.h"
#include "tests/sim/incidents.h"
#include "tests/sim/site.h"
#include "tests/sim/store.h"

#define S NS_PER_S

static struct {
    const char *account;
    struct host *hosts[WORLD_HOSTS_MAX];
    char *argv[WORLD_HOSTS_MAX][4];
    bool two, left;
    host_main_fn *entry;
} it;

static struct host *make(int i)
{
    static const char *const names[] = {"h1", "h2"};
    it.argv[i][0] = (char *)(uintptr_t) "paperguardd";
    it.argv[i][1] = (char *)(uintptr_t) "--config";
    it.argv[i][2] = site_config(i);
    return it.hosts[i] = host_new(names[i], it.entry, it.argv[i]);
}

void cluster_begin(const char *account, host_main_fn *entry)
{
    it.account = account;
    it.entry = entry;
    it.two = incidents_chosen() ? incidents_chosen()->two : world_chance(DRAW_HOSTS, 350000);
    host_start(make(0));
}

static void keep(void *arg)
{
    struct host *h = arg;
    if (it.left)
        return;
    if (!host_alive(h))
        host_start(h);
    world_after(world_between(DRAW_HOSTS, 2, 9) * S, keep, h);
}

static void second(void *arg)
{
    (void)arg;
    host_start(make(1));
    for (int i = 0; i < WORLD_HOSTS_MAX; i++)
        keep(it.hosts[i]);
}

void cluster_second(void)
{
    if (it.two)
        second(NULL);
}

bool cluster_two(void)
{
    return it.two;
}

struct host *cluster_first(void)
{
    return it.hosts[0];
}

struct host *cluster_leader(void)
{
    const char *leader = store_value("SELECT host FROM leaders WHERE account_number = $1", it.account);
    return it.hosts[1] && strcmp(leader, host_name(it.hosts[1])) == 0 ? it.hosts[1] : it.hosts[0];
}

struct host *cluster_other(const struct host *h)
{
    return h == it.hosts[0] ? it.hosts[1] : it.hosts[0];
}

struct host *cluster_any(enum world_draw what)
{
    return it.hosts[1] && world_chance(what, 500000) ? it.hosts[1] : it.hosts[0];
}

void cluster_leave(void)
{
    it.left = true;
}
