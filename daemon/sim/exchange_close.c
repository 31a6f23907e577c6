// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Closing a position: a market order for what is there, or a part of it, under the rules of any other order.
#include <stdlib.h>

#include "daemon/sim/exchange_internal.h"

int exchange_close(struct exchange *e, const struct market_symbol *s, const struct qty *qty, int64_t now,
                   const struct exchange_order **out, struct exchange_refusal *why)
{
    exchange_advance(e, now);
    const struct exchange_position *p = exchange_position_find(e, s);
    if (p == NULL)
        return exchange_refuse(why, 404, 40410000, "position does not exist");
    struct exchange_request r = {.has_type = true,
                                 .has_tif = true,
                                 .has_qty = true,
                                 .side = p->qty.nanos > 0 ? ORDER_SELL : ORDER_BUY,
                                 .type = ORDER_MARKET,
                                 .tif = TIF_DAY,
                                 .qty = {qty != NULL ? qty->nanos : llabs(p->qty.nanos)}};
    str_copy_cut(r.symbol, sizeof r.symbol, market_symbol_name(s));
    return exchange_submit(e, &r, now, out, why);
}
