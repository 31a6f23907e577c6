// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Replacing an order: the checks of a new one with the changed members, then two orders for a moment. The old one is
// pending_replace and may still fill; the new one takes its place when it is acknowledged, or is rejected when nothing
// is left by then.
#include "daemon/sim/exchange_internal.h"

#define ACK_NS (10 * NS_PER_MS)

static int check_state(const struct exchange_order *o, struct exchange_refusal *why)
{
    if (o->is_notional)
        return exchange_refuse(why, 422, UNPROCESSABLE, "notional orders cannot be replaced");
    if (o->status == ORDER_ACCEPTED || o->status == ORDER_PENDING_NEW)
        return exchange_refuse(why, 422, BAD_REQUEST, "unable to replace order, order isn't sent to exchange yet");
    if (order_status_terminal(o->status) || o->status == ORDER_PENDING_REPLACE || o->cancel_at != EXCHANGE_NEVER)
        return exchange_refuse(why, 422, UNPROCESSABLE, "unable to replace order, order is not open");
    return 0;
}

static int check_qty(const struct exchange_order *o, const struct exchange_change *c, struct exchange_refusal *why)
{
    if (!c->has_qty || c->qty.nanos == o->qty.nanos)
        return 0;
    if (c->qty.nanos <= 0)
        return exchange_refuse(why, 422, BAD_REQUEST, "qty must be > 0");
    if (c->qty.nanos % SHARE != 0)
        return exchange_refuse(why, 422, BAD_REQUEST, "qty must be integer");
    if (o->fractional)
        return exchange_refuse(why, 422, UNPROCESSABLE, "qty of fractional orders cannot be changed");
    if (o->order_class != CLASS_SIMPLE)
        return exchange_refuse(why, 422, UNPROCESSABLE, "qty of %s orders cannot be changed",
                               exchange_class_name(o->order_class));
    if (c->qty.nanos <= o->carried.nanos + o->filled_qty.nanos)
        return exchange_refuse(why, 422, UNPROCESSABLE, "unable to replace order, qty must be > filled_qty");
    return 0;
}

static struct exchange_price price_of(struct price p)
{
    return (struct exchange_price){p.nanos != 0, p};
}

// The request that would make this very order.
static struct exchange_request request_of(const struct exchange_order *o)
{
    struct exchange_request r = {.has_type = true,
                                 .has_tif = true,
                                 .has_qty = true,
                                 .has_trail_percent = o->trail_percent.nanos != 0,
                                 .extended_hours = o->extended_hours,
                                 .side = o->side,
                                 .type = o->type,
                                 .tif = o->tif,
                                 .qty = o->qty,
                                 .limit = price_of(o->limit_price),
                                 .trail_price = price_of(o->trail_price),
                                 .trail_percent = o->trail_percent};
    str_copy_cut(r.symbol, sizeof r.symbol, market_symbol_name(o->symbol));
    if (o->type != ORDER_TRAILING_STOP)
        r.stop = price_of(o->stop_price);
    return r;
}

// Applies what was sent; true when anything became different.
static bool apply(struct exchange_request *r, const struct exchange_order *o, const struct exchange_change *c)
{
    bool changed = false;
    if (c->has_qty) {
        changed |= r->qty.nanos != c->qty.nanos;
        r->qty = c->qty;
    }
    if (c->has_tif) {
        changed |= r->tif != c->tif;
        r->tif = c->tif;
    }
    if (c->limit.given) {
        changed |= r->limit.price.nanos != c->limit.price.nanos || !r->limit.given;
        r->limit = c->limit;
    }
    if (c->stop.given) {
        changed |= r->stop.price.nanos != c->stop.price.nanos || !r->stop.given;
        r->stop = c->stop;
    }
    if (c->has_trail && o->type == ORDER_TRAILING_STOP) {
        int64_t *trail = r->has_trail_percent ? &r->trail_percent.nanos : &r->trail_price.price.nanos;
        changed |= *trail != c->trail;
        *trail = c->trail;
    }
    str_copy_cut(r->client_order_id, sizeof r->client_order_id, c->client_order_id);
    return changed;
}

// An exit must stay on its side of the other one.
static int check_group(struct exchange *e, const struct exchange_order *o, const struct exchange_request *r,
                       struct exchange_refusal *why)
{
    const struct exchange_order *profit = NULL, *loss = NULL, *parent = exchange_order_numbered(e, o->parent);
    const struct exchange_order *head = parent != NULL ? parent : o;
    if (head->order_class == CLASS_OCO)
        profit = head;
    for (size_t i = 0; i < head->leg_count; i++) {
        const struct exchange_order *leg = exchange_order_numbered(e, head->legs[i]);
        *(leg->leg == LEG_TAKE_PROFIT ? &profit : &loss) = leg;
    }
    if (profit == NULL || loss == NULL || (o != profit && o != loss))
        return 0;
    int64_t gap = (o == profit ? r->limit.price.nanos : profit->limit_price.nanos) -
                  (o == loss ? r->stop.price.nanos : loss->stop_price.nanos);
    if (loss->side == ORDER_SELL ? gap > 0 : gap < 0)
        return 0;
    return exchange_refuse(why, 422, UNPROCESSABLE, "take_profit.limit_price must be %s stop_loss.stop_price",
                           loss->side == ORDER_SELL ? ">" : "<");
}

// As a new order, while what the old one holds is free.
static int check_again(struct exchange *e, struct exchange_order *o, struct exchange_submission *s,
                       struct exchange_refusal *why)
{
    exchange_release(e, o);
    int result = exchange_check_request(e, s, why);
    if (result == 0 && o->status != ORDER_HELD) // a held leg holds nothing and costs nothing
        result = exchange_check_account(e, s, why);
    if (o->status != ORDER_HELD)
        exchange_reserve(e, o);
    return result;
}

// While both are there, the larger of the two is reserved.
static void reserve_more(struct exchange *e, const struct exchange_order *old, struct exchange_order *o)
{
    struct exchange_position *p = exchange_position_of(e, o->symbol);
    struct qty left = exchange_qty_left(o, o->reserve_price);
    struct money cost;
    if (o->closing) {
        int64_t more = left.nanos > old->held.nanos ? left.nanos - old->held.nanos : 0;
        o->held.nanos = more < exchange_closable(p, o) ? more : exchange_closable(p, o);
        p->held.nanos += o->held.nanos;
        return;
    }
    CHECK(notional_up(o->reserve_price, left, &cost)); // fitted when it was checked
    o->reserved.nanos = cost.nanos > old->reserved.nanos ? cost.nanos - old->reserved.nanos : 0;
    e->reserved.nanos += o->reserved.nanos;
}

static struct exchange_order *replacement(struct exchange *e, struct exchange_order *old,
                                          const struct exchange_submission *s, int64_t now)
{
    struct exchange_order *o = exchange_order_create(e, s, now);
    o->order_class = old->order_class;
    o->leg = old->leg;
    if (old->leg != LEG_NONE) { // an exit remains one
        o->position_intent = old->position_intent;
        o->closing = old->closing;
    }
    o->parent = old->parent; // for readers; its group has it once it took the place
    o->replaces = old->number;
    o->replacing = true;
    o->carried.nanos = old->carried.nanos + old->filled_qty.nanos;
    o->status = ORDER_PENDING_NEW;
    o->next_at = o->created_at + (e->params.fill_delay_ns < ACK_NS ? e->params.fill_delay_ns : ACK_NS);
    if (old->status != ORDER_HELD)
        reserve_more(e, old, o);
    return o;
}

int exchange_replace(struct exchange *e, const char *id, const struct exchange_change *change, int64_t now,
                     const struct exchange_order **out, struct exchange_refusal *why)
{
    exchange_advance(e, now);
    struct exchange_order *old = map_get(e->by_id, id);
    if (old == NULL)
        return exchange_refuse(why, 404, 40410000, "order not found for %.64s", id);
    if (e->settings.suspend_trade)
        return exchange_refuse(why, 403, FORBIDDEN, "new orders are rejected by user request");
    if (check_state(old, why) != 0 || check_qty(old, change, why) != 0)
        return -1;
    struct exchange_request r = request_of(old);
    if (!apply(&r, old, change))
        return exchange_refuse(why, 403, FORBIDDEN, "order parameters are not changed");
    struct exchange_submission s = {.r = &r, .fractional = old->fractional, .replaced = old};
    if ((r.tif != old->tif && exchange_check_window(e, r.tif, now, why) != 0) || check_again(e, old, &s, why) != 0 ||
        check_group(e, old, &r, why) != 0)
        return -1;
    struct exchange_order *o = replacement(e, old, &s, now);
    if (old->status != ORDER_HELD) {
        old->status = ORDER_PENDING_REPLACE;
        old->updated_at = o->created_at;
    }
    exchange_order_schedule(e, o);
    exchange_event_emit(e, "pending_new", o, NULL, o->created_at);
    exchange_advance(e, now);
    *out = o;
    return 0;
}

void exchange_replace_commit(struct exchange *e, struct exchange_order *o, int64_t at)
{
    struct exchange_order *old = exchange_order_numbered(e, o->replaces);
    bool held = old->status == ORDER_HELD;
    o->replacing = false;
    if (o->order_class != CLASS_SIMPLE)
        o->qty = old->qty; // the other exit may have been filled in part
    struct qty before = {old->carried.nanos + old->filled_qty.nanos};
    if (order_status_terminal(old->status) || o->qty.nanos <= before.nanos) {
        o->alone = true; // its group lives on or ended with the old one
        if (old->status == ORDER_PENDING_REPLACE)
            old->status = old->filled_qty.nanos > 0 ? ORDER_PARTIALLY_FILLED : ORDER_NEW;
        exchange_order_end(e, o, ORDER_REJECTED, at);
        return;
    }
    exchange_release(e, o);
    o->carried = before;
    o->triggered = old->triggered;
    old->replaced_by = o->number;
    exchange_group_replaced(e, old, o);
    exchange_order_end(e, old, ORDER_REPLACED, at);
    exchange_book_add(e, o);
    if (held) {
        o->status = ORDER_HELD;
        o->next_at = o->watching ? at + exchange_delay(e, o) : EXCHANGE_NEVER;
        exchange_event_emit(e, "held", o, NULL, at);
        return;
    }
    exchange_reserve(e, o);
    exchange_order_becomes_new(e, o, at);
}
