// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Trades and quotes: the latest ones, and a history drawn onto the price path (one trade in ten seconds, one quote in
// five).
#include <string.h>

#include "daemon/sim/sim_internal.h"

#define TRADE_STEP_S 10
#define QUOTE_STEP_S 5
#define DAYS_BACK 14

int64_t sim_print_time(struct sim_call *c)
{
    struct market_session s;
    market_session_at(c->sim->market, c->now, &s);
    if (c->now >= s.open_ns)
        return c->now;
    struct day d = day_of(c->now);
    for (int i = 0; i < DAYS_BACK; i++, d = day_add(d, -1))
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

static void put_trade(struct sim_call *c, const struct market_symbol *s, int64_t at, struct price last)
{
    json_object_begin(&c->out);
    json_put_when(&c->out, "t", at);
    json_put_string(&c->out, "x", "V");
    json_put_decimal_number(&c->out, "p", last.nanos);
    json_put_int(&c->out, "s", size_drawn(at, s, 1));
    json_put_int(&c->out, "i", at / NS_PER_MS);
    put_conditions(&c->out, "@");
    json_object_end(&c->out);
}

static void put_quote(struct sim_call *c, const struct market_symbol *s, int64_t at, const struct market_quote *q)
{
    json_object_begin(&c->out);
    json_put_when(&c->out, "t", at);
    json_put_string(&c->out, "ax", "V");
    json_put_decimal_number(&c->out, "ap", q->ask.nanos);
    json_put_int(&c->out, "as", size_drawn(at, s, 2));
    json_put_string(&c->out, "bx", "V");
    json_put_decimal_number(&c->out, "bp", q->bid.nanos);
    json_put_int(&c->out, "bs", size_drawn(at, s, 3));
    put_conditions(&c->out, "R");
    json_object_end(&c->out);
}

void sim_trade_write(struct sim_call *c, const struct market_symbol *s)
{
    struct market_quote q;
    market_quote(c->sim->market, s, c->now, &q);
    put_trade(c, s, sim_print_time(c), q.last);
}

void sim_quote_write(struct sim_call *c, const struct market_symbol *s)
{
    struct market_quote q;
    market_quote(c->sim->market, s, c->now, &q);
    put_quote(c, s, sim_print_time(c), &q);
}

// History.

static bool next_tick(struct sim_series *s, int64_t *at)
{
    if (!sim_grid_next(s))
        return false;
    const struct sim_grid *g = &s->grid;
    uint64_t draw =
        draw3(draw_text(market_symbol_name(s->symbol)), (uint64_t)(g->at / NS_PER_S), (uint64_t)g->step_s, 4);
    *at = g->from + draw_below(draw, g->step_s * NS_PER_S);
    return true;
}

// A tick of the step that is not over may lie ahead: it has not happened yet (the span ends now at the latest).
static void write_trade(struct sim_series *s, int64_t at)
{
    struct market_quote q;
    market_quote(s->call->sim->market, s->symbol, at, &q);
    put_trade(s->call, s->symbol, at, q.last);
}

static void write_quote(struct sim_series *s, int64_t at)
{
    struct market_quote q;
    market_quote(s->call->sim->market, s->symbol, at, &q);
    put_quote(s->call, s->symbol, at, &q);
}

static void trades_open(struct sim_series *s)
{
    s->next = next_tick;
    s->write = write_trade;
    sim_grid_open(s, TRADE_STEP_S);
}

static void quotes_open(struct sim_series *s)
{
    s->next = next_tick;
    s->write = write_quote;
    sim_grid_open(s, QUOTE_STEP_S);
}

void sim_data_trades(struct sim_call *c)
{
    struct sim_span p = {0};
    if (sim_span_read(c, &p))
        sim_span_write(c, &p, "trades", trades_open, NULL);
}

void sim_data_quotes(struct sim_call *c)
{
    struct sim_span p = {0};
    if (sim_span_read(c, &p))
        sim_span_write(c, &p, "quotes", quotes_open, NULL);
}

// What the letters mean.

void sim_data_exchanges(struct sim_call *c)
{
    json_object_begin(&c->out);
    json_put_string(&c->out, "V", "IEX");
    json_object_end(&c->out);
}

void sim_data_conditions(struct sim_call *c)
{
    bool trade = strcmp(c->part, "trade") == 0;
    if (!trade && strcmp(c->part, "quote") != 0) {
        sim_data_refuse(c, "ticktype", c->part);
        return;
    }
    if (!sim_word_param(c, "tape", "A,B,C", true))
        return;
    json_object_begin(&c->out);
    json_put_string(&c->out, trade ? "@" : "R", trade ? "Regular Sale" : "Regular Two-Sided Open Quote");
    json_object_end(&c->out);
}
