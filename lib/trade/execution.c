// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Prices of limit orders are made on integers: a share of the spread from the near side, cut by the collar, then put on
// the tick (a cent from 1.00 upwards, a hundredth of that below) so that a buy pays and a sell gives no more than
// meant.
#include "lib/trade/execution.h"

#include <string.h>

#define CENT (DECIMAL_ONE / 100)
#define SUBCENT (DECIMAL_ONE / 10000)

static const char *const style_words[] = {"market", "limit-walk", "limit"};

const char *execution_style_name(enum execution_style s)
{
    return (size_t)s < ARRAY_LEN(style_words) ? style_words[s] : "?";
}

bool execution_style_parse(const char *word, enum execution_style *out)
{
    for (size_t i = 0; i < ARRAY_LEN(style_words); i++)
        if (str_equal(word, style_words[i])) {
            *out = (enum execution_style)i;
            return true;
        }
    return false;
}

int execution_steps_parse(char *const *words, size_t count, struct execution_rules *out, struct err *err)
{
    int64_t before = -1;
    if (count == 0 || count > EXECUTION_STEPS_MAX)
        return err_set(err, "found %zu steps, expected 1 to %d, such as 0.5 0.75 0.95", count, EXECUTION_STEPS_MAX);
    for (size_t i = 0; i < count; i++) {
        int64_t share;
        if (decimal_parse(words[i], strlen(words[i]), DECIMAL_EXACT, &share) != DECIMAL_OK || share < 0 ||
            share > DECIMAL_ONE || share <= before)
            return err_set(err, "found \"%.40s\", expected shares of the spread from 0 to 1, each above the one before",
                           words[i]);
        before = out->steps[i].nanos = share;
    }
    out->step_count = count;
    return 0;
}

static int64_t on_tick(int64_t nanos, enum order_side side)
{
    int64_t tick = nanos >= DECIMAL_ONE ? CENT : SUBCENT;
    int64_t down = nanos - nanos % tick;
    if (side == ORDER_SELL && down != nanos)
        down += tick;
    return down > 0 ? down : tick;
}

// The limit `share` of the way from the near to the far side, never beyond the collar.
static bool limit_price(const struct execution_rules *rules, struct ratio share, enum order_side side, struct price bid,
                        struct price ask, struct price decision, struct price *out)
{
    int64_t part, room, price, edge;
    if (!decimal_mul_down(ask.nanos - bid.nanos, share.nanos, &part) ||
        !decimal_mul_down(decision.nanos, rules->collar.nanos, &room))
        return false;
    if (side == ORDER_BUY) {
        price = bid.nanos + part;
        if (!decimal_add(decision.nanos, room, &edge))
            return false;
        price = price > edge ? edge : price;
    } else {
        price = ask.nanos - part;
        edge = decision.nanos - room;
        price = price < edge ? edge : price;
    }
    out->nanos = on_tick(price, side);
    return true;
}

bool execution_try(enum execution_style style, const struct execution_rules *rules, int try_no, enum order_side side,
                   struct price bid, struct price ask, struct price decision, struct execution_try *out)
{
    size_t limits = style == EXECUTION_WALK ? rules->step_count : style == EXECUTION_LIMIT ? 1 : 0;
    size_t at = (size_t)try_no - 1;
    struct execution_try t = {.type = ORDER_MARKET};
    if (try_no < 1 || at > limits || (style == EXECUTION_LIMIT && at == limits))
        return false;
    if (bid.nanos <= 0 || ask.nanos <= 0 || bid.nanos > ask.nanos)
        bid = ask = decision;
    if (at < limits) {
        const struct ratio share = style == EXECUTION_WALK ? rules->steps[at] : (struct ratio){DECIMAL_ONE};
        t.type = ORDER_LIMIT;
        t.timed = style == EXECUTION_WALK;
        if (decision.nanos <= 0 || !limit_price(rules, share, side, bid, ask, decision, &t.limit))
            return false;
    }
    *out = t;
    return true;
}
