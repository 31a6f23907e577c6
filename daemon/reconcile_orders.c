// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The broker's list of orders, page by page. Between whole passes what is open there, and while ours are open
// everything since the oldest of them, so that endings are seen. In a whole pass (at the start, after reconnects, every
// reconcile_interval) everything since the last one that agreed, with an overlap: what came and went in between is
// found too, and what has ended is held against the ledger.
#include "daemon/reconcile_internal.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define ORDERS_OVERLAP_NS (120 * NS_PER_S)
#define ORDERS_PAGE 500
#define INTERVAL_MS (300 * 1000)
#define PAGE_OVERLAP_NS (NS_PER_MS)    // "after" leaves out what was submitted at that very moment
#define WHOLE_AGAIN_NS (10 * NS_PER_S) // while ledger and broker differ

static void orders_read(void *arg, const struct broker_answer *a);

// --- whole passes

void reconcile_whole_soon(struct reconcile *r)
{
    r->whole_due_boot_ns = 0;
}

static void begin_whole(struct reconcile *r)
{
    r->whole = clock_boot_ns() >= r->whole_due_boot_ns;
    if (!r->whole)
        return;
    int64_t ms = r->p.reconcile_interval_ms ? r->p.reconcile_interval_ms : INTERVAL_MS;
    r->whole_began_wall_ns = clock_wall_ns();
    r->whole_due_boot_ns = clock_boot_ns() + ms * NS_PER_MS;
}

void reconcile_whole_ended(struct reconcile *r, bool agree)
{
    int64_t again = clock_boot_ns() + WHOLE_AGAIN_NS;
    if (!r->whole || !r->opened)
        return;
    r->whole = false;
    if (!r->fills_seen) { // the opening was only just found: none were read
        reconcile_whole_soon(r);
        return;
    }
    if (!agree) { // beside open orders fills are under way: the next in its time
        bool soon = desk_open_count(r->p.desk) == 0 && again < r->whole_due_boot_ns;
        r->whole_due_boot_ns = soon ? again : r->whole_due_boot_ns;
        return;
    }
    if (facts_clock_trouble(r->p.facts)) // by a clock that is ahead, what comes until then would never be read
        return;
    r->reconciled_at = r->whole_began_wall_ns;
    ledger_reconciled_write(r->p.ledger, r->account, r->reconciled_at);
}

// --- pages

int64_t reconcile_page_after(int64_t after, int64_t newest)
{
    int64_t again = newest - PAGE_OVERLAP_NS;
    return again > after ? again : newest > after ? newest : after;
}

static void ask_page(struct reconcile *r)
{
    char query[160], at[WHEN_TEXT_MAX];
    const char *which = r->orders_all ? "all" : "open";
    if (r->orders_after)
        snprintf(query, sizeof query, "status=%s&direction=asc&limit=%d&after=%s", which, ORDERS_PAGE,
                 when_format(r->orders_after, at));
    else
        snprintf(query, sizeof query, "status=%s&direction=asc&limit=%d", which, ORDERS_PAGE);
    r->closed_count = 0;
    reconcile_ask(r, OP_ORDERS, query, orders_read);
}

// What is open there may be of any age: asked for by itself, before what a whole pass goes back to.
void reconcile_ask_orders(struct reconcile *r)
{
    int64_t oldest = desk_oldest_open_ns(r->p.desk), from = oldest ? oldest - ORDERS_OVERLAP_NS : 0;
    begin_whole(r);
    r->desk_open_before = desk_open_count(r->p.desk);
    r->orders_all = oldest != 0 && !r->whole;
    r->orders_asked_boot_ns = r->orders_all ? clock_boot_ns() : 0;
    r->orders_after = r->orders_all ? from : 0;
    r->pages = 0;
    reconcile_quarantine_begin(r);
    ask_page(r);
}

static void ask_whole(struct reconcile *r)
{
    int64_t oldest = desk_oldest_open_ns(r->p.desk), from = r->reconciled_at - RECONCILE_OVERLAP_NS;
    r->orders_all = true;
    r->orders_asked_boot_ns = oldest ? clock_boot_ns() : 0;
    r->orders_after = oldest && oldest - ORDERS_OVERLAP_NS < from ? oldest - ORDERS_OVERLAP_NS : from;
    ask_page(r);
}

static void lists_ended(struct reconcile *r)
{
    reconcile_quarantine_pass(r);
    reconcile_good(r, RC_WATERMARK);
}

static void page_ended(struct reconcile *r)
{
    if (r->orders_more)
        ask_page(r);
    else if (r->whole && !r->orders_all && r->reconciled_at)
        ask_whole(r);
    else
        lists_ended(r);
}

// --- what has ended there, against the ledger

static void tell(struct reconcile *r, const struct order_state *s, const struct ledger_difference *d)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], detail[320];
    snprintf(detail, sizeof detail, "ledger: %s, filled %s, order %s; broker: %s, filled %s, order %s", d->status,
             decimal_format(d->filled_qty.nanos, a), d->order_id[0] ? d->order_id : "not known", s->status_word,
             decimal_format(s->filled_qty.nanos, b), s->id);
    if (map_get(r->others, s->id)) // told already
        return;
    map_put(r->others, s->id, r);
    log_warning("order %s: %s", s->client_order_id, detail);
    r->p.alert(r->p.arg, "order_differs", s->client_order_id, detail);
}

static void differs(struct reconcile *r, const struct order_state *s, const struct ledger_difference *d)
{
    tell(r, s, d);
    if (str_equal(d->status, order_status_name(ORDER_NOT_PLACED))) // the broker's word is the first there is of it
        ledger_order_listed(r->p.ledger, r->account, s, clock_wall_ns(), NULL, NULL);
}

// One that has ended here lately is followed no more.
static void compare_ended(struct reconcile *r, const struct order_state *s, const struct order_row *row)
{
    struct ledger_difference d = {.filled_qty = row->filled_qty};
    if (!order_status_terminal(row->status) || row->status == ORDER_NOT_PLACED ||
        (row->status == s->status && row->filled_qty.nanos == s->filled_qty.nanos))
        return;
    str_copy_cut(d.status, sizeof d.status, order_status_name(row->status));
    str_copy_cut(d.order_id, sizeof d.order_id, row->order_id);
    tell(r, s, &d);
}

static void closed_compared(void *arg, enum ledger_result result, const struct ledger_difference *rows, size_t count)
{
    struct reconcile *r = arg;
    if (!reconcile_ledger_usable(r, result, "the broker's ended orders in the ledger"))
        return;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].index >= r->closed_count)
            continue;
        const struct order_state *s = &r->closed[rows[i].index];
        if (rows[i].foreign)
            reconcile_quarantine_put(r, s);
        else
            differs(r, s, &rows[i]);
    }
    page_ended(r);
}

static void take(struct reconcile *r, const struct order_state *s)
{
    bool ended = order_status_terminal(s->status);
    desk_broker_says(r->p.desk, s, "poll");
    const struct order_row *row = desk_order(r->p.desk, s->client_order_id);
    if (row && ended && r->whole)
        compare_ended(r, s, row);
    if (row)
        return;
    reconcile_not_followed(r, s);
    if (ended && r->whole && r->reconciled_at && !reconcile_quarantine_says(r, s))
        r->closed[r->closed_count++] = *s;
}

static void orders_read(void *arg, const struct broker_answer *a)
{
    struct reconcile *r = arg;
    struct err err;
    struct order_state s;
    int64_t newest = 0;
    if (!reconcile_usable(r, a, "orders"))
        return;
    size_t n = json_size(a->json);
    if (n > ORDERS_PAGE || ++r->pages > RECONCILE_PAGES_MAX) {
        reconcile_failed(r, "orders",
                         n > ORDERS_PAGE ? "a page longer than asked for" : "more pages than one pass reads");
        return;
    }
    r->closed = check_realloc(r->closed, (n + 1) * sizeof *r->closed);
    for (size_t i = 0; i < n; i++) {
        enum order_read read = reconcile_order_read(r, json_at(a->json, i), &s, &err);
        if (read == ORDER_UNREADABLE) {
            reconcile_failed(r, "orders", err.text);
            return;
        }
        newest = s.submitted_at > newest ? s.submitted_at : newest;
        if (read == ORDER_READ)
            take(r, &s);
    }
    r->orders_more = n >= ORDERS_PAGE && newest > r->orders_after;
    r->orders_after = reconcile_page_after(r->orders_after, newest);
    if (r->orders_asked_boot_ns && n < ORDERS_PAGE)
        desk_listed(r->p.desk, r->orders_asked_boot_ns);
    if (r->closed_count == 0) {
        page_ended(r);
        return;
    }
    r->waiting = true;
    ledger_orders_compare(r->p.ledger, r->account, r->closed, r->closed_count, closed_compared, r);
}
