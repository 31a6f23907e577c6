// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Matching: when an order may fill, how much of it, at what price, and what that does to reservations, cash and
// position.
#include <stdio.h>
#include <stdlib.h>

#include "daemon/sim/exchange_internal.h"

#define PRICE_STEP INT64_C(100000) // fills of fractional orders may have four decimals

int64_t exchange_delay(const struct exchange *e, const struct exchange_order *o)
{
    int64_t mean = e->params.fill_delay_ns;
    if (mean <= 0)
        return 0;
    return mean / 2 + draw_below(draw3(e->params.seed, DRAW_DELAY, o->number, o->attempts), mean);
}

static struct money notional_left(const struct exchange_order *o)
{
    int64_t left = o->notional.nanos - o->filled_value.nanos;
    return (struct money){left > 0 ? left : 0};
}

// What is left of it in shares at a price: exact, or for a notional order as many as its money buys.
struct qty exchange_qty_left(const struct exchange_order *o, struct price price)
{
    struct qty left = {o->qty.nanos - o->carried.nanos - o->filled_qty.nanos};
    if (o->is_notional && !qty_for_notional_down(notional_left(o), price, &left))
        left.nanos = 0;
    return left;
}

int64_t exchange_closable(const struct exchange_position *p, const struct exchange_order *o)
{
    int64_t there = o->side == ORDER_SELL ? p->qty.nanos : -p->qty.nanos, others = p->held.nanos - o->held.nanos;
    return there > others ? there - others : 0;
}

void exchange_release(struct exchange *e, struct exchange_order *o)
{
    e->reserved.nanos -= o->reserved.nanos;
    exchange_position_of(e, o->symbol)->held.nanos -= o->held.nanos;
    o->reserved.nanos = o->held.nanos = 0;
}

void exchange_reserve(struct exchange *e, struct exchange_order *o)
{
    struct exchange_position *p = exchange_position_of(e, o->symbol);
    struct qty left = exchange_qty_left(o, o->reserve_price);
    if (o->closing) {
        int64_t available = exchange_closable(p, o);
        o->held.nanos = left.nanos < available ? left.nanos : available;
        p->held.nanos += o->held.nanos;
        return;
    }
    if (o->is_notional)
        o->reserved = notional_left(o);
    else
        CHECK(notional_up(o->reserve_price, left, &o->reserved)); // fitted when the order was accepted
    e->reserved.nanos += o->reserved.nanos;
}

static int64_t part_of(uint64_t draw, int64_t whole, int64_t step)
{
    int64_t steps = whole / step; // at least two: a part is neither nothing nor all
    return steps < 2 ? whole : (1 + draw_below(draw, steps - 1)) * step;
}

// Shares of this fill; *partial when the draw makes it one.
static struct qty fill_qty(const struct exchange *e, const struct exchange_order *o, struct price price, bool *partial)
{
    uint64_t seed = e->params.seed;
    struct qty left = exchange_qty_left(o, price), qty = left;
    const struct exchange_position *p = &e->positions[market_symbol_index(o->symbol)];
    if (o->closing && qty.nanos > exchange_closable(p, o))
        qty.nanos = exchange_closable(p, o);
    *partial = o->tif != TIF_FOK &&
               draw_below(draw3(seed, DRAW_PARTIAL, o->number, o->attempts), 1000000) < e->params.partial_ppm;
    if (!*partial)
        return qty;
    uint64_t draw = draw3(seed, DRAW_PART, o->number, o->attempts);
    struct qty part = {part_of(draw, qty.nanos, o->fractional ? 1 : SHARE)};
    *partial = part.nanos < qty.nanos;
    return part;
}

// Whole-share orders fill at the quote; fractional market orders up to half a spread better, with four decimals.
static struct price fill_price(const struct exchange *e, const struct exchange_order *o, const struct market_quote *q)
{
    struct price price = o->side == ORDER_BUY ? q->ask : q->bid;
    int64_t steps = (q->ask.nanos - q->bid.nanos) / 2 / PRICE_STEP;
    if (!o->fractional || o->type != ORDER_MARKET || steps < 1)
        return price;
    int64_t better = draw_below(draw3(e->params.seed, DRAW_PRICE, o->number, o->attempts), steps) * PRICE_STEP;
    return (struct price){o->side == ORDER_BUY ? price.nanos - better : price.nanos + better};
}

static int64_t to_cent(int64_t nanos)
{
    return (nanos + CENT_NANOS / 2) / CENT_NANOS * CENT_NANOS;
}

// "yyyymmddhhmmssmmm" in New York, "::" and a UUID.
static void fill_id(const struct exchange *e, struct exchange_fill *f)
{
    char uuid[DRAW_UUID_MAX];
    draw_uuid(e->params.seed ^ e->params.id_salt, DRAW_FILL_ID, e->fill_count, uuid);
    struct day d = day_of(f->at);
    int s = seconds_of_day(f->at), ms = (int)(f->at / NS_PER_MS % 1000);
    snprintf(f->id, sizeof f->id, "%04d%02d%02d%02d%02d%02d%03d::%s", d.year, d.month, d.mday, s / 3600, s / 60 % 60,
             s % 60, ms, uuid);
}

static struct exchange_fill *fill_add(struct exchange *e)
{
    if (e->fill_count == e->fill_cap) {
        e->fill_cap = e->fill_cap == 0 ? 256 : e->fill_cap * 2;
        e->fills = check_realloc(e->fills, e->fill_cap * sizeof *e->fills);
    }
    struct exchange_fill *f = &e->fills[e->fill_count++];
    *f = (struct exchange_fill){0};
    return f;
}

// An order that was to open a position closed another: what those that close it hold is shared out anew.
static void hold_again(struct exchange *e, const struct market_symbol *s)
{
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < e->order_count; i++) {
            struct exchange_order *o = e->orders[i];
            if (o->symbol != s || !o->closing || order_status_terminal(o->status) || o->status == ORDER_HELD)
                continue;
            if (pass == 0)
                exchange_release(e, o);
            else
                exchange_reserve(e, o);
        }
}

static void fill_apply(struct exchange *e, struct exchange_order *o, struct qty qty, struct price price, bool partial,
                       int64_t at)
{
    struct money value;
    CHECK(notional_nearest(price, qty, &value));
    exchange_release(e, o);
    o->filled_qty.nanos += qty.nanos;
    o->filled_value.nanos += value.nanos;
    CHECK(decimal_div_nearest(o->filled_value.nanos, o->filled_qty.nanos, &o->filled_avg_price.nanos));
    if (!partial || o->status != ORDER_PENDING_REPLACE)
        o->status = partial ? ORDER_PARTIALLY_FILLED : ORDER_FILLED;
    o->filled_at = o->updated_at = at;
    o->attempts++;
    int64_t cents = to_cent(value.nanos);
    struct exchange_fill *f = fill_add(e);
    f->order = o->number;
    f->partial = partial;
    f->order_status = partial ? ORDER_PARTIALLY_FILLED : ORDER_FILLED;
    f->qty = qty;
    f->cum_qty = o->filled_qty;
    f->leaves_qty = partial ? exchange_qty_left(o, price) : (struct qty){0};
    f->price = price;
    f->cash.nanos = o->side == ORDER_BUY ? -cents : cents;
    f->at = at;
    fill_id(e, f);
    map_put(e->fills_by_id, f->id, (void *)(uintptr_t)e->fill_count); // NOLINT(performance-no-int-to-ptr)
    e->cash.nanos += f->cash.nanos;
    exchange_fee_note(e, f);
    int64_t before = exchange_position_of(e, o->symbol)->qty.nanos;
    exchange_position_apply(exchange_position_of(e, o->symbol), o->side, qty, price);
    f->position_qty = exchange_position_of(e, o->symbol)->qty;
    if (!o->closing && (before > 0) == (o->side == ORDER_SELL) && before != 0)
        hold_again(e, o->symbol);
    if (partial)
        exchange_reserve(e, o);
    else
        list_remove(&o->book);
    exchange_event_emit(e, partial ? "partial_fill" : "fill", o, f, at);
    exchange_group_filled(e, o, qty, at);
}

static enum order_side other_side(enum order_side side)
{
    return side == ORDER_BUY ? ORDER_SELL : ORDER_BUY;
}

// Cash and position as if it had not been, or had been at the other price.
static void undo(struct exchange *e, const struct exchange_order *o, const struct exchange_fill *f,
                 const struct price *corrected, struct exchange_fill *told)
{
    struct exchange_position *p = exchange_position_of(e, o->symbol);
    struct money value = {0};
    exchange_position_apply(p, other_side(o->side), f->qty, f->price);
    if (corrected != NULL) {
        CHECK(notional_nearest(*corrected, f->qty, &value)); // fitted when it was asked for
        exchange_position_apply(p, o->side, f->qty, *corrected);
        told->price = *corrected;
    }
    int64_t cents = to_cent(value.nanos);
    e->cash.nanos += (o->side == ORDER_BUY ? -cents : cents) - f->cash.nanos;
    told->position_qty = p->qty;
    hold_again(e, o->symbol);
}

int exchange_bust(struct exchange *e, const char *fill_id, const struct price *corrected, int64_t now, struct err *err)
{
    struct money value;
    exchange_advance(e, now);
    size_t i = exchange_fill_find(e, fill_id);
    if (i == e->fill_count)
        return err_set(err, "there is no fill %.72s", fill_id);
    struct exchange_fill *f = &e->fills[i], told = *f;
    if (f->busted)
        return err_set(err, "fill %.72s was taken back or corrected before", fill_id);
    if (corrected != NULL && (corrected->nanos <= 0 || !notional_nearest(*corrected, f->qty, &value)))
        return err_set(err, "the price is not one that it can have");
    struct exchange_order *o = exchange_order_numbered(e, f->order);
    f->busted = true;
    told.id[0] = '\0'; // another execution
    undo(e, o, f, corrected, &told);
    exchange_event_emit(e, corrected != NULL ? "trade_correct" : "trade_bust", o, &told, now);
    return 0;
}

// The worst price that it may fill at; 0 is any.
static struct price bound_of(const struct exchange_order *o)
{
    return o->type == ORDER_STOP ? exchange_stop_cap(o->side, o->stop_price) : o->limit_price;
}

static bool marketable(const struct exchange_order *o, const struct market_quote *q)
{
    struct price bound = bound_of(o);
    if (bound.nanos == 0)
        return true;
    return o->side == ORDER_BUY ? bound.nanos >= q->ask.nanos : bound.nanos <= q->bid.nanos;
}

static bool only_now(const struct exchange_order *o)
{
    return o->tif == TIF_IOC || o->tif == TIF_FOK;
}

// Nothing to do yet.
static void rest(struct exchange *e, struct exchange_order *o, int64_t at)
{
    if (only_now(o)) {
        exchange_order_end(e, o, ORDER_CANCELED, at);
        return;
    }
    if (o->status == ORDER_PENDING_NEW) {
        o->status = ORDER_NEW;
        o->updated_at = at;
        exchange_event_emit(e, "new", o, NULL, at);
    }
    o->next_at = EXCHANGE_NEVER;
    if (o->match_at == 0) // an auction comes once
        exchange_rest(e, o, bound_of(o), at);
}

static void fill(struct exchange *e, struct exchange_order *o, const struct market_quote *q, int64_t at)
{
    struct price price = fill_price(e, o, q);
    bool partial;
    struct qty qty = fill_qty(e, o, price, &partial);
    if (qty.nanos <= 0 && o->is_notional && o->filled_qty.nanos > 0) {
        o->status = ORDER_FILLED; // the rest of it is worth less than a billionth of a share
        o->updated_at = at;
        exchange_release(e, o);
        list_remove(&o->book);
        return;
    }
    if (qty.nanos <= 0) { // the position that it was to close is gone
        exchange_order_end(e, o, ORDER_CANCELED, at);
        return;
    }
    bool gone = !partial && qty.nanos < exchange_qty_left(o, price).nanos; // there is no more to close
    fill_apply(e, o, qty, price, partial || gone, at);
    o->next_at = at + exchange_delay(e, o);
    if (o->next_at <= at && partial)
        o->next_at = at + 1; // without a delay: the rest in the next nanosecond, not for ever in this one
    if (gone || (partial && only_now(o)))
        exchange_order_end(e, o, ORDER_CANCELED, at);
    if (o->match_at != 0)
        o->next_at = EXCHANGE_NEVER;
}

void exchange_look(struct exchange *e, struct exchange_order *o, int64_t at)
{
    int64_t from = exchange_match_from(e, o, at);
    if (from > at) {
        o->next_at = from;
        return;
    }
    struct market_quote q;
    market_quote(e->params.market, o->symbol, at, &q);
    bool halted = e->marks[market_symbol_index(o->symbol)].halted || market_halted(e->params.market, at);
    const bool triggered = !halted && exchange_stop_triggered(o, q.last);
    if (triggered && o->status == ORDER_HELD)
        exchange_group_triggered(e, o, at);
    else if (triggered && marketable(o, &q))
        fill(e, o, &q, at);
    else
        rest(e, o, at);
}
