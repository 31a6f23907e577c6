// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Limits: the ceiling of this life (a reload may only go below it), what holds now, what this session has used of it
// and what is left.
#include "daemon/admin_internal.h"

#include <stdio.h>

#include "lib/io/clock.h"

struct limit {
    const char *name, *unit, *code; // code: the risk row that refuses
    int64_t ceiling, effective, used;
    bool has_used, whole; // whole: counts, not decimals
    const char *note;
};

static void put_number(struct json_out *o, const char *key, const struct limit *l, int64_t value)
{
    if (!l->whole) {
        json_put_decimal(o, key, value);
        return;
    }
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    json_put_string(o, key, text);
}

static void put(const struct admin *a, struct json_out *o, struct limit l)
{
    char note[300], until[WHEN_TEXT_MAX];
    const struct limit_raise *r = raises_of(a->p.raises, l.name);
    if (r) {
        snprintf(note, sizeof note, "raised until %s by %.60s: %.160s", when_format_ms(r->until, until), r->operator,
                 r->reason);
        l.note = note;
    }
    json_object_begin(o);
    json_put_string(o, "name", l.name);
    json_put_string(o, "unit", l.unit);
    json_put_string(o, "code", l.code);
    put_number(o, "ceiling", &l, l.ceiling);
    put_number(o, "effective", &l, l.effective);
    if (l.has_used) {
        put_number(o, "used", &l, l.used);
        put_number(o, "left", &l, l.effective > l.used ? l.effective - l.used : 0);
    } else {
        json_put_null(o, "used");
        json_put_null(o, "left");
    }
    json_put_string(o, "note", l.note);
    json_object_end(o);
}

// A share of equity, rounded up; false while equity is unknown.
static bool share_of(struct money part, struct money equity, int64_t *share)
{
    struct ratio r;
    if (equity.nanos <= 0 || !money_ratio_up(part, equity, &r))
        return false;
    *share = r.nanos;
    return true;
}

static void put_shares(const struct admin *a, const struct risk_view *v, struct json_out *o)
{
    const struct risk_limits *now = a->p.limits, *top = &a->ceilings;
    const struct alpaca_position *positions;
    size_t count = exposure_positions(a->p.exposure, &positions);
    struct limit gross = {.name = "max_gross_exposure",
                          .unit = "of equity",
                          .code = "gross_exposure",
                          .ceiling = top->max_gross_exposure.nanos,
                          .effective = now->max_gross_exposure.nanos};
    struct limit position = {.name = "max_position_share",
                             .unit = "of equity",
                             .code = "position_share",
                             .ceiling = top->max_position_share.nanos,
                             .effective = now->max_position_share.nanos,
                             .has_used = v->account_known};
    gross.has_used = v->account_known && v->gross_known && share_of(v->gross, v->equity, &gross.used);
    put(a, o, gross);
    for (size_t i = 0; i < count; i++) {
        struct money value = {positions[i].market_value.nanos < 0 ? -positions[i].market_value.nanos
                                                                  : positions[i].market_value.nanos};
        int64_t share;
        if (share_of(value, v->equity, &share) && share > position.used) {
            position.used = share;
            position.note = positions[i].symbol;
        }
    }
    put(a, o, position);
    struct limit net = {.name = "max_net_exposure",
                        .unit = "of equity",
                        .code = "net_exposure",
                        .ceiling = top->max_net_exposure.nanos,
                        .effective = now->max_net_exposure.nanos};
    net.has_used =
        v->account_known && v->gross_known && v->net_long.nanos >= 0 && share_of(v->net_long, v->equity, &net.used);
    put(a, o, net);
    put(a, o,
        (struct limit){.name = "max_strategy_exposure",
                       .unit = "of equity",
                       .code = "strategy_exposure",
                       .ceiling = top->max_strategy_exposure.nanos,
                       .effective = now->max_strategy_exposure.nanos});
    put(a, o,
        (struct limit){.name = "max_order_share",
                       .unit = "of equity",
                       .code = "order_notional",
                       .ceiling = top->max_order_share.nanos,
                       .effective = now->max_order_share.nanos});
}

static void put_amounts(const struct admin *a, const struct risk_view *v, struct json_out *o)
{
    const struct risk_limits *now = a->p.limits, *top = &a->ceilings;
    put(a, o,
        (struct limit){.name = "max_order_notional",
                       .unit = "USD",
                       .code = "order_notional",
                       .ceiling = top->max_order_notional.nanos,
                       .effective = now->max_order_notional.nanos});
    put(a, o,
        (struct limit){.name = "max_notional_per_day",
                       .unit = "USD",
                       .code = "notional_per_day",
                       .ceiling = top->max_notional_per_day.nanos,
                       .effective = now->max_notional_per_day.nanos,
                       .used = v->notional_in_day.nanos,
                       .has_used = v->notional_in_day.nanos >= 0});
    struct limit day = {.name = "max_notional_per_day_share",
                        .unit = "of equity",
                        .code = "notional_per_day",
                        .ceiling = top->max_notional_per_day_share.nanos,
                        .effective = now->max_notional_per_day_share.nanos};
    day.has_used =
        v->account_known && v->notional_in_day.nanos >= 0 && share_of(v->notional_in_day, v->equity, &day.used);
    put(a, o, day);
    if (v->account_known)
        put(a, o,
            (struct limit){.name = "cash",
                           .unit = "USD",
                           .code = "buying_power",
                           .ceiling = v->cash.nanos,
                           .effective = v->cash.nanos,
                           .used = v->open_buys.nanos,
                           .has_used = true,
                           .note = "for open buys"});
}

static void put_counts(const struct admin *a, const struct risk_view *v, struct json_out *o)
{
    const struct risk_limits *now = a->p.limits, *top = &a->ceilings;
    put(a, o,
        (struct limit){.name = "max_orders_per_day",
                       .unit = "orders",
                       .code = "orders_per_day",
                       .whole = true,
                       .ceiling = top->max_orders_per_day,
                       .effective = now->max_orders_per_day,
                       .used = v->orders_in_day,
                       .has_used = v->orders_in_day >= 0});
    put(a, o,
        (struct limit){.name = "max_orders_per_run",
                       .unit = "orders",
                       .code = "orders_per_run",
                       .whole = true,
                       .ceiling = top->max_orders_per_run,
                       .effective = now->max_orders_per_run});
    put(a, o,
        (struct limit){.name = "max_order_qty",
                       .unit = "shares",
                       .code = "order_size",
                       .ceiling = top->max_order_qty.nanos,
                       .effective = now->max_order_qty.nanos});
    put(a, o,
        (struct limit){.name = "max_adv_share",
                       .unit = "of volume",
                       .code = "adv_share",
                       .ceiling = top->max_adv_share.nanos,
                       .effective = now->max_adv_share.nanos});
    put(a, o,
        (struct limit){.name = "max_price_age",
                       .unit = "s",
                       .code = "price_age",
                       .whole = true,
                       .ceiling = top->max_price_age_ns / NS_PER_S,
                       .effective = now->max_price_age_ns / NS_PER_S});
    put(a, o,
        (struct limit){.name = "max_account_age",
                       .unit = "s",
                       .code = "account_known",
                       .whole = true,
                       .ceiling = top->max_account_age_ns / NS_PER_S,
                       .effective = now->max_account_age_ns / NS_PER_S});
    put(a, o,
        (struct limit){.name = "price_collar",
                       .unit = "of price",
                       .code = "price_collar",
                       .ceiling = top->price_collar.nanos,
                       .effective = now->price_collar.nanos});
    put(a, o,
        (struct limit){.name = "max_price_jump",
                       .unit = "of price",
                       .code = "price_jump",
                       .ceiling = top->max_price_jump.nanos,
                       .effective = now->max_price_jump.nanos});
}

static void put_list(struct json_out *o, const char *key, const char *const *words, size_t count)
{
    json_key(o, key);
    json_array_begin(o);
    for (size_t i = 0; i < count; i++)
        json_add_string(o, words[i]);
    json_array_end(o);
}

void admin_serve_limits(struct admin *a, struct http_exchange *x, const char *who)
{
    struct text t;
    struct json_out o;
    bool always_open;
    const struct calendar c = scheduler_calendar(a->p.scheduler, &always_open);
    const struct session_day *session = session_of(&c, clock_wall_ns());
    const struct order_request none = {.symbol = "SPY"};
    struct risk_view v;
    (void)who;
    if (!exposure_view(a->p.exposure, &none, "", session ? session->date : (struct day){0}, clock_boot_ns(), &v)) {
        api_reply_problem(x, 503, "the sums of the account do not fit: usage is unknown");
        return;
    }
    api_answer_begin(&t, &o);
    json_key(&o, "session");
    if (session)
        json_add_day(&o, session->date);
    else
        json_add_null(&o);
    json_put_bool(&o, "account_known", v.account_known);
    json_key(&o, "limits");
    json_array_begin(&o);
    put_shares(a, &v, &o);
    put_amounts(a, &v, &o);
    put_counts(a, &v, &o);
    json_array_end(&o);
    json_put_bool(&o, "long_only", a->p.limits->long_only);
    put_list(&o, "allow", a->p.limits->allow, a->p.limits->allow_count);
    put_list(&o, "deny", a->p.limits->deny, a->p.limits->deny_count);
    api_answer_end(a->p.api, x, 200, &t, &o);
}
