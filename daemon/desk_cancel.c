// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Cancels: wanted as long as the order lives, sent when the broker knows it, and again when the broker did not take it.
#include "daemon/desk_internal.h"

#include <string.h>

#define CANCEL_RETRY_MS 2000
#define CANCEL_SLOWER_MAX 3u // doublings of it

static void cancel_again(void *arg)
{
    struct desk_order *o = arg;
    o->timer = 0;
    desk_send_cancel(o);
}

static void cancelled(void *arg, const struct broker_answer *answer)
{
    struct desk_order *o = arg;
    o->calls--;
    if (answer->result == BROKER_OK)
        return; // taken: the order's status tells
    // A refusal may mean that there is nothing to cancel any more, or not yet: again for as long as the order lives.
    o->cancel_sent = false;
    int64_t wait_ms = CANCEL_RETRY_MS << (o->cancels < CANCEL_SLOWER_MAX ? o->cancels : CANCEL_SLOWER_MAX);
    o->cancels++;
    if (o->state == DESK_LIVE && !o->timer)
        o->timer = loop_after_ms(o->desk->p.loop, wait_ms, cancel_again, o);
}

void desk_send_cancel(struct desk_order *o)
{
    if (o->cancel_sent)
        return;
    o->cancel_sent = true;
    o->calls++;
    broker_call(o->desk->p.broker, OP_CANCEL, o->row.order_id, NULL, cancelled, o);
}

void desk_cancel(struct desk *d, const char *client_order_id)
{
    struct desk_order *o = map_get(d->by_client_id, client_order_id);
    if (!o || o->state == DESK_ENDED)
        return;
    o->cancel_wanted = true;
    o->next_waits = false;
    if (o->state == DESK_LIVE)
        desk_send_cancel(o);
}

void desk_cancel_for_next(struct desk *d, const char *client_order_id)
{
    struct desk_order *o = map_get(d->by_client_id, client_order_id);
    bool first = o && !o->cancel_wanted;
    desk_cancel(d, client_order_id);
    if (first)
        o->next_waits = true;
}

static bool is_whose(const struct intent *in, const char *strategy)
{
    const char *whose = intent_whose(in);
    return !strategy || str_equal(whose, WHOSE_UNKNOWN) || str_has_word(whose, strategy);
}

size_t desk_cancel_open(struct desk *d, const char *strategy, bool keep_reducing)
{
    size_t open = 0;
    LIST_EACH(n, tmp, &d->open)
    {
        const struct desk_order *o = LIST_ENTRY(n, struct desk_order, node);
        if ((keep_reducing && o->row.intent.reduces) || !is_whose(&o->row.intent, strategy))
            continue;
        open++;
        if (!o->cancel_wanted) // else it is tried again in its own time
            desk_cancel(d, o->row.intent.order.client_order_id);
    }
    return open;
}

void desk_cancel_run(struct desk *d, const char *run_id)
{
    LIST_EACH(n, tmp, &d->open)
    {
        const struct desk_order *o = LIST_ENTRY(n, struct desk_order, node);
        if (strcmp(o->row.intent.run_id, run_id) == 0)
            desk_cancel(d, o->row.intent.order.client_order_id);
    }
}
