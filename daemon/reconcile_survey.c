// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// With every new connection to Postgres, before anything else of the ledger is used: does it know the broker's orders
// with ids of ours since the newest that it has? When it does not, it is older than the world.
#include "daemon/reconcile_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define OVERLAP_NS (120 * NS_PER_S) // our clock and the broker's may differ
#define PAGE 500

static void page_read(void *arg, const struct broker_answer *a);

static void ask_page(struct reconcile *r)
{
    char query[160], at[WHEN_TEXT_MAX];
    snprintf(query, sizeof query, "status=all&direction=asc&limit=%d&after=%s", PAGE, when_format(r->survey_after, at));
    reconcile_ask(r, OP_ORDERS, query, page_read);
}

static void survey_done(struct reconcile *r)
{
    r->surveyed = true;
    if (r->survey_lost > 0 && r->p.on_lost)
        r->p.on_lost(r->p.arg, r->survey_lost, r->survey_first);
    if (r->compared)
        reconcile_ask_point(r); // an older copy has an older one
    else
        reconcile_good(r, RC_ADOPT);
}

static void page_done(struct reconcile *r)
{
    if (r->survey_more)
        ask_page(r);
    else
        survey_done(r);
}

static void page_taken(void *arg, enum ledger_result result, int64_t lost, const char *first)
{
    struct reconcile *r = arg;
    if (!reconcile_ledger_usable(r, result, "orders held against the ledger"))
        return;
    if (lost > 0 && r->survey_lost == 0)
        str_copy_cut(r->survey_first, sizeof r->survey_first, first);
    r->survey_lost += (size_t)lost;
    page_done(r);
}

// All of the page that can be read; false: one must be and cannot.
static bool take_page(struct reconcile *r, const struct json_node *list, struct order_state *orders, size_t *count,
                      int64_t *newest)
{
    struct err err;
    for (size_t i = 0; i < json_size(list); i++) {
        struct order_state *s = &orders[*count];
        enum order_read read = reconcile_order_read(r, json_at(list, i), s, &err);
        if (read == ORDER_UNREADABLE) {
            reconcile_failed(r, "orders since the ledger's newest", err.text);
            return false;
        }
        *newest = s->submitted_at > *newest ? s->submitted_at : *newest;
        *count += read == ORDER_READ;
    }
    return true;
}

static void page_read(void *arg, const struct broker_answer *a)
{
    struct reconcile *r = arg;
    int64_t newest = r->survey_after;
    size_t count = 0;
    if (!reconcile_usable(r, a, "orders since the ledger's newest"))
        return;
    size_t n = json_size(a->json);
    if (n > PAGE || ++r->survey_pages > RECONCILE_PAGES_MAX) {
        reconcile_failed(r, "orders since the ledger's newest",
                         n > PAGE ? "a page longer than asked for" : "more pages than one survey reads");
        return;
    }
    struct order_state *orders = check_alloc(n + 1, sizeof *orders);
    if (take_page(r, a->json, orders, &count, &newest)) {
        r->survey_more = n >= PAGE && newest > r->survey_after;
        r->survey_after = reconcile_page_after(r->survey_after, newest);
        r->waiting = count > 0;
        if (count > 0)
            ledger_lost_orders(r->p.ledger, r->account, orders, count, clock_wall_ns(), page_taken, r);
        else
            page_done(r);
    }
    free(orders);
}

static void from_read(void *arg, enum ledger_result result, int64_t at)
{
    struct reconcile *r = arg;
    if (!reconcile_ledger_usable(r, result, "the ledger's newest order"))
        return;
    r->survey_lost = 0;
    r->survey_pages = 0;
    r->survey_after = at - OVERLAP_NS;
    if (at)
        ask_page(r);
    else
        survey_done(r); // nothing was opened: what was traded before is not ours to know
}

void reconcile_survey(struct reconcile *r)
{
    r->waiting = true;
    ledger_survey_from(r->p.ledger, r->account, from_read, r);
}
