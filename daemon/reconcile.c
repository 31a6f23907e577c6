// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One conversation, started anew whenever broker or ledger come back:
//   identity -> ledger -> clock -> calendar -> adopt open orders -> usage -> pass -> idle -> pass -> ...
// A pass reads orders, fills, account, positions and books, in that order, so that what it compares is settled first. A
// failed step is asked again after a while; nothing is skipped.
#include "daemon/reconcile_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define RETRY_FIRST_MS 200
#define RETRY_MAX_MS 5000
#define LEDGER_WAIT_MS 100
#define CLOCK_AGAIN_MS 5000
#define CALENDAR_AGE_NS (6 * 3600 * NS_PER_S)
#define CALENDAR_BACK_DAYS 10
#define CALENDAR_AHEAD_DAYS 30
#define STREAM_POLLS 5 // poll intervals between two passes while the stream would tell
#define STREAM_POLL_MAX_MS 15000
#define STREAM_TOLD_NS (5 * NS_PER_S)
#define NUDGE_MS 20        // what happens together is read together
#define NUDGE_EACH_MS 1000 // how long one more pass takes to be allowed
#define NUDGES_MAX 8       // passes begun by nudges before they must wait

static const char *const state_names[] = {RECONCILE_STATES(FSM_NAME)};

static void step(struct reconcile *r);

struct reconcile *reconcile_new(const struct reconcile_params *params)
{
    struct reconcile *r = check_alloc(1, sizeof *r);
    r->p = *params;
    r->retry_ms = RETRY_FIRST_MS;
    list_init(&r->waiters);
    list_init(&r->next_waiters);
    list_init(&r->jobs);
    r->others = map_new();
    r->quarantine = map_new();
    list_init(&r->words);
    str_copy_cut(r->reason, sizeof r->reason, "not compared with the broker yet");
    return r;
}

static void waiters_free(struct list *waiters)
{
    LIST_EACH(n, tmp, waiters)
    {
        list_remove(n);
        free(LIST_ENTRY(n, struct pass_waiter, node));
    }
}

void reconcile_free(struct reconcile *r)
{
    if (!r)
        return;
    loop_cancel(r->p.loop, &r->timer);
    waiters_free(&r->waiters);
    waiters_free(&r->next_waiters);
    reconcile_jobs_free(r);
    free(r->days);
    free(r->positions);
    free(r->sums);
    free(r->fresh_symbols);
    free(r->page);
    free(r->closed);
    map_free(r->others);
    reconcile_quarantine_free(r);
    free(r);
}

// --- moving on

static void wake(void *arg)
{
    struct reconcile *r = arg;
    r->timer = 0;
    step(r);
}

static void step_after(struct reconcile *r, int64_t ms)
{
    loop_cancel(r->p.loop, &r->timer);
    r->timer = loop_after_ms(r->p.loop, ms, wake, r);
    r->due_boot_ns = clock_boot_ns() + ms * NS_PER_MS;
}

// --- the order stream

// Idle: the next pass comes when the nudges that are left allow it, or when it would have come anyway.
static void nudge_arm(struct reconcile *r)
{
    int64_t each_ms = r->p.poll_interval_ms < NUDGE_EACH_MS ? r->p.poll_interval_ms : NUDGE_EACH_MS;
    int64_t now = clock_boot_ns(), passed_ms = (now - r->nudged_boot_ns) / NS_PER_MS, wait_ms = NUDGE_MS;
    r->nudges_milli =
        passed_ms >= NUDGES_MAX * each_ms ? NUDGES_MAX * 1000 : r->nudges_milli + passed_ms * 1000 / each_ms;
    r->nudges_milli = r->nudges_milli > NUDGES_MAX * 1000 ? NUDGES_MAX * 1000 : r->nudges_milli;
    r->nudged_boot_ns += passed_ms * NS_PER_MS;
    if (r->nudges_milli < 1000)
        wait_ms = (1000 - r->nudges_milli) * each_ms / 1000 + 1;
    if (r->timer == 0 || r->due_boot_ns > now + wait_ms * NS_PER_MS)
        step_after(r, wait_ms);
}

void reconcile_nudge(struct reconcile *r)
{
    r->nudged = true;
    r->told_boot_ns = clock_boot_ns();
    if (r->state == RC_IDLE)
        nudge_arm(r);
}

void reconcile_set_stream(struct reconcile *r, bool connected)
{
    r->stream = connected;
    reconcile_whole_soon(r);
    reconcile_nudge(r); // what happened in the gap; and polling is fast again at once
}

// Open orders alone may wait for the stream's word, unless one has no answer, or the stream told of something lately:
// what it tells may be there to read only some seconds later.
static bool stream_will_tell(const struct reconcile *r)
{
    return r->stream && desk_unknown_count(r->p.desk) == 0 && r->new_fills == 0 &&
           clock_boot_ns() - r->told_boot_ns > STREAM_TOLD_NS;
}

static int64_t next_pass_ms(const struct reconcile *r, bool quiet)
{
    int64_t poll_ms = r->p.poll_interval_ms, slow_ms = poll_ms * STREAM_POLLS;
    bool open = desk_open_count(r->p.desk) > 0;
    if (r->again || !list_empty(&r->next_waiters) || (!quiet && !open)) // they may have asked anew
        return poll_ms;
    if (open && stream_will_tell(r))
        return slow_ms < STREAM_POLL_MAX_MS ? slow_ms : poll_ms > STREAM_POLL_MAX_MS ? poll_ms : STREAM_POLL_MAX_MS;
    if (open)
        return poll_ms;
    return facts_clock_trouble(r->p.facts) ? CLOCK_AGAIN_MS : r->p.compare_interval_ms;
}

static int64_t until_pass_ms(const struct reconcile *r, bool quiet)
{
    int64_t ms = next_pass_ms(r, quiet), whole_ms = (r->whole_due_boot_ns - clock_boot_ns()) / NS_PER_MS + 1;
    if (whole_ms < r->p.poll_interval_ms)
        whole_ms = r->p.poll_interval_ms;
    return ms < whole_ms ? ms : whole_ms;
}

static void move(struct reconcile *r, int to)
{
    if ((int)r->state != to)
        log_debug("reconcile: %s -> %s", state_names[r->state], state_names[to]);
    r->state = (unsigned)to;
}

void reconcile_good(struct reconcile *r, int to)
{
    r->retry_ms = RETRY_FIRST_MS;
    move(r, to);
    step(r);
}

static void tell_waiters(struct reconcile *r, bool in_step, const char *detail)
{
    while (!list_empty(&r->waiters)) {
        struct pass_waiter *w = LIST_ENTRY(r->waiters.next, struct pass_waiter, node);
        list_remove(&w->node);
        w->done(w->arg, in_step, detail);
        free(w);
    }
}

void reconcile_failed(struct reconcile *r, const char *what, const char *detail)
{
    log_notice("reconcile: %s not read (%s); asking again in %lld ms", what, detail, (long long)r->retry_ms);
    reconcile_whole_soon(r);
    if (!r->compared)
        reconcile_set_reason(r, false, "%s not read: %s", what, detail);
    else
        reconcile_pass_fails(r, what, detail);
    tell_waiters(r, false, detail); // what was found before says nothing about now
    if (r->compared && r->state > RC_ORDERS)
        move(r, RC_ORDERS); // they have gone on meanwhile, whatever else cannot be read
    step_after(r, r->retry_ms);
    r->retry_ms = r->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : r->retry_ms * 2;
}

// Every answer passes here first: false when the conversation was started anew meanwhile.
bool reconcile_take_answer(struct reconcile *r)
{
    r->waiting = false;
    if (!r->restart)
        return true;
    r->restart = false;
    move(r, RC_IDENTITY);
    step(r);
    return false;
}

bool reconcile_usable(struct reconcile *r, const struct broker_answer *a, const char *what)
{
    if (!reconcile_take_answer(r))
        return false;
    if (a->result == BROKER_OK && a->json)
        return true;
    if (a->result == BROKER_DENIED)
        move(r, RC_IDENTITY); // what is proven of the account has aged: prove it anew
    reconcile_failed(r, what, a->detail[0] ? a->detail : broker_result_name(a->result));
    return false;
}

bool reconcile_ledger_usable(struct reconcile *r, enum ledger_result result, const char *what)
{
    if (!reconcile_take_answer(r))
        return false;
    if (result == LEDGER_OK)
        return true;
    reconcile_failed(r, what, ledger_result_name(result));
    return false;
}

void reconcile_ask(struct reconcile *r, enum guard_op op, const char *query, broker_done_fn *done)
{
    r->waiting = true;
    broker_call(r->p.broker, op, NULL, query, done, r);
}

// --- start

static void identity_read(void *arg, const struct broker_answer *a)
{
    struct reconcile *r = arg;
    struct err err;
    if (!reconcile_usable(r, a, "account"))
        return;
    if (alpaca_account_parse(a->json, &r->broker_account, &err) != 0) {
        reconcile_failed(r, "account", err.text);
        return;
    }
    str_copy_cut(r->account, sizeof r->account, r->broker_account.account_number);
    reconcile_good(r, RC_LEDGER);
}

// Another host leads: nothing is adopted, planned or compared here, but whose account it is stays proven. The one place
// where the lead is awaited; what follows is what follows a start.
static void stand_by(struct reconcile *r, const struct guard_facts *f)
{
    reconcile_set_reason(r, false, "%s", f->lead_detail);
    if (clock_boot_ns() - f->account_boot_ns > r->p.compare_interval_ms * NS_PER_MS) {
        move(r, RC_IDENTITY);
        step_after(r, 0);
        return;
    }
    step_after(r, LEDGER_WAIT_MS);
}

static void await_ledger(struct reconcile *r)
{
    if (ledger_state_of(r->p.ledger) != LEDGER_READY) {
        step_after(r, LEDGER_WAIT_MS);
        return;
    }
    const struct guard_facts *f = facts_view(r->p.facts);
    if (!f->account_first_known || !f->account_first_seen[0]) {
        ledger_account_seen(r->p.ledger, r->account, clock_wall_ns());
        step_after(r, LEDGER_WAIT_MS);
        return;
    }
    if (f->lead != LEAD_HELD) {
        stand_by(r, f);
        return;
    }
    reconcile_good(r, RC_CLOCK);
}

static void clock_read(void *arg, const struct broker_answer *a)
{
    struct reconcile *r = arg;
    struct alpaca_clock clock;
    struct err err;
    if (!reconcile_usable(r, a, "clock"))
        return;
    if (alpaca_clock_parse(a->json, &clock, &err) != 0) {
        reconcile_failed(r, "clock", err.text);
        return;
    }
    r->p.on_clock(r->p.arg, &clock);
    reconcile_good(r, RC_CALENDAR);
}

static void calendar_read(void *arg, const struct broker_answer *a)
{
    struct reconcile *r = arg;
    struct err err;
    struct session_day *days = NULL;
    size_t count = 0;
    if (!reconcile_usable(r, a, "calendar"))
        return;
    if (reconcile_calendar_parse(a->json, &days, &count, &err) != 0) {
        reconcile_failed(r, "calendar", err.text);
        return;
    }
    free(r->days);
    r->days = days;
    r->day_count = count;
    r->calendar_boot_ns = clock_boot_ns();
    r->p.on_calendar(r->p.arg, days, count);
    reconcile_good(r, !r->surveyed ? RC_SURVEY : r->compared ? RC_ORDERS : RC_ADOPT);
}

static void ask_calendar(struct reconcile *r)
{
    char from[WHEN_TEXT_MAX], to[WHEN_TEXT_MAX], query[128];
    struct day today = day_of(clock_wall_ns());
    snprintf(query, sizeof query, "start=%s&end=%s", day_format(day_add(today, -CALENDAR_BACK_DAYS), from),
             day_format(day_add(today, CALENDAR_AHEAD_DAYS), to));
    reconcile_ask(r, OP_CALENDAR, query, calendar_read);
}

static void point_read(void *arg, enum ledger_result result, int64_t at)
{
    struct reconcile *r = arg;
    if (!reconcile_ledger_usable(r, result, "when all was found last"))
        return;
    r->reconciled_at = at;
    reconcile_good(r, r->compared ? RC_ORDERS : RC_USAGE);
}

void reconcile_ask_point(struct reconcile *r)
{
    r->waiting = true;
    ledger_reconciled_read(r->p.ledger, r->account, point_read, r);
}

static void quarantine_read(void *arg, enum ledger_result result, const struct ledger_quarantined *rows, size_t count)
{
    struct reconcile *r = arg;
    if (!reconcile_ledger_usable(r, result, "orders in quarantine"))
        return;
    reconcile_quarantine_load(r, rows, count);
    reconcile_ask_point(r);
}

static void adopted(void *arg, enum ledger_result result, const struct order_row *rows, size_t count)
{
    struct reconcile *r = arg;
    if (!reconcile_ledger_usable(r, result, "open orders of the ledger"))
        return;
    for (size_t i = 0; i < count; i++)
        desk_adopt(r->p.desk, &rows[i]);
    r->waiting = true;
    ledger_quarantine_open(r->p.ledger, r->account, quarantine_read, r);
    r->adopted = true;
}

static void usage_read(void *arg, enum ledger_result result, struct day_usage usage)
{
    struct reconcile *r = arg;
    if (!reconcile_ledger_usable(r, result, "usage of the day"))
        return;
    const struct calendar calendar = {r->days, r->day_count};
    const struct session_day *s = session_of(&calendar, clock_wall_ns());
    if (s)
        exposure_set_usage(r->p.exposure, s->date, usage);
    reconcile_good(r, RC_ORDERS);
}

static void ask_usage(struct reconcile *r)
{
    const struct calendar calendar = {r->days, r->day_count};
    const struct session_day *s = session_of(&calendar, clock_wall_ns());
    if (!s) {
        reconcile_failed(r, "usage of the day", "the broker's calendar does not reach today");
        return;
    }
    r->waiting = true;
    ledger_day_usage(r->p.ledger, r->account, s->date, usage_read, r);
}

// --- a pass

static void account_read(void *arg, const struct broker_answer *a)
{
    struct reconcile *r = arg;
    struct err err;
    if (!reconcile_usable(r, a, "account"))
        return;
    if (alpaca_account_parse(a->json, &r->broker_account, &err) != 0) {
        reconcile_failed(r, "account", err.text);
        return;
    }
    exposure_set_account(r->p.exposure, &r->broker_account, a->sent_boot_ns);
    reconcile_good(r, RC_POSITIONS);
}

static void positions_read(void *arg, const struct broker_answer *a)
{
    struct reconcile *r = arg;
    struct err err;
    struct alpaca_position *p = NULL;
    size_t n = 0;
    if (!reconcile_usable(r, a, "positions"))
        return;
    if (reconcile_positions_parse(a->json, &p, &n, &err) != 0) {
        reconcile_failed(r, "positions", err.text);
        return;
    }
    free(r->positions);
    r->positions = p;
    r->position_count = n;
    exposure_set_positions(r->p.exposure, p, n, a->sent_boot_ns);
    reconcile_good(r, RC_ACTIVITIES);
}

static void pass_ended(struct reconcile *r)
{
    bool quiet = r->new_fills == 0 && r->desk_open_before == 0 && desk_open_count(r->p.desk) == 0;
    bool agree = false;
    if (!r->fills_refused) {
        r->refused_since_boot_ns = 0;
        r->refused_alerted = false;
    }
    if (r->opened && (!r->fills_seen || r->fills_refused)) {
        r->again = true; // the opening was just found, or fills are missing: fills first
    } else if (r->new_fills == 0 || !r->compared) {
        agree = reconcile_compare(r, quiet || !r->compared);
    }
    reconcile_whole_ended(r, agree);
    reconcile_snapshot(r);
    r->fills_seen = false;
    reconcile_pass_is_whole(r);
    move(r, RC_IDLE);
    tell_waiters(r, agree, r->reason); // only what this pass compared counts for it
    step_after(r, until_pass_ms(r, quiet));
    r->new_fills = 0;
    r->again = false;
    if (r->nudged)
        nudge_arm(r);
}

static void books_read(void *arg, enum ledger_result result, const struct ledger_books *books)
{
    struct reconcile *r = arg;
    if (!reconcile_ledger_usable(r, result, "books"))
        return;
    if (!reconcile_sum_books(r, books)) {
        reconcile_failed(r, "books", "the sum of a symbol does not fit the number range");
        return;
    }
    r->ledger_cash = books->cash;
    r->opened = books->opened;
    r->fill_count = books->fill_count;
    r->books_known = true;
    r->again |= books->unbooked > 0; // they may be listed at any moment
    struct ledger_books told = *books;
    told.asked_boot_ns = r->books_boot_ns;
    r->p.on_books(r->p.arg, &told);
    pass_ended(r);
}

static void begin_pass(struct reconcile *r)
{
    LIST_EACH(n, tmp, &r->next_waiters)
    {
        list_remove(n);
        list_append(&r->waiters, n);
    }
    r->nudges_milli -= r->nudged && r->nudges_milli >= 1000 ? 1000 : 0;
    r->nudged = false;
    bool stale = clock_boot_ns() - r->calendar_boot_ns > CALENDAR_AGE_NS;
    // A clock that was off is read again until it is right.
    move(r, stale || facts_clock_trouble(r->p.facts) ? RC_CLOCK : RC_ORDERS);
}

static void step(struct reconcile *r)
{
    if (r->waiting)
        return;
    if (r->state == RC_IDLE)
        begin_pass(r);
    switch (r->state) {
    case RC_OFF:
    case RC_IDLE:
        return;
    case RC_IDENTITY:
        reconcile_ask(r, OP_ACCOUNT_BOOT, NULL, identity_read);
        return;
    case RC_LEDGER:
        await_ledger(r);
        return;
    case RC_CLOCK:
        reconcile_ask(r, OP_CLOCK, NULL, clock_read);
        return;
    case RC_CALENDAR:
        ask_calendar(r);
        return;
    case RC_SURVEY:
        reconcile_survey(r);
        return;
    case RC_ADOPT:
        r->waiting = true;
        ledger_orders_open(r->p.ledger, r->account, adopted, r);
        return;
    case RC_USAGE:
        ask_usage(r);
        return;
    case RC_ORDERS:
        reconcile_ask_orders(r);
        return;
    case RC_WATERMARK:
        if (!r->opened) { // until the opening is accepted, what was traded before is not ours to record
            reconcile_good(r, RC_ACCOUNT);
            return;
        }
        reconcile_ask_watermark(r);
        return;
    case RC_FILLS:
        reconcile_ask_fills(r);
        return;
    case RC_DOUBT:
        reconcile_ask_doubt(r);
        return;
    case RC_ACCOUNT:
        reconcile_ask(r, OP_ACCOUNT, NULL, account_read);
        return;
    case RC_POSITIONS:
        reconcile_ask(r, OP_POSITIONS, NULL, positions_read);
        return;
    case RC_ACTIVITIES:
        reconcile_ask_activities(r);
        return;
    case RC_BOOKS:
        r->waiting = true;
        r->books_boot_ns = clock_boot_ns();
        ledger_books_load(r->p.ledger, r->account, books_read, r);
        return;
    }
}

void reconcile_start(struct reconcile *r)
{
    r->surveyed = false;
    r->activities_newest_at = 0; // what the ledger has it tells itself: it may be an older copy by now
    reconcile_whole_soon(r);
    if (r->waiting) {
        r->restart = true;
        return;
    }
    move(r, RC_IDENTITY);
    step_after(r, 0);
}

void reconcile_kick(struct reconcile *r)
{
    if (r->state == RC_IDLE)
        step_after(r, r->p.poll_interval_ms < 50 ? r->p.poll_interval_ms : 50);
    else if (r->state == RC_LEDGER && !r->waiting)
        step_after(r, 0);
    else
        r->again = true;
}

void reconcile_pass(struct reconcile *r, void (*done)(void *arg, bool in_step, const char *detail), void *arg)
{
    struct pass_waiter *w = check_alloc(1, sizeof *w);
    w->done = done;
    w->arg = arg;
    list_append(&r->next_waiters, &w->node);
    if (r->state == RC_IDLE)
        step_after(r, 0);
    else
        r->again = true;
}
