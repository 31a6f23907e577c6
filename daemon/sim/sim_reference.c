// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What holds for everybody: assets, clocks and calendars of both versions.
#include <stdio.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

#define EXCHANGES "AMEX,ARCA,BATS,NYSE,NASDAQ,NYSEARCA,OTC"

// Assets.

void sim_assets_list(struct sim_call *c)
{
    char status[SIM_TEXT_MAX] = "", kind[SIM_TEXT_MAX] = "us_equity", exchange[SIM_TEXT_MAX] = "", text[SIM_TEXT_MAX];
    bool filtered = sim_param(c, "status", status), listed = sim_param(c, "exchange", exchange);
    bool none = sim_param(c, "attributes", text); // no asset here has one
    if (sim_param(c, "asset_class", kind))
        none = none || strcmp(kind, "us_equity") != 0;
    if (filtered && !sim_csv_has("active,inactive", status)) {
        sim_refuse(c, 422, 40010001, "invalid status: %.32s", status);
        return;
    }
    if (listed && !sim_csv_has(EXCHANGES, exchange)) {
        sim_refuse(c, 422, 40010001, "invalid exchange: %.32s", exchange);
        return;
    }
    json_array_begin(&c->out);
    for (size_t i = 0; !none && i < market_symbol_count(c->sim->market); i++) {
        const struct market_symbol *s = market_symbol_at(c->sim->market, i);
        bool inactive = exchange_marks(c->sim->exchange, s)->inactive;
        if ((filtered && inactive != (strcmp(status, "inactive") == 0)) ||
            (listed && strcmp(sim_exchange_name(s), exchange) != 0))
            continue;
        sim_json_asset(&c->out, c->sim, s);
    }
    json_array_end(&c->out);
}

void sim_assets_get(struct sim_call *c)
{
    const struct market_symbol *s = market_find(c->sim->market, c->part);
    if (s == NULL)
        sim_refuse(c, 404, 40410000, "asset not found for %.64s", c->part);
    else
        sim_json_asset(&c->out, c->sim, s);
}

// Clock and calendar of the exchange.

void sim_clock(struct sim_call *c)
{
    sim_json_clock(&c->out, c->sim->market, c->now);
}

// A plain date or the New York date of an instant. False after a refusal.
static bool day_param(struct sim_call *c, const char *name, int status, struct day *d)
{
    char text[SIM_TEXT_MAX];
    int64_t ns;
    if (!sim_param(c, name, text) || day_parse(text, d))
        return true;
    if (when_parse(text, &ns)) {
        *d = day_of(ns);
        return true;
    }
    sim_refuse(c, status, status == 400 ? 0 : 40010001, "invalid %s: %.64s (expected YYYY-MM-DD)", name, text);
    return false;
}

// To the years that the exchange's calendar knows.
static const struct day first_day = {1990, 1, 1}, last_day = {2029, 12, 31};

static void clip(struct day *from, struct day *to)
{
    *from = day_compare(*from, first_day) < 0 ? first_day : *from;
    *to = day_compare(*to, last_day) > 0 ? last_day : *to;
}

void sim_calendar(struct sim_call *c)
{
    char text[SIM_TEXT_MAX];
    struct day from = first_day, to = last_day;
    struct market_session s, settles;
    if (!day_param(c, "start", 422, &from) || !day_param(c, "end", 422, &to))
        return;
    bool settlement = sim_param(c, "date_type", text) && strcmp(text, "SETTLEMENT") == 0;
    if (sim_param(c, "date_type", text) && !sim_csv_has("TRADING,SETTLEMENT", text)) {
        sim_refuse(c, 422, 40010001, "invalid date_type: %.32s", text);
        return;
    }
    clip(&from, &to);
    json_array_begin(&c->out);
    for (struct day d = settlement ? day_add(from, -14) : from; day_compare(d, to) <= 0; d = day_add(d, 1)) {
        if (!market_day_session(c->sim->market, d, &s))
            continue;
        market_session_after(c->sim->market, &s, &settles);
        struct day by = settlement ? settles.date : d;
        if (day_compare(by, from) >= 0 && day_compare(by, to) <= 0)
            sim_json_calendar_day(&c->out, c->sim->market, &s);
    }
    json_array_end(&c->out);
}

// The versions for several markets. There are two here, of the same hours.

static const struct {
    const char *acronym, *mic, *name;
} venues[] = {{"NYSE", "XNYS", "New York Stock Exchange"}, {"NASDAQ", "XNAS", "NASDAQ"}};

static void put_venue(struct json_out *o, size_t i)
{
    json_key(o, "market");
    json_object_begin(o);
    json_put_string(o, "mic", venues[i].mic);
    json_put_string(o, "acronym", venues[i].acronym);
    json_put_string(o, "name", venues[i].name);
    json_put_string(o, "timezone", "America/New_York");
    json_object_end(o);
}

static bool venue_is(size_t i, const char *word)
{
    return strcmp(word, venues[i].acronym) == 0 || strcmp(word, venues[i].mic) == 0;
}

static void put_local(struct json_out *o, const char *key, int64_t ns)
{
    char text[WHEN_TEXT_MAX];
    json_put_string(o, key, when_format_ny(ns, text));
}

static void put_venue_clock(struct sim_call *c, size_t i, int64_t at)
{
    struct market *m = c->sim->market;
    struct market_session s, next;
    int64_t until;
    enum market_phase phase = market_phase_at(m, at, &until);
    bool market_day = market_day_session(m, day_of(at), &next);
    market_session_at(m, at, &s);
    market_session_after(m, &s, &next);
    json_object_begin(&c->out);
    put_venue(&c->out, i);
    put_local(&c->out, "timestamp", at);
    json_put_bool(&c->out, "is_market_day", market_day);
    put_local(&c->out, "next_market_open", at >= s.open_ns ? next.open_ns : s.open_ns);
    put_local(&c->out, "next_market_close", s.close_ns);
    json_put_string(&c->out, "phase", market_phase_name(phase));
    put_local(&c->out, "phase_until", until);
    json_object_end(&c->out);
}

void sim_clock_of_markets(struct sim_call *c)
{
    char text[SIM_TEXT_MAX], markets[SIM_TEXT_MAX] = "";
    int64_t at = c->now;
    if (sim_param(c, "time", text) && !when_parse(text, &at)) {
        sim_refuse(c, 400, 0, "invalid time: %.64s", text);
        return;
    }
    bool some = sim_param(c, "markets", markets), found = false;
    for (size_t i = 0; i < ARRAY_LEN(venues); i++)
        found = found || !some || sim_csv_has(markets, venues[i].acronym) || sim_csv_has(markets, venues[i].mic);
    if (!found) {
        sim_refuse(c, 400, 0, "invalid markets: %.64s (this simulator knows NYSE and NASDAQ)", markets);
        return;
    }
    json_object_begin(&c->out);
    json_key(&c->out, "clocks");
    json_array_begin(&c->out);
    for (size_t i = 0; i < ARRAY_LEN(venues); i++)
        if (!some || sim_csv_has(markets, venues[i].acronym) || sim_csv_has(markets, venues[i].mic))
            put_venue_clock(c, i, at);
    json_array_end(&c->out);
    json_object_end(&c->out);
}

static void put_phases(struct sim_call *c, const struct market_session *s, bool utc)
{
    struct market_session settles;
    int open_s, close_s;
    market_extended(c->sim->market, s, &open_s, &close_s);
    market_session_after(c->sim->market, s, &settles);
    const struct {
        const char *key;
        int64_t at;
    } times[] = {{"pre_start", day_at(s->date, open_s)},
                 {"pre_end", s->open_ns},
                 {"core_start", s->open_ns},
                 {"core_end", s->close_ns},
                 {"post_start", s->close_ns},
                 {"post_end", close_s == s->close_s ? s->close_ns : day_at(s->date, close_s)}};
    json_object_begin(&c->out);
    json_key(&c->out, "date");
    json_add_day(&c->out, s->date);
    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        if (utc)
            json_put_when(&c->out, times[i].key, times[i].at);
        else
            put_local(&c->out, times[i].key, times[i].at);
    json_key(&c->out, "settlement_date");
    json_add_day(&c->out, settles.date);
    json_object_end(&c->out);
}

void sim_calendar_of_market(struct sim_call *c)
{
    char zone[SIM_TEXT_MAX];
    struct day from = day_of(c->now), to;
    struct market_session s;
    size_t i = 0;
    while (i < ARRAY_LEN(venues) && !venue_is(i, c->part))
        i++;
    if (i == ARRAY_LEN(venues)) {
        sim_refuse(c, 400, 0, "invalid market: %.32s (this simulator knows NYSE and NASDAQ)", c->part);
        return;
    }
    if (!day_param(c, "start", 400, &from))
        return;
    to = day_add(from, 7);
    if (!day_param(c, "end", 400, &to) || !sim_word_param(c, "timezone", "UTC", false))
        return;
    clip(&from, &to);
    json_object_begin(&c->out);
    put_venue(&c->out, i);
    json_key(&c->out, "calendar");
    json_array_begin(&c->out);
    for (struct day d = from; day_compare(d, to) <= 0; d = day_add(d, 1))
        if (market_day_session(c->sim->market, d, &s))
            put_phases(c, &s, sim_param(c, "timezone", zone));
    json_array_end(&c->out);
    json_object_end(&c->out);
}
