// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Reads that run ahead of an order's own news: positions and cash have its fill, the order is still known as open. What
// open orders explain stays counted as open, not as open and held both, until the fill is heard of, nothing open
// explains it any more, or reads have said it for ten seconds.
#include "daemon/exposure_internal.h"

static bool lasts(int64_t *since_boot_ns, int64_t asked_boot_ns)
{
    if (!*since_boot_ns)
        *since_boot_ns = asked_boot_ns;
    return asked_boot_ns - *since_boot_ns > READS_LAG_NS;
}

// Could open orders have changed the position by so much?
static bool explained(const struct symbol *s, struct qty change)
{
    struct qty sold;
    struct money value;
    struct price price;
    int64_t wall, boot;
    if (change.nanos < 0)
        return change.nanos > INT64_MIN && symbol_being_sold(s, &sold) && -change.nanos <= sold.nanos;
    if (s->open_buy.nanos > 0)
        return change.nanos <= s->open_buy.nanos;
    return symbol_price(s, &price, &wall, &boot) && notional_up(price, change, &value) && // of buys in dollars
           value.nanos <= s->open_buy_value.nanos;
}

bool ahead_position(struct symbol *s, struct qty read, int64_t asked_boot_ns)
{
    struct qty all, change;
    bool fits = qty_add(s->held, s->bought, &all) && qty_sub(read, all, &change);
    if (!fits || change.nanos == 0 || !explained(s, change) || lasts(&s->ahead_boot_ns, asked_boot_ns)) {
        s->ahead = (struct qty){0};
        s->ahead_boot_ns = 0;
        return false;
    }
    s->ahead = change;
    return true;
}

int64_t ahead_filled(struct symbol *s, bool buy, int64_t change)
{
    int64_t ahead = buy ? s->ahead.nanos : -s->ahead.nanos, told = 0;
    if (ahead > 0)
        told = ahead < change ? ahead : change;
    s->ahead.nanos -= buy ? told : -told;
    if (s->ahead.nanos == 0)
        s->ahead_boot_ns = 0;
    return told;
}

bool ahead_settle(struct symbol *s)
{
    if (s->ahead.nanos == 0 || explained(s, s->ahead))
        return true;
    bool fits = qty_add(s->held, s->ahead, &s->held);
    s->ahead = (struct qty){0};
    s->ahead_boot_ns = 0;
    return fits;
}

bool ahead_view(const struct exposure *e, const struct symbol *s, struct risk_view *v)
{
    struct money more = {0};
    if (e->cash_spent.nanos < -v->open_buys.nanos)
        v->cash.nanos += e->cash_spent.nanos + v->open_buys.nanos;
    if (s->ahead.nanos == 0)
        return true;
    if (!qty_add(v->held, s->ahead, &v->held))
        return false;
    if (s->ahead.nanos < 0) // what was sold counts as held still: too much, never too little
        return true;
    return v->price_known && notional_up(v->price, s->ahead, &more) && money_add(v->gross, more, &v->gross) &&
           money_add(v->net_long, more, &v->net_long);
}

struct money ahead_cash(struct exposure *e, struct money read, int64_t asked_boot_ns)
{
    struct money known, spent;
    bool fits = e->account_known && money_sub(e->account.cash, e->cash_spent, &known) && money_sub(known, read, &spent);
    if (!fits || spent.nanos <= 0 || spent.nanos > e->open_buys.nanos || lasts(&e->cash_ahead_boot_ns, asked_boot_ns)) {
        e->cash_ahead_boot_ns = 0;
        return (struct money){0};
    }
    return spent;
}

void ahead_cash_settle(struct exposure *e)
{
    if (e->cash_spent.nanos < -e->open_buys.nanos)
        e->cash_spent.nanos = -e->open_buys.nanos;
}
