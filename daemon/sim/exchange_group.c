// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Orders that belong together. Bracket and oto: an entry and its exits, held until the entry is filled whole. Oco: two
// exits, the limit order being the parent. Of two exits only the take profit is at work and holds the shares; the stop
// loss stays held and is watched. A part of one exit shrinks the other, all of it ends it.
#include "daemon/sim/exchange_internal.h"

static struct exchange_order *sibling(struct exchange *e, const struct exchange_order *o)
{
    if (o->order_class == CLASS_OCO)
        return exchange_order_numbered(e, o->parent != 0 ? o->parent : o->legs[0]);
    const struct exchange_order *parent = exchange_order_numbered(e, o->parent);
    if (parent == NULL || parent->leg_count < 2)
        return NULL;
    return exchange_order_numbered(e, parent->legs[parent->legs[0] == o->number ? 1 : 0]);
}

static struct exchange_order *leg_add(struct exchange *e, struct exchange_order *parent, enum exchange_leg leg,
                                      enum order_type type)
{
    bool exits = parent->order_class == CLASS_OCO;
    struct exchange_order *o = exchange_order_add(e);
    uint64_t ids = e->params.seed ^ e->params.id_salt;
    draw_uuid(ids, DRAW_ORDER_ID, o->number, o->id);
    draw_uuid(ids, DRAW_CLIENT_ID, o->number, o->client_order_id);
    o->symbol = parent->symbol;
    o->side = exits ? parent->side : parent->side == ORDER_BUY ? ORDER_SELL : ORDER_BUY;
    o->type = type;
    o->tif = parent->tif;
    o->position_intent = o->side == ORDER_SELL ? "sell_to_close" : "buy_to_close";
    o->closing = true;
    o->qty = parent->qty;
    o->order_class = parent->order_class;
    o->leg = leg;
    o->parent = parent->number;
    o->status = ORDER_HELD;
    o->created_at = ++e->last_created;
    o->submitted_at = o->updated_at = o->created_at;
    o->expires_at = parent->expires_at;
    o->watching = exits;
    o->next_at = exits ? parent->next_at : EXCHANGE_NEVER;
    parent->legs[parent->leg_count++] = o->number;
    return o;
}

static void leg_finish(struct exchange *e, struct exchange_order *o)
{
    exchange_order_index(e, o);
    exchange_order_schedule(e, o);
    exchange_event_emit(e, "held", o, NULL, o->created_at);
}

void exchange_group_create(struct exchange *e, struct exchange_order *parent, const struct exchange_request *r)
{
    if (r->take_profit.given && r->order_class != CLASS_OCO) {
        struct exchange_order *o = leg_add(e, parent, LEG_TAKE_PROFIT, ORDER_LIMIT);
        o->limit_price = r->take_profit.price;
        o->reserve_price = o->limit_price;
        leg_finish(e, o);
    }
    if (r->stop_loss.given) {
        bool limited = r->stop_loss_limit.given;
        struct exchange_order *o = leg_add(e, parent, LEG_STOP_LOSS, limited ? ORDER_STOP_LIMIT : ORDER_STOP);
        o->stop_price = r->stop_loss.price;
        o->limit_price = limited ? r->stop_loss_limit.price : (struct price){0};
        o->reserve_price = limited ? o->limit_price : o->stop_price;
        leg_finish(e, o);
    }
}

// The entry is filled: the take profit goes to work, the stop loss too when it is alone.
static void activate(struct exchange *e, struct exchange_order *parent, int64_t at)
{
    for (size_t i = 0; i < parent->leg_count; i++) {
        struct exchange_order *o = exchange_order_numbered(e, parent->legs[i]);
        if (o->status != ORDER_HELD)
            continue;
        if (o->leg == LEG_TAKE_PROFIT || parent->leg_count == 1) {
            exchange_reserve(e, o);
            exchange_order_becomes_new(e, o, at);
        } else {
            o->watching = true;
            o->next_at = at + exchange_delay(e, o);
        }
        exchange_order_schedule(e, o);
    }
}

void exchange_group_filled(struct exchange *e, struct exchange_order *o, struct qty qty, int64_t at)
{
    bool whole = o->status == ORDER_FILLED;
    if (o->leg_count > 0 && o->order_class != CLASS_OCO) {
        if (whole)
            activate(e, o, at);
        return;
    }
    struct exchange_order *other = sibling(e, o);
    if (other == NULL || order_status_terminal(other->status))
        return;
    other->qty.nanos -= qty.nanos;
    if (whole || other->qty.nanos <= 0) {
        other->qty.nanos += qty.nanos;
        exchange_order_end(e, other, ORDER_CANCELED, at);
    }
}

void exchange_group_triggered(struct exchange *e, struct exchange_order *o, int64_t at)
{
    struct exchange_order *other = sibling(e, o);
    o->watching = false;
    o->alone = true;
    if (other != NULL && !order_status_terminal(other->status)) {
        other->alone = true;
        exchange_order_end(e, other, ORDER_CANCELED, at);
    }
    exchange_reserve(e, o);
    exchange_order_becomes_new(e, o, at);
}

static void end_member(struct exchange *e, struct exchange_order *o, enum order_status status, int64_t at)
{
    if (o != NULL && !order_status_terminal(o->status))
        exchange_order_end(e, o, status, at);
}

void exchange_group_ended(struct exchange *e, struct exchange_order *o, enum order_status status, int64_t at)
{
    struct exchange_order *parent = exchange_order_numbered(e, o->parent), *head = parent != NULL ? parent : o;
    if (o->alone)
        return;
    if (head != o)
        end_member(e, head, status, at);
    for (size_t i = 0; i < head->leg_count; i++)
        end_member(e, exchange_order_numbered(e, head->legs[i]), status, at);
}

void exchange_group_replaced(struct exchange *e, struct exchange_order *old, struct exchange_order *o)
{
    struct exchange_order *parent = exchange_order_numbered(e, old->parent);
    o->parent = old->parent;
    o->watching = old->watching;
    o->alone = old->alone;
    for (size_t i = 0; parent != NULL && i < parent->leg_count; i++)
        if (parent->legs[i] == old->number)
            parent->legs[i] = o->number;
    for (size_t i = 0; i < old->leg_count; i++) {
        exchange_order_numbered(e, old->legs[i])->parent = o->number;
        o->legs[o->leg_count++] = old->legs[i];
    }
    old->leg_count = 0;
}
