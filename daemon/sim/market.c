// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Symbols and their daily bars: filling, the re-dating of sessions, splits, history.
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/market_internal.h"
#include "lib/base/text.h"

struct market *market_new(const struct market_params *params)
{
    CHECK(params->speed >= 1);
    struct market *m = check_alloc(1, sizeof *m);
    m->params = *params;
    m->cached_from = INT64_MAX;
    return m;
}

void market_free(struct market *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->symbol_count; i++) {
        free(m->symbols[i]->bars);
        free(m->symbols[i]->splits);
        free(m->symbols[i]);
    }
    free(m->specials);
    free(m->sessions);
    free(m);
}

static struct market_symbol *find_or_add(struct market *m, const char *name, struct err *err)
{
    size_t at = 0;
    for (; at < m->symbol_count; at++) {
        int order = strcmp(m->symbols[at]->name, name);
        if (order == 0)
            return m->symbols[at];
        if (order > 0)
            break;
    }
    if (m->symbol_count == MARKET_SYMBOLS_MAX || strlen(name) >= SYMBOL_MAX || *name == '\0') {
        err_set(err, "symbol \"%.32s\": at most %d symbols of at most %d characters", name, MARKET_SYMBOLS_MAX,
                SYMBOL_MAX - 1);
        return NULL;
    }
    struct market_symbol *s = check_alloc(1, sizeof *s);
    str_copy_cut(s->name, sizeof s->name, name);
    s->key = draw_text(name);
    draw_uuid(s->key, 0, 0, s->asset_id);
    memmove(&m->symbols[at + 1], &m->symbols[at], (m->symbol_count - at) * sizeof(struct market_symbol *));
    m->symbols[at] = s;
    m->symbol_count++;
    return s;
}

int market_add_bar(struct market *m, const char *symbol, const struct market_bar *bar, struct err *err)
{
    char day[WHEN_TEXT_MAX];
    if (bar->low.nanos <= 0 || bar->low.nanos > bar->open.nanos || bar->low.nanos > bar->close.nanos ||
        bar->high.nanos < bar->open.nanos || bar->high.nanos < bar->close.nanos || bar->volume < 0)
        return err_set(err, "bar of %.32s %s: prices must be above zero and open and close between low and high",
                       symbol, day_format(bar->date, day));
    struct market_symbol *s = find_or_add(m, symbol, err);
    if (s == NULL)
        return -1;
    if (s->count > 0 && day_compare(s->bars[s->count - 1].date, bar->date) >= 0)
        return err_set(err, "bar of %s %s: dates must ascend", symbol, day_format(bar->date, day));
    if (s->count == s->cap) {
        s->cap = s->cap == 0 ? 512 : s->cap * 2;
        s->bars = check_realloc(s->bars, s->cap * sizeof *s->bars);
    }
    s->bars[s->count++] = *bar;
    return 0;
}

int market_add_split(struct market *m, const char *symbol, struct day ex_date, int64_t factor, struct err *err)
{
    const struct market_symbol *known = market_find(m, symbol);
    if (known == NULL || factor < 2 || factor > 1000)
        return err_set(err, "split of %.32s: the symbol needs bars, and a factor between 2 and 1000", symbol);
    struct market_symbol *s = find_or_add(m, known->name, err);
    s->splits = check_realloc(s->splits, (s->split_count + 1) * sizeof *s->splits);
    s->splits[s->split_count++] = (struct market_split){ex_date, factor};
    return 0;
}

int market_start(struct market *m, int64_t now, struct err *err)
{
    if (m->symbol_count == 0)
        return err_set(err, "market: no bars were loaded");
    for (size_t i = 1; i < m->symbol_count; i++) {
        const struct market_symbol *a = m->symbols[0], *b = m->symbols[i];
        if (day_compare(a->bars[a->count - 1].date, b->bars[b->count - 1].date) != 0)
            return err_set(err, "market: the newest bars of %s and %s have different dates", a->name, b->name);
    }
    if (market_build_calendar(m, err) != 0)
        return -1;
    for (size_t i = 0; i < m->symbol_count; i++)
        m->symbols[i]->index = i;
    m->anchor = market_session_index(m, day_of(now));
    if (m->params.exchange_hours && m->anchor + 10 > (int64_t)m->session_count)
        return err_set(err, "market: the calendar ends in 2029");
    m->start_pos = -1; // taken at the first quote, see market_path.c
    struct market_quote q;
    market_quote(m, m->symbols[0], now, &q);
    return 0;
}

uint64_t market_fingerprint(const struct market *m)
{
    uint64_t sum = m->special_count;
    for (size_t i = 0; i < m->symbol_count; i++) {
        const struct market_symbol *s = m->symbols[i];
        sum = draw_mix(sum ^ s->key);
        for (size_t k = 0; k < s->count; k++) {
            const struct market_bar *b = &s->bars[k];
            sum = draw3(sum, (uint64_t)day_number(b->date), (uint64_t)b->open.nanos, (uint64_t)b->high.nanos);
            sum = draw3(sum, (uint64_t)b->volume, (uint64_t)b->low.nanos, (uint64_t)b->close.nanos);
        }
        for (size_t k = 0; k < s->split_count; k++)
            sum = draw3(sum, (uint64_t)day_number(s->splits[k].ex_date), (uint64_t)s->splits[k].factor, 0);
    }
    for (size_t i = 0; i < m->special_count; i++)
        sum = draw3(sum, (uint64_t)m->specials[i].number, m->specials[i].closed, (uint64_t)m->specials[i].close_s);
    return sum;
}

int market_speed(const struct market *m)
{
    return m->params.speed;
}

size_t market_symbol_count(const struct market *m)
{
    return m->symbol_count;
}

const struct market_symbol *market_symbol_at(const struct market *m, size_t i)
{
    return m->symbols[i];
}

const struct market_symbol *market_find(const struct market *m, const char *symbol)
{
    size_t low = 0, high = m->symbol_count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strcmp(m->symbols[mid]->name, symbol);
        if (order == 0)
            return m->symbols[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (strlen(symbol) == DRAW_UUID_MAX - 1)
        for (size_t i = 0; i < m->symbol_count; i++)
            if (strcmp(m->symbols[i]->asset_id, symbol) == 0)
                return m->symbols[i];
    return NULL;
}

const char *market_symbol_name(const struct market_symbol *s)
{
    return s->name;
}

const char *market_symbol_asset_id(const struct market_symbol *s)
{
    return s->asset_id;
}

size_t market_symbol_index(const struct market_symbol *s)
{
    return s->index;
}

static int64_t split_factor(const struct market_symbol *s, struct day date)
{
    int64_t factor = 1;
    for (size_t i = 0; i < s->split_count; i++)
        if (day_compare(date, s->splits[i].ex_date) < 0)
            factor *= s->splits[i].factor;
    return factor;
}

static struct price divided(struct price p, int64_t by)
{
    return (struct price){(p.nanos + by / 2) / by};
}

struct market_bar market_bar_at(const struct market_symbol *s, int64_t k, bool split, bool *mirrored)
{
    int64_t n = (int64_t)s->count, at = ((k % (2 * n)) + 2 * n) % (2 * n);
    *mirrored = at >= n;
    struct market_bar bar = s->bars[*mirrored ? 2 * n - 1 - at : at];
    int64_t factor = split || k >= n ? split_factor(s, bar.date) : 1;
    if (factor > 1) {
        bar.open = divided(bar.open, factor);
        bar.high = divided(bar.high, factor);
        bar.low = divided(bar.low, factor);
        bar.close = divided(bar.close, factor);
        bar.volume *= factor;
    }
    return bar;
}

size_t market_history_count(struct market *m, const struct market_symbol *s, int64_t now)
{
    int64_t count = market_session_index(m, day_of(now)) - m->anchor + (int64_t)s->count - 1;
    return count > 0 ? (size_t)count : 0;
}

struct market_bar market_history_at(const struct market *m, const struct market_symbol *s, size_t i, bool split)
{
    bool mirrored;
    struct market_bar bar = market_bar_at(s, (int64_t)i, split, &mirrored);
    if (mirrored) {
        struct price open = bar.open;
        bar.open = bar.close;
        bar.close = open;
    }
    bar.date = market_session_date(m, m->anchor - (int64_t)s->count + 1 + (int64_t)i);
    return bar;
}
