// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Stock data as it is now: latest trades, quotes and minute bars, and snapshots, for several symbols or one. Decimals
// are JSON numbers here.
#include <stdio.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

#define MINUTE_NS (60 * NS_PER_S)
#define LOOKS 12
#define FEEDS "iex,sip,delayed_sip,otc,boats,overnight"

typedef void symbol_fn(struct sim_call *c, const struct market_symbol *s);

static bool read_latest(struct sim_call *c, char symbols[SIM_SYMBOLS_MAX])
{
    return sim_symbols_read(c, symbols) && sim_word_param(c, "feed", FEEDS, false) &&
           sim_word_param(c, "currency", "USD", false);
}

// {"<many>":{"SPY":{...},...}}: symbols that are not known are simply missing. Without a name the symbols stand alone.
static void latest_of_many(struct sim_call *c, const char *symbols, const char *many, symbol_fn *write)
{
    json_object_begin(&c->out);
    if (many != NULL) {
        json_key(&c->out, many);
        json_object_begin(&c->out);
    }
    const struct market_symbol *asked[SIM_WORDS_MAX];
    size_t count = sim_symbols_known(c, symbols, asked);
    for (size_t i = 0; i < count; i++) {
        json_key(&c->out, market_symbol_name(asked[i]));
        write(c, asked[i]);
    }
    json_object_end(&c->out);
    if (many != NULL)
        json_object_end(&c->out);
}

static void latest(struct sim_call *c, const char *many, const char *one, symbol_fn *write)
{
    char symbols[SIM_SYMBOLS_MAX];
    if (!read_latest(c, symbols))
        return;
    if (*c->part == '\0') {
        latest_of_many(c, symbols, many, write);
        return;
    }
    const struct market_symbol *s = market_find(c->sim->market, symbols);
    if (s == NULL) {
        sim_refuse(c, 404, 0, "no %s found for %.32s", one, symbols);
        return;
    }
    json_object_begin(&c->out);
    json_put_string(&c->out, "symbol", symbols);
    json_key(&c->out, one);
    write(c, s);
    json_object_end(&c->out);
}

static void write_minute(struct sim_call *c, const struct market_symbol *s)
{
    int64_t last = sim_print_time(c);
    last -= last < c->now; // closed: the session's last minute
    int64_t start = last / MINUTE_NS * MINUTE_NS;
    struct market_bar b = sim_bar_of_path(c, s, start, last + 1, LOOKS);
    sim_bar_write(&c->out, start, &b);
}

void sim_data_latest_trades(struct sim_call *c)
{
    latest(c, "trades", "trade", sim_trade_write);
}

void sim_data_latest_quotes(struct sim_call *c)
{
    latest(c, "quotes", "quote", sim_quote_write);
}

void sim_data_latest_bars(struct sim_call *c)
{
    latest(c, "bars", "bar", write_minute);
}

// Snapshots.

static void put_day(struct sim_call *c, const struct market_symbol *s, const char *name, int before)
{
    struct market_bar bar;
    int64_t at;
    if (!sim_bar_of_day(c, s, before, &at, &bar))
        return;
    json_key(&c->out, name);
    sim_bar_write(&c->out, at, &bar);
}

static void put_snapshot(struct sim_call *c, const struct market_symbol *s)
{
    json_key(&c->out, "latestTrade");
    sim_trade_write(c, s);
    json_key(&c->out, "latestQuote");
    sim_quote_write(c, s);
    json_key(&c->out, "minuteBar");
    write_minute(c, s);
    put_day(c, s, "dailyBar", 0);
    put_day(c, s, "prevDailyBar", 1);
}

static void write_snapshot(struct sim_call *c, const struct market_symbol *s)
{
    json_object_begin(&c->out);
    put_snapshot(c, s);
    json_object_end(&c->out);
}

void sim_data_snapshots(struct sim_call *c)
{
    char symbols[SIM_SYMBOLS_MAX];
    if (!read_latest(c, symbols))
        return;
    if (*c->part == '\0') {
        latest_of_many(c, symbols, NULL, write_snapshot);
        return;
    }
    const struct market_symbol *s = market_find(c->sim->market, symbols);
    if (s == NULL) {
        sim_refuse(c, 404, 0, "no snapshot found for %.32s", symbols);
        return;
    }
    json_object_begin(&c->out);
    json_put_string(&c->out, "symbol", symbols);
    put_snapshot(c, s);
    json_object_end(&c->out);
}
