// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Each batch is seen as the server has run it. A lease is counted from then, which is later than the host counts it
// from: an order that leaves after it has no excuse.
#include "tests/sim/lead.h"

#include <string.h>

#include "daemon/leader.h"
#include "lib/base/check.h"
#include "lib/base/when.h"
#include "tests/sim/check.h"
#include "tests/sim/halts.h"
#include "tests/sim/site.h"
#include "tests/sim/store.h"
#include "tests/sim/world.h"

static struct {
    struct host *host; // NULL: nobody has taken the lead yet
    unsigned life;
    int64_t renewed_ns;
    int64_t late_intents;
    int led[WORLD_HOSTS_MAX]; // the newest life of each that has led, and one more
} it;

static bool leads(const struct host *h, unsigned life)
{
    return it.host == h && it.life == life;
}

static bool is_of_leader(const char *statement)
{
    static const char *const names[] = {"run_claim",       "run_plan",          "run_update",        "intent_commit",
                                        "order_update",    "order_listed",      "order_reopen",      "order_close",
                                        "fills_record",    "fill_quotes",       "activities_record", "correction",
                                        "opening",         "snapshot_take",     "calendar_keep",     "strategy_pause",
                                        "quarantine_seen", "quarantine_cancel", "quarantine_adopt",  "reconciled_write",
                                        "lost_runs",       "lost_orders",       "schedules_watch"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], statement) == 0)
            return true;
    return false;
}

static void committed(struct host *h, unsigned life, const char *statement, size_t affected)
{
    it.late_intents += strcmp(statement, "intent_commit") == 0 && (!host_alive(h) || host_life(h) != life);
    if (strcmp(statement, "leader_take") == 0 && affected == 1) {
        // Receipts and permits of an epoch end with the process that had it. (A take without an answer is none to it.)
        if (it.led[host_index(h)] == (int)life + 1)
            check_violation("%s, life %u, takes the lead a second time", host_name(h), life);
        if (it.host && it.host != h)
            halts_taken_over(h, it.host);
        it.host = h;
        it.life = life;
        it.renewed_ns = world_ns();
    } else if (strcmp(statement, "leader_renew") == 0 && affected == 1) {
        if (!leads(h, life))
            check_violation("%s, life %u, renews a lease that is not its own", host_name(h), life);
        it.renewed_ns = world_ns();
        it.led[host_index(h)] = (int)life + 1;
    } else if (is_of_leader(statement) && !leads(h, life)) {
        check_violation("%s is committed for %s, life %u, and %s, life %u, leads", statement, host_name(h), life,
                        it.host ? host_name(it.host) : "nobody", it.life);
    }
}

static void leaves(const struct host *h, const char *client_order_id)
{
    int64_t over_ms = (world_ns() - it.renewed_ns) / NS_PER_MS - LEADER_VALID_MS(site_lease_ms());
    if (!leads(h, host_life(h)))
        check_violation("order %s leaves from %s, life %u, which does not lead", client_order_id, host_name(h),
                        host_life(h));
    else if (over_ms > 0)
        check_violation("order %s leaves from %s, whose lease ran out %lld ms ago", client_order_id, host_name(h),
                        (long long)over_ms);
}

int64_t lead_late_intents(void)
{
    return it.late_intents;
}

void lead_begin(void)
{
    store_committed(committed);
    check_also(leaves);
}
