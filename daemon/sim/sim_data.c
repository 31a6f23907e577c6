// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Stock data of the simulated API: latest trades, quotes and minute bars, daily history. Decimals are JSON numbers
// here.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

#define BARS_DEFAULT 1000
#define BARS_MAX 10000
#define MINUTE_NS (60 * NS_PER_S)
#define MINUTE_LOOKS 12
#define SESSION_MINUTES 390

typedef void symbol_fn(struct sim_call *c, const struct market_symbol *s);

static bool read_symbols(struct sim_call *c, char symbols[SIM_TEXT_MAX])
{
    if (sim_param(c, "symbols", symbols))
        return true;
    sim_refuse(c, 400, 0, "symbols is required");
    return false;
}

// {"<name>":{"SPY":{...},...}}: symbols that are not known are simply missing.
static void latest(struct sim_call *c, const char *name, symbol_fn *write)
{
    char symbols[SIM_TEXT_MAX];
    if (!read_symbols(c, symbols))
        return;
    json_object_begin(&c->out);
    json_key(&c->out, name);
    json_object_begin(&c->out);
    for (size_t i = 0; i < market_symbol_count(c->sim->market); i++) {
        const struct market_symbol *s = market_symbol_at(c->sim->market, i);
        if (!sim_csv_has(symbols, market_symbol_name(s)))
            continue;
        json_key(&c->out, market_symbol_name(s));
        write(c, s);
    }
    json_object_end(&c->out);
    json_object_end(&c->out);
}

// The newest instant at which the market was open: that of the last print.
static int64_t print_time(struct sim_call *c)
{
    struct market_session s;
    market_session_at(c->sim->market, c->now, &s);
    if (c->now >= s.open_ns)
        return c->now;
    struct day d = day_of(c->now);
    for (int i = 0; i < 14; i++, d = day_add(d, -1))
        if (market_day_session(c->sim->market, d, &s) && s.close_ns <= c->now)
            return s.close_ns;
    return c->now;
}

static int64_t size_drawn(int64_t at, const struct market_symbol *s, uint64_t what)
{
    return 1 + draw_below(draw3(draw_text(market_symbol_name(s)), (uint64_t)(at / NS_PER_S), what, 0), 900);
}

static void put_conditions(struct json_out *o, const char *word)
{
    json_key(o, "c");
    json_array_begin(o);
    json_add_string(o, word);
    json_array_end(o);
    json_put_string(o, "z", "C");
}

static void write_trade(struct sim_call *c, const struct market_symbol *s)
{
    struct market_quote q;
    market_quote(c->sim->market, s, c->now, &q);
    int64_t at = print_time(c);
    json_object_begin(&c->out);
    json_put_when(&c->out, "t", at);
    json_put_string(&c->out, "x", "V");
    json_put_decimal_number(&c->out, "p", q.last.nanos);
    json_put_int(&c->out, "s", size_drawn(at, s, 1));
    json_put_int(&c->out, "i", at / NS_PER_MS);
    put_conditions(&c->out, "@");
    json_object_end(&c->out);
}

static void write_quote(struct sim_call *c, const struct market_symbol *s)
{
    struct market_quote q;
    market_quote(c->sim->market, s, c->now, &q);
    int64_t at = print_time(c);
    json_object_begin(&c->out);
    json_put_when(&c->out, "t", at);
    json_put_string(&c->out, "ax", "V");
    json_put_decimal_number(&c->out, "ap", q.ask.nanos);
    json_put_int(&c->out, "as", size_drawn(at, s, 2));
    json_put_string(&c->out, "bx", "V");
    json_put_decimal_number(&c->out, "bp", q.bid.nanos);
    json_put_int(&c->out, "bs", size_drawn(at, s, 3));
    put_conditions(&c->out, "R");
    json_object_end(&c->out);
}

static void write_bar(struct json_out *o, int64_t at, const struct market_bar *b)
{
    int64_t sum = b->open.nanos / 4 + b->high.nanos / 4 + b->low.nanos / 4 + b->close.nanos / 4;
    json_object_begin(o);
    json_put_when(o, "t", at);
    json_put_decimal_number(o, "o", b->open.nanos);
    json_put_decimal_number(o, "h", b->high.nanos);
    json_put_decimal_number(o, "l", b->low.nanos);
    json_put_decimal_number(o, "c", b->close.nanos);
    json_put_int(o, "v", b->volume);
    json_put_int(o, "n", 1 + b->volume / 200);
    json_put_decimal_number(o, "vw", sum / 1000 * 1000);
    json_object_end(o);
}

static void write_minute(struct sim_call *c, const struct market_symbol *s)
{
    int64_t last = print_time(c), start = last / MINUTE_NS * MINUTE_NS;
    struct market_bar b = {0};
    for (int i = 0; i <= MINUTE_LOOKS; i++) {
        struct market_quote q;
        market_quote(c->sim->market, s, start + (last - start) / MINUTE_LOOKS * i, &q);
        b.open = i == 0 ? q.last : b.open;
        b.high = i == 0 || q.last.nanos > b.high.nanos ? q.last : b.high;
        b.low = i == 0 || q.last.nanos < b.low.nanos ? q.last : b.low;
        b.close = q.last;
    }
    size_t days = market_history_count(c->sim->market, s, c->now);
    if (days > 0)
        b.volume = market_history_at(c->sim->market, s, days - 1, true).volume / SESSION_MINUTES;
    write_bar(&c->out, start, &b);
}

void sim_data_trades(struct sim_call *c)
{
    latest(c, "trades", write_trade);
}

void sim_data_quotes(struct sim_call *c)
{
    latest(c, "quotes", write_quote);
}

void sim_data_latest_bars(struct sim_call *c)
{
    latest(c, "bars", write_minute);
}

// Daily history.

struct bars_query {
    char symbols[SIM_TEXT_MAX], from_symbol[SYMBOL_MAX]; // from_symbol, from_at: where this page begins
    int64_t start, end, limit, from_at;
    bool split, descending;
};

static bool bad_bars(struct sim_call *c, const char *what, const char *value)
{
    sim_refuse(c, 400, 0, "invalid %s: %.64s", what, value);
    return false;
}

// "U1BZfER8..." is what Alpaca's tokens look like; ours is plain hex of "SPY|1700000000".
static bool token_read(const char *token, struct bars_query *b)
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
    return str_copy(b->from_symbol, sizeof b->from_symbol, text) && str_int64(bar + 1, 0, INT64_MAX, &b->from_at);
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
        return bad_bars(c, name, text);
    *ns = end ? day_at(day_add(d, 1), 0) - 1 : day_at(d, 0); // a plain end date includes its bar
    return true;
}

static bool read_bars_query(struct sim_call *c, struct bars_query *b)
{
    char text[SIM_TEXT_MAX];
    if (!read_symbols(c, b->symbols))
        return false;
    if (!sim_param(c, "timeframe", text) || (strcmp(text, "1Day") != 0 && strcmp(text, "1D") != 0))
        return bad_bars(c, "timeframe", "only 1Day is served by this simulator");
    if (sim_param(c, "adjustment", text)) {
        if (strcmp(text, "raw") != 0 && strcmp(text, "split") != 0 && strcmp(text, "all") != 0)
            return bad_bars(c, "adjustment", text);
        b->split = strcmp(text, "raw") != 0; // there are no dividends here: all is split
    }
    b->descending = sim_param(c, "sort", text) && strcmp(text, "desc") == 0;
    b->start = day_at(day_of(c->now), 0);
    b->end = c->now;
    b->limit = BARS_DEFAULT;
    if (sim_param(c, "limit", text) && !str_int64(text, 1, BARS_MAX, &b->limit))
        return bad_bars(c, "limit", text);
    if (sim_param(c, "page_token", text) && !token_read(text, b))
        return bad_bars(c, "page_token", text);
    return bound_param(c, "start", false, &b->start) && bound_param(c, "end", true, &b->end);
}

// Writes the symbol's bars until the page is full; the instant of the first bar that no longer fitted, or -1.
static int64_t write_history(struct sim_call *c, const struct market_symbol *s, const struct bars_query *b,
                             int64_t *left)
{
    size_t count = market_history_count(c->sim->market, s, c->now);
    bool resumed = strcmp(market_symbol_name(s), b->from_symbol) == 0, begun = false;
    int64_t rest = -1;
    for (size_t i = 0; i < count && rest < 0; i++) {
        struct market_bar bar = market_history_at(c->sim->market, s, b->descending ? count - 1 - i : i, b->split);
        int64_t at = day_at(bar.date, 0);
        if (at < b->start || at > b->end || (resumed && (b->descending ? at > b->from_at : at < b->from_at)))
            continue;
        if (*left == 0) {
            rest = at;
            break;
        }
        if (!begun) {
            json_key(&c->out, market_symbol_name(s));
            json_array_begin(&c->out);
            begun = true;
        }
        write_bar(&c->out, at, &bar);
        --*left;
    }
    if (begun)
        json_array_end(&c->out);
    return rest;
}

void sim_data_bars(struct sim_call *c)
{
    struct bars_query b = {0};
    if (!read_bars_query(c, &b))
        return;
    int64_t left = b.limit, rest = -1;
    const struct market_symbol *rest_of = NULL;
    json_object_begin(&c->out);
    json_key(&c->out, "bars");
    json_object_begin(&c->out);
    for (size_t i = 0; i < market_symbol_count(c->sim->market) && rest < 0; i++) {
        const struct market_symbol *s = market_symbol_at(c->sim->market, i);
        if (!sim_csv_has(b.symbols, market_symbol_name(s)) || strcmp(market_symbol_name(s), b.from_symbol) < 0)
            continue;
        rest = write_history(c, s, &b, &left);
        rest_of = s;
    }
    json_object_end(&c->out);
    if (rest >= 0)
        token_write(&c->out, rest_of, rest);
    else
        json_put_null(&c->out, "next_page_token");
    json_object_end(&c->out);
}
