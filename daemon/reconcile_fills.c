// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The broker's activities on their way into the ledger: fills first, and after the positions what is no fill (splits,
// fees, cash). Each is recorded once by its id, so reading some again is harmless.
#include "daemon/reconcile_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define FILLS_POLL_OVERLAP_NS (60 * NS_PER_S) // while orders are open and are polled; doubles fall to the activity id
#define ACTIVITIES_OVERLAP_NS (3 * 86400 * NS_PER_S)
#define ACTIVITIES_EVERY_NS (30 * NS_PER_S)
#define ACTIVITIES_SOON_NS (2 * NS_PER_S) // while ledger and broker differ: one of them may be what is missing
#define PAGE 100

// --- fills

// Fills may be listed late, behind newer ones. Where nothing presses they are read again for ten minutes back; a whole
// pass goes back to where the last one that agreed began, and beyond.
static int64_t fills_from(const struct reconcile *r, int64_t newest)
{
    bool polled = r->desk_open_before > 0 && !r->whole && r->in_step;
    int64_t from = newest - (polled ? FILLS_POLL_OVERLAP_NS : RECONCILE_OVERLAP_NS);
    int64_t since = r->reconciled_at - RECONCILE_OVERLAP_NS;
    return r->whole && r->reconciled_at && since < from ? since : from;
}

static void watermark_read(void *arg, enum ledger_result result, int64_t at)
{
    struct reconcile *r = arg;
    if (!reconcile_ledger_usable(r, result, "newest fill"))
        return;
    if (!r->fills_told_at)
        r->fills_told_at = at;
    r->fills_after = at ? fills_from(r, at) : 0;
    r->page_token[0] = '\0';
    r->pages = 0;
    reconcile_good(r, RC_FILLS);
}

static void fills_read(void *arg, const struct broker_answer *a);

void reconcile_ask_fills(struct reconcile *r)
{
    char query[256], at[WHEN_TEXT_MAX];
    int n = snprintf(query, sizeof query, "direction=asc&page_size=%d", PAGE);
    if (r->fills_after)
        n += snprintf(query + n, sizeof query - (size_t)n, "&after=%s", when_format(r->fills_after, at));
    if (r->page_token[0])
        snprintf(query + n, sizeof query - (size_t)n, "&page_token=%s", r->page_token);
    reconcile_ask(r, OP_FILLS, query, fills_read);
}

static void keep_page(struct reconcile *r, const struct alpaca_fill *fills, size_t count)
{
    r->page = check_realloc(r->page, (count ? count : 1) * sizeof *r->page);
    memcpy(r->page, fills, count * sizeof *fills);
    r->page_count = count;
}

// Those of the page that are newer than what was told: hints for readers, each about once.
static void tell_fills(struct reconcile *r)
{
    size_t first = 0;
    while (first < r->page_count && r->page[first].transaction_time <= r->fills_told_at)
        first++;
    if (first == r->page_count)
        return;
    r->fills_told_at = r->page[r->page_count - 1].transaction_time;
    if (r->p.on_fills)
        r->p.on_fills(r->p.arg, r->page + first, r->page_count - first);
}

static void fills_recorded(void *arg, enum ledger_result result, size_t recorded, const char *detail)
{
    struct reconcile *r = arg;
    bool refused = result == LEDGER_CONFLICT;
    if (refused ? !reconcile_take_answer(r) : !reconcile_ledger_usable(r, result, "fills into the ledger"))
        return;
    r->new_fills += recorded;
    if (recorded > 0) {
        reconcile_fill_quotes(r);
        tell_fills(r);
    }
    metrics_add(r->p.metrics, METRIC_FILLS, "", (int64_t)recorded);
    if (refused) { // the pass goes on, so that orders are followed: one of them may be what is missing
        reconcile_fills_refused(r, detail);
        r->page_token[0] = '\0';
    }
    if (r->page_token[0])
        reconcile_ask_fills(r);
    else
        reconcile_good(r, refused ? RC_DOUBT : RC_ACCOUNT);
}

static void fills_read(void *arg, const struct broker_answer *a)
{
    struct reconcile *r = arg;
    struct err err;
    struct alpaca_fill fills[PAGE];
    if (!reconcile_usable(r, a, "fills"))
        return;
    size_t n = json_size(a->json);
    for (size_t i = 0; i < n && i < PAGE; i++)
        if (alpaca_fill_parse(json_at(a->json, i), &fills[i], &err) != 0) {
            reconcile_failed(r, "fills", err.text);
            return;
        }
    if (n > PAGE || ++r->pages > RECONCILE_PAGES_MAX) {
        reconcile_failed(r, "fills", n > PAGE ? "a page longer than asked for" : "more pages than one pass reads");
        return;
    }
    str_copy_cut(r->page_token, sizeof r->page_token, n == PAGE ? fills[n - 1].id : "");
    if (n == 0) {
        reconcile_good(r, RC_ACCOUNT);
        return;
    }
    r->waiting = true;
    reconcile_note_fresh(r, fills, n);
    keep_page(r, fills, n);
    ledger_fills_record(r->p.ledger, r->account, fills, n, clock_wall_ns(), fills_recorded, r);
}

void reconcile_ask_watermark(struct reconcile *r)
{
    r->fills_seen = r->waiting = true;
    r->fills_refused = false;
    ledger_last_activity(r->p.ledger, r->account, watermark_read, r);
}

// --- what is no fill

static void activities_read(void *arg, const struct broker_answer *a);

static void ask_page(struct reconcile *r)
{
    char query[256], at[WHEN_TEXT_MAX];
    int n = snprintf(query, sizeof query, "category=non_trade_activity&direction=asc&page_size=%d&after=%s", PAGE,
                     when_format(r->activities_newest_at - ACTIVITIES_OVERLAP_NS, at));
    if (r->page_token[0])
        snprintf(query + n, sizeof query - (size_t)n, "&page_token=%s", r->page_token);
    reconcile_ask(r, OP_ACTIVITIES, query, activities_read);
}

static void take_found(struct reconcile *r, const struct ledger_activities *found)
{
    r->activities_newest_at = found->newest_at > r->activities_newest_at ? found->newest_at : r->activities_newest_at;
    r->activities_held = found->held;
    str_copy_cut(r->held_text, sizeof r->held_text, found->first_held);
    if (found->recorded > 0)
        log_notice("reconcile: %zu activities recorded, %zu held", found->recorded, found->held);
    char differing[sizeof r->differing_told];
    str_copy_cut(differing, sizeof differing, found->differing);
    bool news = differing[0] && !str_equal(differing, r->differing_told); // it is read again for days
    if (differing[0])
        str_copy_cut(r->differing_told, sizeof r->differing_told, differing);
    if (news)
        r->p.alert(r->p.arg, "activity_changed", r->account, found->differing);
}

static void activities_recorded(void *arg, enum ledger_result result, const struct ledger_activities *found,
                                const char *detail)
{
    struct reconcile *r = arg;
    if (result == LEDGER_CONFLICT)
        log_error("reconcile: activities are not recorded: %s", detail);
    if (!reconcile_ledger_usable(r, result, "activities into the ledger"))
        return;
    take_found(r, found);
    if (r->page_token[0]) {
        ask_page(r);
        return;
    }
    r->activities_boot_ns = clock_boot_ns();
    reconcile_good(r, RC_BOOKS);
}

static void activities_read(void *arg, const struct broker_answer *a)
{
    struct reconcile *r = arg;
    struct err err;
    struct alpaca_activity items[PAGE];
    size_t count = 0, n = a->json ? json_size(a->json) : 0;
    if (!reconcile_usable(r, a, "activities"))
        return;
    if (n > PAGE) {
        reconcile_failed(r, "activities", "a page longer than asked for");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (alpaca_activity_parse(json_at(a->json, i), &items[count], &err) != 0) {
            reconcile_failed(r, "activities", err.text);
            return;
        }
        if (i == PAGE - 1)
            str_copy_cut(r->page_token, sizeof r->page_token, items[count].id);
        count += !str_equal(items[count].type, "FILL"); // those are read by themselves
    }
    if (n < PAGE)
        r->page_token[0] = '\0';
    r->waiting = true;
    ledger_activities_record(r->p.ledger, r->account, items, count, r->positions, r->position_count, clock_wall_ns(),
                             activities_recorded, r);
}

static void activities_marked(void *arg, enum ledger_result result, const struct ledger_activities *found,
                              const char *detail)
{
    struct reconcile *r = arg;
    (void)detail;
    if (!reconcile_ledger_usable(r, result, "newest activity"))
        return;
    take_found(r, found);
    ask_page(r);
}

static bool activities_due(const struct reconcile *r)
{
    int64_t age = clock_boot_ns() - r->activities_boot_ns, every = r->p.compare_interval_ms * NS_PER_MS;
    if (every > ACTIVITIES_EVERY_NS)
        every = ACTIVITIES_EVERY_NS;
    if (r->whole)
        return true;
    bool differ = r->mismatch_since_boot_ns != 0 || r->activities_held > 0;
    return !r->activities_boot_ns || age >= (differ && every > ACTIVITIES_SOON_NS ? ACTIVITIES_SOON_NS : every);
}

void reconcile_ask_activities(struct reconcile *r)
{
    if (!r->opened || !activities_due(r)) {
        reconcile_good(r, RC_BOOKS);
        return;
    }
    r->page_token[0] = '\0';
    if (r->activities_newest_at) {
        ask_page(r);
        return;
    }
    r->waiting = true;
    ledger_activities_record(r->p.ledger, r->account, NULL, 0, r->positions, r->position_count, clock_wall_ns(),
                             activities_marked, r);
}
