// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// When equity and positions are kept: at the first full look of this life, when a run has settled, every five minutes
// of a session while something is held, and once after each close. At most one is under way; one that was not written
// is wanted again with the next pass.
#include "daemon/reconcile_internal.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define TIMER_NS (300 * NS_PER_S)
#define CLOSE_NS (4 * 3600 * NS_PER_S) // how long after a close what is read still tells of it

static const struct session_day *session_now(const struct reconcile *r, int64_t now)
{
    const struct calendar calendar = {r->days, r->day_count};
    return session_of(&calendar, now);
}

// The newest session that has closed, NULL when the calendar does not say.
static const struct session_day *closed_session(const struct reconcile *r, int64_t now)
{
    const struct session_day *closed = NULL;
    for (size_t i = 0; i < r->day_count && session_close_ns(&r->days[i]) <= now; i++)
        closed = &r->days[i];
    return closed;
}

static void snapshot_written(void *arg, enum ledger_result result, const char *detail)
{
    struct reconcile *r = arg;
    r->snapshot_under_way = false;
    if (result == LEDGER_CONFLICT) // asking again would not help
        log_warning("reconcile: a snapshot was refused: %s", detail);
    else if (result != LEDGER_OK)
        return;
    if (r->snapshot_source == SNAPSHOT_RUN)
        str_copy_cut(r->snapshot_run_done, sizeof r->snapshot_run_done, r->snapshot_run_asked);
    if (r->snapshot_source == SNAPSHOT_CLOSE)
        r->snapshot_close_done = r->snapshot_session;
    r->snapshot_boot_ns = clock_boot_ns();
}

static void take(struct reconcile *r, enum snapshot_source source, struct day session, int64_t now)
{
    static const char *const names[] = {"start", "run", "timer", "close"};
    r->snapshot_under_way = true;
    r->snapshot_source = source;
    r->snapshot_session = session;
    str_copy_cut(r->snapshot_run_asked, sizeof r->snapshot_run_asked, r->snapshot_run);
    ledger_snapshot_take(r->p.ledger,
                         &(struct ledger_snapshot){.account = r->account,
                                                   .source = names[source],
                                                   .run_id = source == SNAPSHOT_RUN ? r->snapshot_run : NULL,
                                                   .session = session,
                                                   .at = now,
                                                   .figures = &r->broker_account,
                                                   .positions = r->positions,
                                                   .position_count = r->position_count},
                         snapshot_written, r);
}

void reconcile_snapshot(struct reconcile *r)
{
    int64_t now = clock_wall_ns(), boot = clock_boot_ns();
    const struct session_day *s = session_now(r, now), *closed = closed_session(r, now);
    if (!s || !r->opened || r->snapshot_under_way)
        return;
    if (r->snapshot_run[0] && strcmp(r->snapshot_run, r->snapshot_run_done) != 0)
        take(r, SNAPSHOT_RUN, s->date, now);
    else if (closed && day_compare(closed->date, r->snapshot_close_done) != 0 &&
             now < session_close_ns(closed) + CLOSE_NS)
        take(r, SNAPSHOT_CLOSE, closed->date, now);
    else if (!r->snapshot_boot_ns)
        take(r, SNAPSHOT_START, s->date, now);
    else if (r->position_count && boot - r->snapshot_boot_ns >= TIMER_NS && now >= session_open_ns(s) &&
             now < session_close_ns(s))
        take(r, SNAPSHOT_TIMER, s->date, now);
}

void reconcile_run_settled(struct reconcile *r, const char *run_id)
{
    if (strcmp(r->snapshot_run, run_id) == 0)
        return;
    str_copy_cut(r->snapshot_run, sizeof r->snapshot_run, run_id);
    if (r->compared)
        reconcile_snapshot(r);
}
