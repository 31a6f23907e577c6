// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Corporate actions of the simulated market: splits and cash dividends, re-dated with the bars, and what they do to
// prices of the past.
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/market_internal.h"
#include "lib/base/text.h"

#define RATE_MAX 1000

static int action_add(struct market *m, const char *symbol, struct market_action_row row, struct err *err)
{
    const struct market_symbol *known = market_find(m, symbol);
    if (known == NULL)
        return err_set(err, "corporate action of %.32s: the symbol needs bars", symbol);
    size_t i = 0;
    while (m->symbols[i] != known)
        i++;
    struct market_symbol *s = m->symbols[i];
    row.ex_day = INT64_MAX;
    s->actions = check_realloc(s->actions, (s->action_count + 1) * sizeof *s->actions);
    s->actions[s->action_count++] = row;
    return 0;
}

int market_add_split(struct market *m, const char *symbol, struct day ex_date, int64_t new_rate, int64_t old_rate,
                     struct err *err)
{
    if (new_rate < 1 || new_rate > RATE_MAX || old_rate < 1 || old_rate > RATE_MAX || new_rate == old_rate)
        return err_set(err, "split of %.32s: expected two different rates from 1 to %d", symbol, RATE_MAX);
    struct market_action_row row = {.ex_date = ex_date, .new_rate = new_rate, .old_rate = old_rate};
    return action_add(m, symbol, row, err);
}

int market_add_dividend(struct market *m, const char *symbol, struct day ex_date, struct price per_share,
                        struct err *err)
{
    if (per_share.nanos <= 0)
        return err_set(err, "dividend of %.32s: expected dollars above zero", symbol);
    struct market_action_row row = {.ex_date = ex_date, .new_rate = 1, .old_rate = 1, .per_share = per_share};
    return action_add(m, symbol, row, err);
}

static int by_ex_date(const void *a, const void *b)
{
    const struct market_action *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    int order = strcmp(x->symbol->name, y->symbol->name);
    return order != 0 ? order : (x->per_share.nanos > 0) - (y->per_share.nanos > 0); // splits come first
}

// Of a price before the ex-date, the share that is left without the dividend.
static int64_t kept(const struct market_symbol *s, const struct market_action_row *row, int64_t later)
{
    int64_t before = (int64_t)s->count - 2 - later, share;
    if (row->per_share.nanos == 0 || before < 0 ||
        !decimal_div_nearest(row->per_share.nanos, s->bars[before].close.nanos, &share) || share >= DECIMAL_ONE)
        return DECIMAL_ONE;
    return DECIMAL_ONE - share;
}

void market_date_actions(struct market *m)
{
    size_t count = 0;
    for (size_t i = 0; i < m->symbol_count; i++)
        count += m->symbols[i]->action_count;
    m->actions = check_alloc(count + 1, sizeof *m->actions);
    for (size_t i = 0; i < m->symbol_count; i++)
        for (size_t k = 0; k < m->symbols[i]->action_count; k++) {
            struct market_action_row *row = &m->symbols[i]->actions[k];
            int64_t later = market_bars_after(m->symbols[i], row->ex_date);
            if (later < 0)
                continue;
            struct day date = market_session_date(m, m->anchor - later);
            row->ex_day = day_number(date);
            row->kept = kept(m->symbols[i], row, later);
            m->actions[m->action_count++] = (struct market_action){m->symbols[i], day_at(date, 0), date,
                                                                   row->new_rate, row->old_rate,   row->per_share};
        }
    qsort(m->actions, m->action_count, sizeof *m->actions, by_ex_date);
}

size_t market_action_count(const struct market *m)
{
    return m->action_count;
}

struct market_action market_action_at(const struct market *m, size_t i)
{
    return m->actions[i];
}

static void bar_scale(struct market_bar *bar, int64_t up, int64_t down)
{
    struct price *prices[] = {&bar->open, &bar->high, &bar->low, &bar->close};
    for (size_t i = 0; i < ARRAY_LEN(prices); i++)
        prices[i]->nanos = (int64_t)(((__int128)prices[i]->nanos * up + down / 2) / down);
}

void market_bar_split(const struct market_symbol *s, struct market_bar *bar, int64_t asof)
{
    int64_t up = 1, down = 1;
    for (size_t i = 0; i < s->action_count; i++) {
        const struct market_action_row *row = &s->actions[i];
        bool before = day_compare(bar->date, row->ex_date) < 0, done = asof >= row->ex_day;
        bool ahead = !before && !done && row->ex_day != INT64_MAX; // a path that runs ahead of the calendar
        if ((before && done) || ahead) {
            up *= ahead ? row->new_rate : row->old_rate;
            down *= ahead ? row->old_rate : row->new_rate;
        }
    }
    bar_scale(bar, up, down);
    bar->volume = bar->volume * down / up;
}

void market_bar_without_dividends(const struct market_symbol *s, struct market_bar *bar, int64_t asof)
{
    for (size_t i = 0; i < s->action_count; i++) {
        const struct market_action_row *row = &s->actions[i];
        if (row->per_share.nanos > 0 && day_compare(bar->date, row->ex_date) < 0 && asof >= row->ex_day)
            bar_scale(bar, row->kept, DECIMAL_ONE);
    }
}
