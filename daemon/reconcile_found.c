// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Orders of the broker's list that the desk does not follow. One that is alive there and was given up in an earlier
// life goes back to the desk. Whose the others are is asked once each: they stay as they are, and their fills, when
// they are in doubt, wait no longer.
#include "daemon/reconcile_internal.h"

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define OTHERS_MAX 10000u // remembered; after so many all are asked for anew

static void remember(struct reconcile *r, const char *client_order_id)
{
    if (map_size(r->others) >= OTHERS_MAX) {
        map_free(r->others);
        r->others = map_new();
    }
    map_put(r->others, client_order_id, r);
}

static void found(void *arg, enum ledger_result result, const struct order_row *row)
{
    struct job *j = arg;
    struct reconcile *r = j->r;
    const struct order_state *s = &j->listed;
    const char *id = s->client_order_id;
    bool ours = row && str_equal(row->intent.account, r->account);
    if (result != LEDGER_OK)
        log_debug("reconcile: order %s at the broker: the ledger does not say whose it is", id);
    else if (ours && row->status == ORDER_NOT_PLACED)
        desk_found(r->p.desk, row, s, "list");
    else
        remember(r, id);
    if (ours && result == LEDGER_OK && order_status_terminal(row->status) && row->status != ORDER_NOT_PLACED)
        log_warning("order %s: %s in the ledger, and %s at the broker (order %s)", id, order_status_name(row->status),
                    s->status_word, s->id);
    reconcile_job_end(j);
}

void reconcile_not_followed(struct reconcile *r, const struct order_state *s)
{
    if (!order_status_terminal(s->status) && !map_get(r->others, s->client_order_id)) {
        struct job *j = reconcile_job_new(r, NULL, 0);
        j->listed = *s;
        ledger_order_find(r->p.ledger, s->client_order_id, found, j);
    } else if (reconcile_in_doubt(r, s)) {
        ledger_order_listed(r->p.ledger, r->account, s, clock_wall_ns(), NULL, NULL);
    }
}
