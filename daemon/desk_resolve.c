// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// When the broker stays silent about an unknown order, an operator may know more: what the broker says of it now, and
// taking an operator's word that it never arrived. The broker's word always wins: an order that it knows is followed,
// also when it was given up before.
#include "daemon/desk_internal.h"

#include <stdio.h>

#include "daemon/messages.h"
#include "lib/base/log.h"
#include "lib/io/clock.h"

#define NOT_FOUND_CODE 40410000

// Back among the open ones, which stand by the age of their intents.
void desk_open_again(struct desk_order *o)
{
    struct desk *d = o->desk;
    struct list *before = &d->open;
    LIST_EACH(n, tmp, &d->open)
    if (before == &d->open && LIST_ENTRY(n, struct desk_order, node)->row.intent.created_at > o->row.intent.created_at)
        before = n;
    list_remove(&o->node);
    list_append(before, &o->node);
    d->ended_count--;
    d->open_count++;
}

void desk_turned_up(struct desk_order *o, const struct order_state *s, const char *source)
{
    const char *id = o->row.intent.order.client_order_id;
    log_warning("order %s: given up, and at the broker after all (%s, order %s)", id, s->status_word, s->id);
    desk_open_again(o);
    desk_set_state(o, DESK_LIVE);
    exposure_reserve_late(o->desk->p.exposure, &o->row.intent);
    o->row.status = ORDER_UNKNOWN; // as it was all along: whatever the broker says is news
    o->cancel_sent = false;
    o->cancel_wanted |= o->row.intent.run_id[0] || desk_too_late(o); // its run has gone on without it
    desk_apply_state(o, s, source);
    o->desk->p.alert(o->desk->p.arg, "order_after_all", id,
                     "the broker has an order that had been given up; it is followed again, and cancelled when its run "
                     "is over");
}

void desk_found(struct desk *d, const struct order_row *row, const struct order_state *state, const char *source)
{
    struct desk_order *o = map_get(d->by_client_id, row->intent.order.client_order_id);
    if (!o) {
        o = desk_take_ended(d, row);
        if (!o->row.intent.send_until) // not known any more: nobody waits so long
            o->row.intent.send_until = o->row.intent.created_at;
    }
    desk_broker_says(d, state, source);
}

static int wait_s(const struct desk_order *o)
{
    int64_t over = o->unknown_since_ns + o->desk->p.unknown_for_ms * NS_PER_MS - clock_boot_ns();
    return o->state == DESK_LOOKING && over > 0 ? (int)(over / NS_PER_S) + 1 : 0;
}

static void inquiry_end(struct desk_order *o, enum desk_broker_word word, const char *said)
{
    void (*done)(void *, const struct desk_inquiry *) = o->inquired;
    o->inquired = NULL;
    done(o->inquired_arg, &(struct desk_inquiry){.row = &o->row, .word = word, .said = said, .wait_s = wait_s(o)});
}

static void inquired(void *arg, const struct broker_answer *answer)
{
    struct desk_order *o = arg;
    struct order_state state;
    struct err err;
    o->calls--;
    if (answer->result == BROKER_OK && answer->json && alpaca_order_parse(answer->json, &state, &err) == 0 &&
        str_equal(state.client_order_id, o->row.intent.order.client_order_id)) {
        char said[120];
        snprintf(said, sizeof said, "%s, order %s", state.status_word, state.id);
        desk_broker_says(o->desk, &state, "lookup");
        inquiry_end(o, DESK_BROKER_KNOWS, said);
    } else if (answer->result == BROKER_REJECTED && answer->status == 404 && answer->error.code == NOT_FOUND_CODE) {
        inquiry_end(o, DESK_BROKER_DENIES, "it knows no order with this client order id");
    } else {
        inquiry_end(o, DESK_BROKER_SILENT, answer->detail && answer->detail[0] ? answer->detail : "no usable answer");
    }
}

bool desk_inquire(struct desk *d, const char *client_order_id,
                  void (*done)(void *arg, const struct desk_inquiry *inquiry), void *arg)
{
    struct desk_order *o = map_get(d->by_client_id, client_order_id);
    char query[160];
    if (!o || o->inquired)
        return false;
    o->inquired = done;
    o->inquired_arg = arg;
    o->calls++;
    snprintf(query, sizeof query, "client_order_id=%s", client_order_id);
    broker_call(d->p.broker, OP_ORDER_BY_CLIENT_ID, NULL, query, inquired, o);
    return true;
}

int desk_resolve_not_placed(struct desk *d, const char *client_order_id, const char *reason, const char *who,
                            struct err *err)
{
    struct desk_order *o = map_get(d->by_client_id, client_order_id);
    char detail[160];
    if (!o)
        return err_set(err, "the daemon follows no order with this client order id");
    if (o->state != DESK_LOOKING)
        return err_set(err, "the order is %s: only one without an answer can be resolved",
                       order_status_name(o->row.status));
    if (wait_s(o) > 0)
        return err_set(err, "the order may still turn up by itself: ask again in %d s", wait_s(o));
    snprintf(detail, sizeof detail, DESK_OPERATOR_SAYS "%s: %s", who, reason);
    ledger_decision(d->p.ledger, "operator", client_order_id, order_status_name(ORDER_NOT_PLACED), "resolve", detail,
                    clock_wall_ns());
    log_message(LOG_LEVEL_NOTICE, MESSAGE_ORDER_RESOLVED,
                ((struct log_field[]){{"CLIENT_ORDER_ID", client_order_id}, {"REASON", reason}}), "order %s: %s",
                client_order_id, detail);
    loop_cancel(d->p.loop, &o->timer);
    o->why = "operator";
    desk_set_status(o, ORDER_NOT_PLACED, "operator", detail);
    return 0;
}
