// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Each row is a function of the figures; the table is breaker_rows.def.
#include "lib/trade/breaker.h"

#include <stdio.h>

typedef bool row_fn(const struct breaker_limits *l, const struct breaker_view *v, char *detail, size_t size);

#define BREAKER_ROW(symbol, name, text, ...) static row_fn row_##name;
#include "lib/trade/breaker_rows.def"
#undef BREAKER_ROW

static const struct {
    const char *name, *text;
    row_fn *trips;
} rows[BREAKER_ROW_COUNT] = {
#define BREAKER_ROW(symbol, name, text, ...) {#name, text, row_##name},
#include "lib/trade/breaker_rows.def"
#undef BREAKER_ROW
};

const char *breaker_row_name(enum breaker_row r)
{
    CHECK((size_t)r < ARRAY_LEN(rows));
    return rows[r].name;
}

const char *breaker_row_text(enum breaker_row r)
{
    CHECK((size_t)r < ARRAY_LEN(rows));
    return rows[r].text;
}

// A loss that does not fit the number range is a loss all the same.
static bool fell(struct money from, struct money to, struct ratio most)
{
    struct money room, loss;
    if (from.nanos <= 0 || to.nanos >= from.nanos)
        return false;
    return !money_share_down(from, most, &room) || !money_sub(from, to, &loss) || loss.nanos > room.nanos;
}

static bool row_daily_loss(const struct breaker_limits *l, const struct breaker_view *v, char *detail, size_t size)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], d[DECIMAL_TEXT_MAX];
    if (!v->account_known || !fell(v->day_start, v->equity, l->max_daily_loss))
        return false;
    snprintf(detail, size, "equity %s USD, the session began with %s; at most %s of it may be lost",
             decimal_format_places(v->equity.nanos, 2, a), decimal_format_places(v->day_start.nanos, 2, b),
             decimal_format(l->max_daily_loss.nanos, d));
    return true;
}

static bool row_drawdown(const struct breaker_limits *l, const struct breaker_view *v, char *detail, size_t size)
{
    char a[DECIMAL_TEXT_MAX], b[DECIMAL_TEXT_MAX], d[DECIMAL_TEXT_MAX];
    if (!v->account_known || !fell(v->high_water, v->equity, l->max_drawdown))
        return false;
    snprintf(detail, size, "equity %s USD, its highest was %s; it may be at most %s of that below",
             decimal_format_places(v->equity.nanos, 2, a), decimal_format_places(v->high_water.nanos, 2, b),
             decimal_format(l->max_drawdown.nanos, d));
    return true;
}

static bool row_stale_data(const struct breaker_limits *l, const struct breaker_view *v, char *detail, size_t size)
{
    if (v->stale_orders < l->stale_orders)
        return false;
    snprintf(detail, size, "the last %lld orders had no price, or an old one", (long long)v->stale_orders);
    return true;
}

bool breaker_failing(const struct breaker_limits *l, const struct breaker_view *v)
{
    struct ratio share = {0};
    if (v->calls < l->broker_calls || v->calls <= 0)
        return false;
    return !decimal_div_up(v->failed, v->calls, &share.nanos) || share.nanos >= l->broker_errors.nanos;
}

static bool row_broker_errors(const struct breaker_limits *l, const struct breaker_view *v, char *detail, size_t size)
{
    if (!breaker_failing(l, v) || v->failing_ns < l->broker_errors_for_ns)
        return false;
    snprintf(detail, size, "%lld of the last %lld broker calls failed, for %lld s", (long long)v->failed,
             (long long)v->calls, (long long)(v->failing_ns / NS_PER_S));
    return true;
}

static bool row_alike_executions(const struct breaker_limits *l, const struct breaker_view *v, char *detail,
                                 size_t size)
{
    if (v->alike < l->alike_executions)
        return false;
    snprintf(detail, size, "%lld executions of one strategy, symbol, side and size within %lld s", (long long)v->alike,
             (long long)(l->alike_window_ns / NS_PER_S));
    return true;
}

void breaker_judge(const struct breaker_limits *limits, const struct breaker_view *view, struct breaker_verdict *out)
{
    *out = (struct breaker_verdict){.row = BREAKER_ROW_COUNT};
    for (int i = 0; i < BREAKER_ROW_COUNT && !out->trips; i++) {
        out->trips = rows[i].trips(limits, view, out->detail, sizeof out->detail);
        out->row = out->trips ? (enum breaker_row)i : out->row;
    }
}

void breaker_example(enum breaker_row row, struct breaker_limits *l, struct breaker_view *v)
{
    *l = (struct breaker_limits){.max_daily_loss = {DECIMAL_ONE / 20},
                                 .max_drawdown = {DECIMAL_ONE / 10},
                                 .stale_orders = 20,
                                 .broker_errors = {DECIMAL_ONE / 2},
                                 .broker_calls = 100,
                                 .broker_errors_for_ns = 60 * NS_PER_S,
                                 .alike_executions = 50,
                                 .alike_window_ns = 600 * NS_PER_S};
    *v = (struct breaker_view){.account_known = true,
                               .equity = {10000 * DECIMAL_ONE},
                               .day_start = {10000 * DECIMAL_ONE},
                               .high_water = {10000 * DECIMAL_ONE},
                               .calls = 100};
    switch (row) {
#define BREAKER_ROW(symbol, name, text, ...)                                                                           \
    case symbol:                                                                                                       \
        __VA_ARGS__;                                                                                                   \
        break;
#include "lib/trade/breaker_rows.def"
#undef BREAKER_ROW
    case BREAKER_ROW_COUNT:
        break;
    }
}
