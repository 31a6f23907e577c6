// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The broker's list of orders, page by page: what is open there, and while ours are open everything since the oldest of
// them, so that endings are seen.
#include "daemon/reconcile_internal.h"

#include <stdio.h>
#include <string.h>

#include "lib/io/clock.h"

#define ORDERS_OVERLAP_NS (120 * NS_PER_S)
#define ORDERS_PAGE 500

static void orders_read(void *arg, const struct broker_answer *a);

static void ask_page(struct reconcile *r)
{
    char query[160], at[WHEN_TEXT_MAX];
    const char *which = r->orders_all ? "all" : "open";
    if (r->orders_after)
        snprintf(query, sizeof query, "status=%s&direction=asc&limit=%d&after=%s", which, ORDERS_PAGE,
                 when_format(r->orders_after, at));
    else
        snprintf(query, sizeof query, "status=%s&direction=asc&limit=%d", which, ORDERS_PAGE);
    reconcile_ask(r, OP_ORDERS, query, orders_read);
}

void reconcile_ask_orders(struct reconcile *r)
{
    int64_t oldest = desk_oldest_open_ns(r->p.desk);
    r->desk_open_before = desk_open_count(r->p.desk);
    r->orders_all = oldest != 0;
    r->orders_asked_boot_ns = oldest ? clock_boot_ns() : 0;
    r->orders_after = oldest ? oldest - ORDERS_OVERLAP_NS : 0;
    reconcile_quarantine_begin(r);
    ask_page(r);
}

static void take(struct reconcile *r, const struct order_state *s)
{
    r->orders_open_at_broker += !order_status_terminal(s->status);
    desk_broker_says(r->p.desk, s, "poll");
    if (!desk_order(r->p.desk, s->client_order_id))
        reconcile_not_followed(r, s);
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
    for (size_t i = 0; i < n; i++) {
        if (alpaca_order_parse(json_at(a->json, i), &s, &err) != 0) {
            reconcile_failed(r, "orders", err.text);
            return;
        }
        newest = s.submitted_at > newest ? s.submitted_at : newest;
        take(r, &s);
    }
    if (n >= ORDERS_PAGE && newest > r->orders_after) {
        r->orders_after = newest;
        ask_page(r);
        return;
    }
    if (r->orders_asked_boot_ns && n < ORDERS_PAGE)
        desk_listed(r->p.desk, r->orders_asked_boot_ns);
    reconcile_quarantine_pass(r);
    reconcile_good(r, RC_WATERMARK);
}
