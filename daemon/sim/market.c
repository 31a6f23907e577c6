// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Symbols and their daily bars: filling, the re-dating of sessions, history.
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
        free(m->symbols[i]->actions);
        free(m->symbols[i]->fixes);
        free(m->symbols[i]);
    }
    free(m->specials);
    free(m->sessions);
    free(m->actions);
    free(m->halts);
    free(m);
}

static struct market_symbol *find_or_add(struct market *m, const char *name, struct err *err)
{
    size_t at = 0, high = m->symbol_count;
    while (at < high) {
        size_t mid = (at + high) / 2;
        int order = strcmp(m->symbols[mid]->name, name);
        if (order == 0)
            return m->symbols[mid];
        if (order < 0)
            at = mid + 1;
        else
            high = mid;
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

// Bars of s after the first one that is not before `date`.
int64_t market_bars_after(const struct market_symbol *s, struct day date)
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
        int64_t n = market_bars_after(s, m->params.begin);
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

static void date_halts(struct market *m)
{
    const struct market_symbol *s = m->symbols[0];
    for (size_t i = 0; i < m->halt_count; i++) {
        struct market_halt *h = &m->halts[i];
        int64_t later = market_bars_after(s, h->date);
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
    market_date_actions(m);
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
        for (size_t k = 0; k < s->action_count; k++)
            sum = draw3(sum, (uint64_t)day_number(s->actions[k].ex_date),
                        (uint64_t)(s->actions[k].new_rate * 10000 + s->actions[k].old_rate),
                        (uint64_t)s->actions[k].per_share.nanos);
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

struct market_bar market_bar_at(const struct market_symbol *s, int64_t k, int64_t asof, bool *mirrored)
{
    int64_t n = (int64_t)s->count, at = ((k % (2 * n)) + 2 * n) % (2 * n);
    *mirrored = at >= n;
    struct market_bar bar = s->bars[*mirrored ? 2 * n - 1 - at : at];
    if (asof == MARKET_RAW && k >= n) // walked backwards after every split
        asof = INT64_MAX;
    if (asof != MARKET_RAW)
        market_bar_split(s, &bar, asof);
    return bar;
}

size_t market_history_count(struct market *m, const struct market_symbol *s, int64_t now)
{
    int64_t count = market_session_index(m, day_of(now)) - m->anchor + (int64_t)s->count - 1;
    return count > 0 ? (size_t)count : 0;
}

struct market_bar market_history_at(const struct market *m, const struct market_symbol *s, size_t i, unsigned adjust,
                                    int64_t now)
{
    bool mirrored;
    int64_t today = day_number(day_of(now));
    struct market_bar bar =
        market_bar_at(s, (int64_t)i, (adjust & MARKET_ADJUST_SPLIT) != 0 ? today : MARKET_RAW, &mirrored);
    if ((adjust & MARKET_ADJUST_DIVIDEND) != 0 && i < s->count)
        market_bar_without_dividends(s, &bar, today);
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
