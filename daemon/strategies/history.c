// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Reading closes, strictly: a gap or an old bar would silently become a wrong weight.
#include "daemon/strategies/history.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

int history_param_int(const struct strategy_input *in, const char *name, int64_t low, int64_t high, int64_t fallback,
                      int64_t *out, struct err *err)
{
    const struct json_node *n = json_get(strategy_params(in), name);
    int64_t value = fallback;
    if (!n && fallback < low)
        return err_set(err, "params.%s is missing, expected a whole number from %lld to %lld", name, (long long)low,
                       (long long)high);
    if (n && json_want_int64(strategy_params(in), "params", name, &value, err))
        return -1;
    if (value < low || value > high)
        return err_set(err, "params.%s is %lld, expected %lld to %lld", name, (long long)value, (long long)low,
                       (long long)high);
    *out = value;
    return 0;
}

int history_param_gross(const struct strategy_input *in, struct ratio *out, struct err *err)
{
    const struct json_node *n = json_get(strategy_params(in), "gross");
    const char *s = json_string(n);
    struct ratio gross = {DECIMAL_ONE};
    if (n && (!s || decimal_parse(s, strlen(s), DECIMAL_EXACT, &gross.nanos) != DECIMAL_OK || gross.nanos <= 0 ||
              gross.nanos > DECIMAL_ONE))
        return err_set(err, "params.gross is %s%.40s%s, expected a decimal as a string, above 0 and at most 1",
                       s ? "\"" : "", s ? s : json_type_name(json_type_of(n)), s ? "\"" : "");
    *out = gross;
    return 0;
}

static int add_symbol(struct histories *h, const char *symbol, struct err *err)
{
    for (size_t i = 0; i < h->count; i++)
        if (strcmp(h->items[i].symbol, symbol) == 0)
            return err_set(err, "params.symbols names %.24s twice", symbol);
    if (h->count == HISTORY_SYMBOLS_MAX)
        return err_set(err, "more than %d symbols", HISTORY_SYMBOLS_MAX);
    h->items[h->count++] = (struct history){.symbol = symbol};
    return 0;
}

static int named_symbols(const struct strategy_input *in, const struct json_node *list, struct histories *h,
                         struct err *err)
{
    struct price price;
    if (json_type_of(list) != JSON_IS_ARRAY || json_size(list) == 0)
        return err_set(err, "params.symbols is %s, expected a list such as [\"SPY\",\"TLT\"]",
                       json_size(list) ? json_type_name(json_type_of(list)) : "empty or no list");
    for (size_t i = 0; i < json_size(list); i++) {
        const char *symbol = json_string(json_at(list, i));
        if (!symbol)
            return err_set(err, "params.symbols[%zu] is %s, expected a symbol as a string", i,
                           json_type_name(json_type_of(json_at(list, i))));
        if (strategy_price(in, symbol, &price, err) || add_symbol(h, symbol, err))
            return -1;
    }
    return 0;
}

static int by_symbol(const void *a, const void *b)
{
    const struct history *x = a, *y = b;
    return strcmp(x->symbol, y->symbol);
}

static int choose_symbols(const struct strategy_input *in, struct histories *h, struct err *err)
{
    const struct json_node *list = json_get(strategy_params(in), "symbols"), *prices, *value = NULL;
    const char *symbol = NULL;
    if (list)
        return named_symbols(in, list, h, err);
    prices = json_get(strategy_root(in), "prices");
    for (void *cursor = NULL; json_each(prices, &cursor, &symbol, &value);)
        if (add_symbol(h, symbol, err))
            return -1;
    return h->count ? 0 : err_set(err, "the input has no prices: list symbols for this strategy");
}

static int read_bar(const struct json_node *bar, struct day session, struct history *h, struct err *err)
{
    int64_t at;
    struct history_close c;
    if (json_want_when(bar, h->symbol, "t", &at, err) ||
        json_want_decimal(bar, h->symbol, "c", DECIMAL_EXACT, &c.close.nanos, err))
        return err_wrap(err, "bars");
    char day[WHEN_TEXT_MAX];
    c.day = day_of(at);
    day_format(c.day, day);
    if (c.close.nanos <= 0)
        return err_set(err, "%s closed on %s at a price that is not above zero", h->symbol, day);
    if (day_compare(c.day, session) >= 0)
        return err_set(err, "%s has a bar of %s, which is not before the session", h->symbol, day);
    if (h->count && day_compare(h->closes[h->count - 1].day, c.day) >= 0)
        return err_set(err, "the bars of %s are not in order at %s", h->symbol, day);
    h->closes[h->count++] = c;
    return 0;
}

static int read_bars(const struct strategy_input *in, struct day session, struct history *h, struct err *err)
{
    const struct json_node *bars = json_get(json_get(strategy_root(in), "bars"), h->symbol);
    size_t count = json_size(bars);
    if (count == 0)
        return err_set(err, "%s has no bars in this run (lookback_days of the strategy is above 0?)", h->symbol);
    h->closes = check_alloc(count, sizeof *h->closes);
    for (size_t i = 0; i < count; i++)
        if (read_bar(json_at(bars, i), session, h, err))
            return -1;
    return 0;
}

static int same_newest(const struct histories *h, struct err *err)
{
    char day[WHEN_TEXT_MAX], first[WHEN_TEXT_MAX];
    const struct history *a = &h->items[0];
    for (size_t i = 1; i < h->count; i++) {
        const struct history *b = &h->items[i];
        if (day_compare(a->closes[a->count - 1].day, b->closes[b->count - 1].day) != 0)
            return err_set(err, "the newest bar of %s is of %s, that of %s of %s", a->symbol,
                           day_format(a->closes[a->count - 1].day, first), b->symbol,
                           day_format(b->closes[b->count - 1].day, day));
    }
    return 0;
}

static int read_all(const struct strategy_input *in, struct histories *h, struct err *err)
{
    const char *session = NULL;
    if (when_zone_init(err) || json_want_string(json_get(strategy_root(in), "run"), "run", "session", &session, err))
        return -1;
    if (!day_parse(session, &h->session))
        return err_set(err, "run.session is \"%.40s\", expected a date", session);
    if (choose_symbols(in, h, err))
        return -1;
    qsort(h->items, h->count, sizeof *h->items, by_symbol);
    for (size_t i = 0; i < h->count; i++)
        if (read_bars(in, h->session, &h->items[i], err))
            return -1;
    return same_newest(h, err);
}

int history_read(const struct strategy_input *in, struct histories *out, struct err *err)
{
    struct histories h = {.items = check_alloc(HISTORY_SYMBOLS_MAX, sizeof *h.items)};
    if (read_all(in, &h, err)) {
        history_free(&h);
        return -1;
    }
    *out = h;
    return 0;
}

void history_free(struct histories *h)
{
    for (size_t i = 0; i < h->count; i++)
        free(h->items[i].closes);
    free(h->items);
    *h = (struct histories){0};
}
