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
        free(m->symbols[i]->fixes);
        free(m->symbols[i]);
    }
    free(m->specials);
    free(m->sessions);
    free(m->splits);
    free(m->halts);
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
    s->splits[s->split_count++] = (struct market_split){ex_date, factor, INT64_MAX};
    return 0;
}

// Bars of s after the first one that is not before `date`.
static int64_t bars_after(const struct market_symbol *s, struct day date)
{
    size_t at = 0;
    while (at < s->count && day_compare(s->bars[at].date, date) < 0)
        at++;
    return (int64_t)s->count - 1 - (int64_t)at;
}

static int check_bars(const struct market *m, int64_t *later, struct err *err)
{
    char day[WHEN_TEXT_MAX];
    *later = 0;
    for (size_t i = 0; i < m->symbol_count; i++) {
        const struct market_symbol *a = m->symbols[0], *s = m->symbols[i];
        if (day_compare(a->bars[a->count - 1].date, s->bars[s->count - 1].date) != 0)
            return err_set(err, "market: the newest bars of %s and %s have different dates", a->name, s->name);
        if (m->params.begin.year == 0)
            continue;
        int64_t n = bars_after(s, m->params.begin);
        if (n < 0 || day_compare(s->bars[s->count - 1 - (size_t)n].date, m->params.begin) != 0)
            return err_set(err, "market: %s has no bar of %s, where the prices should begin", s->name,
                           day_format(m->params.begin, day));
        if (i > 0 && n != *later)
            return err_set(err, "market: %s and %s have a different number of bars after %s", a->name, s->name,
                           day_format(m->params.begin, day));
        *later = n;
    }
    return 0;
}

static int by_ex_date(const void *a, const void *b)
{
    const struct market_split_event *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return strcmp(x->symbol->name, y->symbol->name);
}

static void date_splits(struct market *m)
{
    size_t count = 0;
    for (size_t i = 0; i < m->symbol_count; i++)
        count += m->symbols[i]->split_count;
    m->splits = check_alloc(count + 1, sizeof *m->splits);
    for (size_t i = 0; i < m->symbol_count; i++)
        for (size_t k = 0; k < m->symbols[i]->split_count; k++) {
            struct market_split *split = &m->symbols[i]->splits[k];
            int64_t later = bars_after(m->symbols[i], split->ex_date);
            if (later < 0)
                continue;
            struct day date = market_session_date(m, m->anchor - later);
            split->ex_day = day_number(date);
            m->splits[m->split_count++] =
                (struct market_split_event){m->symbols[i], day_at(date, 0), date, split->factor};
        }
    qsort(m->splits, m->split_count, sizeof *m->splits, by_ex_date);
}

static void date_halts(struct market *m)
{
    const struct market_symbol *s = m->symbols[0];
    for (size_t i = 0; i < m->halt_count; i++) {
        struct market_halt *h = &m->halts[i];
        int64_t later = bars_after(s, h->date);
        if (later < 0 || day_compare(s->bars[s->count - 1 - (size_t)later].date, h->date) != 0)
            continue;
        struct day date = market_session_date(m, m->anchor - later);
        h->from_ns = day_at(date, h->from_s);
        h->to_ns = day_at(date, h->to_s);
    }
}

int market_start(struct market *m, int64_t now, struct err *err)
{
    int64_t later;
    if (m->symbol_count == 0)
        return err_set(err, "market: no bars were loaded");
    if (check_bars(m, &later, err) != 0 || market_build_calendar(m, err) != 0)
        return -1;
    for (size_t i = 0; i < m->symbol_count; i++)
        m->symbols[i]->index = i;
    m->anchor = market_session_index(m, day_of(now)) + later;
    if (m->params.exchange_hours && m->anchor + 10 > (int64_t)m->session_count)
        return err_set(err, "market: the calendar ends in 2029");
    date_splits(m);
    date_halts(m);
    struct market_quote q;
    market_quote(m, m->symbols[0], now, &q); // takes start_pos, see market_path.c
    return 0;
}

int market_add_halt(struct market *m, struct day date, int from_s, int to_s, struct err *err)
{
    if (from_s >= to_s || from_s < 0 || to_s > 86400)
        return err_set(err, "halt: the end must lie after the start");
    m->halts = check_realloc(m->halts, (m->halt_count + 1) * sizeof *m->halts);
    m->halts[m->halt_count++] = (struct market_halt){date, from_s, to_s, 0, 0};
    return 0;
}

bool market_halted(const struct market *m, int64_t now)
{
    for (size_t i = 0; m->params.exchange_hours && i < m->halt_count; i++)
        if (now >= m->halts[i].from_ns && now < m->halts[i].to_ns)
            return true;
    return false;
}

size_t market_split_count(const struct market *m)
{
    return m->split_count;
}

struct market_split_event market_split_at(const struct market *m, size_t i)
{
    return m->splits[i];
}

uint64_t market_fingerprint(const struct market *m)
{
    uint64_t sum = m->special_count ^ (uint64_t)(m->params.begin.year != 0 ? day_number(m->params.begin) : 0);
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
    for (size_t i = 0; i < m->halt_count; i++)
        sum = draw3(sum, (uint64_t)day_number(m->halts[i].date), (uint64_t)m->halts[i].from_s,
                    (uint64_t)m->halts[i].to_s);
    return sum;
}

int market_speed(const struct market *m)
{
    return m->params.speed;
}

struct day market_begin(const struct market *m)
{
    return m->params.begin;
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

static void bar_scale(struct market_bar *bar, int64_t up, int64_t down)
{
    struct price *prices[] = {&bar->open, &bar->high, &bar->low, &bar->close};
    for (size_t i = 0; i < ARRAY_LEN(prices); i++)
        prices[i]->nanos = (prices[i]->nanos * up + down / 2) / down;
    bar->volume = bar->volume * down / up;
}

struct market_bar market_bar_at(const struct market_symbol *s, int64_t k, int64_t asof, bool *mirrored)
{
    int64_t n = (int64_t)s->count, at = ((k % (2 * n)) + 2 * n) % (2 * n), up = 1, down = 1;
    *mirrored = at >= n;
    struct market_bar bar = s->bars[*mirrored ? 2 * n - 1 - at : at];
    if (asof == MARKET_RAW && k >= n) // walked backwards after every split
        asof = INT64_MAX;
    for (size_t i = 0; asof != MARKET_RAW && i < s->split_count; i++) {
        const struct market_split *split = &s->splits[i];
        bool before = day_compare(bar.date, split->ex_date) < 0, done = asof >= split->ex_day;
        if (before && done)
            down *= split->factor;
        else if (!before && !done && split->ex_day != INT64_MAX) // a path that runs ahead of the calendar
            up *= split->factor;
    }
    bar_scale(&bar, up, down);
    return bar;
}

size_t market_history_count(struct market *m, const struct market_symbol *s, int64_t now)
{
    int64_t count = market_session_index(m, day_of(now)) - m->anchor + (int64_t)s->count - 1;
    return count > 0 ? (size_t)count : 0;
}

struct market_bar market_history_at(const struct market *m, const struct market_symbol *s, size_t i, bool split,
                                    int64_t now)
{
    bool mirrored;
    int64_t asof = split ? day_number(day_of(now)) : MARKET_RAW;
    struct market_bar bar = market_bar_at(s, (int64_t)i, asof, &mirrored);
    if (mirrored) {
        struct price open = bar.open;
        bar.open = bar.close;
        bar.close = open;
    }
    bar.date = market_session_date(m, m->anchor - (int64_t)s->count + 1 + (int64_t)i);
    return bar;
}

bool market_has_path(const struct market *m, const struct market_symbol *s, struct day date)
{
    return market_session_index(m, date) > m->anchor - (int64_t)s->count;
}
