// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Session after session: the daemon starts before the session's first slot and is stopped in the evening. While nothing
// is due its host stands still (the daemon finds it as after a suspend), shortly before the next slot it goes on.
#include <getopt.h>

#include "daemon/ledger.h"
#include "lib/base/check.h"
#include "lib/base/when.h"
#include "tests/sim/check.h"
#include "tests/sim/operator.h"
#include "tests/sim/pool.h"
#include "tests/sim/rehearse/rehearse.h"
#include "tests/sim/server.h"
#include "tests/sim/store.h"
#include "tests/sim/stream.h"
#include "tests/sim/wire.h"
#include "tests/sim/world.h"

#define S NS_PER_S
#define LEAD_NS (INT64_C(10) * S)        // from the start to the first slot
#define FIRST_LEAD_NS (INT64_C(300) * S) // the same with the ledger's opening
#define AWAKE_NS (INT64_C(3) * S)        // after a start, a slot or a pause: all is read anew, a run has begun
#define AHEAD_NS (INT64_C(5) * S)        // awake before a slot
#define WORTH_NS (INT64_C(60) * S)       // shorter pauses are none
#define AFTER_CLOSE_NS (INT64_C(5) * S)
#define EVENING_S (20 * 3600)
#define RUN_NS (INT64_C(7200) * S) // longer than any run may take
#define STOP_NS (INT64_C(120) * S)
#define LOOK_NS (INT64_C(500) * NS_PER_MS)

int paperguardd_main(int argc, char **argv);

static struct {
    struct rehearsal *r;
    struct host *host;
    bool initialised;
    int64_t looked;
} day;

// The first life sets the database up, as `paperguard db init` does.
static int entry(int argc, char **argv)
{
    struct err err;
    if (!day.initialised && ledger_init_database(day.r->dsn, NULL, "staging", "rehearsal", day.r->settings->instance,
                                                 world_wall_ns(), &err) != 0) {
        check_violation("the database cannot be set up: %s", err.text);
        return 1;
    }
    day.initialised = true;
    optind = 0;
    settings_environment(); // an earlier life has taken the keys out of it
    return paperguardd_main(argc, argv);
}

// The ledger tells which host did what: the same on every machine here.
int __wrap_gethostname(char *name, size_t size);
int __wrap_gethostname(char *name, size_t size)
{
    snprintf(name, size, "rehearsal");
    return 0;
}

static bool quiet(void)
{
    if (world_ns() < day.looked + LOOK_NS)
        return false;
    day.looked = world_ns();
    return !host_alive(day.host) || check_quiet();
}

static bool stopped(void)
{
    return !host_alive(day.host);
}

static void run_until_wall(int64_t at)
{
    world_run(world_ns() + (at - world_wall_ns()), NULL);
}

static int64_t first_slot_ns(const struct market_session *s)
{
    const struct session_day of = {s->date, s->open_s, s->close_s};
    int64_t first = s->close_ns;
    for (size_t i = 0; i < day.r->settings->strategy_count; i++) {
        const struct config_strategy *strategy = &day.r->settings->strategies[i];
        int64_t at = s->open_ns;
        bool has = strategy->schedule.kind == SLOT_EVERY || slot_instant(&strategy->schedule, &of, &at);
        if (strategy->enabled && has && at < first)
            first = at;
    }
    return first;
}

// All that is under way comes to its end.
static bool come_to_rest(void)
{
    world_run(world_ns() + AWAKE_NS, stopped);
    if (!world_run(world_ns() + RUN_NS, quiet)) {
        check_violation("not everything has ended %lld s later", (long long)(RUN_NS / S));
        check_tell_unquiet();
        return false;
    }
    return host_alive(day.host);
}

// Slot after slot, standing still between them; the last look is after the close.
static bool live_through(const struct market_session *s)
{
    int64_t evening = day_at(s->date, EVENING_S), closed = s->close_ns + AFTER_CLOSE_NS;
    while (come_to_rest()) {
        int64_t next = clock_next_alarm_ns(day.host), at = next - AHEAD_NS;
        bool is_closed = world_wall_ns() >= closed;
        if (is_closed && next >= evening)
            return true;
        if (!is_closed && at > closed)
            at = next = closed;
        if (at - world_wall_ns() > WORTH_NS)
            host_freeze(day.host, at - world_wall_ns());
        run_until_wall(next);
    }
    return false;
}

static bool end_life(void)
{
    host_signal(day.host, 15);
    return world_run(world_ns() + STOP_NS, stopped) && host_status(day.host) == 0;
}

static bool one_session(const struct market_session *s, bool first)
{
    char text[WHEN_TEXT_MAX];
    run_until_wall(first_slot_ns(s) - (first ? FIRST_LEAD_NS : LEAD_NS));
    host_start(day.host);
    if (first) {
        operator_begin(day.host);
        if (!world_run(world_ns() + FIRST_LEAD_NS / 2, operator_opened))
            check_violation("the opening was not accepted");
    }
    if (!live_through(s) || !end_life()) {
        check_violation("in session %s the daemon ended with status %d", day_format(s->date, text),
                        host_status(day.host));
        return false;
    }
    return true;
}

bool days_live(struct rehearsal *r)
{
    struct market *m = exchange_params(sim_exchange(r->exchange))->market;
    static char *argv[4];
    struct market_session s;
    day.r = r;
    pool_open(r->dsn, 1);
    store_begin();
    server_begin();
    clock_begin();
    wire_begin(r->exchange);
    stream_begin(r->exchange);
    check_begin(r->exchange, sim_account_number(r->exchange));
    argv[0] = (char *)(uintptr_t) "paperguardd";
    argv[1] = (char *)(uintptr_t) "--config";
    argv[2] = (char *)(uintptr_t)settings_path(r);
    day.host = host_new("host", entry, argv);
    CHECK(market_day_session(m, r->first, &s));
    for (bool first = true; day_compare(s.date, r->last) <= 0; first = false) {
        if (!one_session(&s, first))
            return false;
        r->sessions++;
        market_session_after(m, &s, &s);
    }
    return true;
}
