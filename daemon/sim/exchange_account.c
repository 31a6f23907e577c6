// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Positions and the account's sums.
#include <stdlib.h>

#include "daemon/sim/exchange_internal.h"

#define MAINTENANCE_PERCENT 30
#define INITIAL_PERCENT 50
#define VALUE_MAX (INT64_MAX / 64)

// part / whole of a cost, to nearest.
static int64_t share_of(int64_t cost, int64_t part, int64_t whole)
{
    __int128 product = (__int128)cost * part, half = whole / 2;
    return (int64_t)((product + (product < 0 ? -half : half)) / whole);
}

static void position_grow(struct exchange_position *p, int64_t change, struct price price)
{
    struct money value;
    CHECK(notional_nearest(price, (struct qty){change}, &value));
    p->cost.nanos += value.nanos;
    p->day_cost.nanos += value.nanos;
    p->qty.nanos += change;
}

void exchange_position_apply(struct exchange_position *p, enum order_side side, struct qty qty, struct price price)
{
    int64_t change = side == ORDER_BUY ? qty.nanos : -qty.nanos, open = llabs(p->qty.nanos);
    if (open == 0 || (p->qty.nanos > 0) == (change > 0)) {
        position_grow(p, change, price);
        return;
    }
    int64_t closed = qty.nanos < open ? qty.nanos : open, rest = qty.nanos - closed;
    p->cost.nanos -= share_of(p->cost.nanos, closed, open);
    p->day_cost.nanos -= share_of(p->day_cost.nanos, closed, open);
    p->qty.nanos += change > 0 ? closed : -closed;
    if (rest > 0) // two opening orders that did not cross when they came can still meet in one position
        position_grow(p, change > 0 ? rest : -rest, price);
}

static int64_t value_at(struct exchange *e, const struct exchange_position *p, int64_t at)
{
    struct market_quote q;
    struct money value;
    market_quote(e->params.market, p->symbol, at, &q);
    if (!notional_nearest(q.last, p->qty, &value)) // only by a price that an operator fixed
        value.nanos = p->qty.nanos > 0 ? VALUE_MAX : -VALUE_MAX;
    return value.nanos;
}

int exchange_multiplier(const struct exchange *e)
{
    int most = e->settings.max_multiplier;
    return most < e->params.multiplier ? most : e->params.multiplier;
}

// Without the longs, which only add to equity and buying power: their least, for the price of a look at each position.
static struct exchange_account account_at(struct exchange *e, int64_t now, bool longs)
{
    struct exchange_account a = {.cash = e->cash,
                                 .last_equity = e->last_equity,
                                 .reserved = e->reserved,
                                 .last_maintenance_margin = e->last_maintenance};
    size_t count = market_symbol_count(e->params.market);
    for (size_t i = 0; i < count; i++) {
        const struct exchange_position *p = &e->positions[i];
        if (longs && p->qty.nanos > 0)
            a.long_value.nanos += value_at(e, p, now);
        else if (p->qty.nanos < 0)
            a.short_value.nanos += value_at(e, p, now);
    }
    int64_t gross = a.long_value.nanos - a.short_value.nanos;
    a.equity.nanos = a.cash.nanos + a.long_value.nanos + a.short_value.nanos;
    a.initial_margin.nanos = gross * INITIAL_PERCENT / 100;
    a.maintenance_margin.nanos = gross / 100 * MAINTENANCE_PERCENT;
    int64_t cash_left = a.cash.nanos - a.reserved.nanos;
    a.non_marginable_buying_power.nanos = cash_left > 0 ? cash_left : 0;
    int multiplier = exchange_multiplier(e);
    int64_t leveraged = multiplier * a.equity.nanos - gross - a.reserved.nanos;
    int64_t regt = 2 * a.equity.nanos - gross - a.reserved.nanos;
    a.buying_power.nanos = multiplier == 1 ? cash_left : leveraged;
    a.regt_buying_power.nanos = multiplier == 1 ? cash_left : regt;
    if (a.buying_power.nanos < 0)
        a.buying_power.nanos = 0;
    if (a.regt_buying_power.nanos < 0)
        a.regt_buying_power.nanos = 0;
    return a;
}

struct exchange_account exchange_account_at(struct exchange *e, int64_t now)
{
    return account_at(e, now, true);
}

struct money exchange_buying_power_least(struct exchange *e, int64_t now)
{
    return account_at(e, now, false).buying_power;
}

void exchange_session_roll(struct exchange *e)
{
    int64_t at = e->close_at - 1; // the last instant of the session
    struct exchange_account a = exchange_account_at(e, at);
    e->last_equity = a.equity;
    e->last_maintenance = a.maintenance_margin;
    size_t count = market_symbol_count(e->params.market);
    for (size_t i = 0; i < count; i++)
        if (e->positions[i].qty.nanos != 0)
            e->positions[i].day_cost.nanos = value_at(e, &e->positions[i], at);
    struct market_session next;
    market_session_at(e->params.market, e->close_at, &next);
    e->close_at = next.close_ns;
}
