// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Orders without an answer: looked up by client order id until the broker tells. Only when it has denied for a minute,
// by id and in its list, that it ever came is that believed; then the order goes out once more under the same id, as
// long as whose it is wants it, or is closed unsent.
#include "daemon/desk_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define LOOKUP_MAX_MS 10000
#define LOOKUP_ALERT_NS (60 * NS_PER_S) // told as an alert when the broker has not answered by then; asked on for ever
#define NOT_FOUND_CODE 40410000         // Alpaca's own; a 404 of something in between proves nothing
#define SENT_AGAIN_MAX 3u

static void look_up(void *arg);

static void look_later(struct desk_order *o)
{
    int64_t most_ms = o->desk->p.unknown_for_ms < LOOKUP_MAX_MS ? o->desk->p.unknown_for_ms : LOOKUP_MAX_MS;
    int64_t delay_ms = o->lookup_delay_ms < most_ms ? o->lookup_delay_ms : most_ms;
    o->timer = loop_after_ms(o->desk->p.loop, delay_ms, look_up, o);
    o->lookup_delay_ms = delay_ms * 2;
}

static int64_t unknown_for_ns(const struct desk *d)
{
    return d->p.unknown_for_ms * NS_PER_MS;
}

void desk_listed(struct desk *d, int64_t asked_boot_ns)
{
    LIST_EACH(n, tmp, &d->open)
    {
        struct desk_order *o = LIST_ENTRY(n, struct desk_order, node);
        if (o->state == DESK_LOOKING && o->missing_since_ns &&
            asked_boot_ns - o->missing_since_ns >= unknown_for_ns(d)) // a younger list may be behind
            o->unlisted = true;
    }
}

// The broker says that it does not know the order. Said for long enough, and by its list too, that is proof.
static bool never_arrived(struct desk_order *o)
{
    int64_t now = clock_boot_ns();
    if (!o->missing_since_ns)
        o->missing_since_ns = now;
    return o->unlisted && now - o->missing_since_ns >= unknown_for_ns(o->desk);
}

static bool may_send_again(const struct desk_order *o)
{
    return o->body && (!o->cancel_wanted || o->next_waits) && o->sent_again < SENT_AGAIN_MAX &&
           clock_wall_ns() < o->row.intent.send_until;
}

void desk_send_until(struct desk *d, const char *client_order_id, int64_t until_ns)
{
    struct desk_order *o = map_get(d->by_client_id, client_order_id);
    if (o)
        o->row.intent.send_until = until_ns;
}

static void looked_up(void *arg, const struct broker_answer *answer)
{
    struct desk_order *o = arg;
    struct order_state state;
    struct err err;
    o->calls--;
    bool known = answer->result == BROKER_OK && answer->json && alpaca_order_parse(answer->json, &state, &err) == 0 &&
                 str_equal(state.client_order_id, o->row.intent.order.client_order_id);
    if (o->state != DESK_LOOKING) {
        if (known) // an operator gave it up meanwhile
            desk_broker_says(o->desk, &state, "lookup");
        return;
    }
    bool missing = answer->result == BROKER_REJECTED && answer->status == 404 && answer->error.code == NOT_FOUND_CODE;
    if (missing && never_arrived(o) && may_send_again(o)) {
        o->sent_again++;
        o->missing_since_ns = 0;
        o->unlisted = false;
        o->lookup_delay_ms = LOOKUP_FIRST_MS;
        log_notice("order %s: never reached the broker; sent again under its id", o->row.intent.order.client_order_id);
        desk_send_again(o, "never reached the broker; sent again under its id", 0);
        return;
    }
    if (missing && never_arrived(o)) {
        o->why = "never_arrived";
        desk_set_status(o, ORDER_NOT_PLACED, "lookup",
                        "never reached the broker, which knows it neither by id nor in its list");
        return;
    }
    if (known) {
        desk_apply_state(o, &state, "lookup");
        return;
    }
    if (!o->alerted && clock_boot_ns() - o->unknown_since_ns > LOOKUP_ALERT_NS) {
        o->alerted = true;
        o->desk->p.alert(o->desk->p.arg, "order_unknown", o->row.intent.order.client_order_id,
                         "the broker has not told what became of this order; its exposure stays reserved");
    }
    look_later(o);
}

static void look_up(void *arg)
{
    struct desk_order *o = arg;
    char query[160];
    o->timer = 0;
    o->calls++;
    snprintf(query, sizeof query, "client_order_id=%s", o->row.intent.order.client_order_id);
    broker_call(o->desk->p.broker, OP_ORDER_BY_CLIENT_ID, NULL, query, looked_up, o);
}

void desk_become_unknown(struct desk_order *o, const char *why)
{
    desk_set_state(o, DESK_LOOKING);
    o->was_out = true;
    o->unknown_since_ns = clock_boot_ns();
    desk_set_status(o, ORDER_UNKNOWN, "desk", why);
    look_later(o);
}
