// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Questions for history: which symbols, from when to when, how many points a page, and where the next page begins.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

#define POINTS_DEFAULT 1000
#define POINTS_MAX 10000
#define PAGE_BYTES (size_t)(256 * 1024) // a page ends there whatever its limit, as on the real service

bool sim_data_refuse(struct sim_call *c, const char *what, const char *value)
{
    sim_refuse(c, 400, 0, "invalid %s: %.64s", what, value);
    return false;
}

bool sim_word_param(struct sim_call *c, const char *name, const char *words, bool required)
{
    char text[SIM_TEXT_MAX];
    if (!sim_param(c, name, text))
        return !required || sim_data_refuse(c, name, "is required");
    return sim_csv_has(words, text) || sim_data_refuse(c, name, text);
}

bool sim_symbols_read(struct sim_call *c, char symbols[SIM_SYMBOLS_MAX])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./,";
    if (*c->part != '\0')
        str_copy_cut(symbols, SIM_SYMBOLS_MAX, c->part);
    else if (!http_query_get(c->request->query, "symbols", symbols, SIM_SYMBOLS_MAX) || *symbols == '\0') {
        sim_refuse(c, 400, 0, "symbols is required");
        return false;
    }
    size_t good = strspn(symbols, letters);
    if (symbols[good] == '\0')
        return true;
    sim_refuse(c, 400, 0, "invalid symbol: %.32s does not match ^[A-Z0-9./]+$", symbols);
    return false;
}

static int by_index(const void *a, const void *b)
{
    const struct market_symbol *const *x = a, *const *y = b;
    size_t i = market_symbol_index(*x), k = market_symbol_index(*y);
    return (i > k) - (i < k);
}

size_t sim_symbols_known(const struct sim_call *c, const char *symbols, const struct market_symbol *out[SIM_WORDS_MAX])
{
    size_t count = 0, kept = 0;
    for (const char *at = symbols; *at != '\0'; at += *at == ',') {
        char word[SYMBOL_MAX];
        size_t len = strcspn(at, ",");
        snprintf(word, sizeof word, "%.*s", (int)len, at);
        at += len;
        if (len == 0 || len >= sizeof word) // longer than any symbol
            continue;
        const struct market_symbol *s = market_find(c->sim->market, word);
        if (s != NULL)
            out[count++] = s;
    }
    if (count == 0)
        return 0;
    qsort(out, count, sizeof *out, by_index);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || out[kept - 1] != out[i])
            out[kept++] = out[i];
    return kept;
}

// Alpaca's tokens are opaque; these are plain hex of "SPY|1700000000".
static bool token_read(const char *token, struct sim_span *p)
{
    char text[64] = "";
    size_t len = strlen(token) / 2;
    if (strlen(token) % 2 != 0 || len >= sizeof text)
        return false;
    for (size_t i = 0; i < len; i++) {
        char digits[3] = {token[2 * i], token[2 * i + 1], '\0'}, *end;
        text[i] = (char)strtol(digits, &end, 16);
        if (*end != '\0')
            return false;
    }
    char *bar = strchr(text, '|');
    if (bar == NULL)
        return false;
    *bar = '\0';
    return str_copy(p->from_symbol, sizeof p->from_symbol, text) && str_int64(bar + 1, 0, INT64_MAX, &p->from_at);
}

static void token_write(struct json_out *o, const struct market_symbol *s, int64_t at)
{
    char text[64], hex[2 * sizeof text + 1];
    int len = snprintf(text, sizeof text, "%s|%lld", market_symbol_name(s), (long long)at);
    for (int i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned)(unsigned char)text[i]);
    json_put_string(o, "next_page_token", hex);
}

static bool bound_param(struct sim_call *c, const char *name, bool end, int64_t *ns)
{
    char text[SIM_TEXT_MAX];
    struct day d;
    if (!sim_param(c, name, text) || when_parse(text, ns))
        return true;
    if (!day_parse(text, &d))
        return sim_data_refuse(c, name, text);
    *ns = end ? day_at(day_add(d, 1), 0) - 1 : day_at(d, 0); // a plain end date includes its day
    return true;
}

bool sim_span_read(struct sim_call *c, struct sim_span *p)
{
    char text[SIM_TEXT_MAX];
    p->single = *c->part != '\0';
    if (!sim_symbols_read(c, p->symbols) || !sim_word_param(c, "sort", "asc,desc", false) ||
        !sim_word_param(c, "feed", "sip,iex,boats,otc", false) || !sim_word_param(c, "currency", "USD", false))
        return false;
    p->descending = sim_param(c, "sort", text) && strcmp(text, "desc") == 0;
    p->start = day_at(day_of(c->now), 0);
    p->end = c->now;
    p->limit = POINTS_DEFAULT;
    if (sim_param(c, "limit", text) && !str_int64(text, 1, POINTS_MAX, &p->limit))
        return sim_data_refuse(c, "limit", text);
    if (sim_param(c, "page_token", text) && !token_read(text, p))
        return sim_data_refuse(c, "page_token", text);
    if (!bound_param(c, "start", false, &p->start) || !bound_param(c, "end", true, &p->end))
        return false;
    if (p->end > c->now)
        p->end = c->now;
    return true;
}

// Writes the symbol's points until the page is full; the instant of the first one that no longer fitted, or -1.
static int64_t write_series(struct sim_call *c, const struct sim_span *p, struct sim_series *s, int64_t *left)
{
    bool begun = false;
    int64_t at, rest = -1;
    while (rest < 0 && s->next(s, &at)) {
        if (at < s->start || at > s->end) {
            if (p->descending ? at < s->start : at > s->end)
                break;
            continue;
        }
        if (*left == 0 || c->reply->body.len >= PAGE_BYTES) {
            rest = at;
            break;
        }
        if (!begun && !p->single) {
            json_key(&c->out, market_symbol_name(s->symbol));
            json_array_begin(&c->out);
        }
        begun = true;
        s->write(s, at);
        --*left;
    }
    if (begun && !p->single)
        json_array_end(&c->out);
    return rest;
}

void sim_span_write(struct sim_call *c, const struct sim_span *p, const char *name, sim_series_open *open, void *arg)
{
    int64_t left = p->limit, rest = -1;
    const struct market_symbol *rest_of = NULL;
    const struct market_symbol *asked[SIM_WORDS_MAX];
    size_t count = sim_symbols_known(c, p->symbols, asked);
    json_object_begin(&c->out);
    json_key(&c->out, name);
    if (p->single)
        json_array_begin(&c->out);
    else
        json_object_begin(&c->out);
    for (size_t i = 0; i < count && rest < 0; i++) {
        const struct market_symbol *symbol = asked[i];
        const char *word = market_symbol_name(symbol);
        if (strcmp(word, p->from_symbol) < 0)
            continue;
        struct sim_series s = {.call = c, .symbol = symbol, .start = p->start, .end = p->end, .arg = arg};
        s.descending = p->descending;
        if (strcmp(word, p->from_symbol) == 0) // where the last page ended
            *(p->descending ? &s.end : &s.start) = p->from_at;
        open(&s);
        rest = write_series(c, p, &s, &left);
        rest_of = symbol;
        free(s.list);
    }
    if (p->single)
        json_array_end(&c->out);
    else
        json_object_end(&c->out);
    if (p->single)
        json_put_string(&c->out, "symbol", p->symbols);
    if (rest >= 0)
        token_write(&c->out, rest_of, rest);
    else
        json_put_null(&c->out, "next_page_token");
    json_object_end(&c->out);
}

// The grid of a symbol's intraday points.

static bool grid_day_loads(struct sim_series *s)
{
    struct sim_grid *g = &s->grid;
    struct market *m = s->call->sim->market;
    if (!market_has_path(m, s->symbol, g->day) || !market_day_session(m, g->day, &g->session))
        return false;
    g->base_s = g->session.open_s - g->session.open_s % g->step_s;
    g->count = (g->session.close_s - g->base_s + g->step_s - 1) / g->step_s;
    g->index = s->descending ? g->count - 1 : 0;
    int64_t bound = s->descending ? s->end : s->start; // not through a whole day to the first point
    if (day_compare(day_of(bound), g->day) == 0) {
        int at = (seconds_of_day(bound) - g->base_s) / g->step_s;
        if (at > 0 && at < g->count)
            g->index = at;
    }
    return true;
}

void sim_grid_open(struct sim_series *s, int step_s)
{
    s->grid = (struct sim_grid){.step_s = step_s, .index = -1};
    s->grid.day = day_of(s->descending ? s->end : s->start);
    s->grid.last = day_of(s->descending ? s->start : s->end);
    struct day first = {1990, 1, 1};
    if (s->descending && day_compare(s->grid.last, first) < 0)
        s->grid.last = first;
    if (!s->descending && day_compare(s->grid.day, first) < 0)
        s->grid.day = first;
}

bool sim_grid_next(struct sim_series *s)
{
    struct sim_grid *g = &s->grid;
    int step = s->descending ? -1 : 1;
    for (;; g->index += step) {
        while (g->count == 0 || g->index < 0 || g->index >= g->count) {
            if (g->count != 0)
                g->day = day_add(g->day, step);
            g->count = 0;
            for (; day_compare(g->day, g->last) * step <= 0 && !grid_day_loads(s); g->day = day_add(g->day, step))
                ;
            if (g->count == 0)
                return false;
        }
        g->at = day_at(g->day, g->base_s + g->index * g->step_s);
        g->from = g->at > g->session.open_ns ? g->at : g->session.open_ns;
        g->to = g->at + g->step_s * NS_PER_S;
        g->to = g->to < g->session.close_ns ? g->to : g->session.close_ns;
        g->to = g->to < s->call->now + 1 ? g->to : s->call->now + 1;
        if (g->from < g->to)
            break;
    }
    g->index += step;
    return true;
}
