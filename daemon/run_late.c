// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A run that ended before all of its orders were known to have: at its deadline nobody waits for an answer any more.
// It keeps its status, and is settled as soon as what it left has ended, is booked, and ledger and broker agree.
#include "daemon/run_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"

struct unsettled {
    struct list node; // in runs->unsettled
    struct run_row row;
};

static void drop(struct unsettled *u)
{
    list_remove(&u->node);
    free(u);
}

void runs_unsettled_free(struct runs *r)
{
    LIST_EACH(n, tmp, &r->unsettled)
    drop(LIST_ENTRY(n, struct unsettled, node));
}

static bool followed(const struct runs *r, const char *id)
{
    LIST_EACH(n, tmp, &r->unsettled)
    if (str_equal(LIST_ENTRY(n, struct unsettled, node)->row.id, id))
        return true;
    return false;
}

// One that failed before anything was sent left nothing behind.
void runs_unsettled_add(struct runs *r, const struct run_row *row)
{
    bool sent = row->status == RUN_PARTIAL || row->orders_submitted > 0;
    if (!row->completed_at || row->settled || !sent || followed(r, row->id))
        return;
    struct unsettled *u = check_alloc(1, sizeof *u);
    u->row = *row;
    list_append(&r->unsettled, &u->node);
}

static void settled(struct runs *r, struct unsettled *u)
{
    u->row.settled = true;
    log_with(LOG_LEVEL_NOTICE, ((struct log_field[]){{"RUN_ID", u->row.id}}),
             "run %s, which ended %s, is settled: all of its orders have ended and are booked", u->row.id,
             run_status_name(u->row.status));
    runs_write_ending(r, &u->row);
    if (r->p.on_settled)
        r->p.on_settled(r->p.arg, &u->row);
    drop(u);
}

static bool listed(const struct order_row *rows, size_t count, const char *run_id)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(rows[i].intent.run_id, run_id))
            return true;
    return false;
}

static void ask(struct runs *r);

static void passed(void *arg, bool in_step, const char *detail)
{
    struct runs *r = arg;
    (void)detail;
    r->unsettled_passed = in_step;
    if (in_step)
        ask(r);
    else
        r->unsettled_asking = false;
}

// Asked twice: before a pass, which costs requests of the broker, and after it, for what it has found.
static void open_listed(void *arg, enum ledger_result result, const struct order_row *rows, size_t count)
{
    struct runs *r = arg;
    bool ended = false;
    if (result == LEDGER_OK)
        LIST_EACH(n, tmp, &r->unsettled)
        {
            struct unsettled *u = LIST_ENTRY(n, struct unsettled, node);
            if (listed(rows, count, u->row.id))
                continue;
            ended = true;
            if (r->unsettled_passed)
                settled(r, u);
        }
    if (ended && !r->unsettled_passed) {
        reconcile_pass(r->p.reconcile, passed, r);
        return;
    }
    r->unsettled_asking = r->unsettled_passed = false;
}

static void ask(struct runs *r)
{
    ledger_orders_open(r->p.ledger, LIST_ENTRY(r->unsettled.next, struct unsettled, node)->row.account, open_listed, r);
}

// With every pass of the books; not before the ledger has how they ended, for the last word it is told holds.
void runs_unsettled_look(struct runs *r)
{
    if (r->unsettled_asking || r->active || list_empty(&r->unsettled) || !list_empty(&r->endings))
        return;
    r->unsettled_asking = true;
    ask(r);
}
