// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What moves cash and shares without a trade: splits and dividends overnight, regulatory fees, deposits and the like.
// Each leaves a non-trade activity.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/exchange_internal.h"

// Sales pay the regulator by proceeds and the clearing house by shares, each rounded up to a cent.
#define REG_PER_MILLION (206 * DECIMAL_ONE / 10) // 20.60 dollars
#define TAF_PER_SHARE INT64_C(195000)            // 0.000195 dollars
#define TAF_MAX (979 * CENT_NANOS)               // per trade

static struct exchange_nta *nta_add(struct exchange *e, const char *type, int64_t at, struct day date)
{
    if (e->nta_count == e->nta_cap) {
        e->nta_cap = e->nta_cap == 0 ? 64 : e->nta_cap * 2;
        e->ntas = check_realloc(e->ntas, e->nta_cap * sizeof *e->ntas);
    }
    struct exchange_nta *n = &e->ntas[e->nta_count++];
    *n = (struct exchange_nta){.type = type, .at = at, .date = date};
    char uuid[DRAW_UUID_MAX];
    draw_uuid(e->params.seed ^ e->params.id_salt, DRAW_NTA_ID, e->nta_count, uuid);
    snprintf(n->id, sizeof n->id, "%04d%02d%02d000000000::%s", date.year, date.month, date.mday, uuid);
    return n;
}

size_t exchange_nta_count(const struct exchange *e)
{
    return e->nta_count;
}

const struct exchange_nta *exchange_nta_at(const struct exchange *e, size_t i)
{
    return &e->ntas[i];
}

// Cash.

static const char *const cash_types[] = {"CSD",    "CSW",   "JNLC",   "DIV",    "DIVCGL", "DIVCGS",
                                         "DIVFEE", "DIVFT", "DIVNRA", "DIVROC", "INT",    "INTNRA",
                                         "CFEE",   "FEE",   "PTC",    "PTR",    "MISC"};

int exchange_cash_move(struct exchange *e, const char *type, const struct market_symbol *s, struct money amount,
                       int64_t now, struct err *err)
{
    size_t i = 0;
    while (i < ARRAY_LEN(cash_types) && strcmp(cash_types[i], type) != 0)
        i++;
    if (i == ARRAY_LEN(cash_types))
        return err_set(err, "type \"%.16s\": expected CSD, CSW, JNLC, DIV, INT, FEE or another that moves cash", type);
    if (amount.nanos == 0 || amount.nanos % CENT_NANOS != 0)
        return err_set(err, "amount: expected whole cents, not zero");
    if ((strcmp(type, "CSD") == 0 && amount.nanos < 0) || (strcmp(type, "CSW") == 0 && amount.nanos > 0))
        return err_set(err, "amount: a deposit is above zero, a withdrawal below");
    int64_t cash;
    if (!decimal_add(e->cash.nanos, amount.nanos, &cash))
        return err_set(err, "amount: the cash would be too much");
    exchange_advance(e, now);
    struct exchange_nta *n = nta_add(e, cash_types[i], now, day_of(now));
    n->net_amount = amount;
    n->symbol = s;
    if (s != NULL && exchange_position_of(e, s)->qty.nanos != 0) {
        n->qty = exchange_position_of(e, s)->qty;
        if (!decimal_div_nearest(amount.nanos, n->qty.nanos, &n->per_share.nanos))
            n->per_share.nanos = 0;
    }
    e->cash.nanos = cash;
    return 0;
}

// Fees.

static int64_t up_to_cent(int64_t nanos)
{
    return (nanos + CENT_NANOS - 1) / CENT_NANOS * CENT_NANOS;
}

static void charge(struct exchange *e, const char *sub_type, int64_t nanos, int64_t at)
{
    if (nanos <= 0)
        return;
    struct exchange_nta *n = nta_add(e, "FEE", at, day_of(at));
    n->sub_type = sub_type;
    n->net_amount.nanos = -up_to_cent(nanos);
    e->cash.nanos += n->net_amount.nanos;
}

static void charge_all(struct exchange *e, int64_t at)
{
    charge(e, "REG", e->fee_reg, at);
    charge(e, "TAF", e->fee_taf, at);
    e->fee_reg = e->fee_taf = 0;
}

void exchange_fee_note(struct exchange *e, const struct exchange_fill *f)
{
    int64_t taf;
    if (e->params.fees == EXCHANGE_FEES_NONE || f->cash.nanos <= 0)
        return;
    e->fee_reg += (int64_t)((__int128)f->cash.nanos * REG_PER_MILLION / (1000000 * (__int128)DECIMAL_ONE)) + 1;
    if (!decimal_mul_up(f->qty.nanos, TAF_PER_SHARE, &taf) || taf > TAF_MAX)
        taf = TAF_MAX;
    e->fee_taf += taf;
    if (e->params.fees == EXCHANGE_FEES_FILL)
        charge_all(e, f->at);
}

struct money exchange_fees_pending(const struct exchange *e)
{
    return (struct money){up_to_cent(e->fee_reg) + up_to_cent(e->fee_taf)};
}

// Splits: open orders are cancelled, the position is multiplied, what it cost stays.

static void split_orders(struct exchange *e, const struct market_symbol *s, int64_t at)
{
    for (size_t i = 0; i < e->order_count; i++)
        if (e->orders[i]->symbol == s && !order_status_terminal(e->orders[i]->status))
            exchange_order_end(e, e->orders[i], ORDER_CANCELED, at);
}

static void split_position(struct exchange *e, const struct market_action *split)
{
    struct exchange_position *p = exchange_position_of(e, split->symbol);
    __int128 product = (__int128)p->qty.nanos * split->new_rate / split->old_rate; // a billionth may be lost
    int64_t qty = (int64_t)product;
    if (p->qty.nanos == 0 || qty != product)
        return;
    char group[DRAW_UUID_MAX];
    draw_uuid(e->params.seed ^ e->params.id_salt, DRAW_NTA_GROUP, e->nta_count, group);
    const int64_t change[] = {-p->qty.nanos, qty};
    for (size_t i = 0; i < ARRAY_LEN(change); i++) {
        struct exchange_nta *n = nta_add(e, "SPLIT", split->at, split->ex_date);
        n->sub_type = split->new_rate > split->old_rate ? "FSPLIT" : "RSPLIT";
        n->symbol = split->symbol;
        n->qty.nanos = change[i];
        str_copy_cut(n->group_id, sizeof n->group_id, group);
    }
    p->qty.nanos = qty;
}

// Dividends: paid on the ex-date for what was held through the night before; a short pays.
static void pay_dividend(struct exchange *e, const struct market_action *dividend)
{
    const struct exchange_position *p = exchange_position_of(e, dividend->symbol);
    struct money sum;
    int64_t half = p->qty.nanos < 0 ? -CENT_NANOS / 2 : CENT_NANOS / 2;
    if (p->qty.nanos == 0 || !notional_nearest(dividend->per_share, p->qty, &sum))
        return;
    sum.nanos = (sum.nanos + half) / CENT_NANOS * CENT_NANOS;
    struct exchange_nta *n = nta_add(e, "DIV", dividend->at, dividend->ex_date);
    n->sub_type = "CDIV";
    n->symbol = dividend->symbol;
    n->qty = p->qty;
    n->per_share = dividend->per_share;
    n->net_amount = sum;
    e->cash.nanos += sum.nanos;
}

// The account's time line: closes, splits and dividends.

void exchange_timeline_next(struct exchange *e)
{
    struct market *m = e->params.market;
    while (e->action_next < market_action_count(m) && market_action_at(m, e->action_next).at <= e->now)
        e->action_next++; // done, or before the account began
    e->roll_at = e->close_at;
    if (e->action_next < market_action_count(m) && market_action_at(m, e->action_next).at < e->roll_at)
        e->roll_at = market_action_at(m, e->action_next).at;
}

void exchange_timeline_step(struct exchange *e)
{
    struct market *m = e->params.market;
    int64_t at = e->roll_at;
    if (at == e->close_at) {
        exchange_session_roll(e);
        charge_all(e, at);
    }
    while (e->action_next < market_action_count(m) && market_action_at(m, e->action_next).at <= at) {
        struct market_action action = market_action_at(m, e->action_next++);
        if (action.per_share.nanos > 0) {
            pay_dividend(e, &action);
            continue;
        }
        split_orders(e, action.symbol, action.at);
        split_position(e, &action);
    }
    exchange_timeline_next(e);
}
