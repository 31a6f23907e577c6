// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What goes wrong in a seed: how often is drawn, and when.
#include "tests/sim/faults.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/when.h"
#include "tests/sim/child.h"
#include "tests/sim/cluster.h"
#include "tests/sim/incidents.h"
#include "tests/sim/lists.h"
#include "tests/sim/redis.h"
#include "tests/sim/slots.h"
#include "tests/sim/store.h"
#include "tests/sim/stream.h"
#include "tests/sim/wire.h"
#include "tests/sim/world.h"

#define S NS_PER_S
#define MS NS_PER_MS

static struct {
    bool on;
    int64_t kill_ppm, freeze_ppm; // at a statement of a run
} ill;

bool faults_on(void)
{
    return ill.on;
}

static int64_t rate(int64_t often_ppm, int64_t most_ppm)
{
    return world_chance(DRAW_SCENARIO, often_ppm) ? world_between(DRAW_SCENARIO, 0, most_ppm) : 0;
}

static void stands_still(void *arg)
{
    world_note("frozen");
    host_freeze(arg, incidents_chosen()->frozen_for_s * S);
}

static void faults_of(const struct incident *one)
{
    *redis_faults() = one->redis;
    wire_behind(one->positions_behind_s * S);
    if (one->frozen_for_s)
        world_after(one->frozen_at_s * S - world_ns(), stands_still, cluster_first());
    *wire_faults() = one->wire;
    *store_faults() = one->store;
    *stream_faults() = one->stream;
    ill.kill_ppm = one->kill_ppm;
    ill.freeze_ppm = one->freeze_ppm;
}

static void draw_faults(void)
{
    *wire_faults() = (struct wire_faults){.lost = rate(500000, 60000),
                                          .answer_lost = rate(600000, 60000),
                                          .late = rate(400000, 30000),
                                          .gateway = rate(300000, 50000),
                                          .gateway_after = rate(300000, 50000),
                                          .limited = rate(200000, 50000),
                                          .html = rate(200000, 30000),
                                          .truncated = rate(200000, 30000),
                                          .duplicated = rate(300000, 100000),
                                          .stands_still = rate(400000, 200000)};
    ill.kill_ppm = rate(400000, 30000);
    ill.freeze_ppm = rate(300000, 60000);
    *store_faults() = (struct store_faults){.lost = rate(400000, 20000), .answer_lost = rate(400000, 20000)};
    *redis_faults() = (struct redis_faults){.lost = rate(400000, 50000),
                                            .slow = rate(300000, 50000),
                                            .refused = rate(300000, 100000),
                                            .flushed = rate(300000, 20000)};
    *stream_faults() = (struct stream_faults){.lost = rate(500000, 300000),
                                              .repeated = rate(400000, 200000),
                                              .late = rate(400000, 200000),
                                              .garbled = rate(300000, 100000),
                                              .closed = rate(300000, 50000),
                                              .silent = rate(300000, 50000),
                                              .refused = rate(300000, 500000)};
    child_failures(rate(300000, 300000));
    if (world_chance(DRAW_LATE, 300000))
        wire_faults()->orders_late = world_between(DRAW_LATE, 0, 300000);
}

static void start_again(void *arg)
{
    if (!host_alive(arg))
        host_start(arg);
}

static void kill_again(void *arg)
{
    if (!ill.on)
        return;
    world_note("killed");
    host_kill(arg);
    world_after(world_between(DRAW_KILL, 50, 15000) * MS, start_again, arg);
    world_after(world_between(DRAW_KILL, 1000, 90000) * MS, kill_again, arg);
}

static void outage(void *arg)
{
    if (!ill.on)
        return;
    int64_t until = world_ns() + world_between(DRAW_SCENARIO, 100, 20000) * MS;
    world_sum(SUM_OUTAGES, 1);
    if (world_chance(DRAW_SCENARIO, 500000))
        store_faults()->down_until = until;
    else
        wire_faults()->down_until = until;
    world_note("an outage until %lld ms", (long long)(until / MS));
    world_after(world_between(DRAW_SCENARIO, 20, 150) * S, outage, arg);
}

static void postgres_breaks(void *arg)
{
    (void)arg;
    store_faults()->down_until = world_ns() + world_between(DRAW_SCENARIO, 100, 5000) * MS;
    world_note("Postgres ends after it hung");
}

// It answers nothing for a while, and then goes on, or breaks.
static void hang(void *arg)
{
    if (!ill.on)
        return;
    int64_t for_ns = world_between(DRAW_SCENARIO, 500, world_chance(DRAW_SCENARIO, 500000) ? 8000 : 90000) * MS;
    store_faults()->hung_until = world_ns() + for_ns;
    world_sum(SUM_HANGS, 1);
    world_note("Postgres hangs for %lld ms", (long long)(for_ns / MS));
    if (world_chance(DRAW_SCENARIO, 300000))
        world_after(for_ns, postgres_breaks, NULL);
    world_after(for_ns + world_between(DRAW_SCENARIO, 10, 150) * S, hang, arg);
}

static void redis_outage(void *arg)
{
    (void)arg;
    if (!ill.on)
        return;
    redis_faults()->down_until = world_ns() + world_between(DRAW_REDIS, 100, 60000) * MS;
    world_after(world_between(DRAW_REDIS, 20, 150) * S, redis_outage, NULL);
}

static void freeze(void *arg)
{
    if (!ill.on)
        return;
    world_note("frozen");
    host_freeze(arg, world_between(DRAW_SCENARIO, 1000, 60000) * MS);
    world_after(world_between(DRAW_SCENARIO, 60, 300) * S, freeze, arg);
}

static void clock_steps(void *arg)
{
    if (!ill.on)
        return;
    clock_step(arg, world_between(DRAW_SCENARIO, -20000, 90000) * MS);
    world_after(world_between(DRAW_SCENARIO, 60, 300) * S, clock_steps, arg);
}

// A life may end, or stand still, at any step of a run.
void faults_at_statement(struct host *h, const char *statement)
{
    static const char *const steps[] = {"run_claim",    "run_plan",     "run_update",  "intent_commit",
                                        "order_update", "fills_record", "order_listed"};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        if (!ill.on || strcmp(steps[i], statement) != 0)
            continue;
        if (world_chance(DRAW_KILL, ill.freeze_ppm)) {
            world_note("frozen after %s", statement);
            // Short enough for its runs not to be past, long enough for the other host to have taken over.
            bool second = incidents_chosen() && incidents_chosen()->two;
            host_freeze(h, world_between(DRAW_KILL, 1, second ? 30 : 200) * S);
        } else if (world_chance(DRAW_KILL, ill.kill_ppm)) {
            world_note("killed after %s", statement);
            host_kill(h);
            world_after(world_between(DRAW_KILL, 50, 15000) * MS, start_again, h);
        }
    }
}

// Postgres cannot be reached from one host.
static void cut_off(void *arg)
{
    struct host *h = cluster_any(DRAW_HOSTS);
    if (!ill.on)
        return;
    store_faults()->cut_until[host_index(h)] = world_ns() + world_between(DRAW_HOSTS, 500, 40000) * MS;
    world_note("%s is cut off from Postgres", host_name(h));
    world_after(world_between(DRAW_HOSTS, 10, 100) * S, cut_off, arg);
}

// Postgres hangs, for one host alone.
static void stuck(void *arg)
{
    struct host *h = cluster_any(DRAW_HOSTS);
    if (!ill.on)
        return;
    int64_t for_ns = world_between(DRAW_HOSTS, 1000, 40000) * MS;
    store_faults()->stuck_until[host_index(h)] = world_ns() + for_ns;
    world_sum(SUM_HANGS, 1);
    world_note("Postgres hangs for %s, %lld ms", host_name(h), (long long)(for_ns / MS));
    world_after(for_ns + world_between(DRAW_HOSTS, 5, 100) * S, stuck, arg);
}

static void freeze_leader(void *arg)
{
    if (!ill.on)
        return;
    world_note("the leader is frozen");
    host_freeze(cluster_leader(), world_between(DRAW_HOSTS, 1000, 60000) * MS);
    world_after(world_between(DRAW_HOSTS, 20, 150) * S, freeze_leader, arg);
}

static void kill_leader(void *arg)
{
    if (!ill.on)
        return;
    world_note("the leader is killed");
    host_kill(cluster_leader()); // and started again, as every host of two
    world_after(world_between(DRAW_HOSTS, 20, 150) * S, kill_leader, arg);
}

static void begin_of_two(void)
{
    if (world_chance(DRAW_HOSTS, 500000))
        world_after(world_between(DRAW_HOSTS, 5, 60) * S, cut_off, NULL);
    if (world_chance(DRAW_HOSTS, 400000))
        world_after(world_between(DRAW_HOSTS, 5, 100) * S, freeze_leader, NULL);
    if (world_chance(DRAW_HOSTS, 500000))
        world_after(world_between(DRAW_HOSTS, 5, 100) * S, kill_leader, NULL);
    if (world_chance(DRAW_HOSTS, 400000))
        world_after(world_between(DRAW_HOSTS, 5, 100) * S, stuck, NULL);
}

void faults_begin(void)
{
    struct host *h = cluster_first();
    ill.on = true;
    if (incidents_chosen()) {
        faults_of(incidents_chosen());
        return;
    }
    draw_faults();
    if (world_chance(DRAW_SCENARIO, 600000))
        world_after(world_between(DRAW_KILL, 500, 90000) * MS, kill_again, h);
    if (world_chance(DRAW_SCENARIO, 400000))
        world_after(world_between(DRAW_SCENARIO, 5, 100) * S, outage, h);
    if (world_chance(DRAW_SCENARIO, 200000))
        world_after(world_between(DRAW_SCENARIO, 5, 200) * S, freeze, h);
    if (world_chance(DRAW_REDIS, 400000))
        world_after(world_between(DRAW_REDIS, 5, 100) * S, redis_outage, NULL);
    if (world_chance(DRAW_SCENARIO, 300000))
        world_after(world_between(DRAW_SCENARIO, 5, 100) * S, hang, h);
    if (world_chance(DRAW_SCENARIO, 150000))
        world_after(world_between(DRAW_SCENARIO, 5, 200) * S, clock_steps, h);
    lists_begin();
    slots_begin();
    if (cluster_two())
        begin_of_two();
}

static void well_again(struct host *h)
{
    world_run(host_thaws_ns(h), NULL);
    world_run(store_faults()->hung_until, NULL);
    world_run(store_faults()->stuck_until[host_index(h)], NULL);
    clock_right(h);
    if (!host_alive(h))
        host_start(h);
}

void faults_end(void)
{
    ill.on = false;
    lists_end();
    wire_behind(0);
    *wire_faults() = (struct wire_faults){0};
    struct store_faults *hangs = store_faults(); // what hangs goes on by itself
    *hangs = (struct store_faults){.hung_until = hangs->hung_until,
                                   .stuck_until = {hangs->stuck_until[0], hangs->stuck_until[1]}};
    *stream_faults() = (struct stream_faults){0};
    *redis_faults() = (struct redis_faults){0};
    child_failures(0);
    for (int i = 0; i < WORLD_HOSTS_MAX; i++)
        if (host_at(i))
            well_again(host_at(i));
}
