// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// First faults, then a phase without, in which everything must come to its end and ledger and exchange must agree.
#include "tests/sim/scenario.h"

#include <getopt.h>
#include <stdlib.h>

#include "lib/base/check.h"
#include "lib/base/when.h"
#include "tests/sim/cached.h"
#include "tests/sim/check.h"
#include "tests/sim/client.h"
#include "tests/sim/cluster.h"
#include "tests/sim/faults.h"
#include "tests/sim/halts.h"
#include "tests/sim/incidents.h"
#include "tests/sim/lead.h"
#include "tests/sim/lists.h"
#include "tests/sim/operator.h"
#include "tests/sim/redis.h"
#include "tests/sim/replay.h"
#include "tests/sim/server.h"
#include "tests/sim/slots.h"
#include "tests/sim/store.h"
#include "tests/sim/stream.h"
#include "tests/sim/wire.h"
#include "tests/sim/world.h"

#define S NS_PER_S
#define FAULTS_NS (INT64_C(300) * S)
#define CALM_NS (INT64_C(900) * S)
#define RELEASED_NS (INT64_C(60) * S)
#define RUNS_AGAIN_NS (INT64_C(90) * S)
#define COMPARED_NS (INT64_C(75) * S) // ledger and broker are compared every minute
#define QUIET_LOOK_NS (INT64_C(3) * S)

int paperguardd_main(int argc, char **argv);

static int64_t quiet_looked;

static bool quiet(void)
{
    if (world_ns() < quiet_looked + QUIET_LOOK_NS)
        return false;
    quiet_looked = world_ns();
    return check_quiet() && client_quiet() && lists_quiet();
}

// Nothing is under way any more, and what was found by comparing after that has ended too.
static void come_to_rest(void)
{
    int64_t until = world_ns() + CALM_NS;
    do {
        if (!world_run(until, quiet)) {
            check_violation("not everything has ended %lld s after the last fault", (long long)(CALM_NS / S));
            check_tell_unquiet();
            return;
        }
        world_run(world_ns() + COMPARED_NS, NULL);
    } while (!check_quiet() || !client_quiet() || !lists_quiet());
}

// What a host would do without, and has again when nothing is in its way.
static void check_peers(const struct host *h, int64_t calm_ns)
{
    if (site_streams() && !stream_listens(h))
        check_violation("the order stream is not connected, though nothing is in its way");
    if (site_caches() && !redis_up(h))
        check_violation("Redis is not connected, though nothing is in its way");
    cached_check(calm_ns);
}

static int entry(int argc, char **argv)
{
    optind = 0;
    site_environment(); // an earlier life has taken the keys out of it
    return paperguardd_main(argc, argv);
}

struct result scenario_run(uint64_t seed, const struct site_params *params, bool trace)
{
    struct err err;
    site_environment();
    CHECK(when_zone_init(&err) == 0);
    world_begin(seed, 0);
    world_set(site_day());
    world_trace(trace);
    world_hide(params->dir);
    site_begin(params);
    store_begin();
    store_watch(faults_at_statement);
    server_begin();
    clock_begin();
    world_on_end(site_close_lock);
    site_make(seed);
    struct sim *exchange = site_exchange(seed);
    wire_begin(exchange);
    stream_begin(exchange);
    redis_begin();
    check_begin(exchange, sim_account_number(exchange));
    lead_begin();
    cluster_begin(sim_account_number(exchange), entry);
    operator_begin(cluster_first());
    if (!world_run(120 * S, operator_opened))
        check_violation("the opening was not accepted within two minutes without a fault");
    cluster_second();
    faults_begin();
    client_begin(exchange);
    halts_begin();
    world_run(world_ns() + FAULTS_NS, NULL);
    faults_end();
    int64_t calm_ns = world_ns();
    world_note("calm");
    halts_end();
    if (!world_run(world_ns() + RELEASED_NS, halts_released))
        check_violation("a halt by %s was not released in %lld s", halts_way(), (long long)(RELEASED_NS / S));
    world_run(world_ns() + RUNS_AGAIN_NS, NULL);
    operator_to(cluster_leader());
    operator_pause(sim_account_number(exchange));
    client_end();
    if (!world_run(world_ns() + 10 * S, operator_paused))
        check_violation("strategies were not paused");
    come_to_rest();
    check_same();
    client_check();
    slots_check(sim_account_number(exchange));
    incidents_check(sim_account_number(exchange));
    check_peers(cluster_leader(), calm_ns);
    cluster_leave();
    replay_check(cluster_leader());
    world_sum(SUM_ORDERS, wire_orders());
    world_sum(SUM_FILLS, exchange_fill_count(sim_exchange(exchange)));
    struct result r = {seed, world_steps(), world_hash(), store_batches(), {0}, check_violations()};
    for (enum world_sum k = 0; k < WORLD_SUM_COUNT; k++)
        r.sums[k] = world_sum_of(k);
    site_remove();
    return r;
}
