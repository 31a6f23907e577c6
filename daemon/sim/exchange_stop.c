// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Stop prices: when one is reached, how a trailing one follows, how far a triggered stop may fill.
#include "daemon/sim/exchange_internal.h"

#define CHEAP (50 * DECIMAL_ONE)

struct price exchange_stop_cap(enum order_side side, struct price stop)
{
    if (side == ORDER_SELL)
        return (struct price){0};
    int64_t per_mille = stop.nanos < CHEAP ? 40 : 25;
    return (struct price){stop.nanos + stop.nanos / 1000 * per_mille};
}

// The stop price that belongs to the best price so far, in whole cents, in hundredths of a cent below a dollar.
static void trail_follow(struct exchange_order *o)
{
    int64_t distance = o->trail_price.nanos;
    if (o->trail_percent.nanos != 0)
        CHECK(decimal_mul_nearest(o->hwm.nanos / 100, o->trail_percent.nanos, &distance));
    int64_t stop = o->side == ORDER_SELL ? o->hwm.nanos - distance : o->hwm.nanos + distance;
    int64_t step = stop >= DECIMAL_ONE ? CENT_NANOS : CENT_NANOS / 100;
    o->stop_price.nanos = stop > step ? (stop + step / 2) / step * step : step;
}

void exchange_trail_start(struct exchange_order *o, struct price last)
{
    o->hwm = last;
    trail_follow(o);
}

bool exchange_stop_triggered(struct exchange_order *o, struct price last)
{
    if (o->stop_price.nanos == 0 || o->triggered)
        return true;
    if (o->type == ORDER_TRAILING_STOP &&
        (o->side == ORDER_SELL ? last.nanos > o->hwm.nanos : last.nanos < o->hwm.nanos)) {
        o->hwm = last;
        trail_follow(o);
    }
    o->triggered = o->side == ORDER_SELL ? last.nanos <= o->stop_price.nanos : last.nanos >= o->stop_price.nanos;
    return o->triggered;
}
