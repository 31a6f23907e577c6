// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Portfolio history: what the account was worth at past instants, worked out from its activities and the prices of
// then. Profit leaves deposits and withdrawals out.
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

#define CENT_NANOS INT64_C(10000000)
#define INTRADAY_DAYS_MAX 31
#define POINTS_MAX 100000
#define DAY_S 86400
#define FLOW_TYPES_MAX 24

enum reporting { MARKET_HOURS, EXTENDED_HOURS, CONTINUOUS };
struct history_query {
    struct day start, end;
    int64_t not_before, not_after; // of an instant that was given
    int step_s;                    // DAY_S: one a session
    const char *timeframe;
    enum reporting reporting;
    bool reset_daily;
    char flows[SIM_TEXT_MAX]; // csv of types, "ALL" or ""
};
struct point {
    int64_t left, right;
    struct day day;
    int64_t equity, profit, base;
};
struct points {
    struct point *list;
    size_t count, cap;
};
struct walk { // the account along its activities
    struct sim *sim;
    size_t fill, nta;
    int64_t cash, deposits;
    int64_t *qty; // by symbol
};

// Parameters.

static bool bad(struct sim_call *c, const char *name, const char *value)
{
    sim_refuse(c, 422, 40010001, "invalid %s: %.64s", name, value);
    return false;
}

static struct day months_back(struct day d, int months)
{
    int month = d.year * 12 + d.month - 1 - months;
    return (struct day){(int16_t)(month / 12), (int8_t)(month % 12 + 1), d.mday > 28 ? 28 : d.mday};
}

// `end` less the period: 3D counts sessions, weeks, months and years the calendar.
static bool period_begin(struct sim_call *c, const char *period, struct day end, struct day *out)
{
    char digits[5] = "";
    size_t len = strspn(period, "0123456789");
    int64_t n;
    struct market_session s;
    if (len == 0 || len >= sizeof digits || strlen(period) != len + 1)
        return bad(c, "period", period);
    memcpy(digits, period, len);
    if (!str_int64(digits, 1, 9999, &n))
        return bad(c, "period", period);
    *out = end;
    if (period[len] == 'D')
        for (int64_t i = market_day_session(c->sim->market, end, &s) ? 1 : 0; i < n; i++)
            do
                *out = day_add(*out, -1);
            while (!market_day_session(c->sim->market, *out, &s) && out->year > 1990);
    else if (period[len] == 'W')
        *out = day_add(end, -(int)n * 7);
    else if (period[len] == 'M')
        *out = months_back(end, (int)n);
    else if (period[len] == 'A' && n < 100)
        *out = months_back(end, (int)n * 12);
    else
        return bad(c, "period", period);
    return true;
}

static bool read_bound(struct sim_call *c, const char *name, bool *given, struct day *d, int64_t *instant)
{
    char text[SIM_TEXT_MAX];
    *given = sim_param(c, name, text);
    if (!*given || day_parse(text, d))
        return true;
    if (!when_parse(text, instant))
        return bad(c, name, text);
    *d = day_of(*instant);
    return true;
}

static bool read_range(struct sim_call *c, struct history_query *q)
{
    char period[SIM_TEXT_MAX] = "1M";
    bool has_start, has_end, has_period = sim_param(c, "period", period);
    q->end = day_of(c->now);
    q->not_before = INT64_MIN;
    q->not_after = c->now;
    if (!read_bound(c, "start", &has_start, &q->start, &q->not_before) ||
        !read_bound(c, "end", &has_end, &q->end, &q->not_after))
        return false;
    if (has_start && has_end && has_period) {
        sim_refuse(c, 422, 40010001, "only two of start, end and period can be specified");
        return false;
    }
    if (!has_start)
        return period_begin(c, period, q->end, &q->start);
    if (has_period) { // the mirror image: as long after the start as the period reaches back
        struct day before;
        if (!period_begin(c, period, q->start, &before))
            return false;
        q->end = day_add(q->start, (int)(day_number(q->start) - day_number(before)));
    }
    return true;
}

static bool read_timeframe(struct sim_call *c, struct history_query *q)
{
    static const struct {
        const char *name;
        int step_s;
    } frames[] = {{"1Min", 60}, {"5Min", 300}, {"15Min", 900}, {"1H", 3600}, {"1D", DAY_S}};
    char text[SIM_TEXT_MAX];
    int64_t days = day_number(q->end) - day_number(q->start);
    size_t i = days < 7 ? 0 : days < 30 ? 2 : 4;
    if (sim_param(c, "timeframe", text))
        for (i = 0; i < ARRAY_LEN(frames) && strcmp(frames[i].name, text) != 0;)
            i++;
    if (i == ARRAY_LEN(frames))
        return bad(c, "timeframe", text);
    q->timeframe = frames[i].name;
    q->step_s = frames[i].step_s;
    if (q->step_s == DAY_S || days <= INTRADAY_DAYS_MAX)
        return true;
    sim_refuse(c, 422, 40010001, "only the timeframe 1D is served for more than 30 days");
    return false;
}

static bool read_history_query(struct sim_call *c, struct history_query *q)
{
    char text[SIM_TEXT_MAX];
    if (!read_range(c, q) || !read_timeframe(c, q))
        return false;
    if (sim_param(c, "extended_hours", text) && strcmp(text, "true") == 0)
        q->reporting = EXTENDED_HOURS;
    if (sim_param(c, "intraday_reporting", text)) {
        if (!sim_csv_has("market_hours,extended_hours,continuous", text))
            return bad(c, "intraday_reporting", text);
        q->reporting = text[0] == 'm' ? MARKET_HOURS : text[0] == 'e' ? EXTENDED_HOURS : CONTINUOUS;
    }
    q->reset_daily = q->step_s != DAY_S;
    if (sim_param(c, "pnl_reset", text)) {
        if (!sim_csv_has("per_day,no_reset", text))
            return bad(c, "pnl_reset", text);
        q->reset_daily = q->reset_daily && text[0] == 'p';
    }
    if (!sim_param(c, "cashflow_types", q->flows) || strcmp(q->flows, "NONE") == 0)
        q->flows[0] = '\0';
    return true;
}

// The instants.

static void add_point(struct points *p, int64_t left, int64_t right, struct day day)
{
    if (p->count == p->cap) {
        p->cap = p->cap == 0 ? 256 : p->cap * 2;
        p->list = check_realloc(p->list, p->cap * sizeof *p->list);
    }
    p->list[p->count++] = (struct point){.left = left, .right = right, .day = day};
}

static void add_day(struct sim_call *c, const struct history_query *q, struct day d, struct points *p)
{
    struct market_session s = {.date = d, .close_s = DAY_S};
    bool session = market_day_session(c->sim->market, d, &s);
    int from = s.open_s, to = s.close_s;
    int64_t began = c->sim->started;
    if (!session && (q->step_s == DAY_S || q->reporting != CONTINUOUS))
        return;
    if (q->step_s == DAY_S) {
        if (s.close_ns > began && s.open_ns <= q->not_after)
            add_point(p, s.open_ns, s.close_ns < c->now ? s.close_ns : c->now, d);
        return;
    }
    if (q->reporting == EXTENDED_HOURS)
        market_extended(c->sim->market, &s, &from, &to);
    else if (q->reporting == CONTINUOUS)
        from = 0, to = DAY_S;
    for (int at = from; at < to && p->count < POINTS_MAX; at += q->step_s) {
        int64_t left = day_at(d, at), right = left + q->step_s * NS_PER_S;
        if (right > began && left >= q->not_before && left <= q->not_after)
            add_point(p, left, right < c->now ? right : c->now, d);
    }
}

// The account's worth, going forward.

static void walk_to(struct walk *w, int64_t at)
{
    const struct exchange *e = w->sim->exchange;
    for (; w->fill < exchange_fill_count(e) && exchange_fill_at(e, w->fill)->at <= at; w->fill++) {
        const struct exchange_fill *f = exchange_fill_at(e, w->fill);
        const struct exchange_order *o = exchange_order_at(e, (size_t)f->order - 1);
        w->cash += f->cash.nanos;
        w->qty[market_symbol_index(o->symbol)] += o->side == ORDER_BUY ? f->qty.nanos : -f->qty.nanos;
    }
    for (; w->nta < exchange_nta_count(e) && exchange_nta_at(e, w->nta)->at <= at; w->nta++) {
        const struct exchange_nta *n = exchange_nta_at(e, w->nta);
        w->cash += n->net_amount.nanos;
        if (sim_csv_has("CSD,CSW,JNLC", n->type))
            w->deposits += n->net_amount.nanos;
        if (strcmp(n->type, "SPLIT") == 0)
            w->qty[market_symbol_index(n->symbol)] += n->qty.nanos;
    }
}

static int64_t worth(struct walk *w, int64_t at)
{
    walk_to(w, at);
    int64_t sum = w->cash;
    for (size_t i = 0; i < market_symbol_count(w->sim->market); i++) {
        struct market_quote q;
        struct money value;
        if (w->qty[i] == 0)
            continue;
        market_quote(w->sim->market, market_symbol_at(w->sim->market, i), at, &q);
        if (notional_nearest(q.last, (struct qty){w->qty[i]}, &value))
            sum += value.nanos;
    }
    return sum;
}

static int64_t to_cent(int64_t nanos)
{
    return (nanos + (nanos < 0 ? -CENT_NANOS / 2 : CENT_NANOS / 2)) / CENT_NANOS * CENT_NANOS;
}

// Fills in equity, base and profit; returns the base of the whole.
static int64_t value_points(struct sim_call *c, const struct history_query *q, struct points *p)
{
    struct walk w = {.sim = c->sim, .cash = exchange_params(c->sim->exchange)->cash.nanos};
    w.qty = check_alloc(market_symbol_count(c->sim->market), sizeof *w.qty);
    int64_t base = p->count > 0 ? worth(&w, p->list[0].left - 1) : w.cash, first = base, deposits = w.deposits;
    for (size_t i = 0; i < p->count; i++) {
        struct point *at = &p->list[i];
        if (q->reset_daily && i > 0 && day_compare(at->day, p->list[i - 1].day) != 0) {
            base = p->list[i - 1].equity;
            deposits = w.deposits;
        }
        at->equity = worth(&w, at->right - 1 > at->left ? at->right - 1 : at->left);
        at->base = base;
        at->profit = at->equity - base - (w.deposits - deposits);
    }
    free(w.qty);
    return first;
}

// Writing.

static void put_numbers(struct json_out *o, const char *key, const struct points *p, char what)
{
    json_key(o, key);
    json_array_begin(o);
    for (size_t i = 0; i < p->count; i++) {
        const struct point *at = &p->list[i];
        int64_t share = 0;
        if (what == 't')
            json_add_int(o, at->left / NS_PER_S);
        else if (what == 'e')
            json_add_decimal_number(o, to_cent(at->equity));
        else if (what == 'p')
            json_add_decimal_number(o, to_cent(at->profit));
        else
            json_add_decimal_number(o, decimal_div_nearest(at->profit, at->base, &share) ? share : 0);
    }
    json_array_end(o);
}

static void put_flow(struct json_out *o, const struct exchange *e, const struct points *p, const char *type)
{
    json_key(o, type);
    json_array_begin(o);
    for (size_t i = 0; i < p->count; i++) {
        int64_t sum = 0, from = i == 0 ? p->list[0].left : p->list[i - 1].right;
        for (size_t k = 0; k < exchange_nta_count(e); k++) {
            const struct exchange_nta *n = exchange_nta_at(e, k);
            if (strcmp(n->type, type) == 0 && n->at >= from && n->at < p->list[i].right)
                sum += n->net_amount.nanos;
        }
        json_add_decimal_number(o, sum);
    }
    json_array_end(o);
}

// One array for each type that moved cash and was asked for.
static void put_flows(struct json_out *o, const struct exchange *e, const struct history_query *q,
                      const struct points *p)
{
    const char *done[FLOW_TYPES_MAX];
    size_t count = 0;
    json_key(o, "cashflow");
    json_object_begin(o);
    for (size_t i = 0; i < exchange_nta_count(e) && count < FLOW_TYPES_MAX; i++) {
        const char *type = exchange_nta_at(e, i)->type;
        size_t k = 0;
        while (k < count && strcmp(done[k], type) != 0)
            k++;
        if (k < count || exchange_nta_at(e, i)->net_amount.nanos == 0 ||
            (strcmp(q->flows, "ALL") != 0 && !sim_csv_has(q->flows, type)))
            continue;
        done[count++] = type;
        put_flow(o, e, p, type);
    }
    json_object_end(o);
}

static void put_base_day(struct sim_call *c, struct day first)
{
    struct market_session s;
    struct day d = day_add(first, -1);
    for (int i = 0; i < 14 && !market_day_session(c->sim->market, d, &s); i++)
        d = day_add(d, -1);
    json_key(&c->out, "base_value_asof");
    json_add_day(&c->out, d);
}

void sim_portfolio_history(struct sim_call *c)
{
    struct history_query q = {0};
    struct points p = {0};
    if (!read_history_query(c, &q))
        return;
    struct day began = day_of(c->sim->started), today = day_of(c->now);
    struct day d = day_compare(q.start, began) < 0 ? began : q.start;
    for (; day_compare(d, q.end) <= 0 && day_compare(d, today) <= 0; d = day_add(d, 1))
        add_day(c, &q, d, &p);
    int64_t base = value_points(c, &q, &p);
    json_object_begin(&c->out);
    put_numbers(&c->out, "timestamp", &p, 't');
    put_numbers(&c->out, "equity", &p, 'e');
    put_numbers(&c->out, "profit_loss", &p, 'p');
    put_numbers(&c->out, "profit_loss_pct", &p, '%');
    json_put_decimal_number(&c->out, "base_value", to_cent(base));
    put_base_day(c, p.count > 0 ? p.list[0].day : q.start);
    json_put_string(&c->out, "timeframe", q.timeframe);
    put_flows(&c->out, c->sim->exchange, &q, &p);
    json_object_end(&c->out);
    free(p.list);
}
